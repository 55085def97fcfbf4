/* SPDX-License-Identifier: BSD-2-Clause */
#include <check.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "soft_kms.h"

/* A real pos against a KMS that this program plays, honestly and not. One terminal per handshake version and cipher. */
static struct kit kit;

static const struct {
	const char *serial;
	uint8_t make[5];
	uint8_t tmk_type;
	uint8_t tmk_length;
} terminals[] = {
	{ "DL-A2", { 2, 2, FORMAT_HASH_SHA256, FORMAT_KEY_AES, 32 }, FORMAT_KEY_AES, 32 },
	{ "DL-A1", { 2, 1, FORMAT_HASH_SHA1, FORMAT_KEY_AES, 16 }, FORMAT_KEY_AES, 16 },
	{ "DL-M2", { 2, 2, FORMAT_HASH_SHA384, FORMAT_KEY_AES, 32 }, FORMAT_KEY_TDES, 24 },
	{ "DL-T2", { 1, 2, FORMAT_HASH_SHA256, FORMAT_KEY_TDES, 24 }, FORMAT_KEY_TDES, 16 },
	{ "DL-T1", { 1, 1, FORMAT_HASH_SHA512, FORMAT_KEY_TDES, 16 }, FORMAT_KEY_TDES, 16 },
};
enum { A2, A1, M2, T2, T1 };
static struct soft_kms kms[ARRAY_LEN(terminals)];
/* SoftHSMv2 unwraps under AES keys alone: no terminal with a TDES TEK there. */
static size_t terminal_count;

/* The factory's part: makes a TK and opens the packet with the private key of this program. */
static void make_tk(size_t t, bool collected)
{
	struct spawn pos;
	struct frame in, out = { .type = FRAME_WORKING_CERT };
	BUF_AUTO storage = { 0 };
	char address[64];
	int listener = kit_listen(address);
	kit_pos(&kit, &pos, "factory", terminals[t].serial, address);
	int fd = kit_accept(listener);
	kit_send(fd, &(struct frame){ .type = FRAME_IDENTIFY });
	kit_receive(fd, &storage, &in);
	out.field[WORKING_CERT_DER] = buf_view(&kit.wcert);
	kit_send(fd, &out);
	kit_receive(fd, &storage, &in);
	out = (struct frame){ .type = FRAME_MAKE_TK };
	uint8_t hash = kit_hash(&kit, terminals[t].make[2]);
	for (size_t i = 0; i < 5; i++)
		out.field[i] = i == MAKE_TK_HASH ? VIEW(&hash, 1) : VIEW(terminals[t].make + i, 1);
	kit_send(fd, &out);
	kit_receive(fd, &storage, &in);
	ck_assert_int_eq(in.type, FRAME_TK);
	soft_kms_open(&kms[t], kit.rsa, in.field[TK_PACKET]);
	if (collected)
		kit_send(fd, &(struct frame){ .type = FRAME_COLLECTED });
	else
		close(fd);
	ck_assert_int_eq(spawn_wait(&pos), collected ? 0 : 1);
	if (collected)
		close(fd);
	close(listener);
}

static void set_up(void)
{
	for (size_t t = 0; t < terminal_count; t++) {
		kit_pos_init(&kit, terminals[t].serial);
		make_tk(t, true);
	}
}

static void tear_down(void)
{
	kit_done(&kit);
}

/* One connection of a terminal. */
struct visit {
	const struct soft_kms *k;
	size_t t;
	struct spawn pos;
	int listener, fd;
	struct buf storage;
	uint8_t terminal_random[16], host_random[16];
	size_t nonce_len;
};

static struct transcript transcript_of(const struct visit *v, uint8_t direction)
{
	return (struct transcript){
		.direction = direction,
		.handshake = FORMAT_HANDSHAKE_V2,
		.pos_serial = view_of_string(v->k->serial),
		.terminal_random = VIEW(v->terminal_random, v->nonce_len),
		.host_random = VIEW(v->host_random, v->nonce_len),
	};
}

