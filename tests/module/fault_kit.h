/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_FAULT_KIT_H
#define TESTS_FAULT_KIT_H

#include "ck_test.h"

#include <sys/types.h>

/*
 * Tests of crashes, full disks and crowds: processes of their own on the token that ck_test_begin made, and objects
 * whose value follows from their name and version, so that a whole one can be told from a damaged one.
 */

/* fault_rounds: what FAULT_ROUNDS in the environment says, else usual. */
unsigned fault_rounds(unsigned usual);

/* fault_session: in a child: C_Initialize and a R/W session on the token; login: as the user. Answers a CK_RV: no Check
 * in children. Each child ends by an alarm. */
CK_RV fault_session(bool login, CK_SESSION_HANDLE *ret);
/* fault_child: forks; in the child runs work(ctx) and ends with its answer. fault_status: waits; -signal when killed.
 */
pid_t fault_child(int (*work)(void *ctx), void *ctx);
int fault_status(pid_t pid);

/*
 * An object by name: CKO_DATA, public (private: a generic secret key of the user, its value to be read). version
 * from 1. fault_put creates or, with o, changes; secret keys are replaced: o is destroyed and gets the new handle.
 */
struct fault_object {
	char name[32];
	bool private;
	CK_OBJECT_HANDLE handle; /* 0: not known or not there */
};
CK_RV fault_create(CK_SESSION_HANDLE s, struct fault_object *o, unsigned version);
CK_RV fault_change(CK_SESSION_HANDLE s, struct fault_object *o, unsigned version);
CK_RV fault_destroy(CK_SESSION_HANDLE s, struct fault_object *o);
/*
 * fault_version: what is there: 0: nothing; the version that its value is whole in. Anything else (two of the name, a
 * value that is no version's): FAULT_SPOILT. Sets the handle.
 */
#define FAULT_SPOILT 0xffffffffu
CK_RV fault_version(CK_SESSION_HANDLE s, struct fault_object *o, unsigned *ret);
/* fault_count: objects of a class. */
CK_RV fault_count(CK_SESSION_HANDLE s, CK_OBJECT_CLASS class, CK_ULONG *ret);

/*
 * fault_begin: ck_test_begin with all relaxations of the policy and a log. fault_file: the token's data file;
 * fault_dir: its directory. fault_seen: fault_version in ck_session; both: a process that starts now must say the same.
 */
extern char fault_file[256], fault_dir[256];
void fault_begin(void);
unsigned fault_seen(struct fault_object *o, bool both);
/* fault_whole: the audit trail is whole to its end, and SR_Verify finds nothing; with a login. */
void fault_whole(void);
/* fault_logged: a line of the log has all of the words (ended by NULL). fault_log_forget: empties it. */
bool fault_logged(const char *const *words);
void fault_log_forget(void);

#endif
