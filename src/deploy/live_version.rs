//! Reads which version of a function is live, and whether a version still exists. Never changes anything at
//! AWS.

use super::aws::Aws;
use super::inspect::inspect;
use super::job::Job;
use crate::cancel::CancelToken;
use crate::function::{LiveFunction, LiveVersion};
use crate::lambda::VersionReads;
use crate::options;
use crate::protocol::error::ErrorReport;
use crate::protocol::stanza::Stanza;

/// Which versions to read.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct VersionQuery<'a> {
    /// The version that is live.
    pub live: bool,
    /// The version with this number, or `$LATEST`.
    pub named: Option<&'a str>,
}

/// A version of a function, and the code that it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KnownVersion {
    /// Its number, or `$LATEST`.
    pub number: String,
    /// SHA-256 of the code in Base64: `CodeSha256` of AWS.
    pub code_sha256: String,
}

/// A function, and its versions that were read. Secrets are masked.
#[derive(Clone, Debug)]
pub(crate) struct KnownFunction {
    /// ARN of the function, without a version.
    pub arn: String,
    pub name: String,
    pub region: String,
    /// The first alias of the stanza. `None`: it has none.
    pub alias: Option<String>,
    /// The version at which that alias points. Without an alias: the newest version if the stanza has
    /// `publish`, otherwise `$LATEST`. `None`: there is no such alias or version, or it was not read.
    pub live: Option<KnownVersion>,
    /// The version that the query names. `None`: it does not exist, or the query names none.
    pub named: Option<KnownVersion>,
}

const LATEST: &str = "$LATEST";

/// Reads versions of the function that the stanza of `job` names, until `stop` is set. `None`: the function
/// does not exist.
///
/// # Errors
/// All problems of the stanza, credentials that cannot be used, and a function that cannot be read.
pub(crate) fn read_versions(
    job: &Job,
    query: VersionQuery<'_>,
    stop: &CancelToken,
) -> Result<Option<KnownFunction>, ErrorReport> {
    let resolved = options::without_git(&job.stanza, &job.env);
    inspect(job, &resolved.stanza, stop, |aws| read(aws, query))
}

fn read(aws: &Aws<'_>, query: VersionQuery<'_>) -> Result<Option<KnownFunction>, ErrorReport> {
    let (stanza, name, redaction) = (aws.context.stanza, aws.context.name, &aws.context.redaction);
    let Some(found) = aws.call(aws.lambda.read_live(name))? else { return Ok(None) };
    let mut function = found.live;
    if query.live {
        let aliases = stanza.alias.clone().unwrap_or_default();
        let versions = aliases.is_empty() && stanza.publish == Some(true);
        let reads = VersionReads { aliases, versions, ..VersionReads::default() };
        aws.call(aws.lambda.read_release(name, &mut function, &reads))?;
    }
    let live = query.live.then(|| live_version(stanza, &function)).flatten();
    let named = match query.named {
        None => None,
        Some(LATEST) => Some(latest(&function)),
        Some(number) if live.as_ref().is_some_and(|live| live.number == number) => live.clone(),
        Some(number) => aws.call(aws.lambda.published_version(name, number))?.as_ref().map(KnownVersion::of),
    };
    let masked = |version: KnownVersion| KnownVersion {
        number: redaction.version(version.number),
        code_sha256: redaction.foreign_text(&version.code_sha256),
    };
    Ok(Some(KnownFunction {
        name: redaction.variables.redact(function.arn.rsplit(':').next().unwrap_or_default()),
        arn: redaction.variables.redact(&function.arn),
        region: aws.identity.region.as_str().to_owned(),
        alias: stanza.first_alias().map(|alias| redaction.variables.redact(alias)),
        live: live.map(masked),
        named: named.map(masked),
    }))
}

/// The version that callers get who use the function as the stanza says.
fn live_version(stanza: &Stanza, function: &LiveFunction) -> Option<KnownVersion> {
    let known = match stanza.first_alias() {
        Some(name) => {
            let alias = function.alias(name)?;
            if alias.version == LATEST {
                return Some(latest(function));
            }
            function.versions.iter().find(|version| version.number == alias.version)
        }
        None if stanza.publish == Some(true) => function.versions.iter().max_by_key(|it| it.ordinal()),
        None if function.is_managed => function.latest_published.as_ref(),
        None => return Some(latest(function)),
    };
    known.map(KnownVersion::of)
}

/// The code and settings that the next version gets.
fn latest(function: &LiveFunction) -> KnownVersion {
    KnownVersion { number: LATEST.to_owned(), code_sha256: function.code_sha256.clone() }
}

impl KnownVersion {
    fn of(version: &LiveVersion) -> Self {
        KnownVersion { number: version.number.clone(), code_sha256: version.code_sha256.clone() }
    }
}
