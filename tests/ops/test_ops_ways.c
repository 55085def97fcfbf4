/* SPDX-License-Identifier: BSD-2-Clause */
/* Each operation both ways: what one way makes the other opens; equal bytes wherever the IV is given. */
#include "ops_rig.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* A side that can be host or terminal: a token and a way. */
struct side {
	const char *name;
	struct pk11 *token;
	struct ops *ops;
	struct pk11_key *pr, *srk;
	struct pk11_key *pk[3], *mak[3]; /* by suite */
	struct buf spki;
	bool sha1_only; /* SoftHSM's OAEP */
	bool aes_only;
	bool standard;
	uint64_t counter;
};

static struct side vendor, standard, soft;
static struct side pos_vendor, pos_standard;

static void host_open(struct side *s, const char *name, struct pk11 *token, enum ops_way way, const char *prefix,
		      bool aes_only)
{
	char uri[64], label[32];

	*s = (struct side){ .name = name, .token = token, .aes_only = aes_only, .standard = way != OPS_WAY_VENDOR };
	ok(ops_open(token, OPS_FOR_MTMS | OPS_FOR_KMS | OPS_FOR_TERMINAL, way, &s->ops, rig_fail()));
	snprintf(label, sizeof(label), "%sPr", prefix);
	ok(ops_pr_generate(s->ops, 2048, label, VIEW_STR("r"), &s->spki, rig_fail()));
	snprintf(uri, sizeof(uri), "pkcs11:object=%sPr;type=private", prefix);
	s->pr = rig_key(token, uri);
	snprintf(label, sizeof(label), "%sSRK", prefix);
	ok(ops_srk_generate(s->ops, label, VIEW_STR("s"), rig_fail()));
	snprintf(uri, sizeof(uri), "pkcs11:object=%sSRK;type=secret-key", prefix);
	s->srk = rig_key(token, uri);
	for (unsigned suite = 1; suite <= 2; suite++) {
		const char *end = suite == FORMAT_SUITE_TDES ? "-T" : "";
		snprintf(uri, sizeof(uri), "pkcs11:object=%sPK%s;type=secret-key", prefix, end);
		s->pk[suite] = rig_key(token, uri);
		snprintf(uri, sizeof(uri), "pkcs11:object=%sMAK%s;type=secret-key", prefix, end);
		s->mak[suite] = rig_key(token, uri);
	}
}

static void side_close(struct side *s)
{
	for (unsigned suite = 1; suite <= 2; suite++) {
		pk11_key_free(s->pk[suite]);
		pk11_key_free(s->mak[suite]);
	}
	pk11_key_free(s->pr);
	pk11_key_free(s->srk);
	ops_free(s->ops);
	buf_done(&s->spki);
}

static void terminal_open(struct side *s, const char *name, struct pk11 *token, enum ops_way way)
{
	*s = (struct side){ .name = name, .token = token, .standard = way != OPS_WAY_VENDOR };
	ok(ops_open(token, OPS_FOR_TERMINAL, way, &s->ops, rig_fail()));
}

static void setup(void)
{
	rig_begin();
	rig_token(RIG_STRONGROOM, "HSM");
	rig_role_keys("HSM");
	rig_plain_keys(RIG_STRONGROOM, "HSM", false);
	rig_token(RIG_STRONGROOM, "POS");
	struct pk11 *hsm = rig_open(RIG_STRONGROOM, "HSM");
	struct pk11 *pos = rig_open(RIG_STRONGROOM, "POS");
	host_open(&vendor, "vendor", hsm, OPS_WAY_VENDOR, "", false);
	host_open(&standard, "standard", hsm, OPS_WAY_STANDARD, "p", false);
	terminal_open(&pos_vendor, "vendor", pos, OPS_WAY_VENDOR);
	terminal_open(&pos_standard, "standard", pos, OPS_WAY_STANDARD);
	if (rig_has_softhsm()) {
		rig_token(RIG_SOFTHSM, "SOFT");
		rig_plain_keys(RIG_SOFTHSM, "SOFT", true);
		host_open(&soft, "softhsm", rig_open(RIG_SOFTHSM, "SOFT"), OPS_WAY_ANY, "p", true);
		soft.sha1_only = true;
	}
}

