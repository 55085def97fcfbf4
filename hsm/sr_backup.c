/* SPDX-License-Identifier: BSD-2-Clause */
#include "sr_functions.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "dual.h"
#include "audit_own.h"
#include "backup.h"
#include "backup_run.h"
#include "copy.h"
#include "crypto.h"
#include "module.h"
#include "object_change.h"
#include "session.h"
#include "store_rv.h"
#include "token_own.h"

_Static_assert(SR_BACKUP_PART == BACKUP_CHUNK + BACKUP_TAG_LEN, "room of a part");
_Static_assert(SR_BACKUP_SHARES_MAX == SHAMIR_SHARES_MAX && SR_BACKUP_SHARE_TEXT == BACKUP_SHARE_TEXT, "shares");

/* struct backup: what SR_BackupInit began. file: the copy of the database; sealed bytes only. */
struct backup {
	const struct crypto *crypto;
	struct backup_header header;
	struct secret shares[SHAMIR_SHARES_MAX];
	struct buf first; /* the header as it goes out; empty: it has gone */
	struct backup_chunks chunks;
	int file;
	uint8_t plain[BACKUP_CHUNK];
};

void backup_free(struct backup *b)
{
	if (b == NULL)
		return;
	for (size_t i = 0; i < ARRAY_LEN(b->shares); i++)
		secret_done(&b->shares[i]);
	backup_chunks_done(&b->chunks);
	buf_done(&b->first);
	if (b->file >= 0)
		close(b->file);
	free(b);
}

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* describe: what the header says of the token. */
static CK_RV describe(struct token *t, struct backup_header *h)
{
	memcpy(h->serial, t->serial, sizeof(h->serial));
	pthread_mutex_lock(&t->lock);
	memcpy(h->label, t->label, sizeof(h->label));
	pthread_mutex_unlock(&t->lock);
	h->time = now_ms();
	return crypto_random(t->crypto, h->id, sizeof(h->id));
}

/* note: in the audit trail before anything is copied, so that the copy tells of itself. */
static CK_RV note(struct session *s, struct backup_header *h)
{
	struct audit_event event = { .number = AUDIT_BACKUP, .count = h->count };
	struct store_txn *txn = NULL;
	struct view entry;
	CK_RV rv = object_begin_write(s, &txn);

	if (rv != CKR_OK)
		return rv;
	rv = dual_spend(s, txn, SR_ACTION_BACKUP, VIEW(s->token->serial, STORE_SERIAL_LEN));
	if (rv == CKR_OK)
		rv = token_audit(s->token, txn, &event);
	if (rv == CKR_OK)
		rv = store_rv(store_audit_last(txn, &h->audit_sequence, &entry));
	if (rv == CKR_OK)
		rv = audit_mark(s->token, txn);
	if (rv == CKR_OK)
		rv = store_rv(store_meta_get(txn, AUDIT_MARK, &entry));
	if (rv == CKR_OK && entry.n > sizeof(h->anchor))
		rv = CKR_GENERAL_ERROR;
	if (rv == CKR_OK) {
		memcpy(h->anchor, entry.p, entry.n);
		h->anchor_len = entry.n;
	}
	if (rv == CKR_OK)
		return store_rv(store_commit(txn));
	store_abort(txn);
	return rv;
}

static CK_RV make_key(const struct crypto *c, struct backup *b, struct view passphrase, struct secret *ret)
{
	if (passphrase.n > 0)
		return backup_passphrase_new(c, passphrase, &b->header, ret);
	return backup_shares_new(c, &b->header, ret, b->shares);
}

static CK_RV fill(struct session *s, struct backup *b, struct view passphrase)
{
	const struct crypto *c = s->token->crypto;
	SECRET_AUTO key = { 0 };
	CK_RV rv = describe(s->token, &b->header);

	if (rv == CKR_OK)
		rv = make_key(c, b, passphrase, &key);
	if (rv == CKR_OK)
		rv = note(s, &b->header);
	if (rv == CKR_OK)
		rv = store_rv(store_copy(token_store(s->token), &b->file, &b->header.size));
	if (rv == CKR_OK && lseek(b->file, 0, SEEK_SET) != 0)
		rv = CKR_DEVICE_ERROR;
	if (rv == CKR_OK)
		rv = backup_header_put(c, &b->header, &key, &b->first);
	if (rv == CKR_OK)
		rv = backup_chunks_init(&b->chunks, c, buf_view(&b->first), &b->header, &key);
	return rv;
}

