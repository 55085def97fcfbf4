#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The module behind p11-kit: its proxy module, and a session remoted over a socket (R6.5).

usage: test_p11_kit.py MODULE"""
import os
import pathlib
import re
import subprocess

from tools import PIN, SO_PIN, Tools, main


def library(name):
    for place in pathlib.Path("/usr/lib").glob("*-linux-gnu"):
        for at in place / name, place / "pkcs11" / name:
            if at.exists():
                return at
    raise FileNotFoundError(name)


class P11Kit(Tools):
    def setUp(self):
        super().setUp()
        self.kit_user, self.module = self.as_kit_user()

    def with_module(self, module, *args):
        return self.good("pkcs11-tool", "--module", module, *args, user=self.kit_user)

    def use(self, module):
        """What a client does with a token: pins, a pair, a signature that OpenSSL verifies."""
        slots = self.with_module(module, "-L").decode()
        slot = re.search(r"Slot (\d+) \((?:[^)]*)\): strongroom free slot", slots).group(1)
        self.with_module(module, "--slot-index", slot, "--init-token", "--label", "kit", "--so-pin", SO_PIN)
        token = ("--token-label", "kit")
        self.with_module(module, *token, "--login", "--login-type", "so", "--so-pin", SO_PIN, "--init-pin", "--pin", PIN)
        login = (*token, "--login", "--pin", PIN)
        self.with_module(module, *login, "--keypairgen", "--key-type", "rsa:2048", "--id", "01", "--usage-sign")
        text, signature, public = (self.top / name for name in ("text", "signature", "public"))
        text.write_bytes(b"what is signed")
        public.write_bytes(self.with_module(module, *token, "--read-object", "--type", "pubkey", "--id", "01"))
        signature.touch()
        if self.kit_user:
            os.chown(signature, self.kit_user, self.kit_user)
        self.with_module(module, *login, "--sign", "-m", "SHA256-RSA-PKCS", "--id", "01", "-i", text, "-o", signature)
        self.good("openssl", "dgst", "-sha256", "-keyform", "DER", "-verify", public, "-signature", signature, text)
        return self.ran("pkcs11-tool", "--module", module, *login, "--test", user=self.kit_user)

    def test_proxy(self):
        self.assertIn(b"No errors", self.use(library("p11-kit-proxy.so")).stdout)

    def test_remoted_session(self):
        address = self.top / "socket"
        server = subprocess.Popen(["p11-kit", "server", "--foreground", "--name", address, "--provider", self.module, "pkcs11:"],
                                  env=self.env, user=self.kit_user, group=self.kit_user,
                                  extra_groups=[] if self.kit_user else None, stdout=subprocess.PIPE, text=True)
        self.addCleanup(server.communicate)
        self.addCleanup(server.kill)
        while "P11_KIT_SERVER_ADDRESS" not in self.env:
            line = server.stdout.readline()
            self.assertNotEqual(line, "", "p11-kit server ended")
            self.env.update(re.findall(r"(P11_KIT_SERVER_\w+)=([^;\n]+)", line))
        tested = self.use(library("p11-kit-client.so"))
        # p11-kit's own client refuses C_GenerateRandom of 0 bytes; the call does not reach the module.
        errors = re.findall(r"ERR: (.*)", (tested.stdout + tested.stderr).decode())
        self.assertEqual(errors, ["C_GenerateRandom(buf1,0) failed: CKR_BUFFER_TOO_SMALL (0x150)"])


if __name__ == "__main__":
    main()
