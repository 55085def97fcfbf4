/* SPDX-License-Identifier: BSD-2-Clause */
#include "sr_functions.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policy.h"
#include "dual_own.h"
#include "backup.h"
#include "backup_run.h"
#include "copy.h"
#include "crypto.h"
#include "login.h"
#include "module.h"
#include "store_rv.h"
#include "token_own.h"
#include "token_rebind.h"
#include "verify.h"

/* struct restore: what SR_RestoreInit began. One in a process, under module->restore_lock. */
struct restore {
	const struct crypto *crypto;
	CK_SLOT_ID slot;
	struct backup_header header;
	uint8_t first[SR_BACKUP_HEADER_MAX];
	size_t first_len;
	struct backup_share shares[SHAMIR_SHARES_MAX];
	unsigned share_count;
	bool has_key;
	struct backup_chunks chunks;
	uint8_t sealed[BACKUP_CHUNK + BACKUP_TAG_LEN]; /* of the chunk that is coming in */
	size_t sealed_len;
	uint8_t plain[BACKUP_CHUNK];
	struct store_stage *stage;
	struct token *token; /* of the stage; NULL: bytes are missing */
	bool bound;          /* to this host, just now */
	bool so;             /* who has logged in */
	struct token_user custodians[16];
	unsigned custodian_count;
};

void restore_free(struct restore *r)
{
	if (r == NULL)
		return;
	for (size_t i = 0; i < r->share_count; i++)
		secret_done(&r->shares[i].value);
	backup_chunks_done(&r->chunks);
	token_close(r->token);
	store_stage_drop(r->stage);
	free(r);
}

/* end: it is over; answers rv. */
static CK_RV end(struct module *m, CK_RV rv)
{
	restore_free(m->restore);
	m->restore = NULL;
	return rv;
}

/* find: the restore of this slot. */
static CK_RV find(struct module *m, CK_SLOT_ID slot, struct restore **ret)
{
	struct token *t;
	CK_RV rv = token_find(slot, &t);

	if (rv != CKR_OK)
		return rv;
	if (m->restore == NULL || m->restore->slot != slot)
		return CKR_OPERATION_NOT_INITIALIZED;
	*ret = m->restore;
	return CKR_OK;
}

/* CALL_RESTORE: the shell of a call on what is under way: CALL_MODULE, under the lock of restores. */
#define CALL_RESTORE(slot, expression)                                                                                 \
	do {                                                                                                           \
		CK_RV call_rv = call_module();                                                                         \
		if (call_rv == CKR_OK) {                                                                               \
			pthread_mutex_lock(&module_get()->restore_lock);                                               \
			call_rv = (expression);                                                                        \
			pthread_mutex_unlock(&module_get()->restore_lock);                                             \
		}                                                                                                      \
		return call_end(__func__, (slot), NULL, call_rv);                                                      \
	} while (0)

static CK_RV header_of(CK_BYTE_PTR p, CK_ULONG n, struct backup_header *ret, size_t *ret_len)
{
	CK_RV rv;

	if (p == NULL || n == 0)
		return CKR_ARGUMENTS_BAD;
	rv = backup_header_get(module_crypto(), VIEW(p, n), ret, ret_len);
	return rv == CKR_BUFFER_TOO_SMALL ? CKR_DATA_LEN_RANGE : rv;
}

static CK_RV get_backup(CK_SLOT_ID slot, CK_BYTE_PTR p, CK_ULONG n, struct sr_backup *ret)
{
	struct sr_backup info = { 0 };
	struct backup_header h;
	struct token *t;
	size_t len = 0;
	CK_RV rv = token_find(slot, &t);

	if (rv == CKR_OK)
		rv = ret != NULL ? header_of(p, n, &h, &len) : CKR_ARGUMENTS_BAD;
	if (rv != CKR_OK)
		return rv;
	info.ulKind = h.kind;
	info.ulNeeded = h.needed;
	info.ulShares = h.count;
	memcpy(info.set, h.set, sizeof(info.set));
	memcpy(info.szSerial, h.serial, sizeof(h.serial));
	memcpy(info.szLabel, h.label, sizeof(h.label));
	for (size_t i = sizeof(h.label); i > 0 && info.szLabel[i - 1] == ' '; i--)
		info.szLabel[i - 1] = 0;
	info.ulTime = h.time / 1000;
	info.ulHeaderLen = len;
	info.ulFileLen = len + backup_sealed_len(h.size);
	info.ulAuditSequence = h.audit_sequence;
	*ret = info;
	return CKR_OK;
}

