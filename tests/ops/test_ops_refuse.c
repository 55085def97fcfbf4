/* SPDX-License-Identifier: BSD-2-Clause */
/* What the operations refuse, both ways alike: nothing comes out, and no object stays behind. */
#include "ops_rig.h"

#include <stdio.h>
#include <string.h>

#define A FORMAT_KEY_AES
#define T FORMAT_KEY_TDES

struct side {
	const char *name;
	struct ops *ops;
	struct pk11_key *pr, *srk, *pk[3], *mak[3];
	struct buf spki;
	uint8_t hash;
	bool aes_only;
};

static struct pk11 *hsm, *pos, *foreign;
static struct side sides[3]; /* vendor, standard, SoftHSM */
static size_t side_count;
static struct ops *pos_ops[2]; /* vendor, standard */
static const uint8_t nonces[] = "0123456789abcdefABCDEFGHIJKLMNOP";

static void side_open(struct pk11 *token, const char *name, enum ops_way way, const char *prefix)
{
	struct side *s = &sides[side_count++];
	char uri[64], label[32];

	*s = (struct side){ .name = name, .hash = token == foreign ? FORMAT_HASH_SHA1 : FORMAT_HASH_SHA256 };
	s->aes_only = token == foreign;
	ok(ops_open(token, OPS_FOR_MTMS | OPS_FOR_KMS, way, &s->ops, rig_fail()));
	snprintf(label, sizeof(label), "%sPr", prefix);
	ok(ops_pr_generate(s->ops, 2048, label, VIEW_STR("r"), &s->spki, rig_fail()));
	snprintf(uri, sizeof(uri), "pkcs11:object=%sPr;type=private", prefix);
	s->pr = rig_key(token, uri);
	snprintf(label, sizeof(label), "%sSRK", prefix);
	ok(ops_srk_generate(s->ops, label, VIEW_STR("s"), rig_fail()));
	snprintf(uri, sizeof(uri), "pkcs11:object=%sSRK", prefix);
	s->srk = rig_key(token, uri);
	for (unsigned suite = 1; suite <= 2; suite++) {
		snprintf(uri, sizeof(uri), "pkcs11:object=%sPK%s", prefix, suite == 1 ? "-T" : "");
		s->pk[suite] = rig_key(token, uri);
		snprintf(uri, sizeof(uri), "pkcs11:object=%sMAK%s", prefix, suite == 1 ? "-T" : "");
		s->mak[suite] = rig_key(token, uri);
	}
}

static void setup(void)
{
	rig_begin();
	rig_token(RIG_STRONGROOM, "HSM");
	rig_role_keys("HSM");
	rig_plain_keys(RIG_STRONGROOM, "HSM", false);
	rig_token(RIG_STRONGROOM, "POS");
	hsm = rig_open(RIG_STRONGROOM, "HSM");
	pos = rig_open(RIG_STRONGROOM, "POS");
	side_open(hsm, "vendor", OPS_WAY_VENDOR, "");
	side_open(hsm, "standard", OPS_WAY_STANDARD, "p");
	if (rig_has_softhsm()) {
		rig_token(RIG_SOFTHSM, "SOFT");
		rig_plain_keys(RIG_SOFTHSM, "SOFT", true);
		foreign = rig_open(RIG_SOFTHSM, "SOFT");
		side_open(foreign, "softhsm", OPS_WAY_ANY, "p");
	}
	ok(ops_open(pos, OPS_FOR_TERMINAL, OPS_WAY_VENDOR, &pos_ops[0], rig_fail()));
	ok(ops_open(pos, OPS_FOR_TERMINAL, OPS_WAY_STANDARD, &pos_ops[1], rig_fail()));
}

static void teardown(void)
{
	for (size_t i = 0; i < side_count; i++) {
		for (unsigned suite = 1; suite <= 2; suite++) {
			pk11_key_free(sides[i].pk[suite]);
			pk11_key_free(sides[i].mak[suite]);
		}
		pk11_key_free(sides[i].pr);
		pk11_key_free(sides[i].srk);
		buf_done(&sides[i].spki);
		ops_free(sides[i].ops);
	}
	ops_free(pos_ops[0]);
	ops_free(pos_ops[1]);
	pk11_free(hsm);
	pk11_free(pos);
	pk11_free(foreign);
	rig_end();
}

