/* SPDX-License-Identifier: BSD-2-Clause */
/* The vendor way: the mechanisms of hsm/vendor.h. The only file of the host side that knows it. */
#include "ops_own.h"

#include "vendor.h"

_Static_assert(SR_SUITE_TDES == FORMAT_SUITE_TDES && SR_SUITE_AES == FORMAT_SUITE_AES &&
		   SR_SUITE_BLOCK == FORMAT_SUITE_BLOCK,
	       "suites");
_Static_assert(SR_HANDSHAKE_V1 == FORMAT_HANDSHAKE_V1 && SR_HANDSHAKE_V2 == FORMAT_HANDSHAKE_V2, "versions");
_Static_assert(SR_RECORD_MAX >= FORMAT_RECORD_MAX && SR_TK_PACKET_MAX >= FORMAT_PACKET_MAX, "bounds");

static enum err vendor_rewrap(struct ops *o, struct pk11_session *s, void *arg, struct fail *f)
{
	const struct ops_rewrap_arg *a = arg;
	const struct ops_rewrap_in *in = a->in;
	struct sr_tk_rewrap_params params = {
		.pPacket = (CK_BYTE_PTR)(uintptr_t)in->packet.p,
		.ulPacketLen = in->packet.n,
		.pCustomer = (CK_BYTE_PTR)(uintptr_t)in->customer.p,
		.ulCustomerLen = in->customer.n,
		.collectionTime = in->collected,
		.pTekIv = in->tek_iv.n ? (CK_BYTE_PTR)(uintptr_t)in->tek_iv.p : NULL,
		.ulTekIvLen = in->tek_iv.n,
		.pAukIv = in->auk_iv.n ? (CK_BYTE_PTR)(uintptr_t)in->auk_iv.p : NULL,
		.ulAukIvLen = in->auk_iv.n,
	};
	CK_MECHANISM m = { CKM_SR_TK_REWRAP, &params, sizeof(params) };
	CK_OBJECT_HANDLE pr, pk;
	uint8_t record[SR_RECORD_MAX];
	size_t n = 0;
	enum err e = pk11_key_handle(s, in->pr, &pr, f);

	if (e == ERR_OK)
		e = pk11_key_handle(s, in->pk, &pk, f);
	if (e == ERR_OK)
		e = pk11_key_handle(s, in->mak, &params.hMak, f);
	if (e == ERR_OK)
		e = step_wrap(s, &m, pk, pr, record, sizeof(record), &n, f);
	if (e != ERR_OK)
		return e;
	buf_put(a->record, record, n);
	return buf_ok(a->record) ? ERR_OK : fail_set(f, ERR_NO_MEMORY, 0, "record");
}

static enum err vendor_tk_open(struct ops *o, struct pk11_session *s, void *arg, struct fail *f)
{
	struct ops_open_arg *in = arg;
	CK_OBJECT_HANDLE pk, tek = CK_INVALID_HANDLE, auk = CK_INVALID_HANDLE;
	struct sr_tk_open_params params = { .phAuk = &auk };
	CK_MECHANISM m = { CKM_SR_TK_OPEN, &params, sizeof(params) };
	struct template t = { 0 };
	enum err e = pk11_key_handle(s, in->keys->pk, &pk, f);

	template_bool(&t, CKA_TOKEN, false);
	if (e == ERR_OK)
		e = pk11_key_handle(s, in->keys->mak, &params.hMak, f);
	if (e == ERR_OK)
		e = step_unwrap(s, &m, pk, in->bytes, &t, &tek, f);
	/* The MAC of the record tells which generations it was made with: of those that are there, one fits. */
	for (size_t i = 0; e == ERR_BAD_DATA && i < PK11_GENERATIONS * PK11_GENERATIONS; i++) {
		struct fail none = { 0 };

		if (pk11_key_older(s, in->keys->pk, i / PK11_GENERATIONS, &pk, &none) != ERR_OK)
			break;
		if (pk11_key_older(s, in->keys->mak, i % PK11_GENERATIONS, &params.hMak, &none) != ERR_OK) {
			i += PK11_GENERATIONS - 1 - i % PK11_GENERATIONS;
			continue;
		}
		if (step_unwrap(s, &m, pk, in->bytes, &t, &tek, &none) == ERR_OK)
			e = ERR_OK;
	}
	if (e != ERR_OK)
		return e;
	in->tek = tek;
	in->auk = auk;
	return ERR_OK;
}

