//! Tests what a release records in the descriptions of its aliases: which release moved an alias, so that a
//! rollback takes back that release as one, and which alias it moves last, so that the next run knows a
//! release that was killed.

use super::*;
use crate::fixture::alias_target;
use crate::lists::count;
use crate::plugin::kill;
use crate::release_fixture::{aliases, descriptions, kill_half_live, moves, release, three_live, writes};

/// What the three descriptions are after a release of all functions.
fn after(at: &str, before: &str) -> [String; 3] {
    let description = format!("(at {at}, before: {before}, release: shop, last: c:live)");
    [(); 3].map(|()| description.clone())
}

/// The functions `a`, `b` and `c` after their first release. The code of one of them is in `old`, and does
/// not change with that of the others.
fn one_apart(apart: usize) -> Fixture {
    let member = |(index, name): (usize, &str)| match index == apart {
        true => json!({"function_name": name, "zip": "old"}),
        false => json!({"function_name": name}),
    };
    let fixture = release(Settings::default(), ["a", "b", "c"].into_iter().enumerate().map(member));
    fs::create_dir(fixture.path("old")).expect("made");
    fs::write(fixture.path("old/index.js"), "// old\n").expect("written");
    fixture.deployed("// 1\n");
    fixture
}

#[test]
fn each_release_adds_its_number_to_the_version_to_which_it_moves() {
    let fixture = three_live(&json!({}));
    assert_eq!(descriptions(&fixture), after("1 #1", "none"));
    fixture.deployed("// 2\n");
    assert_eq!(descriptions(&fixture), after("2 #2", "1 #1"));
    fixture.deployed("// 3\n");
    assert_eq!(descriptions(&fixture), after("3 #3", "2 #2, 1 #1"));
    assert_eq!(fixture.rollback().outcomes(), ["deployed"; 3]);
    let back = "(at 2 #2, before: 1 #1, release: shop)";
    assert_eq!(descriptions(&fixture), [back; 3]);
    fixture.deployed("// 4\n");
    assert_eq!(descriptions(&fixture), after("4 #3", "2 #2, 1 #1"));
}

#[test]
fn an_alias_of_a_function_without_a_new_version_keeps_its_record() {
    let mut fixture = three_live(&json!({"timeout": 5}));
    fixture.deployed("// 2\n");
    fixture.set_in(0, json!({"timeout": 6}));
    // The release changes this back, so that AWS returns version 2 of `c` again.
    fixture.another_client("PUT", "/2015-03-31/functions/c/configuration", json!({"Timeout": 9}));
    let ended = fixture.deploy_again();
    assert_eq!(ended.outcomes(), ["deployed", "unchanged", "deployed"], "{}", ended.stdout);
    let [_, second, third] = after("2 #2", "1 #1");
    let first = "(at 3 #3, before: 2 #2, 1 #1, release: shop, last: a:live)".to_owned();
    assert_eq!(descriptions(&fixture), [first, second, third]);
    let ended = fixture.rollback();
    assert_eq!(ended.outcomes(), ["deployed", "unchanged", "unchanged"], "{}", ended.stdout);
    assert_eq!((warnings(&ended), aliases(&fixture)), (vec![], vec!["2".to_owned(); 3]));
}

#[test]
fn an_alias_that_only_gets_another_text_keeps_its_record() {
    let mut fixture = three_live(&json!({"timeout": 5}));
    fixture.deployed("// 2\n");
    fixture.set_in(2, json!({"alias_description": "The shop"}));
    fixture.another_client("PUT", "/2015-03-31/functions/c/configuration", json!({"Timeout": 9}));
    let ended = fixture.deploy_again();
    assert_eq!(ended.outcomes(), ["unchanged", "unchanged", "deployed"], "{}", ended.stdout);
    let [first, second, third] = after("2 #2", "1 #1");
    assert_eq!(descriptions(&fixture), [first, second, format!("The shop {third}")]);
}

