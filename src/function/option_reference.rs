//! Generates `docs/options.md`: every option of a stanza with its type, default, AWS field and an example.
//! Adds only the titles of the groups. Groups and AWS fields are those of the tables of options and settings;
//! descriptions, types, examples, ranges and rules between options are those of the schemas.

use std::fmt::Write;

use serde_json::Value;

use super::{ChangedBy, Setting};
use crate::protocol::branches::is_of_dpl;
use crate::protocol::editor::reference;
use crate::protocol::schema;
use crate::protocol::stanza::{self, ALIASES, Group, in_group};

const INTRODUCTION: &str = r#"# Options

A stanza describes the deployment of one function. It is an entry under `deploy:` of a `.travis.yml`, or the whole content of a YAML or JSON file. To
check one:

<!-- run -->
```console
$ cat > lambda.yml <<'EOF'
provider: lambda
function_name: hello
timeout: 30
on: {all_branches: true}
EOF
$ dpl-lambda check --stanza lambda.yml
```

These rules apply to all options:

- **An absent option** leaves an existing function as it is: the setting keeps its live value, which is its value at AWS. A new function gets AWS's
  default. In a map such as `logging_config`, the same applies to each member.
- **An empty value** (`''`, `[]` or `{}`) clears the live value. Where there must be a value, it is an error.
- **Types:** a number or a boolean can also be a string (`'30'`), and a list with one entry can be written as that entry.
- **Variables:** `$NAME` and `${NAME}` in a value are replaced by variables of the job; [from-dpl.md](from-dpl.md) has the details.
- **Secrets:** values that are marked as secret are masked in all output. Travis CI decrypts a value `{secure: …}`; dpl-lambda cannot.

The options by task. Those after "new" exist only in dpl-lambda. The others are those of Travis CI and its deployment tool dpl;
[from-dpl.md](from-dpl.md) lists the differences.

"#;

/// After the list of options.
const SOURCE: &str = r"
This page is generated from the types of the program. `dpl-lambda schema stanza` prints the same as a JSON Schema, and
`dpl-lambda schema stanza --editor` one with which an editor completes and checks a stanza.
";

/// The options by task, in the order in which the author of a first stanza needs them: the title of each
/// group, and the page that explains its options together.
const GROUPS: [(Group, &str, Option<&str>); 8] = [
    (Group::Function, "Function", None),
    (Group::Package, "Code and package", Some("packaging.md")),
    (Group::Settings, "Settings", None),
    (Group::Versions, "Versions and traffic", Some("releases.md")),
    (Group::Credentials, "Credentials", Some("credentials.md")),
    (Group::Conditions, "Conditions", Some("from-dpl.md")),
    (Group::Deployment, "Deployment", None),
    (Group::Deprecated, "Deprecated", None),
];

/// A longer list of words, such as all regions, is for editors.
const MAX_LISTED_WORDS: usize = 10;

/// The whole page, in Markdown.
pub fn document() -> String {
    let (stanza, types) = (schema::editor_stanza(), schema::plain());
    let mut page = String::from(INTRODUCTION);
    for (group, title, _) in GROUPS {
        let is_new = |name: &&str| is_new(name, &stanza["properties"][*name]);
        let (new, from_dpl): (Vec<&str>, Vec<&str>) = in_group(group).into_iter().partition(is_new);
        let new = if new.is_empty() { String::new() } else { format!("; new: {}", links(&new)) };
        let _ = writeln!(page, "- **{title}**: {}{new}", links(&from_dpl));
    }
    page.push_str(SOURCE);
    for (group, title, guide) in GROUPS {
        let _ = writeln!(page, "\n## {title}");
        if let Some(guide) = guide {
            let _ = writeln!(page, "\n[{guide}]({guide}) explains how to use them.");
        }
        for name in in_group(group) {
            page.push_str(&section(name, &stanza, &types));
        }
    }
    page
}

fn links(names: &[&str]) -> String {
    names.iter().map(|name| format!("[`{name}`](#{name})")).collect::<Vec<_>>().join(", ")
}

/// Whether dpl lacks the option. `on` is an option of Travis CI, and only options of dpl are deprecated.
fn is_new(name: &str, option: &Value) -> bool {
    !is_of_dpl(name) && name != "on" && option["deprecated"] != true
}

