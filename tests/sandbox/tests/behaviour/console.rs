//! The console page and where it looks for the functions.

use serde_json::{Value, json};
use upload_grant_sandbox::{Sandbox, Service};

use crate::client::Call;

#[tokio::test]
async fn the_page_runs_only_its_own_script() {
    let sandbox = Sandbox::start().await.unwrap();
    let page = Call::new(&sandbox.url(Service::Control), "GET", "/").send().await;
    assert_eq!(page.status, 200);
    let policy = page.header("content-security-policy").unwrap();
    let nonce = policy.split("script-src 'nonce-").nth(1).unwrap().split('\'').next().unwrap();
    let text = page.text();
    assert!(text.contains(&format!("<script nonce=\"{nonce}\">")) && !text.contains("NONCE"));
    assert!(!policy.contains("unsafe"), "{policy}");
    assert!(
        !text.contains("innerHTML") && !text.contains("src=\"http"),
        "self-contained, and nothing is parsed as HTML"
    );
    let again = Call::new(&sandbox.url(Service::Control), "GET", "/").send().await;
    assert_ne!(again.header("content-security-policy").unwrap(), policy, "a nonce is used once");
}

#[tokio::test]
async fn functions_are_where_the_one_who_started_them_says() {
    let sandbox = Sandbox::start().await.unwrap();
    let control = sandbox.url(Service::Control);
    let functions = async || -> Value {
        serde_json::from_str(&Call::new(&control, "GET", "/functions").send().await.text()).unwrap()
    };
    assert_eq!(functions().await["huawei-aicc"], "http://127.0.0.1:9005");
    let change = json!({ "huawei-aicc": "http://127.0.0.1:1234" }).to_string();
    let post = Call::new(&control, "POST", "/functions").body(change.as_bytes());
    assert_eq!(post.clone().header("origin", "https://elsewhere.example").send().await.status, 403);
    assert_eq!(
        functions().await["huawei-aicc"],
        "http://127.0.0.1:9005",
        "no page may redirect the credentials"
    );
    assert_eq!(post.send().await.status, 200);
    assert_eq!(Call::new(&control, "POST", "/functions").body(b"[1]").send().await.status, 400);
    sandbox.reset();
    assert_eq!(functions().await["huawei-aicc"], "http://127.0.0.1:1234");
    assert_eq!(functions().await["alibaba-chatapp"], "http://127.0.0.1:9001");
}
