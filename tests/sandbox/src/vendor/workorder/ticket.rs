//! What follows an upload: a new ticket, or an answer to one, with the attachments' names.

use serde_json::json;

use super::WORKORDER_BUCKET;
use crate::ids;
use crate::reply::Reply;
use crate::service::Service;
use crate::vendor::pop;
use crate::verify::Refused;
use crate::world::Ctx;

/// A list of pairs as they arrived.
type Given<'a> = &'a [(String, String)];

/// `add` of the old versions.
pub(crate) fn add(ctx: &Ctx<'_>, given: Given<'_>) -> Result<Reply, Refused> {
    let given = lower_first(given);
    let known = [
        "productId",
        "customerCommonQuestionId",
        "title",
        "content",
        "secContent",
        "aliUid",
        "phone",
        "email",
        "smsAlertTime",
        "attachments",
    ];
    old(ctx, &given, &known, &["content", "aliUid"])
}

/// `QuestionReply` of the old versions.
pub(crate) fn question_reply(ctx: &Ctx<'_>, given: Given<'_>) -> Result<Reply, Refused> {
    let given = lower_first(given);
    let content =
        if pop::get(&given, "questionContent").is_empty() { "questionSecContent" } else { "questionContent" };
    let known = ["questionId", "questionContent", "questionSecContent", "attachments"];
    old(ctx, &given, &known, &["questionId", content])
}

/// pop-core writes the first letter of every name large; the documents do not.
fn lower_first(given: Given<'_>) -> Vec<(String, String)> {
    let lower = |name: &str| {
        let mut letters = name.chars();
        letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default()
    };
    let one = |(name, value): &(String, String)| {
        let gateways = pop::only(&[(name.clone(), String::new())], &[]).is_ok();
        (if gateways { name.clone() } else { lower(name) }, value.clone())
    };
    given.iter().map(one).collect()
}

fn old(ctx: &Ctx<'_>, given: Given<'_>, known: &[&str], required: &[&str]) -> Result<Reply, Refused> {
    pop::only(given, known)?;
    for name in required {
        pop::required(given, name)?;
    }
    attached(ctx, "attachments", pop::get(given, "attachments"))?;
    let reply = json!({
        "RequestId": ids::request_id(), "success": true, "code": 200, "message": "successful", "data": ids::digits(9),
    });
    Ok(Reply::json(200, &reply))
}

/// `CreateTicket`: all but `SecretInfo` is in the form.
pub(crate) fn create(ctx: &Ctx<'_>, given: Given<'_>) -> Result<Reply, Refused> {
    let form =
        ["CategoryId", "CreatorId", "Description", "Email", "FileNameList", "Severity", "Title"].as_slice();
    placed(ctx, given, &["SecretInfo"], form)?;
    for name in ["CategoryId", "Description", "Severity"] {
        pop::required(given, name)?;
    }
    if !["1", "2"].contains(&pop::get(given, "Severity")) {
        return Err(Refused::new(400, "param.illegal", "The parameter Severity is illegal."));
    }
    ticket(ctx, given)
}

/// `ReplyTicket`: the attachments are in the query, the rest is in the form.
pub(crate) fn reply(ctx: &Ctx<'_>, given: Given<'_>) -> Result<Reply, Refused> {
    placed(ctx, given, &["FileNameList"], &["Content", "Encrypt", "TicketId", "Uid"])?;
    for name in ["Content", "Encrypt", "TicketId"] {
        pop::required(given, name)?;
    }
    ticket(ctx, given)
}

fn ticket(ctx: &Ctx<'_>, given: Given<'_>) -> Result<Reply, Refused> {
    attached(ctx, "FileNameList", pop::get(given, "FileNameList"))?;
    let reply = json!({
        "RequestId": ids::request_id(), "Code": 0, "Success": true, "Message": "success", "Data": ids::digits(9),
    });
    Ok(Reply::json(200, &reply))
}

/// Every parameter where the gateway looks for it, and no other.
fn placed(ctx: &Ctx<'_>, given: Given<'_>, query: &[&str], form: &[&str]) -> Result<(), Refused> {
    let in_query = ctx.arrived.pairs();
    pop::only(&in_query, query)?;
    let in_form: Vec<_> = given.iter().skip(in_query.len()).cloned().collect();
    pop::only(&in_form, form)
}

/// At most three names, each of something that was uploaded.
fn attached(ctx: &Ctx<'_>, parameter: &str, names: &str) -> Result<(), Refused> {
    let names: Vec<&str> = names.split(',').filter(|name| !name.is_empty()).collect();
    let stored = |name: &&str| ctx.world.objects.get(Service::Oss.name(), WORKORDER_BUCKET, name).is_some();
    if names.len() > 3 || !names.iter().all(stored) {
        let message = format!("The parameter {parameter} is illegal.");
        return Err(Refused::new(400, "param.illegal", message));
    }
    Ok(())
}
