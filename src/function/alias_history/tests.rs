//! Tests of the history of an alias.

use super::*;

#[test]
fn a_history_is_written_after_the_text_of_others() {
    let first = AliasHistory::new().to_description("1").expect("short");
    assert_eq!(first, "(at 1, before: none)");
    let second = AliasHistory::of(&first).moved_from("1").to_description("3").expect("short");
    assert_eq!(second, "(at 3, before: 1)");
    let third = AliasHistory::of(&second).moved_from("3").to_description("4").expect("short");
    assert_eq!(third, "(at 4, before: 3, 1)");
    assert_eq!(
        AliasHistory::of("for the shop").moved_from("4").to_description("7").expect("short"),
        "for the shop (at 7, before: 4)"
    );
    let own = AliasHistory::of("for the shop (at 7, before: 4)")
        .moved_from("7")
        .to_description("8")
        .expect("short");
    assert_eq!(own, "for the shop (at 8, before: 7, 4)");
    assert_eq!(
        AliasHistory::of("").moved_from("$LATEST").to_description("1").expect("short"),
        "(at 1, before: none)"
    );
}

#[test]
fn another_text_keeps_the_history() {
    for (description, expected) in [
        ("for the shop (at 7, before: 5)", "the shop (at 7, before: 5)"),
        (
            "for the shop (at 7 #4, before: 5 #3, release: shop)",
            "the shop (at 7 #4, before: 5 #3, release: shop)",
        ),
        ("(at 7, before: none)", "the shop (at 7, before: none)"),
        ("for the shop (at 7, to 8, before: 5, 3)", "the shop (at 7, to 8, before: 5, 3)"),
        ("(at 7, codedeploy to 8)", "the shop (at 7, codedeploy to 8)"),
        ("for the shop", "the shop"),
        ("", "the shop"),
    ] {
        let history = AliasHistory::of(description).with_text("the shop");
        assert_eq!(history.unmoved_description().as_deref(), Some(expected));
        let read = AliasHistory::of(expected);
        assert_eq!((read.text(), &read), ("the shop", &history), "{expected}");
        let cleared = history.with_text("").unmoved_description().expect("short");
        assert_eq!(AliasHistory::of(&cleared), history.with_text(""), "{cleared}");
    }
}

#[test]
fn the_longest_text_of_a_stanza_leaves_space_for_ten_versions_and_a_shift() {
    let before = (100_000..100_010).rev().map(|number: u64| HistoryEntry::of(&number.to_string(), None));
    let recorded = Some((HistoryEntry::of("100010", None), before.collect()));
    let history = AliasHistory { recorded, ..AliasHistory::default() }.with_text(&"x".repeat(128));
    assert!(history.can_record_shift("100010"));
    assert!(history.with_codedeploy("100010", "100011").to_description("100010").is_some());
    let moved = history.moved_from("100010").to_description("100011").expect("short");
    let read = AliasHistory::of(&moved);
    assert_eq!(read.before("100011").map(|before| before.len()), Some(10));
}

#[test]
fn the_way_back_shortens_it() {
    let history = AliasHistory::of("x (at 9, before: 7, 4, 2)");
    assert_eq!(history.before("9"), Some(vec!["7", "4", "2"]));
    assert_eq!(history.rolled_back("9", "7").to_description("7").expect("short"), "x (at 7, before: 4, 2)");
    assert_eq!(history.rolled_back("9", "2").to_description("2").expect("short"), "x (at 2, before: none)");
    // The history does not contain version 5, so the versions before it are unknown.
    assert_eq!(history.rolled_back("9", "5").to_description("5").expect("short"), "x");
}

#[test]
fn a_shift_is_recorded_as_long_as_it_lasts() {
    let history = AliasHistory::of("for the shop (at 7, before: 5, 3)");
    assert_eq!(history.shift("7"), None);
    let shifting = history.with_shift("7", Some("8")).to_description("7").expect("short");
    assert_eq!(shifting, "for the shop (at 7, to 8, before: 5, 3)");
    let read = AliasHistory::of(&shifting);
    assert_eq!((read.shift("7"), read.shift("8")), (Some("8"), None));
    assert_eq!(read.before("7"), Some(vec!["5", "3"]));
    assert_eq!(
        read.with_shift("7", None).to_description("7").expect("short"),
        "for the shop (at 7, before: 5, 3)"
    );
    assert_eq!(
        read.moved_from("7").to_description("8").expect("short"),
        "for the shop (at 8, before: 7, 5, 3)"
    );
    assert_eq!(
        read.rolled_back("7", "5").to_description("5").expect("short"),
        "for the shop (at 5, before: 3)"
    );
    // The previous versions of an alias that someone else created are unknown.
    let theirs = AliasHistory::of("theirs").with_shift("7", Some("8")).to_description("7").expect("short");
    assert_eq!(theirs, "theirs (at 7, to 8)");
    assert_eq!(
        (AliasHistory::of(&theirs).shift("7"), AliasHistory::of(&theirs).before("7")),
        (Some("8"), None)
    );
    assert_eq!(AliasHistory::of(&theirs).with_shift("7", None).to_description("7").expect("short"), "theirs");
}

