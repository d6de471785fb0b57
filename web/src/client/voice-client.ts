/** Ties socket, microphone, loudspeaker and stores together; the page calls nothing else. */

import type { ServerMessage } from "../protocol/messages";
import { createAudioStore, type Levels } from "../stores/audio";
import { createConnectionStore } from "../stores/connection";
import { createConversationStore, questionOf } from "../stores/conversation";
import { createSessionsStore } from "../stores/sessions";
import { createThermalStore } from "../stores/thermal";
import { Attention } from "./attention";
import { openCapture } from "./capture";
import { socketUrl, type ConnectionState } from "./connection";
import { KeptTexts } from "./kept-texts";
import { Loudspeaker } from "./loudspeaker";
import { Microphone } from "./microphone";
import { Notifier } from "./notifier";
import { watchPage } from "./page-events";
import type { Player } from "./player";
import { savedPatience, savedSpeak, savePatience, saveSpeak } from "./preferences";
import { MICROPHONE_PROBLEMS, type NoticeAction } from "./problems";
import { SessionClient } from "./session-client";
import { saveExport, SessionList, type ExportFormat } from "./session-list";

const CLIENT_NAME = "voicechat-web";

export class VoiceClient {
  readonly conversation = createConversationStore();
  readonly connection = createConnectionStore();
  readonly audio = createAudioStore();
  readonly thermal = createThermalStore();
  readonly sessions = createSessionsStore();
  readonly levels: Levels;

  private readonly notifier = new Notifier(this.connection, (id) => this.list.hasDestroyed(id));
  private readonly kept = new KeptTexts(this.conversation);
  private readonly microphone: Microphone;
  private readonly speaker: Loudspeaker;
  private readonly session: SessionClient;
  private readonly list: SessionList;
  private readonly attention = new Attention({
    away: () => document.hidden || !document.hasFocus(),
    setTitle: (title) => {
      document.title = title;
    },
  });

  constructor(options: { record: boolean }) {
    const { audio, conversation, sessions } = this;
    this.speaker = new Loudspeaker({
      ...options,
      audio,
      report: (report) => this.session.report(report),
      onRefused: (refused) => this.notifier.notice("playback_refused", refused),
      onBroken: (broken) => {
        // Without sound the server need not speak; the answers can still be read.
        this.notifier.notice("playback_failed", broken);
        this.session.tellSettings();
      },
    });
    this.levels = { microphone: 0, playback: () => this.player?.level() ?? 0 };
    const can = { canPlay: this.player !== null, canListen: window.isSecureContext };
    audio.setState({ ...can, speak: savedSpeak(), patience: savedPatience() });
    this.session = new SessionClient({
      url: socketUrl(window.location),
      conversation,
      sessions,
      hello: () => {
        const hello = { client: CLIENT_NAME, speak: this.wantsSpeech() };
        if (this.player === null) return hello;
        return { ...hello, output_rate: this.player.rate, reports_playback: true };
      },
      settings: () => {
        const configured = this.connection.getState().welcome?.patience ?? null;
        return { speak: this.wantsSpeech(), patience: audio.getState().patience, configured };
      },
      onState: (state) => this.stateChanged(state),
      onMessage: (message) => this.message(message),
      onAudio: (frame) => this.speaker.push(frame),
      onAttached: (playing) => {
        this.notifier.attached(sessions.getState().current);
        if (playing) this.speaker.goOn();
        else this.speaker.clear();
        for (const text of this.kept.take()) this.say(text);
        this.microphone.connected();
      },
      onLeaving: () => this.microphone.leave(),
      onMissing: () => {
        this.notifier.notice("session_missing", this.conversation.getState().entries.length > 0);
      },
    });
    this.list = new SessionList(sessions, (message) => this.session.connection.send(message));
    this.microphone = new Microphone({
      open: openCapture,
      ready: () => !this.session.switching,
      openStream: (rate, mode) => this.session.openStream(rate, mode),
      closeStream: () => this.session.closeStream(),
      sendFrame: (pcm) => this.session.sendFrame(pcm),
      onState: (state) => audio.setMicrophone(state),
      onLevel: (level) => {
        this.levels.microphone = level;
      },
      onProblem: ({ kind }) => {
        // It can't start without its parts: that the server is away is said already.
        if (kind === "microphone_failed" && !this.session.connection.ready) return;
        this.notifier.notice(kind);
      },
    });
  }

  /** Null where the browser cannot play. */
  get player(): Player | null {
    return this.speaker.player;
  }

  start(): void {
    if (!window.isSecureContext) this.notifier.notice("insecure_context");
    else if (this.player === null) this.notifier.notice("no_worklet");
    watchPage({
      onReturn: () => this.session.connection.hurry(),
      onSeen: () => {
        this.attention.seen();
        this.list.refreshSoon(); // another page may have changed it
      },
      // Every gesture may start the sound that the browser has held back.
      onGesture: () => this.player?.unlock(),
    });
    this.session.connection.connect();
  }

