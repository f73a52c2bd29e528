//! Generates `docs/options.md`: every option of a stanza with its type, default, AWS's field and an example.
//! Adds only what no other table has: the groups, and the AWS fields of options that are no setting of a function. Descriptions, types, examples and
//! ranges are those of the schemas.

use std::fmt::Write;

use serde_json::Value;

use super::{ChangedBy, Setting};
use crate::protocol::editor::reference;
use crate::protocol::schema;
use crate::protocol::stanza::ALIASES;

const INTRODUCTION: &str = r#"# Options

Every option of a stanza, by task. This page is generated from the program's types; `dpl-lambda schema stanza` prints the same for editors.

A setting that the stanza does not name is not changed: an existing function keeps its live value, and a new one gets AWS's default. An empty string, list
or map clears the live value. Numbers and booleans may be strings, and a list of one may be its only value. To validate a stanza, as JSON:

<!-- run -->
```console
$ echo '{"function_name": "hello", "timeout": 30, "on": {"branch": "main"}}' | dpl-lambda check
```

"#;

/// The options by task, in the order in which the author of a first stanza needs them.
const GROUPS: [(&str, &[&str]); 8] = [
    ("Function", &["provider", "function_name", "region", "revision_id"]),
    (
        "Code and package",
        &[
            "zip",
            "include",
            "exclude",
            "dot_match",
            "symlinks",
            "s3_bucket",
            "s3_prefix",
            "s3_key",
            "s3_object_version",
            "source_kms_key_arn",
            "code_signing_config_arn",
            "package_type",
            "image_uri",
            "image_config",
        ],
    ),
    (
        "Settings",
        &[
            "role",
            "runtime",
            "handler_name",
            "module_name",
            "description",
            "timeout",
            "memory_size",
            "ephemeral_storage",
            "architectures",
            "layers",
            "environment",
            "merge_environment",
            "kms_key_arn",
            "subnet_ids",
            "security_group_ids",
            "ipv6_allowed_for_dual_stack",
            "file_system_configs",
            "dead_letter_arn",
            "tracing_mode",
            "logging_config",
            "snap_start",
            "reserved_concurrency",
            "function_url",
            "function_tags",
            "function_tags_mode",
        ],
    ),
    (
        "Versions and traffic",
        &[
            "publish",
            "alias",
            "verify",
            "traffic",
            "traffic_interval",
            "clear_weights",
            "provisioned_concurrency",
            "keep_versions",
            "version",
        ],
    ),
    (
        "Credentials",
        &[
            "access_key_id",
            "secret_access_key",
            "session_token",
            "profile",
            "role_to_assume",
            "external_id",
            "role_session_name",
            "web_identity_token_env",
        ],
    ),
    ("Conditions", &["on"]),
    ("Deployment", &["dry_run", "wait_timeout", "strict", "run", "cleanup", "allow_failure"]),
    ("Deprecated", &["skip_cleanup", "edge", "dpl_version", "strategy"]),
];

