//! What the process stands on: environment, clock, random source, telemetry, and the platform around it.

pub mod clock;
mod env;
pub(crate) mod headers;
mod keys;
pub(crate) mod random;
pub(crate) mod runtime;
pub(crate) mod secrets;
mod settings;
mod shares;
pub mod telemetry;

pub use self::env::{Env, Fault, check_endpoint, config_missing, is_loopback};
pub use self::keys::{KeyNames, KeyRing, Keys};
pub use self::random::{new_id, nonce};
pub use self::settings::{Events, Settings};
pub(crate) use self::shares::Shares;
