//! What follows an upload: a template with its URL as a header, or a message with its link. CAMS downloads either.

use std::collections::HashMap;
use std::sync::Mutex;

use serde_json::{Map, Value, json};

use super::CamsSwitches;
use crate::reply::Reply;
use crate::vendor::pop;
use crate::verify::Refused;
use crate::world::Ctx;
use crate::{ids, lock};

/// Members of `CreateChatappTemplateRequest` (5.3.1).
const TEMPLATE: &[&str] = &[
    "AllowCategoryChange",
    "Category",
    "CategoryChangePaused",
    "Components",
    "CustSpaceId",
    "CustWabaId",
    "Example",
    "IsvCode",
    "Language",
    "MessageSendTtlSeconds",
    "Name",
    "ProductSetId",
    "TemplateType",
];
/// Members of one of its components.
const COMPONENT: &[&str] = &[
    "AddSecretRecommendation",
    "Buttons",
    "Caption",
    "Cards",
    "CodeExpirationMinutes",
    "Duration",
    "FileName",
    "FileType",
    "Format",
    "HasExpiration",
    "Latitude",
    "LocationAddress",
    "LocationName",
    "Longitude",
    "Text",
    "ThumbUrl",
    "Type",
    "Url",
];
/// Members of `GetChatappTemplateDetailRequest`.
const DETAIL: &[&str] =
    &["CustSpaceId", "CustWabaId", "IsvCode", "Language", "TemplateCode", "TemplateName", "TemplateType"];
/// Members of `SendChatappMessageRequest`.
const MESSAGE: &[&str] = &[
    "AdAccountId",
    "Category",
    "ChannelType",
    "Content",
    "ContextMessageId",
    "CustSpaceId",
    "CustWabaId",
    "FallBackContent",
    "FallBackDuration",
    "FallBackId",
    "FallBackRule",
    "FlowAction",
    "From",
    "IsvCode",
    "Label",
    "Language",
    "MessageCampaignId",
    "MessageType",
    "OwnerId",
    "Payload",
    "ProductAction",
    "RecipientType",
    "ResourceOwnerAccount",
    "ResourceOwnerId",
    "Tag",
    "TaskId",
    "TemplateCode",
    "TemplateName",
    "TemplateParams",
    "To",
    "TokenType",
    "TrackingData",
    "Ttl",
    "Type",
];
const CHANNELS: [&str; 6] = ["whatsapp", "messenger", "instagram", "telegram", "line", "viber"];

/// The templates, by code.
#[derive(Default)]
struct Templates(Mutex<HashMap<String, Map<String, Value>>>);

pub(crate) fn create_template(ctx: &Ctx<'_>, given: &[(String, String)]) -> Result<Reply, Refused> {
    pop::only(given, TEMPLATE)?;
    let required = |name| pop::required(given, name);
    let (name, language, kind) = (required("Name")?, required("Language")?, required("TemplateType")?);
    let category = required("Category")?;
    if !["WHATSAPP", "VIBER"].contains(&kind.as_str()) {
        return Err(pop::invalid("TemplateType", "is not supported"));
    }
    if !["UTILITY", "MARKETING", "AUTHENTICATION"].contains(&category.as_str()) {
        return Err(pop::invalid("Category", "is not supported"));
    }
    let components = required("Components")?;
    let components: Vec<Map<String, Value>> = serde_json::from_str(&components)
        .map_err(|_| pop::invalid("Components", "is not a list of objects"))?;
    if !components.iter().any(|one| one.get("Type") == Some(&json!("BODY"))) {
        return Err(pop::invalid("Components", "has no BODY"));
    }
    components.iter().try_for_each(|one| component(ctx, one))?;
    let code = ids::digits(16);
    let template = json!({
        "TemplateCode": code, "Name": name, "Language": language, "Category": category, "TemplateType": kind,
        "Components": components,
    });
    let kept = template.as_object().cloned().unwrap_or_default();
    lock(&ctx.vendors.state::<Templates>().0).insert(code.clone(), kept);
    Ok(done(&json!({ "Data": { "TemplateCode": code, "TemplateName": name } })))
}

