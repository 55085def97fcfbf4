/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HOST_MSG_POOL_H
#define HOST_MSG_POOL_H

#include "daemon.h"
#include "msg.h"
#include "pool.h"

/*
 * msg_pool_new: the pool in which a daemon's messages run, as [workers] of its configuration says: every thread has the
 * same service and a database handle of its own, made by open. d->stop_s is set. ERR_CONFIG, what open says.
 */
typedef enum err (*msg_open_db)(const struct conf *conf, struct db **ret, struct fail *f);
enum err msg_pool_new(struct daemon *d, void *service, msg_open_db open, struct pool **ret, struct fail *f) MUST_CHECK;
/*
 * msg_pool_end: no connections more; what is in hand is finished and its answers go out, what waits is told busy; then
 * both are freed. NULLs are taken.
 */
void msg_pool_end(struct daemon *d, struct http_server *server, struct pool *pool);

#endif
