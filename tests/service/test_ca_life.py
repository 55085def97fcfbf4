# SPDX-License-Identifier: BSD-2-Clause
"""The life of a CA: its key in tokens of two makers, revocation lists, renewal, the next root, kill -9, two at once; and
`strongroom ca`. The openssl command line is the independent judge. R1.1, R1.2, R2.3"""
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import time
import unittest

from factory import Authority, Folder, SOFTHSM, cms_sign, program, run, sanitizer_preload
from ca_token import PIN, CaToken


class OwnToken:
    """A token of the strongroom module for a CA."""

    def __init__(self, folder, label="CA"):
        module = program("STRONGROOM_MODULE")
        (folder / "own-token").mkdir(mode=0o700)
        self.env = dict(os.environ, STRONGROOM_TOKEN_DIR=str(folder / "own-token"))
        self.module = module
        self.tool("--init-token", "--label", label, "--so-pin", "so-135790")
        self.tool("--login", "--login-type", "so", "--so-pin", "so-135790", "--init-pin", "--new-pin", PIN)
        self.pin_file = folder / "own.pin"
        self.pin_file.touch(mode=0o600)
        self.pin_file.write_text(PIN + "\n")
        self.uri = f"pkcs11:token={label}?module-path={module}&pin-source={self.pin_file}"

    def tool(self, *arguments):
        return run(["pkcs11-tool", "--module", self.module, *arguments], env={**self.env, **sanitizer_preload(self.module)})


def soft_tool(token, *arguments):
    return run(["pkcs11-tool", "--module", SOFTHSM, *arguments], env=token.env)


def words(command, *arguments):
    return run(["openssl", command, *arguments, "-noout", "-text"]).stdout.decode()


class Place(unittest.TestCase):
    def setUp(self):
        self.folder = Folder()
        self.addCleanup(self.folder.stop)

    def ca(self, token=None, **options):
        self.authority = Authority(self.folder, roles=(), token=token or CaToken(self.folder / "."), **options)
        return self.authority

    def call(self, *arguments, **more):
        return self.authority.call(arguments[0], *arguments[1:], "--dir", self.authority.dir, **more)

    def crl(self, *arguments):
        out = self.folder / "crl.pem"
        self.call("crl", "--out", out, *arguments)
        return out

    def refused(self, text, *arguments, status=1):
        done = self.call(*arguments, check=False)
        self.assertEqual((done.returncode, text in done.stderr.decode()), (status, True), done.stderr.decode())

    def verifies(self, cert, *more, roots=None):
        return run(["openssl", "verify", "-x509_strict", "-CAfile", roots or self.authority.root, *more, cert],
                   check=False).returncode == 0


