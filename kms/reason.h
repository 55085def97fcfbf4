/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KMS_REASON_H
#define KMS_REASON_H

#include "err.h"

/*
 * Why the KMS did not take a file or a record, or ended a handshake: the one list. Each row: name, word for programs,
 * what a peer may see, text for operators (key_source.error, key_file.error, audit), the same in Chinese for mails
 * (R2.8). The peer sees nothing else of it: every refusal of a terminal looks the same.
 */
#define REASON_LIST(X)                                                                                                 \
	X(REASON_NONE, "none", ERR_OK, "no reason", "无原因")                                                          \
	/* files and message deliveries (R2.2) */                                                                      \
	X(REASON_FILE_FORM, "file-form", ERR_MALFORMED, "not a whole key file: form, count or digest is wrong",        \
	  "不是完整的密钥文件:格式、记录数或摘要有误")                                                                 \
	X(REASON_FILE_LARGE, "file-large", ERR_TOO_LARGE, "key file larger than allowed", "密钥文件超过允许的大小")    \
	X(REASON_FILE_NAME, "file-name-seen", ERR_DUPLICATE, "a file of this name was imported before",                \
	  "此名称的文件已导入过")                                                                                      \
	X(REASON_FILE_CONTENT, "file-content-seen", ERR_DUPLICATE,                                                     \
	  "this content was imported before under another name", "相同的内容已以其他名称导入过")                       \
	X(REASON_FILE_OTHER_KMS, "file-other-kms", ERR_REFUSED, "key file for another KMS", "密钥文件属于其他 KMS")    \
	X(REASON_FILE_RENAMED, "file-renamed", ERR_REFUSED, "file name is not the name inside the key file",           \
	  "文件名与密钥文件内的名称不一致")                                                                            \
	X(REASON_DELIVERY_CHANGED, "delivery-changed", ERR_REFUSED,                                                    \
	  "a delivery of this number was received before with other content", "此编号的批次此前已收到,但内容不同")     \
	X(REASON_MANIFEST_FORM, "manifest-form", ERR_MALFORMED, "the manifest of the key file is malformed",           \
	  "密钥文件的清单格式有误")                                                                                    \
	X(REASON_MANIFEST_SIGNER, "manifest-signer", ERR_REFUSED,                                                      \
	  "the manifest is not signed by the DC that it names", "清单不是由其所写的数据中心签名")                      \
	X(REASON_MANIFEST_FILE, "manifest-file", ERR_REFUSED,                                                          \
	  "the key file is not the one of its manifest: DC, name, count, size or digest differ",                       \
	  "密钥文件与其清单不符:数据中心、名称、记录数、大小或摘要不同")                                               \
	X(REASON_FILE_GONE, "file-gone", ERR_NOT_FOUND, "there is a manifest, but not its key file",                   \
	  "有清单,但没有对应的密钥文件")                                                                               \
	X(REASON_FILE_ALONE, "file-alone", ERR_NOT_FOUND, "there is a key file, but its manifest did not come",        \
	  "有密钥文件,但其清单没有到达")                                                                               \
	X(REASON_FILE_REPLACED, "file-replaced", ERR_REFUSED,                                                          \
	  "another content came under this name before the first was read to its end",                                 \
	  "第一个文件尚未读完,同名文件的内容已改变")                                                                   \
	X(REASON_NOTICE, "notice", ERR_REFUSED, "the key file is not the one that the DC announced",                   \
	  "密钥文件与数据中心通知的不符")                                                                              \
	/* records (R2.4) */                                                                                           \
	X(REASON_FORM, "form", ERR_MALFORMED, "record malformed", "记录格式有误")                                      \
	X(REASON_OTHER_KMS, "other-kms", ERR_REFUSED, "record for another KMS", "记录属于其他 KMS")                    \
	X(REASON_SUITE, "suite", ERR_REFUSED, "no PK and MAK for the suite of the record",                             \
	  "没有该记录套件的 PK 和 MAK")                                                                                \
	X(REASON_COUNTER, "counter", ERR_REFUSED, "TK counter not above the stored one", "TK 计数器不高于已存的值")    \
	X(REASON_RECORD, "record-mac", ERR_REFUSED, "the HSM refused the record: its MAC is wrong",                    \
	  "HSM 拒绝该记录:MAC 有误")                                                                                   \
	/* handshakes and downloads (R1.9 to R1.11, R2.7) */                                                           \
	X(REASON_UNKNOWN, "unknown", ERR_REFUSED, "no formal record of this serial number", "没有该序列号的正式记录")  \
	X(REASON_FORMAL, "formal-record", ERR_REFUSED, "the HSM refused the formal record: it was altered",            \
	  "HSM 拒绝正式记录:记录已被篡改")                                                                             \
	X(REASON_FORMAL_ROW, "formal-row", ERR_REFUSED, "the formal record does not belong to its row",                \
	  "正式记录与其所在的行不符")                                                                                  \
	X(REASON_VERSION, "version", ERR_REFUSED, "handshake version is not the one of the record",                    \
	  "握手版本与记录的版本不同")                                                                                  \
	X(REASON_NONCE, "nonce", ERR_REFUSED, "terminal nonce has the wrong length", "终端随机数的长度有误")           \
	X(REASON_PROOF, "proof", ERR_REFUSED, "the terminal did not prove that it holds AUK", "终端未能证明持有 AUK")  \
	X(REASON_SUPERSEDED, "superseded", ERR_REFUSED, "a newer handshake of this serial number ended this one",      \
	  "同一序列号的较新握手结束了此次握手")                                                                        \
	X(REASON_TMK_TYPE, "tmk-type", ERR_REFUSED, "this TEK cannot carry the terminal's TMK: renew the TMK",         \
	  "该 TEK 不能传输终端的 TMK:请更新 TMK")                                                                      \
	X(REASON_NO_TMK, "no-tmk", ERR_REFUSED, "the terminal has confirmed no TMK: it has to download one first",     \
	  "终端尚未确认任何TMK:须先下载TMK")                                                                           \
	X(REASON_OTHER_TMK, "other-tmk", ERR_REFUSED, "the terminal holds another TMK than the one that it confirmed", \
	  "终端持有的TMK不是其已确认的TMK")                                                                            \
	X(REASON_WK_FORM, "wk-form", ERR_REFUSED, "no form of working keys that this terminal takes is made here",     \
	  "本HSM无法生成该终端可接受形式的工作密钥")                                                                   \
	X(REASON_CONFIRM, "confirm", ERR_REFUSED, "the confirmation does not verify", "终端的确认未通过验证")          \
	X(REASON_CONFIRM_VALUE, "confirm-value", ERR_REFUSED, "the terminal confirms another check value",             \
	  "终端确认的校验值不同")                                                                                      \
	X(REASON_REPLAY, "replay", ERR_REFUSED, "this serial number sent this nonce before",                           \
	  "该序列号此前发送过此随机数")                                                                                \
	X(REASON_RATE, "rate", ERR_REFUSED, "too many handshakes of this serial number or address in this minute",     \
	  "该序列号或地址在这一分钟内握手过多")                                                                        \
	X(REASON_LOCKED, "locked", ERR_REFUSED, "locked out for a time after failed proofs", "证明失败后暂时被锁定")   \
	X(REASON_UNPROVEN, "unproven", ERR_BUSY, "too many handshakes that proved nothing yet",                        \
	  "尚未证明身份的握手过多")                                                                                    \
	X(REASON_EXPIRED, "expired", ERR_TIMEOUT, "the handshake took too long", "握手用时过长")                       \
	X(REASON_FRAME, "frame", ERR_MALFORMED, "malformed frame", "帧格式有误")                                       \
	X(REASON_FRAME_LARGE, "frame-large", ERR_TOO_LARGE, "frame larger than allowed", "帧超过允许的大小")           \
	X(REASON_ORDER, "order", ERR_UNEXPECTED, "frame not expected now", "此时不应收到该帧")                         \
	X(REASON_FULL, "full", ERR_BUSY, "too many connections", "连接过多")                                           \
	X(REASON_QUEUE, "queue", ERR_BUSY, "too much waits for the database and the HSM already",                      \
	  "等待数据库和 HSM 的任务过多")                                                                               \
	X(REASON_BUSY, "busy", ERR_BUSY, "no free session in the HSM", "HSM 没有空闲的会话")                           \
	X(REASON_PEER, "peer", ERR_PEER, "the terminal ended the handshake", "终端结束了握手")                         \
	X(REASON_HSM, "hsm", ERR_INTERNAL, "the HSM could not work", "HSM 无法工作")                                   \
	X(REASON_DB_BUSY, "database-busy", ERR_BUSY, "the database was busy or its connection lost; nothing changed",  \
	  "数据库繁忙或连接中断;未作任何更改")                                                                         \
	X(REASON_DB, "database", ERR_INTERNAL, "the database could not work", "数据库无法工作")

enum reason {
#define REASON_ENUM(name, word, code, text, zh) name,
	REASON_LIST(REASON_ENUM)
#undef REASON_ENUM
	    REASON_COUNT
};

/* reason_word: for programs and audit; reason_err: what a peer is told; reason_text: for operators. */
const char *reason_word(enum reason r);
enum err reason_err(enum reason r);
const char *reason_text(enum reason r);
/* reason_zh: the Chinese of a text of reason_text; one that is none comes back as it is. */
const char *reason_zh(const char *text);

#endif
