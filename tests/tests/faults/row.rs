//! One row: a fault, and the answer to it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use upload_grant_tests::leaks::{Searched, search};
use upload_grant_tests::{Answer, SECRET, Sandbox, client, upload};

use crate::lane::Lane;
use crate::process::Process;

const API_KEY: &str = "the/api+key=of~this test 0001";
/// What every vendor message in the table says.
const CANARY: &str = "canary-Message/echo+of=keys";
const BYTES: &[u8] = b"hello";

/// A row of the table.
pub struct Row {
    pub lane: String,
    pub name: String,
    pub code: String,
    fault: Value,
    endpoint: Option<String>,
    timeout: u64,
    calls: u64,
    env: BTreeMap<String, String>,
    vendor_code: Option<String>,
    retryable: Option<bool>,
    retry_after: u64,
    min_ms: u64,
}

impl<'de> serde::Deserialize<'de> for Row {
    fn deserialize<D: serde::Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        let row: Map<String, Value> = serde::Deserialize::deserialize(reader)?;
        let known = [
            "lane",
            "name",
            "code",
            "fault",
            "endpoint",
            "timeout",
            "calls",
            "env",
            "vendor_code",
            "retryable",
            "retry_after",
            "min_ms",
        ];
        if let Some(other) = row.keys().find(|name| !known.contains(&name.as_str())) {
            return Err(serde::de::Error::custom(format!("{other} is not a member of a row")));
        }
        let text = |name: &str| row.get(name).and_then(Value::as_str).map(str::to_owned);
        let number = |name: &str| row.get(name).and_then(Value::as_u64);
        let need = |name: &'static str| text(name).ok_or_else(|| serde::de::Error::missing_field(name));
        let env = row.get("env").and_then(Value::as_object).into_iter().flatten();
        Ok(Self {
            lane: need("lane")?,
            name: need("name")?,
            code: need("code")?,
            fault: row.get("fault").cloned().unwrap_or(Value::Null),
            endpoint: text("endpoint"),
            timeout: number("timeout").unwrap_or(8),
            calls: number("calls").ok_or_else(|| serde::de::Error::missing_field("calls"))?,
            env: env
                .map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned()))
                .collect(),
            vendor_code: text("vendor_code"),
            retryable: row.get("retryable").and_then(Value::as_bool),
            retry_after: number("retry_after").unwrap_or(1),
            min_ms: number("min_ms").unwrap_or(0),
        })
    }
}

/// How a row went.
pub struct Outcome {
    pub wrong: Vec<String>,
    pub searched: Searched,
}

/// Status and `retryable` of each code, as the contract's table has them.
fn documented(code: &str) -> (u16, bool) {
    match code {
        "vendor_throttled" => (429, true),
        "vendor_auth_failed" | "vendor_not_subscribed" | "vendor_bad_response" | "upload_failed" => {
            (502, false)
        }
        "vendor_clock_skew" => (502, true),
        "vendor_rejected" => (422, false),
        "vendor_unavailable" => (503, true),
        "vendor_timeout" => (504, true),
        _ => panic!("{code} is nobody's answer to a fault"),
    }
}

impl Row {
    /// Starts the lane's function, lets the fault happen, and compares.
    pub async fn run(&self, sandbox: &Sandbox) -> Outcome {
        let lane = Lane::of(&self.lane);
        let vars = self.vars(lane, sandbox);
        let function = Process::start(lane.flow, &vars).await;
        if !self.fault.is_null() {
            sandbox.fault(lane.aim(&self.fault));
        }
        let started = Instant::now();
        let mut request = json!({ "filename": lane.filename });
        if lane.checksums {
            request["size"] = BYTES.len().into();
            request["checksums"] = json!({ "md5": "XUFAKrxLKna5cZ2REBfFkg==" });
        }
        if lane.relay {
            request["mode"] = "relay".into();
        }
        let ask = client().post(format!("{}/grants", function.url)).header("x-api-key", API_KEY);
        let granted = Answer::of(ask.body(request.to_string())).await;
        let answer = if lane.relay { upload(&granted.json, BYTES).await } else { granted.clone() };
        let took = started.elapsed();
        let mut wrong = self.compare(&answer);
        let calls = lane.calls(sandbox);
        if calls != self.calls {
            wrong.push(format!("{calls} calls instead of {}", self.calls));
        }
        if took < Duration::from_millis(self.min_ms) {
            wrong.push(format!("took {took:?} only"));
        }
        let health = Answer::of(client().get(format!("{}/healthz", function.url))).await;
        let openapi = Answer::of(client().get(format!("{}/openapi.json", function.url))).await;
        let (stdout, stderr) = function.end().await;
        if !stdout.contains("\"message\":\"request\"") {
            wrong.push("no line was logged".to_owned());
        }
        for bad in ["\"internal\"", "panic"] {
            if stdout.contains(bad) || stderr.contains(bad) {
                wrong.push(format!("{bad} is in its log"));
            }
        }
        let given = given(&vars);
        let mut secrets = given.clone();
        secrets.extend(sandbox.secrets());
        secrets.extend(granted_secrets(&granted.json));
        let headers = format!("{:?}{:?}", granted.headers, answer.headers);
        let mut places = vec![
            ("its standard output", &*stdout),
            ("its standard error", &stderr),
            ("response headers", &headers),
            ("/healthz", &health.text),
            ("/openapi.json", &openapi.text),
        ];
        if answer.status != 200 || lane.relay {
            // A receipt is no more the place for a secret than a problem.
            places.push(("the answer", &answer.text));
        }
        let (found, searched) = search(&secrets, &places);
        wrong.extend(found);
        // The search does find them where they belong.
        let own = granted_secrets(&granted.json).into_iter().collect();
        if granted.status == 200 && search(&own, &[("the grant", &granted.text)]).0.len() != own.len() {
            wrong.push("a grant's own secrets are not found in it".to_owned());
        }
        // What we were given is not even in a grant.
        wrong.extend(search(&given, &[("the grant", &granted.text)]).0);
        Outcome { wrong, searched }
    }