#[test]
fn a_rollback_leaves_the_function_that_the_last_release_did_not_change() {
    for apart in 0..3 {
        let fixture = one_apart(apart);
        let of = |changed: &'static str, left: &'static str| {
            (0..3).map(|index| if index == apart { left } else { changed }).collect::<Vec<_>>()
        };
        let ended = fixture.deployed("// 2\n");
        assert_eq!(ended.outcomes(), of("deployed", "unchanged"), "{}", ended.stdout);
        assert_eq!(aliases(&fixture), of("2", "1"));
        let ended = fixture.rollback();
        assert_eq!(ended.outcomes(), of("deployed", "unchanged"), "{}", ended.stdout);
        assert_eq!((moves(&fixture).len(), aliases(&fixture)), (2, vec!["1".to_owned(); 3]));
        let reason = "the last release `shop` did not move it from another version";
        assert_eq!(ended.functions()[apart]["reason"], reason, "{}", ended.stdout);
        let message = ended.finished()["message"].as_str().expect("a text");
        assert!(message.contains(&format!("unchanged ({reason})")), "{message}");
        assert_eq!(warnings(&ended), [""; 0]);
        // Now the first release is the last one, and no alias has a version before it.
        let first = fixture.rollback();
        assert_eq!(
            (first.code(), first.outcomes()),
            ("no-previous-version", vec!["failed"; 3]),
            "{}",
            first.stdout
        );
        assert_eq!(writes(&fixture), [""; 0]);
    }
}

#[test]
fn repeated_rollbacks_take_back_one_release_each() {
    let mut fixture = one_apart(2);
    fixture.deployed("// 2\n");
    // The third release changes only `c`.
    fs::write(fixture.path("old/index.js"), "// new\n").expect("written");
    let ended = fixture.deploy_again();
    assert_eq!(ended.outcomes(), ["unchanged", "unchanged", "deployed"], "{}", ended.stdout);
    for (outcomes, at) in [
        (["unchanged", "unchanged", "deployed"], ["2", "2", "1"]),
        (["deployed", "deployed", "unchanged"], ["1", "1", "1"]),
    ] {
        let ended = fixture.rollback();
        assert_eq!(
            (ended.outcomes(), aliases(&fixture)),
            (outcomes.to_vec(), at.map(str::to_owned).to_vec())
        );
    }
    // A deployment of one function alone belongs to no release. The release is taken back from under it.
    fixture.deployed("// 3\n");
    let whole = fixture.request.clone();
    fixture.request = json!({"env": whole["env"], "stanzas": [whole["stanzas"][1]]});
    fixture.deployed("// 4\n");
    fixture.request = whole;
    assert_eq!(aliases(&fixture), ["3", "4", "2"]);
    let ended = fixture.rollback();
    assert_eq!((ended.outcome(), aliases(&fixture)), ("deployed", ["1"; 3].map(str::to_owned).to_vec()));
}

#[test]
fn a_function_that_the_last_release_created_is_left_by_a_rollback() {
    let mut fixture = three_live(&json!({}));
    let stanzas = fixture.request["stanzas"].as_array_mut().expect("a list");
    let mut created = stanzas[0].clone();
    created["function_name"] = json!("d");
    stanzas.push(created);
    fixture.deployed("// 2\n");
    let ended = fixture.rollback();
    assert_eq!(ended.outcomes(), ["deployed", "deployed", "deployed", "unchanged"], "{}", ended.stdout);
    assert_eq!(aliases(&fixture), ["1"; 4]);
}

