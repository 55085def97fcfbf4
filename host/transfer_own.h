/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HOST_TRANSFER_OWN_H
#define HOST_TRANSFER_OWN_H

#include <curl/curl.h>

#include "secret.h"
#include "transfer.h"

/* transfer_sink: takes the next bytes of a file; false: no more of them (the read ends with ERR_OK). */
typedef bool (*transfer_sink)(void *arg, struct view bytes);

/*
 * The ways of a folder: this machine, libcurl. Names are checked already.
 *
 * size    bytes of a file; ERR_NOT_FOUND; ERR_DUPLICATE: something that is no file
 * read    from offset to the end, or until the sink has enough
 * write   the bytes from offset on; offset 0: whatever stood there is gone; durable as far as the way can tell
 * rename  the caller has looked: from is there, to is not
 * list    every name in the folder, one per zero-terminated text in ret
 */
struct transfer_way {
	enum err (*size)(struct transfer *t, const char *name, uint64_t *ret, struct fail *f);
	enum err (*read)(struct transfer *t, const char *name, uint64_t offset, transfer_sink sink, void *arg,
			 struct fail *f);
	enum err (*write)(struct transfer *t, const char *name, uint64_t offset, struct view whole, struct fail *f);
	enum err (*rename)(struct transfer *t, const char *from, const char *to, struct fail *f);
	enum err (*remove)(struct transfer *t, const char *name, struct fail *f);
	enum err (*list)(struct transfer *t, struct buf *ret, struct fail *f);
};
extern const struct transfer_way transfer_local;
extern const struct transfer_way transfer_remote;

struct transfer {
	const struct transfer_way *way;
	char *place; /* the folder: path or URL, ends in a slash */
	char *path;  /* SFTP: the folder's path as the server takes it in commands */
	bool sftp;
	bool tls; /* control and data */
	char *user;
	struct secret password; /* zero-terminated; room 0: none */
	char *key_file;
	char *known_hosts;
	char *server_ca;
	long connect_s;
	long stall_s;
	transfer_stop_fn stop;
	void *stop_arg;
	CURL *curl;
	enum curl_khmatch host_key; /* of the last SFTP connection */
};

/* transfer_remote_open: scheme and form of the URL, what of the options it needs. ERR_CONFIG. */
enum err transfer_remote_open(struct transfer *t, const struct transfer_options *o, struct fail *f) MUST_CHECK;

#endif
