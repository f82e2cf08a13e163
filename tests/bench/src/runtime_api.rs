//! AWS Lambda's runtime API on loopback, as small as it can be: one thread per connection, and the clock is read
//! where the bytes pass.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

pub struct RuntimeApi {
    pub address: String,
    desk: Arc<(Mutex<Desk>, Condvar)>,
}

#[derive(Default)]
struct Desk {
    /// The event to hand out, and how often still.
    event: String,
    left: usize,
    /// When the function first asked for an event.
    polled: Option<Instant>,
    handed_out: Option<Instant>,
    trips: Vec<Duration>,
    answer: String,
}

impl RuntimeApi {
    /// Starts on a free port.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address").to_string();
        let desk = Arc::<(Mutex<Desk>, Condvar)>::default();
        let shared = desk.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let desk = shared.clone();
                std::thread::spawn(move || serve(&stream, &desk));
            }
        });
        Self { address, desk }
    }

    /// What Lambda sets for the function that is to poll here.
    pub fn vars(&self) -> Vec<(String, String)> {
        [
            ("AWS_LAMBDA_RUNTIME_API", &*self.address),
            ("AWS_LAMBDA_FUNCTION_NAME", "bench"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
            ("AWS_LAMBDA_FUNCTION_VERSION", "1"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
    }

    /// Waits until the function asks for its first event, and tells when that was.
    pub fn polled(&self) -> Instant {
        self.wait(|desk| desk.polled)
    }

    /// Hands out `event` so many times in a row: from each hand-out to its answer.
    pub fn trips(&self, event: &str, times: usize) -> Vec<Duration> {
        {
            let mut desk = self.desk.0.lock().expect("a lock");
            event.clone_into(&mut desk.event);
            desk.left = times;
        }
        self.desk.1.notify_all();
        self.wait(|desk| (desk.trips.len() == times).then(|| std::mem::take(&mut desk.trips)))
    }

    /// The last answer, as it was posted.
    pub fn answer(&self) -> String {
        self.desk.0.lock().expect("a lock").answer.clone()
    }

    fn wait<T>(&self, mut there: impl FnMut(&mut Desk) -> Option<T>) -> T {
        let mut desk = self.desk.0.lock().expect("a lock");
        loop {
            if let Some(found) = there(&mut desk) {
                return found;
            }
            let (next, patience) = self.desk.1.wait_timeout(desk, Duration::from_secs(30)).expect("a lock");
            assert!(!patience.timed_out(), "the function does not answer");
            desk = next;
        }
    }
}

fn serve(stream: &TcpStream, (desk, changed): &(Mutex<Desk>, Condvar)) {
    let _ = stream.set_nodelay(true);
    let (mut input, mut output) = (BufReader::new(stream), stream);
    while let Some((target, body)) = read(&mut input) {
        let now = Instant::now();
        let mut desk = desk.lock().expect("a lock");
        if target.ends_with("/next") {
            desk.polled.get_or_insert(now);
            changed.notify_all();
            while desk.left == 0 {
                desk = changed.wait(desk).expect("a lock");
            }
            desk.left -= 1;
            let answer = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
                 lambda-runtime-aws-request-id: 8476a536-e9f4-11e8-9739-2dfe598c3fcd\r\n\
                 lambda-runtime-deadline-ms: 4102444800000\r\n\
                 lambda-runtime-invoked-function-arn: arn:aws:lambda:us-east-1:123456789012:function:f\r\n\r\n{}",
                desk.event.len(),
                desk.event
            );
            desk.handed_out = Some(Instant::now());
            drop(desk);
            let _ = output.write_all(answer.as_bytes());
        } else {
            if let Some(handed_out) = desk.handed_out.take() {
                desk.trips.push(now - handed_out);
            }
            desk.answer = body;
            if desk.left == 0 {
                changed.notify_all();
            }
            drop(desk);
            let _ = output.write_all(b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n");
        }
    }
}

/// The next request's target and body.
fn read(input: &mut BufReader<&TcpStream>) -> Option<(String, String)> {
    let (mut target, mut length, mut line) = (None, 0, String::new());
    loop {
        line.clear();
        if input.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let text = line.trim_end();
        if text.is_empty() {
            break;
        }
        match text.split_once(": ") {
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                length = value.parse().ok()?
            }
            Some((name, _)) if name.eq_ignore_ascii_case("transfer-encoding") => return None,
            _ => {}
        }
        target.get_or_insert_with(|| text.split(' ').nth(1).unwrap_or_default().to_owned());
    }
    let mut body = vec![0; length];
    input.read_exact(&mut body).ok()?;
    Some((target?, String::from_utf8(body).ok()?))
}
