//! HTTP requests on a loopback port in, answers as AWS Lambda's control plane would give them out.
//! Never listens beyond 127.0.0.1, never runs a function's code, keeps nothing once it is dropped.
//!
//! ```text
//!  socket ─▶ http ─▶ fault? ─▶ document ─▶ account ── operations ─▶ function
//!    ▲     (server)  (fault)               (sigv4,    (one file      (states,
//!    │                                      route,     a subject)     versions)
//!    └────────────── answer ◀────────────── iam)
//! ```
//!
//! | where is … | |
//! |---|---|
//! | what tests call | [`Endpoint`], [`Settings`], [`Fault`], [`Invocation`], [`Call`] |
//! | every sentence that AWS says | `refusal.rs` |
//! | the address of an operation | `route.rs` |
//! | Pending, InProgress, Failed, and when they end | `function.rs` |
//! | what a member of a request does to a function | `configuration.rs` |
//! | what AWS refuses | `checks.rs` with `constraints.rs` and `shapes.rs`, `archive.rs` |
//! | what a policy allows, and which permissions a request needs | `iam.rs`, `permissions.rs` |
//! | how many calls a second, and which of them a fault strikes | `rate.rs`, `script.rs` |
//! | the socket that is cut | `server.rs`, the one place besides `endpoint.rs` that knows sockets |
//!
//! Everything from `account.rs` down is a function of the request and the moment: tests of it need neither socket nor sleep.
//!
//! ```
//! use lambda_endpoint::{Endpoint, Settings};
//!
//! let endpoint = Endpoint::start(Settings::default())?;
//! assert!(endpoint.url().starts_with("http://127.0.0.1:"));
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! Sources: texts were recorded from AWS; addresses, statuses and limits those of botocore's
//! model of Lambda, API version 2015-03-31. A text known only from AWS's documentation or from people's reports says so where it stands.

mod account;
mod archive;
mod checks;
mod configuration;
mod constraints;
mod document;
mod endpoint;
mod fault;
mod fixture;
mod function;
mod function_name;
mod http;
mod iam;
mod ids;
mod invocation;
mod moment;
mod operations;
mod permissions;
mod rate;
mod refusal;
mod route;
mod runtimes;
mod script;
mod server;
mod settings;
mod shapes;
mod sigv4;
mod uri;

#[cfg(test)]
mod stand;
#[cfg(test)]
mod tests;

pub use endpoint::Endpoint;
pub use fault::{Fault, FaultKind};
pub use invocation::Invocation;
pub use server::Call;
pub use settings::Settings;
