//! Fuzzes the program with random bytes and with mutated requests. Each run must begin with `hello` and end
//! with one `finished`.
//!
//! `HOSTILE_SEED=7` generates different inputs, and `HOSTILE_INPUTS=100000` generates more of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use serde_json::{Value, json};

use super::runs::{PROGRAMS, Run, judge_each};

/// A pseudo-random generator (xorshift). We do not use a crate, so that a seed gives the same inputs on any
/// machine and in any version.
struct Generator(u64);

impl Generator {
    /// The generator for the input with this number. It does not depend on which thread generates the input.
    fn of(seed: u64, number: u64) -> Self {
        let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ number.wrapping_mul(0xD1B5_4A32_D192_ED03);
        state ^= state >> 31;
        Generator(state | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 16
    }

    /// A number below `end`; 0 if `end` is 0.
    fn below(&mut self, end: usize) -> usize {
        (self.next() % (end.max(1) as u64)) as usize
    }

    fn one<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }

    /// A range within a text of this length, usually a short one.
    fn range(&mut self, length: usize) -> std::ops::Range<usize> {
        let from = self.below(length);
        let most = if self.below(4) == 0 { length - from } else { (length - from).min(20) };
        from..from + self.below(most + 1)
    }
}

/// Short texts that parsers and validators often treat differently.
const PIECES: [&str; 30] = [
    "{", "}", "[", "]", "\"", ",", ":", "null", "true", "false", "0", "-0", "1e999", "1e-999", "-1", "\\",
    "\0", "\n", " ", "$", "${", "$A", "`", "*", "!(", "=", "%{", "\u{feff}", "\u{2028}", "\u{301}",
];

/// Longer texts of the same kind.
const PHRASES: [&str; 9] = [
    "18446744073709551616",
    "\\u0000",
    "\\ud800",
    "\u{10ffff}",
    "%{git_sha}",
    r#"{"secure":"x"}"#,
    r#""env":{"#,
    r#""a":1,"a":1"#,
    "[[[[[[[[",
];

fn piece(random: &mut Generator) -> &'static str {
    let pieces: &[&str] = if random.below(4) == 0 { &PHRASES } else { &PIECES };
    random.one::<&str>(pieces)
}

/// A random value, to be put where a different one belongs.
fn value(random: &mut Generator, corpus: &Corpus) -> Value {
    match random.below(14) {
        0 => Value::Null,
        1 => json!(random.below(2) == 0),
        2 => json!(random.next()),
        3 => json!(-1),
        4 => json!(0.5),
        5 => json!(""),
        6 => json!([]),
        7 => json!({}),
        8 => json!({"secure": "x"}),
        9 => json!([null, 1, "a", [], {}]),
        10 => json!("x".repeat(random.below(3000))),
        11 => json!(piece(random)),
        12 => json!(random.one(&corpus.keys)),
        _ => {
            let request: &Vec<u8> = random.one(&corpus.requests);
            let whole: Value = serde_json::from_slice(request).unwrap_or_default();
            let values: Vec<&Value> =
                whole.as_object().into_iter().flatten().map(|(_, value)| value).collect();
            if values.is_empty() { Value::Null } else { (*random.one(&values)).clone() }
        }
    }
}

/// Makes one random change to a document.
fn change(random: &mut Generator, corpus: &Corpus, node: &mut Value, depth: usize) {
    let stays = random.below(if depth == 0 { 50 } else { 3 }) == 0;
    match node {
        Value::Object(map) if !map.is_empty() && !stays => {
            let keys: Vec<String> = map.keys().cloned().collect();
            let key = random.one(&keys).clone();
            match random.below(8) {
                0 => drop(map.remove(&key)),
                1 => {
                    let held = map.remove(&key).unwrap_or_default();
                    map.insert(random.one(&corpus.keys).clone(), held);
                }
                2 => drop(map.insert(random.one(&corpus.keys).clone(), value(random, corpus))),
                3 => drop(map.insert(piece(random).to_owned(), value(random, corpus))),
                _ => change(random, corpus, &mut map[&key], depth + 1),
            }
        }
        Value::Array(items) if !items.is_empty() && !stays => {
            let at = random.below(items.len());
            match random.below(4) {
                0 => drop(items.remove(at)),
                1 => items.insert(at, value(random, corpus)),
                _ => change(random, corpus, &mut items[at], depth + 1),
            }
        }
        Value::String(text) if !stays => {
            let at = random.below(text.chars().count() + 1);
            let place = text.char_indices().nth(at).map_or(text.len(), |(place, _)| place);
            text.insert_str(place, piece(random));
        }
        other => *other = value(random, corpus),
    }
}

/// Makes one random change to the bytes of a document.
fn mangle(random: &mut Generator, corpus: &Corpus, bytes: &mut Vec<u8>) {
    let range = random.range(bytes.len());
    match random.below(8) {
        0 if !bytes.is_empty() => {
            let at = random.below(bytes.len());
            bytes[at] ^= 1 << random.below(8);
        }
        1 if !bytes.is_empty() => {
            let at = random.below(bytes.len());
            bytes[at] = random.next() as u8;
        }
        2 => bytes.truncate(range.start),
        3 => drop(bytes.drain(range)),
        4 => {
            let piece = bytes[range.clone()].to_vec();
            bytes.splice(range.start..range.start, piece);
        }
        5 => drop(bytes.splice(range.start..range.start, piece(random).bytes())),
        6 => {
            let other = random.one(&corpus.requests);
            let piece = other[random.range(other.len())].to_vec();
            bytes.splice(range, piece);
        }
        _ => {
            let (from, to) = (range.start, random.below(bytes.len() + 1));
            let piece: Vec<u8> = bytes.drain(range).collect();
            let to = if to > from { from.max(to.saturating_sub(piece.len())) } else { to };
            bytes.splice(to..to, piece);
        }
    }
}

