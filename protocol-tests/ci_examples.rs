//! The files of `examples/ci/`: valid by each CI's own published schema, and their shell parts run as that CI runs them, against a
//! server on 127.0.0.1. What stands for the program writes down how it was called.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use dpl_lambda::runner::ci::{Ci, DECIDED};
use serde_json::Value;
use tempfile::TempDir;

use crate::venv;

const TOKEN: &str = "header.claims.signature";
const ARCHIVE: &str = "/dpl-lambda-x86_64-linux.tar.gz";

/// A file of `examples/ci/`, and a push to `main` as its CI describes it.
struct Example {
    ci: Ci,
    file: &'static str,
    stanza: &'static str,
    env: &'static [(&'static str, &'static str)],
    /// What the program is to find in its environment.
    identity: &'static [(&'static str, &'static str)],
}

const KEYS: &[(&str, &str)] =
    &[("AWS_ACCESS_KEY_ID", "secret-aws_access_key_id"), ("AWS_SECRET_ACCESS_KEY", "secret-aws_secret_access_key")];

const EXAMPLES: [Example; 8] = [
    Example {
        ci: Ci::Travis,
        file: "travis.yml",
        stanza: "lambda-keys.yml",
        env: &[("TRAVIS", "true"), ("TRAVIS_BRANCH", "main"), ("TRAVIS_PULL_REQUEST", "false"), KEYS[0], KEYS[1]],
        identity: KEYS,
    },
    Example {
        ci: Ci::GitHubActions,
        file: "github-actions.yml",
        stanza: "lambda.yml",
        env: &[
            ("GITHUB_ACTIONS", "true"),
            ("GITHUB_EVENT_NAME", "push"),
            ("GITHUB_REF", "refs/heads/main"),
            ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "bearer-of-the-job"),
            ("ACTIONS_ID_TOKEN_REQUEST_URL", "{server}/token?api-version=2.0"),
        ],
        identity: &[("AWS_ID_TOKEN", TOKEN)],
    },
    Example {
        ci: Ci::GitLab,
        file: "gitlab-ci.yml",
        stanza: "lambda.yml",
        env: &[("GITLAB_CI", "true"), ("CI_PIPELINE_SOURCE", "push"), ("CI_COMMIT_BRANCH", "main")],
        identity: &[("AWS_ID_TOKEN", "token-for-sts.amazonaws.com")],
    },
    Example {
        ci: Ci::Buildkite,
        file: "buildkite.yml",
        stanza: "lambda.yml",
        env: &[("BUILDKITE", "true"), ("BUILDKITE_BRANCH", "main"), ("BUILDKITE_PULL_REQUEST", "false")],
        identity: &[("AWS_ID_TOKEN", TOKEN)],
    },
    Example {
        ci: Ci::CircleCi,
        file: "circleci.yml",
        stanza: "lambda.yml",
        env: &[("CIRCLECI", "true"), ("CIRCLE_BRANCH", "main"), ("CIRCLE_OIDC_TOKEN_V2", TOKEN)],
        identity: &[("AWS_ID_TOKEN", TOKEN)],
    },
    Example {
        ci: Ci::Woodpecker,
        file: "woodpecker.yml",
        stanza: "lambda-keys.yml",
        env: &[
            ("CI", "woodpecker"),
            ("CI_PIPELINE_EVENT", "push"),
            ("CI_COMMIT_REF", "refs/heads/main"),
            ("CI_COMMIT_BRANCH", "main"),
        ],
        identity: KEYS,
    },
    Example {
        ci: Ci::Drone,
        file: "drone.yml",
        stanza: "lambda-keys.yml",
        env: &[
            ("DRONE", "true"),
            ("DRONE_BUILD_EVENT", "push"),
            ("DRONE_COMMIT_REF", "refs/heads/main"),
            ("DRONE_BRANCH", "main"),
        ],
        identity: KEYS,
    },
    Example {
        ci: Ci::Jenkins,
        file: "Jenkinsfile",
        stanza: "lambda.yml",
        env: &[("JENKINS_URL", "https://ci.example.com/"), ("BRANCH_NAME", "main")],
        identity: &[("AWS_ID_TOKEN", "secret-aws-id-token")],
    },
];

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn example(name: &str) -> PathBuf {
    repository("examples/ci").join(name)
}

