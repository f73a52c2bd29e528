//! AWS client of a deployment: connects, reads the live function, applies one step and waits until the step
//! has taken effect. It never decides what to change; the plan does. Effect: sends requests to AWS.

mod alias;
mod apply;
mod archive_body;
mod archive_interceptor;
mod bucket;
mod bypass;
mod call;
mod client;
#[cfg_attr(not(feature = "codedeploy"), path = "no_codedeploy.rs")]
mod codedeploy;
mod connect;
mod credential_files;
mod credentials;
mod credentials_error;
mod deploy_state;
mod deployment;
mod error;
mod error_texts;
#[cfg_attr(not(feature = "cloudwatch"), path = "no_guard_reads.rs")]
mod guard_reads;
mod http;
mod layer;
mod live_state;
mod pace;
mod poll_backoff;
mod profile;
mod profile_credentials;
mod read;
mod request;
mod request_recorder;
mod resolved_credentials;
mod roles;
mod scaling;
mod timeouts;
mod transient_error;
mod version_use;
mod versions;
mod whole_function;

pub(crate) use alias::ShiftOutcome;
pub(crate) use bypass::BypassReads;
pub(crate) use client::{Applied, Lambda};
pub(crate) use connect::{Identity, IdentityKey, Session, default_region, log_in, named_region};
pub(crate) use credentials_error::CredentialsError;
pub(crate) use deploy_state::DeployState;
pub(crate) use error::{
    CallError, CallErrorKind, Cause, FailedDeployment, LambdaError, MissingResource, StateReason,
};
pub(crate) use error_texts::error_texts;
pub(crate) use live_state::{ANOTHER_UPDATE, ExtraReads, LiveState};
pub(crate) use pace::Pace;
pub(crate) use read::default_settings;
pub(crate) use versions::VersionReads;
