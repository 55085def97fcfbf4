/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HOST_OPS_OWN_H
#define HOST_OPS_OWN_H

#include "ops.h"

/* Inside of ops*.c only: rows, what they take, and the steps that compositions are made of. */

typedef enum err (*ops_fn)(struct ops *o, struct pk11_session *s, void *arg, struct fail *f);

#define OPS_NEEDS_MAX 4
struct ops_need {
	CK_MECHANISM_TYPE type;
	const char *name;
};
#define OPS_NEED(mechanism)                                                                                            \
	{                                                                                                              \
		mechanism, #mechanism                                                                                  \
	}

struct ops_row {
	enum ops_kind kind;
	enum ops_way way;
	ops_fn run;
	struct ops_need needs[OPS_NEEDS_MAX]; /* all of them, or the row is not taken; ends with a NULL name */
	/*
	 * Relaxations of a strongroom token (docs/policy.md) without which the row cannot run, names separated by
	 * blanks; NULL: none. relax_tdes: those that it needs besides when TDES keys are carried.
	 */
	const char *relax;
	const char *relax_tdes;
	const char *how; /* for docs/operations.md */
};
extern const struct ops_row ops_vendor_rows[OPS_COUNT];
extern const struct ops_row ops_standard_rows[OPS_COUNT];

/* What the rows of each operation take. Outputs are written on success only. */
struct ops_rewrap_arg { /* OPS_REWRAP */
	const struct ops_rewrap_in *in;
	const struct tk_packet *packet;
	struct buf *record;
};
struct ops_open_arg { /* OPS_TK_OPEN */
	const struct ops_record_keys *keys;
	struct view bytes;
	const struct tk_record *record;
	bool extractable; /* the standard way's keys, for their fingerprints */
	CK_OBJECT_HANDLE tek, auk;
};
struct ops_generate_arg { /* OPS_TMK_GENERATE, OPS_SRK_GENERATE, OPS_PR_GENERATE */
	struct pk11_key *srk;
	uint8_t type, length;
	unsigned bits;
	const char *label;
	struct view id;
	struct buf *out; /* blob or SubjectPublicKeyInfo */
	struct check_value check;
};
struct tmk_blob {
	struct key_attrs attrs;
	struct check_value check;
	struct view wrapped; /* under SRK, AES key wrap */
};
struct ops_export_arg { /* OPS_TMK_EXPORT; tk NULL: only unwraps and checks the blob */
	const struct ops_tk *tk;
	const struct ops_shake *shake;
	struct pk11_key *srk;
	const struct tmk_blob *blob;
	struct view iv;
	struct buf *message;
};
struct ops_again_arg { /* OPS_TMK_REWRAP */
	struct pk11_key *srk;
	const struct tmk_blob *blob;
	bool rewrapped;
	struct buf *out;
};
struct ops_prove_arg { /* OPS_PROVE; only version 2 depends on the way */
	const struct ops_tk *tk;
	struct view transcript;
	bool check; /* verify tag instead of making it */
	struct view tag;
	uint8_t made[OPS_TAG_MAX];
	size_t made_len;
};
struct ops_check_arg { /* OPS_CHECK_VALUE: by key or, if NULL, by handle */
	struct pk11_key *key;
	CK_OBJECT_HANDLE handle;
	struct check_value value;
};
struct ops_fingerprint_arg { /* OPS_FINGERPRINT: of a handle, or of the TMK of a blob */
	struct pk11_key *fpk;
	CK_OBJECT_HANDLE handle;
	struct pk11_key *srk;
	const struct tmk_blob *blob;
	uint8_t made[OPS_FINGERPRINT_LEN];
};
struct ops_tk_arg { /* OPS_TK_GENERATE */
	const struct ops_tk_in *in;
	struct buf *packet;
};
struct ops_find_arg { /* OPS_TK_FIND */
	struct view id;
	CK_OBJECT_HANDLE tek, auk;
};
struct ops_load_arg { /* OPS_TMK_LOAD */
	const struct ops_tk *tk;
	const struct ops_shake *shake;
	struct view bytes;
	const struct tmk_message *message;
	struct view id;
};

struct ops_wk_make_arg { /* OPS_WK_MAKE */
	const struct ops_wk_in *in;
	const struct tmk_blob *tmk;
	struct ops_wk_made *made;
};
struct ops_wk_open_arg { /* OPS_WK_OPEN */
	struct pk11_key *srk;
	const struct wk_blob *blob;
	CK_OBJECT_HANDLE key;
};
struct ops_wk_again_arg { /* OPS_WK_REWRAP */
	struct pk11_key *srk;
	const struct wk_blob *blob;
	bool rewrapped;
	struct buf *out;
};
struct ops_wk_load_arg { /* OPS_WK_LOAD */
	const struct ops_wk_load_in *in;
	const struct wk_message *message;
	struct ops_wk_loaded *loaded;
};