#[test]
fn a_release_that_was_killed_and_ended_by_the_next_run_is_taken_back_as_one() {
    let fixture = three_live(&json!({}));
    kill_half_live(&fixture, "// 2\n");
    // The next run has other code, so that it also moves what has moved already.
    let ended = fixture.deployed("// 3\n");
    assert_eq!((ended.outcomes(), warnings(&ended)), (vec!["deployed"; 3], vec!["release-unfinished"]));
    assert_eq!(ended.event("warning").expect("the event exists")["stanza"], 2, "{}", ended.stdout);
    let version =
        |at: &str, before: &str| format!("(at {at}, before: {before}, release: shop, last: c:live)");
    let expected = [("3 #2", "2 #2, 1 #1"), ("3 #2", "1 #1"), ("3 #2", "1 #1")];
    assert_eq!(descriptions(&fixture), expected.map(|(at, before)| version(at, before)));
    let back = fixture.rollback();
    assert_eq!((back.outcomes(), warnings(&back)), (vec!["deployed"; 3], vec![]), "{}", back.stdout);
    assert_eq!(aliases(&fixture), ["1"; 3]);
}

#[test]
fn the_text_of_an_alias_that_a_killed_release_had_moved_can_change_with_the_next_run() {
    let mut fixture = three_live(&json!({}));
    kill_half_live(&fixture, "// 2\n");
    fixture.set_in(0, json!({"alias_description": "for a"}));
    let ended = fixture.deploy_again();
    assert_eq!((ended.outcomes(), warnings(&ended)), (vec!["deployed"; 3], vec!["release-unfinished"]));
    let [first, ..] = after("2 #2", "1 #1");
    assert_eq!(descriptions(&fixture)[0], format!("for a {first}"));
    assert_eq!(fixture.deploy_again().outcomes(), ["unchanged"; 3]);
}

#[test]
fn a_release_that_was_killed_is_taken_back_as_one_by_the_next_run() {
    let fixture = three_live(&json!({}));
    kill_half_live(&fixture, "// 2\n");
    let back = fixture.rollback();
    assert_eq!(back.outcomes(), ["deployed", "unchanged", "unchanged"], "{}", back.stdout);
    assert_eq!(
        (warnings(&back), aliases(&fixture)),
        (vec!["release-unfinished"], ["1"; 3].map(str::to_owned).to_vec())
    );
    assert_eq!(descriptions(&fixture)[0], "(at 1 #1, before: none, release: shop)");
    assert_eq!(fixture.deploy_again().outcomes(), ["deployed"; 3]);
    assert_eq!(aliases(&fixture), ["2"; 3]);
}

#[test]
fn a_release_that_was_killed_between_two_aliases_of_one_function_is_taken_back() {
    let mut fixture = release(Settings::default(), ["a", "b"].map(|name| json!({"function_name": name})));
    fixture.set_in(0, json!({"alias": ["live", "blue"]}));
    fixture.deployed("// 1\n");
    fixture.deployed("// 2\n");
    kill_half_live(&fixture, "// 3\n");
    let blue = || {
        let path = "/2015-03-31/functions/a/aliases/blue";
        alias_target(&fixture.another_client("GET", path, Value::Null))
    };
    assert_eq!((aliases(&fixture), blue()), (vec!["3".to_owned(), "2".to_owned()], "2".to_owned()));
    let back = fixture.rollback();
    assert_eq!(back.outcomes(), ["deployed", "unchanged"], "{}", back.stdout);
    assert_eq!((aliases(&fixture), blue()), (vec!["2".to_owned(); 2], "2".to_owned()));
    // Now the release before it is the last one. The rollback is killed between the two aliases, too.
    fixture.endpoint.forget_calls();
    fixture.endpoint.fault(Fault { after: 2, ..Fault::once("UpdateAlias", FaultKind::hang()) });
    let running = fixture.start_with(&["rollback"]);
    wait_until("the third alias", || count(&fixture, "UpdateAlias") == 3);
    kill(running);
    let back = fixture.rollback();
    assert_eq!(back.outcomes(), ["deployed", "unchanged"], "{}", back.stdout);
    assert_eq!((aliases(&fixture), blue()), (vec!["1".to_owned(); 2], "1".to_owned()));
}

