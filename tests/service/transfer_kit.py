# SPDX-License-Identifier: BSD-2-Clause
"""What host/transfer must do on every way; test_transfer*.py have the ways. R2.2

Programs: TRANSFER_TOOL. Servers: tests/servers (SERVERS).
"""
import os
import socket
import sys
import time

sys.path.insert(0, os.environ["SERVERS"])
from factory import Folder, program, run  # pylint: disable=wrong-import-position

SIZE = 300000


class Local:
    """A folder of this machine behind the same face as a server."""

    def __init__(self):
        self.mine = Folder()
        self.files = self.mine / "in"
        self.files.mkdir()
        self.url = str(self.files)

    def start(self):
        return self

    def options(self):
        return {}

    def give(self, path):
        pass

    def stop(self):
        self.mine.stop()


def call(folder, options, *words):
    """Runs the calls; answers the last one's error and all output."""
    flat = [w for pair in options.items() for w in pair]
    done = run([program("TRANSFER_TOOL"), *flat, folder, *words], check=False)
    text = done.stdout.decode()
    assert "Sanitizer" not in done.stderr.decode() and text, done.stderr.decode()
    return text.splitlines()[-1].split(" ")[0], text


class Base:
    """What holds on every way. R2.2"""

    # Of the way: make(): a server; proxied(): folder behind a proxy, its proxy of the data.
    server = None

    @classmethod
    def setUpClass(cls):
        cls.server = cls.make().start()
        cls.mine = Folder()
        cls.content = os.urandom(SIZE)
        cls.file = cls.mine / "content"
        cls.file.write_bytes(cls.content)

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()
        cls.mine.stop()

    def setUp(self):
        for path in self.server.files.iterdir():
            path.unlink() if not path.is_dir() else path.rmdir()

    def call(self, *words, folder=None, **more):
        options = {k: v for k, v in {**self.server.options(), **more}.items() if v is not None}
        return call(folder or self.server.url, options, *words)

    def ok(self, *words, **more):
        code, text = self.call(*words, **more)
        self.assertEqual(code, "ERR_OK", text)
        self.assertNotIn("\nERR_", text.replace("\nERR_OK", ""))
        return text

    def there(self, name, content):
        path = self.server.files / name
        path.write_bytes(content)
        self.server.give(path)
        return path

    def names(self):
        return sorted(p.name for p in self.server.files.iterdir())

    def test_put_list_get_rename_remove(self):
        got = self.mine / "got"
        text = self.ok("put", "a.keys", self.file, "list", "get", "a.keys", got, SIZE, "rename", "a.keys", "b.keys", "list", "remove",
                       "b.keys", "list")
        self.assertEqual(got.read_bytes(), self.content)
        self.assertEqual(got.stat().st_mode & 0o777, 0o600)
        self.assertFalse((self.mine / "got.part").exists())
        self.assertEqual([line for line in text.splitlines() if line.startswith("name ")], ["name a.keys", "name b.keys"])
        self.assertEqual(self.names(), [])

    def test_empty_and_large_files(self):
        (self.mine / "empty").write_bytes(b"")
        large = self.mine / "large"
        large.write_bytes(os.urandom(5 << 20))
        self.ok("put", "e", self.mine / "empty", "get", "e", self.mine / "e", 0, "put", "l", large, "get", "l", self.mine / "l",
                10 << 20)
        self.assertEqual((self.mine / "e").read_bytes(), b"")
        self.assertEqual((self.mine / "l").read_bytes(), large.read_bytes())

    def test_what_is_not_there(self):
        for words in (("get", "no", self.mine / "no", 10), ("remove", "no"), ("rename", "no", "other")):
            self.assertEqual(self.call(*words)[0], "ERR_NOT_FOUND", words)
        self.assertEqual(self.names(), [])

    def test_final_name_is_never_overwritten(self):
        self.there("a", b"somebody else's")
        self.there("b", os.urandom(SIZE))
        for name in ("a", "b"):
            self.assertEqual(self.call("put", name, self.file)[0], "ERR_DUPLICATE")
        self.there("c", b"c")
        self.assertEqual(self.call("rename", "c", "a")[0], "ERR_DUPLICATE")
        self.assertEqual((self.server.files / "a").read_bytes(), b"somebody else's")
        self.assertEqual(self.names(), ["a", "b", "c"])

    def test_same_content_under_the_final_name_is_done_already(self):
        self.ok("put", "a", self.file)
        before = (self.server.files / "a").stat()
        self.ok("put", "a", self.file)
        after = (self.server.files / "a").stat()
        self.assertEqual((before.st_ino, before.st_mtime_ns), (after.st_ino, after.st_mtime_ns))

    def test_part_of_an_earlier_try_is_gone_on_with(self):
        for n in (1, 4096, SIZE // 2, SIZE - 1, SIZE):
            part = self.there(".a.part", self.content[:n])
            inode = part.stat().st_ino
            self.ok("put", "a", self.file)
            self.assertEqual((self.server.files / "a").read_bytes(), self.content)
            self.assertEqual((self.server.files / "a").stat().st_ino, inode)
            self.assertEqual(self.names(), ["a"])
            (self.server.files / "a").unlink()

    def test_part_that_is_no_prefix_is_begun_anew(self):
        wrong = bytes([self.content[0] ^ 1]) + self.content[1:]
        late = self.content[:5000] + b"?"
        for part in (b"x", wrong[:1000], late, wrong, self.content + b"more", os.urandom(2 * SIZE)):
            self.there(".a.part", part)
            self.ok("put", "a", self.file)
            self.assertEqual((self.server.files / "a").read_bytes(), self.content)
            self.assertEqual(self.names(), ["a"])
            (self.server.files / "a").unlink()

    def test_get_goes_on_with_its_part_and_begins_anew_when_it_differs(self):
        self.there("a", self.content)
        got, part = self.mine / "resumed", self.mine / "resumed.part"
        for text in (b"", self.content[:1], self.content[:4096], self.content[:100000], self.content[:-1], self.content,
                     b"?" * 100000, self.content[:99999] + b"?", self.content + b"?"):
            part.write_bytes(text)
            self.ok("get", "a", got, SIZE)
            self.assertEqual(got.read_bytes(), self.content)
            self.assertFalse(part.exists())
            got.unlink()

    def test_file_above_the_limit_is_not_fetched(self):
        self.there("a", self.content)
        self.assertEqual(self.call("get", "a", self.mine / "large-one", SIZE - 1)[0], "ERR_TOO_LARGE")
        self.assertFalse((self.mine / "large-one").exists())

    def test_name_tricks_are_refused(self):
        self.there("a", b"a")
        names = ("", ".", "..", "../a", "a/b", "/a", "a\r\nDELE a", "a\nb", "a b", "a\"b", "a\\b", "ä", "x" * 201, "~", "*")
        for name in names:
            _, text = self.call("put", name, self.file, "get", name, self.mine / "x", 9, "remove", name, "rename", name, "b", "rename",
                                "a", name)
            self.assertEqual([line.split()[0] for line in text.splitlines()], ["ERR_USAGE"] * 5, name)
        self.assertEqual(self.names(), ["a"])

    def test_listing_gives_no_odd_names(self):
        for name in ("good.keys", "-dash", "sp ace", "new\nline", "star*", "quo\"te", ".hidden", ".x.part", "ü"):
            self.there(name, b"")
        (self.server.files / "folder").mkdir()
        self.server.give(self.server.files / "folder")
        names = [line[5:] for line in self.ok("list").splitlines() if line.startswith("name ")]
        for name in ("-dash", "good.keys", "folder"):
            self.assertIn(name, names)
        for name in names:
            self.assertRegex(name, r"\A[A-Za-z0-9_-][A-Za-z0-9._-]*\Z")

    def test_what_is_no_file_is_not_fetched(self):
        (self.server.files / "folder").mkdir()
        self.server.give(self.server.files / "folder")
        self.assertNotEqual(self.call("get", "folder", self.mine / "folder", 1 << 20)[0], "ERR_OK")
        self.assertFalse((self.mine / "folder").exists())

    def test_local_target_is_no_way_out(self):
        self.there("a", b"a")
        (self.mine / "target").write_bytes(b"mine")
        link = self.mine / "link.part"
        link.symlink_to(self.mine / "target")
        self.assertEqual(self.call("get", "a", self.mine / "link", 9)[0], "ERR_IO")
        link.unlink()
        self.assertEqual(self.call("get", "a", self.mine / "none" / "x", 9)[0], "ERR_IO")
        self.assertEqual((self.mine / "target").read_bytes(), b"mine")

    def test_folder_that_is_not_there_waits(self):
        url = self.server.url.rstrip("/") + "/none/"
        code, text = self.call("put", "a", self.file, folder=url)
        self.assertIn(code, ("ERR_PEER", "ERR_IO"), text)


class Remote(Base):
    """What a line and a server add. R2.2"""

    OFFSETS = (1, 300, 3000, 20000, 70000, 150000, SIZE - 5000)

    def put_through(self, cut, folder, offset, name):
        """Uploads over a line that breaks until it stands; answers how many tries it took."""
        cut.arm(up=offset)
        for tries in range(1, 8):
            code, text = self.call("put", name, self.file, folder=folder)
            if code == "ERR_OK":
                return tries
            self.assertEqual(code, "ERR_PEER", text)
            self.assertFalse((self.server.files / name).exists())
        raise AssertionError("does not come to an end")

    def test_broken_uploads_resume(self):
        folder, cut = self.proxied()
        try:
            for offset in self.OFFSETS:
                name = f"a{offset}"
                before = cut.cuts
                self.put_through(cut, folder, offset, name)
                self.assertLessEqual(cut.cuts, before + 1)
                self.assertEqual((self.server.files / name).read_bytes(), self.content)
            self.assertEqual(self.names(), sorted(f"a{offset}" for offset in self.OFFSETS))
            self.assertGreater(cut.cuts, len(self.OFFSETS) - 3)
        finally:
            cut.stop()

    def test_resumed_upload_sends_the_rest_only(self):
        folder, cut = self.proxied()
        try:
            cut.arm(up=200000)
            self.assertEqual(self.call("put", "a", self.file, folder=folder)[0], "ERR_PEER")
            part = (self.server.files / ".a.part").stat().st_size
            self.assertGreater(part, 100000)
            before = cut.passed["up"]
            self.ok("put", "a", self.file, folder=folder)
            self.assertLess(cut.passed["up"] - before, SIZE - part + 60000)
            self.assertEqual((self.server.files / "a").read_bytes(), self.content)
        finally:
            cut.stop()

    def test_broken_downloads_resume(self):
        folder, cut = self.proxied()
        try:
            self.there("a", self.content)
            broken = 0
            for offset in self.OFFSETS:
                got = self.mine / f"got{offset}"
                cut.arm(down=offset)
                codes = []
                while not codes or codes[-1] != "ERR_OK":
                    codes.append(self.call("get", "a", got, SIZE, folder=folder)[0])
                    self.assertIn(codes[-1], ("ERR_PEER", "ERR_OK"))
                    self.assertLess(len(codes), 8)
                    self.assertEqual(got.exists(), codes[-1] == "ERR_OK")
                broken += len(codes) > 1
                self.assertEqual(got.read_bytes(), self.content)
            # The last words of an earlier connection may have taken a cut.
            self.assertGreater(broken, len(self.OFFSETS) - 3)
        finally:
            cut.stop()

    def test_silent_server_is_given_up(self):
        with socket.create_server(("127.0.0.1", 0)) as sock:
            url = self.server.folder_at(port=sock.getsockname()[1])
            begun = time.monotonic()
            self.assertEqual(self.call("put", "a", self.file, folder=url)[0], "ERR_PEER")
            self.assertLess(time.monotonic() - begun, 30)

    def test_nobody_there_is_tried_again(self):
        with socket.create_server(("127.0.0.1", 0)) as sock:
            port = sock.getsockname()[1]
        self.assertEqual(self.call("list", folder=self.server.folder_at(port=port))[0], "ERR_PEER")

    def test_full_disk_is_tried_again_and_comes_to_an_end(self):
        small = self.make(file_max=100000).start()
        try:
            code, text = call(small.url, small.options(), "put", "a", self.file)
            self.assertEqual(code, "ERR_PEER", text)
            self.assertFalse((small.files / "a").exists())
            small.halt()
            small.file_max = None
            small.start()
            self.assertEqual(call(small.url, small.options(), "put", "a", self.file)[0], "ERR_OK")
            self.assertEqual((small.files / "a").read_bytes(), self.content)
        finally:
            small.stop()

    def test_url_tricks_are_configuration_errors(self):
        host = f"127.0.0.1:{self.server.port}"
        scheme = self.server.url.split(":", maxsplit=1)[0]
        for url in ("http://x/", "file:///tmp/", f"{scheme}://me@{host}/", f"{scheme}://me:pw@{host}/", f"{scheme}://{host}/?a=b",
                    f"{scheme}://{host}/#a", f"{scheme}://{host}/a\r\nb/", f"{scheme}://{host}/%0d%0aDELE%20a/",
                    f"{scheme}://{host}/%22/", f"{scheme}://", "relative/folder", " "):
            code, text = self.call("list", folder=url)
            self.assertEqual(code, "ERR_CONFIG", (url, text))
