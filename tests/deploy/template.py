"""Checks of template.yaml."""

import functools
import itertools
import json
import re

import yaml

from environment import Stack

SQS_PROPERTIES = {"Queue", "BatchSize", "FunctionResponseTypes", "ScalingConfig"}
TABLE_ACTIONS = ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"]
# Paths that the gateway does not serve: events have the queue, metrics are for HTTP runtimes.
NOT_SERVED = {"", "events", "metrics"}
ARN = "arn:aws:{}:eu-west-1:111122223333:{}".format
# Parameters with which every condition is true in one and false in another.
VARIANTS = [
    {},
    {"GrantSecret": ARN("ssm", "parameter/grants/secret"), "StoreSecret": ARN("secretsmanager", "secret:redis")},
    {"WebhookSecret": ARN("secretsmanager", "secret:webhook"), "SourceBuckets": "one,two", "KmsKeys": ARN("kms", "key/1"), "KeepWarm": "yes"},
    {"JwtIssuer": "https://issuer.example", "JwtAudience": "grants", "FixedAddress": "yes", "ReservedConcurrency": "10"},
    {"SubnetIds": "subnet-1,subnet-2", "SecurityGroupIds": "sg-1", "AlarmTopic": ARN("sns", "alarms")},
]
REFUSED = [
    {"JwtIssuer": "https://issuer.example"},
    {"JwtAudience": "grants"},
    {"SubnetIds": "subnet-1"},
    {"SubnetIds": "subnet-1", "SecurityGroupIds": "sg-1", "FixedAddress": "yes"},
]


def faults(root, text):
    """Everything wrong with this template."""
    try:
        return list(itertools.chain.from_iterable(check(root, text) for check in (parameters, functions, shared, open_routes, dashboard)))
    except (AssertionError, KeyError, TypeError, ValueError, yaml.YAMLError) as error:
        return [f"{type(error).__name__}: {error}"]


def flows(text):
    """The functions' names by how their resources begin."""
    resources = Stack(text).resources
    found = {id: one for id, one in resources.items() if one["Type"] == "AWS::Serverless::Function"}
    return {id.removesuffix("Function"): one["Metadata"]["BuildProperties"]["Binary"] for id, one in found.items()}


def all_flows(text, more=None):
    """A stack of every flow."""
    secrets = {f"{flow}Secret": ARN("secretsmanager", f"secret:{name}") for flow, name in flows(text).items()}
    return Stack(text, {**secrets, **(more or {})})


def parameters(root, text):
    """All-Enter works, one flow works, and what contradicts itself is refused."""
    if "{{resolve:" in text:
        yield "a secret's text would stand in the configuration"
    document = Stack(text).document
    grouped = [name for group in document["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"] for name in group["Parameters"]]
    if sorted(grouped) != sorted(document["Parameters"]):
        yield f"parameters in no group, or in two: {sorted(set(grouped) ^ set(document['Parameters']))}"
    for name, parameter in document["Parameters"].items():
        if "Default" not in parameter:
            yield f"{name} has no default"
    for variant in VARIANTS:
        yield from (f"{variant}: {refusal}" for refusal in all_flows(text, variant).refusals())
        all_flows(text, variant).made()
        Stack(text, variant).made()
    for variant in REFUSED:
        if not list(all_flows(text, variant).refusals()):
            yield f"{variant} is not refused"
    for flow, name in flows(text).items():
        alone = Stack(text, {f"{flow}Secret": ARN("secretsmanager", "secret:own")}).environments()
        if list(alone) != [name]:
            yield f"{name}: alone, there are {list(alone)}"


