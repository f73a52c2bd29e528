//! The stanza's schema in, that of a whole `.travis.yml` out, with the stanza wherever Travis CI takes a deployment.
//! Never judges anything else in the file: other keys and other providers' stanzas are open.

use serde_json::{Value, json};

use super::{in_any_case, snippets};

/// Puts `stanza` below `deploy`, at the top and in the jobs.
pub(in crate::protocol) fn around(mut stanza: Value) -> Value {
    let draft = stanza["$schema"].take();
    let mut definitions = stanza["definitions"].take();
    let root = stanza.as_object_mut().expect("an object's schema");
    root.remove("$schema");
    root.remove("definitions");
    // Whoever has typed `provider: lambda` has begun already.
    root.remove("defaultSnippets");
    definitions["Stanza"] = stanza;
    definitions["Deployment"] = deployment();
    definitions["Deployments"] = json!({
        "title": "Deployment",
        "description": "What is deployed after a successful build: one stanza, or a list of them.",
        "items": {"$ref": "#/definitions/Deployment"},
        "if": {"type": "object"},
        "then": {"$ref": "#/definitions/Deployment"},
        "else": {"if": {"type": "array"}, "else": {"defaultSnippets": snippets::stanza()}},
    });
    definitions["Job"] = json!({
        "type": ["object", "null"],
        "properties": {"deploy": {"$ref": "#/definitions/Deployments"}},
    });
    definitions["Jobs"] = json!({
        "type": ["object", "array", "null"],
        "items": {"$ref": "#/definitions/Job"},
        "properties": {"include": {
            "type": ["array", "object", "null"],
            "items": {"$ref": "#/definitions/Job"},
            "if": {"type": "object"},
            "then": {"$ref": "#/definitions/Job"},
        }},
    });
    json!({
        "$schema": draft,
        "title": ".travis.yml with AWS Lambda deployments",
        "description": "Travis CI's configuration. Only its stanzas for the provider `lambda` are looked at.",
        "type": ["object", "null"],
        "properties": {
            "deploy": {"$ref": "#/definitions/Deployments"},
            "jobs": {"$ref": "#/definitions/Jobs"},
            "matrix": {"$ref": "#/definitions/Jobs"},
        },
        "definitions": definitions,
    })
}

/// A stanza of whatever provider.
fn deployment() -> Value {
    let lambda = format!("^{}$", in_any_case("lambda"));
    let provider = json!({
        "title": "Provider",
        "description": "Where to deploy to: `lambda`, or another provider of Travis CI.",
        "markdownDescription": "Where to deploy to: `lambda`, or another provider of Travis CI.",
        "anyOf": [{"enum": ["lambda"], "enumDescriptions": ["An AWS Lambda function."]}, {}],
    });
    json!({
        "if": {"type": "object", "required": ["provider"], "properties": {"provider": {"type": "string", "pattern": lambda}}},
        "then": {"$ref": "#/definitions/Stanza"},
        // A whole stanza is offered as long as there is no provider yet.
        "else": {
            "properties": {"provider": provider},
            "if": {"type": "object", "required": ["provider"]},
            "else": {"defaultSnippets": snippets::stanza()},
        },
    })
}
