"""Asks an endpoint with boto3: ENDPOINT SERVICE OPERATION ARGUMENTS(JSON) -> the answer as JSON."""
import json
import sys

import boto3

endpoint, service, operation, arguments = sys.argv[1:]
client = boto3.client(
    service, endpoint_url=endpoint, region_name="us-east-1",
    aws_access_key_id="testing", aws_secret_access_key="testing")
answer = getattr(client, operation)(**json.loads(arguments))
answer.pop("ResponseMetadata", None)
print(json.dumps(answer, default=str))
