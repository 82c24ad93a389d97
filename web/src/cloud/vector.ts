/** Three numbers and 4 x 4 matrices (column by column, as WebGL takes them). */

export type Vec3 = readonly [x: number, y: number, z: number]
/** Three rows. */
export type Rotation = readonly [Vec3, Vec3, Vec3]

export function add(a: Vec3, b: Vec3): Vec3 {
  return [a[0] + b[0], a[1] + b[1], a[2] + b[2]]
}

export function minus(a: Vec3, b: Vec3): Vec3 {
  return [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
}

export function times(a: Vec3, factor: number): Vec3 {
  return [a[0] * factor, a[1] * factor, a[2] * factor]
}

export function dot(a: Vec3, b: Vec3): number {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

export function cross(a: Vec3, b: Vec3): Vec3 {
  return [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

export function length(a: Vec3): number {
  return Math.hypot(a[0], a[1], a[2])
}

export function mix(a: Vec3, b: Vec3, share: number): Vec3 {
  return add(times(a, 1 - share), times(b, share))
}

export function rotate(rotation: Rotation, a: Vec3): Vec3 {
  return [dot(rotation[0], a), dot(rotation[1], a), dot(rotation[2], a)]
}

/** The rotation there and back: rows become columns. */
export function rotateBack(rotation: Rotation, a: Vec3): Vec3 {
  return add(add(times(rotation[0], a[0]), times(rotation[1], a[1])), times(rotation[2], a[2]))
}

/** The shortest rotation that takes a unit vector to (0, 0, 1). */
export function turnToZ([x, y, z]: Vec3): Rotation {
  if (z < -1 + 1e-9) return [[1, 0, 0], [0, -1, 0], [0, 0, -1]]
  const k = 1 / (1 + z)
  return [[1 - k * x * x, -k * x * y, -x], [-k * x * y, 1 - k * y * y, -y], [x, y, z]]
}

export function multiply(a: Float32Array, b: Float32Array): Float32Array {
  const out = new Float32Array(16)
  for (let column = 0; column < 4; column++) {
    for (let row = 0; row < 4; row++) {
      let sum = 0
      for (let k = 0; k < 4; k++) sum += (a[k * 4 + row] as number) * (b[column * 4 + k] as number)
      out[column * 4 + row] = sum
    }
  }
  return out
}