/* objects: session (or token) secret keys that a token shows. */
static size_t objects(struct pk11 *token, bool token_objects)
{
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_BBOOL on_token = token_objects;
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &class, sizeof(class) }, { CKA_TOKEN, &on_token, sizeof(on_token) } };
	CK_OBJECT_HANDLE found[64];
	struct pk11_session *s = NULL;
	size_t n = 0;

	ok(pk11_borrow(token, &s, rig_fail()));
	ok(pk11_find(s, t, ARRAY_LEN(t), found, ARRAY_LEN(found), &n, rig_fail()));
	pk11_return(s, CKR_OK);
	return n;
}

static void key_bytes(uint8_t *room, uint8_t type, size_t length, uint8_t seed)
{
	for (unsigned i = 0; i < length; i++) {
		room[i] = (uint8_t)(seed + 37 * i);
		if (type == T && !(__builtin_popcount(room[i]) & 1))
			room[i] ^= 1;
	}
}

static void good_packet(const struct side *s, uint8_t suite, uint8_t handshake, uint8_t type, uint8_t length,
			struct buf *ret)
{
	uint8_t tek[32], auk[32];

	key_bytes(tek, type, length, 0x31);
	key_bytes(auk, type, length, 0x9e);
	const struct rig_packet in = {
		.suite = suite,
		.handshake = handshake,
		.hash = s->hash,
		.type = type,
		.length = length,
		.serial = "SN0007",
		.counter = 3,
		.tek = VIEW(tek, length),
		.auk = VIEW(auk, length),
	};
	rig_packet(buf_view(&s->spki), &in, ret);
}

static enum err rewrap(const struct side *s, uint8_t suite, struct view packet, struct buf *ret, struct fail *f)
{
	const struct ops_rewrap_in in = {
		.pr = s->pr,
		.pk = s->pk[suite],
		.mak = s->mak[suite],
		.packet = packet,
		.customer = VIEW_STR("ACME"),
		.collected = 1700000000,
	};
	return ops_rewrap(s->ops, &in, ret, f);
}

static void good_record(const struct side *s, uint8_t suite, uint8_t handshake, uint8_t type, uint8_t length,
			struct buf *ret)
{
	BUF_AUTO packet = { 0 };

	good_packet(s, suite, handshake, type, length, &packet);
	ok(rewrap(s, suite, buf_view(&packet), ret, rig_fail()));
}

/* R1.7, R1.13: form, padding, MAC: whatever is wrong in a packet, no record comes out. */
START_TEST(rewrap_refuses_every_changed_packet)
{
	for (size_t i = 0; i < side_count; i++) {
		BUF_AUTO packet = { 0 };
		BUF_AUTO record = { 0 };
		good_packet(&sides[i], 2, 2, A, 32, &packet);
		for (size_t at = 0; at < packet.len; at += i == 0 ? 3 : 11) {
			packet.p[at] ^= 0x20;
			enum err e = rewrap(&sides[i], 2, buf_view(&packet), &record, rig_fail());
			ck_assert_msg(e == ERR_BAD_DATA, "%s: byte %zu: %s", sides[i].name, at, rig_said());
			packet.p[at] ^= 0x20;
		}
		ck_assert_uint_eq(record.len, 0);
		for (size_t n = 0; n < packet.len; n += 40)
			refuses(rewrap(&sides[i], 2, VIEW(packet.p, n), &record, NULL), ERR_BAD_DATA);
		ok(rewrap(&sides[i], 2, buf_view(&packet), &record, rig_fail()));
	}
	ck_assert_uint_eq(objects(hsm, false), 0);
}
END_TEST

