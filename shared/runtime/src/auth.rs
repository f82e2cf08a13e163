//! Who is asking, and what they may do.

mod caller;
mod gateway;
mod jwk;
mod jwt;
mod local;
pub mod policy;
mod provider;
mod settings;

pub use self::caller::{Caller, Callers, challenge};
pub use self::policy::Policy;
pub use self::settings::{Auth, Jwt, JwtKeys, auth};