/// Options that are no setting of a function, or have another name than their setting: AWS's field, and the operation that takes it.
const OTHER_FIELDS: [(&str, &str, &str); 30] = [
    ("function_name", "FunctionName", "CreateFunction"),
    ("revision_id", "RevisionId", "UpdateFunctionConfiguration"),
    ("zip", "ZipFile", "UpdateFunctionCode"),
    ("s3_bucket", "S3Bucket", "UpdateFunctionCode"),
    ("s3_key", "S3Key", "UpdateFunctionCode"),
    ("s3_object_version", "S3ObjectVersion", "UpdateFunctionCode"),
    ("package_type", "PackageType", "CreateFunction"),
    ("image_uri", "ImageUri", "UpdateFunctionCode"),
    ("handler_name", "Handler", "UpdateFunctionConfiguration"),
    ("module_name", "Handler", "UpdateFunctionConfiguration"),
    ("file_system_configs.arn", "FileSystemConfigs.Arn", "UpdateFunctionConfiguration"),
    ("file_system_configs.local_mount_path", "FileSystemConfigs.LocalMountPath", "UpdateFunctionConfiguration"),
    ("function_url.auth_type", "AuthType", "CreateFunctionUrlConfig"),
    ("function_url.invoke_mode", "InvokeMode", "CreateFunctionUrlConfig"),
    ("function_url.cors.allow_origins", "Cors.AllowOrigins", "CreateFunctionUrlConfig"),
    ("function_url.cors.allow_methods", "Cors.AllowMethods", "CreateFunctionUrlConfig"),
    ("function_url.cors.allow_headers", "Cors.AllowHeaders", "CreateFunctionUrlConfig"),
    ("function_url.cors.expose_headers", "Cors.ExposeHeaders", "CreateFunctionUrlConfig"),
    ("function_url.cors.allow_credentials", "Cors.AllowCredentials", "CreateFunctionUrlConfig"),
    ("function_url.cors.max_age", "Cors.MaxAge", "CreateFunctionUrlConfig"),
    ("function_tags", "Tags", "TagResource"),
    ("alias", "Name", "CreateAlias"),
    ("verify.payload", "Payload", "Invoke"),
    ("traffic", "RoutingConfig.AdditionalVersionWeights", "UpdateAlias"),
    ("provisioned_concurrency", "ProvisionedConcurrentExecutions", "PutProvisionedConcurrencyConfig"),
    ("version", "FunctionVersion", "UpdateAlias"),
    ("role_to_assume", "RoleArn", "AssumeRole"),
    ("external_id", "ExternalId", "AssumeRole"),
    ("role_session_name", "RoleSessionName", "AssumeRole"),
    ("web_identity_token_env", "WebIdentityToken", "AssumeRoleWithWebIdentity"),
];

/// A longer list of words, such as all regions, is for editors.
const MOST_WORDS: usize = 10;

/// The whole page, in Markdown.
pub fn document() -> String {
    let (schema, types) = (schema::stanza(), schema::request());
    let mut page = String::from(INTRODUCTION);
    for (title, options) in GROUPS {
        let links: Vec<String> = options.iter().map(|name| format!("[`{name}`](#{name})")).collect();
        let _ = writeln!(page, "- **{title}**: {}", links.join(", "));
    }
    for (title, options) in GROUPS {
        let _ = writeln!(page, "\n## {title}");
        for name in options {
            page.push_str(&section(name, &schema["properties"][*name], &types));
        }
    }
    page
}

/// What the option does, its type, its default, AWS's field, an example, and its members. `types` is the schema of requests, which names the type of
/// each option.
fn section(name: &str, option: &Value, types: &Value) -> String {
    let kind = reference(&types["properties"][name]).unwrap_or_default();
    let (description, default) = without_default(&description(option));
    let mut section = format!("\n### {name}\n\n{description}\n\n- Type: {}\n", type_name(kind, option));
    for (word, meaning) in few_words(option) {
        let _ = writeln!(section, "  - `{word}`: {meaning}");
    }
    let in_schema = option.get("default").map(|value| format!("Default: `{}`", yaml(value)));
    if let Some(default) = default.or(in_schema) {
        let _ = writeln!(section, "- {default}");
    }
    if let Some((field, operation)) = aws_field(name) {
        let _ = writeln!(section, "- AWS's field: `{field}` of `{operation}`");
    }
    for (alias, _) in ALIASES.iter().filter(|(_, key)| *key == name) {
        let _ = writeln!(section, "- Other name: `{alias}`");
    }
    if let Some(example) = example(name, option) {
        let _ = writeln!(section, "\n```yaml\n{example}\n```");
    }
    let rows = member_rows(name, kind, option, types);
    if !rows.is_empty() {
        let rows: String = rows.iter().map(|row| row.replace(&format!("`{name}."), "`")).collect();
        let _ = write!(section, "\n| member | type | AWS's field | description |\n|---|---|---|---|\n{rows}");
    }
    section
}

