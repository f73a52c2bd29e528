//! The maps of functions on Lambda Managed Instances: where they run, and how many execution environments
//! their version has. Knows nothing of the live function: the plan compares.

use crate::protocol::keys::structure;
use crate::protocol::schema_types::{Decimal, Text, WholeNumber};
use crate::protocol::stanza_reader::StanzaReader;

structure! {
    /// Where a function on Lambda Managed Instances runs.
    #[derive(Clone, Debug, Default, PartialEq)]
    pub struct CapacityProviderConfig in "capacity_provider_config." {
        /// ARN of the capacity provider, such as
        /// `arn:aws:lambda:us-east-1:123456789012:capacity-provider:ours`. Required to create a function on
        /// Managed Instances.
        pub capacity_provider_arn: Option<String> as Option<Text> = name(),
            "Capacity provider".example("arn:aws:lambda:us-east-1:123456789012:capacity-provider:ours");
        /// Number of invocations that one execution environment handles at the same time, 1 to 1600, such as
        /// 16. AWS default: it depends on the runtime.
        pub per_execution_environment_max_concurrency: Option<i32> as Option<WholeNumber>
            = number_within("invocations", 1..=1600),
            "Concurrency of an environment".example(16);
        /// Memory in GiB for each vCPU of an execution environment, 2 to 8, such as 4. AWS default: 2.
        pub execution_environment_memory_gib_per_vcpu: Option<f64> as Option<Decimal>
            = decimal_within("GiB", 2..=8),
            "Memory for each vCPU (GiB)".example(4);
    }
}

impl CapacityProviderConfig {
    /// Reads `capacity_provider_config`. At AWS, its members are in one more structure.
    pub(in crate::protocol) fn checked(r: &mut StanzaReader<'_>) -> Self {
        const INSIDE: &str = "LambdaManagedInstancesCapacityProviderConfig";
        const CREATE: &str = "CreateFunction";
        let config = CapacityProviderConfig::read(r);
        r.aws_fields = &[
            ("capacity_provider_arn", INSIDE, CREATE),
            ("per_execution_environment_max_concurrency", INSIDE, CREATE),
            ("execution_environment_memory_gib_per_vcpu", INSIDE, CREATE),
        ];
        config
    }
}

structure! {
    /// How many execution environments the version has that goes live.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct Scaling in "scaling." {
        /// Number of execution environments that AWS keeps running, 0 to 15000, such as 3.
        pub min_execution_environments: Option<i32> as Option<WholeNumber>
            = number_within("environments", 0..=15_000),
            "Minimum of environments".example(3)
                => "FunctionScalingConfig.MinExecutionEnvironments" of PutFunctionScalingConfig;
        /// Number of execution environments that AWS starts at most, 1 to 15000, such as 20.
        pub max_execution_environments: Option<i32> as Option<WholeNumber> = environments(),
            "Maximum of environments".between(1..=15_000).example(20)
                => "FunctionScalingConfig.MaxExecutionEnvironments" of PutFunctionScalingConfig;
    }
}

impl Scaling {
    /// Reads `scaling`, and refuses a minimum above the maximum.
    pub(in crate::protocol) fn checked(r: &mut StanzaReader<'_>) -> Self {
        let scaling = Scaling::read(r);
        if let (Some(min), Some(max)) =
            (scaling.min_execution_environments, scaling.max_execution_environments)
            && min > max
        {
            let message = format!(
                "`scaling.min_execution_environments` is {min}; expected at most the maximum, which is {max}"
            );
            r.refuse("min_execution_environments", message);
        }
        scaling
    }

    /// These numbers, with those of `live` for members that are absent here.
    pub(crate) fn or(self, live: Scaling) -> Self {
        Scaling {
            min_execution_environments: self.min_execution_environments.or(live.min_execution_environments),
            max_execution_environments: self.max_execution_environments.or(live.max_execution_environments),
        }
    }
}

impl StanzaReader<'_> {
    /// Reads a maximum of execution environments. 0 would deactivate the version that a deployment makes
    /// live.
    fn environments(&mut self, key: &'static str) -> Option<i32> {
        let number = self.number_within(key, "environments", 0..=15_000)?;
        if number == 0 {
            let message = format!(
                "`{}` is 0, which deactivates the function; expected at least 1 environment",
                self.name_of(key)
            );
            self.refuse(key, message);
            return None;
        }
        Some(number)
    }
}