static enum err vendor_tmk_generate(struct ops *o, struct pk11_session *s, void *arg, struct fail *f)
{
	struct ops_generate_arg *in = arg;
	struct template t = { 0 };

	template_secret(&t, in->type, in->length, false, true);
	template_number(&t, CKA_SR_ROLE, SR_ROLE_TMK);
	return step_blob_make(o, s, in, &t, f);
}

static struct sr_tmk_params tmk_params(const struct ops_tk *tk, const struct ops_shake *shake, struct view iv)
{
	struct sr_tmk_params params = { .hAuk = tk->auk };

	if (tk->handshake == FORMAT_HANDSHAKE_V2) {
		params.pTerminalRandom = (CK_BYTE_PTR)(uintptr_t)shake->terminal_random.p;
		params.ulTerminalRandomLen = shake->terminal_random.n;
		params.pHostRandom = (CK_BYTE_PTR)(uintptr_t)shake->host_random.p;
		params.ulHostRandomLen = shake->host_random.n;
	}
	if (iv.n) {
		params.pIv = (CK_BYTE_PTR)(uintptr_t)iv.p;
		params.ulIvLen = iv.n;
	}
	return params;
}

static enum err vendor_tmk_export(struct ops *o, struct pk11_session *s, void *arg, struct fail *f)
{
	const struct ops_export_arg *in = arg;
	struct template t = { 0 };
	CK_OBJECT_HANDLE tmk = CK_INVALID_HANDLE;
	uint8_t message[SR_TMK_MESSAGE_MAX];
	size_t n = 0;

	template_secret(&t, in->blob->attrs.type, in->blob->attrs.length, false, false);
	enum err e = step_blob_unwrap(o, s, in->srk, in->blob, &t, &tmk, f);
	if (e == ERR_OK && in->tk) {
		struct sr_tmk_params params = tmk_params(in->tk, in->shake, in->iv);
		CK_MECHANISM m = { CKM_SR_TMK_EXPORT, &params, sizeof(params) };
		e = step_wrap(s, &m, in->tk->tek, tmk, message, sizeof(message), &n, f);
		if (e == ERR_OK)
			buf_put(in->message, message, n);
	}
	step_destroy(s, &tmk);
	return e;
}

static enum err vendor_tmk_rewrap(struct ops *o, struct pk11_session *s, void *arg, struct fail *f)
{
	struct ops_again_arg *in = arg;
	struct template t = { 0 };

	template_secret(&t, in->blob->attrs.type, in->blob->attrs.length, false, false);
	return step_blob_rewrap(o, s, in, &t, f);
}

static enum err vendor_prove(struct ops *o, struct pk11_session *s, void *arg, struct fail *f)
{
	struct ops_prove_arg *in = arg;
	CK_MECHANISM m = { CKM_SR_HANDSHAKE_MAC, NULL, 0 };

	if (in->check)
		return step_verify(s, &m, in->tk->auk, in->transcript, in->tag, f);
	return step_sign(s, &m, in->tk->auk, in->transcript, in->made, sizeof(in->made), &in->made_len, f);
}

static enum err vendor_check_value(struct ops *o, struct pk11_session *s, void *arg, struct fail *f)
{
	struct ops_check_arg *in = arg;
	CK_MECHANISM m = { CKM_SR_CHECK_VALUE, NULL, 0 };
	struct check_value value;
	CK_OBJECT_HANDLE key = in->handle;
	uint8_t nothing = 0, type, length;
	size_t n = 0;
	enum err e = in->key ? pk11_key_handle(s, in->key, &key, f) : ERR_OK;

	if (e == ERR_OK)
		e = step_key_kind(s, key, &type, &length, f);
	if (e == ERR_OK)
		e = step_sign(s, &m, key, VIEW(&nothing, 0), value.value, sizeof(value.value), &n, f);
	if (e == ERR_OK && n != sizeof(value.value))
		e = fail_set(f, ERR_TOKEN, 0, "check value of %zu bytes", n);
	if (e != ERR_OK)
		return e;
	value.method = check_value_method(type);
	in->value = value;
	return ERR_OK;
}

static enum err vendor_pr_generate(struct ops *o, struct pk11_session *s, void *arg, struct fail *f)
{
	struct template pub = { 0 }, priv = { 0 };

	template_number(&priv, CKA_SR_ROLE, SR_ROLE_PR);
	return step_pair_generate(s, arg, &pub, &priv, f);
}

