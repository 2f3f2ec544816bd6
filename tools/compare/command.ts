import path from 'node:path';
import { type Command, noPositionals, parse, print, printJson, ROOT } from '../command-line';
import { checkNoLinks, checkWritable, claimOrRefuse, replaceFile } from '../files';
import { makeComparison } from './run';

/** `npm run compare` */
export const compare: Command = async (args, stopSignal) => {
  const { values, positionals } = parse('compare', args, { json: { type: 'boolean', default: false } });
  noPositionals('compare', positionals);
  checkWritable(ROOT, 'COMPARISON.md goes there; make it writable');
  await claimOrRefuse('comparison', ROOT, `another comparison is being written in ${ROOT}: wait for its end`);
  const { files, json } = await makeComparison(ROOT);
  // Before the first is written. `dist` itself may be a link.
  for (const { file } of files) {
    const [folder, below] = file.startsWith('dist/') ? ['dist', file.slice('dist/'.length)] : ['', file];
    checkNoLinks(path.join(ROOT, folder), [below]);
  }
  // What is written is written as a whole.
  const signal = stopSignal();
  for (const { file, text } of files) {
    signal.throwIfAborted();
    replaceFile(path.join(ROOT, file), text);
    print(`${file}  ${(Buffer.byteLength(text) / 1000).toFixed(0)} kB`);
  }
  if (values.json) printJson(json);
  return 0;
};
