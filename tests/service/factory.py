# SPDX-License-Identifier: BSD-2-Clause
"""What the tests of CA, MTMS and DC share: programs, a CA of their own, tokens, daemons as real processes, an HTTPS client.

Programs come from the environment: STRONGROOM_CA, MTMSD, DCD, FACTORY_TOOL, STRONGROOM_MODULE.
"""
import base64
import http.client
import http.server
import json
import os
import pathlib
import queue
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import threading
import time

import kept

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from ca_token import CaToken  # noqa: E402
from databases import query  # noqa: E402,F401

WAIT = 60  # seconds that anything here may take
SOFTHSM = "/usr/lib/softhsm/libsofthsm2.so"


# Common names that stand elsewhere too: of the DC in manifests, of the KMS as its customer id. Others: the file's and "-1".
COMMON = {"dc": "dc1", "kms": "ACME"}


def program(name):
    return os.environ[name]


def run(argv, check=True, env=None, **more):
    """Runs a command to its end; its output is part of the error when it fails."""
    done = subprocess.run([str(a) for a in argv], capture_output=True, timeout=WAIT, env=env, **more)
    if check and done.returncode:
        raise AssertionError(f"{argv[0]} {argv[1:3]}: status {done.returncode}\n{done.stdout!r}\n{done.stderr.decode()}")
    return done


def wait_until(condition, what, seconds=WAIT):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        answer = condition()
        if answer:
            return answer
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds} s: {what}")


class Folder:
    """A private temporary folder, gone with stop()."""

    def __init__(self):
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="strongroom-test-"))

    def __truediv__(self, name):
        return self.path / name

    def stop(self):
        shutil.rmtree(self.path, ignore_errors=True)


class Authority:
    """A CA made by strongroom-ca, its key in a token of SoftHSMv2 (or the one given), with one identity per TLS role and an
    operator card's key in a file."""

    def __init__(self, folder, roles=("opterm", "mtms", "dc", "kms"), token=None, **options):
        self.folder = folder
        self.dir = folder / "ca"
        self.root = self.dir / "root.pem"
        self.token = token or CaToken(folder / ".")
        self.call("init", "--dir", self.dir, "--token", self.token.uri, *(w for k, v in options.items() for w in (f"--{k.replace('_', '-')}", v)))
        for role in roles:
            self.issue(role)

    def call(self, *arguments, check=True):
        return run([program("STRONGROOM_CA"), *arguments], check=check, env=self.token.env)

    def cert(self, name):
        return self.folder / f"{name}.pem"

    def key(self, name):
        return self.folder / f"{name}.key"

    def issue(self, role, name=None, common=None):
        """An identity; name: of its files; common: in the certificate."""
        name = name or role
        self.call("issue", "--dir", self.dir, "--role", role, "--name", common or COMMON.get(name, f"{name}-1"), "--san",
                  "IP:127.0.0.1", "--key-out", self.key(name), "--out", self.cert(name))

    def rows(self, *arguments):
        """The index, one object per certificate."""
        return json.loads(self.call("list", "--dir", self.dir, "--json", *arguments).stdout)["certificates"]

    def csr(self, name, bits="rsa:2048"):
        path = self.folder / f"{name}.csr"
        run(["openssl", "req", "-new", "-newkey", bits, "-nodes", "-keyout", self.key(name), "-subj", "/CN=ignored",
             "-out", path])
        return path

    def operator(self, name="operator"):
        self.call("issue", "--dir", self.dir, "--role", "operator", "--name", name, "--csr", self.csr(name), "--out",
                  self.cert(name))

    def dated(self, name, role, start, end):
        """A certificate over a new key, with dates of our own."""
        stamp = [time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(t)) for t in (start, end)]
        self.call("issue", "--dir", self.dir, "--role", role, "--name", f"{name}-1", "--csr", self.csr(name), "--san",
                  "IP:127.0.0.1", "--from", stamp[0], "--until", stamp[1], "--out", self.cert(name))

    def short(self, name, seconds):
        """An operator card's certificate that lives for so many seconds."""
        if not self.cert(name).exists():
            self.dated(name, "operator", time.time() - 60, time.time() + seconds)


def cms_sign(authority, name, content, *more):
    """CMS SignedData by the stock tool, DER."""
    return run(["openssl", "cms", "-sign", "-binary", "-nodetach", "-md", "sha256", "-signer", authority.cert(name), "-inkey",
                authority.key(name), "-outform", "DER", *more], input=content).stdout


