/** What a session's client is given by the page, and what it tells the page. */

import type { AudioFrame } from "../protocol/frames";
import type { Hello, ServerMessage } from "../protocol/messages";
import type { ConversationStore } from "../stores/conversation";
import type { SessionsStore } from "../stores/sessions";
import type { ConnectionState } from "./connection";
import type { Wanted } from "./told";

export interface SessionClientOptions {
  url: string;
  conversation: ConversationStore;
  sessions: SessionsStore;
  /** Made anew for each connection. */
  hello: () => Pick<Hello, "client" | "output_rate" | "reports_playback"> & { speak: boolean };
  settings: () => Wanted;
  onState: (state: ConnectionState) => void;
  onMessage: (message: ServerMessage) => void;
  onAudio: (frame: AudioFrame) => void;
  /** The page drives a session; `playing`: what is being played of it goes on. */
  onAttached: (playing: boolean) => void;
  /** The page is about to leave its session for another. */
  onLeaving: () => void;
  /** The server knows nothing of the session that the page drove; it begins another. */
  onMissing: () => void;
}
