/* SPDX-License-Identifier: BSD-2-Clause */
#include "user.h"

#include <string.h>

#include "module.h"
#include "store_rv.h"

#define VERSION 2
#define VERSION_OLD 1
#define MAC_LEN 16

bool user_name_ok(struct view name)
{
	if (name.n < 1 || name.n > TOKEN_NAME_MAX + 1 || name.p[0] < 'a' || name.p[0] > 'z')
		return false;
	for (size_t i = 1; i < name.n; i++) {
		uint8_t c = name.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-'))
			return false;
	}
	return true;
}

bool user_split(struct view pin, struct view *ret_name, struct view *ret_pin)
{
	const uint8_t *colon = pin.n > 0 ? memchr(pin.p, ':', pin.n) : NULL;
	struct view name;

	if (colon == NULL)
		return false;
	name = VIEW(pin.p, colon - pin.p);
	if (!user_name_ok(name))
		return false;
	*ret_name = name;
	*ret_pin = VIEW(colon + 1, pin.n - name.n - 1);
	return true;
}

/*
 * The part of a record that the seal of the user key covers. It begins with a 1 in both versions, so that a record of
 * version 1 becomes one of version 2 without its PIN.
 */
static void put_sealed_part(struct buf *b, const struct user_record *r)
{
	buf_put_u8(b, VERSION_OLD);
	buf_put_u8(b, (uint8_t)r->user.kind);
	buf_put(b, r->user.id, sizeof(r->user.id));
	buf_put_lv(b, view_of_string(r->user.name));
	buf_put(b, r->salt, sizeof(r->salt));
	buf_put_u8(b, r->log2_n);
	buf_put_u8(b, SCRYPT_R);
	buf_put_u8(b, SCRYPT_P);
	buf_put_u32(b, r->flags);
	buf_put_u8(b, r->retries_max);
}

bool user_covered(const struct token_place *place, const struct user_record *r, struct buf *out)
{
	buf_put_view(out, VIEW_STR("strongroom user"));
	buf_put(out, place->serial, STORE_SERIAL_LEN);
	buf_put(out, place->generation, STORE_ID_LEN);
	put_sealed_part(out, r);
	return buf_ok(out);
}

/* struct form: how the records of a token look: their version, and the key of the MAC over the whole of each. */
struct form {
	const struct crypto *crypto;
	uint8_t version;
	struct secret key;
};
#define FORM_AUTO __attribute__((cleanup(form_done))) struct form

static void form_done(struct form *f)
{
	secret_done(&f->key);
}

static CK_RV form_of(const struct crypto *c, struct store_txn *txn, struct form *ret)
{
	struct token_record token;
	CK_RV rv = token_record_load(c, txn, &token);

	if (rv != CKR_OK)
		return rv;
	ret->crypto = c;
	ret->version = token.version;
	return seal_kdf(c, VIEW(token.public_key, sizeof(token.public_key)), VIEW(NULL, 0), "strongroom user records",
			&ret->key);
}

static CK_RV mac_of(const struct form *f, struct view record, uint8_t ret[MAC_LEN])
{
	return seal_mac(f->crypto, secret_view(&f->key), record, ret);
}

/* whole: version 2: the MAC at the end is that of the rest. */
static CK_RV whole(const struct form *f, struct view *v)
{
	uint8_t mac[MAC_LEN];
	CK_RV rv;

	if (v->n <= MAC_LEN)
		return CKR_DEVICE_ERROR;
	v->n -= MAC_LEN;
	rv = mac_of(f, *v, mac);
	return rv == CKR_OK && !ct_equal(mac, v->p + v->n, MAC_LEN) ? CKR_DEVICE_ERROR : rv;
}

static CK_RV parse(const struct form *f, struct view v, struct user_record *ret)
{
	CK_RV rv = f->version == VERSION ? whole(f, &v) : CKR_OK;
	struct user_record r = { 0 };
	struct reader in = reader_of(v);
	uint8_t version = reader_u8(&in);
	uint8_t kind = reader_u8(&in);
	struct view id = reader_bytes(&in, STORE_ID_LEN);
	struct view name = reader_lv(&in, 0, TOKEN_NAME_MAX + 1);
	struct view salt = reader_bytes(&in, sizeof(r.salt));
	uint8_t log2_n = reader_u8(&in);
	uint8_t scrypt_r = reader_u8(&in);
	uint8_t scrypt_p = reader_u8(&in);
	uint32_t flags = reader_u32(&in);
	uint8_t max = reader_u8(&in);
	uint8_t left = reader_u8(&in);
	struct view wrapped = f->version == VERSION ? reader_lv(&in, USER_WRAPPED_LEN, USER_WRAPPED_MAX)
						    : reader_bytes(&in, USER_WRAPPED_LEN);

	if (rv != CKR_OK)
		return rv;
	if (!reader_done(&in) || version != f->version || kind < USER_SO || kind > USER_CUSTODIAN ||
	    log2_n < LOG2_N_MIN || log2_n > LOG2_N_MAX || scrypt_r != SCRYPT_R || scrypt_p != SCRYPT_P)
		return CKR_DEVICE_ERROR;
	r.user.kind = (enum user_kind)kind;
	memcpy(r.user.id, id.p, id.n);
	memcpy(r.user.name, name.p, name.n);
	r.user.must_change = (flags & USER_MUST_CHANGE) != 0;
	memcpy(r.salt, salt.p, salt.n);
	r.log2_n = log2_n;
	r.flags = flags;
	r.retries_max = max;
	r.retries_left = left;
	memcpy(r.wrapped, wrapped.p, wrapped.n);
	r.wrapped_len = wrapped.n;
	*ret = r;
	return CKR_OK;
}

