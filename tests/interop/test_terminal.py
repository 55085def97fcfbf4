#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What is burned into a terminal stays there (R1.2): the secure module of a real pos, and its user with a stock tool.

usage: test_terminal.py MODULE POS STRONGROOM-CA"""
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from ca_token import CaToken  # noqa: E402

MODULE, POS, CA = map(os.path.abspath, sys.argv[1:4])


class Terminal(unittest.TestCase):
    def setUp(self):
        self.place = tempfile.TemporaryDirectory(prefix="strongroom-terminal.")
        self.top = pathlib.Path(self.place.name)
        self.terminal = self.top / "terminal"
        self.ca_token = CaToken(self.top)
        self.run_good(CA, "init", "--dir", self.top / "ca", "--token", self.ca_token.uri)
        self.run_good(POS, "init", "--dir", self.terminal, "--serial", "POS1", "--root", self.top / "ca/root.pem", "--module", MODULE)

    def tearDown(self):
        self.place.cleanup()

    def run_any(self, *command):
        env = dict(os.environ, STRONGROOM_TOKEN_DIR=str(self.terminal / "token"), SOFTHSM2_CONF=self.ca_token.env["SOFTHSM2_CONF"])
        return subprocess.run([str(c) for c in command], env=env, capture_output=True, text=True, timeout=60)

    def run_good(self, *command):
        done = self.run_any(*command)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def tool(self, *args):
        return self.run_any("pkcs11-tool", "--module", MODULE, "--login", "--pin", (self.terminal / "user.pin").read_text().strip(), *args)

    def test_user_cannot_remove_root_and_identity(self):
        for kind, label in (("cert", "HsmRCRT"), ("data", "identity")):
            self.assertIn(label, self.tool("--list-objects").stdout)
            self.assertNotEqual(self.tool("--delete-object", "--type", kind, "--label", label).returncode, 0)
            self.assertIn(label, self.tool("--list-objects").stdout)
        self.assertIn("POS1", self.run_good(POS, "status", "--dir", self.terminal))

    def test_user_cannot_trust_a_root_of_his_own(self):
        self.run_good(CA, "init", "--dir", self.top / "other", "--token", self.ca_token.uri.replace("CA?", "CA;object=other?"))
        self.run_good("openssl", "x509", "-in", self.top / "other/root.pem", "-outform", "DER", "-out", self.top / "other.der")
        self.tool("--write-object", self.top / "other.der", "--type", "cert", "--label", "HsmRCRT")
        self.assertIn("POS1", self.run_good(POS, "status", "--dir", self.terminal))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
