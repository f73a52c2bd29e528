//! Generates a secret for each name: the same in every run, random in appearance, with characters that
//! encodings change. Never generates a value that could occur in other text by chance.

/// The form of a secret.
#[derive(Clone, Copy)]
enum Kind {
    /// An access key id: letters and digits.
    Key,
    /// Characters that JSON, URLs and base64 write differently.
    Marked,
    /// Like `Marked`, but limited to the characters that an HTTP header accepts.
    Ascii,
    /// Several lines, as a private key has them.
    Lines,
    /// One line, longer than the limit at which texts are shortened.
    Long,
    /// A URL that is secret as a whole.
    Address,
    /// Contains text that looks like a variable.
    Dollar,
    /// Limited to the characters of a file name.
    Name,
    /// Base64 with `=` as padding.
    Padded,
    /// Ends with a full stop.
    CancelToken,
    /// Ends with a carriage return, like a secret that was copied on Windows.
    Return,
    /// Begins and ends with a space.
    Spaced,
}

use Kind::{Address, Ascii, CancelToken, Dollar, Key, Lines, Long, Marked, Name, Padded, Return, Spaced};

/// Variables of the job whose names mark them as secret.
const VARIABLES: [(&str, Kind); 12] = [
    ("API_KEY", Ascii),
    ("AWS_ACCESS_KEY_ID", Key),
    ("AWS_SECRET_ACCESS_KEY", Marked),
    ("AWS_SESSION_TOKEN", Long),
    ("DATABASE_PASSWORD_URL", Address),
    ("DB_PASSWORD", Marked),
    ("DEPLOY_AUTH", Spaced),
    ("GITHUB_TOKEN", Marked),
    ("NPM_TOKEN", CancelToken),
    ("PRIVATE_KEY", Lines),
    ("SLACK_WEBHOOK", Address),
    ("dbPassphrase", Dollar),
];

/// More such variables, which only some jobs have.
pub(super) const MORE_VARIABLES: [&str; 9] = [
    "API_KEYS",
    "APP_SECRETS",
    "AUTHORIZATION",
    "CI_JOB_JWT",
    "DB_PASSWORDS",
    "NPM_TOKENS",
    "PRIVATEKEY",
    "SENTRY_DSN",
    "SSHPASS",
];

/// All other secrets: of the stanza, the current function, files and services.
const OTHERS: [(&str, Kind); 35] = [
    ("VAULT_SECRET", Return),
    ("access_key_id", Key),
    ("secret_access_key", Marked),
    ("session_token", Ascii),
    ("environment.DOLLAR", Dollar),
    ("environment.LINES", Lines),
    ("environment.LONG", Long),
    ("environment.PLAIN", Marked),
    ("environment.STOP", CancelToken),
    ("file name", Name),
    ("function_tags.cost", Ascii),
    ("function_tags.team", Marked),
    ("live environment", Marked),
    ("live tag", Marked),
    ("misspelt", Marked),
    ("of a wrong type", Marked),
    ("of a wrong type, in base64", Padded),
    ("of no text", Ascii),
    ("of others", Marked),
    ("profile access_key_id", Key),
    ("profile secret_access_key", Marked),
    ("profile session_token", Ascii),
    ("process access_key_id", Key),
    ("process secret_access_key", Marked),
    ("process session_token", Ascii),
    ("identity token", Ascii),
    ("role access_key_id", Key),
    ("role secret_access_key", Marked),
    ("role session_token", Ascii),
    ("renewed access_key_id", Key),
    ("renewed secret_access_key", Marked),
    ("renewed session_token", Ascii),
    ("sign-in access token", Ascii),
    ("sign-in refresh token", Marked),
    ("sign-in client secret", Marked),
];

fn kinds() -> impl Iterator<Item = (&'static str, Kind)> {
    VARIABLES.into_iter().chain(OTHERS).chain(MORE_VARIABLES.map(|name| (name, Ascii)))
}

/// Returns the secret of this name.
pub(super) fn secret(name: &str) -> String {
    let known = kinds().find(|(its, _)| *its == name);
    made(name, known.unwrap_or_else(|| panic!("there is no secret `{name}`")).1)
}

/// Returns every secret with its name.
pub(super) fn all() -> Vec<(String, String)> {
    kinds().map(|(name, kind)| (name.to_owned(), made(name, kind))).collect()
}

/// Returns the secret variables of the job.
pub(super) fn variables() -> impl Iterator<Item = (&'static str, String)> {
    VARIABLES.iter().map(|(name, kind)| (*name, made(name, *kind)))
}

fn made(name: &str, kind: Kind) -> String {
    let mut noise = Noise::of(name);
    let mut joined = |marks: &[&str]| {
        let mut text = noise.letters(5);
        for mark in marks {
            text.push_str(mark);
            text.push_str(&noise.letters(5));
        }
        text
    };
    match kind {
        Key => format!("AK{}", noise.letters(18).to_uppercase()),
        Marked => joined(&["+", "/", "\"", "\\", "é", " "]),
        Ascii => joined(&["+", "/", "\"", "\\", "=", " "]),
        Lines => {
            let line = joined(&["+", "/", "\"", "\\", "é", " "]);
            (0..6).map(|_| noise.letters(60)).fold(line, |lines, line| format!("{lines}\n{line}"))
        }
        Long => {
            (0..8).map(|_| joined(&["+", "/", "+", "/", "+", "/", "+", "/"])).collect::<Vec<_>>().join("/")
        }
        Address => {
            format!(
                "https://{}:{}@example.invalid/{}",
                joined(&[""]),
                joined(&["%2B", "%2F"]),
                joined(&["/", "+"])
            )
        }
        Dollar => joined(&["+", "$", "\"", "\\", "é", " "]),
        Name => joined(&["+", "\"", "\\", " "]),
        Padded => format!("{}==", joined(&["+", "/", "+"])),
        CancelToken => format!("{}.", joined(&["+", "/", "é"])),
        Return => format!("{}\r", joined(&["+", "/", "é"])),
        Spaced => format!(" {} ", joined(&["+", "/", "é"])),
    }
}

/// A weak random generator. Its output only has to look random.
struct Noise(u64);

impl Noise {
    fn of(name: &str) -> Self {
        // FNV-1a, so that each name has a different seed.
        Noise(
            name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
                (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
            }),
        )
    }

    fn letters(&mut self, count: usize) -> String {
        const LETTERS: &[u8] = b"abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";
        let mut letter = || {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            char::from(LETTERS[(self.0 >> 32) as usize % LETTERS.len()])
        };
        (0..count).map(|_| letter()).collect()
    }
}