    fn vars(&self, lane: &Lane, sandbox: &Sandbox) -> Vec<(String, String)> {
        let hash: String = Sha256::digest(API_KEY).iter().map(|byte| format!("{byte:02x}")).collect();
        let mut vars: BTreeMap<String, String> = sandbox.env(lane.flow).into_iter().collect();
        vars.insert("GRANT_AUTH".into(), "api-key".into());
        vars.insert("GRANT_API_KEYS".into(), format!("tester:{hash}"));
        vars.insert("GRANT_SECRET".into(), SECRET.into());
        vars.insert(
            "GRANT_WEBHOOK_SECRET".into(),
            "whsec_d2ViaG9vay1zZWNyZXQtb2YtdGhpcy10ZXN0LTAwMDE=".into(),
        );
        vars.insert("GRANT_TIMEOUT_SECONDS".into(), self.timeout.to_string());
        if lane.flow == "huawei-aicc" {
            vars.insert("HUAWEI_AICC_AUTH_BASE_URL".into(), sandbox.url(lane.service));
        }
        vars.extend(lane.env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        vars.extend(self.env.clone());
        if let Some(how) = &self.endpoint {
            vars.insert(lane.endpoint.to_owned(), lane.nowhere(sandbox, how));
        }
        vars.into_iter().collect()
    }

    fn compare(&self, answer: &Answer) -> Vec<String> {
        let mut wrong = Vec::new();
        let mut differs = |what: &str, is: Value, should: Value| {
            if is != should {
                wrong.push(format!("{what} is {is} instead of {should}: {}", answer.text));
            }
        };
        if self.code == "ok" {
            differs("status", json!(answer.status), json!(200));
            return wrong;
        }
        let (status, retryable) = documented(&self.code);
        let retryable = self.retryable.unwrap_or(retryable);
        differs("status", json!(answer.status), json!(status));
        differs("content-type", json!(answer.header("content-type")), json!("application/problem+json"));
        differs("code", answer.json["code"].clone(), json!(self.code));
        differs("retryable", answer.json["retryable"].clone(), json!(retryable));
        differs("vendor.code", answer.json["vendor"]["code"].clone(), json!(self.vendor_code));
        let after = answer.json["retry_after"].as_f64();
        let header = answer.header("retry-after");
        if retryable {
            differs("Retry-After", json!(header), json!(self.retry_after.to_string()));
            differs(
                "retry_after, rounded up",
                json!(after.map(f64::ceil)),
                json!(Some(self.retry_after as f64)),
            );
        } else {
            differs("retry_after", json!((after, header)), json!((None::<f64>, "")));
        }
        wrong
    }
}

/// The secrets among the settings and headers that the function got, and what its vendor says on top.
fn given(vars: &[(String, String)]) -> BTreeSet<String> {
    let is_secret =
        |name: &str| ["_SECRET", "SECRET_KEY", "_TOKEN", "_API_KEYS"].iter().any(|end| name.ends_with(end));
    let mut all: BTreeSet<String> = vars
        .iter()
        .filter(|(name, _)| is_secret(name))
        .map(|(_, value)| value.trim_start_matches("whsec_").trim_start_matches("tester:").to_owned())
        .collect();
    all.extend([API_KEY.to_owned(), CANARY.to_owned(), "almost-secret-1".to_owned()]);
    all
}

/// What of a grant must be nowhere else.
fn granted_secrets(grant: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let mut all: Vec<String> = text(&grant["complete"]["token"]).into_iter().collect();
    let fields = grant["fields"].as_object().into_iter().flatten();
    let secret_field = |name: &str| {
        let name = name.to_ascii_lowercase();
        name.contains("policy") || name.ends_with("signature") || name.ends_with("token")
    };
    all.extend(fields.filter(|(name, _)| secret_field(name)).filter_map(|(_, value)| text(value)));
    let url = text(&grant["url"]).unwrap_or_default();
    // The ticket, or the signed query.
    all.extend(url.split_once("/relay/").or_else(|| url.split_once('?')).map(|(_, rest)| rest.to_owned()));
    all.retain(|secret| secret.len() >= 12);
    all
}
