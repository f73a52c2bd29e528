//! Finds out from the job's `~/.aws` files where the keys of a profile come from. It reads these files as the
//! SDK does, and never loads credentials: the SDK does, but its errors do not say which profile needs what.

use std::borrow::Cow;

use aws_config::profile::{self, Profile, ProfileSet};
use sha1::Sha1;
use sha2::{Digest, Sha256};

use super::credential_files::KEYS;
use super::credentials_error::{CredentialsError, SessionKind};
use crate::protocol::environment::Environment;
use crate::protocol::event::CredentialsSource;

/// The keys of which each makes a profile one of IAM Identity Center.
const SSO_KEYS: [&str; 5] = ["sso_account_id", "sso_region", "sso_role_name", "sso_session", "sso_start_url"];

/// A profile that is used for its credentials.
#[derive(Debug)]
pub(super) struct UsedProfile {
    pub(super) name: String,
    /// Where its keys come from. If it assumes a role: where the keys come from with which the first role is
    /// assumed.
    pub(super) keys: KeySource,
}

/// Where the keys of a profile come from.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum KeySource {
    /// A `credential_process`.
    Process,
    /// A session that a person starts with the AWS CLI.
    Session(LoginSession),
    /// Something else, or the SDK refuses the profile and says why.
    Other,
}

/// A session that a person starts with the AWS CLI.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct LoginSession {
    /// How it is started.
    pub(super) kind: SessionKind,
    /// The profile that names the session: the used one, or a `source_profile`.
    pub(super) profile: String,
    /// The file in which the AWS CLI keeps the session. `None`: the job has no absolute `HOME`.
    pub(super) file: Option<String>,
}

impl UsedProfile {
    /// Reads the profile `name`. `None`: the job's `AWS_PROFILE`, else `default`.
    pub(super) async fn read(name: Option<&str>, env: &Environment) -> Result<Self, CredentialsError> {
        // The defaults are the files and the environment of this process, which has the job's variables.
        let (fs, process, files) = Default::default();
        let selected = name.map(|name| name.to_owned().into());
        match profile::load(&fs, &process, &files, selected).await {
            Ok(profiles) => {
                let keys = usable(key_source(&profiles, env)?, |kind| kind.feature().1)?;
                Ok(UsedProfile { name: profiles.selected_profile().to_owned(), keys })
            }
            // The SDK's provider would leave out the line that it cannot parse.
            Err(error) => {
                let of_job = || env.get("AWS_PROFILE").map(Cow::into_owned);
                let profile = name.map(str::to_owned).or_else(of_job).unwrap_or_else(|| "default".to_owned());
                Err(CredentialsError::BadProfiles { profile, source: error.into() })
            }
        }
    }
}

/// Refuses a session of a kind that this program cannot use.
fn usable(keys: KeySource, can_use: impl Fn(SessionKind) -> bool) -> Result<KeySource, CredentialsError> {
    if let KeySource::Session(LoginSession { kind, profile, .. }) = &keys
        && !can_use(*kind)
    {
        return Err(CredentialsError::NoFeature { profile: profile.clone(), kind: *kind });
    }
    Ok(keys)
}

/// Follows `source_profile` as the SDK does. The SDK reports a profile that is missing, and profiles that
/// name each other.
fn key_source(profiles: &ProfileSet, env: &Environment) -> Result<KeySource, CredentialsError> {
    let mut visited: Vec<&str> = Vec::new();
    let mut name = profiles.selected_profile();
    while !visited.contains(&name)
        && let Some(profile) = profiles.get_profile(name)
    {
        check_keys(name, profile, env)?;
        let has = |key: &str| profile.get(key).is_some();
        // Of a `source_profile`, the SDK takes keys first.
        if !visited.is_empty() && has("aws_access_key_id") && has("aws_secret_access_key") {
            break;
        }
        visited.push(name);
        if !has("role_arn") || has("web_identity_token_file") {
            return Ok(own_key_source(name, profile, profiles, env));
        }
        if has("mfa_serial") {
            return Err(CredentialsError::NeedsMfa { profile: name.to_owned() });
        }
        match profile.get("source_profile") {
            Some(source) if source != name => name = source,
            _ => return Ok(own_key_source(name, profile, profiles, env)),
        }
    }
    Ok(KeySource::Other)
}

/// Refuses a key with a control character, such as the line break of a continued line. The SDK panics at one
/// in the access key ID with which it assumes a role.
///
/// # Errors
/// [`CredentialsError::ControlCharacterInProfile`], and [`CredentialsError::ControlCharacter`] for a key of
/// the job that the profile uses.
fn check_keys(name: &str, profile: &Profile, env: &Environment) -> Result<(), CredentialsError> {
    let is_broken = |value: &str| value.bytes().any(|byte| byte.is_ascii_control());
    if let Some(key) = KEYS.into_iter().find(|key| profile.get(key).is_some_and(is_broken)) {
        return Err(CredentialsError::ControlCharacterInProfile { key, profile: name.to_owned() });
    }
    let source = profile.get("credential_source").unwrap_or_default();
    let mut of_job = KEYS.into_iter().filter(|_| source.eq_ignore_ascii_case("Environment"));
    match of_job.find(|key| env.get(&key.to_ascii_uppercase()).is_some_and(|value| is_broken(&value))) {
        Some(key) => {
            let part = key.strip_prefix("aws_").unwrap_or(key);
            Err(CredentialsError::ControlCharacter { part, origin: CredentialsSource::Environment })
        }
        None => Ok(()),
    }
}