static void teardown(void)
{
	struct pk11 *hsm = vendor.token, *pos = pos_vendor.token, *other = soft.token;

	side_close(&vendor);
	side_close(&standard);
	side_close(&pos_vendor);
	side_close(&pos_standard);
	if (other)
		side_close(&soft);
	pk11_free(hsm);
	pk11_free(pos);
	pk11_free(other);
	rig_end();
}

static struct ops_record_keys keys_of(const struct side *host, uint8_t suite)
{
	return (struct ops_record_keys){ host->pk[suite], host->mak[suite] };
}

struct shape {
	uint8_t suite, handshake, hash, type, length;
	uint8_t tmk_type, tmk_length;
};

/* One terminal's whole life: TK, record, open, handshake, TMK, confirmation. */
static void whole_flow(struct side *pos, struct side *host, const struct shape *sh)
{
	static const uint8_t cert_serial[] = { 77 };
	char serial[32], id[16];
	uint8_t t_random[16], h_random[16], tag[OPS_TAG_MAX], other[OPS_TAG_MAX];
	size_t n = 0;
	struct check_value tek, auk, made, exported, loaded, tek2, auk2, stored;
	BUF_AUTO certificate = { 0 };
	BUF_AUTO packet = { 0 };
	BUF_AUTO record = { 0 };
	BUF_AUTO blob = { 0 };
	BUF_AUTO message = { 0 };
	struct ops_tk at_host = { 0 }, at_pos = { 0 };
	struct ops_record_keys keys = keys_of(host, sh->suite);

	snprintf(serial, sizeof(serial), "SN-%s-%llu", pos->name, (unsigned long long)++pos_vendor.counter);
	snprintf(id, sizeof(id), "%llu", (unsigned long long)pos_vendor.counter);
	rig_certificate(buf_view(&host->spki), &certificate);
	ok(ops_pu_import(pos->ops, buf_view(&certificate), "Pu", view_of_string(id), rig_fail()));
	char uri[64];
	snprintf(uri, sizeof(uri), "pkcs11:object=Pu;id=%s;type=public", id);
	struct pk11_key *pu = rig_key(pos->token, uri);
	const struct ops_tk_in in = {
		.pu = pu,
		.suite = sh->suite,
		.handshake = sh->handshake,
		.oaep_hash = sh->hash,
		.type = sh->type,
		.length = sh->length,
		.serial = view_of_string(serial),
		.pin_pad = VIEW_STR("PAD-1"),
		.cert_serial = VIEW(cert_serial, 1),
		.counter = pos_vendor.counter,
		.id = view_of_string(id),
	};
	ok(ops_tk_generate(pos->ops, &in, &packet, rig_fail()));
	const struct ops_rewrap_in re = {
		.pr = host->pr,
		.pk = keys.pk,
		.mak = keys.mak,
		.packet = buf_view(&packet),
		.customer = VIEW_STR("ACME"),
		.collected = 1700000000,
	};
	ok(ops_rewrap(host->ops, &re, &record, rig_fail()));
	ok(ops_record_verify(host->ops, &keys, buf_view(&record), rig_fail()));
	ok(ops_tk_open(host->ops, &keys, buf_view(&record), &at_host, rig_fail()));
	ok(ops_tk_find(pos->ops, view_of_string(id), sh->handshake, view_of_string(serial), &at_pos, rig_fail()));
	ck_assert_uint_eq(at_host.handshake, sh->handshake);
	ck_assert_uint_eq(at_host.counter, pos_vendor.counter);
	ck_assert_uint_eq(at_pos.auk_length, sh->length);

	/* The check values of both ends are the same: it is the same key (R2.5). */
	ok(ops_tk_check_values(host->ops, &at_host, &tek, &auk, rig_fail()));
	ok(ops_tk_check_values(pos->ops, &at_pos, &tek2, &auk2, rig_fail()));
	ck_assert_mem_eq(tek.value, tek2.value, 3);
	ck_assert_mem_eq(auk.value, auk2.value, 3);
	ck_assert_uint_eq(tek.method, check_value_method(sh->type));

	/* R1.10 */
	struct ops_shake shake = { VIEW(t_random, ops_nonce_len(&at_pos)), VIEW(h_random, ops_nonce_len(&at_host)) };
	ck_assert_uint_eq(shake.terminal_random.n, shake.host_random.n);
	ok(ops_random(pos->ops, t_random, shake.terminal_random.n, rig_fail()));
	ok(ops_random(host->ops, h_random, shake.host_random.n, rig_fail()));
	ok(ops_prove(host->ops, &at_host, &shake, TRANSCRIPT_HOST_PROVES, NULL, tag, &n, rig_fail()));
	ck_assert_uint_eq(n, ops_tag_len(&at_host));
	ok(ops_check(pos->ops, &at_pos, &shake, TRANSCRIPT_HOST_PROVES, NULL, VIEW(tag, n), rig_fail()));
	ok(ops_prove(pos->ops, &at_pos, &shake, TRANSCRIPT_TERMINAL_PROVES, NULL, other, &n, rig_fail()));
	ok(ops_check(host->ops, &at_host, &shake, TRANSCRIPT_TERMINAL_PROVES, NULL, VIEW(other, n), rig_fail()));
	/* A reflected tag and a flipped one prove nothing. */
	refuses(ops_check(host->ops, &at_host, &shake, TRANSCRIPT_TERMINAL_PROVES, NULL, VIEW(tag, n), NULL),
		ERR_REFUSED);
	other[0] ^= 1;
	refuses(ops_check(host->ops, &at_host, &shake, TRANSCRIPT_TERMINAL_PROVES, NULL, VIEW(other, n), NULL),
		ERR_REFUSED);

	/* R1.11, R1.12 */
	ok(ops_tmk_generate(host->ops, host->srk, sh->tmk_type, sh->tmk_length, &blob, &made, rig_fail()));
	ok(ops_tmk_check(host->ops, host->srk, buf_view(&blob), &stored, rig_fail()));
	ok(ops_tmk_export(host->ops, &at_host, &shake, host->srk, buf_view(&blob), VIEW(NULL, 0), &message, &exported,
			  rig_fail()));
	ok(ops_tmk_load(pos->ops, &at_pos, &shake, buf_view(&message), view_of_string(id), &loaded, rig_fail()));
	ck_assert_mem_eq(made.value, stored.value, 3);
	ck_assert_mem_eq(made.value, exported.value, 3);
	ck_assert_mem_eq(made.value, loaded.value, 3);
	/* What the token says of the key that it loaded. */
	snprintf(uri, sizeof(uri), "pkcs11:object=TMK;id=%s;type=secret-key", id);
	struct pk11_key *tmk = rig_key(pos->token, uri);
	struct check_value in_token;
	ok(ops_check_value(pos->ops, tmk, &in_token, rig_fail()));
	ck_assert_mem_eq(made.value, in_token.value, 3);
	ck_assert_uint_eq(made.method, in_token.method);
	ok(ops_prove(pos->ops, &at_pos, &shake, TRANSCRIPT_CONFIRM, &loaded, tag, &n, rig_fail()));
	ok(ops_check(host->ops, &at_host, &shake, TRANSCRIPT_CONFIRM, &exported, VIEW(tag, n), rig_fail()));
	ck_assert_uint_eq(n, sh->handshake == FORMAT_HANDSHAKE_V2 ? ops_tag_len(&at_pos) : 0);

	/* R1.12: working keys under it. Two that differ share the wrapped form, which is of AES TMKs alone. */
	bool alike = host->standard == pos->standard;
	struct rig_working working = { host->ops,    pos->ops,      host->standard, pos->standard,   &at_host,
				       &at_pos,      &shake,        host->srk,      buf_view(&blob), view_of_string(id),
				       sh->tmk_type, sh->tmk_length };
	bool works = rig_working(&working);
	ck_assert_int_eq(works, sh->tmk_type == FORMAT_KEY_AES || (alike && !host->sha1_only));

	ops_tk_close(&at_host);
	ops_tk_close(&at_pos);
	ok(ops_destroy(pos->ops, OPS_TK_LABEL, view_of_string(id), rig_fail()));
	ok(ops_destroy(pos->ops, OPS_TMK_LABEL, view_of_string(id), rig_fail()));
	ok(ops_destroy(pos->ops, "Pu", view_of_string(id), rig_fail()));
	refuses(ops_tk_find(pos->ops, view_of_string(id), sh->handshake, view_of_string(serial), &at_pos, NULL),
		ERR_KEY_MISSING);
	pk11_key_free(tmk);
	pk11_key_free(pu);
}

