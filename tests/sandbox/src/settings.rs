//! Switches of the vendors' and stores' behaviour. Each file that has some says which; here they are one document.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Error, Map, Value};

use crate::service::Service;
use crate::store;

/// The switches of one file: a struct with a default, whose members have names that no other file's have.
pub(crate) struct Switches {
    defaults: fn() -> Value,
    check: fn(&Value) -> Result<(), Error>,
}

impl Switches {
    pub(crate) const NONE: Switches = Switches { defaults: || Value::Null, check: |_| Ok(()) };

    pub(crate) const fn of<T: Default + Serialize + DeserializeOwned>() -> Self {
        Self {
            defaults: || serde_json::to_value(T::default()).unwrap_or_default(),
            check: |value| T::deserialize(value).map(drop),
        }
    }

    fn all() -> impl Iterator<Item = &'static Switches> {
        Service::vendors().map(|vendor| &vendor.switches).chain([&store::SWITCHES])
    }
}

/// All switches. `POST /settings` changes the ones it names.
#[derive(Clone, Debug, Serialize)]
#[serde(transparent)]
pub(crate) struct Settings(Value);

impl Default for Settings {
    fn default() -> Self {
        let mut all = Map::new();
        for switches in Switches::all() {
            if let Value::Object(members) = (switches.defaults)() {
                all.extend(members);
            }
        }
        Self(Value::Object(all))
    }
}

impl Settings {
    /// The switches of one file.
    pub(crate) fn read<T: Default + DeserializeOwned>(&self) -> T {
        T::deserialize(&self.0).unwrap_or_default()
    }

    /// These settings with the named ones replaced; a name or value that no file has is refused.
    pub(crate) fn merged(&self, change: &Value) -> Result<Self, Error> {
        let mut all = self.0.clone();
        for (name, value) in serde_json::from_value::<Map<String, Value>>(change.clone())? {
            let known = all.get_mut(&name);
            *known.ok_or_else(|| serde::de::Error::custom(format!("unknown setting `{name}`")))? = value;
        }
        Switches::all().try_for_each(|switches| (switches.check)(&all))?;
        Ok(Self(all))
    }
}
