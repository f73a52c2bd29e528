//! Builds of each CI as its documentation describes them, and the variables that Travis CI would set.

use super::*;

type Pairs<'a> = &'a [(&'a str, &'a str)];

fn lookup(env: &[(&str, &str)]) -> impl Fn(&str) -> Option<String> {
    let env: Vec<(String, String)> =
        env.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    move |name| env.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value.clone())
}

/// Checks that `ci` is detected from these variables, and that it sets exactly the expected ones. Names may
/// omit the prefix `TRAVIS_`.
#[track_caller]
fn check(ci: Ci, always: &[(&str, &str)], build: &[(&str, &str)], expected: &[(&str, &str)]) {
    let env: Vec<_> = always.iter().chain(build).copied().collect();
    let env = lookup(&env);
    assert_eq!(Ci::detect(&env), Some(ci));
    let travis = ci.to_travis_vars(&env);
    let travis: Vec<(&str, &str)> = travis.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let mut expected: Vec<(&str, &str)> = expected
        .iter()
        .map(|(name, value)| {
            (MAPPED_VARS.into_iter().find(|known| known.ends_with(name)).expect("a known name"), *value)
        })
        .collect();
    expected.sort_by_key(|(name, _)| MAPPED_VARS.iter().position(|known| known == name));
    assert_eq!(travis, expected);
}

/// As [`check`], for builds of the repository `slug`, of one commit and number. `always` has variables in the
/// form `NAME=value`, and `commit` is the name of the variable of the commit.
fn check_each(
    ci: Ci,
    always: &'static str,
    commit: &'static str,
    slug: &'static str,
) -> impl Fn(Pairs<'_>, Pairs<'_>) {
    let always = always.split(' ').filter_map(|variable| variable.split_once('='));
    let always: Vec<_> = always.chain([(commit, SHA)]).collect();
    move |build, expected| {
        let same = [("REPO_SLUG", slug), ("COMMIT", SHA), ("BUILD_NUMBER", "7")];
        check(ci, &always, build, &[expected, &same].concat());
    }
}

const SHA: &str = "83a20ec058e2fb00e7fa4558c4c6e81e2dcf253d";
const PUSHED: Pairs<'static> = &[("TRAVIS_BRANCH", "main"), ("PULL_REQUEST", "false")];
const TAGGED: Pairs<'static> = &[("TRAVIS_BRANCH", "v1"), ("TAG", "v1"), ("PULL_REQUEST", "false")];
const REQUESTED: Pairs<'static> =
    &[("TRAVIS_BRANCH", "main"), ("PULL_REQUEST", "12"), ("PULL_REQUEST_BRANCH", "fix")];
const UNKNOWN_REQUEST: Pairs<'static> = &[("PULL_REQUEST", "unknown")];

#[test]
fn travis_itself_stays_as_it_is() {
    let env: Pairs =
        &[("TRAVIS", "true"), ("TRAVIS_BRANCH", "main"), ("TRAVIS_TAG", ""), ("TRAVIS_PULL_REQUEST", "7")];
    check(Ci::Travis, env, &[], &[("TRAVIS_BRANCH", "main"), ("TRAVIS_PULL_REQUEST", "7")]);
}

