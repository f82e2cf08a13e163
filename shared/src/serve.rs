//! Running a function: which runtime it is on, and serving it there.

mod dispatch;
mod http;
mod lambda;
mod poll;
mod runtime;

use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Arc;

pub use self::http::{serve, serve_at_most};
pub(crate) use self::runtime::is_local;
pub use self::runtime::{Runtime, listen};

use crate::config::Env;
use crate::doctor;
use crate::flow::Flow;
use crate::routes::{App, router};
use crate::telemetry;

/// Does what the program's arguments say; without any, it serves.
pub fn run<F: Flow>() -> ExitCode {
    let args = std::env::args_os().skip(1).map(|arg| arg.to_string_lossy().into_owned());
    let args: Vec<String> = args.collect();
    match args.first().map(String::as_str) {
        None => start::<F>(),
        Some("doctor") => doctor::run::<F>(&args[1..]),
        Some("--help") => {
            let _ = std::io::stdout().write_all(usage(F::NAME).as_bytes());
            ExitCode::SUCCESS
        }
        Some(_) => {
            let _ = std::io::stderr().write_all(usage(F::NAME).as_bytes());
            ExitCode::from(2)
        }
    }
}

fn usage(name: &str) -> String {
    format!(
        "usage: {name}                serve, as the environment says\n       \
         {name} doctor         check the live set-up ({name} doctor --help)\n"
    )
}

/// Serves the function `F` until it is told to stop.
pub fn start<F: Flow>() -> ExitCode {
    let mut env = Env::of_process();
    telemetry::start(&mut env);
    let app = match App::<F>::new(&mut env) {
        Ok(app) => app,
        Err(problem) => {
            tracing::error!(%problem, "cannot start");
            return ExitCode::FAILURE;
        }
    };
    for fault in app.faults() {
        tracing::error!(flow = F::NAME, name = fault.name, reason = fault.reason, "configuration");
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let served = match runtime {
        Ok(runtime) => runtime.block_on(serve_on(app, &mut env)),
        Err(error) => Err(error.to_string()),
    };
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(flow = F::NAME, error, "cannot serve");
            ExitCode::FAILURE
        }
    }
}

async fn serve_on<F: Flow>(app: Arc<App<F>>, env: &mut Env) -> Result<(), String> {
    match Runtime::of(env) {
        Runtime::Lambda => lambda::serve(app, env).await,
        Runtime::Poll => poll::serve(app, env, stop_signal()).await,
        Runtime::Http => {
            let address = listen(env);
            let listener = tokio::net::TcpListener::bind(address).await;
            let listener = listener.map_err(|error| format!("cannot listen on {address}: {error}"))?;
            let address = listener.local_addr().unwrap_or(address);
            tracing::info!(flow = F::NAME, %address, "listening");
            serve(listener, router(&app), stop_signal()).await;
            Ok(())
        }
    }
}

/// Resolves on SIGTERM or Ctrl-C.
async fn stop_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else { return std::future::pending().await };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}
