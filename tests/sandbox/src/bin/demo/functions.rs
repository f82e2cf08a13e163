//! The functions as processes of their own, found next to this program.

use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use upload_grant_sandbox::{FLOWS, Sandbox, Service};

use crate::Failure;
use crate::http;

/// Far more than any of them needs to start.
const START: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(50);

/// The running functions, in the order of [`FLOWS`].
pub(crate) struct Functions(Vec<Function>);

struct Function {
    name: &'static str,
    port: u16,
    process: Child,
}

impl Functions {
    /// Starts them all.
    pub(crate) fn start(sandbox: &Sandbox, ports: &[u16], log: &str) -> Result<Self, Failure> {
        let mut functions = Vec::new();
        for (flow, port) in FLOWS.iter().zip(ports) {
            let process = started(program(sandbox, flow.name, *port)?.env("GRANT_LOG", log))?;
            functions.push(Function { name: flow.name, port: *port, process });
        }
        Ok(Self(functions))
    }

    /// Waits until each answers `/healthz` as itself.
    pub(crate) async fn ready(&mut self) -> Result<(), Failure> {
        for function in &mut self.0 {
            let healthy = tokio::time::timeout(START, async {
                loop {
                    let address = format!("http://127.0.0.1:{}/healthz", function.port);
                    if let Ok(answer) = http::send("GET", &address, &[], Vec::new()).await {
                        return Ok(answer.json());
                    }
                    if let Ok(Some(status)) = function.process.try_wait() {
                        return Err(function.died(status));
                    }
                    tokio::time::sleep(POLL).await;
                }
            });
            let health = healthy.await.map_err(|_| format!("{} does not answer", function.name))??;
            if health["flow"] != function.name {
                return Err(format!(
                    "something else answers for {} on port {}",
                    function.name, function.port
                ));
            }
        }
        Ok(())
    }

    /// Resolves, with its name, when one ends.
    pub(crate) async fn died(&mut self) -> Result<(), Failure> {
        loop {
            for function in &mut self.0 {
                if let Ok(Some(status)) = function.process.try_wait() {
                    return Err(function.died(status));
                }
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Ends them all, without ceremony: they keep nothing.
    pub(crate) async fn stop(&mut self) {
        for function in &mut self.0 {
            let _ = function.process.kill().await;
        }
    }
}

impl Function {
    fn died(&self, status: ExitStatus) -> Failure {
        format!("{} on port {} stopped ({status})", self.name, self.port)
    }
}

/// Where the pages on front ends have a reader serve a page of their own.
const PAGE_PORT: u16 = 8000;

/// Runs `name doctor` against the sandbox, to the end.
pub(crate) async fn doctor(sandbox: &Sandbox, name: &str) -> Result<bool, Failure> {
    let mut doctor = started(program(sandbox, name, 9000)?.arg("doctor"))?;
    let status = doctor.wait().await.map_err(|error| error.to_string())?;
    Ok(status.success())
}

/// The program `name`, with the sandbox's settings and nothing of our own environment: a reader's real keys
/// must not get into a demo.
fn program(sandbox: &Sandbox, name: &str, port: u16) -> Result<Command, Failure> {
    let here = std::env::current_exe().map_err(|error| error.to_string())?;
    // The console's origin, by both of its names, may ask, and a reader's own page; and see every mode.
    let page = format!("http://127.0.0.1:{PAGE_PORT}");
    let origins = [sandbox.url(Service::Control), page]
        .map(|one| format!("{one},{}", one.replace("127.0.0.1", "localhost")));
    let origins = origins.join(",");
    let mut program = Command::new(here.with_file_name(name));
    program
        .env_clear()
        .envs(sandbox.env(name))
        .env("GRANT_AUTH", "none")
        .env("GRANT_SECRET", "the secret of a demo and of no use anywhere else")
        .env("GRANT_LISTEN", format!("127.0.0.1:{port}"))
        .env("GRANT_RUNTIME", "http")
        .env("GRANT_CORS_ORIGINS", &origins)
        .env("GRANT_ALLOW_CREDENTIALS", "true")
        .stdin(Stdio::null())
        .kill_on_drop(true);
    Ok(program)
}

fn started(program: &mut Command) -> Result<Child, Failure> {
    program.spawn().map_err(|error| {
        let path = program.as_std().get_program().to_string_lossy();
        format!("{path} cannot be started ({error}): run `cargo build --bins` first")
    })
}

/// Holds each of `ports`, which shows that they are free.
pub(crate) async fn reserve(ports: &[u16]) -> Result<Vec<TcpListener>, Failure> {
    let mut held = Vec::new();
    for (flow, port) in FLOWS.iter().zip(ports) {
        let listener = TcpListener::bind(("127.0.0.1", *port)).await;
        held.push(listener.map_err(|error| format!("127.0.0.1:{port} ({}): {error}", flow.name))?);
    }
    Ok(held)
}

/// A free port for each of them.
pub(crate) async fn free_ports() -> Result<Vec<u16>, Failure> {
    let held = reserve(&vec![0; FLOWS.len()]).await?;
    held.iter().map(|one| one.local_addr().map(|a| a.port()).map_err(|error| error.to_string())).collect()
}
