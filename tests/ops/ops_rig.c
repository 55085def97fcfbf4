/* SPDX-License-Identifier: BSD-2-Clause */
#include "ops_rig.h"

#include <p11-kit/p11-kit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "temp.h"
#include "vendor.h"

#define SO_PIN "73519462"
#define TEXT(s) (CK_UTF8CHAR_PTR)(uintptr_t)(s), (CK_ULONG)strlen(s)
#define must(call) ck_assert_uint_eq((call), CKR_OK)

char rig_dir[128];
static char pin_path[160];
static struct fail fail_room;

struct fail *rig_fail(void)
{
	fail_room = (struct fail){ 0 };
	return &fail_room;
}

const char *rig_said(void)
{
	static char text[400];

	snprintf(text, sizeof(text), "%s: %s", err_name(fail_room.code), fail_room.text);
	return text;
}

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	ck_assert_ptr_nonnull(file);
	ck_assert_int_ge(fputs(text, file), 0);
	ck_assert_int_eq(fclose(file), 0);
	ck_assert_int_eq(chmod(path, 0600), 0);
}

void rig_begin(void)
{
	char path[192], conf[300];

	temp_dir(rig_dir);
	snprintf(path, sizeof(path), "%s/tokens", rig_dir);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	setenv("STRONGROOM_TOKEN_DIR", path, 1);
	setenv("STRONGROOM_CONF", "/dev/null", 1);
	snprintf(path, sizeof(path), "%s/soft", rig_dir);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	snprintf(conf, sizeof(conf), "directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\n",
		 path);
	snprintf(path, sizeof(path), "%s/softhsm2.conf", rig_dir);
	write_file(path, conf);
	setenv("SOFTHSM2_CONF", path, 1);
	snprintf(pin_path, sizeof(pin_path), "%s/pin", rig_dir);
	write_file(pin_path, RIG_PIN "\n");
}

void rig_end(void)
{
	temp_remove(rig_dir);
}

static const char *module_path(enum rig_module module)
{
	const char *path = getenv(module == RIG_SOFTHSM ? "SOFTHSM_MODULE" : "STRONGROOM_MODULE");

	ck_assert_ptr_nonnull(path);
	return path;
}

bool rig_has_softhsm(void)
{
	struct stat st;
	const char *path = getenv("SOFTHSM_MODULE");

	return path && stat(path, &st) == 0;
}

static CK_FUNCTION_LIST *module_open(enum rig_module module)
{
	CK_FUNCTION_LIST *f = p11_kit_module_load(module_path(module), 0);

	ck_assert_msg(f != NULL, "%s", p11_kit_message());
	must(p11_kit_module_initialize(f));
	return f;
}

static void module_close(CK_FUNCTION_LIST *f)
{
	must(p11_kit_module_finalize(f));
	p11_kit_module_release(f);
}

/* slot_of: of the token with this label; NULL: of the one that is not initialised. */
static CK_SLOT_ID slot_of(CK_FUNCTION_LIST *f, const char *label)
{
	CK_SLOT_ID slots[32];
	CK_ULONG n = ARRAY_LEN(slots);
	char padded[33];

	snprintf(padded, sizeof(padded), "%-32s", label ? label : "");
	must(f->C_GetSlotList(CK_TRUE, slots, &n));
	for (CK_ULONG i = 0; i < n; i++) {
		CK_TOKEN_INFO info;
		must(f->C_GetTokenInfo(slots[i], &info));
		bool made = info.flags & CKF_TOKEN_INITIALIZED;
		if (label ? made && !memcmp(info.label, padded, 32) : !made)
			return slots[i];
	}
	ck_abort_msg("no slot for %s", label ? label : "a new token");
	return 0;
}

/* relax: the policy of a strongroom token, in a session of its SO. */
static void relax(CK_FUNCTION_LIST *f, CK_SESSION_HANDLE s, const char *names)
{
	CK_OBJECT_CLASS class = CKO_SR_POLICY;
	CK_ATTRIBUTE find = { CKA_CLASS, &class, sizeof(class) };
	CK_ATTRIBUTE set = { CKA_SR_POLICY, (void *)(uintptr_t)names, strlen(names) };
	CK_OBJECT_HANDLE policy = 0;
	CK_ULONG count = 0;

	must(f->C_FindObjectsInit(s, &find, 1));
	must(f->C_FindObjects(s, &policy, 1, &count));
	must(f->C_FindObjectsFinal(s));
	ck_assert_uint_eq(count, 1);
	must(f->C_SetAttributeValue(s, policy, &set, 1));
}

