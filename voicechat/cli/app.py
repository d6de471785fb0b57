"""The list of commands; each is imported only when it is the one that runs."""

from __future__ import annotations

from cyclopts import App

from voicechat import __version__

app = App(
    name="voicechat",
    help="Talk to your own machine: an offline-first voice server for one small computer.",
    version=f"voicechat {__version__}",
    backend="trio",
    help_format="plaintext",
    help_formatter="plain",
    suppress_keyboard_interrupt=False,  # main gives it its exit code
)
app.command(
    "voicechat.cli.serve:serve",
    name="serve",
    help="Start the server and print the link to its page.",
)
app.command(
    "voicechat.cli.talk:talk",
    name="talk",
    help="Speak a WAV file to a server and write the spoken answer.",
)
app.command(
    "voicechat.cli.replay:replay",
    name="replay",
    help="Run a recorded session again and compare what it decides.",
)
app.command(
    "voicechat.cli.config:config",
    name="config",
    help="Print the settings in force and where each came from.",
)
