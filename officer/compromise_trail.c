/* SPDX-License-Identifier: BSD-2-Clause */
/* What the audit trail says of keys. */
#include "ck.h"

#include <stdlib.h>
#include <string.h>

#include "audit_words.h"
#include "compromise.h"
#include "now.h"
#include "pk11_sr.h"
#include "vendor_functions.h"

#define WINDOW 256

/* Numbers of docs/audit.md. */
enum {
	COMPONENT_ENTERED = 11,
	COMPONENT_DESTROYED = 12,
	BACKUP_MADE = 50,
	RESTORED = 51,
	MIGRATED = 60,
	ROTATION_BEGUN = 61,
	ROTATION_ENDED = 62,
};

const struct show_field use_fields[] = {
	{ "event", "EVENT", "what was done (docs/audit.md)" },
	{ "entries", "ENTRIES", "records of the trail" },
	{ "count", "COUNT", "how often, of what is counted per session; else as many as there are entries" },
	{ "first", "FIRST", "time of the first one, UTC" },
	{ "last", "LAST", "time of the last one" },
	{ 0 },
};

/* about_token_key: whoever has a backup or an older file has the values under an older token key. */
static bool about_token_key(const struct sr_audit_entry *e)
{
	static const CK_ULONG events[] = { BACKUP_MADE, RESTORED, MIGRATED, ROTATION_BEGUN, ROTATION_ENDED };

	for (size_t i = 0; i < ARRAY_LEN(events); i++)
		if (e->ulEvent == events[i])
			return true;
	return e->ulEvent == SR_AUDIT_SEGMENT;
}

/* component_of: NAME#1/2 of this name. */
static bool component_of(const struct sr_audit_entry *e, const char *name)
{
	size_t n = strlen(name);

	return (e->ulEvent == COMPONENT_ENTERED || e->ulEvent == COMPONENT_DESTROYED) && n > 0 &&
	       !strncmp((const char *)e->szLabel, name, n) && e->szLabel[n] == '#';
}

static bool names_key(const struct sr_audit_entry *e, const json_t *ids, const json_t *labels)
{
	char hex[2 * sizeof(e->object) + 1] = "";

	hex_encode(VIEW(e->object, e->ulObjectLen), hex);
	hex[2 * e->ulObjectLen] = '\0';
	for (size_t i = 0; i < json_array_size(ids); i++) {
		const char *id = json_string_value(json_array_get(ids, i));

		if (!strcmp(hex, id) || strstr((const char *)e->szLabel, id))
			return true;
	}
	for (size_t i = 0; i < json_array_size(labels); i++)
		if (component_of(e, json_string_value(json_array_get(labels, i))))
			return true;
	return false;
}

/* add_use: one more of its kind. */
static void add_use(json_t *uses, const struct sr_audit_entry *e)
{
	char room[TIME_TEXT];
	json_int_t n = e->ulCount > 0 ? (json_int_t)e->ulCount : 1;
	json_t *use = NULL;

	for (size_t i = 0; i < json_array_size(uses) && !use; i++) {
		json_t *one = json_array_get(uses, i);

		if (!strcmp(json_string_value(json_object_get(one, "event")), (const char *)e->szEvent))
			use = one;
	}
	if (!use) {
		use = json_pack("{s:s, s:i, s:i, s:s}", "event", (const char *)e->szEvent, "entries", 0, "count", 0,
				"first", time_text_ms((int64_t)e->ulTime, room));
		json_array_append_new(uses, use);
	}
	json_object_set_new(use, "entries", json_integer(json_integer_value(json_object_get(use, "entries")) + 1));
	json_object_set_new(use, "count", json_integer(json_integer_value(json_object_get(use, "count")) + n));
	json_object_set_new(use, "last", json_string(time_text_ms((int64_t)e->ulTime, room)));
}

/* sift: all records, in windows; those that fit into trail and uses. */
static enum err sift(struct officer *o, const struct sr_function_list *sr, struct pk11_session *s, const json_t *ids,
		     const json_t *labels, json_t *trail, json_t *uses, struct fail *f)
{
	struct sr_audit_entry *rows = calloc(WINDOW, sizeof(*rows));
	struct sr_audit_state state = { 0 };
	CK_ULONG from = 1, n = WINDOW;
	enum err e = rows ? ERR_OK : fail_set(f, ERR_NO_MEMORY, 0, "trail");

	while (e == ERR_OK && n > 0 && !(state.flags & SR_AUDIT_ENDED)) {
		CK_RV rv;

		n = WINDOW;
		rv = sr->SR_GetAudit(s->handle, from, rows, &n, &state);
		if (rv != CKR_OK)
			e = officer_fail(o, f, rv, "SR_GetAudit", NULL);
		for (CK_ULONG i = 0; e == ERR_OK && i < n; i++) {
			if (ids ? !names_key(&rows[i], ids, labels) : !about_token_key(&rows[i]))
				continue;
			json_array_append_new(trail, audit_row(&rows[i]));
			if (ids)
				add_use(uses, &rows[i]);
		}
		if (e == ERR_OK && n > 0) {
			from = rows[n - 1].ulSequence + 1;
			if (state.ulChecked + 1 > from)
				from = state.ulChecked + 1; /* behind a gap */
		}
	}
	free(rows);
	return e;
}

enum err trail_about(struct officer *o, struct pk11 *p, struct pk11_session *s, const json_t *ids, const json_t *labels,
		     json_t *all, bool *ret_whole, struct fail *f)
{
	const struct sr_function_list *sr = NULL;
	struct sr_audit_state state = { 0 };
	json_t *trail = json_array(), *uses = json_array();
	CK_ULONG n = 0;
	enum err e = pk11_sr(p, &sr, f);

	json_object_set_new(all, "uses", uses);
	json_object_set_new(all, "trail", trail);
	if (e == ERR_OK) {
		CK_RV rv = sr->SR_GetAudit(s->handle, 1, NULL, &n, &state);

		e = rv == CKR_OK ? ERR_OK : officer_fail(o, f, rv, "SR_GetAudit", NULL);
	}
	if (e == ERR_OK)
		e = sift(o, sr, s, ids, labels, trail, uses, f);
	if (e != ERR_OK)
		return e;
	json_object_set_new(all, "records", json_integer((json_int_t)state.ulLast));
	json_object_set_new(all, "first_bad",
			    state.ulFirstBad ? json_integer((json_int_t)state.ulFirstBad) : json_null());
	json_object_set_new(all, "state", json_string(audit_state_word(state.ulState)));
	*ret_whole = state.ulFirstBad == 0 && state.ulState == SR_AUDIT_STATE_FITS;
	return ERR_OK;
}
