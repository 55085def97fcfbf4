/* SPDX-License-Identifier: BSD-2-Clause */
/* Working keys (R1.12): what both ways do alike, and the calls of ops.h. */
#include <string.h>

#include "ops_own.h"

#ifndef CKM_AES_KEY_WRAP_KWP
#define CKM_AES_KEY_WRAP_KWP 0x0000210BUL
#endif

/* Tokens of before PKCS #11 3.0 have RFC 5649 under the older name alone. */
static CK_MECHANISM_TYPE padded_wrap(struct pk11_session *s)
{
	CK_SESSION_INFO session;
	CK_MECHANISM_INFO info;

	if (s->f->C_GetSessionInfo(s->handle, &session) == CKR_OK &&
	    s->f->C_GetMechanismInfo(session.slotID, CKM_AES_KEY_WRAP_KWP, &info) == CKR_OK)
		return CKM_AES_KEY_WRAP_KWP;
	return CKM_AES_KEY_WRAP_PAD;
}

CK_MECHANISM wk_wrap_mechanism(struct pk11_session *s, const struct wk_wrapper *w, const struct key_attrs *a)
{
	if (w->type == FORMAT_KEY_AES && a->role == FORMAT_ROLE_PINKEY)
		return (CK_MECHANISM){ padded_wrap(s), NULL, 0 };
	return step_key_mechanism(w->type, a->iv);
}

static enum err cmac(struct pk11_session *s, CK_OBJECT_HANDLE mackey, const struct wk_cover *cover,
		     const struct wk_message *m, uint8_t *ret, size_t *ret_len, struct fail *f)
{
	CK_MECHANISM mechanism = { step_cmac(m->key[WK_MACKEY].attrs.type), NULL, 0 };
	BUF_AUTO covered = { 0 };

	wk_message_mac_input(&covered, cover, m);
	if (!buf_ok(&covered))
		return fail_set(f, ERR_INTERNAL, 0, "working keys: not of the format");
	return step_sign(s, &mechanism, mackey, buf_view(&covered), ret, OPS_TAG_MAX, ret_len, f);
}

static struct wk_cover cover_of(const struct ops_tk *tk, const struct ops_shake *shake, enum wk_direction direction)
{
	return (struct wk_cover){ .direction = (uint8_t)direction,
				  .serial = VIEW(tk->serial, tk->serial_len),
				  .terminal_random = shake->terminal_random,
				  .host_random = shake->host_random };
}

/* ---- made at the host ---- */

/* What is in work: keys of the session, and the bytes that the message points to. */
struct work {
	CK_OBJECT_HANDLE key[WK_KINDS];
	uint8_t iv[WK_KINDS][FORMAT_IV];
	uint8_t under_tmk[WK_KINDS][WK_WRAPPED_MAX];
	uint8_t mac[OPS_TAG_MAX];
	struct wk_message m;
};

/* One key: generated, wrapped under both. */
static enum err make_one(struct ops *o, struct pk11_session *s, const struct wk_way *way, const struct wk_wrapper *tmk,
			 const struct wk_wrapper *srk, enum wk_kind kind, struct work *w, struct buf *blob,
			 struct fail *f)
{
	struct wk_key *k = &w->m.key[kind];
	struct wk_blob stored = { .form = way->storage_form };
	uint8_t under_srk[WK_WRAPPED_MAX];
	size_t n = 0;
	enum err e = way->generate(s, kind, k->attrs.type, k->attrs.length, &w->key[kind], f);

	if (e == ERR_OK)
		e = ops_check_value_of(o, s, w->key[kind], &k->check, f);
	if (e == ERR_OK)
		e = way->wrap(s, srk, way->storage_form, &k->attrs, w->key[kind], under_srk, &n, f);
	stored.key = *k;
	stored.key.wrapped = VIEW(under_srk, n);
	if (e == ERR_OK)
		wk_blob_put(blob, &stored);
	if (e == ERR_OK && !buf_ok(blob))
		e = fail_set(f, ERR_INTERNAL, 0, "working key for the database: not of the format");
	if (e == ERR_OK && w->m.form == WK_FORM_WRAP)
		e = step_iv(s, tmk->type, VIEW(NULL, 0), w->iv[kind], &k->attrs.iv, f);
	if (e == ERR_OK)
		e = way->wrap(s, tmk, w->m.form, &k->attrs, w->key[kind], w->under_tmk[kind], &n, f);
	k->wrapped = VIEW(w->under_tmk[kind], n);
	return e;
}

