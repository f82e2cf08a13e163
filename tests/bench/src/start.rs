//! Cold starts, and what a function weighs.

use upload_grant_sandbox::Service;

use crate::process::Process;
use crate::report::{Kind, Row, Target, Unit};
use crate::rounds::{Figure, ratio};
use crate::runtime_api::RuntimeApi;
use crate::world::{Tls, World, bundle, flows, mib, on_one_processor};

const GROUP: &str = "cold start";
/// A Function URL event that asks alibaba-chatapp for a grant.
pub const EVENT: &str = include_str!("../../events/function-url.json");

pub fn rows(world: &World) -> Vec<Row> {
    let mut rows = on_one_processor(|| first_poll(world));
    rows.push(on_one_processor(|| with_a_bundle(world)));
    rows.extend(first_grant(world));
    rows.push(largest("largest of the zips", 2.4, |flow| zipped(&world.release(flow))));
    rows.push(largest("largest of the binaries, stripped", 5.6, |flow| mib(&world.release(flow))));
    rows
}

fn largest(what: &str, target: f64, size: impl Fn(&str) -> f64) -> Row {
    let sizes: Vec<f64> = flows().iter().map(|flow| size(flow)).collect();
    let each: Vec<String> =
        flows().iter().zip(&sizes).map(|(flow, size)| format!("{flow} {size:.2}")).collect();
    let largest = sizes.into_iter().fold(0.0, f64::max);
    Row::new(GROUP, what, Unit::Mib, Figure { median: largest, p5: largest })
        .target(Target::AtMost(target))
        .note(each.join(", "))
}

/// Mebibytes of a program, deflated as zips are.
fn zipped(program: &std::path::Path) -> f64 {
    let mut program = std::fs::File::open(program).expect("a program");
    let mut zip = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
    std::io::copy(&mut program, &mut zip).expect("a program");
    zip.finish().expect("a zip").len() as f64 / 1_048_576.0
}

/// Milliseconds from exec to the first `/next`.
fn until_polled(world: &World, name: &str, extra: &[(&str, &str)]) -> f64 {
    let api = RuntimeApi::start();
    let mut vars = api.vars();
    if name != "hello" {
        vars.extend(world.settings(name, &[&[("GRANT_AUTH", "gateway")], extra].concat()));
    }
    let process = Process::start(&world.release(name), &[], &vars);
    (api.polled() - process.started).as_secs_f64() * 1e3
}

fn first_poll(world: &World) -> Vec<Row> {
    let rounds = world.rounds(60, 10);
    let mut hello = Vec::new();
    let flows = flows();
    let mut ours = vec![Vec::new(); flows.len()];
    for _ in 0..rounds {
        hello.push(until_polled(world, "hello", &[]));
        for (flow, samples) in flows.iter().zip(&mut ours) {
            samples.push(until_polled(world, flow, &[]));
        }
    }
    let row = |(flow, samples): (&&'static str, &Vec<f64>)| {
        Row::new(GROUP, format!("exec to first /next, {flow}"), Unit::Milliseconds, Figure::of(samples))
            .against("bare lambda_runtime", Figure::of(&hello), Kind::Times, ratio(samples, &hello))
            .target(Target::AtMost(1.0))
    };
    flows.iter().zip(&ours).map(row).collect()
}

/// What a bundle of as many certificates as a distribution has costs before there is a call.
fn with_a_bundle(world: &World) -> Row {
    let bundle = bundle(world, 144).display().to_string();
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for _ in 0..world.rounds(60, 20) {
        without.push(until_polled(world, "alibaba-chatapp", &[]));
        with.push(until_polled(world, "alibaba-chatapp", &[("SSL_CERT_FILE", &bundle)]));
    }
    Row::new(
        GROUP,
        "exec to first /next with SSL_CERT_FILE of 144 certificates",
        Unit::Milliseconds,
        Figure::of(&with),
    )
    .against("without", Figure::of(&without), Kind::Times, ratio(&with, &without))
    .target(Target::AtMost(1.05))
}

/// Processor time and memory at the first grant, whose vendor call goes over TLS.
fn first_grant(world: &World) -> Vec<Row> {
    let tls = Tls::before(world, &world.sandbox.url(Service::Cams));
    let endpoint = format!("https://localhost:{}", tls.port);
    let authority = tls.authority.display().to_string();
    let extra = [("GRANT_AUTH", "gateway"), ("CAMS_ENDPOINT", &*endpoint), ("SSL_CERT_FILE", &*authority)];
    let settings = world.settings("alibaba-chatapp", &extra);
    let once = |name: &str, settings: &[(String, String)]| {
        let api = RuntimeApi::start();
        let vars = [api.vars(), settings.to_vec()].concat();
        let process = Process::start(&world.release(name), &[], &vars);
        api.polled();
        api.trips(EVENT, 1);
        (process.cpu().as_secs_f64() * 1e3, process.resident(), api.answer())
    };
    let (mut cpu, mut memory) = ([Vec::new(), Vec::new()], [Vec::new(), Vec::new()]);
    for _ in 0..world.rounds(40, 8) {
        let (hello_cpu, hello_memory, _) = once("hello", &[]);
        let (our_cpu, our_memory, answer) = once("alibaba-chatapp", &settings);
        assert!(answer.contains("\"statusCode\":200"), "no grant over TLS");
        cpu[0].push(our_cpu);
        cpu[1].push(hello_cpu);
        memory[0].push(our_memory);
        memory[1].push(hello_memory);
    }
    let more: Vec<f64> = memory[0].iter().zip(&memory[1]).map(|(ours, hello)| ours - hello).collect();
    vec![
        Row::new(
            GROUP,
            "processor time from exec to the first grant over TLS",
            Unit::Milliseconds,
            Figure::of(&cpu[0]),
        )
        .target(Target::AtMost(6.0))
        .note(format!(
            "kernel and user, all threads; the bare lambda_runtime up to its first answer, without TLS: {}",
            Unit::Milliseconds.text(Figure::of(&cpu[1]).median)
        )),
        Row::new(GROUP, "resident memory after it, above the bare runtime", Unit::Mib, Figure::of(&more))
            .target(Target::AtMost(4.0))
            .note(format!(
                "{} against {}",
                Unit::Mib.text(Figure::of(&memory[0]).median),
                Unit::Mib.text(Figure::of(&memory[1]).median)
            )),
    ]
}
