"""What template.yaml comes to for given parameters: environment of each function, IAM, refusals.

    environment.py ChatappSecret=arn:aws:secretsmanager:…:secret:chatapp Records=grants-Records-1 [--function alibaba-chatapp]

prints the environment as deployed, as JSON by function name, so that a test can run instances with just that, or with
--resource the properties of one resource. A name that is a resource's (Records) says what the resource is called; any
other is a parameter.
"""

import argparse
import functools
import json
import pathlib
import re

import yaml

NO_VALUE = object()
PSEUDO = {
    "AWS::Region": "us-east-1",
    "AWS::AccountId": "111122223333",
    "AWS::Partition": "aws",
    "AWS::StackName": "grants",
    "AWS::URLSuffix": "amazonaws.com",
    "AWS::NoValue": NO_VALUE,
}


class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
    """YAML with CloudFormation's short tags, as {tag: value}."""


def _tag(loader, tag, node):
    if node.id == "scalar":
        return {tag: loader.construct_scalar(node)}
    build = loader.construct_sequence if node.id == "sequence" else loader.construct_mapping
    return {tag: build(node, deep=True)}


Loader.add_multi_constructor("!", _tag)


@functools.lru_cache(maxsize=1)
def _document(text):
    return yaml.load(text, Loader)


class Stack:
    """A template with its parameters given: values are what CloudFormation would make of them."""

    def __init__(self, text, given=None):
        document = _document(text)
        self.document, self.resources = document, document["Resources"]
        given = dict(given or {})
        self.names = {id: given.pop(id, f"grants-{id}") for id in self.resources}
        self.parameters = {}
        for name, parameter in document["Parameters"].items():
            value = str(given.pop(name, parameter.get("Default", "")))
            assert re.fullmatch(parameter.get("AllowedPattern", "(?s).*"), value), f"{name}: {value} is not allowed"
            assert value in map(str, parameter.get("AllowedValues", [value])), f"{name}: {value} is no choice"
            self.parameters[name] = value.split(",") if parameter["Type"] == "CommaDelimitedList" else value
        assert not given, f"no parameters: {sorted(given)}"

    def refusals(self):
        """What the template's Rules say against the parameters."""
        for rule in self.document.get("Rules", {}).values():
            if self.holds(rule["RuleCondition"]):
                yield from (one["AssertDescription"] for one in rule["Assertions"] if not self.holds(one["Assert"]))

    def holds(self, node):
        """A condition, by its name or as written."""
        if isinstance(node, str):
            return self.holds(self.document["Conditions"][node])
        ((function, of),) = node.items()
        if function == "Condition":
            return self.holds(of)
        if function == "Not":
            return not self.holds(of[0])
        if function == "And":
            return all(map(self.holds, of))
        if function == "Or":
            return any(map(self.holds, of))
        if function == "Equals":
            return str(self.value(of[0])) == str(self.value(of[1]))
        if function == "Contains":
            return self.value(of[1]) in self.value(of[0])
        raise ValueError(f"unknown condition {function}")

    def made(self):
        """The resources that exist, resolved."""
        kept = [id for id, one in self.resources.items() if self.exists(id)]
        return {id: self.value(self.resources[id]) for id in kept}

    def exists(self, id):
        return "Condition" not in self.resources[id] or self.holds(self.resources[id]["Condition"])

    def named(self, id):
        if id in PSEUDO:
            return PSEUDO[id]
        if id in self.parameters:
            return self.parameters[id]
        assert self.exists(id), f"{id} does not exist, and is referred to"
        return self.names[id]

    def value(self, node):
        if isinstance(node, list):
            return [one for one in map(self.value, node) if one is not NO_VALUE]
        if not isinstance(node, dict):
            return node
        tag, of = next(iter(node.items())) if len(node) == 1 else (None, None)
        if tag == "Ref":
            return self.named(of)
        if tag == "If":
            return self.value(of[1] if self.holds(of[0]) else of[2])
        if tag == "GetAtt":
            id, _, attribute = of.partition(".")
            return f"{self.named(id)}.{attribute}"
        if tag == "Join":
            return of[0].join(self.value(of[1]))
        if tag == "Split":
            return self.value(of[1]).split(of[0])
        if tag == "Select":
            return self.value(of[1])[of[0]]
        if tag == "GetAZs":
            return ["us-east-1a", "us-east-1b"]
        if tag == "Sub":
            text, own = (of, {}) if isinstance(of, str) else (of[0], self.value(of[1]))
            return re.sub(r"\$\{([\w:.]+)\}", lambda found: own.get(found[1]) or str(self._named(found[1])), text)
        values = {key: self.value(one) for key, one in node.items() if key != "Condition" or not isinstance(one, str)}
        return {key: one for key, one in values.items() if one is not NO_VALUE}

    def _named(self, name):
        return self.value({"GetAtt": name}) if "." in name else self.named(name)

    def environments(self):
        """The variables of each function that is deployed, by its name."""
        common = self.value(self.document["Globals"]["Function"]["Environment"]["Variables"])
        functions = {id: one for id, one in self.made().items() if one["Type"] == "AWS::Serverless::Function"}
        return {
            one["Metadata"]["BuildProperties"]["Binary"]: {**common, **one["Properties"]["Environment"]["Variables"]}
            for one in functions.values()
        }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("given", nargs="*", metavar="NAME=VALUE")
    parser.add_argument("--function", help="this one's only")
    parser.add_argument("--resource", help="the properties of this resource instead")
    arguments = parser.parse_args()
    text = (pathlib.Path(__file__).resolve().parents[2] / "template.yaml").read_text()
    stack = Stack(text, dict(one.split("=", 1) for one in arguments.given))
    for refusal in stack.refusals():
        parser.error(refusal)
    if arguments.resource:
        print(json.dumps(stack.made()[arguments.resource]["Properties"], indent=2))
        return
    found = stack.environments()
    print(json.dumps(found[arguments.function] if arguments.function else found, indent=2))


if __name__ == "__main__":
    main()
