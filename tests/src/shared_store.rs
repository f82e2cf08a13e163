//! A store that instances share, of the test's own: Redis, or an implementation of DynamoDB's API.
//!
//! `TEST_STORE` says which: `redis` (default), `dynalite` or `moto`. `tests/redis/run` installs them.

use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use upload_grant::sign::sigv4;
use upload_grant::wire::secret::Secret;
use upload_grant::wire::time::Timestamp;

use crate::client;

const KEY: (&str, &str) = ("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
const REGION: &str = "eu-central-1";

/// Where `tests/redis/run` installs the stores and their judges.
pub const TOOLS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../.tools");

/// A running server.
pub struct SharedStore {
    server: Child,
    port: u16,
    is_redis: bool,
    used: AtomicU8,
}

/// One empty store on it: a database, or a table.
#[derive(Clone)]
pub struct Place {
    port: u16,
    /// The value of `GRANT_STORE`.
    pub address: String,
    is_redis: bool,
}

/// A port that nobody listens at.
///
/// # Panics
/// If there is none.
pub fn free_port() -> u16 {
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    free.local_addr().expect("an address").port()
}

impl SharedStore {
    /// The one that `TEST_STORE` names.
    ///
    /// # Panics
    /// If it does not start.
    #[allow(clippy::disallowed_methods, reason = "what the run asks for")]
    pub async fn start() -> Self {
        let port = free_port();
        let text = port.to_string();
        let (program, arguments) = match std::env::var("TEST_STORE").as_deref() {
            Ok("dynalite") => {
                let program = format!("{TOOLS}/store-node/node_modules/.bin/dynalite");
                (program, vec!["--host", "127.0.0.1", "--port", &text, "--createTableMs", "0"])
            }
            Ok("moto") => {
                (format!("{TOOLS}/store-venv/bin/moto_server"), vec!["-H", "127.0.0.1", "-p", &text])
            }
            _ => return Self::redis(&[]).await,
        };
        Self::run(Command::new(program).args(arguments), port, false).await
    }

    /// A moto that checks signatures and policies, after so many calls that it does not.
    ///
    /// # Panics
    /// If it does not start.
    pub async fn guarded_moto(unchecked: u32) -> Self {
        let port = free_port();
        let mut server = Command::new(format!("{TOOLS}/store-venv/bin/moto_server"));
        server.args(["-H", "127.0.0.1", "-p", &port.to_string()]);
        server.env("INITIAL_NO_AUTH_ACTION_COUNT", unchecked.to_string());
        Self::run(&mut server, port, false).await
    }

    /// A Redis with these further settings.
    ///
    /// # Panics
    /// If it does not start.
    pub async fn redis(settings: &[&str]) -> Self {
        let port = free_port();
        Self::run(&mut redis_server(port, settings), port, true).await
    }

    async fn run(program: &mut Command, port: u16, is_redis: bool) -> Self {
        let server = program.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let server = server.expect("the store's program, which tests/redis/run installs");
        let store = Self { server, port, is_redis, used: AtomicU8::new(0) };
        store.answers().await;
        store
    }

    async fn answers(&self) {
        for _ in 0..1200 {
            if tokio::net::TcpStream::connect(("127.0.0.1", self.port)).await.is_ok() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        unreachable!("the store does not answer")
    }

    /// An empty place: the vendors of one sandbox do not know the tokens that another's issued.
    ///
    /// # Panics
    /// If it cannot be made.
    pub async fn place(&self) -> Place {
        let (number, port, is_redis) = (self.used.fetch_add(1, Ordering::Relaxed), self.port, self.is_redis);
        if is_redis {
            return Place { port, address: format!("redis://127.0.0.1:{port}/{number}"), is_redis };
        }
        let table = json!({
            "KeySchema": [{ "AttributeName": "id", "KeyType": "HASH" }],
            "AttributeDefinitions": [{ "AttributeName": "id", "AttributeType": "S" }],
            "BillingMode": "PAY_PER_REQUEST",
        });
        self.table(&format!("grants-{number}"), table).await
    }

    /// An empty table of this name, made as `table` says.
    ///
    /// # Panics
    /// If it cannot be made.
    pub async fn table(&self, name: &str, table: Value) -> Place {
        let place = Place { port: self.port, address: format!("dynamodb://{name}"), is_redis: false };
        place.call("CreateTable", table).await;
        for _ in 0..200 {
            if place.call("DescribeTable", json!({})).await["Table"]["TableStatus"] == "ACTIVE" {
                return place;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        unreachable!("the table does not come up")
    }

    /// The first database of a Redis, whoever uses it.
    pub fn place_zero(&self) -> Place {
        Place { port: self.port, address: format!("redis://127.0.0.1:{}/0", self.port), is_redis: true }
    }

    /// The process id of the server.
    pub fn id(&self) -> u32 {
        self.server.id()
    }

    /// The port of the server.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Ends the server and starts an empty Redis in its place.
    ///
    /// # Panics
    /// If it does not start.
    pub async fn restart(&mut self, settings: &[&str]) {
        self.stop();
        let server = redis_server(self.port, settings).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        self.server = server.expect("redis-server");
        self.answers().await;
    }

    /// Ends the server.
    pub fn stop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn redis_server(port: u16, settings: &[&str]) -> Command {
    let mut server = Command::new("redis-server");
    let port = port.to_string();
    let usual =
        ["--port", &port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--databases", "256"];
    server.args(usual).args(settings);
    server
}

impl Drop for SharedStore {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Place {
    /// The variables of a function that has its store here.
    pub fn vars(&self) -> Vec<(String, String)> {
        let endpoint = format!("http://127.0.0.1:{}", self.port);
        let vars = [
            ("GRANT_STORE", self.address.as_str()),
            ("AWS_ENDPOINT_URL_DYNAMODB", &endpoint),
            ("AWS_REGION", REGION),
            ("AWS_ACCESS_KEY_ID", KEY.0),
            ("AWS_SECRET_ACCESS_KEY", KEY.1),
        ];
        vars.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec()
    }

    /// Whether a job's outcome is on record.
    ///
    /// # Panics
    /// If the store does not answer.
    pub async fn has_outcome(&self, flow: &str, job_id: &str) -> bool {
        let id = format!("upload-grant:job:{flow}:{job_id}");
        if self.is_redis {
            let text: Option<String> = self.redis(redis::cmd("GET").arg(id)).await;
            let record = text.and_then(|text| serde_json::from_str::<Value>(&text).ok());
            return record.is_some_and(|record| !record["outcome"].is_null());
        }
        let get = json!({ "Key": { "id": { "S": id } }, "ConsistentRead": true });
        self.call("GetItem", get).await["Item"]["status"]["S"] == "COMPLETED"
    }

    /// The names in it.
    ///
    /// # Panics
    /// If the store does not answer.
    pub async fn names(&self) -> Vec<String> {
        if self.is_redis {
            return self.redis(redis::cmd("KEYS").arg("*")).await;
        }
        let items = self.call("Scan", json!({})).await["Items"].take();
        let ids = items.as_array().expect("items").iter();
        ids.map(|item| item["id"]["S"].as_str().expect("an id").to_owned()).collect()
    }

    /// Lets what is under two names change places.
    ///
    /// # Panics
    /// If the store does not answer.
    pub async fn swap(&self, [one, two]: [&str; 2]) {
        if self.is_redis {
            for (from, to) in [(one, "swapped"), (two, one), ("swapped", two)] {
                let _: () = self.redis(redis::cmd("RENAME").arg(from).arg(to)).await;
            }
            return;
        }
        let mut items = Vec::new();
        for id in [one, two] {
            let get = json!({ "Key": { "id": { "S": id } }, "ConsistentRead": true });
            items.push(self.call("GetItem", get).await["Item"].take());
        }
        for (mut item, id) in items.into_iter().zip([two, one]) {
            item["id"] = json!({ "S": id });
            self.call("PutItem", json!({ "Item": item })).await;
        }
    }

    /// Asks the Redis.
    ///
    /// # Panics
    /// If it does not answer.
    pub async fn redis<T: redis::FromRedisValue>(&self, command: &redis::Cmd) -> T {
        let client = redis::Client::open(&*self.address).expect("a client");
        let mut connection = client.get_multiplexed_async_connection().await.expect("a connection");
        command.query_async(&mut connection).await.expect("an answer")
    }

    /// Calls the DynamoDB for this table.
    ///
    /// # Panics
    /// If it does not answer in JSON.
    #[allow(clippy::disallowed_methods, reason = "signatures are of now")]
    pub async fn call(&self, action: &str, mut document: Value) -> Value {
        document["TableName"] = self.address.trim_start_matches("dynamodb://").into();
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a clock");
        let at = Timestamp::from_unix(i64::try_from(now.as_secs()).expect("a time"));
        let (host, body) = (format!("127.0.0.1:{}", self.port), document.to_string());
        let call = sigv4::Call {
            host: &host,
            content_type: "application/x-amz-json-1.0",
            target: &format!("DynamoDB_20120810.{action}"),
            body: body.as_bytes(),
            key_id: KEY.0,
            token: None,
        };
        let key = sigv4::key(&Secret::from(KEY.1), REGION, "dynamodb", at);
        let mut request = client().post(format!("http://{host}/"));
        for (name, value) in sigv4::headers(&key, &call, at) {
            request = request.header(name, value);
        }
        let response = request.body(body).send().await.expect("an answer");
        serde_json::from_slice(&response.bytes().await.expect("a body")).expect("JSON")
    }
}
