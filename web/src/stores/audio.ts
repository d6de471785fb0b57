/** What microphone and loudspeaker are doing. */

import { createStore } from "zustand/vanilla";
import type { MicrophoneState } from "../client/microphone";
import type { ServerMessage } from "../protocol/messages";

export interface AudioStatus {
  microphone: MicrophoneState;
  /** The server hears speech right now. */
  hearing: boolean;
  /** The turn whose speech is being played. */
  speakingTurn: number | null;
  /** Answers are to be spoken. */
  speak: boolean;
  /** How patient the user wants the server to be, 0 to 1; null: nothing was chosen. */
  patience: number | null;
  /** This browser can play at all. */
  canPlay: boolean;
  /** This page may ask for the microphone at all. */
  canListen: boolean;
}

const INITIAL: AudioStatus = {
  microphone: { mode: null, opening: false, handsFree: false, held: false, muted: false },
  hearing: false,
  speakingTurn: null,
  speak: true,
  patience: null,
  canPlay: true,
  canListen: true,
};

/** Levels change with every frame: kept outside the store, so that nothing renders for them. */
export interface Levels {
  microphone: number;
  playback: () => number;
}

export function reduceAudio(state: AudioStatus, message: ServerMessage): AudioStatus {
  switch (message.type) {
    case "speech_started":
      return { ...state, hearing: true };
    case "speech_ended":
    case "transcript_final":
    case "session_ready":
    case "session_terminated":
      return silent(state);
    case "session_restored":
      // The same server goes on hearing; another one has heard nothing yet.
      return message.history === null ? state : silent(state);
    case "error":
      // One that no message caused can be the end of what was heard.
      return message.client_seq === null ? silent(state) : state;
    default:
      return state;
  }
}

function silent(state: AudioStatus): AudioStatus {
  return state.hearing ? { ...state, hearing: false } : state;
}

export function createAudioStore() {
  const store = createStore<AudioStatus>(() => INITIAL);
  return {
    ...store,
    apply: (message: ServerMessage) => store.setState((state) => reduceAudio(state, message)),
    setMicrophone: (microphone: MicrophoneState) =>
      store.setState(microphone.mode === null ? { microphone, hearing: false } : { microphone }),
    setSpeaking: (turn: number | null) => {
      if (store.getState().speakingTurn !== turn) store.setState({ speakingTurn: turn });
    },
  };
}

export type AudioStore = ReturnType<typeof createAudioStore>;