/// A row of the table for each member of a structure, and for those of the structures in it.
fn member_rows(at: &str, kind: &str, structure: &Value, types: &Value) -> Vec<String> {
    let definition = match kind {
        "Conditions" => "On",
        "FileSystems" => "FileSystemConfig",
        "UrlOrNone" => "FunctionUrl",
        from_its_own => from_its_own,
    };
    let members = structure["properties"].as_object().into_iter().flatten();
    let rows = members.flat_map(|(name, member)| {
        let at = format!("{at}.{name}");
        let kind = reference(&types["definitions"][definition]["properties"][name]).unwrap_or_default();
        let field = aws_field(&at).map(|(field, _)| format!("`{field}`")).unwrap_or_default();
        let words: Vec<String> = few_words(member).iter().map(|(word, _)| format!("`{word}`")).collect();
        let type_name = if words.is_empty() { type_name(kind, member) } else { words.join(", ") };
        let description = description(member).replace('|', r"\|");
        let mut rows = vec![format!("| `{at}` | {type_name} | {field} | {description} |\n")];
        rows.extend(member_rows(&at, kind, member, types));
        rows
    });
    rows.collect()
}

fn description(property: &Value) -> String {
    property["description"].as_str().unwrap_or_default().replace("\n\n", " ")
}

/// A description without the sentence with the default, and that sentence.
fn without_default(description: &str) -> (String, Option<String>) {
    let is_default = |sentence: &&str| {
        ["Default", "AWS's default", "AWS default"].iter().any(|start| sentence.starts_with(start))
            && sentence.contains(": ")
    };
    let sentences = || description.trim_end_matches('.').split(". ");
    let others: Vec<&str> = sentences().filter(|sentence| !is_default(sentence)).collect();
    (format!("{}.", others.join(". ")), sentences().find(is_default).map(str::to_owned))
}

/// The type of an option in words. `kind` is the name that its schema has in `protocol/schema.rs`.
fn type_name(kind: &str, property: &Value) -> String {
    if !few_words(property).is_empty() {
        return "one of".to_owned();
    }
    let name = match kind {
        "Text" => "string",
        "SecretText" => "string (secret)",
        "WholeNumber" => "integer",
        "NumberOrNone" => "integer, or `none`",
        "Flag" => "boolean",
        "TextList" => "string or list of strings",
        "NumberList" => "integer or list of integers",
        "Pairs" => "map, or list of `NAME=value`",
        "Conditions" => "map, or a branch",
        "Branches" => "branch or list of branches",
        "FileSystems" => "map or list of maps",
        "UrlOrNone" => "map, or `none`",
        "Anything" => "any value",
        _ => "map",
    };
    let limits = property.get("else").unwrap_or(property);
    let most = limits["maximum"].as_i64().filter(|most| *most < i64::from(i32::MAX));
    match (limits["minimum"].as_i64(), most) {
        (Some(least), Some(most)) => format!("{name}, {least} to {most}"),
        (Some(least), None) if least > 0 => format!("{name}, at least {least}"),
        _ => name.to_owned(),
    }
}

/// The words that an option can have, each with its meaning; none if there are too many for a page.
fn few_words(property: &Value) -> Vec<(&str, &str)> {
    let offered = &property["anyOf"][0];
    let list = |keyword: &str| offered[keyword].as_array().into_iter().flatten().filter_map(Value::as_str);
    let words: Vec<(&str, &str)> = list("enum").zip(list("enumDescriptions")).collect();
    if words.len() > MOST_WORDS { Vec::new() } else { words }
}

