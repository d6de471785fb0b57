import { describe, expect, it } from "vitest";
import type { Thermal } from "../protocol/messages";
import { WELCOME } from "./conversation-fixtures";
import {
  createThermalStore,
  curve,
  KEEP_S,
  lasting,
  NO_THERMAL,
  reduceThermal,
  waitingMessage,
  waitingState,
  type ThermalStatus,
} from "./thermal";

function thermal(temperature_c: number | null, more: Partial<Thermal> = {}): Thermal {
  return {
    type: "thermal",
    state: "normal",
    temperature_c,
    for_s: 1,
    waiting: false,
    message: "",
    sensor: "cpu-thermal",
    flags: [],
    history: [],
    ...more,
  };
}

/** After these messages, each with its time in s. */
function after(...events: [now: number, message: Thermal][]): ThermalStatus {
  return events.reduce((state, [now, event]) => reduceThermal(state, event, now), NO_THERMAL);
}

const points = (state: ThermalStatus) => state.samples.map(({ at, celsius }) => [at, celsius]);

describe("the temperatures", () => {
  it("begin with the history of the first message", () => {
    const history = [
      { ago_s: 20, temperature_c: 50 },
      { ago_s: 10, temperature_c: 55 },
    ];
    expect(points(after([100, thermal(60, { history })]))).toEqual([
      [80, 50],
      [90, 55],
      [100, 60],
    ]);
  });

  it("are no closer than 4 s, but the newest is always at the end of the curve", () => {
    const state = after([0, thermal(50)], [3.9, thermal(51)], [4, thermal(52)], [6, thermal(53)]);
    expect(points(state)).toEqual([
      [0, 50],
      [4, 52],
    ]);
    expect(curve(state).at(-1)).toEqual({ at: 6, celsius: 53 });
    expect(curve(after([0, thermal(50)]))).toHaveLength(1);
  });

  it("are kept for ten minutes, however many there are", () => {
    const seconds = Array.from({ length: 2 * KEEP_S }, (_, at): [number, Thermal] => [at, thermal(at)]);
    const { samples } = after(...seconds);
    expect(samples.length).toBe(KEEP_S / 4);
    expect(samples[0]?.at).toBeGreaterThanOrEqual(KEEP_S);
    const history = Array.from({ length: 5000 }, (_, i) => ({ ago_s: (5000 - i) / 5, temperature_c: 50 }));
    expect(after([0, thermal(50, { history })]).samples.length).toBeLessThanOrEqual(1 + KEEP_S / 4);
  });

  it("are replaced, not doubled, by a history that comes again", () => {
    const history = [{ ago_s: 5, temperature_c: 49 }];
    expect(points(after([0, thermal(48)], [10, thermal(50, { history })]))).toEqual([
      [5, 49],
      [10, 50],
    ]);
  });

  it("leave out what could not be read", () => {
    const state = after([0, thermal(50)], [5, thermal(null, { state: "unknown" })]);
    expect(points(state)).toEqual([[0, 50]]);
    expect(curve(state)).toEqual(state.samples);
    expect(state.newest?.state).toBe("unknown");
  });

  it("are forgotten with the connection", () => {
    const state = after([0, thermal(50, { waiting: true, message: "Wait." })]);
    expect(reduceThermal(state, WELCOME, 1)).toEqual(NO_THERMAL);
    expect(reduceThermal(state, { type: "local_disconnected" }, 1)).toEqual(NO_THERMAL);
    expect(reduceThermal(state, { type: "pong", nonce: "n" }, 1)).toBe(state);
  });
});

describe("waiting", () => {
  const wait = (message: string) => thermal(86, { state: "paused", waiting: true, message });

  it("is told in the server's words, until it is over", () => {
    const state = after([0, wait("I need to cool down.")]);
    expect(waitingMessage(state)).toBe("I need to cool down.");
    expect(waitingMessage(reduceThermal(state, thermal(79), 5))).toBeNull();
    const wordless = after([0, wait("")]);
    expect(waitingMessage(wordless)).toMatch(/cool down/);
    expect(wordless.announcement).toBe(waitingMessage(wordless));
    expect(waitingMessage(NO_THERMAL)).toBeNull();
  });

  it("is told with the state that it is in", () => {
    const state = after([0, wait("")]);
    expect(waitingState(state)).toBe("paused");
    expect(waitingState(reduceThermal(state, thermal(86, { state: "paused" }), 5))).toBeNull();
    expect(waitingState(NO_THERMAL)).toBeNull();
  });

  it("is announced once each time, though its words change", () => {
    const twice = after([0, wait("Wait 20 s.")], [5, wait("Wait 15 s.")]);
    expect(waitingMessage(twice)).toBe("Wait 15 s.");
    expect(twice.announcement).toBe("Wait 20 s.");
    const over = reduceThermal(twice, thermal(79), 10);
    expect(over.announcement).toBe("");
    expect(reduceThermal(over, wait("Wait 9 s."), 15).announcement).toBe("Wait 9 s.");
  });
});

it("counts on how long it has been like this", () => {
  const state = after([100, thermal(81, { state: "single", for_s: 50 })]);
  expect(lasting(state, 100)).toBe(50);
  expect(lasting(state, 115)).toBe(65);
  expect(lasting(state, 0)).toBe(50); // looked at before the message came
  expect(lasting(reduceThermal(state, thermal(81, { for_s: 65 }), 115), 115)).toBe(65);
  expect(lasting(NO_THERMAL, 100)).toBe(0);
});

it("takes the time from its clock", () => {
  let now = 0;
  const store = createThermalStore(() => now);
  store.apply(thermal(50));
  now = 7;
  store.apply(thermal(52));
  expect(points(store.getState())).toEqual([
    [0, 50],
    [7, 52],
  ]);
});
