/** Ties socket, microphone, loudspeaker and stores together; the page calls nothing else. */

import type { AudioFrame } from "../protocol/frames";
import type { Playback, ServerMessage, Welcome } from "../protocol/messages";
import { createAudioStore, type Levels } from "../stores/audio";
import { createConnectionStore } from "../stores/connection";
import { createConversationStore } from "../stores/conversation";
import { createThermalStore } from "../stores/thermal";
import { Attention } from "./attention";
import { openCapture } from "./capture";
import { Connection, socketUrl, type ConnectionState } from "./connection";
import { Microphone } from "./microphone";
import { PlaybackReports } from "./playback-reports";
import { Player } from "./player";
import type { PlayerProgress } from "./player.worklet";
import { savedPatience, savedSpeak, savePatience, saveSpeak } from "./preferences";
import {
  CONNECTION_NOTICES,
  MICROPHONE_PROBLEMS,
  noticeOf,
  type NoticeAction,
  type ProblemKind,
} from "./problems";

const CLIENT_NAME = "voicechat-web";

export class VoiceClient {
  readonly conversation = createConversationStore();
  readonly connection = createConnectionStore();
  readonly audio = createAudioStore();
  readonly thermal = createThermalStore();
  readonly player: Player | null;
  readonly levels: Levels;

  private readonly microphone: Microphone;
  private readonly socket: Connection;
  private readonly reports = new PlaybackReports();
  private readonly attention = new Attention({
    away: () => document.hidden || !document.hasFocus(),
    setTitle: (title) => {
      document.title = title;
    },
  });
  /** Whether the last `hello` asked for speech. */
  private announced = true;

  constructor(options: { record: boolean }) {
    this.player = Player.create(
      {
        onProgress: (progress) => this.progress(progress),
        onRefused: (refused) => this.notice("playback_refused", refused),
        onBroken: (broken) => this.broken(broken),
      },
      options,
    );
    this.levels = { microphone: 0, playback: () => this.player?.level() ?? 0 };
    const can = { canPlay: this.player !== null, canListen: window.isSecureContext };
    this.audio.setState({ ...can, speak: savedSpeak(), patience: savedPatience() });
    this.socket = new Connection({
      url: socketUrl(window.location),
      hello: () => {
        this.announced = this.wantsSpeech();
        const hello = { client: CLIENT_NAME, speak: this.announced };
        if (this.player === null) return hello;
        return { ...hello, output_rate: this.player.rate, reports_playback: true };
      },
      onState: (state) => this.stateChanged(state),
      onMessage: (message) => this.message(message),
      onAudio: (frame) => this.speech(frame),
    });
    this.microphone = new Microphone({
      open: openCapture,
      ready: () => this.socket.ready,
      send: (message) => this.socket.send(message),
      sendAudio: (frame) => this.socket.sendAudio(frame),
      onState: (state) => this.audio.setMicrophone(state),
      onLevel: (level) => {
        this.levels.microphone = level;
      },
      onProblem: (problem) => this.microphoneProblem(problem.kind),
    });
  }

