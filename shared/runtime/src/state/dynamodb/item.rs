//! An item of the table, in Powertools' layout with two attributes of our own: `owner` and `told`.
//!
//! The table deletes late (hours to days): what is past its `expiration` counts as absent everywhere.

use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::platform::clock;
use crate::state::{Outcome, Record};

/// The item is a live record: unexpired, and a claim or an outcome. Anything else may be replaced.
pub(super) const LIVE: &str = "attribute_type(expiration, :number) AND expiration >= :seconds AND \
     ((#status = :done AND attribute_type(#data, :text)) OR (#status = :going AND in_progress_expiration >= :millis))";
/// The claim is the owner's, and holds.
pub(super) const MINE: &str = "#owner = :owner AND #status = :going AND in_progress_expiration >= :millis";

const GOING: &str = "INPROGRESS";
const DONE: &str = "COMPLETED";

/// An instant, in milliseconds since 1970.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment(pub(super) u64);

impl Moment {
    pub(super) fn now() -> Self {
        Self(clock::unix_millis())
    }

    pub(super) fn after(self, span: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(span.as_millis()).unwrap_or(u64::MAX)))
    }

    /// In whole seconds: an item is valid to the end of its last one.
    fn expiration(self) -> Value {
        number(self.0.div_ceil(1000))
    }
}

pub(super) fn key(id: &str) -> Value {
    json!({ "id": { "S": id } })
}

/// A claim of `owner`.
pub(super) fn claimed(id: &str, owner: &str, until: Moment) -> Value {
    json!({
        "id": { "S": id },
        "owner": { "S": owner },
        "status": { "S": GOING },
        "in_progress_expiration": number(until.0),
        "expiration": until.expiration(),
    })
}

/// The update that renews a claim to `until`: the expression, and its values.
pub(super) fn renewed(until: Moment) -> (&'static str, [(&'static str, Value); 2]) {
    let values = [(":ends", until.expiration()), (":ends_millis", number(until.0))];
    ("SET expiration = :ends, in_progress_expiration = :ends_millis", values)
}

/// The record of an outcome, or a cached text.
pub(super) fn done(id: &str, owner: &str, outcome: &Outcome, until: Moment) -> Value {
    let mut item = json!({
        "id": { "S": id },
        "owner": { "S": owner },
        "status": { "S": DONE },
        "data": { "S": outcome.data.to_string() },
        "told": { "BOOL": outcome.notified },
        "expiration": until.expiration(),
    });
    if !outcome.fingerprint.is_empty() {
        item["validation"] = json!({ "S": outcome.fingerprint });
    }
    item
}

/// The reserved places in a window of calls.
pub(super) fn places(id: &str, places: &[u64], until: Moment) -> Value {
    json!({ "id": { "S": id }, "data": { "S": json!(places).to_string() }, "expiration": until.expiration() })
}

/// Those places; none if the item has expired.
pub(super) fn read_places(item: &Value, now: Moment) -> Option<Vec<u64>> {
    in_time(item, now).then(|| serde_json::from_str(text(item, "data")?).ok())?
}

/// The record in an item; none if it has expired, or is no record.
pub(super) fn record(item: &Value, now: Moment) -> Option<Record> {
    let owner = text(item, "owner").unwrap_or_default().to_owned();
    if !in_time(item, now) {
        return None;
    }
    match text(item, "status")? {
        GOING if numeric(item, "in_progress_expiration")? >= now.0 => Some(Record { owner, outcome: None }),
        DONE => {
            let data = serde_json::from_str(text(item, "data")?).ok()?;
            let fingerprint = text(item, "validation").unwrap_or_default().to_owned();
            let notified = item["told"]["BOOL"] == true;
            Some(Record { owner, outcome: Some(Outcome { data, fingerprint, notified }) })
        }
        _ => None,
    }
}

