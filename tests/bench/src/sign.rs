//! Signing: against the hash floor, and against the crates that do the same.

use std::collections::BTreeMap;
use std::process::Command;

use upload_grant_bench::signing::{ours, peers, token};

use crate::report::{Kind, Row, Target, Unit};
use crate::rounds::{Batch, Figure, interleaved, ratio};
use crate::world::World;

const GROUP: &str = "signing";

pub fn rows(world: &World) -> Vec<Row> {
    same_url();
    let pairs = ours::all();
    let floors = pairs.len();
    let mut batches: Vec<Batch> = pairs.into_iter().flatten().chain(peers::all()).map(Batch::of).collect();
    let samples = interleaved(&mut batches, world.rounds(400, 60));
    let name = |at: usize| batches[at].operation.name;
    let mut rows = Vec::new();
    for pair in 0..floors {
        let (ours, floor) = (2 * pair, 2 * pair + 1);
        let row = Row::new(GROUP, name(ours), Unit::Nanoseconds, Figure::of(&samples[ours])).against(
            "its hashing alone",
            Figure::of(&samples[floor]),
            Kind::Times,
            ratio(&samples[ours], &samples[floor]),
        );
        rows.push(match name(ours) {
            "OSS V4 presigned PUT" => row.target(Target::AtMost(1.4)),
            "ACS3 Authorization" => row.target(Target::AtMost(1.5)),
            "TC3 Authorization" => row.target(Target::AtMost(1.6)),
            _ => row,
        });
    }
    for peer in 2 * floors..batches.len() {
        rows.push(
            Row::new(GROUP, name(0), Unit::Nanoseconds, Figure::of(&samples[0]))
                .against(
                    name(peer),
                    Figure::of(&samples[peer]),
                    Kind::Faster,
                    ratio(&samples[peer], &samples[0]),
                )
                .target(Target::AtLeast(4.0)),
        );
    }
    rows.extend(allocations(world));
    rows
}

/// Heap allocations, which do not depend on the machine.
fn allocations(world: &World) -> Vec<Row> {
    let program = world.beside("allocations");
    let output =
        Command::new(&program).output().unwrap_or_else(|error| panic!("{}: {error}", program.display()));
    let counts: BTreeMap<String, f64> = serde_json::from_slice(&output.stdout).expect("counts");
    let theirs: Vec<String> = counts
        .iter()
        .filter(|(name, _)| name.contains("reqsign") || name.contains("(S3)"))
        .map(|(name, count)| format!("{name}: {count}"))
        .collect();
    let signatures = ["OSS V4 presigned PUT", "TC3 Authorization", "ACS3 Authorization", "COS presigned PUT"];
    let exact = |count: f64| Figure { median: count, p5: count };
    signatures
        .into_iter()
        .map(|name| {
            let row = Row::new(GROUP, format!("{name}: allocations"), Unit::Count, exact(counts[name]));
            let row = row.target(Target::AtMost(2.0));
            if name.starts_with("OSS") { row.note(theirs.join(", ")) } else { row }
        })
        .collect()
}

/// Ours and reqsign's are the same request: their URLs are equal, signature and all.
fn same_url() {
    let mut encoded_token = String::new();
    upload_grant::wire::encode::percent(&mut encoded_token, &token());
    let mut reqsign = peers::reqsign();
    let parameters = |url: &str| {
        let url = url::Url::parse(url).expect("a URL");
        let mut pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
        pairs.sort();
        (url.path().to_owned(), pairs)
    };
    // reqsign reads the clock itself: a second may end between the two.
    let equal = (0..3).any(|_| {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a clock");
        let at = upload_grant::wire::time::Timestamp::from_unix(now.as_secs() as i64);
        parameters(&ours::url(at, &encoded_token)) == parameters(&reqsign())
    });
    assert!(equal, "reqsign does not sign the same request");
}
