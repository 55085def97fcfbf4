/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SERVE_WIRE_WALK_H
#define SERVE_WIRE_WALK_H

#include "wire.h"
#include "wire_room.h"

/*
 * A call on its way: the client writes a request out of its caller's memory, the server reads it into memory of its
 * own, makes the call, and writes the reply out of that; the client reads it back into its caller's.
 *
 * Secret:  a request may hold PINs and plaintext, a reply plaintext; rooms and arenas are wiped (wire_room.h).
 * Errors:  walk->rv says why a request cannot be carried (client) or is refused (server): CKR_ARGUMENTS_BAD,
 *          CKR_MECHANISM_PARAM_INVALID, CKR_HOST_MEMORY. What does not read at all is
 *          CKR_DEVICE_ERROR.
 */
struct wire_walk {
	CK_MECHANISM_TYPE process; /* mechanism of the session's process of messages, for WIRE_PARAM */
	bool known;                /* there is such a process */
	unsigned depth;
	bool inside; /* of a mechanism's parameter: which error it is */
	CK_RV rv;
	CK_RV answer;             /* replies: what the function answered */
	struct wire_room *out;    /* writing */
	struct reader in;         /* reading */
	struct wire_arena *arena; /* server */
};

/* Client. words: the arguments as they are. False: w->rv; in replies: the caller's memory is as it was as far as one
 * can tell, w->rv CKR_DEVICE_ERROR. */
bool wire_request_put(struct wire_walk *w, const struct wire_struct *arguments, const CK_ULONG *words) MUST_CHECK;
bool wire_reply_get(struct wire_walk *w, const struct wire_struct *arguments, const CK_ULONG *words) MUST_CHECK;
/* Server. ret_words: arguments in memory of w->arena. */
bool wire_request_get(struct wire_walk *w, const struct wire_struct *arguments, CK_ULONG *ret_words) MUST_CHECK;
bool wire_reply_put(struct wire_walk *w, const struct wire_struct *arguments, const CK_ULONG *words) MUST_CHECK;

/*
 * The parts, for wire_*.c alone.
 *
 * wire_fail         the first reason stays; answers false
 * wire_load, wire_store
 *                   an integer of size bytes at p
 * wire_pointer      of a field, out of a structure
 * wire_elements     how many there are, by the members; parent: of the structure that pointed to base
 * wire_most         how many there may be
 * wire_there        client: how the pointer of a field goes over. What is longer than can be carried goes as NULL with
 *                   its length, or hollow, so that the module refuses it and ends the operation that this ends.
 * wire_passes       the next thing is one deeper; wire_left: it ends
 */
bool wire_fail(struct wire_walk *w, CK_RV rv);
uint64_t wire_load(const void *p, size_t size);
void wire_store(void *p, size_t size, uint64_t v);
void *wire_pointer(const struct wire_field *f, const void *base);
size_t wire_elements(const struct wire_field *f, const void *base, const void *parent);
size_t wire_most(const struct wire_field *f);
enum wire_presence { WIRE_NOT_THERE, WIRE_THERE, WIRE_HOLLOW_ONE };
enum wire_presence wire_there(const struct wire_field *f, const void *base, const void *parent);
bool wire_deeper(struct wire_walk *w);
void wire_left(struct wire_walk *w);

/* Templates and parameters, in both directions and on both sides (wire_template.c, wire_param.c). */
bool wire_template_put(struct wire_walk *w, const CK_ATTRIBUTE *t, size_t n, bool values);
bool wire_template_get(struct wire_walk *w, CK_ATTRIBUTE *t, size_t n, bool values);
bool wire_template_put_back(struct wire_walk *w, const CK_ATTRIBUTE *t, size_t n);
bool wire_template_get_back(struct wire_walk *w, CK_ATTRIBUTE *t, size_t n);
bool wire_param_put(struct wire_walk *w, CK_MECHANISM_TYPE type, enum wire_context context, const void *p, size_t len);
bool wire_param_get(struct wire_walk *w, CK_MECHANISM_TYPE type, enum wire_context context, size_t len, void **ret);
bool wire_param_put_back(struct wire_walk *w, CK_MECHANISM_TYPE type, enum wire_context context, const void *p,
			 size_t len);
bool wire_param_get_back(struct wire_walk *w, CK_MECHANISM_TYPE type, enum wire_context context, void *p, size_t len);

/* Structures. */
bool wire_struct_put(struct wire_walk *w, const struct wire_struct *s, const void *base, const void *parent);
bool wire_struct_get(struct wire_walk *w, const struct wire_struct *s, void *base, const void *parent);
bool wire_struct_put_back(struct wire_walk *w, const struct wire_struct *s, const void *base, const void *parent);
bool wire_struct_get_back(struct wire_walk *w, const struct wire_struct *s, void *base, const void *parent);

#endif
