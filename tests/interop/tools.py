# SPDX-License-Identifier: BSD-2-Clause
"""What the tests of stock programs share: a private place, a token in it, programs run and judged."""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

MODULE = pathlib.Path(sys.argv[1]).resolve()
NOBODY = 65534
PIN = "user1234"
SO_PIN = "12345678"


def run(*args, env, data=b"", user=None):
    return subprocess.run([str(a) for a in args], input=data, capture_output=True, env=env, timeout=120, user=user,
                          group=user, extra_groups=[] if user else None)


class Tools(unittest.TestCase):
    def setUp(self):
        place = tempfile.TemporaryDirectory(prefix="strongroom-tools-")
        self.addCleanup(place.cleanup)
        self.top = pathlib.Path(place.name)
        self.env = {"PATH": os.environ["PATH"], "HOME": str(self.top), "XDG_CONFIG_HOME": str(self.top), "LC_ALL": "C",
                    "STRONGROOM_TOKEN_DIR": str(self.top / "tokens")}

    def ran(self, *args, data=b"", user=None, **more):
        return run(*args, env=dict(self.env, **more), data=data, user=user)

    def good(self, *args, data=b"", user=None, **more):
        ran = self.ran(*args, data=data, user=user, **more)
        self.assertEqual(ran.returncode, 0, f"{args}: {ran.stdout!r}{ran.stderr!r}")
        return ran.stdout

    def bad(self, *args, text, **more):
        ran = self.ran(*args, **more)
        self.assertNotEqual(ran.returncode, 0, args)
        self.assertIn(text, (ran.stdout + ran.stderr).decode())

    def tool(self, *args, **more):
        return self.good("pkcs11-tool", "--module", MODULE, *args, **more)

    def user(self, *args, **more):
        """pkcs11-tool, logged in."""
        return self.tool("--login", "--pin", PIN, *args, **more)

    def fresh(self, label="tools"):
        self.tool("--init-token", "--label", label, "--so-pin", SO_PIN)
        self.tool("--login", "--login-type", "so", "--so-pin", SO_PIN, "--init-pin", "--pin", PIN)

    def as_kit_user(self):
        """p11-kit passes over the configuration of root's home: its tests run as nobody then. Answers (user, module)."""
        user = NOBODY if os.geteuid() == 0 else None
        modules = self.top / "pkcs11" / "modules"
        modules.mkdir(parents=True)
        module = self.top / "module.so"
        shutil.copy(MODULE, module)
        (modules / "strongroom.module").write_text(f"module: {module}\n")
        if user:
            for at in [self.top, *self.top.rglob("*")]:
                os.chown(at, user, user)
        return user, module


def main():
    unittest.main(module="__main__", argv=sys.argv[:1])
