#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Carries terminals from key components to a loaded master key, then shows what is refused. Exit status 0 only if all of
it held. Every program, token, database, server and connection is the real one; only the tokens are software."""
import argparse
import email
import email.policy
import itertools
import sys
import tempfile
import time

import hosts
import keys
import line
import refusals
from around import Around
from customers import CUSTOMERS
from line import every_terminal, order_of, pos
from place import Place, Refused, until


class Story:
    """What the demo made, step after step; the table at the end is printed from here."""

    def __init__(self, place, terminals, watch):
        self.place = place
        self.around = Around(place)
        self.watch = watch
        self.steps = []  # name, count, unit, seconds
        self.held = True
        self.serials = {}
        start = 1
        for customer, kind in CUSTOMERS.items():
            count = terminals * kind.share // 100
            self.serials[customer] = [f"POS{n:08d}" for n in range(start, start + count)]
            start += count
        self.count = start - 1

    def step(self, title, work, unit):
        print(f"\n-- {title}", flush=True)
        began = time.monotonic()
        count = work()
        self.steps.append((title, count, unit, time.monotonic() - began))

    def say(self, text, good=True):
        self.held = self.held and good
        print(f"   {'' if good else 'FAILED: '}{text}", flush=True)

    def collect_arguments(self, customer, count, pin_file):
        """What the operation terminal of a customer's order is called with."""
        return ["collect", "--order", order_of(customer), "--listen", "127.0.0.1:0", "--count", count,
                "--spool", self.place.folder(f"opterm/{customer}"), "--card", self.card.uri(), "--pin-file", pin_file,
                "--mtms", f"https://{self.mtms['https']}", "--cert", self.issued / "opterm.pem",
                "--key-file", self.issued / "opterm.key", "--ca", self.root]

    def table(self):
        print(f"\n{'step':58} {'count':>6} {'':10} {'seconds':>8} {'per second':>11}")
        for title, count, unit, seconds in self.steps:
            print(f"{title:58} {count:6} {unit:10} {seconds:8.1f} {count / seconds:11.1f}")
        print(f"{'all':58} {'':6} {'':10} {sum(s[3] for s in self.steps):8.1f}")


def kmsd(story, customer, *words):
    """What an operator asks the KMS: the first node."""
    return story.place.json(story.hsm2[customer][0].env, "kmsd", "--config", story.kms_conf[customer][0], *words)


def distribution(story):
    """Counts what was still on its way when the step began: the daemons do not wait for the story."""
    there = sum(kmsd(story, customer, "status")["key_formal"] for customer in CUSTOMERS)
    for customer, kind in CUSTOMERS.items():
        want = len(story.serials[customer])
        got = until(f"import at {customer}", lambda: (s := kmsd(story, customer, "status"))["key_formal"] >= want and s)
        story.say(f"{customer} by {kind.way}: {got['imported']} imported, {got['import_errors']} errors", got["imported"] == want)
    story.say(f"the line to the file server broke {story.around.line.cuts} time in the middle of a file; the rest of it followed",
              story.around.line.cuts == 1)
    return story.count - there


def mail(story):
    """One notification per key file or delivery; the server refused the first mail once, for the time being (R2.8)."""
    until("the second TK at BOLT", lambda: kmsd(story, "BOLT", "status")["imported"] == len(story.serials["BOLT"]) + 1)
    told = sum(len(kmsd(story, customer, "files")["files"]) for customer in CUSTOMERS)
    mails = until("mails", lambda: len(m := story.around.smtp.mails()) >= told and m)
    for one in mails:
        text = email.message_from_bytes(one["data"], policy=email.policy.default)
        story.say(f"{one['to'][0]}: {text['Subject']}", one["tls"])
    tries = [e["does"] for e in story.around.smtp.events("DATA")]
    story.say(f"{len(mails)} mails for {told} files and deliveries; the first try was refused with 451",
              tries[0] == "refuse" and len(mails) == told and len(tries) == told + 1)
    return told


def download(story):
    turns = {customer: itertools.cycle(nodes) for customer, nodes in story.kms.items()}
    every_terminal(story, lambda customer, serial: pos(story, serial, "download", "--connect", next(turns[customer])["terminals"]))
    for customer, nodes in story.kms.items():
        if len(nodes) > 1:
            rows = kmsd(story, customer, "nodes")["nodes"]
            story.say(f"{customer}: {', '.join(r['name'] for r in rows)} on one database", len(rows) == len(nodes))
    return story.count


