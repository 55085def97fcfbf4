/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HSM_MECH_H
#define HSM_MECH_H

#include "bytes.h"
#include "ck.h"
#include <openssl/types.h>

/*
 * Mechanisms: the row (what a mechanism is), the operations (what it does), the gate (who may use it), the active
 * operation of a session. Facts about a mechanism stand in its row (mech_rows_<family>.c) and nowhere else.
 */
struct session;
struct object;
struct crypto;
struct op;
struct op_record;
struct message;
struct mech_row;

/* The function flags of CK_MECHANISM_INFO that a row may carry. */
#define MECH_USES                                                                                                      \
	(CKF_ENCRYPT | CKF_DECRYPT | CKF_DIGEST | CKF_SIGN | CKF_SIGN_RECOVER | CKF_VERIFY | CKF_VERIFY_RECOVER |      \
	 CKF_GENERATE | CKF_GENERATE_KEY_PAIR | CKF_WRAP | CKF_UNWRAP | CKF_DERIVE | CKF_ENCAPSULATE |                 \
	 CKF_DECAPSULATE | CKF_MESSAGE_ENCRYPT | CKF_MESSAGE_DECRYPT | CKF_MESSAGE_SIGN | CKF_MESSAGE_VERIFY |         \
	 CKF_MULTI_MESSAGE)
/* What a row may say besides: facts about an EC mechanism (PKCS#11 3.1, 6.3). */
#define MECH_EC_FACTS                                                                                                  \
	(CKF_EC_F_P | CKF_EC_F_2M | CKF_EC_ECPARAMETERS | CKF_EC_OID | CKF_EC_UNCOMPRESS | CKF_EC_COMPRESS |           \
	 CKF_EC_CURVENAME)

/*
 * struct mech_param: rule for CK_MECHANISM.pParameter. text is for docs. ulParameterLen must be size exactly (0: no
 * parameter; NULL_OK rows also take none; PARAM_ANY_SIZE: check decides); then check, if any, looks inside. A broken
 * rule is CKR_MECHANISM_PARAM_INVALID.
 */
#define PARAM_ANY_SIZE SIZE_MAX
struct mech_param {
	const char *text;
	size_t size;
	bool optional;
	bool flat; /* bytes alone, no pointers: may be kept (op_state.h, message.h) */
	CK_RV (*check)(const struct mech_row *row, const CK_MECHANISM *m);
};
extern const struct mech_param param_none;        /* pParameter ignored when the length is 0 */
extern const struct mech_param param_iv8;         /* 8 bytes */
extern const struct mech_param param_iv16;        /* 16 bytes */
extern const struct mech_param param_mac_general; /* CK_MAC_GENERAL_PARAMS within struct mac_arg's bounds */
extern const struct mech_param param_aes_ctr;     /* CK_AES_CTR_PARAMS */
extern const struct mech_param param_gcm;         /* CK_GCM_PARAMS, CK_GCM_WRAP_PARAMS */
extern const struct mech_param param_ccm;         /* CK_CCM_PARAMS, CK_CCM_WRAP_PARAMS */
extern const struct mech_param param_gmac;        /* CK_GCM_PARAMS */
extern const struct mech_param param_chacha20;    /* CK_CHACHA20_PARAMS */
extern const struct mech_param param_chacha_poly; /* CK_SALSA20_CHACHA20_POLY1305_PARAMS */
extern const struct mech_param param_oaep;        /* CK_RSA_PKCS_OAEP_PARAMS */
extern const struct mech_param param_pss;         /* CK_RSA_PKCS_PSS_PARAMS */
extern const struct mech_param param_key_wrap_iv; /* none, or an IV of 8 bytes */
/* CK_MAC_GENERAL_PARAMS: t of SHA-512/t in bits */
extern const struct mech_param param_sha512t;
/* none, or an IV of 4 bytes */
extern const struct mech_param param_key_wrap_iv4;
/* CK_RSA_AES_KEY_WRAP_PARAMS */
extern const struct mech_param param_rsa_aes_wrap;

