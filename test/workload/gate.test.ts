import { DEFAULTS } from '../../workload/contract';
import { readSettings } from '../../workload/env';
import { checkBytes, checkFormat, checkHeader, type Rejection, sniff } from '../../workload/gate';

const { limits } = readSettings({ COMPUTE: 'ec2', STACK: 'test', SOURCE_BUCKET: 'source', OUTPUT_BUCKET: 'output' });

function verdict(check: () => unknown): string {
  try {
    check();
    return 'accepted';
  } catch (error) {
    return (error as Rejection).reason;
  }
}

describe('the gate', () => {
  test.each([
    [1, 'accepted'],
    [DEFAULTS.maxInputBytes, 'accepted'],
    [DEFAULTS.maxInputBytes + 1, 'too-large'],
  ])('finds %i bytes %s', (bytes, expected) => {
    expect(verdict(() => checkBytes(bytes, limits))).toBe(expected);
  });

  test.each([
    ['as many pixels as allowed', 10_000, 5_000, 3, 'accepted'],
    ['one row of pixels more', 10_000, 5_001, 3, 'too-large'],
    ['the longest side', 30_000, 1, 3, 'accepted'],
    ['one more on the side', 30_001, 1, 3, 'too-large'],
    ['the tallest side', 1, 30_000, 3, 'accepted'],
    ['one more in height', 1, 30_001, 3, 'too-large'],
    ['CMYK with alpha', 10, 10, 5, 'accepted'],
    ['one channel more', 10, 10, 6, 'too-large'],
  ])('finds %s %#', (_, width, height, channels, expected) => {
    expect(verdict(() => checkHeader({ width, height, channels }, limits))).toBe(expected);
  });
});

describe('sniff', () => {
  const ftyp = (...brands: string[]) => {
    const box = Buffer.from(`....ftyp${brands[0]}\0\0\0\0${brands.slice(1).join('')}`, 'latin1');
    box.writeUInt32BE(box.length, 0);
    return box;
  };

  test.each([
    ['jpeg', Buffer.from('ffd8ffe0', 'hex')],
    ['png', Buffer.from('89504e470d0a1a0a', 'hex')],
    ['webp', Buffer.from('RIFF....WEBPVP8 ')],
    ['gif', Buffer.from('GIF87a')],
    ['gif', Buffer.from('GIF89a')],
    ['tiff', Buffer.from('49492a00', 'hex')],
    ['tiff', Buffer.from('4d4d002a', 'hex')],
    ['tiff', Buffer.from('49492b00', 'hex')],
    ['avif', ftyp('avif', 'mif1')],
    ['avif', ftyp('mif1', 'miaf', 'avif')],
  ])('recognizes %s', (format, bytes) => {
    expect(sniff(bytes)).toBe(format);
  });

  test.each([
    ['HEIC', ftyp('heic', 'mif1')],
    ['MP4', ftyp('isom', 'mp42')],
    ['SVG', Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>')],
    ['PDF', Buffer.from('%PDF-1.7')],
    ['a native libvips file', Buffer.from('08f2a6b6', 'hex')],
    ['one byte', Buffer.from([0xff])],
    ['a box that claims to be empty', Buffer.from('\0\0\0\0ftypavif', 'latin1').fill(0, 8)],
    ['nothing', Buffer.alloc(0)],
  ])('does not take %s for a picture', (_, bytes) => {
    expect(sniff(bytes)).toBeUndefined();
    expect(verdict(() => checkFormat(bytes))).toBe('unsupported');
  });
});
