//! The process's environment in, the job's out: with the `TRAVIS_*` variables that Travis CI would have given it.
//! Effect: asks git. Never replaces what the process's environment says, but for a CI's own words about its build.

use std::path::Path;

use super::ci::{Ci, DECIDED, slug_of};
use super::variables::Assignment;
use crate::git::{self, GitError};
use crate::protocol::environment::Environment;
use crate::stop::Stop;

/// Whose words about the build are heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// Those of the CI that this process runs in, if it is one that is known.
    Auto,
    /// Nobody's: a person deploys.
    None,
    /// Those of this one.
    Named(Ci),
}

/// What is known of every job.
#[derive(Debug)]
pub struct Surroundings {
    told: Environment,
    found: Vec<(&'static str, String)>,
    /// What will surprise, in whole sentences.
    pub notes: Vec<String>,
}

/// Looks around in `directory`, once for all stanzas. In a CI that is known the build is what that CI says. Otherwise it
/// is what the process's environment says, and where that is silent, what git does: a branch, or the one tag at which
/// HEAD is detached. A branch with a tag on it stays a branch: Travis CI builds a tag when it is pushed.
///
/// # Errors
/// [`GitError`] where git has to be asked and cannot answer: a deployment is never judged by a branch that is not known.
pub fn look(env: &Environment, asked: Asked, directory: &Path, stop: &Stop) -> Result<Surroundings, GitError> {
    let lookup = |name: &str| env.get(name).map(std::borrow::Cow::into_owned).filter(|value| !value.is_empty());
    let known = match asked {
        Asked::Auto => Ci::detect(&lookup),
        Asked::None => None,
        Asked::Named(ci) => Some(ci),
    };
    let mut notes = Vec::new();
    let mut found = vec![("TRAVIS_BUILD_DIR", directory.display().to_string())];
    let told = match known {
        Some(ci) => {
            let silent = env.iter().filter(|(name, _)| !DECIDED.iter().any(|decided| *name == *decided));
            let said = ci.travis(&lookup);
            if said.iter().any(|(name, value)| *name == "TRAVIS_PULL_REQUEST" && value == "unknown") {
                notes.push(format!(
                    "{} does not say whether this build is of a pull request, so that it counts as one, which is not \
                     deployed; where none can be, `--ci none` takes branch and commit from git",
                    ci.name()
                ));
            }
            silent
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .chain(said.into_iter().map(|(name, value)| (name.into(), value.into())))
                .collect()
        }
        None => {
            let says_so = lookup("CI").is_some_and(|value| !value.eq_ignore_ascii_case("false"));
            let in_a_ci = says_so || MARKS.iter().any(|name| lookup(name).is_some());
            let unknown = asked == Asked::Auto && in_a_ci;
            if unknown && lookup("TRAVIS_PULL_REQUEST").is_none() {
                notes.push(
                    "this is a CI that is not known, so that every build counts as a pull request, which is not \
                     deployed; set TRAVIS_PULL_REQUEST=false and TRAVIS_BRANCH where it is none"
                        .to_owned(),
                );
            }
            found.push(("TRAVIS_PULL_REQUEST", if unknown { "unknown" } else { "false" }.to_owned()));
            let git = Git { env, directory, stop };
            if lookup("TRAVIS_BRANCH").is_none() && lookup("TRAVIS_TAG").is_none() {
                match (git.branch()?, git.tag()?) {
                    (Some(branch), _) => found.push(("TRAVIS_BRANCH", branch)),
                    // Of a tag's build Travis CI says the tag in both.
                    (None, Some(tag)) => found.extend([("TRAVIS_BRANCH", tag.clone()), ("TRAVIS_TAG", tag)]),
                    (None, None) => {}
                }
            }
            found.extend(git.commit()?.map(|commit| ("TRAVIS_COMMIT", commit)));
            found.extend(git.slug()?.map(|slug| ("TRAVIS_REPO_SLUG", slug)));
            env.clone()
        }
    };
    Ok(Surroundings { told, found, notes })
}

impl Surroundings {
    /// The environment of a job to which its file gives `variables`. The process's own come first, then the file's, then
    /// what was found. `DPL_LAMBDA_*` are not a job's to set.
    pub fn of_job(&self, variables: &[Assignment]) -> Environment {
        let is_told = |name: &str| self.told.get(name).is_some_and(|value| !value.is_empty());
        let mut env = self.told.clone();
        for (name, value) in self.found.iter().filter(|(name, _)| !is_told(name)) {
            env = env.with(name, value);
        }
        // Nor is what the dynamic linker would load into our own process.
        let ours = |name: &str| ["DPL_LAMBDA_", "LD_", "DYLD_"].iter().any(|prefix| name.starts_with(prefix));
        for variable in variables.iter().filter(|variable| !is_told(&variable.name) && !ours(&variable.name)) {
            let value = variable.value(|name| env.get(name).map(std::borrow::Cow::into_owned));
            env = env.with(&variable.name, &value);
        }
        env
    }
}

/// Variables of CI systems, and of builds of pull requests, that need not set `CI`.
const MARKS: [&str; 12] = [
    "BUILD_ID",
    "CHANGE_ID",
    "CI_MERGE_REQUEST_IID",
    "GITHUB_EVENT_NAME",
    "GITHUB_HEAD_REF",
    "JENKINS_HOME",
    "PROW_JOB_ID",
    "PULL_NUMBER",
    "TEAMCITY_VERSION",
    "bamboo_buildKey",
    "bamboo_repository_pr_key",
    "ghprbPullId",
];

/// What git says of a checkout.
struct Git<'a> {
    env: &'a Environment,
    directory: &'a Path,
    stop: &'a Stop,
}

