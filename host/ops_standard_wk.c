/* SPDX-License-Identifier: BSD-2-Clause */
/* The standard way of working keys: wrapped, by mechanisms that every token has. */
#include "ops_standard.h"

/* What a working key does where it is used; at the host it verifies and translates, in the terminal it makes. */
static CK_FLAGS uses_of(uint8_t role, uint8_t type)
{
	CK_FLAGS uses = role == FORMAT_ROLE_MACKEY ? CKF_SIGN | CKF_VERIFY : CKF_ENCRYPT | CKF_DECRYPT;

	return uses | standard_check_use(type);
}

static enum err generate(struct pk11_session *s, enum wk_kind kind, uint8_t type, uint8_t length, CK_OBJECT_HANDLE *ret,
			 struct fail *f)
{
	CK_MECHANISM m = step_generation(type, length);
	struct template t = { 0 };

	template_secret(&t, type, length, false, true);
	template_bool(&t, CKA_SENSITIVE, true);
	template_bool(&t, CKA_EXTRACTABLE, true); /* it leaves under TMK and SRK */
	standard_uses(&t, kind == WK_MACKEY ? uses_of(FORMAT_ROLE_MACKEY, type) : standard_check_use(type));
	return step_generate(s, &m, &t, ret, f);
}

static void tmk(struct template *t, uint8_t type, uint8_t length)
{
	template_secret(t, type, length, false, false);
	template_bool(t, CKA_SENSITIVE, true);
	template_bool(t, CKA_EXTRACTABLE, false);
	standard_uses(t, CKF_WRAP | standard_check_use(type));
}

static enum err wrap(struct pk11_session *s, const struct wk_wrapper *w, uint8_t form, const struct key_attrs *a,
		     CK_OBJECT_HANDLE key, uint8_t ret[WK_WRAPPED_MAX], size_t *ret_len, struct fail *f)
{
	CK_MECHANISM m = wk_wrap_mechanism(s, w, a);

	return step_wrap(s, &m, w->key, key, ret, WK_WRAPPED_MAX, ret_len, f);
}

static enum err unwrap(struct pk11_session *s, const struct wk_wrapper *w, uint8_t form, const struct wk_key *k,
		       struct template *t, CK_OBJECT_HANDLE *ret, struct fail *f)
{
	CK_MECHANISM m = wk_wrap_mechanism(s, w, &k->attrs);

	if (form != WK_FORM_WRAP)
		return fail_set(f, ERR_BAD_DATA, 0, "working keys in key blocks: this token has no key blocks");
	if (k->wrapped.n != step_wrapped_length(w->type, k->attrs.length))
		return fail_set(f, ERR_BAD_DATA, 0, "working key: not of the length it says");
	template_number(t, CKA_CLASS, CKO_SECRET_KEY);
	template_number(t, CKA_KEY_TYPE, step_key_type(k->attrs.type, k->attrs.length));
	template_bool(t, CKA_PRIVATE, true);
	template_bool(t, CKA_SENSITIVE, true);
	standard_uses(t, uses_of(k->attrs.role, k->attrs.type));
	return step_unwrap(s, &m, w->key, k->wrapped, t, ret, f);
}

const struct wk_way wk_standard = {
	.storage_form = WK_FORM_WRAP,
	.forms = WK_FORM_WRAP,
	.bare = true,
	.generate = generate,
	.tmk = tmk,
	.wrap = wrap,
	.unwrap = unwrap,
};

enum err standard_wk_make(struct ops *o, struct pk11_session *s, void *arg, struct fail *f)
{
	return wk_make(o, s, arg, &wk_standard, f);
}

enum err standard_wk_open(struct ops *o, struct pk11_session *s, void *arg, struct fail *f)
{
	return wk_open(o, s, arg, &wk_standard, f);
}

enum err standard_wk_rewrap(struct ops *o, struct pk11_session *s, void *arg, struct fail *f)
{
	return wk_rewrap(o, s, arg, &wk_standard, f);
}

enum err standard_wk_load(struct ops *o, struct pk11_session *s, void *arg, struct fail *f)
{
	return wk_load(o, s, arg, &wk_standard, f);
}
