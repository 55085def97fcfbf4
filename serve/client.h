/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SERVE_CLIENT_H
#define SERVE_CLIENT_H

#include "wire_room.h"
#include "wire_walk.h"

/*
 * libstrongroom-client.so: a PKCS #11 module that has no keys: each call goes to `strongroom serve`.
 *
 * One connection per process, from C_Initialize to C_Finalize; as many channels as threads call at once, up to the
 * setting. After a fork the child has none: its descriptors are closed at once, so that the connection ends with its
 * process, and the module is not initialised there. When the server goes away, calls answer CKR_DEVICE_REMOVED (those
 * that know no such answer CKR_GENERAL_ERROR) until C_Finalize and C_Initialize.
 */
#define CLIENT_ERROR 256

/*
 * struct client_settings: strongroom-client.conf, looked for as strongroom.conf is (settings.h of hsm/), named by
 * STRONGROOM_CLIENT_CONF; STRONGROOM_SOCKET overrides socket, STRONGROOM_LOG log.
 *
 * client_settings: false: ret_error says what is wrong in the file.
 */
struct client_settings {
	char socket[108];     /* path */
	char server_user[64]; /* who must be behind it; "": anybody */
	unsigned channels;    /* most at once, 1 to WIRE_CHANNELS_MAX - CLIENT_WAITERS */
	int log_fd;           /* -1: off */
};
#define CLIENT_WAITERS 16 /* channels for C_WaitForSlotEvent, besides */
bool client_settings(struct client_settings *ret, char ret_error[CLIENT_ERROR]) MUST_CHECK;

/* struct client_channel: one call at a time. */
struct client_channel {
	int fd; /* -1: not made */
	bool busy;
	struct wire_room out, in;
};

/*
 * client_start     connects, says hello: CKR_GENERAL_ERROR with the reason in ret_error, or what the server's
 *                  C_Initialize answered
 * client_stop      CKR_CRYPTOKI_NOT_INITIALIZED; waits for the server's end of it
 * client_running
 * client_take      a channel of one's own; waits: it may wait for a slot event. CKR_CRYPTOKI_NOT_INITIALIZED,
 *                  CKR_DEVICE_REMOVED, CKR_HOST_MEMORY
 * client_give      back; good: the call went through, else the connection is of no more use
 * client_gone      what a call answers whose channel broke
 */
CK_RV client_start(const struct client_settings *s, char ret_error[CLIENT_ERROR]) MUST_CHECK;
CK_RV client_stop(void) MUST_CHECK;
bool client_running(void) MUST_CHECK;
CK_RV client_take(bool waits, struct client_channel **ret) MUST_CHECK;
void client_give(struct client_channel *c, bool good);
CK_RV client_gone(void);

/* client_connect: the control socket, hello said: -1 and the reason; *ret_rv: what C_Initialize answers then. */
int client_connect(const struct client_settings *s, CK_RV *ret_rv, char ret_error[CLIENT_ERROR]) MUST_CHECK;

/* client_call: a function of the rows. */
CK_RV client_call(unsigned number, const CK_ULONG *words);

#endif
