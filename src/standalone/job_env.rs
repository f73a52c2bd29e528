//! Builds the job's environment: that of the process, plus the `TRAVIS_*` variables that Travis CI would set.
//! Side effect: starts git. Never overrides a variable of the process environment, except by what a CI says
//! about its own build.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::Path;

use super::ci::{Ci, Lookup, MAPPED_VARS, UNKNOWN, is_merged_change, request_named_by, slug_of};
use super::marks;
use super::variables::Assignment;
use crate::cancel::CancelToken;
use crate::git::{self, GitError};
use crate::protocol::environment::Environment;
use crate::protocol::json::MAX_REQUEST_BYTES;

/// Which CI's variables describe the build: the option `--ci`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CiSelection {
    /// The CI is detected.
    Auto {
        /// True if a person sees the output: standard output or standard error is a terminal. Standard input
        /// does not count, because the jobs of a CI agent that a person started often inherit its terminal.
        interactive: bool,
    },
    /// No CI. The user asserts that the build is not a pull request.
    None,
    /// This CI.
    Named(Ci),
}

impl CiSelection {
    /// The value of `--ci`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            CiSelection::Auto { interactive: false } => "auto",
            CiSelection::Auto { interactive: true } => AUTO_INTERACTIVE,
            CiSelection::None => "none",
            CiSelection::Named(ci) => ci.name(),
        }
    }
}

/// The hidden value of `--ci` by which the parent process informs a child run that a person sees the output.
/// The child cannot detect it, because its standard output is a pipe.
pub(crate) const AUTO_INTERACTIVE: &str = "seen";

