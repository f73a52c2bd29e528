//! Tests of messages: keys, counts and commands to logs.

use super::*;

#[test]
fn a_pointer_is_shown_as_a_key() {
    assert_eq!(dotted("/on/condition/1"), "on.condition.1");
    assert_eq!(dotted("/environment/a~1b~0c"), "environment.a/b~c");
}

#[test]
fn sizes_read_naturally() {
    for (bytes, text) in [
        (0, "0 bytes"),
        (1, "1 byte"),
        (1023, "1023 bytes"),
        (1024, "1.0 KiB"),
        (1536, "1.5 KiB"),
        (52_428_800, "50.0 MiB"),
        (262_144_000, "250.0 MiB"),
        (u64::MAX, "17592186044416.0 MiB"),
    ] {
        assert_eq!(size(bytes), text);
    }
}

#[test]
fn a_message_is_one_line() {
    assert_eq!(one_line("a\nb\u{1b}[31mc\td"), "a b [31mc d");
}

#[test]
fn the_texts_that_users_search_for_are_dpls() {
    let started = |step| {
        message(&Event::StepStarted {
            step,
            function_name: "hello".to_owned(),
            target: StepTarget::default(),
        })
    };
    assert_eq!(started(StepName::CreateFunction), "Creating function hello.");
    assert_eq!(started(StepName::UpdateFunctionConfiguration), "Updating existing function hello.");
    assert_eq!(started(StepName::TagResource), "Updating tags.");
    assert_eq!(started(StepName::UpdateFunctionCode), "Updating code.");
    assert_eq!(started(StepName::Verify), "Verifying the function.");
}
