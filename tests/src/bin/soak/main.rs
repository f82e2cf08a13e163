//! `soak [MINUTES]`: mixed good, bad and faulty traffic against the functions, each in a process of its own.
//!
//! First come hostile inputs, whose memory must fit into what each shipped manifest gives. It fails on that, on a panic, on a 500 `internal`, on an accepted upload that is not there byte for byte, and on a
//! function whose memory grows.

#![allow(clippy::print_stdout, reason = "the figures are this program's output")]

mod functions;
mod memory;
mod traffic;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use upload_grant_tests::{FLOWS, sandbox};

use crate::functions::Function;
use crate::traffic::{Random, Tally, fault, visit};

/// Callers at the same time.
const CALLERS: u64 = 12;

#[tokio::main]
async fn main() -> ExitCode {
    let minutes: f64 = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(10.0);
    let sandbox = sandbox().await;
    let mut good = memory::fits(&sandbox).await;
    let end = Instant::now() + Duration::from_secs_f64(minutes * 60.0);
    let mut functions = Vec::new();
    for flow in FLOWS {
        functions.push(Function::start(flow.name, &sandbox, &[]).await);
    }
    let functions = Arc::new(functions);
    let tally = Arc::new(Tally::default());
    let callers: Vec<_> = (1..=CALLERS)
        .map(|seed| {
            let (functions, sandbox, tally) = (functions.clone(), sandbox.clone(), tally.clone());
            tokio::spawn(async move {
                let mut random = Random::new(seed);
                while Instant::now() < end {
                    let function = &functions[random.below(functions.len())];
                    visit(function, &sandbox, &mut random, &tally).await;
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            })
        })
        .collect();
    let mut random = Random::new(99);
    let started = Instant::now();
    let mut shown = 0;
    while Instant::now() < end {
        fault(&sandbox, &mut random);
        tokio::time::sleep(Duration::from_millis(250)).await;
        functions.iter().for_each(Function::measure);
        let minute = started.elapsed().as_secs() / 60;
        if minute > shown {
            shown = minute;
            println!("after {minute} min: {tally}");
        }
    }
    for caller in callers {
        if caller.await.is_err() {
            tally.wrong("a caller gave up".to_owned());
        }
    }
    println!("{tally}");
    good &= tally.is_good();
    for function in functions.iter() {
        good &= function.report();
    }
    println!("{}", if good { "soak: good" } else { "soak: FAILED" });
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
