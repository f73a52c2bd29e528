//! Maps a CI's variables to the `TRAVIS_*` variables of the same build. Pure.
//! Never lets a pull request look like a push: a build that may be a pull request counts as one.
//!
//! Travis CI never deploys a pull request. A push that is taken for a pull request only skips a deployment; a
//! pull request that is taken for a push deploys code of a stranger. Therefore a build is a push only if the
//! CI says so. A pull request with an unknown number has `TRAVIS_PULL_REQUEST=unknown`. A merge queue's build
//! is a pull request, too, because its branch is not merged yet.

/// The variables that [`Ci::to_travis_vars`] sets. A variable that it does not return must be absent, so
/// remove all of them from the job's environment first.
pub const MAPPED_VARS: [&str; 7] = [
    "TRAVIS_BRANCH",
    "TRAVIS_TAG",
    "TRAVIS_PULL_REQUEST",
    "TRAVIS_PULL_REQUEST_BRANCH",
    "TRAVIS_REPO_SLUG",
    "TRAVIS_COMMIT",
    "TRAVIS_BUILD_NUMBER",
];

/// `TRAVIS_PULL_REQUEST` of a pull request with an unknown number, and of a build that may be a pull request.
pub const UNKNOWN: &str = "unknown";

/// A CI with known variables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ci {
    /// Travis CI itself: nothing to map. Also any environment that already has Travis's variables.
    Travis,
    /// GitHub Actions, and Gitea's and Forgejo's, which set the same variables.
    GitHubActions,
    /// GitLab CI/CD.
    GitLab,
    /// Buildkite.
    Buildkite,
    /// CircleCI.
    CircleCi,
    /// Woodpecker CI.
    Woodpecker,
    /// Drone CI.
    Drone,
    /// Bitbucket Pipelines.
    Bitbucket,
    /// Azure Pipelines.
    Azure,
    /// Jenkins, in a multibranch project.
    Jenkins,
    /// AWS CodeBuild. Last, because it also hosts runners of the other CIs.
    CodeBuild,
}

/// Looks up a variable in the process environment.
pub type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// What the CI builds.
#[derive(Debug, PartialEq, Eq)]
enum Build {
    Branch(String),
    Tag(String),
    PullRequest { number: Option<String>, target: Option<String>, source: Option<String> },
}

/// A build, its repository (`owner/name`), its commit hash and its number.
struct BuildInfo {
    build: Build,
    slug: Option<String>,
    commit: Option<String>,
    number: Option<String>,
}

impl Ci {
    /// All of them, in the order of detection.
    pub const ALL: [Ci; 11] = [
        Ci::Travis,
        Ci::GitHubActions,
        Ci::GitLab,
        Ci::Buildkite,
        Ci::CircleCi,
        Ci::Woodpecker,
        Ci::Drone,
        Ci::Bitbucket,
        Ci::Azure,
        Ci::Jenkins,
        Ci::CodeBuild,
    ];

    /// The CI that this process runs in. `None`: no known CI.
    pub fn detect(lookup: Lookup<'_>) -> Option<Ci> {
        Ci::detect_all(lookup).next()
    }

    /// All CIs whose variables are set. There are several if one CI hosts or starts the runner of another.
    pub fn detect_all(lookup: Lookup<'_>) -> impl Iterator<Item = Ci> {
        Ci::ALL.into_iter().filter(move |ci| ci.is_here(&Variables(lookup)))
    }

    /// The CI with this [`Ci::name`].
    pub fn named(name: &str) -> Option<Ci> {
        Ci::ALL.into_iter().find(|ci| ci.name() == name)
    }

