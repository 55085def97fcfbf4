/* SPDX-License-Identifier: BSD-2-Clause */
#include "mech_kdf.h"
#include "hold.h"
#include "mech_derive.h"
#include "mech_family.h"
#include <stdlib.h>
#include <string.h>

/* TLS 1.2 (RFC 5246, RFC 7627): premaster and master secrets, key blocks, Finished messages. */

#define MASTER_LEN 48
#define RANDOM_MAX 256
#define LABEL(text) VIEW(text, sizeof(text) - 1)

CK_RV kdf_tls_prf(const EVP_MD *md, struct view secret, struct view label, struct view a, struct view b, size_t n,
		  uint8_t *out)
{
	uint8_t chain[EVP_MAX_MD_SIZE], block[EVP_MAX_MD_SIZE];
	size_t step = (size_t)EVP_MD_get_size(md);
	struct view first[] = { label, a, b }, next[] = { VIEW(chain, step), label, a, b };
	CK_RV rv = kdf_hmac(md, secret, first, ARRAY_LEN(first), chain);

	for (size_t at = 0; rv == CKR_OK && at < n; at += step) {
		rv = kdf_hmac(md, secret, next, ARRAY_LEN(next), block);
		if (rv == CKR_OK)
			memcpy(out + at, block, n - at < step ? n - at : step);
		if (rv == CKR_OK)
			rv = kdf_hmac(md, secret, next, 1, chain);
	}
	memory_wipe(chain, sizeof(chain));
	memory_wipe(block, sizeof(block));
	return rv;
}

static bool random_ok(const CK_SSL3_RANDOM_DATA *r)
{
	return kdf_data_ok(r->pClientRandom, r->ulClientRandomLen) && r->ulClientRandomLen <= RANDOM_MAX &&
	       kdf_data_ok(r->pServerRandom, r->ulServerRandomLen) && r->ulServerRandomLen <= RANDOM_MAX;
}

static struct view client(const CK_SSL3_RANDOM_DATA *r)
{
	return VIEW(r->pClientRandom, r->ulClientRandomLen);
}

static struct view server(const CK_SSL3_RANDOM_DATA *r)
{
	return VIEW(r->pServerRandom, r->ulServerRandomLen);
}

static bool hash_known(CK_MECHANISM_TYPE hash)
{
	return hash == CKM_SHA_1 || kdf_hash_md(hash) != NULL;
}

/* CKM_TLS_PRE_MASTER_KEY_GEN: the version, and 46 random bytes. */

const struct mech_param param_version = { .text = "CK_VERSION", .size = sizeof(CK_VERSION) };

static CK_RV premaster(struct session *s, const struct mech_row *row, const CK_MECHANISM *m, const CK_ATTRIBUTE *t,
		       CK_ULONG n, CK_OBJECT_HANDLE *ret)
{
	struct object_make make = { .origin = OBJECT_GENERATED,
				    .class = CKO_SECRET_KEY,
				    .key_type = CKK_GENERIC_SECRET,
				    .mechanism = row->type };
	const CK_VERSION *version = m->pParameter;
	SECRET_AUTO value = { 0 };
	struct object *o = NULL;
	CK_ULONG len = MASTER_LEN;
	CK_RV rv = CKR_OK;

	if (template_find(t, n, CKA_VALUE_LEN) != NULL && (!template_ulong(t, n, CKA_VALUE_LEN, &len)))
		return CKR_ATTRIBUTE_VALUE_INVALID;
	if (len != MASTER_LEN)
		return CKR_TEMPLATE_INCONSISTENT;
	if (!secret_init(&value, MASTER_LEN))
		return CKR_HOST_MEMORY;
	rv = object_new_from(s, &make, t, n, &o);
	if (rv == CKR_OK)
		rv = crypto_random(module_crypto(), value.p, MASTER_LEN);
	value.p[0] = version->major;
	value.p[1] = version->minor;
	value.len = MASTER_LEN;
	if (rv == CKR_OK)
		rv = object_set_secret(o, CKA_VALUE, secret_view(&value));
	if (rv == CKR_OK)
		rv = object_commit(s, o, ret);
	object_unref(o);
	return rv;
}