#define T FORMAT_KEY_TDES
#define A FORMAT_KEY_AES
static const struct shape shapes[] = {
	{ 2, 2, 2, A, 32, A, 32 }, { 2, 2, 2, A, 16, T, 16 }, { 2, 2, 3, A, 24, A, 16 }, { 2, 2, 4, T, 16, T, 16 },
	{ 2, 2, 1, T, 24, T, 24 }, { 2, 1, 2, A, 32, A, 32 }, { 2, 1, 2, T, 24, T, 16 }, { 1, 2, 2, T, 24, T, 24 },
	{ 1, 2, 2, T, 16, T, 16 }, { 1, 1, 2, T, 16, T, 16 }, { 1, 1, 1, T, 24, T, 16 },
};

/* R1.4, R1.7, R1.9-R1.12 */
START_TEST(whole_flow_holds_between_any_two_ways)
{
	struct side *hosts[] = { &vendor, &standard }, *terminals[] = { &pos_vendor, &pos_standard };

	for (unsigned i = 0; i < ARRAY_LEN(shapes); i++)
		for (unsigned h = 0; h < ARRAY_LEN(hosts); h++)
			for (unsigned t = 0; t < ARRAY_LEN(terminals); t++)
				whole_flow(terminals[t], hosts[h], &shapes[i]);
}
END_TEST

