//! Checks that the repository is written in the words of its field: no metaphors of its own, and no phrases
//! that need a second reading.
//!
//! Names count as words, too: `LiveTrail` and `live_trail` are both read as `live trail`. So do the names of
//! files.

use std::collections::HashMap;
use std::path::Path;
use std::sync::LazyLock;

use crate::repository;

/// Where the words are looked for.
const PLACES: [&str; 25] = [
    "src",
    "protocol-tests",
    "examples",
    "packages",
    "schema",
    "docs",
    ".ci",
    ".github",
    ".cargo",
    "action.sh",
    "action.yml",
    "orb.yml",
    "templates",
    "hooks",
    "plugin.yml",
    "pipe.yml",
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "RELEASING.md",
    "SECURITY.md",
    "Cargo.toml",
    "clippy.toml",
    "deny.toml",
    "justfile",
];

/// Files that others wrote, or that hold no text.
const NOT_OURS: [(&str, &str); 6] = [
    ("protocol-tests/words.rs", "this table"),
    ("protocol-tests/real-stanzas.jsonl", "stanzas of public repositories, as they are"),
    ("protocol-tests/lambda-constraints.json", "AWS's model of Lambda"),
    ("protocol-tests/editors/package-lock.json", "names and hashes of npm packages"),
    ("protocol-tests/gitlab/package-lock.json", "names and hashes of npm packages"),
    ("protocol-tests/workflows/package-lock.json", "names and hashes of npm packages"),
];

/// A word that is right on a line with this text (in lower case), and why.
const ALLOWED: [(&str, &str, &str); 8] = [
    ("trail", "cloudtrail", "AWS CloudTrail"),
    ("audience", "trust policy", "a condition of a role's trust policy"),
    ("audience", "token", "the audience of an OpenID Connect token"),
    ("audience", "sts.amazonaws.com", "the audience of an OpenID Connect token"),
    ("stands", "stands for", "an ordinary verb for a symbol and its meaning"),
    ("stand", "stand for", "an ordinary verb for a symbol and its meaning"),
    ("stands", "stands alone", "an option without another one"),
    ("stand", "stand alone", "an option without another one"),
];

/// Words and phrases in lower case, separated by `|`, and what to write instead.
const WORDS: [(&str, &str); 30] = [
    ("room|rooms", "module"),
    ("door|doors", "boundary, check, entry point"),
    ("house|houses", "architecture, program"),
    ("errand|errands", "child run"),
    ("trail|trails", "alias history"),
    ("tell|tells|telling|told", "say, print, report, return, contain, forward an event"),
    ("whoever", "the caller, the user, the runner"),
    ("somebody", "a person, another deployment, the user"),
    ("of one s own", "custom, separate"),
    ("by hand", "standalone; without a runner"),
    ("witness|witnesses", "check, evidence, observer"),
    ("audience|audiences", "event sink, observer, reader"),
    ("courtesy", "grace period"),
    ("patience", "timeout"),
    ("surroundings", "job environment"),
    ("glance|glances", "poll"),
    ("aftermath", "trailing output"),
    ("meddle|meddles|meddling", "concurrent change, mutate"),
    ("rival|rivals", "competitor, other deployment"),
    ("duel|duels", "race"),
    ("fate|fates", "outcome"),
    ("culprit|culprits", "the invalid part"),
    ("hear|hears|heard|hearing", "read, receive, learn"),
    ("night|nights", "when a deployment fails"),
    ("stand|stands|stood", "is, are; for a test's set-up: fixture, scenario"),
    ("beforehand", "before"),
    ("kindly", "leniently; is coerced"),
    ("relay|relays", "forward"),
    ("lay out", "assemble"),
    ("by way of|asked of|it is said", "through; sent to; (name who says it)"),
];

/// The words of a text in lower case, each with the number of its line, from 1.
fn words(text: &str) -> Vec<(usize, String)> {
    let mut words = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let mut word = String::new();
        let mut was_lower = false;
        for c in line.chars().chain([' ']) {
            if !c.is_ascii_alphabetic() || (c.is_ascii_uppercase() && was_lower) {
                words.extend((!word.is_empty()).then(|| (index + 1, std::mem::take(&mut word))));
            }
            if c.is_ascii_alphabetic() {
                word.push(c.to_ascii_lowercase());
            }
            was_lower = c.is_ascii_lowercase();
        }
    }
    words
}

/// The phrases of [`WORDS`] by their first words, each with what to write instead.
static PHRASES: LazyLock<HashMap<&str, Vec<(&str, &str)>>> = LazyLock::new(|| {
    let mut phrases: HashMap<&str, Vec<(&str, &str)>> = HashMap::new();
    for (words, instead) in WORDS {
        for phrase in words.split('|') {
            let first = phrase.split(' ').next().unwrap_or_default();
            phrases.entry(first).or_default().push((phrase, instead));
        }
    }
    phrases
});

/// A complaint for each old word of a text. `name` is what the complaint calls the line of a number.
fn complaints(text: &str, name: impl Fn(usize) -> String) -> Vec<String> {
    let words = words(text);
    let lines: Vec<&str> = text.lines().collect();
    let mut complaints = Vec::new();
    for (start, (number, word)) in words.iter().enumerate() {
        for (phrase, instead) in PHRASES.get(word.as_str()).into_iter().flatten() {
            let mut rest = words[start..].iter().map(|(_, word)| word.as_str());
            let is_here = phrase.split(' ').all(|part| rest.next() == Some(part));
            let line = lines[number - 1].to_lowercase();
            let is_allowed =
                ALLOWED.iter().any(|(word, context, _)| word == phrase && line.contains(context));
            if is_here && !is_allowed {
                complaints.push(format!("{}: `{phrase}`; write: {instead}", name(*number)));
            }
        }
    }
    complaints
}

#[test]
fn no_file_holds_an_old_word() {
    let files: Vec<_> = PLACES.iter().flat_map(|place| repository::files(place)).collect();
    let ours = files.iter().filter(|file| NOT_OURS.iter().all(|(name, _)| *file != Path::new(name)));
    let mut found = Vec::new();
    let mut count = 0;
    for file in ours {
        count += 1;
        let path = file.display().to_string();
        found.extend(complaints(&path, |_| format!("{path} (its name)")));
        // What is no text has no words.
        if let Ok(text) = String::from_utf8(std::fs::read(repository::root().join(file)).expect("readable")) {
            found.extend(complaints(&text, |line| format!("{path}:{line}")));
        }
    }
    assert!(count > 400, "{count} files");
    assert!(found.is_empty(), "{} old words:\n{}", found.len(), found.join("\n"));
}

#[test]
fn names_and_phrases_are_read_as_words() {
    let found = |text: &str| complaints(text, |line| line.to_string());
    for text in ["is told", "LiveTrail", "note_told", "DOORS", "a by\n//! hand way", "of one's own", "ByHand"]
    {
        assert_eq!(found(text).len(), 1, "{text}: {:?}", found(text));
    }
    for text in ["trailing", "CloudTrail shows it", "stands for a list", "standard", "handle by handler"] {
        assert_eq!(found(text).len(), 0, "{text}: {:?}", found(text));
    }
}