fn component(ctx: &Ctx<'_>, one: &Map<String, Value>) -> Result<(), Refused> {
    if let Some(name) = one.keys().find(|name| !COMPONENT.contains(&name.as_str())) {
        return Err(pop::invalid("Components", &format!("has an unknown member {name}")));
    }
    let text = |name: &str| one.get(name).and_then(Value::as_str).unwrap_or_default();
    let is_media = ["IMAGE", "VIDEO", "DOCUMENT"].contains(&text("Format"));
    if text("Type") == "HEADER" && is_media { downloadable(ctx, text("Url")) } else { Ok(()) }
}

/// How far the review of a template is.
pub(crate) fn template(ctx: &Ctx<'_>, given: &[(String, String)]) -> Result<Reply, Refused> {
    pop::only(given, DETAIL)?;
    pop::required(given, "Language")?;
    let code = pop::required(given, "TemplateCode")?;
    let template = lock(&ctx.vendors.state::<Templates>().0).get(&code).cloned();
    let mut data = template.ok_or_else(|| pop::invalid("TemplateCode", "does not exist"))?;
    let status = ctx.switches::<CamsSwitches>().cams_audit;
    data.insert("AuditStatus".to_owned(), json!(status));
    Ok(done(&json!({ "Data": data })))
}

pub(crate) fn send(ctx: &Ctx<'_>, given: &[(String, String)]) -> Result<Reply, Refused> {
    pop::only(given, MESSAGE)?;
    for name in ["ChannelType", "From", "To", "Type"] {
        pop::required(given, name)?;
    }
    if !CHANNELS.contains(&pop::get(given, "ChannelType")) {
        return Err(pop::invalid("ChannelType", "is not supported"));
    }
    match pop::get(given, "Type") {
        "template" => {
            let code = pop::required(given, "TemplateCode")?;
            pop::required(given, "Language")?;
            if !lock(&ctx.vendors.state::<Templates>().0).contains_key(&code) {
                return Err(pop::invalid("TemplateCode", "does not exist"));
            }
        }
        "message" => content(ctx, &pop::required(given, "MessageType")?, &pop::required(given, "Content")?)?,
        _ => return Err(pop::invalid("Type", "is neither template nor message")),
    }
    Ok(done(&json!({ "MessageId": ids::digits(20) })))
}

fn content(ctx: &Ctx<'_>, message_type: &str, content: &str) -> Result<(), Refused> {
    let json: Map<String, Value> =
        serde_json::from_str(content).map_err(|_| pop::invalid("Content", "is not a JSON object"))?;
    let text = |name: &str| json.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    match message_type {
        "text" => text("text").map(drop).ok_or_else(|| pop::invalid("Content", "has no text")),
        "document" if text("fileName").is_none() => Err(pop::invalid("Content", "has no fileName")),
        "image" | "video" | "audio" | "sticker" | "document" => {
            downloadable(ctx, text("link").unwrap_or_default())
        }
        _ => Err(pop::invalid("MessageType", "is not supported")),
    }
}

fn downloadable(ctx: &Ctx<'_>, url: &str) -> Result<(), Refused> {
    let found = ctx.world.objects.by_url(url);
    let refused = || Refused::new(400, "InvalidParameter.FileUrlError", "The file can not download.");
    found.map(drop).ok_or_else(refused)
}

/// The envelope of a success, with what is in it.
fn done(members: &Value) -> Reply {
    let mut reply =
        json!({ "RequestId": ids::request_id(), "Code": "OK", "Message": "OK", "AccessDeniedDetail": "" });
    if let (Some(reply), Some(members)) = (reply.as_object_mut(), members.as_object()) {
        reply.extend(members.clone());
    }
    Reply::json(200, &reply)
}
