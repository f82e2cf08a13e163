//! `FileName`: what people see in the console, so the caller's own name as far as the vendor takes it.

use upload_grant::model::media;

/// The longest name, in characters. The shortest are 4, and no listed extension with a dot and a stem has less.
const LONGEST: usize = 128;

/// The caller's name with an extension that fits the format; a name that is too long loses the end of its stem.
pub(crate) fn of(filename: &str, extension: &str) -> String {
    let name = media::with_extension(filename, extension);
    let (stem, suffix) = name.split_at(name.len() - extension.len() - 1);
    let room = LONGEST - suffix.chars().count();
    let stem: String = stem.chars().take(room).collect();
    format!("{stem}{suffix}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_callers_name_is_kept_as_far_as_it_fits() {
        for (filename, extension, name) in [
            ("Preisliste 2026 ä.PDF", "pdf", "Preisliste 2026 ä.PDF"),
            ("a.md", "md", "a.md"),
            ("photo", "png", "photo.png"),
            ("a.jfif", "jpg", "a.jfif.jpg"),
            ("a.tar.md", "md", "a.tar.md"),
        ] {
            assert_eq!(of(filename, extension), name);
        }
        for long in [format!("{}.pdf", "ä".repeat(250)), "😀".repeat(255)] {
            let name = of(&long, "pdf");
            assert_eq!(name.chars().count(), 128);
            assert!(name.strip_suffix(".pdf").is_some() && name.starts_with(long.chars().next().unwrap()));
        }
    }
}
