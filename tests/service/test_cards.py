# SPDX-License-Identifier: BSD-2-Clause
"""Operator cards: RSA and EC keys of other makers' modules sign; no, wrong, locked, pulled cards do not. R1.5, R2.3"""
import os
import pathlib
import re
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "servers"))
import piv  # noqa: E402

from chain import Token
from factory import SOFTHSM, program, query, run, wait_until
from line_kit import LineCase, Opterm, SoftCard

OPENSC = "/usr/lib/x86_64-linux-gnu/opensc-pkcs11.so"


class Cards(LineCase):
    def test_cards_of_another_maker_sign(self):  # R1.5
        chain = self.chain
        cards = {
            "rsa": ("rsa:2048", (), True), "ec": ("EC:prime256v1", (), True), "nameless": ("EC:secp384r1", (), False),
            "always": ("rsa:3072", ("--always-auth",), True), "alwaysec": ("EC:prime256v1", ("--always-auth",), True)}
        for name, (kind, options, label) in cards.items():
            with self.subTest(name):
                card = SoftCard(chain, name, kind, *options, label=label)
                objects = card.tool("--list-objects", "--type", "privkey").stdout
                self.assertEqual(b"always authenticate" in objects, bool(options), objects)
                order, serial = f"L-7{name}", f"L7-{name}"
                chain.order(order, [serial])
                self.pos(serial)
                line = Opterm(chain, order, card=card.arguments, env=card.env)
                self.visit(serial, line.ready())
                status, text, errors = line.end()
                self.assertEqual(status, 0, text + errors)
                wait_until(lambda order=order: set(self.devices(order).values()) == {"delivered"}, f"delivery of {order}")

    def refuses_card(self, arguments, words, env=None, *more):
        chain = self.chain
        audit = query(chain.mtms_database, "SELECT count(*) FROM audit")
        status, text, errors = Opterm(chain, "L-8", *more, card=arguments, env=env, spool="never").end()
        self.assertEqual((status, text), (1, ""), errors)
        self.assertRegex(errors, words)
        self.assertEqual(query(chain.mtms_database, "SELECT count(*) FROM audit"), audit)
        self.assertFalse((chain.folder / "never").exists())

    def test_without_a_verified_card_nothing_happens_at_all(self):  # R1.5
        chain = self.chain
        card = SoftCard(chain, "bad", "rsa:2048")
        pin = ["--pin-file", card.pin_file, "--module", SOFTHSM]
        self.refuses_card(["--card", "pkcs11:token=other", *pin], "no token", card.env)
        self.refuses_card(["--card", "pkcs11:token=bad", *pin[:3], "/nonexistent/module.so"], "module", card.env)
        wrong = chain.folder / "wrong.pin"
        wrong.touch(mode=0o600)
        wrong.write_text("00000000\n")
        self.refuses_card(["--card", "pkcs11:token=bad", "--pin-file", wrong, "--module", SOFTHSM], "PIN refused", card.env)
        # Ours locks after some wrong tries; another card is not touched by that.
        for _ in range(12):
            done = run([program("OPTERM"), "card-request", "--card", "pkcs11:token=LOCKED", "--pin-file", wrong, "--module",
                        program("STRONGROOM_MODULE"), "--name", "x", "--request", chain.folder / "x.csr"],
                       env=self.locked().env, check=False)
        self.assertIn(b"PIN refused", done.stderr)
        right = self.locked()
        self.refuses_card(["--card", "pkcs11:token=LOCKED", "--pin-file", right.pin_file, "--module", right.module],
                          "locked", right.env)

    def locked(self):
        if not hasattr(self, "_locked"):
            self._locked = Token(self.chain.folder, "LOCKED")
        return self._locked

    def certificate(self, card, der):
        run(["pkcs11-tool", "--module", SOFTHSM, "--login", "--pin", "24681012", "--delete-object", "--type", "cert", "--id", "07"],
            env=card.env, check=False)
        if der:
            card.tool("--write-object", der, "--type", "cert", "--id", "07", "--label", "operator")

    def test_cards_with_a_wrong_certificate_are_refused(self):  # R1.5, R2.3
        chain = self.chain
        card = SoftCard(chain, "certs", "rsa:2048")
        self.certificate(card, None)
        self.refuses_card(card.arguments, "no certificate", card.env)
        dc = SoftCard(chain, "asdc", "rsa:2048", role="dc")
        self.refuses_card(dc.arguments, "operator", dc.env)
        for name, start, end, words in (("past", -7200, -3600, "expired"), ("future", 3600, 7200, "not yet valid")):
            stamp = [time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + t)) for t in (start, end)]
            other = SoftCard(chain, name, "rsa:2048", dates=("--from", stamp[0], "--until", stamp[1]))
            self.refuses_card(other.arguments, words, other.env)
        self.certificate(card, self.der(chain.ca.cert("opterm")))
        self.refuses_card(card.arguments, "not over the card's key", card.env)
        taken = SoftCard(chain, "revoked", "rsa:2048")
        crl = chain.folder / "crl.pem"
        chain.ca.call("revoke", taken.certificate, "--dir", chain.ca.dir)
        chain.ca.call("crl", "--dir", chain.ca.dir, "--out", crl)
        self.refuses_card(taken.arguments, "revoked", taken.env, "--crl", crl)

    def der(self, certificate):
        out = pathlib.Path(f"{certificate}.der")
        run(["openssl", "x509", "-in", certificate, "-outform", "DER", "-out", out])
        return out

    def test_card_that_is_pulled_signs_nothing_and_nothing_is_lost(self):  # R1.5
        chain = self.chain
        card = SoftCard(chain, "pulled", "rsa:2048")
        chain.order("L-9", ["L9-A"])
        self.pos("L9-A")
        line = Opterm(chain, "L-9", "--count", 1, card=card.arguments, env=card.env)
        address = line.ready()
        os.rename(card.folder / "tokens", card.folder / "away")
        (card.folder / "tokens").mkdir()
        self.visit("L9-A", address)
        status, text, errors = line.end()
        self.assertEqual(status, 1, text)
        self.assertIn("operator card", errors)
        self.assertEqual(self.devices("L-9"), {"L9-A": "expected"})
        (card.folder / "tokens").rmdir()
        os.rename(card.folder / "away", card.folder / "tokens")
        status, text, errors = Opterm(chain, "L-9", "--count", 1, card=card.arguments, env=card.env).end()
        self.assertEqual(status, 0, text + errors)
        self.assertEqual(chain.status("L9-A")["tk_made"], 1)

    def test_without_a_reader_the_module_of_opensc_refuses(self):  # R1.5
        card = SoftCard(self.chain, "unused", "rsa:2048")
        self.refuses_card(["--card", "pkcs11:token=operator", "--pin-file", card.pin_file, "--module", OPENSC], "no card reader|no token")

    def personalised(self, reader):
        """A PIV card of operator 7, issued from a key that was made elsewhere."""
        chain = self.chain
        request, certificate, key = (chain.folder / f"piv.{n}" for n in ("csr", "pem", "key"))
        run(["openssl", "req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-subj", "/CN=x", "-out", request])
        chain.ca.call("issue", "--dir", chain.ca.dir, "--role", "operator", "--name", "operator 7", "--csr", request, "--out",
                      certificate)
        text = run(["openssl", "rsa", "-in", key, "-text", "-noout"]).stdout.decode()
        modulus, exponent = (int(re.sub(r"[\s:]", "", re.search(rf"{n}:\n((?:    .*\n)+)", text).group(1)), 16)
                             for n in ("modulus", "privateExponent"))
        pin_file = chain.folder / "piv.pin"
        pin_file.touch(mode=0o600)
        pin_file.write_text("246810\n")
        card = piv.Card((modulus, exponent), self.der(certificate).read_bytes(), "246810")
        return card, ["--card", "pkcs11:manufacturer=piv_II", "--pin-file", pin_file, "--module", OPENSC], \
            {**self.chain.card.env, **reader.env}

    @unittest.skipIf(piv.available(), piv.available())
    def test_card_behind_opensc_signs_while_it_is_there(self):  # R1.5
        """OpenSC's module, pcscd and a PIV card whose key asks for the PIN at every signature."""
        chain, reader = self.chain, piv.Reader()
        try:
            card, arguments, env = self.personalised(reader)
            self.refuses_card(arguments, "no token|no card", env)
            reader.insert(card)
            wait_until(lambda: run(["opensc-tool", "-n"], env=env, check=False).returncode == 0, "the card in the reader")
            chain.order("L-11", ["L11-A", "L11-B"])
            self.pos("L11-A")
            self.pos("L11-B")
            line = Opterm(chain, "L-11", "--batch", 1, card=arguments, env=env)
            self.visit("L11-A", line.ready())
            self.visit("L11-B", line.ready())
            status, text, errors = line.end()
            self.assertEqual(status, 0, text + errors)
            self.assertEqual(card.signatures, 2)
            wait_until(lambda: set(self.devices("L-11").values()) == {"delivered"}, "delivery")
            chain.order("L-12", ["L12-A"])
            self.pos("L12-A")
            line = Opterm(chain, "L-12", card=arguments, env=env)
            address = line.ready()
            reader.pull()
            self.visit("L12-A", address)
            status, text, errors = line.end()
            self.assertEqual(status, 1, text)
            self.assertIn("operator card", errors)
            reader.insert(card)
            wait_until(lambda: run(["opensc-tool", "-n"], env=env, check=False).returncode == 0, "the card in the reader again")
            status, text, errors = Opterm(chain, "L-12", "--count", 1, card=arguments, env=env).end()
            self.assertEqual(status, 0, text + errors)
            self.assertEqual((card.signatures, chain.status("L12-A")["tk_made"]), (3, 1))
            wrong = chain.folder / "piv.wrong"
            wrong.touch(mode=0o600)
            wrong.write_text("111111\n")
            for words in ("PIN refused", "PIN refused", "PIN refused", "locked"):
                self.refuses_card([*arguments[:3], wrong, *arguments[4:]], words, env)
            self.refuses_card(arguments, "locked", env)
        finally:
            reader.stop()


if __name__ == "__main__":
    unittest.main(verbosity=1)
