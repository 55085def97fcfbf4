/* SPDX-License-Identifier: BSD-2-Clause */
/* CKM_SR_TMK_EXPORT and CKM_SR_TMK_LOAD: a TMK under a TEK (R1.11). */
#include <string.h>
#include "check_value.h"
#include "crypto.h"
#include "mech_vendor.h"
#include "module.h"
#include "payment.h"
#include "role.h"
#include "session.h"

static CK_RV tmk_check(const struct mech_row *row, const CK_MECHANISM *m)
{
	const struct sr_tmk_params *p = m->pParameter;

	if ((p->ulTerminalRandomLen && !p->pTerminalRandom) || (p->ulHostRandomLen && !p->pHostRandom) ||
	    (p->ulIvLen && !p->pIv) || (row->type == CKM_SR_TMK_LOAD && p->ulIvLen))
		return CKR_MECHANISM_PARAM_INVALID;
	return CKR_OK;
}

const struct mech_param param_tmk = { .text = "struct sr_tmk_params",
				      .size = sizeof(struct sr_tmk_params),
				      .check = tmk_check };

/* The AUK of a parameter: its role, this side, of one pair with the TEK. And the nonces that its version wants. */
static CK_RV auk_get(struct session *s, const struct sr_tmk_params *p, const struct object *tek,
		     CK_MECHANISM_TYPE mechanism, struct object **ret)
{
	struct object *auk = NULL;
	size_t nonce;
	CK_RV rv = object_get_key(s, p->hAuk, CKR_KEY_HANDLE_INVALID, &auk);

	if (rv != CKR_OK)
		return rv;
	nonce = object_ulong(auk, CKA_SR_HANDSHAKE, 0) == SR_HANDSHAKE_V2 ? FORMAT_NONCE : 0;
	rv = role_require(auk, SR_ROLE_AUK, mechanism);
	if (rv == CKR_OK)
		rv = role_require(tek, SR_ROLE_TEK, mechanism);
	if (rv == CKR_OK && !payment_pair(tek, auk))
		rv = CKR_KEY_FUNCTION_NOT_PERMITTED;
	if (rv == CKR_OK && (p->ulTerminalRandomLen != nonce || p->ulHostRandomLen != nonce))
		rv = CKR_MECHANISM_PARAM_INVALID;
	if (rv == CKR_OK) {
		*ret = auk;
		return CKR_OK;
	}
	object_unref(auk);
	return rv;
}

/* A TDES TEK carries TDES keys only; no TEK carries a key of its own type that is longer than itself. */
static bool tek_carries(const struct object *tek, uint8_t type, size_t length)
{
	uint8_t own = payment_wire_type(object_key_type(tek));

	return type != 0 && (own == FORMAT_KEY_AES || type == FORMAT_KEY_TDES) &&
	       (type != own || length <= object_secret(tek, CKA_VALUE).n);
}

static void transcript_of(const struct object *auk, const struct sr_tmk_params *p, const struct tmk_message *m,
			  struct buf *out)
{
	const struct transcript t = { .direction = TRANSCRIPT_TMK,
				      .handshake = FORMAT_HANDSHAKE_V2,
				      .pos_serial = object_bytes(auk, CKA_SR_SERIAL_NUMBER),
				      .terminal_random = VIEW(p->pTerminalRandom, p->ulTerminalRandomLen),
				      .host_random = VIEW(p->pHostRandom, p->ulHostRandomLen),
				      .attrs = m->attrs,
				      .ctmk = m->ctmk,
				      .check = m->check };

	transcript_put(out, &t);
}

static CK_RV message_make(const struct object *tek, const struct object *auk, const struct object *tmk,
			  const struct sr_tmk_params *p, struct buf *out)
{
	struct view value = object_secret(tmk, CKA_VALUE);
	uint8_t iv[FORMAT_IV], ctmk[FORMAT_WRAPPED_MAX], mac[FORMAT_MAC_MAX];
	struct tmk_message m = { .version = FORMAT_VERSION,
				 .handshake = (uint8_t)object_ulong(auk, CKA_SR_HANDSHAKE, 0),
				 .attrs = { .role = FORMAT_ROLE_TMK,
					    .type = payment_wire_type(object_key_type(tmk)),
					    .length = (uint8_t)value.n } };
	BUF_AUTO covered = { 0 };
	size_t n = 0;
	CK_RV rv = payment_iv(tek, p->pIv, p->ulIvLen, iv, &m.attrs.iv);

	if (rv == CKR_OK)
		rv = check_value_payment(module_crypto(), object_key_type(tmk), value, &m.check.method, m.check.value);
	if (rv == CKR_OK)
		rv = payment_wrap(tek, m.attrs.iv, value, ctmk, &n);
	if (rv != CKR_OK)
		return rv;
	m.ctmk = VIEW(ctmk, n);
	if (m.handshake == FORMAT_HANDSHAKE_V2) {
		transcript_of(auk, p, &m, &covered);
		rv = payment_mac(auk, &covered, mac, &n);
		if (rv != CKR_OK)
			return rv;
		m.mac = VIEW(mac, n);
	}
	tmk_message_put(out, &m);
	return buf_ok(out) ? CKR_OK : CKR_GENERAL_ERROR;
}

