/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * audit-doc: writes docs/audit.md from the table of events to standard output; with a file name: exit status 0 when
 * that file holds exactly this text.
 */

#include "audit.h"
#include "doc_page.h"

static const char head[] =
    "# Audit trail\n\n"
    "The events are made from the table in `hsm/audit.h` by `audit-doc`; a test compares. Bytes: docs/store.md, Audit "
    "trail.\n\n"
    "Every token keeps a trail of what happened to it: time, user, process (id and executable), event, object, label, "
    "result.\n"
    "A record is written in the transaction of what it tells: **what cannot be written down does not happen.** Reading "
    "needs a\n"
    "login, of whichever user; writing needs none, so that failed logins are in the trail as well.\n\n"
    "    strongroom audit list --token HSM1 --last 20\n"
    "    strongroom audit verify --token HSM1\n"
    "    strongroom audit head --json --token HSM1 > /elsewhere/head-of-today\n"
    "    strongroom audit check /elsewhere/head-of-today --token HSM1\n"
    "    strongroom audit restart --token HSM1\n\n"
    "Programs use SR_GetAudit, SR_AuditHead, SR_CheckAudit and SR_RestartAudit (`vendor_audit.h`).\n\n"
    "## What it shows\n"
    "`verify` reads every record and names the first that is not what was written:\n\n"
    "| answer | what was done |\n"
    "| --- | --- |\n"
    "| cut | the record is not there: taken out of the middle, or, with the state `leads`, off the end |\n"
    "| changed | the record does not open, is not signed, or is not the one that its neighbours name |\n"
    "| moved | the record was written, but for another place or another segment |\n"
    "| unsigned | a copy's segment began without the token's signature |\n\n"
    "Each record is sealed under a key of its own, which is forgotten with the record: who gets hold of the files "
    "finds no key\n"
    "of a record that was there before. The key for the next one stands in `audit.state`, beside the database. A "
    "segment begins\n"
    "with C_InitToken, with a restored copy, and with `audit restart`; its head is signed by the token, which takes a "
    "login.\n\n"
    "When `audit.state` or the keys of the trail are missing, or the file was tampered with or knows of records that "
    "are not\n"
    "there any more, no login succeeds and nothing that belongs into the trail happens (CKR_DEVICE_ERROR; the log says "
    "why).\n"
    "`audit verify --no-login` looks without a login. Put the file back, or let the SO begin a new segment: the trail "
    "then\n"
    "shows what was wrong, which record was the first to be missing, and how many SO PINs were tried in vain.\n\n"
    "## What it does not show\n"
    "- All of the token's files put back to an older state: the token itself cannot know. Keep heads elsewhere; "
    "`audit check`\n"
    "  names the first record that is missing or, when the trail has grown again since, the head's own record.\n"
    "- Records *after* a theft of both files, in the same segment: the thief has the key of the next record, and can "
    "read and\n"
    "  rewrite what follows it if he can write the files later. `audit restart` ends that; so does a head that is kept "
    "elsewhere,\n"
    "  for what was there when it was made.\n"
    "- That there was a failed login after somebody made the files unwritable: nobody can log in then at all.\n"
    "- Old keys on the medium: `audit.state` is overwritten in place. A file system that copies on write, a snapshot, "
    "or a flash\n"
    "  disk may keep what stood there; the kernel writes it back within half a minute, not at once.\n"
    "- What code inside the process does: it has what the process has.\n\n"
    "## Counted\n"
    "What services do all the time is not written one by one: it is counted per session, and written when the session "
    "is\n"
    "closed, at logout and at C_Finalize. A process that is killed takes its counts with it.\n\n"
    "## Events\n"
    "| number | event | what it tells |\n"
    "| --- | --- | --- |\n";

int main(int argc, char **argv)
{
	BUF_AUTO b = { 0 };

	buf_printf(&b, "%s", head);
#define EVENT_ROW(symbol, number, name, tells) buf_printf(&b, "| %d | %s | %s |\n", number, name, tells);
	AUDIT_EVENTS(EVENT_ROW)
#undef EVENT_ROW
	return doc_page(argc, argv, "audit-doc", "the table says", &b);
}
