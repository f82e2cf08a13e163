//! Configuration: the environment, read once, with every fault named.

use std::collections::{HashMap, HashSet};
use std::str::FromStr;

use super::{KeyRing, secrets};
use upload_grant::model::problem::{Code, Problem};

/// The environment of the process, and what was found wrong with it.
///
/// Any `NAME` may also be given as `NAME_FILE`, a file that holds the value, or on AWS as `NAME_ARN`, a secret or
/// parameter that does. Values are trimmed (a copied
/// secret with a blank is the commonest cause of refused signatures); empty counts as unset.
#[derive(Default)]
pub struct Env {
    vars: HashMap<String, String>,
    /// Variables whose values are no text.
    garbled: HashSet<String>,
    /// What was fetched by ARN, or why it could not be.
    fetched: HashMap<String, Result<String, String>>,
    faults: Vec<Fault>,
    /// The keys that were read so far.
    pub(super) rings: Vec<KeyRing>,
}

/// A setting that is missing or wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Name of the variable.
    pub name: String,
    /// `is missing`, or what is wrong; never the value.
    pub reason: String,
}

impl Env {
    /// The environment of this process.
    #[allow(clippy::disallowed_methods, reason = "the one place that reads the environment")]
    pub fn of_process() -> Self {
        let mut env = Self::default();
        for (name, value) in std::env::vars_os() {
            let Ok(name) = name.into_string() else { continue };
            match value.into_string() {
                Ok(value) => drop(env.vars.insert(name, value)),
                Err(_) => drop(env.garbled.insert(name)),
            }
        }
        env
    }

    /// An environment from these variables.
    pub fn new(vars: impl IntoIterator<Item = (String, String)>) -> Self {
        Self { vars: vars.into_iter().collect(), ..Self::default() }
    }

