"""Calls operations with boto3: ENDPOINT [[SERVICE, OPERATION, ARGUMENTS], ...](JSON) -> the answers as JSON, in order.

The answer is null if the resource does not exist, or if the emulator does not have the operation: moto then answers 404 with HTML.
"""
import json
import sys

import boto3
from botocore.exceptions import ClientError

endpoint, questions = sys.argv[1:]


def answer(service, operation, arguments):
    client = boto3.client(
        service, endpoint_url=endpoint, region_name="us-east-1",
        aws_access_key_id="testing", aws_secret_access_key="testing")
    try:
        found = getattr(client, operation)(**arguments)
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("ResourceNotFoundException", "404"):
            raise
        return None
    found.pop("ResponseMetadata", None)
    return found


print(json.dumps([answer(*question) for question in json.loads(questions)], default=str))