/// Made once: the tests of this file run at the same time.
static PYTHON: LazyLock<PathBuf> =
    LazyLock::new(|| venv::python(&repository("protocol-tests/ci/requirements.txt"), "ci"));

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A build directory whose job is about to run, and the server that it asks.
struct Job {
    directory: TempDir,
    server: Server,
    env: BTreeMap<String, String>,
}

impl Job {
    fn new(example: &Example) -> Self {
        for (tool, arguments) in
            [("bash", "--version"), ("curl", "--version"), ("tar", "--version"), ("jq", "--version")]
        {
            let there = Command::new(tool).arg(arguments).output().is_ok();
            assert!(there, "{tool} is missing: install it to try examples/ci/{}", example.file);
        }
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path();
        for name in ["checkout/ci", "tools", "packed/dpl-lambda-x86_64-linux"] {
            fs::create_dir_all(path.join(name)).expect("writable");
        }
        fs::copy(self::example("install.sh"), path.join("checkout/ci/install.sh")).expect("copied");
        fs::copy(self::example(example.stanza), path.join("checkout").join(example.stanza)).expect("copied");
        program(
            &path.join("packed/dpl-lambda-x86_64-linux/dpl-lambda"),
            &format!("printf '%s\\n' \"$@\" >'{0}/arguments'; env -0 >'{0}/env'; exit 7", path.display()),
        );
        program(
            &path.join("tools/buildkite-agent"),
            &format!(r#"[ "$*" = "oidc request-token --audience sts.amazonaws.com" ] && echo {TOKEN}"#),
        );
        let archive = path.join("archive.tar.gz");
        let mut packed = Command::new("tar");
        packed.arg("-czf").arg(&archive).arg("-C").arg(path.join("packed")).arg("dpl-lambda-x86_64-linux");
        let packed = packed.output().expect("tar starts");
        assert!(packed.status.success(), "{}", text(&packed.stderr));
        let sum = text(&Command::new("sha256sum").arg(&archive).output().expect("sha256sum starts").stdout);
        let sum = sum.split_whitespace().next().expect("a sum").to_owned();

        let server = Server::start(fs::read(&archive).expect("readable"));
        let mut env: BTreeMap<String, String> = example
            .env
            .iter()
            .map(|(name, value)| ((*name).into(), value.replace("{server}", &server.url())))
            .collect();
        env.insert("PATH".into(), format!("{}:/usr/local/bin:/usr/bin:/bin", path.join("tools").display()));
        env.insert("HOME".into(), path.display().to_string());
        env.insert("NO_PROXY".into(), "127.0.0.1".into());
        env.insert("DPL_LAMBDA_URL".into(), format!("{}{ARCHIVE}", server.url()));
        env.insert("DPL_LAMBDA_SHA256".into(), sum);
        Job { directory, server, env }
    }

    fn set(mut self, name: &str, value: &str) -> Self {
        self.env.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Runs the file's scripts in turn, until one fails, as its CI does. The job's variables go before those of the file, where an
    /// address and a hash are given that nobody can ask.
    fn run(&self, file: &str) -> Output {
        let read = Command::new(&*PYTHON).arg(repository("protocol-tests/ci/scripts.py")).arg(example(file)).output();
        let read = read.expect("Python starts");
        assert!(read.status.success(), "{file}: {}", text(&read.stderr));
        let job: Value = serde_json::from_slice(&read.stdout).expect("JSON");
        let shell: Vec<&str> = job["shell"].as_array().expect("a list").iter().filter_map(Value::as_str).collect();
        let mut last = None;
        for run in job["runs"].as_array().expect("a list") {
            let mut command = Command::new(shell[0]);
            command.args(&shell[1..]).arg(run["script"].as_str().expect("a script"));
            command.current_dir(self.directory.path().join("checkout")).env_clear();
            command.envs(run["env"].as_object().expect("an object").iter().filter_map(|(k, v)| Some((k, v.as_str()?))));
            let output = command.envs(&self.env).stdin(std::process::Stdio::null()).output().expect("a shell starts");
            let failed = !output.status.success();
            last = Some(output);
            if failed {
                break;
            }
        }
        last.expect("at least one script")
    }

    fn wrote(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.directory.path().join(name)).ok()
    }

    /// Runs it, and checks that it stopped before the program was called, saying `why`.
    #[track_caller]
    fn stops(&self, file: &str, why: &str) {
        let output = self.run(file);
        let said = text(&output.stderr);
        assert!(!output.status.success(), "{file} goes on\n{said}");
        assert!(said.contains(why), "{file}: want {why}, got {said}");
        assert_eq!(self.wrote("arguments"), None, "{file}: the program was called\n{said}");
    }
}

fn program(path: &Path, script: &str) {
    fs::write(path, format!("#!/bin/sh\n{script}\n")).expect("writable");
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("permitted");
}

/// Gives the archive, and a token to whoever asks for it as GitHub wants to be asked.
struct Server {
    address: SocketAddr,
    ended: Arc<AtomicBool>,
}

impl Server {
    fn start(archive: Vec<u8>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = listener.local_addr().expect("an address");
        let ended = Arc::new(AtomicBool::new(false));
        let end = Arc::clone(&ended);
        std::thread::spawn(move || {
            for stream in listener.incoming().take_while(|_| !end.load(Ordering::Relaxed)).flatten() {
                // A client that has gone is its own business.
                let _ = answer(stream, &archive);
            }
        });
        Server { address, ended }
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(self.address);
    }
}

fn answer(mut stream: TcpStream, archive: &[u8]) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let request = lines.next().transpose()?.unwrap_or_default();
    let mut authorized = false;
    for line in lines {
        let line = line?;
        authorized |= line == "Authorization: bearer bearer-of-the-job";
        if line.is_empty() {
            break;
        }
    }
    let token = format!(r#"{{"count":20,"value":"{TOKEN}"}}"#);
    let (status, body) = match request.split(' ').nth(1).unwrap_or_default() {
        ARCHIVE => ("200 OK", archive),
        "/token?api-version=2.0&audience=sts.amazonaws.com" if authorized => ("200 OK", token.as_bytes()),
        "/empty?&audience=sts.amazonaws.com" => ("200 OK", &b"{}"[..]),
        _ => ("404 Not Found", &b"nothing here"[..]),
    };
    write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len())?;
    stream.write_all(body)
}