    /// The value of `--ci`.
    pub fn name(self) -> &'static str {
        match self {
            Ci::Travis => "travis",
            Ci::GitHubActions => "github-actions",
            Ci::GitLab => "gitlab",
            Ci::Buildkite => "buildkite",
            Ci::CircleCi => "circleci",
            Ci::Woodpecker => "woodpecker",
            Ci::Drone => "drone",
            Ci::Bitbucket => "bitbucket",
            Ci::Azure => "azure",
            Ci::Jenkins => "jenkins",
            Ci::CodeBuild => "codebuild",
        }
    }

    /// The variables of [`MAPPED_VARS`] for this build. In the build of a pull request, `TRAVIS_BRANCH` is
    /// the target branch, and absent if the CI does not provide it. In the build of a tag it is the tag, as
    /// on Travis CI.
    pub fn to_travis_vars(self, lookup: Lookup<'_>) -> Vec<(&'static str, String)> {
        let v = Variables(lookup);
        let info = match self {
            // Travis CI always sets TRAVIS_PULL_REQUEST, so without it nothing is known.
            Ci::Travis => {
                let value = |name| {
                    v.get(name).or_else(|| (name == "TRAVIS_PULL_REQUEST").then(|| UNKNOWN.to_owned()))
                };
                return MAPPED_VARS.into_iter().filter_map(|name| Some((name, value(name)?))).collect();
            }
            Ci::GitHubActions => github_actions(&v),
            Ci::GitLab => gitlab(&v),
            Ci::Buildkite => buildkite(&v),
            Ci::CircleCi => circleci(&v),
            Ci::Woodpecker => woodpecker(&v),
            Ci::Drone => drone(&v),
            Ci::Bitbucket => bitbucket(&v),
            Ci::Azure => azure(&v),
            Ci::Jenkins => jenkins(&v),
            Ci::CodeBuild => codebuild(&v),
        };
        info.into_travis_vars()
    }

    fn is_here(self, v: &Variables<'_>) -> bool {
        let yes = |name| v.get(name).is_some_and(|value| value.eq_ignore_ascii_case("true"));
        match self {
            Ci::Travis => yes("TRAVIS"),
            Ci::GitHubActions => yes("GITHUB_ACTIONS"),
            Ci::GitLab => yes("GITLAB_CI"),
            Ci::Buildkite => yes("BUILDKITE"),
            Ci::CircleCi => yes("CIRCLECI"),
            Ci::Woodpecker => v.is("CI", "woodpecker"),
            Ci::Drone => yes("DRONE"),
            Ci::Bitbucket => v.has("BITBUCKET_BUILD_NUMBER"),
            Ci::Azure => yes("TF_BUILD"),
            Ci::Jenkins => v.has("JENKINS_URL"),
            Ci::CodeBuild => v.has("CODEBUILD_BUILD_ARN"),
        }
    }
}

/// Source: docs.github.com, "Variables reference" and "Events that trigger workflows".
///
/// `GITHUB_BASE_REF` is set only on `pull_request` and `pull_request_target`. On the latter, on
/// `workflow_run` and on `issue_comment`, `GITHUB_REF` is the base branch, although the build may run a
/// stranger's change. So the events that are not pull requests are listed, and every other event counts as a
/// pull request. The number is only in `GITHUB_REF`.
fn github_actions(v: &Variables<'_>) -> BuildInfo {
    const NON_PR_EVENTS: [&str; 7] =
        ["push", "create", "deployment", "release", "repository_dispatch", "schedule", "workflow_dispatch"];
    let is_not_pr = v.get("GITHUB_EVENT_NAME").is_some_and(|event| NON_PR_EVENTS.contains(&event.as_str()));
    let target = v.get("GITHUB_BASE_REF");
    let source = v.get("GITHUB_HEAD_REF");
    let build = Build::from_ref(v.get("GITHUB_REF"));
    let build = if is_not_pr && target.is_none() && source.is_none() {
        build
    } else {
        build.into_pull_request(None, target, source)
    };
    BuildInfo {
        build,
        slug: v.get("GITHUB_REPOSITORY"),
        commit: v.get("GITHUB_SHA"),
        number: v.get("GITHUB_RUN_NUMBER"),
    }
}