#[test]
fn github_actions() {
    let always = "GITHUB_ACTIONS=true GITHUB_REPOSITORY=me/app GITHUB_RUN_NUMBER=7 GITHUB_BASE_REF= \
                  GITHUB_HEAD_REF=";
    let check = check_each(Ci::GitHubActions, always, "GITHUB_SHA", "me/app");
    let on = |event, reference| [("GITHUB_EVENT_NAME", event), ("GITHUB_REF", reference)];
    for event in ["push", "workflow_dispatch", "schedule", "repository_dispatch"] {
        check(&on(event, "refs/heads/feat/x"), &[("TRAVIS_BRANCH", "feat/x"), ("PULL_REQUEST", "false")]);
    }
    for event in ["push", "release", "workflow_dispatch"] {
        let reported = [("TRAVIS_BRANCH", "v1/2"), ("TAG", "v1/2"), ("PULL_REQUEST", "false")];
        check(&on(event, "refs/tags/v1/2"), &reported);
    }
    let request = [("GITHUB_BASE_REF", "main"), ("GITHUB_HEAD_REF", "fix")];
    let reported =
        |number| [("TRAVIS_BRANCH", "main"), ("PULL_REQUEST", number), ("PULL_REQUEST_BRANCH", "fix")];
    check(&[&on("pull_request", "refs/pull/12/merge")[..], &request].concat(), &reported("12"));
    check(&[&on("push", "refs/heads/main")[..], &request].concat(), &reported("unknown"));
    // From a fork, with the permissions of the base: the number is only in the event file.
    check(&[&on("pull_request_target", "refs/heads/main")[..], &request].concat(), &reported("unknown"));
    // A merged pull request: the ref is the base branch.
    check(&[&on("pull_request", "refs/heads/main")[..], &request].concat(), &reported("unknown"));
    check(&on("pull_request_review", "refs/pull/12/merge"), &[("PULL_REQUEST", "12")]);
    let queued = [("TRAVIS_BRANCH", "main"), ("PULL_REQUEST", "12")];
    for event in ["merge_group", "push"] {
        check(&on(event, "refs/heads/gh-readonly-queue/main/pr-12-0123abc"), &queued);
    }
    for event in ["workflow_run", "issue_comment", "check_suite", "", "not-yet-invented"] {
        check(&on(event, "refs/heads/main"), UNKNOWN_REQUEST);
    }
    check(&on("deployment", ""), UNKNOWN_REQUEST);
}

#[test]
fn gitlab() {
    let always = "GITLAB_CI=true CI_PROJECT_PATH=group/sub/app CI_PIPELINE_IID=7";
    let check = check_each(Ci::GitLab, always, "CI_COMMIT_SHA", "group/sub/app");
    for source in ["push", "web", "schedule", "api", "parent_pipeline"] {
        let build =
            [("CI_PIPELINE_SOURCE", source), ("CI_COMMIT_BRANCH", "main"), ("CI_COMMIT_REF_NAME", "main")];
        check(&build, PUSHED);
    }
    check(&[("CI_PIPELINE_SOURCE", "push"), ("CI_COMMIT_TAG", "v1")], TAGGED);
    let request = [
        ("CI_PIPELINE_SOURCE", "merge_request_event"),
        ("CI_MERGE_REQUEST_IID", "12"),
        ("CI_MERGE_REQUEST_ID", "98765"),
        ("CI_MERGE_REQUEST_TARGET_BRANCH_NAME", "main"),
        ("CI_MERGE_REQUEST_SOURCE_BRANCH_NAME", "fix"),
    ];
    check(&request, REQUESTED);
    // In a child pipeline, CI_PIPELINE_SOURCE has another value.
    check(&[&request[..], &[("CI_PIPELINE_SOURCE", "parent_pipeline")]].concat(), REQUESTED);
    let fork = [("CI_PROJECT_PATH", "stranger/app"), ("CI_MERGE_REQUEST_PROJECT_PATH", "group/sub/app")];
    check(&[&request[..], &fork].concat(), REQUESTED);
    let external = [
        ("CI_PIPELINE_SOURCE", "external_pull_request_event"),
        ("CI_COMMIT_BRANCH", "fix"),
        ("CI_EXTERNAL_PULL_REQUEST_IID", "12"),
        ("CI_EXTERNAL_PULL_REQUEST_TARGET_BRANCH_NAME", "main"),
        ("CI_EXTERNAL_PULL_REQUEST_SOURCE_BRANCH_NAME", "fix"),
    ];
    check(&external, REQUESTED);
    // A closed merge request: its variables are absent.
    check(&[external[0], external[1]], UNKNOWN_REQUEST);
    check(&[request[0]], UNKNOWN_REQUEST);
    // A child pipeline that was given only some of the variables.
    check(&[("CI_MERGE_REQUEST_EVENT_TYPE", "merge_train"), ("CI_COMMIT_BRANCH", "main")], UNKNOWN_REQUEST);
    check(&[], UNKNOWN_REQUEST);
}