    /// What was found wrong so far.
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }

    /// Records a fault, the first of each setting.
    pub fn fault(&mut self, name: &str, reason: impl Into<String>) {
        if !self.faults.iter().any(|fault| fault.name == name) {
            self.faults.push(Fault { name: name.to_owned(), reason: reason.into() });
        }
    }

    /// Whether `name`, its file or its ARN is set at all, if only to nothing.
    pub(crate) fn is_set(&self, name: &str) -> bool {
        let (file, arn) = (format!("{name}_FILE"), format!("{name}_ARN"));
        [name, &file, &arn].iter().any(|name| self.vars.contains_key(*name) || self.garbled.contains(*name))
    }

    /// The value of `name`, from the variable or its file; a fault if it is not UTF-8.
    pub fn get(&mut self, name: &str) -> Option<String> {
        let of_file = [name, "_FILE"].concat();
        if !self.garbled.is_empty() && (self.garbled.contains(name) || self.garbled.contains(&of_file)) {
            self.fault(name, "is not UTF-8");
            return None;
        }
        let value = match self.vars.get(name).map(|value| value.trim()) {
            Some(value) if !value.is_empty() => value.to_owned(),
            _ => {
                let file = self.vars.get(&of_file).map(|file| file.trim());
                let Some(file) = file.filter(|file| !file.is_empty()) else { return self.fetched(name) };
                if let Ok(value) = std::fs::read_to_string(file) {
                    value.trim().to_owned()
                } else {
                    self.fault(name, "is missing: the file named by its _FILE cannot be read");
                    return None;
                }
            }
        };
        (!value.is_empty()).then(|| noted(name, value))
    }

    fn fetched(&mut self, name: &str) -> Option<String> {
        match self.fetched.get(name)? {
            Ok(value) => {
                let value = value.trim().to_owned();
                (!value.is_empty()).then(|| noted(name, value))
            }
            Err(reason) => {
                let reason = reason.clone();
                self.fault(name, reason);
                None
            }
        }
    }

    /// The settings that are given by ARN only, and their ARNs.
    pub(crate) fn arns(&self) -> Vec<(String, String)> {
        let is_set = |name: &str| self.vars.get(name).is_some_and(|value| !value.trim().is_empty());
        let arns = self.vars.iter().filter_map(|(variable, arn)| {
            let name = variable.strip_suffix("_ARN")?;
            let by_arn = arn.trim().starts_with("arn:") && !is_set(name) && !is_set(&format!("{name}_FILE"));
            by_arn.then(|| (name.to_owned(), arn.trim().to_owned()))
        });
        arns.collect()
    }

    /// The keys that were read, of which a part is given by ARN.
    pub(crate) fn rings_by_arn(&self) -> Vec<KeyRing> {
        let arns = self.arns();
        let by_arn = |name: &str| arns.iter().any(|(found, _)| found == name);
        let is_one =
            |ring: &&KeyRing| ring.names().is_some_and(|names| by_arn(names.id) || by_arn(names.secret));
        self.rings.iter().filter(is_one).cloned().collect()
    }

    /// Takes in what is behind the ARN of `name`.
    pub(crate) fn put(&mut self, name: String, value: Result<String, String>) {
        self.fetched.insert(name, value);
    }

    /// The value of `name`; a fault if there is none.
    pub fn need(&mut self, name: &str) -> String {
        self.get(name).unwrap_or_else(|| {
            self.fault(name, "is missing");
            String::new()
        })
    }

    /// The default of a request parameter; a fault if there is none and no policy could supply it.
    pub fn param(&mut self, name: &str) -> Option<String> {
        if self.is_set("GRANT_POLICY") { self.get(name) } else { Some(self.need(name)) }
    }

    /// The value of `name` parsed, or `default`; a fault if it does not parse.
    pub fn parse<T: FromStr>(&mut self, name: &str, default: T, expected: &str) -> T {
        match self.get(name).map(|value| value.parse()) {
            None => default,
            Some(Ok(value)) => value,
            Some(Err(_)) => {
                self.fault(name, format!("is not {expected}"));
                default
            }
        }
    }

    /// A comma-separated list.
    pub fn list(&mut self, name: &str) -> Option<Vec<String>> {
        let text = self.get(name)?;
        Some(text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect())
    }

    /// `true` or `false` (also `1` and `0`); `default` if unset.
    pub fn flag(&mut self, name: &str, default: bool) -> bool {
        match self.get(name).as_deref() {
            None => default,
            Some("true" | "1") => true,
            Some("false" | "0") => false,
            Some(_) => {
                self.fault(name, "is neither true nor false");
                default
            }
        }
    }

    /// One of `choices`, the first being the default.
    pub fn choice(&mut self, name: &str, choices: &[&'static str]) -> &'static str {
        let Some(value) = self.get(name) else { return choices[0] };
        choices.iter().find(|choice| **choice == value).copied().unwrap_or_else(|| {
            self.fault(name, format!("is none of {}", choices.join(", ")));
            choices[0]
        })
    }

    /// An endpoint: a URL with scheme, `http://` only for loopback hosts, without trailing slash.
    pub fn endpoint(&mut self, name: &str, default: &str) -> String {
        let value = self.get(name).unwrap_or_else(|| default.to_owned());
        if value.is_empty() {
            self.fault(name, "is missing");
        } else if let Err(reason) = check_endpoint(&value) {
            self.fault(name, reason);
        }
        value.trim_end_matches('/').to_owned()
    }

    /// Endpoints of one service, to be tried in turn: at least one.
    pub fn endpoints(&mut self, name: &str, default: &str) -> Vec<String> {
        let values = self.list(name).filter(|values| !values.is_empty());
        let values = values.unwrap_or_else(|| vec![default.to_owned()]);
        for value in &values {
            if let Err(reason) = check_endpoint(value) {
                self.fault(name, reason);
            }
        }
        values.iter().map(|value| value.trim_end_matches('/').to_owned()).collect()
    }

    /// An endpoint that need not be set.
    pub fn optional_endpoint(&mut self, name: &str) -> Option<String> {
        self.get(name)?;
        Some(self.endpoint(name, ""))
    }

    /// The address of a document: like an endpoint, but kept as it is, its query too.
    pub fn address(&mut self, name: &str) -> Option<String> {
        let value = self.get(name)?;
        let bare = value.split_once('?').map_or(&*value, |(bare, _)| bare);
        // A fragment could hide behind the query.
        let checked = if value.contains('#') { &*value } else { bare };
        if let Err(reason) = check_endpoint(checked) {
            self.fault(name, reason);
        }
        Some(value)
    }
}

/// `value`, which no vendor may tell us back if it is a secret or a list of them.
fn noted(name: &str, value: String) -> String {
    if secrets::is_secret(name) {
        value.split(',').for_each(|secret| secrets::remember(secret.trim()));
    }
    value
}

/// What a caller is told while settings are missing: their names, never their values.
pub fn config_missing(faults: &[Fault]) -> Problem {
    let list: Vec<String> = faults.iter().map(|fault| format!("{} {}", fault.name, fault.reason)).collect();
    Problem::new(Code::ConfigMissing, list.join("; "))
}

/// Checks that `value` is a plain URL of a host, `http://` only for loopback.
///
/// # Errors
/// What is wrong with it.
pub fn check_endpoint(value: &str) -> Result<(), &'static str> {
    let url = url::Url::parse(value).map_err(|_| "is not a URL with scheme")?;
    let anonymous = url.username().is_empty() && url.password().is_none();
    let plain = anonymous && url.query().is_none() && url.fragment().is_none();
    match url.scheme() {
        _ if !plain || url.host_str().is_none() => Err("is not a plain URL of a host"),
        "https" => Ok(()),
        "http" if is_loopback(&url) => Ok(()),
        "http" => Err("is http:// and not a loopback host"),
        _ => Err("is neither https:// nor http://"),
    }
}

/// Whether the URL's host is this machine: `localhost`, `*.localhost` or a loopback address.
pub fn is_loopback(url: &url::Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(host)) => host == "localhost" || host.ends_with(".localhost"),
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env<const N: usize>(vars: [(&str, &str); N]) -> Env {
        Env::new(vars.map(|(name, value)| (name.to_owned(), value.to_owned())))
    }

    #[test]
    fn endpoints_are_https_or_loopback() {
        for (value, good) in [
            ("https://cams.ap-southeast-1.aliyuncs.com", true),
            ("http://127.0.0.1:7071/", true),
            ("http://localhost:1", true),
            ("http://[::1]:1", true),
            ("http://cams.aliyuncs.com", false),
            ("cams.aliyuncs.com", false),
            ("ftp://127.0.0.1", false),
            ("https://user@host", false),
            ("https://:secret@host", false),
        ] {
            let mut env = env([("E", value)]);
            env.endpoint("E", "");
            assert_eq!(env.faults().is_empty(), good, "{value}");
        }
    }
}
