//! Where the routes are, which methods they take, and what every answer carries.

use reqwest::Method;
use serde_json::{Value, json};
use upload_grant_tests::{Answer, FLOWS, Function, sandbox, upload_request};

const REQUEST: &str = r#"{"filename":"a.png"}"#;

async fn chatapp(extra: &[(&str, &str)]) -> Function {
    Function::of("alibaba-chatapp", &sandbox().await, extra).await
}

async fn call(function: &Function, method: &str, path: &str) -> Answer {
    let method: Method = method.parse().expect("a method");
    let request = function.client.request(method, format!("{}{path}", function.url));
    Answer::of(request.header("content-type", "application/json").body(REQUEST)).await
}

#[tokio::test]
async fn the_tail_of_the_path_is_the_route() {
    let function = chatapp(&[]).await;
    for path in [
        "",
        "/",
        "/grants",
        "/prod/grants",
        "/prod/alibaba-chatapp/grants",
        "/%2e/grants",
        "/?a=b",
        "/x/grants?a=b",
    ] {
        assert_eq!(call(&function, "POST", path).await.status, 200, "{path}");
    }
    for (method, path) in [("GET", "/events"), ("PUT", "/events"), ("GET", "/invoke")] {
        assert_eq!(call(&function, method, path).await.problem(), (404, "not_found"), "{method} {path}");
    }
    for path in [
        "/grants/",
        "/grant",
        "/Grants",
        "/grants/x",
        "/prod",
        "/grants/grants",
        "/healthz/grants",
        "/relay/x/grants",
        "/s3/params/grants",
        "/complete/grants",
        "/relay",
        "/-",
        "//",
        "/s3",
        "/events",
        "/invoke",
        "/%00",
    ] {
        assert_eq!(call(&function, "POST", path).await.problem(), (404, "not_found"), "{path}");
    }
}

#[tokio::test]
async fn the_base_path_is_the_bare_alias() {
    let function = chatapp(&[("GRANT_BASE_PATH", "/prod/up")]).await;
    for (path, status) in [
        ("/prod/up", 200),
        ("/prod/up/", 200),
        ("/prod/up/grants", 200),
        ("/", 404),
        ("/prod", 404),
        ("/other/up", 404),
    ] {
        assert_eq!(call(&function, "POST", path).await.status, status, "{path}");
    }
}

#[tokio::test]
async fn other_methods_are_named() {
    let function = chatapp(&[]).await;
    for (path, allow, others) in [
        ("/", "POST", &["GET", "PUT", "DELETE", "PATCH"][..]),
        ("/prod/grants", "POST", &["GET", "PUT", "DELETE"]),
        ("/complete", "POST", &["GET", "PUT"]),
        ("/relay/ticket", "PUT", &["GET", "POST", "DELETE"]),
        ("/s3/params", "GET", &["POST", "PUT"]),
        ("/healthz", "GET", &["POST"]),
        ("/openapi.json", "GET", &["POST"]),
    ] {
        for method in others {
            let answer = call(&function, method, path).await;
            assert_eq!(answer.problem(), (405, "method_not_allowed"), "{method} {path}");
            assert!(
                answer.header("allow").split(',').any(|name| name == allow),
                "{method} {path}: {:?}",
                answer.headers
            );
            let looked = call(&function, "HEAD", path).await.status;
            let allowed = answer.header("allow").split(',').any(|name| name == "HEAD");
            assert_eq!(allowed, looked != 405, "HEAD {path}");
        }
    }
}

#[tokio::test]
async fn a_look_at_the_facade_costs_no_vendor_call() {
    let sandbox = sandbox().await;
    let function = Function::of("alibaba-workorder", &sandbox, &[]).await;
    let looked = call(&function, "HEAD", "/s3/params?filename=a.png").await;
    assert_eq!((looked.status, looked.header("allow")), (405, "GET"));
    assert_eq!(sandbox.calls(upload_grant_tests::Service::Workorder), 0);
}

