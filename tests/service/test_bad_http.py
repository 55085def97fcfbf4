# SPDX-License-Identifier: BSD-2-Clause
"""Bad input for every HTTP message of mtmsd, dcd and kmsd: one documented code, audited, nothing changed, the daemon lives on.

The cases are tables; the messages are those of docs/messages.md.
"""
import json
import os
import socket
import ssl
import time
import unittest

from chain import Chain
from factory import Authority, Folder, context, post, query, run, tool, wait_until

TEXTS = {1: "malformed message", 2: "message too large", 4: "refused", 6: "not found", 8: "too slow"}


def dump(value):
    return json.dumps(value).encode()


class Message:
    """A message of a daemon: who sends it, a body that is taken, its fields by kind, the largest body."""

    def __init__(self, path, role, good, kinds, most):
        self.path, self.role, self.good, self.kinds, self.most = path, role, good, kinds, most

    def bodies(self):
        """Malformed bodies, each with a name."""
        good = self.good
        yield from (("empty", b""), ("half", dump(good)[:-1]), ("list", b"[]"), ("null", b"null"), ("text", b'"x"'),
                    ("number", b"1"), ("not UTF-8", b"\xff\xfe\x00"), ("behind", dump(good) + b" x"), ("two", dump(good) * 2),
                    ("BOM", b"\xef\xbb\xbf" + dump(good)), ("single quotes", b"{'a': 1}"), ("comment", b"/* */" + dump(good)),
                    ("deep", b"[" * 1000), ("deep object", b'{"a":' * 200), ("NUL", b"\0" + dump(good)),
                    ("unknown key", dump({**good, "more": 1})), ("unknown only", b'{"more": {}}'),
                    ("empty key", dump({**good, "": 1})), ("large number", b'{"a": 1e999999}'))
        for field, kind in self.kinds.items():
            yield f"{field} missing", dump({k: v for k, v in good.items() if k != field})
            yield f"{field} twice", dump(good)[:-1] + b", " + dump({field: good[field]})[1:]
            yield f"{field.upper()}", dump({k.upper() if k == field else k: v for k, v in good.items()})
            for wrong in (None, True, 7, -1, 1.5, "", {}, [], [[]], [{}], [7], [None], "x" * 200, "\u0000", "a\nb", "../x", ".x",
                          "a/b", "\u202e", "ä", " a", "****", "A A=", ["AAA"], ["AAAA", None]):
                if kind == "name" or not isinstance(wrong, str) or wrong in ("", "****", "A A="):
                    yield f"{field} = {wrong!r}", dump({**good, field: wrong})


class Door:
    """A daemon with its messages and its database."""

    def __init__(self, daemon, database, messages):
        self.daemon, self.database, self.messages = daemon, database, messages

    def counts(self):
        tables = [t for (t,) in query(self.database, "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE "
                                                     "'sqlite_%' AND name <> 'audit' ORDER BY 1")]
        return {t: query(self.database, f"SELECT count(*) FROM {t}")[0][0] for t in tables}

    def audits(self):
        return query(self.database, "SELECT count(*) FROM audit WHERE code <> 0")[0][0]


