/** How long to wait before a reconnect: exponential with full jitter, so that many pages spread. */

import { BACKOFF_FIRST_MS, BACKOFF_MOST_MS, BACKOFF_TRIES } from "../protocol/messages";

export const MAX_ATTEMPTS = BACKOFF_TRIES;

/**
 * Delay in ms before reconnect `attempt` (from 1).
 *
 * @param random in [0, 1).
 */
export function backoffMs(attempt: number, random: number): number {
  return Math.round(random * Math.min(BACKOFF_MOST_MS, BACKOFF_FIRST_MS * 2 ** (attempt - 1)));
}
