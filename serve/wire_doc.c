/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * wire-doc: writes docs/serve-protocol.md from the rows of functions and parameters to standard output; with a file
 * name: exit status 0 when that file holds exactly the page.
 */

#include "doc_page.h"
#include "wire_io.h"
#include "wire_rows.h"

static const char head[] =
    "# The protocol of strongroom serve\n"
    "\n"
    "Made from the rows of `serve/wire_rows.h` and `serve/wire_params.c` by `wire-doc`; a test compares. What serve is "
    "for\n"
    "stands in docs/serve.md. Numbers are big-endian.\n"
    "\n"
    "## Connection\n"
    "A connection to the Unix socket is one application of PKCS #11. The client says hello, the server answers hello:\n"
    "\n"
    "    magic 4 (53525356) | version 2 | bytes of a CK_ULONG 1 | byte order 1 (1: little-endian) | answer 1 | zero 7 "
    "| CK_RV 8\n"
    "\n"
    "Answers: 0 welcome, 1 this user may not, 2 too many connections, 3 another build, 4 C_Initialize failed with the "
    "CK_RV.\n"
    "Who says hello has no secrets to say yet. Then the client makes pairs of sockets and passes one of each as "
    "SCM_RIGHTS\n"
    "beside one byte `A`: a channel. On a channel there is one call at a time:\n"
    "\n"
    "    request: length 4 of what follows | function 2 | zero 2 | hash of its description 4 | arguments\n"
    "    reply:   length 4 of what follows | status 1 | CK_RV 8 | outputs, when the status is 0; 1: the call was not "
    "made\n"
    "\n"
    "The end of the connection is C_Finalize, as is its idleness, where the server has such a limit. What cannot be "
    "read ends\n"
    "the channel.\n"
    "\n"
    "## Arguments\n"
    "Arguments are members of a structure, and so are the parameters of mechanisms. A structure is written in three "
    "passes:\n"
    "\n"
    "1. numbers (8 bytes each, whatever their size) and bytes that stand in it; for each pointer one byte: 0 NULL, 1 "
    "there,\n"
    "   2 there and longer than any the module takes (not carried; the module gets the bound and one more zero bytes)\n"
    "2. lengths behind pointers\n"
    "3. what stands behind the other pointers, as many elements as the members say, and structures inside\n"
    "\n"
    "An attribute: type 8 | ulValueLen 8 | pointer 1 | value; values that are templates themselves are written as "
    "templates;\n"
    "C_GetAttributeValue carries none. A mechanism: number 8 | ulParameterLen 8 | pointer 1 | form 1 and what it says: "
    "0 nothing\n"
    "(unknown mechanism), 1 nothing (the length is not one that the mechanism takes: zeros), 2 the bytes, 3 a "
    "structure: hash of\n"
    "its description 4 | structure. The server decides by its own table which form and which structure it is, and "
    "refuses\n"
    "another; of C_EncryptMessage and the like by the mechanism of the session's process, which it has noted itself.\n"
    "\n"
    "Outputs come back in two passes: what stands behind pointers, each with its number of elements (4) before it, "
    "then\n"
    "numbers. With an error only lengths and what a template tells come back (CKR_BUFFER_TOO_SMALL,\n"
    "CKR_ATTRIBUTE_SENSITIVE, CKR_ATTRIBUTE_TYPE_INVALID), and what is marked `always`; else the caller's memory stays "
    "as it\n"
    "is. An attribute comes back as type 8 | ulValueLen 8 | value follows 1 | value.\n"
    "\n";

static void put_count(struct buf *b, const struct wire_struct *s, const struct wire_field *f)
{
	const char *of = "";

	for (size_t i = 0; i < s->count; i++)
		if (s->fields[i].at == f->count_at)
			of = s->fields[i].name;
	switch (f->count) {
	case WIRE_INLINE:
		break;
	case WIRE_FIXED:
		if (f->fixed > 1)
			buf_printf(b, " [%zu]", f->fixed);
		break;
	case WIRE_BITS:
		buf_printf(b, " [%s, bits]", of);
		break;
	case WIRE_NONCE:
		buf_printf(b, " [%s; above 24 bits]", of);
		break;
	case WIRE_PARENT_BITS:
		buf_printf(b, " [ulIVSizeInBits]");
		break;
	case WIRE_TEXT:
		buf_printf(b, " [to its zero byte, %zu]", f->fixed);
		break;
	case WIRE_ROOM:
		buf_printf(b, " [length, then what was found]");
		break;
	default:
		buf_printf(b, " [%s]", of);
	}
}

