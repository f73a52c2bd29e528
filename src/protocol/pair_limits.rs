//! Warns about variables and tags that AWS refuses. Never quotes a value, and quotes a name only if it looks
//! like one, because a value in the place of a name may be a secret.

use std::collections::BTreeMap;

use super::error::Warning;
use super::json::{Map, Node, pointer};
use super::limits::out_of_range;
use super::secret::Secret;
use super::text::is_variable_name;

/// Variables that Lambda sets itself. AWS refuses them.
/// Source: Lambda Developer Guide, "Defined runtime environment variables". Other names that begin with
/// `AWS_LAMBDA_` are allowed: `AWS_LAMBDA_EXEC_WRAPPER` starts a wrapper script.
#[rustfmt::skip]
pub(super) const RESERVED: [&str; 19] = [
    "_HANDLER", "_X_AMZN_TRACE_ID", "AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_DEFAULT_REGION",
    "AWS_EXECUTION_ENV", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_VERSION", "AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME", "AWS_LAMBDA_MAX_CONCURRENCY", "AWS_LAMBDA_RUNTIME_API", "AWS_REGION",
    "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "LAMBDA_RUNTIME_DIR", "LAMBDA_TASK_ROOT",
];

/// Maximum size of all variables together, in bytes of JSON.
const VARIABLES: usize = 4096;

/// Maximum number of characters of the name and of the value of a tag.
const TAG_NAME: usize = 128;
const TAG_VALUE: usize = 256;

type Pairs = BTreeMap<String, Secret>;

/// A warning for each variable and tag that AWS refuses, and one if the variables are too large. `stanza` is
/// only used to find their keys.
pub(super) fn warnings(stanza: &Map, variables: Option<&Pairs>, tags: Option<&Pairs>) -> Vec<Warning> {
    let is_given = stanza.get("environment").is_some_and(|node| !node.is_absent());
    let key = if is_given { "environment" } else { "environment_variables" };
    let mut warnings = Vec::new();
    if let Some(variables) = variables {
        let place = places(stanza, key);
        for name in variables.keys() {
            warnings.extend(refused_variable(key, name).map(|warning| warning.at(place(name))));
        }
        warnings.extend(too_large(variables).map(|warning| warning.at(format!("/{key}"))));
    }
    if let Some(tags) = tags {
        let place = places(stanza, "function_tags");
        for (name, value) in tags {
            warnings.extend(refused_tag(name, value.expose()).map(|warning| warning.at(place(name))));
        }
    }
    warnings
}

/// The warning about variables that together are too large.
pub fn too_large(variables: &Pairs) -> Option<Warning> {
    let exposed: BTreeMap<&str, &str> =
        variables.iter().map(|(name, value)| (name.as_str(), value.expose())).collect();
    let bytes = serde_json::to_string(&exposed).map_or(0, |json| json.len());
    let message =
        format!("the function's variables have {bytes} bytes as JSON; AWS documents at most {VARIABLES}");
    let hint = "keep large values in Systems Manager, in Secrets Manager, or in the package";
    (bytes > VARIABLES).then(|| out_of_range(message).at("/environment").hint(hint))
}

fn refused_variable(key: &str, name: &str) -> Option<Warning> {
    let (message, hint) = if RESERVED.contains(&name) {
        (format!("`{name}` in `{key}` is reserved, because Lambda sets it itself"), "remove or rename it")
    } else if name.len() == 1 && is_name(name) {
        (format!("`{name}` in `{key}` has one character; AWS documents at least two"), "use a longer name")
    } else if !is_name(name) {
        let name = if is_harmless(name) { format!("`{name}`") } else { "a name".to_owned() };
        let rule = "AWS documents letters, digits and `_`, with a letter first";
        (format!("{name} in `{key}` is not valid; {rule}"), "rename the variable")
    } else {
        return None;
    };
    Some(out_of_range(message).hint(hint))
}

fn refused_tag(name: &str, value: &str) -> Option<Warning> {
    let tag = if is_harmless(name) { format!("the tag `{name}`") } else { "a tag".to_owned() };
    let (names, values) = (name.chars().count(), value.chars().count());
    let is_reserved = name.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("aws:"));
    let (message, hint) = if is_reserved {
        ("a tag in `function_tags` begins with `aws:`, which AWS reserves".to_owned(), "rename the tag")
    } else if names > TAG_NAME {
        let message = format!("{tag} has a name of {names} characters; AWS documents at most {TAG_NAME}");
        (message, "shorten the name")
    } else if values > TAG_VALUE {
        let message = format!("{tag} has a value of {values} characters; AWS documents at most {TAG_VALUE}");
        (message, "shorten the value")
    } else if !(is_of_tag(name) && is_of_tag(value)) {
        let (what, hint) = match name.contains(',') || value.contains(',') {
            true => ("comma", "write each tag as an entry of its own, `NAME=value`, or remove the comma"),
            false => ("character that is not allowed", "remove the character"),
        };
        (format!("{tag} has a {what}; AWS documents letters, digits, spaces and `_.:/=+-@`"), hint)
    } else {
        return None;
    };
    Some(out_of_range(message).hint(hint))
}

