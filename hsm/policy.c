/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy.h"

#include <string.h>

#include "dual.h"

/* The relaxations. Texts are for docs/policy.md. */
#define CLULOW "Clulow, On the Security of PKCS #11 (CHES 2003)"
#define DKS "Delaune, Kremer, Steel, Formal Analysis of PKCS#11 (CSF 2008; JCS 2010)"
#define TOOKAN "Bortolozzo, Centenaro, Focardi, Steel, Attacking and Fixing PKCS#11 Security Tokens (CCS 2010)"
#define SP800_57 "NIST SP 800-57 part 1 revision 5"

static const struct policy_row rows[] = {
	[RELAX_WRAP_AND_DECRYPT] = { RELAX_WRAP_AND_DECRYPT, "wrap-and-decrypt",
				     "A key, or a pair, that decrypts or may ever decrypt wraps a sensitive key. What "
				     "comes first decides for good.",
				     "Wrapping sensitive keys with a key that decrypts, and decrypting with one that "
				     "has wrapped.",
				     "Wrap a key, decrypt the result: the value is in the clear.",
				     CLULOW "; " DKS "; " TOOKAN, false },
	[RELAX_UNWRAP_AND_ENCRYPT] = { RELAX_UNWRAP_AND_ENCRYPT, "unwrap-and-encrypt",
				       "A key, or a pair, that encrypts unwraps, or wraps a sensitive key by GCM or "
				       "CCM. What "
				       "comes first decides for good.",
				       "Unwrapping with a key that encrypts, and encrypting with one that has "
				       "unwrapped.",
				       "Encrypt a value of one's own, unwrap the result: the token holds a key whose "
				       "value is known, as if it had "
				       "come from a trusted place. Encrypt the counter blocks of GCM or CCM: the "
				       "wrapped key is in the clear.",
				       DKS "; " TOOKAN, false },
	[RELAX_RAW_UNWRAP] = { RELAX_RAW_UNWRAP, "raw-unwrap",
			       "Unwrapping by a bare cipher (ECB, CBC, CBC_PAD, CTR, CTS, OFB, CFB, RSA X.509): "
			       "CKF_UNWRAP is not listed.",
			       "C_UnwrapKey by these mechanisms.",
			       "Any bytes unwrap into a key (key conjuring); halves of keys wrapped in ECB are "
			       "exchanged, until one of 56 "
			       "bits stands alone and is found by search; CBC_PAD answers whether padding was right.",
			       CLULOW "; Cortier, Delaune, Steel, A Formal Theory of Key Conjuring (CSF "
				      "2007); Bardou et al., "
				      "Efficient Padding Oracle Attacks on Cryptographic Hardware (CRYPTO 2012)",
			       false },
	[RELAX_V15_UNWRAP] = { RELAX_V15_UNWRAP, "v15-unwrap",
			       "Unwrapping by RSA with PKCS #1 v1.5 padding: CKF_UNWRAP is not listed, "
			       "CKR_MECHANISM_INVALID.",
			       "C_UnwrapKey by CKM_RSA_PKCS.",
			       "Each attempt tells whether the padding was right; some ten thousand of them decrypt a "
			       "wrapped key.",
			       "Bleichenbacher (CRYPTO 1998); Bardou et al., Efficient Padding Oracle Attacks on "
			       "Cryptographic Hardware "
			       "(CRYPTO 2012)",
			       false },
	[RELAX_CHOSEN_IV_WRAP] = { RELAX_CHOSEN_IV_WRAP, "chosen-iv-wrap",
				   "Wrapping a sensitive key by GCM, CCM, ChaCha20-Poly1305 or a stream mode under an "
				   "IV that the caller gives.",
				   "Such IVs.",
				   "Two keys wrapped, or a key wrapped and a known text encrypted, under one IV: their "
				   "XOR is the XOR of the "
				   "plaintexts; with GCM the authentication key falls too.",
				   "Joux, Authentication Failures in NIST version of GCM (2006); NIST SP 800-38D, 8",
				   false },
	[RELAX_UNTRUSTED_WRAP] = { RELAX_UNTRUSTED_WRAP, "untrusted-wrap",
				   "A key that was not generated in this token and stayed unreadable there wraps a "
				   "sensitive key, unless it has "
				   "CKA_TRUSTED. The same for the public half of a readable private key.",
				   "Wrapping with keys that were created with a value, unwrapped or derived.",
				   "Bring in a key whose value is known, wrap with it, decrypt outside.",
				   CLULOW "; " DKS "; " TOOKAN, false },
	[RELAX_WEAK_WRAP] = { RELAX_WEAK_WRAP, "weak-wrap",
			      "A key of less than 112 bits of strength (DES, double-length 3DES, RSA below 2048 bits) "
			      "wraps a sensitive "
			      "key.",
			      "Wrapping with these.", "Wrap with DES, search 2^56 keys outside.",
			      CLULOW "; " SP800_57 ", 5.6.1", false },
	[RELAX_STRONGER_CARGO] = { RELAX_STRONGER_CARGO, "stronger-cargo",
				   "A symmetric key wraps a sensitive key of more strength than its own.",
				   "A stronger key under a weaker one.", "Break the weaker one outside.",
				   CLULOW "; " SP800_57 ", 5.6.2", false },
	[RELAX_TRANSPORT] = { RELAX_TRANSPORT, "transport-stronger-cargo",
			      "Nothing: a symmetric key may travel under RSA from 2048 bits and under EC from P-224, "
			      "whatever its strength. "
			      "Without this relaxation, which strict has, the RSA or EC key must be as strong as what "
			      "it carries.",
			      "An AES-256 key under RSA-2048.", "Break the RSA key outside.", SP800_57 ", 5.6.2",
			      true },
	[RELAX_UNWRAP_READABLE] = { RELAX_UNWRAP_READABLE, "unwrap-readable",
				    "An unwrapped key with CKA_SENSITIVE false.",
				    "Templates of C_UnwrapKey that say so.",
				    "Wrap a sensitive key, unwrap it again with weaker attributes, read its value.",
				    CLULOW "; " TOOKAN, false },
	[RELAX_DERIVE_READABLE] = { RELAX_DERIVE_READABLE, "derive-readable",
				    "A derived key that is not sensitive though its base is, or extractable though its "
				    "base is not.",
				    "Templates of C_DeriveKey that say so, as those of pkcs11-tool --derive do.",
				    "Derive a key that is close to its base, or the base of others, and read it.",
				    CLULOW, false },
	[RELAX_WEAK_DERIVE] = { RELAX_WEAK_DERIVE, "weak-derive",
				"Derivations from a sensitive key that cut it into pieces or mix it with data of the "
				"caller (CONCATENATE_BASE_AND_KEY, CONCATENATE_BASE_AND_DATA, "
				"CONCATENATE_DATA_AND_BASE, "
				"XOR_BASE_AND_DATA, EXTRACT_KEY_FROM_KEY) or show bytes of what other derivations make "
				"a key (HKDF_DATA, TLS12_KEY_AND_MAC_DERIVE); keys of less than 112 bits out of it by "
				"any derivation; and derivations from a sensitive key that encrypts or makes MACs: "
				"what "
				"it does first decides for good, and CKA_DERIVE is not gained later.",
				"These derivations.",
				"Take a key of a few bits out of a long one, find it by search, take the next bits; "
				"derive related keys; or make the derived key oneself, by C_Encrypt or C_Sign.",
				CLULOW, false },
	[RELAX_TEXTBOOK_WRAP] = { RELAX_TEXTBOOK_WRAP, "textbook-wrap", "CKM_RSA_X_509 wraps a sensitive key.",
				  "This mechanism for C_WrapKey.",
				  "A short number under textbook RSA is found by a meet in the middle, or as a plain "
				  "root when e is 3.",
				  "Boneh, Joux, Nguyen, Why Textbook ElGamal and RSA Encryption Are Insecure "
				  "(ASIACRYPT 2000)",
				  false },
	[RELAX_WRAP_ITSELF] = { RELAX_WRAP_ITSELF, "wrap-itself",
				"A key wraps a key of the same value, or a pair its own private key.",
				"Key cycles of length one.",
				"Re-imports of a wrapping key with other usages; encryption under a key of the key "
				"itself is not covered by "
				"proofs.",
				DKS, false },
	[RELAX_SHORT_RSA] = { RELAX_SHORT_RSA, "short-rsa", "Generation of RSA pairs below 2048 bits.",
			      "From 1024 bits.", "Factoring.",
			      SP800_57 ", 5.6.1; NIST SP "
				       "800-131A revision 2",
			      false },
	[RELAX_MD5_SIGN] = { RELAX_MD5_SIGN, "md5-sign", "Signatures with MD5; verifying is allowed.",
			     "CKF_SIGN of these mechanisms.", "Two documents with one signature.",
			     "Stevens, Lenstra, de Weger (EUROCRYPT 2007); RFC 6151", false },
};
_Static_assert(ARRAY_LEN(rows) == RELAX_COUNT, "a row per relaxation");

