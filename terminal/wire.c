/* SPDX-License-Identifier: BSD-2-Clause */
#include "wire.h"
#include "frame.h"
#include "msg.h"

#define REFUSE_TIMEOUT_MS 2000

void wire_refuse(int fd, enum err e)
{
	uint8_t code[2];
	struct frame error = { .type = FRAME_ERROR };
	struct fail ignored = { 0 };
	if (e == ERR_OK || e == ERR_PEER)
		return;
	be_put16(code, (uint16_t)msg_public(e));
	error.field[ERROR_CODE] = VIEW(code, sizeof(code));
	if (frame_send(fd, &error, REFUSE_TIMEOUT_MS, &ignored) != ERR_OK)
		return; /* gone: the reason is with the caller anyway */
}
