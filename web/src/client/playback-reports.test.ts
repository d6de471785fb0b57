import { expect, it } from "vitest";
import { PlaybackReports } from "./playback-reports";

const at = (played: number, done = false, turn = 1) => ({ turn, played, done });

it("tells the position every 200 ms, less what is still on its way to the ear", () => {
  const reports = new PlaybackReports();
  reports.expect(1);
  const sent = [];
  for (let ms = 0; ms <= 1000; ms += 50) {
    const report = reports.update(at(ms * 48), 480, ms);
    if (report !== null) sent.push(report.played);
  }
  expect(sent).toEqual([1920, 11520, 21120, 30720, 40320]);
});

it("tells the end at once, in full, and only once", () => {
  const reports = new PlaybackReports();
  reports.expect(1);
  reports.update(at(100), 0, 0);
  expect(reports.update(at(480, true), 100, 10)).toEqual({
    type: "playback",
    turn: 1,
    played: 480,
    done: true,
  });
  expect(reports.update(at(480, true), 100, 1000)).toBeNull();
});

it("tells that nothing was heard of an answer that was stopped in time", () => {
  const reports = new PlaybackReports();
  reports.expect(3);
  expect(reports.update(at(0, true, 3), 100, 0)).toMatchObject({ turn: 3, played: 0, done: true });
});

it("tells nothing of a turn without speech", () => {
  expect(new PlaybackReports().update(at(0, true, 2), 0, 0)).toBeNull();
});

it("starts again with the turns of a new session", () => {
  const reports = new PlaybackReports();
  reports.expect(7);
  reports.reset();
  reports.expect(1);
  expect(reports.update(at(10, true), 0, 0)).toMatchObject({ turn: 1 });
});
