/* SPDX-License-Identifier: BSD-2-Clause */
#include "ck.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kms_rig.h"
#include "kms_rig_own.h"
#include "pg_server.h"
#include "temp.h"
#include "vendor.h"
#include "vendor_functions.h"

#define SO_PIN "87654321"
#define USER_PIN "12345678"

static const char *const token_names[] = { "HSM1", "HSM2", "POS" };

/* The payment keys of both HSMs: two components each; other: only in HSM 1. */
static const struct rig_key {
	const char *label;
	CK_KEY_TYPE type;
	CK_ULONG length;
	uint8_t seed;
	bool other;
} rig_keys[] = {
	{ "PK", CKK_AES, 32, 0x10, false },       { "MAK", CKK_AES, 32, 0x20, false },
	{ "PK-TDES", CKK_DES3, 24, 0x30, false }, { "MAK-TDES", CKK_DES3, 24, 0x40, false },
	{ "PK-OTHER", CKK_AES, 32, 0x50, true },  { "MAK-OTHER", CKK_AES, 32, 0x60, true },
};

void rig_die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	abort();
}

static bool softhsm(void)
{
	return getenv("RIG_SOFTHSM") != NULL;
}

bool rig_suite_1(void)
{
	return !softhsm();
}

static const char *env(const char *name)
{
	const char *value = getenv(name);

	if (!value)
		rig_die("%s is not set", name);
	return value;
}

static const char *module_path(void)
{
	return softhsm() ? env("RIG_SOFTHSM") : env("STRONGROOM_MODULE");
}

#define CK(call)                                                                                                       \
	do {                                                                                                           \
		CK_RV rv_ = (call);                                                                                    \
		if (rv_ != CKR_OK)                                                                                     \
			rig_die("%s:%d: %s: 0x%lx", __FILE__, __LINE__, #call, rv_);                                   \
	} while (0)

static CK_SESSION_HANDLE fresh_token(CK_FUNCTION_LIST *f, const char *label)
{
	CK_SLOT_ID slots[16];
	CK_ULONG count = ARRAY_LEN(slots);
	CK_TOKEN_INFO info;
	CK_UTF8CHAR padded[32];
	CK_SESSION_HANDLE s = 0;

	memset(padded, ' ', sizeof(padded));
	memcpy(padded, label, strlen(label));
	CK(f->C_GetSlotList(CK_TRUE, slots, &count));
	for (CK_ULONG i = 0; i < count; i++) {
		CK(f->C_GetTokenInfo(slots[i], &info));
		if (info.flags & CKF_TOKEN_INITIALIZED)
			continue;
		CK(f->C_InitToken(slots[i], (CK_UTF8CHAR_PTR)SO_PIN, strlen(SO_PIN), padded));
		/* Some modules give the token another slot; strongroom keeps it until C_Finalize. */
		count = ARRAY_LEN(slots);
		CK(f->C_GetSlotList(CK_TRUE, slots, &count));
		for (CK_ULONG j = 0; j < count; j++) {
			CK(f->C_GetTokenInfo(slots[j], &info));
			if (memcmp(info.label, padded, sizeof(padded)) != 0)
				continue;
			CK(f->C_OpenSession(slots[j], CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &s));
			return s;
		}
	}
	rig_die("no free slot for %s", label);
	return 0;
}

static void component(CK_FUNCTION_LIST *f, CK_SESSION_HANDLE s, const struct rig_key *key, unsigned k, bool whole)
{
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_KEY_TYPE type = key->type;
	CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
	char label[40];
	uint8_t value[32];
	CK_OBJECT_HANDLE h;

	snprintf(label, sizeof(label), whole ? "%s" : "%s#%u/2", key->label, k);
	for (size_t i = 0; i < key->length; i++) {
		uint8_t v = (uint8_t)(key->seed + 7 * i * k + k);

		/* odd parity, for a module that takes whole keys; components may have any */
		value[i] = whole ? (uint8_t)((v & 0xfe) | (__builtin_parity(v & 0xfe) ? 0 : 1)) : v;
	}
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &class, sizeof(class) }, { CKA_KEY_TYPE, &type, sizeof(type) },
			     { CKA_TOKEN, &yes, sizeof(yes) },     { CKA_VALUE, value, key->length },
			     { CKA_LABEL, label, strlen(label) },  { CKA_PRIVATE, &yes, sizeof(yes) },
			     { CKA_SENSITIVE, &yes, sizeof(yes) }, { CKA_EXTRACTABLE, &no, sizeof(no) },
			     { CKA_ENCRYPT, &yes, sizeof(yes) },   { CKA_DECRYPT, &yes, sizeof(yes) },
			     { CKA_WRAP, &yes, sizeof(yes) },      { CKA_UNWRAP, &yes, sizeof(yes) },
			     { CKA_SIGN, &yes, sizeof(yes) },      { CKA_VERIFY, &yes, sizeof(yes) } };

	CK(f->C_CreateObject(s, t, ARRAY_LEN(t), &h));
}

