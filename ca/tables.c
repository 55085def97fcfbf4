/* SPDX-License-Identifier: BSD-2-Clause */
#include "tables.h"
#include "audit.h"

/*
 * A certificate has its row before it leaves the CA; its serial number is the key of the table, so that none is used
 * twice. Times are seconds since 1970.
 */
const char *const ca_tables[] = {
	"CREATE TABLE setting (name @TEXT PRIMARY KEY, value @TEXT NOT NULL);"
	"CREATE TABLE root (number @INT PRIMARY KEY, uri @TEXT NOT NULL, certificate @BLOB NOT NULL,"
	" created @INT NOT NULL, crl_number @INT NOT NULL, crl_made @INT, crl_until @INT);"
	"CREATE TABLE certificate (serial @TEXT PRIMARY KEY, number @INT NOT NULL UNIQUE, root @INT NOT NULL "
	"REFERENCES root (number),"
	" role @TEXT NOT NULL, name @TEXT NOT NULL, san @TEXT, not_before @INT NOT NULL, not_after @INT NOT NULL,"
	" sha256 @TEXT NOT NULL UNIQUE, key_sha256 @TEXT NOT NULL, certificate @BLOB NOT NULL, issued @INT NOT NULL,"
	" renews @TEXT REFERENCES certificate (serial), revoked @INT, reason @TEXT);"
	"CREATE INDEX certificate_key ON certificate (key_sha256);"
	"CREATE INDEX certificate_end ON certificate (not_after);" AUDIT_SCHEMA,
};
const size_t ca_tables_count = ARRAY_LEN(ca_tables);
