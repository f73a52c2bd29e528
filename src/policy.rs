//! A stanza in, the least IAM policy with which its deployments succeed out. Pure.
//! Never asks AWS: what only AWS knows, such as the account of a function that is named by its name, is `*`.

use crate::code::Source;
use crate::function::{ChangedBy, Setting, Wanted};
use crate::protocol::policy::{PolicyDocument, Statement};
use crate::protocol::stanza::Stanza;
use crate::protocol::structures::OrNone;

/// A policy, and what has to be known besides.
#[derive(Clone, Debug)]
pub struct Policy {
    /// For whoever deploys.
    pub document: PolicyDocument,
    /// What it leaves open, a sentence each.
    pub notes: Vec<String>,
}

/// The least policy for every deployment of a stanza: of a function that is absent, and of one in which everything that the
/// stanza names differs. `region` is that of the job, where the stanza names none.
pub fn of(stanza: &Stanza, wanted: &Wanted, source: &Source, region: Option<&str>) -> Policy {
    let place = Place::of(stanza, wanted, region);
    let function = format!("{}:function:{}", place.lambda(), wanted.name.name());
    let versions = format!("{function}:*");
    let mut statements =
        vec![Statement::allow(of_function(stanza, wanted, source), [function.clone()]).named("Function")];
    let mut add = |sid, actions: &[&str], resources: Vec<String>| {
        if !actions.is_empty() && !resources.is_empty() {
            statements.push(Statement::allow(actions.iter().copied(), resources).named(sid));
        }
    };
    add("Versions", &of_versions(stanza, wanted), vec![versions]);
    let qualified = |alias: &String| format!("{function}:{alias}");
    add("Aliases", &of_provisioned(wanted), wanted.release.aliases.iter().map(qualified).collect());
    for setting in &wanted.settings {
        match setting {
            Setting::Layers(layers) => add("Layers", &["lambda:GetLayerVersion"], layers.clone()),
            Setting::SubnetIds(ids) | Setting::SecurityGroupIds(ids) if !ids.is_empty() => {
                let actions = ["ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs"];
                add("Network", &actions, vec!["*".to_owned()]);
            }
            Setting::KmsKeyArn(key) if !key.is_empty() => {
                add("VariablesKey", &["kms:CreateGrant", "kms:Decrypt", "kms:Encrypt"], vec![key.clone()]);
            }
            Setting::SourceKmsKeyArn(key) if !key.is_empty() => {
                add("PackageKey", &["kms:Decrypt", "kms:GenerateDataKey"], vec![key.clone()]);
            }
            Setting::FileSystems(systems) if !systems.is_empty() => {
                add("FileSystems", &["elasticfilesystem:DescribeMountTargets"], vec!["*".to_owned()]);
            }
            Setting::CodeSigningConfigArn(config) if !config.is_empty() => {
                let actions = ["lambda:GetCodeSigningConfig", "lambda:PutFunctionCodeSigningConfig"];
                add("CodeSigning", &actions, vec![config.clone()]);
            }
            _ => {}
        }
    }
    of_code(source, wanted, &place).into_iter().for_each(|(sid, actions, resource)| add(sid, actions, vec![resource]));
    statements.dedup_by(|second, first| second == first);
    if let Some(Setting::Role(role)) = wanted.settings.iter().find(|setting| matches!(setting, Setting::Role(_))) {
        statements.push(Statement::pass_role(role.clone()).named("PassRole"));
    }
    Policy { document: PolicyDocument::of(statements), notes: notes(stanza, &place) }
}

