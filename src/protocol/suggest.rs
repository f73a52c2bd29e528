//! Finds the known name that is most similar to a misspelt one, and recognizes names in the style of AWS.
//! Never compares long texts: a misspelt name is not that long, and the comparison takes time.

/// Maximum length of a word in bytes. Longer words get no suggestion.
const MAX_LENGTH: usize = 64;

/// Minimum Jaro-Winkler similarity for a suggestion. Jaro-Winkler prefers a common prefix, which typical
/// misspellings have: `imeout`, `handler`, `memory`.
const MIN_SIMILARITY: f64 = 0.8;

/// Minimum similarity without that preference. `event_source` has the prefix of `event_invoke_config`, and
/// means something else.
const MIN_PLAIN_SIMILARITY: f64 = 0.75;

/// Minimum length of names that are similar if they differ by one letter, or by two that are exchanged. Of a
/// short name, such as `zip`, one wrong letter is a large part: its similarity by Jaro-Winkler is low.
const MIN_LENGTH: usize = 3;

/// The name in `known` that is most similar to `word`, ignoring case and the difference between hyphens and
/// underscores. The first one, if several are equally similar. `None`: no name is similar.
pub fn suggest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if word.len() > MAX_LENGTH {
        return None;
    }
    let normal = |name: &str| name.to_ascii_lowercase().replace('-', "_");
    let word = normal(word);
    let mut best = None;
    for name in known {
        let normal_name = normal(name);
        let similarity = strsim::jaro_winkler(&word, &normal_name);
        let is_short_mistake = word.len().min(name.len()) >= MIN_LENGTH
            && word.len().abs_diff(name.len()) <= 1
            && strsim::osa_distance(&word, &normal_name) == 1;
        let is_similar = is_short_mistake
            || similarity >= MIN_SIMILARITY && strsim::jaro(&word, &normal_name) >= MIN_PLAIN_SIMILARITY;
        if is_similar && best.is_none_or(|(most, _)| similarity > most) {
            best = Some((similarity, name));
        }
    }
    best.map(|(_, name)| name)
}

/// The letters of a name, by which names of different styles are equal: `MemorySize`, `memory-size`.
pub(super) fn letters(name: &str) -> impl Iterator<Item = char> {
    name.chars().filter(|c| !"_-. ".contains(*c)).map(|c| c.to_ascii_lowercase())
}

/// True for a name in the style of AWS's API and of its tools: `MemorySize`, `KMSKeyArn`, `memorySize`.
pub(super) fn is_in_style_of_aws(name: &str) -> bool {
    let has = |is_it: fn(&u8) -> bool| name.as_bytes().iter().any(is_it);
    name.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && has(u8::is_ascii_uppercase)
        && has(u8::is_ascii_lowercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_aws_has_capital_letters_and_nothing_between_its_words() {
        for name in ["MemorySize", "memorySize", "Timeout", "KMSKeyArn", "S3Key"] {
            assert!(is_in_style_of_aws(name), "{name}");
        }
        for name in ["memory_size", "memory-size", "MEMORY_SIZE", "TIMEOUT", "timeout", "Function-Name", ""] {
            assert!(!is_in_style_of_aws(name), "{name}");
        }
    }

    #[test]
    fn a_misspelt_name_has_its_nearest_one_and_other_words_have_none() {
        let known = ["function_name", "memory_size", "runtime", "timeout", "access-denied", "zip", "on"];
        for (word, meant) in [
            ("imeout", Some("timeout")),
            ("Function-Name", Some("function_name")),
            ("memory", Some("memory_size")),
            ("RUNTIM", Some("runtime")),
            ("acces-denied", Some("access-denied")),
            ("zpi", Some("zip")),
            ("zap", Some("zip")),
            ("in", None),
            ("zebra", None),
            ("", None),
        ] {
            assert_eq!(suggest(word, known), meant, "{word}");
        }
        assert_eq!(suggest(&"timeout".repeat(10), known), None);
    }
}
