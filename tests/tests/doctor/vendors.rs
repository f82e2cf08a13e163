//! What a vendor can object to: each with its code, and with what to do about it.

use serde_json::{Value, json};
use upload_grant_tests::{Sandbox, sandbox};

use crate::run::Run;

type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], Option<Value>, &'a str, &'a str);

/// The vendor's call fails with this code and advice, and nothing is uploaded.
async fn objects(sandbox: &Sandbox, (flow, extra, fault, code, advice): Case<'_>) {
    sandbox.reset();
    if let Some(fault) = fault {
        sandbox.fault(fault);
    }
    let run = Run::json(flow, sandbox, extra).await;
    run.says("vendor.call", "fail", code, advice);
    assert!(sandbox.objects().is_empty() && run.with("skipped").contains(&"relay.grant"), "{}", run.stdout);
}

/// An answer in a vendor's name, with a message that must not be passed on.
fn says(target: &str, status: u16, mut body: Value) -> Option<Value> {
    body["Message"] = "canary of this test".into();
    Some(json!({ "target": target, "raw": { "status": status, "body": body.to_string() } }))
}

#[tokio::test]
async fn alibaba_keys_and_permissions() {
    let sandbox = sandbox().await;
    let wrong = [("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "not-the-secret-of-it")];
    let unknown = [("ALIBABA_CLOUD_ACCESS_KEY_ID", "LTAI5tNobody")];
    let neutral =
        [("ALIBABA_ACCESS_KEY_ID", "LTAI5tNobody"), ("ALIBABA_ACCESS_KEY_SECRET", "not-the-secret")];
    let refused = |target| says(target, 403, json!({ "Code": "Forbidden.RAM", "RequestId": "R-1" }));
    for (flow, target, permission) in [
        ("alibaba-chatapp", "cams", "cams:GetChatappUploadAuthorization"),
        ("alibaba-workorder", "workorder", "AliyunSupportFullAccess"),
        ("alibaba-aicontent", "aicontent", "aicontent:CreateAccessWarrant"),
    ] {
        objects(
            &sandbox,
            (flow, &wrong, None, "vendor_auth_failed", "ALIBABA_CLOUD_ACCESS_KEY_SECRET is not"),
        )
        .await;
        objects(
            &sandbox,
            (flow, &unknown, None, "vendor_auth_failed", "ALIBABA_CLOUD_ACCESS_KEY_ID does not exist"),
        )
        .await;
        objects(
            &sandbox,
            (flow, &neutral, None, "vendor_auth_failed", "ALIBABA_ACCESS_KEY_ID does not exist"),
        )
        .await;
        objects(&sandbox, (flow, &[], refused(target), "vendor_auth_failed", permission)).await;
    }
    sandbox.reset();
    sandbox.fault(refused("cams").expect("a fault"));
    let run = Run::json("alibaba-chatapp", &sandbox, &[]).await;
    let seen = run.line("vendor.call")["seen"].as_str().expect("text").to_owned();
    assert!(seen.contains("(Forbidden.RAM, HTTP 403, request R-1)"), "{seen}");
}

#[tokio::test]
async fn alibaba_products() {
    let sandbox = sandbox().await;
    let cams = |code| says("cams", 400, json!({ "Code": code }));
    let odd = Some(json!({ "target": "cams", "raw": { "status": 200, "body": "<html>canary" } }));
    let unknown = [("CAMS_CUST_SPACE_ID", "unknown")];
    let chatapp = "alibaba-chatapp";
    for case in [
        (chatapp, &[][..], cams("Product.Unsubscript"), "vendor_not_subscribed", "subscribe Chat App"),
        (chatapp, &[], cams("System.LimitControl"), "vendor_throttled", "GRANT_VENDOR_RPS"),
        (chatapp, &unknown, None, "vendor_rejected", "CAMS_CUST_SPACE_ID"),
        (chatapp, &[], odd, "vendor_bad_response", "CAMS_ENDPOINT"),
        (chatapp, &[], cams("Something.New"), "vendor_rejected", "look the vendor's code up"),
    ] {
        objects(&sandbox, case).await;
    }
    let workorder = "alibaba-workorder";
    let answer = |code| says("workorder", 200, json!({ "success": false, "code": code }));
    let gateway = |code| says("workorder", 404, json!({ "Code": code }));
    for case in [
        (workorder, &[][..], answer("-121"), "vendor_auth_failed", "must be enabled"),
        (workorder, &[], answer("ILLEGAL_AUTH"), "vendor_auth_failed", "WORKORDER_API=2021-06-10"),
        (workorder, &[], gateway("InvalidVersion"), "vendor_rejected", "WORKORDER_API"),
        (workorder, &[], gateway("InvalidAction.NotFound"), "vendor_rejected", "WORKORDER_API"),
    ] {
        objects(&sandbox, case).await;
    }
    let aicontent = "alibaba-aicontent";
    let secret = [("AICONTENT_APP_SECRET", "not-the-secret-of-it")];
    let direct = [("AICONTENT_TRANSPORT", "ssapi"), secret[0]];
    let other = [("AICONTENT_APP_ID", "a9999")];
    let other_direct = [("AICONTENT_TRANSPORT", "ssapi"), other[0]];
    for case in [
        (aicontent, &secret[..], None, "vendor_auth_failed", "AICONTENT_SIGN=none"),
        (aicontent, &direct, None, "vendor_auth_failed", "AICONTENT_APP_SECRET"),
        (aicontent, &other, None, "vendor_rejected", "AICONTENT_APP_ID"),
        (aicontent, &other_direct, None, "vendor_rejected", "AICONTENT_APP_ID"),
    ] {
        objects(&sandbox, case).await;
    }
}

#[tokio::test]
async fn tencent() {
    let sandbox = sandbox().await;
    let code =
        |code| says("lke", 200, json!({ "Response": { "Error": { "Code": code, "Message": "canary" } } }));
    let lke = "tencent-lke";
    for case in [
        (
            lke,
            &[("TENCENTCLOUD_SECRET_KEY", "not-the-secret")][..],
            None,
            "vendor_auth_failed",
            "TENCENTCLOUD_SECRET_KEY",
        ),
        (
            lke,
            &[("TENCENTCLOUD_SECRET_ID", "AKIDnobody")],
            None,
            "vendor_auth_failed",
            "TENCENTCLOUD_SECRET_ID",
        ),
        (lke, &[], code("UnauthorizedOperation"), "vendor_auth_failed", "lke:DescribeStorageCredential"),
        (
            lke,
            &[],
            code("AuthFailure.UnauthorizedOperation"),
            "vendor_auth_failed",
            "lke:DescribeStorageCredential",
        ),
        (lke, &[], code("IpNotInWhitelist"), "vendor_auth_failed", "allow-list"),
        (lke, &[], code("RequestLimitExceeded"), "vendor_throttled", "GRANT_VENDOR_RPS"),
        (lke, &[], code("FailedOperation"), "vendor_rejected", "LKE_BOT_BIZ_ID"),
        (lke, &[("LKE_BOT_BIZ_ID", "abc")], None, "vendor_rejected", "LKE_BOT_BIZ_ID"),
        (lke, &[("LKE_REGION", "ap-nowhere")], None, "vendor_rejected", "LKE_REGION"),
    ] {
        objects(&sandbox, case).await;
    }
}

#[tokio::test]
async fn dashscope() {
    let sandbox = sandbox().await;
    let flow = "alibaba-dashscope";
    let code = |status, code| says("dashscope", status, json!({ "code": code, "request_id": "R-1" }));
    let unknown = [("DASHSCOPE_MODEL", "no-such-model")];
    for case in [
        (flow, &[("DASHSCOPE_API_KEY", "sk-other")][..], None, "vendor_auth_failed", "DASHSCOPE_API_KEY"),
        (flow, &unknown, None, "vendor_rejected", "DASHSCOPE_MODEL"),
        (flow, &[], code(403, "Model.AccessDenied"), "vendor_auth_failed", "may not call"),
        (flow, &[], code(403, "AccessDenied.Unpurchased"), "vendor_not_subscribed", "activate Model Studio"),
        (flow, &[], code(400, "Arrearage"), "vendor_not_subscribed", "overdue"),
        (flow, &[], code(429, "Throttling"), "vendor_throttled", "GRANT_VENDOR_RPS"),
    ] {
        objects(&sandbox, case).await;
    }
}

#[tokio::test]
async fn huawei() {
    let sandbox = sandbox().await;
    let aicc = "huawei-aicc";
    let shut = json!({ "target": "aicc", "raw": { "status": 403, "body": "<html>canary</html>" } });
    let wrong = [("HUAWEI_AICC_APP_SECRET", "not-the-secret-of-it")];
    objects(&sandbox, (aicc, &wrong, None, "vendor_auth_failed", "HUAWEI_AICC_APP_KEY")).await;
    objects(&sandbox, (aicc, &[], Some(shut), "vendor_auth_failed", "allow-list")).await;
    sandbox.reset();
    let run = Run::json(aicc, &sandbox, &[("HUAWEI_AICC_LOCALE", "english")]).await;
    run.says("aicc.session", "fail", "vendor_rejected", "HUAWEI_AICC_CHANNEL_ID");
    sandbox.fault(json!({
        "target": "aicc", "path_contains": "uploadFileStream", "raw": { "status": 200, "body": r#"{"returnCode":"3"}"# },
    }));
    let run = Run::json(aicc, &sandbox, &[]).await;
    run.says("relay.upload", "fail", "vendor_rejected", "open conversation");
}
