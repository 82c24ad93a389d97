import { beforeEach, describe, expect, it } from 'vitest'
import { Annotator } from '../src/state/annotator'
import { createStore } from '../src/state/store'
import { parseRecord } from '../src/state/wire'
import { ack, fakePorts, image, LEAF, object, ready, record, SPOT } from './fake'

function setup(message = ready()) {
  const store = createStore()
  const fake = fakePorts()
  store.images.value = [image(3), image(4)]
  store.classes.value = [LEAF, SPOT]
  const annotator = new Annotator(store, fake.ports, 'client-12345')
  annotator.open(3)
  fake.handlers.connected('open')
  fake.handlers.message(message)
  return { store, fake, annotator }
}

let { store, fake, annotator } = setup()
beforeEach(() => ({ store, fake, annotator } = setup()))

describe('clicks', () => {
  it('are drawn at once and sent with the chosen class', () => {
    annotator.click({ x: 2.5, y: 3.5 }, true)
    expect(fake.sent).toMatchObject([{ type: 'click', x: 2.5, y: 3.5, positive: true, class: 1, seq: 1, rev: 0 }])
    expect(store.pending.value).toMatchObject([{ kind: 'click', x: 2.5 }])
    expect(store.saved.value).toBe('saving')
  })

  it('become prompts of the object when acknowledged', () => {
    annotator.click({ x: 2.5, y: 3.5 }, true)
    fake.handlers.message(ack(1, { object: 5, active: 5, objects: [object(5, { prompts: [{ kind: 'click', x: 2.5, y: 3.5, positive: true }] })] }))
    expect(store.pending.value).toEqual([])
    expect(store.active.value?.id).toBe(5)
    expect(store.saved.value).toBe('saved')
    expect(store.currentImage.value).toMatchObject({ in_progress: 1, finished: 0 })
  })

  it('outside the image are not sent', () => {
    annotator.click({ x: -0.1, y: 3 }, true)
    annotator.click({ x: 8, y: 3 }, true)
    expect(fake.sent).toEqual([])
  })

  it('cannot begin an object with its background, and that is said', () => {
    annotator.click({ x: 2, y: 3 }, false)
    expect(fake.sent).toEqual([])
    expect(store.toasts.value).toHaveLength(1)
  })

  it('on a marker of the same sign take that prompt back', () => {
    const prompts = [{ kind: 'click', x: 2, y: 3, positive: true }, { kind: 'click', x: 6, y: 3, positive: false }] as const
    ;({ store, fake, annotator } = setup(ready({ objects: [object(5, { prompts })], active: 5 })))
    store.view.value = { scale: 10, left: 0, top: 0 }
    annotator.click({ x: 6.4, y: 3.2 }, false)
    annotator.click({ x: 6.4, y: 3.2 }, true)
    expect(fake.sent).toMatchObject([{ type: 'remove_prompt', index: 1 }, { type: 'click', positive: true }])
  })

  it('measure the way from the click to the mask', () => {
    annotator.click({ x: 2.5, y: 3.5 }, true)
    fake.handlers.message(ack(1, { object: 5, active: 5, objects: [object(5)] }))
    fake.tick(84)
    fake.handlers.records([parseRecord(record({ object: 5, seq: 1, box: { x0: 2, y0: 3, x1: 3, y1: 4 }, runs: [0, 1] }))])
    expect(store.latency.value).toBe(84)
    expect(store.layers.value?.active[3 * 8 + 2]).toBe(255)
  })
})

describe('finishing', () => {
  const prompts = [{ kind: 'click', x: 2, y: 3, positive: true }] as const
  beforeEach(() => ({ store, fake, annotator } = setup(ready({ objects: [object(5, { prompts })], active: 5 }))))

  it('is believed at once: what comes next is about a new object', () => {
    annotator.finish()
    annotator.chooseClassByKey(2)
    annotator.click({ x: 2, y: 3 }, true)
    annotator.finish()
    expect(fake.sent.map((c) => c.type)).toEqual(['finish', 'click', 'finish'])
    expect(fake.sent[1]).toMatchObject({ class: 2 })
  })

  it('needs something to finish', () => {
    annotator.finish()
    annotator.finish()
    expect(fake.sent).toHaveLength(1)
    expect(store.announcement.value).toBe('There is nothing to finish.')
  })
})

