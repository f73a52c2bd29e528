//! Environments and checkouts, and the build that is detected in them.

use super::*;
use std::fs;
use tempfile::TempDir;

struct Repository(TempDir);

impl Repository {
    fn new() -> Self {
        let repository = Repository(TempDir::new().expect("a temporary directory"));
        repository.git(&["init", "--quiet", "--initial-branch=release/1"]);
        fs::write(repository.0.path().join("a"), "a").expect("written");
        repository.git(&["add", "a"]);
        repository.git(&["commit", "--quiet", "--message=a"]);
        repository
    }

    fn git(&self, arguments: &[&str]) {
        git::run_in_test(self.0.path(), arguments);
    }

    /// The value of a job's variable in the standalone mode.
    fn says(&self, env: &[(&str, &str)], selection: CiSelection, name: &str) -> Option<String> {
        let env: Environment =
            env.iter().copied().chain([("PATH", "/usr/local/bin:/usr/bin:/bin")]).collect();
        let around = detect(&env, selection, self.0.path(), &CancelToken::new()).expect("git answers");
        around.for_job(&[]).get(name).map(Cow::into_owned)
    }
}

const PERSON: CiSelection = CiSelection::Auto { interactive: true };
const SCRIPT: CiSelection = CiSelection::Auto { interactive: false };

/// `TRAVIS_PULL_REQUEST` of a job, and the notes.
fn request(env: &[(&str, &str)], selection: CiSelection) -> (String, String) {
    let env: Environment = env.iter().copied().chain([("PATH", "/nowhere")]).collect();
    let around = detect(&env, selection, Path::new("/"), &CancelToken::new())
        .expect("there is no checkout to ask about");
    (around.for_job(&[]).expand("TRAVIS_PULL_REQUEST").into_owned(), around.notes.join("\n"))
}

/// A push to `main`.
const GITHUB: [(&str, &str); 3] =
    [("GITHUB_ACTIONS", "true"), ("GITHUB_EVENT_NAME", "push"), ("GITHUB_REF", "refs/heads/main")];

/// Names and values of variables.
type Pairs = &'static [(&'static str, &'static str)];

/// Variables of unknown CIs, most of them in the build of a pull request, and the number that is
/// expected.
const UNKNOWN_CIS: [(&str, Pairs, &str); 20] = [
    ("AppVeyor", &[("APPVEYOR", "True"), ("APPVEYOR_PULL_REQUEST_NUMBER", "12")], "12"),
    ("Atlantis", &[("PULL_NUM", "12"), ("HEAD_BRANCH_NAME", "fix"), ("BASE_BRANCH_NAME", "main")], "12"),
    ("Bamboo", &[("bamboo_buildKey", "A-B-JOB1"), ("bamboo_repository_pr_key", "12")], "unknown"),
    ("Bitrise", &[("BITRISE_IO", "true"), ("BITRISE_PULL_REQUEST", "12")], "12"),
    ("Buddy", &[("BUDDY", "true"), ("BUDDY_EXECUTION_PULL_REQUEST_ID", "12")], "12"),
    ("Cirrus", &[("CIRRUS_CI", "true"), ("CIRRUS_PR", "12")], "12"),
    ("Cloud Build", &[("BUILDER_OUTPUT", "/builder/outputs")], "unknown"),
    ("Codefresh", &[("CF_BUILD_ID", "1"), ("CF_PULL_REQUEST_ID", "12")], "unknown"),
    ("Codemagic", &[("CM_BUILD_ID", "1"), ("CM_PULL_REQUEST", "true")], "unknown"),
    ("Concourse", &[("BUILD_PIPELINE_NAME", "app-pr"), ("BUILD_NAME", "7")], "unknown"),
    ("GoCD", &[("GO_PIPELINE_NAME", "app"), ("GO_SERVER_URL", "https://go.example.org")], "unknown"),
    ("Harness", &[("HARNESS_BUILD_ID", "7")], "unknown"),
    ("Netlify", &[("NETLIFY", "true"), ("PULL_REQUEST", "true"), ("REVIEW_ID", "12")], "unknown"),
    ("Prow", &[("PROW_JOB_ID", "x"), ("JOB_TYPE", "presubmit"), ("PULL_NUMBER", "12")], "unknown"),
    ("Screwdriver", &[("SCREWDRIVER", "true"), ("SD_PULL_REQUEST", "12")], "12"),
    ("Semaphore", &[("SEMAPHORE", "true"), ("SEMAPHORE_GIT_REF_TYPE", "pull-request")], "unknown"),
    ("sr.ht", &[("JOB_URL", "https://builds.sr.ht/~me/job/1"), ("BUILD_SUBMITTER", "hub.sr.ht")], "unknown"),
    ("TeamCity", &[("TEAMCITY_VERSION", "2026.1")], "unknown"),
    ("Vela", &[("VELA", "true"), ("VELA_BUILD_EVENT", "pull_request")], "unknown"),
    ("Zuul", &[("ZUUL_PIPELINE", "check"), ("ZUUL_CHANGE", "12")], "12"),
];

