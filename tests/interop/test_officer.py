#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The command `strongroom`: tokens, users, check values; with files and on a terminal. test_officer.py MODULE STRONGROOM"""
import json
import os
import signal
import unittest

import officer
import tools


class Tokens(officer.Officer):
    def test_init_makes_a_strict_token_that_list_shows(self):
        made = self.init()
        self.assertEqual((made["token"], made["profile"], made["user"]), ("HSM1", "strict", True))
        listed = self.json("list")["tokens"]
        self.assertEqual([(t["token"], t["serial"], t["users"], t["objects"]) for t in listed],
                         [("HSM1", made["serial"], 2, 0)])
        self.assertEqual(listed[0]["flags"], ["user-pin-set"])
        self.assertTrue(self.json("policy")["strict"])
        text = self.text("list")
        self.assertIn(made["serial"], text)
        self.assertIn("TOKEN", text)

    def test_init_compatible_and_without_user(self):
        self.init("OPEN", "--profile", "compatible")
        self.assertEqual(self.json("policy", "--token", "OPEN")["allowed"], self.json("policy", "--token", "OPEN")["known"])
        self.json("init", "--label", "BARE", "--so-pin-file", self.so, "--no-user")
        bare = next(t for t in self.json("list")["tokens"] if t["token"] == "BARE")
        self.assertEqual((bare["users"], bare["flags"]), (1, []))

    def test_a_host_bound_token_is_made_and_asks_for_its_host(self):
        secret, conf = self.file("host.secret", "a host secret of more than sixteen bytes"), self.top / "strongroom.conf"
        conf.write_text(f"token_dir = {self.top}/tokens\nhost_secret = {secret}\n")
        conf.chmod(0o600)
        made = self.json("init", "--label", "BOUND", "--so-pin-file", self.so, "--pin-file", self.pin, STRONGROOM_CONF=str(conf))
        self.assertTrue(made["host_bound"])
        self.assertIn("host-bound", self.json("list")["tokens"][0]["flags"])
        self.json("list", "objects", "--pin-file", self.pin, STRONGROOM_CONF=str(conf))
        self.refused("list", "objects", "--pin-file", self.pin, text="needs that host's secret")
        self.assertFalse(self.init("FREE")["host_bound"])

    def test_objects_are_counted_without_a_login(self):
        self.init()
        self.tool("--login", "--pin", officer.USER_PIN, "--keygen", "--key-type", "aes:32", "--label", "k", "--sensitive")
        self.assertEqual(self.json("list")["tokens"][0]["objects"], 1)
        keys = self.json("list", "objects", "--type", "aes", "--pin-file", self.pin)["objects"]
        self.assertEqual([(k["label"], k["class"], k["type"], k["role"]) for k in keys], [("k", "secret-key", "AES", None)])
        self.assertRegex(keys[0]["check_value"], "^[0-9A-F]{6}$")

    def test_init_refuses_and_leaves_nothing(self):
        self.init()
        so = ("--so-pin-file", self.so, "--pin-file", self.pin)
        self.refused("init", "--label", "HSM1", *so, text="has this label already")
        self.refused("init", *so, text="--label", status=2)
        self.refused("init", "--label", "x" * 33, *so, text="1 to 32 bytes", status=2)
        self.refused("init", "--label", "B", "--profile", "lax", *so, text="strict or compatible", status=2)
        self.refused("init", "--label", "B", "--so-pin-file", self.file("short", "abc"), "--pin-file", self.pin,
                     text="letters are needed", status=2)
        self.refused("init", "--label", "B", "--so-pin-file", self.so, "--pin-file", self.file("colon", "alice:abcdefgh"),
                     text="no colon", status=2)
        self.refused("init", "--label", "B", "--so-pin-file", self.so, "--pin-file", self.file("short", "abc"),
                     text="letters are needed", status=2)
        self.so.chmod(0o644)
        self.refused("init", "--label", "B", *so, text="chmod 600")
        self.refused("init", "--label", "B", "--so-pin-file", self.top / "none", text="No such file")
        self.assertEqual([t["token"] for t in self.json("list")["tokens"]], ["HSM1"])

    def test_secrets_come_by_standard_input_and_pipes(self):
        data = f"{officer.SO_PIN}\n{officer.USER_PIN}\n".encode()
        self.json("init", "--label", "HSM1", "--so-pin-file", "-", "--pin-file", "-", data=data)
        self.json("list", "objects", "--pin-file", "-", data=officer.USER_PIN.encode())
        self.refused("list", "objects", "--pin-file", "-", text="standard input: an empty line")
        fifo = self.top / "fifo"
        os.mkfifo(fifo, 0o600)
        writer = tools.subprocess.Popen(["/bin/sh", "-c", 'cat "$0" > "$1"', str(self.pin), str(fifo)])
        self.assertEqual(self.json("list", "objects", "--pin-file", fifo)["objects"], [])
        writer.wait(10)

    def test_wrong_usage_says_what_is_wrong(self):
        for args, text in [((), "which command?"), (("nothing",), "nothing: no such command"),
                           (("list", "--nonsense"), "--nonsense: no such option"), (("list", "--uri"), "its value is missing"),
                           (("list", "nothing"), "there is no such word"), (("policy", "show", "x"), "one word too many"),
                           (("list", "--label", "a", "--label", "b"), "given twice"),
                           (("list", "objects", "--class", "thing"), "no such class"),
                           (("list", "objects", "--id", "abc"), "pairs of hexadecimal digits"),
                           (("list", "objects", "--token", "a", "--uri", "pkcs11:"), "one of them"),
                           (("list", "objects", "--uri", "pkcs11:?pin-value=12345678"), "can be seen by all")]:
            with self.subTest(args):
                self.assertIn(text, self.strongroom(*args, status=2, module=False)[1])
        self.assertIn("  list         tokens", self.text("--help", module=False))
        self.assertIn("Exit status", self.text("list", "--help", module=False))
        self.assertIn("--pin-file", self.text("list", "--help", module=False))
        self.assertRegex(self.text("--version", module=False), r"^strongroom \d")

    def test_every_command_answers_json_and_has_help(self):
        listed = [line.split()[0] for line in self.text("--help", module=False).splitlines() if line.startswith("  ")]
        self.assertGreater(len(listed), 6)
        self.assertLessEqual({"ca", "opterm"}, set(listed))  # programs of their own: tests/service/test_ca_life.py
        for command in set(listed) - {"ca", "opterm"}:
            with self.subTest(command):
                ran = tools.subprocess.run([officer.STRONGROOM, command, "--json", "--module", tools.MODULE], env=self.env,
                                           stdin=tools.subprocess.DEVNULL, capture_output=True, start_new_session=True, timeout=60)
                said = json.loads(ran.stdout)
                self.assertIn(ran.returncode, (0, 1, 2, 3))
                self.assertEqual("error" in said, ran.returncode in (1, 2), said)
                self.assertIn(f"strongroom {command}", self.text(command, "--help", module=False))
                self.assertIn("no such option", self.strongroom(command, "--no-such-option", status=2)[1])

    def test_which_token_and_which_module(self):
        self.refused("users", text="no such token")
        self.init("A")
        self.init("B")
        self.refused("users", text="several tokens match")
        self.assertEqual(self.json("users", "--token", "B")["token"], "B")
        serial = self.json("users", "--token", "A")["serial"]
        self.assertEqual(self.json("users", "--uri", f"pkcs11:serial={serial}")["token"], "A")
        uri = f"pkcs11:token=B?module-path={tools.MODULE}&pin-source=file:{self.pin}"
        self.assertEqual(self.json("list", "objects", "--uri", uri, module=False)["token"], "B")
        self.assertIn("leave one out", self.strongroom("list", "objects", "--uri", uri, status=2)[1])
        self.assertIn("none.so", self.strongroom("list", "--module", self.top / "none.so", status=1, module=False)[1])
        self.assertIn("none.so", self.strongroom("users", "--module", self.top / "none.so", status=1, module=False)[1])

    def test_a_wrong_pin_says_whose_and_what_to_do(self):
        self.init()
        wrong = self.file("wrong", "not-the-pin-at-all")
        self.refused("list", "objects", "--pin-file", wrong, text="The PIN of the user is wrong")
        self.refused("list", "objects", "--user", "alice", "--pin-file", wrong, text="The PIN of custodian alice is wrong")
        self.refused("policy", "set", "strict", "--so-pin-file", wrong, text="The PIN of the security officer (SO) is wrong")
        users = {u["kind"]: u for u in self.json("users")["users"]}
        self.assertEqual(users["user"]["tries"] - users["user"]["tries_left"], 2)
        for _ in range(users["user"]["tries_left"]):
            self.strongroom("list", "objects", "--pin-file", wrong, status=1)
        self.refused("list", "objects", "--pin-file", self.pin, text="The PIN of the user is locked")
        self.refused("list", "objects", "--pin-file", self.pin, text="users reset")
        self.assertIn("user-pin-locked", self.json("list")["tokens"][0]["flags"])
        self.json("users", "reset", "--so-pin-file", self.so, "--new-pin-file", self.pin)
        self.json("list", "objects", "--pin-file", self.pin)


