/* SPDX-License-Identifier: BSD-2-Clause */
#include "mech_vendor.h"
#include <string.h>
#include <time.h>
#include "key.h"
#include "key_block_seal.h"
#include "key_block_use.h"
#include "mech_family.h"
#include "policy.h"
#include "role.h"
#include "session.h"

/* CKM_SR_KEY_BLOCK (vendor.h). The text is key_block.c's, the cryptography key_block_seal.c's, the table of usages
 * key_block_use.c's. */

#define FLAGS_ALL                                                                                                      \
	(SR_KEY_BLOCK_NO_LENGTH_HIDING | SR_KEY_BLOCK_ADD_KC | SR_KEY_BLOCK_ADD_KP | SR_KEY_BLOCK_ADD_TS |             \
	 SR_KEY_BLOCK_ADD_LB)
#define LABEL_MAX 512

/* Forms of the parameter that both functions know; what wrapping needs besides is looked at there. */
static CK_RV param_check(const struct mech_row *row, const CK_MECHANISM *m)
{
	const struct sr_key_block_params *p = m->pParameter;

	return p->pOptional == NULL || p->ulOptionalLen <= ~0UL / 2 ? CKR_OK : CKR_MECHANISM_PARAM_INVALID;
}

const struct mech_param param_key_block = { .text = "struct sr_key_block_params",
					    .size = sizeof(struct sr_key_block_params),
					    .optional = true,
					    .check = param_check };

/* Making. */

static struct key_block_header header_of(const struct sr_key_block_params *p, const struct object *kbpk,
					 const struct object *key)
{
	struct key_block_header h = { .version = (char)p->version,
				      .algorithm = key_block_algorithm(object_key_type(key)),
				      .mode = (char)p->mode,
				      .exportability = (char)p->exportability,
				      .context = p->context == 0 ? '0' : (char)p->context };

	if (h.version == 0)
		h.version = object_key_type(kbpk) == CKK_AES ? 'D' : 'B';
	memcpy(h.usage, p->usage, 2);
	memcpy(h.key_version, p->keyVersion, 2);
	return h;
}

/* header_ok: the letters of a caller; the whole goes through the parser once more, so that nothing unreadable leaves.
 */
static CK_RV header_ok(const struct sr_key_block_params *p, const struct key_block_header *h, CK_KEY_TYPE type,
		       const struct object *kbpk, unsigned *ret_count)
{
	struct view options = VIEW(p->pOptional, p->ulOptionalLen);
	CK_KEY_TYPE hmac;
	bool makes = h->version == 'B' || h->version == 'D';

	if ((p->flags & ~FLAGS_ALL) != 0 || (options.p == NULL && options.n > 0) || options.n > KEY_BLOCK_MAX)
		return CKR_MECHANISM_PARAM_INVALID;
	if (!makes || !key_block_kbpk_ok(h->version, object_key_type(kbpk)) ||
	    !key_block_options_ok(options, ret_count))
		return CKR_MECHANISM_PARAM_INVALID;
	hmac = key_block_hmac_type(options);
	if (h->algorithm == 'H' && (hmac == OBJECT_ANY || (type != CKK_GENERIC_SECRET && type != hmac)))
		return CKR_MECHANISM_PARAM_INVALID;
	return CKR_OK;
}

static bool strong_enough(const struct object *kbpk, const struct object *key)
{
	bool aes_in_des = object_key_type(kbpk) != CKK_AES && object_key_type(key) == CKK_AES;

	return !aes_in_des && policy_strength(kbpk) >= policy_strength(key);
}

static CK_RV add_kcv(struct buf *options, const char *id, const struct object *key)
{
	CK_KEY_TYPE type = object_key_type(key);
	char text[KEY_BLOCK_KCV];
	size_t len = 0;
	CK_RV rv = key_block_kcv(module_crypto(), type, object_secret(key, CKA_VALUE), type == CKK_AES, text, &len);

	if (rv == CKR_OK)
		key_block_option_put(options, id, VIEW(text, len));
	return rv == CKR_KEY_TYPE_INCONSISTENT ? CKR_MECHANISM_PARAM_INVALID : rv;
}

static CK_RV add_time(struct buf *options)
{
	time_t now = time(NULL);
	struct tm tm;
	char text[32];
	size_t n;

	if (gmtime_r(&now, &tm) == NULL)
		return CKR_FUNCTION_FAILED;
	n = strftime(text, sizeof(text), "%Y%m%d%H%M%SZ", &tm);
	key_block_option_put(options, "TS", VIEW(text, n));
	return n == 15 ? CKR_OK : CKR_FUNCTION_FAILED;
}

/* options_of: those of the caller, then those that the token adds. */
static CK_RV options_of(const struct sr_key_block_params *p, const struct object *kbpk, const struct object *key,
			struct buf *options, unsigned *ret_count)
{
	struct view label = object_bytes(key, CKA_LABEL), there;
	static const char *const ids[] = { "KC", "KP", "TS", "LB" };
	CK_RV rv = CKR_OK;

