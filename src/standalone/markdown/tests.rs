//! The exact text for given events, and hostile texts.

use serde_json::{Value, json};

use super::*;
use crate::protocol::error::{Code, ErrorReport, Warning, WarningCode};
use crate::protocol::event::{
    Change, FunctionOutcome, FunctionPresence, ListOutcome, Phase, PlanBasis, Scope, StepName,
};

fn change(field: &str, from: Value, to: Value) -> Change {
    Change { field: field.to_owned(), from, to }
}

fn step(step: StepName, changes: Vec<Change>) -> PlannedStep {
    PlannedStep { step, changes, waits_for: None, phase: None }
}

fn plan(name: &str, steps: Vec<PlannedStep>) -> Plan {
    let basis = PlanBasis {
        function_name: name.to_owned(),
        account_id: None,
        region: "eu-west-1".to_owned(),
        revision_id: None,
        code_sha256: None,
        aliases: Vec::new(),
    };
    Plan { function: FunctionPresence::Exists, steps, basis: Some(Box::new(basis)) }
}

fn text_of(lines: Vec<Line>) -> String {
    let mut document = MarkdownDocument::default();
    lines.into_iter().for_each(|line| document.add(&ChildLine::Event(Box::new(line))));
    document.text()
}

/// The text of a run of `plan` with this plan.
fn shown(plan: Plan) -> String {
    text_of(vec![
        Line::new(Event::Planned(plan.clone())),
        Line::new(Event::Finished(Finished::Planned(plan))),
    ])
}

#[test]
fn a_plan_is_a_table() {
    let settings = vec![
        change("timeout", json!(3), json!(10)),
        change("environment.TOKEN", json!("[secure]"), json!("[secure]")),
        change("description", Value::Null, json!("")),
    ];
    let published = PlannedStep { phase: Some(Phase::Prepare), ..step(StepName::PublishVersion, Vec::new()) };
    let plan = plan("orders", vec![step(StepName::UpdateFunctionConfiguration, settings), published]);
    let expected = "\
### <code>orders</code>

**planned:** 2 steps, 3 changes; the function exists

| Step | Change | From | To |
|---|---|---|---|
| <code>update-function-configuration</code> | <code>timeout</code> | <code>3</code> | <code>10</code> |
| <code>update-function-configuration</code> | <code>environment&#46;TOKEN</code> | <code>&#91;secure&#93;</code> | <code>another &#91;secure&#93;</code> |
| <code>update-function-configuration</code> | <code>description</code> |  | <code>&#34;&#34;</code> |
| <code>publish-version &#40;prepare&#41;</code> | | | |

";
    assert_eq!(shown(plan), expected);
}

#[test]
fn a_plan_without_changes_says_so() {
    assert_eq!(shown(plan("orders", Vec::new())), "### <code>orders</code>\n\n**planned:** no changes\n\n");
}

#[test]
fn a_list_has_a_section_for_each_function_with_its_warnings() {
    let scope = |stanza| Scope { stanza: Some(stanza), function_name: Some(format!("f{stanza}")) };
    let warning = Warning::new(WarningCode::Overtaken, "look at this").hint("do that");
    let failed = Finished::failed(ErrorReport::new(Code::NotFound, "no role").hint("add it"), Vec::new());
    let functions = vec![
        FunctionOutcome::of(0, Some("f0".to_owned()), Finished::Planned(plan("f0", Vec::new()))),
        FunctionOutcome::of(1, Some("f1".to_owned()), failed),
    ];
    let list = Finished::List(Box::new(ListOutcome::of(functions, Vec::new(), 1)));
    let text = text_of(vec![
        Line::of(Event::Warning(warning), scope(0)),
        Line::of(Event::Planned(plan("f0", Vec::new())), scope(0)),
        Line::of(Event::Finished(list), scope(1)),
    ]);
    let expected = "\
### <code>f0</code>

**planned:** no changes

- <code>warning&#58; look at this&#59; do that</code>

### <code>f1</code>

**failed:** <code>not-found</code>

- <code>no role&#59; add it</code>

";
    assert_eq!(text, expected);
}

