/* SPDX-License-Identifier: BSD-2-Clause */
/* The standard way in a terminal. */
#include "ops_standard.h"

/* TEK and AUK as they are made: session objects that may be wrapped once, under Pu. */
struct fresh_tk {
	CK_OBJECT_HANDLE tek, auk;
	uint8_t ctek[FORMAT_RSA_MAX], cauk[FORMAT_RSA_MAX], mac[FORMAT_MAC_MAX];
	size_t ctek_len, cauk_len, mac_len;
};

static enum err fresh_key(struct pk11_session *s, const struct ops_tk_in *in, bool auk, CK_OBJECT_HANDLE *ret,
			  struct fail *f)
{
	CK_MECHANISM m = step_generation(in->type, in->length);
	struct template t = { 0 };

	template_secret(&t, in->type, in->length, false, true);
	template_bool(&t, CKA_SENSITIVE, true);
	template_bool(&t, CKA_EXTRACTABLE, true);
	if (auk) /* CKF_SIGN: the possession MAC */
		standard_uses(&t, CKF_SIGN | standard_auk_uses(in->type, in->handshake));
	else
		standard_uses(&t, CKF_UNWRAP | standard_check_use(in->type));
	return step_generate(s, &m, &t, ret, f);
}

/* keep: the copy that stays: a token object that never leaves. */
static enum err keep(struct pk11_session *s, const struct ops_tk_in *in, CK_OBJECT_HANDLE fresh, bool auk,
		     CK_OBJECT_HANDLE *ret, struct fail *f)
{
	struct template t = { 0 };

	template_bool(&t, CKA_TOKEN, true);
	template_bool(&t, CKA_PRIVATE, true);
	template_bool(&t, CKA_EXTRACTABLE, false);
	template_bytes(&t, CKA_LABEL, view_of_string(OPS_TK_LABEL));
	template_bytes(&t, CKA_ID, in->id);
	if (auk)
		standard_uses(&t, standard_auk_uses(in->type, in->handshake));
	CK_RV rv = s->f->C_CopyObject(s->handle, fresh, t.a, t.n, ret);
	return rv == CKR_OK ? ERR_OK : pk11_fail(f, rv, "C_CopyObject");
}

static enum err packet_make(struct pk11_session *s, const struct ops_tk_in *in, struct fresh_tk *k, struct buf *out,
			    struct fail *f)
{
	CK_RSA_PKCS_OAEP_PARAMS params;
	CK_MECHANISM oaep, cmac = { step_cmac(in->type), NULL, 0 };
	CK_OBJECT_HANDLE pu;
	BUF_AUTO covered = { 0 };
	struct tk_packet p = {
		.suite = in->suite,
		.version = FORMAT_VERSION,
		.handshake = in->handshake,
		.oaep_hash = in->oaep_hash,
		.pos_serial = in->serial,
		.pin_pad = in->pin_pad,
		.cert_serial = in->cert_serial,
		.counter = in->counter,
		.tek = { FORMAT_ROLE_TEK, in->type, in->length, VIEW(NULL, 0) },
		.auk = { FORMAT_ROLE_AUK, in->type, in->length, VIEW(NULL, 0) },
	};

	if (!step_oaep(in->oaep_hash, &params, &oaep))
		return fail_set(f, ERR_USAGE, 0, "TK: OAEP hash %u", in->oaep_hash);
	enum err e = pk11_key_handle(s, in->pu, &pu, f);
	if (e == ERR_OK)
		e = step_wrap(s, &oaep, pu, k->tek, k->ctek, sizeof(k->ctek), &k->ctek_len, f);
	if (e == ERR_OK)
		e = step_wrap(s, &oaep, pu, k->auk, k->cauk, sizeof(k->cauk), &k->cauk_len, f);
	if (e != ERR_OK)
		return e;
	p.ctek = VIEW(k->ctek, k->ctek_len);
	p.cauk = VIEW(k->cauk, k->cauk_len);
	tk_packet_mac_input(&covered, &p);
	if (!buf_ok(&covered))
		return fail_set(f, ERR_NO_MEMORY, 0, "TK packet");
	e = step_sign(s, &cmac, k->auk, buf_view(&covered), k->mac, sizeof(k->mac), &k->mac_len, f);
	if (e != ERR_OK)
		return e;
	p.mac = VIEW(k->mac, k->mac_len);
	tk_packet_put(out, &p);
	return buf_ok(out) ? ERR_OK : fail_set(f, ERR_INTERNAL, 0, "TK packet: not of the format");
}