/// The part of the environment that all jobs of a file share.
#[derive(Debug)]
pub(crate) struct JobEnvironment {
    /// The process environment, with the variables of a known CI.
    base: Environment,
    /// Variables found by other means, such as git. A job gets them only if `base` does not set them.
    found: Vec<(&'static str, String)>,
    /// Messages for the user, such as the reason why the build counts as a pull request.
    pub notes: Vec<String>,
}

/// Detects the build, once for all stanzas. In a known CI, the CI's variables describe it. Otherwise the
/// process environment does, and for variables that it does not set, git in `directory`: a branch, or a tag
/// if HEAD is detached and has exactly one. If HEAD is on a branch, a tag at the same commit is ignored,
/// because Travis CI builds a tag only when the tag is pushed.
///
/// Unless a CI is named, the build is a pull request if any variable says so, a ref at which HEAD is
/// detached, or a file in the checkout. It also counts as one if nothing says that it is not one: in an
/// unknown CI, if no person sees the output, and if two CIs say that different branches or tags are built.
///
/// # Errors
/// [`GitError`] if git is needed and fails: the conditions are never evaluated with an unknown branch.
pub(crate) fn detect(
    env: &Environment,
    selection: CiSelection,
    directory: &Path,
    stop: &CancelToken,
) -> Result<JobEnvironment, GitError> {
    let lookup = |name: &str| env.non_empty(name).map(Cow::into_owned);
    let known = match selection {
        CiSelection::Auto { .. } => Ci::detect(&lookup),
        CiSelection::None => None,
        CiSelection::Named(ci) => Some(ci),
    };
    let is_auto = matches!(selection, CiSelection::Auto { .. });
    let indicated = is_auto.then(|| indicated_pull_request(env, &lookup)).flatten();
    let mut notes = Vec::new();
    let mut found = vec![("TRAVIS_BUILD_DIR", directory.display().to_string())];
    let base = match known {
        Some(ci) => {
            let contrary = is_auto.then(|| contradiction(ci, &lookup)).flatten();
            in_ci(ci, env, indicated, contrary, &lookup, &mut notes)
        }
        None => {
            let git = Git { env, directory, stop };
            let is_named = lookup("TRAVIS_BRANCH").is_some() || lookup("TRAVIS_TAG").is_some();
            let head = if is_named { Head::default() } else { git.head()? };
            let by_file = || Some((format!("`{}`", git::request_file(directory)?), UNKNOWN.to_owned()));
            let indicated = indicated.or_else(|| head.request.or_else(by_file).filter(|_| is_auto));
            found.extend(head.branch.map(|branch| ("TRAVIS_BRANCH", branch)));
            if let Some(tag) = head.tag {
                // In the build of a tag, Travis CI sets both variables to the tag.
                found.extend([("TRAVIS_BRANCH", tag.clone()), ("TRAVIS_TAG", tag)]);
            }
            let commit = git.query_if_possible(&["rev-parse", "--verify", "--quiet", "HEAD"])?;
            found.extend(commit.map(|commit| ("TRAVIS_COMMIT", commit)));
            let url = git.query_if_possible(&["remote", "get-url", "origin"])?;
            found.extend(url.and_then(|url| slug_of(&url)).map(|slug| ("TRAVIS_REPO_SLUG", slug)));
            let (base, request) = outside_of_cis(env, selection, indicated, directory, &mut notes);
            found.push(("TRAVIS_PULL_REQUEST", request));
            base
        }
    };
    Ok(JobEnvironment { base, found, notes })
}

/// The environment without a known CI, and the value of `TRAVIS_PULL_REQUEST` if the environment has none.
fn outside_of_cis(
    env: &Environment,
    selection: CiSelection,
    indicated: Option<(String, String)>,
    directory: &Path,
    notes: &mut Vec<String>,
) -> (Environment, String) {
    let no = || "false".to_owned();
    let stated = env.get("TRAVIS_PULL_REQUEST").filter(|value| !value.is_empty());
    if let Some((who, number)) = indicated {
        // `TRAVIS_PULL_REQUEST=false` may be set once for all builds of a CI, so it does not override this.
        if stated.is_some_and(|stated| stated != "false") {
            return (env.clone(), no());
        }
        notes.push(format!(
            "{who} indicates a pull request, {SKIPPED}; if this build is not one, use `--ci none`"
        ));
        return (env.with("TRAVIS_PULL_REQUEST", &number), no());
    }
    let CiSelection::Auto { interactive } = selection else { return (env.clone(), no()) };
    let is_mark = |(name, value): (&OsStr, &OsStr)| {
        let name = name.to_str()?;
        marks::indicates_ci(name, &value.to_string_lossy()).then(|| format!("`{name}` is set"))
    };
    let of_concourse = || marks::is_concourse_task(directory).then(|| "a task of Concourse".to_owned());
    let mark = env.iter().find_map(is_mark).or_else(of_concourse);
    if mark.is_none() && interactive {
        return (env.clone(), no());
    }
    if stated.is_none() {
        let why = match mark {
            Some(mark) => format!("this is an unknown CI ({mark})"),
            None => "no CI was detected, and the output is not a terminal".to_owned(),
        };
        notes.push(format!(
            "{why}: every build counts as a pull request, {SKIPPED}; if this build is not one, use \
             `--ci none`, or set TRAVIS_PULL_REQUEST=false and TRAVIS_BRANCH"
        ));
    }
    (env.clone(), UNKNOWN.to_owned())
}

const SKIPPED: &str = "so nothing is deployed";

/// The environment with the `TRAVIS_*` variables of a known CI. A pull request that other variables indicate,
/// `indicated`, takes precedence, and so does a [`contradiction`], of which `contrary` is the message.
fn in_ci(
    ci: Ci,
    env: &Environment,
    indicated: Option<(String, String)>,
    contrary: Option<String>,
    lookup: Lookup<'_>,
    notes: &mut Vec<String>,
) -> Environment {
    let name = ci.name();
    let mut travis = ci.to_travis_vars(lookup);
    if let Some((_, request)) = travis.iter_mut().find(|(name, _)| *name == "TRAVIS_PULL_REQUEST") {
        match (indicated, contrary) {
            (Some((who, number)), _) if request == "false" => {
                notes.push(format!(
                    "{who} indicates a pull request although {name} does not, {SKIPPED}; if this build is \
                     not one, use `--ci {name}`"
                ));
                *request = number;
            }
            (None, Some(message)) => {
                notes.push(message);
                *request = UNKNOWN.to_owned();
            }
            // No note if Travis's own variable is already `unknown`: then the parent of this child run has
            // written it.
            _ if request == UNKNOWN && lookup("TRAVIS_PULL_REQUEST").is_none_or(|_| ci != Ci::Travis) => {
                notes.push(format!(
                    "{name} does not say whether this build is a pull request; it counts as one, {SKIPPED}; \
                     if this job never builds pull requests, use `--ci none`, which takes branch and commit \
                     from git"
                ));
            }
            _ => {}
        }
    }
    let silent = env.iter().filter(|(name, _)| !MAPPED_VARS.iter().any(|decided| *name == *decided));
    let silent = silent.map(|(name, value)| (name.to_owned(), value.to_owned()));
    silent.chain(travis.into_iter().map(|(name, value)| (name.into(), value.into()))).collect()
}

/// The CI or the variable that indicates a pull request, and the number of the pull request. Considers every
/// CI whose variables are set, then all other variables.
fn indicated_pull_request(env: &Environment, lookup: Lookup<'_>) -> Option<(String, String)> {
    let by_ci = Ci::detect_all(lookup).filter_map(|ci| {
        let (_, number) =
            ci.to_travis_vars(lookup).into_iter().find(|(name, _)| *name == "TRAVIS_PULL_REQUEST")?;
        (number != "false" && number != UNKNOWN).then(|| (ci.name().to_owned(), number))
    });
    let is_merged = is_merged_change(lookup);
    let by_variable = env.iter().filter_map(|(name, value)| {
        let name = name.to_str().filter(|name| !is_merged || !name.starts_with("GERRIT_"))?;
        Some((format!("`{name}`"), marks::request(name, &value.to_string_lossy())?))
    });
    by_ci.chain(by_variable).next()
}

/// The message that another CI says that a different branch or tag is built. CodeBuild is not asked: it also
/// hosts the runners of other CIs.
fn contradiction(ci: Ci, lookup: Lookup<'_>) -> Option<String> {
    let stated = built(ci, lookup)?;
    let others = Ci::detect_all(lookup).filter(|other| *other != Ci::CodeBuild);
    let mut others = others.filter_map(|other| Some((other, built(other, lookup)?)));
    let (other, contrary) = others.find(|(_, contrary)| *contrary != stated)?;
    Some(format!(
        "{} says that {stated} is built, and {} says {contrary}, {SKIPPED}; name the one that is right with \
         `--ci`",
        ci.name(),
        other.name()
    ))
}

/// The branch or the tag that is built, according to a CI. `None`: it may be a pull request.
fn built(ci: Ci, lookup: Lookup<'_>) -> Option<String> {
    let travis: BTreeMap<_, _> = ci.to_travis_vars(lookup).into_iter().collect();
    travis.get("TRAVIS_PULL_REQUEST").filter(|request| *request == "false")?;
    let tag = travis.get("TRAVIS_TAG").map(|tag| format!("the tag `{tag}`"));
    tag.or_else(|| travis.get("TRAVIS_BRANCH").map(|branch| format!("the branch `{branch}`")))
}

/// The message of the commit that is built: `TRAVIS_COMMIT_MESSAGE`, or that of git's HEAD. `None`: unknown.
pub(crate) fn commit_message(env: &Environment, directory: &Path, stop: &CancelToken) -> Option<String> {
    let given = env.get("TRAVIS_COMMIT_MESSAGE").map(Cow::into_owned);
    let git = || git::query(&["log", "-1", "--format=%B"], env, directory, stop).ok().flatten();
    given.filter(|message| !message.is_empty()).or_else(git)
}

impl JobEnvironment {
    /// The environment of a job for which the file sets `variables`. The process environment has precedence
    /// over the file, and the file over git. A file cannot set `DPL_LAMBDA_*`. Variables that would fill the
    /// memory are left out: the child run refuses a request of that size.
    pub(crate) fn for_job(&self, variables: &[Assignment]) -> Environment {
        let is_in_base = |name: &str| self.base.non_empty(name).is_some();
        let mut env = self.base.clone();
        for (name, value) in self.found.iter().filter(|(name, _)| !is_in_base(name)) {
            env.set(name, value);
        }
        // A file cannot set the variables of the dynamic linker either: they would load code into this
        // process.
        let ours = |name: &str| ["DPL_LAMBDA_", "LD_", "DYLD_"].iter().any(|prefix| name.starts_with(prefix));
        let is_set = |variable: &&Assignment| !is_in_base(&variable.name) && !ours(&variable.name);
        let mut bytes = 0;
        for variable in variables.iter().filter(is_set) {
            if bytes > MAX_REQUEST_BYTES {
                break;
            }
            let value = variable.value(|name| env.get(name).map(Cow::into_owned));
            bytes += value.len();
            env.set(&variable.name, &value);
        }
        env
    }
}

/// What git says of HEAD.
#[derive(Default)]
struct Head {
    branch: Option<String>,
    /// The tag at HEAD, if HEAD is detached and there is exactly one.
    tag: Option<String>,
    /// The ref of a pull request at which HEAD is detached, and the number of the pull request.
    request: Option<(String, String)>,
}

/// Questions to git about the checkout.
struct Git<'a> {
    env: &'a Environment,
    directory: &'a Path,
    stop: &'a CancelToken,
}

