//! Wraps the schema of a stanza into a schema of a whole `.travis.yml`. The stanza is valid wherever Travis
//! CI takes a deployment. Never restricts anything else in the file: all other keys and the stanzas of other
//! providers are valid.

use serde_json::{Value, json};

use super::{remove, snippets};
use crate::protocol::text::in_any_case;

/// The schema of a `.travis.yml` with `stanza` under `deploy`, at the top level and in jobs.
pub(in crate::protocol) fn wrap(mut stanza: Value) -> Value {
    let draft = remove(&mut stanza, "$schema");
    let mut definitions = remove(&mut stanza, "definitions").unwrap_or_default();
    // A user who has typed `provider: lambda` needs no snippet to begin with.
    remove(&mut stanza, "defaultSnippets");
    definitions["Stanza"] = stanza;
    definitions["Deployment"] = deployment();
    definitions["Deployments"] = json!({
        "title": "Deployment",
        "description": "What to deploy after a successful build: one stanza or a list of stanzas.",
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
        "description":
            "Configuration of Travis CI. This schema checks only the stanzas for the provider `lambda`.",
        "type": ["object", "null"],
        "properties": {
            "deploy": {"$ref": "#/definitions/Deployments"},
            "jobs": {"$ref": "#/definitions/Jobs"},
            "matrix": {"$ref": "#/definitions/Jobs"},
        },
        "definitions": definitions,
    })
}

/// A stanza of any provider.
fn deployment() -> Value {
    let lambda = format!("^{}$", in_any_case("lambda"));
    let provider = json!({
        "title": "Provider",
        "description": "Deployment provider: `lambda` or another provider of Travis CI.",
        "markdownDescription": "Deployment provider: `lambda` or another provider of Travis CI.",
        "anyOf": [{"enum": ["lambda"], "enumDescriptions": ["An AWS Lambda function."]}, {}],
    });
    json!({
        "if": {
            "type": "object",
            "required": ["provider"],
            "properties": {"provider": {"type": "string", "pattern": lambda}},
        },
        "then": {"$ref": "#/definitions/Stanza"},
        // Whole stanzas are offered until there is a provider.
        "else": {
            "properties": {"provider": provider},
            "if": {"type": "object", "required": ["provider"]},
            "else": {"defaultSnippets": snippets::stanza()},
        },
    })
}