CK_RV SR_GetBackup(CK_SLOT_ID slot, CK_BYTE_PTR header, CK_ULONG len, struct sr_backup *info)
{
	CALL_MODULE(slot, get_backup(slot, header, len, info));
}

static CK_RV restore_init(struct module *m, CK_SLOT_ID slot, CK_BYTE_PTR p, CK_ULONG n)
{
	struct restore *r;
	struct token *t;
	CK_RV rv = token_find(slot, &t);

	if (rv == CKR_OK && token_store(t) != NULL)
		rv = CKR_SLOT_ID_INVALID;
	if (rv == CKR_OK && m->restore != NULL)
		rv = CKR_OPERATION_ACTIVE;
	if (rv != CKR_OK)
		return rv;
	r = calloc(1, sizeof(*r));
	if (r == NULL)
		return CKR_HOST_MEMORY;
	r->crypto = m->crypto;
	r->slot = slot;
	rv = header_of(p, n, &r->header, &r->first_len);
	if (rv == CKR_OK) {
		int e = store_stage_begin(m->settings.token_dir, r->header.serial, &r->stage);

		memcpy(r->first, p, r->first_len);
		rv = e == STORE_EEXIST ? CKR_ACTION_PROHIBITED : store_rv(e);
	}
	if (rv == CKR_OK)
		m->restore = r;
	else
		restore_free(r);
	return rv;
}

CK_RV SR_RestoreInit(CK_SLOT_ID slot, CK_BYTE_PTR header, CK_ULONG len)
{
	CALL_RESTORE(slot, restore_init(module_get(), slot, header, len));
}

/* take_key: the backup key, when it is the one of the header. */
static CK_RV take_key(struct restore *r, const struct secret *key)
{
	struct view first = VIEW(r->first, r->first_len);
	CK_RV rv = backup_header_proves(r->crypto, first, &r->header, key);

	if (rv == CKR_OK)
		rv = backup_chunks_init(&r->chunks, r->crypto, first, &r->header, key);
	r->has_key = rv == CKR_OK;
	return rv;
}

static CK_RV restore_passphrase(struct module *m, CK_SLOT_ID slot, struct view passphrase)
{
	SECRET_AUTO key = { 0 };
	struct restore *r;
	CK_RV rv = find(m, slot, &r);

	if (rv == CKR_OK && (passphrase.p == NULL || r->header.kind != BACKUP_PASSPHRASE))
		rv = CKR_ARGUMENTS_BAD;
	if (rv == CKR_OK && r->has_key)
		rv = CKR_KEY_NOT_NEEDED;
	if (rv == CKR_OK)
		rv = backup_passphrase(r->crypto, &r->header, passphrase, &key);
	if (rv == CKR_PIN_LEN_RANGE)
		return CKR_PIN_INCORRECT; /* of such a length it is nobody's */
	return rv == CKR_OK ? take_key(r, &key) : rv;
}

CK_RV SR_RestorePassphrase(CK_SLOT_ID slot, CK_UTF8CHAR_PTR passphrase, CK_ULONG len)
{
	CALL_RESTORE(slot, restore_passphrase(module_get(), slot, VIEW(passphrase, len)));
}

/* join: the key, from as many shares as it takes. When it is not the one all shares must come again. */
static CK_RV join(struct restore *r)
{
	struct shamir_point points[SHAMIR_SHARES_MAX];
	SECRET_AUTO key = { 0 };
	CK_RV rv;

	for (unsigned i = 0; i < r->share_count; i++)
		points[i] = (struct shamir_point){ .x = r->shares[i].number, .y = secret_view(&r->shares[i].value) };
	rv = shamir_at(0, points, r->share_count, &key);
	if (rv == CKR_OK)
		rv = take_key(r, &key);
	while (r->share_count > 0)
		secret_done(&r->shares[--r->share_count].value);
	return rv;
}

