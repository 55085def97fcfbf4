/* SPDX-License-Identifier: BSD-2-Clause */
#include "audit_anchor.h"

#include <string.h>
#include <time.h>

#include "audit_own.h"

#define MAGIC "SRAH"
#define VERSION 1
#define DOMAIN "strongroom audit head"

CK_RV audit_anchor_put(const struct crypto *c, struct store_txn *txn, const struct audit_keys *keys,
		       enum audit_purpose purpose, struct buf *out)
{
	uint8_t signature[AUDIT_SIGNATURE_LEN];
	struct audit_state end = { 0 };
	struct timespec now;
	size_t from = out->len;
	CK_RV rv = audit_end(c, txn, &end);

	if (rv != CKR_OK)
		return rv;
	if (end.next == 1)
		return CKR_DEVICE_ERROR;
	clock_gettime(CLOCK_REALTIME, &now);
	buf_put_view(out, VIEW_STR(MAGIC));
	buf_put_u8(out, VERSION);
	buf_put_u8(out, (uint8_t)purpose);
	buf_put(out, store_serial(txn), STORE_SERIAL_LEN);
	buf_put(out, keys->statement_public, AUDIT_KEY_LEN);
	buf_put_u32(out, end.segment);
	buf_put_u64(out, end.next - 1);
	buf_put(out, end.link, sizeof(end.link));
	buf_put_u64(out, (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000);
	if (!buf_ok(out))
		return CKR_HOST_MEMORY;
	rv = audit_sign(c, &keys->statement_private, DOMAIN, store_serial(txn), VIEW(out->p + from, out->len - from),
			signature);
	if (rv == CKR_OK)
		buf_put(out, signature, sizeof(signature));
	return rv == CKR_OK && !buf_ok(out) ? CKR_HOST_MEMORY : rv;
}

bool audit_anchor_get(struct view v, struct audit_anchor *ret)
{
	struct audit_anchor a = { .purpose = AUDIT_ANCHOR_KEEP };
	struct reader r = reader_of(v);
	struct view magic = reader_bytes(&r, 4), serial, public, link;
	uint8_t version = reader_u8(&r), purpose = reader_u8(&r);

	serial = reader_bytes(&r, STORE_SERIAL_LEN);
	public = reader_bytes(&r, AUDIT_KEY_LEN);
	a.segment = reader_u32(&r);
	a.sequence = reader_u64(&r);
	link = reader_bytes(&r, AUDIT_LINK_LEN);
	a.time = reader_u64(&r);
	a.signature = reader_bytes(&r, AUDIT_SIGNATURE_LEN);
	if (!reader_done(&r) || !view_equal(magic, VIEW_STR(MAGIC)) || version != VERSION ||
	    (purpose != AUDIT_ANCHOR_KEEP && purpose != AUDIT_ANCHOR_BACKUP) || a.sequence == 0)
		return false;
	a.purpose = (enum audit_purpose)purpose;
	a.front = VIEW(v.p, v.n - AUDIT_SIGNATURE_LEN);
	memcpy(a.serial, serial.p, serial.n);
	memcpy(a.statement_public, public.p, public.n);
	memcpy(a.link, link.p, link.n);
	*ret = a;
	return true;
}

bool audit_anchor_signed(const struct crypto *c, const struct audit_anchor *a)
{
	return audit_signed(c, a->statement_public, DOMAIN, a->serial, a->front, a->signature);
}
