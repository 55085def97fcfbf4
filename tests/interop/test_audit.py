#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""`strongroom audit`. test_audit.py MODULE STRONGROOM"""
import base64
import json
import os
import pathlib
import shutil
import sys

import tools

STRONGROOM = pathlib.Path(sys.argv[2]).resolve()
FOUND = 3


class Audit(tools.Tools):
    def setUp(self):
        super().setUp()
        self.fresh()
        self.pins = {}
        for name, pin in (("so", tools.SO_PIN), ("user", tools.PIN)):
            self.pins[name] = self.top / name
            self.pins[name].write_text(pin + "\n")
            self.pins[name].chmod(0o600)
        self.place = next(at for at in (self.top / "tokens").iterdir() if at.is_dir())

    def words(self, *words):
        return (STRONGROOM, "audit", *words, "--module", tools.MODULE, "--token", "tools", "--pin-file", self.pins["user"],
                "--so-pin-file", self.pins["so"])

    def audit(self, *words, status=0):
        ran = self.ran(*self.words(*words, "--json"))
        self.assertEqual(ran.returncode, status, ran.stdout + ran.stderr)
        return json.loads(ran.stdout)

    def keep(self):
        kept = self.top / "kept"
        shutil.rmtree(kept, ignore_errors=True)
        shutil.copytree(self.place, kept)
        return kept

    def put_back(self, kept, *names):
        for name in names or ("data.mdb", "audit.state"):
            (self.place / name).write_bytes((kept / name).read_bytes())

    def test_list_says_who_did_what_and_when(self):
        self.user("--keygen", "--key-type", "aes:32", "--label", "wrapper", "--id", "01")
        self.bad("pkcs11-tool", "--module", tools.MODULE, "--login", "--pin", "wrong-one", "-O", text="CKR_PIN_INCORRECT")
        answer = self.audit("list")
        rows = answer["trail"]
        self.assertEqual([row["record"] for row in rows], list(range(1, len(rows) + 1)))
        self.assertEqual((rows[0]["event"], rows[0]["begun"], rows[0]["was"]), ("segment", "init", "fits"))
        created = next(row for row in rows if row["event"] == "key created")
        self.assertEqual((created["user"], created["label"], created["result"]), ("user", "wrapper", "CKR_OK"))
        self.assertTrue(created["program"].endswith("/pkcs11-tool"))
        self.assertRegex(created["object"], r"^[0-9a-f]{32}$")
        self.assertRegex(created["time"], r"^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d\d\dZ$")
        failed = next(row for row in rows if row["event"] == "login failed")
        self.assertEqual((failed["user"], failed["result"]), ("user", "CKR_PIN_INCORRECT"))
        self.assertEqual(rows[-1]["program"], str(STRONGROOM))
        self.assertEqual({row["bad"] for row in rows}, {"good"})
        self.assertEqual((answer["records"], answer["first_bad"], answer["state"], answer["proved"]),
                         (len(rows), None, "fits", "contents"))
        last = self.audit("list", "--last", "2")["trail"]
        self.assertEqual([row["record"] for row in last], [len(rows), len(rows) + 1])
        self.assertEqual(self.audit("list", "--from", "3")["trail"][0]["record"], 3)
        text = self.good(*self.words("list", "--so")).decode()
        self.assertIn("key created", text)
        self.assertIn("audit.state", text)

    def test_sealed_reading_needs_no_login_and_shows_nothing(self):
        before = self.audit("verify", "--no-login")
        self.assertEqual(before["proved"], "hashes")
        rows = self.audit("list", "--no-login")["trail"]
        self.assertEqual({row["event"] for row in rows}, {"segment", None})
        self.assertEqual(self.audit("verify", "--no-login")["records"], before["records"])

    def test_more_rows_than_a_window(self):
        for _ in range(70):
            self.bad("pkcs11-tool", "--module", tools.MODULE, "--login", "--pin", "wrong-one", "-O", text="CKR_PIN")
            if _ % 8 == 7:
                self.user("-O")
        # a record for each, and the lock after ten would have been too many
        rows = self.audit("list")["trail"]
        self.assertEqual([row["record"] for row in rows], list(range(1, len(rows) + 1)))
        self.assertGreater(len(rows), 70)

    def test_cut_tail_stops_the_token_until_the_so_restarts(self):
        kept = self.keep()
        self.user("--keygen", "--key-type", "aes:32", "--label", "one", "--id", "01")
        last = self.audit("verify", "--no-login")["records"]
        self.put_back(kept, "data.mdb")
        found = self.audit("verify", status=FOUND)
        self.assertEqual((found["state"], found["bad"], found["proved"]), ("leads", "cut", "hashes"))
        self.assertEqual(found["first_bad"], found["records"] + 1)
        self.bad("pkcs11-tool", "--module", tools.MODULE, "--login", "--pin", tools.PIN, "-O", text="CKR_DEVICE_ERROR")
        log = self.top / "log"
        self.bad("pkcs11-tool", "--module", tools.MODULE, "--login", "--pin", tools.PIN, "-O", text="CKR_DEVICE_ERROR",
                 STRONGROOM_LOG=str(log))
        self.assertIn("audit restart", log.read_text())
        self.bad(*self.words("head"), text="audit verify")
        self.audit("restart")
        rows = self.audit("list")["trail"]
        begun = next(row for row in rows if row["event"] == "segment" and row["begun"] == "restart")
        self.assertEqual((begun["was"], begun["expected"]), ("leads", last + 1))
        self.assertEqual(self.audit("verify")["proved"], "contents")

    def test_missing_state_stops_the_token_until_it_is_back(self):
        state, aside = self.place / "audit.state", self.top / "aside"
        state.rename(aside)
        self.assertEqual(self.audit("verify", status=FOUND)["state"], "missing")
        self.bad("pkcs11-tool", "--module", tools.MODULE, "--login", "--pin", tools.PIN, "-O", text="CKR_DEVICE_ERROR")
        aside.rename(state)
        self.user("-O")
        self.assertEqual(self.audit("verify", "--so")["state"], "fits")

    def test_head_sees_what_whole_older_files_hide(self):
        kept = self.keep()
        self.user("--keygen", "--key-type", "aes:32", "--label", "one", "--id", "01")
        head, plain = self.top / "head.json", self.top / "head.text"
        head.write_bytes(self.good(*self.words("head", "--json")))
        plain.write_bytes(self.good(*self.words("head")))
        told = json.loads(head.read_text())
        for file in (head, plain):
            self.assertIsNone(self.audit("check", file)["first_bad"])
        self.put_back(kept)
        self.assertIsNone(self.audit("verify")["first_bad"])
        found = self.audit("check", head, status=FOUND)
        self.assertEqual((found["bad"], found["state"]), ("cut", "fits"))
        while self.audit("verify", "--no-login")["records"] < told["record"]:
            self.user("-O")
        found = self.audit("check", head, status=FOUND)
        self.assertEqual((found["first_bad"], found["bad"]), (told["record"], "changed"))

    def test_heads_that_are_none(self):
        file = self.top / "head"
        file.write_text("no head here\n")
        self.bad(*self.words("check", file), text="no head of an audit trail")
        self.bad(*self.words("check", self.top / "absent"), text="No such file")
        head = bytearray(base64.b64decode(json.loads(self.good(*self.words("head", "--json")))["head"]))
        head[80] ^= 1
        file.write_text(base64.b64encode(head).decode())
        self.bad(*self.words("check", file), text="not signed by this token")

    def test_statement_key_verifies_the_head_without_the_module(self):
        told = json.loads(self.good(*self.words("head", "--json")))
        head = base64.b64decode(told["head"])
        key, data, signature = self.top / "key.der", self.top / "data", self.top / "signature"
        key.write_bytes(base64.b64decode(told["statement_key"]))
        data.write_bytes(b"strongroom audit head\0" + head[6:22] + head[:-64])
        signature.write_bytes(head[-64:])
        self.good("openssl", "pkeyutl", "-verify", "-pubin", "-inkey", key, "-keyform", "DER", "-rawin", "-in", data, "-sigfile",
                  signature)

    def test_wrong_words(self):
        self.bad(*self.words("list", "--from", "1", "--last", "1"), text="one of them")
        self.bad(*self.words("list", "--from", "0"), text="--from")
        self.bad(*self.words("gossip"), text="gossip")
        self.pins["so"].write_text("not-the-pin\n")
        self.bad(*self.words("restart"), text="CKR_PIN_INCORRECT")


if __name__ == "__main__":
    os.umask(0o077)
    tools.main()