#[test]
fn buildkite() {
    const HERE: Pairs<'_> = &[
        ("BUILDKITE", "true"),
        ("BUILDKITE_REPO", "git@github.com:me/app.git"),
        ("BUILDKITE_COMMIT", "HEAD"),
        ("BUILDKITE_BUILD_NUMBER", "7"),
        ("BUILDKITE_PULL_REQUEST", "false"),
        ("BUILDKITE_PULL_REQUEST_BASE_BRANCH", ""),
        ("BUILDKITE_TAG", ""),
    ];
    let check = |build: &[(&str, &str)], reported: &[(&str, &str)]| {
        let same = [("REPO_SLUG", "me/app"), ("BUILD_NUMBER", "7")];
        check(Ci::Buildkite, HERE, build, &[reported, &same].concat());
    };
    for source in ["webhook", "ui", "schedule"] {
        check(&[("BUILDKITE_SOURCE", source), ("BUILDKITE_BRANCH", "main")], PUSHED);
    }
    let tag = [("BUILDKITE_BRANCH", "v1"), ("BUILDKITE_TAG", "v1"), ("BUILDKITE_COMMIT", SHA)];
    check(&tag, &[("TRAVIS_BRANCH", "v1"), ("TAG", "v1"), ("PULL_REQUEST", "false"), ("COMMIT", SHA)]);
    for branch in ["fix", "stranger:main"] {
        let request = [
            ("BUILDKITE_PULL_REQUEST", "12"),
            ("BUILDKITE_PULL_REQUEST_BASE_BRANCH", "main"),
            ("BUILDKITE_BRANCH", branch),
        ];
        let reported = [("TRAVIS_BRANCH", "main"), ("PULL_REQUEST", "12"), ("PULL_REQUEST_BRANCH", branch)];
        check(&request, &reported);
    }
    check(&[("BUILDKITE_BRANCH", "refs/pull/12/head")], &[("PULL_REQUEST", "12")]);
    check(&[("BUILDKITE_BRANCH", "pull/12/head")], &[("PULL_REQUEST", "12")]);
    let queued = [("BUILDKITE_BRANCH", "q/1"), ("BUILDKITE_MERGE_QUEUE_BASE_BRANCH", "main")];
    check(&queued, &[("TRAVIS_BRANCH", "main"), ("PULL_REQUEST", "unknown"), ("PULL_REQUEST_BRANCH", "q/1")]);
    let unknown = [("PULL_REQUEST", "unknown"), ("PULL_REQUEST_BRANCH", "main")];
    check(&[("BUILDKITE_BRANCH", "main"), ("BUILDKITE_PULL_REQUEST", "")], &unknown);
    check(&[("BUILDKITE_BRANCH", "main"), ("BUILDKITE_SOURCE", "trigger_job")], &unknown);
    let fork = ("BUILDKITE_PULL_REQUEST_REPO", "git://github.com/stranger/app.git");
    check(&[("BUILDKITE_BRANCH", "main"), fork], &unknown);
    for branch in ["stranger:main", "trunk-merge/pr-12/x", "mergify/merge-queue/0123abc"] {
        check(&[("BUILDKITE_BRANCH", branch)], UNKNOWN_REQUEST);
    }
}

