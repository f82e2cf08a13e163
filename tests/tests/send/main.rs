//! `send FILE…` as a shell runs it: the real binaries against real function processes and the sandbox.

mod batch;
mod flows;
mod input;
mod large;
mod shell;
mod terminal;
mod trouble;
