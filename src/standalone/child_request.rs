//! Writes the request of a child run, as any CI runner would write it.
//! Never changes a stanza: its keys keep their order.

use serde::Serialize;

use super::travis_yml::LocatedStanza;
use crate::protocol::approved_plan::ApprovedPlan;
use crate::protocol::json::Map;

#[derive(Serialize)]
struct ChildRequest<'a> {
    #[serde(flatten)]
    stanza: Option<&'a Map>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stanzas: Option<Vec<&'a Map>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    plan: Option<&'a ApprovedPlan>,
}

/// The request for one stanza, or for a list of them, with the approved plan.
pub(super) fn text(stanzas: &[LocatedStanza], plan: Option<&ApprovedPlan>) -> String {
    let request = match stanzas {
        [located] => ChildRequest { stanza: Some(&located.stanza), stanzas: None, plan },
        several => {
            let stanzas = several.iter().map(|located| &located.stanza).collect();
            ChildRequest { stanza: None, stanzas: Some(stanzas), plan }
        }
    };
    serde_json::to_string(&request).expect("stanzas and plans are JSON")
}
