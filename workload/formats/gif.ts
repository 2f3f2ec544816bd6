/** Where the first frame lies on its canvas, in px. */
export interface Frame {
  readonly canvas: { readonly width: number; readonly height: number };
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/**
 * The first frame of a GIF, when it leaves some of the canvas free. What is free is transparent, whatever the background
 * colour says: so do all browsers. libnsgif makes it black, and forgets the canvas altogether where it has the size of a
 * screen of old.
 * @see https://www.w3.org/Graphics/GIF/spec-gif89a.txt 18 (canvas), 20 (frame)
 * @throws RangeError when it breaks off
 */
export function readGif(bytes: Buffer): Frame | undefined {
  const [canvasWidth, canvasHeight] = [bytes.readUInt16LE(6), bytes.readUInt16LE(8)];
  const tableBytes = (flags: number) => (flags & 0x80 ? 3 * 2 ** ((flags & 7) + 1) : 0);
  let at = 13 + tableBytes(bytes.readUInt8(10));
  // Extensions: a label and blocks, each with its length, until one of length 0.
  while (bytes.readUInt8(at) === 0x21) {
    at += 2;
    for (let length = bytes.readUInt8(at); length > 0; length = bytes.readUInt8(at)) at += 1 + length;
    at += 1;
  }
  if (bytes.readUInt8(at) !== 0x2c) return undefined;
  const [left, top, width, height] = [1, 3, 5, 7].map((offset) => bytes.readUInt16LE(at + offset)) as [
    number,
    number,
    number,
    number,
  ];
  const isInside = left + width <= canvasWidth && top + height <= canvasHeight;
  if (!isInside || (width === canvasWidth && height === canvasHeight)) return undefined;
  return { canvas: { width: canvasWidth, height: canvasHeight }, left, top, width, height };
}
