/* SPDX-License-Identifier: BSD-2-Clause */
/* `transport`: keys that services share, from one token to another (docs/ceremony.md, docs/other-hsms.md). */
#include "ck.h"

#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "rsa_public.h"
#include "statement.h"
#include "transport.h"

static const struct show_field show_fields[] = {
	{ "kind", "kind", "`public key` or `transport file`" },
	{ "fingerprint", "fingerprint", "of the public key, or of the source's statement key in the file" },
	{ "good", "signed", "with --key: did that token sign the file? null: not looked at" },
	{ "file", "file", "what stands in it; null: a public key", transport_fields },
	{ 0 },
};

static enum err show_key(struct officer *o, const char *path, struct fail *f)
{
	RSA_PUBLIC_AUTO key = { 0 };
	char fingerprint[65];
	enum err e = rsa_public_read(path, &key, f);

	if (e == ERR_OK)
		e = fingerprint_hex(buf_view(&key.info), fingerprint, f);
	if (e != ERR_OK)
		return e;
	return officer_show(
	    o, json_pack("{s:s, s:s, s:n, s:n}", "kind", "public key", "fingerprint", fingerprint, "good", "file"), f);
}

static enum err run_show(struct officer *o, char **words, struct fail *f)
{
	const char *path = officer_value(o, "key");
	TRANSPORT_FILE_AUTO x = { 0 };
	struct fail other = { 0 };
	BUF_AUTO key = { 0 };
	char fingerprint[65];
	json_t *good = NULL;
	enum err e = transport_read(words[0], &x, &other);

	if (e != ERR_OK)
		return show_key(o, words[0], f) == ERR_OK ? ERR_OK : fail_set(f, e, other.rv, "%s", other.text);
	e = fingerprint_hex(buf_view(&x.key), fingerprint, f);
	if (e == ERR_OK && path)
		e = statement_key_read(path, &key, f);
	if (e != ERR_OK)
		return e;
	good = path ? json_boolean(transport_proved(&x, buf_view(&key), &other) == ERR_OK) : json_null();
	if (json_is_false(good))
		officer_found(o);
	return officer_show(o,
			    json_pack("{s:s, s:s, s:o, s:o}", "kind", "transport file", "fingerprint", fingerprint,
				      "good", good, "file", transport_json(&x)),
			    f);
}

static const struct officer_option options[] = {
	{ "to", "FILE", "approve, export: the receiver's public key or certificate (PEM or DER)" },
	{ "under", "LABEL", "the transport key (KTK) that was combined in both tokens, in the place of --to" },
	{ "out", "FILE", "request: the public key; export: the transport file (mode 0600)" },
	{ "bits", "N", "request: of the receiver's key, 2048 to 4096; 3072" },
	{ "label", "LABEL", "request: of the receiver's key; `transport`" },
	{ "generation", "N", "approve, export: this generation of the key, not the newest" },
	{ "hash", "NAME", "export: of OAEP: sha1, sha256, sha384, sha512; sha256 (SoftHSMv2 opens sha1 alone)" },
	{ "fingerprint", "DIGITS",
	  "approve: at least 16 digits of the receiver's fingerprint, as the receiver reads them; typed otherwise" },
	{ "key", "FILE", "accept, import, show: the source's statement key (`strongroom ceremony key`)" },
	{ "source", "DIGITS", "accept, import: without --key: at least 16 digits of its fingerprint; typed otherwise" },
	{ "expect", "VALUE", "accept, import, approve --under: the check value that it must have; asked otherwise" },
	{ "custodian", "NAME", "export, import: he is here, and approves first", true },
	{ "custodian-pin-file", "NAME=FILE", "his PIN", true },
	{ "for", "SERVICE", "import into a token of another maker: only what `mtms` or `kms` does with the key" },
	{ "pin-part", "FILE", "import into a token of another maker: a part of its PIN, one of each officer", true },
	{ 0 },
};
static const struct officer_form forms[] = {
	{ "request", "", 0, 0, "the receiver: makes a key to be sent to; any module", transport_run_request,
	  transport_key_fields },
	{ "approve", "LABEL", 1, 1, "the source: a custodian (--user) approves this key for this receiver",
	  transport_run_approve, transport_approved_fields },
	{ "export", "LABEL", 1, 1, "the source: the key into a transport file; two others have approved it",
	  transport_run_export, transport_out_fields },
	{ "accept", "FILE", 1, 1, "the receiver: a custodian (--user) approves that this comes in",
	  transport_run_accept, transport_approved_fields },
	{ "import", "FILE", 1, 1, "the receiver: the key comes in; into any module", transport_run_import,
	  transport_in_fields },
	{ "show", "FILE", 1, 1, "what a transport file says; the fingerprint of a public key", run_show, show_fields },
	{ 0 },
};
const struct officer_command command_transport = {
	.name = "transport",
	.summary = "keys that services share, from one token to another",
	.text =
	    "PK, MAK, SRK, FPK, KBPK, ROOT and DMK go from a token of strongroom into another one, or into a module of "
	    "another maker, under the receiver's RSA key or under a transport key of components; nothing else does. "
	    "Two "
	    "custodians approve what leaves, two what comes in, each of them by what the other side reads to him: the "
	    "fingerprint of the receiver, the check value of the key. A token of another maker cannot ask for "
	    "approvals: "
	    "there each of two officers brings a part of the PIN (docs/ceremony.md, docs/other-hsms.md).",
	.common = COMMON_TOKEN | COMMON_USER,
	.options = options,
	.forms = forms,
	.examples =
	    "strongroom transport request --out node2.pem --token NODE2\n"
	    "strongroom transport approve PK-ACME --to node2.pem --user anna --token HSM2\n"
	    "strongroom transport export PK-ACME --to node2.pem --out pk.transport --token HSM2\n"
	    "strongroom transport import pk.transport --key hsm2.pem --custodian anna --custodian bert --token NODE2",
};
