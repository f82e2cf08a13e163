//! Upload jobs: messages that have the function do the upload itself.

mod finish;
mod job;
mod worker;

use std::collections::HashMap;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use futures_util::{FutureExt as _, StreamExt as _};
use serde_json::Value;
use tokio::time::Instant;

pub use job::{Job, Unreadable};

use crate::app::App;
use crate::auth::Caller;
use crate::event::{Delivery, Message};
use crate::flow::Flow;
use upload_grant::model::problem::{Code, Problem};

/// Jobs at work at the same time within one delivery.
const CONCURRENT: usize = 4;

/// What became of a delivery.
#[derive(Debug, Default)]
pub struct Delivered {
    /// Ids of the messages that must be delivered again.
    pub failed: Vec<String>,
    /// The problem of the first of them.
    pub problem: Option<Problem>,
}

impl<F: Flow> App<F> {
    /// Does the jobs of a delivery. Messages of one FIFO group are done in order, and after a failure the rest
    /// of the group fails unseen; all others are independent of each other.
    ///
    /// `caller` is who sent it, or none for the platform's own queues, which need no check.
    pub(crate) async fn deliver(
        self: &Arc<Self>,
        delivery: &Delivery,
        caller: Option<&Caller>,
        deadline: Instant,
    ) -> Delivered {
        let lines = lines(&delivery.messages);
        let mut work: Vec<BoxFuture<'_, Vec<(usize, Problem)>>> = Vec::with_capacity(lines.len());
        for line in &lines {
            work.push(self.line(line, caller, deadline).boxed());
        }
        let failures: Vec<Vec<(usize, Problem)>> =
            futures_util::stream::iter(work).buffer_unordered(CONCURRENT).collect().await;
        let mut failures: Vec<(usize, Problem)> = failures.into_iter().flatten().collect();
        failures.sort_by_key(|(index, _)| *index);
        Delivered {
            failed: failures.iter().map(|(index, _)| delivery.messages[*index].id.clone()).collect(),
            problem: failures.into_iter().next().map(|(_, problem)| problem),
        }
    }

    async fn line(
        self: &Arc<Self>,
        line: &[(usize, &Message)],
        caller: Option<&Caller>,
        deadline: Instant,
    ) -> Vec<(usize, Problem)> {
        for (position, (index, message)) in line.iter().enumerate() {
            if let Err(problem) = self.message(message, caller, deadline).await {
                let behind = line[position + 1..].iter().map(|(index, _)| {
                    (*index, Problem::new(Code::AlreadyUsed, "an earlier message of the group failed"))
                });
                return std::iter::once((*index, problem)).chain(behind).collect();
            }
        }
        Vec::new()
    }

    /// Does every job in one message; an error means that it must be delivered again.
    async fn message(
        self: &Arc<Self>,
        message: &Message,
        caller: Option<&Caller>,
        deadline: Instant,
    ) -> Result<(), Problem> {
        let mut failure = None;
        for job in job::read(&message.payload, &message.id) {
            let settled = self.work(job, caller, deadline).await;
            if !settled.acknowledged {
                let unexplained = || Problem::new(Code::RateLimited, "the outcome could not be delivered");
                failure = failure.or(Some(settled.outcome.err().unwrap_or_else(unexplained)));
            }
        }
        failure.map_or(Ok(()), Err)
    }

    /// Does the one job of a direct invocation, which the platform repeats under the same `request_id`.
    pub(crate) async fn invoke(
        self: &Arc<Self>,
        document: &Value,
        request_id: &str,
        deadline: Instant,
    ) -> Result<Value, Problem> {
        let mut jobs = job::read(document, request_id);
        let none = || Problem::invalid("", "there is no job in this event");
        let receipt = self.work(jobs.pop().ok_or_else(none)?, None, deadline).boxed().await.outcome?;
        serde_json::to_value(receipt)
            .map_err(|_| Problem::new(Code::Internal, "the receipt could not be written"))
    }
}

/// Messages in lines: one per FIFO group, and one for each message without.
fn lines(messages: &[Message]) -> Vec<Vec<(usize, &Message)>> {
    let mut lines: Vec<Vec<(usize, &Message)>> = Vec::new();
    let mut groups: HashMap<&str, usize> = HashMap::new();
    for (index, message) in messages.iter().enumerate() {
        let line = message.group.as_deref().map(|group| *groups.entry(group).or_insert(lines.len()));
        match line {
            Some(line) if line < lines.len() => lines[line].push((index, message)),
            _ => lines.push(vec![(index, message)]),
        }
    }
    lines
}