static CK_RV restore_share(struct module *m, CK_SLOT_ID slot, struct view text, CK_ULONG *ret_wrong,
			   CK_ULONG *ret_missing)
{
	struct backup_share share = { 0 };
	struct restore *r;
	CK_RV rv = find(m, slot, &r);

	if (rv == CKR_OK &&
	    (text.p == NULL || ret_wrong == NULL || ret_missing == NULL || r->header.kind != BACKUP_SHARES))
		rv = CKR_ARGUMENTS_BAD;
	if (rv == CKR_OK && r->has_key)
		rv = CKR_KEY_NOT_NEEDED;
	if (rv == CKR_OK)
		rv = backup_share_get(r->crypto, &r->header, text, &share, ret_wrong);
	for (unsigned i = 0; rv == CKR_OK && i < r->share_count; i++)
		if (r->shares[i].number == share.number)
			rv = CKR_KEY_NOT_NEEDED;
	if (rv != CKR_OK) {
		secret_done(&share.value);
		return rv;
	}
	r->shares[r->share_count++] = share;
	*ret_missing = r->header.needed - r->share_count;
	return *ret_missing == 0 ? join(r) : CKR_OK;
}

CK_RV SR_RestoreShare(CK_SLOT_ID slot, CK_UTF8CHAR_PTR share, CK_ULONG len, CK_ULONG_PTR wrong, CK_ULONG_PTR missing)
{
	CALL_RESTORE(slot, restore_share(module_get(), slot, VIEW(share, len), wrong, missing));
}

/* complete: the last byte was written: the token opens, in its stage. */
static CK_RV complete(struct restore *r)
{
	CK_RV rv = store_rv(store_stage_finish(r->stage));

	if (rv == CKR_OK)
		rv = token_open_at(store_stage_dir(r->stage), r->header.serial, r->crypto, &r->token);
	if (rv == CKR_OK)
		r->token->staged = true;
	return rv;
}

static CK_RV take_chunk(struct restore *r)
{
	size_t plain = backup_chunk_len(&r->chunks);
	CK_RV rv = backup_chunk_open(&r->chunks, r->sealed, r->plain);

	r->sealed_len = 0;
	if (rv == CKR_OK)
		rv = store_rv(store_stage_write(r->stage, VIEW(r->plain, plain)));
	if (rv == CKR_OK && backup_chunk_len(&r->chunks) == 0)
		rv = complete(r);
	return rv;
}

static CK_RV take_bytes(struct restore *r, struct view v)
{
	CK_RV rv = CKR_OK;

	while (rv == CKR_OK && v.n > 0) {
		size_t plain = backup_chunk_len(&r->chunks);
		size_t take = plain + BACKUP_TAG_LEN - r->sealed_len;

		if (plain == 0)
			return CKR_DATA_LEN_RANGE;
		take = take < v.n ? take : v.n;
		memcpy(r->sealed + r->sealed_len, v.p, take);
		r->sealed_len += take;
		v = VIEW(v.p + take, v.n - take);
		if (r->sealed_len == plain + BACKUP_TAG_LEN)
			rv = take_chunk(r);
	}
	return rv;
}

static CK_RV restore_next(struct module *m, CK_SLOT_ID slot, struct view v)
{
	struct restore *r;
	CK_RV rv = find(m, slot, &r);

	if (rv == CKR_OK && v.p == NULL)
		rv = CKR_ARGUMENTS_BAD;
	if (rv == CKR_OK && !r->has_key)
		rv = CKR_KEY_NEEDED;
	if (rv != CKR_OK)
		return rv;
	rv = take_bytes(r, v);
	return rv == CKR_OK ? rv : end(m, rv);
}

CK_RV SR_RestoreNext(CK_SLOT_ID slot, CK_BYTE_PTR part, CK_ULONG len)
{
	CALL_RESTORE(slot, restore_next(module_get(), slot, VIEW(part, len)));
}

