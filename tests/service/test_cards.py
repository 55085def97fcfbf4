# SPDX-License-Identifier: BSD-2-Clause
"""Operator cards: RSA and EC keys of other makers' modules sign; no, wrong, locked, pulled cards do not. R1.5, R2.3"""
import os
import pathlib
import time
import unittest

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


if __name__ == "__main__":
    unittest.main(verbosity=1)
