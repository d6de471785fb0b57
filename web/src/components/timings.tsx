/** How long the answer took, and where the time went. */

import type { TurnTimings } from "../protocol/messages";

interface Stage {
  name: string;
  /** ms after the user had finished. */
  from: number;
  to: number;
}

const STAGES: [keyof TurnTimings, string][] = [
  ["endpoint_ms", "End of turn"],
  ["stt_final_ms", "Transcript"],
  ["first_token_ms", "First words"],
  ["first_audio_ms", "First sound"],
];

/** The stages that were reached, each from the end of the one before. */
export function stagesOf(timings: TurnTimings): Stage[] {
  const stages: Stage[] = [];
  let from = 0;
  for (const [key, name] of STAGES) {
    const to = timings[key];
    if (to === null) continue;
    // The end of a turn may be decided after its transcript was there.
    stages.push({ name, from: Math.min(from, to), to });
    from = Math.max(from, to);
  }
  return stages;
}

/** Milliseconds as people read them: 6 ms, 0.52 s. */
export function duration(ms: number): string {
  return ms < 100 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(2)} s`;
}

export function Timings({ timings }: { timings: TurnTimings }) {
  const answered = timings.first_audio_ms ?? timings.first_token_ms;
  if (answered === null) return null;
  const stages = stagesOf(timings);
  const whole = Math.max(1, ...stages.map((stage) => stage.to));
  return (
    <details className="timings">
      <summary>answered in {duration(answered)}</summary>
      <ol>
        {stages.map(({ name, from, to }) => (
          <li key={name}>
            <span>{name}</span>
            <span className="track" aria-hidden="true">
              <span
                className="bar"
                style={{
                  marginLeft: `${(from / whole) * 100}%`,
                  width: `${Math.max(1, ((to - from) / whole) * 100)}%`,
                }}
              />
            </span>
            <span className="number">{duration(to)}</span>
          </li>
        ))}
      </ol>
    </details>
  );
}
