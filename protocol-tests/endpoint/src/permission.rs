//! Defines a permission: an action on a resource, with the condition keys of the call.

use crate::iam::Context;
use crate::settings::Settings;

/// One action on one resource, as a policy names them.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Permission {
    /// The action, such as `lambda:GetFunction`.
    pub(crate) action: String,
    /// An ARN, or `*` for an action without a resource.
    pub(crate) resource: String,
    pub(crate) context: Context,
    /// What EC2's error message also names, such as `sg-1`; empty for other services.
    pub(crate) about: String,
}

impl Permission {
    pub(crate) fn new(action: &str, resource: &str, context: Context) -> Permission {
        Permission { action: action.to_owned(), resource: resource.to_owned(), context, about: String::new() }
    }
}

/// Returns the condition keys of every call ("AWS global condition context keys", IAM guide). The endpoint
/// claims to use TLS.
pub(crate) fn everywhere(settings: &Settings) -> Context {
    let mut context = Context::new();
    add(&mut context, "aws:PrincipalAccount", &[&settings.account]);
    add(&mut context, "aws:RequestedRegion", &[&settings.region]);
    add(&mut context, "aws:SecureTransport", &["true"]);
    context
}

/// Adds a key. Does nothing without a value, because IAM treats the key as absent then.
pub(crate) fn add(context: &mut Context, key: &str, values: &[&str]) {
    if !values.is_empty() {
        context.push((key.to_owned(), values.iter().map(|&value| value.to_owned()).collect()));
    }
}
