//! `allocations`: heap allocations of one signature each, as JSON. A program of its own, because the counting
//! allocator would slow what the other one times.

use std::collections::BTreeMap;

use allocation_counter::measure;
use upload_grant_bench::signing::{ours, peers};

fn main() {
    let operations = ours::all().into_iter().map(|[ours, _]| ours).chain(peers::all());
    let counts: BTreeMap<&str, u64> = operations
        .map(|mut operation| {
            // Whatever is made once is made now.
            (operation.run)();
            (
                operation.name,
                measure(|| {
                    (operation.run)();
                })
                .count_total,
            )
        })
        .collect();
    println!("{}", serde_json::to_string(&counts).expect("JSON"));
}
