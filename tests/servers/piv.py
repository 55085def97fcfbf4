# SPDX-License-Identifier: BSD-2-Clause
"""A smart card for tests: a PIV card (NIST SP 800-73-4) with one RSA-2048 key, in a virtual reader of a private pcscd, so that
OpenSC's own module reaches it as it reaches any other. Needs pcscd, vsmartcard-vpcd and the right to make a mount namespace.

The card: its signature key (9C) asks for the PIN before every use and has a certificate beside it. pull() and insert() are what a
hand does with it.
"""
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import threading
import time

DRIVER = "/usr/lib/pcsc/drivers/serial/libifdvpcd.so.0.8"
AID = bytes.fromhex("A000000308000010000100")
ATR = bytes.fromhex("3B80800101")
CERTIFICATE, CHUID, DISCOVERY = bytes.fromhex("5FC10A"), bytes.fromhex("5FC102"), b"\x7e"
KEY = 0x9C
TRIES = 3


def available():
    """Why the reader cannot run here; an empty text: it can."""
    if os.geteuid() != 0:
        return "not root"
    for path in (DRIVER, "/usr/sbin/pcscd"):
        if not os.path.exists(path):
            return f"no {path}"
    done = subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False, timeout=20)
    return "" if done.returncode == 0 else "no mount namespaces"


def tlv(tag, value):
    n = len(value)
    size = bytes([n]) if n < 128 else bytes([0x81, n]) if n < 256 else b"\x82" + n.to_bytes(2, "big")
    return tag + size + value


def untlv(data):
    """(tag byte, value) pairs of one-byte tags."""
    while data:
        tag, n, at = data[0], data[1], 2
        if n > 128:
            at += n - 128
            n = int.from_bytes(data[2:at], "big")
        yield tag, data[at:at + n]
        data = data[at + n:]


class Card:
    """The card's chip: APDU in, answer out. key: (modulus, private exponent)."""

    def __init__(self, key, certificate, pin):
        self.n, self.d = key
        self.certificate = certificate
        self.pin = pin.encode().ljust(8, b"\xff")
        self.tries = TRIES
        self.signatures = 0
        self.reset()

    def reset(self):
        self.chain, self.rest, self.verified = b"", b"", False

    def answer(self, apdu):
        cla, ins, p1, p2 = apdu[:4]
        data = apdu[5:5 + apdu[4]] if len(apdu) > 5 else b""
        if ins == 0xC0:
            return self.send(self.rest)
        if cla & 0x10:
            self.chain += data
            return b"\x90\x00"
        data, self.chain = self.chain + data, b""
        if ins == 0xA4 and p1 == 4:
            known = AID.startswith(data[:5]) and len(data) >= 5
            return self.send(tlv(b"\x61", tlv(b"\x4f", AID[5:]) + tlv(b"\x79", tlv(b"\x4f", AID[:5])))) if known else b"\x6a\x82"
        if ins == 0xCB:
            return self.get(data)
        if ins == 0x20:
            return self.verify(p2, data)
        if ins == 0x87 and p2 == KEY:
            return self.sign(p1, data)
        return b"\x6d\x00"

    def send(self, data):
        now, self.rest = data[:256], data[256:]
        return now + (bytes([0x61, min(len(self.rest), 256) & 0xFF]) if self.rest else b"\x90\x00")

    def get(self, data):
        objects = {CERTIFICATE: tlv(b"\x53", tlv(b"\x70", self.certificate) + tlv(b"\x71", b"\0") + tlv(b"\xfe", b"")),
                   CHUID: tlv(b"\x53", tlv(b"\x30", bytes(25)) + tlv(b"\x34", bytes(range(16))) + tlv(b"\x35", b"20991231") +
                              tlv(b"\x3e", b"") + tlv(b"\xfe", b"")),
                   DISCOVERY: tlv(b"\x7e", tlv(b"\x4f", AID) + tlv(b"\x5f\x2f", b"\x40\x00"))}
        found = objects.get(data[2:] if data[:1] == b"\x5c" else b"")
        return self.send(found) if found else b"\x6a\x82"

    def verify(self, which, data):
        if which != 0x80:
            return b"\x6a\x88"
        if data and self.tries:
            self.verified = data == self.pin
            self.tries = TRIES if self.verified else self.tries - 1
        if self.verified:
            return b"\x90\x00"
        return bytes([0x63, 0xC0 | self.tries]) if self.tries else b"\x69\x83"

    def sign(self, algorithm, data):
        """PIN always: what was verified serves once."""
        if not self.verified:
            return b"\x69\x82"
        self.verified = False
        block = next((v for t, v in untlv(next(untlv(data))[1]) if t == 0x81), b"")
        if algorithm != 7 or len(block) != 256:
            return b"\x6a\x80"
        self.signatures += 1
        signature = pow(int.from_bytes(block, "big"), self.d, self.n).to_bytes(256, "big")
        return self.send(tlv(b"\x7c", tlv(b"\x82", signature)))


class Reader:
    """A private pcscd with a virtual reader; env: for programs that are to use it."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="strongroom-piv-"))
        (self.folder / "run").mkdir()
        (self.folder / "conf").mkdir()
        with socket.create_server(("127.0.0.1", 0)) as sock:
            self.port = sock.getsockname()[1]
        (self.folder / "conf/vpcd").write_text(f'FRIENDLYNAME "Virtual PCD"\nDEVICENAME /dev/null:{self.port:#x}\nLIBPATH {DRIVER}\n'
                                               f"CHANNELID {self.port:#x}\n")
        os.makedirs("/run/pcscd", exist_ok=True)
        script = f"mount --make-rprivate / 2>/dev/null; mount --bind {self.folder}/run /run/pcscd && exec /usr/sbin/pcscd -f -c {self.folder}/conf"
        with open(self.folder / "log", "wb") as log:
            self.process = subprocess.Popen(["unshare", "-m", "sh", "-c", script], stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        self.env = dict(os.environ, PCSCLITE_CSOCK_NAME=str(self.folder / "run/pcscd.comm"))
        end = time.monotonic() + 30
        while not (self.folder / "run/pcscd.comm").exists():
            if self.process.poll() is not None or time.monotonic() > end:
                raise AssertionError(f"pcscd did not start: {(self.folder / 'log').read_text()}")
            time.sleep(0.05)
        self.link = None

    def insert(self, card):
        end = time.monotonic() + 30
        while True:
            try:
                self.link = socket.create_connection(("127.0.0.1", self.port), 5)
                break
            except OSError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.05)
        self.link.settimeout(None)
        threading.Thread(target=self.serve, args=(self.link, card), daemon=True).start()

    def serve(self, link, card):
        try:
            with link.makefile("rb") as stream:
                while head := stream.read(2):
                    message = stream.read(int.from_bytes(head, "big"))
                    if len(message) > 1:
                        reply = card.answer(message)
                    elif message == b"\x04":
                        reply = ATR
                    else:
                        card.reset()
                        continue
                    link.sendall(len(reply).to_bytes(2, "big") + reply)
        except OSError:
            pass

    def pull(self):
        if self.link:
            self.link.shutdown(socket.SHUT_RDWR)
            self.link.close()
            self.link = None

    def stop(self):
        self.pull()
        self.process.terminate()
        self.process.wait(30)
        shutil.rmtree(self.folder, ignore_errors=True)
