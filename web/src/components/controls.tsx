/** The microphone button with its level, mute, and stop. */

import { useEffect, useRef } from "react";
import { waitingState } from "../stores/thermal";
import { useAnswering, useAudio, useClient, useConnected, useThermal } from "./context";
import { MicrophoneIcon, MutedIcon, StopIcon } from "./icons";
import { describeMicrophone, hindrance } from "./microphone-status";
import { useMedia } from "./use-media";
import { usePress } from "./use-press";

export function Controls() {
  const client = useClient();
  const muted = useAudio((state) => state.microphone.muted);
  const handsFree = useAudio((state) => state.microphone.handsFree);
  const answering = useAnswering();
  return (
    <div className="controls">
      <div className="buttons">
        <button
          type="button"
          className="quiet round"
          aria-label="Mute microphone"
          aria-pressed={muted}
          title={muted ? "Unmute" : "Mute"}
          disabled={!handsFree}
          data-testid="mute"
          onClick={() => client.toggleMuted()}
        >
          <MutedIcon />
        </button>
        <MicrophoneButton />
        <button
          type="button"
          className="quiet round stop"
          aria-label="Stop the answer"
          aria-keyshortcuts="Escape Control+Shift+X"
          title="Stop (Esc)"
          disabled={!answering}
          data-testid="stop"
          onClick={() => client.interrupt()}
        >
          <StopIcon />
        </button>
      </div>
      <MicrophoneStatus />
    </div>
  );
}

function MicrophoneButton() {
  const client = useClient();
  const microphone = useAudio((state) => state.microphone);
  const speaking = useAudio((state) => state.speakingTurn !== null);
  const button = useRef<HTMLButtonElement>(null);
  const listening = microphone.mode !== null;
  const connected = useConnected();
  const hindered = useAudio((state) => hindrance(state, connected));
  const press = usePress(client, hindered === null);

  useEffect(() => {
    const element = button.current;
    if (element === null || (!listening && !speaking)) return;
    let frame = 0;
    const draw = (): void => {
      const level = speaking ? client.levels.playback() : client.levels.microphone;
      // Levels are linear; the square root makes quiet speech visible.
      element.style.setProperty("--level", Math.min(1, Math.sqrt(level) * 1.6).toFixed(3));
      frame = requestAnimationFrame(draw);
    };
    draw();
    return () => {
      cancelAnimationFrame(frame);
      element.style.setProperty("--level", "0");
    };
  }, [client, listening, speaking]);

  return (
    <button
      type="button"
      ref={button}
      className={`microphone ${listening ? "on" : ""} ${speaking ? "speaking" : ""}`}
      aria-label="Microphone, hands-free"
      aria-pressed={microphone.handsFree}
      aria-describedby="microphone-status"
      data-testid="mic-button"
      data-mode={microphone.mode ?? "off"}
      data-press-to-talk
      disabled={hindered !== null}
      title={hindered ?? undefined}
      {...press}
    >
      {microphone.muted ? <MutedIcon /> : <MicrophoneIcon />}
    </button>
  );
}

function MicrophoneStatus() {
  const touch = useMedia("(hover: none)");
  const connected = useConnected();
  const answering = useAnswering();
  const waiting = useThermal(waitingState);
  const text = useAudio((state) =>
    describeMicrophone(state, { connected, touch, answering, waiting }),
  );
  return (
    <p className="microphone-status" id="microphone-status" role="status">
      {text}
    </p>
  );
}
