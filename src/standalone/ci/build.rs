//! Defines what a CI builds, and the variables that Travis CI sets for it. Never reads a variable.

use crate::protocol::text::is_number;

/// The variables that [`super::Ci::to_travis_vars`] sets. A variable that it does not return must be absent,
/// so remove all of them from the job's environment first.
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
pub(crate) const UNKNOWN: &str = "unknown";

/// What the CI builds.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Build {
    Branch(String),
    Tag(String),
    PullRequest { number: Option<String>, target: Option<String>, source: Option<String> },
}

/// Variables that Travis CI sets, each with its value.
pub(super) type TravisVars = Vec<(&'static str, String)>;

impl Build {
    /// The build of a tag, or else of a branch. Without both it is unknown, and so a pull request. So is a
    /// name that no branch can have, such as `stranger:main`, by which CIs name the branch of a fork.
    pub(super) fn from_names(tag: Option<String>, branch: Option<String>) -> Build {
        match (tag, branch) {
            (Some(tag), _) => Build::Tag(tag),
            (None, Some(branch)) if !branch.contains([':', ' ', '~', '^', '?', '*', '[', '\\']) => {
                Build::from_branch(branch)
            }
            (None, _) => Build::UNKNOWN,
        }
    }

    /// The build of a full ref. Every ref that is not a branch or a tag counts as a pull request:
    /// `refs/pull/12/merge`, `refs/merge-requests/12/head`, `refs/pull-requests/12/from`.
    pub(super) fn from_ref(reference: Option<String>) -> Build {
        let Some(reference) = reference else { return Build::UNKNOWN };
        if let Some(branch) = reference.strip_prefix("refs/heads/") {
            return Build::from_branch(branch.to_owned());
        }
        if let Some(tag) = reference.strip_prefix("refs/tags/") {
            return Build::Tag(tag.to_owned());
        }
        Build::PullRequest {
            number: numbered(reference.strip_prefix("refs/").unwrap_or(&reference)),
            target: None,
            source: None,
        }
    }

    /// The build of a branch by its short name. It is a pull request if a CI or a merge queue uses such names
    /// for pull requests. GitHub's merge queue pushes `gh-readonly-queue/main/pr-12-0123abc` like any branch.
    pub(super) fn from_branch(branch: String) -> Build {
        // Those of Mergify and Trunk.
        if ["mergify/merge-queue/", "trunk-merge/"].iter().any(|queue| branch.starts_with(queue)) {
            return Build::UNKNOWN;
        }
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
    pub(super) fn into_pull_request(
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

    /// The variables for this build of a repository (`owner/name`), with its commit hash and its number.
    pub(super) fn into_travis_vars(
        self,
        slug: Option<String>,
        commit: Option<String>,
        number: Option<String>,
    ) -> TravisVars {
        let (branch, tag, request, source) = match self {
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
        let is_hash = |commit: &String| commit.len() >= 7 && commit.bytes().all(|b| b.is_ascii_hexdigit());
        let values = [branch, tag, Some(request), source, slug, commit.filter(is_hash), number];
        MAPPED_VARS.into_iter().zip(values).filter_map(|(name, value)| Some((name, value?))).collect()
    }

    const UNKNOWN: Build = Build::PullRequest { number: None, target: None, source: None };
}

/// The number of the pull request that a ref or a branch names, or [`UNKNOWN`]. `None`: it names none.
pub(crate) fn request_named_by(name: &str) -> Option<String> {
    match Build::from_branch(name.strip_prefix("refs/remotes/").unwrap_or(name).to_owned()) {
        Build::PullRequest { number, .. } => Some(number.unwrap_or_else(|| UNKNOWN.to_owned())),
        Build::Branch(_) | Build::Tag(_) => None,
    }
}

/// The number in `pull/12/merge`, `pull-requests/12/from`, `merge-requests/12/head` and `origin/pr/12/merge`.
fn numbered(name: &str) -> Option<String> {
    let mut parts = name.strip_prefix("origin/").unwrap_or(name).split('/');
    let (kind, number, end) = (parts.next()?, parts.next()?, parts.next());
    let is_request = match kind {
        "pull" | "pulls" | "pullreq" | "pull-requests" | "merge-requests" => true,
        // A person can also name a branch `pr/12`.
        "pr" | "mr" => end.is_some_and(|end| ["head", "merge"].contains(&end)),
        _ => false,
    };
    (is_request && is_number(number)).then(|| number.to_owned())
}

/// `owner/name` of a repository URL: `https://host/owner/name.git`, `ssh://git@host:22/owner/name`,
/// `git@host:owner/name.git`. `None` for a local path.
pub(crate) fn slug_of(address: &str) -> Option<String> {
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
