//! Reads the maps inside a stanza, such as `logging_config`, into types.
//! Does not depend on the other keys of the stanza.

use std::time::Duration;

use schemars::{JsonSchema, json_schema};
use serde_json::{Value, json};

use super::json::Node;
use super::stanza_reader::StanzaReader;
use super::value_schemas::{Anything, Flag, NONE, Text, TextList, WholeNumber, schema_types};

/// Format, destination and levels of the function's logs.
#[derive(Clone, Debug, Default, PartialEq, Eq, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct LoggingConfig {
    /// Format of the logs: `Text` or `JSON`. AWS default: `Text`.
    #[schemars(with = "Option<Text>")]
    pub log_format: Option<String>,
    /// CloudWatch log group, such as `/our/functions`. An empty string selects the AWS default,
    /// `/aws/lambda/` followed by the function's name.
    #[schemars(with = "Option<Text>")]
    pub log_group: Option<String>,
    /// Lowest level of the function's log lines to send to CloudWatch: `TRACE`, `DEBUG`, `INFO`, `WARN`,
    /// `ERROR` or `FATAL`. Only with `log_format: JSON`. AWS default: `INFO`.
    #[schemars(with = "Option<Text>")]
    pub application_log_level: Option<String>,
    /// Lowest level of Lambda's own log lines to send to CloudWatch: `DEBUG`, `INFO` or `WARN`. Only with
    /// `log_format: JSON`. AWS default: `INFO`.
    #[schemars(with = "Option<Text>")]
    pub system_log_level: Option<String>,
}

/// Settings that replace those in the container image.
#[derive(Clone, Debug, Default, PartialEq, Eq, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct ImageConfig {
    /// Program to start, with its first arguments, such as `/lambda-entrypoint.sh`. An empty list selects
    /// that of the image.
    #[schemars(with = "Option<TextList>")]
    pub entry_point: Option<Vec<String>>,
    /// Arguments of the program, such as the handler `app.handler`. An empty list selects those of the image.
    #[schemars(with = "Option<TextList>")]
    pub command: Option<Vec<String>>,
    /// Working directory, such as `/var/task`. An empty string selects that of the image.
    #[schemars(with = "Option<Text>")]
    pub working_directory: Option<String>,
}

/// A file system that is mounted in the function.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct FileSystemConfig {
    /// ARN of the EFS access point, such as
    /// `arn:aws:elasticfilesystem:us-east-1:123456789012:access-point/fsap-0123456789abcdef0`. Required.
    #[schemars(with = "Text")]
    pub arn: String,
    /// Directory below `/mnt/` where the function sees the file system, such as `/mnt/data`. Required.
    #[schemars(with = "Text")]
    pub local_mount_path: String,
}

/// HTTPS endpoint of the function.
#[derive(Clone, Debug, Default, PartialEq, Eq, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct FunctionUrl {
    /// Who can call the endpoint: `NONE` allows everyone, `AWS_IAM` only callers with IAM permission.
    /// Required to create the endpoint.
    #[schemars(with = "Option<Text>")]
    pub auth_type: Option<String>,
    /// When the response is sent: `BUFFERED` after the function has ended, `RESPONSE_STREAM` while it runs.
    /// AWS default: `BUFFERED`.
    #[schemars(with = "Option<Text>")]
    pub invoke_mode: Option<String>,
    /// CORS settings: which web pages of other origins can call the endpoint from a browser. An empty map
    /// removes them, so that no other origin can.
    pub cors: Option<Cors>,
}

/// CORS settings: which web pages of other origins can call the endpoint of the function from a browser.
#[derive(Clone, Debug, Default, PartialEq, Eq, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Cors {
    /// Origins of the web pages that can call the endpoint, at least one, such as `https://www.example.com`.
    /// `*` allows all.
    #[schemars(with = "Option<TextList>")]
    pub allow_origins: Option<Vec<String>>,
    /// HTTP methods that pages of these origins can use, such as `GET`. `*` allows all.
    #[schemars(with = "Option<TextList>")]
    pub allow_methods: Option<Vec<String>>,
    /// Request headers that pages of these origins can send, such as `content-type`.
    #[schemars(with = "Option<TextList>")]
    pub allow_headers: Option<Vec<String>>,
    /// Response headers that pages of these origins can read, such as `x-request-id`.
    #[schemars(with = "Option<TextList>")]
    pub expose_headers: Option<Vec<String>>,
    /// Whether browsers can send cookies and other credentials. AWS default: false.
    #[schemars(with = "Option<Flag>")]
    pub allow_credentials: Option<bool>,
    /// Time in seconds for which a browser can cache these rules, 0 to 86400, such as 3600.
    #[schemars(with = "Option<WholeNumber>")]
    pub max_age: Option<i32>,
}

