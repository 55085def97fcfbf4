# SPDX-License-Identifier: BSD-2-Clause
"""The production line: orders with an inventory, terminals that make their TKs, what is missing or there twice (R1.4 to R1.6)."""
import concurrent.futures

from customers import CUSTOMERS
from place import Refused

WORKERS = 3
MISSING = "POS00009999"  # stands in the inventory of the first order and never comes


def order_of(customer):
    return f"ORDER-{customer}"


def mtmsd(story, *words):
    return story.place.run(story.hsm1.env, "mtmsd", "--config", story.mtms_config, *words).decode()


def orders(story):
    """What the factory expects, and who may collect it (R2.3)."""
    first = next(iter(CUSTOMERS))
    for customer in CUSTOMERS:
        inventory = story.place.folder("mtms") / f"{customer}.inventory"
        expected = story.serials[customer] + ([MISSING] if customer == first else [])
        inventory.write_text("".join(f"{serial},PP{serial[3:]}\n" for serial in expected))
        mtmsd(story, "order", "add", order_of(customer), customer, "--inventory", inventory)
        mtmsd(story, "grant", "opterm", "operator 7", f"order:{order_of(customer)}")
    return len(CUSTOMERS)


def pos(story, serial, command, *args, folder=None):
    name = f"pos/{folder or serial}"
    return story.place.run(story.place.computer(name), "pos", command, "--dir", story.place.top / name, *args)


def every_terminal(story, work):
    """work(customer, serial) for all terminals, some at a time; the answers in order."""
    pairs = [(c, s) for c in CUSTOMERS for s in story.serials[c]]
    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        return list(pool.map(lambda pair: work(*pair), pairs))


def make(story, serial, line, folder=None):
    pos(story, serial, "make", "--serial", serial, "--pinpad", f"PP{serial[3:]}", "--root", story.root, "--connect", line, folder=folder)


def twin(story, customer, line):
    """A second device with the serial number of one that was collected."""
    serial = story.serials[customer][0]
    try:
        make(story, serial, line, folder=f"twin-of-{serial}")
        story.say(f"a second device {serial} was let in", False)
    except Refused as no:
        story.say(f"a second device {serial}: {no.args[0]}")


def collect(story):
    lines, lots = {}, {}
    first = next(iter(CUSTOMERS))
    for customer in CUSTOMERS:
        lots[customer] = story.place.start(story.card.env, "opterm.log", "opterm", *story.collect_arguments(
            customer, len(story.serials[customer]), story.card.service_pin))
        lines[customer] = story.place.addresses(lots[customer])["terminals"]
    make(story, story.serials[first][0], lines[first])
    twin(story, first, lines[first])
    every_terminal(story, lambda customer, serial: serial == story.serials[first][0] or make(story, serial, lines[customer]))
    for customer, lot in lots.items():
        rest = lot.stdout.read().decode().strip().splitlines()
        story.say(f"{order_of(customer)}: {rest[-1] if rest else ''}", lot.wait() == 0)
    return story.count


def collect_again(story):
    """A terminal that was repaired makes a new TK: the newer one counts, the older one is history."""
    customer = "BOLT"
    lot = story.place.start(story.card.env, "opterm.log", "opterm", *story.collect_arguments(customer, 1, story.card.service_pin), "--again")
    pos(story, story.serials[customer][0], "factory", "--connect", story.place.addresses(lot)["terminals"])
    rest = lot.stdout.read().decode().strip().splitlines()
    story.say(f"{order_of(customer)}: {rest[-1] if rest else ''}", lot.wait() == 0)
    return 1


def close(story):
    """An order is closed when everything came, or by somebody who says that it did not."""
    first = next(iter(CUSTOMERS))
    for customer in CUSTOMERS:
        try:
            mtmsd(story, "order", "close", order_of(customer))
            story.say(f"{order_of(customer)} closed, nothing is missing", customer != first)
        except Refused as no:
            story.say(f"{order_of(customer)} not closed: {no.args[0]}", customer == first)
            mtmsd(story, "order", "close", order_of(customer), "--incomplete")
            story.say(f"{order_of(customer)} closed as incomplete: missing {MISSING}",
                      MISSING in mtmsd(story, "missing", order_of(customer)))
    return len(CUSTOMERS)
