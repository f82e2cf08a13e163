//! The sandbox refuses what the real services refuse: one thing changed, one refusal.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::format_push_string,
    clippy::format_collect,
    reason = "test helpers"
)]

mod client;
mod console;
mod control;
mod flows;
mod handoffs;
mod models;
mod stores;
mod stream;
mod vendors;
