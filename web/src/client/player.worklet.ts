/** Runs on the audio thread: plays the queue and tells the page how far it is. */

import { PlaybackQueue, type Position, type SpeechChunk } from "./playback-queue";

declare const sampleRate: number;
/** Samples that the context has rendered before the present block. */
declare const currentFrame: number;
declare function registerProcessor(
  name: string,
  processor: new (options: { processorOptions: PlayerOptions }) => AudioWorkletProcessor,
): void;
declare class AudioWorkletProcessor {
  readonly port: MessagePort;
}

export interface PlayerOptions {
  /** Send everything that is played back to the page, for tests. */
  record: boolean;
}

export type PlayerCommand =
  | ({ do: "push" } & SpeechChunk)
  | { do: "begin"; turn: number }
  | { do: "end"; turn: number }
  | { do: "stop"; turn: number }
  | { do: "duck"; turn: number; gain: number }
  | { do: "reset" };

export interface PlayerProgress {
  position: Position | null;
  totalPlayed: number;
  peak: number;
  recorded?: RecordedOutput;
}

/** A piece of what was played, without a gap. */
export interface RecordedOutput {
  /** Samples of the context's time before it. */
  frame: number;
  samples: Float32Array<ArrayBuffer>;
}

const REPORT_SECONDS = 0.05;

class PlayerProcessor extends AudioWorkletProcessor {
  private readonly queue = new PlaybackQueue(sampleRate);
  private readonly record: boolean;
  private recorded: Float32Array<ArrayBuffer>[] = [];
  private recordedFrom = 0;
  private recordedTo = 0;
  private sinceReport = 0;
  private reported: Position | null = null;

  constructor(options: { processorOptions: PlayerOptions }) {
    super();
    this.record = options.processorOptions.record;
    this.port.onmessage = (event: MessageEvent<PlayerCommand>) => this.command(event.data);
  }

  process(_inputs: Float32Array[][], outputs: Float32Array[][]): boolean {
    const out = outputs[0]?.[0];
    if (out === undefined) return true;
    const used = this.queue.render(out);
    if (this.record && used > 0) this.keep(out.slice(0, used));
    this.sinceReport += out.length;
    const over = this.queue.position?.done ?? true;
    if (this.sinceReport >= REPORT_SECONDS * sampleRate || over) this.report();
    return true;
  }

  private command(command: PlayerCommand): void {
    switch (command.do) {
      case "push":
        this.leaveFor(command.turn);
        this.queue.push(command);
        break;
      case "begin":
        this.leaveFor(command.turn);
        this.queue.begin(command.turn);
        break;
      case "end":
        this.queue.end(command.turn);
        break;
      case "duck":
        this.queue.duck(command.turn, command.gain);
        break;
      case "stop":
        this.leaveFor(command.turn);
        this.queue.stop(command.turn);
        this.report();
        break;
      case "reset":
        this.queue.reset();
        this.reported = null;
        break;
    }
  }

  /** Report how far an older turn came, before a newer one takes its place. */
  private leaveFor(next: number): void {
    const old = this.queue.position;
    if (old === null || old.done || old.turn >= next) return;
    this.queue.stop(old.turn);
    this.report();
  }

  /** Tell the page, where something has changed. */
  private report(): void {
    this.sinceReport = 0;
    const position = this.queue.position;
    if (same(position, this.reported) && this.recorded.length === 0) return;
    this.reported = position;
    const progress: PlayerProgress = {
      position,
      totalPlayed: this.queue.totalPlayed,
      peak: this.queue.peak,
    };
    if (this.recorded.length > 0) progress.recorded = this.takeRecorded();
    this.port.postMessage(progress);
  }

  private keep(samples: Float32Array<ArrayBuffer>): void {
    if (this.recorded.length > 0 && currentFrame !== this.recordedTo) this.report();
    if (this.recorded.length === 0) this.recordedFrom = currentFrame;
    this.recorded.push(samples);
    this.recordedTo = currentFrame + samples.length;
  }

  private takeRecorded(): RecordedOutput {
    const all = new Float32Array(this.recordedTo - this.recordedFrom);
    let at = 0;
    for (const part of this.recorded) {
      all.set(part, at);
      at += part.length;
    }
    this.recorded = [];
    return { frame: this.recordedFrom, samples: all };
  }
}

function same(a: Position | null, b: Position | null): boolean {
  return a?.turn === b?.turn && a?.played === b?.played && a?.done === b?.done;
}

registerProcessor("voicechat-player", PlayerProcessor);
