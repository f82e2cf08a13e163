//! What a function does besides serving: checking its set-up, and sending files from a shell.

pub mod doctor;
#[cfg(feature = "send")]
pub mod send;
