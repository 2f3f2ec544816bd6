import { type Command, list, noPositionals, parse } from '../command-line';
import { ARCHITECTURES, buildBundles } from './build';

/** `npm run build` */
export const build: Command = async (args) => {
  const { values, positionals } = parse('build', args, { target: { type: 'string' } });
  noPositionals('build', positionals);
  const targets = list(values.target, ARCHITECTURES, '--target');
  console.log(`building ${targets.join(', ')} …`);
  const bundles = await buildBundles(targets);
  const width = Math.max(...bundles.map(({ name }) => name.length));
  for (const { name, files, bytes, hash } of bundles) {
    console.log(`dist/${name.padEnd(width)}  ${(bytes / 1e6).toFixed(1)} MB  ${files} files  sha256 ${hash}`);
  }
  return 0;
};
