//! What is signed, by whom: shared by the two programs, so that what is timed is what is counted.

pub mod signing;
