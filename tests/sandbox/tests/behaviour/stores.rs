//! OSS and COS: mutations of a good upload, scopes, policies, overwrite.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use upload_grant_sandbox::verify::{cos, oss4};
use upload_grant_sandbox::{Arrived, Sandbox, Service};

use crate::client::{Answer, Call, cams, compact, dashed, form, headers, lke, now, oss_put, percent};

fn code(answer: &Answer) -> String {
    let text = answer.text();
    let code = text.split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>"));
    format!("{} {}", answer.status, code.map_or("", |(code, _)| code))
}

#[tokio::test]
async fn oss_put_and_its_mutations() {
    let sandbox = Sandbox::start().await.unwrap();
    let grant = cams(&sandbox).await;
    let key = format!("{}/a.png", grant["Dir"].as_str().unwrap());
    let good = oss_put(&sandbox, &grant, &key, b"hello", now());

    let change = |name: &str, value: &str| {
        let mut call = good.clone();
        call.headers.iter_mut().filter(|(n, _)| n == name).for_each(|(_, v)| value.clone_into(v));
        call
    };
    let mut longer = change("content-length", "6");
    longer.body.push(b'!');
    let retarget = |from: &str, to: &str| Call { target: good.target.replace(from, to), ..good.clone() };
    let token = percent(grant["SecurityToken"].as_str().unwrap());
    let broken_token = format!("{}A{}", &token[..40], &token[41..]);
    let cases = [
        ("size", longer, "403 SignatureDoesNotMatch"),
        ("type", change("content-type", "image/jpeg"), "403 SignatureDoesNotMatch"),
        ("no-overwrite", change("x-oss-forbid-overwrite", "false"), "403 SignatureDoesNotMatch"),
        ("key", retarget("a.png", "b.png"), "403 SignatureDoesNotMatch"),
        ("acl", good.clone().header("x-oss-object-acl", "public-read"), "403 SignatureDoesNotMatch"),
        ("md5", good.clone().header("content-md5", "XUFAKrxLKna5cZ2REBfFkg=="), "403 SignatureDoesNotMatch"),
        ("token", retarget(&token, &broken_token), "403 InvalidSecurityToken"),
        ("no token", retarget("x-oss-security-token", "x-other"), "403 InvalidAccessKeyId"),
        ("region", retarget("ap-southeast-1", "oss-ap-southeast-1"), "400 InvalidArgument"),
        ("late", oss_put(&sandbox, &grant, &key, b"hello", now() - 301), "403 AccessDenied"),
        ("early", oss_put(&sandbox, &grant, &key, b"hello", now() + 960), "403 AccessDenied"),
        ("other dir", oss_put(&sandbox, &grant, "elsewhere/a.png", b"hello", now()), "403 AccessDenied"),
        ("no signature", Call { target: format!("/cams-sandbox/{key}"), ..good.clone() }, "403 AccessDenied"),
    ];
    for (name, call, wanted) in cases {
        assert_eq!(code(&call.send().await), wanted, "{name}");
    }
    assert!(sandbox.objects().is_empty());

    let answer = good.send().await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("etag").unwrap(), "\"5D41402ABC4B2A76B9719D911017C592\"");
    assert_eq!(sandbox.object(&key).unwrap().data.unwrap(), "hello");
    assert_eq!(code(&good.send().await), "409 FileAlreadyExists");
    let fetched = Call::new(&sandbox.url(Service::Oss), "GET", &format!("/cams-sandbox/{key}")).send().await;
    assert_eq!(
        (fetched.text().as_str(), fetched.header("content-type").unwrap().as_str()),
        ("hello", "image/png")
    );
    assert_eq!(sandbox.calls(Service::Oss), 16);
}

