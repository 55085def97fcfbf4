/* SPDX-License-Identifier: BSD-2-Clause */
#include <check.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "dc_kit.h"
#include "pki.h"
#include "temp.h"

#define ROUTES                                                                                                         \
	"[kms ACME]\nmode = file\nspool = %s/spool\nbatch = 3\n[kms FAR]\nmode = message\nurl = https://127.0.0.1:1\n"

char dir[128], spool[160];
static struct pki root;
static struct conf *conf;
struct dc dc;
struct room room;

void must(enum err e, const struct fail *f)
{
	ck_assert_msg(!e, "%s", f->text);
}

enum err open_dc(const char *sections, struct fail *f)
{
	char path[200], error[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/dc.conf", dir);
	file = fopen(path, "w");
	ck_assert_ptr_nonnull(file);
	fprintf(file, "name = dc1\ndatabase = %s/dc.db\n[identity]\ncertificate = %s/dc1.crt\n", dir, dir);
	fprintf(file, "key = %s/dc1.key\nca = %s\n%s", dir, root.root_pem, sections);
	ck_assert_int_eq(fclose(file), 0);
	ck_assert_msg(conf_load(path, dc_keys, dc_keys_count, &conf, error), "%s", error);
	dc = (struct dc){ .conf = conf };
	return dc_open(&dc, f);
}

void close_dc(void)
{
	dc_done(&dc);
	conf_free(conf);
}

void reopen(const char *more)
{
	char sections[600];
	struct fail f = { 0 };
	int n = snprintf(sections, sizeof(sections), ROUTES, dir);

	snprintf(sections + n, sizeof(sections) - (size_t)n, "%s", more);
	must(open_dc(sections, &f), &f);
	room.service = (struct msg_service){ dc_rows, dc_rows_count, { &dc, dc.db }, NULL, NULL };
	room.peer = (struct identity_peer){ ROLE_MTMS, "mtms1" };
}

void setup(void)
{
	temp_dir(dir);
	snprintf(spool, sizeof(spool), "%s/spool", dir);
	ck_assert_int_eq(mkdir(spool, 0700), 0);
	pki_init(&root, dir, "root");
	pki_identity(&root, ROLE_DC, "dc1");
	reopen("");
}

void teardown(void)
{
	room_done(&room);
	close_dc();
	pki_done(&root);
	temp_remove(dir);
}

struct tk_record record_of(const char *customer, const char *serial, uint64_t counter)
{
	static const uint8_t cipher[40] = { 0xc1, 0x22 }, mac[16] = { 0x77 };

	return (struct tk_record){ .suite = FORMAT_SUITE_AES,
				   .version = FORMAT_VERSION,
				   .handshake = FORMAT_HANDSHAKE_V2,
				   .customer = view_of_string(customer),
				   .pos_serial = view_of_string(serial),
				   .pin_pad = VIEW_STR("PP-1"),
				   .cert_serial = VIEW_STR("4711"),
				   .collected = 1700000000,
				   .counter = counter,
				   .parameters = 2,
				   .tek = { FORMAT_ROLE_TEK, FORMAT_KEY_AES, 32, { NULL, 0 } },
				   .ctek = VIEW(cipher, sizeof(cipher)),
				   .auk = { FORMAT_ROLE_AUK, FORMAT_KEY_AES, 32, { NULL, 0 } },
				   .cauk = VIEW(cipher, sizeof(cipher)),
				   .mac = VIEW(mac, sizeof(mac)) };
}

struct view bytes_of(const struct tk_record *r)
{
	BUF_AUTO b = { 0 };
	struct view v;

	tk_record_put(&b, r);
	ck_assert(buf_ok(&b));
	v = arena_copy(&room.arena, buf_view(&b));
	ck_assert_ptr_nonnull(v.p);
	return v;
}

struct view record(const char *customer, const char *serial, uint64_t counter)
{
	struct tk_record r = record_of(customer, serial, counter);

	return bytes_of(&r);
}

const char *order = "ORDER-1";

uint64_t next_number(void)
{
	return 1 +
	       (uint64_t)room_number(dc.db, "SELECT coalesce(max(last), 0) FROM mtms WHERE name = ?", room.peer.name);
}

enum err post(const char *delivery, const struct view *records, size_t count, struct records_out *ret)
{
	struct record_item items[32];
	struct records_in in = { .delivery = view_of_string(delivery),
				 .order = view_of_string(order),
				 .sequence = next_number(),
				 .records = { items, count } };

	ck_assert_uint_le(count, ARRAY_LEN(items));
	for (size_t i = 0; i < count; i++)
		items[i].record = records[i];
	*ret = (struct records_out){ 0 };
	return room_post(&room, RECORDS_PATH, &in, ret);
}

void receive(const char *delivery, struct view bytes)
{
	struct records_out out;

	ck_assert_msg(!post(delivery, &bytes, 1, &out), "%s", room.why);
	ck_assert_uint_eq(out.accepted, 1);
}

void receive_many(const char *delivery, int first, size_t count)
{
	struct view v[32];
	struct records_out out;
	char serial[32][16];

	for (size_t i = 0; i < count; i++) {
		snprintf(serial[i], sizeof(serial[i]), "POS-%02d", first + (int)i);
		v[i] = record("ACME", serial[i], 1);
	}
	ck_assert_msg(!post(delivery, v, count, &out), "%s", room.why);
	ck_assert_uint_eq(out.accepted, count);
}

int64_t number(const char *sql)
{
	return room_number(dc.db, sql, NULL);
}

void run_route(size_t route)
{
	enum worker_next next;
	int steps = 0;

	while ((next = route_step(&dc.routes[route])) == WORKER_AGAIN)
		ck_assert_int_lt(steps++, 100);
	ck_assert_int_eq(next, WORKER_IDLE);
}

void retry_now(void)
{
	struct fail f = { 0 };

	must(db_run(dc.db, &f, "UPDATE route SET next_try = 0", ""), &f);
}

static bool ends(const char *s, const char *with)
{
	return strlen(s) >= strlen(with) && !strcmp(s + strlen(s) - strlen(with), with);
}

int spool_names(char ret[16][160])
{
	struct dirent **list = NULL;
	int n = scandir(spool, &list, NULL, alphasort), count = 0;

	for (int i = 0; i < n; i++) {
		if (strcmp(list[i]->d_name, ".") && strcmp(list[i]->d_name, "..") &&
		    !ends(list[i]->d_name, ".manifest") && count < 16)
			snprintf(ret[count++], 160, "%.150s", list[i]->d_name);
		free(list[i]);
	}
	free(list);
	return count;
}