static void combine(CK_FUNCTION_LIST *f, CK_SESSION_HANDLE s, const struct rig_key *key)
{
	CK_MECHANISM m = { CKM_SR_COMPONENT_COMBINE, NULL, 0 };
	CK_KEY_TYPE type = key->type;
	CK_BBOOL yes = CK_TRUE;
	CK_ULONG length = key->length;
	CK_OBJECT_HANDLE h;
	CK_ATTRIBUTE t[] = { { CKA_KEY_TYPE, &type, sizeof(type) },
			     { CKA_TOKEN, &yes, sizeof(yes) },
			     { CKA_VALUE_LEN, &length, sizeof(length) },
			     { CKA_LABEL, (void *)key->label, strlen(key->label) } };

	CK(f->C_GenerateKey(s, &m, t, ARRAY_LEN(t), &h));
}

static void login(CK_FUNCTION_LIST *f, CK_SESSION_HANDLE s, CK_USER_TYPE who, const char *pin)
{
	CK(f->C_Login(s, who, (CK_UTF8CHAR_PTR)pin, strlen(pin)));
}

/* Two custodians, each with a component of every key; R1.3. later: a next generation, of other values. */
static void ceremony(CK_FUNCTION_LIST *f, CK_SESSION_HANDLE s, bool other, bool later)
{
	static const char *const first[] = { "anna:11111111", "bert:22222222" };
	static const char *const own[] = { "anna:33333333", "bert:44444444" };

	for (unsigned c = 0; c < 2; c++) {
		if (!later) {
			login(f, s, CKU_USER, first[c]);
			CK(f->C_SetPIN(s, (CK_UTF8CHAR_PTR)first[c], strlen(first[c]), (CK_UTF8CHAR_PTR)own[c],
				       strlen(own[c])));
			CK(f->C_Logout(s));
		}
		login(f, s, CKU_USER, own[c]);
		for (size_t i = 0; i < ARRAY_LEN(rig_keys); i++) {
			struct rig_key key = rig_keys[i];

			key.seed += later ? RIG_LATER_SEED : 0;
			if (other || !key.other)
				component(f, s, &key, c + 1, false);
		}
		CK(f->C_Logout(s));
	}
	login(f, s, CKU_USER, USER_PIN);
	for (size_t i = 0; i < ARRAY_LEN(rig_keys); i++)
		if (other || !rig_keys[i].other)
			combine(f, s, &rig_keys[i]);
	CK(f->C_Logout(s));
}

static void token_make(CK_FUNCTION_LIST *f, unsigned which)
{
	CK_SESSION_HANDLE s;

	CK(f->C_Initialize(NULL));
	s = fresh_token(f, token_names[which]);
	login(f, s, CKU_SO, SO_PIN);
	CK(f->C_InitPIN(s, (CK_UTF8CHAR_PTR)USER_PIN, strlen(USER_PIN)));
	if (which < 2 && !softhsm()) {
		CK(f->C_InitPIN(s, (CK_UTF8CHAR_PTR) "anna:11111111", 13));
		CK(f->C_InitPIN(s, (CK_UTF8CHAR_PTR) "bert:22222222", 13));
	}
	CK(f->C_Logout(s));
	if (which < 2 && !softhsm()) {
		ceremony(f, s, which == 0, false);
	} else if (which < 2) {
		login(f, s, CKU_USER, USER_PIN);
		for (size_t i = 0; i < ARRAY_LEN(rig_keys); i++)
			if (which == 0 || !rig_keys[i].other)
				component(f, s, &rig_keys[i], 1, true);
	}
	CK(f->C_Finalize(NULL));
}

