//! Defines credentials that were found, and renews them. It adds all of them to the known secrets before they
//! are used.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError as SdkCredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};

use super::credentials_error::{CredentialsError, RenewalFailed};
use crate::protocol::event::CredentialsSource;
use crate::protocol::secret::{KnownSecrets, Secret};

/// Time limit for a renewal. The SDK sets none.
const RENEWAL_LIMIT: Duration = Duration::from_secs(60);

/// Credentials, and the provider that renews them.
#[derive(Debug)]
pub(super) struct ResolvedCredentials {
    pub(super) credentials: Credentials,
    pub(super) source: CredentialsSource,
    /// Name of the profile. `None`: they come from no profile.
    pub(super) profile: Option<String>,
    /// Returns new credentials when these expire. `None`: they do not expire, or cannot be renewed.
    pub(super) provider: Option<SharedCredentialsProvider>,
}

impl ResolvedCredentials {
    pub(super) fn fixed(credentials: Credentials, source: CredentialsSource) -> Self {
        ResolvedCredentials { credentials, source, profile: None, provider: None }
    }

    /// Refuses credentials with a control character, such as a line break at the end of a variable. The SDK
    /// panics at one in the access key ID, and takes one in the session token for a failure of the network.
    pub(super) fn checked(self) -> Result<Self, CredentialsError> {
        match invalid_part(&self.credentials) {
            Some(part) => Err(CredentialsError::ControlCharacter { part, origin: self.source }),
            None => Ok(self),
        }
    }

    /// The credential provider for the SDK: it returns these credentials first, and renewed ones when they
    /// expire. It adds all of them to `known_secrets` before it returns them.
    pub(super) fn into_provider(self, known_secrets: &KnownSecrets) -> SharedCredentialsProvider {
        add_secrets(known_secrets, &self.credentials);
        match self.provider {
            None => SharedCredentialsProvider::new(self.credentials),
            Some(provider) => {
                let first = Mutex::new(Some(self.credentials));
                SharedCredentialsProvider::new(FirstThenProvider {
                    first,
                    provider,
                    known_secrets: known_secrets.clone(),
                })
            }
        }
    }
}

/// Adds to `known_secrets` the parts of `credentials` that must never be shown.
pub(super) fn add_secrets(known_secrets: &KnownSecrets, credentials: &Credentials) {
    let keys = [credentials.access_key_id(), credentials.secret_access_key()];
    known_secrets.add(keys.into_iter().chain(credentials.session_token()).map(Secret::new));
}

/// The first part of `credentials` that contains a control character, by its name in a stanza.
fn invalid_part(credentials: &Credentials) -> Option<&'static str> {
    let parts = [
        ("access_key_id", credentials.access_key_id()),
        ("secret_access_key", credentials.secret_access_key()),
        ("session_token", credentials.session_token().unwrap_or_default()),
    ];
    let invalid = parts.into_iter().find(|(_, value)| value.bytes().any(|byte| byte.is_ascii_control()));
    invalid.map(|(name, _)| name)
}

/// Returns the first credentials once, then asks the provider for new ones. Asking the provider immediately
/// would start a profile's process a second time.
#[derive(Debug)]
struct FirstThenProvider {
    first: Mutex<Option<Credentials>>,
    provider: SharedCredentialsProvider,
    known_secrets: KnownSecrets,
}

impl ProvideCredentials for FirstThenProvider {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        match self.first.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(credentials) => future::ProvideCredentials::ready(Ok(credentials)),
            None => future::ProvideCredentials::new(async {
                let renewed = tokio::time::timeout(RENEWAL_LIMIT, self.provider.provide_credentials()).await;
                let failed = |error| SdkCredentialsError::provider_error(RenewalFailed::of(&error));
                let renewed = match renewed {
                    Ok(renewed) => renewed.map_err(failed),
                    Err(_) => Err(failed(SdkCredentialsError::provider_timed_out(RENEWAL_LIMIT))),
                };
                renewed.iter().for_each(|credentials| add_secrets(&self.known_secrets, credentials));
                match renewed.as_ref().ok().and_then(invalid_part) {
                    Some(part) => Err(failed(SdkCredentialsError::provider_error(format!(
                        "`{part}` of the new credentials contains a line break or another control character"
                    )))),
                    None => renewed,
                }
            }),
        }
    }
}