/// Source: docs.gitlab.com, "Predefined CI/CD variables reference".
///
/// `CI_COMMIT_BRANCH` is absent in pipelines of merge requests, and `CI_MERGE_REQUEST_*` is absent once the
/// request is closed. A project in a subgroup has a slug of more than two parts.
fn gitlab(v: &Variables<'_>) -> BuildInfo {
    let number = v.first(&["CI_MERGE_REQUEST_IID", "CI_EXTERNAL_PULL_REQUEST_IID"]);
    let requested = number.is_some()
        || v.is("CI_PIPELINE_SOURCE", "merge_request_event")
        || v.is("CI_PIPELINE_SOURCE", "external_pull_request_event");
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
    BuildInfo { build, slug, commit: v.get("CI_COMMIT_SHA"), number: v.get("CI_PIPELINE_IID") }
}

/// Source: buildkite.com/docs, "Environment variables".
///
/// `BUILDKITE_PULL_REQUEST` is always set: a number or `false`. A build triggered by another pipeline has
/// `false`, although that pipeline may have passed on the branch and commit of a pull request. So it counts
/// as one.
fn buildkite(v: &Variables<'_>) -> BuildInfo {
    let branch = v.get("BUILDKITE_BRANCH");
    let queue = v.get("BUILDKITE_MERGE_QUEUE_BASE_BRANCH");
    let build = Build::from_names(v.get("BUILDKITE_TAG"), branch.clone());
    let build = match v.get("BUILDKITE_PULL_REQUEST") {
        Some(no) if no == "false" && queue.is_none() && !v.is("BUILDKITE_SOURCE", "trigger_job") => build,
        number => build.into_pull_request(
            number.filter(|number| number != "false"),
            v.get("BUILDKITE_PULL_REQUEST_BASE_BRANCH").or(queue),
            branch,
        ),
    };
    BuildInfo {
        build,
        slug: v.get("BUILDKITE_REPO").and_then(|url| slug_of(&url)),
        commit: v.get("BUILDKITE_COMMIT"),
        number: v.get("BUILDKITE_BUILD_NUMBER"),
    }
}

/// Source: circleci.com/docs, "Project values and variables".
///
/// CircleCI does not provide the target branch of a pull request. `CIRCLE_PULL_REQUEST` and similar variables
/// exist only with GitHub OAuth and Bitbucket. With CircleCI's GitHub App and with GitLab, no variable
/// distinguishes a pull request from a push. So a branch counts as pushed only if the job sets
/// `PIPELINE_EVENT: << pipeline.event.name >>` (with OAuth, where that value does not exist, `PIPELINE_EVENT:
/// push`) and no variable contradicts it. A tag is never a pull request.
fn circleci(v: &Variables<'_>) -> BuildInfo {
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
    let build = Build::from_names(tag, branch.clone());
    let build = if is_not_pr && url.is_none() && number.is_none() {
        build
    } else {
        build.into_pull_request(number, None, branch)
    };
    let slug = match (v.get("CIRCLE_PROJECT_USERNAME"), v.get("CIRCLE_PROJECT_REPONAME")) {
        (Some(owner), Some(name)) => Some(format!("{owner}/{name}")),
        _ => v.get("CIRCLE_REPOSITORY_URL").and_then(|url| slug_of(&url)),
    };
    BuildInfo { build, slug, commit: v.get("CIRCLE_SHA1"), number: v.get("CIRCLE_BUILD_NUM") }
}