struct search {
	const struct form *form;
	enum user_kind kind;
	const char *name;
	bool any;
	bool found;
	bool spoilt; /* a record that is not what was written: matters when nothing else is found */
	struct user_record record;
};

static int search_one(void *ctx, const uint8_t *id, struct view value)
{
	struct search *s = ctx;
	struct user_record r;

	if (parse(s->form, value, &r) != CKR_OK || memcmp(r.user.id, id, STORE_ID_LEN) != 0) {
		s->spoilt = true;
		return 0;
	}
	if (s->any ? r.user.kind != USER_SO : r.user.kind == s->kind && strcmp(r.user.name, s->name) == 0) {
		s->record = r;
		s->found = true;
		return 1;
	}
	return 0;
}

static CK_RV search(const struct crypto *c, struct store_txn *txn, struct search *s)
{
	FORM_AUTO form = { 0 };
	CK_RV rv = form_of(c, txn, &form);
	int e;

	if (rv != CKR_OK)
		return rv;
	s->form = &form;
	e = store_user_each(txn, search_one, s);
	s->form = NULL;
	if (e < 0)
		return store_rv(e);
	if (!s->found && s->spoilt)
		call_note("a user record is not what was written");
	return !s->found && s->spoilt ? CKR_DEVICE_ERROR : CKR_OK;
}

CK_RV user_find(const struct crypto *c, struct store_txn *txn, enum user_kind kind, const char *name,
		struct user_record *ret)
{
	struct search s = { .kind = kind, .name = name };
	CK_RV rv = search(c, txn, &s);

	if (rv != CKR_OK)
		return rv;
	if (!s.found)
		return CKR_USER_PIN_NOT_INITIALIZED;
	*ret = s.record;
	return CKR_OK;
}

CK_RV user_exists(const struct crypto *c, struct store_txn *txn, enum user_kind kind, const char *name, bool *ret)
{
	struct search s = { .kind = kind, .name = name };
	CK_RV rv = search(c, txn, &s);

	if (rv == CKR_OK)
		*ret = s.found;
	return rv;
}

CK_RV user_any(const struct crypto *c, struct store_txn *txn, bool *ret)
{
	struct search s = { .any = true };
	CK_RV rv = search(c, txn, &s);

	if (rv == CKR_OK)
		*ret = s.found;
	return rv;
}

struct walk {
	const struct form *form;
	CK_RV (*each)(void *ctx, const struct user_record *r);
	void *ctx;
	CK_RV rv;
};

static int walk_one(void *ctx, const uint8_t *id, struct view value)
{
	struct walk *w = ctx;
	struct user_record r;

	w->rv = parse(w->form, value, &r);
	if (w->rv == CKR_OK)
		w->rv = memcmp(r.user.id, id, STORE_ID_LEN) == 0 ? w->each(w->ctx, &r) : CKR_DEVICE_ERROR;
	return w->rv != CKR_OK;
}

CK_RV user_each(const struct crypto *c, struct store_txn *txn, CK_RV (*each)(void *ctx, const struct user_record *r),
		void *ctx)
{
	FORM_AUTO form = { 0 };
	struct walk w = { .form = &form, .each = each, .ctx = ctx };
	CK_RV rv = form_of(c, txn, &form);
	int e;

	if (rv != CKR_OK)
		return rv;
	e = store_user_each(txn, walk_one, &w);
	return e < 0 ? store_rv(e) : w.rv;
}

struct verify {
	const struct form *form;
	void (*each)(void *ctx, const uint8_t *id, bool whole);
	void *ctx;
};

static int verify_one(void *ctx, const uint8_t *id, struct view value)
{
	struct verify *v = ctx;
	struct user_record r;

	v->each(v->ctx, id, parse(v->form, value, &r) == CKR_OK && memcmp(r.user.id, id, STORE_ID_LEN) == 0);
	return 0;
}

CK_RV user_verify(const struct crypto *c, struct store_txn *txn,
		  void (*each)(void *ctx, const uint8_t id[STORE_ID_LEN], bool whole), void *ctx)
{
	FORM_AUTO form = { 0 };
	struct verify v = { .form = &form, .each = each, .ctx = ctx };
	CK_RV rv = form_of(c, txn, &form);

	return rv == CKR_OK ? store_rv(store_user_each(txn, verify_one, &v)) : rv;
}

CK_RV user_store(const struct crypto *c, struct store_txn *txn, const struct user_record *r)
{
	FORM_AUTO form = { 0 };
	BUF_AUTO part = { 0 };
	BUF_AUTO b = { 0 };
	uint8_t mac[MAC_LEN];
	CK_RV rv = form_of(c, txn, &form);

	if (rv != CKR_OK)
		return rv;
	put_sealed_part(&part, r);
	if (!buf_ok(&part))
		return CKR_HOST_MEMORY;
	buf_put_u8(&b, form.version);
	buf_put(&b, part.p + 1, part.len - 1);
	buf_put_u8(&b, r->retries_left);
	if (form.version == VERSION)
		buf_put_lv(&b, VIEW(r->wrapped, r->wrapped_len));
	else
		buf_put(&b, r->wrapped, r->wrapped_len);
	if (form.version == VERSION) {
		rv = mac_of(&form, buf_view(&b), mac);
		buf_put(&b, mac, sizeof(mac));
	}
	if (rv == CKR_OK && !buf_ok(&b))
		rv = CKR_HOST_MEMORY;
	return rv == CKR_OK ? store_rv(store_user_put(txn, r->user.id, buf_view(&b))) : rv;
}
