//! The warm path through the Lambda front door.

use crate::process::Process;
use crate::report::{Kind, Row, Target, Unit};
use crate::rounds::{Figure, quantile, ratio};
use crate::runtime_api::RuntimeApi;
use crate::start::EVENT;
use crate::world::{World, on_one_processor};

const TRIPS: usize = 100;

pub fn rows(world: &World) -> Vec<Row> {
    on_one_processor(|| measured(world))
}

fn measured(world: &World) -> Vec<Row> {
    let start = |name: &str, arguments: &[String], settings: &[(String, String)]| {
        let api = RuntimeApi::start();
        let vars = [api.vars(), settings.to_vec()].concat();
        let process = Process::start(&world.release(name), arguments, &vars);
        api.polled();
        api.trips(EVENT, TRIPS);
        (api, process)
    };
    let (hello, hello_process) = start("hello", &[], &[]);
    let settings = world.settings("alibaba-chatapp", &[("GRANT_AUTH", "gateway")]);
    let (ours, process) = start("alibaba-chatapp", &[], &settings);
    let (fair, fair_process) = start("fair", &[grant_file(world, &ours.answer())], &[]);
    let put = EVENT.replace(BODY, PUT_BODY);
    assert_ne!(put, EVENT);

    let mut samples = [Vec::new(), Vec::new(), Vec::new(), Vec::new()];
    let before = (process.cpu(), fair_process.cpu(), hello_process.cpu());
    let rounds = world.rounds(60, 10);
    for _ in 0..rounds {
        for (samples, (api, event)) in
            samples.iter_mut().zip([(&hello, EVENT), (&fair, EVENT), (&ours, EVENT), (&ours, &*put)])
        {
            let trips: Vec<f64> =
                api.trips(event, TRIPS).iter().map(|trip| trip.as_secs_f64() * 1e6).collect();
            samples.push(quantile(&trips, 0.5));
        }
    }
    let trips = (rounds * TRIPS) as f64;
    let each = |after: std::time::Duration, before: std::time::Duration, trips: f64| {
        Unit::Microseconds.text((after - before).as_secs_f64() * 1e6 / trips)
    };
    let note = format!(
        "processor time per event: {} against {}; a bare lambda_runtime {}, and {} a round trip",
        each(process.cpu(), before.0, 2.0 * trips),
        each(fair_process.cpu(), before.1, trips),
        each(hello_process.cpu(), before.2, trips),
        Unit::Microseconds.text(Figure::of(&samples[0]).median),
    );
    let [_, fair, form, put] = &samples;
    let row = |what, samples: &[f64]| {
        Row::new("warm, Lambda", what, Unit::Microseconds, Figure::of(samples))
            .against("the fair baseline", Figure::of(fair), Kind::Times, ratio(samples, fair))
            .target(Target::AtMost(1.3))
    };
    vec![
        row("round trip of a cached grant, form", form).note(note),
        row("round trip of a cached grant, put", put),
    ]
}

/// The grant in an answer to a gateway, as a file for the fair baseline.
pub fn grant_file(world: &World, answer: &str) -> String {
    let document: serde_json::Value = serde_json::from_str(answer).expect("an answer");
    assert_eq!(document["statusCode"], 200, "no grant");
    let file = world.file("grant.json");
    std::fs::write(&file, document["body"].as_str().expect("a grant")).expect("a file");
    file.display().to_string()
}

/// `{"filename":"report.pdf","content_type":"application/pdf","size":5}` as the stored event has it, and with
/// `"mode":"put"` added.
pub const BODY: &str =
    "eyJmaWxlbmFtZSI6InJlcG9ydC5wZGYiLCJjb250ZW50X3R5cGUiOiJhcHBsaWNhdGlvbi9wZGYiLCJzaXplIjo1fQ==";
pub const PUT_BODY: &str = "eyJmaWxlbmFtZSI6InJlcG9ydC5wZGYiLCJjb250ZW50X3R5cGUiOiJhcHBsaWNhdGlvbi9wZGYiLCJzaXplIjo1LCJtb2RlIjoicHV0In0=";
