/* SPDX-License-Identifier: BSD-2-Clause */
#include "device.h"
#include "file.h"
#include "identity.h"
#include "pin.h"

#include <limits.h>
#include <p11-kit/p11-kit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MODULE_NAME "strongroom"

/*
 * A token is made once in a terminal's life, before it has a URI; so this file alone loads the module itself and does
 * not go through pk11.
 */
struct maker {
	CK_FUNCTION_LIST **modules; /* all configured ones, or NULL */
	CK_FUNCTION_LIST *f;
	bool single; /* f was loaded by path */
	CK_SESSION_HANDLE session;
	char label[33];
};

static enum err load_module(struct maker *m, const char *path, struct fail *f)
{
	if (path != NULL) {
		m->f = p11_kit_module_load(path, 0);
		if (m->f == NULL)
			return fail_set(f, ERR_CONFIG, 0, "module %s: not loaded", path);
		m->single = true;
		CK_RV rv = p11_kit_module_initialize(m->f);
		if (rv == CKR_OK)
			return ERR_OK;
		p11_kit_module_release(m->f);
		m->f = NULL;
		return pk11_fail(f, rv, "C_Initialize");
	}
	m->modules = p11_kit_modules_load_and_initialize(0);
	m->f = m->modules != NULL ? p11_kit_module_for_name(m->modules, MODULE_NAME) : NULL;
	if (m->f == NULL)
		return fail_set(f, ERR_CONFIG, 0, "p11-kit knows no module named %s (use --module)", MODULE_NAME);
	return ERR_OK;
}

static void unload_module(struct maker *m)
{
	if (m->f != NULL && m->session != CK_INVALID_HANDLE)
		(void)m->f->C_CloseSession(m->session);
	if (m->single && m->f != NULL) {
		(void)p11_kit_module_finalize(m->f);
		p11_kit_module_release(m->f);
	}
	if (m->modules != NULL)
		p11_kit_modules_finalize_and_release(m->modules);
}

/* The first slot whose token is there and not initialised. */
static enum err free_slot(struct maker *m, CK_SLOT_ID *ret, struct fail *f)
{
	CK_SLOT_ID slots[256];
	CK_ULONG n = ARRAY_LEN(slots);
	CK_RV rv = m->f->C_GetSlotList(CK_TRUE, slots, &n);
	if (rv != CKR_OK)
		return pk11_fail(f, rv, "C_GetSlotList");
	for (CK_ULONG i = 0; i < n; i++) {
		CK_TOKEN_INFO info;
		if (m->f->C_GetTokenInfo(slots[i], &info) != CKR_OK || (info.flags & CKF_TOKEN_INITIALIZED) != 0)
			continue;
		*ret = slots[i];
		return ERR_OK;
	}
	return fail_set(f, ERR_TOKEN, 0, "the module has no free token");
}

static enum err create(struct maker *m, CK_ATTRIBUTE *t, CK_ULONG n, struct fail *f)
{
	CK_OBJECT_HANDLE h;
	CK_RV rv = m->f->C_CreateObject(m->session, t, n, &h);
	return rv == CKR_OK ? ERR_OK : pk11_fail(f, rv, "C_CreateObject");
}

static enum err burn_root(struct maker *m, X509 *root, struct fail *f)
{
	CK_OBJECT_CLASS class = CKO_CERTIFICATE;
	CK_CERTIFICATE_TYPE type = CKC_X_509;
	CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
	BUF_AUTO der = { 0 };
	unsigned char *subject = NULL;
	int subject_len = i2d_X509_NAME(X509_get_subject_name(root), &subject);
	enum err e = identity_cert_der(root, &der, f);
	if (subject_len < 0)
		e = fail_set(f, ERR_NO_MEMORY, 0, "out of memory");
	CK_ATTRIBUTE t[] = {
		{ CKA_CLASS, &class, sizeof(class) },
		{ CKA_CERTIFICATE_TYPE, &type, sizeof(type) },
		{ CKA_TOKEN, &yes, sizeof(yes) },
		{ CKA_PRIVATE, &no, sizeof(no) },
		{ CKA_MODIFIABLE, &no, sizeof(no) },
		{ CKA_DESTROYABLE, &no, sizeof(no) },
		{ CKA_TRUSTED, &yes, sizeof(yes) },
		{ CKA_LABEL, (void *)(uintptr_t)DEVICE_ROOT_LABEL, strlen(DEVICE_ROOT_LABEL) },
		{ CKA_SUBJECT, subject, (CK_ULONG)(subject_len > 0 ? subject_len : 0) },
		{ CKA_VALUE, der.p, der.len },
	};
	if (e == ERR_OK)
		e = create(m, t, ARRAY_LEN(t), f);
	OPENSSL_free(subject);
	return e;
}

static enum err burn_identity(struct maker *m, const struct device_make *in, struct fail *f)
{
	CK_OBJECT_CLASS class = CKO_DATA;
	CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
	BUF_AUTO v = { 0 };
	buf_put_lv(&v, view_of_string(in->serial));
	buf_put_lv(&v, view_of_string(in->pin_pad));
	if (!buf_ok(&v))
		return fail_set(f, ERR_NO_MEMORY, 0, "out of memory");
	CK_ATTRIBUTE t[] = {
		{ CKA_CLASS, &class, sizeof(class) },
		{ CKA_TOKEN, &yes, sizeof(yes) },
		{ CKA_PRIVATE, &no, sizeof(no) },
		{ CKA_MODIFIABLE, &no, sizeof(no) },
		{ CKA_DESTROYABLE, &no, sizeof(no) },
		{ CKA_LABEL, (void *)(uintptr_t)DEVICE_IDENTITY_LABEL, strlen(DEVICE_IDENTITY_LABEL) },
		{ CKA_VALUE, v.p, v.len },
	};
	return create(m, t, ARRAY_LEN(t), f);
}

