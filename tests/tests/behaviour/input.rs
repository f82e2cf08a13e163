//! Bad input is refused by name and before any vendor call; odd but good file names upload under a safe key.

use serde_json::{Value, json};
use upload_grant_tests::{Answer, Function, Sandbox, sandbox, service, upload};

const MIB: u64 = 1024 * 1024;

/// Asks, and checks the problem, its pointer, and that the vendor heard nothing.
async fn refused(
    function: &Function,
    sandbox: &Sandbox,
    flow: &str,
    body: String,
    expected: (u16, &str, &str),
) {
    let shown = body.chars().take(200).collect::<String>();
    let answer = Answer::of(function.post("/grants").body(body)).await;
    let (status, code, pointer) = expected;
    assert_eq!(answer.problem(), (status, code), "{flow} {shown}: {}", answer.text);
    assert_eq!(answer.json["errors"][0]["pointer"], pointer, "{flow} {shown}: {}", answer.text);
    assert!(answer.json["errors"][0]["detail"].is_string());
    assert_eq!(answer.json["flow"], flow);
    assert_eq!(sandbox.calls(service(flow)), 0, "{flow} {shown}");
}

#[tokio::test]
async fn malformed_requests() {
    let sandbox = sandbox().await;
    let flow = "alibaba-chatapp";
    let function = Function::of(flow, &sandbox, &[]).await;
    for body in ["", "{", "\u{0}", "not json", "{\"filename\":\"a.png\""] {
        refused(&function, &sandbox, flow, body.into(), (400, "invalid_request", "")).await;
    }
    for body in [json!([]), json!(null), json!("a.png"), json!(7)] {
        refused(&function, &sandbox, flow, body.to_string(), (400, "invalid_request", "")).await;
    }
    let member = |name: &str, value: Value| {
        let mut request = json!({ "filename": "a.png" });
        request[name] = value;
        request
    };
    let checksum = |name: &str, value: Value| member("checksums", json!({ name: value }));
    for (request, pointer) in [
        (json!({}), "/filename"),
        (json!({ "filename": null }), "/filename"),
        (member("filename", json!(7)), "/filename"),
        (member("filename", json!(["a.png"])), "/filename"),
        (json!({ "name": 7 }), "/filename"),
        (json!({ "key": {} }), "/filename"),
        (member("content_type", json!(1)), "/content_type"),
        (member("type", json!([])), "/type"),
        (member("contentType", json!(false)), "/contentType"),
        (member("name", json!(5)), "/filename"),
        (member("content_type", json!("png")), "/content_type"),
        (member("content_type", json!("image/png\r\nX: y")), "/content_type"),
        (member("size", json!(-1)), "/size"),
        (member("size", json!(0)), "/size"),
        (member("size", json!(1.5)), "/size"),
        (member("size", json!(1e30)), "/size"),
        (member("size", json!("5")), "/size"),
        (member("size", json!(true)), "/size"),
        (member("mode", json!("")), "/mode"),
        (member("mode", json!("Form")), "/mode"),
        (member("mode", json!("ftp")), "/mode"),
        (member("mode", json!(1)), "/mode"),
        (member("checksums", json!("x")), "/checksums"),
        (checksum("md5", json!("5d41402abc4b2a76b9719d911017c592")), "/checksums/md5"),
        (checksum("md5", json!(1)), "/checksums/md5"),
        (checksum("sha256", json!("XUFAKrxLKna5cZ2REBfFkg==")), "/checksums/sha256"),
        (checksum("crc64", json!("-1")), "/checksums/crc64"),
        (checksum("crc64", json!("+1")), "/checksums/crc64"),
        (checksum("crc64", json!(7)), "/checksums/crc64"),
        (member("params", json!([])), "/params"),
    ] {
        refused(&function, &sandbox, flow, request.to_string(), (400, "invalid_request", pointer)).await;
    }
    for (flow, filename, param, value) in [
        ("tencent-lke", "a.pdf", "is_public", json!("true")),
        ("tencent-lke", "a.pdf", "type_key", json!(1)),
        ("huawei-aicc", "a.png", "locale", json!("")),
    ] {
        let function = Function::of(flow, &sandbox, &[]).await;
        let request = json!({ "filename": filename, "params": { param: value } }).to_string();
        let pointer = format!("/params/{param}");
        refused(&function, &sandbox, flow, request, (400, "invalid_request", &pointer)).await;
    }
}

