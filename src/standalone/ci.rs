//! Maps a CI's variables to the `TRAVIS_*` variables of the same build. Pure.
//! Never lets a pull request look like a push: a build that may be a pull request counts as one.
//!
//! Travis CI never deploys a pull request. A push that is taken for a pull request only skips a deployment; a
//! pull request that is taken for a push deploys code of a stranger. Therefore a build is a push only if the
//! CI says so. A pull request with an unknown number has `TRAVIS_PULL_REQUEST=unknown`. A merge queue's build
//! is a pull request, too, because its branch is not merged yet.

mod build;
mod mapping;

pub use build::MAPPED_VARS;
pub(crate) use build::UNKNOWN;
pub(super) use build::{request_named_by, slug_of};
use mapping::Variables;
pub(crate) use mapping::{Lookup, is_merged_change};

/// Defines the CIs, in the order of detection, each with its name on the command line.
macro_rules! cis {
    ($($(#[doc = $doc:literal])* $name:ident: $word:literal;)*) => {
        /// A CI with known variables.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Ci { $($(#[doc = $doc])* $name,)* }

        impl Ci {
            /// All of them, in the order of detection.
            pub const ALL: [Ci; 11] = [$(Ci::$name,)*];

            /// The value of `--ci`.
            pub fn name(self) -> &'static str {
                match self { $(Ci::$name => $word,)* }
            }
        }
    };
}

cis! {
    /// Travis CI itself: nothing to map. Also any environment that already has Travis's variables.
    Travis: "travis";
    /// GitHub Actions, and Gitea's and Forgejo's, which set the same variables.
    GitHubActions: "github-actions";
    /// GitLab CI/CD.
    GitLab: "gitlab";
    /// Buildkite.
    Buildkite: "buildkite";
    /// CircleCI.
    CircleCi: "circleci";
    /// Woodpecker CI.
    Woodpecker: "woodpecker";
    /// Drone CI.
    Drone: "drone";
    /// Bitbucket Pipelines.
    Bitbucket: "bitbucket";
    /// Azure Pipelines.
    Azure: "azure";
    /// Jenkins, in a multibranch project.
    Jenkins: "jenkins";
    /// AWS CodeBuild. Last, because it also hosts runners of the other CIs.
    CodeBuild: "codebuild";
}

impl Ci {
    /// The CI that this process runs in. `None`: no known CI.
    pub(crate) fn detect(lookup: Lookup<'_>) -> Option<Ci> {
        Ci::detect_all(lookup).next()
    }

    /// All CIs whose variables are set. There are several if one CI hosts or starts the runner of another.
    pub(crate) fn detect_all(lookup: Lookup<'_>) -> impl Iterator<Item = Ci> {
        Ci::ALL.into_iter().filter(move |ci| ci.is_here(&Variables(lookup)))
    }

    /// The CI with this [`Ci::name`].
    pub fn named(name: &str) -> Option<Ci> {
        Ci::ALL.into_iter().find(|ci| ci.name() == name)
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
            Ci::GitHubActions => mapping::github_actions(&v),
            Ci::GitLab => mapping::gitlab(&v),
            Ci::Buildkite => mapping::buildkite(&v),
            Ci::CircleCi => mapping::circleci(&v),
            Ci::Woodpecker => mapping::woodpecker(&v),
            Ci::Drone => mapping::drone(&v),
            Ci::Bitbucket => mapping::bitbucket(&v),
            Ci::Azure => mapping::azure(&v),
            Ci::Jenkins => mapping::jenkins(&v),
            Ci::CodeBuild => mapping::codebuild(&v),
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

#[cfg(test)]
mod tests;
