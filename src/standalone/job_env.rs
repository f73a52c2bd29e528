//! Builds the job's environment: that of the process, plus the `TRAVIS_*` variables that Travis CI would set.
//! Side effect: starts git. Never overrides a variable of the process environment, except by what a CI says
//! about its own build.

use std::borrow::Cow;
use std::path::Path;

use super::ci::{Ci, Lookup, MAPPED_VARS, UNKNOWN, slug_of};
use super::marks;
use super::variables::Assignment;
use crate::cancel::CancelToken;
use crate::git::{self, GitError};
use crate::protocol::environment::Environment;

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
/// Unless a CI is named, the build is a pull request if any variable says so. It also counts as one if
/// nothing says that it is not one: in an unknown CI, and if no person sees the output.
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
    let (known, indicated) = match selection {
        CiSelection::Auto { .. } => (Ci::detect(&lookup), indicated_pull_request(env, &lookup)),
        CiSelection::None => (None, None),
        CiSelection::Named(ci) => (Some(ci), None),
    };
    let mut notes = Vec::new();
    let mut found = vec![("TRAVIS_BUILD_DIR", directory.display().to_string())];
    let base = match known {
        Some(ci) => in_ci(ci, env, indicated, &lookup, &mut notes),
        None => {
            let stated = lookup("TRAVIS_PULL_REQUEST");
            let mut base = env.clone();
            let mut unknown = false;
            if let Some((who, number)) = indicated {
                // `TRAVIS_PULL_REQUEST=false` may be set once for all builds of a CI, so it does not override
                // this.
                if stated.as_deref().is_none_or(|stated| stated == "false") {
                    notes.push(format!(
                        "{who} indicates a pull request, {SKIPPED}; if this build is not one, use `--ci none`"
                    ));
                    base = env.with("TRAVIS_PULL_REQUEST", &number);
                }
            } else if let CiSelection::Auto { interactive } = selection {
                let mark = env.iter().find_map(|(name, value)| {
                    let name = name.to_str()?;
                    marks::indicates_ci(name, &value.to_string_lossy()).then_some(name)
                });
                unknown = mark.is_some() || !interactive;
                if unknown && stated.is_none() {
                    let why = match mark {
                        Some(name) => format!("this is an unknown CI (`{name}` is set)"),
                        None => "no CI was detected, and the output is not a terminal".to_owned(),
                    };
                    notes.push(format!(
                        "{why}: every build counts as a pull request, {SKIPPED}; if this build is not one, \
                         use `--ci none`, or set TRAVIS_PULL_REQUEST=false and TRAVIS_BRANCH"
                    ));
                }
            }
            found.push(("TRAVIS_PULL_REQUEST", if unknown { UNKNOWN } else { "false" }.to_owned()));
            let git = Git { env, directory, stop };
            if lookup("TRAVIS_BRANCH").is_none() && lookup("TRAVIS_TAG").is_none() {
                match (git.branch()?, git.tag()?) {
                    (Some(branch), _) => found.push(("TRAVIS_BRANCH", branch)),
                    // In the build of a tag, Travis CI sets both variables to the tag.
                    (None, Some(tag)) => found.extend([("TRAVIS_BRANCH", tag.clone()), ("TRAVIS_TAG", tag)]),
                    (None, None) => {}
                }
            }
            let commit = git.query_if_installed(&["rev-parse", "--verify", "--quiet", "HEAD"])?;
            found.extend(commit.map(|commit| ("TRAVIS_COMMIT", commit)));
            let url = git.query_if_installed(&["remote", "get-url", "origin"])?;
            found.extend(url.and_then(|url| slug_of(&url)).map(|slug| ("TRAVIS_REPO_SLUG", slug)));
            base
        }
    };
    Ok(JobEnvironment { base, found, notes })
}

const SKIPPED: &str = "so nothing is deployed";

