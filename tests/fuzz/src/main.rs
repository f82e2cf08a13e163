//! One libFuzzer binary; `FUZZ_TARGET` says what it feeds.

#![no_main]

mod routes;
mod targets;

use std::sync::LazyLock;

#[allow(clippy::disallowed_methods, reason = "libFuzzer owns main and the arguments")]
static TARGET: LazyLock<String> = LazyLock::new(|| std::env::var("FUZZ_TARGET").unwrap_or_default());

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    match TARGET.as_str() {
        "event" => targets::event(data),
        "envelopes" => targets::envelopes(data),
        "types" => targets::types(data),
        "request" => targets::request(data),
        "text" => targets::text(data),
        "jwt" => routes::jwt(data),
        "token" => routes::token(data),
        "jobs" => routes::jobs(data),
        "replies" => routes::replies(data),
        other => panic!("FUZZ_TARGET={other} is no target"),
    }
});
