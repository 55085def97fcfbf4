# SPDX-License-Identifier: BSD-2-Clause
"""What must be refused. Each attempt answers the reason as the operator reads it, or nothing if it was let through; a
program's own refusal arrives as the exception Refused."""
import secrets

import wire
from ceremony import KEY_BYTES
from place import Refused, pin, until

TARGET = "BOLT"  # its KMS takes key files
OTHER = "ACME"


def kms_rows(story, report, customer=TARGET):
    return story.place.json(story.hsm2[customer][0].env, "kmsd", "--config", story.kms_conf[customer][0], report)[report]


def spool(story):
    return story.place.top / f"kms-{TARGET}/spool"


def good_file(story):
    """The key file that the DC delivered and the KMS has imported."""
    if not hasattr(story, "good_file"):
        story.good_file = next(spool(story).rglob("done/*.keys"))
    return story.good_file


def dc_identity(story):
    return story.issued / "dc.pem", story.issued / "dc.key"


def next_number(story):
    story.intruder_number = getattr(story, "intruder_number", 0) + 1
    return story.intruder_number


def offer(story, name, records):
    """Puts a key file into the spool; answers the error of its record, or of the file."""
    like = good_file(story)
    wire.keyfile_write(spool(story), like, name, records, dc_identity(story), next_number(story))

    def done():
        rows = [r for r in kms_rows(story, "files") if r["name"] == name]
        return rows and rows[-1]["state"] != "importing" and rows[-1]

    row = until(f"{name} is worked off", done, 20)
    errors = [r["error"] for r in kms_rows(story, "sources") if r["file"] == name and r["error"]]
    return row["error"] or (errors[0] if errors and row["imported"] == 0 else None)


def altered_record(story):
    record = wire.keyfile_records(good_file(story))[0]
    counter = int.from_bytes(wire.record_field(record, "counter"), "big")
    return offer(story, "altered", [wire.record_change(record, counter=(counter + 1).to_bytes(8, "big"))])


def swapped_serial(story):
    record = wire.keyfile_records(good_file(story))[0]
    return offer(story, "swapped", [wire.record_change(record, serial=b"POS99999999")])


def known_record(story):
    """The genuine record once more, in another file: no error, and nothing changes."""
    refused = offer(story, "known", [wire.keyfile_records(good_file(story))[0]])
    if refused:  # it was the only one of its file
        return refused
    rows = [r for r in kms_rows(story, "sources") if r["file"] == "known"]
    return "known, nothing changed" if [r["outcome"] for r in rows] == ["known"] else None


def foreign_record(story):
    record = wire.keyfile_records(good_file(story))[0]
    return offer(story, "foreign", [wire.record_change(record, customer=OTHER.encode(), serial=b"POS99999998")])


def again(story, name):
    """The bytes of a good file once more, under this name; answers why the KMS refused them."""
    before = len(kms_rows(story, "audit"))
    (spool(story) / f".{name}.part").write_bytes(good_file(story).read_bytes())
    wire.manifest_write(spool(story), name, dc_identity(story), 1)
    rows = until("the file is looked at", lambda: [r for r in kms_rows(story, "audit")[before:] if r["code"]], 20)
    return rows[0]["text"]


def same_file(story):
    return again(story, good_file(story).stem)


def same_file_other_name(story):
    return again(story, "another-name")


def fake_terminal(story):
    serial = story.serials[TARGET][0]
    before = len(kms_rows(story, "audit"))
    downloads = len(kms_rows(story, "downloads"))
    kind, _ = wire.fake_terminal(story.kms[TARGET][0]["terminals"], serial)
    rows = until("the KMS wrote it down", lambda: [r for r in kms_rows(story, "audit")[before:] if r["code"]], 20)
    return rows[0]["text"] if kind == wire.ERROR and len(kms_rows(story, "downloads")) == downloads else None


def fake_kms(story):
    serial = story.serials[TARGET][0]
    folder = story.place.top / "pos" / serial
    with wire.FakeKms() as fake:
        story.place.run(story.place.computer(f"pos/{serial}"), "pos", "download", "--dir", folder, "--connect", fake.address)
    return None


def wrong_operator_pin(story):
    wrong = story.place.secret_file("card/wrong.pin", pin())
    story.place.run(story.card.env, "opterm", *story.collect_arguments(TARGET, 1, wrong))
    return None


def one_custodian(story):
    officer = "mtms-officer"
    for k in (1, 2):
        story.hsm1.enter(officer, f"PK-SOLO#{k}/2", secrets.token_bytes(KEY_BYTES))
    try:
        story.hsm1.combine(officer, "PK-SOLO")
    except Refused as no:
        raise Refused(no.args[0].replace("unknown PKCS11 error (0x1b)", "CKR_ACTION_PROHIBITED (0x1b)")) from no
    return None


ALL = [
    ("a record altered by one byte", altered_record),
    ("a swapped serial number", swapped_serial),
    ("the same key file again", same_file),
    ("the same key file under another name", same_file_other_name),
    ("a record that is there already", known_record),
    ("a record for another KMS", foreign_record),
    ("a fake terminal", fake_terminal),
    ("a fake KMS", fake_kms),
    ("a wrong operator PIN", wrong_operator_pin),
    ("both components by one custodian", one_custodian),
]
