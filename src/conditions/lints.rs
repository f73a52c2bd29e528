//! Warns about conditions whose effect on Travis CI differs from what the author probably meant.
//! Never changes a verdict, and never starts bash.

use super::Verdict;
use super::expression::{KEYS, On, RUNTIMES, default_branches};
use crate::protocol::environment::Environment;
use crate::protocol::error::{Warning, WarningCode};
use crate::protocol::event::{Condition, ConditionResult};
use crate::protocol::json::{Map, Node, quoted};
use crate::protocol::suggest::suggest;

/// A condition with an effect that its author probably did not mean.
#[derive(Debug)]
pub(crate) struct Lint {
    pub warning: Warning,
    /// Whether the key is not a condition. A stanza with `strict: true` must not have such a key.
    pub is_unknown_key: bool,
}

/// All warnings about `on`, in the order in which its keys are written.
pub(super) fn find(on: &On, stanza: &Map, env: &Environment) -> Vec<Lint> {
    let mut warnings = Vec::new();
    if let Some(entries) = on.entries.filter(|entries| *entries != 1) {
        let message =
            format!("`{}` is a list of {entries} entries; Travis CI reads only the first one", on.key);
        warnings.push(lint(format!("/{}", on.key), message, "write a map of conditions, or one branch"));
    }
    for (key, node) in on.map.iter().filter(|(_, node)| **node != Node::Null) {
        let at = on.pointer(key);
        warnings.extend(match key {
            "condition" => in_condition(node, &at),
            "tags" => in_tags(on, node, at).into_iter().collect(),
            "os" => {
                let message = "Travis CI never checks `os`, although its schema lists it".to_owned();
                let hint = "write `condition: $TRAVIS_OS_NAME = linux`";
                vec![Lint { is_unknown_key: true, ..lint(at, message, hint) }]
            }
            "otp_release" | "ghc" | "d" | "mono" => vec![lint(
                at,
                format!("`{key}` can never match, because Travis CI sets no variable for it"),
                "use `condition` to compare a variable of the job",
            )],
            "all_branches" if matches!(node, Node::Map(_) | Node::List(_)) => vec![lint(
                at,
                format!("`{}.all_branches` is {}, which Travis CI reads as true", on.key, node.kind()),
                "write `all_branches: true`",
            )],
            "branch" => in_branch(node, &at),
            key if RUNTIMES.contains(&key) || KEYS.contains(&key) => {
                in_single_value(key, node, at).into_iter().collect()
            }
            unknown => vec![in_key(on, unknown, at)],
        });
    }
    warnings.extend(implicit_master(on, stanza, env));
    warnings
}

/// Warns about a key that Travis CI ignores.
fn in_key(on: &On, key: &str, at: String) -> Lint {
    let hint = match suggest(key, KEYS.into_iter().chain(RUNTIMES)) {
        Some(name) => format!("did you mean `{name}`?"),
        None => "remove it, or use `condition`".to_owned(),
    };
    let message = format!("`{}.{key}` is not a condition; Travis CI ignores it", on.key);
    Lint { is_unknown_key: true, ..lint(at, message, &hint) }
}

fn in_tags(on: &On, node: &Node, at: String) -> Option<Lint> {
    match node.as_flag() {
        Some(true) if on.map.get("branch").is_some() => Some(lint(
            on.pointer("branch"),
            "Travis CI does not check the branch if `tags` is true".to_owned(),
            "remove `branch`: a tag belongs to no branch",
        )),
        Some(_) => None,
        None if node.is_truthy() => Some(lint(
            at,
            format!(
                "`tags` is {}, so Travis CI checks neither tag nor branch and always deploys",
                node.quoted()
            ),
            "write `tags: true`, and compare the tag with `condition: $TRAVIS_TAG =~ ^v`",
        )),
        None => None,
    }
}

