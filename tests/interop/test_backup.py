#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""`strongroom backup`, `restore`. test_backup.py MODULE STRONGROOM"""
import json
import os
import pathlib
import pty
import signal
import struct
import subprocess
import sys
import time

import tools

STRONGROOM = pathlib.Path(sys.argv[2]).resolve()
PASSPHRASE = "correct horse battery staple"


class Backup(tools.Tools):
    def setUp(self):
        super().setUp()
        self.fresh()
        self.so = self.secret("so", tools.SO_PIN)
        self.pin = self.secret("pin", tools.PIN)
        self.key = self.secret("passphrase", PASSPHRASE)
        self.file = self.top / "tools.backup"
        self.other = {"STRONGROOM_TOKEN_DIR": str(self.top / "elsewhere")}
        self.user("--keygen", "--key-type", "aes:32", "--label", "kept", "--id", "01", "--sensitive")

    def secret(self, name, text):
        path = self.top / name
        path.write_text(text + "\n")
        path.chmod(0o600)
        return path

    def command(self, *words, **more):
        return self.ran(STRONGROOM, *words, "--module", tools.MODULE, **more)

    def json(self, *words, code=0, **more):
        ran = self.command(*words, "--json", **more)
        self.assertEqual(ran.returncode, code, f"{words}: {ran.stdout!r}{ran.stderr!r}")
        return json.loads(ran.stdout)

    def refused(self, *words, text, code=1, **more):
        ran = self.command(*words, **more)
        self.assertEqual(ran.returncode, code, f"{words}: {ran.stdout!r}{ran.stderr!r}")
        self.assertIn(text, ran.stderr.decode())

    def backup(self, *words, out=None):
        return self.json("backup", "--out", out or self.file, "--so-pin-file", self.so, *words)

    def by_passphrase(self):
        return self.backup("--passphrase-file", self.key)

    def by_shares(self, which="2/3", name="shares", out=None):
        place = self.top / name
        place.mkdir()
        made = self.backup("--shares", which, "--share-dir", place, out=out)
        return made, made["share_files"]

    def restore_words(self, file=None):
        return ["restore", "--in", file or self.file, "--so-pin-file", self.so]

    def nothing_there(self):
        place = pathlib.Path(self.other["STRONGROOM_TOKEN_DIR"])
        self.assertEqual(list(place.iterdir()) if place.exists() else [], [])

    def test_a_token_comes_back(self):
        made = self.by_passphrase()
        self.assertEqual(made["token"], "tools")
        self.assertEqual(made["sealed"], "passphrase")
        self.assertEqual(made["bytes"], self.file.stat().st_size)
        self.assertEqual(self.file.stat().st_mode & 0o777, 0o600)
        self.assertEqual([p.name for p in self.top.iterdir() if ".part" in p.name], [])
        back = self.json(*self.restore_words(), "--passphrase-file", self.key, **self.other)
        self.assertTrue(back["restored"])
        self.assertEqual(back["serial"], made["serial"])
        self.assertEqual(back["findings"], [])
        self.assertEqual([p.name for p in (self.top / "elsewhere").iterdir()], [made["serial"]])
        listed = self.user("--list-objects", "--type", "secrkey", **self.other).decode()
        self.assertIn("kept", listed)
        self.assertIn("copy", self.json("list", "tokens", **self.other)["tokens"][0]["flags"])
        self.assertNotIn("copy", self.json("list", "tokens")["tokens"][0]["flags"])
        self.refused(*self.restore_words(), "--passphrase-file", self.key, text="there already", **self.other)
        self.assertEqual([p.name for p in (self.top / "elsewhere").iterdir()], [made["serial"]])
        self.refused(*self.restore_words(), "--passphrase-file", self.key, text="there already")

    def test_dual_control_of_restoring_wants_two_of_the_council(self):
        def custodian(name):
            own = f"{name}-{name}-{name}"
            self.tool("--login", "--login-type", "so", "--so-pin", tools.SO_PIN, "--init-pin", "--pin", f"{name}:first1234")
            self.tool("--login", "--pin", f"{name}:first1234", "--change-pin", "--new-pin", f"{name}:{own}")
            return "--custodian", f"{name}={self.secret(name, own)}"
        alice, bob = custodian("alice"), custodian("bob")
        self.assertEqual(self.json("dual", "on", "restore", "--so-pin-file", self.so)["asks"], ["restore"])
        carol = custodian("carol")
        self.by_passphrase()
        words = ["restore", "--in", self.file, "--passphrase-file", self.key]
        for who in ("--so-pin-file", self.so), (*alice, *carol), alice:
            self.refused(*words, *who, text="asks for two custodians", **self.other)
            self.nothing_there()
        self.assertTrue(self.json(*words, *alice, *bob, **self.other)["restored"])
        self.assertEqual(self.json("dual", "--so-pin-file", self.so, **self.other)["asks"], ["restore"])

    def test_restoring_binds_to_the_host(self):
        """As making a token does, where the settings name a host secret."""
        self.by_passphrase()
        secret = self.top / "host"
        secret.write_bytes(os.urandom(32))
        secret.chmod(0o600)
        conf = self.top / "strongroom.conf"
        conf.write_text(f"host_secret = {secret}\n")
        bound = dict(self.other, STRONGROOM_CONF=str(conf))
        self.assertTrue(self.json(*self.restore_words(), "--passphrase-file", self.key, **bound)["restored"])
        self.assertLessEqual({"copy", "host-bound"}, set(self.json("list", "tokens", **bound)["tokens"][0]["flags"]))
        self.assertIn("kept", self.user("--list-objects", "--type", "secrkey", **bound).decode())
        self.assertTrue(self.json("verify", "--pin-file", self.pin, **bound)["whole"])
        # Without the secret nobody logs in, and no try is lost by it.
        self.refused("verify", "--pin-file", self.pin, text="CKR_DEVICE_ERROR", **self.other)
        tries = self.json("users", **bound)["users"]
        self.assertEqual({user["tries_left"] for user in tries}, {tries[0]["tries"]})
        # Not a byte of what the PIN alone opens is left in the file: the sealed keys of the source stand in no page of it.
        old = (next((self.top / "tokens").iterdir()) / "data.mdb").read_bytes()
        new = (next((self.top / "elsewhere").iterdir()) / "data.mdb").read_bytes()
        records = self.wrapped(old)
        self.assertEqual(len(records), 2)
        for record in records:
            self.assertNotIn(record, new)
        self.assertTrue(self.json(*self.restore_words(), "--passphrase-file", self.key, STRONGROOM_TOKEN_DIR=str(self.top / "third"))["restored"])
        third = (next((self.top / "third").iterdir()) / "data.mdb").read_bytes()
        self.assertTrue(all(record in third for record in records))

    def wrapped(self, data):
        """What PINs open, of the users' records in a file: 60 bytes behind their length, before a MAC."""
        found = set()
        for base in range(0, len(data) - 4095, 4096):
            flags, lower = struct.unpack_from("<HH", data, base + 10)
            if flags != 2 or lower < 18 or lower > 4096:
                continue
            for at in struct.unpack_from(f"<{(lower - 16) // 2}H", data, base + 16):
                if at + 8 > 4096:
                    continue
                size, _, kind, key = struct.unpack_from("<HHHH", data, base + at)
                value = data[base + at + 8 + key:base + at + 8 + key + size]
                if kind == 0 and key == 16 and size > 100 and value[2:18] == data[base + at + 8:base + at + 24] and value[-78:-76] == b"\0\x3c":
                    found.add(value[-76:-16])
        return found

    def test_shares_any_two_of_three(self):
        made, files = self.by_shares()
        self.assertEqual([made["needed"], made["shares"], len(files)], [2, 3, 3])
        for file in files:
            self.assertEqual(os.stat(file).st_mode & 0o777, 0o600)
        self.refused(*self.restore_words(), "--share-file", files[0], text="1 more of the shares are needed: 2 of 3", **self.other)
        self.refused(*self.restore_words(), "--share-file", files[1], "--share-file", files[1], text="given already", **self.other)
        self.nothing_there()
        words = ["--share-file", files[2], "--share-file", files[0]]
        self.assertTrue(self.json(*self.restore_words(), *words, **self.other)["restored"])

    def test_share_with_a_typo_is_named(self):
        _, files = self.by_shares()
        text = pathlib.Path(files[1]).read_text()
        at = 6 * 4 + 1  # the second letter of group 5
        typo = self.secret("typo", text[:at] + ("7" if text[at] != "7" else "8") + text[at + 1:107])
        self.refused(*self.restore_words(), "--share-file", files[0], "--share-file", typo, text=f"{typo}: mistyped in group 5 of 18",
                     **self.other)
        short = self.secret("short", text[:60])
        self.refused(*self.restore_words(), "--share-file", short, text=f"{short}: mistyped in group 11", **self.other)
        loose = self.secret("loose", text[:107].lower().replace("-", " ").replace("0", "o"))
        self.assertTrue(self.json(*self.restore_words(), "--share-file", files[0], "--share-file", loose, **self.other)["restored"])

    def test_shares_of_two_backups_do_not_mix(self):
        made, files = self.by_shares()
        _, others = self.by_shares(name="others", out=self.top / "second.backup")
        self.refused(*self.restore_words(), "--share-file", files[0], "--share-file", others[1],
                     text=f"a share of another backup; those of this one are of set {made['set']}", **self.other)
        self.refused(*self.restore_words(), "--passphrase-file", self.key, text="sealed under shares", code=2, **self.other)
        self.nothing_there()

    def test_wrong_keys_and_pins_leave_nothing(self):
        self.by_passphrase()
        wrong = self.secret("wrong", PASSPHRASE + "r")
        self.refused(*self.restore_words(), "--passphrase-file", wrong, text="not the one of this backup", **self.other)
        self.refused("restore", "--in", self.file, "--so-pin-file", wrong, "--passphrase-file", self.key,
                     text="CKR_PIN_INCORRECT", **self.other)
        self.refused("restore", "--in", self.file, "--custodian", f"alice={wrong}", "--passphrase-file", self.key,
                     text="The PIN of custodian alice", **self.other)
        self.nothing_there()

    def test_files_that_are_no_backup(self):
        self.by_passphrase()
        good = self.file.read_bytes()
        bad = self.top / "bad.backup"
        cases = [(b"", "empty"), (good[:100], "cut off"), (b"SRBX" + good[4:], "no backup of strongroom"), (b"x" * 5000, "no backup of"),
                 (good[:20] + b"!" + good[21:], "damaged in its header"), (good + b"x", "longer than the backup"),
                 (good[:-1], "cut off"), (good[:len(good) // 2], "cut off"),
                 (good[:-1] + bytes([good[-1] ^ 1]), "damaged, or put together")]
        for data, text in cases:
            bad.write_bytes(data)
            self.refused(*self.restore_words(bad), "--passphrase-file", self.key, text=text, **self.other)
            self.nothing_there()
        self.refused(*self.restore_words(self.top / "none"), "--passphrase-file", self.key, text="No such file", **self.other)

    def test_wrong_usage(self):
        self.by_passphrase()
        so = ["--so-pin-file", self.so]
        self.refused("backup", *so, text="--out FILE", code=2)
        self.refused("backup", "--out", self.file, "--passphrase-file", self.key, *so, text="something is there already", code=2)
        free = self.top / "free.backup"
        self.refused("backup", "--out", free, "--passphrase-file", self.key, "--shares", "2/3", *so, text="one of them", code=2)
        for shares in ["1/3", "4/3", "2/17", "2", "2/3x", "x"]:
            self.refused("backup", "--out", free, "--shares", shares, *so, text="N/M", code=2)
        self.refused("backup", "--out", free, "--passphrase-file", self.secret("s", "short"), *so, text="12 letters at least", code=2)
        self.refused("backup", "--out", free, "--passphrase-file", self.key, "--so-pin-file", self.pin, text="CKR_PIN_INCORRECT")
        self.refused("backup", "--out", self.top / "no" / "where", "--passphrase-file", self.key, *so, text="No such file")
        self.refused("restore", *so, text="--in FILE", code=2)
        self.assertFalse(free.exists())

    def small_disk(self, name, size):
        """A file system of so many bytes; skips where none can be mounted."""
        place = self.top / name
        place.mkdir(mode=0o700)
        ran = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=700", "none", place], capture_output=True)
        if ran.returncode:
            self.skipTest(f"no file system can be mounted here: {ran.stderr.decode().strip()}")
        self.addCleanup(subprocess.run, ["umount", place], check=True)
        return place

    def test_full_disk_leaves_no_file(self):
        self.by_passphrase()
        small = self.small_disk("small", 16384)
        self.refused("backup", "--out", small / "b", "--passphrase-file", self.key, "--so-pin-file", self.so, text="No space left")
        self.refused("backup", "--out", small / "b", "--shares", "2/3", "--share-dir", small, "--so-pin-file", self.so, text="No space left")
        self.assertEqual(list(small.iterdir()), [])
        # From no room for a chunk to room for all but what LMDB writes at the end.
        for kib in [16, 40, 64, 128, 400, 700]:
            small = self.small_disk(f"small{kib}", kib << 10)
            ran = self.command(*self.restore_words(), "--passphrase-file", self.key, STRONGROOM_TOKEN_DIR=str(small))
            if ran.returncode:
                self.assertIn("The disk is full", ran.stderr.decode())
                self.assertEqual(list(small.iterdir()), [])
            else:
                self.assertGreaterEqual(kib, 400)
                self.assertIn("kept", self.user("--list-objects", "--type", "secrkey", STRONGROOM_TOKEN_DIR=str(small)).decode())

    def test_killed_restores_leave_nothing_that_counts(self):
        made = self.by_passphrase()
        place = pathlib.Path(self.other["STRONGROOM_TOKEN_DIR"])
        words = [str(STRONGROOM), *map(str, self.restore_words()), "--passphrase-file", str(self.key), "--module", str(tools.MODULE)]
        came = 0
        for i in range(30):
            run = subprocess.Popen(words, env=dict(self.env, **self.other), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(0.05 * i)
            run.send_signal(signal.SIGKILL)
            run.wait()
            deadline = time.time() + 10
            while time.time() < deadline and self.children_of(words):
                time.sleep(0.02)
            there = [p.name for p in place.iterdir()] if place.exists() else []
            listed = self.json("list", "tokens", **self.other)["tokens"]
            if made["serial"] in there:
                came += 1
                self.assertEqual([t["serial"] for t in listed], [made["serial"]])
                self.assertIn("kept", self.user("--list-objects", "--type", "secrkey", **self.other).decode())
                break
            self.assertEqual(listed, [])
        if not came:
            self.assertTrue(self.json(*self.restore_words(), "--passphrase-file", self.key, **self.other)["restored"])
        left = [p.name for p in place.iterdir() if p.name != made["serial"]]
        self.assertTrue(all(name.startswith(".restore-") for name in left), left)
        if not came:
            self.assertEqual(left, [])

    def children_of(self, words):
        """Processes of this command line that still run: the child of one that was killed."""
        found = []
        for entry in pathlib.Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    line = (entry / "cmdline").read_bytes().split(b"\0")
                except OSError:
                    continue
                if str(self.file).encode() in line and b"restore" in line:
                    found.append(int(entry.name))
        return found

    def test_shares_are_shown_one_by_one_on_the_terminal(self):
        pid, fd = pty.fork()
        if pid == 0:
            os.execve(STRONGROOM, [str(STRONGROOM), "backup", "--out", str(self.file), "--shares", "2/2", "--so-pin-file", str(self.so),
                                   "--module", str(tools.MODULE)], self.env)
        text, shares = b"", []
        try:
            for _ in range(2):
                text = self.until(fd, text, b"sees the screen: ")
                os.write(fd, b"\n")
                text = self.until(fd, text, b"shown again: ")
                lines = text[text.rindex(b"sees the screen: "):].decode().splitlines()
                shares.append("".join(line.strip() for line in lines if line.startswith("    ")))
                os.write(fd, b"\n")
            text = self.until(fd, text, b"shares made")
        finally:
            os.close(fd)
            _, status = os.waitpid(pid, 0)
        self.assertTrue(self.file.exists(), text)
        files = [self.secret(f"typed{i}", share) for i, share in enumerate(shares)]
        words = [word for file in files for word in ("--share-file", file)]
        self.assertTrue(self.json(*self.restore_words(), *words, **self.other)["restored"])

    def until(self, fd, text, what):
        start = len(text)
        while what not in text[start:]:
            text += os.read(fd, 4096)
        return text


if __name__ == "__main__":
    tools.main()
