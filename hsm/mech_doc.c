/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mech-doc: writes docs/mechanisms.md from the mechanism table to standard output; with a file name: exit status 0 when
 * that file holds exactly this text.
 */
#include "doc_page.h"
#include "key.h"
#include "mech.h"
#include "policy.h"
#include <string.h>

/* clang-format off */
static const struct {
	CK_FLAGS flag;
	const char *name;
} uses[] = {
	{ CKF_DIGEST, "digest" },
	{ CKF_SIGN, "sign" },
	{ CKF_VERIFY, "verify" },
	{ CKF_SIGN_RECOVER, "sign recover" },
	{ CKF_VERIFY_RECOVER, "verify recover" },
	{ CKF_ENCRYPT, "encrypt" },
	{ CKF_DECRYPT, "decrypt" },
	{ CKF_MESSAGE_ENCRYPT, "message encrypt" },
	{ CKF_MESSAGE_DECRYPT, "message decrypt" },
	{ CKF_GENERATE, "generate" },
	{ CKF_GENERATE_KEY_PAIR, "generate pair" },
	{ CKF_WRAP, "wrap" },
	{ CKF_UNWRAP, "unwrap" },
	{ CKF_DERIVE, "derive" },
	{ CKF_ENCAPSULATE, "encapsulate" },
	{ CKF_DECAPSULATE, "decapsulate" },
};
/* clang-format on */

static const char head[] =
    "# Mechanisms\n\n"
    "Made from the mechanism table (`hsm/mech_rows_*.c`) by `mech-doc`; a test compares. Key sizes in bytes, of key\n"
    "pairs in bits, as C_GetMechanismInfo answers them. Parameters of the vendor mechanisms: `hsm/vendor.h`. In "
    "parentheses:\n"
    "the relaxation without which a token does not do it (docs/policy.md); in brackets: notes below the table.\n\n"
    "| mechanism | number | functions | keys | sizes | parameter | source |\n"
    "| --- | --- | --- | --- | --- | --- | --- |\n";

static const char tail[] =
    "\nFor every mechanism the same gate asks, in this order: the function, CKA_ALLOWED_MECHANISMS, class, key type, "
    "size,\n"
    "the usage attribute, the role of the key, the parameter. Mechanisms marked `*` work in a single part only.\n\n"
    "Lengths. A NULL output asks for the length, a short one answers it with CKR_BUFFER_TOO_SMALL; both keep the\n"
    "operation, any other error ends it. For encryption and decryption the answer to NULL is an upper bound; a buffer "
    "of the\n"
    "real length is always enough. C_*Init with a NULL mechanism ends an active operation. A single-part call after "
    "an\n"
    "update is refused with CKR_OPERATION_ACTIVE and ends the operation; updates of a single-part mechanism are "
    "refused with\n"
    "CKR_OPERATION_NOT_INITIALIZED.\n\n"
    "Secret keys are wrapped as their value, private keys as PKCS #8 where a note says so. Unwrapped DES keys need "
    "odd\n"
    "parity.\n\n"
    "What signs or verifies does so by messages, too (C_SignMessage, C_VerifyMessage), in parts unless marked `*`; but "
    "for\n"
    "the mechanisms with vendor numbers and CKM_POLY1305, whose key is for one message.\n\n"
    "Messages. C_Message*Init holds the key until C_Message*Final, C_Message*Init without a mechanism, "
    "C_SessionCancel or\n"
    "logout. An error inside a message ends that message and not the process. While a message runs in parts, "
    "another one and\n"
    "C_Message*Final are refused with CKR_OPERATION_ACTIVE and the message goes on. The parameter of a signature at "
    "the Init\n"
    "serves every message that brings none, unless it has pointers: then each message brings its own. A wrong tag is\n"
    "CKR_AEAD_DECRYPT_FAILED (CKR_ENCRYPTED_DATA_INVALID of C_Decrypt*, CKR_WRAPPED_KEY_INVALID of C_UnwrapKey*); of "
    "a\n"
    "message in parts C_DecryptMessageNext gives nothing out before CKF_END_OF_MESSAGE. The parameter may be left out "
    "of parts\n"
    "before the last one. A key with CKA_ALWAYS_AUTHENTICATE has no messages (CKR_USER_NOT_LOGGED_IN).\n\n"
    "IVs of messages. CKG_GENERATE_COUNTER counts from 0 in the bits that are not fixed, CKG_GENERATE_COUNTER_XOR "
    "adds the\n"
    "counter to those of the first IV, CKG_GENERATE to random ones, CKG_GENERATE_RANDOM makes at least 64 random bits "
    "each\n"
    "time. When there is no further IV: CKR_DATA_LEN_RANGE. A process goes on with the generator, length and fixed "
    "bits that\n"
    "it began with, and where a counter could meet an IV of the caller's, takes one or the other\n"
    "(CKR_MECHANISM_PARAM_INVALID). Counters begin anew with each C_MessageEncryptInit: under one key, give each "
    "process fixed\n"
    "bits of its own.\n";

