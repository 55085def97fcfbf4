#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Prints what the last test runs did, one line a suite and one closing line; exit status 1 if a test failed or none ran."""
import collections
import json
import pathlib
import sys

PASSED = {"OK", "EXPECTEDFAIL"}


def tests_of(logs):
    """The tests of a run; of one that was run again (again.py) the second result."""
    tests = {}
    for log in logs / "testlog.json", logs / "again.json":
        if log.exists():
            tests.update((test["name"], test) for test in map(json.loads, log.read_text().splitlines()))
    return tests.values()


def main(builds):
    suites = collections.defaultdict(lambda: [0, 0, 0, 0.0])
    for build in builds:
        for test in tests_of(pathlib.Path(build, "meson-logs")):
            row = suites[test["name"].split(" / ")[0].rpartition(":")[2]]
            row[0 if test["result"] in PASSED else 2 if test["result"] == "SKIP" else 1] += 1
            row[3] += test["duration"]
    total = [sum(row[i] for row in suites.values()) for i in range(3)]
    for suite, row in sorted(suites.items()):
        print(f"{suite:10} {row[0]:4} passed {row[1]:4} failed {row[2]:4} skipped {row[3]:8.1f} s")
    print(f"{total[0]} passed, {total[1]} failed, {total[2]} skipped")
    return 0 if total[0] and not total[1] else 1


sys.exit(main(sys.argv[1:]))
