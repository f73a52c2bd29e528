"""Checks requests against botocore's models: [[SERVICE, OPERATION, PARAMETERS], ...] (JSON) on standard input -> the
problems of each, as a list of lists.
"""
import json
import re
import sys

import botocore.session
from botocore.validate import ParamValidator

session = botocore.session.get_session()


def limits(value, shape, place):
    """Yields what ParamValidator does not check: words of an enumeration, patterns and greatest lengths."""
    if shape.type_name == "structure":
        for name in value.keys() & shape.members.keys():
            yield from limits(value[name], shape.members[name], f"{place}.{name}")
    elif shape.type_name == "list":
        for index, item in enumerate(value):
            yield from limits(item, shape.member, f"{place}[{index}]")
    elif shape.type_name == "map":
        for name, item in value.items():
            yield from limits(item, shape.value, f"{place}.{name}")
    elif shape.type_name == "string":
        words, pattern = shape.metadata.get("enum"), shape.metadata.get("pattern")
        if words and value not in words:
            yield f"{place} is {value!r}, which is none of {words}"
        if pattern and not re.fullmatch(pattern, value):
            yield f"{place} is {value!r}, which does not match {pattern}"
    most = shape.metadata.get("max")
    if most is not None and shape.type_name in ("string", "list", "map") and len(value) > most:
        yield f"{place} has a length of {len(value)}, which is more than {most}"
    elif most is not None and shape.type_name in ("integer", "long", "double", "float") and value > most:
        yield f"{place} is {value}, which is more than {most}"


def problems(service, operation, parameters):
    shape = session.get_service_model(service).operation_model(operation).input_shape
    report = ParamValidator().validate(parameters, shape)
    if report.has_errors():
        return report.generate_report().splitlines()
    return list(limits(parameters, shape, operation))


print(json.dumps([problems(*request) for request in json.load(sys.stdin)]))
