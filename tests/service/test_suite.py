# SPDX-License-Identifier: BSD-2-Clause
"""Suites 1 (TDES) and 3 (X9.143 key blocks) from the components to the loaded TMK and working keys: opterm and pos, mtmsd, dcd, kmsd, both handshake
versions, TKs of each kind. Argument: the suite's class. R1, R2.1"""
import socket
import threading
import unittest

from chain import Chain, fields
from factory import SOFTHSM, WAIT, SoftToken, Terminal, b64, batch_content, cms_sign, post, program, query, run, wait_until

SERIAL, TEK, CTEK, AUK, CAUK, MAC, DC_TIME = 2, 8, 9, 10, 11, 12, 13  # fields of a record
TDES, AES = 1, 2  # types of keys
DONE, WK_CONFIRM = 0x06, 0x09  # frames


class Cut:
    """A line between one terminal and the KMS that breaks when a frame of this type comes, from whichever side."""

    def __init__(self, kms, lost):
        host, port = kms.rsplit(":", 1)
        self.kms, self.lost = (host, int(port)), lost

    def __enter__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()
        return f"127.0.0.1:{self.listener.getsockname()[1]}"

    def __exit__(self, *_):
        self.thread.join(WAIT)
        self.listener.close()

    def serve(self):
        terminal = self.listener.accept()[0]
        with terminal, socket.create_connection(self.kms) as kms, terminal.makefile("rb") as asks, kms.makefile("rb") as answers:
            while self.pass_on(asks, kms) and self.pass_on(answers, terminal):
                pass

    def pass_on(self, source, to):
        head = source.read(2)
        body = source.read(int.from_bytes(head, "big"))
        if not body or body[0] == self.lost:
            return False
        to.sendall(head + body)
        return True


