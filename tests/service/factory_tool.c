/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>

#include "formats.h"

/*
 * The two ends of the factory line without a token, straight on OpenSSL, as an independent check of what HSM 1 does:
 *
 *   factory_tool packet CERTIFICATE SERIAL COUNTER FAULT   a TK packet of suite 2: "<packet base64> <TEK hex> <AUK
 * hex>" factory_tool record PK MAK                             records, base64, a line each, from stdin; per line
 *                                                          "<customer> <serial> <counter> <collected> <imported> <TEK>
 * <AUK>"
 *   factory_tool form CUSTOMER SERIAL COUNTER              a record that is well formed and nothing more, base64
 *
 * HASH: sha1 or sha256, of OAEP. FAULT: none; mac (possession MAC wrong); padding (Ctek_pu random); same (TEK equal to
 * AUK). Any failure aborts.
 */
#define KEY 32

static void need(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "factory_tool: %s\n", what);
	exit(1);
}

static void cmac(const uint8_t *key, struct view data, uint8_t ret[16])
{
	OSSL_PARAM cipher[] = { { "cipher", OSSL_PARAM_UTF8_STRING, (char[]){ "AES-256-CBC" }, 11, 0 }, { 0 } };
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "CMAC", NULL);
	EVP_MAC_CTX *ctx = EVP_MAC_CTX_new(mac);
	size_t n = 0;

	need(ctx && EVP_MAC_init(ctx, key, KEY, cipher) && EVP_MAC_update(ctx, data.p, data.n) &&
		 EVP_MAC_final(ctx, ret, &n, 16) && n == 16,
	     "CMAC");
	EVP_MAC_CTX_free(ctx);
	EVP_MAC_free(mac);
}

static void oaep(EVP_PKEY *pu, const EVP_MD *hash, const uint8_t *key, struct buf *out)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(pu, NULL);
	uint8_t c[FORMAT_RSA_MAX];
	size_t n = sizeof(c);

	need(ctx && EVP_PKEY_encrypt_init(ctx) > 0 && EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) > 0 &&
		 EVP_PKEY_CTX_set_rsa_oaep_md(ctx, hash) > 0 && EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, hash) > 0 &&
		 EVP_PKEY_encrypt(ctx, c, &n, key, KEY) > 0,
	     "OAEP");
	buf_put(out, c, n);
	EVP_PKEY_CTX_free(ctx);
}

static X509 *load_certificate(const char *path)
{
	FILE *file = fopen(path, "re");
	X509 *cert = file ? PEM_read_X509(file, NULL, NULL, NULL) : NULL;

	need(cert, "certificate");
	fclose(file);
	return cert;
}

static void put_hex(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		printf("%02x", p[i]);
}

static int packet(char **argv)
{
	X509 *cert = load_certificate(argv[0]);
	const char *fault = argv[3];
	bool sha1 = !strcmp(argv[4], "sha1");
	const EVP_MD *hash = sha1 ? EVP_sha1() : EVP_sha256();
	const ASN1_INTEGER *number = X509_get0_serialNumber(cert);
	uint8_t tek[KEY], auk[KEY], mac[16];
	char pin_pad[FORMAT_PIN_PAD_MAX + 1];
	BUF_AUTO ctek = { 0 };
	BUF_AUTO cauk = { 0 };
	BUF_AUTO input = { 0 };
	BUF_AUTO out = { 0 };
	BUF_AUTO text = { 0 };
	struct tk_packet p = { .suite = FORMAT_SUITE_AES,
			       .version = FORMAT_VERSION,
			       .handshake = FORMAT_HANDSHAKE_V2,
			       .oaep_hash = sha1 ? FORMAT_HASH_SHA1 : FORMAT_HASH_SHA256,
			       .pos_serial = view_of_string(argv[1]),
			       .cert_serial = VIEW(number->data, (size_t)number->length),
			       .counter = strtoull(argv[2], NULL, 10),
			       .tek = { FORMAT_ROLE_TEK, FORMAT_KEY_AES, KEY, { NULL, 0 } },
			       .auk = { FORMAT_ROLE_AUK, FORMAT_KEY_AES, KEY, { NULL, 0 } } };

	snprintf(pin_pad, sizeof(pin_pad), "PP-%.*s", FORMAT_PIN_PAD_MAX - 3, argv[1]);
	p.pin_pad = view_of_string(pin_pad);
	need(RAND_bytes(tek, KEY) == 1 && RAND_bytes(auk, KEY) == 1, "random");
	if (!strcmp(fault, "same"))
		memcpy(auk, tek, KEY);
	oaep(X509_get0_pubkey(cert), hash, tek, &ctek);
	oaep(X509_get0_pubkey(cert), hash, auk, &cauk);
	if (!strcmp(fault, "padding"))
		ctek.p[ctek.len - 1] ^= 1;
	p.ctek = buf_view(&ctek);
	p.cauk = buf_view(&cauk);
	tk_packet_mac_input(&input, &p);
	cmac(auk, buf_view(&input), mac);
	if (!strcmp(fault, "mac"))
		mac[0] ^= 1;
	p.mac = VIEW(mac, sizeof(mac));
	tk_packet_put(&out, &p);
	base64_encode(buf_view(&out), &text);
	need(buf_ok(&input) && buf_ok(&text), "packet");
	printf("%.*s ", (int)text.len, (char *)text.p);
	put_hex(tek, KEY);
	putchar(' ');
	put_hex(auk, KEY);
	putchar('\n');
	X509_free(cert);
	return 0;
}

