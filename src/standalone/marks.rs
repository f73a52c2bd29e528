//! Decides whether an environment variable indicates a CI or a pull request. Pure.
//! In doubt the answer is yes: a false positive only skips a deployment, with a note that says why.

use std::path::Path;

use super::ci::{UNKNOWN, request_named_by};
use crate::protocol::text::is_number;

/// Variables that CIs set, besides `CI` and names that mention pull requests. They are needed because many
/// CIs run their jobs in a terminal, so a missing terminal does not reveal them. Variables that tools on a
/// developer's machine also use, such as `DRONE_TOKEN`, are not listed.
#[rustfmt::skip] // one name per line would fill a page
const CIS: [&str; 53] = [
    "AC_APPCIRCLE", "APPVEYOR", "ATLANTIS_TERRAFORM_VERSION", "AWS_JOB_ID", "BITRISE_IO", "BUDDY",
    "BUILDER_OUTPUT", "BUILDKITE_BUILD_ID", "BUILD_ID", "BUILD_NUMBER", "BUILD_PIPELINE_NAME", "BUILD_REASON",
    "BUILD_SUBMITTER", "CF_BUILD_ID", "CF_PAGES", "CHANGE_ID", "CIRRUS_CI", "CM_BUILD_ID",
    "CODEBUILD_BUILD_ID", "DRONE_BUILD_NUMBER", "GERRIT_CHANGE_NUMBER", "GERRIT_PROJECT", "GITHUB_EVENT_NAME",
    "GITHUB_HEAD_REF", "GITHUB_RUN_ID", "GO_PIPELINE_NAME", "HARNESS_BUILD_ID", "HARNESS_PIPELINE_ID",
    "HUDSON_URL", "JB_SPACE_EXECUTION_NUMBER", "JENKINS_HOME", "JOB_URL", "NETLIFY", "PROW_JOB_ID",
    "PULL_REFS", "RENDER", "SAILCI", "SCREWDRIVER", "SCRUTINIZER", "SEMAPHORE", "SHIPPABLE", "TDDIUM",
    "TEAMCITY_VERSION", "TFC_RUN_ID", "TF_VAR_spacelift_run_id", "VELA", "VELA_BUILD_EVENT", "WERCKER",
    "WORKERS_CI", "ZUUL_CHANGE", "ZUUL_PIPELINE", "ZUUL_UUID", "bamboo_buildKey",
];

/// Variables that are set only in builds of pull requests, although their names do not say so.
#[rustfmt::skip]
const REQUESTS: [&str; 7] = [
    "CHANGE_ID", "CHANGE_TARGET", "GERRIT_CHANGE_NUMBER", "GITHUB_BASE_REF", "GITHUB_HEAD_REF", "PATCHSET_ID",
    "ZUUL_CHANGE",
];

/// True if this variable was probably set by a CI.
pub(super) fn indicates_ci(name: &str, value: &str) -> bool {
    match name {
        _ if value.is_empty() => false,
        "CI" | "CONTINUOUS_INTEGRATION" => !value.eq_ignore_ascii_case("false"),
        _ => CIS.contains(&name) || REQUESTS.contains(&name) || names_a_request(name),
    }
}

