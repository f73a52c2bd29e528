//! The program as a resource of Concourse: as which of its three scripts it was started, what Concourse asks,
//! and the stanza and the child run that follow from that. Never reads or writes anything itself.
//!
//! Concourse starts `/opt/resource/check`, `in` or `out` by its path, writes one JSON object to standard
//! input, and reads one JSON document from standard output. Standard error is the log that people see.
//! Source: concourse-ci.org, "Implementing a Resource Type".

mod answer;
mod error;

use std::borrow::Cow;
use std::ffi::OsStr;
use std::path::Path;

pub(crate) use answer::{checked, files, got, put};
pub(crate) use error::ResourceError;

use super::child_run::ChildRun;
use super::travis_yml::LocatedStanza;
use crate::deploy::KnownVersion;
use crate::protocol::environment::Environment;
use crate::protocol::json::{self, Map, Node, pointer};
use crate::protocol::messages::dotted;
use crate::protocol::request::KEYS_OF_REQUEST;
use crate::protocol::text::is_number;

/// The directory of the scripts in the image of a resource, without its first slash.
const DIRECTORY: &str = "opt/resource";

/// A script of a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Script {
    /// Reports which version is live.
    Check,
    /// Fetches a version: the step `get`.
    In,
    /// Deploys: the step `put`.
    Out,
}

impl Script {
    /// The script that a program is by its path, such as `/opt/resource/check`. `None`: it is none.
    pub(crate) fn of(program: &Path) -> Option<Self> {
        let is_here = program.parent().is_some_and(|directory| directory.ends_with(DIRECTORY));
        match program.file_name().and_then(OsStr::to_str).filter(|_| is_here)? {
            "check" => Some(Script::Check),
            "in" => Some(Script::In),
            "out" => Some(Script::Out),
            _ => None,
        }
    }
}

/// What Concourse writes to standard input. Its `Debug` output shows no value, because each can be a secret.
#[derive(Debug)]
pub(crate) struct ResourceRequest {
    /// The configuration of the resource.
    source: Map,
    /// The configuration of the step. Empty for `check`.
    params: Map,
    version: Option<Node>,
}

/// The version that a request names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AskedVersion {
    /// The number of a published version, or `$LATEST`.
    pub number: String,
    /// SHA-256 of its code in Base64. `None`: any code.
    code_sha256: Option<String>,
}

impl AskedVersion {
    /// Whether `known` is this version: the number alone is not enough, because `$LATEST` changes, and a
    /// function that was deleted and created again begins with version 1.
    pub(crate) fn is(&self, known: &KnownVersion) -> bool {
        let has_code = |sha256: &String| *sha256 == known.code_sha256;
        self.number == known.number && self.code_sha256.as_ref().is_none_or(has_code)
    }
}

/// The keys of conditions. YAML reads `on` without quotes as `true`.
const CONDITIONS: [&str; 3] = ["on", "true", "if"];

/// The options that decide which version is live. `check` gets no `params`: if those named another function
/// or alias, it would find another version than `out` has reported, and start jobs for it.
const OF_VERSION: [&str; 4] = ["function_name", "region", "alias", "publish"];

