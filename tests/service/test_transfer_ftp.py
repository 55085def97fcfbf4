# SPDX-License-Identifier: BSD-2-Clause
"""host/transfer against vsftpd: plain, AUTH TLS, TLS from the first byte on; and against a server that lies. R2.2"""
import socket
import threading
import unittest

from factory import Folder
from transfer_kit import SIZE, Remote, call

from cut import Cut
from ftp import Ftp


class FtpBase(Remote):
    """FTP with its second connection: the proxy stands on 127.0.0.2 and cuts the data."""

    TLS = "required"

    @classmethod
    def make(cls, **more):
        return Ftp(tls=cls.TLS, **more)

    def proxied(self):
        control = Cut(("127.0.0.1", self.server.port), "127.0.0.2")
        data = Cut(("127.0.0.1", self.server.data_port), "127.0.0.2", self.server.data_port)
        stop = data.stop
        data.stop = lambda: (stop(), control.stop())
        return self.server.folder_at("127.0.0.2", control.port), data

    def test_wrong_password_is_refused(self):
        code, text = self.call("list", password_file=self.server.wrong_password_file)
        self.assertEqual(code, "ERR_REFUSED", text)
        self.assertIn("login", text)

    def test_password_stands_in_a_private_file(self):
        path = self.server.secret_file("open", "x")
        path.chmod(0o644)
        code, text = self.call("list", password_file=path)
        self.assertEqual(code, "ERR_CONFIG")
        self.assertIn("0600", text)
        for bad in (b"", b"\n", b"a\rb\n", b"x" * 2000):
            path.chmod(0o600)
            path.write_bytes(bad)
            self.assertEqual(self.call("list", password_file=path)[0], "ERR_CONFIG", bad)

    def test_connection_is_kept_between_calls(self):
        before = self.server.said().count("CONNECT")
        self.ok("put", "a", self.file, "list", "get", "a", self.mine / "kept", SIZE, "remove", "a")
        self.assertEqual(self.server.said().count("CONNECT"), before + 1)

    def test_broken_control_connection_is_tried_again(self):
        control = Cut(("127.0.0.1", self.server.port), "127.0.0.2")
        data = Cut(("127.0.0.1", self.server.data_port), "127.0.0.2", self.server.data_port)
        try:
            for offset in (1, 100, 500, 1000, 1500, 2000):
                before, codes = control.cuts, [""]
                control.arm(up=offset)
                while control.cuts == before or codes[-1] != "ERR_OK":
                    codes.append(self.call("put", f"c{offset}", self.file, folder=self.server.folder_at("127.0.0.2", control.port))[0])
                    self.assertIn(codes[-1], ("ERR_OK", "ERR_PEER"))
                    self.assertLess(len(codes), 20)
                self.assertEqual((self.server.files / f"c{offset}").read_bytes(), self.content)
        finally:
            control.stop()
            data.stop()


class PlainFtp(FtpBase, unittest.TestCase):
    """FTP without TLS, because the configuration says so."""

    TLS = "none"

    def test_tls_is_demanded_unless_told_otherwise(self):
        server = Ftp(tls="required")  # for its CA
        try:
            code, text = self.call("list", tls=None, server_ca=server.ca)
            self.assertEqual(code, "ERR_REFUSED", text)
            self.assertIn("TLS", text)
            self.assertNotIn('"USER', self.server.said().split("CONNECT")[-1])  # before any name or password
            self.assertEqual(self.call("list", tls=None)[0], "ERR_CONFIG")
            self.assertEqual(self.call("list", tls="maybe")[0], "ERR_CONFIG")
            self.assertEqual(self.call("list", tls="none", server_ca=server.ca)[0], "ERR_CONFIG")
        finally:
            server.stop()


class ExplicitFtps(FtpBase, unittest.TestCase):
    """AUTH TLS, as vsftpd wants it: the data connection goes on with the session of the control connection."""

    def test_everything_is_protected(self):
        self.ok("put", "a", self.file)
        last = self.server.said().split("CONNECT")[-1]
        self.assertLess(last.index("AUTH"), last.index("USER"))
        self.assertIn("PROT P", last)

    def test_wrong_certificates_are_refused(self):
        for kind in ("other-name", "other-ca", "expired"):
            server = self.make(certificate=kind).start()
            try:
                code, text = call(server.url, server.options(), "put", "a", self.file)
                self.assertEqual(code, "ERR_REFUSED", (kind, text))
                self.assertNotIn('"USER', server.said())
                self.assertEqual(list(server.files.iterdir()), [])
            finally:
                server.stop()

    def test_plain_login_is_not_taken_by_the_server(self):
        code, text = self.call("list", tls="none", server_ca=None)
        self.assertIn(code, ("ERR_REFUSED", "ERR_PEER"), text)

    def test_ca_must_be_a_certificate(self):
        bad = self.mine / "bad.pem"
        bad.write_text("no certificate")
        self.assertEqual(self.call("list", server_ca=bad)[0], "ERR_CONFIG")
        self.assertEqual(self.call("list", server_ca=self.mine / "none")[0], "ERR_CONFIG")


