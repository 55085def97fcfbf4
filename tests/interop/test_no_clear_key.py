#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""No key leaves in the clear (R1.13, R1.12): runs the whole demo under a tap, opens its tokens with their PINs, and looks
for every key and component in every file, database, log, captured byte and core-dumpable page: raw, hex, base64, per
8-byte half, with and without parity. Controls show that tap and sweep see what there is to see.

usage: test_no_clear_key.py SOURCE TAP SWEEP UNSEAL"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

SOURCE, TAP, SWEEP, UNSEAL = (pathlib.Path(a).resolve() for a in sys.argv[1:5])
TERMINALS = 10
ROOT = os.geteuid() == 0


def as_demo_user(*command):
    return (["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"] if ROOT else []) + [str(c) for c in command]


def pages(pid, out):
    """Writes what a core dump of the process could hold: readable private memory that is not MADV_DONTDUMP."""
    smaps = pathlib.Path(f"/proc/{pid}/smaps").read_text()
    total = 0
    with open(f"/proc/{pid}/mem", "rb", 0) as mem, open(out, "wb") as file:
        for head, body in re.findall(r"^([0-9a-f]+-[0-9a-f]+ .*)\n((?:[A-Z].*\n)+)", smaps, re.M):
            span, rights, *_ = head.split()
            flags = re.search(r"^VmFlags: (.*)$", body, re.M).group(1).split()
            if rights[0] != "r" or rights[3] != "p" or "dd" in flags or "io" in flags or "[v" in head:
                continue
            start, end = (int(x, 16) for x in span.split("-"))
            mem.seek(start)
            total += file.write(mem.read(end - start))
    return total


def serve_story(top, watch):
    """Runs the demo to its end; answers its exit status and the number of pages' bytes dumped at its last moment."""
    command = [SOURCE / "run", "demo", "--terminals", TERMINALS, "--place", top, "--preload", top / "tap.so", "--watch", watch, "--hold"]
    story = subprocess.Popen(list(map(str, command)), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    dumped, said = [], []
    for line in story.stdout:
        said.append(line)
        if line.startswith("holding "):
            for pid in line.split()[1:]:
                if ROOT:
                    dumped.append(pages(pid, top / f"pages-{pid}"))
                else:
                    dumped.append(unreadable(pid))
            story.stdin.write("\n")
            story.stdin.flush()
    story.stdout.close()
    story.stdin.close()
    return story.wait(), dumped, "".join(said)


def unreadable(pid):
    """A daemon is not dumpable: its own user cannot read its memory."""
    try:
        open(f"/proc/{pid}/mem", "rb").close()
    except PermissionError:
        return 1
    return 0


def secrets_of(top):
    """name hex lines of every token of the story."""
    pins = {p.parent / "tokens": p for p in top.glob("*/service.pin") if any((p.parent / "tokens").iterdir())}  # ours, not SoftHSMv2's
    pins.update({p.parent / "token": p for p in top.glob("pos/*/user.pin")})
    lines = []
    for tokens, pin in sorted(pins.items()):
        done = subprocess.run(as_demo_user("env", f"STRONGROOM_TOKEN_DIR={tokens}", top / "unseal", pin), capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"{tokens}: {done.stderr}")
        lines += [f"{tokens.parent.name}/{line}" for line in done.stdout.splitlines()]
    return lines


def sweep(secrets, files):
    return subprocess.run([str(SWEEP), *map(str, files)], input="\n".join(secrets) + "\n", capture_output=True, text=True)


class NoClearKey(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.outside = pathlib.Path(tempfile.mkdtemp(prefix="strongroom-watch."))
        cls.top = pathlib.Path(tempfile.mkdtemp(prefix="strongroom-clear."))
        for path in (TAP, UNSEAL):
            shutil.copy(path, cls.top / {TAP: "tap.so", UNSEAL: "unseal"}[path])
        watch = cls.outside / "components"
        if ROOT:
            for path in (cls.top, cls.outside, *cls.top.iterdir()):
                shutil.chown(path, "nobody", "nogroup")
        cls.status, cls.dumped, cls.said = serve_story(cls.top, watch)
        (cls.top / "unseal").chmod(0o755)
        cls.keys = secrets_of(cls.top) if cls.status == 0 else []
        cls.components = watch.read_text().splitlines()
        cls.files = [p for p in cls.top.rglob("*") if p.is_file() and p.name not in ("tap.so", "unseal")]

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.top)
        shutil.rmtree(cls.outside)

    def test_1_the_story_held(self):
        self.assertEqual(self.status, 0, self.said)

    def test_2_the_tokens_gave_every_kind_of_key(self):
        names = " ".join(line.split()[0] for line in self.keys)
        for kind in ("PK-ACME", "MAK-ACME", "PK-BOLT", "MAK-BOLT", "PK-CORE", "MAK-CORE", "SRK", "FPK"):
            self.assertIn(kind, names)
        for kind, each in (("/TK ", 2), ("/TMK ", 1), ("/PINKEY ", 1), ("/MACKEY ", 1)):  # TEK and AUK, TMK, working keys
            self.assertEqual(sum(1 for k in self.keys if kind in k), each * TERMINALS)
        self.assertEqual(len(self.components), 12)

    def test_3_the_tap_saw_tls_in_the_clear_and_frames(self):
        tap = (self.top / "tap").read_bytes()
        for seen in (b"/v1/batches", b"/v1/records", b"SSL_write", b"POS00000001"):
            self.assertIn(seen, tap)

    def test_4_pages_were_dumped_or_cannot_be(self):
        self.assertEqual(len(self.dumped), 6, self.said)
        for n in self.dumped:
            self.assertGreater(n, 100000 if ROOT else 0)

    def test_5_the_sweep_finds_a_planted_key(self):
        for form in (bytes.fromhex, lambda h: h.encode(), lambda h: __import__("base64").b64encode(bytes.fromhex(h))):
            planted = self.outside / "planted"
            planted.write_bytes(b"x" * 1001 + form(self.keys[0].split()[1]) + b"y" * 1001)
            self.assertEqual(sweep(self.keys, [planted]).returncode, 1)

    def test_6_no_key_and_no_component_anywhere(self):
        found = sweep(self.keys + self.components, self.files)
        print(found.stderr.strip(), "in", sum(p.stat().st_size for p in self.files), "bytes", file=sys.stderr)
        self.assertEqual(found.returncode, 0, found.stdout[:4000])


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
