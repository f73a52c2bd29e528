use super::*;

fn redact(secrets: &[&str], text: &str) -> String {
    Redactor::new(secrets.iter().copied(), &["openly".to_owned()]).redact(text)
}

#[test]
fn secrets_are_masked_wherever_they_are_and_ordinary_words_stay() {
    let ordinary = "arn:aws:lambda:eu-west-1:1:function:production openly a true 1";
    for (secrets, text, masked) in [
        (
            &["s3cr3t!"][..],
            r#"exceeded the 4KB limit. String measured: {"PASSWORD":"s3cr3t!"}"#,
            r#"exceeded the 4KB limit. String measured: {"PASSWORD":"[secure]"}"#,
        ),
        (&["a\"b\nc"], r#"{"X":"a\"b\nc"}"#, r#"{"X":"[secure]"}"#),
        // Everyday words, regions, short values and open ones.
        (&["production", "eu-west-1", "openly", "a", "true", "1"], ordinary, ordinary),
        // Words with a number are no region.
        (&["correct-horse-1", "us-gov-east-1"], "correct-horse-1 us-gov-east-1", "[secure] us-gov-east-1"),
        // Each line of a private key is secret.
        (&["-----BEGIN-----\nMIIEabcdefgh\nab\n"], "MIIEabcdefgh ab", "[secure] ab"),
        // What can be a word is masked only as a whole one.
        (&["cake"], "cake cupcake cakes (cake)", "[secure] cupcake cakes ([secure])"),
        (&["cake"], r#"{"a":"x\ncake"}"#, r#"{"a":"x\n[secure]"}"#),
        (&["3FRHW+q/x"], "v3FRHW+q/x2", "v[secure]2"),
        // The longer secret goes first.
        (&["pass", "pass-word"], "pass-word pass", "[secure] [secure]"),
        // Blanks and the mask itself are no secrets.
        (&["    ", "secure"], "    indented [secure]", "    indented [secure]"),
        // Parts of a value.
        (&["postgres://u:s3cr3t99@host/db"], "with s3cr3t99", "with [secure]"),
        (&["hunter22. "], "is hunter22.", "is [secure]"),
    ] {
        assert_eq!(redact(secrets, text), masked);
    }
}

#[test]
fn a_secret_that_others_have_encoded_is_masked() {
    let secret = "pä\"s/s+w ord\\1";
    let json = Value::from(secret).to_string();
    let (twice, base64) = (Value::from(json.as_str()).to_string(), base64_simd::STANDARD);
    for text in [json.clone(), twice, json.replace('/', "\\/"), json.replace('ä', "\\u00e4")] {
        assert!(redact(&[secret], &text).contains(MASK), "{text}");
    }
    for text in
        ["p%C3%A4%22s%2Fs%2Bw%20ord%5C1", "p%c3%a4%22s%2fs%2bw+ord%5c1", "p%C3%A4%22s/s%2Bw%20ord%5C1"]
    {
        assert!(redact(&[secret], text).contains(MASK), "{text}");
    }
    for before in ["", "a", "ab", "user:"] {
        let text = base64.encode_to_string(format!("{before}{secret} and more"));
        assert!(redact(&[secret], &text).contains(MASK), "{text}");
    }
}

#[test]
fn what_an_address_shows_to_be_secret_is_masked_in_every_text() {
    for (text, masked) in [
        (
            "fatal: unable to access 'https://me:hunter2@github.com/o/r/'",
            "fatal: unable to access 'https://me:[secure]@github.com/o/r/'",
        ),
        ("https://ghp_0123456789abcdef@github.com/o/r", "https://[secure]@github.com/o/r"),
        ("https://0123456789abcdef:x-oauth-basic@github.com", "https://[secure]:x-oauth-basic@github.com"),
        (
            "redis://:pw@host:6379/0 and mongodb://u:p@a,b/",
            "redis://:[secure]@host:6379/0 and mongodb://u:[secure]@a,b/",
        ),
        ("postgres://u:p/w?x#y@host/db", "postgres://u:[secure]@host/db"),
        (
            "https://host/x?a=1&access_token=abc&b=2#id_token=def",
            "https://host/x?a=1&access_token=[secure]&b=2#id_token=[secure]",
        ),
        (
            "https://b.s3.amazonaws.com/k?X-Amz-Security-Token=t%2F1&X-Amz-Signature=0a",
            "https://b.s3.amazonaws.com/k?X-Amz-Security-Token=[secure]&X-Amz-Signature=[secure]",
        ),
        (
            "https://a.blob.core.windows.net/c?sp=r&sig=x%3D",
            "https://a.blob.core.windows.net/c?sp=r&sig=[secure]",
        ),
        ("{\"url\":\"amqp://u:p@host\"}", "{\"url\":\"amqp://u:[secure]@host\"}"),
        ("https://h/?a=ssh://u:p@i&token=t", "https://h/?a=ssh://u:[secure]@i&token=[secure]"),
        ("https://h/?token=ssh://u:p@i&a=1", "https://h/?token=[secure]&a=1"),
        ("https://u:a@b,https://c:d@e", "https://u:[secure]@b,https://c:[secure]@e"),
    ] {
        assert_eq!(redact(&[], text), masked);
    }
    for text in [
        "ssh://git@github.com/o/r",
        "https://deployer@host/",
        "http://host:8080/a@b",
        "git@github.com:o/r",
        "a://",
        "://x:y@",
        "https://host/?page=2&author=me",
        "lambda: 12:30 me@example.org",
        "é://é@é",
    ] {
        let expected = if text.starts_with("://") { "://x:[secure]@" } else { text };
        assert_eq!(redact(&[], text), expected);
    }
}

#[test]
fn a_text_of_many_addresses_takes_linear_time() {
    for address in ["://", "://a:b/", "://a:b@", "://?", "://a?b=c&", "a:b@"] {
        let text = address.repeat(50_000);
        assert!(redact(&[], &text).len() >= text.len(), "{address}");
        assert!(secrets_within(&text).len() < 2, "{address}");
    }
    let many = (0..5_000).map(|number| format!("token={number};")).collect::<String>();
    assert_eq!(secrets_within(&many).len(), 5_000);
}

#[test]
fn only_a_limited_amount_of_secrets_is_encoded() {
    let line = |key: usize, number: usize| format!("{key:04}{number:026}");
    let key = |key| (0..3_000).map(|number| line(key, number) + "\n").collect::<String>();
    let keys: Vec<String> = (0..10).map(key).collect();
    let redactor = Redactor::new(&keys, &[]);
    assert_eq!((redactor.redact(&line(0, 7)), redactor.redact(&line(9, 7))), (MASK.to_owned(), line(9, 7)));
    assert_eq!(redactor.redact(&keys[9]), MASK);
}

#[test]
fn a_long_secret_is_masked_as_a_whole_and_in_pieces() {
    for unit in ["a", "ä", "0123456789", "é1😀"] {
        for length in [PIECE - 5, PIECE, PIECE + 1, 2 * PIECE, 10_000] {
            let secret = unit.repeat(length / unit.len());
            assert_eq!(redact(&[&secret], &format!("x {secret} y")), "x [secure] y", "{unit} {length}");
        }
    }
    let long = (0..1000).map(|number| format!("{number:04}")).collect::<String>();
    let part = redact(&[&long], &format!("x {} y", &long[PIECE..3 * PIECE]));
    assert!(part.contains(MASK) && part.len() < 2 * PIECE, "{part}");
    // A long line of output is masked before its end is known.
    let redactor = Redactor::new([&long], &[]);
    for cut in (0..long.len()).step_by(37) {
        let masked = redactor.redact(&long[..cut]);
        assert_eq!(redactor.redact(&(masked + &long[cut..])), MASK, "{cut}");
    }
}

#[test]
fn of_secrets_that_begin_alike_the_longest_is_masked() {
    let secrets = ["12345678-", "12345678-1", "12345678-1a", "12345678-1b", "12345678-2", "12345678-10"];
    for secret in secrets {
        assert_eq!(redact(&secrets, &format!("({secret})")), "([secure])", "{secret}");
    }
    assert_eq!(redact(&secrets, "(12345678-3 12345678 12345678-1c)"), "([secure]3 12345678 [secure]c)");
    // A word is masked only if it is alone, and a shorter secret may be.
    assert_eq!(redact(&["cake", "cake-ab"], "cake-abc cake-ab"), "[secure]-abc [secure]");
    let many: Vec<String> = (0..2000).map(|number| format!("secret-{number:04}-of-many")).collect();
    let redactor = Redactor::new(&many, &[]);
    assert_eq!(redactor.redact(&many.join("secret-")), vec![MASK; 2000].join("secret-"));
}

#[test]
fn what_is_secret_within_a_value_is_found() {
    for (value, expected) in [
        ("user:s3cr3t@proxy:3128", &["s3cr3t"][..]),
        ("app:s3cr3t@tcp(db:3306)/app", &["s3cr3t"]),
        ("Server=db;User Id=sa;Password=p4ss%21;", &["p4ss%21", "p4ss!"]),
        ("host=db password=p4ss user=me", &["p4ss"]),
        ("DefaultEndpointsProtocol=https;AccountName=n;AccountKey=a2V5==;EndpointSuffix=s", &["a2V5=="]),
        ("jdbc:postgresql://db/app?user=me&password=p4ss", &["p4ss"]),
        ("https://u:one@a https://u:two@b", &["one", "two"]),
        ("-Xmx1g -Dssl.keyStorePassword=p4ss", &["p4ss"]),
        ("nginx:1.25@sha256:0123", &[]),
        ("git@github.com:o/r.git", &[]),
        ("/usr/bin:/bin", &[]),
        ("() { token=$1\n}", &[]),
    ] {
        assert_eq!(secrets_within(value), expected, "{value}");
    }
}

#[test]
fn the_name_of_an_alias_in_a_plan_and_the_hint_of_a_warning_are_masked() {
    let redactor = Redactor::new(["hunter2!"], &[]);
    let plan = serde_json::json!({"function": "exists", "steps": [{"step": "create-alias", "changes": [
        {"field": "alias.hunter2!", "from": null, "to": ["a hunter2!"]}, {"field": "timeout", "from": 3, "to": 4},
        {"field": "function_url.hunter2!.auth_type", "from": null, "to": "NONE"},
    ]}]});
    let masked = plan.to_string().replace("hunter2!", MASK);
    let plan = redactor.plan(serde_json::from_value(plan).expect("a plan"));
    assert_eq!(serde_json::json!(plan).to_string(), masked);
    let warning = Warning::new(crate::protocol::error::WarningCode::HandlerNotFound, "m").hint("of hunter2!");
    assert_eq!(redactor.warning(&warning).hint.as_deref(), Some("of [secure]"));
}

#[test]
fn debug_hides_a_secret_and_a_key_is_masked_as_dpl_masks_it() {
    assert_eq!(format!("{:?}", Secret::new("hunter2")), MASK);
    assert_eq!(Secret::new("AKIAIOSFODNN7EXAMPLE").masked_key(), "AK******************");
}
