//! The maps inside a stanza in, their values typed out.
//! Never knows a stanza's other keys.

use std::time::Duration;

use schemars::JsonSchema;
use serde_json::Value;

use super::reader::Reader;
use super::schema::{Anything, Flag, Text, TextList, WholeNumber};
use super::wire::Node;

/// Where and how the function logs.
#[derive(Clone, Debug, Default, PartialEq, Eq, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct LoggingConfig {
    /// `Text` or `JSON`. AWS's default: `Text`.
    #[schemars(with = "Option<Text>")]
    pub log_format: Option<String>,
    /// The CloudWatch log group, such as `/our/functions`. Empty: AWS's default, `/aws/lambda/` and the function's name.
    #[schemars(with = "Option<Text>")]
    pub log_group: Option<String>,
    /// The least level of the function's own logs: `TRACE`, `DEBUG`, `INFO`, `WARN`, `ERROR` or `FATAL`. With `log_format: JSON` only, default `INFO`.
    #[schemars(with = "Option<Text>")]
    pub application_log_level: Option<String>,
    /// The least level of Lambda's logs: `DEBUG`, `INFO` or `WARN`. With `log_format: JSON` only, default `INFO`.
    #[schemars(with = "Option<Text>")]
    pub system_log_level: Option<String>,
}

/// What a container image is started with, instead of what is written in it.
#[derive(Clone, Debug, Default, PartialEq, Eq, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct ImageConfig {
    /// The program, with leading arguments, such as `/lambda-entrypoint.sh`. Empty: the image's own.
    #[schemars(with = "Option<TextList>")]
    pub entry_point: Option<Vec<String>>,
    /// The arguments, such as the handler, `app.handler`. Empty: the image's own.
    #[schemars(with = "Option<TextList>")]
    pub command: Option<Vec<String>>,
    /// The working directory, such as `/var/task`. Empty: the image's own.
    #[schemars(with = "Option<Text>")]
    pub working_directory: Option<String>,
}

/// A file system that the function sees.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct FileSystemConfig {
    /// ARN of the EFS access point, such as `arn:aws:elasticfilesystem:us-east-1:123456789012:access-point/fsap-0123456789abcdef0`.
    #[schemars(with = "Text")]
    pub arn: String,
    /// Where the function finds it: a path below `/mnt/`, such as `/mnt/data`.
    #[schemars(with = "Text")]
    pub local_mount_path: String,
}

/// The function's own HTTPS address.
#[derive(Clone, Debug, Default, PartialEq, Eq, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct FunctionUrl {
    /// Who may call it: `NONE` is everybody, `AWS_IAM` whom IAM permits. Required for a new one.
    #[schemars(with = "Option<Text>")]
    pub auth_type: Option<String>,
    /// `BUFFERED` answers at once when the function has ended, `RESPONSE_STREAM` while it runs. AWS's default: `BUFFERED`.
    #[schemars(with = "Option<Text>")]
    pub invoke_mode: Option<String>,
    /// What browsers on other sites may do. Empty: nothing.
    pub cors: Option<Cors>,
}

/// What browsers on other sites may do with a function's address.
#[derive(Clone, Debug, Default, PartialEq, Eq, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Cors {
    /// The sites, such as `https://www.example.com` or `*`.
    #[schemars(with = "Option<TextList>")]
    pub allow_origins: Option<Vec<String>>,
    /// The methods, such as `GET` or `*`.
    #[schemars(with = "Option<TextList>")]
    pub allow_methods: Option<Vec<String>>,
    /// The request's headers, such as `content-type`.
    #[schemars(with = "Option<TextList>")]
    pub allow_headers: Option<Vec<String>>,
    /// The answer's headers that a page may see, such as `x-request-id`.
    #[schemars(with = "Option<TextList>")]
    pub expose_headers: Option<Vec<String>>,
    /// Whether cookies and credentials may be sent. AWS's default: false.
    #[schemars(with = "Option<Flag>")]
    pub allow_credentials: Option<bool>,
    /// Seconds for which a browser may remember this, 0 to 86400, such as 3600.
    #[schemars(with = "Option<WholeNumber>")]
    pub max_age: Option<i32>,
}

/// How a version proves that it works, before an alias points at it.
#[derive(Clone, Debug, Default, PartialEq, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Verify {
    /// What the version is invoked with: any JSON, such as `{ping: true}`. A string that is JSON itself is sent as it stands. Default: `{}`.
    #[schemars(with = "Option<Anything>")]
    pub payload: Option<Value>,
    /// What its answer must be. Default: anything but a function error.
    pub expect: Option<Expect>,
    /// Seconds that the answer, or the command, may take, such as 30. Default: 60.
    #[schemars(with = "Option<WholeNumber>")]
    pub timeout: Option<Duration>,
    /// A command for bash in the build directory, such as `./smoke-test.sh`, with `FUNCTION_ARN` and `VERSION` in its environment; any status but 0 is a failure. Without `payload` and `expect` it stands for the invocation, with one of them it comes after it.
    #[schemars(with = "Option<Text>")]
    pub command: Option<String>,
}

impl Verify {
    /// Whether the version is invoked: always, unless a command stands alone.
    pub fn invokes(&self) -> bool {
        self.command.is_none() || self.payload.is_some() || self.expect.is_some()
    }
}

/// What the answer of a version must be; all that is named.
#[derive(Clone, Debug, Default, PartialEq, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Expect {
    /// A text that the answer contains, such as `pong`.
    #[schemars(with = "Option<Text>")]
    pub contains: Option<String>,
    /// JSON that is in the answer, such as `{statusCode: 200}`: each member that is named here has this value there, others may stand beside it. Lists agree entry by entry.
    #[schemars(with = "Option<Anything>")]
    pub json: Option<Value>,
}

