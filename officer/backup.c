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
#include "commands.h"
#include "pk11_sr.h"
#include "vendor_functions.h"

static const struct show_field fields[] = {
	OFFICER_TOKEN_FIELDS,
	{ "file", "file", "the backup" },
	{ "bytes", "bytes", "its length" },
	{ "made", "made", "when, UTC" },
	{ "sealed", "sealed under", "`passphrase` or `shares`" },
	{ "needed", "shares needed", "how many shares open it", .maybe = true },
	{ "shares", "shares made", "how many there are", .maybe = true },
	{ "set", "set", "the id that all shares of this backup bear", .maybe = true },
	{ "share_files", "share files", "with --share-dir: where they are, one for each custodian", .maybe = true },
	{ "audit_record", "audit record", "last record of the audit trail when the backup began" },
	{ 0 },
};

/* struct wish: what the options ask for. */
struct wish {
	const char *out;
	const char *share_dir;
	struct secret passphrase;
	unsigned long needed, shares; /* 0: by a passphrase */
};

static enum err read_shares(const char *text, struct wish *w, struct fail *f)
{
	char *end = NULL;

	w->needed = strtoul(text, &end, 10);
	if (*end == '/')
		w->shares = strtoul(end + 1, &end, 10);
	if (*end != '\0' || text[0] < '0' || text[0] > '9' || w->needed < 2 || w->needed > w->shares ||
	    w->shares > SR_BACKUP_SHARES_MAX)
		return fail_set(f, ERR_USAGE, 0,
				"--shares %.32s: N/M, for example 2/3: any N of M shares open it, 2 to %lu", text,
				SR_BACKUP_SHARES_MAX);
	return ERR_OK;
}

static enum err wish_of(const struct officer *o, struct wish *w, struct fail *f)
{
	const char *file = officer_value(o, "passphrase-file");
	const char *shares = officer_value(o, "shares");
	struct stat st;

	w->out = officer_value(o, "out");
	w->share_dir = officer_value(o, "share-dir");
	if (!w->out)
		return fail_set(f, ERR_USAGE, 0, "--out FILE: where does the backup go?");
	if (lstat(w->out, &st) == 0)
		return fail_set(f, ERR_USAGE, 0, "--out %.160s: something is there already", w->out);
	if (file && shares)
		return fail_set(f, ERR_USAGE, 0, "--passphrase-file and --shares: one of them");
	if (w->share_dir && !shares)
		return fail_set(f, ERR_USAGE, 0, "--share-dir: goes with --shares");
	if (shares)
		return read_shares(shares, w, f);
	return file ? ask_file(file, &w->passphrase, f) : ask_twice("Passphrase of the backup: ", &w->passphrase, f);
}

/* struct run: a backup on its way. */
struct run {
	struct officer *o;
	const struct wish *wish;
	struct pk11 *p;
	const struct sr_function_list *sr;
	CK_SESSION_HANDLE session;
	struct sr_backup info;
	json_t *share_files;
	uint64_t bytes;
};

static enum err get_share(struct run *r, unsigned long number, struct secret *ret, struct fail *f)
{
	CK_ULONG n = SR_BACKUP_SHARE_TEXT;
	CK_RV rv;

	if (!secret_init(ret, SR_BACKUP_SHARE_TEXT))
		return fail_set(f, ERR_NO_MEMORY, 0, "share");
	rv = r->sr->SR_BackupShare(r->session, number, ret->p, &n);
	if (rv != CKR_OK)
		return officer_fail(r->o, f, rv, "SR_BackupShare", NULL);
	ret->len = n;
	return ERR_OK;
}

/* share_file: the share in the first line, whose it is in the second. */
static enum err share_file(struct run *r, unsigned long number, const struct secret *share, struct fail *f)
{
	BUF_AUTO path = { 0 };
	char set[9];
	enum err e = ERR_OK;
	int fd;

