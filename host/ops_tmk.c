/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "ops_own.h"

enum err ops_tmk_generate(struct ops *o, struct pk11_key *srk, uint8_t type, uint8_t length, struct buf *ret_blob,
			  struct check_value *ret_check, struct fail *f)
{
	BUF_AUTO made = { 0 };
	struct ops_generate_arg arg = { .srk = srk, .type = type, .length = length, .out = &made };

	if (!format_key_ok(type, length))
		return fail_set(f, ERR_USAGE, 0, "TMK of type %u and %u bytes", type, length);
	enum err e = ops_run(o, OPS_TMK_GENERATE, NULL, &arg, f);
	if (e == ERR_OK)
		e = ops_take(ret_blob, &made, f);
	if (e == ERR_OK)
		*ret_check = arg.check;
	return e;
}

enum err ops_tmk_check(struct ops *o, struct pk11_key *srk, struct view blob, struct check_value *ret, struct fail *f)
{
	struct tmk_blob parsed;
	struct ops_export_arg arg = { .srk = srk, .blob = &parsed };

	if (!tmk_blob_parse(blob, &parsed))
		return fail_set(f, ERR_BAD_DATA, 0, "TMK blob: form");
	enum err e = ops_run(o, OPS_TMK_EXPORT, NULL, &arg, f);
	if (e == ERR_OK)
		*ret = parsed.check;
	return e;
}

enum err ops_fpk_generate(struct ops *o, const char *label, struct view id, struct fail *f)
{
	struct ops_generate_arg arg = { .label = label, .id = id };

	return ops_run(o, OPS_FPK_GENERATE, NULL, &arg, f);
}

enum err ops_tk_fingerprints(struct ops *o, const struct ops_tk *tk, struct pk11_key *fpk,
			     uint8_t ret_tek[OPS_FINGERPRINT_LEN], uint8_t ret_auk[OPS_FINGERPRINT_LEN], struct fail *f)
{
	struct ops_fingerprint_arg tek = { .fpk = fpk, .handle = tk->tek }, auk = { .fpk = fpk, .handle = tk->auk };

	if (!tk->session)
		return fail_set(f, ERR_USAGE, 0, "fingerprints: no TK open");
	enum err e = ops_run(o, OPS_FINGERPRINT, tk->session, &tek, f);
	if (e == ERR_OK)
		e = ops_run(o, OPS_FINGERPRINT, tk->session, &auk, f);
	if (e != ERR_OK)
		return e;
	memcpy(ret_tek, tek.made, OPS_FINGERPRINT_LEN);
	memcpy(ret_auk, auk.made, OPS_FINGERPRINT_LEN);
	return ERR_OK;
}

enum err ops_tmk_fingerprint(struct ops *o, struct pk11_key *srk, struct view blob, struct pk11_key *fpk,
			     uint8_t ret[OPS_FINGERPRINT_LEN], struct fail *f)
{
	struct tmk_blob parsed;
	struct ops_fingerprint_arg arg = { .fpk = fpk, .srk = srk, .blob = &parsed };

	if (!tmk_blob_parse(blob, &parsed))
		return fail_set(f, ERR_BAD_DATA, 0, "TMK blob: form");
	enum err e = ops_run(o, OPS_FINGERPRINT, NULL, &arg, f);
	if (e == ERR_OK)
		memcpy(ret, arg.made, OPS_FINGERPRINT_LEN);
	return e;
}

enum err ops_tmk_rewrap(struct ops *o, struct pk11_key *srk, struct view blob, bool *ret_rewrapped,
			struct buf *ret_blob, struct check_value *ret_check, struct fail *f)
{
	BUF_AUTO made = { 0 };
	struct tmk_blob parsed;
	struct ops_again_arg arg = { .srk = srk, .blob = &parsed, .out = &made };

	if (!tmk_blob_parse(blob, &parsed))
		return fail_set(f, ERR_BAD_DATA, 0, "TMK blob: form");
	enum err e = ops_run(o, OPS_TMK_REWRAP, NULL, &arg, f);
	if (e == ERR_OK && arg.rewrapped)
		e = ops_take(ret_blob, &made, f);
	if (e != ERR_OK)
		return e;
	*ret_rewrapped = arg.rewrapped;
	*ret_check = parsed.check;
	return ERR_OK;
}

enum err ops_tmk_export(struct ops *o, const struct ops_tk *tk, const struct ops_shake *shake, struct pk11_key *srk,
			struct view blob, struct view iv, struct buf *ret_message, struct check_value *ret_check,
			struct fail *f)
{
	BUF_AUTO made = { 0 };
	struct tmk_blob parsed;
	struct ops_export_arg arg = {
		.tk = tk, .shake = shake, .srk = srk, .blob = &parsed, .iv = iv, .message = &made
	};

