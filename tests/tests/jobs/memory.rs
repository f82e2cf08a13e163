//! What hostile deliveries cost: peaks of what is allocated, counted.

use allocation_counter::measure;
use axum::body::Body;
use http::Request;
use serde_json::json;
use tower::ServiceExt as _;
use upload_grant_runtime::api::router;
use upload_grant_runtime::app::App;
use upload_grant_runtime::platform::Env;

const MIB: u64 = 1 << 20;

/// The most bytes that are allocated at the same time while `body` is delivered, and the answer's status.
fn peak(body: String) -> (u64, u16) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let sandbox = runtime.block_on(upload_grant_tests::sandbox());
    let mut vars = sandbox.env("tencent-lke");
    vars.extend(
        [("GRANT_AUTH", "none"), ("GRANT_INSECURE", "true"), ("GRANT_EVENTS", "trusted")]
            .map(|(name, value)| (name.to_owned(), value.to_owned())),
    );
    let app = App::<tencent_lke::Lke>::new(&mut Env::new(vars)).unwrap();
    let router = router(&app);
    let request = |body: String| Request::post("/events").body(Body::from(body)).unwrap();
    // What is made once is no part of it.
    let warm = runtime.block_on(router.clone().oneshot(request("{}".into()))).unwrap();
    drop(warm);
    let mut status = 0;
    let request = request(body);
    let used = measure(|| {
        let response = runtime.block_on(router.clone().oneshot(request)).unwrap();
        status = response.status().as_u16();
    });
    (used.bytes_max, status)
}

fn sqs(body: &str) -> String {
    json!({ "Records": [{ "messageId": "m", "eventSource": "aws:sqs", "body": body }] }).to_string()
}

#[test]
fn nested_envelopes_around_a_large_array() {
    let mut nested = format!("[{}0]", "0,".repeat(108_000));
    for _ in 0..120 {
        nested = format!("{{\"specversion\":\"1.0\",\"id\":\"c\",\"type\":\"t\",\"data\":{nested}}}");
    }
    assert!(nested.len() > 220_000, "{}", nested.len());
    let (peak, status) = peak(sqs(&nested));
    assert!(peak < 3 * MIB && status == 200, "{peak} {status}");
}

#[test]
fn arrays_of_numbers() {
    for count in [7_000, 40_000, 1_000_000] {
        let body = format!("[{}0]", "0,".repeat(count));
        let most = 3 * MIB + 3 * body.len() as u64;
        let (peak, status) = peak(body);
        assert!(peak < most && status == 400, "{count}: {peak} {status}");
    }
}

#[test]
fn many_objects_and_many_members() {
    let array = |count: usize| format!("[{}{{}}]", "{},".repeat(count));
    let members = |count: usize| {
        let members: String = (0..count).map(|index| format!("\"k{index}\":0,")).collect();
        format!("{{{members}\"Records\":0}}")
    };
    for body in [array(999), array(2_000_000), members(400_000), sqs(&members(400_000)), sqs(&array(300_000))]
    {
        let most = 4 * MIB + 4 * body.len() as u64;
        let length = body.len();
        let (peak, status) = peak(body);
        assert!(peak < most, "{length}: {peak} {status}");
    }
}