/* R6.3: the same clients on another vendor's module. */
START_TEST(whole_flow_holds_on_another_vendors_module)
{
	/* SoftHSM wraps under AES only: AES TEKs; TDES TEKs arrive in records all the same (rewrap test below). */
	static const struct shape foreign[] = { { 2, 2, 1, A, 32, A, 32 },
						{ 2, 2, 1, A, 32, T, 24 },
						{ 2, 2, 1, A, 16, T, 16 },
						{ 2, 1, 1, A, 16, A, 16 } };

	ck_assert_msg(rig_has_softhsm(), "SoftHSMv2 is not installed");
	for (unsigned i = 0; i < ARRAY_LEN(foreign); i++) {
		whole_flow(&pos_vendor, &soft, &foreign[i]);
		whole_flow(&pos_standard, &soft, &foreign[i]);
		whole_flow(&soft, &soft, &foreign[i]);
		whole_flow(&soft, &vendor, &foreign[i]);
	}
}
END_TEST

/* pattern: key bytes of known value, odd parity for TDES. */
static struct view pattern(uint8_t *room, uint8_t type, uint8_t length, uint8_t seed)
{
	for (unsigned i = 0; i < length; i++) {
		room[i] = (uint8_t)(seed + 31 * i);
		if (type == T && !(__builtin_popcount(room[i]) & 1))
			room[i] ^= 1;
	}
	return VIEW(room, length);
}

static void rewrap_known(struct side *host, const struct shape *sh, const uint8_t *ivs, struct buf *record)
{
	uint8_t tek[32], auk[32];
	BUF_AUTO packet = { 0 };
	const struct rig_packet in = {
		.suite = sh->suite,
		.handshake = sh->handshake,
		.hash = host->sha1_only ? FORMAT_HASH_SHA1 : sh->hash,
		.type = sh->type,
		.length = sh->length,
		.serial = "SN0001",
		.counter = 5,
		.tek = pattern(tek, sh->type, sh->length, 0x21),
		.auk = pattern(auk, sh->type, sh->length, 0x8c),
	};

	rig_packet(buf_view(&host->spki), &in, &packet);
	const struct ops_rewrap_in re = {
		.pr = host->pr,
		.pk = host->pk[sh->suite],
		.mak = host->mak[sh->suite],
		.packet = buf_view(&packet),
		.customer = VIEW_STR("ACME"),
		.collected = 1700000000,
		.tek_iv = VIEW(ivs, sh->suite == FORMAT_SUITE_TDES ? 8 : 0),
		.auk_iv = VIEW(ivs + 8, sh->suite == FORMAT_SUITE_TDES ? 8 : 0),
	};
	ok(ops_rewrap(host->ops, &re, record, rig_fail()));
}

