import { type ChildProcess, spawn } from 'node:child_process';
import { childrenOf, watchMemory } from '../../tools/local/processes';

/**
 * Runs a family of three that says when all of it is ready: a parent that holds 60 MiB, a child that holds nothing, and
 * a grandchild that once held 200 MiB and holds 100.
 */
function family(): ChildProcess {
  const start = (source: string) =>
    `spawn(process.execPath, ['--expose-gc', '-e', ${JSON.stringify(source)}], { stdio: ['pipe', 'inherit', 'inherit'] });`;
  const prelude = `const { spawn } = require('node:child_process'); const held = [];
    const hold = (mib) => held.push(Buffer.alloc(mib * 2 ** 20, 1));
    process.stdin.on('close', () => process.exit()).resume();`;
  const grandchild = `${prelude} hold(100); hold(100); held.pop(); gc(); setTimeout(() => console.log('ready'), 50);`;
  const child = prelude + start(grandchild);
  return spawn(process.execPath, ['-e', `${prelude} hold(60); ${start(child)}`], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
}

// Memory is read from /proc.
const onLinux = process.platform === 'linux' ? describe : describe.skip;

onLinux('watchMemory', () => {
  let parent: ChildProcess;
  const pid = () => parent.pid as number;
  beforeAll(async () => {
    parent = family();
    await new Promise((resolve) => parent.stdout?.once('data', resolve));
  });
  afterAll(() => parent.stdin?.destroy());
  afterEach(() => jest.useRealTimers());

  const peaks = (...roots: number[]) => watchMemory(() => roots)() ?? { totalMib: 0, decoderMib: 0 };

  test('adds up a process, its child and its grandchild', () => {
    const [child] = childrenOf(pid()) as [number];
    const [grandchild] = childrenOf(child) as [number];
    const [all, below, last] = [peaks(pid()), peaks(child), peaks(grandchild)];
    expect(last.totalMib).toBeGreaterThan(100);
    expect(below.totalMib).toBeGreaterThan(last.totalMib + 10);
    expect(all.totalMib).toBeGreaterThan(below.totalMib + 60);
  });

  test('adds up several roots', () => {
    expect(peaks(pid(), pid()).totalMib).toBeCloseTo(2 * peaks(pid()).totalMib, -1);
  });

  test('knows the highest a descendant has ever been, however short', () => {
    const { decoderMib } = peaks(pid());
    expect(decoderMib).toBeGreaterThan(200);
    expect(decoderMib).toBeLessThan(300);
  });

  test('takes no root for a decoder', () => {
    const [child] = childrenOf(pid()) as [number];
    const [grandchild] = childrenOf(child) as [number];
    expect(peaks(grandchild)).toEqual({ totalMib: expect.any(Number), decoderMib: 0 });
  });

  test('keeps the peak of what has ended since, and samples until it is told to end', () => {
    jest.useFakeTimers();
    const [child] = childrenOf(pid()) as [number];
    const roots = jest.fn(() => [child]);
    const end = watchMemory(roots);
    jest.advanceTimersByTime(200);
    roots.mockReturnValueOnce([pid()]);
    jest.advanceTimersByTime(800);
    expect(roots).toHaveBeenCalledTimes(10);
    expect(end()?.totalMib).toBeGreaterThan(peaks(child).totalMib + 60);
    jest.advanceTimersByTime(1000);
    expect(roots).toHaveBeenCalledTimes(11);
    expect(jest.getTimerCount()).toBe(0);
  });
});

describe('watchMemory', () => {
  // No process has such an id; and where there is no /proc, none has any.
  test.each([[[]], [[2 ** 30]], [[2 ** 30, 2 ** 30 + 1]]])('of the processes %j knows nothing', (roots) => {
    expect(watchMemory(() => roots)()).toBeUndefined();
  });
});

describe('childrenOf', () => {
  test('is empty for a process without children, and for none', () => {
    expect(childrenOf(2 ** 30)).toEqual([]);
  });
});
