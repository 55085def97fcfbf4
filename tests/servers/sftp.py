#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""OpenSSH's sshd for a test, which does nothing but SFTP: run by a user without rights, with a host key and an authorized key of
its own. A password it could check for nobody (it may not read the system's); PAM is asked about the account alone.

sftp.py [--file-max BYTES]
prints one JSON line when it is ready and ends when its standard input does.
"""
import argparse
import getpass
import os
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from ftp import as_program  # pylint: disable=wrong-import-position
from process import USER, Process, free_port  # pylint: disable=wrong-import-position

SSHD = "/usr/sbin/sshd"


class Sftp(Process):
    """file_max: bytes that a file may have there, as on a disk that is full."""

    def __init__(self, file_max=None):
        super().__init__()
        self.file_max = file_max
        self.port = free_port()
        self.user = USER if os.geteuid() == 0 else getpass.getuser()
        self.files = self.folder / "in"
        self.files.mkdir()
        self.give(self.files)
        self.key_file, self.other_key_file = self.make_key("user"), self.make_key("other")
        self.authorized = self.folder / "authorized"
        self.authorized.write_text((self.folder / "user.pub").read_text())
        self.give(self.authorized)
        self.new_host_key()
        self.known_hosts = self.folder / "known_hosts"
        self.know()

    def make_key(self, name, kind="ed25519"):
        path = self.folder / name
        for old in (path, self.folder / f"{name}.pub"):
            old.unlink(missing_ok=True)
        subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-C", name, "-f", str(path)], check=True, capture_output=True,
                       timeout=60)
        return path

    def new_host_key(self, kind="ed25519"):
        """Another host key from the next start on."""
        self.give(self.make_key("host", kind))

    def know(self, host="127.0.0.1", port=None):
        """Puts the host key into known_hosts."""
        kind, key = (self.folder / "host.pub").read_text().split()[:2]
        with open(self.known_hosts, "a", encoding="ascii") as out:
            out.write(f"[{host}]:{port or self.port} {kind} {key}\n")

    def folder_at(self, host="127.0.0.1", port=None):
        return f"sftp://{host}:{port or self.port}{self.files}/"

    @property
    def url(self):
        return self.folder_at()

    def options(self):
        """What a configuration says besides the folder."""
        return {"user": self.user, "key_file": self.key_file, "known_hosts": self.known_hosts}

    def start(self):
        lines = {"Port": self.port, "ListenAddress": "127.0.0.1", "HostKey": self.folder / "host", "PidFile": self.folder / "pid",
                 "AuthorizedKeysFile": self.authorized, "StrictModes": "no", "UsePAM": "yes", "PasswordAuthentication": "no",
                 "KbdInteractiveAuthentication": "no", "AllowTcpForwarding": "no", "X11Forwarding": "no", "PermitTTY": "no",
                 "PrintMotd": "no", "UseDNS": "no", "Subsystem": "sftp internal-sftp",
                 "ForceCommand": f"internal-sftp -d {self.folder}"}
        (self.folder / "sshd.conf").write_text("".join(f"{k} {v}\n" for k, v in lines.items()))
        argv = [SSHD, "-D", "-e", "-f", self.folder / "sshd.conf"]
        if self.file_max is not None:  # the signal ignored: a write answers an error instead
            argv = ["sh", "-c", f"trap '' XFSZ; exec prlimit --fsize={self.file_max} \"$0\" \"$@\"", *argv]
        self.launch(argv, self.port)
        return self

    def said(self):
        return self.log.read_text(errors="replace")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--file-max", type=int)
    as_program(lambda a: Sftp(a.file_max), parser.parse_args())
