import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { GetObjectCommand, type PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { ENTRY_POINTS, KINDS } from '../../tools/build/entry-points';
import { Decoder } from '../../workload/decoder';
import { readSettings } from '../../workload/env';
import { handleEvent } from '../../workload/job';
import { buildDecoderOf, RENDITIONS_JOB } from '../support/decoder-of';
import { s3Body, s3Record } from '../support/events';
import { TEST_DIST } from '../support/host-bundles';
import { cornered, lyingPng, pixelAt } from '../support/pictures';

/** Another job, by another `workload/transform.ts` and no other change: in the worker, and in the decoder as it is shipped. */

jest.mock('../../workload/transform', () => jest.requireActual('./examples/manifest'));

const settings = readSettings({ COMPUTE: 'test', STACK: 'stack', SOURCE_BUCKET: 'source', OUTPUT_BUCKET: 'output' });

const folder = mkdtempSync(path.join(tmpdir(), 'seam-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The command of a decoder that does a job. */
async function decoderOf(job: string, name: string): Promise<string[]> {
  const script = path.join(folder, `${name}.js`);
  await buildDecoderOf(job, script);
  return [process.execPath, script];
}

let decoder: Decoder;
beforeAll(async () => {
  decoder = await Decoder.start(1, await decoderOf(path.join(__dirname, 'examples/manifest.ts'), 'manifest'));
});
afterAll(() => decoder.close());

interface Written {
  readonly type: string | undefined;
  readonly body: Buffer;
}

/** What the job writes for an object, by key. */
async function written(key: string, object: Buffer, by = decoder): Promise<Map<string, Written>> {
  const outputs = new Map<string, Written>();
  const send = async (command: object) => {
    if (command instanceof GetObjectCommand) return { Body: Readable.from([object]), ContentLength: object.length };
    const { Key = '', ContentType: type, Body } = (command as PutObjectCommand).input;
    outputs.set(Key, { type, body: Body as Buffer });
    return {};
  };
  const log = jest.spyOn(process.stdout, 'write').mockReturnValue(true);
  try {
    const context = { settings, s3: { send } as unknown as S3Client, decoder: by };
    await handleEvent(s3Body(s3Record({ bucket: 'source', key })), context);
  } finally {
    log.mockRestore();
  }
  return outputs;
}

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

describe('another job', () => {
  test('writes what it plans, under names and types of its own', async () => {
    const picture = await cornered(300, 200).png().toBuffer();
    const made = await written('incoming/a.png', picture);
    expect([...made].map(([key, { type }]) => [key, type])).toEqual([
      ['renditions/incoming/a.png/manifest.json', 'application/json'],
      ['renditions/incoming/a.png/swatch.png', 'image/png'],
    ]);
    const [manifest, swatch] = [...made.values()].map(({ body }) => body) as [Buffer, Buffer];
    expect(JSON.parse(String(manifest))).toEqual({
      sha256: sha256(picture),
      bytes: picture.length,
      width: 300,
      height: 200,
    });
    const [red = 0, , blue = 0] = await pixelAt(swatch, 0, 0);
    expect(blue).toBeGreaterThan(red);
  });

  test('plans by the key, and what it is given need not be a picture', async () => {
    const text = Buffer.from('hello');
    const made = await written('incoming/a.txt', text);
    expect([...made.keys()]).toEqual(['renditions/incoming/a.txt/manifest.json']);
    expect(JSON.parse(String([...made.values()][0]?.body))).toEqual({ sha256: sha256(text), bytes: 5 });
  });

  test.each([
    ['before the decoder is asked', Buffer.from('hello'), 'unsupported'],
    ['in the decoder', lyingPng(60_000, 10), 'too-large'],
  ])('refuses for good, and says why: %s', async (_, object, reason) => {
    const made = await written('incoming/a.png', object);
    expect([...made.keys()]).toEqual(['rejected/incoming/a.png.json']);
    expect(JSON.parse(String([...made.values()][0]?.body))).toMatchObject({ reason });
  });

  test.each([
    ['gives back what it was given, which is stored as it is', 'async (input) => [input]', 900, undefined],
    [
      'makes more than it planned',
      'async (input) => [Buffer.concat([input, input])]',
      900,
      'it sent something that is no result',
    ],
    ['makes nothing', 'async () => [Buffer.alloc(0)]', 900, 'it sent something that is no result'],
    ['fails', 'async () => { throw new Error("no such thing") }', 900, 'no such thing'],
    ['fails at once', '() => { throw new Error("no such thing") }', 900, 'no such thing'],
  ])('that %s', async (_, transform, bytes, said) => {
    const file = path.join(folder, 'odd.ts');
    writeFileSync(file, `export const [accept, plan] = []; export const load = async () => ${transform};`);
    const odd = await Decoder.start(1, await decoderOf(file, 'odd'));
    const object = Buffer.alloc(bytes, 'x');
    const result = written('incoming/a.txt', object, odd).then(
      (made) => sha256(made.get('renditions/incoming/a.txt/manifest.json')?.body as Buffer),
      ({ message }: Error) => message,
    );
    expect(await result).toBe(said ? `DecoderFailure: the decoder ended: ${said}` : sha256(object));
    odd.close();
  });
});

test('what the decoder loads for its job is in no other script', async () => {
  const loads = (file: string) => readFileSync(file, 'utf8').includes('require("sharp")');
  const [, decoderOfPictures = ''] = await decoderOf(RENDITIONS_JOB, 'renditions');
  expect(loads(decoderOfPictures)).toBe(true);
  const others = KINDS.flatMap((kind) =>
    Object.keys(ENTRY_POINTS[kind]).map((file) => path.join(TEST_DIST, `${kind}-host`, file)),
  ).filter((file) => path.basename(file) !== 'decoder-child.js');
  expect(others.length).toBeGreaterThan(0);
  expect(others.filter(loads)).toEqual([]);
});
