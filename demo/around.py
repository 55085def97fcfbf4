# SPDX-License-Identifier: BSD-2-Clause
"""What stands around the house: PostgreSQL, a file server behind a line that breaks, a mail server. Other makers' servers, run by
the classes of tests/servers in a folder of the story."""
import pathlib
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path += [str(HERE.parent / "servers"), str(HERE.parent / "tests" / "servers")]
# pylint: disable=wrong-import-position
from cut import Cut
from ftp import Ftp
from postgres import Postgres
from smtp import SmtpServer


class Around:
    """Started as they are asked for; stop() ends all, with keep their folders stay."""

    def __init__(self, place):
        tempfile.tempdir = str(place.folder("servers"))
        self.running = []

    def start(self, server):
        self.running.append(server)
        return server.start()

    def database(self, name):
        """The URL of a database of its own."""
        return self.start(Postgres()).create(name)

    def files(self):
        """vsftpd; line: a proxy before its data connection, at the address that the DC uses (127.0.0.2)."""
        self.ftp = self.start(Ftp())
        control = Cut(("127.0.0.1", self.ftp.port), "127.0.0.2")
        self.line = Cut(("127.0.0.1", self.ftp.data_port), "127.0.0.2", self.ftp.data_port)
        self.running += [control, self.line]
        self.far = self.ftp.folder_at("127.0.0.2", control.port)
        return self.ftp

    def mail(self):
        self.smtp = self.start(SmtpServer())
        return self.smtp

    def stop(self, keep):
        for server in reversed(self.running):
            getattr(server, "halt" if keep else "stop", server.stop)()