START_TEST(rewrap_refuses_twins_and_keys_of_another_length)
{
	uint8_t key[40], other[40];

	key_bytes(key, A, 40, 0x11);
	key_bytes(other, A, 40, 0x77);
	for (size_t i = 0; i < side_count; i++) {
		struct rig_packet in = { .suite = 2,
					 .handshake = 2,
					 .hash = sides[i].hash,
					 .type = A,
					 .length = 32,
					 .serial = "SN1",
					 .counter = 1,
					 .tek = VIEW(key, 32),
					 .auk = VIEW(key, 32) };
		const struct rig_packet twins = in;
		in.tek = VIEW(other, 16);
		const struct rig_packet shorter = in;
		in.tek = VIEW(other, 40);
		const struct rig_packet longer = in;
		const struct rig_packet *bad[] = { &twins, &shorter, &longer };
		for (size_t k = 0; k < ARRAY_LEN(bad); k++) {
			BUF_AUTO packet = { 0 };
			BUF_AUTO record = { 0 };
			rig_packet(buf_view(&sides[i].spki), bad[k], &packet);
			enum err e = rewrap(&sides[i], 2, buf_view(&packet), &record, rig_fail());
			ck_assert_msg(e == ERR_BAD_DATA, "%s: case %zu: %s", sides[i].name, k, rig_said());
			ck_assert_uint_eq(record.len, 0);
		}
	}
	ck_assert_uint_eq(objects(hsm, false), 0);
}
END_TEST

START_TEST(rewrap_refuses_keys_of_another_suite_and_bad_usage)
{
	for (size_t i = 0; i < side_count; i++) {
		const struct side *s = &sides[i];
		BUF_AUTO packet = { 0 };
		BUF_AUTO record = { 0 };
		good_packet(s, 2, 2, A, 32, &packet);
		struct ops_rewrap_in in = { .pr = s->pr,
					    .pk = s->pk[2],
					    .mak = s->mak[2],
					    .packet = buf_view(&packet),
					    .customer = VIEW_STR("no spaces") };
		refuses(ops_rewrap(s->ops, &in, &record, NULL), ERR_USAGE);
		in.customer = VIEW_STR("ACME");
		in.tek_iv = VIEW_STR("12345678");
		ck_assert_int_ne(ops_rewrap(s->ops, &in, &record, NULL), ERR_OK);
		in.tek_iv = VIEW(NULL, 0);
		if (!s->aes_only) {
			in.pk = s->pk[1];
			in.mak = s->mak[1];
			refuses(ops_rewrap(s->ops, &in, &record, NULL), ERR_BAD_DATA);
		}
		ck_assert_uint_eq(record.len, 0);
	}
}
END_TEST

/* R2.1, R6.3: suite 3 goes the vendor way (the first side); the standard one says that it has none. */
START_TEST(suite_3_goes_the_vendor_way_alone)
{
	BUF_AUTO record = { 0 };

	for (size_t i = 0; i < side_count; i++) {
		const struct side *s = &sides[i];
		const struct ops_record_keys keys = { s->pk[2], s->mak[2] };
		enum err want = i ? ERR_CONFIG : ERR_OK;
		struct ops_tk tk = { 0 };
		BUF_AUTO packet = { 0 };

		good_packet(s, 3, 2, A, 32, &packet);
		struct ops_rewrap_in in = { s->pr, keys.pk, keys.mak, buf_view(&packet), VIEW_STR("ACME"), 0 };
		refuses(ops_suite_keys(s->ops, 3, keys.pk, keys.mak, NULL), want);
		refuses(ops_rewrap(s->ops, &in, &record, NULL), want);
		refuses(ops_tk_open(s->ops, &keys, buf_view(&record), &tk, NULL), want);
		ops_tk_close(&tk);
	}
}
END_TEST

/* R2.4, R2.6, R2.7: the record's MAC covers every byte but itself and the DC import time. */
START_TEST(open_refuses_every_changed_record)
{
	static const uint8_t shapes[][3] = { { 2, A, 32 }, { 1, T, 24 } };

	for (size_t i = 0; i < side_count; i++) {
		for (size_t k = 0; k < ARRAY_LEN(shapes); k++) {
			const struct side *s = &sides[i];
			uint8_t suite = shapes[k][0];
			struct ops_record_keys keys = { s->pk[suite], s->mak[suite] };
			struct ops_tk tk = { 0 };
			BUF_AUTO record = { 0 };
			if (suite == 1 && s->aes_only)
				continue;
			good_record(s, suite, 2, shapes[k][1], shapes[k][2], &record);
			for (size_t at = 0; at < record.len; at++) {
				record.p[at] ^= 0x04;
				enum err e = ops_tk_open(s->ops, &keys, buf_view(&record), &tk, rig_fail());
				ck_assert_msg(e == ERR_BAD_DATA, "%s: suite %u: byte %zu: %s", s->name, suite, at,
					      rig_said());
				ck_assert_ptr_null(tk.session);
				record.p[at] ^= 0x04;
			}
			ok(ops_record_verify(s->ops, &keys, buf_view(&record), rig_fail()));
			/* The DC's time is outside the MAC (R2.1). */
			struct tk_record r;
			BUF_AUTO stamped = { 0 };
			ck_assert(tk_record_parse(buf_view(&record), &r));
			r.has_imported = true;
			r.imported = 1700000123;
			tk_record_put(&stamped, &r);
			ok(ops_record_verify(s->ops, &keys, buf_view(&stamped), rig_fail()));
		}
	}
	ck_assert_uint_eq(objects(hsm, false), 0);
}
END_TEST