/* Part of a message that a call carries. */
enum mech_part { MECH_SINGLE, MECH_UPDATE, MECH_FINAL };

/*
 * struct mech_message_ops: encryption and decryption by messages (message.h), of mechanisms with CKF_MESSAGE_ENCRYPT.
 *
 * check  is this the parameter of one message? Also C_Message*Init, when it has one.
 * end    what is left of a message goes; m->state stays
 * done   frees m->state, which begin has made
 * begin  a new message, after the end of another. Encrypting, the IV that the token makes goes into the parameter.
 * bound  what next gives out for in_len more bytes; exact; MECH_SINGLE: before begin
 * next   more of the message; part other than MECH_UPDATE: its end, when the tag goes into the parameter (or is read
 *        from it: CKR_AEAD_DECRYPT_FAILED). room is enough. param may be NULL for MECH_UPDATE.
 */
struct mech_message_ops {
	CK_RV (*check)(const struct mech_row *row, const void *param, size_t param_len);
	void (*end)(struct message *m);
	void (*done)(struct message *m);
	CK_RV (*begin)(struct message *m, void *param, size_t param_len, struct view aad);
	size_t (*bound)(const struct message *m, enum mech_part part, size_t in_len);
	CK_RV(*next)
	(struct message *m, void *param, size_t param_len, enum mech_part part, struct view in, uint8_t *out);
};

/* struct mech_authenticated: the parameter of C_WrapKeyAuthenticated as one of C_WrapKey, and where the tag goes. */
struct mech_authenticated {
	union {
		CK_GCM_WRAP_PARAMS gcm;
		CK_CCM_WRAP_PARAMS ccm;
	} param;
	size_t len;
	uint8_t *tag;
	size_t tag_len;
};

/*
 * struct mech_ops: what a family does. NULL: not done. All run with the session locked, after the gate and after the
 * parameter rule. A row's flags and its ops agree (a test walks all rows).
 *
 * init        fills op->state and op->out_len for op->use (digest, sign, verify, encrypt, decrypt, sign recover, verify
 *             recover); key NULL for digest. Key bytes are read here and kept inside OpenSSL alone.
 * done        frees op->state; must take a state that init left half made, and NULL
 * update      takes in more of the message (digest, sign, verify)
 * final       writes exactly op->out_len bytes (digest, sign; verify when no verify function is given: compared in
 *             constant time)
 * sign        single part, for mechanisms without update, and sign recover; writes op->out_len bytes
 * verify      single part (data and signature), or, after updates, data.p NULL: CKR_SIGNATURE_INVALID when wrong
 * recover     C_VerifyRecover: the data out of a signature, length rule as crypt; CKR_SIGNATURE_INVALID
 * digest_key  C_DigestKey
 * bound       upper bound of what crypt writes for in_len more bytes; exact where the mechanism allows
 * crypt       encrypt or decrypt. When room is too small: CKR_BUFFER_TOO_SMALL, *ret_len what is needed, the state
 *             unchanged
 * generate, generate_pair, unwrap, derive
 *             make objects and commit them; several at once where the mechanism says so, and may write through
 *             pointers in the parameter, after everything else has succeeded
 * wrap        out NULL: *len receives the length; short: CKR_BUFFER_TOO_SMALL and *len; key is the object being wrapped
 * encapsulate length rule as wrap; *ret only when the ciphertext was written
 * decapsulate as unwrap
 * authenticated  translates the parameter of C_WrapKeyAuthenticated and its counterpart; NULL: these are not done
 * message        C_EncryptMessage* and C_DecryptMessage*; NULL: these are not done
 */
