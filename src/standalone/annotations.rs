//! Writes errors as commands to the log of GitHub Actions or Azure Pipelines, which shows each one at its
//! line of the file. Never lets a text from outside end its command or begin another one: it has no control
//! character, and the characters that the CI decodes are encoded.

use super::ci_log::CiLog;
use super::reporter::{Locate, of_stanzas};
use super::terminal::clean;
use crate::protocol::error::{Code, ErrorReport};
use crate::protocol::event::Finished;
use crate::protocol::messages::without_log_commands;

/// A command for each error of a result, each on a line. Empty: the run has not failed, or the log has no
/// such commands.
pub(crate) fn of_result(log: CiLog, finished: &Finished, locate: Locate<'_>) -> String {
    let level = if finished.is_allowed() { "warning" } else { "error" };
    let commands = of_stanzas(finished).into_iter().filter_map(|(stanza, finished)| {
        let place = |_: usize, at: Option<&str>| at.and_then(|at| locate(stanza, at));
        Some(of_report(log, level, finished.error()?, &place))
    });
    commands.collect()
}

/// A command for each problem of the input, each on a line. `places` are those of the problems, such as
/// `.travis.yml:14`.
pub(crate) fn of_refusal(log: CiLog, report: &ErrorReport, places: &[String]) -> String {
    of_report(log, "error", report, &|index, _: Option<&str>| places.get(index).cloned())
}

/// A command for the report, or for each of its problems. `place` is given the index of the problem and its
/// key.
fn of_report(
    log: CiLog,
    level: &str,
    report: &ErrorReport,
    place: &dyn Fn(usize, Option<&str>) -> Option<String>,
) -> String {
    let at_place = |index: usize, code: Code, lines: [Option<&str>; 2], at: Option<&str>| {
        let place = place(index, at);
        let place = place.as_deref().and_then(|place| place.rsplit_once(':'));
        command(log, level, code, lines, place)
    };
    match report.problems.as_slice() {
        [] => at_place(
            0,
            report.code,
            [Some(report.message.as_str()), report.hint.as_deref()],
            report.at.as_deref(),
        ),
        problems => problems
            .iter()
            .enumerate()
            .map(|(index, each)| {
                at_place(
                    index,
                    each.code,
                    [Some(each.message.as_str()), each.hint.as_deref()],
                    each.at.as_deref(),
                )
            })
            .collect(),
    }
}

/// The command for an error. `lines` is its text, and `place` a file and a line.
fn command(
    log: CiLog,
    level: &str,
    code: Code,
    lines: [Option<&str>; 2],
    place: Option<(&str, &str)>,
) -> String {
    let text = |escapes: &Escapes| {
        let lines: Vec<String> = lines.iter().flatten().map(|line| escaped(line, escapes)).collect();
        lines.join("%0A")
    };
    match log {
        CiLog::GitHubActions => {
            let property = |value: &str| escaped(value, &GITHUB_PROPERTY);
            let place = place.map(|(file, line)| format!("file={},line={line},", property(file)));
            let place = place.unwrap_or_default();
            format!("::{level} {place}title={}::{}\n", property(&code.to_string()), text(&GITHUB))
        }
        CiLog::Azure => {
            let property = |value: &str| escaped(value, &AZURE_PROPERTY);
            let place = place.map(|(file, line)| format!("sourcepath={};linenumber={line};", property(file)));
            let place = place.unwrap_or_default();
            let code = property(&code.to_string());
            format!("##vso[task.logissue type={level};{place}code={code}]{}\n", text(&AZURE))
        }
        CiLog::Plain | CiLog::GitLab | CiLog::Buildkite | CiLog::Travis => String::new(),
    }
}

