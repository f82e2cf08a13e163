//! One normalized upload grant for five vendor upload flows.
//!
//! The pure half (no clock, no environment, no I/O): [`grant`], [`request`], [`problem`], [`receipt`],
//! [`media`], [`sign`]. Feature `runtime` (default) is everything that talks to the world,
//! feature `send` the client that sends files from a shell.

pub mod encode;
pub mod grant;
pub mod media;
pub mod problem;
pub mod receipt;
pub mod request;
pub mod secret;
pub mod sign;
pub mod time;

#[cfg(feature = "runtime")]
mod aws;
#[cfg(feature = "runtime")]
pub mod cache;
#[cfg(feature = "runtime")]
pub mod caller;
#[cfg(feature = "runtime")]
pub mod clock;
#[cfg(feature = "runtime")]
pub mod config;
#[cfg(feature = "runtime")]
pub mod doctor;
#[cfg(feature = "runtime")]
pub mod event;
#[cfg(feature = "runtime")]
pub mod flow;
#[cfg(feature = "runtime")]
mod guard;
#[cfg(feature = "runtime")]
mod jobs;
#[cfg(feature = "runtime")]
mod openapi;
#[cfg(feature = "runtime")]
pub mod policy;
#[cfg(feature = "runtime")]
pub mod routes;
#[cfg(feature = "runtime")]
mod seal;
#[cfg(feature = "send")]
pub mod send;
#[cfg(feature = "runtime")]
pub mod serve;
#[cfg(feature = "runtime")]
pub mod storage;
#[cfg(feature = "runtime")]
mod store;
#[cfg(feature = "runtime")]
pub mod telemetry;
#[cfg(feature = "runtime")]
mod ticket;
#[cfg(feature = "runtime")]
pub mod upload;
#[cfg(feature = "runtime")]
pub mod vendor;