/// True if the input with this number is random bytes. Every tenth input is.
fn is_noise(number: u64) -> bool {
    number.is_multiple_of(10)
}

/// The material for mutated requests.
struct Corpus {
    requests: Vec<Vec<u8>>,
    /// Keys of stanzas and of the structures in them.
    keys: Vec<String>,
}

impl Corpus {
    /// Reads the requests of the cases and real stanzas. Their `PATH` is [`PROGRAMS`], so that they can start
    /// no other programs.
    fn new() -> Self {
        let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("protocol-tests");
        let mut requests = Vec::new();
        let mut keys = BTreeSet::new();
        let mut take = |mut request: Value| {
            collect_keys(&request, &mut keys);
            if let Some(env) =
                request.as_object_mut().map(|request| request.entry("env").or_insert(json!({})))
                && let Some(env) = env.as_object_mut()
            {
                env.insert("PATH".to_owned(), json!(PROGRAMS));
                env.entry("TRAVIS_BRANCH").or_insert(json!("master"));
            }
            requests.push(request.to_string().into_bytes());
        };
        let mut cases: Vec<PathBuf> = fs::read_dir(tests.join("cases"))
            .expect("readable")
            .map(|entry| entry.expect("readable").path())
            .collect();
        cases.sort();
        for path in cases {
            let case: Value = serde_json::from_reader(File::open(&path).expect("readable")).expect("JSON");
            for run in case["runs"].as_array().expect("a list") {
                if run["stdin"].is_object() {
                    take(run["stdin"].clone());
                }
            }
        }
        for line in fs::read_to_string(tests.join("real-stanzas.jsonl")).expect("readable").lines() {
            take(serde_json::from_str(line).expect("JSON"));
        }
        Corpus { requests, keys: keys.into_iter().collect() }
    }

    /// The input with this number: random bytes, or a request that is mutated as bytes, as a document, or as
    /// both.
    fn input(&self, seed: u64, number: u64) -> Vec<u8> {
        let random = &mut Generator::of(seed, number);
        if is_noise(number) {
            let length = 1 << random.below(15);
            return (0..random.below(length)).map(|_| random.next() as u8).collect();
        }
        let mut bytes = random.one(&self.requests).clone();
        if number % 10 < 8 {
            let mut document: Value = serde_json::from_slice(&bytes).expect("JSON");
            for _ in 0..=random.below(4) {
                change(random, self, &mut document, 0);
            }
            bytes = document.to_string().into_bytes();
        }
        if number % 10 > 6 {
            for _ in 0..=random.below(4) {
                mangle(random, self, &mut bytes);
            }
        }
        bytes
    }
}

fn collect_keys(value: &Value, keys: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => map.iter().for_each(|(key, value)| {
            keys.insert(key.clone());
            collect_keys(value, keys);
        }),
        Value::Array(items) => items.iter().for_each(|item| collect_keys(item, keys)),
        _ => {}
    }
}

/// Reports an input that the program accepts and a schema rejects. Null counts as absent, also for an unknown
/// key.
fn disagreement(input: &[u8], run: &Run) -> Option<String> {
    let request = without_nulls(serde_json::from_slice(input).ok()?);
    let agreement = AssertUnwindSafe(|| crate::schemas::check_agreement(&request, &run.ended));
    let panic = catch_unwind(agreement).err()?;
    Some(panic.downcast_ref::<String>().map_or("a schema disagrees".to_owned(), Clone::clone))
}

fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(map) => map
            .into_iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(key, value)| (key, without_nulls(value)))
            .collect(),
        other => other,
    }
}

#[test]
#[ignore = "second tier: needs Python; long"]
fn whatever_is_made_of_a_request_begins_with_hello_and_ends_with_finished_once() {
    let variable = |name: &str| std::env::var(name).ok().map(|value| value.parse::<u64>().expect("a number"));
    let seed = variable("HOSTILE_SEED").unwrap_or(20_240_607);
    let count = variable("HOSTILE_INPUTS").unwrap_or(2_000);
    let (corpus, endings) = (Corpus::new(), Mutex::new(BTreeMap::<String, u32>::new()));
    let numbers: Vec<u64> = (0..count).collect();
    let (costs, complaints) = judge_each(&numbers, |&number, runs| {
        let input = corpus.input(seed, number);
        // Random bytes go to every command. A mutated request goes only to `check`, which changes nothing.
        let every: [&[&str]; 5] =
            [&[], &["check"], &["plan"], &["rollback"], &["package", "--output", "/dev/null"]];
        let command = if is_noise(number) { every[(number / 10 % 5) as usize] } else { every[1] };
        let mut run = runs.run(command, &input);
        let mut complaints = run.complaints();
        complaints.extend(disagreement(&input, &run));
        *endings.lock().expect("not poisoned").entry(run.ending()).or_default() += 1;
        let input = String::from_utf8_lossy(&input).into_owned();
        let named = complaints.into_iter().map(|c| format!("input {number}, {input:.3000}: {c:.2000}"));
        (run, named.collect())
    });
    let endings = endings.into_inner().expect("not poisoned");
    println!("seed {seed}, {count} inputs, {costs}: {endings:?}");
    assert!(
        complaints.is_empty(),
        "seed {seed}, {} of {count}:\n{}",
        complaints.len(),
        complaints.join("\n")
    );
    for ending in ["bad-json", "bad-value", "checked", "skipped"] {
        assert!(endings.contains_key(ending), "no generated input ended in {ending}: {endings:?}");
    }
}
