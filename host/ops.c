/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ops_own.h"
#include "pk11_policy.h"
#include "waiting.h"

struct ops {
	struct pk11 *token;
	bool has_policy; /* a strongroom token */
	struct buf relaxed;
	const struct ops_row *row[OPS_COUNT];
};

static const char *const kind_names[] = {
#define OPS_NAME(kind, name) name,
	OPS_LIST(OPS_NAME)
#undef OPS_NAME
};

static const char *way_name(enum ops_way way)
{
	return way == OPS_WAY_VENDOR ? "vendor" : way == OPS_WAY_STANDARD ? "standard" : "any";
}

bool ops_way_of_name(const char *name, enum ops_way *ret)
{
	for (enum ops_way w = OPS_WAY_ANY; w <= OPS_WAY_STANDARD; w++) {
		if (!strcmp(name, way_name(w))) {
			*ret = w;
			return true;
		}
	}
	return false;
}

static bool has_mechanism(const CK_MECHANISM_TYPE *list, size_t count, CK_MECHANISM_TYPE type)
{
	for (size_t i = 0; i < count; i++)
		if (list[i] == type)
			return true;
	return false;
}

/* row_missing: the first need that the token does not meet; NULL: none. */
static const char *row_missing(const struct ops_row *row, const CK_MECHANISM_TYPE *list, size_t count)
{
	for (size_t i = 0; i < OPS_NEEDS_MAX && row->needs[i].name; i++)
		if (!has_mechanism(list, count, row->needs[i].type))
			return row->needs[i].name;
	return NULL;
}

/* lacks: the words of names that the token's policy does not allow, appended to ret. */
static void lacks(const struct ops *o, const char *names, struct buf *ret)
{
	while (o->has_policy && names && *names) {
		size_t n = strcspn(names, " ");
		char word[64];

		snprintf(word, sizeof(word), "%.*s", (int)n, names);
		if (!pk11_policy_has(buf_view(&o->relaxed), word) && !pk11_policy_has(buf_view(ret), word))
			buf_printf(ret, "%s%s", ret->len ? " " : "", word);
		names += n + (names[n] == ' ');
	}
}

static enum err choose(struct ops *o, enum ops_kind kind, enum ops_way way, const CK_MECHANISM_TYPE *list, size_t count,
		       struct fail *f)
{
	const struct ops_row *rows[] = { &ops_vendor_rows[kind], &ops_standard_rows[kind] };
	const char *missing = NULL;
	BUF_AUTO refused = { 0 };

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (way != OPS_WAY_ANY && rows[i]->way != way)
			continue;
		missing = row_missing(rows[i], list, count);
		buf_done(&refused);
		if (!missing)
			lacks(o, rows[i]->relax, &refused);
		if (!missing && !refused.len) {
			o->row[kind] = rows[i];
			return ERR_OK;
		}
	}
	if (!missing)
		return fail_set(f, ERR_TOKEN, 0,
				"%.64s cannot do %s (way %s): its policy is too strict, strongroom policy allow %.*s",
				pk11_describe(o->token), kind_names[kind], way_name(way), (int)refused.len,
				(char *)refused.p);
	return fail_set(f, ERR_TOKEN, 0, "%.64s cannot do %s (way %s): it lacks %s", pk11_describe(o->token),
			kind_names[kind], way_name(way), missing);
}

/* read_policy: what is relaxed in the token; another vendor's has no such thing. */
static enum err read_policy(struct pk11_session *s, void *arg, struct fail *f)
{
	PK11_POLICY_AUTO policy = { 0 };
	struct fail mine = { 0 };
	struct ops *o = arg;
	enum err e = pk11_policy_get(s, &policy, &mine);

	o->has_policy = e == ERR_OK;
	if (e == ERR_OK) {
		buf_done(&o->relaxed);
		o->relaxed = policy.in_force;
		policy.in_force = (struct buf){ 0 };
	} else if (pk11_lost(mine.rv)) {
		return fail_set(f, e, mine.rv, "%s", mine.text);
	}
	return ERR_OK;
}

