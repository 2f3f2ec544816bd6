import { existsSync } from 'node:fs';
import path from 'node:path';
import type { Construct } from 'constructs';

/** The bundles that `npm run build` writes. Prebuilt, so that synthesis needs no network, no Docker and no compiler. */
export const BUNDLES = ['lambda-arm64', 'worker-arm64', 'image-arm64', 'image-x64'] as const;

export type BundleName = (typeof BUNDLES)[number];

/** Context: another folder to take bundles from. The tests' and the tools' own, with a colon as every key but a switch. */
export const DIST = 'four-ways:dist';

/**
 * The directory of a bundle.
 * @throws Error with the remedy when it has not been built
 */
export function bundle(scope: Construct, name: BundleName): string {
  const dist = scope.node.tryGetContext(DIST) ?? path.resolve(__dirname, '../../dist');
  const directory = path.join(dist, name);
  if (!existsSync(directory)) throw new Error(`${directory} is missing: run "npm run build" first`);
  return directory;
}
