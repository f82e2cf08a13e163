//! Many instances and one store: jobs are done once, tickets spent once, whoever is killed when. `make test-redis`
//! runs this with Redis, `make test-dynamodb` with DynamoDB's API.

use std::process::Command;
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};
use upload_grant_tests::platform::rand_u64;
use upload_grant_tests::process::{Process, binary, settings};
use upload_grant_tests::shared_store::{Place, SharedStore};
use upload_grant_tests::{Answer, Sandbox, Service, client, sandbox};

/// Callers choose the customer space.
const ANY_SPACE: &str =
    r#"{"groups":[{"params":{"cust_space_id":{"caller":true}},"rights":["unsized","events"]}]}"#;

/// A function that has its store there.
async fn serving(flow: &str, sandbox: &Sandbox, place: Option<&Place>) -> (Process, String) {
    let vars = place.map(Place::vars).unwrap_or_default();
    let vars: Vec<_> = vars.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    Process::serving(flow, sandbox, &vars).await
}

fn job(filename: &str, id: &str) -> Value {
    json!({ "id": id, "filename": filename, "source": { "base64": "aGVsbG8=" } })
}

async fn deliver(url: &str, job: &Value) -> Option<Answer> {
    let request = client().post(format!("{url}/events")).body(job.to_string());
    let response = request.send().await.ok()?;
    Some(Answer::read(response).await)
}

/// Delivers until the job is acknowledged, as a queue would.
async fn redeliver(url: &str, job: &Value) {
    for _ in 0..120 {
        if deliver(url, job).await.is_some_and(|answer| answer.status == 200) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    unreachable!("the job was never done");
}

#[tokio::test]
#[ignore = "needs a store: make test-redis, make test-dynamodb"]
async fn two_instances_given_the_same_job_upload_once() {
    let store = SharedStore::start().await;
    for (flow, filename, vendor) in [
        ("alibaba-chatapp", "a.pdf", Service::Cams),
        ("tencent-lke", "a.pdf", Service::Lke),
        ("huawei-aicc", "a.txt", Service::Aicc),
    ] {
        let sandbox = sandbox().await;
        let place = store.place().await;
        let (_one, first) = serving(flow, &sandbox, Some(&place)).await;
        let (_two, second) = serving(flow, &sandbox, Some(&place)).await;
        // The upload lasts long enough for the other to arrive in the middle of it.
        sandbox.fault(json!({ "target": "*", "latency_ms": 300 }));
        let job = job(filename, "job-1");
        let (one, two) = tokio::join!(deliver(&first, &job), deliver(&second, &job));
        let (one, two) = (one.expect("an answer"), two.expect("an answer"));
        let mut statuses = [one.status, two.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 409], "{flow}: {} {}", one.text, two.text);
        let calls = sandbox.calls(vendor);
        redeliver(&first, &job).await;
        redeliver(&second, &job).await;
        assert_eq!((sandbox.objects().len(), sandbox.calls(vendor)), (1, calls), "{flow}");
    }
}

#[tokio::test]
#[ignore = "needs a store: make test-redis, make test-dynamodb"]
async fn a_ticket_is_spent_across_instances() {
    let store = SharedStore::start().await;
    let sandbox = sandbox().await;
    let place = store.place().await;
    let (_one, first) = serving("tencent-lke", &sandbox, Some(&place)).await;
    let (_two, second) = serving("tencent-lke", &sandbox, Some(&place)).await;
    let ask = client().post(format!("{first}/grants"));
    let ask = ask.body(json!({ "filename": "a.pdf", "mode": "relay" }).to_string());
    let grant = Answer::of(ask).await.ok();
    let ticket = grant["url"].as_str().expect("a URL").rsplit('/').next().expect("a ticket").to_owned();
    let put = |url: &str, bytes: &'static str| {
        Answer::of(client().put(format!("{url}/relay/{ticket}")).body(bytes))
    };
    let receipt = put(&first, "hello").await.ok();
    assert_eq!(put(&second, "world").await.ok(), receipt);
    assert_eq!((sandbox.objects().len(), sandbox.calls(Service::Cos)), (1, 1));
}

