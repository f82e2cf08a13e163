//! Running a function: which runtime it is on, and serving it there.

mod http;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::ExitCode;

pub use http::serve;

use crate::config::Env;
use crate::flow::Flow;
use crate::routes::{App, router};
use crate::telemetry;

/// Runs the function `F` until it is told to stop.
pub fn run<F: Flow>() -> ExitCode {
    let mut env = Env::of_process();
    telemetry::start(&mut env);
    let listen = listen(&mut env);
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
    let served = runtime.and_then(|runtime| {
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::bind(listen).await?;
            tracing::info!(flow = F::NAME, address = %listener.local_addr()?, "listening");
            serve(listener, router(&app), stop_signal()).await;
            Ok(())
        })
    });
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(flow = F::NAME, %listen, %error, "cannot listen");
            ExitCode::FAILURE
        }
    }
}

/// Where to listen: `GRANT_LISTEN`, else all addresses at the platform's port, else loopback.
pub(crate) fn listen(env: &mut Env) -> SocketAddr {
    const PORTS: [&str; 4] =
        ["PORT", "FC_SERVER_PORT", "FC_CUSTOM_LISTEN_PORT", "FUNCTIONS_CUSTOMHANDLER_PORT"];
    let platform_port = PORTS.iter().find_map(|name| env.get(name)?.parse::<u16>().ok());
    let default = match platform_port {
        Some(port) => SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)),
        None => SocketAddr::from((Ipv4Addr::LOCALHOST, 9000)),
    };
    // `host`, `:port` or `host:port`.
    match env.get("GRANT_LISTEN") {
        None => default,
        Some(text) => text
            .parse()
            .or_else(|_| text.parse::<IpAddr>().map(|address| SocketAddr::from((address, default.port()))))
            .unwrap_or_else(|_| {
                env.fault("GRANT_LISTEN", "is not an address like 127.0.0.1:9000");
                default
            }),
    }
}

/// Whether only this machine can reach the function.
pub(crate) fn listens_on_loopback(env: &mut Env) -> bool {
    listen(env).ip().is_loopback()
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
