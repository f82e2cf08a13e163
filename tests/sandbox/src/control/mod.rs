//! The sandbox's own interface.

mod curl;
pub(crate) mod env;
mod routes;

pub(crate) use routes::{cors, handle};
