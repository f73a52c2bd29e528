//! The variables of a CI in, the `TRAVIS_*` variables of the same build out. Pure.
//! Never lets a pull request look like a push: what cannot be told counts as a pull request.
//!
//! Travis CI never deploys a pull request, so being wrong in one direction costs a skipped deployment, in the other a stranger's
//! code in production. Therefore a build is a push only where the CI says so. A pull request whose number is not known has
//! `TRAVIS_PULL_REQUEST=unknown`. A merge queue's build is a pull request, too: its branch is not merged yet.

/// The variables that [`Ci::travis`] decides about. One of them that it does not give is absent, so a runner that sets a
/// job's environment takes these away first.
pub const DECIDED: [&str; 7] = [
    "TRAVIS_BRANCH",
    "TRAVIS_TAG",
    "TRAVIS_PULL_REQUEST",
    "TRAVIS_PULL_REQUEST_BRANCH",
    "TRAVIS_REPO_SLUG",
    "TRAVIS_COMMIT",
    "TRAVIS_BUILD_NUMBER",
];

/// `TRAVIS_PULL_REQUEST` of a pull request whose number is not known, and of a build that may be one.
pub const UNKNOWN: &str = "unknown";

/// A CI whose variables are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ci {
    /// Travis CI itself: nothing to map. Also what already has Travis's variables.
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
    /// AWS CodeBuild. Last, because it also hosts runners of the others.
    CodeBuild,
}

/// Looks a variable up in the process's environment.
pub type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// What is built.
#[derive(Debug, PartialEq, Eq)]
enum Build {
    Branch(String),
    Tag(String),
    PullRequest { number: Option<String>, target: Option<String>, source: Option<String> },
}

/// A build, and where it belongs.
struct Facts {
    build: Build,
    slug: Option<String>,
    commit: Option<String>,
    number: Option<String>,
}

impl Ci {
    /// All of them, in the order in which they are looked for.
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

    /// The CI that this process runs in; `None`: none that is known.
    pub fn detect(lookup: Lookup<'_>) -> Option<Ci> {
        Ci::here(lookup).next()
    }

    /// All CIs whose marks are there: where one hosts another's runner, or starts it, there are two.
    pub fn here(lookup: Lookup<'_>) -> impl Iterator<Item = Ci> {
        Ci::ALL.into_iter().filter(move |ci| ci.is_here(&Variables(lookup)))
    }

    /// The CI of this name, as [`Ci::name`] gives it.
    pub fn named(name: &str) -> Option<Ci> {
        Ci::ALL.into_iter().find(|ci| ci.name() == name)
    }

    /// Its name on the command line.
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

