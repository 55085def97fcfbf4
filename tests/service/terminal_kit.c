/* SPDX-License-Identifier: BSD-2-Clause */
#include "terminal_kit.h"
#include "temp.h"

#include <arpa/inet.h>
#include <p11-kit/p11-kit.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define WAIT_MS 30000
#define SO_PIN "12345678"
#define USER_PIN "47114711"

static void must(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "terminal_kit: %s failed\n", what);
	abort();
}

void kit_path(const struct kit *k, const char *name, char ret[256])
{
	must(snprintf(ret, 256, "%s/%s", k->dir, name) < 256, "path");
}

void kit_write(const struct kit *k, const char *name, const char *text, unsigned mode)
{
	char path[256];
	kit_path(k, name, path);
	FILE *f = fopen(path, "w");
	must(f != NULL && fputs(text, f) >= 0 && fclose(f) == 0 && chmod(path, mode) == 0, path);
}

static void programs(struct kit *k)
{
	const char *dir = getenv("STRONGROOM_PROGRAMS");
	const char *module = getenv("STRONGROOM_MODULE");
	must(dir != NULL && module != NULL, "STRONGROOM_PROGRAMS, STRONGROOM_MODULE");
	snprintf(k->pos, sizeof(k->pos), "%s/pos", dir);
	snprintf(k->opterm, sizeof(k->opterm), "%s/opterm", dir);
	snprintf(k->module, sizeof(k->module), "%s", module);
}

void kit_init(struct kit *k)
{
	struct fail f = { 0 };
	char text[300], path[256];
	memset(k, 0, sizeof(*k));
	temp_dir(k->dir);
	programs(k);
	pki_init(&k->pki, k->dir, "root");
	k->rsa = EVP_RSA_gen(2048);
	must(k->rsa != NULL, "RSA key");
	X509 *x =
	    pki_issue(&k->pki, k->rsa,
		      &(struct pki_cert){
			  .name = "HSM 1", .usages = IDENTITY_ARC ".1", .key_usage = "critical,keyEncipherment" });
	BUF_AUTO serial = { 0 };
	must(identity_cert_serial(x, &serial, &f) == ERR_OK && serial.len <= sizeof(k->wcert_serial), f.text);
	memcpy(k->wcert_serial, serial.p, serial.len);
	k->wcert_serial_len = serial.len;
	pki_der(x, &k->wcert);
	X509_free(x);
	/* Where the module is SoftHSM: its tokens in our folder too. */
	kit_path(k, "softhsm", path);
	must(mkdir(path, 0700) == 0, path);
	snprintf(text, sizeof(text), "directories.tokendir = %s\nlog.level = ERROR\n", path);
	kit_write(k, "softhsm.conf", text, 0600);
	kit_path(k, "softhsm.conf", path);
	setenv("SOFTHSM2_CONF", path, 1);
}

void kit_done(struct kit *k)
{
	pki_done(&k->pki);
	EVP_PKEY_free(k->rsa);
	buf_done(&k->wcert);
	temp_remove(k->dir);
	memset(k, 0, sizeof(*k));
}

void kit_use_tokens(const struct kit *k, const char *name)
{
	char path[256];
	kit_path(k, name, path);
	setenv("STRONGROOM_TOKEN_DIR", path, 1);
}

/* The slot of a token by its blank-padded label; NULL: one that is not initialised. */
static CK_SLOT_ID find_slot(CK_FUNCTION_LIST *f, const CK_UTF8CHAR *label)
{
	CK_SLOT_ID slots[64];
	CK_ULONG n = ARRAY_LEN(slots);
	must(f->C_GetSlotList(CK_TRUE, slots, &n) == CKR_OK, "C_GetSlotList");
	for (CK_ULONG i = 0; i < n; i++) {
		CK_TOKEN_INFO info;
		must(f->C_GetTokenInfo(slots[i], &info) == CKR_OK, "C_GetTokenInfo");
		bool fresh = (info.flags & CKF_TOKEN_INITIALIZED) == 0;
		if (label == NULL ? fresh : !fresh && memcmp(info.label, label, 32) == 0)
			return slots[i];
	}
	must(false, "finding the token");
	return 0;
}

