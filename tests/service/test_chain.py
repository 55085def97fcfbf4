# SPDX-License-Identifier: BSD-2-Clause
"""The chain under fire: kill -9 of everything at random moments, and what one party could do to another. R1, R2, R2.9"""
import json
import os
import pathlib
import random
import socket
import stat
import subprocess
import threading
import time
import unittest

from chain import CUSTOMER, Chain, fields
from factory import Daemon, Kms, Terminal, b64, batch_content, cms_sign, post, program, query, run, tool, wait_until

ROUNDS = 12
BATCHES, TERMINALS = 8, 6


class Kills(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.chain = Chain(2, messages=True)
        cls.chain.ca.operator("file-operator")
        cls.seed = int(os.environ.get("CHAIN_SEED", time.time_ns() % 1000000))
        cls.errors = []

    @classmethod
    def tearDownClass(cls):
        wrong = cls.chain.stop()
        assert not wrong, wrong

    def uploads(self):
        """Signs batch after batch and sends each until it is acknowledged."""
        try:
            for n in range(BATCHES):
                terminals = [Terminal(self.chain.folder / "hsm.pem", f"K-{n}-{i}") for i in range(TERMINALS)]
                cms = b64(cms_sign(self.chain.ca, "file-operator", batch_content("O-KF", f"K-{n}", terminals)))
                body = {"order": "O-KF", "batch": f"K-{n}", "cms": cms}
                end = time.monotonic() + 60
                while True:
                    try:
                        status, answer = post(self.chain.ca, "opterm", self.chain.mtmsd.address, "/v1/batches", body)
                        assert (status, answer["accepted"]) == (200, TERMINALS), answer
                        break
                    except OSError:
                        assert time.monotonic() < end, "no acknowledgement"
                        time.sleep(0.02)
        except Exception as e:  # pylint: disable=broad-except
            self.errors.append(e)

    def downloads(self, serial, dice):
        """Loads the TMK again and again; some tries are killed."""
        try:
            env = {k: v for k, v in os.environ.items() if k != "STRONGROOM_TOKEN_DIR"}
            while not self.over.is_set():
                pos = subprocess.Popen([program("POS"), "download", "--dir", str(self.chain.folder / f"pos-{serial}"), "--connect",
                                        self.chain.kmsd.addresses["terminals"]], env=env, stdout=subprocess.DEVNULL,
                                       stderr=subprocess.PIPE)
                if dice.random() < 0.3:
                    time.sleep(dice.random() * 0.6)
                    pos.kill()
                text = pos.communicate(timeout=60)[1]
                assert b"Sanitizer" not in text, text.decode()
                time.sleep(0.1)
        except Exception as e:  # pylint: disable=broad-except
            self.errors.append(e)

    def test_kill_9_anywhere_loses_and_doubles_nothing(self):
        chain, dice = self.chain, random.Random(self.seed)
        serials = ["K-A", "K-B"]
        self.assertEqual(chain.factory("O-K", serials)[0], 0)
        chain.order("O-KF", [f"K-{n}-{i}" for n in range(BATCHES) for i in range(TERMINALS)])
        chain.mtmsd.command("grant", "opterm-1", "file-operator", "order:O-KF")
        wait_until(lambda: query(chain.kms_database, "SELECT count(*) FROM key_formal") == [(2,)], "the real terminals' records")
        self.over = threading.Event()
        uploads = threading.Thread(target=self.uploads)
        downloads = [threading.Thread(target=self.downloads, args=(s, random.Random(self.seed + i))) for i, s in enumerate(serials)]
        for thread in [uploads] + downloads:
            thread.start()
        try:
            for _ in range(ROUNDS):
                time.sleep(dice.random() * 0.7)
                daemon = dice.choice((chain.mtmsd, chain.dcd, chain.kmsd))
                daemon.kill()
                time.sleep(dice.random() * 0.2)
                daemon.start()
            uploads.join(90)
        finally:
            self.over.set()
            for thread in downloads:
                thread.join(90)
        self.assertEqual(self.errors, [], f"seed {self.seed}")
        expected = sorted(serials + [f"K-{n}-{i}" for n in range(BATCHES) for i in range(TERMINALS)])
        wait_until(lambda: query(chain.kms_database, "SELECT count(*) FROM key_formal") == [(len(expected),)],
                   f"all records at the KMS, seed {self.seed}")
        wait_until(lambda: not query(chain.mtms_database, "SELECT 1 FROM outbox WHERE state = 'waiting'"), "an empty outbox")
        for database, sql in ((chain.mtms_database, "SELECT serial FROM sn_key WHERE state = 'rewrapped' ORDER BY 1"),
                              (chain.mtms_database, "SELECT serial FROM sn_key ORDER BY 1"),
                              (chain.dc_database, "SELECT serial FROM tk_record ORDER BY 1"),
                              (chain.kms_database, "SELECT serial_number FROM key_source WHERE flag = 'imported' ORDER BY 1"),
                              (chain.kms_database, "SELECT serial_number FROM key_source ORDER BY 1"),
                              (chain.kms_database, "SELECT serial_number FROM key_formal ORDER BY 1")):
            self.assertEqual([s for (s,) in query(database, sql)], expected, f"{sql}, seed {self.seed}")
        files = query(chain.kms_database, "SELECT count(*) FROM key_file")[0][0]
        self.assertEqual(query(chain.kms_database, "SELECT count(*), count(DISTINCT file) FROM notification"), [(files, files)])
        for serial in serials:
            chain.pos(serial, "download", "--connect", chain.kmsd.addresses["terminals"])
            tmk = query(chain.kms_database, "SELECT generation, check_value FROM tmk WHERE serial_number = ?", serial)
            self.assertEqual(tmk, [(1, chain.status(serial)["tmk_check"].upper())] if tmk[0][1].isupper() or tmk[0][1].isdigit()
                             else [(1, chain.status(serial)["tmk_check"].lower())])


class Trust(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.chain = Chain(2)
        cls.chain.factory("O-T", ["T-1"])
        cls.path, = wait_until(lambda: list(cls.chain.outgoing()), "the key file")
        cls.record, = cls.chain.outgoing()[cls.path]

    @classmethod
    def tearDownClass(cls):
        wrong = cls.chain.stop()
        assert not wrong, wrong

    def test_one_dc_cannot_take_the_delivery_numbers_of_another(self):  # R2.3
        chain = self.chain
        chain.ca.issue("dc", "dc-b")
        forged = tool("form", CUSTOMER, "T-X", "1").strip()
        body = {"dc": "dc1", "delivery": "D-1", "sequence": 900, "records": [forged]}
        for path, more in (("/v1/records", {}), ("/v1/deliveries", {"records": None, "count": 1, "size": 9, "sha256": "0" * 64})):
            lie = {k: v for k, v in {**body, **more}.items() if v is not None}
            self.assertEqual(post(chain.ca, "dc-b", chain.kmsd.address, path, lie), (403, {"error": 4, "text": "refused"}))
        self.assertEqual(query(chain.kms_database, "SELECT event, object, text FROM audit WHERE peer = 'dc:dc-b-1' ORDER BY id"),
                         [(event, "", "the message names DC dc1, but the sender's certificate dc-b-1") for event in ("records", "deliveries")])
        for table in ("delivery_sequence WHERE sequence = 900", "delivery_notice"):
            self.assertEqual(query(chain.kms_database, f"SELECT count(*) FROM {table}"), [(0,)])
        del body["sequence"]
        true = tool("form", CUSTOMER, "T-Y", "1").strip()
        other = {**body, "dc": "dc-b-1"}
        self.assertEqual(post(chain.ca, "dc-b", chain.kmsd.address, "/v1/records", other)[0], 200)
        body["records"] = [true]
        self.assertEqual(post(chain.ca, "dc", chain.kmsd.address, "/v1/records", body),
                         (200, {"delivery": "D-1", "received": 1, "repeated": False}))
        for sender, again in (("dc-b", other), ("dc", body)):
            self.assertTrue(post(chain.ca, sender, chain.kmsd.address, "/v1/records", again)[1]["repeated"])

    def test_a_forged_record_of_an_mtms_takes_no_terminal_from_its_kms(self):  # R2.9
        """A counter far above, and another customer's name: the MAC is wrong, and the true record goes in afterwards."""
        chain, bare = self.chain, self.record[:-10] + b"\0\0"
        at = fields(bare)[6][0]
        high = bare[:at] + (2**40).to_bytes(8, "big") + bare[at + 8:]
        before = set(chain.outgoing())
        last = query(chain.dc_database, "SELECT coalesce(max(last), 0) FROM mtms WHERE name = 'mtms-1'")[0][0]
        answer = post(chain.ca, "mtms", chain.dcd.address, "/v1/records",
                      {"delivery": "forged", "order": "FORGED", "sequence": last + 1, "records": [b64(high)]})
        self.assertEqual(answer, (200, {"accepted": 1, "known": 0, "refused": [], "repeated": False}))
        path, = wait_until(lambda: set(chain.outgoing()) - before, "the forged record's key file")
        chain.hand_over(path)
        flag = "SELECT flag, error FROM key_source WHERE file = (SELECT max(id) FROM key_file)"
        self.assertEqual(query(chain.kms_database, flag), [("import error", "the HSM refused the record: its MAC is wrong")])
        chain.offer("true", [self.record])
        self.assertEqual(query(chain.kms_database, "SELECT tk_counter FROM key_formal WHERE serial_number = 'T-1'"), [(1,)])

    def test_a_daemon_is_called_as_its_certificate_says(self):  # R2.3
        chain = self.chain
        for daemon, key, name, others in ((chain.mtmsd, "name", "mtms-1", "mtms1"), (chain.dcd, "name", "dc1", "dc-b"),
                                          (chain.kmsd, "customer", "ACME", "BOLT")):
            conf = pathlib.Path(daemon.argv[2])
            said = chain.folder / f"said-{conf.name}"
            lines = [line for line in conf.read_text().splitlines() if not line.startswith(f"{key} =")]
            said.write_text("\n".join([f"{key} = {others}", *lines]) + "\n")
            done = run([daemon.argv[0], "--config", said], check=False, env=daemon.env)
            self.assertEqual((done.returncode, done.stdout), (1, b""))
            self.assertIn(f"{key}: {others}, but the name in our certificate is {name}: they must be the same", done.stderr.decode())
            if key == "name":  # the name may be said, too
                said.write_text("\n".join([f"{key} = {name}", *lines]) + "\n")
                daemon.stop()
                told = Daemon(daemon.name, said, chain.folder, daemon.env).start()
                self.assertEqual(told.stop(), 0)
                daemon.start()

    def test_an_operation_terminal_talks_to_an_mtms_alone(self):  # R2.3
        chain = self.chain
        for identity, host in (("dc", "127.0.0.1"), ("kms", "127.0.0.1"), ("mtms", "localhost")):
            fake = Kms(chain.ca, identity)
            try:
                done = chain.opterm("collect", "--order", "O-F", "--listen", "127.0.0.1:0", "--count", 1, "--spool",
                                    chain.folder / "opterm", *chain.card_arguments, "--mtms", f"https://{host}:{fake.port}",
                                    "--cert", chain.ca.cert("opterm"), "--key-file", chain.ca.key("opterm"), "--ca",
                                    chain.ca.root, check=False)
                self.assertEqual((done.returncode, b"ready" in done.stdout, fake.deliveries), (1, False, []), done.stderr)
                self.assertIn(b"opterm: the other side failed", done.stderr)
            finally:
                fake.stop()

    # Bytes that are no frame of a handshake, and the code of the answer; None: the connection ends without one.
    FRAMES = (
        ("length 0", b"\0\0", 1), ("length 1, no type", b"\0\1\0", 1), ("unknown type", b"\0\1\x77", 1),
        ("length 4097", b"\x10\x01" + b"\1" * 4097, 2), ("length 65535", b"\xff\xff", 2),
        ("length 4096 of nothing", b"\x10\x00" + b"\0" * 4096, 1), ("HTTP", b"GET / HTTP/1.1\r\n\r\n", 2),
        ("TLS", bytes((22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3)) + b"x" * 6000, 2), ("half a length", b"\0", None),
        ("half a frame", b"\0\x20\x01\0\1", None), ("HELLO without fields", b"\0\1\1", 1),
        ("field too long", b"\0\7\1\0\1\2\xff\xff\0", 1), ("field missing", b"\0\4\1\0\1\2", 1),
        ("bytes behind", b"\0\2\6\0", 2), ("DONE", b"\0\1\6", 3), ("IDENTIFY", b"\0\1\x20", 3),
        ("PROOF_T first", b"\0\x13\3\0\x10" + b"t" * 16, 3), ("TMK", b"\0\4\4\0\1x", 3),
        ("serial number with a space", b"\0\x1b\1\0\1\2\0\3A B\0\x10" + b"n" * 16, 1),
        ("serial number with a line end", b"\0\x1b\1\0\1\2\0\3A\nB\0\x10" + b"n" * 16, 1),
        ("serial number of SQL", b"\0\x20\1\0\1\3\0\x08A';--\"%s\0\x10" + b"n" * 16, 4),
        ("nonce of 8 bytes", b"\0\x13\1\0\1\2\0\3T-1\0\x08" + b"n" * 8, 4),
        ("random", os.urandom(5000), True),
    )

    def code_of(self, data):
        """What the KMS answers to these bytes, after which we send no more."""
        host, port = self.chain.kmsd.addresses["terminals"].split(":")
        answer = b""
        with socket.create_connection((host, int(port)), 20) as sock:
            try:
                sock.sendall(data)
                sock.shutdown(socket.SHUT_WR)
                while more := sock.recv(1000):
                    answer += more
            except OSError:
                pass
        if not answer:
            return None
        self.assertEqual(answer[:5], b"\0\5\x7f\0\2")
        self.assertEqual(len(answer), 7)
        return int.from_bytes(answer[5:], "big")

    def counts(self):
        tables = ("key_file", "key_source", "key_formal", "tmk", "download", "notification")
        return [query(self.chain.kms_database, f"SELECT count(*) FROM {t}")[0][0] for t in tables]

    def test_frames_that_are_none_change_nothing_at_the_kms(self):
        audits = "SELECT count(*) FROM audit WHERE event = 'download' AND code <> 0"
        before, seen = self.counts(), query(self.chain.kms_database, audits)[0][0]
        coded = 0
        for name, data, code in self.FRAMES:
            with self.subTest(name):
                answer = self.code_of(data)
                self.assertTrue(answer == code or code is True and answer in (1, 2, 3), answer)
                coded += answer is not None
        self.assertEqual(self.counts(), before)
        wait_until(lambda: query(self.chain.kms_database, audits)[0][0] >= seen + coded, "audit of every refusal")
        self.chain.offer("before-frames", [self.record])
        self.chain.pos("T-1", "download", "--connect", self.chain.kmsd.addresses["terminals"])

    def test_a_terminal_outlives_whatever_a_kms_says(self):
        chain, before = self.chain, self.chain.status("T-1")
        words = (b"", b"\0", b"\0\0", b"\xff\xff", b"\x10\1", b"HTTP/1.1 200 OK\r\n\r\n", b"\0\1\6", b"\0\1\2",
                 b"\0\5\x7f\0\2\xff\xff", os.urandom(5000), b"\0\x25\2\0\x10" + b"r" * 16 + b"\0\x10" + b"t" * 16)
        with socket.create_server(("127.0.0.1", 0)) as server:
            def serve():
                for word in words:
                    with server.accept()[0] as sock:
                        sock.recv(1000)
                        sock.sendall(word)
            thread = threading.Thread(target=serve, daemon=True)
            thread.start()
            for word in words:
                done = chain.pos("T-1", "download", "--connect", f"127.0.0.1:{server.getsockname()[1]}", check=False)
                self.assertEqual((done.returncode, len(done.stderr.splitlines())), (1, 1), (word[:20], done.stderr))
            thread.join(20)
        self.assertEqual(chain.status("T-1"), before)

    def test_names_of_files_in_the_spool_do_no_harm(self):
        spool = bytes(self.chain.spool)
        for name in (b"\xff\xfe", b"a\nb\tc", b"'; DROP TABLE key_file; --", b"%s%n%n", b".", "\u202e".encode(), b"x" * 246):
            for suffix in (b".keys", b".manifest"):
                with open(spool + b"/" + name + suffix, "wb", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
                    file.write(b"no key file")
        wait_until(lambda: sorted(n for n in os.listdir(spool) if n.endswith((b".keys", b".manifest"))) == [b"..keys", b"..manifest"],
                   "all refused but the hidden one")
        text = self.chain.kmsd.command("files")
        self.assertTrue(all(c in "\t\n" or " " <= c <= "~" for c in text), text)
        rows = json.loads(self.chain.kmsd.command("files", "--json"))["files"]
        self.assertEqual(len(rows), query(self.chain.kms_database, "SELECT count(*) FROM key_file")[0][0])
        self.assertTrue(all(set(r) == set(rows[0]) for r in rows), rows)

    def test_files_are_for_their_owner_alone(self):
        open_ones = []
        for path in pathlib.Path(self.chain.folder.path).rglob("*"):
            name = str(path.relative_to(self.chain.folder.path))
            ours = name.startswith(("pos-", "opterm/", "spool/", "outgoing/", "HSM1.tokens/", "HSM2.tokens/", "CARD.tokens/", "ca/"))
            ours = ours and not name.endswith(".softhsm.conf")  # the test's own
            ours = ours or ".db" in name or name.endswith((".pin", ".key"))
            mode = stat.S_IMODE(path.lstat().st_mode)
            public = name in ("ca/root.pem", "ca/root-1.pem", "ca/roots.pem") or name.startswith("ca/issued/") or name.endswith(".key") and "operator" in name
            if ours and mode & 0o077 and not public:
                open_ones.append((name, oct(mode)))
        self.assertEqual(open_ones, [])

    def test_logs_hold_no_pin_and_no_key(self):
        chain = self.chain
        words = [chain.hsm1.pin, "so-135790", "pin-5678", (chain.folder / "pos-T-1/user.pin").read_text(),
                 (chain.folder / "pos-T-1/so.pin").read_text()]
        for path in list(pathlib.Path(chain.folder.path).glob("*.log")) + list(pathlib.Path(chain.folder.path).glob("*.db*")):
            data = path.read_bytes()
            for word in words:
                self.assertNotIn(word.encode(), data, path)


if __name__ == "__main__":
    unittest.main(verbosity=1)