const struct policy_row *policy_at(size_t i)
{
	return i < ARRAY_LEN(rows) ? &rows[i] : NULL;
}

uint64_t policy_strict(void)
{
	uint64_t bits = 0;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		bits |= rows[i].in_strict ? RELAX_BIT(i) : 0;
	return bits;
}

uint64_t policy_all(void)
{
	return RELAX_BIT(RELAX_COUNT) - 1;
}

static bool name_bit(struct view word, uint64_t *bits)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (view_equal(word, view_of_string(rows[i].name))) {
			*bits |= RELAX_BIT(i);
			return true;
		}
	}
	return false;
}

bool policy_parse(struct view text, uint64_t *ret)
{
	uint64_t bits = 0;

	if (view_equal(text, VIEW_STR("strict"))) {
		*ret = policy_strict();
		return true;
	}
	while (text.n > 0) {
		const uint8_t *end = memchr(text.p, ' ', text.n);
		size_t n = end != NULL ? (size_t)(end - text.p) : text.n;

		if (n > 0 && !name_bit(VIEW(text.p, n), &bits))
			return false;
		n += end != NULL;
		text = VIEW(text.p + n, text.n - n);
	}
	*ret = bits;
	return true;
}

void policy_text(uint64_t bits, struct buf *out)
{
	const char *space = "";

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (bits & RELAX_BIT(i)) {
			buf_printf(out, "%s%s", space, rows[i].name);
			space = " ";
		}
	}
}

