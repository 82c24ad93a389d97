import { expect, it } from 'vitest'
import { rank } from '../src/state/search'

const NAMES = ['Undo', 'Redo', 'Finish the object', 'Show or hide masks', 'Fit the image', 'Delete the selected object']
const found = (text: string): string[] => rank(NAMES, text, (name) => name)

it('everything for nothing', () => {
  expect(found(' ')).toEqual(NAMES)
})

it('beginnings come before words, words before parts, parts before letters', () => {
  expect(found('fi')).toEqual(['Finish the object', 'Fit the image'])
  expect(found('hide')[0]).toBe('Show or hide masks')
  expect(found('obj')).toEqual(['Finish the object', 'Delete the selected object'])
  expect(found('smk')).toEqual(['Show or hide masks'])
})

it('nothing for letters that are not there', () => {
  expect(found('zzz')).toEqual([])
})
