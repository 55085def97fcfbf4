/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "alarm.h"
#include "formats.h"
#include "notify.h"

#define KIND "proofs"

/* Of all that failed: how many came from the one address, and went for the one serial number, with the most. */
struct worst {
	char address[64];
	char serial[FORMAT_POS_SERIAL_MAX + 1];
	int64_t of_address;
	int64_t of_serial;
};

static enum err most(struct kms *k, const char *sql, int64_t since, char *ret, size_t room, int64_t *ret_count,
		     struct fail *f)
{
	DB_STMT_AUTO *s = NULL;
	bool row = false;
	enum err e = db_query(k->db, &s, f, sql, "i", since);

	if (!e)
		e = db_next(s, &row, f);
	if (e || !row)
		return e;
	snprintf(ret, room, "%s", db_text(s, 0));
	*ret_count = db_int(s, 1);
	return ERR_OK;
}

static enum err find_worst(struct kms *k, int64_t since, struct worst *ret, struct fail *f)
{
	enum err e = most(k,
			  "SELECT address, count(*) FROM handshake WHERE failed = 1 AND ended > ? GROUP BY address"
			  " ORDER BY count(*) DESC, address LIMIT 1",
			  since, ret->address, sizeof(ret->address), &ret->of_address, f);

	return e ? e
		 : most(k,
			"SELECT serial_number, count(*) FROM handshake WHERE failed = 1 AND ended > ?"
			" GROUP BY serial_number ORDER BY count(*) DESC, serial_number LIMIT 1",
			since, ret->serial, sizeof(ret->serial), &ret->of_serial, f);
}

static enum err notify(struct kms *k, int64_t failed, const struct worst *worst, const char *text, struct fail *f)
{
	char count[24], zh[400];
	const struct template_value values[] = { { "alarm", KIND, "证明失败" },
						 { "count", count },
						 { "address", worst->address },
						 { "serial", worst->serial },
						 { "detail", text, zh } };

	snprintf(count, sizeof(count), "%lld", (long long)failed);
	snprintf(zh, sizeof(zh),
		 "%lld 次握手在 %lu 秒内未通过证明:可能有人冒充我们的终端;最多来自地址 %s(%lld 次),最多针对序列号"
		 " %s(%lld 次)",
		 (long long)failed, k->limits.alarm_window_s, worst->address, (long long)worst->of_address,
		 worst->serial, (long long)worst->of_serial);
	return notify_event(k, TEMPLATE_ALARM, 0, values, ARRAY_LEN(values), f);
}

enum err alarm_check(struct kms *k, bool *ret_opened, char *ret_text, size_t room, struct fail *f)
{
	int64_t now = (int64_t)time(NULL), since = now - (int64_t)k->limits.alarm_window_s, failed = 0, closed = 0;
	struct audit_entry entry = { .peer = k->node, .event = "alarm", .object = KIND, .code = ERR_REFUSED };
	struct worst worst = { 0 };
	enum err e;

	*ret_opened = false;
	e = db_one(k->db, &closed, f, "SELECT coalesce(max(closed), 0) FROM alarm WHERE kind = '" KIND "'", "");
	since = closed > since ? closed : since;
	if (!e)
		e = db_one(k->db, &failed, f, "SELECT count(*) FROM handshake WHERE failed = 1 AND ended > ?", "i",
			   since);
	if (e || failed < (int64_t)k->limits.alarm_failures)
		return e;
	e = find_worst(k, since, &worst, f);
	if (e)
		return e;
	snprintf(ret_text, room,
		 "%lld handshakes failed their proof within %lu s: somebody may be trying to be a terminal of ours; "
		 "most from"
		 " address %s (%lld), most for serial number %s (%lld)",
		 (long long)failed, k->limits.alarm_window_s, worst.address, (long long)worst.of_address, worst.serial,
		 (long long)worst.of_serial);
	e = db_run(k->db, f,
		   "INSERT INTO alarm(kind, node, opened, text) VALUES('" KIND "', ?, ?, ?)"
		   " ON CONFLICT(kind) WHERE closed = 0 DO NOTHING",
		   "tit", k->node, now, ret_text);
	if (e || db_changes(k->db) != 1)
		return e;
	entry.text = ret_text;
	e = audit_append(k->db, &entry, f);
	if (!e)
		e = notify(k, failed, &worst, ret_text, f);
	*ret_opened = !e;
	return e;
}

enum err alarm_close(struct db *d, const char *id, struct fail *f)
{
	char *end;
	long long n;
	enum err e;

	errno = 0;
	n = strtoll(id, &end, 10);
	if (errno || end == id || *end || n < 1)
		return fail_set(f, ERR_USAGE, 0, "alarm close ID: a number; `kmsd alarms` lists them");
	e = db_begin(d, f);
	if (!e)
		e = db_run(d, f, "UPDATE alarm SET closed = ? WHERE id = ? AND closed = 0", "ii", (int64_t)time(NULL),
			   (int64_t)n);
	if (!e && db_changes(d) != 1)
		e = fail_set(f, ERR_NOT_FOUND, 0, "no open alarm %lld: `kmsd alarms` lists them", n);
	return audit_settle(d, e, "alarm-close", id, NULL, f);
}
