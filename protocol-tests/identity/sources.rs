//! Test doubles of all sources of credentials. Each one returns different keys, so that a test sees which
//! source was used.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use crate::shell::PATH;
use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use lambda_endpoint::{Endpoint, Settings};
use serde_json::{Map, Value, json};
use tempfile::TempDir;

use super::recorder::{Answer, Asked, Recorder};

/// The role that stanzas of these tests assume.
pub(crate) const ROLE: &str = "arn:aws:iam::123456789012:role/deploy";

/// The keys that the double of STS returns for [`ROLE`].
pub(crate) const ROLE_KEYS: Keys = Keys::temporary("ASIADEPLOYROLE000001");

/// Lifetime of the doubles' credentials, unless a test sets another one.
pub(crate) const AN_HOUR: Duration = Duration::from_secs(3600);

/// An access key id. The secret and, for temporary keys, the session token are derived from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Keys {
    pub(crate) id: &'static str,
    pub(crate) is_temporary: bool,
}

impl Keys {
    pub(crate) const fn lasting(id: &'static str) -> Self {
        Keys { id, is_temporary: false }
    }

    pub(crate) const fn temporary(id: &'static str) -> Self {
        Keys { id, is_temporary: true }
    }

    pub(crate) fn secret(&self) -> String {
        format!("secret-of-{}", self.id)
    }

    pub(crate) fn token(&self) -> String {
        format!("token-of-{}", self.id)
    }

    /// A Lambda endpoint in `region` that accepts only these keys; temporary keys need their token.
    pub(crate) fn endpoint(&self, region: &str) -> Endpoint {
        let settings = Settings { region: region.to_owned(), ..self.settings() };
        Endpoint::start(settings).expect("a free port")
    }

    pub(crate) fn settings(&self) -> Settings {
        Settings {
            access_key_id: self.id.to_owned(),
            secret_access_key: self.secret(),
            session_token: self.is_temporary.then(|| self.token()),
            ..Settings::default()
        }
    }

    /// The keys as variables of a job.
    pub(crate) fn variables(&self, prefix: &str) -> Vec<(String, String)> {
        let token = self.is_temporary.then(|| (format!("{prefix}_SESSION_TOKEN"), self.token()));
        let id = (format!("{prefix}_ACCESS_KEY_ID"), self.id.to_owned());
        [id, (format!("{prefix}_SECRET_ACCESS_KEY"), self.secret())].into_iter().chain(token).collect()
    }

    /// The keys as lines of a profile.
    pub(crate) fn profile(&self) -> String {
        let lines = format!("aws_access_key_id = {}\naws_secret_access_key = {}\n", self.id, self.secret());
        if self.is_temporary { format!("{lines}aws_session_token = {}\n", self.token()) } else { lines }
    }

    /// The keys as the container endpoint and the metadata service return them.
    pub(crate) fn document(&self, lasts: Duration) -> String {
        json!({
            "Code": "Success", "Type": "AWS-HMAC", "LastUpdated": "2026-01-01T00:00:00Z", "AccessKeyId": self.id,
            "SecretAccessKey": self.secret(), "Token": self.token(), "Expiration": in_time(lasts),
        })
        .to_string()
    }

    /// The keys as STS returns them for this operation.
    pub(crate) fn as_sts(&self, operation: &str, lasts: Duration) -> String {
        format!(
            "<{operation}Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><{operation}Result>\
             <AssumedRoleUser><AssumedRoleId>AROA:s</AssumedRoleId>\
             <Arn>arn:aws:sts::123456789012:assumed-role/r/s</Arn></AssumedRoleUser>\
             <Credentials><AccessKeyId>{}</AccessKeyId><SecretAccessKey>{}</SecretAccessKey>\
             <SessionToken>{}</SessionToken><Expiration>{}</Expiration></Credentials></{operation}Result>\
             <ResponseMetadata><RequestId>c6104cbe-af31-11e0-8154-cbc7ccf896c7</RequestId></ResponseMetadata>\
             </{operation}Response>",
            self.id,
            self.secret(),
            self.token(),
            in_time(lasts),
        )
    }
}

