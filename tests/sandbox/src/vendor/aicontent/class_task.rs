//! `classTaskSubmit` and `classTaskQuery`: a review of recordings that were evaluated.

use std::collections::HashMap;
use std::sync::Mutex;

use serde_json::{Value, json};

use super::AICONTENT_APP_ID;
use super::ssapi::Warrants;
use crate::reply::Reply;
use crate::vendor::parameters;
use crate::world::Ctx;
use crate::{ids, lock};

pub(crate) const SUBMIT: &str = "/api/v1/oralEvaluation/classTaskSubmit";
pub(crate) const QUERY: &str = "/api/v1/oralEvaluation/classTaskQuery";

/// The evaluated recordings with their users, and the tasks.
#[derive(Default)]
pub(crate) struct Records {
    users: Mutex<HashMap<String, String>>,
    tasks: Mutex<HashMap<String, Vec<String>>>,
}

impl Records {
    pub(crate) fn add(&self, record_id: &str, user_id: &str) {
        lock(&self.users).insert(record_id.to_owned(), user_id.to_owned());
    }
}

pub(crate) fn submit(ctx: &Ctx<'_>, body: &[u8]) -> Reply {
    answer(ctx, body, "record_ids", |records, user, ids_of| {
        let ids_of: Vec<String> = ids_of.split(',').map(str::to_owned).collect();
        let users = lock(&records.users);
        if !ids_of.iter().all(|id| users.get(id).map(String::as_str) == Some(user)) {
            return Err("record does not exist");
        }
        let task = ids::hex32();
        lock(&records.tasks).insert(task.clone(), ids_of);
        Ok(json!({ "task_id": task }))
    })
}

pub(crate) fn query(ctx: &Ctx<'_>, body: &[u8]) -> Reply {
    answer(ctx, body, "task_id", |records, _, task| {
        let tasks = lock(&records.tasks);
        let ids_of = tasks.get(task).ok_or("task does not exist")?;
        Ok(json!({ "task_id": task, "status": "done", "record_ids": ids_of }))
    })
}

/// Both take a form with the application, a warrant and its user, and one thing more.
fn answer(
    ctx: &Ctx<'_>,
    body: &[u8],
    subject: &str,
    result: impl FnOnce(&Records, &str, &str) -> Result<Value, &'static str>,
) -> Reply {
    let given = parameters(ctx.arrived, body);
    let get = |name: &str| given.iter().find(|(n, _)| n == name).map_or("", |(_, value)| value.as_str());
    let refuse = |code: u32, message: &str| {
        Reply::json(200, &json!({ "code": code, "message": message })).code(&code.to_string())
    };
    if let Some((name, _)) =
        given.iter().find(|(name, _)| !["app_id", "user_id", "warrant_id", subject].contains(&name.as_str()))
    {
        return refuse(430_001, &format!("{name} is unknown"));
    }
    if get("app_id") != AICONTENT_APP_ID || get(subject).is_empty() {
        return refuse(430_001, &format!("app_id and {subject} are required"));
    }
    let warrant = ctx.vendors.state::<Warrants>().find(get("warrant_id"));
    let live = warrant.filter(|warrant| ctx.now < warrant.expires_at && warrant.user_id == get("user_id"));
    let Some(warrant) = live else { return refuse(41_030, "warrant does not exist") };
    match result(&ctx.vendors.state::<Records>(), &warrant.user_id, get(subject)) {
        Ok(data) => Reply::json(200, &json!({ "code": 0, "message": "ok", "data": data })),
        Err(message) => refuse(430_003, message),
    }
}
