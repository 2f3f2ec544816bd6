import sharp, { type Sharp } from 'sharp';
import type { RenditionFormat } from '../../workload/contract';
import { Decoder } from '../../workload/decoder';
import { readSettings } from '../../workload/env';
import { treeCpuMs } from './usage';

/**
 * The designs that are compared, each in a process of its own. Loaded one by one: the product sets sharp up as it needs
 * it, and a peer must not inherit that.
 */

export interface Making {
  readonly widths: readonly number[];
  readonly format: RenditionFormat;
}

/** A way to make renditions. */
export interface Design {
  /** @returns the renditions, smallest first; none of a design that stops before it encodes */
  make(input: Buffer, making: Making): Promise<Buffer[]>;
  /** CPU of other processes that work for it, since they began, in ms. */
  elsewhereMs?(): number;
  /** Of the last picture: CPU in ms and peak memory in MiB, as the decoder itself tells. */
  last?(): { cpuMs: number; peakMib: number | undefined };
  close?(): void;
}

export const DESIGNS = {
  /** The product's pixel path, in this process. */
  product: async (): Promise<Design> => {
    const { resize } = await import('../../workload/resize');
    const { limits } = defaults();
    return { make: async (input, making) => (await resize(input, making, limits)).map(({ bytes }) => bytes) };
  },
  /** The same, as it is deployed: in a decoder that can be killed. */
  isolated: async (): Promise<Design> => {
    const decoder = await Decoder.start(1);
    const { limits } = defaults();
    let last = { cpuMs: 0, peakMib: undefined as number | undefined };
    return {
      make: async (input, renditions) => {
        const decoded = await decoder.decode(input, { renditions, limits });
        last = decoded;
        return decoded.renditions.map(({ bytes }) => bytes);
      },
      elsewhereMs: () => decoder.pids.reduce((sum, pid) => sum + treeCpuMs(pid), 0),
      last: () => last,
      close: () => decoder.close(),
    };
  },
  /** What everybody writes first: a pipeline for each rendition. */
  naive: async (): Promise<Design> => ({
    make: (input, { widths, format }) =>
      Promise.all(
        widths.map((side) => {
          const fitted = sharp(input).autoOrient().resize(side, side, { fit: 'inside', withoutEnlargement: true });
          return encode(fitted, format).toBuffer();
        }),
      ),
  }),
  /** What sharp cannot do without: the decode and the first resize. */
  floor: async (): Promise<Design> => ({
    make: async (input, { widths }) => {
      const side = Math.max(...widths);
      const fitted = sharp(input, { ignoreIcc: true }).autoOrient().resize(side, side, { fit: 'inside' });
      await fitted.raw().toBuffer();
      return [];
    },
  }),
} as const;

export type DesignName = keyof typeof DESIGNS;

/** The product's settings, in words of its own: a test holds the two together. */
function encode(image: Sharp, format: RenditionFormat): Sharp {
  switch (format) {
    case 'webp':
      return image.webp({ quality: 80, effort: 2 });
    case 'avif':
      return image.avif({ quality: 50, effort: 3 });
    case 'jpeg':
      return image.flatten({ background: '#fff' }).jpeg({ quality: 80 });
  }
}

export function defaults() {
  return readSettings({ COMPUTE: 'ec2', STACK: 'bench', SOURCE_BUCKET: 'source', OUTPUT_BUCKET: 'output' });
}
