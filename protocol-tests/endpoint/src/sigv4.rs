//! Verifies the signature of a request, with AWS's errors. Never uses an SDK's signer: the check of the SDK
//! must be an independent implementation.
//!
//! Source: "Create a signed AWS API request" in the IAM guide. The first test is AWS's own published vector.

use std::time::{Duration, SystemTime};

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use crate::http::Head;
use crate::moment;
use crate::refusal::Refusal;
use crate::service::Service;
use crate::settings::Settings;
use crate::uri;

/// The largest accepted difference of the client's clock (IAM guide, "Troubleshooting": five minutes).
const SKEW: Duration = Duration::from_secs(5 * 60);

/// Checks in AWS's order: whether there is a signature, then the key, the scope, the age and the signature
/// itself.
pub(crate) fn verify(head: &Head, body: &[u8], settings: &Settings, now: SystemTime) -> Result<(), Refusal> {
    let header = head.header("authorization").ok_or(Refusal::NotSigned)?;
    let authorization = Authorization::parse(header)?;
    let scope = &authorization.scope;
    if authorization.access_key_id != settings.access_key_id
        || head.header("x-amz-security-token") != settings.session_token.as_deref()
    {
        return Err(Refusal::UnknownKeyOrToken);
    }
    if scope.region != settings.region {
        return Err(Refusal::WrongRegion);
    }
    let service = Service::of(head).signing_name();
    if scope.service != service {
        return Err(Refusal::WrongService { service });
    }
    let timestamp = head.header("x-amz-date");
    let timestamp = timestamp.ok_or(Refusal::SignatureIncomplete { lacks: "X-Amz-Date" })?;
    check_freshness(timestamp, scope, now)?;
    if !authorization.signed_headers.split(';').any(|name| name == "host") {
        return Err(Refusal::HostNotSigned);
    }
    let payload = hex::encode(Sha256::digest(body));
    let declared = head.header("x-amz-content-sha256").unwrap_or(&payload);
    let canonical = canonical_request(head, authorization.signed_headers, &payload);
    let expected = signature(&settings.secret_access_key, scope, timestamp, &canonical);
    if declared != payload || authorization.signature != expected {
        return Err(Refusal::WrongSignature);
    }
    Ok(())
}

/// Returns the access key id in the signature, which is not verified. `None`: the request is unsigned.
pub(crate) fn access_key_id(head: &Head) -> Option<&str> {
    let authorization = Authorization::parse(head.header("authorization")?).ok()?;
    Some(authorization.access_key_id)
}

/// The scope of a signing key: one day, one region, one service.
#[derive(Clone, Copy)]
pub(crate) struct Scope<'a> {
    pub(crate) date: &'a str,
    pub(crate) region: &'a str,
    pub(crate) service: &'a str,
}

struct Authorization<'a> {
    access_key_id: &'a str,
    scope: Scope<'a>,
    signed_headers: &'a str,
    signature: &'a str,
}

impl<'a> Authorization<'a> {
    /// Parses `AWS4-HMAC-SHA256 Credential=KEY/DATE/REGION/SERVICE/aws4_request, SignedHeaders=a;b,
    /// Signature=…`.
    fn parse(header: &'a str) -> Result<Authorization<'a>, Refusal> {
        let lacks = |lacks| Refusal::SignatureIncomplete { lacks };
        let parameters = header.strip_prefix("AWS4-HMAC-SHA256 ").ok_or(lacks("AWS4-HMAC-SHA256"))?;
        let parameter = |name: &'static str| {
            parameters
                .split(',')
                .find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='))
                .ok_or(lacks(name))
        };
        let credential: Vec<&str> = parameter("Credential")?.split('/').collect();
        let &[access_key_id, date, region, service, "aws4_request"] = credential.as_slice() else {
            return Err(lacks("Credential"));
        };
        Ok(Authorization {
            access_key_id,
            scope: Scope { date, region, service },
            signed_headers: parameter("SignedHeaders")?,
            signature: parameter("Signature")?,
        })
    }
}

