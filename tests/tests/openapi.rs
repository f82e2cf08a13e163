//! What the functions answer is what their OpenAPI description says, no more and no less.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use upload_grant::model::problem::Code;
use upload_grant_runtime::flow::Flow;
use upload_grant_tests::schema::Schemas;
use upload_grant_tests::*;

/// Every mode of a flow: the grant, the upload, the receipt; and what every flow answers besides.
async fn answers_match<F: Flow>(extra: &[(&str, &str)]) {
    let file = FLOWS.iter().find(|flow| flow.name == F::SPEC.name).expect("it is listed").file;
    let sandbox = Sandbox::start().await.unwrap();
    let mut settings = vec![("GRANT_ALLOW_CREDENTIALS", "true")];
    settings.extend(extra);
    let function = Function::start::<F>(&sandbox, &settings).await;
    let schemas = Schemas::of(&function).await;
    let modes = schemas.0["components"]["schemas"]["Mode"]["enum"].as_array().unwrap().clone();
    assert!(modes.contains(&json!("relay")));
    for mode in modes {
        let wanted = F::SPEC.needs_md5 && mode != "relay";
        for size in [Value::Null, json!(5)].into_iter().filter(|size| !(wanted && size.is_null())) {
            let request = json!({ "filename": file, "size": size, "mode": mode,
                "checksums": { "md5": "XUFAKrxLKna5cZ2REBfFkg==" } });
            let grant = function.ask(&request).await.ok();
            assert_eq!(grant["mode"], mode);
            schemas.check_strictly("Grant", &grant);
            if mode == "credentials" {
                continue;
            }
            let sent = upload(&grant, b"hello").await;
            assert!(sent.status < 300, "{}", sent.text);
            if mode == "relay" {
                schemas.check_strictly("Receipt", &sent.json);
            }
            let done = json!({ "token": grant["complete"]["token"], "size": 5, "etag": sent.header("etag"),
                "record_id": sent.json["recordId"] });
            let receipt = Answer::of(function.post("/complete").body(done.to_string())).await.ok();
            schemas.check_strictly("Receipt", &receipt);
        }
    }
    let health = Answer::of(function.get("/healthz")).await.ok();
    schemas.check_strictly("Health", &health);
    let params = Answer::of(function.get(&format!("/s3/params?filename={file}&type="))).await;
    if params.status == 200 {
        schemas.check_strictly("CompanionParams", &params.json);
    } else {
        schemas.check_strictly("Problem", &params.json);
    }
    for bad in [json!({}), json!({ "filename": file, "size": 1_u64 << 50 }), json!({ "filename": "a/b" })] {
        schemas.check_strictly("Problem", &function.ask(&bad).await.json);
    }
    examples_match(&schemas);
    let example = &schemas.0["components"]["schemas"]["GrantRequest"]["examples"][0];
    let mut example = example.clone();
    example["checksums"] = json!({ "md5": "XUFAKrxLKna5cZ2REBfFkg==" });
    function.ask(&example).await.ok();
}

/// Every example is what it is an example of.
fn examples_match(schemas: &Schemas) {
    let mut seen = 0;
    for (name, schema) in schemas.0["components"]["schemas"].as_object().unwrap() {
        for example in schema["examples"].as_array().into_iter().flatten() {
            let mut example = example.clone();
            if name == "Grant" && !schemas.errors("Mode", &example["mode"]).is_empty() {
                example["mode"] = json!("relay"); // the example's mode is not this flow's
                example.as_object_mut().unwrap().retain(|name, _| name != "object" && name != "vendor");
            }
            schemas.check(name, &example);
            seen += 1;
        }
    }
    assert_eq!(seen, 3);
}

#[tokio::test]
async fn every_flow() {
    macro_rules! checked {
        ($($vendor:ident: $function:ty,)*) => {
            $(answers_match::<$function>(&[]).await;)*
        };
    }
    upload_grant_sandbox::flows!(checked);
}

#[tokio::test]
async fn the_ticket_systems_second_api() {
    answers_match::<alibaba_workorder::Workorder>(&[("WORKORDER_API", "2021-06-10")]).await;
}

#[tokio::test]
async fn problems_with_a_vendor_in_them() {
    let sandbox = Sandbox::start().await.unwrap();
    let function =
        Function::start::<tencent_lke::Lke>(&sandbox, &[("TENCENTCLOUD_SECRET_KEY", "wrong")]).await;
    let schemas = Schemas::of(&function).await;
    let answer = function.ask(&json!({ "filename": "a.pdf" })).await;
    assert_eq!(answer.problem(), (502, "vendor_auth_failed"));
    assert!(answer.json["vendor"]["code"].is_string());
    schemas.check_strictly("Problem", &answer.json);
    let mut chatty = answer.json.clone();
    chatty["vendor"]["message"] = json!("x");
    assert!(!schemas.errors("Problem", &chatty).is_empty());
    let retryable = Code::VendorTimeout;
    let mut hopeful = answer.json.clone();
    hopeful["code"] = json!(retryable);
    hopeful["retryable"] = json!(true);
    assert!(!schemas.errors("Problem", &hopeful).is_empty(), "retryable without retry_after");
}

#[tokio::test]
async fn every_code_and_every_route_is_described() {
    let sandbox = Sandbox::start().await.unwrap();
    let open = [("GRANT_EVENTS", "trusted"), ("GRANT_METRICS", "true")];
    let function = Function::start::<alibaba_chatapp::Chatapp>(&sandbox, &open).await;
    let document = Schemas::of(&function).await.0;
    assert_eq!(document["components"]["schemas"]["Problem"]["properties"]["code"]["enum"], json!(Code::ALL));
    let paths = document["paths"].as_object().unwrap();
    let described: BTreeSet<&str> = paths.keys().map(String::as_str).collect();
    // The router cannot be asked for its routes; its source can.
    let source = include_str!("../../shared/runtime/src/api.rs");
    let routed = source.split(".route(\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert_eq!(described, routed);
    let mut statuses = BTreeSet::new();
    for (path, item) in paths {
        for (method, operation) in item.as_object().unwrap() {
            let responses = operation["responses"].as_object().unwrap();
            assert!(responses.contains_key("200") && responses.contains_key("default"), "{method} {path}");
            statuses.extend(responses.keys().filter_map(|status| status.parse::<u16>().ok()));
            for response in responses.values().filter_map(|response| response["$ref"].as_str()) {
                let pointer = response.trim_start_matches('#');
                assert!(document.pointer(pointer).is_some(), "{response}");
            }
            let name = method.to_uppercase().parse().unwrap();
            let request = function.client.request(name, format!("{}{path}", function.url));
            let answer = Answer::of(request.header("content-length", "0")).await;
            assert!(![404, 405].contains(&answer.status), "{method} {path}: {}", answer.text);
        }
    }
    // These two are what answers where there is no operation to describe them at.
    let elsewhere = [Code::NotFound, Code::MethodNotAllowed];
    for code in Code::ALL.into_iter().filter(|code| !elsewhere.contains(code)) {
        assert!(statuses.contains(&code.status()), "{}", code.as_str());
    }
}
