//! HTTP clients, and which addresses they may reach.

mod client;
pub(crate) mod guard;
mod reply;

pub use self::client::{client, extra_roots, public_client, read_body};
pub use self::reply::{Reply, retry_after};
