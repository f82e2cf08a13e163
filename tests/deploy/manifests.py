"""Checks of the other platforms' manifests in shared/deploy."""

import json
import re

import yaml

from template import known_variables

# Names that a platform keeps to itself.
RESERVED = {
    "alibaba-fc": ("FC_", "ALIBABA_CLOUD_"),
    "tencent-scf": ("SCF_", "QCLOUD_", "TENCENTCLOUD_"),
    "huawei-functiongraph": ("RUNTIME_",),
    "knative": ("K_", "PORT"),
    "azure": ("WEBSITE_", "AzureWebJobs"),
    "cloud-run": ("K_", "PORT", "X_GOOGLE_"),
    "kubernetes": (),
    "compose": (),
}
# Manifests that start a function, with the runtime they must ask for.
RUNTIMES = {
    "alibaba-fc/s.yaml": "http",
    "azure/settings.json": "http",
    "cloud-run/service.yaml": "http",
    "compose/compose.yaml": "http",
    "kubernetes/deployment.yaml": "http",
    "huawei-functiongraph/http/bootstrap": "http",
    "huawei-functiongraph/http/s.yaml": "http",
    "huawei-functiongraph/queue/bootstrap": "poll",
    "huawei-functiongraph/queue/s.yaml": "poll",
    "knative/Dockerfile": "http",
    "knative/service.yaml": "http",
    "knative/trigger.yaml": "http",
    "tencent-scf/queue/bootstrap": "poll",
    "tencent-scf/queue/serverless.yml": "poll",
    "tencent-scf/web/scf_bootstrap": "http",
    "tencent-scf/web/serverless.yml": "http",
}
# What stands for a secret: the deployer's environment, a vault, a Kubernetes secret.
REFERENCE = r"\$\{env\b|@Microsoft\.KeyVault|secretKeyRef$|/run/secrets/|redis://redis:6379$"
JOBS = {"GRANT_SOURCE_HOSTS", "GRANT_NOTIFY_URL", "GRANT_NOTIFY_HOSTS"}
# Variables that manifests must have.
WANTED = [
    ({"alibaba-fc/s.yaml", "cloud-run/service.yaml", "compose/compose.yaml", "kubernetes/deployment.yaml", "knative/service.yaml"}, JOBS),
    ({"knative/trigger.yaml", "huawei-functiongraph/queue/s.yaml", "tencent-scf/queue/serverless.yml"}, JOBS | {"GRANT_STORE"}),
    ({"huawei-functiongraph/http/s.yaml", "huawei-functiongraph/queue/s.yaml"}, {"HUAWEI_AICC_BASE_URL", "HUAWEI_AICC_AUTH_BASE_URL"}),
]
# What the FC component's schema requires of a trigger.
FC_TRIGGERS = {
    "http": {"authType", "methods"},
    "eventbridge": {"asyncInvocationType", "eventRuleFilterPattern", "eventSinkConfig", "eventSourceConfig", "runOptions", "triggerEnable"},
}
# Parsed, and free of settings.
SILENT = {"azure/host.json", "azure/grants/function.json"}


