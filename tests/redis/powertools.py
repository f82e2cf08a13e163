"""Reads records as Powertools for AWS Lambda does: `powertools.py ENDPOINT TABLE ID…`, a JSON line for each."""

import json
import sys

import boto3
from aws_lambda_powertools.utilities.idempotency import DynamoDBPersistenceLayer

endpoint, table, *ids = sys.argv[1:]
client = boto3.client(
    "dynamodb",
    endpoint_url=endpoint,
    region_name="eu-central-1",
    aws_access_key_id="AKIDEXAMPLE",
    aws_secret_access_key="wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
)
layer = DynamoDBPersistenceLayer(table_name=table, boto3_client=client)
for id in ids:
    record = layer._get_record(id)
    print(
        json.dumps(
            {
                "status": record.status,
                "expired": record.is_expired,
                "data": record.response_json_as_dict(),
                "validation": record.payload_hash,
            }
        )
    )
