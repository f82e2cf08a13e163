//! What must be remembered between requests: which ticket is in use, and what came of it.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

/// Records in this process's memory.
#[derive(Default)]
pub struct Store {
    records: Mutex<HashMap<String, Record>>,
}

struct Record {
    /// None while the work is under way.
    outcome: Option<Value>,
    until: Instant,
}

/// Whether the work under a name may begin.
#[derive(Clone, Debug, PartialEq)]
pub enum Claim {
    /// It is ours to do.
    Mine,
    /// Somebody is at it.
    Running,
    /// It is done, and this came of it.
    Done(Value),
}

impl Store {
    /// Claims the work under `name` for as long as `lease`.
    pub fn claim(&self, name: &str, lease: Duration) -> Claim {
        let now = Instant::now();
        let mut records = self.lock();
        match records.get(name) {
            Some(Record { outcome, until }) if *until > now => {
                outcome.clone().map_or(Claim::Running, Claim::Done)
            }
            _ => {
                records.retain(|_, record| record.until > now);
                records.insert(name.to_owned(), Record { outcome: None, until: now + lease });
                Claim::Mine
            }
        }
    }

    /// Gives the work under `name` back: it failed and may be tried again.
    pub fn release(&self, name: &str) {
        self.lock().remove(name);
    }

    /// Records what came of the work under `name`, for as long as `keep`.
    pub fn finish(&self, name: &str, outcome: Value, keep: Duration) {
        let record = Record { outcome: Some(outcome), until: Instant::now() + keep };
        self.lock().insert(name.to_owned(), record);
    }

    /// What came of the work under `name`, if it is done.
    pub fn outcome(&self, name: &str) -> Option<Value> {
        self.lock().get(name).filter(|record| record.until > Instant::now())?.outcome.clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Record>> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