class SoftToken:
    """A SoftHSMv2 token: PK and MAK of known value, so that a test can look into records (standard way)."""

    way = "standard"
    oaep = "sha1"  # SoftHSMv2 knows no other

    def __init__(self, folder, customers):
        self.folder = folder
        self.pin = "24681012"
        (folder / "softhsm").mkdir()
        conf = folder / "softhsm.conf"
        conf.write_text(f"directories.tokendir = {folder / 'softhsm'}\nobjectstore.backend = file\nlog.level = ERROR\n")
        self.env = dict(os.environ, SOFTHSM2_CONF=str(conf))
        run(["softhsm2-util", "--init-token", "--free", "--label", "HSM1", "--so-pin", "13579", "--pin", self.pin],
            env=self.env)
        self.pin_file = folder / "hsm1.pin"
        self.pin_file.write_text(self.pin + "\n")
        self.pin_file.chmod(0o600)
        self.uri = f"pkcs11:token=HSM1?module-path={SOFTHSM}&pin-source={self.pin_file}"
        self.keys = {}
        for customer in customers:
            self.keys[customer] = (self.put(f"PK-{customer}", "--usage-wrap"), self.put(f"MAK-{customer}", "--usage-sign"))

    def put(self, label, usage):
        value = os.urandom(32)
        path = self.folder / "key.bin"
        path.write_bytes(value)
        run(["pkcs11-tool", "--module", SOFTHSM, "--login", "--pin", self.pin, "--write-object", path, "--type", "secrkey",
             "--key-type", "AES:32", "--label", label, usage, "--sensitive"], env=self.env)
        path.unlink()
        return value


def sanitizer_preload(module):
    """A stock tool that loads a module built with AddressSanitizer needs its runtime first."""
    for line in run(["ldd", module]).stdout.decode().splitlines():
        if "libasan" in line:
            return {"LD_PRELOAD": line.split("=>")[1].split()[0], "ASAN_OPTIONS": "detect_leaks=0"}
    return {}


class StrongToken:
    """A token of the strongroom module: PK and MAK combined from the components of two custodians (vendor way)."""

    way = "vendor"
    oaep = "sha256"

    def __init__(self, folder, customers):
        kept.take("line", ("factory.py",), lambda place: self.make(place, customers), folder / ".")
        self.at(folder)
        self.keys = {c: (bytes.fromhex(pk), bytes.fromhex(mak)) for c, (pk, mak) in json.loads((folder / "keys").read_text()).items()}

    def at(self, folder):
        self.folder = folder
        self.module = program("STRONGROOM_MODULE")
        self.pin = "24681012"
        self.env = dict(os.environ, STRONGROOM_TOKEN_DIR=str(folder / "tokens"))
        self.pin_file = folder / "hsm1.pin"
        self.uri = f"pkcs11:token=HSM1?module-path={self.module}&pin-source={self.pin_file}"

    def make(self, folder, customers):
        self.at(folder)
        (folder / "tokens").mkdir(mode=0o700)
        self.tool("--init-token", "--label", "HSM1", "--so-pin", "so-135790")
        self.so("--init-pin", "--new-pin", self.pin)
        for name in ("anna", "bert"):
            self.so("--init-pin", "--new-pin", f"{name}:first-1234")
            self.tool("--login", "--pin", f"{name}:first-1234", "--change-pin", "--new-pin", f"{name}:pin-5678")
        self.pin_file.write_text(self.pin + "\n")
        self.pin_file.chmod(0o600)
        keys = {c: (self.combine(f"PK-{c}").hex(), self.combine(f"MAK-{c}").hex()) for c in customers}
        (folder / "keys").write_text(json.dumps(keys))

    def tool(self, *arguments):
        return run(["pkcs11-tool", "--module", self.module, *arguments], env={**self.env, **sanitizer_preload(self.module)})

    def so(self, *arguments):
        return self.tool("--login", "--login-type", "so", "--so-pin", "so-135790", *arguments)

    def combine(self, label):
        parts = [os.urandom(32), os.urandom(32)]
        for number, (name, part) in enumerate(zip(("anna", "bert"), parts), 1):
            path = self.folder / "component.bin"
            path.write_bytes(part)
            self.tool("--login", "--pin", f"{name}:pin-5678", "--write-object", path, "--type", "secrkey", "--key-type",
                      "AES:32", "--label", f"{label}#{number}/2", "--id", f"{number:02x}")
            path.unlink()
        self.tool("--login", "--pin", "bert:pin-5678", "--keygen", "--mechanism", "0xD3520001", "--key-type", "AES:32",
                  "--label", label, "--id", "50")
        return bytes(a ^ b for a, b in zip(*parts))


