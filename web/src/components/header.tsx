/** Name, temperature, connection state, whether answers are spoken, and settings. */

import type { ConnectionState } from "../client/connection";
import { useAudio, useClient, useConnection } from "./context";
import { Logo, SpeakerIcon, SpeakerOffIcon } from "./icons";
import { Settings } from "./settings";
import { ThermalChip } from "./thermal";

export function Header() {
  return (
    <header className="header">
      <h1 className="brand">
        <Logo />
        <span className="brand-name">voicechat</span>
      </h1>
      <ThermalChip />
      <ConnectionChip />
      <SpeakToggle />
      <Settings />
    </header>
  );
}

function ConnectionChip() {
  const connection = useConnection((state) => state.connection);
  const ending = useConnection((state) => state.shuttingDown !== null);
  const phase = ending && connection.phase === "connected" ? "ending" : connection.phase;
  return (
    <p className="chip" data-testid="connection-state" data-phase={phase} role="status">
      <span className="dot" aria-hidden="true" />
      <span className="phase-name">
        {ending && connection.phase === "connected" ? "Shutting down" : describe(connection)}
      </span>
    </p>
  );
}

function describe(connection: ConnectionState): string {
  switch (connection.phase) {
    case "connecting":
      return "Connecting";
    case "connected":
      return "Connected";
    case "reconnecting":
      return `Reconnecting ${connection.attempt}/${connection.attempts}`;
    case "offline":
      return connection.reason === "opened_elsewhere" ? "Opened elsewhere" : "Offline";
  }
}

function SpeakToggle() {
  const client = useClient();
  const canPlay = useAudio((state) => state.canPlay);
  const speak = useAudio((state) => state.speak) && canPlay;
  return (
    <button
      type="button"
      className="quiet"
      role="switch"
      aria-checked={speak}
      title={canPlay ? "Speak answers" : "This page cannot play sound"}
      disabled={!canPlay}
      data-testid="speak-toggle"
      onClick={() => client.setSpeak(!speak)}
    >
      {speak ? <SpeakerIcon /> : <SpeakerOffIcon />}
      <span className="narrow-hidden">Speak answers</span>
      <span className="switch" aria-hidden="true" />
    </button>
  );
}
