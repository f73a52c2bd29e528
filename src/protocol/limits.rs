//! Warns about values of a stanza that are outside the limits that AWS documents. Never refuses a value,
//! because AWS may change its limits. Ranges of numbers and words of enums are checked where their keys are
//! read, variables and tags in `pair_limits.rs`.
//!
//! Source: botocore's model of Lambda, API version 2015-03-31, and the Lambda quotas. A test compares the
//! numbers and the patterns with a copy of that model.

use regex_lite::Regex;

use super::error::{Warning, WarningCode};
use super::json::{Map, Node, pointer, quoted};
use super::secret::Secret;

/// A limit that AWS documents for a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// Maximum number of characters.
    Characters(usize),
    /// Maximum number of characters of a name, which can be the last part of an ARN.
    NameCharacters(usize),
    /// Maximum number of entries of a list. A single value counts as one entry.
    Entries(usize),
    /// Maximum number of names in a map.
    Pairs(usize),
    /// Each value has this form.
    Form(Form),
    /// The names in a map consist of at least two letters, digits and underscores, and begin with a letter.
    /// None of them is reserved.
    Names,
}

/// The form of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Form {
    /// AWS's regular expression for the whole value.
    pub pattern: &'static str,
    /// A value of this form.
    pub example: &'static str,
}

const fn form(pattern: &'static str, example: &'static str) -> Limit {
    Limit::Form(Form { pattern, example })
}

const ROLE: &str = r"arn:(aws[a-zA-Z-]*)?:iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+";
const ARN: &str = r"(arn:(aws[a-zA-Z-]*)?:[a-z0-9-.]+:.*)|()";
const LAYER: &str = concat!(
    r"((arn:(aws[a-zA-Z-]*)?:lambda:(eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:\d{12}:",
    r"layer:[a-zA-Z0-9-_]+:[0-9]+)|(arn:[a-zA-Z0-9-]+:lambda:::awslayer:[a-zA-Z0-9-_]+))",
    // The forms of this program, which AWS does not have: a name, with or without a version, and the ARN of a
    // layer.
    r"|([a-zA-Z0-9-_]+(:0*[1-9][0-9]*)?)",
    r"|((arn:[a-zA-Z0-9-]+:lambda:[a-zA-Z0-9-]+:\d{12}:layer:)?[a-zA-Z0-9-_]+(:latest)?)",
);
const CODE_SIGNING: &str = concat!(
    r"arn:(aws[a-zA-Z-]*)?:lambda:(eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:\d{12}:",
    r"code-signing-config:csc-[a-z0-9]{17}",
);
const CAPACITY_PROVIDER: &str = concat!(
    r"arn:aws[a-zA-Z-]*:lambda:(eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:\d{12}:",
    r"capacity-provider:[a-zA-Z0-9-_]+",
);
const ACCESS_POINT: &str = concat!(
    r"arn:aws[a-zA-Z-]*:elasticfilesystem:(eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:\d{12}:",
    r"access-point/fsap-[a-f0-9]{17}$|^arn:aws[-a-z]*:s3files:[0-9a-z-:]+:file-system/fs-[0-9a-f]{17,40}",
    r"/access-point/fsap-[0-9a-f]{17,40}",
);
const DESTINATION: &str = concat!(
    r"$|kafka://([^.]([a-zA-Z0-9\-_.]{0,248}))|arn:(aws[a-zA-Z0-9-]*):([a-zA-Z0-9\-])+:",
    r"((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1})?:(\d{12})?:(.*)",
);
const RUNTIME_VERSION: &str = concat!(
    r"((arn:(aws[a-zA-Z-]*):lambda:(eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}::runtime:.+)|",
    r"(arn:(aws[a-zA-Z-]*):lambda:(eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:\d{12}:",
    r"runtime/[A-Za-z0-9_.-]{1,128}/version/[A-Za-z0-9_.-]{1,128}))",
);
/// AWS's pattern is `[0-9A-Za-z\.\-_]*(?<!\.)`, for 3 to 63 characters.
const BUCKET: &str = r"[0-9A-Za-z.\-_]{2,62}[0-9A-Za-z\-_]";
/// AWS documents no pattern. Lambda accepts images in private repositories of ECR only.
const IMAGE: &str = r"[0-9]{12}\.dkr[.-]ecr(-fips)?\.[a-z0-9-]+\.[a-z0-9.:-]+/.+";