#[test]
fn what_does_not_say_that_it_is_no_pull_request_counts_as_one() {
    for (ci, env, number) in UNKNOWN_CIS {
        // Many CIs run their jobs in a terminal.
        for selection in [SCRIPT, PERSON] {
            let (value, note) = request(env, selection);
            assert!(value == number || value == "12", "{ci}: {value}");
            assert!(note.contains("`--ci none`") && note.lines().count() == 1, "{ci}: {note}");
        }
        assert_eq!(request(env, CiSelection::None), ("false".to_owned(), String::new()), "{ci}");
    }
    // Without any variable, as in containers of Tekton and Argo, only a terminal shows that a person
    // deploys.
    let (value, note) = request(&[], SCRIPT);
    assert_eq!(value, "unknown");
    assert!(note.contains("`--ci none`"), "{note}");
    assert_eq!(request(&[], PERSON), ("false".to_owned(), String::new()));
}

#[test]
fn a_ci_that_is_not_known_may_say_itself_that_it_builds_no_pull_request() {
    let indicated = ("TRAVIS_PULL_REQUEST", "false");
    for env in [
        &[indicated][..],
        &[indicated, ("CI", "true")],
        &[indicated, ("GO_PIPELINE_NAME", "a")],
        &[indicated, ("PULL_REQUEST", "")],
    ] {
        assert_eq!(request(env, SCRIPT), ("false".to_owned(), String::new()), "{env:?}");
    }
    // `false` is set for all builds, but this one is a pull request.
    let (value, note) = request(&[indicated, ("SD_PULL_REQUEST", "12")], SCRIPT);
    assert!(value == "12" && note.contains("`SD_PULL_REQUEST` indicates"), "{value}: {note}");
    let both = request(&[("TRAVIS_PULL_REQUEST", "7"), ("PULL_NUM", "12")], SCRIPT);
    assert_eq!(both, ("7".to_owned(), String::new()));
}

#[test]
fn a_statement_for_all_builds_hides_no_pull_request() {
    const STATED: [(&str, &str); 2] = [("TRAVIS_PULL_REQUEST", "false"), ("TRAVIS_BRANCH", "main")];
    for (name, value) in [
        ("bamboo_repository_pr_key", "12"),
        ("BUDDY_RUN_PR_ID", "pull/12"),
        ("BUDDY_EXECUTION_PULL_REQUEST_NO", "12"),
        ("CIRRUS_BRANCH", "gh-readonly-queue/main/pr-12-0123abc"),
        ("DRONE_COMMIT_REF", "refs/pullreq/12/head"),
        ("GERRIT_REFSPEC", "refs/changes/45/12345/1"),
        ("PULL_REFS", "main:0123abc,12:4567def"),
        ("VELA_BUILD_EVENT", "comment"),
    ] {
        let (request, note) = request(&[&STATED[..], &[(name, value)]].concat(), PERSON);
        assert!(request == "12" || request == UNKNOWN, "{name}: {request}");
        assert!(note.starts_with(&format!("`{name}` indicates a pull request")), "{name}: {note}");
    }
    let merged = [
        ("GERRIT_EVENT_TYPE", "change-merged"),
        ("GERRIT_CHANGE_NUMBER", "12"),
        ("GERRIT_REFSPEC", "refs/changes/45/12345/1"),
    ];
    assert_eq!(request(&[&STATED[..], &merged].concat(), SCRIPT), ("false".to_owned(), String::new()));
}

