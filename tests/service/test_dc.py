# SPDX-License-Identifier: BSD-2-Clause
"""dcd as a real process: takes records, keeps them searchable, hands them to the KMSs. R2.1, R2.2, R2.3"""
import base64
import hashlib
import json
import os
import pathlib
import re
import socket
import ssl
import time
import unittest

import databases
from factory import Authority, Daemon, Folder, Kms, post, program, query, run, tool, wait_until


def record(customer, serial, counter=1):
    return tool("form", customer, serial, str(counter)).strip()


class Dc(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = Folder()
        cls.ca = Authority(cls.folder)
        other = Folder()
        cls.other_folder, cls.other = other, Authority(other, roles=("mtms",))

    @classmethod
    def tearDownClass(cls):
        cls.folder.stop()
        cls.other_folder.stop()

    def setUp(self):
        self.mine = Folder()
        self.kms = Kms(self.ca)
        self.spool = self.mine / "spool"
        self.spool.mkdir()
        self.database = databases.new(self.mine / "dc.db")
        self.dcd = self.daemon(self.kms.port)
        self.dcd.start()

    def tearDown(self):
        try:
            if self.dcd.process:
                self.assertEqual(self.dcd.stop(), 0)
        finally:
            self.kms.stop()
            self.mine.stop()

    def daemon(self, port, batch=500):
        conf = self.mine / "dc.conf"
        conf.write_text(f"""name = dc1
listen = 127.0.0.1:0
database = {self.database}
[identity]
certificate = {self.ca.cert('dc')}
key = {self.ca.key('dc')}
ca = {self.ca.root}
[kms ACME]
mode = message
url = https://127.0.0.1:{port}
batch = {batch}
retry_max_s = 1
[kms BANK]
mode = file
spool = {self.spool}
batch = {batch}
retry_max_s = 1
""")
        return Daemon("DCD", conf, self.mine)

    def send(self, records, name="mtms", delivery="d1", ca=None, order="ORDER-1", sequence=None):
        """The next delivery of that MTMS, unless another number is asked for."""
        if sequence is None:
            last = query(self.database, "SELECT last FROM mtms WHERE name = ?", f"{name}-1")
            sequence = last[0][0] + 1 if last else 1
        return post(ca or self.ca, name, self.dcd.address, "/v1/records",
                    {"delivery": delivery, "order": order, "sequence": sequence, "records": records})

    def delivered(self, count):
        def done():
            records = [r for d in self.kms.deliveries for r in d["records"]]
            return records if len(records) >= count else None
        return wait_until(done, f"{count} records at the KMS")

    def rows(self):
        return query(self.database, "SELECT serial FROM tk_record ORDER BY id")

    def test_record_reaches_its_kms_with_the_import_time_and_nothing_else_changed(self):  # R2.1
        before = int(time.time())
        sent = record("ACME", "SN-1")
        self.assertEqual(self.send([sent]), (200, {"accepted": 1, "known": 0, "refused": [], "repeated": False}))
        got = base64.b64decode(self.delivered(1)[0])
        raw = base64.b64decode(sent)
        self.assertEqual(got[:len(raw) - 2], raw[:-2])
        self.assertEqual(raw[-2:], b"\0\0")
        self.assertEqual(got[len(raw) - 2:len(raw)], b"\0\x08")
        self.assertLessEqual(before, int.from_bytes(got[len(raw):], "big"))
        self.assertEqual(self.kms.deliveries[0]["dc"], "dc1")

    def test_records_go_to_their_own_kms_only(self):  # R2.2
        sent = [record("ACME", "A-1"), record("BANK", "B-1"), record("ACME", "A-2")]
        self.assertEqual(self.send(sent)[1]["accepted"], 3)
        self.assertEqual(len(self.delivered(2)), 2)
        file = wait_until(lambda: list(self.spool.glob("*.keys")), "key file")[0]
        self.assertEqual(json.loads(file.read_text().splitlines()[0])["count"], 1)

    def test_key_file_is_of_the_documented_form(self):  # R2.2
        sent = [record("BANK", f"B-{i}") for i in range(3)]
        self.send(sent)
        manifest = wait_until(lambda: list(self.spool.glob("*.manifest")), "manifest")[0]
        file = manifest.with_suffix(".keys")
        text = file.read_bytes()
        lines = text.split(b"\n")
        self.assertEqual(lines[-1], b"")
        self.assertEqual(json.loads(lines[0]), {"format": "strongroom key file", "version": 1, "kms": "BANK", "dc": "dc1",
                                                "name": file.stem, "count": 3})
        self.assertEqual([base64.b64decode(line)[:-10] for line in lines[1:4]], [base64.b64decode(s)[:-2] for s in sent])
        body = text[:text.rindex(b'{"sha256"')]
        self.assertEqual(json.loads(lines[4]), {"sha256": hashlib.sha256(body).hexdigest()})
        self.assertEqual(sorted(p.name for p in self.spool.iterdir()), [file.name, manifest.name])  # no temporary file stays

    def test_key_files_have_names_of_their_own(self):  # R2.2
        for i in range(3):
            self.send([record("BANK", f"B-{i}")], delivery=f"d{i}")
            wait_until(lambda n=i: len(list(self.spool.glob("*.keys"))) == n + 1, "key file")

    def test_repeated_record_is_known_and_not_delivered_again(self):
        sent = record("ACME", "SN-1")
        self.send([sent])
        self.delivered(1)
        self.assertEqual(self.send([sent, sent], delivery="d2")[1], {"accepted": 0, "known": 2, "refused": [], "repeated": False})
        self.assertEqual(len(self.rows()), 1)
        time.sleep(1.2)
        self.assertEqual(len(self.delivered(1)), 1)

    def test_bad_records_are_refused_by_index_and_the_others_go_on(self):  # R2.1
        good = record("ACME", "SN-1")
        short = base64.b64encode(base64.b64decode(good)[:-3]).decode()
        stamped = base64.b64encode(base64.b64decode(good)[:-2] + b"\0\x08" + bytes(8)).decode()
        status, answer = self.send([short, good, stamped])
        self.assertEqual(status, 200)
        self.assertEqual((answer["accepted"], [r["index"] for r in answer["refused"]]), (1, [0, 2]))
        self.assertEqual(self.rows(), [("SN-1",)])
        self.assertIn("not well formed", self.dcd.command("audit"))

    def test_record_of_an_unknown_kms_is_kept_until_there_is_a_way(self):  # R2.1
        self.assertEqual(self.send([record("NOBODY", "SN-1")])[1]["accepted"], 1)
        self.assertIn("waiting", self.dcd.command("find", "SN-1"))

    def test_records_are_found_by_serial_number(self):  # R2.1
        self.send([record("ACME", "SN-7", 1), record("ACME", "SN-8", 1)])
        self.delivered(2)
        wait_until(lambda: "\tdelivered\t" in self.dcd.command("find", "SN-7"), "delivered")
        line = self.dcd.command("find", "SN-7").splitlines()
        self.assertEqual(len(line), 2)
        self.assertEqual(line[1].split("\t")[1:6], ["SN-7", "1", "ACME", "ORDER-1", "mtms-1"])
        self.assertEqual(len(self.dcd.command("find", "SN-9").splitlines()), 1)

    def test_redeliver_sends_the_newest_record_once_more(self):  # R2.1
        self.send([record("ACME", "SN-7", 1), record("ACME", "SN-7", 2)])
        first = self.delivered(2)
        wait_until(lambda: self.dcd.command("find", "SN-7").count("\tdelivered\t") == 2, "settled")
        self.dcd.command("redeliver", "SN-7")
        self.assertEqual(self.delivered(3)[2], first[1])
        self.assertEqual(run([*self.dcd.argv, "redeliver", "SN-9"], check=False).returncode, 1)

    def test_redeliver_is_not_misled_by_another_mtms(self):  # R2.1, R2.9
        if not self.ca.cert("mtms-b").exists():
            self.ca.issue("mtms", "mtms-b")
        true = record("ACME", "SN-1")
        self.send([true])
        self.send([record("ACME", "SN-1", 9), record("BANK", "SN-1", 9)], name="mtms-b")
        self.delivered(2)
        self.dcd.command("redeliver", "SN-1")
        again = [base64.b64decode(r)[:-10] for r in self.delivered(4)[2:]]
        self.assertIn(base64.b64decode(true)[:-2], again)

    def test_kms_down_then_up_gets_all_once_in_order(self):  # R2.2
        self.kms.fail = 2
        sent = [record("ACME", f"SN-{i}") for i in range(6)]
        for i, one in enumerate(sent):
            self.send([one], delivery=f"d{i}")
        got = [base64.b64decode(r)[:-10] for r in self.delivered(6)]
        self.assertEqual(got, [base64.b64decode(s)[:-2] for s in sent])
        self.assertIn("busy", self.dcd.command("audit"))

    def test_lost_answer_repeats_the_delivery_under_the_same_name(self):  # R2.2
        self.kms.fail_after = 1
        self.send([record("ACME", "SN-1")])
        wait_until(lambda: "\tdelivered\t" in self.dcd.command("deliveries"), "delivered")
        self.assertEqual(len(self.kms.deliveries), 1)

    def test_kill_9_after_the_answer_loses_nothing(self):
        self.kms.fail = 1000000
        sent = [record("ACME", f"SN-{i}") for i in range(20)]
        self.assertEqual(self.send(sent)[1]["accepted"], 20)
        self.dcd.kill()
        self.kms.fail = 0
        self.dcd.start()
        got = [base64.b64decode(r)[:-10] for r in self.delivered(20)]
        self.assertEqual(got, [base64.b64decode(s)[:-2] for s in sent])

    def test_wrong_server_role_gets_no_delivery(self):  # R2.3
        self.kms.stop()
        self.kms = Kms(self.ca, identity="mtms", port=self.kms.port)
        self.send([record("ACME", "SN-1")])
        wait_until(lambda: "delivery\t" in self.dcd.command("audit"), "audit of the failure")
        self.assertEqual(self.kms.deliveries, [])

    def test_another_customers_kms_gets_no_delivery(self):  # R2.3, R2.9
        """Role, root and host name are good; the name in the certificate is not the route's customer."""
        self.kms.stop()
        if not self.ca.cert("bank").exists():
            self.ca.issue("kms", "bank", "BANK")
        self.kms = Kms(self.ca, identity="bank", port=self.kms.port)
        self.send([record("ACME", "SN-1")])
        why = f"https://127.0.0.1:{self.kms.port}/v1/records: the certificate there is not of kms ACME"
        wait_until(lambda: why in self.dcd.command("routes"), "the reason in `routes`")
        self.assertEqual((self.kms.deliveries, self.kms.notices), ([], []))
        port = self.kms.port
        self.kms.stop()
        self.kms = Kms(self.ca, port=port)
        self.delivered(1)

    def test_deliveries_are_cut_to_size(self):
        self.dcd.stop()
        self.dcd = self.daemon(self.kms.port, batch=4).start()
        self.send([record("ACME", f"SN-{i}") for i in range(10)])
        self.delivered(10)
        self.assertEqual([len(d["records"]) for d in self.kms.deliveries], [4, 4, 2])

    def test_only_an_mtms_may_send_records(self):  # R2.3
        for name in ("opterm", "kms", "dc"):
            with self.assertRaises((ssl.SSLError, OSError)):
                status, answer = self.send([record("ACME", "SN-1")], name=name)
                self.assertEqual((status, answer["error"]), (403, 4))
                raise OSError("refused by code")
        self.assertEqual(self.rows(), [])

    def test_certificate_of_another_ca_or_none_is_refused(self):  # R2.3
        for ca, name in ((self.other, "mtms"), (self.ca, None)):
            client = ca
            if client is self.other:
                client = Authority.__new__(Authority)
                client.folder, client.dir, client.root = self.other.folder, self.other.dir, self.ca.root
            with self.assertRaises((ssl.SSLError, OSError)):
                self.send([record("ACME", "SN-1")], name=name, ca=client)
        self.assertEqual(self.rows(), [])

    def test_malformed_bodies_get_one_code_and_change_nothing(self):
        good = record("ACME", "SN-1")
        bodies = [b"", b"{", b"[]", b"null", b"{}", b'{"delivery":"d","records":["%s"]}' % good.encode(), b"\xff\xfe", b"[" * 100000]
        whole = {"delivery": "d", "order": "o", "sequence": 1, "records": [good]}
        for field, values in (("delivery", ["", "a b", 7, "x" * 65, ".d"]), ("order", ["", "a b", 7, "x" * 65, "../o"]),
                              ("sequence", [0, -1, "1", 1.5, 2**63]), ("records", [[], ["***"], [7], "AA==", [""]]), ("more", [1])):
            bodies += [json.dumps({**whole, field: value}).encode() for value in values]
            bodies.append(json.dumps({k: v for k, v in whole.items() if k != field}).encode() if field in whole else b"")
        text = json.dumps(whole).encode()
        bodies += [text + b" x", text[:-1], text[:-1] + b',"delivery":"d"}']
        for body in bodies:
            status, answer = post(self.ca, "mtms", self.dcd.address, "/v1/records", body)
            self.assertEqual((status, answer), (400, {"error": 1, "text": "malformed message"}), body[:60])
        self.assertEqual(self.rows(), [])
        self.assertEqual(query(self.database, "SELECT count(*) FROM audit WHERE code = 1")[0][0], len(bodies))

    def test_oversized_body_is_refused(self):
        try:
            status, _ = post(self.ca, "mtms", self.dcd.address, "/v1/records", b"x" * (2 << 20))
        except OSError:
            status = 413  # closed before all was sent
        self.assertEqual(status, 413)
        self.assertEqual(self.rows(), [])

    def test_other_paths_and_methods_are_refused(self):
        status, answer = post(self.ca, "mtms", self.dcd.address, "/v1/nothing", {})
        self.assertEqual((status, answer["error"]), (404, 6))
        status, _ = post(self.ca, "mtms", self.dcd.address, "/v1/records", b"", method="GET")
        self.assertGreaterEqual(status, 400)

    def test_silent_connections_do_not_stop_others(self):
        host, port = self.dcd.address.split(":")
        idle = [socket.create_connection((host, int(port))) for _ in range(20)]
        try:
            self.assertEqual(self.send([record("ACME", "SN-1")])[0], 200)
        finally:
            for s in idle:
                s.close()

    def test_file_of_another_content_under_the_name_is_no_delivery(self):  # R2.2
        """Whoever may write into the spool folder cannot make the DC believe that it has delivered."""
        now = int(time.time())
        names = [time.strftime("dc1-BANK-%Y%m%dT%H%M%SZ-000001.keys", time.gmtime(t)) for t in range(now, now + 30)]
        for k in names:
            (self.spool / k).write_text("not yours")
        self.send([record("BANK", "SN-1")])
        wait_until(lambda: "ERR_" in self.dcd.log.read_text() or self.delivered_files(), "a verdict")
        self.assertEqual(query(self.database, "SELECT state FROM delivery"), [("waiting",)])
        for k in names:
            self.assertEqual((self.spool / k).read_text(), "not yours")
            (self.spool / k).unlink()
        wait_until(lambda: query(self.database, "SELECT state FROM delivery") == [("delivered",)], "the delivery")
        self.assertEqual(len(list(self.spool.glob("*.keys"))), 1)

    def delivered_files(self):
        return query(self.database, "SELECT name FROM delivery WHERE state = 'delivered'")

    def test_kms_that_never_answers_does_not_hold_up_the_end(self):  # R2.2
        with socket.create_server(("127.0.0.1", 0)) as silent:
            self.assertEqual(self.dcd.stop(), 0)
            conf = self.mine / "dc.conf"
            conf.write_text(re.sub(r"(url = https://127.0.0.1:)[0-9]+", rf"\g<1>{silent.getsockname()[1]}", conf.read_text()))
            self.dcd.start()
            self.send([record("ACME", "SN-1")])
            silent.settimeout(30)
            kept, _ = silent.accept()
            began = time.monotonic()
            self.assertEqual(self.dcd.stop(), 0)
            self.assertLess(time.monotonic() - began, 10)
            kept.close()
        self.assertEqual(query(self.database, "SELECT state FROM delivery"), [("waiting",)])
        self.assertEqual(query(self.database, "SELECT attempts FROM route WHERE customer = 'ACME'"), [(0,)])

    def test_second_start_with_the_same_database_keeps_all(self):
        self.send([record("ACME", "SN-1")])
        self.assertEqual(self.dcd.stop(), 0)
        self.dcd.start()
        self.assertEqual(self.rows(), [("SN-1",)])

    def test_wrong_configuration_is_one_clear_line(self):
        for text, words in ((f"database = {self.mine / 'x.db'}\n", "identity"), ("nonsense = 1\n", "nonsense"),
                            (f"database = x\n[identity]\ncertificate = x\nkey = x\nca = x\n", "x")):
            conf = self.mine / "bad.conf"
            conf.write_text(text)
            done = run([program("DCD"), "--config", conf], check=False)
            self.assertEqual(done.returncode, 1)
            self.assertIn(words, done.stderr.decode())
            self.assertEqual(len(done.stderr.decode().splitlines()), 1)

    def test_certificate_of_another_role_does_not_start(self):  # R2.3
        conf = self.mine / "dc.conf"
        text = conf.read_text().replace(str(self.ca.cert("dc")), str(self.ca.cert("kms")))
        conf.write_text(text.replace(str(self.ca.key("dc")), str(self.ca.key("kms"))))
        done = run([program("DCD"), "--config", conf], check=False)
        self.assertEqual(done.returncode, 1)

    def test_holds_no_token(self):  # R2.1
        if os.geteuid():
            self.skipTest("a process that is not dumpable shows its maps to root only")
        maps = pathlib.Path(f"/proc/{self.dcd.process.pid}/maps").read_text(encoding="ascii")
        self.assertNotIn("strongroom-pkcs11", maps)
        self.assertNotIn("softhsm", maps)


if __name__ == "__main__":
    unittest.main(verbosity=1)
