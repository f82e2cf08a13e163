//! One vendor call where others make thousands, and a vendor's quota that no caller ever meets.

use std::sync::Arc;

use futures_util::StreamExt as _;
use serde_json::json;
use upload_grant_tests::*;

/// Asks `count` times, `at_once` at a time, `space` naming each request's space; all must be granted.
async fn ask(function: &Arc<Function>, count: usize, at_once: usize, space: impl Fn(usize) -> String) {
    let asks = (0..count).map(|index| {
        let (function, space) = (function.clone(), space(index));
        async move {
            let request = json!({"filename": "a.png", "params": {"cust_space_id": space}});
            let answer = function.ask(&request).await;
            assert_eq!(answer.status, 200, "{}", answer.text);
        }
    });
    futures_util::stream::iter(asks).buffer_unordered(at_once).collect::<Vec<()>>().await;
}

async fn chatapp(sandbox: &Sandbox) -> Arc<Function> {
    let policy = r#"{"groups":[{"params":{"cust_space_id":{"caller":true}}}]}"#;
    Arc::new(Function::start::<alibaba_chatapp::Chatapp>(sandbox, &[("GRANT_POLICY", policy)]).await)
}

#[tokio::test]
async fn ten_thousand_grants_for_one_space_cost_one_vendor_call() {
    let sandbox = sandbox().await;
    ask(&chatapp(&sandbox).await, 10_000, 500, |_| "one".into()).await;
    assert_eq!(sandbox.calls(Service::Cams), 1);
}

/// The sandbox refuses above five calls a second; forty spaces need eight seconds of that. On a busy machine a
/// call may travel late and be refused all the same: then it is tried again, and no caller hears of it.
#[tokio::test]
async fn forty_spaces_wait_for_the_quota_instead_of_meeting_it() {
    let sandbox = sandbox().await;
    sandbox.settings(json!({"quota": true, "quota_rps": 5}));
    ask(&chatapp(&sandbox).await, 1_000, 200, |index| format!("space-{}", index % 40)).await;
    let calls = Answer::of(client().get(format!("{}/calls", sandbox.url(Service::Control)))).await.ok();
    let (total, refused) = (calls["cams"]["total"].as_u64(), calls["cams"]["refused"].as_u64());
    println!("1000 grants over 40 spaces: {total:?} calls, of which refused {refused:?}");
    assert_eq!(total.zip(refused).map(|(total, refused)| total - refused), Some(40));
}