#[tokio::test]
#[ignore = "needs a store: make test-redis, make test-dynamodb"]
async fn the_doctor_tries_the_store_and_leaves_nothing_of_it_there() {
    let store = SharedStore::start().await;
    let sandbox = sandbox().await;
    let place = store.place().await;
    let mut vars = settings("huawei-aicc", &sandbox, &[]);
    vars.extend(place.vars());
    let mut doctor = Command::new(binary("huawei-aicc"));
    doctor.args(["doctor", "--no-upload"]).env_clear().envs(vars);
    let output = tokio::process::Command::from(doctor).output().await.expect("the binary runs");
    let table = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && table.contains(" takes and gives back"), "{table}");
    let names = place.names().await;
    assert!(!names.iter().any(|name| name.contains("doctor")), "{names:?}");
}

/// What is sealed is bound to its place: whoever may write to the store cannot lend a caller another space's keys.
#[tokio::test]
#[ignore = "needs a store: make test-redis, make test-dynamodb"]
async fn sealed_values_in_each_others_places_are_nothing() {
    let (store, sandbox) = (SharedStore::start().await, sandbox().await);
    let place = store.place().await;
    let grant = |url: String, space: &'static str| async move {
        let request = json!({ "filename": "a.png", "params": { "cust_space_id": space } });
        Answer::of(client().post(format!("{url}/grants")).body(request.to_string())).await.ok()
    };
    let directory = |grant: &Value| {
        let key = grant["key"].as_str().expect("a key");
        key.rsplit_once('/').expect("a directory").0.to_owned()
    };
    let (_first, first) = serving_any_space(&sandbox, &place).await;
    let mine = directory(&grant(first.clone(), "space-1").await);
    let theirs = directory(&grant(first, "space-2").await);
    assert_ne!(mine, theirs);
    // They are put there behind the answers' backs.
    let mut cached = Vec::new();
    for _ in 0..600 {
        cached = place.names().await;
        cached.retain(|name| name.contains("cache:"));
        cached.sort_unstable();
        if cached.len() == 2 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let [one, two] = cached.as_slice() else { unreachable!("{cached:?}") };
    assert!(one.ends_with("space-1") && two.ends_with("space-2"), "{cached:?}");

    // Where they belong they serve another instance.
    let (_second, second) = serving_any_space(&sandbox, &place).await;
    let calls = sandbox.calls(Service::Cams);
    assert_eq!(directory(&grant(second, "space-1").await), mine);
    assert_eq!(sandbox.calls(Service::Cams), calls);
    place.swap([one, two]).await;
    let (_third, third) = serving_any_space(&sandbox, &place).await;
    assert_eq!(directory(&grant(third, "space-1").await), mine);
    assert_eq!(sandbox.calls(Service::Cams), calls + 1, "the vendor was asked");
}

async fn serving_any_space(sandbox: &Sandbox, place: &Place) -> (Process, String) {
    let mut vars = place.vars();
    vars.push(("GRANT_POLICY".into(), ANY_SPACE.into()));
    let vars: Vec<_> = vars.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    Process::serving("alibaba-chatapp", sandbox, &vars).await
}

#[tokio::test]
async fn without_the_store_no_job_begins() {
    let sandbox = sandbox().await;
    let (_process, url) =
        Process::serving("tencent-lke", &sandbox, &[("GRANT_STORE", "redis://127.0.0.1:1")]).await;
    let answer = deliver(&url, &job("a.pdf", "job-1")).await.expect("an answer");
    assert_eq!(answer.problem(), (503, "store_unavailable"));
    assert_eq!((sandbox.objects().len(), sandbox.calls(Service::Lke)), (0, 0));
}

