/* SPDX-License-Identifier: BSD-2-Clause */
#include "bench.h"

/* The cases, and what they are to reach beside the floor. */

#define AES CKM_AES_KEY_GEN, 32
#define DES CKM_DES_KEY_GEN, 8
#define DES2 CKM_DES2_KEY_GEN, 16
#define DES3 CKM_DES3_KEY_GEN, 24
#define HMAC_KEY CKM_GENERIC_SECRET_KEY_GEN, 32
#define RSA(bits) CKM_RSA_PKCS_KEY_PAIR_GEN, bits
#define P256 CKM_EC_KEY_PAIR_GEN, 32
#define ED25519 CKM_EC_EDWARDS_KEY_PAIR_GEN, 32
#define NO_KEY 0, 0

/* clang-format off */
const struct bench_row bench_rows[] = {
	{ "AES-256-CBC 16 B", BENCH_CIPHER, CKM_AES_CBC, AES, 16, "AES-256-CBC", { 0.75, 0.70 } },
	{ "AES-256-CBC 256 B", BENCH_CIPHER, CKM_AES_CBC, AES, 256, "AES-256-CBC", { 0.90, 0.88 } },
	{ "AES-256-CBC 1 KiB", BENCH_CIPHER, CKM_AES_CBC, AES, 1024, "AES-256-CBC", { 0.97, 0.96 } },
	{ "AES-256-CBC 16 KiB", BENCH_CIPHER, CKM_AES_CBC, AES, 16384, "AES-256-CBC", { 0.99 } },
	{ "AES-256-CBC 256 KiB", BENCH_CIPHER, CKM_AES_CBC, AES, 262144, "AES-256-CBC", { 0.99 } },
	{ "AES-256-GCM 16 B", BENCH_GCM, CKM_AES_GCM, AES, 16, "AES-256-GCM", { 1.30, 1.20 } },
	{ "AES-256-GCM 256 B", BENCH_GCM, CKM_AES_GCM, AES, 256, "AES-256-GCM", { 1.20, 1.15 } },
	{ "AES-256-GCM 1 KiB", BENCH_GCM, CKM_AES_GCM, AES, 1024, "AES-256-GCM", { 1.10, 1.08 } },
	{ "AES-256-GCM 16 KiB", BENCH_GCM, CKM_AES_GCM, AES, 16384, "AES-256-GCM", { 0.99 } },
	{ "AES-256-GCM 256 KiB", BENCH_GCM, CKM_AES_GCM, AES, 262144, "AES-256-GCM", { 0.99 } },
	{ "AES-256-CTR 16 B", BENCH_CIPHER, CKM_AES_CTR, AES, 16, "AES-256-CTR", { 0.75 } },
	{ "AES-256-CTR 256 B", BENCH_CIPHER, CKM_AES_CTR, AES, 256, "AES-256-CTR", { 0.83 } },
	{ "AES-256-CTR 1 KiB", BENCH_CIPHER, CKM_AES_CTR, AES, 1024, "AES-256-CTR", { 0.90 } },
	{ "AES-256-CTR 16 KiB", BENCH_CIPHER, CKM_AES_CTR, AES, 16384, "AES-256-CTR", { 0.99 } },
	{ "DES3-CBC 16 B", BENCH_CIPHER, CKM_DES3_CBC, DES3, 16, "DES-EDE3-CBC", { 1.20, 1.18 } },
	{ "DES3-CBC 256 B", BENCH_CIPHER, CKM_DES3_CBC, DES3, 256, "DES-EDE3-CBC", { 1.00 } },
	{ "DES3-CBC 1 KiB", BENCH_CIPHER, CKM_DES3_CBC, DES3, 1024, "DES-EDE3-CBC", { 1.00 } },
	{ "DES MAC (X9.9) 128 B", BENCH_CBC_MAC, CKM_DES_MAC, DES, 128, "DES-CBC", { 0.99 } },
	{ "DES3 MAC 128 B", BENCH_CBC_MAC, CKM_DES3_MAC, DES3, 128, "DES-EDE3-CBC", { 1.02 } },
	{ "DES3 CMAC 128 B", BENCH_MAC, CKM_DES3_CMAC, DES3, 128, "CMAC:DES-EDE3-CBC", { 1.03 } },
	{ "X9.19 MAC 128 B", BENCH_RETAIL_MAC, CKM_DES3_X919_MAC, DES2, 128, "DES-CBC", { 1.00 } },
	{ "DES3-ECB 8 B", BENCH_CIPHER, CKM_DES3_ECB, DES3, 8, "DES-EDE3", { 1.25, 1.20 } },
	{ "SHA-256 16 B", BENCH_DIGEST, CKM_SHA256, NO_KEY, 16, "SHA256", { 0.55 } },
	{ "SHA-256 256 B", BENCH_DIGEST, CKM_SHA256, NO_KEY, 256, "SHA256", { 0.78 } },
	{ "SHA-256 1 KiB", BENCH_DIGEST, CKM_SHA256, NO_KEY, 1024, "SHA256", { 0.92 } },
	{ "HMAC-SHA256 16 B", BENCH_MAC, CKM_SHA256_HMAC, HMAC_KEY, 16, "HMAC:SHA256", { 1.20 } },
	{ "HMAC-SHA256 256 B", BENCH_MAC, CKM_SHA256_HMAC, HMAC_KEY, 256, "HMAC:SHA256", { 1.10 } },
	{ "HMAC-SHA256 1 KiB", BENCH_MAC, CKM_SHA256_HMAC, HMAC_KEY, 1024, "HMAC:SHA256", { 1.02 } },
	{ "AES-CMAC 16 B", BENCH_MAC, CKM_AES_CMAC, AES, 16, "CMAC:AES-256-CBC", { 1.20 } },
	{ "AES-CMAC 256 B", BENCH_MAC, CKM_AES_CMAC, AES, 256, "CMAC:AES-256-CBC", { 1.10 } },
	{ "AES-CMAC 1 KiB", BENCH_MAC, CKM_AES_CMAC, AES, 1024, "CMAC:AES-256-CBC", { 1.02 } },
	{ "RSA-2048 sign", BENCH_SIGN, CKM_RSA_PKCS, RSA(2048), 51, "RSA", { 0.99 } },
	{ "RSA-3072 sign", BENCH_SIGN, CKM_RSA_PKCS, RSA(3072), 51, "RSA", { 0.99 } },
	{ "RSA-2048 OAEP decrypt", BENCH_OAEP, CKM_RSA_PKCS_OAEP, RSA(2048), 32, "RSA", { 0.99 } },
	{ "RSA-3072 OAEP decrypt", BENCH_OAEP, CKM_RSA_PKCS_OAEP, RSA(3072), 32, "RSA", { 0.99 } },
	{ "ECDSA P-256 sign", BENCH_SIGN, CKM_ECDSA, P256, 32, "EC", { 0.98 } },
	{ "ECDSA P-256 verify", BENCH_VERIFY, CKM_ECDSA, P256, 32, "EC", { 0.98 } },
	{ "Ed25519 sign", BENCH_SIGN, CKM_EDDSA, ED25519, 32, "ED25519", { 0.98 } },
	{ "ECDH P-256", BENCH_ECDH, CKM_ECDH1_DERIVE, P256, 32, "EC", { 0.98 } },
	{ "AES key generation", BENCH_GENERATE, CKM_AES_KEY_GEN, NO_KEY, 32, "", { 0.55 } },
	{ "AES key wrap", BENCH_WRAP, CKM_AES_KEY_WRAP, AES, 32, "AES-256-WRAP", { 2.2 } },
	{ "AES unwrap and destroy", BENCH_UNWRAP, CKM_AES_KEY_WRAP, AES, 32, "AES-256-WRAP", { 1.8 } },
	{ "GenerateRandom 32 B", BENCH_RANDOM, 0, NO_KEY, 32, "", { 2.5 } },

	{ "durable token key, 1 thread", BENCH_CREATE, CKM_AES_KEY_GEN, AES, 1, "LMDB", { 0.8 } },
	{ "durable token key, 8 threads", BENCH_CREATE, CKM_AES_KEY_GEN, AES, 8, "LMDB", { 0.8 } },
	{ "durable token key, 64 threads", BENCH_CREATE, CKM_AES_KEY_GEN, AES, 64, "LMDB", { 0.8 } },
	{ "find by label, 100 objects", BENCH_FIND, 0, NO_KEY, 100, "LMDB", { 0.5 }, CKA_LABEL },
	{ "find by label, 10,000 objects", BENCH_FIND, 0, NO_KEY, 10000, "LMDB", { 0.5 }, CKA_LABEL },
	{ "find by label, 1,000,000 objects", BENCH_FIND, 0, NO_KEY, 1000000, "LMDB", { 0.5 }, CKA_LABEL },
	{ "find by id, 100 objects", BENCH_FIND, 0, NO_KEY, 100, "LMDB", { 0.5 }, CKA_ID },
	{ "find by id, 10,000 objects", BENCH_FIND, 0, NO_KEY, 10000, "LMDB", { 0.5 }, CKA_ID },
	{ "find by id, 1,000,000 objects", BENCH_FIND, 0, NO_KEY, 1000000, "LMDB", { 0.5 }, CKA_ID },
	{ "five attributes, 10,000 objects", BENCH_ATTRIBUTES, 0, NO_KEY, 10000, "LMDB", { 4.0 } },
	{ "finding beside a writer, 10,000 objects", BENCH_BESIDE, 0, NO_KEY, 10000, "finding alone", { 0.9 }, CKA_LABEL },
	{ "cold start, 100 objects", BENCH_COLD, 0, NO_KEY, 100, "empty process", { 2.0 }, CKA_LABEL },
	{ "cold start, 10,000 objects", BENCH_COLD, 0, NO_KEY, 10000, "empty process", { 2.0 }, CKA_LABEL },
	{ "cold start, 1,000,000 objects", BENCH_COLD, 0, NO_KEY, 1000000, "empty process", { 2.0 }, CKA_LABEL },
	{ "memory after listing 100,000 objects", BENCH_LISTING, 0, NO_KEY, 100000, "", { 64 } },
};
/* clang-format on */
const size_t bench_row_count = sizeof(bench_rows) / sizeof(bench_rows[0]);

bool bench_has_key(const struct bench_row *row)
{
	return row->key != 0 && !bench_of_store(row);
}

bool bench_of_store(const struct bench_row *row)
{
	return row->family >= BENCH_CREATE;
}
