//! The maps inside a stanza, such as `logging_config`, each with the table of its keys. `keys.rs` says what
//! an entry means. Does not depend on the other keys of the stanza.

use std::time::Duration;

use schemars::json_schema;
use serde::Serialize;
use serde_json::{Value, json};

use super::json::{Node, quoted};
use super::keys::structure;
use super::name::AlarmName;
use super::schema_types::{
    Anything, Flag, JsonMap, NONE, Percentage, Text, TextList, WholeNumber, schema_types,
};
use super::stanza_reader::{StanzaReader, ValueWords, choice_of};

mod at_creation;
mod file_system;
mod managed;
mod own_calls;

pub use at_creation::{DurableConfig, TenancyConfig};
pub use file_system::FileSystemConfig;
pub use managed::{CapacityProviderConfig, Scaling};
pub use own_calls::{EventInvokeConfig, RuntimeManagement};

const LOG_FORMATS: ValueWords =
    &[("Text", "Lines as the function writes them."), ("JSON", "JSON objects with a log level.")];
const SYSTEM_LEVELS: ValueWords =
    &[("DEBUG", "All system logs."), ("INFO", "INFO and WARN."), ("WARN", "Only WARN.")];
const APPLICATION_LEVELS: ValueWords = &[
    ("TRACE", "All levels."),
    ("DEBUG", "DEBUG and higher."),
    ("INFO", "INFO and higher."),
    ("WARN", "WARN and higher."),
    ("ERROR", "ERROR and FATAL."),
    ("FATAL", "Only FATAL."),
];
const CALLERS: ValueWords = &[
    ("NONE", "Everyone, without authentication."),
    ("AWS_IAM", "Callers with IAM permission, by signed requests."),
];
const INVOKE_MODES: ValueWords = &[
    ("BUFFERED", "Send the response after the function has ended."),
    ("RESPONSE_STREAM", "Send the response while the function runs."),
];

const DEPLOYMENT_WAITS: ValueWords = &[
    ("finished", "Wait until CodeDeploy has ended the deployment."),
    ("started", "End the run as soon as CodeDeploy has begun."),
];

structure! {
    /// Format, destination and levels of the function's logs.
    #[derive(Clone, Debug, Default, PartialEq, Eq)]
    pub struct LoggingConfig in "logging_config." {
        /// Format of the logs: `Text` or `JSON`. AWS default: `Text`.
        pub log_format: Option<String> as Option<Text> = word(LOG_FORMATS),
            "Log format";
        /// CloudWatch log group, such as `/our/functions`. An empty string selects the AWS default,
        /// `/aws/lambda/` followed by the function's name.
        pub log_group: Option<String> as Option<Text> = text(),
            "Log group".example("/our/functions");
        /// Lowest level of the function's log lines to send to CloudWatch: `TRACE`, `DEBUG`, `INFO`, `WARN`,
        /// `ERROR` or `FATAL`. Only with `log_format: JSON`. AWS default: `INFO`.
        pub application_log_level: Option<String> as Option<Text> = word(APPLICATION_LEVELS),
            "Application log level";
        /// Lowest level of Lambda's own log lines to send to CloudWatch: `DEBUG`, `INFO` or `WARN`. Only with
        /// `log_format: JSON`. AWS default: `INFO`.
        pub system_log_level: Option<String> as Option<Text> = word(SYSTEM_LEVELS),
            "System log level";
    }
}

structure! {
    /// Settings that replace those in the container image.
    #[derive(Clone, Debug, Default, PartialEq, Eq)]
    pub struct ImageConfig in "image_config." {
        /// Program to start, with its first arguments, such as `/lambda-entrypoint.sh`. An empty list selects
        /// that of the image.
        pub entry_point: Option<Vec<String>> as Option<TextList> = texts(),
            "Entry point".example(["/lambda-entrypoint.sh"]);
        /// Arguments of the program, such as the handler `app.handler`. An empty list selects those of the
        /// image.
        pub command: Option<Vec<String>> as Option<TextList> = texts(),
            "Arguments".example(["app.handler"]);
        /// Working directory, such as `/var/task`. An empty string selects that of the image.
        pub working_directory: Option<String> as Option<Text> = text(),
            "Working directory".example("/var/task");
    }
}