#[test]
fn circleci() {
    let always = "CIRCLECI=true CIRCLE_PROJECT_USERNAME=me CIRCLE_PROJECT_REPONAME=app CIRCLE_BUILD_NUM=7";
    let check = check_each(Ci::CircleCi, always, "CIRCLE_SHA1", "me/app");
    for event in ["push", "api", "schedule"] {
        check(&[("PIPELINE_EVENT", event), ("CIRCLE_BRANCH", "main")], PUSHED);
    }
    for event in ["push", ""] {
        check(&[("PIPELINE_EVENT", event), ("CIRCLE_TAG", "v1")], TAGGED);
    }
    let reported = |number| [("PULL_REQUEST", number), ("PULL_REQUEST_BRANCH", "fix")];
    let request = |name, url| [("PIPELINE_EVENT", "push"), ("CIRCLE_BRANCH", "fix"), (name, url)];
    check(&request("CIRCLE_PULL_REQUEST", "https://github.com/me/app/pull/12"), &reported("12"));
    check(&request("CIRCLE_PULL_REQUEST", "https://github.com/me/app/pull/"), &reported("unknown"));
    let several = request("CIRCLE_PULL_REQUESTS", "https://x/me/app/pull/3,https://x/me/app/pull/12");
    check(&several, &reported("12"));
    check(&request("CIRCLE_PR_NUMBER", "12"), &reported("12"));
    check(&[("PIPELINE_EVENT", "push"), ("CIRCLE_BRANCH", "pull/12")], &[("PULL_REQUEST", "12")]);
    // With CircleCI's GitHub App, only the event indicates a pull request.
    let app = [("PIPELINE_EVENT", "pull_request"), ("CIRCLE_BRANCH", "main")];
    check(&app, &[("PULL_REQUEST", "unknown"), ("PULL_REQUEST_BRANCH", "main")]);
    let fork = [("PIPELINE_EVENT", "push"), ("CIRCLE_BRANCH", "main"), ("CIRCLE_PR_USERNAME", "stranger")];
    check(&fork, &[("PULL_REQUEST", "unknown"), ("PULL_REQUEST_BRANCH", "main")]);
    check(&[("CIRCLE_BRANCH", "main")], &[("PULL_REQUEST", "unknown"), ("PULL_REQUEST_BRANCH", "main")]);
}

#[test]
fn circleci_without_an_owner_names_the_repository_by_its_address() {
    let here: Pairs<'_> = &[("CIRCLECI", "true"), ("CIRCLE_TAG", "v1")];
    let reported =
        [("TRAVIS_BRANCH", "v1"), ("TAG", "v1"), ("PULL_REQUEST", "false"), ("REPO_SLUG", "me/app")];
    check(Ci::CircleCi, here, &[("CIRCLE_REPOSITORY_URL", "https://github.com/me/app")], &reported);
}

#[test]
fn woodpecker() {
    let always = "CI=woodpecker CI_REPO=me/app CI_PIPELINE_NUMBER=7";
    let check = check_each(Ci::Woodpecker, always, "CI_COMMIT_SHA", "me/app");
    let on = |event, reference, branch| {
        [("CI_PIPELINE_EVENT", event), ("CI_COMMIT_REF", reference), ("CI_COMMIT_BRANCH", branch)]
    };
    for event in ["push", "cron"] {
        check(&on(event, "refs/heads/main", "main"), PUSHED);
    }
    check(&on("manual", "main", "main"), PUSHED);
    for event in ["tag", "release", "manual"] {
        check(&on(event, "refs/tags/v1", "main"), TAGGED);
    }
    let request = [
        ("CI_COMMIT_PULL_REQUEST", "12"),
        ("CI_COMMIT_TARGET_BRANCH", "main"),
        ("CI_COMMIT_SOURCE_BRANCH", "fix"),
    ];
    for event in ["pull_request", "pull_request_closed", "deployment"] {
        for reference in ["refs/pull/12/head", "refs/merge-requests/12/head", "refs/heads/main"] {
            check(&[&on(event, reference, "main")[..], &request].concat(), REQUESTED);
        }
    }
    check(&on("deployment", "refs/pull/12/head", "main"), &[("PULL_REQUEST", "12")]);
    // On Bitbucket, from a fork's `main` to `main`: nothing indicates the pull request.
    check(&on("deployment", "refs/heads/main", "main"), UNKNOWN_REQUEST);
    check(&on("push", "refs/heads/fix", "main"), UNKNOWN_REQUEST);
    check(&on("pull_request_metadata", "refs/heads/main", "main"), UNKNOWN_REQUEST);
    check(&on("push", "", "main"), UNKNOWN_REQUEST);
}

