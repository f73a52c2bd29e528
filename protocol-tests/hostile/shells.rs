//! Checks that values with shell syntax are never executed. Only the options that are bash by contract run
//! (conditions and branches, `run`, `verify.command`), and these see secrets in their environment, never in
//! their arguments.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{behind, run_on};
use crate::deployments::{build_directory, request};
use crate::fixture::{endpoint, git_command};
use crate::plugin::PluginOutput;
use crate::shell::PATH;

/// A text that creates the file `pwned` if a shell evaluates it, quoted or unquoted, also in arithmetic.
const COMMANDS: &str = "x$(touch pwned)`touch pwned`${x:-$(touch pwned)}a[$(touch pwned)]';touch pwned;'\";touch pwned;\"\ntouch pwned\n;touch pwned #|touch pwned&touch pwned||touch pwned>pwned\\";

/// Options that are bash source.
const BASH: [&str; 4] = ["on", "if", "true", "run"];

/// True if the file `pwned` exists in the directory or its parent.
fn is_pwned(directory: &Path) -> bool {
    let up = directory.parent().expect("a parent directory");
    [directory, up].iter().any(|directory| directory.join("pwned").exists())
}

fn deploy(directory: &Path, arguments: &[&str], request: &Value) -> PluginOutput {
    run_on(behind(":", arguments).current_dir(directory), request.to_string().as_bytes())
}

/// A build directory inside a new directory, so that [`is_pwned`] cannot find a file of another test.
fn private_directory() -> (TempDir, PathBuf) {
    let outer = build_directory();
    let inner = outer.path().join("build");
    fs::create_dir(&inner).expect("can be created");
    fs::write(inner.join("index.js"), "exports.handler = async () => 'hello'\n").expect("writable");
    (outer, inner)
}

#[test]
fn no_option_is_a_command() {
    let (endpoint, (_outer, directory)) = (endpoint(), private_directory());
    let schema = crate::repository::committed_schema("stanza.json");
    let keys: Vec<&String> = schema["properties"].as_object().expect("an object").keys().collect();
    let mut outcomes = std::collections::BTreeMap::<String, u32>::new();
    for key in keys.into_iter().filter(|key| !BASH.contains(&key.as_str())) {
        for value in [
            json!(COMMANDS),
            json!([COMMANDS]),
            json!({COMMANDS: COMMANDS}),
            json!([format!("A={COMMANDS}")]),
        ] {
            let mut request = request(&endpoint);
            // For `%{git_sha}` the program runs git.
            request["description"] = json!("%{git_sha}");
            request["on"] = json!({"all_branches": true});
            request[key] = value;
            let ended = deploy(&directory, &[], &request);
            assert!(!is_pwned(&directory), "{key}: {}", ended.stdout);
            *outcomes.entry(format!("{} {}", ended.outcome(), ended.code())).or_default() += 1;
        }
    }
    println!("{outcomes:?}");
    // Some values are deployed unchanged, Lambda refuses some, and the program refuses most.
    for ending in ["deployed ", "failed invalid-parameter", "failed bad-value"] {
        assert!(outcomes.contains_key(ending), "no run ended in {ending}: {outcomes:?}");
    }
}

#[test]
fn no_member_of_an_option_is_a_command() {
    let (endpoint, (_outer, directory)) = (endpoint(), private_directory());
    for option in [
        json!({"verify": {"payload": COMMANDS, "expect": {"contains": COMMANDS, "json": COMMANDS}}}),
        json!({"verify": {"payload": {COMMANDS: COMMANDS}}}),
        json!({"verify": [{"name": COMMANDS, "client_context": {COMMANDS: COMMANDS}}, {"payload": COMMANDS}]}),
        json!({"image_uri": COMMANDS, "image_config": {"command": [COMMANDS], "entry_point": [COMMANDS], "working_directory": COMMANDS}}),
        json!({"logging_config": {"log_format": COMMANDS, "log_group": COMMANDS}}),
        json!({"file_system_configs": [{"arn": COMMANDS, "local_mount_path": COMMANDS}]}),
        json!({"function_url": {"auth_type": "NONE", "cors": {"allow_origins": [COMMANDS], "allow_headers": [COMMANDS]}}}),
        json!({"alias": "live", "version": COMMANDS, "description": format!("{COMMANDS} %{{git_commit_msg}} %{{{COMMANDS}}}")}),
    ] {
        for arguments in [&[][..], &["rollback"]] {
            let mut request = request(&endpoint);
            for (key, value) in option.as_object().expect("an object") {
                request[key] = value.clone();
            }
            let ended = deploy(&directory, arguments, &request);
            assert!(!is_pwned(&directory), "{option}: {}", ended.stdout);
        }
    }
}

