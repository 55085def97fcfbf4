#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Which test proves which requirement? Tests name the line in a comment beside their name: `/* R1.4 */`, `# R1.4, R2.6`,
`# R1.4 to R1.7`.

requirements_check.py ROOT [--list]   every line of R1 and R2 must be named by a test below tests/; --list prints them all
"""
import pathlib
import re
import sys

LINES = [f"R1.{n}" for n in range(1, 14)] + [f"R2.{n}" for n in range(1, 10)]
NAME = re.compile(r"\b(R\d\.)(\d+)(?: to \1(\d+))?\b")
# Where a test begins: in C START_TEST(name), in Python def test_name.
TEST = re.compile(r"START_TEST\((\w+)\)|^\s*def (test_\w+)\(", re.M)
# A comment says it: R-numbers in code or in texts that are printed prove nothing.
COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*|(?<!['\"\w])#[^\n]*|\"\"\".*?\"\"\"", re.S)


def named(comment):
    """`R1.4`, and each of `R1.4 to R1.7`."""
    for chapter, first, last in NAME.findall(comment):
        for n in range(int(first), int(last or first) + 1):
            yield f"{chapter}{n}"


def tests_of(path, text):
    """(requirement, test): a comment on the test's line, or in the line or block right above it, or inside it; one on top of
    the file stands for the file."""
    starts = [(m.start(), m.group(1) or m.group(2)) for m in TEST.finditer(text)]
    for comment in COMMENT.finditer(text):
        for line in named(comment.group(0)):
            before = [name for at, name in starts if at <= comment.start()]
            after = [(at, name) for at, name in starts if at > comment.start()]
            close = after and not text[comment.end():after[0][0]].strip()
            yield line, f"{path}: {after[0][1] if close else before[-1] if before else '(whole file)'}"


def collect(root):
    found = {line: set() for line in LINES}
    for path in sorted((root / "tests").rglob("*")):
        if path.suffix not in (".c", ".py") or not path.name.startswith(("test_", "fuzz_")):
            continue
        for line, test in tests_of(path.relative_to(root), path.read_text(encoding="utf-8")):
            if line in found:
                found[line].add(test)
    return found


def main(argv):
    root = pathlib.Path(argv[0])
    found = collect(root)
    if "--list" in argv:
        for line in LINES:
            print(line)
            for test in sorted(found[line]):
                print(f"    {test}")
    missing = [line for line in LINES if not found[line]]
    for line in missing:
        print(f"no test names {line}")
    print(f"{len(LINES)} requirements, {len(missing)} without a test")
    return 1 if missing else 0


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1:]))