static enum err vendor_fingerprint(struct ops *o, struct pk11_session *s, void *arg, struct fail *f)
{
	struct ops_fingerprint_arg *in = arg;
	CK_OBJECT_HANDLE fpk, tmk = CK_INVALID_HANDLE, key = in->handle;
	CK_MECHANISM m = { CKM_SR_KEY_FINGERPRINT, &key, sizeof(key) };
	struct template t = { 0 };
	uint8_t nothing = 0;
	size_t n = 0;
	enum err e = pk11_key_handle(s, in->fpk, &fpk, f);

	if (e == ERR_OK && in->blob) {
		template_secret(&t, in->blob->attrs.type, in->blob->attrs.length, false, false);
		e = step_blob_unwrap(o, s, in->srk, in->blob, &t, &tmk, f);
		key = tmk;
	}
	if (e == ERR_OK)
		e = step_sign(s, &m, fpk, VIEW(&nothing, 0), in->made, sizeof(in->made), &n, f);
	if (e == ERR_OK && n != sizeof(in->made))
		e = fail_set(f, ERR_TOKEN, 0, "fingerprint of %zu bytes", n);
	step_destroy(s, &tmk);
	return e;
}

static enum err storage_key(struct pk11_session *s, const struct ops_generate_arg *in, CK_ULONG role, struct fail *f)
{
	CK_MECHANISM m = step_generation(FORMAT_KEY_AES, FORMAT_KEY_MAX);
	struct template t = { 0 };
	CK_OBJECT_HANDLE key;

	template_secret(&t, FORMAT_KEY_AES, FORMAT_KEY_MAX, true, true);
	template_bytes(&t, CKA_LABEL, view_of_string(in->label));
	template_bytes(&t, CKA_ID, in->id);
	template_number(&t, CKA_SR_ROLE, role);
	return step_generate(s, &m, &t, &key, f);
}

static enum err vendor_srk_generate(struct ops *o, struct pk11_session *s, void *arg, struct fail *f)
{
	return storage_key(s, arg, SR_ROLE_SRK, f);
}

static enum err vendor_fpk_generate(struct ops *o, struct pk11_session *s, void *arg, struct fail *f)
{
	return storage_key(s, arg, SR_ROLE_FPK, f);
}

static CK_MECHANISM_TYPE hash_mechanism(uint8_t hash)
{
	CK_RSA_PKCS_OAEP_PARAMS params;
	CK_MECHANISM m;
	return step_oaep(hash, &params, &m) ? params.hashAlg : 0;
}

static enum err vendor_tk_generate(struct ops *o, struct pk11_session *s, void *arg, struct fail *f)
{
	const struct ops_tk_arg *a = arg;
	const struct ops_tk_in *in = a->in;
	CK_OBJECT_HANDLE tek, auk;
	uint8_t packet[SR_TK_PACKET_MAX];
	CK_ULONG packet_len = sizeof(packet);
	struct sr_tk_generate_params params = {
		.suite = in->suite,
		.handshake = in->handshake,
		.oaepHash = hash_mechanism(in->oaep_hash),
		.keyType = step_key_type(in->type, in->length),
		.keyLen = in->length,
		.pSerial = (CK_BYTE_PTR)(uintptr_t)in->serial.p,
		.ulSerialLen = in->serial.n,
		.pPinPad = (CK_BYTE_PTR)(uintptr_t)in->pin_pad.p,
		.ulPinPadLen = in->pin_pad.n,
		.pCertSerial = (CK_BYTE_PTR)(uintptr_t)in->cert_serial.p,
		.ulCertSerialLen = in->cert_serial.n,
		.counter = in->counter,
		.phAuk = &auk,
		.pPacket = packet,
		.pulPacketLen = &packet_len,
	};
	CK_MECHANISM m = { CKM_SR_TK_GENERATE, &params, sizeof(params) };
	struct template t = { 0 };
	enum err e = pk11_key_handle(s, in->pu, &params.hPu, f);

	template_bool(&t, CKA_TOKEN, true);
	template_bytes(&t, CKA_LABEL, view_of_string(OPS_TK_LABEL));
	template_bytes(&t, CKA_ID, in->id);
	if (e == ERR_OK)
		e = step_generate(s, &m, &t, &tek, f);
	if (e == ERR_OK)
		buf_put(a->packet, packet, packet_len);
	return e;
}

static enum err find_role(struct pk11_session *s, struct view id, CK_ULONG role, CK_OBJECT_HANDLE *ret, struct fail *f)
{
	struct template t = { 0 };

