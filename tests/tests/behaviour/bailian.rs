//! Bailian: a lease for one file whose size and MD5 are known, or found out on the way.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use upload_grant_sandbox::facts;
use upload_grant_tests::wire::Wire;
use upload_grant_tests::{Answer, Function, Sandbox, Service, sandbox, upload};

const FLOW: &str = "alibaba-bailian";
const MD5: &str = "XUFAKrxLKna5cZ2REBfFkg==";
const MD5_HEX: &str = "5d41402abc4b2a76b9719d911017c592";

async fn start(sandbox: &Sandbox, extra: &[(&str, &str)]) -> Function {
    Function::of(FLOW, sandbox, extra).await
}

fn put() -> Value {
    json!({ "filename": "a.md", "size": 5, "checksums": { "md5": MD5 } })
}

fn pointer(answer: &Answer) -> (u16, String, String) {
    let (status, code) = answer.problem();
    (status, code.to_owned(), answer.json["errors"][0]["pointer"].as_str().unwrap_or_default().to_owned())
}

fn invalid(at: &str) -> (u16, String, String) {
    (400, "invalid_request".to_owned(), at.to_owned())
}

#[tokio::test]
async fn a_put_needs_size_and_md5_and_a_relay_finds_them_out() {
    let sandbox = sandbox().await;
    let function = start(&sandbox, &[]).await;
    for (request, at) in [
        (json!({ "filename": "a.md" }), "/size"),
        (json!({ "filename": "a.md", "checksums": { "md5": MD5 } }), "/size"),
        (json!({ "filename": "a.md", "size": 5 }), "/checksums/md5"),
        (
            json!({ "filename": "a.md", "size": 5, "mode": "put", "checksums": { "crc64": "1" } }),
            "/checksums/md5",
        ),
    ] {
        assert_eq!(pointer(&function.ask(&request).await), invalid(at), "{request}");
    }
    assert_eq!(sandbox.calls(Service::Bailian), 0);
    let grant = function.ask(&put()).await.ok();
    assert_eq!(grant["limits"]["enforced"], json!(["key", "expiry"]));
    let names: Vec<&str> =
        grant["headers"].as_object().expect("headers").keys().map(String::as_str).collect();
    assert_eq!(names, ["X-bailian-extra", "Content-Type"]);
    assert_eq!(upload(&grant, b"hello").await.status, 200);
    for checksums in [json!({}), json!({ "md5": MD5 })] {
        for size in [Value::Null, json!(5)] {
            let request =
                json!({ "filename": "a.md", "mode": "relay", "size": size, "checksums": checksums });
            let relayed = upload(&function.ask(&request).await.ok(), b"hello").await;
            assert_eq!(relayed.ok()["size"], 5, "{request}");
        }
    }
    assert_eq!((sandbox.objects().len(), sandbox.calls(Service::Bailian)), (5, 5));
    assert!(sandbox.objects().iter().all(|object| object.md5 == MD5_HEX));
}

#[tokio::test]
async fn what_cannot_be_held_is_refused_where_the_md5_is_missing() {
    let sandbox = sandbox().await;
    let function = start(&sandbox, &[("GRANT_BUFFER_BYTES", "4096")]).await;
    let large = vec![b'a'; 5000];
    let ask = json!({ "filename": "a.md", "mode": "relay" });
    let refused = upload(&function.ask(&ask).await.ok(), &large).await;
    assert_eq!(pointer(&refused), invalid("/checksums/md5"));
    assert_eq!((sandbox.objects().len(), sandbox.calls(Service::Bailian)), (0, 0));
    assert_eq!(upload(&function.ask(&ask).await.ok(), &large[..4096]).await.status, 200);
    // Where it is known nothing is held.
    let mut known = ask.clone();
    known["checksums"] = json!({ "md5": "q1UMp9zqDDX4HdQRMJpb1g==" });
    let other = upload(&function.ask(&known).await.ok(), &large).await;
    assert_eq!(other.problem(), (422, "checksum_mismatch"));
    let events = start(&sandbox, &[("GRANT_BUFFER_BYTES", "4096"), ("GRANT_EVENTS", "trusted")]).await;
    for (bytes, status) in [(&large[..], 400), (&large[..100], 200)] {
        let job = json!({ "id": format!("j-{}", bytes.len()), "filename": "a.md", "source": { "base64": STANDARD.encode(bytes) } });
        let answer = Answer::of(events.post("/events").body(job.to_string())).await;
        assert_eq!(answer.status, status, "{}", answer.text);
    }
}

