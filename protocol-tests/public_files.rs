//! Reads files as people publish them: Travis CI accepts them, although the specification of YAML does not,
//! or although they look incomplete. Each is a small file of a kind that occurs in public repositories.

use std::fs;

use lambda_endpoint::{Endpoint, Settings};

use crate::deployments::build_directory;
use crate::plugin::{PluginCommand, PluginOutput, job_env, variables};
use crate::python::run_script;

/// A stanza that ends a file, so that lines for it can follow.
const STANZA: &str = "deploy:\n  provider: lambda\n  function_name: f\n  \
                      role: arn:aws:iam::123456789012:role/run\n  runtime: nodejs22.x\n  \
                      handler_name: handler\n  zip: index.js\n";

/// Lines before the stanza.
const BEFORE: [&str; 21] = [
    // Lines of a quoted text that are not indented more than their key.
    "notifications:\n  slack:\n    secure: \"\\\n      abcd\\\n      efgh=\\\n    \"\n",
    "script: 'make\ntest'\n",
    "env:\n  global:\n  - secure: \"abc\n  def=\"\n",
    "env:\n  global:\n    - 'A=b\n    c'\n",
    "install: [\"a\",\n\"b\n c\"\n]\n",
    // Base64 of a text.
    "env:\n  global:\n  - secure: !!binary |\n      T21OL05X\n      aVhRNkpR\n",
    "env: !!binary QT1i\n",
    "notifications: {email: !!binary /w==}\n",
    // Tabs.
    "language:\tnode_js\n",
    "script: make\t# all\n",
    "jobs: {\n\tfast_finish: true\n}\n",
    // An alias without an anchor.
    "before_install:\n  - *common\n",
    "env:\n  global:\n  - *common\n",
    "x: &x {script: *x}\njobs:\n  <<: *y\n",
    // A variable after an exclamation mark, which is a tag.
    "env: {A: !$B , C: d}\n",
    "env: {global: [!$VAR, A=b]}\n",
    "cache: !$CACHE\n",
    // Other texts that only libyaml accepts, and other keys than texts.
    "script: [make]#all\n",
    "cache: {{ checksum }}\n",
    "<<: nothing\n",
    // A duplicate key.
    "env: A=1\nscript: x\nenv:\n  global:\n  - B=2\n",
];

/// Lines at the end of the stanza.
const INSIDE: [&str; 9] = [
    "  environment:\n    QUERY: 'SELECT a.id\n    FROM a'\n",
    "  description: \"one\n  two\"\n",
    "  access_key_id: AKIAIOSFODNN7EXAMPLE\n  secret_access_key:\n    secure: !!binary |\n      \
     aHRUUlhkVUN5b0pP\n      VWY4cWFJaG9Gdi9K\n",
    "  secret_access_key: {secure: !!binary /w==}\n",
    "  description: !!binary aGVsbG8=\n",
    "  timeout:\t10\n",
    "  environment: {A: b,\n  C: d\n  }\n",
    "  kms_key_arn: *key\n",
    "  kms_key_arn: !$KMS_KEY\n",
];

/// Runs the program with this text as `.travis.yml`, for a push to `master`.
fn run(command: &str, text: &str, env: &[(&str, &str)]) -> PluginOutput {
    let directory = build_directory();
    fs::write(directory.path().join(".travis.yml"), text).expect("written");
    let plugin = PluginCommand::new(&[command, "--travis-yml", ".travis.yml"]).directory(directory.path());
    let plugin = plugin.env("GIT_CEILING_DIRECTORIES", "/").env("TRAVIS_BRANCH", "master");
    env.iter().fold(plugin, |plugin, (name, value)| plugin.env(name, value)).run_on(b"")
}

fn files() -> impl Iterator<Item = String> {
    let before = BEFORE.iter().map(|lines| format!("{lines}{STANZA}"));
    before.chain(INSIDE.iter().map(|lines| format!("{STANZA}{lines}")))
}

#[test]
fn a_file_that_travis_ci_reads_is_read() {
    for text in files() {
        let ended = run("check", &text, &[]);
        assert_eq!(ended.outcome(), "checked", "{text}\n{}\n{}", ended.stdout, ended.stderr);
    }
}

#[test]
fn what_is_read_otherwise_than_it_looks_is_reported() {
    for (lines, reported) in [
        (
            "env: A=1\nenv:\n  global:\n  - B=2\n",
            "line 2: duplicate key `env` (first defined on line 1); only the later one counts, as on Travis CI",
        ),
        ("before_install:\n  - *common\n", "line 2: an alias without an anchor is null, as on Travis CI"),
        ("env: {A: !$B , C: d}\n", "line 1: a YAML tag is ignored, as on Travis CI; quote the value"),
    ] {
        let ended = run("check", &format!("{lines}{STANZA}"), &[]);
        assert_eq!(ended.outcome(), "checked", "{lines}");
        assert!(ended.stderr.contains(&format!(".travis.yml: {reported}")), "{lines}\n{}", ended.stderr);
    }
    let twice = run("check", &format!("{STANZA}  zip: other.js\n"), &[]);
    assert_eq!(twice.code(), "duplicate-key", "{}", twice.stdout);
}

