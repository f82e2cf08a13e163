"""Checks of template.yaml."""

import re

import yaml

SQS_PROPERTIES = {"Queue", "BatchSize", "FunctionResponseTypes", "ScalingConfig"}


class Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short tags, as {tag: value}."""


def _tag(loader, tag, node):
    build = {"scalar": loader.construct_scalar, "sequence": loader.construct_sequence}.get(node.id)
    value = build(node, deep=True) if node.id == "sequence" else build(node) if build else loader.construct_mapping(node, deep=True)
    return {tag: value}


Loader.add_multi_constructor("!", _tag)


def faults(root, text):
    """Everything wrong with this template."""
    found = []

    def check(holds, what):
        if not holds:
            found.append(what)

    document = yaml.load(text, Loader)
    resources, parameters = document["Resources"], document["Parameters"]
    common = document["Globals"]["Function"]
    check(common["Runtime"] == "provided.al2023", "Runtime")
    check(common["Handler"] == "bootstrap", "Handler")
    check(common["Architectures"] == [{"Ref": "Architecture"}], "Architectures")
    check(parameters["Architecture"]["AllowedValues"] == ["x86_64", "arm64"], "Architecture")

    functions = {id: one for id, one in resources.items() if one["Type"] == "AWS::Serverless::Function"}
    names = {id: one["Metadata"]["BuildProperties"]["Binary"] for id, one in functions.items()}
    check(sorted(names.values()) == sorted(path.name for path in (root / "functions").iterdir()), "not the five functions")
    known = known_variables(root)
    shapes = set()
    for id, one in functions.items():
        flow, name = id.removesuffix("Function"), names[id]
        variables = {**common["Environment"]["Variables"], **one["Properties"]["Environment"]["Variables"]}
        check(one["Metadata"]["BuildMethod"] == "rust-cargolambda", f"{name}: BuildMethod")
        check(variables["GRANT_RUNTIME"] == "lambda", f"{name}: GRANT_RUNTIME")
        check(variables["GRANT_AUTH"] == "gateway", f"{name}: GRANT_AUTH")
        for variable, value in variables.items():
            check(variable in known, f"{name}: no source reads {variable}")
            if re.search("SECRET|KEY|TOKEN|STORE", variable):
                check(is_reference(variable, value), f"{name}: {variable} is not a reference to its secret")
        found.extend(f"{name}: {what}" for what in queue_faults(flow, one, resources, common["Timeout"]))
        found.extend(f"{name}: {what}" for what in route_faults(root, flow, name, resources))
        found.extend(f"{name}: {what}" for what in budget_faults(root, name, variables, parameters))
        found.extend(f"{name}: {what}" for what in role_faults(flow, resources))
        dimension = {flow + "DeadLettersAlarm": {"GetAtt": flow + "DeadLetters.QueueName"}, flow + "ErrorsAlarm": {"Ref": id}}
        for alarm, value in dimension.items():
            check(resources[alarm]["Properties"]["Dimensions"][0]["Value"] == value, f"{name}: {alarm} watches something else")
        # Apart from names and variables the five are one text.
        block = {key: value for key, value in resources.items() if key.startswith(flow)}
        block[id] = {**one, "Properties": {**one["Properties"], "Environment": None}}
        shapes.add(repr(block).replace(name, "NAME").replace(flow, "FLOW"))
    check(len(shapes) == 1, "the five functions are not set up alike")
    return found


def is_reference(variable, value):
    if isinstance(value, dict) and "If" in value:
        return all(other in ("", "memory") or is_reference(variable, other) for other in value["If"][1:])
    text = value.get("Sub", "") if isinstance(value, dict) else ""
    key = re.fullmatch(r"\{\{resolve:secretsmanager:\$\{\w+Secret\}(?::SecretString:(\w+))?\}\}", text)
    return bool(key) and key[1] in (None, variable)


def queue_faults(flow, function, resources, timeout):
    queue = resources[flow + "Queue"]["Properties"]
    if queue["VisibilityTimeout"] < 6 * timeout:
        yield "visibility timeout under six function timeouts"
    if queue["RedrivePolicy"]["deadLetterTargetArn"] != {"GetAtt": flow + "DeadLetters.Arn"}:
        yield "another flow's dead letters"
    events = function["Properties"]["Events"]
    if [event["Type"] for event in events.values()] != ["SQS"]:
        yield "not one queue"
    for event in events.values():
        properties = event["Properties"]
        if set(properties) != SQS_PROPERTIES:
            yield f"event properties {sorted(set(properties) ^ SQS_PROPERTIES)}"
        if properties["Queue"] != {"GetAtt": flow + "Queue.Arn"}:
            yield "another flow's queue"
        if properties["FunctionResponseTypes"] != ["ReportBatchItemFailures"]:
            yield "failed jobs would be deleted: no ReportBatchItemFailures"
        if properties["ScalingConfig"] != {"MaximumConcurrency": {"Ref": "QueueConcurrency"}}:
            yield "MaximumConcurrency"


def route_faults(root, flow, name, resources):
    """The routes of the router, open where DESIGN opens them; its alias and its events are not the gateway's."""
    source = (root / "shared/runtime/src/api.rs").read_text()
    paths = re.findall(r'\.route\("/([^"]+)", (\w+)\(', source)
    expected = {f"{verb.upper()} /{name}/{path}": path not in ("grants", "s3/params") for path, verb in paths if path != "events"}
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


def budget_faults(root, name, variables, parameters):
    """The default budget of all the queue's instances together must fit the vendor's quota."""
    source = "".join(file.read_text() for file in (root / "functions" / name / "src").glob("*.rs"))
    quota = re.search(r"QUOTA: Option<f64> = Some\(([\d.]+)\)", source)
    if not quota:
        return
    rps = variables.get("GRANT_VENDOR_RPS", {}).get("Ref")
    if rps is None or parameters[rps]["Default"] * parameters["QueueConcurrency"]["Default"] > float(quota[1]):
        yield f"vendor budget over the quota of {quota[1]} per second"


def role_faults(flow, resources):
    own = [{"GetAtt": f"{flow}Logs.Arn"}, {"GetAtt": f"{flow}Queue.Arn"}]
    policies = resources[flow + "Role"]["Properties"]["Policies"]
    statements = [one for policy in policies for one in policy["PolicyDocument"]["Statement"]]
    if [one["Resource"] for one in statements] != own:
        yield "the role reaches beyond its own logs and queue"
    if any("*" in action for one in statements for action in one["Action"]):
        yield "the role has wildcard actions"


def known_variables(root):
    """The variables that the sources read."""
    sources = [*root.glob("shared/**/src/**/*.rs"), *root.glob("functions/*/src/**/*.rs")]
    return {name for file in sources for name in re.findall(r'"([A-Z][A-Z0-9_]+)"', file.read_text())}