/// Whether a job in this directory is probably a task of Concourse, which has a terminal and no variables.
pub(super) fn is_concourse_task(directory: &Path) -> bool {
    let name = directory.strip_prefix("/tmp/build").ok().and_then(|below| below.iter().next()?.to_str());
    name.is_some_and(|name| name.len() == 8 && name.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// The number of the pull request that is built, according to this variable, or [`UNKNOWN`]. `None`: the
/// variable indicates no pull request. A name that mentions pull requests is not enough:
/// `BUILDKITE_PULL_REQUEST` may be `false`, and `CI_OPEN_MERGE_REQUESTS` is also set on a push.
pub(super) fn request(name: &str, value: &str) -> Option<String> {
    // Woodpecker also describes the previous build: `CI_PREV_PIPELINE_EVENT`.
    if value.is_empty() || parts(name).any(|part| ["PREV", "PREVIOUS"].contains(&part.as_str())) {
        return None;
    }
    if let Some(number) = request_named_by(value) {
        return Some(number);
    }
    if REQUESTS.contains(&name) {
        return Some(number(value).unwrap_or_else(|| UNKNOWN.to_owned()));
    }
    let squeezed = squeezed(name);
    let ends = |ends: &[&str]| ends.iter().any(|end| squeezed.ends_with(end));
    let is_named = names_a_request(name) && ends(&NUMBERS);
    let is_switch = value.eq_ignore_ascii_case("true")
        && (squeezed == "PR" || ends(&["PULLREQUEST", "MERGEREQUEST", "ISPR"]));
    let is_source = names_a_request(name)
        && ends(&["HEADBRANCH", "SOURCEBRANCH", "REQUESTBRANCH", "REQUESTSHA"])
        && !value.eq_ignore_ascii_case("false");
    // Prow tests several pull requests together, without a number of one.
    let is_batch = (name == "JOB_TYPE" && value == "batch") || (name == "PULL_REFS" && value.contains(','));
    let number = is_named.then(|| number(value)).flatten();
    let is_request = is_switch || is_source || is_batch || is_event(name, value);
    number.or_else(|| is_request.then(|| UNKNOWN.to_owned()))
}

/// The ends of names with the number or the URL of a pull request.
const NUMBERS: [&str; 10] = ["ID", "KEY", "MR", "NO", "NUM", "NUMBER", "PR", "REQUEST", "REQUESTS", "URL"];

/// `PULL_NUM`, `SD_PULL_REQUEST`, `ghprbPullId`, `CI_MERGE_REQUEST_IID`, `BITBUCKET_PR_ID`, …
fn names_a_request(name: &str) -> bool {
    let squeezed = squeezed(name);
    ["PULLREQUEST", "MERGEREQUEST", "PULLID", "PULLNUM"].iter().any(|words| squeezed.contains(words))
        || parts(name).any(|part| ["PR", "MR", "PRID", "PRNUMBER"].contains(&part.as_str()))
}

/// `GITHUB_EVENT_NAME=pull_request_target`, `BUILD_REASON=PullRequest`,
/// `CI_PIPELINE_SOURCE=merge_request_event`, `SEMAPHORE_GIT_REF_TYPE=pull-request`, `JOB_TYPE=presubmit`,
/// `VELA_BUILD_EVENT=comment`, `CONTEXT=deploy-preview`, `TF_VAR_spacelift_run_type=PROPOSED`.
fn is_event(name: &str, value: &str) -> bool {
    const EVENTS: [&str; 7] = ["EVENT", "REASON", "SOURCE", "TRIGGER", "TYPE", "CAUSE", "CONTEXT"];
    #[rustfmt::skip]
    const REQUESTED: [&str; 10] = [
        "COMMENT", "DEPLOYPREVIEW", "EXTERNALPULLREQUEST", "ISSUECOMMENT", "MERGEGROUP", "MERGEREQUEST",
        "PATCHSET", "PRESUBMIT", "PROPOSED", "PULLREQUEST",
    ];
    let has = |words: &[&str]| parts(name).any(|part| words.contains(&part.as_str()));
    // A branch name is arbitrary text.
    has(&EVENTS) && !has(&["BRANCH"]) && !value.contains(char::is_whitespace) && {
        let value = squeezed(value);
        REQUESTED.iter().any(|word| value.starts_with(word))
    }
}

/// The number in `12`, `#12`, `!12`, and at the end of a pull request's URL.
fn number(value: &str) -> Option<String> {
    let path = value.split_once("://").map(|(_, path)| path);
    let last = path.map_or(value, |path| path.trim_end_matches('/').rsplit('/').next().unwrap_or(path));
    let digits = last.trim_start_matches(['#', '!']);
    (is_number(digits) && digits.bytes().any(|byte| byte != b'0')).then(|| digits.to_owned())
}

/// The parts of a name in upper case: `CI_MERGE_REQUEST_IID` is CI, MERGE, REQUEST, IID.
fn parts(name: &str) -> impl Iterator<Item = String> + '_ {
    name.split(|c: char| !c.is_ascii_alphanumeric()).map(str::to_ascii_uppercase)
}

fn squeezed(name: &str) -> String {
    parts(name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_that_speaks_of_pull_requests_shows_a_ci_whatever_it_says() {
        let names = "PULL_NUM PULL_NUMBER PULL_REQUEST SD_PULL_REQUEST CF_PULL_REQUEST_ID \
                     BUDDY_EXECUTION_PULL_REQUEST_ID VELA_PULL_REQUEST AWS_PULL_REQUEST_ID \
                     APPVEYOR_PULL_REQUEST_NUMBER SYSTEM_PULLREQUEST_ISFORK CI_OPEN_MERGE_REQUESTS \
                     gitlabMergeRequestIid ghprbPullId bamboo_repository_pr_key \
                     teamcity.pullRequest.number GO_SCM_APP_PR_ID _PR_NUMBER MR_IID";
        for name in names.split(' ') {
            for value in ["12", "true", "false", "x"] {
                assert!(indicates_ci(name, value), "{name}");
            }
            assert!(!indicates_ci(name, ""), "{name}");
        }
        for directory in ["/tmp/build/e55deab7", "/tmp/build/e55deab7/app"] {
            assert!(is_concourse_task(Path::new(directory)), "{directory}");
        }
        for directory in ["/tmp/build", "/tmp/build/put", "/tmp/build/app-main", "/home/me/build/e55deab7"] {
            assert!(!is_concourse_task(Path::new(directory)), "{directory}");
        }
        for name in ["IMAGE_PULL_SECRET", "PRIVATE_KEY", "PRAGMA", "PULLMAN", "MERGE", "GO_VERSION", "HOME"] {
            assert!(!indicates_ci(name, "12"), "{name}");
        }
        assert!(indicates_ci("CI", "1") && indicates_ci("CI", "true") && !indicates_ci("CI", "false"));
    }

    #[test]
    fn what_says_pull_request_is_one() {
        let says = |name, value, said: &str| {
            assert_eq!(request(name, value).as_deref(), Some(said), "{name}={value}")
        };
        let names = "PULL_NUM SD_PULL_REQUEST CF_PULL_REQUEST_ID ghprbPullId BITBUCKET_PR_ID CIRRUS_PR \
                     bamboo_repository_pr_key BUDDY_RUN_PR_NO GERRIT_CHANGE_NUMBER";
        for name in names.split(' ') {
            says(name, "12", "12");
        }
        says("CIRCLE_PULL_REQUEST", "https://github.com/me/app/pull/12", "12");
        says("PULL_REQUEST_URL", "https://example.org/me/app/-/merge_requests/12/", "12");
        says("GIT_REF", "refs/pull/12/merge", "12");
        for value in ["refs/merge-requests/12/head", "pull/12", "refs/remotes/pull/12/merge"] {
            says("ANYTHING", value, "12");
        }
        says("CIRRUS_BRANCH", "gh-readonly-queue/main/pr-12-0123abc", "12");
        for value in ["refs/changes/45/12345/1", "refs/zuul/main/Z0", "refs/merge/12/head"] {
            says("ANYTHING", value, UNKNOWN);
        }
        says("bamboo_repository_pr_sourceBranch", "fix", UNKNOWN);
        says("TRAVIS_PULL_REQUEST_BRANCH", "fix", UNKNOWN);
        says("PULL_REFS", "main:0123abc,12:4567def,13:89abcde", UNKNOWN);
        says("PR", "true", UNKNOWN);
        says("ZUUL_CHANGE", "12", "12");
        says("GITHUB_HEAD_REF", "fix", UNKNOWN);
        says("PULL_REQUEST", "true", UNKNOWN);
        for (name, value) in [
            ("GITHUB_EVENT_NAME", "pull_request_target"),
            ("TRAVIS_EVENT_TYPE", "pull_request"),
            ("VELA_BUILD_EVENT", "pull_request"),
            ("BUILD_REASON", "PullRequest"),
            ("CI_PIPELINE_SOURCE", "merge_request_event"),
            ("CODEBUILD_WEBHOOK_EVENT", "PULL_REQUEST_CREATED"),
            ("SEMAPHORE_GIT_REF_TYPE", "pull-request"),
            ("JOB_TYPE", "presubmit"),
            ("JOB_TYPE", "batch"),
            ("VELA_BUILD_EVENT", "comment"),
            ("CONTEXT", "deploy-preview"),
            ("TF_VAR_spacelift_run_type", "PROPOSED"),
        ] {
            says(name, value, UNKNOWN);
        }
    }

    #[test]
    fn what_a_ci_says_on_a_push_is_none() {
        for (name, value) in [
            ("BUILDKITE_PULL_REQUEST", "false"),
            ("BUILDKITE_PULL_REQUEST_BASE_BRANCH", "main"),
            ("TRAVIS_PULL_REQUEST", "false"),
            ("TRAVIS_PULL_REQUEST_BRANCH", ""),
            ("SYSTEM_PULLREQUEST_ISFORK", "False"),
            ("DRONE_PULL_REQUEST", "0"),
            ("PULL_REQUEST", ""),
            ("CI_OPEN_MERGE_REQUESTS", "me/app!12"),
            ("CI_PREV_PIPELINE_EVENT", "pull_request"),
            ("CI_PREV_COMMIT_REF", "refs/pull/12/head"),
            ("CI_COMMIT_SOURCE_BRANCH", "pull-request-template"),
            ("CI_COMMIT_MESSAGE", "Merge pull request #12 from me/fix"),
            ("MERGE_TRIGGER", "pull request 12 was merged"),
            ("GITHUB_REF", "refs/heads/main"),
            ("GIT_REF", "refs/tags/v1"),
            ("GIT_BRANCH", "refs/remotes/origin/main"),
            ("BUILD_REASON", "BatchedCI"),
            ("PULL_REFS", "main:0123abc"),
            ("CREATE_PR", "true"),
            ("WORK_DIRECTORY", "pull/requests"),
            ("PR_TIMEOUT", "30"),
            ("BUILD_NUMBER", "12"),
        ] {
            assert_eq!(request(name, value), None, "{name}={value}");
        }
    }
}
