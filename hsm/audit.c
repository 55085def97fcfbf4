/* SPDX-License-Identifier: BSD-2-Clause */
#include "audit.h"

#include <pthread.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "audit_anchor.h"
#include "audit_own.h"
#include "crypto.h"
#include "module.h"
#include "store_rv.h"

#define PROGRAM_MAX 255
#define LABEL_MAX 256
#define PAD 64 /* the length of an entry shall not tell what it is */

const char *audit_name(enum audit_number number)
{
	switch (number) {
#define AUDIT_CASE(symbol, value, name, tells)                                                                         \
	case symbol:                                                                                                   \
		return name;
		AUDIT_EVENTS(AUDIT_CASE)
#undef AUDIT_CASE
	default:
		return NULL;
	}
}

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* The executable of this process; a forked child has the same. */
static char program[PROGRAM_MAX + 1];
static pthread_once_t program_once = PTHREAD_ONCE_INIT;

static void program_find(void)
{
	char path[4096];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path));

	if (n <= 0)
		return;
	/* Of a path that is too long, the end tells more. */
	if (n > PROGRAM_MAX)
		memcpy(program, path + n - PROGRAM_MAX, PROGRAM_MAX);
	else
		memcpy(program, path, (size_t)n);
}

static void put_fields(struct buf *b, const struct token_user *who, const struct audit_event *e)
{
	static const uint8_t zeros[PAD];

	pthread_once(&program_once, program_find);
	buf_put_u64(b, now_ms());
	buf_put_u32(b, (uint32_t)getpid());
	buf_put_lv(b, view_of_string(program));
	buf_put_u8(b, (uint8_t)who->kind);
	buf_put_lv(b, view_of_string(who->name));
	buf_put_u16(b, (uint16_t)e->number);
	buf_put_u64(b, e->result);
	buf_put_lv(b, e->object);
	buf_put_lv(b, e->label.n > LABEL_MAX ? VIEW(e->label.p, LABEL_MAX) : e->label);
	buf_put_u64(b, e->count);
	buf_put(b, zeros, (PAD - b->len % PAD) % PAD);
}

bool audit_fields_get(struct view text, bool old, struct audit_fields *ret)
{
	struct audit_fields f = { 0 };
	struct reader r = reader_of(text);

	f.time = reader_u64(&r);
	f.process = reader_u32(&r);
	if (!old)
		f.program = reader_lv(&r, 0, PROGRAM_MAX);
	f.kind = reader_u8(&r);
	f.user = reader_lv(&r, 0, TOKEN_NAME_MAX + 1);
	f.number = reader_u16(&r);
	f.result = reader_u64(&r);
	f.object = reader_lv(&r, 0, STORE_ID_LEN);
	f.label = reader_lv(&r, 0, LABEL_MAX);
	f.count = reader_u64(&r);
	if (r.failed || (old && r.left > 0) || r.left >= PAD)
		return false;
	*ret = f;
	return true;
}

/* append_old: a token of schema 1 until it is migrated: SHA-256 of the previous entry, everything in the clear. */
static CK_RV append_old(const struct crypto *c, struct store_txn *txn, const struct token_user *who,
			const struct audit_event *e)
{
	BUF_AUTO b = { 0 };
	struct audit_state end = { 0 };
	uint64_t sequence;
	CK_RV rv = audit_end(c, txn, &end);

	if (rv != CKR_OK)
		return rv;
	buf_put_u8(&b, AUDIT_RECORD_OLD);
	buf_put(&b, end.link, sizeof(end.link));
	buf_put_u64(&b, now_ms());
	buf_put_u32(&b, (uint32_t)getpid());
	buf_put_u8(&b, (uint8_t)who->kind);
	buf_put_lv(&b, view_of_string(who->name));
	buf_put_u16(&b, (uint16_t)e->number);
	buf_put_u64(&b, e->result);
	buf_put_lv(&b, e->object);
	buf_put_lv(&b, e->label.n > LABEL_MAX ? VIEW(e->label.p, LABEL_MAX) : e->label);
	buf_put_u64(&b, e->count);
	if (!buf_ok(&b))
		return CKR_HOST_MEMORY;
	return store_rv(store_audit_append(txn, buf_view(&b), &sequence));
}

