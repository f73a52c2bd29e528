//! Evaluates the conditions under `on` as Travis CI does. Never emulates bash: only words that bash takes
//! literally are compared here; bash evaluates everything else.

mod bash;
mod expression;
mod lints;

use std::time::Duration;

pub use bash::BashError;
pub use lints::Lint;

use crate::cancel::CancelToken;
use crate::protocol::environment::Environment;
use crate::protocol::event::{Condition, ConditionResult};
use crate::protocol::json::Map;
use bash::Text;
use expression::ConditionGroup;

/// The decision that Travis CI would make.
#[derive(Debug)]
pub struct Verdict {
    /// All groups of conditions that apply, in the order of Travis CI.
    pub checked: Vec<ConditionResult>,
    /// Whether the stanza is deployed.
    pub deploys: bool,
}

impl Verdict {
    /// Whether the build is a pull request. No other group has been evaluated then.
    pub fn is_pull_request(&self) -> bool {
        self.checked.iter().any(|checked| checked.condition == Condition::PullRequest && !checked.met)
    }
}

/// Why there is no verdict. The stanza must then not be deployed.
#[derive(Debug)]
pub enum ConditionError {
    /// A value under `on` is still encrypted.
    NotDecrypted {
        /// JSON pointer to the value.
        at: String,
    },
    /// A value under `on` has a type that Travis CI cannot read.
    BadShape {
        /// JSON pointer to the value.
        at: String,
        /// Type of the value with an article, such as `a map`.
        kind: &'static str,
        /// What is expected instead.
        right: &'static str,
    },
    /// bash cannot parse a condition, or stopped during its evaluation.
    BadCondition {
        /// JSON pointer to the condition.
        at: String,
        /// Text of the condition that was passed to bash.
        text: String,
        /// Error message of bash.
        error_text: String,
    },
    /// bash could not be run.
    Bash(BashError),
}

/// Options for the evaluation by bash.
#[derive(Clone, Copy, Debug)]
pub struct BashOptions {
    /// Time limit for a condition. Default: one minute.
    pub limit: Duration,
    /// Whether bash also evaluates plain words. The verdict is the same; a test checks that.
    pub always: bool,
}

impl Default for BashOptions {
    fn default() -> Self {
        BashOptions { limit: Duration::from_secs(60), always: false }
    }
}

/// Evaluates the conditions of a stanza as Travis CI does: the pull request first and on its own, then repo,
/// branch, runtimes, conditions and tags. Also returns warnings about conditions with an unexpected effect.
///
/// Starts bash only if a condition needs it, with the job's environment. Returns [`ConditionError`] if Travis
/// CI or bash could not decide either.
pub fn evaluate(
    stanza: &Map,
    env: &Environment,
    bash_options: BashOptions,
    stop: &CancelToken,
) -> (Result<Verdict, ConditionError>, Vec<Lint>) {
    let pull_request = pull_request(env);
    if !pull_request.met {
        return (Ok(Verdict { checked: vec![pull_request], deploys: false }), Vec::new());
    }
    let on = match expression::on(stanza) {
        Ok(on) => on,
        Err(error) => return (Err(error), Vec::new()),
    };
    let mut lints = lints::find(&on, stanza, env);
    let verdict = expression::groups(&on, stanza, env).and_then(|mut groups| {
        if bash_options.always {
            groups
                .iter_mut()
                .flat_map(|group| &mut group.elements)
                .for_each(|element| element.decided = None);
        }
        let (deploys, verdicts) = verdicts(&groups, env, bash_options.limit, stop)?;
        let mut checked = vec![pull_request];
        checked.extend(groups.into_iter().zip(verdicts).map(|(group, met)| {
            let got = group.got.unwrap_or_else(|| met.to_string());
            ConditionResult { condition: group.condition, met, want: group.want, got }
        }));
        Ok(Verdict { checked, deploys })
    });
    lints.extend(verdict.iter().find_map(|verdict| lints::tag_for_branch(&on, verdict, env)));
    (verdict, lints)
}

