# SPDX-License-Identifier: BSD-2-Clause
"""The keys of the HSMs before anything runs: ceremonies in the strongroom tokens, transport into the others."""
from ceremony import Token, combine_everywhere
from customers import CUSTOMERS, FACTORY_OFFICER, officer_of, officers_of
from transport import SoftToken, send

STORAGE = {"SRK": "01", "FPK": "02"}  # made by kmsd srk-init, kmsd fpk-init: label and CKA_ID


def ceremony(story):
    """PK and MAK of every customer in HSM 1; in an HSM 2 of strongroom by the same officers, into SoftHSMv2 by transport."""
    place = story.place
    story.hsm1 = Token(place, "hsm1", "HSM1")
    story.hsm1.initialise([FACTORY_OFFICER] + [officer_of(c) for c in CUSTOMERS])
    story.hsm2, values = {}, {}
    for name, customer in CUSTOMERS.items():
        officers = officers_of(name)
        if customer.soft:
            token = SoftToken(place, f"hsm2-{name}", f"HSM2-{name}")
            made = combine_everywhere(name, officers, [story.hsm1], story.watch)
            arrived = send(story.hsm1, token, list(made), officers, hash_name="sha1")
            made = {key: [ours, arrived[key]] for key, (ours,) in made.items()}
            how = f"combined in HSM 1, sent to SoftHSMv2 by {' and '.join(officers)}"
        else:
            token = Token(place, f"hsm2-{name}", f"HSM2-{name}")
            token.initialise(officers)
            made = combine_everywhere(name, officers, [story.hsm1, token], story.watch)
            how = f"combined by {' and '.join(officers)}"
        story.hsm2[name] = [token]
        for key, (one, two) in made.items():
            story.say(f"{key:9} {how}: check value HSM 1 {one}, HSM 2 {two}", one == two)
        values.update(made)
    distinct = {v[0] for v in values.values()}
    story.say(f"{len(distinct)} different keys", len(distinct) == len(values))
    return len(values)


def storage(story):
    """The storage root and fingerprint keys are made in the first node's HSM; the other nodes get all four by transport."""
    count = 0
    for name, customer in CUSTOMERS.items():
        first, config = story.hsm2[name][0], story.kms_conf[name][0]
        for label, number in STORAGE.items():
            story.place.run(first.env, "kmsd", "--config", config, f"{label.lower()}-init", label, number)
            count += 1
        for node in range(2, customer.nodes + 1):
            token = Token(story.place, f"hsm2-{name}-{node}", f"HSM2-{name}-{node}")
            token.initialise(officers_of(name))
            values = send(first, token, [f"PK-{name}", f"MAK-{name}", *STORAGE], officers_of(name))
            story.hsm2[name].append(token)
            story.say(f"{token.label}: " + ", ".join(f"{k} {v}" for k, v in values.items()) + f" from {first.label}, approved by "
                      + " and ".join(officers_of(name)))
            count += len(values)
    return count
