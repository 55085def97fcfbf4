/* SPDX-License-Identifier: BSD-2-Clause */
#include "pos_visit.h"
#include "pk11.h"

#include <check.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct kit kit;

const struct pos_kind terminals[TERMINALS] = {
	{ "DL-A2", { 2, 2, FORMAT_HASH_SHA256, FORMAT_KEY_AES, 32 }, FORMAT_KEY_AES, 32 },
	{ "DL-A1", { 2, 1, FORMAT_HASH_SHA1, FORMAT_KEY_AES, 16 }, FORMAT_KEY_AES, 16 },
	{ "DL-M2", { 2, 2, FORMAT_HASH_SHA384, FORMAT_KEY_AES, 32 }, FORMAT_KEY_TDES, 24 },
	{ "DL-T2", { 1, 2, FORMAT_HASH_SHA256, FORMAT_KEY_TDES, 24 }, FORMAT_KEY_TDES, 16 },
	{ "DL-T1", { 1, 1, FORMAT_HASH_SHA512, FORMAT_KEY_TDES, 16 }, FORMAT_KEY_TDES, 16 },
};
struct soft_kms kms[TERMINALS];
size_t terminal_count;

/* The factory's part: makes a TK and opens the packet with the private key of this program. */
void make_tk(size_t t, bool collected)
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

void pos_choose(void)
{
	kit_init(&kit);
	terminal_count = strstr(kit.module, "softhsm") == NULL ? TERMINALS : T2;
}

void pos_set_up(void)
{
	for (size_t t = 0; t < terminal_count; t++) {
		kit_pos_init(&kit, terminals[t].serial);
		make_tk(t, true);
	}
}

void pos_tear_down(void)
{
	kit_done(&kit);
}

struct transcript transcript_of(const struct visit *v, uint8_t direction)
{
	return (struct transcript){
		.direction = direction,
		.handshake = FORMAT_HANDSHAKE_V2,
		.pos_serial = view_of_string(v->k->serial),
		.terminal_random = VIEW(v->terminal_random, v->nonce_len),
		.host_random = VIEW(v->host_random, v->nonce_len),
	};
}

void visit_open(struct visit *v, size_t t)
{
	visit_open_as(v, t, "download");
}

