//! Reserved concurrency.

use serde_json::{Value, json};

use crate::scenario::{TestAccount, create_request};

const PUT: &str = "/2017-10-31/functions/f/concurrency";
const GET: &str = "/2019-09-30/functions/f/concurrency";
const FUNCTION: &str = "/2015-03-31/functions/f";
const INVALID: (u16, &str) = (400, "InvalidParameterValueException");

fn reserve(reserved: u64) -> Value {
    json!({"ReservedConcurrentExecutions": reserved})
}

#[test]
fn what_is_reserved_is_shown_until_it_is_released() {
    let mut scenario = TestAccount::with_function();
    assert_eq!(scenario.done("GET", FUNCTION, Value::Null).get("Concurrency"), None);
    assert_eq!(scenario.done("GET", GET, Value::Null), json!({}));
    for reserved in [5, 0] {
        assert_eq!(scenario.done("PUT", PUT, reserve(reserved)), reserve(reserved));
        assert_eq!(scenario.done("GET", GET, Value::Null), reserve(reserved));
        assert_eq!(scenario.done("GET", FUNCTION, Value::Null)["Concurrency"], reserve(reserved));
    }
    for _ in 0..2 {
        assert_eq!(scenario.ask("DELETE", PUT, Value::Null).0, 204);
    }
    assert_eq!(scenario.done("GET", FUNCTION, Value::Null).get("Concurrency"), None);
}

#[test]
fn a_hundred_executions_stay_unreserved_for_all() {
    let mut scenario = TestAccount::with_function();
    let mut other = create_request();
    other["FunctionName"] = json!("g");
    scenario.done("POST", "/2015-03-31/functions", other);
    scenario.done("PUT", "/2017-10-31/functions/g/concurrency", reserve(400));
    let text = "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [100].";
    scenario.refused("PUT", PUT, reserve(501), INVALID, text);
    scenario.done("PUT", PUT, reserve(500));
    scenario.done("PUT", PUT, reserve(499));
    scenario.refused("PUT", PUT, reserve(501), INVALID, text);
}

#[test]
fn what_cannot_be_reserved_is_refused() {
    let mut scenario = TestAccount::with_function();
    let null = "1 validation error detected: Value null at 'reservedConcurrentExecutions' failed to satisfy constraint: Member must not be null";
    scenario.refused("PUT", PUT, json!({}), (400, "ValidationException"), null);
    let text = "Function not found: arn:aws:lambda:us-east-1:123456789012:function:g";
    scenario.refused(
        "PUT",
        "/2017-10-31/functions/g/concurrency",
        reserve(1),
        (404, "ResourceNotFoundException"),
        text,
    );
    let text = "This operation is permitted on Lambda functions only. Aliases and versions do not support this operation. Please specify either a function name or an unqualified function ARN.";
    scenario.refused("PUT", "/2017-10-31/functions/f%3A1/concurrency", reserve(1), INVALID, text);
}