#[test]
fn a_failure_says_which_steps_took_effect_and_whether_it_is_allowed() {
    let error = Box::new(ErrorReport::new(Code::NotFound, "no role"));
    let changed = vec![StepName::CreateFunction, StepName::PublishVersion];
    let expected = "\
### dpl-lambda

**failed:** <code>not-found</code>

- <code>no role</code>

- already done: <code>create-function, publish-version</code>

- allowed: the build continues, because `allow_failure` is set

";
    let failed = Finished::Failed { error, changed, allowed: true };
    assert_eq!(text_of(vec![Line::new(Event::Finished(failed))]), expected);
}

#[test]
fn no_text_breaks_out_of_its_cell() {
    for hostile in [
        "a|b",
        "`code`",
        "``` \n```",
        "</code></td><script>alert(1)</script>",
        "&lt;script&gt; &#124;",
        "@octocat @org/team",
        "#1 org/repo#2 !3 GH-4",
        "[x](javascript:alert(1)) ![x](https://example.com/x.png)",
        "https://example.com www.example.com a@example.com",
        "\\| \\` \\\\",
        "one\ntwo\r\n| a | b |\n\n# heading",
        ":smile: *a* _b_ ~c~ $d$",
        "\u{202e}txt.exe \u{1b}[31m",
        "::error::x ##vso[task.complete]",
        "---",
    ] {
        let plan = plan(
            hostile,
            vec![step(StepName::TagResource, vec![change(hostile, json!(hostile), json!([hostile]))])],
        );
        let warning = Line::new(Event::Warning(Warning::new(WarningCode::Overtaken, hostile)));
        let error = Finished::failed(ErrorReport::new(Code::NotFound, hostile), Vec::new());
        let texts = [shown(plan), text_of(vec![warning, Line::new(Event::Finished(error))])];
        for text in texts {
            let inside =
                text.split("<code>").skip(1).map(|rest| rest.split("</code>").next().unwrap_or_default());
            for inside in inside {
                let is_harmless = |c: char| c.is_alphanumeric() || " -,&#;".contains(c) || !c.is_ascii();
                assert!(inside.chars().all(is_harmless), "{inside}");
                let references = inside.split('&').skip(1);
                assert!(
                    references.clone().all(|reference| {
                        reference.split_once(';').is_some_and(|(number, _)| {
                            number.strip_prefix('#').is_some_and(|number| number.parse::<u8>().is_ok())
                        })
                    }),
                    "{inside}"
                );
                let numbers = inside.matches('#').count();
                assert_eq!(numbers, references.count(), "`#` is only a part of a reference: {inside}");
            }
            let outside: String =
                text.split("<code>").map(|part| part.rsplit("</code>").next().unwrap_or(part)).collect();
            assert!(!outside.contains(['<', '>', '@', '`', '&']), "{outside}");
            let rows = text.lines().filter(|line| line.starts_with("| <code>"));
            assert!(rows.clone().all(|row| row.matches('|').count() == 5), "{text}");
        }
    }
}

#[test]
fn a_text_that_is_too_long_is_cut_with_a_sentence() {
    let functions = (0..40).map(|index| {
        let changes =
            (0..50).map(|_| change("description", json!("<".repeat(90)), json!("y".repeat(900)))).collect();
        let plan = plan("f", vec![step(StepName::UpdateFunctionConfiguration, changes)]);
        FunctionOutcome::of(index, Some(format!("f{index}")), Finished::Planned(plan))
    });
    let functions: Vec<FunctionOutcome> = functions.collect();
    let planned = functions.iter().filter_map(|function| {
        let Finished::Planned(plan) = &function.finished else { return None };
        Some(Line::of(Event::Planned(plan.clone()), function.scope()))
    });
    let mut lines: Vec<Line> = planned.collect();
    let list = ListOutcome::of(functions, Vec::new(), 1);
    lines.push(Line::new(Event::Finished(Finished::List(Box::new(list)))));
    let text = text_of(lines);
    assert!(text.len() < 64_000, "{}", text.len());
    let rows = text.lines().filter(|line| line.starts_with("| <code>")).count();
    let functions = text.lines().filter(|line| line.starts_with("### ")).count();
    let left = format!("{} functions and {} changes are left out here", 40 - functions, 40 * 50 - rows);
    assert!(rows > 20 && text.contains(&left), "{left}: {}", &text[text.len() - 300..]);
    assert!(text.contains(&format!("{}…</code>", "y".repeat(500))));
}