structure! {
    /// HTTPS endpoint of the function.
    #[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
    pub struct FunctionUrl in "function_url." {
        /// Who can call the endpoint: `NONE` allows everyone, `AWS_IAM` only callers with IAM permission.
        /// Required to create the endpoint.
        pub auth_type: Option<String> as Option<Text> = needed_word(CALLERS),
            "Authentication" => "AuthType" of CreateFunctionUrlConfig;
        /// When the response is sent: `BUFFERED` after the function has ended, `RESPONSE_STREAM` while it
        /// runs. AWS default: `BUFFERED`.
        pub invoke_mode: Option<String> as Option<Text> = word_or_first(INVOKE_MODES),
            "Invoke mode" => "InvokeMode" of CreateFunctionUrlConfig;
        /// CORS settings: which web pages of other origins can call the endpoint from a browser. An empty map
        /// removes them, so that no other origin can.
        pub cors: Option<Cors> as Option<Cors> = structure(cors),
            "CORS".yaml("cors:\n  allow_origins: ['https://www.example.com']");
    }
}

structure! {
    /// CORS settings: which web pages of other origins can call the endpoint of the function from a browser.
    #[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
    pub struct Cors in "function_url.cors." {
        /// Origins of the web pages that can call the endpoint, at least one, such as
        /// `https://www.example.com`. `*` allows all.
        pub allow_origins: Option<Vec<String>> as Option<TextList> = texts(),
            "Allowed origins".example(["https://www.example.com"])
                => "Cors.AllowOrigins" of CreateFunctionUrlConfig;
        /// HTTP methods that pages of these origins can use, such as `GET`. `*` allows all.
        pub allow_methods: Option<Vec<String>> as Option<TextList> = texts(),
            "Allowed methods".example(["GET"]) => "Cors.AllowMethods" of CreateFunctionUrlConfig;
        /// Request headers that pages of these origins can send, such as `content-type`.
        pub allow_headers: Option<Vec<String>> as Option<TextList> = texts(),
            "Allowed headers".example(["content-type"]) => "Cors.AllowHeaders" of CreateFunctionUrlConfig;
        /// Response headers that pages of these origins can read, such as `x-request-id`.
        pub expose_headers: Option<Vec<String>> as Option<TextList> = texts(),
            "Exposed headers".example(["x-request-id"]) => "Cors.ExposeHeaders" of CreateFunctionUrlConfig;
        /// Whether browsers can send cookies and other credentials. AWS default: false.
        pub allow_credentials: Option<bool> as Option<Flag> = flag(),
            "Allow credentials" => "Cors.AllowCredentials" of CreateFunctionUrlConfig;
        /// Time in seconds for which a browser can cache these rules, 0 to 86400, such as 3600.
        pub max_age: Option<i32> as Option<WholeNumber> = number_within("seconds", 0..=86400),
            "Cache time (seconds)".example(3600) => "Cors.MaxAge" of CreateFunctionUrlConfig;
    }
}

structure! {
    /// Check to run on a new version before the alias moves to it.
    #[derive(Clone, Debug, Default, PartialEq)]
    pub struct Verify in "verify." {
        /// Name of the check in events and messages, such as `orders`. Default: none; the checks of a list
        /// are then named by their index.
        pub name: Option<String> as Option<Text> = name(),
            "Name".example("orders");
        /// Payload of the invocation: any JSON, such as `{ping: true}`. A string that contains JSON is sent
        /// as that JSON. Default: `{}`.
        pub payload: Option<Value> as Option<Anything> = anything(),
            "Payload".yaml("payload:\n  ping: true") => "Payload" of Invoke;
        /// Client context of the invocation, which the function finds in its context object, such as
        /// `{custom: {caller: ci}}`. At most 3583 bytes in Base64. Default: none.
        pub client_context: Option<String> as Option<JsonMap> = client_context(),
            "Client context".yaml("client_context:\n  custom: {caller: ci}") => "ClientContext" of Invoke;
        /// What the response must contain. Default: any response without a function error.
        pub expect: Option<Expect> as Option<Expect> = structure(Expect::read),
            "Expected response".yaml("expect:\n  json:\n    statusCode: 200");
        /// ID of the tenant for which to invoke the version, such as `smoke-test`. A function with
        /// `tenancy_config` needs it. Default: none.
        pub tenant_id: Option<String> as Option<Text> = name(),
            "Tenant".example("smoke-test") => "TenantId" of Invoke;
        /// Time limit in seconds for the response or the command, at least 1, such as 30. Default: 60.
        pub timeout: Option<Duration> as Option<WholeNumber> = seconds(),
            "Timeout (seconds)".default(60).example(30);
        /// Whether to write the end of the function's log, at most 4 KB, also when the check passes. Default:
        /// false; only when it fails.
        pub log: Option<bool> as Option<Flag> = flag(),
            "Log".default(false);
        /// Command to run in bash in the build directory, such as `./smoke-test.sh`. Its environment contains
        /// `FUNCTION_ARN` and `VERSION`. Any exit status other than 0 is a failure. With `payload`,
        /// `tenant_id`, `client_context`, `expect` or `log: true`, the command runs after the invocation.
        /// Without them, it replaces the invocation.
        pub command: Option<String> as Option<Text> = name(),
            "Command".example("./smoke-test.sh");
    }
}

