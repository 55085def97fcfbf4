/* SPDX-License-Identifier: BSD-2-Clause */
#include "audit_chain.h"

#include <string.h>
#include <openssl/evp.h>

#include "crypto.h"
#include "seal.h"

#define STATE_VERSION 1
#define STATE_LEN (1 + STORE_SERIAL_LEN + 4 + 8 + AUDIT_LINK_LEN + AUDIT_KEY_LEN)
#define HEAD_DOMAIN "strongroom audit segment"

void audit_state_done(struct audit_state *s)
{
	secret_done(&s->k);
}

static bool get_old(struct view v, struct reader *r, struct audit_record *ret)
{
	ret->previous = reader_bytes(r, AUDIT_LINK_LEN);
	ret->sealed = VIEW(r->p, r->left);
	return !r->failed;
}

static bool get_entry(struct view v, struct reader *r, struct audit_record *ret)
{
	ret->segment = reader_u32(r);
	ret->sequence = reader_u64(r);
	ret->previous = reader_bytes(r, AUDIT_LINK_LEN);
	if (r->failed)
		return false;
	ret->front = VIEW(v.p, v.n - r->left);
	ret->sealed = VIEW(r->p, r->left);
	return ret->sealed.n >= SEAL_OVERHEAD;
}

static bool get_head(struct view v, struct reader *r, struct audit_record *ret)
{
	uint8_t reason, fault;

	ret->segment = reader_u32(r);
	ret->sequence = reader_u64(r);
	ret->previous = reader_bytes(r, AUDIT_LINK_LEN);
	reason = reader_u8(r);
	ret->time = reader_u64(r);
	fault = reader_u8(r);
	ret->expected = reader_u64(r);
	ret->audit_public = reader_bytes(r, AUDIT_KEY_LEN);
	ret->statement_public = reader_bytes(r, AUDIT_KEY_LEN);
	ret->source = reader_lv(r, 0, AUDIT_SOURCE_MAX);
	ret->sealed = reader_bytes(r, AUDIT_SEALED_LEN);
	ret->front = VIEW(v.p, v.n - r->left);
	ret->signature = reader_lv(r, 0, AUDIT_SIGNATURE_LEN);
	ret->reason = (enum audit_reason)reason;
	ret->fault = (enum audit_fault)fault;
	return reader_done(r) && reason >= AUDIT_REASON_INIT && reason <= AUDIT_REASON_MIGRATION &&
	       fault <= AUDIT_TAIL_CHANGED && (ret->signature.n == 0 || ret->signature.n == AUDIT_SIGNATURE_LEN);
}

bool audit_record_get(struct view v, struct audit_record *ret)
{
	struct audit_record record = { .kind = AUDIT_RECORD_OLD };
	struct reader r = reader_of(v);
	bool right = false;

	record.kind = (enum audit_record_kind)reader_u8(&r);
	if (record.kind == AUDIT_RECORD_OLD)
		right = get_old(v, &r, &record);
	else if (record.kind == AUDIT_RECORD_ENTRY)
		right = get_entry(v, &r, &record);
	else if (record.kind == AUDIT_RECORD_HEAD)
		right = get_head(v, &r, &record);
	if (right)
		*ret = record;
	return right;
}

CK_RV audit_link(const struct crypto *c, struct view record, uint8_t ret[AUDIT_LINK_LEN])
{
	return EVP_Digest(record.p, record.n, ret, NULL, c->md[CRYPTO_SHA256], NULL) == 1 ? CKR_OK : CKR_GENERAL_ERROR;
}

CK_RV audit_step(const struct crypto *c, struct secret *k)
{
	SECRET_AUTO next = { 0 };
	CK_RV rv = audit_expand(c, secret_view(k), VIEW_STR("strongroom audit next"), &next);

	if (rv != CKR_OK)
		return rv;
	secret_done(k);
	secret_move(k, &next);
	return CKR_OK;
}

/* entry_key: the key of the entry at k's place. */
static CK_RV entry_key(const struct crypto *c, const struct secret *k, struct secret *ret)
{
	return audit_expand(c, secret_view(k), VIEW_STR("strongroom audit entry"), ret);
}

static bool put_aad(struct buf *b, const char *serial, struct view front)
{
	buf_put_view(b, VIEW_STR("strongroom audit entry"));
	buf_put(b, serial, STORE_SERIAL_LEN);
	buf_put_view(b, front);
	return buf_ok(b);
}

static void put_front(struct buf *b, enum audit_record_kind kind, const struct audit_state *s)
{
	buf_put_u8(b, (uint8_t)kind);
	buf_put_u32(b, s->segment);
	buf_put_u64(b, s->next);
	buf_put(b, s->link, sizeof(s->link));
}

CK_RV audit_entry_seal(const struct crypto *c, const char *serial, struct audit_state *s, struct view plain,
		       struct buf *out)
{
	SECRET_AUTO key = { 0 };
	BUF_AUTO aad = { 0 };
	CK_RV rv = entry_key(c, &s->k, &key);

	put_front(out, AUDIT_RECORD_ENTRY, s);
	if (rv != CKR_OK)
		return rv;
	if (!put_aad(&aad, serial, buf_view(out)))
		return CKR_HOST_MEMORY;
	rv = seal_bytes(c, key.p, buf_view(&aad), plain, out);
	if (rv == CKR_OK)
		rv = audit_step(c, &s->k);
	if (rv == CKR_OK)
		rv = audit_link(c, buf_view(out), s->link);
	s->next++;
	return rv;
}

