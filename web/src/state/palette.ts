/** Colours of classes and objects. */

export type Rgb = readonly [number, number, number]

/** Okabe and Ito's colours, told apart with every common kind of colour vision; without black. Blue first: few things are. */
export const OKABE_ITO: readonly string[] = [
  '#56b4e9', '#e69f00', '#009e73', '#f0e442', '#0072b2', '#d55e00', '#cc79a7',
]

/** The n-th default colour: Okabe-Ito first, then hues a golden angle apart. */
export function defaultColour(index: number): string {
  const fixed = OKABE_ITO[index]
  if (fixed !== undefined) return fixed
  const hue = ((index - OKABE_ITO.length) * 137.508) % 360
  return toHex(hslToRgb(hue, 0.65, 0.55))
}

export function parseHex(colour: string): Rgb {
  const match = /^#?([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i.exec(colour.trim())
  if (!match) throw new RangeError(`A colour is written #rrggbb, got '${colour}'.`)
  return [parseInt(match[1] as string, 16), parseInt(match[2] as string, 16), parseInt(match[3] as string, 16)]
}

export function toHex(rgb: Rgb): string {
  return '#' + rgb.map((v) => Math.round(v).toString(16).padStart(2, '0')).join('')
}

function hslToRgb(hue: number, saturation: number, lightness: number): Rgb {
  const a = saturation * Math.min(lightness, 1 - lightness)
  const channel = (n: number): number => {
    const k = (n + hue / 30) % 12
    return 255 * (lightness - a * Math.max(-1, Math.min(k - 3, 9 - k, 1)))
  }
  return [channel(0), channel(8), channel(4)]
}
