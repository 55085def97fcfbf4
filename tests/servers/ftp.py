#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""vsftpd for a test: plain, with TLS on demand (explicit) or from the first byte (implicit), run by a user without rights.

vsftpd can log nobody but `anonymous` in then (run_as_launching_user); its password is the one of secure_email_list_enable, any
other is refused. Folder of the files: `files`.

ftp.py [--tls none|required|implicit] [--certificate good|other-name|other-ca|expired] [--file-max BYTES]
prints one JSON line when it is ready and ends when its standard input does.
"""
import argparse
import json
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import certificates  # pylint: disable=wrong-import-position
from process import Process, free_port  # pylint: disable=wrong-import-position

VSFTPD = "/usr/sbin/vsftpd"
PASSWORD = "loopback-4711"


class Ftp(Process):
    """file_max: bytes that a file may have there, as on a disk that is full. denied: commands that the user may not send."""

    def __init__(self, tls="required", certificate="good", file_max=None, denied=""):
        super().__init__()
        self.tls, self.file_max, self.denied = tls, file_max, denied
        self.user, self.password = "anonymous", PASSWORD
        self.port, self.data_port = free_port(), free_port()
        self.root, self.files = self.folder / "root", self.folder / "root" / "in"
        self.password_file = self.secret_file("password", PASSWORD)
        self.wrong_password_file = self.secret_file("wrong", "not this one")
        (self.folder / "emails").write_text(PASSWORD + "\n")
        self.ca = None
        for folder in (self.root, self.files):
            folder.mkdir()
            self.give(folder)
        self.configure(certificate)

    def secret_file(self, name, text):
        """For the client: ours alone. The folder belongs to the server's user."""
        path = self.folder / name
        path.touch(mode=0o600)
        path.write_text(text + "\n")
        return path

    def configure(self, certificate):
        lines = {"listen": "YES", "listen_ipv6": "NO", "listen_address": "127.0.0.1", "listen_port": self.port, "background": "NO",
                 "run_as_launching_user": "YES", "seccomp_sandbox": "NO", "connect_from_port_20": "NO", "anonymous_enable": "YES",
                 "local_enable": "NO", "anon_root": self.root, "secure_email_list_enable": "YES",
                 "email_password_file": self.folder / "emails", "write_enable": "YES", "anon_upload_enable": "YES",
                 "anon_mkdir_write_enable": "YES", "anon_other_write_enable": "YES", "anon_world_readable_only": "NO",
                 "anon_umask": "077", "pasv_min_port": self.data_port, "pasv_max_port": self.data_port, "xferlog_enable": "YES",
                 "xferlog_file": self.folder / "transfers", "xferlog_std_format": "NO", "vsftpd_log_file": self.folder / "transfers",
                 "log_ftp_protocol": "YES"}
        if self.denied:
            lines["cmds_denied"] = self.denied
        if self.tls != "none":
            self.ca, pem, key = certificates.make(self.folder, certificate, "IP:127.0.0.1,IP:127.0.0.2,DNS:localhost")
            self.give(key)
            lines.update({"ssl_enable": "YES", "allow_anon_ssl": "YES", "force_anon_logins_ssl": "YES", "force_anon_data_ssl": "YES",
                          "ssl_sslv2": "NO", "ssl_sslv3": "NO", "ssl_tlsv1": "YES", "require_ssl_reuse": "YES", "ssl_ciphers": "HIGH",
                          "rsa_cert_file": pem, "rsa_private_key_file": key,
                          "implicit_ssl": "YES" if self.tls == "implicit" else "NO"})
        text = "".join(f"{k}={v}\n" for k, v in lines.items())
        (self.folder / "vsftpd.conf").write_text(text)
        self.give(self.folder / "vsftpd.conf")
        self.give(self.folder / "emails")

    @property
    def scheme(self):
        return "ftps" if self.tls == "implicit" else "ftp"

    def folder_at(self, host="127.0.0.1", port=None):
        return f"{self.scheme}://{host}:{port or self.port}/in/"

    @property
    def url(self):
        return self.folder_at()

    def options(self):
        """What a configuration says besides the folder."""
        more = {"server_ca": self.ca} if self.tls != "none" else {"tls": "none"}
        return {"user": self.user, "password_file": self.password_file, **more}

    def start(self):
        argv = [VSFTPD, self.folder / "vsftpd.conf"]
        if self.file_max is not None:  # the signal ignored: a write answers an error instead
            argv = ["sh", "-c", f"trap '' XFSZ; exec prlimit --fsize={self.file_max} \"$0\" \"$@\"", *argv]
        self.launch(argv, self.port)
        return self

    def said(self):
        path = self.folder / "transfers"
        return path.read_text(errors="replace") if path.exists() else ""


def as_program(make, arguments):
    """Prints what a client needs as one JSON line, ends with standard input."""
    server = make(arguments).start()
    try:
        print(json.dumps({"url": server.url, "files": str(server.files), "port": server.port,
                          **{k: str(v) for k, v in server.options().items()}}), flush=True)
        while os.read(0, 4096):
            pass
    finally:
        server.stop()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--tls", choices=["none", "required", "implicit"], default="required")
    parser.add_argument("--certificate", choices=certificates.KINDS, default="good")
    parser.add_argument("--file-max", type=int)
    as_program(lambda a: Ftp(a.tls, a.certificate, a.file_max), parser.parse_args())
