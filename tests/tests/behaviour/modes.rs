//! Every row of the mode table: a grant of the documented shape, an upload through it, the same bytes back.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use upload_grant::sign::{cos, oss4};
use upload_grant::wire::secret::Secret;
use upload_grant::wire::time::Timestamp;
use upload_grant_tests::{Answer, Function, client, sandbox, upload};

const BYTES: &[u8] = b"a few bytes of a file";
const FULL: &[&str] = &["key", "type", "expiry", "no-overwrite"];
const RELAY: &[&str] = &["key", "size", "type", "expiry"];

struct Row {
    flow: &'static str,
    /// Settings of the function.
    env: &'static [(&'static str, &'static str)],
    /// Settings of the vendor.
    vendor: Value,
    mode: &'static str,
    filename: &'static str,
    enforced: &'static [&'static str],
    /// Whether `size` is enforced: with a known size, and without.
    size: (bool, bool),
    /// Seconds until the end.
    expires: i64,
    /// What the vendor's next call needs, and nothing else.
    native: &'static [&'static str],
}

fn row(flow: &'static str, mode: &'static str, filename: &'static str) -> Row {
    let (enforced, size, native): (_, _, &[_]) =
        if mode == "relay" { (RELAY, (true, true), &[]) } else { (FULL, (true, false), &["request_id"]) };
    Row { flow, env: &[], vendor: json!({}), mode, filename, enforced, size, expires: 300, native }
}

fn table() -> Vec<Row> {
    let lke_native: &[&str] = &["upload_path", "request_id"];
    let lke_urls: &[&str] = &["upload_path", "file_url", "request_id"];
    let (chatapp, lke) = ("alibaba-chatapp", "tencent-lke");
    let (aicontent, workorder) = ("alibaba-aicontent", "alibaba-workorder");
    let ticket = |env, mode, expires| Row {
        env,
        enforced: if mode == "put" { &["key", "expiry"] } else { &["expiry"] },
        size: (mode == "form", mode == "form"),
        expires,
        native: &["attachment"],
        ..row(workorder, mode, "a.pdf")
    };
    let successor: &[_] = &[("WORKORDER_API", "2021-06-10")];
    let spoken = |env, vendor| Row {
        env,
        vendor,
        enforced: &[],
        size: (false, false),
        native: &["warrant_id", "app_id", "user_id"],
        ..row(aicontent, "form", "a.wav")
    };
    vec![
        Row { size: (true, true), ..row(chatapp, "form", "a.png") },
        row(chatapp, "put", "a.png"),
        row(chatapp, "relay", "a.png"),
        ticket(&[], "form", 120),
        ticket(&[("WORKORDER_SIGNATURE", "v3")], "form", 120),
        ticket(successor, "put", 600),
        row(workorder, "relay", "a.pdf"),
        Row { env: successor, ..row(workorder, "relay", "a.pdf") },
        Row { native: lke_native, ..row(lke, "put", "a.pdf") },
        Row {
            vendor: json!({ "lke_upload_url": "with-credentials" }),
            native: lke_urls,
            ..row(lke, "put", "a.pdf")
        },
        Row {
            vendor: json!({ "lke_upload_url": "only" }),
            enforced: &["key", "expiry"],
            size: (false, false),
            expires: 600,
            native: lke_urls,
            ..row(lke, "put", "a.pdf")
        },
        row(lke, "relay", "a.pdf"),
        spoken(&[], json!({})),
        spoken(&[], json!({ "aicontent_shape": "camel" })),
        spoken(&[("AICONTENT_SIGN", "none"), ("AICONTENT_APP_SECRET", "")], json!({})),
        spoken(&[("AICONTENT_TRANSPORT", "ssapi")], json!({})),
        row(aicontent, "relay", "a.wav"),
        row("huawei-aicc", "relay", "a.jpg"),
        Row {
            enforced: &["expiry", "no-overwrite"],
            size: (true, true),
            ..row("alibaba-dashscope", "form", "a.mp4")
        },
        row("alibaba-dashscope", "relay", "a.q7q7"),
        row("alibaba-bailian", "relay", "a.md"),
    ]
}

#[tokio::test]
async fn every_row_uploads_and_reads_back() {
    for row in table() {
        for size in [Some(BYTES.len()), None] {
            let sandbox = sandbox().await;
            sandbox.settings(row.vendor.clone());
            let function = Function::of(row.flow, &sandbox, row.env).await;
            let mut request = json!({ "filename": row.filename, "mode": row.mode });
            if let Some(size) = size {
                request["size"] = size.into();
            }
            let grant = function.ask(&request).await.ok();
            let case = format!("{} {} {:?} {size:?}: {grant:#}", row.flow, row.mode, row.env);
            check_shape(&row, size, &grant, &case);
            let answer = upload(&grant, BYTES).await;
            let statuses = grant["success_status"].as_array().expect("statuses");
            assert!(statuses.contains(&json!(answer.status)), "{case}\n{} {}", answer.status, answer.text);

            let objects = sandbox.objects();
            assert_eq!(objects.len(), 1, "{case}");
            assert_eq!(objects[0].data.as_deref(), Some(BYTES), "{case}");
            if let Some(location) = grant["object"]["location"].as_str() {
                assert_eq!(objects[0].key, grant["key"].as_str().expect("a key"), "{case}");
                let fetched = client().get(location).send().await.expect("an answer");
                assert_eq!(fetched.status(), 200, "{case}");
                assert_eq!(fetched.bytes().await.expect("a body"), BYTES, "{case}");
            }
        }
    }
}