/* ops_run: the chosen row, in a session of the pool (s NULL) or in the session that a TK holds. */
enum err ops_run(struct ops *o, enum ops_kind kind, struct pk11_session *s, void *arg, struct fail *f) MUST_CHECK;
/* ops_is_standard: the way chosen for an operation. */
bool ops_is_standard(const struct ops *o, enum ops_kind kind);
enum err ops_take(struct buf *ret, const struct buf *made, struct fail *f) MUST_CHECK;
/* ops_row_of: the row that ops_open chose; NULL: it was not asked for. */
const struct ops_row *ops_row_of(const struct ops *o, enum ops_kind kind);
/* ops_check_value_of: OPS_CHECK_VALUE of a handle, by the way chosen. */
enum err ops_check_value_of(struct ops *o, struct pk11_session *s, CK_OBJECT_HANDLE key, struct check_value *ret,
			    struct fail *f) MUST_CHECK;
bool check_value_equal(const struct check_value *a, const struct check_value *b) MUST_CHECK;
/* ops_transcript: TRANSCRIPT_TMK of a tk's handshake version 2. */
void ops_transcript(const struct ops_tk *tk, const struct ops_shake *shake, const struct tmk_message *m,
		    struct buf *out);
/* ops_tek_carries: formats.md, TMK message: may this TEK carry a key of that type and length? */
bool ops_tek_carries(const struct ops_tk *tk, const struct key_attrs *attrs) MUST_CHECK;

/* tmk_blob: formats.md, TMK blob. */
void tmk_blob_put(struct buf *b, const struct tmk_blob *blob);
bool tmk_blob_parse(struct view v, struct tmk_blob *ret) MUST_CHECK;

/* A PKCS#11 template under construction. More than it has room for is a mistake in this program: abort. */
struct template
{
	CK_ATTRIBUTE a[24];
	CK_ULONG n;
	CK_ULONG number[6];
	size_t numbers;
};
void template_bool(struct template *t, CK_ATTRIBUTE_TYPE type, bool value);
void template_number(struct template *t, CK_ATTRIBUTE_TYPE type, CK_ULONG value);
void template_bytes(struct template *t, CK_ATTRIBUTE_TYPE type, struct view v);
/* template_secret: class and type of a secret key, as a session or token object; AES: the length where it is generated.
 */
void template_secret(struct template *t, uint8_t type, uint8_t length, bool token, bool generated);

/* Steps. rv of the failed call stands in f->rv. */
CK_KEY_TYPE step_key_type(uint8_t type, uint8_t length);
CK_MECHANISM_TYPE step_cmac(uint8_t type);
/* step_key_kind: length 0 where the token does not tell it (SoftHSM, after C_UnwrapKey). */
enum err step_key_kind(struct pk11_session *s, CK_OBJECT_HANDLE key, uint8_t *ret_type, uint8_t *ret_length,
		       struct fail *f) MUST_CHECK;
enum err step_random(struct pk11_session *s, uint8_t *ret, size_t n, struct fail *f) MUST_CHECK;
enum err step_sign(struct pk11_session *s, CK_MECHANISM *m, CK_OBJECT_HANDLE key, struct view data, uint8_t *ret,
		   size_t room, size_t *ret_len, struct fail *f) MUST_CHECK;
enum err step_verify(struct pk11_session *s, CK_MECHANISM *m, CK_OBJECT_HANDLE key, struct view data, struct view mac,
		     struct fail *f) MUST_CHECK;
enum err step_ecb(struct pk11_session *s, CK_OBJECT_HANDLE key, uint8_t type, const uint8_t *in, uint8_t *ret,
		  size_t *ret_len, struct fail *f) MUST_CHECK;
enum err step_wrap(struct pk11_session *s, CK_MECHANISM *m, CK_OBJECT_HANDLE wrapping, CK_OBJECT_HANDLE key,
		   uint8_t *ret, size_t room, size_t *ret_len, struct fail *f) MUST_CHECK;
/* step_unwrap: every way in which a token refuses the ciphertext itself is ERR_BAD_DATA. */
enum err step_unwrap(struct pk11_session *s, CK_MECHANISM *m, CK_OBJECT_HANDLE unwrapping, struct view wrapped,
		     struct template *t, CK_OBJECT_HANDLE *ret, struct fail *f) MUST_CHECK;
enum err step_generate(struct pk11_session *s, CK_MECHANISM *m, struct template *t, CK_OBJECT_HANDLE *ret,
		       struct fail *f) MUST_CHECK;
