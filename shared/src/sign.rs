//! The vendors' signatures, one scheme per file.
//!
//! Every file reads like the vendor's page: `key` makes the keyed state (worth keeping while the secret and, where
//! it has one, the day stay the same), the numbered steps are functions of their own, `sign` or `presign` puts them
//! together. Time and nonce are arguments. Canonical texts are handed to a closure piece by piece, so that signing
//! feeds them straight into a hash and a test may collect them. What is signed may hold a token, so requests have no
//! `Debug`.

pub mod acs3;
pub mod cos;
pub mod oss4;
pub mod rpc_v1;
pub mod sigv4;
pub mod ssecp;
pub mod tc3;
