//! What was called: counters per service and action, and the last 200 requests.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Mutex;

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::lock;
use crate::service::Service;

const KEPT: usize = 200;

/// One line of `GET /requests`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Line {
    pub(crate) at: i64,
    pub(crate) service: Service,
    pub(crate) action: String,
    pub(crate) method: String,
    pub(crate) path: String,
    /// Absent when the connection was cut instead.
    pub(crate) status: Option<u16>,
    pub(crate) code: Option<String>,
    pub(crate) fault: bool,
}

#[derive(Default)]
struct Counters {
    total: u64,
    refused: u64,
    actions: BTreeMap<String, u64>,
}

/// Counters and the ring of lines.
#[derive(Default)]
pub(crate) struct Record {
    counters: Mutex<BTreeMap<&'static str, Counters>>,
    lines: Mutex<VecDeque<Line>>,
}

impl Record {
    /// Counts a request as it arrives.
    pub(crate) fn arrived(&self, service: Service, action: &str) {
        let mut counters = lock(&self.counters);
        let counter = counters.entry(service.name()).or_default();
        counter.total += 1;
        *counter.actions.entry(action.to_owned()).or_default() += 1;
    }

    /// Keeps how it ended.
    pub(crate) fn ended(&self, line: Line) {
        if line.code.is_some() || line.status.is_none_or(|status| status >= 400) {
            lock(&self.counters).entry(line.service.name()).or_default().refused += 1;
        }
        let mut lines = lock(&self.lines);
        lines.push_back(line);
        while lines.len() > KEPT {
            lines.pop_front();
        }
    }

    pub(crate) fn calls(&self, service: Service) -> u64 {
        lock(&self.counters).get(service.name()).map_or(0, |counter| counter.total)
    }

    /// Actions are compared without case: the ticket service is called both ways.
    pub(crate) fn action_calls(&self, service: Service, action: &str) -> u64 {
        let counters = lock(&self.counters);
        let Some(counter) = counters.get(service.name()) else { return 0 };
        counter.actions.iter().filter(|(name, _)| name.eq_ignore_ascii_case(action)).map(|(_, n)| n).sum()
    }

    /// `{"cams":{"GetChatappUploadAuthorization":3,"total":3,"refused":0},...}`
    pub(crate) fn as_json(&self) -> Value {
        let mut out = Map::new();
        for (service, counter) in lock(&self.counters).iter() {
            let mut one: Map<String, Value> =
                counter.actions.iter().map(|(name, count)| (name.clone(), json!(count))).collect();
            one.insert("total".to_owned(), json!(counter.total));
            one.insert("refused".to_owned(), json!(counter.refused));
            out.insert((*service).to_owned(), Value::Object(one));
        }
        Value::Object(out)
    }

    /// The last `n` lines, newest last.
    pub(crate) fn last(&self, n: usize) -> Vec<Line> {
        let lines = lock(&self.lines);
        lines.iter().skip(lines.len().saturating_sub(n)).cloned().collect()
    }

    pub(crate) fn clear(&self) {
        lock(&self.counters).clear();
        lock(&self.lines).clear();
    }
}