/// Something that a stanza may give, or ask to be removed by `none`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OrNone<T> {
    /// It is to be this.
    Some(T),
    /// It is not to be.
    None,
}

/// AWS's levels of a function's own logs.
const APPLICATION_LEVELS: [&str; 6] = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"];

pub(super) fn logging_config(r: &mut Reader<'_>) -> LoggingConfig {
    LoggingConfig {
        log_format: r.word("log_format", &["Text", "JSON"]),
        log_group: r.text("log_group"),
        application_log_level: r.word("application_log_level", &APPLICATION_LEVELS),
        system_log_level: r.word("system_log_level", &["DEBUG", "INFO", "WARN"]),
    }
}

pub(super) fn image_config(r: &mut Reader<'_>) -> ImageConfig {
    ImageConfig {
        entry_point: r.texts("entry_point"),
        command: r.texts("command"),
        working_directory: r.text("working_directory"),
    }
}

/// A file system needs both of its values.
pub(super) fn file_system_config(r: &mut Reader<'_>) -> FileSystemConfig {
    let mut needed = |key: &'static str| {
        let is_missing = !r.has(key);
        let value = r.name(key);
        if is_missing {
            r.refuse(key, format!("a file system needs `{key}`"));
        }
        value.unwrap_or_default()
    };
    FileSystemConfig { arn: needed("arn"), local_mount_path: needed("local_mount_path") }
}

/// `none`, in any case, or nothing at all removes it.
pub(super) fn function_url(r: &mut Reader<'_>) -> Option<OrNone<FunctionUrl>> {
    if r.is_none("function_url") {
        return Some(OrNone::None);
    }
    let url = r.structure("function_url", |r| FunctionUrl {
        auth_type: auth_type(r),
        invoke_mode: r.word("invoke_mode", &["BUFFERED", "RESPONSE_STREAM"]).map(|mode| {
            // AWS has no empty mode; this is its default.
            if mode.is_empty() { "BUFFERED".to_owned() } else { mode }
        }),
        cors: r.structure("cors", cors),
    })?;
    Some(if url == FunctionUrl::default() { OrNone::None } else { OrNone::Some(url) })
}

/// Nobody should open an address to everybody by leaving something empty.
fn auth_type(r: &mut Reader<'_>) -> Option<String> {
    let auth_type = r.word("auth_type", &["NONE", "AWS_IAM"])?;
    if auth_type.is_empty() {
        r.refuse("auth_type", "`function_url.auth_type` is empty; give `NONE` or `AWS_IAM`".to_owned());
    }
    Some(auth_type)
}

fn cors(r: &mut Reader<'_>) -> Cors {
    let cors = Cors {
        allow_origins: r.texts("allow_origins"),
        allow_methods: r.texts("allow_methods"),
        allow_headers: r.texts("allow_headers"),
        expose_headers: r.texts("expose_headers"),
        allow_credentials: r.flag("allow_credentials"),
        max_age: r.whole_number("max_age", "seconds", Some(0..=86400)),
    };
    // AWS takes no `cors` without them.
    if matches!(r.take("allow_origins"), Some(Node::List(sites)) if sites.is_empty()) {
        let right = "`function_url.cors.allow_origins` is empty; give sites, such as `https://www.example.com`, or leave `cors` empty";
        r.refuse("allow_origins", right.to_owned());
    }
    cors
}

pub(super) fn reserved_concurrency(r: &mut Reader<'_>) -> Option<OrNone<i32>> {
    if r.is_none("reserved_concurrency") {
        return Some(OrNone::None);
    }
    r.whole_number("reserved_concurrency", "numbers of executions", None).map(OrNone::Some)
}

/// 0 removes it, too: AWS knows no provisioned concurrency of 0.
pub(super) fn provisioned_concurrency(r: &mut Reader<'_>) -> Option<OrNone<i32>> {
    if r.is_none("provisioned_concurrency") {
        return Some(OrNone::None);
    }
    let number = r.whole_number("provisioned_concurrency", "numbers of executions", None)?;
    Some(if number == 0 { OrNone::None } else { OrNone::Some(number) })
}

/// A misspelt member would leave a check out, so here it is refused, and not only warned about.
pub(super) fn verify(r: &mut Reader<'_>) -> Option<Verify> {
    let verify = r.structure("verify", |r| Verify {
        payload: r.anything("payload"),
        expect: r.structure("expect", |r| Expect { contains: r.name("contains"), json: r.anything("json") }),
        timeout: r.seconds("timeout"),
        command: r.name("command"),
    });
    r.refuse_unknown_members("verify");
    // A map whose members are all null is an empty one: a check that was asked for is never left out.
    let is_map = matches!(r.take("verify"), Some(Node::Map(_)));
    verify.or_else(|| is_map.then(Verify::default))
}

impl Reader<'_> {
    /// A time in whole seconds, at least one.
    pub(super) fn seconds(&mut self, key: &'static str) -> Option<Duration> {
        let seconds = self.whole_number(key, "seconds", None)?;
        if seconds == 0 {
            self.refuse(key, format!("`{}` is 0; give whole seconds, such as 60", self.name_of(key)));
            return None;
        }
        Some(Duration::from_secs(seconds.unsigned_abs().into()))
    }

    /// True for `none`, in any case, and for an empty string. The key counts as known.
    fn is_none(&mut self, key: &'static str) -> bool {
        matches!(self.take(key), Some(Node::Text(text)) if text.is_empty() || text.eq_ignore_ascii_case("none"))
    }
}