class RootKey(Place):
    def chain_holds(self, token, kind, algorithm):
        ca = self.ca(token, key_type=kind)
        ca.issue("kms")
        text = words("x509", "-in", ca.root)
        self.assertIn(algorithm, text)
        self.assertIn("CA:TRUE, pathlen:0", text)
        self.assertTrue(self.verifies(ca.cert("kms")))
        crl = self.crl()
        self.assertTrue(self.verifies(ca.cert("kms"), "-crl_check", "-CRLfile", crl))
        self.call("revoke", ca.cert("kms"), "--reason", "keyCompromise")
        self.assertFalse(self.verifies(ca.cert("kms"), "-crl_check", "-CRLfile", self.crl()))

    def test_every_kind_of_key_in_a_token_of_softhsm(self):  # R1.1
        for kind, algorithm in (("ec-p256", "prime256v1"), ("ec-p384", "secp384r1"), ("rsa-3072", "3072 bit"), ("rsa-4096", "4096 bit")):
            with self.subTest(kind):
                self.setUp()
                self.chain_holds(None, kind, algorithm)

    def test_every_kind_of_key_in_a_token_of_strongroom(self):  # R1.1
        for kind, algorithm in (("ec-p256", "prime256v1"), ("ec-p384", "secp384r1"), ("rsa-3072", "3072 bit")):
            with self.subTest(kind):
                self.setUp()
                self.chain_holds(OwnToken(self.folder), kind, algorithm)

    def test_private_key_never_leaves_the_token(self):  # R1.1
        ca = self.ca()
        listed = soft_tool(ca.token, "--login", "--pin", PIN, "--list-objects", "--type", "privkey").stdout.decode()
        self.assertIn("ca-root-1", listed)
        self.assertIn("sensitive, always sensitive, never extractable", listed)
        self.assertIn("Usage:      sign\n", listed)
        files = b"".join(p.read_bytes() for p in ca.dir.rglob("*") if p.is_file())
        self.assertNotIn(b"PRIVATE KEY", files)
        self.assertNotIn(PIN.encode(), files)

    def test_critical_extensions_and_key_identifiers(self):  # R2.3
        ca = self.ca(crl_url="http://ca.test/crl.pem")
        ca.issue("dc")
        text = words("x509", "-in", ca.cert("dc"))
        for line in ("X509v3 Basic Constraints: critical", "X509v3 Key Usage: critical", "X509v3 Extended Key Usage: critical",
                     "X509v3 Subject Key Identifier", "X509v3 Authority Key Identifier", "URI:http://ca.test/crl.pem"):
            self.assertIn(line, text)
        root = words("x509", "-in", ca.root)
        self.assertIn("Certificate Sign, CRL Sign", root)
        key = root.split("X509v3 Subject Key Identifier:")[1].split()[0]
        self.assertIn(key, text.split("X509v3 Authority Key Identifier:")[1])
        # Each of them, and no other extension, is critical: read from the bytes.
        parsed = run(["openssl", "asn1parse", "-in", ca.cert("dc")]).stdout.decode().splitlines()
        critical = [parsed[i - 1].split(":")[-1] for i, line in enumerate(parsed) if "BOOLEAN" in line and line.endswith(":255") and "d=5" in line]
        self.assertEqual(critical, ["X509v3 Basic Constraints", "X509v3 Key Usage", "X509v3 Extended Key Usage"])
        self.assertTrue(self.verifies(ca.cert("dc")))

    def test_what_init_refuses_leaves_no_ca(self):
        token, where = CaToken(self.folder / "."), self.folder / "ca"
        for text, status, uri, more in [
                ("pin-source=FILE", 2, "pkcs11:token=CA?pin-value=1234", ()),
                ("a PKCS#11 URI", 2, "/a/file.key", ()),
                ("no such token", 1, token.uri.replace("token=CA", "token=NONE"), ()),
                ("CKR_PIN_INCORRECT", 1, token.uri, ("--pin-file", self.folder / "wrong.pin")),
                ("one of ec-p256", 2, token.uri, ("--key-type", "dsa")),
                ("no such key", 1, token.uri, ("--use-key",)),
                ("--crl-url", 2, token.uri, ("--crl-url", "ldap://x")),
                ("no root yet", 1, token.uri, ("--next",))]:
            (self.folder / "wrong.pin").touch(mode=0o600)
            (self.folder / "wrong.pin").write_text("99999999\n")
            done = run([program("STRONGROOM_CA"), "init", "--dir", where, "--token", uri, *more], check=False, env=token.env)
            self.assertEqual(done.returncode, status, done.stderr)
            self.assertIn(text, done.stderr.decode())
            self.assertFalse((where / "root.pem").exists())
        run([program("STRONGROOM_CA"), "init", "--dir", where, "--token", token.uri], env=token.env)

    def test_key_that_is_there_is_taken_only_when_asked(self):
        token = CaToken(self.folder / ".")
        soft_tool(token, "--login", "--pin", PIN, "--keypairgen", "--key-type", "EC:prime256v1", "--label", "ca-root-1", "--id", "07")
        argv = [program("STRONGROOM_CA"), "init", "--dir", self.folder / "ca", "--token", token.uri]
        done = run(argv, check=False, env=token.env)
        self.assertEqual((done.returncode, "--use-key" in done.stderr.decode()), (1, True), done.stderr)
        run([*argv, "--use-key"], env=token.env)
        self.assertIn("prime256v1", words("x509", "-in", self.folder / "ca" / "root.pem"))

    def test_without_its_token_the_ca_signs_nothing_and_says_why(self):
        ca = self.ca(OwnToken(self.folder))
        shutil.move(self.folder / "own-token", self.folder / "away")
        (self.folder / "own-token").mkdir(mode=0o700)
        done = self.call("issue", "--role", "opterm", "--name", "x", "--key-out", self.folder / "k", "--out", self.folder / "c", check=False)
        self.assertEqual((done.returncode, "no such token" in done.stderr.decode()), (1, True), done.stderr)
        self.assertFalse((self.folder / "k").exists() or (self.folder / "c").exists())
        self.assertEqual([r["role"] for r in ca.rows()], ["ca"])