/// Where the keys of a profile come from that has no other `source_profile`, in the SDK's order.
fn own_key_source(name: &str, profile: &Profile, profiles: &ProfileSet, env: &Environment) -> KeySource {
    let has = |key: &str| profile.get(key).is_some();
    let session = |kind, file| KeySource::Session(LoginSession { kind, profile: name.to_owned(), file });
    if has("credential_source") || has("web_identity_token_file") {
        KeySource::Other
    } else if SSO_KEYS.into_iter().any(has) {
        match sso_session(profile, profiles) {
            Some(identifier) => session(SessionKind::IdentityCenter, sso_file(identifier, env)),
            None => KeySource::Other,
        }
    } else if let Some(arn) = profile.get("login_session") {
        session(SessionKind::Console, login_file(arn, env))
    } else if has("credential_process") {
        KeySource::Process
    } else {
        KeySource::Other
    }
}

/// What the file of a session of IAM Identity Center is named after. `None`: the profile is incomplete, or
/// names a session and has keys of the older form.
fn sso_session<'a>(profile: &'a Profile, profiles: &ProfileSet) -> Option<&'a str> {
    profile.get("sso_account_id").and(profile.get("sso_role_name"))?;
    match profile.get("sso_session") {
        Some(_) if profile.get("sso_region").or(profile.get("sso_start_url")).is_some() => None,
        Some(session) => {
            let section = profiles.sso_session(session)?;
            section.get("sso_region").and(section.get("sso_start_url")).map(|_| session)
        }
        None => profile.get("sso_region").and(profile.get("sso_start_url")),
    }
}

fn sso_file(identifier: &str, env: &Environment) -> Option<String> {
    let name = hex::encode(Sha1::digest(identifier));
    Some(format!("{}/.aws/sso/cache/{name}.json", home(env)?))
}

fn login_file(session_arn: &str, env: &Environment) -> Option<String> {
    let name = hex::encode(Sha256::digest(session_arn.trim()));
    let directory = match env.get("AWS_LOGIN_CACHE_DIRECTORY") {
        Some(directory) => directory.into_owned(),
        None => format!("{}/.aws/login/cache", home(env)?),
    };
    Some(format!("{directory}/{name}.json"))
}

