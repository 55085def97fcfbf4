/* SPDX-License-Identifier: BSD-2-Clause */
/* CKM_SR_TK_GENERATE: the terminal makes its TK (R1.4). */
#include <string.h>
#include "crypto.h"
#include "mech_vendor.h"
#include "module.h"
#include "payment.h"
#include "role.h"
#include "key.h"
#include "rsa.h"
#include "session.h"

static const struct {
	CK_MECHANISM_TYPE mechanism;
	uint8_t hash;
} hashes[] = {
	{ CKM_SHA_1, FORMAT_HASH_SHA1 },
	{ CKM_SHA256, FORMAT_HASH_SHA256 },
	{ CKM_SHA384, FORMAT_HASH_SHA384 },
	{ CKM_SHA512, FORMAT_HASH_SHA512 },
};

/* 0: not one of the format's. */
static uint8_t wire_hash(CK_MECHANISM_TYPE mechanism)
{
	for (size_t i = 0; i < ARRAY_LEN(hashes); i++) {
		if (hashes[i].mechanism == mechanism)
			return hashes[i].hash;
	}
	return 0;
}

static CK_RV generate_check(const struct mech_row *row, const CK_MECHANISM *m)
{
	const struct sr_tk_generate_params *p = m->pParameter;

	if (!p->phAuk || !p->pPacket || !p->pulPacketLen || (p->ulSerialLen && !p->pSerial) ||
	    (p->ulPinPadLen && !p->pPinPad) || (p->ulCertSerialLen && !p->pCertSerial))
		return CKR_MECHANISM_PARAM_INVALID;
	if (!format_suite_key(p->suite > FORMAT_SUITE_MAX ? 0 : (uint8_t)p->suite))
		return CKR_MECHANISM_PARAM_INVALID;
	if (p->handshake != SR_HANDSHAKE_V1 && p->handshake != SR_HANDSHAKE_V2)
		return CKR_MECHANISM_PARAM_INVALID;
	if (!wire_hash(p->oaepHash) || !role_key_ok(role_find(SR_ROLE_TEK), p->keyType, p->keyLen) ||
	    (p->suite == SR_SUITE_TDES && p->keyType == CKK_AES))
		return CKR_MECHANISM_PARAM_INVALID;
	if (!format_pos_serial_ok(VIEW(p->pSerial, p->ulSerialLen)) ||
	    !format_pin_pad_ok(VIEW(p->pPinPad, p->ulPinPadLen)) ||
	    !format_cert_serial_ok(VIEW(p->pCertSerial, p->ulCertSerialLen)) || p->counter == 0)
		return CKR_MECHANISM_PARAM_INVALID;
	return CKR_OK;
}

const struct mech_param param_tk_generate = { .text = "struct sr_tk_generate_params",
					      .size = sizeof(struct sr_tk_generate_params),
					      .check = generate_check };

/* Pu: what the terminal took from HsmWCRT, a public RSA key that may wrap. */
static CK_RV pu_get(struct session *s, CK_OBJECT_HANDLE handle, struct object **ret)
{
	struct object *pu = NULL;
	size_t modulus;
	CK_RV rv = object_get_key(s, handle, CKR_KEY_HANDLE_INVALID, &pu);

	if (rv != CKR_OK)
		return rv;
	modulus = payment_modulus(pu);
	if (object_class(pu) != CKO_PUBLIC_KEY || object_key_type(pu) != CKK_RSA)
		rv = CKR_KEY_TYPE_INCONSISTENT;
	else if (modulus < FORMAT_RSA_MIN || modulus > FORMAT_RSA_MAX)
		rv = CKR_KEY_SIZE_RANGE;
	else if (!object_bool(pu, CKA_WRAP) || !object_mechanism_allowed(pu, CKM_SR_TK_GENERATE))
		rv = CKR_KEY_FUNCTION_NOT_PERMITTED;
	if (rv == CKR_OK) {
		*ret = pu;
		return CKR_OK;
	}
	object_unref(pu);
	return rv;
}

