//! What model and signing write with: encodings, instants, secrets.

pub mod encode;
pub mod secret;
pub mod time;
