//! Plans the versions of layers that the stanza builds: publishes a layer whose content differs, and deletes
//! old versions. Never deletes a version that the function uses, or one of its versions that stays: a
//! rollback would depend on the copy that AWS keeps of it.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Step, WriteCall};
use crate::code_source::{BuiltLayer, Code};
use crate::function::{LayerVersion, LiveFunction, Setting, new_version};
use crate::protocol::event::Change;

/// The steps that publish the layers whose content differs from that of their latest version, each after the
/// upload of its archive.
pub(super) fn publications(code: &Code) -> Vec<Step> {
    code.layers.iter().filter(|layer| layer.is_new()).flat_map(publication).collect()
}

fn publication(layer: &BuiltLayer) -> impl Iterator<Item = Step> {
    let upload = layer.object.clone().map(|object| Step::upload(object, layer.archive.clone()));
    let latest = layer.live.first().map_or(Value::Null, |latest| json!(latest.number.to_string()));
    let change = change(layer, latest, json!(new_version(layer.archive.code_sha256())));
    let changes = std::iter::once(change).chain(described(layer)).collect();
    let publish = Step::write(WriteCall::PublishLayerVersion { layer: Box::new(layer.clone()) }, changes);
    upload.into_iter().chain([publish])
}

/// What a new version has beside its content.
fn described(layer: &BuiltLayer) -> impl Iterator<Item = Change> {
    let content = &layer.content;
    let runtimes = content.compatible_runtimes.as_ref().filter(|runtimes| !runtimes.is_empty());
    let members = [
        ("compatible_runtimes", json!(runtimes)),
        ("description", json!(content.description)),
        ("license", json!(content.license)),
    ];
    let change = move |(member, to): (&str, Value)| {
        let field = format!("layers.{}.{member}", content.name);
        (!to.is_null()).then_some(Change { field, from: Value::Null, to })
    };
    members.into_iter().filter_map(change)
}

/// The steps that delete versions beyond the number to keep, oldest first. `settings` are those that the
/// function will have, and `steps` those that delete versions of the function before.
pub(super) fn deletions(
    code: &Code,
    settings: &[Setting],
    live: Option<&LiveFunction>,
    steps: &[Step],
) -> Vec<Step> {
    let deleted: BTreeSet<&str> = steps.iter().filter_map(Step::deleted_version).collect();
    let versions = live.into_iter().flat_map(|live| live.versions.iter().chain(&live.latest_published));
    let stay = versions.filter(|version| !deleted.contains(version.number.as_str()));
    let stay = stay.map(|version| &version.settings);
    let used: BTreeSet<&str> = stay.flatten().chain(settings).flat_map(arns).collect();
    let delete = |layer: &BuiltLayer| -> Vec<Step> {
        let unused = layer.surplus().iter().rev().filter(|version| !used.contains(version.arn.as_str()));
        let steps = unused.map(|version| {
            let change = change(layer, json!(version.number.to_string()), Value::Null);
            let (layer, version) = (layer.layer.clone(), version.number);
            Step::write(WriteCall::DeleteLayerVersion { layer, version }, vec![change])
        });
        steps.collect()
    };
    code.layers.iter().flat_map(delete).collect()
}

fn change(layer: &BuiltLayer, from: Value, to: Value) -> Change {
    Change { field: format!("layers.{}", layer.content.name), from, to }
}