struct mech_ops {
	CK_RV (*init)(struct op *op, struct session *s, const CK_MECHANISM *m, struct object *key);
	void (*done)(struct op *op);
	CK_RV (*update)(struct op *op, struct view data);
	CK_RV (*final)(struct op *op, uint8_t *out);
	CK_RV (*sign)(struct op *op, struct view data, uint8_t *out);
	CK_RV (*verify)(struct op *op, struct view data, struct view signature);
	CK_RV (*recover)(struct op *op, struct view signature, uint8_t *out, size_t room, size_t *ret_len);
	CK_RV (*digest_key)(struct op *op, struct object *key);
	size_t (*bound)(const struct op *op, enum mech_part part, size_t in_len);
	CK_RV (*crypt)(struct op *op, enum mech_part part, struct view in, uint8_t *out, size_t room, size_t *ret_len);
	CK_RV(*generate)
	(struct session *s, const struct mech_row *row, const CK_MECHANISM *m, const CK_ATTRIBUTE *t, CK_ULONG n,
	 CK_OBJECT_HANDLE *ret);
	CK_RV(*generate_pair)
	(struct session *s, const struct mech_row *row, const CK_MECHANISM *m, const CK_ATTRIBUTE *public_t,
	 CK_ULONG public_n, const CK_ATTRIBUTE *private_t, CK_ULONG private_n, CK_OBJECT_HANDLE *ret_public,
	 CK_OBJECT_HANDLE *ret_private);
	CK_RV(*wrap)
	(struct session *s, const struct mech_row *row, const CK_MECHANISM *m, struct object *wrapping,
	 struct object *key, uint8_t *out, CK_ULONG *len);
	CK_RV(*unwrap)
	(struct session *s, const struct mech_row *row, const CK_MECHANISM *m, struct object *unwrapping,
	 struct view wrapped, const CK_ATTRIBUTE *t, CK_ULONG n, CK_OBJECT_HANDLE *ret);
	CK_RV(*derive)
	(struct session *s, const struct mech_row *row, const CK_MECHANISM *m, struct object *base,
	 const CK_ATTRIBUTE *t, CK_ULONG n, CK_OBJECT_HANDLE *ret);
	CK_RV(*encapsulate)
	(struct session *s, const struct mech_row *row, const CK_MECHANISM *m, struct object *public,
	 const CK_ATTRIBUTE *t, CK_ULONG n, uint8_t *out, CK_ULONG *len, CK_OBJECT_HANDLE *ret);
	CK_RV(*decapsulate)
	(struct session *s, const struct mech_row *row, const CK_MECHANISM *m, struct object *private,
	 struct view ciphertext, const CK_ATTRIBUTE *t, CK_ULONG n, CK_OBJECT_HANDLE *ret);
	CK_RV(*authenticated)
	(const struct mech_row *row, const CK_MECHANISM *m, struct view aad, struct mech_authenticated *ret);
	const struct mech_message_ops *message;
};

struct mech_keys {
	const CK_KEY_TYPE *types;
	size_t count;
};
#define KEYS(...)                                                                                                      \
	{                                                                                                              \
		.types = (const CK_KEY_TYPE[]){ __VA_ARGS__ },                                                         \
		.count = sizeof((const CK_KEY_TYPE[]){ __VA_ARGS__ }) / sizeof(CK_KEY_TYPE)                            \
	}

