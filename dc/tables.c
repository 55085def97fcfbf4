/* SPDX-License-Identifier: BSD-2-Clause */
#include "audit.h"
#include "tables.h"

/*
 * tk_record: what came from the MTMSs, once each, with the DC import time (R2.1); kept for search, repair, re-delivery.
 * waiting: to be put into the next delivery to its KMS. kms_delivery: what leaves together, in order of number.
 */
const char *const dc_tables[] = {
	"CREATE TABLE tk_record (id INTEGER PRIMARY KEY AUTOINCREMENT, record_sha256 TEXT NOT NULL UNIQUE,"
	" customer TEXT NOT NULL, serial TEXT NOT NULL, pin_pad TEXT NOT NULL, cert_serial BLOB NOT NULL,"
	" counter INTEGER NOT NULL, collected INTEGER NOT NULL, mtms TEXT NOT NULL, mtms_delivery TEXT NOT NULL,"
	" imported INTEGER NOT NULL, record BLOB NOT NULL, waiting INTEGER NOT NULL CHECK (waiting IN (0, 1)));"
	"CREATE INDEX tk_record_serial ON tk_record (serial);"
	"CREATE INDEX tk_record_waiting ON tk_record (customer, id) WHERE waiting = 1;"
	"CREATE TABLE kms_delivery (number INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE,"
	" customer TEXT NOT NULL, created INTEGER NOT NULL, count INTEGER NOT NULL,"
	" state TEXT NOT NULL CHECK (state IN ('waiting', 'delivered')), delivered INTEGER, error TEXT);"
	"CREATE INDEX kms_delivery_state ON kms_delivery (customer, state, number);"
	"CREATE TABLE delivery_record (delivery INTEGER NOT NULL REFERENCES kms_delivery (number),"
	" position INTEGER NOT NULL, record INTEGER NOT NULL REFERENCES tk_record (id),"
	" PRIMARY KEY (delivery, position)) WITHOUT ROWID;"
	"CREATE INDEX delivery_record_record ON delivery_record (record);" AUDIT_SCHEMA,
};
const size_t dc_tables_count = ARRAY_LEN(dc_tables);
