//! Tests the crate as its callers use it: the account through its answers, the sockets with raw HTTP
//! requests. Never tests private details: those tests are beside the code.

mod aliases;
mod cloud_watch;
mod codedeploy;
mod concurrency;
mod concurrent_changes;
mod event_invoke;
mod event_sources;
mod functions;
mod invoke;
mod layers;
mod managed;
mod permissions;
mod policy;
mod provisioned;
mod recursion;
mod runtime_management;
mod scripted;
mod settings;
mod signing;
mod sockets;
mod states;
mod tags;
mod urls;
mod versions;