static void visit_open(struct visit *v, size_t t)
{
	struct frame in;
	char address[64];
	memset(v, 0, sizeof(*v));
	v->k = &kms[t];
	v->t = t;
	v->listener = kit_listen(address);
	kit_pos(&kit, &v->pos, "download", terminals[t].serial, address);
	v->fd = kit_accept(v->listener);
	kit_receive(v->fd, &v->storage, &in);
	ck_assert_int_eq(in.type, FRAME_HELLO);
	v->nonce_len = v->k->handshake == FORMAT_HANDSHAKE_V2 ? 16 : v->k->block;
	ck_assert(view_equal(in.field[HELLO_HANDSHAKE], VIEW(&v->k->handshake, 1)));
	ck_assert(view_equal(in.field[HELLO_SERIAL], view_of_string(v->k->serial)));
	ck_assert_uint_eq(in.field[HELLO_RANDOM].n, v->nonce_len);
	memcpy(v->terminal_random, in.field[HELLO_RANDOM].p, v->nonce_len);
	ck_assert_int_eq(RAND_bytes(v->host_random, sizeof(v->host_random)), 1);
}

static int visit_close(struct visit *v)
{
	close(v->fd);
	close(v->listener);
	buf_done(&v->storage);
	return spawn_wait(&v->pos);
}

static void send_proof(struct visit *v, struct view tag)
{
	struct frame out = { .type = FRAME_PROOF_K };
	out.field[PROOF_K_RANDOM] = VIEW(v->host_random, v->nonce_len);
	out.field[PROOF_K_TAG] = tag;
	kit_send(v->fd, &out);
}

static void host_tag(const struct visit *v, struct soft_tag *ret)
{
	struct transcript t = transcript_of(v, TRANSCRIPT_HOST_PROVES);
	if (v->k->handshake == FORMAT_HANDSHAKE_V2)
		soft_transcript(v->k, &t, ret);
	else
		soft_ecb(v->k, VIEW(v->terminal_random, v->nonce_len), ret);
}

/* The terminal's answer is checked against the page by our own means. ret_tag: what it sent. */
static void expect_proof(struct visit *v, struct soft_tag *ret_tag)
{
	struct frame in;
	struct soft_tag want;
	struct transcript t = transcript_of(v, TRANSCRIPT_TERMINAL_PROVES);
	kit_receive(v->fd, &v->storage, &in);
	ck_assert_int_eq(in.type, FRAME_PROOF_T);
	if (v->k->handshake == FORMAT_HANDSHAKE_V2)
		soft_transcript(v->k, &t, &want);
	else
		soft_ecb(v->k, VIEW(v->host_random, v->nonce_len), &want);
	ck_assert(view_equal(in.field[PROOF_T_TAG], VIEW(want.bytes, want.len)));
	if (ret_tag != NULL)
		*ret_tag = want;
}

static void authenticate(struct visit *v)
{
	struct soft_tag tag;
	host_tag(v, &tag);
	send_proof(v, VIEW(tag.bytes, tag.len));
	expect_proof(v, NULL);
}

/* What a TMK message is made of, before it is put together: tests alter it at will. */
struct tmk {
	uint8_t key[FORMAT_KEY_MAX];
	uint8_t iv[FORMAT_IV];
	uint8_t ctmk[64];
	struct tmk_message m;
	struct soft_tag mac;
	struct transcript t;
};

static void new_key(uint8_t type, uint8_t *key, size_t n)
{
	ck_assert_int_eq(RAND_bytes(key, (int)n), 1);
	for (size_t i = 0; type == FORMAT_KEY_TDES && i < n; i++)
		if (__builtin_parity(key[i]) == 0)
			key[i] ^= 1;
}

static void tmk_sign(const struct visit *v, struct tmk *k)
{
	if (v->k->handshake != FORMAT_HANDSHAKE_V2)
		return; /* version 1 has no MAC: its gap */
	k->t.attrs = k->m.attrs;
	k->t.ctmk = k->m.ctmk;
	k->t.check = k->m.check;
	soft_transcript(v->k, &k->t, &k->mac);
	k->m.mac = VIEW(k->mac.bytes, k->mac.len);
}

