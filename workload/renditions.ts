import { checkFormat } from './gate';
import { renditionName } from './keys';
import type { Accept, Load, Plan } from './seam';

/** A job: of a picture its renditions. */

export const accept: Accept = (input) => {
  checkFormat(input);
};

/** One for each width. */
export const plan: Plan = (_key, { widths, format }) =>
  widths.map((width) => ({
    name: renditionName(width, format),
    contentType: `image/${format}`,
    // No rendition is larger than its pixels with four bytes each, in a box of its width; and some for the format.
    mostBytes: 4 * width * width + 65_536,
  }));

export const load: Load = async () => {
  const { resize } = await import('./resize');
  return async (input, settings, limits) => (await resize(input, settings, limits)).map(({ bytes }) => bytes);
};
