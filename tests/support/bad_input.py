#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""docs/bad-input.md against the code: which test shows what becomes of which wrong input.

bad_input.py ROOT JSON-PROGRAM...    one line per fault; exit status 1 if there is one
The programs print the rows of messages and frames (messages_json.c).
"""
import json
import pathlib
import re
import subprocess
import sys

KINDS = ["malformed", "truncated", "oversized", "duplicated", "out of order", "wrong identity", "wrong state", "replayed"]
TEST = re.compile(r"[A-Z]+\d+")


def lines(page):
    for line in page.splitlines():
        if line.startswith("| ") and not line.startswith("| ---"):
            yield [c.strip() for c in line.strip("|").split("|")]


def matrix(page):
    """Row -> kind -> words of its cell."""
    return {cells[0]: dict(zip(KINDS, (c.split() for c in cells[1:]))) for cells in lines(page) if len(cells) == 1 + len(KINDS) and cells[0] != "row"}


def tests(page):
    return {cells[0]: cells[1:] for cells in lines(page) if len(cells) == 3 and cells[0] != "test"}


def reasons(page):
    return {cells[0] for cells in lines(page) if len(cells) == 2 and cells[0] != "reason"}


def has_test(root, path, name):
    file = root / path
    if not file.exists():
        return False
    form = rf"def {name}\(" if path.endswith(".py") else rf"START_TEST\({name}\)|^static void {name}\("
    return re.search(form, file.read_text(), re.M) is not None


def wanted(programs):
    """Begins of the rows that must be there."""
    for program in programs:
        said = json.loads(subprocess.run([program], capture_output=True, check=True, timeout=60).stdout)
        yield from (f"{said['service']} {m['path']}" for m in said.get("messages", []))
        yield from (f["name"] + " (" for f in said.get("frames", []))


def check(root, page, rows):
    cells, there, why = matrix(page), tests(page), reasons(page)
    used = {word for kinds in cells.values() for words in kinds.values() for word in words}
    faults = [f"{row.rstrip(' (')} has no row" for row in rows if not any(r.startswith(row) for r in cells)]
    faults += [f"{row}, {kind}: an empty cell" for row, kinds in cells.items() for kind in KINDS if not kinds.get(kind)]
    faults += [f"{word}: neither a test nor a reason" for word in sorted(used) if word not in there and word not in why]
    faults += [f"{word} stands in no cell" for word in sorted((set(there) | why) - used)]
    faults += [f"{key}: no test {name} in {path}" for key, (path, name) in there.items() if not has_test(root, path, name)]
    return faults


def main(arguments):
    root = pathlib.Path(arguments[0])
    page = (root / "docs/bad-input.md").read_text()
    rows = list(wanted(arguments[1:]))
    faults = check(root, page, rows)
    # It must notice what it is here for.
    some = next(line for line in page.splitlines() if line.startswith("| HELLO"))
    for name, other in (("a row that went", page.replace(some + "\n", "")), ("a test that went", page.replace("a_handshake_expires", "a_handshake")),
                        ("an empty cell", page.replace(some, some.replace("| S1 |", "| |"))), ("an unknown word", page.replace("| S1 |", "| S99 |", 1))):
        if not check(root, other, rows):
            faults.append(f"self-test: {name} is not noticed")
    print("\n".join(faults) if faults else f"{len(matrix(page))} rows, {len(tests(page))} tests, {len(reasons(page))} reasons")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