static void tmk_make(const struct visit *v, struct tmk *k)
{
	BUF_AUTO ctmk = { 0 };
	uint8_t type = terminals[v->t].tmk_type, length = terminals[v->t].tmk_length;
	memset(k, 0, sizeof(*k));
	new_key(type, k->key, length);
	ck_assert_int_eq(RAND_bytes(k->iv, sizeof(k->iv)), 1);
	soft_wrap(v->k, k->key, length, k->iv, &ctmk);
	memcpy(k->ctmk, ctmk.p, ctmk.len);
	k->m.version = FORMAT_VERSION;
	k->m.handshake = v->k->handshake;
	k->m.attrs = (struct key_attrs){ .role = FORMAT_ROLE_TMK, .type = type, .length = length };
	if (v->k->type == FORMAT_KEY_TDES)
		k->m.attrs.iv = VIEW(k->iv, sizeof(k->iv));
	k->m.ctmk = VIEW(k->ctmk, ctmk.len);
	soft_check(type, k->key, length, &k->m.check);
	k->t = transcript_of(v, TRANSCRIPT_TMK);
	tmk_sign(v, k);
}

static void send_tmk(struct visit *v, const struct tmk *k)
{
	BUF_AUTO b = { 0 };
	struct frame out = { .type = FRAME_TMK };
	tmk_message_put(&b, &k->m);
	ck_assert(buf_ok(&b));
	out.field[TMK_MESSAGE] = buf_view(&b);
	kit_send(v->fd, &out);
}

static void expect_confirm(struct visit *v, const struct tmk *k)
{
	struct frame in;
	struct soft_tag want;
	BUF_AUTO check = { 0 };
	struct transcript t = transcript_of(v, TRANSCRIPT_CONFIRM);
	t.check = k->m.check;
	check_value_put(&check, &k->m.check);
	kit_receive(v->fd, &v->storage, &in);
	ck_assert_int_eq(in.type, FRAME_CONFIRM);
	ck_assert(view_equal(in.field[CONFIRM_CHECK], buf_view(&check)));
	if (v->k->handshake == FORMAT_HANDSHAKE_V2) {
		soft_transcript(v->k, &t, &want);
		ck_assert(view_equal(in.field[CONFIRM_TAG], VIEW(want.bytes, want.len)));
	} else {
		ck_assert_uint_eq(in.field[CONFIRM_TAG].n, 0);
	}
}

static void expect_refusal(struct visit *v, enum err code)
{
	struct frame in;
	kit_receive(v->fd, &v->storage, &in);
	ck_assert_int_eq(in.type, FRAME_ERROR);
	ck_assert_uint_eq(frame_error_code(&in), code);
	ck_assert_int_eq(visit_close(v), 1);
	ck_assert_ptr_nonnull(strstr(v->pos.stderr_text, "pos: "));
}

/* "tmk_number" and "tmk_check" of pos status, as they stand there. */
static void status_of(size_t t, char ret[1024])
{
	kit_status(&kit, terminals[t].serial, ret, 1024);
}

static void assert_loaded(size_t t, const struct check_value *c)
{
	char text[1024], hex[2 * FORMAT_CHECK + 1], want[64];
	hex_encode(VIEW(c->value, FORMAT_CHECK), hex);
	snprintf(want, sizeof(want), "\"tmk_check\": \"%s\"", hex);
	status_of(t, text);
	ck_assert_msg(strstr(text, want) != NULL, "%s is not in %s", want, text);
}

static void download(size_t t, struct check_value *ret)
{
	struct visit v;
	struct tmk k;
	visit_open(&v, t);
	authenticate(&v);
	tmk_make(&v, &k);
	send_tmk(&v, &k);
	expect_confirm(&v, &k);
	kit_send(v.fd, &(struct frame){ .type = FRAME_DONE });
	ck_assert_int_eq(visit_close(&v), 0);
	if (ret != NULL)
		*ret = k.m.check;
}

