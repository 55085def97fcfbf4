#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""`strongroom dual`, `approve`, `approvals`, `unlock`: the story of docs/dual-control.md. test_dual.py MODULE STRONGROOM"""
import json
import pathlib
import sys

import tools

STRONGROOM = pathlib.Path(sys.argv[2]).resolve()
PINS = {"so": tools.SO_PIN, "alice": "alicealice", "bob": "bobbobbob1", "next": "next-so-pin"}


class Dual(tools.Tools):
    def setUp(self):
        super().setUp()
        self.fresh()
        for name, pin in PINS.items():
            (self.top / name).write_text(pin + "\n")
            (self.top / name).chmod(0o600)
        for name in ("alice", "bob"):
            self.tool("--login", "--login-type", "so", "--so-pin", tools.SO_PIN, "--init-pin", "--pin", f"{name}:first1234")
            self.tool("--login", "--pin", f"{name}:first1234", "--change-pin", "--new-pin", f"{name}:{PINS[name]}")
        self.place = ("--module", tools.MODULE, "--token", "tools", "--json")

    def so(self, *words, pin="so"):
        return json.loads(self.good(STRONGROOM, *words, *self.place, "--so-pin-file", self.top / pin))

    def custodian(self, name, *words):
        return json.loads(self.good(STRONGROOM, *words, *self.place, "--user", name, "--pin-file", self.top / name))

    def refused(self, *words, text):
        self.bad(STRONGROOM, *words, *self.place, text=text)

    def test_policy_export_and_recovery(self):
        asked = self.so("dual", "on", "policy")
        self.assertEqual((asked["asks"], sorted(asked["council"])), (["policy"], ["alice", "bob"]))
        wanted = ("raw-unwrap", "transport-stronger-cargo", "dual=policy", "pin-min=default")
        so = ("--so-pin-file", self.top / "so")
        self.refused("policy", "allow", "raw-unwrap", *so, text="Two custodians must approve exactly that first")
        self.custodian("alice", "approve", "policy", *wanted)
        self.refused("policy", "allow", "raw-unwrap", *so, text="Two custodians")
        self.custodian("bob", "approve", "policy", *wanted)
        waiting = self.so("approvals")["approvals"]
        self.assertEqual(sorted(a["custodian"] for a in waiting), ["alice", "bob"])
        self.assertTrue(all(a["counts"] and a["subject"] == " ".join(wanted) for a in waiting))
        self.assertIn("raw-unwrap", self.so("policy", "allow", "raw-unwrap")["allowed"])
        self.assertEqual(self.so("approvals")["approvals"], [])
        self.refused("dual", "off", *so, text="Two custodians")
        self.refused("unlock", "alice", *so, text="Two custodians")
        self.refused("approve", "nonsense", "--user", "bob", "--pin-file", self.top / "bob", text="so-pin, unlock or custodian")
        self.refused("approve", "trust", "key", "--user", "bob", "--pin-file", self.top / "bob", text="is no subject of it")
        # The SO has forgotten his PIN.
        for name in ("alice", "bob"):
            self.custodian(name, "approve", "so-pin")
        self.custodian("bob", "unlock", "so", "--new-pin-file", self.top / "next")
        self.refused("dual", "show", *so, text="CKR_PIN_INCORRECT")
        self.assertEqual(self.so("dual", pin="next")["asks"], ["policy"])
        self.assertEqual(self.so("unlock", "user", pin="next")["user"], "user")
        self.refused("retire", "0" * 32, "--so-pin-file", self.top / "next", text="no such key")


if __name__ == "__main__":
    tools.main()
