/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SERVE_WIRE_IO_H
#define SERVE_WIRE_IO_H

#include "wire.h"
#include "wire_room.h"

/*
 * A connection is one application of PKCS #11: a control socket, on which the client says hello, and channels, sockets
 * that it makes in pairs and whose other ends it passes along the control socket. On a channel there is one call at a
 * time; as many channels as there are threads that call at once. The end of the control socket ends the application.
 *
 * Frames on a channel, numbers big-endian:
 *   request: length 4 of what follows | function number 2 | zero 2 | hash of its description 4 | arguments
 *   reply:   length 4 of what follows | status 1 | CK_RV 8 | with WIRE_DONE: outputs (wire_goes)
 */
enum wire_status { WIRE_DONE, WIRE_REFUSED };
#define WIRE_REQUEST_HEAD 8
#define WIRE_REPLY_HEAD 9

/*
 * Hello, both ways: magic 4 | version 2 | bytes of a CK_ULONG 1 | byte order 1 (1: little-endian) | answer 1 (client:
 * 0) | zero 7 | CK_RV of C_Initialize 8 (client: 0).
 */
#define WIRE_MAGIC 0x53525356u
#define WIRE_HELLO 24
enum wire_hello {
	WIRE_WELCOME,
	WIRE_NOT_ALLOWED,  /* this user may not */
	WIRE_TOO_MANY,     /* connections */
	WIRE_OTHER_BUILD,  /* version, word or byte order differ */
	WIRE_MODULE_FAILED /* the server's C_Initialize failed */
};
void wire_hello_put(uint8_t hello[WIRE_HELLO], enum wire_hello answer, CK_RV rv);
/* wire_hello_get: false: that is no hello. *ret_same: version, word and byte order are ours. */
bool wire_hello_get(const uint8_t hello[WIRE_HELLO], bool *ret_same, enum wire_hello *ret_answer, CK_RV *ret_rv);

/* wire_read, wire_write: all n bytes; false: the other side is gone, or an error. */
bool wire_read(int fd, void *p, size_t n) MUST_CHECK;
bool wire_write(int fd, const void *p, size_t n) MUST_CHECK;

/*
 * wire_frame_begin  empties the room and leaves place for the length; wire_frame_send fills it in and writes
 * wire_frame_read   one frame without its length; false: gone, or longer than WIRE_FRAME_MAX, or no memory. *ret_any:
 *                   something had come, so that the end is not a clean one
 */
void wire_frame_begin(struct wire_room *r);
bool wire_frame_send(int fd, struct wire_room *r) MUST_CHECK;
bool wire_frame_read(int fd, struct wire_room *r, bool *ret_any) MUST_CHECK;

/* wire_pass, wire_passed: a descriptor with one byte. wire_passed: -1: gone; -2: what came is no descriptor. */
bool wire_pass(int control, int fd) MUST_CHECK;
int wire_passed(int control);

#endif
