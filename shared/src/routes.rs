//! The whole application: one router, served by every runtime.

mod address;
mod around;
mod complete;
mod events;
mod grants;
mod path;
mod platform;
mod relay;

pub(crate) use around::new_id;
pub(crate) use relay::{carrier, receipt as receipt_of, time_for};

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use futures_util::StreamExt as _;
use serde::Serialize;
use serde_json::{Map, Value, json};
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tower_http::cors::{AllowOrigin, CorsLayer};

use self::platform::Platform;
use crate::cache::SharedCache;
use crate::caller::{Caller, Callers};
use crate::config::{Env, Events, Fault, KeyRing, Settings, config_missing};
use crate::flow::{Context, Flow};
use crate::jobs::{Notifier, Sources};
use crate::openapi;
use crate::policy::{Granted, Rates};
use crate::problem::{Code, Problem};
use crate::seal::Sealer;
use crate::serve::Runtime;
use crate::store::Store;
use crate::ticket::Sealers;
use crate::vendor::{Budget, Vendor, client, extra_roots, public_client};

/// A request document must have arrived within this time, and each part of it after the one before within
/// [`CHUNK_TIME`]: slow clients cannot hold the function.
const DOCUMENT_TIME: Duration = Duration::from_secs(30);
const CHUNK_TIME: Duration = Duration::from_secs(15);

/// A configured function: everything its routes share.
pub struct App<F> {
    pub(crate) flow: Arc<F>,
    pub(crate) cx: Arc<Context>,
    faults: Vec<Fault>,
    pub(crate) callers: Option<Callers>,
    rates: Rates,
    sealers: Option<Sealers>,
    pub(crate) store: Store,
    pub(crate) sources: Sources,
    pub(crate) notifier: Notifier,
    in_flight: Semaphore,
    platform: Platform,
}

/// What the runtime knows about a request that is not in its headers; put into its extensions.
#[derive(Clone, Debug)]
pub struct Door {
    /// The address the request came from.
    pub source: Option<IpAddr>,
    /// Scheme and host the request came to, where the runtime knows better than the Host header.
    pub base: Option<String>,
    /// The most bytes a request body can have on this runtime.
    pub max_body: u64,
    /// The platform's id of the request.
    pub request_id: Option<String>,
    /// Claims of the platform's authorizer.
    pub identity: Option<Map<String, Value>>,
    /// When the platform ends the request.
    pub deadline: Option<Instant>,
}

impl Default for Door {
    fn default() -> Self {
        Self {
            source: None,
            base: None,
            max_body: u64::MAX,
            request_id: None,
            identity: None,
            deadline: None,
        }
    }
}

impl<F: Flow> App<F> {
    /// Reads the configuration. Faults do not stop it: they are answered as `config_missing`.
    ///
    /// # Errors
    /// `internal` if the TLS client cannot be built.
    pub fn new(env: &mut Env) -> Result<Arc<Self>, Problem> {
        let settings = Settings::from_env(env);
        let flow = F::configure(env);
        let roots = extra_roots(env);
        let client = client(roots.as_deref())?;
        let callers = settings.auth.clone().map(|auth| Callers::new(auth, &client));
        let store = Store::from_env(env, roots.as_deref());
        // What instances share is shared per vendor account.
        let scope = format!("{}:{}", F::NAME, flow.account().replace(':', "%3A"));
        let shared_budget = store.shared().map(|shared| (shared.clone(), format!("budget:{scope}")));
        let budget = Budget::new(settings.vendor_rps.or(F::QUOTA), shared_budget);
        let shared_cache = store.shared().and_then(|shared| {
            let sealer = Sealer::new(&settings.secrets, "cache")?;
            Some(SharedCache::new(shared.clone(), sealer, scope))
        });
        let public = public_client(roots.as_deref())?;
        let sources = Sources::from_env(env, client.clone(), public.clone());
        let notifier = Notifier::from_env(env, client.clone(), public);
        Ok(Arc::new(Self {
            flow: Arc::new(flow),
            faults: env.faults().to_vec(),
            callers,
            rates: Rates::default(),
            sealers: Sealers::new(&settings.secrets),
            store,
            sources,
            notifier,
            in_flight: Semaphore::new(settings.max_in_flight),
            platform: Platform::of(env),
            cx: Arc::new(Context {
                settings,
                vendor: Vendor::new(client, budget),
                background: Runtime::of(env) != Runtime::Lambda,
                shared_cache,
            }),
        }))
    }

    /// What is missing or wrong in the configuration.
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }

    pub(crate) fn configured(&self) -> Result<(), Problem> {
        match self.flow.key_ring().and_then(KeyRing::missing) {
            _ if !self.faults.is_empty() => Err(config_missing(&self.faults)),
            Some(fault) => Err(config_missing(&[fault])),
            None => Ok(()),
        }
    }

    /// Who is asking.
    async fn caller(&self, headers: &HeaderMap, door: &Door) -> Result<Caller, Problem> {
        self.configured()?;
        let callers = self.callers.as_ref().ok_or_else(|| config_missing(&self.faults))?;
        callers.check(headers, door.identity.as_ref()).await
    }

    /// What the caller may do; counts one of its requests.
    pub(crate) fn granted<'a>(&'a self, caller: &'a Caller) -> Result<Granted<'a>, Problem> {
        let granted = Granted::of(self.cx.settings.policy.as_ref(), caller)?;
        granted.count(&self.rates, Instant::now())?;
        Ok(granted)
    }

    fn sealers(&self) -> Result<&Sealers, Problem> {
        self.configured()?;
        let missing = || Problem::new(Code::ConfigMissing, "GRANT_SECRET is missing");
        self.sealers.as_ref().ok_or_else(missing)
    }
}

