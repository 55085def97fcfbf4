# SPDX-License-Identifier: BSD-2-Clause
"""strongroom-ca: the root, a certificate of every role, and what it refuses. R1.1, R1.5, R2.3"""
import stat
import unittest

from factory import Authority, Folder, b64, cms_sign, run

ARC = "2.25.57539697553755328872825861027690423744"


def text_of(cert):
    return run(["openssl", "x509", "-in", cert, "-noout", "-text"]).stdout.decode()


def usages(cert):
    lines = [line.strip() for line in text_of(cert).splitlines()]
    at = next(i for i, line in enumerate(lines) if line.startswith("X509v3 Extended Key Usage"))
    assert "critical" in lines[at]
    return {u.strip() for u in lines[at + 1].split(",")}


class Ca(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = Folder()
        cls.ca = Authority(cls.folder)
        cls.ca.operator()

    @classmethod
    def tearDownClass(cls):
        cls.folder.stop()

    def refused(self, words, *arguments):
        out = self.folder / "refused.pem"
        done = self.ca.call("issue", "--dir", self.ca.dir, "--out", out, "--name", "X", *arguments, check=False)
        self.assertIn(done.returncode, (1, 2))
        self.assertIn(words, done.stderr.decode())
        self.assertFalse(out.exists())

    def spki(self):
        key = self.folder / "pu.key"
        run(["openssl", "genrsa", "-out", key, "2048"])
        return run(["openssl", "pkey", "-in", key, "-pubout", "-outform", "DER"]).stdout

    def request(self, name, content):
        path = self.folder / "request.der"
        path.write_bytes(cms_sign(self.ca, name, content))
        return path

    def test_each_tls_role_has_its_own_usage_and_only_that(self):  # R2.3
        both = {"TLS Web Server Authentication", "TLS Web Client Authentication"}
        self.assertEqual(usages(self.ca.cert("opterm")), {f"{ARC}.2", "TLS Web Client Authentication"})
        self.assertEqual(usages(self.ca.cert("mtms")), {f"{ARC}.4"} | both)
        self.assertEqual(usages(self.ca.cert("dc")), {f"{ARC}.5"} | both)
        self.assertEqual(usages(self.ca.cert("kms")), {f"{ARC}.6"} | both)

    def test_operator_card_is_no_tls_identity(self):  # R1.5
        self.assertEqual(usages(self.ca.cert("operator")), {f"{ARC}.3"})

    def test_operator_key_is_never_made_outside_the_card(self):  # R1.5
        self.refused("not issued that way", "--role", "operator", "--key-out", self.folder / "o.key")
        self.assertFalse((self.folder / "o.key").exists())

    def test_all_certificates_chain_to_the_root(self):
        for name in ("opterm", "mtms", "dc", "kms", "operator"):
            run(["openssl", "verify", "-x509_strict", "-CAfile", self.ca.root, self.ca.cert(name)])

    def test_keys_have_mode_0600(self):
        for path in (self.ca.key("mtms"), self.ca.dir / "ca.db"):
            self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)

    def test_init_never_overwrites_a_root(self):
        before = self.ca.root.read_bytes()
        done = self.ca.call("init", "--dir", self.ca.dir, "--token", self.ca.token.uri, check=False)
        self.assertEqual((done.returncode, "holds a CA already" in done.stderr.decode()), (2, True))
        self.assertEqual(self.ca.root.read_bytes(), before)

    def test_working_certificate_from_a_request_signed_by_the_mtms(self):  # R1.1
        spki, out = self.spki(), self.folder / "hsm.pem"
        self.ca.call("issue", "--dir", self.ca.dir, "--role", "hsm", "--name", "HsmWCRT", "--out", out, "--request",
                     self.request("mtms", spki))
        public = run(["openssl", "x509", "-in", out, "-noout", "-pubkey"]).stdout
        self.assertEqual(b64(spki), "".join(public.decode().split("\n")[1:-2]))
        self.assertEqual(usages(out), {f"{ARC}.1"})
        self.assertIn("Key Encipherment", text_of(out))
        self.assertNotIn("Digital Signature", text_of(out))

    def test_working_certificate_request_of_another_role_is_refused(self):  # R1.1
        for name in ("dc", "opterm", "operator", "kms"):
            self.refused("not mtms", "--role", "hsm", "--request", self.request(name, self.spki()))

    def test_working_certificate_request_of_another_ca_is_refused(self):  # R1.1
        folder = Folder()
        try:
            other = Authority(folder, roles=("mtms",))
            path = folder / "request.der"
            path.write_bytes(cms_sign(other, "mtms", self.spki()))
            self.refused("certificate", "--role", "hsm", "--request", path)
        finally:
            folder.stop()

    def test_altered_request_is_refused(self):  # R1.1
        spki = self.spki()
        path = self.request("mtms", spki)
        whole = path.read_bytes()
        at = whole.index(spki) + 60
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1:])
        self.refused("signature", "--role", "hsm", "--request", path)

    def test_request_for_something_else_than_an_rsa_key_is_refused(self):
        ec = run(["openssl", "pkey", "-in", self.ca.key("mtms"), "-pubout", "-outform", "DER"]).stdout
        self.refused("RSA public key", "--role", "hsm", "--request", self.request("mtms", ec))
        self.refused("RSA public key", "--role", "hsm", "--request", self.request("mtms", self.spki() + b"\0"))
        self.refused("RSA public key", "--role", "hsm", "--request", self.request("mtms", b""))

    def test_working_certificate_is_never_issued_from_a_csr_or_a_new_key(self):  # R1.1
        self.refused("not issued that way", "--role", "hsm", "--csr", self.ca.csr("h"))
        self.refused("not issued that way", "--role", "hsm", "--key-out", self.folder / "h2.key")

    def test_altered_csr_is_refused(self):
        path = self.ca.csr("altered")
        lines = path.read_text().splitlines()
        lines[-3] = lines[-3][:20] + ("A" if lines[-3][20] != "A" else "B") + lines[-3][21:]
        path.write_text("\n".join(lines) + "\n")
        self.refused("request", "--role", "operator", "--csr", path)

    def test_weak_key_is_refused(self):
        self.refused("key refused", "--role", "operator", "--csr", self.ca.csr("weak", "rsa:1024"))

    def test_server_without_a_name_is_refused_and_leaves_no_key(self):
        self.refused("--san", "--role", "mtms", "--key-out", self.folder / "noname.key")
        self.assertFalse((self.folder / "noname.key").exists())

    def test_extension_language_in_a_name_is_refused(self):
        for san in ("email:x@y", "DNS:a,dirName:b", "DNS:", "DNS:a\nb", "otherName:1.2;UTF8:x", "DNS:a,"):
            self.refused("alternative names", "--role", "mtms", "--key-out", self.folder / "san.key", "--san", san)

    def test_unknown_role_is_refused(self):
        self.refused("unknown role", "--role", "ca", "--key-out", self.folder / "u.key")
        self.refused("unknown role", "--role", "nobody", "--key-out", self.folder / "u.key")

    def test_index_names_every_certificate_with_its_own_serial_number(self):
        rows = self.ca.rows()
        serials = [r["serial"] for r in rows]
        self.assertEqual(len(serials), len(set(serials)))
        for serial in serials:
            self.assertEqual(len(serial), 32)
            self.assertLess(int(serial[0], 16), 8)
            self.assertIn(b"BEGIN CERTIFICATE", self.ca.call("get", serial, "--dir", self.ca.dir).stdout)
        mtms = run(["openssl", "x509", "-in", self.ca.cert("mtms"), "-noout", "-serial"]).stdout.decode().strip()
        self.assertIn(mtms.split("=")[1].lower(), serials)

    def test_days_shorten_the_life_and_never_lengthen_it(self):
        out = self.folder / "short.pem"
        for days in ("2", "36000"):
            out.unlink(missing_ok=True)
            self.ca.call("issue", "--dir", self.ca.dir, "--role", "opterm", "--name", "s", "--days", days, "--csr",
                         self.ca.csr("short"), "--out", out)
            longest = (3 if days == "2" else 826) * 86400
            self.assertEqual(run(["openssl", "x509", "-in", out, "-noout", "-checkend", str(longest)], check=False).returncode, 1)


if __name__ == "__main__":
    unittest.main(verbosity=1)
