//! What a flow is: the one trait of this crate, and what a flow is given to work with.

use std::sync::Arc;

use serde_json::{Map, Value};
use tokio::time::Instant;

use crate::cache::SharedCache;
use crate::config::{Env, KeyRing, Settings};
use crate::doctor::{Chart, Report};
use crate::grant::{Enforced, Grant, Limits, Object, Pairs};
use crate::media::Accepted;
use crate::problem::{Code, Problem};
use crate::receipt::{Handoff, Receipt};
use crate::request::{Checksums, Mode};
use crate::time::Timestamp;
use crate::upload::{self, Body, Stored};
use crate::vendor::Vendor;

/// One vendor flow: how its API turns an ask into a grant, and what to do with the upload.
pub trait Flow: Send + Sync + Sized + 'static {
    /// Name of the function: of the binary, in grants, receipts and logs.
    const NAME: &'static str;
    /// The types the vendor takes, and how large.
    const TYPES: &'static [Accepted];
    /// The request parameters this flow has. Two are not the caller's to choose: `user_id`, which is who it is and
    /// so must be known, and `user_client_ip`, which is where it is.
    const PARAMS: &'static [&'static str];
    /// The vendor's documented quota in calls per second, if it has one.
    const QUOTA: Option<f64>;
    /// What of the store's answer is worth sending to `/complete`.
    const COLLECT: &'static [&'static str];

    /// The modes besides relay whose receiver refuses more than `max_bytes` even of a file whose size was not said.
    const BOUNDED: &'static [Mode] = &[];

    /// Members of a grant's `vendor` that are credentials themselves: they stay in the grant, no receipt has them.
    const GRANT_ONLY: &'static [&'static str] = &[];

    /// Reads the flow's settings; what is missing is recorded in `env`.
    fn configure(env: &mut Env) -> Self;

    /// The modes on offer, the default first. Every flow has relay.
    fn modes(&self) -> &'static [Mode];

    /// Whose quota and credentials these are: the vendor account's key id.
    fn account(&self) -> String {
        self.key_ring().map(|keys| keys.get().id.clone()).unwrap_or_default()
    }

    /// The keys that the platform may rotate, if the flow uses such.
    fn key_ring(&self) -> Option<&KeyRing> {
        None
    }

    /// The parameters' defaults from the environment.
    fn defaults(&self) -> Map<String, Value>;

    /// Checks what only this flow knows of its parameters, in every mode and before anything is promised.
    ///
    /// # Errors
    /// `invalid_request` at the parameter, or `config_missing`.
    fn check(&self, _ask: &Ask) -> Result<(), Problem> {
        Ok(())
    }

    /// Makes the grant that `ask` describes, in any mode but relay.
    fn grant(
        self: &Arc<Self>,
        cx: &Arc<Context>,
        ask: &Ask,
    ) -> impl Future<Output = Result<Grant, Problem>> + Send;

    /// Uploads `body` for relay and queue. By default through the flow's own grant.
    fn upload(
        self: &Arc<Self>,
        cx: &Arc<Context>,
        ask: &Ask,
        body: Body,
    ) -> impl Future<Output = Result<Stored, Problem>> + Send {
        async {
            let grant = self.grant(cx, ask).await?;
            upload::send(cx, &grant, ask, body).await
        }
    }

    /// What `doctor` must be told of this flow.
    fn chart(&self) -> Chart;

    /// Makes the vendor call through [`Report::call`] and reports what no document of the vendor's settles.
    /// An error is that call's; whatever fails after it is a line of the report.
    fn examine(
        self: &Arc<Self>,
        cx: &Arc<Context>,
        ask: &Ask,
        report: &mut Report,
    ) -> impl Future<Output = Result<(), Problem>> + Send;

    /// The vendor call that makes use of the upload.
    fn handoff(&self, receipt: &Receipt, bound: &Bound<'_>) -> Option<Handoff>;
}

/// Of a grant's `vendor`, what a receipt may say.
pub(crate) fn for_receipts<F: Flow>(mut vendor: Map<String, Value>) -> Map<String, Value> {
    vendor.retain(|name, _| !F::GRANT_ONLY.contains(&name.as_str()));
    vendor
}

/// What completion knows besides the receipt.
pub struct Bound<'a> {
    /// The content type of the upload.
    pub content_type: &'a str,
    /// The parameters of the ask.
    pub params: &'a Map<String, Value>,
}

