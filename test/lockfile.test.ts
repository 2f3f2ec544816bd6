import { readFileSync } from 'node:fs';
import path from 'node:path';

interface Locked {
  readonly integrity?: string;
  /** Comes inside the package that depends on it, and under its integrity. */
  readonly inBundle?: true;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

/** A lock written on one machine must install on another: npm leaves out what it could not find, and says nothing. */
describe.each(['package-lock.json', 'workload/package-lock.json'])('%s', (file) => {
  const { packages } = JSON.parse(readFileSync(path.resolve(__dirname, '..', file), 'utf8')) as {
    packages: Readonly<Record<string, Locked>>;
  };

  /** Whether a package that `from` depends on is locked, where Node would look for it. */
  const isLocked = (name: string, from: string): boolean => {
    if (`${from}${from && '/'}node_modules/${name}` in packages) return true;
    return from !== '' && isLocked(name, from.slice(0, Math.max(0, from.lastIndexOf('/node_modules/'))));
  };

  test('has the binaries of every platform', () => {
    const missing = Object.entries(packages).flatMap(([from, { optionalDependencies }]) =>
      Object.keys(optionalDependencies ?? {}).filter((name) => !isLocked(name, from)),
    );
    expect(missing).toEqual([]);
  });

  test('has the integrity of every package, and the address of none', () => {
    const entries = Object.entries(packages).filter(([location, { inBundle }]) => location !== '' && !inBundle);
    expect(entries.filter(([, { integrity }]) => !integrity?.startsWith('sha512-'))).toEqual([]);
    expect(entries.filter(([, locked]) => 'resolved' in locked)).toEqual([]);
  });
});