	hex_encode(VIEW(r->info.set, sizeof(r->info.set)), set);
	buf_printf(&path, "%s/%s-share-%lu-of-%lu", r->wish->share_dir, set, number, r->wish->shares);
	buf_put_u8(&path, 0);
	if (!buf_ok(&path))
		return fail_set(f, ERR_NO_MEMORY, 0, "share file");
	fd = open((const char *)path.p, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return fail_set(f, ERR_IO, 0, "%.160s: %s", (const char *)path.p, strerror(errno));
	json_array_append_new(r->share_files, show_string(VIEW(path.p, path.len - 1)));
	if (write(fd, share->p, share->len) != (ssize_t)share->len ||
	    dprintf(fd, "\n# share %lu of %lu of a backup, %lu needed, set %s, token %s (%s)\n", number,
		    r->wish->shares, r->wish->needed, set, (const char *)r->info.szLabel,
		    (const char *)r->info.szSerial) < 0 ||
	    fsync(fd) != 0)
		e = fail_set(f, ERR_IO, 0, "%.160s: %s", (const char *)path.p, strerror(errno));
	close(fd);
	return e;
}

/* share_shown: on the terminal, for one custodian, and away again. */
static enum err share_shown(struct run *r, unsigned long number, const struct secret *share, struct fail *f)
{
	BUF_AUTO unused = { 0 };
	char set[9];
	enum err e;

	hex_encode(VIEW(r->info.set, sizeof(r->info.set)), set);
	ask_tell("Share %lu of %lu, set %s. It is for one custodian alone.", number, r->wish->shares, set);
	e = ask_line("Press Enter when nobody else sees the screen: ", &unused, f);
	if (e != ERR_OK)
		return e;
	for (size_t line = 0; line < 3; line++)
		ask_tell("    %.35s", (const char *)share->p + line * 36);
	e = ask_line("Press Enter when it is written down; it is not shown again: ", &unused, f);
	ask_tell("\033[H\033[2J\033[3J");
	return e;
}

static enum err give_shares(struct run *r, struct fail *f)
{
	enum err e = ERR_OK;

	for (unsigned long i = 1; e == ERR_OK && i <= r->wish->shares; i++) {
		SECRET_AUTO share = { 0 };

		e = get_share(r, i, &share, f);
		if (e == ERR_OK)
			e = r->wish->share_dir ? share_file(r, i, &share, f) : share_shown(r, i, &share, f);
	}
	return e;
}

/* next_part: into part; *ret_n 0: that was all. The first one is the header. */
static enum err next_part(struct run *r, CK_BYTE *part, CK_ULONG *ret_n, struct fail *f)
{
	CK_RV rv;

	*ret_n = SR_BACKUP_PART;
	rv = r->sr->SR_BackupNext(r->session, part, ret_n);
	if (rv != CKR_OK)
		return officer_fail(r->o, f, rv, "SR_BackupNext", NULL);
	if (r->bytes == 0)
		rv = r->sr->SR_GetBackup(pk11_slot(r->p), part, *ret_n, &r->info);
	r->bytes += *ret_n;
	return rv == CKR_OK ? ERR_OK : officer_fail(r->o, f, rv, "SR_GetBackup", NULL);
}

static enum err write_all(struct run *r, struct backup_file *to, struct fail *f)
{
	CK_BYTE *part = malloc(SR_BACKUP_PART);
	CK_ULONG n = 0;
	enum err e = part ? next_part(r, part, &n, f) : fail_set(f, ERR_NO_MEMORY, 0, "backup");

	if (e == ERR_OK)
		e = backup_file_write(to, VIEW(part, n), f);
	if (e == ERR_OK)
		e = give_shares(r, f);
	while (e == ERR_OK && n > 0) {
		e = next_part(r, part, &n, f);
		if (e == ERR_OK && n > 0)
			e = backup_file_write(to, VIEW(part, n), f);
		backup_progress(r->o, "backup", r->bytes, r->info.ulFileLen);
	}
	free(part);
	return e;
}

static enum err begin(struct run *r, struct fail *f)
{
	const struct secret *passphrase = &r->wish->passphrase;
	CK_RV rv = r->sr->SR_BackupInit(r->session, passphrase->p, passphrase->len, r->wish->needed, r->wish->shares);

