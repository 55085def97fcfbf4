/* SPDX-License-Identifier: BSD-2-Clause */
#include "audit.h"
#include "tables.h"

/*
 * tk_record: what came from the MTMSs, once each, with the DC import time (R2.1); kept for search, repair, re-delivery.
 * waiting: to be put into the next delivery to its KMS. kms_delivery: what leaves together, in order of number.
 */
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
};
const size_t dc_tables_count = ARRAY_LEN(dc_tables);
