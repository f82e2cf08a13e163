//! What callers do, well and badly, and what goes wrong meanwhile.

use std::fmt;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};
use upload_grant_tests::{Answer, Sandbox, Service, client, upload_request};

use crate::functions::Function;

/// Xorshift: the same traffic for the same seed.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 11).unwrap_or(0) % n
    }

    fn of<'a, T: ?Sized>(&mut self, items: &[&'a T]) -> &'a T {
        items[self.below(items.len())]
    }

    fn bytes(&mut self) -> Vec<u8> {
        let most = if self.below(50) == 0 { 200_000 } else { 3000 };
        (0..=self.below(most)).map(|_| self.below(256).to_le_bytes()[0]).collect()
    }
}

/// What became of it all.
#[derive(Default)]
pub struct Tally {
    granted: AtomicU64,
    stored: AtomicU64,
    refused: AtomicU64,
    failed: AtomicU64,
    bad: AtomicU64,
    wrong: Mutex<Vec<String>>,
}

impl Tally {
    pub fn wrong(&self, what: String) {
        self.wrong.lock().unwrap_or_else(PoisonError::into_inner).push(what);
    }

    pub fn is_good(&self) -> bool {
        self.stored.load(Ordering::Relaxed) > 0
            && self.wrong.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [granted, stored, failed, refused, bad] =
            [&self.granted, &self.stored, &self.failed, &self.refused, &self.bad]
                .map(|counter| counter.load(Ordering::Relaxed));
        let wrong = self.wrong.lock().unwrap_or_else(PoisonError::into_inner);
        write!(
            f,
            "{granted} grants, {stored} uploads stored byte for byte, {failed} uploads failed by faults, \
             {refused} asks refused by faults, {bad} bad requests, {} wrong",
            wrong.len()
        )?;
        wrong.iter().take(10).try_for_each(|what| write!(f, "\n  {what}"))
    }
}

fn add(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// One caller's one visit.
pub async fn visit(function: &Function, sandbox: &Sandbox, random: &mut Random, tally: &Tally) {
    if random.below(4) == 0 {
        return bad(function, random, tally).await;
    }
    let (filename, modes): (_, &[&str]) = match function.flow {
        "alibaba-chatapp" => ("a b 中.png", &["form", "put", "relay"]),
        "alibaba-workorder" => ("a.pdf", &["form", "relay"]),
        "tencent-lke" => ("a.pdf", &["put", "relay"]),
        "alibaba-aicontent" => ("a.wav", &["form"]),
        _ => ("a.jpg", &["relay"]),
    };
    let bytes = random.bytes();
    let request = json!({ "filename": filename, "mode": random.of(modes), "size": bytes.len() });
    let ask = client().post(format!("{}/grants", function.url)).body(request.to_string());
    let Some(answer) = answer(ask, tally).await else { return };
    if answer.status != 200 {
        return add(&tally.refused);
    }
    add(&tally.granted);
    let Ok(response) = upload_request(&answer.json, &bytes).send().await else { return add(&tally.failed) };
    let ok = response.status().is_success();
    let Ok(text) = response.text().await else { return add(&tally.failed) };
    let document: Value = serde_json::from_str(&text).unwrap_or_default();
    if !ok {
        if document["code"] == "internal" {
            tally.wrong(text);
        }
        return add(&tally.failed);
    }
    // The evaluation service knows a recording by the id in its URL.
    let url = answer.json["url"].as_str().unwrap_or_default();
    let evaluated = url.split(['?', '&']).find_map(|pair| pair.strip_prefix("request_id="));
    let key = evaluated.or_else(|| document["key"].as_str()).or_else(|| answer.json["key"].as_str());
    let key = key.unwrap_or_default();
    match sandbox.object(key) {
        Some(object) if object.data.as_deref() == Some(&*bytes) => add(&tally.stored),
        found => {
            tally.wrong(format!("{}: {key} is {}", function.flow, found.map_or("missing", |_| "different")))
        }
    }
}

async fn answer(request: reqwest::RequestBuilder, tally: &Tally) -> Option<Answer> {
    match request.send().await {
        Ok(response) => {
            let answer = Answer::read(response).await;
            if answer.json["code"] == "internal" || answer.status == 500 {
                tally.wrong(answer.text.clone());
            }
            Some(answer)
        }
        Err(error) => {
            tally.wrong(format!("no answer: {}", error.without_url()));
            None
        }
    }
}

/// Requests that must be refused, by a 4xx.
async fn bad(function: &Function, random: &mut Random, tally: &Tally) {
    let post =
        |path: &str, body: &str| client().post(format!("{}{path}", function.url)).body(body.to_owned());
    let noise = String::from_utf8_lossy(&random.bytes()).into_owned();
    let request = match random.below(8) {
        0 => post("/grants", &noise),
        1 => post("/grants", r#"{"filename":"../../etc/passwd"}"#),
        2 => post("/grants", r#"{"filename":"a.png","size":999999999999}"#),
        3 => post("/complete", &json!({ "token": noise }).to_string()),
        4 => client().put(format!("{}/relay/no-ticket", function.url)).body(noise),
        5 => client().get(format!("{}/nowhere", function.url)),
        6 => post("/grants", &"x".repeat(100_000)),
        _ => post("/events", &noise),
    };
    if let Some(answer) = answer(request, tally).await {
        add(&tally.bad);
        if !(400..500).contains(&answer.status) {
            tally.wrong(format!("a bad request got {}: {}", answer.status, answer.text));
        }
    }
}

/// One thing that goes wrong somewhere, a few times.
pub fn fault(sandbox: &Sandbox, random: &mut Random) {
    let services: Vec<&str> = Service::ALL[1..].iter().map(|service| service.name()).collect();
    let service = random.of(&services);
    let store = matches!(service, "oss" | "cos" | "ssapi");
    let raw = |status: u16, body: &str| json!({ "raw": { "status": status, "body": body } });
    let mut fault = match random.below(if store { 7 } else { 10 }) {
        0 => raw(503, "<html>busy</html>"),
        1 => raw(500, ""),
        2 => raw(429, ""),
        3 => json!({ "reset": true }),
        4 => json!({ "latency_ms": 300 }),
        5 => raw(403, "<Error><Code>AccessDenied</Code></Error>"),
        6 => json!({ "huge": 3 << 20, "reset": true }),
        7 => raw(200, "<html>what</html>"),
        8 => raw(200, "{}"),
        _ => json!({ "truncate": true }),
    };
    fault["target"] = service.into();
    fault["times"] = (1 + random.below(3)).into();
    sandbox.fault(fault);
}
