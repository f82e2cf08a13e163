//! Everything that serves a flow: from the platform's event to the vendor's store and back.
//!
//! In layers, the top one first. A module imports only from those below it, and `tests` hold it to that:
//!
//! - [`serve`]: the ways in (Lambda, HTTP, polling), and the command line
//! - [`cli`]: `doctor` and `send`
//! - [`api`]: the HTTP routes, and nothing that is not HTTP
//! - [`jobs`]: queue messages: batches, jobs, and each job once
//! - [`app`]: a configured function: from a request to a checked upload, to its grant, to its receipt
//! - [`flow`]: what a vendor flow is, and what it is given to work with
//! - [`transfer`]: bytes that go out: uploads, the sources they come from, webhooks
//! - [`vendor`]: calls of a vendor's control plane: signed, budgeted, judged, retried
//! - [`auth`]: who is asking, and what they may do
//! - [`state`]: what instances remember and share
//! - [`event`]: what a platform's event is
//! - [`net`]: HTTP clients, and which addresses they may reach
//! - [`platform`]: environment, clock, random source, telemetry

pub mod api;
pub mod app;
pub mod auth;
pub mod cli;
pub mod event;
pub mod flow;
pub mod jobs;
pub mod net;
pub mod platform;
pub mod serve;
pub mod state;
pub mod transfer;
pub mod vendor;
