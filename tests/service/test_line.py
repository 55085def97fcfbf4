# SPDX-License-Identifier: BSD-2-Clause
"""A production line with all that is real: opterm, pos, mtmsd, dcd. R1.4, R1.5, R1.6, R2.3, R2.9"""
import json
import os
import random
import signal
import subprocess
import threading
import time
import unittest

from factory import WAIT, query, run, wait_until
from line_kit import LineCase, Opterm


class Line(LineCase):
    def test_order_by_its_number_collects_what_is_missing_and_refuses_the_rest(self):  # R1.5, R2.9
        chain = self.chain
        chain.order("L-1", ["L1-A,PP-L1-A", "L1-B", "L1-C"])
        for serial, pin_pad in (("L1-A", None), ("L1-B", None), ("L1-C", "PP-L1-A"), ("L1-X", None)):
            self.pos(serial, pin_pad)
        line = Opterm(chain, "L-1", "--json")
        address = line.ready()
        self.visit("L1-A", address)
        self.assertNotEqual(self.visit("L1-X", address, check=False).returncode, 0)
        line.saw("unknown: not in the order's inventory")
        self.visit("L1-B", address)
        self.visit("L1-C", address)  # its PIN pad is another device's: that the MTMS sees
        status, _, _ = line.end()
        self.assertEqual(status, 3)
        events = [json.loads(x) for x in line.lines]
        ends = {e["serial"]: (e["result"], e["reason"]) for e in events if e["event"] == "device"}
        self.assertEqual(ends, {"L1-A": ("accepted", ""), "L1-B": ("accepted", ""),
                                "L1-C": ("refused", "duplicate: the PIN pad belongs to another device")})
        self.assertEqual([e["collected"] for e in events if e["event"] == "collected"], [1, 2, 3])
        wait_until(lambda: self.devices("L-1") == {"L1-A": "delivered", "L1-B": "delivered", "L1-C": "refused"}, "delivery")
        self.assertEqual([d["serial"] for d in self.report("missing", "L-1")], ["L1-C"])
        self.assertEqual([(d["serial"], d["where"]) for d in self.report("rejected", "L-1")], [("L1-C", "on receipt")])
        done = run([*chain.mtmsd.argv, "order", "close", "L-1"], check=False, env=chain.mtmsd.env)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"1 of 3 devices", done.stderr)
        chain.mtmsd.command("order", "close", "L-1", "--incomplete")
        csv = chain.mtmsd.command("devices", "L-1", "--csv")
        self.assertEqual(csv.splitlines()[0].split(",")[:3], ["serial", "pin_pad", "state"])
        self.assertEqual(len(csv.splitlines()), 4)

    def test_terminal_whose_tk_the_mtms_has_makes_no_other_unless_asked(self):  # R1.4, R1.5
        chain = self.chain
        chain.order("L-2", ["L2-A", "L2-B"])
        self.pos("L2-A"), self.pos("L2-B")
        for more in ((), ("--again",)):
            line = Opterm(chain, "L-2", "--count", 1, *more)
            self.visit("L2-A", line.ready())
            self.assertEqual(line.end()[0], 0)
        self.assertEqual(chain.status("L2-A")["tk_made"], 2)
        line = Opterm(chain, "L-2")
        self.visit("L2-A", line.ready())
        line.saw("known L2-A")
        self.assertEqual(chain.status("L2-A")["tk_made"], 2)
        self.visit("L2-B", line.ready())
        self.assertEqual(line.end()[0], 0)
        history = self.report("history", "L2-A")
        self.assertEqual([(h["counter"], h["note"]) for h in history], [(1, "superseded by counter 2"), (2, "")])

    def test_what_the_worker_scans_is_matched_with_what_comes(self):  # R1.5
        chain = self.chain
        chain.order("L-3", ["L3-A", "L3-B", "L3-C"])
        for serial in ("L3-A", "L3-B"):
            self.pos(serial)
        line = Opterm(chain, "L-3", "--scan", "-", stdin=subprocess.PIPE)
        address = line.ready()
        self.assertNotEqual(self.visit("L3-A", address, check=False).returncode, 0)
        line.saw("not scanned")
        self.assertEqual(chain.status("L3-A")["tk_made"], 0)
        line.process.stdin.write(b"L3-A\r\n L3-C\nL3-X\nL3-A\n")
        line.process.stdin.flush()
        line.saw("unknown L3-X")
        line.saw("duplicate L3-A")
        # A line is a serial number as a whole or not at all: neither its end, nor what stands before a zero byte.
        line.process.stdin.write(b"x" * 127 + b"L3-B\nL3-B\0\nL3-B\xff\n")
        line.process.stdin.flush()
        for shown in ("unknown " + "x" * 32 + ": scanned, but no serial number", "unknown L3-B?: scanned, but no serial number"):
            line.saw(shown)
        self.visit("L3-A", address)
        line.process.stdin.close()
        line.saw("collected 1 of 2")
        status, text, errors = line.end(signal.SIGTERM)
        self.assertEqual(status, 1, errors)
        self.assertRegex(text, r"L3-A +accepted")
        self.assertRegex(text, r"L3-C +missing")
        self.assertNotRegex(text, r"L3-B +[a-z]")
        scan = chain.folder / "L-3.scan"
        scan.write_text("L3-A\nL3-B\n")
        line = Opterm(chain, "L-3", "--scan", scan)
        line.saw("known L3-A")
        self.visit("L3-B", line.ready())
        status, text, _ = line.end()
        self.assertEqual(status, 0)
        self.assertIn("0 missing", text)

    def test_without_a_permission_nothing_is_collected(self):  # R2.3
        chain = self.chain
        chain.order("L-4", ["L4-A"])
        chain.mtmsd.command("revoke", "opterm-1", "operator 7", "order:L-4")
        for order in ("L-4", "L-NONE"):
            status, text, errors = Opterm(chain, order, "--count", 1).end()
            self.assertEqual((status, "ready" in text), (1, False))
            self.assertIn("no permission", errors)
        self.assertIn("operator operator 7", chain.mtmsd.command("audit"))
        chain.mtmsd.command("grant", "*", "operator 7", "customer:ACME")
        line = Opterm(chain, "L-4")
        line.ready()
        line.end(signal.SIGTERM)
        chain.mtmsd.command("revoke", "*", "operator 7", "customer:ACME")

    def test_kill_9_at_random_moments_collects_every_device_once(self):  # R1.5
        chain, dice = self.chain, random.Random(os.environ.get("SEED", "line"))
        serials = [f"L5-{i}" for i in range(6)]
        chain.order("L-5", serials)
        for serial in serials:
            self.pos(serial)
        kills, left, end = 0, set(serials), time.monotonic() + 60
        while time.monotonic() < end:
            line = Opterm(chain, "L-5", "--batch", 2)
            killer = threading.Timer(dice.random() * 1.5, lambda p=line.process: p.kill())
            if kills < 6:
                killer.start()
                kills += 1
            line.there.wait(WAIT)
            for serial in sorted(left):
                if line.address and self.visit(serial, line.address, check=False).returncode == 0:
                    left.discard(serial)
            killer.cancel()
            if line.end()[0] == 0:
                break
        wait_until(lambda: set(self.devices("L-5").values()) == {"delivered"}, f"all delivered: {self.devices('L-5')}")
        good = query(chain.mtms_database, "SELECT serial, max(counter), count(*) FROM sn_key WHERE order_id = 'L-5' AND state ="
                     " 'rewrapped' AND superseded_by IS NULL GROUP BY serial")
        self.assertEqual([(s, n) for s, _, n in good], [(s, 1) for s in serials])
        for serial, counter, _ in good:  # the TK that left is the one that the terminal uses
            self.assertEqual(chain.status(serial)["tk_current"], counter)

    def test_mtms_that_is_away_gets_the_batch_when_it_is_back(self):  # R1.5
        chain = self.chain
        chain.order("L-6", ["L6-A"])
        self.pos("L6-A")
        line = Opterm(chain, "L-6", "--count", 1, "--retry", 0)
        address = line.ready()
        chain.mtmsd.kill()
        self.visit("L6-A", address)
        status, text, errors = line.end()
        self.assertEqual(status, 1, text)
        self.assertRegex(text, "L6-A +collected")
        self.assertIn("the other side failed", errors)
        chain.mtmsd.start()
        status, text, errors = Opterm(chain, "L-6", "--count", 1).end()  # no terminal is needed any more
        self.assertEqual((status, "ready" in text), (0, False), errors)
        self.assertEqual(chain.status("L6-A")["tk_made"], 1)

    def test_bar_is_drawn_on_a_terminal_alone(self):  # R1.5
        chain = self.chain
        chain.order("L-10", ["L10-A", "L10-B"])
        self.pos("L10-A")
        master, slave = os.openpty()
        line = Opterm(chain, "L-10", "--count", 1)
        argv = [str(a) for a in line.argv]
        line.end(signal.SIGTERM)
        process = subprocess.Popen(argv, env=chain.card.env, stdin=subprocess.DEVNULL, stdout=slave, stderr=subprocess.PIPE)
        os.close(slave)
        seen = b""

        def until(text):
            nonlocal seen
            while text not in seen:
                seen += os.read(master, 4096)
        until(b"terminals=")
        until(b"\n")
        self.visit("L10-A", seen.split(b"terminals=")[1].split()[0].decode())
        until(b"] 1 of 1")
        until(b"1 accepted")
        self.assertEqual(process.wait(WAIT), 0)
        process.stderr.close()
        os.close(master)
        self.assertIn(b"[##############################]", seen)


if __name__ == "__main__":
    unittest.main(verbosity=1)
