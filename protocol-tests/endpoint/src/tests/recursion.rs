//! Recursive loop detection.

use serde_json::{Value, json};

use crate::scenario::TestAccount;

const RECURSION: &str = "/2024-08-31/functions/f/recursion-config";

#[test]
fn a_loop_is_terminated_unless_it_is_allowed() {
    let mut scenario = TestAccount::with_function();
    assert_eq!(scenario.done("GET", RECURSION, Value::Null), json!({"RecursiveLoop": "Terminate"}));
    for word in ["Allow", "Terminate"] {
        let set = json!({"RecursiveLoop": word});
        assert_eq!(scenario.done("PUT", RECURSION, set.clone()), set);
        assert_eq!(scenario.done("GET", RECURSION, Value::Null), set);
    }
}

#[test]
fn another_word_and_another_function_are_refused() {
    let mut scenario = TestAccount::with_function();
    let text = "1 validation error detected: Value 'allow' at 'recursiveLoop' failed to satisfy constraint: Member must satisfy enum value set: [Terminate, Allow]";
    scenario.refused("PUT", RECURSION, json!({"RecursiveLoop": "allow"}), (400, "ValidationException"), text);
    let text = "Function not found: arn:aws:lambda:us-east-1:123456789012:function:g";
    let target = "/2024-08-31/functions/g/recursion-config";
    scenario.refused("GET", target, Value::Null, (404, "ResourceNotFoundException"), text);
}