static CK_RV export_tmk(struct session *s, const struct mech_row *row, const CK_MECHANISM *m, struct object *tek,
			struct object *tmk, uint8_t *out, CK_ULONG *len)
{
	const struct sr_tmk_params *p = m->pParameter;
	struct object *auk = NULL;
	BUF_AUTO b = { 0 };
	CK_RV rv = role_permits_cargo(tek, row->type, tmk);

	if (rv == CKR_OK && !object_bool(tmk, CKA_EXTRACTABLE))
		rv = CKR_KEY_UNEXTRACTABLE;
	if (rv == CKR_OK && !tek_carries(tek, payment_wire_type(object_key_type(tmk)), object_secret(tmk, CKA_VALUE).n))
		rv = CKR_KEY_NOT_WRAPPABLE;
	if (rv == CKR_OK)
		rv = auk_get(s, p, tek, row->type, &auk);
	if (rv == CKR_OK)
		rv = message_make(tek, auk, tmk, p, &b);
	if (rv == CKR_OK && out && *len >= b.len) {
		memcpy(out, b.p, b.len);
		session_count(s, AUDIT_TMK_EXPORTED, object_bool(tmk, CKA_TOKEN) ? tmk : tek);
	} else if (rv == CKR_OK && out) {
		rv = CKR_BUFFER_TOO_SMALL;
	}
	if (rv == CKR_OK || rv == CKR_BUFFER_TOO_SMALL)
		*len = b.len;
	object_unref(auk);
	return rv;
}

/* Version and MAC first, then the key, then its check value. */
static CK_RV message_open(const struct object *tek, const struct object *auk, const struct sr_tmk_params *p,
			  const struct tmk_message *m, struct secret *ret)
{
	uint8_t check[CHECK_VALUE_LEN];
	uint8_t method;
	BUF_AUTO covered = { 0 };
	CK_RV rv = CKR_OK;

	if (m->handshake != object_ulong(auk, CKA_SR_HANDSHAKE, 0) || m->attrs.iv.n != payment_iv_len(tek))
		return CKR_WRAPPED_KEY_INVALID;
	if (m->handshake == FORMAT_HANDSHAKE_V2) {
		transcript_of(auk, p, m, &covered);
		rv = payment_mac_check(auk, &covered, m->mac);
	}
	if (rv == CKR_OK && !tek_carries(tek, m->attrs.type, m->attrs.length))
		rv = CKR_WRAPPED_KEY_INVALID;
	if (rv == CKR_OK)
		rv = payment_unwrap(tek, &m->attrs, m->ctmk, ret);
	if (rv == CKR_OK)
		rv = check_value_payment(module_crypto(), payment_type(&m->attrs), secret_view(ret), &method, check);
	if (rv == CKR_OK && (method != m->check.method || !ct_equal(check, m->check.value, sizeof(check))))
		rv = CKR_WRAPPED_KEY_INVALID;
	return rv;
}

static CK_RV commit_tmk(struct session *s, const struct tmk_message *m, const struct secret *value,
			const struct object *tek, const struct object *auk, const CK_ATTRIBUTE *t, CK_ULONG n,
			CK_OBJECT_HANDLE *ret)
{
	const struct object_make make = { .origin = OBJECT_UNWRAPPED,
					  .class = CKO_SECRET_KEY,
					  .key_type = payment_type(&m->attrs),
					  .mechanism = CKM_SR_TMK_LOAD,
					  .role = SR_ROLE_TMK };
	struct object *o = NULL;
	CK_RV rv = object_new_from(s, &make, t, n, &o);

	if (rv == CKR_OK)
		rv = object_set_parent(o, tek);
	if (rv == CKR_OK)
		rv = object_set_secret(o, CKA_VALUE, secret_view(value));
	if (rv == CKR_OK) {
		const struct object_change change = { .create = &o,
						      .creates = 1,
						      .event = AUDIT_TMK_LOADED,
						      .label = object_bytes(auk, CKA_SR_SERIAL_NUMBER) };

		rv = object_commit_change(s, &change, ret);
		if (rv == CKR_OK && !object_bool(o, CKA_TOKEN))
			session_count(s, AUDIT_TMK_LOADED, auk); /* nothing was stored, the event neither */
	}
	object_unref(o);
	return rv;
}

static CK_RV load_tmk(struct session *s, const struct mech_row *row, const CK_MECHANISM *m, struct object *tek,
		      struct view wrapped, const CK_ATTRIBUTE *t, CK_ULONG n, CK_OBJECT_HANDLE *ret)
{
	const struct sr_tmk_params *p = m->pParameter;
	struct object *auk = NULL;
	struct tmk_message message;
	SECRET_AUTO value = { 0 };
	CK_RV rv = auk_get(s, p, tek, row->type, &auk);

	if (rv == CKR_OK && !tmk_message_parse(wrapped, &message))
		rv = CKR_WRAPPED_KEY_INVALID;
	if (rv == CKR_OK)
		rv = message_open(tek, auk, p, &message, &value);
	if (rv == CKR_OK)
		rv = commit_tmk(s, &message, &value, tek, auk, t, n, ret);
	object_unref(auk);
	return rv;
}

const struct mech_ops mech_tmk_export_ops = { .wrap = export_tmk };
const struct mech_ops mech_tmk_load_ops = { .unwrap = load_tmk };