/// Warns about a runtime or a repository that is not a single string. `3.10` without quotes is the number
/// 3.1.
fn in_single_value(key: &str, node: &Node, at: String) -> Option<Lint> {
    if let Node::List(items) = node {
        let message =
            format!("`{key}` is a list of {} entries; Travis CI reads only the first one", items.len());
        return Some(lint(at, message, "write one value, or one stanza per value"));
    }
    let text = match node {
        Node::Number(number) if number.is_f64() => node.scalar()?,
        _ => return None,
    };
    let (whole, digit) = text.split_once('.').filter(|(_, digits)| ["1", "2"].contains(digits))?;
    let message = format!("`{key}` is the number {text}, which may have been written as {whole}.{digit}0");
    Some(lint(at, message, "put versions in quotes"))
}

/// Warns about a value of `branch` that Travis CI accepts although it is not a branch or a list of branches.
fn in_branch(node: &Node, at: &str) -> Vec<Lint> {
    let is_name = |node: &Node| matches!(node, Node::Text(_) | Node::Number(_) | Node::Null);
    let is_plain = match node {
        Node::List(items) => items.iter().all(is_name),
        node => is_name(node),
    };
    let message = format!(
        "`branch` is {}; Travis CI reads the keys of maps and the entries of nested lists as branches",
        node.kind()
    );
    let others = (!is_plain).then(|| lint(at.to_owned(), message, "write a branch, or a list of branches"));
    // No branch begins with a slash.
    let is_regex = |text: &String| text.len() > 2 && text.starts_with('/') && text.ends_with('/');
    let regexes = texts(node).into_iter().filter(is_regex).map(|text| {
        let message = format!(
            "`branch` is {}; Travis CI compares it as a pattern of bash, not as a regular expression, so it \
             matches no branch",
            quoted(&text)
        );
        let hint = "write `all_branches: true` and `condition: $TRAVIS_BRANCH =~ ^release`, or a pattern \
                    such as `release*`";
        lint(at.to_owned(), message, hint)
    });
    others.into_iter().chain(regexes).collect()
}

/// Warns if the stanza names no branch and the build is on a typical default branch other than `master`, such
/// as `main`.
fn implicit_master(on: &On, stanza: &Map, env: &Environment) -> Option<Lint> {
    let says_nothing = ["branch", "all_branches", "tags"].iter().all(|key| on.map.get(key).is_none())
        && default_branches(on, stanza) == ["master"];
    let branch = env.expand("TRAVIS_BRANCH");
    let at = format!("/{}", on.key);
    (says_nothing && ["main", "trunk"].contains(&branch.as_ref())).then(|| {
        let message = format!(
            "the stanza names no branch, so Travis CI deploys only `master`; this build is on `{branch}`"
        );
        lint(at, message, &format!("write `on: {branch}`"))
    })
}

/// Warns about the branch condition in a build of a tag, in which `TRAVIS_BRANCH` is the name of the tag.
pub(super) fn in_tag_build(on: &On, verdict: &Verdict, env: &Environment) -> Option<Lint> {
    let branch = verdict.checked.iter().find(|checked| checked.condition == Condition::Branch)?;
    let tag = env.expand("TRAVIS_TAG");
    if tag.is_empty() || tag != branch.got {
        return None;
    }
    if branch.met { tag_for_branch(on, verdict, branch) } else { branch_for_tag(on, branch) }
}

/// Warns if a tag matches the branch condition: a person who can push a tag named `main` can deploy without a
/// push to that branch.
fn tag_for_branch(on: &On, verdict: &Verdict, branch: &ConditionResult) -> Option<Lint> {
    // A stanza with a condition on `TRAVIS_TAG` is meant for tags.
    let is_for_tags = on
        .map
        .get("condition")
        .is_some_and(|node| texts(node).iter().any(|text| text.contains("TRAVIS_TAG")));
    let message = format!(
        "the tag `{}` matches the branch `{}`, because Travis CI uses the name of a tag as the branch of its \
         build",
        branch.got, branch.want
    );
    (verdict.deploys && !is_for_tags).then(|| {
        let hint = "add `tags: false` to the conditions, or `tags: true` to deploy every tag";
        lint(on.of_branch(), message, hint)
    })
}

