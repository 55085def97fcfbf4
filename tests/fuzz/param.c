/* SPDX-License-Identifier: BSD-2-Clause */
#include "param.h"
#include <string.h>

/*
 * Members of the structs, one letter each, laid out as a C compiler does:
 *   u  CK_ULONG                     b  CK_BBOOL or another byte          h  object handle
 *   m  CK_ULONG, a mechanism        c  CK_ULONG that counts work: small  v  CK_VERSION *
 *   p  pointer, its length follows  P  length, its pointer follows       q  pointer to 256 bytes
 *   a  a letter of a key block      H  pointer to a handle for output    O  pointer to CK_RSA_PKCS_OAEP_PARAMS
 *   o  pointer to 256 bytes of output, length pointer follows            8, 16 as '8' and 'x': that many bytes
 */
static const struct {
	const char *text;
	const char *members;
} forms[] = {
	{ "CK_AES_CTR_PARAMS", "ux" },
	{ "CK_GCM_PARAMS", "pupu" },
	{ "CK_CCM_PARAMS", "uppu" },
	{ "CK_RSA_PKCS_OAEP_PARAMS", "muup" },
	{ "CK_RSA_PKCS_PSS_PARAMS", "muu" },
	{ "CK_ECDH1_DERIVE_PARAMS", "uPP" },
	{ "CK_X9_42_DH1_DERIVE_PARAMS", "uPP" },
	{ "CK_EDDSA_PARAMS", "bP" },
	{ "CK_CHACHA20_PARAMS", "quqn" },
	{ "CK_SALSA20_CHACHA20_POLY1305_PARAMS", "pp" },
	{ "CK_HKDF_PARAMS", "bbmuphp" },
	{ "CK_PKCS5_PBKD2_PARAMS2", "upcupp" },
	{ "CK_KEY_DERIVATION_STRING_DATA", "p" },
	{ "CK_AES_CBC_ENCRYPT_DATA_PARAMS", "xp" },
	{ "CK_DES_CBC_ENCRYPT_DATA_PARAMS", "8p" },
	{ "CK_ECDH_AES_KEY_WRAP_PARAMS", "uuP" },
	{ "CK_TLS12_MASTER_KEY_DERIVE_PARAMS", "ppvm" },
	{ "CK_TLS12_EXTENDED_MASTER_KEY_DERIVE_PARAMS", "mpv" },
	{ "CK_TLS_KDF_PARAMS", "mpppp" },
	{ "CK_TLS_MAC_PARAMS", "muu" },
	{ "CK_TLS_PRF_PARAMS", "ppo" },
	{ "CK_DSA_PARAMETER_GEN_PARAM", "mpu" },
	{ "CK_SIGN_ADDITIONAL_CONTEXT", "up" },
	{ "CK_HASH_SIGN_ADDITIONAL_CONTEXT", "upm" },
	{ "CK_GCM_WRAP_PARAMS", "puupu" },
	{ "CK_CCM_WRAP_PARAMS", "upuupu" },
	{ "CK_RSA_AES_KEY_WRAP_PARAMS", "uO" },
	{ "struct sr_sm2_params", "p" },
	{ "struct sr_key_block_params", "aaaaaaaaaup" },
	{ "struct sr_diversify_params", "uupb" },
	{ "struct sr_pin_translate_params", "huup" },
	{ "struct sr_transport_params", "mp" },
	{ "struct sr_tk_rewrap_params", "hppupp" },
	{ "struct sr_tk_open_params", "hH" },
	{ "struct sr_tmk_params", "hppp" },
	{ "CK_MAC_GENERAL_PARAMS", "u" },
	{ "CK_OBJECT_HANDLE", "h" },
	{ "CK_EXTRACT_PARAMS", "u" },
	{ "CK_VERSION", "bb" },
};
static const struct {
	const char *text;
	const char *members;
} messages[] = {
	{ "CK_GCM_MESSAGE_PARAMS", "puuqu" },
	{ "CK_CCM_MESSAGE_PARAMS", "upuuqu" },
	{ "CK_SALSA20_CHACHA20_POLY1305_MSG_PARAMS", "pq" },
};
#define STRUCT_MAX 160
#define ROOM 256

struct writer {
	uint8_t bytes[STRUCT_MAX];
	size_t n;
	size_t align;
};

static void put(struct writer *w, const void *p, size_t n, size_t align)
{
	w->n = (w->n + align - 1) / align * align;
	if (align > w->align)
		w->align = align;
	memcpy(w->bytes + w->n, p, n);
	w->n += n;
}

static void put_pointer(struct writer *w, const void *p)
{
	put(w, &p, sizeof(p), sizeof(p));
}

static void put_ulong(struct writer *w, CK_ULONG v)
{
	put(w, &v, sizeof(v), sizeof(v));
}

static void *oaep(struct input *in)
{
	CK_RSA_PKCS_OAEP_PARAMS *p = input_room(in, sizeof(*p));
	struct view label = input_bytes(in, 16);

	if (p != NULL)
		*p = (CK_RSA_PKCS_OAEP_PARAMS){ input_u8(in) < 200 ? CKM_SHA256 : input_ulong(in), CKG_MGF1_SHA256,
						input_u8(in) & 1, (void *)(uintptr_t)label.p, label.n };
	return p;
}

