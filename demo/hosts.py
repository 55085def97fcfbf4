# SPDX-License-Identifier: BSD-2-Clause
"""The CA's identities, the configurations of the daemons, and their start."""
from ceremony import Token
from customers import CUSTOMERS
from place import write_config

TRIES = {"retry_first_ms": 300, "poll_ms": 200}  # of the mailer: a demo does not wait a minute


def identities(story):
    place, env = story.place, story.place.computer("ca")
    ca, out = place.top / "ca/authority", place.folder("ca/issued")
    vault = Token(place, "ca", "CA")
    vault.initialise([])
    place.run(env, "strongroom", "ca", "init", "--dir", ca, "--name", "HsmRCRT", "--token", vault.service_uri())
    story.root, story.issued, issued = ca / "root.pem", out, 0

    def issue(role, name, *source):
        nonlocal issued
        place.run(env, "strongroom", "ca", "issue", "--dir", ca, "--role", role, "--name", name, *source)
        issued += 1

    for role, name in [("mtms", "mtms"), ("dc", "dc"), ("opterm", "opterm")] + [("kms", c) for c in CUSTOMERS]:
        issue(role, name, "--key-out", out / f"{name}.key", "--out", out / f"{name}.pem", "--san", "IP:127.0.0.1")
    # The operator card: a token that makes its own key.
    story.card = Token(place, "card", "OPERATOR-CARD")
    story.card.initialise([])
    card = ["--card", story.card.uri(), "--pin-file", story.card.service_pin]
    place.run(story.card.env, "opterm", "card-init", *card, "--name", "operator 7", "--request", out / "operator.csr")
    issue("operator", "operator 7", "--csr", out / "operator.csr", "--out", out / "operator.pem")
    place.run(story.card.env, "opterm", "card-certificate", *card, "--certificate", out / "operator.pem")
    # Pr and Pu in HSM 1; the CA certifies the bare Pu in a request that the MTMS identity signed (R1.1).
    story.mtms_config = mtms_config(story, "https://127.0.0.1:9")
    place.run(story.hsm1.env, "mtmsd", "--config", story.mtms_config, "key-init", out / "hsm.request")
    issue("hsm", "HSM 1", "--request", out / "hsm.request", "--out", out / "hsm.pem")
    place.run(story.hsm1.env, "mtmsd", "--config", story.mtms_config, "cert-import", out / "hsm.pem")
    return issued


def identity_section(story, name):
    return {"certificate": story.issued / f"{name}.pem", "key": story.issued / f"{name}.key", "ca": story.root}


def mtms_config(story, dc_url):
    sections = {"identity": identity_section(story, "mtms"), "token": {"uri": story.hsm1.service_uri()}, "dc": {"url": dc_url}}
    for customer in CUSTOMERS:
        sections[f"customer {customer}"] = {role.lower(): story.hsm1.uri(object=f"{role}-{customer}") for role in ("PK", "MAK")}
    folder = story.place.folder("mtms")
    return write_config(folder / "mtms.conf", {"database": folder / "mtms.db"}, sections)


def spool_of(story, customer):
    """Where key files for this KMS lie on its own machine."""
    return story.place.folder(f"kms-{customer}/spool")


def kms_config(story, customer, node, token):
    kind, folder = CUSTOMERS[customer], story.place.folder(f"kms-{customer}")
    sections = {
        "identity": identity_section(story, customer),
        "node": {"name": f"{customer.lower()}-{node}"},
        "token": {"uri": token.service_uri(), "srk": token.uri(object="SRK"), "fpk": token.uri(object="FPK"),
                  "pk": token.uri(object=f"PK-{customer}"), "mak": token.uri(object=f"MAK-{customer}")},
        "mail": TRIES,
    }
    if kind.way == "file":  # by FTP, from a server that the DC reaches over another line
        sections["pickup files"] = {"url": story.around.ftp.url, **story.around.ftp.options(), "poll_s": 1,
                                    "work": story.place.folder(f"kms-{customer}/work")}
    if kind.way != "message":  # also where one by FTP could be put by hand
        sections["spool"] = {"folder": spool_of(story, customer), "settle_s": 1}
    return write_config(folder / f"kms-{customer}-{node}.conf",
                        {"customer": customer, "database": story.databases[customer], "listen": "127.0.0.1:0"}, sections)


