//! A configured function: what every way in shares.

mod admission;
mod batch;
mod capacity;
mod issue;
mod origin;
mod receipts;
mod tickets;

pub use self::origin::RequestOrigin;
pub(crate) use self::receipts::{carrier, quoted, receipt_of, time_for};
pub(crate) use self::tickets::{Sealers, TicketClaims};

use self::capacity::Capacity;
use std::sync::Arc;

use http::HeaderMap;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use tokio::time::Instant;
use upload_grant::model::problem::{Code, Problem};
use upload_grant::model::request::Mode;
use upload_grant::wire::encode;

use crate::auth::policy::{Permissions, Rates};
use crate::auth::{Auth, Caller, Callers, Policy, auth};
use crate::flow::{Context, Flow, Inner};
use crate::net::{client, extra_roots, public_client};
use crate::platform::headers::Platform;
use crate::platform::runtime::{Runtime, is_on_platform};
use crate::platform::telemetry::metrics;
use crate::platform::{Env, Fault, Settings, config_missing};
use crate::state::sealer::Sealer;
use crate::state::{SharedCache, Store};
use crate::transfer::{Buffers, Notifier, Sources};
use crate::vendor::{Budget, Renewal, Vendor};

/// A configured function: everything its routes share.
pub struct App<F> {
    pub(crate) flow: F,
    pub(crate) cx: Context,
    faults: Vec<Fault>,
    /// How callers prove who they are; none is a configuration fault.
    pub(crate) auth: Option<Auth>,
    /// What each caller may do; none gives everyone the same.
    pub(crate) policy: Option<Policy>,
    pub(crate) callers: Option<Callers>,
    rates: Rates,
    /// The parameters' defaults from the environment.
    defaults: Map<String, Value>,
    sealers: Option<Sealers>,
    pub(crate) store: Store,
    pub(crate) sources: Sources,
    pub(crate) notifier: Notifier,
    pub(crate) capacity: Capacity,
    /// Memory for deliveries over HTTP: a quarter of what uploads have, and apart from it, for a delivery holds its own
    /// while the uploads of its jobs wait for more.
    pub(crate) deliveries: Buffers,
    pub(crate) platform: Platform,
    /// A platform's gateway stands before us, and speaks TLS to the world.
    pub(crate) on_platform: bool,
}

impl<F: Flow> App<F> {
    /// Reads the configuration. Faults do not stop it: they are answered as `config_missing`.
    ///
    /// # Errors
    /// `internal` if the TLS client cannot be built.
    pub fn new(env: &mut Env) -> Result<Arc<Self>, Problem> {
        let settings = Settings::from_env(env);
        let (auth, policy) = (auth(env), Policy::from_env(env, F::SPEC.params));
        if settings.metrics {
            metrics::switch_on();
        }
        let flow = F::from_env(env);
        let renewal = Renewal::from_env(env);
        let defaults = F::SPEC.defaults(env);
        let roots = extra_roots(env);
        let client = client(roots.as_deref())?;
        let callers = auth.clone().map(|auth| Callers::new(auth, &settings.cors_origins, &client));
        let store = Store::from_env(env, roots.as_deref());
        // What instances share is shared per vendor account.
        // Hashed: the account is a key's id, and names in a store are read by many.
        let account = encode::digest_hex(&Sha256::digest(flow.account().as_bytes()));
        let scope = format!("{}:{}", F::SPEC.name, &account[..32]);
        let shared_budget = store.shared().map(|shared| (shared.clone(), format!("budget:{scope}")));
        let budget = Budget::new(settings.vendor_rps.or(F::SPEC.quota), shared_budget);
        let shared_cache = store.shared().and_then(|shared| {
            let sealer = Sealer::new(&settings.secrets, "cache")?;
            Some(SharedCache::new(shared.clone(), sealer, scope))
        });
        let public = public_client(roots.as_deref())?;
        let sources = Sources::from_env(env, client.clone(), public.clone());
        let notifier = Notifier::from_env(env, client.clone(), public);
        let (platform, on_platform) = (Platform::of(env), is_on_platform(env));
        let background = Runtime::of(env) != Runtime::Lambda;
        Ok(Arc::new(Self {
            flow,
            faults: env.faults().to_vec(),
            auth,
            policy,
            callers,
            rates: Rates::default(),
            defaults,
            sealers: Sealers::new(&settings.secrets),
            store,
            sources,
            notifier,
            capacity: Capacity::new(settings.max_in_flight),
            deliveries: Buffers::new(settings.buffer_bytes / 4),
            platform,
            on_platform,
            cx: Context::new(Inner {
                buffers: Buffers::new(settings.buffer_bytes),
                settings,
                vendor: Vendor::new(client, budget, renewal),
                background,
                shared_cache,
            }),
        }))
    }

    /// What is missing or wrong in the configuration.
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }

    /// The names of what is missing or wrong, for whoever asks for grants.
    pub(crate) fn missing(&self) -> Vec<&str> {
        let faults = self.faults.iter().map(|fault| fault.name.as_str());
        // Queues do without tickets.
        let no_tickets = self.sealers.is_none() && self.flow.modes() == [Mode::Relay];
        let secret = Some("GRANT_SECRET")
            .filter(|name| no_tickets && self.faults.iter().all(|fault| fault.name != *name));
        faults.chain(secret).collect()
    }

    pub(crate) fn configured(&self) -> Result<(), Problem> {
        if self.faults.is_empty() { Ok(()) } else { Err(config_missing(&self.faults)) }
    }

    /// Who is asking.
    pub(crate) async fn caller(
        &self,
        headers: &HeaderMap,
        identity: Option<Map<String, Value>>,
    ) -> Result<Caller, Problem> {
        self.configured()?;
        let callers = self.callers.as_ref().ok_or_else(|| config_missing(&self.faults))?;
        callers.check(headers, identity).await
    }

    /// What the caller may do.
    pub(crate) fn permissions<'a>(&'a self, caller: &'a Caller) -> Result<Permissions<'a>, Problem> {
        Permissions::of(self.policy.as_ref(), caller)
    }

    /// The same, and one of its requests or jobs is counted.
    pub(crate) fn granted<'a>(&'a self, caller: &'a Caller) -> Result<Permissions<'a>, Problem> {
        let granted = self.permissions(caller)?;
        granted.count(&self.rates, Instant::now())?;
        Ok(granted)
    }

    pub(crate) fn sealers(&self) -> Result<&Sealers, Problem> {
        self.configured()?;
        let missing = || Problem::new(Code::ConfigMissing, "GRANT_SECRET is missing");
        self.sealers.as_ref().ok_or_else(missing)
    }
}
