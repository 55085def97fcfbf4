/* SPDX-License-Identifier: BSD-2-Clause */
#include "tables.h"

/*
 * working_key: two rows a generation, PINKEY and MACKEY, of every sign-in there was. made: given out; confirmed: the
 * terminal holds them; retired: they count no more (0: not yet). Current is what is confirmed and not retired, and the
 * database lets no terminal have two. tmk_generation: under which TMK they went out; storage_key: check value of the
 * SRK generation that the ciphertext is under, since wrapped. Times are seconds.
 */
const char kms_step_working[] =
    "CREATE TABLE working_key("
    " serial_number @TEXT NOT NULL,"
    " generation @INT NOT NULL,"
    " kind @TEXT NOT NULL CHECK(kind IN('PINKEY','MACKEY')),"
    " tmk_generation @INT NOT NULL,"
    " type @INT NOT NULL,"
    " length @INT NOT NULL,"
    " ciphertext @BLOB NOT NULL,"
    " storage_key @TEXT NOT NULL,"
    " wrapped @INT NOT NULL,"
    " method @INT NOT NULL,"
    " check_value @TEXT NOT NULL,"
    " made @INT NOT NULL,"
    " confirmed @INT NOT NULL DEFAULT 0,"
    " retired @INT NOT NULL DEFAULT 0,"
    " PRIMARY KEY(serial_number, generation, kind));"
    "CREATE UNIQUE INDEX working_key_current ON working_key(serial_number, kind) WHERE confirmed > 0 AND retired = 0;"
    "CREATE INDEX working_key_live ON working_key(serial_number, generation) WHERE retired = 0;"
    "ALTER TABLE download_error ADD COLUMN tmk_kms @TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE download_error ADD COLUMN tmk_terminal @TEXT NOT NULL DEFAULT '';";
