//! Parses AWS's validation errors into problems that name the stanza's key, its value and the values that AWS
//! accepts. Never quotes more of a value than is needed to recognize it.

use crate::function::Setting;
use crate::protocol::error::{Code, Problem};
use crate::protocol::messages::dotted;
use crate::protocol::runtimes;
use crate::protocol::suggest::suggest;
use crate::protocol::text::one_line;

/// Every validation error in AWS's text. Expects a redacted text, since values are cut short. Empty: the text
/// is not a validation error.
pub(super) fn problems(message: &str) -> Vec<Problem> {
    let text = message.split_once(" detected: ").map_or(message, |(_, rest)| rest);
    // A value may contain "Value ", too. An error begins only at the start of the text or after `; `.
    let text = format!("; {text}");
    let errors = text.split("; Value ").skip(1).map(|error| error.trim_end_matches("; "));
    let found: Vec<Problem> = errors.filter_map(problem).collect();
    if found.is_empty() {
        runtime(message).or_else(|| old_form(message)).into_iter().collect()
    } else {
        found
    }
}

/// `'3' at 'timeout' failed to satisfy constraint: Member must have value less than or equal to 900`, without
/// the word `Value` before it.
fn problem(text: &str) -> Option<Problem> {
    let (value, constraint) = text.split_once(" failed to satisfy constraint: ")?;
    let (value, member) = value.rsplit_once(" at ")?;
    Some(described(member.trim_matches('\''), Some(value.trim_matches('\'')), constraint))
}

/// `'MemorySize' value failed to satisfy constraint: Member must have value less than or equal to 3008`
fn old_form(text: &str) -> Option<Problem> {
    let (member, constraint) = text.split_once(" value failed to satisfy constraint: ")?;
    Some(described(member.trim_matches('\''), None, constraint))
}

/// `The runtime parameter of nodejs12.x is no longer supported for creating or updating AWS Lambda functions.
/// …`
fn runtime(text: &str) -> Option<Problem> {
    let (id, _) = text.strip_prefix("The runtime parameter of ")?.split_once(" is no longer supported")?;
    let row = runtimes::named(id);
    let since = row.map(|row| format!(" (deprecated since {})", row.deprecated)).unwrap_or_default();
    Some(Problem {
        code: Code::UnsupportedRuntime,
        message: format!("`runtime` is {id}, which AWS no longer supports{since}"),
        at: Some("/runtime".to_owned()),
        hint: Some(match row {
            Some(row) => format!("switch to {}", row.successor),
            None => "switch to a runtime that AWS supports".to_owned(),
        }),
    })
}

fn described(member: &str, value: Option<&str>, constraint: &str) -> Problem {
    let at = pointer(member);
    // For these AWS quotes the whole map, and with it the values of environment variables or tags.
    let is_secret = matches!(at.as_deref(), Some("/environment" | "/function_tags"));
    let key = at.as_deref().map_or_else(|| member.to_owned(), dotted);
    let is = match value {
        Some("null") => " is missing".to_owned(),
        Some(value) if !is_secret => format!(" is {}", short(value, 80)),
        _ => " is refused".to_owned(),
    };
    let code = if key == "runtime" { Code::UnsupportedRuntime } else { Code::InvalidParameter };
    let (right, hint) = match alternatives(constraint) {
        Some(known) => {
            let nearest =
                value.and_then(|value| suggest(value.trim_matches(['[', ']']), known.iter().copied()));
            let known = known.join(", ");
            let hint = match nearest {
                Some(nearest) => format!("did you mean {nearest}? If not, use one of {known}"),
                None => format!("use one of {known}"),
            };
            ("AWS does not accept this value".to_owned(), hint)
        }
        None => (
            right(value, constraint),
            match at {
                Some(_) => format!("change `{key}` in the stanza"),
                None => "change this value in the stanza".to_owned(),
            },
        ),
    };
    Problem { code, message: format!("`{key}`{is}: {right}"), at, hint: Some(hint) }
}

