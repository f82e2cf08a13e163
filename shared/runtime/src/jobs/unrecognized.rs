//! Messages that are not recognized: reported once in a delivery, however many there are.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::time::Instant;

use super::outcome::Settled;
use super::payload::Unknown;
use crate::app::App;
use crate::auth::Caller;
use crate::event::{self, Message};
use crate::flow::Flow;

/// Sources that are told apart in one delivery; all that names none is alike.
const MOST_SOURCES: usize = 4;

/// The sources whose messages were reported already.
#[derive(Default)]
pub(super) struct Reported(Mutex<HashSet<String>>);

impl Reported {
    /// Whether this source is new; from now on it is not.
    fn is_new(&self, source: &str) -> bool {
        let mut sources = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (sources.len() < MOST_SOURCES || sources.contains(source)) && sources.insert(source.to_owned())
    }
}

impl<F: Flow> App<F> {
    /// Notifies the sender of a message that is not recognized, if it is the first of its source in the delivery.
    /// All of them stay in the queue.
    pub(super) async fn report_once(
        self: &Arc<Self>,
        unknown: &Unknown,
        message: &Message,
        caller: Option<&Caller>,
        reported: &Reported,
        deadline: Instant,
    ) -> Settled {
        if reported.is_new(&unknown.source) {
            return self.work(Err(Box::new(unknown.unreadable(message))), caller, deadline).await;
        }
        Settled { outcome: Err(event::unknown(&unknown.seen)), acknowledged: false }
    }
}