/// A relay grant asks no vendor, and still is not given for what could never be uploaded.
#[tokio::test]
async fn parameters_are_checked_in_every_mode() {
    let any = r#"{"groups":[{"params":{"user_id":{"caller":true},"user_client_ip":{"caller":true},"type_key":{"caller":true},"core_type":{"caller":true},"text":{"caller":true}}}]}"#;
    let wide = |count: usize| json!("\u{65e5}".repeat(count));
    for (flow, filename, param, bad, good) in [
        ("huawei-aicc", "a.png", "user_id", wide(25), wide(24)),
        ("tencent-lke", "a.pdf", "type_key", json!("later"), json!("realtime")),
        ("alibaba-aicontent", "a.wav", "core_type", json!("../x"), json!("en.word.score")),
        (
            "alibaba-aicontent",
            "a.wav",
            "text",
            json!({ "refText": "x".repeat(2048) }),
            json!({ "refText": "x" }),
        ),
        ("alibaba-aicontent", "a.wav", "user_client_ip", json!("nope"), json!("2001:db8::1")),
    ] {
        let sandbox = sandbox().await;
        let function = Function::of(flow, &sandbox, &[("GRANT_POLICY", any)]).await;
        let carrier = if flow == "tencent-lke" { "put" } else { "form" };
        let modes = if flow == "huawei-aicc" { &["relay"][..] } else { &["relay", carrier][..] };
        for mode in modes {
            let ask =
                |value: &Value| json!({ "filename": filename, "mode": mode, "params": { param: value } });
            let pointer = format!("/params/{param}");
            refused(&function, &sandbox, flow, ask(&bad).to_string(), (400, "invalid_request", &pointer))
                .await;
        }
        let ask = json!({ "filename": filename, "mode": "relay", "params": { param: good } });
        assert_eq!(function.ask(&ask).await.status, 200, "{flow} {param}");
    }
}

#[tokio::test]
async fn bodies_are_bounded() {
    let sandbox = sandbox().await;
    let function = Function::of("alibaba-chatapp", &sandbox, &[]).await;
    let padded = |size: usize| json!({ "filename": "a.png", "padding": "x".repeat(size) }).to_string();
    let large = Answer::of(function.post("/grants").body(padded(10 << 20))).await;
    assert_eq!(large.problem(), (413, "too_large"));
    // Without a Content-Length to look at.
    let chunk: Result<_, std::io::Error> = Ok(padded(70_000));
    let stream = reqwest::Body::wrap_stream(futures_util::stream::iter([chunk]));
    let chunked = Answer::of(function.post("/grants").body(stream)).await;
    assert_eq!(chunked.problem(), (413, "too_large"));
    assert_eq!(sandbox.calls(service("alibaba-chatapp")), 0);
    assert_eq!(Answer::of(function.post("/grants").body(padded(60_000))).await.status, 200);
}

#[tokio::test]
async fn bad_file_names() {
    let sandbox = sandbox().await;
    let flow = "tencent-lke";
    let function = Function::of(flow, &sandbox, &[]).await;
    let long = "x".repeat(252) + ".pdf";
    let wide = "\u{1f600}".repeat(252) + ".pdf";
    for name in [
        "",
        "a/b.pdf",
        "..\\a.pdf",
        "../a.pdf",
        "a\nb.pdf",
        "a\u{0}.pdf",
        "a\u{7f}.pdf",
        "a\u{85}.pdf",
        &long,
        &wide,
    ] {
        for member in ["filename", "name", "key"] {
            let body = json!({ member: name }).to_string();
            refused(&function, &sandbox, flow, body, (400, "invalid_filename", "/filename")).await;
        }
    }
}

