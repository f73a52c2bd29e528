//! Builds the ARNs of resources. What is not known becomes `*`.

use crate::function::DesiredFunction;
use crate::protocol::name::Region;
use crate::protocol::stanza::Stanza;
use crate::protocol::text::is_number;

/// Escapes a text for a resource, where `*` and `?` are wildcards and `${` begins a variable.
pub(super) fn literal(text: &str) -> String {
    text.replace('$', "${$}").replace('*', "${*}").replace('?', "${?}")
}

/// An ARN with its name escaped. `None`: the text is not an ARN of that service and kind.
pub(super) fn literal_arn(arn: &str, service: &str, kind: &str) -> Option<String> {
    match arn.splitn(6, ':').collect::<Vec<_>>().as_slice() {
        ["arn", partition, its_service, region, account, name]
            if is_word(partition)
                && *its_service == service
                && (region.is_empty() || is_word(region))
                && is_number(account)
                && name.starts_with(kind) =>
        {
            Some(format!("arn:{partition}:{service}:{region}:{account}:{}", literal(name)))
        }
        _ => None,
    }
}

/// True for text that can be the name of a partition or a region.
pub(super) fn is_word(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

/// Partition, region and account of the function; `*` for an unknown one.
pub(super) struct ArnParts {
    pub(super) partition: String,
    pub(super) region: String,
    pub(super) account: String,
}

impl ArnParts {
    /// Takes them from the function's ARN, else from the role's.
    pub(super) fn of(stanza: &Stanza, desired: &DesiredFunction, region: &Region) -> ArnParts {
        let function: Vec<&str> = desired.name.as_str().split(':').collect();
        let role: Vec<&str> = stanza.role.as_deref().unwrap_or_default().split(':').collect();
        let (partition, account) = match (function.as_slice(), role.as_slice()) {
            (["arn", partition, "lambda", _, account, ..], _) => (*partition, *account),
            ([account, "function", _], ["arn", partition, ..]) => (*partition, *account),
            ([account, "function", _], _) => ("*", *account),
            (_, ["arn", partition, "iam", _, account, ..]) => (*partition, *account),
            _ => ("*", "*"),
        };
        let known =
            |text: &str, is_it: fn(&str) -> bool| if is_it(text) { text.to_owned() } else { "*".to_owned() };
        let region = desired.name.region().unwrap_or(region.as_str());
        ArnParts {
            partition: known(partition, is_word),
            region: known(region, is_word),
            account: known(account, is_number),
        }
    }

    /// The ARN of a resource in the function's region and account.
    pub(super) fn arn(&self, service: &str, resource: &str) -> String {
        let ArnParts { partition, region, account } = self;
        format!("arn:{partition}:{service}:{region}:{account}:{resource}")
    }

    /// The ARN of a layer that a stanza names by its name or ARN, without a version.
    pub(super) fn layer(&self, name: &str) -> String {
        let arn = literal_arn(name, "lambda", "layer:");
        arn.unwrap_or_else(|| self.arn("lambda", &format!("layer:{}", literal(name))))
    }

    pub(super) fn repository(&self, region: &str, account: &str, name: &str) -> String {
        format!("arn:{}:ecr:{region}:{account}:repository/{name}", self.partition)
    }
}
