import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { stubAudio, type FakeDevice } from "./fake-audio";
import { Player } from "./player";

let told: string[];

function play(device: Partial<FakeDevice>): { player: Player; device: FakeDevice } {
  const stubbed = stubAudio(device);
  const player = Player.create(
    {
      onProgress: () => undefined,
      onRefused: (refused) => told.push(`refused ${refused}`),
      onBroken: (broken) => told.push(`broken ${broken}`),
    },
    { record: false },
  );
  if (player === null) throw new Error("this browser can play");
  return { player, device: stubbed };
}

beforeEach(() => {
  vi.useFakeTimers();
  told = [];
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const settle = () => vi.advanceTimersByTimeAsync(0);

describe("Player", () => {
  it("plays at a rate that the wire allows", () => {
    const { player, device } = play({ rate: 192_000 });
    expect(player.rate).toBe(48_000);
    expect(device.contexts).toHaveLength(1);
  });

  it("says so when its worklet cannot be loaded, once, and takes frames all the same", async () => {
    const { player, device } = play({ loads: false });
    device.contexts.forEach((context) => (context.state = "suspended"));
    player.begin(1);
    for (let seq = 0; seq < 3; seq++) {
      player.push({ kind: 2, stream: 1, seq, offset: 8 * seq, last: false, pcm: new Int16Array(8) });
      await vi.advanceTimersByTimeAsync(5_000);
    }
    expect(told).toEqual(["broken true"]);
  });

  it("rings with two tones, and not while the browser holds sound back", () => {
    const { player, device } = play({});
    player.chime();
    expect(device.contexts[0]?.tones).toHaveLength(2);
    device.contexts.forEach((context) => (context.state = "suspended"));
    player.chime();
    expect(device.contexts[0]?.tones).toHaveLength(2);
    expect([player.totalPlayed, player.peak]).toEqual([0, 0]);
  });

  it("tries again with the next welcome", async () => {
    const { player, device } = play({ loads: false });
    await settle();
    device.loads = true;
    player.setRate(48_000);
    await settle();
    expect(told).toEqual(["broken true", "broken false"]);
    player.setRate(48_000);
    expect(device.contexts).toHaveLength(1);
  });

  it("is not broken by the failure of a context that was replaced", async () => {
    const { player, device } = play({ loads: false });
    device.loads = true;
    player.setRate(24_000);
    await settle();
    expect(told).toEqual([]);
    expect(player.rate).toBe(24_000);
  });
});