/// Maximum number of characters of a description.
const DESCRIPTION: usize = 256;

/// All limits, each with its key. A key inside a structure is written with a dot: `logging_config.log_group`.
pub const LIMITS: [(&str, Limit); 51] = [
    ("function_name", Limit::NameCharacters(64)),
    ("role", form(ROLE, "arn:aws:iam::123456789012:role/run")),
    ("description", Limit::Characters(DESCRIPTION)),
    ("handler_name", Limit::Characters(128)),
    ("handler_name", form(r"[^\s]+", "index.handler")),
    ("module_name", form(r"[^\s]+", "app")),
    ("subnet_ids", Limit::Entries(16)),
    ("subnet_ids", form("subnet-[0-9a-z]*", "subnet-0123456789abcdef0")),
    ("security_group_ids", Limit::Entries(5)),
    ("security_group_ids", form("sg-[0-9a-zA-Z]*", "sg-0123456789abcdef0")),
    ("environment", Limit::Names),
    ("environment_variables", Limit::Names),
    ("dead_letter_arn", form(ARN, "arn:aws:sqs:us-east-1:123456789012:failed")),
    ("kms_key_arn", form(ARN, "arn:aws:kms:us-east-1:123456789012:key/1234abcd")),
    ("layers", Limit::Entries(5)),
    ("layers", form(LAYER, "arn:aws:lambda:us-east-1:123456789012:layer:tools:3")),
    ("function_tags", Limit::Pairs(50)),
    ("s3_bucket", form(BUCKET, "our-packages")),
    ("s3_key", Limit::Characters(1024)),
    ("s3_object_version", Limit::Characters(1024)),
    ("image_uri", form(IMAGE, "123456789012.dkr.ecr.us-east-1.amazonaws.com/hello:7")),
    ("image_config.entry_point", Limit::Entries(1500)),
    ("image_config.command", Limit::Entries(1500)),
    ("image_config.working_directory", Limit::Characters(1000)),
    ("file_system_configs", Limit::Entries(1)),
    ("file_system_configs.local_mount_path", Limit::Characters(160)),
    ("file_system_configs.local_mount_path", form("/mnt/[a-zA-Z0-9-_.]+", "/mnt/data")),
    ("file_system_configs.arn", Limit::Characters(256)),
    (
        "file_system_configs.arn",
        form(
            ACCESS_POINT,
            "arn:aws:elasticfilesystem:us-east-1:123456789012:access-point/fsap-0123456789abcdef0",
        ),
    ),
    ("logging_config.log_group", Limit::Characters(512)),
    ("logging_config.log_group", form(r"[\.\-_/#A-Za-z0-9]+", "/our/functions")),
    (
        "code_signing_config_arn",
        form(CODE_SIGNING, "arn:aws:lambda:us-east-1:123456789012:code-signing-config:csc-0123456789abcdef0"),
    ),
    ("source_kms_key_arn", form(ARN, "arn:aws:kms:us-east-1:123456789012:key/1234abcd")),
    ("durable_config.kms_key_arn", form(ARN, "arn:aws:kms:us-east-1:123456789012:key/1234abcd")),
    ("capacity_provider_config.capacity_provider_arn", Limit::Characters(140)),
    (
        "capacity_provider_config.capacity_provider_arn",
        form(CAPACITY_PROVIDER, "arn:aws:lambda:us-east-1:123456789012:capacity-provider:ours"),
    ),
    ("verify.tenant_id", Limit::Characters(256)),
    ("event_invoke_config.on_success", Limit::Characters(350)),
    ("event_invoke_config.on_success", form(DESTINATION, "arn:aws:sqs:us-east-1:123456789012:processed")),
    ("event_invoke_config.on_failure", Limit::Characters(350)),
    ("event_invoke_config.on_failure", form(DESTINATION, "arn:aws:sqs:us-east-1:123456789012:failed")),
    ("runtime_management.runtime_version_arn", Limit::Characters(2048)),
    (
        "runtime_management.runtime_version_arn",
        form(
            RUNTIME_VERSION,
            concat!(
                "arn:aws:lambda:us-east-1::runtime:",
                "07a48df201798d627f2b950f03bb227aab4a655a1d019c3296406f95937e2525",
            ),
        ),
    ),
    ("function_url.cors.allow_origins", Limit::Entries(100)),
    ("function_url.cors.allow_origins", Limit::Characters(253)),
    ("function_url.cors.allow_methods", Limit::Entries(6)),
    ("function_url.cors.allow_methods", Limit::Characters(6)),
    ("function_url.cors.allow_headers", Limit::Entries(100)),
    ("function_url.cors.allow_headers", Limit::Characters(1024)),
    ("function_url.cors.expose_headers", Limit::Entries(100)),
    ("function_url.cors.expose_headers", Limit::Characters(1024)),
];

