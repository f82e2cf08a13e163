//! A vendor's keys: from the environment, or from the platform that rotates its role's.

use std::sync::{Arc, PoisonError, RwLock};

use super::{Env, secrets};
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
/// with every request, fresher than the environment's; what is kept elsewhere may be fetched again. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct KeyRing {
    current: Arc<RwLock<Arc<Keys>>>,
    rotates: bool,
    names: Option<KeyNames>,
}

impl KeyRing {
    /// The keys of now.
    pub fn get(&self) -> Arc<Keys> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The variables that the keys are from; none where keys are not needed.
    pub fn names(&self) -> Option<KeyNames> {
        self.names
    }

    /// Takes the platform's keys, if ours are a role's too. A role's keys always have a token.
    pub(crate) fn rotate(&self, keys: Keys) {
        let token = keys.token.as_ref().is_some_and(|token| !token.expose().is_empty());
        if self.rotates && token && !keys.id.is_empty() && !keys.secret.expose().is_empty() {
            self.set(keys);
        }
    }

    /// Takes what was fetched again of the variables that the keys are from; false if it is what was there.
    pub(crate) fn renew(&self, fresh: impl Fn(&str) -> Option<String>) -> bool {
        let Some(names) = self.names else { return false };
        let now = self.get();
        let token = names.token.iter().find_map(|name| fresh(name)).map(Secret::from);
        let keys = Keys {
            // One variable is a secret without an id.
            id: fresh(names.id).filter(|_| names.id != names.secret).unwrap_or_else(|| now.id.clone()),
            secret: fresh(names.secret).map_or_else(|| now.secret.clone(), Secret::from),
            token: token.or_else(|| now.token.clone()),
        };
        self.set(keys)
    }

    /// False if unchanged (the usual case: FC sends the keys with every request).
    fn set(&self, keys: Keys) -> bool {
        if keys.is(&self.get()) {
            return false;
        }
        for secret in [Some(&keys.secret), keys.token.as_ref()].into_iter().flatten() {
            secrets::remember(secret.expose());
        }
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
        true
    }
}

impl Keys {
    fn is(&self, other: &Self) -> bool {
        self.id == other.id
            && self.secret.expose() == other.secret.expose()
            && self.token.as_ref().map(Secret::expose) == other.token.as_ref().map(Secret::expose)
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

    /// As [`Env::keys`], for a vendor whose platform, marked by the variable `platform`, supplies the keys of a role
    /// in the set whose id is `role`. Those of any other set, or without a token, are the operator's and never
    /// replaced.
    pub fn key_ring<const N: usize>(&mut self, sets: [KeyNames; N], platform: &str, role: &str) -> KeyRing {
        let names = self.chosen(&sets);
        let keys = self.keys(sets);
        let is_role = names.is_some_and(|set| set.id == role) && keys.token.is_some();
        let rotates = is_role && self.get(platform).is_some();
        self.ring(keys, names.or(sets.last().copied()), rotates)
    }

    /// A key pair that no platform supplies.
    pub fn key_pair(&mut self, id: &'static str, secret: &'static str) -> KeyRing {
        let names = KeyNames { id, secret, token: &[] };
        let keys = self.keys([names]);
        self.ring(keys, Some(names), false)
    }

    /// A secret without an id.
    pub fn secret(&mut self, name: &'static str) -> KeyRing {
        let keys = Keys { secret: self.need(name).into(), ..Keys::default() };
        self.ring(keys, Some(KeyNames { id: name, secret: name, token: &[] }), false)
    }

    fn ring(&mut self, keys: Keys, names: Option<KeyNames>, rotates: bool) -> KeyRing {
        let ring = KeyRing { current: Arc::new(RwLock::new(Arc::new(keys))), rotates, names };
        self.rings.push(ring.clone());
        ring
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
    fn what_was_fetched_again_replaces_its_own_part() {
        let mut env = env([("A_ID", "a"), ("A_KEY", "s"), ("SECRET", "x")]);
        let (pair, secret) = (env.key_ring(SETS, "FC", "B_ID"), env.secret("SECRET"));
        let only = |name: &'static str| move |asked: &str| (asked == name).then(|| "new".to_owned());
        assert!(!pair.renew(only("SECRET")) && pair.renew(only("A_KEY")) && !pair.renew(only("A_KEY")));
        assert_eq!((pair.get().id.as_str(), pair.get().secret.expose()), ("a", "new"));
        assert!(secret.renew(only("SECRET")));
        assert_eq!((secret.get().id.as_str(), secret.get().secret.expose()), ("", "new"));
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
    fn a_platform_rotates_its_roles_keys_and_no_others() {
        const ROLE: [(&str, &str); 3] = [("B_ID", "b"), ("B_KEY", "s"), ("B_TOKEN", "t")];
        const OWN: [(&str, &str); 3] = [("A_ID", "a"), ("A_KEY", "s"), ("A_TOKEN", "t")];
        const ON_PLATFORM: (&str, &str) = ("FC", "f");
        let token = || Some(Secret::from("t"));
        for (vars, sent, expected) in [
            ([&ROLE[..], &[ON_PLATFORM]].concat(), token(), "fresh"),
            ([&ROLE[..], &[ON_PLATFORM]].concat(), None, "b"),
            ([&ROLE[..2], &[ON_PLATFORM]].concat(), token(), "b"),
            ([&OWN[..], &[ON_PLATFORM]].concat(), token(), "a"),
            ([&OWN[..], &ROLE, &[ON_PLATFORM]].concat(), token(), "a"),
            (ROLE.to_vec(), token(), "b"),
            (vec![ON_PLATFORM], token(), ""),
        ] {
            let named = vars.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            let mut env = Env::new(named);
            let ring = env.key_ring(SETS, "FC", "B_ID");
            assert_eq!(env.faults().is_empty(), !expected.is_empty(), "{vars:?}");
            ring.rotate(Keys { id: "fresh".into(), secret: "s".into(), token: sent });
            assert_eq!(ring.get().id, expected, "{vars:?}");
        }
    }
}
