# SPDX-License-Identifier: BSD-2-Clause
"""The whole chain with HSM 1 and HSM 2 of either maker, from the components of PK and MAK to the loaded TMK: strongroom and
SoftHSMv2, which works by standard mechanisms alone. R1, R2, R6.3"""
import unittest

from chain import Chain, Token
from factory import SOFTHSM, query, wait_until
from foreign import SoftHsm


class Pair:
    """One pair of HSMs. Terminals of both makers as well: the secure module of the first is ours, of the second SoftHSMv2's."""

    makers = (Token, Token)
    messages = False
    card = Token

    @classmethod
    def setUpClass(cls):
        cls.chain = Chain(2, messages=cls.messages, makers=cls.makers, card=cls.card)

    @classmethod
    def tearDownClass(cls):
        wrong = cls.chain.stop()
        assert not wrong, wrong

    def collect(self, order, terminals, *more):
        self.chain.order(order, [serial for serial, _ in terminals])
        process, address = self.chain.collect(order, len(terminals), *more)
        for serial, module in terminals:
            self.chain.make(serial, address, module)
        text = process.stdout.read().decode()
        process.stdout.close()
        self.assertEqual(process.wait(60), 0, text)

    def import_of(self, count):
        if not self.messages:
            path, = wait_until(lambda: [p for p in self.chain.outgoing() if p.with_suffix(".manifest").exists()], "the key file")
            self.chain.hand_over(path)
        rows = "SELECT count(*) FROM key_formal"
        wait_until(lambda: query(self.chain.kms_database, rows) == [(count,)], "the records at the KMS")
        self.assertEqual(query(self.chain.kms_database, "SELECT DISTINCT flag FROM key_source"), [("imported",)])

    def test_terminals_load_the_tmk_that_their_kms_made(self):  # R1.1 to R1.13, R2.1 to R2.7
        # With the hash of OAEP that the MTMS says; a SoftHSMv2 in the terminal knows SHA-1 alone, as one in HSM 1 does.
        terminals = [("X-1", None), ("X-2", SOFTHSM)]
        self.collect("O-X1", terminals[:1])
        self.import_of(1)
        self.collect("O-X2", terminals[1:], *([] if self.makers[0] is SoftHsm else ["--hash", "sha1"]))
        self.import_of(2)
        for serial, _ in terminals:
            self.chain.pos(serial, "download", "--connect", self.chain.kmsd.addresses["terminals"])
            check = query(self.chain.kms_database, "SELECT check_value FROM tmk WHERE serial_number = ?", serial)[0][0]
            self.assertEqual(self.chain.status(serial)["tmk_check"].upper(), check.upper())
            self.assertEqual([self.chain.sign_in(serial) for _ in range(2)], [1, 2])
        # A record whose MAC another key made is refused, whoever made the HSM.
        record = query(self.chain.dc_database, "SELECT record FROM tk_record ORDER BY id")[0][0]
        self.chain.offer("altered", [record[:40] + bytes([record[40] ^ 1]) + record[41:] + b"\0\0"])
        self.assertEqual(query(self.chain.kms_database, "SELECT count(*) FROM key_formal"), [(2,)])

    def test_services_and_keys_come_back_after_a_restart(self):  # R1.12
        for daemon in (self.chain.kmsd, self.chain.mtmsd):
            self.assertEqual(daemon.stop(), 0)
            daemon.start()


class BothOurs(Pair, unittest.TestCase):
    pass


class BothForeign(Pair, unittest.TestCase):
    makers = (SoftHsm, SoftHsm)
    card = SoftHsm


class FactoryOurs(Pair, unittest.TestCase):
    makers = (Token, SoftHsm)
    messages = True


class FactoryForeign(Pair, unittest.TestCase):
    makers = (SoftHsm, Token)


class FactoryForeignByMessage(Pair, unittest.TestCase):
    makers = (SoftHsm, Token)
    messages = True


if __name__ == "__main__":
    unittest.main(verbosity=1)
