# SPDX-License-Identifier: BSD-2-Clause
"""What the tests of the production line share: runs of opterm, cards of another maker, terminals at the line."""
import json
import os
import subprocess
import threading
import unittest

from chain import Chain
from factory import SOFTHSM, WAIT, program, query, run, wait_until


class Opterm:
    """One run of opterm collect."""

    def __init__(self, chain, order, *more, card=None, env=None, identity="opterm", stdin=subprocess.DEVNULL, mtms=None,
                 spool="opterm"):
        self.argv = [program("OPTERM"), "collect", "--order", order, "--listen", "127.0.0.1:0", "--spool", chain.folder / spool,
                     *(card or chain.card_arguments), "--mtms", mtms or chain.mtmsd.url, "--cert", chain.ca.cert(identity),
                     "--key-file", chain.ca.key(identity), "--ca", chain.ca.root, "--wait", WAIT, *more]
        self.process = subprocess.Popen([str(a) for a in self.argv], env=env or chain.card.env, stdin=stdin,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.lines = []
        self.address = None
        self.there = threading.Event()
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            self.lines.append(line.decode().rstrip("\n"))
            if "terminals=" in self.lines[-1]:
                self.address = self.lines[-1].split("terminals=")[1]
            elif '"terminals":"' in self.lines[-1]:
                self.address = json.loads(self.lines[-1])["terminals"]
            if self.address:
                self.there.set()
        self.there.set()

    def ready(self):
        assert self.there.wait(WAIT) and self.address, (self.lines, self.process.stderr.read())
        return self.address

    def saw(self, text):
        wait_until(lambda: any(text in line for line in self.lines), f"{text} in {self.lines}")

    def end(self, number=None):
        """Exit status, output, errors."""
        if number:
            self.process.send_signal(number)
        status = self.process.wait(WAIT)
        self.reader.join(WAIT)
        errors = self.process.stderr.read().decode()
        self.process.stdout.close()
        self.process.stderr.close()
        assert "Sanitizer" not in errors, errors
        return status, "\n".join(self.lines), errors


class SoftCard:
    """An operator card in SoftHSMv2, its key made by the stock tool."""

    def __init__(self, chain, name, key_type, *key_options, label=True, role="operator", dates=()):
        self.folder = chain.folder / f"card-{name}"
        self.folder.mkdir()
        conf = self.folder / "softhsm.conf"
        (self.folder / "tokens").mkdir()
        conf.write_text(f"directories.tokendir = {self.folder / 'tokens'}\nobjectstore.backend = file\nlog.level = ERROR\n")
        self.env = dict(os.environ, SOFTHSM2_CONF=str(conf))
        run(["softhsm2-util", "--init-token", "--free", "--label", name, "--so-pin", "13579", "--pin", "24681012"], env=self.env)
        self.pin_file = self.folder / "pin"
        self.pin_file.touch(mode=0o600)
        self.pin_file.write_text("24681012\n")
        self.arguments = ["--card", f"pkcs11:token={name}", "--pin-file", self.pin_file, "--module", SOFTHSM]
        named = ["--label", "operator"] if label else []
        self.tool("--keypairgen", "--key-type", key_type, "--id", "07", *named, *key_options)
        request, certificate = self.folder / "csr", self.folder / "pem"
        object_id = [] if label else ["--card", f"pkcs11:token={name};id=%07"]
        holder = "operator 7" if role == "operator" else f"{role}7"  # services have names without spaces
        run([program("OPTERM"), "card-request", *self.arguments, *object_id, "--name", holder, "--request", request], env=self.env)
        chain.ca.call("issue", "--dir", chain.ca.dir, "--role", role, "--name", holder, "--csr", request, "--out",
                      certificate, *(("--san", "IP:127.0.0.1") if role != "operator" else ()), *dates)
        self.certificate = certificate
        der = self.folder / "der"
        run(["openssl", "x509", "-in", certificate, "-outform", "DER", "-out", der])
        self.tool("--write-object", der, "--type", "cert", "--id", "07", *named)

    def tool(self, *arguments):
        return run(["pkcs11-tool", "--module", SOFTHSM, "--login", "--pin", "24681012", *arguments], env=self.env)


class LineCase(unittest.TestCase):
    """Tests over one chain."""

    chain = None

    @classmethod
    def setUpClass(cls):
        cls.chain = Chain(2)

    @classmethod
    def tearDownClass(cls):
        wrong = cls.chain.stop()
        assert not wrong, wrong

    def pos(self, serial, pin_pad=None):
        """A terminal as it leaves its maker, not yet at the line."""
        chain = self.chain
        chain.pos(serial, "init", "--serial", serial, "--pinpad", pin_pad or f"PP-{serial}", "--root", chain.ca.root, "--module",
                  program("STRONGROOM_MODULE"))

    def visit(self, serial, address, check=True):
        return self.chain.pos(serial, "factory", "--connect", address, check=check)

    def devices(self, order):
        return dict(query(self.chain.mtms_database, "SELECT serial, state FROM device WHERE order_id = ?", order))

    def report(self, *arguments):
        return json.loads(self.chain.mtmsd.command(*arguments, "--json"))[arguments[0]]
