import type { Writable } from 'node:stream';
import { SingleBar } from 'cli-progress';
import { barFormat } from '../terminal';
import type { Row } from './run';

/** Progress of a fault run: a bar for what is going on, and a line for each scenario and way that is over. */
export class Progress {
  private bar: SingleBar | undefined;
  private current = '';

  constructor(private readonly stream: Writable) {}

  readonly update = (name: string, ended: number, total: number, note: string): void => {
    if (name !== this.current) {
      this.stop();
      this.current = name;
      this.bar = this.start(name, total, note);
    }
    // Duplicates and second versions come on top of the pictures.
    this.bar?.update(Math.min(ended, total), { note });
  };

  readonly end = ({ scenario, way, ok, seconds }: Row): void => {
    this.stop();
    this.stream.write(`${ok ? 'holds ' : 'BROKEN'} ${scenario} ${way}, ${seconds} s\n`);
  };

  stop(): void {
    this.bar?.stop();
    this.bar = undefined;
    this.current = '';
  }

  private start(name: string, total: number, note: string): SingleBar {
    const bar = new SingleBar({
      stream: this.stream as NodeJS.WriteStream,
      format: barFormat(this.stream, '       {name} {bar} {value}/{total}  {note}', '{name} {value}/{total}  {note}'),
      clearOnComplete: true,
      hideCursor: true,
      noTTYOutput: true,
      notTTYSchedule: 10_000,
      linewrap: null,
    });
    bar.start(total, 0, { name, note });
    return bar;
  }
}