/// What 2.2 says about every grant.
fn check_shape(row: &Row, size: Option<usize>, grant: &Value, case: &str) {
    let text = |name: &str| grant[name].as_str().unwrap_or_default();
    assert_eq!((&grant["version"], text("flow"), text("mode")), (&json!(1), row.flow, row.mode), "{case}");
    assert_eq!(text("id").len(), 26, "{case}");
    assert_eq!(text("method"), if row.mode == "form" { "POST" } else { "PUT" }, "{case}");

    let form = row.mode == "form";
    assert_eq!(grant.get("fields").is_some(), form, "{case}");
    assert_eq!(grant.get("file_field").is_some(), form, "{case}");
    let headers = grant["headers"].as_object().expect("headers are always there");
    let forbidden = |name: &str| ["host", "content-length", "date"].contains(&&*name.to_ascii_lowercase());
    assert!(!headers.keys().any(|name| forbidden(name)), "{case}");

    assert!(!text("key").is_empty() && !text("key").starts_with('/'), "{case}");
    let end = |name: &str| Timestamp::parse_rfc3339(text(name)).expect("a time").unix();
    let expires = grant["expires"].as_i64().expect("whole seconds");
    assert_eq!(end("expires_at") - end("issued_at"), expires, "{case}");
    // The vendor's own instant counts from when the vendor answered.
    assert!((row.expires..row.expires + 30).contains(&expires), "{case}");

    let limits = &grant["limits"];
    if let Some(size) = size {
        assert_eq!((&limits["min_bytes"], &limits["max_bytes"]), (&json!(size), &json!(size)), "{case}");
    } else {
        assert_eq!(limits["min_bytes"], 1, "{case}");
        assert!(limits["max_bytes"].as_u64() > Some(1000), "{case}");
    }
    let enforced: BTreeSet<&str> =
        limits["enforced"].as_array().expect("a list").iter().filter_map(Value::as_str).collect();
    let sized = if size.is_some() { row.size.0 } else { row.size.1 };
    let expected: BTreeSet<&str> = row.enforced.iter().copied().chain(sized.then_some("size")).collect();
    assert_eq!(enforced, expected, "{case}");

    let native: BTreeSet<&str> =
        grant["vendor"].as_object().into_iter().flatten().map(|(k, _)| &**k).collect();
    assert_eq!(native, row.native.iter().copied().collect(), "{case}");
    if row.mode == "relay" {
        assert!(grant.get("object").is_none() && grant.get("vendor").is_none(), "{case}");
        assert_eq!(grant["headers"], json!({ "Content-Type": "application/octet-stream" }), "{case}");
        assert_eq!(grant["key"], grant["id"], "{case}");
    } else if row.flow != "alibaba-aicontent" {
        for member in ["bucket", "endpoint", "location"] {
            assert!(grant["object"][member].is_string(), "{case}");
        }
    }
    assert!(grant["complete"]["token"].is_string() && grant["complete"]["collect"].is_array(), "{case}");
    assert!(grant.get("credentials").is_none() && grant.get("sdk").is_none(), "{case}");
}

#[tokio::test]
async fn the_first_mode_is_the_default() {
    for (flow, env, filename, mode) in [
        ("alibaba-chatapp", &[][..], "a.png", "form"),
        ("alibaba-workorder", &[], "a.pdf", "form"),
        ("alibaba-workorder", &[("WORKORDER_API", "2021-06-10")], "a.pdf", "put"),
        ("tencent-lke", &[], "a.pdf", "put"),
        ("alibaba-aicontent", &[], "a.wav", "form"),
        ("huawei-aicc", &[], "a.jpg", "relay"),
        ("alibaba-dashscope", &[], "a.mp4", "form"),
    ] {
        let function = Function::of(flow, &sandbox().await, env).await;
        assert_eq!(function.ask(&json!({ "filename": filename })).await.ok()["mode"], mode, "{flow} {env:?}");
    }
}

