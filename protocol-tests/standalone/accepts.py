"""Reads texts from standard input as JSON strings, one per line. Prints for each whether libyaml accepts it: `true` or `false`.

Only the first document counts, and that another one or the end of the text follows it.
"""

import json
import sys

import yaml


def accepts(text):
    has_ended = False
    try:
        for event in yaml.parse(text, Loader=yaml.CLoader):
            if has_ended:
                break
            has_ended = isinstance(event, yaml.DocumentEndEvent)
    except yaml.YAMLError:
        return False
    return True


for line in sys.stdin:
    print(json.dumps(accepts(json.loads(line))))
