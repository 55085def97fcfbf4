/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "audit.h"
#include "formats.h"
#include "log.h"
#include "mtms.h"
#include "pool.h"
#include "tables.h"

const struct conf_key mtms_keys[] = {
	{ "", "name", NULL, "name of this MTMS, as it stands in its certificate; absent: that one" },
	{ "", "listen", "127.0.0.1:0", "address and port of HTTPS; port 0: any free one" },
	{ "", "database", CONF_REQUIRED,
	  "file of SQLite, or postgresql://user@host/name?sslrootcert=FILE&passfile=FILE" },
	IDENTITY_KEYS(CONF_REQUIRED, "mtms"),
	{ "token", "uri", CONF_REQUIRED, "PKCS#11 URI of HSM 1, with pin-source" },
	{ "token", "way", "any", "key operations: any, vendor or standard mechanisms" },
	{ "rewrap", "workers", "0", "re-wrap workers, 0: as many as there are processors" },
	{ "dc", "url", CONF_REQUIRED, "https://host:port of the DC" },
	{ "dc", "name", NULL, "name in the DC's certificate; absent: any DC that is there" },
	{ "customer *", "pk", CONF_REQUIRED, "PKCS#11 URI of the customer's PK" },
	{ "customer *", "mak", CONF_REQUIRED, "PKCS#11 URI of the customer's MAK" },
	{ "customer *", "suite", "2", "1: TDES, 2: AES, 3: AES with X9.143 key blocks" },
	POOL_KEYS("messages"),
};
const size_t mtms_keys_count = ARRAY_LEN(mtms_keys);

enum err mtms_open_db(const struct conf *conf, struct db **ret, struct fail *f)
{
	return db_open(conf_get(conf, "", "database"), mtms_tables, mtms_tables_count, ret, f);
}

enum err mtms_identity(struct mtms *m, struct fail *f)
{
	struct db *db = NULL;
	enum err e = identity_configured(m->conf, ROLE_MTMS, &m->identity, f);

	if (!e)
		e = identity_own_name(m->conf, "name", conf_get(m->conf, "", "name"), MTMS_NAME_MAX, m->name, f);
	if (!e)
		e = mtms_open_db(m->conf, &db, f);
	return e ? e : identity_crl_remember(m->identity->roots, db, f);
}

enum err mtms_open_token(struct mtms *m, struct fail *f)
{
	enum ops_way way;
	enum err e;

	if (!ops_way_of_name(conf_get(m->conf, "token", "way"), &way))
		return fail_set(f, ERR_CONFIG, 0, "token.way: any, vendor or standard");
	e = pk11_open(conf_get(m->conf, "token", "uri"), NULL, &m->token, f);
	if (!e)
		e = ops_open(m->token, OPS_FOR_MTMS, way, &m->ops, f);
	return e;
}

/* The key is looked for now, so that a wrong URI is seen at the start and not at the first batch. */
static enum err open_key(struct mtms *m, const char *uri, struct pk11_key **ret, struct fail *f)
{
	struct pk11_session *session;
	CK_OBJECT_HANDLE handle;
	enum err e = pk11_key_new(m->token, uri, ret, f);

	if (!e)
		e = pk11_borrow(m->token, &session, f);
	if (e)
		return e;
	e = pk11_key_handle(session, *ret, &handle, f);
	pk11_return(session, CKR_OK);
	return e;
}

enum err mtms_open_customers(struct mtms *m, struct fail *f)
{
	const char *id;
	size_t count = 0;
	enum err e = ERR_OK;

	while (conf_member(m->conf, "customer *", count))
		count++;
	m->customers = calloc(count + 1, sizeof(*m->customers));
	if (!m->customers)
		return fail_set(f, ERR_NO_MEMORY, 0, "no memory");
	for (size_t i = 0; i < count && !e; i++) {
		struct customer *c = &m->customers[i];
		char section[64];

		id = conf_member(m->conf, "customer *", i);
		snprintf(section, sizeof(section), "customer %s", id);
		if (!format_customer_ok(view_of_string(id)))
			return fail_set(f, ERR_CONFIG, 0, "[%s]: not a customer id", section);
		c->id = id;
		m->customer_count = i + 1;
		c->suite = (unsigned)atoi(conf_get(m->conf, section, "suite"));
		if (c->suite > FORMAT_SUITE_MAX || !format_suite_key((uint8_t)c->suite))
			return fail_set(f, ERR_CONFIG, 0, "[%s] suite: 1, 2 or 3", section);
		e = open_key(m, conf_get(m->conf, section, "pk"), &c->pk, f);
		if (!e)
			e = open_key(m, conf_get(m->conf, section, "mak"), &c->mak, f);
		if (!e)
			e = ops_suite_keys(m->ops, c->suite, c->pk, c->mak, f);
	}
	return e;
}

const struct customer *mtms_customer(const struct mtms *m, const char *id)
{
	for (size_t i = 0; i < m->customer_count; i++)
		if (!strcmp(m->customers[i].id, id))
			return &m->customers[i];
	return NULL;
}

