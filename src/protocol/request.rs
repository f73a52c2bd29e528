//! Reads a [`Request`] from standard input and separates the runner's keys from the stanzas.
//! Never validates a stanza, because a pull request with an invalid stanza is skipped and does not fail.

use std::ffi::OsString;
use std::io::{self, Read};

use super::approved_plan::{ApprovedPlan, PlanFormatError};
use super::env_bytes;
use super::environment::Environment;
use super::json::{self, MAX_REQUEST_BYTES, Map, Node, WireError, quoted};
use super::messages::{counted, dotted, size};
use super::other_document::OtherDocument;

/// The request of a runner.
#[derive(Debug)]
pub struct Request {
    /// The stanzas as written, without the runner's keys `env`, `plan` and `protocol`.
    pub stanzas: Stanzas,
    /// The whole environment of the job. `None`: the environment of the process is that of the job.
    pub env: Option<Environment>,
    /// The approved plan, with one item for each stanza. `None`: any plan may be carried out.
    pub plan: Option<ApprovedPlan>,
}

/// The stanzas of a request.
#[derive(Debug)]
pub enum Stanzas {
    /// The top level of the request is the stanza.
    One(Map),
    /// The list under `stanzas`: 1 to [`MAX_STANZAS`].
    List(Vec<Map>),
}

/// Maximum number of stanzas in a request.
pub const MAX_STANZAS: usize = 500;

impl Stanzas {
    /// The stanzas in their order.
    pub fn into_vec(self) -> Vec<Map> {
        match self {
            Stanzas::One(stanza) => vec![stanza],
            Stanzas::List(stanzas) => stanzas,
        }
    }

    /// The number of stanzas.
    fn number(&self) -> usize {
        match self {
            Stanzas::One(_) => 1,
            Stanzas::List(stanzas) => stanzas.len(),
        }
    }

    /// Whether the request is a list, even if it is one of a single stanza.
    pub fn is_list(&self) -> bool {
        matches!(self, Stanzas::List(_))
    }
}