void rig_relax(const char *label, const char *names)
{
	CK_FUNCTION_LIST *f = module_open(RIG_STRONGROOM);
	CK_SESSION_HANDLE s;

	must(f->C_OpenSession(slot_of(f, label), CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &s));
	must(f->C_Login(s, CKU_SO, TEXT(SO_PIN)));
	relax(f, s, names);
	must(f->C_Logout(s));
	must(f->C_CloseSession(s));
	module_close(f);
}

void rig_token(enum rig_module module, const char *label)
{
	CK_FUNCTION_LIST *f = module_open(module);
	CK_SLOT_ID slot = slot_of(f, NULL);
	CK_SESSION_HANDLE s;
	CK_UTF8CHAR padded[33];

	snprintf((char *)padded, sizeof(padded), "%-32s", label);
	must(f->C_InitToken(slot, TEXT(SO_PIN), padded));
	slot = slot_of(f, label);
	must(f->C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &s));
	must(f->C_Login(s, CKU_SO, TEXT(SO_PIN)));
	must(f->C_InitPIN(s, TEXT(RIG_PIN)));
	if (module == RIG_STRONGROOM)
		relax(f, s, RIG_RELAXED);
	must(f->C_Logout(s));
	must(f->C_CloseSession(s));
	module_close(f);
}

/* Component a is a ramp, component b a pattern by name; both with odd DES parity where it matters. */
static void components(const char *name, uint8_t a[32], uint8_t b[32], uint8_t sum[32])
{
	uint8_t twist = (uint8_t)(name[0] * 7 + strlen(name));
	bool tdes = strchr(name, '-') != NULL;

	for (unsigned i = 0; i < 32; i++) {
		a[i] = (uint8_t)(0x13 + 29 * i + twist);
		b[i] = (uint8_t)((0xa7 ^ (i * 73)) + 3 * twist);
		if (tdes) {
			if (!(__builtin_popcount(a[i]) & 1))
				a[i] ^= 1;
			if (!(__builtin_popcount(b[i]) & 1))
				b[i] ^= 1;
		}
		sum[i] = a[i] ^ b[i];
		if (tdes && !(__builtin_popcount(sum[i]) & 1))
			sum[i] ^= 1;
	}
}

static size_t length_of(const char *name)
{
	return strchr(name, '-') ? 24 : 32;
}

struct view rig_value(const char *name)
{
	static uint8_t turns[4][32];
	static unsigned turn;
	uint8_t a[32], b[32];
	uint8_t *sum = turns[turn++ % 4];

	components(name, a, b, sum);
	return VIEW(sum, length_of(name));
}

static const char *const names[] = { "PK", "MAK", "PK-T", "MAK-T", "FPK" };

static void enter(CK_FUNCTION_LIST *f, CK_SESSION_HANDLE s, const char *name, unsigned k)
{
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_KEY_TYPE type = strchr(name, '-') ? CKK_DES3 : CKK_AES;
	CK_BBOOL yes = CK_TRUE;
	uint8_t part[2][32], sum[32];
	char label[40];
	CK_OBJECT_HANDLE h;

	components(name, part[0], part[1], sum);
	snprintf(label, sizeof(label), "%s#%u/2", name, k);
	CK_ATTRIBUTE t[] = {
		{ CKA_CLASS, &class, sizeof(class) },
		{ CKA_KEY_TYPE, &type, sizeof(type) },
		{ CKA_TOKEN, &yes, sizeof(yes) },
		{ CKA_LABEL, label, strlen(label) },
		{ CKA_VALUE, part[k - 1], length_of(name) },
	};
	must(f->C_CreateObject(s, t, ARRAY_LEN(t), &h));
}

static void combine(CK_FUNCTION_LIST *f, CK_SESSION_HANDLE s, const char *name)
{
	CK_MECHANISM m = { CKM_SR_COMPONENT_COMBINE, NULL, 0 };
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_KEY_TYPE type = strchr(name, '-') ? CKK_DES3 : CKK_AES;
	CK_BBOOL yes = CK_TRUE;
	CK_ULONG length = length_of(name);
	CK_OBJECT_HANDLE h;
	CK_ATTRIBUTE t[] = {
		{ CKA_CLASS, &class, sizeof(class) },       { CKA_KEY_TYPE, &type, sizeof(type) },
		{ CKA_TOKEN, &yes, sizeof(yes) },           { CKA_LABEL, (void *)(uintptr_t)name, strlen(name) },
		{ CKA_VALUE_LEN, &length, sizeof(length) },
	};
	must(f->C_GenerateKey(s, &m, t, type == CKK_AES ? 5 : 4, &h));
}