class Suite:
    """The methods run in the order of their names: one chain, one after the other."""

    number = 0
    lots = {}      # order: handshake, type of its TKs by name, by number, their length, serial numbers
    iv_size = 0    # of a ciphertext under PK
    mac_size = 0
    lone = ""      # whose record is altered; its lot has a TK of version 2

    @classmethod
    def setUpClass(cls):
        cls.chain = Chain(cls.number)
        cls.files = {}

    @classmethod
    def tearDownClass(cls):
        wrong = cls.chain.stop()
        assert not wrong, wrong

    def ciphertexts(self, record, serial, kind, length):
        raise NotImplementedError

    def rows(self, sql, *parameters):
        return query(self.chain.kms_database, sql, *parameters)

    def flags(self, name):
        return self.rows("SELECT flag, error, count(*) FROM key_source WHERE file = (SELECT id FROM key_file WHERE name = ?) GROUP BY "
                         "flag, error", name)

    def by_serial(self):
        return {fields(r)[SERIAL][1].decode(): r for records in self.files.values() for r in records}

    def test_1_terminals_give_tks_and_their_records_reach_the_dc(self):  # R1.4 to R1.7, R2.1
        lots = {}
        for order, (handshake, name, kind, length, serials) in self.lots.items():
            status, text = self.chain.factory(order, serials, "--handshake", handshake, "--key-type", name)
            self.assertEqual(status, 0, text)
            lots.update({s: (int(handshake), kind, length) for s in serials})
        wait_until(lambda: sum(len(r) for r in self.chain.outgoing().values()) == len(lots), "all records")
        self.files.update(self.chain.outgoing())
        self.assertEqual(set(self.by_serial()), set(lots))
        for serial, record in self.by_serial().items():
            handshake, kind, length = lots[serial]
            self.assertEqual(record[:2], bytes((self.number, 1)))  # suite, format version
            self.assertEqual(fields(record)[0][1], bytes([handshake]))
            # role, type, length, IV
            self.assertEqual([fields(record)[i][1][1:4] for i in (TEK, AUK)], [bytes((kind, length, self.iv_size))] * 2)
            self.assertEqual([len(fields(record)[i][1]) for i in (TEK, AUK, MAC, DC_TIME)], [4 + self.iv_size] * 2 + [self.mac_size, 8])
            self.ciphertexts(record, serial, kind, length)

    def test_2_no_bit_of_a_record_may_change_but_the_import_time(self):  # R2.1, R2.6, R2.9
        record = self.by_serial()[self.lone]
        end = fields(record)[MAC][0] + self.mac_size
        altered = [record[:at] + bytes([record[at] ^ 1 << at % 8]) + record[at + 1:] for at in range(end)]
        altered += [bytes([suite]) + record[1:] for suite in (0, 1, 2, 3, 4, 255) if suite != self.number]
        self.chain.offer("altered", altered)
        self.assertEqual(sum(n for flag, _, n in self.flags("altered") if flag == "import error"), len(altered))
        self.assertEqual(self.rows("SELECT count(*) FROM key_formal"), [(0,)])
        # The DC's own field is not under the MAC: another time there is no forgery.
        at = fields(record)[DC_TIME][0]
        self.chain.offer("later", [record[:at] + (2**32).to_bytes(8, "big")])
        self.assertEqual(self.rows("SELECT serial_number FROM key_formal"), [(self.lone,)])

    def test_4_records_are_imported_and_an_older_one_never(self):  # R2.2 to R2.5
        for path in self.files:
            self.chain.hand_over(path)
        wanted = sorted((s, self.number, int(lot[0]), 1) for lot in self.lots.values() for s in lot[4])
        self.assertEqual(self.rows("SELECT serial_number, suite, handshake, tk_counter FROM key_formal ORDER BY 1"), wanted)
        # The genuine one of what came "later" stands there already but for its time: known, and nothing changed.
        name = next(p.stem for p, records in self.files.items() if any(fields(r)[SERIAL][1].decode() == self.lone for r in records))
        self.assertEqual(self.rows("SELECT flag, outcome FROM key_source WHERE serial_number = ? AND file = (SELECT id FROM key_file "
                                   "WHERE name = ?)", self.lone, name), [("imported", "known")])
        self.assertEqual(self.rows("SELECT count(*) FROM key_history WHERE serial_number = ?", self.lone), [(1,)])

    def test_5_terminals_load_their_tmk_by_both_handshakes(self):  # R1.9 to R1.12
        for handshake, _, kind, _, serials in self.lots.values():
            for serial in serials:
                self.chain.pos(serial, "download", "--connect", self.chain.kmsd.addresses["terminals"])
                status = self.chain.status(serial)
                rows = self.rows("SELECT d.handshake, d.method, d.check_value, t.check_value FROM download d JOIN tmk t USING "
                                 "(serial_number, generation) WHERE serial_number = ?", serial)
                self.assertEqual(len(rows), 1)
                self.assertEqual(rows[0][:2], (int(handshake), 1 if kind == TDES else 2))
                self.assertEqual(status["tmk_check_method"], "ECB" if kind == TDES else "CMAC")
                self.assertEqual({v.upper() for v in rows[0][2:]}, {status["tmk_check"].upper()})
                self.assertEqual([self.chain.sign_in(serial) for _ in range(2)], [1, 2])
        count = sum(len(lot[4]) for lot in self.lots.values())
        self.assertEqual(self.rows("SELECT count(DISTINCT check_value) FROM tmk"), [(count,)])


    def test_6_a_sign_in_that_breaks_off_leaves_one_generation_in_use(self):  # R1.12
        serial = self.lone
        for lost, counts in ((WK_CONFIRM, 0), (DONE, 1)):
            before = self.chain.status(serial)["wk_generation"]
            with Cut(self.chain.kmsd.addresses["terminals"], lost) as address:
                done = self.chain.pos(serial, "sign-in", "--connect", address, check=False)
            self.assertEqual(done.returncode, 1)
            self.assertIn(b"sign in again", done.stderr)
            # The terminal uses none of them; the KMS's are those that it knows to be confirmed.
            self.assertEqual(self.chain.status(serial)["working_keys"], "waiting")
            current = self.rows("SELECT DISTINCT generation FROM working_key WHERE serial_number = ? AND confirmed > 0 AND retired = 0",
                                serial)
            self.assertEqual(current, [(before + counts,)])
            self.chain.sign_in(serial)
        # What came under the older TMK goes with it, on both sides.
        self.chain.pos(serial, "download", "--connect", self.chain.kmsd.addresses["terminals"])
        self.assertEqual(self.chain.status(serial)["working_keys"], "none")
        self.assertEqual(self.rows("SELECT count(*) FROM working_key WHERE serial_number = ? AND retired = 0", serial), [(0,)])
        self.chain.sign_in(serial)


