# SPDX-License-Identifier: BSD-2-Clause
"""mtmsd over a real token: inventories, permissions, newer TKs, several workers, numbered deliveries. R1.4 to R1.7, R2.1, R2.3, R2.9"""
import csv
import io
import json
import os
import pathlib
import random
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "servers"))
import postgres  # noqa: E402

import test_mtms
from factory import Authority, Folder, Terminal, b64, batch_content, cms_sign, post, query, run, wait_until

MANY = 1203


class Orders(test_mtms.Base, unittest.TestCase):
    token = test_mtms.StrongToken
    test_batch_leaves_as_records_that_only_its_customers_keys_open = None
    test_packet_that_the_token_refuses_is_recorded_and_the_others_go_on = None

    def report(self, *arguments):
        return json.loads(self.mtmsd.command(*arguments, "--json"))[arguments[0]]

    def again(self, **more):
        """mtmsd stopped, its configuration changed, started again."""
        self.mtmsd.stop()
        self.mtmsd = self.line.mtmsd(self.mine, self.database, self.dcd.address, **more).start()

    def ask(self, order, after=0, operator="operator", name="opterm", **more):
        der = run(["openssl", "x509", "-in", self.ca.cert(operator), "-outform", "DER"]).stdout
        return post(self.ca, name, self.mtmsd.address, "/v1/orders", {"order": order, "operator": b64(der), "after": after, **more})

    def test_order_and_inventory_are_handed_out_page_by_page(self):  # R1.5
        self.line.order(self.mtmsd, "O-ACME2", [f"MANY-{i:05}" + (f",PP-MANY-{i:05}" if i < 2 else "") for i in range(MANY)])
        self.send([self.terminal("MANY-00001", counter=7)], order="O-ACME2")
        self.records(1)
        wait_until(lambda: self.report("deliveries")[0]["state"] == "delivered", "delivery")
        status, first = self.ask("O-ACME2")
        self.assertEqual((status, first["customer"], first["suite"], first["total"], first["more"]), (200, "ACME", 2, MANY, True))
        self.assertEqual(first["devices"][:2], [
            {"serial": "MANY-00000", "pin_pad": "PP-MANY-00000", "state": "expected", "counter": 0},
            {"serial": "MANY-00001", "pin_pad": "PP-MANY-00001", "state": "delivered", "counter": 7}])
        _, second = self.ask("O-ACME2", first["last"])
        self.assertEqual((len(first["devices"]), len(second["devices"]), second["more"]), (1000, MANY - 1000, False))
        self.assertEqual([d["serial"] for d in first["devices"] + second["devices"]], [f"MANY-{i:05}" for i in range(MANY)])

    def test_order_is_not_handed_out_without_permission(self):  # R2.3
        self.ca.operator("second")
        self.mtmsd.command("revoke", "opterm-1", "*", "customer:BANK")
        self.mtmsd.command("grant", "opterm-1", "second", "order:O-BANK")
        self.assertEqual(self.ask("O-BANK", operator="second")[0], 200)
        for order, operator in (("O-BANK", "operator"), ("O-NONE", "operator"), ("O-ACME", "opterm"), ("O-ACME", "mtms")):
            status, answer = self.ask(order, operator=operator)
            self.assertEqual((status, answer), (403, {"error": 4, "text": "refused"}))
        self.assertIn("no permission to collect for order O-BANK", self.mtmsd.command("audit"))
        status, answer = self.send(self.terminals(1, "BANK"), order="O-BANK")
        self.assertEqual((status, answer["error"]), (403, 4))
        self.mtmsd.command("order", "close", "O-BANK", "--incomplete")
        self.assertEqual(self.ask("O-BANK", operator="second")[0], 403)

    def test_malformed_questions_for_an_order_get_one_code(self):
        for body in (b"", b"{}", b'{"order":"O-ACME"}', b'{"order":"O-ACME","operator":"AAAA","after":0}',
                     b'{"order":"../x","operator":"AAAA","after":0}', b'{"order":"O-ACME","operator":"?","after":0}',
                     b'{"order":"O-ACME","operator":"AAAA","after":-1}', b'{"order":"O-ACME","operator":"AAAA","after":0,"x":1}'):
            answer = post(self.ca, "opterm", self.mtmsd.address, "/v1/orders", body)
            self.assertEqual(answer, (400, {"error": 1, "text": "malformed message"}), body)
        status, answer = post(self.ca, "opterm", self.mtmsd.address, "/v1/orders", b" " * 100000 + b"{}")
        self.assertEqual((status, answer["error"]), (413, 2))

    def test_newer_tk_takes_the_place_of_one_that_no_delivery_has(self):  # R1.4
        address = self.dcd.address
        self.assertEqual(self.dcd.stop(), 0)
        self.send(self.terminals(1), batch="B0")
        wait_until(lambda: self.report("deliveries"), "the delivery that waits")
        old, new = self.terminal("SN-1", counter=1), self.terminal("SN-1", counter=2)
        self.send([old, self.terminal("SN-2")], batch="B1")
        self.settled()
        self.assertEqual(self.send([new], batch="B2")[1]["accepted"], 1)
        self.settled()
        self.dcd = self.line.dcd(self.mine, self.dc_database, address).start()
        found = self.records(3)
        self.assertEqual(found[2][1].count(b"SN-1"), 2)  # serial number and PIN pad
        self.check([found[2]], [new])
        wanted = [(1, "superseded", "superseded by counter 2"), (2, "delivered", "")]
        wait_until(lambda: [(h["counter"], h["outbox"], h["note"]) for h in self.report("history", "SN-1")] == wanted, "the delivery settled")

    def test_newer_tk_follows_one_that_was_delivered(self):  # R1.4
        terminals = [self.terminal("SN-1", counter=c) for c in (1, 2)]
        for n, terminal in enumerate(terminals):
            self.send([terminal], batch=f"B{n}")
            self.check(self.records(n + 1), terminals[:n + 1])
        wait_until(lambda: [h["outbox"] for h in self.report("history", "SN-1")] == ["delivered"] * 2, "both delivered")
        self.assertEqual([d["state"] for d in self.report("devices", "O-ACME") if d["serial"] == "SN-1"], ["delivered"])

    def test_workers_killed_again_and_again_deliver_once_in_order(self):  # R1.7, R2.1
        dice = random.Random(20)
        self.again(workers=3)
        acme, bank = self.terminals(40, "A") + self.terminals(40), self.terminals(40, "BANK")
        self.send(acme, batch="B1")
        self.send(bank, "O-BANK", "B2")
        for _ in range(5):
            time.sleep(dice.random() * 0.4)
            self.mtmsd.kill()
            self.mtmsd.start()
        found = self.records(120)
        self.check([f for f in found if f[0] == "ACME"], acme)
        self.check([f for f in found if f[0] == "BANK"], bank)
        wait_until(lambda: {d["state"] for d in self.report("deliveries")} == {"delivered"}, "deliveries settled")
        numbers = query(self.database, "SELECT d.sequence, count(DISTINCT o.order_id) FROM delivery d JOIN outbox o ON o.delivery ="
                        " d.sequence GROUP BY d.sequence ORDER BY 1")
        self.assertEqual(numbers, [(i + 1, 1) for i in range(len(numbers))])
        self.assertEqual(query(self.database, "SELECT count(*) FROM sn_key WHERE claimed_by IS NOT NULL AND state = 'waiting'"), [(0,)])

    def test_as_many_workers_as_processors_share_a_batch(self):  # R1.7
        def threads():
            return len(list(pathlib.Path(f"/proc/{self.mtmsd.process.pid}/task").iterdir()))

        self.again(workers=1)
        one = threads()
        self.again(workers=0)
        processors = os.sysconf("SC_NPROCESSORS_ONLN")
        self.assertEqual(threads() - one, processors - 1)
        terminals = [t for prefix in ("A", "P0", "P1") for t in self.terminals(40, prefix)]
        self.send(terminals, batch="B1")
        self.check(self.records(120), terminals)
        by = query(self.database, "SELECT claimed_worker, count(*) FROM sn_key WHERE state = 'rewrapped' GROUP BY claimed_worker")
        self.assertEqual(sum(n for _, n in by), 120)
        self.assertGreaterEqual(len(by), min(2, processors), by)

    def test_claim_of_another_machine_ends_by_itself(self):  # R1.7
        waiting = self.kill_with_one_waiting()
        now = int(time.time())
        self.sql("UPDATE sn_key SET claimed_by = 'mtms9', claimed_worker = 1, claimed_until = ?", now + 4)
        self.mtmsd.start()
        self.check(self.records(1), waiting)
        self.assertGreaterEqual(int(time.time()), now + 4)

    def kill_with_one_waiting(self):
        lost = test_mtms.Strong.lost_pr(self)
        terminal = Terminal(lost, "SN-LOST")
        self.send([terminal])
        wait_until(lambda: "re-wrap waits" in self.mtmsd.command("audit"), "the re-wrap to wait")
        self.mtmsd.kill()
        # The packet was made for a key of nobody: another one takes its place, before the batch is looked at again.
        good = [self.terminal("SN-1")]
        self.sql("DELETE FROM sn_key")
        self.sql("DELETE FROM batch")
        self.sql("UPDATE working_certificate SET key_index = 99 WHERE key_index = 1")
        self.mtmsd.start()
        self.send(good, batch="B2")
        self.mtmsd.kill()
        self.sql("UPDATE working_certificate SET key_index = 1 WHERE length(certificate) > 1")
        return good

    def sql(self, statement, *parameters):
        test_mtms.Strong.sql(self, statement, *parameters)

    def test_dc_that_lost_its_database_gets_all_once_more(self):  # R2.1
        self.send(self.terminals(3), batch="B1")
        self.records(3)
        wait_until(lambda: [d["state"] for d in self.report("deliveries")] == ["delivered"], "delivery")
        address = self.dcd.address
        self.dcd.stop()
        for file in self.mine.path.glob("dc.db*"):
            file.unlink()
        self.dcd = self.line.dcd(self.mine, self.dc_database, address).start()
        self.send(self.terminals(2, "A"), batch="B2")
        wait_until(lambda: self.report("deliveries")[-1]["error"], "the DC to miss one")
        self.mtmsd.command("deliveries", "again", "1")
        self.records(5)
        wait_until(lambda: {d["state"] for d in self.report("deliveries")} == {"delivered"}, "deliveries")

    def test_reports_are_tables_json_and_csv(self):  # R2.9
        self.send(self.terminals(2) + [self.terminal("SN-0001", counter=2), self.terminal("NOT-THERE")])
        self.records(2)
        names = ("orders", "terminals", "grants", "deliveries", "key-status", "status", "audit")
        for words in [(n,) for n in names] + [("devices", "O-ACME"), ("missing", "O-ACME"), ("rejected", "O-ACME"), ("history", "SN-0000")]:
            rows = self.report(*words)
            lines = list(csv.reader(io.StringIO(self.mtmsd.command(*words, "--csv"))))
            text = self.mtmsd.command(*words).splitlines()
            self.assertEqual((len(lines), len(text)), (len(rows) + 1,) * 2, words)
            self.assertEqual([list(r) for r in rows], [lines[0]] * len(rows))
        rejected = {r["serial"]: r["reason"] for r in self.report("rejected", "O-ACME")}
        self.assertEqual(rejected, {"SN-0001": "duplicate: the serial number stands in this batch already",
                                    "NOT-THERE": "unknown: not in the order's inventory"})
        for words in (("missing",), ("devices", "O-ACME", "more"), ("orders", "--xml"), ("status", "--json", "--csv"), ("nothing",)):
            self.assertNotEqual(run([*self.mtmsd.argv, *words], check=False, env=self.mtmsd.env).returncode, 0, words)

    def test_card_revoked_between_receipt_and_re_wrap_signs_for_nothing(self):  # R1.6
        self.ca.operator("thief")
        crl = self.mine / "crl.pem"
        self.ca.call("crl", "--dir", self.ca.dir, "--out", crl)
        lost = test_mtms.Strong.lost_pr(self)
        self.mtmsd.stop()
        conf = self.mine / "mtms.conf"
        conf.write_text(conf.read_text().replace("[token]", f"crl = {crl}\n[token]", 1))
        self.mtmsd.start()
        cms = cms_sign(self.ca, "thief", batch_content("O-ACME", "B1", [Terminal(lost, "SN-LOST")] + self.terminals(2)))
        self.assertEqual(self.upload("O-ACME", "B1", cms)[1]["accepted"], 3)
        wait_until(lambda: "re-wrap waits" in self.mtmsd.command("audit"), "the re-wrap to wait")
        self.ca.call("revoke", self.ca.cert("thief"), "--dir", self.ca.dir, "--reason", "keyCompromise")
        self.ca.call("crl", "--dir", self.ca.dir, "--out", crl)
        self.sql("UPDATE working_certificate SET key_index = 1")
        states = self.settled()
        self.assertEqual({s[1] for s in states}, {"failed"})
        self.assertIn("revoked", states[0][2])
        self.assertEqual(query(self.database, "SELECT count(*) FROM outbox"), [(0,)])
        self.assertEqual(self.upload("O-ACME", "B2", cms_sign(self.ca, "thief", batch_content("O-ACME", "B2", self.terminals(1))))[0], 403)


