//! How Ruby's Psych reads a scalar (`scalar_scanner.rb`), as configured by travis-yml's loader
//! (`support/yaml.rb`).

use serde_json::{Value, json};

use super::*;

#[track_caller]
fn read_into(mut read: SourceMap, text: &str) -> (Value, SourceMap) {
    let tree = parse(text, &mut read.notes).unwrap_or_else(|error| panic!("{text}: {error:?}"));
    let node = tree.expect("a document").read("", &mut read);
    (Value::from(&node.unwrap_or_else(|error| panic!("{text}: {error:?}"))), read)
}

#[track_caller]
fn read_with_notes(text: &str) -> (Value, SourceMap) {
    read_into(SourceMap::of_stanza(), text)
}

#[track_caller]
fn read(text: &str) -> Value {
    read_with_notes(text).0
}

#[track_caller]
fn refused(text: &str) -> YamlError {
    let tree = match parse(text, &mut Vec::new()) {
        Ok(tree) => tree.expect("a document"),
        Err(error) => return error,
    };
    tree.read("", &mut SourceMap::of_stanza()).expect_err(text)
}

/// The value as it is read outside of a stanza, and the lines of the notes.
#[track_caller]
fn read_leniently(text: &str) -> (Value, Vec<String>) {
    let (value, read) = read_into(SourceMap::default(), text);
    let lines = read.notes.iter().map(|note| note.split(':').next().unwrap_or_default().to_owned());
    (value, lines.collect())
}

#[test]
fn scalars_are_read_as_travis_ci_reads_them() {
    for (text, expected) in [
        ("", json!(null)),
        ("'~'", json!("~")),
        ("'true'", json!("true")),
        ("\"Yes\"", json!("Yes")),
        // Whole numbers.
        ("0", json!(0)),
        ("10", json!(10)),
        ("-7", json!(-7)),
        ("+5", json!(5)),
        ("1_000", json!(1000)),
        ("017", json!(15)),
        ("00", json!(0)),
        ("0_7", json!(7)),
        ("0x1F", json!(31)),
        ("0b101", json!(5)),
        ("-0b11", json!(-3)),
        ("18446744073709551615", json!(18_446_744_073_709_551_615_u64)),
        ("-9223372036854775808", json!(i64::MIN)),
        ("123456789012", json!(123_456_789_012_i64)),
        ("-", json!([null])),
        ("'10'", json!("10")),
        // Ruby symbols.
        (":latest", json!("latest")),
        (":\"a b\"", json!("a b")),
        ("::Foo", json!(":Foo")),
        // Texts.
        ("'it''s'", json!("it's")),
        ("\"a\\tb\\u00e9\"", json!("a\tb\u{e9}")),
        ("a # comment", json!("a")),
        // Tags.
        ("!!str 10", json!("10")),
        ("!!str", json!("")),
        ("! 10", json!("10")),
        ("!!int '10'", json!(10)),
        ("!!bool 'true'", json!(true)),
        ("!!null ''", json!(null)),
    ] {
        let file = format!("v: {text}\n").replace("v: -\n", "v:\n-\n");
        assert_eq!(read(&file), json!({"v": expected}), "{text}");
    }
    for (texts, expected) in [
        ("~ null NULL Null", json!(null)),
        ("true True TRUE Yes YES On", json!(true)),
        ("false FALSE No OFF", json!(false)),
    ] {
        for text in texts.split(' ') {
            assert_eq!(read(&format!("v: {text}\n")), json!({"v": expected}), "{text}");
        }
    }
    for kept in [
        // Lower-case words (`KEEP` of travis-yml), which options accept.
        "yes no on off",
        // Neither null nor booleans.
        "nil y N truely",
        // No whole numbers.
        "08 019 0o17 0xg 0x 0x_ 0b12 0X1F 18446744073709551616 _1 1a",
        // Fractions (`FLOAT` of travis-yml).
        "1.10 3.0 .5 1. 1.5e+3 1e3 .inf .nan 1.2.3 .",
        // Values that Psych would convert against the author's intention.
        "12:30 1:30:00 80,443 2024-01-31 2024-01-31T12:00:00Z",
        "arn:aws:iam::123456789012:role/x a#b http://x/y",
    ] {
        kept.split(' ').for_each(|text| assert_eq!(read(&format!("v: {text}\n")), json!({"v": text})));
    }
    for text in ["2024-01-31 12:00:00 +0100", "a b", "$A = b"] {
        assert_eq!(read(&format!("v: {text}\n")), json!({"v": text}));
    }
}

