# SPDX-License-Identifier: BSD-2-Clause
"""The whole chain with HSM 1 and HSM 2 of either maker, from the components of PK and MAK to the loaded TMK: strongroom and
SoftHSMv2, which works by standard mechanisms alone. R1, R2, R6.3"""
import unittest

from chain import CUSTOMER, Chain, Token
from factory import SOFTHSM, Daemon, query, wait_until
from foreign import SoftHsm, carry


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


class NodesChain(Chain):
    """HSM 2 twice: two tokens of SoftHSMv2, each with one kmsd, on one database. All four keys are made in a token of strongroom
    that is for ceremonies alone, and go into both by transport."""

    def storage_key(self):
        self.source = Token(self.folder, "HSM1")  # the ceremony's; HSM 1 itself is another maker's
        self.second = SoftHsm(self.folder, "HSM2B")
        for label in ("PK", "MAK"):
            carry(self.source, label, self.second, "kms")
        self.carry_storage("SRK", "53")
        self.two = self.node_two()

    def carry_storage(self, label, number):
        """A storage key of the ceremony token, for both."""
        conf = self.folder / "ceremony.conf"
        conf.write_text(f"customer = {CUSTOMER}\ndatabase = {self.folder / 'ceremony.db'}\n[token]\nuri = {self.source.uri}\n"
                        "srk = pkcs11:object=SRK\npk = pkcs11:object=PK\nmak = pkcs11:object=MAK\n")
        Daemon("KMSD", conf, self.folder, self.source.env).command("srk-init", label, number)
        for token in (self.hsm2, self.second):
            carry(self.source, label, token, "kms")

    def node_two(self):
        conf, place = self.folder / "two.conf", self.folder / "two"
        text = (self.folder / "kms.conf").read_text().replace(self.hsm2.uri, self.second.uri)
        conf.write_text(text[:text.index("[spool]")] + "[node]\nname = two\n")
        place.mkdir(mode=0o700)
        return Daemon("KMSD", conf, place, self.second.env)

    def stop(self):
        status = self.two.stop() if self.two.process else 0
        log = self.two.log.read_text()
        return super().stop() + (f"second node: status {status}\n{log}" if status or "Sanitizer" in log else "")


class Nodes(unittest.TestCase):
    """The methods run in the order of their names."""

    @classmethod
    def setUpClass(cls):
        cls.chain = NodesChain(2, makers=(SoftHsm, SoftHsm), card=SoftHsm)
        cls.nodes = (cls.chain.kmsd, cls.chain.two.start())

    @classmethod
    def tearDownClass(cls):
        wrong = cls.chain.stop()
        assert not wrong, wrong

    def check_of(self, serial):
        return query(self.chain.kms_database, "SELECT check_value FROM tmk WHERE serial_number = ?", serial)

    def download(self, serial, node):
        """From that node: it is the one TMK that the database holds."""
        self.chain.pos(serial, "download", "--connect", node.addresses["terminals"])
        (check,), = self.check_of(serial)
        self.assertEqual(self.chain.status(serial)["tmk_check"].upper(), check.upper())
        return check

    def test_1_both_nodes_hand_out_the_same_tmks(self):  # R1.3, R1.9 to R1.12, R6.3
        chain = self.chain
        self.assertEqual(chain.factory("O-N", ["N-1", "N-2"])[0], 0)
        path, = wait_until(lambda: [p for p in chain.outgoing() if p.with_suffix(".manifest").exists()], "the key file")
        chain.hand_over(path)
        wait_until(lambda: query(chain.kms_database, "SELECT count(*) FROM key_formal") == [(2,)], "the records at the KMS")
        for first, serial in enumerate(("N-1", "N-2")):
            checks = {self.download(serial, self.nodes[(first + i) % 2]) for i in range(3)}
            self.assertEqual(len(checks), 1)
        keys = query(chain.kms_database, "SELECT kind, count(DISTINCT node), count(DISTINCT check_value) FROM node_key GROUP BY kind ORDER BY 1")
        self.assertEqual({k: tuple(n) for k, *n in keys}.get("SRK"), (2, 1), keys)
        self.assertEqual({tuple(n) for _, *n in keys}, {(2, 1)}, keys)

    def test_2_the_storage_key_is_changed_in_both(self):  # R1.12
        chain, before = self.chain, [self.check_of(s) for s in ("N-1", "N-2")]
        for node in self.nodes:
            self.assertEqual(node.stop(), 0)
        chain.carry_storage("SRK2", "54")
        confs = [chain.folder / "kms.conf", chain.folder / "two.conf"]
        for conf in confs:
            conf.write_text(conf.read_text().replace("object=SRK\n", "object=SRK2\nsrk_old = pkcs11:object=SRK\n"))
        for node in self.nodes:
            node.start()
        self.download("N-1", self.nodes[1])
        self.assertIn("2 re-wrapped", self.nodes[1].command("srk-rewrap"))
        self.assertIn("holds every TMK", self.nodes[0].command("srk-rewrap"))
        for node, conf in zip(self.nodes, confs):
            self.assertEqual(node.stop(), 0)
            conf.write_text(conf.read_text().replace("srk_old = pkcs11:object=SRK\n", ""))
            node.start()
        for node in self.nodes:
            for serial in ("N-1", "N-2"):
                self.download(serial, node)
        self.assertEqual([self.check_of(s) for s in ("N-1", "N-2")], before)


if __name__ == "__main__":
    unittest.main(verbosity=1)