#[test]
fn a_task_of_concourse_is_a_ci_although_it_has_a_terminal_and_no_variables() {
    let env: Environment = [("PATH", "/nowhere")].into_iter().collect();
    let directory = Path::new("/tmp/build/e55deab7");
    let around = detect(&env, PERSON, directory, &CancelToken::new()).expect("there is no checkout");
    assert_eq!(around.for_job(&[]).expand("TRAVIS_PULL_REQUEST"), UNKNOWN);
    assert!(around.notes[0].contains("a task of Concourse"), "{:?}", around.notes);
}

#[test]
fn two_cis_that_name_different_builds_are_not_believed() {
    let with = |other: &[(&'static str, &'static str)]| [&GITHUB[..], other].concat();
    let gitlab = with(&[("GITLAB_CI", "true"), ("CI_COMMIT_BRANCH", "dev")]);
    let (value, note) = request(&gitlab, PERSON);
    let built = "github-actions says that the branch `main` is built, and gitlab says the branch `dev`";
    assert!(value == UNKNOWN && note.starts_with(built), "{value}: {note}");
    let tag = with(&[("JENKINS_URL", "https://ci"), ("BRANCH_NAME", "main"), ("TAG_NAME", "main")]);
    assert!(request(&tag, SCRIPT).1.contains("jenkins says the tag `main`"));
    let set_as_on_travis = [("TRAVIS", "true"), ("TRAVIS_PULL_REQUEST", "false"), ("TRAVIS_BRANCH", "dev")];
    assert_eq!(request(&with(&set_as_on_travis), SCRIPT).0, UNKNOWN);
    let believed = ("false".to_owned(), String::new());
    assert_eq!(request(&gitlab, CiSelection::Named(Ci::GitHubActions)), believed);
    let same = with(&[("GITLAB_CI", "true"), ("CI_COMMIT_BRANCH", "main")]);
    assert_eq!(request(&same, SCRIPT), believed);
    let host = [("CODEBUILD_BUILD_ARN", "arn"), ("CODEBUILD_SOURCE_VERSION", "refs/heads/dev")];
    assert_eq!(request(&with(&host), SCRIPT), believed);
}

#[test]
fn from_several_cis_the_one_that_says_pull_request_wins() {
    let with = |other: &[(&'static str, &'static str)]| [&GITHUB[..], other].concat();
    for (other, number) in [
        (&[("GITLAB_CI", "true"), ("CI_MERGE_REQUEST_IID", "12")][..], "12"),
        (&[("GITLAB_CI", "true"), ("CI_PIPELINE_SOURCE", "merge_request_event")], UNKNOWN),
        (&[("TRAVIS_PULL_REQUEST", "12")], "12"),
        (&[("JENKINS_URL", "https://ci"), ("BRANCH_NAME", "PR-12")], "12"),
        (&[("CODEBUILD_BUILD_ARN", "arn"), ("CODEBUILD_SOURCE_VERSION", "pr/12")], "12"),
        (&[("TF_BUILD", "True"), ("BUILD_REASON", "PullRequest")], UNKNOWN),
        (&[("PULL_NUM", "12")], "12"),
    ] {
        let (value, note) = request(&with(other), PERSON);
        assert_eq!(value, number, "{other:?}");
        assert!(note.contains("indicates a pull request"), "{other:?}: {note}");
        let named = CiSelection::Named(Ci::GitHubActions);
        assert_eq!(request(&with(other), named), ("false".to_owned(), String::new()), "{other:?}");
    }
    // Travis is checked first, and here its variable says that it is not a pull request.
    let travis = [("TRAVIS", "true"), ("TRAVIS_PULL_REQUEST", "false")];
    let gitlab = [("GITLAB_CI", "true"), ("CI_MERGE_REQUEST_IID", "7")];
    assert_eq!(request(&[travis, gitlab].concat(), SCRIPT).0, "7");
    // A CI that only hosts the runner of another CI says nothing about the build.
    let host = [("CODEBUILD_BUILD_ARN", "arn"), ("CODEBUILD_WEBHOOK_EVENT", "WORKFLOW_JOB_QUEUED")];
    assert_eq!(request(&with(&host), SCRIPT), ("false".to_owned(), String::new()));
    let open = [("GITLAB_CI", "true"), ("CI_COMMIT_BRANCH", "main"), ("CI_OPEN_MERGE_REQUESTS", "me/app!12")];
    assert_eq!(request(&open, SCRIPT), ("false".to_owned(), String::new()));
    assert_eq!(request(&[("TRAVIS", "true")], SCRIPT).0, UNKNOWN);
}

