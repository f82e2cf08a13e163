//! Bearer tokens for the tests, and an identity provider that publishes their keys.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
    RsaPublicKeyComponents,
};
use serde_json::{Value, json};
use upload_grant_runtime::platform::clock;
use upload_grant_runtime::serve::{Connections, serve};

/// Issuer of the tests' tokens.
pub const ISSUER: &str = "https://idp.example/";
/// Audience of the tests' tokens.
pub const AUDIENCE: &str = "upload-grants";
/// The shared secret of HS256.
pub const SECRET: &str = "a-jwt-secret-of-at-least-32-bytes!!";

/// The settings that trust [`hs256`].
pub const SHARED: [(&str, &str); 4] = [
    ("GRANT_AUTH", "jwt"),
    ("GRANT_JWT_ISSUER", ISSUER),
    ("GRANT_JWT_AUDIENCE", AUDIENCE),
    ("GRANT_JWT_SECRET", SECRET),
];

/// Claims that are good for five minutes, with `more` in or over them; null takes a claim away.
///
/// # Panics
/// If `more` is not an object.
pub fn claims(more: &Value) -> Value {
    let now = clock::now().unix();
    let mut claims =
        json!({"iss": ISSUER, "aud": AUDIENCE, "sub": "ann", "iat": now, "nbf": now, "exp": now + 300});
    let members = claims.as_object_mut().expect("an object");
    for (name, value) in more.as_object().expect("an object") {
        if value.is_null() {
            members.remove(name);
        } else {
            members.insert(name.clone(), value.clone());
        }
    }
    claims
}

/// Header and payload with whatever `sign` makes of them.
pub fn token(header: &Value, claims: &Value, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
    let part = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let signed = format!("{}.{}", part(header.to_string().as_bytes()), part(claims.to_string().as_bytes()));
    let signature = part(&sign(signed.as_bytes()));
    format!("{signed}.{signature}")
}

/// HMAC-SHA256 of `bytes`.
pub fn hmac(secret: &[u8], bytes: &[u8]) -> Vec<u8> {
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret);
    ring::hmac::sign(&key, bytes).as_ref().to_vec()
}

/// A token under [`SECRET`].
pub fn hs256(claims: &Value) -> String {
    token(&json!({"alg": "HS256", "typ": "JWT"}), claims, |signed| hmac(SECRET.as_bytes(), signed))
}

/// A key pair of an identity provider.
pub struct KeyPair {
    kid: &'static str,
    pair: Pair,
}

enum Pair {
    Rsa(Box<RsaKeyPair>),
    P256(Box<EcdsaKeyPair>),
}

impl KeyPair {
    /// The RSA key in the vectors.
    ///
    /// # Panics
    /// If it cannot be read.
    pub fn rsa(kid: &'static str) -> Self {
        let pem = include_str!("../vectors/jwt-rsa-test-key.pem");
        let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
        let der = STANDARD.decode(body).expect("base64");
        Self { kid, pair: Pair::Rsa(Box::new(RsaKeyPair::from_pkcs8(&der).expect("an RSA key"))) }
    }

    /// A fresh P-256 key.
    ///
    /// # Panics
    /// If none can be made.
    pub fn p256(kid: &'static str) -> Self {
        let (random, scheme) = (SystemRandom::new(), &ECDSA_P256_SHA256_FIXED_SIGNING);
        let document = EcdsaKeyPair::generate_pkcs8(scheme, &random).expect("a key");
        let pair = EcdsaKeyPair::from_pkcs8(scheme, document.as_ref(), &random).expect("a key");
        Self { kid, pair: Pair::P256(Box::new(pair)) }
    }

    /// The public half, as published.
    pub fn jwk(&self) -> Value {
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        match &self.pair {
            Pair::Rsa(pair) => {
                let public = RsaPublicKeyComponents::<Vec<u8>>::from(pair.public());
                json!({"kty": "RSA", "use": "sig", "alg": "RS256", "kid": self.kid,
                    "n": text(&public.n), "e": text(&public.e)})
            }
            Pair::P256(pair) => {
                let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
                json!({"kty": "EC", "crv": "P-256", "use": "sig", "kid": self.kid, "x": text(x), "y": text(y)})
            }
        }
    }

    /// A token under this key.
    pub fn sign(&self, claims: &Value) -> String {
        let alg = if matches!(self.pair, Pair::Rsa(_)) { "RS256" } else { "ES256" };
        self.sign_as(&json!({"alg": alg, "kid": self.kid}), claims)
    }

    /// A token under this key with any header.
    ///
    /// # Panics
    /// If the key cannot sign.
    pub fn sign_as(&self, header: &Value, claims: &Value) -> String {
        let random = SystemRandom::new();
        token(header, claims, |signed| match &self.pair {
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, signed, &mut signature).expect("a signature");
                signature
            }
            Pair::P256(pair) => pair.sign(&random, signed).expect("a signature").as_ref().to_vec(),
        })
    }
}

/// An identity provider on loopback.
#[derive(Clone)]
pub struct Provider {
    /// Where its keys are.
    pub url: String,
    state: Arc<Mutex<State>>,
}

struct State {
    status: u16,
    body: String,
    fetches: usize,
}

impl Provider {
    /// A provider of these keys.
    ///
    /// # Panics
    /// If it cannot start.
    pub async fn start(keys: &[&KeyPair]) -> Self {
        let state = Arc::new(Mutex::new(State { status: 200, body: String::new(), fetches: 0 }));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}/keys?tenant=t", listener.local_addr().expect("an address"));
        let provider = Self { url, state };
        provider.publish(keys);
        let answering = provider.clone();
        let keys = axum::routing::get(async move || answering.answer());
        let router = axum::Router::new().route("/keys", keys);
        tokio::spawn(serve(listener, router, Connections::default(), std::future::pending()));
        provider
    }

    /// The settings that trust it.
    pub fn settings(&self) -> [(&str, &str); 4] {
        [SHARED[0], SHARED[1], SHARED[2], ("GRANT_JWT_JWKS_URL", &self.url)]
    }

    /// Publishes these keys from now on.
    pub fn publish(&self, keys: &[&KeyPair]) {
        let keys: Vec<Value> = keys.iter().map(|key| key.jwk()).collect();
        self.say(200, json!({ "keys": keys }).to_string());
    }

    /// Answers this from now on.
    pub fn say(&self, status: u16, body: impl Into<String>) {
        let mut state = self.lock();
        (state.status, state.body) = (status, body.into());
    }

    /// How often it was asked.
    pub fn fetches(&self) -> usize {
        self.lock().fetches
    }

    fn answer(&self) -> (axum::http::StatusCode, String) {
        let mut state = self.lock();
        state.fetches += 1;
        (axum::http::StatusCode::from_u16(state.status).unwrap_or_default(), state.body.clone())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
