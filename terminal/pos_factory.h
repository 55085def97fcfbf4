/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TERMINAL_POS_FACTORY_H
#define TERMINAL_POS_FACTORY_H

#include "device.h"

/*
 * pos_factory: the terminal's part on the production line, on a connected socket (frames 20h to 26h of
 * docs/formats.md): tells who it is, verifies HsmWCRT and keeps Pu (R1.2), makes TKs in its secure module (R1.4).
 *
 * The operation terminal drives. Ends well after COLLECTED: that TK is then the one in use, the older pair is gone.
 * A TK made and not collected stays until COLLECTED or the next MAKE_TK; its counter is never used again.
 * The peer is sent one error code; the reason stays here.
 * Errors: ERR_REFUSED (certificate), ERR_UNEXPECTED (frame not expected), ERR_TIMEOUT, ERR_PEER, ERR_TOKEN ...
 */
enum err pos_factory(struct device *d, int fd, struct fail *f) MUST_CHECK;

#endif