impl ResourceRequest {
    /// Reads a request.
    ///
    /// # Errors
    /// [`ResourceError`] if it is no JSON, or has a part or a key that it must not have.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, ResourceError> {
        let mut request = match json::parse(bytes).map_err(ResourceError::Json)? {
            Node::Map(request) => request,
            other => return Err(ResourceError::NotAnObject { kind: other.kind() }),
        };
        let mut part = |name: &'static str| match request.remove(name) {
            None | Some(Node::Null) => Ok(Map::default()),
            Some(Node::Map(part)) => checked_part(name, part),
            Some(other) => Err(ResourceError::NotAMap { name, kind: other.kind() }),
        };
        let (source, params) = (part("source")?, part("params")?);
        let is_other = |key: &&str| params.get(key).is_some_and(|node| source.get(key) != Some(node));
        if let Some(key) = OF_VERSION.into_iter().find(is_other) {
            return Err(ResourceError::NotOfSource { key });
        }
        Ok(ResourceRequest { source, params, version: request.remove("version") })
    }

    /// The stanza: the keys of `params`, and those of `source` that `params` does not have. Concourse decides
    /// when a step runs, so its condition is always met.
    pub(crate) fn stanza(&self) -> Map {
        let given = |(_, node): &(&str, &Node)| **node != Node::Null;
        let of_source = self.source.iter().filter(|(key, _)| self.params.get(key).is_none());
        let keys = of_source.chain(self.params.iter()).filter(given);
        let always = Map::from_iter([("all_branches".to_owned(), Node::Bool(true))]);
        let own = keys.map(|(key, node)| (key.to_owned(), node.clone()));
        own.chain([("on".to_owned(), Node::Map(always))]).collect()
    }

    /// The part of the request in which the key at a JSON pointer of the stanza is, or must be. `None`: it is
    /// in neither, and can be in both.
    pub(crate) fn part_of(&self, at: &str) -> Option<&'static str> {
        let key = at.trim_start_matches('/').split('/').next()?;
        let parts = [("params", &self.params), ("source", &self.source)];
        let written = parts.into_iter().find(|(_, part)| part.get(key).is_some()).map(|(name, _)| name);
        written.or_else(|| OF_VERSION.contains(&key).then_some("source"))
    }

    /// The version that the request names. `None`: it names none, or none that a function can have.
    pub(crate) fn version(&self) -> Option<AskedVersion> {
        let version = self.version.as_ref()?.as_map()?;
        let text = |key| match version.get(key) {
            Some(Node::Text(text)) => Some(text.clone()),
            _ => None,
        };
        let number = text("version").filter(|text| is_number(text) || text.starts_with("$LATEST"))?;
        Some(AskedVersion { number, code_sha256: text("code_sha256") })
    }

    /// The child run that deploys the stanza from `directory`, in the environment `env` of this process.
    /// Concourse names no branch and no commit, only the number of the build.
    pub(crate) fn child_run(&self, env: &Environment, directory: &Path) -> ChildRun {
        let mut env = env
            .with("TRAVIS_PULL_REQUEST", "false")
            .with("TRAVIS_BUILD_DIR", &directory.display().to_string());
        if let Some(number) = env.get("BUILD_NAME").map(Cow::into_owned) {
            env = env.with("TRAVIS_BUILD_NUMBER", &number);
        }
        let located = LocatedStanza { stanza: self.stanza(), ..LocatedStanza::default() };
        ChildRun::of("the request", located, vec!["deploy".into()], env, Vec::new())
    }
}

