//! DashScope's forms and Bailian's leases.

use md5::{Digest as _, Md5};
use serde_json::{Value, json};
use upload_grant_sandbox::{Sandbox, Service, facts};

use crate::client::{Answer, Call, form, hex, percent, sign_acs3};

async fn policy(sandbox: &Sandbox, query: &str, key: &str) -> Answer {
    let call = Call::new(&sandbox.url(Service::Dashscope), "GET", &format!("/api/v1/uploads?{query}"));
    call.header("authorization", &format!("Bearer {key}")).send().await
}

/// Posts a file under the policy, with a no-overwrite field or none.
async fn post(sandbox: &Sandbox, data: &Value, name: &str, overwrite: Option<&str>) -> Answer {
    let text = |name: &str| data[name].as_str().unwrap().to_owned();
    let mut fields = vec![
        ("OSSAccessKeyId", text("oss_access_key_id")),
        ("Signature", text("signature")),
        ("policy", text("policy")),
        ("key", format!("{}/{name}", text("upload_dir"))),
        ("x-oss-object-acl", text("x_oss_object_acl")),
    ];
    fields.extend(overwrite.map(|value| ("x-oss-forbid-overwrite", value.to_owned())));
    fields.push(("success_action_status", "200".to_owned()));
    let fields: Vec<_> = fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let target = format!("/{}/", facts::DASHSCOPE_BUCKET);
    form(&sandbox.url(Service::Oss), &target, &fields, ("file", "image/png"), b"png").send().await
}

#[tokio::test]
async fn one_policy_serves_every_file_of_its_directory() {
    let sandbox = Sandbox::start().await.unwrap();
    let good = format!("action=getPolicy&model={}", facts::DASHSCOPE_MODEL);
    for (query, key, status, code) in [
        (&*good, "sk-other", 401, "InvalidApiKey"),
        ("action=getPolicy", facts::DASHSCOPE_API_KEY, 400, "InvalidParameter"),
        ("model=qwen-vl-max", facts::DASHSCOPE_API_KEY, 400, "InvalidParameter"),
        ("action=getPolicy&model=gpt", facts::DASHSCOPE_API_KEY, 404, "ModelNotFound"),
    ] {
        let answer = policy(&sandbox, query, key).await;
        assert_eq!((answer.status, answer.json()["code"].as_str()), (status, Some(code)), "{query}");
    }
    // How the member comes, and whether the policy names it.
    for (overwrite, came, bound) in [
        ("text", json!("true"), true),
        ("bool", json!(true), true),
        ("hidden", Value::Null, true),
        ("absent", Value::Null, false),
    ] {
        sandbox.settings(json!({ "dashscope_overwrite": overwrite }));
        let data = policy(&sandbox, &good, facts::DASHSCOPE_API_KEY).await.json()["data"].clone();
        assert_eq!((&data["expire_in_seconds"], &data["max_file_size_mb"]), (&json!(300), &json!(1024)));
        assert_eq!(data["x_oss_forbid_overwrite"], came);
        assert_eq!(post(&sandbox, &data, "a.png", Some("true")).await.status, 200);
        assert_eq!(post(&sandbox, &data, "b.png", Some("true")).await.status, 200);
        assert_eq!(post(&sandbox, &data, "a.png", Some("true")).await.status, 409);
        let without = post(&sandbox, &data, "c.png", None).await;
        assert_eq!(without.status == 403, bound, "{overwrite}: {}", without.text());
        assert_eq!(post(&sandbox, &data, "../a.png", Some("false")).await.status == 403, bound);
    }
    sandbox.settings(json!({ "dashscope_rps": 0 }));
    assert_eq!(
        policy(&sandbox, &good, facts::DASHSCOPE_API_KEY).await.json()["code"],
        "Throttling.RateQuota"
    );
}

#[tokio::test]
async fn a_model_takes_what_was_uploaded() {
    let sandbox = Sandbox::start().await.unwrap();
    let query = format!("action=getPolicy&model={}", facts::DASHSCOPE_MODEL);
    let data = policy(&sandbox, &query, facts::DASHSCOPE_API_KEY).await.json()["data"].clone();
    assert_eq!(post(&sandbox, &data, "a.png", Some("true")).await.status, 200);
    let dir = data["upload_dir"].as_str().unwrap();
    let ask = async |name: &str, resolve: &str| {
        let content = json!([{ "image": format!("oss://{dir}/{name}") }, { "text": "what is it?" }]);
        let messages = json!([{ "role": "user", "content": content }]);
        let body = json!({ "model": facts::DASHSCOPE_MODEL, "input": { "messages": messages } });
        let path = "/api/v1/services/aigc/multimodal-generation/generation";
        let call = Call::new(&sandbox.url(Service::Dashscope), "POST", path).body(body.to_string());
        let call = call.header("authorization", &format!("Bearer {}", facts::DASHSCOPE_API_KEY));
        call.header("x-dashscope-ossresourceresolve", resolve).send().await.status
    };
    assert_eq!(ask("a.png", "enable").await, 200);
    assert_eq!(ask("a.png", "").await, 400, "the classic mistake");
    assert_eq!(ask("b.png", "enable").await, 400);
}

