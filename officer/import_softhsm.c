/* SPDX-License-Identifier: BSD-2-Clause */
#include "import.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "softhsm.h"

#define PATH_ROOM 4096

struct from_softhsm {
	char folder[PATH_ROOM];
	struct secret key;
	struct dirent **files;
	int count;
	int at;
};

/* What a token.object says. */
struct token_file {
	char label[33];
	uint8_t record[128];
	size_t record_len;
};

static enum err token_attr(void *ctx, const struct softhsm_attr *a, struct fail *f)
{
	struct token_file *t = ctx;

	if (a->type == SOFTHSM_LABEL && a->kind == SOFTHSM_BYTES) {
		size_t n = a->value.n < sizeof(t->label) ? a->value.n : sizeof(t->label) - 1;

		memcpy(t->label, a->value.p, n);
		while (n > 0 && t->label[n - 1] == ' ')
			n--;
		t->label[n] = 0;
	} else if (a->type == SOFTHSM_USER_PIN && a->kind == SOFTHSM_BYTES && a->value.n <= sizeof(t->record)) {
		memcpy(t->record, a->value.p, a->value.n);
		t->record_len = a->value.n;
	}
	return ERR_OK;
}

static bool join(char path[PATH_ROOM], const char *dir, const char *name)
{
	int n = snprintf(path, PATH_ROOM, "%s/%s", dir, name);

	return n > 0 && n < PATH_ROOM;
}

static enum err token_read(const char *folder, struct token_file *ret, struct fail *f)
{
	char path[PATH_ROOM];
	SECRET_AUTO file = { 0 };
	enum err e;

	*ret = (struct token_file){ 0 };
	if (!join(path, folder, "token.object"))
		return fail_set(f, ERR_TOO_LARGE, 0, "%.160s: too long a path", folder);
	e = softhsm_read(path, &file, f);
	return e == ERR_OK ? softhsm_each(secret_view(&file), path, token_attr, ret, f) : e;
}

static int is_folder(const struct dirent *e)
{
	return e->d_name[0] != '.';
}

static int is_object(const struct dirent *e)
{
	size_t n = strlen(e->d_name);

	return n > 7 && !strcmp(e->d_name + n - 7, ".object") && strcmp(e->d_name, "token.object") != 0;
}

static void free_names(struct dirent **names, int n)
{
	for (int i = 0; i < n; i++)
		free(names[i]);
	free(names);
}

/* find_token: the folder of the token with this label. */
static enum err find_token(const char *dir, const char *label, char ret_folder[PATH_ROOM], struct token_file *ret,
			   struct fail *f)
{
	struct dirent **names = NULL;
	int n = scandir(dir, &names, is_folder, alphasort), found = 0;

	if (n < 0)
		return fail_set(f, ERR_CONFIG, 0, "%.160s: %s", dir, strerror(errno));
	for (int i = 0; i < n; i++) {
		struct token_file token;
		char folder[PATH_ROOM];
		struct fail other = { 0 };

		if (!join(folder, dir, names[i]->d_name) || token_read(folder, &token, &other) != ERR_OK ||
		    (label && strcmp(label, token.label) != 0))
			continue;
		found++;
		*ret = token;
		snprintf(ret_folder, PATH_ROOM, "%s", folder);
	}
	free_names(names, n);
	if (found == 1)
		return ERR_OK;
	return fail_set(f, ERR_CONFIG, 0,
			found ? "%.120s holds several tokens%s: say which by --softhsm-token LABEL"
			      : "%.120s holds no token of SoftHSMv2%s",
			dir, label ? " of this label" : "");
}

/* struct taking: an object file on its way into a struct import_object. */
struct taking {
	const struct secret *key;
	struct import_object *o;
	bool private;
	bool first; /* the round that looks for CKA_PRIVATE and CKA_CLASS alone: all else depends on them */
	CK_OBJECT_CLASS class;
};

static enum err take_bytes(struct taking *t, const struct softhsm_attr *a, struct fail *f)
{
	SECRET_AUTO plain = { 0 };
	struct view value = a->value;

	if (t->private && value.n > 0) {
		enum err e = softhsm_open(t->key, value, &plain, f);

		if (e != ERR_OK)
			return e;
		value = secret_view(&plain);
	}
	return import_object_add(t->o, a->type, value, f);
}

static enum err take_mechanisms(struct taking *t, const struct softhsm_attr *a, struct fail *f)
{
	CK_MECHANISM_TYPE list[64];
	size_t n = a->value.n / 8;