/// Check to run on a new version before the alias moves to it.
#[derive(Clone, Debug, Default, PartialEq, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Verify {
    /// Payload of the invocation: any JSON, such as `{ping: true}`. A string that contains JSON is sent as
    /// that JSON. Default: `{}`.
    #[schemars(with = "Option<Anything>")]
    pub payload: Option<Value>,
    /// What the response must contain. Default: any response without a function error.
    pub expect: Option<Expect>,
    /// Time limit in seconds for the response or the command, at least 1, such as 30. Default: 60.
    #[schemars(with = "Option<WholeNumber>")]
    pub timeout: Option<Duration>,
    /// Command to run in bash in the build directory, such as `./smoke-test.sh`. Its environment contains
    /// `FUNCTION_ARN` and `VERSION`. Any exit status other than 0 is a failure. With `payload` or `expect`,
    /// the command runs after the invocation. Without them, it replaces the invocation.
    #[schemars(with = "Option<Text>")]
    pub command: Option<String>,
}

impl Verify {
    /// Whether the check invokes the version. It does, unless `command` is the only key.
    pub fn invokes(&self) -> bool {
        self.command.is_none() || self.payload.is_some() || self.expect.is_some()
    }
}

/// What the response of a version must contain. All keys must be met.
#[derive(Clone, Debug, Default, PartialEq, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Expect {
    /// Text that the response contains, such as `pong`.
    #[schemars(with = "Option<Text>")]
    pub contains: Option<String>,
    /// JSON that the response contains, such as `{statusCode: 200}`. Maps in the response can have more
    /// members. Lists must have the same length, and are compared entry by entry.
    #[schemars(with = "Option<Anything>")]
    pub json: Option<Value>,
}

/// A setting that the stanza can set, or remove with `none`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OrNone<T> {
    /// Sets this value.
    Some(T),
    /// Removes the setting.
    None,
}

/// The values that AWS documents for `ApplicationLogLevel`.
const APPLICATION_LEVELS: [&str; 6] = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"];

pub(super) fn logging_config(r: &mut StanzaReader<'_>) -> LoggingConfig {
    LoggingConfig {
        log_format: r.word("log_format", &["Text", "JSON"]),
        log_group: r.text("log_group"),
        application_log_level: r.word("application_log_level", &APPLICATION_LEVELS),
        system_log_level: r.word("system_log_level", &["DEBUG", "INFO", "WARN"]),
    }
}

pub(super) fn image_config(r: &mut StanzaReader<'_>) -> ImageConfig {
    ImageConfig {
        entry_point: r.texts("entry_point"),
        command: r.texts("command"),
        working_directory: r.text("working_directory"),
    }
}

/// Reads a file system. Both keys are required.
pub(super) fn file_system_config(r: &mut StanzaReader<'_>) -> FileSystemConfig {
    let mut needed = |key: &'static str| {
        let is_missing = !r.has(key);
        let value = r.name(key);
        if is_missing {
            r.refuse(key, format!("a file system requires `{key}`"));
        }
        value.unwrap_or_default()
    };
    FileSystemConfig { arn: needed("arn"), local_mount_path: needed("local_mount_path") }
}

/// Reads `function_url`. `none` in any case, an empty string and an empty map remove it.
pub(super) fn function_url(r: &mut StanzaReader<'_>) -> Option<OrNone<FunctionUrl>> {
    if r.is_none("function_url") {
        return Some(OrNone::None);
    }
    let url = r.structure("function_url", |r| FunctionUrl {
        auth_type: auth_type(r),
        invoke_mode: r.word("invoke_mode", &["BUFFERED", "RESPONSE_STREAM"]).map(|mode| {
            // An empty value clears, but AWS has no empty mode; `BUFFERED` is its default.
            if mode.is_empty() { "BUFFERED".to_owned() } else { mode }
        }),
        cors: r.structure("cors", cors),
    })?;
    Some(if url == FunctionUrl::default() { OrNone::None } else { OrNone::Some(url) })
}

