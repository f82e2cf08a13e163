//! Everything the services share.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use serde::de::DeserializeOwned;

use crate::arrived::Arrived;
use crate::control::console::Functions;
use crate::facts;
use crate::fault::Faults;
use crate::lock;
use crate::objects::Objects;
use crate::record::Record;
use crate::secrets::Secrets;
use crate::service::Service;
use crate::settings::Settings;
use crate::verify::keys::{Key, Keys, Scope};
use crate::verify::nonces::Nonces;

/// The state behind all listeners.
pub(crate) struct World {
    addresses: Vec<SocketAddr>,
    /// Where the functions are; a reset does not move them.
    pub(crate) functions: Functions,
    pub(crate) settings: Mutex<Settings>,
    pub(crate) faults: Faults,
    pub(crate) objects: Objects,
    pub(crate) record: Record,
    pub(crate) secrets: Secrets,
    vendors: Mutex<Arc<Vendors>>,
}

/// What the vendors remember; a reset starts them afresh.
pub(crate) struct Vendors {
    pub(crate) alibaba: Keys,
    pub(crate) tencent: Keys,
    pub(crate) nonces: Nonces,
    /// What each vendor file keeps, by its type.
    states: Mutex<HashMap<TypeId, Arc<dyn Any + Send + Sync>>>,
}

impl Vendors {
    fn new() -> Self {
        let new = Self {
            alibaba: Keys::default(),
            tencent: Keys::default(),
            nonces: Nonces::default(),
            states: Mutex::default(),
        };
        let own = |bucket: &str| Scope::Bucket(bucket.to_owned());
        let (oss, cos) = (own(facts::OWN_OSS_BUCKET), own(facts::OWN_COS_BUCKET));
        new.alibaba.add(Key::long_term(facts::ALIBABA_KEY_ID, facts::ALIBABA_KEY_SECRET, oss.clone()));
        let role = Key::long_term(facts::ALIBABA_STS_ID, facts::ALIBABA_STS_SECRET, oss);
        new.alibaba.add(Key { token: Some(facts::ALIBABA_STS_TOKEN.to_owned()), ..role });
        new.tencent.add(Key::long_term(facts::TENCENT_SECRET_ID, facts::TENCENT_SECRET_KEY, cos.clone()));
        let role = Key::long_term(facts::TENCENT_ROLE_ID, facts::TENCENT_ROLE_KEY, cos);
        new.tencent.add(Key { token: Some(facts::TENCENT_ROLE_TOKEN.to_owned()), ..role });
        Service::vendors().flat_map(|vendor| (vendor.keys)()).for_each(|key| new.alibaba.add(key));
        new
    }

    /// What a vendor file keeps; made when it is first asked for.
    pub(crate) fn state<T: Any + Default + Send + Sync>(&self) -> Arc<T> {
        let mut states = lock(&self.states);
        let state = states.entry(TypeId::of::<T>()).or_insert_with(|| Arc::new(T::default()));
        // It is kept under its own type, so the second branch is never taken.
        state.clone().downcast().unwrap_or_default()
    }
}

impl World {
    pub(crate) fn new(addresses: Vec<SocketAddr>) -> Self {
        Self {
            addresses,
            functions: Functions::default(),
            settings: Mutex::default(),
            faults: Faults::default(),
            objects: Objects::default(),
            record: Record::default(),
            secrets: Secrets::default(),
            vendors: Mutex::new(Arc::new(Vendors::new())),
        }
    }

    pub(crate) fn url(&self, service: Service) -> String {
        format!("http://{}", self.addresses[service as usize])
    }

    pub(crate) fn settings(&self) -> Settings {
        lock(&self.settings).clone()
    }

    pub(crate) fn vendors(&self) -> Arc<Vendors> {
        lock(&self.vendors).clone()
    }

    /// Back to the first day.
    pub(crate) fn reset(&self) {
        *lock(&self.settings) = Settings::default();
        *lock(&self.vendors) = Arc::new(Vendors::new());
        self.faults.clear();
        self.objects.clear();
        self.record.clear();
        self.secrets.clear();
    }
}

/// One request being handled.
pub(crate) struct Ctx<'a> {
    pub(crate) world: &'a World,
    pub(crate) vendors: &'a Vendors,
    pub(crate) service: Service,
    pub(crate) arrived: &'a Arrived,
    /// The service's clock, skew included.
    pub(crate) now: i64,
    /// Life of issued credentials under the `expired_tokens` fault.
    pub(crate) life: Option<i64>,
}

impl Ctx<'_> {
    /// The switches of one file.
    pub(crate) fn switches<T: Default + DeserializeOwned>(&self) -> T {
        self.world.settings().read()
    }

    /// How long what is issued now lives.
    pub(crate) fn life(&self, usual: i64) -> i64 {
        self.life.unwrap_or(usual)
    }
}