fn check_freshness(timestamp: &str, scope: &Scope<'_>, now: SystemTime) -> Result<(), Refusal> {
    let signed = moment::parse_basic(timestamp);
    let signed = signed.ok_or(Refusal::SignatureIncomplete { lacks: "X-Amz-Date" })?;
    if !timestamp.starts_with(scope.date) {
        return Err(Refusal::WrongDateInScope);
    }
    let (earliest, latest) = (now - SKEW, now + SKEW);
    if signed < earliest {
        return Err(Refusal::SignedTooLongAgo {
            signed: timestamp.to_owned(),
            earliest: moment::basic(earliest),
            now: moment::basic(now),
        });
    }
    if signed > latest {
        return Err(Refusal::SignedInTheFuture {
            signed: timestamp.to_owned(),
            latest: moment::basic(latest),
            now: moment::basic(now),
        });
    }
    Ok(())
}

/// Returns the canonical request, which both sides compute before they sign.
pub(crate) fn canonical_request(head: &Head, signed_headers: &str, payload_hash: &str) -> String {
    // Every service except S3 encodes the received path again: `%3A` is signed as `%253A`.
    let path = uri::encode(&head.path, b"/");
    let mut query: Vec<(String, String)> =
        head.query.iter().map(|(name, value)| (uri::encode(name, b""), uri::encode(value, b""))).collect();
    query.sort();
    let query: Vec<String> = query.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let headers: String =
        signed_headers.split(';').map(|name| format!("{name}:{}\n", canonical_value(head, name))).collect();
    [head.method.as_str(), &path, &query.join("&"), &headers, signed_headers, payload_hash].join("\n")
}

/// Returns all values of a header, joined by commas, with each run of spaces collapsed.
fn canonical_value(head: &Head, name: &str) -> String {
    let values = head.headers.iter().filter(|(its, _)| its == name);
    let values = values.map(|(_, value)| value.split_whitespace().collect::<Vec<_>>().join(" "));
    values.collect::<Vec<_>>().join(",")
}

/// Returns the signature in hexadecimal. `timestamp` is the value of `x-amz-date`.
pub(crate) fn signature(secret: &str, scope: &Scope<'_>, timestamp: &str, canonical: &str) -> String {
    let Scope { date, region, service } = scope;
    let hash = hex::encode(Sha256::digest(canonical));
    let text = format!("AWS4-HMAC-SHA256\n{timestamp}\n{date}/{region}/{service}/aws4_request\n{hash}");
    let key = [*date, *region, *service, "aws4_request"]
        .iter()
        .fold(format!("AWS4{secret}").into_bytes(), |key, part| keyed_hash(&key, part));
    hex::encode(keyed_hash(&key, &text))
}

