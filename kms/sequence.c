/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <time.h>

#include "notify.h"
#include "sequence.h"

static enum err tell(struct kms *k, int64_t file, const struct import_in *in, int64_t due, const char *text,
		     const char *zh, struct fail *f)
{
	struct audit_entry entry = {
		.peer = in->sender, .event = "sequence", .object = in->name, .code = ERR_UNEXPECTED, .text = text
	};
	char number[2][24];
	const struct template_value values[] = { { "dc", in->dc },
						 { "expected", number[0] },
						 { "got", number[1] },
						 { "file", in->name },
						 { "detail", text, zh } };
	enum err e = audit_append(k->db, &entry, f);

	snprintf(number[0], sizeof(number[0]), "%lld", (long long)due);
	snprintf(number[1], sizeof(number[1]), "%llu", (unsigned long long)in->sequence);
	return e ? e : notify_event(k, TEMPLATE_SEQUENCE_GAP, file, values, ARRAY_LEN(values), f);
}

static enum err highest(struct kms *k, const struct import_in *in, int64_t *ret, struct fail *f)
{
	return db_one(k->db, ret, f,
		      "SELECT CAST(coalesce(max(sequence), 0) AS BIGINT) FROM delivery_sequence WHERE dc = ?", "t",
		      in->dc);
}

enum err sequence_note(struct kms *k, int64_t file, const struct import_in *in, struct fail *f)
{
	int64_t last = 0, number = (int64_t)in->sequence;
	char text[300], zh[300];
	enum err e;

	if (!in->sequence || !in->dc)
		return ERR_OK;
	e = highest(k, in, &last, f);
	if (!e)
		e = db_run(k->db, f,
			   "INSERT INTO delivery_sequence(dc, sequence, file, at) VALUES(?, ?, ?, ?) ON CONFLICT DO"
			   " NOTHING",
			   "tiii", in->dc, number, file, (int64_t)time(NULL));
	if (e)
		return e;
	if (!db_changes(k->db)) {
		snprintf(text, sizeof(text), "DC %.64s used the number %lld before: %.100s has it again", in->dc,
			 (long long)number, in->name);
		snprintf(zh, sizeof(zh), "数据中心 %.64s 此前用过序号 %lld:%.100s 再次使用", in->dc, (long long)number,
			 in->name);
		return tell(k, file, in, last + 1, text, zh, f);
	}
	if (number <= last + 1)
		return ERR_OK;
	snprintf(text, sizeof(text), "DC %.64s: numbers %lld to %lld have not come; %.100s is %lld", in->dc,
		 (long long)last + 1, (long long)number - 1, in->name, (long long)number);
	snprintf(zh, sizeof(zh), "数据中心 %.64s:序号 %lld 至 %lld 尚未到达;%.100s 的序号为 %lld", in->dc,
		 (long long)last + 1, (long long)number - 1, in->name, (long long)number);
	return tell(k, file, in, last + 1, text, zh, f);
}