/* R1.7: the record does not tell which way made it; and its MAC is what OpenSSL says. */
START_TEST(rewrap_gives_equal_bytes_both_ways)
{
	static const uint8_t ivs[] = "tek iv 8auk iv 8";

	for (unsigned i = 0; i < ARRAY_LEN(shapes); i++) {
		BUF_AUTO one = { 0 };
		BUF_AUTO two = { 0 };
		BUF_AUTO covered = { 0 };
		struct tk_record r;
		uint8_t mac[16];
		rewrap_known(&vendor, &shapes[i], ivs, &one);
		rewrap_known(&standard, &shapes[i], ivs, &two);
		ck_assert_uint_eq(one.len, two.len);
		ck_assert_mem_eq(one.p, two.p, one.len);
		if (rig_has_softhsm() && shapes[i].suite == FORMAT_SUITE_AES) {
			BUF_AUTO three = { 0 };
			rewrap_known(&soft, &shapes[i], ivs, &three);
			ck_assert_uint_eq(one.len, three.len);
			ck_assert_mem_eq(one.p, three.p, one.len);
		}
		ck_assert(tk_record_parse(buf_view(&one), &r));
		tk_record_mac_input(&covered, &r);
		bool aes = r.suite == FORMAT_SUITE_AES;
		size_t n = rig_cmac(aes ? A : T, rig_value(aes ? "MAK" : "MAK-T"), buf_view(&covered), mac);
		ck_assert(view_equal(r.mac, VIEW(mac, n)));
	}
}
END_TEST

/* R1.9: each way opens the records of the other and finds the same keys. */
START_TEST(record_of_one_way_opens_the_other_way)
{
	static const uint8_t ivs[] = "tek iv 8auk iv 8";
	struct side *hosts[] = { &vendor, &standard };

	for (unsigned i = 0; i < ARRAY_LEN(shapes); i++) {
		struct check_value tek[2], auk[2];
		for (unsigned h = 0; h < 2; h++) {
			BUF_AUTO record = { 0 };
			struct ops_tk tk = { 0 };
			struct ops_record_keys keys = keys_of(hosts[1 - h], shapes[i].suite);
			rewrap_known(hosts[h], &shapes[i], ivs, &record);
			ok(ops_tk_open(hosts[1 - h]->ops, &keys, buf_view(&record), &tk, rig_fail()));
			ok(ops_tk_check_values(hosts[1 - h]->ops, &tk, &tek[h], &auk[h], rig_fail()));
			ops_tk_close(&tk);
		}
		ck_assert_mem_eq(tek[0].value, tek[1].value, 3);
		ck_assert_mem_eq(auk[0].value, auk[1].value, 3);
		ck_assert_mem_ne(tek[0].value, auk[0].value, 3);
	}
}
END_TEST

/* The TMK message with its IV given, from one known TK and the same nonces: both ways agree on what it must hold. */
START_TEST(messages_with_given_iv_load_the_other_way)
{
	static const uint8_t iv[] = "an iv 08";
	static const uint8_t nonces[] = "0123456789abcdefABCDEFGHIJKLMNOP";
	const struct shape sh = { 1, 2, 2, T, 24, T, 16 };
	struct ops_shake shake = { VIEW(nonces, 16), VIEW(nonces + 16, 16) };
	struct side *hosts[] = { &vendor, &standard };

	for (unsigned h = 0; h < 2; h++) {
		BUF_AUTO record = { 0 };
		BUF_AUTO blob = { 0 };
		BUF_AUTO one = { 0 };
		BUF_AUTO two = { 0 };
		struct check_value made, check;
		struct ops_tk tk = { 0 };
		struct ops_record_keys keys = keys_of(hosts[h], sh.suite);
		rewrap_known(hosts[h], &sh, (const uint8_t *)"tek iv 8auk iv 8", &record);
		ok(ops_tk_open(hosts[h]->ops, &keys, buf_view(&record), &tk, rig_fail()));
		ok(ops_tmk_generate(hosts[h]->ops, hosts[h]->srk, T, 16, &blob, &made, rig_fail()));
		ok(ops_tmk_export(hosts[h]->ops, &tk, &shake, hosts[h]->srk, buf_view(&blob), VIEW(iv, 8), &one, &check,
				  rig_fail()));
		ok(ops_tmk_export(hosts[h]->ops, &tk, &shake, hosts[h]->srk, buf_view(&blob), VIEW(iv, 8), &two, &check,
				  rig_fail()));
		ck_assert_uint_eq(one.len, two.len);
		ck_assert_mem_eq(one.p, two.p, one.len);
		struct tmk_message m;
		ck_assert(tmk_message_parse(buf_view(&one), &m));
		ck_assert(view_equal(m.attrs.iv, VIEW(iv, 8)));
		ck_assert_mem_eq(m.check.value, made.value, 3);
		/* The MAC by OpenSSL over the transcript of formats.md, under the AUK that the test knows. */
		uint8_t auk[32], mac[16];
		BUF_AUTO covered = { 0 };
		struct transcript t = { .direction = TRANSCRIPT_TMK,
					.handshake = 2,
					.pos_serial = VIEW_STR("SN0001"),
					.terminal_random = shake.terminal_random,
					.host_random = shake.host_random,
					.attrs = m.attrs,
					.ctmk = m.ctmk,
					.check = m.check };
		transcript_put(&covered, &t);
		size_t n = rig_cmac(T, pattern(auk, T, 24, 0x8c), buf_view(&covered), mac);
		ck_assert(view_equal(m.mac, VIEW(mac, n)));
		ops_tk_close(&tk);
	}
}
END_TEST