/// Why standard input is not a valid request.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// Standard input cannot be read.
    #[error("standard input cannot be read")]
    Unreadable(#[from] io::Error),
    /// Standard input has more than [`MAX_REQUEST_BYTES`].
    #[error("the request is larger than {}", size(MAX_REQUEST_BYTES as u64))]
    TooLarge,
    /// Standard input is not valid JSON.
    #[error("{}", about_request(.0))]
    Wire(#[from] WireError),
    /// Standard input is YAML.
    #[error("the request is YAML; expected one JSON object")]
    Yaml,
    /// The JSON is an object, but no stanza.
    #[error("the request is {0}; expected a stanza")]
    OtherDocument(OtherDocument),
    /// The JSON is not an object.
    #[error("the request is {kind}; expected an object")]
    NotAnObject {
        /// Its type with an article, such as `a list`.
        kind: &'static str,
    },
    /// `protocol` is not 1.
    #[error("`protocol` is {given}, but this version supports only 1")]
    UnsupportedProtocol {
        /// The value, as text for a message.
        given: String,
    },
    /// `env`, or a variable in it, is not valid in an environment.
    #[error("`{}` {detail}", dotted(.at))]
    BadEnv {
        /// JSON pointer to the value.
        at: String,
        /// What is wrong, without anything that may be a secret.
        detail: String,
    },
    /// `plan` is no plan that this version can read.
    #[error("`plan` {0}")]
    BadPlan(#[from] PlanFormatError),
    /// `plan` is for another number of stanzas.
    #[error("the plan is for {}, but the request has {}", stanzas_of(*.planned), stanzas_of(*.given))]
    OtherPlan {
        /// Number of stanzas in the plan.
        planned: usize,
        /// Number of stanzas in the request.
        given: usize,
    },
    /// `stanzas` has more than [`MAX_STANZAS`].
    #[error("`stanzas` has {} stanzas; expected 1 to {}", .0, MAX_STANZAS)]
    TooManyStanzas(usize),
    /// `stanzas`, or an item of it, is not valid.
    #[error("`{}` {detail}", dotted(.at))]
    BadList {
        /// JSON pointer to the value.
        at: String,
        /// What is wrong.
        detail: String,
    },
}

/// A number of stanzas, as part of a sentence.
pub(crate) fn stanzas_of(number: usize) -> String {
    counted(number, "stanza", "stanzas")
}

/// The text of the error with the request as its subject.
fn about_request(error: &WireError) -> String {
    match error {
        WireError::Syntax { detail, .. } if detail == json::EMPTY => {
            "the request is empty; expected one JSON object".to_owned()
        }
        WireError::Syntax { .. } => format!("the request is not JSON: {error}"),
        WireError::TooManyValues => format!("the request contains {error}"),
        WireError::DuplicateKey { .. } => error.to_string(),
    }
}

/// Reads a request of at most [`MAX_REQUEST_BYTES`], up to the end of `input`.
///
/// # Errors
/// [`RequestError`]. An unsupported protocol is reported before any other error in the document.
pub fn read(input: impl Read) -> Result<Request, RequestError> {
    let mut bytes = Vec::new();
    let limit = MAX_REQUEST_BYTES as u64 + 1;
    input.take(limit).read_to_end(&mut bytes)?;
    if bytes.len() > MAX_REQUEST_BYTES {
        return Err(RequestError::TooLarge);
    }
    let (document, byte_values) = match json::parse(&bytes) {
        Err(WireError::Syntax { .. }) if looks_like_yaml(&bytes) => return Err(RequestError::Yaml),
        Err(WireError::Syntax { .. }) => {
            let byte_values = env_bytes::take_out(&mut bytes);
            (json::parse(&bytes)?, byte_values)
        }
        parsed => (parsed?, Vec::new()),
    };
    let mut stanza = match document {
        Node::Map(map) => map,
        other => return Err(RequestError::NotAnObject { kind: other.kind() }),
    };
    if let Some(given) = stanza.remove("protocol").filter(|given| !supports_protocol(given)) {
        return Err(RequestError::UnsupportedProtocol { given: given.shown() });
    }
    let env = stanza.remove("env").map_or(Ok(None), |node| environment(&node, byte_values))?;
    let plan = stanza.remove("plan").filter(|plan| *plan != Node::Null);
    let plan = plan.map(|plan| ApprovedPlan::read((&plan).into())).transpose()?;
    let stanzas = match stanza.remove("stanzas").filter(|stanzas| *stanzas != Node::Null) {
        Some(stanzas) => Stanzas::List(list(stanzas, &stanza)?),
        None => match OtherDocument::of(&stanza) {
            Some(document) => return Err(RequestError::OtherDocument(document)),
            None => Stanzas::One(stanza),
        },
    };
    match plan.as_ref().map(|plan| plan.functions.len()) {
        Some(planned) if planned != stanzas.number() => {
            Err(RequestError::OtherPlan { planned, given: stanzas.number() })
        }
        Some(_) | None => Ok(Request { stanzas, env, plan }),
    }
}

/// The keys of a request that no stanza can have.
pub(crate) const KEYS_OF_REQUEST: [&str; 4] = ["env", "plan", "protocol", "stanzas"];

/// The stanzas in the value of `stanzas`. `rest`: the other keys of the request, except the runner's.
fn list(stanzas: Node, rest: &Map) -> Result<Vec<Map>, RequestError> {
    let bad = |at: String, detail: String| RequestError::BadList { at, detail };
    let of_list = |detail: String| bad("/stanzas".to_owned(), detail);
    let items = match stanzas {
        Node::List(items) => items,
        other => return Err(of_list(format!("is {}; expected a list of stanzas", other.kind()))),
    };
    if let Some((key, _)) = rest.iter().next() {
        return Err(of_list(format!(
            "is beside {}; expected only `env`, `plan` and `protocol` there",
            quoted(key)
        )));
    }
    if items.is_empty() {
        return Err(of_list(format!("is an empty list; expected 1 to {MAX_STANZAS} stanzas")));
    }
    if items.len() > MAX_STANZAS {
        return Err(RequestError::TooManyStanzas(items.len()));
    }
    let stanza = |(index, item): (usize, Node)| {
        let at = format!("/stanzas/{index}");
        let stanza = match item {
            Node::Map(stanza) => stanza,
            other => return Err(bad(at, format!("is {}; expected a stanza", other.kind()))),
        };
        if let Some(key) = KEYS_OF_REQUEST.into_iter().find(|key| stanza.contains(key)) {
            return Err(bad(json::pointer(&at, key), "belongs to the request, not to a stanza".to_owned()));
        }
        match OtherDocument::of(&stanza) {
            Some(document) => Err(bad(at, format!("is {document}; expected a stanza"))),
            None => Ok(stanza),
        }
    };
    items.into_iter().enumerate().map(stanza).collect()
}

/// Whether the first line that says something is `key: …` or the start of a YAML document.
fn looks_like_yaml(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(LONGEST_START)]);
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let Some(line) = lines.next() else { return false };
    let is_key = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    let rest = line.trim_start_matches("- ").trim_start_matches(is_key);
    line == "---" || (rest.len() < line.len() && (rest == ":" || rest.starts_with(": ")))
}

