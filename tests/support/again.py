#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Runs tests again, once, in which the leak checker itself broke down and not what it checks: it now and then catches a
signal of its own while it looks at threads ("Tracer caught signal"). Exit status 0 if nothing else had failed and they
pass now.

again.py BUILD"""
import json
import pathlib
import subprocess
import sys

BROKEN = "LeakSanitizer has encountered a fatal error"
GOOD = {"OK", "EXPECTEDFAIL", "SKIP"}


def main(build):
    lines = pathlib.Path(build, "meson-logs", "testlog.json").read_text().splitlines()
    failed = [test for test in map(json.loads, lines) if test["result"] not in GOOD]
    if not failed or any(BROKEN not in test.get("stderr", "") + test.get("stdout", "") for test in failed):
        return 1
    names = [test["name"].rpartition(" / ")[2] for test in failed]
    print("the leak checker broke down in", ", ".join(names) + "; once more", flush=True)
    return subprocess.run(["meson", "test", "-C", build, "--no-rebuild", "--print-errorlogs", "--logbase", "again", *names]).returncode


sys.exit(main(sys.argv[1]))
