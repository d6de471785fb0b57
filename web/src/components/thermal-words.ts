/** What the machine's heat means, in plain words. */

import type { Thermal, ThermalState, ThrottleFlag } from "../protocol/messages";
import type { Sample } from "../stores/thermal";
import { extent } from "./sparkline-path";

const UNREADABLE = "This ends when the sensor can be read again; the server's log tells why it cannot.";

/** Degrees as people read them: no fractions, and a space that does not break. */
export function degrees(celsius: number | null): string {
  return celsius === null ? "No reading" : `${Math.round(celsius)}\u00a0°C`;
}

/** What is left out, in two or three words; empty when it is nothing. */
export function stateName(state: ThermalState): string {
  switch (state) {
    case "no_speculation":
      return "no preparing ahead";
    case "single":
      return "one at a time";
    case "phrases":
      return "simple answers only";
    case "paused":
      return "cooling down";
    case "unknown":
      return "sensor unreadable";
    default:
      return ""; // also for a server newer than this page
  }
}

/** The same in a sentence, with what it means for the user. */
export function stateMeaning(state: ThermalState): string {
  switch (state) {
    case "normal":
      return "Cool enough: everything works at full speed.";
    case "no_speculation":
      return "Warm: no answer is prepared before you have finished, so answers come a little later.";
    case "single":
      return "Hot: one thing is worked on at a time, so an answer may have to wait for another.";
    case "phrases":
      return "Very hot: only simple requests are answered, such as the time or a timer, one at a time.";
    case "paused":
      return "Too hot: answers wait, and what you say is kept.";
    case "unknown":
      return "The temperature cannot be read.";
    default:
      return "";
  }
}

/** All sentences about the state: this page's, and the server's where it tells more. */
export function explanation({ state, message }: Thermal): string[] {
  const meaning = stateMeaning(state);
  switch (state) {
    case "no_speculation":
    case "single":
    case "phrases":
      return [meaning]; // the server says the same, shorter
    case "unknown":
      // The server's words say also that it cannot be read, and which limits hold.
      return [message === "" ? meaning : message, UNREADABLE];
    default:
      return [meaning, message].filter((text) => text !== "");
  }
}

/** Where the temperature is not that of the machine: what it comes from. */
export function simulation({ sensor }: Thermal): string | null {
  return sensor?.startsWith("simulation") === true ? sensor : null;
}

/** What the firmware does about it, with what to do; null for what this page does not know. */
export function flagAdvice(flag: ThrottleFlag): string | null {
  switch (flag) {
    case "under_voltage":
      return "The power supply is too weak: use one with 5 V 5 A.";
    case "frequency_capped":
      return "The processor may not run at full speed: check its cooling and its power supply.";
    case "throttled":
      return "The processor is slowed down to protect it: give it a fan or a larger heat sink.";
    case "soft_limit":
      return "The processor is close to its heat limit: give it more air.";
    default:
      return null;
  }
}

/** Every flag's advice. */
export function advice({ flags }: Thermal): string[] {
  return flags.map(flagAdvice).filter((text) => text !== null);
}

/** How long, as in "for 2 min". */
export function forTime(seconds: number): string {
  const minutes = Math.floor(seconds / 60);
  if (minutes < 1) return "for less than a minute";
  if (minutes < 60) return `for ${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours >= 48) return `for ${Math.floor(hours / 24)} days`;
  return minutes % 60 === 0 ? `for ${hours} h` : `for ${hours} h ${minutes % 60} min`;
}

/**
 * All that the chip says, for those who hear it: what is seen, word for word, and more.
 *
 * @param seconds for which it has been like this.
 */
export function spokenSummary(thermal: Thermal, seconds: number): string {
  const { state, temperature_c } = thermal;
  const reading = temperature_c === null ? degrees(null) : `Temperature ${degrees(temperature_c)}`;
  const temperature = simulation(thermal) === null ? reading : `${reading} (simulated)`;
  const name = stateName(state);
  const what = name === "" ? temperature : `${temperature}, ${name} ${forTime(seconds)}`;
  return [`${what}.`, ...advice(thermal)].join(" ");
}

/**
 * The curve in a sentence.
 *
 * @param now s of the samples' clock.
 */
export function describeCurve(samples: readonly Sample[], now: number): string {
  const { min, max } = extent(samples);
  const minutes = Math.max(1, Math.round((now - (samples[0]?.at ?? now)) / 60));
  const time = minutes === 1 ? "minute" : `${minutes} minutes`;
  const same = Math.round(min) === Math.round(max);
  const between = same ? `Always ${degrees(max)}` : `Between ${Math.round(min)} and ${degrees(max)}`;
  return `${between} in the last ${time}.`;
}
