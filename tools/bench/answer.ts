/** Ends a measuring process: what it found as the only line of stdout, as JSON, or one line on stderr and exit code 1. */
export function answer(found: Promise<unknown>): Promise<void> {
  return found.then(
    (value) => void process.stdout.write(`${JSON.stringify(value)}\n`),
    (error: unknown) => {
      process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
      process.exitCode = 1;
    },
  );
}

/** The only argument of a measuring process, as JSON. */
export const task = <Task>(): Task => JSON.parse(process.argv[2] as string);