/// What the option does, its type, its default, which other options it requires or excludes, AWS's field, an
/// example, and its members. `types` is the schema that names the type of each option.
fn section(name: &str, stanza: &Value, types: &Value) -> String {
    let option = &stanza["properties"][name];
    let kind = reference(&types["properties"][name]).unwrap_or_default();
    let (description, default) = without_default(&description(option));
    let mut section = format!("\n### {name}\n\n{description}\n\n- Type: {}\n", type_name(kind, option));
    let words = listed_words(option);
    for (word, meaning) in words.iter().filter(|_| words.len() > 1) {
        let _ = writeln!(section, "  - `{word}`: {meaning}");
    }
    let in_schema = option.get("default").map(|value| format!("Default: `{}`", yaml(value)));
    if let Some(default) = default.or(in_schema) {
        let _ = writeln!(section, "- {default}");
    }
    let (required, excluded) = relations(name, stanza);
    if !required.is_empty() {
        let _ = writeln!(section, "- Requires: {}", required.join(", "));
    }
    if !excluded.is_empty() {
        let _ = writeln!(section, "- Not together with: `{}`", excluded.join("`, `"));
    }
    if is_new(name, option) {
        section.push_str("- Not in dpl\n");
    }
    if let Some((field, operation)) = aws_field(name) {
        let _ = writeln!(section, "- AWS field: `{field}` of `{operation}`");
    }
    let others: Vec<&str> = ALIASES.iter().filter(|(_, key)| *key == name).map(|(alias, _)| *alias).collect();
    if !others.is_empty() {
        let _ = writeln!(section, "- Also accepted as: `{}`", others.join("`, `"));
    }
    if let Some(example) = example(name, option) {
        let _ = writeln!(section, "\n```yaml\n{example}\n```");
    }
    section + &table(name, &members(name, kind, option, types))
}

/// The options that an option requires, in Markdown, and the names of those that it excludes. The rules of
/// the schema say both.
fn relations<'a>(name: &str, stanza: &'a Value) -> (Vec<&'a str>, Vec<&'a str>) {
    let (mut required, mut excluded) = (Vec::new(), Vec::new());
    for rule in stanza["allOf"].as_array().into_iter().flatten() {
        let condition = &rule["if"];
        for (key, refused) in rule["then"]["properties"].as_object().into_iter().flatten() {
            // An alternative name has no section, and `not` excludes a single value only.
            if ALIASES.iter().any(|(alias, _)| alias == key) || refused.get("not").is_some() {
                continue;
            }
            if condition.get("not").is_some() {
                let message = refused["errorMessage"].as_str().filter(|_| key == name);
                required.extend(
                    message
                        .and_then(|text| text.split(" requires ").nth(1))
                        .map(|end| end.trim_end_matches('.')),
                );
            } else if let Some(other) = named(condition) {
                excluded.extend((key == name).then_some(other));
                excluded.extend((other == name).then_some(key.as_str()));
            }
        }
    }
    (required, excluded)
}

/// The key whose presence is the condition of a rule, or its first alternative.
fn named(condition: &Value) -> Option<&str> {
    condition.pointer("/required/0").or_else(|| condition.pointer("/anyOf/0/required/0"))?.as_str()
}

/// A member of a structure.
struct Member {
    /// Its name with those of the structures around it, such as `verify.expect.json`.
    at: String,
    type_name: String,
    /// AWS's field. Empty: there is none.
    field: String,
    description: String,
}

/// The members of a structure, and those of the structures in it.
fn members(at: &str, kind: &str, structure: &Value, types: &Value) -> Vec<Member> {
    let definition = match kind {
        "Conditions" => "On",
        "FileSystems" => "FileSystemConfig",
        "Checks" => "Verify",
        "Layers" => "LayerContent",
        "UrlOrNone" => "FunctionUrl",
        definition_name => definition_name,
    };
    let of_structure = structure["properties"].as_object().into_iter().flatten();
    let found = of_structure.flat_map(|(name, member)| {
        let at = format!("{at}.{name}");
        let kind = reference(&types["definitions"][definition]["properties"][name]).unwrap_or_default();
        let field = aws_field(&at).map(|(field, _)| format!("`{field}`")).unwrap_or_default();
        let words: Vec<String> = listed_words(member).iter().map(|(word, _)| format!("`{word}`")).collect();
        let type_name = if words.is_empty() { type_name(kind, member) } else { words.join(", ") };
        let inner = members(&at, kind, member, types);
        let description = description(member).replace('|', r"\|");
        std::iter::once(Member { at, type_name, field, description }).chain(inner)
    });
    found.collect()
}

