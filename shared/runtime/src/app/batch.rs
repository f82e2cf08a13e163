//! Several grants in one request.

use std::net::IpAddr;

use futures_util::StreamExt as _;
use serde::Serialize;
use tokio::time::Instant;
use upload_grant::model::grant::Grant;
use upload_grant::model::problem::Problem;
use upload_grant::model::request::GrantRequest;

use super::{App, RequestOrigin};
use crate::auth::policy::Permissions;
use crate::flow::Flow;
use crate::platform::telemetry;

/// Vendor calls of one request at the same time, for flows where every file costs one.
const CONCURRENT: usize = 4;

/// What a list of files is answered with, in its order.
#[derive(Serialize)]
pub(crate) struct Grants {
    grants: Vec<GrantOrProblem>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum GrantOrProblem {
    Grant(Box<Grant>),
    Problem(Box<Problem>),
}

impl<F: Flow> App<F> {
    /// A grant or a problem for each of `files`. The first was counted with the request; each further one counts
    /// as a request of its own.
    pub(crate) async fn grants(
        &self,
        files: Vec<Result<GrantRequest, Problem>>,
        granted: &Permissions<'_>,
        source: Option<IpAddr>,
        origin: &RequestOrigin,
        base: impl Fn() -> Result<String, Problem> + Copy,
    ) -> Grants {
        let count = files.len();
        // The request has one time, however many files are in it.
        let end = Instant::now() + self.cx.settings.timeout;
        let end = origin.deadline.map_or(end, |deadline| deadline.min(end));
        let origin = &RequestOrigin { deadline: Some(end), ..origin.clone() };
        let one = async |(index, asked): (usize, Result<GrantRequest, Problem>)| {
            if index > 0 {
                granted.count(&self.rates, Instant::now())?;
            }
            self.grant(&asked?, granted, source, origin, base).await
        };
        let outcomes: Vec<Result<Grant, Problem>> =
            futures_util::stream::iter(files.into_iter().enumerate().map(one))
                .buffered(CONCURRENT)
                .collect()
                .await;
        let failed = outcomes.iter().filter(|outcome| outcome.is_err()).count();
        telemetry::note(|notes| notes.files = Some((count, failed)));
        let request_id = telemetry::request_id();
        let named = |mut problem: Problem| {
            problem.flow = Some(F::SPEC.name.to_owned());
            problem.request_id.clone_from(&request_id);
            GrantOrProblem::Problem(Box::new(problem))
        };
        let grants = outcomes
            .into_iter()
            .map(|outcome| outcome.map_or_else(named, |grant| GrantOrProblem::Grant(Box::new(grant))));
        Grants { grants: grants.collect() }
    }
}
