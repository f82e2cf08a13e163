//! The HTTP/1.1 server: for every platform that forwards plain HTTP, and for laptops.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tower::ServiceExt as _;

use super::linger::Lingering;
use crate::app::RequestOrigin;
use crate::platform::Env;

/// What connections may take.
#[derive(Clone, Copy, Debug)]
pub struct Connections {
    /// Open at the same time; more wait in the listener's queue until one closes.
    pub most: usize,
    /// A client must have sent its request head within this time; a connection that is kept open for the next
    /// request is given up after as long.
    pub patience: Duration,
}

impl Default for Connections {
    fn default() -> Self {
        Self { most: 4096, patience: Duration::from_secs(15) }
    }
}

impl Connections {
    /// As the platform wants them: Function Compute keeps its own connections open for a quarter of an hour, and
    /// fails the request that meets one which the function has closed.
    pub(super) fn on(env: &mut Env) -> Self {
        let usual = Self::default();
        match env.get("FC_FUNCTION_NAME") {
            Some(_) => Self { patience: Duration::from_secs(20 * 60), ..usual },
            None => usual,
        }
    }
}

/// Requests at work when told to stop get this long to end.
const DRAIN: Duration = Duration::from_secs(9);

/// Serves `router` until `stop` resolves, then lets the requests at work end.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    connections: Connections,
    stop: impl Future<Output = ()>,
) {
    let graceful = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(connections.most));
    tokio::pin!(stop);
    loop {
        let place = tokio::select! {
            place = places.clone().acquire_owned() => place,
            () = &mut stop => break,
        };
        let (stream, peer) = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Out of descriptors, most likely: give some back before accepting again.
                    tracing::error!(%error, "cannot accept");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            },
            () = &mut stop => break,
        };
        // Answers are small and written at once: nothing is gained by waiting for more.
        let _ = stream.set_nodelay(true);
        let router = router.clone();
        let service = service_fn(move |mut request: http::Request<Incoming>| {
            request
                .extensions_mut()
                .insert(RequestOrigin { source: Some(peer.ip()), ..RequestOrigin::default() });
            router.clone().oneshot(request.map(Body::new))
        });
        let connection = hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(connections.patience)
            .serve_connection(TokioIo::new(Lingering::new(stream)), service);
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            // Broken connections are the client's affair.
            let _ = connection.await;
            drop(place);
        });
    }
    drop(listener);
    let _ = tokio::time::timeout(DRAIN, graceful.shutdown()).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn function_compute_keeps_its_connections() {
        let patience = |vars: &[(&str, &str)]| {
            let vars = vars.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            Connections::on(&mut Env::new(vars)).patience.as_secs()
        };
        assert_eq!((patience(&[]), patience(&[("FC_FUNCTION_NAME", "f")])), (15, 1200));
    }
}
