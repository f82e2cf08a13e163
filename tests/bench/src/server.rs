//! The warm path through the HTTP server, under load.

use tokio::runtime::{Builder, Runtime};

use crate::load::Subject;
use crate::process::{Process, free_port};
use crate::report::{Kind, Row, Target, Unit};
use crate::rounds::{Figure, ratio};
use crate::world::{World, on, on_one_processor, processors};

const GROUP: &str = "warm, HTTP";
const CONNECTIONS: [usize; 3] = [8, 64, 512];

pub fn rows(world: &World) -> Vec<Row> {
    let mut rows: Vec<Row> = ["form", "put"].into_iter().flat_map(|mode| of_mode(world, mode)).collect();
    if processors() > 1 {
        rows.extend(two_processors(world));
    }
    rows
}

fn body(mode: &str) -> String {
    format!(r#"{{"filename":"report.png","content_type":"image/png","size":7858,"mode":"{mode}"}}"#)
}

/// The function, on the processors of this thread.
fn function(world: &World, body: &str) -> Subject {
    let port = free_port();
    let listen = format!("127.0.0.1:{port}");
    let settings = world.settings("alibaba-chatapp", &[("GRANT_AUTH", "none"), ("GRANT_LISTEN", &listen)]);
    let process = Process::start(&world.release("alibaba-chatapp"), &[], &settings).listening(port);
    Subject::new(process, port, body)
}

/// A program that answers the grant in `file`, likewise.
fn bare(world: &World, name: &str, file: &str, body: &str) -> Subject {
    let port = free_port();
    let arguments = [port.to_string(), file.to_owned()];
    Subject::new(Process::start(&world.release(name), &arguments, &[]).listening(port), port, body)
}

/// A grant of the function, as a file.
fn grant(world: &World, ours: &Subject) -> String {
    let grant = one_thread().block_on(ours.once());
    assert!(grant.starts_with(b"{\"version\":1"), "no grant");
    let file = world.file("grant.json");
    std::fs::write(&file, &grant).expect("a file");
    file.display().to_string()
}

fn one_thread() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime")
}

/// Each server on the first processor, the load on the last one.
fn of_mode(world: &World, mode: &str) -> Vec<Row> {
    let body = body(mode);
    let [mut bare, mut fair, mut ours] = on_one_processor(|| {
        let ours = function(world, &body);
        let file = grant(world, &ours);
        [bare(world, "axum-json", &file, &body), bare(world, "axum-fair", &file, &body), ours]
    });
    let load = one_thread();
    let row = |connections: usize| {
        [&mut bare, &mut fair, &mut ours].into_iter().for_each(Subject::forget);
        for _ in 0..world.rounds(12, 3) {
            for subject in [&mut bare, &mut fair, &mut ours] {
                subject.round(&load, connections);
            }
        }
        let of_bare = |subject: &Subject| ratio(&subject.per_second, &bare.per_second);
        let what = format!("cached grants, {mode}, {connections} connections");
        Row::new(GROUP, what, Unit::PerSecond, Figure::of(&ours.per_second))
            .against("bare axum, same JSON", Figure::of(&bare.per_second), Kind::Share, of_bare(&ours))
            .target(Target::AtLeast(0.65))
            .note(format!(
                "{}; against {}; the fair baseline reaches {:.2}x: {}",
                ours.seen(),
                bare.seen(),
                of_bare(&fair),
                fair.seen()
            ))
    };
    on(&(processors() - 1).to_string(), || CONNECTIONS.into_iter().map(row).collect())
}

/// The server and its load together on one processor, and on two. Where only the load moves to the second one, it
/// gains what the load costs: so much does bare axum, which has one thread.
fn two_processors(world: &World) -> Vec<Row> {
    let body = body("form");
    let (mut on_one, file) = on_one_processor(|| {
        let ours = function(world, &body);
        let file = grant(world, &ours);
        ((ours, bare(world, "axum-json", &file, &body)), file)
    });
    let mut on_two = on("0-1", || (function(world, &body), bare(world, "axum-json", &file, &body)));
    let one = one_thread();
    let two = on("0-1", || Builder::new_multi_thread().worker_threads(2).enable_all().build());
    let two = two.expect("a runtime");
    let mut rows = Vec::new();
    for connections in CONNECTIONS {
        for subject in [&mut on_one.0, &mut on_one.1, &mut on_two.0, &mut on_two.1] {
            subject.forget();
        }
        for _ in 0..world.rounds(12, 3) {
            for (one_side, two_sides) in [(&mut on_one.0, &mut on_two.0), (&mut on_one.1, &mut on_two.1)] {
                on("0", || one_side.round(&one, connections));
                on("0-1", || two_sides.round(&two, connections));
            }
        }
        let gain = |two: &Subject, one: &Subject| ratio(&two.per_second, &one.per_second);
        let what = format!("cached grants and their load on two processors, {connections} connections");
        rows.push(
            Row::new(GROUP, what, Unit::PerSecond, Figure::of(&on_two.0.per_second))
                .against("on one", Figure::of(&on_one.0.per_second), Kind::Share, gain(&on_two.0, &on_one.0))
                .target(Target::AtLeast(1.6))
                .note(format!("bare axum of one thread: {:.2}x", gain(&on_two.1, &on_one.1))),
        );
    }
    rows
}