#[tokio::test]
async fn an_empty_type_is_sent_empty_and_no_page_is_asked_to() {
    let sandbox = sandbox().await;
    sandbox.settings(json!({ "bailian_empty_type": true }));
    let function =
        start(&sandbox, &[("GRANT_CORS_ORIGINS", "https://app.example"), ("GRANT_EVENTS", "trusted")]).await;
    let grant = function.ask(&put()).await.ok();
    assert_eq!(grant["headers"]["Content-Type"], "");
    assert_eq!(upload(&grant, b"hello").await.status, 200);
    let page = |request: &Value| {
        function.post("/grants").header("origin", "https://app.example").body(request.to_string())
    };
    let refused = Answer::of(page(&put())).await;
    assert_eq!(pointer(&refused), invalid("/mode"));
    assert!(refused.json["detail"].as_str().expect("a detail").contains("relay"));
    let several = Answer::of(page(&json!({ "files": [put()] }))).await.ok();
    assert_eq!(several["grants"][0]["errors"][0]["pointer"], "/mode");
    let relay = Answer::of(page(&json!({ "filename": "a.md", "mode": "relay" }))).await.ok();
    assert_eq!(upload(&relay, b"hello").await.status, 200);
    let job = json!({ "id": "j", "filename": "a.md", "source": { "base64": "aGVsbG8=" } });
    assert_eq!(Answer::of(function.post("/events").body(job.to_string())).await.status, 200);
    // A page may put where the header is filled.
    sandbox.settings(json!({ "bailian_empty_type": false }));
    Answer::of(page(&put())).await.ok();
}

/// Left out, it would be signed for as well: only the bytes tell the two apart.
#[tokio::test]
async fn the_empty_type_is_on_the_wire() {
    let sandbox = sandbox().await;
    let wire = Wire::to(&sandbox.url(Service::Oss)).await;
    let settings = [("OSS_ENDPOINT", &*wire.url), ("GRANT_EVENTS", "trusted")];
    let function = start(&sandbox, &settings).await;
    for (empty, expected) in [(true, ""), (false, "text/markdown")] {
        sandbox.settings(json!({ "bailian_empty_type": empty }));
        for md5 in [Value::Null, json!(MD5)] {
            let checksums = json!({ "md5": md5 });
            let relay = json!({ "filename": "a.md", "mode": "relay", "checksums": checksums });
            assert_eq!(upload(&function.ask(&relay).await.ok(), b"hello").await.status, 200);
            assert_eq!(content_types(&wire), [expected], "relay {relay}");
            let job = json!({ "id": format!("{empty} {md5}"), "filename": "a.md", "checksums": checksums,
                "source": { "base64": "aGVsbG8=" } });
            assert_eq!(Answer::of(function.post("/events").body(job.to_string())).await.status, 200);
            assert_eq!(content_types(&wire), [expected], "{job}");
        }
    }
}

