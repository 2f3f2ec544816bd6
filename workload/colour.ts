/**
 * What the numbers of a picture mean, and what they are in sRGB. A profile, a PNG's chunks or an AVIF's code points say
 * the same two things: a curve for each channel, from what is stored to linear light, and where the three primaries lie.
 * Profiles that say it with tables (printers, scanners) are left to libvips.
 */

/** From a stored value, 0 to 1, to linear light. 1 is white; HDR goes beyond. */
type Curve = (value: number) => number;
/** Row by row. */
type Matrix = readonly [number, number, number, number, number, number, number, number, number];
type Chromaticity = readonly [x: number, y: number];

export interface Colours {
  readonly curves: readonly [red: Curve, green: Curve, blue: Curve];
  /** Linear RGB to XYZ under D50, which is where ICC profiles meet. */
  readonly toXyz: Matrix;
  /** By how much light of this luminance is made brighter or darker: HLG's rendering for a display. */
  readonly gain?: (luminance: number) => number;
}

const D50: readonly [number, number, number] = [0.9642, 1, 0.8249];
const D65: Chromaticity = [0.3127, 0.329];

const rec709: readonly Chromaticity[] = [
  [0.64, 0.33],
  [0.3, 0.6],
  [0.15, 0.06],
];
const rec601: readonly Chromaticity[] = [
  [0.63, 0.34],
  [0.31, 0.595],
  [0.155, 0.07],
];
const p3: readonly Chromaticity[] = [
  [0.68, 0.32],
  [0.265, 0.69],
  [0.15, 0.06],
];

/** Red, green, blue and white by code point. @see https://www.itu.int/rec/T-REC-H.273 table 2 */
const PRIMARIES: Readonly<Record<number, readonly Chromaticity[]>> = {
  4: [
    [0.67, 0.33],
    [0.21, 0.71],
    [0.14, 0.08],
    [0.31, 0.316],
  ],
  5: [[0.64, 0.33], [0.29, 0.6], [0.15, 0.06], D65],
  6: [...rec601, D65],
  7: [...rec601, D65],
  8: [
    [0.681, 0.319],
    [0.243, 0.692],
    [0.145, 0.049],
    [0.31, 0.316],
  ],
  9: [[0.708, 0.292], [0.17, 0.797], [0.131, 0.046], D65],
  11: [...p3, [0.314, 0.351]],
  12: [...p3, D65],
  22: [[0.63, 0.34], [0.295, 0.605], [0.155, 0.077], D65],
};

/** The white of SDR pictures in HDR, in cd/m2. @see https://www.itu.int/pub/R-REP-BT.2408 */
const REFERENCE_WHITE = 203;

const gamma = (exponent: number): Curve => (exponent === 1 ? (value) => value : (value) => value ** exponent);
const srgbCurve: Curve = (value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);

/** @see https://www.itu.int/rec/R-REC-BT.2100 table 4 */
const pqCurve: Curve = (value) => {
  const power = value ** (32 / 2523);
  const light = (Math.max(power - 3424 / 4096, 0) / (2413 / 128 - (2392 / 128) * power)) ** (8192 / 1305);
  return (10_000 / REFERENCE_WHITE) * light;
};

/** @see https://www.itu.int/rec/R-REC-BT.2100 table 5 */
const hlgCurve: Curve = (value) =>
  value <= 0.5 ? value ** 2 / 3 : (Math.exp((value - 0.559_910_73) / 0.178_832_77) + 0.284_668_92) / 12;

/** What is no entry has sRGB's curve: so do browsers show BT.709 and its relatives. */
const TRANSFERS: Readonly<Record<number, Curve>> = {
  4: gamma(2.2),
  5: gamma(2.8),
  8: gamma(1),
  16: pqCurve,
  17: (value) => (52.37 / 48) * value ** 2.6,
  18: hlgCurve,
};

const multiply = (a: Matrix, b: Matrix): Matrix => {
  const cell = (i: number) =>
    [0, 1, 2].reduce((sum, k) => sum + (a[i - (i % 3) + k] as number) * (b[3 * k + (i % 3)] as number), 0);
  return a.map((_, i) => cell(i)) as unknown as Matrix;
};

const invert = ([a, b, c, d, e, f, g, h, i]: Matrix): Matrix => {
  const by = 1 / (a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g));
  const adjugate = [
    e * i - f * h,
    c * h - b * i,
    b * f - c * e,
    f * g - d * i,
    a * i - c * g,
    c * d - a * f,
    d * h - e * g,
    b * g - a * h,
    a * e - b * d,
  ];
  return adjugate.map((value) => value * by) as unknown as Matrix;
};

const apply = (m: Matrix, [x, y, z]: readonly [number, number, number]): [number, number, number] => [
  m[0] * x + m[1] * y + m[2] * z,
  m[3] * x + m[4] * y + m[5] * z,
  m[6] * x + m[7] * y + m[8] * z,
];

const diagonal = (x: number, y: number, z: number): Matrix => [x, 0, 0, 0, y, 0, 0, 0, z];
const BRADFORD: Matrix = [0.8951, 0.2664, -0.1614, -0.7502, 1.7135, 0.0367, 0.0389, -0.0685, 1.0296];

