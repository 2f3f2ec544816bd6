import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import sharp from 'sharp';
import { contactSheet } from '../../tools/local/contact-sheet';
import type { Endpoints } from '../../tools/local/endpoints';
import { diskPath, type Input } from '../../tools/local/inputs';
import { LOCAL_CREDENTIALS } from '../../tools/local/permissions';
import { childrenOf } from '../../tools/local/processes';
import { succeeded } from '../../tools/local/report';
import type { LocalRunResults, WayResults } from '../../tools/local/results';
import { checkResultsFolder, type LocalRunOptions, runLocal } from '../../tools/local/run';
import type { Way } from '../../tools/local/ways';
import * as deployed from '../../tools/templates';
import { s3Body, s3Record } from '../support/events';
import { TEST_DIST } from '../support/host-bundles';
import { cornered } from '../support/pictures';
import { templates } from '../support/templates';
import { isRunning, until } from '../support/waiting';

// The templates that the other test files read too.
jest.mock('../../tools/templates', () => ({
  templates: jest.fn(jest.requireActual('../support/templates').templates),
}));

/** The real bundles on the real endpoints, started as `npm run local` starts them. */

const GOOD = 'incoming/good.jpg';
const CUT = 'incoming/cut.png';
const ODD = "incoming//../a b+c&'ü🐈*?\n%2F.webp";
/** Some of its results have keys of more than 900 bytes, and are hashed. */
const LONG = `incoming/${'x'.repeat(900 - 'renditions/incoming//160.webp'.length)}`;

let out: string;
let pictures: { good: Buffer; cut: Buffer; odd: Buffer };
beforeAll(async () => {
  const png = await cornered(300, 200).png().toBuffer();
  pictures = {
    good: await cornered(900, 600).jpeg().toBuffer(),
    cut: png.subarray(0, png.length / 2),
    odd: await cornered(50, 100).webp().toBuffer(),
  };
});
beforeEach(() => {
  out = mkdtempSync(path.join(tmpdir(), 'local-run-'));
});
afterEach(() => {
  jest.restoreAllMocks();
  rmSync(out, { recursive: true });
});

/** As the reader's own commands are signed; the signature itself is not looked at. */
const READER = `AWS4-HMAC-SHA256 Credential=${LOCAL_CREDENTIALS.accessKeyId}/20260101/us-east-1/s3/aws4_request`;

const input = (key: string, bytes: Buffer): Input => ({ key, bytes: bytes.length, read: async () => bytes });

async function run(changed: Partial<LocalRunOptions>) {
  const progress = new PassThrough();
  const shown = text(progress);
  const reported: LocalRunResults[] = [];
  const options: LocalRunOptions = {
    inputs: [input(GOOD, pictures.good)],
    ways: ['ec2'],
    dist: TEST_DIST,
    out,
    signal: new AbortController().signal,
    progress,
    onResults: (results) => reported.push(results),
    ...changed,
  };
  try {
    const results = await runLocal(options);
    progress.end();
    return { results, reported, shown: await shown };
  } finally {
    progress.end();
  }
}

/** This process's descendants; none where there is no /proc. */
const descendants = (pid = process.pid): number[] => childrenOf(pid).flatMap((child) => [child, ...descendants(child)]);

/** The descendants that are not among those of before. esbuild keeps one. */
const remaining = (before: readonly number[]) => descendants().filter((pid) => !before.includes(pid));

/** Paths below a folder, with `/`. */
const filesBelow = (folder: string) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .flatMap((entry) => (entry.isFile() ? [path.relative(folder, path.join(entry.parentPath, entry.name))] : []))
    .map((file) => file.split(path.sep).join('/'))
    .sort();

