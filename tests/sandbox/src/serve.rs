//! One listener: reads a request, applies the faults, lets the service answer, writes the record.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;

use crate::arrived::Arrived;
use crate::body::{Cut, Outgoing, collect, drain, outgoing};
use crate::fault::Plan;
use crate::record::Line;
use crate::reply::Reply;
use crate::service::Service;
use crate::store::cors;
use crate::vendor::aicontent::stream;
use crate::world::{Ctx, World};
use crate::{clock, control, store, vendor};

/// Nothing but a store takes more than this; Huawei's base64 of 16 MiB fits.
const LARGEST: usize = 48 * 1024 * 1024;

/// Accepts connections for as long as the runtime lives.
pub(crate) async fn listen(listener: TcpListener, service: Service, world: Arc<World>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        let _ = stream.set_nodelay(true);
        let world = world.clone();
        let answer = service_fn(move |request| {
            let world = world.clone();
            async move { respond(&world, service, request).await }
        });
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(None);
        tokio::spawn(
            async move { http.serve_connection(TokioIo::new(stream), answer).with_upgrades().await },
        );
    }
}

async fn respond(
    world: &Arc<World>,
    service: Service,
    mut request: Request<Incoming>,
) -> Result<Response<Outgoing>, Cut> {
    let upgrade = hyper::upgrade::on(&mut request);
    let (head, body) = request.into_parts();
    let path_and_query = head.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    let arrived = Arrived::new(head.method.as_str(), path_and_query, head.headers);
    if service == Service::Control {
        let body = collect(body, LARGEST).await.unwrap_or_default();
        let reply = control::handle(world, &arrived, &body);
        return Ok(finish(reply, &arrived, service, world, clock::now(), &Plan::default()));
    }
    if arrived.method == "OPTIONS" && service.is_browser_facing() {
        let reply = cors::preflight(world.settings().read::<store::Switches>().store_cors, &arrived);
        return Ok(finish(reply, &arrived, service, world, clock::now(), &Plan::default()));
    }
    let request =
        if service.is_store() { Body::Stream(body) } else { Body::Whole(collect(body, LARGEST).await) };
    let action = vendor::action(service, &arrived, request.bytes());
    world.record.arrived(service, &action);
    world.secrets.arrived(service, &arrived, request.bytes());
    let plan = world.faults.take(service, &arrived.path);
    let now = clock::now() + plan.skew_seconds;

    let result = through_faults(world, service, &arrived, request, now, &plan).await;
    world.record.ended(Line {
        at: now,
        service,
        action,
        method: arrived.method.clone(),
        path: arrived.path.clone(),
        status: result.as_ref().ok().map(|reply| reply.status),
        code: result.as_ref().ok().and_then(|reply| reply.code.clone()),
        fault: plan.any,
    });
    let reply = result?;
    world.secrets.answered(service, &reply.body);
    if reply.status == 101 {
        tokio::spawn(stream::serve(world.clone(), arrived.clone(), now, upgrade));
    }
    Ok(finish(reply, &arrived, service, world, now, &plan))
}

/// A request body: a store's is still on the wire, others are read already (`None` = too long or broken off).
enum Body {
    Stream(Incoming),
    Whole(Option<bytes::Bytes>),
}

impl Body {
    fn bytes(&self) -> &[u8] {
        match self {
            Body::Whole(Some(bytes)) => bytes,
            _ => &[],
        }
    }
}

/// The real answer, or what the faults put in its place, before or after the request had its effect.
async fn through_faults(
    world: &World,
    service: Service,
    arrived: &Arrived,
    body: Body,
    now: i64,
    plan: &Plan,
) -> Result<Reply, Cut> {
    let vendors = world.vendors();
    let ctx = Ctx { world, vendors: &vendors, service, arrived, now, life: plan.life };
    let effect = async |body: Body| match body {
        Body::Stream(incoming) => store::handle(&ctx, incoming).await,
        Body::Whole(Some(bytes)) => {
            service.vendor().map_or(Reply::empty(404), |vendor| (vendor.handle)(&ctx, &bytes))
        }
        Body::Whole(None) => Reply::text(413, "Request Entity Too Large").code("TooLarge"),
    };
    let replaced = plan.reset || plan.raw.is_some() || plan.huge.is_some();
    let pause = || tokio::time::sleep(Duration::from_millis(plan.latency_ms));
    let reply = if plan.after || !replaced {
        if !plan.after {
            pause().await;
        }
        let reply = effect(body).await;
        if plan.after {
            pause().await;
        }
        reply
    } else {
        pause().await;
        if let (Body::Stream(incoming), false) = (body, plan.reset) {
            drain(arrived, incoming).await;
        }
        Reply::empty(200)
    };
    if plan.reset {
        return Err(Cut);
    }
    let Some(raw) = &plan.raw else { return Ok(reply) };
    let mut instead = Reply::empty(raw.status);
    instead.body = raw.body.clone().into();
    Ok(raw.headers.iter().fold(instead, |reply, (name, value)| reply.header(name, value)))
}

/// Date, CORS, and the body as the plan wants it.
fn finish(
    reply: Reply,
    arrived: &Arrived,
    service: Service,
    world: &World,
    now: i64,
    plan: &Plan,
) -> Response<Outgoing> {
    let reply = match service {
        Service::Control => control::cors(reply, arrived),
        _ if service.is_browser_facing() => {
            cors::answer(reply, world.settings().read::<store::Switches>().store_cors, arrived)
        }
        _ => reply,
    };
    let mut reply = reply.header("date", &clock::http_date(now));
    let (body, length) = outgoing(reply.body.clone(), plan);
    if let Some(length) = length.filter(|_| !reply.headers.contains_key("content-length")) {
        // RFC 9110: no length on an answer that cannot have a body.
        if ![101, 204, 304].contains(&reply.status) {
            reply = reply.header("content-length", &length.to_string());
        }
    }
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    *response.headers_mut() = reply.headers;
    response
}

/// Binds the listeners: `base`, `base + 1`, ... or free ports where `base` is 0.
pub(crate) async fn bind(base: u16) -> io::Result<Vec<TcpListener>> {
    let mut listeners = Vec::new();
    for (offset, service) in (0_u16..).zip(Service::ALL) {
        let port = if base == 0 { 0 } else { base.saturating_add(offset) };
        let named = |error: io::Error| {
            io::Error::new(
                error.kind(),
                format!("127.0.0.1:{port} (the sandbox's {}): {error}", service.name()),
            )
        };
        listeners.push(TcpListener::bind(("127.0.0.1", port)).await.map_err(named)?);
    }
    Ok(listeners)
}