enum err standard_tk_generate(struct ops *o, struct pk11_session *s, void *arg, struct fail *f)
{
	const struct ops_tk_arg *in = arg;
	struct fresh_tk k = { 0 };
	CK_OBJECT_HANDLE tek = CK_INVALID_HANDLE, auk = CK_INVALID_HANDLE;
	enum err e = fresh_key(s, in->in, false, &k.tek, f);

	if (e == ERR_OK)
		e = fresh_key(s, in->in, true, &k.auk, f);
	if (e == ERR_OK)
		e = packet_make(s, in->in, &k, in->packet, f);
	if (e == ERR_OK)
		e = keep(s, in->in, k.tek, false, &tek, f);
	if (e == ERR_OK)
		e = keep(s, in->in, k.auk, true, &auk, f);
	step_destroy(s, &k.tek);
	step_destroy(s, &k.auk);
	if (e != ERR_OK) {
		step_destroy(s, &tek);
		step_destroy(s, &auk);
	}
	return e;
}

static enum err find_one(struct pk11_session *s, struct view id, bool tek, CK_OBJECT_HANDLE *ret, struct fail *f)
{
	struct template t = { 0 };

	template_number(&t, CKA_CLASS, CKO_SECRET_KEY);
	template_bool(&t, CKA_TOKEN, true);
	template_bytes(&t, CKA_LABEL, view_of_string(OPS_TK_LABEL));
	template_bytes(&t, CKA_ID, id);
	template_bool(&t, CKA_UNWRAP, tek);
	return pk11_find_one(s, t.a, t.n, ret, f);
}

enum err standard_tk_find(struct ops *o, struct pk11_session *s, void *arg, struct fail *f)
{
	struct ops_find_arg *in = arg;
	enum err e = find_one(s, in->id, true, &in->tek, f);

	return e == ERR_OK ? find_one(s, in->id, false, &in->auk, f) : e;
}

static enum err message_verify(struct pk11_session *s, const struct ops_load_arg *in, struct fail *f)
{
	CK_MECHANISM cmac = { step_cmac(in->tk->auk_type), NULL, 0 };
	BUF_AUTO covered = { 0 };

	if (in->tk->handshake != FORMAT_HANDSHAKE_V2)
		return ERR_OK; /* version 1 has the check value alone */
	ops_transcript(in->tk, in->shake, in->message, &covered);
	if (!buf_ok(&covered))
		return fail_set(f, ERR_BAD_DATA, 0, "TMK message: nonces");
	return step_verify(s, &cmac, in->tk->auk, buf_view(&covered), in->message->mac, f);
}

static enum err unwrap_tmk(struct pk11_session *s, const struct ops_load_arg *in, bool token, CK_OBJECT_HANDLE *ret,
			   struct fail *f)
{
	const struct key_attrs *attrs = &in->message->attrs;
	CK_MECHANISM m = step_key_mechanism(in->tk->tek_type, attrs->iv);
	struct template t = { 0 };

	template_secret(&t, attrs->type, attrs->length, token, false);
	template_bool(&t, CKA_PRIVATE, true);
	template_bool(&t, CKA_SENSITIVE, true);
	template_bool(&t, CKA_EXTRACTABLE, false);
	template_bytes(&t, CKA_LABEL, view_of_string(OPS_TMK_LABEL));
	template_bytes(&t, CKA_ID, in->id);
	standard_uses(&t, CKF_UNWRAP | standard_check_use(attrs->type)); /* working keys come under it */
	enum err e = step_unwrap(s, &m, in->tk->tek, in->message->ctmk, &t, ret, f);
	return e == ERR_OK ? standard_length(s, *ret, attrs, f) : e;
}

/* First as a session object: nothing stays in the token before MAC and check value held. */
enum err standard_tmk_load(struct ops *o, struct pk11_session *s, void *arg, struct fail *f)
{
	const struct ops_load_arg *in = arg;
	CK_OBJECT_HANDLE trial = CK_INVALID_HANDLE, tmk = CK_INVALID_HANDLE;
	struct check_value check;
	enum err e = message_verify(s, in, f);

	if (e == ERR_OK)
		e = unwrap_tmk(s, in, false, &trial, f);
	if (e == ERR_OK)
		e = ops_check_value_of(o, s, trial, &check, f);
	if (e == ERR_OK && !check_value_equal(&check, &in->message->check))
		e = fail_set(f, ERR_BAD_DATA, 0, "TMK message: check value differs");
	step_destroy(s, &trial);
	if (e == ERR_OK)
		e = unwrap_tmk(s, in, true, &tmk, f);
	if (e != ERR_OK)
		step_destroy(s, &tmk);
	return e;
}
