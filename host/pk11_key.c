/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>
#include <string.h>

#include "now.h"
#include "pk11_own.h"

#define ATTRIBUTE_MAX 65536

struct pk11_key {
	struct pk11 *token;
	char *text;
	P11KitUri *uri;
	CK_OBJECT_HANDLE handle; /* under the token's mutex */
	unsigned long epoch;
	int64_t since; /* seconds of a clock that nobody sets */
	bool known;
	struct pk11_key *behind;
};

#define KEY_KNOWN_S 2

enum err pk11_key_new(struct pk11 *p, const char *uri, struct pk11_key **ret, struct fail *f)
{
	struct pk11_key *k = calloc(1, sizeof(*k));
	enum err e = ERR_OK;

	if (!k)
		return fail_set(f, ERR_NO_MEMORY, 0, "PKCS#11");
	k->token = p;
	k->text = strdup(uri);
	k->uri = p11_kit_uri_new();
	if (!k->text || !k->uri) {
		e = fail_set(f, ERR_NO_MEMORY, 0, "PKCS#11");
		goto out;
	}
	int rc = p11_kit_uri_parse(uri, P11_KIT_URI_FOR_ANY, k->uri);
	if (rc != P11_KIT_URI_OK || p11_kit_uri_any_unrecognized(k->uri)) {
		e = fail_set(f, ERR_CONFIG, 0, "key URI: %s",
			     rc == P11_KIT_URI_OK ? "unknown attribute" : p11_kit_uri_message(rc));
		goto out;
	}
	char *query = strchr(k->text, '?'); /* a PIN value is not for texts */
	if (query)
		*query = 0;
	if (!p11_kit_uri_get_attribute(k->uri, CKA_LABEL) && !p11_kit_uri_get_attribute(k->uri, CKA_ID))
		e = fail_set(f, ERR_CONFIG, 0, "%.200s: neither object nor id", k->text);
	else if (!p11_kit_uri_match_token_info(k->uri, &p->info))
		e = fail_set(f, ERR_CONFIG, 0, "%.120s: not a key of token %.80s", k->text, p->describe);
out:
	if (e != ERR_OK) {
		pk11_key_free(k);
		return e;
	}
	*ret = k;
	return ERR_OK;
}

void pk11_key_free(struct pk11_key *k)
{
	if (!k)
		return;
	p11_kit_uri_free(k->uri);
	free(k->text);
	free(k);
}

const char *pk11_key_uri(const struct pk11_key *k)
{
	return k->text;
}

struct generation {
	CK_OBJECT_HANDLE handle;
	unsigned long number;
	bool retired;
};

static int newest_first(const void *a, const void *b)
{
	const struct generation *x = a, *y = b;

	return x->number == y->number ? 0 : x->number > y->number ? -1 : 1;
}

/* generations: all keys of this URI, the newest first. One without a generation stands alone. */
static enum err generations(struct pk11_session *s, struct pk11_key *k, struct generation *ret, size_t *ret_n,
			    struct fail *f)
{
	CK_OBJECT_HANDLE handles[PK11_GENERATIONS];
	CK_ATTRIBUTE template[8];
	CK_ULONG count = 0;
	size_t found = 0;
	CK_ATTRIBUTE *attrs = p11_kit_uri_get_attributes(k->uri, &count);
	enum err e;

	if (count > ARRAY_LEN(template))
		return fail_set(f, ERR_CONFIG, 0, "%.200s: too many attributes", k->text);
	memcpy(template, attrs, count * sizeof(template[0]));
	e = pk11_find(s, template, count, handles, PK11_GENERATIONS, &found, f);
	if (e != ERR_OK)
		return e;
	for (size_t i = 0; i < found && found <= PK11_GENERATIONS; i++) {
		ret[i] = (struct generation){ .handle = handles[i], .number = 1 };
		if (found > 1 && !pk11_key_facts(s, handles[i], &ret[i].number, &ret[i].retired))
			found = PK11_GENERATIONS + 1;
	}
	if (found == 0 || found > PK11_GENERATIONS)
		return fail_set(f, ERR_KEY_MISSING, 0, "%.160s: %s in %.64s", k->text,
				found ? "several keys" : "no such key", k->token->describe);
	qsort(ret, found, sizeof(*ret), newest_first);
	*ret_n = found;
	return ERR_OK;
}

void pk11_key_behind(struct pk11_key *k, struct pk11_key *older)
{
	k->behind = older;
}

enum err pk11_key_older(struct pk11_session *s, struct pk11_key *k, size_t i, CK_OBJECT_HANDLE *ret, struct fail *f)
{
	struct generation all[PK11_GENERATIONS];
	size_t n = 0;
	enum err e = generations(s, k, all, &n, f);

