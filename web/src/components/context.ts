/** Gives every component the one client of the page, and parts of its stores. */

import { createContext, use } from "react";
import { useStore } from "zustand";
import type { VoiceClient } from "../client/voice-client";
import type { AudioStatus } from "../stores/audio";
import type { ConnectionStatus } from "../stores/connection";
import type { Conversation } from "../stores/conversation";
import type { Sessions } from "../stores/sessions";
import type { ThermalStatus } from "../stores/thermal";

export const ClientContext = createContext<VoiceClient | null>(null);

export function useClient(): VoiceClient {
  const client = use(ClientContext);
  if (client === null) throw new Error("no ClientContext above this component");
  return client;
}

export function useConversation<T>(select: (state: Conversation) => T): T {
  return useStore(useClient().conversation, select);
}

export function useConnection<T>(select: (state: ConnectionStatus) => T): T {
  return useStore(useClient().connection, select);
}

export function useAudio<T>(select: (state: AudioStatus) => T): T {
  return useStore(useClient().audio, select);
}

export function useThermal<T>(select: (state: ThermalStatus) => T): T {
  return useStore(useClient().thermal, select);
}

export function useSessions<T>(select: (state: Sessions) => T): T {
  return useStore(useClient().sessions, select);
}

/** The server is there. */
export function useConnected(): boolean {
  return useConnection((state) => state.connection.phase === "connected");
}

/** An answer is being generated or spoken. */
export function useAnswering(): boolean {
  const active = useConversation((state) => state.activeTurn !== null);
  const speaking = useAudio((state) => state.speakingTurn !== null);
  return active || speaking;
}
