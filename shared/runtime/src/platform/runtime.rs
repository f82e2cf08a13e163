//! Which runtime the process is on, and where it listens.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::Env;

/// The three ways in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Runtime {
    /// AWS Lambda's runtime API, through `lambda_runtime`.
    Lambda,
    /// Plain HTTP.
    Http,
    /// The polling runtime APIs of SCF and FunctionGraph.
    Poll,
}

const PORTS: [&str; 4] = ["PORT", "FC_SERVER_PORT", "FC_CUSTOM_LISTEN_PORT", "FUNCTIONS_CUSTOMHANDLER_PORT"];

impl Runtime {
    /// As `GRANT_RUNTIME` says, else by what the platform sets.
    pub fn of(env: &mut Env) -> Self {
        match env.get("GRANT_RUNTIME").as_deref() {
            Some("lambda") => return Self::Lambda,
            Some("http") => return Self::Http,
            Some("poll") => return Self::Poll,
            Some(_) => env.fault("GRANT_RUNTIME", "is none of lambda, http, poll"),
            None => {}
        }
        let set = |env: &mut Env, name: &str| env.get(name).is_some();
        if set(env, "AWS_LAMBDA_RUNTIME_API") {
            Self::Lambda
        } else if port(env).is_some() || set(env, "FC_FUNCTION_NAME") {
            Self::Http
        } else if set(env, "SCF_RUNTIME_API") || set(env, "RUNTIME_API_ADDR") {
            Self::Poll
        } else {
            Self::Http
        }
    }
}

/// Where to listen: `GRANT_LISTEN`, else every address at the platform's port, else loopback at 9000.
pub fn listen(env: &mut Env) -> SocketAddr {
    let everywhere = |port| SocketAddr::from((Ipv4Addr::UNSPECIFIED, port));
    let default = match port(env) {
        Some(port) => everywhere(port),
        None if env.get("RUNTIME_PROJECT_ID").or_else(|| env.get("RUNTIME_CODE_ROOT")).is_some() => {
            everywhere(8000)
        }
        None if env.get("FC_FUNCTION_NAME").or_else(|| env.get("TENCENTCLOUD_RUNENV")).is_some() => {
            everywhere(9000)
        }
        None => SocketAddr::from((Ipv4Addr::LOCALHOST, 9000)),
    };
    let Some(text) = env.get("GRANT_LISTEN") else { return default };
    // An address with or without port, or a port alone.
    let with_port = text.replacen("localhost", "127.0.0.1", 1).parse::<SocketAddr>().ok();
    let alone = || text.parse::<IpAddr>().ok().map(|address| SocketAddr::from((address, default.port())));
    let bare_port = || {
        text.trim_start_matches(':').parse::<u16>().ok().map(|port| SocketAddr::from((default.ip(), port)))
    };
    with_port.or_else(alone).or_else(bare_port).unwrap_or_else(|| {
        env.fault("GRANT_LISTEN", "is not an address like 127.0.0.1:9000");
        default
    })
}

/// What else tells of a platform: its own gateway ends TLS, and speaks plain HTTP to the function.
const PLATFORMS: [&str; 9] = [
    "AWS_LAMBDA_RUNTIME_API",
    "AWS_LAMBDA_FUNCTION_NAME",
    "FC_FUNCTION_NAME",
    "TENCENTCLOUD_RUNENV",
    "SCF_RUNTIME_API",
    "RUNTIME_API_ADDR",
    "RUNTIME_PROJECT_ID",
    "RUNTIME_CODE_ROOT",
    "K_SERVICE",
];
/// A pod's sidecars, and the watchdog of OpenFaaS, connect from loopback; TLS is for somebody else to end.
const FORWARDERS: [&str; 2] = ["KUBERNETES_SERVICE_HOST", "fprocess"];

/// Whether a platform's gateway stands before the function, and speaks TLS to the world.
pub(crate) fn is_on_platform(env: &mut Env) -> bool {
    Runtime::of(env) != Runtime::Http
        || port(env).is_some()
        || PLATFORMS.iter().any(|name| env.get(name).is_some())
}

/// Whether only this machine can reach the function, and nobody forwards to it.
pub(crate) fn is_local(env: &mut Env) -> bool {
    let forwarded = is_on_platform(env) || FORWARDERS.iter().any(|name| env.get(name).is_some());
    !forwarded && listen(env).ip().is_loopback()
}

fn port(env: &mut Env) -> Option<u16> {
    PORTS.iter().find_map(|name| {
        let port = env.get(name)?.parse().ok();
        if port.is_none() {
            env.fault(name, "is not a port number");
        }
        port
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_platform_decides_unless_told() {
        for (vars, runtime, address) in [
            (&[][..], Runtime::Http, "127.0.0.1:9000"),
            (&[("AWS_LAMBDA_RUNTIME_API", "x:1")], Runtime::Lambda, "127.0.0.1:9000"),
            (
                &[("AWS_LAMBDA_RUNTIME_API", "x:1"), ("GRANT_RUNTIME", "http")],
                Runtime::Http,
                "127.0.0.1:9000",
            ),
            (&[("PORT", "8080")], Runtime::Http, "0.0.0.0:8080"),
            (&[("FC_FUNCTION_NAME", "f")], Runtime::Http, "0.0.0.0:9000"),
            (&[("FC_FUNCTION_NAME", "f"), ("FC_SERVER_PORT", "9001")], Runtime::Http, "0.0.0.0:9001"),
            (&[("TENCENTCLOUD_RUNENV", "SCF")], Runtime::Http, "0.0.0.0:9000"),
            (&[("RUNTIME_PROJECT_ID", "p")], Runtime::Http, "0.0.0.0:8000"),
            (&[("SCF_RUNTIME_API", "a"), ("TENCENTCLOUD_RUNENV", "SCF")], Runtime::Poll, "0.0.0.0:9000"),
            (&[("RUNTIME_API_ADDR", "a:1")], Runtime::Poll, "127.0.0.1:9000"),
            (&[("GRANT_LISTEN", "0.0.0.0")], Runtime::Http, "0.0.0.0:9000"),
            (&[("GRANT_LISTEN", "127.0.0.1:0")], Runtime::Http, "127.0.0.1:0"),
        ] {
            let vars = vars.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            let mut env = Env::new(vars.clone());
            assert_eq!(Runtime::of(&mut env), runtime, "{:?}", vars.collect::<Vec<_>>());
            assert_eq!(listen(&mut env).to_string(), address);
        }
    }
}