/// The environment with the `TRAVIS_*` variables of a known CI. A pull request that other variables indicate,
/// `indicated`, takes precedence.
fn in_ci(
    ci: Ci,
    env: &Environment,
    indicated: Option<(String, String)>,
    lookup: Lookup<'_>,
    notes: &mut Vec<String>,
) -> Environment {
    let name = ci.name();
    let mut travis = ci.to_travis_vars(lookup);
    if let Some((_, request)) = travis.iter_mut().find(|(name, _)| *name == "TRAVIS_PULL_REQUEST") {
        match indicated {
            Some((who, number)) if request == "false" => {
                notes.push(format!(
                    "{who} indicates a pull request although {name} does not, {SKIPPED}; if this build is \
                     not one, use `--ci {name}`"
                ));
                *request = number;
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
    let by_variable = env.iter().filter_map(|(name, value)| {
        let name = name.to_str()?;
        Some((format!("`{name}`"), marks::request(name, &value.to_string_lossy())?))
    });
    by_ci.chain(by_variable).next()
}

/// The message of the commit that is built: `TRAVIS_COMMIT_MESSAGE`, or that of git's HEAD. `None`: unknown.
pub(crate) fn commit_message(env: &Environment, directory: &Path, stop: &CancelToken) -> Option<String> {
    let given = env.get("TRAVIS_COMMIT_MESSAGE").map(Cow::into_owned);
    let git = || git::query(&["log", "-1", "--format=%B"], env, directory, stop).ok().flatten();
    given.filter(|message| !message.is_empty()).or_else(git)
}

impl JobEnvironment {
    /// The environment of a job for which the file sets `variables`. The process environment has precedence
    /// over the file, and the file over git. A file cannot set `DPL_LAMBDA_*`.
    pub(crate) fn for_job(&self, variables: &[Assignment]) -> Environment {
        let is_in_base = |name: &str| self.base.non_empty(name).is_some();
        let mut env = self.base.clone();
        for (name, value) in self.found.iter().filter(|(name, _)| !is_in_base(name)) {
            env = env.with(name, value);
        }
        // A file cannot set the variables of the dynamic linker either: they would load code into this
        // process.
        let ours = |name: &str| ["DPL_LAMBDA_", "LD_", "DYLD_"].iter().any(|prefix| name.starts_with(prefix));
        let is_set = |variable: &&Assignment| !is_in_base(&variable.name) && !ours(&variable.name);
        for variable in variables.iter().filter(is_set) {
            let value = variable.value(|name| env.get(name).map(Cow::into_owned));
            env = env.with(&variable.name, &value);
        }
        env
    }
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

    /// The current branch. If git is not installed, this fails only in a git checkout: elsewhere there is no
    /// branch.
    fn branch(&self) -> Result<Option<String>, GitError> {
        match self.query(&["symbolic-ref", "--quiet", "--short", "HEAD"]) {
            Err(GitError::NotInstalled) if !git::is_checkout(self.directory) => Ok(None),
            answer => answer,
        }
    }

    /// For variables that are optional: `None` if git is not installed.
    fn query_if_installed(&self, arguments: &[&str]) -> Result<Option<String>, GitError> {
        match self.query(arguments) {
            Err(GitError::NotInstalled) => Ok(None),
            answer => answer,
        }
    }

    /// The tag at HEAD, if there is exactly one.
    fn tag(&self) -> Result<Option<String>, GitError> {
        let tags = self.query_if_installed(&["tag", "--points-at", "HEAD"])?;
        Ok(tags.filter(|tags| tags.lines().count() == 1))
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests make files and a real repository")]
mod tests {
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
            let mut git = std::process::Command::new("git");
            git.args(["-c", "user.name=a", "-c", "user.email=a@example.org"])
                .args(arguments)
                .current_dir(self.0.path());
            let output = git.output().expect("git runs");
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
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
        (
            "sr.ht",
            &[("JOB_URL", "https://builds.sr.ht/~me/job/1"), ("BUILD_SUBMITTER", "hub.sr.ht")],
            "unknown",
        ),
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
    fn from_several_cis_the_one_that_says_pull_request_wins() {
        const GITHUB: [(&str, &str); 3] =
            [("GITHUB_ACTIONS", "true"), ("GITHUB_EVENT_NAME", "push"), ("GITHUB_REF", "refs/heads/main")];
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
        let open =
            [("GITLAB_CI", "true"), ("CI_COMMIT_BRANCH", "main"), ("CI_OPEN_MERGE_REQUESTS", "me/app!12")];
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
}
