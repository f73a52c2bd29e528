//! Checks the files that the SDK reads for credentials, before it reads them. It rejects pipes, devices and
//! huge files: the SDK would read them to the end. It adds the keys and tokens in them to the known secrets.

use std::borrow::Cow;
use std::io::ErrorKind;
use std::path::Path;

use serde_json::Value;

use super::credentials_error::{Cause, CredentialsError};
use crate::bounded_read;
use crate::options::profile_files;
use crate::protocol::environment::Environment;
use crate::protocol::secret::{KnownSecrets, Secret};

/// Members of a session's file that are not secret, in any letter case. Those that the AWS CLI may add are.
const OPEN_MEMBERS: [&str; 7] =
    ["accountId", "clientId", "expiresAt", "region", "registrationExpiresAt", "startUrl", "tokenType"];

/// The properties of a profile that are keys.
pub(super) const KEYS: [&str; 3] = ["aws_access_key_id", "aws_secret_access_key", "aws_session_token"];

/// Checks the job's `~/.aws` files, and the token files that they or the job's variables name.
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
/// Those of [`bounded_read::read`], and that of a file that is not JSON, which quotes nothing of it. The SDK
/// says only that it cannot load the session.
pub(super) fn check_session(path: &str, known_secrets: &KnownSecrets) -> Result<bool, Cause> {
    let content = match bounded_read::read(Path::new(path)) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        read => read?,
    };
    let mut secrets = Vec::new();
    collect_secrets(serde_json::from_slice(&content)?, &mut secrets);
    known_secrets.add(secrets);
    Ok(true)
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
    let keys = properties(profiles).filter(|(name, _)| KEYS.contains(&name.as_str()));
    keys.map(|(_, value)| Secret::new(value)).filter(|key| !key.expose().is_empty())
}

/// The token files that the profiles in an AWS configuration file name.
fn token_files(profiles: &str) -> impl Iterator<Item = String> {
    let paths = properties(profiles).filter(|(name, _)| name == "web_identity_token_file");
    paths.map(|(_, path)| path.to_owned())
}

/// The properties in an AWS configuration file, as the SDK reads them: the names in lower case, the values
/// without comments. With another rule, the SDK would use a key or read a file that was not checked.
fn properties(profiles: &str) -> impl Iterator<Item = (String, &str)> {
    profiles.lines().filter_map(|line| {
        let mut marks = line.match_indices(['#', ';']);
        let comment = marks.find(|(at, _)| line[..*at].ends_with(char::is_whitespace));
        let (name, value) = comment.map_or(line, |(at, _)| &line[..at]).split_once('=')?;
        Some((name.trim().to_ascii_lowercase(), value.trim()))
    })
}

/// The content of a file. Empty on errors that the SDK itself reports.
fn content(path: &str) -> Result<Vec<u8>, CredentialsError> {
    match bounded_read::read(Path::new(path)) {
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
    fn keys_and_token_files_are_found_as_the_sdk_finds_them() {
        let profiles = "[a] # c\n# aws_access_key_id = no\nAWS_Secret_Access_Key = a#b;c # old\n\
            web_identity_token_file=/a b\t;c\nWeb_Identity_Token_File = /d\naws_session_token = # none\n";
        let keys: Vec<Secret> = keys(profiles).collect();
        assert_eq!(keys, [Secret::new("a#b;c")]);
        assert_eq!(token_files(profiles).collect::<Vec<_>>(), ["/a b", "/d"]);
    }

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