def configure(story):
    """The servers of other makers, and the first node of every KMS on paper."""
    story.databases = {c: story.around.database(c.lower()) if kind.nodes > 1 else story.place.folder(f"kms-{c}") / "kms.db"
                       for c, kind in CUSTOMERS.items()}
    story.around.files()
    story.around.mail()
    story.around.line.arm(up=600 + 130 * len(story.serials["BOLT"]))  # in the middle of the first key file: a line has some 270 bytes
    story.around.smtp.rule("DATA", "refuse", code=451, text="try again later")
    story.kms_conf = {c: [kms_config(story, c, 1, story.hsm2[c][0])] for c in CUSTOMERS}
    story.say(f"PostgreSQL, vsftpd on {story.around.ftp.url} and, over a line that will break, {story.around.far}, "
              f"a mail server with STARTTLS on {story.around.smtp.address}")
    return len(story.around.running) - 2  # the line is none


def mailbox(story, customer):
    """Who is told of imports, by whom; the password goes into the token (R2.8)."""
    kmsd = ["kmsd", "--config", story.kms_conf[customer][0]]
    env, smtp = story.hsm2[customer][0].env, story.around.smtp
    password = story.place.secret_file(f"kms-{customer}/mail.password", smtp.password)
    story.place.run(env, *kmsd, "sender", "add", "house", "--mailbox", f"kms@{customer.lower()}.example", "--server", smtp.address,
                    "--user", smtp.user, "--ca", smtp.ca)
    story.place.run(env, *kmsd, "sender", "password", "house", "--file", password)
    story.place.run(env, *kmsd, "recipient", "add", "operators", "--mailbox", f"operators@{customer.lower()}.example", "--sender",
                    "house", "--type", "all", "--language", "zh" if customer == "CORE" else "en")
    password.unlink()


def route(story, customer):
    """How the DC reaches this KMS."""
    way = {"mode": CUSTOMERS[customer].way, "retry_max_s": 1}
    if CUSTOMERS[customer].way != "file":
        way["url"] = f"https://{story.kms[customer][0]['https']}"
    if CUSTOMERS[customer].way == "file":
        way.update({"spool": story.around.far, **story.around.ftp.options()})
    if CUSTOMERS[customer].way == "notice":
        way["spool"] = spool_of(story, customer)
    return way


def services(story):
    place = story.place
    story.kms = {}
    for customer in CUSTOMERS:
        tokens = story.hsm2[customer]
        story.kms_conf[customer] += [kms_config(story, customer, n, t) for n, t in enumerate(tokens[1:], 2)]
        story.kms[customer] = [place.daemon(t.env, "kmsd", config) for t, config in zip(tokens, story.kms_conf[customer])]
        mailbox(story, customer)
    folder = place.folder("dc")
    story.dc_conf = write_config(folder / "dc.conf", {"database": folder / "dc.db"},
                                 {"identity": identity_section(story, "dc"), **{f"kms {c}": route(story, c) for c in CUSTOMERS}})
    story.dc = place.daemon(place.computer("dc"), "dcd", story.dc_conf)
    story.mtms_config = mtms_config(story, f"https://{story.dc['https']}")
    story.mtms = place.daemon(story.hsm1.env, "mtmsd", story.mtms_config)
    for customer, nodes in story.kms.items():
        story.say(f"kmsd of {customer}: " + " and ".join(f"{a['https']} with terminals at {a['terminals']}" for a in nodes)
                  + f", records by {CUSTOMERS[customer].way}")
    story.say(f"mtmsd {story.mtms['https']}, dcd {story.dc['https']}")
    return 2 + sum(len(nodes) for nodes in story.kms.values())
