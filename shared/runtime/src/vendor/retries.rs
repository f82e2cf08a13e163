//! What follows an attempt that did not succeed: which one comes next, and after what pause.

use std::time::Duration;

use tokio::time::Instant;

use super::{Refusal, RefusalKind, Renewal, Reply, Vendor};
use crate::net::Failed;
use crate::platform::random::random;
use crate::platform::telemetry;
use upload_grant::model::problem::{Code, Problem};

/// Attempts in all, where the caller's deadline allows. Those that repair the request are not counted.
const ATTEMPTS: u32 = 3;

/// Which repairs one call has had: each helps once.
pub(super) struct Retries<'a> {
    vendor: &'a Vendor,
    deadline: Instant,
    /// The vendor's clock was learned from its answer.
    corrected: bool,
    /// The request was signed again because its nonce had been seen.
    resigned: bool,
    /// Where other keys may come from, and the generation of those at hand.
    keys: Option<(&'a Renewal, u64)>,
}

/// What to do next.
pub(super) enum Next {
    /// Send it to the same host at once, signed anew.
    Again,
    /// Send it to the next host at once.
    OtherHost,
    /// Begin again at the first host after a backoff, which is at least `after`. The problem is what to answer if
    /// there is no time for that.
    Later { problem: Problem, after: Option<Duration> },
    /// Nothing helps.
    Fail(Problem),
}

/// After an attempt without an answer, where there may be another host to ask.
pub(super) fn after_failure(failed: Failed, has_another: bool) -> Next {
    let Failed { problem, unsent } = failed;
    if unsent && has_another {
        Next::OtherHost
    } else if problem.retryable && problem.code != Code::RateLimited {
        Next::Later { problem, after: None }
    } else {
        Next::Fail(problem)
    }
}

impl<'a> Retries<'a> {
    pub(super) fn new(vendor: &'a Vendor, deadline: Instant) -> Self {
        let keys = vendor.renewal.as_ref().map(|renewal| (renewal, renewal.generation()));
        Self { vendor, deadline, corrected: false, resigned: false, keys }
    }

    /// After the vendor answered `reply`, which is this `refusal`.
    pub(super) async fn after_refusal(&mut self, refusal: Refusal, reply: &Reply, has_another: bool) -> Next {
        telemetry::note(|notes| notes.vendor_request_id.clone_from(&refusal.vendor.request_id));
        match refusal.kind {
            RefusalKind::Clock if !self.corrected && self.vendor.learn_clock(reply) => {
                self.corrected = true;
                Next::Again
            }
            RefusalKind::Auth if self.renewed().await => Next::Again,
            RefusalKind::Nonce if !self.resigned => {
                self.resigned = true;
                Next::Again
            }
            RefusalKind::Transient if reply.status >= 500 && has_another => Next::OtherHost,
            RefusalKind::Throttled | RefusalKind::Transient => {
                Next::Later { after: refusal.after, problem: refusal.problem() }
            }
            _ => Next::Fail(refusal.problem()),
        }
    }

    /// Whether there are other keys than those that were refused.
    async fn renewed(&mut self) -> bool {
        match self.keys.take() {
            Some((renewal, generation)) => renewal.renewed(generation, self.deadline).await,
            None => false,
        }
    }
}

/// Waits before the next try: 0.2 s, 0.4 s, … plus up to as much again, or `after` if that is longer. False at
/// once if there is no next try: the third was the last, or the deadline comes first.
pub async fn pause(tries: u32, after: Option<Duration>, deadline: Instant) -> bool {
    let [random]: [u8; 1] = random();
    let millis = 100.0 * f64::from(1_u32 << tries.min(6)) * (1.0 + f64::from(random) / 255.0);
    let pause = Duration::from_secs_f64(millis / 1000.0).max(after.unwrap_or_default());
    let goes_on = tries < ATTEMPTS && Instant::now() + pause < deadline;
    if goes_on {
        tokio::time::sleep(pause).await;
    }
    goes_on
}
