//! From a request to a checked upload: everything that can be refused is refused here, before any vendor call.

use std::net::IpAddr;

use tokio::time::Instant;
use upload_grant::model::media::{self, Listing};
use upload_grant::model::params;
use upload_grant::model::problem::{Code, Problem};
use upload_grant::model::request::{GrantRequest, Mode};

use super::App;
use crate::auth::policy::Permissions;
use crate::flow::{Flow, UploadRequest};
use crate::platform::{clock, new_id};

impl<F: Flow> App<F> {
    /// Checks a request against flow, settings and policy: before any vendor call.
    pub(super) fn admit(
        &self,
        asked: &GrantRequest,
        granted: &Permissions<'_>,
        source: Option<IpAddr>,
        max_body: u64,
    ) -> Result<UploadRequest, Problem> {
        let mode = granted.mode(asked.mode, self.flow.modes())?;
        if !self.flow.modes().contains(&mode) {
            return Err(Problem::invalid("/mode", format!("this flow has no mode {}", mode.as_str())));
        }
        if mode == Mode::Credentials && !self.cx.settings.allow_credentials {
            return Err(Problem::at(Code::Forbidden, "/mode", "credentials mode is switched off"));
        }
        if F::SPEC.needs_md5 && mode != Mode::Relay {
            let wanted = "the vendor wants it when asked: send it, or use relay";
            asked.size.ok_or_else(|| Problem::invalid("/size", wanted))?;
            asked.checksums.md5.as_ref().ok_or_else(|| Problem::invalid("/checksums/md5", wanted))?;
        }
        let bounded = mode == Mode::Relay || F::SPEC.bounded.contains(&mode);
        granted.size(asked.size, self.cx.settings.max_bytes.is_some(), bounded)?;
        self.checked_request(asked, mode, granted, source, max_body)
    }

    /// Checks parameters, type and size, and puts the request together.
    pub(crate) fn checked_request(
        &self,
        asked: &GrantRequest,
        mode: Mode,
        granted: &Permissions<'_>,
        source: Option<IpAddr>,
        max_body: u64,
    ) -> Result<UploadRequest, Problem> {
        let sent = params::by_name(F::SPEC.params, &asked.params)?;
        let params = granted.params(F::SPEC.params, self.defaults.clone(), &sent, source)?;
        F::SPEC.check_params(&params)?;
        let listing = Listing { types: &F::SPEC.types, patterns: self.cx.settings.content_types.as_deref() };
        let media = media::resolve(&asked.filename, asked.content_type.as_deref(), &listing)?;
        let limit = self.cx.settings.max_bytes.unwrap_or(media.max_bytes);
        let mut max_bytes = granted.max_bytes(&media.content_type, limit)?;
        if mode == Mode::Relay {
            self.sealers()?;
            max_bytes = max_bytes.min(max_body);
        }
        if asked.size.is_some_and(|size| size > max_bytes) {
            let detail = format!("files of this type are limited to {max_bytes} bytes");
            return Err(Problem::at(Code::TooLarge, "/size", detail));
        }
        let upload = UploadRequest {
            id: new_id(),
            filename: asked.filename.clone(),
            content_type: media.content_type,
            declared_type: media.declared,
            extension: media.extension,
            size: asked.size,
            max_bytes,
            checksums: asked.checksums.clone(),
            mode,
            params,
            now: clock::now(),
            deadline: Instant::now() + self.cx.settings.timeout,
            sender: granted.caller().share().map(str::to_owned),
        };
        self.flow.check(&upload)?;
        Ok(upload)
    }
}
