//! The caller's trace, to be passed on and logged: W3C Trace Context.
//!
//! <https://www.w3.org/TR/trace-context/#traceparent-header>

use http::HeaderMap;

/// Name of the header.
pub const TRACEPARENT: &str = "traceparent";

/// A valid `traceparent`: `version-traceid-parentid-flags`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace(String);

impl Trace {
    /// The one in `headers`; anything else that goes by the name is dropped.
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        Self::parse(headers.get(TRACEPARENT)?.to_str().ok()?)
    }

    fn parse(text: &str) -> Option<Self> {
        let parts: Vec<&str> = text.split('-').collect();
        let [version, trace, parent, flags] = parts[..] else { return None };
        let hex = |part: &str, length: usize| {
            part.len() == length && part.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
        };
        let id = |part: &str, length| hex(part, length) && part.bytes().any(|b| b != b'0');
        let valid = hex(version, 2) && version != "ff" && id(trace, 32) && id(parent, 16) && hex(flags, 2);
        valid.then(|| Self(text.to_owned()))
    }

    /// As it came: we are no span of our own.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id that all of a trace's lines share.
    pub fn id(&self) -> &str {
        &self.0[3..35]
    }
}

#[cfg(test)]
mod tests {
    use super::Trace;

    #[test]
    fn only_a_valid_traceparent_is_one() {
        let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert_eq!(Trace::parse(good).unwrap().id(), "4bf92f3577b34da6a3ce929d0e0e4736");
        for bad in [
            "",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x",
            "00-4bf92f3577b34da6a3ce929d0e0e473\n-00f067aa0ba902b7-01",
        ] {
            assert_eq!(Trace::parse(bad), None, "{bad}");
        }
    }
}