#[test]
fn a_fraction_is_a_number_in_the_json_that_a_function_is_given() {
    let verify =
        |payload: &str| read(&format!("verify:\n  payload: {payload}\n"))["verify"]["payload"].clone();
    for (text, expected) in [
        ("{a: 0.5}", json!({"a": 0.5})),
        ("[-1.5, +2.0, .5, 1.]", json!([-1.5, 2.0, 0.5, 1.0])),
        ("1_000.5", json!(1000.5)),
        ("1.5e+3", json!(1500.0)),
        ("1.5e3", json!("1.5e3")),
        (".", json!(".")),
        ("1.2.3", json!("1.2.3")),
        ("'0.5'", json!("0.5")),
    ] {
        assert_eq!(verify(text), expected, "{text}");
    }
    assert_eq!(read("verify:\n- payload: 0.5\n"), json!({"verify": [{"payload": 0.5}]}));
    assert_eq!(read("environment:\n  verify: 0.50\n"), json!({"environment": {"verify": "0.50"}}));
}

#[test]
fn a_value_that_is_not_read_as_it_is_written_is_noted() {
    let notes = |text: &str| read_with_notes(text).1.notes;
    for value in ["NO", "True", "0123", "0x1F", "1_000", "+5", ":a"] {
        let noted = notes(&format!("environment:\n  COUNTRY: {value}\n"));
        assert!(noted.len() == 1 && noted[0].starts_with("line 2: "), "{value}: {noted:?}");
        assert!(!noted[0].contains(value) || value == "NO", "it may be a secret: {noted:?}");
    }
    assert_eq!(notes("function_tags: {a: Yes, b: 'Yes'}\ntimeout: 010\n").len(), 2);
    for text in
        ["environment: {A: no, B: 'NO', C: 1.10, D: 10, E: true, F: ~, G: 08}", "publish: Yes", "a: 1_000"]
    {
        assert_eq!(notes(text), Vec::<String>::new(), "{text}");
    }
}

#[test]
fn keys_are_texts_as_they_are_written() {
    for (text, key) in [
        ("on: x", "on"),
        ("true: x", "true"),
        ("Yes: x", "Yes"),
        ("8: x", "8"),
        ("1.10: x", "1.10"),
        ("017: x", "017"),
        (":provider: x", "provider"),
        ("'on': x", "on"),
        ("release/*: x", "release/*"),
        ("\"a b\": x", "a b"),
        ("~: x", "~"),
        ("? on\n: x", "on"),
    ] {
        assert_eq!(read(text), json!({key: "x"}), "{text}");
    }
}

