//! What a grant does not permit, tried: the receiver must refuse it where we say that it does.

use bytes::Bytes;

use super::probe::Trial;
use super::report::{Finding, Report};
use crate::flow::Flow;
use crate::transfer::{self, Digests};
use crate::vendor::Reply;
use upload_grant::model::grant::{Enforced, Grant};
use upload_grant::model::problem::Problem;
use upload_grant::model::request::Mode;

/// Nobody sends more than this only to see it refused.
const MOST: u64 = 64 << 20;
const OTHER_TYPE: &str = "application/x-upload-grant-probe";

/// Tries size, type and key before the upload as it should be.
pub(super) async fn before<F: Flow>(trial: &Trial<'_, F>, report: &mut Report) {
    let bytes = Bytes::from(trial.profile.bytes.clone());
    if trial.enforces(Enforced::Size) && trial.grant.limits.max_bytes <= MOST {
        let mut larger = trial.profile.bytes.clone();
        larger.resize(usize::try_from(trial.grant.limits.max_bytes).unwrap_or_default() + 1, b'.');
        let outcome = trial.send(&trial.grant, larger.into()).await;
        report.add(verdict(trial, "size", "one byte more", &outcome));
        note(&trial.grant, outcome, report);
    }
    if trial.enforces(Enforced::Type) || trial.mode == Mode::Put {
        let other = of_other_type(&trial.grant);
        let outcome = trial.send(&other, bytes.clone()).await;
        report.add(verdict(trial, "type", "another content type", &outcome));
        note(&other, outcome, report);
    }
    if trial.enforces(Enforced::Key) {
        let other = of_other_key(&trial.grant);
        let outcome = trial.send(&other, bytes).await;
        report.add(verdict(trial, "key", "another key", &outcome));
        note(&other, outcome, report);
    }
}

/// Tries the same upload again.
pub(super) async fn overwrite<F: Flow>(trial: &Trial<'_, F>, report: &mut Report) {
    if !trial.enforces(Enforced::NoOverwrite) {
        return;
    }
    let outcome = trial.send(&trial.grant, trial.profile.bytes.clone().into()).await;
    let versioned = |(reply, _): &(Reply, Digests)| {
        let version =
            ["x-oss-version-id", "x-cos-version-id"].iter().any(|name| reply.header(name).is_some());
        reply.is_success() && version
    };
    report.add(if outcome.as_ref().is_ok_and(versioned) {
        Finding::warn(
            trial.name("overwrite"),
            "versioned",
            "accepted: the bucket keeps versions, and ignores no-overwrite",
            "until it ends, a grant can be used again: keep GRANT_TTL_SECONDS short",
        )
    } else {
        verdict(trial, "overwrite", "the same again", &outcome)
    });
}

/// Whether it was refused, and whether it had to be.
fn verdict<F: Flow>(
    trial: &Trial<'_, F>,
    what: &str,
    tried: &str,
    outcome: &Result<(Reply, Digests), Problem>,
) -> Finding {
    let name = trial.name(what);
    let promised = what != "type" || trial.enforces(Enforced::Type);
    match outcome {
        Ok((reply, _)) if (400..500).contains(&reply.status) => {
            let refused = transfer::refused(reply, reply.xml("Code").as_deref());
            let code = refused.vendor.and_then(|vendor| vendor.code).unwrap_or_default();
            let seen = format!("{tried}: refused (HTTP {} {code})", reply.status);
            if promised { Finding::ok(name, seen) } else { Finding::info(name, "bound", seen) }
        }
        Ok((reply, _)) if reply.is_success() && promised => Finding::fail(
            name,
            "not_refused",
            format!("{tried}: accepted (HTTP {})", reply.status),
            "do not rely on this limit, whatever `enforced` says; and report it",
        ),
        Ok((reply, _)) if reply.is_success() => {
            Finding::info(name, "not_bound", format!("{tried}: accepted (HTTP {})", reply.status))
        }
        Ok((reply, _)) => {
            Finding::warn(name, "unclear", format!("{tried}: HTTP {}", reply.status), "run the doctor again")
        }
        Err(problem) => {
            Finding::warn(name, "unclear", format!("{tried}: {}", problem.detail), "run the doctor again")
        }
    }
}

/// What should not be there is in the report too.
fn note(grant: &Grant, outcome: Result<(Reply, Digests), Problem>, report: &mut Report) {
    if outcome.is_ok_and(|(reply, _)| reply.is_success()) {
        report.left(grant.key.as_str());
    }
}

fn of_other_type(grant: &Grant) -> Grant {
    let mut other = grant.clone();
    let fields = other.fields.iter_mut().flat_map(|fields| &mut fields.0);
    let field = fields.filter(|(name, _)| name == "x-oss-content-type");
    let header = other.headers.0.iter_mut().filter(|(name, _)| name == "Content-Type");
    for (_, value) in field.chain(header) {
        OTHER_TYPE.clone_into(value);
    }
    other
}

fn of_other_key(grant: &Grant) -> Grant {
    let mut other = grant.clone();
    other.key.push_str(".other");
    if let Some(fields) = &mut other.fields {
        fields
            .0
            .iter_mut()
            .filter(|(name, _)| name == "key")
            .for_each(|(_, value)| value.clone_from(&other.key));
    } else if let Some((address, query)) = grant.url.split_once('?') {
        other.url = format!("{address}.other?{query}");
    }
    other
}
