//! Creates, reads, changes and deletes functions. Never waits for a state that it starts: the answer shows
//! the state, and a later call finds it ended.

use std::time::Duration;

use serde_json::{Value, json};

use crate::account::{Account, Arguments, check_revision};
use crate::document::{string_map, strings};
use crate::function::{Code, Function, Span, Version};
use crate::function_name::FunctionName;
use crate::refusal::{ENVIRONMENT_HIDDEN, Refusal};
use crate::{archive, checks, configuration, ids, moment, permissions};

impl Account {
    pub(crate) fn create_function(&mut self, arguments: &Arguments<'_>) -> Result<Value, Refusal> {
        let lasts = self.settings.create_duration;
        self.create(arguments, lasts)
    }

    /// CreateFunction with a custom duration of the Pending state; it is zero for functions that a test
    /// prepares.
    pub(crate) fn create(&mut self, arguments: &Arguments<'_>, lasts: Duration) -> Result<Value, Refusal> {
        let body = arguments.body;
        let name = self.name(checks::required(body, "FunctionName", "functionName")?)?;
        checks::required(body, "Role", "role")?;
        checks::check(body, &self.settings.region)?;
        checks::check_code(&Value::Null, &body["Code"])?;
        let image = body["PackageType"] == "Image";
        let names = |key: &str| body[key].as_str().is_some_and(|text| !text.is_empty());
        match (image, names("Runtime"), names("Handler")) {
            (true, false, false) if !has_layers(body) => {}
            (false, true, true) => {}
            (true, _, _) => return Err(Refusal::RuntimeOrHandlerOfImage),
            (false, _, _) => return Err(Refusal::RuntimeAndHandlerMissing),
        }
        if self.functions.contains_key(&name.name) {
            return Err(Refusal::FunctionExists { name: name.name });
        }
        let code = code(&body["Code"], arguments)?;
        // An image for a zip function, or a zip for an image function, does not count as code either.
        let code = code.filter(|code| code.image_uri.is_some() == image).ok_or(Refusal::CodeMissing)?;
        let signing = body["CodeSigningConfigArn"].as_str().map(str::to_owned);
        if image && signing.is_some() {
            return Err(Refusal::SigningOfImages);
        }
        let span = Span { from: arguments.now, lasts, ending: arguments.ending.clone() };
        let latest = Version {
            number: None,
            is_latest_published: false,
            configuration: configuration::created(&name.name, &self.settings.region, body),
            description: None,
            code,
            runtime_management: ("Auto".to_owned(), None),
            revision_id: ids::unique(),
            last_modified: moment::last_modified(arguments.now.wall),
            phase: span.clone().creation(),
        };
        checks::outcome(&latest.configuration)?;
        let mut function = Function::new(self.arn(&name), latest, string_map(&body["Tags"]));
        function.signing = signing;
        let answer = answer(&mut function, arguments, span)?;
        self.functions.insert(name.name, function);
        Ok(answer)
    }

    pub(crate) fn get_function(&mut self, arguments: &Arguments<'_>) -> Result<Value, Refusal> {
        let configuration = self.get_function_configuration(arguments)?;
        let name = self.named(arguments)?;
        let tags = permissions::from_tags(&self.arn(&FunctionName { qualifier: None, ..name.clone() }));
        let tags_denied = self.denial(tags).filter(|_| !arguments.trusted);
        let Account { settings, .. } = self;
        let tasks = format!(
            "awslambda-{0}-tasks.s3.{0}.amazonaws.com/snapshots/{1}",
            settings.region, settings.account
        );
        let function = self.function(&name, arguments.now)?;
        let version = function.version(name.qualifier.as_deref())?;
        let mut code = match (&version.code.image_uri, &version.code.reference) {
            (Some(uri), _) => json!({"ImageUri": uri, "RepositoryType": "ECR", "ResolvedImageUri": uri}),
            // AWS's guide shows `ResolvedS3Object`. That `Location` is absent is known from reports.
            (None, Some(object)) => json!({"RepositoryType": "S3", "ResolvedS3Object": object}),
            (None, None) => {
                json!({"Location": format!("https://{tasks}/{}", name.name), "RepositoryType": "S3"})
            }
        };
        if let Some(key) = &version.code.kms_key {
            code["SourceKMSKeyArn"] = json!(key);
        }
        let mut answer = json!({"Configuration": configuration, "Code": code});
        match tags_denied {
            _ if function.tags.is_empty() => {}
            None => answer["Tags"] = json!(function.tags),
            Some(denial) => {
                let (_, code, message) = denial.wire();
                answer["TagsError"] = json!({"ErrorCode": code, "Message": message});
            }
        }
        if let Some(reserved) = function.reserved {
            answer["Concurrency"] = json!({"ReservedConcurrentExecutions": reserved});
        }
        Ok(answer)
    }

