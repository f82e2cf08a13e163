"""The manifests of Knative and Cloud Run, read by models made from Knative's own CRDs: an unknown member is a fault."""

import pathlib
import sys

import yaml
from cloudcoil.models.knative_eventing.eventing.v1 import Trigger
from cloudcoil.models.knative_serving.serving.v1 import Service

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "shared" / "deploy"
KINDS = {"Service": Service, "Trigger": Trigger}


def lost(sent, kept, at=""):
    """Members that the model did not take."""
    if isinstance(sent, dict):
        for key, value in sent.items():
            if key not in (kept or {}):
                yield f"{at}/{key}"
            else:
                yield from lost(value, kept[key], f"{at}/{key}")
    elif isinstance(sent, list):
        for index, value in enumerate(sent):
            yield from lost(value, kept[index], f"{at}/{index}")


def faults(document):
    model = KINDS[document["kind"]].model_validate(document)
    return list(lost(document, model.model_dump(mode="json", by_alias=True, exclude_none=True)))


def main():
    found = []
    for path in [*FOLDER.glob("knative/*.yaml"), *FOLDER.glob("cloud-run/*.yaml")]:
        for document in yaml.safe_load_all(path.read_text()):
            found += [f"{path.name}: {at}" for at in faults(document)]
            spec = document["spec"]
            spec["concurency"] = spec.pop("template", 1)
            try:
                assert faults(document), f"{path.name}: a misspelt member went unnoticed"
            except ValueError:
                pass
    print("\n".join(found) or "Knative and Cloud Run: read by Knative's own models")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
