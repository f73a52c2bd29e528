//! Recognizes documents that are no stanza: a file with stanzas in it, or a file of another tool. Such a
//! document must be refused before its conditions are evaluated: without the keys of a stanza it would be
//! skipped on every branch but `master`, as if nothing were wrong.

use std::fmt;

use super::json::{Map, Node, quoted};
use super::stanza::all_keys;

/// A document in the place of a stanza.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OtherDocument {
    /// A `.travis.yml`, or a part of it.
    TravisYml,
    /// A template of CloudFormation or SAM.
    Template,
    /// A `serverless.yml`.
    Serverless,
    /// A function as AWS's API describes it, which is the form of lambroll.
    AwsFunction,
    /// A workflow of GitHub Actions.
    Workflow,
    /// A `.gitlab-ci.yml`.
    GitLabCi,
    /// A `package.json`.
    PackageJson,
    /// A map that has the stanza under this key.
    Wrapped(String),
}

/// Keys by which [`OtherDocument::of`] recognizes most documents.
pub(crate) const KEYS: [&str; 11] = [
    "AWSTemplateFormatVersion",
    "FunctionName",
    "Resources",
    "deploy",
    "function_name",
    "functions",
    "jobs",
    "language",
    "matrix",
    "provider",
    "service",
];

impl OtherDocument {
    /// What the document is. `None`: it can be a stanza.
    pub fn of(document: &Map) -> Option<OtherDocument> {
        let has = |key: &str| document.get(key).is_some();
        let is_open = |key: &str| matches!(document.get(key), Some(Node::Map(_) | Node::List(_)));
        let provider = document.get("provider").and_then(Node::scalar);
        if has("function_name") || provider.is_some_and(|provider| provider.eq_ignore_ascii_case("lambda")) {
            return None;
        }
        if is_open("Resources") || has("AWSTemplateFormatVersion") {
            return Some(OtherDocument::Template);
        }
        if is_open("functions") && (has("service") || has("provider")) {
            return Some(OtherDocument::Serverless);
        }
        let of_github = |job: &Map| ["runs-on", "steps", "uses"].into_iter().any(|key| job.contains(key));
        if document.get("jobs").and_then(Node::as_map).is_some_and(|jobs| has_entry(jobs, of_github)) {
            return Some(OtherDocument::Workflow);
        }
        let of_gitlab = |job: &Map| job.contains("stage") && job.contains("script");
        if has_entry(document, of_gitlab) && !["jobs", "language", "matrix"].into_iter().any(has) {
            return Some(OtherDocument::GitLabCi);
        }
        if has("name")
            && has("version")
            && ["dependencies", "devDependencies", "scripts"].into_iter().any(is_open)
        {
            return Some(OtherDocument::PackageJson);
        }
        if is_open("deploy") && document.len() == 1 {
            return Some(OtherDocument::Wrapped("deploy".to_owned()));
        }
        if ["deploy", "jobs", "matrix"].into_iter().any(is_open) || has("language") {
            return Some(OtherDocument::TravisYml);
        }
        if has("FunctionName") {
            return Some(OtherDocument::AwsFunction);
        }
        let is_wrapper =
            |(key, node): &(&str, &Node)| !all_keys().any(|option| option == *key) && holds_stanza(node);
        document.iter().find(is_wrapper).map(|(key, _)| OtherDocument::Wrapped(key.to_owned()))
    }
}

/// Whether a value of the map is such a map.
fn has_entry(map: &Map, is_such: impl Fn(&Map) -> bool) -> bool {
    map.iter().any(|(_, node)| node.as_map().is_some_and(&is_such))
}

/// Whether a value is a stanza, or a list with one.
fn holds_stanza(node: &Node) -> bool {
    match node {
        Node::List(items) => items.iter().any(|item| item.as_map().is_some() && holds_stanza(item)),
        Node::Map(map) => ["function_name", "provider", "FunctionName"].iter().any(|key| map.contains(key)),
        Node::Null | Node::Bool(_) | Node::Number(_) | Node::Text(_) => false,
    }
}

