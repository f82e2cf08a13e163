//! The sandbox's own interface.

pub(crate) mod console;
mod curl;
pub(crate) mod env;
mod routes;

pub(crate) use routes::{cors, handle};