/// The limits of one key.
pub(super) fn limits_of(at: &str) -> impl Iterator<Item = Limit> {
    LIMITS.iter().filter(move |(key, _)| *key == at).map(|(_, limit)| *limit)
}

/// What is wrong with a role that is no ARN of a role.
pub const NOT_A_ROLE: &str = "`role` is not an ARN such as arn:aws:iam::…:role/…, and IAM will refuse it";

/// A text as it is sent to AWS as a description: its first 256 characters.
pub fn cut_description(text: &str) -> String {
    text.chars().take(DESCRIPTION).collect()
}

/// The number of characters of a description, if it has to be cut.
pub fn too_long_description(text: &str) -> Option<usize> {
    Some(text.chars().count()).filter(|count| *count > DESCRIPTION)
}

/// The beginnings of secrets that [`cut_description`] cuts in two.
pub fn cut_secrets(description: &str, secrets: &[Secret]) -> Vec<Secret> {
    let Some((end, _)) = description.char_indices().nth(DESCRIPTION) else { return Vec::new() };
    // Searches only where a secret can be cut, because both the description and the number of secrets can be
    // large.
    let beginning = |secret: &Secret| {
        let before_end = secret.expose().len().checked_sub(1)?;
        let from = description.ceil_char_boundary(end.saturating_sub(before_end));
        let to = description.floor_char_boundary(end + before_end);
        let start = from + description[from..to].find(secret.expose())?;
        Some(Secret::new(&description[start..end]))
    };
    secrets.iter().filter_map(beginning).collect()
}

/// A warning for each value of `stanza` that exceeds a limit.
pub(super) fn warnings(stanza: &Map) -> Vec<Warning> {
    let warnings = LIMITS.iter().flat_map(|(key, limit)| {
        let (option, _) = key.split_once('.').unwrap_or((key, ""));
        let node = stanza.get(option).filter(|node| !node.is_secure());
        node.map(|node| beyond(key, *limit, node)).unwrap_or_default()
    });
    warnings.collect()
}

/// A warning about a value that AWS may refuse.
pub(super) fn out_of_range(message: impl Into<String>) -> Warning {
    Warning::new(WarningCode::OutOfRange, message).hint("check the value; AWS may refuse it")
}

/// The warnings about a limit of `key`. `node` is the value of its option.
fn beyond(key: &str, limit: Limit, node: &Node) -> Vec<Warning> {
    let (option, path) = key.split_once('.').unwrap_or((key, ""));
    // The reader reports a list in the place of a single value.
    let takes_list = |limit: Limit| matches!(limit, Limit::Entries(_) | Limit::Pairs(_));
    if matches!(find(node, path), Some(Node::List(_))) && !limits_of(key).any(takes_list) {
        return Vec::new();
    }
    let values = || values(node, &pointer("", option), path).into_iter();
    match limit {
        Limit::Entries(most) | Limit::Pairs(most) => {
            let count = match find(node, path) {
                Some(Node::List(items)) => items.len(),
                Some(Node::Map(map)) if limit == Limit::Pairs(most) => map.len(),
                _ => 1,
            };
            let message = || format!("`{key}` has {count} entries; AWS documents at most {most}");
            let at = format!("/{}", key.replace('.', "/"));
            if count > most { vec![out_of_range(message()).at(at)] } else { Vec::new() }
        }
        Limit::Characters(most) => {
            values().filter_map(|(at, text)| Some(too_long(key, &text, most)?.at(at))).collect()
        }
        Limit::NameCharacters(most) => {
            let name = |text: &str| text.rsplit(':').next().unwrap_or_default().to_owned();
            values().filter_map(|(at, text)| Some(too_long(key, &name(&text), most)?.at(at))).collect()
        }
        Limit::Form(form) => {
            let regex = form.regex();
            let others = values().filter(|(_, text)| !text.is_empty() && !fits(&regex, text));
            others.map(|(at, text)| of_other_form(key, &text, form).at(at)).collect()
        }
        // Checked in `pair_limits.rs`.
        Limit::Names => Vec::new(),
    }
}

