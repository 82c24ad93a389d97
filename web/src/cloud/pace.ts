/** How many points a frame may draw, and how finely, while the camera moves: learned from how long frames really take. */

const SLOW_MS = 42
const QUICK_MS = 16
const LEAST = 20_000
/** A picture at rest has at least so many points, and takes about so long at most. */
const SAMPLE = 250_000
const PATIENCE_MS = 1500
/** The time of fewer points tells nothing of that of many. */
const TELLING = 50_000
const MOST = 8_000_000
/** Where so few points are slow, it is the pixels that cost. */
const FEW = 150_000

export class Pace {
  /** Share of the device's pixels along each side. */
  detail = 1
  /** Points that a picture at rest may have: where they are drawn slowly, a sample has to do. */
  limit = Infinity
  /** Milliseconds of the newest frame. */
  took = 0

  constructor(public budget: number) {}

  /** A frame of so many points took so long until it was there. */
  note(took: number, points: number): void {
    this.took = took
    if (points >= TELLING) this.limit = Math.max(SAMPLE, Math.round((points / Math.max(took, 1)) * PATIENCE_MS))
    if (took > SLOW_MS) {
      if (points <= FEW && took > 2 * SLOW_MS) this.detail = 0.5
      this.budget = Math.min(this.budget, Math.max(LEAST, Math.round(points * Math.max(SLOW_MS / took, 0.25))))
    } else if (took < QUICK_MS && points >= this.budget) {
      this.detail = 1
      this.budget = Math.min(MOST, Math.round(this.budget * 1.25))
    }
  }
}
