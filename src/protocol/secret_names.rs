//! Decides by the name of a variable whether its value is a secret. Never reads the value.

/// Words that mark a name as secret in any position. Words are compared in the singular, so `PKC` also
/// matches `PKCS12`.
#[rustfmt::skip]
const SECRET_WORDS: [&str; 31] = [
    "AUTH", "AUTHORIZATION", "BEARER", "COOKIE", "CRED", "CREDENTIAL", "DSN", "HMAC", "JWT", "KEY",
    "KEYSTORE", "KUBECONFIG", "MNEMONIC", "NETRC", "NPMRC", "OTP", "PASS", "PASSCODE", "PASSPHRASE", "PASSWD",
    "PASSWORD", "PAT", "PEM", "PFX", "PKC", "PW", "PWD", "SALT", "SECRET", "TOKEN", "WEBHOOK",
];

/// Parts that mark a name as secret inside a word without separators, such as `AWSSECRETACCESSKEY`.
#[rustfmt::skip]
const SECRET_STEMS: [&str; 11] = [
    "ACCESSKEY", "APIKEY", "CONNECTIONSTRING", "CONNSTR", "CREDENTIAL", "PASSPHRASE", "PASSWD", "PASSWORD",
    "SECRET", "TOKEN", "WEBHOOK",
];

/// Parts that mark a name as secret at the end of a word without separators, such as `DBPASS` and
/// `SIGNINGKEY`.
const SECRET_ENDS: [&str; 11] =
    ["AUTH", "CRED", "DSN", "JWT", "KEY", "PASS", "PASSWRD", "PEM", "PSWD", "PW", "PWD"];

/// Sequences of words that mark a name as secret.
const SECRET_PHRASES: [&str; 7] = [
    "CONNECTION_STRING",
    "CONNECTION_STR",
    "CONN_STRING",
    "CONN_STR",
    "ID_RSA",
    "KUBE_CONFIG",
    "SERVICE_ACCOUNT_JSON",
];

/// Sequences of words, with or without separators, that are not secret although one of their words is in
/// [`SECRET_WORDS`].
#[rustfmt::skip]
const NO_SECRETS: [&str; 13] = [
    "CACHE_KEY", "FOREIGN_KEY", "HOT_KEY", "KEY_BOARD", "KEY_SPACE", "KEY_VAULT", "MAX_TOKEN",
    "PARTITION_KEY", "PUBLIC_KEY", "PUBLISHABLE_KEY", "PUB_KEY", "SECRET_MANAGER", "SORT_KEY",
];

/// Words that contain one of [`SECRET_STEMS`] or [`SECRET_ENDS`] but are not secret. For example,
/// `GIT_ASKPASS` names a program.
#[rustfmt::skip]
const ORDINARY: [&str; 21] = [
    "ASKPASS", "BYPASS", "COMPASS", "DONKEY", "HIGHPASS", "HOCKEY", "JOCKEY", "LACKEY", "LOWPASS", "MONKEY",
    "OVERPASS", "SACRED", "SECRETARIAT", "SECRETARY", "SECRETSMANAGER", "SURPASS", "TRESPASS", "TURKEY",
    "TURNKEY", "UNDERPASS", "WHISKEY",
];

/// Last words of names that describe a secret without containing it, such as `AWS_WEB_IDENTITY_TOKEN_FILE`
/// and `TOKEN_TTL`.
#[rustfmt::skip]
const ABOUT: [&str; 17] = [
    "ALGORITHM", "ARN", "COUNT", "DIR", "DIRECTORY", "DOMAIN", "ENABLED", "EXPIRY", "FILE", "HOST", "LENGTH",
    "NAME", "PATH", "PORT", "SOCK", "TTL", "TYPE",
];

