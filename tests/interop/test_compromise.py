#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""`strongroom compromise`, `destroy`, `rotate role`: a key may be known. test_compromise.py MODULE STRONGROOM"""
import ctypes
import json
import sys

import officer
import tools

VENDOR = 0x80000000 | 0x53520000
CKA_SR_ROLE = VENDOR | 1
DIVERSIFY, KEY_BLOCK = VENDOR | 0x13, VENDOR | 0x12
DMK, ROOT = 11, 13
A, B, C, D = (bytes(range(n, n + 32)) for n in (1, 101, 151, 201))


class Attribute(ctypes.Structure):
    _fields_ = [("type", ctypes.c_ulong), ("value", ctypes.c_void_p), ("length", ctypes.c_ulong)]


class Mechanism(ctypes.Structure):
    _fields_ = [("mechanism", ctypes.c_ulong), ("parameter", ctypes.c_void_p), ("length", ctypes.c_ulong)]


class Diversify(ctypes.Structure):
    _fields_ = [("method", ctypes.c_ulong), ("levels", ctypes.c_ulong), ("factors", ctypes.c_char_p),
                ("length", ctypes.c_ulong), ("parity", ctypes.c_ubyte)]


class KeyBlock(ctypes.Structure):
    _fields_ = [("version", ctypes.c_char), ("usage", ctypes.c_char * 2), ("algorithm", ctypes.c_char),
                ("mode", ctypes.c_char), ("key_version", ctypes.c_char * 2), ("exportability", ctypes.c_char),
                ("context", ctypes.c_char), ("flags", ctypes.c_ulong), ("optional", ctypes.c_void_p),
                ("optional_length", ctypes.c_ulong)]


class Client:
    """The module in this process, a user logged in on the only token."""

    def __init__(self, module, pin):
        self.module = ctypes.CDLL(module)
        self.call("C_Initialize", None)
        slots, n = (ctypes.c_ulong * 8)(), ctypes.c_ulong(8)
        self.call("C_GetSlotList", ctypes.c_ubyte(1), slots, ctypes.byref(n))
        session = ctypes.c_ulong()
        for slot in slots[:n.value]:
            if getattr(self.module, "C_OpenSession")(ctypes.c_ulong(slot), ctypes.c_ulong(6), None, None,
                                                     ctypes.byref(session)) == 0:
                self.session = session
                if getattr(self.module, "C_Login")(session, ctypes.c_ulong(1), pin, ctypes.c_ulong(len(pin))) == 0:
                    return
        raise AssertionError("no token takes the PIN")

    def call(self, name, *args):
        rv = getattr(self.module, name)(*args)
        if rv != 0:
            raise AssertionError(f"{name}: {rv:#x}")

    @staticmethod
    def template(**values):
        types = {"token": 1, "label": 3, "role": CKA_SR_ROLE, "length": 0x161, "extractable": 0x162, "class": 0, "type": 0x100}
        rows = []
        for name, value in values.items():
            data = value if isinstance(value, bytes) else bytes([value]) if isinstance(value, bool) else value.to_bytes(8, "little")
            rows.append(Attribute(types[name], ctypes.cast(ctypes.create_string_buffer(data, len(data)), ctypes.c_void_p), len(data)))
        return (Attribute * len(rows))(*rows), ctypes.c_ulong(len(rows))

    def unique(self, handle):
        room = ctypes.create_string_buffer(32)
        t = Attribute(4, ctypes.cast(room, ctypes.c_void_p), 32)
        self.call("C_GetAttributeValue", self.session, handle, ctypes.byref(t), ctypes.c_ulong(1))
        return room.raw.decode()

    def find(self, label):
        t, n = self.template(label=label, token=True)
        found, count = ctypes.c_ulong(), ctypes.c_ulong()
        self.call("C_FindObjectsInit", self.session, t, n)
        self.call("C_FindObjects", self.session, ctypes.byref(found), ctypes.c_ulong(1), ctypes.byref(count))
        self.call("C_FindObjectsFinal", self.session)
        assert count.value == 1, label
        return found

    def generate(self, **values):
        t, n = self.template(**values)
        key = ctypes.c_ulong()
        self.call("C_GenerateKey", self.session, ctypes.byref(Mechanism(0x1080, None, 0)), t, n, ctypes.byref(key))
        return key

    def derive(self, base, factor, **values):
        t, n = self.template(**values)
        p, key = Diversify(1, 1, factor, len(factor), 0), ctypes.c_ulong()
        m = Mechanism(DIVERSIFY, ctypes.cast(ctypes.byref(p), ctypes.c_void_p), ctypes.sizeof(p))
        self.call("C_DeriveKey", self.session, ctypes.byref(m), base, t, n, ctypes.byref(key))
        return key

    def through_a_block(self, wrapper, key, usage, **values):
        """Out under the wrapper, and in again as another key."""
        p = KeyBlock(b"\0", usage, b"\0", b"B", b"00", b"E", b"0", 0, None, 0)
        m = Mechanism(KEY_BLOCK, ctypes.cast(ctypes.byref(p), ctypes.c_void_p), ctypes.sizeof(p))
        block, n = ctypes.create_string_buffer(9999), ctypes.c_ulong(9999)
        self.call("C_WrapKey", self.session, ctypes.byref(m), wrapper, key, block, ctypes.byref(n))
        t, count = self.template(**values)
        back = ctypes.c_ulong()
        self.call("C_UnwrapKey", self.session, ctypes.byref(Mechanism(KEY_BLOCK, None, 0)), wrapper, block, n, t, count,
                  ctypes.byref(back))
        return back

    def end(self):
        self.call("C_Logout", self.session)
        self.call("C_CloseSession", self.session)
        self.call("C_Finalize", None)


