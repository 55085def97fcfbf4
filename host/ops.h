/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HOST_OPS_H
#define HOST_OPS_H

#include "formats.h"
#include "pk11.h"
#include "working.h"

/*
 * The payment language over a PKCS#11 token. Each operation has rows, one per way of doing it: `vendor` (one call of a
 * mechanism of hsm/vendor.h) and `standard` (a composition of standard C_ calls). ops_open reads C_GetMechanismList
 * once and takes, per operation, the first row whose needs are met. Bytes: docs/formats.md.
 *
 * Secret:  no clear key crosses the API on either way; keys are handles, ciphertexts or stay in the token.
 * Errors:  ERR_KEY_MISSING; ERR_BAD_DATA for whatever is wrong inside a packet, record or message (form, MAC, padding,
 *          length, parity), told apart in f->text for the operator only; ERR_REFUSED for a proof that does not hold;
 *          ERR_TOKEN with f->rv for the rest; ERR_BUSY without a free session. Outputs are untouched on error.
 * Threads: one struct ops serves many threads; a struct ops_tk belongs to one.
 *
 * docs/operations.md comes from the rows. What the standard way cannot enforce: PK, MAK, TEK and AUK are ordinary keys
 * with usages wide enough for the composition, and roles live in this program, not in the token.
 */
struct ops;

#define OPS_LIST(X)                                                                                                    \
	X(OPS_REWRAP, "rewrap")                                                                                        \
	X(OPS_TK_OPEN, "tk_open")                                                                                      \
	X(OPS_TMK_GENERATE, "tmk_generate")                                                                            \
	X(OPS_TMK_EXPORT, "tmk_export")                                                                                \
	X(OPS_TMK_REWRAP, "tmk_rewrap")                                                                                \
	X(OPS_PROVE, "prove")                                                                                          \
	X(OPS_CHECK_VALUE, "check_value")                                                                              \
	X(OPS_PR_GENERATE, "pr_generate")                                                                              \
	X(OPS_SRK_GENERATE, "srk_generate")                                                                            \
	X(OPS_TK_GENERATE, "tk_generate")                                                                              \
	X(OPS_TK_FIND, "tk_find")                                                                                      \
	X(OPS_TMK_LOAD, "tmk_load")                                                                                    \
	X(OPS_FINGERPRINT, "fingerprint")                                                                              \
	X(OPS_FPK_GENERATE, "fpk_generate")                                                                            \
	X(OPS_WK_MAKE, "wk_make")                                                                                      \
	X(OPS_WK_OPEN, "wk_open")                                                                                      \
	X(OPS_WK_REWRAP, "wk_rewrap")                                                                                  \
	X(OPS_WK_LOAD, "wk_load")

enum ops_kind {
#define OPS_ENUM(kind, name) kind,
	OPS_LIST(OPS_ENUM)
#undef OPS_ENUM
	    OPS_COUNT
};
#define OPS_BIT(kind) (1U << (kind))
/* What each program asks for. */
#define OPS_FOR_MTMS (OPS_BIT(OPS_REWRAP) | OPS_BIT(OPS_PR_GENERATE) | OPS_BIT(OPS_CHECK_VALUE))
#define OPS_FOR_KMS                                                                                                    \
	(OPS_BIT(OPS_TK_OPEN) | OPS_BIT(OPS_TMK_GENERATE) | OPS_BIT(OPS_TMK_EXPORT) | OPS_BIT(OPS_PROVE) |             \
	 OPS_BIT(OPS_CHECK_VALUE) | OPS_BIT(OPS_SRK_GENERATE) | OPS_BIT(OPS_TMK_REWRAP) | OPS_BIT(OPS_FINGERPRINT) |   \
	 OPS_BIT(OPS_FPK_GENERATE) | OPS_BIT(OPS_WK_MAKE) | OPS_BIT(OPS_WK_OPEN) | OPS_BIT(OPS_WK_REWRAP))