class Revocation(Place):
    def setUp(self):
        super().setUp()
        ca = self.ca()
        for name in ("opterm", "mtms", "dc"):
            ca.issue(name)

    def serial(self, name):
        return next(r["serial"] for r in self.authority.rows() if r["role"] == name)

    def test_list_tells_number_reason_and_end(self):
        self.call("revoke", self.serial("dc"), "--reason", "superseded")
        for number in ("1", "2"):
            text = words("crl", "-in", self.crl("--days", "3"))
            self.assertRegex(text, rf"CRL Number: *\n *{number}\n")
        self.assertIn("Superseded", text)
        self.assertIn("X509v3 Authority Key Identifier", text)
        self.assertEqual(text.count("Serial Number"), 1)
        self.assertIn(self.serial("dc").upper(), text)
        roots = json.loads(self.call("roots", "--json").stdout)["roots"]
        self.assertEqual((roots[0]["crl_number"], roots[0]["key"].startswith("pkcs11:")), (2, True))
        self.assertEqual(run(["openssl", "crl", "-in", self.crl(), "-CAfile", self.authority.root, "-noout"]).stderr, b"verify OK\n")

    def test_revoking_by_number_and_by_file_and_only_once(self):
        self.call("revoke", self.authority.cert("dc"))
        self.refused("revoked on", "revoke", self.serial("dc"))
        colons = ":".join(self.serial("mtms")[i:i + 2] for i in range(0, 32, 2)).upper()
        self.call("revoke", colons)
        self.refused("no certificate of this CA", "revoke", "00" * 16)
        self.refused("neither a serial number nor the file", "revoke", self.folder / "nothing.pem")
        self.refused("--reason", "revoke", self.serial("opterm"), "--reason", "boredom", status=2)
        self.refused("cannot revoke itself", "revoke", self.authority.root)

    def test_states_of_the_list(self):
        now = time.time()
        for name, start, end in (("soon", now - 60, now + 86400), ("old", now - 7200, now - 3600)):
            self.authority.dated(name, "opterm", start, end)
        self.call("revoke", self.authority.cert("dc"), "--reason", "cessationOfOperation")
        state = {r["name"]: r["state"] for r in self.authority.rows()}
        self.assertEqual({k: state[k] for k in ("soon-1", "old-1", "dc1", "mtms-1")},
                         {"soon-1": "expiring", "old-1": "expired", "dc1": "revoked", "mtms-1": "valid"})
        self.assertEqual([r["name"] for r in self.authority.rows("--state", "expiring")], ["soon-1"])
        self.assertEqual([r["name"] for r in self.authority.rows("--role", "dc")], ["dc1"])
        self.assertIn("mtms-1", [r["name"] for r in self.authority.rows("--state", "expiring", "--days", "900")])
        revoked = self.authority.rows("--state", "revoked")[0]
        self.assertEqual(revoked["reason"], "cessationOfOperation")
        self.assertRegex(self.call("list").stdout.decode(), r"dc +revoked .* dc1 +\(cessationOfOperation")
        self.refused("--state", "list", "--state", "lost", status=2)

    def test_revoked_key_never_gets_another_certificate(self):
        csr = self.authority.csr("again")
        issue = ("issue", "--role", "opterm", "--name", "again", "--csr", csr, "--out")
        self.call(*issue, self.folder / "a.pem")
        self.refused("has a certificate already", *issue, self.folder / "b.pem")
        self.call("revoke", self.folder / "a.pem")
        self.refused("which is revoked", *issue, self.folder / "b.pem")
        self.refused("is revoked", "renew", self.folder / "a.pem", "--csr", self.authority.csr("other"), "--out", self.folder / "b.pem")

    def test_request_signed_by_a_revoked_mtms_is_refused(self):  # R1.1
        run(["openssl", "genrsa", "-out", self.folder / "pu.key", "2048"])
        spki = run(["openssl", "pkey", "-in", self.folder / "pu.key", "-pubout", "-outform", "DER"]).stdout
        (self.folder / "request").write_bytes(cms_sign(self.authority, "mtms", spki))
        self.call("revoke", self.authority.cert("mtms"))
        self.refused("is revoked", "issue", "--role", "hsm", "--name", "h", "--request", self.folder / "request", "--out", self.folder / "h.pem")


