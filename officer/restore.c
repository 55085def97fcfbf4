/* SPDX-License-Identifier: BSD-2-Clause */
#include "ck.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ask.h"
#include "backup_file.h"
#include "child.h"
#include "commands.h"
#include "verify.h"

#define SLOTS_MAX 4096

static const struct show_field fields[] = {
	{ "token", "token", "label of the token", .maybe = true },
	{ "serial", "serial", "its serial number", .maybe = true },
	{ "restored", "restored", "true: the token is there again, marked as a copy; false: nothing was changed" },
	{ "file", "file", "the backup", .maybe = true },
	{ "bytes", "bytes", "its length", .maybe = true },
	{ "made", "made", "when, UTC", .maybe = true },
	{ "sealed", "sealed under", "`passphrase` or `shares`", .maybe = true },
	{ "needed", "shares needed", "how many shares open it", .maybe = true },
	{ "shares", "shares made", "how many there are", .maybe = true },
	{ "set", "set", "the id that all shares of this backup bear", .maybe = true },
	{ "audit_record", "audit record", "last record of the audit trail when the backup began", .maybe = true },
	VERIFY_STATE_FIELDS,
	{ 0 },
};

/* struct run: a restore on its way, in the child process. */
struct run {
	struct officer *o;
	struct officer_module m;
	CK_SLOT_ID slot;
	const char *path;
	int fd;
	CK_BYTE *part; /* SR_BACKUP_PART */
	size_t n;      /* bytes in part */
	uint64_t at;   /* in the file, behind part */
	struct sr_backup info;
};

/* fill_part: up to most bytes of the file. */
static enum err fill_part(struct run *r, size_t most, struct fail *f)
{
	r->n = 0;
	while (r->n < most) {
		ssize_t n = read(r->fd, r->part + r->n, most - r->n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail_set(f, ERR_IO, 0, "%.160s: %s", r->path, strerror(errno));
		if (n == 0)
			break;
		r->n += (size_t)n;
	}
	r->at += r->n;
	return ERR_OK;
}

/* free_slot: one without a token. */
static enum err free_slot(struct run *r, struct fail *f)
{
	CK_SLOT_ID *slots = calloc(SLOTS_MAX, sizeof(*slots));
	CK_ULONG n = 0;
	CK_TOKEN_INFO info;
	enum err e = ERR_NOT_FOUND;
	CK_RV rv = slots ? r->m.f->C_GetSlotList(CK_TRUE, NULL, &n) : CKR_HOST_MEMORY;

	n = SLOTS_MAX;
	if (rv == CKR_OK)
		rv = r->m.f->C_GetSlotList(CK_TRUE, slots, &n);
	for (CK_ULONG i = 0; rv == CKR_OK && e != ERR_OK && i < n; i++) {
		if (r->m.f->C_GetTokenInfo(slots[i], &info) != CKR_OK || (info.flags & CKF_TOKEN_INITIALIZED))
			continue;
		r->slot = slots[i];
		e = ERR_OK;
	}
	free(slots);
	if (rv != CKR_OK)
		return officer_fail(r->o, f, rv, "C_GetSlotList", NULL);
	return e == ERR_OK ? e : fail_set(f, e, 0, "the module has no free slot");
}

/* What the codes of reading a backup mean. at: where in the file. */
static enum err read_fail(struct run *r, CK_RV rv, uint64_t at, struct fail *f)
{
	switch (rv) {
	case CKR_DATA_INVALID:
		return fail_set(f, ERR_BAD_DATA, 0, "%.160s: no backup of strongroom, or of a later version", r->path);
	case CKR_ENCRYPTED_DATA_INVALID:
		if (at == 0)
			return fail_set(f, ERR_BAD_DATA, 0, "%.160s: damaged in its header; nothing was restored",
					r->path);
		return fail_set(f, ERR_BAD_DATA, 0,
				"%.120s: damaged, or put together of several files, between bytes %llu and %llu; "
				"nothing was restored",
				r->path, (unsigned long long)at, (unsigned long long)(at + SR_BACKUP_PART));
	case CKR_DATA_LEN_RANGE:
		return fail_set(f, ERR_BAD_DATA, 0, "%.160s: %s; nothing was restored", r->path,
				r->info.ulFileLen > 0 && r->at > r->info.ulFileLen ? "longer than the backup in it"
										   : "cut off");
	default:
		return officer_fail(r->o, f, rv, "SR_RestoreNext", NULL);
	}
}

/* check_length: of a file that has one, before anybody is asked for a key. */
static enum err check_length(struct run *r, struct fail *f)
{
	struct stat st;