/// Whether the name of a variable says that its value is a secret. True for `AWS_SECRET_ACCESS_KEY`,
/// `dbPassword` and `SIGNINGKEY`; false for `KEYBOARD`, `PUBLIC_KEY` and `TOKEN_FILE`. The name is read
/// twice: split into words by case and by separators, and split by separators only. It is secret if one of
/// the two readings is.
pub(crate) fn names_a_secret(name: &str) -> bool {
    let together: Vec<String> = segments(name).map(str::to_uppercase).collect();
    let apart: Vec<String> = segments(name).flat_map(words).collect();
    // Directories that the shell sets.
    if matches!(together.concat().as_str(), "PWD" | "OLDPWD") {
        return false;
    }
    is_secret(&apart) || (apart != together && is_secret(&together))
}

fn segments(name: &str) -> impl Iterator<Item = &str> {
    name.split(|c: char| !c.is_alphanumeric()).filter(|segment| !segment.is_empty())
}

fn is_secret(words: &[String]) -> bool {
    if words.last().is_some_and(|last| words.len() > 1 && ABOUT.contains(&last.as_str())) {
        return false;
    }
    let singular: Vec<&str> = words.iter().map(|word| singular(word)).collect();
    let mut name = format!("_{}_", singular.join("_"));
    if SECRET_PHRASES.iter().any(|phrase| name.contains(&format!("_{phrase}_"))) {
        return true;
    }
    if !singular.iter().any(|word| is_secret_word(word)) {
        return false;
    }
    for phrase in NO_SECRETS {
        name = name.replace(&format!("_{phrase}_"), "_");
    }
    name.split('_').any(is_secret_word)
}

/// Whether a word is secret. It must be in upper case and in the singular.
fn is_secret_word(word: &str) -> bool {
    let is_ordinary = || {
        ORDINARY.iter().any(|ordinary| word.ends_with(ordinary))
            || NO_SECRETS.iter().any(|phrase| word.ends_with(&phrase.replace('_', "")))
            || ["TOKENIZ", "TOKENIS"].iter().any(|stem| word.contains(stem))
    };
    SECRET_WORDS.contains(&word)
        || ((SECRET_STEMS.iter().any(|stem| word.contains(stem))
            || SECRET_ENDS.iter().any(|end| word.ends_with(end)))
            && !is_ordinary())
}

/// The singular of a word, without digits at its end: `KEY` for `KEYS2`. `PASS` and `ACCESS` are not plurals.
fn singular(word: &str) -> &str {
    let word = word.trim_end_matches(|c: char| c.is_ascii_digit());
    if let Some(one) = word.strip_suffix("ES").filter(|one| one.ends_with("SS")) {
        return one;
    }
    word.strip_suffix('S').filter(|one| !one.ends_with('S')).unwrap_or(word)
}