static void tokens_make(const char *folder)
{
	void *library = dlopen(module_path(), RTLD_NOW | RTLD_LOCAL);
	CK_C_GetFunctionList get = library ? (CK_C_GetFunctionList)dlsym(library, "C_GetFunctionList") : NULL;
	CK_FUNCTION_LIST *f;

	if (!get)
		rig_die("cannot load %s: %s", module_path(), dlerror());
	if (mkdir(folder, 0700) < 0)
		rig_die("mkdir %s", folder);
	setenv("STRONGROOM_TOKEN_DIR", folder, 1);
	CK(get(&f));
	for (unsigned i = 0; i < ARRAY_LEN(token_names); i++)
		token_make(f, i);
	dlclose(library);
}

static void tokens(struct rig *r)
{
	char path[400];

	snprintf(path, sizeof(path), "%s/tokens", r->dir);
	if (softhsm()) {
		char text[500], conf[400];

		snprintf(text, sizeof(text), "directories.tokendir = %s\nlog.level = ERROR\n", path);
		rig_write(r, "softhsm2.conf", text, strlen(text));
		snprintf(conf, sizeof(conf), "%s/softhsm2.conf", r->dir);
		setenv("SOFTHSM2_CONF", conf, 1);
		tokens_make(path);
	} else {
		rig_kept(module_path(), path, tokens_make);
		setenv("STRONGROOM_TOKEN_DIR", path, 1);
	}
	rig_write(r, "pin", USER_PIN "\n", strlen(USER_PIN) + 1);
	for (unsigned i = 0; i < ARRAY_LEN(token_names); i++)
		snprintf(r->uri[i], sizeof(r->uri[i]), "pkcs11:token=%s?module-path=%s&pin-source=%s/pin",
			 token_names[i], module_path(), r->dir);
}

/* What changes a token happens in a process of its own: a login is one for all of a process. */
static CK_FUNCTION_LIST *apart_open(unsigned which, CK_SESSION_HANDLE *ret_session, void **ret_library)
{
	void *library = dlopen(module_path(), RTLD_NOW | RTLD_LOCAL);
	CK_C_GetFunctionList get = library ? (CK_C_GetFunctionList)dlsym(library, "C_GetFunctionList") : NULL;
	CK_FUNCTION_LIST *f;
	CK_SLOT_ID slots[16];
	CK_ULONG count = ARRAY_LEN(slots);
	CK_TOKEN_INFO info;
	size_t n = strlen(token_names[which]);

	if (!get)
		rig_die("cannot load %s: %s", module_path(), dlerror());
	CK(get(&f));
	CK(f->C_Initialize(NULL));
	CK(f->C_GetSlotList(CK_TRUE, slots, &count));
	for (CK_ULONG i = 0; i < count; i++) {
		CK(f->C_GetTokenInfo(slots[i], &info));
		if (memcmp(info.label, token_names[which], n) != 0 || info.label[n] != ' ')
			continue;
		CK(f->C_OpenSession(slots[i], CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, ret_session));
		*ret_library = library;
		return f;
	}
	rig_die("no token %s", token_names[which]);
	return NULL;
}