	if (fstat(r->fd, &st) != 0 || !S_ISREG(st.st_mode) || (uint64_t)st.st_size == r->info.ulFileLen)
		return ERR_OK;
	return fail_set(f, ERR_BAD_DATA, 0, "%.120s: %s: %llu bytes instead of %lu; nothing was restored", r->path,
			(uint64_t)st.st_size < r->info.ulFileLen ? "cut off" : "longer than the backup in it",
			(unsigned long long)st.st_size, r->info.ulFileLen);
}

static enum err read_header(struct run *r, struct fail *f)
{
	enum err e = fill_part(r, SR_BACKUP_HEADER_MAX, f);
	CK_RV rv;

	if (e != ERR_OK)
		return e;
	if (r->n == 0)
		return fail_set(f, ERR_BAD_DATA, 0, "%.160s: empty", r->path);
	rv = r->m.sr->SR_GetBackup(r->slot, r->part, r->n, &r->info);
	return rv == CKR_OK ? check_length(r, f) : read_fail(r, rv, 0, f);
}

static enum err begin(struct run *r, struct fail *f)
{
	CK_RV rv = r->m.sr->SR_RestoreInit(r->slot, r->part, r->n);

	if (rv == CKR_ACTION_PROHIBITED)
		return fail_set(
		    f, ERR_DUPLICATE, 0,
		    "token %.32s (serial number %.16s) is there already; a backup is never written over a token",
		    (const char *)r->info.szLabel, (const char *)r->info.szSerial);
	return rv == CKR_OK ? ERR_OK : officer_fail(r->o, f, rv, "SR_RestoreInit", NULL);
}

static enum err give_passphrase(struct run *r, struct fail *f)
{
	const char *file = officer_value(r->o, "passphrase-file");
	SECRET_AUTO passphrase = { 0 };
	enum err e;
	CK_RV rv;

	if (officer_has(r->o, "share-file"))
		return fail_set(f, ERR_USAGE, 0, "--share-file: this backup is sealed under a passphrase");
	e = file ? ask_file(file, &passphrase, f) : ask_hidden("Passphrase of the backup: ", &passphrase, f);
	if (e != ERR_OK)
		return e;
	rv = r->m.sr->SR_RestorePassphrase(r->slot, passphrase.p, passphrase.len);
	if (rv == CKR_PIN_INCORRECT)
		return fail_set(f, ERR_REFUSED, 0, "the passphrase is not the one of this backup");
	return rv == CKR_OK ? ERR_OK : officer_fail(r->o, f, rv, "SR_RestorePassphrase", NULL);
}

/* share_fault: what is wrong with a share. from: whose it is. */
static enum err share_fault(struct run *r, CK_RV rv, CK_ULONG wrong, const char *from, struct fail *f)
{
	char set[9];

