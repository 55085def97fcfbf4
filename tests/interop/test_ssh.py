#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""OpenSSH with keys of the module: ssh-keygen -D, ssh-agent with ssh-add -s, signatures by the agent (R6.5).

usage: test_ssh.py MODULE"""
import os
import re
import signal

from tools import MODULE, PIN, Tools, main

KEYS = [("rsa:2048", "ssh-rsa"), ("EC:prime256v1", "ecdsa-sha2-nistp256")]


class Ssh(Tools):
    def setUp(self):
        super().setUp()
        self.fresh()
        for number, (kind, _) in enumerate(KEYS, 1):
            self.user("--keypairgen", "--key-type", kind, "--id", f"{number:02x}", "--label", f"key{number}", "--usage-sign")
        ask = self.top / "ask"
        ask.write_text(f"#!/bin/sh\necho {PIN}\n")
        ask.chmod(0o700)
        self.env.update(SSH_ASKPASS=str(ask), SSH_ASKPASS_REQUIRE="force", DISPLAY=":none")

    def agent(self):
        out = self.good("ssh-agent", "-s", "-P", f"{MODULE.parent}/*", "-a", self.top / "agent").decode()
        self.env["SSH_AUTH_SOCK"] = str(self.top / "agent")
        pid = re.search(r"SSH_AGENT_PID=(\d+)", out).group(1)
        self.addCleanup(os.kill, int(pid), signal.SIGTERM)

    def test_keygen_shows_public_keys(self):
        shown = self.good("ssh-keygen", "-D", MODULE).decode()
        for number, (_, name) in enumerate(KEYS, 1):
            self.assertRegex(shown, rf"(?m)^{name} \S+ key{number}$")

    def test_agent_signs(self):
        self.agent()
        self.good("ssh-add", "-s", MODULE)
        listed = self.good("ssh-add", "-L").decode().splitlines()
        self.assertEqual(sorted(line.split()[0] for line in listed), sorted(name for _, name in KEYS))
        text = self.top / "text"
        for line in listed:
            public = self.top / "key.pub"
            public.write_text(line + "\n")
            text.write_bytes(b"what is signed\n")
            self.good("ssh-keygen", "-Y", "sign", "-f", public, "-n", "test", text)
            (self.top / "allowed").write_text(f"me {line}\n")
            self.good("ssh-keygen", "-Y", "verify", "-f", self.top / "allowed", "-I", "me", "-n", "test", "-s",
                      self.top / "text.sig", data=text.read_bytes())
            (self.top / "text.sig").unlink()
        self.good("ssh-add", "-e", MODULE)


if __name__ == "__main__":
    main()
