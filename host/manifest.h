/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HOST_MANIFEST_H
#define HOST_MANIFEST_H

#include "cms.h"
#include "keyfile.h"

/*
 * The manifest of a key file (docs/formats.md, Manifest): CMS SignedData, DER, over one JSON object, signed by the DC's
 * identity (R2.2, R2.3, R2.9). <name>.keys is there when <name>.manifest is: the manifest is put last.
 */
#define MANIFEST_SUFFIX ".manifest"
#define MANIFEST_MAX ((size_t)65536) /* bytes of a manifest file */
#define MANIFEST_COUNT_MAX KEYFILE_COUNT_MAX
#define MANIFEST_SIZE_MAX ((uint64_t)64 << 20)

struct manifest {
	char dc[65];                     /* name of the DC: the one in its certificate */
	char kms[33];                    /* customer (KMS) id */
	uint64_t sequence;               /* from 1, per DC and KMS, no gaps */
	char name[KEYFILE_NAME_MAX + 1]; /* the key file's name without KEYFILE_SUFFIX */
	char order[65];                  /* production order of all its records */
	uint64_t count;                  /* records */
	uint64_t size;                   /* bytes of the whole key file */
	char sha256[65];                 /* of the whole key file, lower-case hex */
};

/*
 * manifest_make: DER, appended. ERR_USAGE: a field is out of its bounds, dc is another; ERR_INTERNAL: cannot be signed.
 *
 * manifest_read: signature, chain, CRL as roots says, role dc, valid at time at (0: now), form and bounds of every
 * field (unknown and repeated ones are refused); dc must be the name in the signer's certificate. ret_signer: whose
 * certificate it was. Whether kms, name, count, size and digest are those of the file at hand is the caller's to
 * compare. ERR_MALFORMED: no manifest; ERR_REFUSED: signature, chain, role, name. Nothing is written on error.
 */
enum err manifest_make(const struct identity *dc, const struct manifest *m, struct buf *ret_der,
		       struct fail *f) MUST_CHECK;
enum err manifest_read(X509_STORE *roots, time_t at, struct view der, struct manifest *ret,
		       struct cms_signer *ret_signer, struct fail *f) MUST_CHECK;

#endif
