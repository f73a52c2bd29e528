//! The log of a CI: whose log it is, the marks of groups of lines in it, and what no text may begin there.
//! Never opens a group within another one, because not every CI can show that. Pure.
//!
//! Sources: docs.github.com, "Workflow commands"; docs.gitlab.com, "CI/CD job logs"; learn.microsoft.com,
//! "Logging commands"; buildkite.com, "Managing log output". Travis CI's viewer folds the lines between
//! `travis_fold:start:NAME` and `travis_fold:end:NAME`.

use super::ci::{Ci, Lookup};
use crate::protocol::messages::without_log_commands;

/// The CI whose log shows the output: the one that this process runs in, or else the one that `--ci` names.
/// Travis CI comes last, because a job of another CI may set `TRAVIS=true` for its conditions. `None`: no
/// known CI.
pub(crate) fn ci_of_log(lookup: Lookup<'_>, named: Option<Ci>) -> Option<Ci> {
    let here = || Ci::detect_all(lookup);
    here().find(|ci| *ci != Ci::Travis).or_else(|| here().next()).or(named)
}

/// What a log understands besides text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum CiLog {
    /// Only text.
    #[default]
    Plain,
    /// Groups, and errors at their lines: `::group::`, `::error …::`.
    GitHubActions,
    /// Sections, which have names and times.
    GitLab,
    /// Groups, and errors at their lines: `##[group]`, `##vso[task.logissue …]`.
    Azure,
    /// Groups that end where the next one begins. The title says whether a group is open.
    Buildkite,
    /// Folds, which have names.
    Travis,
}

impl CiLog {
    /// The log of this CI. `None`: no known CI.
    pub(crate) fn of(ci: Option<Ci>) -> Self {
        match ci {
            Some(Ci::GitHubActions) => CiLog::GitHubActions,
            Some(Ci::GitLab) => CiLog::GitLab,
            Some(Ci::Azure) => CiLog::Azure,
            Some(Ci::Buildkite) => CiLog::Buildkite,
            Some(Ci::Travis) => CiLog::Travis,
            Some(Ci::CircleCi | Ci::Woodpecker | Ci::Drone | Ci::Bitbucket | Ci::Jenkins | Ci::CodeBuild)
            | None => CiLog::Plain,
        }
    }

    /// A text from outside that no CI takes for a command. `begins`: a line begins with it. It gets a space:
    /// `::error::` becomes `: :error::`, `--- x` becomes ` --- x`.
    pub(super) fn inert(self, text: &str, begins: bool) -> String {
        let mut text = without_log_commands(text).into_owned();
        if self == CiLog::Travis {
            for mark in ["fold:start:", "fold:end:", "time:start:", "time:end:"] {
                text = text.replace(mark, &mark.replacen(':', ": ", 1));
            }
        }
        // GitHub also takes a line for a command if there are spaces before it.
        let indent = text.len() - text.trim_start().len();
        if begins && text[indent..].starts_with("::") {
            text.insert(indent + 1, ' ');
        } else if begins && ["---", "+++", "~~~", "^^^"].iter().any(|header| text.starts_with(header)) {
            text.insert(0, ' ');
        }
        text
    }
}

/// A group of lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Group {
    /// What a run does for one stanza.
    Stanza,
    /// The differences of a plan.
    Plan,
    /// What the user's commands print, or a function's log.
    Output,
}

/// The groups of a log. At most one is open.
#[derive(Debug)]
pub(crate) struct LogGroups {
    log: CiLog,
    /// Seconds since 1970, which GitLab shows as the duration of a section.
    clock: fn() -> u64,
    /// True if a plan is the result of the run, so that it is in no group.
    plan_is_result: bool,
    open: Option<Group>,
    /// Title of a stanza whose group opens before its first line.
    waiting: Option<String>,
    /// The closed group, in a log in which it goes on until the next title.
    goes_on: Option<Group>,
    /// Title of what follows a closed group.
    next: &'static str,
    /// Name of the last group, for a log that needs one.
    name: String,
    number: u32,
}

impl Default for LogGroups {
    fn default() -> Self {
        LogGroups::new(CiLog::Plain, || 0, false)
    }
}

impl LogGroups {
    /// No group is open yet. See the fields for the arguments.
    pub(crate) fn new(log: CiLog, clock: fn() -> u64, plan_is_result: bool) -> Self {
        LogGroups {
            log,
            clock,
            plan_is_result,
            open: None,
            waiting: None,
            goes_on: None,
            next: "",
            name: String::new(),
            number: 0,
        }
    }

    pub(super) fn log(&self) -> CiLog {
        self.log
    }

    /// True if the log has groups.
    pub(super) fn are_marked(&self) -> bool {
        self.log != CiLog::Plain
    }

    /// True if the log cannot open a closed group again. Then what explains a failure is also shown below it.
    pub(super) fn stay_closed(&self) -> bool {
        self.are_marked() && self.log != CiLog::Buildkite
    }

    pub(super) fn plan_is_result(&self) -> bool {
        self.plan_is_result
    }

    pub(super) fn current(&self) -> Option<Group> {
        self.open
    }

    /// True if a group can be opened, because the next line is in none.
    pub(super) fn can_open(&self) -> bool {
        self.are_marked() && self.open.is_none() && self.waiting.is_none()
    }

