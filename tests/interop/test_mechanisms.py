#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What pkcs11-tool makes in the token, openssl checks outside, and the other way round (R6.5).

usage: test_mechanisms.py MODULE"""
import hashlib
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

MODULE = pathlib.Path(sys.argv[1]).resolve()
USER = ("--login", "--pin", "user1234")
TEXT = b"Now is the time for all good men to come to the aid of the party"
KEY = bytes(range(32))
IV = "000102030405060708090a0b0c0d0e0f"


def openssl(*args, data=None):
    ran = subprocess.run(["openssl", *args], input=data, capture_output=True, timeout=60)
    if ran.returncode != 0:
        raise AssertionError(f"openssl {args}: {ran.stderr.decode()}")
    return ran.stdout


class Mechanisms(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.place = tempfile.TemporaryDirectory(prefix="strongroom-mechanisms-")
        cls.top = pathlib.Path(cls.place.name)
        cls.env = dict(os.environ, STRONGROOM_TOKEN_DIR=str(cls.top / "tokens"), XDG_CONFIG_HOME=str(cls.top), LC_ALL="C")
        cls.env.pop("STRONGROOM_CONF", None)
        cls.tool("--init-token", "--label", "t", "--so-pin", "12345678")
        cls.tool("--login", "--login-type", "so", "--so-pin", "12345678", "--init-pin", "--pin", "user1234")
        cls.tool(*USER, "--keypairgen", "--key-type", "rsa:2048", "--label", "pair", "--id", "01")
        der = cls.top / "pair.der"
        cls.tool(*USER, "--read-object", "--type", "pubkey", "--id", "01", "--output-file", str(der))
        cls.public = cls.top / "pair.pem"
        openssl("pkey", "-pubin", "-inform", "DER", "-in", str(der), "-out", str(cls.public))
        cls.text = cls.write("text", TEXT)
        key = cls.write("key", KEY)
        cls.tool(*USER, "--write-object", key, "--type", "secrkey", "--key-type", "AES:32", "--label", "aes", "--id", "02",
                 "--usage-decrypt")
        cls.tool(*USER, "--write-object", key, "--type", "secrkey", "--key-type", "AES:32", "--label", "kek", "--id", "03",
                 "--usage-wrap")

    @classmethod
    def tearDownClass(cls):
        cls.place.cleanup()

    @classmethod
    def write(cls, name, data):
        path = cls.top / name
        path.write_bytes(data)
        return str(path)

    @classmethod
    def run_tool(cls, *args, data=None):
        return subprocess.run(["pkcs11-tool", "--module", str(MODULE), *args], input=data, capture_output=True, env=cls.env,
                              timeout=120)

    @classmethod
    def tool(cls, *args, data=None):
        ran = cls.run_tool(*args, data=data)
        if ran.returncode != 0:
            raise AssertionError(f"{args}: {ran.stderr.decode()}")
        return ran.stdout

    def through(self, *args, source=None):
        """Runs the tool with an input and an output file, answers the output's bytes."""
        out = self.top / "out"
        out.unlink(missing_ok=True)
        self.tool(*USER, *args, "--input-file", source or self.text, "--output-file", str(out))
        return out.read_bytes()

    def test_tool_finds_nothing_wrong(self):
        out = self.tool(*USER, "--test").decode()
        self.assertIn("No errors", out)

    def test_signatures_verify_outside(self):
        for digest in "SHA1", "SHA224", "SHA256", "SHA384", "SHA512":
            signature = self.write("signature", self.through("--sign", "-m", f"{digest}-RSA-PKCS", "--id", "01"))
            openssl("dgst", f"-{digest.lower()}", "-verify", str(self.public), "-signature", signature, self.text)
        for digest in "SHA256", "SHA384":
            signature = self.write("signature", self.through("--sign", "-m", f"{digest}-RSA-PKCS-PSS", "--id", "01"))
            openssl("dgst", f"-{digest.lower()}", "-sigopt", "rsa_padding_mode:pss", "-verify", str(self.public), "-signature",
                    signature, self.text)

    def test_changed_signature_is_refused(self):
        good = self.through("--sign", "-m", "SHA256-RSA-PKCS", "--id", "01")
        args = (*USER, "--verify", "-m", "SHA256-RSA-PKCS", "--id", "01", "--input-file", self.text, "--signature-file")
        self.assertIn(b"Signature is valid", self.tool(*args, self.write("signature", good)))
        bad = self.run_tool(*args, self.write("signature", good[:-1] + bytes([good[-1] ^ 1])))
        self.assertNotIn(b"Signature is valid", bad.stdout)

    def test_oaep_from_outside_opens(self):
        for digest in "sha256", "sha1":
            sealed = openssl("pkeyutl", "-encrypt", "-pubin", "-inkey", str(self.public), "-pkeyopt", "rsa_padding_mode:oaep",
                             "-pkeyopt", f"rsa_oaep_md:{digest}", "-pkeyopt", f"rsa_mgf1_md:{digest}", data=TEXT)
            name = "SHA-1" if digest == "sha1" else "SHA256"
            mgf = "MGF1-SHA1" if digest == "sha1" else "MGF1-SHA256"
            self.assertEqual(TEXT, self.through("--decrypt", "-m", "RSA-PKCS-OAEP", "--hash-algorithm", name, "--mgf", mgf,
                                                "--id", "01", source=self.write("sealed", sealed)))

    def test_cipher_agrees(self):
        sealed = self.through("--encrypt", "-m", "AES-CBC-PAD", "--iv", IV, "--id", "02")
        self.assertEqual(sealed, openssl("enc", "-aes-256-cbc", "-K", KEY.hex(), "-iv", IV, data=TEXT))
        self.assertEqual(TEXT, self.through("--decrypt", "-m", "AES-CBC-PAD", "--iv", IV, "--id", "02",
                                            source=self.write("sealed", sealed)))

    def test_digests_agree(self):
        for name, outside in ("SHA-1", "sha1"), ("SHA256", "sha256"), ("SHA512", "sha512"):
            self.assertEqual(self.through("--hash", "-m", name), hashlib.new(outside, TEXT).digest())

    def test_key_wrap_agrees(self):
        self.tool(*USER, "--write-object", self.write("cargo", KEY[::-1][:16]), "--type", "secrkey", "--key-type", "AES:16",
                  "--label", "cargo", "--id", "04", "--extractable", "--usage-decrypt")
        out = self.top / "wrapped"
        self.tool(*USER, "--wrap", "-m", "AES-KEY-WRAP", "--id", "03", "--application-id", "04", "--output-file", str(out))
        outside = openssl("enc", "-id-aes256-wrap", "-K", KEY.hex(), "-iv", "a6" * 8, data=KEY[::-1][:16])
        self.assertEqual(out.read_bytes(), outside)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=1)