const struct mech_ops kdf_premaster_ops = {
	.generate = premaster,
};

/* Master secrets. */

static CK_RV master_check(const struct mech_row *row, const CK_MECHANISM *m)
{
	const CK_TLS12_MASTER_KEY_DERIVE_PARAMS *p = m->pParameter;

	return hash_known(p->prfHashMechanism) && random_ok(&p->RandomInfo) ? CKR_OK : CKR_MECHANISM_PARAM_INVALID;
}

static CK_RV extended_check(const struct mech_row *row, const CK_MECHANISM *m)
{
	const CK_TLS12_EXTENDED_MASTER_KEY_DERIVE_PARAMS *p = m->pParameter;

	return hash_known(p->prfHashMechanism) && p->pSessionHash != NULL && p->ulSessionHashLen > 0 &&
		       p->ulSessionHashLen <= RANDOM_MAX
		   ? CKR_OK
		   : CKR_MECHANISM_PARAM_INVALID;
}

const struct mech_param param_tls_master = {
	.text = "CK_TLS12_MASTER_KEY_DERIVE_PARAMS",
	.size = sizeof(CK_TLS12_MASTER_KEY_DERIVE_PARAMS),
	.check = master_check,
};
const struct mech_param param_tls_extended = {
	.text = "CK_TLS12_EXTENDED_MASTER_KEY_DERIVE_PARAMS",
	.size = sizeof(CK_TLS12_EXTENDED_MASTER_KEY_DERIVE_PARAMS),
	.check = extended_check,
};

/* The version that the client offered stands in a premaster secret of RSA, and goes back to the caller. */
static CK_RV master(struct session *s, const struct mech_row *row, const CK_MECHANISM *m, struct object *base,
		    const CK_ATTRIBUTE *t, CK_ULONG n, CK_OBJECT_HANDLE *ret)
{
	const struct kdf_tls_arg *a = row->arg;
	const CK_TLS12_MASTER_KEY_DERIVE_PARAMS *p = m->pParameter;
	const CK_TLS12_EXTENDED_MASTER_KEY_DERIVE_PARAMS *e = m->pParameter;
	CK_VERSION *version = a->extended ? e->pVersion : p->pVersion;
	struct view pre = object_secret(base, CKA_VALUE);
	DERIVE_AUTO d = { 0 };
	SECRET_AUTO value = { 0 };
	CK_RV rv = mech_derive_begin(s, row, base, NULL, t, n, &d);

	if (rv != CKR_OK)
		return rv;
	if (!a->dh && pre.n != MASTER_LEN)
		return CKR_KEY_SIZE_RANGE;
	if (d.len != 0 && d.len != MASTER_LEN)
		return CKR_TEMPLATE_INCONSISTENT;
	if (!secret_init(&value, MASTER_LEN))
		return CKR_HOST_MEMORY;
	if (a->extended)
		rv = kdf_tls_prf(kdf_hash_md(e->prfHashMechanism), pre, LABEL("extended master secret"),
				 VIEW(e->pSessionHash, e->ulSessionHashLen), VIEW(NULL, 0), MASTER_LEN, value.p);
	else
		rv = kdf_tls_prf(kdf_hash_md(p->prfHashMechanism), pre, LABEL("master secret"), client(&p->RandomInfo),
				 server(&p->RandomInfo), MASTER_LEN, value.p);
	value.len = MASTER_LEN;
	if (rv == CKR_OK)
		rv = mech_derive_end(&d, secret_view(&value), DERIVE_EXACT, ret);
	if (rv == CKR_OK && !a->dh && version != NULL)
		*version = (CK_VERSION){ pre.p[0], pre.p[1] };
	return rv;
}

const struct mech_ops kdf_master_ops = {
	.derive = master,
};

/* Key blocks. */

#define MAC_BITS_MAX 512
#define KEY_BITS_MAX 256
#define IV_BITS_MAX 128