static CK_OBJECT_HANDLE generation_of(CK_FUNCTION_LIST *f, CK_SESSION_HANDLE s, const char *label, CK_ULONG number)
{
	CK_ATTRIBUTE t = { CKA_LABEL, (void *)(uintptr_t)label, strlen(label) };
	CK_OBJECT_HANDLE found[16];
	CK_ULONG n = 0;

	CK(f->C_FindObjectsInit(s, &t, 1));
	CK(f->C_FindObjects(s, found, ARRAY_LEN(found), &n));
	CK(f->C_FindObjectsFinal(s));
	for (CK_ULONG i = 0; i < n; i++) {
		CK_ULONG has = 0;
		CK_ATTRIBUTE g = { CKA_SR_GENERATION, &has, sizeof(has) };

		if (f->C_GetAttributeValue(s, found[i], &g, 1) == CKR_OK && has == number)
			return found[i];
	}
	rig_die("no generation %lu of %s", number, label);
	return 0;
}

static void retire(CK_FUNCTION_LIST *f, CK_SESSION_HANDLE s, void *library, const char *label, unsigned long number)
{
	CK_UTF8CHAR name[] = SR_INTERFACE_NAME;
	CK_INTERFACE *found = NULL;
	CK_RV (*get)(CK_UTF8CHAR_PTR, CK_VERSION_PTR, CK_INTERFACE_PTR_PTR, CK_FLAGS) = NULL;

	*(void **)&get = dlsym(library, "C_GetInterface");

	if (!get)
		rig_die("no C_GetInterface");
	CK(get(name, NULL, &found, 0));
	login(f, s, CKU_SO, SO_PIN);
	CK(((const struct sr_function_list *)found->pFunctionList)
	       ->SR_RetireKey(s, generation_of(f, s, label, number)));
	CK(f->C_Logout(s));
}

/* In the child: it is gone when this is over. */
static void apart(enum rig_change change, unsigned which, const char *label, unsigned long number)
{
	CK_SESSION_HANDLE s = 0;
	void *library = NULL;
	CK_FUNCTION_LIST *f = apart_open(which, &s, &library);

	if (change == RIG_CEREMONY)
		ceremony(f, s, which == 0, true);
	if (change == RIG_RETIRE)
		retire(f, s, library, label, number);
	if (change == RIG_DESTROY) {
		login(f, s, CKU_USER, USER_PIN);
		CK(f->C_DestroyObject(s, generation_of(f, s, label, number)));
	}
	CK(f->C_Finalize(NULL));
}

void rig_change(enum rig_change change, unsigned which, const char *label, unsigned long number)
{
	int status = 0;
	pid_t child = fork();

	if (!child) {
		apart(change, which, label, number);
		_exit(0);
	}
	if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status) || WEXITSTATUS(status))
		rig_die("token %s was not changed", token_names[which]);
}

#define OK(call)                                                                                                       \
	do {                                                                                                           \
		struct fail f_ = { 0 };                                                                                \
		struct fail *f = &f_;                                                                                  \
		if ((call) != ERR_OK)                                                                                  \
			rig_die("%s:%d: %s: %s", __FILE__, __LINE__, #call, f_.text);                                  \
	} while (0)

/* A working certificate over Pu, signed by a throw-away key: the POS token only takes the public key out of it. */
static void working_cert(struct rig *r, struct view spki)
{
	const unsigned char *p = spki.p;
	EVP_PKEY *pu = d2i_PUBKEY(NULL, &p, (long)spki.n), *signer = EVP_EC_gen("P-256");
	X509 *x = X509_new();
	X509_NAME *name = X509_NAME_new();

	if (!pu || !signer || !x || !name ||
	    !X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"Pu", -1, -1, 0) ||
	    !X509_set_version(x, 2) || !ASN1_INTEGER_set(X509_get_serialNumber(x), 0x1234567) ||
	    !X509_set_subject_name(x, name) || !X509_set_issuer_name(x, name) || !X509_set_pubkey(x, pu) ||
	    !X509_gmtime_adj(X509_getm_notBefore(x), 0) || !X509_gmtime_adj(X509_getm_notAfter(x), 86400) ||
	    !X509_sign(x, signer, EVP_sha256()))
		rig_die("working certificate");
	OK(identity_cert_der(x, &r->working_cert, f));
	OK(identity_cert_serial(x, &r->cert_serial, f));
	X509_NAME_free(name);
	X509_free(x);
	EVP_PKEY_free(pu);
	EVP_PKEY_free(signer);
}

