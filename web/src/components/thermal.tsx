/** How hot the machine is: a chip in the header, and behind it what that means and what to do. */

import type { ThermalState } from "../protocol/messages";
import { curve, KEEP_S, type Sample } from "../stores/thermal";
import { useThermal } from "./context";
import { CoolingIcon, ThermometerIcon, UnknownIcon, WarningIcon } from "./icons";
import { Sparkline } from "./sparkline";
import {
  advice,
  degrees,
  describeCurve,
  forTime,
  spokenSummary,
  stateMeaning,
  stateName,
} from "./thermal-words";

const PANEL = "thermal";

export function ThermalChip() {
  const status = useThermal((state) => state);
  const { newest, at } = status;
  if (newest === null || newest.state === "unsupported") return null;
  const { state, temperature_c, for_s } = newest;
  const samples = curve(status);
  const summary = spokenSummary(newest);
  const name = stateName(state);
  const warnings = advice(newest);
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
        <span className="degrees">{degrees(temperature_c)}</span>{" "}
        {name !== "" && (
          <span className="state-name" data-testid="thermal-state">
            {name}
          </span>
        )}
        <Sparkline samples={samples} now={at} />
        {warnings.length > 0 && <WarningIcon />}
      </button>
      <div
        id={PANEL}
        popover="auto"
        role="group"
        aria-label="Temperature of the machine"
        className="panel thermal-panel"
        data-testid="thermal-popover"
      >
        {temperature_c !== null && <p className="temperature">{degrees(temperature_c)}</p>}
        <p>{stateMeaning(state)}</p>
        <p className="note">Like this {forTime(for_s)}.</p>
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