/// The warning about a text that has more than `most` characters.
fn too_long(key: &str, text: &str, most: usize) -> Option<Warning> {
    let count = text.chars().count();
    // A description with `%{name}` has not been filled in, because nothing is deployed.
    if count <= most || (key == "description" && text.contains("%{")) {
        return None;
    }
    let message = format!("`{key}` has {count} characters; AWS documents at most {most}");
    Some(match key {
        "description" => out_of_range(message + ", so the rest is cut off").hint("shorten `description`"),
        _ => out_of_range(message),
    })
}

/// The warning about a value of `key` that does not have this form.
fn of_other_form(key: &str, text: &str, form: Form) -> Warning {
    let is_list = ["subnet_ids", "security_group_ids", "layers"].contains(&key);
    let parts = text.split(|c: char| c == ',' || c.is_whitespace()).filter(|part| !part.is_empty()).count();
    let shown = quoted(text);
    match key {
        "role" => out_of_range(NOT_A_ROLE).hint("write the ARN of the function's role"),
        key if is_list && parts > 1 => {
            out_of_range(format!("`{key}` has {parts} values in one text: {shown}"))
                .hint("write a list, with each value as an entry of its own")
        }
        key => out_of_range(format!("`{key}` is {shown}; AWS documents values such as {}", form.example)),
    }
}

impl Form {
    /// Whether a value has this form.
    pub(super) fn matches(self, text: &str) -> bool {
        fits(&self.regex(), text)
    }

    fn regex(self) -> Regex {
        Regex::new(&format!("^(?:{})$", self.pattern)).expect("a test compiles each pattern")
    }
}

/// Whether a pattern matches a text. A long text never has to be searched: no limit of AWS is higher.
fn fits(regex: &Regex, text: &str) -> bool {
    text.len() <= 10_000 && regex.is_match(text)
}

/// The member of a map at a path such as `cors.allow_methods`. With an empty path the node itself.
fn find<'a>(node: &'a Node, path: &str) -> Option<&'a Node> {
    let mut members = path.split('.').filter(|member| !member.is_empty());
    members.try_fold(node, |node, member| node.as_map()?.get(member))
}

