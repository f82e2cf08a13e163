//! The five functions against the sandbox: what a caller gets, and what the receivers make of it.

mod enforced;
mod input;
mod modes;
