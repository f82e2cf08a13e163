//! Records in a DynamoDB table, in the layout of Powertools for AWS Lambda.
//!
//! <https://docs.aws.amazon.com/powertools/python/latest/utilities/idempotency/>

mod call_window;
mod item;

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::sync::{Mutex, MutexGuard};

use self::item::{LIVE, MINE, Moment};
use super::breaker::{Class, Fault};
use super::pulse::{Pulse, SILENCE, SLOWEST};
use super::{Outcome, Record, Reservation};
use crate::net::aws::{self, NoAnswer, Refusal, Service};
use crate::net::store_client;
use crate::platform::Env;
use crate::platform::random::random;
use upload_grant::wire::encode::digest_hex;

/// It is given up earlier where the store answers no command at all.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(2);
const ATTEMPTS: u32 = 3;
const PREFIX: &str = "upload-grant:";
/// Of the 2,048 bytes that a partition key may have; longer names go by their hash.
const LONGEST_NAME: usize = 1024;
/// Of the 400 KB that an item may have, what its data may be, in bytes.
const LARGEST_DATA: usize = 390_000;

/// A table whose partition key is the text `id`.
pub(super) struct DynamoDb {
    service: Service,
    table: String,
    reserving: Mutex<()>,
    pulse: Arc<Pulse>,
}

