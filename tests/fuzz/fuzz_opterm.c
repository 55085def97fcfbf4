/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What comes to an operation terminal (R1.2, R1.5): scans of the line, its own spool after somebody touched it, and the
 * answers of a hostile MTMS below a good TLS connection. The first byte of an input chooses.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "file.h"
#include "pki.h"
#include "place.h"
#include "scan.h"
#include "spool.h"
#include "talk.h"
#include "upload.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define BATCH "batch-0123456789abcdef0123456789abcdef"

static struct pki pki;
static struct talk talk;
static struct upload upload;
static struct buf operator_der;

static void leave(void)
{
	upload_done(&upload);
	talk_done(&talk);
	pki_done(&pki);
	buf_done(&operator_der);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	char cert[256], key[256], url[64];
	struct fail f = { 0 };

	place_make();
	pki_init(&pki, place_dir(), "root");
	pki_identity(&pki, ROLE_OPTERM, "opterm");
	talk_make(&talk, &pki, ROLE_MTMS);
	snprintf(url, sizeof(url), "https://127.0.0.1:%u", talk.port);
	snprintf(cert, sizeof(cert), "%s/opterm.crt", place_dir());
	snprintf(key, sizeof(key), "%s/opterm.key", place_dir());
	buf_printf(&operator_der, "operator");
	if (upload_open(url, cert, key, pki.root_pem, &upload, &f) || file_folder(place_path("spool"), &f) ||
	    file_folder(place_path("spool/O-1"), &f) || file_folder(place_path("spool/O-1/packets"), &f) ||
	    file_folder(place_path("spool/O-1/" BATCH), &f))
		place_fail(f.text);
	return atexit(leave);
}

struct scanned {
	struct view text;
	bool wrong;
};

/* A device is scanned when a line of its own names it. */
static void look_at(void *arg, const struct lot_device *d)
{
	struct scanned *s = arg;
	size_t n = strlen(d->serial);
	bool there = false;

	for (size_t at = 0; at < s->text.n;) {
		const uint8_t *line = s->text.p + at, *end = memchr(line, '\n', s->text.n - at);
		size_t len = end ? (size_t)(end - line) : s->text.n - at, at_len = len;

		at += len + 1;
		while (len && strchr(" \t\r\v\f", line[0]) && line[0]) {
			line++;
			len--;
		}
		while (len && strchr(" \t\r\v\f", line[len - 1]) && line[len - 1])
			len--;
		there |= at_len <= SCAN_LINE_MAX && len == n && !memcmp(line, d->serial, n);
	}
	s->wrong |= there != d->scanned;
}

static void read_scan(struct view v)
{
	static const char *const serials[] = { "A", "AB-12", "123L013K", "0123456789abcdef0123456789ABCDEF" };
	struct lot *lot = lot_new();
	struct scanned s = { .text = v };
	FILE *file = fopen(place_file("scan", v), "re");

	for (size_t i = 0; i < ARRAY_LEN(serials); i++) {
		struct lot_device d = { .missing = i % 2 };

		snprintf(d.serial, sizeof(d.serial), "%s", serials[i]);
		if (lot_add(lot, &d, NULL))
			place_fail("no memory");
	}
	if (!file || lot_ready(lot, NULL))
		place_fail("no lot");
	place_hush();
	scan_lines(lot, file);
	place_speak();
	fclose(file);
	lot_walk(lot, look_at, &s);
	lot_free(lot);
	if (s.wrong)
		place_fail("what was scanned is not what stands in the file");
}

static void read_spool(struct view v, bool batch)
{
	const char *folder = batch ? BATCH : "packets";
	struct spool_batch b = { 0 };
	struct spool *s = NULL;
	struct fail f = { 0 };
	enum err e = ERR_OK;
	char name[100], file[400];

	snprintf(name, sizeof(name), "spool/O-1/%s/31.json", folder);
	snprintf(file, sizeof(file), "%s", place_file(name, v));
	if (spool_open(place_path("spool"), "O-1", &s, &f) == ERR_OK) {
		if (spool_open_count(s) != 1)
			place_fail("a packet that is none");
		if (batch && spool_next_batch(s, &b, &e, &f)) {
			json_t *o = json_loadb((const char *)b.content.p, b.content.len, 0, NULL);

			if (e == ERR_OK && (!o || b.terminals != 1))
				place_fail("a batch that is none");
			json_decref(o);
			spool_batch_done(&b);
		}
		spool_free(s);
	}
	unlink(file);
}

/* ---- a hostile MTMS ---- */

static void look_at_device(void *arg, const struct lot_device *d)
{
	if (!d->serial[0] || strlen(d->serial) > FORMAT_POS_SERIAL_MAX || strlen(d->pin_pad) > FORMAT_PIN_PAD_MAX)
		place_fail("a device without a serial number");
}

/* whole: the input is all that the server says; else it is the body of a good answer, or of several. */
static void ask(struct view v, bool whole, bool order)
{
	struct talk_script script = { .kind = whole ? TALK_RAW : TALK_HTTP, .says = v };
	struct lot *lot = lot_new();
	BUF_AUTO der = { 0 };
	BUF_AUTO serial = { 0 };
	uint8_t suite = 0;

	talk_begin(&talk, &script);
	if (!order && upload_working_certificate(&upload, &der, &serial, NULL) == ERR_OK)
		place_fail("a working certificate that nobody made");
	if (order && upload_order(&upload, "O-1", buf_view(&operator_der), lot, &suite, NULL) == ERR_OK)
		lot_walk(lot, look_at_device, NULL);
	talk_end(&talk);
	lot_free(lot);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1)
		return 0;
	struct view v = VIEW(data + 1, size - 1);
	switch (data[0] % 6) {
	case 0:
		read_scan(v);
		break;
	case 1:
		read_spool(v, false);
		break;
	case 2:
		read_spool(v, true);
		break;
	case 3:
		ask(v, true, true);
		break;
	case 4:
		ask(v, false, true);
		break;
	default:
		ask(v, false, false);
		break;
	}
	return 0;
}
