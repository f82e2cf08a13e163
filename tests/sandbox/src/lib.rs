//! The vendors and their stores on loopback, as strict as the real ones.
//!
//! Each vendor service has a listener of its own, speaks the real wire format, and verifies signatures, policies,
//! windows and scopes from what arrived on the wire. The control service shows what was stored and called, sets
//! faults and settings. Everything lives in memory.
//!
//! ```no_run
//! # async fn example() -> std::io::Result<()> {
//! use upload_grant_sandbox::{Sandbox, Service};
//! let sandbox = Sandbox::start().await?;
//! println!("CAMS is at {}", sandbox.url(Service::Cams));
//! # Ok(()) }
//! ```

mod arrived;
mod body;
mod clock;
mod control;
mod encode;
pub mod facts;
mod fault;
pub mod flow;
mod ids;
mod objects;
mod record;
mod reply;
mod sandbox;
mod secrets;
mod serve;
mod service;
mod settings;
mod store;
mod vendor;
pub mod verify;
mod world;

pub use arrived::Arrived;
pub use flow::{FLOWS, Flow};
pub use objects::Object;
pub use sandbox::Sandbox;
pub use service::Service;

/// A poisoned lock only means that a test panicked elsewhere; the data is still good.
pub(crate) fn lock<T>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
