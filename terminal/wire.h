/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TERMINAL_WIRE_H
#define TERMINAL_WIRE_H

#include "err.h"

/*
 * wire_refuse: tells the other side that it is over: an ERROR frame with the public code of e, best effort. Nothing is
 * sent when e says that the other side is gone or has itself refused.
 */
void wire_refuse(int fd, enum err e);

#endif
