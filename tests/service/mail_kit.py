# SPDX-License-Identifier: BSD-2-Clause
"""What the tests of notifications share: mail servers, kmsd's commands, mails as Python's parser reads them."""
import email
import email.policy
import json
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "servers"))
from factory import run  # pylint: disable=wrong-import-position
from smtp import SmtpServer  # pylint: disable=wrong-import-position


def parsed(mail):
    return email.message_from_bytes(mail["data"], policy=email.policy.default)


def text_of(message):
    return message.get_content().replace("\r\n", "\n")


def password_file(path, text=SmtpServer.password):
    path.touch(mode=0o600)
    path.write_text(text + "\n")
    return path


class MailCase(unittest.TestCase):
    """Tests with a kmsd, cls.kmsd, and a password file, cls.password."""

    def setUp(self):
        self.servers, self.senders, self.recipients = [], [], []

    def tearDown(self):
        for what, names in (("recipient", self.recipients), ("sender", self.senders)):
            for name in names:
                self.kmsd.command(what, "remove", name)
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

    def sender(self, server, name, *more, password=True):
        add_sender(self.kmsd, server, name, *more, password=self.password if password else None)
        self.senders.append(name)

    def recipient(self, name, *more, sender="acme"):
        self.kmsd.command("recipient", "add", name, "--mailbox", f"{name}@acme.example", "--sender", sender, *more)
        self.recipients.append(name)


def add_sender(kmsd, server, name, *more, password=None):
    tls = server.arguments[1] if server.arguments[1] == "tls" else "starttls"
    kmsd.command("sender", "add", name, "--mailbox", "kms@acme.example", "--server", server.address, "--user", server.user, "--tls", tls,
                 "--ca", str(server.ca), *more)
    if password:
        kmsd.command("sender", "password", name, "--file", str(password))


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