/* R1.12: nothing of a TK stays in the token when its use is over. */
START_TEST(closed_tk_leaves_no_session_object)
{
	for (size_t i = 0; i < side_count; i++) {
		struct pk11 *token = sides[i].aes_only ? foreign : hsm;
		struct ops_record_keys keys = { sides[i].pk[2], sides[i].mak[2] };
		struct ops_tk tk = { 0 };
		BUF_AUTO record = { 0 };
		good_record(&sides[i], 2, 2, A, 32, &record);
		ok(ops_tk_open(sides[i].ops, &keys, buf_view(&record), &tk, rig_fail()));
		ck_assert_uint_eq(objects(token, false), 2);
		ops_tk_close(&tk);
		ck_assert_uint_eq(objects(token, false), 0);
		ops_tk_close(&tk);
	}
}
END_TEST

START_TEST(blob_that_was_changed_is_refused)
{
	for (size_t i = 0; i < side_count; i++) {
		BUF_AUTO blob = { 0 };
		BUF_AUTO other = { 0 };
		struct check_value check;
		ok(ops_tmk_generate(sides[i].ops, sides[i].srk, A, 32, &blob, &check, rig_fail()));
		ok(ops_tmk_generate(sides[i].ops, sides[i].srk, T, 16, &other, &check, rig_fail()));
		ck_assert_uint_le(blob.len, OPS_TMK_BLOB_MAX);
		for (size_t at = 0; at < blob.len; at++) {
			blob.p[at] ^= 1;
			enum err e = ops_tmk_check(sides[i].ops, sides[i].srk, buf_view(&blob), &check, rig_fail());
			ck_assert_msg(e == ERR_BAD_DATA, "%s: byte %zu: %s", sides[i].name, at, rig_said());
			blob.p[at] ^= 1;
		}
		refuses(ops_tmk_generate(sides[i].ops, sides[i].srk, A, 17, &blob, &check, NULL), ERR_USAGE);
		ok(ops_tmk_check(sides[i].ops, sides[i].srk, buf_view(&other), &check, rig_fail()));
	}
	ck_assert_uint_eq(objects(hsm, false), 0);
}
END_TEST

/* A terminal with a TK of its own and the host's side of it. */
struct pair {
	struct ops *pos, *host;
	struct ops_tk at_pos, at_host;
	const struct side *side;
	struct ops_shake shake;
	struct buf blob;
	struct check_value check;
	char id[8];
};

