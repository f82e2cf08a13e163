//! `<function> doctor`, the real binary against the sandbox: green where all is well, and each line red or yellow
//! when what it looks at is broken. Every run's output is searched for secrets.

mod facts;
mod green;
mod readme;
mod run;
mod setup;
mod stores;
mod vendors;
