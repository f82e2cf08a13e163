//! The queue path: a large file from a source into the store, against curl that downloads and then uploads it.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use serde_json::{Value, json};

use crate::process::{Process, free_port};
use crate::report::{Kind, Row, Target, Unit};
use crate::rounds::{Figure, ratio};
use crate::world::World;

const GROUP: &str = "queue";
const MIB: u64 = 1 << 20;

pub fn rows(world: &World) -> Vec<Row> {
    let mebibytes = if world.quick { 256 } else { 1024 };
    let (small, large) = (file(world, 64), file(world, mebibytes));
    let source = source();
    let (port, host) = (free_port(), source.clone());
    let listen = format!("127.0.0.1:{port}");
    let settings = world.settings(
        "alibaba-chatapp",
        &[
            ("GRANT_AUTH", "none"),
            ("GRANT_LISTEN", &listen),
            ("GRANT_EVENTS", "trusted"),
            ("GRANT_SOURCE_HOSTS", &host),
            ("GRANT_MAX_BYTES", "2147483648"),
            ("GRANT_TIMEOUT_SECONDS", "120"),
        ],
    );
    let process = Process::start(&world.release("alibaba-chatapp"), &[], &settings).listening(port);
    let function = format!("http://{listen}");

    job(&function, &source, &small, 0);
    let flat = process.peak();
    let (mut ours, mut theirs, mut upload_alone) = (Vec::new(), Vec::new(), Vec::new());
    let mut busy = [Vec::new(), Vec::new()];
    for round in 1..=world.rounds(5, 1) {
        let (started, before) = (Instant::now(), process.cpu());
        job(&function, &source, &large, round);
        ours.push(mebibytes as f64 / started.elapsed().as_secs_f64());
        busy[0].push((process.cpu() - before).as_secs_f64() * 1e3);
        let before = of_children();
        let (both, upload) = curl(&function, &source, &large, &world.file("downloaded"));
        busy[1].push(of_children() - before);
        theirs.push(mebibytes as f64 / both);
        upload_alone.push(mebibytes as f64 / upload);
    }
    let grown = process.peak() - flat;
    vec![
        Row::new(
            GROUP,
            format!("{mebibytes} MiB from a source into the store"),
            Unit::MibPerSecond,
            Figure::of(&ours),
        )
        .against("curl, download then upload", Figure::of(&theirs), Kind::Share, ratio(&ours, &theirs))
        .target(Target::AtLeast(0.8))
        .note(format!(
            "both end at the sandbox, which hashes what it stores three ways: curl's upload alone runs at {}",
            Unit::MibPerSecond.text(Figure::of(&upload_alone).median)
        )),
        Row::new(
            GROUP,
            format!("processor time for {mebibytes} MiB"),
            Unit::Milliseconds,
            Figure::of(&busy[0]),
        )
        .against("curl, download then upload", Figure::of(&busy[1]), Kind::Times, ratio(&busy[0], &busy[1]))
        .target(Target::AtMost(1.2))
        .note("ours hashes what passes two ways, and says in the receipt what it was"),
        Row::new(
            GROUP,
            format!("peak memory, {mebibytes} MiB"),
            Unit::Mib,
            Figure { median: process.peak(), p5: process.peak() },
        )
        .target(Target::AtMost(24.0))
        .note(format!("{} above that of 64 MiB", Unit::Mib.text(grown))),
    ]
}

/// Milliseconds of processor that the programs which ended had: as the kernel counts, in hundredths of a second.
fn of_children() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").expect("Linux");
    let fields = stat.rsplit(')').next().expect("fields").split_whitespace();
    let ticks: f64 = fields.skip(13).take(2).map(|ticks| ticks.parse::<f64>().expect("a number")).sum();
    ticks * 10.0
}

/// A file of so many mebibytes without zeros.
fn file(world: &World, mebibytes: u64) -> PathBuf {
    let path = world.file(&format!("{mebibytes}-mib.pdf"));
    if fs::metadata(&path).map(|file| file.len()).ok() != Some(mebibytes * MIB) {
        let mut file = File::create(&path).expect("a file");
        for index in 0..mebibytes {
            let chunk: Vec<u8> =
                (0..MIB).map(|at| (at.wrapping_mul(2_654_435_761) >> 24 ^ at ^ index) as u8).collect();
            file.write_all(&chunk).expect("space on the disk");
        }
    }
    path
}

/// A server of files on loopback: its address.
fn source() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address").to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || serve(&stream));
        }
    });
    address
}

/// Answers one GET with the file that its target names.
fn serve(mut stream: &TcpStream) -> Option<()> {
    let mut input = BufReader::new(stream);
    let mut line = String::new();
    input.read_line(&mut line).ok()?;
    let mut file = File::open(line.split(' ').nth(1)?).ok()?;
    while line.trim_end() != "" {
        line.clear();
        input.read_line(&mut line).ok()?;
    }
    let length = file.metadata().ok()?.len();
    write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n").ok()?;
    std::io::copy(&mut file, &mut stream).ok()?;
    Some(())
}

/// Has the function carry the file, and waits until it is stored.
fn job(function: &str, source: &str, file: &Path, round: usize) {
    let job = json!({
        "id": format!("{}-{round}", file.file_name().and_then(|name| name.to_str()).expect("a name")),
        "filename": "large.pdf", "size": fs::metadata(file).expect("a file").len(),
        "source": { "url": format!("http://{source}{}", file.display()) },
    });
    post(&format!("{function}/events"), &job);
}

/// Seconds of curl's download and upload, and of the upload alone.
fn curl(function: &str, source: &str, file: &Path, copy: &Path) -> (f64, f64) {
    let size = fs::metadata(file).expect("a file").len();
    let grant =
        post(&format!("{function}/grants"), &json!({ "filename": "large.pdf", "size": size, "mode": "put" }));
    let copy = copy.display().to_string();
    let started = Instant::now();
    run_curl(&["-o", &copy, &format!("http://{source}{}", file.display())]);
    let downloaded = started.elapsed().as_secs_f64();
    let headers: Vec<String> = grant["headers"]
        .as_object()
        .expect("headers")
        .iter()
        .map(|(name, value)| format!("{name}: {}", value.as_str().unwrap_or_default()))
        .collect();
    let mut arguments = vec!["-T", &*copy];
    arguments.extend(headers.iter().flat_map(|header| ["-H", header]));
    arguments.push(grant["url"].as_str().expect("a URL"));
    run_curl(&arguments);
    let both = started.elapsed().as_secs_f64();
    (both, both - downloaded)
}

fn run_curl(arguments: &[&str]) -> Vec<u8> {
    let output =
        Command::new("curl").args(["-sS", "--fail-with-body", "--noproxy", "*"]).args(arguments).output();
    let output = output.expect("curl");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "curl: {said}{}", String::from_utf8_lossy(&output.stdout));
    output.stdout
}

fn post(url: &str, body: &Value) -> Value {
    let body = body.to_string();
    let answer = run_curl(&["-H", "content-type: application/json", "-d", &body, url]);
    serde_json::from_slice(&answer).expect("JSON")
}
