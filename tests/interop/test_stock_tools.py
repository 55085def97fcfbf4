#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Stock PKCS#11 programs on the module: pkcs11-tool, p11tool, p11-kit, openssl (R6.1, R6.5).

usage: test_stock_tools.py MODULE"""
import os

from tools import MODULE, PIN, SO_PIN, Tools, main, run


class StockTools(Tools):
    def test_unconfigured_module_is_silent(self):
        ran = run("pkcs11-tool", "--module", MODULE, "-L", env={k: v for k, v in self.env.items() if "TOKEN" not in k})
        self.assertEqual(ran.returncode, 0)
        self.assertIn(b"uninitialized", ran.stdout)
        self.assertEqual(ran.stderr, b"")

    def test_wrong_settings_are_named(self):
        conf = self.top / "strongroom.conf"
        conf.write_text("# mistyped\ntoken_dri = /nowhere\n")
        ran = run("pkcs11-tool", "--module", MODULE, "-L", env=dict(self.env, STRONGROOM_CONF=str(conf)))
        self.assertNotEqual(ran.returncode, 0)
        self.assertIn(b"strongroom.conf", ran.stderr)
        self.assertIn(b"token_dri", ran.stderr)

    def test_pins_with_pkcs11_tool(self):
        self.fresh()
        out = self.tool("-L").decode()
        self.assertRegex(out, r"token label\s+: tools\n")
        self.assertIn("PIN initialized", out)
        self.tool("--login", "--pin", PIN, "--change-pin", "--new-pin", "other4321")
        self.bad("pkcs11-tool", "--module", MODULE, "--login", "--pin", PIN, "-O", text="CKR_PIN_INCORRECT")
        self.assertIn("user PIN count low", self.tool("-L").decode())
        self.tool("--login", "--pin", "other4321", "-O")
        self.assertNotIn("user PIN count low", self.tool("-L").decode())
        self.bad("pkcs11-tool", "--module", MODULE, "--init-token", "--label", "x", "--so-pin", "87654321",
                 text="CKR_PIN_INCORRECT")

    def test_custodian_with_pkcs11_tool(self):
        self.fresh()
        self.tool("--login", "--login-type", "so", "--so-pin", SO_PIN, "--init-pin", "--pin", "alice:11111111")
        self.bad("pkcs11-tool", "--module", MODULE, "--login", "--pin", "alice:11111111", "-O", text="CKR_PIN_EXPIRED")
        self.tool("--login", "--pin", "alice:11111111", "--change-pin", "--new-pin", "alice:22222222")
        self.tool("--login", "--pin", "alice:22222222", "-O")

    def test_objects_with_pkcs11_tool(self):
        self.fresh()
        pin = ("--login", "--pin", PIN)
        self.tool(*pin, "--keypairgen", "--key-type", "rsa:2048", "--id", "01", "--label", "pair", "--usage-sign")
        self.tool(*pin, "--keygen", "--key-type", "AES:32", "--id", "02", "--label", "aes")
        note = self.top / "note"
        note.write_bytes(b"hello")
        self.tool(*pin, "--write-object", note, "--type", "data", "--label", "note")
        self.assertEqual(self.tool(*pin, "--read-object", "--type", "data", "--label", "note"), b"hello")
        key, cert = self.top / "key.pem", self.top / "cert.der"
        self.good("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-subj", "/CN=tools", "-out", cert,
                  "-outform", "DER")
        self.tool(*pin, "--write-object", cert, "--type", "cert", "--id", "03", "--label", "cert")
        self.assertEqual(self.tool("--read-object", "--type", "cert", "--id", "03"), cert.read_bytes())
        self.good("openssl", "pkcs8", "-topk8", "-nocrypt", "-in", key, "-outform", "DER", "-out", self.top / "key.der")
        self.tool(*pin, "--write-object", self.top / "key.der", "--type", "privkey", "--id", "03", "--label", "own",
                  "--usage-sign")
        listed = self.tool(*pin, "-O").decode()
        for label in "pair", "aes", "note", "cert", "own":
            self.assertRegex(listed, rf"label:\s+'?{label}'?\n")
        self.tool(*pin, "--delete-object", "--type", "secrkey", "--id", "02")
        self.assertNotRegex(self.tool(*pin, "-O").decode(), r"label:\s+aes\n")

    def test_signatures_verify_with_openssl(self):
        self.fresh()
        pin = ("--login", "--pin", PIN)
        self.tool(*pin, "--keypairgen", "--key-type", "rsa:2048", "--id", "01", "--label", "pair", "--usage-sign")
        text, der, sig = self.top / "text", self.top / "pub.der", self.top / "sig"
        text.write_bytes(b"what is signed")
        der.write_bytes(self.tool("--read-object", "--type", "pubkey", "--id", "01"))
        self.tool(*pin, "--sign", "--mechanism", "SHA256-RSA-PKCS", "--id", "01", "-i", text, "-o", sig)
        self.good("openssl", "dgst", "-sha256", "-keyform", "DER", "-verify", der, "-signature", sig, text)
        self.tool(*pin, "--sign", "--mechanism", "SHA256-RSA-PKCS-PSS", "--id", "01", "-i", text, "-o", sig)
        self.good("openssl", "dgst", "-sha256", "-keyform", "DER", "-verify", der, "-sigopt", "rsa_padding_mode:pss",
                  "-signature", sig, text)

    def test_own_test_of_pkcs11_tool(self):
        self.fresh()
        pin = ("--login", "--pin", PIN)
        self.tool(*pin, "--keypairgen", "--key-type", "rsa:2048", "--id", "01", "--label", "pair")
        self.assertIn(b"No errors", self.tool(*pin, "--test"))
        self.assertIn(b"AES-KEY-WRAP", self.tool("-M"))

    def test_p11tool(self):
        def tool(*args):
            return self.good("p11tool", "--provider", MODULE, *args, GNUTLS_PIN=PIN, GNUTLS_SO_PIN=SO_PIN).decode()

        self.assertEqual(tool("--list-token-urls").strip(), "")
        tool("--initialize", "pkcs11:", "--label", "gnu", "--set-so-pin", SO_PIN)
        url = tool("--list-token-urls").strip()
        self.assertRegex(url, r"^pkcs11:model=soft%20HSM;manufacturer=strongroom;serial=[0-9a-f]{16};token=gnu$")
        tool("--initialize-pin", url, "--set-pin", PIN, "--set-so-pin", SO_PIN)
        tool("--login", "--generate-privkey", "rsa", "--bits", "2048", "--label", "key", "--id", "0102", url)
        listed = tool("--login", "--list-all", url)
        self.assertIn("object=key;type=private", listed)
        self.assertIn("object=key;type=public", listed)
        tool("--login", "--test-sign", f"{url};object=key")
        tool("--login", "--write", "--secret-key", "000102030405060708090a0b0c0d0e0f", "--label", "sk", url)
        self.assertIn("object=sk;type=secret-key", tool("--login", "--list-all", url))
        tool("--login", "--batch", "--delete", f"{url};object=sk")
        self.assertNotIn("object=sk", tool("--login", "--list-all", url))

    def test_p11_kit_lists_the_token(self):
        user, module = self.as_kit_user()

        def as_user(*args):
            return self.good(*args, user=user).decode()

        as_user("pkcs11-tool", "--module", module, "--init-token", "--label", "kit", "--so-pin", SO_PIN)
        listed = as_user("p11-kit", "list-modules")
        self.assertRegex(listed, r"strongroom: \S*module\.so")
        self.assertRegex(listed, r"token: kit\s")
        self.assertRegex(listed, r"serial-number: [0-9a-f]{16}")

    def test_only_pkcs11_functions_are_exported(self):
        lines = self.good("nm", "-D", "--defined-only", MODULE).decode().splitlines()
        names = [line.split()[-1] for line in lines]
        self.assertEqual([n for n in names if not n.startswith("C_")], [])
        self.assertEqual(len(names), 104)

    def test_directory_of_tokens_is_private(self):
        self.fresh()
        tokens = self.top / "tokens"
        for at in [tokens, *tokens.rglob("*")]:
            self.assertEqual(at.stat().st_mode & 0o077, 0, at)


if __name__ == "__main__":
    main()