#[test]
fn blocks_and_collections_are_what_yaml_makes_of_them() {
    for (text, expected) in [
        ("a: |\n  x\n  y\n", json!({"a": "x\ny\n"})),
        ("a: |-\n  x\n  y\n", json!({"a": "x\ny"})),
        ("a: >\n  x\n  y\n\n  z\n", json!({"a": "x y\nz\n"})),
        ("a: |\n  10\n", json!({"a": "10\n"})),
        ("a: x\n  y\n", json!({"a": "x y"})),
        ("a: [1, b, {c: d}]\n", json!({"a": [1, "b", {"c": "d"}]})),
        ("a: {}\nb: []\n", json!({"a": {}, "b": []})),
        ("a:\n- 1\n-\n- ~\n", json!({"a": [1, null, null]})),
        ("a:\r\n  b: 1\r\n", json!({"a": {"b": 1}})),
        ("\u{feff}a: 1\n", json!({"a": 1})),
        ("%YAML 1.1\n---\na: 1\n...\n", json!({"a": 1})),
        ("---\na: 1\n---\nb: 2\n", json!({"a": 1})),
        ("{\"a\": [true, null, -1]}", json!({"a": [true, null, -1]})),
        ("!map+deep_merge\na: !seq+append [1]\n", json!({"a": [1]})),
    ] {
        assert_eq!(read(text), expected, "{text}");
    }
    let note = "line 3: a second document begins here; only the first one is read, as on Travis CI";
    assert_eq!(read_with_notes("---\na: 1\n---\nb: 2\n").1.notes, [note]);
    assert_eq!(read_with_notes("a: 1\n...\n--- {b: 2}").1.notes, [note]);
    for text in ["a: 1", "a: 1\n...\n", "a: 1\n---\n", "a: 1\n---\n# nothing\n\n---\n"] {
        assert_eq!(read_with_notes(text).1.notes, Vec::<String>::new(), "{text}");
    }
    for text in ["# nothing\n", "", "\u{feff}"] {
        assert!(parse(text, &mut Vec::new()).expect("no error").is_none());
    }
}

#[test]
fn an_alias_is_for_its_anchor_and_two_arrows_merge_it() {
    let defaults = "x: &x {a: 1, b: 2}\ny: &y {b: 3, c: 4}\n";
    for (text, expected) in [
        ("v: *x", json!({"a": 1, "b": 2})),
        ("v: {<<: *x, b: 5}", json!({"a": 1, "b": 5})),
        ("v: {<<: [*x, *y]}", json!({"a": 1, "b": 2, "c": 4})),
        ("v: {<<: *x, <<: *y}", json!({"a": 1, "b": 3, "c": 4})),
        ("v: {<<: {a: 1}}", json!({"a": 1})),
        ("v: {'<<': *x}", json!({"<<": {"a": 1, "b": 2}})),
    ] {
        assert_eq!(read(&format!("{defaults}{text}\n"))["v"], expected, "{text}");
    }
    let (value, read) = read_with_notes(&format!("{defaults}v:\n  b: 5\n  <<: *x\n"));
    assert_eq!(value["v"], json!({"a": 1, "b": 2}));
    let note = "line 5: `<<` comes after `b` (line 4) and overrides it, as on Travis CI; put `<<` first";
    assert_eq!(read.notes, [note]);
    let refused = refused("a: {<<: x}");
    assert!(matches!(refused, YamlError::Syntax { place: Position { line: 1, column: 5 }, .. }));
}

#[test]
fn a_key_that_is_twice_is_refused_with_both_places() {
    let error = refused("a: 1\nb:\n  c: 1\n  d: 2\n  c: 1\n");
    let (first, second) = (Position { line: 3, column: 3 }, Position { line: 5, column: 3 });
    assert_eq!(error, YamlError::DuplicateKey { key: "c".to_owned(), first, second });
}

#[test]
fn files_that_libyaml_accepts_are_read() {
    for (text, expected) in [
        // Lines of a quoted text may begin as far left as its key.
        ("a:\n  b: 'c\n  d'\n", json!({"a": {"b": "c d"}})),
        ("a: \"b\nc\"\n", json!({"a": "b c"})),
        ("a:\n  b: \"\\\n    c\\\n    d=\\\n  \"\n", json!({"a": {"b": "cd="}})),
        ("a: [b,\n'c\nd'\n]\n", json!({"a": ["b", "c d"]})),
        // Brackets are not indented.
        ("a: [b\n]\n", json!({"a": ["b"]})),
        ("a: {b: c\n}\n", json!({"a": {"b": "c"}})),
        // Tabs.
        ("a:\tb\n", json!({"a": "b"})),
        ("a: b\t# c\n", json!({"a": "b"})),
        ("a: 'b\n\tc'\n", json!({"a": "b c"})),
        ("a: {\n\tb: c\n}\n", json!({"a": {"b": "c"}})),
        // A comment directly after a value.
        ("a: [b]#c\n", json!({"a": ["b"]})),
        ("a: \"b\"#c\n", json!({"a": "b"})),
        ("a: {\"b\":c}\n", json!({"a": {"b": "c"}})),
        // Base64 of a text.
        ("a: !!binary |\n  aGVs\n  bG8=\n", json!({"a": "hello"})),
        ("a: !binary 'MTA='\n", json!({"a": "10"})),
        ("a: !!binary aGVsbG8\n", json!({"a": "hello"})),
        // An encrypted value is not used.
        ("a: {secure: !!binary /w==}\n", json!({"a": {"secure": "/w=="}})),
        ("&a a: *a\n", json!({"a": "a"})),
    ] {
        assert_eq!(read(text), expected, "{text}");
    }
}