class BadHttp(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.chain = Chain(2)
        chain = cls.chain
        form = tool("form", "NOBODY", "SN-1", "1").strip()
        order = {"order": "O-1", "batch": "b1", "cms": "AAAA"}
        cls.doors = [
            Door(chain.mtmsd, chain.mtms_database, [
                Message("/v1/batches", "opterm", order, {"order": "name", "batch": "name", "cms": "base64"}, 5593516),
                Message("/v1/orders", "opterm", {"order": "O-1", "operator": "AAAA", "after": 0},
                        {"order": "name", "operator": "base64"}, 16384),
                Message("/v1/working-certificate", "opterm", {}, {}, 1024)]),
            Door(chain.dcd, chain.dc_database, [
                Message("/v1/records", "mtms", {"delivery": "d1", "order": "O-1", "sequence": 1, "records": [form]},
                        {"delivery": "name", "order": "name", "records": "list"}, 1 << 20)]),
            Door(chain.kmsd, chain.kms_database, [
                Message("/v1/records", "dc", {"dc": "dc1", "delivery": "d1", "records": [form]},
                        {"dc": "name", "delivery": "name", "records": "list"}, 1 << 20)]),
        ]

    @classmethod
    def tearDownClass(cls):
        wrong = cls.chain.stop()
        assert not wrong, wrong

    def setUp(self):
        self.before = [(door.counts(), door.audits()) for door in self.doors]
        self.refusals = [0] * len(self.doors)

    def tearDown(self):
        for door, (counts, audits), refusals in zip(self.doors, self.before, self.refusals):
            with self.subTest(daemon=door.daemon.name):
                self.assertIsNone(door.daemon.process.poll(), door.daemon.log.read_text())
                self.assertEqual(door.counts(), counts)
                # a refusal before the handler is told first and written then
                wait_until(lambda d=door, n=audits + refusals: d.audits() >= n, "audit of the refusals")
                self.assertEqual(door.audits() - audits, refusals)

    def each(self):
        for i, door in enumerate(self.doors):
            for message in door.messages:
                yield i, door, message

    def tls(self, door, role):
        host, port = door.daemon.address.split(":")
        raw = socket.create_connection((host, int(port)), 20)
        return context(self.chain.ca, role).wrap_socket(raw, server_hostname=host)

    def raw(self, door, role, data, patience=20):
        """Bytes as they are; answers status and body, or None: not a word in that time."""
        with self.tls(door, role) as sock:
            try:
                sock.sendall(data)
            except OSError:
                pass
            answer = b""
            sock.settimeout(patience)
            try:
                while more := sock.recv(65536):
                    answer += more
                    head, _, body = answer.partition(b"\r\n\r\n")
                    lengths = [int(l.split(b":")[1]) for l in head.lower().split(b"\r\n") if l.startswith(b"content-length")]
                    if lengths and len(body) >= lengths[0]:
                        break
            except OSError:
                pass
        if not answer:
            return None
        head, _, body = answer.partition(b"\r\n\r\n")
        return int(head.split()[1]), body

    def refused(self, i, answer, status, code, name):
        self.refusals[i] += 1
        with self.subTest(daemon=self.doors[i].daemon.name, case=name):
            self.assertIsNotNone(answer)
            self.assertEqual(answer[0], status)
            body = answer[1] if isinstance(answer[1], dict) else json.loads(answer[1])
            self.assertEqual(body, {"error": code, "text": TEXTS[code]})

    def request(self, message, body=None, method="POST", path=None, more="Content-Type: application/json\r\n"):
        body = dump(message.good) if body is None else body
        return (f"{method} {path or message.path} HTTP/1.1\r\nHost: x\r\n{more}Content-Length: {len(body)}\r\n\r\n").encode() + body

    def test_malformed_bodies(self):
        for i, door, message in self.each():
            for name, body in message.bodies():
                if body != dump(message.good):
                    self.refused(i, post(self.chain.ca, message.role, door.daemon.address, message.path, body), 400, 1, name)

    def test_oversized_bodies(self):
        for i, door, message in self.each():
            for size in (message.most + 1, message.most + 70000, 2 * message.most, 7 << 20):
                answer = self.raw(door, message.role, self.request(message, b" " * size))
                self.refused(i, answer, 413, 2, f"{message.path}: {size} bytes")

    def test_what_nobody_wants_is_not_read(self):
        """A large body behind a head that is refused: the answer comes before it, and the connection ends."""
        large = b" " * (20 << 20)
        for i, door, message in self.each():
            head, _, body = self.request(message).partition(b"\r\n\r\n")
            rows = [(self.request(message, large), 413, 2), (self.request(message, large, path="/v1/nothing"), 404, 6),
                    (self.request(message, large, method="PUT"), 405, 1),
                    (head + b"\r\nX-Long: " + b"y" * 20000 + b"\r\n\r\n" + body, 413, 2),
                    (head + b"\r\nY: z" * 3000 + b"\r\n\r\n" + body, 413, 2)]
            for data, status, code in rows:
                began = time.monotonic()
                self.refused(i, self.raw(door, message.role, data), status, code, f"{message.path}: {data[:40]}")
                self.assertLess(time.monotonic() - began, 15)

    def test_content_types(self):
        for i, door, message in self.each():
            for more in ("", "Content-Type: text/plain\r\n", "Content-Type: application/jsonx\r\n", "Content-Type: \r\n",
                         "Content-Type: multipart/form-data; boundary=x\r\n"):
                self.refused(i, self.raw(door, message.role, self.request(message, more=more)), 415, 1, more)

    def test_methods(self):
        for i, door, message in self.each():
            for method in ("GET", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"):
                self.refused(i, self.raw(door, message.role, self.request(message, method=method)), 405, 1, method)

    def test_paths(self):
        for i, door, message in self.each():
            for path in ("/", "/v1", "/v1/", message.path + "/", message.path.upper(), "/" + message.path, message.path + "%00",
                         message.path[1:], "/v1/../v1" + message.path[3:], "/" + "x" * 5000, "/audit", "/v1/records;x"):
                if path.startswith("/"):
                    self.refused(i, self.raw(door, message.role, self.request(message, path=path)), 404, 6, path[:40])


    def test_what_is_no_http_gets_a_status_at_most(self):
        for _, door, message in self.each():
            good = self.request(message)
            head, _, body = good.partition(b"\r\n\r\n")
            rows = [b"GARBAGE\r\n\r\n", b"\0" * 100, os.urandom(3000), b"POST\r\n\r\n", good.replace(b"HTTP/1.1", b"HTTP/9"),
                    head.replace(b"Content-Length", b"Content-Length: -1\r\nX") + b"\r\n\r\n" + body,
                    head.replace(b"Content-Length", b"Content-Length: x\r\nX") + b"\r\n\r\n" + body,
                    good.replace(b"POST", b"NONSENSE"), good.replace(b"POST /v1", b"POST \r\n /v1"),
                    head.replace(b"Content-Length", b"Transfer-Encoding: chunked\r\nX") + b"\r\n\r\nzz\r\nabc\r\n0\r\n\r\n"]
            for data in rows:
                answer = self.raw(door, message.role, data, patience=1)
                with self.subTest(daemon=door.daemon.name, case=data[:60]):
                    self.assertTrue(answer is None or answer[0] in (400, 413, 501), answer)

    def test_half_a_message_changes_nothing(self):
        for _, door, message in self.each():
            data = self.request(message)
            for n in sorted({1, 5, 20, len(data) // 2, len(data) - 1} - {len(data)}):
                with self.tls(door, message.role) as sock:
                    sock.sendall(data[:n])

    def test_chunks_are_a_body_like_another(self):
        for i, door, message in self.each():
            head = self.request(message, b"", more="Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n")
            head = head.replace(b"Content-Length: 0\r\n", b"")
            self.refused(i, self.raw(door, message.role, head + b"3\r\n{}x\r\n0\r\n\r\n"), 400, 1, "chunks")

    def stranger(self, door, ca, name):
        """A message by whom the daemon must not let in; the handshake ends it."""
        message = door.messages[0]
        try:
            answer = post(ca, name, door.daemon.address, message.path, message.good)
        except OSError:
            return
        self.fail(f"{name} got {answer}")

    def test_identities(self):  # R2.3
        others = Folder()
        try:
            other = Authority(others, roles=("opterm", "mtms", "dc"))
            other.root = self.chain.ca.root
            self.chain.ca.operator("operator-file")
            for role in ("opterm", "mtms", "dc"):
                self.chain.ca.dated(f"old-{role}", role, 1600000000, 1610000000)
            for i, door in enumerate(self.doors):
                role = door.messages[0].role
                roles = {"opterm", "mtms", "dc", "kms", "operator-file"} - {role}
                rows = [(self.chain.ca, r) for r in sorted(roles)] + [(self.chain.ca, f"old-{role}"), (other, role)]
                for ca, name in rows:
                    with self.subTest(daemon=door.daemon.name, certificate=name):
                        self.stranger(door, ca, name)
                self.stranger(door, self.chain.ca, None)
                self.refusals[i] = len(rows)
                wait_until(lambda d=door, i=i: d.audits() - self.before[i][1] >= self.refusals[i], "audit of the refusals")
        finally:
            others.stop()

    def test_every_connection_proves_itself_anew(self):  # R2.3
        """No resumption, no renegotiation, nothing before TLS 1.2."""
        for door in self.doors:
            host, port = door.daemon.address.split(":")
            role = door.messages[0].role
            for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
                tls, session = context(self.chain.ca, role), None
                tls.minimum_version = tls.maximum_version = version
                for _ in range(2):
                    with socket.create_connection((host, int(port)), 20) as raw, \
                            tls.wrap_socket(raw, server_hostname=host, session=session) as sock:
                        sock.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                        self.assertTrue(sock.recv(1000).startswith(b"HTTP/1.1 405"))
                        self.assertFalse(sock.session_reused)
                        session = sock.session
            self.refusals[self.doors.index(door)] = 4
            client = ["openssl", "s_client", "-connect", door.daemon.address, "-cert", self.chain.ca.cert(role), "-key",
                      self.chain.ca.key(role), "-CAfile", self.chain.ca.root]
            again = run([*client, "-tls1_2"], check=False, input=b"R\n")
            self.assertIn(b"no renegotiation", again.stdout + again.stderr)
            for old in ("-tls1", "-tls1_1"):
                done = run([*client, old, "-cipher", "ALL:@SECLEVEL=0"], check=False, input=b"")
                self.assertNotEqual(done.returncode, 0, old)

    def test_a_crowd_of_silent_connections_ends(self):
        for door in self.doors:
            message, crowd = door.messages[0], []
            host, port = door.daemon.address.split(":")
            try:
                for _ in range(240):
                    crowd.append(socket.create_connection((host, int(port)), 20))
                began = time.monotonic()
                self.assertEqual(post(self.chain.ca, message.role, door.daemon.address, "/v1/none", {})[0], 404)
                self.assertLess(time.monotonic() - began, 10)
            finally:
                for sock in crowd:
                    sock.close()
        self.refusals = [1] * len(self.doors)


if __name__ == "__main__":
    unittest.main(verbosity=1)