/// AWS's field for an option, and the operation that takes it.
fn aws_field(at: &str) -> Option<(&'static str, &'static str)> {
    if let Some((_, doc, changed_by)) = Setting::FIELDS.iter().find(|(option, ..)| *option == at) {
        return Some((doc.split('`').nth(1)?, operation(*changed_by)));
    }
    OTHER_FIELDS.iter().find(|(option, ..)| *option == at).map(|(_, field, operation)| (*field, *operation))
}

fn operation(changed_by: ChangedBy) -> &'static str {
    match changed_by {
        ChangedBy::Configuration => "UpdateFunctionConfiguration",
        ChangedBy::Code => "UpdateFunctionCode",
        ChangedBy::CodeSigning => "PutFunctionCodeSigningConfig",
        ChangedBy::Concurrency => "PutFunctionConcurrency",
    }
}

/// A YAML example: the one for hovers, else the first of `examples`, the value that the description names, the first word, or `true`. `None`: the option
/// is deprecated.
fn example(name: &str, option: &Value) -> Option<String> {
    if option["deprecated"] == true {
        return None;
    }
    let hover = option["markdownDescription"].as_str().and_then(|text| text.split("```yaml\n").nth(1));
    if let Some(shown) = hover.and_then(|rest| rest.split("\n```").next()) {
        return Some(shown.to_owned());
    }
    let named = option["description"].as_str().and_then(|text| text.split("such as `").nth(1)?.split('`').next());
    let value = match (&option["examples"][0], named, option["anyOf"][0]["enum"][0].as_str()) {
        (Value::Null, None, None) => "true".to_owned(),
        (Value::Null, None, Some(word)) | (Value::Null, Some(word), _) => word.to_owned(),
        (example, ..) => yaml(example),
    };
    Some(format!("{name}: {value}"))
}

/// A value in YAML, on one line.
fn yaml(value: &Value) -> String {
    match value {
        Value::String(text) if is_plain(text) => text.clone(),
        Value::String(text) => format!("'{}'", text.replace('\'', "''")),
        Value::Array(items) => format!("[{}]", items.iter().map(yaml).collect::<Vec<_>>().join(", ")),
        other => other.to_string(),
    }
}

/// Whether YAML reads the text as a string without quotes.
fn is_plain(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphanumeric() || "$./".contains(c))
        && (text == "." || text.contains(|c: char| c.is_ascii_alphabetic()))
        && !text.contains(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_option_is_in_exactly_one_group() {
        let mut grouped: Vec<&str> = GROUPS.iter().flat_map(|(_, options)| options.iter().copied()).collect();
        grouped.sort_unstable();
        let schema = schema::stanza();
        let keys = schema["properties"].as_object().expect("a schema of a struct has properties").keys();
        let mut options: Vec<&str> =
            keys.map(String::as_str).filter(|key| ALIASES.iter().all(|(alias, _)| alias != key)).collect();
        options.sort_unstable();
        assert_eq!(grouped, options);
    }

    #[test]
    fn every_doc_of_a_setting_begins_with_the_field_of_aws() {
        for (option, doc, _) in Setting::FIELDS {
            assert!(doc.starts_with(" `") && aws_field(option).is_some(), "{option}:{doc}");
        }
    }

    #[test]
    fn every_other_field_is_that_of_an_option_that_is_no_setting() {
        let schema = schema::stanza();
        for (option, ..) in OTHER_FIELDS {
            let pointer: String = option.split('.').map(|part| format!("/properties/{part}")).collect();
            assert!(schema.pointer(&pointer).is_some(), "`{option}` is no option");
            assert!(Setting::FIELDS.iter().all(|(setting, ..)| *setting != option), "`{option}` is a setting");
        }
    }

    #[test]
    fn the_default_is_separated_from_the_description() {
        let (description, default) = without_default("Seconds, such as 30. AWS's default: 3.");
        assert_eq!((description.as_str(), default.as_deref()), ("Seconds, such as 30.", Some("AWS's default: 3")));
        assert_eq!(without_default("A bucket."), ("A bucket.".to_owned(), None));
    }
}