/* Traits of a row beyond its flags. */
/* Single part only: C_*Update answers CKR_OPERATION_NOT_INITIALIZED and ends the operation. */
#define MECH_NO_UPDATE 1u
/* C_WrapKey: the mechanism itself decides about the key to wrap, and counts for the audit. */
#define MECH_OWN_CARGO 2u
#define MECH_NO_HANDLE 4u /* C_DeriveKey: the new keys' handles go into the parameter, phKey may be NULL */
/* What policy.c looks at. */
#define MECH_SEALED 0x100u    /* C_UnwrapKey takes only what was wrapped with this key: integrity is protected */
#define MECH_V15 0x200u       /* C_UnwrapKey with PKCS #1 v1.5 padding */
#define MECH_TEXTBOOK 0x400u  /* C_WrapKey without any padding under RSA; C_Sign is a bare private operation */
#define MECH_CHOSEN_IV 0x800u /* C_WrapKey under an IV that may never come twice, and the caller may give it */
/* The base can be found out of derived keys piece by piece, or mixed with known data. */
#define MECH_WEAK_DERIVE 0x1000u
#define MECH_BLOCK_SIGN 0x2000u     /* C_Sign shows an encrypted block */
#define MECH_WEAK_SIGN 0x4000u      /* signatures of a broken digest: for verifying only */
#define MECH_RSA_PAIR 0x8000u       /* generates RSA pairs */
#define MECH_KEYSTREAM 0x10000u     /* C_WrapKey by a keystream, which whoever encrypts sees as well */
#define MECH_ENVELOPE 0x40000u      /* C_WrapKey under a fresh key that goes along, wrapped as another row unwraps it */
#define MECH_ONE_MESSAGE 0x20000u   /* a key is for one message alone: no C_MessageSignInit, C_MessageVerifyInit */
#define MECH_OWN_LABEL 0x80000u     /* C_Sign over what the mechanism itself says, nothing that a derivation asks for */
#define MECH_OWN_APPROVAL 0x200000u /* C_WrapKey asks for approvals of its own, whatever dual control is chosen */
#define MECH_KEY_BLOCK 0x100000u    /* wraps under keys that MACs of the wrapping key are made of */

/*
 * struct mech_row: one mechanism. keys empty: no key (digest, generation). key_min, key_max: bits of a pair, bytes of a
 * secret key, as C_GetMechanismInfo answers them. arg: the family's own. vectors: file in tests/vectors, or NULL when a
 * test of its own stands in its place. note: what docs/mechanisms.md says below the table about this row, without a
 * full stop; rows may share one.
 */
struct mech_row {
	CK_MECHANISM_TYPE type;
	const char *name;
	CK_FLAGS flags;
	struct mech_keys keys;
	CK_ULONG key_min;
	CK_ULONG key_max;
	unsigned traits;
	const struct mech_param *param;
	const struct mech_ops *ops;
	const void *arg;
	const char *needs;
	const char *source;
	const char *vectors;
	const char *note;
};

/*
 * The rows stand in mech_rows_<family>.c, their order in mech_table.c.
 *
 * mech_table_start  C_Initialize: finds out once which rows the OpenSSL underneath can do. A row whose needs it has not
 *                   is in no list and cannot be found. needs: "cipher:NAME", "digest:NAME", "mac:NAME", "kdf:NAME",
 *                   "keymgmt:NAME" or "signature:NAME"; NULL: nothing that libcrypto 3.0 lacks.
 * mech_count        how many rows are there; without mech_table_start: all
 * mech_at           the rows that are there, in order, for i below mech_count()
 * mech_find         NULL when unknown or not there
 * mech_row_count, mech_row_at
 *                   all rows, there or not (documentation, tests)
 */
CK_RV mech_table_start(OSSL_LIB_CTX *lib) MUST_CHECK;
size_t mech_count(void);
const struct mech_row *mech_at(size_t i);
const struct mech_row *mech_find(CK_MECHANISM_TYPE type);
size_t mech_row_count(void);
const struct mech_row *mech_row_at(size_t i);

