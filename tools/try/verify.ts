import { GetObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import sharp from 'sharp';
import type { Decoded, Decoder } from '../../workload/decoder';
import type { Limits, RenditionSettings } from '../../workload/env';
import { checkBytes, checkFormat, Rejection } from '../../workload/gate';
import { rejectionKey, resultKey } from '../../workload/keys';
import type { Input } from '../local/inputs';
import type { ObjectResult } from '../local/results';
import type { Deployed } from './deployed';
import { inParallel, type Run, type Upload } from './run';

/** Whether a run's results are those that the workload makes of the same pictures on this machine. */

/**
 * How far the same rendition may be off where another CPU made it, in levels of 255: at one place, and on average.
 *
 * Measured on 2026-11-28: the 72 renditions of the 24 pictures of the built-in set were the same, byte for byte, on x64,
 * on x64 without vector instructions, and on arm64 under qemu-user 7.2. What is left is room for roundings that fall the
 * other way: of one sample in a hundred, by one level before it is encoded, the encoder made up to 24 levels and 0.98 on
 * average in the worst of the 72; of one in ten thousand, 17 and 0.04.
 */
export const ANOTHER_CPU = { most: 32, mean: 1 } as const;

export interface Verified {
  /** By key: as the run has it, and as this machine does. */
  readonly measured: ReadonlyMap<string, ObjectResult>;
  readonly expected: ReadonlyMap<string, ObjectResult>;
  /** One line each. */
  readonly problems: readonly string[];
}

/** A picture as the job sees it, without S3. The verdict is the same as there; the machine is given more time. */
async function decodeHere(bytes: Buffer, renditions: RenditionSettings, limits: Limits, decoder: Decoder) {
  try {
    checkBytes(bytes.length, limits);
    checkFormat(bytes);
    const patient = { ...limits, wallSeconds: 10 * limits.wallSeconds };
    return await decoder.decode(bytes, { renditions, limits: patient });
  } catch (error) {
    if (error instanceof Rejection) return error;
    throw error;
  }
}

/**
 * Compares what every upload came to. Of several uploads of one picture the first is fetched and looked at pixel by pixel;
 * the others only where their bytes are not the same, which S3's ETag says.
 * @param waited seconds, for the line about what never came
 */
export async function verify(
  run: Run,
  deployed: Deployed,
  inputs: readonly Input[],
  s3: S3Client,
  decoder: Decoder,
  waited: number,
  signal: AbortSignal,
  slots: number,
): Promise<Verified> {
  const { renditions, limits } = deployed.settings;
  const measured = new Map<string, ObjectResult>();
  const expected = new Map<string, ObjectResult>();
  const problems: string[] = [];
  const byPicture = Map.groupBy(run.uploads, ({ picture }) => picture);
  const pictures = [...byPicture.keys()].values();

  const fetched = async (Key: string): Promise<Buffer> => {
    const { Body } = await s3.send(new GetObjectCommand({ Bucket: deployed.resultBucket, Key }), {
      abortSignal: signal,
    });
    return Buffer.from((await Body?.transformToByteArray()) ?? []);
  };
  const problem = (upload: Upload, what: string) => problems.push(`${upload.key.slice(run.prefix.length)}: ${what}`);

  async function look(upload: Upload, here: Decoded | Rejection, same: Map<string, Set<string>>): Promise<void> {
    const { key } = upload;
    const due = here instanceof Rejection ? `rejected as ${here.reason}` : 'made into renditions';
    const end = run.endOf(upload)?.state;
    if (!end) {
      const failure = run.failed.get(key);
      problem(
        upload,
        failure
          ? `in the failure queue: ${failure}`
          : `no result ${Math.round(waited)} s after the last upload, and here it is ${due}`,
      );
      measured.set(key, { state: 'failed', detail: failure });
      return;
    }
    if (run.failed.has(key)) problem(upload, `in the failure queue, although it is ${end}: ${run.failed.get(key)}`);
    if (end === 'rejected') {
      const { reason, detail } = JSON.parse((await fetched(rejectionKey(key))).toString());
      measured.set(key, { state: 'rejected', reason, detail });
      if (!(here instanceof Rejection) || here.reason !== reason)
        problem(upload, `rejected as ${reason} (${detail}), and here it is ${due}`);
      return;
    }
    measured.set(key, { state: 'done' });
    if (here instanceof Rejection) {
      problem(upload, `made into renditions, and here it is ${due} (${here.detail})`);
      return;
    }
    for (const rendition of here.renditions) {
      const name = resultKey(key, rendition.name);
      const etag = run.results.get(name)?.etag ?? '';
      const known = same.get(rendition.name) ?? new Set();
      if (known.has(etag)) continue;
      const wrong = await difference(await fetched(name), rendition);
      if (wrong) problem(upload, `${rendition.name} ${wrong}`);
      else same.set(rendition.name, known.add(etag));
    }
  }

  await inParallel(slots, async () => {
    const { value: picture, done } = pictures.next();
    if (done) return false;
    signal.throwIfAborted();
    const here = await decodeHere(await (inputs[picture] as Input).read(), renditions, limits, decoder);
    const same = new Map<string, Set<string>>();
    for (const upload of byPicture.get(picture) ?? []) {
      const { key } = upload;
      expected.set(key, here instanceof Rejection ? { state: 'rejected', reason: here.reason } : { state: 'done' });
      await look(upload, here, same);
    }
    return true;
  });
  return { measured, expected, problems };
}

/** Why two renditions are not the same, if they are not; one made by another CPU counts as the same. */
export async function difference(found: Buffer, here: { readonly bytes: Buffer }): Promise<string | undefined> {
  if (found.equals(here.bytes)) return undefined;
  const raw = (bytes: Buffer) => sharp(bytes).ensureAlpha().raw().toBuffer({ resolveWithObject: true });
  const a = await raw(found).catch(() => undefined);
  if (!a) return 'is no picture';
  const b = await raw(here.bytes);
  const [there, ours] = [a, b].map(({ info: { width, height } }) => `${width} x ${height}`);
  if (there !== ours) return `is ${there} px, and here ${ours}`;
  const { most, mean } = levels(a.data, b.data);
  if (most <= ANOTHER_CPU.most && mean <= ANOTHER_CPU.mean) return undefined;
  return `differs from here by up to ${most} of 255 levels, ${mean.toFixed(2)} on average; another CPU may by ${ANOTHER_CPU.most}, and ${ANOTHER_CPU.mean}`;
}

/** How far the channels of two pictures in RGBA are apart. Colours that are not seen, because of their alpha, count less. */
export function levels(a: Buffer, b: Buffer): { most: number; mean: number } {
  let most = 0;
  let sum = 0;
  for (let at = 0; at < a.length; at += 4) {
    const [alphaA, alphaB] = [a[at + 3] as number, b[at + 3] as number];
    for (let channel = 0; channel < 4; channel += 1) {
      const [from, to] = [a[at + channel] as number, b[at + channel] as number];
      const apart = channel === 3 ? Math.abs(from - to) : Math.abs(from * alphaA - to * alphaB) / 255;
      most = Math.max(most, apart);
      sum += apart;
    }
  }
  return { most: Math.round(most), mean: sum / a.length };
}
