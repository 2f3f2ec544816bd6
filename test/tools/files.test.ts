import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { checkNoLinks, checkWritable, claim, claimInTurn, claimOrRefuse, replaceFile } from '../../tools/files';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'files-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const ROOT = path.resolve(__dirname, '../..');

/** Another process that claims the folder, says so, and stays. */
async function otherProcess() {
  const script = path.join(folder, 'other.ts');
  writeFileSync(
    script,
    `import { claimOrRefuse } from ${JSON.stringify(path.join(ROOT, 'tools/files'))};
    claimOrRefuse('results', ${JSON.stringify(folder)}, 'taken').then(() => console.log('claimed'));
    setInterval(() => {}, 1000);`,
  );
  const tsx = pathToFileURL(require.resolve('tsx')).href;
  const child = spawn(process.execPath, ['--import', tsx, script], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  return child;
}

describe('a claim', () => {
  test('is of one process, for one purpose, by whatever path', async () => {
    const link = `${folder}/link`;
    mkdirSync(path.join(folder, 'out'));
    symlinkSync(path.join(folder, 'out'), link, 'junction');
    const release = await claim('results', path.join(folder, 'out'));
    expect(release).toBeDefined();
    expect(await claim('results', link)).toBeUndefined();
    await expect(claimOrRefuse('results', `${link}/../out`, 'name another')).rejects.toThrow('name another');
    const others = [await claim('build', link), await claim('results', path.join(folder, 'not/there/yet'))];
    expect(others).toEqual([expect.any(Function), expect.any(Function)]);
    for (const end of [release, ...others]) end?.();
    (await claimInTurn('results', link))();
  });

  test('ends with its process, however that ends', async () => {
    const other = await otherProcess();
    try {
      expect(await claim('results', folder)).toBeUndefined();
      const waiting = claimInTurn('results', folder);
      other.kill('SIGKILL');
      (await waiting)();
    } finally {
      other.kill('SIGKILL');
    }
  });

  test('is not waited for by somebody who was stopped', async () => {
    const release = await claim('results', folder);
    const say = jest.spyOn(process.stderr, 'write').mockReturnValue(true);
    await expect(claimInTurn('results', folder, AbortSignal.timeout(1))).rejects.toThrow();
    expect(say.mock.calls).toEqual([[`waiting for another results in ${folder} to end …\n`]]);
    say.mockRestore();
    release?.();
  });
});

test('a file is replaced as a whole, and a link by the file', () => {
  writeFileSync(path.join(folder, 'mine'), 'mine');
  symlinkSync(path.join(folder, 'mine'), path.join(folder, 'file'));
  replaceFile(path.join(folder, 'file'), 'new');
  replaceFile(path.join(folder, 'deep/er/file'), 'new');
  expect(readFileSync(path.join(folder, 'file'), 'utf8')).toBe('new');
  expect(readFileSync(path.join(folder, 'mine'), 'utf8')).toBe('mine');
  expect(readdirSync(folder).sort()).toEqual(['deep', 'file', 'mine']);
});

test('what replaces a file is written through no link that waits beside it', () => {
  const file = path.join(folder, 'file');
  writeFileSync(path.join(folder, 'mine'), 'mine');
  symlinkSync(path.join(folder, 'mine'), `${file}.${process.pid}.unfinished`);
  replaceFile(file, 'new');
  expect(readFileSync(file, 'utf8')).toBe('new');
  expect(readFileSync(path.join(folder, 'mine'), 'utf8')).toBe('mine');
  expect(readdirSync(folder).sort()).toEqual(['file', 'mine']);
});

describe('a folder that is written to', () => {
  const refused = (link: string, remedy = 'remove the link, or name another') =>
    `${path.join(folder, link)} is a link, and what is written there would go elsewhere: ${remedy}`;
  const check = (out = folder) => checkNoLinks(out, ['results.json', 'ec2/renditions/'], 'name another');
  beforeEach(() => {
    mkdirSync(path.join(folder, 'elsewhere'));
    writeFileSync(path.join(folder, 'elsewhere/file'), '');
  });

  test.each([
    ['the file itself', 'results.json', 'elsewhere/file'],
    ['a file that is not there', 'results.json', 'elsewhere/new'],
    ['a folder on the way', 'ec2', 'elsewhere'],
    ['the folder that is replaced', 'ec2/renditions', 'elsewhere'],
    ['a folder in it', 'ec2/renditions/a/b', 'elsewhere'],
    ['a file in it', 'ec2/renditions/a/b.webp', 'elsewhere/file'],
    ['a circle in it', 'ec2/renditions/circle', 'ec2'],
    ['nothing in it', 'ec2/renditions/a/b.webp', 'nowhere'],
  ])('has no link to %s', (_, link, target) => {
    mkdirSync(path.dirname(path.join(folder, link)), { recursive: true });
    symlinkSync(path.join(folder, target), path.join(folder, link));
    expect(() => check()).toThrow(refused(link));
    expect(() => checkNoLinks(folder, [link])).toThrow(refused(link, 'remove the link'));
  });

  test('may have links where nothing is written, and be one itself', () => {
    mkdirSync(path.join(folder, 'ec2/renditions/a'), { recursive: true });
    symlinkSync(path.join(folder, 'elsewhere'), path.join(folder, 'ec2/mine'));
    symlinkSync(folder, path.join(folder, 'out'), 'junction');
    expect(() => check()).not.toThrow();
    expect(() => check(path.join(folder, 'out'))).not.toThrow();
    expect(() => checkWritable(path.join(folder, 'out'), 'name another')).not.toThrow();
  });

  test('is no link that leads nowhere', () => {
    const link = path.join(folder, 'out');
    symlinkSync(path.join(folder, 'nowhere'), link);
    const message = `${link} is a link that leads nowhere: name another`;
    expect(() => checkWritable(link, 'name another')).toThrow(message);
    expect(() => checkWritable(path.join(link, 'below'), 'name another')).toThrow(message);
  });
});

test('a folder that cannot be written to is named with the reason and the remedy', () => {
  const file = path.join(folder, 'file');
  writeFileSync(file, '');
  expect(() => checkWritable(path.join(file, 'results'), 'name another')).toThrow(
    `cannot write to ${path.join(file, 'results')} (not a directory): name another`,
  );
  expect(() => replaceFile(path.join(file, 'results'), '')).toThrow(/^cannot write .*results: /);
  expect(() => checkWritable(path.join(folder, 'new/one'), 'name another')).not.toThrow();
  expect(readdirSync(folder)).toEqual(['file']);
});
