/* The page's half of the notebook widget: shows what Python says, sends what the person does. No request leaves the page. */

const SVG = 'http://www.w3.org/2000/svg'
const LEAST_DRAG = 6 // screen pixels; less is a click

function render({ model, el }) {
  const root = element('div', { class: 'clickmask' })
  const stage = element('div', { class: 'stage', tabindex: '0', role: 'application' })
  stage.setAttribute('aria-label', 'Picture. Left click: belongs to the object. Right click: does not. Enter: finished.')
  const picture = element('img', { alt: '', draggable: 'false' })
  const over = element('img', { class: 'over', alt: '' })
  const marks = document.createElementNS(SVG, 'svg')
  const status = element('span', { class: 'status', role: 'status' })
  const bar = element('div', { class: 'bar' })
  for (const [type, text] of [['undo', 'Undo'], ['redo', 'Redo'], ['reset', 'Start over'], ['finish', 'Finish']]) {
    const button = element('button', { type: 'button' })
    button.textContent = text
    button.addEventListener('click', () => model.send({ type }))
    bar.append(button)
  }
  bar.append(status)
  stage.append(picture, over, marks)
  root.append(stage, bar)
  el.append(root)

  const pictures = [[picture, '_picture'], [over, '_overlay']]
  const show = pictures.map(([target, name]) => () => setPicture(target, model.get(name)))
  const showMarks = () => drawMarks(marks, model.get('prompts'), model.get('_size'))
  const showStatus = () => { status.textContent = model.get('status') }
  const watched = [...pictures.map(([, name], i) => [name, show[i]]), ['prompts', showMarks], ['status', showStatus]]
  for (const [name, action] of watched) {
    model.on(`change:${name}`, action)
    action()
  }
  listen(stage, model)
  return () => {
    for (const [name, action] of watched) model.off(`change:${name}`, action)
    for (const [target] of pictures) URL.revokeObjectURL(target.src)
  }
}

function listen(stage, model) {
  let from = null
  const at = (event) => {
    const box = stage.getBoundingClientRect()
    const [width, height] = model.get('_size')
    const inside = (value, most) => Math.min(Math.max(value, 0), most - 1e-3)
    return {
      x: inside(((event.clientX - box.left) / box.width) * width, width),
      y: inside(((event.clientY - box.top) / box.height) * height, height),
    }
  }
  stage.addEventListener('pointerdown', (event) => {
    if (event.button !== 0 && event.button !== 2) return
    stage.setPointerCapture(event.pointerId)
    from = { ...at(event), screen: [event.clientX, event.clientY], button: event.button }
  })
  stage.addEventListener('pointerup', (event) => {
    if (!from || event.button !== from.button) return
    const to = at(event)
    const moved = Math.hypot(event.clientX - from.screen[0], event.clientY - from.screen[1]) > LEAST_DRAG
    if (!moved) {
      const negative = from.button === 2 || event.shiftKey || event.altKey
      model.send({ type: 'click', x: from.x, y: from.y, positive: !negative })
    } else if (from.button === 0) {
      model.send({ type: 'box', x0: from.x, y0: from.y, x1: to.x, y1: to.y })
    }
    from = null
  })
  stage.addEventListener('pointercancel', () => { from = null })
  stage.addEventListener('contextmenu', (event) => event.preventDefault())
  stage.addEventListener('keydown', (event) => {
    const control = event.ctrlKey || event.metaKey
    const letter = event.key.toLowerCase()
    const type = control && letter === 'z' ? (event.shiftKey ? 'redo' : 'undo')
      : control && letter === 'y' ? 'redo'
        : control || event.altKey ? null
          : event.key === 'Enter' ? 'finish'
            : event.key === 'Escape' ? 'reset' : null
    if (!type) return
    event.preventDefault()
    event.stopPropagation() // the notebook has its own meaning for these keys
    model.send({ type })
  })
}

function drawMarks(svg, prompts, [width, height]) {
  svg.setAttribute('viewBox', `0 0 ${width} ${height}`)
  svg.replaceChildren()
  const size = Math.max(width, height) / 110
  for (const prompt of prompts) {
    if (prompt.type === 'box') {
      const { x0, y0, x1, y1 } = prompt
      add(svg, 'rect', { x: x0, y: y0, width: x1 - x0, height: y1 - y0, fill: 'none', stroke: '#fff', 'stroke-width': size / 2 })
      add(svg, 'rect', { x: x0, y: y0, width: x1 - x0, height: y1 - y0, fill: 'none', stroke: '#0072b2', 'stroke-width': size / 4 })
      continue
    }
    const { x, y, positive } = prompt
    const look = { fill: positive ? '#1a9641' : '#d7191c', stroke: '#fff', 'stroke-width': size / 4 }
    if (positive) add(svg, 'circle', { cx: x, cy: y, r: size, ...look })
    else add(svg, 'rect', { x: x - size, y: y - size, width: 2 * size, height: 2 * size, ...look })
    const line = `M${x - size / 2} ${y}h${size}` + (positive ? `M${x} ${y - size / 2}v${size}` : '')
    add(svg, 'path', { d: line, stroke: '#fff', 'stroke-width': size / 3 })
  }
}

function setPicture(target, data) {
  if (target.src) URL.revokeObjectURL(target.src)
  target.src = URL.createObjectURL(new Blob([data], { type: 'image/png' }))
}

function element(name, attributes) {
  const made = document.createElement(name)
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value)
  return made
}

function add(svg, name, attributes) {
  const made = document.createElementNS(SVG, name)
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value)
  svg.append(made)
}

export default { render }