/// The fields of a V4 form whose policy binds key, size, both types and no-overwrite.
fn oss_form(grant: &Value, key: &str, expires: i64) -> Vec<(String, String)> {
    let text = |name: &str| grant[name].as_str().unwrap().to_owned();
    let (date, region) = (compact(now()), "ap-southeast-1");
    let credential = format!("{}/{}/{region}/oss/aliyun_v4_request", text("AccessKeyId"), &date[..8]);
    let policy = json!({ "expiration": dashed(expires), "conditions": [
        { "bucket": text("BucketName") }, { "x-oss-signature-version": "OSS4-HMAC-SHA256" },
        { "x-oss-credential": credential }, { "x-oss-date": date }, { "x-oss-security-token": text("SecurityToken") },
        ["eq", "$key", key], ["content-length-range", 1, 10], ["eq", "$content-type", "image/png"],
        ["in", "$x-oss-content-type", ["image/png"]], ["eq", "$x-oss-forbid-overwrite", "true"],
    ]});
    let policy = STANDARD.encode(policy.to_string());
    let signing = oss4::signing_key(&text("AccessKeySecret"), &date[..8], region);
    let signature = oss4::signature(&signing, &policy);
    let fields = [
        ("key", key.to_owned()),
        ("policy", policy),
        ("x-oss-signature-version", "OSS4-HMAC-SHA256".to_owned()),
        ("x-oss-credential", credential),
        ("x-oss-date", date),
        ("x-oss-signature", signature),
        ("x-oss-security-token", text("SecurityToken")),
        ("Content-Type", "image/png".to_owned()),
        ("x-oss-content-type", "image/png".to_owned()),
        ("x-oss-forbid-overwrite", "true".to_owned()),
        ("success_action_status", "201".to_owned()),
    ];
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

#[tokio::test]
async fn oss_form_and_its_mutations() {
    let sandbox = Sandbox::start().await.unwrap();
    let grant = cams(&sandbox).await;
    let key = format!("{}/a.png", grant["Dir"].as_str().unwrap());
    let fields = oss_form(&grant, &key, now() + 300);
    let base = sandbox.url(Service::Oss);
    let send = async |fields: &[(String, String)], data: &[u8]| {
        form(&base, "/cams-sandbox/", fields, ("file", "text/html"), data).send().await
    };
    let with = |name: &str, value: &str| {
        let mut fields = fields.clone();
        fields.iter_mut().filter(|(n, _)| n == name).for_each(|(_, v)| value.clone_into(v));
        fields
    };
    let without = |name: &str| fields.iter().filter(|(n, _)| n != name).cloned().collect::<Vec<_>>();
    let cases = [
        ("key", with("key", "x/b.png"), &b"data"[..], "403 AccessDenied"),
        ("type", with("Content-Type", "text/html"), b"data", "403 AccessDenied"),
        ("stored type", with("x-oss-content-type", "text/html"), b"data", "403 AccessDenied"),
        ("absent field", without("x-oss-content-type"), b"data", "403 AccessDenied"),
        ("overwrite", with("x-oss-forbid-overwrite", "false"), b"data", "403 AccessDenied"),
        ("too large", fields.clone(), b"elevenbytes", "400 EntityTooLarge"),
        ("empty", fields.clone(), b"", "400 EntityTooSmall"),
        ("signature", with("x-oss-signature", &"0".repeat(64)), b"data", "403 SignatureDoesNotMatch"),
        ("policy", with("policy", &STANDARD.encode("{}")), b"data", "403 SignatureDoesNotMatch"),
        ("no token", without("x-oss-security-token"), b"data", "403 InvalidAccessKeyId"),
        ("expired", oss_form(&grant, &key, now() - 2), b"data", "403 AccessDenied"),
        ("no key", without("key"), b"data", "400 InvalidArgument"),
    ];
    for (name, fields, data, wanted) in cases {
        assert_eq!(code(&send(&fields, data).await), wanted, "{name}");
    }
    let mut late = form(&base, "/cams-sandbox/", &fields, ("file", "image/png"), b"data");
    let extra = b"--b0undary\r\nContent-Disposition: form-data; name=\"late\"\r\n\r\nx\r\n--b0undary--\r\n";
    late.body.truncate(late.body.len() - b"--b0undary--\r\n".len());
    late.body.extend_from_slice(extra);
    assert_eq!(code(&late.send().await), "400 MalformedPOSTRequest");
    assert!(sandbox.objects().is_empty());

    let answer = send(&fields, b"data").await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    assert!(answer.text().contains(&format!("<Key>{key}</Key>")), "{}", answer.text());
    assert_eq!(sandbox.object(&key).unwrap().content_type.as_deref(), Some("image/png"));
    assert_eq!(code(&send(&fields, b"data").await), "409 FileAlreadyExists");
}

/// A presigned COS PUT over content-length, content-type, host, and the token.
fn cos_put(sandbox: &Sandbox, response: &Value, path: &str, body: &[u8]) -> Call {
    let text = |name: &str| response["Credentials"][name].as_str().unwrap();
    let target = format!(
        "/{}{path}?x-cos-security-token={}",
        response["Bucket"].as_str().unwrap(),
        percent(text("Token"))
    );
    let call = Call::new(&sandbox.url(Service::Cos), "PUT", &target)
        .header("content-type", "application/pdf")
        .header("content-length", &body.len().to_string())
        .body(body);
    let window = format!("{};{}", now() - 60, now() + 300);
    let list = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let claim = cos::Presented {
        key_id: text("TmpSecretId").to_owned(),
        sign_time: window.clone(),
        key_time: window.clone(),
        header_list: list(&["content-length", "content-type", "host"]),
        url_param_list: list(&["x-cos-security-token"]),
        signature: String::new(),
        token: None,
    };
    let mut sent = call.headers.clone();
    sent.push(("host".to_owned(), call.host().to_owned()));
    let http = cos::http_string(&Arrived::new("PUT", &target, headers(&sent)), &claim).unwrap();
    let key = cos::sign_key(text("TmpSecretKey"), &window);
    let signature = cos::signature(&key, &cos::string_to_sign(&window, &http));
    let (id, window) = (text("TmpSecretId"), percent(&window));
    let target = format!(
        "{target}&q-sign-algorithm=sha1&q-ak={id}&q-sign-time={window}&q-key-time={window}\
         &q-header-list=content-length;content-type;host&q-url-param-list=x-cos-security-token&q-signature={signature}"
    );
    Call { target, ..call }
}

#[tokio::test]
async fn cos_put_and_its_mutations() {
    let sandbox = Sandbox::start().await.unwrap();
    let response = lke(&sandbox, r#"{"BotBizId":"1779863007508561920","FileType":"pdf"}"#).await;
    let path = response["UploadPath"].as_str().unwrap();
    let good = cos_put(&sandbox, &response, path, b"%PDF");

    let mut other_type = good.clone();
    other_type.headers[0].1 = "text/html".to_owned();
    let mut no_type = good.clone();
    no_type.headers.remove(0);
    let mut longer = good.clone();
    longer.headers[1].1 = "5".to_owned();
    longer.body.push(b'!');
    let other_key = cos_put(&sandbox, &response, "/corp/1/2/doc/other.pdf", b"%PDF");
    let raw_token = Call { target: good.target.replace("%2B", "+"), ..good.clone() };
    let cases = [
        ("type", other_type, "403 SignatureDoesNotMatch"),
        ("listed but absent", no_type, "403 SignatureDoesNotMatch"),
        ("size", longer, "403 SignatureDoesNotMatch"),
        ("host", good.clone().header("host", "127.0.0.1"), "403 SignatureDoesNotMatch"),
        ("another key", other_key, "403 AccessDenied"),
        ("token with a raw plus", raw_token, "403 AccessDenied"),
    ];
    for (name, call, wanted) in cases {
        assert_eq!(code(&call.send().await), wanted, "{name}");
    }
    // COS's open world: what is not listed is not verified.
    let answer = good.clone().header("x-cos-acl", "public-read").send().await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(answer.header("x-cos-hash-crc64ecma").is_some());
    assert_eq!(sandbox.object(&path[1..]).unwrap().size, 4);

    let download = lke(&sandbox, r#"{"BotBizId":"1779863007508561920"}"#).await;
    assert_eq!(
        code(&cos_put(&sandbox, &download, "/corp/137/doc/x.pdf", b"x").send().await),
        "403 AccessDenied"
    );
}

#[tokio::test]
async fn lke_keys_do_not_post_forms() {
    let sandbox = Sandbox::start().await.unwrap();
    let response = lke(&sandbox, r#"{"BotBizId":"1779863007508561920","FileType":"pdf"}"#).await;
    let text = |name: &str| response["Credentials"][name].as_str().unwrap().to_owned();
    let (key, window) =
        (&response["UploadPath"].as_str().unwrap()[1..], format!("{};{}", now() - 60, now() + 300));
    let policy = json!({ "expiration": dashed(now() + 300), "conditions": [
        { "q-sign-algorithm": "sha1" }, { "q-ak": text("TmpSecretId") }, { "q-sign-time": window }, { "key": key },
    ]});
    let string = cos::form_string_to_sign(policy.to_string().as_bytes());
    let fields = [
        ("key", key.to_owned()),
        ("policy", STANDARD.encode(policy.to_string())),
        ("q-sign-algorithm", "sha1".to_owned()),
        ("q-ak", text("TmpSecretId")),
        ("q-key-time", window.clone()),
        ("x-cos-security-token", text("Token")),
        ("q-signature", cos::signature(&cos::sign_key(&text("TmpSecretKey"), &window), &string)),
    ];
    let fields = fields.map(|(name, value)| (name.to_owned(), value));
    let target = format!("/{}/", response["Bucket"].as_str().unwrap());
    let answer =
        form(&sandbox.url(Service::Cos), &target, &fields, ("file", "application/pdf"), b"%PDF").send().await;
    assert_eq!(code(&answer), "403 AccessDenied", "{}", answer.text());
    assert!(
        answer.text().contains("Access Denied."),
        "the scope refuses, not the signature: {}",
        answer.text()
    );
}