/// Source: woodpecker-ci.org/docs, "Environment variables" and "Workflow syntax" (events); its server's
/// source for refs.
///
/// A `deployment` repeats an earlier pipeline, possibly that of a pull request. The ref shows that only if
/// the forge has refs for pull requests. So a deployment counts as a pull request.
fn woodpecker(v: &Variables<'_>) -> BuildInfo {
    const NON_PR_EVENTS: [&str; 5] = ["push", "tag", "release", "cron", "manual"];
    let build = by_event(
        v.get("CI_PIPELINE_EVENT").is_some_and(|event| NON_PR_EVENTS.contains(&event.as_str())),
        v.get("CI_COMMIT_REF"),
        Build::from_names(v.get("CI_COMMIT_TAG"), v.get("CI_COMMIT_BRANCH")),
        v.get("CI_COMMIT_PULL_REQUEST"),
        (v.get("CI_COMMIT_TARGET_BRANCH"), v.get("CI_COMMIT_SOURCE_BRANCH")),
    );
    BuildInfo {
        build,
        slug: v.get("CI_REPO"),
        commit: v.get("CI_COMMIT_SHA"),
        number: v.get("CI_PIPELINE_NUMBER"),
    }
}

/// Source: docs.drone.io, "Environment: reference".
///
/// `promote` and `rollback` repeat an earlier build, as Woodpecker's `deployment` does. `DRONE_SOURCE_BRANCH`
/// and `DRONE_TARGET_BRANCH` are also set on pushes.
fn drone(v: &Variables<'_>) -> BuildInfo {
    const NON_PR_EVENTS: [&str; 4] = ["push", "tag", "cron", "custom"];
    let build = by_event(
        v.get("DRONE_BUILD_EVENT").is_some_and(|event| NON_PR_EVENTS.contains(&event.as_str())),
        v.get("DRONE_COMMIT_REF"),
        Build::from_names(v.get("DRONE_TAG"), v.get("DRONE_BRANCH")),
        v.get("DRONE_PULL_REQUEST"),
        (v.get("DRONE_TARGET_BRANCH"), v.get("DRONE_SOURCE_BRANCH")),
    );
    BuildInfo {
        build,
        slug: v.get("DRONE_REPO"),
        commit: v.get("DRONE_COMMIT_SHA"),
        number: v.get("DRONE_BUILD_NUMBER"),
    }
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
fn bitbucket(v: &Variables<'_>) -> BuildInfo {
    let branch = v.get("BITBUCKET_BRANCH");
    let (number, target) = (v.get("BITBUCKET_PR_ID"), v.get("BITBUCKET_PR_DESTINATION_BRANCH"));
    let build = Build::from_names(v.get("BITBUCKET_TAG"), branch.clone());
    let is_not_pr = number.is_none() && target.is_none();
    BuildInfo {
        build: if is_not_pr { build } else { build.into_pull_request(number, target, branch) },
        slug: v.get("BITBUCKET_REPO_FULL_NAME"),
        commit: v.get("BITBUCKET_COMMIT"),
        number: v.get("BITBUCKET_BUILD_NUMBER"),
    }
}

/// Source: learn.microsoft.com, "Use predefined variables" of Azure Pipelines.
///
/// A manual build of a pull request has another `BUILD_REASON`, but its ref is `refs/pull/…`. The number of a
/// pull request on GitHub is `…_PULLREQUESTNUMBER`; there, `…_PULLREQUESTID` is a different number. The name
/// of a repository in Azure Repos does not contain its project.
fn azure(v: &Variables<'_>) -> BuildInfo {
    let branch =
        |name| v.get(name).map(|name| name.strip_prefix("refs/heads/").map(str::to_owned).unwrap_or(name));
    let number = v.first(&["SYSTEM_PULLREQUEST_PULLREQUESTNUMBER", "SYSTEM_PULLREQUEST_PULLREQUESTID"]);
    let target = branch("SYSTEM_PULLREQUEST_TARGETBRANCH");
    let source = branch("SYSTEM_PULLREQUEST_SOURCEBRANCH");
    let build = Build::from_ref(v.get("BUILD_SOURCEBRANCH"));
    let is_not_pr = number.is_none() && target.is_none() && !v.is("BUILD_REASON", "PullRequest");
    let build = match build {
        build @ (Build::Branch(_) | Build::Tag(_)) if is_not_pr => build,
        build => build.into_pull_request(number, target, source),
    };
    let slug = v.get("BUILD_REPOSITORY_NAME").map(|name| match v.get("SYSTEM_TEAMPROJECT") {
        Some(project) if !name.contains('/') => format!("{project}/{name}"),
        _ => name,
    });
    BuildInfo { build, slug, commit: v.get("BUILD_SOURCEVERSION"), number: v.get("BUILD_BUILDNUMBER") }
}

/// Source: the lists of variables of the Branch API plugin (`/env-vars.html` of every Jenkins) and of the Git
/// plugin.
///
/// Only a multibranch project distinguishes a change request from a branch. In other projects `BRANCH_NAME`
/// is absent, and the build counts as a pull request, because it may be anything.
fn jenkins(v: &Variables<'_>) -> BuildInfo {
    let branch = v.get("BRANCH_NAME");
    let numbered = branch.as_deref().and_then(|name| name.strip_prefix("PR-").or(name.strip_prefix("MR-")));
    let numbered = numbered.map(|rest| rest.chars().take_while(char::is_ascii_digit).collect::<String>());
    let numbered = numbered.filter(|number| !number.is_empty());
    let number = v.get("CHANGE_ID").or(numbered);
    let target = v.get("CHANGE_TARGET");
    let build = if number.is_none() && target.is_none() {
        Build::from_names(v.get("TAG_NAME"), branch)
    } else {
        Build::PullRequest { number, target, source: v.get("CHANGE_BRANCH") }
    };
    BuildInfo {
        build,
        slug: v.get("GIT_URL").and_then(|url| slug_of(&url)),
        commit: v.get("GIT_COMMIT"),
        number: v.get("BUILD_NUMBER"),
    }
}

/// Source: docs.aws.amazon.com/codebuild, "Environment variables in build environments".
///
/// `CODEBUILD_WEBHOOK_TRIGGER` is `branch/…`, `tag/…` or `pr/…`. It is absent if a person or CodePipeline has
/// started the build. Then `CODEBUILD_SOURCE_VERSION` may be a commit, a branch or a tag, and only
/// `refs/heads/…` and `refs/tags/…` are unambiguous.
fn codebuild(v: &Variables<'_>) -> BuildInfo {
    let trigger = v.get("CODEBUILD_WEBHOOK_TRIGGER");
    let version = v.get("CODEBUILD_SOURCE_VERSION");
    let number = [trigger.as_deref(), version.as_deref()]
        .into_iter()
        .flatten()
        .find_map(|name| name.strip_prefix("pr/"));
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
    BuildInfo {
        build,
        slug: v.get("CODEBUILD_SOURCE_REPO_URL").and_then(|url| slug_of(&url)),
        commit: v.get("CODEBUILD_RESOLVED_SOURCE_VERSION"),
        number: v.get("CODEBUILD_BUILD_NUMBER"),
    }
}

impl Build {
    /// The build of a tag, or else of a branch. Without both it is unknown, and so a pull request.
    fn from_names(tag: Option<String>, branch: Option<String>) -> Build {
        match (tag, branch) {
            (Some(tag), _) => Build::Tag(tag),
            (None, Some(branch)) => Build::from_branch(branch),
            (None, None) => Build::UNKNOWN,
        }
    }

    /// The build of a full ref. Every ref that is not a branch or a tag counts as a pull request:
    /// `refs/pull/12/merge`, `refs/merge-requests/12/head`, `refs/pull-requests/12/from`.
    fn from_ref(reference: Option<String>) -> Build {
        let Some(reference) = reference else { return Build::UNKNOWN };
        if let Some(branch) = reference.strip_prefix("refs/heads/") {
            return Build::from_branch(branch.to_owned());
        }
        if let Some(tag) = reference.strip_prefix("refs/tags/") {
            return Build::Tag(tag.to_owned());
        }
        Build::PullRequest {
            number: numbered(reference.trim_start_matches("refs/")),
            target: None,
            source: None,
        }
    }

    /// The build of a branch by its short name. It is a pull request if a CI or GitHub's merge queue uses
    /// such names for pull requests. The merge queue pushes `gh-readonly-queue/main/pr-12-0123abc` like any
    /// branch.
    fn from_branch(branch: String) -> Build {
        if let Some((target, request)) =
            branch.strip_prefix("gh-readonly-queue/").and_then(|rest| rest.rsplit_once('/'))
        {
            let number =
                request.strip_prefix("pr-").and_then(|rest| rest.split('-').next()).map(str::to_owned);
            return Build::PullRequest { number, target: Some(target.to_owned()), source: None };
        }
        if branch.starts_with("refs/") {
            return Build::from_ref(Some(branch));
        }
        match numbered(&branch) {
            Some(number) => Build::PullRequest { number: Some(number), target: None, source: None },
            None => Build::Branch(branch),
        }
    }

    /// The same build as a pull request, with the given details, or else those from its ref.
    fn into_pull_request(
        self,
        number: Option<String>,
        target: Option<String>,
        source: Option<String>,
    ) -> Build {
        match self {
            Build::PullRequest { number: n, target: t, source: s } => {
                Build::PullRequest { number: number.or(n), target: target.or(t), source: source.or(s) }
            }
            Build::Branch(_) | Build::Tag(_) => Build::PullRequest { number, target, source },
        }
    }

    const UNKNOWN: Build = Build::PullRequest { number: None, target: None, source: None };
}

/// The number in `pull/12/merge`, `pull-requests/12/from` and `merge-requests/12/head`.
pub(super) fn numbered(name: &str) -> Option<String> {
    let (kind, rest) = name.split_once('/')?;
    let number = rest.split('/').next()?;
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    (["pull", "pull-requests", "merge-requests"].contains(&kind) && is_number).then(|| number.to_owned())
}

impl BuildInfo {
    fn into_travis_vars(self) -> Vec<(&'static str, String)> {
        let (branch, tag, request, source) = match self.build {
            Build::Branch(branch) => (Some(branch), None, "false".to_owned(), None),
            Build::Tag(tag) => (Some(tag.clone()), Some(tag), "false".to_owned(), None),
            Build::PullRequest { number, target, source } => {
                // An empty number or `false` would make it a push.
                let number = number.filter(|number| !number.trim().is_empty() && number != "false");
                let number = number.unwrap_or_else(|| UNKNOWN.to_owned());
                (target, None, number, source)
            }
        };
        // Buildkite sets `HEAD` if no commit was specified.
        let commit = self
            .commit
            .filter(|commit| commit.len() >= 7 && commit.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let values = [branch, tag, Some(request), source, self.slug, commit, self.number];
        MAPPED_VARS.into_iter().zip(values).filter_map(|(name, value)| Some((name, value?))).collect()
    }
}

/// `owner/name` of a repository URL: `https://host/owner/name.git`, `ssh://git@host:22/owner/name`,
/// `git@host:owner/name.git`. `None` for a local path.
pub(super) fn slug_of(address: &str) -> Option<String> {
    let path = match address.split_once("://") {
        Some(("file", _)) => return None,
        Some((_, rest)) => rest.split_once('/')?.1,
        None => {
            let (host, path) = address.split_once(':')?;
            (!host.contains('/')).then_some(path)?
        }
    };
    let path = path.trim_matches('/');
    let path = path.strip_suffix(".git").unwrap_or(path);
    (path.contains('/') && path.split('/').all(|part| !part.is_empty())).then(|| path.to_owned())
}

/// The environment variables. An empty one counts as absent.
struct Variables<'a>(Lookup<'a>);

impl Variables<'_> {
    fn get(&self, name: &str) -> Option<String> {
        (self.0)(name).filter(|value| !value.is_empty())
    }

    fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    fn is(&self, name: &str, value: &str) -> bool {
        self.get(name).is_some_and(|found| found == value)
    }

    fn first(&self, names: &[&str]) -> Option<String> {
        names.iter().find_map(|name| self.get(name))
    }
}

#[cfg(test)]
mod tests;
