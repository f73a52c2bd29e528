use super::*;

fn facts(variables: &[(Variable, &str)], env: &[(&str, &str)], is_complete: bool) -> Facts {
    Facts {
        variables: variables.iter().map(|(name, value)| (*name, Some((*value).to_owned()))).collect(),
        env: env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        is_complete,
    }
}

/// The result for a push to the branch `main`, of which everything is known.
fn on_main(condition: &str) -> Result<Verdict, InvalidCondition> {
    let variables = [(Variable::Branch, "main"), (Variable::Type, "push"), (Variable::Fork, "false")];
    evaluate(condition, &facts(&variables, &[("STAGE", "prod"), ("QUOTED", "'a b'"), ("ON", "True")], true))
}

#[track_caller]
fn assert_all(conditions: &[&str], expected: Verdict) {
    for condition in conditions {
        assert_eq!(on_main(condition), Ok(expected.clone()), "{condition}");
    }
}

#[test]
fn terms_are_met() {
    let conditions = [
        "branch = main",
        "branch == 'main'",
        "branch=main",
        "branch != master",
        "branch IN (master, main)",
        "branch in(master,\"main\",)",
        "branch NOT IN (master)",
        "branch =~ ^m",
        "branch ~= /^(main|master)$/",
        "branch !~ ^release/",
        "branch IS present",
        "tag is BLANK",
        "tag IS NOT present",
        "fork IS false",
        "fork IS NOT true",
        "fork = FALSE",
        "fork =~ ^false$",
        "env(STAGE) = prod",
        "ENV(QUOTED) = 'a b'",
        "env(ON)",
        "env(ON) = true",
        "env(env(NONE)) IS blank",
        "env(TRAVIS_BRANCH) IS blank",
        "concat(branch, '-', env(STAGE)) = main-prod",
        "branch =~ concat('^', branch, '$')",
        "main = branch",
        "branch",
        "\"\"",
        "tag = env(NONE)",
    ];
    assert_all(&conditions, Verdict::Met);
}

#[test]
fn terms_are_not_met() {
    let conditions = [
        "branch = Main",
        "branch IN (master)",
        "branch =~ ^$",
        "tag =~ ^$",
        "tag =~ .*",
        "tag IS present",
        "fork",
        "fork IS present",
        "false",
        "env(STAGE) = Prod",
        "branch = \"\"",
        "type = \"true\"",
    ];
    assert_all(&conditions, Verdict::NotMet);
}

#[test]
fn and_binds_tighter_than_or_and_not_tighter_than_both() {
    let met = [
        "branch = main OR branch = x AND type = x",
        "NOT branch = x AND type = push",
        "NOT (branch = x AND type = x)",
        "!tag && !(branch = x) || false",
        "not not branch = main",
        "branch = main \\\n  AND type = push",
    ];
    assert_all(&met, Verdict::Met);
    let not_met =
        ["(branch = main OR branch = x) AND type = x", "NOT branch = x AND type = x", "!branch||tag"];
    assert_all(&not_met, Verdict::NotMet);
}

/// Each of these surprises follows from Travis's parser.
#[test]
fn surprises_of_travis_ci_are_the_same() {
    let met = [
        // The name of a function is skipped, even without a parenthesis.
        "ironment = environment",
        // Words are recognized by their beginning: this is `tag OR igin`.
        "tag origin",
        // A variable ends at a few characters only, and `!` is none of them.
        "branch != main || branch!=main",
        // An `IS` without a predicate is skipped.
        "branch IS = main",
        // A missing regular expression has no match.
        "NOT branch =~",
        "branch !~ env(NONE)",
        // More commas than needed.
        "branch IN (main,,)",
        // The slash at the end is removed, though there is none at the beginning.
        "branch =~ ain/",
        // What is not evaluated does no harm.
        "branch = main OR branch IN",
        "branch = main OR branch =~ /(/",
    ];
    assert_all(&met, Verdict::Met);
    assert_all(&["notag", "Branch = main", "branch=main;"], Verdict::NotMet);
}

