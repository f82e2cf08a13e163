//! HTTP on Lambda: Function URL, HTTP API, REST API and load balancers, each with its own answer.

use serde_json::{Map, Value, json};
use upload_grant_tests::Service;
use upload_grant_tests::platform::now_ms;

use crate::{Lambda, event};

fn keys(answer: &Value) -> Vec<&str> {
    let mut keys: Vec<&str> = answer.as_object().expect("an object").keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}

fn grant(answer: &Value) -> Value {
    assert_eq!((&answer["statusCode"], &answer["isBase64Encoded"]), (&json!(200), &json!(false)), "{answer}");
    let grant: Value = serde_json::from_str(answer["body"].as_str().expect("a body")).expect("JSON");
    assert_eq!((&grant["flow"], &grant["method"]), (&json!("tencent-lke"), &json!("PUT")));
    assert_eq!((&grant["limits"]["min_bytes"], &grant["limits"]["max_bytes"]), (&json!(5), &json!(5)));
    grant
}

const PLAIN: [&str; 4] = ["body", "headers", "isBase64Encoded", "statusCode"];
const VERSION_2: [&str; 5] = ["body", "cookies", "headers", "isBase64Encoded", "statusCode"];

#[tokio::test]
async fn a_function_url_with_a_base64_body_is_answered() {
    let lambda = Lambda::start("tencent-lke", &[("GRANT_AUTH", "gateway")]).await;
    let answer = lambda.invoke(&event("function-url")).await.unwrap();
    assert_eq!(keys(&answer), VERSION_2);
    assert_eq!(answer["headers"]["content-type"], "application/json");
    assert_eq!(answer["headers"]["cache-control"], "no-store");
    // On Lambda the request's id is the invocation's.
    assert!(answer["headers"]["x-request-id"].as_str().unwrap().starts_with("8476a536-e9f4-11e8-9739-"));
    grant(&answer);
}

#[tokio::test]
async fn an_http_api_is_answered_also_as_the_emulator_sends_it() {
    let lambda = Lambda::start("tencent-lke", &[("GRANT_AUTH", "gateway")]).await;
    let mut sent = event("http-v2");
    let answer = lambda.invoke(&sent).await.unwrap();
    assert_eq!(keys(&answer), VERSION_2);
    grant(&answer);
    // `cargo lambda watch` says GET whatever the method, and null for what is empty.
    for (name, value) in
        [("httpMethod", json!("GET")), ("resource", Value::Null), ("rawQueryString", Value::Null)]
    {
        sent[name] = value;
    }
    grant(&lambda.invoke(&sent).await.unwrap());
}

#[tokio::test]
async fn a_rest_api_is_answered() {
    let lambda = Lambda::start("tencent-lke", &[("GRANT_AUTH", "gateway")]).await;
    let answer = lambda.invoke(&event("rest-v1")).await.unwrap();
    assert_eq!(keys(&answer), PLAIN);
    grant(&answer);
}

#[tokio::test]
async fn a_load_balancer_is_answered_in_single_and_multi_value_headers() {
    let lambda = Lambda::start("tencent-lke", &[]).await;
    let answer = lambda.invoke(&event("alb")).await.unwrap();
    assert_eq!(keys(&answer), ["body", "headers", "isBase64Encoded", "statusCode", "statusDescription"]);
    assert_eq!(answer["statusDescription"], "200 OK");
    grant(&answer);
    let answer = lambda.invoke(&event("alb-multi")).await.unwrap();
    assert_eq!(
        keys(&answer),
        ["body", "isBase64Encoded", "multiValueHeaders", "statusCode", "statusDescription"]
    );
    assert_eq!(answer["multiValueHeaders"]["content-type"], json!(["application/json"]));
    grant(&answer);
}

#[tokio::test]
async fn without_an_authorizer_nobody_is_known() {
    let lambda = Lambda::start("tencent-lke", &[("GRANT_AUTH", "gateway")]).await;
    let answer = lambda.invoke(&event("alb")).await.unwrap();
    assert_eq!(
        (&answer["statusCode"], &answer["statusDescription"]),
        (&json!(401), &json!("401 Unauthorized"))
    );
    assert_eq!(answer["headers"]["content-type"], "application/problem+json");
}