#define OPS_FOR_TERMINAL                                                                                               \
	(OPS_BIT(OPS_TK_GENERATE) | OPS_BIT(OPS_TK_FIND) | OPS_BIT(OPS_TMK_LOAD) | OPS_BIT(OPS_PROVE) |                \
	 OPS_BIT(OPS_CHECK_VALUE) | OPS_BIT(OPS_WK_LOAD))

enum ops_way { OPS_WAY_ANY, OPS_WAY_VENDOR, OPS_WAY_STANDARD };

/*
 * ops_open: chooses the ways for the operations in need (OPS_BIT). way: OPS_WAY_ANY, or one way for all.
 * token must outlive it. ERR_TOKEN: an operation has no row whose mechanisms the token has, or whose relaxations its
 * policy allows (text names it).
 */
enum err ops_open(struct pk11 *token, unsigned need, enum ops_way way, struct ops **ret, struct fail *f) MUST_CHECK;
void ops_free(struct ops *o);
/* ops_way_of_name: "any", "vendor", "standard" of a configuration. */
bool ops_way_of_name(const char *name, enum ops_way *ret) MUST_CHECK;
/* ops_describe: one line, "rewrap=vendor tk_open=vendor ...", for the log. */
void ops_describe(const struct ops *o, struct buf *ret);
/*
 * ops_relaxations: one line for the log, appended: which relaxations of the token's policy the chosen ways rely on, and
 * which ones are missing for TDES keys; nothing when the ways need none.
 */
void ops_relaxations(const struct ops *o, struct buf *ret);
/*
 * ops_relax: for a token that is being made for the standard ways: as its SO, adds to its policy what they rely on for
 * the operations in need (OPS_BIT). Another vendor's token has no policy: nothing happens.
 */
enum err ops_relax(struct pk11_session *so, unsigned need, struct fail *f) MUST_CHECK;
struct pk11 *ops_token(const struct ops *o);

/* ops_random: n bytes (at most 1024) of C_GenerateRandom, public use (nonces). */
enum err ops_random(struct ops *o, uint8_t *ret, size_t n, struct fail *f) MUST_CHECK;

/*
 * ops_check_value: check value of a key of the token (PK, MAK, TMK ...), method named (formats.md, Check value).
 * Standard way: ECB or CMAC where the key's usages allow, else CKA_CHECK_VALUE (method 1).
 */
enum err ops_check_value(struct ops *o, struct pk11_key *key, struct check_value *ret, struct fail *f) MUST_CHECK;

/*
 * ops_key_checks: check values of all generations of a key, the newest first (pk11_key_older), so that tokens can be
 * compared. ret: room for PK11_GENERATIONS.
 */
enum err ops_key_checks(struct ops *o, struct pk11_key *key, struct check_value *ret, size_t *ret_count,
			struct fail *f) MUST_CHECK;

/*
 * ops_suite_keys: PK and MAK are there and of the suite's type (formats.md, Suites); ERR_CONFIG names the key, or says
 * that the way chosen for records has no suite 3.
 */
enum err ops_suite_keys(struct ops *o, unsigned suite, struct pk11_key *pk, struct pk11_key *mak,
			struct fail *f) MUST_CHECK;

/* ---- MTMS ---- */

/*
 * ops_pr_generate: RSA key pair Pr/Pu as token objects; Pr may only unwrap (R1.1).
 * bits 2048, 3072 or 4096; label and id (1 to 32 bytes) for both objects. ret_spki: SubjectPublicKeyInfo, DER,
 * appended.
 */
enum err ops_pr_generate(struct ops *o, unsigned bits, const char *label, struct view id, struct buf *ret_spki,
			 struct fail *f) MUST_CHECK;

/*
 * ops_oaep_hash: the hash of OAEP (enum format_hash) with which TKs may come under this Pr: SHA-256, or SHA-1 where the
 * token takes no other (standard way; it is asked with a ciphertext that is none). Operation terminals are told.
 */
enum err ops_oaep_hash(struct ops *o, struct pk11_key *pr, uint8_t *ret, struct fail *f) MUST_CHECK;

