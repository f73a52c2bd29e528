//! Prints the last event of a run: its outcome and the facts about it.
//! Never prints anything after the hint of an error, except the policy statement that the hint mentions.

use std::io::{self, Write};

use serde_json::Value;

use super::style::TextStyle;
use super::text::{clean, width};
use super::{HumanReporter, Section, counts, package, text_of};
use crate::protocol::messages::duration;

impl<W: Write> HumanReporter<W> {
    pub(super) fn finished(&mut self, event: &Value) -> io::Result<()> {
        self.abandoned()?;
        match event["outcome"].as_str().unwrap_or_default() {
            "deployed" => self.live_function("deployed", event),
            "unchanged" => self.live_function("unchanged:", event),
            "planned" => {
                let steps = event["steps"].as_array().map_or(&[][..], Vec::as_slice);
                // A plan that has already been shown is not repeated.
                if self.run.plan.as_ref() != Some(&event["steps"]) {
                    self.planned(event)?;
                }
                let text = match steps {
                    [] => "no changes are needed".to_owned(),
                    steps => format!("{}; nothing was changed", counts(steps)),
                };
                self.outcome(TextStyle::GoodBold, "planned:", &text)
            }
            "packaged" => {
                let output = text_of(event, "output").unwrap_or_default();
                self.outcome(TextStyle::GoodBold, "packaged", &output)?;
                let hash = text_of(&event["package"], "code_sha256").unwrap_or_default();
                self.facts(&[("from", package(&event["package"])), ("code_sha256", hash)])
            }
            "checked" => self.outcome(
                TextStyle::GoodBold,
                "checked:",
                "the stanza is valid and its conditions are met",
            ),
            "skipped" => self.skipped(event),
            "failed" => self.failed(event),
            _ => self.outcome(TextStyle::Bold, "finished:", &text_of(event, "message").unwrap_or_default()),
        }
    }

    /// Prints the outcome in bold, in a section of its own.
    fn outcome(&mut self, style: TextStyle, word: &str, text: &str) -> io::Result<()> {
        self.begin(Section::End)?;
        self.labelled(0, &[(style, word)], text, TextStyle::Bold)
    }

    /// Prints labelled facts in two columns. Skips empty ones.
    fn facts(&mut self, facts: &[(&str, String)]) -> io::Result<()> {
        let present = || facts.iter().filter(|(_, fact)| !fact.is_empty());
        let widest = present().map(|(label, _)| width(label)).max().unwrap_or(0);
        for (label, fact) in present() {
            self.labelled(2, &[(TextStyle::Dim, &format!("{label:<widest$} "))], fact, TextStyle::Plain)?;
        }
        Ok(())
    }

    fn live_function(&mut self, word: &str, event: &Value) -> io::Result<()> {
        let part = |key| text_of(event, key).unwrap_or_default();
        let text = match word {
            "deployed" => part("function_name"),
            _ => format!("{} already matches the stanza", part("function_name")),
        };
        self.outcome(TextStyle::GoodBold, word, &text)?;
        let aliases = match event["aliases"].as_array() {
            Some(aliases) => {
                aliases.iter().filter_map(Value::as_str).map(clean).collect::<Vec<_>>().join(", ")
            }
            None => part("alias"),
        };
        self.facts(&[
            ("version", part("version")),
            ("alias", aliases),
            (
                "previous",
                text_of(event, "previous_version")
                    .map(|version| format!("version {version}"))
                    .unwrap_or_default(),
            ),
            ("code", format!("{}, {}", part("code"), part("code_sha256"))),
            ("region", part("region")),
            ("url", part("function_url")),
            ("took", event["duration_ms"].as_u64().map(duration).unwrap_or_default()),
        ])
    }