	if (e == ERR_OK && i >= n && k->behind)
		return pk11_key_older(s, k->behind, i - n, ret, f);
	if (e == ERR_OK && i >= n)
		e = fail_set(f, ERR_KEY_MISSING, 0, "%.160s: %zu generations", k->text, n);
	if (e == ERR_OK)
		*ret = all[i].handle;
	return e;
}

enum err pk11_key_handle(struct pk11_session *s, struct pk11_key *k, CK_OBJECT_HANDLE *ret, struct fail *f)
{
	struct generation all[PK11_GENERATIONS];
	size_t n = 0, at = 0;
	int64_t now = steady_ms() / 1000;

	pthread_mutex_lock(&k->token->mutex);
	unsigned long epoch = k->token->epoch;
	bool known = k->known && k->epoch == epoch && now - k->since < KEY_KNOWN_S;
	if (known)
		*ret = k->handle;
	pthread_mutex_unlock(&k->token->mutex);
	if (known)
		return ERR_OK;
	enum err e = generations(s, k, all, &n, f);
	if (e != ERR_OK)
		return e;
	while (n > 1 && at < n && all[at].retired)
		at++;
	if (at == n)
		return fail_set(f, ERR_KEY_MISSING, 0, "%.160s: all generations are retired", k->text);
	pthread_mutex_lock(&k->token->mutex);
	k->handle = all[at].handle;
	k->epoch = epoch;
	k->since = now;
	k->known = true;
	pthread_mutex_unlock(&k->token->mutex);
	*ret = all[at].handle;
	return ERR_OK;
}

enum err pk11_find(struct pk11_session *s, CK_ATTRIBUTE *template, CK_ULONG count, CK_OBJECT_HANDLE *ret, size_t room,
		   size_t *ret_count, struct fail *f)
{
	CK_OBJECT_HANDLE some[16];
	size_t found = 0;
	CK_RV rv = s->f->C_FindObjectsInit(s->handle, template, count);

	if (rv != CKR_OK)
		return pk11_fail(f, rv, "C_FindObjectsInit");
	while (found <= room) {
		CK_ULONG n = 0;
		rv = s->f->C_FindObjects(s->handle, some, ARRAY_LEN(some), &n);
		if (rv != CKR_OK || n == 0)
			break;
		for (CK_ULONG i = 0; i < n; i++, found++)
			if (found < room)
				ret[found] = some[i];
	}
	s->f->C_FindObjectsFinal(s->handle);
	if (rv != CKR_OK)
		return pk11_fail(f, rv, "C_FindObjects");
	*ret_count = found <= room ? found : room + 1;
	return ERR_OK;
}

enum err pk11_find_one(struct pk11_session *s, CK_ATTRIBUTE *template, CK_ULONG count, CK_OBJECT_HANDLE *ret,
		       struct fail *f)
{
	CK_OBJECT_HANDLE handle = 0;
	size_t found = 0;
	enum err e = pk11_find(s, template, count, &handle, 1, &found, f);

	if (e != ERR_OK)
		return e;
	if (found != 1)
		return fail_set(f, ERR_KEY_MISSING, 0, "%s in %.64s", found ? "several such keys" : "no such key",
				s->token->describe);
	*ret = handle;
	return ERR_OK;
}

enum err pk11_attribute(struct pk11_session *s, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, struct buf *ret,
			struct fail *f)
{
	CK_ATTRIBUTE a = { .type = type };
	CK_RV rv = s->f->C_GetAttributeValue(s->handle, object, &a, 1);
	enum err e = ERR_OK;

	if (rv != CKR_OK)
		return pk11_fail(f, rv, "C_GetAttributeValue");
	if (a.ulValueLen > ATTRIBUTE_MAX)
		return fail_set(f, ERR_TOKEN, 0, "C_GetAttributeValue: %lu bytes", a.ulValueLen);
	a.pValue = malloc(a.ulValueLen + 1);
	if (!a.pValue)
		return fail_set(f, ERR_NO_MEMORY, 0, "PKCS#11");
	rv = s->f->C_GetAttributeValue(s->handle, object, &a, 1);
	if (rv != CKR_OK)
		e = pk11_fail(f, rv, "C_GetAttributeValue");
	else
		buf_put(ret, a.pValue, a.ulValueLen);
	free(a.pValue);
	if (e == ERR_OK && !buf_ok(ret))
		e = fail_set(f, ERR_NO_MEMORY, 0, "PKCS#11");
	return e;
}