void visit_open_as(struct visit *v, size_t t, const char *command)
{
	struct frame in;
	char address[64];
	memset(v, 0, sizeof(*v));
	v->k = &kms[t];
	v->t = t;
	v->listener = kit_listen(address);
	kit_pos(&kit, &v->pos, command, terminals[t].serial, address);
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

int visit_close(struct visit *v)
{
	close(v->fd);
	close(v->listener);
	buf_done(&v->storage);
	return spawn_wait(&v->pos);
}

void send_proof(struct visit *v, struct view tag)
{
	struct frame out = { .type = FRAME_PROOF_K };
	out.field[PROOF_K_RANDOM] = VIEW(v->host_random, v->nonce_len);
	out.field[PROOF_K_TAG] = tag;
	kit_send(v->fd, &out);
}

void host_tag(const struct visit *v, struct soft_tag *ret)
{
	struct transcript t = transcript_of(v, TRANSCRIPT_HOST_PROVES);
	if (v->k->handshake == FORMAT_HANDSHAKE_V2)
		soft_transcript(v->k, &t, ret);
	else
		soft_ecb(v->k, VIEW(v->terminal_random, v->nonce_len), ret);
}

/* The terminal's answer is checked against the page by our own means. ret_tag: what it sent. */
void expect_proof(struct visit *v, struct soft_tag *ret_tag)
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

void authenticate(struct visit *v)
{
	struct soft_tag tag;
	host_tag(v, &tag);
	send_proof(v, VIEW(tag.bytes, tag.len));
	expect_proof(v, NULL);
}

void new_key(uint8_t type, uint8_t *key, size_t n)
{
	ck_assert_int_eq(RAND_bytes(key, (int)n), 1);
	for (size_t i = 0; type == FORMAT_KEY_TDES && i < n; i++)
		if (__builtin_parity(key[i]) == 0)
			key[i] ^= 1;
}

void tmk_sign(const struct visit *v, struct tmk *k)
{
	if (v->k->handshake != FORMAT_HANDSHAKE_V2)
		return; /* version 1 has no MAC: its gap */
	k->t.attrs = k->m.attrs;
	k->t.ctmk = k->m.ctmk;
	k->t.check = k->m.check;
	soft_transcript(v->k, &k->t, &k->mac);
	k->m.mac = VIEW(k->mac.bytes, k->mac.len);
}

void tmk_make(const struct visit *v, struct tmk *k)
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

void send_tmk(struct visit *v, const struct tmk *k)
{
	BUF_AUTO b = { 0 };
	struct frame out = { .type = FRAME_TMK };
	tmk_message_put(&b, &k->m);
	ck_assert(buf_ok(&b));
	out.field[TMK_MESSAGE] = buf_view(&b);
	kit_send(v->fd, &out);
}

void expect_confirm(struct visit *v, const struct tmk *k)
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

void expect_refusal(struct visit *v, enum err code)
{
	struct frame in;
	kit_receive(v->fd, &v->storage, &in);
	ck_assert_int_eq(in.type, FRAME_ERROR);
	ck_assert_uint_eq(frame_error_code(&in), code);
	ck_assert_int_eq(visit_close(v), 1);
	ck_assert_ptr_nonnull(strstr(v->pos.stderr_text, "pos: "));
}

/* "tmk_number" and "tmk_check" of pos status, as they stand there. */
void status_of(size_t t, char ret[1024])
{
	kit_status(&kit, terminals[t].serial, ret, 1024);
}

void assert_loaded(size_t t, const struct check_value *c)
{
	char text[1024], hex[2 * FORMAT_CHECK + 1], want[64];
	hex_encode(VIEW(c->value, FORMAT_CHECK), hex);
	snprintf(want, sizeof(want), "\"tmk_check\": \"%s\"", hex);
	status_of(t, text);
	ck_assert_msg(strstr(text, want) != NULL, "%s is not in %s", want, text);
}

size_t key_count(size_t t)
{
	char name[64], path[256], pin[256], line[512], uri[512];
	struct fail f = { 0 };
	struct pk11 *token = NULL;
	struct pk11_session *session = NULL;
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_ATTRIBUTE template = { CKA_CLASS, &class, sizeof(class) };
	CK_OBJECT_HANDLE found[16];
	size_t n = 0;
	snprintf(name, sizeof(name), "%s/token", terminals[t].serial);
	kit_use_tokens(&kit, name);
	snprintf(name, sizeof(name), "%s/user.pin", terminals[t].serial);
	kit_path(&kit, name, pin);
	snprintf(name, sizeof(name), "%s/terminal.conf", terminals[t].serial);
	kit_path(&kit, name, path);
	FILE *file = fopen(path, "r");
	ck_assert(file != NULL && fgets(line, sizeof(line), file) != NULL && fclose(file) == 0);
	ck_assert_int_eq(sscanf(line, "token = %511s", uri), 1);
	struct pk11_options options = { .pin_file = pin };
	ck_assert_msg(pk11_open(uri, &options, &token, &f) == ERR_OK, "%s", f.text);
	ck_assert_int_eq(pk11_borrow(token, &session, &f), ERR_OK);
	ck_assert_int_eq(pk11_find(session, &template, 1, found, ARRAY_LEN(found), &n, &f), ERR_OK);
	pk11_return(session, CKR_OK);
	pk11_free(token);
	return n;
}

void download(size_t t, struct check_value *ret)
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

int pos_run(Suite *suite)
{
	SRunner *r = srunner_create(suite);
	srunner_set_fork_status(r, CK_NOFORK);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? 0 : 1;
}