#[test]
fn a_shift_by_codedeploy_is_recorded_and_ends_at_either_version() {
    let history = AliasHistory::of("for the shop (at 7, before: 5)");
    let shifting = history.with_codedeploy("7", "8").to_description("7").expect("short");
    assert_eq!(shifting, "for the shop (at 7, codedeploy to 8, before: 5)");
    let read = AliasHistory::of(&shifting);
    assert_eq!(read, history.with_codedeploy("7", "8"));
    assert_eq!((read.codedeploy_shift("7"), read.codedeploy_shift("8")), (Some("8"), None));
    assert_eq!((read.is_codedeploy_target("7"), read.is_codedeploy_target("8")), (false, true));
    assert_eq!(read.shift("7"), None, "the weights are not ours");
    // CodeDeploy went back to 7, or moved the alias to 8.
    assert_eq!(read.before("7"), Some(vec!["5"]));
    assert_eq!(read.before("8"), Some(vec!["7", "5"]));
    assert_eq!(read.before("9"), None);
    let at = |history: AliasHistory, version| history.to_description(version).expect("short");
    assert_eq!(at(read.moved_from("7"), "8"), "for the shop (at 8, before: 7, 5)");
    assert_eq!(at(read.moved_from("8"), "9"), "for the shop (at 9, before: 8, 7, 5)");
    assert_eq!(at(read.rolled_back("8", "7"), "7"), "for the shop (at 7, before: 5)");
    assert_eq!(at(read.with_shift("7", None), "7"), "for the shop (at 7, before: 5)");
    assert_eq!(at(read.with_codedeploy("8", "9"), "8"), "for the shop (at 8, codedeploy to 9, before: 7, 5)");
    // The previous versions of an alias that someone else created are unknown, except the last one.
    let theirs = AliasHistory::of("theirs").with_codedeploy("7", "8").to_description("7").expect("short");
    assert_eq!(theirs, "theirs (at 7, codedeploy to 8)");
    assert_eq!(AliasHistory::of(&theirs).before("8"), Some(vec!["7"]));
    assert_eq!(AliasHistory::of("(at 7, codedeploy to x)").codedeploy_shift("7"), None);
}

#[test]
fn a_history_of_another_version_is_none() {
    assert_eq!(AliasHistory::of("(at 9, before: 7)").before("8"), None);
    assert_eq!(
        AliasHistory::of("(at 9, before: 7)").moved_from("8").to_description("10").expect("short"),
        "(at 10, before: 8)"
    );
    for text in [
        "",
        "x",
        "(at 9)",
        "(at x, before: 1)",
        "(at 9, before: x)",
        "(at 9, before: )",
        "(at 9, before: 1) x",
    ] {
        assert_eq!(AliasHistory::of(text).before("9"), None, "{text}");
        assert_eq!(AliasHistory::of(text).rolled_back("9", "1").to_description("1").as_deref(), Some(text));
    }
}

#[test]
fn an_alias_that_someone_else_has_moved_goes_back_to_what_the_history_has() {
    for (history, version, before) in [
        ("(at 9, before: 7)", "9", vec!["7"]),
        // Moved on, back, and to a version at which it never was.
        ("(at 9, before: 7, 3)", "12", vec!["9", "7", "3"]),
        ("(at 9, before: 7, 3)", "7", vec!["3"]),
        ("(at 9, before: 7, 3)", "8", vec!["7", "3"]),
        ("(at 9, before: none)", "8", vec![]),
        ("(at 9, before: 7)", "$LATEST", vec![]),
        ("x", "9", vec![]),
    ] {
        assert_eq!(AliasHistory::of(history).versions_before(version), before, "{history} {version}");
    }
    let history = AliasHistory::of("x (at 9 #4, before: 7 #3, 3, release: shop, last: a:live)");
    assert_eq!(at(&history.rolled_back("12", "9"), "9"), "x (at 9 #4, before: 7 #3, 3, release: shop)");
    assert_eq!(at(&history.rolled_back("8", "7"), "7"), "x (at 7 #3, before: 3, release: shop)");
    assert_eq!(at(&history.rolled_back("8", "5"), "5"), "x");
}