#[test]
fn an_alias_without_an_anchor_is_null() {
    for (text, expected) in [
        ("a: *b\n", json!({"a": null})),
        ("a: &a [*a, 1]\n", json!({"a": [null, 1]})),
        ("a: &x 1\nb: &x [*x]\n", json!({"a": 1, "b": [null]})),
        ("a: {<<: *b, c: d}\n", json!({"a": {"c": "d"}})),
    ] {
        let (value, read) = read_with_notes(text);
        assert_eq!(value, expected, "{text}");
        assert_eq!(read.notes.len(), 1, "{text}");
        assert!(read.notes[0].contains("an alias without an anchor is null"), "{text}");
    }
    let many = "- *a\n".repeat(MAX_VALUES - 10);
    assert_eq!(read_with_notes(&many).1.notes.len(), MAX_NOTES);
}

#[test]
fn outside_of_a_stanza_values_are_read_as_on_travis_ci() {
    for (text, expected, lines) in [
        ("a: 1\nb: 2\na: 3\n", json!({"a": 3, "b": 2}), vec!["line 3"]),
        ("a: !$VAR\nb: !x 10\n", json!({"a": null, "b": 10}), vec!["line 1", "line 2"]),
        ("- !ruby/object:A\n  a: 1\n", json!([{"a": 1}]), vec!["line 1"]),
        ("a: !!binary /w==\n", json!({"a": "/w=="}), vec!["line 1"]),
        ("a: {[b]: c, {d}: e, f: g}\n", json!({"a": {"f": "g"}}), vec![]),
        ("a: {{ b }}\n", json!({"a": {}}), vec![]),
        ("<<: a\nb: c\n", json!({"<<": "a", "b": "c"}), vec![]),
        ("x: &x {a: 1, a: 2}\ny:\n  <<: *x\n", json!({"x": {"a": 2}, "y": {"a": 2}}), vec!["line 1"; 2]),
    ] {
        let lines: Vec<_> = lines.into_iter().map(str::to_owned).collect();
        assert_eq!(read_leniently(text), (expected, lines), "{text}");
    }
}

#[test]
fn each_value_knows_its_line() {
    let text = "# first\na: 1\nb:\n  - x\n  - c:\n\n      d/e: 2\nf: &f\n  g: 1\nh:\n  <<: *f\n";
    let lines = read_with_notes(text).1.lines;
    let expected =
        [("/a", 2), ("/b", 3), ("/b/0", 4), ("/b/1", 5), ("/b/1/c", 5), ("/b/1/c/d~1e", 7), ("/h/g", 9)];
    for (at, line) in expected {
        assert_eq!(lines.get(at), Some(&line), "{at}");
    }
}

#[test]
fn what_is_no_yaml_is_reported_with_its_place() {
    for (text, line) in [
        ("a: [1\nb: 2\n", 2),
        ("a: 'x\n", 1),
        ("a:\n\t- b\n", 2),
        ("a: b: c\n", 1),
        ("a: b\nc: \u{7}\n", 2),
        ("a: \"x\nb: y\n", 1),
        ("a: b\nc\nd: e\n", 2),
        (" a: 1\nb: 2\n", 2),
        ("a: *.js\n", 1),
        ("a: @x\n", 1),
        ("[a, b]: 1\n", 1),
        ("a: 1\n b: 2\n", 2),
    ] {
        match refused(text) {
            YamlError::Syntax { place, .. } => assert_eq!(place.line, line, "{text}"),
            other => panic!("{text}: {other:?}"),
        }
    }
}