enum err ops_open(struct pk11 *token, unsigned need, enum ops_way way, struct ops **ret, struct fail *f)
{
	CK_MECHANISM_TYPE *list = NULL;
	size_t count = 0;
	struct ops *o = calloc(1, sizeof(*o));

	if (!o)
		return fail_set(f, ERR_NO_MEMORY, 0, "operations");
	o->token = token;
	enum err e = pk11_run(token, read_policy, o, f);
	if (e == ERR_OK)
		e = pk11_mechanisms(token, &list, &count, f);
	/* Check values belong to other operations, whoever asks. */
	need |= OPS_BIT(OPS_CHECK_VALUE);
	for (enum ops_kind kind = 0; kind < OPS_COUNT && e == ERR_OK; kind++)
		if (need & OPS_BIT(kind))
			e = choose(o, kind, way, list, count, f);
	free(list);
	if (e != ERR_OK) {
		ops_free(o);
		return e;
	}
	*ret = o;
	return ERR_OK;
}

void ops_free(struct ops *o)
{
	if (o)
		buf_done(&o->relaxed);
	free(o);
}

void ops_relaxations(const struct ops *o, struct buf *ret)
{
	struct ops nothing = { .has_policy = true };
	BUF_AUTO needed = { 0 };
	BUF_AUTO tdes = { 0 };

	for (enum ops_kind kind = 0; kind < OPS_COUNT && o->has_policy; kind++) {
		if (!o->row[kind])
			continue;
		lacks(&nothing, o->row[kind]->relax, &needed);
		lacks(o, o->row[kind]->relax_tdes, &tdes);
	}
	if (needed.len)
		buf_printf(ret, "standard ways rely on the token's relaxations: %.*s", (int)needed.len,
			   (char *)needed.p);
	if (tdes.len)
		buf_printf(ret, "%sTDES keys would need more of them: %.*s", ret->len ? "; " : "", (int)tdes.len,
			   (char *)tdes.p);
}

void ops_describe(const struct ops *o, struct buf *ret)
{
	const char *space = "";

	for (enum ops_kind kind = 0; kind < OPS_COUNT; kind++) {
		if (!o->row[kind])
			continue;
		buf_printf(ret, "%s%s=%s", space, kind_names[kind], way_name(o->row[kind]->way));
		space = " ";
	}
}

enum err ops_relax(struct pk11_session *so, unsigned need, struct fail *f)
{
	struct ops strict = { .has_policy = true };
	PK11_POLICY_AUTO policy = { 0 };
	BUF_AUTO names = { 0 };
	struct fail mine = { 0 };
	enum err e = pk11_policy_get(so, &policy, &mine);

	if (e == ERR_NOT_FOUND)
		return ERR_OK;
	if (e != ERR_OK)
		return fail_set(f, e, mine.rv, "%s", mine.text);
	buf_put_view(&names, buf_view(&policy.allowed));
	for (enum ops_kind kind = 0; kind < OPS_COUNT; kind++) {
		if (!(need & OPS_BIT(kind)))
			continue;
		lacks(&strict, ops_standard_rows[kind].relax, &names);
		lacks(&strict, ops_standard_rows[kind].relax_tdes, &names);
	}
	if (!buf_ok(&names))
		return fail_set(f, ERR_NO_MEMORY, 0, "policy");
	return pk11_policy_set(so, buf_view(&names), f);
}

const struct ops_row *ops_row_of(const struct ops *o, enum ops_kind kind)
{
	return o->row[kind];
}

struct pk11 *ops_token(const struct ops *o)
{
	return o->token;
}

struct run_arg {
	struct ops *o;
	const struct ops_row *row;
	void *arg;
};

static enum err run_row(struct pk11_session *s, void *arg, struct fail *f)
{
	struct run_arg *r = arg;
	return r->row->run(r->o, s, r->arg, f);
}

enum err ops_run(struct ops *o, enum ops_kind kind, struct pk11_session *s, void *arg, struct fail *f)
{
	struct run_arg r = { o, o->row[kind], arg };
	struct fail mine = { 0 };