fn keyed_hash(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario;

    const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    /// AWS's Signature Version 4 test suite, `get-vanilla`.
    #[test]
    fn aws_own_vector_get_vanilla_gives_aws_own_signature() {
        let head = Head {
            method: "GET".to_owned(),
            path: "/".to_owned(),
            query: Vec::new(),
            headers: vec![
                ("host".to_owned(), "example.amazonaws.com".to_owned()),
                ("x-amz-date".to_owned(), "20150830T123600Z".to_owned()),
            ],
        };
        let canonical = canonical_request(&head, "host;x-amz-date", EMPTY);
        assert_eq!(
            canonical,
            format!(
                "GET\n/\n\nhost:example.amazonaws.com\nx-amz-date:20150830T123600Z\n\nhost;x-amz-date\n{EMPTY}"
            )
        );
        let scope = Scope { date: "20150830", region: "us-east-1", service: "service" };
        let secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
        assert_eq!(
            signature(secret, &scope, "20150830T123600Z", &canonical),
            "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
        );
    }

    #[test]
    fn a_path_is_encoded_twice_and_a_query_is_sorted() {
        let head = Head {
            method: "DELETE".to_owned(),
            path: "/tags/arn%3Aaws".to_owned(),
            query: uri::query("tagKeys=b&tagKeys=a%20a&A=1"),
            headers: vec![("host".to_owned(), "a   b".to_owned())],
        };
        assert_eq!(
            canonical_request(&head, "host", EMPTY),
            format!("DELETE\n/tags/arn%253Aaws\nA=1&tagKeys=a%20a&tagKeys=b\nhost:a b\n\nhost\n{EMPTY}")
        );
    }

    /// Signs with `signer`, lets `spoil` change the request, and verifies with the default settings.
    #[track_caller]
    fn check(signer: &Settings, spoil: impl FnOnce(&mut Head, &mut Vec<u8>), expected: &str) {
        let now = moment::Moment::now().wall;
        let mut body = b"{}".to_vec();
        let mut head = scenario::signed("PUT", "/2015-03-31/functions/f/code?b=2&a=1", &body, signer, now);
        spoil(&mut head, &mut body);
        let said = match verify(&head, &body, &Settings::default(), now) {
            Ok(()) => "accepted".to_owned(),
            Err(refusal) => refusal.wire().1.to_owned() + ": " + &refusal.wire().2,
        };
        assert!(said.starts_with(expected), "{said}");
    }

    fn settings(change: impl FnOnce(&mut Settings)) -> Settings {
        let mut settings = Settings::default();
        change(&mut settings);
        settings
    }

    #[test]
    fn a_signed_request_is_let_in() {
        check(&Settings::default(), |_, _| {}, "accepted");
    }

    #[test]
    fn a_request_without_a_signature_is_refused() {
        let unsign =
            |head: &mut Head, _: &mut Vec<u8>| head.headers.retain(|(name, _)| name != "authorization");
        check(
            &Settings::default(),
            unsign,
            "MissingAuthenticationTokenException: Missing Authentication Token",
        );
    }

    #[test]
    fn another_key_another_secret_and_another_region_are_distinguished() {
        let key = settings(|it| it.access_key_id = "AKIDOTHER".to_owned());
        check(&key, |_, _| {}, "UnrecognizedClientException: The security token");
        let secret = settings(|it| it.secret_access_key = "other".to_owned());
        check(&secret, |_, _| {}, "InvalidSignatureException: The request signature we calculated");
        let region = settings(|it| it.region = "eu-west-1".to_owned());
        check(&region, |_, _| {}, "InvalidSignatureException: Credential should be scoped");
    }

    #[test]
    fn a_token_that_belongs_to_no_such_key_is_refused() {
        let stray = settings(|it| it.session_token = Some("stray".to_owned()));
        check(&stray, |_, _| {}, "UnrecognizedClientException: The security token");
    }

    #[test]
    fn a_changed_body_path_or_header_breaks_the_signature() {
        let wrong = "InvalidSignatureException: The request signature we calculated";
        let signer = Settings::default();
        check(&signer, |_, body| body.push(b' '), wrong);
        check(&signer, |head, _| head.path.push('x'), wrong);
        check(&signer, |head, _| head.query.swap(0, 1), "accepted");
        check(&signer, |head, _| head.headers[0].1.push('x'), wrong);
    }

    #[test]
    fn a_signature_of_another_hour_is_stale() {
        let now = moment::Moment::now().wall;
        let hour = Duration::from_secs(3600);
        let signer = Settings::default();
        for (signed_at, expected) in
            [(now - hour, "Signature expired: "), (now + hour, "Signature not yet current: ")]
        {
            let head = scenario::signed("GET", "/", b"", &signer, signed_at);
            let refusal = verify(&head, b"", &signer, now).unwrap_err();
            assert!(refusal.wire().2.starts_with(expected), "{refusal:?}");
        }
    }
}
