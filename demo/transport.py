# SPDX-License-Identifier: BSD-2-Clause
"""Keys that services share, from one token into another, by `strongroom transport`: two officers approve what leaves and what comes
in; into SoftHSMv2 each of them brings a part of its PIN (R1.3, docs/ceremony.md)."""
import secrets

SOFTHSM = "/usr/lib/softhsm/libsofthsm2.so"


class SoftToken:
    """SoftHSMv2 as an HSM 2: one PIN, in two parts of one officer each."""

    def __init__(self, place, computer, label):
        self.place, self.label = place, label
        folder = place.folder(f"{computer}/softhsm")
        (folder / "conf").write_text(f"directories.tokendir = {folder}\nobjectstore.backend = file\nlog.level = ERROR\n")
        self.env = {**place.computer(computer), "SOFTHSM2_CONF": str(folder / "conf")}
        parts = [secrets.token_hex(5) for _ in range(2)]
        self.parts = [place.secret_file(f"{computer}/part{n}.pin", part) for n, part in enumerate(parts, 1)]
        self.service_pin = place.secret_file(f"{computer}/service.pin", "".join(parts))
        place.run(self.env, "softhsm2-util", "--module", SOFTHSM, "--init-token", "--free", "--label", label, "--so-pin",
                  secrets.token_hex(5), "--pin", "".join(parts))

    def uri(self, **attributes):
        return f"pkcs11:token={self.label}" + "".join(f";{k.replace('_', '-')}={v}" for k, v in attributes.items())

    def service_uri(self):
        return f"{self.uri()}?module-path={SOFTHSM}&pin-source={self.service_pin}"

    def strongroom(self):
        return ["--module", SOFTHSM, "--token", self.label]

    def takes(self, officers, service):
        """The words of an import: both officers are there."""
        return ["--for", service, *[word for part in self.parts for word in ("--pin-part", part)]]


def send(source, target, keys, officers, hash_name="sha256"):
    """Every key of keys from source to target; answers {label: check value} as the target computes it."""
    place, values = source.place, {}
    folder = place.folder(f"transport/{target.label}")
    key = folder / "receiver.pem"
    asked = place.json(target.env, "strongroom", "transport", "request", *target.strongroom(), "--pin-file", target.service_pin,
                       "--out", key)
    statement = folder / "source.pem"
    statement.write_bytes(place.run(source.env, "strongroom", "ceremony", "key", *source.strongroom()))
    for label in keys:
        path = folder / label
        sent = place.json(source.env, "strongroom", "transport", "export", label, *source.strongroom(), "--pin-file",
                          source.service_pin, "--to", key, "--out", path, "--hash", hash_name, "--fingerprint", asked["fingerprint"],
                          *source.custodians(officers))["sent"]
        got = place.json(target.env, "strongroom", "transport", "import", path, *target.strongroom(), "--key", statement, "--expect",
                         sent["check_value"], *target.takes(officers, "kms"))
        values[label] = got["check_value"]
    return values
