/** How long to wait before a reconnect: exponential with full jitter, so that many pages spread. */

export const MAX_ATTEMPTS = 10;
const FIRST_MS = 1_000;
const CEILING_MS = 30_000;

/**
 * Delay in ms before reconnect `attempt` (from 1).
 *
 * @param random in [0, 1).
 */
export function backoffMs(attempt: number, random: number): number {
  return Math.round(random * Math.min(CEILING_MS, FIRST_MS * 2 ** (attempt - 1)));
}