/// Whether the build is a pull request, which is never deployed.
pub fn is_pull_request(env: &Environment) -> bool {
    !pull_request(env).met
}

/// The build is a pull request if `TRAVIS_PULL_REQUEST` is set, not empty, and not `false`.
fn pull_request(env: &Environment) -> ConditionResult {
    let value = env.expand("TRAVIS_PULL_REQUEST");
    let met = value.is_empty() || value == "false";
    let got = if met { "false".to_owned() } else { value.into_owned() };
    ConditionResult { condition: Condition::PullRequest, met, want: "false".to_owned(), got }
}

/// The verdict on all groups together, and the verdict on each group.
fn verdicts(
    groups: &[ConditionGroup],
    env: &Environment,
    limit: Duration,
    stop: &CancelToken,
) -> Result<(bool, Vec<bool>), ConditionError> {
    let decided: Vec<Option<bool>> = groups.iter().map(ConditionGroup::decided).collect();
    if let Some(verdicts) = decided.iter().copied().collect::<Option<Vec<bool>>>() {
        return Ok((verdicts.iter().all(|met| *met), verdicts));
    }
    // Travis CI puts all groups into one text, which bash parses as a whole: an invalid element makes the
    // stanza invalid, even if another group is not met. To report why it skips, Travis CI negates each group
    // in the same text.
    let whole = Text {
        expression: expression::joined(groups.iter().flat_map(|group| &group.elements)),
        parse_only: groups.iter().map(|group| expression::negated(&group.elements)).collect(),
    };
    let run_bash = |texts: &[Text]| bash::evaluate(texts, env, limit, stop).map_err(ConditionError::Bash);
    let answer = run_bash(std::slice::from_ref(&whole))?;
    match answer.verdicts.as_slice() {
        [Some(true)] => return Ok((true, vec![true; groups.len()])),
        [Some(false)] => {}
        _ => return Err(find_invalid(groups, &whole, answer.error_text, &run_bash)),
    }
    // If all other groups are met, the only group that needs bash is the one that is not met.
    let open = decided.iter().filter(|verdict| verdict.is_none()).count();
    if open == 1 && !decided.contains(&Some(false)) {
        return Ok((false, decided.into_iter().map(|verdict| verdict.unwrap_or(false)).collect()));
    }
    let undecided: Vec<Text> = groups
        .iter()
        .filter(|group| group.decided().is_none())
        .map(|group| Text { expression: expression::joined(&group.elements), parse_only: Vec::new() })
        .collect();
    let answers = run_bash(&undecided)?;
    let mut parts = answers.verdicts.into_iter();
    let verdicts: Option<Vec<bool>> =
        decided.into_iter().map(|verdict| verdict.or_else(|| parts.next().flatten())).collect();
    match verdicts {
        Some(verdicts) => Ok((false, verdicts)),
        // bash stops at an element that it did not reach in the whole text, such as `${A:?}` after a branch
        // that is not met.
        None => Err(find_invalid(groups, &whole, answers.error_text, &run_bash)),
    }
}

