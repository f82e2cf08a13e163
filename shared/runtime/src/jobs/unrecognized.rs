//! Messages that are not recognized: told once in a delivery, however many there are.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::time::Instant;

use super::payload::Unknown;
use super::worker::Settled;
use crate::app::App;
use crate::auth::Caller;
use crate::event::{self, Message};
use crate::flow::Flow;

/// Sources that are told apart in one delivery; all that names none is alike.
const MOST_SOURCES: usize = 4;

/// The sources whose messages were told already.
#[derive(Default)]
pub(super) struct Rubbish(Mutex<HashSet<String>>);

impl Rubbish {
    /// Whether nothing of this source was told so far; from now on it was.
    fn is_new(&self, source: &str) -> bool {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (told.len() < MOST_SOURCES || told.contains(source)) && told.insert(source.to_owned())
    }
}

impl<F: Flow> App<F> {
    /// Has the sender told of a message that is not recognized, if it is the first of its kind in the delivery.
    /// The others stay with the queue: nobody was told of them.
    pub(super) async fn discard(
        self: &Arc<Self>,
        unknown: &Unknown,
        message: &Message,
        caller: Option<&Caller>,
        rubbish: &Rubbish,
        deadline: Instant,
    ) -> Settled {
        if rubbish.is_new(&unknown.source) {
            return self.work(Err(Box::new(unknown.unreadable(message))), caller, deadline).await;
        }
        Settled { outcome: Err(event::unknown(&unknown.seen)), acknowledged: false }
    }
}
