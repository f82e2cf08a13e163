//! The idempotency store: claims on work under way, and the outcomes of finished work.
//!
//! In this process's memory, or in Redis or DynamoDB where several instances share it.

mod breaker;
mod dynamodb;
mod memory;
mod pulse;
mod redis;
pub(crate) mod sealer;
mod shared_cache;
mod shared_store;

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use self::memory::Memory;
pub(crate) use self::shared_cache::SharedCache;
pub(crate) use self::shared_store::Reservation;
pub use self::shared_store::Shared;
use crate::platform::Env;
use upload_grant::model::problem::{Code, Problem};

/// Where the records are.
pub enum Store {
    /// In this process: enough where there is one instance.
    Memory(Memory),
    /// In a store that all instances share.
    Shared(Arc<Shared>),
}

/// The record of the work under a name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Owner of the claim.
    pub owner: String,
    /// Its outcome; none while it is under way.
    pub outcome: Option<Outcome>,
}

/// The outcome of finished work.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// Its receipt or problem.
    pub data: Value,
    /// SHA-256 of the job, in hex; empty where the name identifies the work completely.
    #[serde(default)]
    pub fingerprint: String,
    /// Whether the webhook was delivered.
    #[serde(default, rename = "told")]
    pub notified: bool,
}

/// The result of a claim: whether the work under a name may begin.
#[derive(Clone, Debug, PartialEq)]
pub enum Claim {
    /// It may: the claim is ours.
    Mine,
    /// Another owner holds the claim.
    Running,
    /// It is done, with this outcome.
    Done(Outcome),
}

impl From<Value> for Outcome {
    fn from(data: Value) -> Self {
        Self { data, fingerprint: String::new(), notified: false }
    }
}

impl Store {
    /// As `GRANT_STORE` says: `memory` (default), `redis://…`, `rediss://…` or `dynamodb://TABLE`. `extra_roots` is
    /// the file that `SSL_CERT_FILE` names.
    pub fn from_env(env: &mut Env, extra_roots: Option<&str>) -> Self {
        let address = env.get("GRANT_STORE").unwrap_or_else(|| "memory".into());
        let shared = if address == "memory" {
            None
        } else if address.starts_with("redis://") || address.starts_with("rediss://") {
            let redis = Shared::redis(&address, extra_roots);
            if redis.is_none() {
                env.fault("GRANT_STORE", "is not a usable Redis address");
            }
            redis
        } else if let Some(table) = address.strip_prefix("dynamodb://") {
            Shared::dynamodb(env, table, extra_roots)
        } else {
            env.fault("GRANT_STORE", "is none of memory, redis://…, rediss://…, dynamodb://TABLE");
            None
        };
        shared.map_or_else(|| Self::Memory(Memory::default()), |shared| Self::Shared(Arc::new(shared)))
    }

    /// The store that all instances share, if there is one.
    pub(crate) fn shared(&self) -> Option<&Arc<Shared>> {
        match self {
            Self::Memory(_) => None,
            Self::Shared(shared) => Some(shared),
        }
    }

    /// Claims the work under `name` for `owner`, for as long as `lease`.
    ///
    /// # Errors
    /// `store_unavailable` if the store cannot be reached or refuses: the work must not begin.
    pub async fn claim(&self, name: &str, owner: &str, lease: Duration) -> Result<Claim, Problem> {
        let record = match self {
            Self::Memory(memory) => memory.claim(name, owner, lease),
            Self::Shared(shared) => shared.claim(name, owner, lease).await.map_err(|_| unavailable())?,
        };
        Ok(match record {
            None => Claim::Mine,
            Some(Record { outcome: Some(outcome), .. }) => Claim::Done(outcome),
            Some(Record { outcome: None, .. }) => Claim::Running,
        })
    }

    /// Renews a claim for another `lease`; false if it is no longer `owner`'s.
    ///
    /// # Errors
    /// As [`Store::claim`].
    pub async fn renew(&self, name: &str, owner: &str, lease: Duration) -> Result<bool, Problem> {
        match self {
            Self::Memory(memory) => Ok(memory.renew(name, owner, lease)),
            Self::Shared(shared) => shared.renew(name, owner, lease).await.map_err(|_| unavailable()),
        }
    }

    /// Releases a claim: the work failed and may be tried again.
    ///
    /// # Errors
    /// As [`Store::claim`].
    pub async fn release(&self, name: &str, owner: &str) -> Result<(), Problem> {
        match self {
            Self::Memory(memory) => {
                memory.release(name, owner);
                Ok(())
            }
            Self::Shared(shared) => shared.release(name, owner).await.map_err(|_| unavailable()),
        }
    }

    /// Records the outcome of the work under `name`, for as long as `keep`.
    ///
    /// # Errors
    /// As [`Store::claim`].
    pub async fn finish(
        &self,
        name: &str,
        owner: &str,
        outcome: Outcome,
        keep: Duration,
    ) -> Result<(), Problem> {
        match self {
            Self::Memory(memory) => {
                let record = Record { owner: owner.to_owned(), outcome: Some(outcome) };
                memory.put(name, &record, keep);
                Ok(())
            }
            Self::Shared(shared) => shared.put(name, owner, &outcome, keep).await.map_err(|_| unavailable()),
        }
    }

    /// The outcome of the work under `name`, if it is done.
    ///
    /// # Errors
    /// As [`Store::claim`].
    pub async fn outcome(&self, name: &str) -> Result<Option<Outcome>, Problem> {
        let record = match self {
            Self::Memory(memory) => memory.get(name),
            Self::Shared(shared) => shared.get(name).await.map_err(|_| unavailable())?,
        };
        Ok(record.and_then(|record| record.outcome))
    }
}

/// What callers hear of a fault. Its kind is the operator's to know: the log, `healthz` and `doctor` name it.
fn unavailable() -> Problem {
    Problem::new(Code::StoreUnavailable, "the function's store cannot be reached, or refuses")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_that_another_version_stored_is_read() {
        let outcome = Outcome { data: Value::from(1), fingerprint: "f".into(), notified: true };
        let record = Record { owner: "o".into(), outcome: Some(outcome) };
        let stored = r#"{"owner":"o","outcome":{"data":1,"fingerprint":"f","told":true}}"#;
        assert_eq!(serde_json::to_string(&record).unwrap(), stored);
        assert_eq!(serde_json::from_str::<Record>(stored).unwrap(), record);
    }
}
