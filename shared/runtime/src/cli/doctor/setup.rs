//! What can be said before anything is sent to a vendor: settings, keys, callers, the store.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::report::{Finding, Report, seen};
use crate::app::App;
use crate::auth::{Auth, JwtKeys};
use crate::flow::Flow;
use crate::platform::runtime::{Runtime, listen};
use crate::platform::telemetry;
use crate::platform::{Env, new_id};
use upload_grant::model::request::Mode;

/// The configured function; none, with every fault reported, where it could serve nobody.
pub(super) fn configuration<F: Flow>(env: &mut Env, report: &mut Report) -> Option<Arc<App<F>>> {
    telemetry::filter(env);
    listen(env);
    let app = App::<F>::new(env);
    for fault in env.faults() {
        let seen = format!("{} {}", fault.name, fault.reason);
        let advice = format!("correct {} (shared/docs/configuration.md, and the flow's README)", fault.name);
        report.add(Finding::fail("configuration", "config_missing", seen, advice));
    }
    match app {
        Err(problem) => {
            let advice = "report it: no setting explains this";
            report.add(Finding::fail("configuration", problem.code.as_str(), seen(&problem), advice));
            None
        }
        Ok(app) => env.faults().is_empty().then_some(app),
    }
}

pub(super) async fn check<F: Flow>(app: &Arc<App<F>>, env: &mut Env, report: &mut Report) {
    report.add(Finding::ok("configuration", "complete and well-formed"));
    let (runtime, address) = (Runtime::of(env), listen(env));
    report.add(match runtime {
        Runtime::Lambda => Finding::info("runtime", "lambda", "AWS Lambda"),
        Runtime::Http => Finding::info("runtime", "http", format!("HTTP at {address}")),
        Runtime::Poll => Finding::info("runtime", "poll", "a polling runtime API (SCF, FunctionGraph)"),
    });
    keys(app, report);
    callers(app, report).await;
    policy(app, report);
    secret(app, report);
    store(app, runtime, report).await;
    let origins = app.cx.settings.cors_origins.len();
    report.add(if origins == 0 {
        Finding::info(
            "cors.origins",
            "none",
            "GRANT_CORS_ORIGINS is not set: no browser may call this function",
        )
    } else {
        Finding::ok("cors.origins", format!("{origins} may call from a browser"))
    });
    let quota = match (app.cx.settings.vendor_rps, F::SPEC.quota) {
        (Some(rps), _) => format!("at most {rps} vendor calls a second (GRANT_VENDOR_RPS)"),
        (None, Some(rps)) => format!("at most {rps} vendor calls a second (documented)"),
        (None, None) => "no limit on vendor calls: none is documented".to_owned(),
    };
    report.add(Finding::info("quota", "budget", quota));
}

fn keys<F: Flow>(app: &App<F>, report: &mut Report) {
    let Some(ring) = app.flow.keys() else { return };
    let Some(names) = ring.names() else { return };
    let kind = if ring.get().token.is_some() { "temporary, with a token" } else { "long-term" };
    report.add(Finding::ok("keys", format!("from {}, {kind}", names.id)));
}

async fn callers<F: Flow>(app: &App<F>, report: &mut Report) {
    let published = match &app.callers {
        Some(callers) => callers.published_keys().await,
        None => None,
    };
    report.add(match (&app.auth, published) {
        (_, Some(Ok(0) | Err(_))) => {
            let seen = published.and_then(Result::err).unwrap_or("no key in it can be used");
            Finding::fail(
                "callers",
                "jwks_unreadable",
                format!("the key set of the identity provider: {seen}"),
                "check GRANT_JWT_JWKS_URL, and what outgoing traffic is allowed",
            )
        }
        (_, Some(Ok(keys))) => Finding::ok("callers", format!("jwt, {keys} published keys read")),
        (Some(Auth::Jwt(jwt)), None) if matches!(jwt.keys, JwtKeys::Secret(_)) => {
            Finding::ok("callers", "jwt, by GRANT_JWT_SECRET")
        }
        (Some(Auth::ApiKey(keys)), _) => Finding::ok("callers", format!("api-key, {} keys", keys.len())),
        (Some(Auth::None { .. }), _) => Finding::warn(
            "callers",
            "open",
            "none: whoever reaches this function may ask",
            "set GRANT_AUTH to jwt, api-key or gateway before it is reachable",
        ),
        _ => Finding::ok("callers", "gateway: the platform's authorizer checks"),
    });
}

fn policy<F: Flow>(app: &App<F>, report: &mut Report) {
    let Some(policy) = &app.policy else { return };
    let others: Vec<&str> = policy.others(F::SPEC.params).into_iter().collect();
    report.add(if others.is_empty() {
        Finding::ok("policy", "GRANT_POLICY names parameters of this function only")
    } else {
        let seen = format!("GRANT_POLICY has {}: no parameters of this function", others.join(", "));
        Finding::warn(
            "policy",
            "others",
            seen,
            "check the spelling, unless another function shares the policy",
        )
    });
}

fn secret<F: Flow>(app: &App<F>, report: &mut Report) {
    let advice = "set GRANT_SECRET: at least 32 random bytes, the same for every instance";
    report.add(match app.cx.settings.secrets.len() {
        0 if app.flow.modes() == [Mode::Relay] => Finding::fail(
            "secret",
            "missing",
            "GRANT_SECRET is not set, and this flow has nothing but relay",
            advice,
        ),
        0 => Finding::warn("secret", "missing", "GRANT_SECRET is not set: no relay, no `complete`", advice),
        1 => Finding::ok("secret", "GRANT_SECRET seals tickets and tokens"),
        many => Finding::ok("secret", format!("GRANT_SECRET: the first of {many} seals, all open")),
    });
}

/// One claim made and given back.
async fn store<F: Flow>(app: &App<F>, runtime: Runtime, report: &mut Report) {
    let Some(shared) = app.store.shared() else {
        report.add(if runtime == Runtime::Http {
            Finding::info("store", "memory", "memory: good for one instance")
        } else {
            Finding::warn(
                "store",
                "memory",
                "memory, on a runtime of many instances: each has its own tickets, jobs and quota",
                "set GRANT_STORE=redis://…, rediss://… or dynamodb://TABLE",
            )
        });
        return;
    };
    let (name, owner, started) = (format!("doctor:{}", new_id()), new_id(), Instant::now());
    let tried = async {
        app.store.claim(&name, &owner, Duration::from_secs(10)).await?;
        app.store.release(&name, &owner).await
    };
    report.add(match tried.await {
        Ok(()) => {
            let (name, ms) = (shared.name(), started.elapsed().as_millis());
            Finding::ok("store", format!("{name} takes and gives back, in {ms} ms"))
        }
        Err(problem) => Finding::fail(
            "store",
            "unreachable",
            format!("{}: {}", problem.detail, shared.fault().unwrap_or_default()),
            "check GRANT_STORE: address, password and TLS, or table, region and role; and what outgoing traffic is allowed",
        ),
    });
}
