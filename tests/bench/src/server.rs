//! The warm path through the HTTP server, under load.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::process::{Process, free_port};
use crate::report::{Kind, Row, Target, Unit};
use crate::rounds::{Figure, quantile, ratio};
use crate::world::World;

const CONNECTIONS: [usize; 3] = [1, 16, 256];
const ROUND: Duration = Duration::from_millis(500);

/// A server under load, and what was seen of it.
struct Subject {
    process: Process,
    port: u16,
    request: Vec<u8>,
    per_second: Vec<f64>,
    latencies: Vec<f64>,
    cpu: Duration,
    answered: usize,
}

pub fn rows(world: &World) -> Vec<Row> {
    ["form", "put"].into_iter().flat_map(|mode| of_mode(world, mode)).collect()
}

fn of_mode(world: &World, mode: &str) -> Vec<Row> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let body =
        format!(r#"{{"filename":"report.png","content_type":"image/png","size":7858,"mode":"{mode}"}}"#);
    let (port, bare_port) = (free_port(), free_port());
    let listen = format!("127.0.0.1:{port}");
    let settings = world.settings("alibaba-chatapp", &[("GRANT_AUTH", "none"), ("GRANT_LISTEN", &listen)]);
    let process = Process::start(&world.release("alibaba-chatapp"), &[], &settings).listening(port);
    let mut ours = Subject::new(process, port, &body);

    let (_, grant) = runtime.block_on(ours.once());
    assert!(grant.starts_with(b"{\"version\":1"), "no grant");
    let file = world.file("grant.json");
    std::fs::write(&file, &grant).expect("a file");
    let arguments = [bare_port.to_string(), file.display().to_string()];
    let process = Process::start(&world.release("axum-json"), &arguments, &[]).listening(bare_port);
    let mut bare = Subject::new(process, bare_port, &body);

    let mut rows = Vec::new();
    for connections in CONNECTIONS {
        for subject in [&mut ours, &mut bare] {
            subject.forget();
        }
        let mut load = Duration::ZERO;
        for _ in 0..world.rounds(12, 3) {
            for subject in [&mut bare, &mut ours] {
                let before = this_thread();
                runtime.block_on(subject.round(connections));
                load += this_thread() - before;
            }
        }
        let busy = load.as_secs_f64() / (ROUND.as_secs_f64() * 2.0 * ours.per_second.len() as f64);
        rows.push(
            Row::new("warm, HTTP", what(mode, connections), Unit::PerSecond, Figure::of(&ours.per_second))
                .against(
                    "bare axum, same JSON",
                    Figure::of(&bare.per_second),
                    Kind::Share,
                    ratio(&ours.per_second, &bare.per_second),
                )
                .target(Target::AtLeast(0.7))
                .note(format!(
                    "{}; against {}; the load's own thread is busy {:.0} %",
                    ours.seen(),
                    bare.seen(),
                    100.0 * busy
                )),
        );
    }
    rows
}

fn what(mode: &str, connections: usize) -> String {
    let plural = if connections == 1 { "" } else { "s" };
    format!("cached grants, {mode}, {connections} connection{plural}")
}

/// Processor time of the calling thread.
fn this_thread() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux");
    Duration::from_nanos(text.split(' ').next().and_then(|spent| spent.parse().ok()).expect("a number"))
}

impl Subject {
    fn new(process: Process, port: u16, body: &str) -> Self {
        let request = format!(
            "POST /grants HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\ncontent-type: application/json\r\n\
             content-length: {}\r\n\r\n{body}",
            body.len()
        );
        Self {
            process,
            port,
            request: request.into_bytes(),
            per_second: Vec::new(),
            latencies: Vec::new(),
            cpu: Duration::ZERO,
            answered: 0,
        }
    }

    fn forget(&mut self) {
        self.per_second.clear();
        self.latencies.clear();
        (self.cpu, self.answered) = (Duration::ZERO, 0);
    }

    /// One answer's length and body.
    async fn once(&self) -> (usize, Vec<u8>) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await.expect("a connection");
        stream.write_all(&self.request).await.expect("a request");
        let mut buffer = vec![0; 1 << 16];
        let (length, head) = answer(&mut stream, &mut buffer).await;
        (length, buffer[head..length].to_vec())
    }

    /// Asks over so many connections for the length of a round.
    async fn round(&mut self, connections: usize) {
        let mut streams = Vec::with_capacity(connections);
        for _ in 0..connections {
            let stream = TcpStream::connect(("127.0.0.1", self.port)).await.expect("a connection");
            stream.set_nodelay(true).expect("a connection");
            streams.push(stream);
        }
        let before = self.process.cpu();
        let started = Instant::now();
        let tasks: Vec<_> = streams
            .into_iter()
            .map(|mut stream| {
                let request = self.request.clone();
                tokio::spawn(async move {
                    let mut buffer = vec![0; 1 << 16];
                    let mut latencies = Vec::with_capacity(4096);
                    let mut sent = Instant::now();
                    while started.elapsed() < ROUND {
                        stream.write_all(&request).await.expect("a request");
                        answer(&mut stream, &mut buffer).await;
                        let now = Instant::now();
                        latencies.push((now - sent).as_secs_f64() * 1e3);
                        sent = now;
                    }
                    latencies
                })
            })
            .collect();
        let mut answered = 0;
        for task in tasks {
            let latencies = task.await.expect("a connection's load");
            answered += latencies.len();
            self.latencies.extend(latencies);
        }
        self.per_second.push(answered as f64 / started.elapsed().as_secs_f64());
        self.cpu += self.process.cpu() - before;
        self.answered += answered;
    }

    /// Tail latency, and processor time per request: the figure that no load generator can hide.
    fn seen(&self) -> String {
        format!(
            "p99 {}, {} of processor each",
            Unit::Milliseconds.text(quantile(&self.latencies, 0.99)),
            Unit::Microseconds.text(self.cpu.as_secs_f64() * 1e6 / self.answered as f64)
        )
    }
}

/// Reads one whole answer: its length, and where its body begins.
async fn answer(stream: &mut TcpStream, buffer: &mut [u8]) -> (usize, usize) {
    let (mut filled, mut expected) = (0, None);
    loop {
        filled += match stream.read(&mut buffer[filled..]).await.expect("an answer") {
            0 => panic!("the server closed the connection"),
            read => read,
        };
        if expected.is_none() {
            expected = lengths(&buffer[..filled]);
        }
        if let Some((head, length)) = expected.filter(|(head, length)| filled >= head + length) {
            return (head + length, head);
        }
    }
}

/// Length of the head and of the body, once the head is complete; anything but a 200 is the end.
fn lengths(bytes: &[u8]) -> Option<(usize, usize)> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&bytes[..end]).expect("a head");
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    let mut lines = head.lines().filter_map(|line| line.split_once(": "));
    let (_, length) = lines.find(|(name, _)| name.eq_ignore_ascii_case("content-length")).expect("a length");
    Some((end + 4, length.parse().expect("a number")))
}
