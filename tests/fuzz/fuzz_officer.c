/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Files that are brought to a token (R6.4): transport files and their blocks, protocols of ceremonies, heads of the
 * audit trail, public keys, the object files of SoftHSMv2, the header of a backup and the shares of its key. The first
 * byte of an input chooses. What is taken must be written back to the same; what has a signature must not be changed.
 */
#include "ck.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <openssl/evp.h>

#include "audit_words.h"
#include "backup.h"
#include "crypto.h"
#include "import.h"
#include "place.h"
#include "protocol.h"
#include "rsa_public.h"
#include "softhsm.h"
#include "statement.h"
#include "transport.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PIN "1234"

static struct crypto *crypto;
static struct backup_header shares_header;
static struct secret pin;

static void leave(void)
{
	secret_done(&pin);
	crypto_free(crypto);
}

static void put64(struct buf *b, uint64_t v)
{
	buf_put_u64(b, v);
}

/* token_object: what SoftHSMv2 keeps of a token: label and the record of its user's PIN, over a key of zeros. */
static void token_object(struct buf *ret)
{
	uint8_t salt[8] = { 0 }, iv[16] = { 0 }, key[32], plain[35] = "RJR", sealed[64];
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
	int n = 0, last = 0;

	EVP_DigestInit_ex(md, EVP_sha256(), NULL);
	EVP_DigestUpdate(md, salt, sizeof(salt));
	EVP_DigestUpdate(md, PIN, strlen(PIN));
	EVP_DigestFinal_ex(md, key, NULL);
	for (unsigned i = 1; i < 1500; i++)
		EVP_Digest(key, sizeof(key), key, NULL, EVP_sha256(), NULL);
	EVP_EncryptInit_ex2(cipher, EVP_aes_256_cbc(), key, iv, NULL);
	EVP_EncryptUpdate(cipher, sealed, &n, plain, sizeof(plain));
	EVP_EncryptFinal_ex(cipher, sealed + n, &last);
	EVP_MD_CTX_free(md);
	EVP_CIPHER_CTX_free(cipher);
	put64(ret, 1);
	put64(ret, SOFTHSM_LABEL);
	put64(ret, SOFTHSM_BYTES);
	put64(ret, 5);
	buf_put(ret, "token", 5);
	put64(ret, SOFTHSM_USER_PIN);
	put64(ret, SOFTHSM_BYTES);
	put64(ret, sizeof(salt) + sizeof(iv) + (size_t)(n + last));
	buf_put(ret, salt, sizeof(salt));
	buf_put(ret, iv, sizeof(iv));
	buf_put(ret, sealed, (size_t)(n + last));
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	BUF_AUTO token = { 0 };

	place_make();
	token_object(&token);
	if (crypto_new(&crypto) != CKR_OK || !secret_init(&pin, 16) || !secret_set(&pin, PIN, strlen(PIN)) ||
	    mkdir(place_path("softhsm"), 0700) || mkdir(place_path("softhsm/0-0"), 0700) ||
	    mkdir(place_path("other"), 0700) || mkdir(place_path("other/1-1"), 0700) || !buf_ok(&token))
		place_fail("no place");
	(void)place_file("softhsm/0-0/token.object", buf_view(&token));
	shares_header.kind = BACKUP_SHARES;
	shares_header.needed = 2;
	shares_header.count = 3;
	return atexit(leave);
}

/* ---- transport ---- */

static void read_block(struct view v)
{
	BUF_AUTO again = { 0 };
	struct transport t;
	struct view covered;

	if (!transport_parse(v, &t, &covered))
		return;
	transport_put(&again, &t);
	buf_put_view(&again, t.signature);
	if (!buf_ok(&again) || !view_equal(v, buf_view(&again)))
		place_fail("a block that was read is not what is written");
	TRANSPORT_FILE_AUTO one = { 0 };
	TRANSPORT_FILE_AUTO two = { 0 };
	struct fail f = { 0 };
	char file[400];

	snprintf(file, sizeof(file), "%s", place_path("transport"));
	unlink(file);
	if (transport_of(v, VIEW_STR("key"), &one, &f) || transport_write(file, &one, &f) ||
	    transport_read(file, &two, &f))
		place_fail(f.text);
	if (!view_equal(buf_view(&two.block), v) || transport_proved(&two, buf_view(&two.key), NULL) == ERR_OK)
		place_fail("a transport file is another after it was written");
}

static void read_transport_file(struct view v)
{
	TRANSPORT_FILE_AUTO x = { 0 };
	BUF_AUTO key = { 0 };

	if (transport_read(place_file("transport", v), &x, NULL) == ERR_OK)
		(void)!transport_proved(&x, buf_view(&x.key), NULL);
	if (statement_key_read(place_file("key", v), &key, NULL) == ERR_OK && key.len != 44)
		place_fail("a statement key of a strange length");
}

