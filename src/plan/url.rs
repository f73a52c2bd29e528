//! Plans the steps from the live function URL to the desired one. Never makes a function URL public without
//! both permissions that AWS requires, and never removes a policy statement that this program did not add.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{PlanError, Step, WriteCall};
use crate::function::{LiveFunction, LiveUrl, Permission, PublicAccess};
use crate::protocol::event::Change;
use crate::protocol::structures::{Cors, FunctionUrl, OrNone};

/// The steps for `function_url` of the stanza; the URL belongs to `alias`. The URL is created before its
/// permissions: without them it rejects every request.
pub(super) fn steps(
    desired: Option<&OrNone<FunctionUrl>>,
    alias: Option<&str>,
    live: Option<&LiveFunction>,
) -> Result<Vec<Step>, PlanError> {
    let url = live.and_then(|live| live.url.as_ref());
    let nobody = PublicAccess::default();
    let public = live.map_or(&nobody, |live| &live.public);
    let owned = || alias.map(str::to_owned);
    match (desired, url) {
        (None, _) => Ok(Vec::new()),
        // Delete the function's own URL, too: the stanza wants no URL at all.
        (Some(OrNone::None), _) => {
            let own_url = live.map(|live| removal(live.latest_url.as_ref(), None, &live.latest_public));
            let alias_url = removal(url, alias, public);
            Ok(alias_url.into_iter().chain(own_url.into_iter().flatten()).collect())
        }
        (Some(OrNone::Some(desired)), None) => {
            let auth_type = desired
                .auth_type
                .as_deref()
                .filter(|auth| !auth.is_empty())
                .ok_or(PlanError::UrlNeedsAuthType)?;
            let changes = differences(desired, alias, &FunctionUrl::default());
            let call = WriteCall::CreateFunctionUrlConfig { config: desired.clone(), alias: owned() };
            let create = Step::write(call, changes);
            Ok(std::iter::once(create).chain(permissions(auth_type, alias, public)).collect())
        }
        (Some(OrNone::Some(desired)), Some(url)) => {
            // A stanza without `auth_type` does not say who may call the URL.
            let access = desired.auth_type.iter().flat_map(|auth_type| permissions(auth_type, alias, public));
            Ok(update(desired, alias, url).into_iter().chain(access).collect())
        }
    }
}

/// The steps that delete a function URL and its permissions. Permissions are removed even without a URL,
/// because a run that was cancelled after the deletion may have left them behind.
fn removal(url: Option<&LiveUrl>, alias: Option<&str>, public: &PublicAccess) -> Vec<Step> {
    let delete = |url: &LiveUrl| {
        let of_alias = alias.map(|alias| format!(".{alias}")).unwrap_or_default();
        let change =
            Change { field: format!("function_url{of_alias}"), from: json!(url.url), to: Value::Null };
        Step::write(WriteCall::DeleteFunctionUrlConfig { alias: alias.map(str::to_owned) }, vec![change])
    };
    url.map(delete).into_iter().chain(removals(alias, public)).collect()
}

/// The step that changes a live function URL. AWS replaces `cors` as a whole, so members that the stanza does
/// not name are sent with their live values. `None`: nothing differs.
fn update(desired: &FunctionUrl, alias: Option<&str>, live: &LiveUrl) -> Option<Step> {
    let live = &live.config;
    let cors = desired.cors.as_ref().map(|cors| completed(cors, live.cors.as_ref()));
    let desired = FunctionUrl { cors, ..desired.clone() };
    let changes = differences(&desired, alias, live);
    let has_changed = |member: &str| {
        let field = field(alias, member);
        changes.iter().any(|change| change.field.starts_with(&field))
    };
    let config = FunctionUrl {
        auth_type: desired.auth_type.filter(|_| has_changed("auth_type")),
        invoke_mode: desired.invoke_mode.filter(|_| has_changed("invoke_mode")),
        cors: desired.cors.filter(|_| has_changed("cors.")),
    };
    let alias = alias.map(str::to_owned);
    let has_changes = !changes.is_empty();
    has_changes.then_some(Step::write(WriteCall::UpdateFunctionUrlConfig { config, alias }, changes))
}

