/* SPDX-License-Identifier: BSD-2-Clause */
/* CKM_SR_TK_REWRAP (R1.7) and CKM_SR_TK_OPEN (R1.9). */
#include <stdio.h>
#include <string.h>
#include "crypto.h"
#include "mech_vendor.h"
#include "module.h"
#include "payment.h"
#include "role.h"
#include "key.h"
#include "rsa.h"
#include "session.h"
#include "tk_block.h"

static CK_RV rewrap_check(const struct mech_row *row, const CK_MECHANISM *m)
{
	const struct sr_tk_rewrap_params *p = m->pParameter;

	if (!p->pPacket || !p->pCustomer || !format_customer_ok(VIEW(p->pCustomer, p->ulCustomerLen)) ||
	    (p->ulTekIvLen && !p->pTekIv) || (p->ulAukIvLen && !p->pAukIv))
		return CKR_MECHANISM_PARAM_INVALID;
	return CKR_OK;
}

static CK_RV open_check(const struct mech_row *row, const CK_MECHANISM *m)
{
	const struct sr_tk_open_params *p = m->pParameter;

	return p->phAuk ? CKR_OK : CKR_MECHANISM_PARAM_INVALID;
}

const struct mech_param param_tk_rewrap = { .text = "struct sr_tk_rewrap_params",
					    .size = sizeof(struct sr_tk_rewrap_params),
					    .check = rewrap_check };
const struct mech_param param_tk_open = { .text = "struct sr_tk_open_params",
					  .size = sizeof(struct sr_tk_open_params),
					  .check = open_check };

/* suite_takes: a PK or MAK of this suite has the type of this one. */
static bool suite_takes(uint8_t suite, const struct object *pk)
{
	return format_suite_key(suite) == payment_wire_type(object_key_type(pk));
}

/* The MAK of a parameter: its role, the suite of the PK, and not the PK's own bytes. */
static CK_RV mak_get(struct session *s, CK_OBJECT_HANDLE handle, const struct object *pk, CK_MECHANISM_TYPE mechanism,
		     struct object **ret)
{
	struct object *mak = NULL;
	struct view a, b;
	CK_RV rv = object_get_key(s, handle, CKR_KEY_HANDLE_INVALID, &mak);

	if (rv != CKR_OK)
		return rv;
	rv = role_require(mak, SR_ROLE_MAK, mechanism);
	a = object_secret(mak, CKA_VALUE);
	b = object_secret(pk, CKA_VALUE);
	if (rv == CKR_OK && payment_wire_type(object_key_type(mak)) != payment_wire_type(object_key_type(pk)))
		rv = CKR_KEY_TYPE_INCONSISTENT;
	if (rv == CKR_OK && a.n == b.n && ct_equal(a.p, b.p, a.n))
		rv = CKR_KEY_FUNCTION_NOT_PERMITTED;
	if (rv == CKR_OK) {
		*ret = mak;
		return CKR_OK;
	}
	object_unref(mak);
	return rv;
}

static CK_MECHANISM_TYPE oaep_hash(uint8_t hash)
{
	static const CK_MECHANISM_TYPE hashes[] = { [FORMAT_HASH_SHA1] = CKM_SHA_1,
						    [FORMAT_HASH_SHA256] = CKM_SHA256,
						    [FORMAT_HASH_SHA384] = CKM_SHA384,
						    [FORMAT_HASH_SHA512] = CKM_SHA512 };

	return hashes[hash];
}

/*
 * One key of a packet. A ciphertext that does not decrypt, or to another length, gives a random key instead and sets
 * *bad: what follows runs the same way for good and bad packets.
 */
static CK_RV packet_key(EVP_PKEY *pr, const struct tk_packet *p, const struct key_attrs *a, struct view c,
			struct secret *ret, bool *bad)
{
	const struct rsa_oaep oaep = { .hash = oaep_hash(p->oaep_hash), .mgf = oaep_hash(p->oaep_hash) };
	SECRET_AUTO key = { 0 };
	SECRET_AUTO plain = { 0 };
	CK_RV rv;

