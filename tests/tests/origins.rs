//! Pages, proxies and gateways in front of a function: who may call, and which address relay grants are given.

use alibaba_chatapp::Chatapp;
use reqwest::Method;
use serde_json::{Value, json};
use upload_grant_tests::{Answer, Function, sandbox};

const HYBRID: &str =
    "https://app.example.com,capacitor://localhost,ionic://localhost,tauri://localhost,app://files";
const INSECURE: (&str, &str) = ("GRANT_INSECURE", "true");

async fn start(settings: &[(&str, &str)]) -> Function {
    Function::start::<Chatapp>(&sandbox().await, settings).await
}

fn relay() -> String {
    json!({"filename": "a.png", "mode": "relay"}).to_string()
}

/// The URL of a relay grant, without its ticket.
fn url(answer: Answer) -> String {
    let url = answer.ok()["url"].as_str().expect("a URL").to_owned();
    url.rsplit_once('/').expect("a ticket").0.to_owned()
}

#[tokio::test]
async fn origins_of_hybrid_apps_are_served_to_the_letter() {
    let function = start(&[("GRANT_CORS_ORIGINS", HYBRID)]).await;
    for origin in HYBRID.split(',') {
        let answer = Answer::of(function.post("/grants").header("origin", origin).body(relay())).await;
        assert_eq!((answer.status, answer.header("access-control-allow-origin")), (200, origin));
    }
    for origin in [
        "null",
        "*",
        "capacitor://localhost/",
        "Capacitor://localhost",
        "app://file",
        "https://app.example.com:444",
    ] {
        let answer = Answer::of(function.post("/grants").header("origin", origin).body(relay())).await;
        assert_eq!(
            (answer.problem(), answer.header("access-control-allow-origin")),
            ((403, "forbidden"), ""),
            "{origin}"
        );
    }
    for refused in ["null", "*", "https://app.example.com,null", "capacitor://*"] {
        let function = start(&[("GRANT_CORS_ORIGINS", refused)]).await;
        let answer = Answer::of(function.post("/grants").body(relay())).await;
        assert_eq!(answer.problem(), (500, "config_missing"), "{refused}");
    }
}

#[tokio::test]
async fn the_headers_of_tracers_pass_the_preflight() {
    let function = start(&[("GRANT_CORS_ORIGINS", HYBRID)]).await;
    let request = function.client.request(Method::OPTIONS, format!("{}/grants", function.url));
    let request = request
        .header("origin", "capacitor://localhost")
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "content-type,traceparent,tracestate,baggage,sentry-trace");
    let answer = Answer::of(request).await;
    assert_eq!(answer.header("access-control-allow-origin"), "capacitor://localhost");
    let allowed = answer.header("access-control-allow-headers").to_ascii_lowercase();
    let allowed: Vec<&str> = allowed.split(',').map(str::trim).collect();
    for name in
        ["content-type", "traceparent", "tracestate", "baggage", "sentry-trace", "authorization", "x-api-key"]
    {
        assert!(allowed.contains(&name), "{name} is not in {allowed:?}");
    }
}

/// `GRANT_AUTH=none` on a laptop: any page in its browser can send to loopback.
#[tokio::test]
async fn nobody_but_this_machine_asks_where_nobody_is_asked() {
    let settings = [("GRANT_CORS_ORIGINS", "https://app.example.com"), ("GRANT_EVENTS", "trusted")];
    let (guarded, open) = (start(&settings).await, start(&[&settings[..], &[INSECURE]].concat()).await);
    let job = json!({"id": "j", "filename": "a.png", "source": {"base64": "aGVsbG8="}}).to_string();
    let port = guarded.url.rsplit(':').next().expect("a port");
    let local = [format!("localhost:{port}"), format!("app.localhost:{port}"), "[::1]:9000".to_owned()];
    let local = local.iter().map(|host| ("host", &**host, 200));
    let cases = [
        ("host", "evil.example", 403),
        ("host", "127.0.0.1.evil.example", 403),
        ("host", "192.168.1.20:9000", 403),
        ("host", "0.0.0.0:9000", 403),
        ("origin", "https://evil.example", 403),
        ("origin", "null", 403),
        ("origin", "http://localhost:5173", 200),
        ("origin", "http://127.0.0.1", 200),
        ("origin", "https://app.example.com", 200),
    ];
    for (header, value, status) in local.chain(cases) {
        for (path, body) in [("/grants", relay()), ("/", relay()), ("/events", job.clone())] {
            let sent = |function: &Function| {
                let request = function.client.post(format!("{}{path}", function.url));
                // What a form in a page can send without asking first.
                request.header("content-type", "text/plain").header(header, value).body(body.clone())
            };
            let answer = Answer::of(sent(&guarded)).await;
            assert_eq!(answer.status, status, "{path} {header}: {value}: {}", answer.text);
            assert_eq!(Answer::of(sent(&open)).await.status, 200, "{path} {header}: {value}");
        }
        let answer = Answer::of(guarded.get("/s3/params?filename=a.png").header(header, value)).await;
        assert_eq!(answer.status, status, "{header}: {value}");
        assert_eq!(Answer::of(guarded.get("/healthz").header(header, value)).await.status, 200);
    }
}

