/** Audio contexts at rates that the wire allows: microphone and loudspeaker have the same limits. */

const MIN_RATE = 8_000;
const MAX_RATE = 96_000;
/** Studio devices run faster; the browser resamples to this. */
const FALLBACK_RATE = 48_000;

/** A context at the device's own rate, or at one that the wire allows. */
export function deviceContext(): AudioContext {
  const context = new AudioContext({ latencyHint: "interactive" });
  if (context.sampleRate >= MIN_RATE && context.sampleRate <= MAX_RATE) return context;
  void context.close().catch(() => undefined);
  return new AudioContext({ sampleRate: FALLBACK_RATE, latencyHint: "interactive" });
}