/// A call of Bailian's, signed.
async fn bailian(sandbox: &Sandbox, action: &str, method: &str, path: &str, pairs: &[(&str, &str)]) -> Value {
    let body = pairs.iter().map(|(name, value)| format!("{name}={}", percent(value))).collect::<Vec<_>>();
    let mut call = Call::new(&sandbox.url(Service::Bailian), method, path);
    if !body.is_empty() {
        call = call.header("content-type", "application/x-www-form-urlencoded").body(body.join("&"));
    }
    let nonce = format!("{:?}", std::time::Instant::now());
    sign_acs3(call, action, "2023-12-29", &nonce).send().await.json()
}

#[tokio::test]
async fn a_lease_becomes_a_file() {
    let sandbox = Sandbox::start().await.unwrap();
    let workspace = facts::BAILIAN_WORKSPACE_ID;
    let (content, path) = ("# notes", format!("/{workspace}/datacenter/category/default"));
    let md5 = hex(&Md5::digest(content));
    let good = [("FileName", "notes.md"), ("Md5", &*md5), ("SizeInBytes", "7")];
    let with =
        |name: &'static str, value: &'static str| good.map(|(n, v)| (n, if n == name { value } else { v }));
    let apply =
        async |pairs: &[(&str, &str)]| bailian(&sandbox, "ApplyFileUploadLease", "POST", &path, pairs).await;
    for (pairs, code) in [
        (with("FileName", "a.m"), "InvalidParameter.FileName"),
        (with("FileName", "notes.exe"), "InvalidParameter.FileName"),
        (with("Md5", "rL0Y20zC+Fzt72VPzMSk2A=="), "InvalidParameter.Md5"),
        (with("SizeInBytes", "104857601"), "InvalidParameter.SizeInBytes"),
        (with("SizeInBytes", ""), "MissingSizeInBytes"),
    ] {
        assert_eq!(apply(&pairs).await["Code"], code);
    }
    let elsewhere = "/llm-other/datacenter/category/default";
    let refused = bailian(&sandbox, "ApplyFileUploadLease", "POST", elsewhere, &good).await;
    assert_eq!(refused["Code"], "Index.NoWorkspacePermissions");

    for is_empty in [false, true] {
        sandbox.settings(json!({ "bailian_empty_type": is_empty }));
        let data = apply(&good).await["Data"].clone();
        let (lease, url) =
            (data["FileUploadLeaseId"].as_str().unwrap(), data["Param"]["Url"].as_str().unwrap());
        let content_type = data["Param"]["Headers"]["Content-Type"].as_str().unwrap();
        assert_eq!(content_type, if is_empty { "" } else { "text/markdown" });
        let add = [("LeaseId", lease), ("Parser", "AUTO_SELECT"), ("CategoryId", "default")];
        let files = format!("/{workspace}/datacenter/file");
        let early = bailian(&sandbox, "AddFile", "PUT", &files, &add).await;
        assert_eq!(early["Code"], "InvalidParameter.LeaseId", "nothing was uploaded yet");

        let target = format!("/{}/{}", facts::BAILIAN_BUCKET, url.split_once(".com/").unwrap().1);
        let put = Call::new(&sandbox.url(Service::Oss), "PUT", &target).body(content);
        let other = put.clone().header("content-type", "text/plain").send().await;
        assert!(other.text().contains("SignatureDoesNotMatch"), "{}", other.text());
        assert_eq!(put.header("content-type", content_type).send().await.status, 200);

        let wrong = [&add[..2], &[("CategoryId", facts::BAILIAN_CATEGORY_ID)]].concat();
        assert_eq!(
            bailian(&sandbox, "AddFile", "PUT", &files, &wrong).await["Code"],
            "InvalidParameter.CategoryId"
        );
        let added = bailian(&sandbox, "AddFile", "PUT", &files, &add).await;
        let file = format!("{files}/{}/", added["Data"]["FileId"].as_str().unwrap());
        let status =
            async || bailian(&sandbox, "DescribeFile", "GET", &file, &[]).await["Data"]["Status"].clone();
        assert_eq!((status().await, status().await), (json!("PARSING"), json!("PARSE_SUCCESS")));
        assert!(sandbox.secrets().iter().any(|secret| secret == url));
    }
}
