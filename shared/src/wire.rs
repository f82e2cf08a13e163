//! What the model and the signatures are written with: encodings, instants, secrets.

pub mod encode;
pub mod secret;
pub mod time;
