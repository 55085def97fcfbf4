/* SPDX-License-Identifier: BSD-2-Clause */
#include <check.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cms.h"
#include "formats.h"
#include "mtms_kit.h"
#include "permission.h"
#include "temp.h"

static char dir[128];
struct pki root, other;
static struct conf *conf;
struct mtms m;
struct room room;
struct rewrapper rewrapper;
static struct customer customers[] = { { .id = "ACME", .suite = 2 }, { .id = "OLD", .suite = 1 } };

void must(enum err e, const struct fail *f)
{
	ck_assert_msg(!e, "%s", f->text);
}

void command(const char *line)
{
	BUF_AUTO text = { 0 };

	ck_assert_msg(!room_command(&room, admin_rows, admin_rows_count, line, &text), "%s: %s", line, room.why);
}

void working_certificate(const char *serial, int64_t index, const char *der)
{
	struct fail f = { 0 };

	must(db_run(m.db, &f, "INSERT INTO pr_key (key_index, label, created) VALUES (?, 'Pr', 1)", "i", index), &f);
	must(db_run(
		 m.db, &f,
		 "INSERT INTO working_certificate (serial, key_index, certificate, imported, number) VALUES (?, ?, ?, "
		 "1, ?)",
		 "bibi", view_of_string(serial), index, view_of_string(der), index),
	     &f);
}

static void write_conf(const char *path)
{
	FILE *file = fopen(path, "w");

	ck_assert_ptr_nonnull(file);
	fprintf(file, "name = mtms1\ndatabase = %s/mtms.db\n[identity]\ncertificate = %s/mtms1.crt\n", dir, dir);
	fprintf(file, "key = %s/mtms1.key\nca = %s\n[token]\nuri = pkcs11:token=none\n", dir, root.root_pem);
	fprintf(file, "[dc]\nurl = https://127.0.0.1:1\n");
	for (size_t i = 0; i < ARRAY_LEN(customers); i++)
		fprintf(file, "[customer %s]\npk = pkcs11:object=PK\nmak = pkcs11:object=MAK\nsuite = %u\n",
			customers[i].id, customers[i].suite);
	ck_assert_int_eq(fclose(file), 0);
}

const char *inventory(const char *lines)
{
	static char path[200];
	FILE *file;

	snprintf(path, sizeof(path), "%s/inventory", dir);
	file = fopen(path, "w");
	ck_assert(file && fputs(lines, file) >= 0 && fclose(file) == 0);
	return path;
}

static void add_order(const char *order, const char *customer, const char *prefix, int first, int last)
{
	BUF_AUTO lines = { 0 };
	char line[400];

	for (int i = first; i <= last; i++)
		buf_printf(&lines, "%s%d\n", prefix, i);
	buf_put_u8(&lines, 0);
	snprintf(line, sizeof(line), "order add %s %s --inventory %s", order, customer, inventory((char *)lines.p));
	command(line);
}

/* Names with a blank, so not by room_command. */
static void grant(const char *customer)
{
	char what[64], opterm[] = "line 3", card[] = "Operator 7", *arguments[] = { opterm, card, what, NULL };
	struct fail f = { 0 };

	snprintf(what, sizeof(what), "customer:%s", customer);
	must(permission_grant(&m, arguments, &f), &f);
}

void setup(void)
{
	char path[200], error[256];
	struct fail f = { 0 };

	temp_dir(dir);
	pki_init(&root, dir, "root");
	pki_init(&other, dir, "other");
	pki_identity(&root, ROLE_MTMS, "mtms1");
	snprintf(path, sizeof(path), "%s/mtms.conf", dir);
	write_conf(path);
	ck_assert_msg(conf_load(path, mtms_keys, mtms_keys_count, &conf, error), "%s", error);
	m = (struct mtms){ .conf = conf, .name = "mtms1", .customers = customers, .customer_count = 2 };
	must(identity_configured(conf, ROLE_MTMS, &m.identity, &f), &f);
	must(mtms_open_db(conf, &m.db, &f), &f);
	rewrapper = (struct rewrapper){ .m = &m, .number = 1 };
	must(mtms_open_db(conf, &rewrapper.db, &f), &f);
	must(mtms_open_db(conf, &m.outbox_db, &f), &f);
	room = (struct room){ .service = { mtms_rows, mtms_rows_count, { &m, m.db }, NULL, NULL },
			      .peer = { ROLE_OPTERM, "line 3" } };
	working_certificate("4711", 1, "a certificate");
	add_order("order-1", "ACME", "POS-", 1, 19);
	add_order("order-2", "ACME", "POS-", 21, 29);
	add_order("order-old", "OLD", "OLD-", 1, 2);
	grant("ACME");
	grant("OLD");
}

