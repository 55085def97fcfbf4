# SPDX-License-Identifier: BSD-2-Clause
"""Bad input for every message and frame that has a row, walked from the rows themselves (messages-* print them), against the
real daemons: malformed, truncated, oversized, duplicated, out of order, wrong identity, wrong state, replayed. Each has one code
of docs/messages.md and changes nothing. A new row without an entry in GOOD fails here by its name. R2.3, R2.9"""
import json
import os
import pathlib
import socket
import ssl
import subprocess
import sys
import time
import unittest

from chain import CUSTOMER, Chain
from factory import Terminal, b64, batch_content, cms_sign, context, post, query, run, tool
from test_bad_http import Door

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "support"))
from bad_input import matrix  # noqa: E402 (tests/support)

WRONG = {"text": [None, True, 7, 1.5, [], {}, "\u0000"], "base64": [None, True, 7, [], {}, "****", "A A=", "AAA"],
         "number": [None, True, "1", -1, 1.5, [], {}, 2**63, 2**64], "bool": [None, 0, 1, "true", [], {}], "list": [None, True, 7, "x", {}]}


def rows():
    found = {}
    for path in os.environ["MESSAGES_JSON"].split(":"):
        said = json.loads(subprocess.run([path], capture_output=True, check=True, timeout=60).stdout)
        found.update({said["service"]: said["messages"]} if "service" in said else said)
    return found


ROWS = rows()
MATRIX = matrix((pathlib.Path(__file__).parents[2] / "docs/bad-input.md").read_text())
TEXTS = {e["code"]: e["text"] for e in ROWS["errors"]}
STATUS = {e["code"]: e["status"] for e in ROWS["errors"]}


def value(field, size=None):
    """A value of the field's form: as short as it may be, or of this size."""
    n = field["min"] if size is None else size
    if field["type"] == "text":
        return "a" * (n if size is not None else max(n, 1))
    if field["type"] == "base64":
        return b64(b"\1" * n)
    if field["type"] == "number":
        return n
    if field["type"] == "bool":
        return False
    return [element(field) for _ in range(n)]


def element(field):
    items = field["item"]
    return value(items[0]) if len(items) == 1 and not items[0]["name"] else plausible(items)


def plausible(fields):
    return {f["name"]: value(f) for f in fields}


def dump(what):
    return json.dumps(what).encode()