void policy_describe(const struct policy *p, struct buf *out)
{
	BUF_AUTO dual = { 0 };

	policy_text(p->relaxed, out);
	dual_text(p->dual, &dual);
	for (size_t i = 0; i < dual.len; i++)
		if (dual.p[i] == ' ')
			dual.p[i] = ',';
	buf_printf(out, "%sdual=%.*s", p->relaxed != 0 ? " " : "", (int)(dual.len > 0 ? dual.len : 4),
		   dual.len > 0 ? (const char *)dual.p : "none");
	if (p->pin_min > 0)
		buf_printf(out, " pin-min=%u", p->pin_min);
	else
		buf_printf(out, " pin-min=default");
}

/* described_dual, described_pin: what stands behind `dual=` and `pin-min=`. */
static bool described_dual(struct view value, uint32_t *ret)
{
	char text[64];

	if (value.n == 0 || value.n >= sizeof(text))
		return false;
	for (size_t i = 0; i < value.n; i++)
		text[i] = value.p[i] == ',' ? ' ' : (char)value.p[i];
	*ret = 0;
	return view_equal(value, VIEW_STR("none")) || dual_parse(VIEW(text, value.n), ret);
}

static bool described_pin(struct view value, uint8_t *ret)
{
	unsigned n = 0;

	*ret = 0;
	if (view_equal(value, VIEW_STR("default")))
		return true;
	for (size_t i = 0; i < value.n; i++) {
		if (value.p[i] < '0' || value.p[i] > '9' || i >= 2)
			return false;
		n = n * 10 + (value.p[i] - '0');
	}
	*ret = (uint8_t)n;
	return n >= POLICY_PIN_LEAST && n <= POLICY_PIN_MOST;
}

static bool begins(struct view word, struct view with)
{
	return word.n >= with.n && view_equal(VIEW(word.p, with.n), with);
}

bool policy_described(struct view text, struct policy *ret)
{
	const struct view dual = VIEW_STR("dual="), pin = VIEW_STR("pin-min=");
	struct policy p = { 0 };

	while (text.n > 0) {
		const uint8_t *end = memchr(text.p, ' ', text.n);
		struct view word = VIEW(text.p, end != NULL ? (size_t)(end - text.p) : text.n);
		bool good = true;

		if (begins(word, dual))
			good = described_dual(VIEW(word.p + dual.n, word.n - dual.n), &p.dual);
		else if (begins(word, pin))
			good = described_pin(VIEW(word.p + pin.n, word.n - pin.n), &p.pin_min);
		else if (word.n > 0)
			good = name_bit(word, &p.relaxed);
		if (!good)
			return false;
		text = VIEW(text.p + word.n + (end != NULL), text.n - word.n - (end != NULL));
	}
	*ret = p;
	return true;
}
