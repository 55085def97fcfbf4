#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Checks the rules of the house that no compiler knows: who includes whom, what a file must and must not hold.

lint.py ROOT       checks the tree; one line per fault; exit status 1 if there is one
lint.py --self     feeds itself bad samples and fails if one of them passes
"""
import pathlib
import re
import sys

# room: rooms whose headers it may include besides its own. The direction of docs/architecture.md.
ROOMS = {
    "base": [],
    "tokens": ["base"],
    "hsm": ["base", "tokens"],
    "host": ["base"],
    "ca": ["base", "host"],
    "mtms": ["base", "host"],
    "dc": ["base", "host"],
    "kms": ["base", "host"],
    "terminal": ["base", "host"],
    "serve": ["base"],
    "officer": ["base", "host", "serve"],
}
TESTS = "tests"
# Rooms, and single files, that may do cryptography or TLS themselves.
OPENSSL = ["hsm/", "host/", "ca/", "terminal/", "officer/softhsm.c", "tests/"]
# Who may see LMDB: the store, and the tests that damage its files or look at its readers.
LMDB = ["tokens/", "tests/unit/", "tests/bench/bench_lmdb.c", "tests/support/trail.c", "tests/module/test_fault_thread.c",
        "tests/support/raw_store.c", "tests/support/raw_kit.c"]
# The vendor header belongs to the module; of the other side two files know it: mechanisms, policy object.
VENDOR_FREE = ["hsm/", "serve/", "officer/", "tests/"]
# The numbers, structs and functions that the module shows to everybody.
PUBLIC_FILES = ["hsm/", "serve/", "officer/", "host/pk11_sr.c", "tests/"]
PUBLIC = ["vendor_functions.h", "ck.h"]
VENDOR_FILES_MAX = 2
# What a program loads must not end it: no exit in the module and what it is made of. The *_doc.c are programs.
NO_EXIT = ["base/", "tokens/", "hsm/"]
EXIT = re.compile(r"\b(?:_?exit|_Exit|quick_exit|abort)\s*\(")
LINES_MAX = 600
SPDX = "SPDX-License-Identifier: BSD-2-Clause"
# Written in pieces, so that this file may be checked like any other.
FORBIDDEN = ["/wo" + "rk/", "/tmp/br" + "ief"]
TEXT = {".c", ".h", ".py", ".sh", ".md", ".build", ".txt", ".conf", ".module", ".sql", ".in", ""}
SPDX_ON = {".c", ".h", ".py", ".sh", ".build"}
SKIP_DIRS = {".git", "build", "vectors", "snapshots", "corpus"}

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.M)
# typedef is for callbacks: a pointer to a function, or a function type.
TYPEDEF = re.compile(r"^[ \t]*typedef\b([^;]*);", re.M)
CALLBACK = re.compile(r"\(\s*\*\s*\w+\s*\)\s*\(|\b\w+\s*\([^()]*(\([^()]*\)[^()]*)*\)\s*$")
# The first line of a function's declaration in a header.
DECLARATION = re.compile(r"^(?!static\b|typedef\b|extern\b|struct \w+ \{|enum \w* ?\{|#|return\b)[A-Za-z_][\w \*]*?[ \*](\w+)\(", re.M)


def strip(text):
    """The code without comments and strings, line by line as it was."""
    def blank(match):
        return re.sub(r"[^\n]", " ", match.group(0))
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"', blank, text, flags=re.S)


def line_of(text, at):
    return text.count("\n", 0, at) + 1


def room_of(path):
    return path.split("/", 1)[0] if "/" in path else ""


class Tree:
    """files: path from the root -> text."""

    def __init__(self, files):
        self.files = files
        self.faults = []
        self.headers = {}
        for path in files:
            if path.endswith(".h"):
                self.headers.setdefault(path.rsplit("/", 1)[-1], []).append(path)

    def fault(self, path, line, text):
        self.faults.append(f"{path}:{line}: {text}")

    def check(self):
        vendor = []
        for path, text in sorted(self.files.items()):
            self.check_text(path, text)
            if path.endswith((".c", ".h")):
                self.check_includes(path, text, vendor)
                self.check_typedefs(path, text)
                self.check_exits(path, text)
            if path.endswith(".h") and room_of(path) in ROOMS:
                self.check_contracts(path, text)
        if len(vendor) > VENDOR_FILES_MAX:
            for path, line in vendor:
                self.fault(path, line, "vendor.h is included in more than two files outside hsm/")
        for room, others in ROOMS.items():
            self.check_names(room, others)
        return self.faults

    def check_names(self, room, others):
        """No header of a room has the name of one that the room may include."""
        for name, paths in self.headers.items():
            mine = [p for p in paths if room_of(p) == room]
            theirs = [p for p in paths if room_of(p) in others]
            if mine and theirs:
                self.fault(mine[0], 1, f"header name {name} is taken by {theirs[0]}")

    def check_text(self, path, text):
        suffix = pathlib.PurePosixPath(path).suffix
        lines = text.split("\n")
        if suffix in SPDX_ON or path.endswith("meson.build"):
            top = lines[1] if lines[0].startswith("#!") and len(lines) > 1 else lines[0]
            if SPDX not in top:
                self.fault(path, 1, "no SPDX line on top")
        if suffix in {".c", ".h", ".py"} and len(lines) - 1 > LINES_MAX:
            self.fault(path, LINES_MAX + 1, f"{len(lines) - 1} lines, at most {LINES_MAX}")
        for number, line in enumerate(lines, 1):
            for word in FORBIDDEN:
                if word in line:
                    self.fault(path, number, f"holds {word!r}")

    def check_includes(self, path, text, vendor):
        room = room_of(path)
        for match in INCLUDE.finditer(text):
            kind, name = match.groups()
            line = line_of(text, match.start(1))
            if kind == "<":
                if name.startswith("openssl/") and not path.startswith(tuple(OPENSSL)):
                    self.fault(path, line, f"<{name}> is not for this room")
                if name == "lmdb.h" and not path.startswith(tuple(LMDB)):
                    self.fault(path, line, "<lmdb.h> is for tokens/ alone")
                continue
            base = name.rsplit("/", 1)[-1]
            if base == "vendor.h" and not path.startswith(tuple(VENDOR_FREE)):
                vendor.append((path, line))
                continue
            if base in PUBLIC and path.startswith(tuple(PUBLIC_FILES)):
                continue
            if "/" in name:
                self.fault(path, line, f'include by bare name: "{name}"')
            if room not in ROOMS:
                continue
            allowed = [room] + ROOMS[room]
            owners = [room_of(p) for p in self.headers.get(base, [])]
            if owners and not any(owner in allowed for owner in owners):
                self.fault(path, line, f'{room}/ must not include "{base}" of {owners[0]}/')

    def check_typedefs(self, path, text):
        code = strip(text)
        for match in TYPEDEF.finditer(code):
            if not CALLBACK.search(match.group(1).strip()):
                self.fault(path, line_of(code, match.start(1)), "typedef of something that is no callback")

    def check_exits(self, path, text):
        if path.startswith(tuple(NO_EXIT)) and not path.endswith("_doc.c"):
            code = strip(text)
            for match in EXIT.finditer(code):
                self.fault(path, line_of(code, match.start()), "ends the program that loaded it")

    def check_contracts(self, path, text):
        """A function of a header has a comment above it, or stands in a block of declarations that has one."""
        code = strip(text)
        lines, raw = code.split("\n"), text.split("\n")
        depth = 0
        covered = False
        starts = {line_of(code, m.start()): m.group(1) for m in DECLARATION.finditer(code)}
        for number, (line, original) in enumerate(zip(lines, raw), 1):
            if "/*" in original or "*/" in original:
                covered = True
            if depth == 0 and number in starts and not covered:
                self.fault(path, number, f"no contract above {starts[number]}")
                covered = True
            if not original.strip():
                covered = False
            depth += line.count("{") - line.count("}")


def read_tree(root):
    files = {}
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        if any(part in SKIP_DIRS or part.startswith("build-") for part in name.split("/")):
            continue
        if path.is_file() and not path.is_symlink() and path.suffix in TEXT:
            try:
                files[name] = path.read_text(encoding="utf-8")
            except UnicodeDecodeError:
                continue
    return files


TOP = f"/* {SPDX} */\n"
HEADERS = {"base/bytes.h": TOP, "tokens/store.h": TOP, "hsm/session.h": TOP, "hsm/vendor.h": TOP, "host/ops.h": TOP,
           "kms/kms.h": TOP, "dc/dc.h": TOP}
# What must be refused: file, text, part of the fault.
BAD = [
    ("base/a.c", TOP + '#include "store.h"\n', "base/ must not include"),
    ("tokens/a.c", TOP + '#include "session.h"\n', "tokens/ must not include"),
    ("host/a.c", TOP + '#include "store.h"\n', "host/ must not include"),
    ("host/a.c", TOP + '#include "session.h"\n', "host/ must not include"),
    ("hsm/a.c", TOP + '#include "ops.h"\n', "hsm/ must not include"),
    ("kms/a.c", TOP + '#include "dc.h"\n', "kms/ must not include"),
    ("kms/a.c", TOP + '#include "session.h"\n', "kms/ must not include"),
    ("hsm/a.c", TOP + '#include "../tokens/store.h"\n', "include by bare name"),
    ("base/a.c", TOP + "#include <openssl/evp.h>\n", "is not for this room"),
    ("kms/a.c", TOP + "# include <openssl/evp.h>\n", "is not for this room"),
    ("hsm/a.c", TOP + "#include <lmdb.h>\n", "is for tokens/ alone"),
    ("tests/module/a.c", TOP + "#include <lmdb.h>\n", "is for tokens/ alone"),
    ("base/a.c", "int a;\n", "no SPDX"),
    ("dc/meson.build", "subdir('x')\n", "no SPDX"),
    ("tests/support/a.py", "#!/usr/bin/env python3\nimport sys\n", "no SPDX"),
    ("base/a.c", TOP + "int a;\n" * 600, "601 lines"),
    ("hsm/a.c", TOP + "void a(void)\n{\n\tabort();\n}\n", "ends the program"),
    ("base/a.c", TOP + "typedef struct a a;\n", "no callback"),
    ("base/a.c", TOP + "typedef struct {\n\tint a;\n} a;\n", "no callback"),
    ("base/a.c", TOP + "typedef unsigned long number;\n", "no callback"),
    ("docs/a.md", "see /wo" + "rk/main\n", "holds"),
    ("base/a.h", TOP + "\nint a_do(int x);\n", "no contract above a_do"),
    ("base/a.h", TOP + "\n/* Says it. */\nint a_do(int x);\n\nstruct b *a_new(void);\n", "no contract above a_new"),
    ("base/a.h", TOP + "\nenum err a_do(int x);\n", "no contract above a_do"),
    ("hsm/bytes.h", TOP, "is taken by"),
]
# What must pass.
GOOD = [
    ("base/a.c", TOP + '#include "bytes.h"\n#include <string.h>\n'),
    ("dc/kms.h", TOP),
    ("tokens/a.c", TOP + '#include "bytes.h"\n#include <lmdb.h>\n'),
    ("hsm/a.c", TOP + '#include "store.h"\n#include "vendor.h"\n#include <openssl/evp.h>\n'),
    ("host/a.c", TOP + '#include "vendor.h"\n'),
    ("kms/a.c", TOP + '#include "ops.h"\n#include "kms.h"\n'),
    ("tests/unit/a.c", TOP + '#include "store.h"\n#include <lmdb.h>\n'),
    ("base/a.h", TOP + "typedef void (*done_fn)(void *ctx);\ntypedef int handler(struct a *a, int (*each)(int));\n"),
    ("base/a.h", TOP + "/* a_do: says it. */\nint a_do(int x);\nint a_undo(int x);\n#define A_MAX 3\n"),
    ("base/a.h", TOP + "\nenum err {\n\tA,\n};\n\nint a_do(int x); /* says it */\n"),
    ("base/a.c", TOP + "/* typedef struct x y; */\nint a(void)\n{\n\treturn 0;\n}\n"),
]


def self_test():
    failed = 0
    for path, text, expected in BAD:
        faults = Tree({**HEADERS, path: text}).check()
        if not any(expected in fault and fault.startswith(path + ":") for fault in faults):
            print(f"self-test: {path} should be refused with {expected!r}, got {faults}")
            failed += 1
    for path, text in GOOD:
        faults = Tree({**HEADERS, path: text}).check()
        if faults:
            print(f"self-test: {path} should pass, got {faults}")
            failed += 1
    two = Tree({**HEADERS, "host/a.c": TOP + '#include "vendor.h"\n', "kms/b.c": TOP + '#include "vendor.h"\n',
                "dc/c.c": TOP + '#include "vendor.h"\n'}).check()
    if len(two) != 3:
        print(f"self-test: vendor.h in three files should be refused, got {two}")
        failed += 1
    print(f"self-test: {len(BAD) + len(GOOD) + 1} samples, {failed} wrong")
    return failed


def main(arguments):
    if arguments == ["--self"]:
        return 1 if self_test() else 0
    if len(arguments) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    files = read_tree(pathlib.Path(arguments[0]))
    if not any(path.startswith("base/") for path in files):
        print(f"{arguments[0]} holds no tree of ours", file=sys.stderr)
        return 2
    faults = Tree(files).check()
    for fault in faults:
        print(fault)
    print(f"{len(files)} files, {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