/*
 * ops_rewrap: a TK that arrived under Pu leaves under PK, with a MAC under MAK (R1.7).
 *
 * packet     TK packet of the terminal
 * pr         private key; pk, mak of the suite that the packet names
 * customer   customer (KMS) id
 * collected  seconds since 1970-01-01 UTC
 * tek_iv, auk_iv  suite 1: 8 bytes each, or empty: random from the token; suites 2, 3: empty
 * ret_record the record, appended
 */
struct ops_rewrap_in {
	struct pk11_key *pr;
	struct pk11_key *pk;
	struct pk11_key *mak;
	struct view packet;
	struct view customer;
	uint64_t collected;
	struct view tek_iv;
	struct view auk_iv;
};
enum err ops_rewrap(struct ops *o, const struct ops_rewrap_in *in, struct buf *ret_record, struct fail *f) MUST_CHECK;

/* ---- TK in use: KMS and terminal ---- */

/*
 * struct ops_tk: TEK and AUK of one terminal as handles, and the session in which they are used. At the KMS they are
 * session objects, gone with ops_tk_close; in the terminal token objects, which ops_tk_close leaves alone.
 * Zero-initialised it is closed; ops_tk_close takes that.
 */
struct ops_tk {
	struct pk11_session *session;
	CK_OBJECT_HANDLE tek;
	CK_OBJECT_HANDLE auk;
	bool session_objects;
	bool host_side;
	uint8_t suite;     /* KMS only */
	uint8_t handshake; /* enum format_handshake */
	uint8_t tek_type;  /* enum format_key_type */
	uint8_t tek_length;
	uint8_t auk_type;
	uint8_t auk_length;
	uint64_t counter; /* KMS and ops_tk_generate only */
	size_t serial_len;
	uint8_t serial[FORMAT_POS_SERIAL_MAX];
};
/* ops_tk_close: destroys session objects, returns the session. */
void ops_tk_close(struct ops_tk *tk);
/* ops_nonce_len: bytes of a nonce of this TK: 16 with handshake version 2, one block of AUK's cipher with version 1. */
size_t ops_nonce_len(const struct ops_tk *tk);
/* ops_tag_len: bytes of what ops_prove makes: one block of AUK's cipher. */
size_t ops_tag_len(const struct ops_tk *tk);

/* What both sides know when they prove something: nonces of ops_nonce_len bytes. */
struct ops_shake {
	struct view terminal_random;
	struct view host_random;
};
#define OPS_TAG_MAX FORMAT_MAC_MAX

/*
 * ops_prove: the proof of our own side. direction: TRANSCRIPT_HOST_PROVES, TRANSCRIPT_TERMINAL_PROVES or
 * TRANSCRIPT_CONFIRM (loaded: check value of the TMK; else NULL). Version 2: CMAC of the transcript. Version 1: ECB of
 * the other side's nonce; TRANSCRIPT_CONFIRM gives nothing (0 bytes). ret_tag: room OPS_TAG_MAX. ERR_UNEXPECTED: not
 * our side's. ops_check: the other side's proof; ERR_REFUSED when it does not hold. Compare in constant time. (R1.10)
 */
enum err ops_prove(struct ops *o, const struct ops_tk *tk, const struct ops_shake *shake, uint8_t direction,
		   const struct check_value *loaded, uint8_t *ret_tag, size_t *ret_len, struct fail *f) MUST_CHECK;
enum err ops_check(struct ops *o, const struct ops_tk *tk, const struct ops_shake *shake, uint8_t direction,
		   const struct check_value *loaded, struct view tag, struct fail *f) MUST_CHECK;

/*
 * ops_sign_in_prove, ops_sign_in_check: the terminal's proof where it asks for working keys instead of its TMK
 * (TRANSCRIPT_SIGN_IN): it covers the check value of its TMK and the forms that it takes (sum of enum wk_form). Version
 * 1: as TRANSCRIPT_TERMINAL_PROVES. (R1.10, R1.12)
 */
