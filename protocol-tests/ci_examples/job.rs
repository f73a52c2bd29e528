//! Runs a file of `examples/ci/` for a build, and records the output of its scripts and the calls to AWS. Of
//! the CI, only the parts that a job sees are imitated: its variables, the URLs for the tokens of GitHub and
//! Azure, Buildkite's agent, the credentials of a CodeBuild project, and how Bitbucket starts a pipe. Never
//! connects to an address other than 127.0.0.1: a proxy rejects all other requests, and then the test fails.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::LazyLock;

use lambda_endpoint::{Endpoint, Settings};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::builds::{EXAMPLES, Example, KEYS, PLUGINS, TOKEN, Variables};
use crate::action::{members, text as string, yaml};
use crate::identity::recorder::{Answer, Recorder};
use crate::identity::sources::{AN_HOUR, Keys, refusal};
use crate::plugin::program;
use crate::shell::PATH;
use crate::tools;

/// The archives of a release for both processors. Here they are the same, because one machine runs both.
const ARCHIVES: [&str; 2] = ["/dpl-lambda-x86_64-linux.tar.gz", "/dpl-lambda-aarch64-linux.tar.gz"];

/// The role in `lambda.yml`, and the keys that STS returns for it.
const ROLE: &str = "arn:aws:iam::123456789012:role/deploy-hello";
pub(super) const ROLE_KEYS: Keys = Keys::temporary("ASIADEPLOYHELLO00001");

pub(super) fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

pub(super) fn example(name: &str) -> PathBuf {
    repository("examples/ci").join(name)
}

/// Created once, because the tests run in parallel.
pub(super) static PYTHON: LazyLock<PathBuf> =
    LazyLock::new(|| tools::python(&repository("protocol-tests/ci/requirements.txt"), "ci"));

pub(super) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A checkout before its job runs, and the servers of the job. It has the files that users copy according to
/// `README.md`.
pub(super) struct Job {
    example: &'static Example,
    pub(super) directory: TempDir,
    pub(super) server: Recorder,
    pub(super) sts: Recorder,
    pub(super) lambda: Endpoint,
    outside: Recorder,
    env: BTreeMap<String, String>,
    option: Option<(&'static str, &'static str)>,
}

