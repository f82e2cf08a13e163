"""A secret, a parameter and a user that may read both, in a moto that checks every signature and policy:
`vault.py ENDPOINT make TEXT` prints their ARNs and the user's key, `vault.py ENDPOINT rotate ARN TEXT ID KEY`
replaces the secret's text.
"""

import json
import sys

import boto3


def client(service, endpoint, id="none", key="none"):
    # Secrets Manager and SSM are regional, IAM is signed for us-east-1.
    region = "us-east-1" if service == "iam" else "eu-central-1"
    return boto3.client(
        service, endpoint_url=endpoint, region_name=region, aws_access_key_id=id, aws_secret_access_key=key
    )


def user(iam, name, actions):
    iam.create_user(UserName=name)
    statement = {"Effect": "Allow", "Action": actions, "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName=name, PolicyName="all", PolicyDocument=policy)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return key["AccessKeyId"], key["SecretAccessKey"]


def make(endpoint, text):
    iam = client("iam", endpoint)
    operator = user(iam, "operator", ["secretsmanager:PutSecretValue"])
    function = user(iam, "function", ["secretsmanager:GetSecretValue", "ssm:GetParameter"])
    secret = client("secretsmanager", endpoint).create_secret(Name="vendor/keys", SecretString=text)["ARN"]
    parameter = "/grants/secret"
    value = "a-grant-secret-of-at-least-32-bytes!"
    client("ssm", endpoint).put_parameter(Name=parameter, Value=value, Type="SecureString")
    arn = f"arn:aws:ssm:eu-central-1:123456789012:parameter{parameter}"
    print(json.dumps({"secret": secret, "parameter": arn, "operator": operator, "function": function}))


def rotate(endpoint, arn, text, id, key):
    client("secretsmanager", endpoint, id, key).put_secret_value(SecretId=arn, SecretString=text)


endpoint, what, *rest = sys.argv[1:]
{"make": make, "rotate": rotate}[what](endpoint, *rest)
