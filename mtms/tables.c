/* SPDX-License-Identifier: BSD-2-Clause */
#include "audit.h"
#include "identity.h"
#include "tables.h"

/*
 * sn_key is the SN-Key database of R1.6. Its states: waiting (to be re-wrapped), rewrapped, refused (on receipt),
 * failed (by HSM 1 or by a second look at the signature); refused and failed rows keep their reason and do not count as
 * the terminal's counter. A row with superseded_by (R1.4: a newer TK of the same terminal) is re-wrapped and delivered
 * no more, unless it stands in a delivery already; the newer follows then.
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
	/*
	 * Inventories, permissions, re-wrap by several workers, deliveries with a number. device: the inventory of an
	 * order (R1.5); open: its order is, so that one serial number and one PIN pad stand in one open order only.
	 * permission: who may collect (R2.3); rows stay when they are revoked. A newer TK of a terminal supersedes the
	 * older rows.
	 */
	"CREATE TABLE device (order_id @TEXT NOT NULL REFERENCES production_order (order_id), serial @TEXT NOT NULL,"
	" pin_pad @TEXT NOT NULL, position @INT NOT NULL, state @TEXT NOT NULL CHECK (state IN ('expected', "
	"'collected',"
	" 're-wrapped', 'delivered', 'refused')), reason @TEXT, sn_key @INT, changed @INT NOT NULL,"
	" open @INT NOT NULL, PRIMARY KEY (order_id, serial));"
	"CREATE UNIQUE INDEX device_open ON device (serial) WHERE open = 1;"
	"CREATE UNIQUE INDEX device_pin_pad ON device (pin_pad) WHERE open = 1 AND pin_pad <> '';"
	"CREATE UNIQUE INDEX device_position ON device (order_id, position);"
	"CREATE INDEX device_sn_key ON device (sn_key);"
	"CREATE TABLE permission (id @INT PRIMARY KEY, opterm @TEXT NOT NULL, operator @TEXT NOT NULL,"
	" scope @TEXT NOT NULL CHECK (scope IN ('order', 'customer')), object @TEXT NOT NULL, granted @INT NOT NULL,"
	" revoked @INT);"
	"CREATE UNIQUE INDEX permission_valid ON permission (opterm, operator, scope, object) WHERE revoked IS NULL;"
	"ALTER TABLE sn_key ADD COLUMN order_id @TEXT;"
	"ALTER TABLE sn_key ADD COLUMN superseded_by @INT;"
	"ALTER TABLE sn_key ADD COLUMN claimed_by @TEXT;"
	"ALTER TABLE sn_key ADD COLUMN claimed_worker @INT;"
	"ALTER TABLE sn_key ADD COLUMN claimed_until @INT;"
	"UPDATE sn_key SET order_id = (SELECT b.order_id FROM batch b WHERE b.number = sn_key.batch);"
	"CREATE INDEX sn_key_order ON sn_key (order_id, state, id);"
	"CREATE INDEX sn_key_pin_pad ON sn_key (pin_pad);"
	"CREATE TABLE delivery (sequence @INT PRIMARY KEY, name @TEXT NOT NULL UNIQUE, order_id @TEXT NOT NULL,"
	" records @INT NOT NULL, made @INT NOT NULL, state @TEXT NOT NULL CHECK (state IN ('waiting', 'delivered')),"
	" tries @INT NOT NULL, tried @INT, error @TEXT, accepted @INT, known @INT, refused @INT, settled "
	"@INT);"
	"CREATE INDEX delivery_state ON delivery (state, sequence);"
	"ALTER TABLE outbox RENAME TO outbox_before;"
	"CREATE TABLE outbox (sn_key @INT PRIMARY KEY, order_id @TEXT NOT NULL, record_sha256 @TEXT NOT NULL UNIQUE,"
	" queued @INT NOT NULL, state @TEXT NOT NULL CHECK (state IN ('waiting', 'delivered', 'refused', "
	"'superseded')),"
	" delivery @INT REFERENCES delivery (sequence), reason @TEXT, settled @INT);"
	"INSERT INTO outbox (sn_key, order_id, record_sha256, queued, state, reason, settled) SELECT o.sn_key, "
	"s.order_id,"
	" o.record_sha256, o.queued, o.state, o.reason, o.settled FROM outbox_before o JOIN sn_key s ON s.id = "
	"o.sn_key;"
	"DROP TABLE outbox_before;"
	"CREATE INDEX outbox_order ON outbox (state, order_id, sn_key);"
	"CREATE INDEX outbox_delivery ON outbox (delivery, sn_key);",
	CRL_SEEN_SCHEMA,
};
const size_t mtms_tables_count = ARRAY_LEN(mtms_tables);
