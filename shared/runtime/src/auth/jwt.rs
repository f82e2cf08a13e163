//! Bearer tokens: JSON Web Tokens (RFC 7519), checked as RFC 8725 advises.
//!
//! The token never chooses its own check: what the function was configured with fixes the algorithm, and the
//! token's header must agree.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use serde_json::{Map, Value};

use upload_grant::wire::time::Timestamp;

/// The longest token worth looking at.
const MAX_TOKEN: usize = 8 * 1024;
/// Seconds by which clocks may differ.
const LEEWAY: f64 = 60.0;

/// The algorithms that are known here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Alg {
    Hs256,
    Rs256,
    Es256,
}

/// Whose tokens, and for whom.
pub(super) struct Rules {
    pub(super) issuer: String,
    pub(super) audience: String,
}

/// A token taken apart; nothing in it is to be believed yet.
pub(super) struct Token<'a> {
    pub(super) alg: Alg,
    pub(super) kid: Option<String>,
    /// Header and payload as they were signed.
    pub(super) signed: &'a [u8],
    pub(super) signature: Vec<u8>,
    payload: Vec<u8>,
}

impl<'a> Token<'a> {
    /// Takes a compact token apart; algorithms and extensions we do not know are refused.
    pub(super) fn parse(text: &'a str) -> Result<Self, &'static str> {
        const NO_TOKEN: &str = "the token is not a JSON Web Token";
        if text.len() > MAX_TOKEN {
            return Err("the token is longer than 8 KiB");
        }
        let (signed, signature) = text.rsplit_once('.').ok_or(NO_TOKEN)?;
        let (header, payload) = signed.split_once('.').ok_or(NO_TOKEN)?;
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| NO_TOKEN);
        let mut header: Map<String, Value> =
            serde_json::from_slice(&decode(header)?).map_err(|_| NO_TOKEN)?;
        header.retain(|_, value| !value.is_null()); // null is absent
        if header.contains_key("crit") {
            return Err("the token demands an extension");
        }
        let alg = match header.get("alg").and_then(Value::as_str) {
            Some("HS256") => Alg::Hs256,
            Some("RS256") => Alg::Rs256,
            Some("ES256") => Alg::Es256,
            _ => return Err("the token's algorithm is not accepted"),
        };
        let kid = match header.get("kid") {
            None => None,
            Some(kid) => Some(kid.as_str().ok_or(NO_TOKEN)?.to_owned()),
        };
        let (payload, signature) = (decode(payload)?, decode(signature)?);
        Ok(Self { alg, kid, signed: signed.as_bytes(), signature, payload })
    }

    /// Whether it was signed with a shared key.
    pub(super) fn is_authentic(&self, key: &hmac::Key) -> bool {
        self.alg == Alg::Hs256 && hmac::verify(key, self.signed, &self.signature).is_ok()
    }

    /// The claims of a token whose signature is good, if they are `rules`' and it is their time; without those that
    /// are null.
    pub(super) fn claims(self, rules: &Rules, now: Timestamp) -> Result<Map<String, Value>, &'static str> {
        let mut claims: Map<String, Value> =
            serde_json::from_slice(&self.payload).map_err(|_| "the token's claims are not an object")?;
        claims.retain(|_, value| !value.is_null());
        if claims.get("iss").and_then(Value::as_str) != Some(&rules.issuer) {
            return Err("the token is from another issuer");
        }
        let for_us = match audience(&claims).ok_or("the token names no audience")? {
            Value::String(audience) => *audience == rules.audience,
            Value::Array(audiences) => audiences.iter().any(|audience| *audience == *rules.audience),
            _ => false,
        };
        if !for_us {
            return Err("the token is for another audience");
        }
        #[allow(clippy::cast_precision_loss, reason = "seconds of four-digit years are exact")]
        let now = now.unix() as f64;
        let time = |name: &str| match claims.get(name) {
            None => Ok(None),
            Some(value) => value.as_f64().map(Some).ok_or("a time in the token is not a number"),
        };
        if time("exp")?.ok_or("the token never expires")? + LEEWAY <= now {
            return Err("the token has expired");
        }
        if time("nbf")?.is_some_and(|from| from - LEEWAY > now) {
            return Err("the token is not valid yet");
        }
        if time("iat")?.is_some_and(|issued| issued - LEEWAY > now) {
            return Err("the token is from the future");
        }
        Ok(claims)
    }
}

