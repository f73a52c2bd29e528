//! Checks the files that the SDK reads for credentials, before it reads them. It rejects pipes, devices and
//! huge files: the SDK would read them to the end. It adds the keys and tokens in them to the known secrets.

use std::borrow::Cow;
use std::io::{self, ErrorKind};
use std::path::Path;

use serde_json::Value;

use super::credentials_error::CredentialsError;
use crate::bounded_read;
use crate::options::profile_files;
use crate::protocol::environment::Environment;
use crate::protocol::secret::{KnownSecrets, Secret};

/// Members of a session's file that are not secret, in any letter case. Those that the AWS CLI may add are.
const OPEN_MEMBERS: [&str; 7] =
    ["accountId", "clientId", "expiresAt", "region", "registrationExpiresAt", "startUrl", "tokenType"];

/// Checks the job's `~/.aws` files, and the token files that they or the job's variables name.
///
/// # Errors
/// [`CredentialsError::BadFile`].
pub(super) fn check(env: &Environment, known_secrets: &KnownSecrets) -> Result<(), CredentialsError> {
    let mut tokens: Vec<String> =
        env.get("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE").map(Cow::into_owned).into_iter().collect();
    for path in profile_files(env) {
        let profiles = String::from_utf8_lossy(&content(&path)?).into_owned();
        known_secrets.add(keys(&profiles));
        tokens.extend(token_files(&profiles));
    }
    for path in tokens {
        known_secrets.add([Secret::new(String::from_utf8_lossy(&content(&path)?).trim())]);
    }
    Ok(())
}

/// Checks the file in which the AWS CLI keeps a session. Returns false if it does not exist.
///
/// # Errors
/// [`CredentialsError::BadFile`].
pub(super) fn check_session(path: &str, known_secrets: &KnownSecrets) -> Result<bool, CredentialsError> {
    let read = bounded_read::read(Path::new(path));
    let exists = read.as_ref().err().is_none_or(|error| error.kind() != ErrorKind::NotFound);
    let mut secrets = Vec::new();
    // The SDK reports a file that is not JSON, and quotes nothing of it.
    if let Ok(session) = serde_json::from_slice(&unless_bad(path, read)?) {
        collect_secrets(session, &mut secrets);
    }
    known_secrets.add(secrets);
    Ok(exists)
}

/// Collects the strings in a session's file that can be secret.
fn collect_secrets(value: Value, secrets: &mut Vec<Secret>) {
    let is_open = |name: &str| OPEN_MEMBERS.iter().any(|open| name.eq_ignore_ascii_case(open));
    match value {
        Value::String(text) => secrets.push(Secret::new(text)),
        Value::Array(items) => items.into_iter().for_each(|item| collect_secrets(item, secrets)),
        Value::Object(members) => {
            let members = members.into_iter().filter(|(name, _)| !is_open(name));
            members.for_each(|(_, member)| collect_secrets(member, secrets));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// The keys in the `~/.aws` files, also those of a profile that only another profile names.
fn keys(profiles: &str) -> impl Iterator<Item = Secret> {
    const NAMES: [&str; 3] = ["aws_access_key_id", "aws_secret_access_key", "aws_session_token"];
    let pairs = profiles.lines().filter_map(|line| line.split_once('='));
    let keys = pairs.filter(|(name, _)| NAMES.iter().any(|known| name.trim().eq_ignore_ascii_case(known)));
    keys.map(|(_, value)| Secret::new(value.trim())).filter(|key| !key.expose().is_empty())
}

/// The token files that the profiles in an AWS configuration file name.
fn token_files(profiles: &str) -> impl Iterator<Item = String> {
    let pairs = profiles.lines().filter_map(|line| line.split_once('='));
    pairs.filter(|(key, _)| key.trim() == "web_identity_token_file").map(|(_, path)| path.trim().to_owned())
}

/// The content of a file. Empty on errors that the SDK itself reports.
fn content(path: &str) -> Result<Vec<u8>, CredentialsError> {
    unless_bad(path, bounded_read::read(Path::new(path)))
}

/// What was read of a file. Empty on errors that the SDK itself reports.
fn unless_bad(path: &str, read: io::Result<Vec<u8>>) -> Result<Vec<u8>, CredentialsError> {
    match read {
        Err(source)
            if matches!(
                source.kind(),
                ErrorKind::InvalidInput | ErrorKind::FileTooLarge | ErrorKind::TimedOut
            ) =>
        {
            Err(CredentialsError::BadFile { path: path.to_owned(), source })
        }
        read => Ok(read.unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_string_of_a_session_is_secret_unless_it_is_known_to_be_open() {
        let session = serde_json::json!({
            "accessToken": {"secretAccessKey": "a-key", "expiresAt": "2099-01-01T00:00:00Z"},
            "clientId": "client", "StartUrl": "https://d-1.awsapps.com/start",
            "scopes": ["x"], "new": "later", "number": 1,
        });
        let mut secrets = Vec::new();
        collect_secrets(session, &mut secrets);
        let mut texts: Vec<&str> = secrets.iter().map(Secret::expose).collect();
        texts.sort_unstable();
        assert_eq!(texts, ["a-key", "later", "x"]);
    }
}