START_TEST(honest_kms_loads_a_tmk_and_then_a_newer_one) /* R1.9, R1.10, R1.11 */
{
	struct check_value first, second;
	download((size_t)_i, &first);
	assert_loaded((size_t)_i, &first);
	download((size_t)_i, &second);
	assert_loaded((size_t)_i, &second);
}
END_TEST

START_TEST(tag_of_whom_has_no_auk_is_refused) /* R1.10, R1.13 */
{
	struct visit v;
	uint8_t random[16];
	visit_open(&v, (size_t)_i);
	ck_assert_int_eq(RAND_bytes(random, sizeof(random)), 1);
	send_proof(&v, VIEW(random, v.k->block));
	expect_refusal(&v, ERR_REFUSED);
}
END_TEST

START_TEST(terminals_own_nonce_sent_back_is_refused) /* R1.10 */
{
	struct visit v;
	struct soft_tag tag;
	visit_open(&v, (size_t)_i);
	memcpy(v.host_random, v.terminal_random, v.nonce_len);
	host_tag(&v, &tag);
	send_proof(&v, VIEW(tag.bytes, tag.len));
	expect_refusal(&v, ERR_REFUSED);
}
END_TEST

START_TEST(proofs_of_an_earlier_session_are_refused) /* R1.10 */
{
	struct visit v;
	struct soft_tag host, terminal;
	uint8_t host_random[16];
	/* The relay of a true session, given up after PROOF_T. */
	visit_open(&v, A2);
	host_tag(&v, &host);
	send_proof(&v, VIEW(host.bytes, host.len));
	expect_proof(&v, &terminal);
	memcpy(host_random, v.host_random, sizeof(host_random));
	ck_assert_int_eq(visit_close(&v), 1);
	visit_open(&v, A2);
	memcpy(v.host_random, host_random, sizeof(host_random));
	send_proof(&v, _i == 0 ? VIEW(host.bytes, host.len) : VIEW(terminal.bytes, terminal.len));
	expect_refusal(&v, ERR_REFUSED);
}
END_TEST

/* What a holder of other answers under the same AUK might try: every one is a true MAC or block, of something else. */
enum { AS_TERMINAL, AS_CONFIRM, OTHER_SERIAL, OTHER_VERSION, NONCES_SWAPPED, BLOCK_ANSWER, WRONG_PROOFS };

START_TEST(true_tag_of_something_else_is_refused) /* R1.10 */
{
	struct visit v;
	struct soft_tag tag;
	visit_open(&v, A2);
	struct transcript t = transcript_of(&v, TRANSCRIPT_HOST_PROVES);
	if (_i == AS_TERMINAL)
		t.direction = TRANSCRIPT_TERMINAL_PROVES;
	if (_i == AS_CONFIRM) {
		t.direction = TRANSCRIPT_CONFIRM;
		t.check.method = FORMAT_CHECK_CMAC;
	}
	if (_i == OTHER_SERIAL)
		t.pos_serial = VIEW_STR("DL-A3");
	if (_i == NONCES_SWAPPED) {
		t.terminal_random = VIEW(v.host_random, 16);
		t.host_random = VIEW(v.terminal_random, 16);
	}
	if (_i == OTHER_VERSION) {
		/* The codec does not write it: byte 7 of the transcript is the version. */
		BUF_AUTO b = { 0 };
		transcript_put(&b, &t);
		ck_assert_uint_eq(b.p[7], FORMAT_HANDSHAKE_V2);
		b.p[7] = FORMAT_HANDSHAKE_V1;
		soft_cmac(v.k, buf_view(&b), &tag);
	} else if (_i == BLOCK_ANSWER) {
		soft_ecb(v.k, VIEW(v.terminal_random, 16), &tag); /* the answer of version 1: no fall-back */
	} else {
		soft_transcript(v.k, &t, &tag);
	}
	send_proof(&v, VIEW(tag.bytes, tag.len));
	expect_refusal(&v, ERR_REFUSED);
}
END_TEST

