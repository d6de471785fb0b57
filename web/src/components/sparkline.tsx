/** A curve of the last minutes: decoration, what it shows stands in words beside it. */

import type { Sample } from "../stores/thermal";
import { HEIGHT, sparklinePath, WIDTH } from "./sparkline-path";

/** @param now s of the samples' clock. */
export function Sparkline({ samples, now }: { samples: readonly Sample[]; now: number }) {
  return (
    <svg
      className="sparkline"
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      preserveAspectRatio="none"
      aria-hidden="true"
    >
      <path d={sparklinePath(samples, now)} vectorEffect="non-scaling-stroke" />
    </svg>
  );
}
