# SPDX-License-Identifier: BSD-2-Clause
"""A server's certificate for a test, good or wrong in one way, and the CAs to tell them apart."""
import subprocess

CURVE = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
KINDS = ["good", "other-name", "other-ca", "expired"]


def openssl(*arguments):
    subprocess.run(["openssl", *[str(a) for a in arguments]], check=True, capture_output=True, timeout=60)


def make(folder, kind="good", names="IP:127.0.0.1,DNS:localhost"):
    """Answers the paths of the CA to trust, certificate and key. In the folder: ca.pem; other.pem, which signed what is of the
    kind other-ca and nothing else; server.pem, server.key."""
    for name in ("ca", "other"):
        openssl("req", "-x509", *CURVE, "-keyout", folder / f"{name}.key", "-out", folder / f"{name}.pem", "-subj", f"/CN=test {name}",
                "-days", "30", "-addext", "basicConstraints=critical,CA:TRUE")
    issuer = "other" if kind == "other-ca" else "ca"
    if kind == "other-name":
        names = "DNS:server.invalid"
    (folder / "server.ext").write_text(f"subjectAltName={names}\nextendedKeyUsage=serverAuth\n")
    openssl("req", *CURVE, "-keyout", folder / "server.key", "-out", folder / "server.csr", "-subj", "/CN=server")
    openssl("x509", "-req", "-in", folder / "server.csr", "-CA", folder / f"{issuer}.pem", "-CAkey", folder / f"{issuer}.key",
            "-CAcreateserial", "-days", "-1" if kind == "expired" else "30", "-extfile", folder / "server.ext", "-out",
            folder / "server.pem")
    return folder / "ca.pem", folder / "server.pem", folder / "server.key"