void teardown(void)
{
	room_done(&room);
	m.customers = NULL; /* not from the heap, and no keys in them */
	m.customer_count = 0;
	db_free(rewrapper.db);
	mtms_done(&m);
	conf_free(conf);
	pki_done(&root);
	pki_done(&other);
	temp_remove(dir);
}

void put_packet(const struct sample *s, struct buf *ret)
{
	static const uint8_t cipher[256] = { 0xc5, 0x11 }, mac[16] = { 0x3a };
	char pin_pad[FORMAT_PIN_PAD_MAX + 1];
	struct tk_packet p = { .suite = s->suite ? s->suite : 2,
			       .version = FORMAT_VERSION,
			       .handshake = FORMAT_HANDSHAKE_V2,
			       .oaep_hash = FORMAT_HASH_SHA256,
			       .counter = s->counter ? s->counter : 1,
			       .tek = { FORMAT_ROLE_TEK, FORMAT_KEY_AES, 32, { NULL, 0 } },
			       .auk = { FORMAT_ROLE_AUK, FORMAT_KEY_AES, 32, { NULL, 0 } },
			       .ctek = VIEW(cipher, sizeof(cipher)),
			       .cauk = VIEW(cipher, sizeof(cipher)),
			       .mac = VIEW(mac, sizeof(mac)) };

	snprintf(pin_pad, sizeof(pin_pad), "%s", s->pin_pad ? s->pin_pad : "");
	if (!s->pin_pad)
		snprintf(pin_pad, sizeof(pin_pad), "PP-%s", s->serial);
	p.pin_pad = view_of_string(pin_pad);
	p.pos_serial = view_of_string(s->in_packet ? s->in_packet : s->serial);
	p.cert_serial = view_of_string(s->certificate ? s->certificate : "4711");
	if (p.suite == 1) {
		p.tek.type = p.auk.type = FORMAT_KEY_TDES;
		p.tek.length = p.auk.length = 16;
		p.mac.n = 8;
	}
	tk_packet_put(ret, &p);
	ck_assert(buf_ok(ret));
	if (s->broken)
		ret->len--;
}

void put_content(const char *order, const char *batch, const struct sample *s, size_t count, struct buf *ret)
{
	buf_printf(ret, "{\"format\":\"strongroom tk batch\",\"version\":1,\"order\":\"%s\",\"batch\":\"%s\",", order,
		   batch);
	buf_printf(ret, "\"terminals\":[");
	for (size_t i = 0; i < count; i++) {
		BUF_AUTO packet = { 0 };

		put_packet(&s[i], &packet);
		buf_printf(ret, "%s{\"serial\":\"%s\",\"collected\":%lld,\"packet\":\"", i ? "," : "", s[i].serial,
			   (long long)time(NULL) + s[i].ahead);
		base64_encode(buf_view(&packet), ret);
		buf_printf(ret, "\"}");
	}
	buf_printf(ret, "]}");
	ck_assert(buf_ok(ret));
}

struct pki_cert card_cert(void)
{
	return (struct pki_cert){ .name = "Operator 7", .usages = "critical," IDENTITY_ARC ".3" };
}

void sign(const struct pki *issuer, struct pki_cert c, struct view content, struct buf *ret)
{
	struct identity card = { .key = EVP_EC_gen("P-256") };
	struct fail f = { 0 };

	card.cert = pki_issue(issuer, card.key, &c);
	must(cms_sign(&card, content, ret, &f), &f);
	X509_free(card.cert);
	EVP_PKEY_free(card.key);
}

enum err post_cms(const char *order, const char *batch, struct view cms, struct batch_out *ret)
{
	struct batch_in in = { view_of_string(order), view_of_string(batch), cms };

	*ret = (struct batch_out){ 0 };
	return room_post(&room, BATCHES, &in, ret);
}

enum err post_content(const char *order, const char *batch, struct view content, struct batch_out *ret)
{
	BUF_AUTO cms = { 0 };

	sign(&root, card_cert(), content, &cms);
	return post_cms(order, batch, buf_view(&cms), ret);
}

struct batch_out receive(const char *order, const char *batch, const struct sample *s, size_t count)
{
	BUF_AUTO content = { 0 };
	struct batch_out out;

	put_content(order, batch, s, count, &content);
	ck_assert_msg(!post_content(order, batch, buf_view(&content), &out), "%s", room.why);
	ck_assert(view_equal(out.batch, view_of_string(batch)));
	ck_assert_uint_eq(out.accepted + out.refused.count, count);
	return out;
}

const struct sample three[] = { { .serial = "POS-1" }, { .serial = "POS-2", .counter = 7 }, { .serial = "POS-3" } };