START_TEST(check_values_of_role_keys_are_those_of_their_value)
{
	struct check_value check;
	uint8_t mac[16];
	static const uint8_t zero[16];

	ok(ops_check_value(vendor.ops, vendor.pk[2], &check, rig_fail()));
	rig_cmac(A, rig_value("PK"), VIEW(zero, 16), mac);
	ck_assert_mem_eq(check.value, mac, 3);
	ck_assert_uint_eq(check.method, FORMAT_CHECK_CMAC);
	/* An ordinary MAK may sign, so the standard way computes the same; a PK may not: its method says so. */
	struct check_value other;
	ok(ops_check_value(vendor.ops, vendor.mak[2], &check, rig_fail()));
	ok(ops_check_value(standard.ops, standard.mak[2], &other, rig_fail()));
	ck_assert_mem_eq(check.value, other.value, 3);
	ok(ops_check_value(standard.ops, standard.pk[2], &other, rig_fail()));
	ck_assert_uint_eq(other.method, FORMAT_CHECK_ECB);
	ok(ops_check_value(vendor.ops, vendor.pk[1], &check, rig_fail()));
	ok(ops_check_value(standard.ops, standard.pk[1], &other, rig_fail()));
	ck_assert_mem_eq(check.value, other.value, 3);
}
END_TEST

#define THREADS 4
#define ROUNDS 12

struct crowd {
	struct side *host;
	struct view record, blob;
	const char *said; /* NULL: all went well */
};

/* One terminal's download as the KMS does it, over and over. */
static void *download(void *arg)
{
	struct crowd *c = arg;
	struct ops_record_keys keys = keys_of(c->host, FORMAT_SUITE_AES);
	struct ops_shake shake;
	uint8_t t_random[16] = { 1 }, h_random[16], tag[OPS_TAG_MAX];
	struct check_value tek, auk, check;
	size_t n = 0;

	for (unsigned i = 0; i < ROUNDS && !c->said; i++) {
		struct ops_tk tk = { 0 };
		BUF_AUTO message = { 0 };
		shake = (struct ops_shake){ VIEW(t_random, 16), VIEW(h_random, 16) };
		if (ops_tk_open(c->host->ops, &keys, c->record, &tk, NULL) != ERR_OK)
			c->said = "open";
		else if (ops_random(c->host->ops, h_random, 16, NULL) != ERR_OK)
			c->said = "random";
		else if (ops_tk_check_values(c->host->ops, &tk, &tek, &auk, NULL) != ERR_OK)
			c->said = "check values";
		else if (ops_prove(c->host->ops, &tk, &shake, TRANSCRIPT_HOST_PROVES, NULL, tag, &n, NULL) != ERR_OK)
			c->said = "prove";
		else if (ops_tmk_export(c->host->ops, &tk, &shake, c->host->srk, c->blob, VIEW(NULL, 0), &message,
					&check, NULL) != ERR_OK)
			c->said = "export";
		ops_tk_close(&tk);
	}
	return NULL;
}