	if (n > ARRAY_LEN(list))
		return fail_set(f, ERR_TOO_LARGE, 0, "CKA_ALLOWED_MECHANISMS with %zu mechanisms", n);
	for (size_t i = 0; i < n; i++)
		list[i] = be_get64(a->value.p + 8 * i);
	return import_object_add(t->o, a->type, VIEW(list, n * sizeof(list[0])), f);
}

static enum err take(void *ctx, const struct softhsm_attr *a, struct fail *f)
{
	struct taking *t = ctx;
	CK_ULONG number = a->kind == SOFTHSM_NUMBER ? be_get64(a->value.p) : 0;
	CK_BBOOL yes = a->kind == SOFTHSM_BOOL && a->value.p[0] ? CK_TRUE : CK_FALSE;

	if (t->first) {
		if (a->type == CKA_PRIVATE)
			t->private = yes == CK_TRUE;
		if (a->type == CKA_CLASS && a->kind == SOFTHSM_NUMBER)
			t->class = number;
		return ERR_OK;
	}
	if (a->type != CKA_CLASS && !import_row_of(t->class, a->type))
		return ERR_OK;
	switch (a->kind) {
	case SOFTHSM_BOOL:
		return import_object_add(t->o, a->type, VIEW(&yes, sizeof(yes)), f);
	case SOFTHSM_NUMBER:
		return import_object_add(t->o, a->type, VIEW(&number, sizeof(number)), f);
	case SOFTHSM_MECHANISMS:
		return take_mechanisms(t, a, f);
	case SOFTHSM_BYTES:
		return take_bytes(t, a, f);
	default:
		return ERR_OK;
	}
}

static enum err next(void *ctx, struct import_object *ret, bool *ret_end, struct fail *f)
{
	struct from_softhsm *t = ctx;
	struct taking taking = { .key = &t->key, .o = ret, .first = true, .class = CK_UNAVAILABLE_INFORMATION };
	char path[PATH_ROOM];
	SECRET_AUTO file = { 0 };
	struct fail why = { 0 };
	enum err e;

	if (t->at == t->count) {
		*ret_end = true;
		return ERR_OK;
	}
	const char *name = t->files[t->at++]->d_name;
	if (!join(path, t->folder, name))
		return fail_set(f, ERR_TOO_LARGE, 0, "%.160s: too long a path", t->folder);
	e = softhsm_read(path, &file, &why);
	if (e == ERR_OK)
		e = softhsm_each(secret_view(&file), name, take, &taking, &why);
	taking.first = false;
	if (e == ERR_OK)
		e = softhsm_each(secret_view(&file), name, take, &taking, &why);
	if (e == ERR_OK)
		e = import_object_name(ret, &why);
	if (e == ERR_NO_MEMORY)
		return fail_set(f, e, 0, "%s", why.text);
	/* A file that is damaged stays; the others come. */
	if (e != ERR_OK) {
		import_object_done(ret);
		snprintf(ret->name, sizeof(ret->name), "%.120s", name);
		snprintf(ret->stays, sizeof(ret->stays), "%.190s", why.text);
	} else if (!import_class_known(ret->class)) {
		snprintf(ret->stays, sizeof(ret->stays), "objects of this class are the token's own");
	}
	return ERR_OK;
}

static void done(void *ctx)
{
	struct from_softhsm *t = ctx;

	if (!t)
		return;
	free_names(t->files, t->count);
	secret_done(&t->key);
	free(t);
}

enum err import_from_softhsm(const char *dir, const char *label, const struct secret *pin, struct import_source *ret,
			     struct fail *f)
{
	struct from_softhsm *t = calloc(1, sizeof(*t));
	struct token_file token = { 0 };
	enum err e = t ? find_token(dir, label, t->folder, &token, f) : fail_set(f, ERR_NO_MEMORY, 0, "import");

	if (e == ERR_OK && token.record_len == 0)
		e = fail_set(f, ERR_CONFIG, 0, "%.120s: its user has no PIN, so that it holds no private object",
			     t->folder);
	if (e == ERR_OK)
		e = softhsm_key(VIEW(token.record, token.record_len), pin, &t->key, f);
	if (e == ERR_OK) {
		t->count = scandir(t->folder, &t->files, is_object, alphasort);
		if (t->count < 0) {
			t->count = 0;
			e = fail_set(f, ERR_IO, 0, "%.160s: %s", t->folder, strerror(errno));
		}
	}
	if (e != ERR_OK) {
		done(t);
		return e;
	}
	*ret = (struct import_source){ .ctx = t, .next = next, .done = done };
	return ERR_OK;
}