#[test]
fn a_rollback_of_a_release_that_only_shifts_traffic_ends_the_shift() {
    let mut fixture = three_live(&json!({}));
    fixture.set_in(0, json!({"traffic": [10], "traffic_interval": 600}));
    fixture.started("// 2\n", &["wait"]).kill();
    assert_eq!(aliases(&fixture), ["1, 10 % to 2", "1", "1"]);
    let back = fixture.rollback();
    assert_eq!(back.outcomes(), ["deployed", "unchanged", "unchanged"], "{}", back.stdout);
    assert_eq!(
        (moves(&fixture), aliases(&fixture)),
        (vec!["a 1".to_owned()], ["1"; 3].map(str::to_owned).to_vec())
    );
}

#[test]
fn descriptions_without_a_number_go_on_working() {
    let fixture = three_live(&json!({}));
    fixture.deployed("// 2\n");
    for (name, description) in [("a", "(at 2, before: 1)"), ("b", "for b (at 2, before: 1)"), ("c", "for c")]
    {
        let path = format!("/2015-03-31/functions/{name}/aliases/live");
        fixture.another_client("PUT", &path, json!({"Description": description}));
    }
    assert_eq!(fixture.rollback().outcomes(), ["deployed"; 3]);
    assert_eq!(
        (aliases(&fixture), descriptions(&fixture)[1].as_str()),
        (vec!["1".to_owned(); 3], "for b (at 1, before: none)")
    );
    fixture.deployed("// 3\n");
    let expected = "for b (at 3 #1, before: 1, release: shop, last: c:live)";
    assert_eq!(descriptions(&fixture)[1], expected);
}

#[test]
fn a_description_without_space_for_the_release_is_kept_and_reported() {
    let mut fixture = three_live(&json!({}));
    let text = "x".repeat(230);
    fixture.another_client("PUT", "/2015-03-31/functions/b/aliases/live", json!({"Description": text}));
    let ended = fixture.deployed("// 2\n");
    assert_eq!(warnings(&ended), ["release-not-recorded"], "{}", ended.stdout);
    assert_eq!(ended.event("warning").expect("the event exists")["stanza"], 1);
    assert_eq!(descriptions(&fixture)[1], format!("{text} (at 2, before: 1)"));
    assert_eq!(fixture.rollback().outcomes(), ["deployed", "unchanged", "deployed"]);
    // A shorter text of the stanza replaces it with the next move.
    fixture.set_in(1, json!({"alias_description": "for b"}));
    let ended = fixture.deployed("// 3\n");
    assert_eq!((warnings(&ended), &descriptions(&fixture)[1][..8]), (vec![], "for b (a"));
}

#[test]
fn what_an_unfinished_release_has_moved_is_not_sent_back_after_another_run_relied_on_it() {
    let fixture = three_live(&json!({}));
    fixture.endpoint.fault(Fault { after: 1, ..Fault::once("UpdateAlias", FaultKind::Hold) });
    let running = fixture.started("// 2\n", &[]);
    wait_until("the second alias", || fixture.endpoint.held_calls() == 1);
    assert_eq!(aliases(&fixture), ["2", "1", "1"]);
    // The same code: `a` is where it should be.
    let other = fixture.plugin(&[]).run(&fixture.request);
    assert_eq!(other.outcomes(), ["unchanged", "deployed", "deployed"], "{}", other.stdout);
    fixture.endpoint.let_go();
    let ended = running.ended();
    assert_eq!((ended.code(), warnings(&ended)), ("conflict", vec!["overtaken"]), "{}", ended.stdout);
    assert_eq!(ended.functions()[0]["left"], json!(["live"]), "{}", ended.stdout);
    assert_eq!(aliases(&fixture), ["2"; 3]);
    // The alias `a` moved once, was written by the other run, and could not be sent back.
    assert_eq!(count(&fixture, "UpdateAlias"), 6, "{:?}", fixture.operations());
}
