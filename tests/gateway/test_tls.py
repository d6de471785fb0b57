"""Certificates: bad files in plain words, and a self-signed one that real TLS clients accept."""

from __future__ import annotations

import hashlib
import socket
import ssl
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import psutil
import pytest
import trio
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from voicechat.errors import UsageError
from voicechat.gateway import websocket
from voicechat.gateway.tls import (
    CertificateNames,
    certificate_names,
    lan_addresses,
    machine_names,
    self_signed,
    server_context,
)

pytestmark = pytest.mark.requirement("P-4")

FAMILIES = (socket.AF_INET, socket.AF_INET6)


def names(wanted):
    return CertificateNames(frozenset(wanted))


async def test_self_signed_works_for_its_names(tmp_path, open_door) -> None:
    made = self_signed(tmp_path / "tls")
    assert {"localhost", "127.0.0.1", "::1"} <= made.names <= machine_names()
    context = server_context(made.cert, made.key)
    client = ssl.create_default_context(cafile=str(made.cert))
    async with (
        open_door(tls=context) as door,
        websocket.connect(f"wss://127.0.0.1:{door.port}/ws", tls=client) as ws,
    ):
        await ws.send("hello")
        assert await ws.receive() == "hello"
    parsed = x509.load_pem_x509_certificate(made.cert.read_bytes())
    der = parsed.public_bytes(serialization.Encoding.DER)
    assert made.fingerprint.replace(":", "").lower() == hashlib.sha256(der).hexdigest()


def test_files_are_for_their_owner_alone(tmp_path) -> None:
    made = self_signed(tmp_path / "new" / "tls", names(["localhost"]))
    assert made.key.parent.stat().st_mode & 0o777 == 0o700
    assert made.key.stat().st_mode & 0o777 == 0o600
    assert made.cert.stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in made.key.parent.iterdir()) == ["cert.pem", "key.pem"]


def test_kept_until_it_is_old_lacks_a_name_or_is_damaged(tmp_path) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    first = self_signed(tmp_path, names(["localhost", "10.0.0.1"]), now)
    assert self_signed(tmp_path, names(["localhost"]), now + timedelta(days=300)) == first
    renewed = self_signed(tmp_path, names(["localhost", "10.0.0.1"]), now + timedelta(days=380))
    assert renewed.fingerprint != first.fingerprint
    more = self_signed(tmp_path, names(["localhost", "10.0.0.2"]), now + timedelta(days=380))
    assert more.fingerprint != renewed.fingerprint
    assert more.names == {"localhost", "10.0.0.2"}
    more.key.write_text("damaged")
    again = self_signed(tmp_path, names(["localhost"]), now + timedelta(days=380))
    assert again.fingerprint != more.fingerprint
    server_context(again.cert, again.key)


@pytest.fixture
def machine(monkeypatch):
    """A function that makes this machine have a name and, by interface, addresses."""

    def become(host, **interfaces):
        found = {
            name.replace("_", "-"): [
                SimpleNamespace(family=FAMILIES[":" in address], address=address)
                for address in addresses
            ]
            for name, addresses in ({"lo": ["127.0.0.1", "::1"]} | interfaces).items()
        }
        monkeypatch.setattr(socket, "gethostname", lambda: host)
        monkeypatch.setattr(psutil, "net_if_addrs", lambda: found)

    return become


def test_what_changes_by_itself_is_no_reason_for_a_new_certificate(tmp_path, machine) -> None:
    machine("pi", eth0=["192.168.1.7", "2001:db8::1", "fe80::1%eth0"], docker0=["172.17.0.1"])
    first = self_signed(tmp_path)
    usual = {"localhost", "127.0.0.1", "::1", "pi", "pi.local", "192.168.1.7"}
    assert first.names == {*usual, "172.17.0.1"}
    for interfaces in (
        {"eth0": ["192.168.1.7", "2001:db8::2"]},
        {"eth0": ["192.168.1.7", "169.254.3.3"]},
        {"eth0": ["192.168.1.7"], "docker0": ["172.18.0.1"], "br_1f2e": ["172.19.0.1"]},
        {"eth0": ["192.168.1.7"], "veth9a": ["10.88.0.1"], "virbr0": ["192.168.122.1"]},
        {},
    ):
        machine("pi.fritz.box", **interfaces)
        assert self_signed(tmp_path) == first, interfaces
    machine("pi", eth0=["192.168.1.7"], wlan0=["192.168.1.8"], br0=["10.0.0.1"])
    second = self_signed(tmp_path)
    assert second.names == {*usual, "192.168.1.8", "10.0.0.1"}
    machine("box", eth0=["192.168.1.7"])
    assert self_signed(tmp_path).names >= {"box", "box.local"}


def test_browsers_reach_it_by_its_temporary_addresses_too(machine) -> None:
    machine("pi", eth0=["192.168.1.7", "2001:db8::1", "fe80::1%eth0"])
    assert machine_names() - certificate_names().lasting == {"2001:db8::1"}
    assert lan_addresses() == ["192.168.1.7"]


@pytest.mark.parametrize(
    ("host", "names"),
    [
        ("Küche", {"xn--kche-0ra", "xn--kche-0ra.local"}),
        ("x" * 64, set()),
        ("pi\udcff", set()),
        ("", set()),
    ],
)
def test_a_host_name_that_is_not_ascii(tmp_path, machine, host, names) -> None:
    machine(host)
    made = self_signed(tmp_path)
    assert made.names == machine_names() == {"localhost", "127.0.0.1", "::1", *names}


def test_a_directory_that_cannot_be_made(tmp_path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UsageError, match="cannot be saved"):
        self_signed(tmp_path / "file" / "tls", names(["localhost"]))


def test_bad_files_are_one_clear_line(tmp_path) -> None:
    one, other = (
        self_signed(tmp_path / "1", names(["a"])),
        self_signed(tmp_path / "2", names(["b"])),
    )
    private = serialization.load_pem_private_key(one.key.read_bytes(), None)
    encrypted = tmp_path / "encrypted.pem"
    encrypted.write_bytes(
        private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        )
    )
    garbage = tmp_path / "garbage.pem"
    garbage.write_text("hello")
    for cert, key, words in (
        (tmp_path / "absent", one.key, "absent, given by --tls-cert, cannot be read"),
        (one.cert, tmp_path, "given by --tls-key, cannot be read"),
        (one.cert, other.key, "do not belong together"),
        (one.cert, encrypted, "is encrypted"),
        (garbage, one.key, "must be PEM files"),
        (one.cert, garbage, "must be PEM files"),
    ):
        with pytest.raises(UsageError, match=words) as error:
            server_context(cert, key)
        assert "\n" not in error.value.message
        assert str(tmp_path) not in error.value.message


async def test_tls_1_2_is_the_oldest(tmp_path, open_door) -> None:
    made = self_signed(tmp_path, names(["localhost"]))
    async with open_door(tls=server_context(made.cert, made.key)) as door:
        client = await door.tcp()
        old = ssl.create_default_context(cafile=str(made.cert))
        old.minimum_version = ssl.TLSVersion.TLSv1_2
        old.maximum_version = ssl.TLSVersion.TLSv1_2
        stream = trio.SSLStream(client.stream, old, server_hostname="localhost")
        await stream.do_handshake()
        assert stream.version() == "TLSv1.2"
    assert server_context(made.cert, made.key).minimum_version is ssl.TLSVersion.TLSv1_2