    pub(crate) fn get_function_configuration(&mut self, arguments: &Arguments<'_>) -> Result<Value, Refusal> {
        let name = self.named(arguments)?;
        let hidden = self.settings.hide_environment;
        let function = self.function(&name, arguments.now)?;
        let qualifier = name.qualifier.as_deref();
        let version = function.version(qualifier)?;
        let mut answer = version.answer(&function.qualified(qualifier));
        let hidden = function.hides_environment.unwrap_or(hidden);
        let key =
            answer["KMSKeyArn"].as_str().map(|key| permissions::from_key("kms:Decrypt", key, &self.settings));
        let undecryptable = key.is_some_and(|decrypt| self.denial(decrypt).is_some());
        if (hidden || undecryptable) && !arguments.trusted && !answer["Environment"].is_null() {
            let (code, message) = ENVIRONMENT_HIDDEN;
            answer["Environment"] = json!({"Error": {"ErrorCode": code, "Message": message}});
        }
        Ok(answer)
    }

    pub(crate) fn update_function_configuration(
        &mut self,
        arguments: &Arguments<'_>,
    ) -> Result<Value, Refusal> {
        let (region, lasts) = (self.settings.region.clone(), self.settings.update_duration);
        let function = self.unqualified(arguments)?;
        checks::check(arguments.body, &region)?;
        function.check_ready()?;
        check_revision(arguments.body, &function.latest.revision_id)?;
        let names = |key: &str| !arguments.body[key].is_null();
        // Reports show this error for creations; it is a guess that updates fail with the same message.
        if function.latest.is_image() && (names("Runtime") || names("Handler") || has_layers(arguments.body))
        {
            return Err(Refusal::RuntimeOrHandlerOfImage);
        }
        let mut configuration = function.latest.configuration.clone();
        if !arguments.body["CapacityProviderConfig"].is_null() && !function.latest.is_managed() {
            return Err(Refusal::CapacityProviderLater);
        }
        if !arguments.body["DurableConfig"].is_null() && !configuration.contains_key("DurableConfig") {
            return Err(Refusal::DurableLater);
        }
        configuration::merge(&mut configuration, &region, arguments.body);
        checks::outcome(&configuration)?;
        function.latest.configuration = configuration;
        function.latest.changed(Span { from: arguments.now, lasts, ending: arguments.ending.clone() });
        Ok(function.latest.answer(&function.arn))
    }

    pub(crate) fn update_function_code(&mut self, arguments: &Arguments<'_>) -> Result<Value, Refusal> {
        let lasts = self.settings.update_duration;
        let function = self.unqualified(arguments)?;
        checks::check_code(&arguments.body["Architectures"], arguments.body)?;
        let code = code(arguments.body, arguments)?.ok_or(Refusal::CodeMissing)?;
        match (function.latest.is_image(), code.image_uri.is_some()) {
            (true, false) => return Err(Refusal::ZipForImage),
            (false, true) => return Err(Refusal::ImageForZip),
            (true, true) | (false, false) => {}
        }
        function.check_ready()?;
        check_revision(arguments.body, &function.latest.revision_id)?;
        let mut latest = function.latest.clone();
        latest.code = code;
        if arguments.body["Architectures"].is_array() {
            let architectures = arguments.body["Architectures"].clone();
            latest.configuration.insert("Architectures".to_owned(), architectures);
        }
        // All checks passed and the answer is the usual one, but a dry run changes nothing.
        if arguments.body["DryRun"] == true {
            return Ok(latest.answer(&function.arn));
        }
        function.latest = latest;
        let span = Span { from: arguments.now, lasts, ending: arguments.ending.clone() };
        function.latest.changed(span.clone());
        answer(function, arguments, span)
    }