    fn skipped(&mut self, event: &Value) -> io::Result<()> {
        self.outcome(TextStyle::Changed, "skipped:", "the conditions are not met; nothing was done")?;
        let not = self.capabilities.symbols().not;
        for unmet in event["unmet"].as_array().into_iter().flatten() {
            let part = |key| text_of(unmet, key).unwrap_or_default();
            let text = format!("{}: {}", part("condition"), part("message"));
            self.labelled(2, &[(TextStyle::Bad, not)], &text, TextStyle::Plain)?;
            if unmet["condition"] != "pull-request" {
                let text = format!("{}, got {}", super::quoted(&part("want")), super::quoted(&part("got")));
                self.labelled(4, &[(TextStyle::Dim, "want")], &text, TextStyle::Dim)?;
            }
            if unmet["condition"] == "branch" && unmet["got"] == "" {
                let hint =
                    "set TRAVIS_BRANCH; the branch is unknown (detached HEAD, or not a git repository)";
                self.labelled(4, &[(TextStyle::Bold, "hint:")], hint, TextStyle::Plain)?;
            }
        }
        Ok(())
    }

    /// Prints the error last, and its hint at the very end, next to the new shell prompt.
    fn failed(&mut self, event: &Value) -> io::Result<()> {
        let error = &event["error"];
        let list = |key: &str| error[key].as_array().map_or(&[][..], Vec::as_slice);
        let log: Vec<&str> = list("log").iter().filter_map(Value::as_str).collect();
        // The function's log has usually been shown by `output` events, unless they were lost.
        if !log.is_empty() && !self.run.log.iter().map(String::as_str).collect::<Vec<_>>().ends_with(&log) {
            self.line(&[(TextStyle::Dim, "the function's log:")])?;
            log.iter().try_for_each(|line| self.quoted_block(line))?;
        }
        self.begin(Section::End)?;
        let problems = list("problems");
        for problem in problems {
            self.print_finding("error", TextStyle::BadBold, TextStyle::Bold, problem)?;
        }
        if problems.is_empty() {
            self.print_finding_line("error", TextStyle::BadBold, TextStyle::Bold, error)?;
        } else {
            self.line(&[])?;
            self.line(&[
                (TextStyle::BadBold, "failed:"),
                (TextStyle::Bold, &format!(" {} problems", problems.len())),
            ])?;
        }
        for cause in list("caused_by").iter().filter_map(Value::as_str) {
            self.labelled(2, &[(TextStyle::Dim, "caused by:")], &clean(cause), TextStyle::Plain)?;
        }
        if problems.is_empty() {
            self.place(error)?;
        }
        let changed: Vec<String> =
            event["changed"].as_array().into_iter().flatten().filter_map(Value::as_str).map(clean).collect();
        if !changed.is_empty() {
            self.labelled(
                2,
                &[(TextStyle::Changed, "already done:")],
                &changed.join(", "),
                TextStyle::Plain,
            )?;
        }
        if let Some(call) = call(&error["aws"]) {
            self.labelled(2, &[(TextStyle::Dim, "AWS:")], &call, TextStyle::Dim)?;
        }
        // A hint is more specific than that.
        if error["retryable"] == true && error["hint"].is_null() {
            self.labelled(2, &[], "retrying later may succeed", TextStyle::Dim)?;
        }
        if event["allowed"] == true {
            self.labelled(
                2,
                &[(TextStyle::Changed, "allowed:")],
                "the build continues, because `allow_failure` is set",
                TextStyle::Plain,
            )?;
        }
        if problems.is_empty() || error["hint"] != problems[0]["hint"] {
            self.hint(error)?;
        }
        Ok(())
    }
}

/// The failed call, as far as it is known: `UpdateFunctionCode returned 403 AccessDeniedException, request
/// 81fe…`.
fn call(aws: &Value) -> Option<String> {
    let mut text = text_of(aws, "operation")?;
    let status = aws["http_status"].as_u64().map(|status| status.to_string());
    let answer: Vec<String> = [status, text_of(aws, "code")].into_iter().flatten().collect();
    if !answer.is_empty() {
        text = format!("{text} returned {}", answer.join(" "));
    }
    if let Some(id) = text_of(aws, "request_id") {
        text = format!("{text}, request {id}");
    }
    Some(text)
}
