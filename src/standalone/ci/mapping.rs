//! Reads from the variables of each CI what it builds. One function for each CI, with its source.

use super::build::{Build, MAPPED_VARS, TravisVars, UNKNOWN, slug_of};

/// Looks up a variable in the process environment.
pub(crate) type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The environment variables. An empty one counts as absent.
pub(super) struct Variables<'a>(pub(super) Lookup<'a>);

impl Variables<'_> {
    fn get(&self, name: &str) -> Option<String> {
        (self.0)(name).filter(|value| !value.is_empty())
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    pub(super) fn is(&self, name: &str, value: &str) -> bool {
        self.get(name).is_some_and(|found| found == value)
    }

    pub(super) fn is_true(&self, name: &str) -> bool {
        self.get(name).is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    fn is_one_of(&self, name: &str, values: &[&str]) -> bool {
        self.get(name).is_some_and(|found| values.contains(&found.as_str()))
    }

    fn first(&self, names: &[&str]) -> Option<String> {
        names.iter().find_map(|name| self.get(name))
    }

    /// The slug in a variable with the URL of a repository.
    fn slug_of(&self, name: &str) -> Option<String> {
        self.get(name).and_then(|url| slug_of(&url))
    }

    /// The variables for a build of the repository `slug`. `commit` and `number` name the CI's variables for the
    /// commit hash and the build number.
    fn vars_of(&self, build: Build, slug: Option<String>, commit: &str, number: &str) -> TravisVars {
        build.into_travis_vars(slug, self.get(commit), self.get(number))
    }
}

/// Travis CI always sets `TRAVIS_PULL_REQUEST`, so without it nothing is known.
pub(super) fn travis(v: &Variables<'_>) -> TravisVars {
    let unknown = |name: &str| (name == "TRAVIS_PULL_REQUEST").then(|| UNKNOWN.to_owned());
    let value = |name: &str| v.get(name).or_else(|| unknown(name));
    MAPPED_VARS.into_iter().filter_map(|name| Some((name, value(name)?))).collect()
}

/// Source: docs.github.com, "Variables reference" and "Events that trigger workflows".
///
/// `GITHUB_BASE_REF` is set only on `pull_request` and `pull_request_target`. On the latter, on
/// `workflow_run` and on `issue_comment`, `GITHUB_REF` is the base branch, although the build may run a
/// stranger's change. So the events that are not pull requests are listed, and every other event counts as a
/// pull request. The number is only in `GITHUB_REF`.
pub(super) fn github_actions(v: &Variables<'_>) -> TravisVars {
    const NON_PR_EVENTS: [&str; 7] =
        ["push", "create", "deployment", "release", "repository_dispatch", "schedule", "workflow_dispatch"];
    let is_not_pr = v.is_one_of("GITHUB_EVENT_NAME", &NON_PR_EVENTS);
    let (target, source) = (v.get("GITHUB_BASE_REF"), v.get("GITHUB_HEAD_REF"));
    let is_not_pr = is_not_pr && target.is_none() && source.is_none();
    let build = Build::from_ref(v.get("GITHUB_REF"));
    let build = if is_not_pr { build } else { build.into_pull_request(None, target, source) };
    v.vars_of(build, v.get("GITHUB_REPOSITORY"), "GITHUB_SHA", "GITHUB_RUN_NUMBER")
}

/// Source: docs.gitlab.com, "Predefined CI/CD variables reference".
///
/// `CI_COMMIT_BRANCH` is absent in pipelines of merge requests, and `CI_MERGE_REQUEST_*` is absent once the
/// request is closed. A project in a subgroup has a slug of more than two parts.
pub(super) fn gitlab(v: &Variables<'_>) -> TravisVars {
    let number = v.first(&["CI_MERGE_REQUEST_IID", "CI_EXTERNAL_PULL_REQUEST_IID"]);
    let requested = number.is_some()
        || v.has("CI_MERGE_REQUEST_EVENT_TYPE")
        || v.is_one_of("CI_PIPELINE_SOURCE", &["merge_request_event", "external_pull_request_event"]);
    let build = if requested {
        Build::PullRequest {
            number,
            target: v.first(&[
                "CI_MERGE_REQUEST_TARGET_BRANCH_NAME",
                "CI_EXTERNAL_PULL_REQUEST_TARGET_BRANCH_NAME",
            ]),
            source: v.first(&[
                "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME",
                "CI_EXTERNAL_PULL_REQUEST_SOURCE_BRANCH_NAME",
            ]),
        }
    } else {
        Build::from_names(v.get("CI_COMMIT_TAG"), v.get("CI_COMMIT_BRANCH"))
    };
    // The pipeline of a merge request may run in the fork. Travis uses the target repository.
    let slug = v.first(&["CI_MERGE_REQUEST_PROJECT_PATH", "CI_PROJECT_PATH"]);
    v.vars_of(build, slug, "CI_COMMIT_SHA", "CI_PIPELINE_IID")
}

/// Source: buildkite.com/docs, "Environment variables".
///
/// `BUILDKITE_PULL_REQUEST` is always set: a number or `false`. A build triggered by another pipeline has
/// `false`, although that pipeline may have passed on the branch and commit of a pull request. So it counts
/// as one.
pub(super) fn buildkite(v: &Variables<'_>) -> TravisVars {
    let branch = v.get("BUILDKITE_BRANCH");
    let queue = v.get("BUILDKITE_MERGE_QUEUE_BASE_BRANCH");
    let requested =
        queue.is_some() || v.has("BUILDKITE_PULL_REQUEST_REPO") || v.is("BUILDKITE_SOURCE", "trigger_job");
    let build = Build::from_names(v.get("BUILDKITE_TAG"), branch.clone());
    let build = match v.get("BUILDKITE_PULL_REQUEST") {
        Some(no) if no == "false" && !requested => build,
        number => build.into_pull_request(
            number.filter(|number| number != "false"),
            v.get("BUILDKITE_PULL_REQUEST_BASE_BRANCH").or(queue),
            branch,
        ),
    };
    v.vars_of(build, v.slug_of("BUILDKITE_REPO"), "BUILDKITE_COMMIT", "BUILDKITE_BUILD_NUMBER")
}

/// Source: circleci.com/docs, "Project values and variables".
///
/// CircleCI does not provide the target branch of a pull request. `CIRCLE_PULL_REQUEST` and similar variables
/// exist only with GitHub OAuth and Bitbucket. With CircleCI's GitHub App and with GitLab, no variable
/// distinguishes a pull request from a push. So a branch counts as pushed only if the job sets
/// `PIPELINE_EVENT: << pipeline.event.name >>` (with OAuth, where that value does not exist, `PIPELINE_EVENT:
/// push`) and no variable contradicts it. A tag is never a pull request.
pub(super) fn circleci(v: &Variables<'_>) -> TravisVars {
    let branch = v.get("CIRCLE_BRANCH");
    let url = v.first(&["CIRCLE_PULL_REQUEST", "CIRCLE_PULL_REQUESTS", "CI_PULL_REQUEST"]);
    let number = v.get("CIRCLE_PR_NUMBER").or_else(|| Some(url.as_ref()?.rsplit('/').next()?.to_owned()));
    let tag = v.get("CIRCLE_TAG");
    let event = v.get("PIPELINE_EVENT");
    let is_not_pr = match event.as_deref() {
        Some("push" | "api" | "schedule") => true,
        Some(_) => false,
        None => tag.is_some(),
    };
    let is_from_fork = v.has("CIRCLE_PR_USERNAME");
    let is_not_pr = is_not_pr && url.is_none() && number.is_none() && !is_from_fork;
    let build = Build::from_names(tag, branch.clone());
    let build = if is_not_pr { build } else { build.into_pull_request(number, None, branch) };
    let slug = match (v.get("CIRCLE_PROJECT_USERNAME"), v.get("CIRCLE_PROJECT_REPONAME")) {
        (Some(owner), Some(name)) => Some(format!("{owner}/{name}")),
        _ => v.slug_of("CIRCLE_REPOSITORY_URL"),
    };
    v.vars_of(build, slug, "CIRCLE_SHA1", "CIRCLE_BUILD_NUM")
}

/// Source: woodpecker-ci.org/docs, "Environment variables" and "Workflow syntax" (events); its server's
/// source for refs.
///
/// A `deployment` repeats an earlier pipeline, possibly that of a pull request. The ref shows that only if
/// the forge has refs for pull requests. So a deployment counts as a pull request.
pub(super) fn woodpecker(v: &Variables<'_>) -> TravisVars {
    const NON_PR_EVENTS: [&str; 5] = ["push", "tag", "release", "cron", "manual"];
    let build = by_event(
        v.is_one_of("CI_PIPELINE_EVENT", &NON_PR_EVENTS),
        v.get("CI_COMMIT_REF"),
        Build::from_names(v.get("CI_COMMIT_TAG"), v.get("CI_COMMIT_BRANCH")),
        v.get("CI_COMMIT_PULL_REQUEST"),
        (v.get("CI_COMMIT_TARGET_BRANCH"), v.get("CI_COMMIT_SOURCE_BRANCH")),
    );
    v.vars_of(build, v.get("CI_REPO"), "CI_COMMIT_SHA", "CI_PIPELINE_NUMBER")
}

/// Source: docs.drone.io, "Environment: reference".
///
/// `promote` and `rollback` repeat an earlier build, as Woodpecker's `deployment` does. `DRONE_SOURCE_BRANCH`
/// and `DRONE_TARGET_BRANCH` are also set on pushes.
pub(super) fn drone(v: &Variables<'_>) -> TravisVars {
    const NON_PR_EVENTS: [&str; 4] = ["push", "tag", "cron", "custom"];
    let build = by_event(
        v.is_one_of("DRONE_BUILD_EVENT", &NON_PR_EVENTS),
        v.get("DRONE_COMMIT_REF"),
        Build::from_names(v.get("DRONE_TAG"), v.get("DRONE_BRANCH")),
        v.get("DRONE_PULL_REQUEST"),
        (v.get("DRONE_TARGET_BRANCH"), v.get("DRONE_SOURCE_BRANCH")),
    );
    v.vars_of(build, v.get("DRONE_REPO"), "DRONE_COMMIT_SHA", "DRONE_BUILD_NUMBER")
}

/// The build on Woodpecker and Drone, which have a common origin. The ref must match the branch: Bitbucket
/// has no refs for pull requests, so there the ref is the source branch, while the branch variable is the
/// target branch.
fn by_event(
    is_not_pr: bool,
    reference: Option<String>,
    named: Build,
    number: Option<String>,
    (target, source): (Option<String>, Option<String>),
) -> Build {
    // In a manually started pipeline, Woodpecker sets the ref to the short branch name.
    let by_ref = match reference {
        Some(name) if !name.starts_with("refs/") => Build::from_branch(name),
        reference => Build::from_ref(reference),
    };
    let is_not_pr = is_not_pr && number.is_none();
    match &by_ref {
        Build::Tag(_) if is_not_pr => by_ref,
        Build::Branch(_) if is_not_pr && by_ref == named => by_ref,
        _ => by_ref.into_pull_request(number, target, source),
    }
}

/// Source: support.atlassian.com, "Variables and secrets" of Bitbucket Pipelines.
///
/// `BITBUCKET_PR_ID` is set only in pipelines that a pull request has started.
pub(super) fn bitbucket(v: &Variables<'_>) -> TravisVars {
    let branch = v.get("BITBUCKET_BRANCH");
    let (number, target) = (v.get("BITBUCKET_PR_ID"), v.get("BITBUCKET_PR_DESTINATION_BRANCH"));
    let build = Build::from_names(v.get("BITBUCKET_TAG"), branch.clone());
    let is_not_pr = number.is_none() && target.is_none();
    let build = if is_not_pr { build } else { build.into_pull_request(number, target, branch) };
    v.vars_of(build, v.get("BITBUCKET_REPO_FULL_NAME"), "BITBUCKET_COMMIT", "BITBUCKET_BUILD_NUMBER")
}

/// Source: learn.microsoft.com, "Use predefined variables" of Azure Pipelines.
///
/// A manual build of a pull request has another `BUILD_REASON`, but its ref is `refs/pull/…`. The number of a
/// pull request on GitHub is `…_PULLREQUESTNUMBER`; there, `…_PULLREQUESTID` is a different number. The name
/// of a repository in Azure Repos does not contain its project.
pub(super) fn azure(v: &Variables<'_>) -> TravisVars {
    let branch =
        |name| v.get(name).map(|name| name.strip_prefix("refs/heads/").map(str::to_owned).unwrap_or(name));
    let number = v.first(&["SYSTEM_PULLREQUEST_PULLREQUESTNUMBER", "SYSTEM_PULLREQUEST_PULLREQUESTID"]);
    let target = branch("SYSTEM_PULLREQUEST_TARGETBRANCH");
    let source = branch("SYSTEM_PULLREQUEST_SOURCEBRANCH");
    let build = Build::from_ref(v.get("BUILD_SOURCEBRANCH"));
    let is_not_pr = number.is_none()
        && target.is_none()
        && source.is_none()
        && !v.is("SYSTEM_PULLREQUEST_ISFORK", "True")
        && !v.is_one_of("BUILD_REASON", &["PullRequest", "ValidateShelveset", "CheckInShelveset"]);
    let build = if is_not_pr { build } else { build.into_pull_request(number, target, source) };
    let slug = v.get("BUILD_REPOSITORY_NAME").map(|name| match v.get("SYSTEM_TEAMPROJECT") {
        Some(project) if !name.contains('/') => format!("{project}/{name}"),
        _ => name,
    });
    v.vars_of(build, slug, "BUILD_SOURCEVERSION", "BUILD_BUILDNUMBER")
}

/// Source: the lists of variables of the Branch API plugin (`/env-vars.html` of every Jenkins), of the Git
/// plugin, and of the plugins that start a project for a change: Gerrit Trigger, GitHub Pull Request Builder
/// and GitLab.
///
/// Only a multibranch project distinguishes a change request from a branch. In other projects `BRANCH_NAME`
/// is absent, and the build counts as a pull request, because it may be anything. Gerrit Trigger can start
/// the project of a branch for a change that is not merged, such as after a comment.
pub(super) fn jenkins(v: &Variables<'_>) -> TravisVars {
    let branch = v.get("BRANCH_NAME");
    let numbered = branch.as_deref().and_then(|name| name.strip_prefix("PR-").or(name.strip_prefix("MR-")));
    let numbered = numbered.map(|rest| rest.chars().take_while(char::is_ascii_digit).collect::<String>());
    let numbered = numbered.filter(|number| !number.is_empty());
    let is_merged = is_merged_change(v.0);
    let of_gerrit = v.get("GERRIT_CHANGE_NUMBER").filter(|_| !is_merged);
    let number = v.first(&["CHANGE_ID", "ghprbPullId", "gitlabMergeRequestIid"]).or(of_gerrit).or(numbered);
    let target = v.get("CHANGE_TARGET");
    let build = if number.is_none() && target.is_none() {
        Build::from_names(v.get("TAG_NAME"), branch)
    } else {
        Build::PullRequest { number, target, source: v.get("CHANGE_BRANCH") }
    };
    v.vars_of(build, v.slug_of("GIT_URL"), "GIT_COMMIT", "BUILD_NUMBER")
}

/// Whether the event of Gerrit that has started the build is the merge of a change. With any other event, the
/// variables of a change mean that it is not merged.
pub(crate) fn is_merged_change(lookup: Lookup<'_>) -> bool {
    Variables(lookup).is("GERRIT_EVENT_TYPE", "change-merged")
}

/// Source: docs.aws.amazon.com/codebuild, "Environment variables in build environments".
///
/// `CODEBUILD_WEBHOOK_TRIGGER` is `branch/…`, `tag/…` or `pr/…`. It is absent if a person or CodePipeline has
/// started the build. Then `CODEBUILD_SOURCE_VERSION` may be a commit, a branch or a tag, and only
/// `refs/heads/…` and `refs/tags/…` are unambiguous, also with a commit after them: `refs/heads/main^{…}`.
pub(super) fn codebuild(v: &Variables<'_>) -> TravisVars {
    let trigger = v.get("CODEBUILD_WEBHOOK_TRIGGER");
    let version = v.get("CODEBUILD_SOURCE_VERSION");
    let version = version.map(|version| version.split("^{").next().unwrap_or_default().to_owned());
    let mut names = [trigger.as_deref(), version.as_deref()].into_iter().flatten();
    let number = names.find_map(|name| name.strip_prefix("pr/"));
    let requested = v.get("CODEBUILD_WEBHOOK_EVENT").is_some_and(|event| event.starts_with("PULL_REQUEST"));
    let short = |name| v.get(name).and_then(|name| name.strip_prefix("refs/heads/").map(str::to_owned));
    let build = match trigger.as_deref().and_then(|trigger| trigger.split_once('/')) {
        Some(("branch", name)) => Build::from_names(None, Some(name.to_owned())),
        Some(("tag", name)) => Build::Tag(name.to_owned()),
        Some(_) => Build::from_ref(None),
        None => Build::from_ref(version.clone()),
    };
    let build = match number {
        None if !requested => build,
        number => build.into_pull_request(
            number.map(str::to_owned),
            short("CODEBUILD_WEBHOOK_BASE_REF"),
            short("CODEBUILD_WEBHOOK_HEAD_REF"),
        ),
    };
    let slug = v.slug_of("CODEBUILD_SOURCE_REPO_URL");
    v.vars_of(build, slug, "CODEBUILD_RESOLVED_SOURCE_VERSION", "CODEBUILD_BUILD_NUMBER")
}
