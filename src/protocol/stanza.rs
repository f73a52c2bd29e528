//! Reads the JSON of a stanza into a checked [`Stanza`], and collects all problems and warnings.
//! Never evaluates `on`, and never checks whether the values fit the live function.

use std::collections::BTreeMap;
use std::ops::Deref;

use super::environment::Environment;
use super::error::{Code, Problem, Warning};
use super::json::{Map, Node};
use super::limits;
use super::name::FunctionName;
use super::pair_limits;
use super::secret::{Redactor, Secret};
use super::stanza_reader::StanzaReader;

mod identity;
mod meanings;
mod options;
mod secure;
mod snippets;
mod tables;
mod validate;
mod values;

pub use identity::{RoleSource, RoleToAssume, StanzaIdentity, UnusableKeys};
pub(crate) use meanings::option_named;
pub use options::Options;
pub(crate) use options::{ALIASES, Group, NON_SECRET_KEYS, all_keys, in_group, option_of, text_form};
pub(crate) use secure::has_keys_beside_secure;
pub(crate) use tables::aws_field;
#[cfg(test)]
pub(crate) use tables::aws_fields;
pub(super) use tables::editor_keys;
pub(super) use validate::{FILE_KEYS, PACKAGE_KEYS};
pub(crate) use values::ALIAS_DESCRIPTION_CHARS;
pub use values::{Links, PackageType, PublishTo, TagsMode};

/// A stanza without problems. It dereferences to its options.
#[derive(Clone, Debug)]
pub struct Stanza {
    options: Options,
    /// Name or ARN of the function.
    pub function_name: FunctionName,
    /// The source of the credentials. An error if the keys cannot be used: only the commands that call AWS
    /// need them, so it is no problem of the stanza.
    pub identity: Result<StanzaIdentity, UnusableKeys>,
    /// The role to assume. `None`: the credentials are used as they are.
    pub role_to_assume: Option<RoleToAssume>,
}

impl Deref for Stanza {
    type Target = Options;

    fn deref(&self) -> &Options {
        &self.options
    }
}

impl Stanza {
    /// The profile of the job's `~/.aws` files whose settings apply.
    pub fn profile(&self) -> Option<&str> {
        self.options.profile.as_deref()
    }

    /// The alias through which the function is called. `None`: it is called without one.
    pub fn first_alias(&self) -> Option<&str> {
        self.options.alias.iter().flatten().next().map(String::as_str)
    }
}

/// A stanza with problems.
#[derive(Debug)]
pub struct InvalidStanza {
    /// All problems.
    pub problems: Vec<Problem>,
    options: Options,
}

/// What was read of a stanza.
#[derive(Debug)]
pub struct ReadStanza {
    /// The stanza, or its problems.
    pub stanza: Result<Stanza, InvalidStanza>,
    /// Findings that do not prevent the deployment.
    pub warnings: Vec<Warning>,
}

impl ReadStanza {
    /// All values that are readable, for messages about the stanza.
    pub fn options(&self) -> &Options {
        match &self.stanza {
            Ok(stanza) => &stanza.options,
            Err(invalid) => &invalid.options,
        }
    }

    /// All problems.
    pub fn problems(&self) -> &[Problem] {
        match &self.stanza {
            Ok(_) => &[],
            Err(invalid) => &invalid.problems,
        }
    }
}

/// Reads a stanza. The runner's keys must have been removed and branch-specific values resolved.
pub fn read(map: &Map) -> ReadStanza {
    let (map, beside_secure) = secure::without_other_keys(map);
    let map: &Map = &map;
    let mut r = StanzaReader::new(map);
    r.warnings.extend(beside_secure);
    for key in options::READ_ELSEWHERE.iter().copied().chain(ALIASES.map(|(alias, _)| alias)) {
        let _ = r.read_node(key);
    }
    let options = Options::read(&mut r);
    validate::provider(&mut r, &options);
    validate::needed(&mut r, &options);
    validate::bucket(&mut r, &options);
    validate::image(&mut r, &options);
    validate::release(&mut r, &options);
    validate::guard(&mut r, &options);
    validate::identity(&mut r, &options);
    validate::unread_keys(&mut r, options.strict == Some(true));
    r.warnings.extend(limits::warnings(map));
    let (variables, tags) = (options.environment.as_ref(), options.function_tags.as_ref());
    r.warnings.extend(pair_limits::warnings(map, variables, tags));
    // The other keys of such a stanza belong to another provider, so their problems do not matter.
    if let Some(wrong) = r.problems.iter().position(|problem| problem.code == Code::WrongProvider) {
        let problems = vec![r.problems.swap_remove(wrong)];
        return ReadStanza { stanza: Err(InvalidStanza { problems, options }), warnings: Vec::new() };
    }
    let stanza = match options.function_name.clone() {
        Some(function_name) if r.problems.is_empty() => Ok(Stanza {
            function_name,
            identity: StanzaIdentity::of(&options),
            role_to_assume: RoleToAssume::of(&options),
            options,
        }),
        _ => Err(InvalidStanza { problems: r.problems, options }),
    };
    ReadStanza { stanza, warnings: r.warnings }
}