#[test]
fn it_goes_on_for_ten_steps_and_never_costs_a_text() {
    let many: Vec<String> = (1..40).rev().map(|number: u64| number.to_string()).collect();
    let long = AliasHistory::of(&format!("(at 40, before: {})", many.join(", ")));
    let recorded = AliasHistory::of(&long.moved_from("40").to_description("41").expect("short"));
    assert_eq!(recorded.before("41").map(|before| before.len()), Some(10));
    assert_eq!(AliasHistory::of(&"x".repeat(250)).moved_from("1").to_description("2"), None);
}

#[test]
fn a_version_is_not_before_itself() {
    assert_eq!(
        AliasHistory::of("(at 7, before: 5, 3)").moved_from("7").to_description("5").expect("short"),
        "(at 5, before: 7, 3)"
    );
}

fn mark(name: &str, number: u64, last: Option<&str>) -> ReleaseMark {
    ReleaseMark { name: name.to_owned(), number, last: last.map(str::to_owned) }
}

fn at(history: &AliasHistory, version: &str) -> String {
    history.to_description(version).expect("short")
}

#[test]
fn a_release_adds_its_number_and_its_name() {
    let created = AliasHistory::new().marked(&mark("shop", 1, Some("users:live")));
    assert_eq!(at(&created, "1"), "(at 1 #1, before: none, release: shop, last: users:live)");
    let moved = AliasHistory::of("for the shop (at 5, before: 3)").moved_from("5");
    let moved = moved.marked(&mark("shop", 4, Some("users:live")));
    let description = "for the shop (at 7 #4, before: 5, 3, release: shop, last: users:live)";
    assert_eq!(at(&moved, "7"), description);
    let read = AliasHistory::of(description);
    assert_eq!((read.before("7"), read.before("8")), (Some(vec!["5", "3"]), None));
    assert_eq!((read.releases("7", "shop"), read.last_of_release()), (vec![4], Some("users:live")));
    assert_eq!((read.releases("7", "blog"), read.releases("8", "shop")), (vec![], vec![]));
    assert_eq!(at(&read.with_shift("7", None), "7"), description);

    // A shift belongs to a later release, whose number comes with the move.
    let shifting = "for the shop (at 7 #4, to 8, before: 5, 3, release: shop, last: users:live)";
    assert_eq!(at(&read.with_shift("7", Some("8")), "7"), shifting);
    let read = AliasHistory::of(shifting);
    assert_eq!((read.shift("7"), read.releases("7", "shop")), (Some("8"), vec![4]));
    let next = read.moved_from("7").marked(&mark("shop", 5, None));
    assert_eq!(at(&next, "8"), "for the shop (at 8 #5, before: 7 #4, 5, 3, release: shop)");
    // So does one by CodeDeploy.
    let by_codedeploy = AliasHistory::of(&at(&next, "8")).with_codedeploy("8", "9");
    let expected = "for the shop (at 8 #5, codedeploy to 9, before: 7 #4, 5, 3, release: shop)";
    assert_eq!(at(&by_codedeploy, "8"), expected);
    let by_codedeploy = AliasHistory::of("(at 8 #5, codedeploy to 9, before: 7 #4, release: shop)");
    assert_eq!(by_codedeploy.releases("9", "shop"), [5, 4]);
    assert_eq!(at(&by_codedeploy.moved_from("9"), "10"), "(at 10, before: 9, 8 #5, 7 #4, release: shop)");
    assert_eq!(at(&by_codedeploy.with_last_of_release(Some("b:live")), "8").matches("b:live").count(), 1);
}

#[test]
fn deployments_of_one_function_do_not_displace_the_last_release() {
    let alone = |description: &str, from: u64, to: u64| {
        let numbers: Vec<String> = (from..=to).map(|number| number.to_string()).collect();
        numbers.windows(2).fold(description.to_owned(), |description, pair| {
            at(&AliasHistory::of(&description).moved_from(&pair[0]), &pair[1])
        })
    };
    let twice = "(at 8 #4, before: 7 #4, 5 #3, 3, release: shop, last: a:live)";
    let later = alone(twice, 8, 30);
    let before = "29, 28, 27, 26, 25, 24, 23, 22, 8 #4, 5 #3";
    assert_eq!(later, format!("(at 30, before: {before}, release: shop, last: a:live)"));
    assert_eq!(AliasHistory::of(&later).before_release("30", "shop", 4), Some(vec!["5"]));
    // The release has created the alias, so nothing is before it.
    let created = alone("(at 1 #4, before: none, release: shop)", 1, 20);
    assert_eq!(created, "(at 20, before: 19, 18, 17, 16, 15, 14, 13, 12, 11, 1 #4, release: shop)");
    // The previous version is never left out.
    let text = "x".repeat(200);
    let short = alone(&format!("{text} (at 8 #4, before: 7 #4, 5 #3, 3, release: shop)"), 8, 30);
    assert!(short.starts_with(&format!("{text} (at 30, before: 29, ")), "{short}");
    assert_eq!(AliasHistory::of(&short).before("30").map(|before| before[0]), Some("29"));
}