#[test]
fn what_travis_ci_cannot_parse_is_an_error_with_its_position() {
    for (condition, position, problem) in [
        ("", 1, "expected a value, but the condition ends"),
        ("branch = ", 10, "expected a value, but the condition ends"),
        ("tag present", 5, "expected `AND`, `OR` or the end, but found `present`"),
        ("branch == master && (", 22, "expected a value, but the condition ends"),
        ("(branch = main", 15, "expected `)`, but the condition ends"),
        ("branch === main", 10, "expected a value, but found `=`"),
        ("branch IN ()", 12, "expected a value, but found `)`"),
        ("branch IN (a b)", 14, "expected `)`, but found `b)`"),
        ("branch = \"main", 15, "expected a closing `\"`, but the condition ends"),
        ("(branch =~ ^(a|b))", 18, "expected `AND`, `OR` or the end, but found `)`"),
        ("branch = feature x", 18, "expected `AND`, `OR` or the end, but found `x`"),
        ("branch =~ é", 12, "expected `AND`, `OR` or the end, but found `\u{fffd}`"),
    ] {
        let expected = InvalidCondition { position: Some(position), problem: problem.to_owned() };
        assert_eq!(on_main(condition), Err(expected), "{condition}");
    }
    let shell = on_main("branch = $TRAVIS_BRANCH").expect_err("shell code");
    assert!(
        shell.position == Some(10) && shell.problem.starts_with("`$TRAVIS_BRANCH` is shell code"),
        "{shell}"
    );
    let deep = on_main(&"(".repeat(1_000_000)).expect_err("too deep");
    assert_eq!(deep.to_string(), "the condition is nested too deeply (character 102)");
}

#[test]
fn what_travis_ci_cannot_evaluate_is_an_error_without_a_position() {
    for condition in
        ["branch IN", "branch =~ /(/", "branch =~ *", "branch =~ true", "env()", "env(a, b)", "env(true)"]
    {
        let error = on_main(condition).expect_err(condition);
        assert_eq!(error.position, None, "{condition}: {error}");
    }
}

#[test]
fn a_result_is_unknown_only_if_it_depends_on_what_is_unknown() {
    let known = facts(&[(Variable::Branch, "main")], &[("STAGE", "prod")], false);
    let result = |condition: &str| evaluate(condition, &known);
    let unknown = |what: &[&str]| -> Result<Verdict, InvalidCondition> {
        Ok(Verdict::Unknown { what: what.iter().map(|name| (*name).to_owned()).collect() })
    };
    for (condition, expected) in [
        ("branch = main AND fork = false", unknown(&["`fork`"])),
        ("branch = x AND fork = false", Ok(Verdict::NotMet)),
        ("fork = false AND branch = x", Ok(Verdict::NotMet)),
        ("fork = false OR branch = main", Ok(Verdict::Met)),
        ("fork = false OR sender = me OR branch = x", unknown(&["`fork`", "`sender`"])),
        ("NOT fork", unknown(&["`fork`"])),
        ("main IN (branch, sender)", Ok(Verdict::Met)),
        ("x IN (branch, sender)", unknown(&["`sender`"])),
        ("env(STAGE) = prod", Ok(Verdict::Met)),
        ("env(OTHER) = prod", unknown(&["`env(OTHER)`"])),
        ("env(TRAVIS_TAG) IS present", Ok(Verdict::NotMet)),
        ("concat(branch, type) = x", unknown(&["`type`"])),
        // Whether Travis CI fails depends on `fork`.
        ("fork OR branch IN", unknown(&["`fork`"])),
        ("fork AND branch IN", unknown(&["`fork`"])),
    ] {
        assert_eq!(result(condition), expected, "{condition}");
    }
}

/// The result of a pattern for a text. `None`: it is unknown.
fn matches(pattern: &str, text: &str) -> Option<bool> {
    match pattern::matches(pattern, Some(text)) {
        Ok(matches) => Some(matches),
        Err(Undecided::Unknown(what)) => {
            let what: Vec<_> = what.into_iter().collect();
            assert!(what[0].starts_with(&format!("the regular expression `{pattern}` (")), "{what:?}");
            None
        }
        Err(Undecided::Invalid(problem)) => panic!("{problem}"),
    }
}