static void confirm(struct view v)
{
	static const char fingerprint[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
	char *text = strndup((const char *)v.p, v.n);
	size_t digits = 0;

	if (text && transport_confirm(text, "fingerprint", fingerprint, NULL) == ERR_OK) {
		for (const char *c = text; *c; c++)
			digits += strchr(" :-", *c) == NULL;
		if (digits < 16)
			place_fail("too few digits are confirmed");
	}
	free(text);
}

/* ---- protocols, heads, keys ---- */

static void read_protocol(struct view v)
{
	BUF_AUTO words = { 0 };
	BUF_AUTO signature = { 0 };
	BUF_AUTO text = { 0 };
	json_t *protocol = NULL;

	if (protocol_read(place_file("protocol", v), &protocol, &words, &signature, NULL) != ERR_OK)
		return;
	for (const struct show_field *row = protocol_fields; row->name; row++)
		if (!json_object_get(protocol, row->name))
			place_fail("a protocol without one of its lines");
	protocol_text(protocol, &text);
	place_hush();
	(void)!show_text(protocol, protocol_fields, NULL);
	place_speak();
	json_decref(protocol);
}

static void read_head(struct view v)
{
	BUF_AUTO head = { 0 };
	BUF_AUTO text = { 0 };
	BUF_AUTO again = { 0 };

	if (audit_head_read(place_file("head", v), &head, NULL) != ERR_OK)
		return;
	base64_encode(buf_view(&head), &text);
	if (head.len < 4 || memcmp(head.p, "SRAH", 4) != 0 ||
	    audit_head_read(place_file("head", buf_view(&text)), &again, NULL) != ERR_OK ||
	    !view_equal(buf_view(&head), buf_view(&again)))
		place_fail("a head that is none");
}

static void read_keys(struct view v)
{
	RSA_PUBLIC_AUTO k = { 0 };
	BUF_AUTO pem = { 0 };

	if (rsa_public_read(place_file("key", v), &k, NULL) != ERR_OK)
		return;
	RSA_PUBLIC_AUTO again = { 0 };
	if (k.bits < 2048 || k.bits > 4096 || rsa_public_pem(&k, &pem, NULL) ||
	    rsa_public_read(place_file("key", buf_view(&pem)), &again, NULL) ||
	    !view_equal(buf_view(&k.info), buf_view(&again.info)))
		place_fail("a public key is another after it was written");
}

/* ---- SoftHSMv2 ---- */

static void read_objects(struct view v, bool as_token)
{
	struct import_source source = { 0 };
	struct fail f = { 0 };
	bool end = false;

	if (as_token) {
		(void)place_file("other/1-1/token.object", v);
		if (import_from_softhsm(place_path("other"), NULL, &pin, &source, NULL) == ERR_OK)
			source.done(source.ctx);
		return;
	}
	(void)place_file("softhsm/0-0/one.object", v);
	if (import_from_softhsm(place_path("softhsm"), "token", &pin, &source, &f) != ERR_OK)
		place_fail(f.text);
	while (!end) {
		IMPORT_OBJECT_AUTO o = { 0 };
		CK_ATTRIBUTE t[IMPORT_ATTRS_MAX + 2];

		if (source.next(source.ctx, &o, &end, NULL) != ERR_OK)
			place_fail("an object file ends the import");
		if (!end && !o.stays[0] && import_template(&o, NULL, t) > IMPORT_ATTRS_MAX + 2)
			place_fail("a template that is too long");
	}
	source.done(source.ctx);
}

/* ---- backups ---- */

/* summed: with length and checksum as they must be, so that the fields behind them are read. */
static void read_backup(struct view v, bool summed)
{
	struct backup_header h = { 0 };
	SECRET_AUTO key = { 0 };
	uint8_t room[SR_BACKUP_HEADER_MAX], hash[32] = { 0 };
	BUF_AUTO again = { 0 };
	size_t len = 0;

	if (summed) {
		if (v.n < 128 || v.n > sizeof(room))
			return;
		memcpy(room, v.p, v.n);
		memcpy(room, "SRBK", 4);
		be_put32(room + 6, (uint32_t)v.n);
		EVP_Digest(room, v.n - 8, hash, NULL, EVP_sha256(), NULL);
		memcpy(room + v.n - 8, hash, 8);
		v = VIEW(room, v.n);
	}
	if (backup_header_get(crypto, v, &h, &len) != CKR_OK)
		return;
	if (len > v.n || h.size == 0 || h.anchor_len > sizeof(h.anchor))
		place_fail("a header of a backup that is none");
	if (!secret_init(&key, BACKUP_KEY_LEN) || !secret_set(&key, hash, sizeof(hash)))
		place_fail("no memory");
	if (backup_header_proves(crypto, VIEW(v.p, len), &h, &key) == CKR_OK)
		place_fail("a header that nobody made is proved");
	if (backup_header_put(crypto, &h, &key, &again) != CKR_OK || again.len != len ||
	    memcmp(again.p, v.p, len - 40) != 0)
		place_fail("a header of a backup is another after it was written");
}

static void read_share(struct view v)
{
	struct backup_share share = { 0 };
	SECRET_AUTO text = { 0 };
	CK_ULONG wrong = 0;
	CK_RV rv = backup_share_get(crypto, &shares_header, v, &share, &wrong);

	if (wrong > BACKUP_SHARE_GROUPS)
		place_fail("a group that there is not");
	if (rv == CKR_OK && (share.number == 0 ||
			     backup_share_put(crypto, &shares_header, share.number, &share.value, &text) != CKR_OK))
		place_fail("a share that cannot be written");
	secret_done(&share.value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1)
		return 0;
	struct view v = VIEW(data + 1, size - 1);
	switch (data[0] % 11) {
	case 0:
		read_transport_file(v);
		break;
	case 1:
		read_block(v);
		break;
	case 2:
		confirm(v);
		break;
	case 3:
		read_protocol(v);
		break;
	case 4:
		read_head(v);
		break;
	case 5:
		read_keys(v);
		break;
	case 6:
		read_objects(v, false);
		break;
	case 7:
		read_objects(v, true);
		break;
	case 8:
		read_backup(v, false);
		break;
	case 9:
		read_backup(v, true);
		break;
	default:
		read_share(v);
		break;
	}
	return 0;
}
