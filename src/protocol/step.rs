//! The table of steps: each step of a deployment is declared here, once, with its name in events, its AWS
//! operation and the IAM action that it needs. `plan/action.rs` has the parameters of the steps, and
//! `lambda/call.rs` sends their requests.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Defines the steps. A row has the name in events and, if these do not follow from the name of the variant,
/// the AWS operation and the IAM action.
macro_rules! steps {
    // `$word` is a `tt` and not a `literal`, because the derive macros read it in an attribute.
    ($($(#[doc = $doc:literal])* $name:ident: $word:tt $(, $operation:literal, $action:literal)?;)*) => {
        /// A step of a deployment, named after its AWS operation.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
        pub enum StepName { $($(#[doc = $doc])* #[serde(rename = $word)] $name,)* }

        impl StepName {
            /// All steps, in the order of their declaration.
            pub const ALL: &'static [StepName] = &[$(StepName::$name,)*];

            /// The name of the step in events, such as `update-function-code`.
            pub fn as_str(self) -> &'static str {
                match self { $(StepName::$name => $word,)* }
            }

            /// The AWS operation of the step. For a step that waits, the one that it repeats.
            pub fn operation(self) -> &'static str {
                match self { $(StepName::$name => steps!(@operation $name $($operation)?),)* }
            }

            /// The IAM action that the step needs, such as `lambda:UpdateFunctionCode`.
            pub fn iam_action(self) -> &'static str {
                match self { $(StepName::$name => steps!(@action $name $($action)?),)* }
            }
        }
    };
    (@operation $name:ident) => { stringify!($name) };
    (@operation $name:ident $operation:literal) => { $operation };
    (@action $name:ident) => { concat!("lambda:", stringify!($name)) };
    (@action $name:ident $action:literal) => { $action };
}

steps! {
    /// Creates the function with its settings and code.
    CreateFunction: "create-function";
    /// Changes settings.
    UpdateFunctionConfiguration: "update-function-configuration";
    /// Sets the code signing configuration.
    PutFunctionCodeSigningConfig: "put-function-code-signing-config";
    /// Removes the code signing configuration.
    DeleteFunctionCodeSigningConfig: "delete-function-code-signing-config";
    /// Removes tags.
    UntagResource: "untag-resource";
    /// Adds and changes tags.
    TagResource: "tag-resource";
    /// Changes the code.
    UpdateFunctionCode: "update-function-code";
    /// Sets the reserved concurrency.
    PutFunctionConcurrency: "put-function-concurrency";
    /// Removes the reserved concurrency.
    DeleteFunctionConcurrency: "delete-function-concurrency";
    /// Sets when Lambda updates the runtime.
    PutRuntimeManagementConfig: "put-runtime-management-config";
    /// Sets what Lambda does in a recursive loop.
    PutFunctionRecursionConfig: "put-function-recursion-config";
    /// Sets the configuration of asynchronous invocations.
    PutFunctionEventInvokeConfig: "put-function-event-invoke-config";
    /// Removes the configuration of asynchronous invocations.
    DeleteFunctionEventInvokeConfig: "delete-function-event-invoke-config";
    /// Creates the URL of the function.
    CreateFunctionUrlConfig: "create-function-url-config";
    /// Changes the URL of the function.
    UpdateFunctionUrlConfig: "update-function-url-config";
    /// Removes the URL of the function.
    DeleteFunctionUrlConfig: "delete-function-url-config";
    /// Adds the permission for everyone to invoke the function through its URL.
    AddPermission: "add-permission";
    /// Removes the permission for everyone to invoke the function through its URL.
    RemovePermission: "remove-permission";
    /// Uploads the archive to S3, unless it is already there.
    UploadPackage: "upload-package", "PutObject", "s3:PutObject";
    /// Publishes a version of a layer, unless the latest one has the content already.
    PublishLayerVersion: "publish-layer-version";
    /// Publishes a version.
    PublishVersion: "publish-version";
    /// Sets the numbers of execution environments of a version on Lambda Managed Instances.
    PutFunctionScalingConfig: "put-function-scaling-config";
    /// Waits for an update by someone else, or between two steps of `traffic`.
    Wait: "wait", "GetFunction", "lambda:GetFunction";
    /// Runs the check in `verify`: invokes the version, runs the command, or both.
    Verify: "verify", "Invoke", "lambda:InvokeFunction";
    /// Creates an alias.
    CreateAlias: "create-alias";
    /// Sends all traffic of an alias to a version.
    UpdateAlias: "update-alias";
    /// Sends a part of an alias's traffic to a version.
    ShiftTraffic: "shift-traffic", "UpdateAlias", "lambda:UpdateAlias";
    /// Starts a CodeDeploy deployment that moves an alias to a version, or follows the one that does so
    /// already.
    CreateDeployment: "create-deployment", "CreateDeployment", "codedeploy:CreateDeployment";
    /// Stops a CodeDeploy deployment, and waits until all traffic of the alias goes to the previous version.
    StopDeployment: "stop-deployment", "StopDeployment", "codedeploy:StopDeployment";
    /// Sets the provisioned concurrency of an alias.
    PutProvisionedConcurrencyConfig: "put-provisioned-concurrency-config";
    /// Removes the provisioned concurrency of an alias.
    DeleteProvisionedConcurrencyConfig: "delete-provisioned-concurrency-config";
    /// Makes an event source mapping of the function call the alias.
    UpdateEventSourceMapping: "update-event-source-mapping";
    /// Deletes an old version.
    DeleteFunction: "delete-function";
    /// Deletes an old version of a layer.
    DeleteLayerVersion: "delete-layer-version";
}

impl StepName {
    /// True if CreateFunction includes the effect of this step.
    pub fn is_part_of_creation(self) -> bool {
        use StepName::{CreateFunction, TagResource, UpdateFunctionCode, UpdateFunctionConfiguration};
        [CreateFunction, TagResource, UpdateFunctionConfiguration, UpdateFunctionCode].contains(&self)
    }
}
