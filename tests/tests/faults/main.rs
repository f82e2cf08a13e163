//! The fault matrix: every row of `replies/faults.json` is one thing that a vendor or a store can do wrong, with
//! the answer that the contract documents for it. Over the whole of it, nothing secret may show.

#![allow(clippy::print_stdout, reason = "a test reports by printing and panicking")]

mod lane;
mod process;
mod row;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use upload_grant::model::problem::Code;
use upload_grant_tests::leaks::{self, Searched};
use upload_grant_tests::sandbox;

use crate::lane::{LANES, Lane};
use crate::row::Row;

/// Rows that run at the same time; most of them wait.
const AT_ONCE: usize = 16;

fn rows() -> Vec<Row> {
    serde_json::from_str(include_str!("../../replies/faults.json")).expect("a table of faults")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_fault_has_its_documented_answer_and_leaks_nothing() {
    let started = Instant::now();
    let rows = Arc::new(rows());
    let next = Arc::new(AtomicUsize::new(0));
    let workers: Vec<_> = (0..AT_ONCE)
        .map(|_| {
            let (rows, next) = (rows.clone(), next.clone());
            tokio::spawn(async move {
                let sandbox = sandbox().await;
                let (mut wrong, mut searched) = (Vec::new(), Searched::default());
                while let Some(row) = rows.get(next.fetch_add(1, Ordering::Relaxed)) {
                    sandbox.reset();
                    let outcome = row.run(&sandbox).await;
                    searched.add(&outcome.searched);
                    wrong.extend(
                        outcome.wrong.into_iter().map(|what| format!("{} / {}: {what}", row.lane, row.name)),
                    );
                }
                (wrong, searched)
            })
        })
        .collect();
    let (mut wrong, mut searched) = (Vec::new(), Searched::default());
    for worker in workers {
        let (more, count) = worker.await.expect("a worker");
        wrong.extend(more);
        searched.add(&count);
    }
    println!("faults: {} rows over {} lanes in {:.0?}", rows.len(), LANES.len(), started.elapsed());
    println!(
        "leaks: {} secrets in {} encodings over {} places: {} searches",
        searched.secrets, searched.patterns, searched.places, searched.searches
    );
    assert!(searched.searches > rows.len(), "the search did not run");
    assert!(wrong.is_empty(), "{} of {} rows are wrong:\n{}", wrong.len(), rows.len(), wrong.join("\n"));
}

#[test]
fn the_table_is_whole() {
    let rows = rows();
    let mut per_lane: BTreeMap<&str, usize> = BTreeMap::new();
    for row in &rows {
        *per_lane.entry(Lane::of(&row.lane).name).or_default() += 1;
        assert!(row.code == "ok" || Code::ALL.iter().any(|code| code.as_str() == row.code), "{}", row.code);
    }
    println!("{per_lane:?}");
    assert_eq!(per_lane.len(), LANES.len());
    // Every code that blames a vendor or a store is somebody's answer.
    for code in Code::ALL.map(Code::as_str) {
        if code.starts_with("vendor_") || code == "upload_failed" {
            assert!(rows.iter().any(|row| row.code == code), "{code}");
        }
    }
}

#[test]
fn the_debug_of_settings_and_keys_shows_no_secret() {
    use upload_grant::wire::secret::Secret;
    use upload_grant_runtime::platform::{Env, KeyRing, Settings};
    use upload_grant_runtime::vendor::alibaba;
    const VALUE: &str = "a secret/of+this=test that is long enough";
    let auth = [("GRANT_AUTH", "jwt"), ("GRANT_JWT_ISSUER", "i"), ("GRANT_JWT_AUDIENCE", "a")];
    let secrets = [
        "GRANT_SECRET",
        "GRANT_JWT_SECRET",
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET",
        "ALIBABA_CLOUD_SECURITY_TOKEN",
    ];
    let vars = auth
        .into_iter()
        .chain(secrets.map(|name| (name, VALUE)))
        .chain([("ALIBABA_CLOUD_ACCESS_KEY_ID", "id")]);
    let mut env = Env::new(vars.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let settings = Settings::from_env(&mut env);
    let auth_settings = upload_grant_runtime::auth::auth(&mut env);
    let keys: KeyRing = alibaba::keys(&mut env);
    assert_eq!(keys.get().secret.expose(), VALUE);
    assert!(!settings.secrets.is_empty() && auth_settings.is_some(), "{:?}", env.faults());
    let shown = format!(
        "{settings:?}{settings:#?}{auth_settings:?}{auth_settings:#?}{keys:?}{:?}{:?}{:?}",
        keys.get(),
        Secret::from(VALUE),
        env.faults()
    );
    let (found, searched) =
        leaks::search(&std::collections::BTreeSet::from([VALUE.to_owned()]), &[("Debug", &shown)]);
    println!("Debug: {} searches", searched.searches);
    assert!(found.is_empty(), "{found:?}");
}