/// Warns if a build of a tag is skipped because of its branch, unless the stanza says that it deploys no tag.
/// The author of a condition on a tag often expects that a tag belongs to the branch of its commit.
fn branch_for_tag(on: &On, branch: &ConditionResult) -> Option<Lint> {
    let (key, tag, want) = (on.key, &branch.got, &branch.want);
    let only = match on.map.get("branch") {
        Some(_) => format!("`{key}.branch` names only `{want}`"),
        None => format!("`{key}` names no branch, so only `{want}` is deployed"),
    };
    let message =
        format!("this is a build of the tag `{tag}`, and its branch is called `{tag}`, too; {only}");
    let hint = "write `all_branches: true`, or `tags: true` to deploy tags only";
    on.map.get("tags").is_none().then(|| lint(on.of_branch(), message, hint))
}

fn texts(node: &Node) -> Vec<String> {
    match node {
        Node::List(items) => items.iter().flat_map(texts).collect(),
        node => node.scalar().into_iter().collect(),
    }
}

fn in_condition(node: &Node, at: &str) -> Vec<Lint> {
    match node {
        Node::List(_) => node.entries(at).iter().flat_map(|(at, item)| in_condition(item, at)).collect(),
        node => node.scalar().and_then(|text| in_text(&text, at)).into_iter().collect(),
    }
}

/// Words of the grammar for whole jobs (`if:` at the top level), which is not bash.
const JOB_GRAMMAR: [&str; 9] =
    [" IS ", " IN ", " AND ", " OR ", " NOT ", " is present", " is blank", "concat(", "env("];

/// Names in that grammar. In bash they are ordinary words.
const JOB_NAMES: [&str; 9] =
    ["branch", "tag", "type", "repo", "os", "sender", "fork", "commit_message", "head_branch"];

fn in_text(text: &str, at: &str) -> Option<Lint> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let first = *words.first()?;
    let warn = |message: String, hint: &str| Some(lint(at.to_owned(), message, hint));
    if first == "[" || first.starts_with("[[") || first == "test" {
        let message = format!("the condition contains `{first}`, but Travis CI already puts it into [[ ]]");
        return warn(message, "remove the brackets or `test`");
    }
    let unquoted = without_quotes(text);
    if JOB_GRAMMAR.iter().any(|word| unquoted.contains(word)) || text.starts_with("NOT ") {
        let message = "this is the syntax of conditions for whole jobs (`if`), not bash".to_owned();
        return warn(message, "write bash, such as `$TRAVIS_BRANCH = main && -n $TRAVIS_TAG`");
    }
    if let Some(word) = words.iter().skip(3).find(|word| ["-a", "-o"].contains(*word)) {
        let right = if *word == "-a" { "&&" } else { "||" };
        return warn(format!("`{word}` is an operator of `test`, not of [[ ]]"), &format!("write `{right}`"));
    }
    if let Some(word) = words.iter().find(|word| [">=", "<="].contains(*word)) {
        let right = if *word == ">=" { "-ge" } else { "-le" };
        let hint = format!("write `{right}` to compare whole numbers");
        return warn(format!("bash has no operator `{word}`"), &hint);
    }
    if let [word] = words.as_slice() {
        if ["true", "false", "yes", "no", "0", "1"].contains(word) {
            let message = format!("`{word}` is a plain word, which is always true");
            return warn(message, "write a comparison, such as `$DEPLOY = true`");
        }
        if JOB_NAMES.contains(word) {
            let message = format!("`{word}` is a plain word, which is always true");
            return warn(message, "use a variable, such as `$TRAVIS_TAG`");
        }
    }
    if words.len() > 1 && JOB_NAMES.contains(&first) && ["=", "==", "!=", "=~"].contains(&words[1]) {
        let message = format!("`{first}` is a plain word here, not a value of the job");
        return warn(message, &format!("write `$TRAVIS_{}`", first.to_uppercase()));
    }
    always_true(&words).and_then(|word| {
        let message = format!("`{word}` is a single word without spaces, which is always true");
        warn(message, "put spaces around `=`")
    })
}

