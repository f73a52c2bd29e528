//! Tests of what the requests of a deployment name: revisions, versions, weights and histories.

use super::*;
use crate::package::Archive;
use std::sync::Arc;

fn code_and_settings(code: &str, timeout: i32, description: &str) -> CodeAndSettings {
    let settings = vec![
        Setting::Timeout(timeout),
        Setting::Description(description.to_owned()),
        Setting::LogFormat("Text".to_owned()),
        Setting::LogGroup("g".to_owned()),
    ];
    CodeAndSettings { code_sha256: code.to_owned(), settings }
}

#[test]
fn a_call_changes_only_what_it_is_for_in_the_known_state() {
    let name = FunctionName::parse("f").expect("a name");
    let state = DeployState { known: Some(code_and_settings("a", 3, "d")), ..DeployState::of(&name) };
    let configuration = |setting| WriteCall::UpdateFunctionConfiguration { settings: vec![setting] };
    let publish = WriteCall::PublishVersion { description: None, to_latest: false };
    let delivery = Delivery::Call(Arc::new(Archive::empty()));
    let code = WriteCall::UpdateFunctionCode { settings: Vec::new(), delivery };
    let timeout = || configuration(Setting::Timeout(5));
    for (call, reported, is_ours) in [
        (timeout(), code_and_settings("a", 5, "d"), true),
        (timeout(), code_and_settings("b", 5, "d"), false),
        (timeout(), code_and_settings("a", 5, "theirs"), false),
        (code, code_and_settings("b", 5, "d"), false),
        (publish.clone(), code_and_settings("a", 3, "of the version"), true),
        (publish.clone(), code_and_settings("b", 3, "d"), false),
        (publish, code_and_settings("a", 5, "d"), false),
    ] {
        assert_eq!(state.allows_response(&call, &reported), is_ours, "{call:?} {reported:?}");
    }
    // If one member changes, AWS replaces the whole structure.
    let mut logged = code_and_settings("a", 3, "d");
    logged.settings[3] = Setting::LogGroup("/aws/lambda/f".to_owned());
    assert!(state.allows_response(&configuration(Setting::LogFormat("JSON".to_owned())), &logged));
    assert!(!state.allows_response(&timeout(), &logged));
}

#[test]
fn the_latest_publication_is_awaited_until_it_is_the_new_one() {
    let name = FunctionName::parse("f").expect("a name");
    let state = DeployState { known: Some(code_and_settings("a", 3, "d")), ..DeployState::of(&name) };
    let has = |version, code, at| state.has_published(version, Some(&code_and_settings(code, at, "d")));
    let latest = LATEST_PUBLISHED;
    assert!(has(latest, "a", 3) && has("7", "before", 5) && state.has_published(latest, None));
    assert!(!has(latest, "before", 3) && !has(latest, "a", 5));
}

#[test]
fn a_published_layer_leaves_the_revision_of_the_function() {
    let name = FunctionName::parse("f").expect("a name");
    let revision_id = Some("ours".to_owned());
    let mut state = DeployState { revision_id: revision_id.clone(), ..DeployState::of(&name) };
    let layer = Some(("deps".to_owned(), "arn:deps:2".to_owned()));
    state.record_response(ResponseFacts { layer, ..ResponseFacts::default() });
    assert_eq!(state.revision_id, revision_id);
    assert_eq!(state.layers.get("deps").map(String::as_str), Some("arn:deps:2"));
}

#[test]
fn an_alias_that_has_moved_can_be_sent_back_only_in_a_release() {
    let name = FunctionName::parse("f").expect("a name");
    let update = |version: Option<&str>| WriteCall::UpdateAlias {
        alias: "live".to_owned(),
        version: version.map(str::to_owned),
        history: None,
        provisions: false,
    };
    let history = AliasHistory::new();
    let (alias, from) = ("live".to_owned(), "7".to_owned());
    let shift = WriteCall::ShiftTraffic { alias, from, percent: 10, history };
    let at = BTreeMap::from([("live".to_owned(), "7".to_owned())]);
    let of = |at| DeployState { version: Some("8".to_owned()), at, ..DeployState::of(&name) };
    let (mut alone, mut released) = (of(None), of(Some(at.clone())));
    for state in [&mut alone, &mut released] {
        state.record_target(&shift);
        assert_eq!(state.shifted, at);
        // Ends a shift without a move.
        state.record_target(&update(Some("7")));
        assert_eq!(state.shifted, BTreeMap::new());
        state.record_target(&update(None));
    }
    assert_eq!((alone.shifted, released.shifted.clone()), (BTreeMap::new(), at));
    released.alias_revisions = ["live", "next"].map(|alias| (alias.to_owned(), String::new())).into();
    assert_eq!(released.created_aliases(), ["next"]);
    released.record_uncertain(&update(None));
    assert!(released.unsettled.contains("live") && released.shifted.contains_key("live"));
    released.end_release();
    assert!(released.shifted.is_empty() && released.created_aliases().is_empty());
}