	if (!secret_init(&key, FORMAT_KEY_MAX))
		return CKR_HOST_MEMORY;
	rv = crypto_random(module_crypto(), key.p, a->length);
	if (rv != CKR_OK)
		return rv;
	key.len = a->length;
	rv = rsa_oaep_decrypt(pr, &oaep, c, &plain);
	if (rv != CKR_OK && rv != CKR_ENCRYPTED_DATA_INVALID)
		return rv;
	if (rv == CKR_OK && plain.len == a->length)
		memcpy(key.p, plain.p, a->length);
	else
		*bad = true;
	if (!payment_key_ok(payment_type(a), secret_view(&key)))
		*bad = true;
	secret_move(ret, &key);
	return CKR_OK;
}

/* Opens both keys and checks all that can be wrong with them; every fault is the same CKR_WRAPPED_KEY_INVALID. */
static CK_RV packet_open(struct object *pr, const struct tk_packet *p, struct secret *ret_tek, struct secret *ret_auk)
{
	BUF_AUTO covered = { 0 };
	uint8_t mac[FORMAT_MAC_MAX];
	size_t mac_len = 0;
	EVP_PKEY *pkey = NULL;
	bool bad = false;
	CK_RV rv = key_pkey(pr, &pkey);

	if (rv == CKR_OK)
		rv = packet_key(pkey, p, &p->tek, p->ctek, ret_tek, &bad);
	if (rv == CKR_OK)
		rv = packet_key(pkey, p, &p->auk, p->cauk, ret_auk, &bad);
	EVP_PKEY_free(pkey);
	if (rv != CKR_OK)
		return rv;
	tk_packet_mac_input(&covered, p);
	rv = payment_mac_by(payment_type(&p->auk), secret_view(ret_auk), &covered, mac, &mac_len);
	if (rv != CKR_OK)
		return rv;
	if (p->mac.n != mac_len || !ct_equal(p->mac.p, mac, mac_len))
		bad = true;
	if (secret_equal(ret_tek, ret_auk))
		bad = true;
	memory_wipe(mac, sizeof(mac));
	return bad ? CKR_WRAPPED_KEY_INVALID : CKR_OK;
}

/* What the record says besides the keys and the MAC. */
static struct tk_record record_of(const struct tk_packet *p, const struct sr_tk_rewrap_params *params)
{
	return (struct tk_record){ .suite = p->suite,
				   .version = FORMAT_VERSION,
				   .handshake = p->handshake,
				   .customer = VIEW(params->pCustomer, params->ulCustomerLen),
				   .pos_serial = p->pos_serial,
				   .pin_pad = p->pin_pad,
				   .cert_serial = p->cert_serial,
				   .collected = params->collectionTime,
				   .counter = p->counter,
				   .parameters = 2,
				   .tek = p->tek,
				   .auk = p->auk };
}

/* The length of the record is known before anything is decrypted: the same writer, over bytes that are not keys. */
static CK_RV record_length(const struct object *pk, struct tk_record r, size_t *ret)
{
	uint8_t blank[FORMAT_BLOCK_MAX] = { 0 };
	BUF_AUTO b = { 0 };

	r.tek.iv = VIEW(blank, payment_iv_len(pk));
	r.auk.iv = r.tek.iv;
	r.ctek = VIEW(blank, format_wrapped_len(r.suite, &r.tek, r.pos_serial.n));
	r.cauk = VIEW(blank, format_wrapped_len(r.suite, &r.auk, r.pos_serial.n));
	if (r.suite == FORMAT_SUITE_BLOCK)
		snprintf((char *)blank, sizeof(blank), "D%04zu", r.ctek.n); /* the writer looks at it */
	r.mac = VIEW(blank, format_suite_key(r.suite) == FORMAT_KEY_AES ? 16 : 8);
	tk_record_put(&b, &r);
	if (!buf_ok(&b))
		return CKR_HOST_MEMORY;
	*ret = b.len;
	return CKR_OK;
}

/* One key under PK, as its suite has it. */
static CK_RV key_wrap(const struct object *pk, const struct tk_record *r, const struct key_attrs *a, struct view key,
		      struct buf *out)
{
	uint8_t wrapped[FORMAT_WRAPPED_MAX];
	size_t n = 0;
	CK_RV rv;