#[test]
fn no_variable_of_the_job_is_a_command() {
    let (endpoint, (_outer, directory)) = (endpoint(), private_directory());
    let names = [
        "BRANCH",
        "TAG",
        "REPO_SLUG",
        "COMMIT",
        "COMMIT_MESSAGE",
        "BUILD_NUMBER",
        "NODE_VERSION",
        "PULL_REQUEST_BRANCH",
    ];
    // Bash evaluates each of these, with the values on the left and on the right side.
    for on in [
        json!({"branch": "m*"}),
        json!({"branch": ["m*", "$TRAVIS_TAG", "${TRAVIS_TAG}*"], "tags": false}),
        json!({"repo": "$TRAVIS_REPO_SLUG/*", "all_branches": true}),
        json!({"repo": "$TRAVIS_TAG", "all_branches": true, "node": "$TRAVIS_TAG"}),
        json!({"all_branches": true, "condition": ["$TRAVIS_TAG =~ ^x", "$TRAVIS_BRANCH = $TRAVIS_TAG", "-n $TRAVIS_TAG"]}),
        json!({"all_branches": true, "condition": "\"$TRAVIS_TAG\" = '$TRAVIS_TAG' || x = \"${TRAVIS_TAG:-}\""}),
        json!({"all_branches": true, "tags": true}),
    ] {
        for quiet in [true, false] {
            let mut request = request(&endpoint);
            for name in names {
                request["env"][format!("TRAVIS_{name}")] = json!(COMMANDS);
            }
            if quiet {
                request["env"]["TRAVIS_BRANCH"] = json!("master");
            }
            for name in [
                "HOME",
                "TMPDIR",
                "GIT_DIR",
                "AWS_REGION",
                "LAMBDA_ZIP",
                "AWS_LAMBDA_ZIP",
                "EDITOR",
                "PAGER",
                "PS1",
                "PS4",
            ] {
                request["env"][name] = json!(COMMANDS);
            }
            request["env"]["AWS_REGION"] = json!("us-east-1");
            request["on"] = on.clone();
            request["description"] = json!("$TRAVIS_COMMIT_MESSAGE %{git_branch} %{git_sha} %{build_number}");
            request["environment"] = json!({"MESSAGE": "$TRAVIS_COMMIT_MESSAGE"});
            request["publish"] = json!(true);
            let ended = deploy(&directory, &[], &request);
            assert!(!is_pwned(&directory), "{on}: {}", ended.stdout);
        }
    }
}

/// Runs git in a directory.
fn git(directory: &Path, arguments: &[&str]) {
    let configured = ["-c", "user.name=$(touch pwned)`touch pwned`", "-c", "user.email=ann@example.invalid"];
    let output = git_command(directory).args(configured).args(arguments).output();
    let output = output.unwrap_or_else(|error| panic!("git is missing: {error}"));
    assert!(output.status.success(), "git {arguments:?}: {output:?}");
}

/// A name for files and branches that contains commands.
const NAME: &str =
    "$(touch pwned)`touch pwned`';touch pwned;'\";touch pwned;\"|touch pwned&touch pwned>pwned -rf * $HOME";

#[test]
fn no_file_branch_or_commit_is_a_command() {
    let (endpoint, (_outer, directory)) = (endpoint(), private_directory());
    git(&directory, &["init", "--quiet"]);
    for name in
        [NAME.to_owned(), format!("{NAME}\nsecond line"), "--output=pwned".to_owned(), "-m".to_owned()]
    {
        fs::write(directory.join(&name), "x").expect("writable");
    }
    fs::write(directory.join(".lambdaignore"), format!("{NAME}\n")).expect("writable");
    git(&directory, &["add", "--all"]);
    git(&directory, &["commit", "--quiet", "--message", NAME]);
    git(&directory, &["checkout", "--quiet", "-b", "$(touch${IFS}pwned)`touch${IFS}pwned`;touch"]);
    fs::write(directory.join(format!("{NAME} uncommitted")), "x").expect("writable");
    let mut request = request(&endpoint);
    request["cleanup"] = json!(true);
    request["publish"] = json!(true);
    request["exclude"] = json!([NAME]);
    let facts = ["author_name", "branch", "commit_msg", "sha", "tag"];
    request["description"] = json!(facts.map(|fact| format!("%{{git_{fact}}}")).join(" "));
    let ended = deploy(&directory, &[], &request);
    assert_eq!(ended.outcome(), "deployed", "{}", ended.stdout);
    assert!(!is_pwned(&directory), "{}", ended.stdout);
    assert!(directory.join(format!("{NAME} uncommitted")).exists(), "the uncommitted file is restored");
    let function = endpoint.function("f").expect("the function exists");
    let description = function["Configuration"]["Description"].as_str().expect("a string");
    assert!(
        description.contains("$(touch pwned)") && description.contains("`touch${IFS}pwned`"),
        "{description}"
    );
}

