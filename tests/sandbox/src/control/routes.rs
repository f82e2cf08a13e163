//! Routes of the control service.

use serde_json::{Value, json};

use super::{console, curl, env};
use crate::arrived::Arrived;
use crate::encode::unpercent;
use crate::fault::Fault;
use crate::flow::FLOWS;
use crate::lock;
use crate::reply::Reply;
use crate::service::Service;
use crate::world::World;

pub(crate) fn handle(world: &World, arrived: &Arrived, body: &[u8]) -> Reply {
    let segments: Vec<String> = arrived.path.split('/').skip(1).map(unpercent).collect();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    match (arrived.method.as_str(), segments.as_slice()) {
        ("OPTIONS", _) => Reply::empty(204),
        ("GET" | "HEAD", [""]) => console::page(),
        ("GET" | "HEAD", ["client", name]) => console::module(name),
        ("GET", ["flows"]) => json_of(&FLOWS),
        ("GET", ["functions"]) => json_of(&world.functions.all()),
        // Not for pages: the console sends its user's credentials to these addresses.
        ("POST", ["functions"]) if arrived.header("origin").is_some() => {
            Reply::text(403, "not from a page\n")
        }
        ("POST", ["functions"]) => match serde_json::from_slice(body) {
            Ok(urls) => done(|| world.functions.set(urls)),
            Err(error) => refuse(&error),
        },
        ("GET", ["health"]) => health(world),
        ("GET", ["objects"]) => json_of(&world.objects.all()),
        ("GET" | "HEAD", ["objects", store, bucket, key @ ..]) => {
            object(world, store, bucket, &key.join("/"))
        }
        ("DELETE", ["objects"]) => done(|| world.objects.clear()),
        ("GET", ["calls"]) => Reply::json(200, &world.record.as_json()),
        ("DELETE", ["calls"]) => done(|| world.record.clear()),
        ("GET", ["requests"]) => {
            let n = arrived.parameter("n").and_then(|n| n.parse().ok()).unwrap_or(200);
            json_of(&world.record.last(n))
        }
        ("GET", ["faults"]) => json_of(&world.faults.all()),
        ("POST", ["faults"]) => match serde_json::from_slice::<Fault>(body) {
            Ok(fault) => done(|| world.faults.add(fault)),
            Err(error) => refuse(&error),
        },
        ("DELETE", ["faults"]) => done(|| world.faults.clear()),
        ("GET", ["settings"]) => json_of(&world.settings()),
        ("POST", ["settings"]) => change_settings(world, body),
        ("POST", ["reset"]) => done(|| world.reset()),
        ("GET", ["env", flow]) => match env::of(world, flow).as_slice() {
            [] => Reply::text(404, "no such flow\n"),
            lines => {
                Reply::text(200, lines.iter().map(|(n, v)| format!("{n}={v}\n")).collect::<Vec<_>>().concat())
            }
        },
        ("GET", ["keys", id]) => key(world, id),
        ("POST", ["curl"]) => curl_config(arrived, body),
        _ => Reply::text(404, "no such route\n"),
    }
}

/// A page may drive the sandbox from anywhere.
pub(crate) fn cors(reply: Reply, arrived: &Arrived) -> Reply {
    let Some(origin) = arrived.header("origin") else { return reply };
    let headers =
        arrived.header("access-control-request-headers").unwrap_or_else(|| "content-type".to_owned());
    reply
        .header("access-control-allow-origin", &origin)
        .header("access-control-allow-methods", "GET, POST, DELETE")
        .header("access-control-allow-headers", &headers)
        .header("vary", "Origin")
}

fn health(world: &World) -> Reply {
    let urls: serde_json::Map<String, Value> =
        Service::ALL.iter().map(|one| (one.name().to_owned(), json!(world.url(*one)))).collect();
    Reply::json(200, &json!({ "status": "ok", "services": urls }))
}

fn object(world: &World, store: &str, bucket: &str, key: &str) -> Reply {
    let Some(object) = world.objects.get(store, bucket, key) else {
        return Reply::text(404, "no such object\n");
    };
    let content_type = object.content_type.as_deref().filter(|kind| kind.contains('/'));
    match object.data {
        // Uploaded pages must not run as pages of this origin.
        Some(data) => Reply::bytes(200, content_type.unwrap_or("application/octet-stream"), data)
            .header("content-security-policy", "sandbox")
            .header("x-content-type-options", "nosniff"),
        None => Reply::text(410, "objects over 8 MiB are kept as digests only\n"),
    }
}

/// A key as its vendor knows it, so that a grant can be signed again by an official SDK.
fn key(world: &World, id: &str) -> Reply {
    let vendors = world.vendors();
    match vendors.alibaba.find(id).or_else(|| vendors.tencent.find(id)) {
        Some(key) => Reply::json(200, &json!({ "secret": key.secret, "token": key.token })),
        None => Reply::text(404, "no such key\n"),
    }
}

fn change_settings(world: &World, body: &[u8]) -> Reply {
    let mut settings = lock(&world.settings);
    let merged = serde_json::from_slice(body).and_then(|change: Value| settings.merged(&change));
    match merged {
        Ok(merged) => {
            *settings = merged;
            json_of(&*settings)
        }
        Err(error) => refuse(&error),
    }
}

fn curl_config(arrived: &Arrived, body: &[u8]) -> Reply {
    let file = arrived.parameter("file").unwrap_or_default();
    let grant: Value = serde_json::from_slice(body).unwrap_or_default();
    match curl::config(&grant, &file).filter(|_| !file.is_empty()) {
        Some(config) => Reply::text(200, config),
        None => Reply::text(400, "POST a grant to /curl?file=NAME\n"),
    }
}

fn json_of<T: serde::Serialize>(value: &T) -> Reply {
    Reply::json(200, &serde_json::to_value(value).unwrap_or_default())
}

fn done(change: impl FnOnce()) -> Reply {
    change();
    Reply::json(200, &json!({ "ok": true }))
}

fn refuse(error: &serde_json::Error) -> Reply {
    Reply::json(400, &json!({ "error": error.to_string() }))
}
