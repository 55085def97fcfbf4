/* SPDX-License-Identifier: BSD-2-Clause */
#include "mech_aead.h"
#include <string.h>

/* The parameters of authenticated encryption, of every form: one struct comes out, checked. */

/* CK_GCM_PARAMS as the text of PKCS#11 2.40 has it; the header, which counts, has ulIvBits too. */
struct gcm_params_text {
	CK_BYTE_PTR pIv;
	CK_ULONG ulIvLen;
	CK_BYTE_PTR pAAD;
	CK_ULONG ulAADLen;
	CK_ULONG ulTagBits;
};

static bool gcm_ok(const struct aead_param *p, CK_ULONG tag_bits)
{
	static const CK_ULONG tags[] = { 128, 120, 112, 104, 96, 64, 32 };

	if (p->iv_len < 1 || p->iv_len > AEAD_IV_MAX)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(tags); i++) {
		if (tag_bits == tags[i])
			return true;
	}
	return false;
}

/* ccm_ok: NIST SP 800-38C, A.1: the length of the data has 15 - nonce bytes. */
static bool ccm_ok(const struct aead_param *p)
{
	size_t bytes = 15 - p->iv_len;

	if (p->iv_len < 7 || p->iv_len > 13 || p->tag_len < 4 || p->tag_len > 16 || p->tag_len % 2 != 0)
		return false;
	return p->data_len <= CRYPTO_UPDATE_MAX && (bytes >= 8 || p->data_len < (uint64_t)1 << (8 * bytes));
}

/* chacha_ok: the length stands in bits in the text of 3.x; a length in bytes, as others read it, cannot be mistaken. */
static bool chacha_ok(struct aead_param *p)
{
	if (p->iv_len == 96 || p->iv_len == 192)
		p->iv_len /= 8;
	return p->iv_len == 12 || p->iv_len == 24;
}

static CK_RV checked(enum aead_kind kind, struct aead_param p, CK_ULONG tag_bits, bool message, struct aead_param *ret)
{
	bool ok = kind == AEAD_GCM ? gcm_ok(&p, tag_bits) : kind == AEAD_CCM ? ccm_ok(&p) : chacha_ok(&p);

	if (!ok || p.iv == NULL || (p.aad.p == NULL && p.aad.n > 0) || p.aad.n > CRYPTO_UPDATE_MAX)
		return CKR_MECHANISM_PARAM_INVALID;
	if (message && p.tag == NULL)
		return CKR_MECHANISM_PARAM_INVALID;
	if (kind == AEAD_GCM)
		p.tag_len = tag_bits / 8;
	*ret = p;
	return CKR_OK;
}

static CK_RV gcm_plain(const void *params, size_t n, struct aead_param *ret)
{
	if (n == sizeof(CK_GCM_PARAMS)) {
		const CK_GCM_PARAMS *g = params;
		struct aead_param p = { .iv = g->iv_ptr, .iv_len = g->iv_len, .aad = VIEW(g->aad_ptr, g->aad_len) };

		return checked(AEAD_GCM, p, g->tag_bits, false, ret);
	}
	if (n == sizeof(struct gcm_params_text)) {
		const struct gcm_params_text *g = params;
		struct aead_param p = { .iv = g->pIv, .iv_len = g->ulIvLen, .aad = VIEW(g->pAAD, g->ulAADLen) };

		return checked(AEAD_GCM, p, g->ulTagBits, false, ret);
	}
	return CKR_MECHANISM_PARAM_INVALID;
}

static CK_RV ccm_plain(const void *params, size_t n, bool wrap, struct aead_param *ret)
{
	const CK_CCM_PARAMS *c = params;
	struct aead_param p;

	if (n != sizeof(*c))
		return CKR_MECHANISM_PARAM_INVALID;
	p = (struct aead_param){ .iv = c->pNonce,
				 .iv_len = c->ulNonceLen,
				 .aad = VIEW(c->pAAD, c->ulAADLen),
				 .tag_len = c->ulMACLen,
				 .data_len = wrap ? 0 : c->ulDataLen };
	return checked(AEAD_CCM, p, 0, false, ret);
}

CK_RV aead_read_plain(enum aead_kind kind, const void *params, size_t n, struct aead_param *ret)
{
	const CK_SALSA20_CHACHA20_POLY1305_PARAMS *c = params;
	struct aead_param p;

	if (params == NULL)
		return CKR_MECHANISM_PARAM_INVALID;
	if (kind == AEAD_GCM)
		return gcm_plain(params, n, ret);
	if (kind == AEAD_CCM)
		return ccm_plain(params, n, false, ret);
	if (n != sizeof(*c))
		return CKR_MECHANISM_PARAM_INVALID;
	p = (struct aead_param){
		.iv = c->pNonce, .iv_len = c->ulNonceLen, .aad = VIEW(c->pAAD, c->ulAADLen), .tag_len = AEAD_TAG_MAX
	};
	return checked(AEAD_CHACHA, p, 0, false, ret);
}