#[tokio::test]
async fn grants_and_problems_are_not_stored_and_have_an_id() {
    let function = chatapp(&[]).await;
    let grant = call(&function, "POST", "/grants").await;
    assert_eq!((grant.status, grant.header("cache-control")), (200, "no-store"));
    assert_eq!(grant.header("x-request-id").len(), 26);
    let problem = call(&function, "POST", "/nowhere").await;
    assert_eq!(problem.header("cache-control"), "no-store");
    assert_eq!(problem.json["request_id"], problem.header("x-request-id"));
    let sent = |id: &'static str| function.post("/nowhere").header("x-request-id", id);
    assert_eq!(Answer::of(sent("trace-7_a.b")).await.json["request_id"], "trace-7_a.b");
    assert_eq!(Answer::of(sent("not a plain <id>")).await.header("x-request-id").len(), 26);
}

#[tokio::test]
async fn cors_is_for_the_named_origins_only() {
    let function = chatapp(&[
        ("GRANT_CORS_ORIGINS", "https://app.example,http://localhost:3000,capacitor://localhost"),
        ("GRANT_INSECURE", "true"),
    ])
    .await;
    let from = |path: &str, origin: &'static str| function.post(path).header("origin", origin).body(REQUEST);
    for origin in ["https://app.example", "http://localhost:3000", "capacitor://localhost"] {
        for (path, status) in [("/grants", 200), ("/nowhere", 404), ("/complete", 400)] {
            let answer = Answer::of(from(path, origin)).await;
            assert_eq!(answer.status, status);
            assert_eq!(answer.header("access-control-allow-origin"), origin, "{path}");
            assert!(answer.header("vary").to_ascii_lowercase().contains("origin"), "{path}");
            assert_eq!(
                listed(&answer, "access-control-expose-headers"),
                ["etag", "location", "retry-after", "x-request-id"]
            );
            assert_eq!(answer.header("access-control-allow-credentials"), "");
        }
    }
    let others = [
        "https://evil.example",
        "null",
        "https://app.example.evil",
        "http://app.example",
        "capacitor://localhost2",
    ];
    for origin in others {
        let answer = Answer::of(from("/grants", origin)).await;
        assert_eq!((answer.status, answer.header("access-control-allow-origin")), (200, ""), "{origin}");
    }
}

#[tokio::test]
async fn preflights() {
    let function = chatapp(&[("GRANT_CORS_ORIGINS", "https://app.example")]).await;
    let ask = |function: &Function, path: &str, origin: &'static str| {
        let request = function.client.request(Method::OPTIONS, format!("{}{path}", function.url));
        let request = request.header("access-control-request-headers", "content-type,x-api-key");
        request.header("origin", origin).header("access-control-request-method", "POST")
    };
    for path in ["/grants", "/complete", "/relay/ticket", "/prod/s3/params"] {
        let answer = Answer::of(ask(&function, path, "https://app.example")).await;
        assert!((200..300).contains(&answer.status), "{path}");
        assert_eq!(answer.header("access-control-allow-origin"), "https://app.example");
        assert_eq!(listed(&answer, "access-control-allow-methods"), ["get", "post", "put"]);
        let headers = [
            "authorization",
            "baggage",
            "content-type",
            "sentry-trace",
            "traceparent",
            "tracestate",
            "uppy-auth-token",
            "uppy-versions",
            "x-api-key",
        ];
        assert_eq!(listed(&answer, "access-control-allow-headers"), headers);
    }
    let other = Answer::of(ask(&function, "/grants", "https://evil.example")).await;
    assert_eq!(other.header("access-control-allow-origin"), "");

    let silent = chatapp(&[("GRANT_INSECURE", "true")]).await;
    for answer in [
        Answer::of(ask(&silent, "/grants", "https://app.example")).await,
        Answer::of(silent.post("/grants").header("origin", "https://app.example").body(REQUEST)).await,
    ] {
        assert!((200..300).contains(&answer.status));
        assert!(
            !answer.headers.keys().any(|name| name.as_str().starts_with("access-control-")),
            "{:?}",
            answer.headers
        );
    }
}