	hex_encode(VIEW(r->info.set, sizeof(r->info.set)), set);
	switch (rv) {
	case CKR_DATA_INVALID:
	case CKR_DATA_LEN_RANGE:
		if (wrong > 0)
			return fail_set(f, ERR_BAD_DATA, 0, "%.120s: mistyped in group %lu of 18 (five letters each)",
					from, wrong);
		return fail_set(f, ERR_BAD_DATA, 0, "%.120s: mistyped in more than one place", from);
	case CKR_KEY_CHANGED:
		return fail_set(f, ERR_BAD_DATA, 0,
				"%.120s: a share of another backup; those of this one are of set %s", from, set);
	case CKR_KEY_NOT_NEEDED:
		return fail_set(f, ERR_BAD_DATA, 0, "%.120s: a share that was given already", from);
	case CKR_PIN_INCORRECT:
		return fail_set(f, ERR_REFUSED, 0,
				"the shares do not open this backup: its header was changed, or a share "
				"is forged");
	default:
		return officer_fail(r->o, f, rv, "SR_RestoreShare", NULL);
	}
}

static enum err give_share(struct run *r, const struct secret *text, const char *from, CK_ULONG *ret_missing,
			   struct fail *f)
{
	CK_ULONG wrong = 0;
	CK_RV rv = r->m.sr->SR_RestoreShare(r->slot, text->p, text->len, &wrong, ret_missing);

	return rv == CKR_OK ? ERR_OK : share_fault(r, rv, wrong, from, f);
}

/* ask_share: until it is one of this backup; three slips at most. */
static enum err ask_share(struct run *r, CK_ULONG number, CK_ULONG *ret_missing, struct fail *f)
{
	char prompt[64];

	snprintf(prompt, sizeof(prompt), "Share %lu of the %lu that are needed: ", number, r->info.ulNeeded);
	for (int slips = 0;; slips++) {
		SECRET_AUTO text = { 0 };
		struct fail slip = { 0 };
		enum err e = ask_hidden(prompt, &text, f);

		if (e != ERR_OK)
			return e;
		e = give_share(r, &text, "the share", ret_missing, &slip);
		if (e == ERR_BAD_DATA && slips < 2) {
			ask_tell("%s. Again:", slip.text);
			continue;
		}
		return e == ERR_OK ? e : fail_set(f, slip.code, slip.rv, "%s", slip.text);
	}
}

static enum err give_shares(struct run *r, struct fail *f)
{
	bool files = officer_has(r->o, "share-file");
	CK_ULONG missing = r->info.ulNeeded;
	enum err e = ERR_OK;

	if (officer_has(r->o, "passphrase-file"))
		return fail_set(f, ERR_USAGE, 0, "--passphrase-file: this backup is sealed under shares");
	for (size_t i = 0; e == ERR_OK && missing > 0; i++) {
		const char *file = officer_value_at(r->o, "share-file", i);
		SECRET_AUTO text = { 0 };

		if (files && !file)
			return fail_set(f, ERR_REFUSED, 0,
					"%lu more of the shares are needed: %lu of %lu open this backup", missing,
					r->info.ulNeeded, r->info.ulShares);
		if (file)
			e = ask_file(file, &text, f);
		if (e == ERR_OK)
			e = file ? give_share(r, &text, file, &missing, f) : ask_share(r, i + 1, &missing, f);
	}
	return e;
}

static enum err feed(struct run *r, struct fail *f)
{
	size_t skip = r->info.ulHeaderLen;
	enum err e = ERR_OK;

	child_phase("reading the backup");
	while (e == ERR_OK && r->n > 0) {
		uint64_t at = r->at - r->n + skip;
		CK_RV rv = CKR_OK;

		if (r->n > skip)
			rv = r->m.sr->SR_RestoreNext(r->slot, r->part + skip, r->n - skip);
		if (rv != CKR_OK)
			return read_fail(r, rv, at, f);
		skip = 0;
		backup_progress(r->o, "restore", r->at, r->info.ulFileLen);
		e = fill_part(r, SR_BACKUP_PART, f);
	}
	return e == ERR_OK && r->at < r->info.ulFileLen ? read_fail(r, CKR_DATA_LEN_RANGE, 0, f) : e;
}

static enum err login(struct run *r, CK_USER_TYPE type, const struct secret *pin, const char *who, struct fail *f)
{
	CK_RV rv = r->m.sr->SR_RestoreLogin(r->slot, type, NULL, 0, pin->p, pin->len);