#[test]
fn git_supplies_the_branch_and_a_tag_only_if_head_is_detached_at_it() {
    let repository = Repository::new();
    repository.git(&["tag", "v1"]);
    repository.git(&["remote", "add", "origin", "git@github.com:owner/name.git"]);
    let says = |name| repository.says(&[], PERSON, name);
    assert_eq!(says("TRAVIS_BRANCH").as_deref(), Some("release/1"));
    assert_eq!(says("TRAVIS_TAG"), None);
    assert_eq!(says("TRAVIS_REPO_SLUG").as_deref(), Some("owner/name"));
    assert_eq!(says("TRAVIS_COMMIT").map(|commit| commit.len()), Some(40));
    assert_eq!(says("TRAVIS_PULL_REQUEST").as_deref(), Some("false"));
    repository.git(&["checkout", "--quiet", "--detach"]);
    assert_eq!(says("TRAVIS_BRANCH").as_deref(), Some("v1"));
    assert_eq!(says("TRAVIS_TAG").as_deref(), Some("v1"));
    repository.git(&["tag", "v2"]);
    assert_eq!((says("TRAVIS_BRANCH"), says("TRAVIS_TAG")), (None, None));
}

#[test]
fn a_branch_has_its_name_also_beside_a_tag_of_that_name() {
    let repository = Repository::new();
    repository.git(&["tag", "release/1"]);
    assert_eq!(repository.says(&[], PERSON, "TRAVIS_BRANCH").as_deref(), Some("release/1"));
}

#[test]
fn a_head_that_is_detached_at_the_ref_of_a_pull_request_is_one() {
    let repository = Repository::new();
    let says = |selection| repository.says(&[], selection, "TRAVIS_PULL_REQUEST");
    repository.git(&["update-ref", "refs/remotes/pull/12/merge", "HEAD"]);
    repository.git(&["update-ref", "refs/bisect/bad", "HEAD"]);
    repository.git(&["tag", "v1"]);
    assert_eq!(says(PERSON).as_deref(), Some("false"));
    repository.git(&["checkout", "--quiet", "--detach"]);
    assert_eq!(says(PERSON).as_deref(), Some("12"));
    assert_eq!(says(CiSelection::None).as_deref(), Some("false"));
    repository.git(&["update-ref", "-d", "refs/remotes/pull/12/merge"]);
    assert_eq!(says(PERSON).as_deref(), Some("false"));
    // A checkout of Concourse is on a branch, into which the pull request is merged.
    fs::write(repository.0.path().join(".git/merge-request.json"), "{}").expect("written");
    repository.git(&["checkout", "--quiet", "release/1"]);
    assert_eq!(says(PERSON).as_deref(), Some(UNKNOWN));
}