def functions(root, text):
    """Each flow's function, queue, routes and role."""
    stack = all_flows(text, VARIANTS[2])
    resources, common = stack.resources, stack.document["Globals"]["Function"]
    for name, value in {"Runtime": "provided.al2023", "Handler": "bootstrap", "Architectures": [{"Ref": "Architecture"}]}.items():
        if common[name] != value:
            yield name
    if sorted(flows(text).values()) != sorted(path.name for path in (root / "functions").iterdir()):
        yield "functions/ and shared/deploy/aws/flows.yaml do not have the same flows"
    for variables in all_flows(text, VARIANTS[1]).environments().values():
        given = {"GRANT_SECRET_ARN": VARIANTS[1]["GrantSecret"], "GRANT_STORE_ARN": VARIANTS[1]["StoreSecret"], "GRANT_STORE": None}
        yield from (f"{name} is {variables.get(name)}" for name, value in given.items() if variables.get(name) != value)
    known, environments, shapes = known_variables(root), stack.environments(), set()
    for flow, name in flows(text).items():
        one, variables = resources[flow + "Function"], environments[name]
        if one["Metadata"]["BuildMethod"] != "rust-cargolambda":
            yield f"{name}: BuildMethod"
        expected = {"GRANT_RUNTIME": "lambda", "GRANT_AUTH": "gateway", "GRANT_STORE": "dynamodb://grants-Records"}
        for variable, value in expected.items():
            if variables.get(variable) != value:
                yield f"{name}: {variable} is {variables.get(variable)}"
        for variable, value in variables.items():
            if variable.removesuffix("_ARN") not in known:
                yield f"{name}: no source reads {variable}"
            if re.search("SECRET|KEY|TOKEN", variable) and not re.fullmatch(r"\w+_ARN", variable):
                yield f"{name}: {variable} is not read by ARN"
            own = f"{stack.parameters[flow + 'Secret']}:{variable.removesuffix('_ARN')}::"
            if variable.endswith("_ARN") and not variable.startswith("GRANT_") and value != own:
                yield f"{name}: {variable} is {value}"
        found = (queue_faults(flow, one, resources, common["Timeout"]), route_faults(root, flow, name, resources), role_faults(flow, stack))
        yield from (f"{name}: {what}" for what in itertools.chain(*found))
        dimension = {flow + "DeadLettersAlarm": {"GetAtt": flow + "DeadLetters.QueueName"}, flow + "ErrorsAlarm": {"Ref": flow + "Function"}}
        for alarm, value in dimension.items():
            if resources[alarm]["Properties"]["Dimensions"][0]["Value"] != value:
                yield f"{name}: {alarm} watches something else"
        # Apart from names and variables the flows are one text.
        block = {key: value for key, value in resources.items() if key.startswith(flow)}
        block[flow + "Function"] = {**one, "Properties": {**one["Properties"], "Environment": None}}
        shapes.add(repr(block).replace(name, "NAME").replace(flow, "FLOW"))
    if len(shapes) != 1:
        yield "the functions are not set up alike"


def queue_faults(flow, function, resources, timeout):
    queue = resources[flow + "Queue"]["Properties"]
    if queue["VisibilityTimeout"] < 6 * timeout:
        yield "visibility timeout under six function timeouts"
    if queue["RedrivePolicy"]["deadLetterTargetArn"] != {"GetAtt": flow + "DeadLetters.Arn"}:
        yield "another flow's dead letters"
    if function["Properties"]["EventInvokeConfig"]["DestinationConfig"]["OnFailure"]["Destination"] != {"GetAtt": flow + "DeadLetters.Arn"}:
        yield "asynchronous invokes that failed go elsewhere"
    events = function["Properties"]["Events"]
    if [event["Type"] for event in events.values()] != ["SQS", "Schedule"]:
        yield "not one queue and one ping"
    properties = events["Jobs"]["Properties"]
    if set(properties) != SQS_PROPERTIES:
        yield f"event properties {sorted(set(properties) ^ SQS_PROPERTIES)}"
    if properties["Queue"] != {"GetAtt": flow + "Queue.Arn"}:
        yield "another flow's queue"
    if properties["FunctionResponseTypes"] != ["ReportBatchItemFailures"]:
        yield "failed jobs would be deleted: no ReportBatchItemFailures"
    if properties["ScalingConfig"] != {"MaximumConcurrency": {"Ref": "QueueConcurrency"}}:
        yield "MaximumConcurrency"
    if events["Ping"]["Properties"]["State"] != {"If": ["KeepsWarm", "ENABLED", "DISABLED"]}:
        yield "a ping that nobody asked for"


def route_faults(root, flow, name, resources):
    """The routes of the router, open where the contract opens them; its alias and its events are not the gateway's."""
    paths = [(path, verb) for path, verb in routed(root) if path not in NOT_SERVED]
    expected = {f"{verb.upper()} /{name}/{path}": path not in ("grants", "s3/params") for path, verb in paths}
    expected[f"OPTIONS /{name}/{{proxy+}}"] = True
    routes = [one["Properties"] for id, one in resources.items() if one["Type"].endswith("::Route") and id.startswith(flow)]
    closed = {"If": ["UseJwt", "JWT", "AWS_IAM"]}
    actual = {one["RouteKey"]: {"NONE": True}.get(str(one["AuthorizationType"]), one["AuthorizationType"] != closed) for one in routes}
    if actual != expected:
        yield f"routes: {sorted(set(actual.items()) ^ set(expected.items()))}"
    if any(one["Target"] != {"Sub": f"integrations/${{{flow}Integration}}"} for one in routes):
        yield "a route leads elsewhere"
    integration = resources[flow + "Integration"]["Properties"]
    if (integration["PayloadFormatVersion"], integration["IntegrationUri"]) != ("2.0", {"GetAtt": flow + "Function.Arn"}):
        yield "integration"


@functools.lru_cache
def routed(root):
    source = "".join(file.read_text() for file in root.glob("shared/**/src/**/*.rs"))
    return re.findall(r'\.route\("/([^"]*)", (\w+)\(', source)


