/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HOST_AUDIT_H
#define HOST_AUDIT_H

#include "db.h"

/*
 * The operator's records: one row per event in the service's own database. Append only (triggers refuse UPDATE and
 * DELETE). AUDIT_SCHEMA is a step of the service's schema. text may name steps, reasons and check values; no secrets.
 */
#define AUDIT_SCHEMA                                                                                                   \
	"CREATE TABLE audit (id @ID, at @INT NOT NULL, peer @TEXT NOT NULL, event @TEXT NOT NULL, "                    \
	"object @TEXT NOT NULL, code @INT NOT NULL, text @TEXT NOT NULL);"                                             \
	"CREATE INDEX audit_object ON audit (object);"                                                                 \
	"@APPEND_ONLY(audit)"

#define AUDIT_CONSOLE "console:" /* as peer: whoever runs this program; his name, or number, is put behind it */
struct audit_entry {
	const char *peer;   /* "role:name", an address, or AUDIT_CONSOLE; NULL: "" */
	const char *event;  /* message or step name */
	const char *object; /* serial number, batch, file; NULL: "" */
	enum err code;
	const char *text; /* NULL: "" */
};
/* audit_append: part of the open transaction if there is one, else durable on return. Time is now, unix seconds. */
enum err audit_append(struct db *d, const struct audit_entry *e, struct fail *f) MUST_CHECK;
/* audit_console: the same for a command at this machine that was done. */
enum err audit_console(struct db *db, const char *event, const char *object, const char *text,
		       struct fail *f) MUST_CHECK;
/*
 * audit_settle: the end of a command's transaction in which e is what came of it: db_settle, with an entry of
 * audit_console. A change that an operator makes is audited, or not made.
 */
enum err audit_settle(struct db *db, enum err e, const char *event, const char *object, const char *text,
		      struct fail *f) MUST_CHECK;

#endif