/* TMK messages that must not be loaded, after a true handshake. */
enum wrong_tmk {
	RANDOM_MAC,
	CTMK_ALTERED,
	CHECK_ALTERED,
	LENGTH_ALTERED,
	MAC_CUT,
	MAC_MISSING,
	FALL_BACK,
	SIGNED_FOR_OTHER_SERIAL,
	SIGNED_AS_PROOF,
	SIGNED_WITH_OLD_NONCES,
	SIGNED_RANDOM_CTMK,
	SIGNED_WRONG_CHECK,
	SIGNED_WRONG_ROLE,
	WRONG_TMK_COUNT
};

static void spoil(const struct visit *v, struct tmk *k, enum wrong_tmk w)
{
	uint8_t old[16] = { 1 };
	switch (w) {
	case RANDOM_MAC:
		ck_assert_int_eq(RAND_bytes(k->mac.bytes, (int)k->mac.len), 1);
		break;
	case CTMK_ALTERED:
		k->ctmk[3] ^= 0x10;
		break;
	case CHECK_ALTERED:
		k->m.check.value[1] ^= 1;
		break;
	case LENGTH_ALTERED: /* another TMK that is wrapped all right, the MAC of the first one */
		new_key(k->m.attrs.type, k->key, 16);
		k->m.attrs.length = 16;
		struct buf b = { 0 };
		soft_wrap(v->k, k->key, 16, k->iv, &b);
		memcpy(k->ctmk, b.p, b.len);
		k->m.ctmk = VIEW(k->ctmk, b.len);
		soft_check(k->m.attrs.type, k->key, 16, &k->m.check);
		buf_done(&b);
		break;
	case SIGNED_FOR_OTHER_SERIAL:
		k->t.pos_serial = VIEW_STR("DL-XX");
		tmk_sign(v, k);
		break;
	case SIGNED_AS_PROOF:
		k->t.direction = TRANSCRIPT_HOST_PROVES;
		tmk_sign(v, k);
		break;
	case SIGNED_WITH_OLD_NONCES: /* a rolled-back TMK */
		k->t.host_random = VIEW(old, sizeof(old));
		tmk_sign(v, k);
		break;
	case SIGNED_RANDOM_CTMK:
		ck_assert_int_eq(RAND_bytes(k->ctmk, (int)k->m.ctmk.n), 1);
		tmk_sign(v, k);
		break;
	case SIGNED_WRONG_CHECK:
		k->m.check.value[0] ^= 0x80;
		tmk_sign(v, k);
		break;
	default:
		break;
	}
}

/* The codec does not write another role than TMK: role byte of message and transcript altered, the MAC made anew. */
static void spoil_role(const struct visit *v, struct buf *b, const struct tmk *k)
{
	struct soft_tag mac;
	BUF_AUTO t = { 0 };
	size_t attrs = 4 + 1 + 3 + 2 + strlen(v->k->serial) + 2 * (2 + FORMAT_NONCE);
	transcript_put(&t, &k->t);
	ck_assert(buf_ok(&t) && t.p[attrs + 2] == FORMAT_ROLE_TMK && b->p[4] == FORMAT_ROLE_TMK);
	t.p[attrs + 2] = b->p[4] = FORMAT_ROLE_TEK;
	soft_cmac(v->k, buf_view(&t), &mac);
	memcpy(b->p + b->len - mac.len, mac.bytes, mac.len);
}

/* Forms that the codec would not write: bytes of a good message, altered. */
static void spoil_bytes(const struct visit *v, struct buf *b, const struct tmk *k, enum wrong_tmk w)
{
	if (w == SIGNED_WRONG_ROLE)
		spoil_role(v, b, k);
	if (w == MAC_CUT)
		b->len -= 1;
	if (w == MAC_MISSING || w == FALL_BACK) {
		b->len -= k->mac.len;
		be_put16(b->p + b->len - 2, 0);
	}
	if (w == FALL_BACK)
		b->p[1] = FORMAT_HANDSHAKE_V1;
}