/* logged_in: notes who it was. A PIN that the SO gave away is nobody's word. */
static CK_RV logged_in(struct restore *r)
{
	struct token_user user;

	token_user(r->token, &user);
	if (user.must_change)
		return CKR_PIN_EXPIRED;
	r->so = r->so || user.kind == USER_SO;
	if (user.kind != USER_CUSTODIAN || r->custodian_count == ARRAY_LEN(r->custodians))
		return CKR_OK;
	for (unsigned i = 0; i < r->custodian_count; i++)
		if (memcmp(r->custodians[i].id, user.id, sizeof(user.id)) == 0)
			return CKR_OK;
	r->custodians[r->custodian_count++] = user;
	return CKR_OK;
}

static CK_RV restore_login(struct module *m, CK_SLOT_ID slot, CK_USER_TYPE type, struct view name, struct view pin)
{
	struct restore *r;
	CK_RV rv = find(m, slot, &r);

	if (rv != CKR_OK)
		return rv;
	if (pin.p == NULL || (name.p == NULL && name.n > 0))
		return CKR_ARGUMENTS_BAD;
	if (r->token == NULL)
		return CKR_DATA_LEN_RANGE;
	pthread_mutex_lock(&r->token->lock);
	token_drop_login(r->token);
	pthread_mutex_unlock(&r->token->lock);
	rv = login_token(r->token, type, name, pin);
	return rv == CKR_OK ? logged_in(r) : rv;
}

CK_RV SR_RestoreLogin(CK_SLOT_ID slot, CK_USER_TYPE type, CK_UTF8CHAR_PTR name, CK_ULONG name_len, CK_UTF8CHAR_PTR pin,
		      CK_ULONG pin_len)
{
	CALL_RESTORE(slot, restore_login(module_get(), slot, type, VIEW(name, name_len), VIEW(pin, pin_len)));
}

/* two_agree: where the token's policy asks for it, two of its council have logged in. */
static CK_RV two_agree(struct restore *r)
{
	struct dual_state *d = NULL;
	struct store_txn *txn = NULL;
	unsigned members = 0;
	struct policy p;
	CK_RV rv = policy_get(r->token, &p);

	if (rv != CKR_OK || (p.dual & DUAL_RESTORE) == 0)
		return rv;
	rv = store_rv(store_begin(token_store(r->token), false, &txn));
	if (rv != CKR_OK)
		return rv;
	rv = dual_load(r->token, txn, &d);
	store_abort(txn);
	for (unsigned i = 0; rv == CKR_OK && i < r->custodian_count; i++)
		members += dual_member(d, r->custodians[i].id);
	free(d);
	return rv == CKR_OK && members < 2 ? CKR_USER_NOT_LOGGED_IN : rv;
}

/* may_install: who has to agree. */
static CK_RV may_install(struct restore *r)
{
	struct token_user user;

	if (r->token == NULL)
		return CKR_DATA_LEN_RANGE;
	token_user(r->token, &user);
	if (user.kind == USER_NONE)
		return CKR_USER_NOT_LOGGED_IN;
	return r->so || r->custodian_count >= 2 ? two_agree(r) : CKR_USER_NOT_LOGGED_IN;
}

/* bind: a copy that is not bound to a host is bound to this one when the settings name a secret, as a new token is. */
static CK_RV bind(struct restore *r, struct store_txn *txn, struct token_record *record)
{
	const char *setting = module_get()->settings.host_secret;
	SECRET_AUTO none = { 0 };
	SECRET_AUTO key = { 0 };
	struct token_place from, to;
	CK_RV rv;

	if (setting == NULL || (record->flags & TOKEN_HOST_BOUND))
		return CKR_OK;
	rv = token_place(r->token, record, &none, &from);
	if (rv == CKR_OK)
		rv = host_key(&from, setting, &key);
	if (rv != CKR_OK)
		return rv;
	to = from;
	to.host_key = &key;
	rv = token_rebind(&from, &to, txn);
	if (rv == CKR_OK) {
		record->flags |= TOKEN_HOST_BOUND;
		r->bound = true;
	}
	return rv;
}

/* mark: the token's record says from now on that it is a copy. */
static CK_RV mark(struct restore *r, struct store_txn *txn)
{
	struct token_record record;
	BUF_AUTO b = { 0 };
	CK_RV rv = token_record_load(r->crypto, txn, &record);

	if (rv == CKR_OK)
		rv = bind(r, txn, &record);
	if (rv != CKR_OK)
		return rv;
	record.flags |= TOKEN_COPY;
	rv = token_record_put(r->crypto, &b, &record);
	return rv == CKR_OK ? store_rv(store_meta_put(txn, "token", buf_view(&b))) : rv;
}

