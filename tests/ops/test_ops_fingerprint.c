/* SPDX-License-Identifier: BSD-2-Clause */
/* Fingerprints of TEK, AUK and TMK (R2.5): the bytes that OpenSSL gives, on every way and module. */
#include "ops_rig.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

struct host {
	struct pk11 *token;
	struct ops *ops;
	struct pk11_key *pr, *srk, *own, *fpk; /* own: generated; fpk: of the rig's known value */
	struct pk11_key *pk[3], *mak[3];       /* by suite */
	struct buf spki;
	bool aes_only;
};

static struct host vendor, standard, soft;

static struct pk11_key *named(const struct host *h, const char *prefix, const char *name)
{
	char uri[96];

	snprintf(uri, sizeof(uri), "pkcs11:object=%s%s;type=secret-key", prefix, name);
	return rig_key(h->token, uri);
}

static void host_open(struct host *h, struct pk11 *token, enum ops_way way, const char *prefix, bool aes_only)
{
	char label[32], uri[64];

	*h = (struct host){ .token = token, .aes_only = aes_only };
	ok(ops_open(token, OPS_FOR_MTMS | OPS_FOR_KMS, way, &h->ops, rig_fail()));
	snprintf(label, sizeof(label), "%sPr", prefix);
	ok(ops_pr_generate(h->ops, 2048, label, VIEW_STR("r"), &h->spki, rig_fail()));
	snprintf(uri, sizeof(uri), "pkcs11:object=%sPr;type=private", prefix);
	h->pr = rig_key(token, uri);
	snprintf(label, sizeof(label), "%sSRK", prefix);
	ok(ops_srk_generate(h->ops, label, VIEW_STR("s"), rig_fail()));
	snprintf(label, sizeof(label), "%sFPK-OWN", prefix);
	ok(ops_fpk_generate(h->ops, label, VIEW_STR("f"), rig_fail()));
	h->srk = named(h, prefix, "SRK");
	h->own = named(h, prefix, "FPK-OWN");
	h->fpk = named(h, prefix, "FPK");
	h->pk[FORMAT_SUITE_AES] = named(h, prefix, "PK");
	h->mak[FORMAT_SUITE_AES] = named(h, prefix, "MAK");
	h->pk[FORMAT_SUITE_TDES] = named(h, prefix, "PK-T");
	h->mak[FORMAT_SUITE_TDES] = named(h, prefix, "MAK-T");
}

static void host_close(struct host *h)
{
	for (unsigned suite = 1; suite <= 2; suite++) {
		pk11_key_free(h->pk[suite]);
		pk11_key_free(h->mak[suite]);
	}
	pk11_key_free(h->pr);
	pk11_key_free(h->srk);
	pk11_key_free(h->own);
	pk11_key_free(h->fpk);
	ops_free(h->ops);
	buf_done(&h->spki);
}

static void setup(void)
{
	struct pk11 *hsm;

	rig_begin();
	rig_token(RIG_STRONGROOM, "HSM");
	rig_role_keys("HSM");
	rig_plain_keys(RIG_STRONGROOM, "HSM", false);
	hsm = rig_open(RIG_STRONGROOM, "HSM");
	host_open(&vendor, hsm, OPS_WAY_VENDOR, "", false);
	host_open(&standard, hsm, OPS_WAY_STANDARD, "p", false);
	ck_assert_msg(rig_has_softhsm(), "SoftHSMv2 is not installed");
	rig_token(RIG_SOFTHSM, "SOFT");
	rig_plain_keys(RIG_SOFTHSM, "SOFT", true);
	host_open(&soft, rig_open(RIG_SOFTHSM, "SOFT"), OPS_WAY_ANY, "p", true);
}

static void teardown(void)
{
	struct pk11 *hsm = vendor.token, *other = soft.token;

	host_close(&vendor);
	host_close(&standard);
	host_close(&soft);
	pk11_free(hsm);
	pk11_free(other);
	rig_end();
}

struct kind {
	uint8_t suite, handshake, type, length;
};
static const struct kind kinds[] = {
	{ 2, 2, FORMAT_KEY_AES, 16 },  { 2, 1, FORMAT_KEY_AES, 24 },  { 2, 2, FORMAT_KEY_AES, 32 },
	{ 2, 2, FORMAT_KEY_TDES, 16 }, { 2, 1, FORMAT_KEY_TDES, 24 }, { 1, 2, FORMAT_KEY_TDES, 16 },
	{ 1, 1, FORMAT_KEY_TDES, 24 },
};