	if (!tk->session || !tk->host_side)
		return fail_set(f, ERR_USAGE, 0, "TMK export: no TK open");
	if (!tmk_blob_parse(blob, &parsed))
		return fail_set(f, ERR_BAD_DATA, 0, "TMK blob: form");
	if (!ops_tek_carries(tk, &parsed.attrs))
		return fail_set(f, ERR_REFUSED, 0, "TMK export: this TEK does not carry a key of that type and length");
	enum err e = ops_run(o, OPS_TMK_EXPORT, tk->session, &arg, f);
	if (e == ERR_OK)
		e = ops_take(ret_message, &made, f);
	if (e == ERR_OK)
		*ret_check = parsed.check;
	return e;
}

enum err ops_tk_generate(struct ops *o, const struct ops_tk_in *in, struct buf *ret_packet, struct fail *f)
{
	BUF_AUTO made = { 0 };
	struct ops_tk_arg arg = { .in = in, .packet = &made };

	if (!format_key_ok(in->type, in->length) || (in->suite == FORMAT_SUITE_TDES && in->type != FORMAT_KEY_TDES) ||
	    !format_pos_serial_ok(in->serial) || !format_pin_pad_ok(in->pin_pad) ||
	    !format_cert_serial_ok(in->cert_serial) || in->counter == 0 || in->id.n == 0)
		return fail_set(f, ERR_USAGE, 0, "TK: suite, key type, serial numbers, counter or id");
	enum err e = ops_run(o, OPS_TK_GENERATE, NULL, &arg, f);
	return e == ERR_OK ? ops_take(ret_packet, &made, f) : e;
}

enum err ops_tk_find(struct ops *o, struct view id, uint8_t handshake, struct view serial, struct ops_tk *ret,
		     struct fail *f)
{
	struct ops_find_arg arg = { .id = id };
	struct ops_tk tk = { .handshake = handshake, .serial_len = serial.n };
	struct fail mine = { 0 };

	if (!format_pos_serial_ok(serial) || (handshake != FORMAT_HANDSHAKE_V1 && handshake != FORMAT_HANDSHAKE_V2))
		return fail_set(f, ERR_USAGE, 0, "TK: serial number or handshake version");
	memcpy(tk.serial, serial.p, serial.n);
	enum err e = pk11_borrow(ops_token(o), &tk.session, f);
	if (e != ERR_OK)
		return e;
	e = ops_run(o, OPS_TK_FIND, tk.session, &arg, &mine);
	if (e == ERR_OK)
		e = step_key_kind(tk.session, arg.tek, &tk.tek_type, &tk.tek_length, &mine);
	if (e == ERR_OK)
		e = step_key_kind(tk.session, arg.auk, &tk.auk_type, &tk.auk_length, &mine);
	if (e != ERR_OK) {
		pk11_return(tk.session, mine.rv);
		if (f && f->code == ERR_OK)
			*f = mine;
		return e;
	}
	tk.tek = arg.tek;
	tk.auk = arg.auk;
	*ret = tk;
	return ERR_OK;
}

enum err ops_tmk_load(struct ops *o, const struct ops_tk *tk, const struct ops_shake *shake, struct view message,
		      struct view id, struct check_value *ret, struct fail *f)
{
	struct tmk_message m;
	struct ops_load_arg arg = { .tk = tk, .shake = shake, .bytes = message, .message = &m, .id = id };

	if (!tk->session || tk->host_side)
		return fail_set(f, ERR_USAGE, 0, "TMK load: no TK");
	if (!tmk_message_parse(message, &m))
		return fail_set(f, ERR_BAD_DATA, 0, "TMK message: form");
	if (m.handshake != tk->handshake)
		return fail_set(f, ERR_BAD_DATA, 0, "TMK message: handshake version %u, not %u", m.handshake,
				tk->handshake);
	if (!ops_tek_carries(tk, &m.attrs))
		return fail_set(f, ERR_BAD_DATA, 0, "TMK message: the TEK does not carry such a key");
	enum err e = ops_run(o, OPS_TMK_LOAD, tk->session, &arg, f);
	if (e == ERR_OK)
		*ret = m.check;
	return e;
}

struct destroy_arg {
	const char *label;
	struct view id;
};

static enum err destroy_run(struct pk11_session *s, void *arg, struct fail *f)
{
	const struct destroy_arg *in = arg;
	struct template t = { 0 };
	CK_OBJECT_HANDLE found[16];
	size_t count = 0;

	template_bool(&t, CKA_TOKEN, true);
	template_bytes(&t, CKA_LABEL, view_of_string(in->label));
	template_bytes(&t, CKA_ID, in->id);
	do {
		enum err e = pk11_find(s, t.a, t.n, found, ARRAY_LEN(found), &count, f);
		if (e != ERR_OK)
			return e;
		for (size_t i = 0; i < count && i < ARRAY_LEN(found); i++) {
			CK_RV rv = s->f->C_DestroyObject(s->handle, found[i]);
			if (rv != CKR_OK && rv != CKR_OBJECT_HANDLE_INVALID)
				return pk11_fail(f, rv, "C_DestroyObject");
		}
	} while (count > ARRAY_LEN(found));
	return ERR_OK;
}

enum err ops_destroy(struct ops *o, const char *label, struct view id, struct fail *f)
{
	struct destroy_arg arg = { label, id };
	return pk11_run(ops_token(o), destroy_run, &arg, f);
}