static void pair_open(struct pair *p, unsigned way, uint8_t suite, uint8_t handshake, uint8_t type, uint8_t length)
{
	static uint64_t counter;
	static const uint8_t cert_serial[] = { 77 };
	const struct side *s = &sides[way];
	struct ops_record_keys keys = { s->pk[suite], s->mak[suite] };
	BUF_AUTO certificate = { 0 };
	BUF_AUTO packet = { 0 };
	BUF_AUTO record = { 0 };
	char uri[64];

	*p = (struct pair){ .pos = pos_ops[way], .host = s->ops, .side = s };
	snprintf(p->id, sizeof(p->id), "%u", (unsigned)++counter);
	rig_certificate(buf_view(&s->spki), &certificate);
	ok(ops_pu_import(p->pos, buf_view(&certificate), "Pu", view_of_string(p->id), rig_fail()));
	snprintf(uri, sizeof(uri), "pkcs11:object=Pu;id=%s", p->id);
	struct pk11_key *pu = rig_key(pos, uri);
	const struct ops_tk_in in = { .pu = pu,
				      .suite = suite,
				      .handshake = handshake,
				      .oaep_hash = FORMAT_HASH_SHA256,
				      .type = type,
				      .length = length,
				      .serial = VIEW_STR("SN42"),
				      .cert_serial = VIEW(cert_serial, 1),
				      .counter = counter,
				      .id = view_of_string(p->id) };
	ok(ops_tk_generate(p->pos, &in, &packet, rig_fail()));
	pk11_key_free(pu);
	ok(rewrap(s, suite, buf_view(&packet), &record, rig_fail()));
	ok(ops_tk_open(p->host, &keys, buf_view(&record), &p->at_host, rig_fail()));
	ok(ops_tk_find(p->pos, view_of_string(p->id), handshake, VIEW_STR("SN42"), &p->at_pos, rig_fail()));
	size_t n = ops_nonce_len(&p->at_host);
	p->shake = (struct ops_shake){ VIEW(nonces, n), VIEW(nonces + 16, n) };
	ok(ops_tmk_generate(p->host, s->srk, T, 16, &p->blob, &p->check, rig_fail()));
}

static void pair_close(struct pair *p)
{
	ops_tk_close(&p->at_host);
	ops_tk_close(&p->at_pos);
	buf_done(&p->blob);
}

/* R1.11, R1.13: no TMK but the one that the KMS sent for this handshake. */
START_TEST(load_refuses_every_changed_message)
{
	for (unsigned way = 0; way < 2; way++) {
		struct pair p;
		BUF_AUTO message = { 0 };
		struct check_value check;
		pair_open(&p, way, 1, 2, T, 24);
		size_t before = objects(pos, true);
		ok(ops_tmk_export(p.host, &p.at_host, &p.shake, p.side->srk, buf_view(&p.blob), VIEW(NULL, 0), &message,
				  &check, rig_fail()));
		for (size_t at = 0; at < message.len; at++) {
			message.p[at] ^= 0x10;
			enum err e = ops_tmk_load(p.pos, &p.at_pos, &p.shake, buf_view(&message), VIEW_STR("t"), &check,
						  rig_fail());
			ck_assert_msg(e == ERR_BAD_DATA, "way %u: byte %zu: %s", way, at, rig_said());
			message.p[at] ^= 0x10;
		}
		/* The same message for another handshake: a replay. */
		struct ops_shake other = { p.shake.host_random, p.shake.terminal_random };
		refuses(ops_tmk_load(p.pos, &p.at_pos, &other, buf_view(&message), VIEW_STR("t"), &check, NULL),
			ERR_BAD_DATA);
		ck_assert_uint_eq(objects(pos, true), before);
		ok(ops_tmk_load(p.pos, &p.at_pos, &p.shake, buf_view(&message), VIEW_STR("t"), &check, rig_fail()));
		ck_assert_uint_eq(objects(pos, true), before + 1);
		ok(ops_destroy(p.pos, OPS_TMK_LABEL, VIEW_STR("t"), rig_fail()));
		pair_close(&p);
	}
}
END_TEST

/* Version 1 has no MAC over the message: the check value is what stands between a random Ctmk and the token. */
START_TEST(load_refuses_random_ctmk_in_version_1)
{
	for (unsigned way = 0; way < 2; way++) {
		struct pair p;
		BUF_AUTO message = { 0 };
		BUF_AUTO random = { 0 };
		struct check_value check;
		struct tmk_message m;
		uint8_t ctmk[16];
		pair_open(&p, way, 1, 1, T, 16);
		size_t before = objects(pos, true);
		ok(ops_tmk_export(p.host, &p.at_host, &p.shake, p.side->srk, buf_view(&p.blob), VIEW(NULL, 0), &message,
				  &check, rig_fail()));
		ck_assert(tmk_message_parse(buf_view(&message), &m));
		key_bytes(ctmk, A, 16, 0x55);
		m.ctmk = VIEW(ctmk, 16);
		tmk_message_put(&random, &m);
		refuses(ops_tmk_load(p.pos, &p.at_pos, &p.shake, buf_view(&random), VIEW_STR("t"), &check, NULL),
			ERR_BAD_DATA);
		ck_assert_uint_eq(objects(pos, true), before);
		pair_close(&p);
	}
}
END_TEST