class ImplicitFtps(FtpBase, unittest.TestCase):
    """TLS from the first byte on."""

    TLS = "implicit"
    # The same as with AUTH TLS.
    test_silent_server_is_given_up = test_full_disk_is_tried_again_and_comes_to_an_end = None
    test_part_that_is_no_prefix_is_begun_anew = test_get_goes_on_with_its_part_and_begins_anew_when_it_differs = None
    test_final_name_is_never_overwritten = test_password_stands_in_a_private_file = None
    test_name_tricks_are_refused = test_url_tricks_are_configuration_errors = None

    def test_plain_server_is_not_talked_to(self):
        plain = Ftp(tls="none").start()
        try:
            code, text = self.call("list", folder=f"ftps://127.0.0.1:{plain.port}/in/")
            self.assertEqual(code, "ERR_PEER", text)
            self.assertNotIn('"USER', plain.said())
        finally:
            plain.stop()

    def test_wrong_certificates_are_refused(self):
        for kind in ("other-name", "other-ca", "expired"):
            server = self.make(certificate=kind).start()
            try:
                code, text = call(server.url, server.options(), "put", "a", self.file)
                self.assertEqual(code, "ERR_REFUSED", (kind, text))
            finally:
                server.stop()

    def test_tls_cannot_be_turned_off(self):
        self.assertEqual(self.call("list", tls="none")[0], "ERR_CONFIG")


class Hostile(unittest.TestCase):
    """A server that lies: the client keeps its own counsel. R2.2"""

    def serve(self, answers):
        """Plain FTP by a script: command -> answer; NLST's data."""
        listener = socket.create_server(("127.0.0.1", 0))
        data = socket.create_server(("127.0.0.1", 0))
        heard = []

        def talk():
            while True:
                try:
                    client, _ = listener.accept()
                except OSError:
                    return
                client.sendall(b"220 hello\r\n")
                for line in client.makefile("rb"):
                    word = line.split()[0].decode()
                    heard.append(line.decode().strip())
                    if word == "EPSV":
                        client.sendall(b"229 ok (|||%d|)\r\n" % data.getsockname()[1])
                    elif word in ("NLST", "RETR"):
                        client.sendall(b"150 here\r\n")
                        peer, _ = data.accept()
                        peer.sendall(answers[word])
                        peer.close()
                        client.sendall(b"226 done\r\n")
                    else:
                        client.sendall(answers.get(word, "200 fine").encode() + b"\r\n")
        threading.Thread(target=talk, daemon=True).start()
        self.addCleanup(listener.close)
        self.addCleanup(data.close)
        return f"ftp://127.0.0.1:{listener.getsockname()[1]}/", heard

    BASE = {"USER": "331 go on", "PASS": "230 in", "PWD": '257 "/"', "SIZE": "213 5"}

    def test_names_with_paths_never_leave_the_listing(self):
        url, _ = self.serve({**self.BASE, "NLST": b"../../etc/passwd\r\n/etc/shadow\r\na/b\r\n..\r\n.\r\nok\0x\r\n\r\ngood.keys\r\n" +
                             b"x" * 300 + b"\r\n\x1b[2J\r\nlast\n"})
        code, text = call(url, {"tls": "none"}, "list")
        self.assertEqual(code, "ERR_OK", text)
        names = [line[5:] for line in text.splitlines() if line.startswith("name ")]
        self.assertEqual([n for n in names if len(n) > 2], ["good.keys", "last"])

    def test_endless_listing_ends(self):
        url, _ = self.serve({**self.BASE, "NLST": b"".join(b"%06d\r\n" % i for i in range(100001))})
        self.assertEqual(call(url, {"tls": "none"}, "list")[0], "ERR_TOO_LARGE")

    def test_file_longer_than_its_size_is_cut_off(self):
        folder = Folder()
        self.addCleanup(folder.stop)
        for size, code in (("213 5", "ERR_OK"), ("500 what", "ERR_TOO_LARGE"), ("213 9999999", "ERR_TOO_LARGE")):
            url, _ = self.serve({**self.BASE, "SIZE": size, "RETR": b"x" * 100000})
            self.assertEqual(call(url, {"tls": "none"}, "get", "a", folder / "a", 1000)[0], code, size)
            for path in (folder / "a", folder / "a.part"):
                self.assertLessEqual(path.stat().st_size if path.exists() else 0, 1000)


if __name__ == "__main__":
    unittest.main(verbosity=1)