def role_faults(flow, stack):
    """The role reaches its own logs, queue, dead letters and secret."""
    own = [f"grants-{flow}Logs.Arn", f"grants-{flow}Queue.Arn", f"grants-{flow}DeadLetters.Arn", stack.parameters[f"{flow}Secret"]]
    role = stack.made()[flow + "Role"]["Properties"]
    statements = [one for policy in role["Policies"] for one in policy["PolicyDocument"]["Statement"]]
    if [one["Resource"] for one in statements] != own:
        yield "the role reaches beyond its own logs, queue, dead letters and secret"
    if any("*" in action for one in statements for action in one["Action"]):
        yield "the role has wildcard actions"
    if role["ManagedPolicyArns"] != ["grants-SharedPolicy"]:
        yield "managed policies"
    queue = stack.made()[flow + "QueuePolicy"]["Properties"]["PolicyDocument"]["Statement"]
    allowed = [one for one in queue if one["Effect"] == "Allow"]
    if [one["Condition"]["ArnLike"]["aws:SourceArn"] for one in allowed] != [["arn:*:s3:::one", "arn:*:s3:::two"]]:
        yield f"others than the buckets may send: {allowed}"


def shared(root, text):
    """The table is Powertools', and what all functions may is just what was asked for."""
    table = Stack(text).made()["Records"]["Properties"]
    expected = {
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "TimeToLiveSpecification": {"AttributeName": "expiration", "Enabled": True},
        "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
        "SSESpecification": {"SSEEnabled": True},
        "BillingMode": "PAY_PER_REQUEST",
    }
    yield from (f"the table's {name}" for name, value in expected.items() if table.get(name) != value)
    expected = [
        [(TABLE_ACTIONS, "grants-Records.Arn"), (["secretsmanager:GetSecretValue"], ["grants-MadeSecret"])],
        [(["secretsmanager:GetSecretValue"], [VARIANTS[1]["GrantSecret"], VARIANTS[1]["StoreSecret"]])],
        [
            (TABLE_ACTIONS, "grants-Records.Arn"),
            (["secretsmanager:GetSecretValue"], ["grants-MadeSecret", VARIANTS[2]["WebhookSecret"]]),
            (["kms:Decrypt"], [VARIANTS[2]["KmsKeys"]]),
            (["s3:GetObject", "s3:GetObjectVersion"], ["arn:*:s3:::one/*", "arn:*:s3:::two/*"]),
        ],
    ]
    for variant, statements in zip(VARIANTS, expected):
        found = Stack(text, variant).made()["SharedPolicy"]["Properties"]["PolicyDocument"]["Statement"]
        # Parameters of SSM are read by another call, which an ARN of Secrets Manager does not match.
        actual = [([action for action in one["Action"] if not action.startswith("ssm:")], one["Resource"]) for one in found]
        if actual != statements:
            yield f"the shared policy is {actual}"


def open_routes(root, text):
    """Who is not asked for a name has a limit below that of callers, and no path is logged."""
    made = all_flows(text).made()
    stage = made["Stage"]["Properties"]
    is_open = {one["Properties"]["RouteKey"] for one in made.values() if one["Type"].endswith("::Route") and one["Properties"].get("AuthorizationType") == "NONE"}
    if set(stage["RouteSettings"]) != is_open:
        yield f"limits of open routes: {sorted(set(stage['RouteSettings']) ^ is_open)}"
    usual = stage["DefaultRouteSettings"]
    for route, limit in stage["RouteSettings"].items():
        if not all(0 < int(limit[name]) < int(usual[name]) for name in ("ThrottlingRateLimit", "ThrottlingBurstLimit")):
            yield f"{route}: {limit} leaves nothing of {usual}"
    logged = json.loads(stage["AccessLogSettings"]["Format"])
    if "$context.path" in logged.values() or "$context.routeKey" not in logged.values():
        yield "the access log has paths"


def dashboard(root, text):
    """It shows each metric that the functions write."""
    body = json.loads(Stack(text).made()["Dashboard"]["Properties"]["DashboardBody"])
    (source,) = root.glob("shared/**/emf.rs")
    written = set(re.findall(r'\{"Name":"(\w+)"', source.read_text().replace("{{", "{")))
    shown = set(re.findall(r"\{UploadGrants,flow\} MetricName=\\\"(\w+)\\\"", json.dumps(body)))
    if not written or written != shown:
        yield f"the dashboard shows {sorted(shown)} of {sorted(written)}"


@functools.lru_cache
def known_variables(root):
    """The variables that the sources read."""
    sources = [*root.glob("shared/**/src/**/*.rs"), *root.glob("shared/src/**/*.rs"), *root.glob("functions/*/src/**/*.rs")]
    return {name for file in sources for name in re.findall(r'"([A-Z][A-Z0-9_]+)"', file.read_text())}
