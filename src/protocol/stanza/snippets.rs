//! Snippets that editors offer for single options. `${1:text}` is a placeholder to fill in. They must not
//! contain values that could be deployed by accident.

use serde_json::{Value, json};

pub(super) fn on() -> Value {
    json!([
        {
            "label": "branches",
            "description": "Deploy from these branches.",
            "body": {"branch": ["${1:main}"]},
        },
        {"label": "tags", "description": "Deploy tags only, on any branch.", "body": {"tags": true}},
        {
            "label": "branch and condition",
            "description": "Deploy from one branch, if a bash expression is true.",
            "body": {"branch": "${1:main}", "condition": "\\$${2:NIGHTLY} = ${3:true}"},
        },
    ])
}

pub(super) fn verify() -> Value {
    json!([
        {
            "label": "invoke and look for JSON",
            "description": "Invoke the version with a payload and expect these members in the response.",
            "body": {"expect": {"json": {"${1:statusCode}": 200}}, "payload": {"${2:ping}": true}},
        },
        {
            "label": "invoke and look for a text",
            "description": "Invoke the version with a payload and expect this text in the response.",
            "body": {"expect": {"contains": "${1:pong}"}, "payload": {"${2:ping}": true}},
        },
        {
            "label": "run a command",
            "description": "Run a command. FUNCTION_ARN and VERSION in its environment name the version.",
            "body": {"command": "${1:./smoke-test.sh}", "timeout": 60},
        },
    ])
}

pub(super) fn traffic() -> Value {
    json!([
        {
            "label": "10, 50, 100",
            "description": "10 % of the traffic first, then half, then all.",
            "body": [10, 50, 100],
        },
        {"label": "5, 100", "description": "5 % of the traffic first, then all.", "body": [5, 100]},
    ])
}

pub(super) fn guard() -> Value {
    json!([
        {
            "label": "errors",
            "description": "Go back if more than 1 % of the new version's invocations fail.",
            "body": {"errors": "${1:1%}", "bake": 600},
        },
        {
            "label": "alarms",
            "description": "Go back if one of these CloudWatch alarms fires.",
            "body": {"alarms": ["${1:shop-5xx}"], "bake": 600},
        },
    ])
}

pub(super) fn function_url() -> Value {
    json!([
        {
            "label": "signed",
            "description": "Only for callers with IAM permission, by signed requests.",
            "body": {"auth_type": "AWS_IAM"},
        },
        {
            "label": "public, for a web page",
            "description": "For everyone, and for web pages of this origin.",
            "body": {
                "auth_type": "NONE",
                "cors": {"allow_methods": ["${1:GET}"], "allow_origins": ["${2:https://www.example.com}"]},
            },
        },
    ])
}

pub(super) fn logging_config() -> Value {
    json!([{
        "label": "JSON",
        "description": "JSON logs, filtered by level.",
        "body": {
            "log_format": "JSON",
            "application_log_level": "${1:INFO}",
            "system_log_level": "${2:WARN}",
        },
    }])
}
