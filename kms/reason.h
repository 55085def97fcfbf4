/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KMS_REASON_H
#define KMS_REASON_H

#include "err.h"

/*
 * Why the KMS did not take a file or a record, or ended a handshake: the one list. Each row: name, word for programs,
 * what a peer may see, text for operators (key_source.error, key_file.error, audit). The peer sees nothing else of it:
 * every refusal of a terminal looks the same.
 */
#define REASON_LIST(X)                                                                                                 \
	X(REASON_NONE, "none", ERR_OK, "no reason")                                                                    \
	/* files and message deliveries (R2.2) */                                                                      \
	X(REASON_FILE_FORM, "file-form", ERR_MALFORMED, "not a whole key file: form, count or digest is wrong")        \
	X(REASON_FILE_LARGE, "file-large", ERR_TOO_LARGE, "key file larger than allowed")                              \
	X(REASON_FILE_NAME, "file-name-seen", ERR_DUPLICATE, "a file of this name was imported before")                \
	X(REASON_FILE_CONTENT, "file-content-seen", ERR_DUPLICATE,                                                     \
	  "this content was imported before under another name")                                                       \
	X(REASON_FILE_OTHER_KMS, "file-other-kms", ERR_REFUSED, "key file for another KMS")                            \
	X(REASON_FILE_RENAMED, "file-renamed", ERR_REFUSED, "file name is not the name inside the key file")           \
	X(REASON_DELIVERY_CHANGED, "delivery-changed", ERR_REFUSED,                                                    \
	  "a delivery of this number was received before with other content")                                          \
	X(REASON_MANIFEST_FORM, "manifest-form", ERR_MALFORMED, "the manifest of the key file is malformed")           \
	X(REASON_MANIFEST_SIGNER, "manifest-signer", ERR_REFUSED,                                                      \
	  "the manifest is not signed by the DC that it names")                                                        \
	X(REASON_MANIFEST_FILE, "manifest-file", ERR_REFUSED,                                                          \
	  "the key file is not the one of its manifest: DC, name, count, size or digest differ")                       \
	X(REASON_FILE_GONE, "file-gone", ERR_NOT_FOUND, "there is a manifest, but not its key file")                   \
	X(REASON_FILE_REPLACED, "file-replaced", ERR_REFUSED,                                                          \
	  "another content came under this name before the first was read to its end")                                 \
	X(REASON_NOTICE, "notice", ERR_REFUSED, "the key file is not the one that the DC announced")                   \
	/* records (R2.4) */                                                                                           \
	X(REASON_FORM, "form", ERR_MALFORMED, "record malformed")                                                      \
	X(REASON_OTHER_KMS, "other-kms", ERR_REFUSED, "record for another KMS")                                        \
	X(REASON_SUITE, "suite", ERR_REFUSED, "no PK and MAK for the suite of the record")                             \
	X(REASON_COUNTER, "counter", ERR_REFUSED, "TK counter not above the stored one")                               \
	X(REASON_RECORD, "record-mac", ERR_REFUSED, "the HSM refused the record: its MAC is wrong")                    \
	/* handshakes and downloads (R1.9 to R1.11, R2.7) */                                                           \
	X(REASON_UNKNOWN, "unknown", ERR_REFUSED, "no formal record of this serial number")                            \
	X(REASON_FORMAL, "formal-record", ERR_REFUSED, "the HSM refused the formal record: it was altered")            \
	X(REASON_FORMAL_ROW, "formal-row", ERR_REFUSED, "the formal record does not belong to its row")                \
	X(REASON_VERSION, "version", ERR_REFUSED, "handshake version is not the one of the record")                    \
	X(REASON_NONCE, "nonce", ERR_REFUSED, "terminal nonce has the wrong length")                                   \
	X(REASON_PROOF, "proof", ERR_REFUSED, "the terminal did not prove that it holds AUK")                          \
	X(REASON_SUPERSEDED, "superseded", ERR_REFUSED, "a newer handshake of this serial number ended this one")      \
	X(REASON_TMK_TYPE, "tmk-type", ERR_REFUSED, "this TEK cannot carry the terminal's TMK: renew the TMK")         \
	X(REASON_CONFIRM, "confirm", ERR_REFUSED, "the confirmation does not verify")                                  \
	X(REASON_CONFIRM_VALUE, "confirm-value", ERR_REFUSED, "the terminal confirms another check value")             \
	X(REASON_REPLAY, "replay", ERR_REFUSED, "this serial number sent this nonce before")                           \
	X(REASON_RATE, "rate", ERR_REFUSED, "too many handshakes of this serial number or address in this minute")     \
	X(REASON_LOCKED, "locked", ERR_REFUSED, "locked out for a time after failed proofs")                           \
	X(REASON_UNPROVEN, "unproven", ERR_BUSY, "too many handshakes that proved nothing yet")                        \
	X(REASON_EXPIRED, "expired", ERR_TIMEOUT, "the handshake took too long")                                       \
	X(REASON_FRAME, "frame", ERR_MALFORMED, "malformed frame")                                                     \
	X(REASON_FRAME_LARGE, "frame-large", ERR_TOO_LARGE, "frame larger than allowed")                               \
	X(REASON_ORDER, "order", ERR_UNEXPECTED, "frame not expected now")                                             \
	X(REASON_FULL, "full", ERR_BUSY, "too many connections")                                                       \
	X(REASON_BUSY, "busy", ERR_BUSY, "no free session in the HSM")                                                 \
	X(REASON_PEER, "peer", ERR_PEER, "the terminal ended the handshake")                                           \
	X(REASON_HSM, "hsm", ERR_INTERNAL, "the HSM could not work")                                                   \
	X(REASON_DB_BUSY, "database-busy", ERR_BUSY, "the database was busy or its connection lost; nothing changed")  \
	X(REASON_DB, "database", ERR_INTERNAL, "the database could not work")

enum reason {
#define REASON_ENUM(name, word, code, text) name,
	REASON_LIST(REASON_ENUM)
#undef REASON_ENUM
	    REASON_COUNT
};

/* reason_word: for programs and audit; reason_err: what a peer is told; reason_text: for operators. */
const char *reason_word(enum reason r);
enum err reason_err(enum reason r);
const char *reason_text(enum reason r);

#endif
