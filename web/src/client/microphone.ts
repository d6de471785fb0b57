/**
 * When the microphone is open, and when what it hears is a stream for the server.
 *
 * The page says what it wants (hands-free, held, muted); this brings device and stream to it. A
 * stream outlives the connection: what is said meanwhile is kept by whoever takes it.
 */

import type { ListenMode } from "../protocol/messages";
import type { Capture, CaptureHandlers } from "./capture";
import { Problem } from "./problems";

/** After push-to-talk the device stays open so long: the next press then loses no syllable. */
export const WARM_MS = 15_000;
/** Frames kept between pressing and knowing that the press is held: 0.5 s. */
const PREROLL_FRAMES = 25;

export interface MicrophoneState {
  /** What the server is getting; null: nothing. */
  mode: ListenMode | null;
  /** The device is being opened (permission may be asked). */
  opening: boolean;
  handsFree: boolean;
  held: boolean;
  muted: boolean;
}

export interface MicrophoneOptions {
  open: (handlers: CaptureHandlers) => Promise<Capture>;
  /** A stream can be opened: no other session is on its way. */
  ready: () => boolean;
  openStream: (rate: number, mode: ListenMode) => void;
  closeStream: () => void;
  /** Take the next samples of the open stream; false when the network does not keep up. */
  sendFrame: (pcm: Int16Array<ArrayBuffer>) => boolean;
  onState: (state: MicrophoneState) => void;
  onLevel: (level: number) => void;
  onProblem: (problem: Problem) => void;
}

export class Microphone {
  private handsFree = false;
  private held = false;
  private muted = false;
  private armed = false;
  private capture: Capture | null = null;
  private opening = false;
  /** Hands-free was left while permission was asked: what opens is closed at once. */
  private unwanted = false;
  /** How the turns of the open stream end; null: none is open. */
  private stream: ListenMode | null = null;
  private preroll: Int16Array<ArrayBuffer>[] = [];
  private cooling: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly options: MicrophoneOptions) {}

  setHandsFree(on: boolean): void {
    this.handsFree = on;
    if (!on) this.muted = false;
    this.reconcile();
    if (!on && !this.held && !this.armed) this.closeDevice();
  }

  setMuted(on: boolean): void {
    this.muted = on && this.handsFree;
    this.reconcile();
  }

  /**
   * The button is down: open the device and keep what is said until the press is a hold.
   *
   * @param quietly only where the device is open already.
   */
  arm(quietly = false): void {
    if (this.muted || (quietly && this.capture === null)) return;
    this.armed = true;
    this.preroll = [];
    this.reconcile();
  }

  /** The press was a hold: what is said until `release` is one turn. */
  hold(): void {
    if (this.muted) return;
    this.held = true;
    this.reconcile();
  }

  /** The button is up. */
  release(): void {
    this.armed = this.held = false;
    this.reconcile();
  }

  /** The connection is there (again): an open stream goes on, and one that waited begins. */
  connected(): void {
    this.reconcile();
  }

  /** Another session is next: what was said belongs to this one, what follows to that. */
  leave(): void {
    if (this.stream !== null) this.closeStream();
    this.publish();
  }

  /** Nobody will ever hear what is said: off. */
  stop(): void {
    this.handsFree = this.held = this.armed = this.muted = false;
    if (this.stream !== null) this.closeStream();
    this.closeDevice();
    this.publish();
  }

  private get wanted(): ListenMode | null {
    if (this.muted) return null;
    if (this.held) return "push_to_talk";
    return this.handsFree ? "hands_free" : null;
  }

  private reconcile(): void {
    const mode = this.wanted;
    if (this.stream !== null && this.stream !== mode) this.closeStream();
    if (this.handsFree || this.held || this.armed) {
      clearTimeout(this.cooling);
      this.cooling = undefined;
      this.unwanted = false;
      if (this.capture === null) void this.openDevice();
    } else {
      this.cool();
    }
    if (mode !== null && this.stream === null && this.capture !== null && this.options.ready()) {
      this.openStream(mode, this.capture.rate);
    }
    this.publish();
  }

  private async openDevice(): Promise<void> {
    if (this.opening) return;
    this.opening = true;
    try {
      this.capture = await this.options.open({
        onFrame: (pcm, level) => this.frame(pcm, level),
        onEnded: () => this.fail(new Problem("microphone_lost")),
      });
    } catch (error) {
      this.opening = false;
      this.fail(error instanceof Problem ? error : new Problem("microphone_failed"));
      return;
    }
    this.opening = false;
    if (this.unwanted) this.closeDevice();
    this.reconcile();
  }

  private fail(problem: Problem): void {
    this.stop();
    this.options.onProblem(problem);
  }

  /** After a press the device stays warm for a while; leaving hands-free closes it at once. */
  private cool(): void {
    if (this.capture === null || this.cooling !== undefined) return;
    this.cooling = setTimeout(() => this.closeDevice(), WARM_MS);
  }

  private closeDevice(): void {
    this.unwanted = this.opening;
    clearTimeout(this.cooling);
    this.cooling = undefined;
    this.capture?.close();
    this.capture = null;
    this.preroll = [];
    this.options.onLevel(0);
  }

  private openStream(mode: ListenMode, rate: number): void {
    this.stream = mode;
    this.options.openStream(rate, mode);
    const preroll = mode === "push_to_talk" ? this.preroll : [];
    this.preroll = [];
    for (const pcm of preroll) this.transmit(pcm);
  }

  private closeStream(): void {
    this.options.closeStream();
    this.stream = null;
    this.options.onLevel(0);
  }

  private frame(pcm: Int16Array<ArrayBuffer>, level: number): void {
    if (this.armed && !this.held) {
      this.preroll.push(pcm);
      if (this.preroll.length > PREROLL_FRAMES) this.preroll.shift();
    }
    if (this.stream === null) return;
    this.options.onLevel(level);
    this.transmit(pcm);
  }

  private transmit(pcm: Int16Array<ArrayBuffer>): void {
    if (this.stream === null) return;
    if (!this.options.sendFrame(pcm)) this.fail(new Problem("slow_network"));
  }

  private publish(): void {
    const { handsFree, held, muted, opening } = this;
    this.options.onState({ mode: this.stream, opening, handsFree, held, muted });
  }
}
