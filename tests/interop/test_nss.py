#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""NSS with the module: modutil, certutil, cmsutil, pk12util (R6.5).

usage: test_nss.py MODULE"""
from tools import MODULE, PIN, Tools, main


class Nss(Tools):
    def setUp(self):
        super().setUp()
        self.fresh("nss")
        self.db = f"sql:{self.top}/db"
        (self.top / "db").mkdir()
        self.pin, self.noise = self.top / "pin", self.top / "noise"
        self.pin.write_text(PIN + "\n")
        self.noise.write_bytes(bytes(range(64)))
        self.good("certutil", "-N", "-d", self.db, "--empty-password")
        self.good("modutil", "-dbdir", self.db, "-add", "strongroom", "-libfile", MODULE, "-force")

    def cert(self, *args, **more):
        return self.good("certutil", args[0], "-d", self.db, "-h", "nss", "-f", self.pin, *args[1:], **more).decode()

    def self_signed(self, name, *kind, trust="u,u,u"):
        self.cert("-S", "-n", name, "-s", f"CN={name}", "-x", "-t", trust, "-m", "1", "-z", self.noise, *kind)

    def test_modutil_shows_the_token(self):
        shown = self.good("modutil", "-dbdir", self.db, "-list", "strongroom").decode()
        self.assertRegex(shown, r"Token Name: nss\s")
        self.assertIn("PKCS #11 Version 3.", shown)
        self.assertIn("User Pin: Initialized", shown)

    def test_pairs_and_certificates(self):
        self.self_signed("rsa", "-k", "rsa", "-g", "2048")
        self.self_signed("ec", "-k", "ec", "-q", "nistp256")
        listed, keys = self.cert("-L"), self.cert("-K")
        for name in "rsa", "ec":
            self.assertRegex(listed, rf"nss:{name}\s+u,u,u")
            self.assertRegex(keys, rf"<\s*\d+> {name}\s+[0-9a-f]+\s+nss:{name}")
            at = self.top / f"{name}.pem"
            at.write_text(self.cert("-L", "-n", f"nss:{name}", "-a"))
            self.good("openssl", "verify", "-CAfile", at, "-check_ss_sig", at)
        self.cert("-F", "-n", "nss:rsa")
        self.assertNotIn("nss:rsa", self.cert("-L"))

    def test_request_verifies_with_openssl(self):
        request = self.top / "request"
        self.cert("-R", "-s", "CN=request", "-k", "rsa", "-g", "2048", "-z", self.noise, "-o", request)
        self.good("openssl", "req", "-inform", "DER", "-in", request, "-noout", "-verify")

    def test_messages_are_signed_and_opened(self):
        self.self_signed("rsa", "-k", "rsa", "-g", "2048", trust="TCu,TCu,TCu")
        text, signed, sealed = self.top / "text", self.top / "signed", self.top / "sealed"
        text.write_bytes(b"what is signed\n")
        self.good("cmsutil", "-S", "-d", self.db, "-f", self.pin, "-N", "nss:rsa", "-G", "-i", text, "-o", signed)
        self.assertEqual(self.good("cmsutil", "-D", "-d", self.db, "-f", self.pin, "-i", signed), text.read_bytes())
        cert = self.top / "cert.pem"
        cert.write_text(self.cert("-L", "-n", "nss:rsa", "-a"))
        self.good("openssl", "cms", "-encrypt", "-in", text, "-binary", "-aes256", "-outform", "DER", "-out", sealed, cert)
        self.assertEqual(self.good("cmsutil", "-D", "-d", self.db, "-f", self.pin, "-i", sealed), text.read_bytes())

    def test_a_pair_is_imported_from_pkcs12(self):
        key, cert, bundle = self.top / "key.pem", self.top / "cert.pem", self.top / "bundle.p12"
        self.good("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-subj", "/CN=bundle", "-out", cert)
        self.good("openssl", "pkcs12", "-export", "-inkey", key, "-in", cert, "-name", "bundle", "-passout", "pass:p12",
                  "-out", bundle)
        self.good("pk12util", "-i", bundle, "-d", self.db, "-h", "nss", "-k", self.pin, "-W", "p12")
        self.assertRegex(self.cert("-K"), r"rsa\s+[0-9a-f]+\s+(nss:)?bundle")


if __name__ == "__main__":
    main()
