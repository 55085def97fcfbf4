# SPDX-License-Identifier: BSD-2-Clause
"""The commands of the KMS about mail, with a token of SoftHSMv2: what they take and what they refuse, and `mail test` against mail
servers that are not what they ought to be. R2.8 in every test."""
import unittest

import databases
from chain import CUSTOMER
from factory import SOFTHSM, Daemon, Folder, SoftToken, run
from mail_kit import MailCase, parsed, password_file


class MailCommands(MailCase):
    """No daemon runs: the commands work on the database and the token alone."""

    @classmethod
    def setUpClass(cls):
        cls.folder = Folder()
        cls.token = SoftToken(cls.folder, ())
        cls.database = databases.new(cls.folder / "kms.db")
        conf = cls.folder / "kms.conf"
        conf.write_text(f"customer = {CUSTOMER}\ndatabase = {cls.database}\n[mail]\ntimeout_ms = 20000\n[token]\nuri = {cls.token.uri}\n"
                        "srk = pkcs11:object=SRK\n")
        cls.kmsd = Daemon("KMSD", conf, cls.folder.path, cls.token.env)
        cls.password = password_file(cls.folder / "mail.password")

    @classmethod
    def tearDownClass(cls):
        cls.folder.stop()

    def test_1_nothing_is_said_without_tls_or_to_a_stranger(self):
        for what, text in (({"tls": "none"}, "STARTTLS"), ({"certificate": "other-ca"}, "certificate"),
                           ({"certificate": "other-name"}, "certificate"), ({"certificate": "expired"}, "certificate"),
                           ({"tls": "tls", "certificate": "other-ca"}, "certificate")):
            server = self.server(**what)
            name = "-".join(what.values())
            self.sender(server, name)
            self.recipient(name, sender=name)
            self.refused(text, "mail", "test", name)
            self.assertEqual(server.events(), [], what)  # neither login nor mail

    def test_2_the_password_stands_in_the_token_alone(self):
        server = self.server()
        self.sender(server, "acme", password=False)
        self.recipient("ops")
        self.refused("no password for sender acme", "mail", "test", "ops")
        for text in ("first", server.password):  # changed, not doubled
            self.kmsd.command("sender", "password", "acme", "--file", str(password_file(self.password, text)))
            self.assertEqual(self.listed().count(b"kmsd mail sender acme"), 1)
        self.assertIn("250", self.kmsd.command("mail", "test", "ops"))
        mail = server.wait(1)[0]
        self.assertEqual((mail["user"], parsed(mail)["Subject"]), (server.user, f"KMS {CUSTOMER}: test"))
        for path in self.folder.path.glob("kms.*"):
            self.assertNotIn(server.password.encode(), path.read_bytes(), path)
        self.kmsd.command("recipient", "remove", self.recipients.pop())
        self.kmsd.command("sender", "remove", self.senders.pop())
        self.assertNotIn(b"mail sender", self.listed())

    def listed(self):
        return run(["pkcs11-tool", "--module", SOFTHSM, "--login", "--pin", self.token.pin, "--list-objects", "--type", "data"],
                   env=self.token.env).stdout

    def test_3_a_login_that_cannot_be_had_stops_the_mail(self):
        server = self.server(login=False)
        self.sender(server, "acme")
        self.recipient("ops")
        self.refused("Login denied", "mail", "test", "ops")
        self.assertEqual(server.mails(), [])
        self.kmsd.command("sender", "set", "acme", "--user", "")
        self.assertIn("250", self.kmsd.command("mail", "test", "ops"))
        server.wait(1)

    def test_4_header_fields_take_no_line_ends_wherever_they_come_from(self):
        server = self.server()
        self.sender(server, "acme")
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
        self.assertEqual(server.events(), [])

    def test_5_templates_take_only_the_placeholders_of_their_event(self):
        self.kmsd.command("template", "list")
        body = self.folder / "bad.body"
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
        self.assertEqual(databases.query(self.database, "SELECT count(*) FROM mail_template"), [(0,)])

    def test_6_senders_and_recipients_refuse_what_makes_no_sense(self):
        server = self.server()
        self.refused("no sender yet", "recipient", "add", "ops", "--mailbox", "a@b.example", "--sender", "acme")
        self.refused("needs --server", "sender", "add", "x", "--mailbox", "a@b.example")
        self.refused("a name is", "sender", "add", "a b", "--mailbox", "a@b.example", "--server", "h:25")
        self.sender(server, "acme")
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
        loose = self.folder / "loose"
        loose.write_text("secret\n")
        loose.chmod(0o644)
        self.refused("mode 0600", "sender", "password", "acme", "--file", str(loose))
        self.refused("number of a notification", "notification", "retry", "x")
        self.refused("no notification", "notification", "cancel", "999999")
        self.assertEqual(self.ask("recipient", "list")["recipients"][0]["type"], "all")
        with open(self.password, "rb") as pipe:  # from standard input too
            done = run([*self.kmsd.argv, "sender", "password", "acme", "--file", "-"], env=self.kmsd.env, stdin=pipe)
        self.assertEqual(done.returncode, 0)


if __name__ == "__main__":
    unittest.main(verbosity=1)
