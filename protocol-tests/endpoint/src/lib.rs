//! Answers HTTP requests on a loopback port as AWS Lambda's control plane, CloudWatch and CodeDeploy would.
//! Never listens on an address other than 127.0.0.1, never runs a function's code, and keeps no state after
//! it is dropped.
//!
//! ```text
//!  socket ─▶ http ─▶ fault? ─▶ document ─▶ dispatch ─ operations ─▶ function
//!    ▲     (server)  (fault)               (sigv4,    (one file      (states,
//!    │                                      route,     a subject)     versions)
//!    └────────────── answer ◀────────────── iam)
//! ```
//!
//! | topic | where |
//! |---|---|
//! | public API for tests | [`Endpoint`], [`Settings`], [`Fault`], [`Invocation`], [`Call`], [`Alarm`], [`Metrics`], [`DeploymentGroup`] |
//! | AWS's error messages | `refusal.rs` |
//! | path of each operation | `route.rs` |
//! | services other than Lambda: signature, IAM and protocol | `service.rs`, `cbor.rs` |
//! | CloudWatch's alarms and metrics | `cloud_watch.rs`, `alarm.rs`, `metrics.rs` |
//! | states (Pending, InProgress, Failed) and when they end | `function.rs` |
//! | effect of each request member on a function | `configuration.rs` |
//! | layers, whose versions functions name without a check | `layer.rs` |
//! | request validation | `checks.rs` with `constraints.rs` and `shapes.rs`, `archive.rs` |
//! | deployments of CodeDeploy, which shift the traffic of an alias | `codedeploy/` |
//! | policy evaluation, and the permissions that a request needs | `iam.rs`, `permissions.rs` |
//! | request quotas, and which calls a fault affects | `rate.rs`, `script.rs` |
//! | connections that a fault cuts | `server.rs`; only it and `endpoint.rs` handle sockets |
//!
//! From `dispatch.rs` down, every result depends only on the request and the time passed in. Tests of these
//! modules need no socket and no sleep.
//!
//! ```
//! use lambda_endpoint::{Endpoint, Settings};
//!
//! let endpoint = Endpoint::start(Settings::default())?;
//! assert!(endpoint.url().starts_with("http://127.0.0.1:"));
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! Sources: the texts were recorded from AWS. Paths, statuses and limits come from botocore's model of
//! Lambda, API version 2015-03-31. A comment marks each text that is known only from AWS's documentation or
//! from users' reports.

mod account;
mod alarm;
mod archive;
mod cbor;
mod checks;
mod cloud_watch;
mod codedeploy;
mod configuration;
mod constraints;
mod dispatch;
mod document;
mod endpoint;
mod event_source;
mod fault;
mod fixture;
mod function;
mod function_name;
mod http;
mod iam;
mod ids;
mod invocation;
mod layer;
mod metrics;
mod moment;
mod operations;
mod permission;
mod permissions;
mod rate;
mod refusal;
mod route;
mod runtimes;
mod script;
mod server;
mod service;
mod settings;
mod shapes;
mod sigv4;
mod uri;

#[cfg(test)]
mod scenario;
#[cfg(test)]
mod tests;

pub use alarm::{Alarm, Fires};
pub use codedeploy::group::DeploymentGroup;
pub use endpoint::Endpoint;
pub use fault::{Fault, FaultKind};
pub use invocation::Invocation;
pub use metrics::Metrics;
pub use server::Call;
pub use settings::Settings;
