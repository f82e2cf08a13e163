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
}
# Manifests that start a function, with the runtime they must ask for.
RUNTIMES = {
    "alibaba-fc/s.yaml": "http",
    "azure/settings.json": "http",
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
REFERENCE = r"\$\{env\b|@Microsoft\.KeyVault|secretKeyRef$"
# Parsed, and free of settings.
SILENT = {"azure/host.json", "azure/grants/function.json"}


def faults(root, folder):
    """Everything wrong with the manifests in `folder`."""
    known = known_variables(root) | {"FUNCTIONS_WORKER_RUNTIME"}
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file() and path.name != "README.md"}
    names = set(files) - {"package"}
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
            if variable not in known:
                yield f"{name}: no source reads {variable}"
            if variable.startswith(RESERVED[name.split("/")[0]]):
                yield f"{name}: {variable} is the platform's name"
            if re.search("SECRET|API_KEYS|STORE", variable) and not re.match(REFERENCE, settings[variable]):
                yield f"{name}: {variable} is not a reference"
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
            if key in ("environmentVariables", "variables"):
                yield from value.items()
            else:
                yield from found(value)
