#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""format_check.py ROOT [CLANG_FORMAT]: every C file stands as .clang-format lays it out; skipped without the tool."""
import pathlib
import shutil
import subprocess
import sys

SKIPPED = 77


def main(arguments):
    if not arguments:
        print(__doc__, file=sys.stderr)
        return 2
    root = pathlib.Path(arguments[0])
    tool = shutil.which(arguments[1] if len(arguments) > 1 else "clang-format")
    if not tool:
        print("clang-format is not installed")
        return SKIPPED
    files = [str(path) for path in sorted(root.rglob("*.[ch]"))
             if not any(part.startswith((".", "build")) for part in path.relative_to(root).parts)]
    if not files:
        print(f"{root} holds no C files", file=sys.stderr)
        return 2
    run = subprocess.run([tool, "--dry-run", "-Werror", *files], cwd=root, capture_output=True, text=True, check=False)
    wrong = sorted({line.split(":", 1)[0] for line in run.stderr.splitlines() if "clang-format-violations" in line})
    for path in wrong:
        print(path)
    print(f"{len(files)} files, {len(wrong)} not formatted")
    return 1 if run.returncode or wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