START_TEST(tmk_message_that_does_not_hold_is_not_loaded) /* R1.11, R1.13 */
{
	struct visit v;
	struct tmk k;
	BUF_AUTO b = { 0 };
	char before[1024], after[1024];
	size_t t = _i < WRONG_TMK_COUNT ? A2 : T2;
	struct frame out = { .type = FRAME_TMK };
	enum wrong_tmk w = (enum wrong_tmk)(_i % WRONG_TMK_COUNT);
	status_of(t, before);
	visit_open(&v, t);
	authenticate(&v);
	tmk_make(&v, &k);
	spoil(&v, &k, w);
	tmk_message_put(&b, &k.m);
	ck_assert(buf_ok(&b));
	spoil_bytes(&v, &b, &k, w);
	out.field[TMK_MESSAGE] = buf_view(&b);
	kit_send(v.fd, &out);
	expect_refusal(&v, ERR_REFUSED);
	status_of(t, after);
	ck_assert_str_eq(before, after);
}
END_TEST

START_TEST(tmk_message_of_an_earlier_session_is_not_loaded) /* R1.11 */
{
	struct visit v;
	struct tmk old;
	char before[1024], after[1024];
	visit_open(&v, A2);
	authenticate(&v);
	tmk_make(&v, &old);
	send_tmk(&v, &old);
	expect_confirm(&v, &old);
	kit_send(v.fd, &(struct frame){ .type = FRAME_DONE });
	ck_assert_int_eq(visit_close(&v), 0);
	download(A2, NULL);
	status_of(A2, before);
	visit_open(&v, A2);
	authenticate(&v);
	send_tmk(&v, &old);
	expect_refusal(&v, ERR_REFUSED);
	status_of(A2, after);
	ck_assert_str_eq(before, after);
}
END_TEST

START_TEST(version_1_compares_check_values) /* R1.10, R1.11 */
{
	struct visit v;
	struct tmk k;
	char before[1024], after[1024];
	size_t t = _i == 0 ? A1 : T1;
	status_of(t, before);
	visit_open(&v, t);
	authenticate(&v);
	tmk_make(&v, &k);
	k.m.check.value[2] ^= 1;
	send_tmk(&v, &k);
	expect_refusal(&v, ERR_REFUSED);
	status_of(t, after);
	ck_assert_str_eq(before, after);
}
END_TEST

START_TEST(version_1_terminal_takes_no_version_2_message) /* R1.10 */
{
	struct visit v;
	struct tmk k;
	uint8_t random[16];
	visit_open(&v, A1);
	authenticate(&v);
	tmk_make(&v, &k);
	k.m.handshake = FORMAT_HANDSHAKE_V2;
	ck_assert_int_eq(RAND_bytes(random, sizeof(random)), 1);
	k.m.mac = VIEW(random, sizeof(random));
	send_tmk(&v, &k);
	expect_refusal(&v, ERR_REFUSED);
}
END_TEST

START_TEST(frame_out_of_order_ends_the_download) /* R1.10 */
{
	struct visit v;
	struct tmk k;
	char before[1024], after[1024];
	status_of(A2, before);
	visit_open(&v, A2);
	if (_i == 0) {
		tmk_make(&v, &k); /* a true TMK message, before the KMS has proved itself */
		send_tmk(&v, &k);
	} else if (_i == 1) {
		kit_send(v.fd, &(struct frame){ .type = FRAME_DONE });
	} else if (_i == 2) {
		ck_assert_int_eq((int)write(v.fd, "\xff\xffgarbage", 9), 9);
	} else {
		close(v.fd);
		v.fd = dup(v.listener);
	}
	ck_assert_int_eq(visit_close(&v), 1);
	status_of(A2, after);
	ck_assert_str_eq(before, after);
}
END_TEST

