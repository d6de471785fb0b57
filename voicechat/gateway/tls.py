"""Certificates: loads the given ones, or makes a self-signed one for this machine.

A browser gives its microphone to a page from another machine only over HTTPS, so a server without
a domain name needs a certificate that it made itself; a person compares its fingerprint once.
"""

from __future__ import annotations

import ipaddress
import os
import re
import socket
import ssl
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import attrs
import psutil
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from voicechat.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LIFETIME = timedelta(days=397)
"""As long as browsers take a certificate."""
RENEW_BEFORE = timedelta(days=30)
CLOCK_SKEW = timedelta(days=1)
"""A certificate is valid from a day ago: the client's clock may be behind."""
BRIDGE = re.compile(r"docker\d|br-|veth|virbr")
"""Interfaces that container and virtual machine programs make and remove."""


@attrs.frozen
class SelfSigned:
    """A certificate that this machine made.

    Attributes:
        cert: PEM file of the certificate.
        key: PEM file of its private key, readable by its owner alone.
        fingerprint: SHA-256 of the certificate, as browsers show it (``AB:CD:…``).
        names: Host names and addresses that it is for.
    """

    cert: Path
    key: Path
    fingerprint: str
    names: frozenset[str]


@attrs.frozen
class CertificateNames:
    """What a certificate is to be for.

    Attributes:
        lasting: Names and addresses whose absence makes a kept certificate useless.
        passing: Addresses that a new certificate holds as well, but that no kept one must.
    """

    lasting: frozenset[str]
    passing: frozenset[str] = frozenset()


def server_context(cert: Path, key: Path) -> ssl.SSLContext:
    """Make the TLS side of a server. It offers HTTP/1.1 alone: WebSockets are not tunnelled in h2.

    Args:
        cert: PEM file, the server's certificate first, then its chain.
        key: PEM file of the private key, not encrypted.

    Raises:
        UsageError: A file is missing, is not what it should be, or they don't belong together.
    """
    for flag, path in (("--tls-cert", cert), ("--tls-key", key)):
        try:
            path.read_bytes()
        except OSError:
            line = f"{path.name}, given by {flag}, cannot be read; check the path"
            raise UsageError(line) from None
    asked = []

    def password() -> str:  # without this OpenSSL would ask at the terminal
        asked.append(True)
        return ""

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(cert, key, password)
    except (ssl.SSLError, ValueError, OSError) as error:
        if asked:
            line = "the file given by --tls-key is encrypted; give one without a pass phrase"
        elif getattr(error, "reason", None) == "KEY_VALUES_MISMATCH":
            line = "the files given by --tls-cert and --tls-key do not belong together"
        else:
            line = "--tls-cert and --tls-key must be PEM files of a certificate and its key"
        raise UsageError(line) from None
    return context


def machine_names() -> frozenset[str]:
    """Names and addresses under which browsers can reach this machine."""
    return frozenset([*_host_names(), *(address for _, address in _addresses())])


def certificate_names() -> CertificateNames:
    """What a certificate of this machine should be for.

    IPv6 addresses are left out: privacy extensions change them daily, and each change would be a
    new certificate for every browser to ask about. The addresses of bridges come and go with
    containers and virtual machines, so they are wanted, but alone no reason for a new one.
    """
    names, bridges = _host_names(), set[str]()
    for interface, address in _addresses():
        if isinstance(parsed := ipaddress.ip_address(address), ipaddress.IPv4Address):
            if parsed.is_link_local:
                continue
            (bridges if BRIDGE.match(interface) else names).add(address)
    return CertificateNames(frozenset(names), frozenset(bridges - names))


def _host_names() -> set[str]:
    """This machine by name, as browsers ask for it; a name that DNS could not hold is left out."""
    names = {"localhost", "127.0.0.1", "::1"}
    try:
        host = socket.gethostname().split(".")[0].lower().encode("idna").decode("ascii")
    except UnicodeError:
        return names
    return names | {host, f"{host}.local"} if host else names


def _addresses() -> Iterator[tuple[str, str]]:
    """Each interface with its addresses, without those that are of use on one link alone."""
    for interface, addresses in psutil.net_if_addrs().items():
        for each in addresses:
            if each.family in {socket.AF_INET, socket.AF_INET6} and "%" not in each.address:
                yield interface, str(ipaddress.ip_address(each.address))


def lan_addresses() -> list[str]:
    """Addresses of this machine that others on its network can reach, IPv4 alone."""
    found = []
    for name in machine_names():
        try:
            address = ipaddress.IPv4Address(name)
        except ValueError:
            continue
        if not address.is_loopback:
            found.append(name)
    return sorted(found)


def self_signed(
    directory: Path, names: CertificateNames | None = None, now: datetime | None = None
) -> SelfSigned:
    """Return the certificate kept in a directory, made anew if it is absent, old or lacks a name.

    Args:
        directory: Where it is kept; made if it is absent, for its owner alone.
        names: What it must be for; by default `certificate_names`.
        now: The time; by default the clock's.

    Raises:
        UsageError: The directory cannot be written to.
    """
    wanted = certificate_names() if names is None else names
    now = datetime.now(UTC) if now is None else now
    cert_path, key_path = directory / "cert.pem", directory / "key.pem"
    cert = _usable(cert_path, key_path, wanted.lasting, now)
    if cert is None:
        key = ec.generate_private_key(ec.SECP256R1())
        cert = _make(key, wanted.lasting | wanted.passing, now)
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            directory.chmod(0o700)
            _write(
                key_path,
                key.private_bytes(
                    serialization.Encoding.PEM,
                    serialization.PrivateFormat.PKCS8,
                    serialization.NoEncryption(),
                ),
            )
            _write(cert_path, cert.public_bytes(serialization.Encoding.PEM))
        except OSError:
            raise UsageError(
                "the self-signed certificate cannot be saved; check the rights of "
                "the data directory"
            ) from None
    fingerprint = cert.fingerprint(hashes.SHA256()).hex(":").upper()
    return SelfSigned(cert_path, key_path, fingerprint, _names_of(cert))


def _usable(
    cert_path: Path, key_path: Path, wanted: frozenset[str], now: datetime
) -> x509.Certificate | None:
    """The kept certificate; None if another one must be made."""
    try:
        cert = x509.load_pem_x509_certificate(cert_path.read_bytes())
        server_context(cert_path, key_path)  # they belong together
    except (OSError, ValueError, UsageError):
        return None
    if not cert.not_valid_before_utc <= now < cert.not_valid_after_utc - RENEW_BEFORE:
        return None
    return cert if wanted <= _names_of(cert) else None


def _names_of(cert: x509.Certificate) -> frozenset[str]:
    try:
        san = cert.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return frozenset()
    addresses = san.get_values_for_type(x509.IPAddress)
    return frozenset([*san.get_values_for_type(x509.DNSName), *map(str, addresses)])


def _make(
    key: ec.EllipticCurvePrivateKey, names: frozenset[str], now: datetime
) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "voicechat on this machine")])
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCK_SKEW)
        .not_valid_after(now - CLOCK_SKEW + LIFETIME)
        .add_extension(
            x509.SubjectAlternativeName([_general_name(name) for name in sorted(names)]),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _write(path: Path, data: bytes) -> None:
    """Replace a file at once; it is never readable by others, not even for a moment."""
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)
    fresh.replace(path)