/// Characters with a meaning in a command, and what the CI decodes to them. Line breaks are not listed,
/// because [`clean`] replaces them.
type Escapes = [(char, &'static str)];

const GITHUB: [(char, &str); 1] = [('%', "%25")];
const GITHUB_PROPERTY: [(char, &str); 3] = [('%', "%25"), (':', "%3A"), (',', "%2C")];
const AZURE: [(char, &str); 1] = [('%', "%AZP25")];
const AZURE_PROPERTY: [(char, &str); 3] = [('%', "%AZP25"), (';', "%3B"), (']', "%5D")];

/// A text from outside as part of a command.
fn escaped(text: &str, escapes: &Escapes) -> String {
    let text = clean(text);
    let mut out = String::with_capacity(text.len());
    for c in without_log_commands(&text).chars() {
        match escapes.iter().find(|(special, _)| *special == c) {
            Some((_, code)) => out.push_str(code),
            None => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::error::Problem;
    use crate::protocol::event::{FunctionOutcome, ListOutcome};

    fn annotated(finished: &Finished) -> String {
        annotated_in(CiLog::GitHubActions, finished)
    }

    fn annotated_in(log: CiLog, finished: &Finished) -> String {
        let place = |stanza: Option<u32>, at: &str| {
            Some(format!("a:b,%];.yml:{}", at.len() + usize::from(stanza.is_some()) * 100))
        };
        of_result(log, finished, &place)
    }

    #[test]
    fn an_error_is_at_its_line_with_its_hint() {
        let error = ErrorReport::new(Code::BadValue, "`timeout` is `100 %`").at("/timeout").hint("write 7");
        let finished = Finished::failed(error.clone(), Vec::new());
        let expected =
            "::error file=a%3Ab%2C%25];.yml,line=8,title=bad-value::`timeout` is `100 %25`%0Awrite 7\n";
        assert_eq!(annotated(&finished), expected);
        let azure = "##vso[task.logissue type=error;sourcepath=a:b,%AZP25%5D%3B.yml;linenumber=8;\
                     code=bad-value]`timeout` is `100 %AZP25`%0Awrite 7\n";
        assert_eq!(annotated_in(CiLog::Azure, &finished), azure);
        for log in [CiLog::Plain, CiLog::GitLab, CiLog::Buildkite, CiLog::Travis] {
            assert_eq!(annotated_in(log, &finished), "");
        }
        let error = Box::new(error);
        let allowed = Finished::Failed { error, changed: Vec::new(), allowed: true };
        assert_eq!(annotated(&allowed), expected.replace("::error", "::warning"));
        let without_a_key = ErrorReport::new(Code::Internal, "m");
        assert_eq!(annotated(&Finished::failed(without_a_key, Vec::new())), "::error title=internal::m\n");
        assert_eq!(annotated(&Finished::Checked {}), "");
    }

    #[test]
    fn each_problem_and_each_function_that_failed_has_its_own() {
        let problem = |at: &str| Problem {
            code: Code::BadValue,
            message: "m".to_owned(),
            at: Some(at.to_owned()),
            hint: None,
        };
        let several = ErrorReport::from_problems(vec![problem("/a"), problem("/bc")]);
        let place = "file=a%3Ab%2C%25];.yml,line=";
        assert_eq!(
            annotated(&Finished::failed(several, Vec::new())),
            format!("::error {place}2,title=bad-value::m\n::error {place}3,title=bad-value::m\n")
        );
        let encrypted = ErrorReport::from_problems(vec![problem("/a"), problem("/a")]);
        assert_eq!(
            of_refusal(CiLog::GitHubActions, &encrypted, &["a.yml:4".to_owned(), "a.yml:9".to_owned()]),
            "::error file=a.yml,line=4,title=bad-value::m\n::error file=a.yml,line=9,title=bad-value::m\n"
        );
        let failed = |stanza| {
            let error = ErrorReport::new(Code::AccessDenied, "m").at("/role");
            FunctionOutcome::of(stanza, None, Finished::failed(error, Vec::new()))
        };
        let skipped = FunctionOutcome::of(1, None, Finished::Skipped { unmet: Vec::new() });
        let list = ListOutcome::of(vec![failed(0), skipped, failed(2)], Vec::new(), 7);
        let expected = format!("::error {place}105,title=access-denied::m\n");
        assert_eq!(annotated(&Finished::List(Box::new(list))), expected.repeat(2));
    }

    #[test]
    fn a_text_from_outside_neither_ends_its_command_nor_begins_another_one() {
        for text in [
            "m\n::set-output name=x::y",
            "m\r\n::stop-commands::x",
            "m%0A::x",
            "##[error]m",
            "m];##vso[task.setvariable variable=x]y%0Dz",
            "\u{2028}::m",
        ] {
            let new = ErrorReport::new(Code::BadValue, "");
            let report = ErrorReport { message: text.to_owned(), ..new }.hint(text);
            for (log, begins, ends, comma) in [
                (CiLog::GitHubActions, "::error file=", "::", ','),
                (CiLog::Azure, "##vso[task.logissue type=error;sourcepath=", "]", ';'),
            ] {
                let shown = of_refusal(log, &report, &[format!("{text}:7")]);
                let inner = shown.strip_prefix(begins).and_then(|rest| rest.strip_suffix('\n'));
                let inner = inner.unwrap_or_else(|| panic!("{shown}"));
                assert!(!inner.contains(char::is_control) && !inner.contains("##"), "{shown}");
                // The only encoded line break is the one before the hint.
                assert_eq!(inner.matches("%0A").count() + inner.matches("%0D").count(), 1, "{shown}");
                let (properties, _) = inner.split_once(ends).expect("a text after the properties");
                assert_eq!(properties.matches(comma).count(), 2, "{shown}");
            }
        }
    }
}