impl Options {
    /// The OpenID Connect token from the variable that `web_identity_token_env` names.
    /// `None`: the stanza has no such key, or the variable is not set or empty.
    pub fn web_identity_token(&self, env: &Environment) -> Option<Secret> {
        let token = env.get(self.web_identity_token_env.as_ref()?)?.trim().to_owned();
        (!token.is_empty()).then(|| Secret::new(token))
    }

    /// The values of this stanza that must not be shown.
    pub fn secrets(&self) -> impl Iterator<Item = &Secret> {
        let keys = [&self.access_key_id, &self.secret_access_key, &self.session_token];
        let maps = [&self.environment, &self.function_tags];
        keys.into_iter().flatten().chain(maps.into_iter().flatten().flat_map(BTreeMap::values))
    }

    /// A redactor for this stanza's secrets and those in `more`. It does not mask values that also occur
    /// under a non-secret key of `written`, which is the stanza before variables were filled in.
    pub fn redactor<S: AsRef<str>>(&self, written: &Map, more: impl Iterator<Item = S>) -> Redactor {
        let own = self.secrets().map(|secret| secret.expose().to_owned());
        Redactor::new(own.chain(more.map(|secret| secret.as_ref().to_owned())), &non_secret_texts(written))
    }
}

/// The values of all non-secret keys of a stanza, before variables are filled in.
pub fn non_secret_texts(written: &Map) -> Vec<String> {
    let mut open = Vec::new();
    for (_, node) in written.iter().filter(|(key, _)| NON_SECRET_KEYS.contains(key)) {
        collect_texts(node, &mut open);
    }
    open
}

/// Appends all scalars in a value, as text.
fn collect_texts(node: &Node, into: &mut Vec<String>) {
    match node {
        Node::List(items) => items.iter().for_each(|item| collect_texts(item, into)),
        Node::Map(map) => map.iter().for_each(|(_, node)| collect_texts(node, into)),
        scalar => into.extend(scalar.scalar()),
    }
}

#[cfg(test)]
impl Stanza {
    /// Reads a stanza for a test. Its function is called `f`.
    #[track_caller]
    pub(crate) fn of_json(mut stanza: serde_json::Value) -> Self {
        stanza["function_name"] = "f".into();
        read(&Map::of_json(&stanza.to_string())).stanza.expect("no problems")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::error::WarningCode;

    fn stanza(text: &str) -> ReadStanza {
        read(&Map::of_json(text))
    }

    #[track_caller]
    fn problems(text: &str) -> Vec<(Code, String)> {
        let problems = stanza(text).problems().to_vec();
        problems.into_iter().map(|problem| (problem.code, problem.at.unwrap_or_default())).collect()
    }

    #[test]
    fn values_are_cast_as_travis_casts_them() {
        let read = stanza(
            r#"{"function_name":"f","timeout":"10","publish":"true","module_name":7,"handler_name":"h",
                "subnet_ids":"subnet-1","environment":["A=b=c","E=",{"N":1}],"function_tags":"team=x",
                "provider":"LAMBDA","memory_size":256.0}"#,
        );
        assert_eq!(read.problems(), []);
        let s = read.options();
        assert_eq!((s.timeout, s.publish, s.memory_size), (Some(10), Some(true), Some(256)));
        assert_eq!(s.module_name.as_deref(), Some("7"));
        assert_eq!(s.subnet_ids, Some(vec!["subnet-1".to_owned()]));
        let environment: Vec<_> =
            s.environment.iter().flatten().map(|(k, v)| (k.as_str(), v.expose())).collect();
        assert_eq!(environment, [("A", "b=c"), ("E", ""), ("N", "1")]);
    }

