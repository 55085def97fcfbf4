#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""docs/messages.md from the rows of all services and the prose of docs/messages.in.

messages_doc.py TEMPLATE JSON-PROGRAM... [--check PAGE]

In the template a line `@errors`, `@frames` or `@message SERVICE PATH` stands for what the rows say. Behind @message, lines
`@in FIELD TEXT`, `@out FIELD TEXT` (`list.field` inside a list) and `@code N TEXT` say what no row can. A row without its @message, a
field without its text, or a text without its row is an error.
"""
import json
import subprocess
import sys


def size(n):
    for unit, name in ((1 << 20, "MiB"), (1 << 10, "KiB")):
        if n >= unit and n % unit == 0:
            return f"{n // unit} {name}"
    return f"{n} bytes"


def number(n):
    return "2^63-1" if n == 2**63 - 1 else str(n)


def bounds(f):
    if f["min"] == f["max"]:
        return number(f["max"])
    return f"{number(f['min'])} to {number(f['max'])}"


def kind(f):
    words = {"text": f"text, {bounds(f)} bytes", "base64": f"base64, {bounds(f)} bytes decoded", "number": f"number, {bounds(f)}", "bool": "true or false",
             "list": f"list of {bounds(f)}"}[f["type"]]
    return words + (", may be absent" if f["optional"] else "")


def flat(fields, before=""):
    """Fields with those of lists behind them, dotted; bare values of a list as the list's own line."""
    for f in fields:
        item = f.get("item", [])
        bare = len(item) == 1 and item[0]["name"] == ""
        yield before + f["name"], kind(f) + (f": {kind(item[0])}" if bare else "")
        if not bare:
            yield from flat(item, before + f["name"] + ".")


class Page:
    def __init__(self, template, rows):
        self.lines = template.split("\n")
        self.errors = rows["errors"]
        self.frames = rows["frames"]
        self.messages = {(s, m["path"]): m for s, list_ in rows["services"].items() for m in list_}
        self.faults = []

    def error_table(self):
        yield "| code | HTTP status | text |"
        yield "| --- | --- | --- |"
        for e in self.errors:
            yield f"| {e['code']} | {e['status']} | {e['text']} |"

    def frame_table(self):
        yield "| type | frame | at most | fields |"
        yield "| --- | --- | --- | --- |"
        for f in self.frames:
            fields = ", ".join(f"{x['name']} ({bounds(x)}{', may be absent' if x['optional'] else ''})" for x in f["fields"])
            yield f"| {f['type']:02x} | {f['name']} | {f['max']} | {fields or 'none'} |"

    def field_table(self, where, title, fields, texts):
        known = dict(flat(fields))
        for name in known:
            if name not in texts:
                self.faults.append(f"{where}: no text for {title} field {name}")
        for name in texts:
            if name not in known:
                self.faults.append(f"{where}: a text for {title} field {name}, which no row has")
        if not known:
            yield "Body: `{}`." if title == "field" else "Answer: `{}`."
            return
        yield f"| {title} | type | |"
        yield "| --- | --- | --- |"
        for name, words in known.items():
            yield f"| {name} | {words} | {texts.get(name, '')} |"

    def message(self, service, path, texts):
        where = f"{service} {path}"
        m = self.messages.pop((service, path), None)
        if not m:
            self.faults.append(f"{where}: no such row")
            return
        yield f"### POST {path} ({m['requirement']})"
        yield (f"Sender: {' or '.join(f'role `{r}`' for r in m['roles'])}. At most {size(m['header_max'])} of headers, {size(m['body_max'])} of body,"
               f" {m['time_s']} s for the whole request, {m['connections']} connections of one sender.")
        yield ""
        yield from self.field_table(where, "field", m["in"], texts["in"])
        yield ""
        yield from self.field_table(where, "answer", m["out"], texts["out"])
        if texts["code"]:
            yield ""
            yield "| code | when, besides what holds for all messages |"
            yield "| --- | --- |"
            for code, text in sorted(texts["code"].items()):
                yield f"| {code} | {text} |"

    def texts(self, at):
        texts = {"in": {}, "out": {}, "code": {}}
        while at < len(self.lines) and self.lines[at].split(" ")[0] in ("@in", "@out", "@code"):
            word, name, text = self.lines[at].split(" ", 2)
            texts[word[1:]][name] = text
            at += 1
        return texts, at

    def build(self):
        at = 0
        while at < len(self.lines):
            words = self.lines[at].split(" ")
            at += 1
            if words[0] == "@errors":
                yield from self.error_table()
            elif words[0] == "@frames":
                yield from self.frame_table()
            elif words[0] == "@message":
                texts, at = self.texts(at)
                yield from self.message(words[1], words[2], texts)
            else:
                yield self.lines[at - 1]
        self.faults += [f"{s} {p}: this message is not in the template" for s, p in self.messages]


def main(argv):
    check = argv[argv.index("--check") + 1] if "--check" in argv else None
    argv = argv[:argv.index("--check")] if check else argv
    rows = {"services": {}}
    for program in argv[1:]:
        said = json.loads(subprocess.run([program], capture_output=True, check=True, timeout=60).stdout)
        if "service" in said:
            rows["services"][said["service"]] = said["messages"]
        else:
            rows.update(said)
    with open(argv[0], encoding="utf-8") as file:
        page = Page(file.read(), rows)
    text = "\n".join(page.build())
    for fault in page.faults:
        print(fault, file=sys.stderr)
    if check:
        with open(check, encoding="utf-8") as file:
            same = file.read() == text
        if not same:
            print(f"{check} is not what messages_doc.py writes", file=sys.stderr)
        return 1 if page.faults or not same else 0
    sys.stdout.write(text)
    return 1 if page.faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
