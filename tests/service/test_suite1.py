# SPDX-License-Identifier: BSD-2-Clause
"""Suite 1 (TDES) from the components to the loaded TMK: opterm and pos, mtmsd, dcd, kmsd, both handshake versions. R1, R2.1"""
import socket
import threading
import unittest

from chain import Chain, fields
from factory import WAIT, Terminal, b64, batch_content, cms_sign, post, program, query, run, wait_until

MAC, DC_TIME = 12, 13  # fields of a record
LOTS = (("O-V1", "1", "tdes16", ["TD-1A", "TD-1B"]), ("O-V2", "2", "tdes24", ["TD-2A"]))


class Suite1(unittest.TestCase):
    """The methods run in the order of their names: one chain, one after the other."""

    @classmethod
    def setUpClass(cls):
        cls.chain = Chain(1)
        cls.files = {}

    @classmethod
    def tearDownClass(cls):
        wrong = cls.chain.stop()
        assert not wrong, wrong

    def test_1_terminals_give_tdes_tks_and_their_records_reach_the_dc(self):  # R1.4 to R1.7
        for order, handshake, key, serials in LOTS:
            status, text = self.chain.factory(order, serials, "--handshake", handshake, "--key-type", key)
            self.assertEqual(status, 0, text)
            count = len(serials)
            wait_until(lambda n=count: n in [len(r) for r in self.chain.outgoing().values()], f"key file of {order}")
        for path, records in self.chain.outgoing().items():
            for record in records:
                self.assertEqual(record[:2], b"\x01\x01")  # suite, format version
                serial = fields(record)[2][1].decode()
                version, length = (b"\x01", 16) if serial[3] == "1" else (b"\x02", 24)
                self.assertEqual(fields(record)[0][1], version)
                tek, ctek, auk, cauk = (fields(record)[i][1] for i in (8, 9, 10, 11))
                # role, TDES, length, IV of 8 bytes; DES3-CBC without padding; MAC of 8 bytes
                self.assertEqual([tek[1:4], auk[1:4]], [bytes((1, length, 8))] * 2)
                self.assertEqual([len(tek), len(auk), len(ctek), len(cauk)], [12, 12, length, length])
                self.assertNotEqual(tek[4:], auk[4:])
                self.assertEqual([len(fields(record)[MAC][1]), len(fields(record)[DC_TIME][1])], [8, 8])
            self.files[path] = records
        self.assertEqual(sum(len(r) for r in self.files.values()), 3)

    def collect_suite_2(self, serial):
        """An operation terminal that asks for a TK of suite 2; answers the terminal's packet."""
        der = run(["openssl", "x509", "-in", self.chain.folder / "hsm.pem", "-outform", "DER"]).stdout
        with socket.create_server(("127.0.0.1", 0)) as server:
            self.chain.pos(serial, "init", "--serial", serial, "--pinpad", f"PP-{serial}", "--root", self.chain.ca.root, "--module",
                           program("STRONGROOM_MODULE"))
            pos = threading.Thread(target=self.chain.pos, args=(serial, "factory", "--connect", f"127.0.0.1:{server.getsockname()[1]}"))
            pos.start()
            connection = server.accept()[0]
            with connection, connection.makefile("rb") as stream:
                for kind, sent in ((0x20, ()), (0x22, (der,)), (0x24, (b"\2", b"\2", b"\2", b"\1", b"\x18"))):
                    body = bytes([kind]) + b"".join(len(f).to_bytes(2, "big") + f for f in sent)
                    connection.sendall(len(body).to_bytes(2, "big") + body)
                    answer = stream.read(int.from_bytes(stream.read(2), "big"))
                connection.sendall(b"\0\1\x26")
                stream.read(1)
            pos.join(WAIT)
        self.assertEqual(answer[0], 0x25)
        return answer[3:]

    def test_2_suite_2_is_refused_for_this_customer(self):  # R1.6
        chain = self.chain
        chain.order("O-S2", ["TD-3A"])
        done = chain.opterm("collect", "--order", "O-S2", "--listen", "127.0.0.1:0", "--spool", chain.folder / "opterm",
                            *chain.card_arguments, "--mtms", chain.mtmsd.url, "--cert", chain.ca.cert("opterm"), "--key-file",
                            chain.ca.key("opterm"), "--ca", chain.ca.root, "--suite", 2, check=False)
        self.assertEqual((done.returncode, b"ready" in done.stdout), (2, False))
        self.assertIn(b"the order's customer has suite 1", done.stderr)
        # Nor does the MTMS take what another operation terminal collected.
        chain.ca.operator("file-operator")
        chain.mtmsd.command("grant", "opterm-1", "file-operator", "order:O-S2")
        terminal = Terminal.__new__(Terminal)
        terminal.serial, terminal.packet = "TD-3A", b64(self.collect_suite_2("TD-3A"))
        cms = cms_sign(chain.ca, "file-operator", batch_content("O-S2", "S2", [terminal]))
        status, answer = post(chain.ca, "opterm", chain.mtmsd.address, "/v1/batches", {"order": "O-S2", "batch": "S2", "cms": b64(cms)})
        self.assertEqual((status, answer["accepted"]), (200, 0))
        self.assertEqual(answer["refused"], [{"serial": "TD-3A", "reason": "suite is not that of the customer"}])

    def test_3_every_byte_of_a_record_is_under_the_mac_but_the_import_time(self):  # R2.1, R2.6, R2.9
        record = next(r for records in self.files.values() for r in records if fields(r)[2][1] == b"TD-2A")
        end = fields(record)[MAC][0] + 8
        altered = []
        for at in range(end):
            altered.append(record[:at] + bytes([record[at] ^ 1]) + record[at + 1:])
        self.chain.offer("altered", altered)
        rows = query(self.chain.kms_database, "SELECT flag, count(*) FROM key_source WHERE file = (SELECT id FROM key_file WHERE "
                                              "name = 'altered') GROUP BY flag")
        self.assertEqual(rows, [("import error", end)])
        self.assertEqual(query(self.chain.kms_database, "SELECT count(*) FROM key_formal"), [(0,)])
        # The DC's own field is not: another time there is no forgery.
        at = fields(record)[DC_TIME][0]
        self.chain.offer("later", [record[:at] + (2**32).to_bytes(8, "big")])
        self.assertEqual(query(self.chain.kms_database, "SELECT serial_number FROM key_formal"), [("TD-2A",)])

    def test_4_records_are_imported_and_an_older_one_never(self):  # R2.2 to R2.5
        for path in self.files:
            self.chain.hand_over(path)
        rows = query(self.chain.kms_database, "SELECT serial_number, suite, handshake, tk_counter FROM key_formal ORDER BY 1")
        self.assertEqual(rows, [("TD-1A", 1, 1, 1), ("TD-1B", 1, 1, 1), ("TD-2A", 1, 2, 1)])
        # The genuine one of what came "later" stands there already but for its time: known, and nothing changed.
        self.assertEqual(query(self.chain.kms_database, "SELECT flag, outcome FROM key_source WHERE serial_number = 'TD-2A' AND "
                               "file = (SELECT max(id) FROM key_file)"), [("imported", "known")])
        self.assertEqual(query(self.chain.kms_database, "SELECT count(*) FROM key_history WHERE serial_number = 'TD-2A'"), [(1,)])

    def test_5_terminals_load_their_tmk_by_both_handshakes(self):  # R1.9 to R1.12
        for _, handshake, _, serials in LOTS:
            for serial in serials:
                self.chain.pos(serial, "download", "--connect", self.chain.kmsd.addresses["terminals"])
                status = self.chain.status(serial)
                rows = query(self.chain.kms_database, "SELECT d.handshake, d.method, d.check_value, t.check_value FROM download d "
                             "JOIN tmk t USING (serial_number, generation) WHERE serial_number = ?", serial)
                self.assertEqual(len(rows), 1)
                self.assertEqual(rows[0][:2], (int(handshake), 1))
                self.assertEqual(status["tmk_check_method"], "ECB")
                self.assertEqual({v.upper() for v in rows[0][2:]}, {status["tmk_check"].upper()})
        self.assertEqual(query(self.chain.kms_database, "SELECT count(DISTINCT check_value) FROM tmk"), [(3,)])

    def test_6_a_terminal_of_another_suite_gets_nothing(self):  # R1.13
        done = self.chain.pos("TD-3A", "download", "--connect", self.chain.kmsd.addresses["terminals"], check=False)
        self.assertEqual(done.returncode, 1)
        # A serial number that the KMS does not have is answered like any other; the proof does not hold.
        self.assertIn(b"the KMS did not prove itself", done.stderr)
        self.assertIsNone(self.chain.status("TD-3A")["tmk_check"])


if __name__ == "__main__":
    unittest.main(verbosity=1)
