import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { linkSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import fs from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { UsageError } from '../../tools/command-line';
import { diskPath, fileInputs, type Input, repeat } from '../../tools/local/inputs';

describe('diskPath', () => {
  const onDisk = (key: string) => diskPath(key).split(path.sep).join('/');
  const LONG = 'x'.repeat(201);

  test.each([
    'a.jpg',
    'incoming/IMG_0001.JPG',
    'renditions/incoming/a.b-c_d/160.webp',
    'rejected/incoming/con.jpg.json',
    '...',
    '.hidden',
    'x'.repeat(200),
  ])('leaves %j as it is', (key) => {
    expect(onDisk(key)).toBe(key);
  });

  test.each<[key: string, expected: string]>([
    ['', '%2F'],
    ['/a', '%2F/a'],
    ['a/', 'a/%2F'],
    ['a//b', 'a/%2F/b'],
    ['.', '%2E'],
    ['../x', '%2E%2E/x'],
    ['a/../b', 'a/%2E%2E/b'],
    ['a/..', 'a/%2E%2E'],
    ['..\\x', '..%5Cx'],
    ['C:\\x', 'C%3A%5Cx'],
    ['%2F', '%252F'],
    ['%2E%2E/x', '%252E%252E/x'],
    ['a b+c', 'a%20b%2Bc'],
    ['*?"<>|', '%2A%3F%22%3C%3E%7C'],
    ["!'()~", '%21%27%28%29%7E'],
    ['a\0b', 'a%00b'],
    ['a\r\nb', 'a%0D%0Ab'],
    ['ü', '%C3%BC'],
    ['🐈', '%F0%9F%90%88'],
  ])('turns %j into %j', (key, expected) => {
    expect(onDisk(key)).toBe(expected);
  });

  test.each([
    ['201 bytes', LONG],
    ['23 characters of 9 bytes each', '写'.repeat(23)],
    ['a lone surrogate, which no encoding can carry', '\ud83d'],
  ])('hashes a segment of %s, and no other', (_, segment) => {
    expect(onDisk(`a/${segment}/b`)).toMatch(/^a\/sha256~[0-9a-f]{64}\/b$/);
    expect(onDisk(`a/${'写'.repeat(22)}/b`)).toBe(`a/${'%E5%86%99'.repeat(22)}/b`);
  });

  const dots = [
    '.',
    '..',
    '...',
    '../x',
    '../../etc/passwd',
    'a/../b',
    'a/./b',
    'a/..',
    '%2E',
    '%2E%2E',
    '%2e',
    '.%2E',
  ];
  const slashes = [
    '',
    '/',
    '//',
    '/a',
    '//a',
    'a',
    'a/',
    'a//',
    'a/b',
    'a//b',
    'a/b/',
    '%2F',
    '%252F',
    'a%2Fb',
    '%2F/a',
  ];
  const systems = [
    'a\\b',
    '..\\b',
    'C:\\b',
    'C:b',
    'con.jpg',
    'con',
    '*',
    '%2A',
    '~',
    '%7E',
    '~/a',
    '?',
    ':',
    '"',
    '<',
    '>',
    '|',
  ];
  const controls = [
    '\0',
    '%00',
    'a\0',
    '\n',
    '%0A',
    '\r\n',
    ' ',
    '%20',
    '+',
    '%2B',
    '\u202e',
    '\u2028',
    '\ufeff',
    '\x7f',
  ];
  const scripts = [
    'é',
    'e\u0301',
    'É',
    '写',
    '🐈',
    '🐈\u200d⬛',
    '\ufffd',
    '\ud83d',
    '\udc08',
    '\ud83d\ud83d',
    '\ud83d/\udc08',
  ];
  const long = [
    LONG,
    `${LONG}x`,
    `y${LONG}`,
    `${LONG}/a`,
    `a/${LONG}`,
    '写'.repeat(66),
    '写'.repeat(67),
    'é'.repeat(34),
  ];
  const sha256 = createHash('sha256').update(LONG).digest('hex');
  const forged = [diskPath(LONG), `sha256-${sha256}`, `sha256~${sha256}`, `sha256%7E${sha256}`];
  const NASTY = [...dots, ...slashes, ...systems, ...controls, ...scripts, ...long, ...forged];

  test('never lets two keys meet', () => {
    const keys = [...new Set(NASTY)];
    const met = keys.flatMap((a, i) => keys.slice(i + 1).flatMap((b) => (diskPath(a) === diskPath(b) ? [[a, b]] : [])));
    expect(keys.length).toBeGreaterThan(80);
    expect(met).toEqual([]);
  });

  test('keeps every key below the folder, one legal name for each segment', () => {
    const isLegal = (name: string) => /^[\w.%~-]{1,255}$/.test(name) && name !== '.' && name !== '..';
    const isKept = (key: string) => {
      const names = diskPath(key).split(path.sep);
      return names.length === key.split('/').length && names.every(isLegal);
    };
    expect(NASTY.filter((key) => !isKept(key))).toEqual([]);
  });
});

describe('fileInputs', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'inputs-'));
  });
  afterEach(() => {
    jest.restoreAllMocks();
    rmSync(folder, { recursive: true });
  });

  /** Writes a file that contains its own name. @returns its path */
  const write = (name: string) => {
    const file = path.join(folder, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, name);
    return file;
  };
  const keys = ({ inputs }: { inputs: readonly Input[] }) => inputs.map(({ key }) => key);
  const contents = async ({ inputs }: { inputs: readonly Input[] }) =>
    Object.fromEntries(await Promise.all(inputs.map(async ({ key, read }) => [key, (await read()).toString()])));

  test('names a file by its name, whatever its folder', async () => {
    const found = await fileInputs([write('deep/er/ü + 1.jpg')]);
    expect(found).toEqual({
      inputs: [{ key: 'incoming/ü + 1.jpg', bytes: 18, read: expect.any(Function) }],
      skipped: [],
    });
    expect(await contents(found)).toEqual({ 'incoming/ü + 1.jpg': 'deep/er/ü + 1.jpg' });
  });

  test.each(['', '/', '/.', '/../pictures'])(
    'walks a folder given as pictures%s, in the order of the keys',
    async (suffix) => {
      for (const name of ['b.jpg', 'a.jpg', 'trip/day 1/c.jpg', 'trip/a.jpg', '.hidden']) write(`pictures/${name}`);
      const found = await fileInputs([path.join(folder, 'pictures') + suffix]);
      expect(found.skipped).toEqual([]);
      expect(Object.entries(await contents(found))).toEqual([
        ['incoming/.hidden', 'pictures/.hidden'],
        ['incoming/a.jpg', 'pictures/a.jpg'],
        ['incoming/b.jpg', 'pictures/b.jpg'],
        ['incoming/trip/a.jpg', 'pictures/trip/a.jpg'],
        ['incoming/trip/day 1/c.jpg', 'pictures/trip/day 1/c.jpg'],
      ]);
    },
  );

  test('numbers files of one name in the order given', async () => {
    const files = ['1/cat.jpg', '2/cat.jpg', '2/cat~2.jpg', '1/cat', '2/cat', '1/.cat', '2/.cat'].map(write);
    const given = [...files, files[0] as string, path.join(folder, '1')];
    expect(await contents(await fileInputs(given))).toEqual({
      'incoming/cat.jpg': '1/cat.jpg',
      'incoming/cat~2.jpg': '2/cat.jpg',
      'incoming/cat~2~2.jpg': '2/cat~2.jpg',
      'incoming/cat~3.jpg': '1/cat.jpg',
      'incoming/cat~4.jpg': '1/cat.jpg',
      'incoming/cat': '1/cat',
      'incoming/cat~2': '2/cat',
      'incoming/cat~3': '1/cat',
      'incoming/.cat': '1/.cat',
      'incoming/.cat~2': '2/.cat',
      'incoming/.cat~3': '1/.cat',
    });
  });

  test('takes an empty file: what becomes of it is for the workload to say', async () => {
    const file = write('empty.jpg');
    truncateSync(file, 0);
    expect((await fileInputs([file])).inputs).toMatchObject([{ key: 'incoming/empty.jpg', bytes: 0 }]);
  });

  test('has nothing to say of an empty folder', async () => {
    expect(await fileInputs([folder])).toEqual({ inputs: [], skipped: [] });
  });

  test.each(['no such.jpg', 'a.jpg/b.jpg'])('refuses what is named and is not there: %s', async (name) => {
    const missing = path.join(folder, name);
    await expect(fileInputs([write('a.jpg'), missing])).rejects.toThrow(`${missing}: no such file or folder`);
  });

  test('follows links to files, in a folder and given by name', async () => {
    const target = write('elsewhere/target.jpg');
    mkdirSync(path.join(folder, 'pictures'));
    symlinkSync(target, path.join(folder, 'pictures/link.jpg'));
    linkSync(target, path.join(folder, 'pictures/hard.jpg'));
    const found = await fileInputs([path.join(folder, 'pictures'), path.join(folder, 'pictures/link.jpg')]);
    expect(found.skipped).toEqual([]);
    expect(await contents(found)).toEqual({
      'incoming/hard.jpg': 'elsewhere/target.jpg',
      'incoming/link.jpg': 'elsewhere/target.jpg',
      'incoming/link~2.jpg': 'elsewhere/target.jpg',
    });
  });

  test('walks a link to a folder that is given, and no link to a folder inside one', async () => {
    write('pictures/a.jpg');
    symlinkSync(path.join(folder, 'pictures'), path.join(folder, 'album'));
    symlinkSync(path.join(folder, 'pictures'), path.join(folder, 'pictures/circle'));
    expect(await fileInputs([path.join(folder, 'album')])).toMatchObject({
      inputs: [{ key: 'incoming/a.jpg' }],
      skipped: [
        `${path.join(folder, 'album/circle')}: a link to a folder, which is not followed: name that folder to take its files`,
      ],
    });
  });

  test('names links that lead nowhere', async () => {
    symlinkSync('nowhere.jpg', path.join(folder, 'dangling.jpg'));
    symlinkSync('loop.jpg', path.join(folder, 'loop.jpg'));
    const dangling = path.join(folder, 'dangling.jpg');
    const loop = path.join(folder, 'loop.jpg');
    const inside = await fileInputs([folder]);
    expect(inside.inputs).toEqual([]);
    const nowhere = 'a link that leads nowhere';
    expect([...inside.skipped].sort()).toEqual([`${dangling}: ${nowhere}`, `${loop}: ${nowhere}`]);
    await expect(fileInputs([dangling])).rejects.toThrow(`${dangling}: no such file or folder`);
    await expect(fileInputs([loop])).rejects.toThrow(`${loop}: too many symbolic links encountered`);
  });

  // Windows has neither in its folders.
  const onUnix = process.platform === 'win32' ? test.skip : test;

  onUnix('opens no pipe and no socket, where it would wait for ever', async () => {
    const pipe = path.join(folder, 'pipe.jpg');
    const socket = path.join(folder, 's.jpg');
    execFileSync('mkfifo', [pipe]);
    const server = createServer().listen(socket);
    await once(server, 'listening');
    const inside = await fileInputs([folder]);
    const given = await Promise.allSettled([pipe, socket].map((file) => fileInputs([file])));
    server.close();
    expect(inside.inputs).toEqual([]);
    expect([...inside.skipped].sort()).toEqual([`${pipe}: not a file`, `${socket}: not a file`]);
    expect(given).toMatchObject(
      [pipe, socket].map((file) => ({ reason: new UsageError(`${file}: neither a file nor a folder`) })),
    );
  });

  onUnix('follows no link to a device or a pipe', async () => {
    mkdirSync(path.join(folder, 'pictures'));
    execFileSync('mkfifo', [path.join(folder, 'pipe')]);
    const [device, pipe] = ['device.jpg', 'pipe.jpg'].map((name) => path.join(folder, 'pictures', name)) as [
      string,
      string,
    ];
    symlinkSync('/dev/zero', device);
    symlinkSync(path.join(folder, 'pipe'), pipe);
    const { inputs, skipped } = await fileInputs([path.join(folder, 'pictures')]);
    expect(inputs).toEqual([]);
    expect([...skipped].sort()).toEqual([device, pipe].map((file) => `${file}: a link to what is not a file`));
  });

  onUnix('reads nothing of what has become a pipe or a device since it was found', async () => {
    const [first, second] = [write('a.jpg'), write('b.jpg')];
    const { inputs } = await fileInputs([folder]);
    for (const file of [first, second]) rmSync(file);
    execFileSync('mkfifo', [first]);
    symlinkSync('/dev/zero', second);
    const outcomes = await Promise.allSettled(inputs.map((input) => input.read()));
    expect(outcomes).toMatchObject(
      [first, second].map((file) => ({ reason: { message: `${file} is not a file any more` } })),
    );
  });

  test('reads no more than it said of what has grown since it was found', async () => {
    const file = write('a.jpg');
    const { inputs } = await fileInputs([folder]);
    truncateSync(file, 200_000_001);
    await expect(inputs[0]?.read()).rejects.toThrow(`${file} has grown to more than 200000000 bytes`);
  });

  // Other systems have no such names.
  (process.platform === 'linux' ? test : test.skip)('leaves out a name that is not UTF-8, and says so', async () => {
    write('a.jpg');
    for (const name of [
      [0x62, 0xff],
      [0xc0, 0xaf],
      [0xed, 0xa0, 0xbd],
    ]) {
      writeFileSync(Buffer.concat([Buffer.from(`${folder}/`), Buffer.from(name)]), '');
    }
    mkdirSync(Buffer.concat([Buffer.from(`${folder}/`), Buffer.from([0xfe])]));
    const found = await fileInputs([folder]);
    expect(keys(found)).toEqual(['incoming/a.jpg']);
    expect(found.skipped).toHaveLength(4);
    for (const line of found.skipped)
      expect(line).toMatch(/\ufffd.*: its name is not UTF-8, which a key has to be: rename it$/);
  });

  test('leaves out a file of more than 200 MB', async () => {
    truncateSync(write('most.jpg'), 200_000_000);
    truncateSync(write('more.jpg'), 200_000_001);
    const { inputs, skipped } = await fileInputs([folder]);
    expect(inputs).toMatchObject([{ key: 'incoming/most.jpg', bytes: 200_000_000 }]);
    expect(skipped).toEqual([
      `${path.join(folder, 'more.jpg')}: 200000001 bytes; the local endpoints hold objects in memory, at most 200000000 each`,
    ]);
  });

  test('leaves out a file whose key S3 would refuse, counted in bytes', async () => {
    const parents = Array.from({ length: 6 }, () => 'ü'.repeat(80)).join('/');
    const most = 'x'.repeat(1024 - Buffer.byteLength(`incoming/${parents}/`));
    const [, more] = [write(`${parents}/${most}`), write(`${parents}/${most}y`)];
    const { inputs, skipped } = await fileInputs([folder]);
    expect(inputs.map(({ key }) => Buffer.byteLength(key))).toEqual([1024]);
    expect(skipped).toEqual([`${more}: its key would have more than the 1024 bytes S3 allows`]);
  });

  // The superuser may read everything, and tests may run as such: here the file system says no by itself.
  const refuse = (method: 'open' | 'readdir', file: string) => {
    const original = fs[method] as (...args: unknown[]) => Promise<never>;
    jest.spyOn(fs, method).mockImplementation(async (...args: unknown[]) => {
      if (args[0] === file) throw Object.assign(new Error('EACCES: permission denied'), { code: 'EACCES' });
      return original(...args);
    });
  };

  test('names a file that it may not read, before the run', async () => {
    write('a.jpg');
    const secret = write('secret.jpg');
    refuse('open', secret);
    const found = await fileInputs([folder]);
    expect(keys(found)).toEqual(['incoming/a.jpg']);
    expect(found.skipped).toEqual([`${secret}: not allowed to read it`]);
  });

  test.each(['', 'sub/sub'])('names a folder that it may not read (%j), and takes the others', async (name) => {
    const secret = path.join(folder, 'secret', name);
    mkdirSync(secret, { recursive: true });
    write('secret.jpg');
    write('zoo/a.jpg');
    refuse('readdir', secret);
    const found = await fileInputs([folder]);
    expect(keys(found)).toEqual(['incoming/secret.jpg', 'incoming/zoo/a.jpg']);
    expect(found.skipped).toEqual([`${secret}: not allowed to read it`]);
    await expect(fileInputs([secret])).rejects.toThrow(`${secret}: not allowed to read it`);
  });

  test('reads when asked to, and fails when the file has gone meanwhile', async () => {
    const file = write('a.jpg');
    const { inputs } = await fileInputs([file]);
    rmSync(file);
    await expect(inputs[0]?.read()).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

describe('repeat', () => {
  const input = (key: string): Input => ({ key, bytes: key.length, read: async () => Buffer.from(key) });
  const set = [input('incoming/a.jpg'), input('incoming/trip/b.jpg')];

  test('gives the set itself for once', () => {
    expect(repeat(set, 1)).toBe(set);
  });

  test('gives every round keys of its own, below the prefix, for the same bytes', async () => {
    const repeated = repeat(set, 3);
    expect(repeated.map(({ key }) => key)).toEqual([
      'incoming/0001/a.jpg',
      'incoming/0001/trip/b.jpg',
      'incoming/0002/a.jpg',
      'incoming/0002/trip/b.jpg',
      'incoming/0003/a.jpg',
      'incoming/0003/trip/b.jpg',
    ]);
    expect(repeated[5]?.bytes).toBe(set[1]?.bytes);
    expect(String(await repeated[5]?.read())).toBe('incoming/trip/b.jpg');
  });

  test('keeps the keys of the longest run apart', () => {
    expect(new Set(repeat(set, 10_000).map(({ key }) => key)).size).toBe(20_000);
  });
});
