/** What the place of the patience slider means, in words. */

interface Words {
  name: string;
  meaning: string;
}

const PLACES: [upTo: number, Words][] = [
  [0.15, { name: "very quick", meaning: "Answers at once. It may cut in when you pause to think." }],
  [0.4, { name: "quick", meaning: "Answers soon after you stop. It may cut in at a longer pause." }],
  [0.6, { name: "balanced", meaning: "Answers soon when you sound finished, and waits when you do not." }],
  [0.85, { name: "patient", meaning: "Leaves you time to think. Answers come a little later." }],
  [1, { name: "very patient", meaning: "Leaves you much time to think. Answers come late." }],
];

/** @param patience from 0 (quick) to 1 (patient). */
export function describePatience(patience: number): Words {
  const place = PLACES.find(([upTo]) => patience <= upTo) ?? PLACES[PLACES.length - 1];
  return place?.[1] ?? { name: "", meaning: "" };
}
