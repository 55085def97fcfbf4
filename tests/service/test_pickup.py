# SPDX-License-Identifier: BSD-2-Clause
"""kmsd fetches key files from vsftpd with TLS and from OpenSSH's sftp (R2.2); kmsd, the data centre's identity and the servers
are real. SERVERS: tests/servers. Programs as chain.py.
"""
import os
import pathlib
import sys
import time
import unittest

sys.path.insert(0, os.environ["SERVERS"])
from chain import Chain, keyfile  # pylint: disable=wrong-import-position
from factory import query, wait_until  # pylint: disable=wrong-import-position
from cut import Cut  # pylint: disable=wrong-import-position
from ftp import Ftp  # pylint: disable=wrong-import-position
from sftp import Sftp  # pylint: disable=wrong-import-position

class Places(Chain):
    """A chain whose KMS looks into two servers, over lines that can be cut. FTP's data have a line of their own."""

    def __init__(self, servers):
        self.servers = servers
        ftp, sftp = servers["ftp"], servers["sftp"]
        control = Cut(("127.0.0.1", ftp.port), "127.0.0.2")
        self.lines = {"ftp": Cut(("127.0.0.1", ftp.data_port), "127.0.0.2", ftp.data_port), "sftp": Cut(("127.0.0.1", sftp.port))}
        self.all_lines = [control, *self.lines.values()]
        sftp.know(port=self.lines["sftp"].port)
        self.urls = {"ftp": ftp.folder_at("127.0.0.2", control.port), "sftp": sftp.folder_at(port=self.lines["sftp"].port),
                     "strict": servers["strict"].url}
        super().__init__(2)

    def stop(self):
        wrong = super().stop()
        for line in self.all_lines:
            line.stop()
        return wrong

    def write(self, name, head, **sections):
        if name == "kms":
            for where, server in self.servers.items():
                work = self.folder / f"work-{where}"
                work.mkdir(mode=0o700, exist_ok=True)
                sections[f"pickup {where}"] = {"url": self.urls[where], "work": work, "poll_s": 1, "settle_s": 2,
                                               **server.options(),
                                               **({"after": "remove"} if where == "ftp" else {})}
        return super().write(name, head, **sections)