describe('a local run', () => {
  test('ends with results for each way, on disk and beside each other', async () => {
    const before = descendants();
    // Of an earlier run, and of somebody else.
    for (const name of ['ec2/renditions/old.webp', 'ec2/rejected/old.json', 'ec2/mine.txt']) {
      mkdirSync(path.dirname(path.join(out, name)), { recursive: true });
      writeFileSync(path.join(out, name), 'old');
    }
    const { good, cut, odd } = pictures;
    const inputs = [input(GOOD, good), input(CUT, cut), input(ODD, odd), input(LONG, good)];
    const { results, reported } = await run({ inputs, ways: ['ec2', 'lambda'] });

    expect(reported).toEqual([results]);
    expect(results).toMatchObject({ byteEqual: true, sheet: path.join(out, 'index.html') });
    expect(results.ways.map(({ compute, deaths }) => [compute, deaths])).toEqual([
      ['ec2', 0],
      ['lambda', 0],
    ]);
    for (const { compute, permissions } of results.ways) {
      expect(permissions).toMatchObject({ refused: 0, refusals: [] });
      expect(permissions.judged).toBeGreaterThan(10);
      // What only a second delivery, a newer upload or a deletion needs, and of SQS what only a slow or failed job does.
      expect(permissions.unused.toSorted()).toEqual(
        [
          `s3:GetObject on ${compute}-output/rejected/*`,
          `s3:GetObject on ${compute}-output/renditions/*`,
          `s3:ListBucket on ${compute}-output`,
          `s3:ListBucket on ${compute}-source`,
          compute === 'lambda' ? 'sqs:SendMessage on lambda-failed' : `sqs:ChangeMessageVisibility on ${compute}-jobs`,
        ].toSorted(),
      );
    }
    for (const { objects, firstMs, totalMs, memory } of results.ways) {
      const done = { state: 'done', milliseconds: expect.any(Number) };
      expect(Object.fromEntries(objects)).toEqual({
        [GOOD]: done,
        [CUT]: { state: 'rejected', reason: 'corrupt', detail: expect.any(String), milliseconds: expect.any(Number) },
        [ODD]: done,
        [LONG]: done,
      });
      expect(firstMs).toBeGreaterThan(0);
      expect(totalMs).toBeGreaterThanOrEqual(firstMs);
      if (process.platform === 'linux') expect(memory?.decoderMib).toBeGreaterThan(20);
    }

    const hashed = createHash('sha256').update(LONG).digest('hex');
    const folders = [GOOD, ODD].map((key) => `renditions/${diskPath(key).split(path.sep).join('/')}`);
    const expected = [
      ...folders.flatMap((folder) => [160, 640, 1280].map((width) => `${folder}/${width}.webp`)),
      `renditions/${diskPath(LONG).split(path.sep).join('/')}/160.webp`,
      `renditions/${diskPath(LONG).split(path.sep).join('/')}/640.webp`,
      `renditions/sha256-${hashed}/1280.webp`,
      'rejected/incoming/cut.png.json',
    ].sort();
    expect(filesBelow(path.join(out, 'ec2'))).toEqual([...expected, 'mine.txt'].sort());
    expect(filesBelow(path.join(out, 'lambda'))).toEqual(expected);
    const read = (name: string) => readFileSync(path.join(out, name));
    for (const name of expected.filter((file) => file.endsWith('.webp'))) {
      expect(read(`ec2/${name}`).equals(read(`lambda/${name}`))).toBe(true);
    }
    const sizes = await Promise.all(
      [160, 640, 1280].map((box) => sharp(read(`ec2/${folders[0]}/${box}.webp`)).metadata()),
    );
    expect(sizes.map(({ width, height }) => [width, height])).toEqual([
      [160, 107],
      [640, 427],
      [900, 600],
    ]);
    expect(JSON.parse(String(read('lambda/rejected/incoming/cut.png.json')))).toMatchObject({
      reason: 'corrupt',
      source: { bucket: 'lambda-source', key: CUT, size: cut.length },
    });

    const sheet = String(read('index.html'));
    expect(sheet).toContain('Byte-equal: both ways wrote the same bytes');
    const linked = [...sheet.matchAll(/(?:href|src)="\.\/([^"]+)"/g)].map(([, url]) =>
      decodeURIComponent(url as string),
    );
    const renditions = expected.filter((name) => name.startsWith('renditions/'));
    expect([...new Set(linked)].sort()).toEqual(
      ['ec2', 'lambda'].flatMap((way) => renditions.map((name) => `${way}/${name}`)).sort(),
    );
    expect(remaining(before)).toEqual([]);
  });

  test('follows a worker by what it logs and by the failure queue, and starts it again when it dies', async () => {
    const [twice, superseded, dead, failed] = ['a', 'b', 'c', 'd'].map((name) => `incoming/${name}.jpg`) as [
      string,
      string,
      string,
      string,
    ];
    const lines = [
      { State: 'done', Key: 'incoming/of-somebody-else.jpg', Duration: 1 },
      { State: 'failed', Key: twice, Duration: 1000 },
      { State: 'done', Key: twice, Duration: 50, SlotWait: 20 },
      { State: 'rejected', Reason: 'corrupt', Key: twice, Duration: 3 },
      { State: 'superseded', Key: superseded, Duration: 7 },
      { State: 'ignored', Detail: 's3:TestEvent', Duration: 1 },
      { Detail: 'the last line' },
    ];
    const failures = [
      s3Body(s3Record({ key: dead }), s3Record({ eventName: 'ObjectRemoved:Delete' })),
      JSON.stringify({
        requestPayload: JSON.parse(s3Body(s3Record({ key: failed }))),
        responsePayload: { errorMessage: 'broken' },
      }),
    ];
    mkdirSync(path.join(out, 'dist/worker-host'), { recursive: true });
    writeFileSync(
      path.join(out, 'dist/worker-host/index.js'),
      `const { existsSync, writeFileSync } = require('node:fs');
      const first = !existsSync(__dirname + '/second');
      writeFileSync(__dirname + '/second', '');
      console.log('{"State":"started"}');
      if (first) return setTimeout(() => process.exit(3), 50);
      console.log('{ no JSON');
      for (const line of ${JSON.stringify(lines)}) console.log(JSON.stringify(line));
      const { QUEUE_URL, AWS_ENDPOINT_URL } = process.env;
      for (const MessageBody of ${JSON.stringify(failures)}) fetch(AWS_ENDPOINT_URL, {
        method: 'POST',
        headers: {
          Authorization: '${READER}',
          'Content-Type': 'application/x-amz-json-1.0',
          'X-Amz-Target': 'AmazonSQS.SendMessage',
        },
        body: JSON.stringify({ QueueUrl: QUEUE_URL.replace('ec2-jobs', 'ec2-failed'), MessageBody }),
      });`,
    );
    const inputs = [twice, superseded, dead, failed].map((key) => input(key, pictures.odd));
    const { results, shown } = await run({ inputs, dist: path.join(out, 'dist') });
    const [{ objects, deaths }] = results.ways as [LocalRunResults['ways'][number]];
    expect(deaths).toBe(1);
    expect(Object.fromEntries(objects)).toEqual({
      [twice]: { state: 'done', milliseconds: 30 },
      [superseded]: { state: 'superseded', milliseconds: 7 },
      [dead]: { state: 'failed', detail: '{"Detail":"the last line"}' },
      [failed]: { state: 'failed', detail: 'broken' },
    });
    expect(shown).toContain('4/4  done 1  rejected 0  failed 2');
    expect(readFileSync(results.sheet, 'utf8')).toContain('2 results failed');
  });

  test('is told at once which permission is missing, and waits for nothing else', async () => {
    const changed = templates();
    for (const { Type, Properties } of Object.values(changed.ec2.Resources)) {
      if (Type !== 'AWS::IAM::Policy') continue;
      for (const statement of Properties.PolicyDocument.Statement) {
        if ([statement.Action].flat().includes('s3:PutObject')) statement.Action = 's3:GetObject';
      }
    }
    jest.mocked(deployed.templates).mockReturnValueOnce(changed);
    const { results } = await run({ ways: ['ec2', 'lambda'] });
    const [ec2, lambda] = results.ways as [WayResults, WayResults];
    const refusal = expect.stringMatching(
      /^User: arn:aws:sts::000000000000:assumed-role\/ec2-Role\w+\/ec2-1 is not authorized to perform: s3:PutObject on resource: "arn:aws:s3:::ec2-output\/renditions\/incoming\/good.jpg\/\d+.webp" because no identity-based policy allows the s3:PutObject action: nearest is RoleDefaultPolicy\w+, statement \d, which is about action s3:GetObject$/,
    );
    expect(Object.fromEntries(ec2.objects)).toEqual({ [GOOD]: { state: 'failed', detail: refusal } });
    expect(ec2.permissions.refusals).toEqual([{ explanation: refusal, calls: ec2.permissions.refused }]);
    expect(ec2.permissions.refused).toBeGreaterThan(1);
    expect(lambda.objects.get(GOOD)?.state).toBe('done');
    expect(lambda.permissions.refused).toBe(0);
    expect(succeeded(results)).toBe(false);
  });

  test('does not begin where the stack would not deploy', async () => {
    const before = descendants();
    const changed = templates();
    for (const { Type, Properties } of Object.values(changed.ec2.Resources)) {
      if (Type !== 'AWS::SQS::QueuePolicy') continue;
      for (const { Condition } of Properties.PolicyDocument.Statement) {
        if (Condition.StringEquals) Condition.StringEquals['aws:SourceAccount'] = '111111111111';
      }
    }
    jest.mocked(deployed.templates).mockReturnValueOnce(changed);
    await expect(run({ ways: ['ec2'] })).rejects.toThrow(
      /^ec2 would not deploy: User: s3.amazonaws.com is not authorized to perform: sqs:sendmessage on .*condition StringEquals aws:SourceAccount 111111111111$/,
    );
    expect(remaining(before)).toEqual([]);
  });

  test('notices that the ways differ', async () => {
    let reads = 0;
    const changing = {
      ...input(GOOD, pictures.good),
      read: async () => (reads++ === 0 ? pictures.good : pictures.odd),
    };
    const { results } = await run({ inputs: [changing, input(CUT, pictures.cut)], ways: ['ec2', 'lambda'] });
    expect(results.byteEqual).toBe(false);
    expect(readFileSync(results.sheet, 'utf8')).toContain('Not byte-equal: the ways differ on 1 of 2 pictures');
  });

  test.each<[when: string, ways: LocalRunOptions['ways'], atOnce: boolean]>([
    ['while it uploads to a worker', ['ec2', 'lambda'], true],
    ['while a function works', ['lambda', 'ec2'], false],
  ])('stopped %s fails with what stopped it, and leaves nothing running', async (_, ways, atOnce) => {
    const before = descendants();
    let started: number[] = [];
    const stop = new AbortController();
    const reason = new Error('SIGINT');
    /** Stops the run as soon as there are a way and its decoder. */
    const stopWhenBegun = () => {
      started = remaining(before);
      if (started.length >= 2 || process.platform !== 'linux') stop.abort(reason);
      else setTimeout(stopWhenBegun, 2);
    };
    const read = async () => {
      if (atOnce) stopWhenBegun();
      else setTimeout(stopWhenBegun, 0);
      return pictures.good;
    };
    const watches = jest.spyOn(globalThis, 'setInterval');
    const ended = jest.spyOn(globalThis, 'clearInterval');
    const onResults = jest.fn();
    const stopped = run({ inputs: [{ ...input(GOOD, pictures.good), read }], ways, onResults, signal: stop.signal });
    await expect(stopped).rejects.toBe(reason);
    expect(onResults).not.toHaveBeenCalled();
    expect(existsSync(path.join(out, 'index.html'))).toBe(false);
    expect(remaining(before)).toEqual([]);
    await until(() => !started.some(isRunning));
    const intervals = watches.mock.results.map(({ value }) => value);
    expect(intervals.length).toBeGreaterThan(0);
    expect(intervals.filter((interval) => !ended.mock.calls.flat().includes(interval))).toHaveLength(0);
  });

  test('stopped before it begins starts nothing', async () => {
    const before = descendants();
    const signal = AbortSignal.abort('no');
    const read = jest.fn();
    await expect(run({ inputs: [{ ...input(GOOD, pictures.good), read }], signal })).rejects.toBe('no');
    expect(read).not.toHaveBeenCalled();
    expect(remaining(before)).toEqual([]);
  });

  test('that cannot read a picture says so, and leaves nothing running', async () => {
    const before = descendants();
    const read = () => Promise.reject(new Error('ENOENT: gone'));
    const inputs = [{ ...input(GOOD, pictures.good), read }];
    await expect(run({ inputs, ways: ['lambda'] })).rejects.toThrow('ENOENT: gone');
    expect(remaining(before)).toEqual([]);
  });

  test.each<[way: Way['compute'], message: RegExp]>([
    ['ec2', /Cannot find module .*worker-host|Node\.js v/],
    ['lambda', /no such file or directory.*lambda-host/],
  ])('without the bundle of %s says so, and leaves nothing running', async (way, message) => {
    const before = descendants();
    await expect(run({ ways: [way], dist: path.join(out, 'no-dist') })).rejects.toThrow(message);
    expect(remaining(before)).toEqual([]);
  });

  test('that is kept stays up with all its ways until it is stopped', async () => {
    const before = descendants();
    const stop = new AbortController();
    const kept = Promise.withResolvers<[endpoints: Endpoints, ways: readonly Way[]]>();
    const onResults = jest.fn();
    let ended = false;
    const running = run({
      ways: ['ec2', 'lambda'],
      signal: stop.signal,
      onResults,
      onKept: (...args) => kept.resolve(args),
    }).finally(() => {
      ended = true;
    });
    const [endpoints, ways] = await Promise.race([
      kept.promise,
      running.then(() => Promise.reject(new Error('not kept'))),
    ]);
    expect(onResults).toHaveBeenCalledTimes(1);
    expect(ways.map(({ compute }) => compute)).toEqual(['ec2', 'lambda']);
    const pids = ways.flatMap((way) => [...way.processes().values()]);
    expect(pids.length).toBeGreaterThanOrEqual(2);

    // A picture that somebody adds by hand is worked on.
    for (const { sourceBucket, outputBucket } of ways) {
      expect(endpoints.listObjects(sourceBucket).map(({ key }) => key)).toEqual([GOOD]);
      const put = await fetch(`${endpoints.url}/${sourceBucket}/incoming/late.webp`, {
        method: 'PUT',
        headers: { Authorization: READER },
        body: pictures.odd,
      });
      expect(put.status).toBe(200);
      await until(() => endpoints.getObject(outputBucket, 'renditions/incoming/late.webp/1280.webp') !== undefined);
    }
    expect(pids.filter((pid) => !isRunning(pid))).toEqual([]);
    expect(ended).toBe(false);

    stop.abort(new Error('SIGINT'));
    const { results } = await running;
    expect(onResults).toHaveBeenCalledWith(results);
    expect(results.byteEqual).toBe(true);
    expect(pids.filter(isRunning)).toEqual([]);
    expect(remaining(before)).toEqual([]);
    await expect(fetch(endpoints.url)).rejects.toThrow('fetch failed');
  });
});