/* The version of the TK is the version of the handshake: no fall-back. */
START_TEST(message_of_version_1_is_refused_by_a_tk_of_version_2)
{
	for (unsigned way = 0; way < 2; way++) {
		struct pair p;
		BUF_AUTO message = { 0 };
		BUF_AUTO fallen = { 0 };
		struct check_value check;
		struct tmk_message m;
		pair_open(&p, way, 2, 2, A, 32);
		ok(ops_tmk_export(p.host, &p.at_host, &p.shake, p.side->srk, buf_view(&p.blob), VIEW(NULL, 0), &message,
				  &check, rig_fail()));
		ck_assert(tmk_message_parse(buf_view(&message), &m));
		m.handshake = FORMAT_HANDSHAKE_V1;
		m.mac = VIEW(NULL, 0);
		tmk_message_put(&fallen, &m);
		ck_assert(buf_ok(&fallen));
		refuses(ops_tmk_load(p.pos, &p.at_pos, &p.shake, buf_view(&fallen), VIEW_STR("t"), &check, NULL),
			ERR_BAD_DATA);
		/* The terminal's own note of the version does not talk the token into it (vendor way:
		 * CKA_SR_HANDSHAKE). */
		if (way == 0) {
			p.at_pos.handshake = FORMAT_HANDSHAKE_V1;
			ck_assert_int_ne(
			    ops_tmk_load(p.pos, &p.at_pos, &p.shake, buf_view(&fallen), VIEW_STR("t"), &check, NULL),
			    ERR_OK);
			uint8_t tag[OPS_TAG_MAX];
			size_t n = 0;
			ck_assert_int_ne(
			    ops_prove(p.pos, &p.at_pos, &p.shake, TRANSCRIPT_TERMINAL_PROVES, NULL, tag, &n, NULL),
			    ERR_OK);
		}
		pair_close(&p);
	}
}
END_TEST

START_TEST(sides_prove_their_own_directions_only)
{
	for (unsigned way = 0; way < 2; way++) {
		struct pair p;
		uint8_t tag[OPS_TAG_MAX] = { 0 };
		size_t n = 0;
		pair_open(&p, way, 2, 2, A, 32);
		refuses(ops_prove(p.host, &p.at_host, &p.shake, TRANSCRIPT_TERMINAL_PROVES, NULL, tag, &n, NULL),
			ERR_UNEXPECTED);
		refuses(ops_prove(p.pos, &p.at_pos, &p.shake, TRANSCRIPT_HOST_PROVES, NULL, tag, &n, NULL),
			ERR_UNEXPECTED);
		refuses(ops_check(p.host, &p.at_host, &p.shake, TRANSCRIPT_HOST_PROVES, NULL, VIEW(tag, 16), NULL),
			ERR_UNEXPECTED);
		refuses(ops_prove(p.host, &p.at_host, &p.shake, TRANSCRIPT_TMK, NULL, tag, &n, NULL), ERR_USAGE);
		refuses(ops_prove(p.pos, &p.at_pos, &p.shake, TRANSCRIPT_CONFIRM, NULL, tag, &n, NULL), ERR_USAGE);
		struct ops_shake same = { p.shake.host_random, p.shake.host_random };
		refuses(ops_prove(p.host, &p.at_host, &same, TRANSCRIPT_HOST_PROVES, NULL, tag, &n, NULL), ERR_REFUSED);
		struct ops_shake shorter = { VIEW(nonces, 8), p.shake.host_random };
		refuses(ops_prove(p.host, &p.at_host, &shorter, TRANSCRIPT_HOST_PROVES, NULL, tag, &n, NULL),
			ERR_REFUSED);
		refuses(ops_check(p.host, &p.at_host, &p.shake, TRANSCRIPT_TERMINAL_PROVES, NULL, VIEW(tag, 0), NULL),
			ERR_REFUSED);
		refuses(ops_check(p.host, &p.at_host, &p.shake, TRANSCRIPT_TERMINAL_PROVES, NULL, VIEW(tag, 16), NULL),
			ERR_REFUSED);
		ck_assert_uint_eq(n, 0);
		pair_close(&p);
	}
}
END_TEST

