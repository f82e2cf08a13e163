//! Everything the services share.

use std::net::SocketAddr;
use std::sync::Mutex;

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
use crate::vendor::{aicc, cams, ssapi};
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
    vendors: Mutex<std::sync::Arc<Vendors>>,
}

/// What the vendors remember; a reset starts them afresh.
pub(crate) struct Vendors {
    pub(crate) alibaba: Keys,
    pub(crate) tencent: Keys,
    pub(crate) nonces: Nonces,
    pub(crate) cams_quota: cams::Quota,
    pub(crate) warrants: ssapi::Warrants,
    pub(crate) aicc: aicc::Tokens,
}

impl Vendors {
    fn new() -> Self {
        let (alibaba, tencent) = (Keys::default(), Keys::default());
        let own_oss = || Scope::Bucket(facts::OWN_OSS_BUCKET.to_owned());
        let own_cos = || Scope::Bucket(facts::OWN_COS_BUCKET.to_owned());
        let tickets = Scope::Bucket(facts::WORKORDER_BUCKET.to_owned());
        alibaba.add(Key::long_term(facts::ALIBABA_KEY_ID, facts::ALIBABA_KEY_SECRET, own_oss()));
        alibaba.add(Key::long_term(facts::WORKORDER_KEY_ID, facts::WORKORDER_KEY_SECRET, tickets));
        let role = Key::long_term(facts::ALIBABA_STS_ID, facts::ALIBABA_STS_SECRET, own_oss());
        alibaba.add(Key { token: Some(facts::ALIBABA_STS_TOKEN.to_owned()), ..role });
        tencent.add(Key::long_term(facts::TENCENT_SECRET_ID, facts::TENCENT_SECRET_KEY, own_cos()));
        let role = Key::long_term(facts::TENCENT_ROLE_ID, facts::TENCENT_ROLE_KEY, own_cos());
        tencent.add(Key { token: Some(facts::TENCENT_ROLE_TOKEN.to_owned()), ..role });
        Self {
            alibaba,
            tencent,
            nonces: Nonces::default(),
            cams_quota: cams::Quota::default(),
            warrants: ssapi::Warrants::default(),
            aicc: aicc::Tokens::default(),
        }
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
            vendors: Mutex::new(std::sync::Arc::new(Vendors::new())),
        }
    }

    pub(crate) fn url(&self, service: Service) -> String {
        format!("http://{}", self.addresses[service as usize])
    }

    pub(crate) fn settings(&self) -> Settings {
        lock(&self.settings).clone()
    }

    pub(crate) fn vendors(&self) -> std::sync::Arc<Vendors> {
        lock(&self.vendors).clone()
    }

    /// Back to the first day.
    pub(crate) fn reset(&self) {
        *lock(&self.settings) = Settings::default();
        *lock(&self.vendors) = std::sync::Arc::new(Vendors::new());
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
    /// How long what is issued now lives.
    pub(crate) fn life(&self, usual: i64) -> i64 {
        self.life.unwrap_or(usual)
    }
}
