/** The loudspeaker: an audio context with the player worklet, and what it reports. */

import type { AudioFrame } from "../protocol/frames";
import { deviceContext } from "./audio-context";
import { chime } from "./chime";
import type { PlayerCommand, PlayerOptions, PlayerProgress } from "./player.worklet";
import workletUrl from "./player.worklet.ts?worker&url";
import { OutputRecorder } from "./output-recorder";

export interface PlayerHandlers {
  onProgress: (progress: PlayerProgress) => void;
  /** Whether the browser holds sound back until the user does something. */
  onRefused: (refused: boolean) => void;
  /** Whether there can be no sound: its part of the page could not be loaded. */
  onBroken: (broken: boolean) => void;
}

/** A context that has not started by then is being refused by the browser. */
const PATIENCE_MS = 1_000;

export class Player {
  readonly recorder = new OutputRecorder();
  totalPlayed = 0;
  peak = 0;

  private context: AudioContext;
  private analyser: AnalyserNode;
  /** Null where the worklet could not be loaded. */
  private port: Promise<MessagePort | null>;
  private broken = false;
  private commands: Promise<void> = Promise.resolve();
  private complaint: ReturnType<typeof setTimeout> | undefined;

  /** Null where the browser cannot play: no AudioWorklet, or no secure page. */
  static create(handlers: PlayerHandlers, options: PlayerOptions): Player | null {
    if (typeof AudioWorkletNode === "undefined" || !window.isSecureContext) return null;
    return new Player(handlers, options);
  }

  private constructor(
    private readonly handlers: PlayerHandlers,
    private readonly options: PlayerOptions,
  ) {
    this.context = deviceContext();
    this.analyser = this.context.createAnalyser();
    this.port = this.build(this.context);
  }

  /** Samples per second that are played. */
  get rate(): number {
    return this.context.sampleRate;
  }

  /** Time of the context in seconds, which `recorder` counts in samples. */
  get time(): number {
    return this.context.currentTime;
  }

  /** Samples that were rendered, but are still on their way to the ear. */
  get latencySamples(): number {
    const seconds = this.context.outputLatency || this.context.baseLatency || 0;
    return Math.round(seconds * this.rate);
  }

  /** Play at `rate` from now on; where there was no sound it is tried again. */
  setRate(rate: number): void {
    if (rate === this.rate && !this.broken) return;
    const old = this.context;
    this.context = new AudioContext({ sampleRate: rate, latencyHint: "interactive" });
    this.analyser = this.context.createAnalyser();
    this.port = this.build(this.context);
    void old.close().catch(() => undefined);
  }

  /** Call in a user's gesture: browsers start sound only then. */
  unlock(): void {
    if (this.running || this.context.state === "closed") return;
    // Stays pending for as long as the browser refuses; `statechange` tells when it no longer does.
    void this.context.resume().catch(() => undefined);
  }

  private get running(): boolean {
    return this.context.state === "running";
  }

  begin(turn: number): void {
    this.post({ do: "begin", turn });
  }

  /** Hand over speech; its buffer is given away. */
  push(frame: AudioFrame): void {
    if (!this.running) this.complainSoon();
    const { stream, offset, pcm, last } = frame;
    this.post({ do: "push", turn: stream, offset, pcm, last });
  }

  /** All speech of `turn` is here; what the browser has held back until now is too late. */
  end(turn: number): void {
    this.post({ do: this.running ? "end" : "stop", turn });
  }

  stop(turn: number): void {
    this.post({ do: "stop", turn });
  }

  /** Play `turn` softer or, with a gain of 1, as before. */
  duck(turn: number, gain: number): void {
    this.post({ do: "duck", turn, gain });
  }

  reset(): void {
    this.post({ do: "reset" });
  }

  /** Ring; beside the speech, so that it counts as none of it. */
  chime(): void {
    chime(this.context);
  }

  /** Level of what is being played, RMS in [0, 1]. */
  level(): number {
    const samples = new Float32Array(this.analyser.fftSize);
    this.analyser.getFloatTimeDomainData(samples);
    return Math.sqrt(samples.reduce((sum, x) => sum + x * x, 0) / samples.length);
  }

  /** A context needs a moment to start: only one that doesn't is being refused. */
  private complainSoon(): void {
    if (this.complaint !== undefined || this.broken) return;
    this.unlock();
    this.complaint = setTimeout(() => {
      this.complaint = undefined;
      if (!this.running && !this.broken) this.handlers.onRefused(true);
    }, PATIENCE_MS);
  }

  /** In order, also while the worklet is still loading. */
  private post(command: PlayerCommand): void {
    const port = this.port;
    this.commands = this.commands.then(async () => {
      (await port)?.postMessage(command);
    }, () => undefined);
  }

  private async build(context: AudioContext): Promise<MessagePort | null> {
    try {
      const port = await this.connect(context);
      this.setBroken(context, false);
      return port;
    } catch {
      this.setBroken(context, true);
      return null;
    }
  }

  private setBroken(context: AudioContext, broken: boolean): void {
    // A context that has been replaced fails because it was closed.
    if (context !== this.context || broken === this.broken) return;
    this.broken = broken;
    this.handlers.onBroken(broken);
  }

  private async connect(context: AudioContext): Promise<MessagePort> {
    this.analyser.fftSize = 1024;
    const analyser = this.analyser;
    context.addEventListener("statechange", () => {
      if (this.running) this.handlers.onRefused(false);
    });
    await context.audioWorklet.addModule(workletUrl);
    const node = new AudioWorkletNode(context, "voicechat-player", {
      numberOfInputs: 0,
      outputChannelCount: [1],
      processorOptions: this.options,
    });
    node.connect(analyser).connect(context.destination);
    node.port.onmessage = (event: MessageEvent<PlayerProgress>) => {
      if (context === this.context) this.progress(event.data);
    };
    return node.port;
  }

  private progress(progress: PlayerProgress): void {
    this.totalPlayed = progress.totalPlayed;
    this.peak = progress.peak;
    if (progress.recorded !== undefined) this.recorder.add(progress.recorded, this.rate);
    this.handlers.onProgress(progress);
  }
}
