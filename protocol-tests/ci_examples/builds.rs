//! The files of `examples/ci/`, and the variables that each CI sets for a build, from its documentation.
//! Never contains what the program derives from them.

use std::sync::LazyLock;

use dpl_lambda::testing::Ci;

/// The token that GitHub, Buildkite, CircleCI, Bitbucket and Azure give a job.
pub(super) const TOKEN: &str = "header.claims.signature";

/// The keys that a CI stores as secrets, with the values that `ci/scripts.py` gives them.
pub(super) const KEYS: Variables = &[
    ("AWS_ACCESS_KEY_ID", "secret-aws_access_key_id"),
    ("AWS_SECRET_ACCESS_KEY", "secret-aws_secret_access_key"),
];

pub(crate) type Variables = &'static [(&'static str, &'static str)];

/// A file of `examples/ci/`, and the variables that its CI sets for a build.
pub(crate) struct Example {
    pub(super) ci: Ci,
    pub(super) file: &'static str,
    pub(super) stanza: &'static str,
    /// The token that its job sends to STS. `None`: the job has [`KEYS`], or the role of its CI.
    pub(super) token: Option<&'static str>,
    /// The variables of every job.
    pub(crate) always: Variables,
    /// The variables of a push to `main`.
    pub(crate) main: Variables,
    /// The variables of a push to `dev`.
    pub(super) dev: Variables,
    /// The variables of the tag `v1.0`.
    pub(crate) tag: Variables,
    /// The variables of pull request 7, from `dev` to `main`.
    pub(crate) request: Variables,
}

const GITLAB: Example = Example {
    ci: Ci::GitLab,
    file: "gitlab-ci.yml",
    stanza: "lambda.yml",
    token: Some("token-for-sts.amazonaws.com"),
    always: &[("CI", "true"), ("GITLAB_CI", "true")],
    main: &[("CI_PIPELINE_SOURCE", "push"), ("CI_COMMIT_BRANCH", "main")],
    dev: &[("CI_PIPELINE_SOURCE", "push"), ("CI_COMMIT_BRANCH", "dev")],
    tag: &[("CI_PIPELINE_SOURCE", "push"), ("CI_COMMIT_TAG", "v1.0")],
    request: &[
        ("CI_PIPELINE_SOURCE", "merge_request_event"),
        ("CI_MERGE_REQUEST_IID", "7"),
        ("CI_MERGE_REQUEST_TARGET_BRANCH_NAME", "main"),
        ("CI_MERGE_REQUEST_SOURCE_BRANCH_NAME", "dev"),
    ],
};

const CIRCLECI: Example = Example {
    ci: Ci::CircleCi,
    file: "circleci.yml",
    stanza: "lambda.yml",
    token: Some(TOKEN),
    always: &[("CI", "true"), ("CIRCLECI", "true"), ("CIRCLE_OIDC_TOKEN_V2", TOKEN)],
    main: &[("CIRCLE_BRANCH", "main")],
    dev: &[("CIRCLE_BRANCH", "dev")],
    tag: &[("CIRCLE_TAG", "v1.0")],
    // The branch of a fork may be named main, and none of CircleCI's own variables shows that it is a
    // pull request.
    request: &[("CIRCLE_BRANCH", "main"), ("PIPELINE_EVENT", "pull_request")],
};

pub(crate) const WOODPECKER: Example = Example {
    ci: Ci::Woodpecker,
    file: "woodpecker.yml",
    stanza: "lambda-keys.yml",
    token: None,
    always: &[("CI", "woodpecker")],
    main: &[
        ("CI_PIPELINE_EVENT", "push"),
        ("CI_COMMIT_REF", "refs/heads/main"),
        ("CI_COMMIT_BRANCH", "main"),
    ],
    dev: &[("CI_PIPELINE_EVENT", "push"), ("CI_COMMIT_REF", "refs/heads/dev"), ("CI_COMMIT_BRANCH", "dev")],
    tag: &[("CI_PIPELINE_EVENT", "tag"), ("CI_COMMIT_REF", "refs/tags/v1.0"), ("CI_COMMIT_TAG", "v1.0")],
    request: &[
        ("CI_PIPELINE_EVENT", "pull_request"),
        ("CI_COMMIT_REF", "refs/pull/7/head"),
        ("CI_COMMIT_BRANCH", "main"),
        ("CI_COMMIT_PULL_REQUEST", "7"),
        ("CI_COMMIT_TARGET_BRANCH", "main"),
        ("CI_COMMIT_SOURCE_BRANCH", "dev"),
    ],
};

