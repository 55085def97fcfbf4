# SPDX-License-Identifier: BSD-2-Clause
"""The key ceremony of docs/ceremony.md, with nothing but the stock pkcs11-tool: officers, components, PK and MAK (R1.3)."""
import secrets

from place import pin

COMBINE = "0xD3520001"  # CKM_SR_COMPONENT_COMBINE, hsm/vendor.h
CHECK_VALUE = "0xD3520002"  # CKM_SR_CHECK_VALUE
KEY_BYTES = 32  # suite 2: AES-256


class Token:
    """One HSM as its officers see it: a label, and PINs that are never printed."""

    def __init__(self, place, computer, label):
        self.place, self.label = place, label
        self.env = place.computer(computer)
        self.so_pin = pin()
        self.service_pin = place.secret_file(f"{computer}/service.pin", pin())
        self.pins = {}

    def uri(self, **attributes):
        more = "".join(f";{k.replace('_', '-')}={v}" for k, v in attributes.items())
        return f"pkcs11:token={self.label}{more}"

    def service_uri(self):
        return f"{self.uri()}?pin-source={self.service_pin}"

    def tool(self, *args, stdin=None):
        return self.place.run(self.env, "pkcs11-tool", "--module", self.place.proxy, *args, stdin=stdin)

    def as_officer(self, officer, *args, stdin=None):
        return self.tool("--token-label", self.label, "--login", "--pin", f"{officer}:{self.pins[officer]}", *args, stdin=stdin)

    def initialise(self, officers):
        """The SO makes the token, the service's user and the officers; each officer takes a PIN of his own at once."""
        self.tool("--slot-index", 0, "--init-token", "--label", self.label, "--so-pin", self.so_pin)
        self.set_pin(self.service_pin.read_text())
        for officer in officers:
            first = pin()
            self.set_pin(f"{officer}:{first}")
            self.pins[officer] = pin()
            self.tool("--token-label", self.label, "--login", "--pin", f"{officer}:{first}", "--change-pin",
                      "--new-pin", f"{officer}:{self.pins[officer]}")

    def set_pin(self, new):
        self.tool("--token-label", self.label, "--login", "--login-type", "so", "--so-pin", self.so_pin, "--init-pin",
                  "--new-pin", new)

    def enter(self, officer, label, component):
        """pkcs11-tool reads a component from a file, which lives as long as the call."""
        path = self.place.secret_file(f"{officer}/component", component)
        try:
            self.as_officer(officer, "--write-object", path, "--type", "secrkey", "--key-type", "AES:", "--label", label)
        finally:
            path.write_bytes(bytes(len(component)))
            path.unlink()

    def combine(self, officer, key):
        self.as_officer(officer, "--keygen", "--mechanism", COMBINE, "--key-type", f"AES:{KEY_BYTES}", "--label", key)

    def strongroom(self):
        """The words that name it to the command strongroom."""
        return ["--module", self.place.module, "--token", self.label]

    def custodians(self, officers):
        """The words that say which officers are there, with files for their PINs."""
        words = []
        for name in officers:
            path = self.place.secret_file(f"{name}/{self.label}.pin", self.pins[name])
            words += ["--custodian", name, "--custodian-pin-file", f"{name}={path}"]
        return words

    def takes(self, officers, _service):
        """The words of a key's import."""
        return ["--pin-file", self.service_pin, *self.custodians(officers)]

    def check_value(self, officer, key):
        return self.as_officer(officer, "--hash", "--mechanism", CHECK_VALUE, stdin=key.encode()).hex().upper()


def combine_everywhere(customer, officers, tokens, watch=None):
    """watch: a file that gets the components, for the test that looks for them everywhere else.
    Each of two officers brings one component of PK and one of MAK into every token. Answers the check values by key
    and token: {"PK-ACME": ["08793E", "08793E"], ...}."""
    keys = {}
    for role in ("PK", "MAK"):
        key = f"{role}-{customer}"
        components = [secrets.token_bytes(KEY_BYTES) for _ in officers]
        keys[key] = []
        if watch:
            watch.writelines(f"{key}#{k} {c.hex()}\n" for k, c in enumerate(components, 1))
            watch.flush()
        for token in tokens:
            for k, officer in enumerate(officers, 1):
                token.enter(officer, f"{key}#{k}/{len(officers)}", components[k - 1])
            token.combine(officers[0], key)
            keys[key].append(token.check_value(officers[0], key))
    return keys
