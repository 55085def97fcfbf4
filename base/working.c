/* SPDX-License-Identifier: BSD-2-Clause */
#include "working.h"

#include <string.h>

static const char letters[4] = { 'S', 'R', 'W', 'K' };

static void key_put(struct buf *b, const struct wk_key *k)
{
	BUF_AUTO attrs = { 0 };
	BUF_AUTO check = { 0 };

	key_attrs_put(&attrs, &k->attrs);
	check_value_put(&check, &k->check);
	if (!buf_ok(&attrs) || !buf_ok(&check))
		b->failed = true;
	buf_put_lv(b, buf_view(&attrs));
	buf_put_lv(b, buf_view(&check));
	buf_put_lv(b, k->wrapped);
}

static bool key_read(struct reader *r, struct wk_key *ret)
{
	struct view attrs = reader_lv(r, 1, FORMAT_ATTRS_MAX);
	struct view check = reader_lv(r, 1 + FORMAT_CHECK, 1 + FORMAT_CHECK);

	ret->wrapped = reader_lv(r, 16, WK_WRAPPED_MAX);
	return !r->failed && key_attrs_parse(attrs, &ret->attrs) && check_value_parse(check, &ret->check) &&
	       ret->check.method == check_value_method(ret->attrs.type);
}

/* Lengths by form: a key block is text of whole blocks; wrapped under AES a key is 8 bytes longer; bare with its IV. */
static bool form_ok(uint8_t form, const struct wk_key *k)
{
	bool bare = k->attrs.iv.n != 0;

	if (form == WK_FORM_BLOCK)
		return !bare && k->wrapped.n >= 64 && k->wrapped.n % 8 == 0;
	if (form != WK_FORM_WRAP || (bare && k->attrs.type != FORMAT_KEY_TDES))
		return false;
	return k->wrapped.n == (bare ? k->attrs.length : k->attrs.length + 8u);
}

static void body_put(struct buf *b, const struct wk_message *m)
{
	buf_put_u8(b, m->version);
	buf_put_u8(b, m->handshake);
	buf_put_u8(b, m->form);
	buf_put_u64(b, m->generation);
	for (size_t i = 0; i < WK_KINDS; i++)
		key_put(b, &m->key[i]);
}

static bool message_ok(const struct wk_message *m)
{
	const struct key_attrs *pin = &m->key[WK_PINKEY].attrs, *mac = &m->key[WK_MACKEY].attrs;

	for (size_t i = 0; i < WK_KINDS; i++)
		if (m->key[i].attrs.role != WK_ROLE(i) || !form_ok(m->form, &m->key[i]))
			return false;
	/* both of the TMK's type and length */
	return m->version == FORMAT_VERSION && m->generation >= 1 && m->generation <= INT64_MAX &&
	       (m->handshake == FORMAT_HANDSHAKE_V1 || m->handshake == FORMAT_HANDSHAKE_V2) && pin->type == mac->type &&
	       pin->length == mac->length && pin->iv.n == mac->iv.n;
}

bool wk_message_parse(struct view v, struct wk_message *ret)
{
	struct reader r = reader_of(v);
	struct wk_message m = { 0 };

	m.version = reader_u8(&r);
	m.handshake = reader_u8(&r);
	m.form = reader_u8(&r);
	m.generation = reader_u64(&r);
	for (size_t i = 0; i < WK_KINDS; i++)
		if (!key_read(&r, &m.key[i]))
			return false;
	m.mac = reader_lv(&r, 8, FORMAT_MAC_MAX);
	if (!reader_done(&r) || v.n > WK_MESSAGE_MAX || !message_ok(&m) ||
	    m.mac.n != (m.key[WK_MACKEY].attrs.type == FORMAT_KEY_AES ? 16 : 8))
		return false;
	*ret = m;
	return true;
}

void wk_message_put(struct buf *b, const struct wk_message *m)
{
	BUF_AUTO whole = { 0 };
	struct wk_message scratch;

	body_put(&whole, m);
	buf_put_lv(&whole, m->mac);
	if (!buf_ok(&whole) || !wk_message_parse(buf_view(&whole), &scratch))
		b->failed = true;
	else
		buf_put_view(b, buf_view(&whole));
}

void wk_message_mac_input(struct buf *b, const struct wk_cover *cover, const struct wk_message *m)
{
	BUF_AUTO body = { 0 };

	body_put(&body, m);
	if (!buf_ok(&body) || !message_ok(m) || !format_pos_serial_ok(cover->serial) ||
	    (cover->direction != WK_GIVES && cover->direction != WK_CONFIRMS))
		b->failed = true;
	buf_put(b, letters, sizeof(letters));
	buf_put_u8(b, cover->direction);
	buf_put_lv(b, cover->serial);
	buf_put_lv(b, cover->terminal_random);
	buf_put_lv(b, cover->host_random);
	buf_put_lv(b, buf_view(&body));
}

bool wk_blob_parse(struct view v, struct wk_blob *ret)
{
	struct reader r = reader_of(v);
	uint8_t version = reader_u8(&r);
	struct wk_blob blob = { 0 };

	blob.form = reader_u8(&r);
	if (!key_read(&r, &blob.key) || !reader_done(&r) || v.n > WK_BLOB_MAX || version != FORMAT_VERSION ||
	    (blob.key.attrs.role != FORMAT_ROLE_PINKEY && blob.key.attrs.role != FORMAT_ROLE_MACKEY) ||
	    blob.key.attrs.iv.n || !form_ok(blob.form, &blob.key))
		return false;
	*ret = blob;
	return true;
}

void wk_blob_put(struct buf *b, const struct wk_blob *blob)
{
	BUF_AUTO whole = { 0 };
	struct wk_blob scratch;

	buf_put_u8(&whole, FORMAT_VERSION);
	buf_put_u8(&whole, blob->form);
	key_put(&whole, &blob->key);
	if (!buf_ok(&whole) || !wk_blob_parse(buf_view(&whole), &scratch))
		b->failed = true;
	else
		buf_put_view(b, buf_view(&whole));
}