	template_number(&t, CKA_CLASS, CKO_SECRET_KEY);
	template_bool(&t, CKA_TOKEN, true);
	template_bytes(&t, CKA_LABEL, view_of_string(OPS_TK_LABEL));
	template_bytes(&t, CKA_ID, id);
	template_number(&t, CKA_SR_ROLE, role);
	return pk11_find_one(s, t.a, t.n, ret, f);
}

static enum err vendor_tk_find(struct ops *o, struct pk11_session *s, void *arg, struct fail *f)
{
	struct ops_find_arg *in = arg;
	enum err e = find_role(s, in->id, SR_ROLE_TEK, &in->tek, f);

	return e == ERR_OK ? find_role(s, in->id, SR_ROLE_AUK, &in->auk, f) : e;
}

static enum err vendor_tmk_load(struct ops *o, struct pk11_session *s, void *arg, struct fail *f)
{
	const struct ops_load_arg *in = arg;
	struct sr_tmk_params params = tmk_params(in->tk, in->shake, VIEW(NULL, 0));
	CK_MECHANISM m = { CKM_SR_TMK_LOAD, &params, sizeof(params) };
	CK_OBJECT_HANDLE tmk;
	struct template t = { 0 };

	template_bool(&t, CKA_TOKEN, true);
	template_bytes(&t, CKA_LABEL, view_of_string(OPS_TMK_LABEL));
	template_bytes(&t, CKA_ID, in->id);
	return step_unwrap(s, &m, in->tk->tek, in->bytes, &t, &tmk, f);
}

/* Working keys: what the key block under TMK or SRK says of them. */
static const struct {
	CK_ULONG role;
	char usage[3];
	char mode;
} wk_roles[WK_KINDS] = { { SR_ROLE_PINKEY, "P0", 'B' }, { SR_ROLE_MACKEY, "M6", 'C' } };

static enum err wk_generate(struct pk11_session *s, enum wk_kind kind, uint8_t type, uint8_t length,
			    CK_OBJECT_HANDLE *ret, struct fail *f)
{
	CK_MECHANISM m = step_generation(type, length);
	struct template t = { 0 };

	template_secret(&t, type, length, false, true);
	template_number(&t, CKA_SR_ROLE, wk_roles[kind].role);
	return step_generate(s, &m, &t, ret, f);
}

static void wk_tmk(struct template *t, uint8_t type, uint8_t length)
{
	template_secret(t, type, length, false, false);
}

static enum wk_kind kind_of(const struct key_attrs *a)
{
	return a->role == FORMAT_ROLE_PINKEY ? WK_PINKEY : WK_MACKEY;
}

/* Of the database's key block the key leaves again under a later storage key; of the terminal's it does not. */
static enum err wk_wrap(struct pk11_session *s, const struct wk_wrapper *w, uint8_t form, const struct key_attrs *a,
			CK_OBJECT_HANDLE key, uint8_t ret[WK_WRAPPED_MAX], size_t *ret_len, struct fail *f)
{
	enum wk_kind kind = kind_of(a);
	struct sr_key_block_params params = { .mode = (CK_BYTE)wk_roles[kind].mode,
					      .keyVersion = { '0', '0' },
					      .exportability = w->storage ? 'E' : 'N',
					      .context = '0' };
	CK_MECHANISM m = { CKM_SR_KEY_BLOCK, &params, sizeof(params) };

	params.usage[0] = (CK_BYTE)wk_roles[kind].usage[0];
	params.usage[1] = (CK_BYTE)wk_roles[kind].usage[1];
	if (form == WK_FORM_WRAP)
		m = wk_wrap_mechanism(s, w, a);
	return step_wrap(s, &m, w->key, key, ret, WK_WRAPPED_MAX, ret_len, f);
}

/* The token gives the role, by the block's header or by the mechanism; here it is seen that it is the one that is said.
 */
static enum err wk_unwrap(struct pk11_session *s, const struct wk_wrapper *w, uint8_t form, const struct wk_key *k,
			  struct template *t, CK_OBJECT_HANDLE *ret, struct fail *f)
{
	CK_MECHANISM m = { CKM_SR_KEY_BLOCK, NULL, 0 };
	CK_ULONG role = 0;
	CK_ATTRIBUTE a = { CKA_SR_ROLE, &role, sizeof(role) };
	CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
	enum err e;