	for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
		if ((p->flags & (SR_KEY_BLOCK_ADD_KC << i)) == 0)
			continue;
		if (key_block_option_find(VIEW(p->pOptional, p->ulOptionalLen), ids[i], &there))
			return CKR_MECHANISM_PARAM_INVALID;
		++*ret_count;
	}
	buf_put(options, p->pOptional, p->ulOptionalLen);
	if (p->flags & SR_KEY_BLOCK_ADD_KC)
		rv = add_kcv(options, "KC", key);
	if (rv == CKR_OK && (p->flags & SR_KEY_BLOCK_ADD_KP))
		rv = add_kcv(options, "KP", kbpk);
	if (rv == CKR_OK && (p->flags & SR_KEY_BLOCK_ADD_TS))
		rv = add_time(options);
	if (rv == CKR_OK && (p->flags & SR_KEY_BLOCK_ADD_LB)) {
		if (label.n == 0 || label.n > LABEL_MAX)
			return CKR_MECHANISM_PARAM_INVALID;
		key_block_option_put(options, "LB", label);
	}
	return rv == CKR_OK && !buf_ok(options) ? CKR_HOST_MEMORY : rv;
}

static CK_RV wrap(struct session *s, const struct mech_row *row, const CK_MECHANISM *m, struct object *kbpk,
		  struct object *key, uint8_t *out, CK_ULONG *len)
{
	struct sr_key_block_params *p = m->pParameter;
	struct key_block_header h;
	struct key_block check;
	BUF_AUTO options = { 0 };
	BUF_AUTO text = { 0 };
	unsigned count = 0;
	size_t n, length;
	CK_RV rv;

	if (m->ulParameterLen == 0)
		return CKR_MECHANISM_PARAM_INVALID;
	if (object_class(key) != CKO_SECRET_KEY || key_block_algorithm(object_key_type(key)) == 0)
		return CKR_KEY_NOT_WRAPPABLE;
	h = header_of(p, kbpk, key);
	rv = header_ok(p, &h, object_key_type(key), kbpk, &count);
	if (rv == CKR_OK && !strong_enough(kbpk, key))
		rv = CKR_KEY_NOT_WRAPPABLE;
	if (rv == CKR_OK)
		rv = key_block_use_check(key, &h);
	if (rv == CKR_OK)
		rv = options_of(p, kbpk, key, &options, &count);
	if (rv != CKR_OK)
		return rv;
	n = key_block_data_len(&h, object_secret(key, CKA_VALUE).n, !(p->flags & SR_KEY_BLOCK_NO_LENGTH_HIDING));
	length = key_block_length(h.version, options.len, count, n);
	if (length == 0)
		return CKR_MECHANISM_PARAM_INVALID;
	if (out == NULL || *len < length) {
		*len = length;
		return out == NULL ? CKR_OK : CKR_BUFFER_TOO_SMALL;
	}
	rv = key_block_make(module_crypto(), object_key_type(kbpk), object_secret(kbpk, CKA_VALUE), &h,
			    buf_view(&options), count, object_secret(key, CKA_VALUE), n, &text);
	/* Letters of the caller that no reader would take. */
	if (rv == CKR_OK && !key_block_parse(buf_view(&text), &check))
		rv = CKR_MECHANISM_PARAM_INVALID;
	if (rv == CKR_OK)
		rv = mech_output_put(buf_view(&text), out, len);
	if (rv == CKR_OK)
		p->algorithm = (CK_BYTE)h.algorithm;
	return rv;
}

/* Opening. */

/* value_of: the key in opened key data; CKR_WRAPPED_KEY_INVALID: no key of that algorithm. DES keys get their parity.
 */
static CK_RV value_of(const struct key_block *b, struct secret *data, CK_KEY_TYPE *ret_type, struct view *ret)
{
	size_t bits = be_get16(data->p), len = bits / 8;
	CK_KEY_TYPE type = key_block_type(b->h.algorithm, len, b->optional);

	if (bits % 8 != 0 || len + 2 > data->len || type == OBJECT_ANY)
		return CKR_WRAPPED_KEY_INVALID;
	if (key_kind(type)->des)
		des_set_parity(data->p + 2, len);
	if (!key_value_ok(type, VIEW(data->p + 2, len)))
		return CKR_WRAPPED_KEY_INVALID;
	*ret_type = type;
	*ret = VIEW(data->p + 2, len);
	return CKR_OK;
}

