//! What is wrong with a store, and whom it reaches: `make test-redis`. Prints a line for each fault.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::response::Response;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use upload_grant_tests::process::{Process, binary, settings};
use upload_grant_tests::shared_store::{SharedStore, free_port};
use upload_grant_tests::stub::Stub;
use upload_grant_tests::{Answer, Sandbox, client, sandbox, upload};

/// The most that a store's fault may cost a grant.
const SECOND: Duration = Duration::from_secs(1);

/// An instance whose every grant needs a vendor call, so that it would use cache, lock and budget.
struct Instance {
    process: Process,
    sandbox: Sandbox,
    url: String,
}

impl Instance {
    async fn start(vars: &[(&str, &str)]) -> Self {
        let sandbox = sandbox().await;
        let policy =
            r#"{"groups":[{"params":{"cust_space_id":{"caller":true}},"rights":["unsized","events"]}]}"#;
        // The vendor's quota is no part of this.
        let mut all = vec![("GRANT_POLICY", policy), ("GRANT_VENDOR_RPS", "1000")];
        all.extend(vars);
        let (process, url) = Process::serving("alibaba-chatapp", &sandbox, &all).await;
        Self { process, sandbox, url }
    }

    async fn with(address: &str) -> Self {
        Self::start(&[("GRANT_STORE", address)]).await
    }

    async fn post(&self, path: &str, document: Value) -> (Answer, Duration) {
        let started = Instant::now();
        let answer =
            Answer::of(client().post(format!("{}{path}", self.url)).body(document.to_string())).await;
        (answer, started.elapsed())
    }

    async fn grant(&self, mode: &str) -> (Value, Duration) {
        let space = format!("space-{:x}", upload_grant_tests::platform::rand_u64());
        let request = json!({ "filename": "a.pdf", "mode": mode, "params": { "cust_space_id": space } });
        let (answer, took) = self.post("/grants", request).await;
        (answer.ok(), took)
    }

    async fn relay(&self) -> (Answer, Duration) {
        let (grant, _) = self.grant("relay").await;
        let started = Instant::now();
        (upload(&grant, b"hello").await, started.elapsed())
    }

    async fn job(&self) -> (Answer, Duration) {
        let id = format!("job-{:x}", upload_grant_tests::platform::rand_u64());
        let job = json!({ "id": id, "filename": "a.pdf", "source": { "base64": "aGVsbG8=" },
            "params": { "cust_space_id": "space" } });
        self.post("/events", job).await
    }

    async fn fault(&self) -> Value {
        let health = Answer::of(client().get(format!("{}/healthz", self.url))).await.ok();
        health["store"]["fault"].clone()
    }

    /// All is as it should be, in the first try of each.
    async fn is_well(&self) {
        for (answer, _) in [self.relay().await, self.job().await] {
            assert_eq!(answer.status, 200, "{}", answer.text);
        }
        self.grant("form").await;
        assert_eq!(self.fault().await, Value::Null);
    }

    /// What the fault named `kinds` may and may not do.
    async fn suffers(&self, name: &str, kinds: &[&str]) {
        let objects = self.sandbox.objects().len();
        let mut longest = Duration::ZERO;
        let mut last = Value::Null;
        for _ in 0..4 {
            let (grant, took) = self.grant("form").await;
            (last, longest) = (grant, longest.max(took));
        }
        let token = &last["complete"]["token"];
        let (complete, completed) = self.post("/complete", json!({ "token": token })).await;
        complete.ok();
        let (relay, relayed) = self.relay().await;
        let (job, worked) = self.job().await;
        let fault = self.fault().await;
        println!(
            "{name}: {fault}; grant 200 in {} ms at most, complete 200 in {} ms, relay {} in {} ms, job {} in {} ms",
            longest.as_millis(),
            completed.as_millis(),
            relay.status,
            relayed.as_millis(),
            job.status,
            worked.as_millis()
        );
        assert_eq!(relay.problem(), (503, "store_unavailable"), "{name}");
        assert_eq!(job.problem(), (503, "store_unavailable"), "{name}");
        assert!(longest < SECOND && completed < SECOND, "{name}: {longest:?}, {completed:?}");
        assert!(fault.as_str().is_some_and(|fault| kinds.contains(&fault)), "{name}: {fault}");
        assert_eq!(self.sandbox.objects().len(), objects, "{name}");
        let said =
            |message: &str| self.process.lines().iter().filter(|line| line["message"] == message).count();
        assert_eq!(said("the store cannot be used"), said("the store can be used again") + 1, "{name}");
    }
}

