#![doc = include_str!("../README.md")]
//!
//! # Modules
//!
//! - [`model`]: what callers ask ([`model::request`]), what they get ([`model::grant`], [`model::receipt`],
//!   [`model::problem`]), and which file types a flow takes ([`model::media`]).
//! - [`sign`]: one signature scheme a file, each step a function, so that every step can be held to its vector.
//! - [`wire`]: what both are written with: encodings, instants, secrets.

pub mod model;
pub mod sign;
pub mod wire;
