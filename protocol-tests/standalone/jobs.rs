//! Tests the job of a file: its branch, message, versions and variables, and whether Travis CI would make it.

use super::*;
use crate::fixture::git;

#[test]
fn git_says_which_branch_it_is() {
    let directory = directory(&stanza("f").replace("all_branches: true", "branch: release/*").replacen(
        "  ",
        "deploy:\n  ",
        1,
    ));
    git(directory.path(), &["init", "--quiet", "--initial-branch=release/2"]);
    git(directory.path(), &["add", "."]);
    git(directory.path(), &["commit", "--quiet", "--message=x"]);
    let check = || standalone(&with_file(&["check"]), directory.path(), None);
    let ended = check().run_on(b"");
    let branch =
        ended.events.iter().find(|event| event["condition"] == "branch").expect("a result for `branch`");
    assert_eq!((ended.outcome(), branch["got"].as_str()), ("checked", Some("release/2")));
    git(directory.path(), &["checkout", "--quiet", "-b", "other"]);
    assert_eq!(check().run_on(b"").outcome(), "skipped");
    // A CI's variables override git, and they also identify pull requests.
    let in_ci = |options: &[&str]| {
        let arguments = [&["check", "--format", "json"][..], options].concat();
        let plugin = standalone(&with_file(&arguments), directory.path(), None);
        plugin.env("GITLAB_CI", "true").env("CI", "true").env("CI_COMMIT_BRANCH", "release/2")
    };
    let gitlab = || in_ci(&[]);
    assert_eq!(gitlab().run_on(b"").outcome(), "checked");
    let requested = gitlab().env("CI_MERGE_REQUEST_IID", "7").run_on(b"");
    assert_eq!(
        (requested.outcome(), requested.finished()["unmet"][0]["condition"].as_str()),
        ("skipped", Some("pull-request"))
    );
    assert_eq!(in_ci(&["--ci", "none"]).run_on(b"").outcome(), "skipped");
}

#[test]
fn the_file_says_the_versions_and_variables_of_its_job() {
    let text = format!(
        "node_js: 20\nenv:\n  global:\n  - STAGE=prod\n  - secure: abc\ndeploy:\n{}    node: 20\n    condition: $STAGE = prod\n",
        stanza("f")
    );
    let directory = directory(&text);
    let check = || standalone(&with_file(&["check"]), directory.path(), None);
    let ended = check().run_on(b"");
    assert_eq!(ended.outcome(), "checked", "{}", ended.stdout);
    assert!(ended.stderr.contains(".travis.yml: line 5: an encrypted variable"), "{}", ended.stderr);
    assert_eq!(check().env("STAGE", "test").run_on(b"").outcome(), "skipped");
    assert_eq!(check().env("TRAVIS_NODE_VERSION", "18").run_on(b"").outcome(), "skipped");
}

/// A file whose job is made on two branches only, for three reasons.
fn for_a_release() -> String {
    let stanza: String = stanza("f").lines().map(|line| format!("    {line}\n")).collect();
    format!(
        "branches:\n  only: [master, develop]\nstages:\n- test\n- name: release\n  if: branch = master\njobs:\n  include:\n  \
         - stage: test\n    script: npm test\n  - stage: release\n    if: branch IN (master, develop) AND type = push\n    \
         before_deploy: npm run build\n    deploy:\n{stanza}"
    )
}

#[test]
fn a_job_that_travis_ci_would_not_make_is_skipped_with_the_reasons() {
    let (endpoint, directory) = (endpoint(), directory(&for_a_release()));
    let run = |command: &str, branch: &str| {
        let plugin = standalone(&with_file(&[command]), directory.path(), Some(&endpoint));
        plugin.env("TRAVIS_BRANCH", branch).run_on(b"")
    };
    for (branch, reasons) in [
        (
            "experiment",
            &[
                "`branches.only` does not list this branch (line 2)",
                "the `if` of the stage `release` is not met (line 6)",
                "the `if` of the job is not met (line 12)",
            ][..],
        ),
        ("develop", &["the `if` of the stage `release` is not met (line 6)"]),
    ] {
        for command in ["check", "plan", "deploy"] {
            let ended = run(command, branch);
            assert_eq!((ended.outcome(), ended.status.code()), ("skipped", Some(0)), "{}", ended.stdout);
            let unmet = ended.finished()["unmet"].as_array().expect("a list").clone();
            let messages: Vec<_> = unmet.iter().filter_map(|unmet| unmet["message"].as_str()).collect();
            assert_eq!(messages, reasons, "{command} on {branch}");
            assert!(unmet.iter().all(|unmet| unmet["condition"] == "job"));
            assert_eq!(ended.events.len(), 2 + reasons.len(), "{}", ended.stdout);
            assert_eq!(ended.stderr, "", "{command} on {branch}");
        }
    }
    assert!(endpoint.calls().is_empty() && endpoint.function("f").is_none());
    let (stdout, _, status) = collected(
        standalone(&with_file(&["deploy", "--format", "text"]), directory.path(), Some(&endpoint))
            .env("TRAVIS_BRANCH", "experiment"),
    );
    assert_eq!(status, Some(0), "{stdout}");
    assert!(
        stdout.contains("skipped:") && stdout.contains("want branch = master, got branch = experiment"),
        "{stdout}"
    );
    // On the right branch it is deployed, and what is missing is reported.
    let ended = run("deploy", "master");
    assert_eq!(ended.outcome(), "deployed", "{}", ended.stdout);
    assert_eq!(ended.stderr, "dpl-lambda: .travis.yml: line 13: `before_deploy` is not run; run it first\n");
    // These commands evaluate no condition.
    let policy = standalone(&with_file(&["policy"]), directory.path(), None).env("TRAVIS_BRANCH", "x");
    assert_eq!(collected(policy).2, Some(0));
}