def act(module, pin_file):
    """Keys of roles: under the KBPK of the ceremony, derived of those, and of a root that has nothing to do with it."""
    client = Client(module, open(pin_file, "rb").read().strip())
    kbpk = client.find(b"KBPK-ACME")
    root = client.generate(token=True, role=ROOT, length=32, label=b"root")
    session_root = client.generate(token=False, role=ROOT, length=32, label=b"root of a session")
    names = {"KBPK": kbpk, "root": root}
    names["elsewhere"] = client.derive(root, b"0123456789abcdef", token=True, role=DMK, label=b"elsewhere")
    out = client.derive(session_root, b"0123456789abcdef", token=False, role=DMK, label=b"out", extractable=True)
    names["carried"] = client.through_a_block(kbpk, out, b"20", token=True, label=b"carried", extractable=True)
    names["derived"] = client.derive(names["carried"], b"fedcba9876543210", token=True, role=DMK, label=b"derived")
    passed = client.through_a_block(kbpk, out, b"20", token=False, label=b"in a session", extractable=True)
    names["through"] = client.derive(passed, b"fedcba9876543210", token=True, role=DMK, label=b"through a session")
    client.through_a_block(kbpk, names["carried"], b"20", token=False, label=b"again", extractable=True)
    print(json.dumps({name: client.unique(handle) for name, handle in names.items()}))
    client.end()