#[test]
fn drone() {
    let always = "DRONE=true DRONE_REPO=me/app DRONE_BUILD_NUMBER=7";
    let check = check_each(Ci::Drone, always, "DRONE_COMMIT_SHA", "me/app");
    let on = |event, reference| {
        [
            ("DRONE_BUILD_EVENT", event),
            ("DRONE_COMMIT_REF", reference),
            ("DRONE_BRANCH", "main"),
            ("DRONE_TARGET_BRANCH", "main"),
            ("DRONE_SOURCE_BRANCH", "main"),
        ]
    };
    for event in ["push", "custom", "cron"] {
        check(&on(event, "refs/heads/main"), PUSHED);
    }
    check(&[&on("tag", "refs/tags/v1")[..], &[("DRONE_TAG", "v1")]].concat(), TAGGED);
    let reported =
        |number| [("TRAVIS_BRANCH", "main"), ("PULL_REQUEST", number), ("PULL_REQUEST_BRANCH", "main")];
    let number = [("DRONE_PULL_REQUEST", "12")];
    // From a fork's `main` to `main`: only the event, the number and the ref indicate the pull request.
    check(&[&on("pull_request", "refs/pull/12/head")[..], &number].concat(), &reported("12"));
    check(&on("promote", "refs/pull/12/head"), &reported("12"));
    for event in ["promote", "rollback"] {
        check(&on(event, "refs/heads/main"), &reported("unknown"));
    }
    check(&[&on("push", "refs/heads/main")[..], &number].concat(), &reported("12"));
    check(&on("push", "refs/heads/fix"), &reported("unknown"));
    check(&on("pull_request", "refs/heads/main"), &reported("unknown"));
}

#[test]
fn bitbucket() {
    let always = "BITBUCKET_BUILD_NUMBER=7 BITBUCKET_REPO_FULL_NAME=me/app";
    let check = check_each(Ci::Bitbucket, always, "BITBUCKET_COMMIT", "me/app");
    check(&[("BITBUCKET_BRANCH", "main")], PUSHED);
    check(&[("BITBUCKET_TAG", "v1")], TAGGED);
    let request =
        [("BITBUCKET_BRANCH", "fix"), ("BITBUCKET_PR_ID", "12"), ("BITBUCKET_PR_DESTINATION_BRANCH", "main")];
    check(&request, REQUESTED);
    check(&[], UNKNOWN_REQUEST);
}

#[test]
fn azure() {
    const HERE: Pairs<'_> = &[
        ("TF_BUILD", "True"),
        ("BUILD_REPOSITORY_NAME", "me/app"),
        ("SYSTEM_TEAMPROJECT", "shop"),
        ("BUILD_SOURCEVERSION", SHA),
        ("BUILD_BUILDNUMBER", "20260131.7"),
    ];
    let check = |build: &[(&str, &str)], reported: &[(&str, &str)], slug| {
        let same = [("REPO_SLUG", slug), ("COMMIT", SHA), ("BUILD_NUMBER", "20260131.7")];
        check(Ci::Azure, HERE, build, &[reported, &same].concat());
    };
    let on = |reason, reference| [("BUILD_REASON", reason), ("BUILD_SOURCEBRANCH", reference)];
    for reason in ["IndividualCI", "Manual", "Schedule"] {
        check(&on(reason, "refs/heads/main"), PUSHED, "me/app");
    }
    check(&on("IndividualCI", "refs/tags/v1"), TAGGED, "me/app");
    let from_fork =
        |value| [&on("Manual", "refs/heads/main")[..], &[("SYSTEM_PULLREQUEST_ISFORK", value)]].concat();
    check(&from_fork("False"), PUSHED, "me/app");
    check(&from_fork("True"), UNKNOWN_REQUEST, "me/app");
    let github = [
        ("SYSTEM_PULLREQUEST_PULLREQUESTID", "987654"),
        ("SYSTEM_PULLREQUEST_PULLREQUESTNUMBER", "12"),
        ("SYSTEM_PULLREQUEST_TARGETBRANCH", "main"),
        ("SYSTEM_PULLREQUEST_SOURCEBRANCH", "fix"),
    ];
    check(&[&on("PullRequest", "refs/pull/12/merge")[..], &github].concat(), REQUESTED, "me/app");
    let repos = [
        ("BUILD_REPOSITORY_NAME", "app"),
        ("SYSTEM_PULLREQUEST_PULLREQUESTID", "12"),
        ("SYSTEM_PULLREQUEST_TARGETBRANCH", "refs/heads/main"),
        ("SYSTEM_PULLREQUEST_SOURCEBRANCH", "refs/heads/fix"),
    ];
    check(&[&on("PullRequest", "refs/pull/12/merge")[..], &repos].concat(), REQUESTED, "shop/app");
    check(&on("Manual", "refs/pull/12/merge"), &[("PULL_REQUEST", "12")], "me/app");
    for reason in ["PullRequest", "ValidateShelveset", "CheckInShelveset"] {
        check(&on(reason, "refs/heads/main"), UNKNOWN_REQUEST, "me/app");
    }
    check(&on("IndividualCI", "$/shop/main"), UNKNOWN_REQUEST, "me/app");
}

