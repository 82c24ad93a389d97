/**
 * One quad per image tile. Outlines are found per fragment: a fragment is on the line when a point a line's width away
 * (in screen pixels) belongs to another object, so lines keep their width at every zoom and, where pixels are shown as
 * squares, follow their edges.
 */

export const VERTEX = `#version 300 es
precision highp float;
uniform vec4 placed;      // left, top, right, bottom of the tile on the canvas, device pixels
uniform vec2 canvasSize;  // device pixels
uniform vec2 tileSize;    // image pixels, or cells of the layers
out vec2 at;              // image pixels inside the tile
void main() {
  vec2 corner = vec2(float(gl_VertexID & 1), float(gl_VertexID >> 1));
  vec2 pixel = mix(placed.xy, placed.zw, corner);
  at = corner * tileSize;
  gl_Position = vec4(pixel.x / canvasSize.x * 2.0 - 1.0, 1.0 - pixel.y / canvasSize.y * 2.0, 0.0, 1.0);
}`

export const FRAGMENT = `#version 300 es
precision highp float;
precision highp int;
precision highp usampler2D;
uniform sampler2D picture;
uniform usampler2D ids;
uniform sampler2D activeMask;
uniform sampler2D styles;   // 256 texels a row; rgb = colour, a = 0 nothing, 0.5 shown, 1 selected
uniform vec2 tileSize;
uniform vec2 scale;         // device pixels per image pixel or cell, along and down
uniform float line;         // width of lines, device pixels
uniform float halo;
uniform float opacity;
uniform bool alone;         // the masks alone, to be laid over what is there; else with the picture under them
uniform bool smoothed;      // the picture is shown smooth, not as squares
uniform vec4 objectsBox;    // what holds all objects, grown by the width of lines, image pixels inside the tile
uniform vec4 activeBox;
uniform vec3 activeColour;
in vec2 at;
out vec4 result;

const vec2 AROUND[8] = vec2[8](
  vec2(1.0, 0.0), vec2(-1.0, 0.0), vec2(0.0, 1.0), vec2(0.0, -1.0),
  vec2(0.7071, 0.7071), vec2(-0.7071, 0.7071), vec2(0.7071, -0.7071), vec2(-0.7071, -0.7071));

bool inside(vec4 box) { return all(greaterThanEqual(at, box.xy)) && all(lessThan(at, box.zw)); }
ivec2 texel(vec2 point) { return ivec2(clamp(floor(point), vec2(0.0), tileSize - 1.0)); }

// Where the picture is shown smooth, so are the masks: the object with the greatest bilinear weight at the point.
uint idAt(vec2 point) {
  if (!smoothed) return texelFetch(ids, texel(point), 0).r;
  vec2 f = fract(point - 0.5);
  vec2 corner = point - f;
  uvec4 id = uvec4(
    texelFetch(ids, texel(corner), 0).r, texelFetch(ids, texel(corner + vec2(1.0, 0.0)), 0).r,
    texelFetch(ids, texel(corner + vec2(0.0, 1.0)), 0).r, texelFetch(ids, texel(corner + vec2(1.0)), 0).r);
  if (id.x == id.y && id.x == id.z && id.x == id.w) return id.x;
  vec4 weight = vec4((1.0 - f.x) * (1.0 - f.y), f.x * (1.0 - f.y), (1.0 - f.x) * f.y, f.x * f.y);
  uint best = id.x;
  float most = -1.0;
  for (int i = 0; i < 4; i++) {
    float sum = dot(weight, vec4(equal(id, uvec4(id[i]))));
    if (sum > most) { most = sum; best = id[i]; }
  }
  return best;
}

bool activeAt(vec2 point) {
  if (!smoothed) return texelFetch(activeMask, texel(point), 0).r > 0.5;
  vec2 f = fract(point - 0.5);
  vec2 corner = point - f;
  float top = mix(texelFetch(activeMask, texel(corner), 0).r, texelFetch(activeMask, texel(corner + vec2(1.0, 0.0)), 0).r, f.x);
  float bottom = mix(texelFetch(activeMask, texel(corner + vec2(0.0, 1.0)), 0).r, texelFetch(activeMask, texel(corner + vec2(1.0)), 0).r, f.x);
  return mix(top, bottom, f.y) > 0.5;
}

vec4 styleOf(uint id) { return texelFetch(styles, ivec2(int(id & 255u), int(id >> 8u)), 0); }

// A colour laid over another; a tells how much of what is below shows through.
vec4 lay(vec4 below, vec3 colour, float how) { return vec4(mix(below.rgb, colour, how), below.a * (1.0 - how)); }

vec4 withObjects(vec4 colour) {
  uint here = idAt(at);
  vec4 style = styleOf(here);
  bool near = false;
  vec4 beside = vec4(0.0);
  for (int i = 0; i < 8; i++) {
    uint there = idAt(at + AROUND[i] * line / scale);
    if (there != here) {
      near = true;
      if (there != 0u) beside = styleOf(there);
    }
  }
  if (style.a > 0.0) {
    bool chosen = style.a > 0.75;
    colour = lay(colour, style.rgb, opacity * (chosen ? 0.8 : 0.72));
    if (near) colour = lay(colour, chosen ? vec3(1.0) : mix(style.rgb, vec3(1.0), 0.12), 1.0);
  } else if (beside.a > 0.75) {
    colour = lay(colour, beside.rgb * 0.8, 1.0);
  } else if (beside.a > 0.0) {
    colour = lay(colour, vec3(0.0), 0.45);
  }
  return colour;
}

vec4 withActive(vec4 colour) {
  bool here = activeAt(at);
  bool near = false;
  bool nearHalo = false;
  for (int i = 0; i < 8; i++) {
    if (activeAt(at + AROUND[i] * line / scale) != here) near = true;
    if (activeAt(at + AROUND[i] * halo / scale) != here) nearHalo = true;
  }
  if (here) {
    colour = lay(colour, activeColour, opacity);
    return near ? lay(colour, vec3(1.0), 1.0) : colour;
  }
  return nearHalo ? lay(colour, activeColour * 0.55, 1.0) : colour;
}

void main() {
  vec4 colour = alone ? vec4(0.0, 0.0, 0.0, 1.0) : vec4(texture(picture, at / tileSize).rgb, 1.0);
  if (inside(objectsBox)) colour = withObjects(colour);
  if (inside(activeBox)) colour = withActive(colour);
  result = vec4(colour.rgb, alone ? 1.0 - colour.a : 1.0);
}`