impl Job {
    pub(super) fn new(example: &'static Example, build: Variables) -> Self {
        for tool in ["bash", "curl", "tar", "jq"] {
            let there = Command::new(tool).arg("--version").output().is_ok();
            assert!(there, "{tool} is missing: install it to test examples/ci/{}", example.file);
        }
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path();
        fs::create_dir_all(path.join("checkout/ci")).expect("writable");
        fs::create_dir(path.join("tools")).expect("writable");
        fs::copy(self::example("install.sh"), path.join("checkout/ci/install.sh")).expect("copied");
        fs::copy(self::example(example.stanza), path.join("checkout").join(example.stanza)).expect("copied");
        fs::copy(repository("examples/node-function/index.js"), path.join("checkout/index.js"))
            .expect("copied");
        tool(
            &path.join("tools/buildkite-agent"),
            &format!(r#"[ "$*" = "oidc request-token --audience sts.amazonaws.com" ] && echo {TOKEN}"#),
        );
        let (server, sts, lambda) = (server(), sts(example.token), lambda(example.has_role()));
        let outside = Recorder::from_nothing();

        let given = example
            .always
            .iter()
            .chain(build)
            .map(|&(name, value)| (name, value.replace("{server}", &server.url())));
        let job_environment = [
            ("PATH", format!("{}:{}", path.join("tools").display(), *PATH)),
            ("HOME", path.display().to_string()),
            ("DPL_LAMBDA_TODAY", "2026-11-01".to_owned()),
            ("AWS_ENDPOINT_URL_STS", sts.url()),
            ("AWS_ENDPOINT_URL_LAMBDA", lambda.url()),
            // All requests that would leave the machine go to this proxy.
            ("HTTPS_PROXY", outside.url()),
            ("NO_PROXY", "127.0.0.1".to_owned()),
        ];
        let env = given.chain(job_environment).map(|(name, value)| (name.to_owned(), value)).collect();
        let url = server.url() + ARCHIVES[0];
        let job = Job { example, directory, server, sts, lambda, outside, env, option: None };
        job.url(&url).sha256(sum())
    }

    pub(super) fn set(mut self, name: &str, value: &str) -> Self {
        self.env.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Lets the job install the archive at another address.
    pub(super) fn url(self, url: &str) -> Self {
        self.set("DPL_LAMBDA_URL", url).set("INPUT_URL", url)
    }

    /// Lets the job expect another hash of the archive.
    pub(super) fn sha256(self, sum: &str) -> Self {
        self.set("DPL_LAMBDA_SHA256", sum).set("INPUT_SHA256", sum)
    }

    /// Replaces a text in the stanza.
    pub(super) fn stanza(self, right: &str, other: &str) -> Self {
        let path = self.checkout().join(self.example.stanza);
        let stanza = fs::read_to_string(&path).expect("readable");
        assert!(stanza.contains(right), "{stanza}");
        fs::write(path, stanza.replace(right, other)).expect("writable");
        self
    }

    /// Replaces an option on the program's command line.
    pub(super) fn option(mut self, right: &'static str, other: &'static str) -> Self {
        self.option = Some((right, other));
        self
    }

    pub(super) fn checkout(&self) -> PathBuf {
        self.directory.path().join("checkout")
    }

    /// Runs the scripts of the file in order until one fails, as its CI does. The variables of the job
    /// override those of the file, which has a placeholder URL and hash.
    pub(super) fn run(&self) -> JobOutput {
        let job = &SCRIPTS[self.example.file];
        let shell: Vec<&str> =
            job["shell"].as_array().expect("a list").iter().filter_map(Value::as_str).collect();
        let mut ended = JobOutput::default();
        for run in job["runs"].as_array().expect("a list") {
            let script = run["script"].as_str().expect("a script").to_owned();
            let script = self.option.map_or(script.clone(), |(right, other)| script.replace(right, other));
            let mut command = match shell[0] {
                "IMAGE" => Command::new(program()),
                shell => Command::new(shell),
            };
            command.args(&shell[1..]).arg(script).current_dir(self.checkout()).env_clear();
            command.envs(
                run["env"].as_object().expect("an object").iter().filter_map(|(k, v)| Some((k, v.as_str()?))),
            );
            ended.add(command.envs(&self.env).stdin(Stdio::null()).output().expect("the shell starts"));
            if ended.status != Some(0) {
                break;
            }
        }
        assert_eq!(self.outside.lines(), [""; 0], "{}: a request left 127.0.0.1\n{ended}", self.example.file);
        ended
    }

    /// Runs the script of the GitHub Action in the checkout, with the variables of the job and these inputs.
    pub(super) fn run_action(&self, inputs: &[(&str, &str)]) -> JobOutput {
        let mut command = Command::new("bash");
        command.arg(repository("action.sh")).current_dir(self.checkout()).env_clear().envs(&self.env);
        command.env("INPUT_STANZA", self.example.stanza).envs(inputs.iter().copied());
        command.env("RUNNER_TEMP", self.directory.path()).stdin(Stdio::null());
        let mut ended = JobOutput::default();
        ended.add(command.output().expect("bash starts"));
        assert_eq!(self.outside.lines(), [""; 0], "a request left 127.0.0.1\n{ended}");
        ended
    }

    /// Runs the program of the image as Bitbucket runs the pipe in `docs/ci.md`: with the variables of the job,
    /// of `pipe.yml` and of the step, and with these. A shell expands each value within double quotes.
    pub(super) fn run_pipe(&self, variables: &[(&str, &str)]) -> JobOutput {
        let pipeline = yaml(&crate::repository::documented("# bitbucket-pipelines.yml"));
        let step = &pipeline["pipelines"]["branches"]["main"][0]["step"];
        let pipe = yaml(&crate::repository::read(Path::new("pipe.yml")));
        assert_eq!(step["script"][0]["pipe"], format!("docker://{}", string(&pipe["image"])));
        assert_eq!(step["oidc"], true);
        let defaults = pipe["variables"].as_array().expect("a list").iter();
        let defaults = defaults.map(|each| (string(&each["name"]), string(&each["default"])));
        let given = members(&step["script"][0]["variables"]).map(|(name, value)| (name, string(value)));
        let mut script = String::new();
        for (name, value) in defaults.chain(given).chain(variables.iter().copied()) {
            script += &format!("export {name}=\"{}\"\n", value.replace('"', "\\\""));
        }
        let mut command = Command::new("sh");
        command.args(["-c", &(script + "exec \"$0\" plugin"), &program()]);
        command.current_dir(self.checkout()).env_clear().envs(&self.env).stdin(Stdio::null());
        let mut ended = JobOutput::default();
        ended.add(command.output().expect("sh starts"));
        assert_eq!(self.outside.lines(), [""; 0], "a request left 127.0.0.1\n{ended}");
        ended
    }

    /// Runs the job, and checks that it succeeds and prints this conclusion.
    #[track_caller]
    pub(super) fn ends(&self, conclusion: &str) -> JobOutput {
        let ended = self.run();
        assert_eq!(ended.status, Some(0), "{}\n{ended}", self.example.file);
        assert!(
            ended.stdout.contains(&format!("\n{conclusion}")),
            "{}: expected {conclusion}\n{ended}",
            self.example.file
        );
        ended
    }

    /// Runs the job, and checks that it fails with this message and without a call to AWS.
    #[track_caller]
    pub(super) fn stops(&self, why: &str) {
        let ended = self.run();
        assert!(ended.status != Some(0), "{}: the job succeeds\n{ended}", self.example.file);
        assert!(ended.stderr.contains(why), "{}: expected {why}\n{ended}", self.example.file);
        self.has_asked_nothing(&ended);
    }

    #[track_caller]
    pub(super) fn has_asked_nothing(&self, ended: &JobOutput) {
        let asked = (self.sts.lines(), self.lambda.calls().len());
        assert_eq!(asked, (Vec::new(), 0), "{}\n{ended}", self.example.file);
    }

    pub(super) fn has_deployed(&self) -> bool {
        self.lambda.function("hello").is_some()
    }
}

/// The output of all scripts of a job, and the exit status of the last one.
#[derive(Debug, Default)]
pub(super) struct JobOutput {
    pub(super) status: Option<i32>,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

impl JobOutput {
    fn add(&mut self, output: Output) {
        self.status = output.status.code();
        self.stdout += &text(&output.stdout);
        self.stderr += &text(&output.stderr);
    }
}

impl std::fmt::Display for JobOutput {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}\n{}{}", self.status, self.stdout, self.stderr)
    }
}

pub(super) fn tool(path: &Path, script: &str) {
    fs::write(path, format!("#!/bin/sh\n{script}\n")).expect("writable");
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("permitted");
}

/// The SHA-256 of the archives.
pub(super) fn sum() -> &'static str {
    &RELEASE.1
}

