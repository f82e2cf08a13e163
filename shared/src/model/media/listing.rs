//! What a flow takes under its settings, and how to find a file in it.

use std::borrow::Cow;

use super::known;
use super::pattern::matches;
use super::spellings::{meaning, synonym};
use super::{Accepted, Others, SUBTYPES, Types};

/// A flow's table, and what `GRANT_CONTENT_TYPES` makes of it.
#[derive(Clone, Copy, Debug)]
pub struct Listing<'a> {
    /// The flow's own table.
    pub types: &'a Types,
    /// Patterns that replace it, as far as the vendor goes along.
    pub patterns: Option<&'a [String]>,
}

/// One listed type, with the extension that its key gets for the file in question.
#[derive(Clone, Debug)]
pub(super) struct Entry<'a> {
    pub(super) content_type: Cow<'a, str>,
    pub(super) extension: Cow<'a, str>,
    pub(super) max_bytes: u64,
}

impl<'a> Listing<'a> {
    /// The type of files with this extension, if the flow lists it: itself, or the one it is a synonym of.
    pub(super) fn by_extension(&self, extension: &str) -> Option<Entry<'a>> {
        let spellings = [Some(extension), synonym(extension)];
        let row = spellings.into_iter().flatten().find_map(|spelling| {
            let row = self.rows().find(|row| row.extensions.contains(&spelling))?;
            Some(entry(row, spelling))
        });
        row.or_else(|| {
            let content_type = known::type_of(extension)?;
            let extension = match self.types.others {
                Others::Taken { .. } => extension.to_owned(),
                Others::BySetting if self.names(&content_type) => {
                    known::extension_for(&content_type, extension)?
                }
                Others::BySetting | Others::Refused => return None,
            };
            Some(self.other(content_type, extension))
        })
    }

    /// A listed type, in the documented spelling, with `given` where it is one of its extensions.
    pub(super) fn by_type(&self, content_type: &str, given: Option<&str>) -> Option<Entry<'a>> {
        let row = self.rows().find(|row| row.content_type == content_type);
        row.map(|row| entry(row, given.unwrap_or_default())).or_else(|| {
            let named = self.types.others == Others::BySetting && self.names(content_type);
            let extension =
                known::extension_for(content_type, given.unwrap_or_default()).filter(|_| named)?;
            Some(self.other(content_type.to_owned(), extension))
        })
    }

    /// A file of which neither extension nor type is listed, where such are taken all the same.
    pub(super) fn unlisted(&self, content_type: Option<&str>, given: Option<&str>) -> Option<Entry<'a>> {
        let (content_type, extension) = match (self.types.others, content_type) {
            (Others::Taken { .. }, content_type) => {
                (content_type.unwrap_or("application/octet-stream"), given)
            }
            (Others::BySetting, Some(content_type)) if self.names(content_type) => (content_type, None),
            _ => return None,
        };
        let usual = || known::extension_for(content_type, "").unwrap_or_else(|| "bin".to_owned());
        let extension = extension.map_or_else(usual, str::to_owned);
        // Whoever asks with that extension has the same type.
        Some(self.other(meaning(Some(&extension), content_type).to_owned(), extension))
    }

    /// Whether the settings let this type pass.
    pub(super) fn allows(&self, content_type: &str) -> bool {
        self.patterns.is_none() || self.names(content_type)
    }

    /// What is taken, for whoever was refused.
    pub(super) fn says(&self) -> String {
        let mut said: Vec<&str> = self.rows().flat_map(|row| row.extensions).copied().collect();
        if self.types.others != Others::Refused {
            let wider = |pattern: &&String| {
                pattern.ends_with(SUBTYPES) || !self.rows().any(|row| matches(pattern, row.content_type))
            };
            for pattern in self.patterns.unwrap_or_default().iter().filter(wider) {
                let extensions = known::extensions_of(pattern);
                let more: Vec<_> = extensions.iter().copied().filter(|known| !said.contains(known)).collect();
                said.extend(more);
                said.extend(extensions.is_empty().then_some(pattern.as_str()));
            }
        }
        said.join(", ")
    }

    /// The rows that the settings leave.
    fn rows(&self) -> impl Iterator<Item = &'a Accepted> {
        let Self { types, patterns } = *self;
        let left = move |row: &&Accepted| Listing { types, patterns }.allows(row.content_type);
        types.listed.iter().filter(left)
    }

    fn names(&self, content_type: &str) -> bool {
        self.patterns.is_some_and(|patterns| patterns.iter().any(|pattern| matches(pattern, content_type)))
    }

    fn other(&self, content_type: String, extension: String) -> Entry<'a> {
        let max_bytes = match self.types.others {
            Others::Taken { max_bytes } => max_bytes,
            Others::BySetting | Others::Refused => {
                self.types.listed.iter().map(|row| row.max_bytes).max().unwrap_or(u64::MAX)
            }
        };
        Entry { content_type: content_type.into(), extension: extension.into(), max_bytes }
    }
}

/// The row, with the extension that it lists: as given, what that is a synonym of, else the usual one.
fn entry<'a>(row: &'a Accepted, given: &str) -> Entry<'a> {
    let spellings = [Some(given), synonym(given)];
    let listed = |spelling: &str| row.extensions.iter().copied().find(|listed| *listed == spelling);
    let extension = spellings.into_iter().flatten().find_map(listed);
    let extension = extension.or_else(|| row.extensions.first().copied()).unwrap_or("bin");
    Entry { content_type: row.content_type.into(), extension: extension.into(), max_bytes: row.max_bytes }
}
