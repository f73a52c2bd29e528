"""Prints the members of the inputs of Lambda's operations in botocore's model. The arguments are the operations.

The output is JSON: {"version": "1.44.8", "structures": {STRUCTURE: {MEMBER: STRUCTURE of the member or null}}}. An
operation's input has the name of the operation.
"""
import json
import sys

import botocore
import botocore.session

model = botocore.session.get_session().get_service_model("lambda")
structures = {}


def add(name, shape):
    if name in structures:
        return
    structures[name] = {}
    for member, value in shape.members.items():
        while value.type_name == "list":
            value = value.member
        is_structure = value.type_name == "structure"
        structures[name][member] = value.name if is_structure else None
        if is_structure:
            add(value.name, value)


for operation in sys.argv[1:]:
    add(operation, model.operation_model(operation).input_shape)
print(json.dumps({"version": botocore.__version__, "structures": structures}))
