# SPDX-License-Identifier: BSD-2-Clause
"""Revocation lists in daemons that run: who is revoked stays out from the next connection on, whatever stands for him: TLS
client, TLS server, batch, HsmWCRT. A list that is missing, broken, foreign, expired or set back lets nobody in. R1.2, R2.3"""
import contextlib
import os
import shutil
import sqlite3
import time
import unittest

from factory import SOFTHSM, Authority, CaToken, Daemon, Folder, Terminal, b64, batch_content, cms_sign, post, query, run, wait_until
from test_roles import RolesChain


class Lists(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.chain = RolesChain(2)

    @classmethod
    def tearDownClass(cls):
        wrong = cls.chain.stop()
        if wrong:
            raise AssertionError(wrong)

    def new(self, role, name):
        if role == "operator":
            self.chain.ca.operator(name)
        else:
            self.chain.ca.issue(role, name)
        return name

    def reads(self, name):
        """Did dcd read a message of this identity? Otherwise its handshake was refused."""
        try:
            status, answer = post(self.chain.ca, name, self.chain.dcd.address, "/v1/records", b"{]")
        except OSError:
            return False
        self.assertEqual((status, answer["error"]), (400, 1))
        return True

    def audited(self, words, database=None):
        wait_until(lambda: query(database or self.chain.dc_database, "SELECT 1 FROM audit WHERE text LIKE ?", f"%{words}%"), words)

    def test_revoked_client_is_out_at_once_and_others_stay(self):  # R2.3
        one, two = self.new("mtms", "c-one"), self.new("mtms", "c-two")
        self.chain.lists()
        self.assertTrue(self.reads(one) and self.reads(two))
        self.chain.revoke(one)
        self.assertFalse(self.reads(one))
        self.assertTrue(self.reads(two))
        self.audited("certificate: certificate revoked")

    def test_revoked_operator_card_signs_nothing(self):  # R1.5
        chain = self.chain
        name = self.new("operator", "c-operator")
        chain.order("C-1", ["CB-1"])
        chain.mtmsd.command("grant", "opterm-1", name, "order:C-1")
        content = batch_content("C-1", "cb-1", [Terminal(chain.folder / "hsm.pem", "CB-1")])
        body = {"order": "C-1", "batch": "cb-1", "cms": b64(cms_sign(chain.ca, name, content))}
        chain.revoke(name)
        status, answer = post(chain.ca, "opterm", chain.mtmsd.address, "/v1/batches", body)
        self.assertEqual((status, answer["error"]), (403, 4))
        self.audited("certificate revoked", chain.mtms_database)
        self.assertEqual(query(chain.mtms_database, "SELECT count(*) FROM batch WHERE batch_id = 'cb-1'"), [(0,)])

    def test_renewed_working_certificate_serves_beside_the_one_before_until_that_is_revoked(self):  # R1.1, R1.2
        chain = self.chain
        second, third = chain.folder / "hsm-2.pem", chain.folder / "hsm-3.pem"
        renew = ("renew", chain.folder / "hsm.pem", "--dir", chain.ca.dir, "--request", chain.folder / "hsm.request", "--same-key", "--out")
        chain.ca.call(*renew, second)
        chain.mtmsd.command("cert-import", str(second))
        chain.order("C-2", ["CW-1", "CW-2"])
        operator = self.new("operator", "w-operator")
        chain.mtmsd.command("grant", "opterm-1", operator, "order:C-2")
        both = [Terminal(chain.folder / "hsm.pem", "CW-1"), Terminal(second, "CW-2")]
        cms = b64(cms_sign(chain.ca, operator, batch_content("C-2", "cw-1", both)))
        status, answer = post(chain.ca, "opterm", chain.mtmsd.address, "/v1/batches", {"order": "C-2", "batch": "cw-1", "cms": cms})
        self.assertEqual((status, answer["accepted"], answer.get("refused", [])), (200, 2, []))
        chain.ca.call(*renew, third)
        chain.ca.call("revoke", third, "--dir", chain.ca.dir)
        chain.lists()
        done = run([*chain.mtmsd.argv, "cert-import", third], check=False, env=chain.mtmsd.env)
        self.assertEqual((done.returncode, "certificate revoked" in done.stderr.decode()), (1, True), done.stderr)

    def test_operation_terminal_and_terminal_ask_the_list_when_they_have_one(self):  # R1.2
        chain = self.chain
        own = Folder()
        self.addCleanup(own.stop)
        chain.order("C-3", ["CT-1", "CT-2"])
        process, address = chain.collect("C-3", 2, "--crl", chain.crl)
        try:
            pos = ("make", "--serial", "CT-1", "--root", chain.ca.root, "--module", os.environ["STRONGROOM_MODULE"], "--connect", address)
            kept = own / "crl.pem"
            shutil.copy(chain.crl, kept)
            with open(kept, "rb+") as file:
                file.truncate(200)
            done = chain.pos("CT-1", *pos, "--crl", kept, check=False)
            self.assertEqual((done.returncode, "neither PEM nor DER" in done.stderr.decode()), (1, True), done.stderr)
            done = chain.pos("CT-1", "factory", "--connect", address, "--crl", chain.crl)
            self.assertIn(b"TK", done.stdout)
        finally:
            process.terminate()
            process.communicate(timeout=60)

    def test_expired_list_lets_nobody_in_until_the_next_one_is_there(self):  # R2.3
        name = self.new("mtms", "e-one")
        end = int(time.time()) + 4
        self.chain.lists("--until", time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(end)))
        self.assertTrue(self.reads(name) or time.time() >= end)
        wait_until(lambda: time.time() > end + 1, "the end of the list")
        self.assertFalse(self.reads(name))
        self.audited("expired on")
        self.chain.lists()
        self.assertTrue(self.reads(name))

    def test_list_that_was_replaced_serves_nobody_after_a_restart(self):  # R2.3
        """Whoever was revoked meanwhile would be in again."""
        chain, name = self.chain, self.new("mtms", "g-one")
        chain.lists()
        older = chain.crl.read_bytes()
        chain.revoke(name)
        self.assertFalse(self.reads(name))
        good = chain.crl.read_bytes()
        daemons = (chain.mtmsd, chain.dcd, chain.kmsd)
        for daemon in daemons:  # whatever door was used before: each has read the newest one now
            self.assertEqual(daemon.stop(), 0)
            daemon.start()
        for daemon in daemons:
            with self.subTest(daemon.name):
                self.assertEqual(daemon.stop(), 0)
                chain.crl.write_bytes(older)
                done = run(daemon.argv, check=False, env=daemon.env)
                self.assertEqual((done.returncode, done.stdout), (1, b""))
                self.assertRegex(done.stderr.decode(), r"revocation list .*: root .* signed number [0-9a-f]+ before, this is number [0-9a-f]+"
                                 r" \(hex\): put the newest one there")
                chain.crl.write_bytes(good)
                daemon.start()
        self.assertFalse(self.reads(name))

    def test_list_that_is_no_list_of_ours_lets_nobody_in(self):  # R2.3
        chain, name = self.chain, self.new("mtms", "f-one")
        folder = Folder()
        self.addCleanup(folder.stop)
        other = Authority(folder, roles=())
        other.call("crl", "--dir", other.dir, "--out", folder / "crl.pem")
        chain.lists()
        older = chain.crl.read_bytes()
        chain.lists()
        good = chain.crl.read_bytes()
        self.assertTrue(self.reads(name))
        broken = bytearray(good)
        broken[len(good) // 2] ^= 1
        cases = {"neither PEM": b"no list", "": bytes(broken), "none signed by root": (folder / "crl.pem").read_bytes(),
                 "one in it is signed by none": good + (folder / "crl.pem").read_bytes(), "older than the one before": older}
        for words, content in cases.items():
            with self.subTest(words or "altered"):
                part = chain.folder / "crl.part"
                part.write_bytes(content)
                os.rename(part, chain.crl)
                self.assertFalse(self.reads(name))
                if words:
                    self.audited(words)
                chain.crl.write_bytes(good)
                self.assertTrue(self.reads(name))
        os.remove(chain.crl)
        self.assertFalse(self.reads(name))
        self.audited("No such file")
        chain.crl.write_bytes(good)
        self.assertTrue(self.reads(name))

    def test_a_list_that_is_not_there_loses_nothing_that_was_received(self):  # R1.6, R2.4
        """What waits for its signature to be looked at goes on waiting: it is not its fault."""
        chain = self.chain
        chain.lists()
        chain.order("C-5", ["CX-1"])
        operator = self.new("operator", "x-operator")
        chain.mtmsd.command("grant", "opterm-1", operator, "order:C-5")
        cms = b64(cms_sign(chain.ca, operator, batch_content("C-5", "cx-1", [Terminal(chain.folder / "hsm.pem", "CX-1")])))
        self.assertEqual(post(chain.ca, "opterm", chain.mtmsd.address, "/v1/batches", {"order": "C-5", "batch": "cx-1", "cms": cms})[0], 200)
        keys = wait_until(lambda: [p for p in chain.outgoing() if p.with_suffix(".manifest").exists()], "the key file")[-1]
        state = lambda: query(chain.mtms_database, "SELECT state FROM batch WHERE batch_id = 'cx-1'")
        wait_until(lambda: state() == [("done",)], "the re-wrap")
        good = chain.crl.read_bytes()
        chain.crl.write_bytes(b"no list")
        try:
            with contextlib.closing(sqlite3.connect(chain.mtms_database, timeout=20)) as db, db:
                db.execute("UPDATE batch SET state = 'received' WHERE batch_id = 'cx-1'")
            for path in (keys, keys.with_suffix(".manifest")):
                os.rename(path, chain.spool / path.name)
            wait_until(lambda: all(b"neither PEM nor DER" in d.log.read_bytes() for d in (chain.mtmsd, chain.kmsd)), "both wait")
            self.assertEqual(state(), [("received",)])
            self.assertEqual(query(chain.kms_database, "SELECT * FROM key_file WHERE name = ?", keys.stem), [])
            self.assertTrue((chain.spool / keys.name).exists())
        finally:
            chain.crl.write_bytes(good)
        wait_until(lambda: state() == [("done",)], "the re-wrap once more")
        wait_until(lambda: query(chain.kms_database, "SELECT state FROM key_file WHERE name = ?", keys.stem) == [("done",)], "the import")

    def test_daemons_do_not_start_without_a_good_list(self):  # R2.3
        chain = self.chain
        good = chain.crl.read_bytes()
        for daemon in (chain.mtmsd, chain.dcd, chain.kmsd):
            daemon.stop()
            chain.crl.write_bytes(b"no list")
            done = run(daemon.argv, check=False, env=daemon.env)
            self.assertEqual((done.returncode, "revocation list" in done.stderr.decode()), (1, True), done.stderr)
            chain.crl.write_bytes(good)
            daemon.start()


class NextRoot(unittest.TestCase):
    """R1.1, R2.3: the chain goes on while the CA gets its next root, and after the first one is dropped."""

    def test_roll_over_end_to_end(self):
        chain = RolesChain(2)
        try:
            ca = chain.ca
            ca.call("init", "--dir", ca.dir, "--next", "--token", ca.token.uri)
            # 1: every party trusts both roots before anything is signed by the second.
            both = ca.dir / "roots.pem"
            chain.lists()
            for name, daemon in (("mtms", chain.mtmsd), ("dc", chain.dcd), ("kms", chain.kmsd)):
                daemon.stop()
                conf = chain.folder / f"{name}.conf"
                conf.write_text(conf.read_text().replace(f"ca = {ca.dir / 'root.pem'}", f"ca = {both}"))
                daemon.start()
            ca.root = both
            # 2: new identities by the second root, beside old ones.
            ca.issue("mtms", "n-mtms")
            ca.issue("dc", "n-dc")
            for name, daemon, path in (("mtms", chain.dcd, "/v1/records"), ("n-mtms", chain.dcd, "/v1/records"),
                                       ("dc", chain.kmsd, "/v1/records"), ("n-dc", chain.kmsd, "/v1/records")):
                self.assertEqual(post(ca, name, daemon.address, path, b"{]")[0], 400)
            # A daemon with a renewed identity of the second root is taken by who has both.
            ca.call("renew", ca.cert("dc"), "--dir", ca.dir, "--csr", ca.csr("dc-next"), "--out", ca.cert("dc-next"))
            chain.dcd.stop()
            conf = chain.folder / "dc.conf"
            conf.write_text(conf.read_text().replace("dc.pem", "dc-next.pem").replace("dc.key", "dc-next.key"))
            chain.dcd.start()
            self.assertEqual(post(ca, "mtms", chain.dcd.address, "/v1/records", b"{]")[0], 400)
            # 3: the first root is dropped: old identities end, new ones go on.
            only = ca.dir / "root-2.pem"
            lists = chain.crl.read_text().split("-----BEGIN")
            chain.dcd.stop()
            conf.write_text(conf.read_text().replace(str(both), str(only)).replace(str(chain.crl), str(chain.folder / "crl-2.pem")))
            (chain.folder / "crl-2.pem").write_text("-----BEGIN" + lists[1])
            chain.dcd.start()
            self.assertEqual(post(ca, "n-mtms", chain.dcd.address, "/v1/records", b"{]")[0], 400)
            with self.assertRaises(OSError):
                post(ca, "mtms", chain.dcd.address, "/v1/records", b"{]")
        finally:
            wrong = chain.stop()
        self.assertEqual(wrong, "")


class KeyInToken(unittest.TestCase):
    """R2.3: the key of a daemon's identity may stand in a token."""

    def test_daemon_with_its_key_in_a_token(self):
        folder = Folder()
        self.addCleanup(folder.stop)
        ca = Authority(folder, roles=("mtms",))
        os.mkdir(folder / "own")
        token = CaToken(folder / "own", label="DCKEYS")
        for number, kind in enumerate(("EC:prime256v1", "EC:secp384r1", "rsa:2048"), 1):
            with self.subTest(kind):
                name = f"dc{number}"
                run(["pkcs11-tool", "--module", SOFTHSM, "--login", "--pin", token.pin, "--keypairgen", "--key-type", kind, "--label", name, "--id", f"0{number}"],
                    env=token.env)
                uri = token.uri.replace("DCKEYS?", f"DCKEYS;object={name}?")
                run(["openssl", "req", "-new", "-engine", "pkcs11", "-keyform", "engine", "-key", f"pkcs11:token=DCKEYS;object={name};pin-value={token.pin}", "-subj",
                     "/CN=x", "-out", folder / "dc.csr"], env={**token.env, "PKCS11_MODULE_PATH": SOFTHSM})
                cert = folder / f"{name}.pem"
                ca.call("issue", "--dir", ca.dir, "--role", "dc", "--name", name, "--san", "IP:127.0.0.1", "--csr", folder / "dc.csr", "--out", cert)
                conf = folder / f"{name}.conf"
                (folder / name).mkdir()
                conf.write_text(f"listen = 127.0.0.1:0\nname = {name}\ndatabase = {folder / name / 'dc.db'}\n[identity]\ncertificate = {cert}\n"
                                f"key = {uri}\nca = {ca.root}\n[kms ACME]\nmode = file\nspool = {folder / name}\n")
                daemon = Daemon("DCD", conf, folder, token.env).start()
                try:
                    for _ in range(3):
                        self.assertEqual(post(ca, "mtms", daemon.address, "/v1/records", b"{]")[0], 400)
                finally:
                    self.assertEqual(daemon.stop(), 0)


if __name__ == "__main__":
    unittest.main(verbosity=1)
