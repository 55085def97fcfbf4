/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * role-doc: writes docs/roles.md from the role tables to standard output; with a file name: exit status 0 when that
 * file holds exactly this text.
 */
#include "doc_page.h"
#include "key_block_use.h"
#include "mech.h"
#include "role.h"

struct flag_name {
	CK_FLAGS flag;
	const char *name;
};

static const struct flag_name births[] = {
	{ ROLE_BORN_COMPONENT, "entered by a custodian" },
	{ ROLE_BORN_COMBINED, "CKM_SR_COMPONENT_COMBINE" },
	{ ROLE_BORN_GENERATED, "generated with CKA_SR_ROLE" },
	{ ROLE_BORN_TK, "CKM_SR_TK_GENERATE, CKM_SR_TK_OPEN" },
	{ ROLE_BORN_UNWRAPPED, "unwrapped" },
	{ ROLE_BORN_LOADED, "CKM_SR_TMK_LOAD" },
	{ ROLE_BORN_DERIVED, "derived with CKA_SR_ROLE" },
	{ ROLE_BORN_TRANSPORTED, "transported" },
};

static const struct flag_name uses[] = {
	{ CKF_ENCRYPT, "encrypt" }, { CKF_DECRYPT, "decrypt" }, { CKF_SIGN, "sign" },     { CKF_VERIFY, "verify" },
	{ CKF_WRAP, "wrap" },       { CKF_UNWRAP, "unwrap" },   { CKF_DERIVE, "derive" },
};

static const char head[] =
    "# Roles\n\n"
    "Made from the tables of `hsm/role_table.c` by `role-doc`; a test compares. A key with a role (CKA_SR_ROLE) is "
    "private,\n"
    "sensitive, not copyable and not modifiable; its CKA_<usage> and CKA_ALLOWED_MECHANISMS are the sum of its rows\n"
    "below, and what has no row is refused. A template may ask for less, never for more; for components and combined\n"
    "keys the table wins over the booleans, and only CKA_EXTRACTABLE true is refused.\n\n"
    "| role | number | class | keys, bytes (RSA: bits) | extractable | comes into being | ends | generations |\n"
    "| --- | --- | --- | --- | --- | --- | --- | --- |\n";
static const char middle[] =
    "\nToken keys of a role with generations, of one label, are numbered from 1 as they come (CKA_SR_GENERATION). The "
    "SO\n"
    "retires an old one (SR_RetireKey, CKA_SR_RETIRED; for good): it unwraps, verifies, opens records and shows its "
    "check\n"
    "value, and wraps, encrypts, signs, rewraps and derives no more. Services make with the newest that is not "
    "retired\n"
    "and open with the one that fits. A token key that came in under another one, or was derived from it, names it\n"
    "(CKA_SR_PARENT).\n"
    "\n## Who may do what\n\n"
    "`-`: named in the parameter of the mechanism, or wrapped by it; nothing more. An AUK of handshake version 1\n"
    "encrypts one block an operation.\n\n"
    "| role | mechanism | function | side | handshake |\n"
    "| --- | --- | --- | --- | --- |\n";
static const char last[] =
    "\n## Who carries whom\n\n"
    "A key with a role leaves and enters only by these rows, whatever its CKA_EXTRACTABLE says; an unwrapped key gets\n"
    "the role of the row; in a key block the header says which of them (`hsm/vendor.h`). A key loaded into a\n"
    "terminal, or carried by such a key, or combined from components, is never extractable. Under CKM_SR_TK_REWRAP Pr "
    "itself does "
    "not\n"
    "leave: it opens the packet of the parameter, whose keys leave under PK.\n\n"
    "Keys that services share leave by CKM_SR_TRANSPORT_RSA and CKM_SR_TRANSPORT_AES, out and in with the approvals "
    "of two\ncustodians, and are never extractable where they arrive. The wrapper KTR is the receiver's: on the way "
    "out its "
    "public\nhalf, or any RSA key that two custodians have approved (docs/ceremony.md, docs/other-hsms.md).\n\n"
    "| wrapper | mechanism | cargo |\n"
    "| --- | --- | --- |\n";

static const char derives[] = "\n## Who derives whom\n\n"
			      "By C_DeriveKey, with the new role as CKA_SR_ROLE in the template.\n\n"
			      "| base | mechanism | result |\n"
			      "| --- | --- | --- |\n";