pub(crate) const DRONE: Example = Example {
    ci: Ci::Drone,
    file: "drone.yml",
    stanza: "lambda-keys.yml",
    token: None,
    always: &[("CI", "true"), ("DRONE", "true")],
    main: &[("DRONE_BUILD_EVENT", "push"), ("DRONE_COMMIT_REF", "refs/heads/main"), ("DRONE_BRANCH", "main")],
    dev: &[("DRONE_BUILD_EVENT", "push"), ("DRONE_COMMIT_REF", "refs/heads/dev"), ("DRONE_BRANCH", "dev")],
    tag: &[("DRONE_BUILD_EVENT", "tag"), ("DRONE_COMMIT_REF", "refs/tags/v1.0"), ("DRONE_TAG", "v1.0")],
    request: &[
        ("DRONE_BUILD_EVENT", "pull_request"),
        ("DRONE_COMMIT_REF", "refs/pull/7/head"),
        ("DRONE_BRANCH", "main"),
        ("DRONE_PULL_REQUEST", "7"),
        ("DRONE_TARGET_BRANCH", "main"),
        ("DRONE_SOURCE_BRANCH", "dev"),
    ],
};

pub(super) static EXAMPLES: [Example; 13] = [
    Example {
        ci: Ci::Travis,
        file: "travis.yml",
        stanza: "lambda-keys.yml",
        token: None,
        always: &[("CI", "true"), ("TRAVIS", "true"), KEYS[0], KEYS[1]],
        main: &[("TRAVIS_BRANCH", "main"), ("TRAVIS_PULL_REQUEST", "false"), ("TRAVIS_TAG", "")],
        dev: &[("TRAVIS_BRANCH", "dev"), ("TRAVIS_PULL_REQUEST", "false"), ("TRAVIS_TAG", "")],
        tag: &[("TRAVIS_BRANCH", "v1.0"), ("TRAVIS_PULL_REQUEST", "false"), ("TRAVIS_TAG", "v1.0")],
        request: &[
            ("TRAVIS_BRANCH", "main"),
            ("TRAVIS_PULL_REQUEST", "7"),
            ("TRAVIS_PULL_REQUEST_BRANCH", "dev"),
        ],
    },
    Example {
        ci: Ci::GitHubActions,
        file: "github-actions.yml",
        stanza: "lambda.yml",
        token: Some(TOKEN),
        always: &[
            ("CI", "true"),
            ("GITHUB_ACTIONS", "true"),
            ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "bearer-of-the-job"),
            ("ACTIONS_ID_TOKEN_REQUEST_URL", "{server}/token?api-version=2.0"),
        ],
        main: &[("GITHUB_EVENT_NAME", "push"), ("GITHUB_REF", "refs/heads/main")],
        dev: &[("GITHUB_EVENT_NAME", "push"), ("GITHUB_REF", "refs/heads/dev")],
        tag: &[("GITHUB_EVENT_NAME", "push"), ("GITHUB_REF", "refs/tags/v1.0")],
        // This event has the base branch's ref, and its job gets tokens even if the change comes from a fork.
        request: &[
            ("GITHUB_EVENT_NAME", "pull_request_target"),
            ("GITHUB_REF", "refs/heads/main"),
            ("GITHUB_BASE_REF", "main"),
            ("GITHUB_HEAD_REF", "dev"),
        ],
    },
    GITLAB,
    Example { file: "gitlab-component.yml", ..GITLAB },
    Example {
        ci: Ci::Buildkite,
        file: "buildkite.yml",
        stanza: "lambda.yml",
        token: Some(TOKEN),
        always: &[("CI", "true"), ("BUILDKITE", "true")],
        main: &[("BUILDKITE_BRANCH", "main"), ("BUILDKITE_PULL_REQUEST", "false")],
        dev: &[("BUILDKITE_BRANCH", "dev"), ("BUILDKITE_PULL_REQUEST", "false")],
        tag: &[("BUILDKITE_BRANCH", "v1.0"), ("BUILDKITE_TAG", "v1.0"), ("BUILDKITE_PULL_REQUEST", "false")],
        request: &[
            ("BUILDKITE_BRANCH", "dev"),
            ("BUILDKITE_PULL_REQUEST", "7"),
            ("BUILDKITE_PULL_REQUEST_BASE_BRANCH", "main"),
        ],
    },
    CIRCLECI,
    Example { file: "circleci-orb.yml", ..CIRCLECI },
    WOODPECKER,
    DRONE,
    Example {
        ci: Ci::Jenkins,
        file: "Jenkinsfile",
        stanza: "lambda.yml",
        token: Some("secret-aws-id-token"),
        always: &[("JENKINS_URL", "https://ci.example.com/")],
        main: &[("BRANCH_NAME", "main")],
        dev: &[("BRANCH_NAME", "dev")],
        tag: &[("BRANCH_NAME", "v1.0"), ("TAG_NAME", "v1.0")],
        request: &[
            ("BRANCH_NAME", "PR-7"),
            ("CHANGE_ID", "7"),
            ("CHANGE_TARGET", "main"),
            ("CHANGE_BRANCH", "dev"),
        ],
    },
    Example {
        ci: Ci::Bitbucket,
        file: "bitbucket-pipelines.yml",
        stanza: "lambda.yml",
        token: Some(TOKEN),
        always: &[("CI", "true"), ("BITBUCKET_BUILD_NUMBER", "7"), ("BITBUCKET_STEP_OIDC_TOKEN", TOKEN)],
        main: &[("BITBUCKET_BRANCH", "main")],
        dev: &[("BITBUCKET_BRANCH", "dev")],
        tag: &[("BITBUCKET_TAG", "v1.0")],
        request: &[
            ("BITBUCKET_BRANCH", "dev"),
            ("BITBUCKET_PR_ID", "7"),
            ("BITBUCKET_PR_DESTINATION_BRANCH", "main"),
        ],
    },
    Example {
        ci: Ci::Azure,
        file: "azure-pipelines.yml",
        stanza: "lambda.yml",
        token: Some(TOKEN),
        always: &[("TF_BUILD", "True"), ("SYSTEM_OIDCREQUESTURI", "{server}/oidctoken")],
        main: &[("BUILD_REASON", "IndividualCI"), ("BUILD_SOURCEBRANCH", "refs/heads/main")],
        dev: &[("BUILD_REASON", "IndividualCI"), ("BUILD_SOURCEBRANCH", "refs/heads/dev")],
        tag: &[("BUILD_REASON", "IndividualCI"), ("BUILD_SOURCEBRANCH", "refs/tags/v1.0")],
        request: &[
            ("BUILD_REASON", "PullRequest"),
            ("BUILD_SOURCEBRANCH", "refs/pull/7/merge"),
            ("SYSTEM_PULLREQUEST_PULLREQUESTID", "7"),
            ("SYSTEM_PULLREQUEST_TARGETBRANCH", "refs/heads/main"),
            ("SYSTEM_PULLREQUEST_SOURCEBRANCH", "refs/heads/dev"),
        ],
    },
    Example {
        ci: Ci::CodeBuild,
        file: "buildspec.yml",
        stanza: "lambda-keys.yml",
        token: None,
        // CodeBuild sets AWS_CONTAINER_CREDENTIALS_RELATIVE_URI, a path on a host that is not 127.0.0.1.
        always: &[
            ("CI", "true"),
            ("CODEBUILD_BUILD_ARN", "arn:aws:codebuild:eu-west-1:123456789012:build/hello:7"),
            ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "{server}/credentials"),
        ],
        main: &[("CODEBUILD_WEBHOOK_EVENT", "PUSH"), ("CODEBUILD_WEBHOOK_TRIGGER", "branch/main")],
        dev: &[("CODEBUILD_WEBHOOK_EVENT", "PUSH"), ("CODEBUILD_WEBHOOK_TRIGGER", "branch/dev")],
        tag: &[("CODEBUILD_WEBHOOK_EVENT", "PUSH"), ("CODEBUILD_WEBHOOK_TRIGGER", "tag/v1.0")],
        request: &[
            ("CODEBUILD_WEBHOOK_EVENT", "PULL_REQUEST_CREATED"),
            ("CODEBUILD_WEBHOOK_TRIGGER", "pr/7"),
            ("CODEBUILD_SOURCE_VERSION", "pr/7"),
            ("CODEBUILD_WEBHOOK_BASE_REF", "refs/heads/main"),
            ("CODEBUILD_WEBHOOK_HEAD_REF", "refs/heads/dev"),
        ],
    },
];

/// The files whose step has the image as a plugin. Their builds are those of the CI's other file.
pub(super) static PLUGINS: LazyLock<[Example; 2]> = LazyLock::new(|| {
    let plugin = |file, other| Example { file, ..*Example::of(other) };
    [plugin("woodpecker-plugin.yml", "woodpecker.yml"), plugin("drone-plugin.yml", "drone.yml")]
});

impl Example {
    pub(super) fn of(file: &str) -> &'static Example {
        EXAMPLES.iter().find(|example| example.file == file).expect("an example")
    }

    /// True if its job deploys with the keys of a role: that of its token, or that of the CodeBuild project.
    pub(super) fn has_role(&self) -> bool {
        self.token.is_some() || self.ci == Ci::CodeBuild
    }
}
