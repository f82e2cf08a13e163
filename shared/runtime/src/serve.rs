//! Running a function: which runtime it is on, and serving it there.

mod dispatch;
mod http;
mod lambda;
mod linger;
mod poll;

use std::ffi::OsString;
use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Arc;

pub use self::dispatch::{Answer, Dispatch};
pub use self::http::{Connections, serve};

use crate::api::router;
use crate::app::App;
use crate::cli::doctor::{self, Diagnose};
use crate::flow::Flow;
use crate::net::fetch_by_arn;
use crate::platform::Env;
pub use crate::platform::runtime::{Runtime, listen};
use crate::platform::telemetry;

/// Does what the command line of the process says.
pub fn run<F: Diagnose>() -> ExitCode {
    run_with::<F>(std::env::args_os().skip(1))
}

/// Does what `arguments` say: nothing to serve, else a word and what it takes.
pub fn run_with<F: Diagnose>(mut arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let Some(word) = arguments.next() else { return start::<F>() };
    match word.to_str() {
        Some("doctor") => doctor::run::<F>(arguments),
        #[cfg(feature = "send")]
        Some("send") => crate::cli::send::run(F::SPEC.name, arguments),
        Some("--help") => {
            let _ = std::io::stdout().write_all(usage(F::SPEC.name).as_bytes());
            ExitCode::SUCCESS
        }
        // A Lambda image's CMD names a handler, which means nothing here.
        _ if Env::of_process().get("AWS_LAMBDA_RUNTIME_API").is_some() => start::<F>(),
        // There is nowhere to complain about a closed standard error.
        _ => {
            let _ = std::io::stderr().write_all(usage(F::SPEC.name).as_bytes());
            ExitCode::from(2)
        }
    }
}

fn usage(name: &str) -> String {
    let send = if cfg!(feature = "send") {
        format!("\n       {name} send FILE...    upload files through a function ({name} send --help)")
    } else {
        String::new()
    };
    format!(
        "Usage: {name}                 serve, as the environment says\n       \
         {name} doctor          check the live set-up ({name} doctor --help){send}\n"
    )
}

/// Serves the function `F` until it is told to stop.
fn start<F: Flow>() -> ExitCode {
    let mut env = Env::of_process();
    telemetry::start(&mut env);
    let served = match executor(Runtime::of(&mut env)).enable_all().build() {
        Ok(runtime) => runtime.block_on(serve_with::<F>(&mut env)),
        Err(error) => Err(error.to_string()),
    };
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(flow = F::SPEC.name, error, "cannot serve");
            ExitCode::FAILURE
        }
    }
}

/// As many threads as the machine has processors where plain HTTP is served; event loops have one event at a time, and
/// a thread that waits for it.
fn executor(runtime: Runtime) -> tokio::runtime::Builder {
    let several = std::thread::available_parallelism().is_ok_and(|processors| processors.get() > 1);
    match runtime {
        Runtime::Http if several => tokio::runtime::Builder::new_multi_thread(),
        _ => tokio::runtime::Builder::new_current_thread(),
    }
}

/// Reads the configuration and serves.
async fn serve_with<F: Flow>(env: &mut Env) -> Result<(), String> {
    fetch_by_arn(env).await?;
    let app = App::<F>::new(env).map_err(|problem| problem.to_string())?;
    for fault in app.faults() {
        tracing::error!(flow = F::SPEC.name, name = fault.name, reason = fault.reason, "configuration");
    }
    serve_on(app, env).await
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
            tracing::info!(flow = F::SPEC.name, %address, "listening");
            serve(listener, router(&app), Connections::on(env), stop_signal()).await;
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
