//! Reads an approved plan: the file that `plan --out` writes, and the key `plan` of a request.
//! Never contains a secret, and nothing of it is carried out: a deployment plans itself, and only compares.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::event::{Finished, FunctionPresence, Plan, PlanBasis, PlannedStep, StepName};
use super::json::quoted;

/// The version of the format that this version of the program writes and reads.
pub const PLAN_FORMAT: u32 = 1;

/// The key with the version of the format. A document without it is no plan of this program.
const FORMAT_KEY: &str = "dpl_lambda_plan";

/// An approved plan.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[schemars(title = "dpl-lambda plan")]
pub struct ApprovedPlan {
    /// Version of the format: 1.
    #[schemars(range(min = 1, max = 1))]
    pub dpl_lambda_plan: u32,
    /// What the plan has for each stanza, in the order of the stanzas: the `finished` event of the command
    /// `plan`, or, for a list, each item of its `functions`. Other keys of them are ignored.
    #[schemars(length(min = 1))]
    pub functions: Vec<ApprovedFunction>,
}

/// What an approved plan has for one stanza.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum ApprovedFunction {
    /// The steps of the deployment.
    Planned(Box<ApprovedSteps>),
    /// Nothing: the conditions of the stanza were not met.
    Skipped {},
}

/// The steps of a deployment, and what they were planned from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ApprovedSteps {
    /// Whether the function exists.
    pub function: FunctionPresence,
    /// The steps in order. Empty: the function already matches the stanza.
    pub steps: Vec<PlannedStep>,
    /// What the plan was made from.
    pub basis: PlanBasis,
}

/// Why a document is no usable plan. Each text follows the name of the document. None contains a value of it,
/// because the document may be any file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanFormatError {
    /// It is another document.
    #[error("is no plan; expected what `dpl-lambda plan --out FILE` writes")]
    NotAPlan,
    /// Another version of the program has written it.
    #[error(
        "is a plan of another version of dpl-lambda: its format is {given}, and this version reads only {}",
        PLAN_FORMAT
    )]
    OtherFormat {
        /// The number.
        given: String,
    },
    /// It has no list of functions, or an empty one.
    #[error("has no functions; expected one item of `functions` for each stanza")]
    NoFunctions,
    /// An item of `functions` is not as this version writes it.
    #[error("has an item {index} of `functions` that is incomplete, or of another version of dpl-lambda")]
    BadFunction {
        /// The index of the item, from 0.
        index: usize,
    },
}

/// Functions that are not deployed together, and whose steps change versions of the same layer. Its value is
/// the name of the layer, as text for a message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "functions that are not of one release change versions of the layer {0}, so the first one would make the \
     plan of the next one outdated"
)]
pub(crate) struct LayerChangedTwice(String);

/// Checks that no deployment of the plan makes a later one outdated with a layer. Each part is what is
/// deployed together: a function, or those of a release.
pub(crate) fn check_layers<'a>(
    parts: impl IntoIterator<Item = impl IntoIterator<Item = &'a ApprovedFunction>>,
) -> Result<(), LayerChangedTwice> {
    let mut changed = BTreeSet::new();
    for part in parts {
        let of_part: BTreeSet<_> = part.into_iter().flat_map(ApprovedFunction::changed_layers).collect();
        if let Some((.., layer)) = of_part.intersection(&changed).next() {
            return Err(LayerChangedTwice(quoted(layer)));
        }
        changed.extend(of_part);
    }
    Ok(())
}

impl ApprovedPlan {
    /// Makes a plan of what it has for each stanza.
    pub fn new(functions: Vec<ApprovedFunction>) -> Self {
        ApprovedPlan { dpl_lambda_plan: PLAN_FORMAT, functions }
    }

