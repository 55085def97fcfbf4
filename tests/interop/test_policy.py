#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""`strongroom policy`, and what stock tools see of it. test_policy.py MODULE STRONGROOM"""
import json
import pathlib
import sys

import tools

STRONGROOM = pathlib.Path(sys.argv[2]).resolve()


class Policy(tools.Tools):
    def setUp(self):
        super().setUp()
        self.fresh()
        self.uri = f"pkcs11:token=tools?module-path={tools.MODULE}"
        self.pin = self.top / "so"
        self.pin.write_text(tools.SO_PIN + "\n")
        self.pin.chmod(0o600)

    def policy(self, *words, so=True):
        uri = self.uri + (f"&pin-source=file:{self.pin}" if so else "")
        return json.loads(self.good(STRONGROOM, "policy", "--json", "--uri", uri, *words))

    def refused(self, *words, text, uri=None, **more):
        self.bad(STRONGROOM, "policy", "--uri", uri or f"{self.uri}&pin-source=file:{self.pin}", *words, text=text, **more)

    def test_names_go_on_and_off_one_by_one(self):
        fresh = self.policy(so=False)
        self.assertTrue(fresh["strict"])
        self.assertEqual(fresh["allowed"], ["transport-stronger-cargo"])
        self.assertIn("raw-unwrap", fresh["known"])
        allowed = self.policy("allow", "v15-unwrap", "raw-unwrap")
        self.assertFalse(allowed["strict"])
        self.assertEqual(allowed["allowed"], ["raw-unwrap", "v15-unwrap", "transport-stronger-cargo"])
        self.assertEqual(allowed["in_force"], allowed["allowed"])
        self.assertEqual(self.policy("forbid", "raw-unwrap", "transport-stronger-cargo")["allowed"], ["v15-unwrap"])
        self.assertEqual(self.policy("show", so=False)["allowed"], ["v15-unwrap"])
        self.assertEqual(self.policy("set", "strict"), self.policy("set", "strict"))
        self.assertTrue(self.policy(so=False)["strict"])

    def test_text_for_people(self):
        text = self.good(STRONGROOM, "policy", "--uri", self.uri).decode()
        self.assertRegex(text, r"(?m)^strict +yes$")
        self.assertRegex(text, r"(?m)^allows +transport-stronger-cargo$")

    def test_length_of_new_pins(self):
        self.assertEqual(self.policy(so=False)["pin_min"], 8)
        self.assertEqual(self.policy(so=False)["dual"], [])
        self.assertEqual(self.policy("pin-min", "10")["pin_min"], 10)
        self.bad("pkcs11-tool", "--module", tools.MODULE, "--login", "--login-type", "so", "--so-pin", tools.SO_PIN, "--init-pin",
                 "--pin", "ninechars", text="CKR_PIN_LEN_RANGE")
        self.user("-O")
        self.assertRegex(self.good(STRONGROOM, "policy", "--uri", self.uri).decode(), r"new PINs +10\n")
        self.assertEqual(self.policy("pin-min", "0")["pin_min"], 8)

    def test_refusals(self):
        self.refused("pin-min", text="LETTERS")
        self.refused("pin-min", "ten", text="a number of letters")
        self.refused("pin-min", "3", text="4 to 64 letters")
        self.refused("allow", "nonsense", text="nonsense: no such relaxation")
        self.refused("allow", text="what is missing: NAME...")
        self.refused("set", "compatible", text="only `set strict` is there")
        self.refused("show", text="no such token", uri=f"pkcs11:token=other?module-path={tools.MODULE}")
        self.pin.write_text("87654321\n")
        self.refused("allow", "raw-unwrap", text="CKR_PIN_INCORRECT")
        self.pin.chmod(0o644)
        self.refused("allow", "raw-unwrap", text="mode 0600")
        self.bad(STRONGROOM, "policy", "--module", self.top / "none.so", text="none.so")
        self.bad(STRONGROOM, "nothing", text="nothing: no such command")
        self.assertTrue(self.policy(so=False)["strict"])

    def test_stock_tool_lists_unwrap_as_the_policy_says(self):
        def line(name):
            listed = self.user("--list-mechanisms").decode().splitlines()
            return next(at for at in listed if at.strip().startswith(name + ","))
        self.assertNotIn("unwrap", line("AES-CBC"))
        self.assertIn("unwrap", line("RSA-PKCS-OAEP"))
        self.policy("allow", "raw-unwrap")
        self.assertIn("unwrap", line("AES-CBC"))
        listed = self.tool("--list-mechanisms", STRONGROOM_POLICY="strict").decode()
        self.assertNotIn("unwrap", next(at for at in listed.splitlines() if at.strip().startswith("AES-CBC,")))

    def test_usages_that_pkcs11_tool_gives(self):
        self.user("--keygen", "--key-type", "aes:32", "--label", "kek", "--id", "01", "--usage-wrap", "--sensitive")
        self.user("--keygen", "--key-type", "aes:16", "--label", "data", "--id", "02", "--usage-decrypt", "--sensitive",
                  "--extractable")
        plain, secret = self.top / "plain", self.top / "secret"
        plain.write_bytes(bytes(32))
        self.user("--encrypt", "--id", "02", "-m", "AES-CBC", "--iv", "00" * 16, "-i", plain, "-o", secret)
        self.user("--decrypt", "--id", "02", "-m", "AES-CBC", "--iv", "00" * 16, "-i", secret, "-o", self.top / "again")
        self.assertEqual((self.top / "again").read_bytes(), bytes(32))
        self.user("--wrap", "-m", "AES-KEY-WRAP", "--id", "01", "--application-id", "02", "-o", self.top / "wrapped")
        self.user("--unwrap", "-m", "AES-KEY-WRAP", "--id", "01", "--application-id", "03",
                  "--application-label", "back", "--key-type", "AES:", "-i", self.top / "wrapped", "--sensitive",
                  "--usage-decrypt")
        self.user("--decrypt", "--id", "03", "-m", "AES-CBC", "--iv", "00" * 16, "-i", secret, "-o", self.top / "third")
        self.assertEqual((self.top / "third").read_bytes(), bytes(32))


if __name__ == "__main__":
    tools.main()