START_TEST(kms_that_refuses_is_told_in_one_line)
{
	struct visit v;
	uint8_t code[2];
	struct frame out = { .type = FRAME_ERROR };
	visit_open(&v, A2);
	be_put16(code, ERR_REFUSED);
	out.field[ERROR_CODE] = VIEW(code, sizeof(code));
	kit_send(v.fd, &out);
	ck_assert_int_eq(visit_close(&v), 1);
	const char *nl = strchr(v.pos.stderr_text, '\n');
	ck_assert(nl != NULL && nl[1] == 0);
	ck_assert_ptr_nonnull(strstr(v.pos.stderr_text, "4"));
}
END_TEST

START_TEST(silent_kms_is_not_waited_for_for_ever)
{
	struct visit v;
	visit_open(&v, A2);
	ck_assert_int_eq(spawn_wait_for(&v.pos, 30), 1);
	close(v.fd);
	close(v.listener);
	buf_done(&v.storage);
}
END_TEST

START_TEST(kms_that_knows_the_waiting_tk_proves_it_was_collected) /* R1.4, R1.9 */
{
	struct check_value c;
	char text[1024];
	struct soft_kms old = kms[M2];
	make_tk(M2, false);
	status_of(M2, text);
	ck_assert_ptr_nonnull(strstr(text, "\"tk_made\": 2, \"tk_current\": 1"));
	/* The KMS that has the older record is still served with the older TK. */
	struct soft_kms newer = kms[M2];
	kms[M2] = old;
	download(M2, &c);
	assert_loaded(M2, &c);
	status_of(M2, text);
	ck_assert_ptr_nonnull(strstr(text, "\"tk_made\": 2, \"tk_current\": 1"));
	kms[M2] = newer;
	download(M2, &c);
	assert_loaded(M2, &c);
	status_of(M2, text);
	ck_assert_ptr_nonnull(strstr(text, "\"tk_made\": 2, \"tk_current\": 2"));
	/* From here on the older TK is gone. */
	struct visit v;
	struct soft_tag tag;
	visit_open(&v, M2);
	v.k = &old;
	host_tag(&v, &tag);
	send_proof(&v, VIEW(tag.bytes, tag.len));
	expect_refusal(&v, ERR_REFUSED);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pos download");
	TCase *c = tcase_create("download");
	kit_init(&kit);
	bool tdes = strstr(kit.module, "softhsm") == NULL;
	int count = tdes ? (int)ARRAY_LEN(terminals) : T2;
	terminal_count = (size_t)count;
	tcase_add_unchecked_fixture(c, set_up, tear_down);
	tcase_add_loop_test(c, honest_kms_loads_a_tmk_and_then_a_newer_one, 0, count);
	tcase_add_loop_test(c, tag_of_whom_has_no_auk_is_refused, 0, count);
	tcase_add_loop_test(c, terminals_own_nonce_sent_back_is_refused, 0, count);
	tcase_add_loop_test(c, proofs_of_an_earlier_session_are_refused, 0, 2);
	tcase_add_loop_test(c, true_tag_of_something_else_is_refused, 0, WRONG_PROOFS);
	tcase_add_loop_test(c, tmk_message_that_does_not_hold_is_not_loaded, 0,
			    tdes ? 2 * WRONG_TMK_COUNT : WRONG_TMK_COUNT);
	tcase_add_test(c, tmk_message_of_an_earlier_session_is_not_loaded);
	tcase_add_loop_test(c, version_1_compares_check_values, 0, tdes ? 2 : 1);
	tcase_add_test(c, version_1_terminal_takes_no_version_2_message);
	tcase_add_loop_test(c, frame_out_of_order_ends_the_download, 0, 4);
	tcase_add_test(c, kms_that_refuses_is_told_in_one_line);
	tcase_add_test(c, silent_kms_is_not_waited_for_for_ever);
	tcase_add_test(c, kms_that_knows_the_waiting_tk_proves_it_was_collected);
	suite_add_tcase(suite, c);
	SRunner *r = srunner_create(suite);
	srunner_set_fork_status(r, CK_NOFORK);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? 0 : 1;
}