static uint8_t form_for(const struct wk_way *way, uint8_t theirs, uint8_t type)
{
	uint8_t both = way->forms & theirs;

	if (both & WK_FORM_BLOCK)
		return WK_FORM_BLOCK;
	return (both & WK_FORM_WRAP) && (type == FORMAT_KEY_AES || way->bare) ? WK_FORM_WRAP : 0;
}

static enum err message_make(struct pk11_session *s, const struct ops_wk_make_arg *in, struct work *w, struct fail *f)
{
	struct wk_cover gives = cover_of(in->in->tk, in->in->shake, WK_GIVES);
	struct wk_cover confirms = cover_of(in->in->tk, in->in->shake, WK_CONFIRMS);
	struct ops_wk_made *made = in->made;
	size_t n = 0;
	enum err e = cmac(s, w->key[WK_MACKEY], &gives, &w->m, w->mac, &n, f);

	if (e == ERR_OK)
		e = cmac(s, w->key[WK_MACKEY], &confirms, &w->m, made->confirm, &made->confirm_len, f);
	if (e != ERR_OK)
		return e;
	w->m.mac = VIEW(w->mac, n);
	wk_message_put(&made->message, &w->m);
	return buf_ok(&made->message) ? ERR_OK : fail_set(f, ERR_INTERNAL, 0, "working keys: not of the format");
}

enum err wk_make(struct ops *o, struct pk11_session *s, struct ops_wk_make_arg *in, const struct wk_way *way,
		 struct fail *f)
{
	const struct key_attrs *tmk_attrs = &in->tmk->attrs;
	struct wk_wrapper tmk = { .type = tmk_attrs->type }, srk = { .type = FORMAT_KEY_AES, .storage = true };
	struct work w = { .m = { .version = FORMAT_VERSION, .generation = in->in->generation } };
	struct template t = { 0 };
	enum err e;

	w.m.handshake = in->in->tk->handshake;
	w.m.form = form_for(way, in->in->forms, tmk_attrs->type);
	if (!w.m.form)
		return fail_set(f, ERR_REFUSED, 0, "no form of working keys that this terminal takes is made here");
	for (size_t i = 0; i < WK_KINDS; i++)
		w.m.key[i].attrs = (struct key_attrs){ WK_ROLE(i), tmk_attrs->type, tmk_attrs->length, VIEW(NULL, 0) };
	way->tmk(&t, tmk_attrs->type, tmk_attrs->length);
	e = step_blob_unwrap(o, s, in->in->srk, in->tmk, &t, &tmk.key, f);
	if (e == ERR_OK)
		e = pk11_key_handle(s, in->in->srk, &srk.key, f);
	for (enum wk_kind i = 0; e == ERR_OK && i < WK_KINDS; i++)
		e = make_one(o, s, way, &tmk, &srk, i, &w, &in->made->blob[i], f);
	if (e == ERR_OK)
		e = message_make(s, in, &w, f);
	for (enum wk_kind i = 0; i < WK_KINDS; i++) {
		step_destroy(s, &w.key[i]);
		in->made->check[i] = w.m.key[i].check;
	}
	step_destroy(s, &tmk.key);
	in->made->type = tmk_attrs->type;
	in->made->length = tmk_attrs->length;
	return e;
}

void ops_wk_made_done(struct ops_wk_made *m)
{
	buf_done(&m->message);
	for (size_t i = 0; i < WK_KINDS; i++)
		buf_done(&m->blob[i]);
	memory_wipe(m->confirm, sizeof(m->confirm));
	*m = (struct ops_wk_made){ 0 };
}

enum err ops_wk_make(struct ops *o, const struct ops_wk_in *in, struct ops_wk_made *ret, struct fail *f)
{
	struct ops_wk_made made = { 0 };
	struct tmk_blob tmk;
	struct ops_wk_make_arg arg = { .in = in, .tmk = &tmk, .made = &made };

	if (!in->tk->session || !in->tk->host_side || in->generation == 0)
		return fail_set(f, ERR_USAGE, 0, "working keys: no TK open, or no generation");
	if (!tmk_blob_parse(in->tmk, &tmk))
		return fail_set(f, ERR_BAD_DATA, 0, "TMK blob: form");
	enum err e = ops_run(o, OPS_WK_MAKE, in->tk->session, &arg, f);
	if (e == ERR_OK)
		*ret = made;
	else
		ops_wk_made_done(&made);
	return e;
}

