//! The AWS identity that a stanza names: where its credentials come from, and the role to assume.
//! Never looks at the job, which may provide what the stanza does not name.

use super::options::Options;
use crate::protocol::secret::Secret;

/// The source of the credentials that a stanza names.
#[derive(Clone, Debug)]
pub enum StanzaIdentity {
    /// It names none, so the job provides them.
    Job,
    /// Its own keys.
    Keys {
        /// The access key ID.
        access_key_id: Secret,
        /// The secret access key.
        secret_access_key: Secret,
        /// The session token of temporary credentials.
        session_token: Option<Secret>,
    },
    /// A profile of the job's `~/.aws` files, by its name.
    Profile(String),
}

/// A stanza has only a part of the keys that belong together. They are never completed from another source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IncompleteKeys {
    /// The key that is set.
    pub given: &'static str,
    /// The key that is missing.
    pub missing: &'static str,
    /// JSON pointer to the missing key.
    pub at: &'static str,
}

/// A role that is assumed for the deployment.
#[derive(Clone, Debug)]
pub struct RoleToAssume {
    /// ARN of the role.
    pub arn: String,
    /// Name of the session. `None`: one that names the build.
    pub session_name: Option<String>,
    /// What the role is assumed with.
    pub with: RoleSource,
}

/// What a role is assumed with.
#[derive(Clone, Debug)]
pub enum RoleSource {
    /// The credentials of the stanza or of the job.
    Credentials {
        /// The external ID that the trust policy of the role requires.
        external_id: Option<String>,
    },
    /// An OpenID Connect token.
    WebIdentity {
        /// The variable of the job that holds the token.
        variable: String,
    },
}

impl StanzaIdentity {
    /// The identity that valid options name.
    ///
    /// # Errors
    /// The missing one of the keys.
    pub(super) fn of(options: &Options) -> Result<Self, IncompleteKeys> {
        const NO_ID: (&str, &str) = ("access_key_id", "/access_key_id");
        const NO_SECRET: (&str, &str) = ("secret_access_key", "/secret_access_key");
        let incomplete = |given, (missing, at)| Err(IncompleteKeys { given, missing, at });
        match (&options.access_key_id, &options.secret_access_key, &options.session_token) {
            (Some(id), Some(secret), token) => Ok(StanzaIdentity::Keys {
                access_key_id: id.clone(),
                secret_access_key: secret.clone(),
                session_token: token.clone(),
            }),
            (Some(_), None, _) => incomplete("access_key_id", NO_SECRET),
            (None, Some(_), _) => incomplete("secret_access_key", NO_ID),
            (None, None, Some(_)) => incomplete("session_token", NO_ID),
            (None, None, None) => {
                Ok(options.profile.clone().map_or(StanzaIdentity::Job, StanzaIdentity::Profile))
            }
        }
    }
}

impl RoleToAssume {
    /// The role that valid options name. `None`: they name none.
    pub(super) fn of(options: &Options) -> Option<Self> {
        let with = match options.web_identity_token_env.clone() {
            Some(variable) => RoleSource::WebIdentity { variable },
            None => RoleSource::Credentials { external_id: options.external_id.clone() },
        };
        let arn = options.role_to_assume.clone()?;
        Some(RoleToAssume { arn, session_name: options.role_session_name.clone(), with })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::protocol::stanza::Stanza;

    #[test]
    fn half_a_pair_names_the_missing_half() {
        for (stanza, missing) in [
            (json!({"access_key_id": "x"}), "secret_access_key"),
            (json!({"secret_access_key": "x"}), "access_key_id"),
            (json!({"session_token": "x"}), "access_key_id"),
        ] {
            let incomplete = Stanza::of_json(stanza).identity.expect_err("a half");
            assert_eq!((incomplete.missing, incomplete.at.trim_start_matches('/')), (missing, missing));
        }
    }

    #[test]
    fn keys_without_a_token_have_none() {
        let keys = json!({"access_key_id": "id", "secret_access_key": "secret"});
        let identity = Stanza::of_json(keys).identity.expect("both keys");
        assert!(matches!(identity, StanzaIdentity::Keys { session_token: None, .. }), "{identity:?}");
    }

    #[test]
    fn a_role_is_assumed_with_a_token_or_with_credentials() {
        let role = |stanza| Stanza::of_json(stanza).role_to_assume.expect("a role");
        let token = role(json!({"role_to_assume": "r", "web_identity_token_env": "T"}));
        assert!(matches!(token.with, RoleSource::WebIdentity { variable } if variable == "T"));
        let credentials = role(json!({"role_to_assume": "r", "external_id": "e"}));
        let external_id = Some("e".to_owned());
        assert!(matches!(credentials.with, RoleSource::Credentials { external_id: id } if id == external_id));
        assert!(Stanza::of_json(json!({})).role_to_assume.is_none());
    }
}
