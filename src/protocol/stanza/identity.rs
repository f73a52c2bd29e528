//! The AWS identity that a stanza names: where its credentials come from, and the role to assume.
//! Never looks at the job, which may provide what the stanza does not name.

use super::options::Options;
use crate::protocol::secret::Secret;
use crate::protocol::text::is_variable_name;

/// The source of the credentials that a stanza names.
#[derive(Clone, Debug, PartialEq, Eq)]
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

/// Why the keys of a stanza cannot be used. They are never completed from another source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UnusableKeys {
    /// The stanza has only a part of the keys that belong together.
    Incomplete {
        /// The key that is set.
        given: &'static str,
        /// The key that is missing.
        missing: &'static str,
        /// JSON pointer to the missing key.
        at: &'static str,
    },
    /// A value contains a `$`, which no key of AWS does: it names a variable that is not set.
    Unset {
        /// The key.
        key: &'static str,
        /// The variable. `None`: the value is not only the name of a variable, and may be a secret.
        variable: Option<String>,
    },
}

/// A role that is assumed for the deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleToAssume {
    /// ARN of the role.
    pub arn: String,
    /// Name of the session. `None`: one that names the build.
    pub session_name: Option<String>,
    /// What the role is assumed with.
    pub with: RoleSource,
}

/// What a role is assumed with.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// The missing one of the keys, or the one that names a variable that is not set.
    pub(super) fn of(options: &Options) -> Result<Self, UnusableKeys> {
        const NO_ID: (&str, &str) = ("access_key_id", "/access_key_id");
        const NO_SECRET: (&str, &str) = ("secret_access_key", "/secret_access_key");
        for (key, secret) in [
            ("access_key_id", &options.access_key_id),
            ("secret_access_key", &options.secret_access_key),
            ("session_token", &options.session_token),
        ] {
            if let Some(secret) = secret.as_ref().filter(|secret| secret.expose().contains('$')) {
                return Err(UnusableKeys::Unset { key, variable: variable(secret.expose()) });
            }
        }
        let incomplete = |given, (missing, at)| Err(UnusableKeys::Incomplete { given, missing, at });
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

/// The name in a text that is `$NAME` or `${NAME}` and nothing else.
fn variable(text: &str) -> Option<String> {
    let name = text.trim().strip_prefix('$')?;
    let name = name.strip_prefix('{').and_then(|name| name.strip_suffix('}')).unwrap_or(name);
    is_variable_name(name).then(|| name.to_owned())
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
            match Stanza::of_json(stanza).identity.expect_err("a half") {
                UnusableKeys::Incomplete { missing: found, at, .. } => {
                    assert_eq!((found, at.trim_start_matches('/')), (missing, missing));
                }
                UnusableKeys::Unset { key, .. } => panic!("{key} has no `$`"),
            }
        }
    }

    #[test]
    fn a_key_with_a_dollar_sign_is_a_variable_that_is_not_set() {
        for (text, name) in [
            ("$KEY_OF_QA", Some("KEY_OF_QA")),
            ("${KEY_OF_QA}", Some("KEY_OF_QA")),
            (" $K ", Some("K")),
            ("a$hunter2", None),
            ("$hunter-2", None),
            ("${{ secrets.KEY }}", None),
            ("$(cat key)", None),
            ("$1", None),
        ] {
            for key in ["access_key_id", "secret_access_key", "session_token"] {
                let mut keys = json!({"access_key_id": "id", "secret_access_key": "secret"});
                keys[key] = json!(text);
                let expected = UnusableKeys::Unset { key, variable: name.map(str::to_owned) };
                assert_eq!(Stanza::of_json(keys).identity.expect_err(text), expected);
            }
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
