//! The maps of settings that AWS fixes, wholly or in part, when it creates a function. Knows nothing of the
//! live function: the plan compares.

use crate::protocol::keys::structure;
use crate::protocol::schema_types::{Text, WholeNumber};
use crate::protocol::stanza_reader::ValueWords;

const TENANT_ISOLATION: ValueWords =
    &[("PER_TENANT", "An execution environment serves only one tenant, whose ID each invocation names.")];

structure! {
    /// Settings of a durable function.
    #[derive(Clone, Debug, Default, PartialEq, Eq)]
    pub struct DurableConfig in "durable_config." {
        /// Time limit of a whole durable execution in seconds, 1 to 31622400 (366 days), such as 3600.
        /// Required to create a durable function. AWS lets no caller wait for a response longer than 900
        /// seconds.
        pub execution_timeout: Option<i32> as Option<WholeNumber> = number_within("seconds", 1..=31_622_400),
            "Execution timeout (seconds)".example(3600);
        /// Days for which AWS keeps the history of an execution after its end, 1 to 90, such as 30. AWS
        /// default: 14.
        pub retention_period_in_days: Option<i32> as Option<WholeNumber> = number_within("days", 1..=90),
            "Retention (days)".example(30);
        /// ARN of the KMS key that encrypts the data of executions, such as
        /// `arn:aws:kms:us-east-1:123456789012:key/1234abcd`. An empty string selects the default key of AWS.
        pub kms_key_arn: Option<String> as Option<Text> = text(),
            "KMS key for executions".example("arn:aws:kms:us-east-1:123456789012:key/1234abcd");
    }
}

structure! {
    /// Isolation of the tenants of a function.
    #[derive(Clone, Debug, Default, PartialEq, Eq)]
    pub struct TenancyConfig in "tenancy_config." {
        /// Isolation of tenants: `PER_TENANT` gives each tenant its own execution environments. Then each
        /// invocation names a tenant, also that of `verify` (`verify.tenant_id`).
        pub tenant_isolation_mode: Option<String> as Option<Text> = word(TENANT_ISOLATION),
            "Tenant isolation mode";
    }
}
