/* SPDX-License-Identifier: BSD-2-Clause */
/* The standard way at the KMS: records, TMKs, proofs. */
#include <openssl/evp.h>
#include <string.h>

#include "ops_standard.h"

static enum err record_key(struct pk11_session *s, CK_OBJECT_HANDLE pk, const struct tk_record *r,
			   const struct key_attrs *attrs, struct view wrapped, bool extractable, CK_OBJECT_HANDLE *ret,
			   struct fail *f)
{
	uint8_t pk_type = format_suite_key(r->suite);
	CK_MECHANISM m = step_key_mechanism(pk_type, attrs->iv);
	struct template t = { 0 };

	template_secret(&t, attrs->type, attrs->length, false, false);
	template_bool(&t, CKA_SENSITIVE, true);
	template_bool(&t, CKA_EXTRACTABLE, extractable);
	if (attrs->role == FORMAT_ROLE_AUK)
		standard_uses(&t, standard_auk_uses(attrs->type, r->handshake));
	else
		standard_uses(&t, CKF_WRAP | standard_check_use(attrs->type));
	enum err e = step_unwrap(s, &m, pk, wrapped, &t, ret, f);
	return e == ERR_OK ? standard_length(s, *ret, attrs, f) : e;
}

/* The MAC first; nothing is decrypted before it holds. */
enum err standard_tk_open(struct ops *o, struct pk11_session *s, void *arg, struct fail *f)
{
	struct ops_open_arg *in = arg;
	const struct tk_record *r = in->record;
	CK_OBJECT_HANDLE pk, mak, tek = CK_INVALID_HANDLE, auk = CK_INVALID_HANDLE;
	CK_MECHANISM cmac = { format_suite_key(r->suite) == FORMAT_KEY_AES ? CKM_AES_CMAC : CKM_DES3_CMAC, NULL, 0 };
	BUF_AUTO covered = { 0 };
	enum err e = standard_suite(r->suite, f);

	if (e == ERR_OK)
		e = standard_suite_key(s, in->keys->pk, r->suite, &pk, f);
	if (e == ERR_OK)
		e = standard_suite_key(s, in->keys->mak, r->suite, &mak, f);
	tk_record_mac_input(&covered, r);
	if (e == ERR_OK && !buf_ok(&covered))
		e = fail_set(f, ERR_NO_MEMORY, 0, "record");
	if (e == ERR_OK)
		e = step_verify(s, &cmac, mak, buf_view(&covered), r->mac, f);
	if (e == ERR_OK)
		e = record_key(s, pk, r, &r->tek, r->ctek, in->extractable, &tek, f);
	if (e == ERR_OK)
		e = record_key(s, pk, r, &r->auk, r->cauk, in->extractable, &auk, f);
	if (e != ERR_OK) {
		step_destroy(s, &tek);
		step_destroy(s, &auk);
		return e;
	}
	in->tek = tek;
	in->auk = auk;
	return ERR_OK;
}

static void tmk_template(struct template *t, uint8_t type, uint8_t length, bool generated)
{
	template_secret(t, type, length, false, generated);
	template_bool(t, CKA_SENSITIVE, true);
	template_bool(t, CKA_EXTRACTABLE, true); /* it leaves under SRK or TEK */
	standard_uses(t, standard_check_use(type));
}

enum err standard_tmk_generate(struct ops *o, struct pk11_session *s, void *arg, struct fail *f)
{
	struct ops_generate_arg *in = arg;
	struct template t = { 0 };

	tmk_template(&t, in->type, in->length, true);
	return step_blob_make(o, s, in, &t, f);
}

static enum err message_make(struct pk11_session *s, const struct ops_export_arg *in, CK_OBJECT_HANDLE tmk,
			     struct fail *f)
{
	const struct ops_tk *tk = in->tk;
	struct tmk_message m = { .version = FORMAT_VERSION,
				 .handshake = tk->handshake,
				 .attrs = in->blob->attrs,
				 .check = in->blob->check };
	uint8_t iv[FORMAT_IV], ctmk[FORMAT_WRAPPED_MAX], mac[FORMAT_MAC_MAX];
	size_t n = 0;
	BUF_AUTO covered = { 0 };
	enum err e = step_iv(s, tk->tek_type, in->iv, iv, &m.attrs.iv, f);

	if (e != ERR_OK)
		return e;
	CK_MECHANISM wrap = step_key_mechanism(tk->tek_type, m.attrs.iv);
	e = step_wrap(s, &wrap, tk->tek, tmk, ctmk, sizeof(ctmk), &n, f);
	if (e != ERR_OK)
		return e;
	m.ctmk = VIEW(ctmk, n);
	if (tk->handshake == FORMAT_HANDSHAKE_V2) {
		CK_MECHANISM cmac = { step_cmac(tk->auk_type), NULL, 0 };
		ops_transcript(tk, in->shake, &m, &covered);
		if (!buf_ok(&covered))
			return fail_set(f, ERR_USAGE, 0, "TMK message: nonces");
		e = step_sign(s, &cmac, tk->auk, buf_view(&covered), mac, sizeof(mac), &n, f);
		if (e != ERR_OK)
			return e;
		m.mac = VIEW(mac, n);
	}
	tmk_message_put(in->message, &m);
	return buf_ok(in->message) ? ERR_OK : fail_set(f, ERR_INTERNAL, 0, "TMK message: not of the format");
}

