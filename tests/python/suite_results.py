"""Counts the results of the suite of Temporal's Python SDK: of each test, the last one."""

import sys
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree


def outcome(case):
    for kind in ("failure", "error", "skipped"):
        if case.find(kind) is not None:
            return "skipped" if kind == "skipped" else "failed"
    return "passed"


def test_id(case):
    """Returns the id by which pytest runs a test: the file, the class, the function."""
    words = case.get("classname").split(".")
    module = next(i for i, word in enumerate(words) if word.startswith("test_")) + 1
    file = "/".join(words[:module]) + ".py"
    return "::".join([file, *words[module:], case.get("name")])


def main(folder, wanted=None):
    results = {}
    files = sorted(Path(folder).glob("*.xml"), key=lambda it: it.name.startswith("again-"))
    for file in files:
        for case in ElementTree.parse(file).getroot().iter("testcase"):
            results[test_id(case)] = outcome(case)
    for name, result in sorted(results.items()):
        if wanted is None and result != "passed":
            print(f"{result} {name}")
        elif result == wanted:
            print(name)
    if wanted is None:
        count = Counter(results.values())
        print(f"{count['passed']} passed, {count['failed']} failed, {count['skipped']} skipped")


main(*sys.argv[1:])
