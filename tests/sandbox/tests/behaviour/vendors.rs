//! The control planes: their shapes, their checks, and the uploads that belong to them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use upload_grant_sandbox::verify::{rpc_v1, ssecp};
use upload_grant_sandbox::{Sandbox, Service, facts};

use crate::client::{Call, cams, dashed, form, lke, now, percent, sign_acs3};

#[tokio::test]
async fn acs3_refuses() {
    let sandbox = Sandbox::start().await.unwrap();
    let base = sandbox.url(Service::Cams);
    let call = |nonce: &str| {
        let call = Call::new(&base, "POST", "/?CustSpaceId=space");
        sign_acs3(call, "GetChatappUploadAuthorization", "2020-06-06", nonce)
    };
    let good = call("n1");
    assert_eq!(good.send().await.status, 200);
    assert_eq!(good.send().await.json()["Code"], "SignatureNonceUsed");
    let other = Call { target: "/?CustSpaceId=other".to_owned(), ..call("n2") };
    assert_eq!(other.send().await.json()["Code"], "SignatureDoesNotMatch");
    let unsigned = call("n3").header("x-acs-extra", "1");
    assert_eq!(unsigned.send().await.json()["Code"], "IncompleteSignature");
    let body = call("n4").body("x");
    assert_eq!(body.send().await.status, 400);
    sandbox.fault(json!({ "target": "cams", "skew_seconds": 1000, "times": 1 }));
    let skewed = call("n5").send().await;
    assert_eq!(skewed.json()["Code"], "InvalidTimeStamp.Expired");
    assert!(skewed.header("date").is_some());

    sandbox.settings(json!({ "quota": true, "quota_rps": 2 }));
    for _ in 0..2 {
        cams(&sandbox).await;
    }
    assert_eq!(call("n6").send().await.json()["Code"], "System.LimitControl");
    let unknown = Call::new(&base, "POST", "/?CustSpaceId=unknown");
    sandbox.settings(json!({ "quota": false }));
    let unknown = sign_acs3(unknown, "GetChatappUploadAuthorization", "2020-06-06", "n7").send().await;
    assert_eq!(unknown.json()["Code"], "Unknown.ResourceOwnerId");
}

fn rpc(sandbox: &Sandbox, format: bool) -> Call {
    let at = dashed(now());
    let mut parameters = vec![
        ("Action", "GetOSSTempAuthor"),
        ("Version", "2016-08-30"),
        ("AccessKeyId", facts::ALIBABA_KEY_ID),
        ("SignatureMethod", "HMAC-SHA1"),
        ("SignatureVersion", "1.0"),
        ("SignatureNonce", if format { "one" } else { "two" }),
        ("Timestamp", &at),
    ];
    parameters.extend(format.then_some(("Format", "JSON")));
    let mut pairs: Vec<(String, String)> =
        parameters.into_iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
    let string = rpc_v1::string_to_sign("POST", &rpc_v1::canonicalized_query(&pairs));
    pairs.push(("Signature".to_owned(), rpc_v1::signature(facts::ALIBABA_KEY_SECRET, &string)));
    let body = pairs.iter().map(|(n, v)| format!("{n}={}", percent(v))).collect::<Vec<_>>().join("&");
    let call = Call::new(&sandbox.url(Service::Workorder), "POST", "/").body(body);
    call.header("content-type", "application/x-www-form-urlencoded")
}

