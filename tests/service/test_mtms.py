# SPDX-License-Identifier: BSD-2-Clause
"""mtmsd and dcd as real processes over a real token: keys, batches, re-wrap, outbox. R1.1, R1.2, R1.5, R1.6, R1.7, R2.1"""
import base64
import json
import ssl
import time
import unittest

import databases
from factory import (Authority, Daemon, Folder, SoftToken, StrongToken, Terminal, b64, batch_content, cms_sign, post, program,
                     query, run, tool, wait_until)

CUSTOMERS = ("ACME", "BANK")


class Line:
    """One factory line: CA, HSM 1 with PK and MAK of two customers, a Pr with its HsmWCRT, configurations."""

    def __init__(self, token):
        self.folder = Folder()
        self.ca = Authority(self.folder)
        self.ca.operator()
        self.token = token(self.folder, CUSTOMERS)
        self.template = databases.new(self.folder / "template.db")
        self.wcrt = self.folder / "hsm.pem"
        mtmsd = self.mtmsd(self.folder, self.template)
        self.certify(mtmsd, "request.der", self.wcrt)
        names = ("0", "1", "2", "3", "none", "mac", "padding", "same", "last", "LOST", "LOST-1", "LOST-2", "256", "X", "F")
        acme = [f"SN-{n}" for n in names] + ["OLD-0000", "NEW-1"]
        acme += [f"{p}-{i:04}" for p in ("SN", "A", "P0", "P1", "P2", "OTHER", "LATE") for i in range(40)]
        for order, serials in (("O-ACME", acme), ("O-BANK", [f"{p}-{i:04}" for p in ("B", "BANK") for i in range(40)])):
            self.order(mtmsd, order, serials)
            mtmsd.command("grant", "opterm-1", "*", f"customer:{order[2:]}")

    def order(self, mtmsd, order, serials):
        """An order of the customer in its name, with these devices (lines of an inventory file)."""
        inventory = self.folder / f"{order}.inventory"
        inventory.write_text("".join(f"{s}\n" for s in serials))
        mtmsd.command("order", "add", order, order[2:6], "--inventory", inventory)

    def certify(self, mtmsd, request, out, *more):
        mtmsd.command("key-init", str(mtmsd.log.parent / request), *more)
        self.ca.call("issue", "--dir", self.ca.dir, "--role", "hsm", "--name", "HsmWCRT", "--request",
                     mtmsd.log.parent / request, "--out", out)
        mtmsd.command("cert-import", str(out))

    def mtmsd(self, folder, database, dc="127.0.0.1:9", workers=1):
        conf = folder / "mtms.conf"
        text = f"""database = {database}
[identity]
certificate = {self.ca.cert('mtms')}
key = {self.ca.key('mtms')}
ca = {self.ca.root}
[token]
uri = {self.token.uri}
way = {self.token.way}
[dc]
url = https://{dc}
[rewrap]
workers = {workers}
"""
        for customer in CUSTOMERS:
            text += f"[customer {customer}]\npk = pkcs11:object=PK-{customer}\nmak = pkcs11:object=MAK-{customer}\n"
        conf.write_text(text)
        return Daemon("MTMSD", conf, folder, self.token.env)

    def dcd(self, folder, database, listen="127.0.0.1:0"):
        conf = folder / "dc.conf"
        (folder / "spool").mkdir(exist_ok=True)
        text = f"""name = dc1
listen = {listen}
database = {database}
[identity]
certificate = {self.ca.cert('dc')}
key = {self.ca.key('dc')}
ca = {self.ca.root}
"""
        for customer in CUSTOMERS:
            text += f"[kms {customer}]\nmode = file\nspool = {folder / 'spool'}\n"
        conf.write_text(text)
        return Daemon("DCD", conf, folder)

    def stop(self):
        self.folder.stop()


class Named:
    """A packet under another serial number."""

    def __init__(self, serial, terminal):
        self.serial, self.packet = serial, terminal.packet


