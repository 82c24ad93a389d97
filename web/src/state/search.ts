/** Finding by a few letters: in order, not necessarily side by side. */

/** Items whose name holds the letters in order, the closest first; all of them for an empty text. */
export function rank<T>(items: readonly T[], text: string, nameOf: (item: T) => string): T[] {
  const wanted = text.trim().toLowerCase()
  return items
    .map((item, place) => ({ item, place, score: score(nameOf(item).toLowerCase(), wanted) }))
    .filter(({ score }) => score < Infinity)
    .sort((a, b) => a.score - b.score || a.place - b.place)
    .map(({ item }) => item)
}

/** 0 for a beginning, then beginnings of words, then parts, then scattered letters; Infinity for none of them. */
function score(name: string, wanted: string): number {
  const at = name.indexOf(wanted)
  if (at === 0) return 0
  if (at > 0) return /[\s(/-]/.test(name[at - 1] as string) ? 1 : 2
  let from = -1
  let gaps = 0
  for (const letter of wanted.replace(/\s/g, '')) {
    const next = name.indexOf(letter, from + 1)
    if (next < 0) return Infinity
    if (from >= 0) gaps += next - from - 1
    from = next
  }
  return 3 + gaps
}