	return rv == CKR_OK ? ERR_OK : officer_fail(r->o, f, rv, "login to the token that comes back", who);
}

/* log_in: the custodians that the options name, and the SO, unless there are custodians alone. */
static enum err log_in(struct run *r, struct fail *f)
{
	const char *word;
	enum err e = ERR_OK;

	child_phase("checking PINs against the copy");
	for (size_t i = 0; e == ERR_OK && (word = officer_value_at(r->o, "custodian", i)); i++) {
		const char *file = strchr(word, '=');
		SECRET_AUTO pin = { 0 };
		char name[64], who[96];

		snprintf(name, sizeof(name), "%.*s", file ? (int)(file - word) : 60, word);
		snprintf(who, sizeof(who), "custodian %s", name);
		e = officer_pin_of(name, file ? file + 1 : NULL, &pin, f);
		if (e == ERR_OK)
			e = login(r, CKU_USER, &pin, who, f);
	}
	if (e == ERR_OK && (officer_has(r->o, "so-pin-file") || !officer_has(r->o, "custodian"))) {
		SECRET_AUTO pin = { 0 };

		e = officer_pin(r->o, PK11_SO, &pin, f);
		if (e == ERR_OK)
			e = login(r, CKU_SO, &pin, "the security officer (SO)", f);
	}
	return e;
}

static json_t *answer_of(const struct run *r, bool restored, const struct sr_verify_state *state,
			 const struct sr_finding *findings, CK_ULONG n)
{
	json_t *all = json_object();
	json_t *list = json_array();

	json_object_set_new(all, "token", show_string(view_of_string((const char *)r->info.szLabel)));
	json_object_set_new(all, "serial", show_string(view_of_string((const char *)r->info.szSerial)));
	json_object_set_new(all, "restored", json_boolean(restored));
	json_object_set_new(all, "file", show_string(view_of_string(r->path)));
	json_object_set_new(all, "bytes", json_integer((json_int_t)r->info.ulFileLen));
	backup_info_json(all, &r->info);
	verify_state(all, state);
	for (CK_ULONG i = 0; i < n; i++)
		json_array_append_new(list, verify_finding(&findings[i]));
	json_object_set_new(all, "findings", list);
	return all;
}

static enum err finish(struct run *r, json_t **ret, struct fail *f)
{
	struct sr_finding *findings = calloc(VERIFY_FINDINGS_MAX, sizeof(*findings));
	struct sr_verify_state state = { 0 };
	CK_ULONG n = VERIFY_FINDINGS_MAX;
	CK_SLOT_ID slot = 0;
	enum err e = ERR_OK;
	CK_RV rv;

	if (!findings)
		return fail_set(f, ERR_NO_MEMORY, 0, "findings");
	child_phase("verifying the copy");
	rv = r->m.sr->SR_RestoreFinal(r->slot, &state, findings, &n, &slot);
	if (rv == CKR_OK || (rv == CKR_DEVICE_ERROR && state.ulFindings > 0))
		*ret = answer_of(r, rv == CKR_OK, &state, findings, n);
	else if (rv == CKR_USER_NOT_LOGGED_IN)
		e = fail_set(
		    f, ERR_REFUSED, 0,
		    "restoring this token asks for two custodians: --custodian NAME, twice; nothing was restored");
	else
		e = officer_fail(r->o, f, rv, "SR_RestoreFinal", NULL);
	free(findings);
	return e;
}

static enum err steps(struct run *r, json_t **ret, struct fail *f)
{
	enum err e = free_slot(r, f);