#[tokio::test]
async fn vendor_native_values_are_as_the_next_call_wants_them() {
    let sandbox = sandbox().await;
    let lke = Function::of("tencent-lke", &sandbox, &[]).await;
    let grant = lke.ask(&json!({ "filename": "a.pdf" })).await.ok();
    let key = grant["key"].as_str().expect("a key");
    assert_eq!(grant["vendor"]["upload_path"], format!("/{key}"));

    let workorder = Function::of("alibaba-workorder", &sandbox, &[]).await;
    let grant = workorder.ask(&json!({ "filename": "a, b.pdf" })).await.ok();
    assert_eq!(grant["vendor"]["attachment"], grant["key"]);
    let fields: Vec<&String> = grant["fields"].as_object().expect("fields").keys().collect();
    assert_eq!(fields[0], "key");

    let aicontent = Function::of("alibaba-aicontent", &sandbox, &[("AICONTENT_USER_ID", "u-1")]).await;
    let grant =
        aicontent.ask(&json!({ "filename": "a.wav", "params": { "core_type": "en.word.score" } })).await;
    let grant = grant.ok();
    assert_eq!(grant["vendor"]["user_id"], "u-1");
    assert_eq!(grant["vendor"]["app_id"], upload_grant_sandbox::facts::AICONTENT_APP_ID);
    assert_eq!(grant["headers"], json!({ "Request-Index": "0" }));
    assert_eq!(grant["file_field"], "audio");
    assert!(grant["url"].as_str().expect("a URL").contains("/en.word.score?"));
}

#[tokio::test]
async fn a_grant_ends_half_a_minute_before_the_vendors_keys() {
    for (flow, filename) in [("alibaba-chatapp", "a.png"), ("tencent-lke", "a.pdf")] {
        let sandbox = sandbox().await;
        sandbox.fault(json!({ "target": "*", "expired_tokens": 200 }));
        let grant = Function::of(flow, &sandbox, &[]).await.ask(&json!({ "filename": filename })).await.ok();
        assert!((170..200).contains(&grant["expires"].as_i64().expect("seconds")), "{flow}: {grant}");
    }
}

#[tokio::test]
async fn a_key_for_downloads_is_not_a_grant() {
    let sandbox = sandbox().await;
    let reply = include_str!("../../replies/tencent-lke/download-only.json");
    sandbox.fault(json!({ "target": "lke", "raw": { "status": 200, "body": reply } }));
    let answer = Function::of("tencent-lke", &sandbox, &[]).await.ask(&json!({ "filename": "a.pdf" })).await;
    assert_eq!(answer.problem(), (502, "vendor_bad_response"));
}

#[tokio::test]
async fn credentials_let_an_sdk_put_the_object() {
    let allow = &[("GRANT_ALLOW_CREDENTIALS", "true")];
    for (flow, filename, enforced, sdk) in [
        ("alibaba-chatapp", "a.png", json!([]), "ali-oss"),
        ("tencent-lke", "a.pdf", json!(["key"]), "cos-js-sdk-v5"),
    ] {
        let sandbox = sandbox().await;
        let function = Function::of(flow, &sandbox, allow).await;
        let grant = function.ask(&json!({ "filename": filename, "mode": "credentials" })).await.ok();
        assert_eq!((&grant["method"], &grant["url"]), (&json!("PUT"), &grant["object"]["location"]));
        assert_eq!(grant["limits"]["enforced"], enforced);
        assert!(grant.get("fields").is_none() && grant["headers"].is_object());
        let members: Vec<&String> = grant["credentials"].as_object().expect("keys").keys().collect();
        assert_eq!(members, ["accessKeyId", "secretAccessKey", "sessionToken", "expiration"]);
        let options = &grant["sdk"][sdk];
        let flag = if flow == "tencent-lke" { "ScopeLimit" } else { "authorizationV4" };
        assert_eq!(options[flag], true);

        let answer = Answer::of(client().put(sign(&grant)).body(BYTES)).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let object = sandbox.object(grant["key"].as_str().expect("a key")).expect("an object");
        assert_eq!(object.data.as_deref(), Some(BYTES));
    }
}

/// A URL signed with the grant's own keys, as the SDK would.
fn sign(grant: &Value) -> String {
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let keys = &grant["credentials"];
    let (id, token) = (text(&keys["accessKeyId"]), text(&keys["sessionToken"]));
    let secret = Secret::from(text(&keys["secretAccessKey"]));
    let at = Timestamp::parse_rfc3339(&text(&grant["issued_at"])).expect("a time");
    let (bucket, object) = (text(&grant["object"]["bucket"]), text(&grant["key"]));
    let base = text(&grant["object"]["endpoint"]);
    if grant["flow"] == "tencent-lke" {
        let presign = cos::Presign {
            method: "put",
            base: &base,
            path: &format!("/{bucket}/{object}"),
            params: &[(cos::TOKEN, &token)],
            headers: &[("host", base.trim_start_matches("http://"))],
            secret_id: &id,
        };
        return cos::presign(&cos::key(&secret, at.plus(-60), at.plus(60)), &presign);
    }
    let region = text(&grant["object"]["region"]);
    let token: String = url::form_urlencoded::byte_serialize(token.as_bytes()).collect();
    let presign = oss4::Presign {
        method: "PUT",
        base: &format!("{base}/{bucket}"),
        bucket: &bucket,
        object: &object,
        access_key_id: &id,
        encoded_token: Some(&token),
        headers: &[],
        additional: &[],
        expires: 60,
    };
    oss4::presign(&oss4::key(&secret, &region, at), &presign, at)
}
