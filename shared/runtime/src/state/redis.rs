//! Records in Redis.

mod scripts;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, ErrorKind, RedisError, Script, TlsCertificates};
use tokio::sync::Mutex;

use super::breaker::{Class, Fault};
use super::pulse::{Pulse, SLOWEST};
use super::{Outcome, Record, Reservation};

const PREFIX: &str = "upload-grant:";

/// Connects on first use, and again whenever a command fails: after a failover the same name may lead elsewhere.
pub(super) struct Redis {
    /// The one with the operator's own roots first.
    clients: Vec<Client>,
    connection: Mutex<Option<Connection>>,
    /// Connections so far.
    opened: AtomicU64,
    pulse: Arc<Pulse>,
}

#[derive(Clone)]
struct Connection {
    commands: MultiplexedConnection,
    /// Tells one connection from the next.
    number: u64,
}

impl Redis {
    pub(super) fn new(url: &str, extra_roots: Option<&str>, pulse: Arc<Pulse>) -> Option<Self> {
        let mut clients = Vec::new();
        if let Some(file) = extra_roots.filter(|_| url.starts_with("rediss://")) {
            let root_cert = Some(std::fs::read(file).ok()?);
            let certificates = TlsCertificates { client_tls: None, root_cert };
            clients.push(Client::build_with_tls(url, certificates).ok()?);
        }
        clients.push(Client::open(url).ok()?);
        Some(Self { clients, connection: Mutex::default(), opened: AtomicU64::new(0), pulse })
    }

    pub(super) async fn claim(
        &self,
        name: &str,
        owner: &str,
        lease: Duration,
    ) -> Result<Option<Record>, Fault> {
        let record = text(&Record { owner: owner.to_owned(), outcome: None });
        let script = Script::new(scripts::CLAIM);
        let mut call = script.key(key(name));
        call.arg(&record).arg(millis(lease));
        let call = &call;
        let found: Option<String> =
            self.run(|mut commands| async move { call.invoke_async(&mut commands).await }).await?;
        let found = found.and_then(|found| serde_json::from_str::<Record>(&found).ok());
        // A claim that was repeated after its answer had been lost finds itself.
        Ok(found.filter(|found| found.owner != owner || found.outcome.is_some()))
    }

    pub(super) async fn renew(&self, name: &str, owner: &str, lease: Duration) -> Result<bool, Fault> {
        self.if_owned(name, owner, millis(lease)).await
    }

    pub(super) async fn release(&self, name: &str, owner: &str) -> Result<(), Fault> {
        self.if_owned(name, owner, 0).await.map(drop)
    }

    pub(super) async fn put(
        &self,
        name: &str,
        owner: &str,
        outcome: &Outcome,
        keep: Duration,
    ) -> Result<(), Fault> {
        let record = text(&Record { owner: owner.to_owned(), outcome: Some(outcome.clone()) });
        let mut set = redis::cmd("SET");
        set.arg(key(name)).arg(record).arg("PX").arg(millis(keep));
        let set = &set;
        self.run(|mut commands| async move { set.query_async(&mut commands).await }).await
    }

    pub(super) async fn get(&self, name: &str) -> Result<Option<Record>, Fault> {
        let mut get = redis::cmd("GET");
        get.arg(key(name));
        let get = &get;
        let read = |mut commands| async move {
            match get.query_async::<Option<Vec<u8>>>(&mut commands).await {
                // A key of another type holds no record.
                Err(error) if error.code() == Some("WRONGTYPE") => Ok(None),
                other => other,
            }
        };
        let text = self.run(read).await?;
        Ok(text.and_then(|text| serde_json::from_slice(&text).ok()))
    }

    pub(super) async fn remove(&self, name: &str) -> Result<(), Fault> {
        let mut delete = redis::cmd("DEL");
        delete.arg(key(name));
        let delete = &delete;
        self.run(|mut commands| async move { delete.query_async(&mut commands).await }).await
    }

