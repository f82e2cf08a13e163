//! Upload jobs: messages that have the function do the upload itself.

mod finish;
mod job;
mod outcome;
mod payload;
mod s3;
mod unrecognized;
mod worker;

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;

use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt as _, StreamExt as _};
use serde_json::Value;
use tokio::time::Instant;

pub use job::{Job, Unreadable};

use self::payload::Item;
use self::unrecognized::Reported;
use crate::app::App;
use crate::auth::Caller;
use crate::event::{Delivery, MOST_MESSAGES, Message};
use crate::flow::Flow;
use crate::platform::telemetry::{self, AccessLog};
use upload_grant::model::problem::{Code, Problem};

/// Jobs that are processed at the same time within one delivery.
const CONCURRENT: usize = 4;

/// The result of a delivery.
#[derive(Debug, Default)]
pub struct Delivered {
    /// Ids of the messages that must be delivered again.
    pub failed: Vec<String>,
    /// The problem of the first of them.
    pub problem: Option<Problem>,
}

/// Messages that are processed one after the other.
struct Lane {
    /// Whether a failure fails those that come after it.
    in_order: bool,
    /// Each with its place in the delivery.
    messages: Vec<(usize, Message)>,
}

impl<F: Flow> App<F> {
    /// Processes the jobs of a delivery. Messages of one FIFO group are processed in order, and after a failure the
    /// rest of the group fails unread; all others are independent of each other.
    ///
    /// `caller` is who sent it; none for the platform's own queues, which need no check.
    pub(crate) async fn deliver(
        self: &Arc<Self>,
        delivery: Delivery,
        caller: Option<&Caller>,
        deadline: Instant,
    ) -> Delivered {
        let Delivery { messages, beyond, .. } = delivery;
        let reported = Reported::default();
        let mut lanes = lanes(messages).into_iter();
        // A lane's future is large, so it is made only when its turn has come.
        let mut running = FuturesUnordered::new();
        let mut failures: Vec<(usize, String, Problem)> = Vec::new();
        loop {
            while running.len() < CONCURRENT
                && let Some(lane) = lanes.next()
            {
                running.push(self.lane(lane, caller, &reported, deadline).boxed());
            }
            let Some(failed) = running.next().await else { break };
            failures.extend(failed);
        }
        failures.sort_by_key(|(index, ..)| *index);
        let mut delivered = Delivered::default();
        for (_, id, problem) in failures {
            delivered.failed.push(id);
            delivered.problem.get_or_insert(problem);
        }
        if !beyond.is_empty() {
            let detail = format!("a delivery has at most {MOST_MESSAGES} messages");
            tracing::warn!(flow = F::SPEC.name, beyond = beyond.len(), "{detail}");
            delivered.problem.get_or_insert(Problem::new(Code::TooLarge, detail));
            delivered.failed.extend(beyond);
        }
        delivered
    }

    async fn lane(
        self: &Arc<Self>,
        lane: Lane,
        caller: Option<&Caller>,
        reported: &Reported,
        deadline: Instant,
    ) -> Vec<(usize, String, Problem)> {
        let mut failures = Vec::new();
        for (index, message) in lane.messages {
            let done = if lane.in_order && !failures.is_empty() {
                Err(Problem::new(Code::AlreadyUsed, "an earlier message of the group failed"))
            } else {
                self.message(&message, caller, reported, deadline).await
            };
            if let Err(problem) = done {
                failures.push((index, message.id, problem));
            }
        }
        failures
    }

    /// Processes every job in one message; an error means that it must be delivered again.
    async fn message(
        self: &Arc<Self>,
        message: &Message,
        caller: Option<&Caller>,
        reported: &Reported,
        deadline: Instant,
    ) -> Result<(), Problem> {
        let started = Instant::now();
        let (mut failure, mut idle) = (None, None);
        for item in payload::read(message) {
            let settled = match item {
                Item::Job(job) => self.work(Ok(*job), caller, deadline).await,
                Item::Unreadable(unreadable) => self.work(Err(unreadable), caller, deadline).await,
                Item::Nothing(reason) => {
                    idle.get_or_insert(reason);
                    continue;
                }
                Item::Unknown(unknown) => {
                    self.report_once(&unknown, message, caller, reported, deadline).await
                }
            };
            if !settled.acknowledged {
                let unexplained = || Problem::new(Code::RateLimited, "the outcome could not be delivered");
                failure = failure.or(Some(settled.outcome.err().unwrap_or_else(unexplained)));
            }
        }
        if let Some(reason) = idle {
            let ((), notes) = telemetry::scope(async { telemetry::note_seen(reason) }).await;
            let log = AccessLog::new(F::SPEC.name, "nothing", None, started);
            AccessLog { acknowledged: Some(failure.is_none()), ..log }.write(&notes);
        }
        failure.map_or(Ok(()), Err)
    }

    /// Processes the one job of a direct invocation, which the platform repeats under the same `request_id`.
    pub(crate) async fn invoke(
        self: &Arc<Self>,
        document: &Value,
        request_id: &str,
        deadline: Instant,
    ) -> Result<Value, Problem> {
        let job = job::upload_job(document, request_id);
        let receipt = self.work(job, None, deadline).boxed().await.outcome?;
        serde_json::to_value(receipt)
            .map_err(|_| Problem::new(Code::Internal, "the receipt could not be written"))
    }
}

/// Messages in lanes: one for each FIFO group, and one for each message that is in none. A message that came twice has
/// one lane, so that the second is answered by the first's record, and does not find it at work.
fn lanes(messages: Vec<Message>) -> Vec<Lane> {
    let mut lanes: Vec<Lane> = Vec::new();
    let mut known: HashMap<(Option<String>, Option<u64>), usize> = HashMap::new();
    let hasher = RandomState::new();
    for (index, message) in messages.into_iter().enumerate() {
        let in_order = message.group.is_some();
        let same = (!in_order).then(|| hasher.hash_one(&message.payload));
        let lane = *known.entry((message.group.clone(), same)).or_insert(lanes.len());
        if lane == lanes.len() {
            lanes.push(Lane { in_order, messages: Vec::new() });
        }
        lanes[lane].messages.push((index, message));
    }
    lanes
}