/// Checks that a part of the request has only keys that belong to a stanza, and that nothing in it is
/// encrypted for Travis CI.
fn checked_part(name: &'static str, part: Map) -> Result<Map, ResourceError> {
    let find = |keys: &[&'static str]| keys.iter().copied().find(|key| part.contains(key));
    if let Some(key) = find(&CONDITIONS) {
        return Err(ResourceError::Condition { name, key });
    }
    if let Some(key) = find(&KEYS_OF_REQUEST) {
        return Err(ResourceError::KeyOfRequest { name, key });
    }
    let encrypted = |(key, node): (&str, &Node)| node.encrypted(&pointer("", key)).into_iter().next();
    if let Some(at) = part.iter().find_map(encrypted) {
        return Err(ResourceError::Encrypted { name, key: dotted(&at) });
    }
    Ok(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(text: &str) -> ResourceRequest {
        ResourceRequest::read(text.as_bytes()).expect("a request")
    }

    #[test]
    fn a_script_is_known_by_its_directory_and_its_name() {
        for (program, script) in [
            ("/opt/resource/check", Some(Script::Check)),
            ("/tmp/image/opt/resource/in", Some(Script::In)),
            ("opt/resource/out", Some(Script::Out)),
            ("/opt/resource/dpl-lambda", None),
            ("/opt/resources/check", None),
            ("/usr/bin/check", None),
            ("check", None),
            ("", None),
        ] {
            assert_eq!(Script::of(Path::new(program)), script, "{program}");
        }
    }

    #[test]
    fn params_take_precedence_over_source_and_the_condition_is_always_met() {
        let text = r#"{"source":{"function_name":"f","timeout":3,"zip":"a"},
            "params":{"zip":"b","timeout":null,"memory_size":256}}"#;
        let request = request(text);
        let stanza = serde_json::to_string(&request.stanza()).expect("JSON");
        assert_eq!(
            stanza,
            r#"{"function_name":"f","timeout":3,"zip":"b","memory_size":256,"on":{"all_branches":true}}"#
        );
        for (at, part) in [
            ("/zip/0", Some("params")),
            ("/timeout", Some("source")),
            ("/function_name", Some("source")),
            ("/alias", Some("source")),
            ("/role", None),
            ("", None),
        ] {
            assert_eq!(request.part_of(at), part, "{at}");
        }
        assert!(!format!("{request:?}").contains("256"), "{request:?}");
    }

    #[test]
    fn a_version_is_one_of_a_function() {
        let of = |version: &str| request(&format!(r#"{{"version":{version}}}"#)).version();
        let asked = |number: &str, sha256: Option<&str>| {
            Some(AskedVersion { number: number.to_owned(), code_sha256: sha256.map(str::to_owned) })
        };
        for (version, expected) in [
            (r#"{"code_sha256":"3i5t","version":"7"}"#, asked("7", Some("3i5t"))),
            (r#"{"version":"$LATEST"}"#, asked("$LATEST", None)),
            (r#"{"version":7}"#, None),
            (r#"{"version":"live"}"#, None),
            (r#"{"version":""}"#, None),
            (r#"{"ref":"61cbef"}"#, None),
            ("null", None),
        ] {
            assert_eq!(of(version), expected, "{version}");
        }
        let known = KnownVersion { number: "7".to_owned(), code_sha256: "3i5t".to_owned() };
        for (number, sha256, is) in
            [("7", None, true), ("7", Some("3i5t"), true), ("7", Some("other"), false), ("8", None, false)]
        {
            let asked = asked(number, sha256).expect("made above");
            assert_eq!(asked.is(&known), is, "{number} {sha256:?}");
        }
    }

    #[test]
    fn params_can_repeat_what_the_source_says_of_the_version() {
        for params in [r#"{"alias":["live","beta"]}"#, r#"{"alias":null,"publish":null}"#] {
            let text = r#"{"source":{"function_name":"f","alias":["live","beta"]},"params":PARAMS}"#;
            let alias = request(&text.replace("PARAMS", params)).stanza().get("alias").map(Node::kind);
            assert_eq!(alias, Some("a list"), "{params}");
        }
    }

    #[test]
    fn a_request_of_another_form_is_refused() {
        for (text, message) in [
            ("", "standard input: it is empty at line 1, column 0"),
            ("[]", "standard input is a list; expected an object with `source`"),
            (r#"{"source":"x"}"#, "`source` is a string; expected a map"),
            (r#"{"source":{},"params":[]}"#, "`params` is a list; expected a map"),
            (r#"{"source":{"on":{"branch":"main"}}}"#, "`source.on` is a condition"),
            (r#"{"source":{},"params":{"true":null}}"#, "`params.true` is a condition"),
            (r#"{"params":{"if":"x"}}"#, "`params.if` is a condition"),
            (r#"{"params":{"env":{}}}"#, "`params.env` is no option of a stanza"),
            (r#"{"source":{},"params":{"alias":"live"}}"#, "`params.alias` is not what `source` says"),
            (r#"{"source":{"region":"a"},"params":{"region":"b"}}"#, "`params.region` is not what"),
            (r#"{"params":{"publish":true}}"#, "`params.publish` is not what `source` says"),
            (r#"{"params":{"environment":{"A":{"secure":"x"}}}}"#, "`params.environment.A` is encrypted"),
        ] {
            let error = ResourceRequest::read(text.as_bytes()).expect_err(text);
            assert!(error.to_string().starts_with(message), "{text}: {error}");
        }
    }
}
