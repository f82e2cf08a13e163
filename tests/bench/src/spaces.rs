//! Many customers' spaces by turns: what the cache of credentials saves.

use upload_grant_sandbox::Service;

use crate::load::Subject;
use crate::process::{Process, free_port};
use crate::report::{Row, Target, Unit};
use crate::rounds::Figure;
use crate::world::World;

const SPACES: usize = 5_000;
const PASSES: usize = 3;

pub fn rows(world: &World) -> Vec<Row> {
    let port = free_port();
    let listen = format!("127.0.0.1:{port}");
    let settings = world.settings(
        "alibaba-chatapp",
        &[
            ("GRANT_AUTH", "none"),
            ("GRANT_LISTEN", &listen),
            ("GRANT_POLICY", r#"{"groups":[{"params":{"cust_space_id":{"caller":true}}}]}"#),
            ("GRANT_VENDOR_RPS", "10000"),
        ],
    );
    let process = Process::start(&world.release("alibaba-chatapp"), &[], &settings).listening(port);
    let body =
        |space| format!(r#"{{"filename":"a.pdf","size":5,"params":{{"cust_space_id":"space-{space:04}"}}}}"#);
    let before = world.sandbox.calls(Service::Cams);
    let mut subject = Subject::new(process, port, "");
    let load = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    load.block_on(subject.each((0..PASSES).flat_map(|_| (0..SPACES).map(body))));
    let calls = (world.sandbox.calls(Service::Cams) - before) as f64;
    vec![
        Row::new(
            "cache",
            format!("{SPACES} spaces by turns, {PASSES} times: vendor calls"),
            Unit::Count,
            Figure { median: calls, p5: calls },
        )
        .target(Target::AtMost(SPACES as f64))
        .note(format!(
            "of {} grants; resident memory afterwards {}",
            SPACES * PASSES,
            subject.resident()
        )),
    ]
}
