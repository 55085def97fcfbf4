# SPDX-License-Identifier: BSD-2-Clause
"""The whole chain with OpenSSH's sshd between DC and KMS: files over lines that break, a notice, pick-up, import. R2.1 to R2.6, R2.9"""
import json
import os
import sys
import unittest

from chain import CUSTOMER, Chain
from factory import Daemon, query, wait_until

sys.path.insert(0, os.environ["SERVERS"])
from cut import Cut  # pylint: disable=wrong-import-position
from sftp import Sftp  # pylint: disable=wrong-import-position


class FileChain(Chain):
    """mode = notice: the DC puts files there, the KMS fetches them when it is told. Each has a line of its own."""

    def __init__(self):
        self.server = Sftp().start()
        self.lines = {who: Cut(("127.0.0.1", self.server.port)) for who in ("dc", "kms")}
        for line in self.lines.values():
            self.server.know(port=line.port)
        super().__init__(2, messages=True)

    def folder_of(self, who):
        return self.server.folder_at(port=self.lines[who].port)

    def dc(self):
        route = {"mode": "notice", "url": f"https://127.0.0.1:{self.ports['kms']}", "spool": self.folder_of("dc"), "retry_max_s": 1,
                 **self.server.options()}
        return Daemon("DCD", self.write("dc", self.head("dc", name="dc1", database=self.dc_database), **{f"kms {CUSTOMER}": route}),
                      self.folder)

    def kms(self):
        daemon = super().kms()
        work = self.folder / "work"
        work.mkdir(mode=0o700, exist_ok=True)
        with open(self.folder / "kms.conf", "a", encoding="ascii") as conf:
            conf.write(f"[pickup files]\nurl = {self.folder_of('kms')}\nwork = {work}\npoll_s = 2\n")
            conf.writelines(f"{k} = {v}\n" for k, v in self.server.options().items())
        return daemon

    def stop(self):
        wrong = super().stop()
        for line in self.lines.values():
            line.stop()
        self.server.stop()
        return wrong

    def taken(self):
        """Serial numbers in the formal table."""
        return sorted(r[0] for r in query(self.kms_database, "SELECT serial_number FROM key_formal"))


class Files(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.chain = FileChain()

    @classmethod
    def tearDownClass(cls):
        wrong = cls.chain.stop()
        assert not wrong, wrong

    def test_order_goes_from_terminal_to_kms_over_lines_that_break(self):  # R2.1, R2.2, R2.5, R2.9
        chain = self.chain
        for line in chain.lines.values():
            line.arm(up=5000)
        status, text = chain.factory("ORDER-7", ["T-1", "T-2"])
        self.assertEqual(status, 0, text)
        wait_until(lambda: chain.taken() == ["T-1", "T-2"], "both terminals in the formal table")
        wait_until(lambda: query(chain.dc_database, "SELECT 1 FROM delivery WHERE state = 'delivered'"), "the DC knows")
        rows = json.loads(chain.dcd.command("deliveries", "--json"))["deliveries"]
        self.assertEqual([(r["sequence"], r["order"], r["records"], r["state"]) for r in rows], [(1, "ORDER-7", 2, "delivered")])
        name = rows[0]["name"]
        wait_until(lambda: {p.name for p in chain.server.files.iterdir()} == {f"{name}.keys.done", f"{name}.manifest.done"},
                   f"only what was taken stays: {list(chain.server.files.iterdir())}")
        self.again()

    def again(self):
        """A re-delivery is a new file with the next number; the KMS, which has lost nothing, knows the content."""
        chain = self.chain
        before = query(chain.kms_database, "SELECT count(*) FROM key_source")
        chain.dcd.command("redeliver", "order", "ORDER-7")
        wait_until(lambda: len(query(chain.dc_database, "SELECT 1 FROM delivery WHERE state = 'delivered'")) == 2, "the re-delivery")
        wait_until(lambda: "this content was imported before" in chain.kmsd.command("files"), "the verdict")
        self.assertEqual(query(chain.kms_database, "SELECT count(*) FROM key_source"), before)
        self.assertEqual(chain.taken(), ["T-1", "T-2"])
        numbers = [r["sequence"] for r in json.loads(chain.dcd.command("deliveries", "--json"))["deliveries"]]
        self.assertEqual(numbers, [1, 2])
        self.assertIn("dc1", chain.dcd.command("find", "T-1", "--order", "ORDER-7"))


if __name__ == "__main__":
    unittest.main(verbosity=1)