  run(action: NoticeAction): void {
    switch (action) {
      case "reconnect":
        this.session.connection.connect();
        break;
      case "continue":
        this.session.revive();
        break;
      case "new_session":
        this.createSession();
        break;
      case "unlock":
        this.player?.unlock();
        break;
      case "reload":
        window.location.reload();
        break;
    }
  }

  /** Send what was typed, as soon as that is possible; false when it can't be kept until then. */
  sendText(text: string): boolean {
    if (this.session.switching) return false;
    if (this.kept.waits) return this.kept.add(text);
    if (!this.session.hasRoom(text)) return false;
    this.say(text);
    this.session.revive();
    return true;
  }

  /** Ask again what `turn` was to answer. */
  askAgain(turn: number): void {
    const question = questionOf(this.conversation.getState(), turn);
    if (question !== null) this.sendText(question);
  }

  createSession(): void {
    this.session.open(null);
  }

  switchSession(id: string): void {
    this.session.open(id);
  }

  renameSession(id: string, title: string): void {
    this.list.rename(id, title);
  }

  /** Delete all that was said in a session. */
  destroySession(id: string): void {
    this.list.destroy(id);
  }

  /** Show the sessions in which these words occur; empty: all. */
  searchSessions(query: string): void {
    this.list.search(query);
  }

  refreshSessions(): void {
    this.list.refresh();
  }

  /** Save all that was said in a session as a file. */
  async exportSession(id: string, format: ExportFormat): Promise<void> {
    this.notifier.notice("export_failed", !(await saveExport(id, format, this.session.userKey ?? "")));
  }

  setSpeak(speak: boolean): void {
    this.audio.setState({ speak });
    saveSpeak(speak);
    this.session.tellSettings();
    const turn = this.answering;
    if (!speak && turn !== null) this.speaker.stop(turn);
  }

  /** How long to wait in a pause, 0 (quick) to 1 (patient); null: as the server is configured. */
  setPatience(patience: number | null): void {
    this.audio.setState({ patience });
    savePatience(patience);
    this.session.tellSettings();
  }

  toggleHandsFree(): void {
    if (!this.mayListen) return;
    this.connection.dismiss(...MICROPHONE_PROBLEMS);
    this.session.revive();
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
    if (!quietly) this.connection.dismiss(...MICROPHONE_PROBLEMS);
    this.microphone.arm(quietly);
  }

  /** It is held: what is said now is one turn, and interrupts the answer. */
  pressHeld(): void {
    if (!this.mayListen) return;
    this.interrupt();
    this.session.revive();
    this.microphone.hold();
  }

  pressEnd(): void {
    this.microphone.release();
  }

  /** Stop the answer in flight, and its speech at once. */
  interrupt(): void {
    const turn = this.answering;
    if (turn === null) return;
    this.speaker.stop(turn);
    this.audio.setSpeaking(null);
    this.session.say({ type: "interrupt", turn });
    this.conversation.apply({ type: "local_stopped", turn });
  }

  /** The turn whose answer is being generated or spoken. */
  private get answering(): number | null {
    return this.conversation.getState().activeTurn ?? this.audio.getState().speakingTurn;
  }

  /** Without a server the microphone can only be switched off. */
  private get mayListen(): boolean {
    const { canListen, microphone } = this.audio.getState();
    return canListen && (this.session.connection.ready || microphone.handsFree);
  }

  private wantsSpeech(): boolean {
    const { canPlay, speak } = this.audio.getState();
    return canPlay && speak;
  }

  private stateChanged(state: ConnectionState): void {
    this.connection.setConnection(state);
    this.notifier.stateChanged(state);
    if (state.phase === "connected") return;
    this.conversation.apply({ type: "local_disconnected" });
    this.thermal.apply({ type: "local_disconnected" });
    this.list.rest();
    if (state.phase !== "offline") return;
    // Whoever goes on elsewhere is not to be recorded here, nor to hear the same twice.
    if (state.reason !== "gave_up") this.microphone.stop();
    if (state.reason === "opened_elsewhere") this.speaker.clear();
  }

  private message(message: ServerMessage): void {
    this.kept.apply(message);
    this.conversation.apply(message);
    this.notifier.apply(message);
    this.audio.apply(message);
    this.thermal.apply(message);
    this.list.apply(message);
    this.attention.apply(message);
    this.speaker.apply(message);
    if (message.type === "session_terminated") this.microphone.stop();
  }

  private say(text: string): void {
    const clientSeq = this.session.say({ type: "user_message", text });
    this.conversation.apply({ type: "local_typed", text, clientSeq });
  }
}
