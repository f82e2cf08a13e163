//! Keys that are given by ARN are read again when the vendor refuses the current ones: rotation needs no deploy.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::net::Arns;
use crate::platform::{Env, KeyRing, clock};

/// Keys that stay refused are not read more often than this.
const INTERVAL: Duration = Duration::from_secs(30);

/// Keys that are given by ARN, and where.
pub(crate) struct Renewal {
    arns: Arns,
    rings: Vec<KeyRing>,
    /// Counts their changes.
    generation: AtomicU64,
    /// When they were last fetched.
    asked: Mutex<Option<Instant>>,
}

impl Renewal {
    /// None where no key is given by ARN. What the flow needs must have been read from `env` before.
    pub(crate) fn from_env(env: &mut Env) -> Option<Self> {
        let rings = env.rings_by_arn();
        if rings.is_empty() {
            return None;
        }
        let arns = Arns::from_env(env).ok()?;
        Some(Self { arns, rings, generation: AtomicU64::new(0), asked: Mutex::default() })
    }

    /// The generation of the keys in use.
    pub(super) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Whether there are newer keys than those of generation `refused`; they are fetched by `deadline` if need be.
    pub(super) async fn renewed(&self, refused: u64, deadline: Instant) -> bool {
        let left = deadline.saturating_duration_since(Instant::now());
        clock::timeout(left, self.fetch(refused)).await.unwrap_or(false)
    }

    /// Callers that were refused meanwhile wait for the same fetch.
    async fn fetch(&self, refused: u64) -> bool {
        let mut asked = self.asked.lock().await;
        if self.generation() != refused {
            return true;
        }
        let now = Instant::now();
        if asked.is_some_and(|asked| now < asked + INTERVAL) {
            return false;
        }
        *asked = Some(now);
        let values = match self.arns.read().await {
            Ok(values) => values,
            Err(error) => {
                tracing::warn!(error, "the vendor's keys cannot be fetched again");
                return false;
            }
        };
        let fresh = |name: &str| {
            let value = values.get(name)?.as_ref().ok()?.trim();
            (!value.is_empty()).then(|| value.to_owned())
        };
        // All of them, not only up to the first that is new.
        let is_new = self.rings.iter().filter(|ring| ring.renew(fresh)).count() > 0;
        if is_new {
            self.generation.fetch_add(1, Ordering::Release);
            tracing::info!("the vendor's keys were fetched again");
        }
        is_new
    }
}
