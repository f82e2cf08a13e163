//! Published keys: a JSON Web Key Set (RFC 7517), as far as it is of use here.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};
use serde_json::Value;

use super::jwt::{Alg, Token};

/// The most keys of a set; providers publish two or three.
const MAX_KEYS: usize = 64;
/// 2048 bits: what is shorter is not to be trusted.
const MIN_MODULUS: usize = 256;

/// One public key, good for one algorithm.
pub(super) struct Key {
    kid: Option<String>,
    public: Public,
}

enum Public {
    /// Modulus and exponent without leading zeros.
    Rsa { n: Vec<u8>, e: Vec<u8> },
    /// The uncompressed point on P-256.
    P256(Vec<u8>),
}

/// The keys of a set that can verify RS256 or ES256; keys for anything else are left out. None if `document` is
/// no key set.
pub(super) fn keys(document: &[u8]) -> Option<Vec<Key>> {
    let document: Value = serde_json::from_slice(document).ok()?;
    let keys = document.get("keys")?.as_array()?;
    Some(keys.iter().filter_map(key).take(MAX_KEYS).collect())
}

fn key(jwk: &Value) -> Option<Key> {
    let present = |name: &str| jwk.get(name).filter(|value| !value.is_null());
    let text = |name: &str| jwk.get(name).and_then(Value::as_str);
    let is = |name: &str, expected: &str| present(name).is_none_or(|value| value == expected);
    let verifies = match present("key_ops") {
        None => true,
        Some(operations) => operations.as_array()?.iter().any(|operation| operation == "verify"),
    };
    if !is("use", "sig") || !verifies {
        return None;
    }
    let bytes = |name: &str| URL_SAFE_NO_PAD.decode(text(name)?).ok();
    let public = match text("kty")? {
        "RSA" if is("alg", "RS256") => {
            let (n, e) = (stripped(bytes("n")?), stripped(bytes("e")?));
            let strong = n.len() > MIN_MODULUS || (n.len() == MIN_MODULUS && n[0] >= 0x80);
            strong.then_some(Public::Rsa { n, e })?
        }
        "EC" if is("alg", "ES256") && text("crv") == Some("P-256") => {
            let (x, y) = (bytes("x")?, bytes("y")?);
            (x.len() == 32 && y.len() == 32).then(|| Public::P256([&[4], &*x, &*y].concat()))?
        }
        _ => return None,
    };
    Some(Key { kid: text("kid").map(str::to_owned), public })
}

/// Big-endian without leading zeros.
fn stripped(bytes: Vec<u8>) -> Vec<u8> {
    bytes.into_iter().skip_while(|byte| *byte == 0).collect()
}

impl Key {
    /// Whether this is the key that `token` means: the one it names, or where one of the two has no name, the one
    /// that signed it.
    pub(super) fn is_meant_by(&self, token: &Token<'_>) -> bool {
        match (&self.kid, &token.kid) {
            (Some(ours), Some(named)) => ours == named && self.alg() == token.alg,
            _ => self.signed(token),
        }
    }

    /// Whether this may be the signer's key: `kid` is a hint (RFC 7515, section 4.1.4), and says nothing about
    /// keys that have none.
    fn may_have_signed(&self, token: &Token<'_>) -> bool {
        self.alg() == token.alg && (token.kid.is_none() || self.kid.is_none() || token.kid == self.kid)
    }

    fn alg(&self) -> Alg {
        match self.public {
            Public::Rsa { .. } => Alg::Rs256,
            Public::P256(_) => Alg::Es256,
        }
    }

    /// Whether it signed `token`.
    pub(super) fn signed(&self, token: &Token<'_>) -> bool {
        self.may_have_signed(token)
            && match &self.public {
                Public::Rsa { n, e } => RsaPublicKeyComponents { n, e }
                    .verify(&RSA_PKCS1_2048_8192_SHA256, token.signed, &token.signature)
                    .is_ok(),
                Public::P256(point) => UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
                    .verify(token.signed, &token.signature)
                    .is_ok(),
            }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn count(jwk: &Value) -> usize {
        keys(json!({"keys": [jwk]}).to_string().as_bytes()).unwrap().len()
    }

    #[test]
    fn only_keys_that_may_verify_are_taken() {
        let number = |bytes: usize| URL_SAFE_NO_PAD.encode(vec![0xff; bytes]);
        let rsa = json!({"kty": "RSA", "kid": "r", "n": number(256), "e": "AQAB"});
        let ec = json!({"kty": "EC", "crv": "P-256", "x": number(32), "y": number(32)});
        for (key, name, value, taken) in [
            (&rsa, "use", json!("sig"), 1),
            (&rsa, "use", json!("enc"), 0),
            (&rsa, "use", json!(null), 1),
            (&rsa, "alg", json!(null), 1),
            (&rsa, "key_ops", json!(null), 1),
            (&rsa, "kid", json!(null), 1),
            (&rsa, "key_ops", json!(["verify"]), 1),
            (&rsa, "key_ops", json!(["encrypt"]), 0),
            (&rsa, "alg", json!("RS256"), 1),
            (&rsa, "alg", json!("PS256"), 0),
            (&rsa, "n", json!(number(255)), 0),
            (&rsa, "n", json!(URL_SAFE_NO_PAD.encode([&[0x7f][..], &[0xff; 255]].concat())), 0),
            (&rsa, "n", json!(URL_SAFE_NO_PAD.encode([&[0][..], &[0xff; 256]].concat())), 1),
            (&rsa, "n", json!("not base64!"), 0),
            (&rsa, "kty", json!("oct"), 0),
            (&ec, "alg", json!("ES256"), 1),
            (&ec, "alg", json!("ES384"), 0),
            (&ec, "crv", json!("P-384"), 0),
            (&ec, "x", json!(number(31)), 0),
        ] {
            let mut key = key.clone();
            key[name] = value;
            assert_eq!(count(&key), taken, "{key}");
        }
        assert_eq!(keys(&json!({"keys": vec![&rsa; 100]}).to_string().into_bytes()).unwrap().len(), MAX_KEYS);
        for no_set in ["", "[]", "{}", r#"{"keys":{}}"#, "<html>"] {
            assert!(keys(no_set.as_bytes()).is_none(), "{no_set}");
        }
    }
}