#[tokio::test]
async fn a_binary_body_is_relayed_byte_by_byte() {
    let extra = [("GRANT_PUBLIC_URL", "https://uploads.example.com"), ("GRANT_TIMEOUT_SECONDS", "600")];
    let lambda = Lambda::start("tencent-lke", &extra).await;
    let mut ask = event("http-v2");
    ask["body"] = json!({ "filename": "a.pdf", "mode": "relay" }).to_string().into();
    let grant: Value = {
        let answer = lambda.invoke(&ask).await.unwrap();
        serde_json::from_str(answer["body"].as_str().unwrap()).unwrap()
    };
    // Whatever the runtime can carry: 6 MB of event, its base64 taken off.
    assert_eq!(grant["limits"]["max_bytes"], 4_613_734);
    let path = grant["url"].as_str().unwrap().strip_prefix("https://uploads.example.com").unwrap();
    let mut put = event("http-v2");
    put["rawPath"] = path.into();
    put["requestContext"]["http"] = json!({ "method": "PUT", "path": path, "sourceIp": "203.0.113.7" });
    put["headers"] =
        Value::Object(Map::from_iter([("content-type".to_owned(), json!("application/octet-stream"))]));
    put["body"] = "AP+Afw==".into();
    put["isBase64Encoded"] = true.into();
    // As everywhere else, a client that does not say how much it sends is told to.
    let refused = lambda.invoke(&put).await.unwrap();
    assert_eq!(refused["statusCode"], 411, "{refused}");
    put["headers"]["content-length"] = "four".into();
    assert_eq!(lambda.invoke(&put).await.unwrap()["statusCode"], 411);
    assert!(lambda.sandbox.objects().is_empty());
    put["headers"]["content-length"] = "4".into();
    let answer = lambda.invoke(&put).await.unwrap();
    assert_eq!(answer["statusCode"], 200, "{answer}");
    assert_eq!(lambda.sandbox.objects()[0].data.as_deref(), Some(&[0x00, 0xff, 0x80, 0x7f][..]));
    // Spent, it answers its receipt; a fresh one that cannot be used in time fails in time.
    assert_eq!(lambda.invoke(&put).await.unwrap()["body"], answer["body"]);
    let answer = lambda.invoke(&ask).await.unwrap();
    let grant: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
    put["rawPath"] = grant["url"].as_str().unwrap().trim_start_matches("https://uploads.example.com").into();
    lambda.sandbox.fault(json!({ "target": "cos", "latency_ms": 60_000 }));
    let answer = lambda.api.invoke_until(&put, now_ms() + 2_500).await.unwrap();
    assert!(answer["statusCode"] == 504 || answer["statusCode"] == 502, "{answer}");
}

#[tokio::test]
async fn a_deadline_in_the_past_is_the_emulators_and_means_the_usual_time() {
    let lambda = Lambda::start("tencent-lke", &[]).await;
    grant(&lambda.api.invoke_until(&event("alb"), 600_000).await.unwrap());
}

#[tokio::test]
async fn what_cannot_be_done_in_time_fails_before_the_platform_ends_it() {
    // Only the platform's deadline ends the first attempt so soon that no second one is made.
    let lambda = Lambda::start("tencent-lke", &[("GRANT_TIMEOUT_SECONDS", "600")]).await;
    grant(&lambda.invoke(&event("alb")).await.unwrap());
    lambda.sandbox.fault(json!({ "target": "lke", "latency_ms": 60_000 }));
    let answer = lambda.api.invoke_until(&event("alb"), now_ms() + 2_500).await.unwrap();
    assert_eq!(answer["statusCode"], 504, "{answer}");
    assert_eq!(lambda.sandbox.calls(Service::Lke), 2);
    // The same for a direct invocation and for a queue, whose message stays in the queue.
    let failure = lambda.api.invoke_until(&event("direct"), now_ms() + 2_500).await.unwrap_err();
    assert_eq!(failure["errorType"], "vendor_timeout");
    let answer = lambda.api.invoke_until(&event("sqs"), now_ms() + 2_500).await.unwrap();
    assert_eq!(answer["batchItemFailures"].as_array().unwrap().len(), 2);
    lambda.sandbox.clear_faults();
    let answer = lambda.invoke(&event("sqs")).await.unwrap();
    assert_eq!(answer, json!({ "batchItemFailures": [] }));
}