describe('the folder for results', () => {
  const other = 'name another folder with --out FOLDER';
  const check = () => checkResultsFolder(out, ['ec2', 'lambda']);

  test('may be new, or hold an earlier run and what else is in it', async () => {
    await run({});
    writeFileSync(path.join(out, 'notes.txt'), '');
    const before = filesBelow(out);
    expect(check).not.toThrow();
    expect(() => checkResultsFolder(path.join(out, 'a/new/one'), ['ec2'])).not.toThrow();
    expect(filesBelow(out)).toEqual(before);
    expect(existsSync(path.join(out, 'a'))).toBe(false);
  });

  test('is refused when its page is somebody else’s', () => {
    writeFileSync(path.join(out, 'index.html'), '<!doctype html><title>My pictures</title>');
    expect(check).toThrow(`${path.join(out, 'index.html')} is not a contact sheet of an earlier run: ${other}`);
  });

  test('is refused when a way’s results lie in it, and no contact sheet', () => {
    const folder = path.join(out, 'lambda/rejected');
    mkdirSync(folder, { recursive: true });
    expect(check).toThrow(`${folder}/ would be replaced, and no contact sheet says that it is a run's: ${other}`);
  });

  test('is refused when a way’s folder is a link, whose target a run would write to and clean up', () => {
    const elsewhere = path.join(out, 'elsewhere');
    mkdirSync(elsewhere);
    symlinkSync(elsewhere, path.join(out, 'lambda'), 'junction');
    expect(check).toThrow(
      `${path.join(out, 'lambda')} is a link, and what is written there would go elsewhere: remove the link, or ${other}`,
    );
  });

  test('is refused when a way’s folder is a file', () => {
    writeFileSync(path.join(out, 'lambda'), '');
    expect(check).toThrow(`${path.join(out, 'lambda')} is a file, and the results of lambda go there: ${other}`);
  });

  test('is refused when its page is a link, also to an earlier run’s page', () => {
    writeFileSync(path.join(out, 'page.html'), contactSheet({ ways: [], rows: [], byteEqual: true, summary: [] }));
    symlinkSync(path.join(out, 'page.html'), path.join(out, 'index.html'));
    expect(check).toThrow(`${path.join(out, 'index.html')} is a link`);
  });

  // Windows has none in its folders.
  (process.platform === 'win32' ? test.skip : test)(
    'is refused when its page is a pipe, which is not waited for',
    () => {
      execFileSync('mkfifo', [path.join(out, 'index.html')]);
      expect(check).toThrow(`${path.join(out, 'index.html')} is not a contact sheet of an earlier run: ${other}`);
    },
  );

  test.each(['ec2', 'ec2/renditions', 'ec2/renditions/incoming', 'ec2/rejected/a.json'])(
    'keeps what is behind a link that was made at %s after the check',
    async (link) => {
      const elsewhere = path.join(out, 'elsewhere');
      for (const name of ['renditions', 'rejected', 'incoming']) {
        mkdirSync(path.join(elsewhere, name), { recursive: true });
        writeFileSync(path.join(elsewhere, name, 'mine'), 'mine');
      }
      mkdirSync(path.dirname(path.join(out, link)), { recursive: true });
      symlinkSync(elsewhere, path.join(out, link), 'junction');
      const before = filesBelow(elsewhere);
      await expect(run({})).rejects.toThrow(`${path.join(out, link)} is a link`);
      expect(filesBelow(elsewhere)).toEqual(before);
      expect(lstatSync(path.join(out, link)).isSymbolicLink()).toBe(true);
    },
  );

  test('may be a link itself, which the person has named: results go where it leads', async () => {
    mkdirSync(path.join(out, 'real'));
    const link = path.join(out, 'link');
    symlinkSync(path.join(out, 'real'), link, 'junction');
    expect(() => checkResultsFolder(link, ['ec2'])).not.toThrow();
    await run({ out: link });
    expect(filesBelow(path.join(out, 'real'))).toContain('ec2/renditions/incoming/good.jpg/160.webp');
    expect(() => checkResultsFolder(link, ['ec2'])).not.toThrow();
  });

  test('is refused with the reason when nothing can be written there', () => {
    const file = path.join(out, 'file');
    writeFileSync(file, '');
    expect(() => checkResultsFolder(path.join(file, 'out'), ['ec2'])).toThrow(
      new RegExp(`^cannot write to .*out \\(not a directory\\): ${other}$`),
    );
  });

  test('gets its page in place of a link, not behind it', async () => {
    const mine = path.join(out, 'mine.html');
    writeFileSync(mine, 'mine');
    symlinkSync(mine, path.join(out, 'index.html'));
    await run({});
    expect(readFileSync(mine, 'utf8')).toBe('mine');
    expect(readFileSync(path.join(out, 'index.html'), 'utf8')).toContain('Four Ways');
  });
});