class Renewal(Place):
    def test_role_and_names_stay_and_both_are_valid(self):  # R2.3
        ca = self.ca()
        ca.issue("kms")
        self.call("renew", ca.cert("kms"), "--csr", ca.csr("next"), "--out", self.folder / "next.pem")
        old, new = ca.rows("--role", "kms")
        self.assertEqual({k: old[k] for k in ("role", "name", "san", "state")}, {k: new[k] for k in ("role", "name", "san", "state")})
        self.assertEqual(new["renews"], old["serial"])
        for cert in (ca.cert("kms"), self.folder / "next.pem"):
            self.assertTrue(self.verifies(cert, "-crl_check", "-CRLfile", self.crl()))
        self.assertIn("IP Address:127.0.0.1", words("x509", "-in", self.folder / "next.pem"))
        self.refused("has a certificate already", "renew", ca.cert("kms"), "--csr", self.folder / "next.csr", "--out", self.folder / "b.pem")
        self.refused("only role hsm", "renew", ca.cert("kms"), "--csr", self.folder / "next.csr", "--same-key", "--out", self.folder / "b.pem")
        self.refused("has no such option", "renew", ca.cert("kms"), "--role", "dc", "--out", self.folder / "b.pem", status=2)

    def test_working_certificate_keeps_its_key_only_when_asked(self):  # R1.1
        ca = self.ca()
        ca.issue("mtms")
        run(["openssl", "genrsa", "-out", self.folder / "pu.key", "2048"])
        spki = run(["openssl", "pkey", "-in", self.folder / "pu.key", "-pubout", "-outform", "DER"]).stdout
        (self.folder / "request").write_bytes(cms_sign(ca, "mtms", spki))
        self.call("issue", "--role", "hsm", "--name", "HSM 1", "--request", self.folder / "request", "--out", self.folder / "h1.pem")
        renew = ("renew", self.folder / "h1.pem", "--request", self.folder / "request", "--out", self.folder / "h2.pem")
        self.refused("has a certificate already", *renew)
        self.call(*renew, "--same-key")
        keys = {run(["openssl", "x509", "-in", self.folder / n, "-noout", "-pubkey"]).stdout for n in ("h1.pem", "h2.pem")}
        self.assertEqual(len(keys), 1)
        self.refused("not issued that way", "renew", self.folder / "h1.pem", "--csr", ca.csr("x"), "--out", self.folder / "h3.pem")


