# SPDX-License-Identifier: BSD-2-Clause
"""dcd's ways to the KMSs: vsftpd and OpenSSH's sshd as file servers over lines that break, notices, KMSs that are away or refuse,
kill -9 at any moment. R2.1, R2.2, R2.9"""
import base64
import csv
import hashlib
import http.client
import io
import json
import os
import random
import sys
import threading
import time
import unittest

from factory import Authority, Daemon, Folder, Kms, post, query, run, tool, wait_until

sys.path.insert(0, os.environ["SERVERS"])
from cut import Cut  # pylint: disable=wrong-import-position
from ftp import Ftp  # pylint: disable=wrong-import-position
from postgres import Postgres  # pylint: disable=wrong-import-position
from sftp import Sftp  # pylint: disable=wrong-import-position


class Rig(unittest.TestCase):
    """A CA for all tests, a dcd for each."""

    @classmethod
    def setUpClass(cls):
        cls.folder = Folder()
        cls.ca = Authority(cls.folder)
        made = tool("form", "ACME", "SN-000000", "1").strip()
        cls.pattern = base64.b64decode(made)

    @classmethod
    def tearDownClass(cls):
        cls.folder.stop()

    def setUp(self):
        self.mine = Folder()
        self.addCleanup(self.mine.stop)
        self.database = self.mine / "dc.db"
        self.dcd = None

    def tearDown(self):
        if self.dcd and self.dcd.process:
            self.assertEqual(self.dcd.stop(), 0)
            self.assertNotIn("Sanitizer", self.dcd.log.read_text())

    def start(self, identity="dc", database=None, **routes):
        """routes: customer -> keys of its section."""
        text = (f"name = dc1\nlisten = 127.0.0.1:0\ndatabase = {database or self.database}\n[identity]\ncertificate = {self.ca.cert(identity)}\n"
                f"key = {self.ca.key(identity)}\nca = {self.ca.root}\n")
        for customer, keys in routes.items():
            text += f"[kms {customer}]\n" + "".join(f"{k} = {v}\n" for k, v in {"retry_max_s": 1, **keys}.items())
        conf = self.mine / "dc.conf"
        conf.write_text(text)
        self.dcd = Daemon("DCD", conf, self.mine)
        self.dcd.start()

    def record(self, customer, number):
        """A record as HSM 1 gives it out, by its form; as quick as 200 of them must be."""
        return base64.b64encode(self.pattern.replace(b"ACME", customer.encode()).replace(b"SN-000000", b"SN-%06d" % number)).decode()

    def send(self, sequence, records, order="ORDER-1", name="mtms"):
        return post(self.ca, name, self.dcd.address, "/v1/records",
                    {"delivery": f"d{sequence}", "order": order, "sequence": sequence, "records": records})

    def taken(self, sequence, records, **more):
        status, answer = self.send(sequence, records, **more)
        self.assertEqual((status, answer["accepted"]), (200, len(records)), answer)

    def json(self, *words):
        return json.loads(self.dcd.command(*words, "--json"))

    def route(self, customer):
        return [r for r in self.json("routes")["routes"] if r["kms"] == customer][0]

    def settled(self, customer, count):
        def done():
            rows = query(self.database, "SELECT name FROM delivery WHERE customer = ? AND state = 'delivered' ORDER BY sequence", customer)
            return [r[0] for r in rows] if len(rows) >= count else None
        return wait_until(done, f"{count} deliveries to {customer}: {self.dcd.log.read_text()[-1500:]}")

    def verify(self, folder, name):
        """As an independent client does: the openssl command and a SHA-256 of the file; answers manifest and serial numbers."""
        manifest = folder / f"{name}.manifest"
        text = run(["openssl", "cms", "-verify", "-inform", "DER", "-in", manifest, "-CAfile", self.ca.root, "-purpose", "any"]).stdout
        content = json.loads(text)
        keys = (folder / f"{name}.keys").read_bytes()
        self.assertEqual((content["format"], content["version"], content["dc"]), ("strongroom manifest", 1, "dc1"))
        self.assertEqual((content["name"], content["size"], content["sha256"]), (name, len(keys), hashlib.sha256(keys).hexdigest()))
        lines = keys.split(b"\n")
        self.assertEqual(content["count"], json.loads(lines[0])["count"])
        self.assertEqual(content["kms"], json.loads(lines[0])["kms"])
        return content, [self.serial(line) for line in lines[1:-2]]

    @staticmethod
    def serial(line):
        text = base64.b64decode(line)
        at = text.index(b"SN-")
        return text[at:at + 9].decode()

    def all_once_in_order(self, folder, customer, count):
        """The files of a customer: numbers without gaps, every record once, as they came."""
        seen, numbers = [], []
        for path in sorted(folder.glob(f"dc1-{customer}-*.manifest"), key=lambda p: p.stem.rsplit("-", 1)[1]):
            content, serials = self.verify(folder, path.stem)
            numbers.append(content["sequence"])
            seen += serials
        self.assertEqual(numbers, list(range(1, len(numbers) + 1)))
        self.assertEqual(seen, [f"SN-{i:06d}" for i in range(count)])


