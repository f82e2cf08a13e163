//! The pages of the repository, English ones and the Chinese ones beside them.

use std::path::{Component, Path, PathBuf};

/// How a Chinese page's name ends.
const CHINESE: &str = ".zh-CN.md";

/// A page: where it is in the repository, and its text.
pub struct Page {
    /// Below the repository's root.
    pub path: PathBuf,
    /// All of it.
    pub text: String,
}

/// The repository's root.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests are inside")
}

/// Every page of the repository in English.
///
/// # Panics
/// If one cannot be read.
pub fn english() -> Vec<Page> {
    let mut found: Vec<Page> = ["", "functions", "shared/client", "shared/deploy", "shared/docs"]
        .iter()
        .flat_map(|folder| markdown(folder))
        .filter(|path| !path.to_string_lossy().ends_with(CHINESE))
        .map(|path| Page::read(&path))
        .collect();
    found.sort_by(|one, other| one.path.cmp(&other.path));
    found
}

/// The page at `path`, for the tests of one.
///
/// # Panics
/// If it cannot be read.
pub fn page(path: &str) -> Page {
    Page::read(Path::new(path))
}

/// The Markdown files of a folder, and of the folders in it; of the root only its own.
fn markdown(folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(root().join(folder)).expect("a folder of pages") {
        let (name, kind) = {
            let entry = entry.expect("an entry");
            (entry.file_name().into_string().expect("a plain name"), entry.file_type().expect("a type"))
        };
        let path = Path::new(folder).join(&name);
        if kind.is_dir() && !folder.is_empty() && name != "node_modules" && name != "target" {
            found.extend(markdown(path.to_str().expect("a plain path")));
        } else if kind.is_file() && path.extension().is_some_and(|extension| extension == "md") {
            found.push(path);
        }
    }
    found
}

impl Page {
    fn read(path: &Path) -> Self {
        let text = std::fs::read_to_string(root().join(path));
        Self {
            path: path.to_owned(),
            text: text.unwrap_or_else(|error| panic!("{}: {error}", path.display())),
        }
    }

    /// Whether there is to be a Chinese page beside it: the front door, the documentation, the flows' pages.
    pub fn is_translated(&self) -> bool {
        let of_a_flow = self.path.starts_with("functions") && self.path.ends_with("README.md");
        self.path == Path::new("README.md") || of_a_flow || self.path.starts_with("shared/docs")
    }

    /// The Chinese page beside it.
    ///
    /// # Panics
    /// If there is none.
    pub fn chinese(&self) -> Self {
        Self::read(&self.path.with_extension("zh-CN.md"))
    }

    /// Info string and text of every fenced block.
    ///
    /// # Panics
    /// If a fence is left open.
    pub fn blocks(&self) -> Vec<(&str, &str)> {
        let parts: Vec<&str> = self.text.split("```").collect();
        assert_eq!(parts.len() % 2, 1, "{}: a fence is left open", self.path.display());
        parts.iter().skip(1).step_by(2).filter_map(|block| block.split_once('\n')).collect()
    }

    /// The anchors that the code host makes of the headings, in order.
    pub fn anchors(&self) -> Vec<String> {
        let slug = |heading: &str| -> String {
            let kept = heading.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
            kept.collect::<String>().to_lowercase().replace(' ', "-")
        };
        let mut fenced = false;
        let heading = |line: &&str| {
            fenced ^= line.starts_with("```");
            !fenced && line.starts_with('#')
        };
        let headings = self.text.lines().filter(heading);
        headings.map(|line| slug(line.trim_start_matches('#').trim())).collect()
    }

    /// Anchors of former headings, which somebody may still have a link to.
    pub fn former_anchors(&self) -> impl Iterator<Item = &str> {
        self.text.split("<a name=\"").skip(1).filter_map(|rest| rest.split('"').next())
    }

    /// Where a link of this page leads: the page, below the root, and the anchor.
    pub fn target(&self, link: &str) -> (PathBuf, Option<String>) {
        let (file, anchor) = link.split_once('#').map_or((link, None), |(file, anchor)| (file, Some(anchor)));
        let mut path = self.path.parent().unwrap_or(Path::new("")).to_owned();
        for part in Path::new(file).components() {
            match part {
                Component::ParentDir => drop(path.pop()),
                part => path.push(part),
            }
        }
        (if file.is_empty() { self.path.clone() } else { path }, anchor.map(str::to_owned))
    }
}

/// The links in `text` that stay in the repository.
pub fn links(text: &str) -> impl Iterator<Item = &str> {
    let all = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    all.filter(|link| !link.starts_with("https://"))
}
