//! Resolves the options of a stanza as dpl does: selects branch-specific values, adds options from variables
//! and `~/.aws` files, and replaces `$VAR` and `%{name}`. Side effects: reads `~/.aws` files and runs git,
//! both only if needed. Never runs commands that a value contains.

mod expand;
mod files;
mod git;
mod interpolate;

use std::collections::BTreeMap;
use std::path::Path;

use crate::cancel::CancelToken;
use crate::protocol::branches::{VARIABLE_OPTIONS, select_branch};
use crate::protocol::environment::Environment;
use crate::protocol::error::{Code, Problem, Warning};
use crate::protocol::json::{MAX_REQUEST_BYTES, MAX_VALUES, Map, Node, pointer};

use expand::{Findings, UnsetVariable};

pub(crate) use files::{defines_profile, paths as profile_files};
pub(crate) use interpolate::{default_description, version_description};

/// Options whose value is a list of names without commas, so that one variable can contain several names.
const LISTS: [&str; 3] = ["subnet_ids", "security_group_ids", "layers"];

/// A stanza after all options have been resolved.
#[derive(Debug)]
pub(crate) struct ResolvedOptions {
    pub stanza: Map,
    pub warnings: Vec<Warning>,
    /// Errors: values that would become too large.
    pub problems: Vec<Problem>,
    /// Variables in the stanza that the job does not set.
    unset: Vec<UnsetVariable>,
    /// Sources of options that are not in the stanza, by JSON pointer.
    origins: BTreeMap<String, String>,
}

/// Resolves the options of a stanza. The stanza takes precedence over the job's variables, and these over
/// `~/.aws` files. Replaces `$VAR` in values of the stanza, and `%{name}` in the description. git runs in
/// `directory`.
pub(crate) fn resolve(
    stanza: &Map,
    env: &Environment,
    directory: &Path,
    stop: &CancelToken,
) -> ResolvedOptions {
    let mut resolved = without_git(stanza, env);
    let ResolvedOptions { stanza, warnings, problems, .. } = &mut resolved;
    interpolate::description(stanza, warnings, problems, env, directory, stop);
    resolved
}

/// As [`resolve`], but does not run git and does not replace `%{name}`. For a stanza that is skipped: only
/// its problems are reported.
pub(crate) fn without_git(stanza: &Map, env: &Environment) -> ResolvedOptions {
    let (stanza, warnings) = select_branch(stanza, &env.expand("TRAVIS_BRANCH"));
    let mut origins = BTreeMap::new();
    let from_env = options_from_env(&stanza, env, &mut origins);
    let own = stanza.iter().map(|(key, node)| (key.to_owned(), node.clone()));
    // Do not replace variables in values from variables and files: bash has already expanded these values, or
    // never would.
    let (problems, unset) = (Vec::new(), Vec::new());
    let mut findings = Findings { remaining: MAX_REQUEST_BYTES, warnings, problems, unset };
    let expanded = own.filter_map(|(key, node)| expand::option(key, node, env, &mut findings));
    let expanded = expanded.chain(from_env).collect();
    let Findings { warnings, problems, unset, .. } = findings;
    ResolvedOptions { stanza: expanded, warnings, problems, unset, origins }
}

impl ResolvedOptions {
    /// Adds the source of the value to a problem, if the value is not from the stanza, or the variable in it
    /// that is not set.
    pub(crate) fn with_origin(&self, mut problem: Problem) -> Problem {
        let Some(at) = &problem.at else { return problem };
        if let Some(origin) = self.origins.get(at) {
            problem.hint = Some(format!("fix {origin}, which sets this value"));
        } else if let (None, Some(unset)) = (&problem.hint, self.unset.iter().find(|unset| unset.at == *at)) {
            problem.hint = Some(format!("set the variable in the job: {} is not set", unset.shown));
        }
        problem
    }

    /// The problems that variables in these options are not set. No valid value of the options has a `$`.
    pub(crate) fn unset_in(&self, keys: &[&str]) -> Vec<Problem> {
        let is_of_them = |unset: &&UnsetVariable| keys.iter().any(|key| pointer("", key) == unset.at);
        let problems = self.unset.iter().filter(is_of_them).map(|UnsetVariable { at, shown }| Problem {
            code: Code::BadValue,
            message: format!("`{}` names {shown}, which is not set", at.trim_start_matches('/')),
            at: Some(at.clone()),
            hint: Some("set the variable in the job".to_owned()),
        });
        problems.collect()
    }
}

