/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HSM_BACKUP_RUN_H
#define HSM_BACKUP_RUN_H

/*
 * What is under way between the calls of SR_Backup* (of a session, sr_backup.c) and of SR_Restore* (of the module,
 * sr_restore.c). *_free ends it, wipes its keys and leaves no file behind; takes NULL.
 */
struct backup;
struct restore;
void backup_free(struct backup *b);
void restore_free(struct restore *r);

#endif
