/** From where a cloud is seen at first, and how a view is remembered. */

import type { Size } from '../state/view'
import { fitted, type Camera } from './camera'
import type { Scan } from './scan'
import { length, minus, rotate, type Vec3 } from './vector'

const BIRDS_EYE = (-30 * Math.PI) / 180
const FROM_FRONT_LEFT = (60 * Math.PI) / 180

/**
 * What one camera saw is full of holes from any other side, so such a cloud (the sensor, at the file's zero, lies outside of
 * it) is first seen from there, a little from above. All others are seen from a corner.
 */
export function firstLook(scan: Scan, sample: Float32Array, canvas: Size): Camera {
  return fitted(sample, canvas, firstDirection(scan, sample))
}

function firstDirection(scan: Scan, sample: Float32Array): Pick<Camera, 'yaw' | 'pitch'> {
  const { box, origin } = scan.plan
  const sensor = minus([0, 0, 0], origin)
  const outside = sensor.some((v, k) => v < (box[0][k] as number) || v > (box[1][k] as number))
  const usual = { yaw: FROM_FRONT_LEFT, pitch: BIRDS_EYE }
  if (!outside) return usual
  const towards = minus(middle(sample), rotate(scan.rotation, sensor))
  // A sensor much farther off than the scene is large is none: such numbers are a map's.
  if (length(towards) > 4 * length(minus(box[1], box[0]))) return usual
  const pitch = Math.asin(towards[2] / length(towards))
  return { yaw: Math.atan2(towards[1], towards[0]), pitch: Math.min(Math.max(pitch, -1.1), -0.35) }
}

function middle(sample: Float32Array): Vec3 {
  const sum = [0, 0, 0]
  sample.forEach((v, i) => (sum[i % 3] = (sum[i % 3] as number) + v))
  return sum.map((v) => (v * 3) / Math.max(sample.length, 1)) as unknown as Vec3
}

/** A camera from a kept text; null for anything else. */
export function readCamera(text: string | null): Camera | null {
  try {
    const { eye, yaw, pitch } = JSON.parse(text ?? '') as { eye: unknown[]; yaw: unknown; pitch: unknown }
    const numbers = [...eye, yaw, pitch]
    if (eye.length !== 3 || !numbers.every((v) => typeof v === 'number' && Number.isFinite(v))) return null
    return { eye: eye as unknown as Vec3, yaw: yaw as number, pitch: pitch as number }
  } catch {
    return null
  }
}
