#![doc = include_str!("../README.md")]

mod doctor;
mod file;
mod file_name;
mod lease;
mod limits;
mod signed_url;

use bytes::Bytes;
use serde_json::json;
use tokio::time::Instant;
use upload_grant::model::grant::{Enforced, Grant};
use upload_grant::model::problem::{Code, Problem};
use upload_grant::model::receipt::{Handoff, Receipt};
use upload_grant::model::request::Mode;
use upload_grant_runtime::flow::{
    Context, Finish, Flow, Kind, Member, Param, Spec, UploadContext, UploadRequest,
};
use upload_grant_runtime::platform::{Env, KeyRing};
use upload_grant_runtime::transfer::{self, Body, StoredObject};

use crate::lease::Leases;

/// The flow: a client of Bailian.
pub struct Bailian {
    leases: Leases,
    /// Whether jobs go on to `AddFile`.
    adds_files: bool,
}

impl Flow for Bailian {
    const SPEC: Spec = Spec {
        name: "alibaba-bailian",
        types: limits::TYPES,
        params: &[
            Param::new("workspace_id", Kind::Text, "Bailian: the workspace")
                .env("BAILIAN_WORKSPACE_ID")
                .required(),
            Param::new("category_id", Kind::Text, "Bailian: the category, as AddCategory answers it")
                .env("BAILIAN_CATEGORY_ID")
                .or("default"),
            Param::new(
                "category_type",
                Kind::OneOf(&["UNSTRUCTURED", "SESSION_FILE"]),
                "Bailian: for a knowledge base, or for one conversation",
            )
            .env("BAILIAN_CATEGORY_TYPE")
            .or("UNSTRUCTURED"),
        ],
        modes: &[Mode::Put, Mode::Relay],
        collect: &["etag", "x-oss-hash-crc64ecma"],
        vendor: &[Member::text("lease_id", "Bailian: what AddFile takes")],
        needs_md5: true,
        ..Spec::DEFAULT
    };

    fn from_env(env: &mut Env) -> Self {
        Self {
            leases: Leases::from_env(env),
            adds_files: env.choice("BAILIAN_FINISH", &["none", "addfile"]) == "addfile",
        }
    }

    fn keys(&self) -> Option<&KeyRing> {
        Some(&self.leases.keys)
    }

    async fn grant(&self, cx: &Context, upload: &UploadRequest) -> Result<Grant, Problem> {
        let lease = self.leases.apply(cx, upload).await?;
        let limits = upload.limits(&[Enforced::Key, Enforced::Expiry]);
        let signed = lease.url;
        let mut grant = upload.grant::<Self>(signed.url, signed.key, signed.expires_at, limits);
        grant.method = lease.method;
        grant.headers = lease.headers;
        grant.object = Some(signed.object);
        grant.vendor.insert("lease_id".into(), lease.id.into());
        grant.vendor.extend(lease.request_id.map(|id| ("request_id".to_owned(), json!(id))));
        Ok(grant)
    }

    /// Streams where the MD5 is known; else the file waits in memory until it is.
    async fn upload(
        &self,
        cx: &Context,
        upload: &UploadRequest,
        body: Body,
    ) -> Result<StoredObject, Problem> {
        if upload.checksums.md5.is_some() {
            let grant = self.grant(cx, upload).await?;
            return transfer::send(cx.vendor.client(), &grant, upload.deadline, body).await;
        }
        let length = body.length();
        let held = cx.buffers.hold(length, upload.sender.as_deref(), upload.deadline).await;
        let held = held.map_err(|problem| match problem.code {
            Code::TooLarge => Problem::invalid(
                "/checksums/md5",
                "the vendor wants the MD5 first, and GRANT_BUFFER_BYTES is too small to find it out: send it",
            ),
            _ => problem,
        })?;
        let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(0));
        let digests = held.fill(body.read(|chunk| bytes.extend_from_slice(chunk))).await?;
        let mut upload = upload.clone();
        upload.checksums.md5 = Some(digests.md5_base64);
        let grant = self.grant(cx, &upload).await?;
        let body = Body::whole(Bytes::from(bytes));
        transfer::send(cx.vendor.client(), &grant, upload.deadline, body).await
    }

    fn finishes(&self) -> bool {
        self.adds_files
    }

    async fn finish(&self, cx: &Context, receipt: &Receipt, deadline: Instant) -> Result<Finish, Problem> {
        file::step(&self.leases, cx, receipt, deadline).await
    }

    fn handoff(&self, receipt: &Receipt, context: &UploadContext<'_>) -> Option<Handoff> {
        let lease = receipt.vendor.get("lease_id")?.clone();
        Some(Handoff::new(
            ["AddFile"],
            [
                ("WorkspaceId", context.param("workspace_id")),
                ("LeaseId", lease),
                ("Parser", json!("AUTO_SELECT")),
                ("CategoryId", context.param("category_id")),
                ("CategoryType", context.param("category_type")),
            ],
        ))
    }
}