#[tokio::test]
async fn what_a_flow_does_not_have() {
    for (flow, env, filename, modes) in [
        ("alibaba-workorder", &[][..], "a.pdf", &["put", "credentials"][..]),
        ("alibaba-workorder", &[("WORKORDER_API", "2021-06-10")], "a.pdf", &["form", "credentials"]),
        ("tencent-lke", &[], "a.pdf", &["form"]),
        ("alibaba-aicontent", &[], "a.wav", &["put", "credentials"]),
        ("huawei-aicc", &[], "a.jpg", &["form", "put", "credentials"]),
    ] {
        let sandbox = sandbox().await;
        let function = Function::of(flow, &sandbox, env).await;
        for mode in modes {
            let body = json!({ "filename": filename, "mode": mode }).to_string();
            refused(&function, &sandbox, flow, body, (400, "invalid_request", "/mode")).await;
        }
    }
    for (flow, filename) in [("alibaba-chatapp", "a.png"), ("tencent-lke", "a.pdf")] {
        let sandbox = sandbox().await;
        let function = Function::of(flow, &sandbox, &[]).await;
        let body = json!({ "filename": filename, "mode": "credentials" }).to_string();
        refused(&function, &sandbox, flow, body, (403, "forbidden", "/mode")).await;
    }
}

#[tokio::test]
async fn sizes_over_the_limit() {
    for (flow, filename, limit) in [
        ("alibaba-chatapp", "a.png", 5 * MIB),
        ("alibaba-chatapp", "a.webp", 500 * 1024),
        ("alibaba-chatapp", "a.mp4", 16 * MIB),
        ("alibaba-chatapp", "a.pdf", 100 * MIB),
        ("alibaba-workorder", "a.zip", 2 * MIB),
        ("tencent-lke", "a.pdf", 200 * MIB),
        ("tencent-lke", "a.md", 20 * MIB),
        ("tencent-lke", "a.jpg", 50 * MIB),
        ("huawei-aicc", "a.mp3", 2 * MIB),
    ] {
        let sandbox = sandbox().await;
        let function = Function::of(flow, &sandbox, &[]).await;
        for size in [limit + 1, 1 << 53, u64::MAX] {
            let body = json!({ "filename": filename, "size": size }).to_string();
            refused(&function, &sandbox, flow, body, (413, "too_large", "/size")).await;
        }
        let grant = function.ask(&json!({ "filename": filename, "size": limit })).await.ok();
        assert_eq!(grant["limits"]["max_bytes"], limit, "{flow} {filename}");
    }
    let sandbox = sandbox().await;
    let function = Function::of("alibaba-chatapp", &sandbox, &[("GRANT_MAX_BYTES", "1000")]).await;
    let body = json!({ "filename": "a.mp4", "size": 1001 }).to_string();
    refused(&function, &sandbox, "alibaba-chatapp", body, (413, "too_large", "/size")).await;
}

#[tokio::test]
async fn types_that_are_not_taken() {
    for (flow, filename, content_type) in [
        ("alibaba-chatapp", "a.m4a", "video/mp4"),
        ("alibaba-chatapp", "a.pdf", "image/png"),
        ("alibaba-chatapp", "a.exe", ""),
        ("alibaba-chatapp", "a.gif", "image/gif"),
        ("alibaba-chatapp", "noextension", ""),
        ("alibaba-chatapp", "noextension", "application/octet-stream"),
        ("tencent-lke", "a.zip", ""),
        ("tencent-lke", "a.pdf", "text/html"),
        ("alibaba-aicontent", "a.png", ""),
        ("huawei-aicc", "a.pdf", "application/pdf"),
    ] {
        let sandbox = sandbox().await;
        let function = Function::of(flow, &sandbox, &[]).await;
        let body = json!({ "filename": filename, "content_type": content_type }).to_string();
        refused(&function, &sandbox, flow, body, (415, "unsupported_type", "/content_type")).await;
    }
    let sandbox = sandbox().await;
    let env = [("GRANT_CONTENT_TYPES", "image/gif, video/*")];
    let function = Function::of("alibaba-chatapp", &sandbox, &env).await;
    let body = json!({ "filename": "a.png" }).to_string();
    refused(&function, &sandbox, "alibaba-chatapp", body, (415, "unsupported_type", "/content_type")).await;
    for filename in ["a.gif", "a.mp4", "a.webm"] {
        assert_eq!(function.ask(&json!({ "filename": filename })).await.status, 200, "{filename}");
    }
}

