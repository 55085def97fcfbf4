/* SPDX-License-Identifier: BSD-2-Clause */
#include "component.h"

#include <string.h>
#include "crypto.h"
#include "session.h"

#define SUFFIX_MAX 24
#define LABEL_MAX 65535 /* longer ones are no labels at all; nobody walks over them */

static bool suffix_letter(uint8_t c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
	       c == '-';
}

/* The role before the first dash, hash or end, if it is one that is born by combination. */
static const struct role_row *role_of_label(struct view label, size_t *ret_len)
{
	const struct role_row *row;
	size_t n = 0;

	while (n < label.n && label.p[n] != '-' && label.p[n] != '#')
		n++;
	row = role_named(VIEW(label.p, n));
	if (!row || !(row->births & ROLE_BORN_COMBINED))
		return NULL;
	*ret_len = n;
	return row;
}

bool component_name_parse(struct view label, struct component_label *ret)
{
	size_t n = 0;
	const struct role_row *row = label.n <= LABEL_MAX ? role_of_label(label, &n) : NULL;

	if (!row)
		return false;
	if (n < label.n) {
		if (label.p[n] != '-' || label.n == n + 1 || label.n > n + 1 + SUFFIX_MAX)
			return false;
		for (size_t i = n + 1; i < label.n; i++) {
			if (!suffix_letter(label.p[i]))
				return false;
		}
	}
	*ret = (struct component_label){ .name = label, .row = row };
	return true;
}

/* `#k/n` at the end: somebody means a component. */
static bool looks_like_component(struct view label)
{
	const uint8_t *tail;

	if (label.n < 4)
		return false;
	tail = label.p + label.n - 4;
	return tail[0] == '#' && tail[1] >= '0' && tail[1] <= '9' && tail[2] == '/' && tail[3] >= '0' && tail[3] <= '9';
}

enum component_match component_label_parse(struct view label, struct component_label *ret)
{
	struct component_label c;
	size_t n = 0;
	const uint8_t *hash;

	if (label.n > LABEL_MAX)
		return COMPONENT_BAD;
	hash = label.n ? memchr(label.p, '#', label.n) : NULL;
	if (!hash || !role_of_label(label, &n))
		return looks_like_component(label) ? COMPONENT_BAD : COMPONENT_NO;
	n = (size_t)(hash - label.p);
	if (!component_name_parse(VIEW(label.p, n), &c) || label.n != n + 4 || hash[2] != '/')
		return COMPONENT_BAD;
	c.k = (unsigned)hash[1] - '0';
	c.n = (unsigned)hash[3] - '0';
	if (c.n < 2 || c.n > 9 || c.k < 1 || c.k > c.n)
		return COMPONENT_BAD;
	*ret = c;
	return COMPONENT_YES;
}

/* Under the store's write lock: k is free and n is that of the components already there. */
static CK_RV component_check(struct session *s, void *object)
{
	const struct object *o = object;
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_ULONG role = SR_ROLE_COMPONENT;
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &class, sizeof(class) }, { CKA_SR_ROLE, &role, sizeof(role) } };
	struct component_label mine;
	struct component_label other;
	struct handles found = { 0 };
	CK_RV rv;

	if (component_label_parse(object_bytes(o, CKA_LABEL), &mine) != COMPONENT_YES)
		return CKR_GENERAL_ERROR;
	rv = object_find(s, t, ARRAY_LEN(t), &found);
	for (size_t i = 0; i < found.len && rv == CKR_OK; i++) {
		struct object *there = NULL;

		rv = object_get(s, found.p[i], &there);
		if (rv != CKR_OK)
			break;
		if (component_label_parse(object_bytes(there, CKA_LABEL), &other) == COMPONENT_YES &&
		    view_equal(mine.name, other.name) && (mine.k == other.k || mine.n != other.n))
			rv = CKR_ACTION_PROHIBITED;
		object_unref(there);
	}
	handles_done(&found);
	return rv;
}

/* Nothing but zeroes; the parity bits of a DES key do not count. */
static bool all_zero(CK_KEY_TYPE type, struct view v)
{
	uint8_t sum = 0;

	for (size_t i = 0; i < v.n; i++)
		sum |= v.p[i];
	return (type == CKK_AES ? sum : sum & 0xfe) == 0;
}

CK_RV component_on_make(struct session *s, const struct component_label *label, struct object *o)
{
	CK_KEY_TYPE type = object_key_type(o);
	struct view value = object_secret(o, CKA_VALUE);
	uint8_t place[2] = { (uint8_t)label->k, (uint8_t)label->n };
	struct token_user user;
	CK_RV rv;

	session_user(s, &user);
	if (user.kind != USER_CUSTODIAN || user.must_change)
		return CKR_ACTION_PROHIBITED;
	if (!object_bool(o, CKA_TOKEN))
		return CKR_TEMPLATE_INCONSISTENT;
	if (type == CKK_DES3 && value.n == 16)
		type = CKK_DES2; /* stock tools know no name for it */
	if (!role_key_ok(label->row, type, value.n))
		return CKR_TEMPLATE_INCONSISTENT;
	if (all_zero(type, value))
		return CKR_ATTRIBUTE_VALUE_INVALID; /* the other officers would know the whole key */
	rv = object_set_ulong(o, CKA_KEY_TYPE, type);
	if (rv == CKR_OK)
		rv = object_set_bytes(o, CKA_SR_COMPONENT, VIEW(place, sizeof(place)));
	if (rv == CKR_OK)
		rv = object_set_bytes(o, CKA_SR_CUSTODIAN, view_of_string(user.name));
	if (rv == CKR_OK)
		rv = object_set_bytes(o, CKA_SR_CUSTODIAN_ID, VIEW(user.id, sizeof(user.id)));
	if (rv == CKR_OK)
		object_set_check(o, component_check, AUDIT_COMPONENT_ENTERED);
	return rv;
}