/* ---- kept at the host ---- */

/* same: what came out is of the type, length and check value that it is said to be. */
static enum err same(struct ops *o, struct pk11_session *s, const struct wk_key *k, CK_OBJECT_HANDLE key,
		     struct fail *f)
{
	struct check_value check;
	uint8_t type, length;
	enum err e = step_key_kind(s, key, &type, &length, f);

	if (e == ERR_OK && (type != k->attrs.type || (length && length != k->attrs.length)))
		e = fail_set(f, ERR_BAD_DATA, 0, "working key: not of the type and length it says");
	if (e == ERR_OK)
		e = ops_check_value_of(o, s, key, &check, f);
	if (e == ERR_OK && !check_value_equal(&check, &k->check))
		e = fail_set(f, ERR_BAD_DATA, 0, "working key: check value differs");
	return e;
}

/* By the storage key that makes, else by one of before. *ret_newest: it was the one that makes. */
static enum err blob_open(struct ops *o, struct pk11_session *s, struct pk11_key *srk, const struct wk_blob *blob,
			  const struct wk_way *way, bool extractable, CK_OBJECT_HANDLE *ret, bool *ret_newest,
			  struct fail *f)
{
	struct wk_wrapper w = { .type = FORMAT_KEY_AES, .storage = true };
	struct fail first = { 0 };
	CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
	enum err e = pk11_key_handle(s, srk, &w.key, f);

	if (e != ERR_OK)
		return e;
	if (blob->form != way->storage_form)
		return fail_set(f, ERR_BAD_DATA, 0, "working key of the database: form %u is of the other way",
				blob->form);
	for (size_t i = 0;; i++) {
		struct template t = { 0 };
		struct fail none = { 0 };

		template_bool(&t, CKA_TOKEN, false);
		template_bool(&t, CKA_EXTRACTABLE, extractable);
		e = way->unwrap(s, &w, blob->form, &blob->key, &t, &key, i ? &none : &first);
		*ret_newest = i == 0;
		if (e != ERR_BAD_DATA || pk11_key_older(s, srk, i, &w.key, &none) != ERR_OK)
			break;
	}
	if (e == ERR_BAD_DATA)
		return fail_set(f, e, first.rv, "working key of the database: no storage key opens it");
	if (e != ERR_OK)
		return fail_set(f, e, first.rv, "%s", first.text[0] ? first.text : "working key of the database");
	e = same(o, s, &blob->key, key, f);
	if (e != ERR_OK)
		step_destroy(s, &key);
	else
		*ret = key;
	return e;
}

enum err wk_open(struct ops *o, struct pk11_session *s, struct ops_wk_open_arg *in, const struct wk_way *way,
		 struct fail *f)
{
	bool newest;

	return blob_open(o, s, in->srk, in->blob, way, false, &in->key, &newest, f);
}

enum err wk_rewrap(struct ops *o, struct pk11_session *s, struct ops_wk_again_arg *in, const struct wk_way *way,
		   struct fail *f)
{
	struct wk_wrapper w = { .type = FORMAT_KEY_AES, .storage = true };
	CK_OBJECT_HANDLE key = CK_INVALID_HANDLE, back = CK_INVALID_HANDLE;
	struct wk_blob blob = *in->blob;
	uint8_t wrapped[WK_WRAPPED_MAX];
	bool newest = false, again = false;
	size_t n = 0;
	enum err e = blob_open(o, s, in->srk, &blob, way, true, &key, &newest, f);

	if (e == ERR_OK && newest)
		goto out;
	if (e == ERR_OK)
		e = pk11_key_handle(s, in->srk, &w.key, f);
	if (e == ERR_OK)
		e = way->wrap(s, &w, blob.form, &blob.key.attrs, key, wrapped, &n, f);
	blob.key.wrapped = VIEW(wrapped, n);
	if (e == ERR_OK)
		e = blob_open(o, s, in->srk, &blob, way, false, &back, &again, f);
	if (e == ERR_OK && !again)
		e = fail_set(f, ERR_BUSY, 0, "the storage key changed");
	if (e != ERR_OK)
		goto out;
	wk_blob_put(in->out, &blob);
	if (!buf_ok(in->out))
		e = fail_set(f, ERR_NO_MEMORY, 0, "working key");
out:
	step_destroy(s, &key);
	step_destroy(s, &back);
	if (e == ERR_OK)
		in->rewrapped = !newest;
	return e;
}

