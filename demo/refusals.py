# SPDX-License-Identifier: BSD-2-Clause
"""What must be refused. Each attempt answers the reason as the operator reads it, or nothing if it was let through; a
program's own refusal arrives as the exception Refused."""
import secrets

import wire
from ceremony import KEY_BYTES
from hosts import spool_of
from line import order_of
from place import Refused, pin, until

TARGET = "BOLT"  # its KMS takes key files from a file server
OTHER = "ACME"


def kms_rows(story, report, customer=TARGET):
    return story.place.json(story.hsm2[customer][0].env, "kmsd", "--config", story.kms_conf[customer][0], report)[report]


def good_file(story):
    """The key file that the DC delivered and the KMS has taken from the file server."""
    return min(story.around.ftp.files.glob("*.keys.done"))


def offer(story, name, records, signer="dc"):
    """Puts a key file into the spool, as whoever has stolen the identity of the DC could; answers the error of its record, or of
    the file."""
    number = story.offered = getattr(story, "offered", 1000) + 1
    header, text = wire.keyfile_text(good_file(story), name, records)
    word = wire.manifest(header, text, number, order_of(TARGET), story.issued / f"{signer}.pem", story.issued / f"{signer}.key")
    return put(story, name, text.encode(), word)


def put(story, name, keys, manifest):
    """The key file first, its manifest last."""
    seen = {r["id"] for r in kms_rows(story, "files")}
    wire.put(spool_of(story, TARGET), f"{name}.keys", keys)
    wire.put(spool_of(story, TARGET), f"{name}.manifest", manifest)

    def done():
        rows = [r for r in kms_rows(story, "files") if r["id"] not in seen and r["name"] == name]
        return rows and rows[-1]["state"] not in ("importing", "receiving") and rows[-1]

    row = until(f"{name} is worked off", done, 30)
    errors = [r["error"] for r in kms_rows(story, "sources") if r["file"] == name and r["error"]]
    return row["error"] or (errors[0] if errors and row["imported"] == 0 else None)


def altered_record(story):
    record = wire.keyfile_records(good_file(story))[0]
    counter = int.from_bytes(wire.record_field(record, "counter"), "big")
    return offer(story, "altered", [wire.record_change(record, counter=(counter + 9).to_bytes(8, "big"))])


def swapped_serial(story):
    record = wire.keyfile_records(good_file(story))[0]
    return offer(story, "swapped", [wire.record_change(record, serial=b"POS99999999")])


def older_record(story):
    """The first terminal was collected twice: its first TK is history."""
    return offer(story, "older", [r for r in wire.keyfile_records(good_file(story))
                                  if wire.record_field(r, "serial") == story.serials[TARGET][0].encode()])


def foreign_record(story):
    record = wire.keyfile_records(good_file(story))[0]
    return offer(story, "foreign", [wire.record_change(record, customer=OTHER.encode(), serial=b"POS99999998")])


def signed_by_another(story):
    return offer(story, "not-by-the-dc", wire.keyfile_records(good_file(story))[:1], signer="opterm")


def same_file(story):
    keys = good_file(story)
    manifest = keys.with_name(keys.name.replace(".keys.", ".manifest."))
    return put(story, keys.name.removesuffix(".keys.done"), keys.read_bytes(), manifest.read_bytes())


def same_file_other_name(story):
    return offer(story, "another-name", wire.keyfile_records(good_file(story)))


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
    ("a key file that the DC did not sign", signed_by_another),
    ("an older record", older_record),
    ("a record for another KMS", foreign_record),
    ("a fake terminal", fake_terminal),
    ("a fake KMS", fake_kms),
    ("a wrong operator PIN", wrong_operator_pin),
    ("both components by one custodian", one_custodian),
]