#[test]
fn only_an_alias_that_moves_gets_the_mark_of_its_release() {
    let name = FunctionName::parse("f").expect("a name");
    let at = BTreeMap::from([("live".to_owned(), "7".to_owned())]);
    let mark = ReleaseMark { name: "shop".to_owned(), number: 4, last: None };
    let mut state = DeployState { at: Some(at), mark: Some(mark), ..DeployState::of(&name) };
    let history = AliasHistory::of("(at 7, before: 5)");
    let described = |state: &DeployState<'_>, alias, version, history: &AliasHistory| {
        state.description_of(alias, version, history).expect("short")
    };
    let moved = history.moved_from("7");
    assert_eq!(described(&state, "live", "8", &moved), "(at 8 #4, before: 7, 5, release: shop)");
    assert_eq!(described(&state, "live", "7", &history), "(at 7, before: 5)");
    let created = AliasHistory::new();
    assert_eq!(described(&state, "next", "8", &created), "(at 8 #4, before: none, release: shop)");
    // An alias that the release writes where it is keeps what was written, behind the text of the stanza.
    let taken_over = AliasHistory::of("old (at 7 #4, before: 5, release: shop, last: b:live)");
    state.record_renewal("live", Some("r2".to_owned()), Some(taken_over));
    let described_now = state.text_description("live", "new");
    let expected = "new (at 7 #4, before: 5, release: shop, last: b:live)";
    assert_eq!(described_now.as_deref(), Some(expected));
    assert_eq!(state.alias_revisions.get("live").map(String::as_str), Some("r2"));
    state.record_renewal("live", None, None);
    assert_eq!(state.text_description("live", "new").as_deref(), Some(expected));
    assert!(!state.alias_revisions.contains_key("live"));
    state.end_release();
    assert_eq!(described(&state, "live", "8", &moved), "(at 8, before: 7, 5)");
}

#[test]
fn an_alias_that_is_at_the_version_already_keeps_its_record() {
    let name = FunctionName::parse("f").expect("a name");
    let recorded = |text: &str| AliasHistory::of(&format!("{text} (at 2 #2, before: 1, release: shop)"));
    let update = |version: &str, text: &str, weights: &[(String, u8)]| {
        let (alias, history) = ("live".to_owned(), recorded(text).moved_from("2"));
        let planned = Action::Write(WriteCall::UpdateAlias {
            alias: alias.clone(),
            version: None,
            history: Some(history),
            provisions: false,
        });
        let (live, weights) = (recorded("old"), weights.to_vec());
        let at = LiveAlias { name: alias, version: "2".to_owned(), weights, ..LiveAlias::default() };
        let aliases = vec![LiveAlias { history: live, ..at }];
        let live = LiveFunction { aliases, ..LiveFunction::default() };
        let state = DeployState { version: Some(version.to_owned()), ..DeployState::of(&name) };
        state.due_action(&planned, Some(&live)).map(|due| match due.into_owned() {
            Action::Write(WriteCall::DescribeAlias { text, .. }) => text,
            Action::Write(WriteCall::UpdateAlias { history: None, .. }) => "weights".to_owned(),
            Action::Write(WriteCall::UpdateAlias { history: Some(history), .. }) => {
                history.to_description(version).expect("short")
            }
            other => panic!("{other:?}"),
        })
    };
    let tenth = [("1".to_owned(), 10)];
    for (version, text, weights, expected) in [
        ("2", "old", &[][..], None),
        ("2", "new", &[], Some("new")),
        ("2", "old", &tenth[..], Some("weights")),
        ("2", "new", &tenth[..], Some("new (at 2 #2, before: 1, release: shop)")),
        ("3", "old", &[], Some("old (at 3, before: 2 #2, 1, release: shop)")),
    ] {
        assert_eq!(update(version, text, weights).as_deref(), expected, "{version} {text} {weights:?}");
    }
}

#[test]
fn a_revision_is_adopted_only_with_what_our_own_call_has_made() {
    let name = FunctionName::parse("f").expect("a name");
    let live = crate::plan::tests::live;
    let theirs = || Some("theirs".to_owned());
    let of = || DeployState {
        known: Some(CodeAndSettings::of(&live())),
        revision_id: Some("ours".to_owned()),
        ..DeployState::of(&name)
    };
    let update = WriteCall::UpdateFunctionConfiguration { settings: Vec::new() };
    let mut same = of();
    assert!(same.has_stayed(&update, LiveFunction { revision_id: theirs(), ..live() }));
    assert_eq!(same.revision_id, theirs());
    let mut code = of();
    assert!(code.has_stayed(
        &update,
        LiveFunction { revision_id: theirs(), code_sha256: "other".to_owned(), ..live() }
    ));
    assert_eq!(code.revision_id.as_deref(), Some("ours"));
    let mut other = live();
    other.settings.retain(|setting| !matches!(setting, Setting::Timeout(_)));
    other.settings.push(Setting::Timeout(77));
    let mut settings = of();
    let had_timeout = live().settings.iter().any(|setting| matches!(setting, Setting::Timeout(_)));
    assert!(had_timeout && !settings.has_stayed(&update, LiveFunction { revision_id: theirs(), ..other }));
}
