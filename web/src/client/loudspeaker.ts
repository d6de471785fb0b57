/** What is spoken: brings the server's speech to the player, and tells the server what was heard. */

import type { AudioFrame } from "../protocol/frames";
import type { Playback, ServerMessage } from "../protocol/messages";
import type { AudioStore } from "../stores/audio";
import { PlaybackReports } from "./playback-reports";
import { Player } from "./player";
import type { PlayerOptions, PlayerProgress } from "./player.worklet";

export interface LoudspeakerOptions extends PlayerOptions {
  audio: AudioStore;
  report: (report: Playback) => void;
  /** Whether the browser holds sound back until the user does something. */
  onRefused: (refused: boolean) => void;
  /** Whether there can be no sound. */
  onBroken: (broken: boolean) => void;
}

export class Loudspeaker {
  /** Null where the browser cannot play. */
  readonly player: Player | null;
  private readonly reports = new PlaybackReports();

  constructor(private readonly options: LoudspeakerOptions) {
    const { record } = options;
    this.player = Player.create(
      {
        onProgress: (progress) => this.progress(progress),
        onRefused: options.onRefused,
        onBroken: (broken) => this.broken(broken),
      },
      { record },
    );
  }

  /** Follow what the server says of its speech. */
  apply(message: ServerMessage): void {
    switch (message.type) {
      case "welcome":
        this.player?.setRate(message.output_rate);
        break;
      case "turn_started":
        if (message.origin === "assistant") this.player?.chime();
        this.player?.begin(message.turn);
        break;
      case "response_complete":
      case "stream_error":
        this.player?.end(message.turn);
        break;
      case "stream_interrupted":
        this.player?.stop(message.turn);
        break;
      case "duck":
        this.player?.duck(message.turn, message.gain);
        break;
      case "session_terminated":
        this.clear();
        break;
      default:
        break;
    }
  }

  /** A frame of speech has come. */
  push(frame: AudioFrame): void {
    this.report(this.reports.expect(frame.stream));
    if (!this.options.audio.getState().canPlay) this.report(this.reports.abandon());
    this.player?.push(frame);
  }

  /** Stop `turn`, at once. */
  stop(turn: number): void {
    this.player?.stop(turn);
  }

  /** The connection is back: what was heard meanwhile was told to nobody. */
  goOn(): void {
    this.report(this.reports.newest);
  }

  /** Be silent; turns may count from the start again. */
  clear(): void {
    this.reports.reset();
    this.player?.reset();
    this.options.audio.setSpeaking(null);
  }

  private progress({ position }: PlayerProgress): void {
    if (position === null) return;
    const playing = position.played > 0 && !position.done;
    this.options.audio.setSpeaking(playing ? position.turn : null);
    const latency = this.player?.latencySamples ?? 0;
    this.report(this.reports.update(position, latency, performance.now()));
  }

  private report(report: Playback | null): void {
    if (report !== null) this.options.report(report);
  }

  private broken(broken: boolean): void {
    this.options.audio.setState({ canPlay: !broken });
    if (broken) this.report(this.reports.abandon());
    this.options.onBroken(broken);
  }
}