impl Git<'_> {
    fn query(&self, arguments: &[&str]) -> Result<Option<String>, GitError> {
        git::query(arguments, self.env, self.directory, self.stop)
    }

    /// If git is not installed, this fails only in a git checkout: elsewhere there is no branch.
    ///
    /// Asks for full names, because git shortens a name only as far as it is unambiguous: beside a tag
    /// `main`, the branch is `heads/main`.
    fn head(&self) -> Result<Head, GitError> {
        let branch = match self.query(&["symbolic-ref", "--quiet", "HEAD"]) {
            Err(GitError::NotInstalled) if !git::is_checkout(self.directory) => return Ok(Head::default()),
            answer => answer?,
        };
        if let Some(branch) = branch {
            let branch = branch.strip_prefix("refs/heads/").map(str::to_owned);
            return Ok(Head { branch, ..Head::default() });
        }
        let refs = self.query(&["for-each-ref", "--format=%(refname)", "--points-at=HEAD"])?;
        let refs = refs.unwrap_or_default();
        let mut tags = refs.lines().filter_map(|name| name.strip_prefix("refs/tags/"));
        let tag = tags.next().filter(|_| tags.next().is_none()).map(str::to_owned);
        let request = refs.lines().find_map(|name| {
            let number = request_named_by(name).filter(|number| number != UNKNOWN)?;
            Some((format!("`{name}`"), number))
        });
        Ok(Head { branch: None, tag, request })
    }

    /// For variables that are optional: `None` if git is not installed, or cannot read the repository.
    fn query_if_possible(&self, arguments: &[&str]) -> Result<Option<String>, GitError> {
        match self.query(arguments) {
            Err(GitError::NotInstalled | GitError::Refused { .. }) => Ok(None),
            answer => answer,
        }
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests make files and a real repository")]
mod tests;