async fn redis(store: &SharedStore, command: &[&str]) {
    let mut words = redis::cmd(command[0]);
    words.arg(&command[1..]);
    let _: redis::Value = store.place_zero().redis(&words).await;
}

fn signal(store: &SharedStore, name: &str) {
    let sent = Command::new("kill").args([name, &store.id().to_string()]).status();
    assert!(sent.is_ok_and(|status| status.success()));
}

#[tokio::test]
#[ignore = "needs redis-server: make test-redis"]
async fn a_fault_of_redis_reaches_only_what_needs_it_and_heals_by_itself() {
    let mut store = SharedStore::redis(&[]).await;
    redis(&store, &["ACL", "SETUSER", "app", "on", ">right", "~*", "&*", "+@all"]).await;
    let function = Instance::with(&format!("redis://app:right@127.0.0.1:{}/1", store.port())).await;
    function.is_well().await;

    signal(&store, "-STOP");
    function.suffers("hangs", &["Timeout"]).await;
    signal(&store, "-CONT");
    function.is_well().await;

    for (name, kind, harm, heal) in [
        (
            "is full",
            "OOM",
            &["CONFIG", "SET", "maxmemory", "1"][..],
            &["CONFIG", "SET", "maxmemory", "0"][..],
        ),
        ("is a replica", "READONLY", &["REPLICAOF", "127.0.0.1", "1"], &["REPLICAOF", "NO", "ONE"]),
        (
            "forbids commands",
            "NOPERM",
            &["ACL", "SETUSER", "app", "-evalsha", "-eval"],
            &["ACL", "SETUSER", "app", "+@all"],
        ),
    ] {
        redis(&store, harm).await;
        function.suffers(name, &[kind]).await;
        redis(&store, heal).await;
        function.is_well().await;
    }

    redis(&store, &["ACL", "SETUSER", "app", "resetpass", ">other"]).await;
    redis(&store, &["CLIENT", "KILL", "USER", "app"]).await;
    function.suffers("refuses the password", &["WRONGPASS"]).await;
    redis(&store, &["ACL", "SETUSER", "app", ">right"]).await;
    function.is_well().await;

    store.stop();
    function.suffers("is gone", &["ConnectionRefused", "Io"]).await;
    let acl = ["--user", "app", "on", ">right", "~*", "&*", "+@all"];
    store.restart(&acl).await;
    function.is_well().await;
    // The connection of before is dead, and nobody knows yet.
    store.restart(&acl).await;
    function.is_well().await;
}

#[tokio::test]
#[ignore = "needs redis-server: make test-redis"]
async fn a_store_that_never_worked_is_named() {
    let store = SharedStore::redis(&["--requirepass", "secret"]).await;
    let port = store.port();
    for (name, address, kinds) in [
        ("wants a password", format!("redis://127.0.0.1:{port}"), &["NOAUTH"][..]),
        ("refuses the password", format!("redis://:wrong@127.0.0.1:{port}"), &["WRONGPASS"]),
        ("has no such database", format!("redis://:secret@127.0.0.1:{port}/999"), &["ResponseError"]),
        ("refuses connections", format!("redis://127.0.0.1:{}", free_port()), &["ConnectionRefused"]),
    ] {
        let function = Instance::with(&address).await;
        function.suffers(name, kinds).await;
        // The doctor names it too.
        let vars = settings("alibaba-chatapp", &function.sandbox, &[("GRANT_STORE", &address)]);
        let mut doctor = Command::new(binary("alibaba-chatapp"));
        doctor.args(["doctor", "--no-upload"]).env_clear().envs(vars);
        let output = tokio::process::Command::from(doctor).output().await.expect("the binary runs");
        let table = String::from_utf8_lossy(&output.stdout);
        assert!(!output.status.success() && kinds.iter().any(|kind| table.contains(kind)), "{name}: {table}");
    }
}

#[tokio::test]
#[ignore = "takes a while: make test-redis"]
async fn a_network_that_drops_everything_costs_a_grant_no_second() {
    // Nobody takes connections from this queue, and it is full.
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind("127.0.0.1:0".parse().expect("an address")).expect("a port");
    let full = socket.listen(1).expect("a queue");
    let address = full.local_addr().expect("an address");
    let mut waiting = Vec::new();
    for _ in 0..8 {
        waiting.push(tokio::time::timeout(Duration::from_millis(100), TcpStream::connect(address)).await);
    }
    // Here connections are made, and nothing is ever read.
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let quiet = silent.local_addr().expect("an address");
    for (name, address) in [("drops packets", address), ("never answers", quiet)] {
        let function = Instance::with(&format!("redis://{address}")).await;
        function.suffers(&format!("Redis {name}"), &["Timeout"]).await;
        let function = Instance::start(&dynamodb(&format!("http://{address}"))).await;
        function.suffers(&format!("DynamoDB {name}"), &["Timeout"]).await;
    }
}

