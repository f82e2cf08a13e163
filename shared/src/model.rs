//! What callers ask, what they get, and what the vendors take.

pub mod batch;
pub mod grant;
pub mod media;
pub mod params;
pub mod problem;
pub mod receipt;
pub mod request;