void kit_token(struct kit *k, const char *name, const char *label)
{
	CK_UTF8CHAR padded[32];
	CK_SLOT_ID slot = 0;
	CK_SESSION_HANDLE h;
	char path[256];
	kit_path(k, name, path);
	must(mkdir(path, 0700) == 0, path);
	kit_use_tokens(k, name);
	memset(padded, ' ', sizeof(padded));
	memcpy(padded, label, strlen(label));
	CK_FUNCTION_LIST *f = p11_kit_module_load(k->module, 0);
	must(f != NULL && p11_kit_module_initialize(f) == CKR_OK, k->module);
	slot = find_slot(f, NULL);
	must(f->C_InitToken(slot, (CK_UTF8CHAR *)SO_PIN, strlen(SO_PIN), padded) == CKR_OK, "C_InitToken");
	slot = find_slot(f, padded);
	must(f->C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &h) == CKR_OK, "C_OpenSession");
	must(f->C_Login(h, CKU_SO, (CK_UTF8CHAR *)SO_PIN, strlen(SO_PIN)) == CKR_OK, "C_Login");
	must(f->C_InitPIN(h, (CK_UTF8CHAR *)USER_PIN, strlen(USER_PIN)) == CKR_OK, "C_InitPIN");
	must(f->C_Logout(h) == CKR_OK && f->C_CloseSession(h) == CKR_OK, "C_Logout");
	must(p11_kit_module_finalize(f) == CKR_OK, "C_Finalize");
	p11_kit_module_release(f);
}

void kit_pos_init(struct kit *k, const char *serial)
{
	struct spawn s;
	char dir[256];
	kit_path(k, serial, dir);
	const char *way = getenv("STRONGROOM_WAY");
	const char *const argv[] = {
		k->pos,   "init",   "--dir",         dir,        "--serial", serial,  "--pinpad",
		"PP-900", "--root", k->pki.root_pem, "--module", k->module,  "--way", way != NULL ? way : "any",
		NULL
	};
	if (spawn_run(&s, argv) != 0) {
		fputs(s.stderr_text, stderr);
		must(false, "pos init");
	}
}

void kit_pos(struct kit *k, struct spawn *s, const char *command, const char *serial, const char *address)
{
	char dir[256];
	kit_path(k, serial, dir);
	const char *const argv[] = { k->pos, command, "--dir", dir, "--connect", address, NULL };
	spawn_start(s, argv);
}

void kit_status(struct kit *k, const char *serial, char *ret, size_t room)
{
	struct spawn s;
	char dir[256];
	kit_path(k, serial, dir);
	const char *const argv[] = { k->pos, "status", "--json", "--dir", dir, NULL };
	if (spawn_run(&s, argv) != 0) {
		fputs(s.stderr_text, stderr);
		must(false, "pos status");
	}
	snprintf(ret, room, "%s", s.stdout_text);
}

uint8_t kit_hash(const struct kit *k, uint8_t hash)
{
	return strstr(k->module, "softhsm") != NULL ? FORMAT_HASH_SHA1 : hash;
}

int kit_listen(char ret_address[64])
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	must(fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0 && listen(fd, 64) == 0, "listen");
	must(getsockname(fd, (struct sockaddr *)&a, &n) == 0, "getsockname");
	snprintf(ret_address, 64, "127.0.0.1:%u", ntohs(a.sin_port));
	return fd;
}

int kit_accept(int listen_fd)
{
	struct pollfd p = { .fd = listen_fd, .events = POLLIN };
	must(poll(&p, 1, WAIT_MS) == 1, "waiting for a connection");
	int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	must(fd >= 0, "accept");
	return fd;
}

void kit_send(int fd, const struct frame *fr)
{
	struct fail f = { 0 };
	must(frame_send(fd, fr, WAIT_MS, &f) == ERR_OK, f.text);
}

void kit_receive(int fd, struct buf *storage, struct frame *ret)
{
	struct fail f = { 0 };
	must(frame_recv(fd, storage, ret, WAIT_MS, &f) == ERR_OK, f.text);
}

bool kit_bad_frame(const struct frame_row *row, enum kit_bad bad, struct buf *ret)
{
	BUF_AUTO body = { 0 };
	bool shorter = false;

	buf_put_u8(&body, row->type);
	for (size_t i = 0; i < row->count - row->optional; i++) {
		size_t n = row->field[i].min;

		if (bad == KIT_SHORT && n > 0 && !shorter) {
			shorter = true;
			n--;
		}
		buf_put_u16(&body, (uint16_t)n);
		for (size_t k = 0; k < n; k++)
			buf_put_u8(&body, '7');
	}
	if (bad == KIT_SHORT && !shorter)
		return false;
	if (bad == KIT_BEHIND)
		buf_put_u8(&body, 0);
	if (bad == KIT_LARGE) {
		buf_put_u16(ret, (uint16_t)(frame_row_max(row) + 1));
		buf_put_u8(ret, row->type);
		return true;
	}
	buf_put_u16(ret, (uint16_t)body.len);
	buf_put(ret, body.p, body.len - (bad == KIT_CUT));
	return true;
}

bool kit_first_way(void)
{
	const char *module = getenv("STRONGROOM_MODULE");

	return !getenv("STRONGROOM_WAY") && module && strstr(module, "libstrongroom");
}