class OnPostgres(unittest.TestCase):
    """The same daemon and commands with the tables in PostgreSQL."""

    def setUp(self):
        self.line, self.server = test_mtms.Line.__new__(test_mtms.Line), postgres.Postgres().start()
        self.folder = self.line.folder = Folder()
        self.ca = self.line.ca = Authority(self.folder)
        self.ca.operator()
        self.line.token = test_mtms.StrongToken(self.folder, test_mtms.CUSTOMERS)
        (self.folder / "dc").mkdir()
        self.dcd = self.line.dcd(self.folder / "dc", self.folder / "dc/dc.db").start()
        self.mtmsd = self.line.mtmsd(self.folder, self.server.fresh("mtms"), self.dcd.address, workers=2)

    def tearDown(self):
        try:
            for daemon in (self.mtmsd, self.dcd):
                if daemon.process:
                    self.assertEqual(daemon.stop(), 0, daemon.log.read_text())
                self.assertNotIn("Sanitizer", daemon.log.read_text())
        finally:
            self.server.stop()
            self.folder.stop()

    def refused(self, *words):
        done = run([*self.mtmsd.argv, *words], check=False, env=self.mtmsd.env)
        self.assertEqual(done.returncode, 1, words)
        return done.stderr.decode()

    def send(self, batch, terminals):
        cms = cms_sign(self.ca, "operator", batch_content("O-ACME", batch, terminals))
        return post(self.ca, "opterm", self.mtmsd.address, "/v1/batches", {"order": "O-ACME", "batch": batch, "cms": b64(cms)})[1]

    def test_order_goes_its_way_from_inventory_to_delivery(self):  # R1.1, R1.5 to R1.7, R2.1, R2.3
        certificate = self.folder / "hsm.pem"
        self.line.certify(self.mtmsd, "request.der", certificate)
        self.line.order(self.mtmsd, "O-ACME", [f"SN-{i:04},PP-SN-{i:04}" for i in range(50)])
        wrong, gone = self.folder / "wrong", self.folder / "gone"
        wrong.write_text("SN-0001\nX\nX\n")
        gone.write_text("SN-0049\n")
        text = self.refused("order", "add", "O-BANK", "BANK", "--inventory", wrong)
        self.assertIn("wrong:1: serial number SN-0001 stands in the open order O-ACME", text)
        self.assertIn("wrong:3: serial number X stands in line 2 already", text)
        self.mtmsd.command("grant", "opterm-1", "*", "customer:ACME")
        self.refused("grant", "opterm-1", "*", "customer:ACME")
        self.mtmsd.start()
        terminals = [Terminal(certificate, f"SN-{i:04}") for i in range(40)]
        self.assertEqual(self.send("B1", terminals)["accepted"], 40)
        answer = self.send("B2", [Terminal(certificate, "SN-0003", counter=2), Terminal(certificate, "SN-9999")])
        self.assertEqual((answer["accepted"], [r["serial"] for r in answer["refused"]]), (1, ["SN-9999"]))
        wait_until(lambda: "device\tdelivered\t40" in self.mtmsd.command("status"), "delivery")
        wait_until(lambda: "delivery\twaiting" not in self.mtmsd.command("status"), "all deliveries")
        self.assertIn("10 of 50", self.refused("order", "close", "O-ACME"))
        self.mtmsd.command("order", "amend", "O-ACME", "--remove", gone)
        for words in (("order", "close", "O-ACME", "--incomplete"), ("order", "reopen", "O-ACME"), ("deliveries", "again", "1"),
                      ("revoke", "opterm-1", "*", "customer:ACME"), ("orders",), ("devices", "O-ACME"), ("missing", "O-ACME"),
                      ("rejected", "O-ACME"), ("history", "SN-0003"), ("terminals",), ("grants",), ("key-status",), ("audit",)):
            self.mtmsd.command(*words)
        self.assertEqual(self.send("B3", [Terminal(certificate, "SN-0041")])["error"], 4)
        self.assertIn("has no permission to collect for order O-ACME", self.mtmsd.command("audit"))



if __name__ == "__main__":
    unittest.main(verbosity=1)