/// What the rounds of one flow came to.
#[derive(Debug, Default)]
struct Tally {
    rounds: usize,
    before: usize,
    after: usize,
    vendor_calls: u64,
    windows: usize,
}

/// One round: killed at some point, then delivered to a second instance. The store's objects are the judge.
async fn round(
    flow: &str,
    filename: &str,
    vendor: Service,
    store: Option<&SharedStore>,
    delay: Duration,
) -> Tally {
    let sandbox = sandbox().await;
    let place = match store {
        Some(store) => Some(store.place().await),
        None => None,
    };
    let (mut victim, url) = serving(flow, &sandbox, place.as_ref()).await;
    slow(&sandbox);
    let id = format!("job-{:x}", rand_u64());
    let job = job(filename, &id);
    tokio::select! {
        _ = deliver(&url, &job) => {}
        () = tokio::time::sleep(delay) => {}
    }
    victim.kill();
    // What the store had read when the sender died may still become an object.
    tokio::time::sleep(Duration::from_millis(150)).await;
    let before = sandbox.objects().len();
    let recorded = match &place {
        Some(place) => place.has_outcome(flow, &id).await,
        None => false,
    };
    sandbox.clear_faults();
    let (_heir, url) = serving(flow, &sandbox, place.as_ref()).await;
    redeliver(&url, &job).await;
    let after = sandbox.objects().len();
    // The one window: the vendor has the file, and nobody wrote it down.
    let window = before == 1 && !recorded && flow != "alibaba-chatapp";
    assert!(
        before <= 1 && after == if window { 2 } else { 1 },
        "{flow} after {delay:?}: {before}, then {after}"
    );
    Tally { rounds: 1, before, after, vendor_calls: sandbox.calls(vendor), windows: usize::from(window) }
}

/// Every step takes a while, so that a kill can meet each of them.
fn slow(sandbox: &Sandbox) {
    for target in ["cams", "lke", "aicc", "oss", "cos"] {
        sandbox.fault(json!({ "target": target, "latency_ms": 25 }));
    }
    for target in ["oss", "cos"] {
        sandbox.fault(json!({ "target": target, "slow_body_ms": 10 }));
    }
}

#[tokio::test]
#[ignore = "needs a store: make test-redis, make test-dynamodb"]
async fn killed_at_any_point_the_next_delivery_completes_the_job() {
    let store = SharedStore::start().await;
    let seed = rand_u64();
    println!("seed {seed}");
    let mut dice = seed;
    for (flow, filename, vendor, is_shared, span) in [
        ("alibaba-chatapp", "a.pdf", Service::Cams, false, 220),
        ("tencent-lke", "a.pdf", Service::Lke, true, 220),
        ("huawei-aicc", "a.txt", Service::Aicc, true, 260),
    ] {
        let delays: Vec<Duration> = (0..32)
            .map(|_| {
                dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                Duration::from_millis((dice >> 33) % span)
            })
            .collect();
        let store = is_shared.then_some(&store);
        let rounds = delays.into_iter().map(|delay| round(flow, filename, vendor, store, delay));
        let tally = stream::iter(rounds).buffer_unordered(8).fold(Tally::default(), |sum, one| async move {
            Tally {
                rounds: sum.rounds + one.rounds,
                before: sum.before + one.before,
                after: sum.after + one.after,
                vendor_calls: sum.vendor_calls + one.vendor_calls,
                windows: sum.windows + one.windows,
            }
        });
        let tally = tally.await;
        println!("{flow}: {tally:?}");
        assert!(tally.before > 0 && tally.before < tally.rounds, "the kills met only one side of the upload");
        // Each of two instances asks at most once: three calls at AICC, one elsewhere.
        let calls_each = if vendor == Service::Aicc { 3 } else { 1 };
        assert!(tally.vendor_calls <= 2 * calls_each * tally.rounds as u64);
    }
}

