//! `sandbox --flows`: the list of flows, as JSON. `sandbox [--port BASE]`: the vendors on fixed ports, one after another, until Ctrl-C.

use std::io;

use tokio::signal::unix::{SignalKind, signal};
use upload_grant_sandbox::{FLOWS, Sandbox, Service};

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    if std::env::args().skip(1).eq(["--flows"]) {
        return list();
    }
    let base = port(std::env::args().skip(1))
        .ok_or_else(|| io::Error::other("usage: sandbox [--port BASE] | sandbox --flows"))?;
    let sandbox = Sandbox::start_at(base).await?;
    print(&sandbox);
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        result = tokio::signal::ctrl_c() => result,
        _ = terminate.recv() => Ok(()),
    }
}

fn port(mut arguments: impl Iterator<Item = String>) -> Option<u16> {
    match (arguments.next().as_deref(), arguments.next(), arguments.next()) {
        (None, ..) => Some(7070),
        (Some("--port"), Some(base), None) => base.parse().ok(),
        _ => None,
    }
}

#[allow(clippy::print_stdout, reason = "the list is this program's output")]
fn list() -> io::Result<()> {
    println!("{}", serde_json::to_string(FLOWS)?);
    Ok(())
}

#[allow(clippy::print_stdout, reason = "the addresses are this program's output")]
fn print(sandbox: &Sandbox) {
    for &service in Service::ALL {
        println!("{:<10} {}", service.name(), sandbox.url(service));
    }
}