/// Completes the stanza's `cors` with live values. An empty `cors` stays empty, which clears the live one.
fn completed(desired: &Cors, live: Option<&Cors>) -> Cors {
    let Some(live) = live.filter(|_| *desired != Cors::default()) else { return desired.clone() };
    let list = |desired: &Option<Vec<String>>, live: &Option<Vec<String>>| {
        desired.as_ref().or(live.as_ref()).cloned()
    };
    Cors {
        allow_origins: list(&desired.allow_origins, &live.allow_origins),
        allow_methods: list(&desired.allow_methods, &live.allow_methods),
        allow_headers: list(&desired.allow_headers, &live.allow_headers),
        expose_headers: list(&desired.expose_headers, &live.expose_headers),
        allow_credentials: desired.allow_credentials.or(live.allow_credentials),
        max_age: desired.max_age.or(live.max_age),
    }
}

/// The name of a member in changes, with the alias to which the URL belongs, so that an approved plan holds
/// that, too.
fn field(alias: Option<&str>, member: &str) -> String {
    let alias = alias.map(|alias| format!("{alias}.")).unwrap_or_default();
    format!("function_url.{alias}{member}")
}

fn differences(desired: &FunctionUrl, alias: Option<&str>, live: &FunctionUrl) -> Vec<Change> {
    let change = |member: &str, from: Value, to: Value| {
        (from != to).then(|| Change { field: field(alias, member), from, to })
    };
    let text = |member: &str, desired: &Option<String>, live: &Option<String>| {
        desired.as_ref().and_then(|desired| change(member, json!(live), json!(desired)))
    };
    let mut changes: Vec<Change> = Vec::new();
    changes.extend(text("auth_type", &desired.auth_type, &live.auth_type));
    changes.extend(text("invoke_mode", &desired.invoke_mode, &live.invoke_mode));
    if let Some(cors) = &desired.cors {
        let live = live.cors.clone().unwrap_or_default();
        changes.extend(
            members(&live)
                .into_iter()
                .zip(members(cors))
                .filter_map(|((member, from), (_, to))| change(member, from, to)),
        );
    }
    changes
}

