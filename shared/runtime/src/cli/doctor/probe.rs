//! One mode's grant, used as a caller would use it.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::Value;
use tokio::time::{Instant, timeout};

use super::profile::Profile;
use super::report::{Finding, Report};
use super::{cors, refusals};
use crate::app::App;
use crate::flow::Flow;
use crate::net::{Reply, read_body};
use crate::transfer::{self, Body, Digests};
use upload_grant::model::grant::{Enforced, Grant};
use upload_grant::model::problem::Problem;
use upload_grant::model::request::Mode;

/// A grant being tried out.
pub(super) struct Trial<'a, F> {
    pub(super) app: &'a Arc<App<F>>,
    pub(super) profile: &'a Profile,
    pub(super) mode: Mode,
    pub(super) grant: Grant,
}

pub(super) async fn check<F: Flow>(app: &Arc<App<F>>, profile: &Profile, mode: Mode, report: &mut Report) {
    let grant = match super::grant(app, profile, mode).await {
        Ok(grant) => grant,
        Err(problem) => return report.add(profile.verdict(format!("{}.grant", mode.as_str()), &problem)),
    };
    let trial = Trial { app, profile, mode, grant };
    report.add(trial.granted());
    if mode == Mode::Credentials {
        return;
    }
    cors::preflight(&trial, report).await;
    if !report.uploads {
        return report.add(Finding::skipped(trial.name("upload"), "--no-upload"));
    }
    refusals::before(&trial, report).await;
    if let Some(reply) = trial.upload(report).await {
        cors::answer(&trial, &reply, report);
        refusals::overwrite(&trial, report).await;
        trial.read_back(report).await;
    }
}

impl<F: Flow> Trial<'_, F> {
    /// The name of a check of this mode.
    pub(super) fn name(&self, what: &str) -> String {
        format!("{}.{what}", self.mode.as_str())
    }

    pub(super) fn enforces(&self, what: Enforced) -> bool {
        self.grant.limits.enforced.contains(&what)
    }

    fn granted(&self) -> Finding {
        let enforced = serde_json::to_value(&self.grant.limits.enforced).unwrap_or_default();
        let names: Vec<&str> = enforced.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let names = if names.is_empty() { "nothing".to_owned() } else { names.join(" ") };
        Finding::ok(self.name("grant"), format!("ends in {} s; enforced: {names}", self.grant.expires))
    }

    /// Sends `bytes` under `grant`, which may be this trial's or a changed one.
    pub(super) async fn send(&self, grant: &Grant, bytes: Bytes) -> Result<(Reply, Digests), Problem> {
        let deadline = Instant::now() + self.app.cx.settings.timeout;
        transfer::exchange(self.app.cx.vendor.client(), grant, deadline, Body::whole(bytes)).await
    }

    /// The upload as it should be; none if it failed.
    async fn upload(&self, report: &mut Report) -> Option<Reply> {
        let mut grant = self.grant.clone();
        grant.headers.push("Origin", cors::origin(self.app));
        let started = Instant::now();
        let sent = self.send(&grant, self.profile.bytes.clone().into()).await;
        let accepted =
            sent.and_then(|(reply, digests)| (self.profile.accepted)(&reply).map(|()| (reply, digests)));
        let (reply, digests) = match accepted {
            Ok(sent) => sent,
            Err(problem) => {
                report.add(self.profile.verdict(self.name("upload"), &problem));
                return None;
            }
        };
        report.left(self.grant.key.as_str());
        report.add(self.stored(&reply, &digests, started.elapsed().as_millis()));
        Some(reply)
    }

    /// The store's answer against what was sent.
    fn stored(&self, reply: &Reply, digests: &Digests, ms: u128) -> Finding {
        let took = format!("HTTP {} in {ms} ms", reply.status);
        if !F::SPEC.collect.contains(&"etag") {
            return Finding::ok(self.name("upload"), took);
        }
        let crc64 = transfer::crc64_of(reply);
        let etag = reply.header("etag").map(|etag| etag.trim_matches('"').to_ascii_lowercase());
        match (crc64, etag) {
            (Some(crc64), _) if crc64 != digests.crc64 => Finding::fail(
                self.name("upload"),
                "crc64_differs",
                format!("{took}; the CRC-64 is another than what was sent has"),
                "something on the way changes the bytes: a proxy, perhaps",
            ),
            (_, None) => Finding::warn(
                self.name("upload"),
                "no_etag",
                format!("{took}; no ETag"),
                "receipts will lack the ETag: use relay",
            ),
            (crc64, Some(etag)) => {
                let crc64 = if crc64.is_some() { "CRC-64 agrees" } else { "no CRC-64" };
                let etag = if etag == digests.md5 { "ETag is the MD5" } else { "ETag is not the MD5" };
                Finding::ok(self.name("upload"), format!("{took}; {crc64}, {etag}"))
            }
        }
    }

    /// Whether the object's URL can be read without a signature.
    async fn read_back(&self, report: &mut Report) {
        let Some(object) = &self.grant.object else { return };
        let get = async {
            let response = self.app.cx.vendor.client().get(&object.location).send().await.ok()?;
            let status = response.status().as_u16();
            Some((status, read_body(response, transfer::MAX_REPLY).await.ok()?))
        };
        let name = self.name("read-back");
        report.add(match timeout(self.app.cx.settings.timeout, get).await.ok().flatten() {
            Some((200, body)) if body == self.profile.bytes => {
                Finding::ok(name, "the URL is public, and gives the same bytes")
            }
            Some((200, _)) => Finding::fail(
                name,
                "other_bytes",
                "the URL gives other bytes than were sent",
                "something on the way changes the bytes: a proxy, perhaps",
            ),
            Some((status, _)) if self.profile.fetched => Finding::warn(
                name,
                "private",
                format!("HTTP {status}: the URL is not public, and the vendor's next call fetches it"),
                "if that call cannot download the file, ask the vendor's support how its bucket is read",
            ),
            Some((status, _)) => {
                Finding::info(name, "private", format!("HTTP {status}: the URL is not public"))
            }
            None => Finding::info(name, "unclear", "no answer"),
        });
    }
}