START_TEST(threads_download_at_once)
{
	static const uint8_t ivs[16];
	const struct shape sh = { 2, 2, 2, A, 32, A, 32 };
	struct side *hosts[] = { &vendor, &standard, &soft };

	for (unsigned h = 0; h < (rig_has_softhsm() ? 3 : 2); h++) {
		BUF_AUTO record = { 0 };
		BUF_AUTO blob = { 0 };
		struct check_value check;
		pthread_t t[THREADS];
		struct crowd c[THREADS];
		rewrap_known(hosts[h], &sh, ivs, &record);
		ok(ops_tmk_generate(hosts[h]->ops, hosts[h]->srk, A, 32, &blob, &check, rig_fail()));
		for (unsigned i = 0; i < THREADS; i++) {
			c[i] = (struct crowd){ hosts[h], buf_view(&record), buf_view(&blob), NULL };
			ck_assert_int_eq(pthread_create(&t[i], NULL, download, &c[i]), 0);
		}
		for (unsigned i = 0; i < THREADS; i++)
			pthread_join(t[i], NULL);
		for (unsigned i = 0; i < THREADS; i++)
			ck_assert_msg(!c[i].said, "%s: %s", hosts[h]->name, c[i].said);
	}
}
END_TEST

START_TEST(description_names_the_way_of_each_operation)
{
	BUF_AUTO text = { 0 };

	ops_describe(vendor.ops, &text);
	buf_put_u8(&text, 0);
	ck_assert_ptr_nonnull(strstr((char *)text.p, "rewrap=vendor"));
	BUF_AUTO other = { 0 };
	ops_describe(standard.ops, &other);
	buf_put_u8(&other, 0);
	ck_assert_ptr_nonnull(strstr((char *)other.p, "tk_open=standard"));
}
END_TEST

/* A next storage key of the same label: what runs makes with it within seconds and opens what the old one holds. */
START_TEST(storage_key_rotates_while_services_run)
{
	BUF_AUTO before = { 0 };
	BUF_AUTO after = { 0 };
	struct check_value made, again;
	CK_OBJECT_HANDLE newest = 0, first = 0, now = 0;
	struct pk11_session *s = NULL;
	char label[32] = { 0 };

	ck_assert_int_eq(sscanf(pk11_key_uri(vendor.srk), "pkcs11:object=%31[^;]", label), 1);
	ok(ops_tmk_generate(vendor.ops, vendor.srk, A, 32, &before, &made, rig_fail()));
	ok(ops_srk_generate(vendor.ops, label, VIEW_STR("s"), rig_fail()));
	sleep(3);
	ok(ops_tmk_check(vendor.ops, vendor.srk, buf_view(&before), &again, rig_fail()));
	ck_assert_mem_eq(made.value, again.value, sizeof(made.value));
	ok(ops_tmk_generate(vendor.ops, vendor.srk, A, 32, &after, &made, rig_fail()));
	ok(ops_tmk_check(vendor.ops, vendor.srk, buf_view(&after), &again, rig_fail()));
	ok(pk11_borrow(vendor.token, &s, rig_fail()));
	ok(pk11_key_older(s, vendor.srk, 0, &newest, rig_fail()));
	ok(pk11_key_older(s, vendor.srk, 1, &first, rig_fail()));
	ok(pk11_key_handle(s, vendor.srk, &now, rig_fail()));
	ck_assert(newest != first && now == newest);
	ck_assert_int_eq(pk11_key_older(s, vendor.srk, 2, &first, rig_fail()), ERR_KEY_MISSING);
	pk11_return(s, CKR_OK);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("ops_ways");
	TCase *t = tcase_create("ways");

	tcase_add_unchecked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 0);
	tcase_add_test(t, whole_flow_holds_between_any_two_ways);
	tcase_add_test(t, whole_flow_holds_on_another_vendors_module);
	tcase_add_test(t, rewrap_gives_equal_bytes_both_ways);
	tcase_add_test(t, record_of_one_way_opens_the_other_way);
	tcase_add_test(t, messages_with_given_iv_load_the_other_way);
	tcase_add_test(t, check_values_of_role_keys_are_those_of_their_value);
	tcase_add_test(t, threads_download_at_once);
	tcase_add_test(t, description_names_the_way_of_each_operation);
	tcase_add_test(t, storage_key_rotates_while_services_run);
	suite_add_tcase(s, t);
	return rig_run(s);
}