class Base:
    """What both kinds of token go through."""

    token = None

    @classmethod
    def setUpClass(cls):
        cls.line = Line(cls.token)
        cls.ca = cls.line.ca

    @classmethod
    def tearDownClass(cls):
        cls.line.stop()

    def setUp(self):
        self.up(self)

    def tearDown(self):
        self.down(self)

    @classmethod
    def up(cls, owner):
        """Daemons with databases of their own: of a test, or of a class."""
        owner.mine = Folder()
        owner.database = databases.copy(cls.line.template, owner.mine / "mtms.db")
        owner.dc_database = databases.new(owner.mine / "dc.db")
        owner.dcd = cls.line.dcd(owner.mine, owner.dc_database).start()
        owner.mtmsd = cls.line.mtmsd(owner.mine, owner.database, owner.dcd.address).start()

    @classmethod
    def down(cls, owner):
        try:
            for daemon in (owner.mtmsd, owner.dcd):
                if daemon.process:
                    status = daemon.stop()
                    assert status == 0, daemon.log.read_text()
                assert "Sanitizer" not in daemon.log.read_text(), daemon.log.read_text()
        finally:
            owner.mine.stop()

    def terminal(self, serial, **more):
        return Terminal(self.line.wcrt, serial, oaep=self.line.token.oaep, **more)

    def terminals(self, count, prefix="SN"):
        return [self.terminal(f"{prefix}-{i:04}") for i in range(count)]

    def upload(self, order, batch, cms, name="opterm"):
        return post(self.ca, name, self.mtmsd.address, "/v1/batches", {"order": order, "batch": batch, "cms": b64(cms)})

    def send(self, terminals, order="O-ACME", batch="B1", signer="operator"):
        return self.upload(order, batch, cms_sign(self.ca, signer, batch_content(order, batch, terminals)))

    def records(self, count):
        def there():
            try:
                found = query(self.dc_database, "SELECT customer, record FROM tk_record ORDER BY id")
            except databases.Error:
                return None
            return found if len(found) >= count else None
        found = wait_until(there, f"{count} records in the DC: {self.mtmsd.command('status')}")
        self.assertEqual(len(found), count)
        return found

    def check(self, found, terminals):
        """The records are those of these terminals, in order, each openable with its customer's PK and MAK only."""
        for (customer, record), terminal in zip(found, terminals, strict=True):
            pk, mak = self.line.token.keys[customer]
            line = tool("record", pk.hex(), mak.hex(), text=b64(record) + "\n").split()
            self.assertEqual([line[0], line[1], line[5], line[6]], [customer, terminal.serial, terminal.tek, terminal.auk])

    def states(self):
        return query(self.database, "SELECT serial, state, coalesce(reason, '') FROM sn_key ORDER BY id")

    def settled(self):
        wait_until(lambda: not query(self.database, "SELECT 1 FROM sn_key WHERE state = 'waiting'"), "nothing waits")
        return self.states()

    def refused(self, answer, status, code):
        self.assertEqual((answer[0], answer[1]["error"]), (status, code))
        self.assertEqual(query(self.database, "SELECT count(*) FROM batch")[0][0], 0)

    def test_batch_leaves_as_records_that_only_its_customers_keys_open(self):  # R1.7, R2.9
        acme, bank = self.terminals(3, "A"), self.terminals(2, "B")
        self.assertEqual(self.send(acme), (200, {"batch": "B1", "accepted": 3, "refused": [], "repeated": False}))
        self.records(3)
        self.assertEqual(self.send(bank, "O-BANK", "B2")[1]["accepted"], 2)
        found = self.records(5)
        self.assertEqual([c for c, _ in found], ["ACME"] * 3 + ["BANK"] * 2)
        self.check(found, acme + bank)
        pk, mak = self.line.token.keys["BANK"]
        with self.assertRaises(AssertionError):
            tool("record", pk.hex(), mak.hex(), text=b64(found[0][1]) + "\n")

    def test_packet_that_the_token_refuses_is_recorded_and_the_others_go_on(self):  # R1.7
        mixed = [self.terminal(f"SN-{f}", fault=f) for f in ("none", "mac", "padding", "same")]
        mixed.append(self.terminal("SN-last"))
        self.assertEqual(self.send(mixed)[1]["accepted"], 5)
        self.check(self.records(2), [mixed[0], mixed[4]])
        states = {serial: (state, bool(reason)) for serial, state, reason in self.settled()}
        for fault in ("mac", "padding", "same"):
            self.assertEqual(states[f"SN-{fault}"], ("failed", True))
        self.assertEqual(query(self.database, "SELECT count(*) FROM audit WHERE event = 're-wrap'")[0][0], 3)


