# SPDX-License-Identifier: BSD-2-Clause
"""The customers of the story: what each one's KMS is, and how the DC reaches it."""
import collections

# share: terminals of a hundred. way: how the DC delivers (docs/dcd.md). soft: HSM 2 is SoftHSMv2. nodes: kmsd that share a
# database; more than one: on PostgreSQL.
Customer = collections.namedtuple("Customer", "share way soft nodes")

CUSTOMERS = {
    "ACME": Customer(50, "message", soft=False, nodes=2),
    "BOLT": Customer(30, "file", soft=False, nodes=1),
    "CORE": Customer(20, "notice", soft=True, nodes=1),
}
FACTORY_OFFICER = "mtms-officer"


def officer_of(customer):
    return f"{customer.lower()}-officer"


def officers_of(customer):
    """The two parties of a customer's keys (R1.3)."""
    return [FACTORY_OFFICER, officer_of(customer)]
