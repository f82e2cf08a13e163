//! The vendors' documented answers, verbatim from `tests/replies`: read in every spelling, refused where unusable.

use serde_json::{Value, json};
use upload_grant_tests::{Answer, Function, Service, sandbox};

use super::vendor_errors::{DIRECT, SUCCESSOR, attempt};

type Env = &'static [(&'static str, &'static str)];

const CAMS: &str = include_str!("../../replies/alibaba-chatapp/authorization.json");
const FORM: &str = include_str!("../../replies/alibaba-workorder/temp-author-pascal.json");
const URL: &str = include_str!("../../replies/alibaba-workorder/upload-url.json");
const LKE: &str = include_str!("../../replies/tencent-lke/upload.json");
const WARRANT: &str = include_str!("../../replies/alibaba-aicontent/warrant.json");
const DIRECTLY: &str = include_str!("../../replies/alibaba-aicontent/authorize.json");
/// The end of the LKE sample, long past, and one to come.
const ENDS: [&str; 2] = ["1717063483", "4102444800"];

/// What the function makes of this answer.
async fn answered(flow: &str, env: Env, path: Option<&str>, body: &str) -> Answer {
    let sandbox = sandbox().await;
    let vendor = if env == DIRECT { Service::Ssapi } else { upload_grant_tests::service(flow) };
    let raw = json!({ "status": 200, "body": body });
    sandbox.fault(json!({ "target": vendor.name(), "path_contains": path, "raw": raw }));
    attempt(&Function::of(flow, &sandbox, env).await, flow).await
}

#[tokio::test]
async fn documented_answers_and_unknown_members() {
    let lke = LKE.replace(ENDS[0], ENDS[1]);
    let camel = include_str!("../../replies/alibaba-aicontent/warrant-camel.json");
    for (flow, env, path, body) in [
        ("alibaba-chatapp", &[][..], None, CAMS),
        ("alibaba-workorder", &[], None, FORM),
        ("alibaba-workorder", SUCCESSOR, None, URL),
        ("tencent-lke", &[], None, &lke),
        ("alibaba-aicontent", &[], None, WARRANT),
        ("alibaba-aicontent", &[], None, camel),
        ("alibaba-aicontent", DIRECT, None, DIRECTLY),
        ("huawei-aicc", &[], Some("uploadFileStream"), include_str!("../../replies/huawei-aicc/upload.json")),
        (
            "huawei-aicc",
            &[],
            Some("uploadFileStream"),
            include_str!("../../replies/huawei-aicc/upload-numeric.json"),
        ),
        (
            "huawei-aicc",
            &[],
            Some("uploadFileStream"),
            include_str!("../../replies/huawei-aicc/upload-old.json"),
        ),
    ] {
        let mut more: Value = serde_json::from_str(body).expect("JSON");
        for pointer in ["", "/Data", "/data", "/Response", "/Response/Credentials"] {
            if let Some(Value::Object(members)) = more.pointer_mut(pointer) {
                members.insert("SomethingNew".into(), json!({ "deep": [1, null] }));
            }
        }
        for body in [body, &more.to_string()] {
            let answer = answered(flow, env, path, body).await;
            assert_eq!(answer.status, 200, "{flow} {env:?} {body}: {}", answer.text);
        }
    }
}

#[tokio::test]
async fn what_the_documented_answers_say_is_in_the_grant() {
    let grant = answered("alibaba-chatapp", &[], None, CAMS).await.ok();
    assert!(grant["key"].as_str().expect("a key").starts_with("100010x/01"), "{grant:#}");
    assert_eq!(grant["object"]["region"], "ap-southeast-1");
    let grant = answered("alibaba-workorder", &[], None, FORM).await.ok();
    assert_eq!(grant["limits"]["max_bytes"], 2_097_152);
    assert!(grant["key"].as_str().expect("a key").starts_with("pop_temp26842/01"));
    assert_eq!(grant["expires_at"], "2099-11-07T12:33:08Z");
    let grant = answered("alibaba-workorder", SUCCESSOR, None, URL).await.ok();
    assert_eq!(grant["key"], "ticket/1629350400/a.pdf");
    assert_eq!(grant["expires_at"], "2100-01-01T00:00:00Z");
    let path = "corp/1737374499879124992/1779863007508561920/doc/QUiGRdWFAFBkDKjhuxbd-1796118032488595456.md";
    for slash in ["/", ""] {
        let body = LKE.replace(ENDS[0], ENDS[1]).replace("/corp/", &format!("{slash}corp/"));
        let grant = answered("tencent-lke", &[], None, &body).await.ok();
        assert_eq!(
            (&grant["key"], &grant["vendor"]["upload_path"]),
            (&json!(path), &json!(format!("{slash}{path}")))
        );
    }
    let grant = answered("alibaba-aicontent", &[], None, WARRANT).await.ok();
    assert_eq!((&grant["vendor"]["warrant_id"], &grant["expires"]), (&json!("w-1"), &json!(300)));
}

#[tokio::test]
async fn tokens_in_odd_spellings_work() {
    let sandbox = sandbox().await;
    for (path, reply) in [
        ("tokenByAkSk", include_str!("../../replies/huawei-aicc/access-token.json")),
        ("applyToken", include_str!("../../replies/huawei-aicc/token-quoted.json")),
        ("uploadFileStream", include_str!("../../replies/huawei-aicc/upload.json")),
    ] {
        sandbox.fault(
            json!({ "target": "aicc", "path_contains": path, "raw": { "status": 200, "body": reply } }),
        );
    }
    let answer = attempt(&Function::of("huawei-aicc", &sandbox, &[]).await, "huawei-aicc").await;
    assert_eq!(answer.ok()["key"], "44992392-2078-4caa-af3f-16cc328db296");
}