impl Git<'_> {
    fn ask(&self, arguments: &[&str]) -> Result<Option<String>, GitError> {
        git::ask(arguments, self.env, self.directory, self.stop)
    }

    /// Without git nothing but a checkout could have a branch.
    fn branch(&self) -> Result<Option<String>, GitError> {
        match self.ask(&["symbolic-ref", "--quiet", "--short", "HEAD"]) {
            Err(GitError::NotInstalled) if !git::is_checkout(self.directory) => Ok(None),
            answer => answer,
        }
    }

    /// What a job can do without: where there is no git, there is none.
    fn ask_if_installed(&self, arguments: &[&str]) -> Result<Option<String>, GitError> {
        match self.ask(arguments) {
            Err(GitError::NotInstalled) => Ok(None),
            answer => answer,
        }
    }

    /// The tag at HEAD, where there is one and no other.
    fn tag(&self) -> Result<Option<String>, GitError> {
        let tags = self.ask_if_installed(&["tag", "--points-at", "HEAD"])?;
        Ok(tags.filter(|tags| tags.lines().count() == 1))
    }

    fn commit(&self) -> Result<Option<String>, GitError> {
        self.ask_if_installed(&["rev-parse", "--verify", "--quiet", "HEAD"])
    }

    fn slug(&self) -> Result<Option<String>, GitError> {
        Ok(self.ask_if_installed(&["remote", "get-url", "origin"])?.and_then(|url| slug_of(&url)))
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

        /// The variable of a job by hand.
        fn says(&self, env: &[(&str, &str)], asked: Asked, name: &str) -> Option<String> {
            let env: Environment = env.iter().copied().chain([("PATH", "/usr/local/bin:/usr/bin:/bin")]).collect();
            let around = look(&env, asked, self.0.path(), &Stop::new()).expect("git answers");
            around.of_job(&[]).get(name).map(std::borrow::Cow::into_owned)
        }
    }

    #[test]
    fn git_tells_the_branch_and_a_tag_only_where_head_is_detached_at_it() {
        let repository = Repository::new();
        repository.git(&["tag", "v1"]);
        repository.git(&["remote", "add", "origin", "git@github.com:owner/name.git"]);
        let says = |name| repository.says(&[], Asked::Auto, name);
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
    fn what_the_environment_says_is_not_asked_of_git() {
        let repository = Repository::new();
        let env = [("TRAVIS_BRANCH", "mine"), ("TRAVIS_PULL_REQUEST", "7")];
        assert_eq!(repository.says(&env, Asked::Auto, "TRAVIS_BRANCH").as_deref(), Some("mine"));
        assert_eq!(repository.says(&env, Asked::Auto, "TRAVIS_PULL_REQUEST").as_deref(), Some("7"));
    }

    #[test]
    fn a_ci_speaks_for_its_build_and_one_that_is_not_known_builds_pull_requests() {
        let repository = Repository::new();
        let gitlab = [("GITLAB_CI", "true"), ("CI", "true"), ("CI_COMMIT_BRANCH", "dev"), ("TRAVIS_TAG", "forged")];
        assert_eq!(repository.says(&gitlab, Asked::Auto, "TRAVIS_BRANCH").as_deref(), Some("dev"));
        assert_eq!(repository.says(&gitlab, Asked::Auto, "TRAVIS_TAG"), None);
        assert_eq!(repository.says(&gitlab, Asked::None, "TRAVIS_TAG").as_deref(), Some("forged"));
        let named = Asked::Named(Ci::GitLab);
        assert_eq!(repository.says(&gitlab[2..], named, "TRAVIS_BRANCH").as_deref(), Some("dev"));
        let unknown = [("CI", "1")];
        assert_eq!(repository.says(&unknown, Asked::Auto, "TRAVIS_PULL_REQUEST").as_deref(), Some("unknown"));
        assert_eq!(repository.says(&unknown, Asked::None, "TRAVIS_PULL_REQUEST").as_deref(), Some("false"));
    }

    #[test]
    fn without_a_repository_nothing_is_known() {
        let nowhere = Repository(TempDir::new().expect("a temporary directory"));
        for name in ["TRAVIS_BRANCH", "TRAVIS_TAG", "TRAVIS_COMMIT", "TRAVIS_REPO_SLUG"] {
            assert_eq!(nowhere.says(&[("GIT_CEILING_DIRECTORIES", "/")], Asked::None, name), None, "{name}");
        }
    }

    #[test]
    fn the_file_says_what_the_process_does_not() {
        let env: Environment = [("SET", "process"), ("PATH", "/nowhere")].into_iter().collect();
        let around = look(&env, Asked::None, Path::new("/"), &Stop::new()).expect("there is no checkout to ask about");
        let variables = [("SET", "file"), ("OWN", "file"), ("TRAVIS_PULL_REQUEST", "7"), ("DPL_LAMBDA_FAULT", "panic")];
        let job = around.of_job(&variables.map(|(name, value)| Assignment::plain(name, value)));
        assert_eq!(job.get("SET").as_deref(), Some("process"));
        assert_eq!(job.get("OWN").as_deref(), Some("file"));
        assert_eq!(job.get("TRAVIS_PULL_REQUEST").as_deref(), Some("7"));
        assert_eq!(job.get("DPL_LAMBDA_FAULT"), None);
    }
}