/// The options that the stanza does not have, each from the first source that has it.
fn options_from_env(
    stanza: &Map,
    env: &Environment,
    origins: &mut BTreeMap<String, String>,
) -> Vec<(String, Node)> {
    let mut files: Option<BTreeMap<String, (String, String)>> = None;
    let mut found = Vec::new();
    let is_silent = |key: &str| stanza.get(key).is_none() && !has_alias(stanza, key);
    for key in VARIABLE_OPTIONS.into_iter().filter(|key| is_silent(key)) {
        let from_variables = ["AWS", "LAMBDA"].iter().find_map(|prefix| {
            let name = format!("{prefix}_{}", key.to_uppercase());
            let value = env.non_empty(&name)?.into_owned();
            Some((value, format!("the job's variable {name}")))
        });
        let value = from_variables.or_else(|| {
            files
                .get_or_insert_with(|| files::read(env, stanza.get("profile").and_then(Node::scalar)))
                .get(key)
                .cloned()
        });
        if let Some((value, origin)) = value {
            origins.insert(pointer("", key), origin);
            found.push((key.to_owned(), if LISTS.contains(&key) { list(&value) } else { Node::Text(value) }));
        }
    }
    found
}

/// Whether the stanza sets the option by another key: `environment` and `environment_variables` are the same
/// option, and `skip_cleanup` is the opposite of `cleanup`.
fn has_alias(stanza: &Map, key: &str) -> bool {
    let other = match key {
        "environment" => "environment_variables",
        "environment_variables" => "environment",
        "cleanup" => "skip_cleanup",
        _ => return false,
    };
    stanza.get(other).is_some()
}