/// The time after `lasts`, in AWS's format, rounded down to whole seconds.
pub(crate) fn in_time(lasts: Duration) -> String {
    let since =
        (SystemTime::now() + lasts).duration_since(SystemTime::UNIX_EPOCH).expect("the clock is after 1970");
    let time = DateTime::from_secs(since.as_secs().try_into().expect("fits in i64"));
    time.fmt(Format::DateTime).expect("a year that the format can represent")
}

/// An error response of STS.
pub(crate) fn refusal(status: u16, code: &str, message: &str) -> Answer {
    let headers = vec![("x-amzn-requestid", "b25f48e8-84fd-11e6-80d9-574e0c4664cb".to_owned())];
    let text = format!(
        "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type>\
         <Code>{code}</Code><Message>{message}</Message></Error>\
         <RequestId>b25f48e8-84fd-11e6-80d9-574e0c4664cb</RequestId></ErrorResponse>"
    );
    Answer::Text(status, headers, text)
}

/// A double of STS. Each role has different keys.
pub(crate) fn sts() -> Recorder {
    Recorder::start(|asked| {
        let form = asked.form();
        let keys = match form.get("RoleArn").and_then(|arn| arn.rsplit('/').next()) {
            Some("deploy") => ROLE_KEYS,
            Some("chained") => Keys::temporary("ASIACHAINEDROLE00001"),
            Some("web") => Keys::temporary("ASIAWEBIDENTITY00001"),
            _ => return refusal(400, "ValidationError", "there is no such role"),
        };
        Answer::ok(keys.as_sts(&form["Action"], AN_HOUR))
    })
}

/// A double of the container credentials endpoint. It requires the authorization token.
pub(crate) fn container(keys: Keys) -> Recorder {
    Recorder::start(move |asked| match (asked.target.as_str(), asked.header("authorization")) {
        ("/credentials", "token-of-the-container") => Answer::ok(keys.document(AN_HOUR)),
        _ => Answer::status(404, ""),
    })
}

/// A double of the EC2 instance metadata service, version 2: it requires a token, which a PUT request
/// returns.
pub(crate) fn metadata(keys: Keys) -> Recorder {
    Recorder::start(move |asked: &Asked| {
        let ttl = "x-aws-ec2-metadata-token-ttl-seconds";
        let has_token = asked.header("x-aws-ec2-metadata-token") == "a-metadata-token";
        match (asked.method.as_str(), asked.target.trim_end_matches('/'), has_token) {
            ("PUT", "/latest/api/token", _) => {
                Answer::Text(200, vec![(ttl, asked.header(ttl).to_owned())], "a-metadata-token".to_owned())
            }
            (_, _, false) => Answer::status(401, ""),
            ("GET", "/latest/meta-data/iam/security-credentials", _) => Answer::ok("runner-role"),
            ("GET", "/latest/meta-data/iam/security-credentials/runner-role", _) => {
                Answer::ok(keys.document(AN_HOUR))
            }
            _ => Answer::status(404, ""),
        }
    })
}

/// A home directory with `~/.aws`.
pub(crate) struct Home(TempDir);

impl Home {
    pub(crate) fn new(config: &str, credentials: &str) -> Self {
        let home = TempDir::new().expect("a temporary directory");
        fs::create_dir(home.path().join(".aws")).expect("can be created");
        fs::write(home.path().join(".aws/config"), config).expect("writable");
        fs::write(home.path().join(".aws/credentials"), credentials).expect("writable");
        Home(home)
    }

    pub(crate) fn path(&self) -> String {
        self.0.path().display().to_string()
    }

    /// Writes a file in the home directory, and returns its path.
    pub(crate) fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, text).expect("writable");
        path
    }
}

/// The `env` of a job that uses this Lambda endpoint, without credentials. Requests to other hosts go to the
/// proxy `outside`.
pub(crate) fn job_env(lambda: &str, outside: &Recorder) -> Map<String, Value> {
    let env = json!({
        "PATH": &*PATH,
        "TRAVIS_BRANCH": "master",
        "AWS_ENDPOINT_URL_LAMBDA": lambda,
        "HTTPS_PROXY": outside.url(),
    });
    env.as_object().expect("an object").clone()
}

/// The socket address of an `http://` URL.
pub(crate) fn address_of(url: &str) -> SocketAddr {
    url.trim_start_matches("http://").parse().expect("an address of 127.0.0.1")
}
