# SPDX-License-Identifier: BSD-2-Clause
"""A server of another maker for a test: in a private folder, on a free port of loopback, as a user without rights, stopped again
by the id it was started with."""
import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time

WAIT = 60  # seconds that a start or a stop may take
USER = "nobody"


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return sock.getsockname()[1]


class Process:
    """A server. The folder belongs to the user it runs as: nobody, when we are root, else ourselves."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="strongroom-server-"))
        self.process = None
        self.log = self.folder / "log"
        self.give(self.folder)

    def give(self, path):
        """To the server's user."""
        if os.geteuid() == 0:
            entry = pwd.getpwnam(USER)
            os.chown(path, entry.pw_uid, entry.pw_gid)

    @staticmethod
    def as_user(argv):
        if os.geteuid() != 0:
            return [str(a) for a in argv]
        entry = pwd.getpwnam(USER)
        return ["setpriv", f"--reuid={entry.pw_uid}", f"--regid={entry.pw_gid}", "--clear-groups", *[str(a) for a in argv]]

    def run(self, argv, **more):
        """A program of the server's to its end, as its user; the output is part of the error."""
        done = subprocess.run(self.as_user(argv), capture_output=True, timeout=WAIT, cwd=self.folder, **more)
        if done.returncode:
            raise AssertionError(f"{argv[0]}: status {done.returncode}\n{done.stdout!r}\n{done.stderr.decode(errors='replace')}")
        return done.stdout

    def launch(self, argv, port, env=None):
        """Starts it and waits until the port answers."""
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.as_user(argv), stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder,
                                            env=env, start_new_session=True)
        end = time.monotonic() + WAIT
        while time.monotonic() < end:
            if self.process.poll() is not None:
                break
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return
            except OSError:
                time.sleep(0.05)
        text = self.log.read_text(errors="replace")
        self.halt()
        raise AssertionError(f"{argv[0]} does not answer on port {port}\n{text[-3000:]}")

    def halt(self, number=signal.SIGTERM):
        """Ends the process, the folder stays: it can be launched again."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(number)
            try:
                self.process.wait(WAIT)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process = None

    def stop(self):
        self.halt()
        shutil.rmtree(self.folder, ignore_errors=True)