static void put_field(struct buf *b, const struct wire_struct *s, const struct wire_field *f)
{
	static const char *const types[] = {
		[WIRE_NUMBER] = "",
		[WIRE_BYTES] = "",
		[WIRE_STRUCT] = "",
		[WIRE_ATTRIBUTES] = "",
		[WIRE_MECHANISM] = "",
		[WIRE_PARAM] = "",
		[WIRE_ABSENT] = ", not carried",
		[WIRE_RESERVED] = ", whether it is NULL",
	};
	static const char *const ways[] = { "", "", ", out", ", in and out" };

	buf_printf(b, "%s%s", f->name, types[f->type]);
	if (f->type == WIRE_MECHANISM && f->context == WIRE_MESSAGE)
		buf_printf(b, " of messages");
	if (f->type != WIRE_MECHANISM && f->type != WIRE_ABSENT && f->type != WIRE_RESERVED)
		put_count(b, s, f);
	if (f->type != WIRE_MECHANISM && f->type != WIRE_PARAM)
		buf_printf(b, "%s", ways[f->way]);
	if (f->told)
		buf_printf(b, ", always");
	if (f->secret)
		buf_printf(b, ", secret");
	if (f->most > 0)
		buf_printf(b, ", at most %zu", f->most);
	if (f->of != NULL)
		buf_printf(b, " (%s)", f->of->name);
}

static void put_function(struct buf *b, unsigned number)
{
	const struct wire_struct *s = &wire_function(number)->arguments;

	buf_printf(b, "| %u | %s | ", number, s->name);
	for (size_t i = 0; i < s->count; i++) {
		buf_printf(b, "%s", i > 0 ? "; " : "");
		put_field(b, s, &s->fields[i]);
	}
	buf_printf(b, " |\n");
}

static void put_page(struct buf *b)
{
	buf_printf(b, "%s", head);
	buf_printf(
	    b,
	    "Bounds: %zu bytes behind one pointer, %zu bytes in a frame, %zu bytes of memory for a call, %zu bytes of "
	    "an\n"
	    "attribute that goes in, %d attributes in a template, %d structures inside each other, %d channels.\n\n",
	    WIRE_DATA_MAX, WIRE_FRAME_MAX, WIRE_ARENA_MAX, WIRE_VALUE_MAX, WIRE_ATTRIBUTES_MAX, WIRE_DEPTH_MAX,
	    WIRE_CHANNELS_MAX);
	buf_printf(b, "## Functions\nIn brackets: how many, by which other argument.\n\n"
		      "| number | function | arguments |\n| --- | --- | --- |\n");
	for (unsigned n = 0; wire_function(n) != NULL; n++)
		put_function(b, n);
	for (unsigned n = WIRE_SR; wire_function(n) != NULL; n++)
		put_function(b, n);
	buf_printf(b, "\n## Parameters that are structures\nAll members go in; other ways are said.\n\n"
		      "| structure | bytes | members |\n| --- | --- | --- |\n");
	for (size_t i = 0; wire_params(i) != NULL; i++) {
		const struct wire_struct *s = wire_params(i);

		buf_printf(b, "| %s | %zu | ", s->name, s->size);
		for (size_t k = 0; k < s->count; k++) {
			buf_printf(b, "%s", k > 0 ? "; " : "");
			put_field(b, s, &s->fields[k]);
		}
		buf_printf(b, " |\n");
	}
}

int main(int argc, char **argv)
{
	BUF_AUTO text = { 0 };

	put_page(&text);
	return doc_page(argc, argv, "wire-doc", "the rows say", &text);
}
