# SPDX-License-Identifier: BSD-2-Clause
"""The whole chain of one customer as real processes: CA, HSM 1 with mtmsd, dcd, HSM 2 with kmsd, operator card with opterm,
terminals as pos. Nothing of it is replaced. More programs than in factory.py: KMSD, POS, OPTERM.
"""
import base64
import hashlib
import json
import os
import pathlib
import socket
import subprocess

import databases
import kept
from foreign import SoftHsm, carry, softhsm_folder
from factory import WAIT, Authority, Daemon, Folder, StrongToken, program, query, run, sanitizer_preload, wait_until

COMBINE = "0xD3520001"  # CKM_SR_COMPONENT_COMBINE, hsm/vendor.h
CUSTOMER = "ACME"
CUSTODIANS = ("anna", "bert")
# Suite: type and length of PK, of MAK; how its configuration keys end in kmsd.
KEYS = {1: ("DES3", 16, 16, "_tdes"), 2: ("AES", 32, 32, ""), 3: ("AES", 32, 32, "_block")}


class Token(StrongToken):
    """A token of the strongroom module with a default user; custodians when keys are to be combined in it."""

    name = "strongroom"

    def __init__(self, folder, label, custodians=()):  # pylint: disable=super-init-not-called
        """One that is in the folder already is taken as it is."""
        self.folder, self.label = folder, label
        self.module = program("STRONGROOM_MODULE")
        self.pin = "24681012"
        self.env = dict(os.environ, STRONGROOM_TOKEN_DIR=str(folder / f"{label}.tokens"))
        self.pin_file = folder / f"{label}.pin"
        self.uri = f"pkcs11:token={label}?module-path={self.module}&pin-source={self.pin_file}"
        if not self.pin_file.exists():
            self.make(custodians)

    def make(self, custodians):
        (self.folder / f"{self.label}.tokens").mkdir(mode=0o700)
        self.tool("--init-token", "--label", self.label, "--so-pin", "so-135790")
        self.so("--init-pin", "--new-pin", self.pin)
        for name in custodians:
            self.so("--init-pin", "--new-pin", f"{name}:first-1234")
            self.tool("--login", "--pin", f"{name}:first-1234", "--change-pin", "--new-pin", f"{name}:pin-5678")
        self.pin_file.touch(mode=0o600)
        self.pin_file.write_text(self.pin + "\n")

    def combine_parts(self, label, kind, parts):
        for number, (name, part) in enumerate(zip(("anna", "bert"), parts), 1):
            path = self.folder / "component.bin"
            path.write_bytes(part)
            self.tool("--login", "--pin", f"{name}:pin-5678", "--write-object", path, "--type", "secrkey", "--key-type",
                      f"{kind}:", "--label", f"{label}#{number}/2")
            path.unlink()
        self.tool("--login", "--pin", "bert:pin-5678", "--keygen", "--mechanism", COMBINE, "--key-type",
                  f"{kind}:{len(parts[0])}", "--label", label)


OURS = SoftHsm if os.environ.get("TEST_SOFTHSM") else Token


def combine(tokens, suite):
    """PK and MAK of a suite, the same in all of them."""
    kind, *lengths, _ = KEYS[suite]
    for label, length in zip(("PK", "MAK"), lengths):
        parts = [os.urandom(length), os.urandom(length)]
        for token in tokens:
            token.combine_parts(label, kind, parts)


def make_ours(folder, suite):
    """Both HSMs with PK and MAK, and a card, all ours."""
    combine([Token(folder, label, CUSTODIANS) for label in ("HSM1", "HSM2")], suite)
    Token(folder, "CARD")


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return sock.getsockname()[1]


