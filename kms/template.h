/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KMS_TEMPLATE_H
#define KMS_TEMPLATE_H

#include "db.h"

/*
 * What notifications say (R2.8): per event and language a subject and a body with placeholders in braces, `{file}`;
 * `{{` and `}}` are the braces themselves. Built in, in English and Chinese; what an operator changed stands in the
 * table mail_template. The events, who gets them, and their placeholders are one list; `kmsd template list` shows it.
 */
enum template_event {
	TEMPLATE_IMPORT_GOOD,
	TEMPLATE_IMPORT_BAD,
	TEMPLATE_ALARM,
	TEMPLATE_SEQUENCE_GAP,
	TEMPLATE_DUPLICATE_KEY,
	TEMPLATE_TEST,
	TEMPLATE_EVENTS
};
enum template_language { TEMPLATE_EN, TEMPLATE_ZH, TEMPLATE_LANGUAGES };

struct template_value {
	const char *name; /* of the placeholder, without braces */
	const char *value;
	const char *zh; /* the value in Chinese texts; NULL: the same */
};
struct template
{
	struct buf subject; /* with final zero */
	struct buf body;
};
void template_done(struct template *t);

/* template_event_name: "import-good"; also what stands in notification.event. template_kind: what recipients ask for:
 * "import-good", "import-bad", "alarm"; "" for the test, which goes to whom it is sent. template_language_name: "en",
 * "zh". The _of functions come back from a name; false: there is none. */
const char *template_event_name(enum template_event e);
const char *template_kind(enum template_event e);
bool template_event_of(const char *name, enum template_event *ret) MUST_CHECK;
const char *template_language_name(enum template_language l);
bool template_language_of(const char *name, enum template_language *ret) MUST_CHECK;

/* template_load: the changed text, else the built-in one; *ret_changed may be NULL. template_done in any case. */
enum err template_load(struct db *d, enum template_event event, enum template_language language, struct template *ret,
		       bool *ret_changed, struct fail *f) MUST_CHECK;
/*
 * template_store: subject and body, either NULL: as it is. ERR_USAGE: no UTF-8, control characters, an unknown
 * placeholder or a brace without its other half, a placeholder of several lines in the subject, too long. Part of the
 * open transaction. template_reset: the built-in text again.
 */
enum err template_store(struct db *d, enum template_event event, enum template_language language, const char *subject,
			const char *body, struct fail *f) MUST_CHECK;
enum err template_reset(struct db *d, enum template_event event, enum template_language language,
			struct fail *f) MUST_CHECK;
/* template_check_title: a sender's title, which takes the place of the subjects of all events. ERR_USAGE. */
enum err template_check_title(const char *title, struct fail *f) MUST_CHECK;

/*
 * template_expand: appended to ret, in that language. A value that is not given stands as nothing; what is no clean
 * text in a value is written as \xNN, line ends too unless the placeholder may have several lines. line: a subject, cut
 * to MAIL_SUBJECT_MAX. template is one that was checked.
 */
enum err template_expand(const char *template, enum template_language language, const struct template_value *values,
			 size_t count, bool line, struct buf *ret, struct fail *f) MUST_CHECK;

/* template_placeholders: "{file} {kind} ...", appended, of one event. */
void template_placeholders(enum template_event event, struct buf *ret);
/* template_doc: docs/notifications.md, whole: events, placeholders, built-in texts. */
void template_doc(struct buf *ret);

#endif
