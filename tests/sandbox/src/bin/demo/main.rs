//! `demo run`: the sandbox and the functions on fixed ports, until Ctrl-C, with curl lines to paste.
//! `demo once`: the same on free ports, every flow gone through, each stored object compared with its file.
//! `demo doctor FUNCTION`: that function's doctor against a sandbox.

mod flows;
mod functions;
mod http;
mod show;
mod upload;

use std::process::ExitCode;

use tokio::signal::unix::{SignalKind, signal};
use upload_grant_sandbox::{FLOWS, Sandbox, Service};

use crate::functions::Functions;

/// What went wrong, in a sentence for the reader.
type Failure = String;

/// First of the sandbox's fixed ports.
const SANDBOX_PORT: u16 = 7070;
/// First of the functions' fixed ports.
const FUNCTION_PORT: u16 = 9001;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let done = match (arguments.next().as_deref(), arguments.next()) {
        (Some("run"), None) => run().await.map(|()| true),
        (Some("once"), None) => once().await,
        (Some("doctor"), Some(name)) if FLOWS.iter().any(|flow| flow.name == name) => doctor(&name).await,
        _ => Err("usage: demo run | demo once | demo doctor FUNCTION".to_owned()),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(failure) => {
            show::failure(&failure);
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Failure> {
    let sandbox = Sandbox::start_at(SANDBOX_PORT).await.map_err(|error| taken(&error.to_string()))?;
    let ports: Vec<u16> = (FUNCTION_PORT..).take(FLOWS.len()).collect();
    drop(functions::reserve(&ports).await.map_err(|error| taken(&error))?);
    flows::write_files().map_err(|error| format!("the demo files cannot be written: {error}"))?;
    let mut functions = Functions::start(&sandbox, &ports, "info")?;
    let stopped = async {
        functions.ready().await?;
        show::curls(&sandbox, &ports);
        functions.died().await
    };
    let result = tokio::select! {
        failure = stopped => failure,
        () = told_to_stop() => Ok(()),
    };
    functions.stop().await;
    show::stopped();
    result
}

async fn once() -> Result<bool, Failure> {
    let sandbox = Sandbox::start().await.map_err(|error| error.to_string())?;
    let ports = functions::free_ports().await?;
    let mut functions = Functions::start(&sandbox, &ports, "warn")?;
    let work = async {
        functions.ready().await?;
        let mut equal = true;
        show::heading();
        for (flow, port) in FLOWS.iter().zip(&ports) {
            let sent = upload::through(flow, *port).await;
            let objects = sandbox.objects();
            equal &= show::outcome(flow, sent, objects.last());
        }
        Ok(equal)
    };
    let result = tokio::select! {
        result = work => result,
        () = told_to_stop() => Err("stopped before the end".to_owned()),
    };
    functions.stop().await;
    result
}

async fn doctor(name: &str) -> Result<bool, Failure> {
    let sandbox = Sandbox::start().await.map_err(|error| error.to_string())?;
    functions::doctor(&sandbox, name).await
}

fn taken(error: &str) -> Failure {
    format!(
        "{error}\nThe demo needs 127.0.0.1:{SANDBOX_PORT}-{} and {FUNCTION_PORT}-{}: stop what listens there, \
         perhaps another `make run`.",
        usize::from(SANDBOX_PORT) + Service::ALL.len() - 1,
        usize::from(FUNCTION_PORT) + FLOWS.len() - 1
    )
}

/// Resolves on Ctrl-C or SIGTERM.
async fn told_to_stop() {
    let Ok(mut terminate) = signal(SignalKind::terminate()) else { return std::future::pending().await };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}