/* kcv_ok: an optional check value, if it is there and by a method that we know, is that of the key. */
static CK_RV kcv_ok(const struct key_block *b, const char *id, CK_KEY_TYPE type, struct view key)
{
	char want[KEY_BLOCK_KCV];
	struct view have;
	size_t len = 0;
	CK_RV rv;

	if (!key_block_option_find(b->optional, id, &have))
		return CKR_OK;
	if (have.n < 2 || have.p[0] != '0' || (have.p[1] != '0' && have.p[1] != '1'))
		return CKR_OK;
	rv = key_block_kcv(module_crypto(), type, key, have.p[1] == '1', want, &len);
	if (rv == CKR_KEY_TYPE_INCONSISTENT)
		return CKR_OK;
	if (rv != CKR_OK)
		return rv;
	return have.n <= len && ct_equal(have.p, (const uint8_t *)want, have.n) ? CKR_OK : CKR_WRAPPED_KEY_INVALID;
}

/* room_ok, answer: what the caller gets to know of the header. */
static CK_RV room_ok(const CK_MECHANISM *m, const struct key_block *b)
{
	struct sr_key_block_params *p = m->pParameter;

	if (m->ulParameterLen == 0 || p->pOptional == NULL || p->ulOptionalLen >= b->optional.n)
		return CKR_OK;
	p->ulOptionalLen = b->optional.n;
	return CKR_BUFFER_TOO_SMALL;
}

static void answer(const CK_MECHANISM *m, const struct key_block *b)
{
	struct sr_key_block_params *p = m->pParameter;

	if (m->ulParameterLen == 0)
		return;
	p->version = (CK_BYTE)b->h.version;
	memcpy(p->usage, b->h.usage, 2);
	p->algorithm = (CK_BYTE)b->h.algorithm;
	p->mode = (CK_BYTE)b->h.mode;
	memcpy(p->keyVersion, b->h.key_version, 2);
	p->exportability = (CK_BYTE)b->h.exportability;
	p->context = (CK_BYTE)b->h.context;
	if (p->pOptional != NULL && b->optional.n > 0)
		memcpy(p->pOptional, b->optional.p, b->optional.n);
	p->ulOptionalLen = b->optional.n;
}

/* make: the object, its value, the store. A key with a role is as good as those that the token makes. */
static CK_RV make(struct session *s, const struct object *kbpk, const struct key_block *b, CK_KEY_TYPE type,
		  struct view value, const CK_ATTRIBUTE *t, CK_ULONG n, CK_OBJECT_HANDLE *ret)
{
	struct object *o = NULL;
	CK_ULONG asked = value.n;
	CK_RV rv = key_block_use_make(s, kbpk, &b->h, type, t, n, &o);

	if (rv == CKR_OK && template_find(t, n, CKA_VALUE_LEN) != NULL &&
	    (!template_ulong(t, n, CKA_VALUE_LEN, &asked) || asked != value.n))
		rv = CKR_TEMPLATE_INCONSISTENT;
	if (rv == CKR_OK && object_role(o) != 0 &&
	    (!role_key_ok(role_find(object_role(o)), type, value.n) ||
	     (key_kind(type)->des && des_key_weak(value.p, value.n))))
		rv = CKR_WRAPPED_KEY_INVALID;
	if (rv == CKR_OK)
		rv = object_set_secret(o, CKA_VALUE, value);
	if (rv == CKR_OK)
		rv = object_commit(s, o, ret);
	if (rv == CKR_OK)
		session_count(s, AUDIT_KEY_UNWRAPPED, object_bool(o, CKA_TOKEN) ? o : kbpk);
	object_unref(o);
	return rv;
}

static CK_RV unwrap(struct session *s, const struct mech_row *row, const CK_MECHANISM *m, struct object *kbpk,
		    struct view wrapped, const CK_ATTRIBUTE *t, CK_ULONG n, CK_OBJECT_HANDLE *ret)
{
	struct view kek = object_secret(kbpk, CKA_VALUE), value = { 0 };
	CK_KEY_TYPE kek_type = object_key_type(kbpk), type = OBJECT_ANY;
	SECRET_AUTO data = { 0 };
	struct key_block b;
	CK_RV rv;

	if (!key_block_parse(wrapped, &b) || !key_block_kbpk_ok(b.h.version, kek_type))
		return CKR_WRAPPED_KEY_INVALID;
	rv = key_block_open(module_crypto(), kek_type, kek, &b, &data);
	if (rv == CKR_OK)
		rv = value_of(&b, &data, &type, &value);
	if (rv == CKR_OK && type == CKK_AES && kek_type != CKK_AES)
		rv = CKR_WRAPPED_KEY_INVALID;
	if (rv == CKR_OK)
		rv = kcv_ok(&b, "KC", type, value);
	if (rv == CKR_OK)
		rv = kcv_ok(&b, "KP", kek_type, kek);
	if (rv == CKR_OK)
		rv = room_ok(m, &b);
	if (rv == CKR_OK)
		rv = make(s, kbpk, &b, type, value, t, n, ret);
	if (rv == CKR_OK)
		answer(m, &b);
	return rv;
}

const struct mech_ops mech_key_block_ops = { .wrap = wrap, .unwrap = unwrap };
