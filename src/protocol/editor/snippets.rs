//! Nothing in, beginnings to start from out, as editors take them: `${1:text}` is a place to fill in.
//! Never holds a value that would be deployed by accident.

use serde_json::{Value, json};

/// A whole stanza. Places are numbered as the keys are sorted in the schema.
pub(super) fn stanza() -> Value {
    json!([
        {
            "label": "lambda",
            "description": "An AWS Lambda function, deployed from one branch.",
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
            "description": "The alias moves to a new version when that has answered as it should; traffic goes to it step by step.",
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
            "description": "A function whose code is an image in Amazon ECR.",
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
        {"label": "branches", "description": "From these branches.", "body": {"branch": ["${1:main}"]}},
        {"label": "tags", "description": "From tags only, whatever their branch.", "body": {"tags": true}},
        {
            "label": "branch and condition",
            "description": "From a branch, and when bash finds this true.",
            "body": {"branch": "${1:main}", "condition": "\\$${2:NIGHTLY} = ${3:true}"},
        },
    ])
}

pub(super) fn verify() -> Value {
    json!([
        {
            "label": "invoke and look for JSON",
            "description": "Invoked with the payload, its answer has these members.",
            "body": {"expect": {"json": {"${1:statusCode}": 200}}, "payload": {"${2:ping}": true}},
        },
        {
            "label": "invoke and look for a text",
            "description": "Invoked with the payload, its answer contains this text.",
            "body": {"expect": {"contains": "${1:pong}"}, "payload": {"${2:ping}": true}},
        },
        {
            "label": "run a command",
            "description": "The command finds the version in FUNCTION_ARN and VERSION.",
            "body": {"command": "${1:./smoke-test.sh}", "timeout": 60},
        },
    ])
}

pub(super) fn traffic() -> Value {
    json!([
        {"label": "10, 50, 100", "description": "A tenth first, then half, then all.", "body": [10, 50, 100]},
        {"label": "5, 100", "description": "A little first, then all.", "body": [5, 100]},
    ])
}

pub(super) fn function_url() -> Value {
    json!([
        {"label": "signed", "description": "For whom IAM permits.", "body": {"auth_type": "AWS_IAM"}},
        {
            "label": "public, for a web page",
            "description": "For everybody, and for browsers on this site.",
            "body": {"auth_type": "NONE", "cors": {"allow_methods": ["${1:GET}"], "allow_origins": ["${2:https://www.example.com}"]}},
        },
    ])
}

pub(super) fn logging_config() -> Value {
    json!([{
        "label": "JSON",
        "description": "Objects, with levels to filter by.",
        "body": {"log_format": "JSON", "application_log_level": "${1:INFO}", "system_log_level": "${2:WARN}"},
    }])
}