static enum err blob_of(enum wk_kind kind, struct view bytes, struct wk_blob *ret, struct fail *f)
{
	if (!wk_blob_parse(bytes, ret))
		return fail_set(f, ERR_BAD_DATA, 0, "working key of the database: form");
	return ret->key.attrs.role == WK_ROLE(kind)
		   ? ERR_OK
		   : fail_set(f, ERR_BAD_DATA, 0, "working key of the database: of another kind than its row");
}

enum err ops_wk_open(struct ops *o, struct pk11_key *srk, enum wk_kind kind, struct view blob, struct ops_wk *ret,
		     struct fail *f)
{
	struct wk_blob parsed;
	struct ops_wk_open_arg arg = { .srk = srk, .blob = &parsed };
	struct pk11_session *s = NULL;
	struct fail mine = { 0 };
	enum err e = blob_of(kind, blob, &parsed, f);

	if (e == ERR_OK)
		e = pk11_borrow(ops_token(o), &s, f);
	if (e != ERR_OK)
		return e;
	e = ops_run(o, OPS_WK_OPEN, s, &arg, &mine);
	if (e != ERR_OK) {
		pk11_return(s, mine.rv);
		return fail_set(f, e, mine.rv, "%s", mine.text);
	}
	*ret = (struct ops_wk){ s, arg.key };
	return ERR_OK;
}

void ops_wk_close(struct ops_wk *wk)
{
	if (!wk->session)
		return;
	step_destroy(wk->session, &wk->key);
	pk11_return(wk->session, CKR_OK);
	*wk = (struct ops_wk){ 0 };
}

enum err ops_wk_check(struct ops *o, struct pk11_key *srk, enum wk_kind kind, struct view blob, struct check_value *ret,
		      struct fail *f)
{
	struct ops_wk wk = { 0 };
	struct wk_blob parsed;
	enum err e = blob_of(kind, blob, &parsed, f);

	if (e == ERR_OK)
		e = ops_wk_open(o, srk, kind, blob, &wk, f);
	ops_wk_close(&wk);
	if (e == ERR_OK)
		*ret = parsed.key.check;
	return e;
}

enum err ops_wk_rewrap(struct ops *o, struct pk11_key *srk, enum wk_kind kind, struct view blob, bool *ret_rewrapped,
		       struct buf *ret_blob, struct check_value *ret_check, struct fail *f)
{
	BUF_AUTO made = { 0 };
	struct wk_blob parsed;
	struct ops_wk_again_arg arg = { .srk = srk, .blob = &parsed, .out = &made };
	enum err e = blob_of(kind, blob, &parsed, f);

	if (e == ERR_OK)
		e = ops_run(o, OPS_WK_REWRAP, NULL, &arg, f);
	if (e == ERR_OK && arg.rewrapped)
		e = ops_take(ret_blob, &made, f);
	if (e != ERR_OK)
		return e;
	*ret_rewrapped = arg.rewrapped;
	*ret_check = parsed.key.check;
	return ERR_OK;
}

/* ---- loaded in a terminal ---- */

static const char *const labels[WK_KINDS] = { OPS_PINKEY_LABEL, OPS_MACKEY_LABEL };

static enum err unwrap_one(struct pk11_session *s, const struct ops_wk_load_arg *in, const struct wk_way *way,
			   const struct wk_wrapper *tmk, enum wk_kind kind, bool token, CK_OBJECT_HANDLE *ret,
			   struct fail *f)
{
	struct template t = { 0 };

	template_bool(&t, CKA_TOKEN, token);
	template_bool(&t, CKA_EXTRACTABLE, false);
	template_bytes(&t, CKA_LABEL, view_of_string(labels[kind]));
	template_bytes(&t, CKA_ID, in->in->id);
	return way->unwrap(s, tmk, in->message->form, &in->message->key[kind], &t, ret, f);
}

/* verify: the MAC of the message, and what will confirm it, by the MACKEY that came in it. */
static enum err verify(struct pk11_session *s, const struct ops_wk_load_arg *in, CK_OBJECT_HANDLE mackey,
		       struct fail *f)
{
	const struct wk_message *m = in->message;
	struct wk_cover gives = cover_of(in->in->tk, in->in->shake, WK_GIVES);
	struct wk_cover confirms = cover_of(in->in->tk, in->in->shake, WK_CONFIRMS);
	CK_MECHANISM mechanism = { step_cmac(m->key[WK_MACKEY].attrs.type), NULL, 0 };
	BUF_AUTO covered = { 0 };
	enum err e;