#[tokio::test]
async fn workorder_form_and_url() {
    let sandbox = Sandbox::start().await.unwrap();
    let reply = rpc(&sandbox, true).send().await.json();
    let data = |name: &str| reply["data"][name].as_str().unwrap().to_owned();
    let key = format!("{}a.txt", data("dir"));
    let fields = [
        ("key", key.clone()),
        ("OSSAccessKeyId", data("accessId")),
        ("policy", data("policy")),
        ("Signature", data("signature")),
        ("success_action_status", "200".to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value));
    let oss = sandbox.url(Service::Oss);
    let answer = form(&oss, "/workorder-sandbox/", &fields, ("file", "text/plain"), b"note").send().await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(sandbox.object(&key).unwrap().content_type.as_deref(), Some("text/plain"));
    assert!(rpc(&sandbox, true).send().await.text().contains("SignatureNonceUsed"));
    let mut unknown = rpc(&sandbox, false);
    unknown.body[20] ^= 1;
    assert!(unknown.send().await.text().contains("<Error>"), "XML is the old default");

    let call = Call::new(&sandbox.url(Service::Workorder), "POST", "/")
        .body("FileName=a+b.png")
        .header("content-type", "application/x-www-form-urlencoded");
    let reply = sign_acs3(call, "GetAttachmentUploadUrl", "2021-06-10", "u1").send().await.json();
    let url = reply["Data"]["PutSignedUrl"].as_str().unwrap();
    let target = format!("/workorder-sandbox/{}", url.split_once(".com/").unwrap().1);
    let put = Call::new(&oss, "PUT", &target).body("png");
    let wrong = put.clone().header("content-type", "image/png").send().await;
    assert!(wrong.text().contains("SignatureDoesNotMatch"), "{}", wrong.text());
    let right = put.header("content-type", "application/octet-stream").send().await;
    assert_eq!(right.status, 200, "{}", right.text());
    assert!(sandbox.object(reply["Data"]["ObjectKey"].as_str().unwrap()).is_some());
}

