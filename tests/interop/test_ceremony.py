#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Components, ceremonies and their protocols, check values. test_ceremony.py MODULE STRONGROOM"""
import base64
import json
import os
import unittest

import officer
import tools

A, B = bytes(range(1, 33)), bytes(range(201, 233))
KEY = bytes(a ^ b for a, b in zip(A, B))


def groups(value):
    text = value.hex().upper()
    return " ".join(text[i:i + 4] for i in range(0, len(text), 4))


class Ceremonies(officer.Officer):
    def setUp(self):
        super().setUp()
        self.serial = self.init()["serial"]
        self.alice, self.bob = self.custodian("alice"), self.custodian("bob")
        self.a, self.b = self.file("a", groups(A)), self.file("b", B.hex("-"))
        self.secrets.update([A.hex(), B.hex(), KEY.hex(), A.hex().upper(), B.hex().upper(), KEY.hex().upper()])
        self.as_alice = ("--user", "alice", "--pin-file", self.alice)
        self.as_bob = ("--user", "bob", "--pin-file", self.bob)

    def waiting(self):
        return [c["label"] for c in self.json("components", *self.as_bob)["components"]]

    def combine(self, name="PK-ACME", *more, status=0, run=None):
        return (run or self.json)("ceremony", "combine", name, "--custodian", "alice", "--custodian", "bob",
                                  "--custodian-pin-file", f"alice={self.alice}", "--custodian-pin-file", f"bob={self.bob}",
                                  "--component-file", f"alice={self.a}", "--component-file", f"bob={self.b}", "--out",
                                  self.top / name, *more, status=status)

    def openssl_check_value(self, value):
        """CMAC of a zero block, by somebody else."""
        made = self.good("openssl", "mac", "-macopt", "cipher:AES-256-CBC", "-macopt", f"hexkey:{value.hex()}", "-in",
                         self.zeroes(), "CMAC")
        return made.decode().strip()[:6]

    def zeroes(self):
        path = self.top / "zeroes"
        path.write_bytes(bytes(16))
        return path

    def test_a_ceremony_with_files_makes_key_and_protocol(self):
        made = self.combine()
        self.assertEqual(made["check_value"], self.openssl_check_value(KEY))
        self.assertEqual([(c["number"], c["custodian"], c["check_value"], c["entered"]) for c in made["components"]],
                         [(1, "alice", self.openssl_check_value(A), True), (2, "bob", self.openssl_check_value(B), True)])
        self.assertEqual((made["serial"], made["key"], made["type"]), (self.serial, "PK-ACME", "AES-256"))
        self.assertEqual(self.waiting(), [])
        kcv = self.json("kcv", "PK-ACME", "--pin-file", self.pin)["keys"]
        self.assertEqual([(k["label"], k["role"], k["type"], k["check_value"], k["method"]) for k in kcv],
                         [("PK-ACME", "PK", "AES", made["check_value"], "cmac")])
        listed = self.json("list", "objects", "--role", "PK", "--pin-file", self.pin)["objects"]
        self.assertEqual([o["unique_id"] for o in listed], [made["unique_id"]])
        self.assertIn("sensitive", listed[0]["flags"])
        self.assertIn("PK-ACME", self.text("list", "objects", "--pin-file", self.pin))
        self.assertEqual(self.json("list", "objects", "--role", "MAK", "--pin-file", self.pin)["objects"], [])
        self.assertNotIn("PK-ACME", self.text("list", "objects", "--public"))
        for end in ".txt", ".json":
            checked = self.json("ceremony", "check", self.top / f"PK-ACME{end}")
            self.assertTrue(checked["good"], end)
            self.assertEqual(checked["protocol"], made, end)

    def test_a_protocol_is_proved_by_a_key_file_and_by_openssl(self):
        made = self.combine()
        pem = self.top / "key.pem"
        pem.write_text(self.text("ceremony", "key"))
        self.assertEqual(self.json("ceremony", "key")["statement_key"], pem.read_text())
        for end in ".txt", ".json":
            checked = self.json("ceremony", "check", self.top / f"PK-ACME{end}", "--key", pem, "--token", "elsewhere")
            self.assertTrue(checked["good"])
        words, signature = (self.top / "PK-ACME.txt").read_text().split("-- signature of the token over all lines above --\n")
        (self.top / "words").write_bytes(b"strongroom statement\0" + self.serial.encode() + words.encode())
        (self.top / "signature").write_bytes(base64.b64decode(signature))
        self.good("openssl", "pkeyutl", "-verify", "-pubin", "-inkey", pem, "-rawin", "-in", self.top / "words", "-sigfile",
                  self.top / "signature")
        self.assertIn(made["check_value"], words)
        self.init("HSM2")
        other = self.json("ceremony", "check", self.top / "PK-ACME.txt", "--token", "HSM2", status=3)
        self.assertFalse(other["good"])
        self.refused("ceremony", "check", self.top / "PK-ACME.txt", "--key", self.top / "words", text="not a public key")

    def test_a_protocol_that_was_changed_is_told(self):
        made = self.combine()
        for end in ".txt", ".json":
            path = self.top / f"PK-ACME{end}"
            whole = path.read_text()
            for old, new in [("alice", "mallory"), (made["check_value"], "000000"), (made["began"], made["began"].replace("20", "19")),
                             (self.serial, "0123456789abcdef"), ("PK-ACME", "PK-BOLT")]:
                path.write_text(whole.replace(old, new))
                checked = self.json("ceremony", "check", path, status=3)
                self.assertFalse(checked["good"], (end, old))
                self.assertIn("not that of this token", checked["wrong"])
            for broken in whole[:len(whole) // 2], "", whole.replace("-- signature", "-- nothing").replace("signature", "x"):
                path.write_text(broken)
                self.assertIn(self.strongroom("ceremony", "check", path, status=1)[1][:20], "strongroom ceremony:")
        self.refused("ceremony", "check", self.top / "none", text="No such file")

    def test_a_ceremony_is_refused_before_anything_is_touched(self):
        def bad(*args, text, status=1):
            self.refused("ceremony", "combine", *args, "--out", self.top / "out", text=text, status=status)
        pins = ("--custodian-pin-file", f"alice={self.alice}", "--custodian-pin-file", f"bob={self.bob}")
        both = ("--custodian", "alice", "--custodian", "bob", *pins)
        bad("TMK", *both, text="is called PK, MAK", status=2)
        bad("PK-", *both, text="is called PK, MAK", status=2)
        bad("PK", "--custodian", "alice", text="two at least", status=2)
        bad("PK", "--custodian", "alice", "--custodian", "alice", text="nobody enters two", status=2)
        bad("PK", *both, "--type", "RSA", text="AES-256, TDES-128 or TDES-192", status=2)
        bad("PK", *both, "--component-file", "carol=x", text="with the name of a --custodian", status=2)
        bad("PK", "--custodian", "alice", "--custodian", "carol", text="carol: there is no such custodian")
        self.json("users", "add", "dave", "--so-pin-file", self.so, "--new-pin-file", self.file("dave", "first-pin-of-dave"))
        bad("PK", "--custodian", "alice", "--custodian", "dave", text="must take a PIN of his own")
        bad("PK", *both, "--component-file", f"alice={self.pin}", text="is no hexadecimal digit")
        bad("PK", *both, "--component-file", f"alice={self.file('short', '0102')}", text="4 hexadecimal digits, and 64")
        bad("PK", *both, "--component-file", f"alice={self.file('zero', '0' * 64)}", text="all zeroes")
        self.assertEqual(self.waiting(), [])
        self.assertFalse((self.top / "out.txt").exists() or (self.top / "out.json").exists())
        self.combine()
        self.refused("ceremony", "combine", "PK-ACME", *both, "--out", self.top / "PK-ACME", text="File exists")
        self.combine(status=1, run=lambda *a, **k: self.refused(*[self.top / "two" if x == self.top / "PK-ACME" else x for x in a],
                                                                text="a key of this name is there already", **k))

    def test_a_ceremony_makes_the_next_generation_when_that_is_meant(self):
        self.combine(status=1, run=lambda *a, **k: self.refused(*a, "--next", text="no key of this name is there", **k))
        first = self.combine()
        for end in ".txt", ".json":
            (self.top / f"PK-ACME{end}").rename(self.top / f"first{end}")
        self.combine(status=1, run=lambda *a, **k: self.refused(*a, "--next", text="has the same value", **k))
        self.json("components", "destroy", "PK-ACME#1/2", *self.as_alice)
        self.json("components", "destroy", "PK-ACME#2/2", *self.as_bob)
        self.a, self.b = self.file("next-a", "1a" * 32), self.file("next-b", "2b" * 32)
        second = self.combine("PK-ACME", "--next")
        self.assertEqual(second["check_value"], self.openssl_check_value(bytes([0x1a ^ 0x2b] * 32)))
        self.assertNotEqual(first["unique_id"], second["unique_id"])
        self.assertEqual(self.json("kcv", "PK-ACME", "--pin-file", self.pin)["keys"][0]["unique_id"], second["unique_id"])
        self.assertEqual(len(self.json("list", "objects", "--role", "PK", "--pin-file", self.pin)["objects"]), 2)

    def test_what_waits_is_taken_when_a_ceremony_goes_on(self):
        entered = self.json("components", "enter", "PK-ACME", "--number", "1", *self.as_alice, "--component-file", self.a,
                            "--expect", self.openssl_check_value(A).lower())
        self.assertEqual((entered["label"], entered["check_value"]), ("PK-ACME#1/2", self.openssl_check_value(A)))
        self.assertEqual(self.waiting(), ["PK-ACME#1/2"])
        made = self.combine()
        self.assertEqual([c["entered"] for c in made["components"]], [False, True])
        self.assertEqual(made["check_value"], self.openssl_check_value(KEY))
        self.assertEqual(self.json("kcv", "--all", "--expect", made["check_value"], "--pin-file", self.pin)["token"], "HSM1")
        self.json("kcv", "PK-ACME", "--expect", "000000", "--pin-file", self.pin, status=3)

    def test_another_check_value_than_expected_is_told(self):
        made = self.combine("PK-ACME", "--expect", "000000", status=3)
        self.assertEqual(made["check_value"], self.openssl_check_value(KEY))

    def test_components_refusals(self):
        def enter(*args, **more):
            self.refused("components", "enter", *args, **more)
        one = ("PK-ACME", "--number", "1", *self.as_alice)
        enter("PK-ACME", *self.as_alice, text="which of the 2 components", status=2)
        enter("PK-ACME", "--number", "3", *self.as_alice, text="a number from 1 to 2", status=2)
        enter("PK-ACME", "--number", "1", "--of", "10", *self.as_alice, text="a number from 2 to 9", status=2)
        enter("PK-ACME", "--number", "1", text="which custodian", status=2)
        enter("TEK", "--number", "1", *self.as_alice, text="is called PK, MAK", status=2)
        enter(*one, "--component-file", self.a, "--expect", "000000", text="was destroyed again")
        enter(*one, "--generate", text="where does the component go", status=2)
        enter(*one, "--out", self.top / "x", text="with --generate alone", status=2)
        enter(*one, "--generate", "--out", self.a, text="is there already", status=2)
        self.assertEqual(self.waiting(), [])
        self.json("components", "enter", *one, "--component-file", self.a)
        enter("PK-ACME", "--number", "1", *self.as_bob, "--component-file", self.b, text="may be there already")
        enter("PK-ACME", "--number", "2", "--of", "3", *self.as_bob, "--component-file", self.b, text="another number")
        self.refused("components", "destroy", "PK-ACME#1/2", *self.as_bob, text="by the custodian who entered it")
        self.refused("components", "destroy", "PK-ACME#2/2", *self.as_bob, text="there is no key of this label")
        self.assertEqual(self.waiting(), ["PK-ACME#1/2"])
        self.json("components", "destroy", "PK-ACME#1/2", "--so", "--so-pin-file", self.so)
        self.assertEqual(self.waiting(), [])
        self.combine()
        self.refused("components", "destroy", "PK-ACME", *self.as_alice, text="is a key and no component")

    def test_a_generated_component_goes_to_the_other_hsm_by_file(self):
        out = self.top / "for-hsm2"
        made = self.json("components", "enter", "MAK-X", "--number", "1", "--type", "TDES-192", *self.as_alice, "--generate",
                         "--out", out)
        self.assertEqual(out.stat().st_mode & 0o777, 0o600)
        self.secrets.add(out.read_text().strip())
        self.json("components", "destroy", "MAK-X#1/2", *self.as_alice)
        again = self.json("components", "enter", "MAK-X", "--number", "1", "--type", "TDES-192", *self.as_alice,
                          "--component-file", out)
        self.assertEqual(made["check_value"], again["check_value"])

    def test_kcv_refusals(self):
        self.refused("kcv", "--pin-file", self.pin, text="which keys?", status=2)
        self.refused("kcv", "PK", "--all", "--pin-file", self.pin, text="which keys?", status=2)
        self.refused("kcv", "PK", "--pin-file", self.pin, text="there is no key of this label")
        self.refused("kcv", "--role", "XK", "--pin-file", self.pin, text="no such role", status=2)
        self.json("kcv", "--role", "PK", "--expect", "000000", "--pin-file", self.pin, status=3)


class Guided(Ceremonies):
    """The same on a terminal."""

    def test_a_guided_ceremony_asks_for_all(self):
        t = self.terminal("ceremony", "combine", "--out", self.top / "guided", "--json")
        t.answer("Which key", "PK-ACME", hidden=False)
        t.answer("Of which kind", "AES-256", hidden=False)
        t.answer("How many components", "2", hidden=False)
        t.answer("Custodian of component 1 of 2", "alice", hidden=False)
        t.answer("Custodian of component 2 of 2", "bob", hidden=False)
        t.until("Component 1 of 2: alice.")
        t.answer("PIN of alice: ", "own-pin-of-alice")
        t.answer("64 hexadecimal digits: ", groups(A))
        t.answer(f"Check value {self.openssl_check_value(A)}. Is it the one on the envelope?", "y", hidden=False)
        t.answer("PIN of bob: ", "own-pin-of-bob")
        t.answer("64 hexadecimal digits: ", groups(B))
        t.answer("Is it the one on the envelope?", "yes", hidden=False)
        made = json.loads(self.ended(t)[0])
        self.assertEqual(made["check_value"], self.openssl_check_value(KEY))
        self.assertTrue(self.json("ceremony", "check", self.top / "guided.json")["good"])

    def test_broken_off_in_the_middle_it_goes_on_later(self):
        args = ("ceremony", "combine", "PK-ACME", "--custodian", "alice", "--custodian", "bob", "--out", self.top / "p")
        t = self.terminal(*args)
        t.answer("PIN of alice: ", "own-pin-of-alice")
        t.answer("hexadecimal digits: ", groups(A))
        t.answer("envelope?", "y", hidden=False)
        t.until("PIN of bob: ")
        while t.echoes():
            t.read(0.01)
        os.write(t.master, b"\x03")
        self.ended(t, status=-2)
        self.assertEqual(self.waiting(), ["PK-ACME#1/2"])
        self.assertEqual(list(self.top.glob("p.*")), [])
        t = self.terminal(*args)
        t.answer("PIN of alice: ", "own-pin-of-alice")
        t.answer(f"component 1 waits, check value {self.openssl_check_value(A)}", "y", hidden=False)
        t.answer("PIN of bob: ", "own-pin-of-bob")
        t.answer("hexadecimal digits: ", groups(B))
        t.answer("envelope?", "y", hidden=False)
        self.ended(t)
        self.assertTrue(self.json("ceremony", "check", self.top / "p.txt")["good"])

    def test_a_component_that_is_not_on_the_envelope_is_not_kept(self):
        t = self.terminal("components", "enter", "PK-ACME", "--number", "1", "--user", "alice", "--twice")
        t.answer("PIN of alice: ", "own-pin-of-alice")
        t.answer("hexadecimal digits: ", groups(A))
        t.answer("once more: ", groups(A))
        t.answer("envelope?", "n", hidden=False)
        self.assertIn("destroyed again", self.ended(t, status=1)[1])
        self.assertEqual(self.waiting(), [])

    def test_a_component_is_shown_once_and_typed_back(self):
        for wrong in True, False:
            t = self.terminal("components", "enter", "PK-ACME", "--number", "1", "--user", "alice", "--generate", "--show")
            t.answer("PIN of alice: ", "own-pin-of-alice")
            t.until("write it down:")
            t.until("type it from the paper: ")
            digits = t.seen.decode().split("write it down:")[1].split("\nand type")[0].strip()
            self.assertEqual(len(digits.replace(" ", "")), 64)
            while t.echoes():
                t.read(0.01)
            t.type("1" * 64 if wrong else digits)
            code, out, error = t.end()
            self.assertEqual(code, 1 if wrong else 0, error)
            self.assertNotIn(digits, out + error)
            self.assertEqual(self.waiting(), [] if wrong else ["PK-ACME#1/2"])


if __name__ == "__main__":
    for name in [n for n in dir(Ceremonies) if n.startswith("test_")]:
        setattr(Guided, name, None)
    unittest.main(module="__main__", argv=["test_ceremony.py", "-v"] if os.environ.get("V") else ["test_ceremony.py"])