/* note: the last thing that is written before the copy is a token. */
static CK_RV note(struct restore *r)
{
	struct audit_event event = { .number = AUDIT_RESTORED, .label = VIEW(r->header.id, sizeof(r->header.id)) };
	struct store_txn *txn = NULL;
	CK_RV rv = store_rv(store_begin(token_store(r->token), true, &txn));

	if (rv != CKR_OK)
		return rv;
	rv = mark(r, txn);
	if (rv == CKR_OK)
		rv = token_audit(r->token, txn, &event);
	if (rv == CKR_OK)
		return store_rv(store_commit(txn));
	store_abort(txn);
	return rv;
}

/* unstage: the store is closed; of one that was bound just now only what is in use stays: free pages were not. */
static int unstage(struct restore *r)
{
	uint64_t size = 0;
	int fd = -1;
	int e = r->bound ? store_copy(token_store(r->token), &fd, &size) : STORE_OK;

	token_close(r->token);
	r->token = NULL;
	if (e == STORE_OK && r->bound)
		e = store_stage_replace(r->stage, fd);
	if (fd >= 0)
		close(fd);
	return e;
}

/* install: the stage becomes a token, which gets a slot. */
static CK_RV install(struct module *m, struct restore *r, CK_SLOT_ID *ret)
{
	int e = unstage(r);
	CK_RV rv;

	if (e == STORE_OK)
		e = store_stage_install(r->stage);
	rv = e == STORE_EEXIST ? CKR_ACTION_PROHIBITED : store_rv(e);
	if (rv == CKR_OK)
		rv = tokens_scan(m->tokens);
	if (rv != CKR_OK)
		return rv;
	for (struct token *t = atomic_load(&m->tokens->first); t != NULL; t = atomic_load(&t->next)) {
		if (strcmp(t->serial, r->header.serial) == 0) {
			atomic_store(&t->event, false); /* our own doing */
			*ret = t->slot;
			return CKR_OK;
		}
	}
	return CKR_TOKEN_NOT_RECOGNIZED;
}

static CK_RV restore_final(struct module *m, CK_SLOT_ID slot, struct verify *v, CK_SLOT_ID *ret)
{
	struct restore *r;
	CK_RV rv = find(m, slot, &r);

	if (rv == CKR_OK)
		rv = may_install(r);
	if (rv != CKR_OK)
		return rv;
	rv = verify_token(r->token, v);
	if (rv == CKR_OK && v->damaged)
		rv = CKR_DEVICE_ERROR;
	if (rv == CKR_OK)
		rv = note(r);
	if (rv == CKR_OK)
		rv = install(m, r, ret);
	return end(m, rv);
}

static CK_RV final(CK_SLOT_ID slot, struct sr_verify_state *state, struct sr_finding *findings, CK_ULONG *count,
		   CK_SLOT_ID *ret)
{
	struct verify v = { .findings = findings };
	CK_RV rv;

	if (state == NULL || count == NULL || ret == NULL)
		return CKR_ARGUMENTS_BAD;
	v.room = findings != NULL ? *count : 0;
	rv = restore_final(module_get(), slot, &v, ret);
	*count = v.count;
	*state = v.state;
	return rv;
}

CK_RV SR_RestoreFinal(CK_SLOT_ID slot, struct sr_verify_state *state, struct sr_finding *findings, CK_ULONG_PTR count,
		      CK_SLOT_ID_PTR ret)
{
	CALL_RESTORE(slot, final(slot, state, findings, count, ret));
}

static CK_RV restore_cancel(struct module *m, CK_SLOT_ID slot)
{
	struct restore *r;
	CK_RV rv = find(m, slot, &r);

	return rv == CKR_OK ? end(m, CKR_OK) : rv;
}

CK_RV SR_RestoreCancel(CK_SLOT_ID slot)
{
	CALL_RESTORE(slot, restore_cancel(module_get(), slot));
}