#[tokio::test]
async fn params_a_caller_may_not_set() {
    for (flow, filename, names) in [
        // What another flow's callers may set is none of this one's.
        ("alibaba-chatapp", "a.png", &["cust_space_id", "locale", "anything"][..]),
        ("alibaba-workorder", "a.pdf", &["anything"]),
        ("tencent-lke", "a.pdf", &["bot_biz_id"]),
        ("alibaba-aicontent", "a.wav", &["user_id", "user_client_ip"]),
        ("huawei-aicc", "a.jpg", &["user_id", "channel_id"]),
    ] {
        let sandbox = sandbox().await;
        let function = Function::of(flow, &sandbox, &[]).await;
        for name in names {
            let body = json!({ "filename": filename, "params": { *name: "x" } }).to_string();
            refused(&function, &sandbox, flow, body, (403, "forbidden", &format!("/params/{name}"))).await;
        }
    }
    let sandbox = sandbox().await;
    for (flow, filename, name, value) in [
        ("tencent-lke", "a.pdf", "type_key", json!("online")),
        ("alibaba-aicontent", "a.wav", "core_type", json!("../auth/authorize")),
        ("alibaba-aicontent", "a.wav", "text", json!({ "refText": "x".repeat(2048) })),
        ("alibaba-aicontent", "a.wav", "text", json!("hello")),
    ] {
        sandbox.reset();
        let function = Function::of(flow, &sandbox, &[]).await;
        let body = json!({ "filename": filename, "params": { name: value } }).to_string();
        refused(&function, &sandbox, flow, body, (400, "invalid_request", &format!("/params/{name}"))).await;
    }
}

#[tokio::test]
async fn odd_names_upload_under_safe_keys() {
    let sandbox = sandbox().await;
    let chatapp = Function::of("alibaba-chatapp", &sandbox, &[]).await;
    for (request, extension) in [
        (json!({ "filename": "\u{1f4c4}\u{1f600}.png" }), "png"),
        (json!({ "filename": "archive.tar.v1.2..png" }), "png"),
        (json!({ "filename": " spaces  in name .png" }), "png"),
        (json!({ "filename": "\u{202e}gnp.exe.png" }), "png"),
        (json!({ "filename": "\u{645}\u{644}\u{641}.png" }), "png"),
        (json!({ "filename": "p\u{430}ypal.png" }), "png"),
        (json!({ "filename": "..." , "content_type": "image/png" }), "png"),
        (json!({ "filename": ".png", "content_type": "image/png" }), "png"),
        (json!({ "filename": "UPPER.JPG" }), "jpg"),
        (json!({ "filename": "noextension", "content_type": "image/jpeg" }), "jpg"),
        (json!({ "filename": "photo.q7q7", "type": "image/png" }), "png"),
        (json!({ "filename": "a.png", "content_type": "application/octet-stream" }), "png"),
        (json!({ "filename": "a.png", "content_type": "" }), "png"),
        (json!({ "filename": "a.png", "size": 5.0 }), "png"),
        (json!({ "filename": "a.png", "size": null, "mode": null, "params": null, "unknown": [1] }), "png"),
        (json!({ "name": "a,b;c=\"d\"%2f$&?#'.png" }), "png"),
        (json!({ "method": "PUT", "key": "photo.jpeg", "contentType": "image/jpeg" }), "jpeg"),
        (json!({ "filename": "x".repeat(251) + ".png" }), "png"),
        (json!({ "filename": "\u{65e5}".repeat(84) + ".png" }), "png"),
        (json!({ "filename": "\u{1f600}".repeat(251) + ".png" }), "png"),
    ] {
        for mode in ["form", "put", "relay"] {
            let mut request = request.clone();
            request["mode"] = mode.into();
            let grant = chatapp.ask(&request).await.ok();
            let answer = upload(&grant, b"hello").await;
            assert!(answer.status < 300, "{request}: {}", answer.text);
            let object = sandbox.objects().pop().expect("an object");
            let name = object.key.rsplit('/').next().expect("a name").to_owned();
            assert_eq!(name, format!("{}.{extension}", grant["id"].as_str().expect("an id")), "{request}");
            assert!(name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.'), "{name}");
            let filename =
                request["filename"].as_str().or(request["name"].as_str()).or(request["key"].as_str());
            let body = json!({ "token": grant["complete"]["token"] }).to_string();
            let receipt = Answer::of(chatapp.post("/complete").body(body)).await.ok();
            assert_eq!(receipt["filename"].as_str(), filename);
        }
    }
}
