/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <unistd.h>

#include "log.h"
#include "identity.h"
#include "import.h"
#include "open.h"
#include "pickup.h"
#include "pool.h"
#include "tmk.h"

#define NODE_NAME_MAX 32

const struct conf_key kms_keys[] = {
	{ "", "customer", CONF_REQUIRED, "our customer (KMS) id; records for another one are refused" },
	{ "", "database", CONF_REQUIRED,
	  "file of SQLite, or postgresql://user@host/name?sslrootcert=FILE&passfile=FILE" },
	{ "", "listen", NULL, "address and port of HTTPS for records by message; absent: none" },
	IDENTITY_KEYS(NULL, "kms"),
	{ "token", "uri", CONF_REQUIRED, "PKCS#11 URI of HSM 2, with pin-source" },
	{ "token", "way", "any", "key operations: any, vendor or standard mechanisms" },
	{ "token", "srk", CONF_REQUIRED,
	  "PKCS#11 URI of the storage key of TMKs and working keys; kmsd srk-init makes it" },
	{ "token", "srk_old", NULL, "PKCS#11 URI of the storage key before srk, where the HSM has no generations" },
	{ "token", "fpk", NULL, "PKCS#11 URI of the fingerprint key; absent: no fingerprints; kmsd fpk-init makes it" },
	{ "token", "pk", NULL, "PKCS#11 URI of PK of suite 2 (AES)" },
	{ "token", "mak", NULL, "PKCS#11 URI of MAK of suite 2 (AES)" },
	{ "token", "pk_tdes", NULL, "PKCS#11 URI of PK of suite 1 (TDES)" },
	{ "token", "mak_tdes", NULL, "PKCS#11 URI of MAK of suite 1 (TDES)" },
	{ "token", "pk_block", NULL, "PKCS#11 URI of PK of suite 3 (AES, key blocks)" },
	{ "token", "mak_block", NULL, "PKCS#11 URI of MAK of suite 3 (AES)" },
	{ "terminals", "listen", "127.0.0.1:0",
	  "address and port for terminals; port 0: any free one; none: TLS only" },
	{ "terminals", "tls_listen", NULL, "address and port for terminals that speak TLS; absent: none" },
	{ "terminals", "connections", "400", "terminals at once" },
	{ "terminals", "address_connections", "100", "of these, from one address (IPv6: one /64)" },
	{ "terminals", "expiry_ms", "10000", "a connection lives this long at most" },
	{ "node", "name", NULL, "our name among the kmsd that share the database; absent: the host's name" },
	{ "limits", "pair_per_minute", "60", "handshakes of one serial number at one address in a minute" },
	{ "limits", "address_per_minute", "3000", "handshakes of one address (IPv6: one /64) in a minute" },
	{ "limits", "pair_failures", "5", "failed proofs that lock a serial number at that address" },
	{ "limits", "address_failures", "100", "failed proofs that lock an address" },
	{ "limits", "lock_s", "30", "the first lock-out; doubled with each failure more" },
	{ "limits", "lock_max_s", "3600", "the longest lock-out" },
	{ "limits", "forget_s", "86400", "failures are forgotten after so long without one" },
	{ "limits", "unproven", "2000", "handshakes at once that proved nothing yet, of all nodes" },
	{ "limits", "address_unproven", "200", "of these, of one address" },
	{ "limits", "nonce_s", "86400", "so long a terminal's nonce is remembered: it is taken once" },
	{ "limits", "alarm_failures", "50", "failed proofs over all terminals that open the alarm" },
	{ "limits", "alarm_window_s", "600", "within so many seconds" },
	{ "limits", "error_days", "90", "so many days it is kept why a download failed (download_error)" },
	{ "limits", "told", "1000",
	  "refused handshakes that proved nothing are audited one by one; when there were so many, one in 5 s" },
	{ "spool", "folder", NULL, "folder with key files; absent: none" },
	{ "spool", "poll_ms", "500", "how often the folder is looked at" },
	{ "spool", "file_max", "67108864", "largest key file, bytes" },
	{ "spool", "settle_s", "30",
	  "files that are not whole are judged when nothing of them changed for so long, seconds" },
	{ "spool", "orphan_s", "3600", "a key file without its manifest is refused so long after it came, seconds" },
	PICKUP_KEYS,
	{ "tmk", "type", "as-tek", "type of new TMKs: as-tek, tdes:16, tdes:24, aes:16, aes:24, aes:32" },
	{ "tmk", "renew_after_days", "0", "a TMK is renewed so many days after it was confirmed; 0: never" },
	{ "tmk", "renew_after_downloads", "0", "or when it was downloaded so often; 0: never" },
	{ "mail", "poll_ms", "1000", "how often waiting notifications are looked for" },
	{ "mail", "timeout_ms", "60000", "a delivery to the mail server may take so long" },
	{ "mail", "retry_first_ms", "60000",
	  "pause of a recipient's mail after a failure; doubles with each further one" },
	{ "mail", "retry_max_ms", "3600000", "longest such pause" },
	{ "mail", "give_up_days", "5", "a notification that could not be sent for so long is given up" },
	POOL_KEYS("so many for terminals, so many for messages"),
};
const size_t kms_keys_count = ARRAY_LEN(kms_keys);