impl Verify {
    /// Whether the check invokes the version. It does, unless `command` replaces the invocation.
    pub fn invokes(&self) -> bool {
        let is_asked = self.payload.is_some()
            || self.tenant_id.is_some()
            || self.client_context.is_some()
            || self.expect.is_some()
            || self.log == Some(true);
        self.command.is_none() || is_asked
    }
}

structure! {
    /// What the response of a version must contain. All keys must be met.
    #[derive(Clone, Debug, Default, PartialEq)]
    pub struct Expect in "verify.expect." {
        /// Status of the response of a function that answers HTTP requests, such as 200: its `statusCode`, as
        /// API Gateway and function URLs read it. With `status`, `contains` and `json` apply to the `body` of
        /// the response. Default: the response need not be one of HTTP.
        pub status: Option<u16> as Option<WholeNumber> = http_status(),
            "HTTP status".between(100..=599).example(200);
        /// Text that the response contains, such as `pong`.
        pub contains: Option<String> as Option<Text> = name(),
            "Text in the response".example("pong");
        /// JSON that the response contains, such as `{ok: true}`. Maps in the response can have more
        /// members. Lists must have the same length, and are compared entry by entry.
        pub json: Option<Value> as Option<Anything> = anything(),
            "JSON in the response".yaml("json:\n  ok: true");
    }
}

structure! {
    /// What to watch while an alias sends traffic to a new version. If it fires, all traffic goes back.
    #[derive(Clone, Debug, Default, PartialEq, Eq)]
    pub struct Guard in "guard." {
        /// CloudWatch alarms that must not fire, 1 to 100: names or ARNs, metric or composite alarms. An
        /// alarm that fires before the deployment is ignored, with a warning.
        pub alarms: Option<Vec<AlarmName>> as Option<TextList> = alarms(),
            "Alarms".example(["shop-5xx"]);
        /// Percentage of the new version's invocations that may fail, such as `1%`: more than 0 and less than
        /// 100, with at most one decimal. More of them may fail if even more of the old version's fail.
        pub errors: Option<u16> as Option<Percentage> = parsed(tenths_of_percent),
            "Errors (percent)".example("1%");
        /// Time in seconds to watch after the last step, in which the new version gets all traffic: 1 to
        /// 86400, with `errors` at least 120. Default: 300.
        pub bake: Option<Duration> as Option<WholeNumber> = seconds(),
            "Bake time (seconds)".between(1..=MAX_BAKE).default(300).example(600);
    }
}

/// Longest bake time in seconds: one day.
pub(super) const MAX_BAKE: i32 = 86_400;

structure! {
    /// Shift of the alias's traffic that AWS CodeDeploy carries out.
    #[derive(Clone, Debug, Default, PartialEq, Eq)]
    pub struct CodeDeploy in "codedeploy." {
        /// CodeDeploy application with the compute platform Lambda, such as `shop`. Required.
        pub application: String as Text = required("its name in CodeDeploy"),
            "Application".example("shop");
        /// Deployment group of the application, such as `live`. Its role, alarms and rollback rules apply.
        /// Required.
        pub deployment_group: String as Text = required("its name in CodeDeploy"),
            "Deployment group".example("live");
        /// Deployment configuration, which says how the traffic shifts, such as
        /// `CodeDeployDefault.LambdaCanary10Percent5Minutes`. Default: that of the deployment group.
        pub config: Option<String> as Option<Text> = name(),
            "Deployment configuration".example("CodeDeployDefault.LambdaCanary10Percent5Minutes");
        /// How long the run follows the deployment: `finished` waits until CodeDeploy has ended it, `started`
        /// ends the run as soon as CodeDeploy has begun. Default: `finished`.
        pub wait: Option<DeploymentWait> as Option<Text>
            = choice(DEPLOYMENT_WAITS, &[DeploymentWait::Finished, DeploymentWait::Started]),
            "Wait".default("finished");
        /// Functions that CodeDeploy runs before and after it shifts the traffic, such as
        /// `{before: shop-check}`. If one of them reports a failure, CodeDeploy ends the deployment. Default:
        /// none.
        pub hooks: Option<DeploymentHooks> as Option<DeploymentHooks> = structure(DeploymentHooks::read),
            "Hooks".yaml("hooks:\n  before: shop-check");
    }
}