class Chain:
    """Built once for a test program. suite: of the customer. messages: from DC to KMS by message, all ports the same after a
    restart; otherwise by key files that hand_over carries. makers: of HSM 1 and HSM 2; card: of the operator card. With
    TEST_SOFTHSM in the environment the makers are SoftHSMv2; with TEST_POSTGRES the databases are on a PostgreSQL."""

    def __init__(self, suite, messages=False, makers=(OURS, OURS), card=OURS):
        self.suite, self.messages = suite, messages
        self.ports = {name: free_port() if messages else 0 for name in ("mtms", "dc", "kms", "terminals")}
        self.folder = Folder()
        self.mtms_database, self.dc_database, self.kms_database = (databases.new(self.folder / f"{s}.db") for s in ("mtms", "dc", "kms"))
        self.ca = Authority(self.folder)
        self.end = KEYS[suite][3]
        kept.take(f"suite{suite}", ("chain.py", "factory.py"), lambda folder: make_ours(folder, suite), self.folder / ".")
        self.hsm1, self.hsm2 = (maker(self.folder, label) for maker, label in zip(makers, ("HSM1", "HSM2")))
        self.foreign_keys()
        self.card = card(self.folder, "CARD")
        self.card_arguments = ["--card", "pkcs11:token=CARD", "--pin-file", self.card.pin_file, "--module", self.card.module]
        self.operator_card()
        self.spool = self.folder / "spool"
        self.spool.mkdir(mode=0o700)
        (self.folder / "outgoing").mkdir(mode=0o700)
        self.kmsd = self.kms()
        self.storage_key()
        self.kmsd.start()
        self.dcd = self.dc().start()
        self.mtmsd = self.mtms(self.dcd.address)
        self.mtmsd.command("key-init", str(self.folder / "hsm.request"))
        self.ca.call("issue", "--dir", self.ca.dir, "--role", "hsm", "--name", "HsmWCRT", "--request",
                     self.folder / "hsm.request", "--out", self.folder / "hsm.pem")
        self.mtmsd.command("cert-import", str(self.folder / "hsm.pem"))
        self.mtmsd.start()

    def foreign_keys(self):
        """PK and MAK to tokens of another maker: from the other HSM, or from a token of ours that is for ceremonies alone."""
        ours = [t for t in (self.hsm1, self.hsm2) if isinstance(t, Token)] or [Token(self.folder, "HSM1")]
        for label in ("PK", "MAK"):
            for token, service in ((self.hsm1, "mtms"), (self.hsm2, "kms")):
                if isinstance(token, SoftHsm):
                    carry(ours[0], label, token, service)

    def storage_key(self):
        self.kmsd.command("srk-init", "SRK", "53")

    def stop(self):
        """Ends all; answers what went wrong, as text."""
        wrong = ""
        for daemon in (self.mtmsd, self.dcd, self.kmsd):
            status = daemon.stop() if daemon.process else 0
            if status or "Sanitizer" in daemon.log.read_text():
                wrong += f"{daemon.name}: status {status}\n{daemon.log.read_text()}"
        self.folder.stop()
        return wrong

    def operator_card(self):
        request, certificate = self.folder / "operator.csr", self.folder / "operator.pem"
        self.opterm("card-init", *self.card_arguments, "--name", "operator 7", "--request", request)
        self.ca.call("issue", "--dir", self.ca.dir, "--role", "operator", "--name", "operator 7", "--csr", request, "--out",
                     certificate)
        self.opterm("card-certificate", *self.card_arguments, "--certificate", certificate)

    def write(self, name, head, **sections):
        """A configuration file with our identity of that name."""
        identity = {"certificate": self.ca.cert(name), "key": self.ca.key(name), "ca": self.ca.root}
        lines = [f"{k} = {v}" for k, v in head.items()]
        for section, values in {"identity": identity, **sections}.items():
            lines += [f"[{section}]"] + [f"{k} = {v}" for k, v in values.items()]
        path = self.folder / f"{name}.conf"
        path.write_text("\n".join(lines) + "\n")
        return path

    def head(self, who, **values):
        return {"listen": f"127.0.0.1:{self.ports[who]}", **values}

    def mtms(self, dc):
        conf = self.write("mtms", self.head("mtms", database=self.mtms_database), token={"uri": self.hsm1.uri},
                          dc={"url": f"https://{dc}"},
                          **{f"customer {CUSTOMER}": {"pk": "pkcs11:object=PK", "mak": "pkcs11:object=MAK", "suite": self.suite}})
        return Daemon("MTMSD", conf, self.folder, self.hsm1.env)

    def dc(self):
        route = {"mode": "file", "spool": self.folder / "outgoing"}
        if self.messages:
            route = {"mode": "message", "url": f"https://127.0.0.1:{self.ports['kms']}"}
        conf = self.write("dc", self.head("dc", database=self.dc_database), **{f"kms {CUSTOMER}": route})
        return Daemon("DCD", conf, self.folder)

    def kms(self):
        token = {"uri": self.hsm2.uri, "srk": "pkcs11:object=SRK", f"pk{self.end}": "pkcs11:object=PK",
                 f"mak{self.end}": "pkcs11:object=MAK"}
        conf = self.write("kms", self.head("kms", customer=CUSTOMER, database=self.kms_database), token=token,
                          terminals={"listen": f"127.0.0.1:{self.ports['terminals']}"},
                          spool={"folder": self.spool, "poll_ms": 50, "settle_s": 1})
        return Daemon("KMSD", conf, self.folder, self.hsm2.env)

    def opterm(self, *arguments, **more):
        return run([program("OPTERM"), *arguments], env=self.card.env, **more)

    def collect(self, order, count, *more):
        """Starts an operation terminal; answers the process and its address for terminals."""
        argv = [program("OPTERM"), "collect", "--order", order, "--listen", "127.0.0.1:0", "--count", count, "--spool",
                self.folder / "opterm", *self.card_arguments, "--mtms", self.mtmsd.url, "--cert", self.ca.cert("opterm"),
                "--key-file", self.ca.key("opterm"), "--ca", self.ca.root, "--suite", self.suite, "--wait", WAIT, *more]
        process = subprocess.Popen([str(a) for a in argv], env=self.card.env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        for line in process.stdout:
            if line.startswith(b"ready "):
                return process, line.decode().split("terminals=")[1].strip()
        raise AssertionError(f"opterm did not start: {process.wait(WAIT)}")

    def pos(self, serial, command, *arguments, check=True):
        env = {k: v for k, v in os.environ.items() if k != "STRONGROOM_TOKEN_DIR"}
        env["SOFTHSM2_CONF"] = softhsm_folder(self.folder, f"pos-{serial}")  # for a secure module of SoftHSMv2
        return run([program("POS"), command, "--dir", self.folder / f"pos-{serial}", *arguments], env=env, check=check)

    def make(self, serial, address, module=None):
        self.pos(serial, "make", "--serial", serial, "--pinpad", f"PP-{serial}", "--root", self.ca.root, "--module",
                 module or program("STRONGROOM_MODULE"), "--connect", address)

    def status(self, serial):
        return json.loads(self.pos(serial, "status", "--json").stdout)

    def sign_in(self, serial):
        """Fresh working keys; answers how many generations there are. Check values in the terminal's token are those of the KMS's
        current ones, which are of the type and length of the TMK (R1.12)."""
        self.pos(serial, "sign-in", "--connect", self.kmsd.addresses["terminals"])
        rows = query(self.kms_database, "SELECT kind, check_value, generation, type, length FROM working_key"
                     " WHERE serial_number = ? AND confirmed > 0 AND retired = 0 ORDER BY kind", serial)
        status = self.status(serial)
        assert status["working_keys"] == "in use", status
        here = [("MACKEY", status["mackey_check"]), ("PINKEY", status["pinkey_check"])]
        assert [(kind, check.lower()) for kind, check, *_ in rows] == [(kind, check.lower()) for kind, check in here], (rows, status)
        assert all(row[2] == status["wk_generation"] for row in rows), (rows, status)
        tmk = query(self.kms_database, "SELECT type, length FROM tmk WHERE serial_number = ? ORDER BY generation DESC LIMIT 1", serial)
        assert [row[3:] for row in rows] == [tuple(tmk[0])] * 2, (rows, tmk)
        return query(self.kms_database, "SELECT count(*) FROM working_key WHERE serial_number = ?", serial)[0][0] // 2

    def order(self, order, serials, customer=CUSTOMER):
        """A production order that expects these terminals; operator 7 may collect for it."""
        inventory = self.folder / f"{order}.inventory"
        inventory.write_text("".join(f"{s}\n" for s in serials))
        self.mtmsd.command("order", "add", order, customer, "--inventory", inventory)
        self.mtmsd.command("grant", "opterm-1", "operator 7", f"order:{order}")

    def factory(self, order, serials, *more):
        """An order from its opening to the acknowledged batch; answers opterm's exit status and output."""
        self.order(order, serials)
        process, address = self.collect(order, len(serials), *more)
        for serial in serials:
            self.make(serial, address)
        text = process.stdout.read().decode()
        process.stdout.close()
        return process.wait(WAIT), text

    def outgoing(self):
        """The key files that the DC has written, as records."""
        return {p: keyfile_records(p) for p in sorted((self.folder / "outgoing").glob("*.keys"))}

    def hand_over(self, path):
        """What FTP would do: the file appears whole in the KMS's spool, its manifest after it."""
        manifest = path.with_suffix(".manifest")
        if not manifest.exists():
            self.sign(path, manifest, "dc1", self.next_sequence("dc1"))
        os.rename(path, self.spool / path.name)
        os.rename(manifest, self.spool / manifest.name)
        self.imported(path.stem)

    def offer(self, name, records):
        """A key file that somebody made who can sign as a data centre: only its records are wrong."""
        part = self.spool / f".{name}"
        part.touch(mode=0o600)
        part.write_text(keyfile(name, records, dc="dc9"))
        self.sign(part, self.spool / f".{name}.manifest", "dc9", self.next_sequence("dc9"), name)
        os.rename(part, self.spool / f"{name}.keys")
        os.rename(self.spool / f".{name}.manifest", self.spool / f"{name}.manifest")
        self.imported(name)

    def next_sequence(self, dc):
        rows = query(self.kms_database, "SELECT coalesce(max(sequence), 0) + 1 FROM delivery_sequence WHERE dc = ?", dc)
        return rows[0][0]

    def sign(self, path, manifest, dc, sequence, name=None, order="ORDER-1", signer=None):
        """The manifest of a key file (docs/formats.md), signed with openssl by the data centre of that name, or by another."""
        signer = signer or ("dc" if dc == "dc1" else dc)
        if not self.ca.cert(signer).exists():
            self.ca.issue("dc", signer, signer)
        data = pathlib.Path(path).read_bytes()
        head = json.loads(data.splitlines()[0])
        text = {"format": "strongroom manifest", "version": 1, "dc": dc, "kms": head["kms"], "sequence": sequence,
                "name": name or path.stem, "order": order, "count": head["count"], "size": len(data),
                "sha256": hashlib.sha256(data).hexdigest()}
        pathlib.Path(manifest).touch(mode=0o600)
        run(["openssl", "cms", "-sign", "-binary", "-nodetach", "-md", "sha256", "-outform", "DER", "-signer", self.ca.cert(signer),
             "-inkey", self.ca.key(signer), "-out", manifest], input=json.dumps(text).encode())
        os.chmod(manifest, 0o600)

    def imported(self, name):
        wait_until(lambda: query(self.kms_database, "SELECT 1 FROM key_file WHERE name = ? AND state <> 'importing'", name),
                   f"the import of {name}")


def keyfile(name, records, kms=CUSTOMER, dc="dc1"):
    head = {"format": "strongroom key file", "version": 1, "kms": kms, "dc": dc, "name": name, "count": len(records)}
    text = json.dumps(head, separators=(",", ":")) + "\n"
    text += "".join(base64.b64encode(r).decode() + "\n" for r in records)
    return text + json.dumps({"sha256": hashlib.sha256(text.encode()).hexdigest()}, separators=(",", ":")) + "\n"


def keyfile_records(path):
    return [base64.b64decode(line) for line in pathlib.Path(path).read_text(encoding="ascii").splitlines()[1:-1]]


def fields(record):
    """The LV fields behind suite and version, as (start, bytes); docs/formats.md, Record."""
    out, at = [], 2
    while at < len(record):
        n = int.from_bytes(record[at:at + 2], "big")
        out.append((at + 2, record[at + 2:at + 2 + n]))
        at += 2 + n
    return out