    /// Those of [`DECIDED`] that this build has. On a pull request `TRAVIS_BRANCH` is the branch that it goes to, absent where
    /// the CI does not say; on a build of a tag it is the tag, as Travis has it.
    pub fn travis(self, lookup: Lookup<'_>) -> Vec<(&'static str, String)> {
        let v = Variables(lookup);
        let facts = match self {
            // Travis CI always says whether it is one.
            Ci::Travis => {
                let said = |name| v.get(name).or_else(|| (name == "TRAVIS_PULL_REQUEST").then(|| UNKNOWN.to_owned()));
                return DECIDED.into_iter().filter_map(|name| Some((name, said(name)?))).collect();
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
        facts.into_travis()
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
/// `GITHUB_BASE_REF` is set on `pull_request` and `pull_request_target` alone, and on the latter, on `workflow_run` and on
/// `issue_comment` `GITHUB_REF` is the base's branch though a stranger's change may be at work. So events are named that
/// are no pull request's; every other one counts as one. Its number stands in `GITHUB_REF` only.
fn github_actions(v: &Variables<'_>) -> Facts {
    const OWN: [&str; 7] =
        ["push", "create", "deployment", "release", "repository_dispatch", "schedule", "workflow_dispatch"];
    let own = v.get("GITHUB_EVENT_NAME").is_some_and(|event| OWN.contains(&event.as_str()));
    let target = v.get("GITHUB_BASE_REF");
    let source = v.get("GITHUB_HEAD_REF");
    let build = Build::of_ref(v.get("GITHUB_REF"));
    let build = if own && target.is_none() && source.is_none() { build } else { build.requested(None, target, source) };
    Facts { build, slug: v.get("GITHUB_REPOSITORY"), commit: v.get("GITHUB_SHA"), number: v.get("GITHUB_RUN_NUMBER") }
}

/// Source: docs.gitlab.com, "Predefined CI/CD variables reference".
///
/// `CI_COMMIT_BRANCH` is absent in pipelines of merge requests, and `CI_MERGE_REQUEST_*` once the request is closed. A project
/// in a subgroup has a slug of more than two parts.
fn gitlab(v: &Variables<'_>) -> Facts {
    let number = v.first(&["CI_MERGE_REQUEST_IID", "CI_EXTERNAL_PULL_REQUEST_IID"]);
    let requested = number.is_some()
        || v.is("CI_PIPELINE_SOURCE", "merge_request_event")
        || v.is("CI_PIPELINE_SOURCE", "external_pull_request_event");
    let build = if requested {
        Build::PullRequest {
            number,
            target: v.first(&["CI_MERGE_REQUEST_TARGET_BRANCH_NAME", "CI_EXTERNAL_PULL_REQUEST_TARGET_BRANCH_NAME"]),
            source: v.first(&["CI_MERGE_REQUEST_SOURCE_BRANCH_NAME", "CI_EXTERNAL_PULL_REQUEST_SOURCE_BRANCH_NAME"]),
        }
    } else {
        Build::of_names(v.get("CI_COMMIT_TAG"), v.get("CI_COMMIT_BRANCH"))
    };
    // A request's pipeline may run in the fork; Travis names the repository that it goes to.
    let slug = v.first(&["CI_MERGE_REQUEST_PROJECT_PATH", "CI_PROJECT_PATH"]);
    Facts { build, slug, commit: v.get("CI_COMMIT_SHA"), number: v.get("CI_PIPELINE_IID") }
}

/// Source: buildkite.com/docs, "Environment variables".
///
/// `BUILDKITE_PULL_REQUEST` is always there: a number or `false`. A build that another pipeline triggers has `false`, though
/// branch and commit may be those of a pull request, handed on. So it counts as one.
fn buildkite(v: &Variables<'_>) -> Facts {
    let branch = v.get("BUILDKITE_BRANCH");
    let queue = v.get("BUILDKITE_MERGE_QUEUE_BASE_BRANCH");
    let build = Build::of_names(v.get("BUILDKITE_TAG"), branch.clone());
    let build = match v.get("BUILDKITE_PULL_REQUEST") {
        Some(no) if no == "false" && queue.is_none() && !v.is("BUILDKITE_SOURCE", "trigger_job") => build,
        number => build.requested(
            number.filter(|number| number != "false"),
            v.get("BUILDKITE_PULL_REQUEST_BASE_BRANCH").or(queue),
            branch,
        ),
    };
    Facts {
        build,
        slug: v.get("BUILDKITE_REPO").and_then(|url| slug_of(&url)),
        commit: v.get("BUILDKITE_COMMIT"),
        number: v.get("BUILDKITE_BUILD_NUMBER"),
    }
}

/// Source: circleci.com/docs, "Project values and variables".
///
/// The branch that a pull request goes to is not known here. `CIRCLE_PULL_REQUEST` and its kin exist with GitHub OAuth and
/// Bitbucket alone: with CircleCI's GitHub App, and with GitLab, no variable tells a pull request from a push. So a branch
/// counts as pushed only where the job says `PIPELINE_EVENT: << pipeline.event.name >>` (with OAuth, where that value does not
/// exist, `PIPELINE_EVENT: push`), and nothing else speaks against it. A tag is never a pull request.
fn circleci(v: &Variables<'_>) -> Facts {
    let branch = v.get("CIRCLE_BRANCH");
    let url = v.first(&["CIRCLE_PULL_REQUEST", "CIRCLE_PULL_REQUESTS", "CI_PULL_REQUEST"]);
    let number = v.get("CIRCLE_PR_NUMBER").or_else(|| Some(url.as_ref()?.rsplit('/').next()?.to_owned()));
    let tag = v.get("CIRCLE_TAG");
    let event = v.get("PIPELINE_EVENT");
    let own = match event.as_deref() {
        Some("push" | "api" | "schedule") => true,
        Some(_) => false,
        None => tag.is_some(),
    };
    let build = Build::of_names(tag, branch.clone());
    let build = if own && url.is_none() && number.is_none() { build } else { build.requested(number, None, branch) };
    let slug = match (v.get("CIRCLE_PROJECT_USERNAME"), v.get("CIRCLE_PROJECT_REPONAME")) {
        (Some(owner), Some(name)) => Some(format!("{owner}/{name}")),
        _ => v.get("CIRCLE_REPOSITORY_URL").and_then(|url| slug_of(&url)),
    };
    Facts { build, slug, commit: v.get("CIRCLE_SHA1"), number: v.get("CIRCLE_BUILD_NUM") }
}

/// Source: woodpecker-ci.org/docs, "Environment variables" and "Workflow syntax" (events); its server's source for refs.
///
/// A `deployment` repeats an earlier pipeline, perhaps a pull request's, whose ref says so only where the forge has refs for
/// them. So it counts as one.
fn woodpecker(v: &Variables<'_>) -> Facts {
    const OWN: [&str; 5] = ["push", "tag", "release", "cron", "manual"];
    let build = by_event(
        v.get("CI_PIPELINE_EVENT").is_some_and(|event| OWN.contains(&event.as_str())),
        v.get("CI_COMMIT_REF"),
        Build::of_names(v.get("CI_COMMIT_TAG"), v.get("CI_COMMIT_BRANCH")),
        v.get("CI_COMMIT_PULL_REQUEST"),
        (v.get("CI_COMMIT_TARGET_BRANCH"), v.get("CI_COMMIT_SOURCE_BRANCH")),
    );
    Facts { build, slug: v.get("CI_REPO"), commit: v.get("CI_COMMIT_SHA"), number: v.get("CI_PIPELINE_NUMBER") }
}

/// Source: docs.drone.io, "Environment: reference".
///
/// `promote` and `rollback` repeat an earlier build, as Woodpecker's `deployment` does. `DRONE_SOURCE_BRANCH` and
/// `DRONE_TARGET_BRANCH` are set on pushes, too.
fn drone(v: &Variables<'_>) -> Facts {
    const OWN: [&str; 4] = ["push", "tag", "cron", "custom"];
    let build = by_event(
        v.get("DRONE_BUILD_EVENT").is_some_and(|event| OWN.contains(&event.as_str())),
        v.get("DRONE_COMMIT_REF"),
        Build::of_names(v.get("DRONE_TAG"), v.get("DRONE_BRANCH")),
        v.get("DRONE_PULL_REQUEST"),
        (v.get("DRONE_TARGET_BRANCH"), v.get("DRONE_SOURCE_BRANCH")),
    );
    Facts { build, slug: v.get("DRONE_REPO"), commit: v.get("DRONE_COMMIT_SHA"), number: v.get("DRONE_BUILD_NUMBER") }
}

/// What Woodpecker and Drone, who have one ancestor, build. The ref has to agree with the branch: Bitbucket has no refs for pull
/// requests, so that theirs is the source's branch, while the branch is the target's.
fn by_event(
    own: bool,
    reference: Option<String>,
    named: Build,
    number: Option<String>,
    (target, source): (Option<String>, Option<String>),
) -> Build {
    // Woodpecker has the branch's short name here when somebody has started the pipeline by hand.
    let by_ref = match reference {
        Some(name) if !name.starts_with("refs/") => Build::of_branch(name),
        reference => Build::of_ref(reference),
    };
    let own = own && number.is_none();
    match &by_ref {
        Build::Tag(_) if own => by_ref,
        Build::Branch(_) if own && by_ref == named => by_ref,
        _ => by_ref.requested(number, target, source),
    }
}

/// Source: support.atlassian.com, "Variables and secrets" of Bitbucket Pipelines.
///
/// `BITBUCKET_PR_ID` exists in pipelines that a pull request has started, and nowhere else.
fn bitbucket(v: &Variables<'_>) -> Facts {
    let branch = v.get("BITBUCKET_BRANCH");
    let (number, target) = (v.get("BITBUCKET_PR_ID"), v.get("BITBUCKET_PR_DESTINATION_BRANCH"));
    let build = Build::of_names(v.get("BITBUCKET_TAG"), branch.clone());
    let own = number.is_none() && target.is_none();
    Facts {
        build: if own { build } else { build.requested(number, target, branch) },
        slug: v.get("BITBUCKET_REPO_FULL_NAME"),
        commit: v.get("BITBUCKET_COMMIT"),
        number: v.get("BITBUCKET_BUILD_NUMBER"),
    }
}

/// Source: learn.microsoft.com, "Use predefined variables" of Azure Pipelines.
///
/// A pull request that is built by hand has another `BUILD_REASON`, but its ref is `refs/pull/…`. The number of one on GitHub is
/// `…_PULLREQUESTNUMBER`; its `…_PULLREQUESTID` is another one. A repository of Azure's own has a name without its project.
fn azure(v: &Variables<'_>) -> Facts {
    let branch = |name| v.get(name).map(|name| name.strip_prefix("refs/heads/").map(str::to_owned).unwrap_or(name));
    let number = v.first(&["SYSTEM_PULLREQUEST_PULLREQUESTNUMBER", "SYSTEM_PULLREQUEST_PULLREQUESTID"]);
    let target = branch("SYSTEM_PULLREQUEST_TARGETBRANCH");
    let source = branch("SYSTEM_PULLREQUEST_SOURCEBRANCH");
    let build = Build::of_ref(v.get("BUILD_SOURCEBRANCH"));
    let own = number.is_none() && target.is_none() && !v.is("BUILD_REASON", "PullRequest");
    let build = match build {
        build @ (Build::Branch(_) | Build::Tag(_)) if own => build,
        build => build.requested(number, target, source),
    };
    let slug = v.get("BUILD_REPOSITORY_NAME").map(|name| match v.get("SYSTEM_TEAMPROJECT") {
        Some(project) if !name.contains('/') => format!("{project}/{name}"),
        _ => name,
    });
    Facts { build, slug, commit: v.get("BUILD_SOURCEVERSION"), number: v.get("BUILD_BUILDNUMBER") }
}

/// Source: the Branch API plugin's list of variables (`/env-vars.html` of every Jenkins), and the Git plugin's.
///
/// Only a multibranch project tells a change from a branch. Elsewhere `BRANCH_NAME` is absent, what is built may be anything, and
/// counts as a pull request.
fn jenkins(v: &Variables<'_>) -> Facts {
    let branch = v.get("BRANCH_NAME");
    let numbered = branch.as_deref().and_then(|name| name.strip_prefix("PR-").or(name.strip_prefix("MR-")));
    let numbered = numbered.map(|rest| rest.chars().take_while(char::is_ascii_digit).collect::<String>());
    let numbered = numbered.filter(|number| !number.is_empty());
    let number = v.get("CHANGE_ID").or(numbered);
    let target = v.get("CHANGE_TARGET");
    let build = if number.is_none() && target.is_none() {
        Build::of_names(v.get("TAG_NAME"), branch)
    } else {
        Build::PullRequest { number, target, source: v.get("CHANGE_BRANCH") }
    };
    Facts {
        build,
        slug: v.get("GIT_URL").and_then(|url| slug_of(&url)),
        commit: v.get("GIT_COMMIT"),
        number: v.get("BUILD_NUMBER"),
    }
}

/// Source: docs.aws.amazon.com/codebuild, "Environment variables in build environments".
///
/// `CODEBUILD_WEBHOOK_TRIGGER` is `branch/…`, `tag/…` or `pr/…`. A build that somebody or CodePipeline has started has none, and
/// its `CODEBUILD_SOURCE_VERSION` may be a commit, a branch or a tag, without saying which: only `refs/heads/…` and
/// `refs/tags/…` are plain.
fn codebuild(v: &Variables<'_>) -> Facts {
    let trigger = v.get("CODEBUILD_WEBHOOK_TRIGGER");
    let version = v.get("CODEBUILD_SOURCE_VERSION");
    let number =
        [trigger.as_deref(), version.as_deref()].into_iter().flatten().find_map(|name| name.strip_prefix("pr/"));
    let requested = v.get("CODEBUILD_WEBHOOK_EVENT").is_some_and(|event| event.starts_with("PULL_REQUEST"));
    let short = |name| v.get(name).and_then(|name| name.strip_prefix("refs/heads/").map(str::to_owned));
    let build = match trigger.as_deref().and_then(|trigger| trigger.split_once('/')) {
        Some(("branch", name)) => Build::of_names(None, Some(name.to_owned())),
        Some(("tag", name)) => Build::Tag(name.to_owned()),
        Some(_) => Build::of_ref(None),
        None => Build::of_ref(version.clone()),
    };
    let build = match number {
        None if !requested => build,
        number => build.requested(
            number.map(str::to_owned),
            short("CODEBUILD_WEBHOOK_BASE_REF"),
            short("CODEBUILD_WEBHOOK_HEAD_REF"),
        ),
    };
    Facts {
        build,
        slug: v.get("CODEBUILD_SOURCE_REPO_URL").and_then(|url| slug_of(&url)),
        commit: v.get("CODEBUILD_RESOLVED_SOURCE_VERSION"),
        number: v.get("CODEBUILD_BUILD_NUMBER"),
    }
}

impl Build {
    /// A tag, else a branch; neither: nobody knows, so a pull request.
    fn of_names(tag: Option<String>, branch: Option<String>) -> Build {
        match (tag, branch) {
            (Some(tag), _) => Build::Tag(tag),
            (None, Some(branch)) => Build::of_branch(branch),
            (None, None) => Build::UNKNOWN,
        }
    }

    /// What a full ref names. Everything but a branch and a tag is a pull request's: `refs/pull/12/merge`,
    /// `refs/merge-requests/12/head`, `refs/pull-requests/12/from`.
    fn of_ref(reference: Option<String>) -> Build {
        let Some(reference) = reference else { return Build::UNKNOWN };
        if let Some(branch) = reference.strip_prefix("refs/heads/") {
            return Build::of_branch(branch.to_owned());
        }
        if let Some(tag) = reference.strip_prefix("refs/tags/") {
            return Build::Tag(tag.to_owned());
        }
        Build::PullRequest { number: numbered(reference.trim_start_matches("refs/")), target: None, source: None }
    }

    /// A branch by its short name, unless that is a name under which a CI or GitHub's merge queue
    /// (`gh-readonly-queue/main/pr-12-0123abc`, which is pushed like any branch) keeps a pull request.
    fn of_branch(branch: String) -> Build {
        if let Some((target, request)) =
            branch.strip_prefix("gh-readonly-queue/").and_then(|rest| rest.rsplit_once('/'))
        {
            let number = request.strip_prefix("pr-").and_then(|rest| rest.split('-').next()).map(str::to_owned);
            return Build::PullRequest { number, target: Some(target.to_owned()), source: None };
        }
        if branch.starts_with("refs/") {
            return Build::of_ref(Some(branch));
        }
        match numbered(&branch) {
            Some(number) => Build::PullRequest { number: Some(number), target: None, source: None },
            None => Build::Branch(branch),
        }
    }

    /// The same as a pull request: what is told of it, and for the rest what its ref told.
    fn requested(self, number: Option<String>, target: Option<String>, source: Option<String>) -> Build {
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

impl Facts {
    fn into_travis(self) -> Vec<(&'static str, String)> {
        let (branch, tag, request, source) = match self.build {
            Build::Branch(branch) => (Some(branch), None, "false".to_owned(), None),
            Build::Tag(tag) => (Some(tag.clone()), Some(tag), "false".to_owned(), None),
            Build::PullRequest { number, target, source } => {
                // Either of these would make a push of it.
                let number = number.filter(|number| !number.trim().is_empty() && number != "false");
                let number = number.unwrap_or_else(|| UNKNOWN.to_owned());
                (target, None, number, source)
            }
        };
        // Buildkite has `HEAD` here when nobody has named a commit.
        let commit =
            self.commit.filter(|commit| commit.len() >= 7 && commit.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let values = [branch, tag, Some(request), source, self.slug, commit, self.number];
        DECIDED.into_iter().zip(values).filter_map(|(name, value)| Some((name, value?))).collect()
    }
}

/// `owner/name` of a repository's address: `https://host/owner/name.git`, `ssh://git@host:22/owner/name`,
/// `git@host:owner/name.git`. A path on this machine has none.
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

/// The variables; an empty one is absent.
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