	if (e == ERR_OK)
		e = read_header(r, f);
	if (e == ERR_OK)
		e = begin(r, f);
	if (e == ERR_OK)
		e = r->info.ulKind == SR_BACKUP_SHARES ? give_shares(r, f) : give_passphrase(r, f);
	if (e == ERR_OK)
		e = feed(r, f);
	if (e == ERR_OK)
		e = log_in(r, f);
	if (e == ERR_OK)
		e = finish(r, ret, f);
	if (e != ERR_OK)
		r->m.sr->SR_RestoreCancel(r->slot);
	return e;
}

static enum err restore_there(struct officer *o, void *arg, json_t **ret, struct fail *f)
{
	struct run r = { .o = o, .path = arg, .part = malloc(SR_BACKUP_PART) };
	enum err e = r.part ? ERR_OK : fail_set(f, ERR_NO_MEMORY, 0, "restore");

	r.fd = open(r.path, O_RDONLY | O_CLOEXEC);
	if (e == ERR_OK && r.fd < 0)
		e = fail_set(f, ERR_IO, 0, "%.160s: %s", r.path, strerror(errno));
	child_phase("loading the module");
	if (e == ERR_OK)
		e = officer_module_open(o, &r.m, f);
	if (e == ERR_OK && !r.m.sr)
		e = fail_set(f, ERR_NOT_FOUND, 0, "%.160s: not a strongroom module", officer_module_path(o));
	if (e == ERR_OK)
		e = steps(&r, ret, f);
	officer_module_close(&r.m);
	if (r.fd >= 0)
		close(r.fd);
	free(r.part);
	return e;
}

static enum err run_restore(struct officer *o, char **words, struct fail *f)
{
	const char *in = officer_value(o, "in");
	struct child_end end;
	json_t *answer = NULL;
	enum err e;

	if (!in)
		return fail_set(f, ERR_USAGE, 0, "--in FILE: which backup?");
	e = child_run(o, restore_there, (void *)(uintptr_t)in, 0, &answer, &end, f);
	if (e != ERR_OK)
		return e;
	if (!answer)
		return fail_set(f, ERR_BAD_DATA, 0,
				"%.100s: its pages are damaged (signal %d while %s); nothing was restored", in,
				end.signal, end.phase);
	if (!json_is_true(json_object_get(answer, "restored")))
		officer_found(o);
	return officer_show(o, answer, f);
}

static const struct officer_option options[] = {
	{ "in", "FILE", "the backup" },
	{ "passphrase-file", "FILE",
	  "its passphrase stands in the first line of this file (mode 0600) or pipe; `-`: in the next line of standard "
	  "input. "
	  "Without it it is asked for on the terminal" },
	{ "share-file", "FILE",
	  "a share stands in the first line of this file (mode 0600) or pipe; as often as shares are needed. Without "
	  "it the "
	  "custodians type them in",
	  .many = true },
	{ "custodian", "NAME[=FILE]",
	  "a custodian of the token who agrees, with the file of his PIN; else it is asked for. Two custodians can "
	  "stand for "
	  "the security officer, and the token's policy may ask for them",
	  .many = true },
	{ 0 },
};

static const struct officer_form forms[] = {
	{ "", "", 0, 0, "makes a token of a backup; exit status 3 when what is in it is damaged", run_restore, fields },
	{ 0 },
};

const struct officer_command command_restore = {
	.name = "restore",
	.summary = "makes a token of a backup",
	.text = "The token comes back with its serial number, users, PINs and tries, policy, roles, objects and audit "
		"trail. It is "
		"verified as a whole before it counts as a token, is marked as a copy, and its audit trail goes on "
		"with a new "
		"segment that names where it came from. Nothing is ever written over a token that is there, and "
		"nothing is left "
		"when it does not come to its end.\n"
		"Besides the passphrase or the shares it needs the PIN of the security officer, or two custodians.",
	.common = COMMON_MODULE | COMMON_SO,
	.options = options,
	.forms = forms,
	.examples = "strongroom restore --in hsm1.backup\n"
		    "strongroom restore --in hsm1.backup --share-file a --share-file b --so-pin-file so.pin --json",
};