class Refused(Base, unittest.TestCase):
    """What changes nothing: one pair of daemons, and afterwards its tables are as empty as before."""

    token = StrongToken
    test_batch_leaves_as_records_that_only_its_customers_keys_open = None
    test_packet_that_the_token_refuses_is_recorded_and_the_others_go_on = None

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.up(cls)

    @classmethod
    def tearDownClass(cls):
        try:
            cls.down(cls)
        finally:
            super().tearDownClass()

    def setUp(self):
        pass

    def tearDown(self):
        for table in ("batch", "sn_key", "outbox"):
            self.assertEqual(query(self.database, f"SELECT count(*) FROM {table}"), [(0,)])

    def test_working_certificate_is_handed_out(self):  # R1.2
        status, answer = post(self.ca, "opterm", self.mtmsd.address, "/v1/working-certificate", {})
        der = run(["openssl", "x509", "-in", self.line.wcrt, "-outform", "DER"]).stdout
        self.assertEqual((status, base64.b64decode(answer["certificate"])), (200, der))

    def test_index_number_of_pr_is_recorded(self):  # R1.1
        rows = query(self.database, "SELECT key_index, label, length(spki) FROM pr_key")
        self.assertEqual(rows, [(1, "Pr-1", rows[0][2])])
        objects = self.line.token.tool("--login", "--pin", self.line.token.pin, "-O", "--type", "privkey").stdout.decode()
        self.assertIn("00000001", objects)
        self.assertIn("unwrap", objects)
        self.assertNotIn("sign", objects.lower().replace("signature", ""))

    def test_second_key_init_is_refused(self):  # R1.1
        for more in ((), ("--lost-or-leaked",), ("--lost-or-leaked", ""), ("--force",)):
            done = run([*self.mtmsd.argv, "key-init", self.mine / "again.der", *more], check=False, env=self.mtmsd.env)
            self.assertEqual(done.returncode, 1)
            self.assertFalse((self.mine / "again.der").exists())
        self.assertEqual(query(self.database, "SELECT count(*) FROM pr_key"), [(1,)])

    def test_foreign_working_certificates_are_not_imported(self):  # R1.1
        key = self.mine / "other.key"
        run(["openssl", "genrsa", "-out", key, "2048"])
        spki = run(["openssl", "pkey", "-in", key, "-pubout", "-outform", "DER"]).stdout
        request, out = self.mine / "r.der", self.mine / "foreign.pem"
        request.write_bytes(cms_sign(self.ca, "mtms", spki))
        self.ca.call("issue", "--dir", self.ca.dir, "--role", "hsm", "--name", "X", "--request", request, "--out", out)
        for cert in (out, self.ca.cert("mtms"), self.ca.root, key):
            done = run([*self.mtmsd.argv, "cert-import", cert], check=False, env=self.mtmsd.env)
            self.assertEqual(done.returncode, 1, cert)
        self.assertEqual(query(self.database, "SELECT count(*) FROM working_certificate")[0][0], 1)

    def test_unsigned_batch_is_refused(self):  # R1.5
        self.refused(self.upload("O-ACME", "B1", batch_content("O-ACME", "B1", self.terminals(1))), 400, 1)

    def test_batch_signed_by_another_role_is_refused(self):  # R1.5
        for signer in ("opterm", "mtms", "dc"):
            self.refused(self.send(self.terminals(1), signer=signer), 403, 4)
        self.assertIn("operator", query(self.database, "SELECT text FROM audit ORDER BY id DESC LIMIT 1")[0][0])

    def test_batch_signed_by_an_operator_of_another_ca_is_refused(self):  # R2.3
        folder = Folder()
        try:
            other = Authority(folder, roles=())
            other.operator()
            content = batch_content("O-ACME", "B1", self.terminals(1))
            self.refused(self.upload("O-ACME", "B1", cms_sign(other, "operator", content)), 403, 4)
        finally:
            folder.stop()

    def test_every_altered_part_of_a_batch_is_refused(self):  # R1.6
        whole = cms_sign(self.ca, "operator", batch_content("O-ACME", "B1", self.terminals(1)))
        content = whole.index(b"strongroom tk batch")
        places = [content, whole.index(b"packet") + 200, len(whole) - 1, len(whole) - 100] + list(range(3, len(whole), 173))
        for at in places:
            altered = whole[:at] + bytes([whole[at] ^ 4]) + whole[at + 1:]
            status, answer = self.upload("O-ACME", "B1", altered)
            self.assertIn((status, answer.get("error")), ((400, 1), (403, 4)), at)
        self.refused(self.upload("O-ACME", "B1", whole + b"\0"), 400, 1)
        self.refused(self.upload("O-ACME", "B1", whole[:-1]), 400, 1)

    def test_other_cms_kinds_are_refused(self):  # R1.6
        content = batch_content("O-ACME", "B1", self.terminals(1))
        detached = run(["openssl", "cms", "-sign", "-binary", "-signer", self.ca.cert("operator"), "-inkey",
                        self.ca.key("operator"), "-outform", "DER"], input=content).stdout
        self.refused(self.upload("O-ACME", "B1", detached), 400, 1)
        self.refused(self.upload("O-ACME", "B1", cms_sign(self.ca, "operator", content, "-nocerts")), 400, 1)
        self.refused(self.upload("O-ACME", "B1", cms_sign(self.ca, "operator", content, "-md", "sha1")), 403, 4)
        self.ca.operator("second")
        two = cms_sign(self.ca, "operator", content, "-signer", self.ca.cert("second"), "-inkey", self.ca.key("second"))
        self.refused(self.upload("O-ACME", "B1", two), 400, 1)

    def test_names_outside_the_signature_do_not_count(self):  # R1.6
        cms = cms_sign(self.ca, "operator", batch_content("O-ACME", "B1", self.terminals(1)))
        self.refused(self.upload("O-BANK", "B1", cms), 403, 4)
        self.refused(self.upload("O-ACME", "B2", cms), 403, 4)

    def test_malformed_content_is_refused(self):
        good = json.loads(batch_content("O-ACME", "B1", self.terminals(1)))
        for change in ({"format": "x"}, {"version": 2}, {"terminals": []}, {"more": 1}, {"terminals": [{"serial": "S"}]},
                       {"terminals": [dict(good["terminals"][0], packet="!")]}, {"terminals": good["terminals"] * 1001}):
            cms = cms_sign(self.ca, "operator", json.dumps({**good, **change}).encode())
            self.refused(self.upload("O-ACME", "B1", cms), 400, 1)

    def test_wrong_client_role_is_refused(self):  # R2.3
        cms = cms_sign(self.ca, "operator", batch_content("O-ACME", "B1", self.terminals(1)))
        for name in ("kms", "dc", "mtms", "operator", None):
            try:
                self.assertEqual(self.upload("O-ACME", "B1", cms, name)[0], 403)
            except (ssl.SSLError, OSError):
                pass  # refused in the handshake
        self.assertEqual(self.states(), [])

    def test_malformed_messages_get_one_code_and_change_nothing(self):
        for body in (b"", b"{}", b"[1]", b'{"order":"O-ACME","batch":"B1"}', b'{"order":"O-ACME","batch":"B1","cms":"?"}',
                     b'{"order":"O-ACME","batch":"../b","cms":"AA=="}', b'{"order":"O-ACME","batch":"b","cms":"AA==","x":1}',
                     b'{"order":"O-ACME","batch":"b","cms":"AA=="}'):
            answer = post(self.ca, "opterm", self.mtmsd.address, "/v1/batches", body)
            self.assertEqual(answer, (400, {"error": 1, "text": "malformed message"}), body)
        self.assertEqual(self.states(), [])

    def test_oversized_message_is_refused(self):
        try:
            status = post(self.ca, "opterm", self.mtmsd.address, "/v1/batches", b"x" * (8 << 20))[0]
        except OSError:
            status = 413  # closed before all was sent
        self.assertEqual(status, 413)
        status, answer = post(self.ca, "opterm", self.mtmsd.address, "/v1/working-certificate", b" " * 100000 + b"{}")
        self.assertEqual((status, answer["error"]), (413, 2))

    def test_order_of_an_unknown_customer_is_not_opened(self):
        (self.mine / "inventory").write_text("N-1\n")
        for arguments in (("O-X", "NOBODY"), ("../x", "ACME"), ("O-ACME", "ACME")):
            done = run([*self.mtmsd.argv, "order", "add", *arguments, "--inventory", self.mine / "inventory"], check=False, env=self.mtmsd.env)
            self.assertEqual(done.returncode, 1)


