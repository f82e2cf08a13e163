//! Routes are matched on the tail of the path: a stage or mount prefix changes nothing.

use axum::body::Body;
use axum::http::{HeaderMap, Request, Uri, uri::PathAndQuery};

const SINGLE: [&str; 6] = ["grants", "complete", "events", "healthz", "metrics", "openapi.json"];
/// A path that no route has.
const NOWHERE: &str = "/-";

/// What stood before the route, for the URLs we make ourselves.
#[derive(Clone, Debug)]
pub(super) struct Prefix(pub(super) String);

/// Which of the routes that are shut by default are open.
#[derive(Clone, Copy, Debug)]
pub(super) struct Open {
    pub(super) events: bool,
    pub(super) metrics: bool,
}

impl Open {
    fn has(self, route: &str) -> bool {
        match route {
            "/events" => self.events,
            "/metrics" => self.metrics,
            _ => true,
        }
    }
}

/// Replaces the path by the route it ends in, and remembers the prefix.
///
/// A route that is shut does not exist. With events open, a CloudEvent at the bare alias is one for `/events`: so
/// Knative delivers.
pub(super) fn cut(mut request: Request<Body>, base_path: &str, open: Open) -> Request<Body> {
    let (prefix, route) = match split(request.uri().path(), base_path) {
        Some((prefix, "/")) if open.events && is_cloud_event(request.headers()) => {
            (prefix.to_owned(), "/events".to_owned())
        }
        Some((prefix, route)) if open.has(route) => (prefix.to_owned(), route.to_owned()),
        _ => (String::new(), NOWHERE.to_owned()),
    };
    if prefix.is_empty() && route == request.uri().path() && request.uri().authority().is_none() {
        request.extensions_mut().insert(Prefix(prefix));
        return request;
    }
    let query = request.uri().query().map(|query| format!("?{query}")).unwrap_or_default();
    let path = PathAndQuery::try_from(format!("{route}{query}"));
    *request.uri_mut() = path.map_or_else(|_| Uri::from_static(NOWHERE), Uri::from);
    request.extensions_mut().insert(Prefix(prefix));
    request
}

fn is_cloud_event(headers: &HeaderMap) -> bool {
    let kind = headers.get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default();
    headers.contains_key("ce-specversion") || kind.to_ascii_lowercase().starts_with("application/cloudevents")
}

/// Prefix and route of `path`; none if it ends in no route, or its prefix holds one.
fn split<'a>(path: &'a str, base_path: &str) -> Option<(&'a str, &'a str)> {
    if base_path.is_empty() {
        if path == "/" || path.is_empty() {
            return Some(("", "/"));
        }
    } else if path.strip_suffix('/').unwrap_or(path) == base_path {
        return Some((path.strip_suffix('/').unwrap_or(path), "/"));
    }
    let last = path.rfind('/')?;
    let tail = &path[last + 1..];
    let cut = if SINGLE.contains(&tail) {
        last
    } else {
        let parent = path[..last].rfind('/')?;
        match &path[parent + 1..last] {
            "s3" if tail == "params" => parent,
            "relay" => parent,
            _ => return None,
        }
    };
    let (prefix, route) = path.split_at(cut);
    let holds_route = prefix.split('/').any(|segment| SINGLE.contains(&segment) || segment == "relay")
        || format!("{prefix}/").contains("/s3/params/");
    (!holds_route).then_some((prefix, route))
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn the_tail_decides() {
        for (path, expected) in [
            ("/", Some(("", "/"))),
            ("/grants", Some(("", "/grants"))),
            ("/prod/alibaba-chatapp/grants", Some(("/prod/alibaba-chatapp", "/grants"))),
            ("/a/s3/params", Some(("/a", "/s3/params"))),
            ("/a/relay/t0k", Some(("/a", "/relay/t0k"))),
            ("/a/healthz", Some(("/a", "/healthz"))),
            ("/grants/grants", None),
            ("/relay/x/grants", None),
            ("/healthz/relay/t0k", None),
            ("/s3/params/grants", None),
            ("/relay", None),
            ("/unknown", None),
            ("/grants/", None),
            ("/prod", None),
        ] {
            assert_eq!(split(path, ""), expected, "{path}");
        }
        assert_eq!(split("/prod/x", "/prod/x"), Some(("/prod/x", "/")));
        assert_eq!(split("/prod/x/", "/prod/x"), Some(("/prod/x", "/")));
        assert_eq!(split("/", "/prod/x"), None);
    }
}
