//! What a warm grant costs in instructions and allocations, by valgrind: the same on a busy machine as on a quiet one.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::lambda::{BODY, PUT_BODY, grant_file};
use crate::report::{Kind, Row, Target, Unit};
use crate::rounds::Figure;
use crate::runtime_api::RuntimeApi;
use crate::start::EVENT;
use crate::world::World;

const GROUP: &str = "counted";
/// Events before the count begins, and within it.
const WARM: usize = 20;
const EVENTS: usize = 100;

pub fn rows(world: &World) -> Vec<Row> {
    let valgrind = Command::new("valgrind").arg("--version").stdout(Stdio::null()).status();
    if !valgrind.is_ok_and(|status| status.success()) {
        eprintln!("valgrind is missing: instructions are not counted");
        return Vec::new();
    }
    let settings = world.settings("alibaba-chatapp", &[("GRANT_AUTH", "gateway")]);
    let ours = world.release("alibaba-chatapp");
    let files: Vec<String> = (0..20).map(|at| format!(r#"{{"filename":"{at}.pdf","size":5}}"#)).collect();
    let batch = base64(&format!(r#"{{"files":[{}]}}"#, files.join(",")));
    let one = base64(&files[0]);
    let count = |tool, program: &Path, arguments: &[&str], event: &str| {
        Tool::count(tool, program, arguments, &settings, event)
    };
    let (instructions, answer) = count(Tool::Instructions, &ours, &[], EVENT);
    let file = grant_file(world, &answer);
    let fair = world.release("fair");
    let row = |what: &str, ours: f64, fair: f64, target: Option<f64>| {
        let row = Row::new(GROUP, what, Unit::Count, exact(ours));
        let row = target.into_iter().fold(row, |row, most| row.target(Target::AtMost(most)));
        row.note(format!("the fair baseline, with the same event, answer and lines: {fair:.0}"))
    };
    let allocations =
        |program: &Path, arguments: &[&str]| count(Tool::Allocations, program, arguments, EVENT).0;
    let event = |body: &str| EVENT.replace(BODY, body);
    let twenty = 20.0 * count(Tool::Instructions, &ours, &[], &event(&one)).0;
    let at_once = count(Tool::Instructions, &ours, &[], &event(&batch)).0;
    vec![
        row(
            "instructions of a warm grant, form",
            instructions,
            count(Tool::Instructions, &fair, &[&file], EVENT).0,
            Some(480_000.0),
        ),
        row(
            "allocations of a warm grant, form",
            allocations(&ours, &[]),
            allocations(&fair, &[&file]),
            Some(320.0),
        ),
        Row::new(
            GROUP,
            "instructions of a warm grant, put",
            Unit::Count,
            exact(count(Tool::Instructions, &ours, &[], &event(PUT_BODY)).0),
        )
        .target(Target::AtMost(480_000.0)),
        Row::new(GROUP, "instructions of 20 grants in one request", Unit::Count, exact(at_once))
            .against("20 requests", exact(twenty), Kind::Times, at_once / twenty)
            .target(Target::AtMost(0.5)),
    ]
}

fn exact(count: f64) -> Figure {
    Figure { median: count, p5: count }
}

fn base64(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(text)
}

#[derive(Clone, Copy)]
enum Tool {
    Instructions,
    Allocations,
}

impl Tool {
    /// So many for each event, and the last answer.
    fn count(
        self,
        program: &Path,
        arguments: &[&str],
        settings: &[(String, String)],
        event: &str,
    ) -> (f64, String) {
        let (fewer, _) = self.run(program, arguments, settings, event, WARM);
        let (more, answer) = self.run(program, arguments, settings, event, WARM + EVENTS);
        ((more - fewer) / EVENTS as f64, answer)
    }

    fn run(
        self,
        program: &Path,
        arguments: &[&str],
        settings: &[(String, String)],
        event: &str,
        events: usize,
    ) -> (f64, String) {
        let api = RuntimeApi::start();
        let (tool, told) = match self {
            Self::Instructions => (&["--tool=callgrind", "--callgrind-out-file=/dev/null"], "Collected : "),
            Self::Allocations => (&["--tool=memcheck", "--leak-check=no"], "total heap usage: "),
        };
        let mut command = Command::new("valgrind");
        command.args(tool).arg(program).args(arguments).envs(api.vars()).envs(settings.iter().cloned());
        let child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("valgrind");
        api.polled();
        api.trips(event, events);
        // Valgrind tells what it counted when the program is told to stop.
        let _ = Command::new("kill").arg(child.id().to_string()).status();
        let output = child.wait_with_output().expect("its end");
        let said = String::from_utf8_lossy(&output.stderr);
        let number = said.split_once(told).and_then(|(_, rest)| rest.split_whitespace().next());
        let number = number.map(|number| number.replace(',', "")).and_then(|number| number.parse().ok());
        (number.unwrap_or_else(|| panic!("valgrind counted nothing: {said}")), api.answer())
    }
}