class Ways(Rig):
    """Each way to a KMS."""

    def by_file(self, server, options, cuts, folder):
        """Deliveries over a line that breaks; all arrive, whole, once."""
        self.start(ACME={"mode": "file", "spool": folder, "stall_s": 10, **options})
        for i, cut in enumerate(cuts):
            if cut:
                cut()
            self.taken(i + 1, [self.record("ACME", n) for n in range(i * 300, i * 300 + 300)])
            self.settled("ACME", i + 1)
        self.all_once_in_order(server.files, "ACME", 300 * len(cuts))
        self.assertEqual([p.name for p in server.files.iterdir() if p.name.startswith(".")], [])

    def test_ftps_with_broken_lines(self):  # R2.2
        server = Ftp().start()
        self.addCleanup(server.stop)
        control = Cut(("127.0.0.1", server.port), "127.0.0.2")
        data = Cut(("127.0.0.1", server.data_port), "127.0.0.2", server.data_port)
        self.addCleanup(control.stop)
        self.addCleanup(data.stop)
        cuts = [None, lambda: data.arm(up=50000), lambda: data.arm(up=2500), control.drop, lambda: control.arm(up=300)]
        self.by_file(server, server.options(), cuts, server.folder_at("127.0.0.2", control.port))
        self.assertGreater(data.cuts, 0)
        self.assertIn("route recovered", self.dcd.command("audit"))
        # The second file went on where the line broke.
        self.assertTrue("APPE" in server.said())

    def test_plain_ftp_because_the_configuration_says_so(self):  # R2.2
        server = Ftp(tls="none").start()
        self.addCleanup(server.stop)
        self.by_file(server, server.options(), [None, None], server.url)

    def test_sftp_with_broken_lines(self):  # R2.2
        server = Sftp().start()
        self.addCleanup(server.stop)
        cut = Cut(("127.0.0.1", server.port))
        self.addCleanup(cut.stop)
        server.know(port=cut.port)
        self.by_file(server, server.options(), [None, lambda: cut.arm(up=50000), lambda: cut.arm(up=3000), cut.drop, None],
                     server.folder_at(port=cut.port))
        self.assertGreater(cut.cuts, 0)

    def test_changed_host_key_stops_the_route_and_says_so(self):  # R2.2
        server = Sftp().start()
        self.addCleanup(server.stop)
        self.start(ACME={"mode": "file", "spool": server.url, **server.options()})
        self.taken(1, [self.record("ACME", 0)])
        self.settled("ACME", 1)
        self.dcd.stop()  # and with it the connection that it keeps
        server.halt()
        server.new_host_key()
        server.start()
        self.dcd.start()
        self.taken(2, [self.record("ACME", 1)])
        wait_until(lambda: self.route("ACME")["attempts"] > 1, "tries in vain")
        self.assertIn("host key is another", self.route("ACME")["error"])
        self.assertEqual(len(list(server.files.glob("*.keys"))), 1)
        server.known_hosts.write_text("")
        server.know()  # the operator has asked the other side
        self.settled("ACME", 2)
        self.all_once_in_order(server.files, "ACME", 2)

    def test_notice_comes_when_the_files_are_there(self):  # R2.2
        kms = Kms(self.ca)
        self.addCleanup(kms.stop)
        spool = self.mine / "spool"
        spool.mkdir()
        seen = []

        def look(body):
            content, serials = self.verify(spool, body["delivery"])
            self.assertEqual({k: content[k] for k in ("dc", "sequence", "count", "size", "sha256")},
                             {k: body[k] for k in ("dc", "sequence", "count", "size", "sha256")})
            seen.append(serials)
        kms.on_notice = look
        kms.fail = 2
        self.start(ACME={"mode": "notice", "url": f"https://127.0.0.1:{kms.port}", "spool": spool})
        self.taken(1, [self.record("ACME", 0)])
        name, = self.settled("ACME", 1)
        self.assertEqual((seen, [n["delivery"] for n in kms.notices]), ([["SN-000000"]], [name]))
        # Files that the KMS took away meanwhile are not written again for a notice that is due.
        kms.fail = 2
        self.taken(2, [self.record("ACME", 1)])
        wait_until(lambda: query(self.database, "SELECT 1 FROM delivery WHERE state = 'placed'"), "the files")
        kms.on_notice = None
        for path in spool.iterdir():
            path.unlink()
        self.settled("ACME", 2)
        self.assertEqual(list(spool.iterdir()), [])

    def test_messages_carry_order_and_number(self):  # R2.2, R2.9
        kms = Kms(self.ca)
        self.addCleanup(kms.stop)
        self.start(ACME={"mode": "message", "url": f"https://127.0.0.1:{kms.port}", "batch": 2})
        kms.fail = 1000000
        for i, order in enumerate("AABBA"):
            self.taken(i + 1, [self.record("ACME", i)], order=order)
        kms.fail = 0
        wait_until(lambda: sum(len(d["records"]) for d in kms.deliveries) == 5, "all records")
        self.assertEqual([d["sequence"] for d in kms.deliveries], list(range(1, len(kms.deliveries) + 1)))
        self.assertEqual("".join(d["order"] * len(d["records"]) for d in kms.deliveries), "AABBA")
        self.assertEqual([self.serial(r) for d in kms.deliveries for r in d["records"]], [f"SN-{i:06d}" for i in range(5)])

    def test_a_kms_that_is_away_blocks_its_own_route_only(self):  # R2.2
        spool = self.mine / "spool"
        spool.mkdir()
        kms = Kms(self.ca)
        port = kms.port
        kms.stop()
        self.start(ACME={"mode": "message", "url": f"https://127.0.0.1:{port}"}, BOLT={"mode": "file", "spool": spool})
        self.taken(1, [self.record("ACME", 0)])
        self.taken(2, [self.record("BOLT", 0)])
        self.settled("BOLT", 1)
        wait_until(lambda: self.route("ACME")["attempts"] > 1, "tries in vain")
        route = self.route("ACME")
        self.assertEqual((route["state"], route["deliveries_waiting"], route["mode"]), ("open", 1, "message"))
        self.assertGreater(route["next_try"], time.time() - 10)
        self.assertEqual(self.route("BOLT")["attempts"], 0)
        self.assertIn("route failing\tACME", self.dcd.command("status"))
        kms = Kms(self.ca, port=port)
        self.addCleanup(kms.stop)
        self.settled("ACME", 1)
        wait_until(lambda: self.route("ACME")["attempts"] == 0, "recovery")
        self.assertIn("route recovered", self.dcd.command("audit"))
        self.assertEqual(query(self.database, "SELECT count(*) FROM audit WHERE event = 'delivery' AND peer = 'ACME' AND code <> 0"), [(1,)])

    def test_refused_for_good_parks_the_route_until_the_operator_decides(self):  # R2.2
        kms = Kms(self.ca)
        self.addCleanup(kms.stop)
        self.start(ACME={"mode": "message", "url": f"https://127.0.0.1:{kms.port}"})
        kms.refuse = 2
        self.taken(1, [self.record("ACME", 0)])
        wait_until(lambda: self.route("ACME")["state"] == "parked", "the route is parked")
        self.assertIn("route resume", self.dcd.command("audit"))
        time.sleep(1.5)  # longer than every pause: nothing more is sent
        self.assertEqual(kms.refuse, 1)
        self.dcd.stop()
        self.dcd.start()
        self.assertEqual(self.route("ACME")["state"], "parked")
        self.dcd.command("route", "resume", "ACME")
        wait_until(lambda: kms.refuse == 0 and self.route("ACME")["state"] == "parked", "parked again")
        self.taken(2, [self.record("ACME", 1)])
        self.assertIn("skipped dc1-ACME-", self.dcd.command("route", "skip", "ACME"))
        self.settled("ACME", 1)
        self.assertEqual([(d["sequence"], len(d["records"])) for d in kms.deliveries], [(2, 1)])
        self.assertEqual([r["state"] for r in self.json("find", "SN-000000")["records"]], ["skipped"])
        self.assertEqual(run([*self.dcd.argv, "route", "skip", "ACME"], check=False).returncode, 1)
        self.assertEqual(run([*self.dcd.argv, "route", "resume", "NONE"], check=False).returncode, 1)
        self.dcd.command("redeliver", "SN-000000")
        self.settled("ACME", 2)
        self.assertEqual([self.serial(r) for r in kms.deliveries[1]["records"]], ["SN-000000"])

    def test_repeated_gap_and_changed_content_over_the_wire(self):  # R2.1
        self.start(ACME={"mode": "file", "spool": self.mine.path})
        one, two = [self.record("ACME", 0)], [self.record("ACME", 1)]
        self.assertEqual(self.send(2, two)[1]["error"], 3)
        self.taken(1, one)
        self.assertEqual(self.send(1, one), (200, {"accepted": 1, "known": 0, "refused": [], "repeated": True}))
        self.assertEqual(self.send(1, two), (403, {"error": 4, "text": "refused"}))
        self.assertEqual(self.send(1, one, order="OTHER")[0], 403)
        self.assertEqual(self.send(3, two)[0], 409)
        self.assertEqual(query(self.database, "SELECT count(*) FROM tk_record"), [(1,)])

    def test_an_operation_terminals_certificate_is_no_dc(self):  # R2.3
        with self.assertRaises(AssertionError):
            self.start(identity="opterm", ACME={"mode": "file", "spool": self.mine.path})
        self.assertIn("role", self.dcd.log.read_text())

    def test_the_same_on_postgresql(self):  # R2.1, R2.2
        server = Postgres()
        self.addCleanup(server.stop)
        server.start()
        spool = self.mine / "spool"
        spool.mkdir()
        self.start(database=server.fresh("dc"), ACME={"mode": "file", "spool": spool, "batch": 4})
        for i in range(5):
            self.taken(i + 1, [self.record("ACME", n) for n in range(i * 3, i * 3 + 3)], order="AAABB"[i])
            if i == 2:
                self.dcd.kill()
                self.dcd.start()
        self.assertEqual(self.send(5, [self.record("ACME", n) for n in range(12, 15)], order="B")[1]["repeated"], True)
        self.assertEqual(self.send(5, [self.record("ACME", 12)], order="B")[0], 403)
        self.assertEqual(self.send(7, [self.record("ACME", 99)])[0], 409)
        wait_until(lambda: {o["order"]: o["delivered"] for o in self.json("orders")["orders"]} == {"A": 9, "B": 6}, "all delivered")
        self.all_once_in_order(spool, "ACME", 15)
        before = len(self.json("deliveries")["deliveries"])
        self.assertIn("6 records in 2 deliveries", self.dcd.command("redeliver", "order", "B", "--kms", "ACME"))
        self.assertIn("1 records in 1 deliveries", self.dcd.command("redeliver", "SN-000003"))
        self.dcd.command("redeliver", "delivery", self.json("deliveries")["deliveries"][0]["name"])
        wait_until(lambda: [d["state"] for d in self.json("deliveries")["deliveries"]] == ["delivered"] * (before + 4), "re-deliveries")
        self.assertEqual([d["sequence"] for d in self.json("deliveries")["deliveries"]], list(range(1, before + 5)))
        self.assertEqual(len(self.json("find", "SN-000003")["records"]), 3 if self.json("find", "SN-000003")["records"][0]["sequence"] == 1 else 2)
        for question in ("status", "routes", "receipts", "refusals", "sources", "audit", "find"):
            self.dcd.command(question, "--csv")
        self.dcd.command("mtms", "restart", "mtms-1")
        self.taken(1, [self.record("ACME", 50)])
        spool.rename(self.mine / "away")
        self.taken(2, [self.record("ACME", 51)])
        wait_until(lambda: self.route("ACME")["attempts"] > 1, "tries in vain")
        (self.mine / "away").rename(spool)
        wait_until(lambda: self.route("ACME")["attempts"] == 0, "recovery")

    def test_questions_as_table_json_and_csv(self):  # R2.1
        self.start(ACME={"mode": "file", "spool": self.mine.path})
        self.taken(1, [self.record("ACME", i) for i in range(3)])
        self.settled("ACME", 1)
        for question in ("status", "routes", "deliveries", "receipts", "refusals", "orders", "sources", "audit", "find"):
            table = self.dcd.command(question).splitlines()
            rows = list(csv.reader(io.StringIO(self.dcd.command(question, "--csv"))))
            objects = list(self.json(question).values())[0]
            self.assertEqual(len({len(table) - 1, len(rows) - 1, len(objects)}), 1, question)
            self.assertEqual(table[0].split("\t"), rows[0])
            for row, entry in zip(rows[1:], objects):
                self.assertEqual(list(entry), rows[0])
                self.assertEqual(row, ["" if v is None else str(v) for v in entry.values()])
        self.assertEqual(self.json("orders")["orders"][0]["delivered"], 3)
        for wrong in (["status", "x"], ["find", "a", "b"], ["redeliver"], ["route"], ["nothing"], ["routes", "--json", "--csv"]):
            self.assertEqual(run([*self.dcd.argv, *wrong], check=False).returncode, 1, wrong)


