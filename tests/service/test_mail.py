# SPDX-License-Identifier: BSD-2-Clause
"""Notifications of the KMS by mail: from the import of a key file to a mail server of another maker, and what goes wrong between.
R2.8 in every test."""
import base64
import email
import email.policy
import json
import os
import pathlib
import re
import sqlite3
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "servers"))
from chain import CUSTOMER, Chain  # pylint: disable=wrong-import-position
from factory import Daemon, Folder, SoftToken, query, run, wait_until  # pylint: disable=wrong-import-position
from smtp import SmtpServer  # pylint: disable=wrong-import-position

TIMES = {"poll_ms": 50, "timeout_ms": 3000, "retry_first_ms": 200, "retry_max_ms": 1600}
BAD = b"\x02\x01no record at all"


class MailChain(Chain):
    """A chain whose KMS mails at the pace of a test."""

    def kms(self):
        daemon = super().kms()
        with open(self.folder / "kms.conf", "a", encoding="ascii") as conf:
            conf.write("[mail]\n" + "".join(f"{k} = {v}\n" for k, v in TIMES.items()))
        return daemon


def parsed(mail):
    return email.message_from_bytes(mail["data"], policy=email.policy.default)


def text_of(message):
    return message.get_content().replace("\r\n", "\n")


class Mail(unittest.TestCase):
    """The methods run in the order of their names: one KMS, a fresh mail server and recipients for each."""

    @classmethod
    def setUpClass(cls):
        cls.chain = MailChain(2)
        cls.kmsd = cls.chain.kmsd
        cls.number = 0
        cls.password = cls.chain.folder / "mail.password"
        cls.password.touch(mode=0o600)
        cls.password.write_text(SmtpServer.password + "\n")

    @classmethod
    def tearDownClass(cls):
        wrong = cls.chain.stop()
        assert not wrong, wrong

    def setUp(self):
        self.servers = []
        type(self).number += 1
        self.at = f"{self.number:02}"

    def tearDown(self):
        for name in [r["name"] for r in self.ask("recipient", "list")["recipients"]]:
            self.kmsd.command("recipient", "remove", name)
        for name in [s["name"] for s in self.ask("sender", "list")["senders"]]:
            self.kmsd.command("sender", "remove", name)
        for server in self.servers:
            server.stop()

    def ask(self, *question):
        return json.loads(self.kmsd.command(*question, "--json"))

    def refused(self, text, *arguments):
        done = run([*self.kmsd.argv, *arguments], check=False, env=self.kmsd.env)
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertIn(text, done.stderr.decode())

    def server(self, **how):
        self.servers.append(SmtpServer(**how).start())
        return self.servers[-1]

    def sender(self, server, name="acme", *more, password=True):
        tls = server.arguments[1] if server.arguments[1] == "tls" else "starttls"
        self.kmsd.command("sender", "add", name, "--mailbox", "kms@acme.example", "--server", server.address, "--user", server.user,
                          "--tls", tls, "--ca", str(server.ca), *more)
        if password:
            self.kmsd.command("sender", "password", name, "--file", str(self.password))

    def recipient(self, name, *more, sender="acme"):
        self.kmsd.command("recipient", "add", name, "--mailbox", f"{name}@acme.example", "--sender", sender, *more)

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
        server = self.server()
        self.sender(server)
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
        self.sender(server)
        for name, kind in (("good", "import-good"), ("bad", "import-bad"), ("alarms", "alarm"), ("both", "import-bad,alarm"),
                           ("all", "all")):
            self.recipient(name, "--type", kind)
        self.recipient("away", "--enabled", "no")
        name = self.bad_file("kinds")
        got = {m["to"][0].split("@")[0] for m in server.wait(3)}
        self.assertEqual(got, {"bad", "both", "all"})
        self.state(name, "sent")
        self.assertEqual(len(self.rows(name)), 3)

    def test_04_without_recipients_a_row_says_so(self):
        name = self.bad_file("nobody")
        self.assertEqual(self.rows(name, "state, sent, n.recipient"), [("nobody", 0, "")])

    def test_05_chinese_titles_and_bodies_arrive_as_they_were_written(self):
        server = self.server()
        self.sender(server, "acme", "--description", "密钥管理系统")
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
            self.assertIn("第 1 条记录,序列号 ?:record malformed", text_of(message))
            self.assertEqual(message["From"].addresses[0].display_name, "密钥管理系统")
            head, _, _ = mail["data"].partition(b"\r\n\r\n")
            self.assertLessEqual(max(len(line) for line in head.split(b"\r\n")), 78)
            self.assertLessEqual(max(len(line) for line in mail["data"].split(b"\r\n")), 998)
            self.assertTrue(mail["data"].isascii())
        names = {parsed(m)["To"].addresses[0].display_name for m in mails}
        self.assertEqual(names, {'运维 "值班"', ""})
        self.kmsd.command("template", "reset", "import-bad", "zh")
        self.assertIn("密钥导入失败", self.kmsd.command("template", "show", "import-bad", "zh"))

    def test_06_titles_come_with_the_sender_or_from_the_dictionary(self):
        server = self.server()
        self.sender(server, "acme", "--title", "ACME {event}: {file} {{x}}")
        self.recipient("ops")
        name = self.bad_file("title")
        self.assertEqual(parsed(server.wait(1)[0])["Subject"], f"ACME import-bad: {name} {{x}}")
        self.kmsd.command("sender", "set", "acme", "--title", "")
        self.kmsd.command("template", "set", "import-bad", "en", "--subject", "{failed} failures")
        self.bad_file("title2")
        self.assertEqual(parsed(server.wait(2)[1])["Subject"], "1 failures")
        self.kmsd.command("template", "reset", "import-bad", "en")

    def test_07_what_is_refused_for_now_is_sent_later_and_only_then_marked(self):
        server = self.server()
        self.sender(server)
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
        server = self.server()
        self.sender(server)
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
        server = self.server()
        self.sender(server)
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
        server = self.server()
        self.sender(server)
        self.recipient("ops")
        server.rule("MAIL", "refuse", times=1000, code=421)
        name = self.bad_file("old")
        wait_until(lambda: self.rows(name, "attempts")[0][0] >= 1, "a failure")
        with sqlite3.connect(self.chain.kms_database, timeout=30) as db:
            db.execute("UPDATE notification SET since = since - 6 * 86400000 WHERE state = 'waiting'")
        self.state(name, "given up")
        number = self.rows(name, "n.id")[0][0]
        self.assertEqual(query(self.chain.kms_database, "SELECT count(*) FROM audit WHERE event = 'mail' AND object = ?", str(number)),
                         [(1,)])
        server.clear()
        self.kmsd.command("notification", "retry", "all")
        server.wait(1)

    def test_11_a_connection_cut_after_the_mail_means_another_one_of_the_same_id(self):
        server = self.server()
        self.sender(server)
        self.recipient("ops")
        server.rule("DATA", "cut")
        server.rule("DATA", "keep-cut")
        name = self.bad_file("cut")
        mails = [parsed(m) for m in server.wait(2)]
        self.state(name, "sent")
        self.assertEqual(len(server.mails()), 2)
        self.assertEqual(mails[0]["Message-ID"], mails[1]["Message-ID"])
        self.assertEqual(self.rows(name, "attempts"), [(3,)])

    def test_12_nothing_is_sent_without_tls_or_to_a_stranger(self):
        for what, text in (({"tls": "none"}, "STARTTLS"), ({"certificate": "other-ca"}, "certificate"),
                           ({"certificate": "other-name"}, "certificate"), ({"certificate": "expired"}, "certificate"),
                           ({"tls": "tls", "certificate": "other-ca"}, "certificate")):
            server = self.server(**what)
            self.sender(server)
            self.recipient("ops")
            name = self.bad_file("tls" + what.get("certificate", "none") + what.get("tls", ""))
            wait_until(lambda n=name: self.rows(n, "attempts > 0 AND last_error <> ''") == [(1,)], f"a failure with {what}")
            self.assertIn(text, self.rows(name, "last_error")[0][0], what)
            self.assertEqual(server.events(), [], what)  # neither login nor mail
            self.kmsd.command("notification", "cancel", "all")
            self.kmsd.command("recipient", "remove", "ops")
            self.kmsd.command("sender", "remove", "acme")

    def test_13_a_wrong_password_waits_and_a_server_without_login_gets_nothing(self):
        server = self.server()
        self.sender(server, password=False)
        self.recipient("ops")
        self.refused("no password for sender acme", "mail", "test", "ops")
        wrong = self.chain.folder / "wrong.password"
        wrong.touch(mode=0o600)
        wrong.write_text("not this one\n")
        self.kmsd.command("sender", "password", "acme", "--file", str(wrong))
        name = self.bad_file("login")
        wait_until(lambda: self.rows(name, "state, attempts > 1") == [("waiting", 1)], "two failures")
        self.assertIn("535", self.rows(name, "last_error")[0][0])
        self.assertEqual({e["mechanism"] for e in server.events("AUTH")} - {"PLAIN", "LOGIN"}, set())
        self.kmsd.command("sender", "password", "acme", "--file", str(self.password))
        server.wait(1)
        self.state(name, "sent")
        open_server = self.server(login=False)
        self.kmsd.command("sender", "set", "acme", "--server", open_server.address, "--ca", str(open_server.ca))
        self.refused("Login denied", "mail", "test", "ops")
        self.assertEqual(open_server.mails(), [])
        self.kmsd.command("sender", "set", "acme", "--user", "")
        self.assertIn("250", self.kmsd.command("mail", "test", "ops"))
        self.assertEqual(parsed(open_server.wait(1)[0])["Subject"], f"KMS {CUSTOMER}: test")

    def test_14_a_slow_server_holds_nothing_up_but_its_own_mail(self):
        slow, quick = self.server(), self.server()
        self.sender(slow, "slow")
        self.sender(quick, "quick")
        slow.rule("MAIL", "slow", times=1, seconds=20)
        self.recipient("one", sender="slow")
        self.recipient("two", sender="quick")
        name = self.bad_file("slow")
        quick.wait(1)
        self.state(name, "sent")
        self.assertEqual((len(slow.mails()), len(quick.mails())), (1, 1))

    def test_15_killed_between_acceptance_and_marking_the_same_id_goes_out_again(self):
        server = self.server()
        self.sender(server)
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

    def test_16_two_kmsd_on_one_database_send_every_mail_once(self):
        server = self.server()
        self.sender(server)
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

    def test_17_header_fields_take_no_line_ends_wherever_they_come_from(self):
        server = self.server()
        self.sender(server)
        self.recipient("ops")
        for evil in ("a@b.example\r\nBcc: x@y.example", "a@b.example\nX: y", "a b@c.example", "a@b.example>", '"a"@b.example', "a@",
                     "@b.example", "a@b..example", "-a@b.example", "ä@b.example", "a@b.example,c@d.example", ""):
            self.refused("--mailbox", "recipient", "set", "ops", "--mailbox", evil)
            self.refused("--mailbox", "sender", "set", "acme", "--mailbox", evil)
        for evil in ("x\r\nBcc: x@y.example", "x\ny", "\x01", "\udcff", "\u0085"):
            self.refused("control characters", "sender", "set", "acme", "--title", evil)
            self.refused("control characters", "sender", "set", "acme", "--description", evil)
            self.refused("control characters", "recipient", "set", "ops", "--description", evil)
            self.refused("control characters", "template", "set", "import-bad", "en", "--subject", evil)
        for evil in ("h:99999", "h", "h:0", "h/x:25", "user@h:25", "h:25/x", "h\r\n:25", "[::1:25", ":25"):
            self.refused("--server", "sender", "set", "acme", "--server", evil)
        # A table that was tampered with: refused again when the mail is made.
        with sqlite3.connect(self.chain.kms_database, timeout=30) as db:
            db.execute("UPDATE recipient SET mailbox = 'ops@acme.example' || char(13, 10) || 'RCPT TO:<x@y.example>'")
        name = self.bad_file("evil")
        self.state(name, "refused")
        self.assertIn("no address", self.rows(name, "last_error")[0][0])
        with sqlite3.connect(self.chain.kms_database, timeout=30) as db:
            db.execute("UPDATE recipient SET mailbox = 'ops@acme.example'")
            db.execute("UPDATE notification SET title = 'x' || char(13, 10) || 'Bcc: x@y.example' WHERE state = 'refused'")
        self.kmsd.command("notification", "retry", "all")
        self.state(name, "refused")
        self.assertIn("title cannot stand in a header", self.rows(name, "last_error")[0][0])
        self.assertEqual(server.events("MAIL"), [])

    def test_18_templates_take_only_the_placeholders_of_their_event(self):
        body = self.chain.folder / "bad.body"
        for text, error in (("{nonsense}", "no placeholder {nonsense}"), ("{expected}", "no placeholder {expected}"),
                            ("{file", "brace"), ("file}", "brace"), ("{failures}", "several lines"), ("x" * 301, "longer than")):
            self.refused(error, "template", "set", "import-good", "en", "--subject", text)
        for data, error in ((b"{alarm}", "no placeholder {alarm}"), (b"a\0b", "zero byte"), (b"\xff\xfe", "UTF-8"),
                            (b"x" * 65537, "more than 65536"), (b"a\rb", "control characters")):
            body.write_bytes(data)
            self.refused(error, "template", "set", "import-good", "zh", "--body-file", str(body))
        self.refused("no event", "template", "set", "nonsense", "en", "--subject", "x")
        self.refused("no language", "template", "show", "alarm", "fr")
        self.refused("needs --subject", "template", "set", "alarm", "en")
        self.assertEqual(query(self.chain.kms_database, "SELECT count(*) FROM mail_template"), [(0,)])

    def test_19_senders_and_recipients_refuse_what_makes_no_sense(self):
        server = self.server()
        self.refused("no sender yet", "recipient", "add", "ops", "--mailbox", "a@b.example", "--sender", "acme")
        self.refused("needs --server", "sender", "add", "x", "--mailbox", "a@b.example")
        self.refused("a name is", "sender", "add", "a b", "--mailbox", "a@b.example", "--server", "h:25")
        self.sender(server)
        self.refused("is there already", "sender", "add", "acme", "--mailbox", "a@b.example", "--server", "h:25")
        self.refused("no sender other", "recipient", "add", "ops", "--mailbox", "a@b.example", "--sender", "other")
        self.recipient("ops")
        for arguments, error in ((("--type", "import"), "--type"), (("--type", "all,"), "--type"), (("--language", "fr"), "--language"),
                                 (("--enabled", "maybe"), "--enabled"), (("--nonsense", "x"), "no option --nonsense"), (("--type",), "value is missing"),
                                 (("--type", "all", "--type", "all"), "twice"), (("--sender", "other"), "no sender other")):
            self.refused(error, "recipient", "set", "ops", *arguments)
        for arguments, error in ((("--tls", "none"), "--tls"), (("--ca", "relative.pem"), "--ca"), (("--ca", "/no/such"), "--ca")):
            self.refused(error, "sender", "set", "acme", *arguments)
        self.refused("is that of 1 recipients", "sender", "remove", "acme")
        self.refused("no recipient", "recipient", "set", "other", "--type", "all")
        self.refused("no sender other", "sender", "password", "other", "--file", str(self.password))
        loose = self.chain.folder / "loose"
        loose.write_text("secret\n")
        loose.chmod(0o644)
        self.refused("mode 0600", "sender", "password", "acme", "--file", str(loose))
        self.refused("number of a notification", "notification", "retry", "x")
        self.refused("no notification", "notification", "cancel", "999999")
        self.assertEqual(self.ask("recipient", "list")["recipients"][0]["type"], "all")
        with open(self.password, "rb") as pipe:  # from standard input too
            done = run([*self.kmsd.argv, "sender", "password", "acme", "--file", "-"], env=self.kmsd.env, stdin=pipe)
        self.assertEqual(done.returncode, 0)

    def test_20_what_waits_can_be_cancelled_and_goes_with_its_recipient(self):
        server = self.server()
        self.sender(server, "acme", "--enabled", "no")
        self.recipient("one")
        self.recipient("two")
        name = self.bad_file("cancel")
        self.assertEqual(self.rows(name), [("waiting",)] * 2)
        self.kmsd.command("notification", "cancel", str(self.rows(name, "n.id")[0][0]))
        self.kmsd.command("recipient", "remove", "two")
        self.assertEqual(self.rows(name), [("cancelled",)] * 2)
        self.kmsd.command("sender", "set", "acme", "--enabled", "yes")
        self.kmsd.command("notification", "retry", "all")
        server.wait(1)
        self.assertEqual(sorted(s for (s,) in self.rows(name)), ["cancelled", "sent"])

    def test_21_the_password_stands_in_the_token_alone(self):
        server = self.server()
        self.sender(server)
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

    def test_22_a_softhsm_token_keeps_the_password_too(self):
        server = self.server()
        folder = Folder()
        token = SoftToken(folder, ())
        conf = folder / "kms.conf"
        conf.write_text(f"customer = {CUSTOMER}\ndatabase = {folder / 'kms.db'}\n[token]\nuri = {token.uri}\nsrk = pkcs11:object=SRK\n")
        soft = Daemon("KMSD", conf, folder.path, token.env)
        soft.command("sender", "add", "acme", "--mailbox", "kms@acme.example", "--server", server.address, "--user", server.user,
                     "--ca", str(server.ca))
        soft.command("recipient", "add", "ops", "--mailbox", "ops@acme.example", "--sender", "acme")
        soft.command("sender", "password", "acme", "--file", str(self.password))
        self.assertIn("250", soft.command("mail", "test", "ops"))
        soft.command("sender", "password", "acme", "--file", str(self.password))  # changed, not doubled
        self.assertIn("250", soft.command("mail", "test", "ops"))
        self.assertTrue(all(m["user"] == server.user for m in server.wait(2)))
        soft.command("recipient", "remove", "ops")
        soft.command("sender", "remove", "acme")
        listed = run(["pkcs11-tool", "--module", "/usr/lib/softhsm/libsofthsm2.so", "--login", "--pin", token.pin, "--list-objects",
                      "--type", "data"], env=token.env).stdout
        self.assertNotIn(b"mail sender", listed)
        folder.stop()


def in_memory(pid, what):
    """Does a process hold these bytes? Mappings above 1 GiB are the sanitizer's."""
    with open(f"/proc/{pid}/maps", encoding="ascii", errors="replace") as maps, open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for line in maps:
            span, rights = line.split()[:2]
            start, end = (int(x, 16) for x in span.split("-"))
            if "rw" not in rights or end - start > 2**30:
                continue
            try:
                memory.seek(start)
                if what in memory.read(end - start):
                    return True
            except (OSError, ValueError, OverflowError):
                continue
    return False


if __name__ == "__main__":
    unittest.main(verbosity=2)
