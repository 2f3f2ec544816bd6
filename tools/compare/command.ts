import path from 'node:path';
import { type Command, noPositionals, parse, ROOT } from '../command-line';
import { checkWritable, claimOrRefuse, replaceFile } from '../files';
import { makeComparison } from './run';

/** `npm run compare` */
export const compare: Command = async (args, stopSignal) => {
  const { values, positionals } = parse('compare', args, { json: { type: 'boolean', default: false } });
  noPositionals('compare', positionals);
  checkWritable(ROOT, 'COMPARISON.md goes there; make it writable');
  await claimOrRefuse('comparison', ROOT, `another comparison is being written in ${ROOT}: wait for its end`);
  const { files, json } = await makeComparison(ROOT);
  // What is written is written as a whole.
  const signal = stopSignal();
  for (const { file, text } of files) {
    signal.throwIfAborted();
    replaceFile(path.join(ROOT, file), text);
    console.log(`${file}  ${(Buffer.byteLength(text) / 1000).toFixed(0)} kB`);
  }
  if (values.json) console.log(json);
  return 0;
};