void mtms_trouble(struct db *db, struct trouble *t, const char *event, const char *object, const struct fail *why)
{
	struct audit_entry entry = { NULL, event, object, why->code, why->text };
	struct fail f = { 0 };
	bool known = false;

	log_line(LOG_LEVEL_WARN, event, "%s: %s %s", object, err_name(why->code), why->text);
	pthread_mutex_lock(&t->mutex);
	for (size_t i = 0; i < ARRAY_LEN(t->texts); i++)
		known |= !strcmp(t->texts[i], why->text);
	if (!known && audit_append(db, &entry, &f))
		log_line(LOG_LEVEL_ERROR, "audit", "%s", f.text);
	else if (!known)
		snprintf(t->texts[t->next++ % ARRAY_LEN(t->texts)], sizeof(t->texts[0]), "%s", why->text);
	pthread_mutex_unlock(&t->mutex);
}

void mtms_well(struct trouble *t)
{
	pthread_mutex_lock(&t->mutex);
	memset(t->texts, 0, sizeof(t->texts));
	pthread_mutex_unlock(&t->mutex);
}

static enum err worker_count(const struct conf *conf, size_t *ret, struct fail *f)
{
	unsigned long given = 0;
	enum err e = conf_number(conf, "rewrap", "workers", 0, REWRAPPERS_MAX, &given, f);
	long n = given ? (long)given : sysconf(_SC_NPROCESSORS_ONLN);

	if (!e)
		*ret = n < 1 ? 1 : n > REWRAPPERS_MAX ? REWRAPPERS_MAX : (size_t)n;
	return e;
}

enum err mtms_open_rewrappers(struct mtms *m, struct fail *f)
{
	size_t count = 0;
	enum err e = worker_count(m->conf, &count, f);

	if (!e)
		e = db_run(m->db, f,
			   "UPDATE sn_key SET claimed_by = NULL, claimed_worker = NULL, claimed_until = NULL"
			   " WHERE claimed_by = ?",
			   "t", m->name);
	if (e)
		return e;
	m->rewrappers = calloc(count, sizeof(*m->rewrappers));
	if (!m->rewrappers)
		return fail_set(f, ERR_NO_MEMORY, 0, "no memory");
	for (size_t i = 0; i < count && !e; i++) {
		m->rewrappers[i] = (struct rewrapper){ .m = m, .number = (int64_t)i + 1 };
		m->rewrapper_count = i + 1;
		e = mtms_open_db(m->conf, &m->rewrappers[i].db, f);
	}
	return e;
}

void mtms_wake_rewrap(struct mtms *m)
{
	for (size_t i = 0; i < m->rewrapper_count; i++)
		worker_wake(&m->rewrappers[i].worker);
}

void pr_id(int64_t index, uint8_t ret[PR_ID_LEN])
{
	be_put32(ret, (uint32_t)index);
}

void pr_uri(int64_t index, char *ret, size_t room)
{
	uint8_t id[PR_ID_LEN];

	pr_id(index, id);
	snprintf(ret, room, "pkcs11:type=private;id=%%%02x%%%02x%%%02x%%%02x", id[0], id[1], id[2], id[3]);
}

enum err pr_of_certificate(struct rewrapper *w, struct view serial, struct pk11_key **ret, struct fail *f)
{
	int64_t index = 0;
	struct pr *pr;
	char uri[128];
	enum err e =
	    db_one(w->db, &index, f, "SELECT key_index FROM working_certificate WHERE serial = ?", "b", serial);

	if (e)
		return e;
	for (pr = w->prs; pr && pr->index != index; pr = pr->next)
		;
	if (!pr) {
		pr = calloc(1, sizeof(*pr));
		if (!pr)
			return fail_set(f, ERR_NO_MEMORY, 0, "no memory");
		pr->index = index;
		pr_uri(index, uri, sizeof(uri));
		e = pk11_key_new(w->m->token, uri, &pr->key, f);
		if (e) {
			free(pr);
			return e;
		}
		pr->next = w->prs;
		w->prs = pr;
	}
	*ret = pr->key;
	return ERR_OK;
}

static void rewrapper_done(struct rewrapper *w)
{
	while (w->prs) {
		struct pr *next = w->prs->next;

		pk11_key_free(w->prs->key);
		free(w->prs);
		w->prs = next;
	}
	db_free(w->db);
}

void mtms_done(struct mtms *m)
{
	for (size_t i = 0; i < m->rewrapper_count; i++)
		rewrapper_done(&m->rewrappers[i]);
	free(m->rewrappers);
	for (size_t i = 0; i < m->customer_count; i++) {
		pk11_key_free(m->customers[i].pk);
		pk11_key_free(m->customers[i].mak);
	}
	free(m->customers);
	ops_free(m->ops);
	pk11_free(m->token);
	http_client_free(m->dc);
	identity_free(m->identity);
	db_free(m->db);
	db_free(m->outbox_db);
}
