//! VPC Lattice is a front door like the others, in both versions of its payload.

use serde_json::{Value, json};

use crate::Lambda;

fn version_2(method: &str, path: &str, body: &str, base64: bool) -> Value {
    json!({
        "version": "2.0", "path": path, "method": method, "body": body, "isBase64Encoded": base64,
        "headers": { "host": ["uploads.example.internal"], "content-type": ["application/json"],
            "x-forwarded-for": ["10.0.2.100"] },
        "requestContext": {
            "serviceNetworkArn": "arn:aws:vpc-lattice:us-east-1:123456789012:servicenetwork/sn-0",
            "serviceArn": "arn:aws:vpc-lattice:us-east-1:123456789012:service/svc-0",
            "targetGroupArn": "arn:aws:vpc-lattice:us-east-1:123456789012:targetgroup/tg-0",
            "identity": { "sourceVpcArn": "arn:aws:ec2:us-east-1:123456789012:vpc/vpc-0" },
            "region": "us-east-1", "timeEpoch": "1724875399456789",
        },
    })
}

fn version_1(method: &str, path: &str, body: &str, base64: bool) -> Value {
    json!({
        "raw_path": path, "method": method, "body": body, "is_base64_encoded": base64,
        "headers": { "host": "uploads.example.internal", "content-type": "application/json" },
        "query_string_parameters": {},
    })
}

fn body(answer: &Value) -> Value {
    serde_json::from_str(answer["body"].as_str().expect("a body")).expect("JSON")
}

#[tokio::test]
async fn grants_and_relays() {
    let lambda = Lambda::start("tencent-lke", &[]).await;
    for event in [version_1, version_2] {
        for (document, base64) in
            [(r#"{"filename":"a.pdf","size":5}"#, false), ("eyJmaWxlbmFtZSI6ImEucGRmIn0=", true)]
        {
            let answer =
                lambda.invoke(&event("POST", "/tencent-lke/grants", document, base64)).await.unwrap();
            assert_eq!((&answer["statusCode"], &body(&answer)["flow"]), (&json!(200), &json!("tencent-lke")));
        }
        let ask = r#"{"filename":"a.pdf","mode":"relay"}"#;
        let grant = body(&lambda.invoke(&event("POST", "/grants", ask, false)).await.unwrap());
        let url = grant["url"].as_str().unwrap();
        assert!(url.starts_with("https://uploads.example.internal/relay/"), "{url}");
        let path = url.strip_prefix("https://uploads.example.internal").unwrap();
        let mut put = event("PUT", path, "AP+Afw==", true);
        put["headers"]["content-type"] = json!("application/octet-stream");
        assert_eq!(lambda.invoke(&put).await.unwrap()["statusCode"], 200);
    }
    let stored = lambda.sandbox.objects();
    assert!(
        stored.len() == 2 && stored.iter().all(|one| one.data.as_deref() == Some(&[0, 0xff, 0x80, 0x7f][..]))
    );
}

#[tokio::test]
async fn the_query_is_read_wherever_it_is() {
    let lambda = Lambda::start("alibaba-chatapp", &[]).await;
    let mut second = version_2("GET", "/s3/params", "", false);
    second["queryStringParameters"] = json!({ "filename": ["a%20b.png"], "type": ["image%2Fpng"] });
    let mut first = version_1("GET", "/s3/params", "", false);
    first["query_string_parameters"] = json!({ "filename": "a%20b.png" });
    for sent in [second, first, version_1("GET", "/s3/params?filename=a%20b.png", "", false)] {
        let answer = lambda.invoke(&sent).await.unwrap();
        assert_eq!(
            (&answer["statusCode"], &body(&answer)["method"]),
            (&json!(200), &json!("POST")),
            "{answer}"
        );
    }
}

#[tokio::test]
async fn who_signed_is_who_asks() {
    let lambda = Lambda::start("tencent-lke", &[("GRANT_AUTH", "gateway")]).await;
    let mut sent = version_2("POST", "/grants", r#"{"filename":"a.pdf"}"#, false);
    assert_eq!(lambda.invoke(&sent).await.unwrap()["statusCode"], 401, "a network is nobody");
    let identity = &mut sent["requestContext"]["identity"];
    identity["type"] = "AWS_IAM".into();
    identity["principal"] = "arn:aws:iam::123456789012:role/crm".into();
    assert_eq!(lambda.invoke(&sent).await.unwrap()["statusCode"], 200);
}

#[tokio::test]
async fn what_only_looks_like_a_request_is_told_apart() {
    let lambda = Lambda::start("tencent-lke", &[]).await;
    for (sent, seen) in [
        (
            json!({ "requestContext": { "routeKey": "$connect", "eventType": "CONNECT", "connectionId": "c",
            "domainName": "x", "stage": "prod" }, "headers": { "host": "x" } }),
            "WebSocket",
        ),
        (
            json!({ "httpMethod": "GET", "path": "/grants", "requestContext": { "eventType": "MESSAGE",
            "connectionId": "c" }, "body": "{}" }),
            "WebSocket",
        ),
        (
            json!({ "messageVersion": "1.0", "agent": { "name": "a" }, "actionGroup": "g", "apiPath": "/grants",
            "httpMethod": "POST", "inputText": "x" }),
            "Bedrock agent",
        ),
        (
            json!({ "messageVersion": "1.0", "agent": { "name": "a" }, "actionGroup": "g", "function": "f" }),
            "Bedrock agent",
        ),
        (
            json!({ "type": "REQUEST", "methodArn": "arn:x", "httpMethod": "POST", "path": "/grants",
            "requestContext": { "stage": "prod" } }),
            "authorizer",
        ),
        (
            json!({ "type": "REQUEST", "routeArn": "arn:x", "rawPath": "/grants",
            "requestContext": { "http": { "method": "POST" } } }),
            "authorizer",
        ),
        (json!({ "type": "TOKEN", "methodArn": "arn:x", "authorizationToken": "t" }), "authorizer"),
    ] {
        let failure = lambda.invoke(&sent).await.unwrap_err();
        assert_eq!(failure["errorType"], "invalid_request", "{failure}");
        assert!(failure["errorMessage"].as_str().unwrap().contains(seen), "{failure}");
    }
}
