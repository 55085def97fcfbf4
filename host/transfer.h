/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HOST_TRANSFER_H
#define HOST_TRANSFER_H

#include "conf.h"
#include "err.h"

/*
 * One folder of a file server, or of this machine, to put files into and to get files from (R2.2). Over libcurl;
 * blocking; one thread per struct transfer, which keeps its connection for the next call.
 *
 * folder   /path             this machine
 *          ftp://host/path/  FTP; TLS is demanded (AUTH TLS, control and data) unless tls is "none", which is plain
 * FTP: password and file names can be read and altered on the way ftps://host/path/ FTP over TLS from the first byte on
 *          sftp://host/path/ SFTP; /~/path/ is below the user's home folder
 * A path of FTP is below the folder after login; ftp://host//path/ is absolute. TLS is 1.2, the server's
 * certificate must chain to server_ca and carry the host name. The host key of SFTP must stand in known_hosts (Ed25519
 * or ECDSA). No user, password, query or fragment in the URL.
 *
 * Names of files are 1 to TRANSFER_NAME_MAX of [A-Za-z0-9._-] and neither "." nor ".."; ERR_USAGE otherwise. No name
 * that a server lists and that is another leaves transfer_list.
 *
 * Errors of all: ERR_PEER: connection, server, time-out, disk full there: try again; ERR_REFUSED: host key,
 * certificate, login, right to rename or remove, TLS not offered: an operator must look, the text says at what;
 * ERR_NOT_FOUND: no such file; ERR_DUPLICATE: another file has that name; ERR_TOO_LARGE; ERR_IO: this machine's disk;
 * ERR_CONFIG: options. Secret: the password; from its file into a struct secret, then in libcurl's own memory until
 * transfer_free.
 */
#define TRANSFER_NAME_MAX 200

/* transfer_stop_fn: true ends the transfer in hand with ERR_BUSY (a daemon stops). */
typedef bool (*transfer_stop_fn)(void *arg);

struct transfer_options {
	const char *folder;
	const char *user;          /* NULL: anonymous (FTP); required for SFTP */
	const char *password_file; /* first line; mode 0600; NULL: none */
	const char *key_file;      /* SFTP: private key without passphrase, Ed25519 or ECDSA; mode 0600 */
	const char *known_hosts;   /* SFTP: required */
	const char *server_ca;     /* FTP with TLS: required; PEM roots */
	const char *tls;           /* ftp:// alone: "required" (NULL) or "none" */
	unsigned connect_s;        /* connect and login; 0: 30 */
	unsigned stall_s;          /* no byte moves for so long: ERR_PEER; 0: 60 */
	transfer_stop_fn stop;     /* NULL: none */
	void *stop_arg;
};

struct transfer;

/* transfer_open: looks at options and files of credentials, connects to nothing yet. ERR_CONFIG. */
enum err transfer_open(const struct transfer_options *o, struct transfer **ret, struct fail *f) MUST_CHECK;
void transfer_free(struct transfer *t);
/* transfer_place: the folder, for texts: holds no user and no password. */
const char *transfer_place(const struct transfer *t);

/*
 * transfer_list: names of what stands in the folder, sorted; without those that begin with a dot (parts), and without
 * names that are none by the rule above (ret->odd counts them; a folder among the files is a name). At most
 * TRANSFER_LIST_MAX: ERR_TOO_LARGE.
 */
#define TRANSFER_LIST_MAX 100000
struct transfer_names {
	char **names;
	size_t count;
	size_t odd;
};
enum err transfer_list(struct transfer *t, struct transfer_names *ret, struct fail *f) MUST_CHECK;
void transfer_names_done(struct transfer_names *n);

/*
 * transfer_put: the file name with this content, whole or not at all: written as .<name>.part, then renamed. A part of
 * an earlier try that is a prefix of the content is gone on with, any other is begun anew; the part's size is asked
 * before the rename, and after going on it is read back whole. A file of that name that has the content already is this
 * call of an earlier run and stays: ERR_OK; one of other content is never overwritten: ERR_DUPLICATE. (FTP cannot
 * rename without overwriting: there a file of that name that somebody else puts between our look and the rename is
 * lost.)
 */
enum err transfer_put(struct transfer *t, const char *name, struct view content, struct fail *f) MUST_CHECK;

/*
 * transfer_get: the file name to path on this machine, whole or not at all: fetched into <path>.part (mode 0600), which
 * a later call goes on with, synced, renamed over path. When going on, the last bytes of the part are fetched once more
 * and compared; a part that differs or is longer than the file is begun anew. What the whole is worth the caller knows
 * by its digest. max: bytes; ERR_TOO_LARGE above.
 */
enum err transfer_get(struct transfer *t, const char *name, const char *path, uint64_t max, struct fail *f) MUST_CHECK;

/* transfer_rename: ERR_NOT_FOUND: no from; ERR_DUPLICATE: there is a file to. transfer_remove: ERR_NOT_FOUND. */
enum err transfer_rename(struct transfer *t, const char *from, const char *to, struct fail *f) MUST_CHECK;
enum err transfer_remove(struct transfer *t, const char *name, struct fail *f) MUST_CHECK;

/*
 * The options as keys of a section, for a key table; the folder is a key of the caller's. transfer_configured: opens
 * folder with what the section says. ERR_CONFIG names the section.
 */
#define TRANSFER_KEYS(section)                                                                                         \
	{ section, "user", NULL, "file server: user" },                                                                \
	    { section, "password_file", NULL, "file server: file with the password, mode 0600" },                      \
	    { section, "key_file", NULL, "sftp: private key, Ed25519 or ECDSA, mode 0600" },                           \
	    { section, "known_hosts", NULL, "sftp: the server's host key must stand in it" },                          \
	    { section, "server_ca", NULL, "ftps, ftp with TLS: root of the server's certificate, PEM" },               \
	    { section, "tls", NULL, "ftp: `required`, or `none`: everybody on the way reads the password" },           \
	{                                                                                                              \
		section, "stall_s", "60", "file server: seconds without a byte that end a transfer"                    \
	}
enum err transfer_configured(const struct conf *c, const char *section, const char *folder, transfer_stop_fn stop,
			     void *stop_arg, struct transfer **ret, struct fail *f) MUST_CHECK;

#endif
