//! AWS client of a deployment: connects, reads the live function, applies one step and waits until the step
//! has taken effect. It never decides what to change; the plan does. Effect: sends requests to AWS.

mod alias;
mod apply;
mod archive_body;
mod archive_interceptor;
mod bucket;
mod call;
mod client;
mod connect;
mod credentials;
mod credentials_error;
mod deploy_state;
mod error;
mod error_texts;
mod http;
mod live_state;
mod poll_backoff;
mod read;
mod request;
mod request_recorder;
mod resolved_credentials;
mod roles;
mod timeouts;
mod transient_error;
mod versions;

pub use alias::ShiftOutcome;
pub use client::{Applied, Lambda};
pub use connect::{Identity, connect, default_region, named_region};
pub use credentials_error::CredentialsError;
pub use deploy_state::DeployState;
pub use error::{CallError, CallErrorKind, Cause, LambdaError, StateReason};
pub use error_texts::error_texts;
pub use live_state::{ANOTHER_UPDATE, ExtraReads, LiveState};
pub use versions::VersionReads;