class Compromise(officer.Officer):
    def setUp(self):
        super().setUp()
        self.init()
        self.alice, self.bob = self.custodian("alice"), self.custodian("bob")
        self.files = [self.file(f"component-{i}", value.hex()) for i, value in enumerate((A, B, C, D))]

    def ceremony(self, name, a=0, b=1, *more):
        return self.json("ceremony", "combine", name, "--custodian", "alice", "--custodian", "bob", "--custodian-pin-file",
                         f"alice={self.alice}", "--custodian-pin-file", f"bob={self.bob}", "--component-file",
                         f"alice={self.files[a]}", "--component-file", f"bob={self.files[b]}", "--out",
                         self.top / f"{name}-{a}{b}", *more)

    def world(self):
        self.made = {name: self.ceremony(name, *of) for name, of in
                     {"PK-ACME": (0, 1), "MAK-ACME": (0, 2), "KBPK-ACME": (1, 2)}.items()}
        ran = self.good(sys.executable, __file__, tools.MODULE, "act", self.pin)
        return json.loads(ran)

    def report(self, *args, **more):
        return self.json("compromise", *args, "--pin-file", self.pin, **more)

    @staticmethod
    def ids(rows):
        return {row["unique_id"] for row in rows}

    def test_the_report_names_exactly_what_came_of_the_key(self):
        ids = self.world()
        report = self.report("--role", "KBPK")
        self.assertEqual(self.ids(report["keys"]), {ids["KBPK"]})
        self.assertEqual({row["unique_id"]: (row["level"], row["came_of"]) for row in report["came_of_it"]},
                         {ids["carried"]: (1, [ids["KBPK"]]), ids["derived"]: (2, [ids["carried"]]),
                          ids["through"]: (1, [ids["KBPK"]])})
        key = report["keys"][0]
        self.assertEqual((key["generation"], key["retired"], key["check_value"], key["level"], key["came_of"]),
                         (1, False, self.made["KBPK-ACME"]["check_value"], 0, []))
        self.assertEqual(report["descendants"], 3)
        self.assertEqual((report["generations"], report["orphans"], report["gone"]), ([], [], []))
        uses = {use["event"]: (use["entries"], use["count"]) for use in report["uses"]}
        self.assertEqual(uses["component entered"][0], 2)
        self.assertEqual(uses["components combined"], (1, 1))
        # Two left in the session's keys and name the wrapping key; the third was a token key, which its entry names.
        self.assertEqual(uses["keys wrapped in a session"], (1, 2))
        self.assertEqual({row["user"] for row in report["trail"] if row["event"] == "component entered"}, {"alice", "bob"})
        for row in report["trail"]:
            self.assertTrue(row["object"] == ids["KBPK"] or row["label"].startswith("KBPK-ACME#"), row)
            self.assertTrue(row["time"] and row["process"] and row["program"])
        carried = self.report("--unique-id", ids["carried"])
        self.assertEqual(self.ids(carried["came_of_it"]), {ids["derived"]})
        self.assertEqual({use["event"]: use["count"] for use in carried["uses"]}["keys wrapped in a session"], 1)
        self.assertEqual(self.ids(self.report("--label", "root")["came_of_it"]), {ids["elsewhere"]})
        pk = self.report("--label", "PK-ACME")
        self.assertEqual((pk["came_of_it"], self.ids(pk["keys"])), ([], {self.made["PK-ACME"]["unique_id"]}))
        self.assertIn("strongroom destroy", self.text("compromise", "--role", "PK", "--pin-file", self.pin))

    def test_copies_wrapped_keys_and_a_key_that_is_gone(self):
        self.tool("--login", "--pin", officer.USER_PIN, "--keygen", "--key-type", "AES:32", "--label", "kek", "--id", "01",
                  "--usage-wrap")
        self.tool("--login", "--pin", officer.USER_PIN, "--keygen", "--key-type", "AES:32", "--label", "data", "--id", "02",
                  "--extractable")
        wrapped = self.top / "wrapped"
        self.tool("--login", "--pin", officer.USER_PIN, "--wrap", "--mechanism", "AES-KEY-WRAP", "--id", "01",
                  "--application-id", "02", "--output-file", wrapped)
        self.tool("--login", "--pin", officer.USER_PIN, "--unwrap", "--mechanism", "AES-KEY-WRAP", "--id", "01",
                  "--input-file", wrapped, "--key-type", "AES:", "--application-id", "03", "--application-label", "back",
                  "--sensitive", "--usage-decrypt")
        report = self.report("--id", "01")
        self.assertEqual([row["label"] for row in report["came_of_it"]], ["back"])
        kek = report["keys"][0]["unique_id"]
        self.assertEqual(report["uses"][0]["event"], "key created")
        # The suspect is destroyed: what came of it is an orphan to others, and known to whoever still asks for its id.
        self.assertEqual(self.json("destroy", kek, "--yes", "--pin-file", self.pin)["destroyed"]["label"], "kek")
        self.refused("destroy", kek, "--yes", "--pin-file", self.pin, text="")
        after = self.report("--unique-id", kek)
        self.assertEqual((after["keys"], after["gone"]), ([], [kek]))
        self.assertEqual([row["label"] for row in after["came_of_it"]], ["back"])
        self.assertIn("key destroyed", [use["event"] for use in after["uses"]])
        self.assertEqual([row["label"] for row in self.report("--id", "02")["orphans"]], ["back"])

    def test_the_token_key_has_sealed_every_key_and_rotation_stands_in_its_trail(self):
        ids = self.world()
        report = self.report("--token-key")
        self.assertEqual(self.ids(report["objects"]), set(ids.values()) | {made["unique_id"] for made in self.made.values()})
        self.json("rotate", "token-key", "--so-pin-file", self.so)
        self.assertEqual([row["event"] for row in self.report("--token-key")["trail"]][-2:],
                         ["rotation of the token key begun", "rotation of the token key ended"])
        self.assertIn("strongroom rotate token-key --token HSM1", [step["command"] for step in report["advice"]])

    def test_a_role_key_rotates_by_ceremony_and_question(self):
        first = self.ceremony("PK-ACME")
        rotate = ("rotate", "role", "PK-ACME", "--so-pin-file", self.so)
        self.refused(*rotate, "--yes", text="next generation")
        second = self.ceremony("PK-ACME", 2, 3, "--next")
        report = self.report("--unique-id", first["unique_id"])
        self.assertEqual([(row["unique_id"], row["generation"], row["retired"]) for row in report["generations"]],
                         [(second["unique_id"], 2, False)])
        self.assertIn(f"strongroom retire {first['unique_id']} --token HSM1", [s["command"] for s in report["advice"]])
        no = self.terminal(*rotate)
        no.answer("for good?", "n", hidden=False)
        self.ended(no, status=1)
        done = self.json(*rotate, "--yes")
        self.assertEqual((done["retired"], done["newest"]), ([first["unique_id"]], second["unique_id"]))
        self.assertTrue(self.report("--unique-id", first["unique_id"])["keys"][0]["retired"])
        self.assertFalse(self.report("--unique-id", second["unique_id"])["keys"][0]["retired"])
        self.refused(*rotate, "--yes", text="next generation")

    def test_wrong_questions(self):
        for args in (), ("--token-key", "--role", "PK"):
            self.refused("compromise", *args, "--pin-file", self.pin, text="which key", status=2)
        self.refused("compromise", "--label", "nothing", "--pin-file", self.pin, text="no key of the token")
        self.refused("compromise", "--role", "NOBODY", "--pin-file", self.pin, text="no such role", status=2)
        self.refused("compromise", "--id", "xy", "--pin-file", self.pin, text="hexadecimal", status=2)


if __name__ == "__main__":
    if sys.argv[2] == "act":
        act(sys.argv[1], sys.argv[3])
    else:
        officer.main()
