//! What the doctor must know of the evaluation service, and what only a live answer of it tells.

use serde_json::{Value, json};
use upload_grant::model::problem::Problem;
use upload_grant::sign::ssecp;
use upload_grant::wire::secret::Secret;
use upload_grant_runtime::cli::doctor::{Diagnose, Finding, Profile, Report, seen};
use upload_grant_runtime::flow::{Context, UploadRequest};
use upload_grant_runtime::platform::clock;
use upload_grant_runtime::vendor::{Attempt, Reply, alibaba};

use crate::Aicontent;
use crate::evaluation::evaluated;
use crate::warrant::{BAD_SIGN, Transport, warranted};

/// Bytes of the probe: 31 ms of silence as WAV, 16 kHz mono, 16 bits, and its header.
const SIZE: u32 = 1024;
const HEADER: u32 = 44;

const CODES: [(&str, &str); 3] = [
    (
        BAD_SIGN,
        "AICONTENT_APP_SECRET is not the secret of AICONTENT_APP_ID: copy both again; if they are right, set \
         AICONTENT_SIGN=none or AICONTENT_TRANSPORT=ssapi",
    ),
    ("APPLICATION_NOT_FOUND", "AICONTENT_APP_ID is no application of this account"),
    ("430002", "AICONTENT_APP_ID is no application of the evaluation service"),
];

impl Diagnose for Aicontent {
    fn profile(&self) -> Profile {
        let mut codes = CODES.to_vec();
        codes.extend(alibaba::KEY_CODES);
        let api = self.warrants.source();
        let mut endpoints =
            api.ssapi_endpoints.iter().map(|host| ("SSAPI_ENDPOINT", host.clone())).collect::<Vec<_>>();
        if api.transport == Transport::OpenApi {
            endpoints.insert(0, ("AICONTENT_ENDPOINT", api.endpoint.clone()));
        }
        Profile {
            endpoints,
            permission: "RAM action `aicontent:CreateAccessWarrant` on `*`, or the system policy `AliyunAIContentFullAccess`",
            product: "activate the product in the console of the account that {id} belongs to",
            codes,
            refused: "look the evaluation service's code up: about warrant or user, check AICONTENT_APP_ID; about the \
                      audio, mind that the probe is a moment of silence",
            filename: "upload-grant-doctor-probe.wav",
            bytes: silence(),
            params: json!({ "text": { "refText": "probe" } }).as_object().cloned().unwrap_or_default(),
            accepted: |reply| evaluated(reply).map(drop),
            ..Profile::default()
        }
    }

    async fn diagnose(
        &self,
        cx: &Context,
        upload: &UploadRequest,
        report: &mut Report,
    ) -> Result<(), Problem> {
        let user_id = upload.param("user_id").unwrap_or("anonymous");
        let api = self.warrants.source();
        let request = ssecp::Request { app_id: &api.app_id, user_id, user_client_ip: "127.0.0.1" };
        let sign = |attempt: &Attempt| api.sign(&request, attempt);
        let read = |reply: &Reply| api.read(reply).map(|(_, end)| (end, spelling(reply)));
        let (end, spelling) =
            report.call(cx.vendor.call_in_turn(api.hosts(), upload.deadline, sign, read)).await?;
        let left = end.unix() - cx.vendor.to_vendor_time(clock::now()).unix();
        report.add(Finding::info(
            "aicontent.warrant",
            spelling,
            format!("data in {spelling}; the warrant lasts {left} s"),
        ));
        if api.transport == Transport::OpenApi && api.app_secret.is_some() {
            // A warrant for a wrong signature: then nobody looks at it.
            let wrong = Secret::from("not the secret of any application");
            let sign = |attempt: &Attempt| api.sign_openapi(&request, Some(&wrong), attempt);
            let outcome = cx.vendor.call(upload.deadline, sign, warranted).await;
            report.add(signature(outcome.err().as_ref()));
        }
        Ok(())
    }
}

fn signature(refused: Option<&Problem>) -> Finding {
    let check = "aicontent.sign";
    let code = refused.and_then(|problem| problem.vendor.as_ref()?.code.as_deref());
    match (refused, code) {
        (None, _) => {
            Finding::info(check, "not_checked", "requestSign is not checked: a wrong one is accepted")
        }
        (_, Some(BAD_SIGN)) => Finding::info(check, "checked", "requestSign is checked, and ours is right"),
        (Some(problem), _) => {
            Finding::info(check, "unclear", format!("a wrong requestSign: {}", seen(problem)))
        }
    }
}

/// How the members of `data` are spelled.
fn spelling(reply: &Reply) -> &'static str {
    let document = reply.json().unwrap_or_default();
    let data = alibaba::member(&document, "Data").and_then(Value::as_object);
    let first = data.and_then(|data| data.keys().next()).and_then(|name| name.chars().next());
    match first {
        Some(first) if first.is_ascii_uppercase() => "PascalCase",
        _ if data.is_some_and(|data| data.keys().any(|name| name.contains('_'))) => "snake_case",
        _ => "camelCase",
    }
}

/// <http://soundfile.sapp.org/doc/WaveFormat/>
fn silence() -> Vec<u8> {
    let mut wav = Vec::with_capacity(SIZE as usize);
    wav.extend(b"RIFF");
    wav.extend((SIZE - 8).to_le_bytes());
    wav.extend(b"WAVEfmt ");
    wav.extend(16_u32.to_le_bytes());
    for word in [1_u16, 1] {
        wav.extend(word.to_le_bytes()); // PCM, mono
    }
    wav.extend(16_000_u32.to_le_bytes());
    wav.extend(32_000_u32.to_le_bytes());
    for word in [2_u16, 16] {
        wav.extend(word.to_le_bytes()); // bytes of a frame, bits of a sample
    }
    wav.extend(b"data");
    wav.extend((SIZE - HEADER).to_le_bytes());
    wav.resize(SIZE as usize, 0);
    wav
}