enum err ops_sign_in_prove(struct ops *o, const struct ops_tk *tk, const struct ops_shake *shake,
			   const struct check_value *tmk, uint8_t forms, uint8_t *ret_tag, size_t *ret_len,
			   struct fail *f) MUST_CHECK;
enum err ops_sign_in_check(struct ops *o, const struct ops_tk *tk, const struct ops_shake *shake,
			   const struct check_value *tmk, uint8_t forms, struct view tag, struct fail *f) MUST_CHECK;

/* ops_tk_check_values: check values of TEK and AUK (R2.5). */
enum err ops_tk_check_values(struct ops *o, const struct ops_tk *tk, struct check_value *ret_tek,
			     struct check_value *ret_auk, struct fail *f) MUST_CHECK;

/* ---- KMS ---- */

struct ops_record_keys {
	struct pk11_key *pk;
	struct pk11_key *mak;
};

/*
 * ops_tk_open: verifies the MAC of a record, then unwraps TEK and AUK as session objects (R1.9, R2.7). ret must be
 * closed; borrows a session until ops_tk_close.
 * ops_record_verify: the same and closed again; for an import that wants the verdict only (R2.4).
 */
enum err ops_tk_open(struct ops *o, const struct ops_record_keys *keys, struct view record, struct ops_tk *ret,
		     struct fail *f) MUST_CHECK;
enum err ops_record_verify(struct ops *o, const struct ops_record_keys *keys, struct view record,
			   struct fail *f) MUST_CHECK;

/*
 * ops_tk_open_import: as ops_tk_open, for a TK that ops_tk_fingerprints is asked about: on the standard way its keys
 * are extractable session keys, because C_WrapKey wants that of what it wraps.
 */
enum err ops_tk_open_import(struct ops *o, const struct ops_record_keys *keys, struct view record, struct ops_tk *ret,
			    struct fail *f) MUST_CHECK;

/*
 * Fingerprints (R2.5): equal for equal keys under one FPK, and telling nothing else: the first 16 bytes of SHA-256
 * over the key wrapped under FPK (AES key wrap). Both ways give the same bytes.
 *
 * ops_fpk_generate      AES-256 fingerprint key of role FPK as token object
 * ops_tk_fingerprints   of TEK and AUK of a TK that ops_tk_open_import opened
 * ops_tmk_fingerprint   of the TMK in a blob, which is unwrapped for a moment and checked as ops_tmk_check does
 */
#define OPS_FINGERPRINT_LEN 16
enum err ops_fpk_generate(struct ops *o, const char *label, struct view id, struct fail *f) MUST_CHECK;
enum err ops_tk_fingerprints(struct ops *o, const struct ops_tk *tk, struct pk11_key *fpk,
			     uint8_t ret_tek[OPS_FINGERPRINT_LEN], uint8_t ret_auk[OPS_FINGERPRINT_LEN],
			     struct fail *f) MUST_CHECK;
enum err ops_tmk_fingerprint(struct ops *o, struct pk11_key *srk, struct view blob, struct pk11_key *fpk,
			     uint8_t ret[OPS_FINGERPRINT_LEN], struct fail *f) MUST_CHECK;

/* ops_srk_generate: AES-256 storage key of role SRK as token object, wraps and unwraps TMKs only (R1.12). */
enum err ops_srk_generate(struct ops *o, const char *label, struct view id, struct fail *f) MUST_CHECK;

/*
 * ops_tmk_generate: a new TMK, out as a blob under the SRK for the database (formats.md, TMK blob), with its check
 * value. type, length: enum format_key_type and bytes. ret_blob: appended, at most OPS_TMK_BLOB_MAX bytes.
 */
#define OPS_TMK_BLOB_MAX 128
enum err ops_tmk_generate(struct ops *o, struct pk11_key *srk, uint8_t type, uint8_t length, struct buf *ret_blob,
			  struct check_value *ret_check, struct fail *f) MUST_CHECK;
