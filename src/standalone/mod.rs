//! The standalone mode: reads stanzas from a file, runs this program once for each stanza or release, and
//! forwards its events or prints them as text. Never deploys anything itself, and adds no facts to the events
//! of a run. A run is not started if Travis CI would make no such job; then the events say only that.
//!
//! In this mode the program is its own CI runner. It uses the same request and events as every other CI
//! runner.

pub(crate) mod annotations;
mod child_request;
mod child_run;
pub(crate) mod ci;
pub(crate) mod ci_log;
pub(crate) mod concourse;
mod encrypted;
mod input_error;
pub(crate) mod job_env;
mod job_selection;
mod markdown;
mod marks;
mod plan_file;
mod plugin_settings;
mod reporter;
mod result_files;
mod run_request;
mod signal_forwarder;
mod stanza_file;
pub(crate) mod terminal;
pub(crate) mod travis_yml;
pub(crate) mod variables;
pub(crate) mod yaml;

pub(crate) use child_run::{ChildRun, DIFFERS, hello, policy_of, run};
pub(crate) use input_error::InputError;
pub(crate) use markdown::MarkdownDocument;
pub(crate) use plan_file::PlanRecorder;
pub(crate) use plugin_settings::{PluginSettings, PluginStanza};
pub use reporter::ChildLine;
pub(crate) use reporter::{Locate, Reporter};
pub(crate) use result_files::ResultFiles;
pub(crate) use run_request::{RunRequest, StanzaSource, prepare};
pub(crate) use signal_forwarder::SignalForwarder;
pub(crate) use stanza_file::stanza_file;
