import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { decodeSlots, wrongPlatform } from '../../workload/platform';

const GIB = 1024 ** 3;

describe('decodeSlots', () => {
  test.each([
    ['one vCPU and 2 GiB, the unit of the comparison', 1, 2 * GIB, 1],
    ['a machine smaller than that', 1, 0.5 * GIB, 1],
    ['memory for more than the vCPUs', 2, 24 * GIB, 2],
    ['vCPUs for more than the memory', 8, 5 * GIB, 2],
  ])('is right for %s', (_, vcpus, memory, slots) => {
    expect(decodeSlots(vcpus, memory)).toBe(slots);
  });
});

describe('wrongPlatform', () => {
  let bundle: string;
  beforeEach(() => {
    bundle = mkdtempSync(path.join(tmpdir(), 'bundle-'));
  });
  afterEach(() => rmSync(bundle, { recursive: true }));
  const ship = (platform: string) => {
    for (const name of [`sharp-${platform}`, `sharp-libvips-${platform}`, 'colour']) {
      mkdirSync(path.join(bundle, 'node_modules/@img', name), { recursive: true });
    }
  };

  test('names both platforms in one line', () => {
    ship('sunos-sparc');
    expect(wrongPlatform(bundle)).toBe(
      `this bundle is built for sunos-sparc and this machine is ${process.platform}-${process.arch}: use the bundle of the machine's architecture (npm run build)`,
    );
  });

  test('has nothing to say about the right one', () => {
    ship(`${process.platform}-${process.arch}`);
    expect(wrongPlatform(bundle)).toBeUndefined();
  });
});
