/** What a mask looks like in words: of how many parts it is and how many holes it has. */

import { forEachSpan, type RunMask } from './runs'

export interface Shape {
  /** Pieces that do not touch each other, corners count as touching. */
  readonly parts: number
  /** Enclosed pieces of background, corners do not count as touching. */
  readonly holes: number
}

interface Span {
  readonly row: number
  readonly from: number
  readonly to: number
}

export function shapeOf(mask: RunMask): Shape {
  const { x0, y0, x1, y1 } = mask.box
  const width = x1 - x0
  const rows: Span[][] = Array.from({ length: Math.max(0, y1 - y0) }, () => [])
  forEachSpan({ ...mask, box: { x0: 0, y0: 0, x1: width, y1: y1 - y0 } }, width, (from, to) => {
    const row = Math.floor(from / width)
    rows[row]?.push({ row, from: from - row * width, to: to - row * width })
  })
  if (!rows.some((row) => row.length > 0)) return { parts: 0, holes: 0 }
  return { parts: pieces(rows, 1), holes: pieces(backgroundOf(rows, width), 0) - 1 }
}

/** The background in a frame that is one pixel wider on every side, so that all of the outside is one piece. */
function backgroundOf(rows: readonly (readonly Span[])[], width: number): Span[][] {
  const whole = (row: number): Span[] => [{ row, from: -1, to: width + 1 }]
  const between = rows.map((spans, row) => {
    const edges = [-1, ...spans.flatMap((s) => [s.from, s.to]), width + 1]
    const gaps: Span[] = []
    for (let i = 0; i < edges.length; i += 2) {
      const [from, to] = [edges[i] as number, edges[i + 1] as number]
      if (from < to) gaps.push({ row, from, to })
    }
    return gaps
  })
  return [whole(-1), ...between, whole(rows.length)]
}

/** Number of connected pieces; `reach` 1 lets corners touch. */
function pieces(rows: readonly (readonly Span[])[], reach: 0 | 1): number {
  const parent: number[] = []
  const root = (i: number): number => {
    while (parent[i] !== i) i = parent[i] = parent[parent[i] as number] as number
    return i
  }
  let count = 0
  let above: { span: Span; id: number }[] = []
  for (const spans of rows) {
    const here = spans.map((span) => ({ span, id: parent.push(parent.length) - 1 }))
    count += here.length
    let first = 0
    for (const { span, id } of here) {
      while (first < above.length && (above[first] as { span: Span }).span.to + reach <= span.from) first++
      for (let i = first; i < above.length; i++) {
        const over = above[i] as { span: Span; id: number }
        if (over.span.from >= span.to + reach) break
        const [a, b] = [root(over.id), root(id)]
        if (a === b) continue
        parent[a] = b
        count--
      }
    }
    above = here
  }
  return count
}
