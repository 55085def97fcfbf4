/* SPDX-License-Identifier: BSD-2-Clause */
#include "template_rows.h"

const struct placeholder_row placeholder_rows[] = {
	{ "event", false, "name of the event" },
	{ "kms", false, "our customer (KMS) id" },
	{ "time", false, "when it happened, UTC" },
	{ "kind", false, "file or delivery, in the language of the text" },
	{ "file", false, "name of the key file, or number of the delivery" },
	{ "sender", false, "who sent it" },
	{ "records", false, "how many records it has" },
	{ "left", false, "how many are left to process" },
	{ "imported", false, "how many were imported" },
	{ "failed", false, "how many failed" },
	{ "refused", false, "why the file was refused whole, or nothing" },
	{ "failures", true, "a line for each record that failed: its number, serial number, error text" },
	{ "dc", false, "the data centre" },
	{ "expected", false, "sequence number that was due" },
	{ "got", false, "sequence number that came" },
	{ "alarm", false, "name of the alarm" },
	{ "address", false, "the peer's address" },
	{ "serial", false, "serial number of a terminal" },
	{ "count", false, "how many" },
	{ "detail", true, "what is known of it" },
	{ "recipient", false, "name of the recipient" },
};
const size_t placeholder_rows_count = ARRAY_LEN(placeholder_rows);

#define IMPORT_PLACEHOLDERS                                                                                            \
	{                                                                                                              \
		"event", "kms", "time", "kind", "file", "sender", "records", "left", "imported", "failed", "refused",  \
		    "failures"                                                                                         \
	}

const struct template_row template_rows[TEMPLATE_EVENTS] = {
	[TEMPLATE_IMPORT_GOOD] = { "import-good",
				   "import-good",
				   "every record of a key file or delivery was imported",
				   IMPORT_PLACEHOLDERS,
				   { "key import: {file}", "密钥导入:{file}" },
				   { "{kind} {file} has {records} records, {left} left to process, imported "
				     "{imported}, failed {failed}\n"
				     "\nfrom {sender}, for {kms}, {time}\n",
				     "{kind} {file} 共 {records} 条记录,待处理 {left} 条,已导入 {imported} 条,失败 "
				     "{failed} 条\n"
				     "\n发送方:{sender};KMS:{kms};时间:{time}\n" } },
	[TEMPLATE_IMPORT_BAD] = { "import-bad",
				  "import-bad",
				  "records of a key file or delivery failed, or it was refused whole",
				  IMPORT_PLACEHOLDERS,
				  { "key import FAILED: {file}: {failed} of {records}",
				    "密钥导入失败:{file}:{failed}/{records}" },
				  { "{kind} {file} has {records} records, {left} left to process, imported {imported}, "
				    "failed {failed}\n"
				    "{refused}\n{failures}\n\nfrom {sender}, for {kms}, {time}\n",
				    "{kind} {file} 共 {records} 条记录,待处理 {left} 条,已导入 {imported} 条,失败 "
				    "{failed} 条\n"
				    "{refused}\n{failures}\n\n发送方:{sender};KMS:{kms};时间:{time}\n" } },
	[TEMPLATE_ALARM] = { "alarm",
			     "alarm",
			     "so many terminals failed their proof, all together, that it is an alarm; once, until it "
			     "is closed",
			     { "event", "kms", "time", "alarm", "address", "serial", "count", "detail" },
			     { "KMS {kms}: alarm {alarm}", "KMS {kms}:告警 {alarm}" },
			     { "alarm {alarm} at {time} in KMS {kms}, count {count}, most from address {address}, most "
			       "for serial number {serial}\n"
			       "{detail}\n",
			       "KMS {kms} 于 {time} 发生告警 {alarm},次数 {count},最多的地址 {address},最多的序列号 "
			       "{serial}\n{detail}\n" } },
	[TEMPLATE_SEQUENCE_GAP] = { "sequence-gap",
				    "alarm",
				    "a delivery of a data centre has not the number that was due: others are missing, "
				    "or it came twice",
				    { "event", "kms", "time", "dc", "expected", "got", "file", "detail" },
				    { "KMS {kms}: deliveries of {dc} are not in sequence",
				      "KMS {kms}:数据中心 {dc} 的交付序号不连续" },
				    { "{file} of data centre {dc} has sequence number {got}, due was {expected}\n"
				      "{detail}\n\nfor {kms}, {time}\n",
				      "数据中心 {dc} 的 {file} 序号为 {got},应为 "
				      "{expected}\n{detail}\n\nKMS:{kms};时间:{time}\n" } },
	[TEMPLATE_DUPLICATE_KEY] = { "duplicate-key",
				     "alarm",
				     "one key came in records of several terminals",
				     { "event", "kms", "time", "file", "serial", "count", "detail" },
				     { "KMS {kms}: duplicate keys", "KMS {kms}:发现重复密钥" },
				     { "{count} terminals have a key that another one has, too ({file}, serial number "
				       "{serial})\n{detail}\n"
				       "\nfor {kms}, {time}\n",
				       "{count} 台终端的密钥与其他终端重复({file},序列号 "
				       "{serial})\n{detail}\n\nKMS:{kms};时间:{time}\n" } },
	[TEMPLATE_TEST] = { "test",
			    "",
			    "kmsd mail test RECIPIENT",
			    { "event", "kms", "time", "recipient" },
			    { "KMS {kms}: test", "KMS {kms}:测试邮件" },
			    { "This mail to {recipient} was sent by kmsd of {kms} at {time} as a test.\n",
			      "这是 KMS {kms} 于 {time} 发给 {recipient} 的测试邮件。\n" } },
};