def malformed(row):
    """Bodies of code 1, each with a name."""
    fields, good = row["in"], plausible(row["in"])
    whole = dump(good)
    yield from (("empty", b""), ("list", b"[]"), ("null", b"null"), ("not UTF-8", b"\xff\xfe"), ("behind", whole + b"x"), ("twice", whole * 2),
                ("deep", b"[" * 900), ("unknown", dump({**good, "no such": 1})))
    for at in {1, len(whole) // 2, len(whole) - 1}:
        yield f"truncated at {at}", whole[:at]
    for f in fields:
        name = f["name"]
        if not f["optional"]:
            yield f"{name} missing", dump({k: v for k, v in good.items() if k != name})
        yield f"{name} twice", whole[:-1] + b", " + dump({name: good[name]})[1:]
        for wrong in WRONG[f["type"]]:
            yield f"{name} = {wrong!r}", dump({**good, name: wrong})
        if f["type"] in ("text", "base64", "list") and f["min"]:
            yield f"{name} too short", dump({**good, name: value(f, f["min"] - 1)})
        if f["type"] == "number" and f["min"]:
            yield f"{name} too small", dump({**good, name: f["min"] - 1})
        if f["type"] != "bool" and f["max"] < 2**62:
            body = dump({**good, name: value(f, f["max"] + 1)})
            if len(body) <= row["body_max"]:
                yield f"{name} too much", body
        if f["type"] == "list":
            for wrong in [v for v in (None, True, 7, [], {}) if v != []]:
                yield f"{name} of {wrong!r}", dump({**good, name: [wrong]})


class Good:
    """What makes a message of each row that is taken; and what is wrong with it in order, state and repetition: (what, body,
    code), after it was sent once."""

    def __init__(self, chain):
        self.chain = chain
        chain.order("BAD-1", ["BR-1", "BR-2"])
        chain.order("BAD-2", ["BR-3"])
        chain.mtmsd.command("order", "close", "BAD-2", "--incomplete")
        chain.ca.operator("b-operator")
        for order in ("BAD-1",):
            chain.mtmsd.command("grant", "opterm-1", "b-operator", f"order:{order}")

    def batch(self, batch, serial, order="BAD-1", signer="b-operator"):
        cms = cms_sign(self.chain.ca, signer, batch_content(order, batch, [Terminal(self.chain.folder / "hsm.pem", serial)]))
        return {"order": order, "batch": batch, "cms": b64(cms)}

    def mtmsd_working_certificate(self):
        return {}, lambda answer: [("replayed", {}, answer)]

    def mtmsd_orders(self):
        der = run(["openssl", "x509", "-in", self.chain.ca.cert("b-operator"), "-outform", "DER"]).stdout
        other = run(["openssl", "x509", "-in", self.chain.ca.cert("dc"), "-outform", "DER"]).stdout
        ask = {"order": "BAD-1", "operator": b64(der), "after": 0}
        return ask, lambda answer: [("replayed", ask, answer), ("unknown order", {**ask, "order": "NONE"}, 4), ("wrong state", {**ask, "order": "BAD-2"}, 4),
                                    ("no operator", {**ask, "operator": b64(other)}, 4), ("no certificate", {**ask, "operator": b64(b"\x30\x00")}, (1, 4))]

    def mtmsd_batches(self):
        good = self.batch("bad-1", "BR-1")
        cut = dict(good, cms=good["cms"][:400])
        return good, lambda answer: [("replayed", good, {**answer, "repeated": True}), ("other content", self.batch("bad-1", "BR-2"), 4),
                                     ("unknown order", self.batch("bad-2", "BR-2", "NONE"), 4), ("wrong state: closed order", self.batch("bad-3", "BR-3", "BAD-2"), 4),
                                     ("wrong signer", self.batch("bad-4", "BR-2", signer="dc"), 4), ("truncated CMS", cut, 1),
                                     ("another order inside", dict(self.batch("bad-5", "BR-2"), order="BAD-2"), (1, 4))]

    def dcd_records(self):
        records = [tool("form", CUSTOMER, f"BR-{n}", "1").strip() for n in range(3)]
        good = {"delivery": "b-1", "order": "BAD-1", "sequence": 1, "records": records[:1]}
        return good, lambda answer: [("replayed", good, {**answer, "repeated": True}), ("number again", {**good, "records": records[1:2]}, 4),
                                     ("out of order", {**good, "delivery": "b-3", "sequence": 3}, 3)]

    def kmsd_records(self):
        records = [tool("form", CUSTOMER, f"BR-{n}", "1").strip() for n in range(2)]
        good = {"dc": "w-dc-1", "delivery": "b-1", "order": "BAD-1", "sequence": 1, "records": records[:1]}
        return good, lambda answer: [("replayed", good, {**answer, "repeated": True}), ("another DC's name", {**good, "dc": "dc1"}, 4), ("other content", {**good, "records": records[1:]}, 4)]

    def kmsd_deliveries(self):
        good = {"dc": "w-dc-1", "delivery": "b-2", "sequence": 2, "count": 1, "size": 100, "sha256": "0" * 64}
        return good, lambda answer: [("replayed", good, answer), ("other content", {**good, "count": 2}, 4), ("another DC's name", {**good, "dc": "dc1"}, 4),
                                     ("no hash", {**good, "delivery": "b-3", "sha256": "G" * 64}, 1)]


class Rows(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.chain = chain = Chain(2)
        chain.ca.operator("i-operator")
        databases = {"mtmsd": chain.mtms_database, "dcd": chain.dc_database, "kmsd": chain.kms_database}
        cls.doors = {name: Door(getattr(chain, name), database, ROWS[name]) for name, database in databases.items()}

    @classmethod
    def tearDownClass(cls):
        wrong = cls.chain.stop()
        assert not wrong, wrong

    def each(self):
        services = set(ROWS) - {"errors", "frames"}
        self.assertEqual(services, set(self.doors))
        for name, door in self.doors.items():
            for row in ROWS[name]:
                yield door, row, f"{name} {row['path']}"

    def unchanged(self, door, before, where):
        self.assertEqual(door.counts(), before, where)
        self.assertIsNone(door.daemon.process.poll(), where)

    def is_refused(self, answer, code, where, status=None):
        codes = code if isinstance(code, tuple) else (code,)
        with self.subTest(where):
            self.assertIsNotNone(answer)
            self.assertIn(answer[1].get("error") if isinstance(answer[1], dict) else answer, codes)
            self.assertEqual(answer, (status or STATUS[answer[1]["error"]], {"error": answer[1]["error"], "text": TEXTS[answer[1]["error"]]}))

    def raw(self, door, role, data):
        """Bytes as they are, and the answer."""
        host, port = door.daemon.address.split(":")
        with context(self.chain.ca, role).wrap_socket(socket.create_connection((host, int(port)), 20), server_hostname=host) as sock:
            try:
                sock.sendall(data)
            except OSError:
                pass
            return self.answer(sock)

    def answer(self, sock):
        got = b""
        try:
            while more := sock.recv(65536):
                got += more
                head, _, body = got.partition(b"\r\n\r\n")
                lengths = [int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")]
                if lengths and len(body) >= lengths[0]:
                    return int(head.split()[1]), json.loads(body)
        except OSError:
            pass
        return None

    def head(self, row, length, more=""):
        return f"POST {row['path']} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n{more}Content-Length: {length}\r\n\r\n".encode()

    def test_malformed_and_truncated_bodies(self):
        for door, row, where in self.each():
            before, role = door.counts(), row["roles"][0]
            for name, body in malformed(row):
                if body != dump(plausible(row["in"])):
                    self.is_refused(post(self.chain.ca, role, door.daemon.address, row["path"], body), 1, f"{where}: {name}")
            self.unchanged(door, before, where)

    def test_connections_cut_in_the_middle(self):
        for door, row, where in self.each():
            before, role = door.counts(), row["roles"][0]
            data = self.head(row, 100) + b"{" * 50
            host, port = door.daemon.address.split(":")
            for n in {1, 30, len(data)}:
                with context(self.chain.ca, role).wrap_socket(socket.create_connection((host, int(port)), 20), server_hostname=host) as sock:
                    sock.sendall(data[:n])
            self.unchanged(door, before, where)

    def test_oversized_headers_and_bodies(self):
        for door, row, where in self.each():
            before, role = door.counts(), row["roles"][0]
            body = b"{]"
            fits = self.head(row, len(body), "X: " + "y" * (row["header_max"] - len(self.head(row, len(body), "X: \r\n"))) + "\r\n")
            self.assertEqual(len(fits), row["header_max"])
            self.is_refused(self.raw(door, role, fits + body), 1, f"{where}: headers as large as they may be")
            self.is_refused(self.raw(door, role, fits.replace(b"X: ", b"X: y") + body), 2, f"{where}: headers")
            # Only the length is announced: the answer does not wait for the body.
            for size in (row["body_max"] + 1, 2**31, 2**63 - 1):
                began = time.monotonic()
                self.is_refused(self.raw(door, role, self.head(row, size)), 2, f"{where}: body of {size}")
                self.assertLess(time.monotonic() - began, 10)
            spaces = b" " * (row["body_max"] - 2)
            self.is_refused(post(self.chain.ca, role, door.daemon.address, row["path"], b"{]" + spaces), 1, f"{where}: as large as it may be")
            self.unchanged(door, before, where)

    def test_wrong_identities(self):  # R2.3
        for door, row, where in self.each():
            before = door.counts()
            for role in sorted({"opterm", "mtms", "dc", "kms", "i-operator"} - set(row["roles"])) + [None]:
                with self.subTest(f"{where} as {role}"):
                    try:
                        answer = post(self.chain.ca, role, door.daemon.address, row["path"], plausible(row["in"]))
                    except (ssl.SSLError, OSError):
                        continue
                    self.assertEqual((answer[0], answer[1]["error"]), (403, 4))
            self.unchanged(door, before, where)

    def test_too_many_connections_of_one_sender(self):
        for door, row, where in self.each():
            before, held = door.counts(), []
            host, port = door.daemon.address.split(":")
            name = f"many-{row['roles'][0]}"
            if not self.chain.ca.cert(name).exists():
                self.chain.ca.issue(row["roles"][0], name)
            try:
                for _ in range(row["connections"]):
                    sock = context(self.chain.ca, name).wrap_socket(socket.create_connection((host, int(port)), 20), server_hostname=host)
                    sock.sendall(self.head(row, 10))  # the body never comes
                    held.append(sock)
                time.sleep(0.2)
                self.is_refused(self.raw(door, name, self.head(row, 10)), 7, where)
                # Somebody else is not kept out.
                self.is_refused(post(self.chain.ca, row["roles"][0], door.daemon.address, row["path"], b"{]"), 1, where)
            finally:
                for sock in held:
                    sock.close()
            self.unchanged(door, before, where)

    def test_order_state_and_repetition(self):  # R2.1, R2.2
        good = Good(self.chain)
        for door, row, where in self.each():
            name = f"{door.daemon.name.lower()}_{row['path'].rsplit('/', 1)[1].replace('-', '_')}"
            make = getattr(good, name, None)
            self.assertIsNotNone(make, f"{where}: this row has no entry in Good")
            body, cases = make()
            role = row["roles"][0]
            if role != "opterm":  # not the daemons' own identities: they have sent messages already
                role = f"w-{role}"
                if not self.chain.ca.cert(role).exists():
                    self.chain.ca.issue(row["roles"][0], role)
            status, answer = post(self.chain.ca, role, door.daemon.address, row["path"], body)
            self.assertEqual(status, 200, f"{where}: {answer}")
            tried = {what.split(":")[0] for what, _, _ in cases(answer)}
            said = {kind for kind, words in MATRIX[where].items() if "B5" in words}
            self.assertLessEqual(said - {"wrong identity", "truncated"}, tried, f"{where}: docs/bad-input.md says so")
            for what, again, expected in cases(answer):
                got = post(self.chain.ca, role, door.daemon.address, row["path"], again)
                if isinstance(expected, dict):
                    self.assertEqual(got, (200, expected), f"{where}: {what}")
                else:
                    self.is_refused(got, expected, f"{where}: {what}")


class Frames(unittest.TestCase):
    """The same for frames, at the KMS's door for terminals."""

    FIRST = "HELLO"

    @classmethod
    def setUpClass(cls):
        cls.chain = Chain(2)
        cls.address = cls.chain.kmsd.addresses["terminals"]

    @classmethod
    def tearDownClass(cls):
        wrong = cls.chain.stop()
        assert not wrong, wrong

    def exchange(self, data, end=False):
        host, port = self.address.split(":")
        got = b""
        with socket.create_connection((host, int(port)), 20) as sock:
            try:
                sock.sendall(data)
                if end:
                    sock.shutdown(socket.SHUT_WR)
                while more := sock.recv(4096):
                    got += more
            except ConnectionError:
                pass
        return got

    def frame(self, row, sizes=None, behind=b""):
        body = bytes([row["type"]])
        for i, f in enumerate(row["fields"]):
            n = f["min"] if sizes is None else sizes[i]
            body += n.to_bytes(2, "big") + (b"\2" if f["name"] == "handshake version" else b"7") * n
        body += behind
        return len(body).to_bytes(2, "big") + body

    def code(self, data, code, where, **more):
        got = self.exchange(data, **more)
        with self.subTest(where):
            self.assertEqual(got[:3] + got[5:7], b"\x00\x05\x7f" + code.to_bytes(2, "big"), got)

    def sizes(self, row):
        return [f["min"] for f in row["fields"]]

    def test_every_frame_at_the_wrong_time_or_of_the_wrong_form(self):  # R1.10, R1.13
        for row in ROWS["frames"]:
            name = row["name"]
            if name == "ERROR":  # the other side has given up: no answer
                self.assertEqual(self.exchange(self.frame(row)), b"")
            elif name != self.FIRST:
                self.code(self.frame(row), 3, f"{name} out of order")
            self.code((row["max"] + 1).to_bytes(2, "big") + bytes([row["type"]]), 2, f"{name} oversized")
            behind = self.frame(row, behind=b"\0")
            self.code(behind, 2 if len(behind) - 2 > row["max"] else 1, f"{name} with a byte behind")
            for i, f in enumerate(row["fields"]):
                sizes = self.sizes(row)
                if f["min"]:
                    short = sizes[:i] + [f["min"] - 1] + sizes[i + 1:]
                    self.code(self.frame(row, short), 1, f"{name}.{f['name']} too short")
                longer = sizes[:i] + [f["max"] + 1] + sizes[i + 1:]
                over = len(self.frame(row, longer)) - 2 > row["max"]
                self.code(self.frame(row, longer), 2 if over else 1, f"{name}.{f['name']} too long")
        self.code(b"\x00\x01\x6e", 1, "unknown type")
        self.code(b"\x00\x00", 1, "empty")
        self.code(b"\xff\xff", 2, "the longest length")

    def test_frames_cut_off_and_sent_twice(self):
        before = query(self.chain.kms_database, "SELECT count(*) FROM key_formal")
        for row in ROWS["frames"]:
            whole = self.frame(row)
            for n in sorted({1, 2, 3, len(whole) // 2, len(whole) - 1} - {0, len(whole)}):
                self.assertIn(self.exchange(whole[:n], end=True)[:3], (b"", b"\x00\x05\x7f"), f"{row['name']} cut at {n}")
            if row["name"] not in (self.FIRST, "ERROR"):
                self.code(whole * 2, 3, f"{row['name']} twice")
        self.assertIsNone(self.chain.kmsd.process.poll())
        self.assertEqual(query(self.chain.kms_database, "SELECT count(*) FROM key_formal"), before)


if __name__ == "__main__":
    unittest.main(verbosity=1)