/// A list has as many entries as a request may have values; AWS documents at most 16.
fn list(value: &str) -> Node {
    let items = value.split([',', ' ']).filter(|item| !item.is_empty()).take(MAX_VALUES);
    Node::List(items.map(|item| Node::Text(item.to_owned())).collect())
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests make files and a real repository")]
mod tests {
    use super::*;
    use crate::git;
    use crate::protocol::error::WarningCode;
    use std::fs;
    use tempfile::TempDir;

    fn resolved(stanza: &str, env: &[(&str, &str)]) -> ResolvedOptions {
        let env: Environment = env.iter().copied().collect();
        resolve(&Map::of_json(stanza), &env, Path::new("/"), &CancelToken::new())
    }

    #[track_caller]
    fn check(stanza: &str, env: &[(&str, &str)], expected: &str, warnings: &[WarningCode]) {
        let resolved = resolved(stanza, env);
        let value = |map: Map| serde_json::Value::from(&Node::Map(map));
        assert_eq!(value(resolved.stanza), value(Map::of_json(expected)));
        let codes: Vec<_> = resolved.warnings.iter().map(|warning| warning.code).collect();
        assert_eq!(codes, warnings, "{:?}", resolved.warnings);
    }

    #[test]
    fn the_stanza_wins_then_aws_then_lambda() {
        let env = [("AWS_TIMEOUT", "1"), ("LAMBDA_TIMEOUT", "2"), ("LAMBDA_RUNTIME", "x"), ("AWS_ROLE", "")];
        check(r#"{"timeout":3}"#, &env, r#"{"timeout":3,"runtime":"x"}"#, &[]);
        check("{}", &env, r#"{"timeout":"1","runtime":"x"}"#, &[]);
        check(r#"{"skip_cleanup":true}"#, &[("AWS_CLEANUP", "true")], r#"{"skip_cleanup":true}"#, &[]);
        check("{}", &[("AWS_ROLE", "a$B"), ("B", "x")], r#"{"role":"a$B"}"#, &[]);
    }

    #[test]
    fn a_variable_of_a_newer_option_means_something_else() {
        check("{}", &[("AWS_S3_BUCKET", "b"), ("AWS_PROFILE", "p"), ("AWS_ALIAS", "a")], "{}", &[]);
    }

    #[test]
    fn a_variable_may_hold_a_list() {
        check("{}", &[("AWS_SUBNET_IDS", "a, b")], r#"{"subnet_ids":["a","b"]}"#, &[]);
    }

    #[test]
    fn a_problem_names_the_variable_it_comes_from() {
        let resolved = resolved("{}", &[("LAMBDA_TIMEOUT", "ten")]);
        let at = Some("/timeout".to_owned());
        let problem = Problem { code: Code::BadValue, message: String::new(), at, hint: None };
        let hint = resolved.with_origin(problem).hint;
        assert_eq!(hint.as_deref(), Some("fix the job's variable LAMBDA_TIMEOUT, which sets this value"));
    }

    #[test]
    fn a_variable_that_is_not_set_is_a_problem_where_no_value_has_a_dollar_sign() {
        let resolved =
            resolved(r#"{"role":"arn:$ACCOUNT:$NAME","description":"$X","region":"$REGION"}"#, &[]);
        let problems = resolved.unset_in(&["role", "s3_bucket"]);
        let messages: Vec<&str> = problems.iter().map(|problem| problem.message.as_str()).collect();
        let expected =
            ["`role` names `$ACCOUNT`, which is not set", "`role` names `$NAME`, which is not set"];
        assert_eq!(messages, expected);
        let at = Some("/region".to_owned());
        let problem = Problem { code: Code::BadValue, message: String::new(), at, hint: None };
        let hint = resolved.with_origin(problem).hint;
        assert_eq!(hint.as_deref(), Some("set the variable in the job: `$REGION` is not set"));
    }

    #[test]
    fn a_variable_that_is_not_set_is_found_by_the_entry_that_needs_it() {
        let found = resolved(r#"{"environment":{"A":"$X","B":"1","C":"x$X"},"function_tags":["D=$X"]}"#, &[]);
        let places: Vec<_> = found.warnings.iter().filter_map(|warning| warning.at.as_deref()).collect();
        assert_eq!(places, ["/environment/A", "/environment/C", "/function_tags/0"]);
    }

    #[test]
    fn files_of_the_chosen_profile_come_last() {
        let home = TempDir::new().expect("a temporary directory");
        fs::create_dir(home.path().join(".aws")).expect("made");
        let config = "[default]\ntimeout = 7\naws_runtime=a=b\n# role = no\n[profile blue]\ntimeout=8\n";
        fs::write(home.path().join(".aws/config"), config).expect("written");
        fs::write(home.path().join(".aws/credentials"), "[default]\nmemory_size=512\naws_access_key_id=x\n")
            .expect("written");
        let path = home.path().display().to_string();
        check("{}", &[("HOME", &path)], r#"{"timeout":"7","memory_size":"512","runtime":"a=b"}"#, &[]);
        check("{}", &[("HOME", &path), ("AWS_PROFILE", "blue")], r#"{"timeout":"8"}"#, &[]);
        let env = [("HOME", path.as_str()), ("AWS_TIMEOUT", "1"), ("AWS_PROFILE", "blue")];
        check("{}", &env, r#"{"timeout":"1"}"#, &[]);
    }

    #[test]
    fn variables_in_values_are_filled_in_from_the_job() {
        let env = [("A", "1"), ("EMPTY", "")];
        let filled = r#"{"role":"x-1-1","layers":["1"],"timeout":5}"#;
        check(r#"{"role":"x-$A-${A}","layers":["$A"],"timeout":5}"#, &env, filled, &[]);
        check(r#"{"environment":{"K":"$A"}}"#, &env, r#"{"environment":{"K":"1"}}"#, &[]);
        let bash = r#"{"on":{"branch":"$A"},"run":"echo $A"}"#;
        check(bash, &env, bash, &[]);
        check(r#"{"role":"\\$A $ $1 a$"}"#, &env, r#"{"role":"$A $ $1 a$"}"#, &[]);
    }

    #[test]
    fn only_bash_expands_the_command_of_a_check() {
        let env = [("A", "1")];
        for (written, filled) in [
            (
                r#"{"verify":{"command":"echo $A","payload":"$A"}}"#,
                r#"{"verify":{"command":"echo $A","payload":"1"}}"#,
            ),
            (
                r#"{"verify":[{"command":"echo $A","payload":{"a":["$A"]}},null,"$A",[]]}"#,
                r#"{"verify":[{"command":"echo $A","payload":{"a":["1"]}},null,"1",[]]}"#,
            ),
            (r#"{"verify":[]}"#, r#"{"verify":[]}"#),
        ] {
            check(written, &env, filled, &[]);
        }
    }

    #[test]
    fn what_is_not_set_stays_as_it_is_written_so_that_a_password_survives() {
        check(r#"{"role":"pa$word"}"#, &[], r#"{"role":"pa$word"}"#, &[WarningCode::UnsetVariable]);
        check(r#"{"role":"${A:-x}"}"#, &[("A", "1")], r#"{"role":"${A:-x}"}"#, &[WarningCode::NotExpanded]);
        check(r#"{"role":"$(id) `id`"}"#, &[], r#"{"role":"$(id) `id`"}"#, &[WarningCode::NotExpanded]);
    }

    #[test]
    fn what_becomes_empty_by_a_variable_is_absent() {
        let env = [("EMPTY", "")];
        check(r#"{"description":"$EMPTY"}"#, &env, "{}", &[WarningCode::BecameEmpty]);
        check(r#"{"description":""}"#, &env, r#"{"description":""}"#, &[]);
        check(r#"{"layers":["$EMPTY","l"]}"#, &env, r#"{"layers":["l"]}"#, &[WarningCode::BecameEmpty]);
        check(r#"{"layers":["$EMPTY"]}"#, &env, "{}", &[WarningCode::BecameEmpty]);
        check(r#"{"environment":{"K":"$EMPTY"}}"#, &env, r#"{"environment":{"K":""}}"#, &[]);
        check(r#"{"environment":["K=$EMPTY"]}"#, &env, r#"{"environment":["K="]}"#, &[]);
        for option in ["environment", "environment_variables", "function_tags"] {
            check(&format!(r#"{{"{option}":"$EMPTY"}}"#), &env, "{}", &[WarningCode::BecameEmpty]);
        }
    }

    #[test]
    fn a_description_names_options_and_git_facts() {
        let env = [("TRAVIS_BUILD_NUMBER", "7")];
        check(
            concat!(
                r#"{"function_name":"f","timeout":3,"#,
                r#""description":"%{function_name} %{timeout} #%{build_number} %{nope} %{role}"}"#
            ),
            &env,
            r#"{"function_name":"f","timeout":3,"description":"f 3 #7 [unknown variable: nope] "}"#,
            &[],
        );
        let resolved =
            resolved(r#"{"description":"%{git_sha}"}"#, &[("PATH", "/usr/local/bin:/usr/bin:/bin")]);
        assert_eq!(resolved.warnings[0].code, WarningCode::NoRepository);
    }

    #[test]
    fn git_facts_come_from_git_itself() {
        let repository = TempDir::new().expect("a temporary directory");
        let path = "/usr/local/bin:/usr/bin:/bin";
        let git = |arguments: &[&str]| git::run_in_test(repository.path(), arguments);
        git(&["init", "--quiet", "--initial-branch=trunk"]);
        git(&["commit", "--quiet", "--allow-empty", "--message", "First line\n\nmore"]);
        git(&["tag", "v1"]);
        let sha = git(&["rev-parse", "HEAD"]);
        let text = "%{git_sha} %{git_branch} %{git_tag} %{git_author_name} %{git_author_email} \
                    %{git_commit_author} %{git_commit_msg}";
        let stanza: Map = [("description".to_owned(), Node::Text(text.to_owned()))].into_iter().collect();
        let env: Environment = [("PATH", path)].into_iter().collect();
        let resolved = resolve(&stanza, &env, repository.path(), &CancelToken::new());
        let expected = format!("{sha} trunk v1 Ann ann@example.invalid Ann First line\n\nmore");
        assert_eq!(resolved.stanza.get("description"), Some(&Node::Text(expected)));
        assert!(resolved.warnings.is_empty(), "{:?}", resolved.warnings);
    }
}