	if (rv == CKR_PIN_LEN_RANGE)
		return fail_set(f, ERR_USAGE, 0,
				"the passphrase of a backup has 12 letters at least: nothing counts who "
				"tries");
	return rv == CKR_OK ? ERR_OK : officer_fail(r->o, f, rv, "SR_BackupInit", NULL);
}

static enum err show(struct run *r, struct fail *f)
{
	json_t *all = officer_answer(r->p);

	json_object_set_new(all, "file", show_string(view_of_string(r->wish->out)));
	json_object_set_new(all, "bytes", json_integer((json_int_t)r->bytes));
	backup_info_json(all, &r->info);
	if (r->wish->share_dir)
		json_object_set(all, "share_files", r->share_files);
	return officer_show(r->o, all, f);
}

static enum err make(struct run *r, struct fail *f)
{
	struct backup_file to = { .fd = -1 };
	enum err e = backup_file_create(&to, r->wish->out, f);

	if (e == ERR_OK)
		e = begin(r, f);
	if (e == ERR_OK)
		e = write_all(r, &to, f);
	if (e == ERR_OK)
		e = backup_file_finish(&to, f);
	backup_file_drop(&to);
	if (e == ERR_OK)
		return show(r, f);
	/* Shares of a backup that is not there. */
	for (size_t i = 0; i < json_array_size(r->share_files); i++)
		unlink(json_string_value(json_array_get(r->share_files, i)));
	return e;
}

static enum err run_backup(struct officer *o, char **words, struct fail *f)
{
	struct wish wish = { 0 };
	struct run r = { .o = o, .wish = &wish, .share_files = json_array() };
	struct pk11_session *s = NULL;
	enum err e = wish_of(o, &wish, f);

	if (e == ERR_OK)
		e = officer_open(o, PK11_SO, &r.p, f);
	if (e == ERR_OK)
		e = pk11_sr(r.p, &r.sr, f);
	if (e == ERR_OK)
		e = pk11_borrow(r.p, &s, f);
	if (e == ERR_OK) {
		r.session = s->handle;
		e = make(&r, f);
	}
	pk11_return(s, CKR_OK);
	pk11_free(r.p);
	json_decref(r.share_files);
	secret_done(&wish.passphrase);
	return e;
}

static const struct officer_option options[] = {
	{ "out", "FILE", "where the backup goes; nothing may be there" },
	{ "passphrase-file", "FILE",
	  "the passphrase that seals it stands in the first line of this file (mode 0600) or pipe; `-`: in the next "
	  "line "
	  "of standard input. 12 letters at least. Without it and --shares it is asked for on the terminal" },
	{ "shares", "N/M",
	  "seals it under a random key of which M shares are made; any N of them open it, fewer tell nothing" },
	{ "share-dir", "DIR",
	  "writes the shares into files of this directory (mode 0600), to be given to one custodian each. Without it "
	  "each is shown "
	  "on the terminal, one after the other" },
	{ 0 },
};

static const struct officer_form forms[] = {
	{ "", "", 0, 0, "makes a backup, as the security officer", run_backup, fields },
	{ 0 },
};

const struct officer_command command_backup = {
	.name = "backup",
	.summary = "a sealed copy of a token in one file",
	.text = "The file holds users with their PINs and tries, policy, roles, objects and the audit trail as they "
		"were at one "
		"moment; programs go on working meanwhile. Its key has nothing to do with the PINs: a passphrase, or "
		"shares for "
		"several custodians. `strongroom restore` makes a token of it again. Keep file and key apart.",
	.common = COMMON_TOKEN | COMMON_SO,
	.options = options,
	.forms = forms,
	.examples =
	    "strongroom backup --token HSM1 --out hsm1.backup --shares 2/3\n"
	    "strongroom backup --token HSM1 --out hsm1.backup --passphrase-file pass --so-pin-file so.pin --json",
};
