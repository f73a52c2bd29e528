//! Tests of conditions: stanza and job, with the expected verdict and warnings.

use super::*;

pub(super) fn evaluated_with(
    stanza: &str,
    env: &[(&str, &str)],
    bash_options: BashOptions,
) -> (Result<Verdict, ConditionError>, Vec<Lint>) {
    let path = ("PATH", "/usr/local/bin:/usr/bin:/bin");
    let env: Environment = [path].into_iter().chain(env.iter().copied()).collect();
    evaluate(&Map::of_json(stanza), &env, bash_options, &CancelToken::new())
}

fn evaluated(stanza: &str, env: &[(&str, &str)]) -> Result<Verdict, ConditionError> {
    evaluated_with(stanza, env, BashOptions::default()).0
}

fn evaluated_on(on: &str, env: &[(&str, &str)]) -> Result<Verdict, ConditionError> {
    evaluated(&format!(r#"{{"on":{on}}}"#), env)
}

#[track_caller]
fn check(on: &str, env: &[(&str, &str)], deploys: bool) {
    let verdict = evaluated_on(on, env).unwrap_or_else(|error| panic!("{on}: {error:?}"));
    assert_eq!(verdict.deploys, deploys, "{on} with {env:?}: {:?}", verdict.checked);
}

fn unmet(stanza: &str, env: &[(&str, &str)]) -> Vec<Condition> {
    let verdict = evaluated(stanza, env).expect("bash can evaluate it");
    verdict.checked.into_iter().filter(|checked| !checked.met).map(|checked| checked.condition).collect()
}

const MASTER: (&str, &str) = ("TRAVIS_BRANCH", "master");
const TAG: (&str, &str) = ("TRAVIS_TAG", "v1");

#[test]
fn the_default_branch_is_master_and_never_main() {
    check("{}", &[MASTER], true);
    check("{}", &[("TRAVIS_BRANCH", "main")], false);
    check("{}", &[], false);
    check("null", &[MASTER], true);
    check("false", &[MASTER], true);
}

#[test]
fn a_branch_is_a_pattern() {
    let release = [("TRAVIS_BRANCH", "release/1")];
    check(r#"{"branch":"release/*"}"#, &release, true);
    check(r#"{"branch":["main","release/?"]}"#, &release, true);
    check(r#"{"branch":"!(master)"}"#, &release, true);
    check(r#"{"branch":"^release/1$"}"#, &release, false);
    check(r#""release/1""#, &release, true);
}

#[test]
fn a_branch_name_on_the_left_is_always_literal() {
    for name in ["a b", "*", "-n", "(", "]]", "$(exit)", "'"] {
        check(r#"{"branch":"[a-z]*"}"#, &[("TRAVIS_BRANCH", name)], name == "a b");
    }
}

#[test]
fn tags_true_ignores_the_branch_and_tags_false_keeps_it() {
    let dev = ("TRAVIS_BRANCH", "dev");
    check(r#"{"tags":true}"#, &[dev, TAG], true);
    check(r#"{"tags":true}"#, &[MASTER], false);
    check(r#"{"tags":true,"branch":"x"}"#, &[dev, TAG], true);
    check(r#"{"tags":false}"#, &[dev], false);
    check(r#"{"tags":false}"#, &[MASTER], true);
    check(r#"{"tags":false}"#, &[MASTER, TAG], false);
    check(r#"{"tags":"yes"}"#, &[dev, TAG], true);
    check(r#"{"tags":"false"}"#, &[dev], false);
    check(r#"{"tags":"v1"}"#, &[dev], true);
}

#[test]
fn a_tag_that_is_called_like_the_branch_deploys_with_a_warning() {
    let warned = |on: &str, env: &[(&str, &str)]| {
        let (verdict, lints) = evaluated_with(&format!(r#"{{"on":{on}}}"#), env, BashOptions::default());
        let ats = lints.into_iter().filter_map(|lint| lint.warning.at);
        (verdict.expect("a verdict").deploys, ats.collect::<Vec<_>>())
    };
    let tagged = |name| [("TRAVIS_BRANCH", name), ("TRAVIS_TAG", name)];
    let at = |at: &str| vec![at.to_owned()];
    assert_eq!(warned(r#"{"branch":"main"}"#, &tagged("main")), (true, at("/on/branch")));
    assert_eq!(warned(r#"{"branch":["dev","release/*"]}"#, &tagged("release/1")), (true, at("/on/branch")));
    assert_eq!(warned(r#""main""#, &tagged("main")), (true, at("/on")));
    assert_eq!(warned(r#"["main"]"#, &tagged("main")), (true, at("/on/0")));
    assert_eq!(warned("{}", &tagged("master")), (true, at("/on")));
    let silent = |deploys| (deploys, Vec::new());
    // The build of a tag has the tag as its branch: skipped, with a warning that says why.
    assert_eq!(warned(r#"{"branch":"main"}"#, &tagged("v1")), (false, at("/on/branch")));
    assert_eq!(warned(r#"{"branch":"main","tags":false}"#, &tagged("main")), silent(false));
    assert_eq!(warned(r#"{"tags":true}"#, &tagged("main")), silent(true));
    assert_eq!(warned(r#"{"all_branches":true}"#, &tagged("main")), silent(true));
    assert_eq!(
        warned(r#"{"branch":"main"}"#, &[("TRAVIS_BRANCH", "main"), ("TRAVIS_TAG", "")]),
        silent(true)
    );
    assert_eq!(warned(r#"{"branch":"v*","condition":"-n $TRAVIS_TAG"}"#, &tagged("v1")), silent(true));
}

#[test]
fn all_branches_needs_no_branch() {
    check(r#"{"all_branches":true}"#, &[("TRAVIS_BRANCH", "dev")], true);
    check(r#"{"all_branches":"no"}"#, &[("TRAVIS_BRANCH", "dev")], false);
}

#[test]
fn a_repo_is_compared_literally_in_double_quotes() {
    let slug = [MASTER, ("TRAVIS_REPO_SLUG", "me/app"), ("OWNER", "me")];
    check(r#"{"repo":"me/app"}"#, &slug, true);
    check(r#"{"repo":"me/*"}"#, &slug, false);
    check(r#"{"repo":"$OWNER/app"}"#, &slug, true);
    check(r#"{"repo":"Me/app"}"#, &slug, false);
}

#[test]
fn a_runtime_is_compared_literally() {
    let node = [MASTER, ("TRAVIS_NODE_VERSION", "9"), ("TRAVIS_RUBY_VERSION", "2.3.*")];
    check(r#"{"node":9}"#, &node, true);
    check(r#"{"node_js":"9"}"#, &node, true);
    check(r#"{"node":"*"}"#, &node, false);
    check(r#"{"rvm":"2.3.*"}"#, &node, true);
    check(r#"{"python":""}"#, &node, true);
    check(r#"{"node":9,"python":"3.6"}"#, &node, false);
    // `false` is the text of a version, except that `node_js` replaces a `node` that is false.
    check(r#"{"python":false}"#, &node, false);
    check(r#"{"node":false}"#, &node, false);
    check(r#"{"node":false,"node_js":9}"#, &node, true);
}

#[test]
fn conditions_are_bash() {
    let env = [MASTER, ("A", "x y"), ("N", "7")];
    check(r#"{"condition":"$A = \"x y\""}"#, &env, true);
    check(r#"{"condition":["$A =~ ^x","$N -gt 6"]}"#, &env, true);
    check(r#"{"condition":["$A =~ ^x","$N -gt 7"]}"#, &env, false);
    check(r#"{"condition":"$A = y || $N = 7"}"#, &env, true);
    check(r#"{"condition":"$A=y"}"#, &env, true);
    check(r#"{"condition":false}"#, &env, true);
    check(r#"{"condition":"$A =~ ["}"#, &env, false);
    check(r#"{"condition":"! $A =~ ["}"#, &env, true);
    check(r#"{"condition":"$UNSET"}"#, &env, false);
}

#[test]
fn what_bash_cannot_parse_is_no_verdict() {
    for on in [
        r#"{"condition":"[ $A = b ]"}"#,
        r#"{"condition":"$A = b -a $C = d"}"#,
        r#"{"condition":""}"#,
        r#"{"condition":"tag IS present"}"#,
        r#"{"condition":"${A b}"}"#,
        r#"{"condition":"${A:?}"}"#,
        r#"{"condition":"$(exit 0"}"#,
        r#"{"branch":""}"#,
        r#"{"branch":[]}"#,
        r#"{"branch":"a b"}"#,
        r#""""#,
    ] {
        let result = evaluated_on(on, &[MASTER]);
        assert!(matches!(result, Err(ConditionError::BadCondition { .. })), "{on}: {result:?}");
    }
}

#[test]
fn the_broken_element_is_named() {
    let result = evaluated(r#"{"on":{"branch":"x*","condition":["$A = b","foo bar"]}}"#, &[MASTER]);
    match result {
        Err(ConditionError::BadCondition { at, text, error_text }) => {
            assert_eq!((at.as_str(), text.as_str()), ("/on/condition/1", "foo bar"));
            assert!(error_text.starts_with("conditional binary operator expected"), "{error_text}");
        }
        other => panic!("{other:?}"),
    }
    for (on, pointer) in [
        (r#""a b""#, "/on"),
        (r#"["a b","c"]"#, "/on/0"),
        (r#"[{"condition":"a b"}]"#, "/on/0/condition"),
        (r#"[[{"branch":"a b"}]]"#, "/on/0/0/branch"),
    ] {
        let result = evaluated_on(on, &[MASTER]);
        let at = matches!(&result, Err(ConditionError::BadCondition { at, .. }) if at == pointer);
        assert!(at, "{on}: {result:?}");
    }
}

#[test]
fn conditions_that_are_too_long_for_bash_are_refused_at_the_longest_one() {
    let with =
        |count| format!(r#"{{"on":{{"branch":"m*","condition":["$A = b","$A != {}"]}}}}"#, "x".repeat(count));
    assert!(evaluated(&with(1_000_000), &[MASTER, ("A", "b")]).expect("a verdict").deploys);
    match evaluated(&with(1_100_000), &[MASTER, ("A", "b")]) {
        Err(ConditionError::TooLong { at, bytes }) => {
            assert_eq!((at.as_str(), bytes > 1_100_000), ("/on/condition/1", true));
        }
        other => panic!("{other:?}"),
    }
    // Without bash there is no limit.
    let verdict = evaluated(&format!(r#"{{"on":"{}"}}"#, "x".repeat(1_100_000)), &[MASTER]);
    assert!(!verdict.expect("a verdict").deploys);
}

#[test]
fn an_element_that_closes_its_parentheses_is_judged_as_travis_pastes_it() {
    let on = r#"{"condition":"$A = b) || ($B = d"}"#;
    check(on, &[MASTER, ("B", "d")], true);
    check(on, &[MASTER, ("B", "e")], false);
}

#[test]
fn the_jobs_environment_cannot_bend_bash() {
    for forged in [
        "a = a ]]; echo T; [[ a = b",
        // It closes its `if`, prints a forged verdict, and ends bash before there is a real one.
        "a = b) ]]; then :; fi; echo '0 T'; exit; if [[ (a = a",
        // It leaves the function in which Travis CI deploys.
        "a = a) ]]; return; [[ (a = a",
    ] {
        let result = evaluated_on(&format!(r#"{{"condition":"{forged}"}}"#), &[MASTER]);
        assert!(matches!(result, Err(ConditionError::BadCondition { .. })), "{result:?}");
    }
    for variable in [
        ("BASH_FUNC_eval%%", "() { echo '0 T'; }"),
        ("BASH_FUNC_builtin%%", "() { echo '0 T'; }"),
        ("BASH_FUNC_printf%%", "() { echo '0 T' >&9; }"),
        ("BASHOPTS", "nocasematch"),
        ("SHELLOPTS", "noexec"),
        ("BASH_ENV", "/dev/stdin"),
        ("ENV", "/dev/stdin"),
        ("POSIXLY_CORRECT", "1"),
        ("TMOUT", "1"),
    ] {
        check(r#"{"condition":"$X = b"}"#, &[MASTER, variable, ("X", "B")], false);
        check(r#"{"condition":"$X = b"}"#, &[MASTER, variable, ("X", "b")], true);
    }
    check(r#"{"condition":"$(echo '0 T' >&9) = x"}"#, &[MASTER], false);
    check(r#"{"condition":"-o posix"}"#, &[MASTER, ("POSIX_PEDANTIC", "1")], false);
}

#[test]
fn every_unmet_group_is_listed() {
    let env = [("TRAVIS_BRANCH", "dev"), ("TRAVIS_REPO_SLUG", "fork/app")];
    assert_eq!(
        unmet(r#"{"on":{"repo":"me/app","branch":"x*","node":"9","condition":"$A = b","tags":false}}"#, &env),
        [Condition::Repo, Condition::Branch, Condition::Runtime, Condition::Condition]
    );
    assert_eq!(unmet(r#"{"on":{"node":"9","python":"","branch":"dev"}}"#, &env), [Condition::Runtime]);
}

#[test]
fn a_group_that_is_met_is_not_listed_beside_one_that_is_not() {
    let env = [MASTER, ("TRAVIS_REPO_SLUG", "o/r"), ("TRAVIS_PYTHON_VERSION", "3")];
    assert_eq!(unmet(r#"{"on":{"repo":"x/y","condition":"a = a"}}"#, &env), [Condition::Repo]);
    assert_eq!(
        unmet(r#"{"on":{"repo":"o/r","branch":"m*","condition":"a = b","python":"3"}}"#, &env),
        [Condition::Condition]
    );
    // An assignment in the whole text does not change the evaluation of the parts.
    let env = [MASTER, ("A", "1"), ("B", "A=5"), ("C", "x")];
    assert_eq!(unmet(r#"{"on":{"branch":"m*","condition":"$B -eq \"$A\""}}"#, &env), [Condition::Condition]);
}

#[test]
fn the_negations_in_traviss_text_must_parse_too() {
    let result = evaluated(r#"{"on":{"branch":"master || (a = a","condition":"a = a)"}}"#, &[MASTER]);
    assert!(matches!(result, Err(ConditionError::BadCondition { .. })), "{result:?}");
}

#[test]
fn an_element_that_bash_gives_up_on_is_broken_also_behind_an_unmet_branch() {
    for on in [r#"{"condition":"${A:?}","branch":"dev"}"#, r#"{"condition":"${A b} = 1","branch":"d*"}"#] {
        let result = evaluated_on(on, &[MASTER]);
        let at = matches!(&result, Err(ConditionError::BadCondition { at, .. }) if at == "/on/condition");
        assert!(at, "{result:?}");
    }
}

#[test]
fn a_pull_request_is_judged_alone() {
    for (value, deploys) in [("false", true), ("", true), ("12", false), ("0", false)] {
        let verdict = evaluated(r#"{"on":7}"#, &[("TRAVIS_PULL_REQUEST", value)]);
        assert_eq!(verdict.is_err(), deploys, "a pull request's `on` is not even read");
        check("{}", &[MASTER, ("TRAVIS_PULL_REQUEST", value)], deploys);
    }
}

#[test]
fn if_wins_over_on_and_true_overwrites_on() {
    let branch = |name| [("TRAVIS_BRANCH", name)];
    let deploys = |stanza, name| evaluated(stanza, &branch(name)).expect("a verdict").deploys;
    assert!(deploys(r#"{"if":{"branch":"a"},"on":{"branch":"b"}}"#, "a"));
    assert!(deploys(r#"{"on":{"branch":"b"},"true":{"branch":"c"}}"#, "c"));
    assert!(deploys(r#"{"if":{"tags":false},"on":{"branch":"dev"}}"#, "branch"), "`on` is left as an option");
    assert!(deploys(r#"{"on":["a","b"]}"#, "a"));
}

#[test]
fn branch_specific_options_are_the_default_branches() {
    let deploys = |stanza, name| evaluated(stanza, &[("TRAVIS_BRANCH", name)]).expect("a verdict").deploys;
    let stanza = r#"{"function_name":{"develop":"a","production":"b"},"environment":{"X":"1"},"role":{}}"#;
    assert!(deploys(stanza, "develop") && deploys(stanza, "production"));
    assert!(!deploys(stanza, "master") && !deploys(stanza, "X"));
    assert!(deploys(r#"{"access_key_id":{"secure":"x"}}"#, "master"));
    assert!(deploys(r#"{"on":{"branch":{"x":1,"y":2}}}"#, "y"));
}

#[test]
fn on_must_be_something_that_travis_reads() {
    for on in ["7", "true", r#"{"condition":{"a":1}}"#, r#"{"repo":{"a":1}}"#] {
        let result = evaluated_on(on, &[MASTER]);
        assert!(matches!(result, Err(ConditionError::BadShape { .. })), "{on}: {result:?}");
    }
    let result = evaluated(r#"{"on":{"condition":{"secure":"x"}}}"#, &[MASTER]);
    assert!(matches!(result, Err(ConditionError::NotDecrypted { at }) if at == "/on/condition"));
}

#[test]
fn a_condition_that_never_ends_is_stopped() {
    let bash_options = BashOptions { limit: Duration::from_millis(300), always: false };
    let stanza = r#"{"on":{"condition":"$(sleep 1000) = x"}}"#;
    let result = evaluated_with(stanza, &[MASTER], bash_options).0;
    assert!(matches!(result, Err(ConditionError::Bash(BashError::TimedOut { .. }))), "{result:?}");
}

#[test]
fn an_environment_beyond_what_the_kernel_passes_is_named() {
    let large = "x".repeat(200_000);
    let result = evaluated_on(r#"{"branch":"x*"}"#, &[MASTER, ("LARGE", &large)]);
    let Err(ConditionError::Bash(BashError::EnvTooLarge { name, bytes })) = result else {
        panic!("{result:?}")
    };
    assert_eq!((name.as_str(), bytes), ("LARGE", 200_006));
    check("{}", &[MASTER, ("LARGE", &large)], true);
}

#[test]
fn without_bash_only_plain_words_can_be_judged() {
    let result = evaluated_on(r#"{"branch":"x*"}"#, &[("PATH", "/nowhere")]);
    assert!(matches!(result, Err(ConditionError::Bash(BashError::NotFound { .. }))), "{result:?}");
}