	if (form == WK_FORM_WRAP) {
		m = wk_wrap_mechanism(s, w, &k->attrs);
		template_number(t, CKA_CLASS, CKO_SECRET_KEY);
		template_number(t, CKA_KEY_TYPE, step_key_type(k->attrs.type, k->attrs.length));
	}
	e = step_unwrap(s, &m, w->key, k->wrapped, t, &key, f);
	if (e == ERR_OK &&
	    (s->f->C_GetAttributeValue(s->handle, key, &a, 1) != CKR_OK || role != wk_roles[kind_of(&k->attrs)].role)) {
		step_destroy(s, &key);
		return fail_set(f, ERR_BAD_DATA, 0, "working key: of another kind than it says");
	}
	if (e == ERR_OK)
		*ret = key;
	return e;
}

const struct wk_way wk_vendor = {
	.storage_form = WK_FORM_BLOCK,
	.forms = WK_FORM_BLOCK | WK_FORM_WRAP,
	.generate = wk_generate,
	.tmk = wk_tmk,
	.wrap = wk_wrap,
	.unwrap = wk_unwrap,
};

static enum err vendor_wk_make(struct ops *o, struct pk11_session *s, void *arg, struct fail *f)
{
	return wk_make(o, s, arg, &wk_vendor, f);
}

static enum err vendor_wk_open(struct ops *o, struct pk11_session *s, void *arg, struct fail *f)
{
	return wk_open(o, s, arg, &wk_vendor, f);
}

static enum err vendor_wk_rewrap(struct ops *o, struct pk11_session *s, void *arg, struct fail *f)
{
	return wk_rewrap(o, s, arg, &wk_vendor, f);
}

static enum err vendor_wk_load(struct ops *o, struct pk11_session *s, void *arg, struct fail *f)
{
	return wk_load(o, s, arg, &wk_vendor, f);
}