fn dynamodb(endpoint: &str) -> [(&str, &str); 5] {
    [
        ("GRANT_STORE", "dynamodb://grants"),
        ("AWS_ENDPOINT_URL_DYNAMODB", endpoint),
        ("AWS_REGION", "eu-central-1"),
        ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
    ]
}

fn exception(status: u16, name: &str) -> Response {
    let document = json!({ "__type": format!("com.amazonaws.dynamodb.v20120810#{name}"), "message": "m" });
    Response::builder().status(status).body(Body::from(document.to_string())).expect("a response")
}

#[tokio::test]
async fn what_dynamodb_refuses_is_named_and_reaches_only_what_needs_it() {
    for (status, name) in [
        (400, "ResourceNotFoundException"),
        (400, "UnrecognizedClientException"),
        (400, "AccessDeniedException"),
        (400, "ProvisionedThroughputExceededException"),
        (500, "InternalServerError"),
    ] {
        let table = Stub::start(move |_| exception(status, name)).await;
        let function = Instance::start(&dynamodb(&table.url(""))).await;
        function.suffers(&format!("DynamoDB says {name}"), &[name]).await;
    }
}

#[tokio::test]
async fn a_busy_table_is_asked_again() {
    let table = Stub::start(|seen| match seen.index % 6 {
        5 => Response::new(Body::from("{}")),
        _ => exception(400, "ThrottlingException"),
    });
    let table = table.await;
    let function = Instance::start(&dynamodb(&table.url(""))).await;
    let (relay, _) = function.relay().await;
    assert_eq!(relay.status, 200, "{}", relay.text);
    assert_eq!(function.fault().await, Value::Null);
}

/// What is in the store is not ours to trust: garbage is as good as nothing.
#[tokio::test]
#[ignore = "needs redis-server: make test-redis"]
async fn garbage_in_redis_is_nothing() {
    let store = SharedStore::redis(&[]).await;
    let function = Instance::with(&format!("redis://127.0.0.1:{}", store.port())).await;
    function.is_well().await;
    let names = store.place_zero().names().await;
    let key_id = upload_grant_sandbox::facts::ALIBABA_KEY_ID;
    assert!(names.iter().all(|name| !name.contains(key_id)), "{names:?}");
    for garbage in [
        &["SET", "", "garbage"][..],
        &["SET", "", "{\"owner\":1}"],
        &["SET", "", "{\"owner\":\"x\",\"outcome\":null}"],
        &["RPUSH", "", "garbage"],
        &["RPUSH", "", "99999999999999"],
        &["HSET", "", "a", "b"],
    ] {
        for name in &names {
            redis(&store, &["DEL", name]).await;
            let mut command = garbage.to_vec();
            command[1] = name;
            redis(&store, &command).await;
        }
        let budget = names.iter().any(|name| name.contains("budget:"));
        assert!(budget, "{names:?}");
        let (_, took) = function.grant("form").await;
        assert!(took < SECOND, "{garbage:?}: {took:?}");
        function.is_well().await;
    }
}

/// A Redis behind TLS whose certificate is by an authority of its own.
#[tokio::test]
#[ignore = "needs redis-server and openssl: make test-redis"]
async fn rediss_trusts_what_ssl_cert_file_names() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    let (key, cert) = (path("key.pem"), path("cert.pem"));
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-days",
            "2",
        ])
        .args(["-keyout", &key, "-out", &cert, "-subj", "/CN=store"])
        .args(["-addext", "subjectAltName=IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE"])
        .stderr(Stdio::null())
        .status();
    assert!(made.is_ok_and(|status| status.success()), "openssl makes a certificate");
    let tls_port = free_port();
    let port = tls_port.to_string();
    let tls =
        ["--tls-port", &port, "--tls-cert-file", &cert, "--tls-key-file", &key, "--tls-auth-clients", "no"];
    let _store = SharedStore::redis(&tls).await;
    let address = format!("rediss://127.0.0.1:{tls_port}");
    Instance::start(&[("GRANT_STORE", &*address), ("SSL_CERT_FILE", &cert)]).await.is_well().await;
    Instance::with(&address).await.suffers("is by an unknown authority", &["Io"]).await;
}