#[tokio::test]
async fn a_trusted_proxy_tells_the_address() {
    let trusting = start(&[INSECURE, ("GRANT_TRUST_PROXY", "true")]).await;
    let doubting = start(&[INSECURE]).await;
    let (host, proto, prefix) = (
        ("x-forwarded-host", "up.example.com"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-prefix", "/files"),
    );
    let forwarded = |value: &'static str| ("forwarded", value);
    for (headers, expected) in [
        (vec![host, proto, prefix], "https://up.example.com/files/relay"),
        (vec![host, proto, ("x-forwarded-prefix", "/files/")], "https://up.example.com/files/relay"),
        (vec![host, proto, prefix, ("x-forwarded-port", "8443")], "https://up.example.com:8443/files/relay"),
        (vec![host, proto, ("x-forwarded-port", "443")], "https://up.example.com/relay"),
        (vec![host, proto, ("x-forwarded-port", "80")], "https://up.example.com/relay"),
        (
            vec![("x-forwarded-host", "up.example.com:8443"), proto, prefix],
            "https://up.example.com:8443/files/relay",
        ),
        (
            vec![("x-forwarded-host", "up.example.com:8443"), proto, ("x-forwarded-port", "443")],
            "https://up.example.com:8443/relay",
        ),
        (
            vec![("x-forwarded-host", "up.example.com, inner"), ("x-forwarded-proto", "https,http")],
            "https://up.example.com/relay",
        ),
        (vec![("x-forwarded-host", "[2001:db8::1]:8443"), proto], "https://[2001:db8::1]:8443/relay"),
        (vec![forwarded("host=up.example.com;proto=https"), prefix], "https://up.example.com/files/relay"),
        (
            vec![forwarded("host=up.example.com;proto=https"), ("x-forwarded-port", "8443")],
            "https://up.example.com:8443/relay",
        ),
        (
            vec![forwarded("for=192.0.2.1; Proto=https; Host=\"up.example.com:8443\", for=10.0.0.1;host=b")],
            "https://up.example.com:8443/relay",
        ),
        (
            vec![
                forwarded("host=up.example.com;proto=https"),
                ("x-forwarded-host", "other.example"),
                ("x-forwarded-proto", "http"),
            ],
            "https://up.example.com/relay",
        ),
        (vec![forwarded("for=192.0.2.1"), host, proto], "https://up.example.com/relay"),
        (vec![forwarded("proto=https"), host], "https://up.example.com/relay"),
        (vec![proto], "https://backend:9000/relay"),
        (vec![host], "http://up.example.com/relay"),
        (vec![prefix], "http://backend:9000/files/relay"),
        (
            vec![("x-forwarded-host", "evil.example/x?y"), ("x-forwarded-proto", "javascript")],
            "http://backend:9000/relay",
        ),
        (vec![("x-forwarded-prefix", "//evil.example")], "http://backend:9000/relay"),
    ] {
        let ask = |function: &Function| {
            let request = function.post("/grants").header("host", "backend:9000");
            headers.iter().fold(request, |request, (name, value)| request.header(*name, *value)).body(relay())
        };
        assert_eq!(url(Answer::of(ask(&trusting)).await), expected, "{headers:?}");
        assert_eq!(url(Answer::of(ask(&doubting)).await), "http://backend:9000/relay", "{headers:?}");
    }
}

#[tokio::test]
async fn without_a_proxy_it_is_the_address_that_was_asked() {
    let plain = start(&[INSECURE]).await;
    let on_platform = start(&[INSECURE, ("FC_FUNCTION_NAME", "f")]).await;
    for (host, path, expected) in [
        ("192.168.1.20:9000", "/grants", "192.168.1.20:9000/relay"),
        ("nas.local", "/up/grants", "nas.local/up/relay"),
        ("[fd00::1]:9000", "/", "[fd00::1]:9000/relay"),
    ] {
        let ask = |function: &Function| function.post(path).header("host", host).body(relay());
        assert_eq!(url(Answer::of(ask(&plain)).await), format!("http://{expected}"));
        assert_eq!(url(Answer::of(ask(&on_platform)).await), format!("https://{expected}"));
    }
    assert_eq!(url(Answer::of(plain.post("/grants").body(relay())).await), format!("{}/relay", plain.url));
}

/// The spelling that was asked with, none, and the grant's own header: what gateways and clients make of a type.
#[tokio::test]
async fn a_relay_takes_the_spelling_that_was_asked_with() {
    let function = start(&[INSECURE]).await;
    for kind in ["image/jpg", "", "image/jpeg", "application/octet-stream"] {
        let asked = json!({"filename": "a.jpg", "content_type": "image/jpg", "mode": "relay"});
        let grant = function.ask(&asked).await.ok();
        assert_eq!(grant["limits"]["content_types"], json!(["image/jpeg"]));
        let put = function.client.put(grant["url"].as_str().expect("a URL")).header("content-type", kind);
        let receipt: Value = Answer::of(put.body("hello")).await.ok();
        assert_eq!(receipt["size"], 5, "{kind}");
    }
}

/// As PowerShell 5 and .NET write UTF-8.
#[tokio::test]
async fn a_byte_order_mark_is_no_part_of_the_json() {
    let function = start(&[]).await;
    let answer = Answer::of(function.post("/grants").body(format!("\u{feff}{}", relay()))).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
}