#[test]
fn a_history_says_where_an_alias_was_before_a_release() {
    let once = AliasHistory::of("(at 7 #4, before: 5 #3, 3, release: shop, last: a:live)");
    assert_eq!(once.before_release("7", "shop", 4), Some(vec!["5", "3"]));
    assert_eq!(once.before_release("7", "shop", 3), Some(vec!["3"]));
    assert_eq!(once.before_newest_release("7"), Some(vec!["5", "3"]));
    for (version, name, number) in [("7", "shop", 5), ("7", "blog", 4), ("8", "shop", 4)] {
        assert_eq!(once.before_release(version, name, number), None, "{version} {name} {number}");
    }
    // A release that was killed moved the alias to 7, and the run that ended it to 8. Another deployment
    // followed.
    let twice = AliasHistory::of("(at 9, before: 8 #4, 7 #4, 5 #3, release: shop)");
    assert_eq!(twice.before_release("9", "shop", 4), Some(vec!["5"]));
    assert_eq!(twice.before("9"), Some(vec!["8", "7", "5"]));
    let created = AliasHistory::of("(at 1 #1, before: none, release: shop)");
    assert_eq!(created.before_release("1", "shop", 1), Some(vec![]));
    assert_eq!(AliasHistory::of("(at 7, before: 5)").before_newest_release("7"), None);
}

#[test]
fn the_way_back_keeps_the_numbers_of_earlier_releases() {
    let history = AliasHistory::of("x (at 7 #4, before: 5 #3, 3, release: shop, last: a:live)");
    let back = history.rolled_back("7", "5");
    assert_eq!(at(&back, "5"), "x (at 5 #3, before: 3, release: shop)");
    assert_eq!(at(&history.rolled_back("7", "3"), "3"), "x (at 3, before: none)");
    assert_eq!(at(&history.rolled_back("7", "2"), "2"), "x");
    // A deployment of the function alone has no number.
    let alone = history.moved_from("7");
    assert_eq!(at(&alone, "8"), "x (at 8, before: 7 #4, 5 #3, 3, release: shop, last: a:live)");
    // Numbers of another release mean nothing in this one.
    let other = history.moved_from("7").marked(&mark("blog", 1, None));
    assert_eq!(at(&other, "8"), "x (at 8 #1, before: 7, 5, 3, release: blog)");
    assert_eq!(at(&history.with_last_of_release(None), "7"), "x (at 7 #4, before: 5 #3, 3, release: shop)");
}

#[test]
fn an_unknown_form_of_a_release_is_kept_as_text() {
    for text in [
        "(at 7 #4, before: 5)",
        "(at 7, before: 5, release: shop)",
        "(at 7 #x, before: 5, release: shop)",
        "(at 7 #4, to 8, release: shop)",
        "(at 7 #4, release: shop)",
        "(at 7 #4, before: 5 #, release: shop)",
        "(at 7 #4, before: 5, release: shop) x",
    ] {
        let read = AliasHistory::of(text);
        assert_eq!((read.before("7"), read.before_newest_release("7")), (None, None), "{text}");
        let moved = read.moved_from("7").marked(&mark("shop", 5, None));
        assert_eq!(at(&moved, "8"), format!("{text} (at 8 #5, before: 7, release: shop)"));
    }
}

#[test]
fn a_long_description_names_less_of_the_release_and_keeps_the_text() {
    let (last, name) = ("f".repeat(64), "s".repeat(64));
    let check = |text: usize, expected: &str| {
        let text = "x".repeat(text);
        let history = AliasHistory::of(&format!("{text} (at 5 #1, before: 4 #1, 3 #1, release: {name})"));
        let description =
            at(&history.moved_from("5").marked(&mark(&name, 2, Some(&format!("{last}:live")))), "6");
        assert!(description.chars().count() <= MAX_DESCRIPTION_CHARS, "{description}");
        let shown = description.replace(&text, "TEXT").replace(&last, "LAST").replace(&name, "NAME");
        assert_eq!(shown, expected);
    };
    check(20, "TEXT (at 6 #2, before: 5 #1, 4 #1, 3 #1, release: NAME, last: LAST:live)");
    check(75, "TEXT (at 6 #2, before: 5 #1, release: NAME, last: LAST:live)");
    check(140, "TEXT (at 6 #2, before: 5 #1, 4 #1, 3 #1, release: NAME)");
    check(154, "TEXT (at 6 #2, before: 5 #1, release: NAME)");
    check(170, "TEXT (at 6, before: 5, 4, 3)");
    for (text, can) in [(140, true), (170, false)] {
        assert_eq!(AliasHistory::of(&"x".repeat(text)).can_record_release("5", &name), can, "{text}");
    }
}
