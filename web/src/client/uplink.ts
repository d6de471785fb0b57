/**
 * What this page sends of a session: messages with their numbers and microphone frames among them,
 * each kept until the server has it. Pure; whoever owns it does the sending.
 */

import type { HistoryEntry, ListenMode } from "../protocol/messages";
import { Ring, type Captured } from "./ring";
import { Unsent, type Numbered, type NumberedMessage } from "./unsent";

/** One thing to send. */
export type Step = Numbered | Captured;

/** What is sent again, or for the first time. */
export interface Missing {
  steps: Step[];
  /** The new number of each text that got another one, by its old one. */
  numbers: Map<number, number>;
}

/** How far the server is. */
export interface Taken {
  /** The last number that it has, from whichever page. */
  client_seq: number;
  /** The last of these that was ours. */
  own_seq: number;
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

  /** What was said up to `seq` is safe: nobody will ask for it again. */
  acknowledge(seq: number): void {
    this.unsent.acknowledge(seq);
  }

  /** Audio up to there has been understood. */
  settle(stream: number | null, samples: number): void {
    this.ring.settle(stream, samples);
  }

  /**
   * The session has gone on without us: what the server lacks, in the order in which it was said.
   * What it has is kept all the same until that is safe. Another page may have spoken meanwhile,
   * under numbers that we have given as well.
   */
  missing(taken: Taken): Missing {
    const { client_seq, own_seq, stream, samples } = taken;
    const lacks = this.unsent.pending.filter((each) => each.seq > own_seq);
    const unknown = streamsOf(lacks)[0] ?? this.streams + 1; // the first that it does not have
    if (stream !== null && stream >= unknown) {
      // Its stream is of another page. What was sent of ours before that was taken.
      const frames = this.ring.frames.filter((frame) => !frame.sent || frame.stream >= unknown);
      const numbers = this.renumber(taken, merged(lacks, frames), own_seq);
      const said = this.unsent.pending.filter((each) => each.seq > client_seq);
      return { steps: merged(said, this.ring.frames), numbers };
    }
    const first = lacks[0]?.seq ?? this.unsent.last + 1;
    const by = client_seq + 1 - first;
    const numbers = new Map<number, number>();
    for (const { seq, message } of by === 0 ? [] : lacks) {
      if (message.type === "user_message") numbers.set(seq, seq + by);
    }
    this.unsent.shift(first, by);
    this.ring.shift(first, by);
    // Whoever has a message has all the frames that were sent before it.
    const frames = this.ring.since(stream, samples).filter((frame) => frame.after >= own_seq);
    const said = this.unsent.pending.filter((each) => each.seq > client_seq);
    return { steps: merged(said, frames), numbers };
  }

  /**
   * Another server goes on from what was kept of the session: streams and turns of before mean
   * nothing there. What it lacks is numbered and said anew.
   *
   * @param history tells which texts were kept: one with another number is another one.
   */
  renew(taken: Taken, history: readonly HistoryEntry[]): Missing {
    const kept = new Set(history.map((each) => `${each.client_seq} ${each.text}`));
    const lacks = this.unsent.pending.filter(({ seq, message }) =>
      message.type === "user_message" ? !kept.has(`${seq} ${message.text}`) : seq > taken.client_seq,
    );
    const unsent = streamsOf(lacks.filter((each) => !each.sent))[0] ?? this.streams + 1;
    const theirs = taken.stream !== null && taken.stream >= unsent;
    const frames = this.ring.since(theirs ? null : taken.stream, taken.samples);
    const numbers = this.renumber(taken, merged(lacks, frames), 0);
    return { steps: this.everything(), numbers };
  }

  /** As `renew`, in a session that has just begun. */
  beginAnew(): Missing {
    const nothing = { client_seq: 0, own_seq: 0, stream: null, samples: 0 };
    const numbers = this.renumber(nothing, this.everything(), 0);
    return { steps: this.everything(), numbers };
  }

  /** All that is kept, in order. */
  everything(): Step[] {
    return merged(this.unsent.pending, this.ring.frames);
  }

  /** Say `before` anew in streams and under numbers that follow; the server has those up to `own`. */
  private renumber(taken: Taken, before: readonly Step[], own: number): Map<number, number> {
    this.streams = Math.max(this.streams, taken.stream ?? 0);
    const live = this.live;
    this.unsent.restart(own, taken.client_seq);
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

/** The streams that these begin. */
function streamsOf(messages: readonly Numbered[]): number[] {
  return messages.flatMap(({ message }) => (message.type === "audio_open" ? [message.stream] : []));
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
