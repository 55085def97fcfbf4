/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HOST_DB_GATE_H
#define HOST_DB_GATE_H

#include "err.h"

/*
 * One writer of a SQLite file at a time in this process, by a lock: the engine's own wait for others sleeps between its
 * looks, and does not look at all when a reader becomes a writer. Other processes are the engine's affair.
 */
struct db_gate;

/* db_gate_open: the gate of this file, shared by all who open it; NULL: no memory. db_gate_close takes NULL. */
struct db_gate *db_gate_open(const char *path);
void db_gate_close(struct db_gate *g);
/* db_gate_enter: false: somebody was in for all of ms. */
bool db_gate_enter(struct db_gate *g, unsigned ms) MUST_CHECK;
void db_gate_leave(struct db_gate *g);

#endif
