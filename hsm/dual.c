/* SPDX-License-Identifier: BSD-2-Clause */
/* The record of dual control (docs/store.md), and how long an approval lives. */
#include "dual.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "dual_own.h"
#include "object_change.h"
#include "object_own.h"
#include "user.h"

#define RECORD_VERSION 1

/* One record in a token, under an id of its own. */
static const uint8_t record_id[STORE_ID_LEN] = "strongroom dual";

static uint64_t clock_ms(clockid_t which)
{
	struct timespec t = { 0 };

	clock_gettime(which, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* boot_id: of this start of the machine; zeroes where the system does not say. */
static void boot_id(uint8_t ret[16])
{
	char text[37] = { 0 };
	size_t n = 0;
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);

	memset(ret, 0, 16);
	if (fd < 0)
		return;
	if (read(fd, text, 36) == 36) {
		for (size_t i = 0; i < 36 && n < 32; i++) {
			const char *digits = "0123456789abcdef";
			const char *at = text[i] != '-' ? strchr(digits, text[i]) : NULL;

			if (at == NULL)
				continue;
			ret[n / 2] = (uint8_t)(ret[n / 2] << 4 | (at - digits));
			n++;
		}
	}
	close(fd);
}

void dual_now(struct dual_approval *a)
{
	a->wall = clock_ms(CLOCK_REALTIME);
	a->boot = clock_ms(CLOCK_BOOTTIME);
	boot_id(a->boot_id);
}

/*
 * By the clock that nobody sets, and only as long as the machine runs on; the other clock can end it sooner, so that
 * setting it forward or back prolongs nothing.
 */
uint64_t dual_alive(const struct dual_approval *a)
{
	struct dual_approval now = { 0 };

	dual_now(&now);
	if (memcmp(now.boot_id, a->boot_id, sizeof(now.boot_id)) != 0 || now.boot < a->boot ||
	    now.boot - a->boot >= DUAL_LIFE_MS)
		return 0;
	if (now.wall > a->wall && now.wall - a->wall >= DUAL_LIFE_MS)
		return 0;
	return DUAL_LIFE_MS - (now.boot - a->boot);
}

static void encode(const struct dual_state *d, struct buf *out)
{
	buf_put_u8(out, RECORD_VERSION);
	buf_put_u32(out, d->bits);
	buf_put_u16(out, (uint16_t)d->council);
	for (size_t i = 0; i < d->council; i++)
		buf_put(out, d->member[i], STORE_ID_LEN);
	buf_put_u16(out, (uint16_t)d->count);
	for (size_t i = 0; i < d->count; i++) {
		const struct dual_approval *a = &d->approval[i];

		buf_put_u8(out, (uint8_t)a->action);
		buf_put(out, a->id, sizeof(a->id));
		buf_put_lv(out, view_of_string(a->name));
		buf_put_u64(out, a->wall);
		buf_put_u64(out, a->boot);
		buf_put(out, a->boot_id, sizeof(a->boot_id));
		buf_put_lv(out, view_of_string(a->subject));
	}
}

static void take(void *to, struct view v)
{
	if (v.n > 0)
		memcpy(to, v.p, v.n);
}

static CK_RV decode(struct view v, struct dual_state *d)
{
	struct reader r = reader_of(v);

	if (reader_u8(&r) != RECORD_VERSION)
		return CKR_DEVICE_ERROR;
	d->bits = reader_u32(&r);
	d->council = reader_u16(&r);
	if (d->council > DUAL_COUNCIL_MAX)
		return CKR_DEVICE_ERROR;
	for (size_t i = 0; i < d->council; i++)
		take(d->member[i], reader_bytes(&r, STORE_ID_LEN));
	d->count = reader_u16(&r);
	if (d->count > DUAL_APPROVALS_MAX)
		return CKR_DEVICE_ERROR;
	for (size_t i = 0; i < d->count; i++) {
		struct dual_approval *a = &d->approval[i];

		a->action = reader_u8(&r);
		take(a->id, reader_bytes(&r, sizeof(a->id)));
		take(a->name, reader_lv(&r, 1, sizeof(a->name) - 1));
		a->wall = reader_u64(&r);
		a->boot = reader_u64(&r);
		take(a->boot_id, reader_bytes(&r, sizeof(a->boot_id)));
		take(a->subject, reader_lv(&r, 1, DUAL_SUBJECT_MAX));
	}
	return reader_done(&r) ? CKR_OK : CKR_DEVICE_ERROR;
}

CK_RV dual_load(struct token *t, struct store_txn *txn, struct dual_state **ret)
{
	struct dual_state *d = calloc(1, sizeof(*d));
	struct object *o = NULL;
	CK_RV rv = d != NULL ? CKR_OK : CKR_HOST_MEMORY;

	if (rv == CKR_OK)
		rv = object_load(txn, token_sealing(t), record_id, false, &o);
	if (rv == CKR_OK)
		rv = object_class(o) == CKO_SR_DUAL ? decode(object_bytes(o, CKA_VALUE), d) : CKR_DEVICE_ERROR;
	else if (rv == CKR_OBJECT_HANDLE_INVALID)
		rv = CKR_OK; /* nobody has chosen or approved anything yet */
	object_unref(o);
	if (rv == CKR_OK)
		*ret = d;
	else
		free(d);
	return rv;
}

CK_RV dual_bits(struct token *t, struct store_txn *txn, uint32_t *ret)
{
	struct dual_state *d = NULL;
	CK_RV rv = dual_load(t, txn, &d);

	if (rv == CKR_OK)
		*ret = d->bits;
	free(d);
	return rv;
}

void dual_drop_expired(struct dual_state *d)
{
	size_t kept = 0;

	for (size_t i = 0; i < d->count; i++)
		if (dual_alive(&d->approval[i]) > 0)
			memmove(&d->approval[kept++], &d->approval[i], sizeof(d->approval[i]));
	d->count = kept;
}

/* sweep: approvals that count no more; members of the council who are no more. */
static CK_RV sweep(struct store_txn *txn, struct dual_state *d)
{
	size_t kept = 0;

	dual_drop_expired(d);
	for (size_t i = 0; i < d->council; i++) {
		struct view v;
		int e = store_user_get(txn, d->member[i], &v);

		if (e != STORE_OK && e != STORE_ENOTFOUND)
			return CKR_DEVICE_ERROR;
		if (e == STORE_OK)
			memmove(d->member[kept++], d->member[i], STORE_ID_LEN);
	}
	d->council = kept;
	return CKR_OK;
}

CK_RV dual_save(struct token *t, struct store_txn *txn, struct dual_state *d)
{
	struct object *o = object_alloc();
	BUF_AUTO value = { 0 };
	CK_RV rv = o != NULL ? sweep(txn, d) : CKR_HOST_MEMORY;

	if (rv == CKR_OK) {
		encode(d, &value);
		rv = buf_ok(&value) ? object_set_ulong(o, CKA_CLASS, CKO_SR_DUAL) : CKR_HOST_MEMORY;
	}
	if (rv == CKR_OK)
		rv = object_set_bool(o, CKA_TOKEN, true);
	if (rv == CKR_OK)
		rv = object_set_bool(o, CKA_PRIVATE, true);
	if (rv == CKR_OK)
		rv = object_set_bytes(o, CKA_VALUE, buf_view(&value));
	if (rv == CKR_OK) {
		memcpy(o->id, record_id, sizeof(o->id));
		rv = object_put(t, txn, o);
	}
	object_unref(o);
	return rv;
}