static void unwrap(const uint8_t *pk, struct view c, uint8_t ret[KEY])
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	uint8_t out[KEY + 16];
	int n = 0;

	need(ctx, "unwrap");
	EVP_CIPHER_CTX_set_flags(ctx, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
	need(EVP_DecryptInit_ex(ctx, EVP_aes_256_wrap(), NULL, pk, NULL) && c.n == KEY + 8 &&
		 EVP_DecryptUpdate(ctx, out, &n, c.p, (int)c.n) && n == KEY,
	     "unwrap");
	memcpy(ret, out, KEY);
	EVP_CIPHER_CTX_free(ctx);
}

static void open_record(struct view bytes, const uint8_t *pk, const uint8_t *mak)
{
	BUF_AUTO input = { 0 };
	uint8_t mac[16], tek[KEY], auk[KEY];
	struct tk_record r;

	need(tk_record_parse(bytes, &r), "record is not well formed");
	tk_record_mac_input(&input, &r);
	cmac(mak, buf_view(&input), mac);
	need(buf_ok(&input) && r.mac.n == 16 && !memcmp(mac, r.mac.p, 16), "MAC of the record");
	unwrap(pk, r.ctek, tek);
	unwrap(pk, r.cauk, auk);
	printf("%.*s %.*s %llu %llu %llu ", (int)r.customer.n, (const char *)r.customer.p, (int)r.pos_serial.n,
	       (const char *)r.pos_serial.p, (unsigned long long)r.counter, (unsigned long long)r.collected,
	       (unsigned long long)(r.has_imported ? r.imported : 0));
	put_hex(tek, KEY);
	putchar(' ');
	put_hex(auk, KEY);
	putchar('\n');
}

static int records(char **argv)
{
	BUF_AUTO pk = { 0 };
	BUF_AUTO mak = { 0 };
	char line[2048];

	need(hex_decode(argv[0], strlen(argv[0]), &pk) && pk.len == KEY && hex_decode(argv[1], strlen(argv[1]), &mak) &&
		 mak.len == KEY,
	     "PK and MAK: 32 bytes, hex");
	while (fgets(line, sizeof(line), stdin)) {
		BUF_AUTO record = { 0 };

		need(base64_decode(line, strcspn(line, "\n"), &record), "base64");
		open_record(buf_view(&record), pk.p, mak.p);
	}
	return 0;
}

static int form(char **argv)
{
	uint8_t random[2 * (KEY + 8) + 16];
	BUF_AUTO out = { 0 };
	BUF_AUTO text = { 0 };
	struct tk_record r = { .suite = FORMAT_SUITE_AES,
			       .version = FORMAT_VERSION,
			       .handshake = FORMAT_HANDSHAKE_V2,
			       .customer = view_of_string(argv[0]),
			       .pos_serial = view_of_string(argv[1]),
			       .cert_serial = VIEW_STR("1"),
			       .collected = 1700000000,
			       .counter = strtoull(argv[2], NULL, 10),
			       .parameters = 2,
			       .tek = { FORMAT_ROLE_TEK, FORMAT_KEY_AES, KEY, { NULL, 0 } },
			       .ctek = VIEW(random, KEY + 8),
			       .auk = { FORMAT_ROLE_AUK, FORMAT_KEY_AES, KEY, { NULL, 0 } },
			       .cauk = VIEW(random + KEY + 8, KEY + 8),
			       .mac = VIEW(random + 2 * (KEY + 8), 16) };

	need(RAND_bytes(random, sizeof(random)) == 1, "random");
	tk_record_put(&out, &r);
	base64_encode(buf_view(&out), &text);
	need(buf_ok(&out) && buf_ok(&text), "record");
	printf("%.*s\n", (int)text.len, (char *)text.p);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 7 && !strcmp(argv[1], "packet"))
		return packet(argv + 2);
	if (argc == 4 && !strcmp(argv[1], "record"))
		return records(argv + 2);
	if (argc == 5 && !strcmp(argv[1], "form"))
		return form(argv + 2);
	fprintf(stderr, "factory_tool packet CERTIFICATE SERIAL COUNTER FAULT HASH | record PK MAK | form CUSTOMER "
			"SERIAL COUNTER\n");
	return 2;
}