/// A condition without its quoted parts, which belong to neither grammar.
fn without_quotes(text: &str) -> String {
    text.split(['"', '\'']).step_by(2).collect::<Vec<_>>().join("\"\"")
}

/// Finds a word such as `$X=a` in the place of a test.
fn always_true<'a>(words: &[&'a str]) -> Option<&'a str> {
    let is_joint = |word: Option<&&str>| word.is_none_or(|word| ["&&", "||", "!", "(", ")"].contains(word));
    words.iter().enumerate().find_map(|(index, word)| {
        let before = index.checked_sub(1).and_then(|index| words.get(index));
        let (left, _) = word.split_once('=')?;
        let is_assignment_like = !left.is_empty()
            && !left.contains(['(', '<', '>'])
            && (left.contains('$') || left.chars().all(char::is_alphanumeric));
        (is_assignment_like && is_joint(before) && is_joint(words.get(index + 1))).then_some(*word)
    })
}

fn lint(at: String, message: String, hint: &str) -> Lint {
    let warning = Warning::new(WarningCode::SurprisingCondition, message).hint(hint).at(at);
    Lint { warning, is_unknown_key: false }
}

#[cfg(test)]
mod tests {
    use super::super::BashOptions;
    use super::super::tests::evaluated_with;
    use super::*;

    fn warned(stanza: &str, branch: &str) -> Vec<(String, String)> {
        let stanza = &Map::of_json(stanza);
        let on = super::super::expression::on(stanza).expect("readable");
        let env: Environment = [("TRAVIS_BRANCH", branch)].into_iter().collect();
        let warnings = find(&on, stanza, &env).into_iter().map(|lint| lint.warning);
        warnings.map(|w| (w.at.unwrap_or_default(), w.hint.unwrap_or_default())).collect()
    }

