//! Whole stanzas that editors offer to start from. `${1:text}` is a placeholder to fill in. They must not
//! contain values that could be deployed by accident.

use serde_json::{Value, json};

/// The snippets. The placeholders are numbered in the order in which the schema sorts the keys.
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
            "description": "AWS Lambda function with an alias. \
                Traffic moves step by step to a new version that has passed a check.",
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
