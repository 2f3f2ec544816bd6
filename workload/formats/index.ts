import type { Colours } from '../colour';
import { sniff } from '../gate';
import { asStill, readAvif } from './avif';
import { type Frame, readGif } from './gif';
import { checkJpeg, mendJpeg } from './jpeg';
import { readPng } from './png';
import { checkTiff, mendTiff } from './tiff';

/**
 * What libvips does not tell, or not rightly, about a file: read from its header, before a pixel is decoded. Nothing is
 * trusted: every read is inside the bytes or throws, and every loop moves on.
 */

export interface Facts {
  /** Colours that go before an ICC profile. */
  readonly beforeProfile?: Colours;
  /** Colours when there is no ICC profile. */
  readonly afterProfile?: Colours;
  /** Grey whose black and white are inside the range. */
  readonly limitedGrey?: (colours: Colours) => Colours;
  /** The colours are multiplied with alpha already. */
  readonly premultiplied?: true;
  /** It is grey, although libvips decodes it as RGB. */
  readonly grey?: true;
  /** The part of the canvas that is not transparent. */
  readonly frame?: Frame;
}

/** @throws Rejection for what cannot be decoded here, or would be decoded wrongly */
export function inspect(bytes: Buffer): Facts {
  return withinBytes({}, () => {
    switch (sniff(bytes)) {
      case 'jpeg':
        checkJpeg(bytes);
        return {};
      case 'tiff':
        checkTiff(bytes);
        return {};
      case 'png':
        return readPng(bytes);
      case 'gif': {
        const frame = readGif(bytes);
        return frame ? { frame } : {};
      }
      case 'avif': {
        const { colours, ...facts } = readAvif(bytes);
        return colours ? { ...facts, afterProfile: colours } : facts;
      }
      default:
        return {};
    }
  });
}

/** What to hand to libvips: the bytes themselves, unless its first look at them would mislead it. */
export function loadable(bytes: Buffer): Buffer {
  return sniff(bytes) === 'avif' ? asStill(bytes) : bytes;
}

/** A copy without what is known to be harmless and makes a decoder warn; `undefined` when there is nothing of that kind. */
export function mend(bytes: Buffer): Buffer | undefined {
  return withinBytes(undefined, () => {
    switch (sniff(bytes)) {
      case 'jpeg':
        return mendJpeg(bytes);
      case 'tiff':
        return mendTiff(bytes);
      default:
        return undefined;
    }
  });
}

/** A header that breaks off or lies is the decoder's to judge. */
function withinBytes<T>(otherwise: T, read: () => T): T {
  try {
    return read();
  } catch (error) {
    // By name, because a RangeError of Buffer's own is another class where code runs in a context of its own.
    if ((error as Error).name === 'RangeError') return otherwise;
    throw error;
  }
}