/* step_destroy: *key becomes CK_INVALID_HANDLE; an invalid one is left alone. */
void step_destroy(struct pk11_session *s, CK_OBJECT_HANDLE *key);
/* step_key_mechanism: how a key goes under another one of that type: AES key wrap, or DES3-CBC with iv (8 bytes). */
CK_MECHANISM step_key_mechanism(uint8_t wrapper_type, struct view iv);
/* step_wrapped_length: bytes of a key of that length under such a wrapper. */
size_t step_wrapped_length(uint8_t wrapper_type, size_t length);
/* step_oaep: hash of formats.md; params must outlive the mechanism. */
bool step_oaep(uint8_t hash, CK_RSA_PKCS_OAEP_PARAMS *params, CK_MECHANISM *ret) MUST_CHECK;
CK_MECHANISM step_generation(uint8_t type, uint8_t length);
/* step_iv: given, or random into room; empty unless wrapper_type is TDES. ERR_USAGE: given where there is none. */
enum err step_iv(struct pk11_session *s, uint8_t wrapper_type, struct view given, uint8_t room[FORMAT_IV],
		 struct view *ret, struct fail *f) MUST_CHECK;
/* step_blob_unwrap: TMK as a session object with what the template says; checked against the blob's check value. */
enum err step_blob_unwrap(struct ops *o, struct pk11_session *s, struct pk11_key *srk, const struct tmk_blob *blob,
			  struct template *t, CK_OBJECT_HANDLE *ret, struct fail *f) MUST_CHECK;
/* step_blob_rewrap: OPS_TMK_REWRAP, the TMK by the template. */
enum err step_blob_rewrap(struct ops *o, struct pk11_session *s, struct ops_again_arg *in, struct template *t,
			  struct fail *f) MUST_CHECK;
/* step_blob_make: generates a TMK by the template, wraps it under the SRK. */
enum err step_blob_make(struct ops *o, struct pk11_session *s, struct ops_generate_arg *in, struct template *t,
			struct fail *f) MUST_CHECK;
/*
 * What the two ways of working keys differ in; all else is ops_wk.c's.
 * generate     a session key that may leave, of that kind
 * tmk          template of a TMK that wraps working keys, of the KMS
 * wrap         under a TMK (of the host) or an SRK in a form; the IV, random, stands in *attrs (room: iv) where bare
 * unwrap       what a wrapped key becomes is in the template: id and label, in the token or not
 */
struct wk_wrapper {
	CK_OBJECT_HANDLE key;
	uint8_t type; /* enum format_key_type */
	bool storage; /* an SRK */
};
struct wk_way {
	uint8_t storage_form; /* enum wk_form under the SRK */
	uint8_t forms;        /* under TMKs: sum of enum wk_form */
	bool bare;            /* may the wrapped form be under a TDES TMK? */
	enum err (*generate)(struct pk11_session *s, enum wk_kind kind, uint8_t type, uint8_t length,
			     CK_OBJECT_HANDLE *ret, struct fail *f);
	void (*tmk)(struct template *t, uint8_t type, uint8_t length);
	enum err (*wrap)(struct pk11_session *s, const struct wk_wrapper *w, uint8_t form, const struct key_attrs *a,
			 CK_OBJECT_HANDLE key, uint8_t ret[WK_WRAPPED_MAX], size_t *ret_len, struct fail *f);
	enum err (*unwrap)(struct pk11_session *s, const struct wk_wrapper *w, uint8_t form, const struct wk_key *k,
			   struct template *t, CK_OBJECT_HANDLE *ret, struct fail *f);
};
extern const struct wk_way wk_vendor, wk_standard;
enum err wk_make(struct ops *o, struct pk11_session *s, struct ops_wk_make_arg *in, const struct wk_way *way,
		 struct fail *f) MUST_CHECK;
enum err wk_open(struct ops *o, struct pk11_session *s, struct ops_wk_open_arg *in, const struct wk_way *way,
		 struct fail *f) MUST_CHECK;
enum err wk_rewrap(struct ops *o, struct pk11_session *s, struct ops_wk_again_arg *in, const struct wk_way *way,
		   struct fail *f) MUST_CHECK;
enum err wk_load(struct ops *o, struct pk11_session *s, const struct ops_wk_load_arg *in, const struct wk_way *way,
		 struct fail *f) MUST_CHECK;
/* wk_wrap_mechanism: of the form WK_FORM_WRAP; iv: 8 bytes under a TDES wrapper. */
CK_MECHANISM wk_wrap_mechanism(struct pk11_session *s, const struct wk_wrapper *w, const struct key_attrs *a);

/* step_pair_generate: RSA pair; pub and priv come with what is special to the way. */
enum err step_pair_generate(struct pk11_session *s, const struct ops_generate_arg *in, struct template *pub,
			    struct template *priv, struct fail *f) MUST_CHECK;

#endif