fn listed(answer: &Answer, name: &str) -> Vec<String> {
    let mut names: Vec<String> =
        answer.header(name).split(',').map(|one| one.trim().to_ascii_lowercase()).collect();
    names.sort();
    names
}

#[tokio::test]
async fn liveness_and_openapi_need_no_caller() {
    for flow in FLOWS.iter().map(|flow| flow.name) {
        let function =
            Function::of(flow, &sandbox().await, &[("GRANT_AUTH", "api-key"), ("GRANT_API_KEYS", "")]).await;
        let health = Answer::of(function.get("/prod/healthz")).await.ok();
        assert_eq!((&health["status"], &health["flow"]), (&json!("ok"), &json!(flow)));
        assert_eq!(health["missing"], json!(["GRANT_API_KEYS"]));
        let openapi = Answer::of(function.get("/openapi.json")).await.ok();
        assert!(openapi["openapi"].as_str().expect("a version").starts_with("3.1"));
        assert!(openapi["info"]["title"].as_str().expect("a title").contains(flow));
    }
}

#[tokio::test]
async fn the_companion_facade_answers_forms() {
    for (flow, filename, content_type) in [
        ("alibaba-chatapp", "a b.png", "image/png"),
        ("alibaba-workorder", "a b.pdf", "application/pdf"),
        ("alibaba-dashscope", "a b.mp4", "video/mp4"),
    ] {
        let sandbox = sandbox().await;
        let function = Function::of(flow, &sandbox, &[]).await;
        let query = format!(
            "filename=a%20b.{}&type={content_type}&metadata[name]=x&metadata[type]=y",
            &filename[4..]
        );
        let mut answer = Answer::of(function.get(&format!("/prod/s3/params?{query}"))).await.ok();
        let members: Vec<&String> = answer.as_object().expect("an object").keys().collect();
        assert_eq!(members, ["method", "url", "fields", "headers", "expires", "key"], "{flow}");
        assert_eq!((&answer["method"], &answer["key"]), (&json!("POST"), &answer["fields"]["key"]));
        answer["file_field"] = "file".into();
        answer["limits"]["content_types"] = json!([content_type]);
        let stored = Answer::of(upload_request(&answer, b"hello")).await;
        assert!(stored.status < 300, "{}", stored.text);
        assert_eq!(sandbox.objects().len(), 1);

        let missing = Answer::of(function.get("/s3/params")).await;
        assert_eq!(missing.problem(), (400, "invalid_request"));
        assert_eq!(missing.json["errors"][0]["pointer"], "/filename");
    }
    for flow in ["tencent-lke", "alibaba-aicontent", "huawei-aicc", "alibaba-bailian"] {
        let function = Function::of(flow, &sandbox().await, &[]).await;
        let answer = Answer::of(function.get("/s3/params?filename=a.pdf&type=application/pdf")).await;
        assert_eq!(answer.problem(), (400, "invalid_request"), "{flow}");
    }
}

#[tokio::test]
async fn companion_metadata_fills_only_the_flows_params() {
    let function = chatapp(&[]).await;
    let ask = |metadata: &str| function.get(&format!("/s3/params?filename=a.png&{metadata}"));
    // Its own param is the operator's to set, another flow's is only Uppy metadata.
    let forbidden = Answer::of(ask("metadata[cust_space_id]=other")).await;
    assert_eq!(forbidden.problem(), (403, "forbidden"));
    assert_eq!(forbidden.json["errors"][0]["pointer"], "/params/cust_space_id");
    for ignored in ["metadata[bot_biz_id]=1", "metadata[is_public]=true", "metadata[relativePath]=null"] {
        let answer: Value = Answer::of(ask(ignored)).await.ok();
        assert!(answer["fields"].is_object(), "{ignored}");
    }
}
