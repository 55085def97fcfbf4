/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * attr-doc: writes docs/attributes.md from the attribute rows to standard output; with a file name: exit status 0 when
 * that file holds exactly this text.
 */
#include "doc_page.h"
#include "key.h"
#include "object_attr.h"

static const char head[] =
    "# Attributes\n\n"
    "Made from the rows of `hsm/object_attr.c` by `attr-doc`; a test compares. What has no row here no object has:\n"
    "CKR_ATTRIBUTE_TYPE_INVALID. Attributes of the vendor (CKA_SR_*) are in `docs/roles.md` and `hsm/vendor.h`.\n\n"
    "- *given to*: `create` C_CreateObject (in bold: it must be), `generate` C_GenerateKey and C_GenerateKeyPair,\n"
    "  `unwrap` C_UnwrapKey, C_DeriveKey, C_EncapsulateKey and C_DecapsulateKey. `-`: by nobody, the module sets it\n"
    "  (CKR_ATTRIBUTE_READ_ONLY).\n"
    "- *changed by*: `set` C_SetAttributeValue, and C_CopyObject for the copy; `copy` C_CopyObject alone; with the\n"
    "  direction where there is but one. `SO`: CK_TRUE only by the SO.\n"
    "- *default*: of objects whose maker did not say; `-`: none; *from the value*: the module works it out, and a "
    "value\n"
    "  that was given must be right (CKR_ATTRIBUTE_VALUE_INVALID).\n"
    "- *sealed* attributes are shown only when the key is neither sensitive nor kept from leaving\n"
    "  (CKR_ATTRIBUTE_SENSITIVE), and match no search.\n\n"
    "What PKCS#11 3.2 has and this token has not: CKO_VALIDATION, for it has no validation that an authority issued\n"
    "(CKA_OBJECT_VALIDATION_FLAGS is 0); CKO_HW_FEATURE and CKO_OTP_KEY; WTLS certificates; CKA_PUBLIC_CRC64_VALUE.\n"
    "Unlike there, an unwrapped or encapsulated key is not extractable, and every key is sensitive, unless its\n"
    "template says otherwise. A private key with CKA_ALWAYS_AUTHENTICATE neither unwraps, derives, decapsulates nor\n"
    "signs or decrypts messages (CKR_USER_NOT_LOGGED_IN): there is no moment for the login that each use asks for.\n"
    "Templates within templates hold 64 attributes at most, no values of keys, and no templates.\n\n"
    "| attribute | objects | value | default | given to | changed by |\n"
    "| --- | --- | --- | --- | --- | --- |\n";

static const struct {
	unsigned classes;
	const char *name;
} class_names[] = {
	{ CLASS_ALL, "all" },
	{ CLASS_STORAGE, "all stored" },
	{ CLASS_BUILT_IN, "built in" },
	{ CLASS_KEYS, "keys" },
	{ CLASS_DATA, "data" },
	{ CLASS_CERTIFICATE, "certificate" },
	{ CLASS_PUBLIC, "public key" },
	{ CLASS_PRIVATE, "private key" },
	{ CLASS_SECRET, "secret key" },
	{ CLASS_DOMAIN, "domain parameters" },
	{ CLASS_TRUST, "trust" },
	{ CLASS_PROFILE, "profile" },
	{ CLASS_MECHANISM, "mechanism" },
};

static void put_classes(struct buf *b, const struct attr_row *row)
{
	const struct key_kind *kind = key_kind(row->key_type);
	unsigned left = row->classes;
	const char *sep = "";

	for (size_t i = 0; i < ARRAY_LEN(class_names) && left != 0; i++) {
		if ((class_names[i].classes & ~left) != 0)
			continue;
		buf_printf(b, "%s%s", sep, class_names[i].name);
		left &= ~class_names[i].classes;
		sep = ", ";
	}
	if (row->key_type == OBJECT_ANY)
		return;
	if (row->classes == CLASS_CERTIFICATE)
		buf_printf(b, row->key_type == CKC_X_509 ? " (X.509)" : " (X.509 attribute)");
	else if (row->classes == CLASS_DOMAIN)
		buf_printf(b, row->key_type == CKK_DSA ? " (DSA)" : " (X9.42 DH)");
	else
		buf_printf(b, " (%s)", kind != NULL ? kind->name : "?");
}

static const char *default_name(const struct attr_row *row)
{
	if (row->type == CKA_CHECK_VALUE || row->type == CKA_PUBLIC_KEY_INFO)
		return row->classes == CLASS_CERTIFICATE ? "empty" : "from the value";
	switch (row->fallback) {
	case DEFAULT_FALSE:
		return "false";
	case DEFAULT_TRUE:
		return "true";
	case DEFAULT_EMPTY:
		return "empty";
	case DEFAULT_ZERO:
		return "0";
	case DEFAULT_SHA_1:
		return "CKM_SHA_1";
	case DEFAULT_UNAVAILABLE:
		return "unavailable";
	case DEFAULT_NONE:
	default:
		return "-";
	}
}

static void put_given(struct buf *b, unsigned rules)
{
	const char *sep = "";

	if ((rules & ATTR_GIVEN) == 0)
		buf_printf(b, "-");
	if (rules & ATTR_CREATE) {
		buf_printf(b, rules & ATTR_NEEDED ? "**create**" : "create");
		sep = ", ";
	}
	if (rules & ATTR_GENERATE) {
		buf_printf(b, "%sgenerate", sep);
		sep = ", ";
	}
	if (rules & ATTR_UNWRAP)
		buf_printf(b, "%sunwrap", sep);
}

static void put_changed(struct buf *b, unsigned rules)
{
	const char *way = rules & ATTR_TO_TRUE ? " to true" : rules & ATTR_TO_FALSE ? " to false" : "";

	if (rules & ATTR_SET)
		buf_printf(b, "set%s%s", way, rules & ATTR_SO ? ", SO" : "");
	else if (rules & ATTR_COPY)
		buf_printf(b, "copy%s", way);
	else
		buf_printf(b, "-");
}

static void put_row(struct buf *b, const struct attr_row *row)
{
	static const char *const forms[] = {
		[FORM_BOOL] = "boolean", [FORM_ULONG] = "number",          [FORM_BYTES] = "bytes",
		[FORM_DATE] = "date",    [FORM_MECHANISMS] = "mechanisms", [FORM_TEMPLATE] = "template",
	};

	buf_printf(b, "| %s | ", row->name);
	put_classes(b, row);
	buf_printf(b, " | %s%s | %s | ", forms[row->form], row->rules & ATTR_SENSITIVE ? ", sealed" : "",
		   default_name(row));
	put_given(b, row->rules);
	buf_printf(b, " | ");
	put_changed(b, row->rules);
	buf_printf(b, " |\n");
}

int main(int argc, char **argv)
{
	BUF_AUTO b = { 0 };

	buf_printf(&b, "%s", head);
	for (size_t i = 0; i < attr_row_count(); i++)
		if ((attr_row_at(i)->type & CKA_VENDOR_DEFINED) == 0)
			put_row(&b, attr_row_at(i));
	return doc_page(argc, argv, "attr-doc", "the attribute rows say", &b);
}