#[tokio::test]
async fn lke_checks_types_and_gives_urls() {
    let sandbox = Sandbox::start().await.unwrap();
    assert_eq!(lke(&sandbox, r#"{"FileType":"pdf"}"#).await["Error"]["Code"], "MissingParameter");
    assert_eq!(
        lke(&sandbox, r#"{"BotBizId":1779863007508561920}"#).await["Error"]["Code"],
        "InvalidParameter"
    );
    assert_eq!(lke(&sandbox, r#"{"BotBizId":"1","Size":1}"#).await["Error"]["Code"], "UnknownParameter");
    sandbox.settings(json!({ "lke_upload_url": "only" }));
    let reply =
        lke(&sandbox, r#"{"BotBizId":"1","FileType":"png","IsPublic":true,"TypeKey":"realtime"}"#).await;
    assert_eq!((&reply["Credentials"], &reply["Bucket"]), (&Value::Null, &json!(facts::LKE_REALTIME_BUCKET)));
    let base = sandbox.url(Service::Cos);
    let url = reply["UploadUrl"].as_str().unwrap();
    let put = Call::new(&base, "PUT", url.strip_prefix(&base).unwrap())
        .header("content-type", "image/png")
        .body("png");
    let answer = put.send().await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let url = reply["FileUrl"].as_str().unwrap();
    assert_eq!(Call::new(&base, "GET", url.strip_prefix(&base).unwrap()).send().await.text(), "png");
}

#[tokio::test]
async fn a_warrant_evaluates_its_user_only() {
    let sandbox = Sandbox::start().await.unwrap();
    let base = sandbox.url(Service::Ssapi);
    let stamp = now().to_string();
    let claim = ssecp::Claim {
        app_id: facts::AICONTENT_APP_ID,
        timestamp: &stamp,
        user_client_ip: "127.0.0.1",
        user_id: "u 1",
    };
    let authorize = |sign: &str| {
        let (app, ip) = (facts::AICONTENT_APP_ID, "127.0.0.1");
        let body =
            format!("appid={app}&timestamp={stamp}&user_id=u+1&user_client_ip={ip}&request_sign={sign}");
        let call = Call::new(&base, "POST", "/auth/authorize").body(body);
        call.header("content-type", "application/x-www-form-urlencoded")
    };
    let sign = ssecp::request_sign(&ssecp::sign_string(facts::AICONTENT_APP_SECRET, claim));
    let refused = authorize("0").send().await.json();
    assert_eq!(refused["code"], 430_008);
    assert!(refused["message"].as_str().unwrap().contains(&sign), "the leak is part of the real behaviour");
    let warrant = authorize(&sign).send().await.json()["data"]["warrant_id"].as_str().unwrap().to_owned();

    let id = "0123456789abcdef0123456789abcdef";
    let evaluate = |user: &str| {
        let app = json!({ "applicationId": facts::AICONTENT_APP_ID, "userId": user, "warrantId": warrant });
        let text = json!({
            "connect": { "cmd": "connect", "param": { "app": app } },
            "start": { "cmd": "start", "param": {
                "app": app, "audio": { "audioType": "wav", "sampleRate": 16000 },
                "request": { "coreType": "en.sent.score", "refText": "hi" },
            }},
        });
        let fields = [("text".to_owned(), text.to_string())];
        let query = format!("appkey=a0001&connect_id={id}&request_id={id}&warrant_id={warrant}");
        let call = form(&base, &format!("/en.sent.score?{query}"), &fields, ("audio", "audio/wav"), b"RIFF");
        call.header("request-index", "0")
    };
    assert_eq!(evaluate("u2").send().await.json()["errId"], 41_032);
    assert_eq!(evaluate("u 1").send().await.json()["result"]["overall"], 88);
    assert_eq!(sandbox.object(id).unwrap().data.unwrap(), "RIFF");
}

#[tokio::test]
async fn create_access_warrant() {
    let sandbox = Sandbox::start().await.unwrap();
    let create = async |nonce: &str| {
        let call =
            Call::new(&sandbox.url(Service::Aicontent), "POST", "/api/v1/aliyunConsole/createAccessWarrant")
                .header("content-type", "application/json; charset=utf-8")
                .body(r#"{"appId":"a0001","userId":"u"}"#);
        sign_acs3(call, "CreateAccessWarrant", "20240611", nonce).send().await.json()
    };
    assert!(create("a").await["data"]["AccessWarrantId"].is_string());
    sandbox.settings(json!({ "aicontent_shape": "camel" }));
    assert!(create("b").await["data"]["expireTime"].as_str().unwrap().ends_with('Z'));
}

#[tokio::test]
async fn aicc_tokens_and_upload() {
    let sandbox = Sandbox::start().await.unwrap();
    let post = |path: &str, body: &Value| {
        let call = Call::new(&sandbox.url(Service::Aicc), "POST", path).body(body.to_string());
        call.header("content-type", "application/json; charset=UTF-8")
    };
    let keys = json!({ "app_key": facts::AICC_APP_KEY, "app_secret": facts::AICC_APP_SECRET });
    let token = post("/apigovernance/api/oauth/tokenByAkSk", &keys).header("x-token-expire", "600");
    let access = token.send().await.json()["AccessToken"].as_str().unwrap().to_owned();
    let authorized = |path: &str, body: &Value| {
        let call = post(path, body).header("x-app-key", facts::AICC_APP_KEY);
        call.header("authorization", &format!("Bearer {access}"))
    };
    let user =
        json!({ "userId": "u", "userName": "n", "channelId": facts::AICC_CHANNEL_ID, "locale": "en_US" });
    let reply = authorized("/apiaccess/ccmessaging/applyToken", &user).send().await.json();
    let conversation = reply["token"].as_str().unwrap().to_owned();
    let upload = |conversation: &str, kind: &str| {
        let body = json!({ "fileType": kind, "channel": "WEB", "fileStream": STANDARD.encode("file") });
        authorized("/apiaccess/ccmessaging/uploadFileStream", &body).header("ccmessaging-token", conversation)
    };
    assert_eq!(upload("nobody", "bmp").send().await.status, 401);
    assert_eq!(upload(&conversation, "pdf").send().await.json()["returnCode"], "3");
    sandbox.settings(json!({ "aicc_rotate": true }));
    let done = upload(&conversation, "bmp").send().await;
    let stored = sandbox.object(done.json()["objectKey"].as_str().unwrap()).unwrap();
    assert_eq!(
        (stored.bucket.as_str(), stored.data.unwrap().as_ref()),
        (facts::AICC_CHANNEL_ID, &b"file"[..])
    );
    assert_eq!(upload(&conversation, "bmp").send().await.status, 401, "the old token is dead");
    let next = done.header("ccmessaging-token").unwrap();
    sandbox.settings(json!({ "aicc_old_types": true }));
    assert_eq!(upload(&next, "bpm").send().await.json()["returnCode"], "0");
}
