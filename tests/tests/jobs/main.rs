//! Upload jobs: where their bytes come from, what becomes of them, and who is told.

mod bounds;
mod finish;
mod memory;
mod notifications;
mod notify;
mod once;
mod outcomes;
mod report;
mod sources;

use serde_json::{Value, json};
use upload_grant_tests::platform::rand_u64;
use upload_grant_tests::stub::Stub;
use upload_grant_tests::{Answer, Function, Sandbox, sandbox};

/// The key of the notify tests: `whsec_` and its base64.
const WEBHOOK_KEY: &[u8] = b"a webhook key of 32 bytes length";
const WEBHOOK_SECRET: &str = "whsec_YSB3ZWJob29rIGtleSBvZiAzMiBieXRlcyBsZW5ndGg=";

/// A function whose `/events` takes deliveries as SQS makes them.
struct Queue {
    function: Function,
    sandbox: Sandbox,
}

impl Queue {
    async fn of(flow: &str, extra: &[(&str, &str)]) -> Self {
        let sandbox = sandbox().await;
        let function = Function::of(flow, &sandbox, &[&[("GRANT_EVENTS", "trusted")], extra].concat()).await;
        Self { function, sandbox }
    }

    /// One that may read from `source`.
    async fn reading(flow: &str, source: &Stub) -> Self {
        Self::of(flow, &[("GRANT_SOURCE_HOSTS", &source.host)]).await
    }

    /// The answer to a job alone: a problem is the delivery's.
    async fn send(&self, job: &Value) -> Answer {
        let event = json!({ "specversion": "1.0", "id": format!("m-{}", rand_u64()), "source": "/", "type": "job", "data": job });
        Answer::of(self.function.post("/events").body(event.to_string())).await
    }

    /// The ids of the messages that a delivery of `(message id, group, body)` leaves in the queue.
    async fn deliver(&self, records: &[(&str, Option<&str>, String)]) -> Vec<String> {
        let fifo = records.iter().any(|(_, group, _)| group.is_some());
        let records: Vec<Value> = records
            .iter()
            .map(|(id, group, body)| {
                json!({
                    "messageId": id, "body": body, "eventSource": "aws:sqs",
                    "eventSourceARN": format!("arn:aws:sqs:us-east-1:1:q{}", if fifo { ".fifo" } else { "" }),
                    "attributes": { "MessageGroupId": group },
                })
            })
            .collect();
        let event = json!({ "Records": records });
        let report = Answer::of(self.function.post("/events").body(event.to_string())).await.ok();
        let items = report["batchItemFailures"].as_array().expect("a report").iter();
        items.map(|item| item["itemIdentifier"].as_str().expect("an id").to_owned()).collect()
    }
}

/// A job of this id with `hello` in it.
fn job(id: &str) -> Value {
    json!({ "id": id, "filename": "a.pdf", "source": { "base64": "aGVsbG8=" } })
}
