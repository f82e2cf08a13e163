//! What a ticket or completion token says, once opened.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tokio::time::Instant;

use upload_grant::model::grant::Grant;
use upload_grant::model::problem::{Code, Problem};
use upload_grant::model::request::{Checksums, Mode};
use upload_grant::wire::secret::Secret;
use upload_grant::wire::time::Timestamp;

use crate::flow::{Flow, UploadRequest};
use crate::platform::clock;
use crate::state::sealer::Sealer;

/// Everything an upload is held to. Sealed into relay tickets and completion tokens.
#[derive(Clone, Serialize, Deserialize)]
pub struct TicketClaims {
    /// The function.
    pub flow: Cow<'static, str>,
    /// The grant.
    pub id: String,
    /// Its mode.
    pub mode: Mode,
    /// Its key.
    pub key: String,
    /// The caller's file name.
    pub filename: String,
    /// Content type.
    pub content_type: String,
    /// The caller's own spelling of it, where that is another.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub declared_type: Option<String>,
    /// Extension of the key.
    pub extension: String,
    /// Bytes, if the caller said.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub size: Option<u64>,
    /// Most bytes.
    pub max_bytes: u64,
    /// Checksums the caller promised.
    pub checksums: Checksums,
    /// Who asked, as far as callers are told apart.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub caller: Option<String>,
    /// End of the grant.
    pub expires_at: Timestamp,
    /// URL of the object.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub location: Option<String>,
    /// Parameters of the request.
    pub params: Map<String, Value>,
    /// Vendor-native values.
    pub vendor: Map<String, Value>,
}

impl TicketClaims {
    /// What `upload` is held to before there is anything from the vendor: a relay's ticket.
    pub fn of_request(
        flow: &'static str,
        upload: UploadRequest,
        caller: Option<&str>,
        expires_at: Timestamp,
    ) -> Self {
        Self {
            flow: Cow::Borrowed(flow),
            key: upload.id.clone(),
            id: upload.id,
            mode: upload.mode,
            filename: upload.filename,
            content_type: upload.content_type,
            declared_type: upload.declared_type,
            extension: upload.extension,
            size: upload.size,
            max_bytes: upload.max_bytes,
            checksums: upload.checksums,
            caller: caller.map(str::to_owned),
            expires_at,
            location: None,
            params: upload.params,
            vendor: Map::new(),
        }
    }

    /// What `upload` is held to under `grant`: a completion token.
    pub fn of_grant<F: Flow>(grant: &Grant, upload: UploadRequest, caller: Option<&str>) -> Self {
        Self {
            key: grant.key.clone(),
            location: grant.object.as_ref().map(|object| object.location.clone()),
            vendor: F::SPEC.for_receipts(grant.vendor.clone()),
            ..Self::of_request(grant.flow, upload, caller, grant.expires_at)
        }
    }

    /// The ask of a relayed upload: what was asked, with the length that arrives.
    pub fn upload(&self, length: u64, carrier: Mode, deadline: Instant) -> UploadRequest {
        UploadRequest {
            id: self.id.clone(),
            filename: self.filename.clone(),
            content_type: self.content_type.clone(),
            declared_type: self.declared_type.clone(),
            extension: self.extension.clone(),
            size: Some(length),
            max_bytes: self.max_bytes,
            checksums: self.checksums.clone(),
            mode: carrier,
            params: self.params.clone(),
            now: clock::now(),
            deadline,
            sender: self.caller.clone(),
        }
    }
}

/// The two sealers of a function.
pub struct Sealers {
    tickets: Sealer,
    tokens: Sealer,
}

/// A relay ticket is taken this long after the grant's end, for uploads that were about to start.
const TICKET_GRACE_SECS: i64 = 60;
/// A completion token is taken this long after the grant's end.
const TOKEN_GRACE_SECS: i64 = 24 * 60 * 60;

impl Sealers {
    /// From `GRANT_SECRET`; none without it.
    pub fn new(secrets: &[Secret]) -> Option<Self> {
        Some(Self { tickets: Sealer::new(secrets, "ticket")?, tokens: Sealer::new(secrets, "complete")? })
    }