    /// Lets the group of a stanza open before its first line.
    pub(super) fn wait(&mut self, title: String) {
        self.waiting = Some(title);
    }

    /// The title of the group that has not been opened.
    pub(super) fn take_waiting(&mut self) -> Option<String> {
        self.waiting.take()
    }

    /// The lines that close the open group and open another one, whose title has no control characters.
    pub(super) fn open(&mut self, group: Group, title: &str) -> String {
        let end = self.close(self.next);
        let title = self.log.inert(title, false);
        (self.open, self.goes_on) = (Some(group), None);
        self.number += 1;
        let now = (self.clock)();
        self.name = format!("dpl_lambda_{now}_{}", self.number);
        let name = &self.name;
        let start = match self.log {
            CiLog::Plain => String::new(),
            CiLog::GitHubActions => format!("::group::{}\n", title.replace('%', "%25")),
            CiLog::GitLab => {
                format!("\u{1b}[0Ksection_start:{now}:{name}[collapsed=true]\r\u{1b}[0K{title}\n")
            }
            CiLog::Azure => format!("##[group]{title}\n"),
            CiLog::Buildkite => format!("--- {title}\n"),
            CiLog::Travis => format!("travis_fold:start:{name}\r\u{1b}[0K{title}\n"),
        };
        end + &start
    }

    /// The line that closes the open group. Empty: there is none, or the log has no such line. `next` is the
    /// title of what follows.
    pub(super) fn close(&mut self, next: &'static str) -> String {
        self.next = next;
        let Some(group) = self.open.take() else { return String::new() };
        let name = &self.name;
        match self.log {
            CiLog::Plain => String::new(),
            CiLog::GitHubActions => "::endgroup::\n".to_owned(),
            CiLog::GitLab => {
                format!("\u{1b}[0Ksection_end:{}:{name}\r\u{1b}[0K\n", (self.clock)())
            }
            CiLog::Azure => "##[endgroup]\n".to_owned(),
            CiLog::Buildkite => {
                self.goes_on = Some(group);
                String::new()
            }
            CiLog::Travis => format!("travis_fold:end:{name}\r\u{1b}[0K\n"),
        }
    }

    /// The line before the next line of text: the start of the group that waits, or the title of what follows
    /// a closed group. Empty: none is needed.
    pub(super) fn before_line(&mut self) -> String {
        match self.waiting.take() {
            Some(title) => self.open(Group::Stanza, &title),
            None => self.title(self.next),
        }
    }

    /// The line with the title of what follows a closed group. Empty: none is needed.
    pub(super) fn title(&mut self, title: &str) -> String {
        match self.goes_on.take() {
            Some(_) => format!("+++ {}\n", self.log.inert(title, false)),
            None => String::new(),
        }
    }

    /// The line that shows the lines of the last group of a run that has failed. Empty: the log has no such
    /// line, or none is needed. A stanza whose group is closed has not failed.
    pub(super) fn expand(&self) -> &'static str {
        match self.open.or(self.goes_on.filter(|group| *group != Group::Stanza)) {
            Some(_) if self.log == CiLog::Buildkite => "^^^ +++\n",
            Some(_) | None => "",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_is_that_of_the_ci_that_runs_the_job() {
        let found = |env: &[(&str, &str)], named: Option<Ci>| {
            let known = |name: &str| env.iter().find(|(known, _)| *known == name);
            ci_of_log(&|name| known(name).map(|(_, value)| (*value).to_owned()), named)
        };
        let (github, travis) = (("GITHUB_ACTIONS", "true"), ("TRAVIS", "true"));
        for (env, option, expected) in [
            (&[][..], None, None),
            (&[("CI", "true"), ("TEAMCITY_VERSION", "2026.1")], None, None),
            (&[], Some(Ci::GitLab), Some(Ci::GitLab)),
            (&[github], None, Some(Ci::GitHubActions)),
            (&[github], Some(Ci::Travis), Some(Ci::GitHubActions)),
            (&[travis], None, Some(Ci::Travis)),
            (&[travis, github], None, Some(Ci::GitHubActions)),
            (&[("JENKINS_URL", "https://ci.example.com/")], None, Some(Ci::Jenkins)),
        ] {
            assert_eq!(found(env, option), expected, "{env:?} {option:?}");
        }
    }

    #[test]
    fn no_text_is_a_command() {
        for (text, begins, shown) in [
            ("plain: a::b", true, "plain: a::b"),
            ("::error::x", true, ": :error::x"),
            ("  \u{a0}::error::x", true, "  \u{a0}: :error::x"),
            ("::error::x", false, "::error::x"),
            ("x ##vso[task.setvariable variable=a]b", false, "x # #vso[task.setvariable variable=a]b"),
            ("###[error]", true, "# # #[error]"),
            ("--- x", true, " --- x"),
            ("^^^ +++", true, " ^^^ +++"),
            (" +++ x", true, " +++ x"),
            ("travis_fold:start:x", true, "travis_fold:start:x"),
            ("", true, ""),
        ] {
            assert_eq!(CiLog::Plain.inert(text, begins), shown);
        }
        let travis = CiLog::Travis.inert("a travis_fold:end:x travis_time:start:y", false);
        assert_eq!(travis, "a travis_fold: end:x travis_time: start:y");
    }
}