class Killed(Rig):
    """kill -9 at any moment: nothing lost, nothing doubled, the order kept. R2.1, R2.2, R2.9"""

    TOTAL, EACH = 200, 8

    def sender(self, customers, done):
        """What an MTMS does: each number until it is acknowledged."""
        for i in range(self.TOTAL // self.EACH):
            records = [self.record(c, n) for n in range(i * self.EACH, (i + 1) * self.EACH) for c in customers]
            while True:
                try:
                    status, answer = self.send(i + 1, records)
                except (OSError, http.client.HTTPException, ValueError):  # killed before or in the middle of its answer
                    time.sleep(0.05)
                    continue
                if status == 200:
                    self.acknowledged.append((answer["accepted"], answer["known"], answer["refused"]))
                    break
                self.assertEqual(status, 503, answer)
        done.set()

    def storm(self, customers, kills, seconds):
        done = threading.Event()
        self.acknowledged = []
        thread = threading.Thread(target=self.sender, args=(customers, done), daemon=True)
        thread.start()
        end, killed = time.monotonic() + seconds, 0
        while killed < kills or (not done.is_set() and time.monotonic() < end):
            time.sleep(random.uniform(0.02, 0.3))
            if killed < kills:
                self.dcd.kill()
                self.dcd.start()
                killed += 1
        self.assertTrue(done.wait(60))
        thread.join()
        self.assertEqual({(a + k, tuple(r)) for a, k, r in self.acknowledged}, {(self.EACH * len(customers), ())})
        self.assertEqual(sum(a for a, _, _ in self.acknowledged), self.TOTAL * len(customers))

    def test_messages_and_files_survive(self):
        kms = Kms(self.ca)
        self.addCleanup(kms.stop)
        spool = self.mine / "spool"
        spool.mkdir()
        self.start(ACME={"mode": "message", "url": f"https://127.0.0.1:{kms.port}", "batch": 5},
                   BOLT={"mode": "file", "spool": spool, "batch": 7})
        # The sender must find it again.
        text = (self.mine / "dc.conf").read_text()
        port = self.dcd.address.split(":")[1]
        (self.mine / "dc.conf").write_text(text.replace("listen = 127.0.0.1:0", f"listen = 127.0.0.1:{port}"))
        self.dcd.kill()
        self.dcd.start()
        self.storm(["ACME", "BOLT"], 25, 40)
        wait_until(lambda: sum(len(d["records"]) for d in kms.deliveries) >= self.TOTAL, "all messages")
        self.assertEqual([d["sequence"] for d in kms.deliveries], list(range(1, len(kms.deliveries) + 1)))
        self.assertEqual([self.serial(r) for d in kms.deliveries for r in d["records"]], [f"SN-{i:06d}" for i in range(self.TOTAL)])
        wait_until(lambda: not query(self.database, "SELECT 1 FROM delivery WHERE state <> 'delivered' UNION ALL SELECT 1 FROM tk_record WHERE"
                                                    " waiting = 1"), "all settled")
        self.all_once_in_order(spool, "BOLT", self.TOTAL)
        self.assertEqual([p.name for p in spool.iterdir() if p.name.startswith(".")], [])


if __name__ == "__main__":
    unittest.main(verbosity=1)