#[test]
fn a_condition_of_a_job_that_is_invalid_is_reported_with_its_line() {
    let directory = directory(&for_a_release().replace("if: branch = master", "if: branch = "));
    let ended = standalone(&with_file(&["deploy"]), directory.path(), None)
        .env("TRAVIS_BRANCH", "master")
        .run_on(b"");
    assert_eq!((ended.code(), ended.status.code()), ("bad-condition", Some(2)), "{}", ended.stdout);
    let reported = ".travis.yml:6: the `if` of the stage `release` cannot be evaluated: expected a value";
    assert!(ended.stderr.contains(reported), "{}", ended.stderr);
}

#[test]
fn several_jobs_of_a_stanza_are_named_and_one_is_chosen_by_its_variables() {
    let jobs = "jobs:\n  include:\n  - name: one\n    env: FN=alpha\n  - name: two\n    env: FN=beta\n";
    for (head, titles) in [
        (jobs, "`one` (FN=alpha), `two` (FN=beta)"),
        ("env:\n  - FN=alpha\n  - FN=beta\n", "FN=alpha, FN=beta"),
    ] {
        let directory = directory(&format!("{head}deploy:\n{}", stanza("$FN")));
        let check = || standalone(&with_file(&["check"]), directory.path(), None);
        let ended = check().run_on(b"");
        let note = format!("on Travis CI 2 jobs deploy this stanza: {titles}; here it is deployed once");
        assert!(ended.stderr.contains(&note), "{}", ended.stderr);
        assert!(ended.stderr.contains("`FN=alpha dpl-lambda …`"), "{}", ended.stderr);
        let endpoint = endpoint();
        let plugin = standalone(&with_file(&["deploy"]), directory.path(), Some(&endpoint)).env("FN", "beta");
        let ended = plugin.run_on(b"");
        assert_eq!((ended.outcome(), ended.stderr.as_str()), ("deployed", ""), "{}", ended.stdout);
        assert_eq!(ended.finished()["function_name"], "beta");
    }
}

#[test]
fn of_several_jobs_the_one_that_meets_the_conditions_deploys() {
    let text = format!(
        "env: [STAGE=test, STAGE=prod]\ndeploy:\n{}    condition: $STAGE = prod\n",
        stanza("f-$STAGE")
    );
    let (endpoint, directory) = (endpoint(), directory(&text));
    let ended = standalone(&with_file(&["deploy"]), directory.path(), Some(&endpoint)).run_on(b"");
    assert_eq!((ended.outcome(), ended.stderr.as_str()), ("deployed", ""), "{}", ended.stdout);
    assert_eq!(ended.finished()["function_name"], "f-prod");
}

#[test]
fn the_message_of_the_commit_is_that_of_git() {
    let text = format!("if: commit_message !~ /no-deploy/\ndeploy:\n{}", stanza("f"));
    let directory = directory(&text);
    git(directory.path(), &["init", "--quiet", "--initial-branch=main"]);
    for (message, outcome) in [("a change", "checked"), ("a change [no-deploy]", "skipped")] {
        git(directory.path(), &["commit", "--quiet", "--allow-empty", "--message", message]);
        let ended = standalone(&with_file(&["check"]), directory.path(), None).run_on(b"");
        assert_eq!((ended.outcome(), ended.stderr.as_str()), (outcome, ""), "{message}");
    }
    let given = standalone(&with_file(&["check"]), directory.path(), None);
    assert_eq!(given.env("TRAVIS_COMMIT_MESSAGE", "another").run_on(b"").outcome(), "checked");
}