#[test]
fn a_tag_of_a_program_is_refused() {
    for text in [
        "a: !ruby/object:Foo {}\n",
        "a: !!binary /w==\n",
        "a: !!binary a!\n",
        "a:\n- !secure x\n",
        "a: !<tag:example.org,2024:x> y\n",
        "a: !s3cr3t x\n",
    ] {
        assert!(matches!(refused(text), YamlError::Tag { .. }), "{text}");
    }
}

#[test]
fn a_tag_without_a_value_is_null() {
    for (text, expected) in [
        ("a: !$VAR\n", json!({"a": null})),
        ("a: !s3cr3t\n", json!({"a": null})),
        ("a: [!$VAR, b]\n", json!({"a": [null, "b"]})),
        ("a: {b: !$VAR, c: d}\n", json!({"a": {"b": null, "c": "d"}})),
    ] {
        let (value, read) = read_with_notes(text);
        assert_eq!(value, expected, "{text}");
        let note = "line 1: a YAML tag is ignored, as on Travis CI; quote the value if it begins with `!`";
        assert_eq!(read.notes, [note], "{text}");
    }
}

#[test]
fn a_small_file_that_means_a_large_one_is_refused() {
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..60 {
        let item = format!("*a{}", level - 1);
        bomb.push_str(&format!("a{level}: &a{level} [{}]\n", [item.as_str()].repeat(10).join(", ")));
    }
    assert_eq!(refused(&bomb), YamlError::TooLarge);
    let long = format!("a: &a {}\nb: [{}]\n", "x".repeat(1024 * 1024), ["*a"].repeat(9).join(", "));
    assert_eq!(refused(&long), YamlError::TooLarge);
    let keys: Vec<String> = (0..100).map(|key| format!("k{key}: 1")).collect();
    let merges = format!("a: &a {{{}}}\nb: [{}]\n", keys.join(", "), ["{<<: *a}"].repeat(300).join(", "));
    assert_eq!(refused(&merges), YamlError::TooLarge);
    assert_eq!(refused(&format!("a:\n{}", "- x\n".repeat(MAX_VALUES))), YamlError::TooLarge);
    assert_eq!(refused(&"- x\n".repeat(10 * MAX_VALUES)), YamlError::TooLarge);
    assert!(read(&format!("a:\n{}", "- x\n".repeat(MAX_VALUES - 10)))["a"].is_array());
}

#[test]
fn many_keys_and_long_ones_cost_no_more_than_their_size() {
    let many: Vec<String> = (0..MAX_VALUES - 10).map(|key| format!("k{key}: 1\n")).collect();
    assert_eq!(read(&many.concat()).as_object().map(serde_json::Map::len), Some(MAX_VALUES - 10));
    let long = format!("? {}\n:\n{}", "k".repeat(1_000_000), "- x\n".repeat(MAX_VALUES - 10));
    let lines = read_with_notes(&long).1.lines;
    assert!(lines.keys().map(String::len).sum::<usize>() < 1_000_000, "no pointer is a megabyte");
}

#[test]
fn nesting_has_an_end_also_through_aliases() {
    let flow = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(read(&flow(MAX_DEPTH - 1)).is_array());
    assert!(matches!(refused(&flow(MAX_DEPTH + 1)), YamlError::TooDeep { .. }));
    assert!(matches!(refused(&"[".repeat(1_000_000)), YamlError::TooDeep { .. }));
    assert!(matches!(refused(&"- ".repeat(100_000)), YamlError::TooDeep { .. }));
    assert!(matches!(refused(&"{a: ".repeat(100_000)), YamlError::TooDeep { .. }));
    let mut chain = "a0: &a0 [x]\n".to_owned();
    for level in 1..200 {
        chain.push_str(&format!("a{level}: &a{level} [*a{}]\n", level - 1));
    }
    assert!(matches!(refused(&chain), YamlError::TooDeep { .. }));
}
