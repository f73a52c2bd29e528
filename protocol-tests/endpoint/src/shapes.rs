//! Checks strings against the patterns of AWS's model, and holds the patterns that AWS quotes in its errors.
//! Never evaluates a regular expression: ten small functions do not justify a dependency on a regex crate.

use crate::function_name::{is_account, is_region, is_word};

// Recorded, unless a comment names another source.
pub(crate) const ROLE: &str = r"arn:(aws[a-zA-Z-]*)?:iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+";
pub(crate) const LAYER: &str = r"Member must have length less than or equal to 2048, Member must have length greater than or equal to 1, Member must satisfy regular expression pattern: (arn:(aws[a-zA-Z-]*)?:lambda:(eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:\d{12}:layer:[a-zA-Z0-9-_]+:[0-9]+)|(arn:[a-zA-Z0-9-]+:lambda:::awslayer:[a-zA-Z0-9-_]+), Member must not be null";
pub(crate) const SUBNET: &str = "Member must have length less than or equal to 1024, Member must have length greater than or equal to 0, Member must satisfy regular expression pattern: subnet-[0-9a-z]*";
pub(crate) const SECURITY_GROUP: &str = "Member must have length less than or equal to 1024, Member must have length greater than or equal to 0, Member must satisfy regular expression pattern: sg-[0-9a-zA-Z]*";
// The next five are from botocore's model.
pub(crate) const ARN_OR_EMPTY: &str = r"(arn:(aws[a-zA-Z-]*)?:[a-z0-9-.]+:.*)|()";
pub(crate) const SIGNING: &str = r"arn:(aws[a-zA-Z-]*)?:lambda:(eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:\d{12}:code-signing-config:csc-[a-z0-9]{17}";
pub(crate) const CAPACITY_PROVIDER: &str = r"arn:aws[a-zA-Z-]*:lambda:(eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:\d{12}:capacity-provider:[a-zA-Z0-9-_]+";
pub(crate) const PUBLISHED: &str = r"(\$LATEST\.PUBLISHED|[0-9]+)";
pub(crate) const FILE_SYSTEM: &str = r"arn:aws[a-zA-Z-]*:elasticfilesystem:(eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:\d{12}:access-point/fsap-[a-f0-9]{17}$|^arn:aws[-a-z]*:s3files:[0-9a-z-:]+:file-system/fs-[0-9a-f]{17,40}/access-point/fsap-[0-9a-f]{17,40}";
// Recorded.
pub(crate) const DESTINATION: &str = r"$|kafka://([^.]([a-zA-Z0-9\-_.]{0,248}))|arn:(aws[a-zA-Z0-9-]*):([a-zA-Z0-9\-])+:((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1})?:(\d{12})?:(.*)";

/// Matches `arn:(aws[a-zA-Z-]*)?:iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+`.
pub(crate) fn is_role(text: &str) -> bool {
    let parts: Vec<&str> = text.split(':').collect();
    let &["arn", partition, "iam", "", account, resource] = parts.as_slice() else {
        return false;
    };
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"_+=,.@-/".contains(&byte);
    (partition.is_empty() || partition.starts_with("aws"))
        && is_account(account)
        && resource.strip_prefix("role").is_some_and(|name| name.len() > 1 && name.bytes().all(fits))
}

/// Matches `(arn:(aws[a-zA-Z-]*)?:[a-z0-9-.]+:.*)|()`.
pub(crate) fn is_arn_or_empty(text: &str) -> bool {
    let mut parts = text.splitn(4, ':');
    let (arn, partition, service) = (parts.next(), parts.next(), parts.next());
    let partition = partition.is_some_and(|part| part.is_empty() || part.starts_with("aws"));
    text.is_empty()
        || (arn == Some("arn") && partition && service.is_some_and(|part| is_made_of(part, b"-.")))
}

pub(crate) fn is_layer(text: &str) -> bool {
    match text.split(':').collect::<Vec<_>>().as_slice() {
        ["arn", _, "lambda", region, account, "layer", name, version] => {
            is_region(region) && is_account(account) && is_word(name) && version.parse::<u64>().is_ok()
        }
        ["arn", _, "lambda", "", "", "awslayer", name] => is_word(name),
        _ => false,
    }
}

pub(crate) fn is_signing(text: &str) -> bool {
    match text.split(':').collect::<Vec<_>>().as_slice() {
        ["arn", _, "lambda", region, account, "code-signing-config", id] => {
            let id = id.strip_prefix("csc-").unwrap_or_default();
            is_region(region) && is_account(account) && id.len() == 17 && is_made_of(id, b"")
        }
        _ => false,
    }
}

/// Matches [`DESTINATION`], except for the name of a Kafka topic.
pub(crate) fn is_destination(text: &str) -> bool {
    match text.splitn(6, ':').collect::<Vec<_>>().as_slice() {
        ["arn", partition, service, region, account, _] => {
            partition.starts_with("aws")
                && is_made_of(service, b"-")
                && (region.is_empty() || is_region(region))
                && (account.is_empty() || is_account(account))
        }
        _ => text.is_empty() || text.starts_with("kafka://"),
    }
}

pub(crate) fn is_capacity_provider(text: &str) -> bool {
    match text.split(':').collect::<Vec<_>>().as_slice() {
        ["arn", _, "lambda", region, account, "capacity-provider", name] => {
            is_region(region) && is_account(account) && is_word(name)
        }
        _ => false,
    }
}

/// Matches [`PUBLISHED`].
pub(crate) fn is_published(text: &str) -> bool {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text == "$LATEST.PUBLISHED" || is_number
}

pub(crate) fn is_file_system(text: &str) -> bool {
    match text.split(':').collect::<Vec<_>>().as_slice() {
        ["arn", _, "elasticfilesystem", region, account, access] => {
            let id = access.strip_prefix("access-point/fsap-").unwrap_or_default();
            is_region(region) && is_account(account) && id.len() == 17 && is_made_of(id, b"")
        }
        ["arn", _, "s3files", .., access] => {
            access.starts_with("file-system/fs-") && access.contains("/access-point/fsap-")
        }
        _ => false,
    }
}

/// Matches `subnet-[0-9a-z]*` and `sg-[0-9a-zA-Z]*`.
pub(crate) fn is_id(text: &str, prefix: &str) -> bool {
    text.strip_prefix(prefix).is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

pub(crate) fn is_log_group(text: &str) -> bool {
    is_made_of(text, b".-_/#")
}

/// True if the text is not empty and has only letters, digits and the bytes in `others`.
pub(crate) fn is_made_of(text: &str, others: &[u8]) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || others.contains(&byte))
}