	if (r->suite == FORMAT_SUITE_BLOCK)
		return tk_block_seal(pk, r, a, key, out);
	rv = payment_wrap(pk, a->iv, key, wrapped, &n);
	if (rv != CKR_OK)
		return rv;
	buf_put(out, wrapped, n);
	return buf_ok(out) ? CKR_OK : CKR_HOST_MEMORY;
}

static CK_RV key_unwrap(const struct object *pk, const struct tk_record *r, const struct key_attrs *a, struct view c,
			struct secret *ret)
{
	return r->suite == FORMAT_SUITE_BLOCK ? tk_block_open(pk, r, a, c, ret) : payment_unwrap(pk, a, c, ret);
}

static CK_RV record_seal(const struct object *pk, const struct object *mak, const struct sr_tk_rewrap_params *params,
			 const struct secret *tek, const struct secret *auk, struct tk_record *r, struct buf *out)
{
	uint8_t tek_iv[FORMAT_IV], auk_iv[FORMAT_IV];
	uint8_t mac[FORMAT_MAC_MAX];
	BUF_AUTO ctek = { 0 };
	BUF_AUTO cauk = { 0 };
	BUF_AUTO covered = { 0 };
	size_t n = 0;
	CK_RV rv = payment_iv(pk, params->pTekIv, params->ulTekIvLen, tek_iv, &r->tek.iv);

	if (rv == CKR_OK)
		rv = payment_iv(pk, params->pAukIv, params->ulAukIvLen, auk_iv, &r->auk.iv);
	if (rv == CKR_OK)
		rv = key_wrap(pk, r, &r->tek, secret_view(tek), &ctek);
	if (rv == CKR_OK)
		rv = key_wrap(pk, r, &r->auk, secret_view(auk), &cauk);
	if (rv != CKR_OK)
		return rv;
	r->ctek = buf_view(&ctek);
	r->cauk = buf_view(&cauk);
	tk_record_mac_input(&covered, r);
	rv = payment_mac(mak, &covered, mac, &n);
	if (rv != CKR_OK)
		return rv;
	r->mac = VIEW(mac, n);
	tk_record_put(out, r);
	return buf_ok(out) ? CKR_OK : CKR_HOST_MEMORY;
}

static CK_RV rewrap_packet(struct object *pk, struct object *pr, struct object *mak,
			   const struct sr_tk_rewrap_params *params, uint8_t *out, CK_ULONG *len)
{
	SECRET_AUTO tek = { 0 };
	SECRET_AUTO auk = { 0 };
	BUF_AUTO b = { 0 };
	struct tk_packet p;
	struct tk_record r;
	size_t need = 0;
	CK_RV rv;

	if ((params->pTekIv ? params->ulTekIvLen : FORMAT_IV) != FORMAT_IV ||
	    (params->pAukIv ? params->ulAukIvLen : FORMAT_IV) != FORMAT_IV ||
	    (object_key_type(pk) == CKK_AES && (params->pTekIv || params->pAukIv)))
		return CKR_MECHANISM_PARAM_INVALID;
	if (!tk_packet_parse(VIEW(params->pPacket, params->ulPacketLen), &p) || !suite_takes(p.suite, pk) ||
	    p.ctek.n != payment_modulus(pr))
		return CKR_WRAPPED_KEY_INVALID;
	r = record_of(&p, params);
	rv = record_length(pk, r, &need);
	if (rv != CKR_OK)
		return rv;
	if (!out || *len < need) {
		*len = need;
		return out ? CKR_BUFFER_TOO_SMALL : CKR_OK;
	}
	rv = packet_open(pr, &p, &tek, &auk);
	if (rv == CKR_OK)
		rv = record_seal(pk, mak, params, &tek, &auk, &r, &b);
	if (rv == CKR_OK && b.len != need)
		rv = CKR_GENERAL_ERROR;
	if (rv != CKR_OK)
		return rv;
	memcpy(out, b.p, b.len);
	*len = b.len;
	return CKR_OK;
}

static CK_RV rewrap(struct session *s, const struct mech_row *row, const CK_MECHANISM *m, struct object *pk,
		    struct object *pr, uint8_t *out, CK_ULONG *len)
{
	const struct sr_tk_rewrap_params *params = m->pParameter;
	struct object *mak = NULL;
	CK_RV rv = role_permits_cargo(pk, row->type, pr);

