"""functions/*/API.md against the newest SDKs: every member of a request or an answer is in its table, and no other."""

import importlib
import inspect
import re
from pathlib import Path

import pytest

FUNCTIONS = Path(__file__).parents[2] / "functions"
WORDS = {"sent", "left out", "needed", "sent or needed", "read", "ignored"}


def tables():
    """(page, SDK class, rows) of every table that names its class."""
    for page in sorted(FUNCTIONS.glob("*/API.md")):
        for found in re.finditer(r"<!-- sdk: (\S+) -->\n((?:\|.*\n)+)", page.read_text()):
            rows = [line.split("|")[1:-1] for line in found[2].splitlines()[2:]]
            yield page.parent.name, found[1], rows


def members(path):
    module, name = path.rsplit(".", 1)
    if module == "dashscope.utils.oss_utils":
        # No classes: the members are those that its upload puts into, or takes out of, a dictionary of that name.
        return set(re.findall(rf'\b{name}\[\s*"([\w-]+)"\s*\]', inspect.getsource(importlib.import_module(module))))
    model = getattr(importlib.import_module(module), name)
    if path.startswith("tencentcloud."):
        return {name for name, value in vars(model).items() if isinstance(value, property)}
    return set(re.findall(r"result\['(\w+)'\]", inspect.getsource(model.to_map)))


def test_there_are_tables():
    assert len(list(tables())) >= 20


@pytest.mark.parametrize("flow,model,rows", [pytest.param(*table, id=table[1]) for table in tables()])
def test_the_page_has_every_member(flow, model, rows):
    named = [name for row in rows for name in re.findall(r"`([\w-]+)`", row[0])]
    assert len(named) == len(set(named)), f"{flow}: a member twice"
    assert all(row[1].strip() in WORDS for row in rows), rows
    known = members(model)
    assert known, model
    assert set(named) == known, f"{flow}: {model} has changed"
