import { type Command, list, noPositionals, parse, print } from '../command-line';
import { table } from '../terminal';
import { ARCHITECTURES, buildBundles } from './build';

/** `npm run build` */
export const build: Command = async (args, stopSignal) => {
  const { values, positionals } = parse('build', args, { target: { type: 'string' } });
  noPositionals('build', positionals);
  const targets = list(values.target, ARCHITECTURES, '--target');
  print(`building ${targets.join(', ')} …`);
  const bundles = await buildBundles(targets, undefined, stopSignal());
  const rows = bundles.map(({ name, files, bytes, hash }) => [
    `dist/${name}`,
    (bytes / 1e6).toFixed(1),
    String(files),
    hash,
  ]);
  print(...table(['bundle', 'MB', 'files', 'SHA-256'], rows).split('\n'));
  return 0;
};