/// A text of the file must not move the cursor of a terminal, or begin a line that a CI interprets.
#[test]
fn texts_of_the_file_are_shown_in_one_line_without_control_characters() {
    let odd = "\"a\\e[31m\\n::error::b\"";
    for lines in [
        format!("{odd}: 1\n{odd}: 2\n{STANZA}"),
        format!("jobs: {{include: [{{name: {odd}}}, {{name: two}}]}}\n{STANZA}"),
        format!("python: [{odd}, 3]\n{STANZA}"),
        format!("deploy: [{{provider: {odd}}}, {{provider: lambda}}]\n"),
        format!("deploy: [{{provider: lambda, function_name: {odd}}}, {{provider: lambda}}]\n"),
    ] {
        let stderr = run("check", &lines, &[]).stderr;
        assert!(stderr.contains("a [31m ::error::b"), "{lines}\n{stderr}");
        assert!(stderr.lines().all(|line| line.starts_with("dpl-lambda: ")), "{lines}\n{stderr}");
    }
}

#[test]
fn a_line_of_a_quoted_text_may_begin_as_far_left_as_its_key() {
    let endpoint = Endpoint::start(Settings::default()).expect("a free port");
    let job = job_env(&endpoint);
    let env: Vec<(&str, &str)> = variables(&job).collect();
    let ended = run("deploy", &format!("{STANZA}{}", INSIDE[0]), &env);
    assert_eq!(ended.outcome(), "deployed", "{}", ended.stdout);
    let function = endpoint.function("f").expect("it exists");
    assert_eq!(function["Configuration"]["Environment"]["Variables"]["QUERY"], "SELECT a.id FROM a");
}

#[test]
fn a_stanza_of_one_word_has_its_options_from_variables() {
    let options = [("LAMBDA_FUNCTION_NAME", "f"), ("LAMBDA_ZIP", "index.js")];
    for text in [
        "deploy: lambda\n",
        "deploy: [lambda]\n",
        "deploy:\n- Lambda\n- heroku\n",
        "jobs: {include: [{deploy: lambda}]}\n",
    ] {
        let ended = run("check", text, &options);
        assert_eq!(ended.outcome(), "checked", "{text}\n{}", ended.stdout);
        assert_eq!(run("check", text, &[]).code(), "missing-key", "{text}");
    }
}

/// What a mutation inserts.
const PIECES: [&str; 30] = [
    "\t",
    " ",
    "\n",
    "\n\t",
    "\"",
    "'",
    "#",
    " #",
    ":",
    ": ",
    "- ",
    "-\t",
    "? ",
    ",",
    "{",
    "}",
    "[",
    "]",
    "!x ",
    "!$V ",
    "!!binary ",
    "&a ",
    "*a ",
    "*b",
    "<<: ",
    "\\",
    "|",
    "%",
    "---\n",
    "...\n",
];

/// Changes the text in one or two places: inserts or removes something, or indents a line differently.
fn mutate(text: &str, random: &mut fastrand::Rng) -> String {
    let mut text = text.to_owned();
    for _ in 0..=random.usize(..2) {
        let at = random.usize(..text.len());
        match random.usize(..3) {
            0 => text.insert_str(at, random.choice(PIECES).expect("there are pieces")),
            1 => text.replace_range(at..=at, ""),
            _ => {
                let start = text[..at].rfind('\n').map_or(0, |end| end + 1);
                let indent = text[start..].len() - text[start..].trim_start_matches(' ').len();
                let spaces = |length: usize| " ".repeat(length);
                let other = [spaces(indent.saturating_sub(1)), spaces(indent + 1), spaces(indent) + "\t"];
                let other = other.into_iter().chain([String::new(), "\t".to_owned()]).collect::<Vec<_>>();
                text.replace_range(start..start + indent, &random.choice(other).expect("there are five"));
            }
        }
    }
    text
}

#[test]
#[ignore = "second tier: needs PyPI"]
fn a_file_is_accepted_exactly_if_libyaml_accepts_it() {
    let mut random = fastrand::Rng::with_seed(20);
    let mutants = files().flat_map(|text| [(); 20].map(|()| mutate(&text, &mut random)));
    let texts: Vec<String> = files().chain(mutants).collect();
    let lines: String =
        texts.iter().map(|text| format!("{}\n", serde_json::Value::from(text.as_str()))).collect();
    let answers = run_script("accepts.py", lines);
    assert_eq!(answers.len(), texts.len());
    for (text, answer) in texts.iter().zip(&answers) {
        let tree = dpl_lambda::testing::parse_yaml(text, &mut Vec::new());
        let read = tree.and_then(|tree| tree.map(|tree| tree.read("", &mut Default::default())).transpose());
        assert_eq!(read.is_ok().to_string(), *answer, "{text:?}: {read:?}");
    }
    let accepted = answers.iter().filter(|answer| *answer == "true").count();
    assert!(accepted > texts.len() / 4 && accepted < texts.len() * 3 / 4, "{accepted} of {}", texts.len());
    println!("{} files, of which libyaml accepts {accepted}", texts.len());
}
