/* SPDX-License-Identifier: BSD-2-Clause */
#include "audit.h"
#include "identity.h"
#include "tables.h"

/*
 * tk_record: what came from the MTMSs, once each, with the DC import time (R2.1); kept for search, repair, re-delivery.
 * waiting: to be put into the next delivery to its KMS. Records without an order came before there were orders: "none".
 *
 * mtms, receipt, receipt_refusal: the deliveries of each MTMS by its number, and what was answered; epoch grows when an
 * MTMS begins anew with number 1. delivery, delivery_item: what leaves together, in order of sequence, which is without
 * gaps per customer; placed: its files stand there, the notice is due. route: how each way does; sequence: the last one
 * given.
 */
#define DELIVERIES                                                                                                     \
	"CREATE TABLE mtms (name @TEXT PRIMARY KEY, epoch @INT NOT NULL, last @INT NOT NULL, seen @INT NOT NULL);"     \
	"CREATE TABLE receipt (mtms @TEXT NOT NULL, epoch @INT NOT NULL, sequence @INT NOT NULL, name @TEXT NOT NULL," \
	" order_id @TEXT NOT NULL, digest @TEXT NOT NULL, accepted @INT NOT NULL, known @INT NOT NULL,"                \
	" refused @INT NOT NULL, received @INT NOT NULL, PRIMARY KEY (mtms, epoch, sequence));"                        \
	"CREATE TABLE receipt_refusal (mtms @TEXT NOT NULL, epoch @INT NOT NULL, sequence @INT NOT NULL,"              \
	" position @INT NOT NULL, reason @TEXT NOT NULL, PRIMARY KEY (mtms, epoch, sequence, position));"              \
	"CREATE TABLE route (customer @TEXT PRIMARY KEY, mode @TEXT NOT NULL, place @TEXT NOT NULL,"                   \
	" state @TEXT NOT NULL CHECK (state IN ('open', 'parked')), attempts @INT NOT NULL, error @TEXT NOT NULL,"     \
	" since @INT NOT NULL, next_try @INT NOT NULL, sequence @INT NOT NULL);"                                       \
	"CREATE TABLE delivery (number @ID, customer @TEXT NOT NULL, sequence @INT NOT NULL, name @TEXT NOT NULL "     \
	"UNIQUE,"                                                                                                      \
	" order_id @TEXT NOT NULL, count @INT NOT NULL, kind @TEXT NOT NULL CHECK (kind IN ('new', 'again')),"         \
	" state @TEXT NOT NULL CHECK (state IN ('waiting', 'placed', 'delivered', 'skipped')),"                        \
	" created @INT NOT NULL, placed @INT, settled @INT, manifest @BLOB, UNIQUE (customer, sequence));"             \
	"CREATE INDEX delivery_waits ON delivery (customer, sequence) WHERE state IN ('waiting', 'placed');"           \
	"CREATE TABLE delivery_item (delivery @INT NOT NULL REFERENCES delivery (number), position @INT NOT NULL,"     \
	" record @INT NOT NULL REFERENCES tk_record (id), PRIMARY KEY (delivery, position));"                          \
	"CREATE INDEX delivery_item_record ON delivery_item (record);"

/* From the tables of the first step, whose states could not be widened. */
#define FROM_THE_FIRST                                                                                                 \
	"INSERT INTO delivery (customer, sequence, name, order_id, count, kind, state, created, settled)"              \
	" SELECT customer, row_number() OVER (PARTITION BY customer ORDER BY number), name, 'none', count, 'new',"     \
	" state, created, delivered FROM kms_delivery ORDER BY number;"                                                \
	"INSERT INTO delivery_item (delivery, position, record) SELECT d.number, r.position, r.record FROM"            \
	" delivery_record r JOIN kms_delivery k ON k.number = r.delivery JOIN delivery d ON d.name = k.name;"          \
	"INSERT INTO route (customer, mode, place, state, attempts, error, since, next_try, sequence)"                 \
	" SELECT customer, '', '', 'open', 0, '', 0, 0, max(sequence) FROM delivery GROUP BY customer;"                \
	"DROP TABLE delivery_record;"                                                                                  \
	"DROP TABLE kms_delivery;"                                                                                     \
	"ALTER TABLE tk_record ADD COLUMN order_id @TEXT NOT NULL DEFAULT 'none';"                                     \
	"CREATE INDEX tk_record_order ON tk_record (order_id, id);"

const char *const dc_tables[] = {
	"CREATE TABLE tk_record (id @ID, record_sha256 @TEXT NOT NULL UNIQUE,"
	" customer @TEXT NOT NULL, serial @TEXT NOT NULL, pin_pad @TEXT NOT NULL, cert_serial @BLOB NOT NULL,"
	" counter @INT NOT NULL, collected @INT NOT NULL, mtms @TEXT NOT NULL, mtms_delivery @TEXT NOT NULL,"
	" imported @INT NOT NULL, record @BLOB NOT NULL, waiting @INT NOT NULL CHECK (waiting IN (0, 1)));"
	"CREATE INDEX tk_record_serial ON tk_record (serial);"
	"CREATE INDEX tk_record_waiting ON tk_record (customer, id) WHERE waiting = 1;"
	"CREATE TABLE kms_delivery (number @ID, name @TEXT NOT NULL UNIQUE,"
	" customer @TEXT NOT NULL, created @INT NOT NULL, count @INT NOT NULL,"
	" state @TEXT NOT NULL CHECK (state IN ('waiting', 'delivered')), delivered @INT, error @TEXT);"
	"CREATE INDEX kms_delivery_state ON kms_delivery (customer, state, number);"
	"CREATE TABLE delivery_record (delivery @INT NOT NULL REFERENCES kms_delivery (number),"
	" position @INT NOT NULL, record @INT NOT NULL REFERENCES tk_record (id),"
	" PRIMARY KEY (delivery, position));"
	"CREATE INDEX delivery_record_record ON delivery_record (record);" AUDIT_SCHEMA,
	DELIVERIES FROM_THE_FIRST,
	CRL_SEEN_SCHEMA,
};
const size_t dc_tables_count = ARRAY_LEN(dc_tables);
