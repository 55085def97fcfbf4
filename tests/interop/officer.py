# SPDX-License-Identifier: BSD-2-Clause
"""What the tests of the command `strongroom` share: runs with files, and runs on a terminal of their own."""
import fcntl
import json
import os
import pathlib
import pty
import select
import signal
import subprocess
import sys
import termios
import time

import tools

STRONGROOM = pathlib.Path(sys.argv[2]).resolve()
SO_PIN = "so-pin-for-tests"
USER_PIN = "service-pin-for-tests"
WAIT_S = 60


class Terminal:
    """The command on a terminal of its own; what it answers goes to a pipe, what it asks stands on the terminal."""

    def __init__(self, args, env, ignored=()):
        self.master, slave = pty.openpty()
        self.seen = b""
        self.at = 0

        told, tell = os.pipe()

        def own():
            """A session whose leader waits for the command, so that the command can be stopped as under a shell."""
            fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
            child = os.fork()
            if child:
                os.write(tell, b"%d\n" % child)
                os.closerange(0, 256)
                status = os.waitpid(child, 0)[1]
                if os.WIFSIGNALED(status):
                    signal.signal(os.WTERMSIG(status), signal.SIG_DFL)
                    os.kill(os.getpid(), os.WTERMSIG(status))
                os._exit(os.waitstatus_to_exitcode(status))
            os.setpgid(0, 0)
            for number in SIGNALS:  # whoever runs the tests in the background has some of them ignored
                signal.signal(number, signal.SIG_IGN if number in ignored else signal.SIG_DFL)
            signal.signal(signal.SIGTTOU, signal.SIG_IGN)
            os.tcsetpgrp(slave, os.getpid())
            signal.signal(signal.SIGTTOU, signal.SIG_DFL)
        self.process = subprocess.Popen([str(a) for a in args], env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, start_new_session=True, preexec_fn=own,
                                        pass_fds=[slave, tell])
        self.pid = int(os.read(told, 32))
        os.close(told)
        os.close(tell)
        self.slave = slave  # stays open, so that the terminal's state can be asked for to the end

    def read(self, seconds):
        if select.select([self.master], [], [], seconds)[0]:
            self.seen += os.read(self.master, 65536)

    def until(self, text):
        """Waits until text stands behind what was waited for before."""
        end = time.monotonic() + WAIT_S
        while text.encode() not in self.seen[self.at:]:
            if time.monotonic() > end or self.process.poll() is not None:
                self.read(0)
                if text.encode() in self.seen[self.at:]:
                    break
                raise AssertionError(f"{text!r} did not come; terminal: {self.seen!r}; {self.process.poll()} "
                                     f"{self.process.stderr.read() if self.process.poll() is not None else ''!r}")
            self.read(0.1)
        self.at = self.seen.index(text.encode(), self.at) + len(text)

    def echoes(self):
        return bool(termios.tcgetattr(self.slave)[3] & termios.ECHO)

    def type(self, text):
        os.write(self.master, text.encode() + b"\n")

    def answer(self, question, text, hidden=True):
        self.until(question)
        end = time.monotonic() + 10
        while hidden and self.echoes():
            if time.monotonic() > end:
                raise AssertionError(f"{question}: the echo is on")
            time.sleep(0.01)
        self.type(text)

    def signal(self, number):
        os.kill(self.pid, number)

    def wait_stopped(self):
        end = time.monotonic() + WAIT_S
        while pathlib.Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "T":
            if time.monotonic() > end:
                raise AssertionError("it did not stop")
            time.sleep(0.01)

    def end(self):
        """Exit status, standard output, standard error; the terminal must echo again."""
        out, error = self.process.communicate(timeout=WAIT_S)
        self.read(0)
        if not self.echoes():
            raise AssertionError("the echo stayed off")
        os.close(self.master)
        os.close(self.slave)
        return self.process.returncode, out.decode(), error.decode()


class Officer(tools.Tools):
    """A place with the means to make tokens, users and files with secrets."""

    def setUp(self):
        super().setUp()
        self.secrets = set()
        self.outputs = []
        self.so = self.file("so.pin", SO_PIN)
        self.pin = self.file("user.pin", USER_PIN)

    def tearDown(self):
        """No secret that was given came back in any output."""
        for args, text in self.outputs:
            for secret in self.secrets:
                self.assertNotIn(secret, text, args)
            for secret in self.secrets:
                self.assertFalse(any(secret in str(a) for a in args), args)

    def file(self, name, text):
        path = self.top / name
        path.touch(mode=0o600)
        path.write_text(text + "\n")
        self.secrets.add(text)
        return path

    def strongroom(self, *args, status=0, data=b"", module=True, **env):
        args = [STRONGROOM, *args] + (["--module", tools.MODULE] if module else [])
        ran = tools.run(*args, env=dict(self.env, **env), data=data)
        text = ran.stdout.decode(), ran.stderr.decode()
        self.outputs.append((args, "".join(text)))
        self.assertEqual(ran.returncode, status, f"{args}: {text}")
        return text

    def text(self, *args, **more):
        return self.strongroom(*args, **more)[0]

    def json(self, *args, **more):
        return json.loads(self.strongroom(*args, "--json", **more)[0])

    def refused(self, *args, text, status=1, **more):
        """Both ways: in words, and as JSON that says the same."""
        words = self.strongroom(*args, status=status, **more)[1]
        self.assertIn(text, words)
        said = json.loads(self.strongroom(*args, "--json", status=status, **more)[0])["error"]
        self.assertIn(text, said["text"] + said.get("advice", ""))

    def terminal(self, *args, ignored=(), **env):
        return Terminal([STRONGROOM, *args, "--module", tools.MODULE], dict(self.env, **env), ignored)

    def ended(self, terminal, status=0):
        code, out, error = terminal.end()
        self.outputs.append(((), out + error + terminal.seen.decode()))
        self.assertEqual(code, status, f"{out}{error}{terminal.seen!r}")
        return out, error

    def init(self, label="HSM1", *more):
        return self.json("init", "--label", label, "--so-pin-file", self.so, "--pin-file", self.pin, *more)

    def custodian(self, name, label="HSM1"):
        """Made by the SO, with a PIN of his own; answers the file that it stands in."""
        first, own = self.file(f"{name}.first", f"first-of-{name}"), self.file(f"{name}.pin", f"own-pin-of-{name}")
        self.json("users", "add", name, "--token", label, "--so-pin-file", self.so, "--new-pin-file", first)
        self.json("users", "pin", "--user", name, "--token", label, "--pin-file", first, "--new-pin-file", own)
        return own


main = tools.main
SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT]