    /// Reads a plan. Unknown keys are ignored.
    ///
    /// # Errors
    /// [`PlanFormatError`], if the document is no plan that this version can read.
    pub fn read(document: Value) -> Result<Self, PlanFormatError> {
        let Value::Object(mut document) = document else { return Err(PlanFormatError::NotAPlan) };
        match document.get(FORMAT_KEY) {
            Some(format) if *format == json!(PLAN_FORMAT) => {}
            Some(Value::Number(given)) => {
                return Err(PlanFormatError::OtherFormat { given: given.to_string() });
            }
            Some(_) | None => return Err(PlanFormatError::NotAPlan),
        }
        let functions = match document.remove("functions") {
            Some(Value::Array(functions)) if !functions.is_empty() => functions,
            Some(_) | None => return Err(PlanFormatError::NoFunctions),
        };
        let function = |(index, item): (usize, Value)| {
            serde_json::from_value::<ApprovedFunction>(item)
                .map_err(|_| PlanFormatError::BadFunction { index })
        };
        let functions = functions.into_iter().enumerate().map(function).collect::<Result<_, _>>()?;
        Ok(ApprovedPlan::new(functions))
    }
}

impl ApprovedFunction {
    /// What the result of the command `plan` for a stanza means for its deployment. `None`: it was not
    /// planned.
    pub fn of(finished: &Finished) -> Option<Self> {
        match finished {
            Finished::Planned(Plan { function, steps, basis: Some(basis) }) => {
                let (steps, basis) = (steps.clone(), PlanBasis::clone(basis));
                let approved = ApprovedSteps { function: *function, steps, basis };
                Some(ApprovedFunction::Planned(Box::new(approved)))
            }
            Finished::Skipped { .. } => Some(ApprovedFunction::Skipped {}),
            Finished::Planned(Plan { basis: None, .. })
            | Finished::Deployed(_)
            | Finished::Unchanged(_)
            | Finished::Checked {}
            | Finished::Packaged { .. }
            | Finished::Failed { .. }
            | Finished::Stopped { .. }
            | Finished::List(_) => None,
        }
    }

