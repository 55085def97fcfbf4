/* SPDX-License-Identifier: BSD-2-Clause */
#include "device.h"
#include "conf.h"
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define STATE_VERSION 2
#define STATE_VERSION_BEFORE 1 /* without working keys */
#define STATES_MAX 8

static const struct conf_key conf_keys[] = {
	{ "", "token", CONF_REQUIRED, "PKCS#11 URI of the secure module" },
	{ "", "way", "any", "way of the key operations: any, vendor, standard" },
};

struct view device_serial(const struct device *d)
{
	return VIEW(d->serial, d->serial_len);
}

struct view device_pin_pad(const struct device *d)
{
	return VIEW(d->pin_pad, d->pin_pad_len);
}

struct view device_id(uint64_t number, uint8_t room[8])
{
	be_put64(room, number);
	return VIEW(room, 8);
}

static void state_put(struct buf *b, const struct device_state *s, uint64_t saves)
{
	buf_put_u8(b, STATE_VERSION);
	buf_put_u64(b, saves);
	buf_put_u64(b, s->made);
	buf_put_u64(b, s->current);
	buf_put_u64(b, s->tmk);
	buf_put_u8(b, s->made_handshake);
	buf_put_u8(b, s->current_handshake);
	buf_put_u64(b, s->wk);
	buf_put_u64(b, s->wk_generation);
	buf_put_u8(b, s->wk_state);
}

static bool state_parse(struct view v, struct device_state *ret, uint64_t *ret_saves)
{
	struct reader r = reader_of(v);
	struct device_state s = { 0 };
	uint8_t version = reader_u8(&r);
	uint64_t saves = reader_u64(&r);
	s.made = reader_u64(&r);
	s.current = reader_u64(&r);
	s.tmk = reader_u64(&r);
	s.made_handshake = reader_u8(&r);
	s.current_handshake = reader_u8(&r);
	if (version == STATE_VERSION) {
		s.wk = reader_u64(&r);
		s.wk_generation = reader_u64(&r);
		s.wk_state = reader_u8(&r);
	}
	if (!reader_done(&r) || (version != STATE_VERSION && version != STATE_VERSION_BEFORE) || s.current > s.made ||
	    s.wk_state > DEVICE_WK_IN_USE)
		return false;
	*ret = s;
	*ret_saves = saves;
	return true;
}

/* Data and certificate objects by class, label, trust. */
static enum err find_labelled(struct pk11_session *s, CK_OBJECT_CLASS class, const char *label, bool trusted,
			      size_t room, size_t *ret_n, CK_OBJECT_HANDLE *ret, struct fail *f)
{
	CK_BBOOL yes = CK_TRUE;
	CK_ATTRIBUTE t[3] = {
		{ CKA_CLASS, &class, sizeof(class) },
		{ CKA_LABEL, (void *)(uintptr_t)label, strlen(label) },
		{ CKA_TRUSTED, &yes, sizeof(yes) },
	};
	return pk11_find(s, t, trusted ? 3 : 2, ret, room, ret_n, f);
}

static enum err read_object(struct pk11_session *s, CK_OBJECT_CLASS class, const char *label, bool trusted,
			    struct buf *ret, struct fail *f)
{
	CK_OBJECT_HANDLE h = 0;
	size_t n = 0;
	enum err e = find_labelled(s, class, label, trusted, 1, &n, &h, f);
	if (e != ERR_OK)
		return e;
	if (n != 1)
		return fail_set(f, ERR_CONFIG, 0, "secure module: %zu objects '%s'", n, label);
	return pk11_attribute(s, h, CKA_VALUE, ret, f);
}

static enum err read_identity(struct device *d, struct view v, struct fail *f)
{
	struct reader r = reader_of(v);
	struct view serial = reader_lv(&r, 1, sizeof(d->serial));
	struct view pin_pad = reader_lv(&r, 0, sizeof(d->pin_pad));
	if (!reader_done(&r) || !format_pos_serial_ok(serial) || !format_pin_pad_ok(pin_pad))
		return fail_set(f, ERR_CONFIG, 0, "secure module: its identity is damaged");
	memcpy(d->serial, serial.p, serial.n);
	d->serial_len = serial.n;
	if (pin_pad.n > 0)
		memcpy(d->pin_pad, pin_pad.p, pin_pad.n);
	d->pin_pad_len = pin_pad.n;
	return ERR_OK;
}

