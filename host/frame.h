/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HOST_FRAME_H
#define HOST_FRAME_H

#include "formats.h"
#include "err.h"

struct evbuffer;
struct frame_tls;

/*
 * Binary frames between terminal and KMS, terminal and operation terminal (formats.md, Frames): length (2 bytes), type,
 * LV fields. One table row per type: name, fields with their bounds. Values are not judged here beyond their length.
 */
#define FRAME_MAX 4096 /* what the length field may say */
#define FRAME_FIELDS_MAX 5

enum frame_type {
	FRAME_HELLO = 0x01,
	FRAME_PROOF_K = 0x02,
	FRAME_PROOF_T = 0x03,
	FRAME_TMK = 0x04,
	FRAME_CONFIRM = 0x05,
	FRAME_DONE = 0x06,
	FRAME_SIGN_IN = 0x07,
	FRAME_WORKING_KEYS = 0x08,
	FRAME_WK_CONFIRM = 0x09,
	FRAME_IDENTIFY = 0x20,
	FRAME_IDENTITY = 0x21,
	FRAME_WORKING_CERT = 0x22,
	FRAME_WORKING_CERT_OK = 0x23,
	FRAME_MAKE_TK = 0x24,
	FRAME_TK = 0x25,
	FRAME_COLLECTED = 0x26,
	FRAME_ERROR = 0x7f,
};

/* Field numbers of each type. */
enum { HELLO_HANDSHAKE, HELLO_SERIAL, HELLO_RANDOM };
enum { PROOF_K_RANDOM, PROOF_K_TAG };
enum { PROOF_T_TAG };
enum { TMK_MESSAGE };
enum { CONFIRM_CHECK, CONFIRM_TAG };
enum { SIGN_IN_TAG, SIGN_IN_CHECK, SIGN_IN_FORMS };
enum { WORKING_KEYS_MESSAGE };
enum { WK_CONFIRM_CHECKS, WK_CONFIRM_TAG };
enum { IDENTITY_SERIAL, IDENTITY_PIN_PAD, IDENTITY_COUNTER };
enum { WORKING_CERT_DER };
enum { MAKE_TK_SUITE, MAKE_TK_HANDSHAKE, MAKE_TK_HASH, MAKE_TK_TYPE, MAKE_TK_LENGTH };
enum { TK_PACKET };
enum { ERROR_CODE, ERROR_CHECKS /* may be absent: check values of TEK and AUK */ };

struct frame {
	uint8_t type; /* enum frame_type */
	struct view field[FRAME_FIELDS_MAX];
};

/* struct frame_row: what a frame of a type may be. */
struct frame_field {
	const char *name;
	uint16_t min;
	uint16_t max;
};
struct frame_row {
	uint8_t type;
	const char *name;
	size_t count;
	struct frame_field field[FRAME_FIELDS_MAX];
	size_t optional; /* so many at the end may be absent */
};
extern const struct frame_row frame_rows[];
extern const size_t frame_rows_count;
/*
 * frame_head: may a frame of this length and type come at all? Asked before the rest is waited for. ERR_MALFORMED: no
 * such type, empty; ERR_TOO_LARGE: longer than the row's fields can be. frame_row_max: that length.
 */
enum err frame_head(size_t length, uint8_t type, struct fail *f) MUST_CHECK;
size_t frame_row_max(const struct frame_row *row);

/* frame_name: "HELLO"; "?" for an unknown type. */
const char *frame_name(uint8_t type);
/* frame_put: the whole frame, length first; fails the buffer when a field is outside its bounds. */
void frame_put(struct buf *b, const struct frame *fr);
/* frame_parse: body is what follows the length; views point into it. ERR_MALFORMED: type, field lengths, rest behind.
 */
enum err frame_parse(struct view body, struct frame *ret, struct fail *f) MUST_CHECK;
/* frame_error: an ERROR frame with the code that a peer may see. frame_error_code: of a parsed one. */
void frame_put_error(struct buf *b, enum err code);
unsigned frame_error_code(const struct frame *fr);

/*
 * libevent: frame_take removes one complete frame from in, keeps its bytes in storage (emptied first) and parses it.
 * *ret_got false: not complete yet. ERR_MALFORMED, ERR_TOO_LARGE: the connection is beyond repair.
 */
enum err frame_take(struct evbuffer *in, struct buf *storage, struct frame *ret, bool *ret_got,
		    struct fail *f) MUST_CHECK;

/*
 * Blocking sockets: the whole frame within timeout_ms. ERR_TIMEOUT, ERR_PEER (closed, reset), ERR_MALFORMED.
 * frame_recv keeps the bytes in storage (emptied first). frame_expect also refuses another type than wanted; an ERROR
 * frame becomes ERR_PEER with its code in the text. stream_*: the same on a socket that may be below TLS.
 */
struct frame_stream {
	int fd;
	struct frame_tls *tls; /* NULL: frames go in the clear */
};
enum err frame_send(int fd, const struct frame *fr, int timeout_ms, struct fail *f) MUST_CHECK;
enum err frame_recv(int fd, struct buf *storage, struct frame *ret, int timeout_ms, struct fail *f) MUST_CHECK;
enum err frame_expect(int fd, uint8_t type, struct buf *storage, struct frame *ret, int timeout_ms,
		      struct fail *f) MUST_CHECK;
enum err stream_send(const struct frame_stream *s, const struct frame *fr, int timeout_ms, struct fail *f) MUST_CHECK;
enum err stream_recv(const struct frame_stream *s, struct buf *storage, struct frame *ret, int timeout_ms,
		     struct fail *f) MUST_CHECK;
enum err stream_expect(const struct frame_stream *s, uint8_t type, struct buf *storage, struct frame *ret,
		       int timeout_ms, struct fail *f) MUST_CHECK;
/* frame_deadline: so many ms from now; frame_wait: until the socket is ready for these poll events. ERR_TIMEOUT. */
int64_t frame_deadline(int timeout_ms);
enum err frame_wait(int fd, short events, int64_t deadline, struct fail *f) MUST_CHECK;
/* frame_connect: TCP to "host:port" within timeout_ms; the socket is non-blocking and close-on-exec. */
enum err frame_connect(const char *address, int timeout_ms, int *ret_fd, struct fail *f) MUST_CHECK;

#endif