static void keys_open(struct rig *r)
{
	BUF_AUTO spki = { 0 };

	OK(pk11_open(r->uri[0], NULL, &r->hsm1, f));
	OK(pk11_open(r->uri[2], NULL, &r->pos, f));
	OK(ops_open(r->hsm1, OPS_FOR_MTMS, OPS_WAY_ANY, &r->hsm1_ops, f));
	OK(ops_open(r->pos, OPS_FOR_TERMINAL, OPS_WAY_ANY, &r->pos_ops, f));
	OK(ops_pr_generate(r->hsm1_ops, 2048, "Pr", VIEW_STR("\x01"), &spki, f));
	working_cert(r, buf_view(&spki));
	OK(ops_pu_import(r->pos_ops, buf_view(&r->working_cert), "Pu", VIEW_STR("\x01"), f));
	OK(pk11_key_new(r->hsm1, "pkcs11:object=Pr;type=private", &r->pr, f));
	OK(pk11_key_new(r->hsm1, "pkcs11:object=PK;type=secret-key", &r->keys[FORMAT_SUITE_AES].pk, f));
	OK(pk11_key_new(r->hsm1, "pkcs11:object=MAK;type=secret-key", &r->keys[FORMAT_SUITE_AES].mak, f));
	OK(pk11_key_new(r->hsm1, "pkcs11:object=PK-TDES;type=secret-key", &r->keys[FORMAT_SUITE_TDES].pk, f));
	OK(pk11_key_new(r->hsm1, "pkcs11:object=MAK-TDES;type=secret-key", &r->keys[FORMAT_SUITE_TDES].mak, f));
	OK(pk11_key_new(r->hsm1, "pkcs11:object=PK-OTHER;type=secret-key", &r->other.pk, f));
	OK(pk11_key_new(r->hsm1, "pkcs11:object=MAK-OTHER;type=secret-key", &r->other.mak, f));
	OK(pk11_key_new(r->pos, "pkcs11:object=Pu;type=public", &r->pu, f));
}

struct rig *rig_new(void)
{
	struct rig *r = calloc(1, sizeof(*r));
	char path[200];
	BUF_AUTO out = { 0 };

	if (!r)
		abort();
	signal(SIGPIPE, SIG_IGN);
	temp_dir(r->dir);
	tokens(r);
	rig_identities(r);
	keys_open(r);
	snprintf(path, sizeof(path), "%s/spool", r->dir);
	if (mkdir(path, 0700) < 0)
		rig_die("mkdir %s", path);
	rig_database(r);
	rig_conf(r, "");
	if (rig_command(r, "srk-init SRK 53", &out) != 0)
		rig_die("srk-init: %s", (char *)out.p);
	return r;
}

void rig_free(struct rig *r)
{
	if (r->kmsd)
		rig_stop(r, SIGTERM);
	pk11_key_free(r->pr);
	pk11_key_free(r->pu);
	pk11_key_free(r->other.pk);
	pk11_key_free(r->other.mak);
	for (size_t i = 0; i < ARRAY_LEN(r->keys); i++) {
		pk11_key_free(r->keys[i].pk);
		pk11_key_free(r->keys[i].mak);
	}
	ops_free(r->hsm1_ops);
	ops_free(r->pos_ops);
	pk11_free(r->hsm1);
	pk11_free(r->pos);
	buf_done(&r->working_cert);
	buf_done(&r->cert_serial);
	db_free(r->db);
	pg_server_stop();
	temp_remove(r->dir);
	free(r);
}

void rig_conf(struct rig *r, const char *more)
{
	char text[5000];

	snprintf(text, sizeof(text),
		 "customer = ACME\ndatabase = %s\nlisten = 127.0.0.1:0\n"
		 "[identity]\ncertificate = %s/kms.pem\nkey = %s/kms.key\nca = %s/ca/root.pem\n"
		 "[token]\nuri = %s\nsrk = pkcs11:object=SRK;type=secret-key\n"
		 "pk = pkcs11:object=PK;type=secret-key\nmak = pkcs11:object=MAK;type=secret-key\n"
		 "pk_tdes = pkcs11:object=PK-TDES;type=secret-key\nmak_tdes = pkcs11:object=MAK-TDES;type=secret-key\n"
		 "[spool]\nfolder = %s/spool\npoll_ms = 20\nsettle_s = %d\n%s",
		 r->database, r->dir, r->dir, r->dir, r->uri[1], r->dir, r->settle_s ? r->settle_s : 1, more);
	rig_write(r, "kmsd.conf", text, strlen(text));
}