class Pickup(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.servers = {"ftp": Ftp().start(), "sftp": Sftp().start(), "strict": Ftp(denied="RNFR,RNTO,DELE").start()}
        cls.chain = Places(cls.servers)

    @classmethod
    def tearDownClass(cls):
        wrong = cls.chain.stop()
        for server in cls.servers.values():
            server.stop()
        assert not wrong, wrong

    def put(self, where, name, count, sign_as=None, size=16):
        """As a data centre puts them: the key file, then the manifest. size: of a record, none of which is good."""
        server, mine = self.servers[where], self.chain.folder
        keys, manifest = mine / f"{name}.text", mine / f"{name}.signed"
        keys.write_text(keyfile(name, [os.urandom(size) for _ in range(count)], dc="dc9"))
        self.chain.sign(keys, manifest, "dc9", self.chain.next_sequence("dc9"), name)
        if sign_as:
            manifest.write_bytes(sign_as)
        for source, suffix in ((keys, "keys"), (manifest, "manifest")):
            target = server.files / f"{name}.{suffix}"
            part = server.files / f".{name}.{suffix}.part"
            part.write_bytes(source.read_bytes())
            server.give(part)
            part.rename(target)

    def row(self, name):
        rows = query(self.chain.kms_database, "SELECT state, source, records, whole FROM key_file WHERE name = ? ORDER BY id DESC",
                     name)
        return rows[0] if rows else None

    def names(self, where):
        return {p.name for p in pathlib.Path(self.servers[where].files).iterdir()}

    def test_1_files_are_fetched_by_ftp_with_tls_and_removed(self):  # R2.2
        self.put("ftp", "by-ftp", 3)
        wait_until(lambda: self.row("by-ftp") == ("done", "pickup ftp", 3, 1), "the import by FTP")
        wait_until(lambda: not self.names("ftp"), "the files to be removed")

    def test_2_files_are_fetched_by_sftp_and_renamed(self):  # R2.2
        self.put("sftp", "by-sftp", 3)
        wait_until(lambda: self.row("by-sftp") == ("done", "pickup sftp", 3, 1), "the import by SFTP")
        wait_until(lambda: {"by-sftp.keys.done", "by-sftp.manifest.done"} <= self.names("sftp"), "the files to be renamed")

    def test_3_a_bad_manifest_is_refused_and_put_aside(self):  # R2.2, R2.9
        self.put("sftp", "forged", 2, b"no manifest")
        wait_until(lambda: self.row("forged") and self.row("forged")[0] == "refused", "the refusal")
        wait_until(lambda: {"forged.keys.failed", "forged.manifest.failed"} <= self.names("sftp"), "the files to be put aside")
        self.assertEqual(query(self.chain.kms_database, "SELECT count(*) FROM key_source s JOIN key_file k ON k.id = s.file WHERE "
                               "k.name = 'forged'"), [(0,)])

    def test_3_a_dc_cannot_speak_for_another_one(self):  # R2.3
        """Its manifest is good, but names the other: no number of that one's is taken."""
        mine = self.chain.folder
        keys, other = mine / "liar.text", mine / "liar.other"
        keys.write_text(keyfile("liar", [os.urandom(16)], dc="dc1"))
        self.chain.sign(keys, other, "dc1", 77, "liar", signer="dc9")
        self.put("sftp", "liar", 1, other.read_bytes())
        wait_until(lambda: self.row("liar") and self.row("liar")[0] == "refused", "the refusal")
        told = query(self.chain.kms_database, "SELECT k.sender, k.dc, a.text FROM key_file k JOIN audit a ON a.object = k.name WHERE k.name = 'liar'")
        self.assertEqual(told, [("?", "", "manifest-signer: the manifest is not signed by the DC that it names; "
                                 "the manifest names DC dc1, but dc9 signed it")])
        self.assertEqual(query(self.chain.kms_database, "SELECT count(*) FROM delivery_sequence WHERE sequence = 77"), [(0,)])

    def test_4_kill_9_while_a_file_is_fetched(self):  # R2.2, R2.4
        self.put("sftp", "large", 20000, size=60)
        part = self.chain.folder / "work-sftp" / "large.keys.part"
        for _ in range(3):
            wait_until(lambda: part.exists() or self.row("large"), "the fetching")
            time.sleep(0.2)
            self.chain.kmsd.kill()
            self.chain.kmsd.start()
        wait_until(lambda: self.row("large") and self.row("large")[3] == 1, "the whole file", 200)
        wait_until(lambda: {"large.keys.done", "large.manifest.done"} <= self.names("sftp"), "the files to be renamed")
        self.assertEqual(query(self.chain.kms_database, "SELECT count(*), count(DISTINCT line) FROM key_source s JOIN key_file k ON "
                               "k.id = s.file WHERE k.name = 'large'"), [(20000, 20000)])
        self.assertEqual(query(self.chain.kms_database, "SELECT count(*) FROM key_file WHERE name = 'large'"), [(1,)])

    def test_5_a_fetching_that_breaks_goes_on_where_it_broke(self):  # R2.2, R2.4
        for where in ("ftp", "sftp"):
            with self.subTest(where):
                line, name = self.chain.lines[where], f"broken-{where}"
                cuts, passed = line.cuts, line.passed["down"]
                line.arm(down=400000)
                self.put(where, name, 1100, size=400)
                size = (self.chain.folder / f"{name}.text").stat().st_size
                self.assertGreater(size, 550000)
                wait_until(lambda: self.row(name) and self.row(name)[3] == 1, "the whole file", 120)
                self.assertEqual(self.row(name)[2], 1100)
                self.assertEqual(line.cuts, cuts + 1)
                self.assertLess(line.passed["down"] - passed, size + 150000, "it was fetched from its beginning once more")
                wait_until(lambda: self.row(name)[0] == "done", "the import", 200)

    def test_6_a_server_that_is_away_is_waited_for(self):  # R2.2
        self.servers["ftp"].halt()
        self.put("ftp", "later", 1)
        time.sleep(2)
        self.assertIsNone(self.row("later"))
        self.servers["ftp"].start()
        wait_until(lambda: self.row("later") == ("done", "pickup ftp", 1, 1), "the import", 120)

    def looks(self, count):
        """The strict server was looked at so many times more."""
        server = self.servers["strict"]
        before = server.said().count("NLST")
        wait_until(lambda: server.said().count("NLST") >= before + count, "the looks")

    def test_7_a_server_that_lets_us_rename_nothing_holds_nothing_up(self):  # R2.2
        """What is done with stays there, is known by its name, and told of once."""
        database, strict = self.chain.kms_database, self.servers["strict"]
        rows = lambda: query(database, "SELECT name, state, count(*) FROM key_file WHERE source = 'pickup strict' GROUP BY name, state ORDER BY name")
        told = lambda: query(database, "SELECT object, code, text FROM audit WHERE event = 'pickup'")
        want = [("kept-1", "done", 1), ("kept-2", "refused", 1), ("kept-3", "done", 1)]
        self.put("strict", "kept-1", 2)
        self.put("strict", "kept-2", 1, b"no manifest")
        self.put("strict", "kept-3", 1)
        wait_until(lambda: rows() == want, f"all three, have {rows()}")
        files = {f"kept-{n}.{end}" for n in (1, 2, 3) for end in ("keys", "manifest")}
        self.looks(3)
        for _ in range(2):  # before and after a restart
            self.assertEqual((rows(), self.names("strict")), (want, files))
            self.assertEqual([(o, c) for o, c, _ in told()], [("pickup strict", 4)])
            self.assertEqual(self.chain.kmsd.stop(), 0)
            self.chain.kmsd.start()
            self.looks(3)
        self.assertIn("RNFR kept-1.keys; files that are done with stay there and are remembered", told()[0][2])
        self.assertEqual([strict.said().count(f'"RETR kept-{n}.keys"') for n in (1, 2, 3)], [1, 0, 1])
        # The same name comes again, whole: what was refused may be delivered again.
        self.put("strict", "kept-2", 1)
        wait_until(lambda: ("kept-2", "done", 1) in rows(), "the second try")
        self.put("strict", "kept-4", 1)
        wait_until(lambda: ("kept-4", "done", 1) in rows(), "the next one")
        self.assertEqual(len(told()), 1)
        self.assertEqual(query(database, "SELECT count(*) FROM pickup_left"), [(4,)])
        # The right is granted: they go at last.
        strict.halt()
        strict.denied = ""
        strict.configure("good")
        strict.start()
        self.assertEqual(self.chain.kmsd.stop(), 0)
        self.chain.kmsd.start()
        done = {f"kept-{n}.{end}.done" for n in (1, 2, 3, 4) for end in ("keys", "manifest")}
        wait_until(lambda: self.names("strict") == done, "the files to be renamed")
        wait_until(lambda: query(database, "SELECT count(*) FROM pickup_left") == [(0,)], "nothing to be remembered")
        self.assertEqual(len(query(database, "SELECT 1 FROM key_file WHERE source = 'pickup strict'")), 5)

    def test_8_halves_wait_for_each_other_and_are_told_once(self):  # R2.2, R2.8
        """A manifest without its key file, and one that is cut: each is one row, and the others are taken meanwhile."""
        server, mine = self.servers["sftp"], self.chain.folder
        for name in ("half-1", "half-2"):
            keys = mine / f"{name}.text"
            keys.write_text(keyfile(name, [os.urandom(16)], dc="dc9"))
            self.chain.sign(keys, mine / f"{name}.signed", "dc9", self.chain.next_sequence("dc9"), name)
            part = server.files / f".{name}.part"
            part.write_bytes((mine / f"{name}.signed").read_bytes()[:100 if name == "half-2" else None])
            server.give(part)
            part.rename(server.files / f"{name}.manifest")
        self.put("sftp", "half-3", 1)
        wait_until(lambda: self.row("half-3") and self.row("half-3")[0] == "done", "the file behind them")
        for name, word in (("half-1", "file-gone"), ("half-2", "manifest-form")):
            wait_until(lambda n=name: self.row(n) and self.row(n)[0] == "refused", f"the refusal of {name}")
            said = query(self.chain.kms_database, "SELECT text FROM audit WHERE event = 'key file' AND object = ?", name)
            self.assertEqual([t.split(":")[0] for t, in said], [word])
        wait_until(lambda: {"half-1.manifest.failed", "half-2.manifest.failed"} <= self.names("sftp"), "the files to be put aside")


if __name__ == "__main__":
    unittest.main()
