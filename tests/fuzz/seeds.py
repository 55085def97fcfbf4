# SPDX-License-Identifier: BSD-2-Clause
"""What the fuzz targets begin with besides their committed corpora (which hold what was found once): files, answers and
messages of the forms that the programs write, made anew for each run. seeds(TARGET) yields (name, bytes); the first byte of most
targets chooses the parser, in the order of its switch."""
import base64
import hashlib
import json
import os
import struct
import subprocess
import tempfile


def run(*command, stdin=None):
    return subprocess.run(command, input=stdin, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True, timeout=60).stdout


def parts(*values):
    """Each behind a byte of its length."""
    return b"".join(bytes([len(v)]) + v for v in values)


def lv(value):
    return struct.pack(">H", len(value)) + value


def b64(value):
    return base64.b64encode(value).decode()


def keys():
    """A certificate, its request and key in the forms that files have; Ed25519 as the statement key of a token."""
    with tempfile.TemporaryDirectory() as folder:
        rsa, edwards = f"{folder}/rsa", f"{folder}/edwards"
        run("openssl", "genpkey", "-algorithm", "rsa", "-pkeyopt", "rsa_keygen_bits:2048", "-out", rsa)
        run("openssl", "genpkey", "-algorithm", "ed25519", "-out", edwards)
        found = {"cert": run("openssl", "req", "-x509", "-new", "-key", rsa, "-subj", "/CN=key", "-days", "1"),
                 "request": run("openssl", "req", "-new", "-key", rsa, "-subj", "/CN=key")}
        for name, path in (("rsa", rsa), ("ed25519", edwards)):
            found[name] = run("openssl", "pkey", "-in", path, "-pubout")
            found[name + "_der"] = run("openssl", "pkey", "-in", path, "-pubout", "-outform", "DER")
        found["cert_der"] = run("openssl", "x509", "-outform", "DER", stdin=found["cert"])
        return found


def dump(rows, schema=2):
    head = {"format": "strongroom database", "version": 1, "service": "zoo", "schema": schema, "made": 1, "about": {}}
    return "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in [head, *rows]).encode()


def file_seeds():
    yield "conf", b"\0log = stderr\nnumber = 4\n[http]\nlisten = 127.0.0.1:0\n[customer ACME]\npk = pkcs11:token=HSM1;object=PK\nsuite = 1\n"
    yield "conf_long", b"\0log = " + b"x" * 300 + b"\n# c\n[customer A]\npk = " + b"ab ab " * 60 + b"\n"
    yield "conf_missing", b"\0[customer A]\nsuite = 1\n"
    yield "inventory", b"\1serial,pin_pad\n123L013K,PP-1\n# c\n\n123L014K\n"
    yield "inventory_bad", b"\1a,b,c\n,x\n\0\n" + b"9" * 40 + b"\n"
    zoo = [{"table": "zoo", "columns": ["id:i", "name:t"]}, [1, "north"],
           {"table": "animal", "columns": ["id:i", "zoo:i", "name:t", "photo:b", "born:i"]}, [1, 1, "ape", "AQL/", 2**63 - 1], [2, 1, None, "", None]]
    audit = [{"table": "audit", "columns": ["id:i", "at:i", "peer:t", "event:t", "object:t", "code:i", "text:t"]}, [1, 2, "", "x", "", 0, ""]]
    whole = dump(zoo)
    yield "dump", b"\2" + whole + json.dumps({"rows": 3, "sha256": hashlib.sha256(whole).hexdigest()}).encode() + b"\n"
    for name, rows, schema in (("dump_zoo", zoo, 2), ("dump_old", zoo, 1), ("dump_audit", audit, 2), ("dump_all", zoo + audit, 2), ("dump_new", zoo, 3)):
        yield name, b"\3" + dump(rows, schema)
    mailbox = (b"kms@acme.example", b"KMS", b"ops@acme.example")
    yield "mail", b"\4" + parts(*mailbox, "运维".encode(), "key import 密钥".encode(), b"0123@acme.example", b"en") + b"one\ntwo\n"
    yield "mail_header", b"\4" + parts(mailbox[0], b"K\r\nBcc: x@y", mailbox[2], b"", b"s\r\nBcc: a", b"0123@acme.example", b"zh") + b"one\n\xff"
    yield "template", b"\5\0" + parts(b"key import: {file}", b"{kind} {file} has {records} {{x}} {failures}", b"f\nx", b"\0", b"\4abc", b"\x0babc\n\xff")


