/**
 * Binary audio frames, as voicechat/protocol/frames.py lays them out: 20 bytes little-endian
 * (kind u8, flags u8, zero u16, stream u32, seq u32, offset u64), then mono int16 samples.
 */

import { FRAME_HEADER_BYTES } from "./messages";

const LAST = 1;
const LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

export interface AudioFrame {
  /** FRAME_MICROPHONE or FRAME_SPEECH. */
  kind: number;
  /** Microphone stream, or turn that the speech belongs to. */
  stream: number;
  /** Counts frames of the stream from 0. */
  seq: number;
  /** Position of the first sample in the stream. */
  offset: number;
  /** No frame of this stream follows. */
  last: boolean;
  pcm: Int16Array<ArrayBuffer>;
}

/** The frame as it travels. */
export function pack(frame: AudioFrame): ArrayBuffer {
  const buffer = new ArrayBuffer(FRAME_HEADER_BYTES + frame.pcm.length * 2);
  const view = new DataView(buffer);
  view.setUint8(0, frame.kind);
  view.setUint8(1, frame.last ? LAST : 0);
  view.setUint32(4, frame.stream, true);
  view.setUint32(8, frame.seq, true);
  view.setBigUint64(12, BigInt(frame.offset), true);
  if (LITTLE_ENDIAN) {
    new Int16Array(buffer, FRAME_HEADER_BYTES).set(frame.pcm);
  } else {
    frame.pcm.forEach((sample, i) => {
      view.setInt16(FRAME_HEADER_BYTES + i * 2, sample, true);
    });
  }
  return buffer;
}

/** Read a frame of the expected kind; null where it is malformed or of another kind. */
export function unpack(buffer: ArrayBuffer, expected: number): AudioFrame | null {
  const body = buffer.byteLength - FRAME_HEADER_BYTES;
  if (body < 0 || body % 2 !== 0) return null;
  const view = new DataView(buffer);
  const flags = view.getUint8(1);
  if (view.getUint8(0) !== expected || (flags & ~LAST) !== 0 || view.getUint16(2, true) !== 0) {
    return null;
  }
  const offset = view.getBigUint64(12, true);
  if (offset > BigInt(Number.MAX_SAFE_INTEGER)) return null;
  let pcm: Int16Array<ArrayBuffer>;
  if (LITTLE_ENDIAN) {
    pcm = new Int16Array(buffer, FRAME_HEADER_BYTES, body / 2);
  } else {
    pcm = new Int16Array(body / 2);
    for (let i = 0; i < pcm.length; i++) pcm[i] = view.getInt16(FRAME_HEADER_BYTES + i * 2, true);
  }
  return {
    kind: expected,
    stream: view.getUint32(4, true),
    seq: view.getUint32(8, true),
    offset: Number(offset),
    last: (flags & LAST) !== 0,
    pcm,
  };
}
