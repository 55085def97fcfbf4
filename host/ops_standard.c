/* SPDX-License-Identifier: BSD-2-Clause */
/* The standard way: standard C_ calls alone, over the formats of formats.md. MTMS and what all share. */
#include <string.h>

#include "ops_standard.h"

CK_FLAGS standard_check_use(uint8_t type)
{
	return type == FORMAT_KEY_AES ? CKF_SIGN : CKF_ENCRYPT;
}

CK_FLAGS standard_auk_uses(uint8_t type, uint8_t handshake)
{
	CK_FLAGS uses = handshake == FORMAT_HANDSHAKE_V2 ? CKF_SIGN | CKF_VERIFY : CKF_ENCRYPT;
	return uses | standard_check_use(type);
}

void standard_uses(struct template *t, CK_FLAGS uses)
{
	static const struct {
		CK_ATTRIBUTE_TYPE type;
		CK_FLAGS use;
	} rows[] = {
		{ CKA_ENCRYPT, CKF_ENCRYPT }, { CKA_DECRYPT, CKF_DECRYPT }, { CKA_SIGN, CKF_SIGN },
		{ CKA_VERIFY, CKF_VERIFY },   { CKA_WRAP, CKF_WRAP },       { CKA_UNWRAP, CKF_UNWRAP },
		{ CKA_DERIVE, CKF_DERIVE },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		template_bool(t, rows[i].type, (uses & rows[i].use) != 0);
}

enum err standard_suite(uint8_t suite, struct fail *f)
{
	if (suite != FORMAT_SUITE_BLOCK)
		return ERR_OK;
	return fail_set(f, ERR_CONFIG, 0,
			"suite 3 (X9.143 key blocks) has no standard way: its keys would be derived outside the token");
}

enum err standard_suite_key(struct pk11_session *s, struct pk11_key *key, uint8_t suite, CK_OBJECT_HANDLE *ret,
			    struct fail *f)
{
	uint8_t type, length;
	enum err e = pk11_key_handle(s, key, ret, f);

	if (e == ERR_OK)
		e = step_key_kind(s, *ret, &type, &length, f);
	/* 0: a key that came into the token wrapped, of whose length it says nothing (SoftHSM). */
	if (e == ERR_OK && (type != format_suite_key(suite) || (type == FORMAT_KEY_AES && length != 32 && length != 0)))
		e = fail_set(f, ERR_BAD_DATA, 0, "suite %u does not go with the type of %.120s", suite,
			     pk11_key_uri(key));
	return e;
}

enum err standard_length(struct pk11_session *s, CK_OBJECT_HANDLE key, const struct key_attrs *attrs, struct fail *f)
{
	uint8_t type, length;
	enum err e = step_key_kind(s, key, &type, &length, f);

	/* 0: a token that does not tell; the length of the ciphertext does (step_wrapped_length). */
	if (e == ERR_OK && (type != attrs->type || (length && length != attrs->length)))
		e = fail_set(f, ERR_BAD_DATA, 0, "key of %u bytes where %u are said", length, attrs->length);
	return e;
}

/* What a re-wrap has in its hands; destroyed whatever happens. */
struct rewrap_keys {
	CK_OBJECT_HANDLE pr, pk, mak;
	CK_OBJECT_HANDLE tek, auk;
	uint8_t pk_type;
};

static enum err packet_key(struct pk11_session *s, const struct rewrap_keys *k, const struct tk_packet *p,
			   const struct key_attrs *attrs, struct view wrapped, CK_OBJECT_HANDLE *ret, struct fail *f)
{
	CK_RSA_PKCS_OAEP_PARAMS params;
	CK_MECHANISM m;
	struct template t = { 0 };

	if (!step_oaep(p->oaep_hash, &params, &m))
		return fail_set(f, ERR_BAD_DATA, 0, "TK packet: OAEP hash %u", p->oaep_hash);
	template_secret(&t, attrs->type, attrs->length, false, false);
	template_bool(&t, CKA_SENSITIVE, true);
	template_bool(&t, CKA_EXTRACTABLE, true); /* it leaves again, under PK */
	standard_uses(&t, attrs->role == FORMAT_ROLE_AUK ? CKF_VERIFY : 0);
	enum err e = step_unwrap(s, &m, k->pr, wrapped, &t, ret, f);
	return e == ERR_OK ? standard_length(s, *ret, attrs, f) : e;
}

static enum err packet_open(struct pk11_session *s, struct rewrap_keys *k, const struct tk_packet *p, struct fail *f)
{
	BUF_AUTO covered = { 0 };
	BUF_AUTO modulus = { 0 };
	CK_MECHANISM mac = { step_cmac(p->auk.type), NULL, 0 };
	enum err e = pk11_attribute(s, k->pr, CKA_MODULUS, &modulus, f);

	if (e == ERR_OK && p->ctek.n != modulus.len)
		e = fail_set(f, ERR_BAD_DATA, 0, "TK packet: ciphertext of %zu bytes for Pr of %zu", p->ctek.n,
			     modulus.len);
	if (e == ERR_OK)
		e = packet_key(s, k, p, &p->tek, p->ctek, &k->tek, f);
	if (e == ERR_OK)
		e = packet_key(s, k, p, &p->auk, p->cauk, &k->auk, f);
	tk_packet_mac_input(&covered, p);
	if (e == ERR_OK && !buf_ok(&covered))
		e = fail_set(f, ERR_NO_MEMORY, 0, "TK packet");
	if (e == ERR_OK)
		e = step_verify(s, &mac, k->auk, buf_view(&covered), p->mac, f);
	return e;
}

/* twins: TEK and AUK are the same key: the same bytes come out under PK and the same IV. */
static enum err twins(struct pk11_session *s, const struct rewrap_keys *k, const struct tk_record *r, struct fail *f)
{
	CK_MECHANISM m = step_key_mechanism(k->pk_type, r->tek.iv);
	uint8_t again[FORMAT_WRAPPED_MAX];
	size_t n = 0;
	enum err e = step_wrap(s, &m, k->pk, k->auk, again, sizeof(again), &n, f);

	if (e == ERR_OK && view_equal(VIEW(again, n), r->ctek))
		e = fail_set(f, ERR_BAD_DATA, 0, "TK packet: TEK and AUK are the same key");
	return e;
}

static enum err wrap_under_pk(struct pk11_session *s, const struct rewrap_keys *k, CK_OBJECT_HANDLE key,
			      const struct key_attrs *attrs, uint8_t room[FORMAT_WRAPPED_MAX], struct view *ret,
			      struct fail *f)
{
	CK_MECHANISM m = step_key_mechanism(k->pk_type, attrs->iv);
	uint8_t wrapped[FORMAT_RSA_MAX + 8]; /* whatever OAEP can carry: it may be longer than it says */
	size_t n = 0;
	enum err e = step_wrap(s, &m, k->pk, key, wrapped, sizeof(wrapped), &n, f);

	if (e == ERR_OK && n != step_wrapped_length(k->pk_type, attrs->length))
		e = fail_set(f, ERR_BAD_DATA, 0, "TK packet: key of another length than it says");
	if (e != ERR_OK)
		return e;
	memcpy(room, wrapped, n);
	*ret = VIEW(room, n);
	return ERR_OK;
}

static enum err record_seal(struct pk11_session *s, const struct rewrap_keys *k, const struct ops_rewrap_arg *in,
			    struct fail *f)
{
	const struct tk_packet *p = in->packet;
	struct tk_record r = {
		.suite = p->suite,
		.version = FORMAT_VERSION,
		.handshake = p->handshake,
		.customer = in->in->customer,
		.pos_serial = p->pos_serial,
		.pin_pad = p->pin_pad,
		.cert_serial = p->cert_serial,
		.collected = in->in->collected,
		.counter = p->counter,
		.parameters = 2,
		.tek = p->tek,
		.auk = p->auk,
	};
	uint8_t tek_iv[FORMAT_IV], auk_iv[FORMAT_IV], ctek[FORMAT_WRAPPED_MAX], cauk[FORMAT_WRAPPED_MAX];
	uint8_t mac[FORMAT_MAC_MAX];
	size_t n = 0;
	BUF_AUTO covered = { 0 };
	CK_MECHANISM cmac = { step_cmac(k->pk_type), NULL, 0 };
	enum err e = step_iv(s, k->pk_type, in->in->tek_iv, tek_iv, &r.tek.iv, f);

	if (e == ERR_OK)
		e = step_iv(s, k->pk_type, in->in->auk_iv, auk_iv, &r.auk.iv, f);
	if (e != ERR_OK)
		return e;
	e = wrap_under_pk(s, k, k->tek, &r.tek, ctek, &r.ctek, f);
	if (e == ERR_OK)
		e = wrap_under_pk(s, k, k->auk, &r.auk, cauk, &r.cauk, f);
	if (e == ERR_OK)
		e = twins(s, k, &r, f);
	if (e != ERR_OK)
		return e;
	tk_record_mac_input(&covered, &r);
	if (!buf_ok(&covered))
		return fail_set(f, ERR_NO_MEMORY, 0, "record");
	e = step_sign(s, &cmac, k->mak, buf_view(&covered), mac, sizeof(mac), &n, f);
	if (e != ERR_OK)
		return e;
	r.mac = VIEW(mac, n);
	tk_record_put(in->record, &r);
	return buf_ok(in->record) ? ERR_OK : fail_set(f, ERR_INTERNAL, 0, "record: not of the format");
}

static enum err standard_rewrap(struct ops *o, struct pk11_session *s, void *arg, struct fail *f)
{
	const struct ops_rewrap_arg *in = arg;
	uint8_t suite = in->packet->suite;
	struct rewrap_keys k = { .pk_type = format_suite_key(suite) };
	enum err e = standard_suite(suite, f);

	if (e == ERR_OK)
		e = pk11_key_handle(s, in->in->pr, &k.pr, f);
	if (e == ERR_OK)
		e = standard_suite_key(s, in->in->pk, suite, &k.pk, f);
	if (e == ERR_OK)
		e = standard_suite_key(s, in->in->mak, suite, &k.mak, f);
	if (e == ERR_OK)
		e = packet_open(s, &k, in->packet, f);
	if (e == ERR_OK)
		e = record_seal(s, &k, in, f);
	step_destroy(s, &k.tek);
	step_destroy(s, &k.auk);
	return e;
}

static enum err standard_pr_generate(struct ops *o, struct pk11_session *s, void *arg, struct fail *f)
{
	struct template pub = { 0 }, priv = { 0 };
	return step_pair_generate(s, arg, &pub, &priv, f);
}

/* attribute_check: CKA_CHECK_VALUE, where the key's usages allow no cipher operation. */
static enum err attribute_check(struct pk11_session *s, CK_OBJECT_HANDLE key, struct check_value *ret, struct fail *f)
{
	BUF_AUTO bytes = { 0 };
	enum err e = pk11_attribute(s, key, CKA_CHECK_VALUE, &bytes, f);

	if (e == ERR_OK && bytes.len != FORMAT_CHECK)
		e = fail_set(f, ERR_TOKEN, 0, "CKA_CHECK_VALUE of %zu bytes", bytes.len);
	if (e != ERR_OK)
		return e;
	ret->method = FORMAT_CHECK_ECB;
	memcpy(ret->value, bytes.p, FORMAT_CHECK);
	return ERR_OK;
}

static enum err standard_check_value(struct ops *o, struct pk11_session *s, void *arg, struct fail *f)
{
	static const uint8_t zero[16];
	struct ops_check_arg *in = arg;
	uint8_t type, length, out[16];
	size_t n = 0;
	CK_OBJECT_HANDLE key = in->handle;
	struct fail mine = { 0 };
	enum err e = in->key ? pk11_key_handle(s, in->key, &key, f) : ERR_OK;

	if (e == ERR_OK)
		e = step_key_kind(s, key, &type, &length, f);
	if (e != ERR_OK)
		return e;
	CK_MECHANISM cmac = { CKM_AES_CMAC, NULL, 0 };
	if (type == FORMAT_KEY_AES)
		e = step_sign(s, &cmac, key, VIEW(zero, sizeof(zero)), out, sizeof(out), &n, &mine);
	else
		e = step_ecb(s, key, type, zero, out, &n, &mine);
	if (e != ERR_OK && mine.rv == CKR_KEY_FUNCTION_NOT_PERMITTED)
		return attribute_check(s, key, &in->value, f);
	if (e != ERR_OK) {
		if (f && f->code == ERR_OK)
			*f = mine;
		return e;
	}
	in->value.method = check_value_method(type);
	memcpy(in->value.value, out, FORMAT_CHECK);
	return ERR_OK;
}

const struct ops_row ops_standard_rows[OPS_COUNT] = {
	[OPS_REWRAP] = { .kind = OPS_REWRAP,
			 .way = OPS_WAY_STANDARD,
			 .run = standard_rewrap,
			 .needs = { OPS_NEED(CKM_RSA_PKCS_OAEP), OPS_NEED(CKM_AES_KEY_WRAP), OPS_NEED(CKM_AES_CMAC) },
			 .relax = "untrusted-wrap",
			 .how = "C_UnwrapKey of TEK and AUK under Pr (session keys), C_Verify of the possession MAC, "
				"C_WrapKey of both under PK, C_Sign with MAK; suite 3 has none" },
	[OPS_TK_OPEN] = { .kind = OPS_TK_OPEN,
			  .way = OPS_WAY_STANDARD,
			  .run = standard_tk_open,
			  .needs = { OPS_NEED(CKM_AES_KEY_WRAP), OPS_NEED(CKM_AES_CMAC) },
			  .relax_tdes = "raw-unwrap",
			  .how = "C_Verify with MAK, then C_UnwrapKey of TEK and AUK under PK (session keys); suite 3 "
				 "has none" },
	[OPS_TMK_GENERATE] = { .kind = OPS_TMK_GENERATE,
			       .way = OPS_WAY_STANDARD,
			       .run = standard_tmk_generate,
			       .needs = { OPS_NEED(CKM_AES_KEY_GEN), OPS_NEED(CKM_AES_KEY_WRAP) },
			       .how = "C_GenerateKey (session key), C_WrapKey under SRK" },
	[OPS_TMK_EXPORT] = { .kind = OPS_TMK_EXPORT,
			     .way = OPS_WAY_STANDARD,
			     .run = standard_tmk_export,
			     .needs = { OPS_NEED(CKM_AES_KEY_WRAP), OPS_NEED(CKM_AES_CMAC) },
			     .relax = "untrusted-wrap",
			     .relax_tdes = "weak-wrap stronger-cargo",
			     .how = "C_UnwrapKey of the TMK under SRK (session key), C_WrapKey under TEK, C_Sign with "
				    "AUK" },
	[OPS_TMK_REWRAP] = { .kind = OPS_TMK_REWRAP,
			     .way = OPS_WAY_STANDARD,
			     .run = standard_tmk_rewrap,
			     .needs = { OPS_NEED(CKM_AES_KEY_WRAP), OPS_NEED(CKM_AES_CMAC) },
			     .how = "C_UnwrapKey of the TMK under the older SRK (session key), C_WrapKey under the "
				    "newest, C_UnwrapKey of that; the check value of each" },
	[OPS_PROVE] = { .kind = OPS_PROVE,
			.way = OPS_WAY_STANDARD,
			.run = standard_prove,
			.needs = { OPS_NEED(CKM_AES_CMAC) },
			.how = "version 2: C_Sign, C_Verify with AUK (CMAC); version 1: C_Encrypt of one block" },
	[OPS_CHECK_VALUE] = { .kind = OPS_CHECK_VALUE,
			      .way = OPS_WAY_STANDARD,
			      .run = standard_check_value,
			      .needs = { OPS_NEED(CKM_AES_CMAC) },
			      .how = "AES: C_Sign of a zero block (CMAC); TDES: C_Encrypt of a zero block; where the "
				     "key may do neither, CKA_CHECK_VALUE" },
	[OPS_PR_GENERATE] = { .kind = OPS_PR_GENERATE,
			      .way = OPS_WAY_STANDARD,
			      .run = standard_pr_generate,
			      .needs = { OPS_NEED(CKM_RSA_PKCS_KEY_PAIR_GEN) },
			      .how = "C_GenerateKeyPair; the private key may unwrap, nothing else" },
	[OPS_SRK_GENERATE] = { .kind = OPS_SRK_GENERATE,
			       .way = OPS_WAY_STANDARD,
			       .run = standard_srk_generate,
			       .needs = { OPS_NEED(CKM_AES_KEY_GEN) },
			       .how = "C_GenerateKey; may wrap, unwrap, and sign for its check value" },
	[OPS_TK_GENERATE] = { .kind = OPS_TK_GENERATE,
			      .way = OPS_WAY_STANDARD,
			      .run = standard_tk_generate,
			      .needs = { OPS_NEED(CKM_AES_KEY_GEN), OPS_NEED(CKM_RSA_PKCS_OAEP),
					 OPS_NEED(CKM_AES_CMAC) },
			      .relax = "untrusted-wrap",
			      .how = "C_GenerateKey of both (session keys), C_WrapKey under Pu, C_Sign with AUK, "
				     "C_CopyObject into the token, not extractable" },
	[OPS_TK_FIND] = { .kind = OPS_TK_FIND,
			  .way = OPS_WAY_STANDARD,
			  .run = standard_tk_find,
			  .needs = { OPS_NEED(CKM_AES_CMAC) },
			  .how = "C_FindObjects by label and id; the TEK is the one that may unwrap" },
	[OPS_FINGERPRINT] = { .kind = OPS_FINGERPRINT,
			      .way = OPS_WAY_STANDARD,
			      .run = standard_fingerprint,
			      .needs = { OPS_NEED(CKM_AES_KEY_WRAP) },
			      .how = "C_WrapKey under FPK, SHA-256 in the service; TEK and AUK are extractable session "
				     "keys for that, a TMK comes by C_UnwrapKey under SRK" },
	[OPS_FPK_GENERATE] = { .kind = OPS_FPK_GENERATE,
			       .way = OPS_WAY_STANDARD,
			       .run = standard_fpk_generate,
			       .needs = { OPS_NEED(CKM_AES_KEY_GEN) },
			       .how = "C_GenerateKey; may wrap, and sign for its check value" },
	[OPS_TMK_LOAD] = { .kind = OPS_TMK_LOAD,
			   .way = OPS_WAY_STANDARD,
			   .run = standard_tmk_load,
			   .needs = { OPS_NEED(CKM_AES_KEY_WRAP), OPS_NEED(CKM_AES_CMAC) },
			   .relax_tdes = "raw-unwrap unwrap-and-encrypt",
			   .how = "C_Verify with AUK, C_UnwrapKey under TEK as a session key, its check value "
				  "compared, C_UnwrapKey as a token object" },
	[OPS_WK_MAKE] = { .kind = OPS_WK_MAKE,
			  .way = OPS_WAY_STANDARD,
			  .run = standard_wk_make,
			  .needs = { OPS_NEED(CKM_AES_KEY_WRAP), OPS_NEED(CKM_AES_KEY_WRAP_PAD),
				     OPS_NEED(CKM_AES_CMAC) },
			  .relax = "untrusted-wrap",
			  .relax_tdes = "weak-wrap",
			  .how = "C_UnwrapKey of the TMK under SRK, C_GenerateKey of both (session keys), C_WrapKey "
				 "under TMK and SRK: the MACKEY by RFC 3394, the PINKEY by RFC 5649, under a TDES TMK "
				 "both by DES3-CBC; C_Sign with the MACKEY" },
	[OPS_WK_OPEN] = { .kind = OPS_WK_OPEN,
			  .way = OPS_WAY_STANDARD,
			  .run = standard_wk_open,
			  .needs = { OPS_NEED(CKM_AES_KEY_WRAP), OPS_NEED(CKM_AES_KEY_WRAP_PAD) },
			  .how = "C_UnwrapKey under SRK (session key), its check value compared" },
	[OPS_WK_REWRAP] = { .kind = OPS_WK_REWRAP,
			    .way = OPS_WAY_STANDARD,
			    .run = standard_wk_rewrap,
			    .needs = { OPS_NEED(CKM_AES_KEY_WRAP), OPS_NEED(CKM_AES_KEY_WRAP_PAD) },
			    .how = "C_UnwrapKey under the older SRK (session key), C_WrapKey under the newest, "
				   "C_UnwrapKey of that; the check value of each" },
	[OPS_WK_LOAD] = { .kind = OPS_WK_LOAD,
			  .way = OPS_WAY_STANDARD,
			  .run = standard_wk_load,
			  .needs = { OPS_NEED(CKM_AES_KEY_WRAP), OPS_NEED(CKM_AES_KEY_WRAP_PAD),
				     OPS_NEED(CKM_AES_CMAC) },
			  .relax_tdes = "raw-unwrap unwrap-and-encrypt",
			  .how = "C_UnwrapKey of both under TMK as session keys, check values compared, C_Verify and "
				 "C_Sign with the MACKEY, C_UnwrapKey as token objects; no key blocks" },
};