void rig_role_keys(const char *label)
{
	static const char *const first[] = { "anna:11111111", "bert:22222222" };
	static const char *const second[] = { "anna:33333333", "bert:44444444" };
	CK_FUNCTION_LIST *f = module_open(RIG_STRONGROOM);
	CK_SESSION_HANDLE s;

	must(f->C_OpenSession(slot_of(f, label), CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &s));
	must(f->C_Login(s, CKU_SO, TEXT(SO_PIN)));
	for (unsigned i = 0; i < 2; i++)
		must(f->C_InitPIN(s, TEXT(first[i])));
	must(f->C_Logout(s));
	for (unsigned i = 0; i < 2; i++) {
		must(f->C_Login(s, CKU_USER, TEXT(first[i])));
		must(f->C_SetPIN(s, TEXT(first[i]), TEXT(second[i])));
		for (unsigned k = 0; k < ARRAY_LEN(names); k++)
			enter(f, s, names[k], i + 1);
		if (i == 1)
			for (unsigned k = 0; k < ARRAY_LEN(names); k++)
				combine(f, s, names[k]);
		must(f->C_Logout(s));
	}
	must(f->C_CloseSession(s));
	module_close(f);
}

static void plain(CK_FUNCTION_LIST *f, CK_SESSION_HANDLE s, const char *name)
{
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_KEY_TYPE type = strchr(name, '-') ? CKK_DES3 : CKK_AES;
	CK_BBOOL yes = CK_TRUE, no = CK_FALSE, wraps = name[0] != 'M', signs = !wraps;
	struct view value = rig_value(name);
	char label[40];
	CK_OBJECT_HANDLE h;

	snprintf(label, sizeof(label), "p%s", name);
	CK_ATTRIBUTE t[] = {
		{ CKA_CLASS, &class, sizeof(class) }, { CKA_KEY_TYPE, &type, sizeof(type) },
		{ CKA_TOKEN, &yes, sizeof(yes) },     { CKA_PRIVATE, &yes, sizeof(yes) },
		{ CKA_SENSITIVE, &yes, sizeof(yes) }, { CKA_EXTRACTABLE, &no, sizeof(no) },
		{ CKA_LABEL, label, strlen(label) },  { CKA_VALUE, (void *)(uintptr_t)value.p, value.n },
		{ CKA_WRAP, &wraps, sizeof(wraps) },  { CKA_UNWRAP, &wraps, sizeof(wraps) },
		{ CKA_SIGN, &signs, sizeof(signs) },  { CKA_VERIFY, &signs, sizeof(signs) },
	};
	must(f->C_CreateObject(s, t, ARRAY_LEN(t), &h));
}

void rig_plain_keys(enum rig_module module, const char *label, bool aes_only)
{
	CK_FUNCTION_LIST *f = module_open(module);
	CK_SESSION_HANDLE s;

	must(f->C_OpenSession(slot_of(f, label), CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &s));
	must(f->C_Login(s, CKU_USER, TEXT(RIG_PIN)));
	for (unsigned i = 0; i < ARRAY_LEN(names); i++)
		if (!aes_only || length_of(names[i]) == 32)
			plain(f, s, names[i]);
	must(f->C_Logout(s));
	must(f->C_CloseSession(s));
	module_close(f);
}

const char *rig_uri(enum rig_module module, const char *label)
{
	static char turns[4][800];
	static unsigned turn;
	char *uri = turns[turn++ % 4];

	snprintf(uri, sizeof(turns[0]), "pkcs11:token=%s?module-path=%s&pin-source=%s", label, module_path(module),
		 pin_path);
	return uri;
}

struct pk11 *rig_open(enum rig_module module, const char *label)
{
	struct pk11 *p = NULL;

	ok(pk11_open(rig_uri(module, label), NULL, &p, rig_fail()));
	return p;
}

struct pk11_key *rig_key(struct pk11 *p, const char *uri)
{
	struct pk11_key *k = NULL;

	ok(pk11_key_new(p, uri, &k, rig_fail()));
	return k;
}

int rig_run(Suite *s)
{
	SRunner *r = srunner_create(s);

	srunner_set_fork_status(r, CK_NOFORK);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