class Users(officer.Officer):
    def setUp(self):
        super().setUp()
        self.init()

    def names(self):
        return [u["name"] for u in self.json("users")["users"] if u["kind"] == "custodian"]

    def test_custodians_come_change_their_pin_and_go(self):
        so = ("--so-pin-file", self.so)
        first, own = self.file("first", "first-pin-of-alice"), self.file("own", "own-pin-of-alice")
        self.json("users", "add", "alice", *so, "--new-pin-file", first)
        self.assertTrue(self.json("users")["users"][2]["pin_to_be_changed"])
        self.refused("users", "add", "alice", *so, "--new-pin-file", first, text="is there already")
        self.refused("list", "objects", "--user", "alice", "--pin-file", first, text="must be changed first")
        self.json("users", "pin", "--user", "alice", "--pin-file", first, "--new-pin-file", own)
        self.assertFalse(self.json("users")["users"][2]["pin_to_be_changed"])
        self.assertEqual(self.json("list", "objects", "--user", "alice", "--pin-file", own)["objects"], [])
        self.refused("users", "pin", "--user", "alice", "--pin-file", first, "--new-pin-file", own, text="alice is wrong")
        self.json("users", "reset", "alice", *so, "--new-pin-file", first)
        self.assertTrue(self.json("users")["users"][2]["pin_to_be_changed"])
        self.assertEqual(self.names(), ["alice"])
        self.json("users", "remove", "alice", *so)
        self.assertEqual(self.names(), [])
        self.refused("users", "remove", "alice", *so, text="no such user")
        self.refused("users", "reset", "alice", *so, "--new-pin-file", first, text="no such user")

    def test_the_default_user_and_the_so_change_pins_too(self):
        new, so = self.file("new", "another-user-pin"), self.file("so2", "another-so-pin")
        self.json("users", "pin", "--pin-file", self.pin, "--new-pin-file", new)
        self.refused("list", "objects", "--pin-file", self.pin, text="is wrong")
        self.json("list", "objects", "--pin-file", new)
        self.json("users", "pin", "--so", "--so-pin-file", self.so, "--new-pin-file", so)
        self.refused("users", "remove", "user", "--so-pin-file", self.so, text="security officer (SO) is wrong")
        self.json("users", "remove", "user", "--so-pin-file", so)
        self.assertEqual([u["kind"] for u in self.json("users")["users"]], ["so"])
        self.json("users", "add", "--so-pin-file", so, "--new-pin-file", self.pin)
        self.json("list", "objects", "--pin-file", self.pin)

    def test_refusals(self):
        so = ("--so-pin-file", self.so, "--new-pin-file", self.file("first", "first-pin-of-many"))
        for name, text in [("Alice", "begins with a letter"), ("x" * 33, "1 to 32"), ("so", "may be called so"),
                           ("user", "may be called so"), ("a:b", "begins with a letter")]:
            self.refused("users", "add", name, *so, text=text, status=2)
        self.refused("users", "add", "alice", "--so-pin-file", self.so, "--new-pin-file", self.file("short", "abc"),
                     text="shorter or longer")
        self.refused("users", "add", "alice", "--so-pin-file", self.so, "--new-pin-file", self.file("colon", "a:bcdefgh"),
                     text="no colon", status=2)
        self.refused("users", "pin", "--so", "--user", "alice", text="one of them", status=2)
        self.refused("users", "remove", *so[:2], text="what is missing: NAME", status=2)
        self.assertEqual(self.names(), [])