#[test]
fn what_is_bash_by_contract_is_run_by_bash() {
    let (endpoint, (_outer, directory)) = (endpoint(), private_directory());
    let bash = [
        ("run", json!("touch pwned")),
        ("verify", json!({"command": "touch pwned"})),
        ("verify", json!([{}, {"command": "touch pwned"}])),
        ("on", json!({"all_branches": true, "condition": "-z $(touch pwned)"})),
        ("on", json!({"branch": "$(touch pwned; echo master)"})),
    ];
    for (index, (key, value)) in bash.into_iter().enumerate() {
        let mut request = request(&endpoint);
        request["publish"] = json!(true);
        // A different timeout, so that each run has something to deploy.
        request["timeout"] = json!(10 + index);
        request[key] = value;
        let ended = deploy(&directory, &[], &request);
        assert_ne!(ended.outcome(), "failed", "{key}: {}", ended.stdout);
        assert!(is_pwned(&directory), "{key}: {}", ended.stdout);
        fs::remove_file(directory.join("pwned")).expect("exists");
    }
}

/// Wrappers for bash and git that record their arguments, separated by NUL, and then execute the real
/// program.
fn recorders(directory: &Path) -> PathBuf {
    let programs = directory.join("programs");
    fs::create_dir(&programs).expect("can be created");
    for name in ["bash", "git"] {
        let mut places = PATH.split(':').map(|place| Path::new(place).join(name));
        let real = places.find(|path| path.is_file()).unwrap_or_else(|| panic!("{name} is missing"));
        let record = directory.join("recorded");
        let script = format!(
            "#!/bin/sh\nprintf '%s\\0' {name} \"$@\" >>'{}'\nexec '{}' \"$@\"\n",
            record.display(),
            real.display()
        );
        let path = programs.join(name);
        fs::write(&path, script).expect("writable");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("can be changed");
    }
    programs
}

#[test]
fn commands_see_secrets_in_their_environment_and_never_as_arguments() {
    let (endpoint, (outer, directory)) = (endpoint(), private_directory());
    git(&directory, &["init", "--quiet"]);
    git(&directory, &["add", "--all"]);
    git(&directory, &["commit", "--quiet", "--message", "first"]);
    fs::write(directory.join("uncommitted"), "x").expect("writable");
    let programs = recorders(outer.path());
    let seen = outer.path().join("seen");
    let secrets = ["secret-of-the-job", "secret-of-the-function", "secret-of-a-tag", "endpoint-secret-key"];
    let mut request = request(&endpoint);
    request["env"]["PATH"] = json!(format!("{}:{}", programs.display(), *PATH));
    request["env"]["DEPLOY_TOKEN"] = json!(secrets[0]);
    request["env"]["SEEN"] = json!(seen);
    request["environment"] = json!({"TOKEN": secrets[1], "OTHER": "$DEPLOY_TOKEN"});
    request["function_tags"] = json!({"tag": secrets[2]});
    request["on"] = json!({"branch": "m*", "condition": "$DEPLOY_TOKEN = secret-*"});
    request["description"] = json!("%{git_sha} %{git_branch}");
    request["cleanup"] = json!(true);
    request["alias"] = json!("live");
    let see = "echo \"$DEPLOY_TOKEN $AWS_SECRET_ACCESS_KEY\" >>\"$SEEN\"";
    request["verify"] = json!({"command": see});
    // Prints the command lines of bash and of the program that started it, if there is a `/proc`.
    let arguments =
        "for process in $$ $PPID; do tr '\\0' ' ' </proc/$process/cmdline; echo; done 2>/dev/null";
    request["run"] = json!([see, format!("{arguments}; : $DEPLOY_TOKEN")]);
    let ended = deploy(&directory, &[], &request);
    assert_eq!(ended.outcome(), "deployed", "{}", ended.stdout);

    let expected = format!("{} {}\n", secrets[0], secrets[3]).repeat(2);
    assert_eq!(fs::read_to_string(seen).expect("readable"), expected, "bash expands the variables");
    let recorded = fs::read_to_string(outer.path().join("recorded")).expect("readable");
    let lines: Vec<&str> = recorded.split('\0').collect();
    for secret in secrets {
        assert!(!recorded.contains(secret), "{secret} is an argument: {lines:?}");
        assert!(!ended.stdout.contains(secret), "{secret} is in an event: {}", ended.stdout);
    }
    assert_eq!(
        lines.iter().filter(|line| **line == see).count(),
        2,
        "the commands are passed without expansion: {lines:?}"
    );
    let from_git: BTreeSet<&str> = lines.iter().copied().skip_while(|line| *line != "git").collect();
    assert!(from_git.contains("stash") && from_git.contains("rev-parse"), "git ran: {lines:?}");

    let reported: Vec<&str> = ended.events.iter().filter_map(|event| event["line"].as_str()).collect();
    if cfg!(target_os = "linux") {
        let [from_bash, ours] = reported.as_slice() else { panic!("expected two lines: {reported:?}") };
        assert!(
            from_bash.contains("-c") && from_bash.trim_end().ends_with("; : $DEPLOY_TOKEN"),
            "{from_bash}"
        );
        assert!(!ours.contains("TOKEN"), "{ours}");
    }
}