impl CodeDeploy {
    /// The functions that CodeDeploy runs.
    pub fn hooks(&self) -> DeploymentHooks {
        self.hooks.clone().unwrap_or_default()
    }

    /// Whether the run waits until CodeDeploy has ended the deployment.
    pub fn waits(&self) -> bool {
        self.wait.unwrap_or_default() == DeploymentWait::Finished
    }
}

/// How long a run follows a deployment of CodeDeploy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeploymentWait {
    /// Until CodeDeploy has ended it.
    #[default]
    Finished,
    /// Until CodeDeploy has accepted it.
    Started,
}

structure! {
    /// Functions that CodeDeploy runs during a deployment, each by name or ARN.
    #[derive(Clone, Debug, Default, PartialEq, Eq)]
    pub struct DeploymentHooks in "codedeploy.hooks." {
        /// Function to run before the traffic shifts (`BeforeAllowTraffic`), such as `shop-check`. Default:
        /// none.
        pub before: Option<String> as Option<Text> = name(),
            "Before the traffic shifts".example("shop-check");
        /// Function to run after the traffic has shifted (`AfterAllowTraffic`), such as `shop-smoke-test`.
        /// Default: none.
        pub after: Option<String> as Option<Text> = name(),
            "After the traffic has shifted".example("shop-smoke-test");
    }
}

schema_types! {
    /// A list of file systems, or a single one.
    FileSystems => |generator| {
        let one = json!(generator.subschema_for::<FileSystemConfig>());
        let list = json!({"type": "array", "items": {"anyOf": [one.clone(), {"type": "null"}]}});
        json_schema!({"anyOf": [one, list, {"enum": [""]}]})
    };

    /// A function URL, or `none`.
    UrlOrNone => |generator| json_schema!({
        "anyOf": [generator.subschema_for::<FunctionUrl>(), {"type": "string", "pattern": NONE}],
    });
}

/// A setting that the stanza can set, or remove with `none`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OrNone<T> {
    /// Sets this value.
    Some(T),
    /// Removes the setting.
    None,
}

/// Reads `cors`, and refuses an empty list of origins: AWS refuses `Cors` without `AllowOrigins`.
fn cors(r: &mut StanzaReader<'_>) -> Cors {
    let cors = Cors::read(r);
    if matches!(r.read_node("allow_origins"), Some(Node::List(sites)) if sites.is_empty()) {
        let right = "`function_url.cors.allow_origins` is empty; expected origins, such as \
            `https://www.example.com`, or an empty `cors`";
        r.refuse("allow_origins", right);
    }
    cors
}

impl Guard {
    /// Reads `guard`, and refuses one that watches nothing.
    pub(super) fn checked(r: &mut StanzaReader<'_>) -> Self {
        let guard = Guard::read(r);
        if !r.has("alarms") && !r.has("errors") {
            r.require("alarms", "`guard` requires `alarms` or `errors`");
        }
        guard
    }
}