#[test]
fn a_checkout_that_git_cannot_read_is_an_error_unless_the_branch_is_stated() {
    // As a worktree or a submodule that was copied without its repository.
    let copied = TempDir::new().expect("a temporary directory");
    fs::write(copied.path().join(".git"), "gitdir: /nowhere/.git/worktrees/a\n").expect("written");
    let detected = |stated: &[(&str, &str)]| {
        let path = ("PATH", "/usr/local/bin:/usr/bin:/bin");
        let env: Environment = stated.iter().copied().chain([path]).collect();
        detect(&env, CiSelection::None, copied.path(), &CancelToken::new())
    };
    assert!(matches!(detected(&[]), Err(GitError::Refused { .. })));
    let job = detected(&[("TRAVIS_BRANCH", "main")]).expect("git is not needed").for_job(&[]);
    assert_eq!(job.get("TRAVIS_COMMIT"), None);
}

#[test]
fn git_is_not_queried_for_what_the_environment_says() {
    let repository = Repository::new();
    let env = [("TRAVIS_BRANCH", "mine"), ("TRAVIS_PULL_REQUEST", "7")];
    assert_eq!(repository.says(&env, PERSON, "TRAVIS_BRANCH").as_deref(), Some("mine"));
    assert_eq!(repository.says(&env, PERSON, "TRAVIS_PULL_REQUEST").as_deref(), Some("7"));
}

#[test]
fn a_ci_speaks_for_its_build_and_one_that_is_not_known_builds_pull_requests() {
    let repository = Repository::new();
    let gitlab =
        [("GITLAB_CI", "true"), ("CI", "true"), ("CI_COMMIT_BRANCH", "dev"), ("TRAVIS_TAG", "forged")];
    assert_eq!(repository.says(&gitlab, PERSON, "TRAVIS_BRANCH").as_deref(), Some("dev"));
    assert_eq!(repository.says(&gitlab, PERSON, "TRAVIS_TAG"), None);
    assert_eq!(repository.says(&gitlab, CiSelection::None, "TRAVIS_TAG").as_deref(), Some("forged"));
    let named = CiSelection::Named(Ci::GitLab);
    assert_eq!(repository.says(&gitlab[2..], named, "TRAVIS_BRANCH").as_deref(), Some("dev"));
    let request = |selection| repository.says(&[("CI", "1")], selection, "TRAVIS_PULL_REQUEST");
    assert_eq!(request(SCRIPT).as_deref(), Some("unknown"));
    assert_eq!(request(CiSelection::None).as_deref(), Some("false"));
}

#[test]
fn without_a_repository_nothing_is_known() {
    let nowhere = Repository(TempDir::new().expect("a temporary directory"));
    for name in ["TRAVIS_BRANCH", "TRAVIS_TAG", "TRAVIS_COMMIT", "TRAVIS_REPO_SLUG"] {
        let known = nowhere.says(&[("GIT_CEILING_DIRECTORIES", "/")], CiSelection::None, name);
        assert_eq!(known, None, "{name}");
    }
}

#[test]
fn the_file_says_what_the_process_does_not() {
    let env: Environment = [("SET", "process"), ("PATH", "/nowhere")].into_iter().collect();
    let around = detect(&env, CiSelection::None, Path::new("/"), &CancelToken::new())
        .expect("there is no checkout to ask about");
    let variables = [("SET", "file"), ("OWN", "file"), ("DPL_LAMBDA_FAULT", "panic")];
    let job = around.for_job(&variables.map(|(name, value)| Assignment::plain(name, value)));
    assert_eq!(job.get("SET").as_deref(), Some("process"));
    assert_eq!(job.get("OWN").as_deref(), Some("file"));
    assert_eq!(job.get("DPL_LAMBDA_FAULT"), None);
}

#[test]
fn variables_that_grow_do_not_fill_the_memory() {
    let env: Environment = [("PATH", "/nowhere")].into_iter().collect();
    let around = detect(&env, CiSelection::None, Path::new("/"), &CancelToken::new())
        .expect("there is no checkout to ask about");
    let long = "x".repeat(100_000);
    let variables: Vec<_> = (0..1000).map(|index| Assignment::plain(&format!("V{index}"), &long)).collect();
    let bytes: usize = around.for_job(&variables).iter().map(|(_, value)| value.len()).sum();
    // More than a request may have, so that the child run refuses it.
    assert!((MAX_REQUEST_BYTES..2 * MAX_REQUEST_BYTES).contains(&bytes), "{bytes}");
}
