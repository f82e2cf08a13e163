use serde_json::json;
use upload_grant_tests::*;

#[tokio::test]
async fn all() {
    let sandbox = Sandbox::start().await.unwrap();
    macro_rules! go { ($t:ty, $name:expr, $bytes:expr, $modes:expr) => {
        let f = Function::start::<$t>(&sandbox, &[("GRANT_ALLOW_CREDENTIALS","true")]).await;
        for mode in $modes {
            let grant = f.ask(&json!({"filename": $name, "size": $bytes.len(), "mode": mode})).await;
            println!("{mode} {}", grant.text);
            let grant = grant.ok();
            if mode == "credentials" { continue }
            let up = upload(&grant, $bytes).await;
            println!("   -> {} {:?} {}", up.status, up.headers, up.text);
            assert!(up.status < 300);
            let done = Answer::of(f.post("/complete").body(json!({"token": grant["complete"]["token"], "etag": up.header("etag")}).to_string())).await;
            println!("   => {}", done.text);
        }
    }}
    go!(alibaba_chatapp::Chatapp, "a b.png", b"hello", ["form", "put", "relay", "credentials"]);
    go!(tencent_lke::Lke, "a b.pdf", b"hello", ["put", "relay", "credentials"]);
    go!(alibaba_workorder::Workorder, "a b.pdf", b"hello", ["form", "relay"]);
    go!(alibaba_aicontent::Aicontent, "a b.wav", b"hello", ["form", "relay"]);
    go!(huawei_aicc::Aicc, "a b.jpg", b"hello", ["relay"]);
    println!("{:#?}", sandbox.objects());
}