CK_RV aead_read_wrap(enum aead_kind kind, const void *params, size_t n, struct aead_param *ret)
{
	if (params == NULL)
		return CKR_MECHANISM_PARAM_INVALID;
	if (kind == AEAD_GCM && n == sizeof(CK_GCM_WRAP_PARAMS)) {
		const CK_GCM_WRAP_PARAMS *g = params;
		struct aead_param p = { .iv = g->pIv,
					.iv_len = g->ulIvLen,
					.generator = g->ivGenerator,
					.fixed_bits = g->ulIvFixedBits,
					.aad = VIEW(g->pAAD, g->ulAADLen) };

		return checked(kind, p, g->ulTagBits, false, ret);
	}
	if (kind == AEAD_CCM && n == sizeof(CK_CCM_WRAP_PARAMS)) {
		const CK_CCM_WRAP_PARAMS *c = params;
		struct aead_param p = { .iv = c->pNonce,
					.iv_len = c->ulNonceLen,
					.generator = c->nonceGenerator,
					.fixed_bits = c->ulNonceFixedBits,
					.aad = VIEW(c->pAAD, c->ulAADLen),
					.tag_len = c->ulMACLen };

		return checked(kind, p, 0, false, ret);
	}
	if (kind == AEAD_CCM)
		return ccm_plain(params, n, true, ret);
	return aead_read_plain(kind, params, n, ret);
}

CK_RV aead_read_message(enum aead_kind kind, const void *params, size_t n, struct view aad, struct aead_param *ret)
{
	struct aead_param p = { .aad = aad };
	CK_ULONG tag_bits = 0;

	if (params == NULL)
		return CKR_MECHANISM_PARAM_INVALID;
	if (kind == AEAD_GCM && n == sizeof(CK_GCM_MESSAGE_PARAMS)) {
		const CK_GCM_MESSAGE_PARAMS *g = params;

		p.iv = g->pIv;
		p.iv_len = g->ulIvLen;
		p.generator = g->ivGenerator;
		p.fixed_bits = g->ulIvFixedBits;
		p.tag = g->pTag;
		tag_bits = g->ulTagBits;
	} else if (kind == AEAD_CCM && n == sizeof(CK_CCM_MESSAGE_PARAMS)) {
		const CK_CCM_MESSAGE_PARAMS *c = params;

		p.iv = c->pNonce;
		p.iv_len = c->ulNonceLen;
		p.generator = c->nonceGenerator;
		p.fixed_bits = c->ulNonceFixedBits;
		p.tag = c->pMAC;
		p.tag_len = c->ulMACLen;
		p.data_len = c->ulDataLen;
	} else if (kind == AEAD_CHACHA && n == sizeof(CK_SALSA20_CHACHA20_POLY1305_MSG_PARAMS)) {
		const CK_SALSA20_CHACHA20_POLY1305_MSG_PARAMS *c = params;

		p.iv = c->pNonce;
		p.iv_len = c->ulNonceLen;
		p.tag = c->pTag;
		p.tag_len = AEAD_TAG_MAX;
	} else {
		return CKR_MECHANISM_PARAM_INVALID;
	}
	return checked(kind, p, tag_bits, true, ret);
}

/* The rule of a row looks at any form that a C_*Init or C_WrapKey may have; the function then takes its own. */
static CK_RV aead_check(const struct mech_row *row, const CK_MECHANISM *m)
{
	enum aead_kind kind = ((const struct aead_arg *)row->arg)->kind;
	struct aead_param p;
	CK_RV rv = aead_read_plain(kind, m->pParameter, m->ulParameterLen, &p);

	return rv == CKR_OK ? rv : aead_read_wrap(kind, m->pParameter, m->ulParameterLen, &p);
}

const struct mech_param param_gcm = {
	.text = "CK_GCM_PARAMS; CK_GCM_WRAP_PARAMS; CK_GCM_MESSAGE_PARAMS",
	.size = PARAM_ANY_SIZE,
	.check = aead_check,
};
const struct mech_param param_ccm = {
	.text = "CK_CCM_PARAMS; CK_CCM_WRAP_PARAMS; CK_CCM_MESSAGE_PARAMS",
	.size = PARAM_ANY_SIZE,
	.check = aead_check,
};
const struct mech_param param_chacha_poly = {
	.text = "CK_SALSA20_CHACHA20_POLY1305_PARAMS; CK_SALSA20_CHACHA20_POLY1305_MSG_PARAMS",
	.size = PARAM_ANY_SIZE,
	.check = aead_check,
};

bool mech_iv_made(const struct mech_row *row, const CK_MECHANISM *m)
{
	struct aead_param p;

	if (row->param != &param_gcm && row->param != &param_ccm)
		return false;
	return aead_read_wrap(((const struct aead_arg *)row->arg)->kind, m->pParameter, m->ulParameterLen, &p) ==
		   CKR_OK &&
	       p.generator != CKG_NO_GENERATE;
}