/// The routes of a function, to be served or called.
pub fn router<F: Flow>(app: &Arc<App<F>>) -> Router {
    let routes = Router::new()
        .route("/", post(grants::grants::<F>))
        .route("/grants", post(grants::grants::<F>))
        // A look at it must not cost a vendor call.
        .route("/s3/params", get(grants::s3_params::<F>).head(no_head))
        .route("/relay/{ticket}", put(relay::relay::<F>))
        .route("/complete", post(complete::complete::<F>))
        .route("/events", post(events::events::<F>))
        .route("/healthz", get(healthz::<F>))
        .route("/openapi.json", get(openapi_json::<F>))
        .fallback(async || Problem::new(Code::NotFound, "there is no such route"))
        .method_not_allowed_fallback(no_such_method)
        .with_state(app.clone());
    // The tail of the path decides, so the path is cut before the routes see it.
    let base_path = app.cx.settings.base_path.clone();
    let events = app.cx.settings.events != Events::Off;
    let routes = tower::util::MapRequest::new(routes, move |request| path::cut(request, &base_path, events));
    let served = Router::new()
        .fallback_service(routes)
        .layer(axum::middleware::from_fn_with_state(app.clone(), around::around::<F>));
    match cors(&app.cx.settings.cors_origins) {
        Some(cors) => served.layer(cors),
        None => served,
    }
}

/// CORS for the configured origins; none, no headers at all.
fn cors(origins: &[String]) -> Option<CorsLayer> {
    let origins: Vec<HeaderValue> = origins.iter().filter_map(|origin| origin.parse().ok()).collect();
    if origins.is_empty() {
        return None;
    }
    let names = |names: &[&'static str]| {
        names.iter().map(|name| header::HeaderName::from_static(name)).collect::<Vec<_>>()
    };
    Some(
        CorsLayer::new()
            .allow_origin(AllowOrigin::list(origins))
            .allow_methods([Method::GET, Method::POST, Method::PUT])
            .allow_headers(names(&[
                "authorization",
                "content-type",
                "x-api-key",
                "traceparent",
                "uppy-versions",
                "uppy-auth-token",
            ]))
            .expose_headers(names(&["etag", "location", "retry-after", "x-request-id"]))
            .vary([header::ORIGIN])
            .max_age(std::time::Duration::from_secs(600)),
    )
}

async fn no_such_method() -> Problem {
    Problem::new(Code::MethodNotAllowed, "this route does not take this method")
}

async fn no_head() -> Response {
    ([(header::ALLOW, "GET")], no_such_method().await).into_response()
}

async fn healthz<F: Flow>(State(app): State<Arc<App<F>>>) -> Response {
    let keys = app.flow.key_ring().and_then(KeyRing::missing);
    let missing: Vec<&str> = app.faults.iter().chain(&keys).map(|fault| fault.name.as_str()).collect();
    let mut health = json!({
        "status": "ok", "flow": F::NAME, "version": env!("CARGO_PKG_VERSION"), "missing": missing,
    });
    // As the last command met it: a platform asks often, and nobody's work should depend on the store's answer here.
    if let Some(shared) = app.store.shared() {
        health["store"] = json!({ "name": shared.name(), "fault": shared.fault() });
    }
    json_response(&health)
}

async fn openapi_json<F: Flow>(State(app): State<Arc<App<F>>>) -> Response {
    let (modes, auth) = (app.flow.modes(), app.cx.settings.auth.as_ref());
    json_response(&openapi::document::<F>(modes, app.has_companion(), auth))
}

fn json_response(body: &impl Serialize) -> Response {
    // A grant is about so large; growing to it would copy it several times.
    let mut bytes = Vec::with_capacity(6 * 1024);
    match serde_json::to_writer(&mut bytes, body) {
        Ok(()) => ([(header::CONTENT_TYPE, "application/json")], bytes).into_response(),
        Err(_) => Problem::new(Code::Internal, "the answer could not be written").into_response(),
    }
}

/// Reads a request document of at most `limit` bytes.
async fn read_document(headers: &HeaderMap, body: Body, limit: usize) -> Result<bytes::Bytes, Problem> {
    let too_large = || Problem::new(Code::TooLarge, format!("the body is longer than {limit} bytes"));
    let declared =
        headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if declared.is_some_and(|declared| declared > limit as u64) {
        return Err(too_large());
    }
    let mut body = body.into_data_stream();
    let mut document = bytes::BytesMut::new();
    let end = Instant::now() + DOCUMENT_TIME;
    loop {
        let patience = end.min(Instant::now() + CHUNK_TIME);
        match tokio::time::timeout_at(patience, body.next()).await {
            Ok(None) => return Ok(document.freeze()),
            Ok(Some(Ok(chunk))) if document.len() + chunk.len() > limit => return Err(too_large()),
            Ok(Some(Ok(chunk))) => document.extend_from_slice(&chunk),
            Ok(Some(Err(_))) => return Err(Problem::invalid("", "the body could not be read")),
            Err(_) => return Err(Problem::invalid("", "the body did not arrive in time")),
        }
    }
}

impl IntoResponse for Problem {
    /// A bare response that carries the problem; `around` writes it once it knows request and flow.
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}