/// The values of the header in the PUTs that went over the wire.
fn content_types(wire: &Wire) -> Vec<String> {
    let lines = wire.lines();
    assert_eq!(lines.iter().filter(|line| line.starts_with("PUT /")).count(), 1, "{lines:#?}");
    let pairs = lines.iter().filter_map(|line| line.split_once(':'));
    let found = pairs.filter(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    found.map(|(_, value)| value.trim().to_owned()).collect()
}

#[tokio::test]
async fn the_callers_name_is_the_console_s_and_the_handoff_is_add_file() {
    let sandbox = sandbox().await;
    let function = start(&sandbox, &[("BAILIAN_CATEGORY_ID", facts::BAILIAN_CATEGORY_ID)]).await;
    for (filename, content_type) in
        [("Preise, neu ä 😀.MD", ""), ("photo", "image/png"), ("a.jfif", "image/jpeg")]
    {
        let mut request = put();
        request["filename"] = filename.into();
        request["content_type"] = content_type.into();
        let grant = function.ask(&request).await.ok();
        assert_eq!(upload(&grant, b"hello").await.status, 200, "{filename}");
        let done = json!({ "token": grant["complete"]["token"], "size": 5 });
        let receipt = Answer::of(function.post("/complete").body(done.to_string())).await.ok();
        assert_eq!(receipt["handoff"]["actions"], json!(["AddFile"]));
        assert_eq!(
            receipt["handoff"]["params"],
            json!({
                "WorkspaceId": facts::BAILIAN_WORKSPACE_ID, "LeaseId": grant["vendor"]["lease_id"], "Parser": "AUTO_SELECT",
                "CategoryId": facts::BAILIAN_CATEGORY_ID, "CategoryType": "UNSTRUCTURED",
            })
        );
    }
    let long = format!("{}.md", "ä".repeat(250));
    let mut request = put();
    request["filename"] = long.into();
    function.ask(&request).await.ok();
}

#[tokio::test]
async fn who_may_choose_workspace_and_category() {
    let sandbox = sandbox().await;
    let function = start(&sandbox, &[]).await;
    for name in ["workspace_id", "category_id", "category_type"] {
        let mut request = put();
        request["params"] = json!({ name: "SESSION_FILE" });
        assert_eq!(
            pointer(&function.ask(&request).await),
            (403, "forbidden".into(), format!("/params/{name}"))
        );
    }
    let policy =
        r#"{"groups":[{"params":{"workspace_id":{"caller":true},"category_type":{"caller":true}}}]}"#;
    let function = start(&sandbox, &[("GRANT_POLICY", policy)]).await;
    let ask = async |params: Value| {
        let mut request = put();
        request["params"] = params;
        function.ask(&request).await
    };
    ask(json!({ "category_type": "SESSION_FILE" })).await.ok();
    assert_eq!(pointer(&ask(json!({ "category_type": "other" })).await), invalid("/params/category_type"));
    // A path of one's own is only a name there.
    let elsewhere = ask(json!({ "workspace_id": "../x?y=z#" })).await;
    assert_eq!(elsewhere.problem(), (502, "vendor_auth_failed"), "{}", elsewhere.text);
}

#[tokio::test]
async fn an_answer_that_leads_elsewhere_or_says_too_little_is_refused() {
    let url = "https://bailian-1.oss-cn-hangzhou.aliyuncs.com/1/2.md?Expires=4102444800&OSSAccessKeyId=x&Signature=y";
    let good = json!({ "RequestId": "R-1", "Success": true, "Code": "", "Data": { "FileUploadLeaseId": "l-1", "Type": "HTTP",
        "Param": { "Method": "POST", "Url": url, "Headers": { "X-bailian-extra": "MTA=", "Content-Type": "", "Host": "h", "content-length": "5" } } } });
    let answered = async |change: &dyn Fn(&mut Value)| {
        let sandbox = sandbox().await;
        let mut body = good.clone();
        change(&mut body);
        sandbox.fault(json!({ "target": "bailian", "raw": { "status": 200, "body": body.to_string() } }));
        start(&sandbox, &[("OSS_ENDPOINT", "")]).await.ask(&put()).await
    };
    let grant = answered(&|_| ()).await.ok();
    assert_eq!(
        (&grant["method"], &grant["url"], &grant["key"]),
        (&json!("POST"), &json!(url), &json!("1/2.md"))
    );
    assert_eq!(grant["headers"], json!({ "X-bailian-extra": "MTA=", "Content-Type": "" }));
    assert_eq!((&grant["expires_at"], grant.get("fields")), (&json!("2100-01-01T00:00:00Z"), None));
    for (at, value) in [
        ("/Data", json!(null)),
        ("/Data", json!([])),
        ("/Data/FileUploadLeaseId", json!("")),
        ("/Data/FileUploadLeaseId", json!("a\nb")),
        ("/Data/Param", json!({})),
        ("/Data/Param/Method", json!("DELETE")),
        ("/Data/Param/Url", json!("https://evil.example/1/2.md?Expires=4102444800")),
        ("/Data/Param/Url", json!(url.replace("4102444800", "1629350400"))),
        ("/Data/Param/Url", json!(url.replace("Expires", "Other"))),
        ("/Data/Param/Headers", json!(null)),
        ("/Data/Param/Headers", json!({ "X-a": "b\r\nc: d" })),
        ("/Data/Param/Headers", json!({ "X a": "b" })),
        ("/Data/Param/Headers", json!({ "X-a": 5 })),
    ] {
        let answer =
            answered(&|body: &mut Value| *body.pointer_mut(at).expect("it is there") = value.clone()).await;
        assert_eq!(answer.problem(), (502, "vendor_bad_response"), "{at} {value}");
    }
}

/// A job goes on to the file, over one upload and one `AddFile`.
#[tokio::test]
async fn a_job_goes_on_until_the_file_is_parsed() {
    for (status, expected) in [("PARSE_SUCCESS", 200), ("PARSE_FAILED", 422)] {
        let sandbox = sandbox().await;
        sandbox.settings(json!({ "bailian_status": status }));
        let function = start(&sandbox, &[("BAILIAN_FINISH", "addfile"), ("GRANT_EVENTS", "trusted")]).await;
        let job = json!({ "id": "j", "filename": "a.md", "source": { "base64": "aGVsbG8=" } }).to_string();
        let answer = Answer::of(function.post("/events").body(job.clone())).await;
        assert_eq!(answer.status, expected, "{}", answer.text);
        // Delivered again, it is done.
        let again = Answer::of(function.post("/events").body(job)).await;
        assert_eq!(again.status, expected, "{}", again.text);
        let calls = |action: &str| sandbox.action_calls(Service::Bailian, action);
        assert_eq!((calls("ApplyFileUploadLease"), calls("AddFile"), sandbox.objects().len()), (1, 1, 1));
        assert_eq!(calls("DescribeFile"), 2);
    }
}
