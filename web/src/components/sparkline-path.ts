/** The shape of a temperature curve: pure, so that it can be tested without a screen. */

import { KEEP_S, type Sample } from "../stores/thermal";

/** The box that the curve is drawn into; the style stretches it. */
export const WIDTH = 100;
export const HEIGHT = 24;
/** Room for half of the stroke, above and below. */
const MARGIN = 2;
/** So many degrees at least from bottom to top: half a degree of noise must not look like a fire. */
const SPAN_C = 10;
/** Between samples further apart than this, in s, nothing is known; steady ones come every 15 s or so. */
const GAP_S = 30;

/** So many seconds at least from left to right, where the curve begins with its first sample. */
const SHORTEST_S = 30;

/** Where a curve begins that leaves no room before its first sample; s of the samples' clock. */
export function beginOf(samples: readonly Sample[], now: number): number {
  return Math.max(samples[0]?.at ?? now, now - KEEP_S);
}

/**
 * An SVG path over the seconds between `from` and `now`, hotter is higher.
 *
 * @param now s of the same clock as the samples'.
 * @param from the same.
 */
export function sparklinePath(
  samples: readonly Sample[],
  now: number,
  from = now - KEEP_S,
): string {
  const { min, max } = extent(samples);
  const middle = (min + max) / 2;
  const span = Math.max(SPAN_C, max - min);
  const length = Math.max(SHORTEST_S, now - from);
  const x = ({ at }: Sample): string => ((WIDTH * (at - from)) / length).toFixed(1);
  const y = ({ celsius }: Sample): string =>
    (HEIGHT / 2 - ((celsius - middle) / span) * (HEIGHT - 2 * MARGIN)).toFixed(1);
  return samples
    .map((sample, index) => {
      const before = samples[index - 1];
      const begins = before === undefined || sample.at - before.at > GAP_S;
      // `h0` makes a dot of what has no neighbour.
      return begins ? `M${x(sample)} ${y(sample)}h0` : `L${x(sample)} ${y(sample)}`;
    })
    .join("");
}

/** The coldest and the hottest in degrees Celsius; both 0 where there is nothing. */
export function extent(samples: readonly Sample[]): { min: number; max: number } {
  if (samples.length === 0) return { min: 0, max: 0 };
  const all = samples.map((sample) => sample.celsius);
  return { min: Math.min(...all), max: Math.max(...all) };
}
