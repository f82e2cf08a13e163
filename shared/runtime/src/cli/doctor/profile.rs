//! What the doctor is told of a flow, and what it advises about a problem.

use serde_json::{Map, Value};

use super::report::{Finding, seen};
use crate::platform::{KeyNames, KeyRing};
use crate::transfer;
use crate::vendor::Reply;
use upload_grant::model::problem::{Code, Problem};

/// Bytes of a probe.
const SIZE: usize = 1024;

/// What the doctor must be told of a flow.
pub struct Profile {
    /// The endpoints and the variables that set them, the control plane's first.
    pub endpoints: Vec<(&'static str, String)>,
    /// The permission the key needs, as the flow's README has it.
    pub permission: &'static str,
    /// What to subscribe, and where.
    pub product: &'static str,
    /// What to do about a vendor code, as here and in `product`; `{id}` and `{secret}` are the key's variables.
    pub codes: Vec<(&'static str, &'static str)>,
    /// What to do when the receiver refuses the probe.
    pub refused: &'static str,
    /// The probe's file name, which says what it is.
    pub filename: &'static str,
    /// The probe.
    pub bytes: Vec<u8>,
    /// Parameters of the request besides the environment's.
    pub params: Map<String, Value>,
    /// Whether the size in a request is the size the store insists on.
    pub exact_size: bool,
    /// Whether the vendor's next call fetches the object's URL without a signature.
    pub fetched: bool,
    /// Reads the receiver's answer to an upload.
    pub accepted: fn(&Reply) -> Result<(), Problem>,
    /// The key's variables, for a flow without a key ring.
    pub keys: Option<KeyNames>,
}

impl Default for Profile {
    fn default() -> Self {
        let mut bytes = b"A probe of `doctor` (Upload Grants). It can be deleted.\n".to_vec();
        bytes.resize(SIZE, b'.');
        Self {
            endpoints: Vec::new(),
            permission: "",
            product: "",
            codes: Vec::new(),
            refused: "look the store's code up; SignatureDoesNotMatch with a good clock is worth a report",
            filename: "upload-grant-doctor-probe.txt",
            bytes,
            params: Map::new(),
            exact_size: true,
            fetched: false,
            accepted: stored,
            keys: None,
        }
    }
}

impl Profile {
    pub(super) fn for_keys(self, ring: Option<&KeyRing>) -> Self {
        Self { keys: ring.and_then(KeyRing::names).or(self.keys), ..self }
    }

    /// A failed line for `problem`, with what to do about it.
    pub(super) fn verdict(&self, check: impl Into<String>, problem: &Problem) -> Finding {
        Finding::fail(check, problem.code.as_str(), seen(problem), self.advice(problem))
    }

    fn advice(&self, problem: &Problem) -> String {
        let (id, secret) = self.keys.map_or(("the key id", "the secret"), |keys| (keys.id, keys.secret));
        if let Some(known) = self.known(problem) {
            return known.replace("{id}", id).replace("{secret}", secret);
        }
        let variables: Vec<&str> = self.endpoints.iter().map(|(variable, _)| *variable).collect();
        let variables = variables.join(", ");
        match problem.code {
            Code::VendorAuthFailed => {
                format!("check the key in {id}; it needs: {}", self.permission)
            }
            Code::VendorNotSubscribed => self.product.replace("{id}", id),
            Code::VendorThrottled | Code::RateLimited => {
                "wait, then set GRANT_VENDOR_RPS to this function's share of the account's quota; \
                 GRANT_STORE=redis://… makes all instances share it"
                    .to_owned()
            }
            Code::VendorClockSkew => "set this machine's clock (NTP)".to_owned(),
            Code::VendorUnavailable | Code::VendorTimeout => {
                format!("try again; if it stays so, check {variables} and what outgoing traffic is allowed")
            }
            Code::VendorBadResponse => {
                format!("check {variables}: another service may answer there; else report it")
            }
            Code::VendorRejected => "look the vendor's code up; check the flow's identifiers".to_owned(),
            Code::UnsupportedType | Code::TooLarge => {
                "GRANT_CONTENT_TYPES or GRANT_MAX_BYTES shuts the probe out: widen it, for the doctor at least"
                    .to_owned()
            }
            Code::ConfigMissing => "set it, for the doctor at least".to_owned(),
            Code::UploadFailed => self.refused.to_owned(),
            _ => "see the code in shared/docs/errors.md".to_owned(),
        }
    }

    /// The flow's own advice about the vendor's code, or the family it belongs to.
    fn known(&self, problem: &Problem) -> Option<&'static str> {
        let code = problem.vendor.as_ref()?.code.as_deref()?;
        let is = |known: &str| {
            code.strip_prefix(known).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        self.codes.iter().find(|(known, _)| is(known)).map(|(_, advice)| *advice)
    }
}

/// A store's success is its status.
fn stored(reply: &Reply) -> Result<(), Problem> {
    if reply.is_success() { Ok(()) } else { Err(transfer::refused(reply, reply.xml("Code").as_deref())) }
}
