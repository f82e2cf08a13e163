//! Writes what `mime_guess` knows as two texts: its tables of several thousand pointers would be half of what the dynamic
//! linker has to set right at every start.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

fn main() -> std::io::Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    let all = mime_guess::get_extensions("*", "*").unwrap_or_default();
    let mut types = BTreeMap::new();
    let mut of_type = BTreeSet::new();
    for extension in all {
        let guess = mime_guess::from_ext(extension);
        if let Some(first) = guess.first_raw() {
            types.insert(extension.to_ascii_lowercase(), first.to_ascii_lowercase());
        }
        of_type.extend(guess.iter_raw().map(str::to_ascii_lowercase));
    }
    let types: Vec<String> =
        types.iter().map(|(extension, first)| format!("{extension} {first}\n")).collect();
    let line = |name: &String| {
        let extensions = mime_guess::get_mime_extensions_str(name).unwrap_or_default();
        format!("{name} {}\n", extensions.join(" "))
    };
    let extensions: Vec<String> = of_type.iter().map(line).collect();
    let folder = std::env::var_os("OUT_DIR").ok_or(std::io::ErrorKind::NotFound)?;
    std::fs::write(Path::new(&folder).join("types.txt"), types.concat())?;
    std::fs::write(Path::new(&folder).join("extensions.txt"), extensions.concat())
}