enum err standard_tmk_export(struct ops *o, struct pk11_session *s, void *arg, struct fail *f)
{
	const struct ops_export_arg *in = arg;
	struct template t = { 0 };
	CK_OBJECT_HANDLE tmk = CK_INVALID_HANDLE;

	tmk_template(&t, in->blob->attrs.type, in->blob->attrs.length, false);
	enum err e = step_blob_unwrap(o, s, in->srk, in->blob, &t, &tmk, f);
	if (e == ERR_OK && in->tk)
		e = message_make(s, in, tmk, f);
	step_destroy(s, &tmk);
	return e;
}

enum err standard_tmk_rewrap(struct ops *o, struct pk11_session *s, void *arg, struct fail *f)
{
	struct ops_again_arg *in = arg;
	struct template t = { 0 };

	tmk_template(&t, in->blob->attrs.type, in->blob->attrs.length, false);
	return step_blob_rewrap(o, s, in, &t, f);
}

enum err standard_prove(struct ops *o, struct pk11_session *s, void *arg, struct fail *f)
{
	struct ops_prove_arg *in = arg;
	CK_MECHANISM cmac = { step_cmac(in->tk->auk_type), NULL, 0 };

	if (in->check)
		return step_verify(s, &cmac, in->tk->auk, in->transcript, in->tag, f);
	return step_sign(s, &cmac, in->tk->auk, in->transcript, in->made, sizeof(in->made), &in->made_len, f);
}

static enum err fingerprint_of(struct pk11_session *s, struct ops_fingerprint_arg *in, CK_OBJECT_HANDLE key,
			       struct fail *f)
{
	CK_MECHANISM m = step_key_mechanism(FORMAT_KEY_AES, VIEW(NULL, 0));
	uint8_t wrapped[FORMAT_WRAPPED_MAX], digest[EVP_MAX_MD_SIZE];
	CK_OBJECT_HANDLE fpk;
	size_t n = 0;
	enum err e = pk11_key_handle(s, in->fpk, &fpk, f);

	if (e == ERR_OK)
		e = step_wrap(s, &m, fpk, key, wrapped, sizeof(wrapped), &n, f);
	if (e == ERR_OK && EVP_Digest(wrapped, n, digest, NULL, EVP_sha256(), NULL) != 1)
		e = fail_set(f, ERR_INTERNAL, 0, "fingerprint: SHA-256");
	if (e == ERR_OK)
		memcpy(in->made, digest, sizeof(in->made));
	return e;
}

enum err standard_fingerprint(struct ops *o, struct pk11_session *s, void *arg, struct fail *f)
{
	struct ops_fingerprint_arg *in = arg;
	CK_OBJECT_HANDLE tmk = CK_INVALID_HANDLE;
	struct template t = { 0 };
	enum err e = ERR_OK;

	if (in->blob) {
		tmk_template(&t, in->blob->attrs.type, in->blob->attrs.length, false);
		e = step_blob_unwrap(o, s, in->srk, in->blob, &t, &tmk, f);
	}
	if (e == ERR_OK)
		e = fingerprint_of(s, in, in->blob ? tmk : in->handle, f);
	step_destroy(s, &tmk);
	return e;
}

static enum err storage_key(struct pk11_session *s, const struct ops_generate_arg *in, CK_FLAGS uses, struct fail *f)
{
	CK_MECHANISM m = step_generation(FORMAT_KEY_AES, FORMAT_KEY_MAX);
	struct template t = { 0 };
	CK_OBJECT_HANDLE key;

	template_secret(&t, FORMAT_KEY_AES, FORMAT_KEY_MAX, true, true);
	template_bytes(&t, CKA_LABEL, view_of_string(in->label));
	template_bytes(&t, CKA_ID, in->id);
	template_bool(&t, CKA_PRIVATE, true);
	template_bool(&t, CKA_SENSITIVE, true);
	template_bool(&t, CKA_EXTRACTABLE, false);
	standard_uses(&t, uses | standard_check_use(FORMAT_KEY_AES));
	return step_generate(s, &m, &t, &key, f);
}

enum err standard_srk_generate(struct ops *o, struct pk11_session *s, void *arg, struct fail *f)
{
	return storage_key(s, arg, CKF_WRAP | CKF_UNWRAP, f);
}

enum err standard_fpk_generate(struct ops *o, struct pk11_session *s, void *arg, struct fail *f)
{
	return storage_key(s, arg, CKF_WRAP, f);
}