/// Two processes that share a store, as two instances of one deployment.
async fn two_chatapps(sandbox: &Sandbox, store: &SharedStore) -> [(Process, String); 2] {
    let place = store.place().await;
    [serving_any_space(sandbox, &place).await, serving_any_space(sandbox, &place).await]
}

/// Whether an instance found its store silent for half a second, and went on by itself as it should: on a machine that
/// busy an emulator is no store.
fn is_disturbed(functions: &[(Process, String)]) -> bool {
    let lines = functions.iter().flat_map(|(process, _)| process.lines());
    lines.into_iter().any(|line| line["message"] == "the store cannot be used")
}

/// Asks `count` times, `at_once` at a time and of the two in turn. Tells what was not granted, and the seconds it took.
async fn ask_both(
    functions: &[(Process, String); 2],
    count: usize,
    at_once: usize,
    space: impl Fn(usize) -> String,
) -> (Vec<String>, f64) {
    let (client, started) = (client(), std::time::Instant::now());
    let asks = (0..count).map(|index| {
        let request = json!({ "filename": "a.png", "params": { "cust_space_id": space(index) } });
        let request = client.post(format!("{}/grants", functions[index % 2].1)).body(request.to_string());
        Answer::of(request)
    });
    let answers = stream::iter(asks).buffer_unordered(at_once);
    let refused = answers.filter_map(|answer| async move { (answer.status != 200).then_some(answer.text) });
    (refused.collect().await, started.elapsed().as_secs_f64())
}

/// Vendor calls in all, and those refused.
async fn cams_calls(sandbox: &Sandbox) -> (u64, u64) {
    let calls = Answer::of(client().get(format!("{}/calls", sandbox.url(Service::Control)))).await.ok();
    let count = |name: &str| calls["cams"][name].as_u64().expect("a count");
    (count("total"), count("refused"))
}

/// Rounds until the store was there all the time; what is asserted of such a round is exact.
const ROUNDS: usize = 8;

#[tokio::test]
#[ignore = "needs a store: make test-redis, make test-dynamodb"]
async fn ten_thousand_grants_over_two_processes_cost_one_vendor_call() {
    let store = SharedStore::start().await;
    for _ in 0..ROUNDS {
        let sandbox = sandbox().await;
        let functions = two_chatapps(&sandbox, &store).await;
        let (refusals, seconds) = ask_both(&functions, 10_000, 500, |_| "one".into()).await;
        let (total, refused) = cams_calls(&sandbox).await;
        if is_disturbed(&functions) {
            println!("the store was silent for half a second: {total} calls, once more");
            continue;
        }
        println!("10000 grants for one space over two processes: {total} vendor call, {seconds:.1} s");
        assert_eq!((refusals, total, refused), (vec![], 1, 0));
        return;
    }
    unreachable!("the store was silent in every round");
}

/// The sandbox refuses above five calls a second; forty spaces need eight seconds of that. On a busy machine a
/// call may travel late and be refused all the same: then it is tried again, and no caller hears of it.
#[tokio::test]
#[ignore = "needs a store: make test-redis, make test-dynamodb"]
async fn forty_spaces_over_two_processes_share_the_quota() {
    let store = SharedStore::start().await;
    for _ in 0..ROUNDS {
        let sandbox = sandbox().await;
        sandbox.settings(json!({ "quota": true, "quota_rps": 5 }));
        let functions = two_chatapps(&sandbox, &store).await;
        let space = |index| format!("space-{}", index / 2 % 40);
        let (refusals, seconds) = ask_both(&functions, 1_000, 200, space).await;
        let (total, refused) = cams_calls(&sandbox).await;
        if is_disturbed(&functions) {
            println!("the store was silent for half a second: {total} calls, once more");
            continue;
        }
        println!(
            "1000 grants for 40 spaces over two processes: {total} calls, of which refused {refused}, {seconds:.1} s"
        );
        assert_eq!((refusals, total - refused), (vec![], 40));
        return;
    }
    unreachable!("the store was silent in every round");
}
