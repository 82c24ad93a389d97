/** Points as they travel: docs/annotator-protocol.md, section 7.1. */

import type { Chunk } from './scan'

const FLAG = { rgb: 1, intensity: 2 } as const
const HEADER_BYTES = 16

/** One answer of `…/points/{chunk}`. Throws RangeError when it is malformed. */
export function parseChunk(buffer: ArrayBuffer): Chunk {
  const view = new DataView(buffer)
  if (view.byteLength < HEADER_BYTES) throw new RangeError(`A chunk of points has 16 bytes or more, got ${buffer.byteLength}.`)
  if (view.getUint8(0) !== 0x50 || view.getUint8(1) !== 0x31) throw new RangeError("A chunk of points begins with 'P1'.")
  const flags = view.getUint16(2, true)
  const n = view.getUint32(12, true)
  const needed = HEADER_BYTES + 16 * n + (flags & FLAG.rgb ? padded(3 * n) : 0) + (flags & FLAG.intensity ? padded(n) : 0)
  if (buffer.byteLength < needed) throw new RangeError(`A chunk of ${n} points has ${needed} bytes or more, got ${buffer.byteLength}.`)
  const colours = HEADER_BYTES + 16 * n
  const intensity = colours + (flags & FLAG.rgb ? padded(3 * n) : 0)
  return {
    first: view.getUint32(8, true),
    positions: new Float32Array(buffer, HEADER_BYTES, 3 * n),
    rows: new Uint32Array(buffer, HEADER_BYTES + 12 * n, n),
    rgb: flags & FLAG.rgb ? new Uint8Array(buffer, colours, 3 * n) : null,
    intensity: flags & FLAG.intensity ? new Uint8Array(buffer, intensity, n) : null,
  }
}

function padded(bytes: number): number {
  return Math.ceil(bytes / 4) * 4
}
