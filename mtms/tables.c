/* SPDX-License-Identifier: BSD-2-Clause */
#include "audit.h"
#include "tables.h"

/*
 * sn_key is the SN-Key database of R1.6. Its states: waiting (to be re-wrapped), rewrapped, refused (on receipt),
 * failed (by HSM 1 or by a second look at the signature); refused and failed rows keep their reason and do not count as
 * the terminal's counter.
 */
const char *const mtms_tables[] = {
	"CREATE TABLE pr_key (key_index @INT PRIMARY KEY, label @TEXT NOT NULL, spki @BLOB, created @INT NOT NULL);"
	"CREATE TABLE working_certificate (serial @BLOB PRIMARY KEY, key_index @INT NOT NULL REFERENCES pr_key "
	"(key_index),"
	" certificate @BLOB NOT NULL, imported @INT NOT NULL, number @INT NOT NULL UNIQUE);"
	"CREATE TABLE production_order (order_id @TEXT PRIMARY KEY, customer @TEXT NOT NULL, created @INT NOT NULL,"
	" state @TEXT NOT NULL CHECK (state IN ('open', 'closed')));"
	"CREATE TABLE batch (number @ID, batch_id @TEXT NOT NULL UNIQUE,"
	" order_id @TEXT NOT NULL REFERENCES production_order (order_id), content_sha256 @TEXT NOT NULL, cms @BLOB NOT "
	"NULL,"
	" signer @TEXT NOT NULL, signer_serial @TEXT NOT NULL, sender @TEXT NOT NULL, received @INT NOT NULL,"
	" state @TEXT NOT NULL CHECK (state IN ('received', 'done', 'failed')));"
	"CREATE INDEX batch_state ON batch (state, number);"
	"CREATE TABLE sn_key (id @ID, serial @TEXT NOT NULL, pin_pad @TEXT NOT NULL, counter @INT NOT "
	"NULL,"
	" cert_serial @BLOB, batch @INT NOT NULL REFERENCES batch (number), position @INT NOT NULL,"
	" collected @INT NOT NULL, packet @BLOB NOT NULL,"
	" state @TEXT NOT NULL CHECK (state IN ('waiting', 'rewrapped', 'refused', 'failed')), reason @TEXT,"
	" record @BLOB, rewrapped @INT, UNIQUE (batch, position));"
	"CREATE INDEX sn_key_serial ON sn_key (serial, counter);"
	"CREATE TABLE outbox (number @ID, sn_key @INT NOT NULL UNIQUE REFERENCES "
	"sn_key (id),"
	" record_sha256 @TEXT NOT NULL UNIQUE, queued @INT NOT NULL,"
	" state @TEXT NOT NULL CHECK (state IN ('waiting', 'delivered', 'refused')), reason @TEXT, settled @INT);"
	"CREATE INDEX outbox_state ON outbox (state, number);" AUDIT_SCHEMA,
};
const size_t mtms_tables_count = ARRAY_LEN(mtms_tables);
