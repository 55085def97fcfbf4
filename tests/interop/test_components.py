#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Officers at work with nothing but pkcs11-tool (R1.3, R6.4): custodians, components, combination, check values.

usage: test_components.py MODULE VECTORS UNSEAL"""
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

MODULE, VECTORS, UNSEAL = (pathlib.Path(a).resolve() for a in sys.argv[1:4])
COMBINE, CHECK_VALUE = "0xD3520001", "0xD3520002"
SO = ("--login", "--login-type", "so", "--so-pin", "12345678")
PROHIBITED = "(0x1b)"  # CKR_ACTION_PROHIBITED, which pkcs11-tool 0.23 has no name for
USER = ("--login", "--pin", "user1234")
ALICE = ("--login", "--pin", "alice:aaaaaaaa")
BOB = ("--login", "--pin", "bob:bbbbbbbb")


class Components(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.place = tempfile.TemporaryDirectory(prefix="strongroom-components-")
        cls.top = pathlib.Path(cls.place.name)
        cls.env = dict(os.environ, STRONGROOM_TOKEN_DIR=str(cls.top / "tokens"), XDG_CONFIG_HOME=str(cls.top), LC_ALL="C")
        cls.env.pop("STRONGROOM_CONF", None)
        cls.good("--init-token", "--label", "t", "--so-pin", "12345678")
        cls.good(*SO, "--init-pin", "--pin", "user1234")
        for name in "alice", "bob":
            cls.good(*SO, "--init-pin", "--pin", f"{name}:11111111")
            cls.good("--login", "--pin", f"{name}:11111111", "--change-pin", "--new-pin", f"{name}:{name[0] * 8}")

    @classmethod
    def tearDownClass(cls):
        cls.place.cleanup()

    @classmethod
    def tool(cls, *args, data=b""):
        return subprocess.run(["pkcs11-tool", "--module", str(MODULE), *args], input=data, capture_output=True, env=cls.env,
                              timeout=60)

    @classmethod
    def good(cls, *args, data=b""):
        ran = cls.tool(*args, data=data)
        if ran.returncode != 0:
            raise AssertionError(f"{args}: {ran.stderr.decode()}")
        return ran.stdout

    def bad(self, *args, code, data=b""):
        ran = self.tool(*args, data=data)
        self.assertNotEqual(ran.returncode, 0, args)
        self.assertIn(code, ran.stderr.decode())

    def enter(self, who, value, key_type, label, *more):
        file = self.top / "component"
        file.write_bytes(value)
        return (*who, "--write-object", str(file), "--type", "secrkey", "--key-type", key_type, "--label", label, "--id", "51",
                *more)

    def labels(self, who):
        return re.findall(r"^  label: +(\S+)$", self.good(*who, "-O").decode(), re.M)

    def check_value(self, who, label, end="\n"):
        out = self.good(*who, "--hash", "--mechanism", CHECK_VALUE, data=(label + end).encode())
        return out[-3:].hex().upper()

    def test_two_officers_combine_the_published_key(self):
        rows = [dict(w.split("=") for w in line.split()[1:]) for line in (VECTORS / "combine.txt").read_text().splitlines()
                if line.startswith("combine ")]
        self.assertTrue(rows)
        for i, row in enumerate(rows):
            name = f"PK-V{i}"
            self.good(*self.enter(ALICE, bytes.fromhex(row["a"]), "DES3:", f"{name}#1/2"))
            self.assertEqual(self.check_value(ALICE, f"{name}#1/2"), row["kcv_a"])
            self.good(*self.enter(BOB, bytes.fromhex(row["b"]), "DES3:", f"{name}#2/2"))
            self.assertEqual(self.check_value(USER, f"{name}#2/2"), row["kcv_b"])
            made = self.good(*BOB, "--keygen", "--mechanism", COMBINE, "--key-type", "DES3:16", "--label", name, "--id", "50")
            self.assertIn(b"wrap, unwrap", made)
            self.assertIn(b"sensitive, always sensitive, never extractable", made)
            self.assertEqual(self.check_value(USER, name), row["kcv"])
            self.assertEqual(self.check_value(USER, name, end=""), row["kcv"])
            self.assertEqual([label for label in self.labels(USER) if label.startswith(name)], [name])
            self.assertEqual(self.stored(name), row["parity"])

    def stored(self, label):
        """The bytes in the token's file, opened with the PIN: odd parity shows nowhere else."""
        pin = self.top / "pin"
        pin.write_text("user1234")
        out = subprocess.run([str(UNSEAL), str(pin)], capture_output=True, env=self.env, timeout=60, check=True).stdout.decode()
        return dict(line.split() for line in out.splitlines())[label].upper()

    def test_aes_components_combine(self):
        a, b = bytes(range(1, 33)), bytes(range(201, 233))
        self.good(*self.enter(ALICE, a, "AES:", "MAK-ACME#1/2", "--usage-wrap"))
        self.bad(*self.enter(BOB, b, "AES:", "MAK-ACME#1/2"), code=PROHIBITED)
        self.bad(*self.enter(BOB, b, "AES:", "MAK-ACME#2/2", "--extractable"), code="CKR_TEMPLATE_INCONSISTENT")
        self.bad(*self.enter(BOB, b[:16], "AES:", "MAK-ACME#2/2"), code="CKR_TEMPLATE_INCONSISTENT")
        self.good(*self.enter(BOB, b, "AES:", "MAK-ACME#2/2"))
        self.good(*BOB, "--keygen", "--mechanism", COMBINE, "--key-type", "AES:32", "--label", "MAK-ACME", "--id", "60",
                  "--usage-wrap")
        import_key = self.top / "xor"
        import_key.write_bytes(bytes(x ^ y for x, y in zip(a, b)))
        self.good(*USER, "--write-object", str(import_key), "--type", "secrkey", "--key-type", "AES:", "--label", "same",
                  "--usage-sign")
        self.assertEqual(self.check_value(USER, "MAK-ACME"), self.check_value(USER, "same"))
        self.bad(*USER, "--hash", "--mechanism", CHECK_VALUE, data=b"nobody\n", code="CKR_DATA_INVALID")

    def test_one_officer_alone_gets_nowhere(self):
        self.good(*self.enter(ALICE, b"\x11" * 32, "AES:", "PK-L#1/2"))
        self.good(*self.enter(ALICE, b"\x22" * 32, "AES:", "PK-L#2/2"))
        self.bad(*ALICE, "--keygen", "--mechanism", COMBINE, "--key-type", "AES:32", "--label", "PK-L",
                 code=PROHIBITED)
        self.bad(*BOB, "--delete-object", "--type", "secrkey", "--label", "PK-L#1/2", code=PROHIBITED)
        self.good(*ALICE, "--delete-object", "--type", "secrkey", "--label", "PK-L#1/2")
        self.good(*SO, "--delete-object", "--type", "secrkey", "--label", "PK-L#2/2")
        self.assertFalse([label for label in self.labels(USER) if label.startswith("PK-L")])

    def test_user_enters_no_component_and_labels_are_strict(self):
        self.bad(*self.enter(USER, b"\x11" * 32, "AES:", "PK-U#1/2"), code=PROHIBITED)
        for label in "PK#1/1", "PK#3/2", "PK#0/2", "PK#1-2", "PK-#1/2", "PK#1/2x":
            self.bad(*self.enter(ALICE, b"\x11" * 32, "AES:", label), code="CKR_ATTRIBUTE_VALUE_INVALID")
        self.bad(*ALICE, "--keygen", "--key-type", "AES:32", "--label", "PK#1/2", code="CKR_TEMPLATE_INCONSISTENT")

    def together(self, *commands):
        """Runs them at once; answers how many succeeded."""
        runs = [subprocess.Popen(["pkcs11-tool", "--module", str(MODULE), *c], stdout=subprocess.DEVNULL,
                                 stderr=subprocess.DEVNULL, env=self.env) for c in commands]
        return [run.wait(60) for run in runs].count(0)

    def test_of_several_processes_one_enters_and_one_combines(self):
        entry = self.enter(ALICE, b"\x33" * 32, "AES:", "PK-R#1/2")
        self.assertEqual(self.together(*[entry] * 4), 1)
        self.good(*self.enter(BOB, b"\x44" * 31 + b"\x45", "AES:", "PK-R#2/2"))
        combine = ("--keygen", "--mechanism", COMBINE, "--key-type", "AES:32", "--label", "PK-R")
        self.assertEqual(self.together(*[(*who, *combine) for who in (ALICE, BOB, ALICE, BOB)]), 1)
        self.assertEqual([label for label in self.labels(USER) if label.startswith("PK-R")], ["PK-R"])

    def test_check_value_asks_for_a_login(self):
        self.bad("--hash", "--mechanism", CHECK_VALUE, data=b"PK\n", code="CKR_USER_NOT_LOGGED_IN")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
