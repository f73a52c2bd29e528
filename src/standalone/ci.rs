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

/// Defines the CIs, in the order of detection: the name on the command line, what is so of the variables if
/// the process runs there, and the function that reads what is built.
macro_rules! cis {
    ($($(#[doc = $doc:literal])* $name:ident: $word:literal
        if $is:ident($($variable:literal),+) => $read:path;)*) => {
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

            fn is_here(self, v: &Variables<'_>) -> bool {
                match self { $(Ci::$name => v.$is($($variable),+),)* }
            }

            /// The variables of [`MAPPED_VARS`] for this build. In the build of a pull request,
            /// `TRAVIS_BRANCH` is the target branch, and absent if the CI does not provide it. In the build
            /// of a tag it is the tag, as on Travis CI.
            pub fn to_travis_vars(self, lookup: Lookup<'_>) -> Vec<(&'static str, String)> {
                match self { $(Ci::$name => $read(&Variables(lookup)),)* }
            }
        }
    };
}

cis! {
    /// Travis CI itself: nothing to map. Also any environment that already has Travis's variables.
    Travis: "travis" if is_true("TRAVIS") => mapping::travis;
    /// GitHub Actions, and Gitea's and Forgejo's, which set the same variables.
    GitHubActions: "github-actions" if is_true("GITHUB_ACTIONS") => mapping::github_actions;
    /// GitLab CI/CD.
    GitLab: "gitlab" if is_true("GITLAB_CI") => mapping::gitlab;
    /// Buildkite.
    Buildkite: "buildkite" if is_true("BUILDKITE") => mapping::buildkite;
    /// CircleCI.
    CircleCi: "circleci" if is_true("CIRCLECI") => mapping::circleci;
    /// Woodpecker CI.
    Woodpecker: "woodpecker" if is("CI", "woodpecker") => mapping::woodpecker;
    /// Drone CI.
    Drone: "drone" if is_true("DRONE") => mapping::drone;
    /// Bitbucket Pipelines.
    Bitbucket: "bitbucket" if has("BITBUCKET_BUILD_NUMBER") => mapping::bitbucket;
    /// Azure Pipelines.
    Azure: "azure" if is_true("TF_BUILD") => mapping::azure;
    /// Jenkins, in a multibranch project.
    Jenkins: "jenkins" if has("JENKINS_URL") => mapping::jenkins;
    /// AWS CodeBuild. Last, because it also hosts runners of the other CIs.
    CodeBuild: "codebuild" if has("CODEBUILD_BUILD_ARN") => mapping::codebuild;
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
}

#[cfg(test)]
mod tests;
