# SPDX-License-Identifier: BSD-2-Clause
"""Every role presented as every other at every door of the real daemons: TLS client, TLS server, signer of a batch, of a
manifest, of a working certificate request; and revocation lists, read by daemons that run. Only the right one gets in. R2.3"""
import json
import os
import socket
import ssl
import threading
import time
import unittest

from chain import CUSTOMER, Chain
from factory import WAIT, Terminal, b64, batch_content, cms_sign, context, post, query, run, wait_until

ROLES = ("hsm", "opterm", "operator", "mtms", "dc", "kms")


class RolesChain(Chain):
    """With one certificate of every role whose key a test has, and a revocation list in every configuration."""

    def write(self, name, head, **sections):
        self.crl = self.folder / "crl.pem"
        if not self.crl.exists():
            self.lists()
        path = super().write(name, head, **sections)
        text = path.read_text().replace("[identity]\n", f"[identity]\ncrl = {self.crl}\n")
        path.write_text(text)
        return path

    def lists(self, *more):
        self.ca.call("crl", "--dir", self.ca.dir, "--out", self.crl, *more)

    def revoke(self, name, reason="superseded"):
        self.ca.call("revoke", self.ca.cert(name), "--dir", self.ca.dir, "--reason", reason)
        self.lists()

    def hsm_key(self, name):
        """A working certificate over a key that the test knows."""
        run(["openssl", "genrsa", "-out", self.ca.key(name), "2048"])
        spki = run(["openssl", "pkey", "-in", self.ca.key(name), "-pubout", "-outform", "DER"]).stdout
        (self.folder / f"{name}.request").write_bytes(cms_sign(self.ca, "mtms", spki))
        self.ca.call("issue", "--dir", self.ca.dir, "--role", "hsm", "--name", name, "--request", self.folder / f"{name}.request", "--out",
                     self.ca.cert(name))