static CK_RV key_block_check(const struct mech_row *row, const CK_MECHANISM *m)
{
	const struct kdf_tls_arg *a = row->arg;
	const CK_TLS12_KEY_MAT_PARAMS *p = m->pParameter;
	CK_ULONG iv = a->safe ? 0 : p->ulIVSizeInBits;

	if (!hash_known(p->prfHashMechanism) || !random_ok(&p->RandomInfo) || p->bIsExport != CK_FALSE ||
	    p->pReturnedKeyMaterial == NULL)
		return CKR_MECHANISM_PARAM_INVALID;
	if (p->ulMacSizeInBits > MAC_BITS_MAX || p->ulKeySizeInBits > KEY_BITS_MAX || iv > IV_BITS_MAX ||
	    p->ulMacSizeInBits % 8 != 0 || p->ulKeySizeInBits % 8 != 0 || iv % 8 != 0 || p->ulKeySizeInBits == 0)
		return CKR_MECHANISM_PARAM_INVALID;
	return iv > 0 && (p->pReturnedKeyMaterial->pIVClient == NULL || p->pReturnedKeyMaterial->pIVServer == NULL)
		   ? CKR_MECHANISM_PARAM_INVALID
		   : CKR_OK;
}

const struct mech_param param_tls_key_block = {
	.text = "CK_TLS12_KEY_MAT_PARAMS",
	.size = sizeof(CK_TLS12_KEY_MAT_PARAMS),
	.check = key_block_check,
};

/* The keys of a block in its order; MAC keys are generic secrets whatever the template says of the others. */
enum { CLIENT_MAC, SERVER_MAC, CLIENT_KEY, SERVER_KEY, BLOCK_KEYS };

/* mac_template: the caller's template for a MAC key: it may sign and verify. */
static CK_ULONG mac_template(const CK_ATTRIBUTE *t, CK_ULONG n, CK_KEY_TYPE *type, CK_BBOOL *yes, CK_ATTRIBUTE *ret)
{
	static const CK_ATTRIBUTE_TYPE own[] = { CKA_KEY_TYPE, CKA_VALUE_LEN, CKA_SIGN,   CKA_VERIFY,     CKA_ENCRYPT,
						 CKA_DECRYPT,  CKA_WRAP,      CKA_UNWRAP, CKA_CHECK_VALUE };
	CK_ULONG count = 0;

	for (CK_ULONG i = 0; i < n; i++) {
		bool taken = false;

		for (size_t k = 0; k < ARRAY_LEN(own); k++)
			taken |= own[k] == t[i].type;
		if (!taken)
			ret[count++] = t[i];
	}
	*type = CKK_GENERIC_SECRET;
	*yes = CK_TRUE;
	ret[count++] = (CK_ATTRIBUTE){ CKA_KEY_TYPE, type, sizeof(*type) };
	ret[count++] = (CK_ATTRIBUTE){ CKA_SIGN, yes, sizeof(*yes) };
	ret[count++] = (CK_ATTRIBUTE){ CKA_VERIFY, yes, sizeof(*yes) };
	return count;
}

/* block_keys: the uncommitted keys of a block, filled. Without MAC the handles of MAC keys are 0. */
static CK_RV block_keys(struct session *s, const struct mech_row *row, struct object *base, const CK_ATTRIBUTE *t,
			CK_ULONG n, const size_t *lens, const uint8_t *block, struct derive *keys)
{
	CK_ATTRIBUTE *mac = calloc(n + 3, sizeof(*mac));
	CK_KEY_TYPE type;
	CK_BBOOL yes;
	CK_ULONG mac_n;
	size_t at = 0;
	CK_RV rv = mac == NULL ? CKR_HOST_MEMORY : CKR_OK;

	if (rv != CKR_OK)
		return rv;
	mac_n = mac_template(t, n, &type, &yes, mac);
	for (int i = 0; rv == CKR_OK && i < BLOCK_KEYS; i++) {
		bool key = i >= CLIENT_KEY;

		if (lens[i] == 0)
			continue;
		rv = mech_derive_begin(s, row, base, NULL, key ? t : mac, key ? n : mac_n, &keys[i]);
		if (rv == CKR_OK)
			rv = mech_derive_fill(&keys[i], VIEW(block + at, lens[i]), DERIVE_EXACT);
		at += lens[i];
	}
	free(mac);
	return rv;
}

