import { crc32 } from 'node:zlib';
import { mutate } from '../../../tools/faults/mutate';
import { goodPictures } from '../../../tools/faults/pictures';
import { Random } from '../../../tools/faults/random';
import { sniff } from '../../../workload/gate';

let pictures: readonly Buffer[];
beforeAll(async () => {
  pictures = (await goodPictures(new Random('mutate'), 21)).map(({ bytes }) => bytes);
});

const mutations = (seed: number, count: number, of: readonly Buffer[] = pictures) =>
  Array.from({ length: count }, (_, index) => {
    const original = of[index % of.length] as Buffer;
    return { original, mutated: mutate(original, new Random(seed).fork(`${index}`), of) };
  });

describe('mutate', () => {
  test('repeats itself by the seed', () => {
    const [once, again, other] = [mutations(1, 210), mutations(1, 210), mutations(2, 210)];
    expect(again.every(({ mutated }, index) => mutated.equals(once[index]?.mutated as Buffer))).toBe(true);
    expect(other.filter(({ mutated }, index) => mutated.equals(once[index]?.mutated as Buffer)).length).toBeLessThan(5);
  });

  test('always changes something, hardly ever the same, and never its arguments', () => {
    const before = pictures.map((picture) => crc32(picture));
    const made = mutations(3, 1000);
    expect(made.filter(({ original, mutated }) => mutated.equals(original))).toEqual([]);
    expect(new Set(made.map(({ mutated }) => crc32(mutated))).size).toBeGreaterThan(950);
    expect(pictures.map((picture) => crc32(picture))).toEqual(before);
  });

  test('never hands out memory of its arguments', () => {
    const picture = pictures[0] as Buffer;
    const before = crc32(picture);
    for (const { mutated } of mutations(4, 200, [picture])) mutated.fill(0);
    expect(crc32(picture)).toBe(before);
  });

  test('grows a picture to twice its size at most, and to a megabyte', () => {
    const large = Buffer.alloc(700_000, 'large');
    const huge = Buffer.alloc(1_500_000, 'huge');
    for (const { original, mutated } of mutations(5, 1000, [...pictures, large, huge])) {
      const most = Math.max(original.length, Math.min(1_000_000, 2 * original.length));
      expect(mutated.length).toBeLessThanOrEqual(most);
    }
  });

  test('copes with next to nothing', () => {
    const tiny = [Buffer.from([1]), Buffer.from([255, 216]), Buffer.from('RIFF')];
    for (const { original, mutated } of mutations(6, 600, tiny)) expect(mutated.equals(original)).toBe(false);
    expect(mutate(Buffer.alloc(0), new Random(1), pictures)).toHaveLength(0);
    const alone = pictures[0] as Buffer;
    for (let seed = 0; seed < 200; seed++) {
      expect(mutate(alone, new Random(seed), []).equals(alone)).toBe(false);
      expect(mutate(alone, new Random(seed), [Buffer.alloc(0)]).equals(alone)).toBe(false);
    }
  });

  test('leaves most of them something that the gate takes for a picture', () => {
    const made = mutations(7, 1000);
    const known = made.filter(({ mutated }) => sniff(mutated) !== undefined).length;
    expect(known).toBeGreaterThan(700);
    expect(known).toBeLessThan(1000);
  });

  test('changes PNG headers with a checksum that fits, so that somebody reads them', () => {
    const [png] = pictures.filter((picture) => sniff(picture) === 'png') as [Buffer];
    const header = png.subarray(8, 33);
    const changed = mutations(8, 1000, [png]).filter(
      ({ mutated }) =>
        sniff(mutated) === 'png' && mutated.length > 33 && !mutated.subarray(8, 29).equals(header.subarray(0, 21)),
    );
    const fitting = changed.filter(
      ({ mutated }) => crc32(mutated.subarray(12, 29)) === mutated.readUInt32BE(29) && mutated.readUInt32BE(8) === 13,
    );
    expect(fitting.length).toBeGreaterThan(50);
  });
});
