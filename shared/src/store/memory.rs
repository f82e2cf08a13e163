//! Records in this process's memory.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::Record;

/// The most records; past it the finished ones that would end first go.
const CAPACITY: usize = 10_000;

/// Records by name, each until its time.
#[derive(Default)]
pub struct Memory {
    records: Mutex<HashMap<String, (Record, Instant)>>,
}

impl Memory {
    pub(super) fn claim(&self, name: &str, owner: &str, lease: Duration) -> Option<Record> {
        let now = Instant::now();
        let mut records = self.lock();
        if let Some((record, until)) = records.get(name)
            && *until > now
        {
            return Some(record.clone());
        }
        make_room(&mut records, now);
        let record = Record { owner: owner.to_owned(), outcome: None };
        records.insert(name.to_owned(), (record, now + lease));
        None
    }

    pub(super) fn renew(&self, name: &str, owner: &str, lease: Duration) -> bool {
        match self.lock().get_mut(name) {
            Some((record, until)) if record.owner == owner && record.outcome.is_none() => {
                *until = Instant::now() + lease;
                true
            }
            _ => false,
        }
    }

    pub(super) fn release(&self, name: &str, owner: &str) {
        let mut records = self.lock();
        if records.get(name).is_some_and(|(record, _)| record.owner == owner && record.outcome.is_none()) {
            records.remove(name);
        }
    }

    pub(super) fn put(&self, name: &str, record: Record, keep: Duration) {
        self.lock().insert(name.to_owned(), (record, Instant::now() + keep));
    }

    pub(super) fn get(&self, name: &str) -> Option<Record> {
        let records = self.lock();
        records.get(name).filter(|(_, until)| *until > Instant::now()).map(|(record, _)| record.clone())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, (Record, Instant)>> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn make_room(records: &mut HashMap<String, (Record, Instant)>, now: Instant) {
    if records.len() < CAPACITY {
        return;
    }
    records.retain(|_, (_, until)| *until > now);
    if records.len() >= CAPACITY {
        let mut ends: Vec<Instant> = records.values().map(|(_, until)| *until).collect();
        let (_, tenth, _) = ends.select_nth_unstable(CAPACITY / 10);
        let tenth = *tenth;
        records.retain(|_, (record, until)| record.outcome.is_none() || *until > tenth);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEASE: Duration = Duration::from_secs(60);

    fn done() -> Record {
        Record { owner: "a".into(), outcome: Some(1.into()) }
    }

    #[test]
    fn work_is_claimed_once_and_remembered() {
        let memory = Memory::default();
        assert_eq!(memory.claim("w", "a", LEASE), None);
        assert_eq!(memory.claim("w", "b", LEASE).map(|record| record.outcome), Some(None));
        assert!(memory.renew("w", "a", LEASE) && !memory.renew("w", "b", LEASE));
        memory.release("w", "b");
        assert!(memory.claim("w", "b", LEASE).is_some());
        memory.put("w", done(), LEASE);
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
            memory.put(&name, done(), LEASE);
        }
        assert!(memory.lock().len() <= CAPACITY);
    }
}
