//! What we ship on: the Rust version we state, and the crates we let in.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

const WORKSPACE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
const RUST_VERSION: &str = "1.89";

fn read(path: impl AsRef<Path>) -> String {
    let path = Path::new(WORKSPACE).join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Name, version and source of every crate in the lock file.
fn locked() -> Vec<(String, String, Option<String>)> {
    let lock = read("Cargo.lock");
    let value = |block: &str, name: &str| {
        let line = block.lines().find_map(|line| line.strip_prefix(&format!("{name} = \"")));
        line.map(|rest| rest.trim_end_matches('"').to_owned())
    };
    let blocks = lock.split("[[package]]").skip(1);
    blocks
        .map(|block| {
            let need = |name| value(block, name).unwrap_or_else(|| panic!("no {name}: {block}"));
            (need("name"), need("version"), value(block, "source"))
        })
        .collect()
}

#[test]
fn the_rust_version_is_stated_once_and_for_all_packages() {
    let workspace = read("Cargo.toml");
    assert!(
        workspace.contains(&format!("\nrust-version = \"{RUST_VERSION}\"\n")),
        "the workspace states its own"
    );
    let mut packages =
        ["shared", "shared/command", "shared/runtime", "tests", "tests/sandbox"].map(str::to_owned).to_vec();
    let functions = std::fs::read_dir(Path::new(WORKSPACE).join("functions")).expect("functions");
    packages.extend(
        functions
            .map(|entry| format!("functions/{}", entry.expect("an entry").file_name().to_string_lossy())),
    );
    // Our own packages are those that come from nowhere.
    assert_eq!(packages.len(), locked().iter().filter(|(_, _, source)| source.is_none()).count());
    for package in &packages {
        assert!(
            read(format!("{package}/Cargo.toml")).contains("\nrust-version.workspace = true\n"),
            "{package}"
        );
    }
}

/// With clippy's `incompatible_msrv` on our own code, the check that an older compiler would make.
#[test]
fn no_crate_needs_a_newer_rust_than_we_state() {
    let mut cargo = std::process::Command::new(env!("CARGO"));
    // Only what ships: crates of other systems are not even fetched.
    let platform = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    cargo.args(["metadata", "--format-version=1", "--locked", "--filter-platform", &platform]);
    cargo.current_dir(WORKSPACE);
    let output = cargo.output().expect("cargo");
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).expect("metadata");
    let packages = metadata["packages"].as_array().expect("packages");
    assert!(packages.len() > 100, "{}", packages.len());
    let number =
        |version: &str| version.split('.').map(|part| part.parse().expect("a number")).collect::<Vec<u32>>();
    for package in packages {
        let needed = package["rust_version"].as_str().unwrap_or("1.0");
        assert!(number(needed) <= number(RUST_VERSION), "{} needs Rust {needed}", package["name"]);
    }
}

#[test]
fn crates_come_from_the_registry_and_the_banned_do_not_come_at_all() {
    let crates = locked();
    assert!(crates.len() > 100, "{}", crates.len());
    let banned = ["aws-lc-sys", "aws-lc-rs", "openssl", "openssl-sys", "native-tls"];
    for (name, version, source) in &crates {
        assert!(!banned.contains(&name.as_str()), "{name} {version}");
        // None is one of our own packages.
        let registry = source.as_deref().is_none_or(|source| source.starts_with("registry+"));
        assert!(registry, "{name} {version} comes from {source:?}");
    }
}

#[test]
fn what_must_not_be_there_twice_is_there_once() {
    let mut versions: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (name, version, _) in locked() {
        versions.entry(name).or_default().insert(version);
    }
    // Two of these would be two runtimes, two connection pools or two kinds of the same secret or request.
    for name in [
        "tokio",
        "hyper",
        "http",
        "reqwest",
        "rustls",
        "ring",
        "axum",
        "serde_json",
        "zeroize",
        "jiff",
        "time",
    ] {
        assert_eq!(versions[name].len(), 1, "{name}: {:?}", versions[name]);
    }
}
