//! What a resource prints and writes, in the form of Concourse's contract: each value of a version and of
//! metadata is a string. Never contains a secret: the values come from events, or are masked as there.

use serde::Serialize;

use super::AskedVersion;
use crate::deploy::{KnownFunction, KnownVersion};
use crate::protocol::event::{Deployment, Outcome};

/// A version of the resource: a version of the function, and its code. `$LATEST` alone would be the same
/// version after each deployment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct ResourceVersion {
    code_sha256: String,
    version: String,
}

impl From<KnownVersion> for ResourceVersion {
    fn from(KnownVersion { number, code_sha256 }: KnownVersion) -> Self {
        ResourceVersion { code_sha256, version: number }
    }
}

/// What `in` and `out` print.
#[derive(Debug, Serialize)]
pub(crate) struct StepAnswer {
    version: ResourceVersion,
    metadata: Vec<Metadata>,
}

/// A fact for the page of the build.
#[derive(Debug, Serialize)]
struct Metadata {
    name: &'static str,
    value: String,
}

/// What `check` prints: the version that is live, after the one that Concourse knows if that still exists.
/// Empty if nothing is live.
pub(crate) fn checked(function: Option<KnownFunction>, asked: Option<&AskedVersion>) -> Vec<ResourceVersion> {
    let Some(KnownFunction { live, named, .. }) = function else { return Vec::new() };
    let named = named.filter(|known| asked.is_some_and(|asked| asked.is(known)));
    let mut versions: Vec<ResourceVersion> = named.into_iter().chain(live).map(Into::into).collect();
    versions.dedup();
    versions
}

/// What `out` prints about the function after a deployment.
pub(crate) fn put(outcome: Outcome, live: &Deployment) -> StepAnswer {
    let codedeploy = live.codedeploy.as_ref();
    let codedeploy = codedeploy.map(|shift| format!("{}, {}", shift.deployment_id, shift.status));
    let facts = [
        ("outcome", Some(outcome.to_string())),
        ("function_arn", Some(live.function_arn.clone())),
        ("version", Some(live.version.clone())),
        ("alias", Some(live.aliases().join(", ")).filter(|names| !names.is_empty())),
        ("previous_version", live.previous_version.clone()),
        ("url", live.function_url.clone()),
        ("codedeploy", codedeploy),
        ("code_sha256", Some(live.code_sha256.clone())),
    ];
    let (code_sha256, version) = (live.code_sha256.clone(), live.version.clone());
    StepAnswer { version: ResourceVersion { code_sha256, version }, metadata: present(facts) }
}

/// What `in` prints about a version that it has fetched.
pub(crate) fn got(function: &KnownFunction, version: &KnownVersion) -> StepAnswer {
    let facts = [
        ("function_arn", Some(function.arn.clone())),
        ("version", Some(version.number.clone())),
        ("code_sha256", Some(version.code_sha256.clone())),
    ];
    StepAnswer { version: version.clone().into(), metadata: present(facts) }
}

fn present(facts: impl IntoIterator<Item = (&'static str, Option<String>)>) -> Vec<Metadata> {
    facts.into_iter().filter_map(|(name, value)| Some(Metadata { name, value: value? })).collect()
}

/// The file `function.json` of `in`.
#[derive(Debug, Serialize)]
struct FunctionFile<'a> {
    function_arn: &'a str,
    function_name: &'a str,
    region: &'a str,
    /// Null if the stanza has no alias.
    alias: Option<&'a str>,
    version: &'a str,
    code_sha256: &'a str,
}

/// The files that `in` writes, by their names. The step `load_var` of Concourse can read each.
pub(crate) fn files(function: &KnownFunction, version: &KnownVersion) -> [(&'static str, String); 4] {
    let whole = FunctionFile {
        function_arn: &function.arn,
        function_name: &function.name,
        region: &function.region,
        alias: function.alias.as_deref(),
        version: &version.number,
        code_sha256: &version.code_sha256,
    };
    [
        ("version", version.number.clone()),
        ("function_arn", function.arn.clone()),
        ("code_sha256", version.code_sha256.clone()),
        ("function.json", serde_json::to_string(&whole).expect("texts are JSON") + "\n"),
    ]
}

#[cfg(test)]
mod tests {
    use super::super::ResourceRequest;
    use super::*;

    fn version(number: &str, code_sha256: &str) -> KnownVersion {
        KnownVersion { number: number.to_owned(), code_sha256: code_sha256.to_owned() }
    }

    fn function(live: Option<KnownVersion>, named: Option<KnownVersion>) -> Option<KnownFunction> {
        let [arn, name, region] = ["arn:f", "f", "eu-west-1"].map(str::to_owned);
        Some(KnownFunction { arn, name, region, alias: None, live, named })
    }

    #[test]
    fn the_known_version_is_listed_before_the_live_one_as_long_as_it_exists() {
        let text = br#"{"version":{"code_sha256":"a","version":"6"}}"#;
        let asked = ResourceRequest::read(text).expect("a request").version();
        let (six, seven) = (version("6", "a"), version("7", "b"));
        for (function, expected) in [
            (None, "[]"),
            (function(None, None), "[]"),
            (function(Some(seven.clone()), None), r#"[{"code_sha256":"b","version":"7"}]"#),
            (function(Some(six.clone()), Some(six.clone())), r#"[{"code_sha256":"a","version":"6"}]"#),
            (
                function(Some(seven.clone()), Some(six.clone())),
                r#"[{"code_sha256":"a","version":"6"},{"code_sha256":"b","version":"7"}]"#,
            ),
            // The function was deleted and created again.
            (function(Some(seven), Some(version("6", "c"))), r#"[{"code_sha256":"b","version":"7"}]"#),
        ] {
            let versions = checked(function, asked.as_ref());
            assert_eq!(serde_json::to_string(&versions).expect("JSON"), expected);
        }
        let versions = checked(function(Some(six.clone()), Some(six)), None);
        assert_eq!(versions.len(), 1);
    }

    #[test]
    fn the_files_have_what_later_steps_need() {
        let function = function(None, None).expect("a function");
        let files = files(&function, &version("7", "b"));
        let whole = concat!(
            r#"{"function_arn":"arn:f","function_name":"f","region":"eu-west-1","alias":null,"#,
            r#""version":"7","code_sha256":"b"}"#
        );
        let expected =
            [("version", "7"), ("function_arn", "arn:f"), ("code_sha256", "b"), ("function.json", whole)];
        for ((name, text), (expected_name, expected)) in files.iter().zip(expected) {
            assert_eq!((*name, text.trim_end()), (expected_name, expected));
        }
    }
}