/// The members of a `cors` for comparison. Values that AWS treats like absent ones become null. Lists are
/// sorted, because their order has no meaning. Names of headers are in lower case, in which AWS stores and
/// returns them (measured on AWS: go-to-k/cdk-real-drift, issue 874).
fn members(cors: &Cors) -> [(&'static str, Value); 6] {
    let list = |items: &Option<Vec<String>>| {
        let items: BTreeSet<&String> = items.iter().flatten().collect();
        if items.is_empty() { Value::Null } else { json!(items) }
    };
    let headers = |names: &Option<Vec<String>>| {
        list(&names.as_ref().map(|names| names.iter().map(|name| name.to_ascii_lowercase()).collect()))
    };
    [
        ("cors.allow_origins", list(&cors.allow_origins)),
        ("cors.allow_methods", list(&cors.allow_methods)),
        ("cors.allow_headers", headers(&cors.allow_headers)),
        ("cors.expose_headers", headers(&cors.expose_headers)),
        ("cors.allow_credentials", json!(cors.allow_credentials.filter(|allowed| *allowed))),
        ("cors.max_age", json!(cors.max_age.filter(|seconds| *seconds > 0))),
    ]
}

/// The steps for public access: with auth type `NONE` add the missing permissions, else remove those that
/// this program added.
fn permissions(auth_type: &str, alias: Option<&str>, public: &PublicAccess) -> Vec<Step> {
    if auth_type != "NONE" {
        return removals(alias, public);
    }
    let missing = Permission::ALL.into_iter().filter(|permission| !public.granted.contains(permission));
    let add = |permission: Permission| {
        let change = permission_change(permission, alias, Value::Null, json!("*"));
        // A statement with our ID but other content has to be removed first.
        let stale = public.own.contains(&permission).then(|| remove(permission, alias));
        let call = WriteCall::AddPermission { permission, alias: alias.map(str::to_owned) };
        stale.into_iter().chain([Step::write(call, vec![change])])
    };
    missing.flat_map(add).collect()
}

fn removals(alias: Option<&str>, public: &PublicAccess) -> Vec<Step> {
    public.own.iter().map(|permission| remove(*permission, alias)).collect()
}

fn remove(permission: Permission, alias: Option<&str>) -> Step {
    let change = permission_change(permission, alias, json!("*"), Value::Null);
    Step::write(WriteCall::RemovePermission { permission, alias: alias.map(str::to_owned) }, vec![change])
}

fn permission_change(permission: Permission, alias: Option<&str>, from: Value, to: Value) -> Change {
    Change { field: field(alias, &format!("permission.{}", permission.action())), from, to }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Action;
    use crate::protocol::event::StepName;

    fn url(auth_type: &str) -> FunctionUrl {
        FunctionUrl { auth_type: Some(auth_type.to_owned()), ..FunctionUrl::default() }
    }

    fn live(auth_type: &str, cors: Option<Cors>, public: &[Permission]) -> LiveFunction {
        let config = FunctionUrl { invoke_mode: Some("BUFFERED".to_owned()), cors, ..url(auth_type) };
        let public = PublicAccess { granted: public.to_vec(), own: public.to_vec() };
        LiveFunction {
            url: Some(LiveUrl { url: "https://x".to_owned(), config }),
            public,
            ..crate::plan::tests::live()
        }
    }

    #[track_caller]
    fn check(
        desired: OrNone<FunctionUrl>,
        live: Option<&LiveFunction>,
        expected: &[StepName],
        fields: &[&str],
    ) {
        let steps = steps(Some(&desired), None, live).expect("a plan");
        assert_eq!(steps.iter().map(|step| step.action.name()).collect::<Vec<_>>(), expected);
        let changes = steps.iter().flat_map(|step| &step.changes).map(|change| change.field.as_str());
        let changes: Vec<&str> = changes.filter(|field| !field.contains("permission")).collect();
        assert_eq!(changes, fields);
    }

    #[test]
    fn a_public_address_gets_both_permissions_and_a_missing_one_is_added() {
        use StepName::{AddPermission, CreateFunctionUrlConfig};
        let desired = || OrNone::Some(url("NONE"));
        check(
            desired(),
            None,
            &[CreateFunctionUrlConfig, AddPermission, AddPermission],
            &["function_url.auth_type"],
        );
        check(desired(), Some(&live("NONE", None, &[Permission::InvokeFunctionUrl])), &[AddPermission], &[]);
        check(desired(), Some(&live("NONE", None, &Permission::ALL)), &[], &[]);
    }

    #[test]
    fn an_address_that_is_closed_loses_our_permissions() {
        use StepName::{DeleteFunctionUrlConfig, RemovePermission, UpdateFunctionUrlConfig};
        let open = live("NONE", None, &Permission::ALL);
        let auth = ["function_url.auth_type"];
        let update = [UpdateFunctionUrlConfig, RemovePermission, RemovePermission];
        check(OrNone::Some(url("AWS_IAM")), Some(&open), &update, &auth);
        let delete = [DeleteFunctionUrlConfig, RemovePermission, RemovePermission];
        check(OrNone::None, Some(&open), &delete, &["function_url"]);
        check(OrNone::None, None, &[], &[]);
        let left_behind = LiveFunction { url: None, ..open };
        check(OrNone::None, Some(&left_behind), &[RemovePermission, RemovePermission], &[]);
    }

    #[test]
    fn cors_keeps_what_is_not_named_and_an_empty_one_clears() {
        let list =
            |items: &[&str]| Some(items.iter().map(|item| (*item).to_owned()).collect::<Vec<String>>());
        let cors = Cors { allow_origins: list(&["b", "a"]), max_age: Some(60), ..Cors::default() };
        let live = live("AWS_IAM", Some(cors.clone()), &[]);
        let with = |cors| OrNone::Some(FunctionUrl { cors: Some(cors), ..FunctionUrl::default() });
        let same =
            Cors { allow_origins: list(&["a", "b"]), allow_credentials: Some(false), ..Cors::default() };
        check(with(same), Some(&live), &[], &[]);
        let methods = Cors { allow_methods: list(&["GET"]), ..Cors::default() };
        let OrNone::Some(desired) = with(methods.clone()) else { panic!("`with` returns a URL") };
        let step = update(&desired, None, live.url.as_ref().expect("a URL")).expect("a difference");
        let sent = FunctionUrl {
            cors: Some(Cors { allow_methods: methods.allow_methods, ..cors }),
            ..FunctionUrl::default()
        };
        assert_eq!(
            step.action,
            Action::Write(WriteCall::UpdateFunctionUrlConfig { config: sent, alias: None })
        );
        let cleared = ["function_url.cors.allow_origins", "function_url.cors.max_age"];
        check(with(Cors::default()), Some(&live), &[StepName::UpdateFunctionUrlConfig], &cleared);
    }

    #[test]
    fn names_of_headers_are_equal_in_any_case_and_lists_are_sets() {
        let list =
            |items: &[&str]| Some(items.iter().map(|item| (*item).to_owned()).collect::<Vec<String>>());
        let cors = |methods, headers| Cors {
            allow_origins: list(&["a"]),
            allow_methods: methods,
            allow_headers: headers,
            ..Cors::default()
        };
        let live = live("AWS_IAM", Some(cors(list(&["GET"]), list(&["content-type", "x-a"]))), &[]);
        let with = |cors| OrNone::Some(FunctionUrl { cors: Some(cors), ..FunctionUrl::default() });
        let same = cors(list(&["GET", "GET"]), list(&["X-A", "Content-Type", "x-a"]));
        check(with(same), Some(&live), &[], &[]);
        let other = cors(list(&["get"]), list(&["X-A"]));
        let changed = ["function_url.cors.allow_methods", "function_url.cors.allow_headers"];
        check(with(other), Some(&live), &[StepName::UpdateFunctionUrlConfig], &changed);
    }

    #[test]
    fn without_an_auth_type_no_access_changes() {
        let mode = Some("BUFFERED".to_owned());
        let desired = || OrNone::Some(FunctionUrl { invoke_mode: mode.clone(), ..FunctionUrl::default() });
        check(desired(), Some(&live("NONE", None, &[])), &[], &[]);
        check(desired(), Some(&live("AWS_IAM", None, &Permission::ALL)), &[], &[]);
    }

    #[test]
    fn a_new_address_says_who_may_call_it() {
        let desired =
            OrNone::Some(FunctionUrl { invoke_mode: Some("BUFFERED".to_owned()), ..FunctionUrl::default() });
        assert_eq!(steps(Some(&desired), None, None).unwrap_err(), PlanError::UrlNeedsAuthType);
    }

    #[test]
    fn with_an_alias_all_of_it_belongs_to_that_and_none_takes_the_functions_own_along() {
        let alias = |action: &Action| match action {
            Action::Write(
                WriteCall::CreateFunctionUrlConfig { alias, .. }
                | WriteCall::UpdateFunctionUrlConfig { alias, .. }
                | WriteCall::DeleteFunctionUrlConfig { alias }
                | WriteCall::AddPermission { alias, .. }
                | WriteCall::RemovePermission { alias, .. },
            ) => alias.clone(),
            other => panic!("{other:?}"),
        };
        let of = |desired: &OrNone<FunctionUrl>, live: Option<&LiveFunction>| -> Vec<Option<String>> {
            let steps = steps(Some(desired), Some("live"), live).expect("a plan");
            for step in &steps {
                let is_named = |change: &Change| change.field.starts_with("function_url.live");
                assert_eq!(step.changes.iter().all(is_named), alias(&step.action).is_some(), "{step:?}");
            }
            steps.iter().map(|step| alias(&step.action)).collect()
        };
        let mine = || Some("live".to_owned());
        assert_eq!(of(&OrNone::Some(url("NONE")), None), [mine(), mine(), mine()]);
        let open = live("NONE", None, &Permission::ALL);
        let both =
            LiveFunction { latest_url: open.url.clone(), latest_public: open.public.clone(), ..open.clone() };
        // The old URL stays beside the new one until its callers have moved.
        let old = LiveFunction { url: None, public: PublicAccess::default(), ..both.clone() };
        assert_eq!(of(&OrNone::Some(url("NONE")), Some(&old)), [mine(), mine(), mine()]);
        assert_eq!(of(&OrNone::Some(url("AWS_IAM")), Some(&both)), [mine(), mine(), mine()]);
        assert_eq!(of(&OrNone::None, Some(&both)), [mine(), mine(), mine(), None, None, None]);
    }
}
