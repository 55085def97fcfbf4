# SPDX-License-Identifier: BSD-2-Clause
"""Suite 3 (X9.143 key blocks) from the components to the loaded TMK: opterm and pos, mtmsd, dcd, kmsd, both handshake versions, AES
and TDES keys. R1, R2.1"""
import unittest

from chain import Chain, fields
from factory import SOFTHSM, SoftToken, program, query, run, wait_until

MAC, DC_TIME = 12, 13  # fields of a record
LOTS = (("O-V1", "1", "aes16", ["KB-1A"]), ("O-V2", "2", "aes32", ["KB-2A", "KB-2B"]), ("O-TD", "2", "tdes24", ["KB-3A"]))
SHAPES = {"1": (1, 2, 16, "D0AE", "A"), "2": (2, 2, 32, "M6AC", "A"), "3": (2, 1, 24, "M6TC", "T")}  # by the serial number's digit


class Suite3(unittest.TestCase):
    """The methods run in the order of their names: one chain, one after the other."""

    @classmethod
    def setUpClass(cls):
        cls.chain = Chain(3)
        cls.files = {}

    @classmethod
    def tearDownClass(cls):
        wrong = cls.chain.stop()
        assert not wrong, wrong

    def flags(self, name):
        return query(self.chain.kms_database, "SELECT flag, error, count(*) FROM key_source WHERE file = (SELECT id FROM key_file WHERE "
                     "name = ?) GROUP BY flag, error", name)

    def test_1_each_key_is_a_block_whose_header_has_the_serial_number(self):  # R1.4 to R1.7, R2.1
        for order, handshake, key, serials in LOTS:
            status, text = self.chain.factory(order, serials, "--handshake", handshake, "--key-type", key)
            self.assertEqual(status, 0, text)
        wait_until(lambda: sum(len(r) for r in self.chain.outgoing().values()) == 4, "four records")
        for path, records in self.chain.outgoing().items():
            for record in records:
                self.assertEqual(record[:2], b"\x03\x01")  # suite, format version
                serial = fields(record)[2][1].decode()
                version, kind, length, auk_use, letter = SHAPES[serial[3]]
                self.assertEqual(fields(record)[0][1], bytes([version]))
                tek, ctek, auk, cauk = (fields(record)[i][1] for i in (8, 9, 10, 11))
                self.assertEqual([tek[1:], auk[1:]], [bytes((kind, length, 0))] * 2)
                size = 16 + 16 + 2 * (48 if letter == "A" else 32) + 32  # header, label and what fills it, key data, MAC
                for block, use in ((ctek, f"K0{letter}E"), (cauk, auk_use)):
                    self.assertEqual(len(block), size)
                    self.assertEqual(block[:25].decode(), f"D{size:04d}{use}00N0200LB09{serial}")
                    self.assertRegex(block[32:].decode(), r"\A[0-9A-F]+\Z")
                self.assertNotEqual(ctek[32:], cauk[32:])
                self.assertEqual([len(fields(record)[MAC][1]), len(fields(record)[DC_TIME][1])], [16, 8])
            self.files[path] = records

    def test_2_no_bit_of_a_record_may_change_but_the_import_time(self):  # R2.1, R2.6, R2.9
        record = next(r for records in self.files.values() for r in records if fields(r)[2][1] == b"KB-2A")
        end = fields(record)[MAC][0] + 16
        altered = [record[:at] + bytes([record[at] ^ 1 << at % 8]) + record[at + 1:] for at in range(end)]
        altered += [bytes([suite]) + record[1:] for suite in (0, 1, 2, 4, 255)]
        self.chain.offer("altered", altered)
        self.assertEqual(sum(n for flag, _, n in self.flags("altered") if flag == "import error"), len(altered))
        self.assertEqual(query(self.chain.kms_database, "SELECT count(*) FROM key_formal"), [(0,)])

    def test_3_blocks_are_exchanged_for_nobody(self):  # R2.6, R2.9
        by_serial = {fields(r)[2][1]: r for records in self.files.values() for r in records}
        one, two = by_serial[b"KB-2A"], by_serial[b"KB-2B"]

        def with_field(record, i, value):
            at, old = fields(record)[i]
            self.assertEqual(len(old), len(value))
            return record[:at] + value + record[at + len(value):]

        tek, auk = fields(one)[9][1], fields(one)[11][1]
        swapped = with_field(with_field(one, 9, auk), 11, tek)
        others = with_field(one, 9, fields(two)[9][1])
        renamed = with_field(one, 2, b"KB-2B")
        self.chain.offer("exchanged", [swapped, others, renamed])
        self.assertEqual(self.flags("exchanged"), [("import error", "the HSM refused the record: its MAC is wrong", 3)])

    def test_4_records_are_imported(self):  # R2.2 to R2.5
        for path in self.files:
            self.chain.hand_over(path)
        rows = query(self.chain.kms_database, "SELECT serial_number, suite, handshake FROM key_formal ORDER BY 1")
        self.assertEqual(rows, [("KB-1A", 3, 1), ("KB-2A", 3, 2), ("KB-2B", 3, 2), ("KB-3A", 3, 2)])

    def test_5_terminals_load_their_tmk_by_both_handshakes(self):  # R1.9 to R1.12
        for _, handshake, key, serials in LOTS:
            for serial in serials:
                self.chain.pos(serial, "download", "--connect", self.chain.kmsd.addresses["terminals"])
                status = self.chain.status(serial)
                rows = query(self.chain.kms_database, "SELECT d.handshake, d.check_value, t.check_value FROM download d "
                             "JOIN tmk t USING (serial_number, generation) WHERE serial_number = ?", serial)
                self.assertEqual(len(rows), 1)
                self.assertEqual(rows[0][0], int(handshake))
                self.assertEqual(status["tmk_check_method"], "ECB" if key.startswith("tdes") else "CMAC")
                self.assertEqual({v.upper() for v in rows[0][1:]}, {status["tmk_check"].upper()})

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
