/* SPDX-License-Identifier: BSD-2-Clause */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "keyfile.h"
#include "kms_rig.h"
#include "kms_rig_own.h"
#include "pg_server.h"
#include "sha256.h"

#define FRAME_MS 20000

#define OK(call)                                                                                                       \
	do {                                                                                                           \
		struct fail f_ = { 0 };                                                                                \
		struct fail *f = &f_;                                                                                  \
		if ((call) != ERR_OK)                                                                                  \
			rig_die("%s:%d: %s: %s", __FILE__, __LINE__, #call, f_.text);                                  \
	} while (0)

/* ---- terminals and records ---- */

void rig_terminal_done(struct rig_terminal *t)
{
	buf_done(&t->packet);
	memset(t, 0, sizeof(*t));
}

void rig_tk(struct rig *r, struct rig_terminal *t, const char *serial, uint8_t suite, uint8_t handshake)
{
	struct ops_tk_in in = { .pu = r->pu,
				.suite = suite,
				.handshake = handshake,
				/* SoftHSM knows no other hash for OAEP */
				.oaep_hash = getenv("RIG_SOFTHSM") ? FORMAT_HASH_SHA1 : FORMAT_HASH_SHA256,
				.type = suite == FORMAT_SUITE_TDES ? FORMAT_KEY_TDES : FORMAT_KEY_AES,
				.length = suite == FORMAT_SUITE_TDES ? 16 : 32,
				.serial = view_of_string(serial),
				.pin_pad = VIEW_STR("PP-1"),
				.cert_serial = buf_view(&r->cert_serial),
				.counter = ++r->counter };

	buf_done(&t->packet);
	snprintf(t->serial, sizeof(t->serial), "%s", serial);
	t->suite = suite;
	t->handshake = handshake;
	be_put64(t->id, in.counter);
	in.id = VIEW(t->id, sizeof(t->id));
	OK(ops_tk_generate(r->pos_ops, &in, &t->packet, f));
}

void rig_record(struct rig *r, const struct rig_terminal *t, const char *customer, bool other_keys, struct buf *ret)
{
	const struct ops_record_keys *keys = other_keys ? &r->other : &r->keys[t->suite];
	struct ops_rewrap_in in = { .pr = r->pr,
				    .pk = keys->pk,
				    .mak = keys->mak,
				    .packet = buf_view(&t->packet),
				    .customer = view_of_string(customer),
				    .collected = (uint64_t)time(NULL) };
	struct tk_record record;
	BUF_AUTO bytes = { 0 };

	OK(ops_rewrap(r->hsm1_ops, &in, &bytes, f));
	if (!tk_record_parse(buf_view(&bytes), &record))
		rig_die("record of %s is malformed", t->serial);
	record.has_imported = true;
	record.imported = (uint64_t)time(NULL);
	buf_done(ret);
	tk_record_put(ret, &record);
	if (!buf_ok(ret))
		rig_die("record of %s", t->serial);
}

/* ---- database ---- */

void rig_database(struct rig *r)
{
	if (!getenv("RIG_POSTGRES")) {
		snprintf(r->database, sizeof(r->database), "%s/kms.db", r->dir);
		return;
	}
	pg_server_start(NULL);
	pg_server_create(r->database_name);
	pg_server_url(r->database_name, false, r->database);
	/* A word of SQLite's that the tests' questions use. */
	pg_server_do("sql %s CREATE FUNCTION hex(bytea) RETURNS text LANGUAGE sql RETURN upper(encode($1, 'hex'))",
		     r->database_name);
}

int64_t rig_number(struct rig *r, const char *sql, const char *text)
{
	int64_t n = 0;

	if (text)
		OK(db_one(r->db, &n, f, sql, "t", text));
	else
		OK(db_one(r->db, &n, f, sql, ""));
	return n;
}

void rig_wait(struct rig *r, int64_t want, const char *sql, const char *text)
{
	int64_t n = 0;

	for (int i = 0; i < 2000; i++) {
		n = rig_number(r, sql, text);
		if (n == want)
			return;
		usleep(10000);
	}
	rig_die("waited for %lld in vain, have %lld: %s %s", (long long)want, (long long)n, sql, text ? text : "");
}

void rig_text(struct rig *r, char ret[512], const char *sql, const char *text)
{
	DB_STMT_AUTO *s = NULL;
	bool row = false;

	if (text)
		OK(db_query(r->db, &s, f, sql, "t", text));
	else
		OK(db_query(r->db, &s, f, sql, ""));
	OK(db_next(s, &row, f));
	snprintf(ret, 512, "%s", row ? db_text(s, 0) : "");
}

void rig_db_write(struct rig *r, const char *sql)
{
	sqlite3 *d = NULL;
	char *error = NULL;

	if (r->database_name[0]) {
		pg_server_do("sql %s %s", r->database_name, sql);
		return;
	}
	if (sqlite3_open_v2(r->database, &d, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK ||
	    sqlite3_busy_timeout(d, 10000) != SQLITE_OK || sqlite3_exec(d, sql, NULL, NULL, &error) != SQLITE_OK)
		rig_die("%s: %s", sql, error ? error : "?");
	sqlite3_close(d);
}

/* ---- deliveries ---- */

void rig_write(struct rig *r, const char *path, const void *bytes, size_t n)
{
	char full[400];
	int fd;

	snprintf(full, sizeof(full), "%s/%s", r->dir, path);
	fd = open(full, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, bytes, n) != (ssize_t)n || close(fd) < 0)
		rig_die("cannot write %s: %s", full, strerror(errno));
}

int rig_post(struct rig *r, enum role role, const char *body, size_t body_len, struct buf *ret)
{
	return rig_post_to(r, role, "/v1/records", body, body_len, ret);
}

int rig_post_to(struct rig *r, enum role role, const char *where, const char *body, size_t body_len, struct buf *ret)
{
	struct http_client_options options = { .server = ROLE_KMS };
	struct identity *identity = NULL;
	struct http_client *client = NULL;
	char cert[200], key[200], ca[200], url[200];
	int status = 0;

	snprintf(cert, sizeof(cert), "%s/%s.pem", r->dir, role_name(role));
	snprintf(key, sizeof(key), "%s/%s.key", r->dir, role_name(role));
	snprintf(ca, sizeof(ca), "%s/ca/root.pem", r->dir);
	snprintf(url, sizeof(url), "https://%s%s", r->https, where);
	OK(identity_load(cert, key, ca, role, &identity, f));
	options.identity = identity;
	OK(http_client_new(&options, &client, f));
	if (http_post(client, url, VIEW(body, body_len), &status, ret, NULL) != ERR_OK)
		status = 0;
	buf_put_u8(ret, 0);
	http_client_free(client);
	identity_free(identity);
	return status;
}

int rig_deliver(struct rig *r, const char *delivery, const struct view *records, size_t count, struct buf *ret)
{
	BUF_AUTO body = { 0 };

	buf_printf(&body, "{\"dc\":\"dc1\",\"delivery\":\"%s\",\"records\":[", delivery);
	for (size_t i = 0; i < count; i++) {
		buf_printf(&body, "%s\"", i ? "," : "");
		base64_encode(records[i], &body);
		buf_put_u8(&body, '"');
	}
	buf_printf(&body, "]}");
	if (!buf_ok(&body))
		rig_die("delivery");
	return rig_post(r, ROLE_DC, (const char *)body.p, body.len, ret);
}

struct manifest rig_manifest_of(struct rig *r, const char *name, struct view bytes, size_t count)
{
	struct manifest m = {
		.dc = "dc1", .kms = "ACME", .order = "ORDER-1", .count = count, .size = bytes.n ? bytes.n : 1
	};

	if (r->order)
		snprintf(m.order, sizeof(m.order), "%s", r->order);
	m.sequence = 1 + (uint64_t)rig_number(r, "SELECT coalesce(max(sequence), 0) FROM delivery_sequence", NULL);
	snprintf(m.name, sizeof(m.name), "%s", name);
	if (!sha256_hex(bytes, m.sha256))
		rig_die("digest");
	return m;
}

void rig_manifest_write(struct rig *r, const char *name, const struct manifest *m, enum role signer)
{
	char cert[200], key[200], ca[200], part[200], from[400], to[400];
	struct identity *identity = NULL;
	struct manifest mine = *m;
	BUF_AUTO der = { 0 };

	snprintf(cert, sizeof(cert), "%s/%s.pem", r->dir, role_name(signer));
	snprintf(key, sizeof(key), "%s/%s.key", r->dir, role_name(signer));
	snprintf(ca, sizeof(ca), "%s/ca/root.pem", r->dir);
	OK(identity_load(cert, key, ca, signer, &identity, f));
	if (signer != ROLE_DC) /* who signs speaks for himself: only the role is wrong */
		snprintf(mine.dc, sizeof(mine.dc), "%.64s", identity->name);
	OK(manifest_make(identity, &mine, &der, f));
	identity_free(identity);
	snprintf(part, sizeof(part), "spool/.%s.manifest.part", name);
	rig_write(r, part, der.p, der.len);
	snprintf(from, sizeof(from), "%s/%s", r->dir, part);
	snprintf(to, sizeof(to), "%s/spool/%s.manifest", r->dir, name);
	if (rename(from, to) < 0)
		rig_die("rename %s", to);
}

void rig_offer(struct rig *r, const char *name, struct view bytes)
{
	struct manifest m = rig_manifest_of(r, name, bytes, 1);
	char path[200];

	snprintf(path, sizeof(path), "spool/%s.keys", name);
	rig_write(r, path, bytes.p, bytes.n);
	rig_manifest_write(r, name, &m, ROLE_DC);
}

void rig_keyfile(struct rig *r, const char *file, const char *name, const char *kms, const struct view *records,
		 size_t count)
{
	size_t n = strlen(file), suffix = sizeof(KEYFILE_SUFFIX) - 1;
	struct keyfile_head head = { .dc = "dc1" };
	BUF_AUTO text = { 0 };
	char part[100], from[400], to[400], stem[140];
	struct manifest m;

	snprintf(head.kms, sizeof(head.kms), "%s", kms);
	snprintf(head.name, sizeof(head.name), "%s", name);
	OK(keyfile_write(&head, records, count, &text, f));
	snprintf(part, sizeof(part), "spool/.%s.part", file);
	rig_write(r, part, text.p, text.len);
	snprintf(from, sizeof(from), "%s/%s", r->dir, part);
	snprintf(to, sizeof(to), "%s/spool/%s", r->dir, file);
	if (rename(from, to) < 0)
		rig_die("rename %s", to);
	if (n <= suffix || strcmp(file + n - suffix, KEYFILE_SUFFIX) != 0)
		return;
	snprintf(stem, sizeof(stem), "%.*s", (int)(n - suffix), file);
	m = rig_manifest_of(r, name, buf_view(&text), count);
	snprintf(m.kms, sizeof(m.kms), "%s", kms);
	rig_manifest_write(r, stem, &m, ROLE_DC);
}

void rig_import(struct rig *r, struct buf *record)
{
	static unsigned number;
	struct view v = buf_view(record);
	BUF_AUTO answer = { 0 };
	char name[64], key[80];

	snprintf(name, sizeof(name), "good-%u", ++number);
	snprintf(key, sizeof(key), "dc1/%s", name);
	if (rig_deliver(r, name, &v, 1, &answer) != 200)
		rig_die("delivery %s: %s", name, (char *)answer.p);
	rig_wait(r, 1,
		 "SELECT count(*) FROM key_source s JOIN key_file k ON k.id = s.file"
		 " WHERE k.name = ? AND s.flag = 'imported'",
		 key);
}

void rig_fresh(struct rig *r, struct rig_terminal *t, struct buf *ret_record)
{
	static unsigned number;
	char serial[33];

	snprintf(serial, sizeof(serial), "FRESH%05u", ++number);
	rig_tk(r, t, serial, FORMAT_SUITE_AES, FORMAT_HANDSHAKE_V2);
	rig_record(r, t, "ACME", false, ret_record);
}

void rig_known(struct rig *r, struct rig_terminal *t, uint8_t suite, uint8_t handshake)
{
	static unsigned number;
	BUF_AUTO record = { 0 };
	char serial[33];

	snprintf(serial, sizeof(serial), "DL%05u", ++number);
	rig_tk(r, t, serial, suite, handshake);
	rig_record(r, t, "ACME", false, &record);
	rig_import(r, &record);
}

void rig_audited(struct rig *r, const char *serial, const char *word)
{
	char text[512];

	rig_wait(r, 1, "SELECT count(*) > 0 FROM audit WHERE event = 'download' AND code <> 0 AND object = ?", serial);
	rig_text(r, text,
		 "SELECT text FROM audit WHERE event = 'download' AND code <> 0 AND object = ? ORDER BY id DESC",
		 serial);
	if (strncmp(text, word, strlen(word)) != 0 || text[strlen(word)] != ' ')
		rig_die("%s: %s, not %s", serial, text, word);
}

/* ---- the terminal's end ---- */

void rig_connect(struct rig *r, struct rig_client *c)
{
	*c = (struct rig_client){ .fd = -1 };
	OK(frame_connect(r->terminals, FRAME_MS, &c->fd, f));
}

void rig_connect_from(struct rig *r, struct rig_client *c, const char *source)
{
	struct sockaddr_in from = { .sin_family = AF_INET }, to = { .sin_family = AF_INET };
	const char *colon = strrchr(r->terminals, ':');
	char host[64];

	*c = (struct rig_client){ .fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) };
	snprintf(host, sizeof(host), "%.*s", (int)(colon - r->terminals), r->terminals);
	to.sin_port = htons((uint16_t)atoi(colon + 1));
	if (c->fd < 0 || inet_pton(AF_INET, source, &from.sin_addr) != 1 ||
	    inet_pton(AF_INET, host, &to.sin_addr) != 1 || bind(c->fd, (struct sockaddr *)&from, sizeof(from)) < 0 ||
	    connect(c->fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		rig_die("cannot connect from %s", source);
}

struct frame rig_stranger(struct rig *r, struct rig_client *c, const char *source, const char *serial)
{
	uint8_t random[FORMAT_NONCE];

	OK(ops_random(r->pos_ops, random, sizeof(random), f));
	rig_connect_from(r, c, source);
	rig_hello_send(c, FORMAT_HANDSHAKE_V2, serial, VIEW(random, sizeof(random)));
	return rig_recv(c);
}

void rig_connect_tls(struct rig *r, struct rig_client *c)
{
	struct frame_tls_options o = { .server = ROLE_KMS, .name = "127.0.0.1" };
	struct frame_stream s = { .fd = -1 };
	char path[200];

	snprintf(path, sizeof(path), "%s/ca/root.pem", r->dir);
	OK(identity_roots(path, &o.roots, f));
	*c = (struct rig_client){ .fd = -1 };
	OK(frame_connect(r->terminals_tls, FRAME_MS, &c->fd, f));
	s.fd = c->fd;
	OK(frame_tls_connect(&s, &o, FRAME_MS, f));
	c->tls = s.tls;
	X509_STORE_free(o.roots);
}

void rig_close(struct rig_client *c)
{
	ops_tk_close(&c->tk);
	frame_tls_free(c->tls);
	if (c->fd >= 0)
		close(c->fd);
	buf_done(&c->storage);
	*c = (struct rig_client){ .fd = -1 };
}

void rig_send(struct rig_client *c, const struct frame *fr)
{
	struct frame_stream s = { c->fd, c->tls };

	OK(stream_send(&s, fr, FRAME_MS, f));
}

struct frame rig_recv(struct rig_client *c)
{
	struct frame_stream s = { c->fd, c->tls };
	struct frame got = { 0 };
	struct fail f = { 0 };
	enum err e = stream_recv(&s, &c->storage, &got, FRAME_MS, &f);

	if (e == ERR_PEER)
		return (struct frame){ 0 };
	if (e)
		rig_die("frame: %s", f.text);
	return got;
}

void rig_refused(struct rig_client *c, enum err code)
{
	struct frame got = rig_recv(c);

	if (got.type != FRAME_ERROR || frame_error_code(&got) != (unsigned)code)
		rig_die("expected ERROR %d, got %s %u", code, got.type ? frame_name(got.type) : "the end",
			got.type == FRAME_ERROR ? frame_error_code(&got) : 0);
	got = rig_recv(c);
	if (got.type)
		rig_die("%s after ERROR", frame_name(got.type));
}

void rig_hello_send(struct rig_client *c, uint8_t handshake, const char *serial, struct view random)
{
	struct frame hello = { .type = FRAME_HELLO, .field = { VIEW(&handshake, 1), view_of_string(serial), random } };

	rig_send(c, &hello);
}

struct frame rig_hello(struct rig *r, struct rig_client *c, const struct rig_terminal *t)
{
	struct frame proof;

	ops_tk_close(&c->tk);
	OK(ops_tk_find(r->pos_ops, VIEW(t->id, sizeof(t->id)), t->handshake, view_of_string(t->serial), &c->tk, f));
	c->nonce_len = ops_nonce_len(&c->tk);
	OK(ops_random(r->pos_ops, c->terminal_random, c->nonce_len, f));
	rig_hello_send(c, t->handshake, t->serial, VIEW(c->terminal_random, c->nonce_len));
	proof = rig_recv(c);
	if (proof.type != FRAME_PROOF_K || proof.field[PROOF_K_RANDOM].n != c->nonce_len) {
		rig_run("tail -q -n 5 %s/*.log >&2", r->dir);
		rig_die("expected PROOF_K, got %s %u", proof.type ? frame_name(proof.type) : "the end",
			proof.type == FRAME_ERROR ? frame_error_code(&proof) : 0);
	}
	memcpy(c->host_random, proof.field[PROOF_K_RANDOM].p, c->nonce_len);
	return proof;
}

static struct ops_shake shake_of(const struct rig_client *c)
{
	return (struct ops_shake){ VIEW(c->terminal_random, c->nonce_len), VIEW(c->host_random, c->nonce_len) };
}

enum err rig_check_host(struct rig *r, struct rig_client *c, const struct frame *proof)
{
	struct ops_shake shake = shake_of(c);

	return ops_check(r->pos_ops, &c->tk, &shake, TRANSCRIPT_HOST_PROVES, NULL, proof->field[PROOF_K_TAG], NULL);
}

void rig_greet_on(struct rig *r, struct rig_client *c, const struct rig_terminal *t)
{
	struct frame got = rig_hello(r, c, t);

	if (rig_check_host(r, c, &got) != ERR_OK)
		rig_die("%s: the KMS did not prove itself", t->serial);
}

void rig_greet(struct rig *r, struct rig_client *c, const struct rig_terminal *t)
{
	rig_connect(r, c);
	rig_greet_on(r, c, t);
}

size_t rig_proof(struct rig *r, struct rig_client *c, uint8_t ret[OPS_TAG_MAX])
{
	struct ops_shake shake = shake_of(c);
	size_t n = 0;

	OK(ops_prove(r->pos_ops, &c->tk, &shake, TRANSCRIPT_TERMINAL_PROVES, NULL, ret, &n, f));
	return n;
}

void rig_proof_send(struct rig_client *c, struct view tag)
{
	struct frame proof = { .type = FRAME_PROOF_T, .field = { tag } };

	rig_send(c, &proof);
}

enum err rig_load(struct rig *r, struct rig_client *c, struct view message, struct check_value *ret)
{
	static uint64_t number;
	struct ops_shake shake = shake_of(c);
	uint8_t id[8];

	be_put64(id, ++number);
	return ops_tmk_load(r->pos_ops, &c->tk, &shake, message, VIEW(id, sizeof(id)), ret, NULL);
}

size_t rig_confirm_tag(struct rig *r, struct rig_client *c, const struct check_value *loaded,
		       uint8_t ret_tag[OPS_TAG_MAX])
{
	struct ops_shake shake = shake_of(c);
	size_t n = 0;

	OK(ops_prove(r->pos_ops, &c->tk, &shake, TRANSCRIPT_CONFIRM, loaded, ret_tag, &n, f));
	return n;
}

void rig_confirm_send(struct rig_client *c, const struct check_value *loaded, struct view tag)
{
	struct frame confirm = { .type = FRAME_CONFIRM };
	BUF_AUTO check = { 0 };

	check_value_put(&check, loaded);
	confirm.field[CONFIRM_CHECK] = buf_view(&check);
	confirm.field[CONFIRM_TAG] = tag;
	rig_send(c, &confirm);
}

void rig_confirm(struct rig *r, struct rig_client *c, const struct check_value *loaded)
{
	uint8_t tag[OPS_TAG_MAX];
	size_t n = rig_confirm_tag(r, c, loaded, tag);

	rig_confirm_send(c, loaded, VIEW(tag, n));
}

struct check_value rig_download_on(struct rig *r, struct rig_client *c, const struct rig_terminal *t)
{
	struct check_value loaded = { 0 };
	uint8_t tag[OPS_TAG_MAX];
	struct frame got;
	size_t n;

	rig_greet_on(r, c, t);
	n = rig_proof(r, c, tag);
	rig_proof_send(c, VIEW(tag, n));
	got = rig_recv(c);
	if (got.type != FRAME_TMK || rig_load(r, c, got.field[TMK_MESSAGE], &loaded) != ERR_OK)
		rig_die("%s: no TMK, but %s", t->serial, frame_name(got.type));
	rig_confirm(r, c, &loaded);
	got = rig_recv(c);
	if (got.type != FRAME_DONE)
		rig_die("%s: no DONE, but %s", t->serial, frame_name(got.type));
	rig_close(c);
	return loaded;
}

struct check_value rig_download(struct rig *r, const struct rig_terminal *t)
{
	struct rig_client c;

	rig_connect(r, &c);
	return rig_download_on(r, &c, t);
}