#[test]
fn every_ci_calls_the_program_with_its_stanza_and_its_identity_and_ends_as_it_did() {
    for example in &EXAMPLES {
        let job = Job::new(example);
        let output = job.run(example.file);
        let said = text(&output.stdout) + &text(&output.stderr);
        assert_eq!(output.status.code(), Some(7), "{}: {said}", example.file);
        let arguments = job.wrote("arguments").unwrap_or_else(|| panic!("{}: not called\n{said}", example.file));
        assert_eq!(arguments.lines().collect::<Vec<_>>(), ["deploy", "--stanza", example.stanza, "--format", "text"]);

        let env = job.wrote("env").expect("written with the arguments");
        let env: BTreeMap<&str, &str> = env.split('\0').filter_map(|pair| pair.split_once('=')).collect();
        for (name, value) in example.identity {
            assert_eq!(env.get(name), Some(value), "{}: {name}", example.file);
        }
        let lookup = |name: &str| env.get(name).map(|value| (*value).to_owned());
        assert_eq!(Ci::detect(&lookup), Some(example.ci), "{}", example.file);
        let travis = example.ci.travis(&lookup);
        let expected = [("TRAVIS_BRANCH", "main"), ("TRAVIS_PULL_REQUEST", "false")];
        assert_eq!(travis, expected.map(|(name, value)| (name, value.to_owned())), "{}", example.file);
    }
}

#[test]
fn an_archive_with_another_hash_is_not_run() {
    for example in &EXAMPLES {
        let job = Job::new(example).set("DPL_LAMBDA_SHA256", &"0".repeat(64));
        job.stops(example.file, "has another SHA-256 than DPL_LAMBDA_SHA256 says");
        assert!(!job.directory.path().join("checkout/.dpl-lambda").exists(), "{}: it was unpacked", example.file);
    }
}