    #[track_caller]
    fn check(on: &str, at: &str, hint: &str) {
        let found = warned(&format!(r#"{{"on":{on}}}"#), "master");
        assert_eq!(found.len(), 1, "{on}: {found:?}");
        assert_eq!(found[0].0, at);
        assert!(found[0].1.contains(hint), "{on}: {found:?}");
    }

    #[test]
    fn conditions_that_are_always_true() {
        check(r#"{"condition":"$A=b"}"#, "/on/condition", "spaces around");
        check(r#"{"condition":["$B = c","$A=b && $B = c"]}"#, "/on/condition/1", "spaces around");
        check(r#"{"condition":true}"#, "/on/condition", "write a comparison");
        check(r#"{"condition":"false"}"#, "/on/condition", "write a comparison");
        check(r#"{"condition":"tag"}"#, "/on/condition", "$TRAVIS_TAG");
    }

    #[test]
    fn conditions_in_another_language() {
        check(r#"{"condition":"[ $A = b ]"}"#, "/on/condition", "brackets");
        check(r#"{"condition":"[[ $A = b ]]"}"#, "/on/condition", "brackets");
        check(r#"{"condition":"test $A = b"}"#, "/on/condition", "brackets");
        check(r#"{"condition":"$A = b -a $C = d"}"#, "/on/condition", "&&");
        check(r#"{"condition":"$A >= 3"}"#, "/on/condition", "-ge");
        check(r#"{"condition":"tag IS present"}"#, "/on/condition", "write bash");
        check(r#"{"condition":"branch IN (main, dev)"}"#, "/on/condition", "write bash");
        check(r#"{"condition":"branch = main AND tag =~ ^v"}"#, "/on/condition", "write bash");
        check(r#"{"condition":"branch = main"}"#, "/on/condition", "$TRAVIS_BRANCH");
    }

    #[test]
    fn keys_that_do_not_do_what_they_say() {
        check(r#"{"tag":true}"#, "/on/tag", "did you mean `tags`?");
        check(r#"{"branches":"x"}"#, "/on/branches", "did you mean `branch`?");
        check(r#"{"conditions":"x"}"#, "/on/conditions", "did you mean `condition`?");
        check(r#"{"os":"linux"}"#, "/on/os", "TRAVIS_OS_NAME");
        check(r#"{"otp_release":"21"}"#, "/on/otp_release", "condition");
        check(r#"{"tags":true,"branch":"x"}"#, "/on/branch", "remove `branch`");
        check(r#"{"tags":"v1"}"#, "/on/tags", "tags: true");
        check(r#"{"python":3.1}"#, "/on/python", "quotes");
        check(r#"["a","b"]"#, "/on", "a map");
        check(r#"{"branch":{"master":"x"}}"#, "/on/branch", "a list of branches");
        check(r#"{"branch":"/^release.*$/"}"#, "/on/branch", "$TRAVIS_BRANCH =~ ^release");
        check(r#"{"branch":["master","/^v/"]}"#, "/on/branch", "`release*`");
        check(r#"{"repo":["o/r"]}"#, "/on/repo", "one value");
    }

    #[test]
    fn main_is_not_master() {
        assert_eq!(warned("{}", "main"), [("/on".to_owned(), "write `on: main`".to_owned())]);
        assert_eq!(warned(r#"{"on":"master"}"#, "main"), []);
        let by_branch = r#"{"function_name":{"dev":"f"}}"#;
        assert_eq!(warned(by_branch, "main"), [], "the branches are those of the map");
    }

    #[track_caller]
    fn in_tag_v1(on: &str) -> Option<(String, String)> {
        let env = [("TRAVIS_BRANCH", "v1"), ("TRAVIS_TAG", "v1")];
        let stanza = format!(r#"{{"on":{on}}}"#);
        let (verdict, lints) = evaluated_with(&stanza, &env, BashOptions::default());
        assert!(verdict.is_ok(), "{on}");
        lints.into_iter().next().map(|lint| (lint.warning.at.unwrap_or_default(), lint.warning.message))
    }

    #[test]
    fn a_tag_belongs_to_no_branch() {
        let begin = "this is a build of the tag `v1`, and its branch is called `v1`, too; ";
        let unnamed = format!("{begin}`on` names no branch, so only `master` is deployed");
        assert_eq!(in_tag_v1("{}"), Some(("/on".to_owned(), unnamed)));
        let named = format!("{begin}`on.branch` names only `main, dev`");
        assert_eq!(in_tag_v1(r#"{"branch":["main","dev"]}"#), Some(("/on/branch".to_owned(), named)));
        for on in [
            r#"{"tags":true}"#,
            r#"{"tags":false}"#,
            r#"{"tags":false,"branch":"main"}"#,
            r#"{"all_branches":true}"#,
        ] {
            assert_eq!(in_tag_v1(on), None, "{on}");
        }
    }

    #[test]
    fn ordinary_conditions_raise_no_alarm() {
        for condition in [
            "$A = b",
            "$A =~ ^v[0-9]+$",
            "-n $A && $B != c",
            "$(uname) = Linux",
            "$A = a=b",
            "! ( $A = b || -z $C )",
            r#"\"$A\" == \"x=y\""#,
            "-f dist/a=b",
            r#"$MESSAGE =~ \"FOO AND BAR\""#,
            "$TRAVIS_EVENT_TYPE != cron",
        ] {
            let stanza = format!(r#"{{"on":{{"condition":"{condition}"}}}}"#);
            assert_eq!(warned(&stanza, "master"), [], "{condition}");
        }
        for on in [
            r#"{"node":9}"#,
            r#"{"python":"3.10"}"#,
            r#"{"branch":1.1}"#,
            r#"{"tags":false,"branch":"x"}"#,
            r#"{"branch":["release/*","fix/"]}"#,
        ] {
            assert_eq!(warned(&format!(r#"{{"on":{on}}}"#), "master"), [], "{on}");
        }
    }
}
