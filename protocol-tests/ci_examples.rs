//! Runs the shell parts of the files in `examples/ci/` as each CI runs them. They use the real program,
//! packed like a release, and deploy to a Lambda endpoint on 127.0.0.1.

pub(crate) mod builds;
mod concourse;
mod files;
mod job;

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use dpl_lambda::testing::Ci;
use serde_json::json;

use crate::fixture::{deny_changes, git};
use crate::tools;
use builds::{EXAMPLES, Example, KEYS, PLUGINS, TOKEN};
use job::{Job, ROLE_KEYS, sum, text, tool};

#[test]
#[ignore = "second tier: needs PyPI"]
fn every_ci_deploys_a_push_to_main_as_whom_its_file_says() {
    for example in &EXAMPLES {
        let job = Job::new(example, example.main);
        let ended = job.ends("deployed hello");
        let function = job.lambda.function("hello").expect("the function exists");
        assert_eq!(function["Configuration"]["Handler"], "index.handler", "{}", example.file);
        assert!(job.lambda.code("hello").is_some_and(|zip| zip.windows(8).any(|name| name == b"index.js")));

        let signed_by: BTreeSet<String> =
            job.lambda.calls().into_iter().map(|call| call.access_key_id).collect();
        let (id, secret) = if example.has_role() {
            (ROLE_KEYS.id, ROLE_KEYS.secret())
        } else {
            (KEYS[0].1, KEYS[1].1.to_owned())
        };
        assert_eq!(signed_by, BTreeSet::from([id.to_owned()]), "{}", example.file);
        let handed: Vec<String> =
            job.sts.asked().iter().map(|asked| asked.form()["WebIdentityToken"].clone()).collect();
        assert_eq!(handed, example.token.into_iter().collect::<Vec<_>>(), "{}", example.file);

        // The output is text for people, not events.
        assert!(!ended.stdout.lines().any(|line| line.starts_with('{')), "{}\n{ended}", example.file);
        let is_secret =
            |line: &str| line.contains(&secret) || example.token.is_some_and(|token| line.contains(token));
        let shown = ended.to_string();
        let shown: Vec<&str> = shown.lines().filter(|line| is_secret(line)).collect();
        // GitHub and Azure are asked to mask the token.
        let masks = [(Ci::GitHubActions, "::add-mask::"), (Ci::Azure, "##vso[task.setsecret]")];
        let masks = masks.into_iter().filter(|(ci, _)| *ci == example.ci);
        let expected: Vec<String> = masks.map(|(_, command)| format!("{command}{TOKEN}")).collect();
        assert_eq!(shown, expected, "{}", example.file);
    }
}

#[test]
#[ignore = "second tier: needs PyPI"]
fn no_ci_deploys_a_pull_request_or_another_branch_or_a_tag_that_the_stanza_does_not_want() {
    for example in &EXAMPLES {
        for (build, why) in [
            (example.request, "the current build is a pull request"),
            (example.dev, "this branch is not permitted: dev"),
            (example.tag, "this branch is not permitted: v1.0"),
        ] {
            let job = Job::new(example, build);
            let ended = job.ends("skipped: ");
            assert!(ended.stdout.contains(why), "{}: expected {why}\n{ended}", example.file);
            job.has_asked_nothing(&ended);
        }
    }
}

/// A branch can have such a name in git.
#[test]
#[ignore = "second tier: needs PyPI"]
fn no_ci_runs_a_command_in_the_name_of_a_branch() {
    let hostile = "dev$(touch${IFS}pwned)`touch${IFS}pwned`;touch${IFS}pwned;'\"";
    for example in &EXAMPLES {
        let mut job = Job::new(example, example.dev);
        for (name, value) in example.dev.iter().filter(|(_, value)| value.contains("dev")) {
            job = job.set(name, &value.replace("dev", hostile));
        }
        let ended = job.ends("skipped: ");
        job.has_asked_nothing(&ended);
        assert!(!job.checkout().join("pwned").exists(), "{}\n{ended}", example.file);
    }
}

#[test]
#[ignore = "second tier: needs PyPI"]
fn every_ci_deploys_a_tag_and_nothing_else_where_the_stanza_says_tags() {
    for example in &EXAMPLES {
        let tagged = |build| Job::new(example, build).stanza("branch: main", "tags: true");
        let job = tagged(example.tag);
        job.ends("deployed hello");
        assert!(job.has_deployed(), "{}", example.file);
        let job = tagged(example.main);
        let ended = job.ends("skipped: ");
        assert!(ended.stdout.contains("this is not a tagged commit"), "{}\n{ended}", example.file);
        job.has_asked_nothing(&ended);
    }
}

