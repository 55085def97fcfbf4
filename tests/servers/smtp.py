#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""A mail server for tests: SMTP with STARTTLS or TLS and AUTH (aiosmtpd), with certificates of its own, that fails as it is told.

As a class: SmtpServer().start() runs this file as a program, as a user without rights. As a program:

smtp.py FOLDER [--port N] [--tls starttls|tls|none] [--certificate good|other-name|other-ca|expired] [--no-login]

prints one JSON line when it is ready (port, ca, user, password), then takes one JSON object a line from standard input, answers
each with a line, and ends when its input does. Commands:

{"rule": {"stage": S, "do": D, "times": n, ...}}  S: LOGIN, MAIL, RCPT or DATA (the mail has come); the next n times
    do refuse: code, text     refused with that reply
    do cut                    the connection is cut, the mail is not kept
    do keep-cut               the mail is kept as if accepted, then the connection is cut before the reply
    do slow: seconds          the reply comes so much later
{"clear": true}                                   no rules any more

FOLDER/mails: accepted mails, a JSON object a line (from, to, data in base64, tls, user). FOLDER/events: what was asked for.
"""
import argparse
import asyncio
import base64
import json
import os
import pathlib
import ssl
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import certificates  # pylint: disable=wrong-import-position

USER, PASSWORD = "kms@mail.example", "correct horse, battery: 9 staples"
PYTHON = "/usr/bin/python3"  # Debian's, which has Debian's aiosmtpd


def serve(arguments):
    # pylint: disable=import-outside-toplevel,import-error
    from aiosmtpd.smtp import SMTP, AuthResult

    folder = pathlib.Path(arguments.folder).resolve()
    ca, certificate, key = certificates.make(folder, arguments.certificate)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    rules = []

    def note(name, **what):
        with open(folder / name, "a", encoding="ascii") as out:
            out.write(json.dumps(what) + "\n")

    def rule_of(stage):
        for rule in rules:
            if rule["stage"] == stage and rule["times"] > 0:
                rule["times"] -= 1
                return rule
        return {"do": "go"}

    async def obey(server, rule):
        """The reply of a rule, or None to go on."""
        if rule["do"] == "slow":
            await asyncio.sleep(rule["seconds"])
        if rule["do"] == "refuse":
            return f"{rule['code']} {rule.get('text', 'told to refuse')}"
        if rule["do"] in ("cut", "keep-cut"):
            server.transport.abort()
            return "421 cut"
        return None

    class Handler:
        """The hooks of aiosmtpd."""

        async def handle_MAIL(self, server, session, envelope, address, options):  # pylint: disable=invalid-name
            note("events", event="MAIL", tls=session.ssl is not None or arguments.tls == "tls", user=session.auth_data)
            envelope.mail_from = address
            return await obey(server, rule_of("MAIL")) or "250 OK"

        async def handle_RCPT(self, server, session, envelope, address, options):  # pylint: disable=invalid-name
            note("events", event="RCPT", address=address)
            envelope.rcpt_tos.append(address)
            return await obey(server, rule_of("RCPT")) or "250 OK"

        async def handle_DATA(self, server, session, envelope):  # pylint: disable=invalid-name
            rule = rule_of("DATA")
            note("events", event="DATA", does=rule["do"])
            if rule["do"] not in ("refuse", "cut"):
                note("mails", **{"from": envelope.mail_from, "to": envelope.rcpt_tos, "user": session.auth_data,
                                 "tls": session.ssl is not None or arguments.tls == "tls",
                                 "data": base64.b64encode(envelope.original_content).decode()})
            return await obey(server, rule) or "250 taken"

    def authenticate(server, session, envelope, mechanism, data):
        login, password = data.login.decode(), data.password.decode()
        good = (login, password) == (USER, PASSWORD) and rule_of("LOGIN")["do"] == "go"
        note("events", event="AUTH", mechanism=mechanism, user=login, good=good,
             tls=session.ssl is not None or arguments.tls == "tls")
        return AuthResult(success=good, handled=good, auth_data=login)

    login = {"auth_exclude_mechanism": ("PLAIN", "LOGIN")} if arguments.no_login else {"authenticator": authenticate, "auth_required": arguments.tls != "none"}

    def session():
        return SMTP(Handler(), hostname="mail.example", ident="test mail server", timeout=60, **login,
                    tls_context=context if arguments.tls == "starttls" else None, require_starttls=arguments.tls == "starttls",
                    auth_require_tls=arguments.tls == "starttls")

    def commands(loop):
        for line in sys.stdin:
            command = json.loads(line)
            if "clear" in command:
                rules.clear()
            if "rule" in command:
                rules.append({"times": 1, **command["rule"]})
            print(json.dumps({"ok": True}), flush=True)
        loop.call_soon_threadsafe(loop.stop)

    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    tls = {"ssl": context} if arguments.tls == "tls" else {}
    server = loop.run_until_complete(loop.create_server(session, "127.0.0.1", arguments.port, **tls))
    port = server.sockets[0].getsockname()[1]
    threading.Thread(target=commands, args=(loop,), daemon=True).start()
    print(json.dumps({"port": port, "address": f"127.0.0.1:{port}", "ca": str(ca), "user": USER, "password": PASSWORD}), flush=True)
    loop.run_forever()


class SmtpServer:
    """The program above as a process: start(), stop(), and the ways to make it fail."""

    user, password = USER, PASSWORD

    def __init__(self, tls="starttls", certificate="good", login=True):
        from process import Process  # pylint: disable=import-outside-toplevel
        self.home = Process()
        self.folder = self.home.folder
        self.arguments = ["--tls", tls, "--certificate", certificate, *([] if login else ["--no-login"])]
        self.process, self.port = None, 0
        self.seen = {}

    def start(self):
        here, program = pathlib.Path(__file__), self.folder / "smtp.py"
        for part in ("smtp.py", "certificates.py"):  # the tree may not be readable for the server's user
            (self.folder / part).write_text((here.parent / part).read_text(encoding="utf-8"), encoding="utf-8")
            self.home.give(self.folder / part)
        with open(self.home.log, "ab") as log:
            self.process = subprocess.Popen(
                self.home.as_user([PYTHON, program, self.folder, "--port", self.port, *self.arguments]), stdin=subprocess.PIPE,
                stdout=subprocess.PIPE, stderr=log, cwd=self.folder, start_new_session=True, env={**os.environ, "HOME": str(self.folder)})
        line = self.process.stdout.readline()
        if not line:
            raise AssertionError(f"the mail server did not start: {self.home.log.read_text()}")
        ready = json.loads(line)
        self.port, self.address, self.ca = ready["port"], ready["address"], pathlib.Path(ready["ca"])
        return self

    def halt(self):
        """Ends the process; mails and port stay, it can be started again."""
        if self.process:
            self.process.stdin.close()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self.process.stdout.close()
        self.process = None

    def stop(self):
        self.halt()
        self.home.stop()

    def tell(self, **command):
        self.process.stdin.write(json.dumps(command).encode() + b"\n")
        self.process.stdin.flush()
        assert json.loads(self.process.stdout.readline()) == {"ok": True}

    def rule(self, stage, do, times=1, **more):
        self.tell(rule={"stage": stage, "do": do, "times": times, **more})

    def clear(self):
        self.tell(clear=True)

    def lines(self, name):
        path = self.folder / name
        text = path.read_text(encoding="ascii") if path.exists() else ""
        return [json.loads(line) for line in text[:text.rfind("\n") + 1].splitlines()][self.seen.get(name, 0):]

    def forget(self):
        """No rules, and what came until now is not told again."""
        self.clear()
        for name in ("mails", "events"):
            self.seen[name] = self.seen.get(name, 0) + len(self.lines(name))

    def mails(self):
        """Accepted mails, oldest first; data as bytes."""
        return [{**m, "data": base64.b64decode(m["data"])} for m in self.lines("mails")]

    def events(self, name=None):
        return [e for e in self.lines("events") if name in (None, e["event"])]

    def wait(self, count, seconds=60):
        """Until so many mails are there; answers them."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if len(self.mails()) >= count:
                return self.mails()
            time.sleep(0.05)
        raise AssertionError(f"{len(self.mails())} of {count} mails within {seconds} s; {self.events()[-5:]}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--tls", choices=("starttls", "tls", "none"), default="starttls")
    parser.add_argument("--certificate", choices=certificates.KINDS, default="good")
    parser.add_argument("--no-login", action="store_true")
    serve(parser.parse_args())


if __name__ == "__main__":
    main()
