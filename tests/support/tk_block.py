#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Records of suite 3 by somebody else: the standard library and the openssl command alone, none of our code.

tk_block.py            writes the vectors (tests/vectors/tk_block.txt) to standard output
tk_block.py FILE       compares; exit status 1 when they differ

A record: docs/formats.md. Its two ciphertexts are key blocks of X9.143 (TR-31:2018), version D: keys for encryption and MAC are
derived from PK by CMAC (counter, usage 0000 or 0001, separator 00, algorithm 0004 for AES-256, length 0100h bits), the MAC is the
CMAC of header and key data in the clear, and the IV of the CBC encryption.
"""
import hashlib
import subprocess
import sys

TEK, AUK, TDES, AES = 5, 6, 1, 2
PK = bytes.fromhex("50c2c8bfa9e78083c1d68d796820391f76e2d60c9d6dd9a1a3bb0cc9521fb9f6")
MAK = bytes.fromhex("5c4102759b4d2348fa853ca9d2af2332189a057b79a976928eac08ad0b4b6df3")


def openssl(*arguments, data):
    done = subprocess.run(["openssl", *arguments], input=data, capture_output=True, check=True)
    return done.stdout


def cmac(key, data):
    return bytes.fromhex(openssl("mac", "-cipher", "AES-256-CBC", "-macopt", f"hexkey:{key.hex()}", "-in", "-", "CMAC",
                                 data=data).decode().strip())


def cbc(key, iv, data):
    return openssl("enc", "-aes-256-cbc", "-nopad", "-K", key.hex(), "-iv", iv.hex(), data=data)


def chance(name, n):
    """Bytes that stand for random ones, the same every time."""
    return hashlib.shake_256(name.encode()).digest(n)


def derived(usage):
    return b"".join(cmac(PK, bytes([counter, 0, usage, 0, 0, 4, 1, 0])) for counter in (1, 2))


def option(name, data):
    return name + f"{len(data) + 4:02X}".encode() + data


def block(key, usage, algorithm, mode, options, name, version="00", export="N", context="0", data_len=None, bits=None, letter="D"):
    """The text of a key block; options without what fills the last cipher block."""
    body = b"".join(options)
    count = len(options)
    if len(body) % 16:
        fill = 16 - len(body) % 16
        fill += 16 if fill < 4 else 0
        body += b"PB" + f"{fill:02X}".encode() + chance(name + "fill", fill).hex().upper().encode()[:fill - 4]
        count += 1
    if data_len is None:
        data_len = 48 if algorithm == "A" else 32
    length = 16 + len(body) + 2 * data_len + 32
    header = f"{letter}{length:04d}{usage}{algorithm}{mode}{version}{export}{count:02d}{context}0".encode() + body
    clear = (8 * len(key) if bits is None else bits).to_bytes(2, "big") + key
    clear += chance(name + "pad", data_len - len(clear))
    mac = cmac(derived(1), header + clear)
    return header + cbc(derived(0), mac, clear).hex().upper().encode() + mac.hex().upper().encode()


def lv(data):
    return len(data).to_bytes(2, "big") + data


def record(serial, handshake, kind, length, ctek, cauk, suite=3, mac_suite=None):
    """The whole, with a true MAC over what it says (mac_suite: another suite under the MAC)."""
    covered = [bytes([handshake]), b"ACME", serial, b"PP-1", b"\x01\x23", (1700000000).to_bytes(8, "big"), (7).to_bytes(8, "big"),
               b"\x02", bytes([TEK, kind, length, 0]), ctek, bytes([AUK, kind, length, 0]), cauk]
    body = b"".join(lv(c) for c in covered)
    mac = cmac(MAK, lv(b"\x01") + lv(bytes([mac_suite or suite])) + body)
    return bytes([suite, 1]) + body + lv(mac) + lv(b"")


def odd(key):
    return bytes((b & 0xfe) | (bin(b >> 1).count("1") + 1) % 2 for b in key)


def keys(kind, length):
    tek, auk = (chance(f"{which}{kind}{length}", length) for which in ("tek", "auk"))
    return (odd(tek), odd(auk)) if kind == TDES else (tek, auk)


def pair(serial, handshake, kind, length, name, **wrong):
    """Both blocks as they ought to be; wrong: what is otherwise in that of the TEK."""
    tek, auk = keys(kind, length)
    letter = "A" if kind == AES else "T"
    label = [option(b"LB", serial)]
    args = {"key": tek, "usage": "K0", "algorithm": letter, "mode": "E", "options": label, "name": name + "tek", **wrong}
    ctek = block(**args)
    usage, mode = ("D0", "E") if handshake == 1 else ("M6", "C")
    return ctek, block(auk, usage, letter, mode, label, name + "auk")


def line(name, data, good, kind=AES, length=32):
    tek, auk = keys(kind, length)
    return f"name={name} good={int(good)} type={kind} pk={PK.hex()} mak={MAK.hex()} tek={tek.hex()} auk={auk.hex()} record={data.hex()}"


def vectors():
    yield "# Records of suite 3, made by tests/support/tk_block.py with the openssl command. X9.143 key blocks of version D, AES-CMAC."
    for handshake in (1, 2):
        for kind, length in ((AES, 16), (AES, 24), (AES, 32), (TDES, 16), (TDES, 24)):
            name = f"v{handshake}-{kind}-{length}"
            serial = ("S" * (13 if length == 16 else 28 if length == 24 else 9)).encode()
            yield line(name, record(serial, handshake, kind, length, *pair(serial, handshake, kind, length, name)), True, kind, length)
    for n in range(1, 33):
        serial = ("POS-" + "7" * 28)[:n].encode()
        yield line(f"serial-{n}", record(serial, 2, AES, 32, *pair(serial, 2, AES, 32, f"serial{n}")), True)
    serial = b"POS-000042"
    tek, auk = keys(AES, 32)
    ctek, cauk = pair(serial, 2, AES, 32, "x")
    other_label = [option(b"LB", b"POS-000043")]
    label = [option(b"LB", serial)]

    def bad(name, one=ctek, two=cauk, handshake=2, kind=AES, length=32, **more):
        return line(name, record(serial, handshake, kind, length, one, two, **more), False)

    yield line("as-it-ought-to-be", record(serial, 2, AES, 32, ctek, cauk), True)
    yield bad("blocks-exchanged", cauk, ctek)
    yield bad("tek-in-a-block-for-an-auk", block(tek, "M6", "A", "C", label, "a"))
    yield bad("auk-in-a-block-for-a-tek", ctek, block(auk, "K0", "A", "E", label, "b"))
    yield bad("another-serial-number-in-the-label", block(tek, "K0", "A", "E", other_label, "c"))
    yield bad("another-serial-number-in-the-other-label", ctek, block(auk, "M6", "A", "C", other_label, "d"))
    yield line("another-serial-number-in-the-record", record(b"POS-000043", 2, AES, 32, ctek, cauk), False)
    yield bad("handshake-of-the-other-version", handshake=1)
    for what, wrong in (("usage", {"usage": "P0"}), ("usage-k1", {"usage": "K1"}), ("mode", {"mode": "B"}), ("mode-n", {"mode": "N"}),
                        ("exportable", {"export": "E"}), ("sensitive", {"export": "S"}), ("key-version", {"version": "01"}),
                        ("context", {"context": "1"}), ("algorithm", {"algorithm": "T", "data_len": 48}), ("version-b", {"letter": "B"}),
                        ("no-label", {"options": []}), ("another-option", {"options": [option(b"KS", serial)]}),
                        ("one-option-more", {"options": [option(b"LB", serial), option(b"KS", b"11")]}),
                        ("label-twice", {"options": label * 2}), ("data-shorter", {"key": tek[:16], "data_len": 32}),
                        ("key-shorter", {"key": tek[:16]}), ("bits-above-the-data", {"bits": 65528}), ("bits-odd", {"bits": 255}),
                        ("no-bits", {"bits": 0})):
        yield bad(what, pair(serial, 2, AES, 32, what, **wrong)[0])
    yield bad("tek-equal-to-auk", block(auk, "K0", "A", "E", label, "e"))
    even = bytes([keys(TDES, 16)[0][0] ^ 1]) + keys(TDES, 16)[0][1:]
    tdes = pair(serial, 2, TDES, 16, "f", key=even)
    yield line("even-parity", record(serial, 2, TDES, 16, *tdes), False, TDES, 16)
    yield bad("aes-block-for-a-tdes-key", kind=TDES, length=24)
    yield bad("suite-2-under-the-mac", mac_suite=2)
    yield bad("suite-2-outside", suite=2, mac_suite=3)
    yield bad("suite-2-all-over", suite=2)
    yield bad("block-of-a-lower-case-mac", ctek[:-32] + ctek[-32:].lower())
    yield bad("mac-of-the-block", ctek[:-1] + (b"0" if ctek[-1:] != b"0" else b"1"))
    yield bad("filler-of-the-block", ctek[:40] + (b"0" if ctek[40:41] != b"0" else b"1") + ctek[41:])


def main():
    text = "\n".join(vectors()) + "\n"
    if len(sys.argv) < 2:
        sys.stdout.write(text)
        return 0
    with open(sys.argv[1], encoding="ascii") as file:
        if file.read() == text:
            return 0
    print(f"{sys.argv[1]} is not what tk_block.py writes", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