/* After an interrupted save there are two: the later one counts. */
static enum err read_state(struct pk11_session *s, struct device *d, struct fail *f)
{
	CK_OBJECT_HANDLE found[STATES_MAX];
	size_t n = 0;
	enum err e = find_labelled(s, CKO_DATA, DEVICE_STATE_LABEL, false, STATES_MAX, &n, found, f);
	if (e == ERR_OK && n > STATES_MAX)
		e = fail_set(f, ERR_CONFIG, 0, "secure module: too many state objects");
	for (size_t i = 0; e == ERR_OK && i < n; i++) {
		BUF_AUTO v = { 0 };
		struct device_state state;
		uint64_t saves = 0;
		e = pk11_attribute(s, found[i], CKA_VALUE, &v, f);
		if (e == ERR_OK && !state_parse(buf_view(&v), &state, &saves))
			e = fail_set(f, ERR_CONFIG, 0, "secure module: its state is damaged");
		if (e == ERR_OK && saves > d->saves) {
			d->state = state;
			d->saves = saves;
		}
	}
	return e;
}

static enum err read_all(struct pk11_session *s, void *arg, struct fail *f)
{
	struct device *d = arg;
	BUF_AUTO identity = { 0 };
	enum err e = read_object(s, CKO_CERTIFICATE, DEVICE_ROOT_LABEL, true, &d->root, f);
	if (e == ERR_OK)
		e = read_object(s, CKO_DATA, DEVICE_IDENTITY_LABEL, false, &identity, f);
	if (e == ERR_OK)
		e = read_identity(d, buf_view(&identity), f);
	if (e == ERR_OK)
		e = read_state(s, d, f);
	return e;
}

enum err device_token_folder(const char *dir, struct fail *f)
{
	char path[PATH_MAX], whole[PATH_MAX];
	enum err e = file_path(dir, "token", path, sizeof(path), f);
	if (e == ERR_OK)
		e = file_folder(path, f);
	if (e != ERR_OK)
		return e;
	if (realpath(path, whole) == NULL || setenv("STRONGROOM_TOKEN_DIR", whole, 1) != 0)
		return fail_set(f, ERR_IO, 0, "%s: not usable as token directory", path);
	return ERR_OK;
}

/* Two visits at once would each write their state over the other's. */
static enum err take_lock(const char *dir, int *ret_fd, struct fail *f)
{
	char path[PATH_MAX];
	enum err e = file_path(dir, "lock", path, sizeof(path), f);
	if (e != ERR_OK)
		return e;
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return fail_set(f, ERR_CONFIG, 0, "%s: %s", path, strerror(errno));
	if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		close(fd);
		return fail_set(f, ERR_BUSY, 0, "%s: another process uses this terminal", dir);
	}
	*ret_fd = fd;
	return ERR_OK;
}

enum err device_open(const char *dir, struct device *ret, struct fail *f)
{
	char path[PATH_MAX], pin[PATH_MAX], error[256];
	struct device d = { .lock_fd = -1 };
	struct conf *conf = NULL;
	enum ops_way way;
	enum err e;
	if ((e = device_token_folder(dir, f)) != ERR_OK ||
	    (e = file_path(dir, "terminal.conf", path, sizeof(path), f)) != ERR_OK ||
	    (e = file_path(dir, "user.pin", pin, sizeof(pin), f)) != ERR_OK)
		return e;
	if (!conf_load(path, conf_keys, ARRAY_LEN(conf_keys), &conf, error))
		return fail_set(f, ERR_CONFIG, 0, "%s", error);
	if (!ops_way_of_name(conf_get(conf, "", "way"), &way)) {
		e = fail_set(f, ERR_CONFIG, 0, "%s: way must be any, vendor or standard", path);
		goto out;
	}
	struct pk11_options options = { .pin_file = pin };
	if ((e = take_lock(dir, &d.lock_fd, f)) != ERR_OK ||
	    (e = pk11_open(conf_get(conf, "", "token"), &options, &d.token, f)) != ERR_OK ||
	    (e = ops_open(d.token, OPS_FOR_TERMINAL, way, &d.ops, f)) != ERR_OK ||
	    (e = pk11_run(d.token, read_all, &d, f)) != ERR_OK)
		goto out;
	*ret = d;
	d = (struct device){ .lock_fd = -1 };
out:
	conf_free(conf);
	device_done(&d);
	return e;
}

void device_done(struct device *d)
{
	ops_free(d->ops);
	pk11_free(d->token);
	buf_done(&d->root);
	if (d->lock_fd >= 0)
		close(d->lock_fd);
	*d = (struct device){ .lock_fd = -1 };
}