/// Splits `dbPassword`, `APIKey` and `APIKEYs` into words in upper case.
fn words(segment: &str) -> Vec<String> {
    let letters: Vec<char> = segment.chars().collect();
    let mut words = vec![String::new()];
    for (at, c) in letters.iter().enumerate() {
        let before = at.checked_sub(1).map(|before| letters[before]);
        let ends_abbreviation = || {
            let rest = &letters[at + 1..];
            before.is_some_and(char::is_uppercase)
                && rest.first().is_some_and(|c| c.is_lowercase())
                && *rest != ['s']
        };
        let follows = before.is_some_and(|before| before.is_lowercase() || before.is_ascii_digit());
        if c.is_uppercase() && (follows || ends_abbreviation()) {
            words.push(String::new());
        }
        words.last_mut().expect("begins with one").extend(c.to_uppercase());
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_shows_whether_its_value_is_usually_secret() {
        for name in SECRET.split_whitespace() {
            assert!(names_a_secret(name), "{name}");
        }
        for name in NOT_SECRET.split_whitespace() {
            assert!(!names_a_secret(name), "{name}");
        }
    }

    const SECRET: &str = "
        AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN AWSSECRETACCESSKEY awsSecretAccessKey
        aws-secret-access-key API_KEY APIKEY apiKey APIKey api-key X_API_KEY api.key API_KEYS APIKEYS APIKeys
        APIKEYs API_KEY_2 apikey2 OPENAI_API_KEY ACCESS_KEY accesskey SECRET_KEY SECRETKEY SECRET_KEY_BASE
        PRIVATE_KEY privatekey PRIVATE_KEYS SSH_KEY SSHKEY sshKey SSH_PRIVATE_KEY SSH_KEYS SIGNING_KEY
        signingKey SIGNINGKEY ENCRYPTION_KEY encryptionkey MASTER_KEY RAILS_MASTER_KEY masterkey AUTH_KEY
        AUTHKEY TS_AUTHKEY DEPLOY_KEY deployKey DEPLOYKEY GPG_KEY GPG_SIGNING_KEY APP_KEY LICENSE_KEY
        STORAGE_ACCOUNT_KEY ANDROID_KEY_PASSWORD PASSWORD password Passwords DB_PASSWORD dbPassword DBPASSWORD
        PGPASSWORD PASSWORD1 PASSWD MYSQL_PASSWD PASS DB_PASS DBPASS dbPass SMTP_PASS SSHPASS SUDO_PASS
        USER_PASS PASSES PASSPHRASE GPG_PASSPHRASE gpgPassphrase passphrases MYSQL_PWD DB_PWD DBPWD dbPwd
        ROOT_PW ROOTPW ADMIN_PW rootPw CREDS AWS_CREDS AWSCREDS awsCreds DB_CRED CREDENTIALS
        GOOGLE_CREDENTIALS GOOGLE_APPLICATION_CREDENTIALS gcpCredentials CREDENTIAL KEY_PEM APP_PEM
        CLIENT_KEY_PEM appPem CONNECTION_STRING CONNECTIONSTRING connectionString CONNECTION_STRINGS
        AZURE_STORAGE_CONNECTION_STRING DB_CONN_STRING CONN_STR GITHUB_TOKEN GH_TOKEN githubToken GITHUBTOKEN
        NPM_TOKENS TOKEN2 GH_PAT GITLAB_PATS CI_JOB_JWT CI_JOB_JWT_V2 JWT SLACK_WEBHOOK SLACK_WEBHOOK_URL
        WEBHOOKS DOCKER_AUTH_CONFIG DEPLOY_AUTH NPM_CONFIG__AUTH _authToken AUTHORIZATION SENTRY_DSN
        SESSION_COOKIE CLIENT_SECRET clientSecret CLIENTSECRET APP_SECRETS ConnectionStrings__Default
        KUBECONFIG KUBE_CONFIG aPiKey ApIkEy pAsSwOrD HMAC_SECRET TOTP_SECRET HASH_SALT BEARER KEYSTORE_PASS
        TF_VAR_db_password DB_PSWD PASSWRD CERT_PKCS12 ANDROID_KEYSTORE ID_RSA DATABASE_PASSWORD_URL
    ";

    const NOT_SECRET: &str = "
        PWD OLDPWD pwd oldpwd OLD_PWD PATH HOME SHELL LANG KEYBOARD keyboard KEYMAP KEYSPACE KEY_SPACE
        KEYSPACES MONKEY MONKEYS monkey GREASEMONKEY DONKEY TURKEY HOCKEY_TEAM WHISKEY JOCKEY PASSENGER_COUNT
        PASSENGER PASSPORT PASSIVE PASSTHROUGH COMPASS BYPASS_CACHE TRESPASS SURPASS AUTHOR AUTHORS
        GIT_AUTHOR_NAME AUTHORITY XAUTHORITY SSH_AUTH_SOCK GIT_ASKPASS SSH_ASKPASS PUBLIC_KEY publicKey
        PUBLICKEY SSH_PUBLIC_KEY STRIPE_PUBLISHABLE_KEY TOKENIZER TOKENIZERS_PARALLELISM tokenizer MAX_TOKENS
        SECRETARY SACRED CACHE_KEY SORT_KEY sortKey PARTITION_KEY partitionKey AZURE_KEY_VAULT KEYVAULT
        PATTERN DISPATCH COMPAT SPAT STEMMER POEM CONNECTION CONNECTIONS STRING TRAVIS_BRANCH AWS_REGION
        AWS_PROFILE AWS_WEB_IDENTITY_TOKEN_FILE TOKEN_TTL PASSWORD_LENGTH SECRET_NAME SECRET_ARN KEY_PATH
        COOKIE_DOMAIN AUTH_TYPE
    ";
}