/// Whether a text has only characters that AWS documents for tags. Accepts a few more: combining marks.
fn is_of_tag(text: &str) -> bool {
    let is_space = |c: char| c.is_whitespace() && !c.is_control();
    text.chars().all(|c| c.is_alphanumeric() || is_space(c) || "_.:/=+-@".contains(c))
}

/// Whether a name has the form that AWS documents for variables.
pub(super) fn is_name(name: &str) -> bool {
    is_variable_name(name) && !name.starts_with('_')
}

/// Whether a message may quote a name.
fn is_harmless(name: &str) -> bool {
    name.chars().all(|c| c.is_ascii_alphanumeric() || "_-. ".contains(c)) && name.len() < 20
}

/// The JSON pointers to the names in a map, or in a list of `NAME=value`. Other names are at their key.
fn places(stanza: &Map, key: &'static str) -> impl Fn(&str) -> String {
    let mut places = BTreeMap::new();
    if let Some(node) = stanza.get(key) {
        find_names(node, &format!("/{key}"), &mut places);
    }
    move |name: &str| places.get(name).cloned().unwrap_or_else(|| format!("/{key}"))
}

fn find_names(node: &Node, at: &str, places: &mut BTreeMap<String, String>) {
    match node {
        Node::List(_) => node.entries(at).iter().for_each(|(at, item)| find_names(item, at, places)),
        Node::Map(map) => {
            places.extend(map.iter().map(|(name, _)| (name.to_owned(), pointer(at, name))));
        }
        Node::Text(text) => {
            places.extend(text.split_once('=').map(|(name, _)| (name.trim().to_owned(), at.to_owned())));
        }
        Node::Null | Node::Bool(_) | Node::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::stanza;

    #[track_caller]
    fn check(text: &str, expected: &[(&str, &str)]) {
        let map = &Map::of_json(text);
        let read = stanza::read(map);
        let options = read.options();
        let found = warnings(map, options.environment.as_ref(), options.function_tags.as_ref());
        let found: Vec<_> =
            found.iter().map(|one| (one.at.as_deref().unwrap(), one.message.as_str())).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_variable_that_aws_refuses_is_pointed_at() {
        check(
            r#"{"environment":["OK=1","no-dash=2"]}"#,
            &[(
                "/environment/1",
                "`no-dash` in `environment` is not valid; \
                 AWS documents letters, digits and `_`, with a letter first",
            )],
        );
        check(
            r#"{"environment":{"AA":"1","_B":"2","X":"3"}}"#,
            &[
                ("/environment/X", "`X` in `environment` has one character; AWS documents at least two"),
                (
                    "/environment/_B",
                    "`_B` in `environment` is not valid; \
                     AWS documents letters, digits and `_`, with a letter first",
                ),
            ],
        );
        check(
            r#"{"environment_variables":["AWS_REGION=eu-west-1",{"AWS_LAMBDA_EXEC_WRAPPER":"/opt/run"}]}"#,
            &[(
                "/environment_variables/0",
                "`AWS_REGION` in `environment_variables` is reserved, because Lambda sets it itself",
            )],
        );
        check(r#"{"environment":{"secure":"x"}}"#, &[]);
    }

    #[test]
    fn variables_are_measured_as_the_json_that_aws_measures() {
        let named = |length: usize| format!(r#"{{"environment":{{"VALUE":"{}"}}}}"#, "x".repeat(length));
        let most = VARIABLES - r#"{"VALUE":""}"#.len();
        check(&named(most), &[]);
        check(
            &named(most + 1),
            &[(
                "/environment",
                "the function's variables have 4097 bytes as JSON; AWS documents at most 4096",
            )],
        );
    }

    #[test]
    fn a_tag_that_aws_refuses_is_pointed_at_and_its_value_is_not_quoted() {
        check(
            r#"{"function_tags":["aws:x=1","v=1,2","team=Zoë & co","stage=prod: a/b_c.d+e-f@g=h"]}"#,
            &[
                ("/function_tags/0", "a tag in `function_tags` begins with `aws:`, which AWS reserves"),
                (
                    "/function_tags/2",
                    "the tag `team` has a character that is not allowed; \
                     AWS documents letters, digits, spaces and `_.:/=+-@`",
                ),
                (
                    "/function_tags/1",
                    "the tag `v` has a comma; AWS documents letters, digits, spaces and `_.:/=+-@`",
                ),
            ],
        );
        let long = format!(r#"{{"function_tags":{{"v":"{}"}}}}"#, "x".repeat(257));
        check(
            &long,
            &[("/function_tags/v", "the tag `v` has a value of 257 characters; AWS documents at most 256")],
        );
    }
}
