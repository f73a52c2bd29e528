//! The texts of the SDK's errors, as far as they help a user. Never returns the Debug output of a structure,
//! or what a `credential_process` wrote.

use std::error::Error;

use aws_smithy_types::error::ErrorMetadata;

/// Texts of the SDK that only name the kind of an error. The error below says what happened.
const KINDS: [&str; 12] = [
    "an error occurred while loading an access token",
    "an error occurred while loading credentials",
    "client error",
    "dispatch failure",
    "io error",
    "other",
    "response error",
    "service error",
    "timeout",
    "unexpected credentials error",
    "unhandled error",
    "user error",
];

/// The texts of an error of the SDK and of its causes, nearest first. Leaves out repetitions, texts that say
/// nothing and the output of a process.
pub(crate) fn error_texts(error: &(dyn Error + 'static)) -> Vec<String> {
    let mut texts: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let text = plain_text(error);
        // `unhandled error (AccessDenied)`, `client error (Connect)`
        let kind = text.split(" (").next().unwrap_or_default();
        if !text.is_empty() && !KINDS.contains(&kind) && texts.last() != Some(&text) {
            texts.push(text);
        }
        next = error.source();
    }
    texts
}

/// The text of one error, without structures of Rust.
fn plain_text(error: &(dyn Error + 'static)) -> String {
    if let Some(aws) = error.downcast_ref::<ErrorMetadata>() {
        return [aws.code(), aws.message()].into_iter().flatten().collect::<Vec<_>>().join(": ");
    }
    let text = without_process_output(&error.to_string());
    // The metadata service's whole response, and the status of a container's.
    let text = text.split(". Response {").next().unwrap_or_default();
    match text.split_once("StatusCode(") {
        Some((before, status)) => format!("{before}{}", status.trim_end_matches(')')),
        None => text.to_owned(),
    }
}

/// The SDK's text about a failed `credential_process`, without the process's own output. That may contain
/// keys, which the redactor does not know yet.
fn without_process_output(words: &str) -> String {
    match words.split_once("Stderr: ") {
        Some((before, _)) => {
            format!("{before}The process's output is not shown, because it may contain keys")
        }
        None => words.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use aws_sdk_lambda::error::SdkError;
    use aws_sdk_lambda::operation::get_function::GetFunctionError;
    use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
    use aws_smithy_runtime_api::client::result::ConnectorError;
    use aws_smithy_runtime_api::http::StatusCode;
    use aws_smithy_types::body::SdkBody;

    use super::*;
    use crate::lambda::CallError;

    type GetError = SdkError<GetFunctionError, HttpResponse>;

    #[test]
    fn a_text_that_says_nothing_and_a_rust_structure_are_no_causes() {
        let reset = io::Error::from(io::ErrorKind::ConnectionReset);
        let broken = GetError::dispatch_failure(ConnectorError::io(reset.into()));
        assert_eq!(error_texts(&broken), ["connection reset"]);
        assert_eq!(CallError::of("GetFunction", broken).causes(), ["connection reset"]);
        for (aws, texts) in [
            (ErrorMetadata::builder().code("AccessDenied").message("not you"), vec!["AccessDenied: not you"]),
            (ErrorMetadata::builder().message("not you"), vec!["not you"]),
            (ErrorMetadata::builder(), vec![]),
        ] {
            let status = StatusCode::try_from(403_u16).expect("a status");
            let response = HttpResponse::new(status, SdkBody::empty());
            let refused = GetError::service_error(GetFunctionError::generic(aws.build()), response);
            assert_eq!(error_texts(&refused), texts);
        }
    }
}
