#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""`strongroom import`, from a real SoftHSMv2, through PKCS#11 and from its object files, and from a database of NSS.
test_import.py MODULE STRONGROOM"""
import json
import pathlib
import shutil
import sys

import tools

STRONGROOM = pathlib.Path(sys.argv[2]).resolve()
SOFTHSM = next((p for p in ("/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so")
                if pathlib.Path(p).exists()), None)
THEIR_PIN = "57201846"
DATA = b"thirty-two bytes of known data!!"


class Import(tools.Tools):
    def setUp(self):
        super().setUp()
        self.assertIsNotNone(SOFTHSM, "SoftHSMv2 is not installed")
        self.fresh()
        self.tokens = self.top / "softhsm"
        self.tokens.mkdir()
        conf = self.top / "softhsm2.conf"
        conf.write_text(f"directories.tokendir = {self.tokens}\nobjectstore.backend = file\nlog.level = ERROR\n")
        self.env["SOFTHSM2_CONF"] = str(conf)
        self.softhsm("--init-token", "--free", "--label", "theirs", "--so-pin", "87654321", "--pin", THEIR_PIN)
        self.ours = self.secret_file("ours", tools.PIN)
        self.theirs = self.secret_file("theirs", THEIR_PIN)

    def secret_file(self, name, text):
        path = self.top / name
        path.write_text(text + "\n")
        path.chmod(0o600)
        return path

    def softhsm(self, *args):
        return self.good("softhsm2-util", *args)

    def their(self, *args):
        return self.good("pkcs11-tool", "--module", SOFTHSM, "--token-label", "theirs", "--login", "--pin", THEIR_PIN, *args)

    def fill(self):
        """Keys of all kinds in SoftHSMv2: such as it shows, such as leave wrapped, such as never leave."""
        self.their("--keypairgen", "--key-type", "rsa:2048", "--label", "rsa", "--id", "01")
        self.their("--keypairgen", "--key-type", "EC:prime256v1", "--label", "ec", "--id", "02", "--usage-sign")
        self.their("--keygen", "--key-type", "aes:32", "--label", "shown", "--id", "11", "--extractable",
                   "--usage-decrypt")
        self.their("--keygen", "--key-type", "aes:16", "--label", "wrapped", "--id", "12", "--sensitive", "--extractable",
                   "--usage-decrypt", "--private")
        self.their("--keygen", "--key-type", "aes:24", "--label", "bound", "--id", "13", "--sensitive", "--usage-decrypt",
                   "--private")
        (self.top / "data").write_bytes(DATA)
        self.their("--write-object", self.top / "data", "--type", "data", "--label", "note", "--private")

    def run_import(self, *words, pin=None, bad=None):
        args = [STRONGROOM, "import", "--json", "--uri",
                f"pkcs11:token=tools?module-path={tools.MODULE}&pin-source=file:{self.ours}",
                "--from-pin-file", pin or self.theirs, *words]
        ran = self.ran(*args)
        if bad is not None:
            self.assertNotEqual(ran.returncode, 0, ran.stdout)
            self.assertIn(bad, (ran.stdout + ran.stderr).decode())
            return None
        self.assertIn(ran.returncode, (0, 3), ran.stderr)
        lines = json.loads(ran.stdout)["objects"]
        self.assertEqual(ran.returncode, 3 if any(line["result"] == "left" for line in lines) else 0)
        return lines

    def from_token(self, *words, **more):
        return self.run_import("--from", f"pkcs11:token=theirs?module-path={SOFTHSM}", *words, **more)

    def from_dir(self, *words, **more):
        return self.run_import("--softhsm-dir", self.tokens, *words, **more)

    def line(self, lines, text):
        found = [line for line in lines if text in line["name"]]
        self.assertEqual(len(found), 1, (text, lines))
        return found[0]

    def crypt(self, tool, id, mechanism, iv):
        where = self.top / "crypt"
        (self.top / "plain").write_bytes(DATA)
        tool("--encrypt", "--id", id, "-m", mechanism, "--iv", iv, "-i", self.top / "plain", "-o", where)
        return where.read_bytes()

    def same_key(self, id, mechanism="AES-CBC", iv="00" * 16):
        self.assertEqual(self.crypt(self.user, id, mechanism, iv), self.crypt(self.their, id, mechanism, iv))

    def signature_is_theirs(self, id, mechanism):
        """Ours signs, SoftHSMv2 verifies with the public key that stayed there."""
        (self.top / "plain").write_bytes(DATA)
        self.user("--sign", "--id", id, "-m", mechanism, "-i", self.top / "plain", "-o", self.top / "signature")
        said = self.their("--verify", "--id", id, "-m", mechanism, "-i", self.top / "plain", "--signature-file",
                          self.top / "signature")
        self.assertIn(b"Signature is valid", said)

    def test_keys_come_through_pkcs11_as_far_as_they_may(self):
        self.fill()
        lines = self.from_token("--without", "wrap,unwrap")
        for name in ("AES secret key 'shown'", "AES secret key 'wrapped'", "RSA public key", "EC public key", "data 'note'"):
            self.assertEqual(self.line(lines, name)["result"], "imported", lines)
        # pkcs11-tool makes private keys of SoftHSMv2 that do not leave.
        for name in ("RSA private key 'rsa'", "EC private key 'ec'", "AES secret key 'bound'"):
            left = self.line(lines, name)
            self.assertEqual(left["result"], "left")
            self.assertIn("CKA_EXTRACTABLE is false", left["why"])
        self.same_key("11")
        self.same_key("12")
        shown = self.user("--list-objects", "--type", "secrkey").decode()
        self.assertIn("sensitive, extractable", shown)
        self.assertNotIn(", wrap", shown)

    def test_object_files_bring_what_may_not_leave(self):
        self.fill()
        lines = self.from_dir("--without", "wrap,unwrap")
        self.assertTrue(all(line["result"] == "imported" for line in lines), lines)
        self.assertEqual(len(lines), 8)
        self.same_key("11")
        self.same_key("12")
        self.same_key("13")
        self.signature_is_theirs("01", "SHA256-RSA-PKCS")
        self.signature_is_theirs("02", "ECDSA")
        self.user("--read-object", "--type", "data", "--label", "note", "-o", self.top / "back")
        self.assertEqual((self.top / "back").read_bytes(), DATA)
        shown = self.user("--list-objects", "--type", "secrkey").decode()
        bound = next(text for text in shown.split("Secret Key Object") if "bound" in text)
        self.assertIn("Access:     sensitive\n", bound)

    def test_a_second_import_takes_what_is_missing(self):
        self.fill()
        self.from_token("--without", "wrap,unwrap")
        lines = self.from_dir("--without", "wrap,unwrap")
        self.assertEqual(sum(line["result"] == "there" for line in lines), 5)
        self.assertEqual(sum(line["result"] == "imported" for line in lines), 3)
        self.assertEqual({line["result"] for line in self.from_dir("--without", "wrap,unwrap")}, {"there"})

    def test_bulk_names_the_one_that_is_refused(self):
        self.fill()
        # Bytes that are no DES key: their parity is even.
        (self.top / "tdes").write_bytes(bytes(range(24)))
        self.their("--write-object", self.top / "tdes", "--type", "secrkey", "--key-type", "DES3:24", "--label", "even",
                   "--id", "14", "--sensitive", "--private")
        lines = self.from_dir("--bulk", "100", "--without", "wrap,unwrap")
        left = self.line(lines, "TDES secret key 'even'")
        self.assertEqual(left["result"], "left")
        self.assertIn("CKR_ATTRIBUTE_VALUE_INVALID", left["why"])
        self.assertEqual(sum(line["result"] == "imported" for line in lines), 8)

    def test_bulk_of_many(self):
        for i in range(30):
            self.their("--write-object", self.secret_file("object", f"object {i}"), "--type", "data", "--label", f"many {i}")
        lines = self.from_dir("--bulk", "7")
        self.assertEqual([line["result"] for line in lines], ["imported"] * 30)
        self.assertEqual(self.user("--list-objects", "--type", "data").count(b"many "), 30)

    def test_damaged_files_stay_and_the_others_come(self):
        self.fill()
        folder = next(self.tokens.iterdir())
        objects = sorted(p for p in folder.glob("*.object") if p.name != "token.object")
        objects[0].write_bytes(objects[0].read_bytes()[:-9])
        objects[1].write_bytes(b"")
        objects[2].write_bytes(b"\xff" * 200)
        lines = self.from_dir("--without", "wrap,unwrap")
        left = [line for line in lines if line["result"] == "left"]
        self.assertEqual(len(left), 3)
        for line in left:
            self.assertTrue(line["name"].endswith(".object"))
        self.assertEqual(sum(line["result"] == "imported" for line in lines), 5)

    def test_every_cut_and_many_flips_of_a_file_are_survived(self):
        self.their("--keygen", "--key-type", "aes:16", "--label", "cut", "--id", "12", "--sensitive", "--private")
        folder = next(self.tokens.iterdir())
        path = next(p for p in folder.glob("*.object") if p.name != "token.object")
        whole = path.read_bytes()
        for n in range(0, len(whole), 97):
            path.write_bytes(whole[:n])
            self.assertEqual(len(self.from_dir()), 1)
        for n in range(8, len(whole), 101):
            path.write_bytes(whole[:n] + bytes([whole[n] ^ 0x80]) + whole[n + 1:])
            self.assertEqual(len(self.from_dir()), 1)

    def test_refusals(self):
        self.fill()
        wrong = self.secret_file("wrong", "00000000")
        self.from_dir(pin=wrong, bad="not the user PIN")
        self.run_import("--softhsm-dir", self.top / "nowhere", bad="No such file")
        self.run_import("--softhsm-dir", self.top / "tokens", bad="no token of SoftHSMv2")
        self.from_dir("--softhsm-token", "other", bad="of this label")
        self.softhsm("--init-token", "--free", "--label", "second", "--so-pin", "87654321", "--pin", THEIR_PIN)
        self.from_dir(bad="several tokens")
        self.assertTrue(self.from_dir("--softhsm-token", "theirs", "--without", "wrap,unwrap"))
        self.run_import(bad="--from")
        self.from_dir("--from", "pkcs11:token=x", bad="--from")
        self.from_dir("--without", "nonsense", bad="nonsense")
        self.from_dir("--bulk", "0", bad="--bulk")
        self.from_token(pin=wrong, bad="CKR_PIN_INCORRECT")
        before = self.user("--list-objects")
        self.assertEqual(before, self.user("--list-objects"))

    def test_no_value_of_a_key_is_told(self):
        value = "00112233445566778899aabbccddeeff"
        self.softhsm("--show-slots")
        key = self.top / "key"
        key.write_bytes(bytes.fromhex(value))
        self.their("--write-object", key, "--type", "secrkey", "--key-type", "aes:16", "--label", "told", "--id", "15",
                   "--sensitive", "--private")
        ran = self.ran(STRONGROOM, "import", "--json", "--uri",
                       f"pkcs11:token=tools?module-path={tools.MODULE}&pin-source=file:{self.ours}", "--from-pin-file",
                       self.theirs, "--softhsm-dir", self.tokens)
        said = ran.stdout + ran.stderr
        self.assertIn(b"told", said)
        for secret in (bytes.fromhex(value), value.encode(), value.upper().encode(), THEIR_PIN.encode()):
            self.assertNotIn(secret, said)
        for path in (self.top / "tokens").rglob("*"):
            if path.is_file():
                self.assertNotIn(bytes.fromhex(value), path.read_bytes())

    def test_a_damaged_token_takes_nothing(self):
        self.fill()
        (self.top / "large").write_bytes(bytes(4900))
        self.user("--write-object", self.top / "large", "--type", "data", "--label", "large")
        path = next((self.top / "tokens").glob("*/data.mdb"))
        pages = bytearray(path.read_bytes())
        # What goes on from the page before has no number of its own: the large object.
        for at in range(2 * 4096, len(pages), 4096):
            if any(pages[at:at + 4096]) and int.from_bytes(pages[at:at + 8], "little") != at // 4096:
                pages[at + 300] ^= 0x55
        path.write_bytes(pages)
        self.from_dir(bad="the token is damaged")

    def test_nss_gives_its_private_keys_wrapped(self):
        self.secret_file("noise", "noise" * 50)
        (self.top / "db").mkdir()
        for name, kind in (("rsa", ("-k", "rsa", "-g", "2048")), ("ec", ("-k", "ec", "-q", "nistp256"))):
            if name == "rsa":
                self.good("certutil", "-N", "-d", f"sql:{self.top}/db", "-f", self.theirs)
            self.good("certutil", "-S", "-d", f"sql:{self.top}/db", "-f", self.theirs, "-n", name, "-s", f"CN={name}", "-x", "-t",
                      "u,u,u", "-m", "7", "-z", self.top / "noise", *kind)
            self.good("openssl", "x509", "-pubkey", "-noout", "-out", self.top / f"{name}.pem", data=self.good(
                "certutil", "-L", "-d", f"sql:{self.top}/db", "-n", name, "-a"))
        user, module = self.as_kit_user()
        modules = self.top / "pkcs11" / "modules"
        nss = next(pathlib.Path("/usr/lib").glob("*/libsoftokn3.so"))
        (modules / "nss.module").write_text(
            f"module: {nss}\nx-init-reserved: configdir='sql:{self.top}/db' certPrefix='' keyPrefix='' secmod='secmod.db' flags=readOnly\n")
        (modules / "strongroom.module").unlink()
        program = self.top / "program"
        shutil.copy(STRONGROOM, program)
        lines = json.loads(self.good(
            program, "import", "--json", "--uri", f"pkcs11:token=tools?module-path={module}", "--pin-file", self.ours, "--from",
            "pkcs11:token=NSS%20Certificate%20DB?module-name=nss", "--from-pin-file", self.theirs, user=user))["objects"]
        self.assertEqual({line["result"] for line in lines}, {"imported"})
        self.assertEqual(sorted(line["name"].split(" id ")[0] for line in lines),
                         ["EC private key ''", "EC public key ''", "RSA private key ''", "RSA public key ''", "certificate 'ec'",
                          "certificate 'rsa'"])
        (self.top / "plain").write_bytes(DATA)
        for name, mechanism, form in (("rsa", "SHA256-RSA-PKCS", ()), ("ec", "ECDSA-SHA256", ("--signature-format", "openssl"))):
            id = next(line["name"] for line in lines if line["name"].startswith(f"certificate '{name}'")).split(" id ")[1]
            self.good("pkcs11-tool", "--module", module, "--login", "--pin", tools.PIN, "--sign", "--id", id, "-m", mechanism, *form,
                      "-i", self.top / "plain", "-o", self.top / f"{name}.sig", user=user)
            self.good("openssl", "dgst", "-sha256", "-verify", self.top / f"{name}.pem", "-signature", self.top / f"{name}.sig",
                      self.top / "plain")


tools.main()
