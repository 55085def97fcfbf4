/* SPDX-License-Identifier: BSD-2-Clause */
/* The storage key gets a successor: TMKs of before are re-wrapped, both ways and on another vendor's module. */
#include "ops_rig.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define T FORMAT_KEY_TDES
#define A FORMAT_KEY_AES

struct side {
	struct pk11 *token;
	struct ops *ops;
	struct pk11_key *srk;
};

static struct side vendor, standard, soft;

static void side_open(struct side *s, struct pk11 *token, enum ops_way way, const char *label)
{
	char uri[64];

	s->token = token;
	ok(ops_open(token, OPS_FOR_KMS, way, &s->ops, rig_fail()));
	ok(ops_srk_generate(s->ops, label, VIEW_STR("s"), rig_fail()));
	snprintf(uri, sizeof(uri), "pkcs11:object=%s;type=secret-key", label);
	s->srk = rig_key(token, uri);
}

static void side_close(struct side *s)
{
	pk11_key_free(s->srk);
	ops_free(s->ops);
}

static void setup(void)
{
	struct pk11 *hsm;

	rig_begin();
	rig_token(RIG_STRONGROOM, "HSM");
	hsm = rig_open(RIG_STRONGROOM, "HSM");
	side_open(&vendor, hsm, OPS_WAY_VENDOR, "SRK");
	side_open(&standard, hsm, OPS_WAY_STANDARD, "pSRK");
	if (rig_has_softhsm()) {
		rig_token(RIG_SOFTHSM, "SOFT");
		side_open(&soft, rig_open(RIG_SOFTHSM, "SOFT"), OPS_WAY_STANDARD, "pSRK");
	}
}

static void teardown(void)
{
	side_close(&vendor);
	side_close(&standard);
	side_close(&soft);
	pk11_free(vendor.token);
	pk11_free(soft.token);
	rig_end();
}

/* The TMKs of before go under the next storage key; without the key of before they do not, and are told. */
static void rewrap_blobs(struct side *side, struct pk11_key *next, bool generations)
{
	static const struct {
		uint8_t type, length;
	} tmks[] = { { A, 32 }, { A, 16 }, { T, 16 }, { T, 24 } };

	for (size_t i = 0; i < ARRAY_LEN(tmks); i++) {
		BUF_AUTO old = { 0 };
		BUF_AUTO new = { 0 };
		BUF_AUTO none = { 0 };
		struct check_value made, again;
		struct pk11_session *s = NULL;
		CK_OBJECT_HANDLE first = 0;
		bool rewrapped = false;

		/* under the oldest key, through the handle that the service would hold */
		ok(ops_tmk_generate(side->ops, generations ? next : side->srk, tmks[i].type, tmks[i].length, &old,
				    &made, rig_fail()));
		if (generations) {
			char label[32] = { 0 };

			ck_assert_int_eq(sscanf(pk11_key_uri(next), "pkcs11:object=%31[^;]", label), 1);
			ok(ops_srk_generate(side->ops, label, VIEW_STR("s"), rig_fail()));
			sleep(3);
		}
		ok(ops_tmk_rewrap(side->ops, next, buf_view(&old), &rewrapped, &new, &again, rig_fail()));
		ck_assert(rewrapped && new.len == old.len &&memcmp(new.p, old.p, new.len) != 0);
		ck_assert_mem_eq(made.value, again.value, FORMAT_CHECK);
		rewrapped = true;
		ok(ops_tmk_rewrap(side->ops, next, buf_view(&new), &rewrapped, &none, &again, rig_fail()));
		ck_assert(!rewrapped && !none.len);
		ok(ops_tmk_check(side->ops, next, buf_view(&new), &again, rig_fail()));
		ck_assert_mem_eq(made.value, again.value, FORMAT_CHECK);
		/* any byte of the ciphertext */
		for (size_t k = old.len - tmks[i].length - 8; k < old.len; k += 7) {
			old.p[k] ^= 4;
			refuses(ops_tmk_rewrap(side->ops, next, buf_view(&old), &rewrapped, &none, &again, NULL),
				ERR_BAD_DATA);
			old.p[k] ^= 4;
		}
		ck_assert(!none.len);
		ok(pk11_borrow(side->token, &s, rig_fail()));
		ok(pk11_key_older(s, next, 1, &first, rig_fail()));
		pk11_return(s, CKR_OK);
	}
}

START_TEST(tmks_are_rewrapped_under_the_next_storage_key_both_ways)
{
	struct side *sides[] = { &standard, &soft };
	BUF_AUTO blob = { 0 };
	BUF_AUTO none = { 0 };
	struct check_value made;
	bool rewrapped = false;

	rewrap_blobs(&vendor, vendor.srk, true);
	for (size_t i = 0; i < (rig_has_softhsm() ? 2 : 1); i++) {
		struct pk11_key *next;

		ok(ops_srk_generate(sides[i]->ops, "pNEXT", VIEW_STR("n"), rig_fail()));
		next = rig_key(sides[i]->token, "pkcs11:object=pNEXT;type=secret-key");
		ok(ops_tmk_generate(sides[i]->ops, sides[i]->srk, A, 32, &blob, &made, rig_fail()));
		refuses(ops_tmk_rewrap(sides[i]->ops, next, buf_view(&blob), &rewrapped, &none, &made, NULL),
			ERR_BAD_DATA);
		buf_done(&blob);
		pk11_key_behind(next, sides[i]->srk);
		rewrap_blobs(sides[i], next, false);
		pk11_key_free(next);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("ops_rotate");
	TCase *t = tcase_create("rotate");

	tcase_add_unchecked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 0);
	tcase_add_test(t, tmks_are_rewrapped_under_the_next_storage_key_both_ways);
	suite_add_tcase(s, t);
	return rig_run(s);
}