#[tokio::test]
async fn answers_that_would_make_a_bad_grant_are_refused() {
    let ended = include_str!("../../replies/alibaba-workorder/temp-author.json");
    let lke = LKE.replace(ENDS[0], ENDS[1]);
    let without_keys = |url: &str| {
        let mut document: Value = serde_json::from_str(&lke).expect("JSON");
        document["Response"]["Credentials"] = Value::Null;
        document["Response"]["UploadUrl"] = url.into();
        document.to_string()
    };
    let key = "corp/1737374499879124992/1779863007508561920/doc/QUiGRdWFAFBkDKjhuxbd-1796118032488595456.md";
    let signed = format!("/{key}?q-sign-time=1;4102444800&q-signature=s");
    let ours = "https://qidian-qbot-test-1251316161.cos.ap-guangzhou.myqcloud.com";
    assert_eq!(
        answered("tencent-lke", &[], None, &without_keys(&format!("{ours}{signed}"))).await.status,
        200
    );
    for (flow, env, body) in [
        ("alibaba-chatapp", &[][..], CAMS.replace("\"ExampleTempSecret\"", "\"\"")),
        ("alibaba-chatapp", &[], CAMS.replace("\"CAISexample+token==\"", "null")),
        ("alibaba-chatapp", &[], CAMS.replace("100010x/", "")),
        ("alibaba-chatapp", &[], CAMS.replace("100010x/", "../up")),
        ("alibaba-chatapp", &[], CAMS.replace("cams-sandbox", "evil.example#")),
        ("alibaba-chatapp", &[], CAMS.replace("3600", "\"soon\"")),
        ("alibaba-chatapp", &[], CAMS.replace("oss-ap-southeast-1", "oss-accelerate")),
        // Good, but behind more blanks than anybody reads.
        ("alibaba-chatapp", &[], " ".repeat(2 << 20) + CAMS),
        ("alibaba-workorder", &[], ended.to_owned()),
        ("alibaba-workorder", &[], FORM.replace("\"Policy\":\"", "\"Policy\":\"!")),
        ("alibaba-workorder", &[], FORM.replace("c2lnbmF0dXJl", "")),
        ("alibaba-workorder", SUCCESSOR, URL.replace("Expires=4102444800&O", "Expires=1629350400&O")),
        ("alibaba-workorder", SUCCESSOR, URL.replace("?Expires=4102444800&O", "?O")),
        ("alibaba-workorder", SUCCESSOR, URL.replace("\"ticket/", "\"../ticket/")),
        ("tencent-lke", &[], LKE.to_owned()),
        ("tencent-lke", &[], lke.replace("/corp/", "/corp/../")),
        ("tencent-lke", &[], lke.replace(".md", &"x".repeat(850))),
        ("tencent-lke", &[], lke.replace("qidian-qbot-test-1251316161", "evil/bucket")),
        ("tencent-lke", &[], lke.replace(ENDS[1], "\"soon\"")),
        ("tencent-lke", &[], lke.replace("\"Token\":\"t\"", "\"Token\":\"\"")),
        ("tencent-lke", &[], without_keys("")),
        ("tencent-lke", &[], without_keys(&format!("https://evil.example{signed}"))),
        ("tencent-lke", &[], without_keys(&format!("https://evil.example#.myqcloud.com{signed}"))),
        ("tencent-lke", &[], without_keys(&format!("{ours}/{key}"))),
        ("tencent-lke", &[], without_keys(&format!("{ours}{}", signed.replace("corp", "other")))),
        ("alibaba-aicontent", &[], WARRANT.replace("\"w-1\"", "\"\"")),
        ("alibaba-aicontent", &[], WARRANT.replace(ENDS[1], "1704067200")),
        ("alibaba-aicontent", &[], WARRANT.replace(ENDS[1], "soon")),
        ("alibaba-aicontent", DIRECT, DIRECTLY.replace(ENDS[1], "1")),
    ] {
        let answer = answered(flow, env, None, &body).await;
        assert_eq!(
            answer.problem(),
            (502, "vendor_bad_response"),
            "{flow} {env:?} {}: {}",
            body.trim(),
            answer.text
        );
    }
    // Without a loopback override the vendor's own domain is the only one.
    let evil = CAMS.replace("aliyuncs.com", "evil.example");
    for (body, status) in [(CAMS, 200), (&evil, 502)] {
        let answer = answered("alibaba-chatapp", &[("OSS_ENDPOINT", "")], None, body).await;
        assert_eq!(answer.status, status, "{}", answer.text);
        let url = "https://cams-sandbox.oss-ap-southeast-1.aliyuncs.com/";
        assert_eq!(answer.json["url"] == url, status == 200, "{}", answer.text);
    }
    let evil = FORM.replace("aliyuncs.com", "evil.example");
    for (body, status) in [(FORM, 200), (&evil, 502)] {
        let answer = answered("alibaba-workorder", &[("OSS_ENDPOINT", "")], None, body).await;
        assert_eq!(answer.status, status, "{}", answer.text);
        // The vendor says http://.
        let url = "https://workorder-sandbox.oss-cn-hangzhou.aliyuncs.com/";
        assert_eq!(answer.json["url"] == url, status == 200, "{}", answer.text);
    }
}
