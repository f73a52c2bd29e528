"""Reads JSON values from standard input, one per line, and writes each as YAML in several styles, one JSON string per line."""

import json
import sys

import yaml

STYLES = [
    {"default_flow_style": False},
    {"default_flow_style": True, "width": 40},
    {"default_style": '"', "width": 30},
    {"default_flow_style": False, "allow_unicode": True, "indent": 4, "explicit_start": True, "line_break": "\r\n"},
]

for line in sys.stdin:
    for style in STYLES:
        # In the quoted style every scalar needs an explicit type: PyYAML writes the tags.
        print(json.dumps(yaml.safe_dump(json.loads(line), sort_keys=False, **style)))