def faults(root, folder):
    """Everything wrong with the manifests in `folder`."""
    known = known_variables(root) | {"FUNCTIONS_WORKER_RUNTIME"}
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file() and path.name != "README.md"}
    files = {name: path for name, path in files.items() if not name.startswith("aws/")}
    names = {name for name in files if "/" in name}  # beside the platforms are our own scripts
    for name in sorted(names ^ (set(RUNTIMES) | SILENT)):
        yield f"{name}: not the files that are checked"
    for platform in RESERVED:
        if not (folder / platform / "README.md").is_file():
            yield f"{platform}: no README.md"
    for name in sorted(names & set(RUNTIMES)):
        try:
            settings = dict(variables(files[name]))
        except (ValueError, yaml.YAMLError) as error:
            yield f"{name}: does not parse: {error}"
            continue
        if settings.get("GRANT_RUNTIME") != RUNTIMES[name]:
            yield f"{name}: GRANT_RUNTIME is {settings.get('GRANT_RUNTIME')}"
        if settings.get("GRANT_AUTH") != "api-key":
            yield f"{name}: GRANT_AUTH is {settings.get('GRANT_AUTH')}"
        for variable in settings:
            if variable.removesuffix("_FILE") not in known:
                yield f"{name}: no source reads {variable}"
            if variable.startswith(RESERVED[name.split("/")[0]]):
                yield f"{name}: {variable} is the platform's name"
            if re.search("SECRET|API_KEYS|STORE", variable) and not re.match(REFERENCE, settings[variable]):
                yield f"{name}: {variable} is not a reference"
        for group in WANTED:
            if name in group[0] and not group[1] <= set(settings):
                yield f"{name}: lacks {sorted(group[1] - set(settings))}"
    yield from shapes(folder)
    made = re.search('^NAME = "(.*)"$', files["image"].read_text(), re.MULTILINE)[1]
    for name in ("cloud-run/service.yaml", "compose/compose.yaml", "knative/service.yaml", "knative/trigger.yaml", "kubernetes/deployment.yaml"):
        if not re.search(rf"\bimage: (\S+/)?{made}$", files[name].read_text(), re.MULTILINE):
            yield f"{name}: does not take the image {made} of a release"
    host = json.loads(files["azure/host.json"].read_text())["customHandler"]
    if not host["enableForwardingHttpRequest"] or host["description"]["defaultExecutablePath"] != "function":
        yield "azure/host.json: does not forward requests to the function"
    if json.loads(files["azure/grants/function.json"].read_text())["bindings"][0]["route"] != "{*path}":
        yield "azure/grants/function.json: does not take every path"
    for name in names:
        if name.endswith("bootstrap") and not files[name].stat().st_mode & 0o111:
            yield f"{name}: is not executable"
    local = next(yaml.safe_load_all(files["knative/trigger.yaml"].read_text()))
    if local["metadata"].get("labels", {}).get("networking.knative.dev/visibility") != "cluster-local":
        yield "knative/trigger.yaml: trusted events on a public service"


def shapes(folder):
    """What a vendor's schema or tool would say where none installs here: from its documents."""
    fc = yaml.safe_load((folder / "alibaba-fc/s.yaml").read_text())["resources"]["grants"]["props"]
    if not {"project", "logstore"} <= set(fc.get("logConfig", {})):
        yield "alibaba-fc/s.yaml: logConfig needs project and logstore"
    for trigger in fc["triggers"]:
        needed = FC_TRIGGERS[trigger["triggerType"]]
        if not needed <= set(trigger["triggerConfig"]):
            yield f"alibaba-fc/s.yaml: {trigger['triggerName']} lacks {sorted(needed - set(trigger['triggerConfig']))}"
    for part in ("http", "queue"):
        name = f"huawei-functiongraph/{part}/s.yaml"
        (service,) = yaml.safe_load((folder / name).read_text())["services"].values()
        trigger = service["props"].get("trigger", {"triggerTypeCode": "OBS"})
        if trigger["triggerTypeCode"] not in ("APIG", "OBS", "TIMER"):
            yield f"{name}: the tool makes no trigger {trigger['triggerTypeCode']}"
        if trigger.get("eventData", {}).get("auth", "None") not in ("App", "IAM", "None"):
            yield f"{name}: auth is {trigger['eventData']['auth']}"
    run = yaml.safe_load((folder / "cloud-run/service.yaml").read_text())
    for one in run["spec"]["template"]["spec"]["containers"][0]["env"]:
        reference = one.get("valueFrom", {}).get("secretKeyRef", {"key": "latest"})
        if not re.fullmatch(r"latest|[1-9][0-9]*", reference["key"]):
            yield f"cloud-run/service.yaml: {one['name']}: a key is a version"


def variables(path):
    """The variables that a manifest sets, with their values or what they refer to."""
    text = path.read_text()
    if path.suffix == ".json":
        return [(one["name"], one["value"]) for one in json.loads(text)]
    if path.suffix in (".yaml", ".yml"):
        return list(found(list(yaml.safe_load_all(text))))
    lines = re.findall(r"^(?:export|ENV) (.*)$", text, re.MULTILINE)
    return [(name, value.strip('"').rpartition(":-")[2].rstrip("}")) for line in lines for name, value in re.findall(r"([A-Z_]+)=(\S+)", line)]


def found(node):
    if isinstance(node, list):
        for one in node:
            yield from found(one)
    elif isinstance(node, dict):
        if {"name", "value"} == set(node):
            yield node["name"], node["value"]
        elif {"name", "valueFrom"} == set(node):
            yield node["name"], next(iter(node["valueFrom"]))
        for key, value in node.items():
            if key in ("environmentVariables", "variables") or (key == "environment" and "variables" not in value):
                yield from value.items()
            else:
                yield from found(value)
