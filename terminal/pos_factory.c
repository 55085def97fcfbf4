/* SPDX-License-Identifier: BSD-2-Clause */
#include "pos_factory.h"
#include "frame.h"
#include "wire.h"
#include "working_cert.h"

#include <stdio.h>

#define STEP_TIMEOUT_MS 60000 /* the operation terminal serves many */
#define SEND_TIMEOUT_MS 10000

/* One visit to the operation terminal. */
struct visit {
	struct device *d;
	int fd;
	bool identified;
	bool certified;
	struct working_cert cert;
	bool over;
};

static enum err answer(struct visit *v, const struct frame *fr, struct fail *f)
{
	return frame_send(v->fd, fr, SEND_TIMEOUT_MS, f);
}

static enum err on_identify(struct visit *v, const struct frame *in, struct fail *f)
{
	uint8_t counter[8];
	struct frame out = { .type = FRAME_IDENTITY };
	be_put64(counter, v->d->state.made);
	out.field[IDENTITY_SERIAL] = device_serial(v->d);
	out.field[IDENTITY_PIN_PAD] = device_pin_pad(v->d);
	out.field[IDENTITY_COUNTER] = VIEW(counter, sizeof(counter));
	enum err e = answer(v, &out, f);
	if (e == ERR_OK)
		v->identified = true;
	return e;
}

/* R1.2: only a certificate that holds under the burned-in root gives a Pu to the secure module. */
static enum err on_working_cert(struct visit *v, const struct frame *in, struct fail *f)
{
	struct view der = in->field[WORKING_CERT_DER];
	struct working_cert cert;
	enum err e = working_cert_verify(buf_view(&v->d->root), der, v->d->crl_file, &cert, f);
	if (e != ERR_OK)
		return e;
	struct view id = VIEW(cert.serial, cert.serial_len);
	v->certified = false;
	if ((e = ops_destroy(v->d->ops, DEVICE_PU_LABEL, id, f)) != ERR_OK ||
	    (e = ops_pu_import(v->d->ops, der, DEVICE_PU_LABEL, id, f)) != ERR_OK)
		return e;
	v->cert = cert;
	v->certified = true;
	return answer(v, &(struct frame){ .type = FRAME_WORKING_CERT_OK }, f);
}

static enum err pu_key(struct visit *v, struct pk11_key **ret, struct fail *f)
{
	char uri[128], id[3 * FORMAT_CERT_SERIAL_MAX + 1];
	for (size_t i = 0; i < v->cert.serial_len; i++)
		snprintf(id + 3 * i, 4, "%%%02x", v->cert.serial[i]);
	snprintf(uri, sizeof(uri), "pkcs11:object=" DEVICE_PU_LABEL ";id=%s;type=public", id);
	return pk11_key_new(v->d->token, uri, ret, f);
}

/* The counter is taken, durably, before the TK is made; what an earlier MAKE_TK left uncollected goes. */
static enum err take_counter(struct device *d, uint8_t handshake, struct fail *f)
{
	struct device_state before = d->state;
	d->state.made++;
	d->state.made_handshake = handshake;
	enum err e = device_save(d, f);
	if (e != ERR_OK) {
		d->state = before;
		return e;
	}
	return device_sweep(d, f);
}

static enum err on_make_tk(struct visit *v, const struct frame *in, struct fail *f)
{
	uint8_t id[8];
	BUF_AUTO packet = { 0 };
	struct pk11_key *pu = NULL;
	struct device *d = v->d;
	struct ops_tk_in tk = {
		.suite = in->field[MAKE_TK_SUITE].p[0],
		.handshake = in->field[MAKE_TK_HANDSHAKE].p[0],
		.oaep_hash = in->field[MAKE_TK_HASH].p[0],
		.type = in->field[MAKE_TK_TYPE].p[0],
		.length = in->field[MAKE_TK_LENGTH].p[0],
		.serial = device_serial(d),
		.pin_pad = device_pin_pad(d),
		.cert_serial = VIEW(v->cert.serial, v->cert.serial_len),
	};
	if (!format_suite_key(tk.suite) || tk.handshake < FORMAT_HANDSHAKE_V1 || tk.handshake > FORMAT_HANDSHAKE_V2 ||
	    tk.oaep_hash < FORMAT_HASH_SHA1 || tk.oaep_hash > FORMAT_HASH_SHA512 ||
	    !format_key_ok(tk.type, tk.length) || (tk.suite == FORMAT_SUITE_TDES && tk.type != FORMAT_KEY_TDES))
		return fail_set(f, ERR_MALFORMED, 0, "MAKE_TK asks for a TK that does not exist");
	enum err e = pu_key(v, &pu, f);
	if (e == ERR_OK)
		e = take_counter(d, tk.handshake, f);
	if (e != ERR_OK)
		goto out;
	tk.pu = pu;
	tk.counter = d->state.made;
	tk.id = device_id(tk.counter, id);
	if ((e = ops_tk_generate(d->ops, &tk, &packet, f)) != ERR_OK)
		goto out;
	struct frame out = { .type = FRAME_TK };
	out.field[TK_PACKET] = buf_view(&packet);
	e = answer(v, &out, f);
out:
	pk11_key_free(pu);
	return e;
}

/* The packet is safe with the operation terminal: its TK is the one in use from here on. */
static enum err on_collected(struct visit *v, const struct frame *in, struct fail *f)
{
	struct device *d = v->d;
	struct device_state before = d->state;
	d->state.current = d->state.made;
	d->state.current_handshake = d->state.made_handshake;
	enum err e = device_save(d, f);
	if (e != ERR_OK) {
		d->state = before;
		return e;
	}
	v->over = true;
	return device_sweep(d, f);
}

static bool before_certificate(const struct visit *v)
{
	return v->identified;
}

static bool before_tk(const struct visit *v)
{
	return v->identified && v->certified;
}

static bool before_collected(const struct visit *v)
{
	return v->identified && v->d->state.made > 0;
}

/* Frame, when it is taken, what it does. */
static const struct step {
	uint8_t type;
	bool (*when)(const struct visit *v); /* NULL: always */
	enum err (*run)(struct visit *v, const struct frame *in, struct fail *f);
} steps[] = {
	{ FRAME_IDENTIFY, NULL, on_identify },
	{ FRAME_WORKING_CERT, before_certificate, on_working_cert },
	{ FRAME_MAKE_TK, before_tk, on_make_tk },
	{ FRAME_COLLECTED, before_collected, on_collected },
};

static enum err run_step(struct visit *v, const struct frame *in, struct fail *f)
{
	if (in->type == FRAME_ERROR)
		return fail_set(f, ERR_PEER, 0, "the operation terminal refused, code %u", frame_error_code(in));
	for (size_t i = 0; i < ARRAY_LEN(steps); i++)
		if (steps[i].type == in->type && (steps[i].when == NULL || steps[i].when(v)))
			return steps[i].run(v, in, f);
	return fail_set(f, ERR_UNEXPECTED, 0, "%s not expected now", frame_name(in->type));
}

enum err pos_factory(struct device *d, int fd, struct fail *f)
{
	struct visit v = { .d = d, .fd = fd };
	BUF_AUTO storage = { 0 };
	enum err e = ERR_OK;
	while (e == ERR_OK && !v.over) {
		struct frame in;
		e = frame_recv(fd, &storage, &in, STEP_TIMEOUT_MS, f);
		if (e == ERR_OK)
			e = run_step(&v, &in, f);
	}
	wire_refuse(fd, e);
	return e;
}
