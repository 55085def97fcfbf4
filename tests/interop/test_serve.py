#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""`strongroom serve` and its client with stock programs, as two users, and who is let in.

usage: test_serve.py CLIENT MODULE STRONGROOM"""
import ctypes
import os
import pathlib
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
import unittest

from tools import MODULE as CLIENT, NOBODY, PIN, SO_PIN, Tools, main, run

MODULE, STRONGROOM = (pathlib.Path(a).resolve() for a in sys.argv[2:4])
KEEPER = 61234  # the user of the server, where we are root


class Serve(Tools):
    def setUp(self):
        super().setUp()
        self.top.chmod(0o755)
        self.socket = self.top / "sock"
        self.env["STRONGROOM_SOCKET"] = str(self.socket)
        self.log = self.top / "log"
        # Other users run them too, and the build may lie where they cannot look.
        (self.top / "bin").mkdir()
        self.program, self.module = (shutil.copy(at, self.top / "bin") for at in (STRONGROOM, MODULE))

    def start(self, *options, user=None, group=None, socket_path=None, **env):
        with self.log.open("wb") as log:
            server = subprocess.Popen([self.program, "serve", "--socket", socket_path or self.socket, "--module", self.module, *options],
                                      env=dict(self.env, **env), stdout=subprocess.PIPE, stderr=log, user=user, group=group,
                                      extra_groups=[] if user else None)
        self.addCleanup(self.stop, server)
        line = server.stdout.readline()
        self.assertTrue(line.startswith(b"ready serve socket="), self.log.read_text())
        return server

    def stop(self, server):
        """Ends as it should: nothing is left of it."""
        if server.poll() is None:
            server.send_signal(signal.SIGTERM)
        self.assertEqual(server.wait(30), 0)
        server.stdout.close()

    def cannot(self, *options, text, **more):
        self.bad(STRONGROOM, "serve", "--module", MODULE, *options, text=text, **more)

    def sign_and_verify(self, client, user=None):
        login = ("--login", "--pin", PIN)
        text, signature, public = (self.top / name for name in ("text", "signature", "public"))
        tool = ("pkcs11-tool", "--module", client, "--token-label", "tools")
        text.write_bytes(b"what is signed")
        self.good(*tool, *login, "--keypairgen", "--key-type", "rsa:2048", "--id", "01", "--usage-sign", user=user)
        public.write_bytes(self.good(*tool, "--read-object", "--type", "pubkey", "--id", "01", user=user))
        signature.touch()
        signature.chmod(0o666)
        self.good(*tool, *login, "--sign", "-m", "SHA256-RSA-PKCS", "--id", "01", "-i", text, "-o", signature, user=user)
        self.good("openssl", "dgst", "-sha256", "-keyform", "DER", "-verify", public, "-signature", signature, text)

    def test_stock_programs(self):
        server = self.start()
        self.fresh()
        self.sign_and_verify(CLIENT)
        done = self.ran("pkcs11-tool", "--module", CLIENT, "--token-label", "tools", "--login", "--pin", PIN, "--test")
        self.assertIn(b"No errors", done.stdout)
        self.assertIn(b"Label: tools", self.good("p11tool", "--provider", CLIENT, "--list-tokens"))
        self.assertIn(b"RSA-2048", self.good("p11tool", "--provider", CLIENT, "--list-all-privkeys", "--login", "--set-pin", PIN,
                                             "pkcs11:token=tools"))
        self.assertEqual(self.tool("-M").count(b"\n"), self.good("pkcs11-tool", "--module", MODULE, "-M").count(b"\n"))
        self.stop(server)
        self.assertFalse(self.socket.exists())
        self.bad("pkcs11-tool", "--module", CLIENT, "-L", text="CKR_GENERAL_ERROR")

    def test_the_officers_command(self):
        self.start()
        self.fresh()
        pin = self.top / "so"
        pin.write_text(SO_PIN + "\n")
        pin.chmod(0o600)
        uri = f"pkcs11:token=tools?module-path={CLIENT}&pin-source=file:{pin}"
        self.assertIn(b"raw-unwrap", self.good(STRONGROOM, "policy", "--json", "--uri", uri, "allow", "raw-unwrap"))
        self.assertIn(b"so", self.good(STRONGROOM, "users", "--json", "--uri", f"pkcs11:token=tools?module-path={CLIENT}"))

    def test_p11_kit(self):
        user, client = self.as_kit_user()
        self.start(user=user, group=user, socket_path=self.top / "sock")
        listed = self.good("p11-kit", "list-modules", user=user).decode()
        self.assertIn("library-description: strongroom soft HSM", listed)
        proxy = next(p for p in pathlib.Path("/usr/lib").rglob("p11-kit-proxy.so"))
        slots = self.good("pkcs11-tool", "--module", proxy, "-L", user=user).decode()
        self.assertIn("strongroom free slot", slots)

    def test_two_users(self):
        """The client's user has keys to use, and neither the files nor a way round the policy."""
        if os.geteuid() != 0:
            self.skipTest("two users need root")
        tokens = self.top / "tokens"
        tokens.mkdir(mode=0o700)
        run_dir = self.top / "run"
        run_dir.mkdir(mode=0o755)
        for at in (tokens, run_dir):
            os.chown(at, KEEPER, KEEPER)
        client = self.top / "client.so"
        shutil.copy(CLIENT, client)
        path = run_dir / "sock"
        self.env["STRONGROOM_SOCKET"] = str(path)
        self.start("--allow-user", str(NOBODY), "--allow-user", "0", user=KEEPER, group=KEEPER, socket_path=path,
                   STRONGROOM_POLICY="strict")
        self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o660)
        self.assertEqual(path.stat().st_uid, KEEPER)
        self.fresh()
        # Neither owner nor group of the socket: the kernel says no.
        self.bad("pkcs11-tool", "--module", client, "-L", user=NOBODY, text="CKR_GENERAL_ERROR")
        os.chown(path, KEEPER, NOBODY)
        self.sign_and_verify(client, user=NOBODY)
        data = next(tokens.rglob("data.mdb"))
        self.bad("cat", data, user=NOBODY, text="Permission denied")
        self.assertNotIn(b"tools", self.ran("pkcs11-tool", "--module", self.module, "-L", user=NOBODY).stdout)
        # What the policy forbids stays forbidden, whatever the client's environment says, and whatever the SO allows.
        pin = self.top / "so"
        pin.write_text(SO_PIN + "\n")
        pin.chmod(0o600)
        self.good(STRONGROOM, "policy", "--uri", f"pkcs11:token=tools?module-path={CLIENT}&pin-source=file:{pin}", "allow", "short-rsa")
        weak = ("pkcs11-tool", "--module", client, "--token-label", "tools", "--login", "--pin", PIN, "--keypairgen", "--key-type",
                "rsa:1024", "--id", "02")
        self.bad(*weak, user=NOBODY, text="CKR_KEY_SIZE_RANGE", STRONGROOM_POLICY="token", STRONGROOM_TOKEN_DIR=str(tokens))

    def test_who_is_not_on_the_list(self):
        self.start("--allow-user", "61235", "--allow-group", "61236")
        self.bad("pkcs11-tool", "--module", CLIENT, "-L", text="CKR_GENERAL_ERROR")
        told = self.ran("pkcs11-tool", "--module", CLIENT, "-L", STRONGROOM_LOG="stderr")
        self.assertIn(b"this user is not among those that the server serves", told.stderr)
        self.assertRegex(self.log.read_text(), rf"refused: user {os.geteuid()}, process \d+: is not allowed")

    def test_group_of_the_peer(self):
        if os.geteuid() != 0:
            self.skipTest("another group needs root")
        self.start("--allow-group", "61236")
        run_as = dict(env=self.env)
        bad = run("pkcs11-tool", "--module", CLIENT, "-L", **run_as)
        self.assertNotEqual(bad.returncode, 0)
        good = subprocess.run(["pkcs11-tool", "--module", CLIENT, "-L"], env=self.env, capture_output=True, extra_groups=[61236])
        self.assertEqual(good.returncode, 0, good.stderr)

    def test_the_server_is_not_who_it_should_be(self):
        self.start()
        conf = self.top / "strongroom" / "strongroom-client.conf"
        conf.parent.mkdir(exist_ok=True)
        conf.write_text("server_user = 61237\n")
        told = self.ran("pkcs11-tool", "--module", CLIENT, "-L", STRONGROOM_LOG="stderr")
        self.assertIn(b"the server is not of user 61237", told.stderr)
        conf.write_text(f"server_user = {os.geteuid()}\nsocket = {self.socket}\n")
        self.good("pkcs11-tool", "--module", CLIENT, "-L", STRONGROOM_SOCKET="")
        conf.write_text("channels = 0\n")
        told = self.ran("pkcs11-tool", "--module", CLIENT, "-L")
        self.assertIn(b"channels: a number from 1 to 48", told.stderr)

    def client_here(self):
        os.environ["STRONGROOM_SOCKET"] = str(self.socket)
        client = ctypes.CDLL(str(CLIENT))
        for name in ("C_Initialize", "C_Finalize", "C_GetSlotList"):
            getattr(client, name).restype = ctypes.c_ulong
        return client

    def test_limits_on_connections(self):
        self.start("--connections", "2", "--per-user", "1")
        client = self.client_here()
        self.assertEqual(client.C_Initialize(None), 0)
        told = self.ran("pkcs11-tool", "--module", CLIENT, "-L", STRONGROOM_LOG="stderr")
        self.assertIn(b"the server has as many connections as it may", told.stderr)
        self.assertEqual(client.C_Finalize(None), 0)
        self.tool("-L")

    def test_idle_connections_end(self):
        self.start("--idle", "1")
        client = self.client_here()
        count = ctypes.c_ulong()
        self.assertEqual(client.C_Initialize(None), 0)
        for _ in range(5):
            time.sleep(0.4)
            self.assertEqual(client.C_GetSlotList(0, None, ctypes.byref(count)), 0)
        time.sleep(3)
        self.assertEqual(client.C_GetSlotList(0, None, ctypes.byref(count)), 5)
        self.assertEqual(client.C_Finalize(None), 0)
        self.assertEqual(client.C_Initialize(None), 0)
        self.assertEqual(client.C_Finalize(None), 0)
        self.assertIn("it was idle", self.log.read_text())

    def test_socket_of_systemd(self):
        with socket.socket(socket.AF_UNIX) as listening, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notified:
            listening.bind(str(self.socket))
            listening.listen()
            notified.bind(str(self.top / "notify"))
            notified.settimeout(20)
            server = subprocess.Popen(["sh", "-c", f'exec 3<&{listening.fileno()}; LISTEN_PID=$$ LISTEN_FDS=1 exec "$@"', "sh", STRONGROOM,
                                       "serve", "--module", MODULE], pass_fds=[listening.fileno()], stdout=subprocess.PIPE,
                                      stderr=subprocess.DEVNULL, env=dict(self.env, NOTIFY_SOCKET=str(self.top / "notify")))
            self.addCleanup(self.stop, server)
            self.assertEqual(notified.recv(100), b"READY=1")
            self.tool("-L")
            self.stop(server)
            self.assertEqual(notified.recv(100), b"STOPPING=1")
            self.assertTrue(self.socket.exists())
        self.cannot(text="no --socket, and systemd handed no socket over")

    def test_places(self):
        self.cannot("--socket", self.top / ("x" * 108), text="at most 107 letters")
        self.cannot("--socket", self.top / "none" / "sock", text="No such file")
        (self.top / "file").touch()
        self.cannot("--socket", self.top / "file", text="is there and no socket")
        (self.top / "open").mkdir()
        (self.top / "open").chmod(0o777)
        self.cannot("--socket", self.top / "open" / "sock", text="others may write in that folder")
        self.cannot("--socket", self.socket, "--group", "no-such-group", text="no such group")
        self.assertFalse(self.socket.exists())
        self.cannot("--socket", self.socket, "--allow-user", "no-such-user", text="no such user")
        self.bad(STRONGROOM, "serve", "--module", "/none.so", "--socket", self.socket, text="/none.so")
        self.start()
        self.cannot("--socket", self.socket, text="another server listens there")
        with socket.socket(socket.AF_UNIX) as stale:
            stale.bind(str(self.top / "stale"))
        self.start(socket_path=self.top / "stale")
        self.tool("-L", STRONGROOM_SOCKET=str(self.top / "stale"))

    def test_the_client_has_no_keys_and_needs_no_libraries_for_them(self):
        needed = self.good("readelf", "-d", CLIENT).decode()
        self.assertNotRegex(needed, r"NEEDED.*(crypto|ssl|lmdb)")
        self.assertNotIn("EVP_", self.good("nm", "-D", CLIENT).decode())


if __name__ == "__main__":
    main()