static struct view pattern(uint8_t room[32], const struct kind *k, uint8_t seed)
{
	for (unsigned i = 0; i < k->length; i++) {
		room[i] = (uint8_t)(seed + 31 * i);
		if (k->type == FORMAT_KEY_TDES && !(__builtin_popcount(room[i]) & 1))
			room[i] ^= 1;
	}
	return VIEW(room, k->length);
}

/* The record of a TK of known value. */
static void record_of(const struct kind *k, uint8_t tek_seed, uint8_t auk_seed, struct buf *ret)
{
	static const uint8_t ivs[] = "tek iv 8auk iv 8";
	uint8_t tek[32], auk[32];
	size_t iv = k->suite == FORMAT_SUITE_TDES ? 8 : 0;
	BUF_AUTO packet = { 0 };
	const struct rig_packet in = { .suite = k->suite,
				       .handshake = k->handshake,
				       .hash = FORMAT_HASH_SHA256,
				       .type = k->type,
				       .length = k->length,
				       .serial = "SN0001",
				       .counter = 5,
				       .tek = pattern(tek, k, tek_seed),
				       .auk = pattern(auk, k, auk_seed) };
	struct ops_rewrap_in re = { .pr = vendor.pr,
				    .pk = vendor.pk[k->suite],
				    .mak = vendor.mak[k->suite],
				    .customer = VIEW_STR("ACME"),
				    .collected = 1700000000,
				    .tek_iv = VIEW(ivs, iv),
				    .auk_iv = VIEW(ivs + 8, iv) };

	rig_packet(buf_view(&vendor.spki), &in, &packet);
	re.packet = buf_view(&packet);
	ok(ops_rewrap(vendor.ops, &re, ret, rig_fail()));
}

/* SHA-256 over RFC 3394 under the FPK that the test knows. */
static void expected(struct view key, uint8_t ret[EVP_MAX_MD_SIZE])
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	uint8_t wrapped[64];
	int n = 0, rest = 0;

	ck_assert(ctx != NULL);
	EVP_CIPHER_CTX_set_flags(ctx, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
	ck_assert(EVP_EncryptInit_ex(ctx, EVP_aes_256_wrap(), NULL, rig_value("FPK").p, NULL) == 1);
	ck_assert(EVP_EncryptUpdate(ctx, wrapped, &n, key.p, (int)key.n) == 1);
	ck_assert(EVP_EncryptFinal_ex(ctx, wrapped + n, &rest) == 1);
	ck_assert(EVP_Digest(wrapped, (size_t)(n + rest), ret, NULL, EVP_sha256(), NULL) == 1);
	EVP_CIPHER_CTX_free(ctx);
}

static void tk_fingerprints(struct host *h, struct pk11_key *fpk, struct view record, uint8_t suite,
			    uint8_t ret_tek[OPS_FINGERPRINT_LEN], uint8_t ret_auk[OPS_FINGERPRINT_LEN])
{
	struct ops_record_keys keys = { h->pk[suite], h->mak[suite] };
	struct ops_tk tk = { 0 };

	ok(ops_tk_open_import(h->ops, &keys, record, &tk, rig_fail()));
	ok(ops_tk_fingerprints(h->ops, &tk, fpk, ret_tek, ret_auk, rig_fail()));
	ops_tk_close(&tk);
}

START_TEST(fingerprints_of_a_tk_are_the_same_bytes_on_all_ways) /* R2.5 */
{
	struct host *hosts[] = { &vendor, &standard, &soft };

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		uint8_t value[32], tek[EVP_MAX_MD_SIZE], auk[EVP_MAX_MD_SIZE], got[2][OPS_FINGERPRINT_LEN];
		BUF_AUTO record = { 0 };

		record_of(&kinds[i], 0x21, 0x8c, &record);
		expected(pattern(value, &kinds[i], 0x21), tek);
		expected(pattern(value, &kinds[i], 0x8c), auk);
		for (size_t h = 0; h < ARRAY_LEN(hosts); h++) {
			if (hosts[h]->aes_only && kinds[i].suite == FORMAT_SUITE_TDES)
				continue;
			memset(got, 0, sizeof(got));
			tk_fingerprints(hosts[h], hosts[h]->fpk, buf_view(&record), kinds[i].suite, got[0], got[1]);
			ck_assert_mem_eq(got[0], tek, OPS_FINGERPRINT_LEN);
			ck_assert_mem_eq(got[1], auk, OPS_FINGERPRINT_LEN);
		}
	}
}
END_TEST