/* Under the store's write lock: the counter is above that of every TEK made here. */
static CK_RV counter_is_new(struct session *s, void *ctx)
{
	const CK_ULONG *counter = ctx;
	CK_ULONG role = SR_ROLE_TEK;
	CK_ULONG side = SR_SIDE_TERMINAL;
	CK_ATTRIBUTE t[] = { { CKA_SR_ROLE, &role, sizeof(role) }, { CKA_SR_SIDE, &side, sizeof(side) } };
	struct handles found = { 0 };
	CK_RV rv = object_find(s, t, ARRAY_LEN(t), &found);

	for (size_t i = 0; i < found.len && rv == CKR_OK; i++) {
		struct object *tek = NULL;

		rv = object_get(s, found.p[i], &tek);
		if (rv == CKR_OK && object_ulong(tek, CKA_SR_COUNTER, 0) >= *counter)
			rv = CKR_ARGUMENTS_BAD;
		object_unref(tek);
	}
	handles_done(&found);
	return rv;
}

static CK_RV random_key(CK_KEY_TYPE type, size_t length, struct secret *ret)
{
	CK_RV rv;

	if (!secret_init(ret, length))
		return CKR_HOST_MEMORY;
	ret->len = length;
	do {
		rv = crypto_random(module_crypto(), ret->p, length);
		if (rv == CKR_OK && type != CKK_AES)
			des_set_parity(ret->p, length);
	} while (rv == CKR_OK && !payment_key_ok(type, secret_view(ret)));
	return rv;
}

static CK_RV new_key(struct session *s, const struct sr_tk_generate_params *p, CK_ULONG role,
		     const struct secret *value, const CK_ATTRIBUTE *t, CK_ULONG n, struct object **ret)
{
	const struct object_make make = { .origin = OBJECT_GENERATED,
					  .class = CKO_SECRET_KEY,
					  .key_type = p->keyType,
					  .mechanism = CKM_SR_TK_GENERATE,
					  .role = role };
	const struct role_tk tk = { .serial = VIEW(p->pSerial, p->ulSerialLen),
				    .counter = p->counter,
				    .handshake = p->handshake,
				    .side = SR_SIDE_TERMINAL };

	return payment_tk_key(s, &make, t, n, &tk, value, ret);
}

/* packet_make: the whole packet; blank: only as long as it will be. */
static CK_RV packet_make(const struct sr_tk_generate_params *p, struct object *pu, const struct secret *tek,
			 const struct secret *auk, bool blank, struct buf *out)
{
	const struct rsa_oaep oaep = { .hash = p->oaepHash, .mgf = p->oaepHash };
	size_t modulus = payment_modulus(pu);
	uint8_t ctek[FORMAT_RSA_MAX] = { 0 }, cauk[FORMAT_RSA_MAX] = { 0 }, mac[FORMAT_MAC_MAX] = { 0 };
	size_t mac_len = p->keyType == CKK_AES ? 16 : 8;
	uint8_t type = payment_wire_type(p->keyType);
	struct tk_packet packet = { .suite = (uint8_t)p->suite,
				    .version = FORMAT_VERSION,
				    .handshake = (uint8_t)p->handshake,
				    .oaep_hash = wire_hash(p->oaepHash),
				    .pos_serial = VIEW(p->pSerial, p->ulSerialLen),
				    .pin_pad = VIEW(p->pPinPad, p->ulPinPadLen),
				    .cert_serial = VIEW(p->pCertSerial, p->ulCertSerialLen),
				    .counter = p->counter,
				    .tek = { FORMAT_ROLE_TEK, type, (uint8_t)p->keyLen, VIEW(NULL, 0) },
				    .ctek = VIEW(ctek, modulus),
				    .auk = { FORMAT_ROLE_AUK, type, (uint8_t)p->keyLen, VIEW(NULL, 0) },
				    .cauk = VIEW(cauk, modulus),
				    .mac = VIEW(mac, mac_len) };
	BUF_AUTO covered = { 0 };
	EVP_PKEY *pkey = NULL;
	CK_RV rv = CKR_OK;

	if (!blank) {
		rv = key_pkey(pu, &pkey);
		if (rv == CKR_OK)
			rv = rsa_oaep_encrypt(pkey, &oaep, secret_view(tek), ctek);
		if (rv == CKR_OK)
			rv = rsa_oaep_encrypt(pkey, &oaep, secret_view(auk), cauk);
		EVP_PKEY_free(pkey);
		if (rv != CKR_OK)
			return rv;
		tk_packet_mac_input(&covered, &packet);
		rv = payment_mac_by(p->keyType, secret_view(auk), &covered, mac, &mac_len);
	}
	if (rv == CKR_OK)
		tk_packet_put(out, &packet);
	return rv == CKR_OK && !buf_ok(out) ? CKR_HOST_MEMORY : rv;
}