/// What is done to the function itself.
fn of_function(stanza: &Stanza, wanted: &Wanted, source: &Source) -> Vec<&'static str> {
    let has = |call| wanted.settings.iter().any(|setting| setting.changed_by() == call);
    let release = &wanted.release;
    let is_image = matches!(source, Source::Image(_));
    let creates = stanza.role.is_some() && (is_image || (stanza.runtime.is_some() && wanted.handler.is_some()));
    let signing = wanted.settings.iter().find_map(|setting| match setting {
        Setting::CodeSigningConfigArn(config) => Some(config.is_empty()),
        _ => None,
    });
    let reserved = wanted.settings.iter().find_map(|setting| match setting {
        Setting::ReservedConcurrency(executions) => Some(executions.is_none()),
        _ => None,
    });
    let auth_type = match &wanted.url {
        Some(OrNone::Some(url)) => url.auth_type.as_deref(),
        _ => None,
    };
    let has_url = matches!(wanted.url, Some(OrNone::Some(_)));
    let actions = [
        (true, "lambda:GetFunction"),
        (creates, "lambda:CreateFunction"),
        (has(ChangedBy::Configuration) || wanted.handler.is_some(), "lambda:UpdateFunctionConfiguration"),
        (*source != Source::LiveImage || has(ChangedBy::Code), "lambda:UpdateFunctionCode"),
        (wanted.tags.is_some(), "lambda:ListTags"),
        (wanted.tags.is_some(), "lambda:TagResource"),
        (wanted.tags.is_some() && wanted.replaces_tags, "lambda:UntagResource"),
        (signing.is_some(), "lambda:GetFunctionCodeSigningConfig"),
        (signing == Some(false), "lambda:PutFunctionCodeSigningConfig"),
        (signing == Some(true), "lambda:DeleteFunctionCodeSigningConfig"),
        (reserved == Some(false), "lambda:PutFunctionConcurrency"),
        (reserved == Some(true), "lambda:DeleteFunctionConcurrency"),
        (wanted.url.is_some(), "lambda:GetFunctionUrlConfig"),
        (wanted.url.is_some(), "lambda:GetPolicy"),
        (has_url, "lambda:CreateFunctionUrlConfig"),
        (has_url, "lambda:UpdateFunctionUrlConfig"),
        (wanted.url == Some(OrNone::None), "lambda:DeleteFunctionUrlConfig"),
        (has_url && auth_type != Some("AWS_IAM"), "lambda:AddPermission"),
        (wanted.url.is_some() && auth_type != Some("NONE"), "lambda:RemovePermission"),
        (release.publish, "lambda:PublishVersion"),
        (release.publish || release.keep.is_some(), "lambda:ListVersionsByFunction"),
        (!release.aliases.is_empty() || release.keep.is_some(), "lambda:ListAliases"),
        (!release.aliases.is_empty(), "lambda:CreateAlias"),
        (!release.aliases.is_empty(), "lambda:GetAlias"),
        (!release.aliases.is_empty(), "lambda:UpdateAlias"),
    ];
    actions.into_iter().filter(|(is_needed, _)| *is_needed).map(|(_, action)| action).collect()
}

/// What is done to published versions, and to `$LATEST` by that name.
fn of_versions(stanza: &Stanza, wanted: &Wanted) -> Vec<&'static str> {
    let verify = stanza.verify.as_ref();
    let invokes =
        verify.is_some_and(|verify| verify.command.is_none() || verify.payload.is_some() || verify.expect.is_some());
    let actions = [
        (wanted.release.publish, "lambda:GetFunction"),
        (invokes, "lambda:InvokeFunction"),
        (wanted.release.keep.is_some(), "lambda:DeleteFunction"),
    ];
    actions.into_iter().filter(|(is_needed, _)| *is_needed).map(|(_, action)| action).collect()
}

/// What is done to the aliases by their names.
fn of_provisioned(wanted: &Wanted) -> Vec<&'static str> {
    match wanted.release.provisioned {
        None => Vec::new(),
        Some(Some(_)) => {
            vec!["lambda:GetProvisionedConcurrencyConfig", "lambda:PutProvisionedConcurrencyConfig"]
        }
        Some(None) => {
            vec!["lambda:DeleteProvisionedConcurrencyConfig", "lambda:GetProvisionedConcurrencyConfig"]
        }
    }
}