/// Reads `auth_type`. An empty value is refused, so that it cannot open the endpoint to everyone by mistake.
fn auth_type(r: &mut StanzaReader<'_>) -> Option<String> {
    let auth_type = r.word("auth_type", &["NONE", "AWS_IAM"])?;
    if auth_type.is_empty() {
        r.refuse("auth_type", "`function_url.auth_type` is empty; expected `NONE` or `AWS_IAM`".to_owned());
    }
    Some(auth_type)
}

fn cors(r: &mut StanzaReader<'_>) -> Cors {
    let cors = Cors {
        allow_origins: r.texts("allow_origins"),
        allow_methods: r.texts("allow_methods"),
        allow_headers: r.texts("allow_headers"),
        expose_headers: r.texts("expose_headers"),
        allow_credentials: r.flag("allow_credentials"),
        max_age: r.whole_number("max_age", "seconds", Some(0..=86400)),
    };
    // AWS refuses `Cors` without `AllowOrigins`.
    if matches!(r.read_node("allow_origins"), Some(Node::List(sites)) if sites.is_empty()) {
        let right = "`function_url.cors.allow_origins` is empty; expected origins, such as `https://www.example.com`, or an empty `cors`";
        r.refuse("allow_origins", right.to_owned());
    }
    cors
}

pub(super) fn reserved_concurrency(r: &mut StanzaReader<'_>) -> Option<OrNone<i32>> {
    if r.is_none("reserved_concurrency") {
        return Some(OrNone::None);
    }
    r.whole_number("reserved_concurrency", "", None).map(OrNone::Some)
}

/// Reads `provisioned_concurrency`. 0 removes it too, because AWS refuses a provisioned concurrency of 0.
pub(super) fn provisioned_concurrency(r: &mut StanzaReader<'_>) -> Option<OrNone<i32>> {
    if r.is_none("provisioned_concurrency") {
        return Some(OrNone::None);
    }
    let number = r.whole_number("provisioned_concurrency", "", None)?;
    Some(if number == 0 { OrNone::None } else { OrNone::Some(number) })
}

/// Reads `verify`. An unknown member is an error here and not only a warning, because a misspelt one would
/// drop a check.
pub(super) fn verify(r: &mut StanzaReader<'_>) -> Option<Verify> {
    let verify = r.structure("verify", |r| Verify {
        payload: r.anything("payload"),
        expect: r.structure("expect", |r| Expect { contains: r.name("contains"), json: r.anything("json") }),
        timeout: r.seconds("timeout"),
        command: r.name("command"),
    });
    r.refuse_unknown_members("verify");
    // A map whose members are all null counts as an empty map, so that the requested check still runs.
    let is_map = matches!(r.read_node("verify"), Some(Node::Map(_)));
    verify.or_else(|| is_map.then(Verify::default))
}

impl StanzaReader<'_> {
    /// Reads a duration in whole seconds, at least 1.
    pub(super) fn seconds(&mut self, key: &'static str) -> Option<Duration> {
        let seconds = self.whole_number(key, "seconds", None)?;
        if seconds == 0 {
            self.refuse(key, format!("`{}` is 0; expected whole seconds, such as 60", self.name_of(key)));
            return None;
        }
        Some(Duration::from_secs(seconds.unsigned_abs().into()))
    }

    /// True for `none` in any case and for an empty string. Marks the key as read.
    fn is_none(&mut self, key: &'static str) -> bool {
        matches!(self.read_node(key), Some(Node::Text(text)) if text.is_empty() || text.eq_ignore_ascii_case("none"))
    }
}

schema_types! {
    /// A list of file systems, or a single one.
    FileSystems => |generator| {
        let one = json!(generator.subschema_for::<FileSystemConfig>());
        json_schema!({"anyOf": [one.clone(), {"type": "array", "items": {"anyOf": [one, {"type": "null"}]}}, {"enum": [""]}]})
    };

    /// A function URL, or `none`.
    UrlOrNone => |generator| json_schema!({
        "anyOf": [generator.subschema_for::<FunctionUrl>(), {"type": "string", "pattern": NONE}],
    });
}