/// A server with the archives, with a token for requests in the form that GitHub or Azure requires, and with
/// the keys of the role of a container.
fn server() -> Recorder {
    LazyLock::force(&RELEASE);
    Recorder::start(|asked| match (asked.target.as_str(), asked.header("authorization")) {
        (target, _) if ARCHIVES.contains(&target) => {
            let archive = &RELEASE.0;
            let head =
                format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", archive.len());
            Answer::Bytes([head.as_bytes(), archive].concat())
        }
        ("/token?api-version=2.0&audience=sts.amazonaws.com", "bearer bearer-of-the-job") => {
            Answer::ok(json!({"count": 20, "value": TOKEN}).to_string())
        }
        ("/oidctoken?api-version=7.1", "Bearer secret-System.AccessToken") if asked.method == "POST" => {
            Answer::ok(json!({"oidcToken": TOKEN}).to_string())
        }
        ("/credentials", _) => Answer::ok(ROLE_KEYS.document(AN_HOUR)),
        ("/empty?&audience=sts.amazonaws.com" | "/empty?api-version=7.1", _) => Answer::ok("{}"),
        _ => Answer::status(404, "nothing here"),
    })
}

/// An STS server; the role trusts only this token.
fn sts(token: Option<&'static str>) -> Recorder {
    const ACTION: &str = "AssumeRoleWithWebIdentity";
    Recorder::start(move |asked| {
        let form = asked.form();
        let said = ["Action", "RoleArn", "WebIdentityToken"].map(|name| form.get(name).map(String::as_str));
        if token.is_some() && said == [Some(ACTION), Some(ROLE), token] && asked.signer().is_empty() {
            return Answer::ok(ROLE_KEYS.as_sts(ACTION, AN_HOUR));
        }
        refusal(403, "AccessDenied", &format!("Not authorized to perform sts:{ACTION}"))
    })
}

/// A Lambda endpoint that accepts only the role's keys or, without a role, the keys of the CI.
fn lambda(has_role: bool) -> Endpoint {
    let [(_, id), (_, secret)] = [KEYS[0], KEYS[1]];
    let by_keys = Settings {
        access_key_id: id.to_owned(),
        secret_access_key: secret.to_owned(),
        ..Settings::default()
    };
    let settings = if has_role { ROLE_KEYS.settings() } else { by_keys };
    Endpoint::start(Settings { region: "eu-west-1".to_owned(), ..settings }).expect("a free port")
}

/// The scripts that each CI would run.
static SCRIPTS: LazyLock<BTreeMap<&str, Value>> = LazyLock::new(|| {
    let read = |file| {
        let script = repository("protocol-tests/ci/scripts.py");
        let read = Command::new(&*PYTHON).arg(script).arg(example(file)).output().expect("Python starts");
        assert!(read.status.success(), "{file}: {}", text(&read.stderr));
        (file, serde_json::from_slice(&read.stdout).expect("JSON"))
    };
    EXAMPLES.iter().chain(PLUGINS.iter()).map(|example| read(example.file)).collect()
});

/// The program in an archive, as `.ci/release` creates it, and its SHA-256. It is stripped, because a release
/// has no debug information.
static RELEASE: LazyLock<(Vec<u8>, String)> = LazyLock::new(|| {
    let directory = tempfile::tempdir().expect("a directory");
    let [stripped, laid_out, archive] =
        ["stripped", "dpl-lambda-x86_64-linux", "archive.tar.gz"].map(|name| directory.path().join(name));
    tools::run(Command::new("strip").arg("-o").arg(&stripped).arg(program()), "binutils are missing");
    tools::run(
        Command::new(repository(".ci/assemble-release")).arg(&stripped).arg(&laid_out),
        "the release directory cannot be assembled",
    );
    let mut pack = Command::new(repository(".ci/pack"));
    tools::run(
        pack.arg(&laid_out).arg(&archive).env("SOURCE_DATE_EPOCH", "0"),
        "the archive cannot be packed",
    );
    let sum = Command::new("sha256sum").arg(&archive).output().expect("sha256sum starts");
    let sum = text(&sum.stdout).split_whitespace().next().expect("a sum").to_owned();
    (fs::read(&archive).expect("readable"), sum)
});