def block(method, wrapped, target, kind=1, length=32, check=b"\2\1\2\3", time=1700000000):
    """A transport block of docs/formats.md, whose signature is none."""
    return (b"SRKT" + bytes([1, method, 2, kind, length]) + struct.pack(">I", 1) + check + struct.pack(">Q", time) + b"0123456789abcdef" + bytes(range(16)) +
            lv(b"PK") + lv(target) + lv(wrapped) + b"s" * 64)


def numbers(*values):
    return b"".join(struct.pack(">Q", v) for v in values)


def backup(kind):
    how = b"\1" + b"s" * 16 + bytes([14, 8, 1]) if kind == "passphrase" else b"\2set1" + bytes([2, 3])
    fields = b"i" * 16 + b"0123456789abcdef" + b"label".ljust(32) + numbers(1700000000000, 65536) + how + numbers(5) + lv(b"a" * 10)
    whole = b"SRBK" + struct.pack(">HI", 1, 10 + len(fields) + 40) + fields + b"m" * 32
    return whole + hashlib.sha256(whole).digest()[:8]


def protocols():
    fields = [("token", "HSM1"), ("serial", "0123456789abcdef"), ("key", "PK"), ("type", "AES-256"), ("check value", "010203"), ("unique id", "00" * 16),
              ("began", "2026-01-01T00:00:00Z"), ("ended", "2026-01-01T00:00:01Z"), ("audit record", "12"), ("statement key", "MCow")]
    seal = "-- signature of the token over all lines above --\n" + b64(b"s" * 64) + "\n"
    text = "".join(f"{title}: {value}\n" for title, value in fields)
    custodians = "component 1 of 2: alice, check value 010203, entered in this ceremony\ncomponent 2 of 2: bob, check value 040506, entered before\n"
    yield "protocol_text", b"\3" + ("Protocol of a key ceremony\n" + text + custodians + seal).encode()
    yield "protocol_number_at_the_end", b"\3" + ("Protocol of a key ceremony\naudit record: 12" + seal).encode()
    of = {name.replace(" ", "_"): value for name, value in fields}
    of.update(audit_record=3, components=[{"number": 1, "custodian": "a", "check_value": "010203", "entered": True}])
    yield "protocol_json", b"\3" + json.dumps({"protocol": of, "signature": b64(b"s" * 64)}).encode()


def officer_seeds():
    made = keys()
    by_ktk, by_rsa = block(16, b"w" * 40, b"t" * 16), block(2, b"w" * 256, b"t" * 32)
    beside = {"format": "strongroom transport", "version": 1, "block": b64(by_ktk), "statement_key": "a2V5", "label": "PK"}
    yield "transport_file", b"\0" + json.dumps(beside).encode()
    yield from ((f"key_{name}", b"\0" + made[name]) for name in ("ed25519", "ed25519_der"))
    yield from ((f"block_{name}", b"\1" + v) for name, v in (("ktk", by_ktk), ("rsa", by_rsa), ("time", block(2, b"w" * 256, b"t" * 32, time=2**64 - 1))))
    yield from ((f"block_{kind}_{length}_{check}", b"\1" + block(16, b"w" * (length + 8), b"t" * 16, kind, length, bytes([check, 1, 2, 3])))
                for kind in (1, 2) for length in (16, 24, 32) for check in (1, 2, 3))
    yield "confirm", b"\2" + b"01:23:45:67:89:AB:CD:EF"
    yield "confirm_bad", b"\2" + b"0123 4567-89ab cdex"
    yield from protocols()
    yield "head", b"\4" + json.dumps({"record": 1, "head": b64(b"SRAH" + bytes(166))}).encode()
    yield from ((f"public_{name}", b"\5" + made[name]) for name in ("rsa", "rsa_der", "cert", "cert_der"))
    label = numbers(3, 3, 3) + b"key"
    yield "softhsm_key", (b"\6" + numbers(1, 0, 2, 4, 1, 1) + b"\1" + numbers(2, 1) + b"\0" + label + numbers(0x100, 2, 0x1F, 0x40000600, 5, 1, 0x1085) +
                          numbers(0x11, 3, 4) + b"abcd")
    yield "softhsm_private", (b"\6" + numbers(1, 0, 2, 1, 2, 1) + b"\1" + label + numbers(0x80, 2, 0, 0x11, 3, 48) + b"c" * 48 +
                              numbers(0x40000211, 4, 17, 0x100, 1) + b"\1")
    yield "softhsm_token", b"\7" + numbers(1, 0x80005349, 3, 5) + b"token" + numbers(0x8000534D, 3, 72) + b"p" * 72
    for kind in ("passphrase", "shares"):
        yield f"backup_{kind}", b"\x08" + backup(kind)
        yield f"backup_summed_{kind}", b"\x09" + backup(kind)
    yield "share", b"\x0a" + "-".join(["ABCDE"] * 18).encode()
    yield "share_lower", b"\x0a" + b"abcde fgh23\n" * 9


