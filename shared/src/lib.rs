//! One normalized upload grant for the upload flows of several vendors: the model and the signing.
//!
//! Nothing here reads a clock or an environment or does I/O: times, nonces and keys are arguments, requests and
//! URLs are values. `upload-grant-runtime` is what serves them.
//!
//! - [`model`]: what callers ask ([`model::request`]), what they get ([`model::grant`], [`model::receipt`],
//!   [`model::problem`]), and which file types a flow takes ([`model::media`]).
//! - [`sign`]: one signature scheme a file, each step a function, so that every step can be held to its vector.
//! - [`wire`]: what the others write with: encodings, instants, secrets.
//!
//! ```
//! use upload_grant::sign::oss4;
//! use upload_grant::wire::secret::Secret;
//! use upload_grant::wire::time::Timestamp;
//!
//! // An upload that somebody else may send within five minutes: to this key, of this type, once.
//! let at = Timestamp::parse_rfc3339("2026-11-21T08:00:00Z").ok_or("no instant")?;
//! let key = oss4::key(&Secret::from("the access key's secret"), "ap-southeast-1", at);
//! let url = oss4::presign(
//!     &key,
//!     &oss4::Presign {
//!         method: "PUT",
//!         base: "https://media.oss-ap-southeast-1.aliyuncs.com",
//!         bucket: "media",
//!         object: "inbox/01K7.png",
//!         access_key_id: "LTAI",
//!         encoded_token: None,
//!         headers: &[("content-type", "image/png"), ("x-oss-forbid-overwrite", "true")],
//!         additional: &[],
//!         expires: 300,
//!     },
//!     at,
//! );
//! assert!(url.starts_with("https://media.oss-ap-southeast-1.aliyuncs.com/inbox/01K7.png?x-oss-credential=LTAI"));
//! # Ok::<(), &str>(())
//! ```

pub mod model;
pub mod sign;
pub mod wire;
