//! What must be remembered between requests: which work is under way, and what came of it.
//!
//! In this process's memory, or in Redis where instances are many.

mod memory;
mod redis;
pub(crate) mod seal;
mod sealed;

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use self::memory::Memory;
pub(crate) use self::redis::Redis;
pub(crate) use self::sealed::SharedCache;
use crate::platform::Env;
use upload_grant::model::problem::{Code, Problem};

/// Where the records are.
pub enum Store {
    /// In this process: enough where there is one instance.
    Memory(Memory),
    /// Shared by all instances.
    Redis(Arc<Redis>),
}

/// What is known about work under a name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Who is at it, or was.
    pub owner: String,
    /// What came of it; none while it is under way.
    pub outcome: Option<Value>,
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
    /// As `GRANT_STORE` says: `memory` (default), `redis://…` or `rediss://…`.
    pub fn from_env(env: &mut Env) -> Self {
        match env.get("GRANT_STORE").as_deref() {
            None | Some("memory") => {}
            Some(url) if url.starts_with("redis://") || url.starts_with("rediss://") => match Redis::new(url)
            {
                Some(redis) => return Self::Redis(Arc::new(redis)),
                None => env.fault("GRANT_STORE", "is not a usable Redis address"),
            },
            Some(_) => env.fault("GRANT_STORE", "is none of memory, redis://…, rediss://…"),
        }
        Self::Memory(Memory::default())
    }

    /// The Redis that all instances share, if there is one.
    pub(crate) fn redis(&self) -> Option<&Arc<Redis>> {
        match self {
            Self::Memory(_) => None,
            Self::Redis(redis) => Some(redis),
        }
    }

    /// Claims the work under `name` for `owner`, for as long as `lease`.
    ///
    /// # Errors
    /// `rate_limited` if the store cannot be reached: the work must not begin.
    pub async fn claim(&self, name: &str, owner: &str, lease: Duration) -> Result<Claim, Problem> {
        let record = match self {
            Self::Memory(memory) => memory.claim(name, owner, lease),
            Self::Redis(redis) => {
                redis.claim(name, owner, lease).await.map_err(|error| unreachable(&error))?
            }
        };
        Ok(match record {
            None => Claim::Mine,
            Some(Record { outcome: Some(outcome), .. }) => Claim::Done(outcome),
            Some(Record { outcome: None, .. }) => Claim::Running,
        })
    }

    /// Holds a claim for another `lease`; false if it is no longer `owner`'s.
    ///
    /// # Errors
    /// As [`Store::claim`].
    pub async fn renew(&self, name: &str, owner: &str, lease: Duration) -> Result<bool, Problem> {
        match self {
            Self::Memory(memory) => Ok(memory.renew(name, owner, lease)),
            Self::Redis(redis) => redis.renew(name, owner, lease).await.map_err(|error| unreachable(&error)),
        }
    }

    /// Gives a claim back: the work failed and may be tried again.
    ///
    /// # Errors
    /// As [`Store::claim`].
    pub async fn release(&self, name: &str, owner: &str) -> Result<(), Problem> {
        match self {
            Self::Memory(memory) => {
                memory.release(name, owner);
                Ok(())
            }
            Self::Redis(redis) => redis.release(name, owner).await.map_err(|error| unreachable(&error)),
        }
    }

    /// Records what came of the work under `name`, for as long as `keep`.
    ///
    /// # Errors
    /// As [`Store::claim`].
    pub async fn finish(
        &self,
        name: &str,
        owner: &str,
        outcome: Value,
        keep: Duration,
    ) -> Result<(), Problem> {
        let record = Record { owner: owner.to_owned(), outcome: Some(outcome) };
        match self {
            Self::Memory(memory) => {
                memory.put(name, &record, keep);
                Ok(())
            }
            Self::Redis(redis) => redis.put(name, &record, keep).await.map_err(|error| unreachable(&error)),
        }
    }

    /// What came of the work under `name`, if it is done.
    ///
    /// # Errors
    /// As [`Store::claim`].
    pub async fn outcome(&self, name: &str) -> Result<Option<Value>, Problem> {
        let record = match self {
            Self::Memory(memory) => memory.get(name),
            Self::Redis(redis) => redis.get(name).await.map_err(|error| unreachable(&error))?,
        };
        Ok(record.and_then(|record| record.outcome))
    }
}

fn unreachable(error: &::redis::RedisError) -> Problem {
    tracing::error!(kind = ?error.kind(), "the store cannot be reached");
    Problem::new(Code::RateLimited, "the function's store cannot be reached")
}
