//! What the doctor must know of Bailian, and what only a live answer of it tells.

use upload_grant::model::problem::Problem;
use upload_grant_runtime::cli::doctor::{Diagnose, Finding, Profile, Report};
use upload_grant_runtime::flow::{Context, UploadRequest};
use upload_grant_runtime::vendor::alibaba;

use crate::Bailian;

impl Diagnose for Bailian {
    fn profile(&self) -> Profile {
        let mut codes = vec![
            (
                "Index.NoWorkspacePermissions",
                "make the RAM user of {id} a member of the workspace, and check BAILIAN_WORKSPACE_ID",
            ),
            (
                "InvalidParameter.CategoryId",
                "BAILIAN_CATEGORY_ID is no category of the workspace; `default` always is",
            ),
        ];
        codes.extend(alibaba::KEY_CODES);
        Profile {
            endpoints: vec![("BAILIAN_ENDPOINT", self.leases.endpoint.clone())],
            permission: "RAM action `sfm:ApplyFileUploadLease` (the system policy `AliyunBailianDataFullAccess`), and \
                         membership of the workspace",
            product: "activate Model Studio in the console of the account that {id} belongs to",
            codes,
            ..Profile::default()
        }
    }

    async fn diagnose(
        &self,
        cx: &Context,
        upload: &UploadRequest,
        report: &mut Report,
    ) -> Result<(), Problem> {
        let lease = report.call(self.leases.apply(cx, upload)).await?;
        let version = if lease.url.url.contains("x-oss-signature-version=") { "V4" } else { "V1" };
        let left = lease.url.expires_at.unix() - upload.now.unix();
        let names: Vec<&str> = lease.headers.0.iter().map(|(name, _)| &**name).collect();
        let seen = format!(
            "a {} with a {version} signature, which lasts {left} s; headers: {}",
            lease.method,
            names.join(", ")
        );
        report.add(Finding::info("bailian.lease", "url", seen));
        let is_empty = lease.headers.0.iter().any(|(_, value)| value.is_empty());
        report.add(if is_empty {
            let seen = "a header must be sent empty, which browsers cannot: pages are told to use relay";
            Finding::info("bailian.headers", "empty", seen)
        } else {
            Finding::info("bailian.headers", "filled", "no header is empty: pages can send them")
        });
        Ok(())
    }
}
