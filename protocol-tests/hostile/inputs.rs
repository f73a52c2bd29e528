//! Inputs that exhaust a careless parser: deeply nested, large, many values, invalid Unicode, invalid
//! numbers, duplicate keys. The program must report each of them within small limits of time and memory.

use serde_json::Value;

use super::runs::{PROGRAMS, judge_each};

/// The largest request that the program reads, in bytes.
const LARGEST: usize = 8 << 20;

/// The name of an input, its bytes, and how the run must end: an outcome, an error code, or [`ANY`].
type Named = (String, Vec<u8>, &'static str);

/// Any outcome or error code is right; the general checks still apply.
const ANY: &str = "";

/// Runs `check` on each input, and reports all inputs that fail.
#[track_caller]
fn check_all(inputs: Vec<Named>) {
    let (costs, complaints) = judge_each(&inputs, |(name, input, ending), runs| {
        let mut run = runs.run(&["check"], input);
        let mut complaints = run.complaints();
        if complaints.is_empty() && ![ANY, &run.ending()].contains(ending) {
            complaints.push(format!("ended {}, not {ending}", run.ending()));
        }
        let named = complaints.into_iter().map(|complaint| format!("{name}: {complaint:.1500}"));
        (run, named.collect())
    });
    let count = inputs.len();
    println!("{count} inputs, {costs}");
    assert!(complaints.is_empty(), "{} of {count}:\n{}", complaints.len(), complaints.join("\n"));
}

/// A request whose conditions are met, with these additional members.
fn request(members: &str) -> Vec<u8> {
    let comma = if members.is_empty() { "" } else { "," };
    format!(
        r#"{{"function_name":"f","env":{{"TRAVIS_BRANCH":"master","PATH":"{PROGRAMS}"}}{comma}{members}}}"#
    )
    .into_bytes()
}

fn named(name: &str, input: impl Into<Vec<u8>>, ending: &'static str) -> Named {
    (name.to_owned(), input.into(), ending)
}

#[test]
#[ignore = "second tier: needs Python; long"]
fn what_is_nested_too_deeply_is_refused() {
    let deep = |open: &str, inside: &str, close: &str| {
        format!("{}{inside}{}", open.repeat(100_000), close.repeat(100_000))
    };
    check_all(vec![
        named("lists", deep("[", "", "]"), "bad-json"),
        named("maps", deep(r#"{"a":"#, "1", "}"), "bad-json"),
        named("both", deep(r#"[{"a":"#, "1", "}]"), "bad-json"),
        named("lists without an end", deep("[", "", ""), "bad-json"),
        named("maps without an end", deep(r#"{"a":"#, "", ""), "bad-json"),
        named("lists in an option", request(&format!(r#""layers":{}"#, deep("[", "", "]"))), "bad-json"),
        named(
            "maps in a condition",
            request(&format!(r#""on":{}"#, deep(r#"{"branch":"#, "1", "}"))),
            "bad-json",
        ),
        named(
            "at the largest allowed depth",
            request(&format!(r#""dpl_version":{}1{}"#, "[".repeat(120), "]".repeat(120))),
            ANY,
        ),
    ]);
}

#[test]
#[ignore = "second tier: needs Python; long"]
fn what_is_larger_than_8_mib_is_refused_and_what_is_just_as_large_is_read() {
    let sized = |size: usize| {
        let mut input = request(r#""description":"""#);
        let end = input.split_off(input.len() - 2);
        input.resize(size - end.len(), b'x');
        [input, end].concat()
    };
    check_all(vec![
        named("10 MB in a string", sized(10_000_000), "request-too-large"),
        named("a byte too much", sized(LARGEST + 1), "request-too-large"),
        named("8 MiB", sized(LARGEST), "checked"),
        named("8 MiB and a space", [sized(LARGEST), b" ".to_vec()].concat(), "request-too-large"),
        named("only spaces", vec![b' '; LARGEST], "bad-json"),
        named("10 MB of line feeds", vec![b'\n'; 10_000_000], "request-too-large"),
    ]);
}

#[test]
#[ignore = "second tier: needs Python; long"]
fn a_large_value_of_any_kind_costs_little() {
    // A quarter of the limit is enough to detect quadratic time.
    let large = 2 << 20;
    let text = |unit: &str| unit.repeat(large / unit.len());
    let list = |unit: &str| text(&format!("{unit},")).trim_end_matches(',').to_owned();
    let of = |key: &str, value: &str| request(&format!(r#""{key}":{value}"#));
    let quoted = |key: &str, unit: &str| of(key, &format!("\"{}\"", text(unit)));
    let mut inputs = vec![
        named("escapes", quoted("description", "\\u0001"), ANY),
        named("dollars", quoted("description", "$"), ANY),
        named("variables that are not closed", quoted("description", "${"), ANY),
        named("variables", quoted("description", "$TRAVIS_BRANCH "), ANY),
        named("unset variables", quoted("description", "$A"), ANY),
        named("commands", quoted("description", "`a`"), ANY),
        named("backticks", quoted("description", "`"), ANY),
        named("git variables", quoted("description", "%{git_sha}"), ANY),
        named("unknown interpolation variables", quoted("description", "%{x}"), ANY),
        named("interpolations that are not closed", quoted("description", "%{"), ANY),
        named("spaces", quoted("description", " "), ANY),
        named("digits", of("timeout", &text("9")), ANY),
        named("zeros after a decimal point", of("timeout", &format!("1.{}", text("0"))), ANY),
        named("a number in a string", quoted("timeout", "9"), "bad-value"),
        named("zeros", of("layers", &format!("[{}]", list("0"))), "request-too-large"),
        named("nulls", of("layers", &format!("[{}]", list("null"))), "request-too-large"),
        named("empty strings", of("layers", &format!("[{}]", list("\"\""))), "request-too-large"),
        named("empty lists", of("layers", &format!("[{}]", list("[]"))), "request-too-large"),
        named("empty maps", of("dpl_version", &format!("[{}]", list("{}"))), "request-too-large"),
        named("small maps", of("dpl_version", &format!("[{}]", list(r#"{"a":[{}]}"#))), "request-too-large"),
        named("file systems", of("file_system_configs", &format!("[{}]", list("{}"))), "request-too-large"),
        named("empty variables", of("environment", &format!("[{}]", list("\"=\""))), "request-too-large"),
        named("a list instead of a request", format!("[{}]", list("[]")), "request-too-large"),
        named("a secret", of("x", &format!("1,\"secret_access_key\":\"{}\"", text("s"))), ANY),
        named("a secret of short lines", quoted("session_token", "12345678\\n"), ANY),
        named("a variable", format!(r#"{{"env":{{"A":"{}"}}}}"#, text("x")), ANY),
        named("a secret variable", format!(r#"{{"env":{{"A_TOKEN":"{}"}}}}"#, text("x")), ANY),
        named("addresses", format!(r#"{{"env":{{"A":"{}"}}}}"#, text("://")), ANY),
        named("addresses with passwords", quoted("alias", "://a:b@"), "bad-value"),
        named("parameters", format!(r#"{{"env":{{"A_TOKEN":"{}"}}}}"#, text("x=1;")), ANY),
        named("a list in a variable", format!(r#"{{"env":{{"AWS_LAYERS":"{}"}}}}"#, text("a,")), ANY),
        named(
            "many private keys",
            format!(
                r#"{{"env":{{{}}}}}"#,
                (0..16)
                    .map(|key| {
                        let lines = (0..11_000).map(|line| format!("{key:02}{line:06}\\n"));
                        format!(r#""KEY{key}":"{}""#, lines.collect::<String>())
                    })
                    .collect::<Vec<_>>()
                    .join(",")
            ),
            ANY,
        ),
        named(
            "a secret variable of short lines",
            format!(r#"{{"env":{{"A_TOKEN":"{}"}}}}"#, text("12345678\\n")),
            ANY,
        ),
        named("a branch", of("on", &format!(r#"{{"branch":"{}"}}"#, text("x"))), "skipped"),
        named(
            "a secret of one letter and a branch of the same",
            of("on", &format!(r#"{{"branch":"{}"}},"session_token":"{}""#, text("x"), "x".repeat(large / 4))),
            "skipped",
        ),
        named("a condition", of("on", &format!(r#"{{"condition":"$A != {}"}}"#, text("x"))), ANY),
        named(
            "many branches",
            of("on", &format!(r#"{{"branch":[{}]}}"#, list("\"x\""))),
            "request-too-large",
        ),
        named("a name", format!(r#"{{"function_name":"{}"}}"#, text("x")), "skipped"),
        named("a function for each branch", format!(r#"{{"function_name":{{"{}":1}}}}"#, text("x")), ANY),
    ];
    for key in ["region", "role", "zip", "publish", "alias", "runtime", "handler_name", "include"] {
        inputs.push(named(key, quoted(key, "x"), ANY));
    }
    check_all(inputs);
}

/// More values than a request may hold, and about half of the allowed number.
const TOO_MANY: usize = 100_000;
const MANY: usize = 9_000;

#[test]
#[ignore = "second tier: needs Python; long"]
fn many_values_cost_little() {
    let numbered =
        |count: usize, entry: &dyn Fn(usize) -> String| (0..count).map(entry).collect::<Vec<_>>().join(",");
    let keys = |count, value: &str| numbered(count, &|n| format!("\"key_{n}\":{value}"));
    let secrets = |count| numbered(count, &|n| format!("\"K{n}_TOKEN\":\"secret-{n}\""));
    let texts = |count| numbered(count, &|n| format!("\"text-{n}\""));
    let mut inputs = Vec::new();
    for count in [MANY, TOO_MANY] {
        let all: [(&str, Vec<u8>, &str); 15] = [
            ("keys", request(&keys(count, "1")), "checked"),
            ("keys, with strict", request(&format!(r#""strict":true,{}"#, keys(count, "1"))), "unknown-key"),
            ("encrypted values", request(&keys(count, r#"{"secure":"x"}"#)), "not-decrypted"),
            (
                "keys in a structure",
                request(&format!(r#""logging_config":{{{}}}"#, keys(count, "1"))),
                "checked",
            ),
            ("conditions", request(&format!(r#""on":{{{}}}"#, keys(count, "1"))), "checked"),
            (
                "branches",
                format!(r#"{{"function_name":{{{}}}}}"#, keys(count, "\"f\"")).into_bytes(),
                "skipped",
            ),
            (
                "variables of the job",
                format!(r#"{{"env":{{{}}}}}"#, keys(count, "\"x\"")).into_bytes(),
                "skipped",
            ),
            ("secrets of the job", format!(r#"{{"env":{{{}}}}}"#, secrets(count)).into_bytes(), "skipped"),
            ("variables", request(&format!(r#""environment":{{{}}}"#, secrets(count))), "checked"),
            ("layers", request(&format!(r#""layers":[{}]"#, texts(count))), "checked"),
            (
                "layers of a wrong type",
                request(&format!(r#""layers":[{}[]]"#, "[],".repeat(count))),
                "bad-value",
            ),
            (
                "file systems",
                request(&format!(r#""file_system_configs":[{}{{}}]"#, "{},".repeat(count))),
                "bad-value",
            ),
            (
                "secrets of the job and a long description",
                format!(
                    r#"{{"function_name":"f","env":{{"TRAVIS_BRANCH":"master",{}}},"description":"{}"}}"#,
                    secrets(count),
                    "x".repeat(4 << 20)
                )
                .into_bytes(),
                "checked",
            ),
            (
                "secrets and a branch of their beginnings",
                request(&format!(
                    r#""environment":{{{}}},"on":{{"branch":"{}"}}"#,
                    secrets(count),
                    "secret-".repeat(300_000)
                )),
                "skipped",
            ),
            (
                "warnings and secrets",
                request(&format!(r#""layers":[{}],"environment":{{{}}}"#, texts(count), secrets(count))),
                "checked",
            ),
        ];
        for (name, input, ending) in all {
            let ending = if count == MANY { ending } else { "request-too-large" };
            inputs.push(named(&format!("{count} {name}"), input, ending));
        }
    }
    check_all(inputs);
}

#[test]
#[ignore = "second tier: needs Python; long"]
fn large_keys_cost_little() {
    let long = "k".repeat(1_000_000);
    check_all(vec![
        named("a key of 1 MB", request(&format!(r#""{long}":1"#)), "checked"),
        named("a key of 1 MB, with strict", request(&format!(r#""strict":true,"{long}":1"#)), "unknown-key"),
        named("a key of 1 MB in a structure", request(&format!(r#""logging_config":{{"{long}":1}}"#)), ANY),
        named("a condition's key of 1 MB", request(&format!(r#""on":{{"{long}":1}}"#)), "checked"),
        named("a variable's name of 1 MB", format!(r#"{{"env":{{"{long}":"1"}}}}"#), "skipped"),
        named("a key of 1 MB, twice", request(&format!(r#""{long}":1,"{long}":1"#)), "duplicate-key"),
        named("a key of 8 MiB", request(&format!(r#""{}":1"#, "k".repeat(LARGEST - 200))), "checked"),
    ]);
}

#[test]
#[ignore = "second tier: needs Python; long"]
fn what_is_no_unicode_or_no_utf_8_is_refused() {
    let utf_16 =
        |text: &str, unit: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(unit).collect::<Vec<u8>>();
    let whole = r#"{"function_name":"f"}"#;
    let mark = b"\xef\xbb\xbf";
    let in_text =
        |bytes: &[u8]| [br#"{"function_name":"f","description":""#.as_slice(), bytes, b"\"}"].concat();
    let in_key = |bytes: &[u8]| [br#"{"function_name":"f",""#.as_slice(), bytes, b"\":1}"].concat();
    let mut inputs = vec![
        named("a byte order mark", [mark, whole.as_bytes()].concat(), "skipped"),
        named("two byte order marks", [mark, mark.as_slice(), whole.as_bytes()].concat(), "bad-json"),
        named("a byte order mark alone", mark, "bad-json"),
        named("a byte order mark at the end", [whole.as_bytes(), mark].concat(), "bad-json"),
        named("UTF-16, little-endian", utf_16(&format!("\u{feff}{whole}"), u16::to_le_bytes), "bad-json"),
        named("UTF-16, big-endian", utf_16(&format!("\u{feff}{whole}"), u16::to_be_bytes), "bad-json"),
        named("UTF-16 without a mark", utf_16(whole, u16::to_le_bytes), "bad-json"),
        named(
            "UTF-32",
            whole.bytes().flat_map(|byte| u32::from(byte).to_le_bytes()).collect::<Vec<u8>>(),
            "bad-json",
        ),
        named("only NUL", vec![0; 100_000], "bad-json"),
        named("NUL at the end", [whole.as_bytes(), b"\0"].concat(), "bad-json"),
        named("a surrogate pair", in_text(br"\ud83d\ude00"), "skipped"),
        named("NUL as an escape", in_text(br"\u0000"), "skipped"),
        named("NUL as an escape in a key", in_key(br"\u0000"), "skipped"),
        named("NUL in a variable", r#"{"env":{"A":"\u0000"}}"#, "bad-request"),
        named("NUL in a variable's name", r#"{"env":{"\u0000":"a"}}"#, "bad-request"),
        named("NUL in a deployment", request(r#""role":"\u0000""#), "bad-value"),
        named("NUL in a condition", request(r#""on":{"condition":"$A = \u0000"}"#), ANY),
    ];
    for (name, bytes) in [
        ("a high surrogate alone", br"\ud800".as_slice()),
        ("a low surrogate alone", br"\udc00"),
        ("surrogates in the wrong order", br"\ude00\ud83d"),
        ("a high surrogate and a letter", br"\ud800a"),
        ("a truncated escape", br"\ud8"),
        ("an invalid escape", br"\x"),
        ("a byte that is never valid", b"\xff"),
        ("a truncated character", b"\xc3"),
        ("an overlong encoding", b"\xc0\xaf"),
        ("a surrogate in UTF-8", b"\xed\xa0\x80"),
        ("beyond Unicode", b"\xf4\x90\x80\x80"),
        ("NUL", b"\0"),
        ("a line feed", b"\n"),
        ("the escape character", b"\x1b"),
    ] {
        inputs.push(named(&format!("{name} in a text"), in_text(bytes), "bad-json"));
        inputs.push(named(&format!("{name} in a key"), in_key(bytes), "bad-json"));
    }
    check_all(inputs);
}

/// Numbers that no option accepts, and the error code for each.
const NO_NUMBERS: [(&str, &str); 24] = [
    ("1e999", "bad-json"),
    ("-1e999", "bad-json"),
    ("01", "bad-json"),
    ("+1", "bad-json"),
    (".5", "bad-json"),
    ("1.", "bad-json"),
    ("1e", "bad-json"),
    ("0x10", "bad-json"),
    ("1_000", "bad-json"),
    ("NaN", "bad-json"),
    ("Infinity", "bad-json"),
    ("-", "bad-json"),
    ("-1", "bad-value"),
    ("0.5", "bad-value"),
    ("1e308", "bad-value"),
    ("1e-5", "bad-value"),
    ("2147483648", "bad-value"),
    ("4294967297", "bad-value"),
    ("9007199254740993", "bad-value"),
    ("9223372036854775808", "bad-value"),
    ("18446744073709551616", "bad-value"),
    ("18446744073709551617", "bad-value"),
    ("-9223372036854775809", "bad-value"),
    ("123456789012345678901234567890123456789012345678901234567890", "bad-value"),
];

/// Numbers that are zero or round to zero.
const ZEROS: [&str; 5] = ["-0", "-0.0", "0e5", "1e-999", "-1e-999"];

#[test]
#[ignore = "second tier: needs Python; long"]
fn no_number_is_taken_for_another_one() {
    let schema = crate::repository::committed_schema("request.json");
    let properties = schema["properties"].as_object().expect("an object");
    let is_number = |property: &Value| {
        property.to_string().contains("WholeNumber") || property.to_string().contains("NumberOrNone")
    };
    let mut options: Vec<String> = properties
        .iter()
        .filter(|(_, property)| is_number(property))
        .map(|(key, _)| format!("\"{key}\":#"))
        .collect();
    assert!(options.len() >= 7, "{options:?}");
    options.extend([
        r#""alias":"live","traffic":[#]"#.to_owned(),
        r#""verify":{"timeout":#}"#.to_owned(),
        r##""function_url":{"auth_type":"NONE","cors":{"max_age":#}}"##.to_owned(),
    ]);
    let mut inputs = Vec::new();
    for option in &options {
        for (number, ending) in NO_NUMBERS {
            inputs.push(named(
                &format!("{option} as {number}"),
                request(&option.replace('#', number)),
                ending,
            ));
        }
        for number in ZEROS {
            inputs.push(named(&format!("{option} as {number}"), request(&option.replace('#', number)), ANY));
        }
    }
    // In options that take no number, each of these is still valid JSON.
    for number in NO_NUMBERS
        .into_iter()
        .filter(|(_, ending)| *ending != "bad-json")
        .map(|(number, _)| number)
        .chain(ZEROS)
    {
        for option in ["description", "dpl_version", "on", "environment", "layers", "run"] {
            inputs.push(named(
                &format!("{option} as {number}"),
                request(&format!("\"{option}\":{number}")),
                ANY,
            ));
        }
    }
    check_all(inputs);
}

#[test]
#[ignore = "second tier: needs Python; long"]
fn a_key_that_is_twice_is_found_at_any_depth() {
    let wrapped = |depth: usize, inside: &str| {
        let pairs = depth / 2;
        request(&format!(r#""dpl_version":{}{inside}{}"#, r#"[{"a":"#.repeat(pairs), "}]".repeat(pairs)))
    };
    let twice = r#"{"k":1,"j":2,"k":3}"#;
    let many = (0..15_000).map(|n| format!("\"{n}\":{n}")).collect::<Vec<_>>().join(",");
    let mut inputs: Vec<Named> = (0..=120)
        .step_by(10)
        .map(|depth| named(&format!("at depth {depth}"), wrapped(depth, twice), "duplicate-key"))
        .collect();
    inputs.extend([
        named("written with an escape", wrapped(10, r#"{"k":1,"\u006b":2}"#), "duplicate-key"),
        named("an empty key", wrapped(10, r#"{"":1,"":2}"#), "duplicate-key"),
        named(
            "the first and the last of many keys",
            wrapped(10, &format!("{{{many},\"0\":1}}")),
            "duplicate-key",
        ),
        named("a key of the runner", r#"{"env":{},"env":{}}"#, "duplicate-key"),
        named("a variable of the job", r#"{"env":{"A":"1","A":"2"}}"#, "duplicate-key"),
        named("the key `protocol`", r#"{"protocol":1,"protocol":2}"#, "duplicate-key"),
        named("a different letter case", wrapped(10, r#"{"k":1,"K":2}"#), ANY),
        named("a different normalization of a letter", wrapped(10, r#"{"\u00e9":1,"e\u0301":2}"#), ANY),
    ]);
    check_all(inputs);
}
