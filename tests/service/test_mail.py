# SPDX-License-Identifier: BSD-2-Clause
"""Notifications of the KMS by mail: from the import of a key file to a mail server of another maker, and what goes wrong between.
R2.8 in every test."""
import base64
import copy
import os
import re
import shutil
import socket
import time
import unittest

from chain import CUSTOMER, Chain
from databases import change, query
from factory import Daemon, wait_until
from mail_kit import MailCase, add_sender, in_memory, parsed, password_file, text_of
from smtp import SmtpServer

TIMES = {"poll_ms": 50, "timeout_ms": 3000, "retry_first_ms": 200, "retry_max_ms": 1600}
BAD = b"\x02\x01no record at all"


class MailChain(Chain):
    """A chain whose KMS mails at the pace of a test."""

    def kms(self):
        daemon = super().kms()
        daemon.command("fpk-init", "FPK", "46")
        conf = self.folder / "kms.conf"
        text = conf.read_text().replace("srk =", "fpk = pkcs11:object=FPK\nsrk =")
        conf.write_text(text + "[limits]\nalarm_failures = 3\n[mail]\n" + "".join(f"{k} = {v}\n" for k, v in TIMES.items()))
        return daemon


class Mail(MailCase):
    """The methods run in the order of their names: one KMS, one sender and its mail server; recipients for each test."""

    @classmethod
    def setUpClass(cls):
        cls.chain = MailChain(2)
        cls.kmsd = cls.chain.kmsd
        cls.number = 0
        cls.password = password_file(cls.chain.folder / "mail.password")
        cls.main = SmtpServer().start()
        add_sender(cls.kmsd, cls.main, "acme", password=cls.password)

    @classmethod
    def tearDownClass(cls):
        cls.main.stop()
        wrong = cls.chain.stop()
        assert not wrong, wrong

    def setUp(self):
        super().setUp()
        self.main.forget()
        type(self).number += 1
        self.at = f"{self.number:02}"

    def bad_file(self, name, count=1):
        """A key file whose records are none."""
        self.chain.offer(f"{name}-{self.at}", [BAD + os.urandom(8) for _ in range(count)])
        return f"{name}-{self.at}"

    def rows(self, name, columns="state"):
        return query(self.chain.kms_database, f"SELECT {columns} FROM notification n WHERE n.file IN (SELECT id FROM key_file"
                     " WHERE name = ?) ORDER BY n.id", name)

    def state(self, name, state, seconds=60):
        wait_until(lambda: {s for (s,) in self.rows(name)} == {state}, f"{name}: {state}, is {self.rows(name)}", seconds)

    def test_01_one_mail_per_key_file_says_what_became_of_its_records(self):
        server = self.main
        self.recipient("ops")
        status, text = self.chain.factory("O-MAIL", ["MAIL-1", "MAIL-2"])
        self.assertEqual(status, 0, text)
        path = wait_until(lambda: list(self.chain.outgoing()), "the key file")[0]
        self.chain.hand_over(path)
        good = parsed(server.wait(1)[0])
        self.assertEqual((good["From"], good["To"]), ("kms@acme.example", "ops@acme.example"))
        self.assertIn(path.stem, good["Subject"])
        self.assertIn(f"file {path.stem} has 2 records, 0 left to process, imported 2, failed 0", text_of(good))
        self.assertEqual((good["Auto-Submitted"], good["MIME-Version"]), ("auto-generated", "1.0"))
        self.assertIsNotNone(good["Date"].datetime)
        name = self.bad_file("bad", 2)
        bad = parsed(server.wait(2)[1])
        self.assertIn("FAILED", bad["Subject"])
        self.assertIn(f"file {name} has 2 records, 0 left to process, imported 0, failed 2", text_of(bad))
        for line in ("record 1, serial number ?: record malformed", "record 2, serial number ?: record malformed"):
            self.assertIn(line, text_of(bad))
        self.assertNotEqual(good["Message-ID"], bad["Message-ID"])
        # The row: sender, recipient, title, body, sent flag.
        self.state(name, "sent")
        row = self.rows(name, "n.sender, n.recipient, title, body, sent, '<' || message_id || '>', attempts")
        self.assertEqual(row, [("kms@acme.example", "ops@acme.example", bad["Subject"], text_of(bad), 1, bad["Message-ID"], 1)])
        self.assertTrue(all(m["tls"] and m["user"] == server.user for m in server.mails()))
        self.assertEqual(len(server.mails()), 2)

    def test_03_recipients_get_what_they_asked_for(self):
        server = self.server(tls="tls")
        self.sender(server, "by-tls")
        for name, kind in (("good", "import-good"), ("bad", "import-bad"), ("alarms", "alarm"), ("both", "import-bad,alarm"),
                           ("all", "all")):
            self.recipient(name, "--type", kind, sender="by-tls")
        self.recipient("away", "--enabled", "no", sender="by-tls")
        name = self.bad_file("kinds")
        got = {m["to"][0].split("@")[0] for m in server.wait(3)}
        self.assertEqual(got, {"bad", "both", "all"})
        self.state(name, "sent")
        self.assertEqual(len(self.rows(name)), 3)

    def test_04_without_recipients_a_row_says_so(self):
        name = self.bad_file("nobody")
        self.assertEqual(self.rows(name, "state, sent, n.recipient"), [("nobody", 0, "")])

    def test_05_chinese_titles_and_bodies_arrive_as_they_were_written(self):
        server = self.main
        self.kmsd.command("sender", "set", "acme", "--description", "密钥管理系统")
        self.recipient("zh", "--language", "zh", "--description", '运维 "值班"')
        self.recipient("long", "--language", "zh")
        subject = "密钥文件 {file} 导入失败," + "请尽快处理" * 12
        body = self.chain.folder / "body"
        body.write_text("文件 {file}:{records} 条,剩余 {left},成功 {imported},失败 {failed}。\n{failures}\n" + "很长的一行" * 400 + "\n")
        self.kmsd.command("template", "set", "import-bad", "zh", "--subject", subject, "--body-file", str(body))
        name = self.bad_file("zh")
        mails = server.wait(2)
        for mail in mails:
            message = parsed(mail)
            row = self.rows(name, "title, body")[0]
            self.assertEqual(message["Subject"], subject.replace("{file}", name))
            self.assertEqual((message["Subject"], text_of(message)), row)
            self.assertIn("第 1 条记录,序列号 ?:记录格式有误", text_of(message))
            self.assertEqual(message["From"].addresses[0].display_name, "密钥管理系统")
            head, _, _ = mail["data"].partition(b"\r\n\r\n")
            self.assertLessEqual(max(len(line) for line in head.split(b"\r\n")), 78)
            self.assertLessEqual(max(len(line) for line in mail["data"].split(b"\r\n")), 998)
            self.assertTrue(mail["data"].isascii())
        names = {parsed(m)["To"].addresses[0].display_name for m in mails}
        self.assertEqual(names, {'运维 "值班"', ""})
        self.kmsd.command("template", "reset", "import-bad", "zh")
        self.kmsd.command("sender", "set", "acme", "--description", "")
        self.assertIn("密钥导入失败", self.kmsd.command("template", "show", "import-bad", "zh"))

    def test_06_titles_come_with_the_sender_or_from_the_dictionary(self):
        server = self.main
        self.kmsd.command("sender", "set", "acme", "--title", "ACME {event}: {file} {{x}}")
        self.recipient("ops")
        name = self.bad_file("title")
        self.assertEqual(parsed(server.wait(1)[0])["Subject"], f"ACME import-bad: {name} {{x}}")
        self.kmsd.command("sender", "set", "acme", "--title", "")
        self.kmsd.command("template", "set", "import-bad", "en", "--subject", "{failed} failures")
        self.bad_file("title2")
        self.assertEqual(parsed(server.wait(2)[1])["Subject"], "1 failures")
        self.kmsd.command("template", "reset", "import-bad", "en")

    def test_07_what_is_refused_for_now_is_sent_later_and_only_then_marked(self):
        server = self.main
        self.recipient("ops")
        server.rule("RCPT", "refuse", times=1, code=451, text="try later")
        server.rule("DATA", "refuse", times=1, code=452)
        name = self.bad_file("later")
        wait_until(lambda: self.rows(name, "attempts >= 1 AND sent = 0 AND last_error LIKE '%451 try later%'") == [(1,)],
                   "the first failure in the row")
        server.wait(1)
        self.state(name, "sent")
        self.assertEqual(self.rows(name, "attempts, last_error, sent"), [(3, "", 1)])
        self.assertEqual(len(server.mails()), 1)

    def test_08_pauses_double_up_to_their_limit_and_end_with_success(self):
        server = self.main
        self.recipient("ops")
        server.rule("MAIL", "refuse", times=6, code=451)
        name = self.bad_file("pauses")
        server.wait(1)
        self.state(name, "sent")
        text = self.kmsd.log.read_text()
        number = self.rows(name, "n.id")[0][0]
        pauses = [int(p) for p in re.findall(rf"notification {number} to \S+ waits (\d+) ms", text)]
        self.assertEqual(pauses, [200, 400, 800, 1600, 1600, 1600])
        self.assertEqual(query(self.chain.kms_database, "SELECT backoff, not_before FROM recipient"), [(0, 0)])

    def test_09_a_refusal_for_good_ends_it_until_the_operator_retries(self):
        server = self.main
        self.recipient("gone")
        self.recipient("ops")
        server.rule("RCPT", "refuse", code=550, text="no such user")
        name = self.bad_file("gone")
        wait_until(lambda: sorted(s for (s,) in self.rows(name)) == ["refused", "sent"], "one refused, one sent")
        row = [r for r in self.rows(name, "state, attempts, last_error, n.id") if r[0] == "refused"][0]
        self.assertEqual(row[1], 1)
        self.assertIn("550 no such user", row[2])
        audit = query(self.chain.kms_database, "SELECT text FROM audit WHERE event = 'mail' AND object = ?", str(row[3]))
        self.assertIn("550 no such user", audit[0][0])
        self.kmsd.command("notification", "retry", str(row[3]))
        self.state(name, "sent")
        self.assertEqual(len(server.mails()), 2)

    def test_10_after_days_without_success_it_is_given_up_and_audited(self):
        server = self.main
        self.recipient("ops")
        server.rule("MAIL", "refuse", times=1000, code=421)
        name = self.bad_file("old")
        wait_until(lambda: self.rows(name, "attempts")[0][0] >= 1, "a failure")
        change(self.chain.kms_database, "UPDATE notification SET since = since - 6 * 86400000 WHERE state = 'waiting'")
        self.state(name, "given up")
        number = self.rows(name, "n.id")[0][0]
        self.assertEqual(query(self.chain.kms_database, "SELECT count(*) FROM audit WHERE event = 'mail' AND object = ?", str(number)),
                         [(1,)])
        server.clear()
        self.kmsd.command("notification", "retry", "all")
        server.wait(1)

    def test_11_a_connection_cut_after_the_mail_means_another_one_of_the_same_id(self):
        server = self.main
        self.recipient("ops")
        server.rule("DATA", "cut")
        server.rule("DATA", "keep-cut")
        name = self.bad_file("cut")
        mails = [parsed(m) for m in server.wait(2)]
        self.state(name, "sent")
        self.assertEqual(len(server.mails()), 2)
        self.assertEqual(mails[0]["Message-ID"], mails[1]["Message-ID"])
        self.assertEqual(self.rows(name, "attempts"), [(3,)])

    def test_12_a_wrong_password_waits_until_the_right_one_is_there(self):
        server = self.main
        self.recipient("ops")
        wrong = password_file(self.chain.folder / "wrong.password", "not this one")
        self.kmsd.command("sender", "password", "acme", "--file", str(wrong))
        name = self.bad_file("login")
        wait_until(lambda: self.rows(name, "state, attempts > 1") == [("waiting", 1)], "two failures")
        self.assertIn("535", self.rows(name, "last_error")[0][0])
        self.assertEqual({e["mechanism"] for e in server.events("AUTH")} - {"PLAIN", "LOGIN"}, set())
        self.assertEqual(server.events("MAIL"), [])
        self.kmsd.command("sender", "password", "acme", "--file", str(self.password))
        server.wait(1)
        self.state(name, "sent")

    def test_13_a_server_that_turned_bad_gets_nothing_and_the_mail_waits(self):
        server = self.server(tls="none")
        self.sender(server, "plain")
        self.recipient("ops", sender="plain")
        name = self.bad_file("tls")
        wait_until(lambda: self.rows(name, "state, attempts > 0 AND last_error LIKE '%STARTTLS%'") == [("waiting", 1)], "a failure")
        self.assertEqual(server.events(), [])  # neither login nor mail
        self.kmsd.command("notification", "cancel", "all")

    def test_14_a_slow_server_holds_nothing_up_but_its_own_mail(self):
        slow, quick = self.server(), self.main
        self.sender(slow, "slow")
        slow.rule("MAIL", "slow", times=1, seconds=20)
        self.recipient("one", sender="slow")
        self.recipient("two")
        name = self.bad_file("slow")
        quick.wait(1)
        self.state(name, "sent")
        self.assertEqual((len(slow.mails()), len(quick.mails())), (1, 1))

    def test_15_killed_between_acceptance_and_marking_the_same_id_goes_out_again(self):
        server = self.main
        self.recipient("ops")
        server.rule("DATA", "slow", seconds=30)
        name = self.bad_file("killed")
        server.wait(1)
        self.kmsd.kill()
        self.assertEqual(self.rows(name, "state, sent"), [("waiting", 0)])
        self.kmsd.start()
        mails = [parsed(m) for m in server.wait(2)]
        self.state(name, "sent")
        self.assertEqual(mails[0]["Message-ID"], mails[1]["Message-ID"])
        self.assertEqual(len(server.mails()), 2)

    def test_15a_a_kmsd_that_stops_waits_for_no_slow_server(self):
        server = self.main
        self.kmsd.command("sender", "set", "acme", "--enabled", "no")
        self.recipient("ops")
        name = self.bad_file("stop")
        self.assertEqual(self.kmsd.stop(), 0)
        self.kmsd.command("sender", "set", "acme", "--enabled", "yes")
        server.rule("MAIL", "slow", seconds=90)
        conf = self.chain.folder / "patient.conf"
        conf.write_text((self.chain.folder / "kms.conf").read_text().replace("timeout_ms = 3000", "timeout_ms = 600000"))
        (self.chain.folder / "patient").mkdir()
        other = Daemon("KMSD", conf, self.chain.folder / "patient", self.kmsd.env).start()
        wait_until(lambda: server.events("MAIL"), "the mail under way")
        before = time.monotonic()
        self.assertEqual(other.stop(), 0)
        self.assertLess(time.monotonic() - before, 45)
        self.assertEqual(self.rows(name, "state, sent, claim_until, attempts"), [("waiting", 0, 0, 1)])
        self.kmsd.start()
        self.state(name, "sent")
        self.assertEqual(len(server.mails()), 1)

    def test_16_two_kmsd_on_one_database_send_every_mail_once(self):
        server = self.main
        for i in range(30):
            self.recipient(f"r{i}")
        conf = self.chain.folder / "kms2.conf"
        text = re.sub(r"(?s)\[(terminals|spool)\].*?(?=\[)", "", (self.chain.folder / "kms.conf").read_text())
        conf.write_text(text)
        (self.chain.folder / "two").mkdir()
        other = Daemon("KMSD", conf, self.chain.folder / "two", self.kmsd.env).start()
        try:
            name = self.bad_file("two")
            self.state(name, "sent", 120)
        finally:
            self.assertEqual(other.stop(), 0)
        self.assertEqual(len(server.mails()), 30)
        self.assertEqual(len({parsed(m)["Message-ID"] for m in server.mails()}), 30)
        numbers = [n for (n,) in self.rows(name, "n.id")]
        by = [sum(f"notification {n} to" in daemon.log.read_text() for n in numbers) for daemon in (self.kmsd, other)]
        self.assertEqual(sum(by), 30)
        self.assertGreater(min(by), 0)

    def test_16a_a_node_without_the_password_leaves_the_mail_to_those_that_have_it(self):
        server, without = self.main, self.chain.folder.path / "without"
        self.recipient("ops")
        self.assertEqual(self.kmsd.stop(), 0)
        tokens = shutil.copytree(self.kmsd.env["STRONGROOM_TOKEN_DIR"], without / "tokens")
        env = dict(self.kmsd.env, STRONGROOM_TOKEN_DIR=str(tokens))
        token = copy.copy(self.chain.hsm2)
        token.env = env
        token.tool("--login", "--pin", token.pin, "--delete-object", "--type", "data", "--label", "kmsd mail sender acme")
        other = Daemon("KMSD", self.chain.folder / "kms.conf", without, env).start()
        try:
            # Alone: waits without a try, and says why.
            name = self.bad_file("alone")
            wait_until(lambda: "no password for sender acme" in self.rows(name, "last_error")[0][0], "a reason")
            self.assertEqual(self.rows(name, "state, attempts"), [("waiting", 0)])
            # Beside one that has it: refusals for now are tried again by that one alone.
            for _ in range(3):
                server.rule("DATA", "refuse", code=451)
            self.assertEqual(other.stop(), 0)
            conf = self.chain.folder / "kms2.conf"  # without doors, of the test before
            other = Daemon("KMSD", conf, without, env).start()
            self.kmsd.start()
            self.state(name, "sent", 30)
            self.assertEqual(self.rows(name, "attempts"), [(4,)])
        finally:
            self.assertEqual(other.stop(), 0)
            if self.kmsd.process is None:
                self.kmsd.start()
        self.assertEqual(len(server.mails()), 1)

    def test_17_a_table_that_was_tampered_with_breaks_out_of_no_header(self):
        server = self.main
        self.recipient("ops")
        change(self.chain.kms_database, "UPDATE recipient SET mailbox = ?", "ops@acme.example\r\nRCPT TO:<x@y.example>")
        name = self.bad_file("evil")
        self.state(name, "refused")
        self.assertIn("no address", self.rows(name, "last_error")[0][0])
        change(self.chain.kms_database, "UPDATE recipient SET mailbox = 'ops@acme.example'")
        change(self.chain.kms_database, "UPDATE notification SET title = ? WHERE state = 'refused'",
               "x\r\nBcc: x@y.example")
        self.kmsd.command("notification", "retry", "all")
        wait_until(lambda: self.rows(name, "state, last_error LIKE '%title cannot stand in a header%'") == [("refused", 1)], "refusal")
        self.assertEqual(server.events("MAIL"), [])

    def guards(self):
        """One who reads English, one who reads Chinese; answers how to get a mail for each."""
        self.recipient("guard", "--type", "alarm")
        self.recipient("guard-zh", "--type", "alarm", "--language", "zh")

        def mails(count):
            got = {}
            for raw in self.main.wait(2 * count)[2 * count - 2:]:
                message = parsed(raw)
                head = raw["data"].split(b"\r\n\r\n")[0]
                self.assertEqual(message["Content-Type"].params["charset"].lower(), "utf-8")
                if "zh" in raw["to"][0]:  # as it stands in the mail, and what it says
                    self.assertRegex(head, rb"(?i)\r\nSubject: =\?utf-8\?")
                    title, body = message["Subject"], message.get_payload(decode=True).decode("utf-8").replace("\r\n", "\n")
                    self.assertEqual(body, text_of(message))
                    for text in (title, body):  # nothing of it is English but names, commands and words of the trade
                        self.assertNotRegex(re.sub(r"kmsd \w+|dc9|[\w.]+-\d\d|[A-Z]+-\w+", "", text), r"[a-z]{3}")
                got[raw["to"][0].split("@")[0]] = message
            self.assertEqual(set(got), {"guard", "guard-zh"})
            return got["guard"], got["guard-zh"]

        return mails

    def test_18_missing_and_repeated_deliveries_are_told_to_those_who_asked_for_alarms(self):
        mails = self.guards()
        due = self.chain.next_sequence("dc9")
        self.chain.next_sequence = lambda dc: MailChain.next_sequence(self.chain, dc) + 5
        try:
            self.bad_file("gap")
            english, chinese = mails(1)
            got = due + 5
            self.assertEqual(english["Subject"], f"KMS {CUSTOMER}: deliveries of dc9 are not in sequence")
            self.assertIn(f"gap-{self.at} of data centre dc9 has sequence number {got}, due was {due}\n"
                          f"DC dc9: numbers {due} to {due + 4} have not come; gap-{self.at} is {got}\n", text_of(english))
            self.assertEqual(chinese["Subject"], f"KMS {CUSTOMER}:数据中心 dc9 的交付序号不连续")
            self.assertIn(f"数据中心 dc9 的 gap-{self.at} 序号为 {got},应为 {due}\n"
                          f"数据中心 dc9:序号 {due} 至 {due + 4} 尚未到达;gap-{self.at} 的序号为 {got}\n", text_of(chinese))
            self.chain.next_sequence = lambda dc: due + 5
            self.bad_file("twice")
            english, chinese = mails(2)
            self.assertIn(f"DC dc9 used the number {got} before: twice-{self.at} has it again\n", text_of(english))
            self.assertIn(f"数据中心 dc9 此前用过序号 {got}:twice-{self.at} 再次使用\n", text_of(chinese))
        finally:
            del self.chain.next_sequence
        row = query(self.chain.kms_database, "SELECT state, event FROM notification ORDER BY id DESC LIMIT 2")
        self.assertIn("sequence-gap", {e for _, e in row})

    def test_18a_duplicate_keys_are_told_in_both_languages(self):  # R2.5
        """Another terminal's fingerprint is made equal to that of a true record, which then comes again."""
        status, text = self.chain.factory("O-TWICE", ["TWIN-1"])
        self.assertEqual(status, 0, text)
        path, = wait_until(lambda: [p for p, r in self.chain.outgoing().items() if r], "the key file")
        record, = self.chain.outgoing()[path]
        self.chain.hand_over(path)
        made = "SELECT fpk, fingerprint FROM key_fingerprint WHERE kind = 'TEK' AND serial_number = 'TWIN-1'"
        (fpk, fingerprint), = wait_until(lambda: query(self.chain.kms_database, made), "its fingerprint")
        change(self.chain.kms_database, "INSERT INTO key_fingerprint(kind, serial_number, number, fpk, fingerprint, made)"
               f" VALUES('AUK', 'TWIN-2', 7, '{fpk}', '{fingerprint}', 1)")
        mails, name = self.guards(), f"twins-{self.at}"
        self.chain.offer(name, [record, BAD])
        english, chinese = mails(1)
        self.assertEqual(english["Subject"], f"KMS {CUSTOMER}: duplicate keys")
        self.assertIn(f"1 terminals have a key that another one has, too ({name}, serial number TWIN-1)\n"
                      "TEK of TWIN-1, number 1, is also AUK of TWIN-2, number 7\n", text_of(english))
        self.assertEqual(chinese["Subject"], f"KMS {CUSTOMER}:发现重复密钥")
        self.assertIn(f"1 台终端的密钥与其他终端重复({name},序列号 TWIN-1)\n"
                      "TWIN-1 的 TEK(编号 1)与 TWIN-2 的 AUK(编号 7)相同\n", text_of(chinese))
        change(self.chain.kms_database, "DELETE FROM key_fingerprint WHERE serial_number = 'TWIN-2'")

    def wrong_proof(self, source, serial):
        """A terminal that is none: HELLO, then a proof made of nothing."""
        host, port = self.kmsd.addresses["terminals"].split(":")
        with socket.create_connection((host, int(port)), 20, (source, 0)) as sock:
            name = serial.encode()
            for kind, fields in ((1, (b"\2", name, os.urandom(16))), (3, (os.urandom(16),))):
                body = bytes([kind]) + b"".join(len(x).to_bytes(2, "big") + x for x in fields)
                sock.sendall(len(body).to_bytes(2, "big") + body)
                self.assertTrue(sock.recv(1000))

    def test_19_an_alarm_reaches_the_guards_in_their_languages(self):
        server = self.main
        self.recipient("guard", "--type", "alarm")
        self.recipient("guard-zh", "--type", "alarm", "--language", "zh")
        self.recipient("others", "--type", "import-bad")
        for source, serial in (("127.0.0.9", "FAKE-1"), ("127.0.0.8", "FAKE-2"), ("127.0.0.9", "FAKE-2")):
            self.wrong_proof(source, serial)
        mails = {m["to"][0].split("@")[0]: parsed(m) for m in server.wait(2)}
        self.assertEqual(set(mails), {"guard", "guard-zh"})
        self.assertEqual(mails["guard"]["Subject"], f"KMS {CUSTOMER}: alarm proofs")
        self.assertIn("count 3, most from address 127.0.0.9, most for serial number FAKE-2\n3 handshakes failed their proof",
                      text_of(mails["guard"]))
        self.assertEqual(mails["guard-zh"]["Subject"], f"KMS {CUSTOMER}:告警 证明失败")
        self.assertIn("次数 3,最多的地址 127.0.0.9,最多的序列号 FAKE-2\n3 次握手在 600 秒内未通过证明", text_of(mails["guard-zh"]))
        for mail in mails.values():
            self.assertNotRegex(text_of(mail), r"[{}]")
        for (number,) in query(self.chain.kms_database, "SELECT id FROM alarm WHERE closed = 0"):
            self.kmsd.command("alarm", "close", str(number))

    def test_20_what_waits_can_be_cancelled_and_goes_with_its_recipient(self):
        server = self.main
        self.kmsd.command("sender", "set", "acme", "--enabled", "no")
        self.recipient("one")
        self.recipient("two")
        name = self.bad_file("cancel")
        self.assertEqual(self.rows(name), [("waiting",)] * 2)
        self.kmsd.command("notification", "cancel", str(self.rows(name, "n.id")[0][0]))
        self.kmsd.command("recipient", "remove", "two")
        self.recipients.remove("two")
        self.assertEqual(self.rows(name), [("cancelled",)] * 2)
        self.kmsd.command("sender", "set", "acme", "--enabled", "yes")
        self.kmsd.command("notification", "retry", "all")
        server.wait(1)
        wait_until(lambda: sorted(s for (s,) in self.rows(name)) == ["cancelled", "sent"], "one sent")

    def test_21_the_password_stands_in_the_token_alone(self):
        server = self.main
        self.recipient("ops")
        name = self.bad_file("secret")
        server.wait(1)
        self.state(name, "sent")
        secret = server.password.encode()
        for path in self.chain.folder.path.rglob("*"):
            if path.is_file() and path != self.password:
                self.assertNotIn(secret, path.read_bytes(), path)
        if os.geteuid() == 0:
            # The module keeps objects that it has opened; of what kmsd and libcurl made of the password nothing stays.
            login = b"\0" + server.user.encode() + b"\0" + secret
            for copy in (login, base64.b64encode(login)):
                self.assertFalse(in_memory(self.kmsd.process.pid, copy), "the password stayed in the daemon's memory")
            self.assertTrue(in_memory(self.kmsd.process.pid, b"pkcs11:token=HSM2"), "the memory was not looked at")


if __name__ == "__main__":
    unittest.main(verbosity=2)
