/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SERVE_WIRE_H
#define SERVE_WIRE_H

#include "bytes.h"
#include "ck.h"

/*
 * What goes over the socket between the client module and the server: one description of every function's arguments
 * and of every structure that a mechanism's parameter may be. Both ends, their bounds checks and
 * docs/serve-protocol.md walk the same rows (wire_rows.h, wire_params.c); nothing else knows what a call looks like.
 *
 * Arguments are a structure of words: the i-th stands at i * sizeof(CK_ULONG).
 */
_Static_assert(sizeof(CK_ULONG) == sizeof(void *), "an argument is a word");

/* Bounds. Both ends keep them; what a peer says is never believed. */
#define WIRE_DATA_MAX ((size_t)64 << 20)                    /* bytes behind one pointer */
#define WIRE_FRAME_MAX (WIRE_DATA_MAX + ((size_t)16 << 20)) /* a frame without its length */
#define WIRE_ARENA_MAX (2 * WIRE_FRAME_MAX)                 /* what one call may take of the server's memory */
#define WIRE_PARAM_MAX ((size_t)1 << 20)                    /* bytes of a parameter that is no structure */
#define WIRE_VALUE_MAX ((size_t)65535)                      /* an attribute that goes in */
#define WIRE_ATTRIBUTES_MAX 4096                            /* in one template */
#define WIRE_DEPTH_MAX 8                                    /* structures and templates inside each other */
#define WIRE_VERSION 1
#define WIRE_CHANNELS_MAX 64 /* of one connection */

enum wire_type {
	WIRE_NUMBER,     /* integer of size bytes */
	WIRE_BYTES,      /* bytes */
	WIRE_STRUCT,     /* structures `of` */
	WIRE_ATTRIBUTES, /* CK_ATTRIBUTE */
	WIRE_MECHANISM,  /* CK_MECHANISM */
	WIRE_PARAM,      /* parameter of a message: its structure follows from the mechanism of the session's process */
	WIRE_ABSENT,     /* is not carried: NULL on the other side */
	WIRE_RESERVED,   /* only whether it is NULL is carried */
};

/* Which way the bytes go; the client sends what is IN, the server what is OUT. */
#define WIRE_IN 1u
#define WIRE_OUT 2u

/* How many elements a field has. count_at: offset of the member that says it, in the same structure. */
enum wire_count {
	WIRE_INLINE,      /* stands in the structure itself: one number, or size bytes, or one structure */
	WIRE_FIXED,       /* pointer to `fixed` of them */
	WIRE_MEMBER,      /* pointer; a CK_ULONG says how many */
	WIRE_BITS,        /* pointer; a CK_ULONG says how many bits */
	WIRE_NONCE,       /* pointer; a CK_ULONG up to 24 says how many bytes, above that how many bits */
	WIRE_POINTED,     /* pointer; a CK_ULONG * points to the room, and later to what was written */
	WIRE_ROOM,        /* pointer; a CK_ULONG says the room, the CK_ULONG * behind it points to what was written */
	WIRE_PARENT_BITS, /* pointer; a CK_ULONG of the structure that pointed here says how many bits */
	WIRE_TEXT,        /* pointer; up to and with the zero byte, at most `fixed` */
};

/* Which structure a mechanism's parameter is depends on what it is for. */
enum wire_context { WIRE_PLAIN, WIRE_MESSAGE };

/* A process of messages of a session, or none of them. */
enum wire_process { WIRE_NO_PROCESS, WIRE_ENCRYPT, WIRE_DECRYPT, WIRE_SIGN, WIRE_VERIFY, WIRE_PROCESSES };

struct wire_struct;
struct wire_field {
	const char *name;
	enum wire_type type;
	enum wire_count count;
	enum wire_context context; /* WIRE_MECHANISM */
	enum wire_process process; /* WIRE_MECHANISM: starts it; WIRE_PARAM: belongs to it */
	unsigned way;
	bool optional_in; /* a room that is read only where the pointer before it is not NULL */
	bool hollow;      /* longer than most: not carried; the module gets one byte more than most to refuse */
	bool bound_all;   /* the bound holds for the length even where nothing stands behind it */
	bool told;        /* an output that is carried with every answer */
	bool secret;      /* for the document */
	size_t at;
	size_t size; /* of one element */
	size_t fixed;
	size_t count_at;
	size_t most; /* elements; 0: as much as WIRE_DATA_MAX bytes */
	const struct wire_struct *of;
};

struct wire_struct {
	const char *name;
	size_t size;
	const struct wire_field *fields;
	size_t count;
	bool message; /* WIRE_MESSAGE alone */
};

/* Functions by number (wire_rows.h): C_ functions from 0, SR_ functions from WIRE_SR. NULL: no such function. */
#define WIRE_SR 256u
struct wire_function {
	const char *name;
	struct wire_struct arguments;
	enum wire_process starts; /* C_Message*Init */
	enum wire_process uses;   /* takes the parameter of a message */
};
#define WIRE_ARGUMENTS_MAX 12
const struct wire_function *wire_function(unsigned number);
/* wire_number: of a function's name; -1: it has no row. */
int wire_number(const char *name);

/*
 * wire_hash: of the whole description, so that two builds that describe a structure or function differently refuse each
 * other's calls of it, and of nothing else. wire_function_hash: the same, counted once.
 */
uint32_t wire_hash(const struct wire_struct *s);
uint32_t wire_function_hash(unsigned number);

/* wire_params: the structures that parameters may be, in no order; i-th, or NULL. */
const struct wire_struct *wire_params(size_t i);

/*
 * struct wire_mechanism: made of the mechanism table by wire_mechanisms_make.c, sorted by number.
 *
 * flat    length of a parameter that is bytes or one integer; WIRE_FLAT_ANY: any; WIRE_FLAT_NONE: it is a structure
 * params  the structures it may be, 1 + their number in wire_params; 0 behind the last one
 */
#define WIRE_FLAT_ANY SIZE_MAX
#define WIRE_FLAT_NONE (SIZE_MAX - 1)
#define WIRE_PARAMS_MAX 6
struct wire_mechanism {
	CK_MECHANISM_TYPE type;
	const char *name;
	size_t flat;
	uint8_t params[WIRE_PARAMS_MAX + 1];
};
extern const struct wire_mechanism wire_mechanisms[];
extern const size_t wire_mechanism_count;
const struct wire_mechanism *wire_mechanism(CK_MECHANISM_TYPE type);

/*
 * wire_form: how a parameter of this mechanism and length travels. Server and client decide for themselves and must
 * agree. WIRE_HOLLOW: it has a length that the mechanism refuses: the other side gets as many zeros. WIRE_NOTHING: the
 * mechanism is unknown, or the length absurd: the other side gets NULL and the length.
 */
enum wire_form { WIRE_NOTHING, WIRE_HOLLOW, WIRE_FLAT, WIRE_STRUCTURE };
enum wire_form wire_form(CK_MECHANISM_TYPE type, enum wire_context context, size_t len, const struct wire_struct **ret);

/* wire_is_template: the value of this attribute is an array of CK_ATTRIBUTE. */
bool wire_is_template(CK_ATTRIBUTE_TYPE type);

/* wire_goes: with this answer this output is carried; with others the caller's memory is untouched. */
bool wire_goes(const struct wire_field *f, CK_RV answer);

#endif
