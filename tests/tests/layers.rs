//! The layers that `upload-grant-runtime`'s front page promises: a module imports only from those below it, and
//! the model below them all imports none of them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The top one first, as `shared/runtime/src/lib.rs` lists them.
const LAYERS: [&str; 13] = [
    "serve", "cli", "api", "jobs", "app", "flow", "transfer", "vendor", "auth", "state", "event", "net",
    "platform",
];

fn sources(root: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(root)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    found
}

/// The names that stand behind `crate::` in `text`, grouped imports too.
fn imports(text: &str) -> BTreeSet<String> {
    let word = |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let mut names = BTreeSet::new();
    for (_, rest) in text.match_indices("crate::").map(|(at, found)| (at, &text[at + found.len()..])) {
        match rest.strip_prefix('{') {
            None => names.insert(word(rest)),
            Some(_) => panic!("`use crate::{{…}}` hides what is imported: one line a module"),
        };
    }
    names
}

/// Which modules each layer imports.
fn arrows() -> BTreeMap<String, BTreeSet<String>> {
    let mut arrows = BTreeMap::<String, BTreeSet<String>>::new();
    for path in sources("shared/runtime/src") {
        let inside = path.to_str().unwrap().rsplit_once("/shared/runtime/src/").unwrap().1.to_owned();
        let module = inside.split(['/', '.']).next().unwrap().to_owned();
        if module == "lib" {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let text = text.split("#[cfg(test)]").next().unwrap();
        let found = imports(text).into_iter().filter(|name| *name != module);
        arrows.entry(module.clone()).or_default().extend(found);
    }
    arrows
}

#[test]
fn no_module_imports_upward() {
    let place = |name: &str| LAYERS.iter().position(|layer| *layer == name);
    let arrows = arrows();
    assert_eq!(arrows.len(), LAYERS.len(), "{:?}", arrows.keys());
    for (module, imported) in arrows {
        for name in imported {
            let (from, to) = (place(&module), place(&name));
            let (Some(from), Some(to)) = (from, to) else {
                panic!("{module} imports {name}: which layer is it?")
            };
            assert!(from < to, "{module} imports {name}, which is above it");
        }
    }
}

#[test]
fn the_front_page_lists_the_layers_in_their_order() {
    let page =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/runtime/src/lib.rs"));
    let page = page.unwrap();
    let listed: Vec<&str> =
        page.lines().filter_map(|line| line.strip_prefix("//! - [`")?.split('`').next()).collect();
    assert_eq!(listed, LAYERS);
}

#[test]
fn the_model_knows_nothing_of_what_serves_it() {
    for path in sources("shared/src") {
        let text = std::fs::read_to_string(&path).unwrap();
        for word in
            ["upload_grant_runtime", "std::env", "std::fs", "std::net", "SystemTime", "tokio", "cfg(feature"]
        {
            assert!(!text.contains(word), "{} says {word}", path.display());
        }
    }
}

#[test]
fn no_shared_code_knows_a_flow_by_its_name() {
    for path in sources("shared/src").into_iter().chain(sources("shared/runtime/src")) {
        let text = std::fs::read_to_string(&path).unwrap();
        let text = text.split("#[cfg(test)]").next().unwrap();
        let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        let words: Vec<&str> = code.flat_map(|line| line.split(|c: char| !c.is_alphanumeric())).collect();
        for name in upload_grant_tests::FLOWS.iter().map(|flow| flow.name) {
            let (_, short) = name.split_once('-').unwrap();
            assert!(!text.contains(&format!("\"{name}\"")), "{} says {name}", path.display());
            assert!(!words.contains(&short), "{} says {short}", path.display());
        }
    }
}
