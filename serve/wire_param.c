/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "wire_walk.h"

/*
 * Parameters of mechanisms: the form (wire_form), then what it says: nothing, the bytes, or the hash of a structure's
 * description and the structure. The server finds the form itself and takes no other.
 */

#define PASSWORD_MAX 4096

/*
 * pbkdf2: CK_PKCS5_PBKD2_PARAMS, which NSS uses, is as long as CK_PKCS5_PBKD2_PARAMS2, but points to the length of the
 * password; no password is as long as an address. The kernel says whether there is anything at that address.
 */
static bool pbkdf2(struct wire_walk *w, const void *p, CK_PKCS5_PBKD2_PARAMS2 *ret)
{
	CK_ULONG len;
	struct iovec here = { &len, sizeof(len) }, there;

	memcpy(ret, p, sizeof(*ret));
	if (ret->ulPasswordLen <= PASSWORD_MAX)
		return true;
	there = (struct iovec){ (void *)(uintptr_t)ret->ulPasswordLen, sizeof(len) };
	if (process_vm_readv(getpid(), &here, 1, &there, 1, 0) != (ssize_t)sizeof(len) || len > PASSWORD_MAX)
		return wire_fail(w, CKR_MECHANISM_PARAM_INVALID);
	ret->ulPasswordLen = len;
	return true;
}

bool wire_param_put(struct wire_walk *w, CK_MECHANISM_TYPE type, enum wire_context context, const void *p, size_t len)
{
	const struct wire_struct *s = NULL;
	enum wire_form form = wire_form(type, context, len, &s);
	CK_PKCS5_PBKD2_PARAMS2 password;

	wire_put_u8(w->out, (uint8_t)form);
	if (form == WIRE_FLAT)
		wire_put(w->out, p, len);
	if (form != WIRE_STRUCTURE)
		return true;
	if (strcmp(s->name, "CK_PKCS5_PBKD2_PARAMS2") == 0) {
		if (!pbkdf2(w, p, &password))
			return false;
		p = &password;
	}
	wire_put_u32(w->out, wire_hash(s));
	return wire_struct_put(w, s, p, NULL);
}

bool wire_param_get(struct wire_walk *w, CK_MECHANISM_TYPE type, enum wire_context context, size_t len, void **ret)
{
	const struct wire_struct *s = NULL;
	enum wire_form form = wire_form(type, context, len, &s);
	struct view v;
	void *p;

	if (reader_u8(&w->in) != form || w->in.failed)
		return wire_fail(w, CKR_MECHANISM_PARAM_INVALID);
	if (form == WIRE_NOTHING) {
		*ret = NULL;
		return true;
	}
	if (form == WIRE_STRUCTURE && reader_u32(&w->in) != wire_hash(s))
		return wire_fail(w, CKR_MECHANISM_PARAM_INVALID);
	if (form == WIRE_FLAT && len > w->in.left)
		return wire_fail(w, CKR_DEVICE_ERROR);
	p = wire_arena_take(w->arena, len);
	if (p == NULL)
		return wire_fail(w, CKR_HOST_MEMORY);
	if (form == WIRE_FLAT) {
		v = reader_bytes(&w->in, len);
		if (v.n > 0)
			memcpy(p, v.p, v.n);
	} else if (form == WIRE_STRUCTURE && !wire_struct_get(w, s, p, NULL)) {
		return false;
	}
	*ret = p;
	return true;
}

bool wire_param_put_back(struct wire_walk *w, CK_MECHANISM_TYPE type, enum wire_context context, const void *p,
			 size_t len)
{
	const struct wire_struct *s = NULL;

	return wire_form(type, context, len, &s) != WIRE_STRUCTURE || wire_struct_put_back(w, s, p, NULL);
}

bool wire_param_get_back(struct wire_walk *w, CK_MECHANISM_TYPE type, enum wire_context context, void *p, size_t len)
{
	const struct wire_struct *s = NULL;

	return wire_form(type, context, len, &s) != WIRE_STRUCTURE || wire_struct_get_back(w, s, p, NULL);
}
