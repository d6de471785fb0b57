/** How hot the server's machine is, now and in the last minutes. */

import { createStore } from "zustand/vanilla";
import type { Thermal, ThermalState } from "../protocol/messages";
import type { ConversationEvent } from "./conversation";

/** So long temperatures are kept, in s. */
export const KEEP_S = 600;
/** Closer ones, in s, would only make the curve expensive; rounding must not drop every second one. */
const APART_S = 4;

export interface Sample {
  /** In s of this page's clock. */
  at: number;
  /** Degrees Celsius. */
  celsius: number;
}

export interface ThermalStatus {
  /** What the server said last; null: nothing yet on this connection. */
  newest: Thermal | null;
  /** When it said so, in s of this page's clock. */
  at: number;
  /** At most KEEP_S of them, oldest first. */
  samples: readonly Sample[];
  /** What to tell somebody who cannot see the notice: once for each time of waiting. */
  announcement: string;
}

export const NO_THERMAL: ThermalStatus = { newest: null, at: 0, samples: [], announcement: "" };

/** @param now seconds, never going back. */
export function reduceThermal(
  state: ThermalStatus,
  event: ConversationEvent,
  now: number,
): ThermalStatus {
  switch (event.type) {
    case "welcome":
    case "local_disconnected":
      return NO_THERMAL;
    case "thermal":
      return {
        newest: event,
        at: now,
        samples: sampled(state.samples, event, now),
        announcement: event.waiting ? state.announcement || words(event) : "",
      };
    default:
      return state;
  }
}

function sampled(before: readonly Sample[], message: Thermal, now: number): readonly Sample[] {
  const { history, temperature_c: celsius } = message;
  const came = history.map((each) => ({ at: now - each.ago_s, celsius: each.temperature_c }));
  if (celsius !== null) came.push({ at: now, celsius });
  // A history is all there was: it takes the place of what stands there.
  const samples: Sample[] = history.length > 0 ? [] : [...before];
  for (const sample of came) {
    const last = samples.at(-1);
    if (last === undefined || sample.at - last.at >= APART_S) samples.push(sample);
  }
  return samples.filter((sample) => now - sample.at <= KEEP_S);
}

/** The kept temperatures and the newest one, however soon it came. */
export function curve({ newest, at, samples }: ThermalStatus): readonly Sample[] {
  const celsius = newest?.temperature_c ?? null;
  if (celsius === null || samples.at(-1)?.at === at) return samples;
  return [...samples, { at, celsius }];
}

/** For how long it has been like this, in s: counted on from what the server said. */
export function lasting({ newest, at }: ThermalStatus, now: number): number {
  return newest === null ? 0 : newest.for_s + Math.max(0, now - at);
}

/** What to say while work waits for the machine to cool down; null: none does. */
export function waitingMessage({ newest }: ThermalStatus): string | null {
  return newest?.waiting === true ? words(newest) : null;
}

/** What the machine leaves out while work waits because of that; null: none does. */
export function waitingState({ newest }: ThermalStatus): ThermalState | null {
  return newest?.waiting === true ? newest.state : null;
}

function words({ message }: Thermal): string {
  return message === "" ? "Waiting for the machine to cool down…" : message;
}

/** @param clock seconds, never going back. */
export function createThermalStore(clock = () => performance.now() / 1000) {
  const store = createStore<ThermalStatus>(() => NO_THERMAL);
  return {
    ...store,
    now: clock,
    apply: (event: ConversationEvent) =>
      store.setState((state) => reduceThermal(state, event, clock())),
  };
}

export type ThermalStore = ReturnType<typeof createThermalStore>;
