import type { Limits, RenditionSettings } from './env';
import * as job from './transform';

/**
 * What a job is: bytes and a key in, objects out. Which one it is, `transform.ts` says, by three functions of these names
 * and types; `renditions.ts` is an example. Around it stays who fetches the object, who ends what takes too long, and who writes the results so that the
 * newest version wins.
 *
 * Two processes call them. The worker calls `accept` and `plan`, which know the key, and have to be quick. The decoder calls
 * `load` while it starts, and then for each object what that has given: there it has bytes and nothing else, no AWS, no
 * file and no network. What it says is not believed, and so names and types come from the plan.
 */

/** One object to be made. */
export interface Planned {
  /** The end of its key, which is `renditions/<source key>/<name>`. No two of a source object have the same. */
  readonly name: string;
  readonly contentType: string;
  /** The most that it may have; nothing is reserved. A decoder that sends more is taken for broken: throw `too-large` before. */
  readonly mostBytes: number;
}

/**
 * Makes what is planned, in that order. None may be empty. Anything thrown but a Rejection ends the decoder, and the object
 * is tried again, as often as any that fails.
 * @throws Rejection a verdict on the object, which is recorded and never retried
 */
export type Transform = (input: Buffer, settings: RenditionSettings, limits: Limits) => Promise<readonly Buffer[]>;

/**
 * Looks at an object before the decoder is asked: for milliseconds, because it runs where nothing can be killed. An empty
 * object never gets here, `job.ts` ignores it; nor one above `maxInputBytes`.
 * @throws Rejection `unsupported`: no such thing is taken; `corrupt`: it is meant to be one, and broken; `too-large`
 */
export type Accept = (input: Buffer, key: string) => void;

/** Says what will be made of an object. */
export type Plan = (key: string, settings: RenditionSettings) => readonly Planned[];

/** Loads what making it takes, such as native code. @throws Error with one line when that is not there */
export type Load = () => Promise<Transform>;

// One by one, so that the bundler leaves what the decoder loads out of the worker.
export const accept: Accept = job.accept;
export const plan: Plan = job.plan;
export const load: Load = job.load;
