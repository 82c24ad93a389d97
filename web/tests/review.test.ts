import { beforeEach, describe, expect, it, vi } from 'vitest'
import { Annotator } from '../src/state/annotator'
import { imagePasses, objectPasses } from '../src/state/review'
import { createStore } from '../src/state/store'
import { language, said } from '../src/state/strings'
import { ack, fakePorts, image, LEAF, object, ready } from './fake'

const DONE = { state: 'finished' } as const

function setup() {
  const store = createStore()
  const fake = fakePorts()
  const judge = vi.fn((id: number, review) => Promise.resolve(image(id, { review, finished: 3 })))
  Object.assign(fake.ports.rest, { judgeImage: judge })
  store.images.value = [image(3, { finished: 3 }), image(4), image(5, { finished: 1, review: 'accepted' })]
  store.classes.value = [LEAF]
  const annotator = new Annotator(store, fake.ports, 'client-12345')
  annotator.open(3)
  fake.handlers.connected('open')
  fake.handlers.message(ready({ objects: [object(1, DONE), object(2, DONE), object(6)], active: null }))
  return { store, fake, annotator, judge }
}

let { store, fake, annotator, judge } = setup()
beforeEach(() => ({ store, fake, annotator, judge } = setup()))

describe('a judgement', () => {
  it('of the selected object goes on to the next that waits for one', () => {
    annotator.reviewer.next()
    expect(store.selected.value).toBe(2)
    annotator.reviewer.judge('accepted')
    expect(fake.sent).toMatchObject([{ type: 'patch', object: 2, review: 'accepted' }])
    expect(store.selected.value).toBe(1)
    expect(store.announcement.value).toBe('leaf #2 accepted. Next: leaf #1.')
  })

  it('that rejects stays there, so that it can be said why', () => {
    annotator.select(2)
    annotator.reviewer.judge('rejected')
    expect([store.selected.value, store.announcement.value]).toEqual([2, 'leaf #2 rejected.'])
  })

  it('made twice is taken back', () => {
    fake.handlers.message(ack(1, { objects: [object(2, { ...DONE, review: 'accepted' })] }))
    annotator.select(2)
    annotator.reviewer.judge('accepted')
    expect(fake.sent).toMatchObject([{ review: null }])
  })

  it('without a selection is about the image', async () => {
    annotator.reviewer.judge('accepted')
    await Promise.resolve()
    expect(judge).toHaveBeenCalledWith(3, 'accepted', '')
    await vi.waitFor(() => expect(store.currentImage.value?.review).toBe('accepted'))
  })

  it('needs a finished object; when all are judged that is said', () => {
    annotator.select(6)
    annotator.reviewer.judge('accepted')
    expect(fake.sent).toEqual([])
    fake.handlers.message(ack(1, { objects: [1, 2].map((id) => object(id, { ...DONE, review: 'accepted' })) }))
    annotator.reviewer.next()
    expect([store.selected.value, store.announcement.value]).toEqual([null, 'No object waits for a judgement.'])
  })
})

describe('filters', () => {
  it('tell which images are shown and stepped through; the open one always is', () => {
    store.imageFilter.value = 'accepted'
    expect(store.shownImages.value.map((i) => i.id)).toEqual([3, 5])
    annotator.step(1)
    expect(fake.connected).toEqual([3, 5])
    expect(imagePasses(image(1, { finished: 1 }), 'review')).toBe(true)
    expect(imagePasses(image(1), 'todo')).toBe(true)
    expect(imagePasses(image(1, { rejected: 1 }), 'rejected')).toBe(true)
  })

  it('tell which objects are listed', () => {
    expect(['review', 'progress', 'rejected'].map((f) => objectPasses(object(1, DONE), f as 'review'))).toEqual([true, false, false])
    expect(objectPasses(object(1, { ...DONE, review: 'rejected' }), 'rejected')).toBe(true)
  })
})

describe('others on the image', () => {
  beforeEach(() => fake.handlers.message({ type: 'presence', people: [{ client: 'client-12345', name: '', active: null }, { client: 'other-123', name: 'Anna', active: 6 }] }))

  it('are told of when their object is taken up too', () => {
    annotator.reopen(6)
    expect(store.toasts.value[0]?.text).toContain('Anna works on leaf #6 too.')
    expect(fake.sent).toMatchObject([{ type: 'activate', object: 6 }])
  })

  it('hear who works here', () => {
    annotator.call('  Ben ')
    expect(fake.sent).toEqual([{ type: 'name', name: 'Ben' }])
  })
})

it('says what the server says in the language of the page', () => {
  const step = { key: 'step.prompt', values: { class: 'leaf', object: 3, prompt: { key: 'prompt.positive', values: { n: 2 } } } }
  expect(said('as the server put it', step)).toBe('positive click 2 on leaf #3')
  language.value = 'zh-Hans'
  expect(said('as the server put it', step)).toBe('leaf #3：正点击 2')
  expect(said('as the server put it', { key: 'not.known', values: {} })).toBe('as the server put it')
  expect(said('as the server put it')).toBe('as the server put it')
  language.value = 'en'
})

it('a refusal is shown in the language of the page', () => {
  language.value = 'zh-Hans'
  annotator.click({ x: 1, y: 1 }, true)
  fake.handlers.message({ type: 'error', seq: 1, code: 'locked', message: 'Object #5 is locked.', words: { key: 'refused.locked', values: { object: 5 } } })
  expect(store.toasts.value[0]?.text).toBe('对象 #5 已锁定。请先解锁再更改。')
  language.value = 'en'
})