impl Bound<'_> {
    /// A text parameter, or null.
    pub fn param(&self, name: &str) -> Value {
        self.params.get(name).cloned().unwrap_or(Value::Null)
    }
}

/// What every request of a function shares.
pub struct Context {
    /// The `GRANT_*` settings.
    pub settings: Settings,
    /// The flow's control plane.
    pub vendor: Vendor,
    /// Whether work may go on after the answer: not on Lambda, which freezes in between.
    pub(crate) background: bool,
    /// The credentials that all instances share.
    pub(crate) shared_cache: Option<SharedCache>,
}

/// One checked request: everything in it is allowed, and nothing is missing.
#[derive(Clone)]
pub struct Ask {
    /// ULID: the grant's id and the object's name.
    pub id: String,
    /// The caller's file name.
    pub filename: String,
    /// Content type of the upload.
    pub content_type: String,
    /// Extension of the key.
    pub extension: String,
    /// Bytes, if known.
    pub size: Option<u64>,
    /// Most bytes.
    pub max_bytes: u64,
    /// Checksums the caller knows.
    pub checksums: Checksums,
    /// How the bytes travel: never [`Mode::Relay`] in a flow, which sees its own carrier mode instead.
    pub mode: Mode,
    /// The flow's parameters: defaults, the caller's own, the policy's.
    pub params: Map<String, Value>,
    /// When the request came, by our clock.
    pub now: Timestamp,
    /// When its time is up.
    pub deadline: Instant,
}

impl Ask {
    /// A text parameter.
    pub fn param(&self, name: &str) -> Option<&str> {
        self.params.get(name).and_then(Value::as_str)
    }

    /// A text parameter the flow cannot do without; `variable` is its default's setting.
    ///
    /// # Errors
    /// `config_missing`.
    pub fn need(&self, name: &str, variable: &str) -> Result<&str, Problem> {
        self.param(name).ok_or_else(|| Problem::new(Code::ConfigMissing, format!("{variable} is missing")))
    }

    /// The grant's end: our lifetime, or half a minute before the vendor's.
    pub fn expires_at(&self, cx: &Context, vendor_end: Timestamp) -> Timestamp {
        self.now.plus(cx.settings.ttl).min(vendor_end.plus(-30))
    }

    /// Whole seconds until `end`.
    pub fn expires_in(&self, end: Timestamp) -> i64 {
        end.unix() - self.now.unix()
    }

    /// Whether a credential that was issued at `from` and ends at `end` still serves this ask: it must cover
    /// the grant's life, or where its own is shorter, another minute.
    pub fn served_by(&self, cx: &Context, from: Timestamp, end: Timestamp) -> bool {
        self.expires_in(end) >= needed(cx, from, end)
    }

    /// Whether such a credential is in the last tenth of its service.
    pub(crate) fn outlives_soon(&self, cx: &Context, from: Timestamp, end: Timestamp) -> bool {
        let needed = needed(cx, from, end);
        let service = end.unix() - from.unix() - needed;
        self.expires_in(end) < needed + service / 10
    }

    /// The name of the object: the id and an extension.
    pub fn object_name(&self) -> String {
        format!("{}.{}", self.id, self.extension)
    }

    /// Bounds of the upload with what the receiver enforces of them.
    pub fn limits(&self, enforced: &[Enforced]) -> Limits {
        Limits {
            min_bytes: self.size.unwrap_or(1),
            max_bytes: self.size.unwrap_or(self.max_bytes),
            content_types: vec![self.content_type.clone()],
            enforced: enforced.to_vec(),
        }
    }

    /// A grant of this ask: what is the same for every flow, with nothing optional in it.
    pub fn grant<F: Flow>(&self, url: String, key: String, expires_at: Timestamp, limits: Limits) -> Grant {
        Grant {
            version: 1,
            id: self.id.clone(),
            flow: F::NAME,
            mode: self.mode,
            method: if self.mode == Mode::Form { "POST" } else { "PUT" },
            url,
            headers: Pairs::default(),
            fields: None,
            file_field: None,
            key,
            issued_at: self.now,
            expires_at,
            expires: self.expires_in(expires_at).max(0),
            limits,
            success_status: &[200, 201, 204],
            object: None::<Object>,
            vendor: Map::new(),
            credentials: None,
            sdk: None,
            complete: None,
        }
    }
}

/// Seconds that must be left of a credential.
fn needed(cx: &Context, from: Timestamp, end: Timestamp) -> i64 {
    let covers = cx.settings.ttl + 30;
    if end.unix() - from.unix() < covers { 60 } else { covers }
}