/* By suite: the configuration keys of PK and MAK. */
static const struct suite_keys {
	uint8_t suite;
	const char *pk;
	const char *mak;
} suites[] = {
	{ FORMAT_SUITE_TDES, "pk_tdes", "mak_tdes" },
	{ FORMAT_SUITE_AES, "pk", "mak" },
	{ FORMAT_SUITE_BLOCK, "pk_block", "mak_block" },
};

enum err kms_open_db(const struct conf *c, struct db **ret, struct fail *f)
{
	return db_open(conf_get(c, "", "database"), kms_schema, kms_schema_count, ret, f);
}

enum err kms_identity(const struct conf *c, struct identity **ret, struct fail *f)
{
	char name[FORMAT_CUSTOMER_MAX + 1];
	struct identity *identity = NULL;
	struct db *db = NULL;
	enum err e = identity_configured(c, ROLE_KMS, &identity, f);

	if (!e)
		e = identity_own_name(c, "customer", conf_get(c, "", "customer"), FORMAT_CUSTOMER_MAX, name, f);
	if (!e)
		e = kms_open_db(c, &db, f);
	if (!e)
		e = identity_crl_remember(identity->roots, db, f);
	if (e)
		identity_free(identity);
	else
		*ret = identity;
	return e;
}

enum err kms_open_change(const struct conf *c, struct db **ret, struct fail *f)
{
	enum err e = kms_open_db(c, ret, f);

	return e ? e : db_begin(*ret, f);
}

enum err kms_open_token(const struct conf *c, struct kms *k, struct fail *f)
{
	struct pk11_options options = { .sessions_max = 1024 };
	BUF_AUTO ways = { 0 };
	BUF_AUTO relaxed = { 0 };
	enum ops_way way;
	enum err e;

	if (!ops_way_of_name(conf_get(c, "token", "way"), &way))
		return fail_set(f, ERR_CONFIG, 0, "[token] way: any, vendor or standard");
	e = pk11_open(conf_get(c, "token", "uri"), &options, &k->token, f);
	if (!e)
		e = ops_open(k->token, OPS_FOR_KMS, way, &k->ops, f);
	if (e)
		return e;
	ops_describe(k->ops, &ways);
	buf_put_u8(&ways, 0);
	if (buf_ok(&ways))
		log_line(LOG_LEVEL_INFO, "token", "%s: %s", pk11_describe(k->token), (const char *)ways.p);
	ops_relaxations(k->ops, &relaxed);
	buf_put_u8(&relaxed, 0);
	if (relaxed.len > 1 && buf_ok(&relaxed))
		log_line(LOG_LEVEL_WARN, "token", "%s", (const char *)relaxed.p);
	return ERR_OK;
}

/* The key is looked for now, so that a wrong URI is seen at the start and not at the first record. */
static enum err key_open(struct kms *k, const char *uri, struct pk11_key **ret, struct fail *f)
{
	struct pk11_session *s = NULL;
	CK_OBJECT_HANDLE handle;
	enum err e;

	e = pk11_key_new(k->token, uri, ret, f);
	if (!e)
		e = pk11_borrow(k->token, &s, f);
	if (e)
		return e;
	e = pk11_key_handle(s, *ret, &handle, f);
	pk11_return(s, CKR_OK);
	return e;
}

/* srk_old has to be there only while a TMK is under it. */
static enum err srk_open(const struct conf *c, struct kms *k, struct fail *f)
{
	const char *old = conf_get(c, "token", "srk_old");
	enum err e = key_open(k, conf_get(c, "token", "srk"), &k->srk, f);

	if (e || !old)
		return e;
	e = pk11_key_new(k->token, old, &k->srk_old, f);
	if (!e)
		pk11_key_behind(k->srk, k->srk_old);
	return e;
}

enum err kms_open_srk(const struct conf *c, struct kms *k, struct fail *f)
{
	enum err e = kms_open_db(c, &k->db, f);

	if (!e)
		e = kms_open_token(c, k, f);
	return e ? e : srk_open(c, k, f);
}

static enum err keys_open(const struct conf *c, struct kms *k, struct fail *f)
{
	unsigned count = 0;
	enum err e;