class NextRoot(Place):
    def test_old_and_new_roots_vouch_for_each_other(self):  # R1.1, R1.2
        ca = self.ca(key_type="rsa-3072")
        ca.issue("mtms")
        self.call("init", "--next", "--token", ca.token.uri, "--key-type", "ec-p256")
        ca.issue("dc")
        one, two, both = (ca.dir / n for n in ("root-1.pem", "root-2.pem", "roots.pem"))
        self.assertEqual(ca.root.read_bytes(), two.read_bytes())
        crl = self.crl()
        self.assertEqual(crl.read_text().count("BEGIN X509 CRL"), 2)
        for cert, root, ok in (("mtms", one, True), ("mtms", two, False), ("dc", one, False), ("dc", two, True), ("mtms", both, True), ("dc", both, True)):
            self.assertEqual(self.verifies(ca.cert(cert), "-crl_check", "-CRLfile", crl, roots=root), ok, (cert, root))
        # Who knows one root only takes the other's certificates with the cross-certificate.
        self.assertTrue(self.verifies(ca.cert("dc"), "-untrusted", ca.dir / "cross-2-by-1.pem", roots=one))
        self.assertTrue(self.verifies(ca.cert("mtms"), "-untrusted", ca.dir / "cross-1-by-2.pem", roots=two))
        self.assertTrue(self.verifies(ca.cert("dc"), "-crl_check_all", "-CRLfile", crl, "-untrusted", ca.dir / "cross-2-by-1.pem", roots=one))
        names = {run(["openssl", "x509", "-in", r, "-noout", "-subject"]).stdout for r in (one, two)}
        self.assertEqual(len(names), 1)
        # The old root still issues for terminals that know no other.
        self.call("issue", "--root", "1", "--role", "opterm", "--name", "late", "--csr", ca.csr("late"), "--out", self.folder / "late.pem")
        self.assertTrue(self.verifies(self.folder / "late.pem", roots=one))
        self.call("revoke", self.folder / "late.pem", "--reason", "superseded")
        self.call("revoke", ca.cert("dc"), "--reason", "superseded")
        crl = self.crl()
        for cert, good in ((self.folder / "late.pem", False), (ca.cert("dc"), False), (ca.cert("mtms"), True)):
            self.assertEqual(self.verifies(cert, "-crl_check", "-CRLfile", crl, roots=both), good)
        self.refused("the name stays", "init", "--next", "--token", ca.token.uri, "--name", "Other", status=2)
        self.refused("no root 3", "issue", "--root", "3", "--role", "opterm", "--name", "l", "--csr", ca.csr("l3"), "--out", self.folder / "l3.pem")


