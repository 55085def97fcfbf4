/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef OFFICER_TRANSPORT_H
#define OFFICER_TRANSPORT_H

#include "objects.h"
#include "transport_block.h"

/* Keys that services share on their way from token to token (docs/ceremony.md). For transport*.c; include ck.h first.
 */

/*
 * A transport file. block: the bytes; t: what they say, views into block; key: the statement key
 * of the source that stands in the file, which proves nothing by itself.
 *
 * transport_of      of a block that was just made, and its statement key. ERR_MALFORMED
 * transport_read    ERR_MALFORMED: not one, or what stands beside the block is not what the block says.
 * transport_write   a new file, mode 0600.
 * transport_json    the file as rows of transport_fields.
 * transport_proved  the block is signed by key (of --key, or the file's own once somebody has confirmed it).
 */
struct transport_file {
	struct buf block, key;
	struct transport t;
};
#define TRANSPORT_FILE_AUTO __attribute__((cleanup(transport_file_done))) struct transport_file
void transport_file_done(struct transport_file *x);
extern const struct show_field transport_fields[];
enum err transport_of(struct view block, struct view key, struct transport_file *ret, struct fail *f) MUST_CHECK;
enum err transport_read(const char *path, struct transport_file *ret, struct fail *f) MUST_CHECK;
enum err transport_write(const char *path, const struct transport_file *x, struct fail *f) MUST_CHECK;
json_t *transport_json(const struct transport_file *x);
enum err transport_proved(const struct transport_file *x, struct view key, struct fail *f) MUST_CHECK;

/*
 * transport_confirm: digits of a fingerprint (64), as the other side reads them: those of the option (NULL: typed on
 * the terminal, without ours being shown) are at least 16, and the first ones of it. ERR_REFUSED.
 */
enum err transport_confirm(const char *given, const char *what, const char fingerprint[65], struct fail *f) MUST_CHECK;

/*
 * The token at one end, open, with a session; sr NULL: a token of another maker. transport_place_open: logged in as the
 * options say, or as this custodian, whose PIN is asked for. transport_place_close: takes a zero struct.
 */
struct transport_place {
	struct pk11 *p;
	struct pk11_session *s;
	const struct sr_function_list *sr;
};
enum err transport_place_open(struct officer *o, const char *custodian, struct transport_place *ret,
			      struct fail *f) MUST_CHECK;
void transport_place_close(struct transport_place *at);
/* transport_receiver: the private key of a token whose public half has this fingerprint. */
enum err transport_receiver(struct pk11_session *s, struct view target, CK_OBJECT_HANDLE *ret,
			    struct fail *f) MUST_CHECK;
/* transport_approve: by the custodian who is logged in. */
enum err transport_approve(struct officer *o, struct transport_place *at, CK_ULONG action, const char *subject,
			   struct fail *f) MUST_CHECK;
/* transport_source: the statement key that --key names, or the file's after its fingerprint was confirmed; proved. */
enum err transport_source(struct officer *o, const struct transport_file *x, struct buf *ret,
			  struct fail *f) MUST_CHECK;

/* The forms, in transport_request.c (receiver), transport_send.c (source), transport_take.c (receiver again). */
enum err transport_run_request(struct officer *o, char **words, struct fail *f) MUST_CHECK;
enum err transport_run_approve(struct officer *o, char **words, struct fail *f) MUST_CHECK;
enum err transport_run_export(struct officer *o, char **words, struct fail *f) MUST_CHECK;
enum err transport_run_accept(struct officer *o, char **words, struct fail *f) MUST_CHECK;
enum err transport_run_import(struct officer *o, char **words, struct fail *f) MUST_CHECK;
/* transport_into_foreign: into a token of another maker, by C_UnwrapKey; the answer is shown. */
enum err transport_into_foreign(struct officer *o, const struct transport_file *x, struct fail *f) MUST_CHECK;
extern const struct show_field transport_key_fields[], transport_out_fields[], transport_in_fields[],
    transport_approved_fields[];

#endif