CK_RV audit_entry_open(const struct crypto *c, const char *serial, const struct audit_record *r, const struct secret *k,
		       struct secret *ret)
{
	SECRET_AUTO key = { 0 };
	BUF_AUTO aad = { 0 };
	CK_RV rv = entry_key(c, k, &key);

	if (rv != CKR_OK)
		return rv;
	if (!put_aad(&aad, serial, r->front))
		return CKR_HOST_MEMORY;
	return open_bytes(c, key.p, buf_view(&aad), r->sealed, ret);
}

/* The seal of k stands for its place: number, sequence and what came before. */
static bool put_head_aad(struct buf *b, const char *serial, uint32_t segment, uint64_t sequence, struct view previous)
{
	buf_put_view(b, VIEW_STR(HEAD_DOMAIN));
	buf_put(b, serial, STORE_SERIAL_LEN);
	buf_put_u32(b, segment);
	buf_put_u64(b, sequence);
	buf_put_view(b, previous);
	return buf_ok(b);
}

CK_RV audit_head_put(const struct crypto *c, const char *serial, const struct audit_head *h, struct audit_state *s,
		     struct buf *out)
{
	const struct audit_keys *keys = h->keys;
	uint8_t signature[AUDIT_SIGNATURE_LEN];
	SECRET_AUTO k = { 0 };
	BUF_AUTO aad = { 0 };
	size_t signature_len = keys->statement_private.len > 0 ? sizeof(signature) : 0;
	CK_RV rv = CKR_HOST_MEMORY;

	if (!secret_init(&k, AUDIT_KEY_LEN) ||
	    !put_head_aad(&aad, serial, s->segment, s->next, VIEW(s->link, sizeof(s->link))))
		return rv;
	rv = crypto_random(c, k.p, AUDIT_KEY_LEN);
	k.len = AUDIT_KEY_LEN;
	put_front(out, AUDIT_RECORD_HEAD, s);
	buf_put_u8(out, (uint8_t)h->reason);
	buf_put_u64(out, h->time);
	buf_put_u8(out, (uint8_t)h->fault);
	buf_put_u64(out, h->expected);
	buf_put(out, keys->audit_public, AUDIT_KEY_LEN);
	buf_put(out, keys->statement_public, AUDIT_KEY_LEN);
	buf_put_lv(out, h->source);
	if (rv == CKR_OK)
		rv = audit_seal_to(c, keys->audit_public, buf_view(&aad), &k, out);
	if (rv == CKR_OK && signature_len > 0)
		rv = audit_sign(c, &keys->statement_private, HEAD_DOMAIN, serial, buf_view(out), signature);
	if (rv != CKR_OK)
		return rv;
	buf_put_lv(out, VIEW(signature, signature_len));
	if (!buf_ok(out))
		return CKR_HOST_MEMORY;
	rv = audit_link(c, buf_view(out), s->link);
	if (rv != CKR_OK)
		return rv;
	s->next++;
	secret_done(&s->k);
	secret_move(&s->k, &k);
	return CKR_OK;
}

bool audit_head_signed(const struct crypto *c, const char *serial, const struct audit_record *r)
{
	return audit_signed(c, r->statement_public.p, HEAD_DOMAIN, serial, r->front, r->signature);
}

CK_RV audit_head_open(const struct crypto *c, const char *serial, const struct audit_record *r,
		      const struct audit_keys *keys, struct secret *ret)
{
	BUF_AUTO aad = { 0 };

	if (!view_equal(r->audit_public, VIEW(keys->audit_public, AUDIT_KEY_LEN)))
		return CKR_ENCRYPTED_DATA_INVALID;
	if (!put_head_aad(&aad, serial, r->segment, r->sequence, r->previous))
		return CKR_HOST_MEMORY;
	return audit_open_from(c, keys, buf_view(&aad), r->sealed, ret);
}

CK_RV audit_state_put(const struct audit_state *s, const char *serial, struct secret *ret)
{
	uint8_t front[1 + STORE_SERIAL_LEN + 4 + 8];

	front[0] = STATE_VERSION;
	memcpy(front + 1, serial, STORE_SERIAL_LEN);
	be_put32(front + 1 + STORE_SERIAL_LEN, s->segment);
	be_put64(front + 1 + STORE_SERIAL_LEN + 4, s->next);
	if (!secret_init(ret, STATE_LEN) || !secret_append(ret, front, sizeof(front)) ||
	    !secret_append(ret, s->link, sizeof(s->link)) || !secret_append(ret, s->k.p, s->k.len))
		return CKR_HOST_MEMORY;
	return CKR_OK;
}

bool audit_state_get(const struct secret *bytes, const char *serial, struct audit_state *ret)
{
	struct reader r = reader_of(secret_view(bytes));
	uint8_t version = reader_u8(&r);
	struct view of = reader_bytes(&r, STORE_SERIAL_LEN);
	uint32_t segment = reader_u32(&r);
	uint64_t next = reader_u64(&r);
	struct view link = reader_bytes(&r, AUDIT_LINK_LEN);
	struct view k = reader_bytes(&r, AUDIT_KEY_LEN);

	if (!reader_done(&r) || version != STATE_VERSION || !view_equal(of, VIEW(serial, STORE_SERIAL_LEN)))
		return false;
	if (!secret_init(&ret->k, AUDIT_KEY_LEN) || !secret_set(&ret->k, k.p, k.n))
		return false;
	ret->segment = segment;
	ret->next = next;
	memcpy(ret->link, link.p, link.n);
	return true;
}

uint64_t audit_state_rank(const struct audit_state *s)
{
	return (uint64_t)s->segment << 40 | s->next;
}
