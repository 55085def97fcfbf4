# SPDX-License-Identifier: BSD-2-Clause
"""Who may keep a door of mtmsd, dcd and kmsd busy: nobody whose certificate was revoked meanwhile, no crowd of strangers. R2.3"""
import http.client
import json
import socket
import time
import unittest

from factory import context, post, query, wait_until
from test_roles import RolesChain

FLOOD = 120


class Doors(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.chain = RolesChain(2, messages=True)
        cls.doors = [(cls.chain.mtmsd, cls.chain.mtms_database, "opterm", "/v1/batches"),
                     (cls.chain.dcd, cls.chain.dc_database, "mtms", "/v1/records"),
                     (cls.chain.kmsd, cls.chain.kms_database, "dc", "/v1/records")]

    @classmethod
    def tearDownClass(cls):
        wrong = cls.chain.stop()
        if wrong:
            raise AssertionError(wrong)

    def test_revoked_peer_is_out_on_the_connection_that_it_has(self):  # R2.3
        """One that never closes its connection would be in for ever."""
        for daemon, database, role, path in self.doors:
            with self.subTest(daemon=daemon.name):
                name = f"kept-{role}"
                self.chain.ca.issue(role, name)
                kept = http.client.HTTPSConnection(daemon.address, context=context(self.chain.ca, name), timeout=20)
                answers = []
                for i in range(3):
                    if i == 2:
                        self.chain.revoke(name)
                    kept.request("POST", path, b"{]", {"Content-Type": "application/json"})
                    answer = kept.getresponse()
                    answers.append((answer.status, json.loads(answer.read())["error"]))
                kept.close()
                self.assertEqual(answers, [(400, 1), (400, 1), (403, 4)])
                sql = "SELECT count(*) FROM audit WHERE peer LIKE ? AND text LIKE '%certificate revoked%'"
                wait_until(lambda d=database, n=f"{role}:{name}%": query(d, sql, n) == [(1,)], "audit of the refusal")

    def test_strangers_do_not_fill_the_audit_trail(self):  # R2.3
        for daemon, database, role, path in self.doors:
            with self.subTest(daemon=daemon.name):
                count = lambda d=database: query(d, "SELECT count(*) FROM audit")[0][0]
                before, log = count(), daemon.log.stat().st_size
                for _ in range(FLOOD):
                    try:
                        post(self.chain.ca, "kms", daemon.address, path, {})
                        self.fail("role kms was let in")
                    except OSError:
                        pass
                wait_until(lambda b=before, c=count: c() > b, "audit of a refused stranger")
                self.assertEqual(post(self.chain.ca, role, daemon.address, path, b"{]")[0], 400)
                self.assertLess(count() - before, FLOOD * 3 // 4)
                self.assertLess(daemon.log.stat().st_size - log, FLOOD * 3 // 4 * 300)

    def test_connections_without_a_word_keep_nobody_out(self):  # R2.2
        for daemon, _, role, path in self.doors:
            with self.subTest(daemon=daemon.name):
                host, port = daemon.address.split(":")
                silent = [socket.create_connection((host, int(port)), 20) for _ in range(320)]
                began = time.monotonic()
                self.assertEqual(post(self.chain.ca, role, daemon.address, path, b"{]")[0], 400)
                self.assertLess(time.monotonic() - began, 10)
                for one in silent:
                    one.close()


if __name__ == "__main__":
    unittest.main(verbosity=1)
