//! The library's face, for in-process tests.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use serde_json::Value;

use crate::objects::Object;
use crate::service::Service;
use crate::world::World;
use crate::{control, lock, serve};

/// A running sandbox; clones share it. Its servers are tasks of the runtime it was started on.
#[derive(Clone)]
pub struct Sandbox {
    world: Arc<World>,
}

impl Sandbox {
    /// Starts on free ports.
    pub async fn start() -> io::Result<Self> {
        Self::start_at(0).await
    }

    /// Starts on `base` (control) and the ports after it, in the order of [`Service::ALL`].
    pub async fn start_at(base: u16) -> io::Result<Self> {
        let listeners = serve::bind(base).await?;
        let addresses = listeners.iter().map(tokio::net::TcpListener::local_addr);
        let addresses: Vec<SocketAddr> = addresses.collect::<io::Result<_>>()?;
        let world = Arc::new(World::new(addresses));
        for (listener, service) in listeners.into_iter().zip(Service::ALL.iter().copied()) {
            tokio::spawn(serve::listen(listener, service, world.clone()));
        }
        Ok(Self { world })
    }

    /// `http://127.0.0.1:PORT` of a service.
    pub fn url(&self, service: Service) -> String {
        self.world.url(service)
    }

    /// The vendor settings a function needs to talk to this sandbox.
    pub fn env(&self, flow: &str) -> Vec<(String, String)> {
        control::env::of(&self.world, flow)
    }

    /// Everything stored, oldest first.
    pub fn objects(&self) -> Vec<Object> {
        self.world.objects.all()
    }

    /// The object of that key, in whichever store.
    pub fn object(&self, key: &str) -> Option<Object> {
        self.world.objects.by_key(key)
    }

    /// Requests that reached a service; preflights are not counted.
    pub fn calls(&self, service: Service) -> u64 {
        self.world.record.calls(service)
    }

    /// Requests for one action of a service; a store's actions are its methods.
    pub fn action_calls(&self, service: Service, action: &str) -> u64 {
        self.world.record.action_calls(service, action)
    }

    /// Every secret that passed through since the last reset: keys, tokens, warrants, policies and signed URLs that
    /// were issued, signatures and tokens that were presented.
    pub fn secrets(&self) -> Vec<String> {
        self.world.secrets.all()
    }

    /// Adds a fault; the same JSON as `POST /faults`.
    ///
    /// # Panics
    /// When the JSON is not a fault.
    #[allow(clippy::panic, reason = "a test that misspells a fault must not pass")]
    pub fn fault(&self, fault: Value) {
        match serde_json::from_value(fault) {
            Ok(fault) => self.world.faults.add(fault),
            Err(error) => panic!("not a fault: {error}"),
        }
    }

    /// Takes all faults away.
    pub fn clear_faults(&self) {
        self.world.faults.clear();
    }

    /// Changes settings; the same JSON as `POST /settings`.
    ///
    /// # Panics
    /// When the JSON is not a setting.
    #[allow(
        clippy::panic,
        clippy::needless_pass_by_value,
        reason = "a test that misspells a setting must not pass"
    )]
    pub fn settings(&self, change: Value) {
        let mut settings = lock(&self.world.settings);
        match settings.merged(&change) {
            Ok(merged) => *settings = merged,
            Err(error) => panic!("not a setting: {error}"),
        }
    }

    /// Back to how it started: no objects, calls, faults, issued keys; default settings.
    pub fn reset(&self) {
        self.world.reset();
    }
}