CK_RV audit_old(const struct crypto *c, struct store_txn *txn, bool *ret)
{
	AUDIT_KEYS_AUTO keys = { { 0 } };
	struct token_record record;
	CK_RV rv = audit_keys_get(c, txn, NULL, &keys);

	*ret = false;
	if (rv != CKR_KEY_HANDLE_INVALID)
		return rv;
	rv = token_record_load(c, txn, &record);
	if (rv != CKR_OK)
		return rv;
	*ret = record.version == TOKEN_VERSION_OLD;
	if (*ret)
		return CKR_OK;
	call_note("the keys of the audit trail are missing: the SO begins it anew (SR_RestartAudit, "
		  "`strongroom audit restart`)");
	return CKR_DEVICE_ERROR;
}

CK_RV audit_ready(const struct crypto *c, struct store_txn *txn)
{
	AUDIT_STATE_AUTO s = { 0 };
	enum audit_fault fault = AUDIT_WHOLE;
	uint64_t at = 0;
	bool old;
	CK_RV rv = audit_old(c, txn, &old);

	if (rv == CKR_OK && !old)
		rv = audit_position(c, txn, &s, &fault, &at);
	return rv == CKR_OK ? audit_refuse(fault, at) : rv;
}

/* put_record: into the database, and the state after it into the transaction. */
static CK_RV put_record(struct store_txn *txn, const struct audit_state *s, struct view record,
			enum store_state_how how)
{
	SECRET_AUTO bytes = { 0 };
	uint64_t sequence = 0;
	CK_RV rv = store_rv(store_audit_append(txn, record, &sequence));

	if (rv != CKR_OK)
		return rv;
	if (sequence != s->next - 1)
		return CKR_DEVICE_ERROR;
	rv = audit_state_put(s, store_serial(txn), &bytes);
	return rv == CKR_OK ? store_rv(store_state_put(txn, &bytes, audit_state_rank(s), how)) : rv;
}

CK_RV audit_append(const struct crypto *c, struct store_txn *txn, const struct token_user *who,
		   const struct audit_event *e)
{
	AUDIT_STATE_AUTO s = { 0 };
	enum audit_fault fault = AUDIT_WHOLE;
	BUF_AUTO plain = { 0 };
	BUF_AUTO record = { 0 };
	uint64_t at;
	bool old;
	CK_RV rv = audit_old(c, txn, &old);

	if (rv != CKR_OK)
		return rv;
	if (old)
		return append_old(c, txn, who, e);
	rv = audit_position(c, txn, &s, &fault, &at);
	if (rv == CKR_OK)
		rv = audit_refuse(fault, at);
	if (rv != CKR_OK)
		return rv;
	put_fields(&plain, who, e);
	if (!buf_ok(&plain))
		return CKR_HOST_MEMORY;
	rv = audit_entry_seal(c, store_serial(txn), &s, buf_view(&plain), &record);
	return rv == CKR_OK ? put_record(txn, &s, buf_view(&record), STORE_STATE_NEXT) : rv;
}

CK_RV token_audit(struct token *t, struct store_txn *txn, const struct audit_event *e)
{
	struct token_user who;

	token_user(t, &who);
	return audit_append(t->crypto, txn, &who, e);
}

