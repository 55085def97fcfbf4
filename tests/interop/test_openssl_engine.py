#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""OpenSSL's pkcs11 engine on the module, as a newcomer calls it: `-engine pkcs11 -keyform engine` and a URI (R6.5).

usage: test_openssl_engine.py MODULE"""
import socket
import subprocess
import time

from tools import MODULE, PIN, Tools, main

# key type of pkcs11-tool, object label
KEYS = [("rsa:2048", "rsa"), ("EC:prime256v1", "ec")]


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Engine(Tools):
    def setUp(self):
        super().setUp()
        self.fresh()
        conf = self.top / "openssl.cnf"
        conf.write_text(f"""openssl_conf = init
[init]
engines = engines
[engines]
pkcs11 = pkcs11
[pkcs11]
engine_id = pkcs11
MODULE_PATH = {MODULE}
PIN = {PIN}
init = 0
[req]
distinguished_name = name
[name]
""")
        self.env["OPENSSL_CONF"] = str(conf)
        self.text = self.top / "text"
        self.text.write_bytes(b"what is signed\n")
        for number, (kind, label) in enumerate(KEYS, 1):
            self.user("--keypairgen", "--key-type", kind, "--id", f"{number:02x}", "--label", label)

    def engine(self, *args, **more):
        return self.good("openssl", args[0], "-engine", "pkcs11", "-keyform", "engine", *args[1:], **more)

    def key(self, label):
        return f"pkcs11:token=tools;object={label};type=private"

    def certificate(self, label):
        at = self.top / f"{label}.pem"
        self.engine("req", "-new", "-x509", "-key", self.key(label), "-subj", f"/CN={label}", "-addext",
                    "subjectAltName=DNS:localhost", "-out", at)
        return at

    def test_requests_verify(self):
        for _, label in KEYS:
            csr = self.top / f"{label}.csr"
            self.engine("req", "-new", "-key", self.key(label), "-subj", f"/CN={label}", "-out", csr)
            self.good("openssl", "req", "-in", csr, "-noout", "-verify", OPENSSL_CONF="/dev/null")

    def test_signed_messages_verify(self):
        for _, label in KEYS:
            cert, message = self.certificate(label), self.top / f"{label}.cms"
            self.engine("cms", "-sign", "-inkey", self.key(label), "-signer", cert, "-in", self.text, "-out", message)
            plain = self.good("openssl", "cms", "-verify", "-in", message, "-CAfile", cert, "-purpose", "any",
                              OPENSSL_CONF="/dev/null")
            self.assertIn(b"what is signed", plain)

    def test_encrypted_messages_open(self):
        cert = self.certificate("rsa")
        for name, options in ("v15", []), ("oaep", ["-keyopt", "rsa_padding_mode:oaep"]):
            message = self.top / f"{name}.cms"
            self.good("openssl", "cms", "-encrypt", "-in", self.text, "-aes256", "-out", message, "-recip", cert, *options,
                      OPENSSL_CONF="/dev/null")
            plain = self.engine("cms", "-decrypt", "-inkey", self.key("rsa"), "-recip", cert, "-in", message)
            self.assertIn(b"what is signed", plain, name)

    def test_dgst_signatures_verify(self):
        for _, label in KEYS:
            cert, signature, public = self.certificate(label), self.top / "sig", self.top / "pub.pem"
            self.engine("dgst", "-sha256", "-sign", self.key(label), "-out", signature, self.text)
            public.write_bytes(self.good("openssl", "x509", "-in", cert, "-noout", "-pubkey"))
            self.good("openssl", "dgst", "-sha256", "-verify", public, "-signature", signature, self.text,
                      OPENSSL_CONF="/dev/null")

    def test_tls_server_serves(self):
        for _, label in KEYS:
            cert, port = self.certificate(label), free_port()
            server = subprocess.Popen(["openssl", "s_server", "-engine", "pkcs11", "-keyform", "engine", "-key",
                                       self.key(label), "-cert", str(cert), "-accept", f"127.0.0.1:{port}", "-www"],
                                      env=self.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            try:
                for version in "-tls1_2", "-tls1_3":
                    self.talk(server, port, cert, version)
            finally:
                server.kill()
                server.communicate()

    def talk(self, server, port, cert, version):
        for _ in range(100):
            if server.poll() is not None:
                self.fail(server.stdout.read().decode())
            ran = self.ran("openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-CAfile", cert, "-verify_return_error",
                           "-servername", "localhost", "-verify_hostname", "localhost", version, "-quiet", "-no_ign_eof",
                           data=b"GET / HTTP/1.0\r\n\r\n", OPENSSL_CONF="/dev/null")
            if b"Connection refused" not in ran.stderr and b"connect:" not in ran.stderr:
                break
            time.sleep(0.1)
        self.assertEqual(ran.returncode, 0, ran.stderr.decode())


if __name__ == "__main__":
    main()
