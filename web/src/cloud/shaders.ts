/**
 * Two passes. Points write a colour, what kind of point they are and their number; then the whole picture is lit by the depths
 * round every pixel (eye-dome lighting, Boucheny 2009) and the object at work gets an outline, on screen and so of even width.
 */

export const POINT_VERTEX = `#version 300 es
precision highp float;
precision highp int;
layout(location = 0) in vec3 place;   // relative to the cloud's origin
layout(location = 1) in vec4 base;
layout(location = 2) in uint mark;    // slot in 16 bits, then flags: see marks.ts
uniform mat4 model;
uniform mat4 clipMatrix;
uniform vec3 clipLow;
uniform vec3 clipHigh;
uniform float covered;                // spacing over the width of a pixel at distance 1, device pixels
uniform vec2 sizeLimits;
uniform float opacity;
uniform float dimmed;
uniform bool masksShown;
uniform vec3 activeColour;
uniform sampler2D styles;             // 256 texels a row; rgb = colour, a = 0 nothing, 0.5 shown, 1 selected
flat out vec4 tint;                   // a: what kind of point, for the outlines
flat out uint number;

// Neighbours of one colour are told apart by a line, so objects take turns among five values.
const float NOTHING = 0.2, OBJECT = 0.36, TURN = 0.02, CHOSEN = 0.6, GHOST = 0.8, ACTIVE = 1.0;

void main() {
  vec4 at = model * vec4(place, 1.0);
  bool outside = any(lessThan(at.xyz, clipLow)) || any(greaterThan(at.xyz, clipHigh));
  if (outside || (mark & ${1 << 19}u) != 0u) {
    gl_Position = vec4(2.0, 2.0, 2.0, 1.0);
    gl_PointSize = 1.0;
    return;
  }
  gl_Position = clipMatrix * at;
  gl_PointSize = clamp(covered / gl_Position.w, sizeLimits.x, sizeLimits.y);
  number = uint(gl_VertexID) + 1u;
  uint slot = mark & 65535u;
  vec4 style = masksShown && slot != 0u ? texelFetch(styles, ivec2(int(slot & 255u), int(slot >> 8u)), 0) : vec4(0.0);
  vec3 colour = base.rgb;
  float kind = NOTHING;
  if (style.a > 0.0) {
    kind = style.a > 0.75 ? CHOSEN : OBJECT + TURN * float(slot % 5u);
    colour = mix(colour, style.rgb, min(1.0, opacity * (kind == CHOSEN ? 1.35 : 1.15)));
  }
  bool working = masksShown && (mark & ${1 << 16}u) != 0u;
  if (!working) colour *= 1.0 - dimmed;
  if (working) {
    kind = ACTIVE;
    colour = mix(base.rgb, activeColour, min(1.0, opacity * 1.25));
  } else if (masksShown && (mark & ${(1 << 17) | (1 << 18)}u) != 0u) {
    kind = GHOST;
    colour = mix(colour, vec3(1.0), 0.3);
  }
  tint = vec4(colour, kind);
}`

export const POINT_FRAGMENT = `#version 300 es
precision highp float;
precision highp int;
flat in vec4 tint;
flat in uint number;
uniform bool round;
layout(location = 0) out vec4 colour;
layout(location = 1) out uint drawn;
void main() {
  if (round) {
    vec2 off = gl_PointCoord * 2.0 - 1.0;
    if (dot(off, off) > 1.0) discard;
  }
  colour = tint;
  drawn = number;
}`

export const LIGHT_VERTEX = `#version 300 es
void main() {
  vec2 corner = vec2(float(gl_VertexID & 1), float(gl_VertexID >> 1));
  gl_Position = vec4(corner * 4.0 - 1.0, 0.0, 1.0);
}`

export const LIGHT_FRAGMENT = `#version 300 es
precision highp float;
uniform sampler2D colours;
uniform highp sampler2D depths;
uniform vec2 range;       // near, far
uniform float radius;     // of the look round and of outlines, device pixels
uniform float strength;
uniform vec3 activeColour;
out vec4 result;

const vec2 AROUND[8] = vec2[8](
  vec2(1.0, 0.0), vec2(-1.0, 0.0), vec2(0.0, 1.0), vec2(0.0, -1.0),
  vec2(0.7071, 0.7071), vec2(-0.7071, 0.7071), vec2(0.7071, -0.7071), vec2(-0.7071, -0.7071));

// In doublings of the distance: what lies so much farther shows through a crack; no step counts for more than the other.
const float CRACK = 0.02, STEEPEST = 0.06;

ivec2 size;
ivec2 inside(vec2 at) { return clamp(ivec2(at), ivec2(0), size - 1); }
// Logarithm of the distance, so that a step counts by its share of it. Nothing there: infinitely far.
float far(ivec2 at) {
  float depth = texelFetch(depths, at, 0).r;
  return depth >= 1.0 ? 1e9 : -log2(range.y - depth * (range.y - range.x));
}

void main() {
  size = textureSize(colours, 0);
  vec2 at = gl_FragCoord.xy;
  vec4 here = texelFetch(colours, ivec2(at), 0);
  float depth = far(ivec2(at));
  float there[8];
  vec4 beside = here;
  float nearest = depth;
  int nearer = 0;
  int bare = 0;
  float strongest = 0.0;
  float weakest = 1.0;
  for (int i = 0; i < 8; i++) {
    ivec2 place = inside(at + AROUND[i] * radius);
    there[i] = far(place);
    if (depth - there[i] > CRACK) nearer++;
    if (there[i] > 1e8) { bare++; continue; }
    vec4 other = texelFetch(colours, place, 0);
    if (there[i] < nearest) { nearest = there[i]; beside = other; }
    strongest = max(strongest, other.a);
    weakest = min(weakest, other.a);
  }
  // A pixel between points of one surface, through which something behind is seen: the surface goes on.
  if (nearer >= 5) { here = beside; depth = nearest; }
  if (depth > 1e8 && strongest < 0.9) { result = vec4(0.0); return; }
  float shade = 0.0;
  for (int i = 0; i < 8; i++) shade += min(max(0.0, depth - there[i]), STEEPEST);
  vec3 colour = here.rgb * exp(-shade / 8.0 * strength);
  // Against nothing too; a single gap between points is no edge.
  if (bare >= 3) weakest = 0.0;
  // The outline lies inside of the object at work, and of one that is selected; outside lies a dark rim.
  if (here.a > 0.9 && weakest < 0.9) colour = vec3(1.0);
  else if (here.a > 0.7 && here.a < 0.9 && weakest < 0.7) colour = vec3(1.0);
  else if (here.a > 0.5 && here.a < 0.7 && weakest < 0.5) colour = mix(colour, vec3(1.0), 0.85);
  else if (here.a > 0.3 && here.a < 0.5 && (strongest > here.a + 0.01 || weakest < here.a - 0.01)) colour *= 0.55;
  else if (here.a < 0.9 && strongest > 0.9) colour = activeColour * 0.5;
  result = vec4(colour, 1.0);
}`
