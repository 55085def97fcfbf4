# SPDX-License-Identifier: BSD-2-Clause
"""Tokens of another maker in the chain: SoftHSMv2, which PK and MAK reach by `strongroom transport`, under its RSA key and with
both officers present. No key stands in the clear anywhere. One more program: STRONGROOM.
"""
import json
import os

from factory import SOFTHSM, program, run


def softhsm_folder(folder, name):
    """A configuration of SoftHSMv2 with a folder for tokens of its own; its path."""
    tokens, conf = folder / f"{name}.softhsm", folder / f"{name}.softhsm.conf"
    tokens.mkdir(mode=0o700, exist_ok=True)
    conf.write_text(f"directories.tokendir = {tokens}\nobjectstore.backend = file\nlog.level = ERROR\n")
    return str(conf)


class SoftHsm:
    """A SoftHSMv2 token in a folder of its own, with a PIN of two parts."""

    name = "SoftHSM"

    def __init__(self, folder, label, custodians=()):
        del custodians  # it knows none
        self.folder, self.label, self.module = folder, label, SOFTHSM
        self.parts = ("2468", "1012")
        self.pin = "".join(self.parts)
        self.env = dict(os.environ, SOFTHSM2_CONF=softhsm_folder(folder, label))
        run(["softhsm2-util", "--init-token", "--free", "--label", label, "--so-pin", "13579", "--pin", self.pin], env=self.env)
        self.pin_file = secret(folder / f"{label}.pin", self.pin)
        self.uri = f"pkcs11:token={label}?module-path={self.module}&pin-source={self.pin_file}"


def secret(path, text):
    path.touch(mode=0o600)
    path.write_text(text + "\n")
    return path


def officer(token, *arguments):
    """The officer's command on this token; its answer."""
    argv = [program("STRONGROOM"), *arguments, "--module", token.module, "--token", token.label, "--json"]
    return json.loads(run(argv, env=token.env).stdout)


def carry(source, key, target, service):
    """PK or MAK from a strongroom token into one of another maker: fingerprint and check value as people would read them out."""
    folder = source.folder
    public, letter, proof = (folder / f"{key}-{target.label}.{end}" for end in ("pem", "transport", "source.pem"))
    receiver = officer(target, "transport", "request", "--pin-file", target.pin_file, "--out", public)
    custodians = []
    for name in ("anna", "bert"):
        pin = secret(folder / f"{source.label}-{name}.pin", "pin-5678")
        custodians += ["--custodian", name, "--custodian-pin-file", f"{name}={pin}"]
    sent = officer(source, "transport", "export", key, "--to", public, "--hash", "sha1", "--fingerprint",
                   receiver["fingerprint"], "--out", letter, "--pin-file", source.pin_file, *custodians)["sent"]
    proof.write_text(officer(source, "ceremony", "key")["statement_key"])
    parts = []
    for i, part in enumerate(target.parts):
        parts += ["--pin-part", secret(folder / f"{target.label}-part{i}.pin", part)]
    got = officer(target, "transport", "import", letter, "--key", proof, "--for", service, "--expect", sent["check_value"], *parts)
    assert got["check_value"] == sent["check_value"] and got["foreign"], got