#[test]
fn a_regular_expression_matches_as_in_ruby() {
    for (pattern, text) in [
        ("", ""),
        ("ain", "main"),
        ("^v\\d+\\.\\d+(\\.\\d+)?$", "v1.20"),
        ("^(?:release|hotfix)\\/.+", "release/1"),
        ("^v[0-9.]+(-rc\\.[1-9]\\d{0,2})?$", "v1.0-rc.12"),
        // Anchors are those of a line, and the dot is no line break.
        ("^b$", "a\nb\nc"),
        ("\\Aa$", "a\nb"),
        ("(?m)a.b", "a\nb"),
        ("(?m:a.)b", "a\nb"),
        ("(?i)RELEASE", "a release"),
        ("\\[(?i:skip) ci\\]", "x [SKIP ci]"),
        ("(?i)a|B", "b"),
        ("^[\\w.-]+$", "a-b.c_d"),
        ("[[:digit:]]{2}", "a12"),
        ("[^a-c\\d]", "a1d"),
        ("\\h{7}\\z", "abc12ef"),
        ("[\\h]\\Z", "f"),
        ("\\bFE\\b", "the FE part"),
        ("a{,2}b{c}{", "b{c}{"),
        ("a{2}+", "aa"),
        ("(?<major>\\d+)\\.", "12."),
        ("a*?b??", "x"),
        ("é.", "éa"),
        ("\\é\\<\\/\\ ", "é</ "),
        ("[-a]]", "-]"),
    ] {
        assert_eq!(matches(pattern, text), Some(true), "{pattern} {text}");
    }
    for (pattern, text) in [
        ("^b", "ab"),
        ("a.b", "a\nb"),
        ("a(?i:b)", "AB"),
        ("\\d", "٣"),
        ("\\w", "é"),
        ("\\Ab", "a\nb"),
        ("b\\z", "b\n"),
        ("^v[0-9]+", "nightly"),
    ] {
        assert_eq!(matches(pattern, text), Some(false), "{pattern} {text}");
    }
}

#[test]
fn what_only_ruby_can_match_is_unknown() {
    for (pattern, text) in [
        ("^(?!main)", "a"),
        ("(?<=a)b", "ab"),
        ("(?<!a)b", "ab"),
        ("(?>a)", "a"),
        ("(?x)a b", "ab"),
        ("(?)a", "a"),
        ("(a)\\1", "aa"),
        ("a++", "aa"),
        ("a{2}?", "a"),
        ("a{3,2}", "a"),
        ("a{1000000}", "a"),
        ("^*a", "a"),
        ("a(?i)b|c", "C"),
        ("\\p{Alpha}", "a"),
        ("\\R", "\n"),
        ("\\G", "a"),
        ("[a-z&&[^b]]", "a"),
        ("[a[bc]]", "b"),
        ("[--a]", "0"),
        ("[]a]", "]"),
        ("[\\d-z]", "-"),
        ("(?i)é", "É"),
        // Ruby would compare letters outside of ASCII, too.
        ("\\bé", "é"),
        ("(?i)k", "\u{212a}"),
        ("[[:alpha:]]", "é"),
        // At the end of such a text, Ruby's anchors have rules of their own.
        ("^$", "a\n"),
        ("a\\Z", "a\n"),
    ] {
        assert_eq!(matches(pattern, text), None, "{pattern} {text}");
    }
    // Nothing never matches, whatever the pattern is.
    assert_eq!(pattern::matches("^(?!main)", None), Ok(false));
}

#[test]
fn a_pattern_of_many_groups_or_braces_takes_linear_time() {
    let many = 300_000;
    // The engine refuses so many groups.
    assert_eq!(matches(&format!("{}a{}", "(".repeat(many), ")".repeat(many)), "a"), None);
    assert_ne!(matches(&"{".repeat(many), "a"), Some(true));
    assert_ne!(matches(&"{1".repeat(many), "a"), Some(true));
}

#[test]
fn a_search_that_takes_too_long_is_not_begun() {
    let (short, long) = ("a".repeat(100), "a".repeat(1 << 20));
    for pattern in [&"a?".repeat(20_000)[..], "(a{0,900}){0,20}b"] {
        assert!(matches(pattern, &short).is_some(), "{pattern:.20}");
        assert_eq!(matches(pattern, &long), None, "{pattern:.20}");
    }
    assert_eq!(matches("^(fix|feat)(\\(.*\\))?: |\\[deploy\\]", &long), Some(false));
}

#[test]
fn what_ruby_refuses_is_invalid() {
    for pattern in ["(", ")", "a)", "(a", "[a", "[\\]", "*", "a|+", "(?:?)", "{1}", "a|{2,}", "a\\"] {
        for text in [Some("a"), None] {
            let result = pattern::matches(pattern, text);
            assert!(matches!(result, Err(Undecided::Invalid(_))), "{pattern}: {result:?}");
        }
    }
}