#define NOTES_MAX 256

/* note_number: notes are numbered as they come, one number for one text; 0: none. */
static unsigned note_number(const char *note)
{
	static const char *notes[NOTES_MAX];
	unsigned n = 0;

	if (note == NULL)
		return 0;
	while (n < NOTES_MAX - 1 && notes[n] != NULL && strcmp(notes[n], note) != 0)
		n++;
	notes[n] = note;
	return n + 1;
}

static void put_notes(struct buf *b)
{
	unsigned next = 1;

	for (size_t i = 0; i < mech_row_count(); i++) {
		const char *note = mech_row_at(i)->note;

		if (note != NULL && note_number(note) == next)
			buf_printf(b, "%s%u. %s.\n", next == 1 ? "\n" : "", next, note);
		next += note_number(note) == next;
	}
}

/* lifted_by: the relaxation without which a token does not do this (docs/policy.md); NULL: none. */
static const char *lifted_by(const struct mech_row *r, CK_FLAGS use)
{
	if (use == CKF_UNWRAP && (r->traits & MECH_SEALED) == 0)
		return policy_at(r->traits & MECH_V15 ? RELAX_V15_UNWRAP : RELAX_RAW_UNWRAP)->name;
	if (use == CKF_SIGN && (r->traits & MECH_WEAK_SIGN))
		return policy_at(RELAX_MD5_SIGN)->name;
	if (use == CKF_DERIVE && (r->traits & MECH_WEAK_DERIVE))
		return policy_at(RELAX_WEAK_DERIVE)->name;
	return NULL;
}

static void put_row(struct buf *b, const struct mech_row *r)
{
	const char *sep = "";

	buf_printf(b, "| %s%s", r->name, r->traits & MECH_NO_UPDATE ? " *" : "");
	if (r->note != NULL)
		buf_printf(b, " [%u]", note_number(r->note));
	buf_printf(b, " | %08lx | ", r->type);
	for (size_t i = 0; i < ARRAY_LEN(uses); i++) {
		if (r->flags & uses[i].flag) {
			const char *relax = lifted_by(r, uses[i].flag);

			buf_printf(b, "%s%s", sep, uses[i].name);
			if (relax != NULL)
				buf_printf(b, " (%s)", relax);
			sep = ", ";
		}
	}
	buf_printf(b, " | ");
	sep = "";
	for (size_t i = 0; i < r->keys.count; i++) {
		const struct key_kind *kind = key_kind(r->keys.types[i]);

		buf_printf(b, "%s%s", sep, kind == NULL ? "?" : kind->name);
		sep = ", ";
	}
	if (r->key_max == 0)
		buf_printf(b, " | ");
	else if (r->key_min == r->key_max)
		buf_printf(b, " | %lu", r->key_min);
	else
		buf_printf(b, " | %lu to %lu", r->key_min, r->key_max);
	buf_printf(b, " | %s | %s |\n", r->param->text, r->source);
}

int main(int argc, char **argv)
{
	BUF_AUTO b = { 0 };

	buf_printf(&b, "%s", head);
	for (size_t i = 0; i < mech_row_count(); i++)
		put_row(&b, mech_row_at(i));
	put_notes(&b);
	buf_printf(&b, "%s", tail);
	return doc_page(argc, argv, "mech-doc", "the mechanism table says", &b);
}