static CK_RV block_commit(struct session *s, struct derive *keys, CK_SSL3_KEY_MAT_OUT *out)
{
	CK_OBJECT_HANDLE *const places[] = { &out->hClientMacSecret, &out->hServerMacSecret, &out->hClientKey,
					     &out->hServerKey };
	struct object *objects[BLOCK_KEYS];
	CK_OBJECT_HANDLE handles[BLOCK_KEYS];
	struct object_change change = { .create = objects };
	size_t at = 0;
	CK_RV rv;

	for (int i = 0; i < BLOCK_KEYS; i++)
		if (keys[i].o != NULL)
			objects[change.creates++] = keys[i].o;
	rv = object_commit_change(s, &change, handles);
	for (int i = 0; rv == CKR_OK && i < BLOCK_KEYS; i++)
		*places[i] = keys[i].o != NULL ? handles[at++] : 0;
	return rv;
}

static CK_RV key_block(struct session *s, const struct mech_row *row, const CK_MECHANISM *m, struct object *base,
		       const CK_ATTRIBUTE *t, CK_ULONG n, CK_OBJECT_HANDLE *ret)
{
	const struct kdf_tls_arg *a = row->arg;
	const CK_TLS12_KEY_MAT_PARAMS *p = m->pParameter;
	CK_SSL3_KEY_MAT_OUT *out = p->pReturnedKeyMaterial;
	size_t mac = p->ulMacSizeInBits / 8, key = p->ulKeySizeInBits / 8, iv = a->safe ? 0 : p->ulIVSizeInBits / 8;
	const size_t lens[BLOCK_KEYS] = { mac, mac, key, key };
	size_t total = 2 * (mac + key + iv);
	struct view secret = object_secret(base, CKA_VALUE);
	struct derive keys[BLOCK_KEYS] = { 0 };
	SECRET_AUTO block = { 0 };
	CK_RV rv;

	if (secret.n != MASTER_LEN)
		return CKR_KEY_SIZE_RANGE;
	if (!secret_init(&block, total))
		return CKR_HOST_MEMORY;
	rv = kdf_tls_prf(kdf_hash_md(p->prfHashMechanism), secret, LABEL("key expansion"), server(&p->RandomInfo),
			 client(&p->RandomInfo), total, block.p);
	if (rv == CKR_OK)
		rv = block_keys(s, row, base, t, n, lens, block.p, keys);
	if (rv == CKR_OK)
		rv = block_commit(s, keys, out);
	if (rv == CKR_OK && iv > 0) {
		memcpy(out->pIVClient, block.p + 2 * (mac + key), iv);
		memcpy(out->pIVServer, block.p + 2 * (mac + key) + iv, iv);
	}
	for (int i = 0; i < BLOCK_KEYS; i++)
		mech_derive_done(&keys[i]);
	return rv;
}

const struct mech_ops kdf_key_block_ops = {
	.derive = key_block,
};

/* The PRF with the caller's label. */

static CK_RV kdf_check(const struct mech_row *row, const CK_MECHANISM *m)
{
	const CK_TLS_KDF_PARAMS *p = m->pParameter;

	return hash_known(p->prfMechanism) && random_ok(&p->RandomInfo) && p->ulLabelLength > 0 &&
		       kdf_data_ok(p->pLabel, p->ulLabelLength) && kdf_data_ok(p->pContextData, p->ulContextDataLength)
		   ? CKR_OK
		   : CKR_MECHANISM_PARAM_INVALID;
}

const struct mech_param param_tls_kdf = {
	.text = "CK_TLS_KDF_PARAMS",
	.size = sizeof(CK_TLS_KDF_PARAMS),
	.check = kdf_check,
};