/** The matrix of three primaries and their white, which is made D50 as an eye would adapt (Bradford). */
function primariesToXyz([red, green, blue, white = D65]: readonly Chromaticity[]): Matrix {
  const xyz = ([x, y]: Chromaticity = D65): [number, number, number] => [x / y, 1, (1 - x - y) / y];
  const [r, g, b] = [xyz(red), xyz(green), xyz(blue)];
  const columns: Matrix = [r[0], g[0], b[0], r[1], g[1], b[1], r[2], g[2], b[2]];
  const weights = apply(invert(columns), xyz(white));
  const [from, to] = [apply(BRADFORD, xyz(white)), apply(BRADFORD, D50)];
  const adapt = multiply(
    invert(BRADFORD),
    multiply(diagonal(to[0] / from[0], to[1] / from[1], to[2] / from[2]), BRADFORD),
  );
  return multiply(adapt, multiply(columns, diagonal(...weights)));
}

const SRGB_TO_XYZ = primariesToXyz([...rec709, D65]);
const XYZ_TO_SRGB = invert(SRGB_TO_XYZ);

const equal = (curve: Curve): Colours['curves'] => [curve, curve, curve];

export const SRGB: Colours = { curves: equal(srgbCurve), toXyz: SRGB_TO_XYZ };

/** Colours by code points, as PNG and AVIF have them. Unknown ones are taken for sRGB's. */
export function fromCodePoints(primaries: number, transfer: number): Colours {
  const known = PRIMARIES[primaries];
  const colours = {
    curves: equal(TRANSFERS[transfer] ?? srgbCurve),
    toXyz: known ? primariesToXyz(known) : SRGB_TO_XYZ,
  };
  // For a display of 1,000 cd/m2, whose exponent is 1.2.
  return transfer === 18 ? { ...colours, gain: (luminance) => (1000 / REFERENCE_WHITE) * luminance ** 0.2 } : colours;
}

/**
 * Colours by the gAMA and cHRM chunks of a PNG.
 * @param encoding the exponent the samples were encoded with; sRGB's where it is near enough, as in libpng
 * @param primaries red, green, blue and white
 */
export function fromGamma(encoding: number | undefined, primaries: readonly Chromaticity[] | undefined): Colours {
  const isSrgb = encoding === undefined || Math.abs(encoding * 2.2 - 1) < 0.05;
  const real = primaries?.every(([x, y]) => x >= 0 && y > 0.001 && x + y <= 1.001);
  const toXyz = primaries && real ? primariesToXyz(primaries) : SRGB_TO_XYZ;
  return {
    curves: equal(isSrgb ? srgbCurve : gamma(1 / encoding)),
    toXyz: toXyz.every(Number.isFinite) ? toXyz : SRGB_TO_XYZ,
  };
}

/** The same colours, of samples whose black and white are inside the range. */
export function withRange(colours: Colours, black: number, white: number): Colours {
  const [red, green, blue] = colours.curves.map(
    (curve): Curve =>
      (value) =>
        curve(Math.min(1, Math.max(0, (value - black) / (white - black)))),
  ) as [Curve, Curve, Curve];
  return { ...colours, curves: [red, green, blue] };
}

/**
 * What an ICC profile of curves and primaries says. `tables`: it has tables, or is nothing we can read, and libvips must
 * judge it.
 * @param grey whether the picture has one channel; an RGB profile then gives its curve only
 * @see https://www.color.org/specification/ICC.1-2022-05.pdf 7.2 (header), 7.3 (tag table), 10.6, 10.18 (curves)
 */
export function readProfile(icc: Buffer, grey: boolean): Colours | 'tables' {
  try {
    const tags = new Map<string, Buffer>();
    const count = Math.min(icc.readUInt32BE(128), 200);
    for (let entry = 132; entry < 132 + count * 12; entry += 12) {
      const start = icc.readUInt32BE(entry + 4);
      tags.set(icc.toString('latin1', entry, entry + 4), icc.subarray(start, start + icc.readUInt32BE(entry + 8)));
    }
    // Tables, where there are some, go before curves.
    if (tags.has('A2B0') || tags.has('D2B0') || icc.toString('latin1', 20, 24) !== 'XYZ ') return 'tables';
    const curve = (name: string) => readCurve(tags.get(name) as Buffer);
    const space = icc.toString('latin1', 16, 20);
    if (space === 'GRAY' && grey) return { curves: equal(curve('kTRC')), toXyz: SRGB_TO_XYZ };
    if (space !== 'RGB ') return 'tables';
    if (grey) return { curves: equal(curve('gTRC')), toXyz: SRGB_TO_XYZ };
    const [red, green, blue] = ['rXYZ', 'gXYZ', 'bXYZ'].map((name) => {
      const tag = tags.get(name) as Buffer;
      return [8, 12, 16].map((at) => tag.readInt32BE(at) / 65_536);
    }) as [number[], number[], number[]];
    const toXyz = [0, 1, 2].flatMap((row) => [red[row], green[row], blue[row]]) as unknown as Matrix;
    return { curves: [curve('rTRC'), curve('gTRC'), curve('bTRC')], toXyz };
  } catch {
    // It lies about its own lengths, or lacks a part.
    return 'tables';
  }
}

