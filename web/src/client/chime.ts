/** Two short tones, made by the browser itself: no file, and no part in the speech that follows. */

/** Frequency in Hz and start in seconds of each tone: a falling third reads as a doorbell. */
const TONES = [
  { hz: 880, at: 0 },
  { hz: 659.25, at: 0.14 },
] as const;
const LENGTH_S = 0.3;
/** Loud enough to be noticed beside speech, as a factor of full scale. */
const GAIN = 0.2;
/** Tones that begin at once click. */
const ATTACK_S = 0.01;
const SILENCE = 0.0001;

/** Play it now; a context that is held back stays silent. */
export function chime(context: AudioContext): void {
  if (context.state !== "running") return;
  for (const { hz, at } of TONES) {
    const start = context.currentTime + at;
    const tone = context.createOscillator();
    const gain = context.createGain();
    tone.frequency.value = hz;
    gain.gain.setValueAtTime(SILENCE, start);
    gain.gain.exponentialRampToValueAtTime(GAIN, start + ATTACK_S);
    gain.gain.exponentialRampToValueAtTime(SILENCE, start + LENGTH_S);
    tone.connect(gain).connect(context.destination);
    tone.start(start);
    tone.stop(start + LENGTH_S);
  }
}
