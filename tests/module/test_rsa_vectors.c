/* SPDX-License-Identifier: BSD-2-Clause */
#include "pair_kit.h"
#include <string.h>

/* RSA with keys and answers that others published: signatures of every scheme and hash, encryption of every padding. */

static CK_MECHANISM mechanism_of(const struct pair_line *l, union mk_param *p)
{
	const struct mech_row *row = mk_row(pair_text(l, "mech"));
	CK_MECHANISM m = { row->type, NULL, 0 };
	const char *hash = pair_text(l, "hash");

	memset(p, 0, sizeof(*p));
	if (row->param == &param_pss) {
		p->pss = (CK_RSA_PKCS_PSS_PARAMS){ pair_hash(hash), pair_mgf(hash), pair_number(l, "salt") };
		m = (CK_MECHANISM){ row->type, p, sizeof(p->pss) };
	}
	if (row->param == &param_oaep) {
		struct view label = pair_bytes(l, "label");

		p->oaep = (CK_RSA_PKCS_OAEP_PARAMS){ pair_hash(hash), pair_mgf(pair_text(l, "mgf")), CKZ_DATA_SPECIFIED,
						     (void *)(uintptr_t)label.p, label.n };
		m = (CK_MECHANISM){ row->type, p, sizeof(p->oaep) };
	}
	return m;
}

static CK_RV verify(CK_MECHANISM *m, CK_OBJECT_HANDLE key, struct view data, struct view signature)
{
	OK(ck->C_VerifyInit(mk_session, m, key));
	return ck->C_Verify(mk_session, (CK_BYTE_PTR)(uintptr_t)data.p, data.n, (CK_BYTE_PTR)(uintptr_t)signature.p,
			    signature.n);
}

static void verify_in_pieces(CK_MECHANISM *m, CK_OBJECT_HANDLE key, struct view data, struct view signature)
{
	for (size_t step = 1; step < 70; step += 23) {
		OK(ck->C_VerifyInit(mk_session, m, key));
		for (size_t at = 0; at < data.n; at += step)
			OK(ck->C_VerifyUpdate(mk_session, (CK_BYTE_PTR)(uintptr_t)data.p + at,
					      data.n - at < step ? data.n - at : step));
		OK(ck->C_VerifyFinal(mk_session, (CK_BYTE_PTR)(uintptr_t)signature.p, signature.n));
	}
}

static void sign(const struct pair_line *l, CK_MECHANISM *m, CK_OBJECT_HANDLE key, bool pieces)
{
	struct view data = pair_bytes(l, "data"), want = pair_bytes(l, "out");
	uint8_t out[1024];
	CK_ULONG len = sizeof(out);

	OK(mk_init(CKF_SIGN, m, key));
	OK(mk_single(CKF_SIGN, data, out, &len));
	ck_assert_msg(view_equal(VIEW(out, len), want), "line %u", l->line);
	if (!pieces)
		return;
	OK(mk_init(CKF_SIGN, m, key));
	for (size_t at = 0; at < data.n; at += 7)
		OK(ck->C_SignUpdate(mk_session, (CK_BYTE_PTR)(uintptr_t)data.p + at,
				    data.n - at < 7 ? data.n - at : 7));
	len = sizeof(out);
	OK(mk_final(CKF_SIGN, out, &len));
	ck_assert_msg(view_equal(VIEW(out, len), want), "line %u", l->line);
}

static void signature_line(const struct pair_line *l, const struct pair_line *pair)
{
	const struct mech_row *row = mk_row(pair_text(l, "mech"));
	struct view data = pair_bytes(l, "data"), signature = pair_bytes(l, "out");
	CK_OBJECT_HANDLE public = 0, private = 0;
	union mk_param p;
	CK_MECHANISM m = mechanism_of(l, &p);
	bool pieces = !(row->traits & MECH_NO_UPDATE);
	uint8_t bad[1024];
	CK_RV rv;

	pair_rsa(pair, CKF_SIGN | CKF_VERIFY, &public, &private);
	rv = verify(&m, public, data, signature);
	ck_assert_msg(rv == CKR_OK, "line %u: %lx", l->line, rv);
	if (pieces)
		verify_in_pieces(&m, public, data, signature);
	if (private != 0 && pair_text(l, "sign") != NULL)
		sign(l, &m, private, pieces);
	memcpy(bad, signature.p, signature.n);
	for (size_t i = 0; i < signature.n; i += 37) {
		bad[i] ^= 1;
		IS(verify(&m, public, data, VIEW(bad, signature.n)), CKR_SIGNATURE_INVALID);
		bad[i] ^= 1;
	}
	memcpy(bad, data.p, data.n);
	bad[data.n - 1] ^= 1;
	IS(verify(&m, public, VIEW(bad, data.n), signature), CKR_SIGNATURE_INVALID);
	IS(verify(&m, public, data, VIEW(signature.p, signature.n - 1)), CKR_SIGNATURE_LEN_RANGE);
	mk_destroy(public);
	if (private != 0)
		mk_destroy(private);
}

START_TEST(signatures_are_the_published_ones) /* R6.5 */
{
	ck_assert_uint_ge(pair_lines("rsa_sign.txt", signature_line), 33);
}
END_TEST

static void crypt_line(const struct pair_line *l, const struct pair_line *pair)
{
	struct view plain = pair_bytes(l, "data"), sealed = pair_bytes(l, "out");
	CK_OBJECT_HANDLE public = 0, private = 0;
	union mk_param p;
	CK_MECHANISM m = mechanism_of(l, &p);
	uint8_t out[1024];
	CK_ULONG len;

	pair_rsa(pair, CKF_ENCRYPT | CKF_DECRYPT, &public, &private);
	for (unsigned times = 0; times < 2; times++) {
		OK(mk_init(CKF_DECRYPT, &m, private));
		OK(mk_single(CKF_DECRYPT, sealed, NULL, &len));
		ck_assert_uint_ge(len, plain.n);
		if (plain.n > 0) {
			len = plain.n - 1;
			IS(mk_single(CKF_DECRYPT, sealed, out, &len), CKR_BUFFER_TOO_SMALL);
			ck_assert_uint_eq(len, plain.n);
		}
		len = sizeof(out);
		OK(mk_single(CKF_DECRYPT, sealed, out, &len));
		ck_assert_msg(view_equal(VIEW(out, len), plain), "line %u", l->line);
	}
	len = sizeof(out);
	OK(mk_init(CKF_ENCRYPT, &m, public));
	OK(mk_single(CKF_ENCRYPT, plain, out, &len));
	ck_assert_uint_eq(len, sealed.n);
	OK(mk_init(CKF_DECRYPT, &m, private));
	OK(mk_single(CKF_DECRYPT, VIEW(out, len), out, &len));
	ck_assert_msg(view_equal(VIEW(out, len), plain), "line %u", l->line);
	mk_destroy(public);
	mk_destroy(private);
}

START_TEST(decryption_gives_the_published_plaintexts) /* R6.5 */
{
	ck_assert_uint_ge(pair_lines("rsa_crypt.txt", crypt_line), 50);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("RSA vectors");
	TCase *c = tcase_create("vectors");

	tcase_add_unchecked_fixture(c, mk_begin, mk_end);
	tcase_set_timeout(c, 120);
	tcase_add_test(c, signatures_are_the_published_ones);
	tcase_add_test(c, decryption_gives_the_published_plaintexts);
	suite_add_tcase(s, c);
	return mk_main(s);
}
