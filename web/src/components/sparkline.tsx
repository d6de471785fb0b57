/** A curve of the last minutes: decoration, what it shows stands in words beside it. */

import { KEEP_S, type Sample } from "../stores/thermal";
import { HEIGHT, sparklinePath, WIDTH } from "./sparkline-path";

interface Props {
  samples: readonly Sample[];
  /** In s of the samples' clock: the right end. */
  now: number;
  /** The left end; all that is kept where it is not given. */
  from?: number;
}

export function Sparkline({ samples, now, from = now - KEEP_S }: Props) {
  return (
    <svg
      className="sparkline"
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      preserveAspectRatio="none"
      aria-hidden="true"
    >
      <path d={sparklinePath(samples, now, from)} vectorEffect="non-scaling-stroke" />
    </svg>
  );
}