class Interrupted(Place):
    def start(self, name):
        argv = [program("STRONGROOM_CA"), "issue", "--dir", self.authority.dir, "--role", "opterm", "--name", name, "--key-out",
                self.folder / f"{name}.key", "--out", self.folder / f"{name}.pem"]
        return subprocess.Popen([str(a) for a in argv], env=self.authority.token.env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

    def handed_out(self):
        return {run(["openssl", "x509", "-in", p, "-noout", "-serial"]).stdout.decode().strip().split("=")[1].lower()
                for p in pathlib.Path(str(self.folder / ".")).glob("n*.pem")}

    # With a token of ours: SoftHSMv2 writes its token's file at every login, and one that is killed or overtaken there leaves
    # a token that the next process does not see.
    def test_several_at_once_lose_and_double_nothing(self):
        self.ca(OwnToken(self.folder))
        started = [self.start(f"n{i}") for i in range(8)]
        said = [p.communicate(timeout=60)[1] for p in started]
        self.assertEqual([p.returncode for p in started], [0] * 8, said)
        serials = [r["serial"] for r in self.authority.rows("--role", "opterm")]
        self.assertEqual((len(serials), set(serials)), (8, self.handed_out()))

    def test_killed_at_any_moment_the_index_knows_what_left(self):
        self.ca(OwnToken(self.folder))
        began = time.monotonic()
        self.start("n-first").wait(60)
        whole = time.monotonic() - began
        for i in range(24):
            process = self.start(f"n{i}")
            if i % 4 == 3:  # a login that was cut off counts as a wrong PIN until a good one
                process.wait(60)
            else:
                time.sleep(random.uniform(0, whole))
                process.send_signal(signal.SIGKILL)
            process.communicate(timeout=60)
        last = self.start("n-last")
        said = last.communicate(timeout=60)[1]
        self.assertEqual((last.returncode, said), (0, b""))
        rows = self.authority.rows("--role", "opterm")
        serials = [r["serial"] for r in rows]
        self.assertEqual(len(serials), len(set(serials)))
        self.assertLessEqual(self.handed_out(), set(serials))
        for serial in serials:  # what was signed and never written is not lost
            self.assertIn(b"BEGIN CERTIFICATE", self.call("get", serial).stdout)
        self.assertEqual([r["name"] for r in rows][-1], "n-last")
        self.assertTrue(self.verifies(self.folder / "n-last.pem", "-crl_check", "-CRLfile", self.crl()))

    def test_full_disk_of_the_output_leaves_the_certificate_in_the_index(self):
        self.ca()
        done = self.call("issue", "--role", "opterm", "--name", "x", "--csr", self.authority.csr("x"), "--out", self.folder / "no/such/folder.pem", check=False)
        self.assertEqual(done.returncode, 1)
        serial = self.authority.rows("--role", "opterm")[0]["serial"]
        self.assertIn(f"get {serial}", done.stderr.decode())


class Programs(Place):
    def setUp(self):
        super().setUp()
        (self.folder / "bin").mkdir()
        for name in ("STRONGROOM", "STRONGROOM_CA", "OPTERM"):
            shutil.copy(program(name), self.folder / "bin")
        self.strongroom = str(self.folder / "bin" / "strongroom")

    def test_strongroom_ca_is_the_program_beside_it(self):
        ca = self.ca()
        same = [run([p, "list", "--dir", ca.dir]).stdout for p in (program("STRONGROOM_CA"),)]
        same.append(run([self.strongroom, "ca", "list", "--dir", ca.dir]).stdout)
        self.assertEqual(same[0], same[1])
        for argv, status in ((["ca", "list"], 2), (["ca", "get", "00" * 16, "--dir", ca.dir], 1), (["ca", "--help"], 0), (["opterm"], 2)):
            self.assertEqual(run([self.strongroom, *argv], check=False).returncode, status, argv)
        self.assertIn(b"strongroom-ca", run([self.strongroom, "ca", "--help"]).stdout)
        for argv in (["opterm", "--help"], ["opterm", "collect", "--help"], ["opterm", "collect", "--order", "O", "--help"]):
            self.assertIn(b"--scan FILE", run([self.strongroom, *argv]).stdout, argv)
        self.assertIn(b"stand behind it", run([self.strongroom, "--json", "ca", "list"], check=False).stderr)

    def test_terminal_signals_and_input_go_through(self):
        """exec: the same process, so that a signal to it is the program's."""
        fifo = self.folder / "fifo"
        os.mkfifo(fifo)
        ca = self.ca()
        process = subprocess.Popen([self.strongroom, "ca", "issue", "--dir", str(ca.dir), "--role", "opterm", "--name", "x", "--csr", str(fifo),
                                    "--out", str(self.folder / "x.pem")], env=ca.token.env, stderr=subprocess.PIPE)
        end = time.monotonic() + 60
        while b"strongroom-ca" not in pathlib.Path(f"/proc/{process.pid}/cmdline").read_bytes():
            self.assertLess(time.monotonic(), end)
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
        self.assertEqual(process.returncode, -signal.SIGTERM)

    def test_program_that_is_not_there_is_said(self):
        os.remove(self.folder / "bin" / "opterm")
        done = run([self.strongroom, "opterm", "--help"], check=False)
        self.assertEqual((done.returncode, done.stderr.decode().strip()), (1, "strongroom opterm: opterm is not installed beside strongroom"))


if __name__ == "__main__":
    unittest.main(verbosity=1)
