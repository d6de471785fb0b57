/**
 * What this page sends of a session: messages with their numbers and microphone frames among them,
 * each kept until the server has it. Pure; whoever owns it does the sending.
 */

import type { ListenMode } from "../protocol/messages";
import { Ring, type Captured } from "./ring";
import { Unsent, type Numbered, type NumberedMessage } from "./unsent";

/** One thing to send. */
export type Step = Numbered | Captured;

/** How far the server is. */
export interface Taken {
  /** The last number of ours that it has. */
  client_seq: number;
  /** The microphone stream that it knows. */
  stream: number | null;
  /** So much of it is not needed again. */
  samples: number;
}

interface Live {
  stream: number;
  rate: number;
  mode: ListenMode;
  seq: number;
  offset: number;
}

export function isFrame(step: Step): step is Captured {
  return "pcm" in step;
}

export class Uplink {
  private readonly unsent = new Unsent();
  private readonly ring = new Ring();
  private live: Live | null = null;
  private streams = 0;

  /** The first number that will be sent again, or anew. */
  get first(): number {
    return this.unsent.first;
  }

  hasRoom(text: string): boolean {
    return this.unsent.hasRoom(text);
  }

  say(message: NumberedMessage): Numbered {
    return this.unsent.add(message);
  }

  /** A microphone stream begins. */
  open(rate: number, mode: ListenMode): Numbered {
    this.streams += 1;
    this.live = { stream: this.streams, rate, mode, seq: 0, offset: 0 };
    return this.say({ type: "audio_open", stream: this.streams, rate, mode });
  }

  /** The next samples of the open stream; null where none is open. */
  capture(pcm: Int16Array<ArrayBuffer>): Captured | null {
    if (this.live === null) return null;
    const frame = { ...this.live, pcm, after: this.unsent.last };
    this.ring.push(frame);
    this.live.seq += 1;
    this.live.offset += pcm.length;
    return frame;
  }

  /** The open stream ends; null where none is open. */
  close(): Numbered | null {
    if (this.live === null) return null;
    const { stream } = this.live;
    this.live = null;
    return this.say({ type: "audio_close", stream });
  }

  acknowledge(seq: number): void {
    this.unsent.acknowledge(seq);
  }

  /** Audio up to there has been understood. */
  settle(stream: number | null, samples: number): void {
    this.ring.settle(stream, samples);
  }

  /** The session has gone on without us: what the server lacks, in the order in which it was said. */
  missing(taken: Taken): Step[] {
    this.acknowledge(taken.client_seq);
    this.streams = Math.max(this.streams, taken.stream ?? 0);
    // Whoever has a message has all the frames that were sent before it.
    const frames = this.ring
      .since(taken.stream, taken.samples)
      .filter((frame) => frame.after >= taken.client_seq);
    return merged(this.unsent.pending, frames);
  }

  /**
   * Another server goes on from what was kept of the session, or a new session begins: streams and
   * turns of before mean nothing there. What it lacks is numbered and said anew.
   *
   * @returns the new number of each text that was kept, by its old one.
   */
  renew(taken: Taken): Map<number, number> {
    this.acknowledge(taken.client_seq);
    const first = Math.max(this.unsent.first, taken.client_seq + 1);
    return this.renumber(first, taken);
  }

  /** As `renew`, in a session that has just begun. */
  beginAnew(): Map<number, number> {
    return this.renumber(1, { client_seq: 0, stream: null, samples: 0 });
  }

  /** All that is kept, in order. */
  everything(): Step[] {
    return merged(this.unsent.pending, this.ring.frames);
  }

  private renumber(first: number, taken: Taken): Map<number, number> {
    const before = merged(this.unsent.pending, this.ring.since(taken.stream, taken.samples));
    this.streams = Math.max(this.streams, taken.stream ?? 0);
    const live = this.live;
    this.unsent.restart(first, []);
    this.ring.clear();
    this.live = null;
    const numbers = new Map<number, number>();
    let open: number | null = null; // the stream of before that is being said anew
    const goesOn = streamsToClose(before, live);
    for (const step of before) {
      if (open !== null && !belongs(step, open) && !goesOn.has(open)) {
        this.close(); // the server that knew its end is gone
        open = null;
      }
      if (isFrame(step)) {
        if (open !== step.stream) this.open(step.rate, step.mode);
        open = step.stream;
        this.capture(step.pcm);
      } else if (step.message.type === "user_message") {
        numbers.set(step.seq, this.say(step.message).seq);
      } else if (step.message.type === "audio_close" && step.message.stream === open) {
        this.close();
        open = null;
      }
    }
    const same = live !== null && open === live.stream;
    if (!same) this.close();
    if (live !== null && !same) this.open(live.rate, live.mode);
    return numbers;
  }
}

/** Streams whose end is still to be said. */
function streamsToClose(steps: readonly Step[], live: Live | null): Set<number> {
  const streams = new Set(live === null ? [] : [live.stream]);
  for (const step of steps) {
    if (!isFrame(step) && step.message.type === "audio_close") streams.add(step.message.stream);
  }
  return streams;
}

function belongs(step: Step, stream: number): boolean {
  return isFrame(step) && step.stream === stream;
}

/** Messages and frames in the order in which they were said. */
function merged(messages: readonly Numbered[], frames: readonly Captured[]): Step[] {
  const steps: Step[] = [];
  let next = 0;
  for (const message of messages) {
    for (let frame = frames[next]; frame !== undefined && frame.after < message.seq; ) {
      steps.push(frame);
      next += 1;
      frame = frames[next];
    }
    steps.push(message);
  }
  return [...steps, ...frames.slice(next)];
}
