//! A grant as a `curl -K` configuration, so that a shell without a JSON tool can upload.

use serde_json::Value;

/// The configuration for uploading `file` with `grant`; `None` when the JSON is not a grant.
pub(crate) fn config(grant: &Value, file: &str) -> Option<String> {
    let text = |name: &str| grant.get(name).and_then(Value::as_str);
    let mut lines = vec![line("url", text("url")?), line("request", text("method")?)];
    for (name, value) in members(grant, "headers") {
        lines.push(line("header", &format!("{name}: {value}")));
    }
    if grant.get("fields").is_some() {
        let fields: Vec<(String, String)> = members(grant, "fields").collect();
        lines.extend(fields.iter().map(|(name, value)| line("form-string", &format!("{name}={value}"))));
        let field = text("file_field").unwrap_or("file");
        let quoted = file.replace('\\', "\\\\").replace('"', "\\\"");
        let kind = content_type(grant, &fields).map(|kind| format!(";type={kind}")).unwrap_or_default();
        lines.push(line("form", &format!("{field}=@\"{quoted}\"{kind}")));
    } else {
        lines.push(line("upload-file", file));
    }
    lines.push("write-out = \"\\n%{http_code}\\n\"".to_owned());
    Some(lines.join("\n") + "\n")
}

fn members<'a>(grant: &'a Value, name: &str) -> impl Iterator<Item = (String, String)> + 'a {
    let object = grant.get(name).and_then(Value::as_object).into_iter();
    object.flatten().filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
}

/// The one type the grant allows, else what the form says.
fn content_type(grant: &Value, fields: &[(String, String)]) -> Option<String> {
    let types = grant["limits"]["content_types"].as_array();
    let only = types.filter(|list| list.len() == 1).and_then(|list| list[0].as_str()).map(str::to_owned);
    let field =
        || fields.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type")).map(|(_, v)| v.clone());
    field().or(only)
}

/// `name = "value"` with curl's escapes.
fn line(name: &str, value: &str) -> String {
    let escaped = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n").replace('\r', "\\r");
    format!("{name} = \"{}\"", escaped.replace('\t', "\\t"))
}