/* The ready line, or the end of the process. */
static void ready_line(struct rig *r, char ret[700])
{
	size_t n = 0;

	while (n < 699) {
		struct pollfd p = { r->kmsd_out, POLLIN, 0 };

		if (poll(&p, 1, 30000) != 1 || read(r->kmsd_out, ret + n, 1) != 1) {
			rig_run("cat %s/kmsd.log >&2", r->dir);
			rig_die("kmsd did not become ready");
		}
		if (ret[n] == '\n')
			break;
		n++;
	}
	ret[n] = 0;
}

static void field(const char *line, const char *name, char ret[64])
{
	const char *p = strstr(line, name);
	size_t n = p ? strcspn(p + strlen(name), " ") : 0;

	if (!p || n > 63)
		rig_die("no %s in: %s", name, line);
	memcpy(ret, p + strlen(name), n);
	ret[n] = 0;
}

/* The child: its log in a file, gone with the test. */
static _Noreturn void be_kmsd(struct rig *r, int out, const char *conf)
{
	char log[200];
	int fd;

	snprintf(log, sizeof(log), "%s/kmsd.log", r->dir);
	fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (fd >= 0 && dup2(fd, 2) == 2 && dup2(out, 1) == 1 && !prctl(PR_SET_PDEATHSIG, SIGKILL))
		execl(env("KMSD"), "kmsd", "--config", conf, (char *)NULL);
	_exit(127);
}

void rig_start(struct rig *r)
{
	char conf[200], line[700];
	struct fail f = { 0 };
	int fds[2];

	snprintf(conf, sizeof(conf), "%s/kmsd.conf", r->dir);
	if (pipe2(fds, O_CLOEXEC) < 0)
		rig_die("pipe");
	r->kmsd = fork();
	if (r->kmsd < 0)
		rig_die("fork");
	if (!r->kmsd)
		be_kmsd(r, fds[1], conf);
	close(fds[1]);
	r->kmsd_out = fds[0];
	ready_line(r, line);
	field(line, "terminals=", r->terminals);
	r->terminals_tls[0] = 0;
	if (strstr(line, "terminals_tls="))
		field(line, "terminals_tls=", r->terminals_tls);
	field(line, "https=", r->https);
	if (!r->db && db_open_read(r->database, &r->db, &f))
		rig_die("%s", f.text);
}

int rig_stop(struct rig *r, int signal_number)
{
	int status = 0;

	kill(r->kmsd, signal_number);
	if (waitpid(r->kmsd, &status, 0) != r->kmsd)
		rig_die("waitpid");
	close(r->kmsd_out);
	r->kmsd = 0;
	if (signal_number == SIGTERM && (!WIFEXITED(status) || WEXITSTATUS(status))) {
		rig_run("tail -40 %s/kmsd.log >&2", r->dir);
		rig_die("kmsd ended with status %x", status);
	}
	return status;
}

int rig_command(struct rig *r, const char *arguments, struct buf *ret)
{
	char command[2000], chunk[1024];
	FILE *p;
	size_t n;
	int status;

	snprintf(command, sizeof(command), "%s --config %s/kmsd.conf %s 2>&1", env("KMSD"), r->dir, arguments);
	p = popen(command, "re");
	if (!p)
		rig_die("popen");
	while ((n = fread(chunk, 1, sizeof(chunk), p)) > 0)
		buf_put(ret, chunk, n);
	buf_put_u8(ret, 0);
	status = pclose(p);
	if (!buf_ok(ret) || !WIFEXITED(status))
		rig_die("%s", command);
	return WEXITSTATUS(status);
}
