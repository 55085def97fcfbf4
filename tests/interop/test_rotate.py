#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""`strongroom rotate token-key`: what it prints, what stays, what the trail says. test_rotate.py MODULE STRONGROOM"""
import officer


class Rotate(officer.Officer):
    def rotate(self):
        return self.json("rotate", "token-key", "--so-pin-file", self.so)

    def test_a_rotation_tells_what_it_sealed_and_everything_is_there(self):
        self.init()
        for label in ("first", "second", "third"):
            self.tool("--login", "--pin", officer.USER_PIN, "--keygen", "--key-type", "AES:32", "--label", label)
        done = self.rotate()
        self.assertEqual((done["token"], done["generation"], done["sealed"], done["resumed"]), ("HSM1", 2, 3, False))
        self.assertEqual(self.rotate()["generation"], 3)
        listed = self.tool("--login", "--pin", officer.USER_PIN, "-O").decode()
        for label in ("first", "second", "third"):
            self.assertIn(label, listed)
        events = [entry["event"] for entry in self.json("audit", "list", "--pin-file", self.pin)["trail"]]
        self.assertEqual(events.count("rotation of the token key begun"), 2)
        self.assertEqual(events.count("rotation of the token key ended"), 2)
        self.assertIn("sealed anew", self.text("rotate", "token-key", "--so-pin-file", self.so))

    def test_it_needs_the_security_officer(self):
        self.init()
        wrong = self.file("wrong.pin", "not-the-so-pin")
        self.refused("rotate", "token-key", "--so-pin-file", wrong, text="PIN")
        self.assertEqual(self.rotate()["generation"], 2)


if __name__ == "__main__":
    officer.main()