impl fmt::Display for OtherDocument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OtherDocument::TravisYml => f.write_str("a whole `.travis.yml`"),
            OtherDocument::Template => f.write_str("a template of CloudFormation or SAM"),
            OtherDocument::Serverless => f.write_str("a file of the Serverless Framework"),
            OtherDocument::AwsFunction => f.write_str("a function in the form of AWS's API"),
            OtherDocument::Workflow => f.write_str("a workflow of GitHub Actions"),
            OtherDocument::GitLabCi => f.write_str("a `.gitlab-ci.yml`"),
            OtherDocument::PackageJson => f.write_str("a `package.json`"),
            OtherDocument::Wrapped(key) => write!(f, "a map with the stanza under {}", quoted(key)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_that_is_no_stanza_is_recognized() {
        let wrapped = |key: &str| Some(OtherDocument::Wrapped(key.to_owned()));
        for (text, expected) in [
            (r#"{"deploy":{"provider":"lambda","function_name":"f"}}"#, wrapped("deploy")),
            (r#"{"deploy":[{"provider":"lambda"}]}"#, wrapped("deploy")),
            (r#"{"stanza":{"function_name":"f"}}"#, wrapped("stanza")),
            (r#"{"on":"main","lambda":[{"provider":"lambda"}]}"#, wrapped("lambda")),
            (r#"{"language":"node_js","script":"make"}"#, Some(OtherDocument::TravisYml)),
            (r#"{"script":"make","deploy":{"provider":"lambda"}}"#, Some(OtherDocument::TravisYml)),
            (r#"{"jobs":{"include":[]}}"#, Some(OtherDocument::TravisYml)),
            (r#"{"Resources":{"F":{"Type":"AWS::Serverless::Function"}}}"#, Some(OtherDocument::Template)),
            (r#"{"AWSTemplateFormatVersion":"2010-09-09"}"#, Some(OtherDocument::Template)),
            (r#"{"service":"s","functions":{"f":{}}}"#, Some(OtherDocument::Serverless)),
            (r#"{"FunctionName":"f","Runtime":"nodejs22.x"}"#, Some(OtherDocument::AwsFunction)),
            (r#"{"on":"push","jobs":{"x":{"runs-on":"u","steps":[]}}}"#, Some(OtherDocument::Workflow)),
            (r#"{"stages":["x"],"deploy":{"stage":"x","script":["make"]}}"#, Some(OtherDocument::GitLabCi)),
            (r#"{"name":"x","version":"1.0.0","scripts":{"test":"x"}}"#, Some(OtherDocument::PackageJson)),
            (r#"{"x":{"stage":"x","script":"make"},"jobs":{"include":[]}}"#, Some(OtherDocument::TravisYml)),
            (r#"{"environment":{"stage":"production"}}"#, None),
            (r#"{"name":"x","version":7}"#, None),
            (r#"{"function_name":"f","deploy":{"provider":"lambda"}}"#, None),
            (r#"{"provider":"Lambda","zip":"dist","language":"node_js"}"#, None),
            (r#"{"environment":{"provider":"x"},"on":"main"}"#, None),
            (r#"{"deploy":"lambda"}"#, None),
            ("{}", None),
        ] {
            assert_eq!(OtherDocument::of(&Map::of_json(text)), expected, "{text}");
        }
    }

    #[test]
    fn every_document_is_recognized_by_these_keys_alone() {
        for text in [
            r#"{"deploy":[],"a":1}"#,
            r#"{"Resources":{}}"#,
            r#"{"functions":{},"service":"s"}"#,
            r#"{"FunctionName":"f"}"#,
            r#"{"language":"c"}"#,
        ] {
            let all = Map::of_json(text);
            let some: Map =
                KEYS.into_iter().filter_map(|key| Some((key.to_owned(), all.get(key)?.clone()))).collect();
            assert!(OtherDocument::of(&some).is_some(), "{text}");
        }
    }
}
