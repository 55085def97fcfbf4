/* SPDX-License-Identifier: BSD-2-Clause */
#include "ops_rig.h"

#include <stdio.h>
#include <string.h>

#include "vendor.h"

/* Working keys between one host and one terminal, both of any way (R1.12). */

#define PAN "400000123456"

static CK_OBJECT_HANDLE in_terminal(struct pk11_session *s, const char *label, struct view id)
{
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &class, sizeof(class) },
			     { CKA_LABEL, (void *)(uintptr_t)label, strlen(label) },
			     { CKA_ID, (void *)(uintptr_t)id.p, id.n } };
	CK_OBJECT_HANDLE key = 0;

	ok(pk11_find_one(s, t, 3, &key, rig_fail()));
	return key;
}

/* Working keys of that id in the terminal's token, session keys of other kinds aside. */
static size_t count_in_terminal(const struct rig_working *w, struct view id)
{
	static const char *const labels[] = { OPS_PINKEY_LABEL, OPS_MACKEY_LABEL };
	size_t all = 0;

	for (size_t i = 0; i < ARRAY_LEN(labels); i++) {
		CK_ATTRIBUTE t[] = { { CKA_LABEL, (void *)(uintptr_t)labels[i], strlen(labels[i]) },
				     { CKA_ID, (void *)(uintptr_t)id.p, id.n } };
		CK_OBJECT_HANDLE found[8];
		size_t n = 0;

		ok(pk11_find(w->at_pos->session, t, 2, found, ARRAY_LEN(found), &n, rig_fail()));
		all += n;
	}
	return all;
}

/* A MAC that the terminal makes holds at the host, with the MACKEY of the database; an altered message does not. */
static void mac_verifies(const struct rig_working *w, struct view blob, struct view id)
{
	CK_MECHANISM m = { w->tmk_type == FORMAT_KEY_AES ? CKM_AES_CMAC : CKM_DES3_CMAC, NULL, 0 };
	uint8_t data[] = "amount 000000001200, trace 4711", mac[16];
	struct pk11_session *s = w->at_pos->session;
	struct ops_wk kept = { 0 };
	CK_ULONG n = sizeof(mac);

	ck_assert_uint_eq(s->f->C_SignInit(s->handle, &m, in_terminal(s, OPS_MACKEY_LABEL, id)), CKR_OK);
	ck_assert_uint_eq(s->f->C_Sign(s->handle, data, sizeof(data), mac, &n), CKR_OK);
	ok(ops_wk_open(w->host, w->srk, WK_MACKEY, blob, &kept, rig_fail()));
	s = kept.session;
	for (int i = 0; i < 2; i++, data[3] ^= 1) {
		ck_assert_uint_eq(s->f->C_VerifyInit(s->handle, &m, kept.key), CKR_OK);
		ck_assert_uint_eq(s->f->C_Verify(s->handle, data, sizeof(data), mac, n),
				  i ? CKR_SIGNATURE_INVALID : CKR_OK);
	}
	ops_wk_close(&kept);
}

/* An ISO 9564 format 4 block by a terminal's PINKEY, which is an ordinary AES key there (standard way). */
static void pin_block(const struct rig_working *w, struct view id, uint8_t block[16])
{
	uint8_t pin[16] = { 0x44, 0x12, 0x34, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa },
		pan[16] = { 0x04, 0x00, 0x00, 0x01, 0x23, 0x45, 0x60 };
	struct pk11_session *s = w->at_pos->session;
	CK_MECHANISM m = { CKM_AES_ECB, NULL, 0 };
	CK_OBJECT_HANDLE key = in_terminal(s, OPS_PINKEY_LABEL, id);
	CK_ULONG n = 16;

	ok(ops_random(w->pos, pin + 8, 8, rig_fail()));
	ck_assert_uint_eq(s->f->C_EncryptInit(s->handle, &m, key), CKR_OK);
	ck_assert_uint_eq(s->f->C_Encrypt(s->handle, pin, 16, block, &n), CKR_OK);
	for (int i = 0; i < 16; i++)
		pan[i] ^= block[i];
	ck_assert_uint_eq(s->f->C_EncryptInit(s->handle, &m, key), CKR_OK);
	ck_assert_uint_eq(s->f->C_Encrypt(s->handle, pan, 16, block, &n), CKR_OK);
}

/*
 * In HSM 2 of strongroom: the stored PINKEY translates the terminal's PIN block to another PINKEY, refuses an altered
 * one, and decrypts nothing, for it is not what the key is for.
 */