/// A row for each member of the option `name`. Without a column for AWS's fields, if there are none.
fn table(name: &str, members: &[Member]) -> String {
    if members.is_empty() {
        return String::new();
    }
    let has_fields = members.iter().any(|member| !member.field.is_empty());
    let (title, line) = if has_fields { (" AWS field |", "---|") } else { ("", "") };
    let mut table = format!("\n| member | type |{title} description |\n|---|---|{line}---|\n");
    for Member { at, type_name, field, description } in members {
        let member = at.strip_prefix(name).unwrap_or(at).trim_start_matches('.');
        let field = if has_fields { format!(" {field} |") } else { String::new() };
        let _ = writeln!(table, "| `{member}` | {type_name} |{field} {description} |");
    }
    table
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

/// The type of an option in words. `kind` is the name that its schema has in `protocol/value_schemas.rs`.
fn type_name(kind: &str, property: &Value) -> String {
    match listed_words(property).as_slice() {
        [] => {}
        [(word, _)] => return format!("`{word}`"),
        _ => return "string, one of".to_owned(),
    }
    let name = match kind {
        "Text" => "string",
        "SecretText" => "string (secret)",
        "WholeNumber" => "integer",
        "Decimal" => "number",
        "Percentage" => "percentage",
        "NumberOrNone" => "integer, or `none`",
        "Flag" => "boolean",
        "TextList" | "Expressions" => "string or list of strings",
        "NumberList" => "integer or list of integers",
        "Pairs" => "map, or list of `NAME=value`; the values are secret",
        "Conditions" => "map, or a branch",
        "Branches" => "branch or list of branches",
        "FileSystems" | "Checks" => "map or list of maps",
        "Layers" => "string, map, or list of these",
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
fn listed_words(property: &Value) -> Vec<(&str, &str)> {
    let offered = &property["anyOf"][0];
    let list = |keyword: &str| offered[keyword].as_array().into_iter().flatten().filter_map(Value::as_str);
    let words: Vec<(&str, &str)> = list("enum").zip(list("enumDescriptions")).collect();
    if words.len() > MAX_LISTED_WORDS { Vec::new() } else { words }
}

/// AWS's field for an option, and the operation that takes it.
fn aws_field(at: &str) -> Option<(&'static str, &'static str)> {
    if let Some(setting) = Setting::FIELDS.iter().find(|setting| setting.option == at) {
        return Some((setting.aws, operation(setting.changed_by)));
    }
    stanza::aws_field(at)
}

fn operation(changed_by: ChangedBy) -> &'static str {
    match changed_by {
        ChangedBy::Configuration => "UpdateFunctionConfiguration",
        ChangedBy::Code => "UpdateFunctionCode",
        ChangedBy::CodeSigning => "PutFunctionCodeSigningConfig",
        ChangedBy::Concurrency => "PutFunctionConcurrency",
        ChangedBy::Creation => "CreateFunction",
        ChangedBy::RuntimeManagement => "PutRuntimeManagementConfig",
        ChangedBy::Recursion => "PutFunctionRecursionConfig",
    }
}

/// A YAML example: the one for hovers, else the first of `examples`, the value that the description names,
/// the first word that is not the default, or `true`. `None`: the option is deprecated.
fn example(name: &str, option: &Value) -> Option<String> {
    if option["deprecated"] == true {
        return None;
    }
    let hover = option["markdownDescription"].as_str().and_then(|text| text.split("```yaml\n").nth(1));
    if let Some(shown) = hover.and_then(|rest| rest.split("\n```").next()) {
        return Some(shown.to_owned());
    }
    let description = description(option);
    let named = description.split("such as `").nth(1).and_then(|rest| rest.split('`').next());
    let words = listed_words(option);
    let default = without_default(&description).1.unwrap_or_default();
    let is_default = |word: &str| match option["default"].as_str() {
        Some(default) => default == word,
        None => default.contains(&format!("`{word}`")),
    };
    let other = words.iter().find(|(word, _)| !is_default(word)).or(words.first()).map(|(word, _)| *word);
    let value = match (&option["examples"][0], named, other) {
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
        let mut grouped: Vec<&str> = GROUPS.iter().flat_map(|(group, ..)| in_group(*group)).collect();
        grouped.sort_unstable();
        let schema = schema::editor_stanza();
        let keys = schema["properties"].as_object().expect("a schema of a struct has properties").keys();
        let mut options: Vec<&str> =
            keys.map(String::as_str).filter(|key| ALIASES.iter().all(|(alias, _)| alias != key)).collect();
        options.sort_unstable();
        assert_eq!(grouped, options);
    }

    #[test]
    fn every_other_field_is_that_of_an_option_that_is_no_setting() {
        let schema = schema::editor_stanza();
        for (option, ..) in stanza::aws_fields() {
            let pointer: String = option.split('.').map(|part| format!("/properties/{part}")).collect();
            assert!(schema.pointer(&pointer).is_some(), "`{option}` is no option");
            assert!(
                Setting::FIELDS.iter().all(|setting| setting.option != *option),
                "`{option}` is a setting"
            );
        }
    }

    #[test]
    fn the_rules_of_the_schema_say_what_an_option_requires_and_excludes() {
        let schema = schema::editor_stanza();
        assert_eq!(relations("traffic", &schema), (vec!["`alias`"], vec!["codedeploy"]));
        assert_eq!(relations("image_config", &schema).0, ["`image_uri` or `package_type: Image`"]);
        assert_eq!(relations("zip", &schema), (Vec::new(), vec!["s3_key", "image_uri"]));
        assert_eq!(
            relations("profile", &schema).1,
            ["access_key_id", "secret_access_key", "web_identity_token_env"]
        );
        assert_eq!(relations("package_type", &schema), (Vec::new(), Vec::new()));
        assert_eq!(relations("environment", &schema), (Vec::new(), Vec::new()));
    }

    #[test]
    fn the_default_is_separated_from_the_description() {
        let (description, default) = without_default("Seconds, such as 30. AWS's default: 3.");
        assert_eq!(
            (description.as_str(), default.as_deref()),
            ("Seconds, such as 30.", Some("AWS's default: 3"))
        );
        assert_eq!(without_default("A bucket."), ("A bucket.".to_owned(), None));
    }
}
