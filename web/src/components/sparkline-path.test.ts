import { expect, it } from "vitest";
import { KEEP_S, type Sample } from "../stores/thermal";
import { beginOf, HEIGHT, sparklinePath, WIDTH } from "./sparkline-path";

/** The corners of the path as [command, x, y]. */
function corners(samples: readonly Sample[], now: number): [string, number, number][] {
  const found = sparklinePath(samples, now).matchAll(/([ML])([\d.-]+) ([\d.-]+)/g);
  return [...found].map(([, command = "", x, y]) => [command, Number(x), Number(y)]);
}

const every10 = (celsius: number[], first = 0): Sample[] =>
  celsius.map((each, index) => ({ at: first + 10 * index, celsius: each }));

it("ends at the right edge, and begins at the left one after the whole time", () => {
  const samples = every10(Array.from({ length: KEEP_S / 10 + 1 }, () => 50));
  const drawn = corners(samples, KEEP_S);
  expect(drawn[0]?.[1]).toBe(0);
  expect(drawn.at(-1)?.[1]).toBe(WIDTH);
});

it("draws what is hotter higher, and stays in its box", () => {
  const heights = corners(every10([40, 60, 90, 50]), 30).map(([, , y]) => y);
  expect(Math.min(...heights)).toBe(heights[2]);
  expect(Math.max(...heights)).toBe(heights[0]);
  expect(heights[2]).toBeGreaterThan(0);
  expect(heights[0]).toBeLessThan(HEIGHT);
});

it("makes no mountains of half a degree", () => {
  const heights = corners(every10([50, 50.5, 50]), 20).map(([, , y]) => y);
  expect(Math.max(...heights) - Math.min(...heights)).toBeLessThan(HEIGHT / 10);
});

it("draws no line across a time of which nothing is known", () => {
  const samples = [...every10([50, 51]), ...every10([60, 61], 100)];
  expect(corners(samples, 110).map(([command]) => command).join("")).toBe("MLML");
});

it("draws one line of steady temperatures, told every 15 s, one late", () => {
  const samples = [0, 15, 30, 51, 66].map((at) => ({ at, celsius: 50 }));
  expect(corners(samples, 66).map(([command]) => command).join("")).toBe("MLLLL");
});

it("draws nothing of nothing, and a dot of one", () => {
  expect(sparklinePath([], 0)).toBe("");
  expect(sparklinePath([{ at: 5, celsius: 50 }], 5)).toBe(`M${WIDTH}.0 ${HEIGHT / 2}.0h0`);
});

it("leaves no room before its first sample where it begins with that", () => {
  const edges = (samples: readonly Sample[], now: number) =>
    [...sparklinePath(samples, now, beginOf(samples, now)).matchAll(/[ML]([\d.-]+)/g)].map(([, x]) => Number(x));
  expect(edges(every10([50, 51, 52, 53, 54]), 40)).toEqual([0, 25, 50, 75, WIDTH]);
  expect(edges(every10([50, 51]), 10)).toEqual([0, 33.3]); // a few seconds are not stretched
  expect(edges([{ at: 5, celsius: 50 }], 5)).toEqual([0]);
  expect(beginOf(every10([50]), 2 * KEEP_S)).toBe(KEEP_S);
  expect(beginOf([], 7)).toBe(7);
});