const struct ops_row ops_vendor_rows[OPS_COUNT] = {
	[OPS_REWRAP] = { .kind = OPS_REWRAP,
			 .way = OPS_WAY_VENDOR,
			 .run = vendor_rewrap,
			 .needs = { OPS_NEED(CKM_SR_TK_REWRAP) },
			 .how = "C_WrapKey" },
	[OPS_TK_OPEN] = { .kind = OPS_TK_OPEN,
			  .way = OPS_WAY_VENDOR,
			  .run = vendor_tk_open,
			  .needs = { OPS_NEED(CKM_SR_TK_OPEN) },
			  .how = "C_UnwrapKey" },
	[OPS_TMK_GENERATE] = { .kind = OPS_TMK_GENERATE,
			       .way = OPS_WAY_VENDOR,
			       .run = vendor_tmk_generate,
			       .needs = { OPS_NEED(CKM_SR_TMK_EXPORT), OPS_NEED(CKM_AES_KEY_GEN),
					  OPS_NEED(CKM_AES_KEY_WRAP) },
			       .how = "C_GenerateKey with role TMK (session key), C_WrapKey under SRK" },
	[OPS_TMK_EXPORT] = { .kind = OPS_TMK_EXPORT,
			     .way = OPS_WAY_VENDOR,
			     .run = vendor_tmk_export,
			     .needs = { OPS_NEED(CKM_SR_TMK_EXPORT), OPS_NEED(CKM_AES_KEY_WRAP) },
			     .how = "C_UnwrapKey of the TMK under SRK (session key), C_WrapKey" },
	[OPS_TMK_REWRAP] = { .kind = OPS_TMK_REWRAP,
			     .way = OPS_WAY_VENDOR,
			     .run = vendor_tmk_rewrap,
			     .needs = { OPS_NEED(CKM_SR_TMK_EXPORT), OPS_NEED(CKM_AES_KEY_WRAP) },
			     .how = "C_UnwrapKey of the TMK under the older SRK (session key), C_WrapKey under the "
				    "newest, C_UnwrapKey of that; the check value of each" },
	[OPS_PROVE] = { .kind = OPS_PROVE,
			.way = OPS_WAY_VENDOR,
			.run = vendor_prove,
			.needs = { OPS_NEED(CKM_SR_HANDSHAKE_MAC) },
			.how = "version 2: C_Sign, C_Verify; version 1: C_Encrypt of one block" },
	[OPS_CHECK_VALUE] = { .kind = OPS_CHECK_VALUE,
			      .way = OPS_WAY_VENDOR,
			      .run = vendor_check_value,
			      .needs = { OPS_NEED(CKM_SR_CHECK_VALUE) },
			      .how = "C_Sign without data" },
	[OPS_PR_GENERATE] = { .kind = OPS_PR_GENERATE,
			      .way = OPS_WAY_VENDOR,
			      .run = vendor_pr_generate,
			      .needs = { OPS_NEED(CKM_SR_TK_REWRAP), OPS_NEED(CKM_RSA_PKCS_KEY_PAIR_GEN) },
			      .how = "C_GenerateKeyPair with role PR" },
	[OPS_SRK_GENERATE] = { .kind = OPS_SRK_GENERATE,
			       .way = OPS_WAY_VENDOR,
			       .run = vendor_srk_generate,
			       .needs = { OPS_NEED(CKM_SR_TMK_EXPORT), OPS_NEED(CKM_AES_KEY_GEN) },
			       .how = "C_GenerateKey with role SRK" },
	[OPS_TK_GENERATE] = { .kind = OPS_TK_GENERATE,
			      .way = OPS_WAY_VENDOR,
			      .run = vendor_tk_generate,
			      .needs = { OPS_NEED(CKM_SR_TK_GENERATE) },
			      .how = "C_GenerateKey" },
	[OPS_TK_FIND] = { .kind = OPS_TK_FIND,
			  .way = OPS_WAY_VENDOR,
			  .run = vendor_tk_find,
			  .needs = { OPS_NEED(CKM_SR_TK_GENERATE) },
			  .how = "C_FindObjects by label, id and role" },
	[OPS_FINGERPRINT] = { .kind = OPS_FINGERPRINT,
			      .way = OPS_WAY_VENDOR,
			      .run = vendor_fingerprint,
			      .needs = { OPS_NEED(CKM_SR_KEY_FINGERPRINT), OPS_NEED(CKM_AES_KEY_WRAP) },
			      .how = "C_Sign by FPK, which names the key; a TMK comes by C_UnwrapKey under SRK" },
	[OPS_FPK_GENERATE] = { .kind = OPS_FPK_GENERATE,
			       .way = OPS_WAY_VENDOR,
			       .run = vendor_fpk_generate,
			       .needs = { OPS_NEED(CKM_SR_KEY_FINGERPRINT), OPS_NEED(CKM_AES_KEY_GEN) },
			       .how = "C_GenerateKey with role FPK" },
	[OPS_TMK_LOAD] = { .kind = OPS_TMK_LOAD,
			   .way = OPS_WAY_VENDOR,
			   .run = vendor_tmk_load,
			   .needs = { OPS_NEED(CKM_SR_TMK_LOAD) },
			   .how = "C_UnwrapKey" },
	[OPS_WK_MAKE] = { .kind = OPS_WK_MAKE,
			  .way = OPS_WAY_VENDOR,
			  .run = vendor_wk_make,
			  .needs = { OPS_NEED(CKM_SR_TMK_EXPORT), OPS_NEED(CKM_SR_KEY_BLOCK) },
			  .how = "C_UnwrapKey of the TMK under SRK, C_GenerateKey with roles PINKEY and MACKEY "
				 "(session keys), C_WrapKey under TMK and SRK as key blocks; under an AES TMK by RFC "
				 "5649 and RFC 3394 for a terminal that has no key blocks; C_Sign with the MACKEY" },
	[OPS_WK_OPEN] = { .kind = OPS_WK_OPEN,
			  .way = OPS_WAY_VENDOR,
			  .run = vendor_wk_open,
			  .needs = { OPS_NEED(CKM_SR_TMK_EXPORT), OPS_NEED(CKM_SR_KEY_BLOCK) },
			  .how = "C_UnwrapKey of the key block under SRK (session key), its check value compared" },
	[OPS_WK_REWRAP] = { .kind = OPS_WK_REWRAP,
			    .way = OPS_WAY_VENDOR,
			    .run = vendor_wk_rewrap,
			    .needs = { OPS_NEED(CKM_SR_TMK_EXPORT), OPS_NEED(CKM_SR_KEY_BLOCK) },
			    .how = "C_UnwrapKey of the key block under the older SRK (session key), C_WrapKey under "
				   "the newest, C_UnwrapKey of that; the check value of each" },
	[OPS_WK_LOAD] = { .kind = OPS_WK_LOAD,
			  .way = OPS_WAY_VENDOR,
			  .run = vendor_wk_load,
			  .needs = { OPS_NEED(CKM_SR_TMK_LOAD), OPS_NEED(CKM_SR_KEY_BLOCK) },
			  .how = "C_UnwrapKey of both under TMK as session keys, check values compared, C_Verify and "
				 "C_Sign with the MACKEY, C_UnwrapKey as token objects" },
};
