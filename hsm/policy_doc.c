/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * policy-doc: writes docs/policy.md from the table of relaxations to standard output; with a file name: exit status 0
 * when that file holds exactly this text.
 */

#include "doc_page.h"
#include "policy.h"

static const char head[] =
    "# Policy\n\n"
    "Made from the table in `hsm/policy.c` by `policy-doc`; a test compares. What the token asks of keys with a role "
    "is\n"
    "stricter and stands in docs/roles.md; everything here is about ordinary keys.\n\n"
    "## Two profiles\n"
    "A token is `strict` until its SO relaxes it, also one that was made before there was a choice. `compatible` is "
    "no\n"
    "switch: it is the sum of the relaxations below that the SO allowed, each by its name, each with the attack that "
    "it\n"
    "opens. The choice stands in the token, proved with the token's key, and every change is in its audit trail. "
    "Other\n"
    "processes see a change at their next call.\n\n"
    "    strongroom policy --uri 'pkcs11:token=vault' show\n"
    "    strongroom policy --uri 'pkcs11:token=vault' allow raw-unwrap untrusted-wrap\n"
    "    strongroom policy --uri 'pkcs11:token=vault' forbid raw-unwrap\n"
    "    strongroom policy --uri 'pkcs11:token=vault' set strict\n\n"
    "In `strongroom.conf`, and in the variable STRONGROOM_POLICY, `policy` is `token` (the default), `strict`, or "
    "`forbid`\n"
    "and names: both only take away. A client of its own searches for the object of class CKO_SR_POLICY (`vendor.h`) "
    "and\n"
    "sets CKA_SR_POLICY in a R/W session of the SO.\n\n"
    "## PINs\n"
    "A new PIN has at least 8 letters, 6 in a token that is bound to its host. The SO may choose another number, 4 to "
    "64 (CKA_SR_PIN_MIN of the policy object, "
    "0: the\n"
    "default; `strongroom policy pin-min 10`); CK_TOKEN_INFO shows it as ulMinPinLen, the audit trail keeps it. A PIN "
    "that is\n"
    "there already still opens. C_InitToken asks for the default, because the choice goes with the token that it was "
    "made for;\n"
    "before a login nobody can check the choice, and what it takes away from the default does not count.\n\n"
    "## Two custodians\n"
    "Changes of the policy, export, trust and restoring may wait for the approvals of two custodians: "
    "docs/dual-control.md. Always, and under no policy\nwithout them, a key that services share goes from one token to "
    "another (CKM_SR_TRANSPORT_RSA, CKM_SR_TRANSPORT_AES, docs/roles.md);\nno relaxation opens that way wider, nor "
    "another "
    "one for such a key.\n\n"
    "## What a key gives up\n"
    "Wrapping and decrypting exclude each other, and so do unwrapping and encrypting: for a key, and for a pair, whose "
    "public\n"
    "half wraps and encrypts and whose private half decrypts and unwraps. Stock programs ask for all usages at once, "
    "so "
    "nothing\n"
    "is refused at creation:\n\n"
    "- A secret key, or a pair, that is made with one of two rivals has given up the other from the start.\n"
    "- One that is made with both has given up neither. Its first use decides, and the decision is in the token before "
    "the\n"
    "  result of that use leaves the module. Wrapping and unwrapping are always noted.\n"
    "- The decision belongs to the value, not to the object: it binds copies, a second import, the other half of a "
    "pair,\n"
    "  every process. It outlives the object.\n"
    "- What was given up never comes back: C_SetAttributeValue and C_CopyObject answer CKR_ATTRIBUTE_READ_ONLY, a use\n"
    "  CKR_KEY_FUNCTION_NOT_PERMITTED. CKA_SR_GIVEN_UP (`vendor.h`) tells what a key object gave up by its "
    "attributes.\n"
    "- C_Sign with a bare RSA operation (CKM_RSA_X_509) and C_DeriveKey with a private key (key agreement) count as "
    "decrypting;\n"
    "  C_Sign with a CBC-MAC, which shows an "
    "encrypted\n"
    "  block, as encrypting, and so does verifying one: a MAC of one byte is found by 256 attempts, then the next "
    "byte. So do\n"
    "  wrapping a key whose value was known by a bare cipher, wrapping one that is not sensitive under an IV of the "
    "caller,\n"
    "  and derivation from a key of a block cipher.\n"
    "- Wrapping by GCM, by CCM and in key blocks counts as unwrapping besides: who encrypts, or makes a CMAC, has the "
    "keystream\n"
    "  or the keys of the block.\n"
    "- A pair that has wrapped by CKM_RSA_AES_KEY_WRAP unwraps by no other mechanism: the fresh key alone would open "
    "the rest.\n"
    "- A key that wraps or unwraps in key blocks (CKM_SR_KEY_BLOCK) makes no MACs, derives and encrypts nothing, "
    "before "
    "or\n"
    "  after: the keys inside of a key block are CMACs of it (ANSI X9.143).\n\n"
    "Under a relaxation the choice is still noted for token objects, so that it holds when the token is strict again. "
    "Session\n"
    "keys under a relaxation leave no note. Without a login nothing can be noted: no sensitive key is wrapped then, "
    "and "
    "nothing\n"
    "is unwrapped, and no key encrypts or decrypts whose value is not there for everybody to read.\n\n"
    "## Always\n"
    "No relaxation lifts these: CKA_SENSITIVE never becomes false and CKA_EXTRACTABLE never true, not by copying "
    "either; the\n"
    "value of a sensitive key is never shown and matches no search; CKA_TRUSTED is the SO's alone and is not copied "
    "for others;\n"
    "CKA_WRAP_WITH_TRUSTED never becomes false.\n\n"
    "## Relaxations\n"
    "| name | strict refuses | it allows | attack | published |\n"
    "| --- | --- | --- | --- | --- |\n";

static const char tail[] =
    "\nWhich mechanisms a relaxation concerns stands in docs/mechanisms.md, behind the function that it lifts.\n";

int main(int argc, char **argv)
{
	BUF_AUTO b = { 0 };

	buf_printf(&b, "%s", head);
	for (size_t i = 0; policy_at(i) != NULL; i++) {
		const struct policy_row *r = policy_at(i);

		buf_printf(&b, "| %s%s | %s | %s | %s | %s |\n", r->name, r->in_strict ? " (in strict)" : "", r->strict,
			   r->allows, r->attack, r->source);
	}
	buf_printf(&b, "%s", tail);
	return doc_page(argc, argv, "policy-doc", "the table says", &b);
}