/// The scalars in a node with their JSON pointers: all entries of a list, or the members at `path` in a map.
fn values(node: &Node, at: &str, path: &str) -> Vec<(String, String)> {
    match node {
        Node::List(_) => {
            node.entries(at).into_iter().flat_map(|(at, item)| values(item, &at, path)).collect()
        }
        Node::Map(map) if !path.is_empty() => {
            let (member, rest) = path.split_once('.').unwrap_or((path, ""));
            map.get(member).map(|inner| values(inner, &pointer(at, member), rest)).unwrap_or_default()
        }
        // The reader reports a scalar in the place of a structure.
        _ if !path.is_empty() => Vec::new(),
        scalar => scalar.scalar().map(|text| (at.to_owned(), text)).into_iter().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(stanza: &str) -> Vec<Warning> {
        warnings(&Map::of_json(stanza))
    }

    #[track_caller]
    fn check(stanza: &str, expected: &[&str]) {
        let warnings = of(stanza);
        assert_eq!(
            warnings.iter().filter_map(|warning| warning.at.as_deref()).collect::<Vec<_>>(),
            expected,
            "{warnings:?}"
        );
    }

    #[test]
    fn each_pattern_is_one_and_matches_its_example() {
        for (key, limit) in LIMITS {
            if let Limit::Form(form) = limit {
                assert!(form.matches(form.example), "{key}");
                assert!(!form.matches(&format!(" {}", form.example)), "{key}");
            }
        }
    }

    #[test]
    fn what_aws_documents_otherwise_is_pointed_at() {
        check(
            r#"{"role":"run","subnet_ids":["subnet-1","vpc-1"],"layers":"arn:x"}"#,
            &["/role", "/subnet_ids/1", "/layers"],
        );
        check(
            r#"{"security_group_ids":["sg-1","sg-2","sg-3","sg-4","sg-5","sg-6"]}"#,
            &["/security_group_ids"],
        );
        check(
            r#"{"file_system_configs":[{"local_mount_path":"/data"}]}"#,
            &["/file_system_configs/0/local_mount_path"],
        );
        check(
            r#"{"function_url":{"cors":{"allow_methods":["GET","OPTIONS"],"allow_headers":"a"}}}"#,
            &["/function_url/cors/allow_methods/1"],
        );
        check(
            r#"{"function_url":{"cors":{"allow_methods":["1","2","3","4","5","6","7"]}}}"#,
            &["/function_url/cors/allow_methods"],
        );
    }

    #[test]
    fn what_is_empty_or_encrypted_is_left_alone() {
        check(r#"{"kms_key_arn":"","layers":[],"subnet_ids":"","role":{"secure":"x"}}"#, &[]);
    }

    #[test]
    fn a_warning_says_how_the_value_is_written_right() {
        for (stanza, message, hint) in [
            (
                r#"{"subnet_ids":"subnet-1a,subnet-1b"}"#.to_owned(),
                "`subnet_ids` has 2 values in one text: `subnet-1a,subnet-1b`",
                "write a list, with each value as an entry of its own",
            ),
            (
                r#"{"security_group_ids":["sg-1 sg-2\nsg-3"]}"#.to_owned(),
                "`security_group_ids` has 3 values in one text: `sg-1 sg-2\nsg-3`",
                "write a list, with each value as an entry of its own",
            ),
            (
                r#"{"layers":"tools:newest"}"#.to_owned(),
                "`layers` is `tools:newest`; AWS documents values such as \
                 arn:aws:lambda:us-east-1:123456789012:layer:tools:3",
                "check the value; AWS may refuse it",
            ),
            (
                r#"{"role":"arn:aws:lambda:us-east-1:123456789012:function:g"}"#.to_owned(),
                NOT_A_ROLE,
                "write the ARN of the function's role",
            ),
            (
                r#"{"image_uri":"docker.io/library/node:24"}"#.to_owned(),
                "`image_uri` is `docker.io/library/node:24`; AWS documents values such as \
                 123456789012.dkr.ecr.us-east-1.amazonaws.com/hello:7",
                "check the value; AWS may refuse it",
            ),
        ] {
            let found = of(&stanza);
            let found: Vec<_> =
                found.iter().map(|one| (one.message.as_str(), one.hint.as_deref().unwrap())).collect();
            assert_eq!(found, [(message, hint)], "{stanza}");
        }
    }

    #[test]
    fn a_name_is_measured_without_the_rest_of_its_arn() {
        for (length, expected) in [(65, &["/function_name"][..]), (64, &[])] {
            let name = "f".repeat(length);
            for name in [name.clone(), format!("arn:aws:lambda:us-east-1:123456789012:function:{name}")] {
                check(&format!(r#"{{"function_name":"{name}"}}"#), expected);
            }
        }
    }

    #[test]
    fn a_description_is_measured_only_when_it_is_filled_in() {
        let long = "ä".repeat(257);
        check(&format!(r#"{{"description":"{long}"}}"#), &["/description"]);
        check(&format!(r#"{{"description":"{long}%{{git_sha}}"}}"#), &[]);
        check(&format!(r#"{{"description":"{}"}}"#, cut_description(&long)), &[]);
        assert_eq!((too_long_description(&long), too_long_description("x")), (Some(257), None));
    }

    #[test]
    fn a_secret_that_is_cut_in_two_stays_a_secret() {
        let secrets = ["hunter2hunter2", "elsewhere", ""].map(Secret::new);
        let description = format!("{}hunter2hunter2", "é".repeat(250));
        let found = cut_secrets(&description, &secrets);
        assert_eq!(found.iter().map(Secret::expose).collect::<Vec<_>>(), ["hunter"]);
        assert!(cut_description(&description).ends_with("éhunter"));
        assert!(cut_secrets("of hunter2hunter2", &secrets).is_empty());
    }
}
