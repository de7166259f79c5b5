"""Calls AWS through boto3 for whoever writes to it: a call a line in, an answer a line out, both JSON.

  in   {"url": "http://127.0.0.1:4510", "service": "lambda", "operation": "GetAlias", "params": {...}}
  out  {"status": 200, "members": {...}}  or  {"status": 404, "code": "...", "message": "...", "members": {...}}

The first line out says who answers. Values that JSON does not have: {"$bytes": base64} and {"$epoch": seconds} in, times as seconds out.
"""

import base64
import datetime
import json
import sys

import boto3
import botocore
from botocore.config import Config
from botocore.exceptions import ClientError

# The other end judges what is valid, and each call is made once.
config = Config(parameter_validation=False, retries={"total_max_attempts": 1}, max_pool_connections=1)
clients = {}


def client_of(service, url):
    if (service, url) not in clients:
        clients[service, url] = boto3.client(
            service,
            endpoint_url=url,
            region_name="us-east-1",
            aws_access_key_id="twin",
            aws_secret_access_key="twin",
            config=config,
        )
    return clients[service, url]


def method_of(client, operation):
    methods = {api: name for name, api in client.meta.method_to_api_mapping.items()}
    return getattr(client, methods[operation])


def decoded(value):
    if isinstance(value, list):
        return [decoded(one) for one in value]
    if not isinstance(value, dict):
        return value
    if "$bytes" in value:
        return base64.b64decode(value["$bytes"])
    if "$epoch" in value:
        return datetime.datetime.fromtimestamp(value["$epoch"], datetime.timezone.utc)
    return {name: decoded(one) for name, one in value.items()}


def plain(value):
    if isinstance(value, datetime.datetime):
        return value.timestamp()
    return "unreadable" if hasattr(value, "read") else str(value)


def said(response):
    members = {name: value for name, value in response.items() if name not in ("ResponseMetadata", "Error")}
    return {"status": response["ResponseMetadata"]["HTTPStatusCode"], "members": members}


def answer_to(call):
    client = client_of(call["service"], call["url"])
    try:
        return said(method_of(client, call["operation"])(**decoded(call["params"])))
    except ClientError as error:
        return {
            **said(error.response),
            "code": error.response["Error"].get("Code"),
            "message": error.response["Error"].get("Message"),
        }


print(json.dumps({"boto3": boto3.__version__, "botocore": botocore.__version__, "python": sys.version.split()[0]}), flush=True)
for line in sys.stdin:
    print(json.dumps(answer_to(json.loads(line)), default=plain), flush=True)
