# SPDX-License-Identifier: BSD-2-Clause
"""The token in which a test's CA keeps its root key: SoftHSMv2, in a folder of its own."""
import os
import pathlib
import subprocess

MODULE = "/usr/lib/softhsm/libsofthsm2.so"
PIN = "24681012"


class CaToken:
    """env: for programs that use it; uri: of the token, with pin-source."""

    def __init__(self, folder, label="CA"):
        folder = pathlib.Path(folder)
        (folder / "ca-token").mkdir()
        conf = folder / "ca-token.conf"
        conf.write_text(f"directories.tokendir = {folder / 'ca-token'}\nobjectstore.backend = file\nlog.level = ERROR\n")
        self.env = dict(os.environ, SOFTHSM2_CONF=str(conf))
        subprocess.run(["softhsm2-util", "--init-token", "--free", "--label", label, "--so-pin", "13579", "--pin", PIN],
                       env=self.env, check=True, capture_output=True, timeout=60)
        self.pin = PIN
        self.pin_file = folder / "ca-token.pin"
        self.pin_file.write_text(PIN + "\n")
        self.pin_file.chmod(0o600)
        self.uri = f"pkcs11:token={label}?module-path={MODULE}&pin-source={self.pin_file}"