/* Two keys that differ, their objects and the packet, then one commit; outputs after everything else. */
static CK_RV make_tk(struct session *s, const struct sr_tk_generate_params *p, struct object *pu, const CK_ATTRIBUTE *t,
		     CK_ULONG n, CK_OBJECT_HANDLE *ret)
{
	struct object *keys[2] = { NULL, NULL };
	CK_OBJECT_HANDLE handles[2];
	CK_ULONG counter = p->counter;
	SECRET_AUTO tek = { 0 };
	SECRET_AUTO auk = { 0 };
	BUF_AUTO packet = { 0 };
	CK_RV rv = random_key(p->keyType, p->keyLen, &tek);

	if (rv == CKR_OK)
		rv = random_key(p->keyType, p->keyLen, &auk);
	if (rv == CKR_OK && secret_equal(&tek, &auk))
		rv = CKR_GENERAL_ERROR; /* a generator that repeats itself */
	if (rv == CKR_OK)
		rv = packet_make(p, pu, &tek, &auk, false, &packet);
	if (rv == CKR_OK)
		rv = new_key(s, p, SR_ROLE_TEK, &tek, t, n, &keys[0]);
	if (rv == CKR_OK)
		rv = new_key(s, p, SR_ROLE_AUK, &auk, t, n, &keys[1]);
	if (rv == CKR_OK) {
		const struct object_change change = { .create = keys,
						      .creates = 2,
						      .check = counter_is_new,
						      .ctx = &counter,
						      .event = AUDIT_TK_GENERATED,
						      .label = VIEW(p->pSerial, p->ulSerialLen) };

		rv = object_commit_change(s, &change, handles);
		if (rv == CKR_OK && !object_bool(keys[0], CKA_TOKEN))
			session_count(s, AUDIT_TK_GENERATED, pu); /* nothing was stored, the event neither */
	}
	if (rv == CKR_OK) {
		memcpy(p->pPacket, packet.p, packet.len);
		*p->pulPacketLen = packet.len;
		*p->phAuk = handles[1];
		*ret = handles[0];
	}
	object_unref(keys[0]);
	object_unref(keys[1]);
	return rv;
}

static CK_RV generate(struct session *s, const struct mech_row *row, const CK_MECHANISM *m, const CK_ATTRIBUTE *t,
		      CK_ULONG n, CK_OBJECT_HANDLE *ret)
{
	const struct sr_tk_generate_params *p = m->pParameter;
	CK_BBOOL yes = CK_TRUE;
	CK_ATTRIBUTE with[PAYMENT_TEMPLATE_MAX];
	CK_ULONG count = 0;
	struct object *pu = NULL;
	BUF_AUTO blank = { 0 };
	CK_RV rv = payment_template(t, n, NULL, 0, with, &count);

	if (rv == CKR_OK && !template_find(t, n, CKA_TOKEN)) {
		if (count == PAYMENT_TEMPLATE_MAX)
			return CKR_TEMPLATE_INCONSISTENT;
		with[count++] = (CK_ATTRIBUTE){ CKA_TOKEN, &yes, sizeof(yes) };
	}
	if (rv == CKR_OK)
		rv = pu_get(s, p->hPu, &pu);
	if (rv == CKR_OK)
		rv = counter_is_new(s, &(CK_ULONG){ p->counter }); /* early, and again under the lock */
	if (rv == CKR_OK)
		rv = packet_make(p, pu, NULL, NULL, true, &blank);
	if (rv == CKR_OK && *p->pulPacketLen < blank.len) {
		*p->pulPacketLen = blank.len;
		rv = CKR_BUFFER_TOO_SMALL;
	}
	if (rv == CKR_OK)
		rv = make_tk(s, p, pu, with, count, ret);
	object_unref(pu);
	return rv;
}

const struct mech_ops mech_tk_generate_ops = { .generate = generate };