def opterm_seeds():
    yield "scan", b"\0AB-12\n 123L013K\r\nA\nA\n"
    yield "scan_long", b"\0" + b"x" * 127 + b"AB-12\nA\0\nA\n"
    yield "scan_end", b"\0A"
    packet = json.dumps({"serial": "A", "collected": 1700000000, "packet": b64(b"\1" * 60)}).encode()
    yield from (("spool_packet", b"\1" + packet), ("spool_batch", b"\2" + packet))
    device = {"serial": "A", "pin_pad": "P", "state": "expected", "counter": 0}
    order = {"order": "O-1", "customer": "ACME", "suite": 2, "total": 2, "devices": [device, {"serial": "B", "state": "stored", "counter": 3}], "last": 2, "more": False}
    yield "order_raw", b"\3HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"ord\r\n0\r\n\r\n"
    yield "order_error", b"\3HTTP/1.1 403 No\r\nContent-Length: 28\r\n\r\n{\"error\":4,\"text\":\"refused\"}"
    yield "order", b"\4" + json.dumps(order).encode()
    last = dict(order, devices=[{"serial": "C", "state": "refused", "counter": 1}])
    yield "order_pages", b"\4" + json.dumps(dict(order, more=True, last=1)).encode() + b"\0" + json.dumps(last).encode()
    yield "order_twice", b"\4" + json.dumps(dict(order, devices=[device, device])).encode()
    yield "certificate", b"\5" + json.dumps({"certificate": b64(keys()["cert_der"]), "oaep": "sha1"}).encode()


def peer_seeds():
    yield "list", b"\0\xff" + b"a.keys\r\nb.keys\r\n../x\r\n.hidden\r\n/etc/passwd\r\na\0b\r\n" + b"n" * 300 + b"\r\n"
    yield "list_denied", b"\0220 x\r\n\000530 no\r\n"
    yield "list_lines", b"\0220-x\r\n220-y\r\n220 z\r\n\000331 \r\n"
    yield "get", b"\1\xffcontent of a file"
    yield "get_large", b"\1\xff" + b"y" * 1900
    sizes = [b"220 x\r\n", b"230 x\r\n", b"257 \"/\"\r\n", b"250 x\r\n", b"213 1\r\n", b"213 18446744073709551615\r\n", b"350 x\r\n"]
    yield "get_size", b"\1" + b"\0".join(sizes) + b"\xff" + b"y" * 50
    yield from (("put", b"\2"), ("put_there", b"\2\xffcontent"), ("rename", b"\3"))
    hello, good = b"250-mail\r\n250 AUTH PLAIN\r\n", [b"250 ok\r\n", b"250 ok\r\n", b"354 go\r\n", b"250 taken\r\n", b"221 bye\r\n"]
    login = [b"334 \r\n", b"235 ok\r\n"]
    for name, answers in (("mail", [hello, *good]), ("mail_refused", [hello, *good[:3], b"554 no \x1b[2J\r\n"]), ("mail_busy", [b"421 later\r\n"])):
        yield name, b"\4" + b"\0".join(answers)
    for name, answers in (("login", [hello, *login, *good]), ("login_refused", [hello, b"535 no\r\n"]), ("login_not_offered", [b"250 mail\r\n", *good])):
        yield name, b"\5" + b"\0".join(answers)
    yield "http_raw", b"\6HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
    yield "http_chunked", b"\6HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
    yield "http_redirect", b"\6HTTP/1.1 302 Go\r\nLocation: https://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"
    yield "http", b"\7{}"