class Suite1(Suite, unittest.TestCase):
    number, iv_size, mac_size = 1, 8, 8
    lots = {"O-V1": ("1", "tdes16", TDES, 16, ["TD-1A", "TD-1B"]), "O-V2": ("2", "tdes24", TDES, 24, ["TD-2A"])}
    lone = "TD-2A"

    def ciphertexts(self, record, serial, kind, length):
        """DES3-CBC without padding, an IV each."""
        self.assertEqual([len(fields(record)[i][1]) for i in (CTEK, CAUK)], [length] * 2)
        self.assertNotEqual(fields(record)[TEK][1][4:], fields(record)[AUK][1][4:])

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

    def test_3_suite_2_is_refused_for_this_customer(self):  # R1.6
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

    def test_6_a_terminal_of_another_suite_gets_nothing(self):  # R1.13
        done = self.chain.pos("TD-3A", "download", "--connect", self.chain.kmsd.addresses["terminals"], check=False)
        self.assertEqual(done.returncode, 1)
        # A serial number that the KMS does not have is answered like any other; the proof does not hold.
        self.assertIn(b"the KMS did not prove itself", done.stderr)
        self.assertIsNone(self.chain.status("TD-3A")["tmk_check"])


class Suite3(Suite, unittest.TestCase):
    number, iv_size, mac_size = 3, 0, 16
    lots = {"O-V1": ("1", "aes16", AES, 16, ["KB-1A"]), "O-V2": ("2", "aes32", AES, 32, ["KB-2A", "KB-2B"]),
            "O-TD": ("2", "tdes24", TDES, 24, ["KB-3A"])}
    lone = "KB-2A"

    def ciphertexts(self, record, serial, kind, length):
        """Each key is a block whose header has the serial number."""
        letter, data = ("A", 48) if kind == AES else ("T", 32)
        size = 16 + 16 + 2 * data + 32  # header, label and what fills it, key data, MAC
        ctek, cauk = fields(record)[CTEK][1], fields(record)[CAUK][1]
        auk_use = "D0AE" if fields(record)[0][1] == b"\1" else f"M6{letter}C"
        for block, use in ((ctek, f"K0{letter}E"), (cauk, auk_use)):
            self.assertEqual(len(block), size)
            self.assertEqual(block[:25].decode(), f"D{size:04d}{use}00N0200LB09{serial}")
            self.assertRegex(block[32:].decode(), r"\A[0-9A-F]+\Z")
        self.assertNotEqual(ctek[32:], cauk[32:])

    def test_3_blocks_are_exchanged_for_nobody(self):  # R2.6, R2.9
        one, two = (self.by_serial()[s] for s in ("KB-2A", "KB-2B"))

        def with_field(record, i, value):
            at, old = fields(record)[i]
            self.assertEqual(len(old), len(value))
            return record[:at] + value + record[at + len(value):]

        tek, auk = fields(one)[CTEK][1], fields(one)[CAUK][1]
        swapped = with_field(with_field(one, CTEK, auk), CAUK, tek)
        others = with_field(one, CTEK, fields(two)[CTEK][1])
        renamed = with_field(one, SERIAL, b"KB-2B")
        self.chain.offer("exchanged", [swapped, others, renamed])
        self.assertEqual(self.flags("exchanged"), [("import error", "the HSM refused the record: its MAC is wrong", 3)])

    def test_6_another_vendors_token_says_at_the_start_that_it_has_no_suite_3(self):  # R6.3
        token = SoftToken(self.chain.folder, ("ACME",))
        run(["pkcs11-tool", "--module", SOFTHSM, "--login", "--pin", token.pin, "--keygen", "--key-type", "AES:32", "--label", "SRK",
             "--usage-wrap"], env=token.env)
        conf = self.chain.folder / "soft.conf"
        conf.write_text(f"customer = ACME\ndatabase = {self.chain.folder / 'soft.db'}\n[token]\nuri = {token.uri}\nsrk = "
                        "pkcs11:object=SRK\npk_block = pkcs11:object=PK-ACME\nmak_block = pkcs11:object=MAK-ACME\n")
        done = run([program("KMSD"), "--config", conf], check=False, env=token.env)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"suite 3 (X9.143 key blocks) has no standard way", done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=1)
