#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""`strongroom verify`: what is damaged is found. test_verify.py MODULE STRONGROOM

STRONGROOM_FLIPS=N: so many damaged files instead of a few dozen.
"""
import json
import os
import pathlib
import random
import shutil
import signal
import struct
import subprocess
import sys

import tools

STRONGROOM = pathlib.Path(sys.argv[2]).resolve()
FLIPS = int(os.environ.get("STRONGROOM_FLIPS", "60"))
PAGE = 4096


class Verify(tools.Tools):
    def setUp(self):
        super().setUp()
        self.fresh()
        self.so = self.secret("so", tools.SO_PIN)
        self.pin = self.secret("pin", tools.PIN)

    def secret(self, name, text):
        path = self.top / name
        path.write_text(text + "\n")
        path.chmod(0o600)
        return path

    def fill(self):
        big = self.top / "big"
        for i in range(4):
            big.write_bytes(bytes([i]) * (100 if i < 3 else 9000))
            self.user("--write-object", big, "--type", "data", "--label", f"data {i}", *(["--private"] if i % 2 else []))
        for i in range(6):
            self.user("--keygen", "--key-type", "aes:32", "--label", f"key {i}", "--id", f"{i:02x}", "--sensitive")

    def command(self, *words, **more):
        return self.ran(STRONGROOM, *words, "--module", tools.MODULE, "--json", **more)

    def verify(self, *words, code=None, login=True, **more):
        ran = self.command("verify", "--timeout", "60", *(["--pin-file", self.pin] if login else []), *words, **more)
        if code is not None:
            self.assertEqual(ran.returncode, code, f"{words}: {ran.stdout!r}{ran.stderr!r}")
        return ran.returncode, json.loads(ran.stdout)

    def objects(self, **more):
        ran = self.command("list", "objects", "--pin-file", self.pin, **more)
        return json.loads(ran.stdout)["objects"] if ran.returncode == 0 else ran.stderr.decode()

    def token(self):
        return next(p for p in (self.top / "tokens").iterdir())

    def copy_of(self, name, data):
        """Another directory with the token in it, its data file of these bytes."""
        place = self.top / name
        shutil.rmtree(place, ignore_errors=True)
        (place / self.token().name).mkdir(parents=True, mode=0o700)
        place.chmod(0o700)
        for file, was in self.files.items():
            (place / self.token().name / file).write_bytes(data if file == "data.mdb" else was)
            (place / self.token().name / file).chmod(0o600)
        return {"STRONGROOM_TOKEN_DIR": str(place)}

    def test_whole_token(self):
        self.fill()
        _, seen = self.verify(code=0)
        self.assertTrue(seen["whole"] and seen["private_seen"])
        self.assertEqual(seen["findings"], [])
        self.assertEqual([seen["objects"], seen["users"]], [10, 2])
        _, public = self.verify("--no-login", code=0, login=False)
        self.assertTrue(public["whole"])
        self.assertFalse(public["private_seen"])
        _, so = self.verify("--so-pin-file", self.so, code=0, login=False)
        self.assertTrue(so["whole"] and so["private_seen"])
        text = self.good(STRONGROOM, "verify", "--module", tools.MODULE, "--pin-file", self.pin).decode()
        self.assertIn("whole", text)

    def test_wrong_usage(self):
        self.bad(STRONGROOM, "verify", "--module", tools.MODULE, "--no-login", "--pin-file", self.pin, text="--no-login: not with a PIN")
        self.bad(STRONGROOM, "verify", "--module", tools.MODULE, "--no-login", "--repair", text="--no-login: not with a PIN")
        self.bad(STRONGROOM, "verify", "--module", tools.MODULE, "--timeout", "0", "--pin-file", self.pin, text="--timeout")
        self.bad(STRONGROOM, "verify", "--module", tools.MODULE, "--pin-file", self.so, text="CKR_PIN_INCORRECT")
        self.bad(STRONGROOM, "verify", "--module", tools.MODULE, "--token", "none", "--pin-file", self.pin, text="no such token")

    def test_flipped_bytes_are_found_or_were_free_space(self):
        self.fill()
        right = self.objects()
        self.assertEqual(len(right), 10)
        self.files = {p.name: p.read_bytes() for p in self.token().iterdir() if p.name != "lock.mdb"}
        good = self.files["data.mdb"]
        # The pages that the newest commit can reach: behind the last one the file is empty.
        last = max(struct.unpack_from("<Q", good, PAGE * i + 136)[0] for i in range(2))
        choice = random.Random(int(os.environ.get("STRONGROOM_SEED", "1")))
        counts = {"found": 0, "free": 0, "refused": 0}
        for i in range(FLIPS):
            page = i % (last + 1) if FLIPS > last else choice.randrange(last + 1)
            at = page * PAGE + choice.randrange(PAGE if choice.random() < 0.5 else 64)
            if good[at] == 0 and choice.random() < 0.5:
                at = page * PAGE + choice.randrange(24)
            bad = bytearray(good)
            bad[at] ^= 1 << choice.randrange(8)
            env = self.copy_of("damaged", bytes(bad))
            code, seen = self.verify(**env)
            where = f"page {page}, byte {at % PAGE}, bit of {good[at]:02x}: {seen}"
            if code == 0:
                self.assertTrue(seen["whole"], where)
                self.assertEqual(self.objects(**self.copy_of("damaged", bytes(bad))), right, where)
                counts["free"] += 1
            elif code == 3:
                self.assertTrue(seen["findings"], where)
                self.assertNotIn("late", [f["kind"] for f in seen["findings"]], where)
                counts["found"] += 1
            else:
                # What cannot even be opened, or opened by a PIN, is told as an error.
                self.assertEqual(code, 1, where)
                counts["refused"] += 1
        print(f"# {FLIPS} flips: {counts}", file=sys.stderr)
        self.assertGreater(counts["found"], FLIPS // 10)

    def test_indexes_are_written_anew(self):
        self.fill()
        right = self.objects()
        self.files = {p.name: p.read_bytes() for p in self.token().iterdir() if p.name != "lock.mdb"}
        good = self.files["data.mdb"]
        last = max(struct.unpack_from("<Q", good, PAGE * i + 136)[0] for i in range(2))
        repaired = 0
        for page in range(2, last + 1):
            base = page * PAGE
            flags, lower, first = struct.unpack_from("<HH2xH", good, base + 10)
            if flags != 2 or lower < 20:
                continue
            size, _, _, key = struct.unpack_from("<HHHH", good, base + first)
            if key != 33:
                continue
            bad = bytearray(good)
            bad[base + first + 8 + key + size - 1] ^= 1  # the MAC of an index entry
            env = self.copy_of("damaged", bytes(bad))
            code, seen = self.verify(**env)
            if code == 0:
                continue  # a page that the newest commit does not have any more
            self.assertEqual(code, 3)
            self.assertEqual({f["kind"] for f in seen["findings"]}, {"index"})
            self.assertTrue(all(len(f["id"]) == 32 for f in seen["findings"]), seen)
            self.verify("--repair", code=1, login=False, **dict(env, STRONGROOM_LOG="off"), data=b"")
            _, seen = self.verify("--repair", "--so-pin-file", self.so, code=0, login=False, **env)
            self.assertTrue(seen["whole"] and seen["repaired"])
            _, seen = self.verify(code=0, **env)
            self.assertEqual(self.objects(**env), right)
            repaired += 1
        self.assertGreater(repaired, 0)

    def test_a_reader_that_crashes_or_hangs_is_a_finding(self):
        """A stand-in for a page that does it: the module is one that ends its process."""
        for name, body, kind, text in [("crash", "raise(SIGSEGV)", "crash", "signal 11"), ("hang", "for (;;) pause()", "late", "did not come to an end")]:
            source = self.top / f"{name}.c"
            source.write_text("#include <signal.h>\n#include <unistd.h>\nint C_GetFunctionList(void **l) { " + body + "; return 5; }\n")
            module = self.top / f"{name}.so"
            subprocess.run(["cc", "-shared", "-fPIC", "-o", module, source], check=True)
            ran = self.ran(STRONGROOM, "verify", "--json", "--no-login", "--token", "HSM1", "--timeout", "2", "--module", module)
            self.assertEqual(ran.returncode, 3, ran.stderr)
            seen = json.loads(ran.stdout)
            self.assertFalse(seen["whole"])
            self.assertEqual(seen["named"], "HSM1")
            self.assertEqual(seen["findings"][0]["kind"], kind)
            self.assertIn(text, seen["findings"][0]["text"])


if __name__ == "__main__":
    tools.main()