def store_seeds():
    yield "none", b"\0"
    for page in range(0, 60, 3):
        for offset, n in ((0, 8), (10, 2), (12, 4), (16, 4), (40, 8), (4000, 16)):
            yield f"page_{page}_{offset}", b"\0" + struct.pack(">HHB", page, offset, n) + bytes(range(n))
    yield from (("state", b"\6"), ("state_patch", b"\6\0\0\1"), ("state_bytes", b"\7SRAS" + bytes(60)))


def cms_seeds():
    made = keys()
    content = run("openssl", "crl2pkcs7", "-nocrl", "-certfile", "/dev/stdin", "-outform", "DER", stdin=made["cert"])
    yield "pkcs7", b"\0" + content
    yield "certificate", b"\0" + made["cert_der"]
    yield from ((f"altered_{i}", bytes([i]) + struct.pack(">HB", at, 1)) for i in (1, 3) for at in range(0, 400, 23))
    yield from ((f"file_{name}", b"\4" + made[name]) for name in ("cert", "cert_der", "request"))
    yield "list", b"\2-----BEGIN X509 CRL-----\nMIIB\n-----END X509 CRL-----\n"
    manifest = {"format": "strongroom manifest", "version": 1, "dc": "dc1", "kms": "ACME", "sequence": 1, "name": "n", "order": "o", "count": 1, "size": 9, "sha256": "0" * 64}
    batch = {"format": "strongroom tk batch", "version": 1, "order": "O-1", "batch": "b-1", "terminals": [{"serial": "A", "collected": 1, "packet": b64(b"p" * 40)}]}
    yield "batch", b"\6" + json.dumps(batch).encode()
    yield "manifest", b"\5" + json.dumps(manifest, separators=(",", ":")).encode()


def keyfile_seeds():
    for count, lines in ((2, [b64(b"r" * 90), b64(b"q" * 90)]), (3, [b64(b"r" * 90), "****", "A" * 1500]), (1, [])):
        head = json.dumps({"format": "strongroom key file", "version": 1, "kms": "ACME", "dc": "dc1", "name": "dc1-ACME-000001", "count": count}, separators=(",", ":"))
        text = "\n".join([head, *lines]) + "\n"
        yield f"body_{count}", text.encode()
        yield f"whole_{count}", (text + json.dumps({"sha256": hashlib.sha256(text.encode()).hexdigest()}, separators=(",", ":")) + "\n").encode()


def value(field):
    if field["type"] == "text":
        return "a" * max(field["min"], 1)
    if field["type"] == "base64":
        return b64(b"\1" * field["min"])
    if field["type"] == "number":
        return field["min"]
    if field["type"] == "bool":
        return False
    item = field["item"]
    one = value(item[0]) if len(item) == 1 and not item[0]["name"] else {f["name"]: value(f) for f in item}
    return [one] * max(field["min"], 1)


def message_seeds(service):
    """A request and an answer of every row, from the rows themselves."""
    rows = next(said["messages"] for said in (json.loads(run(path)) for path in os.environ["MESSAGES_JSON"].split(":")) if said.get("service") == service)
    for i, row in enumerate(rows):
        for at, side in ((i, "in"), (i + len(rows), "out")):
            if row.get(side) is not None:
                yield f"{side}_{i}", bytes([at]) + json.dumps({f["name"]: value(f) for f in row[side]}).encode()
    post = f"POST {rows[0]['path']} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n".encode()
    yield "head", bytes([2 * len(rows)]) + post + b"Content-Length: 12\r\n\r\n"
    yield "head_chunked", bytes([2 * len(rows)]) + post + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"


def seeds(target):
    if target.startswith("message_"):
        return message_seeds(target.removeprefix("message_"))
    made = {"file": file_seeds, "officer": officer_seeds, "opterm": opterm_seeds, "peer": peer_seeds, "store": store_seeds, "cms": cms_seeds,
            "keyfile": keyfile_seeds}.get(target)
    return made() if made else ()