/* ops_tmk_check: unwraps a blob for a moment, checks it against its own check value and gives that. */
enum err ops_tmk_check(struct ops *o, struct pk11_key *srk, struct view blob, struct check_value *ret,
		       struct fail *f) MUST_CHECK;

/*
 * ops_tmk_rewrap: a blob under an older storage key becomes one under the newest. The TMK is a session object for the
 * time of the call; its check value is the same before, in the session and read back from the new blob.
 * *ret_rewrapped  false: it is under the newest already, ret_blob is untouched; true: the new blob was appended
 * ERR_BAD_DATA: no storage key opens it, or its check value is another one.
 */
enum err ops_tmk_rewrap(struct ops *o, struct pk11_key *srk, struct view blob, bool *ret_rewrapped,
			struct buf *ret_blob, struct check_value *ret_check, struct fail *f) MUST_CHECK;

/*
 * ops_tmk_export: TMK from its blob, out as a TMK message for the terminal of tk (R1.11). The TMK is a session object
 * for the time of the call.
 * shake  the nonces (version 2); ignored with version 1
 * iv     under a TDES TEK: 8 bytes, or empty: random from the token; otherwise empty
 * ret_message  appended, at most FORMAT_TMK_MESSAGE_MAX bytes
 */
enum err ops_tmk_export(struct ops *o, const struct ops_tk *tk, const struct ops_shake *shake, struct pk11_key *srk,
			struct view blob, struct view iv, struct buf *ret_message, struct check_value *ret_check,
			struct fail *f) MUST_CHECK;

/*
 * ops_wk_make: fresh working keys for one terminal (R1.12): PINKEY and MACKEY of the TMK's type and length, out as the
 * message for the terminal, under its TMK (formats.md, Working keys), and as a blob each under the SRK. All keys are
 * session objects for the time of the call. The form is the strongest that both sides have: a key block, else wrapped.
 *
 * tk          open, of the host; the session in which it works; its serial number and the nonces are under the MAC
 * tmk         blob of the TMK
 * forms       what the terminal takes: sum of enum wk_form
 * generation  from 1
 * ret         zero before; message and blobs are appended; wk_made_done after use
 * ret->confirm  what the terminal answers when it holds these keys: its CMAC under the MACKEY
 * Errors:  ERR_REFUSED: no form that this terminal takes and this HSM makes
 */
struct ops_wk_in {
	const struct ops_tk *tk;
	const struct ops_shake *shake;
	struct pk11_key *srk;
	struct view tmk;
	uint8_t forms;
	uint64_t generation;
};
struct ops_wk_made {
	struct buf message;
	struct buf blob[WK_KINDS];
	struct check_value check[WK_KINDS];
	uint8_t type; /* enum format_key_type */
	uint8_t length;
	uint8_t confirm[OPS_TAG_MAX];
	size_t confirm_len;
};
enum err ops_wk_make(struct ops *o, const struct ops_wk_in *in, struct ops_wk_made *ret, struct fail *f) MUST_CHECK;
void ops_wk_made_done(struct ops_wk_made *m);

/*
 * ops_wk_open: a working key from its blob as a session object, for the mechanisms of its role: a MACKEY makes and
 * verifies MACs, a PINKEY is of PIN translation (vendor way) or encrypts and decrypts (standard way). Its check value
 * is the one that the blob says. ret: borrows a session until ops_wk_close, which destroys the key.
 * ops_wk_check: opened, checked, and closed again. kind: what it must be.
 * ERR_BAD_DATA: no storage key opens it, or it is another kind, or its check value is another one.
 */
struct ops_wk {
	struct pk11_session *session;
	CK_OBJECT_HANDLE key;
};
enum err ops_wk_open(struct ops *o, struct pk11_key *srk, enum wk_kind kind, struct view blob, struct ops_wk *ret,
		     struct fail *f) MUST_CHECK;
void ops_wk_close(struct ops_wk *wk);
enum err ops_wk_check(struct ops *o, struct pk11_key *srk, enum wk_kind kind, struct view blob, struct check_value *ret,
		      struct fail *f) MUST_CHECK;
