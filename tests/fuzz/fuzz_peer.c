/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Servers of other makers that lie: what a file server lists and sends (R2.2), what a mail server answers below a good
 * TLS connection (R2.8), what another service answers over HTTP (R2.3). The first byte of an input chooses; behind it
 * what the server says, pieces with zero bytes between, then (file servers) FFh and its files.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "http.h"
#include "place.h"
#include "smtp.h"
#include "talk.h"
#include "transfer.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FILE_MOST 4096
#define MAIL "From: a@b.example\r\n\r\nwords\r\n"

static struct pki pki;
static struct talk talk;
static struct identity *client;
static struct http_client *http;
static struct secret password;
static char ca_file[256];

static void leave(void)
{
	http_client_free(http);
	secret_done(&password);
	identity_free(client);
	talk_done(&talk);
	pki_done(&pki);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct http_client_options o = { .server = ROLE_KMS, .timeout_s = 5, .answer_max = FILE_MOST };
	char cert[256], key[256];
	struct fail f = { 0 };

	place_make();
	pki_init(&pki, place_dir(), "root");
	pki_identity(&pki, ROLE_DC, "dc");
	snprintf(cert, sizeof(cert), "%s/dc.crt", place_dir());
	snprintf(key, sizeof(key), "%s/dc.key", place_dir());
	snprintf(ca_file, sizeof(ca_file), "%s", pki.root_pem);
	talk_make(&talk, &pki, ROLE_KMS);
	if (identity_load(cert, key, pki.root_pem, ROLE_DC, &client, &f) || mkdir(place_path("files"), 0700))
		place_fail(f.text);
	o.identity = client;
	/* As sealed_get gives it: a zero byte behind it that is not counted. */
	if (http_client_new(&o, &http, &f) || !secret_init(&password, 16) || !secret_set(&password, "password", 8))
		place_fail(f.text);
	password.p[8] = 0;
	return atexit(leave);
}

static void ask_http(struct view v, enum talk_kind kind)
{
	struct talk_script script = { .kind = kind, .says = v };
	char url[64];
	BUF_AUTO answer = { 0 };
	int status = 0;

	snprintf(url, sizeof(url), "https://127.0.0.1:%u/v1/records", talk.port);
	talk_begin(&talk, &script);
	if (http_post(http, url, VIEW_STR("{}"), &status, &answer, NULL) == ERR_OK) {
		if (answer.len > FILE_MOST || status < 100)
			place_fail("an answer that cannot be");
	} else if (answer.len) {
		place_fail("an answer of a call that failed");
	}
	talk_end(&talk);
}

static void send_mail(struct view v, bool login)
{
	struct talk_script script = { .kind = TALK_SMTP, .says = v };
	char address[64];
	struct smtp_server s = { .address = address,
				 .tls = SMTP_STARTTLS,
				 .ca_file = ca_file,
				 .user = login ? "kms" : NULL,
				 .password = &password,
				 .timeout_ms = 3000 };
	struct smtp_answer said = { 0 };
	struct fail f = { 0 };
	enum err e;

	snprintf(address, sizeof(address), "localhost:%u", talk.port);
	talk_begin(&talk, &script);
	e = smtp_send(&s, "a@b.example", "c@d.example", VIEW_STR(MAIL), &said, &f);
	talk_end(&talk);
	for (const char *c = said.text; *c; c++)
		if (*c < ' ' || *c > '~')
			place_fail("what a mail server said is not printable");
	if (e == ERR_OK && (!talk.mail_taken || said.permanent))
		place_fail("a mail that no server took is sent");
	if (e == ERR_OK && login && !memmem(talk.heard.p, talk.heard.len, "AUTH ", 5))
		place_fail("a mail went without the login");
	if (e != ERR_OK && !f.text[0])
		place_fail("a mail failed without a reason");
}

static bool name_ok(const char *name)
{
	size_t n = strlen(name);

	return n && n <= TRANSFER_NAME_MAX && name[0] != '.' &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == n;
}

static void look_at_list(const struct transfer_names *n)
{
	for (size_t i = 0; i < n->count; i++)
		if (!name_ok(n->names[i]) || (i && strcmp(n->names[i - 1], n->names[i]) > 0))
			place_fail("a name that is none");
}

/* What came stands under its name or in its part, and nowhere else. */
static void look_at_folder(bool got)
{
	char folder[300];
	struct dirent *d;
	struct stat st;
	DIR *dir;

	snprintf(folder, sizeof(folder), "%s", place_path("files"));
	dir = opendir(folder);
	if (!dir)
		place_fail("no folder");
	while ((d = readdir(dir))) {
		char file[600];

		if (d->d_name[0] == '.')
			continue;
		snprintf(file, sizeof(file), "%s/%s", folder, d->d_name);
		if (strcmp(d->d_name, got ? "one.keys" : "one.keys.part") != 0 || stat(file, &st) ||
		    st.st_size > FILE_MOST)
			place_fail("a file that nobody asked for, or a larger one");
		unlink(file);
	}
	closedir(dir);
}

static void ask_files(struct view v, unsigned what)
{
	const uint8_t *end = v.n ? memchr(v.p, 0xff, v.n) : NULL;
	struct talk_script script = { .kind = TALK_FTP, .says = v };
	struct transfer_options o = { .tls = "none", .connect_s = 3, .stall_s = 2 };
	struct transfer_names names = { 0 };
	struct transfer *t = NULL;
	char folder[64], file[400];
	struct fail f = { 0 };
	enum err e = ERR_OK;

	if (end) {
		script.says.n = (size_t)(end - v.p);
		script.data = VIEW(end + 1, v.n - script.says.n - 1);
	}
	snprintf(folder, sizeof(folder), "ftp://127.0.0.1:%u/in/", talk.port);
	snprintf(file, sizeof(file), "%s", place_path("files/one.keys"));
	o.folder = folder;
	if (transfer_open(&o, &t, &f))
		place_fail(f.text);
	talk_begin(&talk, &script);
	switch (what) {
	case 0:
		e = transfer_list(t, &names, &f);
		look_at_list(&names);
		transfer_names_done(&names);
		break;
	case 1:
		e = transfer_get(t, "one.keys", file, FILE_MOST, &f);
		look_at_folder(e == ERR_OK);
		break;
	case 2:
		e = transfer_put(t, "one.keys", VIEW_STR("content"), &f);
		break;
	default:
		e = transfer_rename(t, "one.keys", "two.keys", &f);
		if (!e)
			e = transfer_remove(t, "two.keys", &f);
		break;
	}
	transfer_free(t);
	talk_end(&talk);
	if (e == ERR_CONFIG || e == ERR_USAGE || e == ERR_INTERNAL || (e != ERR_OK && !f.text[0]))
		place_fail("a file server made an error of our own");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1)
		return 0;
	struct view v = VIEW(data + 1, size - 1);
	unsigned which = data[0] % 8;

	if (which < 4)
		ask_files(v, which);
	else if (which < 6)
		send_mail(v, which == 5);
	else
		ask_http(v, which == 6 ? TALK_RAW : TALK_HTTP);
	return 0;
}
