//! Snippets that editors offer to start from. `${1:text}` is a placeholder to fill in.
//! Snippets must not contain values that could be deployed by accident.

use serde_json::{Value, json};

/// Whole stanzas. The placeholders are numbered in the order in which the schema sorts the keys.
pub(super) fn stanza() -> Value {
    json!([
        {
            "label": "lambda",
            "description": "AWS Lambda function, deployed from one branch.",
            "body": {
                "provider": "lambda",
                "function_name": "${1:hello}",
                "handler_name": "${2:index.handler}",
                "on": {"branch": "${3:main}"},
                "region": "${4:us-east-1}",
                "role": "arn:aws:iam::${5:123456789012}:role/${6:run}",
                "runtime": "${7:nodejs22.x}",
                "zip": "${8:dist}",
            },
        },
        {
            "label": "lambda with alias and verify",
            "description": "AWS Lambda function with an alias. Traffic moves step by step to a new version that has passed a check.",
            "body": {
                "provider": "lambda",
                "alias": "${1:live}",
                "function_name": "${2:hello}",
                "handler_name": "${3:index.handler}",
                "keep_versions": 10,
                "on": {"branch": "${4:main}"},
                "region": "${5:us-east-1}",
                "role": "arn:aws:iam::${6:123456789012}:role/${7:run}",
                "runtime": "${8:nodejs22.x}",
                "traffic": [10, 50, 100],
                "verify": {"expect": {"contains": "${9:pong}"}, "payload": {"${10:ping}": true}},
                "zip": "${11:dist}",
            },
        },
        {
            "label": "lambda from a container image",
            "description": "AWS Lambda function whose code is a container image in Amazon ECR.",
            "body": {
                "provider": "lambda",
                "function_name": "${1:hello}",
                "image_uri": "${2:123456789012}.dkr.ecr.${3:us-east-1}.amazonaws.com/${1:hello}:${4:latest}",
                "on": {"branch": "${5:main}"},
                "region": "${3:us-east-1}",
                "role": "arn:aws:iam::${2:123456789012}:role/${6:run}",
            },
        },
    ])
}

pub(super) fn on() -> Value {
    json!([
        {"label": "branches", "description": "Deploy from these branches.", "body": {"branch": ["${1:main}"]}},
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
        {"label": "10, 50, 100", "description": "10 % of the traffic first, then half, then all.", "body": [10, 50, 100]},
        {"label": "5, 100", "description": "5 % of the traffic first, then all.", "body": [5, 100]},
    ])
}

pub(super) fn function_url() -> Value {
    json!([
        {"label": "signed", "description": "Only for callers with IAM permission, by signed requests.", "body": {"auth_type": "AWS_IAM"}},
        {
            "label": "public, for a web page",
            "description": "For everyone, and for web pages of this origin.",
            "body": {"auth_type": "NONE", "cors": {"allow_methods": ["${1:GET}"], "allow_origins": ["${2:https://www.example.com}"]}},
        },
    ])
}

pub(super) fn logging_config() -> Value {
    json!([{
        "label": "JSON",
        "description": "JSON logs, filtered by level.",
        "body": {"log_format": "JSON", "application_log_level": "${1:INFO}", "system_log_level": "${2:WARN}"},
    }])
}