/// The job's home directory. With a relative `HOME`, the SDK would read files of the build directory.
fn home(env: &Environment) -> Option<String> {
    env.get("HOME").filter(|home| home.starts_with('/')).map(Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use aws_runtime::env_config::file::{EnvConfigFileKind, EnvConfigFiles};

    use super::*;

    const SSO: &str = "sso_account_id=1\nsso_role_name=r\n";
    const SESSION: &str = "[sso-session dev]\nsso_region=x\nsso_start_url=y\n";
    const KEYS: &str = "aws_access_key_id=a\naws_secret_access_key=b\n";

    /// Where the keys of the profile `used` of this configuration file come from.
    fn keys_of_used(config: &str) -> Result<KeySource, CredentialsError> {
        keys_of_used_with(config, &[("HOME", "/home/u")])
    }

    /// The same in a job with these variables.
    fn keys_of_used_with(config: &str, env: &[(&str, &str)]) -> Result<KeySource, CredentialsError> {
        let files = EnvConfigFiles::builder().with_contents(EnvConfigFileKind::Config, config).build();
        let (fs, process) = Default::default();
        let loading = profile::load(&fs, &process, &files, Some("used".into()));
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let profiles = runtime.block_on(loading).expect("valid");
        key_source(&profiles, &env.iter().copied().collect())
    }

    #[test]
    fn the_keys_of_a_profile_come_from_the_end_of_its_chain() {
        let session = |profile: &str, kind, file: &str| {
            let file = Some(format!("/home/u/.aws/{file}.json"));
            KeySource::Session(LoginSession { kind, profile: profile.to_owned(), file })
        };
        // The names that the AWS CLI gives to the session `dev`, to the start URL and to the user below.
        let dev = "sso/cache/34c6fceca75e456f25e7e99531e2425c6c1de443";
        let start = "sso/cache/0c54b6c27e90660baa89eaad85ac1d5dae26cb7d";
        let login = "login/cache/096a9ed17bc213ff49f4a3bb906248fdc062cd40e4dfe2948906b3407b40b877";
        let (sso, console) = (SessionKind::IdentityCenter, SessionKind::Console);
        let role = "[profile used]\nrole_arn=arn:aws:iam::1:role/r\nsource_profile=base\n";
        for (config, expected) in [
            ("[profile used]\ncredential_process=p\n".to_owned(), KeySource::Process),
            (format!("[profile used]\n{SSO}sso_session=dev\n{SESSION}"), session("used", sso, dev)),
            (format!("{role}[profile base]\n{SSO}sso_session=dev\n{SESSION}"), session("base", sso, dev)),
            (
                format!("[profile used]\n{SSO}sso_region=x\nsso_start_url=https://d-1.awsapps.com/start\n"),
                session("used", sso, start),
            ),
            (
                "[profile used]\nlogin_session=arn:aws:iam::1:user/a\n".to_owned(),
                session("used", console, login),
            ),
            // Incomplete, contradictory, missing, circular, or with keys that the SDK prefers.
            ("[profile used]\nsso_session=dev\n".to_owned(), KeySource::Other),
            (format!("[profile used]\n{SSO}sso_session=gone\n"), KeySource::Other),
            (
                format!("[profile used]\n{SSO}sso_session=dev\n[sso-session dev]\nsso_region=x\n"),
                KeySource::Other,
            ),
            (format!("[profile used]\n{SSO}sso_session=dev\nsso_region=x\n{SESSION}"), KeySource::Other),
            (role.to_owned(), KeySource::Other),
            (
                format!("{role}[profile base]\nrole_arn=arn:aws:iam::1:role/r\nsource_profile=used\n"),
                KeySource::Other,
            ),
            (format!("{role}[profile base]\n{KEYS}login_session=c\n"), KeySource::Other),
        ] {
            assert_eq!(keys_of_used(&config).expect("no MFA"), expected, "{config}");
        }
    }

    #[test]
    fn a_key_with_a_control_character_is_refused_wherever_it_is_in_the_chain() {
        let role = "role_arn=arn:aws:iam::1:role/r\n";
        let base = format!("[profile used]\n{role}source_profile=base\n[profile base]\n");
        for (config, refused) in [
            (format!("{base}aws_access_key_id=a\n  b\naws_secret_access_key=c\n"), Some("aws_access_key_id")),
            (format!("{base}aws_access_key_id=a\x01\naws_secret_access_key=c\n"), Some("aws_access_key_id")),
            (format!("{base}{KEYS}aws_session_token=a\x7fb\n"), Some("aws_session_token")),
            (
                format!(
                    "[profile used]\n{role}source_profile=used\naws_access_key_id=a\naws_secret_access_key=b\n c\n"
                ),
                Some("aws_secret_access_key"),
            ),
            (format!("{base}{KEYS}[profile other]\naws_access_key_id=a\n b\n"), None),
            (format!("{base}{KEYS}description=a\n b\n"), None),
        ] {
            let found = match keys_of_used(&config) {
                Err(CredentialsError::ControlCharacterInProfile { key, .. }) => Some(key),
                _ => None,
            };
            assert_eq!(found, refused, "{config}");
        }
        let of_job = format!("[profile used]\n{role}credential_source=environment\n");
        for (variable, refused) in [
            ("AWS_ACCESS_KEY_ID", Some("access_key_id")),
            ("AWS_SESSION_TOKEN", Some("session_token")),
            ("AWS_OTHER", None),
        ] {
            let found = match keys_of_used_with(&of_job, &[(variable, "a\nb")]) {
                Err(CredentialsError::ControlCharacter { part, .. }) => Some(part),
                _ => None,
            };
            assert_eq!(found, refused, "{variable}");
        }
    }

    #[test]
    fn a_session_that_the_program_cannot_use_is_refused_with_the_name_of_the_feature() {
        for (config, feature) in [
            (format!("[profile used]\n{SSO}sso_session=dev\n{SESSION}"), "sso"),
            ("[profile used]\nlogin_session=arn:aws:iam::1:user/a\n".to_owned(), "login"),
        ] {
            let keys = || keys_of_used(&config).expect("no MFA");
            let error = usable(keys(), |_| false).expect_err("the feature is missing");
            assert_eq!(
                error.to_string(),
                format!(
                    "this program was built without the feature `{feature}`, which the profile `used` needs"
                )
            );
            assert!(usable(keys(), |_| true).is_ok(), "{config}");
        }
        assert!(usable(KeySource::Process, |_| false).is_ok());
    }

    #[test]
    fn a_role_with_a_code_of_a_device_is_refused_wherever_it_is_in_the_chain() {
        let role = "role_arn=arn:aws:iam::1:role/r\n";
        let mfa = "mfa_serial=arn:aws:iam::1:mfa/a\n";
        for (config, refused) in [
            (format!("[profile used]\n{role}{mfa}source_profile=base\n"), Some("used")),
            (format!("[profile used]\n{role}source_profile=base\n[profile base]\n{role}{mfa}"), Some("base")),
            // Without a role, or with a token for it, no code is needed.
            (format!("[profile used]\n{mfa}credential_process=p\n"), None),
            (format!("[profile used]\n{role}{mfa}web_identity_token_file=/t\n"), None),
        ] {
            let needs = match keys_of_used(&config) {
                Err(CredentialsError::NeedsMfa { profile }) => Some(profile),
                _ => None,
            };
            assert_eq!(needs.as_deref(), refused, "{config}");
        }
    }
}