/// Length in bytes of the start of a request in which YAML is recognized.
const LONGEST_START: usize = 4096;

/// Whether this version supports the requested protocol. The only one is 1, and null means 1.
fn supports_protocol(protocol: &Node) -> bool {
    *protocol == Node::Null || protocol.scalar().is_some_and(|text| text == "1" || text == "1.0")
}

/// `byte_values`: the variables whose values are not UTF-8, which are null in `node`.
fn environment(
    node: &Node,
    byte_values: Vec<(String, OsString)>,
) -> Result<Option<Environment>, RequestError> {
    let bad = |at: String, detail: String| Err(RequestError::BadEnv { at, detail });
    let map = match node {
        Node::Null => return Ok(None),
        Node::Map(map) => map,
        other => {
            return bad("/env".to_owned(), format!("is {}; expected a map of strings", other.kind()));
        }
    };
    let mut variables = Vec::with_capacity(map.len());
    for (name, value) in map.iter() {
        if name.is_empty() || name.contains(['=', '\0']) {
            // Such a name can be a whole `NAME=value`, so it is not shown.
            let detail = "has a name that no variable can have; expected letters, digits and `_`";
            return bad("/env".to_owned(), detail.to_owned());
        }
        let at = json::pointer("/env", name);
        match value {
            Node::Null => {}
            Node::Text(text) if text.contains('\0') => {
                return bad(at, "contains a NUL character; expected text without one".to_owned());
            }
            Node::Text(text) => variables.push((name.to_owned(), OsString::from(text))),
            other => return bad(at, format!("is {}; expected a string", other.kind())),
        }
    }
    Ok(Some(variables.into_iter().chain(byte_values).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(text: &str) -> Result<Request, RequestError> {
        read(text.as_bytes())
    }

    #[test]
    fn the_runners_keys_are_no_part_of_the_stanza() {
        let request =
            request(r#"{"function_name":"f","env":{"A":"b","N":null},"protocol":1}"#).expect("valid");
        let Stanzas::One(stanza) = &request.stanzas else { panic!("{request:?} is a list") };
        let keys: Vec<_> = stanza.iter().map(|(key, _)| key).collect();
        assert_eq!(keys, ["function_name"]);
        let env = request.env.expect("given");
        assert_eq!(env.get("A").as_deref(), Some("b"));
        assert_eq!(env.get("N"), None);
    }

    #[test]
    fn another_protocol_is_refused_before_a_broken_env_is() {
        let error = request(r#"{"env":7,"protocol":2}"#).unwrap_err();
        assert!(matches!(error, RequestError::UnsupportedProtocol { given } if given == "2"));
    }

    #[test]
    fn an_environment_holds_strings_under_names_that_a_kernel_takes() {
        for (text, pointer) in [
            (r#"{"env":[]}"#, "/env"),
            (r#"{"env":{"A":1}}"#, "/env/A"),
            (r#"{"env":{"":"x"}}"#, "/env"),
            (r#"{"env":{"A=B":"x"}}"#, "/env"),
            (r#"{"env":{"A":"x\u0000"}}"#, "/env/A"),
        ] {
            let error = request(text).expect_err("not valid");
            assert!(!error.to_string().contains("A=B"), "it may be a secret: {error}");
            match error {
                RequestError::BadEnv { at, .. } => assert_eq!(at, pointer),
                other => panic!("{text}: {other:?}"),
            }
        }
    }

    #[test]
    fn yaml_is_recognized() {
        for text in ["provider: lambda\n", "# a\n\n---\ndeploy:\n", "deploy:\n  a: b\n", "- provider: x\n"] {
            assert!(matches!(request(text), Err(RequestError::Yaml)), "{text}");
        }
        for text in ["", "nonsense", "{a: b}", "{\"a\":", "[a: b]", ": x", "http://x"] {
            assert!(matches!(request(text), Err(RequestError::Wire(WireError::Syntax { .. }))), "{text}");
        }
    }

    #[test]
    fn a_document_that_is_no_stanza_is_refused() {
        let error = request(r#"{"deploy":{"provider":"lambda"},"env":{}}"#).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the request is a map with the stanza under `deploy`; expected a stanza"
        );
    }

    #[test]
    fn a_list_has_the_runners_keys_beside_it_and_nothing_else() {
        for (text, names) in [
            (r#"{"stanzas":[{"function_name":"a"}],"env":{},"protocol":1}"#, Some(vec!["a"])),
            (r#"{"stanzas":[{"function_name":"a"},{"function_name":"b"}]}"#, Some(vec!["a", "b"])),
            (r#"{"stanzas":null,"function_name":"a"}"#, None),
        ] {
            let stanzas = request(text).expect("valid").stanzas;
            assert_eq!(stanzas.is_list(), names.is_some(), "{text}");
            let name = |stanza: &Map| stanza.get("function_name").and_then(Node::scalar);
            let read: Vec<_> = stanzas.into_vec().iter().filter_map(name).collect();
            assert_eq!(read, names.unwrap_or_else(|| vec!["a"]), "{text}");
        }
        let many = format!(r#"{{"stanzas":[{}{{}}]}}"#, "{},".repeat(MAX_STANZAS));
        for (text, expected) in [
            (r#"{"stanzas":{}}"#, "`stanzas` is a map; expected a list of stanzas"),
            (r#"{"stanzas":[]}"#, "`stanzas` is an empty list; expected 1 to 500 stanzas"),
            (
                r#"{"stanzas":[{}],"timeout":3}"#,
                "`stanzas` is beside `timeout`; expected only `env`, `plan` and `protocol` there",
            ),
            (r#"{"stanzas":[{},7]}"#, "`stanzas.1` is a number; expected a stanza"),
            (r#"{"stanzas":[{},{"env":{}}]}"#, "`stanzas.1.env` belongs to the request, not to a stanza"),
            (
                r#"{"stanzas":[{"stanzas":[]}]}"#,
                "`stanzas.0.stanzas` belongs to the request, not to a stanza",
            ),
            (r#"{"stanzas":[{"language":"c"}]}"#, "`stanzas.0` is a whole `.travis.yml`; expected a stanza"),
        ] {
            let error = request(text).unwrap_err();
            assert!(matches!(error, RequestError::BadList { .. }), "{error:?}");
            assert_eq!(error.to_string(), expected);
        }
        let error = request(&many).unwrap_err();
        assert!(matches!(error, RequestError::TooManyStanzas(501)), "{error:?}");
        assert_eq!(error.to_string(), "`stanzas` has 501 stanzas; expected 1 to 500");
    }

    #[test]
    fn a_plan_has_one_item_for_each_stanza() {
        let skipped = r#"{"outcome":"skipped","unmet":[]}"#;
        let plan = |items: &[&str]| format!(r#"{{"dpl_lambda_plan":1,"functions":[{}]}}"#, items.join(","));
        let (one, two) = (plan(&[skipped]), plan(&[skipped, skipped]));
        for (text, items) in [
            (r#"{"function_name":"a","plan":null}"#.to_owned(), None),
            (format!(r#"{{"function_name":"a","plan":{one}}}"#), Some(1)),
            (format!(r#"{{"stanzas":[{{}},{{}}],"plan":{two}}}"#), Some(2)),
        ] {
            let request = request(&text).expect("valid");
            assert_eq!(request.plan.map(|plan| plan.functions.len()), items, "{text}");
            let stanzas = request.stanzas.into_vec();
            assert!(stanzas.iter().all(|stanza| !stanza.contains("plan")), "{text}");
        }
        for (text, expected) in [
            (
                format!(r#"{{"stanzas":[{{}},{{}}],"plan":{one}}}"#),
                "the plan is for 1 stanza, but the request has 2 stanzas",
            ),
            (
                r#"{"function_name":"a","plan":"plan.json"}"#.to_owned(),
                "`plan` is no plan; expected what `dpl-lambda plan --out FILE` writes",
            ),
            (
                format!(r#"{{"stanzas":[{{"plan":{one}}}]}}"#),
                "`stanzas.0.plan` belongs to the request, not to a stanza",
            ),
        ] {
            assert_eq!(request(&text).unwrap_err().to_string(), expected);
        }
    }

    #[test]
    fn a_value_that_is_not_utf8_arrives_as_python_and_node_write_it() {
        let text = r#"{"env":{"A":"caf\udce9 \u00e9","B":"b","N":null,"R":"caf\ufffd"},"protocol":1}"#;
        let env = request(text).expect("valid").env.expect("given");
        let values: Vec<(&str, &[u8])> = env
            .iter()
            .map(|(name, value)| (name.to_str().unwrap_or_default(), value.as_encoded_bytes()))
            .collect();
        let expected: [(&str, &[u8]); 3] =
            [("A", b"caf\xe9 \xc3\xa9"), ("B", b"b"), ("R", "caf\u{fffd}".as_bytes())];
        assert_eq!(values, expected);
        for text in [
            r#"{"env":{"A":"\udce9","B":"\ud800"}}"#,
            r#"{"env":{"A":"\udce9"},"function_name":"\udce9"}"#,
            r#"{"env":{"\udce9":"a"}}"#,
            r#"{"env":{"A":["\udce9"]}}"#,
        ] {
            let error = request(text).unwrap_err();
            assert!(error.to_string().contains("half of a surrogate pair"), "{text}: {error}");
        }
        let twice = request(r#"{"env":{"A":"a","A":"\udce9"}}"#).unwrap_err();
        assert!(matches!(twice, RequestError::Wire(WireError::DuplicateKey { .. })), "{twice:?}");
        let other = request(r#"{"env":{"A":"\udce9","B":1},"protocol":2}"#).unwrap_err();
        assert!(matches!(other, RequestError::UnsupportedProtocol { .. }), "{other:?}");
    }

    #[test]
    fn reading_stops_behind_8_mib() {
        struct Endless(u64);
        impl Read for Endless {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                buffer.fill(b' ');
                self.0 += buffer.len() as u64;
                assert!(self.0 < 32 * 1024 * 1024, "read far beyond the limit");
                Ok(buffer.len())
            }
        }
        assert!(matches!(read(Endless(0)), Err(RequestError::TooLarge)));
    }
}