#[test]
#[ignore = "second tier: needs PyPI"]
fn the_image_deploys_as_a_plugin_what_the_settings_of_its_step_say() {
    for example in PLUGINS.iter() {
        // The image has neither a shell nor git.
        let job = |build| Job::new(example, build).set("PATH", "/nowhere");
        let pushed = job(example.main);
        let ended = pushed.ends("deployed hello");
        let function = pushed.lambda.function("hello").expect("the function exists");
        let variables = &function["Configuration"]["Environment"]["Variables"];
        assert_eq!(variables, &json!({"STAGE": "production"}), "{}", example.file);
        let signed_by: BTreeSet<String> =
            pushed.lambda.calls().into_iter().map(|call| call.access_key_id).collect();
        assert_eq!(signed_by, BTreeSet::from([KEYS[0].1.to_owned()]), "{}", example.file);
        assert!(!ended.to_string().contains(KEYS[1].1), "{}\n{ended}", example.file);
        for (build, why) in [
            (example.request, "the current build is a pull request"),
            (example.dev, "this branch is not permitted: dev"),
            (example.tag, "this branch is not permitted: v1.0"),
        ] {
            let job = job(build);
            let ended = job.ends("skipped: ");
            assert!(ended.stdout.contains(why), "{}: expected {why}\n{ended}", example.file);
            job.has_asked_nothing(&ended);
        }
        let tagged = job(example.tag).set("PLUGIN_ON", r#"{"tags":true}"#);
        tagged.ends("deployed hello");
        let pattern = job(example.main).set("PLUGIN_ON", r#"{"branch":"ma*"}"#);
        let ended = pattern.run();
        assert_eq!(ended.status, Some(2), "{}\n{ended}", example.file);
        assert!(ended.stdout.contains("error[bash-not-found]"), "{}\n{ended}", example.file);
        pattern.has_asked_nothing(&ended);
    }
}

#[test]
#[ignore = "second tier: needs PyPI"]
fn a_deployment_that_fails_fails_the_job() {
    for example in &EXAMPLES {
        let job = Job::new(example, example.main);
        deny_changes(&job.lambda);
        let ended = job.run();
        assert_eq!(ended.status, Some(1), "{}\n{ended}", example.file);
        assert!(ended.stdout.contains("error[access-denied]"), "{}\n{ended}", example.file);
        assert!(!job.has_deployed(), "{}", example.file);
    }
}

#[test]
#[ignore = "second tier: needs PyPI"]
fn a_role_that_does_not_trust_the_token_fails_the_job() {
    for example in EXAMPLES.iter().filter(|example| example.token.is_some()) {
        let job = Job::new(example, example.main).stanza("role/deploy-hello", "role/of-another-repository");
        let ended = job.run();
        assert_eq!(ended.status, Some(1), "{}\n{ended}", example.file);
        assert!(ended.stdout.contains("sts:AssumeRoleWithWebIdentity"), "{}\n{ended}", example.file);
        assert_eq!(job.lambda.calls().len(), 0, "{}\n{ended}", example.file);
    }
}

#[test]
#[ignore = "second tier: needs PyPI"]
fn a_stanza_in_a_travis_yml_is_deployed_as_the_readme_says() {
    let gitlab = Example::of("gitlab-ci.yml");
    let job = Job::new(gitlab, gitlab.main).option("--stanza lambda.yml", "--travis-yml .travis.yml");
    let stanza = fs::read_to_string(job.checkout().join("lambda.yml")).expect("readable");
    let indented: String = stanza.lines().map(|line| format!("  {line}\n")).collect();
    fs::write(job.checkout().join(".travis.yml"), format!("language: node_js\ndeploy:\n{indented}"))
        .expect("writable");
    fs::remove_file(job.checkout().join("lambda.yml")).expect("it exists");
    job.ends("deployed hello");
    assert!(job.has_deployed());
}

#[test]
#[ignore = "second tier: needs PyPI"]
fn what_a_ci_does_not_say_counts_as_a_pull_request_unless_the_ci_is_not_asked() {
    let (circleci, jenkins) = (Example::of("circleci.yml"), Example::of("Jenkinsfile"));
    let circleci = || Job::new(circleci, circleci.main).set("PIPELINE_EVENT", "");
    let jenkins = || Job::new(jenkins, jenkins.main).set("BRANCH_NAME", "");
    for job in [circleci(), jenkins()] {
        let ended = job.ends("skipped: ");
        job.has_asked_nothing(&ended);
    }
    let none = ("--stanza lambda.yml", "--stanza lambda.yml --ci none");
    let by_git = circleci().option(none.0, none.1);
    git(&by_git.checkout(), &["init", "--quiet", "--initial-branch=main"]);
    let standalone = jenkins().option(none.0, none.1).set("TRAVIS_BRANCH", "main");
    for job in [by_git, standalone] {
        job.ends("deployed hello");
        assert!(job.has_deployed());
    }
}

#[test]
#[ignore = "second tier: needs PyPI"]
fn an_archive_with_another_hash_is_not_run() {
    for example in &EXAMPLES {
        let job = Job::new(example, example.main).sha256(&"0".repeat(64));
        job.stops("has another SHA-256 than ");
        for program in [".dpl-lambda", ".dpl-lambda-job/dpl-lambda"] {
            assert!(!job.checkout().join(program).exists(), "{}: the archive was unpacked", example.file);
        }
    }
}

#[test]
#[ignore = "second tier: needs PyPI"]
fn one_url_and_one_list_of_sums_install_on_both_processors() {
    let travis = Example::of("travis.yml");
    for processor in ["x86_64", "aarch64"] {
        let job = Job::new(travis, travis.main);
        tool(&job.directory.path().join("tools/uname"), &format!("echo Linux {processor}"));
        let (release, sums) = (job.server.url() + "/", format!("{}, {}", "0".repeat(64), sum()));
        let job = job.set("DPL_LAMBDA_URL", &release).set("DPL_LAMBDA_SHA256", &sums);
        job.ends("deployed hello");
        assert_eq!(job.server.lines(), [format!("GET /dpl-lambda-{processor}-linux.tar.gz")]);
    }
}

#[test]
#[ignore = "second tier: needs strip and curl"]
fn the_github_action_installs_by_checksum_and_deploys_with_the_token_of_the_job() {
    let github = Example::of("github-actions.yml");
    let job = Job::new(github, github.main);
    let ended = job.run_action(&[]);
    assert!(ended.status == Some(0) && job.has_deployed(), "{ended}");
    assert!(ended.stdout.contains(&format!("::add-mask::{TOKEN}\n")), "{ended}");
    let handed: Vec<String> =
        job.sts.asked().iter().map(|asked| asked.form()["WebIdentityToken"].clone()).collect();
    assert_eq!(handed, [TOKEN]);

    let job = Job::new(github, github.main);
    let ended = job.run_action(&[("INPUT_SHA256", &"0".repeat(64))]);
    assert!(ended.status == Some(2) && ended.stdout.contains("::error "), "{ended}");
    assert!(ended.stdout.contains("dpl-lambda is not installed: http://127.0.0.1:"), "{ended}");
    assert!(ended.stdout.contains("has another SHA-256"), "{ended}");
    job.has_asked_nothing(&ended);

    let job = Job::new(github, github.main).set("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "of another job");
    let ended = job.run_action(&[]);
    assert!(ended.status == Some(2) && ended.stdout.contains("GitHub returned no token"), "{ended}");
    job.has_asked_nothing(&ended);
}

#[test]
#[ignore = "second tier: needs strip and curl"]
fn the_bitbucket_pipe_deploys_a_push_with_the_token_of_the_step() {
    let bitbucket = Example::of("bitbucket-pipelines.yml");
    let job = Job::new(bitbucket, bitbucket.main);
    let ended = job.run_pipe(&[]);
    assert!(ended.status == Some(0) && job.has_deployed(), "{ended}");
    let function = job.lambda.function("hello").expect("the function exists");
    assert_eq!(function["Configuration"]["Handler"], "index.handler", "{function}");
    let handed: Vec<String> =
        job.sts.asked().iter().map(|asked| asked.form()["WebIdentityToken"].clone()).collect();
    assert_eq!(handed, [TOKEN]);

    for build in [bitbucket.request, bitbucket.dev, bitbucket.tag] {
        let job = Job::new(bitbucket, build);
        let ended = job.run_pipe(&[]);
        assert_eq!(ended.status, Some(0), "{ended}");
        job.has_asked_nothing(&ended);
    }

    let job = Job::new(bitbucket, bitbucket.main).set("BITBUCKET_STEP_OIDC_TOKEN", "of another step");
    let ended = job.run_pipe(&[]);
    assert!(ended.status == Some(1) && !job.has_deployed(), "{ended}");

    // Bitbucket inserts a variable in the value of another one, but not what that contains.
    let hostile = "$(touch pwned)`touch pwned`\"; touch pwned; '";
    let job = Job::new(bitbucket, bitbucket.main).set("TEXT", hostile);
    let ended = job.run_pipe(&[("PLUGIN_DESCRIPTION", "$TEXT")]);
    assert_eq!(ended.status, Some(0), "{ended}");
    let function = job.lambda.function("hello").expect("the function exists");
    assert_eq!(function["Configuration"]["Description"], hostile, "{function}");
    let job = Job::new(bitbucket, bitbucket.main).set("TEXT", hostile);
    let refused = job.run_pipe(&[("PLUGIN_FUNCTION_NAME", "$TEXT")]);
    assert!(refused.status != Some(0) && !job.checkout().join("pwned").exists(), "{refused}");
}

#[test]
#[ignore = "second tier: needs PyPI"]
fn an_archive_that_cannot_be_had_stops_the_job() {
    for example in &EXAMPLES {
        let job = Job::new(example, example.main);
        let url = format!("{}/elsewhere.tar.gz", job.server.url());
        job.url(&url).stops("404");
    }
    for file in ["gitlab-component.yml", "circleci-orb.yml"] {
        let example = Example::of(file);
        let job = Job::new(example, example.main).url("file:///$(touch pwned)");
        job.stops("cannot download file:///$(touch pwned)");
        assert!(!job.checkout().join("pwned").exists(), "{file}");
    }
}

#[test]
#[ignore = "second tier: needs PyPI"]
fn an_archive_without_the_program_stops_the_job() {
    let sources = tempfile::tempdir().expect("a directory");
    fs::create_dir_all(sources.path().join("dpl-lambda-0.1.0/src")).expect("writable");
    let archive = sources.path().join("v0.1.0.tar.gz");
    let mut pack = Command::new("tar");
    tools::run(
        pack.arg("-czf").arg(&archive).arg("-C").arg(sources.path()).arg("dpl-lambda-0.1.0"),
        "tar fails",
    );
    let sum = text(&Command::new("sha256sum").arg(&archive).output().expect("sha256sum starts").stdout);
    let url = format!("file://{}", archive.display());
    for file in ["travis.yml", "gitlab-component.yml", "circleci-orb.yml"] {
        let example = Example::of(file);
        Job::new(example, example.main).url(&url).sha256(&sum[..64]).stops("is no release of dpl-lambda");
    }
}

#[test]
#[ignore = "second tier: needs PyPI"]
fn a_job_that_names_no_hash_stops() {
    let travis = Example::of("travis.yml");
    Job::new(travis, travis.main).sha256("").stops("DPL_LAMBDA_SHA256: is not set");
    for file in ["gitlab-component.yml", "circleci-orb.yml"] {
        let example = Example::of(file);
        Job::new(example, example.main).sha256("").stops("set `version` and `sha256`, or `program`");
    }
}

#[test]
#[ignore = "second tier: needs PyPI"]
fn a_job_without_its_token_stops() {
    let job = |file| Job::new(Example::of(file), Example::of(file).main);
    job("github-actions.yml").set("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "of another job").stops("404");
    let github = job("github-actions.yml");
    let url = format!("{}/empty?", github.server.url());
    github.set("ACTIONS_ID_TOKEN_REQUEST_URL", &url).stops("");

    let buildkite = job("buildkite.yml");
    tool(&buildkite.directory.path().join("tools/buildkite-agent"), "echo not permitted >&2; exit 1");
    buildkite.stops("not permitted");

    job("circleci.yml").set("CIRCLE_OIDC_TOKEN_V2", "").stops("is not set: give the job a context");
    // A job of the orb may have keys instead, so the program says what is missing.
    let orb = job("circleci-orb.yml").set("CIRCLE_OIDC_TOKEN_V2", "");
    let ended = orb.run();
    assert!(ended.status == Some(2) && ended.stdout.contains("no variable `AWS_ID_TOKEN`"), "{ended}");
    orb.has_asked_nothing(&ended);
    job("bitbucket-pipelines.yml").set("BITBUCKET_STEP_OIDC_TOKEN", "").stops("is not set; write oidc");
    job("azure-pipelines.yml").set("SYSTEM_ACCESSTOKEN", "of another job").stops("404");
    let azure = job("azure-pipelines.yml");
    let url = format!("{}/empty", azure.server.url());
    azure.set("SYSTEM_OIDCREQUESTURI", &url).stops("");
}
