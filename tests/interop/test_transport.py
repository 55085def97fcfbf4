#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""`strongroom transport`: a key from one token into another, and into a module of another maker (R1.3, R6.3).
test_transport.py MODULE STRONGROOM"""
import json
import os
import subprocess

import officer
import tools

SOFTHSM = "/usr/lib/softhsm/libsofthsm2.so"
SOFT_PIN = "24681012"


class Transport(officer.Officer):
    def setUp(self):
        super().setUp()
        for label in ("HSM1", "HSM2"):
            self.init(label)
        self.pins = {}
        for label in ("HSM1", "HSM2"):
            for name in ("anna", "bert"):
                self.secrets.clear()
                self.pins[name] = self.custodian(name, label)
        self.combine("PK-ACME")
        self.source_key = self.top / "hsm1.pem"
        self.source_key.write_text(self.text("ceremony", "key", "--token", "HSM1"))
        self.target, self.fingerprint = self.request("HSM2")

    def both(self):
        return [a for name in ("anna", "bert")
                for a in ("--custodian", name, "--custodian-pin-file", f"{name}={self.pins[name]}")]

    def combine(self, key, tokens=("HSM1",)):
        halves = {name: self.file(f"{name}.half", os.urandom(32).hex()) for name in ("anna", "bert")}
        for token in tokens:
            self.json("ceremony", "combine", key, "--token", token, *self.both(), *[a for name, path in halves.items() for a in
                      ("--component-file", f"{name}={path}")], "--out", self.top / f"{key}-{token}")

    def request(self, token, *more):
        path = self.top / f"{token}.pem"
        made = self.json("transport", "request", "--token", token, "--pin-file", self.pin, "--out", path, *more)
        return path, made["fingerprint"]

    def approve(self, name, *more, key="PK-ACME", run=None, **expected):
        return (run or self.json)("transport", "approve", key, "--to", self.target, "--user", name, "--pin-file",
                                  self.pins[name], "--token", "HSM1", *more, **expected)

    def export(self, out, *more, key="PK-ACME", run=None, to=None, **expected):
        return (run or self.json)("transport", "export", key, "--to", to or self.target, "--out", self.top / out, "--pin-file",
                                  self.pin, "--token", "HSM1", *more, **expected)

    def import_(self, out, *more, run=None, token="HSM2", **expected):
        return (run or self.json)("transport", "import", self.top / out, "--token", token, "--pin-file", self.pin, *more,
                                  **expected)

    def check_value(self, token, key="PK-ACME"):
        return self.json("kcv", key, "--token", token, "--pin-file", self.pin)["keys"][0]["check_value"]

    def events(self, token):
        return [e["event"] for e in self.json("audit", "list", "--token", token, "--pin-file", self.pin)["trail"]]

    # R1.3
    def test_a_key_goes_where_two_custodians_send_it_and_two_others_take_it(self):
        self.export("pk", run=self.refused, text="two custodians must approve")
        self.approve("anna", "--fingerprint", "0" * 16, run=self.refused, text="not the one that was read out")
        self.approve("anna", "--fingerprint", self.fingerprint[:15], run=self.refused, text="at least 16", status=2)
        self.approve("anna", "--fingerprint", self.fingerprint)
        self.approve("anna", "--fingerprint", self.fingerprint)
        self.export("pk", run=self.refused, text="two custodians must approve")
        spaced = " ".join(self.fingerprint[i:i + 4] for i in range(0, 64, 4)).upper()
        self.approve("bert", "--fingerprint", spaced)
        sent = self.export("pk")["sent"]
        self.assertEqual((sent["label"], sent["role"], sent["generation"], sent["type"], sent["check_value"], sent["target"]),
                         ("PK-ACME", "PK", 1, "AES-256", self.check_value("HSM1"), self.fingerprint))
        self.assertEqual((self.top / "pk").stat().st_mode & 0o777, 0o600)
        self.export("pk", run=self.refused, text="is there already")
        self.export("pk2", run=self.refused, text="two custodians must approve")
        self.assertFalse((self.top / "pk2").exists())
        key = ("--key", self.source_key)
        self.import_("pk", *key, run=self.refused, text="two custodians must accept")
        accept = ("transport", "accept", self.top / "pk", "--token", "HSM2", *key)
        as_anna = ("--user", "anna", "--pin-file", self.pins["anna"])
        self.refused(*accept, *as_anna, "--expect", "000000", text="has the check value")
        self.json(*accept, *as_anna, "--expect", sent["check_value"])
        self.import_("pk", *key, run=self.refused, text="two custodians must accept")
        self.json(*accept, "--user", "bert", "--pin-file", self.pins["bert"], "--expect", sent["check_value"])
        got = self.import_("pk", *key)
        self.assertEqual((got["check_value"], got["foreign"], got["received"]), (sent["check_value"], False, sent))
        self.assertEqual(self.check_value("HSM2"), sent["check_value"])
        made = self.json("list", "objects", "--role", "PK", "--token", "HSM2", "--pin-file", self.pin)["objects"]
        self.assertEqual([o["unique_id"] for o in made], [got["unique_id"]])
        self.assertIn("key sent to another token", self.events("HSM1"))
        self.assertIn("key received from another token", self.events("HSM2"))
        # A second time it is there.
        self.import_("pk", *key, "--expect", sent["check_value"], *self.both(), run=self.refused, text="there already")

    # R1.3
    def test_custodians_who_are_there_are_led_through_it(self):
        terminal = self.terminal("transport", "approve", "PK-ACME", "--to", self.target, "--user", "anna", "--token", "HSM1")
        terminal.answer("PIN of anna", self.pins["anna"].read_text().strip())
        terminal.answer("first 16 digits", self.fingerprint[:16], hidden=False)
        self.ended(terminal)
        self.assertNotIn(self.fingerprint.encode(), terminal.seen)
        self.approve("bert", "--fingerprint", self.fingerprint)
        self.export("pk")
        terminal = self.terminal("transport", "accept", self.top / "pk", "--key", self.source_key, "--user", "anna", "--token",
                                 "HSM2")
        terminal.answer("PIN of anna", self.pins["anna"].read_text().strip())
        terminal.answer("Is it the one that the source shows", "n", hidden=False)
        self.ended(terminal, status=1)

    # R1.3
    def test_a_file_that_was_changed_or_comes_from_elsewhere_is_refused(self):
        self.export("pk", "--fingerprint", self.fingerprint, *self.both())
        said = json.loads((self.top / "pk").read_text())
        for member, value in (("label", "MAK-ACME"), ("check_value", "000000"), ("role", "MAK"), ("generation", 2),
                              ("wrapped", "AAAA"), ("target", "0" * 64), ("surplus", 1)):
            (self.top / "bad").write_text(json.dumps(dict(said, **{member: value})))
            self.import_("bad", "--key", self.source_key, run=self.refused, text="not what the block says")
        (self.top / "bad").write_text("{}")
        self.import_("bad", "--key", self.source_key, run=self.refused, text="not a transport file")
        other = self.top / "hsm2-statement.pem"
        other.write_text(self.text("ceremony", "key", "--token", "HSM2"))
        self.import_("pk", "--key", other, run=self.refused, text="signature")
        self.import_("pk", "--source", "0" * 16, run=self.refused, text="not the one that was read out")
        self.assertEqual(self.json("transport", "show", self.top / "pk", "--key", self.source_key)["good"], True)
        self.assertEqual(self.json("transport", "show", self.top / "pk", "--key", other, status=3)["good"], False)
        self.assertEqual(self.json("transport", "show", self.target)["fingerprint"], self.fingerprint)
        # For another receiver.
        self.request("HSM1")
        self.import_("pk", "--key", self.source_key, token="HSM1", run=self.refused, text="another receiver")
        fingerprint = self.json("transport", "show", self.top / "pk")["fingerprint"]
        self.import_("pk", "--source", fingerprint, "--expect", said["check_value"], *self.both())

    # R1.3
    def test_under_a_transport_key_that_was_combined_in_both(self):
        self.combine("KTK-1", ("HSM1", "HSM2"))
        value = self.check_value("HSM1", "KTK-1")
        under = ("transport", "export", "PK-ACME", "--under", "KTK-1", "--out", self.top / "pk", "--pin-file", self.pin, "--token",
                 "HSM1", *self.both())
        self.refused(*under, "--expect", "000000", text="has the check value")
        self.assertEqual(self.json(*under, "--expect", value)["sent"]["under"], "KTK")
        self.import_("pk", "--key", self.source_key, "--under", "KTK-1", "--expect", self.check_value("HSM1"), *self.both())
        self.assertEqual(self.check_value("HSM1"), self.check_value("HSM2"))

    # R1.3
    def test_what_is_not_shared_does_not_travel(self):
        self.tool("--token-label", "HSM1", "--login", "--pin", officer.USER_PIN, "--keygen", "--key-type", "AES:32", "--label",
                  "ordinary", "--extractable")
        self.export("out", "--fingerprint", self.fingerprint, *self.both(), key="ordinary", run=self.refused,
                    text="do not travel")
        weak = self.top / "weak.pem"
        self.good("openssl", "genrsa", "-out", self.top / "weak.key", "1024")
        self.good("openssl", "rsa", "-in", self.top / "weak.key", "-pubout", "-out", weak)
        self.export("out", to=weak, run=self.refused, text="2048 to 4096 bits")
        self.export("out", to=self.pin, run=self.refused, text="2048 to 4096 bits")

    # R6.3
    def test_into_a_token_of_another_maker_with_both_parts_of_its_pin(self):
        (self.top / "soft").mkdir()
        (self.top / "soft.conf").write_text(f"directories.tokendir = {self.top / 'soft'}\nlog.level = ERROR\n")
        self.env["SOFTHSM2_CONF"] = str(self.top / "soft.conf")
        self.good("softhsm2-util", "--init-token", "--free", "--label", "SOFT", "--so-pin", "13579", "--pin", SOFT_PIN)
        soft = ("--module", SOFTHSM, "--token", "SOFT")
        target, pin = self.top / "soft.pem", self.file("soft.pin", SOFT_PIN)
        made = self.json("transport", "request", *soft, "--pin-file", pin, "--out", target, module=False)
        self.assertIsNone(made["role"])
        sent = self.export("pk", "--hash", "sha1", "--fingerprint", made["fingerprint"], *self.both(), to=target)["sent"]
        parts = [a for i in (0, 1) for a in ("--pin-part", self.file(f"part{i}", SOFT_PIN[4 * i:4 * i + 4]))]
        self.secrets -= {SOFT_PIN[:4], SOFT_PIN[4:]}
        into = ("transport", "import", self.top / "pk", "--key", self.source_key, *soft)
        self.refused(*into, "--pin-file", pin, "--expect", sent["check_value"], module=False, text="both officers", status=2)
        self.refused(*into, *parts[:2], *parts[:2], "--expect", sent["check_value"], module=False, text="PIN")
        self.refused(*into, *parts, "--expect", "000000", module=False, text="has the check value")
        got = self.json(*into, *parts, "--for", "mtms", "--expect", sent["check_value"], module=False)
        self.assertEqual((got["foreign"], got["check_value"]), (True, sent["check_value"]))
        self.refused(*into, *parts, "--expect", sent["check_value"], module=False, text="a key of this label is there")
        listed = subprocess.run(["pkcs11-tool", "--module", SOFTHSM, "--login", "--pin", SOFT_PIN, "-O", "--type", "secrkey"],
                                env=self.env, capture_output=True, check=True).stdout.decode()
        self.assertIn("PK-ACME", listed)
        self.assertIn("wrap", listed)
        self.assertNotIn("unwrap", listed)
        self.assertIn("sensitive", listed)
        self.assertNotIn("extractable", listed.replace("never extractable", ""))
        # OAEP with SHA-256 is more than it can do: said, and nothing left behind.
        sent = self.export("pk256", "--fingerprint", made["fingerprint"], *self.both(), to=target)["sent"]
        self.good("pkcs11-tool", "--module", SOFTHSM, "--login", "--pin", SOFT_PIN, "--delete-object", "--type", "secrkey",
                  "--label", "PK-ACME")
        self.refused("transport", "import", self.top / "pk256", "--key", self.source_key, *soft, *parts, "--expect",
                     sent["check_value"], module=False, text="C_UnwrapKey")


if __name__ == "__main__":
    officer.main()
