/** The microphone: permission, context and worklet; gives 20 ms frames until it is closed. */

import { deviceContext } from "./audio-context";
import type { CapturedFrame } from "./capture.worklet";
import workletUrl from "./capture.worklet.ts?worker&url";
import { Problem } from "./problems";

/** What the recogniser works at: nothing needs resampling then. */
const PREFERRED_RATE = 16_000;

export interface CaptureHandlers {
  onFrame: (pcm: Int16Array<ArrayBuffer>, level: number) => void;
  /** The device went away (unplugged, permission taken back). */
  onEnded: () => void;
}

/** An open microphone. */
export interface Capture {
  /** Sample rate of the frames in Hz. */
  readonly rate: number;
  close: () => void;
}

/**
 * Ask for the microphone and open it.
 *
 * @throws Problem that says what stands in the way.
 */
export async function openCapture(handlers: CaptureHandlers): Promise<Capture> {
  if (!window.isSecureContext) throw new Problem("insecure_context");
  if (typeof AudioWorkletNode === "undefined") throw new Problem("no_worklet");
  // Before the first await: some browsers start a context only inside the user's gesture.
  let context = preferredContext();
  let media: MediaStream | undefined;
  try {
    media = await askForMicrophone();
    let source: MediaStreamAudioSourceNode;
    try {
      source = context.createMediaStreamSource(media);
    } catch {
      // Firefox refuses a source whose rate differs from the context's: take the device's own.
      await context.close();
      context = deviceContext();
      source = context.createMediaStreamSource(media);
    }
    return await connect(context, media, source, handlers);
  } catch (error) {
    media?.getTracks().forEach((track) => track.stop());
    void context.close().catch(() => undefined);
    throw error instanceof Problem ? error : new Problem("microphone_failed");
  }
}

function preferredContext(): AudioContext {
  try {
    return new AudioContext({ sampleRate: PREFERRED_RATE, latencyHint: "interactive" });
  } catch {
    return deviceContext();
  }
}

async function askForMicrophone(): Promise<MediaStream> {
  try {
    return await navigator.mediaDevices.getUserMedia({
      audio: {
        channelCount: 1,
        echoCancellation: true,
        noiseSuppression: true,
        autoGainControl: true,
      },
    });
  } catch (error) {
    throw Problem.ofMicrophone(error);
  }
}

async function connect(
  context: AudioContext,
  media: MediaStream,
  source: MediaStreamAudioSourceNode,
  handlers: CaptureHandlers,
): Promise<Capture> {
  await context.audioWorklet.addModule(workletUrl);
  if (context.state !== "running") await context.resume();
  const node = new AudioWorkletNode(context, "voicechat-capture", {
    channelCount: 1,
    channelCountMode: "explicit",
  });
  node.port.onmessage = (event: MessageEvent<CapturedFrame>) => {
    handlers.onFrame(event.data.pcm, event.data.level);
  };
  source.connect(node);
  // Its output is silence; only nodes that reach the destination are sure to be run.
  node.connect(context.destination);
  const track = media.getAudioTracks()[0];
  const ended = (): void => handlers.onEnded();
  track?.addEventListener("ended", ended);
  return {
    rate: context.sampleRate,
    close: () => {
      node.port.onmessage = null;
      track?.removeEventListener("ended", ended);
      media.getTracks().forEach((each) => each.stop());
      void context.close().catch(() => undefined);
    },
  };
}