/*
 * mech_gate: may this mechanism be used for this with this key? For every mechanism alike, in this order: the row has
 * the flag (CKR_MECHANISM_INVALID), private keys only for users (CKR_USER_NOT_LOGGED_IN), CKA_ALLOWED_MECHANISMS
 * (CKR_MECHANISM_INVALID), class and key type (CKR_KEY_TYPE_INCONSISTENT), size (CKR_KEY_SIZE_RANGE), CKA_<usage>
 * (CKR_KEY_FUNCTION_NOT_PERMITTED), CKA_ALWAYS_AUTHENTICATE where there is no operation that a login could precede:
 * unwrap, derive, decapsulate, messages (CKR_USER_NOT_LOGGED_IN), role policy (role_permits of role.h), parameter
 * (CKR_MECHANISM_PARAM_INVALID), the policy of the token (policy_use of policy.h), which notes down what the key
 * decides by this use.
 *
 * use   one CKF_* function flag of MECH_USES
 * key   NULL for digest and generation
 */
CK_RV mech_gate(struct session *s, const CK_MECHANISM *m, CK_FLAGS use, struct object *key,
		const struct mech_row **ret_row) MUST_CHECK;
/*
 * mech_param_ok    the row's parameter rule alone. CKF_MESSAGE_ENCRYPT, CKF_MESSAGE_DECRYPT: none, or that of a
 * message; CKF_MESSAGE_SIGN, CKF_MESSAGE_VERIFY: also none, when each message brings its own (struct mech_param)
 * mech_plain_use   CKF_ENCRYPT for CKF_MESSAGE_ENCRYPT and so on; others as they are
 * mech_iv_made     does this parameter of C_WrapKey let the token make the IV? False: the caller's IV, or no IV at all
 */
CK_RV mech_param_ok(const struct mech_row *row, const CK_MECHANISM *m, CK_FLAGS use) MUST_CHECK;
CK_FLAGS mech_plain_use(CK_FLAGS use);
bool mech_iv_made(const struct mech_row *row, const CK_MECHANISM *m) MUST_CHECK;
/*
 * mech_gate_cargo: may key leave under wrapping? Class, CKA_EXTRACTABLE (CKR_KEY_UNEXTRACTABLE),
 * CKA_WRAP_WITH_TRUSTED (CKR_KEY_NOT_WRAPPABLE), CKA_WRAP_TEMPLATE (CKR_KEY_HANDLE_INVALID), role matrix
 * (role_permits_cargo), the policy of the token (policy_wrap). Rows with MECH_OWN_CARGO pass.
 */
CK_RV mech_gate_cargo(struct session *s, const struct mech_row *row, struct object *wrapping,
		      struct object *key) MUST_CHECK;

/*
 * struct op: the active operation of one kind in a session. A session owns one pointer per kind (enum op_kind), NULL
 * when none is active. The first call decides whether it is done in a single part or in several.
 */
enum op_phase { OP_FRESH, OP_SINGLE, OP_MULTI };

struct op {
	const struct mech_row *row;
	CK_FLAGS use;
	enum op_phase phase;
	bool needs_login;         /* CKA_ALWAYS_AUTHENTICATE: C_Login with CKU_CONTEXT_SPECIFIC first */
	uint64_t order;           /* counts up over all operations: which was begun last? */
	size_t out_len;           /* digest, sign, verify: length of the result */
	size_t data_left;         /* bytes of data that the key's role still allows (role_data_max) */
	struct object *watched;   /* key whose use the policy may still end (policy.h); NULL: none */
	uint64_t watched_at;      /* sequence of the store when it was looked at */
	struct buf signature;     /* C_VerifySignature: what is to be verified */
	struct op_record *record; /* NULL: cannot be saved (op_state.h) */
	void *state;              /* the family's */
};

/* op_new: gate and init. op_make: init alone, of a mechanism that the gate has let in. Nothing is left behind on error.
 */
CK_RV op_new(struct session *s, const CK_MECHANISM *m, CK_FLAGS use, struct object *key, struct op **ret) MUST_CHECK;
CK_RV op_make(struct session *s, const struct mech_row *row, const CK_MECHANISM *m, CK_FLAGS use, struct object *key,
	      struct op **ret) MUST_CHECK;
/* op_free: ends the operation and frees its key schedules; takes NULL. */
void op_free(struct op *op);

#endif