static CK_RV init(struct session *s, CK_UTF8CHAR_PTR passphrase, CK_ULONG len, CK_ULONG needed, CK_ULONG shares)
{
	struct token_user user;
	struct backup *b;
	CK_RV rv;

	if ((passphrase == NULL && len > 0) || (len > 0) == (shares > 0) || (shares == 0 && needed > 0))
		return CKR_ARGUMENTS_BAD;
	if (shares > 0 && (needed < 2 || needed > shares || shares > SHAMIR_SHARES_MAX))
		return CKR_ARGUMENTS_BAD;
	token_user(s->token, &user);
	if (user.kind != USER_SO)
		return CKR_USER_NOT_LOGGED_IN;
	if (s->backup != NULL)
		return CKR_OPERATION_ACTIVE;
	b = calloc(1, sizeof(*b));
	if (b == NULL)
		return CKR_HOST_MEMORY;
	b->crypto = s->token->crypto;
	b->file = -1;
	b->header.needed = (uint8_t)needed;
	b->header.count = (uint8_t)shares;
	rv = fill(s, b, VIEW(passphrase, len));
	if (rv == CKR_OK)
		s->backup = b;
	else
		backup_free(b);
	return rv;
}

CK_RV SR_BackupInit(CK_SESSION_HANDLE session, CK_UTF8CHAR_PTR passphrase, CK_ULONG len, CK_ULONG needed,
		    CK_ULONG shares)
{
	CALL_SESSION(session, 0, init(call_s, passphrase, len, needed, shares));
}

static CK_RV share(struct session *s, CK_ULONG number, CK_UTF8CHAR_PTR out, CK_ULONG *len)
{
	const struct backup *b = s->backup;
	SECRET_AUTO text = { 0 };
	CK_ULONG room;
	CK_RV rv;

	if (len == NULL)
		return CKR_ARGUMENTS_BAD;
	if (b == NULL)
		return CKR_OPERATION_NOT_INITIALIZED;
	if (number < 1 || number > b->header.count)
		return CKR_ARGUMENTS_BAD;
	room = *len;
	*len = BACKUP_SHARE_TEXT;
	if (out == NULL)
		return CKR_OK;
	if (room < BACKUP_SHARE_TEXT)
		return CKR_BUFFER_TOO_SMALL;
	rv = backup_share_put(b->crypto, &b->header, (unsigned)number, &b->shares[number - 1], &text);
	if (rv == CKR_OK)
		memcpy(out, text.p, text.len);
	return rv;
}

CK_RV SR_BackupShare(CK_SESSION_HANDLE session, CK_ULONG number, CK_UTF8CHAR_PTR out, CK_ULONG_PTR len)
{
	CALL_SESSION(session, 0, share(call_s, number, out, len));
}

static CK_RV read_plain(struct backup *b, size_t want)
{
	for (size_t at = 0; at < want;) {
		ssize_t n = read(b->file, b->plain + at, want - at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return CKR_DEVICE_ERROR;
		at += (size_t)n;
	}
	return CKR_OK;
}

/* next_part: header, chunks, then nothing and the end. An error ends it too: what went out is no backup. */
static CK_RV next_part(struct session *s, CK_BYTE_PTR out, CK_ULONG *len)
{
	struct backup *b = s->backup;
	size_t plain, part;
	CK_ULONG room;
	CK_RV rv;

	if (len == NULL)
		return CKR_ARGUMENTS_BAD;
	if (b == NULL)
		return CKR_OPERATION_NOT_INITIALIZED;
	plain = backup_chunk_len(&b->chunks);
	part = b->first.len > 0 ? b->first.len : plain > 0 ? plain + BACKUP_TAG_LEN : 0;
	room = *len;
	*len = part;
	if (out == NULL)
		return CKR_OK;
	if (room < part)
		return CKR_BUFFER_TOO_SMALL;
	if (b->first.len > 0) {
		memcpy(out, b->first.p, b->first.len);
		buf_done(&b->first);
		return CKR_OK;
	}
	rv = read_plain(b, plain);
	if (rv == CKR_OK && plain > 0)
		rv = backup_chunk_seal(&b->chunks, b->plain, out);
	if (rv != CKR_OK || plain == 0) {
		backup_free(b);
		s->backup = NULL;
	}
	return rv;
}

CK_RV SR_BackupNext(CK_SESSION_HANDLE session, CK_BYTE_PTR part, CK_ULONG_PTR len)
{
	CALL_SESSION(session, 0, next_part(call_s, part, len));
}

static CK_RV cancel(struct session *s)
{
	if (s->backup == NULL)
		return CKR_OPERATION_NOT_INITIALIZED;
	backup_free(s->backup);
	s->backup = NULL;
	return CKR_OK;
}

CK_RV SR_BackupCancel(CK_SESSION_HANDLE session)
{
	CALL_SESSION(session, 0, cancel(call_s));
}