class Roles(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.chain = chain = RolesChain(2, messages=True)
        chain.hsm_key("r-hsm")
        chain.ca.operator("r-operator")
        for role in ("opterm", "mtms", "dc", "kms"):
            chain.ca.issue(role, f"r-{role}", CUSTOMER if role == "kms" else None)

    @classmethod
    def tearDownClass(cls):
        wrong = cls.chain.stop()
        if wrong:
            raise AssertionError(wrong)

    def try_post(self, name, address, path, body):
        """None: no answer came; else status and code."""
        try:
            status, answer = post(self.chain.ca, name, address, path, body)
        except (ssl.SSLError, OSError):
            return None
        return status, answer.get("error") if isinstance(answer, dict) else None

    def test_tls_clients(self):  # R2.3
        chain = self.chain
        doors = [(chain.mtmsd, "/v1/batches", "opterm"), (chain.mtmsd, "/v1/working-certificate", "opterm"),
                 (chain.dcd, "/v1/records", "mtms"), (chain.kmsd, "/v1/records", "dc")]
        for daemon, path, right in doors:
            for role in ROLES:
                with self.subTest(door=f"{daemon.name} {path}", role=role):
                    got = self.try_post(f"r-{role}", daemon.address, path, b"{]")
                    if role == right:
                        self.assertEqual(got, (400, 1))  # it was read
                    else:
                        self.assertIn(got, (None, (403, 4)))

    def test_signers_of_a_batch(self):  # R1.5, R1.6
        chain = self.chain
        chain.order("R-1", ["RB-1"])
        chain.mtmsd.command("grant", "r-opterm-1", "r-operator", "order:R-1")
        terminal = Terminal(chain.folder / "hsm.pem", "RB-1")
        content = batch_content("R-1", "rb-1", [terminal])
        for role in [r for r in ROLES if r != "operator"] + ["operator"]:
            with self.subTest(role):
                got = self.try_post("r-opterm", chain.mtmsd.address, "/v1/batches",
                                    {"order": "R-1", "batch": "rb-1", "cms": b64(cms_sign(chain.ca, f"r-{role}", content))})
                self.assertEqual(got, (200, None) if role == "operator" else (403, 4))

    def test_signers_of_a_working_certificate_request(self):  # R1.1
        chain = self.chain
        run(["openssl", "genrsa", "-out", chain.folder / "pu2.key", "2048"])
        spki = run(["openssl", "pkey", "-in", chain.folder / "pu2.key", "-pubout", "-outform", "DER"]).stdout
        for role in [r for r in ROLES if r != "mtms"] + ["mtms"]:
            with self.subTest(role):
                (chain.folder / "r.request").write_bytes(cms_sign(chain.ca, f"r-{role}", spki))
                done = chain.ca.call("issue", "--dir", chain.ca.dir, "--role", "hsm", "--name", "h", "--request", chain.folder / "r.request",
                                     "--out", chain.folder / "r.out", check=False)
                self.assertEqual(done.returncode, 0 if role == "mtms" else 1, done.stderr)

    def present(self, role, port, deadline=WAIT):
        """A TLS server of this role at a port; answers what the first client to come did: read (it sent a request), or refused."""
        c = context(self.chain.ca, f"r-{role}", server=True)
        with socket.create_server(("127.0.0.1", port), reuse_port=False) as listener:
            listener.settimeout(deadline)
            sock, _ = listener.accept()
            with sock:
                sock.settimeout(WAIT)
                try:
                    with c.wrap_socket(sock, server_side=True) as tls:
                        return "read" if tls.recv(1) else "refused"
                except (ssl.SSLError, OSError):
                    return "refused"

    def waiting_record(self, order, serial):
        """One record is on its way from the MTMS; nobody takes it."""
        chain = self.chain
        status, text = chain.factory(order, [serial])
        self.assertEqual(status, 0, text)

    def server_doors(self, daemon, port, right, *resume):
        for role in ROLES:
            with self.subTest(door=daemon.name, role=role):
                daemon.stop()
                if resume:  # the pauses between its tries grow
                    daemon.command(*resume)
                daemon.start()
                self.assertEqual(self.present(role, port), "read" if role == right else "refused")

    def test_tls_servers(self):  # R2.3
        chain = self.chain
        chain.dcd.stop()
        self.waiting_record("R-2", "RS-1")
        self.server_doors(chain.mtmsd, chain.ports["dc"], "dc")
        chain.kmsd.stop()
        chain.dcd.start()
        wait_until(lambda: query(chain.dc_database, "SELECT 1 FROM delivery WHERE state IN ('waiting', 'placed')"), "the DC's delivery")
        self.server_doors(chain.dcd, chain.ports["kms"], "kms", "route", "resume", CUSTOMER)
        chain.kmsd.start()
        chain.dcd.stop()
        chain.dcd.command("route", "resume", CUSTOMER)
        chain.dcd.start()
        wait_until(lambda: not query(chain.dc_database, "SELECT 1 FROM delivery WHERE state IN ('waiting', 'placed')"), "the KMS takes it")

    def test_servers_of_operation_terminal_and_terminal(self):  # R2.3, R1.13
        chain = self.chain
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        for role in ROLES:
            with self.subTest(door="opterm", role=role):
                seen = []
                thread = threading.Thread(target=lambda r=role: seen.append(self.present(r, port)))
                thread.start()
                done = chain.opterm("collect", "--order", "R-3", "--listen", "127.0.0.1:0", "--count", "1", "--spool", chain.folder / "r3",
                                    *chain.card_arguments, "--mtms", f"https://127.0.0.1:{port}", "--cert", chain.ca.cert("opterm"),
                                    "--key-file", chain.ca.key("opterm"), "--ca", chain.ca.root, "--crl", chain.crl, "--wait", "5", check=False)
                thread.join(WAIT)
                self.assertEqual((done.returncode, seen), (1, ["read" if role == "mtms" else "refused"]), done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=1)