#[test]
fn an_archive_that_cannot_be_had_stops_the_job() {
    for example in &EXAMPLES {
        let job = Job::new(example);
        let url = format!("{}/elsewhere.tar.gz", job.server.url());
        job.set("DPL_LAMBDA_URL", &url).stops(example.file, "404");
    }
}

#[test]
fn a_job_that_names_no_hash_stops() {
    let job = Job::new(&EXAMPLES[0]).set("DPL_LAMBDA_SHA256", "");
    job.stops(EXAMPLES[0].file, "DPL_LAMBDA_SHA256: is not set");
}

#[test]
fn a_job_without_its_token_stops() {
    let of = |file| EXAMPLES.iter().find(|example| example.file == file).expect("an example");
    let github = of("github-actions.yml");
    Job::new(github).set("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "of another job").stops(github.file, "404");
    let job = Job::new(github);
    let url = format!("{}/empty?", job.server.url());
    let job = job.set("ACTIONS_ID_TOKEN_REQUEST_URL", &url);
    assert!(!job.run(github.file).status.success() && job.wrote("arguments").is_none(), "an answer without a token");

    let buildkite = of("buildkite.yml");
    let job = Job::new(buildkite);
    program(&job.directory.path().join("tools/buildkite-agent"), "echo not permitted >&2; exit 1");
    job.stops(buildkite.file, "not permitted");

    Job::new(of("circleci.yml"))
        .set("CIRCLE_OIDC_TOKEN_V2", "")
        .stops("circleci.yml", "is not set: give the job a context");
}

#[test]
fn github_is_told_to_mask_the_token_and_prints_it_nowhere_else() {
    let github = &EXAMPLES[1];
    let output = Job::new(github).run(github.file);
    let said = text(&output.stdout) + &text(&output.stderr);
    let shown: Vec<&str> = said.lines().filter(|line| line.contains(TOKEN)).collect();
    assert_eq!(shown, [format!("::add-mask::{TOKEN}")]);
}

/// What `check-jsonschema` says of a file: `Ok`, or its complaint.
fn validate(schema: &[&str], file: &Path) -> Result<(), String> {
    let mut command = Command::new(&*PYTHON);
    // A schema that is not in the package would have to be downloaded.
    command.args(["-m", "check_jsonschema", "--no-cache"]).args(schema).arg(file);
    let output = command.env("HTTPS_PROXY", "http://127.0.0.1:9").output().expect("Python starts");
    if output.status.success() { Ok(()) } else { Err(text(&output.stdout) + &text(&output.stderr)) }
}

#[test]
fn every_file_is_valid_by_the_schema_of_its_ci_which_refuses_a_broken_one() {
    let stanza = repository("schema/stanza.json").display().to_string();
    let vendor = |name| vec!["--builtin-schema", name];
    let table = [
        ("travis.yml", vendor("vendor.travis"), "all_branches: true", "all_branches: 7"),
        ("github-actions.yml", vendor("vendor.github-workflows"), "runs-on:", "runs-in:"),
        ("gitlab-ci.yml", vendor("vendor.gitlab-ci"), "id_tokens:", "id_token:"),
        ("buildkite.yml", vendor("vendor.buildkite"), "concurrency: 1", "concurrency: one"),
        ("circleci.yml", vendor("vendor.circle-ci"), "steps:", "stepps:"),
        ("woodpecker.yml", vendor("vendor.woodpecker-ci"), "commands:", "command:"),
        ("drone.yml", vendor("vendor.drone-ci"), "type: docker", "type: dockr"),
        ("lambda.yml", vec!["--schemafile", &stanza], "runtime:", "run_time:"),
        ("lambda-keys.yml", vec!["--schemafile", &stanza], "branch: main", "brunch: main"),
    ];
    let directory = tempfile::tempdir().expect("a directory");
    for (name, schema, right, wrong) in table {
        assert_eq!(validate(&schema, &example(name)), Ok(()), "{name}");
        let whole = fs::read_to_string(example(name)).expect("readable");
        let broken = directory.path().join(name);
        fs::write(&broken, whole.replace(right, wrong)).expect("writable");
        let complaint = validate(&schema, &broken).expect_err(name);
        assert!(complaint.contains("Schema validation errors"), "{name}: {complaint}");
    }
}

#[test]
fn the_jenkinsfile_is_groovy_with_the_sections_of_a_declarative_pipeline() {
    let directory = tempfile::tempdir().expect("a directory");
    let whole = fs::read_to_string(example("Jenkinsfile")).expect("readable");
    let read = |text: &str| {
        let file = directory.path().join("Jenkinsfile");
        fs::write(&file, text).expect("writable");
        let script = repository("protocol-tests/ci/scripts.py");
        let output = Command::new(&*PYTHON).arg(script).arg(file).output().expect("Python starts");
        (output.status.success(), self::text(&output.stderr))
    };
    assert_eq!(read(&whole), (true, String::new()));
    for (right, wrong, complaint) in [
        ("stages {", "stages [", "no Groovy"),
        ("agent {", "agents {", "sections"),
        ("  agent { label 'linux' }\n", "", "no agent"),
        ("steps {", "step {", "0 of steps"),
        ("sh 'bash", "sh \"bash", "no Groovy"),
    ] {
        assert!(whole.contains(right), "{right}");
        let (accepted, said) = read(&whole.replace(right, wrong));
        assert!(!accepted && said.contains(complaint), "{wrong}: {said}");
    }
}

/// The variables that `ci` reads, whatever it finds: with every one the same, and with any one of them absent.
fn read_by(ci: Ci) -> BTreeSet<String> {
    let read = std::cell::RefCell::new(BTreeSet::new());
    // Each value takes another way: a branch, a tag, a pull request by its ref, by its number, by a webhook.
    let values = ["x", "false", "push", "refs/heads/x", "refs/pull/1/x", "tag/x", "pr/1"];
    let ask = |absent: Option<&str>| {
        for value in values {
            ci.travis(&|name| {
                read.borrow_mut().insert(name.to_owned());
                (absent != Some(name)).then(|| value.to_owned())
            });
        }
    };
    ci.travis(&|name| {
        read.borrow_mut().insert(name.to_owned());
        None
    });
    ask(None);
    let known = read.borrow().clone();
    known.iter().for_each(|name| ask(Some(name)));
    read.into_inner()
}

/// The words in backticks.
fn quoted(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

#[test]
fn the_table_in_the_readme_names_just_the_variables_that_are_read() {
    let readme = fs::read_to_string(example("README.md")).expect("readable");
    let rows: Vec<Vec<&str>> = readme
        .lines()
        .filter(|line| line.starts_with("| `") && !line.contains("`TRAVIS_BRANCH`"))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect();
    let header = readme.lines().find(|line| line.contains("`TRAVIS_BRANCH`")).expect("a header");
    assert_eq!(quoted(header), [&["--ci"], &DECIDED[..]].concat());
    let names: Vec<&str> = rows.iter().map(|row| quoted(row[0])[0]).collect();
    let known: Vec<&str> = Ci::ALL.iter().filter(|ci| **ci != Ci::Travis).map(|ci| ci.name()).collect();
    assert_eq!(names, known);
    for row in rows {
        let ci = Ci::named(quoted(row[0])[0]).expect("compared above");
        let told: BTreeSet<String> = row[1..].iter().flat_map(|cell| quoted(cell)).map(str::to_owned).collect();
        assert_eq!(told, read_by(ci), "{ci:?}");
        // What stands in one of the last columns decides nothing but that.
        for (decided, cell) in DECIDED.iter().zip(&row[1..]).skip(4) {
            let here = quoted(cell);
            let travis = ci.travis(&|name| here.contains(&name).then(|| "https://host/abc/1234567".to_owned()));
            assert!(
                travis.iter().all(|(name, _)| [decided, &"TRAVIS_PULL_REQUEST"].contains(&name)),
                "{cell}: {travis:?}"
            );
        }
        let commit = quoted(row[6])[0];
        let travis = ci.travis(&|name| (name == commit).then(|| "0123abc".to_owned()));
        assert!(travis.contains(&("TRAVIS_COMMIT", "0123abc".to_owned())), "{ci:?}: {commit}: {travis:?}");
        let number = quoted(row[7])[0];
        let travis = ci.travis(&|name| (name == number).then(|| "7".to_owned()));
        assert!(travis.contains(&("TRAVIS_BUILD_NUMBER", "7".to_owned())), "{ci:?}: {number}: {travis:?}");
    }
}