static CK_RV tls_kdf(struct session *s, const struct mech_row *row, const CK_MECHANISM *m, struct object *base,
		     const CK_ATTRIBUTE *t, CK_ULONG n, CK_OBJECT_HANDLE *ret)
{
	const CK_TLS_KDF_PARAMS *p = m->pParameter;
	DERIVE_AUTO d = { 0 };
	BUF_AUTO seed = { 0 };
	SECRET_AUTO value = { 0 };
	CK_RV rv = mech_derive_begin(s, row, base, NULL, t, n, &d);

	if (rv != CKR_OK)
		return rv;
	if (d.len == 0)
		return CKR_TEMPLATE_INCOMPLETE;
	buf_put_view(&seed, client(&p->RandomInfo));
	buf_put_view(&seed, server(&p->RandomInfo));
	if (!buf_ok(&seed) || !secret_init(&value, d.len))
		return CKR_HOST_MEMORY;
	rv =
	    kdf_tls_prf(kdf_hash_md(p->prfMechanism), object_secret(base, CKA_VALUE), VIEW(p->pLabel, p->ulLabelLength),
			buf_view(&seed), VIEW(p->pContextData, p->ulContextDataLength), d.len, value.p);
	value.len = d.len;
	return rv == CKR_OK ? mech_derive_end(&d, secret_view(&value), DERIVE_EXACT, ret) : rv;
}

const struct mech_ops kdf_tls_ops = {
	.derive = tls_kdf,
};

/* Finished messages: the PRF over the hash of the handshake. */

#define VERIFY_DATA_MIN 12
#define VERIFY_DATA_MAX 64

static CK_RV mac_check(const struct mech_row *row, const CK_MECHANISM *m)
{
	const CK_TLS_MAC_PARAMS *p = m->pParameter;

	return hash_known(p->prfHashMechanism) && p->ulMacLength >= VERIFY_DATA_MIN &&
		       p->ulMacLength <= VERIFY_DATA_MAX && (p->ulServerOrClient == 1 || p->ulServerOrClient == 2)
		   ? CKR_OK
		   : CKR_MECHANISM_PARAM_INVALID;
}

const struct mech_param param_tls_mac = {
	.text = "CK_TLS_MAC_PARAMS",
	.size = sizeof(CK_TLS_MAC_PARAMS),
	.check = mac_check,
};

struct tls_mac {
	const EVP_MD *md;
	struct view label;
	struct secret key;
	struct hold data;
};

static CK_RV mac_init(struct op *op, struct session *s, const CK_MECHANISM *m, struct object *key)
{
	const CK_TLS_MAC_PARAMS *p = m->pParameter;
	struct view value = object_secret(key, CKA_VALUE);
	struct tls_mac *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return CKR_HOST_MEMORY;
	op->state = t;
	op->out_len = p->ulMacLength;
	t->md = kdf_hash_md(p->prfHashMechanism);
	t->label = p->ulServerOrClient == 1 ? LABEL("server finished") : LABEL("client finished");
	return secret_init(&t->key, value.n) && secret_set(&t->key, value.p, value.n) ? CKR_OK : CKR_HOST_MEMORY;
}

static void mac_done(struct op *op)
{
	struct tls_mac *t = op->state;

	if (t == NULL)
		return;
	secret_done(&t->key);
	hold_done(&t->data);
	free(t);
}

static CK_RV mac_update(struct op *op, struct view data)
{
	struct tls_mac *t = op->state;

	return hold_put(&t->data, data);
}

static CK_RV mac_final(struct op *op, uint8_t *out)
{
	struct tls_mac *t = op->state;

	return kdf_tls_prf(t->md, secret_view(&t->key), t->label, hold_view(&t->data), VIEW(NULL, 0), op->out_len, out);
}

const struct mech_ops kdf_tls_mac_ops = {
	.init = mac_init,
	.done = mac_done,
	.update = mac_update,
	.final = mac_final,
};