	e = srk_open(c, k, f);
	for (size_t i = 0; !e && i < ARRAY_LEN(suites); i++) {
		struct ops_record_keys *keys = &k->keys[suites[i].suite];
		const char *pk = conf_get(c, "token", suites[i].pk), *mak = conf_get(c, "token", suites[i].mak);

		if (!pk && !mak)
			continue;
		if (!pk || !mak)
			return fail_set(f, ERR_CONFIG, 0, "[token]: %s and %s go together", suites[i].pk,
					suites[i].mak);
		e = key_open(k, pk, &keys->pk, f);
		if (!e)
			e = key_open(k, mak, &keys->mak, f);
		if (!e)
			e = ops_suite_keys(k->ops, suites[i].suite, keys->pk, keys->mak, f);
		count++;
	}
	if (!e && !count)
		e = fail_set(f, ERR_CONFIG, 0, "[token]: no PK and MAK");
	return e;
}

static enum err node_name(const struct conf *c, struct kms *k, struct fail *f)
{
	static char host[NODE_NAME_MAX + 1];

	k->node = conf_get(c, "node", "name");
	if (!k->node && (!gethostname(host, sizeof(host) - 1) || errno == ENAMETOOLONG)) {
		for (char *p = host; *p; p++)
			if (!format_customer_ok(VIEW(p, 1)))
				*p = '-';
		k->node = host[0] ? host : "node";
	}
	if (!k->node || !format_customer_ok(view_of_string(k->node)))
		return fail_set(f, ERR_CONFIG, 0, "[node] name: 1 to 32 of [A-Za-z0-9._-]");
	return ERR_OK;
}

/* What the topic files for terminals need besides keys. */
static enum err terminals_read(const struct conf *c, struct kms *k, struct fail *f)
{
	unsigned long expiry = 0;
	enum err e = node_name(c, k, f);

	if (!e)
		e = conf_number(c, "terminals", "expiry_ms", 10, 600000, &expiry, f);
	if (!e)
		e = conf_number(c, "tmk", "renew_after_days", 0, 36500, &k->renew_after_days, f);
	if (!e)
		e = conf_number(c, "tmk", "renew_after_downloads", 0, 1000000, &k->renew_after_downloads, f);
	k->expiry_ms = (unsigned)expiry;
	return e ? e : limits_read(c, &k->limits, f);
}

/* Fingerprints under another key cannot be compared: its check value goes with each. */
static enum err fpk_open(const struct conf *c, struct kms *k, struct fail *f)
{
	const char *uri = conf_get(c, "token", "fpk");
	struct check_value check;
	enum err e;

	if (!uri)
		return ERR_OK;
	e = key_open(k, uri, &k->fpk, f);
	if (!e)
		e = ops_check_value(k->ops, k->fpk, &check, f);
	if (!e)
		check_hex(&check, k->fpk_check);
	return e;
}

enum err kms_open_keys(const struct conf *c, struct kms *k, struct fail *f)
{
	enum err e;

	k->customer = conf_get(c, "", "customer");
	e = kms_open_token(c, k, f);
	if (!e)
		e = keys_open(c, k, f);
	return e ? e : fpk_open(c, k, f);
}

enum err kms_open(const struct conf *c, struct kms *k, struct fail *f)
{
	enum err e;

	k->customer = conf_get(c, "", "customer");
	if (!format_customer_ok(view_of_string(k->customer)))
		return fail_set(f, ERR_CONFIG, 0, "customer: 1 to 32 of [A-Za-z0-9._-]");
	if (!tmk_type_parse(conf_get(c, "tmk", "type"), &k->tmk_type, &k->tmk_length))
		return fail_set(f, ERR_CONFIG, 0, "[tmk] type: as-tek, tdes:16, tdes:24, aes:16, aes:24 or aes:32");
	e = terminals_read(c, k, f);
	if (!e)
		e = kms_open_db(c, &k->db, f);
	return e ? e : kms_open_keys(c, k, f);
}

enum err kms_copy(const struct kms *k, const struct conf *c, struct kms *ret, struct fail *f)
{
	*ret = *k;
	ret->db = NULL;
	ret->hand = NULL;
	return kms_open_db(c, &ret->db, f);
}

void kms_copy_done(struct kms *k)
{
	import_drop(k);
	db_free(k->db);
	k->db = NULL;
}

void kms_done(struct kms *k)
{
	import_drop(k);
	for (size_t i = 0; i < ARRAY_LEN(k->keys); i++) {
		pk11_key_free(k->keys[i].pk);
		pk11_key_free(k->keys[i].mak);
	}
	pk11_key_free(k->srk);
	pk11_key_free(k->srk_old);
	pk11_key_free(k->fpk);
	ops_free(k->ops);
	pk11_free(k->token);
	db_free(k->db);
	*k = (struct kms){ 0 };
}

void check_hex(const struct check_value *c, char ret[CHECK_HEX])
{
	hex_encode(VIEW(c->value, FORMAT_CHECK), ret);
}
