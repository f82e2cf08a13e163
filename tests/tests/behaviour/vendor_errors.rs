//! The vendors' error codes: what each becomes, and how many calls it costs.

use serde_json::{Value, json};
use tokio::task::JoinSet;
use upload_grant_tests::{Answer, Function, sandbox, service, upload};

/// Code, status, retryable.
type Expected = (&'static str, u16, bool);

pub(crate) const THROTTLED: Expected = ("vendor_throttled", 429, true);
pub(crate) const UNAVAILABLE: Expected = ("vendor_unavailable", 503, true);
pub(crate) const AUTH: Expected = ("vendor_auth_failed", 502, false);
pub(crate) const SKEW: Expected = ("vendor_clock_skew", 502, true);
pub(crate) const REJECTED: Expected = ("vendor_rejected", 422, false);
pub(crate) const BAD: Expected = ("vendor_bad_response", 502, false);
const UNSUBSCRIBED: Expected = ("vendor_not_subscribed", 502, false);
const UPLOAD_FAILED: Expected = ("upload_failed", 502, true);

/// A vendor that always answers this.
pub(crate) struct Case {
    pub(crate) flow: &'static str,
    pub(crate) env: &'static [(&'static str, &'static str)],
    /// `path_contains` and what goes wrong.
    pub(crate) fault: Value,
    pub(crate) expected: Expected,
    /// Calls of the path that fails.
    pub(crate) calls: u64,
}

pub(crate) const SUCCESSOR: &[(&str, &str)] = &[("WORKORDER_API", "2021-06-10")];
pub(crate) const DIRECT: &[(&str, &str)] = &[("AICONTENT_TRANSPORT", "ssapi")];

/// Asks for a grant; where that makes no vendor call, uploads.
pub(crate) async fn attempt(function: &Function, flow: &str) -> Answer {
    let filename = match flow {
        "alibaba-aicontent" => "a.wav",
        "tencent-lke" | "alibaba-workorder" => "a.pdf",
        _ => "a.jpg",
    };
    let answer = function.ask(&json!({ "filename": filename })).await;
    if flow != "huawei-aicc" || answer.status != 200 {
        return answer;
    }
    upload(&answer.json, b"hello").await
}

/// Runs the cases side by side: most of their time is spent waiting to try again.
pub(crate) async fn run(cases: Vec<Case>) {
    let mut all = JoinSet::new();
    for case in cases {
        all.spawn(async move {
            let sandbox = sandbox().await;
            let vendor =
                if case.env == DIRECT { upload_grant_tests::Service::Ssapi } else { service(case.flow) };
            let mut fault = case.fault.clone();
            fault["target"] = vendor.name().into();
            sandbox.fault(fault);
            let function = Function::of(case.flow, &sandbox, case.env).await;
            let answer = attempt(&function, case.flow).await;
            let shown = format!("{} {:?} {}: {}", case.flow, case.env, case.fault, answer.text);
            let (code, status, retryable) = case.expected;
            assert_eq!(answer.problem(), (status, code), "{shown}");
            assert_eq!(answer.json["retryable"], retryable, "{shown}");
            // Vendors' messages echo keys and strings to sign.
            assert!(!answer.text.contains("LEAK"), "{shown}");
            let calls = match case.fault["path_contains"].as_str() {
                Some(action) => sandbox.action_calls(vendor, action),
                None => sandbox.calls(vendor),
            };
            assert_eq!(calls, case.calls, "{shown}");
        });
    }
    all.join_all().await;
}

fn answers(flow: &'static str, status: u16, body: &Value, expected: Expected, calls: u64) -> Case {
    let fault = json!({ "raw": { "status": status, "body": body.to_string() } });
    Case { flow, env: &[], fault, expected, calls }
}

/// The gateway's error document.
fn gateway(code: &str) -> Value {
    let mut document: Value =
        serde_json::from_str(include_str!("../../replies/alibaba-chatapp/limited.json")).expect("JSON");
    document["Code"] = code.into();
    document
}

#[tokio::test]
async fn codes_of_the_alibaba_gateway() {
    let table = [
        (400, "Throttling", THROTTLED, 3),
        (400, "Throttling.User", THROTTLED, 3),
        (429, "Throttling.Api", THROTTLED, 3),
        (400, "System.LimitControl", THROTTLED, 3),
        (503, "ServiceUnavailable", UNAVAILABLE, 3),
        (500, "InternalError", UNAVAILABLE, 3),
        (500, "Whatever.Unknown", UNAVAILABLE, 3),
        (400, "SignatureNonceUsed", UNAVAILABLE, 2),
        (400, "InvalidTimeStamp.Expired", SKEW, 2),
        (400, "IllegalTimestamp", SKEW, 2),
        (400, "InvalidTimeStamp.Format", SKEW, 2),
        (400, "SignatureDoesNotMatch", AUTH, 1),
        (403, "SignatureDoesNotMatch", AUTH, 1),
        (400, "IncompleteSignature", AUTH, 1),
        (404, "InvalidAccessKeyId.NotFound", AUTH, 1),
        (400, "InvalidAccessKeyId.Inactive", AUTH, 1),
        (400, "InvalidSecurityToken.Expired", AUTH, 1),
        (400, "InvalidSecurityToken.Malformed", AUTH, 1),
        (400, "MissingAccessKeyId", AUTH, 1),
        (403, "Forbidden", AUTH, 1),
        (403, "Forbidden.RAM", AUTH, 1),
        (403, "NoPermission", AUTH, 1),
        (400, "Ram.PermissionDeny", AUTH, 1),
        (400, "Product.Unsubscript", UNSUBSCRIBED, 1),
        (400, "Unknown.ResourceOwnerId", REJECTED, 1),
        (400, "MissingCustSpaceId", REJECTED, 1),
        (400, "InvalidParameter.CustSpaceId", REJECTED, 1),
        (404, "InvalidAction.NotFound", REJECTED, 1),
        (400, "InvalidVersion", REJECTED, 1),
    ];
    let mut cases = Vec::new();
    for (status, code, expected, calls) in table {
        for flow in ["alibaba-chatapp", "alibaba-workorder", "alibaba-aicontent"] {
            // The tickets' action has a second spelling, which is tried once.
            let other_spelling = code.starts_with("InvalidAction") && flow == "alibaba-workorder";
            cases.push(answers(flow, status, &gateway(code), expected, calls + u64::from(other_spelling)));
        }
    }
    run(cases).await;
}

#[tokio::test]
async fn failures_inside_a_success() {
    let (chatapp, workorder) = ("alibaba-chatapp", "alibaba-workorder");
    let mut cases = vec![
        answers(chatapp, 200, &gateway("Product.Unsubscript"), UNSUBSCRIBED, 1),
        answers(chatapp, 200, &gateway("System.LimitControl"), THROTTLED, 3),
        answers(chatapp, 200, &gateway("Anything"), REJECTED, 1),
    ];
    for (code, expected, calls) in [
        (json!(-153), UNAVAILABLE, 3),
        (json!("-153"), UNAVAILABLE, 3),
        (json!("SYSTEM_BUSY"), UNAVAILABLE, 3),
        (json!(-121), AUTH, 1),
        (json!("ILLEGAL_AUTH"), AUTH, 1),
        (json!(-101), REJECTED, 1),
        (json!("ILLEGAL_PARAM"), REJECTED, 1),
        (json!(-104), REJECTED, 1),
        (json!("ILLEGAL_PARAM_EMPTY"), REJECTED, 1),
    ] {
        let lower = json!({ "success": false, "code": code, "message": "LEAK" });
        let pascal = json!({ "Success": "false", "Code": code, "Message": "LEAK", "Data": {} });
        cases.push(answers(workorder, 200, &lower, expected, calls));
        cases.push(answers(workorder, 200, &pascal, expected, calls));
    }
    for (status, code, expected, calls) in [
        (400, "param.illegal", REJECTED, 1),
        (401, "illegal.auth", AUTH, 1),
        (500, "System.error", UNAVAILABLE, 3),
        (200, "System.error", UNAVAILABLE, 3),
    ] {
        let body = json!({ "Code": code, "Success": false, "Message": "LEAK" });
        cases.push(Case { env: SUCCESSOR, ..answers(workorder, status, &body, expected, calls) });
    }
    let failure =
        serde_json::from_str(include_str!("../../replies/alibaba-aicontent/failure.json")).expect("JSON");
    cases.push(answers("alibaba-aicontent", 200, &failure, REJECTED, 1));
    let bad_sign = include_str!("../../replies/alibaba-aicontent/authorize-bad-sign.json");
    let bad_sign = serde_json::from_str(bad_sign).expect("JSON");
    for (body, expected) in [(bad_sign, AUTH), (json!({ "code": 430_002, "message": "LEAK" }), REJECTED)] {
        cases.push(Case { env: DIRECT, ..answers("alibaba-aicontent", 200, &body, expected, 1) });
    }
    run(cases).await;
}

#[tokio::test]
async fn codes_of_tencent() {
    let mut document: Value =
        serde_json::from_str(include_str!("../../replies/tencent-lke/error.json")).expect("JSON");
    document["Response"]["Error"]["Message"] = "LEAK of a message".into();
    let mut cases = Vec::new();
    for (code, expected, calls) in [
        ("RequestLimitExceeded", THROTTLED, 3),
        ("RequestLimitExceeded.UinLimitExceeded", THROTTLED, 3),
        ("RequestLimitExceeded.GlobalRegionUinLimitExceeded", THROTTLED, 3),
        ("RequestLimitExceeded.IPLimitExceeded", THROTTLED, 3),
        ("InternalError", UNAVAILABLE, 3),
        ("InternalError.Sub", UNAVAILABLE, 3),
        ("ServiceUnavailable", UNAVAILABLE, 3),
        ("ResourceUnavailable", UNAVAILABLE, 3),
        ("AuthFailure.SignatureExpire", SKEW, 2),
        ("AuthFailure.SignatureFailure", AUTH, 1),
        ("AuthFailure.SecretIdNotFound", AUTH, 1),
        ("AuthFailure.InvalidSecretId", AUTH, 1),
        ("AuthFailure.InvalidAuthorization", AUTH, 1),
        ("AuthFailure.TokenFailure", AUTH, 1),
        ("AuthFailure.MFAFailure", AUTH, 1),
        ("AuthFailure.UnauthorizedOperation", AUTH, 1),
        ("UnauthorizedOperation", AUTH, 1),
        ("UnauthorizedOperation.New", AUTH, 1),
        ("IpInBlacklist", AUTH, 1),
        ("IpNotInWhitelist", AUTH, 1),
        ("FailedOperation", REJECTED, 1),
        ("InvalidParameter", REJECTED, 1),
        ("InvalidParameterValue.BotBizId", REJECTED, 1),
        ("MissingParameter", REJECTED, 1),
        ("UnknownParameter", REJECTED, 1),
        ("InvalidAction", REJECTED, 1),
        ("NoSuchVersion", REJECTED, 1),
        ("UnsupportedRegion", REJECTED, 1),
        ("LimitExceeded", REJECTED, 1),
        ("ResourceNotFound", REJECTED, 1),
        ("SomethingNew", REJECTED, 1),
    ] {
        document["Response"]["Error"]["Code"] = code.into();
        cases.push(answers("tencent-lke", 200, &document, expected, calls));
    }
    document["Response"]["Error"] = json!({});
    cases.push(answers("tencent-lke", 200, &document, BAD, 1));
    run(cases).await;
}

#[tokio::test]
async fn codes_of_huawei() {
    let gateway = json!({ "errorCode": "0", "exceptionInfo": "LEAK of a message" });
    let mut cases = Vec::new();
    for (action, status, body, expected, calls) in [
        ("tokenByAkSk", 401, gateway.clone(), AUTH, 1),
        ("tokenByAkSk", 403, gateway.clone(), AUTH, 1),
        ("tokenByAkSk", 400, gateway.clone(), REJECTED, 1),
        ("tokenByAkSk", 500, gateway.clone(), UNAVAILABLE, 3),
        ("tokenByAkSk", 429, gateway.clone(), THROTTLED, 3),
        ("tokenByAkSk", 200, json!({ "Expires": "600" }), BAD, 1),
        ("tokenByAkSk", 200, json!({ "AccessToken": "" }), BAD, 1),
        ("applyToken", 401, gateway.clone(), AUTH, 2),
        ("applyToken", 502, gateway.clone(), UNAVAILABLE, 3),
        ("applyToken", 200, json!({ "resultCode": "1" }), REJECTED, 1),
        ("applyToken", 200, json!({ "resultCode": "0" }), BAD, 1),
        ("applyToken", 200, json!({ "resultCode": "0", "token": "" }), BAD, 1),
        // The upload may have had its effect: it is not repeated, but for its tokens.
        ("uploadFileStream", 401, gateway.clone(), AUTH, 2),
        ("uploadFileStream", 400, gateway.clone(), REJECTED, 1),
        ("uploadFileStream", 500, gateway.clone(), UNAVAILABLE, 1),
        ("uploadFileStream", 429, gateway.clone(), THROTTLED, 3),
        ("uploadFileStream", 200, json!({ "returnCode": "2" }), REJECTED, 1),
        ("uploadFileStream", 200, json!({ "returnCode": 3 }), REJECTED, 1),
        ("uploadFileStream", 200, json!({ "resultCode": "99" }), REJECTED, 1),
        ("uploadFileStream", 200, json!({ "returnCode": "13" }), UPLOAD_FAILED, 2),
        ("uploadFileStream", 200, json!({ "returnCode": "0" }), BAD, 1),
        ("uploadFileStream", 200, json!({ "returnCode": "0", "objectKey": "" }), BAD, 1),
        ("uploadFileStream", 200, json!({ "objectKey": "k" }), BAD, 1),
    ] {
        let mut case = answers("huawei-aicc", status, &body, expected, calls);
        case.fault["path_contains"] = action.into();
        cases.push(case);
    }
    run(cases).await;
}
