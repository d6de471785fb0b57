import { afterEach, expect, it, vi } from "vitest";
import { stubAudio } from "./fake-audio";
import { VoiceClient } from "./voice-client";

afterEach(() => vi.unstubAllGlobals());

it.each([true, false])("tells when there can be no sound: worklet loads %s", async (loads) => {
  stubAudio({ loads });
  const client = new VoiceClient({ record: false });
  await new Promise((resolve) => setTimeout(resolve));
  expect(client.audio.getState()).toMatchObject({ canPlay: loads, speak: true });
  const notices = client.connection.getState().notices.map((notice) => notice.id);
  expect(notices).toEqual(loads ? [] : ["playback_failed"]);
});
