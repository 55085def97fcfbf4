#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Carries terminals from key components to a loaded master key, then shows what is refused. Exit status 0 only if all of
it held. Every program, token, database and connection is the real one; only the tokens are software."""
import argparse
import concurrent.futures
import sys
import tempfile
import time

import refusals
from ceremony import Token, combine_everywhere
from place import Place, Refused, pin, until, write_config

# Customer, how its KMS gets records, terminals per hundred.
CUSTOMERS = {"ACME": ("message", 60), "BOLT": ("file", 40)}
FACTORY_OFFICER = "mtms-officer"
WORKERS = 3


class Story:
    """What the demo made, step after step; the table at the end is printed from here."""

    def __init__(self, place, terminals, watch):
        self.place = place
        self.watch = watch
        self.steps = []  # name, count, unit, seconds
        self.held = True
        self.customers = list(CUSTOMERS)
        self.serials = {}
        start = 1
        for customer, (_, share) in CUSTOMERS.items():
            count = terminals * share // 100
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
        return ["collect", "--order", f"ORDER-{customer}", "--listen", "127.0.0.1:0", "--count", count,
                "--spool", self.place.folder(f"opterm/{customer}"), "--card", self.card.uri(), "--pin-file", pin_file,
                "--mtms", f"https://{self.mtms['https']}", "--cert", self.issued / "opterm.pem",
                "--key-file", self.issued / "opterm.key", "--ca", self.root]

    def table(self):
        print(f"\n{'step':58} {'count':>6} {'':10} {'seconds':>8} {'per second':>11}")
        for title, count, unit, seconds in self.steps:
            print(f"{title:58} {count:6} {unit:10} {seconds:8.1f} {count / seconds:11.1f}")
        print(f"{'all':58} {'':6} {'':10} {sum(s[3] for s in self.steps):8.1f}")


def officer_of(customer):
    return f"{customer.lower()}-officer"


def ceremony(story):
    place = story.place
    story.hsm1 = Token(place, "hsm1", "HSM1")
    story.hsm1.initialise([FACTORY_OFFICER] + [officer_of(c) for c in story.customers])
    story.hsm2 = {}
    values = {}
    for customer in story.customers:
        token = story.hsm2[customer] = Token(place, f"hsm2-{customer}", f"HSM2-{customer}")
        officers = [FACTORY_OFFICER, officer_of(customer)]
        token.initialise(officers)
        made = combine_everywhere(customer, officers, [story.hsm1, token], story.watch)
        for key, (one, two) in made.items():
            story.say(f"{key:9} combined by {' and '.join(officers)}: check value HSM 1 {one}, HSM 2 {two}", one == two)
        values.update(made)
    distinct = {v[0] for v in values.values()}
    story.say(f"{len(distinct)} different keys", len(distinct) == len(values))
    return len(values)


def identities(story):
    place, env = story.place, story.place.computer("ca")
    ca, out = place.top / "ca/authority", place.folder("ca/issued")
    vault = Token(place, "ca", "CA")
    vault.initialise([])
    place.run(env, "strongroom-ca", "init", "--dir", ca, "--name", "HsmRCRT", "--token", vault.service_uri())
    story.root = ca / "root.pem"
    issued = 0
    for role, name in [("mtms", "mtms"), ("dc", "dc"), ("opterm", "opterm")] + [("kms", f"kms-{c}") for c in story.customers]:
        place.run(env, "strongroom-ca", "issue", "--dir", ca, "--role", role, "--name", name, "--key-out", out / f"{name}.key",
                  "--out", out / f"{name}.pem", "--san", "IP:127.0.0.1")
        issued += 1
    # The operator card: a token that makes its own key.
    story.card = Token(place, "card", "OPERATOR-CARD")
    story.card.initialise([])
    card = ["--card", story.card.uri(), "--pin-file", story.card.service_pin]
    place.run(story.card.env, "opterm", "card-init", *card, "--name", "operator 7", "--request", out / "operator.csr")
    place.run(env, "strongroom-ca", "issue", "--dir", ca, "--role", "operator", "--name", "operator 7",
              "--csr", out / "operator.csr", "--out", out / "operator.pem")
    place.run(story.card.env, "opterm", "card-certificate", *card, "--certificate", out / "operator.pem")
    story.issued = out
    # Pr and Pu in HSM 1; the CA certifies the bare Pu in a request that the MTMS identity signed (R1.1).
    story.mtms_config = mtms_config(story, "https://127.0.0.1:9")
    place.run(story.hsm1.env, "mtmsd", "--config", story.mtms_config, "key-init", out / "hsm.request")
    place.run(env, "strongroom-ca", "issue", "--dir", ca, "--role", "hsm", "--name", "HSM 1", "--request", out / "hsm.request",
              "--out", out / "hsm.pem")
    place.run(story.hsm1.env, "mtmsd", "--config", story.mtms_config, "cert-import", out / "hsm.pem")
    return issued + 2


def identity_section(story, name):
    return {"certificate": story.issued / f"{name}.pem", "key": story.issued / f"{name}.key", "ca": story.root}


def mtms_config(story, dc_url):
    sections = {"identity": identity_section(story, "mtms"), "token": {"uri": story.hsm1.service_uri()}, "dc": {"url": dc_url}}
    for customer in story.customers:
        sections[f"customer {customer}"] = {role.lower(): story.hsm1.uri(object=f"{role}-{customer}") for role in ("PK", "MAK")}
    folder = story.place.folder("mtms")
    return write_config(folder / "mtms.conf", {"database": folder / "mtms.db"}, sections)


def kms_config(story, customer):
    token, folder = story.hsm2[customer], story.place.folder(f"kms-{customer}")
    sections = {
        "identity": identity_section(story, f"kms-{customer}"),
        "token": {"uri": token.service_uri(), "srk": token.uri(object="SRK"),
                  "pk": token.uri(object=f"PK-{customer}"), "mak": token.uri(object=f"MAK-{customer}")},
    }
    if CUSTOMERS[customer][0] == "file":
        sections["spool"] = {"folder": story.place.folder(f"kms-{customer}/spool")}
    return write_config(folder / f"kms-{customer}.conf",
                        {"customer": customer, "database": folder / "kms.db", "listen": "127.0.0.1:0"}, sections)


def services(story):
    place = story.place
    story.kms, story.kms_conf, routes = {}, {}, {}
    for customer, (mode, _) in CUSTOMERS.items():
        token, config = story.hsm2[customer], kms_config(story, customer)
        story.kms_conf[customer] = config
        place.run(token.env, "kmsd", "--config", config, "srk-init", "SRK", "01")
        story.kms[customer] = place.daemon(token.env, "kmsd", config)
        routes[f"kms {customer}"] = {"mode": mode, **({"url": f"https://{story.kms[customer]['https']}"} if mode == "message"
                                                      else {"spool": place.folder(f"kms-{customer}/spool")})}
    folder = place.folder("dc")
    story.dc_conf = write_config(folder / "dc.conf", {"database": folder / "dc.db"},
                                 {"identity": identity_section(story, "dc"), **routes})
    dc = place.daemon(place.computer("dc"), "dcd", story.dc_conf)
    story.mtms_config = mtms_config(story, f"https://{dc['https']}")
    for customer in story.customers:
        inventory = folder / f"{customer}.inventory"
        inventory.write_text("".join(f"{serial},PP{serial[3:]}\n" for serial in story.serials[customer]))
        mtmsd = ["mtmsd", "--config", story.mtms_config]
        place.run(story.hsm1.env, *mtmsd, "order", "add", f"ORDER-{customer}", customer, "--inventory", inventory)
        place.run(story.hsm1.env, *mtmsd, "grant", "opterm", "operator 7", f"order:ORDER-{customer}")
    story.mtms = place.daemon(story.hsm1.env, "mtmsd", story.mtms_config)
    story.say(f"mtmsd {story.mtms['https']}, dcd {dc['https']}, " +
              ", ".join(f"kmsd of {c} {a['https']} and {a['terminals']} ({CUSTOMERS[c][0]})" for c, a in story.kms.items()))
    return 2 + len(story.kms)


def pos(story, serial, command, *args):
    return story.place.run(story.place.computer(f"pos/{serial}"), "pos", command, "--dir", story.place.top / "pos" / serial, *args)


def every_terminal(story, work):
    """work(customer, serial) for all terminals, some at a time; the answers in order."""
    pairs = [(c, s) for c in story.customers for s in story.serials[c]]
    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        return list(pool.map(lambda pair: work(*pair), pairs))


def factory(story):
    lines, lots = {}, {}
    for customer in story.customers:
        lots[customer] = story.place.start(story.card.env, "opterm.log", "opterm", *story.collect_arguments(
            customer, len(story.serials[customer]), story.card.service_pin))
        lines[customer] = story.place.addresses(lots[customer])["terminals"]
    every_terminal(story, lambda customer, serial: pos(story, serial, "make", "--serial", serial, "--pinpad", f"PP{serial[3:]}",
                                                       "--root", story.root, "--connect", lines[customer]))
    for customer, lot in lots.items():
        rest = lot.stdout.read().decode().strip().splitlines()
        story.say(f"ORDER-{customer}: {rest[-1] if rest else ''}", lot.wait() == 0)
    return story.count


def distribution(story):
    """Counts what was still on its way when the step began: the daemons do not wait for the story."""
    def status(customer):
        return story.place.json(story.hsm2[customer].env, "kmsd", "--config", story.kms_conf[customer], "status")

    there = sum(status(customer)["key_formal"] for customer in story.customers)
    for customer in story.customers:
        want = len(story.serials[customer])
        got = until(f"import at {customer}", lambda: (s := status(customer))["key_formal"] >= want and s)
        story.say(f"{customer} by {CUSTOMERS[customer][0]}: {got['imported']} imported, {got['import_errors']} errors", got["imported"] == want)
    return story.count - there


def download(story):
    every_terminal(story, lambda customer, serial: pos(story, serial, "download", "--connect", story.kms[customer]["terminals"]))
    return story.count


def compare(story):
    """The check value computed inside every terminal's token against the one that its KMS holds (R1.11)."""
    kms = {}
    for customer in story.customers:
        rows = story.place.json(story.hsm2[customer].env, "kmsd", "--config", story.kms_conf[customer], "terminals")
        kms.update({r["serial_number"]: r for r in rows["terminals"]})

    def one(_, serial):
        env = story.place.computer(f"pos/{serial}")
        return story.place.json(env, "pos", "status", "--dir", story.place.top / "pos" / serial)["tmk_check"]

    values = every_terminal(story, one)
    serials = [s for c in story.customers for s in story.serials[c]]
    equal = sum(1 for serial, value in zip(serials, values) if value and value.upper() == kms[serial]["tmk_check_value"].upper()
                and kms[serial]["confirmed"])
    story.say(f"{equal} of {story.count} check values equal and confirmed, for instance {serials[0]}: {values[0]}",
              equal == story.count)
    story.say(f"{len(set(values))} different TMKs", len(set(values)) >= story.count - 1)
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
    ("officers combine PK and MAK of two customers", ceremony, "keys"),
    ("the CA issues identities and HsmWCRT", identities, "certs"),
    ("services start", services, "daemons"),
    ("terminals make TKs, operation terminals collect them", factory, "terminals"),
    ("MTMS re-wraps, DC distributes, KMS imports the rest", distribution, "records"),
    ("terminals download their TMK", download, "TMKs"),
    ("check values are compared", compare, "terminals"),
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
        story.table()
    print("\nAll of it held." if story.held else "\nNot all of it held.")
    return 0 if story.held else 1


if __name__ == "__main__":
    sys.exit(main())
