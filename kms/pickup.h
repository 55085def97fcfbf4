/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KMS_PICKUP_H
#define KMS_PICKUP_H

#include "conf.h"
#include "inbox.h"
#include "transfer.h"

/*
 * Key files from file servers (R2.2): each section [pickup NAME] is a folder by FTP, FTPS, SFTP or on this machine,
 * with a thread and a database handle of its own. The manifest is fetched and checked first, then its key file, into
 * the folder `work`; a broken download goes on where it broke. What was received is renamed on the server to
 * NAME.keys.done and NAME.manifest.done, or removed (`after`); what was refused to .failed. The key file goes first, so
 * that whatever breaks in between is found again by its manifest. A server that lets us rename nothing is told of once;
 * files stay there then, and are known by their names (left.h). A pair that is not whole is let be until it looked the
 * same for settle_s; a key file without a manifest is refused orphan_s after it was met first.
 */
struct pickups;

#define PICKUP_KEYS                                                                                                    \
	{ "pickup *", "url", CONF_REQUIRED, "folder with key files: ftp://, ftps://, sftp:// or a path" },             \
	    { "pickup *", "work", CONF_REQUIRED, "folder of ours for files on their way, mode 0700" },                 \
	    { "pickup *", "poll_s", "60", "how often the server is looked at, seconds" },                              \
	    { "pickup *", "after", "rename", "files that were taken: `rename` (to .done), or `remove`" },              \
	    { "pickup *", "file_max", "67108864", "largest key file, bytes" },                                         \
	    { "pickup *", "settle_s", "30", "files that are not whole are judged after so long without a change, s" }, \
	    { "pickup *", "orphan_s", "3600", "a key file without its manifest is refused after so long, s" },         \
	    TRANSFER_KEYS("pickup *")

/* pickups_new: none configured: NULL. k, c and roots must outlive it. ERR_CONFIG names the section. */
enum err pickups_new(struct kms *k, const struct conf *c, X509_STORE *roots, struct pickups **ret,
		     struct fail *f) MUST_CHECK;
void pickups_free(struct pickups *p);
/* pickups_wake: all look now. From any thread; NULL: nothing. */
void pickups_wake(struct pickups *p);

#endif
