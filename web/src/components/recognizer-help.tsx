/** Says plainly what the recogniser understands, with sentences to try. */

import { useClient, useConnection } from "./context";

export function RecognizerHelp({ onUsed }: { onUsed?: () => void }) {
  const client = useClient();
  const recognizer = useConnection((state) => state.welcome?.recognizer);
  const connected = useConnection((state) => state.connection.phase === "connected");
  if (recognizer === undefined) return null;
  return (
    <section className="help" data-testid="recognizer-help" aria-labelledby="help-title">
      <h2 id="help-title">
        {recognizer.kind === "commands" ? "What you can say" : "Say anything"}
      </h2>
      {recognizer.hint !== "" && <p>{recognizer.hint}</p>}
      {recognizer.examples.length > 0 && (
        <>
          <h3>Try one</h3>
          <ul className="examples">
            {recognizer.examples.map((example) => (
              <li key={example}>
                <button
                  type="button"
                  className="example"
                  disabled={!connected}
                  onClick={() => {
                    if (client.sendText(example)) onUsed?.();
                  }}
                >
                  {example}
                </button>
              </li>
            ))}
          </ul>
        </>
      )}
    </section>
  );
}