impl DynamoDb {
    /// The table in the region of `AWS_REGION`, at `AWS_ENDPOINT_URL_DYNAMODB` if that is set.
    pub(super) fn from_env(
        env: &mut Env,
        table: &str,
        extra_roots: Option<&str>,
        pulse: Arc<Pulse>,
    ) -> Option<Self> {
        let is_name = (3..=255).contains(&table.len())
            && table.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte));
        if !is_name {
            env.fault("GRANT_STORE", "is dynamodb:// without the name of a table");
        }
        let region = env.get("AWS_REGION").or_else(|| env.get("AWS_DEFAULT_REGION"));
        let region = region.unwrap_or_else(|| env.need("AWS_REGION"));
        let service = Service {
            client: store_client(extra_roots, SILENCE).ok()?,
            endpoint: aws::endpoint(env, "AWS_ENDPOINT_URL_DYNAMODB", "dynamodb", &region)?,
            region,
            name: "dynamodb",
            api: "DynamoDB_20120810",
            content_type: "application/x-amz-json-1.0",
            keys: env.keys([aws::KEYS]),
        };
        Some(Self { service, table: table.to_owned(), reserving: Mutex::default(), pulse })
    }

    pub(super) async fn claim(
        &self,
        name: &str,
        owner: &str,
        lease: Duration,
    ) -> Result<Option<Record>, Fault> {
        let (id, now) = (id(name), Moment::now());
        let claimed = item::claimed(&id, owner, now.after(lease));
        let (names, values) = item::mentioned(LIVE, owner, now);
        let put = json!({
            "Item": claimed,
            "ConditionExpression": format!("NOT ({LIVE})"),
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": values,
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        });
        let Err(refusal) = self.conditional("PutItem", put).await? else { return Ok(None) };
        let found = self.conflicting(&id, refusal).await?;
        match item::record(&found, now) {
            // A claim that was repeated after its answer had been lost finds itself.
            Some(record) if record.owner == owner && record.outcome.is_none() => Ok(None),
            Some(record) => Ok(Some(record)),
            // No live record, or gone since: whoever replaces just what was seen has the claim.
            None => {
                let other = Record { owner: String::new(), outcome: None };
                Ok(self.replace(claimed, &found).await?.err().map(|_| other))
            }
        }
    }

    pub(super) async fn renew(&self, name: &str, owner: &str, lease: Duration) -> Result<bool, Fault> {
        let now = Moment::now();
        let (names, mut values) = item::mentioned(MINE, owner, now);
        let (update, ends) = item::renewed(now.after(lease));
        values.extend(ends.map(|(name, value)| (name.to_owned(), value)));
        let update = json!({
            "Key": item::key(&id(name)),
            "UpdateExpression": update,
            "ConditionExpression": MINE,
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": values,
        });
        Ok(self.conditional("UpdateItem", update).await?.is_ok())
    }

    pub(super) async fn release(&self, name: &str, owner: &str) -> Result<(), Fault> {
        let (names, values) = item::mentioned(MINE, owner, Moment::now());
        let delete = json!({
            "Key": item::key(&id(name)),
            "ConditionExpression": MINE,
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": values,
        });
        self.conditional("DeleteItem", delete).await.map(drop)
    }

    pub(super) async fn put(
        &self,
        name: &str,
        owner: &str,
        outcome: &Outcome,
        keep: Duration,
    ) -> Result<(), Fault> {
        let item = item::done(&id(name), owner, outcome, Moment::now().after(keep));
        if item["data"]["S"].as_str().is_some_and(|data| data.len() > LARGEST_DATA) {
            return Err(Fault::new("ItemTooLarge", Class::Refused));
        }
        self.call("PutItem", json!({ "Item": item })).await?.map(drop).map_err(|refusal| fault(&refusal))
    }

    pub(super) async fn get(&self, name: &str) -> Result<Option<Record>, Fault> {
        let found = self.item(&id(name)).await?;
        Ok(item::record(&found, Moment::now()))
    }

    pub(super) async fn remove(&self, name: &str) -> Result<(), Fault> {
        let delete = json!({ "Key": item::key(&id(name)) });
        self.call("DeleteItem", delete).await?.map(drop).map_err(|refusal| fault(&refusal))
    }

    /// One reservation at a time in this process: concurrent ones would only conflict in the table.
    pub(super) async fn reservation_turn(&self) -> MutexGuard<'_, ()> {
        self.reserving.lock().await
    }

    /// Compare and swap: reads the reserved places and replaces just what was read, until no other instance was
    /// faster. None where others always are.
    pub(super) async fn reserve(
        &self,
        name: &str,
        calls: usize,
        window: Duration,
        most: Duration,
    ) -> Result<Option<Reservation>, Fault> {
        let id = id(name);
        let mut found = self.item(&id).await?;
        for _ in 0..16 {
            let now = Moment::now();
            let mut taken = call_window::ours(item::read_places(&found, now), now.0);
            let reservation = call_window::reserve(&mut taken, now.0, calls, window, most);
            let Reservation::After(wait) = reservation else { return Ok(Some(reservation)) };
            let item = item::places(&id, &taken, now.after(wait + window));
            let Err(refusal) = self.replace(item, &found).await? else { return Ok(Some(reservation)) };
            let [random]: [u8; 1] = random();
            tokio::time::sleep(Duration::from_micros(u64::from(random) * 40)).await;
            found = self.conflicting(&id, refusal).await?;
        }
        Ok(None)
    }

    /// The item that did not meet the condition.
    async fn conflicting(&self, id: &str, mut refusal: Refusal) -> Result<Value, Fault> {
        // Some emulators do not send it.
        match refusal.document.get_mut("Item") {
            Some(found) => Ok(found.take()),
            None => self.item(id).await,
        }
    }

    /// The item, as it is; null if there is none.
    async fn item(&self, id: &str) -> Result<Value, Fault> {
        let get = json!({ "Key": item::key(id), "ConsistentRead": true });
        let mut answer = self.call("GetItem", get).await?.map_err(|refusal| fault(&refusal))?;
        Ok(answer["Item"].take())
    }

    /// Puts `item` in the place of what was `seen` there; refused if that has changed.
    async fn replace(&self, item: Value, seen: &Value) -> Result<Result<(), Refusal>, Fault> {
        let mut put = json!({ "Item": item, "ReturnValuesOnConditionCheckFailure": "ALL_OLD" });
        if seen.is_null() {
            put["ConditionExpression"] = "attribute_not_exists(id)".into();
        } else {
            let (condition, names, values) = item::unchanged(seen);
            put["ConditionExpression"] = condition.into();
            put["ExpressionAttributeNames"] = names;
            // An empty map is refused.
            if !values.is_empty() {
                put["ExpressionAttributeValues"] = Value::Object(values);
            }
        }
        self.conditional("PutItem", put).await
    }

    /// A conditional call; the inner error is that the condition did not hold.
    async fn conditional(&self, action: &str, document: Value) -> Result<Result<(), Refusal>, Fault> {
        match self.call(action, document).await? {
            Ok(_) => Ok(Ok(())),
            Err(refusal) if refusal.kind == "ConditionalCheckFailedException" => Ok(Err(refusal)),
            Err(refusal) => Err(fault(&refusal)),
        }
    }

    /// Calls, and retries quickly where the table is busy or a kept connection broke.
    async fn call(&self, action: &str, mut document: Value) -> Result<Result<Value, Refusal>, Fault> {
        document["TableName"] = self.table.as_str().into();
        let mut tries = 0;
        loop {
            tries += 1;
            let answer =
                self.pulse.wait(SLOWEST, self.service.call(action, &document, ATTEMPT_TIMEOUT)).await;
            let answer = answer.map_err(Fault::given_up)?;
            if answer.as_ref().map_or_else(|refusal| refusal.status.is_ok(), |_| true) {
                self.pulse.beat();
            }
            match answer {
                Err(refusal)
                    if refusal.is_passing()
                        && refusal.status != Err(NoAnswer::Timeout)
                        && tries < ATTEMPTS =>
                {
                    let [random]: [u8; 1] = random();
                    let pause = Duration::from_millis(25) * tries;
                    tokio::time::sleep(pause.mul_f64(0.5 + f64::from(random) / 255.0)).await;
                }
                result => return Ok(result),
            }
        }
    }
}

/// What is wrong: with the whole table, unless the role may just not do this.
fn fault(refusal: &Refusal) -> Fault {
    let class = match refusal.status {
        Err(NoAnswer::Timeout) => Class::Silent,
        Ok(_) if refusal.is_passing() => Class::Busy,
        Ok(_) if refusal.kind.starts_with("AccessDenied") => Class::Refused,
        Ok(_) | Err(NoAnswer::Io) => Class::Absent,
    };
    Fault::new(refusal.kind.as_str(), class)
}

/// The item's id for a name.
fn id(name: &str) -> String {
    if name.len() <= LONGEST_NAME {
        return format!("{PREFIX}{name}");
    }
    format!("{PREFIX}sha256:{}", &*digest_hex(&Sha256::digest(name)))
}
