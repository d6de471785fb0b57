"""`voicechat serve`: run the server until a signal ends it."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003  (cyclopts reads the annotations)
from typing import Annotated

from cyclopts import Parameter

from voicechat.cli.options import SettingsOptions
from voicechat.observability import logs
from voicechat.server import serve as run_server


async def serve(
    *,
    host: Annotated[str | None, Parameter(help="Address to listen on.")] = None,
    port: Annotated[str | None, Parameter(help="Port to listen on; 0 picks a free one.")] = None,
    tls_cert: Annotated[Path | None, Parameter(help="Certificate (PEM).")] = None,
    tls_key: Annotated[Path | None, Parameter(help="Its private key (PEM).")] = None,
    tls_self_signed: Annotated[
        bool | None, Parameter(negative="", help="HTTPS with a certificate made here.")
    ] = None,
    insecure: Annotated[
        bool | None, Parameter(negative="", help="Allow others to connect without a key.")
    ] = None,
    data_dir: Annotated[
        Path | None, Parameter(help="Folder for conversations and what else is kept.")
    ] = None,
    record: Annotated[
        Path | None,
        Parameter(help="Folder to record sessions to, one file each, for voicechat replay."),
    ] = None,
    simulate_heat: Annotated[
        str | None,
        Parameter(help="Scenario to watch how the server protects itself, such as hot-day."),
    ] = None,
    log_level: Annotated[str | None, Parameter(help="debug, info, warning or error.")] = None,
    options: SettingsOptions | None = None,
) -> int:
    """Start the server and print the link to its page."""
    effective = (options or SettingsOptions()).load(
        {
            "server.host": host,
            "server.port": port,
            "server.tls_cert": tls_cert,
            "server.tls_key": tls_key,
            "server.tls_self_signed": tls_self_signed,
            "server.insecure": insecure,
            "server.data_dir": data_dir,
            "recording.dir": record,
            "thermal.sensor": simulate_heat and f"simulate:{simulate_heat}",
            "log.level": log_level,
        }
    )
    logs.configure(effective.settings.log)
    await run_server(effective.settings, on_ready=_announce)
    return 0


def _announce(links: list[str]) -> None:
    print(f"voicechat is ready: {links[0]}", flush=True)
    for link in links[1:]:
        print(f"from other machines: {link}", flush=True)
