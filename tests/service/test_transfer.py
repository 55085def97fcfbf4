# SPDX-License-Identifier: BSD-2-Clause
"""host/transfer against OpenSSH's sshd and a folder of this machine. R2.2"""
import unittest

from factory import run
from transfer_kit import Base, Local, Remote, call

from cut import Cut
from sftp import Sftp


class SftpTest(Remote, unittest.TestCase):
    """OpenSSH: host keys must be known. R2.2"""

    @classmethod
    def make(cls, **more):
        return Sftp(**more)

    def proxied(self):
        cut = Cut(("127.0.0.1", self.server.port))
        self.server.know(port=cut.port)
        return self.server.folder_at(port=cut.port), cut

    def put_through(self, cut, folder, offset, name):
        return super().put_through(cut, folder, offset + 4000, name)  # behind the login

    def test_unknown_host_is_refused(self):
        empty = self.mine / "empty_hosts"
        empty.write_text("")
        empty.chmod(0o600)
        accepted = self.server.said().count("Accepted")
        code, text = self.call("put", "a", self.file, known_hosts=empty)
        self.assertEqual(code, "ERR_REFUSED", text)
        self.assertIn("not in known_hosts", text)
        self.assertEqual(empty.read_text(), "")
        self.assertEqual(self.server.said().count("Accepted"), accepted)
        self.assertEqual(self.names(), [])

    def test_changed_host_key_is_refused(self):
        other = Sftp()
        try:
            other.port = self.server.port
            other.know()
            code, text = self.call("put", "a", self.file, known_hosts=other.known_hosts)
            # The last line wins over none: that host with another key.
            self.assertEqual(code, "ERR_REFUSED", text)
            changed = self.mine / "changed"
            changed.write_text(other.known_hosts.read_text().splitlines()[-1] + "\n")
            changed.chmod(0o600)
            code, text = self.call("put", "a", self.file, known_hosts=changed)
            self.assertEqual(code, "ERR_REFUSED", text)
            self.assertIn("another", text)
        finally:
            other.stop()
        self.assertEqual(self.names(), [])

    def test_hashed_and_ecdsa_hosts_are_known(self):
        server = Sftp()
        try:
            server.new_host_key("ecdsa")
            server.known_hosts.unlink()
            server.know()
            run(["ssh-keygen", "-H", "-f", server.known_hosts])
            server.known_hosts.chmod(0o600)
            server.start()
            code, text = call(server.url, server.options(), "put", "a", self.file)
            self.assertEqual(code, "ERR_OK", text)
        finally:
            server.stop()

    def test_wrong_key_is_refused(self):
        code, text = self.call("list", key_file=self.server.other_key_file)
        self.assertEqual(code, "ERR_REFUSED", text)
        self.assertIn("login", text)

    def test_wrong_password_is_refused(self):
        path = self.mine / "password"
        path.touch(mode=0o600)
        path.write_text("x\n")
        self.assertEqual(self.call("list", key_file=None, password_file=path)[0], "ERR_REFUSED")

    def test_credentials_are_checked_before_anything_is_sent(self):
        path = self.mine / "key"
        path.write_bytes(self.server.key_file.read_bytes())
        path.chmod(0o640)
        self.assertEqual(self.call("list", key_file=path)[0], "ERR_CONFIG")
        hosts = self.mine / "hosts"
        hosts.write_text("")
        hosts.chmod(0o666)
        for more in ({"known_hosts": None}, {"known_hosts": self.mine / "none"}, {"known_hosts": hosts}, {"user": None},
                     {"key_file": None}, {"tls": "required"}):
            self.assertEqual(self.call("list", **more)[0], "ERR_CONFIG", more)

    def test_home_folder(self):
        self.ok("put", "a", self.file, folder=f"sftp://127.0.0.1:{self.server.port}/~/in/")
        self.ok("rename", "a", "b", "remove", "b", folder=f"sftp://127.0.0.1:{self.server.port}/~/in/")
        self.assertEqual(self.names(), [])


class LocalTest(Base, unittest.TestCase):
    """A folder of this machine."""

    @classmethod
    def make(cls):
        return Local()

    def test_links_are_not_followed(self):
        target = self.mine / "outside"
        target.write_bytes(b"outside")
        (self.server.files / "a").symlink_to(target)
        (self.server.files / ".b.part").symlink_to(target)
        self.assertEqual(self.call("put", "a", self.file)[0], "ERR_DUPLICATE")
        self.assertEqual(self.call("put", "b", self.file)[0], "ERR_IO")
        self.assertNotEqual(self.call("get", "a", self.mine / "a", 99)[0], "ERR_OK")
        self.assertEqual(target.read_bytes(), b"outside")

    def test_no_credentials_for_a_folder_here(self):
        self.assertEqual(self.call("list", user="me")[0], "ERR_CONFIG")


if __name__ == "__main__":
    unittest.main(verbosity=1)