/// The ARNs of the layer versions in a setting.
fn arns(setting: &Setting) -> Vec<&str> {
    let Setting::Layers(versions) = setting else { return Vec::new() };
    let arns = versions.iter().filter_map(|version| match version {
        LayerVersion::Arn(arn) => Some(arn.as_str()),
        LayerVersion::New { .. } => None,
    });
    arns.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::code_source::Object;
    use crate::function::{LiveVersion, VersionState};
    use crate::plan::tests::{code, desired, live};
    use crate::plan::{Action, plan};
    use crate::protocol::event::StepName;
    use std::collections::BTreeMap;

    fn using(number: i64) -> Setting {
        let arn = format!("arn:aws:lambda:us-east-1:123456789012:layer:deps:{number}");
        Setting::Layers(vec![LayerVersion::Arn(arn)])
    }

    /// The function, which uses this version of the layer, and published versions that use these.
    fn function(latest: i64, versions: &[i64]) -> LiveFunction {
        let mut function = live();
        function.settings.push(using(latest));
        let version = |(place, number): (usize, &i64)| LiveVersion {
            number: (place + 1).to_string(),
            code_sha256: "other".to_owned(),
            settings: vec![using(*number)],
            state: VersionState::Ready,
        };
        function.versions = versions.iter().enumerate().map(version).collect();
        function
    }

    /// The steps for a stanza that builds this layer, those of layer versions with their number.
    fn steps(layer: BuiltLayer, live: Option<&LiveFunction>) -> Vec<String> {
        let mut desired = desired(Vec::new());
        desired.set_layers(vec![layer.version()]);
        if live.is_none() {
            let needed = [Setting::Role, Setting::Runtime, Setting::Handler];
            desired.settings.extend(needed.map(|setting| setting("A::b".to_owned())));
        }
        let code = Code { layers: vec![layer], ..code("live") };
        let plan = plan(&desired, &code, live).expect("a plan");
        let name = |step: &Step| match &step.action {
            Action::Write(WriteCall::DeleteLayerVersion { version, .. }) => format!("delete {version}"),
            action => action.name().as_str().to_owned(),
        };
        plan.steps.iter().map(name).collect()
    }

    #[test]
    fn a_layer_is_published_where_its_content_differs() {
        let function = function(2, &[]);
        let publish = StepName::PublishLayerVersion.as_str();
        let update = StepName::UpdateFunctionConfiguration.as_str();
        let built = |is_live| BuiltLayer::of_test(&[2, 1], is_live, None);
        assert_eq!(steps(built(true), Some(&function)), [""; 0]);
        assert_eq!(steps(built(false), Some(&function)), [publish, update]);
        assert_eq!(steps(built(false), None), [publish, "create-function"]);
        assert_eq!(steps(built(true), None), ["create-function"]);
        let older = self::function(1, &[]);
        assert_eq!(steps(built(true), Some(&older)), [update]);
        assert_eq!(steps(BuiltLayer::of_test(&[], false, None), Some(&function)), [publish, update]);
    }

    #[test]
    fn a_new_version_shows_what_it_has_and_where_its_archive_goes() {
        let bucket = Object { bucket: "ci".to_owned(), key: "deps.zip".to_owned(), version: None };
        let mut layer = BuiltLayer { object: Some(bucket), ..BuiltLayer::of_test(&[2], false, None) };
        layer.content.description = Some("Dependencies".to_owned());
        layer.content.license = Some("MIT".to_owned());
        layer.content.compatible_runtimes = Some(vec!["nodejs22.x".to_owned()]);
        let shown = |change: Change| (change.field, change.to);
        let changes: Vec<_> = publication(&layer).flat_map(|step| step.changes).map(shown).collect();
        let new = json!(new_version(layer.archive.code_sha256()));
        let expected = [
            ("package", json!("s3://ci/deps.zip")),
            ("layers.deps", new),
            ("layers.deps.compatible_runtimes", json!(["nodejs22.x"])),
            ("layers.deps.description", json!("Dependencies")),
            ("layers.deps.license", json!("MIT")),
        ];
        assert_eq!(changes, expected.map(|(field, to)| (field.to_owned(), to)));
    }

    #[test]
    fn old_versions_are_deleted_unless_a_version_of_the_function_uses_them() {
        let numbers = [5, 4, 3, 2, 1];
        let of = |is_live, keep, live| steps(BuiltLayer::of_test(&numbers, is_live, Some(keep)), Some(live));
        let unused = function(5, &[]);
        assert_eq!(of(true, 2, &unused), ["delete 1", "delete 2", "delete 3"]);
        assert_eq!(of(true, 5, &unused), [""; 0]);
        let (publish, update) = ("publish-layer-version", "update-function-configuration");
        assert_eq!(of(false, 3, &unused), [publish, update, "delete 1", "delete 2", "delete 3"]);
        let used = function(5, &[1, 3]);
        assert_eq!(of(true, 1, &used), ["delete 2", "delete 4"]);
        assert_eq!(of(false, 1, &used), [publish, update, "delete 2", "delete 4", "delete 5"]);
    }

    #[test]
    fn the_arn_of_a_published_version_replaces_the_new_one() {
        let layer = BuiltLayer::of_test(&[1], false, None);
        let other = LayerVersion::Arn("arn:other".to_owned());
        let setting = |version| Setting::Layers(vec![other.clone(), version]);
        let call = |version| WriteCall::UpdateFunctionConfiguration { settings: vec![setting(version)] };
        let planned = call(layer.version());
        assert_eq!(*planned.with_layers(&BTreeMap::new()), planned);
        let published = BTreeMap::from([("deps".to_owned(), "arn:deps:2".to_owned())]);
        assert_eq!(*planned.with_layers(&published), call(LayerVersion::Arn("arn:deps:2".to_owned())));
    }
}