def compare(story):
    """The check value computed inside every terminal's token against the one that its KMS holds (R1.11)."""
    known = {}
    for customer in CUSTOMERS:
        known.update({r["serial_number"]: r for r in kmsd(story, customer, "terminals")["terminals"]})

    def one(_, serial):
        env = story.place.computer(f"pos/{serial}")
        return story.place.json(env, "pos", "status", "--dir", story.place.top / "pos" / serial)["tmk_check"]

    values = every_terminal(story, one)
    serials = [s for c in CUSTOMERS for s in story.serials[c]]
    equal = sum(1 for serial, value in zip(serials, values) if value and value.upper() == known[serial]["tmk_check_value"].upper()
                and known[serial]["confirmed"])
    story.say(f"{equal} of {story.count} check values equal and confirmed, for instance {serials[0]}: {values[0]}",
              equal == story.count)
    story.say(f"{len(set(values))} different TMKs", len(set(values)) >= story.count - 1)
    return equal


def sign_in(story):
    """Working keys under the TMK; the check values inside every terminal's token against those of its KMS (R1.12). The first terminal
    of each customer signs in twice: what it had before counts no more."""
    turns = {customer: itertools.cycle(nodes) for customer, nodes in story.kms.items()}
    again = {serials[0] for serials in story.serials.values()}

    def one(customer, serial):
        for _ in range(2 if serial in again else 1):
            pos(story, serial, "sign-in", "--connect", next(turns[customer])["terminals"])
        env = story.place.computer(f"pos/{serial}")
        return story.place.json(env, "pos", "status", "--dir", story.place.top / "pos" / serial)

    here = every_terminal(story, one)
    there, retired = {}, 0
    for customer in CUSTOMERS:
        for row in kmsd(story, customer, "working-keys")["working-keys"]:
            retired += row["state"] == "retired"
            if row["state"] == "current":
                there.setdefault(row["serial_number"], {})[row["kind"]] = row["check_value"].upper()
    serials = [s for c in CUSTOMERS for s in story.serials[c]]
    equal = sum(1 for serial, status in zip(serials, here) if status["working_keys"] == "in use" and there.get(serial) ==
                {"PINKEY": status["pinkey_check"].upper(), "MACKEY": status["mackey_check"].upper()})
    first = here[0]
    story.say(f"{equal} of {story.count} pairs of check values equal and confirmed, for instance {serials[0]}: PINKEY "
              f"{first['pinkey_check']}, MACKEY {first['mackey_check']}", equal == story.count)
    story.say(f"{len(again)} terminals signed in again: {retired} keys of before are retired", retired == 2 * len(again))
    return equal


def refused(story):
    count = 0
    for name, attempt in refusals.ALL:
        try:
            reason = attempt(story)
        except Refused as no:
            reason = no.args[0]
        story.say(f"{name + ':':46} {reason or 'NOT REFUSED'}", bool(reason))
        count += 1
    return count


STEPS = [
    ("officers combine PK and MAK of three customers", keys.ceremony, "keys"),
    ("the CA issues identities and HsmWCRT", hosts.identities, "certs"),
    ("the servers around it", hosts.configure, "servers"),
    ("storage keys; the second node gets what the first one has", keys.storage, "keys"),
    ("services start", hosts.services, "daemons"),
    ("production orders", line.orders, "orders"),
    ("terminals make TKs, operation terminals collect them", line.collect, "terminals"),
    ("MTMS re-wraps, DC distributes, KMS imports the rest", distribution, "records"),
    ("a terminal is collected again", line.collect_again, "terminals"),
    ("orders are closed", line.close, "orders"),
    ("mail", mail, "mails"),
    ("terminals download their TMK", download, "TMKs"),
    ("check values are compared", compare, "terminals"),
    ("terminals sign in", sign_in, "terminals"),
    ("what is refused", refused, "attempts"),
]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--staged", required=True, help="folder of an installation")
    parser.add_argument("--terminals", type=int, default=200)
    parser.add_argument("--place", help="folder to work in; default: a new one that is removed")
    parser.add_argument("--preload", help="library for LD_PRELOAD of every program, with TAP_FILE in the place")
    parser.add_argument("--watch", type=argparse.FileType("w"), help="file that gets the components")
    parser.add_argument("--hold", action="store_true", help="at the end, name the daemons and wait for a line")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="strongroom-demo.") as fresh:
        place = Place(options.place or fresh, options.staged, options.preload)
        story = Story(place, options.terminals, options.watch)
        try:
            for title, work, unit in STEPS:
                story.step(title, lambda work=work: work(story), unit)
            if options.hold:
                print("\nholding", *(d.pid for d in place.daemons if d.poll() is None), flush=True)
                sys.stdin.readline()
        except Refused as no:
            story.say(no.args[0], False)
        finally:
            place.close()
            story.around.stop(keep=options.place)
        story.table()
    print("\nAll of it held." if story.held else "\nNot all of it held.")
    return 0 if story.held else 1


if __name__ == "__main__":
    sys.exit(main())
