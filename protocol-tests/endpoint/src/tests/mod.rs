//! The crate as callers see it: the account by its answers, the sockets by a client of raw bytes.
//! Never a private detail: those are tested beside the code.

mod aliases;
mod concurrency;
mod functions;
mod invoke;
mod meddling;
mod permissions;
mod policy;
mod provisioned;
mod scripted;
mod settings;
mod signing;
mod sockets;
mod states;
mod tags;
mod urls;
mod versions;
