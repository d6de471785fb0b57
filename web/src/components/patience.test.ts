import { expect, it } from "vitest";
import { describePatience } from "./patience";

it("names every place of the slider, from quick to patient", () => {
  const names = [0, 0.3, 0.5, 0.7, 1].map((patience) => describePatience(patience).name);
  expect(names).toEqual(["very quick", "quick", "balanced", "patient", "very patient"]);
});