/* formats.md, TMK message: a TDES TEK carries TDES only, and never a longer key of its own type. */
START_TEST(tek_carries_nothing_too_strong_for_it)
{
	for (unsigned way = 0; way < 2; way++) {
		struct pair p;
		BUF_AUTO aes = { 0 };
		BUF_AUTO tdes = { 0 };
		BUF_AUTO message = { 0 };
		struct check_value check;
		pair_open(&p, way, 2, 2, T, 16);
		ok(ops_tmk_generate(p.host, p.side->srk, A, 16, &aes, &check, rig_fail()));
		ok(ops_tmk_generate(p.host, p.side->srk, T, 24, &tdes, &check, rig_fail()));
		refuses(ops_tmk_export(p.host, &p.at_host, &p.shake, p.side->srk, buf_view(&aes), VIEW(NULL, 0),
				       &message, &check, NULL),
			ERR_REFUSED);
		refuses(ops_tmk_export(p.host, &p.at_host, &p.shake, p.side->srk, buf_view(&tdes), VIEW(NULL, 0),
				       &message, &check, NULL),
			ERR_REFUSED);
		ck_assert_uint_eq(message.len, 0);
		pair_close(&p);
	}
}
END_TEST

START_TEST(token_without_the_mechanisms_is_refused_at_start)
{
	struct ops *o = NULL;

	ck_assert(rig_has_softhsm());
	refuses(ops_open(foreign, OPS_FOR_KMS, OPS_WAY_VENDOR, &o, rig_fail()), ERR_TOKEN);
	ck_assert_ptr_nonnull(strstr(rig_said(), "tk_open"));
	ck_assert_ptr_null(o);
	/* What was not asked for is not there. */
	ok(ops_open(foreign, OPS_BIT(OPS_PROVE), OPS_WAY_ANY, &o, rig_fail()));
	BUF_AUTO out = { 0 };
	refuses(ops_pr_generate(o, 2048, "x", VIEW_STR("x"), &out, NULL), ERR_USAGE);
	ops_free(o);
}
END_TEST

START_TEST(missing_and_ambiguous_keys_are_named)
{
	struct pk11_key *none = rig_key(hsm, "pkcs11:object=nothing");
	struct pk11_key *two = rig_key(hsm, "pkcs11:id=r");
	struct check_value check;

	refuses(ops_check_value(sides[0].ops, none, &check, rig_fail()), ERR_KEY_MISSING);
	ck_assert_ptr_nonnull(strstr(rig_said(), "nothing"));
	refuses(ops_check_value(sides[0].ops, two, &check, rig_fail()), ERR_KEY_MISSING);
	ck_assert_ptr_nonnull(strstr(rig_said(), "several"));
	pk11_key_free(none);
	pk11_key_free(two);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("ops_refuse");
	TCase *t = tcase_create("refuse");

	tcase_add_unchecked_fixture(t, setup, teardown);
	tcase_add_test(t, rewrap_refuses_every_changed_packet);
	tcase_add_test(t, rewrap_refuses_twins_and_keys_of_another_length);
	tcase_add_test(t, rewrap_refuses_keys_of_another_suite_and_bad_usage);
	tcase_add_test(t, suite_3_goes_the_vendor_way_alone);
	tcase_add_test(t, open_refuses_every_changed_record);
	tcase_add_test(t, closed_tk_leaves_no_session_object);
	tcase_add_test(t, blob_that_was_changed_is_refused);
	tcase_add_test(t, load_refuses_every_changed_message);
	tcase_add_test(t, load_refuses_random_ctmk_in_version_1);
	tcase_add_test(t, message_of_version_1_is_refused_by_a_tk_of_version_2);
	tcase_add_test(t, sides_prove_their_own_directions_only);
	tcase_add_test(t, tek_carries_nothing_too_strong_for_it);
	tcase_add_test(t, token_without_the_mechanisms_is_refused_at_start);
	tcase_add_test(t, missing_and_ambiguous_keys_are_named);
	suite_add_tcase(s, t);
	return rig_run(s);
}