	if (rv == CKR_OK)
		rv = mak_get(s, params->hMak, pk, row->type, &mak);
	if (rv == CKR_OK)
		rv = rewrap_packet(pk, pr, mak, params, out, len);
	if (rv == CKR_OK && out)
		session_count(s, AUDIT_TK_REWRAPPED, pk);
	object_unref(mak);
	return rv;
}

/* One key of an opened record: a session object of its role, not yet committed. */
static CK_RV opened_key(struct session *s, const struct object *pk, const struct tk_record *r,
			const struct key_attrs *a, const struct secret *value, const CK_ATTRIBUTE *t, CK_ULONG n,
			struct object **ret)
{
	const struct object_make make = { .origin = OBJECT_UNWRAPPED,
					  .class = CKO_SECRET_KEY,
					  .key_type = payment_type(a),
					  .mechanism = CKM_SR_TK_OPEN,
					  .role = a->role };
	const struct role_tk tk = {
		.serial = r->pos_serial, .counter = r->counter, .handshake = r->handshake, .side = SR_SIDE_HOST
	};
	struct object *o = NULL;
	CK_RV rv = payment_tk_key(s, &make, t, n, &tk, value, &o);

	if (rv == CKR_OK && object_bool(o, CKA_TOKEN))
		rv = CKR_TEMPLATE_INCONSISTENT;
	if (rv == CKR_OK)
		rv = object_set_parent(o, pk);
	if (rv == CKR_OK)
		*ret = o;
	else
		object_unref(o);
	return rv;
}

/* The MAC first, then the keys. */
static CK_RV record_open(const struct object *pk, const struct object *mak, const struct tk_record *r,
			 struct secret *ret_tek, struct secret *ret_auk)
{
	BUF_AUTO covered = { 0 };
	CK_RV rv;

	if (!suite_takes(r->suite, pk))
		return CKR_WRAPPED_KEY_INVALID;
	tk_record_mac_input(&covered, r);
	rv = payment_mac_check(mak, &covered, r->mac);
	if (rv == CKR_OK)
		rv = key_unwrap(pk, r, &r->tek, r->ctek, ret_tek);
	if (rv == CKR_OK)
		rv = key_unwrap(pk, r, &r->auk, r->cauk, ret_auk);
	if (rv == CKR_OK && secret_equal(ret_tek, ret_auk))
		rv = CKR_WRAPPED_KEY_INVALID;
	return rv;
}

static CK_RV open_record(struct session *s, const struct mech_row *row, const CK_MECHANISM *m, struct object *pk,
			 struct view wrapped, const CK_ATTRIBUTE *t, CK_ULONG n, CK_OBJECT_HANDLE *ret)
{
	const struct sr_tk_open_params *params = m->pParameter;
	struct object *mak = NULL;
	struct object *keys[2] = { NULL, NULL };
	CK_OBJECT_HANDLE handles[2];
	SECRET_AUTO tek = { 0 };
	SECRET_AUTO auk = { 0 };
	struct tk_record r;
	CK_RV rv = mak_get(s, params->hMak, pk, row->type, &mak);

	if (rv == CKR_OK && !tk_record_parse(wrapped, &r))
		rv = CKR_WRAPPED_KEY_INVALID;
	if (rv == CKR_OK)
		rv = record_open(pk, mak, &r, &tek, &auk);
	if (rv == CKR_OK)
		rv = opened_key(s, pk, &r, &r.tek, &tek, t, n, &keys[0]);
	if (rv == CKR_OK)
		rv = opened_key(s, pk, &r, &r.auk, &auk, t, n, &keys[1]);
	if (rv == CKR_OK) {
		const struct object_change change = { .create = keys, .creates = 2 };

		rv = object_commit_change(s, &change, handles);
	}
	if (rv == CKR_OK) {
		session_count(s, AUDIT_TK_OPENED, pk);
		*ret = handles[0];
		*params->phAuk = handles[1];
	}
	object_unref(keys[0]);
	object_unref(keys[1]);
	object_unref(mak);
	return rv;
}

const struct mech_ops mech_tk_rewrap_ops = { .wrap = rewrap };
const struct mech_ops mech_tk_open_ops = { .unwrap = open_record };
