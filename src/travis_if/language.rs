//! Defines conditions as they are parsed, and what they are evaluated with.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// The result of a condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The condition is met.
    Met,
    /// The condition is not met.
    NotMet,
    /// The result depends on something unknown.
    Unknown {
        /// What is not known: a variable, `env(NAME)`, or a regular expression that only Ruby can match.
        what: BTreeSet<String>,
    },
}

/// Why Travis CI cannot evaluate a condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidCondition {
    /// Where the condition cannot be parsed, in characters from 1. A backslash at the end of a line counts as
    /// one character, together with the line break. `None`: it can be parsed, but not evaluated.
    pub position: Option<usize>,
    /// What is wrong: "expected a value".
    pub problem: String,
}

impl fmt::Display for InvalidCondition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.position {
            Some(position) => write!(f, "{} (character {position})", self.problem),
            None => f.write_str(&self.problem),
        }
    }
}

impl std::error::Error for InvalidCondition {}

/// What is known of the build and the job.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Values of variables. `None`: there is no value, such as `tag` in the build of a branch.
    pub variables: BTreeMap<Variable, Option<String>>,
    /// Environment variables that are configured for the build. The variables that Travis CI itself sets for
    /// a job are not among them: `env(TRAVIS_BRANCH)` has no value.
    pub env: BTreeMap<String, String>,
    /// Whether a variable that is missing above has no value. Otherwise its value is unknown.
    pub is_complete: bool,
}

/// A variable of the language.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Variable {
    /// The branch. Of a pull request: its base branch; of a tag: the tag.
    Branch,
    /// The message of the commit.
    CommitMessage,
    /// The distribution of the job's operating system.
    Dist,
    /// Whether the pull request is a draft.
    Draft,
    /// Whether the repository is a fork.
    Fork,
    /// The group of the job's image.
    Group,
    /// The branch from which a pull request comes.
    HeadBranch,
    /// The repository from which a pull request comes.
    HeadRepo,
    /// The language of the job.
    Language,
    /// The operating system of the job.
    Os,
    /// The repository: `owner/name`.
    Repo,
    /// The login of the user who has caused the build.
    Sender,
    /// Whether the job may use sudo.
    Sudo,
    /// The tag.
    Tag,
    /// The event: `push`, `pull_request`, `api` or `cron`.
    Type,
}

impl Variable {
    /// All of them. No name is the beginning of another one.
    pub const ALL: [Variable; 15] = [
        Variable::Branch,
        Variable::CommitMessage,
        Variable::Dist,
        Variable::Draft,
        Variable::Fork,
        Variable::Group,
        Variable::HeadBranch,
        Variable::HeadRepo,
        Variable::Language,
        Variable::Os,
        Variable::Repo,
        Variable::Sender,
        Variable::Sudo,
        Variable::Tag,
        Variable::Type,
    ];

    /// The name in a condition.
    pub fn name(self) -> &'static str {
        match self {
            Variable::Branch => "branch",
            Variable::CommitMessage => "commit_message",
            Variable::Dist => "dist",
            Variable::Draft => "draft",
            Variable::Fork => "fork",
            Variable::Group => "group",
            Variable::HeadBranch => "head_branch",
            Variable::HeadRepo => "head_repo",
            Variable::Language => "language",
            Variable::Os => "os",
            Variable::Repo => "repo",
            Variable::Sender => "sender",
            Variable::Sudo => "sudo",
            Variable::Tag => "tag",
            Variable::Type => "type",
        }
    }
}

/// A parsed condition. What Travis's language negates, such as `!=`, is a [`Expression::Not`].
#[derive(Debug, PartialEq)]
pub(super) enum Expression {
    Any(Vec<Expression>),
    All(Vec<Expression>),
    Not(Box<Expression>),
    /// An operand alone, or `IS true`.
    Truth(Operand),
    Present(Operand),
    Equal {
        left: Operand,
        right: Operand,
    },
    /// `None`: the regular expression is missing.
    Match {
        left: Operand,
        pattern: Option<Operand>,
    },
    /// An empty list: the list is missing.
    In {
        left: Operand,
        list: Vec<Operand>,
    },
}

#[derive(Debug, PartialEq)]
pub(super) enum Operand {
    Variable(Variable),
    Text(String),
    Env(Vec<Operand>),
    Concat(Vec<Operand>),
}

/// Why an expression has no result.
#[derive(Debug, PartialEq)]
pub(super) enum Undecided {
    /// It depends on this.
    Unknown(BTreeSet<String>),
    /// Travis CI cannot evaluate it either.
    Invalid(String),
}

impl Undecided {
    pub(super) fn unknown(what: String) -> Self {
        Undecided::Unknown(BTreeSet::from([what]))
    }
}
