//! Records in Redis, shared by all instances.

use std::time::Duration;

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{AsyncCommands as _, Client, RedisError, Script};
use tokio::sync::OnceCell;

use super::Record;

/// No command may take longer: a request waits for it.
const TIMEOUT: Duration = Duration::from_secs(3);
const PREFIX: &str = "upload-grant:";

/// Renews or removes a record only while it is the owner's and under way; compared in Redis itself.
const IF_OWNED: &str = r"
local text = redis.call('GET', KEYS[1])
if not text then return 0 end
local record = cjson.decode(text)
if record.owner ~= ARGV[1] or record.outcome ~= cjson.null then return 0 end
if ARGV[2] == '0' then return redis.call('DEL', KEYS[1]) end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])";

/// Reserves a place in a window of calls: the same rule as `vendor::budget`, by Redis's clock. Answers the
/// milliseconds to wait, or minus those that are too many.
const RESERVE: &str = r"
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local calls, window, most = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local place = now
if redis.call('LLEN', KEYS[1]) >= calls then
  place = math.max(now, redis.call('LINDEX', KEYS[1], 0) + window)
end
if place > now then
  place = math.max(place, redis.call('LINDEX', KEYS[1], -1) + math.ceil(window / calls))
end
if place - now > most then return now + most - place end
redis.call('RPUSH', KEYS[1], place)
redis.call('LTRIM', KEYS[1], -calls, -1)
redis.call('PEXPIRE', KEYS[1], place - now + window)
return place - now";

/// Connects on first use, and again whenever the connection breaks.
pub struct Redis {
    client: Client,
    connection: OnceCell<ConnectionManager>,
}

impl Redis {
    pub(super) fn new(url: &str) -> Option<Self> {
        Some(Self { client: Client::open(url).ok()?, connection: OnceCell::new() })
    }

    pub(crate) async fn claim(
        &self,
        name: &str,
        owner: &str,
        lease: Duration,
    ) -> Result<Option<Record>, RedisError> {
        let mut connection = self.connection().await?;
        let record = text(&Record { owner: owner.to_owned(), outcome: None });
        // The record can end between the two commands; then it is tried once more.
        for _ in 0..2 {
            let mut set = redis::cmd("SET");
            set.arg(key(name)).arg(&record).arg("NX").arg("PX").arg(millis(lease));
            let claimed: Option<String> = set.query_async(&mut connection).await?;
            if claimed.is_some() {
                return Ok(None);
            }
            if let Some(record) = self.get(name).await? {
                return Ok(Some(record));
            }
        }
        Ok(Some(Record { owner: String::new(), outcome: None }))
    }

    pub(super) async fn renew(&self, name: &str, owner: &str, lease: Duration) -> Result<bool, RedisError> {
        self.if_owned(name, owner, millis(lease)).await
    }

    pub(crate) async fn release(&self, name: &str, owner: &str) -> Result<(), RedisError> {
        self.if_owned(name, owner, 0).await.map(drop)
    }

    pub(super) async fn put(&self, name: &str, record: &Record, keep: Duration) -> Result<(), RedisError> {
        self.connection().await?.pset_ex(key(name), text(record), millis(keep)).await
    }

    pub(super) async fn get(&self, name: &str) -> Result<Option<Record>, RedisError> {
        let text: Option<String> = self.connection().await?.get(key(name)).await?;
        Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
    }

    pub(crate) async fn put_text(&self, name: &str, text: &str, keep: Duration) -> Result<(), RedisError> {
        self.connection().await?.pset_ex(key(name), text, millis(keep)).await
    }

    pub(crate) async fn get_text(&self, name: &str) -> Result<Option<String>, RedisError> {
        self.connection().await?.get(key(name)).await
    }

    pub(crate) async fn remove(&self, name: &str) -> Result<(), RedisError> {
        self.connection().await?.del(key(name)).await
    }

    /// Reserves a place among `calls` in `window`, at most `most` from now: the time to wait, or as an error
    /// how much longer that would be than `most`.
    pub(crate) async fn reserve(
        &self,
        name: &str,
        calls: usize,
        window: Duration,
        most: Duration,
    ) -> Result<Result<Duration, Duration>, RedisError> {
        let mut connection = self.connection().await?;
        let script = Script::new(RESERVE);
        let mut call = script.key(key(name));
        call.arg(calls).arg(millis(window)).arg(millis(most));
        let wait: i64 = call.invoke_async(&mut connection).await?;
        let span = Duration::from_millis(wait.unsigned_abs());
        Ok(if wait < 0 { Err(span) } else { Ok(span) })
    }

    async fn if_owned(&self, name: &str, owner: &str, millis: u64) -> Result<bool, RedisError> {
        let mut connection = self.connection().await?;
        let done: i64 =
            Script::new(IF_OWNED).key(key(name)).arg(owner).arg(millis).invoke_async(&mut connection).await?;
        Ok(done == 1)
    }

    async fn connection(&self) -> Result<ConnectionManager, RedisError> {
        let connect = || async {
            let config = ConnectionManagerConfig::new()
                .set_connection_timeout(Some(TIMEOUT))
                .set_response_timeout(Some(TIMEOUT))
                .set_number_of_retries(1);
            ConnectionManager::new_with_config(self.client.clone(), config).await
        };
        self.connection.get_or_try_init(connect).await.cloned()
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