#[test]
fn jenkins() {
    let always = "JENKINS_URL=https://ci.example.com/ GIT_URL=ssh://git@git.example.com:7999/me/app.git \
                  BUILD_NUMBER=7";
    let check = check_each(Ci::Jenkins, always, "GIT_COMMIT", "me/app");
    check(&[("BRANCH_NAME", "main")], PUSHED);
    check(&[("BRANCH_NAME", "v1"), ("TAG_NAME", "v1")], TAGGED);
    let request =
        [("BRANCH_NAME", "PR-12"), ("CHANGE_ID", "12"), ("CHANGE_TARGET", "main"), ("CHANGE_BRANCH", "fix")];
    check(&request, REQUESTED);
    check(&[&request[..], &[("CHANGE_FORK", "stranger/app")]].concat(), REQUESTED);
    for branch in ["PR-12", "PR-12-merge", "MR-12-head"] {
        check(&[("BRANCH_NAME", branch)], &[("PULL_REQUEST", "12")]);
    }
    check(&[("BRANCH_NAME", "PR-fix")], &[("TRAVIS_BRANCH", "PR-fix"), ("PULL_REQUEST", "false")]);
    let change = [("BRANCH_NAME", "main"), ("CHANGE_TARGET", "main")];
    check(&change, &[("TRAVIS_BRANCH", "main"), ("PULL_REQUEST", "unknown")]);
    for branch in ["refs/pull/12/head", "origin/pr/12/merge"] {
        check(&[("BRANCH_NAME", branch)], &[("PULL_REQUEST", "12")]);
    }
    check(&[("BRANCH_NAME", "pr/12")], &[("TRAVIS_BRANCH", "pr/12"), ("PULL_REQUEST", "false")]);
    for number in ["ghprbPullId", "gitlabMergeRequestIid"] {
        check(&[("BRANCH_NAME", "main"), (number, "12")], &[("PULL_REQUEST", "12")]);
    }
    let gerrit =
        |event| [("BRANCH_NAME", "main"), ("GERRIT_CHANGE_NUMBER", "12"), ("GERRIT_EVENT_TYPE", event)];
    for event in ["patchset-created", "comment-added", ""] {
        check(&gerrit(event), &[("PULL_REQUEST", "12")]);
    }
    check(&gerrit("change-merged"), PUSHED);
    // Not a multibranch project.
    check(&[("GIT_BRANCH", "origin/main")], UNKNOWN_REQUEST);
}