/// What is needed so that Lambda gets the code: the statement's name, the actions, and on what.
fn of_code(source: &Source, wanted: &Wanted, place: &Place) -> Option<(&'static str, &'static [&'static str], String)> {
    let object = |bucket: &str, key: &str| format!("arn:{}:s3:::{bucket}/{key}", place.partition);
    match source {
        Source::Package | Source::LiveImage => None,
        Source::PackageInBucket(bucket) => {
            let separator = if bucket.prefix.is_empty() { "" } else { "/" };
            let keys = format!("{}{separator}{}/*", bucket.prefix, wanted.name.name());
            let actions = &["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"];
            Some(("Package", actions, object(&bucket.name, &keys)))
        }
        Source::Object(place) => {
            let actions: &[&str] = if place.version.is_some() { &["s3:GetObjectVersion"] } else { &["s3:GetObject"] };
            Some(("Package", actions, object(&place.bucket, &place.key)))
        }
        Source::Image(uri) => {
            let actions = &[
                "ecr:BatchGetImage",
                "ecr:GetDownloadUrlForLayer",
                "ecr:GetRepositoryPolicy",
                "ecr:SetRepositoryPolicy",
            ];
            Some(("Image", actions, repository(uri, place)))
        }
    }
}

/// The ARN of an image's repository: `123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/app:7`.
fn repository(uri: &str, place: &Place) -> String {
    let (host, path) = uri.split_once('/').unwrap_or(("", uri));
    let name = path.split(['@', ':']).next().unwrap_or(path);
    let (account, region) = match host.split('.').collect::<Vec<_>>().as_slice() {
        [account, "dkr", "ecr", region, ..] => (*account, *region),
        _ => ("*", "*"),
    };
    format!("arn:{}:ecr:{region}:{account}:repository/{name}", place.partition)
}

/// Where the function is; `*` where nobody says.
struct Place {
    partition: String,
    region: String,
    account: String,
}

impl Place {
    /// From the function's ARN, else from the role's, else from the region.
    fn of(stanza: &Stanza, wanted: &Wanted, region: Option<&str>) -> Place {
        let function: Vec<&str> = wanted.name.as_str().split(':').collect();
        let role: Vec<&str> = stanza.role.as_deref().unwrap_or_default().split(':').collect();
        let region = stanza.region.as_ref().map(|region| region.as_str()).or(region);
        let known = |text: Option<&str>| text.filter(|text| !text.is_empty()).unwrap_or("*").to_owned();
        match (function.as_slice(), role.as_slice()) {
            (["arn", partition, "lambda", region, account, ..], _) => Place {
                partition: (*partition).to_owned(),
                region: (*region).to_owned(),
                account: (*account).to_owned(),
            },
            ([account, "function", _], ["arn", partition, ..]) => {
                Place { partition: (*partition).to_owned(), region: known(region), account: (*account).to_owned() }
            }
            (_, ["arn", partition, "iam", _, account, ..]) => {
                Place { partition: (*partition).to_owned(), region: known(region), account: known(Some(account)) }
            }
            ([account, "function", _], _) => {
                Place { partition: "*".to_owned(), region: known(region), account: (*account).to_owned() }
            }
            _ => Place { partition: "*".to_owned(), region: known(region), account: "*".to_owned() },
        }
    }

    fn lambda(&self) -> String {
        format!("arn:{}:lambda:{}:{}", self.partition, self.region, self.account)
    }
}

fn notes(stanza: &Stanza, place: &Place) -> Vec<String> {
    let mut notes = Vec::new();
    let unknown: Vec<&str> = [("partition", &place.partition), ("region", &place.region), ("account", &place.account)]
        .into_iter()
        .filter(|(_, value)| *value == "*")
        .map(|(what, _)| what)
        .collect();
    if !unknown.is_empty() {
        let (are, them) = if unknown.len() == 1 { ("is", "it") } else { ("are", "them") };
        notes.push(format!(
            "the function's {} {are} not known, so `*` stands for {them}; name `role` and `region`, or the function by its ARN",
            unknown.join(" and ")
        ));
    }
    if let Some(role) = &stanza.role_to_assume {
        let how = match stanza.web_identity_token_env {
            Some(_) => "its trust policy must let the CI system's identity provider assume it",
            None => "whoever assumes it needs sts:AssumeRole on it, and its trust policy must allow that",
        };
        notes.push(format!("this is the policy of {role}; {how}"));
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::name::{FunctionName, Region};
    use serde_json::json;

    const ROLE: &str = "arn:aws:iam::123456789012:role/run";

    #[track_caller]
    fn policy(stanza: &Stanza, name: &str, region: Option<&str>) -> Policy {
        let name = FunctionName::parse(name).expect("a name");
        let wanted = Wanted::of(stanza, name, None);
        of(stanza, &wanted, &Source::of(stanza), region)
    }

    #[test]
    fn a_stanza_that_names_nothing_needs_two_actions_on_one_function() {
        let policy = policy(&Stanza::default(), "arn:aws-cn:lambda:cn-north-1:123456789012:function:f", None);
        assert_eq!(
            json!(policy.document)["Statement"],
            json!([{"Sid": "Function", "Effect": "Allow", "Action": ["lambda:GetFunction", "lambda:UpdateFunctionCode"],
                "Resource": ["arn:aws-cn:lambda:cn-north-1:123456789012:function:f"]}])
        );
        assert_eq!(policy.notes, Vec::<String>::new());
    }

    #[test]
    fn what_is_not_known_is_a_star_and_said() {
        let found = policy(&Stanza::default(), "f", None);
        assert_eq!(found.document.statement[0].resource, ["arn:*:lambda:*:*:function:f"]);
        assert!(found.notes[0].contains("partition and region and account"), "{:?}", found.notes);
        let stanza = Stanza { role: Some(ROLE.to_owned()), ..Stanza::default() };
        let found = policy(&stanza, "f", Some("eu-west-1"));
        assert_eq!(found.document.statement[0].resource, ["arn:aws:lambda:eu-west-1:123456789012:function:f"]);
        let named = Stanza { region: Region::parse("us-east-2").ok(), ..stanza };
        let found = policy(&named, "210987654321:function:f", Some("eu-west-1"));
        assert_eq!(found.document.statement[0].resource, ["arn:aws:lambda:us-east-2:210987654321:function:f"]);
    }

    #[test]
    fn a_role_is_passed_to_lambda_alone() {
        let stanza = Stanza { role: Some(ROLE.to_owned()), ..Stanza::default() };
        let document = policy(&stanza, "f", Some("eu-west-1")).document;
        assert_eq!(document.statement.last(), Some(&Statement::pass_role(ROLE).named("PassRole")));
    }

    #[test]
    fn versions_are_deleted_and_called_but_never_the_function_deleted() {
        let stanza = Stanza {
            alias: Some(vec!["live".to_owned()]),
            keep_versions: Some(3),
            verify: Some(crate::protocol::structures::Verify::default()),
            provisioned_concurrency: Some(OrNone::Some(2)),
            ..Stanza::default()
        };
        let found = policy(&stanza, "arn:aws:lambda:eu-west-1:123456789012:function:f", None).document;
        let on = |end: &str| {
            let is_on = |statement: &&Statement| statement.resource[0].ends_with(end);
            found.statement.iter().find(is_on).map(|statement| statement.action.clone()).unwrap_or_default()
        };
        assert_eq!(on(":f:*"), ["lambda:GetFunction", "lambda:InvokeFunction", "lambda:DeleteFunction"]);
        assert_eq!(on(":f:live").len(), 2);
        assert!(!on(":f").contains(&"lambda:DeleteFunction".to_owned()));
    }

    #[test]
    fn an_image_names_its_repository() {
        let stanza = Stanza {
            image_uri: Some("123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/app@sha256:ab".to_owned()),
            role: Some(ROLE.to_owned()),
            ..Stanza::default()
        };
        let document = policy(&stanza, "f", Some("eu-west-1")).document;
        let image = document.statement.iter().find(|statement| statement.sid == Some("Image")).expect("a statement");
        assert_eq!(image.resource, ["arn:aws:ecr:eu-west-1:123456789012:repository/team/app"]);
    }
}
