//! A body that a gateway changed on the way: refused, whatever it became, and its ticket stays good.

use serde_json::{Value, json};

use crate::{Lambda, event};

const GATEWAY: &str = "https://uploads.example.com";

async fn lambda() -> Lambda {
    Lambda::start("tencent-lke", &[("GRANT_PUBLIC_URL", GATEWAY)]).await
}

/// The path of a new ticket for `size` bytes.
async fn ticket(lambda: &Lambda, size: Option<u64>) -> String {
    let mut ask = event("rest-v1");
    let document = json!({ "filename": "a.pdf", "mode": "relay", "size": size }).to_string();
    (ask["body"], ask["isBase64Encoded"]) = (document.into(), false.into());
    let answer = lambda.invoke(&ask).await.unwrap();
    let grant: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
    grant["url"].as_str().unwrap().strip_prefix(GATEWAY).unwrap().to_owned()
}

fn put(shape: &str, path: &str, headers: Value, body: &str, base64: bool) -> Value {
    let mut put = event(shape);
    if shape == "http-v2" {
        put["rawPath"] = path.into();
        put["requestContext"]["http"] = json!({ "method": "PUT", "path": path, "sourceIp": "203.0.113.7" });
    } else {
        (put["path"], put["httpMethod"]) = (path.into(), "PUT".into());
    }
    (put["headers"], put["body"], put["isBase64Encoded"]) = (headers, body.into(), base64.into());
    put["multiValueHeaders"] = Value::Null;
    put
}

#[tokio::test]
async fn nothing_is_stored_and_the_ticket_is_not_spent() {
    let lambda = lambda().await;
    let length =
        |length: &str| json!({ "Content-Type": "application/octet-stream", "Content-Length": length });
    let encoded = json!({ "content-length": "12", "Content-Encoding": "gzip" });
    let silent = json!({ "Content-Type": "application/octet-stream" });
    for shape in ["rest-v1", "http-v2", "alb"] {
        for (headers, body, base64) in [
            // What is no UTF-8 became U+FFFD, three bytes each.
            (length("12"), "%PDF-\u{fffd}\u{fffd}\u{fffd}\u{fffd}\u{fffd}\u{fffd}\u{fffd}", false),
            (length("5"), "\u{fffd}\u{fffd}\u{fffd}\u{fffd}\u{fffd}", false),
            (length("12"), "hello", false),
            (length("4"), "hello", false),
            (length("6"), "aGVsbG8=", true),
            (length("0"), "hello", false),
            // And where nobody says how many there were, they say so themselves.
            (silent.clone(), "%PDF-\u{fffd}", false),
            (encoded.clone(), "%PDF-\u{fffd}", false),
        ] {
            for size in [None, Some(12)] {
                let path = ticket(&lambda, size).await;
                let sent = put(shape, &path, headers.clone(), body, base64);
                let answer = lambda.invoke(&sent).await.unwrap();
                assert_eq!(answer["statusCode"], 400, "{sent} {answer}");
                let problem: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
                assert_eq!(problem["code"], "invalid_request", "{problem}");
                let detail = problem["detail"].as_str().unwrap();
                assert!(
                    detail.contains("binary media types") && detail.contains("binaryMediaTypes"),
                    "{detail}"
                );
                let good = put(shape, &path, length("12"), "aGVsbG8gd29ybGQh", true);
                let answer = lambda.invoke(&good).await.unwrap();
                assert_eq!(answer["statusCode"], 200, "{answer}");
            }
        }
    }
    let objects = lambda.sandbox.objects();
    assert_eq!(objects.len(), 3 * 8 * 2);
    assert!(objects.iter().all(|object| object.data.as_deref() == Some(b"hello world!")));
}

#[tokio::test]
async fn text_that_is_as_long_as_was_said_is_taken() {
    let lambda = lambda().await;
    for (length, body) in [("5", "hello"), ("3", "\u{fffd}"), (" 5 ", "hello")] {
        let path = ticket(&lambda, None).await;
        let headers = json!({ "Content-Length": length });
        let answer = lambda.invoke(&put("rest-v1", &path, headers, body, false)).await.unwrap();
        assert_eq!(answer["statusCode"], 200, "{answer}");
    }
    let path = ticket(&lambda, None).await;
    let answer = lambda.invoke(&put("rest-v1", &path, json!({}), "hello", false)).await.unwrap();
    assert_eq!(answer["statusCode"], 200, "{answer}");
    assert_eq!(lambda.sandbox.objects().len(), 4);
}
