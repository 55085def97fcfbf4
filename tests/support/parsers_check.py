#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Compares docs/parsers.md with the code: parsers, their files, the fuzz targets, and who else reads bytes.

parsers_check.py ROOT       one line per fault; exit status 1 if there is one
parsers_check.py --self ROOT    takes rows and targets away and fails if nobody notices
"""
import pathlib
import re
import sys

ROOMS = ("base", "tokens", "hsm", "serve", "host", "ca", "mtms", "dc", "kms", "terminal", "officer")
READS = re.compile(r"json_load[bsf]|getline\(|fgets\(|fread\(|[^a-z_]p?read\(|[^a-z_]recv\(|d2i_\w+\(|PEM_read|PEM_X509|sscanf\(|reader_of\(|CMS_verify|"
                   r"curl_easy_perform|SSL_read|ini_parse|mdb_env_open|evbuffer_(?:remove|copyout)")
NO_PARSER = re.compile(r"(?:_doc|doc_page)\.c$|^hsm/mech_")


def tables(page):
    """(rows of parsers, files without a target)"""
    fuzzed, other = [], []
    for line in page.splitlines():
        cells = [c.strip() for c in line.strip("|").split("|")] if line.startswith("| ") else []
        if len(cells) == 5 and cells[0] not in ("parser", "---"):
            fuzzed.append(cells)
        elif len(cells) == 3 and cells[0] not in ("file", "---"):
            other += cells[0].split(", ")
    return fuzzed, other


def targets(root):
    """Name of each target -> its sources in tests/fuzz."""
    text = (root / "tests/fuzz/meson.build").read_text()
    found = {}
    for name, sources in re.findall(r"^  '(\w+)': \[\[([^\]]*)\]", text, re.M):
        paths = [root / "tests/fuzz" / s for s in re.findall(r"'([^']*)'", sources)]
        found[name] = "\n".join(p.read_text() for p in paths if p.exists())
    return found


def check(root, page, fuzzers, files):
    faults = []
    fuzzed, other = tables(page)
    for parser, path, _, through, target in fuzzed:
        text = files.get(path)
        if text is None:
            faults.append(f"{parser}: there is no {path}")
        elif not re.search(rf"^[A-Za-z].*\b{parser}[\[(]", text, re.M):
            faults.append(f"{parser}: not defined in {path}")
        if target not in fuzzers:
            faults.append(f"{parser}: there is no target {target}")
        elif not re.search(rf"\b{through or parser}\b", fuzzers[target]):
            faults.append(f"{parser}: target {target} does not call {through or parser}")
    faults += [f"target {name} is in no row" for name in fuzzers if name not in {row[4] for row in fuzzed}]
    named = {row[1] for row in fuzzed} | set(other)
    faults += [f"{path}: there is no such file" for path in other if path not in files]
    faults += [f"{path} reads bytes, and docs/parsers.md does not name it" for path, text in files.items()
               if READS.search(text) and not NO_PARSER.search(path) and path not in named]
    return faults


def self_test(root, page, fuzzers, files):
    """Each of these must be noticed."""
    rows = [line for line in page.splitlines() if line.startswith("| ")]
    some = next(line for line in rows if "keyfile_next" in line)
    samples = {"a row that is missing": (page.replace(next(line for line in rows if "inventory_read" in line) + "\n", ""), fuzzers, files),
               "a parser that is not there": (page.replace("| keyfile_next |", "| keyfile_nxt |"), fuzzers, files),
               "a target that is not there": (page.replace(some, some.replace("| keyfile |", "| keyfil |")), fuzzers, files),
               "a target that calls something else": (page, {**fuzzers, "keyfile": ""}, files),
               "a target without a row": (page, {**fuzzers, "more": ""}, files),
               "a new reader": (page, fuzzers, {**files, "kms/new.c": "\tn = read(fd, room, sizeof(room));\n"}),
               "a file that went": (page, fuzzers, {p: t for p, t in files.items() if p != "tokens/stage.c"})}
    return [f"self-test: {name} is not noticed" for name, sample in samples.items() if not check(root, *sample)]


def main(arguments):
    root = pathlib.Path(arguments[-1])
    files = {p.relative_to(root).as_posix(): p.read_text() for room in ROOMS for p in sorted((root / room).rglob("*.c"))}
    page = (root / "docs/parsers.md").read_text()
    run = self_test if arguments[0] == "--self" else check
    faults = run(root, page, targets(root), files)
    print("\n".join(faults) if faults else f"{len(tables(page)[0])} parsers, {len(targets(root))} targets")
    return 1 if faults else 0


sys.exit(main(sys.argv[1:]))