/// The sorted values of an enum. `None`: the constraint is not an enum.
fn alternatives(constraint: &str) -> Option<Vec<&str>> {
    let (_, set) = constraint.split_once("enum value set: [")?;
    let (set, _) = set.split_once(']')?;
    let mut known: Vec<&str> = set.split(", ").collect();
    known.sort_unstable();
    Some(known)
}

/// Describes the values that meet a constraint of AWS.
fn right(value: Option<&str>, constraint: &str) -> String {
    let inner =
        constraint.split_once("satisfy constraint: ").map(|(_, inner)| inner.trim_matches(['[', ']']));
    let unit = match value {
        Some(value) if inner.is_none() && value.starts_with('[') => "items",
        _ => "characters",
    };
    let parts = inner.unwrap_or(constraint).split(", Member must ").map(|part| {
        let part = part.trim_start_matches("Member must ").trim_end_matches('.');
        match part.rsplit_once(' ') {
            _ if part == "not be null" => "a value".to_owned(),
            Some(("have length greater than or equal to", "0")) => String::new(),
            Some(("have value less than or equal to", limit)) => format!("at most {limit}"),
            Some(("have value greater than or equal to", limit)) => format!("at least {limit}"),
            Some(("have length less than or equal to", "1")) => {
                format!("at most 1 {}", unit.trim_end_matches('s'))
            }
            Some(("have length less than or equal to", limit)) => format!("at most {limit} {unit}"),
            Some(("have length greater than or equal to", limit)) => format!("at least {limit} {unit}"),
            _ => match part.split_once("satisfy regular expression pattern: ") {
                Some((_, pattern)) => format!("values that match {}", short(pattern, 120)),
                None => format!("values that must {}", short(part, 160)),
            },
        }
    });
    let mut parts: Vec<String> = parts.filter(|part| !part.is_empty()).collect();
    if parts.len() > 1 {
        parts.retain(|part| part != "a value");
    }
    if parts == ["a value"] {
        "AWS requires a value".to_owned()
    } else {
        format!("AWS accepts {}", parts.join(", "))
    }
}

