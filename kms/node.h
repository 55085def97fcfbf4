/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KMS_NODE_H
#define KMS_NODE_H

#include "conf.h"
#include "kms.h"

/*
 * One kmsd among those that share a database. Each has a token of its own with the same PK, MAK and storage key; the
 * table node_key has the check values of their generations.
 *
 * node_start: writes our row and keys and compares: ERR_CONFIG when a key of another node is another one (the newest of
 * one must be among the other's; a key whose check value the HSM cannot give is not compared). Two nodes that start at
 * once do this one after the other. node_beat: from now on, every ten seconds, in a thread of its own, the row says
 * that we are there, and what is over is forgotten (limit_prune). node_stop: our row says that we have stopped. Takes a
 * KMS that never started. node_remove: a node that is gone for good, so that its keys are not compared any more.
 * ERR_NOT_FOUND.
 */
enum err node_start(struct kms *k, struct fail *f) MUST_CHECK;
enum err node_beat(struct kms *k, const struct conf *c, struct fail *f) MUST_CHECK;
void node_stop(struct kms *k);
enum err node_remove(struct db *d, const char *name, struct fail *f) MUST_CHECK;

#endif
