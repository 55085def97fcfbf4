/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "dual.h"
#include "object.h"
#include "policy.h"
#include "session.h"

/* The policy object: no record of its own, its attributes are made when they are asked for. */
#define BOOL(value) VIEW((value) ? "\1" : "\0", 1)

/* value_of: false: no such attribute. text: room for those that are made. */
static CK_RV value_of(struct session *s, CK_ATTRIBUTE_TYPE type, struct buf *text, struct view *ret)
{
	static const CK_OBJECT_CLASS class = CKO_SR_POLICY;
	struct policy p;
	CK_ULONG number;
	uint64_t bits = 0;
	CK_RV rv = CKR_OK;

	switch (type) {
	case CKA_CLASS:
		*ret = VIEW(&class, sizeof(class));
		return CKR_OK;
	case CKA_TOKEN:
	case CKA_MODIFIABLE:
		*ret = BOOL(true);
		return CKR_OK;
	case CKA_PRIVATE:
	case CKA_COPYABLE:
	case CKA_DESTROYABLE:
		*ret = BOOL(false);
		return CKR_OK;
	case CKA_LABEL:
		*ret = VIEW_STR("policy");
		return CKR_OK;
	case CKA_SR_POLICY:
		rv = policy_bits(s->token, &bits);
		policy_text(bits, text);
		break;
	case CKA_SR_POLICY_IN_FORCE:
		rv = policy_in_force(s->token, &bits);
		policy_text(bits, text);
		break;
	case CKA_SR_POLICY_STRICT:
		policy_text(policy_strict(), text);
		break;
	case CKA_SR_DUAL:
		rv = policy_get(s->token, &p);
		dual_text(rv == CKR_OK ? p.dual : 0, text);
		break;
	case CKA_SR_DUAL_NAMES:
		dual_text(DUAL_ALL, text);
		break;
	case CKA_SR_PIN_MIN:
		number = policy_pin_min(s->token);
		buf_put(text, &number, sizeof(number));
		break;
	case CKA_SR_POLICY_NAMES:
		policy_text(policy_all(), text);
		break;
	default:
		return CKR_ATTRIBUTE_TYPE_INVALID;
	}
	if (rv == CKR_OK && !buf_ok(text))
		rv = CKR_HOST_MEMORY;
	*ret = buf_view(text);
	return rv;
}

bool policy_object_asked(const CK_ATTRIBUTE *t, CK_ULONG n)
{
	CK_ULONG class;

	if (!template_ulong(t, n, CKA_CLASS, &class) || class != CKO_SR_POLICY)
		return false;
	for (CK_ULONG i = 0; i < n; i++) {
		struct view want = VIEW(t[i].pValue, t[i].ulValueLen);

		if ((t[i].type == CKA_TOKEN && !view_equal(want, BOOL(true))) ||
		    (t[i].type == CKA_PRIVATE && !view_equal(want, BOOL(false))) ||
		    (t[i].type == CKA_LABEL && !view_equal(want, VIEW_STR("policy"))))
			return false;
		if (t[i].type != CKA_CLASS && t[i].type != CKA_TOKEN && t[i].type != CKA_PRIVATE &&
		    t[i].type != CKA_LABEL)
			return false;
	}
	return true;
}

static CK_RV get_one(struct session *s, CK_ATTRIBUTE *a)
{
	BUF_AUTO text = { 0 };
	struct view value = { 0 };
	CK_RV rv = value_of(s, a->type, &text, &value);

	if (rv == CKR_OK && a->pValue != NULL && a->ulValueLen < value.n)
		rv = CKR_BUFFER_TOO_SMALL;
	if (rv != CKR_OK) {
		a->ulValueLen = CK_UNAVAILABLE_INFORMATION;
		return rv;
	}
	if (a->pValue != NULL && value.n > 0)
		memcpy(a->pValue, value.p, value.n);
	a->ulValueLen = value.n;
	return CKR_OK;
}

CK_RV policy_object_get(struct session *s, CK_ATTRIBUTE *t, CK_ULONG n)
{
	CK_RV rv = CKR_OK;

	for (CK_ULONG i = 0; i < n; i++) {
		CK_RV one = get_one(s, &t[i]);

		if (rv == CKR_OK)
			rv = one;
	}
	return rv;
}

/* choose: one attribute of the SO's choice. */
static CK_RV choose(const CK_ATTRIBUTE *a, struct policy_change *c)
{
	CK_ULONG number;

	switch (a->type) {
	case CKA_SR_POLICY:
		c->relaxed = policy_parse(VIEW(a->pValue, a->ulValueLen), &c->to.relaxed);
		return c->relaxed ? CKR_OK : CKR_ATTRIBUTE_VALUE_INVALID;
	case CKA_SR_DUAL:
		c->dual = dual_parse(VIEW(a->pValue, a->ulValueLen), &c->to.dual);
		return c->dual ? CKR_OK : CKR_ATTRIBUTE_VALUE_INVALID;
	case CKA_SR_PIN_MIN:
		if (!template_ulong(a, 1, CKA_SR_PIN_MIN, &number) ||
		    (number != 0 && (number < POLICY_PIN_LEAST || number > POLICY_PIN_MOST)))
			return CKR_ATTRIBUTE_VALUE_INVALID;
		c->to.pin_min = (uint8_t)number;
		c->pin_min = true;
		return CKR_OK;
	default:
		return CKR_ATTRIBUTE_READ_ONLY;
	}
}

CK_RV policy_object_set(struct session *s, const CK_ATTRIBUTE *t, CK_ULONG n)
{
	struct policy_change change = { 0 };
	CK_RV rv = CKR_OK;

	for (CK_ULONG i = 0; i < n; i++) {
		BUF_AUTO text = { 0 };
		struct view value;

		if (value_of(s, t[i].type, &text, &value) == CKR_ATTRIBUTE_TYPE_INVALID)
			return CKR_ATTRIBUTE_TYPE_INVALID;
	}
	for (CK_ULONG i = 0; rv == CKR_OK && i < n; i++)
		rv = choose(&t[i], &change);
	return rv == CKR_OK ? policy_set(s, &change) : rv;
}
