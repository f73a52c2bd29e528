//! Describes a live function as a stanza: the command `init`. Never changes anything at AWS.
//!
//! A value that the reader of stanzas would read as another one is left out, so that a plan of the stanza has
//! no difference. This is checked with the reader and the plan themselves.

use serde_json::{Map as JsonMap, Value};

use super::aws::Aws;
use super::context::Context;
use super::inspect::inspect;
use super::job::Job;
use super::plan::failed;
use crate::cancel::CancelToken;
use crate::code_source::{Code, Delivery, Object};
use crate::diagnostics;
use crate::function::{DesiredFunction, LiveFunction, StanzaContext, WrittenStanza};
use crate::lambda;
use crate::options;
use crate::plan::plan;
use crate::protocol::environment::Environment;
use crate::protocol::error::ErrorReport;
use crate::protocol::json::{self, Map, Node};
use crate::protocol::stanza;

/// Reads the function that the stanza of `job` names, and writes its stanza, which deploys the branch
/// `branch`. Of the stanza of `job`, only `function_name`, `region`, `profile`, `alias` and `zip` are used.
///
/// # Errors
/// All problems of these keys, credentials that cannot be used, and a function that does not exist or cannot
/// be read.
pub(crate) fn init(job: &Job, branch: &str) -> Result<WrittenStanza, ErrorReport> {
    inspect(job, &job.stanza, &CancelToken::new(), |aws| describe(aws, branch))
}

/// Reads the function and writes its stanza.
fn describe(aws: &Aws<'_>, branch: &str) -> Result<WrittenStanza, ErrorReport> {
    let (context, name) = (aws.context, aws.context.name);
    let region = aws.identity.region.as_str();
    let not_found = || diagnostics::from_no_function(name.as_str(), region, &context.redaction.variables);
    let mut live = aws.call(aws.lambda.read_live(name))?.ok_or_else(not_found)?.live;
    let alias = context.stanza.first_alias();
    let denied = aws.call(aws.lambda.read_whole(name, &mut live, alias))?;
    let mut written = WrittenStanza::of(
        &live,
        &StanzaContext {
            function_name: name,
            region,
            alias,
            zip: context.stanza.zip.iter().flatten().next().map_or(".", String::as_str),
            branch,
            defaults: &lambda::default_settings(name.name()),
            denied: &denied,
            redactor: &context.redactor(),
        },
    );
    loop {
        let differing = differing_keys(context, &written, &live)?;
        if differing.is_empty() {
            return Ok(written);
        }
        differing.into_iter().for_each(|key| written.leave_out(key));
    }
}

/// Keys that do not describe a setting of the function itself, or that depend on `alias`: whether a
/// deployment moves an alias also depends on its versions, and has a comment.
const NO_SETTINGS: [&str; 4] =
    ["alias", "alias_description", "event_invoke_config", "provisioned_concurrency"];

/// The keys of a stanza that is refused for them, or that a deployment would change at `live`.
fn differing_keys(
    context: &Context<'_>,
    written: &WrittenStanza,
    live: &LiveFunction,
) -> Result<Vec<&'static str>, ErrorReport> {
    let variables = written.variables.iter();
    let env: Environment =
        variables.map(|variable| (variable.name.as_str(), variable.value.expose())).collect();
    let resolved = options::resolve(&as_map(written), &env, &context.job.directory, context.stop);
    let read = stanza::read(&resolved.stanza);
    let problems = read.problems().iter().chain(&resolved.problems);
    let mut differing: Vec<String> = problems
        .filter_map(|problem| problem.at.as_deref())
        .map(|at| at.trim_start_matches('/').split('/').next().unwrap_or_default().to_owned())
        .collect();
    if let Ok(stanza) = &read.stanza {
        let desired = DesiredFunction::of(stanza, stanza.function_name.clone(), None);
        let plan = plan(&desired, &live_code(live), Some(live)).map_err(|error| failed(context, error))?;
        let changes = plan.steps.iter().flat_map(|step| &step.changes);
        // A missing permission of a public URL has a comment.
        let fields = changes.map(|change| change.field.as_str());
        let is_permission =
            |field: &str| field.starts_with("function_url.") && field.contains(".permission.lambda:");
        let fields = fields.filter(|field| !is_permission(field));
        differing.extend(fields.map(|field| match field.split('.').next() {
            Some("handler") => "handler_name".to_owned(),
            first => first.unwrap_or_default().to_owned(),
        }));
    }
    let keys = written.keys.iter().map(|key| key.name);
    Ok(keys.filter(|name| differing.iter().any(|differing| differing == name)).collect())
}

/// The settings of a written stanza as the map that its file contains.
fn as_map(written: &WrittenStanza) -> Map {
    let keys = written.keys.iter().filter(|key| !NO_SETTINGS.contains(&key.name));
    let object: JsonMap<String, Value> = keys.map(|key| (key.name.to_owned(), key.value.clone())).collect();
    match json::parse(Value::Object(object).to_string().as_bytes()) {
        Ok(Node::Map(map)) => map,
        // It has fewer values than a request may have: AWS limits each list and map.
        Ok(_) | Err(_) => Map::default(),
    }
}

/// The code that the function runs, as if it was deployed again.
fn live_code(live: &LiveFunction) -> Code {
    if live.image.is_some() {
        return Code::default();
    }
    // Where the code is does not matter if its hash is that of the live code.
    let object = Object { bucket: String::new(), key: String::new(), version: None };
    let (sha256, delivery) = (Some(live.code_sha256.clone()), Some(Delivery::Object(object)));
    Code { sha256, delivery, ..Code::default() }
}