/** @throws RangeError when it breaks off */
function readCurve(tag: Buffer): Curve {
  const type = tag.toString('latin1', 0, 4);
  if (type === 'curv') {
    const count = tag.readUInt32BE(8);
    if (count === 0) return gamma(1);
    if (count === 1) return gamma(tag.readUInt16BE(12) / 256);
    tag.readUInt16BE(10 + 2 * count);
    return (value) => {
      const at = Math.min(1, Math.max(0, value)) * (count - 1);
      const below = Math.min(Math.floor(at), count - 2);
      const [low, high] = [tag.readUInt16BE(12 + 2 * below), tag.readUInt16BE(14 + 2 * below)];
      return (low + (high - low) * (at - below)) / 65_535;
    };
  }
  const kind = tag.readUInt16BE(8);
  const names = [1, 3, 4, 5, 7][kind];
  if (type !== 'para' || names === undefined) throw new RangeError('not a curve');
  const [g = 1, a = 1, b = 0, c = 0, d = 0, e = 0, f = 0] = Array.from(
    { length: names },
    (_, i) => tag.readInt32BE(12 + 4 * i) / 65_536,
  );
  const power = (value: number) => Math.max(0, a * value + b) ** g;
  switch (kind) {
    case 0:
      return gamma(g);
    case 1:
      return (value) => (value >= -b / a ? power(value) : 0);
    case 2:
      return (value) => (value >= -b / a ? power(value) + c : c);
    case 3:
      return (value) => (value >= d ? power(value) : c * value);
    default:
      return (value) => (value >= d ? power(value) + e : c * value + f);
  }
}

/** From linear RGB to linear sRGB. */
const toSrgb = ({ toXyz }: Colours): Matrix => multiply(XYZ_TO_SRGB, toXyz);

/** Steps of the table from linear light to sRGB: a fifth of an 8-bit level where it is steepest. */
const STEPS = 16_384;
const ENCODED = Uint8Array.from({ length: STEPS + 1 }, (_, step) => {
  const value = step / STEPS;
  return Math.round(255 * (value <= 0.003_130_8 ? 12.92 * value : 1.055 * value ** (1 / 2.4) - 0.055));
});

/**
 * Converts pixels to sRGB of 8 bit. What sRGB cannot show is clipped, as browsers do.
 * @param pixels RGB or RGBA, of 8 or 16 bit; alpha stays
 */
export function convert(pixels: Uint8Array | Uint16Array, channels: 3 | 4, colours: Colours): Buffer {
  const white = pixels instanceof Uint16Array ? 65_535 : 255;
  const tables = colours.curves.map((curve, i) =>
    i > 0 && curve === colours.curves[0]
      ? undefined
      : Float32Array.from({ length: white + 1 }, (_, value) => curve(value / white) || 0),
  );
  const red = tables[0] as Float32Array;
  const [green, blue] = [tables[1] ?? red, tables[2] ?? red];
  const [a, b, c, d, e, f, g, h, i] = toSrgb(colours);
  const { gain, toXyz } = colours;
  const encode = (light: number) => ENCODED[light <= 0 ? 0 : light >= 1 ? STEPS : (light * STEPS + 0.5) | 0] as number;
  const converted = Buffer.allocUnsafe(pixels.length);
  for (let at = 0; at < pixels.length; at += channels) {
    let r = red[pixels[at] as number] as number;
    let gr = green[pixels[at + 1] as number] as number;
    let bl = blue[pixels[at + 2] as number] as number;
    if (gain) {
      const by = gain(toXyz[3] * r + toXyz[4] * gr + toXyz[5] * bl);
      r *= by;
      gr *= by;
      bl *= by;
    }
    converted[at] = encode(a * r + b * gr + c * bl);
    converted[at + 1] = encode(d * r + e * gr + f * bl);
    converted[at + 2] = encode(g * r + h * gr + i * bl);
    if (channels === 4) converted[at + 3] = Math.round(((pixels[at + 3] as number) * 255) / white);
  }
  return converted;
}

/** Dark, middle and bright, of grey and of every primary and secondary colour. */
const PROBES = Uint8Array.from(
  [8, 24, 64, 128, 192, 255].flatMap((value) =>
    [1, 2, 3, 4, 5, 6, 7].flatMap((mask) => [1, 2, 4].map((bit) => (mask & bit ? value : 0))),
  ),
);

/** Whether a conversion from these colours would change nothing that can be seen. */
export function isSrgb(colours: Colours): boolean {
  return convert(PROBES, 3, colours).every((value, at) => Math.abs(value - (PROBES[at] as number)) <= 3);
}

/** Whether white comes out light: where not, the colours are garbage. */
export function isUsable(colours: Colours): boolean {
  return convert(Uint8Array.of(255, 255, 255), 3, colours).every((value) => value > 100);
}
