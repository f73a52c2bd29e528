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

/// Defines the variables, each with its name in a condition.
macro_rules! variables {
    ($($(#[doc = $doc:literal])* $variable:ident = $name:literal;)*) => {
        /// A variable of the language.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Variable { $($(#[doc = $doc])* $variable,)* }

        impl Variable {
            /// All of them. No name is the beginning of another one.
            pub const ALL: [Variable; 15] = [$(Variable::$variable),*];

            /// The name in a condition.
            pub fn name(self) -> &'static str {
                match self { $(Variable::$variable => $name,)* }
            }
        }
    };
}

variables! {
    /// The branch. Of a pull request: its base branch; of a tag: the tag.
    Branch = "branch";
    /// The message of the commit.
    CommitMessage = "commit_message";
    /// The distribution of the job's operating system.
    Dist = "dist";
    /// Whether the pull request is a draft.
    Draft = "draft";
    /// Whether the repository is a fork.
    Fork = "fork";
    /// The group of the job's image.
    Group = "group";
    /// The branch from which a pull request comes.
    HeadBranch = "head_branch";
    /// The repository from which a pull request comes.
    HeadRepo = "head_repo";
    /// The language of the job.
    Language = "language";
    /// The operating system of the job.
    Os = "os";
    /// The repository: `owner/name`.
    Repo = "repo";
    /// The login of the user who has caused the build.
    Sender = "sender";
    /// Whether the job may use sudo.
    Sudo = "sudo";
    /// The tag.
    Tag = "tag";
    /// The event: `push`, `pull_request`, `api` or `cron`.
    Type = "type";
}

/// A parsed condition. What Travis's language negates, such as `!=`, is a [`Expression::Not`].
#[derive(Debug, PartialEq)]
pub(super) enum Expression {
    /// `OR`.
    Any(Vec<Expression>),
    /// `AND`.
    All(Vec<Expression>),
    /// `NOT`.
    Not(Box<Expression>),
    /// An operand alone, or `IS true`.
    Truth(Operand),
    /// `IS present`.
    Present(Operand),
    /// `=`.
    Equal { left: Operand, right: Operand },
    /// `=~`. `None`: the regular expression is missing.
    Match { left: Operand, pattern: Option<Operand> },
    /// `IN`. An empty list: the list is missing.
    In { left: Operand, list: Vec<Operand> },
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
