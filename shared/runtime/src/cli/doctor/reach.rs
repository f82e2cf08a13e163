//! The way to each endpoint, and the vendor's clock against ours.

use std::error::Error as _;
use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::profile::Profile;
use super::report::{Finding, Report};
use crate::app::App;
use crate::flow::Flow;
use crate::platform::clock;
use upload_grant::wire::time::Timestamp;

const PATIENCE: Duration = Duration::from_secs(10);
/// A difference that nobody minds.
const GOOD_SECS: u64 = 5;
/// A difference that callers' tokens and stores still accept.
const BEARABLE_SECS: u64 = 60;

pub(super) async fn check<F: Flow>(app: &App<F>, profile: &Profile, report: &mut Report) {
    let mut clock = None;
    for (index, (variable, url)) in profile.endpoints.iter().enumerate() {
        let check = format!("reach.{variable}");
        match reach(app.cx.vendor.client(), url).await {
            Ok((seen, offset)) => {
                report.add(Finding::ok(check, seen));
                clock = if index == 0 { offset } else { clock };
            }
            Err((code, seen, advice)) => {
                report.add(Finding::fail(check, code, seen, advice.replace("{}", variable)));
            }
        }
    }
    report.add(match clock {
        Some(offset) => judged(offset),
        None => Finding::skipped("clock", "the vendor told no time"),
    });
}

type Unreachable = (&'static str, String, &'static str);

/// What answers at `url`, and how many seconds its clock is ahead of ours.
async fn reach(client: &reqwest::Client, url: &str) -> Result<(String, Option<i64>), Unreachable> {
    let parsed = url::Url::parse(url).ok();
    let place =
        parsed.as_ref().and_then(|url| Some((url.host_str()?.to_owned(), url.port_or_known_default()?)));
    let (host, port) = place.unwrap_or_default();
    let started = Instant::now();
    let name = host.trim_matches(['[', ']']).to_owned();
    let found = timeout(PATIENCE, tokio::net::lookup_host((name, port))).await;
    let address = found.ok().and_then(Result::ok).and_then(|mut found| found.next()).ok_or_else(|| {
        ("dns", format!("{host} has no address"), "check {}, and this machine's name server")
    })?;
    let dns = started.elapsed().as_millis();
    let (asked, started) = (clock::now(), Instant::now());
    let response = match timeout(PATIENCE, client.get(url).send()).await {
        Ok(Ok(response)) => response,
        Ok(Err(error)) if is_tls(&error) => {
            let seen = format!("TLS with {host} fails");
            return Err((
                "tls",
                seen,
                "check this machine's clock, and SSL_CERT_FILE if {} has a private root",
            ));
        }
        Ok(Err(_)) => {
            let seen = format!("{}, port {port}, does not answer", address.ip());
            return Err(("unreachable", seen, "check {}, and what outgoing traffic is allowed"));
        }
        Err(_) => {
            let seen = format!("{}, port {port}, does not answer in {} s", address.ip(), PATIENCE.as_secs());
            return Err(("timeout", seen, "check {}, and what outgoing traffic is allowed"));
        }
    };
    let took = started.elapsed();
    let date = response.headers().get("date").and_then(|value| value.to_str().ok());
    // Half of the way later than when we asked.
    let half = i64::try_from(took.as_secs() / 2).unwrap_or_default();
    let offset = date.and_then(Timestamp::parse_http_date).map(|date| date.unix() - asked.unix() - half);
    let ms = took.as_millis();
    let seen =
        format!("{host}: name {dns} ms, connection and answer {ms} ms (HTTP {})", response.status().as_u16());
    Ok((seen, offset))
}

/// An I/O error skips what it holds when asked for its source.
fn is_tls(error: &reqwest::Error) -> bool {
    let mut next = error.source();
    while let Some(error) = next {
        if error.is::<rustls::Error>() {
            return true;
        }
        let held = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        next = held.map_or_else(|| error.source(), |held| Some(held));
    }
    false
}

fn judged(offset: i64) -> Finding {
    let direction = if offset > 0 { "behind" } else { "ahead of" };
    let seconds = offset.unsigned_abs();
    let seen = format!("{seconds} s {direction} the vendor's");
    let advice = "set this machine's clock (NTP): grants, tokens and signatures all go by it";
    if seconds <= GOOD_SECS {
        Finding::ok("clock", format!("within {GOOD_SECS} s of the vendor's"))
    } else if seconds <= BEARABLE_SECS {
        Finding::warn("clock", "clock_off", seen, advice)
    } else {
        Finding::fail("clock", "clock_off", seen, advice)
    }
}
