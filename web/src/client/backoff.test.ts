import { expect, it } from "vitest";
import { backoffMs } from "./backoff";

it("doubles from 1 s to 30 s and no further", () => {
  const ceilings = Array.from({ length: 10 }, (_, i) => backoffMs(i + 1, 1));
  expect(ceilings).toEqual([1, 2, 4, 8, 16, 30, 30, 30, 30, 30].map((s) => s * 1000));
});

it("spreads over the whole of it", () => {
  expect(backoffMs(4, 0)).toBe(0);
  expect(backoffMs(4, 0.25)).toBe(2000);
});