/// Finds the element that bash cannot evaluate, by passing each one to bash separately.
fn find_invalid(
    groups: &[ConditionGroup],
    whole: &Text,
    error_text: String,
    run_bash: &dyn Fn(&[Text]) -> Result<bash::BashOutput, ConditionError>,
) -> ConditionError {
    for element in groups.iter().flat_map(|group| &group.elements).filter(|element| element.decided.is_none())
    {
        match run_bash(&[Text { expression: expression::joined([element]), parse_only: Vec::new() }]) {
            Ok(bash::BashOutput { verdicts, error_text }) if verdicts == [None] => {
                return ConditionError::BadCondition {
                    at: element.at.clone(),
                    text: element.text.clone(),
                    error_text,
                };
            }
            Ok(_) => {}
            Err(error) => return error,
        }
    }
    ConditionError::BadCondition { at: "/on".to_owned(), text: whole.expression.clone(), error_text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::json;

    fn evaluated(stanza: &str, env: &[(&str, &str)]) -> Result<Verdict, ConditionError> {
        let node = json::parse(stanza.as_bytes()).expect("the test's own JSON is valid");
        let path = ("PATH", "/usr/local/bin:/usr/bin:/bin");
        let env: Environment = env.iter().copied().chain([path]).collect();
        evaluate(node.as_map().expect("an object"), &env, BashOptions::default(), &CancelToken::new()).0
    }

    #[track_caller]
    fn check(on: &str, env: &[(&str, &str)], deploys: bool) {
        let verdict =
            evaluated(&format!(r#"{{"on":{on}}}"#), env).unwrap_or_else(|error| panic!("{on}: {error:?}"));
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
            let node =
                json::parse(format!(r#"{{"on":{on}}}"#).as_bytes()).expect("the test's own JSON is valid");
            let env: Environment = env.iter().copied().chain([("PATH", "/usr/bin:/bin")]).collect();
            let evaluated = evaluate(
                node.as_map().expect("an object"),
                &env,
                BashOptions::default(),
                &CancelToken::new(),
            );
            let ats = evaluated.1.into_iter().filter_map(|lint| lint.warning.at);
            (evaluated.0.expect("a verdict").deploys, ats.collect::<Vec<_>>())
        };
        let tagged = |name| [("TRAVIS_BRANCH", name), ("TRAVIS_TAG", name)];
        let at = |at: &str| vec![at.to_owned()];
        assert_eq!(warned(r#"{"branch":"main"}"#, &tagged("main")), (true, at("/on/branch")));
        assert_eq!(
            warned(r#"{"branch":["dev","release/*"]}"#, &tagged("release/1")),
            (true, at("/on/branch"))
        );
        assert_eq!(warned(r#""main""#, &tagged("main")), (true, at("/on/branch")));
        assert_eq!(warned("{}", &tagged("master")), (true, at("/on")));
        let silent = |deploys| (deploys, Vec::new());
        assert_eq!(warned(r#"{"branch":"main"}"#, &tagged("v1")), silent(false));
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
            let result = evaluated(&format!(r#"{{"on":{on}}}"#), &[MASTER]);
            assert!(matches!(result, Err(ConditionError::BadCondition { .. })), "{on}: {result:?}");
        }
    }

    #[test]
    fn the_broken_element_is_named() {
        let result = evaluated(r#"{"on":{"branch":"x*","condition":["$A = b","foo bar"]}}"#, &[MASTER]);
        match result {
            Err(ConditionError::BadCondition { at, text, error_text }) => {
                assert_eq!((at.as_str(), text.as_str()), ("/on/condition/1", "foo bar"));
                assert!(error_text.contains("conditional binary operator expected"), "{error_text}");
            }
            other => panic!("{other:?}"),
        }
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
        ] {
            let result = evaluated(&format!(r#"{{"on":{{"condition":"{forged}"}}}}"#), &[MASTER]);
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
    }

    #[test]
    fn every_unmet_group_is_listed() {
        let env = [("TRAVIS_BRANCH", "dev"), ("TRAVIS_REPO_SLUG", "fork/app")];
        assert_eq!(
            unmet(
                r#"{"on":{"repo":"me/app","branch":"x*","node":"9","condition":"$A = b","tags":false}}"#,
                &env
            ),
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
        assert_eq!(
            unmet(r#"{"on":{"branch":"m*","condition":"$B -eq \"$A\""}}"#, &env),
            [Condition::Condition]
        );
    }

    #[test]
    fn the_negations_in_traviss_text_must_parse_too() {
        let result = evaluated(r#"{"on":{"branch":"master || (a = a","condition":"a = a)"}}"#, &[MASTER]);
        assert!(matches!(result, Err(ConditionError::BadCondition { .. })), "{result:?}");
    }

    #[test]
    fn an_element_that_bash_gives_up_on_is_broken_also_behind_an_unmet_branch() {
        for on in [r#"{"condition":"${A:?}","branch":"dev"}"#, r#"{"condition":"${A b} = 1","branch":"d*"}"#]
        {
            let result = evaluated(&format!(r#"{{"on":{on}}}"#), &[MASTER]);
            assert!(
                matches!(result, Err(ConditionError::BadCondition { ref at, .. }) if at == "/on/condition"),
                "{result:?}"
            );
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
        assert!(
            deploys(r#"{"if":{"tags":false},"on":{"branch":"dev"}}"#, "branch"),
            "`on` is left as an option"
        );
        assert!(deploys(r#"{"on":["a","b"]}"#, "a"));
    }

    #[test]
    fn branch_specific_options_are_the_default_branches() {
        let deploys =
            |stanza, name| evaluated(stanza, &[("TRAVIS_BRANCH", name)]).expect("a verdict").deploys;
        let stanza =
            r#"{"function_name":{"develop":"a","production":"b"},"environment":{"X":"1"},"role":{}}"#;
        assert!(deploys(stanza, "develop") && deploys(stanza, "production"));
        assert!(!deploys(stanza, "master") && !deploys(stanza, "X"));
        assert!(deploys(r#"{"access_key_id":{"secure":"x"}}"#, "master"));
        assert!(deploys(r#"{"on":{"branch":{"x":1,"y":2}}}"#, "y"));
    }

    #[test]
    fn on_must_be_something_that_travis_reads() {
        for on in ["7", "true", r#"{"condition":{"a":1}}"#, r#"{"repo":{"a":1}}"#] {
            let result = evaluated(&format!(r#"{{"on":{on}}}"#), &[MASTER]);
            assert!(matches!(result, Err(ConditionError::BadShape { .. })), "{on}: {result:?}");
        }
        let result = evaluated(r#"{"on":{"condition":{"secure":"x"}}}"#, &[MASTER]);
        assert!(matches!(result, Err(ConditionError::NotDecrypted { at }) if at == "/on/condition"));
    }

    #[test]
    fn a_condition_that_never_ends_is_stopped() {
        let node = json::parse(br#"{"on":{"condition":"$(sleep 1000) = x"}}"#).unwrap();
        let env: Environment = [MASTER, ("PATH", "/usr/bin:/bin")].into_iter().collect();
        let bash_options = BashOptions { limit: Duration::from_millis(300), always: false };
        let result = evaluate(node.as_map().unwrap(), &env, bash_options, &CancelToken::new()).0;
        assert!(matches!(result, Err(ConditionError::Bash(BashError::TimedOut { .. }))), "{result:?}");
    }

    #[test]
    fn a_condition_of_a_megabyte_is_no_problem() {
        let long = "x".repeat(1_000_000);
        check(&format!(r#"{{"condition":"$A != {long}"}}"#), &[MASTER, ("A", "y")], true);
    }

    #[test]
    fn an_environment_beyond_what_the_kernel_passes_is_named() {
        let large = "x".repeat(200_000);
        let result = evaluated(r#"{"on":{"branch":"x*"}}"#, &[MASTER, ("LARGE", &large)]);
        let Err(ConditionError::Bash(BashError::EnvTooLarge { name, bytes })) = result else {
            panic!("{result:?}")
        };
        assert_eq!((name.as_str(), bytes), ("LARGE", 200_006));
        check("{}", &[MASTER, ("LARGE", &large)], true);
    }

    #[test]
    fn without_bash_only_plain_words_can_be_judged() {
        let node = json::parse(br#"{"on":{"branch":"x*"}}"#).unwrap();
        let env: Environment = [("PATH", "/nowhere")].into_iter().collect();
        let result = evaluate(node.as_map().unwrap(), &env, BashOptions::default(), &CancelToken::new()).0;
        assert!(matches!(result, Err(ConditionError::Bash(BashError::NotFound { .. }))), "{result:?}");
    }
}