/* Not every token lets a data object's value be set: the next one is made, then the ones before go. */
static enum err save_state(struct pk11_session *s, void *arg, struct fail *f)
{
	struct device *d = arg;
	BUF_AUTO v = { 0 };
	CK_OBJECT_HANDLE older[STATES_MAX], h = 0;
	CK_OBJECT_CLASS class = CKO_DATA;
	CK_BBOOL yes = CK_TRUE;
	size_t n = 0;
	enum err e = find_labelled(s, CKO_DATA, DEVICE_STATE_LABEL, false, STATES_MAX, &n, older, f);
	if (e != ERR_OK)
		return e;
	d->saves++;
	state_put(&v, &d->state, d->saves);
	if (!buf_ok(&v))
		return fail_set(f, ERR_NO_MEMORY, 0, "out of memory");
	CK_ATTRIBUTE t[] = {
		{ CKA_VALUE, v.p, v.len },
		{ CKA_CLASS, &class, sizeof(class) },
		{ CKA_TOKEN, &yes, sizeof(yes) },
		{ CKA_PRIVATE, &yes, sizeof(yes) },
		{ CKA_LABEL, (void *)(uintptr_t)DEVICE_STATE_LABEL, strlen(DEVICE_STATE_LABEL) },
	};
	CK_RV rv = s->f->C_CreateObject(s->handle, t, ARRAY_LEN(t), &h);
	if (rv != CKR_OK)
		return pk11_fail(f, rv, "C_CreateObject");
	for (size_t i = 0; i < n && i < STATES_MAX; i++)
		if ((rv = s->f->C_DestroyObject(s->handle, older[i])) != CKR_OK)
			return pk11_fail(f, rv, "C_DestroyObject");
	return ERR_OK;
}

enum err device_save(struct device *d, struct fail *f)
{
	return pk11_run(d->token, save_state, d, f);
}

/* Keys by label, and which numbers of them stay. */
static bool stays_tk(const struct device_state *s, uint64_t number)
{
	return number == s->current || number == s->made;
}

static bool stays_tmk(const struct device_state *s, uint64_t number)
{
	return number == s->tmk;
}

static bool stays_wk(const struct device_state *s, uint64_t number)
{
	return number == s->wk && s->wk_state != DEVICE_WK_NONE;
}

static const struct kept {
	const char *label;
	bool (*stays)(const struct device_state *s, uint64_t number);
} kepts[] = { { OPS_TK_LABEL, stays_tk },
	      { DEVICE_TMK_LABEL, stays_tmk },
	      { OPS_PINKEY_LABEL, stays_wk },
	      { OPS_MACKEY_LABEL, stays_wk } };

static enum err sweep_label(struct pk11_session *s, const struct device_state *state, const struct kept *k,
			    struct fail *f)
{
	CK_OBJECT_HANDLE found[32];
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &class, sizeof(class) },
			     { CKA_LABEL, (void *)(uintptr_t)k->label, strlen(k->label) } };
	size_t n = 0;
	enum err e = pk11_find(s, t, ARRAY_LEN(t), found, ARRAY_LEN(found), &n, f);
	for (size_t i = 0; e == ERR_OK && i < n && i < ARRAY_LEN(found); i++) {
		BUF_AUTO id = { 0 };
		if ((e = pk11_attribute(s, found[i], CKA_ID, &id, f)) != ERR_OK)
			break;
		if (k->stays(state, id.len == 8 ? be_get64(id.p) : 0))
			continue;
		CK_RV rv = s->f->C_DestroyObject(s->handle, found[i]);
		if (rv != CKR_OK)
			e = pk11_fail(f, rv, "C_DestroyObject");
	}
	return e;
}

static enum err sweep(struct pk11_session *s, void *arg, struct fail *f)
{
	const struct device *d = arg;
	enum err e = ERR_OK;
	for (size_t i = 0; e == ERR_OK && i < ARRAY_LEN(kepts); i++)
		e = sweep_label(s, &d->state, &kepts[i], f);
	return e;
}

enum err device_sweep(struct device *d, struct fail *f)
{
	return pk11_run(d->token, sweep, d, f);
}

static enum err key_check(struct device *d, const char *label, uint64_t number, struct check_value *ret, struct fail *f)
{
	char uri[96], id[3 * 8 + 1];
	struct pk11_key *key = NULL;
	for (size_t i = 0; i < 8; i++)
		snprintf(id + 3 * i, 4, "%%%02x", (unsigned)(number >> (56 - 8 * i)) & 255);
	snprintf(uri, sizeof(uri), "pkcs11:object=%s;id=%s;type=secret-key", label, id);
	enum err e = pk11_key_new(d->token, uri, &key, f);
	if (e == ERR_OK)
		e = ops_check_value(d->ops, key, ret, f);
	pk11_key_free(key);
	return e;
}

enum err device_tmk_check(struct device *d, struct check_value *ret, struct fail *f)
{
	if (d->state.tmk == 0)
		return fail_set(f, ERR_KEY_MISSING, 0, "no TMK loaded");
	return key_check(d, DEVICE_TMK_LABEL, d->state.tmk, ret, f);
}

enum err device_wk_check(struct device *d, enum wk_kind kind, struct check_value *ret, struct fail *f)
{
	if (d->state.wk_state == DEVICE_WK_NONE)
		return fail_set(f, ERR_KEY_MISSING, 0, "no working keys loaded");
	return key_check(d, kind == WK_PINKEY ? OPS_PINKEY_LABEL : OPS_MACKEY_LABEL, d->state.wk, ret, f);
}