class Daemon:
    """A daemon as a real process; ready when its line is there."""

    def __init__(self, name, conf, folder, env=None):
        self.argv = [program(name), "--config", str(conf)]
        self.name = name
        self.env = env or dict(os.environ)
        self.log = folder / f"{name}.log"
        self.process = None

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.argv, stdout=subprocess.PIPE, stderr=log, stdin=subprocess.DEVNULL,
                                            env=self.env)
        lines = queue.Queue()
        threading.Thread(target=lambda: lines.put(self.process.stdout.readline()), daemon=True).start()
        try:
            line = lines.get(timeout=WAIT).decode()
        except queue.Empty:
            line = ""
        if not line.startswith("ready "):
            self.kill()
            raise AssertionError(f"{self.name} did not start: {self.log.read_text()}")
        self.addresses = dict(part.split("=", 1) for part in line.split()[2:])
        self.address = self.addresses["https"]
        return self

    @property
    def url(self):
        return f"https://{self.address}"

    def end(self, number):
        if not self.process:
            return None
        self.process.send_signal(number)
        status = self.process.wait(timeout=WAIT)
        self.process.stdout.close()
        self.process = None
        return status

    def stop(self):
        return self.end(signal.SIGTERM)

    def kill(self):
        return self.end(signal.SIGKILL)

    def command(self, *arguments, check=True):
        return run([*self.argv, *arguments], check=check, env=self.env).stdout.decode()


def context(authority, name, server=False):
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if server else ssl.PROTOCOL_TLS_CLIENT)
    c.load_verify_locations(authority.root)
    c.verify_mode = ssl.CERT_REQUIRED
    if name:
        c.load_cert_chain(authority.cert(name), authority.key(name))
    return c


def post(authority, name, address, path, body, method="POST"):
    """One message over mutual TLS; answers status and decoded body. body: an object, or bytes as they are."""
    connection = http.client.HTTPSConnection(address, context=context(authority, name), timeout=WAIT)
    try:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        connection.request(method, path, data, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        text = answer.read()
        return answer.status, json.loads(text) if text.startswith(b"{") else text
    finally:
        connection.close()


class Kms:
    """The other end of a DC's deliveries by message: keeps what it acknowledged, in order; fails when told to."""

    def __init__(self, authority, identity="kms", port=0):
        kms = self
        self.deliveries = []
        self.fail = 0
        self.fail_after = 0  # takes the delivery, then drops the answer
        self.refuse = 0  # answers code 4
        self.notices = []  # POST /v1/deliveries
        self.on_notice = None

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if kms.fail:
                    kms.fail -= 1
                    return self.reply(503, {"error": 7, "text": "busy, try again later"})
                if kms.refuse:
                    kms.refuse -= 1
                    return self.reply(403, {"error": 4, "text": "refused"})
                if self.path == "/v1/deliveries":
                    if kms.on_notice:
                        kms.on_notice(body)
                    kms.notices.append(body)
                    return self.reply(200, {"delivery": body["delivery"], "known": False})
                known = body["delivery"] in [d["delivery"] for d in kms.deliveries]
                if not known:
                    kms.deliveries.append(body)
                if kms.fail_after:
                    kms.fail_after -= 1
                    self.close_connection = True
                    return None
                return self.reply(200, {"delivery": body["delivery"], "received": len(body["records"]), "repeated": known})

            def reply(self, status, answer):
                text = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            allow_reuse_address = True

            def handle_error(self, request, client_address):
                pass

        self.server = Server(("127.0.0.1", port), Handler)
        self.server.socket = context(authority, identity, server=True).wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(WAIT)


def tool(*arguments, text=None):
    return run([program("FACTORY_TOOL"), *arguments], input=text.encode() if text else None).stdout.decode()


class Terminal:
    """A TK packet as a terminal makes it, and the keys that are in it."""

    def __init__(self, certificate, serial, counter=1, fault="none", oaep="sha256"):
        self.serial = serial
        self.packet, self.tek, self.auk = tool("packet", certificate, serial, str(counter), fault, oaep).split()


def batch_content(order, batch, terminals, **more):
    now = int(time.time())
    content = {"format": "strongroom tk batch", "version": 1, "order": order, "batch": batch,
               "terminals": [{"serial": t.serial, "collected": now, "packet": t.packet} for t in terminals]}
    content.update(more)
    return json.dumps(content).encode()


def b64(data):
    return base64.b64encode(data).decode()