  start(): void {
    if (!window.isSecureContext) this.connection.notify(noticeOf("insecure_context"));
    else if (this.player === null) this.connection.notify(noticeOf("no_worklet"));
    window.addEventListener("online", () => this.socket.hurry());
    window.addEventListener("focus", () => this.attention.seen());
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) return;
      this.attention.seen();
      this.socket.hurry();
    });
    // Every gesture may start the sound that the browser has held back.
    for (const gesture of ["pointerup", "keydown"]) {
      window.addEventListener(gesture, () => this.player?.unlock(), { capture: true });
    }
    this.socket.connect();
  }

  run(action: NoticeAction): void {
    switch (action) {
      case "reconnect":
        this.socket.connect();
        break;
      case "unlock":
        this.player?.unlock();
        break;
      case "reload":
        window.location.reload();
        break;
    }
  }

  /** Send what was typed; false when there is no connection and it should be kept. */
  sendText(text: string): boolean {
    const clientSeq = this.socket.send({ type: "user_message", text });
    if (clientSeq === null) return false;
    this.conversation.apply({ type: "local_typed", text, clientSeq });
    return true;
  }

  setSpeak(speak: boolean): void {
    this.audio.setState({ speak });
    saveSpeak(speak);
    this.socket.send({ type: "settings", speak: this.wantsSpeech() });
    const turn = this.answering;
    if (!speak && turn !== null) this.player?.stop(turn);
  }

  /** How long to wait in a pause, 0 (quick) to 1 (patient); null: as the server is configured. */
  setPatience(patience: number | null): void {
    this.audio.setState({ patience });
    savePatience(patience);
    const wanted = patience ?? this.connection.getState().welcome?.patience;
    if (wanted !== undefined) this.socket.send({ type: "settings", patience: wanted });
  }

  toggleHandsFree(): void {
    if (!this.mayListen) return;
    this.forgetMicrophoneProblems();
    this.microphone.setHandsFree(!this.audio.getState().microphone.handsFree);
  }

  toggleMuted(): void {
    this.microphone.setMuted(!this.audio.getState().microphone.muted);
  }

  /**
   * The microphone button or key is down, and may become a hold.
   *
   * @param quietly don't ask for the microphone yet: the press may have been an accident.
   */
  pressStart(quietly = false): void {
    if (!this.mayListen) return;
    if (!quietly) this.forgetMicrophoneProblems();
    this.microphone.arm(quietly);
  }

  /** It is held: what is said now is one turn, and interrupts the answer. */
  pressHeld(): void {
    if (!this.mayListen) return;
    this.interrupt();
    this.microphone.hold();
  }

  pressEnd(): void {
    this.microphone.release();
  }

  /** Stop the answer in flight, and its speech at once. */
  interrupt(): void {
    const turn = this.answering;
    if (turn === null) return;
    this.player?.stop(turn);
    this.audio.setSpeaking(null);
    this.socket.send({ type: "interrupt", turn });
    this.conversation.apply({ type: "local_stopped", turn });
  }

  /** The turn whose answer is being generated or spoken. */
  private get answering(): number | null {
    return this.conversation.getState().activeTurn ?? this.audio.getState().speakingTurn;
  }

  /** Without a server the microphone can only be switched off. */
  private get mayListen(): boolean {
    const { canListen, microphone } = this.audio.getState();
    return canListen && (this.socket.ready || microphone.handsFree);
  }

  private microphoneProblem(kind: ProblemKind): void {
    // It can't start without its parts: that the server is away is said already.
    if (kind === "microphone_failed" && !this.socket.ready) return;
    this.connection.notify(noticeOf(kind));
  }

  private wantsSpeech(): boolean {
    const { canPlay, speak } = this.audio.getState();
    return canPlay && speak;
  }

  private stateChanged(state: ConnectionState): void {
    this.connection.setConnection(state);
    if (state.phase === "connected") {
      this.connection.dismiss(...CONNECTION_NOTICES);
      this.reports.reset();
      this.player?.reset();
      return;
    }
    this.conversation.apply({ type: "local_disconnected" });
    this.thermal.apply({ type: "local_disconnected" });
    this.microphone.disconnected();
    this.player?.reset();
    this.audio.setSpeaking(null);
    if (state.phase === "offline") {
      this.connection.notify(noticeOf(state.reason === "gave_up" ? "server_gone" : "server_refused"));
    } else if (state.phase === "connecting") {
      this.connection.dismiss("server_gone");
    }
  }

  private message(message: ServerMessage): void {
    this.conversation.apply(message);
    this.connection.apply(message);
    this.audio.apply(message);
    this.thermal.apply(message);
    this.attention.apply(message);
    switch (message.type) {
      case "welcome":
        this.welcomed(message);
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
      case "server_shutting_down":
        this.connection.notify(noticeOf("shutting_down"));
        break;
      default:
        break;
    }
  }

  private welcomed(welcome: Welcome): void {
    this.player?.setRate(welcome.output_rate);
    const speak = this.wantsSpeech();
    // Switched between hello and welcome.
    if (speak !== this.announced) this.socket.send({ type: "settings", speak });
    const { patience } = this.audio.getState();
    if (patience !== null) this.socket.send({ type: "settings", patience });
    this.microphone.connected();
  }

  private speech(frame: AudioFrame): void {
    this.report(this.reports.expect(frame.stream));
    if (!this.audio.getState().canPlay) this.report(this.reports.abandon());
    this.player?.push(frame);
  }

  private progress(progress: PlayerProgress): void {
    const { position } = progress;
    if (position === null) return;
    const playing = position.played > 0 && !position.done;
    this.audio.setSpeaking(playing ? position.turn : null);
    const latency = this.player?.latencySamples ?? 0;
    this.report(this.reports.update(position, latency, performance.now()));
  }

  private report(report: Playback | null): void {
    if (report !== null) this.socket.send(report);
  }

  private notice(kind: ProblemKind, there: boolean): void {
    if (there) this.connection.notify(noticeOf(kind));
    else this.connection.dismiss(kind);
  }

  /** Without sound the server need not speak; the answers can still be read. */
  private broken(broken: boolean): void {
    this.notice("playback_failed", broken);
    this.audio.setState({ canPlay: !broken });
    if (broken) this.report(this.reports.abandon());
    this.socket.send({ type: "settings", speak: this.wantsSpeech() });
  }

  private forgetMicrophoneProblems(): void {
    this.connection.dismiss(...MICROPHONE_PROBLEMS);
  }
}
