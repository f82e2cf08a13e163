//! A server under load: keep-alive connections that each ask, wait for the answer and ask again.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;

use crate::process::Process;
use crate::report::Unit;
use crate::rounds::quantile;

/// How long a round lasts.
pub const ROUND: Duration = Duration::from_millis(500);

/// A server under load, and what was seen of it.
pub struct Subject {
    process: Process,
    port: u16,
    request: Vec<u8>,
    pub per_second: Vec<f64>,
    latencies: Vec<f64>,
    cpu: Duration,
    answered: usize,
}

impl Subject {
    /// The server at `port`, which is asked for a grant with this body.
    pub fn new(process: Process, port: u16, body: &str) -> Self {
        Self {
            process,
            port,
            request: request(port, body),
            per_second: Vec::new(),
            latencies: Vec::new(),
            cpu: Duration::ZERO,
            answered: 0,
        }
    }

    pub fn forget(&mut self) {
        self.per_second.clear();
        self.latencies.clear();
        (self.cpu, self.answered) = (Duration::ZERO, 0);
    }

    /// The body of one answer.
    pub async fn once(&self) -> Vec<u8> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await.expect("a connection");
        stream.write_all(&self.request).await.expect("a request");
        let mut buffer = vec![0; 1 << 16];
        let (length, head) = answer(&mut stream, &mut buffer).await;
        buffer[head..length].to_vec()
    }

    /// Asks for each of these grants over one connection.
    pub async fn each(&mut self, bodies: impl Iterator<Item = String>) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await.expect("a connection");
        let mut buffer = vec![0; 1 << 14];
        for body in bodies {
            stream.write_all(&request(self.port, &body)).await.expect("a request");
            answer(&mut stream, &mut buffer).await;
        }
    }

    /// Its resident memory, in words.
    pub fn resident(&self) -> String {
        Unit::Mib.text(self.process.resident())
    }

    /// Asks over so many connections for the length of a round.
    pub fn round(&mut self, load: &Runtime, connections: usize) {
        let before = self.process.cpu();
        let (latencies, took) = load.block_on(ask(self.port, &self.request, connections));
        self.per_second.push(latencies.len() as f64 / took.as_secs_f64());
        self.cpu += self.process.cpu() - before;
        self.answered += latencies.len();
        self.latencies.extend(latencies);
    }

    /// Tail latency, and processor time per request: the figure that no load generator can hide.
    pub fn seen(&self) -> String {
        let each = self.cpu.as_secs_f64() * 1e6 / self.answered as f64;
        let late = quantile(&self.latencies, 0.99);
        format!("p99 {}, {} of processor each", Unit::Milliseconds.text(late), Unit::Microseconds.text(each))
    }
}

fn request(port: u16, body: &str) -> Vec<u8> {
    let head = format!(
        "POST /grants HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n",
        body.len()
    );
    (head + body).into_bytes()
}

/// Milliseconds of each answer, and how long it all took.
async fn ask(port: u16, request: &[u8], connections: usize) -> (Vec<f64>, Duration) {
    let mut streams = Vec::with_capacity(connections);
    for _ in 0..connections {
        let stream = TcpStream::connect(("127.0.0.1", port)).await.expect("a connection");
        stream.set_nodelay(true).expect("a connection");
        streams.push(stream);
    }
    let started = Instant::now();
    let connection = |mut stream: TcpStream| {
        let request = request.to_vec();
        tokio::spawn(async move {
            let mut buffer = vec![0; 1 << 14];
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
    };
    let tasks: Vec<_> = streams.into_iter().map(connection).collect();
    let mut latencies = Vec::new();
    for task in tasks {
        latencies.extend(task.await.expect("a connection's load"));
    }
    (latencies, started.elapsed())
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
