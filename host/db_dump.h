/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HOST_DB_DUMP_H
#define HOST_DB_DUMP_H

#include <jansson.h>

#include "db.h"

/*
 * A database as a file, for both engines alike (docs/databases.md, Backups): what was dumped from one may be loaded
 * into the other. Lines of JSON; the last one has the SHA-256 of all before it. Holds what the database holds: no
 * secret in the clear.
 */
struct db_dump_head {
	int64_t schema; /* steps that the database had */
	int64_t made;   /* seconds */
	int64_t rows;
	json_t *about; /* what the maker said; belongs to the caller */
};

/*
 * db_dump: all tables as they are at one moment, beside running daemons. about: an object of the caller's, kept in the
 * file. The file must not be there; it is complete and on the disk when this returns ERR_OK, else absent.
 * Errors: ERR_USAGE (the file is there already), ERR_IO, those of db.h.
 */
enum err db_dump(struct db *d, const char *service, json_t *about, const char *path, int64_t *ret_rows,
		 struct fail *f) MUST_CHECK;
/* db_dump_read: verifies the whole file. ERR_BAD_DATA: damaged, cut off, or of another service. */
enum err db_dump_read(const char *path, const char *service, struct db_dump_head *ret, struct fail *f) MUST_CHECK;
/*
 * db_dump_load: into a database that has no rows yet, in one transaction, then up to the schema of this program.
 * ERR_REFUSED: there are rows; ERR_CONFIG: the file is of a newer schema; ERR_BAD_DATA: as db_dump_read.
 */
enum err db_dump_load(const char *path, const char *service, const char *where, const char *const *steps, size_t count,
		      struct fail *f) MUST_CHECK;

#endif
