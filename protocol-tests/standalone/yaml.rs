//! Tests that our YAML parser reads what another program writes.

use super::*;
use crate::python::run_script;

/// Values and keys that a YAML 1.1 reader may misread. (U+0085, U+2028 and U+2029 end a line in YAML 1.1 but
/// not in
/// 1.2, which our parser implements. They are left out because they do not occur in practice.)
fn stumbling_blocks() -> Vec<Value> {
    let texts = [
        "yes",
        "No",
        "ON",
        "off",
        "y",
        "true",
        "False",
        "null",
        "~",
        "",
        " ",
        "017",
        "0o17",
        "0x1f",
        "0b1",
        "1_000",
        "+1",
        "-1",
        "1.10",
        ".5",
        "1.",
        "1e3",
        "1.5e+3",
        ".inf",
        ".nan",
        "12:30",
        "1:2:3",
        "80,443",
        "2024-01-31",
        "2024-01-31T12:00:00Z",
        "<<",
        "=",
        "-",
        "?",
        "- a",
        "? a",
        "a: b",
        "a:",
        "a #b",
        "#a",
        "&a",
        "*a",
        "!a",
        "|",
        ">",
        "%a",
        "@a",
        "`a`",
        "'a'",
        "\"a\"",
        "{a}",
        "[a]",
        "a, b",
        " a",
        "a ",
        "a\nb",
        "a\n",
        "\na",
        "a\n\n\nb\n",
        "  a\n b",
        "\ta",
        "a\tb",
        "\\n",
        "\u{e9}",
        "\u{1f600}",
        "\u{feff}",
        "\u{7}",
        "---",
        "...",
        "--- a",
        "$A",
        "${A}",
        "%{a}",
        "a\r\nb",
    ];
    let long = "word ".repeat(100);
    let mut blocks: Vec<Value> = texts
        .iter()
        .copied()
        .chain([long.as_str()])
        .map(|text| json!({"key": text, "list": [text, [text]]}))
        .collect();
    blocks.extend(texts.iter().map(|text| json!({*text: {*text: 1}})));
    blocks.push(
        json!({"a": [true, false, null, 0, -1, 18_446_744_073_709_551_615_u64, i64::MIN, {}, [], [[]], {"a": {}}]}),
    );
    blocks
}

#[test]
#[ignore = "second tier: needs PyPI"]
fn what_another_program_writes_as_yaml_is_read_back_equal() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("protocol-tests");
    let real = fs::read_to_string(root.join("real-stanzas.jsonl")).expect("the file exists");
    let mut values: Vec<Value> = real.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert!(values.len() > 40);
    values.extend(stumbling_blocks());
    let lines: String = values.iter().map(|value| format!("{value}\n")).collect();
    let dumped = run_script("dump.py", lines);
    let dumped: Vec<String> =
        dumped.iter().map(|line| serde_json::from_str(line).expect("a JSON string")).collect();
    assert_eq!(dumped.len(), 4 * values.len(), "Python writes each value in four styles");
    for (yaml, value) in dumped.iter().zip(values.iter().flat_map(|value| [value; 4])) {
        let tree = dpl_lambda::testing::parse_yaml(yaml, &mut Vec::new())
            .unwrap_or_else(|error| panic!("{yaml}\n{error:?}"))
            .expect("a document");
        let node = tree.read("", &mut Default::default()).unwrap_or_else(|error| panic!("{yaml}\n{error:?}"));
        assert_eq!(Value::from(&node), *value, "{yaml}");
    }
}
