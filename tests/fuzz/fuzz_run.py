#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Runs one fuzz target for FUZZ_SECONDS (60) from its committed corpus and the forms of seeds.py; fails on a crash, leak or hang.

fuzz_run.py TARGET CORPUS [libFuzzer options]
What it finds new stays in a private folder, unless FUZZ_KEEP names one; the input of a failure is printed in hex.
"""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

from seeds import seeds


def main(target, corpus, options):
    seconds = int(os.environ.get("FUZZ_SECONDS", "60"))
    with tempfile.TemporaryDirectory(prefix="fuzz.") as private:
        work = pathlib.Path(private)
        found = pathlib.Path(os.environ.get("FUZZ_KEEP", private)) / pathlib.Path(corpus).name
        found.mkdir(parents=True, exist_ok=True)
        forms = work / "forms"
        forms.mkdir()
        for name, content in seeds(pathlib.Path(corpus).name):
            (forms / name).write_bytes(content)
        env = dict(os.environ, TMPDIR="/dev/shm" if os.access("/dev/shm", os.W_OK) else private,
                   ASAN_OPTIONS="detect_leaks=1:allocator_may_return_null=1", UBSAN_OPTIONS="halt_on_error=1:print_stacktrace=1")
        run = subprocess.run([target, str(found), corpus, str(forms), f"-max_total_time={seconds}", "-timeout=20", "-rss_limit_mb=4096",
                              "-max_len=2048", "-print_final_stats=1", f"-artifact_prefix={work}/", *options],
                             env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, errors="replace")
        print(run.stdout[-20000:])
        for artifact in work.glob("*-*"):
            if artifact.is_file():
                print(f"{artifact.name}: {artifact.read_bytes().hex()}")
                if "FUZZ_KEEP" in os.environ:
                    shutil.copy(artifact, os.environ["FUZZ_KEEP"])
        return run.returncode


sys.exit(main(sys.argv[1], sys.argv[2], sys.argv[3:]))
