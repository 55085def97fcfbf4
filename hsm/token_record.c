/* SPDX-License-Identifier: BSD-2-Clause */
#include "token_own.h"

#include <string.h>

#include "store_rv.h"

#define VERSION 2
#define VERSION_OLD 1
#define MAC_LEN 16

static CK_RV mac_of(const struct crypto *c, const uint8_t public_key[SEAL_KEY_LEN], struct view data,
		    uint8_t ret[MAC_LEN])
{
	SECRET_AUTO key = { 0 };
	CK_RV rv = seal_kdf(c, VIEW(public_key, SEAL_KEY_LEN), VIEW(NULL, 0), "strongroom token record", &key);

	return rv == CKR_OK ? seal_mac(c, secret_view(&key), data, ret) : rv;
}

CK_RV token_record_put(const struct crypto *c, struct buf *b, const struct token_record *r)
{
	uint8_t mac[MAC_LEN];
	CK_RV rv;

	buf_put_u8(b, VERSION);
	buf_put(b, r->generation, sizeof(r->generation));
	buf_put(b, r->label, sizeof(r->label));
	buf_put_u8(b, r->flags);
	buf_put(b, r->public_key, sizeof(r->public_key));
	if (!buf_ok(b))
		return CKR_HOST_MEMORY;
	rv = mac_of(c, r->public_key, buf_view(b), mac);
	if (rv != CKR_OK)
		return rv;
	buf_put(b, mac, sizeof(mac));
	return buf_ok(b) ? CKR_OK : CKR_HOST_MEMORY;
}

static void take(uint8_t *to, struct reader *r, size_t n)
{
	struct view v = reader_bytes(r, n);

	if (v.n == n)
		memcpy(to, v.p, n);
}

CK_RV token_record_get(const struct crypto *c, struct view v, struct token_record *ret)
{
	struct token_record record = { 0 };
	struct reader r = reader_of(v);
	uint8_t mac[MAC_LEN], right[MAC_LEN];
	CK_RV rv = CKR_OK;

	record.version = reader_u8(&r);
	if (record.version != VERSION && record.version != VERSION_OLD)
		return CKR_TOKEN_NOT_RECOGNIZED;
	take(record.generation, &r, sizeof(record.generation));
	take(record.label, &r, sizeof(record.label));
	if (record.version == VERSION)
		record.flags = reader_u8(&r);
	take(record.public_key, &r, sizeof(record.public_key));
	if (record.version == VERSION)
		take(mac, &r, sizeof(mac));
	if (!reader_done(&r))
		return CKR_TOKEN_NOT_RECOGNIZED;
	if (record.version == VERSION) {
		rv = mac_of(c, record.public_key, VIEW(v.p, v.n - MAC_LEN), right);
		if (rv == CKR_OK && !ct_equal(mac, right, MAC_LEN))
			rv = CKR_TOKEN_NOT_RECOGNIZED;
	}
	if (rv == CKR_OK)
		*ret = record;
	return rv;
}

CK_RV token_record_load(const struct crypto *c, struct store_txn *txn, struct token_record *ret)
{
	struct view v;
	int e = store_meta_get(txn, "token", &v);

	if (e == STORE_ENOTFOUND)
		return CKR_TOKEN_NOT_RECOGNIZED;
	return e != STORE_OK ? store_rv(e) : token_record_get(c, v, ret);
}