/// Whom the claims are for. Cognito's access tokens name the client that they were issued to instead.
/// <https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-the-access-token.html>
fn audience(claims: &Map<String, Value>) -> Option<&Value> {
    let client =
        || claims.get("client_id").filter(|_| claims.get("token_use").is_some_and(|is| is == "access"));
    claims.get("aud").or_else(client)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const NOW: i64 = 1_790_000_000;

    fn token(header: &Value, claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        format!("{}.{}.{}", part(header), part(claims), URL_SAFE_NO_PAD.encode("signature"))
    }

    fn claims(change: &Value) -> Result<(), &'static str> {
        let mut claims = json!({"iss": "i", "aud": "a", "exp": NOW + 300});
        for (name, value) in change.as_object().unwrap() {
            claims[name] = value.clone();
        }
        let rules = Rules { issuer: "i".into(), audience: "a".into() };
        let text = token(&json!({"alg": "HS256"}), &claims);
        Token::parse(&text)?.claims(&rules, Timestamp::from_unix(NOW)).map(drop)
    }

    #[test]
    fn claims_are_checked_to_the_second() {
        for (change, outcome) in [
            (json!({}), Ok(())),
            (json!({"aud": ["b", "a"]}), Ok(())),
            (json!({"exp": NOW - 59, "nbf": NOW + 60, "iat": NOW + 60}), Ok(())),
            (json!({"exp": NOW - 60}), Err("the token has expired")),
            (json!({"exp": null}), Err("the token never expires")),
            (json!({"nbf": null, "iat": null}), Ok(())),
            (json!({"exp": "9999999999"}), Err("a time in the token is not a number")),
            (json!({"nbf": NOW + 61}), Err("the token is not valid yet")),
            (json!({"iat": NOW + 61}), Err("the token is from the future")),
            (json!({"iss": "i/"}), Err("the token is from another issuer")),
            (json!({"iss": ["i"]}), Err("the token is from another issuer")),
            (json!({"aud": "ab"}), Err("the token is for another audience")),
            (json!({"aud": []}), Err("the token is for another audience")),
            (json!({"aud": {"a": "a"}}), Err("the token is for another audience")),
            (json!({"aud": null}), Err("the token names no audience")),
            (json!({"aud": null, "client_id": "a"}), Err("the token names no audience")),
            (json!({"aud": null, "client_id": "a", "token_use": "id"}), Err("the token names no audience")),
            (json!({"aud": null, "client_id": "a", "token_use": "access"}), Ok(())),
            (
                json!({"aud": null, "client_id": "b", "token_use": "access"}),
                Err("the token is for another audience"),
            ),
            (
                json!({"aud": "b", "client_id": "a", "token_use": "access"}),
                Err("the token is for another audience"),
            ),
        ] {
            assert_eq!(claims(&change), outcome, "{change}");
        }
        let endless = token(&json!({"alg": "HS256"}), &json!({"iss": "i", "aud": "a"}));
        let rules = Rules { issuer: "i".into(), audience: "a".into() };
        let refused = Token::parse(&endless).unwrap().claims(&rules, Timestamp::from_unix(NOW));
        assert_eq!(refused, Err("the token never expires"));
    }

    #[test]
    fn only_tokens_we_understand_whole_are_taken_apart() {
        let claims = json!({});
        for header in [
            json!({"alg": "none"}),
            json!({"alg": "nOnE"}),
            json!({"alg": "HS512"}),
            json!({"alg": ["HS256"]}),
            json!({}),
            json!({"alg": "HS256", "crit": ["b64"], "b64": false}),
            json!({"alg": "HS256", "kid": 1}),
            json!(["HS256"]),
        ] {
            assert!(Token::parse(&token(&header, &claims)).is_err(), "{header}");
        }
        let nulls = token(&json!({"alg": "HS256", "kid": null, "crit": null}), &claims);
        assert_eq!(Token::parse(&nulls).map(|token| token.kid), Ok(None));
        let good = token(&json!({"alg": "HS256", "kid": "k"}), &claims);
        assert_eq!(Token::parse(&good).map(|token| token.kid), Ok(Some("k".to_owned())));
        for bad in ["", ".", "..", "a.b", &format!("{good}.x"), &format!("{good}="), &format!("{good} ")] {
            assert!(Token::parse(bad).is_err(), "{bad}");
        }
        assert!(Token::parse(&format!("{good}{}", "A".repeat(MAX_TOKEN))).is_err());
    }
}
