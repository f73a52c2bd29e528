//! Keys of the maps that Lambda takes in calls of their own: `event_invoke_config` and `runtime_management`.
//! Does not depend on the other keys of the stanza.

use serde::Serialize;

use crate::protocol::keys::structure;
use crate::protocol::schema_types::{Text, WholeNumber};
use crate::protocol::stanza_reader::{StanzaReader, ValueWords};

const RUNTIME_UPDATES: ValueWords = &[
    ("Auto", "When AWS has a new runtime version, in two phases."),
    ("FunctionUpdate", "Together with the next update of the function."),
    ("Manual", "Never: the function keeps `runtime_version_arn`."),
];

structure! {
    /// How Lambda treats asynchronous invocations.
    #[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
    pub struct EventInvokeConfig in "event_invoke_config." {
        /// How often Lambda invokes the function again for an event after an error, 0 to 2. AWS default: 2.
        pub maximum_retry_attempts: Option<i32> as Option<WholeNumber> = number_within("retries", 0..=2),
            "Retries".example(0) => "MaximumRetryAttempts" of PutFunctionEventInvokeConfig;
        /// Time in seconds for which Lambda keeps an event that the function has not processed, 60 to 21600,
        /// such as 3600. AWS default: 21600.
        pub maximum_event_age: Option<i32> as Option<WholeNumber> = number_within("seconds", 60..=21600),
            "Age of events (seconds)".example(3600)
                => "MaximumEventAgeInSeconds" of PutFunctionEventInvokeConfig;
        /// ARN of the queue, topic, function or event bus to which Lambda sends a record of each event that
        /// the function has processed, such as `arn:aws:sqs:us-east-1:123456789012:processed`. An empty
        /// string removes it.
        pub on_success: Option<String> as Option<Text> = text(),
            "Destination of processed events".example("arn:aws:sqs:us-east-1:123456789012:processed")
                => "DestinationConfig.OnSuccess" of PutFunctionEventInvokeConfig;
        /// ARN of the queue, topic, bucket, function or event bus to which Lambda sends a record of each
        /// event that the function failed to process, such as `arn:aws:sqs:us-east-1:123456789012:failed`. An
        /// empty string removes it.
        pub on_failure: Option<String> as Option<Text> = text(),
            "Destination of failed events".example("arn:aws:sqs:us-east-1:123456789012:failed")
                => "DestinationConfig.OnFailure" of PutFunctionEventInvokeConfig;
    }
}

structure! {
    /// When Lambda updates the function to a new version of its runtime.
    #[derive(Clone, Debug, Default, PartialEq, Eq)]
    pub struct RuntimeManagement in "runtime_management." {
        /// When the runtime is updated: `Auto` when AWS has a new version, `FunctionUpdate` together with the
        /// next update of the function, `Manual` never. AWS default: `Auto`; with `runtime_version_arn`,
        /// `Manual`.
        pub update_runtime_on: Option<String> as Option<Text> = word(RUNTIME_UPDATES),
            "Runtime updates" => "UpdateRuntimeOn" of PutRuntimeManagementConfig;
        /// ARN of the runtime version that the function keeps. The line `INIT_START` in the function's log
        /// has it. Only with `update_runtime_on: Manual`, or alone.
        pub runtime_version_arn: Option<String> as Option<Text> = name(),
            "Runtime version"
                .example(
                    "arn:aws:lambda:us-east-1::runtime:\
                    07a48df201798d627f2b950f03bb227aab4a655a1d019c3296406f95937e2525",
                )
                => "RuntimeVersionArn" of PutRuntimeManagementConfig;
    }
}

impl RuntimeManagement {
    /// Reads `runtime_management`, and refuses `Manual` without a runtime version, and another mode with one.
    pub(in crate::protocol) fn checked(r: &mut StanzaReader<'_>) -> Self {
        let runtime = RuntimeManagement::read(r);
        let (key, has_version) = ("runtime_version_arn", r.has("runtime_version_arn"));
        match runtime.update_runtime_on.as_deref() {
            Some("Manual") if !has_version => {
                let message = "`runtime_management.update_runtime_on` is `Manual`, which requires \
                    `runtime_version_arn`";
                r.require(key, message);
            }
            Some(other) if other != "Manual" && has_version => {
                let message = "`runtime_management.runtime_version_arn` requires `update_runtime_on: Manual`";
                r.refuse(key, message);
            }
            Some(_) | None => {}
        }
        runtime
    }

    /// AWS's word, or the ARN of the runtime version that the function keeps.
    pub fn mode(&self) -> String {
        let word = self.update_runtime_on.as_ref().filter(|word| !word.is_empty());
        self.runtime_version_arn.as_ref().or(word).cloned().unwrap_or_else(|| "Auto".to_owned())
    }
}