fn short(text: &str, most: usize) -> String {
    let text = one_line(text);
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// JSON pointer to the stanza key that a member of AWS's request comes from.
fn pointer(member: &str) -> Option<String> {
    // AWS may append the index of a list entry, which is dropped here, or the name of a map entry.
    let parts = member.split('.').filter(|part| !part.chars().all(|c| c.is_ascii_digit()));
    let member = parts.collect::<Vec<&str>>().join(".").to_ascii_lowercase();
    let member = member.strip_prefix("code.").unwrap_or(&member);
    let is_in =
        |field: &str| member.strip_prefix(field).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
    if let Some((_, at)) = MEMBERS.iter().find(|(name, _)| is_in(name)) {
        return Some((*at).to_owned());
    }
    let settings = || Setting::FIELDS.iter();
    if let Some(setting) = settings().find(|setting| is_in(&setting.aws.to_ascii_lowercase())) {
        return Some(format!("/{}", setting.option.replace('.', "/")));
    }
    // A whole structure comes from one key, unless its members have keys of their own.
    let in_it = settings().filter(|setting| is_in(&setting.structure().to_ascii_lowercase()));
    let mut keys: Vec<&str> = in_it.filter_map(|setting| setting.option.split('.').next()).collect();
    keys.dedup();
    match keys.as_slice() {
        [key] => Some(format!("/{key}")),
        _ => None,
    }
}

/// Members of AWS's requests that are no settings, or are made of several keys, in lower case and without
/// `Code.`, each with a pointer to the stanza's key. The first match counts, so a member comes before the
/// structure that contains it.
const MEMBERS: &[(&str, &str)] = &[
    ("functionname", "/function_name"),
    ("handler", "/handler_name"),
    ("tags", "/function_tags"),
    ("tagkeys", "/function_tags"),
    ("packagetype", "/package_type"),
    ("imageuri", "/image_uri"),
    ("s3bucket", "/s3_bucket"),
    ("s3key", "/s3_key"),
    ("s3objectversion", "/s3_object_version"),
    ("revisionid", "/revision_id"),
    ("tenantid", "/verify/tenant_id"),
    ("name", "/alias"),
    ("qualifier", "/alias"),
    ("routingconfig", "/traffic"),
    ("functionversion", "/version"),
    ("provisionedconcurrentexecutions", "/provisioned_concurrency"),
    ("publishto", "/publish_to"),
    ("functionscalingconfig.minexecutionenvironments", "/scaling/min_execution_environments"),
    ("functionscalingconfig.maxexecutionenvironments", "/scaling/max_execution_environments"),
    ("functionscalingconfig", "/scaling"),
    ("maximumretryattempts", "/event_invoke_config/maximum_retry_attempts"),
    ("maximumeventageinseconds", "/event_invoke_config/maximum_event_age"),
    ("destinationconfig.onsuccess", "/event_invoke_config/on_success"),
    ("destinationconfig.onfailure", "/event_invoke_config/on_failure"),
    ("updateruntimeon", "/runtime_management/update_runtime_on"),
    ("runtimeversionarn", "/runtime_management/runtime_version_arn"),
    ("authtype", "/function_url/auth_type"),
    ("invokemode", "/function_url/invoke_mode"),
    ("cors.alloworigins", "/function_url/cors/allow_origins"),
    ("cors.allowmethods", "/function_url/cors/allow_methods"),
    ("cors.allowheaders", "/function_url/cors/allow_headers"),
    ("cors.exposeheaders", "/function_url/cors/expose_headers"),
    ("cors.maxage", "/function_url/cors/max_age"),
    ("cors", "/function_url/cors"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, at: Option<&str>, message: &str, hint: &str) {
        let found = problems(text);
        let [problem] = found.as_slice() else { panic!("{text}: {found:?}") };
        assert_eq!((problem.at.as_deref(), problem.message.as_str()), (at, message));
        assert_eq!(problem.hint.as_deref(), Some(hint));
    }

    #[test]
    fn a_limit_names_the_key_and_the_value() {
        check(
            "1 validation error detected: Value '0' at 'provisionedConcurrentExecutions' failed to satisfy \
             constraint: Member must have value greater than or equal to 1",
            Some("/provisioned_concurrency"),
            "`provisioned_concurrency` is 0: AWS accepts at least 1",
            "change `provisioned_concurrency` in the stanza",
        );
        check(
            "'MemorySize' value failed to satisfy constraint: Member must have value less than or equal to \
             3008",
            Some("/memory_size"),
            "`memory_size` is refused: AWS accepts at most 3008",
            "change `memory_size` in the stanza",
        );
        check(
            "1 validation error detected: Value '[x86_64, arm64]' at 'architectures' failed to satisfy \
             constraint: Member must have length less than or equal to 1",
            Some("/architectures"),
            "`architectures` is [x86_64, arm64]: AWS accepts at most 1 item",
            "change `architectures` in the stanza",
        );
    }

    #[test]
    fn a_member_of_a_request_names_its_key() {
        for (member, at) in [
            ("ephemeralStorage.size", Some("/ephemeral_storage")),
            ("EphemeralStorage", Some("/ephemeral_storage")),
            ("environment.variables", Some("/environment")),
            ("layers.2.member", Some("/layers")),
            ("fileSystemConfigs.1.member.arn", Some("/file_system_configs")),
            ("vpcConfig.subnetIds", Some("/subnet_ids")),
            ("vpcConfig", None),
            ("loggingConfig.logFormat", Some("/logging_config/log_format")),
            ("loggingConfig", Some("/logging_config")),
            ("loggingConfig.new", Some("/logging_config")),
            ("code.sourceKMSKeyArn", Some("/source_kms_key_arn")),
            ("kMSKeyArn", Some("/kms_key_arn")),
            ("code.s3Key", Some("/s3_key")),
            ("handler", Some("/handler_name")),
            ("durableConfig.executionTimeout", Some("/durable_config/execution_timeout")),
            ("fileSystemConfigs.1.member.s3FilesConfig.directS3Read", Some("/file_system_configs")),
            ("tenantId", Some("/verify/tenant_id")),
            ("cors.allowCredentials", Some("/function_url/cors")),
            (
                "capacityProviderConfig.lambdaManagedInstancesCapacityProviderConfig.capacityProviderArn",
                Some("/capacity_provider_config/capacity_provider_arn"),
            ),
            ("capacityProviderConfig", Some("/capacity_provider_config")),
            ("functionScalingConfig.minExecutionEnvironments", Some("/scaling/min_execution_environments")),
            ("destinationConfig.onFailure.destination", Some("/event_invoke_config/on_failure")),
            ("recursiveLoop", Some("/recursive_loop")),
            ("roleArn", None),
        ] {
            assert_eq!(pointer(member).as_deref(), at, "{member}");
        }
    }

    #[test]
    fn an_enum_names_the_one_that_was_surely_meant() {
        check(
            "Value PYTHON3.9 at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: \
             [python3.9, nodejs22.x] or be a valid ARN",
            Some("/runtime"),
            "`runtime` is PYTHON3.9: AWS does not accept this value",
            "did you mean python3.9? If not, use one of nodejs22.x, python3.9",
        );
        check(
            "The runtime parameter of nodejs12.x is no longer supported for creating or updating AWS Lambda \
             functions. We recommend you use a supported runtime while creating or updating functions.",
            Some("/runtime"),
            "`runtime` is nodejs12.x, which AWS no longer supports (deprecated since 2023-03-31)",
            "switch to nodejs24.x",
        );
    }

    #[test]
    fn several_complaints_are_several_problems() {
        let text = "2 validation errors detected: Value '1000' at 'timeout' failed to satisfy constraint: \
            Member must have value less than or equal to 900; Value null at 'role' failed to satisfy \
            constraint: Member must not be null";
        let found: Vec<String> = problems(text).into_iter().map(|problem| problem.message).collect();
        assert_eq!(
            found,
            ["`timeout` is 1000: AWS accepts at most 900", "`role` is missing: AWS requires a value"]
        );
    }

    #[test]
    fn a_pattern_is_shown_but_not_all_of_it() {
        let text = "1 validation error detected: Value 'r1' at 'role' failed to satisfy constraint: Member \
            must satisfy regular expression pattern: \
            arn:(aws[a-zA-Z-]*)?:iam::\\d{12}:role/?[a-zA-Z_0-9+=,.@\\-_/]+";
        let found = problems(text);
        assert!(
            found[0].message.starts_with("`role` is r1: AWS accepts values that match arn:(aws"),
            "{found:?}"
        );
        let long = format!("{text}{}", "x".repeat(500));
        assert!(problems(&long)[0].message.chars().count() < 200);
    }

    #[test]
    fn a_variable_is_never_quoted_by_us() {
        let text = "1 validation error detected: Value '{1A=hunter2}' at 'environment.variables' failed to \
            satisfy constraint: Map keys must satisfy constraint: [Member must satisfy regular expression \
            pattern: [a-zA-Z]([a-zA-Z0-9_])+]";
        let found = problems(text);
        assert_eq!(found[0].at.as_deref(), Some("/environment"));
        assert!(!found[0].message.contains("hunter2"), "{found:?}");
    }

    #[test]
    fn other_texts_are_no_complaints() {
        for text in ["", "Layer Version Cannot be less than 1", "Value added", "Rate Exceeded."] {
            assert_eq!(problems(text), [], "{text}");
        }
    }
}
