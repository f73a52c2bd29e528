//! Answers a parsed request as AWS would. Holds all functions of one account in one region. Never uses a
//! socket or reads the clock, so that its tests take no time.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use crate::document::Document;
use crate::fault::{CallOutcome, ConcurrentChange};
use crate::function::{Ending, Function};
use crate::function_name::FunctionName;
use crate::http::{Answer, BODY_LIMIT, Body, Head};
use crate::iam::{Decision, Policy};
use crate::invocation::Invocations;
use crate::moment::{self, Moment};
use crate::permissions::{self, Permission};
use crate::rate::Rates;
use crate::refusal::Refusal;
use crate::route::{self, Operation, Route};
use crate::settings::Settings;
use crate::{ids, sigv4};

/// The state of one account in one region.
pub(crate) struct Account {
    pub(crate) settings: Settings,
    pub(crate) functions: BTreeMap<String, Function>,
    pub(crate) invocations: Invocations,
    /// The identity policy of the callers. `None`: callers may do everything.
    pub(crate) policy: Option<Policy>,
    rates: Rates,
}

/// The arguments of an operation, after the caller is authenticated and the request is parsed.
pub(crate) struct Arguments<'a> {
    /// Function name or ARN in the path; empty if the path has none.
    pub(crate) subject: &'a str,
    /// Alias name or statement id in the path; empty if the path has none.
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
        let rates = Rates::new(&settings);
        Account { settings, functions: BTreeMap::new(), invocations, policy: None, rates }
    }

    /// Answers one call. `document` is the parsed `body` (see [`Document`]); `call_outcome` is the effect of
    /// a fault on the call.
    pub(crate) fn answer(
        &mut self,
        head: &Head,
        body: &Body,
        document: &Result<Document, Refusal>,
        call_outcome: CallOutcome,
        now: Moment,
    ) -> Answer {
        let route = route::route(&head.method, &head.path);
        let result = self
            .authenticate(head, body, route.as_ref(), now)
            .and_then(|()| route.ok_or(Refusal::UnknownOperation))
            .and_then(|route| {
                self.rates.take(route.operation, now.instant)?;
                let document = document.as_ref().map_err(Clone::clone)?;
                let arguments = Arguments {
                    subject: &route.subject,
                    item: &route.item,
                    query: &head.query,
                    headers: &head.headers,
                    body: &document.json,
                    code: document.code.as_ref(),
                    now,
                    ending: call_outcome.ending,
                    trusted: false,
                };
                self.authorize(&route, &arguments)?;
                self.mutate(call_outcome.before, &route.subject, now)?;
                self.perform(&route, &arguments)
            });
        result.unwrap_or_else(|refusal| {
            let (status, code, _) = refusal.wire();
            Answer::error(status, code, &refusal.body())
        })
    }

    /// Applies the concurrent change of a fault to the function, if the function exists.
    fn mutate(
        &mut self,
        concurrent_change: Option<ConcurrentChange>,
        subject: &str,
        now: Moment,
    ) -> Result<(), Refusal> {
        let (Some(concurrent_change), Ok(name)) = (concurrent_change, self.name(subject)) else {
            return Ok(());
        };
        let Ok(function) = self.function(&name, now) else {
            return Ok(());
        };
        match concurrent_change {
            ConcurrentChange::Update => return Err(Refusal::UpdateInProgress { arn: function.arn.clone() }),
            ConcurrentChange::Delete => drop(self.functions.remove(&name.name)),
            ConcurrentChange::Touch => {
                let description = Value::from("changed by another client");
                function.latest.configuration.insert("Description".to_owned(), description);
                function.latest.revision_id = ids::unique();
                function.latest.last_modified = moment::last_modified(now.wall);
            }
        }
        Ok(())
    }

    /// Makes the checks that come before the operation. The size comes first: a body over the limit is not
    /// kept, so its hash cannot be verified.
    fn authenticate(
        &self,
        head: &Head,
        body: &Body,
        route: Option<&Route>,
        now: Moment,
    ) -> Result<(), Refusal> {
        if body.length > BODY_LIMIT {
            let operation = route.map_or("requested", |route| route.name);
            return Err(Refusal::RequestTooLarge { operation });
        }
        sigv4::verify(head, &body.bytes, &self.settings, now.wall)
    }

    /// Fails if the policy does not allow the request, whether or not the resource exists.
    fn authorize(&self, route: &Route, arguments: &Arguments<'_>) -> Result<(), Refusal> {
        if self.policy.is_none() {
            return Ok(());
        }
        let needed = permissions::needed(self, route, arguments)?;
        needed.into_iter().find_map(|permission| self.denial(permission)).map_or(Ok(()), Err)
    }

    /// Returns the error with which IAM denies the permission. `None`: the policy allows it.
    pub(crate) fn denial(&self, mut permission: Permission) -> Option<Refusal> {
        let policy = self.policy.as_ref()?;
        permission.context.extend(permissions::everywhere(&self.settings));
        let explicitly = match policy.judge(&permission.action, &permission.resource, &permission.context) {
            Decision::Allowed => return None,
            Decision::ImplicitlyDenied => false,
            Decision::ExplicitlyDenied => true,
        };
        let user = format!("arn:aws:iam::{}:user/ci", self.settings.account);
        Some(Refusal::NotAuthorized { user, permission, explicitly })
    }

    /// Runs the operation without authentication and authorization.
    pub(crate) fn perform(&mut self, route: &Route, arguments: &Arguments<'_>) -> Result<Answer, Refusal> {
        let value = match route.operation {
            Operation::CreateFunction => self.create_function(arguments),
            Operation::GetFunction => self.get_function(arguments),
            Operation::GetFunctionConfiguration => self.get_function_configuration(arguments),
            Operation::UpdateFunctionConfiguration => self.update_function_configuration(arguments),
            Operation::UpdateFunctionCode => self.update_function_code(arguments),
            Operation::DeleteFunction => self.delete_function(arguments),
            Operation::PublishVersion => self.publish_version(arguments),
            Operation::ListVersionsByFunction => self.list_versions_by_function(arguments),
            Operation::CreateAlias => self.create_alias(arguments),
            Operation::GetAlias => self.get_alias(arguments),
            Operation::UpdateAlias => self.update_alias(arguments),
            Operation::DeleteAlias => self.delete_alias(arguments),
            Operation::ListAliases => self.list_aliases(arguments),
            Operation::TagResource => self.tag_resource(arguments),
            Operation::UntagResource => self.untag_resource(arguments),
            Operation::ListTags => self.list_tags(arguments),
            Operation::PutFunctionConcurrency => self.put_function_concurrency(arguments),
            Operation::GetFunctionConcurrency => self.get_function_concurrency(arguments),
            Operation::DeleteFunctionConcurrency => self.delete_function_concurrency(arguments),
            Operation::PutProvisionedConcurrencyConfig => self.put_provisioned_concurrency_config(arguments),
            Operation::GetProvisionedConcurrencyConfig => self.get_provisioned_concurrency_config(arguments),
            Operation::DeleteProvisionedConcurrencyConfig => {
                self.delete_provisioned_concurrency_config(arguments)
            }
            Operation::CreateFunctionUrlConfig => self.create_function_url_config(arguments),
            Operation::GetFunctionUrlConfig => self.get_function_url_config(arguments),
            Operation::UpdateFunctionUrlConfig => self.update_function_url_config(arguments),
            Operation::DeleteFunctionUrlConfig => self.delete_function_url_config(arguments),
            Operation::AddPermission => self.add_permission(arguments),
            Operation::GetPolicy => self.get_policy(arguments),
            Operation::RemovePermission => self.remove_permission(arguments),
            Operation::PutFunctionCodeSigningConfig => self.put_function_code_signing_config(arguments),
            Operation::GetFunctionCodeSigningConfig => self.get_function_code_signing_config(arguments),
            Operation::DeleteFunctionCodeSigningConfig => self.delete_function_code_signing_config(arguments),
            Operation::Invoke => return self.invoke(arguments),
        };
        Ok(Answer::json(route.status, &value?))
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