    #[test]
    fn all_problems_are_reported_at_once() {
        assert_eq!(
            problems(
                r#"{"timeout":"ten","memory_size":true,"publish":"maybe","access_key_id":{"secure":"x"},
                    "traffic":[50]}"#
            ),
            [
                (Code::NotDecrypted, "/access_key_id".to_owned()),
                (Code::BadValue, "/timeout".to_owned()),
                (Code::BadValue, "/memory_size".to_owned()),
                (Code::BadValue, "/publish".to_owned()),
                (Code::MissingKey, "/function_name".to_owned()),
                (Code::MissingKey, "/alias".to_owned()),
            ]
        );
    }

    #[test]
    fn a_secret_never_is_in_a_complaint() {
        let read = stanza(
            r#"{"function_name":"f","secret_access_key":["hunter2"],
                "environment":["hunter2",{"A":["hunter2"]}],"function_tags":[["hunter2"]]}"#,
        );
        assert_eq!(read.problems().len(), 4);
        assert!(!format!("{read:?}").contains("hunter2"), "{read:?}");
    }

    #[test]
    fn a_map_or_list_of_nothing_but_null_clears_nothing() {
        let read = stanza(
            r#"{"function_name":"f","environment":{"A":null},"function_tags":[null,{"B":null}],
                "layers":[null],"file_system_configs":[null],"alias":[null],"traffic":[50]}"#,
        );
        let options = read.options();
        assert!(options.environment.is_none() && options.function_tags.is_none());
        assert!(options.layers.is_none() && options.file_system_configs.is_none());
        let problems: Vec<_> = read.problems().iter().map(|problem| problem.message.as_str()).collect();
        assert_eq!(problems, ["`traffic` requires `alias`"]);
        for empty in ["{}", "[]", r#""""#] {
            let read = stanza(&format!(r#"{{"function_name":"f","environment":{empty}}}"#));
            assert_eq!(read.options().environment, Some(BTreeMap::new()), "{empty}");
        }
    }

    #[test]
    fn a_value_of_a_wrong_type_is_one_problem_at_its_place() {
        let read = stanza(
            r#"{"function_name":"f","architectures":{"a":1},"alias":[{}],"traffic":{"a":1},
                "environment":{"Variables":{"A":[]}}}"#,
        );
        let problems = read.problems().iter();
        let problems: Vec<_> =
            problems.map(|problem| (problem.at.as_deref().unwrap(), problem.message.as_str())).collect();
        assert_eq!(
            problems,
            [
                ("/environment/Variables/A", "`environment.A` is a list; expected a string"),
                ("/architectures", r#"`architectures` is `{"a":1}`; expected a list of strings"#),
                ("/alias/0", "`alias` is `{}`; expected a list of strings"),
                ("/traffic", r#"`traffic` is `{"a":1}`; expected whole percentages, such as 10, 50, 100"#),
            ]
        );
    }

    #[test]
    fn a_long_value_is_not_in_a_message() {
        let long = "x".repeat(10_000);
        let read = stanza(&format!(
            r#"{{"function_name":"arn:aws:lambda:{long}:1:function:f","region":"us-east-1","{long}":1,
                "alias":"{long}!","version":"{long}","traffic":["{long}"],"architectures":["{long}","a"],
                "environment":{{"{long}":[]}},"verify":{{"{long}":1}},"logging_config":{{"{long}":1}}}}"#
        ));
        assert_eq!(read.problems().len(), 7);
        let warnings = read.warnings.iter().map(|warning| &warning.message);
        let messages = read.problems().iter().map(|problem| &problem.message).chain(warnings);
        messages.for_each(|message| assert!(message.len() < 500, "{message}"));
    }

    #[test]
    fn a_misspelt_key_is_warned_about_with_the_nearest_name() {
        for (key, hint) in [
            ("imeout", "did you mean `timeout`?"),
            ("handler", "did you mean `handler_name`?"),
            ("function-name", "did you mean `function_name`?"),
            ("memory", "did you mean `memory_size`?"),
            ("event_source", "remove it"),
        ] {
            let read = stanza(&format!(r#"{{"function_name":"f","{key}":"x"}}"#));
            let hints: Vec<_> = read.warnings.iter().filter_map(|w| w.hint.as_deref()).collect();
            assert_eq!(hints, [hint], "{key}");
            assert_eq!(
                problems(&format!(r#"{{"function_name":"f","strict":true,"{key}":"x"}}"#)),
                [(Code::UnknownKey, format!("/{key}"))]
            );
        }
    }

    #[test]
    fn a_name_of_aws_inside_a_map_is_refused_with_the_keys_that_it_means() {
        let destinations = "on_success` and `on_failure";
        let of_provider = "capacity_provider_arn` and `per_execution_environment_max_concurrency` and \
            `execution_environment_memory_gib_per_vcpu";
        let file_system = r#""arn":"a","local_mount_path":"/mnt/a","#;
        for (option, others, member, meant) in [
            ("event_invoke_config", "", "destination_config", destinations),
            ("event_invoke_config", "\"maximum_retry_attempts\":0,", "DestinationConfig", destinations),
            ("event_invoke_config", "", "MaximumEventAgeInSeconds", "maximum_event_age"),
            ("file_system_configs", file_system, "s3_files_config", "direct_s3_read"),
            ("file_system_configs", file_system, "S3FilesConfig", "direct_s3_read"),
            ("capacity_provider_config", "", "LambdaManagedInstancesCapacityProviderConfig", of_provider),
            ("layers", r#""name":"l","zip":"z","#, "license_info", "license"),
            ("logging_config", "", "LogGroup", "log_group"),
        ] {
            let read = stanza(&format!(r#"{{"function_name":"f","{option}":{{{others}"{member}":{{}}}}}}"#));
            let (at, hint) = (format!("/{option}/{member}"), format!("write `{meant}`"));
            let found: Vec<_> =
                read.problems().iter().map(|p| (p.code, p.at.as_deref(), p.hint.as_deref())).collect();
            assert_eq!(found, [(Code::UnknownKey, Some(at.as_str()), Some(hint.as_str()))]);
        }
        // Other unknown names are warned about.
        for key in [
            r#""event_invoke_config":{"destinations":"a"}"#,
            r#""logging_config":{"log-group":"g"}"#,
            r#""function_url":{"auth_type":"NONE","AUTH_TYPE":"NONE"}"#,
        ] {
            let read = stanza(&format!(r#"{{"function_name":"f",{key}}}"#));
            assert_eq!(read.problems(), [], "{key}");
            assert!(read.warnings.iter().any(|warning| warning.code == WarningCode::UnknownKey), "{key}");
        }
    }

    #[test]
    fn a_trailing_comma_is_read_as_ruby_reads_it_and_warned_about() {
        let read = stanza(r#"{"function_name":"f","timeout":"10,"}"#);
        assert_eq!(read.options().timeout, Some(10));
        assert_eq!(read.warnings[0].code, WarningCode::LenientValue);
    }

    #[test]
    fn limits_that_aws_may_change_are_warned_about_only() {
        let read = stanza(r#"{"function_name":"f","timeout":9999,"memory_size":1,"tracing_mode":"active"}"#);
        assert_eq!(read.problems(), []);
        let codes: Vec<_> = read.warnings.iter().map(|warning| warning.code).collect();
        assert_eq!(codes, [WarningCode::OutOfRange, WarningCode::OutOfRange, WarningCode::LenientValue]);
        assert_eq!(read.options().tracing_mode.as_deref(), Some("Active"));
    }

    #[test]
    fn another_providers_stanza_is_refused_for_that_alone() {
        assert_eq!(
            problems(r#"{"provider":"s3","bucket":"b"}"#),
            [(Code::WrongProvider, "/provider".to_owned())]
        );
    }

    #[test]
    fn an_everyday_or_open_value_is_no_secret() {
        let text =
            r#"{"function_name":"orders","environment":{"A":"orders","B":"production","C":"s3cr3t-x"}}"#;
        let map = &Map::of_json(text);
        let redactor = read(map).options().redactor(map, std::iter::empty::<&str>());
        assert_eq!(redactor.redact("orders production s3cr3t-x"), "orders production [secure]");
    }
}