class Strong(Base, unittest.TestCase):
    token = StrongToken

    def test_without_a_working_certificate_there_is_none(self):  # R1.2
        self.mtmsd.stop()
        databases.forget(self.database)
        self.mtmsd.start()
        self.assertEqual(post(self.ca, "opterm", self.mtmsd.address, "/v1/working-certificate", {}),
                         (404, {"error": 6, "text": "not found"}))

    def test_new_pr_leaves_packets_for_the_old_one_usable(self):  # R1.1
        old = self.terminals(1, "OLD")
        new_cert = self.mine / "hsm2.pem"
        self.line.certify(self.mtmsd, "request2.der", new_cert, "--lost-or-leaked", "the token's disk was lost")
        self.assertIn("the one before was lost or leaked: the token's disk was lost", self.mtmsd.command("audit"))
        new = [Terminal(new_cert, "NEW-1")]
        self.assertEqual(self.send(old + new)[1]["accepted"], 2)
        self.check(self.records(2), old + new)

    def test_unknown_or_closed_order_is_refused(self):  # R1.5
        self.refused(self.send(self.terminals(1), order="O-NONE"), 403, 4)
        self.mtmsd.command("order", "close", "O-BANK", "--incomplete")
        self.refused(self.send(self.terminals(1), order="O-BANK"), 403, 4)

    def test_repeated_batch_gets_the_same_answer_and_changes_nothing(self):  # R1.6
        terminals = self.terminals(2) + [self.terminal("SN-0000", counter=2)]
        content = batch_content("O-ACME", "B1", terminals)
        first = self.upload("O-ACME", "B1", cms_sign(self.ca, "operator", content))
        self.assertEqual((first[1]["accepted"], len(first[1]["refused"])), (2, 1))
        self.records(2)
        again = self.upload("O-ACME", "B1", cms_sign(self.ca, "operator", content))
        self.assertEqual(again, (200, {**first[1], "repeated": True}))
        self.assertEqual(len(self.states()), 3)
        self.records(2)

    def test_same_batch_name_with_other_content_is_refused(self):  # R1.6
        self.send(self.terminals(1))
        status, answer = self.send(self.terminals(1, "OTHER"))
        self.assertEqual((status, answer["error"]), (403, 4))
        self.assertEqual(len(self.states()), 1)

    def test_bad_packets_are_refused_with_a_reason_and_the_others_go_on(self):  # R1.6
        good, renamed, short, foreign = self.terminals(4)
        renamed.serial = "SN-X"
        short.packet = b64(base64.b64decode(short.packet)[:-1])
        other = self.line.folder / "foreign.pem"
        if not other.exists():
            run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "/dev/null", "-subj", "/CN=x", "-out",
                 other])
        foreign = Terminal(other, "SN-F")
        answer = self.send([renamed, good, short, foreign])[1]
        self.assertEqual(answer["accepted"], 1)
        self.assertEqual([r["serial"] for r in answer["refused"]], ["SN-X", short.serial, "SN-F"])
        for refusal, word in zip(answer["refused"], ("serial number", "well formed", "certificate")):
            self.assertIn(word, refusal["reason"])
        self.check(self.records(1), [good])
        self.assertEqual([s[1] for s in self.settled()], ["refused", "rewrapped", "refused", "refused"])

    def test_keys_of_another_suite_do_not_start(self):  # R1.3
        self.mtmsd.stop()
        conf = self.mine / "mtms.conf"
        conf.write_text(conf.read_text().replace("mak = pkcs11:object=MAK-BANK\n", "mak = pkcs11:object=MAK-BANK\nsuite = 1\n"))
        done = run([program("MTMSD"), "--config", conf], check=False, env=self.mtmsd.env)
        self.assertEqual((done.returncode, len(done.stderr.splitlines())), (1, 1), done.stderr)
        self.assertIn(b"not a key of suite 1", done.stderr)

    def test_counter_must_rise(self):  # R1.6
        self.send([self.terminal("SN-1", counter=5)])
        self.records(1)
        for counter, reason in ((5, "duplicate: a packet of this counter is stored"), (4, "counter is not above the stored one")):
            answer = self.send([self.terminal("SN-1", counter=counter)], batch=f"B-{counter}")[1]
            self.assertEqual(answer["refused"], [{"serial": "SN-1", "reason": reason}])
        self.assertEqual(self.send([self.terminal("SN-1", counter=6)], batch="B-6")[1]["accepted"], 1)
        self.records(2)

    def test_failed_packet_does_not_hold_its_counter(self):  # R1.6
        self.send([self.terminal("SN-1", counter=9, fault="mac")])
        self.settled()
        again = [self.terminal("SN-1", counter=2)]
        self.assertEqual(self.send(again, batch="B2")[1]["accepted"], 1)
        self.check(self.records(1), again)

    def test_failed_terminal_can_be_tried_again(self):  # R1.7
        self.send([self.terminal("SN-1", fault="mac")])
        self.settled()
        self.mtmsd.command("terminals", "retry", "SN-1")
        wait_until(lambda: query(self.database, "SELECT count(*) FROM audit WHERE event = 're-wrap'")[0][0] == 2, "second try")
        self.assertEqual(self.settled()[0][1], "failed")
        self.assertEqual(run([*self.mtmsd.argv, "terminals", "retry", "SN-2"], check=False, env=self.mtmsd.env).returncode, 1)

    def sql(self, statement, *parameters):
        databases.change(self.database, statement, *parameters)

    def kill_before_the_re_wrap(self, count):
        """A batch acknowledged, then kill -9 with all of it waiting: its first packet needs a Pr that HSM 1 has lost."""
        terminals = [Terminal(self.lost_pr(), "SN-LOST")] + self.terminals(count)
        self.assertEqual(self.send(terminals)[1]["accepted"], count + 1)
        wait_until(lambda: "re-wrap waits" in self.mtmsd.command("audit"), "the re-wrap to wait")
        self.mtmsd.kill()
        self.assertEqual({s[1] for s in self.states()}, {"waiting"})
        self.sql("UPDATE working_certificate SET key_index = 1")
        return terminals[1:]

    def test_kill_9_after_the_answer_loses_nothing(self):
        terminals = self.kill_before_the_re_wrap(40)
        self.mtmsd.start()
        self.check(self.records(40), terminals)
        self.assertEqual([s[:2] for s in self.settled() if s[1] != "rewrapped"], [("SN-LOST", "failed")])

    def test_kill_9_again_and_again_delivers_once_in_order(self):
        terminals = self.terminals(40)
        self.send(terminals)
        for _ in range(4):
            self.mtmsd.kill()
            self.mtmsd.start()
        self.check(self.records(40), terminals)
        wait_until(lambda: "outbox\tdelivered\t40" in self.mtmsd.command("status"), "all delivered")

    def test_dc_down_then_up_gets_all_once_in_order(self):  # R2.1
        address = self.dcd.address
        self.assertEqual(self.dcd.stop(), 0)
        batches = [self.terminals(5, f"P{i}") for i in range(3)]
        for i, terminals in enumerate(batches):
            self.assertEqual(self.send(terminals, batch=f"B{i}")[1]["accepted"], 5)
        self.settled()
        self.assertIn("outbox\twaiting\t15", self.mtmsd.command("status"))
        self.dcd = self.line.dcd(self.mine, self.dc_database, address).start()
        self.check(self.records(15), [t for terminals in batches for t in terminals])

    def lost_pr(self):
        """A working certificate of this MTMS whose Pr is in no token any more."""
        lost = self.mine / "lost.pem"
        run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "/dev/null", "-subj", "/CN=x", "-out", lost])
        serial = run(["openssl", "x509", "-in", lost, "-noout", "-serial"]).stdout.decode().strip().split("=")[1]
        self.sql("INSERT INTO pr_key (key_index, label, created) VALUES (99, 'Pr-99', 0)")
        self.sql("INSERT INTO working_certificate VALUES (?, 99, x'00', 0, 0)", bytes.fromhex(serial))
        return lost

    def test_batch_that_waits_does_not_hold_up_others(self):  # R1.1, R1.7
        lost = self.lost_pr()
        self.assertEqual(self.send([Terminal(lost, "SN-LOST-1")])[1]["accepted"], 1)
        self.assertEqual(self.send([Terminal(lost, "SN-LOST-2")], batch="B2")[1]["accepted"], 1)
        wait_until(lambda: "re-wrap waits" in self.mtmsd.command("audit"), "the re-wrap to wait")
        bank = self.terminals(3, "BANK")
        self.assertEqual(self.send(bank, "O-BANK", "B3")[1]["accepted"], 3)
        self.check(self.records(3), bank)
        time.sleep(2)
        self.assertLessEqual(self.mtmsd.command("audit").count("re-wrap waits"), 2)
        self.sql("UPDATE working_certificate SET key_index = 1")
        wait_until(lambda: [s[1] for s in self.states()[:2]] == ["failed"] * 2, "the waiting ones, when they can go on")

    def test_card_that_expires_between_receipt_and_re_wrap_loses_nothing(self):  # R1.6
        lost = self.lost_pr()
        terminals = [Terminal(lost, "SN-LOST")] + self.terminals(2)
        end = time.time() + 6
        self.ca.short("brief", 6)
        self.assertEqual(self.send(terminals, signer="brief")[1]["accepted"], 3)
        wait_until(lambda: "re-wrap waits" in self.mtmsd.command("audit"), "the re-wrap to wait")
        time.sleep(max(0, end + 1 - time.time()))
        self.refused_late(self.send(self.terminals(1, "LATE"), batch="B2", signer="brief"))
        self.sql("UPDATE working_certificate SET key_index = 1")
        self.check(self.records(2), terminals[1:])

    def refused_late(self, answer):
        self.assertEqual((answer[0], answer[1]["error"]), (403, 4))

    def test_text_of_a_peer_stays_in_its_line(self):
        forged = "B1\n0\topterm:x\tbatch\tB9\t0\tforged\x1b[2J\u009b2J\u2028"
        cms = cms_sign(self.ca, "operator", batch_content("O-ACME", forged, []))
        self.refused(self.upload("O-ACME", forged, cms), 400, 1)
        self.assertEqual(self.send([Named("SN\nX\t\u202e", self.terminal("SN-1"))])[1]["accepted"], 0)
        audit, terminals = self.mtmsd.command("audit"), self.mtmsd.command("terminals")
        log = self.mtmsd.log.read_text(encoding="utf-8")
        for text in (audit, terminals, log):
            self.assertTrue(all(c in "\t\n" or " " <= c <= "~" for c in text), text)
        rows = query(self.database, "SELECT count(*) FROM audit")[0][0]
        self.assertEqual(len(audit.splitlines()), rows + 1)
        self.assertEqual(len(terminals.splitlines()), 2)
        self.assertNotIn("\n0\topterm:x", log)

    def test_row_altered_before_the_re_wrap_is_not_re_wrapped(self):  # R1.6
        terminals = self.kill_before_the_re_wrap(6)
        self.sql("UPDATE sn_key SET serial = 'SN-EVIL' WHERE position = 2")
        self.sql("UPDATE sn_key SET packet = (SELECT packet FROM sn_key WHERE position = 1) WHERE position = 4")
        self.mtmsd.start()
        self.check(self.records(4), [terminals[0], terminals[2], terminals[4], terminals[5]])
        states = self.settled()
        for position in (2, 4):
            self.assertEqual(states[position][1:], ("failed", "sn_key differs from what the operator signed"))

    def test_signature_is_verified_again_before_the_re_wrap(self):  # R1.6
        self.kill_before_the_re_wrap(6)
        cms = bytearray(query(self.database, "SELECT cms FROM batch")[0][0])
        cms[cms.index(b"collected") + 14] ^= 1
        self.sql("UPDATE batch SET cms = ?", bytes(cms))
        self.mtmsd.start()
        self.assertEqual({s[1] for s in self.settled()}, {"failed"})
        self.assertIn("signature", self.states()[0][2])
        self.assertEqual(query(self.database, "SELECT state FROM batch"), [("failed",)])

    def test_reason_why_the_dc_gets_nothing_is_audited_once(self):  # R2.1
        self.dcd.stop()
        self.send(self.terminals(1))
        wait_until(lambda: "\toutbox\t" in self.mtmsd.command("audit"), "audit of the failure")
        time.sleep(2)
        self.assertEqual(self.mtmsd.command("audit").count("\toutbox\t"), 1)

    def test_audit_names_peer_operator_and_reason(self):  # R2.3
        self.send(self.terminals(1))
        self.send(self.terminals(1), order="O-NONE", batch="B2")
        audit = self.mtmsd.command("audit")
        self.assertIn("opterm:opterm-1\tbatch\tB1\t0\torder O-ACME, operator operator", audit)
        self.assertIn("unknown production order", audit)

    def test_wrong_configuration_does_not_start(self):
        conf = self.mine / "mtms.conf"
        text = conf.read_text()
        for old, new in (("PK-ACME", "PK-NONE"), ("token=HSM1", "token=HSM9"), ("hsm1.pin", "nopin"),
                         (str(self.ca.cert("mtms")), str(self.ca.cert("dc"))), ("way = ", "way = x")):
            conf.write_text(text.replace(old, new))
            done = run([program("MTMSD"), "--config", conf], check=False, env=self.mtmsd.env)
            self.assertEqual((done.returncode, len(done.stderr.decode().splitlines())), (1, 1), done.stderr)



class OtherVendor(Base, unittest.TestCase):  # R6.3
    token = SoftToken

    def test_what_the_token_cannot_do_fails_that_terminal_alone(self):  # R1.7
        mixed = [Terminal(self.line.wcrt, "SN-256", oaep="sha256"), self.terminal("SN-1")]
        self.assertEqual(self.send(mixed)[1]["accepted"], 2)
        self.check(self.records(1), mixed[1:])
        self.assertEqual(self.settled()[0][1], "failed")


if __name__ == "__main__":
    unittest.main(verbosity=1)