	wk_message_mac_input(&covered, &gives, m);
	if (!buf_ok(&covered))
		return fail_set(f, ERR_BAD_DATA, 0, "working keys: nonces");
	e = step_verify(s, &mechanism, mackey, buf_view(&covered), m->mac, f);
	return e == ERR_OK ? cmac(s, mackey, &confirms, m, in->loaded->confirm, &in->loaded->confirm_len, f) : e;
}

static enum err tmk_find(struct pk11_session *s, struct view id, struct wk_wrapper *ret, struct fail *f)
{
	struct template t = { 0 };
	uint8_t length;
	enum err e;

	template_number(&t, CKA_CLASS, CKO_SECRET_KEY);
	template_bool(&t, CKA_TOKEN, true);
	template_bytes(&t, CKA_LABEL, view_of_string(OPS_TMK_LABEL));
	template_bytes(&t, CKA_ID, id);
	e = pk11_find_one(s, t.a, t.n, &ret->key, f);
	return e == ERR_OK ? step_key_kind(s, ret->key, &ret->type, &length, f) : e;
}

enum err wk_load(struct ops *o, struct pk11_session *s, const struct ops_wk_load_arg *in, const struct wk_way *way,
		 struct fail *f)
{
	CK_OBJECT_HANDLE trial[WK_KINDS] = { 0 }, kept[WK_KINDS] = { 0 };
	const struct wk_message *m = in->message;
	struct wk_wrapper tmk = { 0 };
	enum err e = tmk_find(s, in->in->tmk_id, &tmk, f);

	if (e == ERR_OK && m->key[WK_MACKEY].attrs.type != tmk.type)
		e = fail_set(f, ERR_BAD_DATA, 0, "working keys: not of the type of the TMK");
	for (enum wk_kind i = 0; e == ERR_OK && i < WK_KINDS; i++) {
		e = unwrap_one(s, in, way, &tmk, i, false, &trial[i], f);
		if (e == ERR_OK)
			e = same(o, s, &m->key[i], trial[i], f);
	}
	if (e == ERR_OK)
		e = verify(s, in, trial[WK_MACKEY], f);
	for (enum wk_kind i = 0; i < WK_KINDS; i++)
		step_destroy(s, &trial[i]);
	for (enum wk_kind i = 0; e == ERR_OK && i < WK_KINDS; i++)
		e = unwrap_one(s, in, way, &tmk, i, true, &kept[i], f);
	for (enum wk_kind i = 0; e != ERR_OK && i < WK_KINDS; i++)
		step_destroy(s, &kept[i]);
	return e;
}

uint8_t ops_wk_forms(const struct ops *o, uint8_t tmk_type)
{
	const struct wk_way *way = ops_is_standard(o, OPS_WK_LOAD) ? &wk_standard : &wk_vendor;
	bool wrapped = (way->forms & WK_FORM_WRAP) && (tmk_type == FORMAT_KEY_AES || way->bare);

	return (uint8_t)((way->forms & WK_FORM_BLOCK) | (wrapped ? WK_FORM_WRAP : 0));
}

enum err ops_wk_load(struct ops *o, const struct ops_wk_load_in *in, struct ops_wk_loaded *ret, struct fail *f)
{
	struct ops_wk_loaded loaded = { 0 };
	struct wk_message m;
	struct ops_wk_load_arg arg = { .in = in, .message = &m, .loaded = &loaded };

	if (!in->tk->session || in->tk->host_side)
		return fail_set(f, ERR_USAGE, 0, "working keys: no TK");
	if (!wk_message_parse(in->message, &m))
		return fail_set(f, ERR_BAD_DATA, 0, "working keys: form of the message");
	if (m.handshake != in->tk->handshake)
		return fail_set(f, ERR_BAD_DATA, 0, "working keys: handshake version %u, not %u", m.handshake,
				in->tk->handshake);
	loaded.generation = m.generation;
	for (size_t i = 0; i < WK_KINDS; i++)
		loaded.check[i] = m.key[i].check;
	enum err e = ops_run(o, OPS_WK_LOAD, in->tk->session, &arg, f);
	if (e == ERR_OK)
		*ret = loaded;
	return e;
}
