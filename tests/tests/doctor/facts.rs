//! The points that no document settles: the doctor tells which way a live account has it, either way.

use serde_json::json;
use upload_grant_tests::{Service, sandbox};

use crate::run::Run;

#[tokio::test]
async fn cams_endpoint_and_expire() {
    let sandbox = sandbox().await;
    let plain = "oss-cn-hangzhou.aliyuncs.com/";
    for (endpoint, code, word) in [
        ("https://oss-ap-southeast-1.aliyuncs.com", "region", "https; region ap-southeast-1"),
        (plain, "region", "no scheme; region cn-hangzhou"),
        ("https://oss-cn-hangzhou-internal.aliyuncs.com", "internal", "used: oss-cn-hangzhou.aliyuncs.com"),
    ] {
        sandbox.settings(json!({ "cams_endpoint": endpoint }));
        let run = Run::of("alibaba-chatapp", &sandbox, &[], &["--json", "--no-upload"]).await;
        run.says("cams.endpoint", "info", code, word);
    }
    sandbox.settings(json!({ "cams_endpoint": "https://oss-accelerate.aliyuncs.com" }));
    let run = Run::json("alibaba-chatapp", &sandbox, &[]).await;
    run.says("cams.endpoint", "fail", "no_region", "OSS_REGION");
    let run = Run::json("alibaba-chatapp", &sandbox, &[("OSS_REGION", "ap-southeast-1")]).await;
    run.says("cams.endpoint", "info", "no_region", "ap-southeast-1 by OSS_REGION");
    assert_eq!(run.exit, 0, "{}", run.stdout);
    sandbox.reset();
    for expire in ["duration", "seconds", "milliseconds"] {
        sandbox.settings(json!({ "cams_expire": expire }));
        let run = Run::json("alibaba-chatapp", &sandbox, &[]).await;
        run.says("cams.expire", "info", expire, "the keys last 3");
        assert_eq!(run.exit, 0, "{}", run.stdout);
    }
}

#[tokio::test]
async fn workorder_api_policy_and_url() {
    let sandbox = sandbox().await;
    let run = Run::json("alibaba-workorder", &sandbox, &[]).await;
    run.says(
        "workorder.api",
        "info",
        "form",
        "2016-08-30 takes GetOSSTempAuthor, signature v1; data in camelCase",
    );
    run.says("workorder.policy", "info", "read", "2097152 bytes at most; it binds: size, key");
    // A gateway that minds the case, as long as it lasts: the reachability check comes first.
    let body = json!({ "Code": "InvalidAction.NotFound" }).to_string();
    sandbox.fault(
        json!({ "target": "workorder", "skip": 1, "times": 1, "raw": { "status": 404, "body": body } }),
    );
    let run = Run::json("alibaba-workorder", &sandbox, &[("WORKORDER_SIGNATURE", "v3")]).await;
    run.says("workorder.api", "info", "form", "takes getOSSTempAuthor, signature v3");
    let run = Run::json("alibaba-workorder", &sandbox, &[("WORKORDER_API", "2021-06-10")]).await;
    run.says("workorder.api", "info", "url", "a URL with a V1 signature");
    run.says("put.type", "info", "bound", "another content type: refused");
    run.says("workorder.read-back", "ok", "ok", "GetSignedUrl gives the same bytes");
    let data = json!({ "accessId": "a", "policy": "e30=", "signature": "s", "dir": "d/", "host": "h" });
    let body = json!({ "success": true, "code": "200", "data": data }).to_string();
    sandbox.fault(json!({ "target": "workorder", "raw": { "status": 200, "body": body } }));
    let run = Run::json("alibaba-workorder", &sandbox, &[]).await;
    run.says("workorder.policy", "fail", "unreadable", "2021-06-10");
}

#[tokio::test]
async fn lke_answer_and_the_rights_of_its_keys() {
    let sandbox = sandbox().await;
    for (answer, code, word) in [
        ("none", "credentials", "Credentials, no UploadUrl"),
        ("with-credentials", "both", "Credentials and UploadUrl"),
        ("only", "upload_url", "UploadUrl, no usable Credentials"),
    ] {
        sandbox.reset();
        sandbox.settings(json!({ "lke_upload_url": answer }));
        let run = Run::json("tencent-lke", &sandbox, &[]).await;
        run.says("lke.answer", "info", code, word);
        assert_eq!(run.exit, 0, "{}", run.stdout);
        if answer == "only" {
            run.says("lke.post-object", "skipped", "skipped", "no keys");
            run.says("put.type", "info", "not_bound", "accepted");
        } else {
            run.says("lke.post-object", "info", "refused", "not allowed");
            run.says("lke.acl", "info", "allowed", "x-cos-acl: default");
        }
    }
    sandbox.reset();
    sandbox.settings(json!({ "lke_post_object": true }));
    let run = Run::json("tencent-lke", &sandbox, &[]).await;
    run.says("lke.post-object", "info", "allowed", "a POST form: allowed");
    assert_eq!(sandbox.action_calls(Service::Cos, "POST"), 1);
    let run = Run::of("tencent-lke", &sandbox, &[], &["--json", "--no-upload"]).await;
    run.says("lke.post-object", "skipped", "skipped", "--no-upload");
}

#[tokio::test]
async fn lke_has_two_apis() {
    let sandbox = sandbox().await;
    let code =
        |code: &str| json!({ "Response": { "Error": { "Code": code, "Message": "canary" } } }).to_string();
    for (env, other) in [("2023-11-30", "LKE_API=2026-05-20"), ("2026-05-20", "LKE_API=2023-11-30")] {
        // The reachability check comes first.
        let raw = json!({ "status": 200, "body": code("NoSuchVersion") });
        sandbox.fault(json!({ "target": "lke", "skip": 1, "times": 1, "raw": raw }));
        let run = Run::json("tencent-lke", &sandbox, &[("LKE_API", env)]).await;
        run.says("vendor.call", "fail", "vendor_rejected", "lke.other-api");
        run.says("lke.other-api", "warn", "works", other);
    }
    sandbox
        .fault(json!({ "target": "lke", "raw": { "status": 200, "body": code("UnauthorizedOperation") } }));
    let run = Run::json("tencent-lke", &sandbox, &[]).await;
    run.says("lke.other-api", "info", "refused", "does not work either");
}

#[tokio::test]
async fn aicontent_signature_and_spelling() {
    let sandbox = sandbox().await;
    let run = Run::json("alibaba-aicontent", &sandbox, &[]).await;
    run.says("aicontent.sign", "info", "checked", "ours is right");
    run.says("aicontent.warrant", "info", "PascalCase", "the warrant lasts 7");
    sandbox.settings(json!({ "aicontent_signed": false, "aicontent_shape": "camel" }));
    let run = Run::json("alibaba-aicontent", &sandbox, &[]).await;
    run.says("aicontent.sign", "info", "not_checked", "a wrong one is accepted");
    run.says("aicontent.warrant", "info", "camelCase", "");
    let run = Run::json("alibaba-aicontent", &sandbox, &[("AICONTENT_TRANSPORT", "ssapi")]).await;
    run.says("aicontent.warrant", "info", "snake_case", "");
}

#[tokio::test]
async fn aicc_lifetime() {
    let sandbox = sandbox().await;
    sandbox.fault(json!({ "target": "aicc", "path_contains": "tokenByAkSk", "expired_tokens": 600 }));
    let run = Run::json("huawei-aicc", &sandbox, &[]).await;
    run.says("aicc.token", "info", "lifetime", "asked for 3600 s, the bearer lasts 600 s");
}