    /// The layers of which a step publishes or deletes a version, each after its account and region. Empty if
    /// the account is not known.
    fn changed_layers(&self) -> Vec<(&str, &str, &str)> {
        let ApprovedFunction::Planned(approved) = self else { return Vec::new() };
        let Some(account) = approved.basis.account_id.as_deref() else { return Vec::new() };
        let is_of_layer = |step: &&PlannedStep| {
            matches!(step.step, StepName::PublishLayerVersion | StepName::DeleteLayerVersion)
        };
        let changes = approved.steps.iter().filter(is_of_layer).flat_map(|step| &step.changes);
        let layers = changes.filter_map(|change| change.field.strip_prefix("layers."));
        // Other fields are members of the layer: `layers.deps.license`.
        let layers = layers.filter(|layer| !layer.contains('.'));
        layers.map(|layer| (account, approved.basis.region.as_str(), layer)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::event::{Change, Event, Line};

    fn finished() -> Finished {
        let basis = PlanBasis {
            function_name: "f".to_owned(),
            account_id: Some("123456789012".to_owned()),
            region: "eu-west-1".to_owned(),
            revision_id: None,
            code_sha256: Some("5TmR".to_owned()),
            aliases: Vec::new(),
        };
        let step = PlannedStep {
            step: StepName::UpdateFunctionCode,
            changes: Vec::new(),
            waits_for: None,
            phase: None,
        };
        let (function, basis) = (FunctionPresence::Exists, Some(Box::new(basis)));
        Finished::Planned(Plan { function, steps: vec![step], basis })
    }

    #[test]
    fn the_last_event_of_a_plan_is_an_item_of_an_approved_plan() {
        let approved = ApprovedPlan::new(vec![
            ApprovedFunction::of(&finished()).expect("a plan"),
            ApprovedFunction::of(&Finished::Skipped { unmet: Vec::new() }).expect("skipped"),
        ]);
        assert_eq!(ApprovedPlan::read(json!(approved)), Ok(approved.clone()));
        // As a runner sends it: the lines of the events as they are.
        let lines = [finished(), Finished::Skipped { unmet: Vec::new() }]
            .map(|finished| json!(Line::new(Event::Finished(finished))));
        assert_eq!(ApprovedPlan::read(json!({"dpl_lambda_plan": 1, "functions": lines})), Ok(approved));
        let rollback =
            Finished::Planned(Plan { function: FunctionPresence::Exists, steps: Vec::new(), basis: None });
        for other in [rollback, Finished::Checked {}, Finished::stopped(Vec::new())] {
            assert_eq!(ApprovedFunction::of(&other), None);
        }
    }

    #[test]
    fn a_layer_is_changed_by_one_part_of_a_plan() {
        let of = |step: StepName, account: Option<&str>, region: &str, field: &str| {
            let Some(ApprovedFunction::Planned(mut planned)) = ApprovedFunction::of(&finished()) else {
                panic!("a plan")
            };
            planned.basis.account_id = account.map(str::to_owned);
            planned.basis.region = region.to_owned();
            let change = Change { field: field.to_owned(), from: Value::Null, to: Value::Null };
            planned.steps[0] = PlannedStep { step, changes: vec![change], waits_for: None, phase: None };
            ApprovedFunction::Planned(planned)
        };
        let (publish, delete) = (StepName::PublishLayerVersion, StepName::DeleteLayerVersion);
        let deps = || of(publish, Some("1"), "eu-west-1", "layers.deps");
        let update = StepName::UpdateFunctionConfiguration;
        for (other, is_refused) in [
            (deps(), true),
            (of(delete, Some("1"), "eu-west-1", "layers.deps"), true),
            (of(publish, Some("1"), "eu-west-1", "layers.tools"), false),
            (of(publish, Some("1"), "eu-west-1", "layers.deps.license"), false),
            (of(publish, Some("2"), "eu-west-1", "layers.deps"), false),
            (of(publish, Some("1"), "us-east-1", "layers.deps"), false),
            (of(publish, None, "eu-west-1", "layers.deps"), false),
            (of(update, Some("1"), "eu-west-1", "layers.deps"), false),
            (ApprovedFunction::Skipped {}, false),
        ] {
            let first = deps();
            let apart = check_layers([vec![&first], vec![&other]]);
            assert_eq!(apart.is_err(), is_refused, "{other:?}");
            assert_eq!(check_layers([vec![&first, &other]]), Ok(()), "{other:?}");
        }
        let error = check_layers([vec![&deps()], vec![&deps()]]).unwrap_err().to_string();
        assert!(error.contains("versions of the layer `deps`"), "{error}");
    }

    #[test]
    fn a_document_that_is_no_plan_of_this_version_is_refused_without_its_values() {
        let item = json!(ApprovedFunction::of(&finished()));
        let other_step = {
            let mut item = item.clone();
            item["steps"][0]["step"] = json!("hunter2");
            item
        };
        let without_basis = json!({"outcome": "planned", "function": "exists", "steps": []});
        let of = |functions: Value| json!({"dpl_lambda_plan": 1, "functions": functions});
        for (document, expected) in [
            (json!(null), PlanFormatError::NotAPlan),
            (json!("hunter2"), PlanFormatError::NotAPlan),
            (json!([of(json!([item]))]), PlanFormatError::NotAPlan),
            (json!({"functions": [item]}), PlanFormatError::NotAPlan),
            (json!({"dpl_lambda_plan": "1", "functions": [item]}), PlanFormatError::NotAPlan),
            (json!({"format_version": "1.2", "planned_values": {}}), PlanFormatError::NotAPlan),
            (
                json!({"dpl_lambda_plan": 2, "functions": {}}),
                PlanFormatError::OtherFormat { given: "2".to_owned() },
            ),
            (json!({"dpl_lambda_plan": 1}), PlanFormatError::NoFunctions),
            (of(json!([])), PlanFormatError::NoFunctions),
            (of(json!({"0": item})), PlanFormatError::NoFunctions),
            (of(json!([item, 7])), PlanFormatError::BadFunction { index: 1 }),
            (of(json!([item, without_basis])), PlanFormatError::BadFunction { index: 1 }),
            (of(json!([other_step])), PlanFormatError::BadFunction { index: 0 }),
            (of(json!([{"outcome": "failed"}])), PlanFormatError::BadFunction { index: 0 }),
        ] {
            let error = ApprovedPlan::read(document.clone()).unwrap_err();
            assert!(!error.to_string().contains("hunter2"), "{error}");
            assert_eq!(error, expected, "{document}");
        }
    }
}
