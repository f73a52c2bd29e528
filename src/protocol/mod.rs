//! The protocol between dpl-lambda and runners: the request, the events, and the JSON Schemas of both.
//! Other programs may depend on this module. Nothing in it accesses AWS, files or the clock.

pub mod approved_plan;
pub mod branches;
pub(crate) mod editor;
mod env_bytes;
pub mod environment;
pub mod error;
pub mod event;
mod guard;
pub mod json;
mod keys;
pub mod layer;
pub mod limits;
pub mod messages;
pub mod name;
mod on;
pub mod other_document;
pub mod pair_limits;
pub(crate) mod pairs;
mod plan_basis;
pub mod policy_document;
pub mod regions;
pub mod request;
pub mod runtimes;
pub mod schema;
mod schema_types;
pub mod secret;
pub(crate) mod secret_names;
pub mod stanza;
mod stanza_reader;
pub mod step;
pub mod structures;
pub mod suggest;
pub(crate) mod text;
pub(crate) mod text_form;
pub mod version_check;