static void pin_translates(const struct rig_working *w, struct view blob, struct view id)
{
	CK_ULONG role = SR_ROLE_PINKEY, length = 32;
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_KEY_TYPE type = CKK_AES;
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &class, sizeof(class) },
			     { CKA_KEY_TYPE, &type, sizeof(type) },
			     { CKA_VALUE_LEN, &length, sizeof(length) },
			     { CKA_SR_ROLE, &role, sizeof(role) } };
	CK_MECHANISM generate = { CKM_AES_KEY_GEN, NULL, 0 }, ecb = { CKM_AES_ECB, NULL, 0 };
	struct sr_pin_translate_params params = {
		.inFormat = 4, .outFormat = 4, .pPan = (CK_BYTE_PTR)(uintptr_t)PAN, .ulPanLen = 12
	};
	CK_MECHANISM translate = { CKM_SR_PIN_TRANSLATE, &params, sizeof(params) };
	uint8_t block[16], out[16];
	struct ops_wk kept = { 0 };

	ok(ops_wk_open(w->host, w->srk, WK_PINKEY, blob, &kept, rig_fail()));
	struct pk11_session *s = kept.session;
	ck_assert_uint_eq(s->f->C_DecryptInit(s->handle, &ecb, kept.key), CKR_MECHANISM_INVALID);
	ck_assert_uint_eq(s->f->C_EncryptInit(s->handle, &ecb, kept.key), CKR_MECHANISM_INVALID);
	if (w->pos_standard && w->tmk_type == FORMAT_KEY_AES) {
		pin_block(w, id, block);
		ck_assert_uint_eq(s->f->C_GenerateKey(s->handle, &generate, t, 4, &params.hOutKey), CKR_OK);
		for (int i = 0; i < 2; i++, block[5] ^= 1) {
			CK_ULONG n = sizeof(out);

			ck_assert_uint_eq(s->f->C_DecryptInit(s->handle, &translate, kept.key), CKR_OK);
			ck_assert_uint_eq(s->f->C_Decrypt(s->handle, block, 16, out, &n),
					  i ? CKR_ENCRYPTED_DATA_INVALID : CKR_OK);
		}
		ck_assert_uint_eq(s->f->C_DestroyObject(s->handle, params.hOutKey), CKR_OK);
	}
	ops_wk_close(&kept);
}

/* Whatever byte of the message is another one: nothing is loaded, nothing stays. */
static void altered_is_refused(const struct rig_working *w, const struct ops_wk_load_in *in)
{
	BUF_AUTO bad = { 0 };
	struct ops_wk_loaded loaded;
	struct ops_wk_load_in other = *in;
	uint8_t nonce[16];
	struct ops_shake shake = *in->shake;

	buf_put_view(&bad, in->message);
	other.message = buf_view(&bad);
	for (size_t i = 0; i < bad.len; i += 7) {
		bad.p[i] ^= 1;
		enum err e = ops_wk_load(w->pos, &other, &loaded, NULL);
		ck_assert_msg(e == ERR_BAD_DATA, "byte %zu of %zu: %s", i, bad.len, err_name(e));
		bad.p[i] ^= 1;
	}
	/* another handshake's */
	memcpy(nonce, shake.host_random.p, shake.host_random.n);
	nonce[0] ^= 1;
	shake.host_random.p = nonce;
	other.shake = &shake;
	refuses(ops_wk_load(w->pos, &other, &loaded, NULL), ERR_BAD_DATA);
	ck_assert_uint_eq(count_in_terminal(w, in->id), 0);
}

static void kept_well(const struct rig_working *w, const struct ops_wk_made *made)
{
	struct check_value check;
	BUF_AUTO bad = { 0 };
	BUF_AUTO again = { 0 };
	bool rewrapped = true;

	for (enum wk_kind i = 0; i < WK_KINDS; i++) {
		struct view blob = buf_view(&made->blob[i]);

		ok(ops_wk_check(w->host, w->srk, i, blob, &check, rig_fail()));
		ck_assert_mem_eq(check.value, made->check[i].value, FORMAT_CHECK);
		refuses(ops_wk_check(w->host, w->srk, 1 - i, blob, &check, NULL), ERR_BAD_DATA);
		ok(ops_wk_rewrap(w->host, w->srk, i, blob, &rewrapped, &again, &check, rig_fail()));
		ck_assert(!rewrapped && !again.len);
		buf_done(&bad);
		buf_put_view(&bad, blob);
		bad.p[bad.len - 3] ^= 1;
		refuses(ops_wk_check(w->host, w->srk, i, buf_view(&bad), &check, NULL), ERR_BAD_DATA);
	}
}

bool rig_working(const struct rig_working *w)
{
	struct ops_wk_made made = { 0 };
	struct ops_wk_loaded loaded;
	uint8_t forms = ops_wk_forms(w->pos, w->tmk_type);
	struct ops_wk_in in = { w->at_host, w->shake, w->srk, w->tmk, forms, 7 };
	struct view id = VIEW_STR("wk-new");
	enum err e = ops_wk_make(w->host, &in, &made, rig_fail());

	if (e == ERR_REFUSED || e == ERR_TOKEN)
		return false;
	ck_assert_msg(e == ERR_OK, "%s", rig_said());
	struct ops_wk_load_in load = { w->at_pos, w->shake, w->id, buf_view(&made.message), id };
	altered_is_refused(w, &load);
	ok(ops_wk_load(w->pos, &load, &loaded, rig_fail()));
	ck_assert_uint_eq(count_in_terminal(w, id), 2);
	ck_assert_uint_eq(loaded.generation, 7);
	ck_assert_uint_eq(made.type, w->tmk_type);
	ck_assert_uint_eq(made.length, w->tmk_length);
	for (size_t i = 0; i < WK_KINDS; i++)
		ck_assert_mem_eq(made.check[i].value, loaded.check[i].value, FORMAT_CHECK);
	ck_assert_mem_ne(made.check[0].value, made.check[1].value, FORMAT_CHECK);
	ck_assert_uint_eq(made.confirm_len, loaded.confirm_len);
	ck_assert_mem_eq(made.confirm, loaded.confirm, loaded.confirm_len);
	kept_well(w, &made);
	mac_verifies(w, buf_view(&made.blob[WK_MACKEY]), id);
	if (!w->host_standard)
		pin_translates(w, buf_view(&made.blob[WK_PINKEY]), id);
	ops_wk_made_done(&made);
	ok(ops_destroy(w->pos, OPS_PINKEY_LABEL, id, rig_fail()));
	ok(ops_destroy(w->pos, OPS_MACKEY_LABEL, id, rig_fail()));
	return true;
}
