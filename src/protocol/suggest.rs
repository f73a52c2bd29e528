//! Finds the known name that a misspelt one is most likely to mean.
//! Never compares a long text: nobody misspells a name at such length, and to compare takes time.

/// Longer texts have no nearest name, in bytes.
const MAX_LENGTH: usize = 64;

/// Jaro-Winkler likeness from which on a name is taken for a misspelling. It prefers a common beginning, which is how people
/// misspell: `imeout`, `handler`, `memory`.
const LIKENESS: f64 = 0.8;

/// The known name that is most like `word`, whatever its case and with hyphens for underscores. `None`: none is like it. Of several that are equally like,
/// the first.
pub fn suggest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if word.len() > MAX_LENGTH {
        return None;
    }
    let normal = |name: &str| name.to_ascii_lowercase().replace('-', "_");
    let word = normal(word);
    let mut best = None;
    for name in known {
        let likeness = strsim::jaro_winkler(&word, &normal(name));
        if likeness >= LIKENESS && best.is_none_or(|(most, _)| likeness > most) {
            best = Some((likeness, name));
        }
    }
    best.map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_name_has_its_nearest_one_and_other_words_have_none() {
        let known = ["function_name", "memory_size", "runtime", "timeout", "access-denied"];
        for (word, meant) in [
            ("imeout", Some("timeout")),
            ("Function-Name", Some("function_name")),
            ("memory", Some("memory_size")),
            ("RUNTIM", Some("runtime")),
            ("acces-denied", Some("access-denied")),
            ("zebra", None),
            ("", None),
        ] {
            assert_eq!(suggest(word, known), meant, "{word}");
        }
        assert_eq!(suggest(&"timeout".repeat(10), known), None);
    }
}
