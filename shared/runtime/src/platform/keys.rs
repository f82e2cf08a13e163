//! A vendor's keys: from the environment, or from the platform that rotates its role's.

use std::sync::{Arc, PoisonError, RwLock};

use super::{Env, Fault};
use upload_grant::wire::secret::Secret;

/// A vendor's key pair, perhaps temporary.
#[derive(Clone, Debug, Default)]
pub struct Keys {
    /// Key id.
    pub id: String,
    /// Secret.
    pub secret: Secret,
    /// Security token of temporary keys.
    pub token: Option<Secret>,
}

/// The names under which one set of keys is configured.
#[derive(Clone, Copy, Debug)]
pub struct KeyNames {
    /// Key id.
    pub id: &'static str,
    /// Secret.
    pub secret: &'static str,
    /// Token; the first name that is set counts.
    pub token: &'static [&'static str],
}

/// Keys that may be replaced while the function runs: under Function Compute and SCF the role's keys come
/// with every request, fresher than the environment's.
#[derive(Debug, Default)]
pub struct KeyRing {
    current: RwLock<Arc<Keys>>,
    rotates: bool,
    /// The variable of the key id that an operator would set.
    name: &'static str,
    names: Option<KeyNames>,
}

impl KeyRing {
    /// The keys of now.
    pub fn get(&self) -> Arc<Keys> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What is wrong while neither the environment nor the platform has brought any keys.
    pub(crate) fn missing(&self) -> Option<Fault> {
        let awaited = self.rotates && self.get().id.is_empty();
        let reason = "is missing, and the platform sends no keys: the function has no role";
        awaited.then(|| Fault { name: self.name.to_owned(), reason: reason.to_owned() })
    }

    /// The variables that the keys are from; none where keys are not needed, or come only with the platform's
    /// requests.
    pub fn names(&self) -> Option<KeyNames> {
        self.names
    }

    /// Takes the platform's keys, unless the operator configured others.
    pub(crate) fn rotate(&self, keys: Keys) {
        if self.rotates && !keys.id.is_empty() && !keys.secret.expose().is_empty() {
            *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
        }
    }
}

impl Env {
    /// The first of `sets` that is in use; ids, secrets and tokens of different sets are never mixed. A fault
    /// on the names of the last set if none is.
    pub fn keys<const N: usize>(&mut self, sets: [KeyNames; N]) -> Keys {
        let Some(set) = self.chosen(&sets).or(sets.last().copied()) else { return Keys::default() };
        Keys {
            id: self.need(set.id),
            secret: self.need(set.secret).into(),
            token: set.token.iter().find_map(|name| self.get(name)).map(Secret::from),
        }
    }

    /// As [`Env::keys`], for a vendor whose platform, marked by the variable `platform`, supplies a role's
    /// keys. The operator's own names come first in `sets` and are never replaced.
    pub fn key_ring<const N: usize>(&mut self, sets: [KeyNames; N], platform: &str) -> KeyRing {
        let chosen = self.chosen(&sets);
        let own = chosen.is_some_and(|set| set.id == sets[0].id);
        let rotates = !own && self.get(platform).is_some();
        let with_requests = rotates && chosen.is_none();
        let keys = if with_requests { Keys::default() } else { self.keys(sets) };
        let names = chosen.or(sets.last().copied()).filter(|_| !with_requests);
        KeyRing { current: RwLock::new(Arc::new(keys)), rotates, name: sets[0].id, names }
    }

    fn chosen(&mut self, sets: &[KeyNames]) -> Option<KeyNames> {
        sets.iter().find(|set| self.get(set.id).is_some() || self.get(set.secret).is_some()).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETS: [KeyNames; 2] = [
        KeyNames { id: "A_ID", secret: "A_KEY", token: &["A_TOKEN"] },
        KeyNames { id: "B_ID", secret: "B_KEY", token: &["B_TOKEN"] },
    ];

    fn env<const N: usize>(vars: [(&str, &str); N]) -> Env {
        Env::new(vars.map(|(name, value)| (name.to_owned(), value.to_owned())))
    }

    #[test]
    fn key_sets_are_never_mixed() {
        let mut both =
            env([("A_ID", " a "), ("A_KEY", "s"), ("B_ID", "b"), ("B_KEY", "t"), ("B_TOKEN", "x")]);
        let keys = both.keys(SETS);
        assert_eq!((keys.id.as_str(), keys.token.is_none()), ("a", true));
        let mut half = env([("A_ID", "a"), ("B_ID", "b"), ("B_KEY", "t")]);
        half.keys(SETS);
        assert_eq!(half.faults()[0].name, "A_KEY");
    }

    #[test]
    fn a_platform_rotates_its_own_keys_and_no_others() {
        let fresh = || Keys { id: "fresh".into(), secret: "s".into(), token: None };
        for (vars, expected) in [
            (&[("A_ID", "a"), ("A_KEY", "s"), ("FC", "f")][..], "a"),
            (&[("B_ID", "b"), ("B_KEY", "s"), ("FC", "f")], "fresh"),
            (&[("FC", "f")], "fresh"),
            (&[("B_ID", "b"), ("B_KEY", "s")], "b"),
        ] {
            let mut env =
                Env::new(vars.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
            let ring = env.key_ring(SETS, "FC");
            assert!(env.faults().is_empty());
            let missing = ring.missing().map(|fault| fault.name);
            assert_eq!(missing.as_deref(), (vars.len() == 1).then_some("A_ID"));
            ring.rotate(fresh());
            assert_eq!(ring.missing(), None);
            assert_eq!(ring.get().id, expected);
        }
    }
}
