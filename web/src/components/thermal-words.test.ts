import { describe, expect, it } from "vitest";
import type { Thermal, ThermalState, ThrottleFlag } from "../protocol/messages";
import {
  advice,
  degrees,
  describeCurve,
  explanation,
  flagAdvice,
  forTime,
  simulation,
  spokenSummary,
  stateMeaning,
  stateName,
} from "./thermal-words";

const HOT: Thermal = {
  type: "thermal",
  state: "single",
  temperature_c: 81.4,
  for_s: 130,
  waiting: false,
  message: "",
  sensor: "cpu-thermal",
  flags: ["under_voltage"],
  history: [],
};

it("names every state but the normal one, each by its own words", () => {
  const hot: ThermalState[] = ["no_speculation", "single", "phrases", "paused", "unknown"];
  const names = hot.map(stateName);
  expect(names).toEqual([
    "no preparing ahead",
    "one at a time",
    "simple answers only",
    "cooling down",
    "sensor unreadable",
  ]);
  expect(stateName("normal")).toBe("");
  const meanings = new Set([...hot, "normal" as const].map(stateMeaning));
  expect(meanings.size).toBe(6);
  expect(meanings).not.toContain("");
});

it("says what to do about each flag, and nothing about one that it does not know", () => {
  const flags: ThrottleFlag[] = ["under_voltage", "frequency_capped", "throttled", "soft_limit"];
  expect(new Set(flags.map(flagAdvice)).size).toBe(4);
  expect(flagAdvice("under_voltage")).toBe("The power supply is too weak: use one with 5 V 5 A.");
  const newer = "from_the_future" as ThrottleFlag;
  expect(advice({ ...HOT, flags: [newer, ...flags] })).toHaveLength(4);
  expect(stateName("from_the_future" as ThermalState)).toBe("");
});

it.each([
  [0, "for less than a minute"],
  [59.9, "for less than a minute"],
  [130, "for 2 min"],
  [3600, "for 1 h"],
  [3900, "for 1 h 5 min"],
  [49 * 3600, "for 2 days"],
])("tells how long: %d s", (seconds, words) => {
  expect(forTime(seconds)).toBe(words);
});

describe("the summary", () => {
  it("reads whole", () => {
    expect(spokenSummary(HOT, 130)).toBe(
      "Temperature 81\u00a0°C, one at a time for 2 min. The power supply is too weak: use one with 5 V 5 A.",
    );
    expect(spokenSummary({ ...HOT, state: "normal", flags: [] }, 130)).toBe("Temperature 81\u00a0°C.");
  });

  it("copes with no temperature", () => {
    const unknown: Thermal = { ...HOT, state: "unknown", temperature_c: null, flags: [] };
    expect(spokenSummary(unknown, 5)).toBe("No reading, sensor unreadable for less than a minute.");
    expect(degrees(null)).toBe("No reading");
  });

  it("says that it is simulated", () => {
    const sensor = "simulation hot-day";
    expect(spokenSummary({ ...HOT, sensor, flags: [] }, 130)).toBe(
      "Temperature 81\u00a0°C (simulated), one at a time for 2 min.",
    );
    expect(simulation({ ...HOT, sensor })).toBe(sensor);
    expect(simulation(HOT)).toBeNull();
    expect(simulation({ ...HOT, sensor: null })).toBeNull();
  });
});

describe("the explanation", () => {
  const said = (state: ThermalState, message: string) => explanation({ ...HOT, state, message });

  it("tells in the server's words until which temperature it pauses", () => {
    const message = "I am too hot, and answer when I have cooled down to 75 °C.";
    expect(said("paused", message)).toEqual([stateMeaning("paused"), message]);
    expect(said("paused", "")).toEqual([stateMeaning("paused")]);
  });

  it("tells what is limited where nothing can be read, and what to do", () => {
    const message = "I cannot tell how hot I am. I am warm, so I work for one person at a time.";
    const action = "This ends when the sensor can be read again; the server's log tells why it cannot.";
    expect(said("unknown", message)).toEqual([message, action]);
    expect(said("unknown", "")).toEqual(["The temperature cannot be read.", action]);
  });

  it("does not say the same twice, and leaves out nothing that it does not know", () => {
    expect(said("single", "I am warm, so I work for one person at a time.")).toEqual([stateMeaning("single")]);
    expect(said("normal", "")).toEqual([stateMeaning("normal")]);
    expect(said("normal", "The fan stands still.")).toContain("The fan stands still.");
    expect(said("from_the_future" as ThermalState, "I am melting.")).toEqual(["I am melting."]);
  });
});

it("puts the curve in a sentence", () => {
  const samples = [
    { at: 0, celsius: 48.2 },
    { at: 290, celsius: 61.6 },
  ];
  expect(describeCurve(samples, 295)).toBe("Between 48 and 62\u00a0°C in the last 5 minutes.");
  expect(describeCurve([{ at: 0, celsius: 50 }], 2)).toBe("Always 50\u00a0°C in the last minute.");
});