    pub(crate) fn delete_function(&mut self, arguments: &Arguments<'_>) -> Result<Value, Refusal> {
        let name = self.name(arguments.subject)?;
        let qualifier = name.qualifier.clone().or(arguments.parameter("Qualifier").map(str::to_owned));
        let function = self.function(&name, arguments.now)?;
        let Some(qualifier) = qualifier else {
            self.functions.remove(&name.name);
            return Ok(Value::Null);
        };
        if qualifier == "$LATEST" {
            return Err(Refusal::LatestNotDeletable);
        }
        if function.aliases.contains_key(&qualifier) {
            return Err(Refusal::AliasNotDeletable);
        }
        let aliases = function.aliases.iter();
        let pointing =
            aliases.filter(|(_, alias)| alias.version == qualifier || alias.weights.contains_key(&qualifier));
        let pointing: Vec<&str> = pointing.map(|(name, _)| name.as_str()).collect();
        if !pointing.is_empty() {
            return Err(Refusal::VersionAliased { aliases: pointing.join(", ") });
        }
        if qualifier == "$LATEST.PUBLISHED" {
            function.latest_published = None;
        }
        // Succeeds if the version does not exist, as on AWS.
        if let Ok(number) = qualifier.parse::<u64>() {
            function.published.remove(&number);
            function.forget(&qualifier);
        }
        Ok(Value::Null)
    }
}

/// Returns `$LATEST` or, with `Publish`, the version that was published from it.
fn answer(function: &mut Function, arguments: &Arguments<'_>, span: Span) -> Result<Value, Refusal> {
    if arguments.body["Publish"] != true {
        return Ok(function.latest.answer(&function.arn));
    }
    let number = function.publish(None, span).to_string();
    let version = function.version(Some(&number))?;
    Ok(version.answer(&function.qualified(Some(&number))))
}

/// Returns the code in a request. `None`: the request has no code. The endpoint cannot read code in S3 or an
/// image. It uses the hash of the address as CodeSha256, so that another address counts as other code.
fn code(source: &Value, arguments: &Arguments<'_>) -> Result<Option<Code>, Refusal> {
    // A key belongs to the package of the same request: without one "Lambda uses an AWS managed key"
    // (botocore's model).
    let kms_key = source["SourceKMSKeyArn"].as_str().filter(|arn| !arn.is_empty()).map(str::to_owned);
    let is_reference = source["S3ObjectStorageMode"] == "REFERENCE";
    if is_reference && !source["S3Bucket"].is_string() {
        return Err(Refusal::ReferenceWithoutObject);
    }
    if let Some(zip) = arguments.code {
        archive::check(zip)?;
        return Ok(Some(Code {
            sha256: archive::sha256(zip),
            zip: Some(zip.clone()),
            image_uri: None,
            kms_key,
            reference: None,
        }));
    }
    let elsewhere = |address: &str, image_uri| Code {
        zip: None,
        sha256: archive::sha256(address.as_bytes()),
        image_uri,
        kms_key,
        reference: None,
    };
    if let Some(uri) = source["ImageUri"].as_str() {
        return Ok(Some(elsewhere(uri, Some(uri.to_owned()))));
    }
    match (source["S3Bucket"].as_str(), source["S3Key"].as_str()) {
        (Some(bucket), Some(key)) => {
            let version = source["S3ObjectVersion"].as_str().unwrap_or_default();
            let object = json!({"S3Bucket": bucket, "S3Key": key, "S3ObjectVersion": version});
            let code = elsewhere(&format!("s3://{bucket}/{key}?versionId={version}"), None);
            Ok(Some(Code { reference: is_reference.then_some(object), ..code }))
        }
        _ => Ok(None),
    }
}

fn has_layers(body: &Value) -> bool {
    !strings(&body["Layers"]).is_empty()
}