    /// A relay ticket.
    ///
    /// # Errors
    /// `internal` if it cannot be sealed.
    pub fn ticket(&self, claims: &TicketClaims) -> Result<String, Problem> {
        self.tickets.seal(&claims.flow, claims).ok_or_else(cannot_seal)
    }

    /// A completion token.
    ///
    /// # Errors
    /// `internal` if it cannot be sealed.
    pub fn token(&self, claims: &TicketClaims) -> Result<String, Problem> {
        self.tokens.seal(&claims.flow, claims).ok_or_else(cannot_seal)
    }

    /// Opens a relay ticket of `flow`.
    ///
    /// # Errors
    /// `unauthenticated` if it is not ours, `grant_expired` if it is past its time.
    pub fn open_ticket(&self, ticket: &str, flow: &str, now: Timestamp) -> Result<TicketClaims, Problem> {
        check(self.tickets.open(flow, ticket), now, TICKET_GRACE_SECS, "ticket")
    }

    /// Opens a completion token of `flow`.
    ///
    /// # Errors
    /// `unauthenticated` if it is not ours, `grant_expired` if it is past its time.
    pub fn open_token(&self, token: &str, flow: &str, now: Timestamp) -> Result<TicketClaims, Problem> {
        check(self.tokens.open(flow, token), now, TOKEN_GRACE_SECS, "token")
    }
}

fn check(
    claims: Option<TicketClaims>,
    now: Timestamp,
    grace_secs: i64,
    what: &str,
) -> Result<TicketClaims, Problem> {
    let claims = claims.ok_or_else(|| {
        Problem::new(Code::Unauthenticated, format!("this {what} was not issued by this function"))
    })?;
    if now > claims.expires_at.plus(grace_secs) {
        return Err(Problem::new(
            Code::GrantExpired,
            format!("this {what} has expired: ask for a new grant"),
        ));
    }
    Ok(claims)
}

fn cannot_seal() -> Problem {
    Problem::new(Code::Internal, "the token could not be sealed")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims(expires_at: Timestamp) -> TicketClaims {
        TicketClaims {
            flow: "tencent-lke".into(),
            id: "01K".into(),
            mode: Mode::Relay,
            key: "01K".into(),
            filename: "a.pdf".into(),
            content_type: "application/pdf".into(),
            declared_type: None,
            extension: "pdf".into(),
            size: None,
            max_bytes: 9,
            checksums: Checksums::default(),
            caller: None,
            expires_at,
            location: None,
            params: Map::new(),
            vendor: Map::new(),
        }
    }

    #[test]
    fn a_ticket_lives_a_minute_longer_than_its_grant_and_a_token_a_day() {
        let end = Timestamp::from_unix(1_800_000_000);
        let secret = Secret::from("a-grant-secret-of-at-least-32-bytes!");
        let sealers = Sealers::new(&[secret]).unwrap();
        let (ticket, token) = (sealers.ticket(&claims(end)).unwrap(), sealers.token(&claims(end)).unwrap());
        for (late, ticket_opens, token_opens) in [
            (-300, true, true),
            (60, true, true),
            (61, false, true),
            (86_400, false, true),
            (86_401, false, false),
        ] {
            let now = end.plus(late);
            let code = |opened: Result<TicketClaims, Problem>| {
                opened.map_or_else(|problem| Some(problem.code), |_| None)
            };
            let expected = |opens: bool| (!opens).then_some(Code::GrantExpired);
            assert_eq!(
                code(sealers.open_ticket(&ticket, "tencent-lke", now)),
                expected(ticket_opens),
                "{late}"
            );
            assert_eq!(code(sealers.open_token(&token, "tencent-lke", now)), expected(token_opens), "{late}");
            let other = code(sealers.open_token(&token, "huawei-aicc", now));
            assert_eq!(other, Some(Code::Unauthenticated), "{late}");
        }
        assert_eq!(Code::GrantExpired.status(), 410);
    }
}
