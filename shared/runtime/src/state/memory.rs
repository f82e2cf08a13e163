//! Records in this process's memory.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::Record;

/// The most records; beyond it the finished ones that expire first are evicted.
const CAPACITY: usize = 10_000;

/// Records by name, each until its time.
#[derive(Default)]
pub struct Memory {
    records: Mutex<HashMap<String, Kept>>,
}

/// A record, its outcome as text: a document takes several times the memory.
struct Kept {
    owner: Box<str>,
    outcome: Option<Box<str>>,
    until: Instant,
}

impl Kept {
    fn new(record: &Record, until: Instant) -> Self {
        let text = |outcome| serde_json::to_string(outcome).unwrap_or_default().into();
        let outcome = record.outcome.as_ref().map(text);
        Self { owner: record.owner.as_str().into(), outcome, until }
    }

    fn record(&self) -> Record {
        let outcome = self.outcome.as_deref().and_then(|text| serde_json::from_str(text).ok());
        Record { owner: self.owner.as_ref().to_owned(), outcome }
    }

    /// Whether `owner` holds a claim here.
    fn is_claimed_by(&self, owner: &str) -> bool {
        *self.owner == *owner && self.outcome.is_none()
    }
}

impl Memory {
    pub(super) fn claim(&self, name: &str, owner: &str, lease: Duration) -> Option<Record> {
        let now = Instant::now();
        let mut records = self.lock();
        if let Some(kept) = records.get(name)
            && kept.until > now
        {
            return Some(kept.record());
        }
        make_room(&mut records, now);
        let record = Record { owner: owner.to_owned(), outcome: None };
        records.insert(name.to_owned(), Kept::new(&record, now + lease));
        None
    }

    pub(super) fn renew(&self, name: &str, owner: &str, lease: Duration) -> bool {
        match self.lock().get_mut(name) {
            Some(kept) if kept.is_claimed_by(owner) => {
                kept.until = Instant::now() + lease;
                true
            }
            _ => false,
        }
    }

    pub(super) fn release(&self, name: &str, owner: &str) {
        let mut records = self.lock();
        if records.get(name).is_some_and(|kept| kept.is_claimed_by(owner)) {
            records.remove(name);
        }
    }

    pub(super) fn put(&self, name: &str, record: &Record, keep: Duration) {
        self.lock().insert(name.to_owned(), Kept::new(record, Instant::now() + keep));
    }

    pub(super) fn get(&self, name: &str) -> Option<Record> {
        let records = self.lock();
        records.get(name).filter(|kept| kept.until > Instant::now()).map(Kept::record)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Kept>> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn make_room(records: &mut HashMap<String, Kept>, now: Instant) {
    if records.len() < CAPACITY {
        return;
    }
    records.retain(|_, kept| kept.until > now);
    if records.len() >= CAPACITY {
        let mut ends: Vec<Instant> = records.values().map(|kept| kept.until).collect();
        let (_, tenth, _) = ends.select_nth_unstable(CAPACITY / 10);
        let tenth = *tenth;
        records.retain(|_, kept| kept.outcome.is_none() || kept.until > tenth);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEASE: Duration = Duration::from_secs(60);

    fn done() -> Record {
        Record { owner: "a".into(), outcome: Some(serde_json::Value::from(1).into()) }
    }

    #[test]
    fn work_is_claimed_once_and_remembered() {
        let memory = Memory::default();
        assert_eq!(memory.claim("w", "a", LEASE), None);
        assert_eq!(memory.claim("w", "b", LEASE).map(|record| record.outcome), Some(None));
        assert!(memory.renew("w", "a", LEASE) && !memory.renew("w", "b", LEASE));
        memory.release("w", "b");
        assert!(memory.claim("w", "b", LEASE).is_some());
        memory.put("w", &done(), LEASE);
        memory.release("w", "a");
        assert_eq!(memory.claim("w", "b", LEASE), Some(done()));
    }

    #[test]
    fn an_ended_lease_is_free_again() {
        let memory = Memory::default();
        memory.claim("w", "a", Duration::ZERO);
        assert_eq!(memory.claim("w", "b", LEASE), None);
    }

    #[test]
    fn memory_is_bounded() {
        let memory = Memory::default();
        for index in 0..CAPACITY * 2 {
            let name = index.to_string();
            memory.claim(&name, "a", LEASE);
            memory.put(&name, &done(), LEASE);
        }
        assert!(memory.lock().len() <= CAPACITY);
    }
}
