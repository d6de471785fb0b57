/** Behind one button: how long the server waits in a pause before it answers. */

import { useRef, type RefObject } from "react";
import { useAudio, useClient, useConnection } from "./context";
import { SettingsIcon } from "./icons";
import { describePatience } from "./patience";

const PANEL = "settings";
const STEP = 0.05;
/** Shown until the server has told its own. */
const MIDDLE = 0.5;

export function Settings() {
  const button = useRef<HTMLButtonElement>(null);
  return (
    <>
      <button
        type="button"
        ref={button}
        className="quiet square"
        aria-label="Settings"
        title="Settings"
        popoverTarget={PANEL}
        data-testid="settings"
      >
        <SettingsIcon />
      </button>
      <div id={PANEL} popover="auto" role="group" aria-label="Settings" className="panel settings">
        <PatienceSlider back={button} />
      </div>
    </>
  );
}

function PatienceSlider({ back }: { back: RefObject<HTMLButtonElement | null> }) {
  const client = useClient();
  const chosen = useAudio((state) => state.patience);
  const configured = useConnection((state) => state.welcome?.patience ?? MIDDLE);
  const patience = chosen ?? configured;
  const words = describePatience(patience);
  return (
    <>
      <label htmlFor="patience">Reply</label>
      <div className="slider">
        <span aria-hidden="true">quick</span>
        <input
          id="patience"
          type="range"
          min={0}
          max={1}
          step={STEP}
          value={patience}
          aria-valuetext={words.name}
          aria-describedby="patience-meaning"
          data-testid="patience"
          onChange={(event) => client.setPatience(event.target.valueAsNumber)}
        />
        <span aria-hidden="true">patient</span>
      </div>
      <p id="patience-meaning" className="note">
        {words.meaning}
      </p>
      <button
        type="button"
        className="quiet small"
        disabled={chosen === null}
        data-testid="patience-default"
        onClick={() => {
          client.setPatience(null);
          back.current?.focus(); // this button can no longer hold it
        }}
      >
        {chosen === null ? "As the server is set" : "Use the server's setting"}
      </button>
    </>
  );
}