class Terminals(officer.Officer):
    def test_a_token_and_a_custodian_are_made_on_the_terminal(self):
        self.secrets.update(["typed-so-pin", "typed-user-pin", "typed-first-pin", "typed-own-pin", "typed-otherwise"])
        t = self.terminal("init", "--label", "HSM1", "--json")
        t.answer("New SO PIN: ", "typed-so-pin")
        t.answer("once more: ", "typed-otherwise")
        t.until("The two differ.")
        t.answer("New SO PIN: ", "typed-so-pin")
        t.answer("once more: ", "typed-so-pin")
        t.answer("New PIN of the default user: ", "typed-user-pin")
        t.answer("once more: ", "typed-user-pin")
        self.assertIn('"HSM1"', self.ended(t)[0])
        t = self.terminal("users", "add", "alice")
        t.answer("SO PIN: ", "typed-so-pin")
        t.answer("First PIN of alice: ", "typed-first-pin")
        t.answer("once more: ", "typed-first-pin")
        self.assertIn("alice", self.ended(t)[0])
        t = self.terminal("users", "pin", "--user", "alice")
        t.answer("PIN of alice: ", "typed-first-pin")
        t.answer("New PIN: ", "typed-own-pin")
        t.answer("once more: ", "typed-own-pin")
        self.ended(t)
        t = self.terminal("list", "objects", "--user", "alice")
        t.answer("PIN of alice: ", "typed-own-pin")
        self.ended(t)

    def test_what_differs_three_times_ends(self):
        t = self.terminal("init", "--label", "HSM1")
        for i in range(3):
            t.answer("New SO PIN: ", f"typed-so-pin-{i}")
            t.answer("once more: ", "typed-otherwise")
        self.assertIn("differed three times", self.ended(t, status=2)[1])
        self.assertEqual(self.json("list")["tokens"], [])

    def test_every_signal_restores_the_echo_and_ends_as_signals_do(self):
        self.init()
        for number in officer.SIGNALS:
            with self.subTest(number):
                t = self.terminal("list", "objects")
                t.until("PIN: ")
                while t.echoes():
                    t.read(0.01)
                os.write(t.master, b"half-of-a-pin")
                t.signal(number)
                self.ended(t, status=-number)

    def test_a_signal_that_was_ignored_stays_ignored(self):
        self.init()
        t = self.terminal("list", "objects", ignored=[signal.SIGQUIT])
        t.until("PIN: ")
        while t.echoes():
            t.read(0.01)
        t.signal(signal.SIGQUIT)
        t.type(officer.USER_PIN)
        self.ended(t)

    def test_interrupt_typed_on_the_terminal(self):
        self.init()
        t = self.terminal("list", "objects")
        t.until("PIN: ")
        while t.echoes():
            t.read(0.01)
        os.write(t.master, b"half\x03")
        self.ended(t, status=-signal.SIGINT)

    def test_stop_restores_the_echo_and_the_question_comes_again(self):
        self.init()
        t = self.terminal("list", "objects", "--json")
        t.until("PIN: ")
        while t.echoes():
            t.read(0.01)
        t.signal(signal.SIGTSTP)
        t.wait_stopped()
        self.assertTrue(t.echoes())
        t.signal(signal.SIGCONT)
        t.answer("PIN: ", officer.USER_PIN)
        self.assertIn('"objects": []', self.ended(t)[0])

    def test_no_terminal_and_no_file_is_said(self):
        self.init()
        ran = tools.subprocess.run([officer.STRONGROOM, "list", "objects", "--module", tools.MODULE], env=self.env,
                                   stdin=tools.subprocess.DEVNULL, capture_output=True, start_new_session=True, timeout=60)
        self.assertEqual(ran.returncode, 1)
        self.assertIn(b"no terminal to ask on", ran.stderr)

    def test_end_of_input_on_the_terminal(self):
        self.init()
        t = self.terminal("list", "objects")
        t.answer("PIN: ", "\x04"[:0])
        self.assertIn("nothing was typed", self.ended(t, status=1)[1])


if __name__ == "__main__":
    unittest.main(module="__main__", argv=["test_officer.py", "-v"] if os.environ.get("V") else ["test_officer.py"])