/// The URL that a relay grant has behind a gateway, without its ticket.
async fn relay_url(lambda: &Lambda, sent: &Value) -> String {
    let mut ask = sent.clone();
    ask["body"] = json!({ "filename": "a.pdf", "mode": "relay" }).to_string().into();
    ask["isBase64Encoded"] = false.into();
    let answer = lambda.invoke(&ask).await.unwrap();
    assert_eq!(answer["statusCode"], 200, "{answer}");
    let grant: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
    grant["url"].as_str().unwrap().rsplit_once('/').unwrap().0.to_owned()
}

#[tokio::test]
async fn relay_urls_keep_stages_and_base_paths() {
    const ID: &str = "a1b2c3d4e5.execute-api.us-east-1.amazonaws.com";
    const CUSTOM: &str = "api.example.com";
    let lambda = Lambda::start("tencent-lke", &[]).await;
    for (host, path, whole, expected) in [
        (ID, "/tencent-lke/grants", "/prod/tencent-lke/grants", "/prod/tencent-lke/relay"),
        (ID, "/grants", "/prod/grants", "/prod/relay"),
        (ID, "/", "/prod/", "/prod/relay"),
        (ID, "/", "/prod", "/prod/relay"),
        (CUSTOM, "/uploads/tencent-lke/grants", "/uploads/tencent-lke/grants", "/uploads/tencent-lke/relay"),
        (CUSTOM, "/tencent-lke/grants", "/uploads/tencent-lke/grants", "/uploads/tencent-lke/relay"),
        (CUSTOM, "/uploads/tencent-lke/grants", "/tencent-lke/grants", "/uploads/tencent-lke/relay"),
        (CUSTOM, "/tencent-lke/grants", "/tencent-lke/grants", "/tencent-lke/relay"),
        (CUSTOM, "/grants", "", "/relay"),
    ] {
        let mut rest = event("rest-v1");
        (rest["path"], rest["requestContext"]["path"]) = (path.into(), whole.into());
        rest["headers"]["Host"] = host.into();
        rest["multiValueHeaders"]["Host"] = json!([host]);
        assert_eq!(relay_url(&lambda, &rest).await, format!("https://{host}{expected}"), "{path} {whole}");
    }
    for (host, path, expected) in [
        (ID, "/prod/tencent-lke/grants", "/prod/tencent-lke/relay"),
        (ID, "/tencent-lke/grants", "/tencent-lke/relay"),
        (CUSTOM, "/uploads/tencent-lke/grants", "/uploads/tencent-lke/relay"),
        (CUSTOM, "/", "/relay"),
    ] {
        let mut http = event("http-v2");
        (http["rawPath"], http["requestContext"]["http"]["path"]) = (path.into(), path.into());
        http["headers"]["host"] = host.into();
        assert_eq!(relay_url(&lambda, &http).await, format!("https://{host}{expected}"), "{path}");
    }
    // A load balancer says by which of its listeners it came, and at which port.
    for (proto, host, start) in [
        ("http", "lb-1.us-east-1.elb.amazonaws.com", "http://lb-1.us-east-1.elb.amazonaws.com/"),
        ("https", "files.example.com:8443", "https://files.example.com:8443/"),
        ("https", "files.example.com", "https://files.example.com/"),
    ] {
        let mut balanced = event("alb");
        (balanced["headers"]["x-forwarded-proto"], balanced["headers"]["host"]) = (proto.into(), host.into());
        let url = relay_url(&lambda, &balanced).await;
        assert!(url.starts_with(start), "{url}");
    }
}

/// REST APIs keep the client's `Content-Length` to themselves, and hand over the whole body.
#[tokio::test]
async fn a_rest_api_relays_without_a_length() {
    let lambda = Lambda::start("tencent-lke", &[]).await;
    let mut ask = event("rest-v1");
    ask["body"] = json!({ "filename": "a.pdf", "mode": "relay" }).to_string().into();
    let answer = lambda.invoke(&ask).await.unwrap();
    let grant: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
    let (_, ticket) = grant["url"].as_str().unwrap().rsplit_once('/').unwrap();
    let mut put = event("rest-v1");
    (put["httpMethod"], put["path"]) = ("PUT".into(), format!("/relay/{ticket}").into());
    (put["headers"]["Content-Type"], put["multiValueHeaders"]) =
        ("application/octet-stream".into(), Value::Null);
    (put["body"], put["isBase64Encoded"]) = ("aGVsbG8=".into(), true.into());
    let answer = lambda.invoke(&put).await.unwrap();
    assert_eq!(answer["statusCode"], 200, "{answer}");
}
