/* SPDX-License-Identifier: BSD-2-Clause */
#include "transport_block.h"

#include <string.h>

static const uint8_t magic[4] = { 'S', 'R', 'K', 'T' };

static bool is_rsa(const struct transport *t)
{
	return t->method >= FORMAT_HASH_SHA1 && t->method <= FORMAT_HASH_SHA512;
}

/* well_formed: lengths and numbers that belong together. */
static bool well_formed(const struct transport *t)
{
	if (!is_rsa(t) && t->method != TRANSPORT_UNDER_KTK)
		return false;
	if (t->role == 0 || !format_key_ok(t->type, t->length) || t->check.method != check_value_method(t->type))
		return false;
	if (t->serial.n != TRANSPORT_SERIAL || t->key_id.n != TRANSPORT_KEY_ID || t->label.n > TRANSPORT_LABEL_MAX)
		return false;
	if (is_rsa(t))
		return t->target.n == TRANSPORT_RSA_TARGET && t->wrapped.n >= FORMAT_RSA_MIN &&
		       t->wrapped.n <= FORMAT_RSA_MAX;
	return t->target.n == TRANSPORT_KTK_TARGET && t->wrapped.n == t->length + 8u;
}

void transport_put(struct buf *b, const struct transport *t)
{
	if (!well_formed(t)) {
		b->failed = true;
		return;
	}
	buf_put(b, magic, sizeof(magic));
	buf_put_u8(b, TRANSPORT_VERSION);
	buf_put_u8(b, t->method);
	buf_put_u8(b, t->role);
	buf_put_u8(b, t->type);
	buf_put_u8(b, t->length);
	buf_put_u32(b, t->generation);
	check_value_put(b, &t->check);
	buf_put_u64(b, t->time);
	buf_put_view(b, t->serial);
	buf_put_view(b, t->key_id);
	buf_put_lv(b, t->label);
	buf_put_lv(b, t->target);
	buf_put_lv(b, t->wrapped);
}

bool transport_parse(struct view v, struct transport *ret, struct view *ret_signed)
{
	struct transport t = { 0 };
	struct reader r = reader_of(v);

	if (!view_equal(reader_bytes(&r, sizeof(magic)), VIEW(magic, sizeof(magic))) ||
	    reader_u8(&r) != TRANSPORT_VERSION)
		return false;
	t.method = reader_u8(&r);
	t.role = reader_u8(&r);
	t.type = reader_u8(&r);
	t.length = reader_u8(&r);
	t.generation = reader_u32(&r);
	if (!check_value_parse(reader_bytes(&r, 1 + FORMAT_CHECK), &t.check))
		return false;
	t.time = reader_u64(&r);
	t.serial = reader_bytes(&r, TRANSPORT_SERIAL);
	t.key_id = reader_bytes(&r, TRANSPORT_KEY_ID);
	t.label = reader_lv(&r, 0, TRANSPORT_LABEL_MAX);
	t.target = reader_lv(&r, TRANSPORT_KTK_TARGET, TRANSPORT_RSA_TARGET);
	t.wrapped = reader_lv(&r, 16, FORMAT_RSA_MAX);
	t.signature = reader_bytes(&r, TRANSPORT_SIGNATURE);
	if (!reader_done(&r) || !well_formed(&t))
		return false;
	*ret = t;
	*ret_signed = VIEW(v.p, v.n - TRANSPORT_SIGNATURE);
	return true;
}