#[test]
fn codebuild() {
    let always = "CODEBUILD_BUILD_ARN=arn:aws:codebuild:eu-west-1:123456789012:build/app:1 \
                  CODEBUILD_SOURCE_REPO_URL=https://github.com/me/app.git CODEBUILD_BUILD_NUMBER=7";
    let check = check_each(Ci::CodeBuild, always, "CODEBUILD_RESOLVED_SOURCE_VERSION", "me/app");
    let on = |event, trigger| [("CODEBUILD_WEBHOOK_EVENT", event), ("CODEBUILD_WEBHOOK_TRIGGER", trigger)];
    check(&on("PUSH", "branch/feat/x"), &[("TRAVIS_BRANCH", "feat/x"), ("PULL_REQUEST", "false")]);
    check(&on("PUSH", "tag/v1"), TAGGED);
    let refs =
        [("CODEBUILD_WEBHOOK_BASE_REF", "refs/heads/main"), ("CODEBUILD_WEBHOOK_HEAD_REF", "refs/heads/fix")];
    for event in ["PULL_REQUEST_CREATED", "PULL_REQUEST_MERGED"] {
        check(&[&on(event, "pr/12")[..], &refs].concat(), REQUESTED);
    }
    check(&on("PULL_REQUEST_UPDATED", "branch/main"), UNKNOWN_REQUEST);
    let standalone = |version| [("CODEBUILD_SOURCE_VERSION", version)];
    check(&standalone("refs/heads/main"), PUSHED);
    check(&standalone("refs/tags/v1"), TAGGED);
    check(&standalone("refs/heads/main^{83a20ec058e2fb00e7fa4558c4c6e81e2dcf253d}"), PUSHED);
    for version in ["pr/12", "refs/pull/12/head^{83a20ec058e2fb00e7fa4558c4c6e81e2dcf253d}"] {
        check(&standalone(version), &[("PULL_REQUEST", "12")]);
    }
    for version in ["main", SHA, "arn:aws:s3:::bucket/key", ""] {
        check(&standalone(version), UNKNOWN_REQUEST);
    }
}

/// `TRAVIS_PULL_REQUEST` is `false` only if a branch or a tag is known.
#[test]
fn nothing_known_is_a_pull_request_everywhere() {
    for ci in Ci::ALL {
        assert_eq!(ci.to_travis_vars(&|_| None), [("TRAVIS_PULL_REQUEST", "unknown".to_owned())], "{ci:?}");
    }
    for ci in Ci::ALL.into_iter().filter(|ci| *ci != Ci::Travis) {
        for value in ["false", "0", "x", "/", " "] {
            let travis = ci.to_travis_vars(&|_| Some(value.to_owned()));
            let request =
                travis.iter().find(|(name, _)| *name == "TRAVIS_PULL_REQUEST").expect("always decided");
            assert!(request.1 != "false" && !request.1.trim().is_empty(), "{ci:?}: {value:?}: {travis:?}");
        }
    }
}

#[test]
fn each_has_a_name_of_its_own() {
    for ci in Ci::ALL {
        assert_eq!(Ci::named(ci.name()), Some(ci));
    }
    assert_eq!(Ci::named("teamcity"), None);
    assert_eq!(Ci::detect(&|_| None), None);
    assert_eq!(Ci::detect(&lookup(&[("CI", "true"), ("BUILD_NUMBER", "7")])), None);
}

#[test]
fn a_guest_runner_is_the_ci_that_it_runs_for() {
    let env = [("CODEBUILD_BUILD_ARN", "arn"), ("GITHUB_ACTIONS", "true")];
    assert_eq!(Ci::detect(&lookup(&env)), Some(Ci::GitHubActions));
    let env = [("CI", "woodpecker"), ("DRONE", "true")];
    assert_eq!(Ci::detect(&lookup(&env)), Some(Ci::Woodpecker));
}

#[test]
fn a_slug_is_the_path_of_an_address() {
    let check = |address, slug: Option<&str>| assert_eq!(slug_of(address).as_deref(), slug, "{address}");
    check("https://github.com/me/app.git", Some("me/app"));
    check("https://user:token@github.com/me/app/", Some("me/app"));
    check("git@gitlab.com:group/sub/app.git", Some("group/sub/app"));
    check("github.com:me/app", Some("me/app"));
    check("ssh://git@host:22/me/app.git", Some("me/app"));
    check("git://host/me/app.git", Some("me/app"));
    check("file:///srv/git/app.git", None);
    check("/srv/git/app.git", None);
    check("../x:y/app.git", None);
    check("https://host", None);
    check("https://host/app.git", None);
    check("git@github.com:/me/app", Some("me/app"));
    check("git@github.com:app", None);
    check("./a:b/c", None);
    // An empty path component is not a valid owner or name.
    check("https://host/me//app.git", None);
    check("git@host:me/.git", None);
}