/// The names and values that `condition` mentions.
pub(super) fn mentioned(condition: &str, owner: &str, now: Moment) -> (Value, Map<String, Value>) {
    let names = [("#status", "status"), ("#data", "data"), ("#owner", "owner")];
    let names = names.into_iter().filter(|(name, _)| condition.contains(name));
    let names: Map<String, Value> = names.map(|(name, real)| (name.to_owned(), real.into())).collect();
    let values = [
        (":number", json!({ "S": "N" })),
        (":text", json!({ "S": "S" })),
        (":seconds", number(now.0 / 1000)),
        (":millis", number(now.0)),
        (":done", json!({ "S": DONE })),
        (":going", json!({ "S": GOING })),
        (":owner", json!({ "S": owner })),
    ];
    let values = values.into_iter().filter(|(name, _)| condition.contains(name));
    (Value::Object(names), values.map(|(name, value)| (name.to_owned(), value)).collect())
}

/// The condition that an item is still as it was `seen`: expression, names and values.
pub(super) fn unchanged(seen: &Value) -> (String, Value, Map<String, Value>) {
    let (mut condition, mut names, mut values) = (Vec::new(), json!({}), Map::new());
    for attribute in ["status", "data", "expiration", "in_progress_expiration"] {
        names[format!("#{attribute}")] = attribute.into();
        if let Some(value) = seen.get(attribute) {
            condition.push(format!("#{attribute} = :{attribute}"));
            values.insert(format!(":{attribute}"), value.clone());
        } else {
            condition.push(format!("attribute_not_exists(#{attribute})"));
        }
    }
    (condition.join(" AND "), names, values)
}

fn in_time(item: &Value, now: Moment) -> bool {
    numeric(item, "expiration").is_some_and(|end| end >= now.0 / 1000)
}

fn number(number: u64) -> Value {
    json!({ "N": number.to_string() })
}

fn text<'a>(item: &'a Value, name: &str) -> Option<&'a str> {
    item.get(name)?.get("S")?.as_str()
}

fn numeric(item: &Value, name: &str) -> Option<u64> {
    item.get(name)?.get("N")?.as_str()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Moment = Moment(1_800_000_000_500);

    #[test]
    fn what_is_over_or_says_nothing_is_absent() {
        let outcome = Outcome { data: json!({ "a": 1 }), fingerprint: "f".into(), notified: true };
        let done = done("i", "o", &outcome, NOW.after(Duration::from_secs(1)));
        let record = record(&done, NOW).unwrap();
        assert_eq!((record.owner.as_str(), record.outcome), ("o", Some(outcome)));
        assert!(super::record(&done, NOW.after(Duration::from_millis(2_499))).is_some());
        assert!(super::record(&done, NOW.after(Duration::from_millis(2_500))).is_none());

        let claimed = claimed("i", "o", NOW.after(Duration::from_millis(700)));
        assert_eq!(super::record(&claimed, NOW).unwrap().outcome, None);
        assert!(super::record(&claimed, NOW.after(Duration::from_millis(701))).is_none());

        for (name, value) in [
            ("status", json!({ "S": "EXPIRED" })),
            ("status", json!({ "N": "1" })),
            ("data", json!({ "S": "no JSON" })),
            ("expiration", json!({ "S": "9999999999" })),
        ] {
            let mut garbage = done.clone();
            garbage[name] = value;
            assert!(super::record(&garbage, NOW).is_none(), "{name}");
        }
        assert!(super::record(&Value::Null, NOW).is_none());
    }

    #[test]
    fn no_name_or_value_is_sent_that_its_condition_does_not_mention() {
        for condition in [LIVE, MINE] {
            let (names, values) = mentioned(condition, "o", NOW);
            let names = names.as_object().unwrap().keys();
            for name in names.chain(values.keys()) {
                let whole = condition.split([' ', '(', ')', ',']).any(|word| word == name);
                assert!(whole, "{name} in {condition}");
            }
        }
    }
}
