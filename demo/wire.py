# SPDX-License-Identifier: BSD-2-Clause
"""What an attacker outside can do with bytes (docs/formats.md): change records and key files, speak frames."""
import base64
import hashlib
import json
import os
import socket
import subprocess
import threading

RECORD_FIELDS = ("handshake", "customer", "serial", "pin_pad", "cert_serial", "time", "counter", "keys", "tek", "ctek",
                 "auk", "cauk", "mac", "dc_time")
HELLO, PROOF_K, PROOF_T, TMK, ERROR = 0x01, 0x02, 0x03, 0x04, 0x7F


def lv(data):
    return len(data).to_bytes(2, "big") + data


def lv_list(data):
    out = []
    while data:
        n = int.from_bytes(data[:2], "big")
        out.append(data[2:2 + n])
        data = data[2 + n:]
    return out


def record_change(record, **changes):
    """The record with some fields replaced; the MAC stays what it was."""
    fields = dict(zip(RECORD_FIELDS, lv_list(record[2:])))
    fields.update(changes)
    return record[:2] + b"".join(lv(fields[name]) for name in RECORD_FIELDS)


def record_field(record, name):
    return dict(zip(RECORD_FIELDS, lv_list(record[2:])))[name]


def keyfile_records(path):
    return [base64.b64decode(line) for line in path.read_text().splitlines()[1:-1]]


def manifest_write(folder, name, identity, sequence):
    """The manifest of folder/.name.part, signed by an identity (certificate, key) that is a data centre's."""
    data = (folder / f".{name}.part").read_bytes()
    head = json.loads(data.splitlines()[0])
    text = {"format": "strongroom manifest", "version": 1, "dc": head["dc"], "kms": head["kms"], "sequence": sequence,
            "name": head["name"], "order": "ORDER-0", "count": head["count"], "size": len(data),
            "sha256": hashlib.sha256(data).hexdigest()}
    part = folder / f".{name}.manifest.part"
    subprocess.run(["openssl", "cms", "-sign", "-binary", "-nodetach", "-md", "sha256", "-outform", "DER", "-signer",
                    str(identity[0]), "-inkey", str(identity[1]), "-out", str(part)], input=json.dumps(text).encode(), check=True)
    (folder / f".{name}.part").rename(folder / f"{name}.keys")
    part.rename(folder / f"{name}.manifest")


def keyfile_text(like, name, records):
    """A well-formed key file with a header like that of another one."""
    header = json.loads(like.read_text().splitlines()[0])
    header.update(name=name, count=len(records))
    text = json.dumps(header, separators=(",", ":")) + "\n"
    text += "".join(base64.b64encode(r).decode() + "\n" for r in records)
    return header, text + json.dumps({"sha256": hashlib.sha256(text.encode()).hexdigest()}, separators=(",", ":")) + "\n"


def manifest(header, text, sequence, order, certificate, key):
    """What the owner of that identity says about the key file: CMS SignedData by the openssl command."""
    said = {"format": "strongroom manifest", "version": 1, "dc": header["dc"], "kms": header["kms"], "sequence": sequence,
            "name": header["name"], "order": order, "count": header["count"], "size": len(text.encode()),
            "sha256": hashlib.sha256(text.encode()).hexdigest()}
    return subprocess.run(["openssl", "cms", "-sign", "-binary", "-nodetach", "-md", "sha256", "-outform", "DER", "-signer",
                           str(certificate), "-inkey", str(key)], input=json.dumps(said).encode(), check=True, capture_output=True,
                          timeout=60).stdout


def put(folder, name, content):
    """Whole or not at all, as a DC does it."""
    part = folder / f".{name}.part"
    part.write_bytes(content)
    part.rename(folder / name)


def frame_send(sock, kind, *fields):
    body = bytes([kind]) + b"".join(lv(f) for f in fields)
    sock.sendall(len(body).to_bytes(2, "big") + body)


def frame_receive(sock):
    def exactly(n):
        data = b""
        while len(data) < n:
            more = sock.recv(n - len(data))
            if not more:
                raise ConnectionError("closed")
            data += more
        return data

    body = exactly(int.from_bytes(exactly(2), "big"))
    return body[0], lv_list(body[1:])


def fake_terminal(address, serial):
    """Knows a serial number and no AUK. Answers the frame that ends its try."""
    host, port = address.rsplit(":", 1)
    with socket.create_connection((host, int(port)), 10) as sock:
        frame_send(sock, HELLO, b"\x02", serial.encode(), os.urandom(16))
        kind, _ = frame_receive(sock)
        if kind == PROOF_K:
            frame_send(sock, PROOF_T, os.urandom(16))
            kind, fields = frame_receive(sock)
        return kind, fields


class FakeKms:
    """Knows the protocol and no AUK; offers a TMK of its own to whoever calls once."""

    def __enter__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.listener.close()

    def serve(self):
        try:
            sock, _ = self.listener.accept()
            frame_receive(sock)
            frame_send(sock, PROOF_K, os.urandom(16), os.urandom(16))
            frame_receive(sock)
        except OSError:
            pass