    pub(super) async fn reserve(
        &self,
        name: &str,
        calls: usize,
        window: Duration,
        most: Duration,
    ) -> Result<Option<Reservation>, Fault> {
        let script = Script::new(scripts::RESERVE);
        let mut call = script.key(key(name));
        call.arg(calls).arg(millis(window)).arg(millis(most));
        let call = &call;
        let wait: i64 =
            self.run(|mut commands| async move { call.invoke_async(&mut commands).await }).await?;
        let span = Duration::from_millis(wait.unsigned_abs());
        Ok(Some(if wait < 0 { Reservation::TooLate(span) } else { Reservation::After(span) }))
    }

    async fn if_owned(&self, name: &str, owner: &str, millis: u64) -> Result<bool, Fault> {
        let script = Script::new(scripts::IF_OWNED);
        let mut call = script.key(key(name));
        call.arg(owner).arg(millis);
        let call = &call;
        let done: i64 =
            self.run(|mut commands| async move { call.invoke_async(&mut commands).await }).await?;
        Ok(done == 1)
    }

    /// Runs a command, and once more on a new connection if a kept one fails: a restart or failover of the server
    /// shows only then. All of our commands are idempotent.
    async fn run<T, F>(&self, command: impl Fn(MultiplexedConnection) -> F) -> Result<T, Fault>
    where
        F: Future<Output = Result<T, RedisError>>,
    {
        let mut repeated = false;
        loop {
            let (connection, is_new) = self.connected().await?;
            let answer = self.within(command(connection.commands)).await;
            let result = answer.and_then(|answer| answer.map_err(|error| fault(&error)));
            let answered = |fault: &Fault| matches!(fault.class, Class::Refused | Class::Busy);
            if result.as_ref().map_or_else(answered, |_| true) {
                self.pulse.beat();
            }
            let Err(fault) = &result else { return result };
            self.connection.lock().await.take_if(|current| current.number == connection.number);
            if is_new || repeated || fault.is_late() {
                return result;
            }
            repeated = true;
        }
    }

    /// The connection at hand, or a new one, and whether it is new.
    async fn connected(&self) -> Result<(Connection, bool), Fault> {
        let mut current = self.connection.lock().await;
        if let Some(connection) = &*current {
            return Ok((connection.clone(), false));
        }
        let number = self.opened.fetch_add(1, Ordering::Relaxed);
        let connection = Connection { commands: self.within(self.connect()).await??, number };
        *current = Some(connection.clone());
        Ok((connection, true))
    }

    /// Awaits `work` within the pulse's timeouts.
    async fn within<T>(&self, work: impl Future<Output = T>) -> Result<T, Fault> {
        self.pulse.wait(SLOWEST, work).await.map_err(Fault::given_up)
    }

    async fn connect(&self) -> Result<MultiplexedConnection, Fault> {
        // Our own timeout covers both.
        let config = AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None);
        let mut failed = Fault::new("Io", Class::Absent);
        for client in &self.clients {
            match client.get_multiplexed_async_connection_with_config(&config).await {
                Ok(commands) => return Ok(commands),
                Err(error) => failed = fault(&error),
            }
        }
        // A refused connection is a refusal of every command.
        if failed.class == Class::Refused {
            failed.class = Class::Absent;
        }
        Err(failed)
    }
}

fn fault(error: &RedisError) -> Fault {
    // `ERR` says less than the error's kind.
    match error.code().filter(|code| *code != "ERR") {
        // These are about the connection or the whole server, not about the command.
        Some(code @ ("NOAUTH" | "WRONGPASS")) => Fault::new(code, Class::Absent),
        Some(code @ ("LOADING" | "MASTERDOWN" | "CLUSTERDOWN" | "TRYAGAIN")) => Fault::new(code, Class::Busy),
        Some(code) => Fault::new(code, Class::Refused),
        None => match error.kind() {
            ErrorKind::Server(kind) => Fault::new(format!("{kind:?}"), Class::Refused),
            // The client reads the server's answer to AUTH by itself, and keeps the code.
            ErrorKind::AuthenticationFailed => Fault::new("WRONGPASS", Class::Absent),
            _ if error.is_connection_refusal() => Fault::new("ConnectionRefused", Class::Absent),
            kind => Fault::new(format!("{kind:?}"), Class::Absent),
        },
    }
}

fn key(name: &str) -> String {
    format!("{PREFIX}{name}")
}

fn text(record: &Record) -> String {
    serde_json::to_string(record).unwrap_or_default()
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX).max(1)
}
