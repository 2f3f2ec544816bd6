import { createHash } from 'node:crypto';
import { checkHeader, Rejection, sniff } from '../../../workload/gate';
import type { Accept, Load, Plan } from '../../../workload/seam';

/**
 * Another job in place of `workload/transform.ts`, as somebody who takes this project would write it: of pictures a
 * manifest with their size and checksum and a swatch of one pixel, of texts the checksum alone.
 */

const isText = (key: string) => key.endsWith('.txt');

export const accept: Accept = (input, key) => {
  if (!isText(key) && !sniff(input)) throw new Rejection('unsupported', 'neither a picture nor a .txt');
};

export const plan: Plan = (key) => {
  const manifest = { name: 'manifest.json', contentType: 'application/json', mostBytes: 1000 };
  const swatch = { name: 'swatch.png', contentType: 'image/png', mostBytes: 1000 };
  return isText(key) ? [manifest] : [manifest, swatch];
};

export const load: Load = async () => {
  const { default: sharp } = await import('sharp');
  return async (input, _settings, limits) => {
    const sha256 = createHash('sha256').update(input).digest('hex');
    const json = (facts: object) => Buffer.from(JSON.stringify({ sha256, bytes: input.length, ...facts }));
    if (!sniff(input)) return [json({})];
    const { width, height, channels } = await sharp(input).metadata();
    checkHeader({ width, height, channels }, limits);
    const swatch = await sharp(input).resize(1, 1, { fit: 'fill' }).png().toBuffer();
    return [json({ width, height }), swatch];
  };
};
