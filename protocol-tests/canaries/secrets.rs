//! Names in, secrets out: each its own, the same in every run, random to look at, and full of what encodings change.
//! Never a value that any text has by chance.

/// What a secret looks like.
#[derive(Clone, Copy)]
enum Kind {
    /// An access key id: letters and digits.
    Key,
    /// Everything that JSON, URLs and base64 write in another way.
    Marked,
    /// The same, as far as an HTTP header takes it.
    Ascii,
    /// Several lines, as a private key has them.
    Lines,
    /// One line, longer than any text that is shortened.
    Long,
    /// An address that is secret as a whole.
    Address,
    /// What looks like a variable in the middle.
    Dollar,
    /// As far as a file can have it for a name.
    Name,
    /// Base64 that is filled up with `=`.
    Padded,
    /// Ends with a full stop.
    Stop,
    /// Ends with a carriage return, as a secret that came by way of Windows.
    Return,
    /// Begins and ends with a space.
    Spaced,
}

use Kind::{Address, Ascii, Dollar, Key, Lines, Long, Marked, Name, Padded, Return, Spaced, Stop};

/// Variables of the job whose names call them secret.
const VARIABLES: [(&str, Kind); 12] = [
    ("API_KEY", Ascii),
    ("AWS_ACCESS_KEY_ID", Key),
    ("AWS_SECRET_ACCESS_KEY", Marked),
    ("AWS_SESSION_TOKEN", Long),
    ("DATABASE_PASSWORD_URL", Address),
    ("DB_PASSWORD", Marked),
    ("DEPLOY_AUTH", Spaced),
    ("GITHUB_TOKEN", Marked),
    ("NPM_TOKEN", Stop),
    ("PRIVATE_KEY", Lines),
    ("SLACK_WEBHOOK", Address),
    ("dbPassphrase", Dollar),
];

/// More of them, which not every job has.
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

/// All other secrets: those of the stanza, of the live function, of files and of services.
const OTHERS: [(&str, Kind); 32] = [
    ("VAULT_SECRET", Return),
    ("access_key_id", Key),
    ("secret_access_key", Marked),
    ("session_token", Ascii),
    ("environment.DOLLAR", Dollar),
    ("environment.LINES", Lines),
    ("environment.LONG", Long),
    ("environment.PLAIN", Marked),
    ("environment.STOP", Stop),
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
];

fn kinds() -> impl Iterator<Item = (&'static str, Kind)> {
    VARIABLES.into_iter().chain(OTHERS).chain(MORE_VARIABLES.map(|name| (name, Ascii)))
}

/// The secret of that name.
pub(super) fn secret(name: &str) -> String {
    let known = kinds().find(|(its, _)| *its == name);
    made(name, known.unwrap_or_else(|| panic!("there is no secret `{name}`")).1)
}

/// Every secret with its name.
pub(super) fn all() -> Vec<(String, String)> {
    kinds().map(|(name, kind)| (name.to_owned(), made(name, kind))).collect()
}

/// The job's secret variables.
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
        Long => (0..8).map(|_| joined(&["+", "/", "+", "/", "+", "/", "+", "/"])).collect::<Vec<_>>().join("/"),
        Address => {
            format!("https://{}:{}@example.invalid/{}", joined(&[""]), joined(&["%2B", "%2F"]), joined(&["/", "+"]))
        }
        Dollar => joined(&["+", "$", "\"", "\\", "é", " "]),
        Name => joined(&["+", "\"", "\\", " "]),
        Padded => format!("{}==", joined(&["+", "/", "+"])),
        Stop => format!("{}.", joined(&["+", "/", "é"])),
        Return => format!("{}\r", joined(&["+", "/", "é"])),
        Spaced => format!(" {} ", joined(&["+", "/", "é"])),
    }
}

/// A weak generator, which is random enough to look at.
struct Noise(u64);

impl Noise {
    fn of(name: &str) -> Self {
        // FNV-1a, so that each name has its own.
        Noise(
            name.bytes()
                .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)),
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
