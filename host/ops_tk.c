/* SPDX-License-Identifier: BSD-2-Clause */
/* TKs: the record that a packet becomes, and what stands in an opened one. */
#include <string.h>

#include "ops_own.h"
#include "waiting.h"

enum err ops_rewrap(struct ops *o, const struct ops_rewrap_in *in, struct buf *ret_record, struct fail *f)
{
	BUF_AUTO made = { 0 };
	struct tk_packet packet;
	struct ops_rewrap_arg arg = { .in = in, .packet = &packet, .record = &made };

	if (!format_customer_ok(in->customer))
		return fail_set(f, ERR_USAGE, 0, "customer id");
	if (!tk_packet_parse(in->packet, &packet))
		return fail_set(f, ERR_BAD_DATA, 0, "TK packet: form");
	enum err e = ops_run(o, OPS_REWRAP, NULL, &arg, f);
	return e == ERR_OK ? ops_take(ret_record, &made, f) : e;
}

void ops_tk_close(struct ops_tk *tk)
{
	if (!tk->session)
		return;
	waiting_for("HSM", "end of a TK");
	if (tk->session_objects) {
		step_destroy(tk->session, &tk->tek);
		step_destroy(tk->session, &tk->auk);
	}
	pk11_return(tk->session, CKR_OK);
	waiting_over();
	memset(tk, 0, sizeof(*tk));
}

static size_t auk_block(const struct ops_tk *tk)
{
	return tk->auk_type == FORMAT_KEY_AES ? 16 : 8;
}

size_t ops_nonce_len(const struct ops_tk *tk)
{
	return tk->handshake == FORMAT_HANDSHAKE_V1 ? auk_block(tk) : FORMAT_NONCE;
}

size_t ops_tag_len(const struct ops_tk *tk)
{
	return auk_block(tk);
}

bool ops_tek_carries(const struct ops_tk *tk, const struct key_attrs *attrs)
{
	if (!format_key_ok(attrs->type, attrs->length))
		return false;
	if (tk->tek_type == FORMAT_KEY_TDES && attrs->type != FORMAT_KEY_TDES)
		return false;
	return attrs->type != tk->tek_type || attrs->length <= tk->tek_length;
}

enum err ops_tk_check_values(struct ops *o, const struct ops_tk *tk, struct check_value *ret_tek,
			     struct check_value *ret_auk, struct fail *f)
{
	struct ops_check_arg tek = { .handle = tk->tek }, auk = { .handle = tk->auk };

	if (!tk->session)
		return fail_set(f, ERR_USAGE, 0, "check values: no TK open");
	enum err e = ops_run(o, OPS_CHECK_VALUE, tk->session, &tek, f);
	if (e == ERR_OK)
		e = ops_run(o, OPS_CHECK_VALUE, tk->session, &auk, f);
	if (e != ERR_OK)
		return e;
	*ret_tek = tek.value;
	*ret_auk = auk.value;
	return ERR_OK;
}

/* tk_open: the session stays with the TK, so pk11_run's second attempt is made here. */
static enum err tk_open(struct ops *o, struct ops_open_arg *arg, struct pk11_session **ret, struct fail *f)
{
	for (int attempt = 0;; attempt++) {
		struct pk11_session *s = NULL;
		struct fail mine = { 0 };
		enum err e = pk11_borrow(ops_token(o), &s, &mine);
		if (e == ERR_OK)
			e = ops_run(o, OPS_TK_OPEN, s, arg, &mine);
		if (e == ERR_OK) {
			*ret = s;
			return ERR_OK;
		}
		pk11_return(s, mine.rv);
		if (attempt == 0 && (pk11_lost(mine.rv) || mine.code == ERR_KEY_MISSING))
			continue;
		if (f && f->code == ERR_OK)
			*f = mine;
		return e;
	}
}

static enum err record_open(struct ops *o, const struct ops_record_keys *keys, struct view record, bool extractable,
			    struct ops_tk *ret, struct fail *f)
{
	struct tk_record r;
	struct ops_open_arg arg = { .keys = keys, .bytes = record, .record = &r, .extractable = extractable };
	struct pk11_session *s = NULL;

	if (!tk_record_parse(record, &r))
		return fail_set(f, ERR_BAD_DATA, 0, "record: form");
	enum err e = tk_open(o, &arg, &s, f);
	if (e != ERR_OK)
		return e;
	*ret = (struct ops_tk){
		.session = s,
		.tek = arg.tek,
		.auk = arg.auk,
		.session_objects = true,
		.host_side = true,
		.suite = r.suite,
		.handshake = r.handshake,
		.tek_type = r.tek.type,
		.tek_length = r.tek.length,
		.auk_type = r.auk.type,
		.auk_length = r.auk.length,
		.counter = r.counter,
		.serial_len = r.pos_serial.n,
	};
	memcpy(ret->serial, r.pos_serial.p, r.pos_serial.n);
	return ERR_OK;
}

enum err ops_tk_open(struct ops *o, const struct ops_record_keys *keys, struct view record, struct ops_tk *ret,
		     struct fail *f)
{
	return record_open(o, keys, record, false, ret, f);
}

enum err ops_tk_open_import(struct ops *o, const struct ops_record_keys *keys, struct view record, struct ops_tk *ret,
			    struct fail *f)
{
	return record_open(o, keys, record, true, ret, f);
}

enum err ops_record_verify(struct ops *o, const struct ops_record_keys *keys, struct view record, struct fail *f)
{
	struct ops_tk tk = { 0 };
	enum err e = ops_tk_open(o, keys, record, &tk, f);

	ops_tk_close(&tk);
	return e;
}