/* ops_wk_rewrap: as ops_tmk_rewrap, for a working key. */
enum err ops_wk_rewrap(struct ops *o, struct pk11_key *srk, enum wk_kind kind, struct view blob, bool *ret_rewrapped,
		       struct buf *ret_blob, struct check_value *ret_check, struct fail *f) MUST_CHECK;

/* ---- Terminal ---- */

#define OPS_PINKEY_LABEL "PINKEY"
#define OPS_MACKEY_LABEL "MACKEY"
/* ops_wk_forms: the forms that this terminal takes under a TMK of that type. */
uint8_t ops_wk_forms(const struct ops *o, uint8_t tmk_type);
/*
 * ops_wk_load: verifies a message with working keys and loads them as token objects OPS_PINKEY_LABEL and
 * OPS_MACKEY_LABEL with this id (R1.12). First as session objects: check values, then the MAC by the MACKEY; a faulty
 * message leaves no object. ERR_BAD_DATA: it is not of this handshake, or the TMK is another one.
 *
 * tmk_id       id of the TMK, of label OPS_TMK_LABEL
 * ret_confirm  what to answer: CMAC under the MACKEY, room OPS_TAG_MAX
 */
struct ops_wk_load_in {
	const struct ops_tk *tk;
	const struct ops_shake *shake;
	struct view tmk_id;
	struct view message;
	struct view id;
};
struct ops_wk_loaded {
	uint64_t generation;
	struct check_value check[WK_KINDS];
	uint8_t confirm[OPS_TAG_MAX];
	size_t confirm_len;
};
enum err ops_wk_load(struct ops *o, const struct ops_wk_load_in *in, struct ops_wk_loaded *ret,
		     struct fail *f) MUST_CHECK;

#define OPS_TK_LABEL "TK" /* of TEK and AUK both */
#define OPS_TMK_LABEL "TMK"

/* ops_pu_import: public key of a certificate (DER) as token object that may wrap only (R1.2). The caller verified it.
 */
enum err ops_pu_import(struct ops *o, struct view certificate, const char *label, struct view id,
		       struct fail *f) MUST_CHECK;

/*
 * ops_tk_generate: TEK and AUK as token objects with this id and the label OPS_TK_LABEL, and the TK packet (R1.4).
 * type, length: as in MAKE_TK; suite 1 takes TDES only. counter: above every earlier one of this terminal.
 */
struct ops_tk_in {
	struct pk11_key *pu;
	uint8_t suite;
	uint8_t handshake;
	uint8_t oaep_hash;
	uint8_t type;
	uint8_t length;
	struct view serial;
	struct view pin_pad;
	struct view cert_serial;
	uint64_t counter;
	struct view id;
};
enum err ops_tk_generate(struct ops *o, const struct ops_tk_in *in, struct buf *ret_packet, struct fail *f) MUST_CHECK;

/*
 * ops_tk_find: the terminal's own pair by id, with a borrowed session. handshake, serial: as the terminal keeps them
 * (the vendor way's keys know them too and refuse others). ret->tek_type ... come from the objects.
 */
enum err ops_tk_find(struct ops *o, struct view id, uint8_t handshake, struct view serial, struct ops_tk *ret,
		     struct fail *f) MUST_CHECK;

/*
 * ops_tmk_load: verifies a TMK message and loads the TMK as token object OPS_TMK_LABEL with this id (R1.11). A faulty
 * message makes no object. Older TMKs are the caller's: ops_destroy after this succeeded. ret: check value of what was
 * loaded.
 */
enum err ops_tmk_load(struct ops *o, const struct ops_tk *tk, const struct ops_shake *shake, struct view message,
		      struct view id, struct check_value *ret, struct fail *f) MUST_CHECK;

/* ops_destroy: all token objects of this label and id; none is no error. */
enum err ops_destroy(struct ops *o, const char *label, struct view id, struct fail *f) MUST_CHECK;

#endif