/* One TK that reached two terminals, and a TEK that is the AUK of another: told in any place where they stand. */
START_TEST(equal_keys_are_found_wherever_they_stand) /* R2.5 */
{
	const struct kind kind = { 2, 2, FORMAT_KEY_AES, 32 };
	BUF_AUTO one = { 0 };
	BUF_AUTO two = { 0 };
	uint8_t a[2][OPS_FINGERPRINT_LEN], b[2][OPS_FINGERPRINT_LEN], other[2][OPS_FINGERPRINT_LEN];

	record_of(&kind, 0x11, 0x22, &one);
	record_of(&kind, 0x33, 0x11, &two);
	tk_fingerprints(&vendor, vendor.own, buf_view(&one), 2, a[0], a[1]);
	tk_fingerprints(&vendor, vendor.own, buf_view(&two), 2, b[0], b[1]);
	ck_assert_mem_eq(a[0], b[1], OPS_FINGERPRINT_LEN);
	ck_assert_mem_ne(a[0], b[0], OPS_FINGERPRINT_LEN);
	ck_assert_mem_ne(a[1], b[1], OPS_FINGERPRINT_LEN);
	/* another FPK tells nothing of these */
	tk_fingerprints(&vendor, vendor.fpk, buf_view(&one), 2, other[0], other[1]);
	ck_assert_mem_ne(a[0], other[0], OPS_FINGERPRINT_LEN);
}
END_TEST

START_TEST(fingerprint_of_a_tmk_is_of_the_key_and_not_of_its_blob) /* R2.5 */
{
	struct host *hosts[] = { &vendor, &standard, &soft };

	for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
		struct host *h = hosts[i];
		uint8_t a[OPS_FINGERPRINT_LEN], b[OPS_FINGERPRINT_LEN], again[OPS_FINGERPRINT_LEN];
		BUF_AUTO one = { 0 };
		BUF_AUTO two = { 0 };
		struct check_value check;

		ok(ops_tmk_generate(h->ops, h->srk, FORMAT_KEY_AES, 32, &one, &check, rig_fail()));
		ok(ops_tmk_generate(h->ops, h->srk, FORMAT_KEY_TDES, 16, &two, &check, rig_fail()));
		ok(ops_tmk_fingerprint(h->ops, h->srk, buf_view(&one), h->own, a, rig_fail()));
		ok(ops_tmk_fingerprint(h->ops, h->srk, buf_view(&two), h->own, b, rig_fail()));
		ok(ops_tmk_fingerprint(h->ops, h->srk, buf_view(&one), h->own, again, rig_fail()));
		ck_assert_mem_eq(a, again, sizeof(a));
		ck_assert_mem_ne(a, b, sizeof(a));
		refuses(ops_tmk_fingerprint(h->ops, h->srk, VIEW(one.p, one.len - 1), h->own, again, NULL),
			ERR_BAD_DATA);
		one.p[one.len - 1] ^= 1;
		refuses(ops_tmk_fingerprint(h->ops, h->srk, buf_view(&one), h->own, again, NULL), ERR_BAD_DATA);
		ck_assert_mem_eq(a, again, sizeof(a));
	}
}
END_TEST

START_TEST(fingerprints_without_a_tk_or_by_another_key_are_refused)
{
	const struct kind kind = { 2, 2, FORMAT_KEY_AES, 32 };
	struct ops_record_keys keys = { vendor.pk[2], vendor.mak[2] };
	uint8_t tek[OPS_FINGERPRINT_LEN] = { 7 }, auk[OPS_FINGERPRINT_LEN] = { 7 };
	struct ops_tk tk = { 0 };
	BUF_AUTO record = { 0 };

	refuses(ops_tk_fingerprints(vendor.ops, &tk, vendor.fpk, tek, auk, NULL), ERR_USAGE);
	record_of(&kind, 0x21, 0x8c, &record);
	ok(ops_tk_open_import(vendor.ops, &keys, buf_view(&record), &tk, rig_fail()));
	refuses(ops_tk_fingerprints(vendor.ops, &tk, vendor.srk, tek, auk, NULL), ERR_TOKEN);
	refuses(ops_tk_fingerprints(vendor.ops, &tk, vendor.mak[2], tek, auk, NULL), ERR_TOKEN);
	ck_assert(tek[0] == 7 && auk[0] == 7);
	ops_tk_close(&tk);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("ops_fingerprint");
	TCase *t = tcase_create("fingerprint");

	tcase_add_unchecked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 0);
	tcase_add_test(t, fingerprints_of_a_tk_are_the_same_bytes_on_all_ways);
	tcase_add_test(t, equal_keys_are_found_wherever_they_stand);
	tcase_add_test(t, fingerprint_of_a_tmk_is_of_the_key_and_not_of_its_blob);
	tcase_add_test(t, fingerprints_without_a_tk_or_by_another_key_are_refused);
	suite_add_tcase(s, t);
	return rig_run(s);
}
