/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BASE_LOG_H
#define BASE_LOG_H

/*
 * One line per event: time, level, program, topic, text; to a file descriptor. Only the C_ shell and the message driver
 * and main functions log. The caller never passes a secret; what is not printable ASCII is escaped.
 */
enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* log_open: fd -1 turns logging off (the module's default). program is copied, at most 31 bytes. */
void log_open(const char *program, int fd, enum log_level most);
void log_line(enum log_level level, const char *topic, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