static enum err make_token(struct maker *m, const struct device_make *in, X509 *root, struct secret *so,
			   struct secret *user, struct fail *f)
{
	CK_UTF8CHAR label[32];
	CK_SLOT_ID slot = 0;
	enum err e = free_slot(m, &slot, f);
	if (e != ERR_OK)
		return e;
	memset(label, ' ', sizeof(label));
	memcpy(label, m->label, strlen(m->label));
	CK_RV rv = m->f->C_InitToken(slot, so->p, so->len, label);
	if (rv != CKR_OK)
		return pk11_fail(f, rv, "C_InitToken");
	/* SoftHSM moves a fresh token to another slot: look for it by its label. */
	CK_SLOT_ID slots[256];
	CK_ULONG n = ARRAY_LEN(slots);
	if (m->f->C_GetSlotList(CK_TRUE, slots, &n) == CKR_OK)
		for (CK_ULONG i = 0; i < n; i++) {
			CK_TOKEN_INFO info;
			if (m->f->C_GetTokenInfo(slots[i], &info) == CKR_OK && memcmp(info.label, label, 32) == 0)
				slot = slots[i];
		}
	if ((rv = m->f->C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &m->session)) != CKR_OK)
		return pk11_fail(f, rv, "C_OpenSession");
	if ((rv = m->f->C_Login(m->session, CKU_SO, so->p, so->len)) != CKR_OK)
		return pk11_fail(f, rv, "C_Login");
	if (in->way != NULL && strcmp(in->way, "standard") == 0) {
		struct pk11_session s = { .f = m->f, .handle = m->session };
		e = ops_relax(&s, OPS_FOR_TERMINAL, f);
	}
	if (e == ERR_OK && (e = burn_root(m, root, f)) == ERR_OK && (e = burn_identity(m, in, f)) == ERR_OK &&
	    (rv = m->f->C_InitPIN(m->session, user->p, user->len)) != CKR_OK)
		e = pk11_fail(f, rv, "C_InitPIN");
	(void)m->f->C_Logout(m->session);
	return e;
}

/* Characters of a path or label that mean something in a URI become %xx. */
static void put_escaped(struct buf *b, const char *s)
{
	for (; *s != 0; s++)
		if (strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/", *s) != NULL)
			buf_put(b, s, 1);
		else
			buf_printf(b, "%%%02x", (unsigned char)*s);
}

static enum err write_conf(const struct device_make *in, const char *label, struct fail *f)
{
	char path[PATH_MAX];
	BUF_AUTO b = { 0 };
	enum err e = file_path(in->dir, "terminal.conf", path, sizeof(path), f);
	if (e != ERR_OK)
		return e;
	buf_printf(&b, "token = pkcs11:token=");
	put_escaped(&b, label);
	if (in->module != NULL) {
		buf_printf(&b, "?module-path=");
		put_escaped(&b, in->module);
	} else {
		buf_printf(&b, "?module-name=" MODULE_NAME);
	}
	buf_printf(&b, "\nway = %s\n", in->way != NULL ? in->way : "any");
	if (!buf_ok(&b))
		return fail_set(f, ERR_NO_MEMORY, 0, "out of memory");
	return file_replace(path, 0600, buf_view(&b), f);
}

static enum err check_input(const struct device_make *in, struct fail *f)
{
	char path[PATH_MAX];
	enum ops_way way;
	enum err e = file_path(in->dir, "terminal.conf", path, sizeof(path), f);
	if (e != ERR_OK)
		return e;
	if (access(path, F_OK) == 0)
		return fail_set(f, ERR_REFUSED, 0, "%s: a terminal is there already", in->dir);
	if (!format_pos_serial_ok(view_of_string(in->serial)) || !format_pin_pad_ok(view_of_string(in->pin_pad)))
		return fail_set(f, ERR_USAGE, 0, "serial numbers: 1 to 32 (PIN pad: 0 to 32) printable characters");
	if (in->way != NULL && !ops_way_of_name(in->way, &way))
		return fail_set(f, ERR_USAGE, 0, "way must be any, vendor or standard");
	return ERR_OK;
}

enum err device_init(const struct device_make *in, struct fail *f)
{
	SECRET_AUTO so = { 0 };
	SECRET_AUTO user = { 0 };
	struct maker m = { 0 };
	X509 *root = NULL;
	char so_path[PATH_MAX], user_path[PATH_MAX];
	enum err e = check_input(in, f);
	if (e != ERR_OK)
		return e;
	/* The whole serial number where it fits behind the prefix of the label, else its end. */
	size_t n = strlen(in->serial);
	snprintf(m.label, sizeof(m.label), "pos-%s", n > 28 ? in->serial + n - 28 : in->serial);
	if ((e = identity_cert_load(in->root_file, &root, f)) != ERR_OK || (e = file_folder(in->dir, f)) != ERR_OK ||
	    (e = file_path(in->dir, "so.pin", so_path, sizeof(so_path), f)) != ERR_OK ||
	    (e = file_path(in->dir, "user.pin", user_path, sizeof(user_path), f)) != ERR_OK ||
	    (e = device_token_folder(in->dir, f)) != ERR_OK || (e = load_module(&m, in->module, f)) != ERR_OK ||
	    (e = pin_make(so_path, &so, f)) != ERR_OK || (e = pin_make(user_path, &user, f)) != ERR_OK ||
	    (e = make_token(&m, in, root, &so, &user, f)) != ERR_OK)
		goto out;
	e = write_conf(in, m.label, f);
out:
	unload_module(&m);
	X509_free(root);
	return e;
}
