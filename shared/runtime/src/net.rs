//! HTTP clients, and which addresses they may reach.

pub(crate) mod aws;
mod client;
pub(crate) mod guard;
mod reply;
mod roots;

pub(crate) use self::aws::{Arns, fetch_by_arn};
pub(crate) use self::client::store_client;
pub use self::client::{client, extra_roots, public_client, read_body};
pub(crate) use self::reply::{Failed, vendor_error};
pub use self::reply::{Reply, retry_after};
