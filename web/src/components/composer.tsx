/** The text field: Enter sends, Shift+Enter makes a line; it stays quick with long texts. */

import { useLayoutEffect, useRef, useState, type KeyboardEvent } from "react";
import { lastTyped } from "../stores/conversation";
import { useClient, useConnected, useConnection, useSessions } from "./context";
import { SendIcon } from "./icons";

/** The counter appears when so much of the limit is used. */
const COUNT_FROM = 0.9;

export function Composer() {
  const client = useClient();
  const maxText = useConnection((state) => state.maxText);
  const connected = useConnected();
  const switching = useSessions((state) => state.switching);
  const [text, setText] = useState("");
  const [refused, setRefused] = useState(false);
  const field = useRef<HTMLTextAreaElement>(null);
  const tooLong = text.length > maxText;
  const sendable = !switching && !tooLong && text.trim() !== "";

  useLayoutEffect(() => {
    const element = field.current;
    if (element === null) return;
    element.style.height = "auto";
    element.style.height = `${element.scrollHeight}px`; // CSS caps it
  }, [text]);

  const send = (): void => {
    if (!sendable) return;
    const taken = client.sendText(text.trim());
    if (taken) setText("");
    setRefused(!taken);
  };

  const onKeyDown = (event: KeyboardEvent): void => {
    // While an input method composes, the keys are its own.
    if (event.nativeEvent.isComposing) return;
    if (event.key === "ArrowUp" && text === "") {
      const last = lastTyped(client.conversation.getState());
      if (last === null) return;
      event.preventDefault();
      setText(last);
      return;
    }
    if (event.key !== "Enter" || event.shiftKey) return;
    event.preventDefault();
    send();
  };

  return (
    <form
      className="composer"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      <textarea
        ref={field}
        rows={1}
        value={text}
        onChange={(event) => {
          setText(event.target.value);
          setRefused(false);
        }}
        onKeyDown={onKeyDown}
        placeholder="Type a message"
        aria-label="Message"
        aria-invalid={tooLong}
        aria-describedby="composer-count"
        enterKeyHint="send"
        data-testid="text-input"
      />
      <button
        type="submit"
        className="solid round"
        aria-label="Send"
        title={connected ? "Send (Enter)" : "Not connected: will be sent when the connection is back"}
        disabled={!sendable}
        data-testid="send"
      >
        <SendIcon />
      </button>
      <p id="composer-count" className={tooLong || refused ? "count over" : "count"} role="status">
        {refused && "Too much is waiting to be sent. Send this when the rest has gone. "}
        {text.length > maxText * COUNT_FROM &&
          `${text.length.toLocaleString("en")} of ${maxText.toLocaleString("en")} characters`}
        {tooLong && ". Shorten it to send it."}
      </p>
    </form>
  );
}