static const char blocks[] =
    "\n## Key blocks\n\n"
    "What the header of a key block makes of a key (CKM_SR_KEY_BLOCK; usages and modes of ANSI X9.143, two digits are\n"
    "ours). Under a protection key with a role: the role, where the matrix has that wrapper and cargo, else refused.\n"
    "Under an ordinary one: the usages that the mode names (B both ways, E encrypt or wrap, D decrypt or unwrap, C "
    "sign\n"
    "and verify, G sign, V verify, X derive, N all of the kind) with these mechanisms. `-`: refused.\n\n"
    "| usage | algorithms | modes | role | ordinary key |\n"
    "| --- | --- | --- | --- | --- |\n";

static void put_flags(struct buf *b, const struct flag_name *names, size_t n, CK_FLAGS flags)
{
	const char *sep = "";

	for (size_t i = 0; i < n; i++) {
		if (flags & names[i].flag) {
			buf_printf(b, "%s%s", sep, names[i].name);
			sep = ", ";
		}
	}
	if (flags == 0)
		buf_printf(b, "-");
}

static const char *type_name(CK_KEY_TYPE type)
{
	switch (type) {
	case CKK_RSA:
		return "RSA";
	case CKK_AES:
		return "AES";
	case CKK_DES:
		return "DES";
	case CKK_DES2:
		return "DES2";
	default:
		return "DES3";
	}
}

static void put_role(struct buf *b, const struct role_row *r)
{
	const char *sep = "";

	buf_printf(b, "| %s | %lu | %s | ", r->name, r->role, r->class == CKO_PRIVATE_KEY ? "private" : "secret");
	for (size_t i = 0; i < ROLE_LENGTHS && r->keys[i].max; i++) {
		buf_printf(b, "%s%s %lu", sep, type_name(r->keys[i].type), r->keys[i].min);
		if (r->keys[i].min != r->keys[i].max)
			buf_printf(b, " to %lu", r->keys[i].max);
		sep = ", ";
	}
	buf_printf(b, " | %s | ", r->extractable ? "yes" : "no");
	put_flags(b, births, ARRAY_LEN(births), r->births);
	if (r->not_beside)
		buf_printf(b, ", not in a token that holds %s", role_find(r->not_beside)->name);
	buf_printf(b, " | %s | %s |\n", r->stays ? "with the token, or retired and destroyed" : "destroyed",
		   r->generations ? "yes" : "no");
}

static void put_use(struct buf *b, const struct role_use *u)
{
	static const char *const sides[] = { "any", "terminal", "host" };
	static const char *const versions[] = { "any", "1", "2" };

	buf_printf(b, "| %s | %s | ", role_find(u->role)->name, mech_find(u->mechanism)->name);
	put_flags(b, uses, ARRAY_LEN(uses), u->use);
	buf_printf(b, " | %s | %s |\n", sides[u->side], versions[u->handshake]);
}

static void put_block(struct buf *b, const struct key_block_use *u)
{
	const char *sep = "";

	buf_printf(b, "| %s | %s | ", u->usage, u->algorithms);
	key_block_modes(u, b);
	buf_printf(b, " | %s | ", u->role ? role_find(u->role)->name : "-");
	for (size_t i = 0; i < u->mechanism_count; i++) {
		buf_printf(b, "%s%s", sep, mech_find(u->mechanisms[i])->name);
		sep = ", ";
	}
	buf_printf(b, "%s |\n", !u->ordinary ? "-" : u->mechanisms == NULL ? "all of its usages" : "");
}

int main(int argc, char **argv)
{
	const struct role_carry *c;
	const struct role_derive *d;
	BUF_AUTO b = { 0 };

	buf_printf(&b, "%s", head);
	for (size_t i = 0; role_at(i); i++)
		put_role(&b, role_at(i));
	buf_printf(&b, "%s", middle);
	for (size_t i = 0; role_use_at(i); i++)
		put_use(&b, role_use_at(i));
	buf_printf(&b, "%s", last);
	for (size_t i = 0; (c = role_carry_at(i)) != NULL; i++)
		buf_printf(&b, "| %s | %s | %s |\n", role_find(c->wrapper)->name, mech_find(c->mechanism)->name,
			   role_find(c->cargo)->name);
	buf_printf(&b, "%s", derives);
	for (size_t i = 0; (d = role_derive_at(i)) != NULL; i++)
		buf_printf(&b, "| %s | %s | %s |\n", role_find(d->base)->name, mech_find(d->mechanism)->name,
			   role_find(d->result)->name);
	buf_printf(&b, "%s", blocks);
	for (size_t i = 0; key_block_use_at(i); i++)
		put_block(&b, key_block_use_at(i));
	return doc_page(argc, argv, "role-doc", "the role tables say", &b);
}