CK_RV audit_begin(const struct crypto *c, struct store_txn *txn, enum audit_reason reason,
		  const struct audit_keys *keys, struct view source)
{
	struct audit_head head = { .reason = reason, .keys = keys, .source = source, .time = now_ms() };
	AUDIT_STATE_AUTO s = { 0 };
	BUF_AUTO record = { 0 };
	CK_RV rv = CKR_OK;

	if (reason == AUDIT_REASON_AGAIN || reason == AUDIT_REASON_RESTART) {
		AUDIT_STATE_AUTO before = { 0 };

		rv = audit_position(c, txn, &before, &head.fault, &head.expected);
	}
	if (rv == CKR_OK)
		rv = audit_end(c, txn, &s);
	if (rv != CKR_OK)
		return rv;
	s.segment++;
	rv = audit_head_put(c, store_serial(txn), &head, &s, &record);
	return rv == CKR_OK ? put_record(txn, &s, buf_view(&record), STORE_STATE_ANEW) : rv;
}

CK_RV audit_renew(const struct crypto *c, struct store_txn *txn, enum audit_reason reason, const struct secret *old,
		  const struct secret *user_key)
{
	AUDIT_KEYS_AUTO keys = { { 0 } };
	CK_RV rv = old != NULL ? audit_keys_get(c, txn, old, &keys) : CKR_KEY_HANDLE_INVALID;

	if (rv == CKR_KEY_HANDLE_INVALID || rv == CKR_DEVICE_ERROR)
		rv = audit_keys_new(c, &keys);
	if (rv == CKR_OK)
		rv = audit_keys_put(c, txn, &keys, user_key);
	return rv == CKR_OK ? audit_begin(c, txn, reason, &keys, VIEW(NULL, 0)) : rv;
}

CK_RV audit_adopt(const struct crypto *c, struct store_txn *txn, const struct secret *user_key)
{
	bool old;
	CK_RV rv = audit_old(c, txn, &old);

	return rv == CKR_OK && old ? audit_renew(c, txn, AUDIT_REASON_MIGRATION, NULL, user_key) : rv;
}

CK_RV audit_keys_of(struct token *t, struct store_txn *txn, struct audit_keys *ret)
{
	SECRET_AUTO user_key = { 0 };
	CK_RV rv = seal_user_key(&t->seal, &user_key);
	CK_RV got;

	if (rv != CKR_OK && rv != CKR_USER_NOT_LOGGED_IN)
		return rv;
	got = audit_keys_get(t->crypto, txn, rv == CKR_OK ? &user_key : NULL, ret);
	return got != CKR_OK ? got : rv;
}

CK_RV audit_mark(struct token *t, struct store_txn *txn)
{
	AUDIT_KEYS_AUTO keys = { { 0 } };
	BUF_AUTO anchor = { 0 };
	CK_RV rv = audit_keys_of(t, txn, &keys);

	if (rv == CKR_OK)
		rv = audit_anchor_put(t->crypto, txn, &keys, AUDIT_ANCHOR_BACKUP, &anchor);
	return rv == CKR_OK ? store_rv(store_meta_put(txn, AUDIT_MARK, buf_view(&anchor))) : rv;
}

CK_RV audit_copy(const struct crypto *c, struct store_txn *txn, const struct secret *user_key)
{
	AUDIT_STATE_AUTO s = { 0 };
	AUDIT_KEYS_AUTO keys = { { 0 } };
	enum audit_fault fault;
	BUF_AUTO source = { 0 };
	struct view v = { 0 };
	uint64_t at;
	int e;
	CK_RV rv = audit_position(c, txn, &s, &fault, &at);

	if (rv != CKR_OK || fault == AUDIT_WHOLE)
		return rv;
	e = store_meta_get(txn, AUDIT_MARK, &v);
	if (e != STORE_OK && e != STORE_ENOTFOUND)
		return store_rv(e);
	if (e == STORE_OK)
		buf_put_view(&source, v);
	if (!buf_ok(&source))
		return CKR_HOST_MEMORY;
	rv = audit_keys_get(c, txn, user_key, &keys);
	return rv == CKR_OK ? audit_begin(c, txn, AUDIT_REASON_COPY, &keys, buf_view(&source)) : rv;
}
