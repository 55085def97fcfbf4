/* SPDX-License-Identifier: BSD-2-Clause */
/* The policy object of hsm/vendor.h, which few files of the host side know. */
#include <stdio.h>
#include <string.h>

#include "pk11_own.h"
#include "pk11_policy.h"
#include "vendor.h"

void pk11_policy_done(struct pk11_policy *p)
{
	buf_done(&p->allowed);
	buf_done(&p->in_force);
	buf_done(&p->strict);
	buf_done(&p->known);
	buf_done(&p->dual);
	buf_done(&p->dual_names);
}

static enum err find(struct pk11_session *s, CK_OBJECT_HANDLE *ret, struct fail *f)
{
	CK_OBJECT_CLASS class = CKO_SR_POLICY;
	CK_ATTRIBUTE t = { CKA_CLASS, &class, sizeof(class) };
	size_t count = 0;
	enum err e = pk11_find(s, &t, 1, ret, 1, &count, f);

	if (e == ERR_OK && count != 1)
		e = fail_set(f, ERR_NOT_FOUND, 0, "this token has no policy object");
	return e;
}

enum err pk11_policy_get(struct pk11_session *s, struct pk11_policy *ret, struct fail *f)
{
	PK11_POLICY_AUTO p = { 0 };
	CK_OBJECT_HANDLE object = CK_INVALID_HANDLE;
	enum err e = find(s, &object, f);

	if (e == ERR_OK)
		e = pk11_attribute(s, object, CKA_SR_POLICY, &p.allowed, f);
	if (e == ERR_OK)
		e = pk11_attribute(s, object, CKA_SR_POLICY_IN_FORCE, &p.in_force, f);
	if (e == ERR_OK)
		e = pk11_attribute(s, object, CKA_SR_POLICY_STRICT, &p.strict, f);
	if (e == ERR_OK)
		e = pk11_attribute(s, object, CKA_SR_POLICY_NAMES, &p.known, f);
	if (e == ERR_OK)
		e = pk11_attribute(s, object, CKA_SR_DUAL, &p.dual, f);
	if (e == ERR_OK)
		e = pk11_attribute(s, object, CKA_SR_DUAL_NAMES, &p.dual_names, f);
	if (e == ERR_OK) {
		CK_ATTRIBUTE t = { CKA_SR_PIN_MIN, &p.pin_min, sizeof(p.pin_min) };

		if (s->f->C_GetAttributeValue(s->handle, object, &t, 1) != CKR_OK)
			p.pin_min = 0; /* an older module */
	}
	if (e != ERR_OK)
		return e;
	*ret = p;
	p = (struct pk11_policy){ 0 };
	return ERR_OK;
}

bool pk11_policy_is_strict(const struct pk11_policy *p)
{
	return view_equal(buf_view(&p->allowed), buf_view(&p->strict));
}

/* set: one attribute of the policy object; refused: what it means that the module refuses the value, NULL: nothing
 * more. */
static enum err set(struct pk11_session *s, CK_ATTRIBUTE t, const char *refused, struct fail *f)
{
	CK_OBJECT_HANDLE object = CK_INVALID_HANDLE;
	enum err e = find(s, &object, f);
	CK_RV rv;

	if (e != ERR_OK)
		return e;
	rv = s->f->C_SetAttributeValue(s->handle, object, &t, 1);
	if (rv == CKR_ATTRIBUTE_VALUE_INVALID && refused)
		return fail_set(f, ERR_USAGE, rv, "%s", refused);
	return rv == CKR_OK ? ERR_OK : pk11_fail(f, rv, "C_SetAttributeValue");
}

enum err pk11_policy_set(struct pk11_session *s, struct view text, struct fail *f)
{
	CK_ATTRIBUTE t = { CKA_SR_POLICY, (void *)(uintptr_t)text.p, text.n };

	return set(s, t, "the module does not know all of these names", f);
}

enum err pk11_policy_dual(struct pk11_session *s, struct view text, struct fail *f)
{
	CK_ATTRIBUTE t = { CKA_SR_DUAL, (void *)(uintptr_t)(text.n ? text.p : (const uint8_t *)""), text.n };

	return set(s, t, NULL, f);
}

bool pk11_key_facts(struct pk11_session *s, CK_OBJECT_HANDLE key, unsigned long *ret_generation, bool *ret_retired)
{
	CK_ULONG generation = 0;
	CK_BBOOL retired = CK_FALSE;
	CK_ATTRIBUTE t[] = { { CKA_SR_GENERATION, &generation, sizeof(generation) },
			     { CKA_SR_RETIRED, &retired, sizeof(retired) } };

	if (s->f->C_GetAttributeValue(s->handle, key, &t[0], 1) != CKR_OK)
		return false;
	(void)s->f->C_GetAttributeValue(s->handle, key, &t[1], 1); /* absent: it is not */
	*ret_generation = generation;
	*ret_retired = retired == CK_TRUE;
	return true;
}

enum err pk11_policy_pin_min(struct pk11_session *s, unsigned long letters, struct fail *f)
{
	CK_ATTRIBUTE t = { CKA_SR_PIN_MIN, &letters, sizeof(letters) };

	return set(s, t, "a PIN has at least 4 to 64 letters; 0 is the default", f);
}

bool pk11_policy_has(struct view text, const char *name)
{
	size_t n = strlen(name);

	while (text.n > 0) {
		const uint8_t *end = memchr(text.p, ' ', text.n);
		size_t word = end ? (size_t)(end - text.p) : text.n;

		if (word == n && !memcmp(text.p, name, n))
			return true;
		word += end != NULL;
		text = VIEW(text.p + word, text.n - word);
	}
	return false;
}

/* is_word: is it one of the words? */
static bool is_word(char **words, struct view name)
{
	for (; *words; words++)
		if (view_equal(view_of_string(*words), name))
			return true;
	return false;
}

void pk11_policy_choose(struct view known, struct view chosen, bool on, char **words, struct buf *ret)
{
	while (known.n > 0) {
		const uint8_t *end = memchr(known.p, ' ', known.n);
		size_t n = end ? (size_t)(end - known.p) : known.n;
		char name[64];

		snprintf(name, sizeof(name), "%.*s", (int)n, (const char *)known.p);
		if (is_word(words, VIEW(known.p, n)) ? on : pk11_policy_has(chosen, name))
			buf_printf(ret, "%s%s", ret->len ? " " : "", name);
		n += end != NULL;
		known = VIEW(known.p + n, known.n - n);
	}
}
