/** How hot the machine is: a chip in the header, and behind it what that means and what to do. */

import { useState } from "react";
import type { ThermalState } from "../protocol/messages";
import { curve, KEEP_S, lasting, type Sample } from "../stores/thermal";
import { useClient, useThermal } from "./context";
import { CoolingIcon, ThermometerIcon, UnknownIcon, WarningIcon } from "./icons";
import { Sparkline } from "./sparkline";
import { beginOf } from "./sparkline-path";
import {
  advice,
  degrees,
  describeCurve,
  explanation,
  forTime,
  simulation,
  spokenSummary,
  stateName,
} from "./thermal-words";

const PANEL = "thermal";

export function ThermalChip() {
  const status = useThermal((state) => state);
  const clock = useClient().thermal.now;
  const [looked, setLooked] = useState(0);
  const { newest, at } = status;
  if (newest === null || newest.state === "unsupported") return null;
  const { state, temperature_c } = newest;
  const samples = curve(status);
  const seconds = lasting(status, looked);
  const summary = spokenSummary(newest, seconds);
  const name = stateName(state);
  const warnings = advice(newest);
  const simulated = simulation(newest);
  return (
    <>
      <button
        type="button"
        className="chip thermal"
        aria-label={summary}
        title={summary}
        popoverTarget={PANEL}
        data-testid="thermal-chip"
        data-state={state}
      >
        <StateIcon state={state} />
        {/* The space parts what is read as one line. */}
        {(temperature_c !== null || name === "") && (
          <span className="degrees">{degrees(temperature_c)}</span>
        )}{" "}
        {name !== "" && (
          <span className="state-name" data-testid="thermal-state">
            {name}
          </span>
        )}
        {samples.length > 0 && <Sparkline samples={samples} now={at} from={beginOf(samples, at)} />}
        {warnings.length > 0 && <WarningIcon />}
      </button>
      <div
        id={PANEL}
        popover="auto"
        // Messages may be far apart: what somebody looks at is of this moment.
        onBeforeToggle={() => setLooked(clock())}
        role="group"
        aria-label="Temperature of the machine"
        className="panel thermal-panel"
        data-testid="thermal-popover"
      >
        <p className="temperature">{degrees(temperature_c)}</p>
        {simulated !== null && <p className="note">Simulated: {simulated}</p>}
        {explanation(newest).map((text) => (
          <p key={text}>{text}</p>
        ))}
        <p className="note">Like this {forTime(seconds)}.</p>
        {warnings.length > 0 && (
          <ul className="warnings">
            {warnings.map((text) => (
              <li key={text}>
                <WarningIcon />
                {text}
              </li>
            ))}
          </ul>
        )}
        {samples.length > 0 && <Curve samples={samples} now={at} />}
      </div>
    </>
  );
}

/** The shape tells the state too, for where there is no room for words. */
function StateIcon({ state }: { state: ThermalState }) {
  switch (state) {
    case "no_speculation":
      return <ThermometerIcon level={1} />;
    case "single":
      return <ThermometerIcon level={2} />;
    case "phrases":
      return <ThermometerIcon level={3} />;
    case "paused":
      return <CoolingIcon />;
    case "unknown":
      return <UnknownIcon />;
    default:
      return <ThermometerIcon level={0} />;
  }
}

function Curve({ samples, now }: { samples: readonly Sample[]; now: number }) {
  return (
    <figure className="curve">
      <Sparkline samples={samples} now={now} />
      <div className="axis" aria-hidden="true">
        <span>{KEEP_S / 60} min ago</span>
        <span>now</span>
      </div>
      <figcaption>{describeCurve(samples, now)}</figcaption>
    </figure>
  );
}

/** Stands where an answer, or the rest of it, will come. */
export function Waiting({ message }: { message: string }) {
  return (
    <p className="waiting" data-testid="thermal-waiting">
      <ThermometerIcon level={3} />
      {message}
    </p>
  );
}