describe('the server', () => {
  it('refuses in its own words, and the marker goes away', () => {
    annotator.click({ x: 2.5, y: 3.5 }, true)
    fake.handlers.message({ type: 'error', seq: 1, code: 'storage', message: 'The disk is full.', rev: 0 })
    expect(store.pending.value).toEqual([])
    expect(store.toasts.value).toMatchObject([{ tone: 'error', text: 'The disk is full.' }])
  })

  it('gets unacknowledged commands again after a loss, and only those', () => {
    annotator.click({ x: 1, y: 1 }, true)
    annotator.click({ x: 2, y: 2 }, true)
    fake.handlers.connected('lost')
    expect(store.saved.value).toBe('waiting')
    fake.sent.length = 0
    fake.handlers.connected('open')
    fake.handlers.message(ready({ last_seq: 1, rev: 1, objects: [object(5)], active: 5 }))
    expect(fake.sent).toMatchObject([{ type: 'click', seq: 2, x: 2 }])
  })

  it('gets what an earlier page could not send', () => {
    annotator.click({ x: 1, y: 1 }, true)
    const later = new Annotator(createStore(), fake.ports, 'client-12345')
    fake.sent.length = 0
    later.open(3)
    fake.handlers.message(ready())
    expect(fake.sent).toMatchObject([{ type: 'click', seq: 1, x: 1 }])
  })

  it('says why an image cannot be opened', () => {
    annotator.open(4)
    fake.handlers.message({ type: 'error', seq: 0, code: 'image_damaged', message: '4.png ends too early.' })
    fake.handlers.ended(4422)
    expect([store.status.value, store.problem.value]).toEqual(['failed', '4.png ends too early.'])
  })
})

describe('objects', () => {
  beforeEach(() => ({ store, fake, annotator } = setup(ready({ objects: [object(5, { state: 'finished' })], active: null }))))

  it('are opened again when finished', () => {
    annotator.reopen(5)
    expect(fake.sent).toMatchObject([{ type: 'reopen', object: 5 }])
  })

  it('take the class of a key when selected', () => {
    annotator.select(5)
    annotator.chooseClassByKey(2)
    expect(fake.sent).toMatchObject([{ type: 'patch', object: 5, class: 2 }])
    expect(store.chosenClass.value?.id).toBe(2)
  })

  it('are let go when they are gone', () => {
    annotator.select(5)
    fake.handlers.message(ack(1, { removed: [5] }))
    expect(store.selected.value).toBeNull()
  })

  it('are told to people who listen', () => {
    annotator.select(5)
    expect(store.announcement.value).toBe('leaf #5, 0 pixels')
  })
})

it('goes to the neighbours in the list and not beyond', () => {
  annotator.step(1)
  annotator.step(1)
  expect(fake.connected).toEqual([3, 4])
})

describe('while an image is opening', () => {
  beforeEach(() => {
    annotator.open(4)
  })

  it('clicks on the picture wait for the line, in order, and are drawn', () => {
    store.imageSize.value = { width: 8, height: 6 }
    annotator.click({ x: 2.5, y: 3.5 }, true)
    annotator.click({ x: 5.5, y: 3.5 }, false)
    annotator.finish()
    expect(fake.sent).toEqual([])
    expect([store.unsaved.value, store.pending.value.length]).toEqual([3, 0])
    fake.handlers.message(ready({ image: image(4), last_seq: 7 }))
    expect(fake.sent).toMatchObject([
      { type: 'click', seq: 8, x: 2.5 }, { type: 'click', seq: 9, positive: false }, { type: 'finish', seq: 10 },
    ])
  })

  it('they are drawn as not stored yet', () => {
    store.imageSize.value = { width: 8, height: 6 }
    annotator.click({ x: 2.5, y: 3.5 }, true)
    expect(store.pending.value).toMatchObject([{ kind: 'click', x: 2.5 }])
    expect(store.saved.value).toBe('saving')
  })

  it('without a picture they are refused in words', () => {
    annotator.click({ x: 2.5, y: 3.5 }, true)
    annotator.box({ x: 1, y: 1 }, { x: 4, y: 4 })
    annotator.undo()
    expect(store.toasts.value.map((one) => one.text)).toEqual(['4.png is still opening. Click again when you see it.'])
    expect([store.unsaved.value, fake.sent]).toEqual([0, []])
  })

  it('they are kept when the image is left, and sent when it is opened again', () => {
    store.imageSize.value = { width: 8, height: 6 }
    annotator.click({ x: 2.5, y: 3.5 }, true)
    annotator.open(3)
    expect(store.toasts.value[0]?.text).toContain('1 on 4.png not stored yet')
    expect(store.unsaved.value).toBe(0)
    fake.handlers.message(ready())
    expect(fake.sent).toEqual([])
    annotator.open(4)
    expect(store.unsaved.value).toBe(1)
    fake.handlers.message(ready({ image: image(4) }))
    expect(fake.sent).toMatchObject([{ type: 'click', seq: 1, x: 2.5 }])
    annotator.open(3)
    annotator.open(4)
    expect(store.unsaved.value).toBe(1) // sent, but not acknowledged
  })
})
