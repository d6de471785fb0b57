/** Runs on the audio thread: hands 20 ms int16 frames of the microphone to the page. */

import { FRAME_SECONDS, FrameAssembler } from "./pcm";

declare const sampleRate: number;
declare function registerProcessor(name: string, processor: new () => AudioWorkletProcessor): void;
declare class AudioWorkletProcessor {
  readonly port: MessagePort;
}

export interface CapturedFrame {
  pcm: Int16Array<ArrayBuffer>;
  level: number;
}

class CaptureProcessor extends AudioWorkletProcessor {
  private readonly assembler = new FrameAssembler(
    Math.round(sampleRate * FRAME_SECONDS),
    (pcm, level) => {
      const message: CapturedFrame = { pcm, level };
      this.port.postMessage(message, [pcm.buffer]);
    },
  );

  process(inputs: Float32Array[][]): boolean {
    const channel = inputs[0]?.[0];
    if (channel !== undefined) this.assembler.push(channel);
    return true;
  }
}

registerProcessor("voicechat-capture", CaptureProcessor);