static void put_member(struct writer *w, struct input *in, char member, CK_OBJECT_HANDLE (*handle)(struct input *in))
{
	struct view v = { 0 };
	CK_ULONG *len;
	uint8_t byte;

	switch (member) {
	case 'u':
		put_ulong(w, input_ulong(in));
		break;
	case 'n':
		put_ulong(w, 64 + 32 * input_below(in, 5));
		break;
	case 'b':
		byte = input_u8(in);
		put(w, &byte, 1, 1);
		break;
	case 'h':
		put_ulong(w, handle != NULL ? handle(in) : 0);
		break;
	case 'm':
		put_ulong(w,
			  input_u8(in) < 16 ? input_ulong(in) : mech_row_at(input_below(in, mech_row_count()))->type);
		break;
	case 'c':
		put_ulong(w, input_u8(in));
		break;
	case 'p':
		v = input_bytes(in, 64);
		put_pointer(w, v.p);
		put_ulong(w, v.n);
		break;
	case 'P':
		v = input_bytes(in, 160);
		put_ulong(w, v.n);
		put_pointer(w, v.p);
		break;
	case 'q':
		put_pointer(w, input_u8(in) == 0 ? NULL : input_room(in, ROOM));
		break;
	case 'a':
		byte = (uint8_t) "ABCDEGHIKMNPRSTVXY0123"[input_below(in, 22)];
		put(w, &byte, 1, 1);
		break;
	case 'H':
		put_pointer(w, input_u8(in) == 0 ? NULL : input_room(in, sizeof(CK_OBJECT_HANDLE)));
		break;
	case 'O':
		put_pointer(w, input_u8(in) == 0 ? NULL : oaep(in));
		break;
	case 'v':
		put_pointer(w, input_u8(in) == 0 ? NULL : input_room(in, sizeof(CK_VERSION)));
		break;
	case 'o':
		len = input_room(in, sizeof(*len));
		put_pointer(w, len == NULL ? NULL : input_room(in, ROOM));
		if (len != NULL)
			*len = ROOM;
		put_pointer(w, len);
		break;
	case 'x':
		put(w, (const uint8_t[16]){ input_u8(in), input_u8(in) }, 16, 1);
		break;
	default:
		put(w, (const uint8_t[8]){ input_u8(in), input_u8(in) }, 8, 1);
		break;
	}
}

/* names: does a row's text name this struct? */
static bool names(const struct mech_row *row, const char *name)
{
	static const char word[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";
	const char *at = strstr(row->param->text, name);

	return at != NULL && strspn(at + strlen(name), word) == 0;
}

static void *build(struct input *in, const char *members, CK_OBJECT_HANDLE (*handle)(struct input *in),
		   CK_ULONG *ret_len)
{
	struct writer w = { .align = 1 };
	void *p;

	for (const char *m = members; *m != '\0'; m++)
		put_member(&w, in, *m, handle);
	w.n = (w.n + w.align - 1) / w.align * w.align;
	p = input_room(in, w.n);
	if (p != NULL)
		memcpy(p, w.bytes, w.n);
	*ret_len = p == NULL ? 0 : w.n;
	return p;
}

/* sized: a parameter that is bytes and nothing else. */
static void sized(struct input *in, const struct mech_row *row, CK_MECHANISM *m)
{
	size_t n = row->param->size == PARAM_ANY_SIZE ? input_u8(in) : row->param->size;
	uint8_t *p = input_room(in, n);

	for (size_t i = 0; p != NULL && i < n; i++)
		p[i] = input_u8(in);
	m->pParameter = p;
	m->ulParameterLen = p == NULL ? 0 : n;
}

CK_MECHANISM param_make(struct input *in, CK_OBJECT_HANDLE (*handle)(struct input *in),
			bool (*avoid)(const struct mech_row *row))
{
	const struct mech_row *row = mech_row_at(input_below(in, mech_row_count()));
	CK_MECHANISM m = { 0 };
	uint8_t kind = input_u8(in);

	m.mechanism = row->type;
	if (avoid != NULL && avoid(row))
		m.mechanism = CKM_VENDOR_DEFINED;
	if (kind < 8)
		m.mechanism = input_ulong(in);
	if (kind < 24)
		return m;
	/* Where a text names several structs, one of them. */
	for (size_t i = 0, pass = input_u8(in) & 3; i < ARRAY_LEN(forms); i++) {
		if (names(row, forms[i].text) && (pass-- == 0 || strchr(row->param->text, ';') == NULL)) {
			m.pParameter = build(in, forms[i].members, handle, &m.ulParameterLen);
			return m;
		}
	}
	/* Other structs hold pointers: they are not made of chance. */
	if (row->param->flat)
		sized(in, row, &m);
	return m;
}

void *param_message(struct input *in, const struct mech_row *row, CK_ULONG *ret_len)
{
	for (size_t i = 0; row != NULL && i < ARRAY_LEN(messages); i++) {
		if (names(row, messages[i].text))
			return build(in, messages[i].members, NULL, ret_len);
	}
	*ret_len = 0;
	return NULL;
}