	if (!r.row)
		return fail_set(f, ERR_USAGE, 0, "%s: not asked for when the token was opened", kind_names[kind]);
	waiting_for("HSM", kind_names[kind]);
	enum err e = s ? r.row->run(o, s, arg, &mine) : pk11_run(o->token, run_row, &r, f);
	if (s)
		pk11_note(s, mine.rv);
	waiting_over();
	if (s && e != ERR_OK && f && f->code == ERR_OK)
		*f = mine;
	return e;
}

bool ops_is_standard(const struct ops *o, enum ops_kind kind)
{
	return o->row[kind] && o->row[kind]->way == OPS_WAY_STANDARD;
}

enum err ops_take(struct buf *ret, const struct buf *made, struct fail *f)
{
	buf_put_view(ret, buf_view(made));
	return buf_ok(ret) ? ERR_OK : fail_set(f, ERR_NO_MEMORY, 0, "operations");
}

struct random_arg {
	uint8_t *p;
	size_t n;
};

static enum err random_run(struct pk11_session *s, void *arg, struct fail *f)
{
	struct random_arg *r = arg;
	return step_random(s, r->p, r->n, f);
}

enum err ops_random(struct ops *o, uint8_t *ret, size_t n, struct fail *f)
{
	uint8_t bytes[1024];
	struct random_arg r = { bytes, n };

	if (n > sizeof(bytes))
		return fail_set(f, ERR_USAGE, 0, "%zu random bytes", n);
	enum err e = pk11_run(o->token, random_run, &r, f);
	if (e == ERR_OK)
		memcpy(ret, bytes, n);
	return e;
}

enum err ops_check_value(struct ops *o, struct pk11_key *key, struct check_value *ret, struct fail *f)
{
	struct ops_check_arg arg = { .key = key };
	enum err e = ops_run(o, OPS_CHECK_VALUE, NULL, &arg, f);

	if (e == ERR_OK)
		*ret = arg.value;
	return e;
}

enum err ops_check_value_of(struct ops *o, struct pk11_session *s, CK_OBJECT_HANDLE key, struct check_value *ret,
			    struct fail *f)
{
	struct ops_check_arg arg = { .handle = key };
	enum err e = o->row[OPS_CHECK_VALUE]->run(o, s, &arg, f);

	if (e == ERR_OK)
		*ret = arg.value;
	return e;
}

struct checks_arg {
	struct ops *o;
	struct pk11_key *key;
	struct check_value value[PK11_GENERATIONS];
	size_t count;
};

static enum err checks_run(struct pk11_session *s, void *arg, struct fail *f)
{
	struct checks_arg *a = arg;
	CK_OBJECT_HANDLE handle;
	enum err e = ERR_OK;

	for (a->count = 0; !e && a->count < PK11_GENERATIONS; a->count++) {
		struct fail end = { 0 };

		e = pk11_key_older(s, a->key, a->count, &handle, &end);
		if (e == ERR_KEY_MISSING && a->count)
			return ERR_OK;
		if (e)
			return fail_set(f, e, end.rv, "%s", end.text);
		e = ops_check_value_of(a->o, s, handle, &a->value[a->count], f);
	}
	return e;
}

enum err ops_key_checks(struct ops *o, struct pk11_key *key, struct check_value *ret, size_t *ret_count, struct fail *f)
{
	struct checks_arg a = { .o = o, .key = key };
	enum err e = pk11_run(o->token, checks_run, &a, f);

	if (e != ERR_OK)
		return e;
	memcpy(ret, a.value, a.count * sizeof(*ret));
	*ret_count = a.count;
	return ERR_OK;
}

bool check_value_equal(const struct check_value *a, const struct check_value *b)
{
	return a->method == b->method && ct_equal(a->value, b->value, sizeof(a->value));
}

enum err ops_srk_generate(struct ops *o, const char *label, struct view id, struct fail *f)
{
	struct ops_generate_arg arg = { .label = label, .id = id };
	return ops_run(o, OPS_SRK_GENERATE, NULL, &arg, f);
}