/// A percentage such as `1%`, `1.5` or `1.5 %`, in tenths of a percent.
fn tenths_of_percent(text: &str) -> Result<u16, String> {
    let number = text.trim();
    let number = number.strip_suffix('%').unwrap_or(number).trim_end();
    let (whole, tenth) = number.split_once('.').unwrap_or((number, "0"));
    let digits = |text: &str, most: usize| {
        let are_digits = (1..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<u16>().ok().filter(|_| are_digits)
    };
    let tenths = digits(whole, 2).zip(digits(tenth, 1)).map(|(whole, tenth)| whole * 10 + tenth);
    tenths.filter(|tenths| *tenths > 0).ok_or_else(|| {
        "expected a percentage, more than 0 and less than 100, with at most one decimal, such as 1%"
            .to_owned()
    })
}

impl StanzaReader<'_> {
    /// Reads a string that the map must have.
    fn needed_name(&mut self, key: &'static str) -> String {
        let is_missing = !self.has(key);
        let value = self.name(key);
        if is_missing {
            self.refuse(key, format!("a file system requires `{key}`"));
        }
        value.unwrap_or_default()
    }

    /// As [`StanzaReader::word`], but refuses an empty value. So it cannot open an endpoint to everyone by
    /// mistake.
    fn needed_word(&mut self, key: &'static str, known: ValueWords) -> Option<String> {
        let word = self.word(key, known)?;
        if word.is_empty() {
            self.refuse(key, format!("`{}` is empty; expected {}", self.name_of(key), choice_of(known)));
        }
        Some(word)
    }

    /// As [`StanzaReader::word`]. An empty value clears, but AWS has no empty value; its default is the first
    /// word.
    fn word_or_first(&mut self, key: &'static str, known: ValueWords) -> Option<String> {
        let word = self.word(key, known)?;
        let default = known.first().map(|(first, _)| (*first).to_owned()).filter(|_| word.is_empty());
        Some(default.unwrap_or(word))
    }

    /// Reads a function URL. `none` in any case, an empty string and an empty map remove it.
    pub(super) fn function_url(&mut self, key: &'static str) -> Option<OrNone<FunctionUrl>> {
        if self.is_none(key) {
            return Some(OrNone::None);
        }
        let url = self.structure(key, FunctionUrl::read)?;
        Some(if url == FunctionUrl::default() { OrNone::None } else { OrNone::Some(url) })
    }

    /// Reads a whole number, or `none`.
    pub(super) fn number_or_none(&mut self, key: &'static str) -> Option<OrNone<i32>> {
        if self.is_none(key) {
            return Some(OrNone::None);
        }
        self.whole_number(key, "").map(OrNone::Some)
    }

    /// As [`StanzaReader::number_or_none`]. 0 means none too, because AWS refuses a provisioned concurrency
    /// of 0.
    pub(super) fn positive_or_none(&mut self, key: &'static str) -> Option<OrNone<i32>> {
        self.number_or_none(key).map(|number| if number == OrNone::Some(0) { OrNone::None } else { number })
    }

    /// Reads names and ARNs of alarms, without repetitions.
    fn alarms(&mut self, key: &'static str) -> Option<Vec<AlarmName>> {
        let names = self.distinct_texts(key)?;
        let key_name = self.name_of(key);
        if !(1..=100).contains(&names.len()) {
            let message = format!("`{key_name}` has {} entries; expected 1 to 100 alarms", names.len());
            self.refuse(key, message);
            return None;
        }
        let mut alarms = Vec::new();
        for name in &names {
            match AlarmName::parse(name) {
                Ok(alarm) => alarms.push(alarm),
                Err(right) => {
                    self.refuse(key, format!("`{key_name}` contains {}; {right}", quoted(name)));
                }
            }
        }
        Some(alarms)
    }

    /// Reads a duration in whole seconds, at least 1.
    pub(super) fn seconds(&mut self, key: &'static str) -> Option<Duration> {
        let seconds = self.whole_number(key, "seconds")?;
        if seconds == 0 {
            return self.unexpected(key, "0", "expected whole seconds, such as 60");
        }
        Some(Duration::from_secs(seconds.unsigned_abs().into()))
    }

    /// True for `none` in any case and for an empty string. Marks the key as read.
    fn is_none(&mut self, key: &'static str) -> bool {
        let node = self.read_node(key);
        matches!(node, Some(Node::Text(text)) if text.is_empty() || text.eq_ignore_ascii_case("none"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentage_is_read_in_tenths() {
        for (text, tenths) in [
            ("1%", Some(10)),
            ("1", Some(10)),
            (" 2.5 % ", Some(25)),
            ("0.1", Some(1)),
            ("99.9%", Some(999)),
            ("10.0", Some(100)),
            ("0", None),
            ("0.0%", None),
            ("100%", None),
            ("1.25", None),
            ("-1", None),
            (".5", None),
            ("1.", None),
            ("%", None),
            ("", None),
            ("one", None),
        ] {
            assert_eq!(tenths_of_percent(text).ok(), tenths, "{text}");
        }
    }
}
