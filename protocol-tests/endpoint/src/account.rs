//! Holds all functions of one account in one region, and finds the one that a request names.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use crate::cloud_watch::CloudWatch;
use crate::codedeploy::deployment::Deployment;
use crate::codedeploy::group::DeploymentGroup;
use crate::event_source::EventSource;
use crate::function::{Ending, Function};
use crate::function_name::FunctionName;
use crate::iam::{Decision, Policy};
use crate::invocation::Invocations;
use crate::layer::Layer;
use crate::moment::Moment;
use crate::permission::{self, Permission};
use crate::rate::Rates;
use crate::refusal::Refusal;
use crate::settings::Settings;

/// The state of one account in one region.
pub(crate) struct Account {
    pub(crate) settings: Settings,
    pub(crate) functions: BTreeMap<String, Function>,
    /// Event source mappings by UUID.
    pub(crate) event_sources: BTreeMap<String, EventSource>,
    /// Layers by name, also those without a version: AWS never gives a number twice.
    pub(crate) layers: BTreeMap<String, Layer>,
    pub(crate) deployment_groups: Vec<DeploymentGroup>,
    /// The deployments of CodeDeploy, the oldest first.
    pub(crate) deployments: Vec<Deployment>,
    pub(crate) invocations: Invocations,
    pub(crate) cloud_watch: CloudWatch,
    /// The identity policy of the callers. `None`: callers may do everything.
    pub(crate) policy: Option<Policy>,
    pub(crate) rates: Rates,
}

/// The arguments of an operation, after the caller is authenticated and the request is parsed.
pub(crate) struct Arguments<'a> {
    /// Function name or ARN, or layer name, in the path; empty if the path has none.
    pub(crate) subject: &'a str,
    /// Alias name, statement id or version of a layer in the path; empty if the path has none.
    pub(crate) item: &'a str,
    pub(crate) query: &'a [(String, String)],
    /// Header names are in lower case.
    pub(crate) headers: &'a [(String, String)],
    pub(crate) body: &'a Value,
    /// The decoded `ZipFile`. `None`: the request has no `ZipFile`.
    pub(crate) code: Option<&'a Arc<[u8]>>,
    pub(crate) now: Moment,
    /// How the state that this call starts will end.
    pub(crate) ending: Ending,
    /// True if the test itself makes the call. Then nothing is hidden and no fault or policy applies.
    pub(crate) trusted: bool,
}

impl Arguments<'_> {
    /// Returns the first value of a query parameter.
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        first(self.query, name)
    }

    /// Returns the value of the first header with this name. `name` must be in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        first(self.headers, name)
    }
}

fn first<'a>(pairs: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let found = pairs.iter().find(|(its, _)| its == name);
    found.map(|(_, value)| value.as_str())
}

impl Account {
    pub(crate) fn new(settings: Settings) -> Account {
        let invocations = Invocations::new(settings.invocations.clone());
        let (rates, cloud_watch) = (Rates::new(&settings), CloudWatch::new(&settings));
        Account {
            functions: BTreeMap::new(),
            event_sources: BTreeMap::new(),
            layers: BTreeMap::new(),
            deployment_groups: settings.deployment_groups.clone(),
            deployments: Vec::new(),
            invocations,
            cloud_watch,
            policy: None,
            rates,
            settings,
        }
    }

    /// Returns the error with which IAM denies the permission. `None`: the policy allows it.
    pub(crate) fn denial(&self, mut permission: Permission) -> Option<Refusal> {
        let policy = self.policy.as_ref()?;
        permission.context.extend(permission::everywhere(&self.settings));
        let explicitly = match policy.judge(&permission.action, &permission.resource, &permission.context) {
            Decision::Allowed => return None,
            Decision::ImplicitlyDenied => false,
            Decision::ExplicitlyDenied => true,
        };
        let user = format!("arn:aws:iam::{}:user/ci", self.settings.account);
        Some(Refusal::NotAuthorized { user, permission, explicitly })
    }

    /// Parses a function name. Fails if it is invalid, and if it is the ARN of a function in another region.
    pub(crate) fn name(&self, text: &str) -> Result<FunctionName, Refusal> {
        let name = FunctionName::parse(text)?;
        match &name.region {
            Some(theirs) if *theirs != self.settings.region => {
                Err(Refusal::OtherRegion { theirs: theirs.clone(), ours: self.settings.region.clone() })
            }
            _ => Ok(name),
        }
    }

    /// Returns the function that a request names. The qualifier comes from the name or from the query. Fails
    /// if the two differ.
    pub(crate) fn named(&self, arguments: &Arguments<'_>) -> Result<FunctionName, Refusal> {
        let mut name = self.name(arguments.subject)?;
        match (&name.qualifier, arguments.parameter("Qualifier")) {
            (Some(one), Some(other)) if one != other => Err(Refusal::QualifiersDiffer),
            (_, None) => Ok(name),
            (_, Some(qualifier)) => {
                name.qualifier = Some(qualifier.to_owned());
                Ok(name)
            }
        }
    }

    /// Returns the ARN of `name` in this account and region, with its qualifier.
    pub(crate) fn arn(&self, name: &FunctionName) -> String {
        let Settings { region, account, .. } = &self.settings;
        let account = name.account.as_ref().unwrap_or(account);
        let qualifier = name.qualifier.as_ref().map(|it| format!(":{it}")).unwrap_or_default();
        format!("arn:aws:lambda:{region}:{account}:function:{}{qualifier}", name.name)
    }

    /// Returns the function, after its state has been advanced to `now`. Fails if it does not exist.
    pub(crate) fn function(&mut self, name: &FunctionName, now: Moment) -> Result<&mut Function, Refusal> {
        let arn = self.arn(name);
        let ours = name.account.as_ref().is_none_or(|account| *account == self.settings.account);
        let found = self.functions.get_mut(&name.name).filter(|_| ours);
        let function = found.ok_or(Refusal::FunctionNotFound { arn })?;
        function.settle(now.instant);
        Ok(function)
    }

    /// Returns the function of an operation that accepts neither a version nor an alias.
    pub(crate) fn unqualified(&mut self, arguments: &Arguments<'_>) -> Result<&mut Function, Refusal> {
        let name = self.name(arguments.subject)?;
        let qualified = name.qualifier.is_some();
        let function = self.function(&name, arguments.now)?;
        if qualified {
            return Err(Refusal::UnqualifiedOnly);
        }
        Ok(function)
    }
}

/// Fails if the request has a `RevisionId` that differs from the current one.
pub(crate) fn check_revision(body: &Value, revision_id: &str) -> Result<(), Refusal> {
    match body["RevisionId"].as_str() {
        Some(given) if given != revision_id => Err(Refusal::WrongRevision),
        _ => Ok(()),
    }
}
