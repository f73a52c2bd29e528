//! Prints the document of a document command and exits the process.
//! Never writes anything to standard output except a complete document.
#![expect(clippy::disallowed_methods, reason = "reads the request with a time limit, and exits the process")]

use std::collections::HashSet;
use std::io::{self, Write};
use std::path::Path;
use std::process;
use std::time::Instant;

use super::arguments::{DocumentCommand, InitArguments, SchemaDocument, completions};
use super::panics::print_panics;
use super::settings::Settings;
use super::standalone_args::StandaloneArgs;
use super::streams::{Stdin, print_stderr};
use super::{environ, manual, nss};
use crate::cancel::CancelToken;
use crate::deploy;
use crate::diagnostics::{self, catalogue};
use crate::policy;
use crate::protocol::environment::Environment;
use crate::protocol::json::{Map, Node};
use crate::protocol::{request, schema};
use crate::standalone::job_env::{self, CiSelection};
use crate::standalone::stanza_file;

/// The document that a command prints.
///
/// # Errors
/// The message for standard error.
pub(crate) fn render(command: DocumentCommand, standalone: &StandaloneArgs) -> Result<String, String> {
    let (name, document) = match command {
        DocumentCommand::Policy => return policy(standalone),
        DocumentCommand::Init(arguments) => {
            standalone.reject_standalone_options("init");
            return init(arguments, standalone.ci_selection());
        }
        DocumentCommand::Explain { code } => {
            ("explain", code.map_or_else(|| Ok(catalogue::list()), |code| catalogue::entry(&code)))
        }
        DocumentCommand::Schema { document, editor } => ("schema", Ok(schema(document, editor))),
        DocumentCommand::Completions { shell } => ("completions", Ok(completions(shell))),
        DocumentCommand::Manual => ("manual", Ok(manual::page())),
    };
    standalone.reject_standalone_options(name);
    document
}

/// Prints the document and exits the process. If there is no document, only standard error gets a line.
pub(crate) fn print_and_exit(document: Result<String, String>) -> ! {
    let mut stdout = io::stdout();
    let written = document.and_then(|text| {
        let written = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
        written.map_err(|error| format!("cannot write to standard output: {error}"))
    });
    let Err(line) = written else { process::exit(0) };
    print_stderr(&line);
    process::exit(2)
}

/// The JSON Schema of a document, formatted. Only users write stanzas, so only their schemas have a variant
/// for editors.
fn schema(document: SchemaDocument, for_editors: bool) -> String {
    let schema = match (document, for_editors) {
        (SchemaDocument::Stanza, false) => schema::stanza(),
        (SchemaDocument::Stanza, true) => schema::editor_stanza(),
        (SchemaDocument::TravisYml, false) => schema::travis_yml(),
        (SchemaDocument::TravisYml, true) => schema::editor_travis_yml(),
        (SchemaDocument::Request, _) => schema::request(),
        (SchemaDocument::Event, _) => schema::event(),
        (SchemaDocument::Plan, _) => schema::plan(),
    };
    format!("{schema:#}\n")
}

/// The policy for the stanza on standard input, or one for all stanzas of a list. Notes about what it does
/// not cover go to standard error, each one once.
fn policy(standalone: &StandaloneArgs) -> Result<String, String> {
    let settings = Settings::from_env();
    if let Some(text) = standalone.policy(settings.bash_options)? {
        return Ok(text);
    }
    let request = request::read(Stdin { deadline: Instant::now() + settings.input_limit });
    let refused = |error| diagnostics::from_request(error, settings.input_limit).lines().join("; ");
    let request = request.map_err(refused)?;
    // The region may come from the job's `~/.aws`, but never from the CI runner's.
    let env = environ::enter(request.env);
    let is_list = request.stanzas.is_list();
    let (mut documents, mut notes) = (Vec::new(), Vec::new());
    for (index, stanza) in request.stanzas.into_vec().iter().enumerate() {
        let policy = deploy::policy(stanza, &env).map_err(|error| match is_list {
            true => format!("stanza {index}: {}", error.message),
            false => error.message,
        })?;
        documents.push(policy.document);
        notes.extend(policy.notes);
    }
    let mut printed = HashSet::new();
    notes.iter().filter(|note| printed.insert(*note)).for_each(|note| print_stderr(note));
    Ok(policy::merged(documents).to_text())
}

/// The stanza of a live function, as a `.travis.yml`. The environment of the process is that of the job.
fn init(arguments: InitArguments, ci: CiSelection) -> Result<String, String> {
    print_panics(2);
    nss::resolve_without_modules();
    let settings = Settings::from_env();
    settings.start_log();
    let job = environ::own_job(given(arguments), &settings);
    let branch = branch(&job.env, ci, &job.directory);
    let stanza = deploy::init(&job, &branch).map_err(|report| report.lines().join("; "))?;
    Ok(stanza_file(&stanza))
}

/// The options of `init` as the stanza that names the function.
fn given(arguments: InitArguments) -> Map {
    let InitArguments { function, alias, zip, region, profile } = arguments;
    let function = Some(function);
    let keys = [
        ("function_name", function),
        ("alias", alias),
        ("zip", zip),
        ("region", region),
        ("profile", profile),
    ];
    keys.into_iter().filter_map(|(key, value)| Some((key.to_owned(), Node::Text(value?)))).collect()
}

/// The branch of the build or of the checkout. If there is none, or if bash would not read its name as plain
/// text, it is `main`.
fn branch(env: &Environment, ci: CiSelection, directory: &Path) -> String {
    let job_env = job_env::detect(env, ci, directory, &CancelToken::new()).ok();
    let branch = job_env.map(|job_env| job_env.for_job(&[]).expand("TRAVIS_BRANCH").into_owned());
    let is_plain = |branch: &String| {
        !branch.is_empty() && branch.chars().all(|c| c.is_ascii_alphanumeric() || "._/-".contains(c))
    };
    branch.filter(is_plain).unwrap_or_else(|| "main".to_owned())
}
